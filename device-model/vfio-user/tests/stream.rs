//! The byte stream: any fragmentation, any bytes, a peer that does not read.

mod support;

use proptest::prelude::*;
use std::os::fd::OwnedFd;
use support::*;
use vfio_user_server::codec::payload::*;
use vfio_user_server::codec::{Command, FramingError};
use vfio_user_server::limits::*;
use vfio_user_server::session::Step;
use vfio_user_server::{CloseReason, Session as Protocol};

/// A session as QEMU holds it, message by message, each with the number of its descriptors.
fn good_session() -> Vec<(Vec<u8>, usize)> {
    let trigger = IRQ_SET_ACTION_TRIGGER;
    let msg = |id, what, flags, body: Vec<u8>| command(id, what, flags, &body);
    vec![
        (msg(1, Command::VERSION, 0, good_version()), 0),
        (msg(2, Command::DEVICE_GET_INFO, 0, device_info_body(16)), 0),
        (
            msg(
                3,
                Command::DEVICE_GET_REGION_INFO,
                0,
                region_info_body(80, MAPPABLE),
            ),
            0,
        ),
        (msg(4, Command::DMA_MAP, 0, map_body(0, 0x4000)), 1),
        (msg(5, Command::DMA_MAP, 0, map_body(0x4000, 0x1000)), 0),
        (
            msg(
                6,
                Command::REGION_WRITE,
                1 << 4,
                access_body(RW, 4, 4, &[1, 2, 3, 4]),
            ),
            0,
        ),
        (
            msg(
                7,
                Command::DEVICE_SET_IRQS,
                0,
                irqs_body(IRQ_SET_DATA_EVENTFD | trigger, MSIX, 0, 2, &[]),
            ),
            2,
        ),
        (msg(8, Command(77), 0, vec![0xaa; 33]), 1),
        (
            msg(
                9,
                Command::DEVICE_SET_IRQS,
                0,
                irqs_body(IRQ_SET_DATA_BOOL | trigger, MSIX, 0, 3, &[1, 0, 1]),
            ),
            0,
        ),
        (
            msg(10, Command::REGION_READ, 0, access_body(RW, 2, 5, &[])),
            0,
        ),
        (msg(11, Command::DMA_UNMAP, 0, unmap_body(0, 0, 0x4000)), 0),
        (msg(12, Command::DEVICE_RESET, 0, vec![]), 0),
    ]
}

/// What is left of a good session: replies (id, errno, payload, descriptors) and what the device saw.
type Outcome = (Vec<(u16, Option<i32>, Vec<u8>, usize)>, Vec<Event>, usize);

fn outcome(mut session: Session) -> Outcome {
    session.drive();
    assert!(session.closed.is_none(), "{:?}", session.closed);
    let mut replies = Vec::new();
    while let Some(reply) = session.client.receive() {
        let errno = reply.errno().map(|e| e.raw());
        replies.push((reply.header.message_id, errno, reply.body, reply.fds.len()));
    }
    let files = session.device.files.len();
    (replies, session.device.take_events(), files)
}

fn unbroken() -> Outcome {
    let session = Session::silent();
    for (bytes, fds) in good_session() {
        session.client.send(&bytes, &null_fds(fds));
    }
    outcome(session)
}

#[test]
fn the_unbroken_session_is_what_it_should_be() {
    let (replies, events, files) = unbroken();
    let ids: Vec<_> = replies.iter().map(|r| (r.0, r.1)).collect();
    let ok = |id| (id, None);
    assert_eq!(
        ids,
        [
            ok(1),
            ok(2),
            ok(3),
            ok(4),
            ok(5),
            ok(7),
            (8, Some(libc::ENOSYS)),
            ok(9),
            ok(10),
            ok(11),
            ok(12)
        ]
    );
    assert_eq!(replies[2].3, 1, "a descriptor with the region");
    assert_eq!(replies[8].2[16..], [2, 3, 1, 2, 3]);
    assert_eq!(events.len(), 9);
    // One DMA file and two eventfds; the descriptor of the unknown command is closed.
    assert_eq!(files, 3);
}

#[test]
fn every_split_point_over_a_socket() {
    let want = unbroken();
    let messages = good_session();
    let total: usize = messages.iter().map(|(bytes, _)| bytes.len()).sum();
    for split in 0..=total {
        let mut session = Session::silent();
        let mut at = 0;
        for (bytes, fds) in &messages {
            let cut = split.saturating_sub(at).min(bytes.len());
            let fds = null_fds(*fds);
            // Descriptors go with the first byte of their message, as from a sendmsg that was cut short.
            if cut > 0 && cut < bytes.len() {
                session.client.send(&bytes[..cut], &fds);
                session.drive();
                session.client.send(&bytes[cut..], &[]);
            } else {
                session.client.send(bytes, &fds);
            }
            at += bytes.len();
        }
        assert_eq!(outcome(session), want, "split at {split}");
    }
}

#[test]
fn byte_by_byte_over_a_socket() {
    for drive_between in [false, true] {
        let mut session = Session::silent();
        let mut sent = 0;
        for (bytes, fds) in good_session() {
            let fds = null_fds(fds);
            for (i, byte) in bytes.iter().enumerate() {
                session
                    .client
                    .send(&[*byte], if i == 0 { &fds } else { &[] });
                sent += 1;
                // The socket takes a few hundred sends at a time, however small.
                if drive_between || sent % 100 == 0 {
                    session.drive();
                }
            }
        }
        assert_eq!(outcome(session), unbroken());
    }
}

/// Descriptors that come with a later byte of their message still belong to it.
#[test]
fn descriptors_with_any_byte_of_their_message() {
    let map = command(4, Command::DMA_MAP, 0, &map_body(0, 0x4000));
    for cut in 1..map.len() {
        let mut session = Session::greeted();
        session.client.send(&map[..cut], &[]);
        session.client.send(&map[cut..], &null_fds(1));
        session
            .client
            .send(&command(5, Command::DEVICE_RESET, 0, &[]), &[]);
        session.drive();
        assert_eq!(session.client.receive().unwrap().errno(), None);
        assert_eq!(session.client.receive().unwrap().errno(), None);
        assert_eq!(session.device.files.len(), 1, "cut at {cut}");
    }
}

/// The largest message there is, in pieces as the socket takes them, and the largest reply.
#[test]
fn the_largest_messages() {
    let mut session = Session::greeted();
    let data: Vec<u8> = (0..MAX_DATA_XFER_SIZE).map(|i| (i % 253) as u8).collect();
    let bytes = command(
        1,
        Command::REGION_WRITE,
        0,
        &access_body(LARGE, 4096, MAX_DATA_XFER_SIZE, &data),
    );
    assert_eq!(bytes.len(), MAX_MESSAGE_SIZE as usize);
    for piece in bytes.chunks(60_000) {
        session.client.send(piece, &[]);
        session.drive();
    }
    assert_eq!(session.client.receive().unwrap().errno(), None);
    session.client.send(
        &command(
            2,
            Command::REGION_READ,
            0,
            &access_body(LARGE, 4096, MAX_DATA_XFER_SIZE, &[]),
        ),
        &[],
    );
    let mut read = Vec::new();
    while read.len() < bytes.len() {
        session.drive();
        let mut piece = [0; 30_000];
        let n = std::io::Read::read(&mut session.client.stream, &mut piece).unwrap();
        read.extend_from_slice(&piece[..n]);
    }
    assert!(read[32..] == data);
    // Large messages leave no large buffers behind.
    session.device.take_events();
    session.assert_served();
    assert!(session.server.session().memory() < 128 * 1024);
}

/// A client that asks and does not read: the server stops serving at the mark, and goes on when the client reads. Headers stay whole.
#[test]
fn slow_reader() {
    let mut session = Session::greeted();
    let request = command(
        1,
        Command::REGION_READ,
        0,
        &access_body(LARGE, 0, 100_000, &[]),
    );
    let total = 200;
    for _ in 0..total {
        session.client.send(&request, &[]);
    }
    let mut most = 0;
    for _ in 0..1000 {
        session.drive();
        most = most.max(session.server.session().output_bytes());
    }
    let served = session.server.stats().messages;
    assert!(served < total / 2, "{served} served while nobody reads");
    assert!(
        (OUTPUT_HIGH_WATER..OUTPUT_HIGH_WATER + 100_032).contains(&most),
        "{most}"
    );
    let interest = session.server.interest();
    assert!(!interest.readable && interest.writable);

    let mut replies = 0;
    let mut header = [0; 16];
    while replies < total {
        session.drive();
        // QEMU reads the header with one call and gives up on less.
        let n = std::io::Read::read(&mut session.client.stream, &mut header).unwrap();
        assert_eq!(n, 16, "reply {replies}");
        let mut left = 16 + 100_000;
        let mut piece = vec![0; 7_001];
        while left > 0 {
            let most = left.min(piece.len());
            match std::io::Read::read(&mut session.client.stream, &mut piece[..most]) {
                Ok(n) => left -= n,
                Err(e) => {
                    assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock);
                    session.drive();
                }
            }
        }
        replies += 1;
    }
    session.device.take_events();
    session.assert_served();
    assert!(!session.server.interest().writable);
}

/// Many small replies to a client that does not read: as above, and none is torn or joined to another.
#[test]
fn slow_reader_of_small_replies() {
    let mut session = Session::greeted();
    let request = command(1, Command::REGION_READ, 0, &access_body(RW, 0, 5, &[]));
    let (mut asked, mut answered) = (0, 0);
    while session.server.interest().readable {
        if takes_requests(&session) {
            session.client.send(&request, &[]);
            asked += 1;
        }
        session.drive();
        assert!(session.server.session().output_bytes() < OUTPUT_HIGH_WATER + 64);
    }
    while answered < asked {
        session.drive();
        while let Some(reply) = session.client.receive() {
            assert_eq!(reply.payload::<RegionAccess>().1, [0, 1, 2, 3, 4]);
            answered += 1;
        }
    }
    assert!(answered > 1000, "{answered}");
    session.device.take_events();
    session.assert_served();
}

/// Whether the client's socket takes another request.
fn takes_requests(session: &Session) -> bool {
    let mut poll = libc::pollfd {
        fd: std::os::fd::AsRawFd::as_raw_fd(&session.client.stream),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one pollfd, borrowed mutably for the call.
    unsafe { libc::poll(&mut poll, 1, 0) > 0 && poll.revents & libc::POLLOUT != 0 }
}

#[test]
fn descriptors_by_the_hundred_with_no_message() {
    let mut session = Session::greeted();
    session.client.send(
        &command(1, Command::DMA_MAP, 0, &map_body(0, 4096))[..16],
        &[],
    );
    let fds = null_fds(100);
    for _ in 0..3 {
        session.client.send(&[0], &fds);
        session.drive();
    }
    assert!(
        matches!(
            session.closed,
            Some(CloseReason::Framing(FramingError::TooManyFds))
        ),
        "{:?}",
        session.closed
    );
}

/// Feeds bytes to a session without a socket and takes its output as it comes, or not at all.
fn feed(
    protocol: &mut Protocol,
    device: &mut FakeDevice,
    bytes: &[u8],
    fds: Vec<OwnedFd>,
    read: bool,
    out: &mut Vec<u8>,
) -> bool {
    protocol.feed(bytes, fds);
    loop {
        let step = protocol.step(device);
        while read && let Some(chunk) = protocol.output() {
            let n = chunk.bytes.len();
            out.extend_from_slice(chunk.bytes);
            protocol.sent(n);
        }
        match step {
            Step::Served { .. } => {}
            Step::NeedInput => return true,
            Step::OutputFull | Step::WaitingForUnmap => return true,
            Step::Closed(_) => return false,
        }
    }
}

/// A message that is right, nearly right, or wrong in some field, with its true size.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![
        Just(0u32),
        0..70u32,
        any::<u32>(),
        Just(4096),
        Just(u32::MAX)
    ];
    let wide = prop_oneof![
        Just(0u64),
        0..0x20_0000u64,
        (0..64u64).prop_map(|p| p * 4096),
        any::<u64>()
    ];
    let fields = prop::collection::vec(small, 8)
        .prop_map(|v| v.iter().flat_map(|w| w.to_ne_bytes()).collect::<Vec<u8>>());
    let words = prop::collection::vec(wide, 4)
        .prop_map(|v| v.iter().flat_map(|w| w.to_ne_bytes()).collect::<Vec<u8>>());
    let noise = prop::collection::vec(any::<u8>(), 0..300);
    let map = (0..8u64, 1..4u64).prop_map(|(page, pages)| map_body(page * 4096, pages * 4096));
    let unmap =
        (0..8u64, 1..4u64).prop_map(|(page, pages)| unmap_body(0, page * 4096, pages * 4096));
    let access = (0..10u32, 0..0x1010u64, 0..64u32).prop_map(|(r, o, n)| access_body(r, o, n, &[]));
    let irqs =
        (0..64u32, 0..6u32, 0..70u32, 0..20u32).prop_map(|(f, i, s, n)| irqs_body(f, i, s, n, &[]));
    let body = prop_oneof![fields, words, noise, map, unmap, access, irqs];
    let flags = prop_oneof![6 => Just(0u32), 2 => Just(1 << 4), 1 => Just(1u32), 1 => (2..64u32).prop_map(|f| f & !0xe)];
    // REGION_READ of the large region makes large replies.
    (any::<u16>(), 0..20u16, flags, body, 0..60usize).prop_map(
        |(id, what, flags, mut body, cut)| {
            if cut < 20 {
                let want = [4, 32, 24, 16, 32, 16, 16, 20, 16, 16][cut % 10];
                body.resize(want, 0);
            }
            command(id, Command(what), flags, &body)
        },
    )
}

const MOST_MEMORY: usize = MAX_MESSAGE_SIZE as usize * 2 + OUTPUT_HIGH_WATER + 128 * 1024;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Bytes that mean nothing: no panic, bounded memory, and the end comes by the rules.
    #[test]
    fn arbitrary_bytes(chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 0..3usize), 0..40), greet: bool) {
        let (mut protocol, mut device, mut out) = (Protocol::new(), FakeDevice::new(), Vec::new());
        if greet {
            prop_assert!(feed(&mut protocol, &mut device, &command(1, Command::VERSION, 0, &good_version()), vec![], true, &mut out));
        }
        for (bytes, fds) in chunks {
            if !feed(&mut protocol, &mut device, &bytes, null_fds(fds), true, &mut out) {
                break;
            }
            prop_assert!(protocol.memory() < MOST_MEMORY);
        }
    }

    /// Messages of true size and any content, cut anywhere: the session stays in step, so that a good request after them gets its answer.
    #[test]
    fn wrong_messages_keep_the_stream_in_step(
        messages in prop::collection::vec((any_message(), 0..3usize), 0..60),
        cuts in prop::collection::vec(1..100usize, 1..20),
        pending: bool,
    ) {
        let (mut protocol, mut device, mut out) = (Protocol::new(), FakeDevice::new(), Vec::new());
        device.hold_unmaps = pending;
        feed(&mut protocol, &mut device, &command(1, Command::VERSION, 0, &good_version()), vec![], true, &mut out);
        let mut cuts = cuts.iter().cycle();
        for (bytes, fds) in &messages {
            let mut fds = null_fds(*fds);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                prop_assert!(feed(&mut protocol, &mut device, now, std::mem::take(&mut fds), true, &mut out));
                for token in std::mem::take(&mut device.tokens) {
                    prop_assert!(protocol.complete_unmap(token));
                }
                rest = later;
            }
            prop_assert!(protocol.memory() < MOST_MEMORY);
        }
        prop_assert_eq!(protocol.stats().messages, 1 + messages.len() as u64);
        // Whatever was left unserved behind an unmap is served now that none is pending.
        feed(&mut protocol, &mut device, &[], vec![], true, &mut out);
        out.clear();
        let read = command(0xabcd, Command::REGION_READ, 0, &access_body(READ_ONLY, 1, 3, &[]));
        prop_assert!(feed(&mut protocol, &mut device, &read, vec![], true, &mut out));
        prop_assert_eq!(out.len(), 16 + 16 + 3);
        prop_assert_eq!(&out[..2], &0xabcdu16.to_ne_bytes()[..]);
        prop_assert_eq!(&out[32..], &[1, 2, 3]);
    }

    /// A client that never reads gets no more than the bound.
    #[test]
    fn output_is_bounded(sizes in prop::collection::vec(1..=MAX_DATA_XFER_SIZE, 1..30)) {
        let (mut protocol, mut device, mut out) = (Protocol::new(), FakeDevice::new(), Vec::new());
        feed(&mut protocol, &mut device, &command(1, Command::VERSION, 0, &good_version()), vec![], true, &mut out);
        for size in sizes {
            let read = command(2, Command::REGION_READ, 0, &access_body(LARGE, 0, size, &[]));
            // As a connection does, feed only a session that wants input.
            if !matches!(protocol.step(&mut device), Step::NeedInput) {
                break;
            }
            feed(&mut protocol, &mut device, &read, vec![], false, &mut out);
            prop_assert!(protocol.output_bytes() < OUTPUT_HIGH_WATER + MAX_MESSAGE_SIZE as usize);
        }
    }
}
