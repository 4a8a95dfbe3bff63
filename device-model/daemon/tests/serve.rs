//! The daemon from outside: one or two devices, clients that come, go and die, signals.

mod support;

use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::Command;

use rnic_abi::{cmd, consts, place, reg};
use rnic_core::dma::SharedMemory;
use support::commands::Ring;
use support::{BAR0, BAR2, CONFIG, Daemon, EVENTFD_TRIGGER, Guest, IOVA, MSI, MSIX, wait_until};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

const DOORBELLS: [&str; 2] = ["doorbell=mmap", "doorbell=trap"];

#[test]
fn a_driver_brings_the_device_up_and_it_sleeps() {
    for mode in DOORBELLS {
        let daemon = Daemon::start(&[mode], &[]);
        let mut guest = daemon.client(0);
        assert_eq!(guest.read32(reg::MAGIC), consts::MAGIC_VALUE, "{mode}");
        guest.reset_device();
        let mut ring = Ring::new(&mut guest);
        ring.negotiate(&mut guest);
        assert_eq!(daemon.shows(0, "negotiated"), true);
        assert_eq!(daemon.shows(0, "dma-maps"), 1);
        if mode == "doorbell=mmap" {
            // [PARK-1]
            wait_until("parking", || {
                daemon.counter(0, "PARKS") > 0 && ring.parked()
            });
            let parks = daemon.counter(0, "PARKS");
            guest.write32(reg::KICK, 1);
            // [PARK-2] It looks, and sleeps again.
            wait_until("parking again", || daemon.counter(0, "PARKS") > parks);
            assert_eq!(daemon.counter(0, "KICKS"), 1);
            wait_until("the word", || ring.parked());
        }
        let echo = vec![7; size_of::<rnic_abi::NopRequest>()];
        assert_eq!(
            ring.status::<cmd::Nop>(&mut guest, echo),
            rnic_abi::Status::OK
        );
        let before = daemon.ticks();
        std::thread::sleep(std::time::Duration::from_secs(1));
        println!(
            "{mode}: {} ticks of processor time in a second of idleness, {} KiB resident",
            daemon.ticks() - before,
            daemon.resident()
        );
    }
}

#[test]
fn doorbells_are_mapped_or_trapped() {
    let daemon = Daemon::start(&DOORBELLS, &[]);
    let mut mapped = daemon.client(0);
    let region = mapped.client.region(BAR2).unwrap();
    let areas: Vec<_> = region
        .sparse_areas
        .iter()
        .map(|a| (a.offset, a.size))
        .collect();
    assert_eq!(areas, [(0, place::BAR_DOORBELLS_SIZE)]);
    mapped.store_mapped(600, 0x1234);
    // A trapped access reaches the same words, and one to a slot that nobody owns is ignored [DB-3].
    mapped.client.region_write(BAR2, 601 * 8, &[1; 8]).unwrap();
    assert_eq!(mapped.read32(reg::GUEST_ERRORS), 1);

    let mut trapped = daemon.client(1);
    let region = trapped.client.region(BAR2).unwrap();
    assert!(region.file_offset.is_none() && region.sparse_areas.is_empty());
    assert_eq!(region.size, place::BAR_DOORBELLS_SIZE);
    for (length, errors) in [(8, 1), (4, 1), (1, 1)] {
        let data = vec![1; length];
        trapped.client.region_write(BAR2, 600 * 8, &data).unwrap();
        assert_eq!(trapped.read32(reg::GUEST_ERRORS), errors, "{length} bytes");
    }
}

/// A QEMU that is killed is there a little longer than its process; one that is started at once was refused.
#[test]
fn a_client_that_comes_before_the_last_one_went_waits_for_it() {
    let daemon = Daemon::start(&["doorbell=trap"], &[]);
    let first = daemon.client(0);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut second = daemon.client(0);
            second.read32(reg::MAGIC)
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(first);
        assert_eq!(second.join().unwrap(), consts::MAGIC_VALUE);
    });
}

#[test]
fn clients_come_and_go() {
    let daemon = Daemon::start(&["doorbell=mmap"], &[]);
    let descriptors = || {
        let path = format!("/proc/{}/fd", daemon.process.id());
        std::fs::read_dir(path).unwrap().count()
    };
    let mut open = None;
    for round in 0..20u64 {
        let mut guest = daemon.client(0);
        assert_eq!(guest.read32(reg::SCRATCH), 0, "round {round}: reset");
        let region = guest.client.region(BAR2).unwrap();
        let mut word = [1; 8];
        let file = region.file_offset.as_ref().unwrap().file();
        file.read_exact_at(&mut word, 4096).unwrap();
        assert_eq!(word, [0; 8], "round {round}: fresh doorbells");
        guest.store_mapped(512, round + 1);
        guest.write32(reg::SCRATCH, 0xABCD);
        let mut ring = Ring::new(&mut guest);
        ring.negotiate(&mut guest);
        if round % 2 == 0 {
            guest.client.shutdown().unwrap();
        }
        // Else it goes as a process that dies does.
        drop(guest);
        wait_until("the reset", || {
            daemon.shows(0, "connected") == false && daemon.shows(0, "dma-maps") == 0
        });
        assert_eq!(daemon.shows(0, "negotiated"), false);
        // A question by the control socket, just answered, may have one for a moment.
        let most = *open.get_or_insert_with(&descriptors);
        wait_until("the last client's descriptors to be closed", || {
            descriptors() <= most
        });
    }
    println!("{} KiB resident", daemon.resident());
}

#[test]
fn the_daemon_dies_and_comes_back() {
    let mut daemon = Daemon::start(&["", ""], &[]);
    let mac = daemon.client(0).read64(reg::MAC_ADDRESS);
    for _ in 0..3 {
        let mut guest = daemon.client(0);
        guest.write32(reg::SCRATCH, 5);
        daemon.kill_and_restart();
        assert!(guest.client.region_read(BAR0, 0, &mut [0; 4]).is_err());
        let mut guest = daemon.client(0);
        assert_eq!(guest.read32(reg::SCRATCH), 0);
        // [REG-9] [REG-10]
        assert_eq!(guest.read64(reg::MAC_ADDRESS), mac);
    }
}

#[test]
fn two_devices_do_not_meet() {
    for workers in ["1", "2"] {
        let daemon = Daemon::start(&["", ""], &["--workers", workers]);
        let (mut one, mut two) = (daemon.client(0), daemon.client(1));
        assert_ne!(one.read64(reg::MAC_ADDRESS), two.read64(reg::MAC_ADDRESS));
        assert_ne!(one.read64(reg::NODE_GUID), two.read64(reg::NODE_GUID));
        one.write32(reg::SCRATCH, 1);
        two.write32(reg::SCRATCH, 2);
        one.reset_device();
        assert_eq!((one.read32(reg::SCRATCH), two.read32(reg::SCRATCH)), (0, 2));
        drop(one);
        wait_until("the end of one", || daemon.shows(0, "connected") == false);
        assert_eq!(two.read32(reg::SCRATCH), 2);
        two.client.reset().unwrap();
        assert_eq!(two.read32(reg::SCRATCH), 0);
        // One client at a time.
        assert!(vfio_user::Client::new(&daemon.socket(1)).is_err());
        assert_eq!(two.read32(reg::MAGIC), consts::MAGIC_VALUE);
    }
}

#[test]
fn interrupts_reach_eventfds() {
    for (irq, index, count) in [("irq=msix", MSIX, 64), ("irq=msi", MSI, 32)] {
        let daemon = Daemon::start(&[irq], &[]);
        let mut guest = daemon.client(0);
        assert_eq!(guest.client.get_irq_info(index).unwrap().count, count);
        let other = if index == MSI { MSIX } else { MSI };
        assert_eq!(guest.client.get_irq_info(other).unwrap().count, 0);
        guest.reset_device();
        if index == MSI {
            guest.allocate_messages(32);
        }
        guest.write32(reg::INTR_VECTOR, 5);
        guest.write32(reg::INTR_MASK, 0);
        // [INT-4] Nobody listens: pending.
        guest.write32(reg::INTR_TEST, 1 << 31);
        let event = EventFd::new(EFD_NONBLOCK).unwrap();
        let connect = |guest: &mut Guest, fds: &[i32]| {
            let count = u32::try_from(fds.len()).unwrap();
            let irqs = guest.client.set_irqs(index, EVENTFD_TRIGGER, 5, count, fds);
            irqs.unwrap();
        };
        connect(&mut guest, &[event.as_raw_fd()]);
        assert_eq!(event.read().unwrap(), 1, "{irq}: the pending one");
        // [INT-1] [INT-2] [INT-3]
        guest.write32(reg::INTR_CAUSE, 1 << 31);
        guest.write32(reg::INTR_TEST, 1 << 31);
        assert_eq!(event.read().unwrap(), 1, "{irq}");
        guest.write32(reg::INTR_CAUSE, 1 << 31);
        // Something that is no eventfd is refused, and what was there stays.
        let file = tempfile::tempfile().unwrap();
        connect(&mut guest, &[file.as_raw_fd()]);
        guest.write32(reg::INTR_TEST, 1 << 31);
        assert_eq!(event.read().unwrap(), 1, "{irq}");
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert_eq!(daemon.counter(0, "INTERRUPTS"), 3);
    }
}

#[test]
fn a_function_with_msi_showed_msix() {
    for (irq, there, absent) in [("irq=msix", 0x11, 0x05), ("irq=msi", 0x05, 0x11)] {
        let daemon = Daemon::start(&[irq], &[]);
        let mut guest = daemon.client(0);
        assert!(guest.capability(there).is_some(), "{irq}");
        assert_eq!(guest.capability(absent), None, "{irq}");
        // [INT-6] No BAR for a table that is not there.
        let size = guest.client.region(place::BAR_MSIX.into()).unwrap().size;
        assert_eq!(size != 0, irq == "irq=msix");
    }
}

#[test]
fn vectors_share_the_messages_that_were_allocated() {
    // [INT-6]
    let daemon = Daemon::start(&["irq=msi"], &[]);
    let mut guest = daemon.client(0);
    guest.reset_device();
    guest.write32(reg::INTR_MASK, 0);
    let events: Vec<_> = (0..8)
        .map(|_| EventFd::new(EFD_NONBLOCK).unwrap())
        .collect();
    let fds: Vec<_> = events.iter().map(AsRawFd::as_raw_fd).collect();
    // Before anything is allocated vector 11 waits, and takes no other vector's place.
    guest.write32(reg::INTR_VECTOR, 11);
    guest.write32(reg::INTR_TEST, 1 << 31);
    guest.allocate_messages(8);
    guest
        .client
        .set_irqs(MSI, EVENTFD_TRIGGER, 0, 8, &fds)
        .unwrap();
    let seen =
        |events: &[EventFd]| -> Vec<u64> { events.iter().map(|e| e.read().unwrap_or(0)).collect() };
    assert_eq!(seen(&events), [0, 0, 0, 1, 0, 0, 0, 0]);
    for (vector, message) in [(0, 0), (7, 7), (8, 0), (63, 7)] {
        guest.write32(reg::INTR_CAUSE, 1 << 31);
        guest.write32(reg::INTR_VECTOR, vector);
        guest.write32(reg::INTR_TEST, 1 << 31);
        let mut expected = vec![0; 8];
        expected[message] = 1;
        assert_eq!(seen(&events), expected, "vector {vector}");
    }
    // With two messages left, the others' descriptors hear nothing.
    guest.allocate_messages(2);
    guest.write32(reg::INTR_CAUSE, 1 << 31);
    guest.write32(reg::INTR_VECTOR, 7);
    guest.write32(reg::INTR_TEST, 1 << 31);
    assert_eq!(seen(&events), [0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn the_guest_resets_the_function() {
    let daemon = Daemon::start(&[""], &[]);
    let mut guest = daemon.client(0);
    guest.enable_function();
    guest.write32(reg::SCRATCH, 9);
    // Device Control of the PCI Express capability, Initiate Function Level Reset [RESET-2].
    let control = guest.capability(0x10).unwrap() + 8;
    guest
        .client
        .region_write(CONFIG, control, &0x8000u16.to_le_bytes())
        .unwrap();
    wait_until("the reset", || guest.read32(reg::SCRATCH) == 0);
    let mut command = [0; 2];
    guest.client.region_read(CONFIG, 4, &mut command).unwrap();
    assert_eq!(command[0] & 6, 0, "memory space and bus mastering are off");
}

#[test]
fn memory_that_may_shrink_is_refused_when_guests_share_the_daemon() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x1000).unwrap();
    let sealed = SharedMemory::new(0x1000).unwrap();
    for (devices, extra, unsealed) in [
        (&[""][..], &[][..], 1),
        (&["", ""], &[], 0),
        (&["", ""], &["--allow-unsealed"], 1),
    ] {
        let daemon = Daemon::start(devices, extra);
        let mut guest = daemon.client(0);
        guest
            .client
            .dma_map(0, IOVA, 0x1000, file.as_raw_fd())
            .unwrap();
        assert_eq!(
            daemon.shows(0, "dma-maps"),
            unsealed,
            "{devices:?} {extra:?}"
        );
        let fd = sealed.file().as_raw_fd();
        guest.client.dma_map(0, IOVA + 0x10000, 0x1000, fd).unwrap();
        assert_eq!(daemon.shows(0, "dma-maps"), unsealed + 1);
        guest.client.dma_unmap(IOVA + 0x10000, 0x1000).unwrap();
        assert_eq!(daemon.shows(0, "dma-maps"), unsealed);
    }
}

#[test]
fn private_memory_was_not_told_from_shared_memory() {
    let daemon = Daemon::start(&[""], &[]);
    let mut guest = daemon.client(0);
    guest.reset_device();
    let mut ring = Ring::new(&mut guest);
    // Pages that were only read, as those of a private mapping are, have blocks too.
    ring.memory.fill(0, 0x1000, 0).unwrap();
    assert_eq!(daemon.shows(0, "memory-looks-private"), false);
    // The driver's command is in another copy of the page.
    guest.write32(reg::CMD_NOTIFY, 1);
    wait_until("the warning", || {
        daemon.shows(0, "memory-looks-private") == true
    });
    drop(guest);
    let mut guest = daemon.client(0);
    guest.reset_device();
    ring = Ring::new(&mut guest);
    ring.negotiate(&mut guest);
    // A ring without a command is nothing to speak of later.
    guest.write32(reg::CMD_NOTIFY, 1);
    let echo = vec![7; size_of::<rnic_abi::NopRequest>()];
    ring.status::<cmd::Nop>(&mut guest, echo);
    assert_eq!(daemon.shows(0, "memory-looks-private"), false);
}

#[test]
fn the_link_follows_the_control_socket() {
    let daemon = Daemon::start(&["", ""], &["--workers", "2"]);
    let mut guest = daemon.client(1);
    let up = |guest: &mut Guest| guest.read32(reg::DEVICE_STATUS) >> 4 & 1 == 1;
    wait_until("the link", || up(&mut guest));
    daemon.ask(r#"{"command": "set-link", "device": 1, "up": false}"#);
    wait_until("the link's end", || !up(&mut guest));
    assert_eq!(daemon.shows(0, "link-up"), true);
    daemon.ask(r#"{"command": "set-link", "device": 1, "up": true}"#);
    wait_until("the link", || up(&mut guest));
    for wrong in [
        "",
        "{",
        r#"{"command": "dance"}"#,
        r#"{"command": "set-link", "device": 2, "up": true}"#,
    ] {
        assert!(daemon.ask(wrong)["error"].is_string(), "{wrong}");
    }
}

#[test]
fn a_signal_and_quit_end_it_cleanly() {
    for how in ["signal", "quit"] {
        let mut daemon = Daemon::start(&["", ""], &[]);
        let _guest = daemon.client(0);
        if how == "signal" {
            let id = daemon.process.id().to_string();
            assert!(
                Command::new("kill")
                    .args(["-TERM", &id])
                    .status()
                    .unwrap()
                    .success()
            );
        } else {
            daemon.ask(r#"{"command": "quit"}"#);
        }
        assert!(daemon.process.wait().unwrap().success(), "{how}");
        let left = std::fs::read_dir(daemon.directory.path()).unwrap().count();
        assert_eq!(left, 0, "{how}: sockets are removed");
    }
}
