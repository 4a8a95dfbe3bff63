//! DMA_MAP and DMA_UNMAP, and unmaps that the device finishes later.

mod support;

use support::*;
use vfio_user_server::codec::Command;
use vfio_user_server::codec::payload::*;
use vfio_user_server::limits::*;
use vfio_user_server::{CloseReason, Errno, Unmap};

/// Section "VFIO_USER_DMA_MAP".
#[test]
fn dma_maps() {
    let mut session = Session::greeted();
    let file = memory_file(4);
    let with_offset = DmaMap {
        argsz: 32,
        flags: DMA_MAP_READ,
        offset: 0x2000,
        address: 0x7000,
        size: 0x2000,
    };
    let reply = session.request(Command::DMA_MAP, &body(with_offset, &[]), &[file]);
    assert_eq!((reply.errno(), reply.body.len()), (None, 0));
    // Without a file, as QEMU maps ROMs; the offset means nothing then.
    let rom = DmaMap {
        offset: 0x123,
        address: u64::MAX - 0xfff,
        size: 0x1000,
        flags: DMA_MAP_READ | DMA_MAP_WRITE,
        ..with_offset
    };
    session.post(Command::DMA_MAP, &body(rom, &[]), &[]);
    let map = |address, size, write, file| Event::Map {
        address,
        size,
        write,
        file,
    };
    assert_eq!(
        session.device.take_events(),
        [
            map(0x7000, 0x2000, false, Some(0x2000)),
            map(u64::MAX - 0xfff, 0x1000, true, None)
        ]
    );
}

/// Section "VFIO_USER_DMA_UNMAP".
#[test]
fn dma_unmaps() {
    let mut session = Session::greeted();
    for page in [1, 2, 3, 9] {
        session.post(Command::DMA_MAP, &map_body(page * 4096, 4096), &[]);
    }
    session.device.take_events();
    let request = unmap_body(0, 0x1000, 0x1000);
    let reply = session.request(Command::DMA_UNMAP, &request, &[]);
    // "The server responds with the original DMA entry in the request."
    assert_eq!((reply.errno(), &reply.body), (None, &request));
    // A span of whole mappings, as a virtual IOMMU asks for.
    assert_eq!(
        session
            .request(Command::DMA_UNMAP, &unmap_body(0, 0, 0x8000), &[])
            .errno(),
        None
    );
    let all = unmap_body(DMA_UNMAP_ALL, 0, 0);
    assert_eq!(session.request(Command::DMA_UNMAP, &all, &[]).body, all);
    // There is always everything to unmap, even if that is nothing.
    assert_eq!(session.request(Command::DMA_UNMAP, &all, &[]).errno(), None);
    let range = |address, last| Event::Unmap(Unmap::Range { address, last });
    assert_eq!(
        session.device.take_events(),
        [
            range(0x1000, 0x1fff),
            range(0, 0x7fff),
            Event::Unmap(Unmap::All),
            Event::Unmap(Unmap::All)
        ]
    );
    assert_eq!(
        session
            .request(Command::DMA_UNMAP, &unmap_body(0, 0x9000, 0x1000), &[])
            .errno(),
        Some(Errno::ENOENT)
    );
}

#[test]
fn max_dma_maps_is_a_limit() {
    let mut session = Session::greeted();
    let (mut batch, mut sent) = (Vec::new(), 0);
    for page in 0..MAX_DMA_MAPS as u64 {
        batch.extend(command(
            1,
            Command::DMA_MAP,
            1 << 4,
            &map_body(page * 4096, 4096),
        ));
        sent += 1;
        if batch.len() > 50_000 {
            session.client.send(&batch, &[]);
            session.drive();
            batch.clear();
        }
    }
    session.client.send(&batch, &[]);
    session.drive();
    assert_eq!(session.device.take_events().len(), sent);
    let one_more = map_body(1 << 40, 4096);
    assert_eq!(
        session.request(Command::DMA_MAP, &one_more, &[]).errno(),
        Some(Errno::ENOSPC)
    );
    assert_eq!(
        session
            .request(Command::DMA_UNMAP, &unmap_body(0, 4096, 4096), &[])
            .errno(),
        None
    );
    assert_eq!(
        session.request(Command::DMA_MAP, &one_more, &[]).errno(),
        None
    );
}

/// The reply to an unmap waits for the device. Registers are served meanwhile; maps and unmaps keep their order, for QEMU waits for the last.
#[test]
fn pending_unmap_holds_dma_replies_and_nothing_else() {
    let mut session = Session::greeted();
    session.post(Command::DMA_MAP, &map_body(0, 4096), &[]);
    session.post(Command::DMA_MAP, &map_body(4096, 4096), &[]);
    session.device.take_events();
    session.device.hold_unmaps = true;
    let send = |session: &mut Session, id, what, body: &[u8]| {
        session.client.send(&command(id, what, 0, body), &[]);
        session.drive();
    };
    send(&mut session, 1, Command::DMA_UNMAP, &unmap_body(0, 0, 4096));
    send(
        &mut session,
        2,
        Command::DMA_UNMAP,
        &unmap_body(0, 4096, 4096),
    );
    // The range is free again at once.
    send(&mut session, 3, Command::DMA_MAP, &map_body(0, 4096));
    // A refusal keeps its place, too.
    send(&mut session, 4, Command::DMA_MAP, &map_body(0, 4096));
    assert!(session.client.receive().is_none());
    session.device.take_events();
    session.assert_served();
    assert_eq!(session.server.session().pending_unmaps(), 2);

    let tokens = session.device.tokens.clone();
    assert!(session.server.complete_unmap(tokens[1]));
    session.drive();
    assert!(
        session.client.receive().is_none(),
        "the second before the first"
    );
    assert!(session.server.complete_unmap(tokens[0]));
    session.drive();
    let mut order = Vec::new();
    while let Some(reply) = session.client.receive() {
        order.push((reply.header.message_id, reply.errno()));
    }
    assert_eq!(
        order,
        [(1, None), (2, None), (3, None), (4, Some(Errno::EEXIST))]
    );
    assert!(!session.server.complete_unmap(tokens[0]), "only once");
    assert_eq!(session.server.session().pending_unmaps(), 0);
    session.assert_served();
}

/// Section "Command Concurrency": after a command without reply, the next reply says that both are done.
#[test]
fn pending_unmap_without_reply_holds_all_replies() {
    let mut session = Session::greeted();
    session.post(Command::DMA_MAP, &map_body(0, 4096), &[]);
    session.device.hold_unmaps = true;
    session.post(Command::DMA_UNMAP, &unmap_body(0, 0, 4096), &[]);
    session.client.send(
        &command(5, Command::REGION_READ, 0, &access_body(RW, 0, 1, &[])),
        &[],
    );
    session.drive();
    assert!(session.client.receive().is_none());
    assert!(
        !session.server.interest().readable,
        "nothing would come of reading"
    );
    let token = session.device.tokens[0];
    assert!(session.server.complete_unmap(token));
    session.drive();
    assert_eq!(session.client.receive().unwrap().header.message_id, 5);
}

/// A client that goes while an unmap is pending is noticed although its stream is not read, and its token is void.
#[test]
fn client_goes_while_an_unmap_is_pending() {
    let mut session = Session::greeted();
    session.post(Command::DMA_MAP, &map_body(0, 4096), &[]);
    session.device.hold_unmaps = true;
    session.post(Command::DMA_UNMAP, &unmap_body(0, 0, 4096), &[]);
    let Session {
        mut device,
        mut server,
        client,
        ..
    } = session;
    client.send(&command(5, Command::DEVICE_RESET, 0, &[]), &[]);
    drop(client);
    let reason = server.drive(&mut device, Default::default()).unwrap_err();
    assert!(matches!(reason, CloseReason::ClientClosed), "{reason}");
    assert_eq!(device.take_events().last(), Some(&Event::Disconnected));
    let token = device.tokens[0];
    let mut next = Session::with(device).greet();
    assert!(!server.complete_unmap(token));
    assert!(!next.server.complete_unmap(token));
    next.assert_served();
}

#[test]
fn held_replies_are_bounded() {
    let mut session = Session::greeted();
    session.post(Command::DMA_MAP, &map_body(0, 4096), &[]);
    session.device.hold_unmaps = true;
    let first = command(1, Command::DMA_UNMAP, 0, &unmap_body(0, 0, 4096));
    session.client.send(&first, &[]);
    for _ in 0..4 {
        let refused: Vec<u8> = (0..500)
            .flat_map(|_| command(2, Command::DMA_UNMAP, 0, &unmap_body(0, 0, 4096)))
            .collect();
        session.client.send(&refused, &[]);
        session.drive();
    }
    assert_eq!(
        session.server.stats().messages as usize,
        2 + MAX_HELD_DMA_REPLIES
    );
    assert!(!session.server.interest().readable);
    let token = session.device.tokens[0];
    assert!(session.server.complete_unmap(token));
    session.drive();
    let mut replies = 0;
    while session.client.receive().is_some() {
        replies += 1;
        session.drive();
    }
    assert_eq!(replies, 2001);
}
