//! The smallest guest test, before any that needs a device.

use anyhow::{Result, ensure};

use super::Guest;
use crate::workspace;

/// The guest boots, sees its PCI bus behind an IOMMU, and VFIO is ready. One item a fact.
pub fn run() -> Result<Vec<(&'static str, bool)>> {
    let script = "
        . /rnic/lib.sh
        pci_list
        [ -c /dev/vfio/vfio ] && echo fact vfio
        [ -d /sys/bus/pci/drivers/vfio-pci ] && echo fact vfio-pci
        [ -n \"$(ls /sys/kernel/iommu_groups)\" ] && echo fact iommu
        grep -q '^HugePages_Free: *16$' /proc/meminfo && echo fact hugepages
        exit 42";
    let outcome = Guest::new("smoke", script).hugepages(16).echo(true).run()?;
    ensure!(
        !outcome.lines.is_empty(),
        "the guest printed nothing; see {}",
        workspace::shown(&outcome.log)
    );
    println!(
        "  Linux {} up after {:.1} s, {:.1} s in all",
        outcome.kernel,
        outcome.uptime_at_init,
        outcome.took.as_secs_f64()
    );
    let fact = |name: &str| {
        outcome
            .lines
            .iter()
            .any(|line| line.trim() == format!("fact {name}"))
    };
    let host_bridge = outcome
        .lines
        .iter()
        .any(|line| line.starts_with("0000:00:00.0 8086:29c0 class 060000"));
    Ok(vec![
        ("boots and gives its exit code", outcome.exit == 42),
        ("q35's host bridge is listed", host_bridge),
        ("PCI functions are in IOMMU groups", fact("iommu")),
        ("VFIO is ready", fact("vfio") && fact("vfio-pci")),
        ("huge pages are set aside", fact("hugepages")),
    ])
}
