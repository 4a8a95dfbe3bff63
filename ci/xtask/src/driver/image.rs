//! Whether a linked driver is one that Windows would load.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, ImageThunkData, PeFile64};

/// Windows versions in `exports.tsv`, oldest first.
const WINDOWS: &[(&str, &str)] = &[
    ("Vista", "Windows Vista"),
    ("Seven", "Windows 7"),
    ("Eight", "Windows 8, Server 2012"),
    ("Ten2004", "Windows 10 version 2004, Server 2022"),
];

/// Checks the image; says in a few words what it is. `exports` is the table of known exports.
pub fn judge(image: &[u8], exports: &str) -> Result<String> {
    let file = PeFile64::parse(image).context("not a 64-bit Windows image")?;
    let header = file.nt_headers().optional_header();
    ensure!(
        header.subsystem() == pe::IMAGE_SUBSYSTEM_NATIVE,
        "subsystem {} is not NATIVE",
        header.subsystem()
    );
    let wanted = pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
        | pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT
        | pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA
        | pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF;
    let missing = wanted & !header.dll_characteristics();
    ensure!(missing == 0, "DLL characteristics {missing:#x} are missing");
    ensure!(header.check_sum() != 0, "the image has no checksum");
    let resources = file
        .data_directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE)
        .is_some_and(|directory| directory.size.get(LE) != 0);
    ensure!(resources, "the image has no version resource");
    for section in file.section_table().iter() {
        let flags = section.characteristics.get(LE);
        let both = pe::IMAGE_SCN_MEM_WRITE | pe::IMAGE_SCN_MEM_EXECUTE;
        ensure!(
            flags & both != both,
            "section {} is writable and executable",
            String::from_utf8_lossy(section.raw_name())
        );
    }
    let (imports, oldest) = imports(&file, exports)?;
    Ok(format!(
        "{} KiB, control flow guard, {imports} imports, all exported since {oldest}",
        image.len() / 1024
    ))
}

fn known(exports: &str) -> BTreeMap<(&str, &str), usize> {
    exports
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (image, name, since) = (fields.next()?, fields.next()?, fields.next()?);
            let rank = WINDOWS.iter().position(|(code, _)| *code == since)?;
            Some(((image, name), rank))
        })
        .collect()
}

/// Number of imports and the Windows that has them all; every one must be known.
fn imports(file: &PeFile64<'_>, exports: &str) -> Result<(usize, &'static str)> {
    let known = known(exports);
    let Some(table) = file.import_table()? else {
        bail!("the image imports nothing: it cannot be a driver");
    };
    let mut unknown = Vec::new();
    let (mut count, mut oldest) = (0, 0);
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let image = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
            ensure!(!thunk.is_ordinal(), "{image} is imported from by ordinal");
            let (_, name) = table.hint_name(thunk.address())?;
            let name = String::from_utf8_lossy(name).into_owned();
            match known.get(&(image.as_str(), name.as_str())) {
                Some(since) => oldest = oldest.max(*since),
                None => unknown.push(format!("{image}!{name}")),
            }
            count += 1;
        }
    }
    ensure!(
        unknown.is_empty(),
        "imports that no known kernel image exports: {}. If one is real, add it to ndis-sys/tests/exports.tsv",
        unknown.join(", ")
    );
    Ok((count, WINDOWS.get(oldest).map_or("?", |(_, name)| name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_driver_is_refused() {
        assert!(judge(b"MZ", "").is_err());
    }

    #[test]
    fn the_table_is_read_and_comments_are_not() {
        let table = "# x\ty\tVista\nndis.sys\tNdisMSleep\tEight\nndis.sys\tOdd\tNever\n";
        let known = known(table);
        assert_eq!(known.get(&("ndis.sys", "NdisMSleep")), Some(&2));
        assert_eq!(known.len(), 1);
    }
}
