//! What a small Linux guest is made of: a kernel, static busybox and the modules for VFIO.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt::{self, Apt};
use super::cache::Recipe;
use super::kernel::{Modules, vmlinux};
use crate::ui::Progress;

/// The flavour without drivers for real hardware: smaller and boots faster.
const KERNEL: &str = "linux-image-cloud-amd64";

/// Userspace drivers need these; intel-iommu is built in.
const MODULES: [&str; 5] = [
    "irqbypass",
    "vfio",
    "vfio_iommu_type1",
    "vfio-pci-core",
    "vfio-pci",
];

/// The files, all in one folder.
#[derive(Debug, Clone)]
pub struct GuestFiles {
    dir: PathBuf,
}

impl GuestFiles {
    /// ELF kernel with a PVH entry.
    pub fn vmlinux(&self) -> PathBuf {
        self.dir.join("vmlinux")
    }
    /// Statically linked busybox.
    pub fn busybox(&self) -> PathBuf {
        self.dir.join("busybox")
    }
    /// Kernel modules and the file `order`.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("modules")
    }
    /// The kernel's version, as in `uname -r`.
    pub fn kernel_version(&self) -> String {
        fs::read_to_string(self.dir.join("kernel-version"))
            .map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
    }
}

fn recipe() -> Recipe<'static> {
    Recipe {
        name: "guest",
        inputs: &[
            "layout 1",
            apt::RELEASE,
            apt::BACKPORTS,
            KERNEL,
            "irqbypass vfio type1 pci-core pci",
        ],
        must_have: &[
            "vmlinux",
            "busybox",
            "modules/order",
            "kernel-version",
            "packages.txt",
        ],
    }
}

fn given() -> Option<PathBuf> {
    std::env::var_os("RNIC_GUEST")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from)
}

/// What is there now, without downloading.
pub fn present() -> Option<GuestFiles> {
    match given() {
        Some(dir) => dir.join("vmlinux").exists().then_some(GuestFiles { dir }),
        None => recipe().is_made().then(|| GuestFiles {
            dir: recipe().path(),
        }),
    }
}

/// Finds or makes them. `$RNIC_GUEST` names a folder of one's own and is then not replaced.
pub fn ensure() -> Result<GuestFiles> {
    if let Some(dir) = given() {
        for file in ["vmlinux", "busybox", "modules/order"] {
            anyhow::ensure!(
                dir.join(file).exists(),
                "RNIC_GUEST is {} but it has no {file}",
                dir.display()
            );
        }
        return Ok(GuestFiles { dir });
    }
    let dir = recipe().get(|dir| {
        let work = tempfile::tempdir_in(dir.parent().unwrap_or(dir))?;
        let apt = Apt::new(work.path())?;
        // Only the kernel's own packages: what else it pulls in (udev, initramfs-tools, perl) is
        // for installing it, which nobody does here.
        let mut names = apt.family(KERNEL, "linux-")?;
        names.retain(|name| name != "linux-base");
        names.push("busybox-static".into());
        let packages = apt.only(&names)?;
        let root = work.path().join("root");
        apt::unpack(&packages, &root)?;
        apt::write_manifest(&packages, &dir.join("packages.txt"))?;

        let progress = Progress::start("extracting the kernel and its modules");
        let versions: Vec<_> = fs::read_dir(root.join("usr/lib/modules"))
            .context("the kernel package has no modules")?
            .flatten()
            .filter(|entry| entry.path().join("modules.builtin").exists())
            .collect();
        let [version] = versions.as_slice() else {
            anyhow::bail!(
                "expected one kernel in the packages, found {}",
                versions.len()
            )
        };
        let name = version.file_name().to_string_lossy().into_owned();
        // Debian moved the image from /boot to the modules' folder with Linux 7.
        let image = [
            version.path().join("vmlinuz"),
            root.join(format!("boot/vmlinuz-{name}")),
        ]
        .into_iter()
        .find(|path| path.exists())
        .context("the kernel package has no vmlinuz")?;
        fs::write(dir.join("vmlinux"), vmlinux(&fs::read(&image)?)?)?;
        Modules::open(&version.path())?.extract(&MODULES, &dir.join("modules"))?;
        fs::write(dir.join("kernel-version"), format!("{name}\n"))?;
        fs::copy(root.join("usr/bin/busybox"), dir.join("busybox"))
            .context("busybox-static has no busybox")?;
        fs::set_permissions(dir.join("busybox"), fs::Permissions::from_mode(0o755))?;
        progress.finish(format!("Linux {name}"));
        Ok(())
    })?;
    Ok(GuestFiles { dir })
}
