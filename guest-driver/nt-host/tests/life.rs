//! Lives of rnic.sys over two devices on one wire. Each is a process of its own: a breach ends it.
//!
//! Needs the driver and the devices, which `cargo xtask test` builds and starts: `RNIC_DRIVER`, `RNIC_DEVICES`, two sockets
//! with a comma between them, and `RNIC_CONTROL`, the daemon's control socket. Lives through QEMU need the
//! program too: `RNIC_QEMU`.

use std::process::Command;

fn variable(name: &str) -> String {
    let missing =
        format!("{name} is not set; `cargo xtask test 7` builds and starts what it names");
    std::env::var(name).expect(&missing)
}

fn nt_host(command: &str, arguments: &[&str]) -> String {
    on(&variable("RNIC_DEVICES"), command, arguments)
}

/// On these devices.
fn on(devices: &str, command: &str, arguments: &[&str]) -> String {
    let mut host = Command::new(env!("CARGO_BIN_EXE_nt-host"));
    host.arg(command)
        .arg(variable("RNIC_DRIVER"))
        .args(arguments);
    for device in devices.split(',') {
        host.arg("--device").arg(device);
    }
    let output = host.output().expect("nt-host runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}", output.status);
    text
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn packets_arrive_and_nothing_is_left() {
    // No interrupt is taken for lost where none is.
    let text = nt_host("run", &[]);
    assert!(text.contains("received: 64, lost: 0"), "{text}");
    assert!(!text.contains("error log entry"), "{text}");
}

/// Consumers' pages would be out of the device's reach, and their requests fail: no consumer is to find an NDK provider there.
#[test]
#[ignore = "needs rnic.sys and two devices"]
fn rdma_is_not_offered_where_dma_is_remapped() {
    let text = nt_host("run", &[]);
    assert!(text.contains("started: 2, offered: 0"), "{text}");
    assert!(
        text.contains("an IOMMU remaps the DMA of this device"),
        "{text}"
    );
    assert!(nt_host("run", &["--identity"]).contains("started: 2, offered: 2"));
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn physical_addresses_serve_where_nothing_is_remapped() {
    assert!(nt_host("run", &["--identity"]).contains("received: 64"));
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn a_device_that_is_pulled_out_leaves_nothing() {
    assert!(nt_host("run", &["--surprise", "--quiet"]).contains("nothing is left"));
}

/// [NdkWrite, NdkRead, NdkSend, NdkReceive, NdkArmCq, NdkGetCqResults] run at DISPATCH_LEVEL, where memory may be short: what
/// they need was allocated when objects were made.
#[test]
#[ignore = "needs rnic.sys and two devices"]
fn posting_arming_and_polling_allocate_nothing() {
    let text = nt_host("ndkperf", &["--rounds", "100", "--json", "--check"]);
    let counts = text.matches("\"allocations\":").count();
    assert_eq!(counts, 12, "{text}");
    assert_eq!(text.matches("\"allocations\":0}").count(), 12, "{text}");
}

/// The same devices as PCI functions of QEMU: its BARs, its MSI-X, its memory, and its IOMMU where DMA is remapped.
fn through_qemu(arguments: &[&str]) -> String {
    let qemu = variable("RNIC_QEMU");
    nt_host("run", &[&["--qemu", &qemu], arguments].concat())
}

#[test]
#[ignore = "needs rnic.sys, two devices and QEMU"]
fn packets_arrive_through_the_iommu_of_qemu() {
    assert!(through_qemu(&[]).contains("received: 64, lost: 0"));
}

#[test]
#[ignore = "needs rnic.sys, two devices and QEMU"]
fn packets_arrive_through_qemu_without_an_iommu() {
    assert!(through_qemu(&["--identity"]).contains("received: 64"));
}

#[test]
#[ignore = "needs rnic.sys, two devices and QEMU"]
fn a_function_that_is_pulled_out_of_qemu_leaves_nothing() {
    assert!(through_qemu(&["--surprise", "--quiet"]).contains("nothing is left"));
}

/// The tests of `nt-host card`, of which `src/card` says what each shows.
#[test]
#[ignore = "needs rnic.sys and two devices"]
fn the_card_works_end_to_end() {
    let text = nt_host("card", &["--control", &variable("RNIC_CONTROL")]);
    let passed = text.lines().filter(|line| line.ends_with("... ok")).count();
    // As many as there were when this was written, or more.
    assert!(passed >= 36 && text.contains("test result: ok"), "{text}");
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn a_device_that_lies_neither_crashes_nor_hangs_the_driver() {
    // Two seeds of each kind of lie. More: `nt-host hostile --count`.
    const SEEDS: usize = 16;
    let devices = variable("RNIC_DEVICES");
    let devices: Vec<&str> = devices.split(',').collect();
    let each = SEEDS / devices.len();
    std::thread::scope(|scope| {
        for (index, device) in devices.iter().enumerate() {
            let (first, count) = ((index * each).to_string(), each.to_string());
            scope.spawn(move || {
                let text = on(device, "hostile", &["--seed", &first, "--count", &count]);
                assert!(text.contains(&format!("survived {count} seeds")), "{text}");
            });
        }
    });
}

/// All ones were taken for a function that was pulled out, and the device was left alone with its memory.
#[test]
#[ignore = "needs rnic.sys and two devices"]
fn a_device_whose_registers_read_all_ones_while_it_is_there_uses_no_memory_any_more() {
    let devices = variable("RNIC_DEVICES");
    let device = devices.split(',').next().expect("a device");
    // Some lie from the first register on, some when the adapter runs.
    let text = on(
        device,
        "hostile",
        &["--all-ones", "--seed", "1", "--count", "4"],
    );
    for early in ["early: true", "early: false"] {
        assert!(text.contains(early), "{text}");
    }
    let stopped = text.matches("mastering: false").count();
    assert_eq!(stopped, 4, "{text}");
    // One that ran is one that hangs, which NDIS resets, and not one that is gone for good.
    let running = text.lines().filter(|line| line.contains("early: false"));
    for line in running {
        assert!(line.contains("reset: Some"), "{line}");
    }
}

/// Consumers with work requests, armed queues, listeners and connects under way: all of it ends, and nothing is left. More:
/// `nt-host removal --count`.
#[test]
#[ignore = "needs rnic.sys and two devices"]
fn a_device_that_is_pulled_out_from_under_consumers_ends_everything() {
    let text = nt_host("removal", &["--seed", "1", "--count", "8"]);
    assert!(text.contains("survived 8 removals"), "{text}");
    // Not only before there was anything to end.
    assert!(text.contains("connected: true"), "{text}");
}

/// Every so manieth call site fails in a test run; all of them do where `RNIC_SWEEP_ALL` is set, and in `nt-host sweep`.
const SHARES: usize = 4;

fn shares() -> usize {
    if std::env::var_os("RNIC_SWEEP_ALL").is_some() {
        1
    } else {
        SHARES
    }
}

/// How many sites fail at least, of so many there are at least. Shares are by address, so some builds have half of what others have
/// in one: a driver whose share was 29 of 155 failed a test that asked for 30.
fn least(all: u32) -> u32 {
    match shares() as u32 {
        1 => all,
        shares => all / shares / 2,
    }
}

/// Sweeps the call sites in as many processes as there are devices, each on one of them; how many sites failed.
fn sweep(arguments: &[&str]) -> u32 {
    let devices = variable("RNIC_DEVICES");
    let devices: Vec<&str> = devices.split(',').collect();
    std::thread::scope(|scope| {
        let part = |(index, device): (usize, &&str)| {
            let share = format!("{index}/{}", devices.len() * shares());
            let arguments = [&["--quiet", "--part", &share], arguments].concat();
            let text = on(device, "sweep", &arguments);
            let survived = text.lines().find_map(|line| {
                let rest = line.strip_prefix("survived ")?;
                rest.split(' ').next()?.parse::<u32>().ok()
            });
            survived.unwrap_or_else(|| panic!("{text}"))
        };
        let parts = devices.iter().enumerate();
        let running: Vec<_> = parts
            .map(|entry| scope.spawn(move || part(entry)))
            .collect();
        let survived = running.into_iter().map(|part| part.join().expect("a part"));
        survived.sum()
    })
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn every_call_site_of_the_card_may_fail() {
    // Fewer sites than a driver with queues, packets and interrupts has would mean that nothing was injected.
    let sites = sweep(&[]);
    assert!(sites > least(80), "{sites} sites");
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn every_call_site_of_a_consumer_may_fail() {
    let sites = sweep(&["--ndk"]);
    assert!(sites > least(120), "{sites} sites");
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn smb_direct_moves_lent_memory_and_survives_a_bad_server() {
    for family in [&[][..], &["--ipv6"]] {
        let text = nt_host("smbd", family);
        assert!(text.contains("between two adapters, compared"), "{text}");
        assert!(text.contains("10 ways, noticed each time"), "{text}");
    }
}
