//! Parts of a Linux kernel package: the bootable ELF inside a bzImage, and modules in load order.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The kernel's ELF image out of a bzImage. QEMU boots it by PVH, which skips the decompressor:
/// under emulation that saves two thirds of the boot.
///
/// Fields: Linux Documentation/arch/x86/boot.rst, `setup_sects`, `payload_offset`, `payload_length`.
pub fn vmlinux(bzimage: &[u8]) -> Result<Vec<u8>> {
    let field = |at: usize| -> Result<usize> {
        let bytes = bzimage
            .get(at..at + 4)
            .context("file is too short for a bzImage")?;
        Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
    };
    ensure!(
        bzimage.get(0x202..0x206) == Some(b"HdrS"),
        "not a bzImage: no HdrS signature at 0x202"
    );
    let sectors = match bzimage[0x1f1] {
        0 => 4,
        n => usize::from(n),
    };
    let start = (sectors + 1) * 512 + field(0x248)?;
    let payload = start
        .checked_add(field(0x24c)?)
        .and_then(|end| bzimage.get(start..end))
        .context("the bzImage's payload lies outside the file")?;
    let image = decompress(payload)?;
    ensure!(
        image.starts_with(b"\x7fELF"),
        "the kernel's payload is not an ELF image"
    );
    Ok(image)
}

/// Decompresses by looking at the first bytes. A kernel's payload has its size appended after
/// the compressed stream, so what follows the stream is ignored.
fn decompress(data: &[u8]) -> Result<Vec<u8>> {
    if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut out = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(data)
            .context("zstd header")?
            .read_to_end(&mut out)
            .context("zstd stream")?;
        Ok(out)
    } else if data.starts_with(b"\xfd7zXZ\0") {
        filter("xz", data)
    } else if data.starts_with(&[0x1f, 0x8b]) {
        filter("gzip", data)
    } else if data.starts_with(b"\x7fELF") {
        Ok(data.to_vec())
    } else {
        bail!(
            "unknown compression (starts with {:02x?})",
            &data[..data.len().min(6)]
        )
    }
}

/// Sends data through `program -dc`.
fn filter(program: &str, data: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new(program)
        .args(["-dc", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("could not start `{program}`; install it"))?;
    let mut input = child.stdin.take().context("no pipe")?;
    let mut out = Vec::new();
    std::thread::scope(|scope| {
        // A closed pipe is seen below as missing output.
        scope.spawn(move || input.write_all(data).ok());
        child
            .stdout
            .take()
            .context("no pipe")?
            .read_to_end(&mut out)
            .context("reading decompressed data")
    })?;
    child.wait()?;
    // Trailing bytes make the tools complain after they wrote everything; empty output is an error.
    ensure!(!out.is_empty(), "`{program}` could not decompress the data");
    Ok(out)
}

/// The modules of one kernel version, as unpacked from its package.
pub struct Modules {
    files: Vec<PathBuf>,
    builtin: BTreeSet<String>,
}

impl Modules {
    /// `dir` is `/usr/lib/modules/VERSION`.
    pub fn open(dir: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![dir.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)
                .with_context(|| format!("cannot read {}", folder.display()))?
            {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().contains(".ko") {
                    files.push(entry.path());
                }
            }
        }
        let builtin = fs::read_to_string(dir.join("modules.builtin"))
            .context("the kernel package has no modules.builtin")?
            .lines()
            .map(|line| module_name(Path::new(line)))
            .collect();
        Ok(Self { files, builtin })
    }

    /// Writes `wanted` and what they need, decompressed, to `dir`, and the order in which to load
    /// them, one file name a line, to `dir/order`. Modules built into the kernel are left out.
    pub fn extract(&self, wanted: &[&str], dir: &Path) -> Result<()> {
        fs::create_dir_all(dir)?;
        let mut order = Vec::new();
        for name in wanted {
            self.extract_one(&normal(name), dir, &mut order)?;
        }
        let list: String = order.iter().map(|name| format!("{name}.ko\n")).collect();
        fs::write(dir.join("order"), list)?;
        Ok(())
    }

    fn extract_one(&self, name: &str, dir: &Path, order: &mut Vec<String>) -> Result<()> {
        if self.builtin.contains(name) || order.iter().any(|done| done == name) {
            return Ok(());
        }
        let file = self
            .files
            .iter()
            .find(|file| module_name(file) == name)
            .with_context(|| format!("the kernel package has no module {name}"))?;
        let data = decompress(&fs::read(file)?)
            .with_context(|| format!("unpacking {}", file.display()))?;
        for needed in depends(&data) {
            self.extract_one(&needed, dir, order)?;
        }
        fs::write(dir.join(format!("{name}.ko")), &data)?;
        order.push(name.to_owned());
        Ok(())
    }
}

fn module_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    normal(file.split(".ko").next().unwrap_or_default())
}

/// Modules are named with `-` and `_` alike; the kernel treats them as one.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// The `depends=` line of a module's `.modinfo`: NUL-terminated `key=value` strings.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = &module[at + KEY.len()..];
    let value = &value[..value.iter().position(|&byte| byte == 0).unwrap_or(0)];
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(normal)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_are_read_from_modinfo() {
        assert_eq!(
            depends(b"xx\0license=GPL\0depends=vfio,vfio-pci-core\0x"),
            ["vfio", "vfio_pci_core"]
        );
        assert!(depends(b"\0depends=\0").is_empty());
        assert!(depends(b"none").is_empty());
    }

    #[test]
    fn damaged_images_are_errors() {
        assert!(vmlinux(b"").is_err());
        assert!(vmlinux(&[0; 4096]).is_err());
        let mut image = vec![0; 4096];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x24c..0x250].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(format!("{:#}", vmlinux(&image).unwrap_err()).contains("outside"));
    }

    #[test]
    fn payload_is_found_behind_the_setup_sectors() {
        let mut image = vec![0; 4096];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x1f1] = 2;
        image[0x248..0x24c].copy_from_slice(&16u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&8u32.to_le_bytes());
        image[3 * 512 + 16..3 * 512 + 24].copy_from_slice(b"\x7fELFabcd");
        assert_eq!(vmlinux(&image).unwrap(), b"\x7fELFabcd");
    }

    #[test]
    fn modules_come_in_load_order_without_builtins() {
        let dir = tempfile::tempdir().unwrap();
        let modules = dir.path().join("mod");
        fs::create_dir_all(modules.join("kernel/a")).unwrap();
        fs::write(modules.join("modules.builtin"), "kernel/x/inside.ko\n").unwrap();
        fs::write(
            modules.join("kernel/a/top-one.ko"),
            b"\x7fELF\0depends=low,inside\0",
        )
        .unwrap();
        fs::write(modules.join("kernel/a/low.ko"), b"\x7fELF\0depends=\0").unwrap();
        let out = dir.path().join("out");
        Modules::open(&modules)
            .unwrap()
            .extract(&["top-one", "inside"], &out)
            .unwrap();
        assert_eq!(
            fs::read_to_string(out.join("order")).unwrap(),
            "low.ko\ntop_one.ko\n"
        );
        assert!(out.join("top_one.ko").exists() && !out.join("inside.ko").exists());
    }
}
