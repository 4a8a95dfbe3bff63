//! Listeners, shared endpoints and ports.

use std::ptr::null;

use ndis_sys::ndk::*;

use super::Stage;
use crate::bench::{Bench, QpSizes, Socket};
use crate::conformance::tests;
use crate::link::{begin_connect, connector, listen, listener, listener_address};
use crate::platform::Address;
use crate::{call, close};

tests! {
    paused_listener_refuses: [74];
    listener_wants_an_address_of_ours: [72];
    shared_endpoint_starts_many: [60, 54];
    fixed_source_port_is_reserved: [59, 102];
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
    let (active, connecting, passive) = stage.request_until_heard();
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
