//! Clients that die in the middle of their work, and memory that goes away: the daemon and the other devices go on.
#![cfg(feature = "client")]

mod support;

use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use rnic_abi::{FailureCode, consts, reg};
use support::commands::Ring;
use support::{Daemon, IOVA, wait_until};

/// `rnic` as a client of the daemon's two devices.
fn client(daemon: &Daemon, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rnic"));
    command
        .args(arguments)
        .args([daemon.socket(0), daemon.socket(1)])
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

#[test]
fn a_client_killed_amid_transfers_leaves_clean_devices() {
    for (segments, doorbell) in [("on", "doorbell=mmap"), ("off", "doorbell=trap")] {
        let daemon = Daemon::start(&[doorbell; 2], &["--segments", segments]);
        for round in 0..3 {
            let before = daemon.counter(0, "WRITES_OUT");
            let mut victim = client(&daemon, &["perf", "--iterations", "1000000000"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // [RESET-3] It has begun, and has no end.
            wait_until("transfers", || {
                daemon.counter(0, "WRITES_OUT") > before + 100
            });
            victim.kill().unwrap();
            victim.wait().unwrap();
            wait_until("the end of both connections", || {
                (0..2).all(|device| daemon.shows(device, "connected") == false)
            });
            for device in 0..2 {
                assert_eq!(daemon.shows(device, "dma-maps"), 0, "round {round}");
                assert_eq!(daemon.shows(device, "negotiated"), false, "round {round}");
            }
        }
        let next = client(&daemon, &["ping", "--count", "3"]).output().unwrap();
        let text = String::from_utf8_lossy(&next.stdout);
        assert!(next.status.success(), "{next:?}");
        assert_eq!(text.matches("there and back").count(), 3, "{text}");
    }
}

#[test]
fn a_file_that_shrinks_fails_its_own_device_and_no_other() {
    let daemon = Daemon::start(&["", ""], &["--allow-unsealed"]);
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x10000).unwrap();
    let mut one = daemon.client(0);
    one.client
        .dma_map(0, IOVA, 0x10000, file.as_raw_fd())
        .unwrap();
    one.enable_function();
    one.write32(reg::CMD_SIZE, 2);
    one.write64(reg::CMD_DESC, IOVA);
    one.write64(reg::CMD_AVAIL, IOVA + 0x400);
    one.write64(reg::CMD_USED, IOVA + 0x800);
    one.write32(reg::CMD_CONTROL, u32::from(consts::VECTOR_NONE) << 16 | 1);
    one.write32(reg::DEVICE_CONTROL, 1);
    file.set_len(0).unwrap();
    one.write32(reg::CMD_NOTIFY, 1);
    let ring_lost = u32::from(FailureCode::COMMAND_RING_DMA.0);
    wait_until("the failure", || one.read32(reg::FAILURE) == ring_lost);
    let mut two = daemon.client(1);
    two.reset_device();
    Ring::new(&mut two).negotiate(&mut two);
    // The next client of the first device has memory of its own.
    drop(one);
    let mut one = daemon.client(0);
    one.reset_device();
    Ring::new(&mut one).negotiate(&mut one);
}
