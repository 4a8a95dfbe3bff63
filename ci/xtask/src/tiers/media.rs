//! `ci/windows/run.sh`, as far as it goes without Windows: what it says of wrong arguments and missing tools (unit tests), and
//! both guests started, with nothing to boot from, and with an install medium that a stand-in for Windows' boot loader is on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::counts::Counts;
use crate::setup::media_tools::{self, MediaTools};
use crate::setup::qemu;
use crate::{driver, exec, workspace};

/// A test's name, and the test.
type Check = (&'static str, fn(&Place) -> Result<()>);

const CHECKS: [Check; 2] = [
    (
        "run.sh starts two guests with rnic and their drives",
        starts,
    ),
    (
        "run.sh boots the install medium, presses the key, finds rnic",
        boots,
    ),
];

fn script() -> PathBuf {
    workspace::root().join("ci/windows/run.sh")
}

/// What the script needs, and a folder for what it makes.
struct Place {
    tools: MediaTools,
    qemu: PathBuf,
    rnic: PathBuf,
    folder: tempfile::TempDir,
}

/// Runs all; one test each.
pub fn run() -> Result<Counts> {
    let place = Place {
        tools: media_tools::ensure()?,
        qemu: qemu::ensure()?.program,
        rnic: exec::build_here("rnic", "rnic", false)?,
        folder: tempfile::Builder::new().prefix("rnic-media-").tempdir()?,
    };
    package(&place.folder.path().join("package"))?;
    let mut counts = Counts::default();
    for (name, check) in CHECKS {
        match check(&place) {
            Ok(()) => {
                println!("media: {name} ... ok");
                counts.passed += 1;
            }
            Err(error) => {
                println!("media: {name} ... FAILED\n{error:#}");
                counts.fail(format!("media: {name}"));
            }
        }
    }
    Ok(counts)
}

/// Files by the names of a signed package's; nothing looks into them here.
fn package(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in ["rnic.sys", "rnic.inf", "rnic.cat", "test.cer"] {
        fs::write(folder.join(name), name)?;
    }
    Ok(())
}

impl Place {
    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// A command that finds private copies of tools, if there are.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        if let Some(folder) = &self.tools.folder {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let all = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(all)?);
        }
        Ok(command)
    }

    /// The script, with guests that are emulated. Whether it ended well, and what it said.
    fn run(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let out = self
            .command("bash")?
            .arg(script())
            .args(["--accel", "tcg", "--out"])
            .arg(self.out())
            .args(arguments)
            .env("QEMU", &self.qemu)
            .env("RNIC", &self.rnic)
            .env("RNIC_PACKAGE", self.folder.path().join("package"))
            .env("OVMF", &self.tools.firmware.0)
            .env("OVMF_VARS", &self.tools.firmware.1)
            .output()
            .context("bash could not be started")?;
        let words = [out.stdout, out.stderr].concat();
        Ok((
            out.status.success(),
            String::from_utf8_lossy(&words).into_owned(),
        ))
    }
}

fn starts(place: &Place) -> Result<()> {
    let (well, words) = place.run(&["--check"])?;
    ensure!(
        well && words.contains("this machine is ready"),
        "run.sh --check says:\n{words}"
    );
    for n in [1, 2] {
        let line = format!("guest {n}: rnic and its drives are there");
        ensure!(words.contains(&line), "no `{line}`:\n{words}");
    }
    Ok(())
}

/// A CD image that UEFI boots: an El Torito entry that is a FAT image with the program where it looks for one.
fn install_medium(place: &Place, program: &Path) -> Result<PathBuf> {
    let folder = place.folder.path().join("medium");
    fs::create_dir_all(&folder)?;
    let fat = folder.join("efi.img");
    let tool = |name: &str, arguments: &[&str]| -> Result<()> {
        let mut command = place.command(name)?;
        command.arg("-i").arg(&fat).args(arguments);
        exec::output(&mut command).map(drop)
    };
    tool("mformat", &["-C", "-f", "2880", "::"])?;
    tool("mmd", &["::/EFI", "::/EFI/BOOT"])?;
    let program = program.display().to_string();
    tool("mcopy", &[&program, "::/EFI/BOOT/BOOTX64.EFI"])?;
    let image = place.folder.path().join("install.iso");
    let mut command = place.command("xorriso")?;
    command
        .args(["-as", "mkisofs", "-quiet", "-V", "INSTALL", "-o"])
        .arg(&image)
        .args(["-e", "efi.img", "-no-emul-boot"])
        .arg(&folder);
    exec::output(&mut command)?;
    Ok(image)
}

/// The guests leave a verdict on their disks, and switch off: the script has to find it there.
fn boots(place: &Place) -> Result<()> {
    let program = driver::build_stand_in(&workspace::target().join("driver"))?;
    let image = install_medium(place, &program)?.display().to_string();
    let arguments = ["--iso", &image, "--image", "A & B", "--hours", "1"];
    let (well, words) = place.run(&arguments)?;
    for n in [1, 2] {
        let serial = place.out().join(format!("serial{n}.log"));
        let serial = String::from_utf8_lossy(&fs::read(&serial)?).into_owned();
        // MAGIC_VALUE of the specification, read through the BAR.
        let magic = format!("magic {:016x}", 0x4349_4E52_u64);
        for text in ["a key was pressed", "rnic, registers at", &magic] {
            ensure!(
                serial.contains(text),
                "guest {n} did not say `{text}`:\n{serial}\nrun.sh says:\n{words}"
            );
        }
        let verdict = place.out().join(format!("guest{n}/verdict.txt"));
        let verdict = fs::read_to_string(&verdict)
            .with_context(|| format!("guest {n} left nothing:\n{serial}\nrun.sh says:\n{words}"))?;
        ensure!(verdict.starts_with("PASSED"), "guest {n} left: {verdict}");
    }
    ensure!(
        well && words.contains("SMB Direct copy: PASSED"),
        "run.sh says:\n{words}"
    );
    answers(place)
}

/// What the first guest's CD has: the answers filled in, and its address.
fn answers(place: &Place) -> Result<()> {
    let to = place.folder.path().join("cd");
    let mut command = place.command("xorriso")?;
    command
        .args(["-osirrox", "on", "-indev"])
        .arg(place.out().join("rnic1.iso"))
        .args(["-extract", "/"])
        .arg(&to);
    exec::output(&mut command)?;
    let read = |name: &str| {
        fs::read_to_string(to.join(name)).with_context(|| format!("no {name} on the CD"))
    };
    for name in ["autounattend.xml", "unattend.xml"] {
        let text = read(name)?;
        for filled in ["<Value>A &amp; B</Value>", "<ComputerName>RNIC1<"] {
            ensure!(text.contains(filled), "{name} has no `{filled}`");
        }
        ensure!(!text.contains('@'), "{name} has something left to fill in");
    }
    ensure!(read("address.txt")? == "192.168.77.1\n", "another address");
    for name in [
        "setup.ps1",
        "doctor.ps1",
        "smbdirect.ps1",
        "collect.ps1",
        "causes.json",
    ] {
        read(name)?;
    }
    ensure!(read("package/rnic.inf")? == "rnic.inf", "another package");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Programs of any Linux that the script calls before it needs anything else.
    const BASIC: &[&str] = &[
        "bash", "cat", "cp", "dd", "dirname", "grep", "head", "id", "mkdir", "mktemp", "rm", "sed",
        "tail",
    ];

    /// Runs the script where only these programs are, and others that do nothing.
    fn run(arguments: &[&str], others: &[(&str, &str)], more: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        for name in BASIC {
            symlink(exec::find(name).unwrap(), programs.join(name)).unwrap();
        }
        for (name, text) in others {
            let path = programs.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let signed = folder.path().join("package");
        package(&signed).unwrap();
        let out = folder.path().join("out");
        let mut command = Command::new(exec::find("bash").unwrap());
        command
            .arg(script())
            .args(arguments)
            .args(["--out", out.to_str().unwrap()])
            .env_clear()
            .env("PATH", &programs)
            .env("RNIC_PACKAGE", &signed);
        for (name, value) in more {
            command.env(name, value);
        }
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{arguments:?} went well");
        String::from_utf8(output.stderr).unwrap()
    }

    /// QEMU as far as the script asks before it starts it.
    const QEMU: (&str, &str) = ("qemu-system-x86_64", "echo QEMU emulator version 11.1.3");
    const XORRISO: (&str, &str) = ("xorriso", "");
    const MTOOLS: [(&str, &str); 2] = [("mcopy", ""), ("mformat", "")];

    fn says(words: &str, parts: &[&str]) {
        for part in parts {
            assert!(words.contains(part), "no `{part}` in: {words}");
        }
        // One message for people, and no complaint of the shell's own.
        assert_eq!(words.matches("run.sh: ").count(), 1, "{words}");
        assert!(!words.contains("line "), "{words}");
    }

    #[test]
    fn wrong_arguments_are_told() {
        for (arguments, parts) in [
            (&[][..], &["give --iso or --vhdx", "media of your own"][..]),
            (&["--isso", "x"], &["unknown argument --isso"]),
            (&["--iso"], &["--iso wants a value"]),
            (&["--iso", "--vhdx"], &["--iso wants a value"]),
            (&["--iso", "/none.iso"], &["no ISO at /none.iso"]),
            (&["--vhdx", "/none.vhdx"], &["no VHDX at /none.vhdx"]),
            (&["--iso", "a", "--vhdx", "b"], &["exclude each other"]),
            (&["--check", "--prepare"], &["exclude each other"]),
            (&["--check", "--hours", "soon"], &["whole number, not soon"]),
        ] {
            says(&run(arguments, &[], &[]), parts);
        }
    }

    #[test]
    fn what_is_no_medium_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![0; 40_000]).unwrap();
        let path = file.path().to_str().unwrap();
        says(&run(&["--iso", path], &[], &[]), &["no CD or DVD image"]);
        says(
            &run(&["--vhdx", path], &[], &[]),
            &["no VHDX", "qemu-img convert"],
        );
    }

    #[test]
    fn what_is_missing_is_told_with_where_to_get_it() {
        let check = &["--check"][..];
        says(&run(check, &[], &[]), &["apt install xorriso"]);
        let package = [("RNIC_PACKAGE", "/none")];
        says(
            &run(check, &[XORRISO], &package),
            &["no rnic.cat", "cargo xtask driver"],
        );
        says(
            &run(check, &[XORRISO], &[]),
            &["apt install qemu-system-x86"],
        );
        let old = (
            QEMU.0,
            "[ \"$1\" != -device ] && echo QEMU emulator version 9.2.0",
        );
        says(
            &run(check, &[XORRISO, old], &[]),
            &["QEMU 9.2", "10.1 is the first"],
        );
        says(&run(check, &[XORRISO, QEMU], &[]), &["apt install mtools"]);
        let all = [XORRISO, QEMU, MTOOLS[0], MTOOLS[1]];
        let tcg = &["--check", "--accel", "tcg"][..];
        let none = [("OVMF", "/none.fd"), ("OVMF_VARS", "/none")];
        says(
            &run(tcg, &all, &none),
            &["no UEFI firmware at '/none.fd'", "apt install ovmf"],
        );
        let no_rnic = [
            ("OVMF", "/bin/sh"),
            ("OVMF_VARS", "/bin/sh"),
            ("RNIC", "/none"),
        ];
        says(&run(tcg, &all, &no_rnic), &["RNIC is /none"]);
    }

    #[test]
    fn without_kvm_it_says_what_to_do() {
        let all = [XORRISO, QEMU, MTOOLS[0], MTOOLS[1]];
        if Path::new("/dev/kvm").exists() {
            // It may be ours to use here: then the next thing that is missing is told.
            let words = run(
                &["--check"],
                &all,
                &[("OVMF", "/none"), ("OVMF_VARS", "/none")],
            );
            assert!(
                words.contains("usermod") || words.contains("ovmf"),
                "{words}"
            );
        } else {
            says(
                &run(&["--check"], &all, &[]),
                &["no /dev/kvm", "virtualization"],
            );
        }
    }

    #[test]
    fn a_package_without_a_signature_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rnic.cat"), "").unwrap();
        let unsigned = [("RNIC_PACKAGE", folder.path().to_str().unwrap())];
        let words = run(&["--prepare"], &[XORRISO], &unsigned);
        says(&words, &["is not signed", "osslsigncode"]);
    }

    #[test]
    fn the_help_names_every_option() {
        let text = fs::read_to_string(script()).unwrap();
        let help = exec::output(Command::new("bash").arg(script()).arg("--help")).unwrap();
        let options = "--iso --vhdx --image --key --out --hours --accel --check --prepare";
        for option in options.split(' ') {
            assert!(help.contains(option) && text.contains(option), "{option}");
        }
    }
}
