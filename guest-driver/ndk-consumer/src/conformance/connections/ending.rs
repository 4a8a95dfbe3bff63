//! How connections end: rejects, disconnects, closes.

use std::ptr::null;

use ndis_sys::ndk::*;

use super::{Stage, data, disconnect};
use crate::bench::{Bench, with_reason};
use crate::conformance::tests;
use crate::link::{Link, Wanted, begin_accept};
use crate::{call, close};

tests! {
    reject_carries_private_data: [63, 80];
    active_side_may_reject: [63];
    close_is_a_reject: [57, 80];
    disconnect_is_graceful: [67, 81];
    peers_close_is_a_disconnect: [57, 81];
    extended_callbacks_give_a_reason: [68, 69, 82];
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
