//! A PE32+ driver image in memory: mapped away from its preferred base, relocated, bound, protected.
//!
//! `unsafe` is mapping, copying into the mapping and protecting it.

pub mod symbols;
pub mod unwind;

use std::fmt;
use std::path::{Path, PathBuf};

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, Import, PeFile64};

const PAGE: usize = 4096;
/// Largest image that is mapped: a driver is far smaller.
const MAX_IMAGE: usize = 64 << 20;

/// Why an image cannot be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read or mapped.
    Os(PathBuf, std::io::Error),
    /// The file is no kernel driver that Windows would load.
    Format(String),
    /// Imports that this host does not have, as `image!name`.
    Unresolved(Vec<String>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Format(what) => write!(f, "not a loadable driver: {what}"),
            Self::Unresolved(names) => write!(
                f,
                "{} unresolved import(s): {}; nt-host's export tables lack them",
                names.len(),
                names.join(", ")
            ),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<object::Error> for LoadError {
    fn from(error: object::Error) -> Self {
        Self::Format(error.to_string())
    }
}

fn format<T>(what: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError::Format(what.into()))
}

/// A section as mapped.
#[derive(Debug)]
pub struct Section {
    /// Name without padding.
    pub name: String,
    /// Address of its first byte.
    pub start: usize,
    /// Bytes.
    pub len: usize,
    /// `IMAGE_SCN_*`.
    pub flags: u32,
}

impl Section {
    /// Whether Windows may page it out: its name begins with PAGE.
    pub fn is_paged(&self) -> bool {
        self.name.starts_with("PAGE")
    }

    /// Whether Windows drops it after DriverEntry.
    pub fn is_discardable(&self) -> bool {
        self.flags & pe::IMAGE_SCN_MEM_DISCARDABLE != 0 && !self.name.starts_with(".reloc")
    }

    fn contains(&self, address: usize) -> bool {
        (self.start..self.start + self.len).contains(&address)
    }
}

/// A mapped driver.
#[derive(Debug)]
pub struct Image {
    /// File name, for reports.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Address of its headers.
    pub base: usize,
    /// Bytes mapped.
    pub size: usize,
    /// Address of DriverEntry.
    pub entry: usize,
    /// Its sections.
    pub sections: Vec<Section>,
    /// Relocations applied and imports bound.
    pub counts: (usize, usize),
    /// Whether the image says GUARD_CF and has a function table.
    pub control_flow_guard: bool,
    /// The file, which unwinding reads.
    pub file: Vec<u8>,
}

impl Image {
    /// Maps a file. `resolve` gives the address for an import.
    pub fn load(
        path: &Path,
        resolve: &dyn Fn(&str, &str) -> Option<usize>,
    ) -> Result<Self, LoadError> {
        let file = std::fs::read(path).map_err(|error| LoadError::Os(path.into(), error))?;
        let image = PeFile64::parse(&*file)?;
        let nt = image.nt_headers();
        let optional = nt.optional_header();
        if nt.file_header().machine.get(LE) != pe::IMAGE_FILE_MACHINE_AMD64 {
            return format("the machine is not AMD64");
        }
        if optional.subsystem() != pe::IMAGE_SUBSYSTEM_NATIVE {
            return format("the subsystem is not native");
        }
        let wanted = pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
            | pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT
            | pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA;
        if optional.dll_characteristics() & wanted != wanted {
            return format("it lacks DYNAMICBASE, NXCOMPAT or HIGHENTROPYVA");
        }
        check_sum(&file, optional.check_sum())?;
        let size = optional.size_of_image() as usize;
        let headers = optional.size_of_headers() as usize;
        if size > MAX_IMAGE || headers > size || headers > file.len() {
            return format("its sizes make no sense");
        }
        let mut memory = Memory::reserve(size).map_err(|e| LoadError::Os(path.into(), e))?;
        let base = memory.base;
        let bytes = memory.bytes();
        bytes[..headers].copy_from_slice(&file[..headers]);
        let mut sections = Vec::new();
        for section in image.section_table().iter() {
            let at = section.virtual_address.get(LE) as usize;
            let len = section.virtual_size.get(LE) as usize;
            let data = section.pe_data(&*file)?;
            let data = &data[..data.len().min(len)];
            let Some(target) = bytes.get_mut(at..at + data.len()) else {
                return format("a section lies outside the image");
            };
            target.copy_from_slice(data);
            let name = section.raw_name();
            sections.push(Section {
                name: String::from_utf8_lossy(name).into_owned(),
                start: base + at,
                len,
                flags: section.characteristics.get(LE),
            });
        }
        let relocations = relocate(&image, &file, bytes, base)?;
        let imports = bind(&image, bytes, resolve)?;
        let control_flow_guard =
            optional.dll_characteristics() & pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF != 0
                && image
                    .data_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG)
                    .is_some();
        for section in &sections {
            let protection = protection(section)?;
            memory
                .protect(section.start - base, section.len, protection)
                .map_err(|error| LoadError::Os(path.into(), error))?;
        }
        let entry = base + optional.address_of_entry_point() as usize;
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        std::mem::forget(memory);
        Ok(Self {
            name,
            path: path.into(),
            base,
            size,
            entry,
            sections,
            counts: (relocations, imports),
            control_flow_guard,
            file,
        })
    }

    /// What Windows does after DriverEntry: discardable sections go away.
    pub fn discard_init(&self) {
        for section in self.sections.iter().filter(|s| s.is_discardable()) {
            protect(section.start, section.len, libc::PROT_NONE);
        }
    }

    /// Takes all pages away. The address range stays taken, so that a late call faults and is known.
    pub fn retire(&self) {
        protect(self.base, self.size, libc::PROT_NONE);
    }

    /// Whether an address lies inside.
    pub fn contains(&self, address: usize) -> bool {
        (self.base..self.base + self.size).contains(&address)
    }

    /// The section of an address.
    pub fn section_of(&self, address: usize) -> Option<&Section> {
        self.sections.iter().find(|s| s.contains(address))
    }

    /// `rnic.sys+0x1234 (.text)`, with function and line if there is a PDB.
    pub fn describe(&self, address: usize) -> String {
        let section = self.section_of(address).map_or("headers", |s| &s.name);
        let offset = address - self.base;
        let symbol = symbols::name(&self.path, offset).unwrap_or_default();
        format!("{}+{offset:#x} ({section}) {symbol}", self.name)
    }
}

/// The file's checksum (PE format, "CheckSum"): words added with carry, the field itself left out, plus the length.
fn check_sum(file: &[u8], expected: u32) -> Result<(), LoadError> {
    let header = file.get(0x3C..0x40).and_then(|b| b.try_into().ok());
    let header = header.map_or(0, |b| u32::from_le_bytes(b) as usize);
    // Signature 4, file header 20, 64 bytes into the optional header.
    let field = header + 4 + 20 + 64;
    let mut sum = 0_u32;
    for (index, word) in file.chunks(2).enumerate() {
        if index * 2 == field || index * 2 == field + 2 {
            continue;
        }
        let word = u32::from(word[0]) | word.get(1).map_or(0, |high| u32::from(*high) << 8);
        sum += word;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let sum = (sum & 0xFFFF) + (sum >> 16) + file.len() as u32;
    if sum != expected {
        return format(format!(
            "its checksum is {expected:#x}, the file's is {sum:#x}; link with /RELEASE"
        ));
    }
    Ok(())
}

fn relocate(
    image: &PeFile64<'_>,
    file: &[u8],
    bytes: &mut [u8],
    base: usize,
) -> Result<usize, LoadError> {
    let delta = (base as u64).wrapping_sub(image.nt_headers().optional_header().image_base());
    let directories = image.data_directories();
    let Some(mut blocks) = directories.relocation_blocks(file, &image.section_table())? else {
        return Ok(0);
    };
    let mut count = 0;
    while let Some(block) = blocks.next()? {
        for relocation in block {
            match relocation.typ {
                pe::IMAGE_REL_BASED_ABSOLUTE => {}
                pe::IMAGE_REL_BASED_DIR64 => {
                    let at = relocation.virtual_address as usize;
                    let Some(place) = bytes.get_mut(at..at + 8) else {
                        return format("a relocation lies outside the image");
                    };
                    let mut value = [0; 8];
                    value.copy_from_slice(place);
                    let value = u64::from_le_bytes(value).wrapping_add(delta);
                    place.copy_from_slice(&value.to_le_bytes());
                    count += 1;
                }
                other => return format(format!("relocation type {other}")),
            }
        }
    }
    Ok(count)
}

fn bind(
    image: &PeFile64<'_>,
    bytes: &mut [u8],
    resolve: &dyn Fn(&str, &str) -> Option<usize>,
) -> Result<usize, LoadError> {
    let Some(table) = image.import_table()? else {
        return Ok(0);
    };
    let mut missing = Vec::new();
    let mut count = 0;
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let from = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        let mut slot = descriptor.first_thunk.get(LE) as usize;
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
            let name = match table.import::<pe::ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
                Import::Ordinal(ordinal) => format!("#{ordinal}"),
            };
            match (resolve(&from, &name), bytes.get_mut(slot..slot + 8)) {
                (_, None) => return format("an import slot lies outside the image"),
                (None, _) => missing.push(format!("{from}!{name}")),
                (Some(address), Some(place)) => {
                    place.copy_from_slice(&(address as u64).to_le_bytes());
                }
            }
            count += 1;
            slot += 8;
        }
    }
    if missing.is_empty() {
        Ok(count)
    } else {
        Err(LoadError::Unresolved(missing))
    }
}

fn protection(section: &Section) -> Result<i32, LoadError> {
    let write = section.flags & pe::IMAGE_SCN_MEM_WRITE != 0;
    let execute = section.flags & pe::IMAGE_SCN_MEM_EXECUTE != 0;
    if write && execute {
        return format(format!(
            "section {} is writable and executable",
            section.name
        ));
    }
    let mut protection = libc::PROT_READ;
    if write {
        protection |= libc::PROT_WRITE;
    }
    if execute {
        protection |= libc::PROT_EXEC;
    }
    Ok(protection)
}

fn protect(start: usize, len: usize, protection: i32) {
    let len = len.next_multiple_of(PAGE);
    // SAFETY: only ever called on pages of an image that `Memory` mapped; the driver's code is not running when pages
    // are taken away, or breaks a rule that the fault then shows.
    unsafe { libc::mprotect(start as *mut libc::c_void, len, protection) };
}

/// An image under construction; unmapped if that fails.
struct Memory {
    base: usize,
    size: usize,
}

impl Memory {
    fn reserve(size: usize) -> std::io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Self {
            base: base as usize,
            size,
        })
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped for reading and writing, this size, by `reserve`; nobody else knows it yet.
        unsafe { std::slice::from_raw_parts_mut(self.base as *mut u8, self.size) }
    }

    fn protect(&self, at: usize, len: usize, protection: i32) -> std::io::Result<()> {
        protect(self.base + at, len, protection);
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: exactly what `reserve` mapped.
        unsafe { libc::munmap(self.base as *mut libc::c_void, self.size) };
    }
}
