//! Function and line of an address, from the PDB beside the image.

use std::fs::File;
use std::path::Path;

/// ` function file:line`, or nothing without a PDB. Reads the PDB anew: only reports ask.
pub fn name(image: &Path, offset: usize) -> Option<String> {
    let file = File::open(image.with_extension("pdb")).ok()?;
    let pdb = pdb_addr2line::pdb::PDB::open(file).ok()?;
    let data = pdb_addr2line::ContextPdbData::try_from_pdb(pdb).ok()?;
    let context = data.make_context().ok()?;
    let found = context.find_frames(u32::try_from(offset).ok()?).ok()??;
    let mut text = String::new();
    for frame in found.frames {
        let function = frame.function.unwrap_or_else(|| "?".into());
        let file = frame.file.unwrap_or_default();
        let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
        if !text.is_empty() {
            text += " < ";
        }
        text += &format!("{function} {file}:{}", frame.line.unwrap_or(0));
    }
    Some(text)
}
