//! A cpio archive in the "newc" format, which the kernel unpacks as its first root file system.
//! Format: Linux Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Result, ensure};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive being written.
pub struct Cpio<W: Write> {
    out: W,
    inode: u32,
    folders: BTreeSet<String>,
}

impl<W: Write> Cpio<W> {
    /// Starts an archive.
    pub fn new(out: W) -> Self {
        Self {
            out,
            inode: 0,
            folders: BTreeSet::new(),
        }
    }

    /// Adds a file and the folders above it. Paths are absolute, `mode` is the permission bits.
    pub fn file(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.parents(path)?;
        self.entry(path, FILE | mode, (0, 0), data)
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, to: &str) -> Result<()> {
        self.parents(path)?;
        self.entry(path, SYMLINK, (0, 0), to.as_bytes())
    }

    /// Adds a character device.
    pub fn device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.parents(path)?;
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[])
    }

    /// Writes the end mark and gives the writer back.
    pub fn finish(mut self) -> Result<W> {
        self.inode = 0;
        self.entry("/TRAILER!!!", 0, (0, 0), &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn parents(&mut self, path: &str) -> Result<()> {
        ensure!(
            path.starts_with('/') && !path.ends_with('/'),
            "a path in the archive must be absolute: {path}"
        );
        for (at, _) in path.match_indices('/').skip(1) {
            let folder = &path[..at];
            if self.folders.insert(folder.to_owned()) {
                self.entry(folder, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        (major, minor): (u32, u32),
        data: &[u8],
    ) -> Result<()> {
        let name = path.trim_start_matches('/');
        self.inode += 1;
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        let fields = [
            self.inode,
            mode,
            0, // uid
            0, // gid
            links,
            0, // mtime: the same input gives the same archive
            u32::try_from(data.len())?,
            0, // major, minor of the file system
            0,
            major,
            minor,
            u32::try_from(name.len() + 1)?,
            0, // checksum, unused in this variant
        ];
        let mut header = String::from("070701");
        for field in fields {
            header += &format!("{field:08x}");
        }
        header += name;
        header.push('\0');
        self.padded(header.as_bytes())?;
        self.padded(data)
    }

    /// Header with name, and data, are each padded to four bytes; every part starts aligned.
    fn padded(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes)?;
        self.out
            .write_all(&[0; 3][..bytes.len().wrapping_neg() % 4])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_of_one_file() {
        let mut cpio = Cpio::new(Vec::new());
        cpio.file("/a/b", 0o755, b"hello").unwrap();
        let out = cpio.finish().unwrap();
        assert_eq!(out.len() % 4, 0);
        // Folder "a": 110 bytes of header, "a\0" makes 112.
        assert_eq!(&out[..6], b"070701");
        assert_eq!(&out[14..22], b"000041ed");
        assert_eq!(&out[110..112], b"a\0");
        // File "a/b": 114 bytes, padded to 116; the data follows.
        let file = &out[112..];
        assert_eq!(&file[14..22], b"000081ed");
        assert_eq!(&file[54..62], b"00000005");
        assert_eq!(&file[110..114], b"a/b\0");
        assert_eq!(&file[116..124], b"hello\0\0\0");
        assert!(String::from_utf8_lossy(&out).contains("TRAILER!!!"));
    }

    #[test]
    fn folders_are_written_once_and_paths_are_absolute() {
        let mut cpio = Cpio::new(Vec::new());
        cpio.file("/d/x", 0o644, b"").unwrap();
        cpio.symlink("/d/y", "x").unwrap();
        cpio.device("/d/z", 5, 1).unwrap();
        assert!(cpio.file("rel", 0o644, b"").is_err());
        let text = String::from_utf8_lossy(&cpio.finish().unwrap()).into_owned();
        assert_eq!(text.matches("000041ed").count(), 1);
    }
}
