//! What a good client sees of registers, interrupts and its own connection.

mod support;

use std::os::fd::{AsRawFd, OwnedFd};
use support::*;
use vfio_user_server::codec::Command;
use vfio_user_server::codec::payload::*;
use vfio_user_server::limits::*;
use vfio_user_server::{CloseReason, Errno};
use vmm_sys_util::eventfd::EventFd;

fn greet_with(version: &[u8]) -> (Session, ReplyMessage) {
    let mut session = Session::silent();
    let reply = session.request(Command::VERSION, version, &[]);
    (session, reply)
}

/// Sections "VFIO_USER_REGION_READ" and "VFIO_USER_REGION_WRITE".
#[test]
fn region_accesses() {
    let mut session = Session::greeted();
    let reply = session.request(
        Command::REGION_WRITE,
        &access_body(RW, 16, 3, &[1, 2, 3]),
        &[],
    );
    let (access, rest) = reply.payload::<RegionAccess>();
    assert_eq!(
        (access.region, access.offset, access.count, rest.len()),
        (RW, 16, 3, 0)
    );
    session.post(Command::REGION_WRITE, &access_body(RW, 17, 1, &[9]), &[]);
    let reply = session.request(Command::REGION_READ, &access_body(RW, 15, 5, &[]), &[]);
    assert_eq!(reply.payload::<RegionAccess>().1, [15, 1, 9, 3, 19]);
    // Nothing at all is not worth asking the device.
    session.device.take_events();
    let reply = session.request(Command::REGION_READ, &access_body(RW, 0x1000, 0, &[]), &[]);
    assert_eq!(reply.payload::<RegionAccess>().0.count, 0);
    let reply = session.request(Command::REGION_WRITE, &access_body(RW, 0, 0, &[]), &[]);
    assert_eq!(reply.errno(), None);
    session.post(Command::REGION_READ, &access_body(RW, 0, 0, &[]), &[]);
    assert_eq!(session.device.take_events(), []);
}

#[test]
fn the_client_bounds_reads() {
    let (mut session, _) = greet_with(&version_body(
        0,
        0,
        b"{\"capabilities\":{\"max_data_xfer_size\":4096}}\0",
    ));
    let reply = session.request(Command::REGION_READ, &access_body(LARGE, 0, 4096, &[]), &[]);
    assert_eq!(reply.body.len(), 16 + 4096);
    let reply = session.request(Command::REGION_READ, &access_body(LARGE, 0, 4097, &[]), &[]);
    assert_eq!(reply.errno(), Some(Errno::E2BIG));
}

/// Errors of the backend arrive as they are, and never as zero.
#[test]
fn backend_errors() {
    let mut session = Session::greeted();
    let trigger = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
    let requests = [
        (Command::REGION_READ, access_body(RW, 0, 4, &[])),
        (Command::REGION_WRITE, access_body(RW, 0, 1, &[1])),
        (
            Command::REGION_WRITE_MULTI,
            multi_body(1, &[(RW, 0, 1, [0; 8])]),
        ),
        (Command::DMA_MAP, map_body(0, 4096)),
        (
            Command::DEVICE_SET_IRQS,
            irqs_body(trigger, MSIX, 0, 1, &[]),
        ),
        (Command::DEVICE_RESET, vec![]),
    ];
    for (what, body) in &requests {
        session.device.fail = Some(Errno::ENOMEM);
        assert_eq!(
            session.request(*what, body, &[]).errno(),
            Some(Errno::ENOMEM),
            "{what}"
        );
        // With the failure gone the same request is taken: a range that could not be mapped is not in the way.
        assert_eq!(session.request(*what, body, &[]).errno(), None, "{what}");
    }
    assert_eq!(session.server.stats().refused, requests.len() as u64);
}

/// Section "VFIO_USER_REGION_WRITE_MULTI".
#[test]
fn writes_in_one_message_are_writes() {
    let mut session = Session::greeted();
    let data = [1, 2, 3, 4, 5, 6, 7, 8];
    let writes = [
        (RW, 0, 8, data),
        (CONFIG, 4, 2, data),
        (RW, 8, 0, data),
        (RW, 9, 1, data),
    ];
    let reply = session.request(Command::REGION_WRITE_MULTI, &multi_body(4, &writes), &[]);
    assert_eq!(reply.payload::<WriteMulti>().0.wr_cnt, 4);
    assert_eq!(
        session.device.take_events(),
        [
            Event::Write(RW, 0, data.to_vec()),
            Event::Write(CONFIG, 4, vec![1, 2]),
            Event::Write(RW, 9, vec![1]),
        ]
    );
    // One that is refused does not take the others with it.
    let writes = [
        (RW, 0, 1, data),
        (READ_ONLY, 0, 1, data),
        (RW, 0x1000, 1, data),
        (RW, 2, 1, data),
    ];
    let reply = session.request(Command::REGION_WRITE_MULTI, &multi_body(4, &writes), &[]);
    assert_eq!(reply.payload::<WriteMulti>().0.wr_cnt, 2);
    assert_eq!(session.device.take_events().len(), 2);
    // As QEMU sends it: as many as there may be, and nobody waits.
    let writes: Vec<_> = (0..MAX_MULTI_WRITES as u64)
        .map(|i| (RW, i, 1, [i as u8; 8]))
        .collect();
    session.post(
        Command::REGION_WRITE_MULTI,
        &multi_body(writes.len() as u64, &writes),
        &[],
    );
    assert_eq!(session.device.take_events().len(), MAX_MULTI_WRITES);
    let reply = session.request(Command::REGION_WRITE_MULTI, &multi_body(0, &[]), &[]);
    assert_eq!(reply.payload::<WriteMulti>().0.wr_cnt, 0);
}

/// Section "VFIO_USER_DEVICE_SET_IRQS".
#[test]
fn interrupts() {
    let mut session = Session::greeted();
    let (none, bools, eventfd) = (IRQ_SET_DATA_NONE, IRQ_SET_DATA_BOOL, IRQ_SET_DATA_EVENTFD);
    let (mask, unmask, trigger) = (
        IRQ_SET_ACTION_MASK,
        IRQ_SET_ACTION_UNMASK,
        IRQ_SET_ACTION_TRIGGER,
    );
    let rows = [
        (
            (none | trigger, MSIX, 0, 0),
            &[][..],
            0,
            Event::DisableAll(MSIX),
        ),
        (
            (none | trigger, NO_IRQS, 0, 0),
            &[],
            0,
            Event::DisableAll(NO_IRQS),
        ),
        (
            (none | trigger, MSIX, 62, 2),
            &[],
            0,
            Event::Trigger(MSIX, vec![62, 63]),
        ),
        (
            (bools | trigger, MSIX, 5, 4),
            &[1, 0, 0, 0x80],
            0,
            Event::Trigger(MSIX, vec![5, 8]),
        ),
        (
            (none | mask, INTX, 0, 1),
            &[],
            0,
            Event::Mask(INTX, vec![0]),
        ),
        (
            (bools | mask, INTX, 0, 1),
            &[0],
            0,
            Event::Mask(INTX, vec![]),
        ),
        (
            (none | unmask, INTX, 0, 1),
            &[],
            0,
            Event::Unmask(INTX, vec![0]),
        ),
        (
            (eventfd | trigger, MSIX, 3, 1),
            &[],
            1,
            Event::Connect(MSIX, 3, vec![true]),
        ),
        (
            (eventfd | trigger, MSIX, 48, 16),
            &[],
            16,
            Event::Connect(MSIX, 48, vec![true; 16]),
        ),
        (
            (eventfd | trigger, MSIX, 3, 1),
            &[],
            0,
            Event::Connect(MSIX, 3, vec![false]),
        ),
        (
            (eventfd | trigger, MSIX, 0, 64),
            &[],
            0,
            Event::Connect(MSIX, 0, vec![false; 64]),
        ),
        (
            (eventfd | mask, INTX, 0, 1),
            &[],
            1,
            Event::ConnectMask(INTX, 0, vec![true]),
        ),
        (
            (eventfd | unmask, INTX, 0, 1),
            &[],
            1,
            Event::ConnectUnmask(INTX, 0, vec![true]),
        ),
    ];
    for ((flags, index, start, count), data, fds, want) in rows {
        let fds: Vec<OwnedFd> = (0..fds).map(|_| eventfd_pair(0).1).collect();
        let body = irqs_body(flags, index, start, count, data);
        let reply = session.request(Command::DEVICE_SET_IRQS, &body, &fds);
        assert_eq!((reply.errno(), reply.body.len()), (None, 0));
        assert_eq!(session.device.take_events(), [want]);
    }
}

fn eventfd_pair(flags: i32) -> (EventFd, OwnedFd) {
    let ours = EventFd::new(flags).unwrap();
    let theirs = ours.try_clone().unwrap();
    // SAFETY: `theirs` gives its descriptor away and is not used again.
    let fd =
        unsafe { std::os::fd::FromRawFd::from_raw_fd(std::os::fd::IntoRawFd::into_raw_fd(theirs)) };
    (ours, fd)
}

/// The descriptor that arrives is the one that was sent, and a full counter does not block the device.
#[test]
fn eventfds_work_and_do_not_block() {
    let mut session = Session::greeted();
    let (ours, theirs) = eventfd_pair(0);
    let flags = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
    let reply = session.request(
        Command::DEVICE_SET_IRQS,
        &irqs_body(flags, MSIX, 0, 1, &[]),
        &[theirs],
    );
    assert_eq!(reply.errno(), None);
    let file = std::fs::File::from(session.device.files.pop().unwrap());
    // SAFETY: F_GETFD reads no memory.
    let fd_flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFD) };
    assert_eq!(fd_flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    std::io::Write::write_all(&mut &file, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    let error = std::io::Write::write_all(&mut &file, &1u64.to_ne_bytes()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(ours.read().unwrap(), u64::MAX - 1);
}

/// NO_REPLY on every command: nothing comes back, and what it asks for happens.
#[test]
fn no_reply_is_honoured() {
    let mut session = Session::greeted();
    let trigger = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
    let requests = [
        (Command::DMA_MAP, map_body(0, 4096)),
        (Command::DMA_UNMAP, unmap_body(0, 0, 4096)),
        (Command::DEVICE_GET_INFO, device_info_body(16)),
        (
            Command::DEVICE_GET_REGION_INFO,
            region_info_body(4096, MAPPABLE),
        ),
        (Command::DEVICE_GET_REGION_INFO, region_info_body(32, RW)),
        (Command::DEVICE_GET_IRQ_INFO, irq_info_body(16, MSIX)),
        (
            Command::DEVICE_SET_IRQS,
            irqs_body(trigger, MSIX, 0, 1, &[]),
        ),
        (Command::REGION_READ, access_body(RW, 0, 4, &[])),
        (Command::REGION_WRITE, access_body(RW, 0, 1, &[1])),
        (
            Command::REGION_WRITE_MULTI,
            multi_body(1, &[(RW, 0, 1, [0; 8])]),
        ),
        (Command::DEVICE_RESET, vec![]),
        (Command::DMA_UNMAP, unmap_body(DMA_UNMAP_ALL, 0, 0)),
    ];
    for (what, body) in &requests {
        session.post(*what, body, &[]);
    }
    assert_eq!(session.server.stats().refused, 0);
    assert_eq!(session.device.take_events().len(), 8);
    session.assert_served();
}

/// A budget stops between messages, and nothing is lost.
#[test]
fn work_is_bounded_by_the_budget() {
    let mut session = Session::greeted();
    for i in 0..10u8 {
        session.client.send(
            &command(
                1,
                Command::REGION_WRITE,
                1 << 4,
                &access_body(RW, 0, 1, &[i]),
            ),
            &[],
        );
    }
    let budget = vfio_user_server::Budget {
        operations: 3,
        bytes: 1000,
    };
    let mut calls = Vec::new();
    loop {
        let progress = session.server.drive(&mut session.device, budget).unwrap();
        calls.push(progress.messages);
        if !progress.more {
            break;
        }
    }
    assert_eq!(calls, [3, 3, 3, 1]);
    // A batch counts by its writes, a large access by its bytes.
    let batch = multi_body(3, &[(RW, 0, 1, [0; 8]); 3]);
    session.client.send(
        &command(1, Command::REGION_WRITE_MULTI, 1 << 4, &batch),
        &[],
    );
    session
        .client
        .send(&command(1, Command::DEVICE_RESET, 1 << 4, &[]), &[]);
    let progress = session.server.drive(&mut session.device, budget).unwrap();
    assert_eq!((progress.messages, progress.more), (1, true));
    session.drive();
    session.client.send(
        &command(
            1,
            Command::REGION_READ,
            0,
            &access_body(LARGE, 0, 1000, &[]),
        ),
        &[],
    );
    session
        .client
        .send(&command(1, Command::DEVICE_RESET, 1 << 4, &[]), &[]);
    let progress = session.server.drive(&mut session.device, budget).unwrap();
    assert_eq!(
        (progress.messages, progress.bytes, progress.more),
        (1, 1000, true)
    );
}

/// Section "Client Disconnection".
#[test]
fn disconnection_is_told_once_and_only_after_a_version() {
    let mut session = Session::silent();
    drop(std::mem::replace(
        &mut session.client,
        Client::new(std::os::unix::net::UnixStream::pair().unwrap().0),
    ));
    session.drive();
    assert!(matches!(session.closed, Some(CloseReason::ClientClosed)));
    assert_eq!(session.device.take_events(), []);

    let mut session = Session::greeted();
    // The message before the end is served, half a message is not.
    session.client.send(
        &command(
            1,
            Command::REGION_WRITE,
            1 << 4,
            &access_body(RW, 0, 1, &[7]),
        ),
        &[],
    );
    session
        .client
        .send(&command(1, Command::DEVICE_RESET, 0, &[])[..9], &[]);
    drop(std::mem::replace(
        &mut session.client,
        Client::new(std::os::unix::net::UnixStream::pair().unwrap().0),
    ));
    session.drive();
    assert!(matches!(
        session.closed,
        Some(CloseReason::ClientClosedMidMessage)
    ));
    assert_eq!(
        session.device.take_events(),
        [Event::Write(RW, 0, vec![7]), Event::Disconnected]
    );
    // Served again by mistake, it stays closed and the device hears nothing.
    assert!(
        session
            .server
            .drive(&mut session.device, Default::default())
            .is_err()
    );
    assert_eq!(session.device.take_events(), []);
}
