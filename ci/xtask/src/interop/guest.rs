//! `rnic peer` inside a guest of QEMU, where rnic is a PCI Express function behind an IOMMU and driven through VFIO; the wire is
//! the daemon's, outside.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::bench::{Bench, Case, silence};
use crate::guest::{Guest, Running, program};
use crate::tiers::device::pci_ids;
use crate::workspace;

/// Longest life of the guest.
const LIFE: Duration = Duration::from_secs(1200);
/// Pages of 2 MiB: the tool's DMA memory is 64 MiB, and all of it is mapped.
const PAGES: u32 = 36;
/// Longest that a program may take; instructions are emulated in the guest.
const LIMIT: &str = "timeout 200";

/// A guest with the bench's device.
pub struct Inside {
    guest: Running,
    /// PCI address of the function.
    address: String,
}

/// What is done: its name, and how.
pub type Act = (
    &'static str,
    fn(&mut Inside, &mut Bench, Case) -> Result<()>,
);

/// All of it.
pub const ACTS: &[Act] = &[
    ("rping client of Linux", rping_client),
    ("rping server of Linux", rping_server),
    ("verbs of Linux on a target", verbs),
];

impl Inside {
    /// Boots it and gives the function to vfio-pci.
    pub fn start(bench: &Bench) -> Result<Self> {
        let (vendor, device) =
            pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml"))?;
        let rnic = program::build_static("rnic", "rnic")?;
        let mut guest = Guest::commanded("interop-guest")
            .memory_mib(768)
            .hugepages(PAGES)
            .device(bench.device()?)
            .file(rnic, "/rnic/bin/rnic")
            .timeout(LIFE)
            .start()?;
        guest.ready()?;
        let mut inside = Self {
            guest,
            address: String::new(),
        };
        let found = inside.run(&format!("pci_find {vendor:04x} {device:04x}"))?;
        inside.address = found
            .last()
            .context("the guest sees no rnic on its PCI bus")?
            .trim()
            .to_owned();
        inside.run(&format!("vfio_bind {}", inside.address))?;
        Ok(inside)
    }

    fn run(&mut self, command: &str) -> Result<Vec<String>> {
        let (code, words) = self.guest.command(command)?;
        ensure!(
            code == 0,
            "the guest's `{command}` ended with {code}:\n{}",
            words.join("\n")
        );
        Ok(words)
    }

    fn tool(&self, bench: &mut Bench, case: Case, arguments: &str) -> String {
        let command = format!(
            "rnic peer --device vfio={} --address {} --patience 180 {arguments}",
            self.address,
            case.ours_with_prefix()
        );
        bench
            .commands
            .push(format!("in the guest of QEMU: `{command}`"));
        command
    }

    /// Starts `rnic peer` and waits until it listens.
    fn serve(&mut self, bench: &mut Bench, case: Case, arguments: &str) -> Result<()> {
        let mut command = self.tool(bench, case, arguments);
        if bench.is_lossy() {
            command += " --silence-ends ";
            command += silence(arguments.contains("target"));
        }
        self.run(&format!(
            "background {LIMIT} {command}; \
             until grep -q listening /tmp/out; do kill -0 $! || {{ cat /tmp/out; false; break; }}; sleep 0.2; done"
        ))
        .map(drop)
    }

    /// Waits for its good end, at which it has said this.
    fn ends_well(&mut self, text: &str) -> Result<()> {
        let words = self.run("ended")?.join("\n");
        ensure!(
            words.contains(text),
            "rnic peer in the guest did not say `{text}`:\n{words}"
        );
        Ok(())
    }
}

fn rping_client(inside: &mut Inside, bench: &mut Bench, case: Case) -> Result<()> {
    inside.serve(bench, case, "--mode rping")?;
    bench.peer(&format!(
        "{LIMIT} rping -c -a {} -C 10 -S 5000 -V",
        case.ours()
    ))?;
    inside.ends_well("verified 10 pings")
}

fn rping_server(inside: &mut Inside, bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 10 -S 5000; listening",
        case.theirs()
    ))?;
    let arguments = format!("--mode rping -C 10 -S 5000 --to {}", case.theirs());
    let command = inside.tool(bench, case, &arguments);
    let words = inside.run(&format!("{LIMIT} {command}"))?.join("\n");
    ensure!(
        words.contains("verified 10 pings of 5000 bytes"),
        "rnic peer in the guest says:\n{words}"
    );
    bench.peer("ended").map(drop)
}

fn verbs(inside: &mut Inside, bench: &mut Bench, case: Case) -> Result<()> {
    inside.serve(bench, case, "--mode target")?;
    let words = bench.peer(&format!(
        "{LIMIT} python3.13 /rnic/verbs.py {}",
        case.ours()
    ))?;
    for kind in ["read", "write", "atomics", "immediate", "invalidation"] {
        let line = format!("verbs {kind}");
        ensure!(words.contains(&line), "no `{line}` among {words:?}");
    }
    inside.ends_well("an invalidation of the window")
}
