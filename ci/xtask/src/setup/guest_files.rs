//! What a small Linux guest is made of: a kernel, modules, static busybox and, for a peer, programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt::{self, Apt};
use super::cache::Recipe;
use super::kernel::{Modules, vmlinux};
use crate::exec;
use crate::ui::Progress;

/// A kind of guest.
#[derive(Debug, Clone, Copy)]
pub struct Flavour {
    name: &'static str,
    /// Raised when the way of making it changes.
    revision: &'static str,
    kernel: &'static str,
    modules: &'static [&'static str],
    /// Packages (with their dependencies) that `programs` and `files` are taken from.
    packages: &'static [&'static str],
    /// Programs for the guest's /usr/bin, with the libraries that they need.
    programs: &'static [&'static str],
    /// Files that programs load by themselves, relative to the root.
    files: &'static [&'static str],
    /// Folders that are taken whole, but for what no program of a guest needs.
    trees: &'static [&'static str],
    /// Variable that names a folder to use instead.
    variable: &'static str,
}

/// A guest whose own programs drive an rnic through VFIO. The flavour of Debian's kernel without
/// drivers for real hardware is smaller and boots faster; intel-iommu is built in.
pub const VFIO: Flavour = Flavour {
    name: "guest",
    revision: "layout 3",
    kernel: "linux-image-cloud-amd64",
    modules: &[
        "irqbypass",
        "vfio",
        "vfio_iommu_type1",
        "vfio-pci-core",
        "vfio-pci",
    ],
    packages: &["pciutils"],
    programs: &["usr/bin/lspci"],
    files: &[],
    trees: &[],
    variable: "RNIC_GUEST",
};

/// A Linux RDMA peer: Soft-RoCE on an Ethernet card, and the usual RDMA programs.
pub const PEER: Flavour = Flavour {
    name: "peer",
    revision: "layout 2",
    kernel: "linux-image-amd64",
    modules: &[
        "virtio_pci",
        "virtio_net",
        "rdma_rxe",
        "rdma_ucm",
        "ib_uverbs",
        "ib_umad",
        "sch_netem",
    ],
    packages: &[
        "ibverbs-utils",
        "ibverbs-providers",
        "rdmacm-utils",
        "perftest",
        "iproute2",
    ],
    programs: &[
        "usr/bin/ibv_devinfo",
        "usr/bin/ibv_rc_pingpong",
        "usr/bin/rping",
        "usr/bin/ucmatose",
        "usr/bin/rdma_client",
        "usr/bin/rdma_server",
        "usr/bin/ib_send_lat",
        "usr/bin/ib_send_bw",
        "usr/bin/ib_read_bw",
        "usr/bin/ib_write_bw",
        "usr/bin/ip",
        "usr/bin/rdma",
        "usr/sbin/tc",
    ],
    files: &[
        "usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav*.so",
        "etc/libibverbs.d/rxe.driver",
        // glibc loads it when a thread is cancelled, as rping does at its end.
        "usr/lib/x86_64-linux-gnu/libgcc_s.so.1",
    ],
    trees: &[],
    variable: "RNIC_PEER",
};

/// The same with Python and its verbs, for tests that no packaged program runs.
pub const VERBS_PEER: Flavour = Flavour {
    name: "verbs-peer",
    packages: &[
        "ibverbs-utils",
        "ibverbs-providers",
        "rdmacm-utils",
        "perftest",
        "iproute2",
        "python3-pyverbs",
    ],
    trees: &[
        "usr/lib/python3.13",
        "usr/lib/python3/dist-packages/pyverbs",
    ],
    programs: &[
        "usr/bin/rping",
        "usr/bin/ucmatose",
        "usr/bin/rdma_client",
        "usr/bin/rdma_server",
        "usr/bin/ip",
        "usr/bin/rdma",
        "usr/sbin/tc",
        "usr/bin/python3.13",
    ],
    variable: "RNIC_VERBS_PEER",
    ..PEER
};

/// The same with a file server that speaks SMB Direct. Debian's kernels have none, so it needs the User Mode Linux one.
pub const SMB_PEER: Flavour = Flavour {
    name: "smb-peer",
    packages: &[
        "ibverbs-providers",
        "rdmacm-utils",
        "iproute2",
        "ksmbd-tools",
    ],
    programs: &[
        "usr/bin/rping",
        "usr/bin/ip",
        "usr/bin/rdma",
        "usr/sbin/tc",
        "usr/sbin/ksmbd.adduser",
        "usr/sbin/ksmbd.control",
        "usr/sbin/ksmbd.mountd",
    ],
    variable: "RNIC_SMB_PEER",
    ..PEER
};

/// Parts of a tree that are left out: Python's own tests, documentation, graphics and compiled copies.
const NOT_NEEDED: &[&str] = &[
    "__pycache__",
    "test",
    "idlelib",
    "tkinter",
    "ensurepip",
    "pydoc_data",
    "lib2to3",
    "turtledemo",
    "unittest",
    "distutils",
    "config-3.13-x86_64-linux-gnu",
];

/// The files of one flavour, all in one folder.
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
    /// Files to lay over the guest's root; may be absent.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }
    /// The kernel's version, as in `uname -r`.
    pub fn kernel_version(&self) -> String {
        fs::read_to_string(self.dir.join("kernel-version"))
            .map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
    }
}

const MUST_HAVE: &[&str] = &[
    "vmlinux",
    "busybox",
    "modules/order",
    "kernel-version",
    "packages.txt",
];

impl Flavour {
    fn with_recipe<T>(&self, use_it: impl FnOnce(&Recipe<'_>) -> T) -> T {
        let lists = [
            self.modules,
            self.packages,
            self.programs,
            self.files,
            self.trees,
        ]
        .map(|list| list.join(" "));
        let mut inputs = vec![self.revision, apt::RELEASE, apt::BACKPORTS, self.kernel];
        inputs.extend(lists.iter().map(String::as_str));
        use_it(&Recipe {
            name: self.name,
            inputs: &inputs,
            must_have: MUST_HAVE,
        })
    }

    fn given(&self) -> Option<PathBuf> {
        std::env::var_os(self.variable)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    }

    /// What is there now, without downloading.
    pub fn present(&self) -> Option<GuestFiles> {
        match self.given() {
            Some(dir) => dir.join("vmlinux").exists().then_some(GuestFiles { dir }),
            None => self
                .with_recipe(|recipe| recipe.is_made().then(|| GuestFiles { dir: recipe.path() })),
        }
    }

    /// Finds or makes them. A folder named by the variable is never replaced.
    pub fn ensure(&self) -> Result<GuestFiles> {
        if let Some(dir) = self.given() {
            for file in ["vmlinux", "busybox", "modules/order"] {
                anyhow::ensure!(
                    dir.join(file).exists(),
                    "{} is {} but it has no {file}",
                    self.variable,
                    dir.display()
                );
            }
            return Ok(GuestFiles { dir });
        }
        let dir = self.with_recipe(|recipe| recipe.get(|dir| self.make(dir)))?;
        Ok(GuestFiles { dir })
    }

    fn make(&self, dir: &Path) -> Result<()> {
        let work = tempfile::tempdir_in(dir.parent().unwrap_or(dir))?;
        let apt = Apt::new(work.path())?;
        // Only the kernel's own packages: what else it pulls in (udev, initramfs-tools, perl) is
        // for installing it, which nobody does here.
        let mut names = apt.family(self.kernel, "linux-")?;
        names.retain(|name| name != "linux-base");
        names.push("busybox-static".into());
        let mut packages = apt.only(&names)?;
        if !self.packages.is_empty() {
            packages = apt.with_dependencies(self.packages)?;
        }
        let root = work.path().join("root");
        apt::unpack(&packages, &root)?;
        apt::write_manifest(&packages, &dir.join("packages.txt"))?;

        let progress = Progress::start("extracting the kernel, its modules and programs");
        let version = extract_kernel(&root, self.modules, dir)?;
        fs::copy(root.join("usr/bin/busybox"), dir.join("busybox"))
            .context("busybox-static has no busybox")?;
        fs::set_permissions(dir.join("busybox"), fs::Permissions::from_mode(0o755))?;
        let mut files = Vec::new();
        for pattern in self.files {
            files.extend(matching(&root, pattern)?);
        }
        for tree in self.trees {
            walk(&root, Path::new(tree), &mut files)?;
        }
        extract_programs(&root, self.programs, files, &dir.join("root"))?;
        progress.finish(format!("Linux {version}"));
        Ok(())
    }
}

/// The kernel's image and modules out of an unpacked package; returns the version.
fn extract_kernel(root: &Path, modules: &[&str], dir: &Path) -> Result<String> {
    let versions: Vec<_> = fs::read_dir(root.join("usr/lib/modules"))
        .context("the kernel package has no modules")?
        .flatten()
        .filter(|entry| entry.path().join("modules.builtin").exists())
        .collect();
    let [version] = versions.as_slice() else {
        bail!(
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
    Modules::open(&version.path())?.extract(modules, &dir.join("modules"))?;
    fs::write(dir.join("kernel-version"), format!("{name}\n"))?;
    Ok(name)
}

/// Copies programs, what they load, and their libraries from an unpacked root to a small one.
pub fn extract_programs(
    from: &Path,
    programs: &[&str],
    loaded: Vec<PathBuf>,
    to: &Path,
) -> Result<()> {
    if programs.is_empty() {
        return Ok(());
    }
    const LOADER: &str = "usr/lib64/ld-linux-x86-64.so.2";
    let library_dir = from.join("usr/lib/x86_64-linux-gnu");
    let mut wanted: BTreeSet<PathBuf> = programs.iter().map(PathBuf::from).collect();
    wanted.extend(loaded);
    let mut files: BTreeSet<PathBuf> = wanted.clone();
    files.insert(LOADER.into());
    for file in &wanted {
        let path = from.join(file);
        if !fs::read(&path)
            .with_context(|| format!("no {} in the packages", file.display()))?
            .starts_with(b"\x7fELF")
        {
            continue;
        }
        // The packages' own loader says which libraries it would use; nothing of the program runs.
        let list = exec::output(
            Command::new(from.join(LOADER))
                .arg("--library-path")
                .arg(&library_dir)
                .arg("--list")
                .arg(&path),
        )
        .with_context(|| format!("libraries of {}", file.display()))?;
        for library in list.lines().filter_map(|line| line.split("=> ").nth(1)) {
            let library = library.split(" (").next().unwrap_or_default();
            if let Ok(inside) = Path::new(library).strip_prefix(from) {
                files.insert(inside.to_path_buf());
            }
        }
    }
    for file in &files {
        let target = to.join(file);
        fs::create_dir_all(target.parent().context("no folder")?)?;
        // `copy` follows links, so a library lies under the name that programs ask for.
        fs::copy(from.join(file), &target)
            .with_context(|| format!("no {} in the packages", file.display()))?;
    }
    Ok(())
}

/// The files of a folder and of those in it, but for [`NOT_NEEDED`].
pub fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(root.join(folder))
        .with_context(|| format!("no {} in the packages", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if NOT_NEEDED.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        // Links may lead out of the packages; what they name is there by its own name.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Files that match `folder/begin*end`, relative to `root`; the star may be missing.
fn matching(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let Some((begin, end)) = pattern.split_once('*') else {
        return Ok(vec![pattern.into()]);
    };
    let (folder, begin) = begin.rsplit_once('/').context("a pattern names a folder")?;
    let mut found: Vec<PathBuf> = fs::read_dir(root.join(folder))
        .with_context(|| format!("no {folder} in the packages"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(begin) && name.ends_with(end))
        .map(|name| Path::new(folder).join(name))
        .collect();
    found.sort();
    anyhow::ensure!(!found.is_empty(), "nothing like {pattern} in the packages");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_of_one_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/libx-v2.so"), "").unwrap();
        fs::write(dir.path().join("a/b/other"), "").unwrap();
        assert_eq!(
            matching(dir.path(), "a/b/libx-*.so").unwrap(),
            [PathBuf::from("a/b/libx-v2.so")]
        );
        assert_eq!(
            matching(dir.path(), "plain/file").unwrap(),
            [PathBuf::from("plain/file")]
        );
        assert!(matching(dir.path(), "a/b/none-*").is_err());
    }

    #[test]
    fn a_changed_list_is_another_bundle() {
        let other = Flavour {
            modules: &["vfio"],
            ..VFIO
        };
        let path = |flavour: Flavour| flavour.with_recipe(|recipe| recipe.path());
        assert_ne!(path(VFIO), path(other));
        assert_ne!(path(VFIO), path(PEER));
    }
}
