//! Connections: data, limits, rejects, endpoints, ends.

use std::ptr::{null, null_mut};

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, QpSizes, Socket, with_reason};
use crate::link::{
    End, Link, Wanted, begin_accept, begin_connect, connector, listen, listener, listener_address,
};
use crate::platform::Address;
use crate::{call, close};

tests! {
    private_data_and_limits_are_exchanged: [59, 61, 62, 64, 80, 101];
    addresses_are_known_on_both_sides: [65, 66, 73, 102];
    loopback_connects: [100];
    refused_where_nobody_listens: [59];
    unreachable_peers_are_told: [59];
    sources_must_be_ours: [59];
    wrong_order_is_refused: [59, 61, 62, 63, 67];
    reject_carries_private_data: [63, 80];
    active_side_may_reject: [63];
    close_is_a_reject: [57, 80];
    paused_listener_refuses: [74];
    listener_wants_an_address_of_ours: [72];
    shared_endpoint_starts_many: [60, 54];
    disconnect_is_graceful: [67, 81];
    peers_close_is_a_disconnect: [57, 81];
    extended_callbacks_give_a_reason: [68, 69, 82];
    fixed_source_port_is_reserved: [59, 102];
    private_data_has_a_limit: [59, 62, 63];
    connections_are_listed: [104, 105, 106, 108];
    queue_pair_joins_one_connection: [59];
    read_limits_bound_reads: [41, 64];
}

/// A connection between queue pairs that exist, and what it was made of.
pub(super) struct Pair {
    active: *mut NDK_CONNECTOR,
    passive: *mut NDK_CONNECTOR,
    listener: *mut NDK_LISTENER,
}

impl Pair {
    pub(super) fn close(self, bench: &Bench<'_>) {
        close!(bench, self.active, NdkCloseConnector);
        close!(bench, self.passive, NdkCloseConnector);
        close!(bench, self.listener, NdkCloseListener);
    }
}

/// Connects an end of a side with a queue pair of an adapter of another.
pub(super) fn connect(
    bench: &Bench<'_>,
    (active, active_side): (&End<'_>, usize),
    (adapter, qp, side): (*mut NDK_ADAPTER, *mut NDK_QP, usize),
) -> Pair {
    let (listener, requested) = listener(bench, adapter);
    assert_eq!(listen(bench, listener, bench.address(side)), STATUS_SUCCESS);
    let at = listener_address(listener).expect("address");
    let connector = connector(bench, active.adapter);
    let from = bench.address(active_side);
    let connecting = begin_connect(bench, (connector, active.qp), (from, at), (4, 4), &[]);
    bench.wait("connect event", || requested.count() > 0);
    let passive: *mut NDK_CONNECTOR = requested.object();
    let left = bench.callback("disconnect event", 1);
    let accepting = begin_accept(bench, (passive, qp), (4, 4), &[], left);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    assert_eq!(complete(bench, connector), STATUS_SUCCESS);
    assert_eq!(bench.end(&accepting), STATUS_SUCCESS);
    Pair {
        active: connector,
        passive,
        listener,
    }
}

fn complete(bench: &Bench<'_>, connector: *mut NDK_CONNECTOR) -> NTSTATUS {
    bench.request("complete connect", |done, context| {
        call!(
            connector,
            NdkCompleteConnect,
            None,
            null_mut(),
            done,
            context
        )
    })
}

fn disconnect(bench: &Bench<'_>, connector: *mut NDK_CONNECTOR) -> NTSTATUS {
    bench.request("disconnect", |done, context| {
        call!(connector, NdkDisconnect, done, context)
    })
}

/// Private data and read limits, asked for the way consumers do.
fn data(connector: *mut NDK_CONNECTOR) -> Result<(Vec<u8>, u32, u32), NTSTATUS> {
    let mut length = 0;
    let status = call!(
        connector,
        NdkGetConnectionData,
        null_mut(),
        null_mut(),
        null_mut(),
        &raw mut length
    );
    if status != STATUS_SUCCESS {
        return Err(status);
    }
    let mut bytes = vec![0xEE; length as usize];
    let (mut inbound, mut outbound) = (99, 99);
    let whole = length;
    if length > 0 {
        length -= 1;
        let pointer = bytes.as_mut_ptr().cast();
        let status = call!(
            connector,
            NdkGetConnectionData,
            null_mut(),
            null_mut(),
            pointer,
            &raw mut length
        );
        assert_eq!((status, length), (STATUS_BUFFER_TOO_SMALL, whole));
    }
    let pointer = bytes.as_mut_ptr().cast();
    let status = call!(
        connector,
        NdkGetConnectionData,
        &raw mut inbound,
        &raw mut outbound,
        pointer,
        &raw mut length
    );
    assert_eq!((status, length), (STATUS_SUCCESS, whole));
    Ok((bytes, inbound, outbound))
}

/// A side that listens and a side that connects, not connected.
struct Stage<'b> {
    a: End<'b>,
    b: End<'b>,
    listener: *mut NDK_LISTENER,
    requested: &'b crate::bench::Callback,
    at: Address,
    bench: &'b Bench<'b>,
}

impl<'b> Stage<'b> {
    fn new(bench: &'b Bench<'b>) -> Self {
        let (a, b) = (
            End::new(bench, 0, 0xA, QpSizes::default()),
            End::new(bench, 1, 0xB, QpSizes::default()),
        );
        let (listener, requested) = listener(bench, b.adapter);
        assert_eq!(listen(bench, listener, bench.address(1)), STATUS_SUCCESS);
        let at = listener_address(listener).expect("address");
        Self {
            a,
            b,
            listener,
            requested,
            at,
            bench,
        }
    }

    /// Begins to connect, and gives the connectors of both sides.
    fn request(
        &self,
        data: &[u8],
    ) -> (
        *mut NDK_CONNECTOR,
        crate::bench::Begun<'b>,
        *mut NDK_CONNECTOR,
    ) {
        let bench = self.bench;
        let before = self.requested.count();
        let active = connector(bench, self.a.adapter);
        let connecting = begin_connect(
            bench,
            (active, self.a.qp),
            (bench.address(0), self.at),
            (4, 4),
            data,
        );
        assert_eq!(connecting.returned, STATUS_PENDING);
        bench.wait("connect event", || self.requested.count() > before);
        (active, connecting, self.requested.object())
    }

    fn close(self) {
        let bench = self.bench;
        close!(bench, self.listener, NdkCloseListener);
        self.a.close(bench);
        self.b.close(bench);
    }
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

fn reject_carries_private_data<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let (active, connecting, passive) = stage.request(b"please");
    assert_eq!(data(passive).expect("data").0[..6], *b"please");
    let why: Vec<u8> = (100..248).collect();
    assert_eq!(
        call!(passive, NdkReject, why.as_ptr().cast(), 148),
        STATUS_SUCCESS
    );
    assert_eq!(bench.end(&connecting), STATUS_CONNECTION_REFUSED);
    assert_eq!(data(active).expect("data").0[..148], why);
    assert_eq!(
        call!(passive, NdkReject, null(), 0),
        STATUS_CONNECTION_INVALID,
        "twice"
    );
    close!(bench, passive, NdkCloseConnector);
    close!(bench, active, NdkCloseConnector);
    stage.close();
}

fn active_side_may_reject<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let (active, connecting, passive) = stage.request(&[]);
    let left = bench.callback("disconnect event", 0);
    let accepting = begin_accept(bench, (passive, stage.b.qp), (1, 1), &[], left);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    assert_eq!(call!(active, NdkReject, null(), 0), STATUS_SUCCESS);
    assert_eq!(bench.end(&accepting), STATUS_CONNECTION_ABORTED);
    close!(bench, passive, NdkCloseConnector);
    close!(bench, active, NdkCloseConnector);
    stage.close();
}

fn close_is_a_reject<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let (active, connecting, passive) = stage.request(&[]);
    close!(bench, passive, NdkCloseConnector);
    let status = bench.end(&connecting);
    assert!(
        [STATUS_CONNECTION_REFUSED, STATUS_CONNECTION_ABORTED].contains(&status),
        "{status:x}"
    );
    close!(bench, active, NdkCloseConnector);
    // The active side may give up too, while it waits.
    let (active, connecting, passive) = stage.request(&[]);
    close!(bench, active, NdkCloseConnector);
    assert_eq!(bench.end(&connecting), STATUS_CANCELLED);
    bench.settle();
    let left = bench.callback("disconnect event", 0);
    let accepting = begin_accept(bench, (passive, stage.b.qp), (1, 1), &[], left);
    // That it gave up need not be known here yet.
    let status = bench.end(&accepting);
    assert!(
        [STATUS_CONNECTION_ABORTED, STATUS_IO_TIMEOUT].contains(&status),
        "{status:x}"
    );
    close!(bench, passive, NdkCloseConnector);
    stage.close();
}

fn paused_listener_refuses<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    call!(stage.listener, NdkControlConnectEvents, 1);
    bench.settle();
    let active = connector(bench, stage.a.adapter);
    let begun = begin_connect(
        bench,
        (active, stage.a.qp),
        (bench.address(0), stage.at),
        (1, 1),
        &[],
    );
    assert_eq!(bench.end(&begun), STATUS_CONNECTION_REFUSED);
    assert_eq!(stage.requested.count(), 0);
    close!(bench, active, NdkCloseConnector);
    // On and off and on again, faster than the device is told.
    for paused in [0, 1, 0, 1, 0] {
        call!(stage.listener, NdkControlConnectEvents, paused);
    }
    bench.settle();
    let (active, connecting, passive) = stage.request(&[]);
    assert_eq!(call!(passive, NdkReject, null(), 0), STATUS_SUCCESS);
    assert_eq!(bench.end(&connecting), STATUS_CONNECTION_REFUSED);
    close!(bench, passive, NdkCloseConnector);
    close!(bench, active, NdkCloseConnector);
    stage.close();
}

fn listener_wants_an_address_of_ours<'b>(bench: &'b Bench<'b>) {
    let adapter = bench.adapter(0);
    let (first, _) = listener(bench, adapter);
    let (second, _) = listener(bench, adapter);
    let ours = bench.address(0);
    assert_eq!(listener_address(first), Err(STATUS_INVALID_DEVICE_STATE));
    assert_eq!(
        listen(bench, first, bench.address(1)),
        STATUS_INVALID_ADDRESS
    );
    let mut any = ours;
    if any.ip[10] == 0xFF {
        any.ip[12..].fill(0);
    } else {
        any.ip.fill(0);
    }
    assert_eq!(listen(bench, first, any), STATUS_INVALID_ADDRESS);
    assert_eq!(listen(bench, first, ours.with_port(445)), STATUS_SUCCESS);
    assert_eq!(listener_address(first), Ok(ours.with_port(445)));
    assert_eq!(
        listen(bench, first, ours),
        STATUS_INVALID_DEVICE_STATE,
        "twice"
    );
    assert_eq!(
        listen(bench, second, ours.with_port(445)),
        STATUS_SHARING_VIOLATION
    );
    close!(bench, first, NdkCloseListener);
    assert_eq!(listen(bench, second, ours.with_port(445)), STATUS_SUCCESS);
    close!(bench, second, NdkCloseListener);
    bench.platform.close(0, adapter);
}

fn shared_endpoint_starts_many<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let mut at = Socket::new(bench.address(0).with_port(7002));
    let start = |done, context, place| {
        call!(
            stage.a.adapter,
            NdkCreateSharedEndpoint,
            at.pointer(),
            at.length(),
            done,
            context,
            place
        )
    };
    let endpoint: *mut NDK_SHARED_ENDPOINT = bench.create("endpoint", start).expect("endpoint");
    let (second_listener, second_requested) = listener(bench, stage.b.adapter);
    assert_eq!(
        listen(bench, second_listener, bench.address(1)),
        STATUS_SUCCESS
    );
    let second_at = listener_address(second_listener).expect("address");
    let qp2 = bench
        .qp(stage.a.pd, stage.a.cq, QpSizes::default(), 0xA2)
        .expect("qp");
    let connect = |qp: *mut NDK_QP, to: Address| {
        let active = connector(bench, stage.a.adapter);
        let mut to = Socket::new(to);
        let begun = bench.begin("connect", |done, context| {
            call!(
                active,
                NdkConnectWithSharedEndpoint,
                qp,
                endpoint,
                to.pointer(),
                to.length(),
                1,
                1,
                null(),
                0,
                done,
                context,
            )
        });
        (active, begun)
    };
    let (first, first_begun) = connect(stage.a.qp, stage.at);
    bench.wait("connect event", || stage.requested.count() == 1);
    let (second, second_begun) = connect(qp2, second_at);
    bench.wait("connect event", || second_requested.count() == 1);
    for connector in [first, second] {
        let local = Socket::ask(|to, length| call!(connector, NdkGetLocalAddress, to, length));
        assert_eq!(local, Ok(bench.address(0).with_port(7002)));
    }
    // The same pair of endpoints a second time.
    let qp3 = bench
        .qp(stage.a.pd, stage.a.cq, QpSizes::default(), 0xA3)
        .expect("qp");
    let (third, third_begun) = connect(qp3, stage.at);
    assert_eq!(bench.end(&third_begun), STATUS_ADDRESS_ALREADY_EXISTS);
    // It stays until the last connector is closed.
    // SAFETY: a live object.
    let function = unsafe { (*(*endpoint).Dispatch).NdkCloseSharedEndpoint };
    let closing = bench.begin_close(endpoint.cast(), function);
    bench.settle();
    assert_eq!(closing.callback.count(), 0);
    for requested in [stage.requested, second_requested] {
        let passive: *mut NDK_CONNECTOR = requested.object();
        assert_eq!(call!(passive, NdkReject, null(), 0), STATUS_SUCCESS);
        close!(bench, passive, NdkCloseConnector);
    }
    assert_eq!(bench.end(&first_begun), STATUS_CONNECTION_REFUSED);
    assert_eq!(bench.end(&second_begun), STATUS_CONNECTION_REFUSED);
    for connector in [first, second, third] {
        close!(bench, connector, NdkCloseConnector);
    }
    assert_eq!(bench.end(&closing), STATUS_SUCCESS);
    close!(bench, qp2, NdkCloseQp);
    close!(bench, qp3, NdkCloseQp);
    close!(bench, second_listener, NdkCloseListener);
    stage.close();
}

fn disconnect_is_graceful<'b>(bench: &'b Bench<'b>) {
    for passive_first in [false, true] {
        let link = Link::new(bench, Wanted::default());
        let (first, second, left, other_left) = if passive_first {
            (link.passive, link.active, link.a_left, link.b_left)
        } else {
            (link.active, link.passive, link.b_left, link.a_left)
        };
        let (near, far) = if passive_first {
            (&link.b, &link.a)
        } else {
            (&link.a, &link.b)
        };
        assert_eq!(far.receive(5, &[far.sge(0, 8)]), STATUS_SUCCESS);
        assert_eq!(near.receive(6, &[near.sge(0, 8)]), STATUS_SUCCESS);
        assert_eq!(link.disconnect(first), STATUS_SUCCESS);
        // Followed by an implicit flush here,
        assert_eq!(bench.result(near.cq).Status, STATUS_CANCELLED);
        // but the peer is told, once, and nothing of it is flushed.
        bench.wait("disconnect event", || left.count() == 1);
        bench.nothing(far.cq);
        assert_eq!(far.send(1, &[far.sge(0, 8)], 0), STATUS_CONNECTION_INVALID);
        assert_eq!(link.disconnect(second), STATUS_SUCCESS);
        assert_eq!(bench.result(far.cq).Status, STATUS_CANCELLED);
        bench.settle();
        assert_eq!(other_left.count(), 0, "who disconnects is not told");
        link.close();
    }
}

/// NdkFlush, then NdkCloseConnector without a disconnect, is how the sample consumer goes.
fn peers_close_is_a_disconnect<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    call!(link.a.qp, NdkFlush);
    close!(bench, link.active, NdkCloseConnector);
    bench.wait("disconnect event", || link.b_left.count() == 1);
    assert_eq!(link.a_left.count(), 0);
    close!(bench, link.passive, NdkCloseConnector);
    close!(bench, link.listener, NdkCloseListener);
    link.a.close(bench);
    link.b.close(bench);
}

fn extended_callbacks_give_a_reason<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let (active, connecting, passive) = stage.request(&[]);
    let (a_left, b_left) = (bench.callback("left ex", 1), bench.callback("left ex", 1));
    let accepting = bench.begin("accept ex", |done, context| {
        call!(
            passive,
            NdkAcceptEx,
            stage.b.qp,
            1,
            1,
            null(),
            0,
            Some(with_reason),
            b_left.context(),
            done,
            context,
        )
    });
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    let status = bench.request("complete connect ex", |done, context| {
        call!(
            active,
            NdkCompleteConnectEx,
            Some(with_reason),
            a_left.context(),
            done,
            context
        )
    });
    assert_eq!(status, STATUS_SUCCESS);
    assert_eq!(bench.end(&accepting), STATUS_SUCCESS);
    assert_eq!(disconnect(bench, active), STATUS_SUCCESS);
    bench.wait("disconnect event", || b_left.count() == 1);
    assert_eq!(b_left.status(), 0, "it simply left");
    assert_eq!(a_left.count(), 0);
    close!(bench, active, NdkCloseConnector);
    close!(bench, passive, NdkCloseConnector);
    stage.close();
}

fn fixed_source_port_is_reserved<'b>(bench: &'b Bench<'b>) {
    let stage = Stage::new(bench);
    let from = bench.address(0).with_port(7003);
    let active = connector(bench, stage.a.adapter);
    let begun = begin_connect(bench, (active, stage.a.qp), (from, stage.at), (1, 1), &[]);
    bench.wait("connect event", || stage.requested.count() == 1);
    let passive: *mut NDK_CONNECTOR = stage.requested.object();
    let peer = Socket::ask(|to, length| call!(passive, NdkGetPeerAddress, to, length));
    assert_eq!(peer, Ok(from));
    let qp2 = bench
        .qp(stage.a.pd, stage.a.cq, QpSizes::default(), 0xA2)
        .expect("qp");
    let other = connector(bench, stage.a.adapter);
    let second = begin_connect(bench, (other, qp2), (from, stage.at), (1, 1), &[]);
    assert_eq!(bench.end(&second), STATUS_SHARING_VIOLATION);
    assert_eq!(call!(passive, NdkReject, null(), 0), STATUS_SUCCESS);
    assert_eq!(bench.end(&begun), STATUS_CONNECTION_REFUSED);
    // A failed attempt gives the port back.
    let third = begin_connect(bench, (other, qp2), (from, stage.at), (1, 1), &[]);
    bench.wait("connect event", || stage.requested.count() == 2);
    let again: *mut NDK_CONNECTOR = stage.requested.object();
    close!(bench, again, NdkCloseConnector);
    assert!(bench.end(&third) < 0);
    for connector in [active, other, passive] {
        close!(bench, connector, NdkCloseConnector);
    }
    close!(bench, qp2, NdkCloseQp);
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
