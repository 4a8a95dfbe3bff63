//! How connections are made: addresses, private data, limits, order.

use std::ptr::{null, null_mut};

use ndis_sys::ndk::*;

use super::{Stage, complete, data, disconnect};
use crate::bench::{Bench, QpSizes, Socket};
use crate::conformance::tests;
use crate::link::{End, Link, Wanted, begin_accept, begin_connect, connector, listener_address};
use crate::{call, close};

tests! {
    private_data_and_limits_are_exchanged: [59, 61, 62, 64, 80, 101];
    addresses_are_known_on_both_sides: [65, 66, 73, 102];
    loopback_connects: [100];
    refused_where_nobody_listens: [59];
    unreachable_peers_are_told: [59];
    sources_must_be_ours: [59];
    wrong_order_is_refused: [59, 61, 62, 63, 67];
    private_data_has_a_limit: [59, 62, 63];
    connections_are_listed: [104, 105, 106, 108];
    queue_pair_joins_one_connection: [59];
    read_limits_bound_reads: [41, 64];
}

fn private_data_and_limits_are_exchanged<'b>(bench: &'b Bench<'b>) {
    let caller: Vec<u8> = (1..=56).collect();
    let callee: Vec<u8> = (1..=148).collect();
    let wanted = Wanted {
        active: (3, 200),
        passive: (5, 7),
        caller: &caller,
        callee: &callee,
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    let (at_passive, inbound, outbound) = data(link.passive).expect("data");
    assert_eq!(at_passive[..56], caller);
    // The passive side knew what the active side wants; in force is the smaller of each.
    assert!(inbound >= 5 && outbound <= 3, "{inbound} {outbound}");
    let (at_active, inbound, outbound) = data(link.active).expect("data");
    assert_eq!(at_active[..148], callee);
    assert!(at_active[148..].iter().all(|byte| *byte == 0));
    assert_eq!((inbound, outbound), (3, 5));
    // Null with a length is the consumer's mistake.
    let mut length = 5;
    let status = call!(
        link.active,
        NdkGetConnectionData,
        null_mut(),
        null_mut(),
        null_mut(),
        &raw mut length
    );
    assert_eq!(status, STATUS_INVALID_PARAMETER);
    link.close();
}

fn addresses_are_known_on_both_sides<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let ask = |connector: *mut NDK_CONNECTOR| {
        let local = Socket::ask(|to, length| call!(connector, NdkGetLocalAddress, to, length))
            .expect("local");
        let peer = Socket::ask(|to, length| call!(connector, NdkGetPeerAddress, to, length))
            .expect("peer");
        (local, peer)
    };
    let (local, peer) = ask(link.active);
    assert_eq!(
        (local.ip, peer.ip),
        (bench.address(0).ip, bench.address(1).ip)
    );
    assert!(
        local.port >= 49152 && peer.port >= 49152,
        "{local:?} {peer:?}"
    );
    assert_eq!(ask(link.passive), (peer, local));
    let fresh = connector(bench, link.a.adapter);
    let mut length = 0;
    assert_eq!(
        call!(fresh, NdkGetLocalAddress, null_mut(), &raw mut length),
        STATUS_CONNECTION_INVALID
    );
    assert_eq!(
        call!(fresh, NdkGetPeerAddress, null_mut(), &raw mut length),
        STATUS_CONNECTION_INVALID
    );
    assert_eq!(data(fresh), Err(STATUS_CONNECTION_INVALID));
    close!(bench, fresh, NdkCloseConnector);
    link.close();
}

fn loopback_connects<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(
        bench,
        Wanted {
            loopback: true,
            ..Wanted::default()
        },
    );
    crate::bench::fill(&*link.a.memory, 0, b"to itself");
    assert_eq!(
        link.a.write(1, &[link.a.sge(0, 9)], link.b.remote(100), 0),
        STATUS_SUCCESS
    );
    assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    assert_eq!(crate::bench::bytes(&*link.b.memory, 100, 9), b"to itself");
    link.close();
}

fn refused_where_nobody_listens<'b>(bench: &'b Bench<'b>) {
    let end = End::new(bench, 0, 0xA, QpSizes::default());
    let active = connector(bench, end.adapter);
    assert_eq!(end.receive(1, &[end.sge(0, 8)]), STATUS_SUCCESS);
    // The attempt may be repeated, with the same connector and queue pair.
    for _ in 0..3 {
        let to = bench.address(1).with_port(4);
        let begun = begin_connect(bench, (active, end.qp), (bench.address(0), to), (1, 1), &[]);
        assert_eq!(bench.end(&begun), STATUS_CONNECTION_REFUSED);
    }
    bench.nothing(end.cq);
    close!(bench, active, NdkCloseConnector);
    end.close(bench);
}

fn unreachable_peers_are_told<'b>(bench: &'b Bench<'b>) {
    let end = End::new(bench, 0, 0xA, QpSizes::default());
    let active = connector(bench, end.adapter);
    let mut nobody = bench.address(1).with_port(4);
    nobody.ip[15] = 0xEE;
    let begun = begin_connect(
        bench,
        (active, end.qp),
        (bench.address(0), nobody),
        (1, 1),
        &[],
    );
    let status = bench.end(&begun);
    assert!(
        [STATUS_HOST_UNREACHABLE, STATUS_NETWORK_UNREACHABLE].contains(&status),
        "{status:x}"
    );
    close!(bench, active, NdkCloseConnector);
    end.close(bench);
}

fn sources_must_be_ours<'b>(bench: &'b Bench<'b>) {
    let end = End::new(bench, 0, 0xA, QpSizes::default());
    let active = connector(bench, end.adapter);
    let (ours, theirs) = (bench.address(0), bench.address(1).with_port(9));
    let begun = begin_connect(bench, (active, end.qp), (theirs, theirs), (1, 1), &[]);
    assert_eq!(begun.returned, STATUS_INVALID_ADDRESS);
    let begun = begin_connect(
        bench,
        (active, end.qp),
        (ours, theirs.with_port(0)),
        (1, 1),
        &[],
    );
    assert_eq!(begun.returned, STATUS_INVALID_PARAMETER);
    let (mut from, mut to) = (Socket::new(ours), Socket::new(theirs));
    for (from_length, to_length) in [
        (0, to.length()),
        (from.length() - 1, to.length()),
        (from.length(), 1),
    ] {
        let begun = bench.begin("connect", |done, context| {
            call!(
                active,
                NdkConnect,
                end.qp,
                from.pointer(),
                from_length,
                to.pointer(),
                to_length,
                1,
                1,
                null(),
                0,
                done,
                context,
            )
        });
        assert_eq!(begun.returned, STATUS_INVALID_PARAMETER);
    }
    close!(bench, active, NdkCloseConnector);
    end.close(bench);
}

fn wrong_order_is_refused<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let fresh = connector(bench, stage.a.adapter);
    let left = bench.callback("disconnect event", 0);
    assert_eq!(complete(bench, fresh), STATUS_CONNECTION_INVALID);
    assert_eq!(disconnect(bench, fresh), STATUS_CONNECTION_INVALID);
    assert_eq!(
        call!(fresh, NdkReject, null(), 0),
        STATUS_CONNECTION_INVALID
    );
    let accepted = begin_accept(bench, (fresh, stage.a.qp), (1, 1), &[], left);
    assert_eq!(accepted.returned, STATUS_CONNECTION_INVALID);
    let (active, connecting, passive) = stage.request(&[]);
    assert_eq!(
        complete(bench, active),
        STATUS_CONNECTION_INVALID,
        "not accepted yet"
    );
    assert_eq!(complete(bench, passive), STATUS_CONNECTION_INVALID);
    assert_eq!(disconnect(bench, passive), STATUS_CONNECTION_INVALID);
    let again = begin_connect(
        bench,
        (active, stage.a.qp),
        (bench.address(0), stage.at),
        (1, 1),
        &[],
    );
    assert_eq!(again.returned, STATUS_INVALID_DEVICE_STATE);
    let accepting = begin_accept(bench, (passive, stage.b.qp), (1, 1), &[], left);
    left.expect(1);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    assert_eq!(complete(bench, active), STATUS_SUCCESS);
    assert_eq!(bench.end(&accepting), STATUS_SUCCESS);
    assert_eq!(complete(bench, active), STATUS_CONNECTION_INVALID, "twice");
    assert_eq!(
        call!(active, NdkReject, null(), 0),
        STATUS_CONNECTION_INVALID
    );
    assert_eq!(disconnect(bench, active), STATUS_SUCCESS);
    assert_eq!(
        disconnect(bench, active),
        STATUS_CONNECTION_INVALID,
        "twice"
    );
    for connector in [fresh, active, passive] {
        close!(bench, connector, NdkCloseConnector);
    }
    stage.close();
}

fn private_data_has_a_limit<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let long = [7u8; 400];
    let fresh = connector(bench, stage.a.adapter);
    for length in [57, 400] {
        let ends = (bench.address(0), stage.at);
        let begun = begin_connect(bench, (fresh, stage.a.qp), ends, (1, 1), &long[..length]);
        assert_eq!(begun.returned, STATUS_INVALID_BUFFER_SIZE);
    }
    let (active, connecting, passive) = stage.request(&long[..56]);
    let left = bench.callback("disconnect event", 0);
    for length in [149, 400] {
        let begun = begin_accept(bench, (passive, stage.b.qp), (1, 1), &long[..length], left);
        assert_eq!(begun.returned, STATUS_INVALID_BUFFER_SIZE);
        let length = u32::try_from(length).expect("short");
        assert_eq!(
            call!(passive, NdkReject, long.as_ptr().cast(), length),
            STATUS_INVALID_BUFFER_SIZE
        );
    }
    assert_eq!(
        call!(passive, NdkReject, null(), 1),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(call!(passive, NdkReject, null(), 0), STATUS_SUCCESS);
    assert_eq!(bench.end(&connecting), STATUS_CONNECTION_REFUSED);
    for connector in [fresh, active, passive] {
        close!(bench, connector, NdkCloseConnector);
    }
    stage.close();
}

fn connections_are_listed<'b>(bench: &'b Bench<'b>) {
    let before = [bench.platform.statistics(0), bench.platform.statistics(1)];
    let link = Link::new(bench, Wanted::default());
    let local = Socket::ask(|to, length| call!(link.active, NdkGetLocalAddress, to, length))
        .expect("local");
    let peer =
        Socket::ask(|to, length| call!(link.active, NdkGetPeerAddress, to, length)).expect("peer");
    assert_eq!(bench.platform.connections(0), [(local, peer)]);
    assert_eq!(bench.platform.connections(1), [(peer, local)]);
    assert_eq!(bench.platform.local_endpoints(1), [(peer, true)]);
    assert_eq!(bench.platform.local_endpoints(0), []);
    assert_eq!(
        link.a
            .write(1, &[link.a.sge(0, 50000)], link.b.remote(0), 0),
        STATUS_SUCCESS
    );
    assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    let after = [bench.platform.statistics(0), bench.platform.statistics(1)];
    assert_eq!(
        (after[0].Connect, after[0].Accept),
        (before[0].Connect + 1, before[0].Accept)
    );
    assert_eq!(
        (after[1].Connect, after[1].Accept),
        (before[1].Connect, before[1].Accept + 1)
    );
    assert_eq!(
        [after[0].ActiveConnection, after[1].ActiveConnection],
        [1, 1]
    );
    // With headers of layer 2 on.
    assert!(after[0].RDMAOutOctets > before[0].RDMAOutOctets + 50000);
    assert!(after[1].RDMAInOctets > before[1].RDMAInOctets + 50000);
    assert!(after[0].RDMAOutFrames > before[0].RDMAOutFrames);
    assert!(after[1].RDMAInFrames > before[1].RDMAInFrames);
    assert_eq!(after[0].Reserved, [0; 20]);
    link.close();
    assert_eq!(bench.platform.connections(0), []);
    assert_eq!(bench.platform.local_endpoints(1), []);
    assert_eq!(bench.platform.statistics(0).ActiveConnection, 0);
}

fn queue_pair_joins_one_connection<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let at = listener_address(link.listener).expect("address");
    let another = connector(bench, link.a.adapter);
    let begun = begin_connect(
        bench,
        (another, link.a.qp),
        (bench.address(0), at),
        (1, 1),
        &[],
    );
    assert_eq!(begun.returned, STATUS_CONNECTION_ACTIVE);
    assert_eq!(link.disconnect(link.active), STATUS_SUCCESS);
    let begun = begin_connect(
        bench,
        (another, link.a.qp),
        (bench.address(0), at),
        (1, 1),
        &[],
    );
    assert_eq!(
        begun.returned, STATUS_CONNECTION_ACTIVE,
        "nor another later"
    );
    close!(bench, another, NdkCloseConnector);
    link.close();
}

fn read_limits_bound_reads<'b>(bench: &'b Bench<'b>) {
    let wanted = Wanted {
        active: (0, 2),
        passive: (2, 0),
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    // More reads than may be outstanding are done one after the other.
    for at in 0..8 {
        let list = [link.a.sge(at * 512, 512)];
        assert_eq!(
            link.a.read(at, &list, link.b.remote(at * 512), 0),
            STATUS_SUCCESS
        );
    }
    for _ in 0..8 {
        assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    }
    // With a limit of zero none is.
    assert_eq!(
        link.b.read(1, &[link.b.sge(0, 8)], link.a.remote(0), 0),
        STATUS_SUCCESS
    );
    assert!(bench.result(link.b.cq).Status < 0);
    link.close();
}
