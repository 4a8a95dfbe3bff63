//! Close, and what it waits for.

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, QpSizes};
use crate::link::{Link, Wanted, begin_connect, connector, listener_address};
use crate::{call, close};

tests! {
    parents_wait_for_children: [14, 22, 33, 44, 51, 77];
    listener_waits_for_its_connectors: [70, 77];
    close_ends_what_waits: [57, 76, 77];
    close_of_a_connected_queue_pair_waits: [33, 57];
    everything_closed_at_once: [4, 14, 22, 29, 33, 44, 51, 54, 57, 70, 77];
}

macro_rules! begin_close {
    ($bench:expr, $object:expr, $function:ident) => {{
        // SAFETY: a live object of the provider.
        let function = unsafe { (*(*$object).Dispatch).$function };
        $bench.begin_close($object.cast(), function)
    }};
}

fn parents_wait_for_children(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let (cq, _) = bench.cq(adapter, 4);
    let qp = bench.qp(pd, cq, QpSizes::default(), 0).expect("qp");
    let memory = bench.platform.allocate(0, 4096);
    let mr = bench.region(pd, &*memory, 0);
    let start = |done, context, place| call!(pd, NdkCreateMw, done, context, place);
    let mw: *mut NDK_MW = bench.create("mw", start).expect("mw");
    let parents = [
        begin_close!(bench, pd, NdkClosePd),
        begin_close!(bench, cq, NdkCloseCq),
    ];
    bench.settle();
    let counts = || parents.each_ref().map(|begun| begun.callback.count());
    assert_eq!(counts(), [0, 0]);
    close!(bench, mr, NdkCloseMr);
    close!(bench, mw, NdkCloseMw);
    bench.settle();
    assert_eq!(counts(), [0, 0], "the queue pair is there");
    close!(bench, qp, NdkCloseQp);
    for parent in &parents {
        assert_eq!(bench.end(parent), STATUS_SUCCESS);
    }
    bench.platform.close(0, adapter);
}

fn listener_waits_for_its_connectors<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let at = listener_address(link.listener).expect("address");
    let closing = begin_close!(bench, link.listener, NdkCloseListener);
    bench.settle();
    assert_eq!(closing.callback.count(), 0, "an accepted connector is open");
    // Requests are refused from the call on, and the address is taken until the end.
    let other = connector(bench, link.a.adapter);
    let qp = bench
        .qp(link.a.pd, link.a.cq, QpSizes::default(), 0)
        .expect("qp");
    let begun = begin_connect(bench, (other, qp), (bench.address(0), at), (1, 1), &[]);
    assert_eq!(bench.end(&begun), STATUS_CONNECTION_REFUSED);
    let (again, _) = crate::link::listener(bench, link.b.adapter);
    assert_eq!(
        crate::link::listen(bench, again, at),
        STATUS_SHARING_VIOLATION
    );
    close!(bench, link.passive, NdkCloseConnector);
    assert_eq!(bench.end(&closing), STATUS_SUCCESS);
    assert_eq!(crate::link::listen(bench, again, at), STATUS_SUCCESS);
    close!(bench, again, NdkCloseListener);
    close!(bench, other, NdkCloseConnector);
    close!(bench, qp, NdkCloseQp);
    close!(bench, link.active, NdkCloseConnector);
    link.a.close(bench);
    link.b.close(bench);
}

/// A close is the last callback of an object: requests end before it.
fn close_ends_what_waits<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let at = listener_address(link.listener).expect("address");
    let other = connector(bench, link.a.adapter);
    let qp = bench
        .qp(link.a.pd, link.a.cq, QpSizes::default(), 0)
        .expect("qp");
    let begun = begin_connect(bench, (other, qp), (bench.address(0), at), (1, 1), &[]);
    let closing = begin_close!(bench, other, NdkCloseConnector);
    bench.wait("close", || {
        let (closed, ended) = (closing.callback.count(), begun.callback.count());
        assert!(closed == 0 || ended == 1, "closed before the request ended");
        closed == 1
    });
    assert_eq!(begun.callback.status(), STATUS_CANCELLED);
    let initialising: Vec<_> = (0..4).map(|_| bench.mr(link.a.pd, true)).collect();
    for mr in initialising {
        let begun = bench.begin("initialise", |done, context| {
            call!(mr, NdkInitializeFastRegisterMr, 16, 1, done, context)
        });
        let closing = begin_close!(bench, mr, NdkCloseMr);
        assert_eq!(bench.end(&closing), STATUS_SUCCESS);
        assert_eq!(begun.callback.count(), 1);
    }
    close!(bench, qp, NdkCloseQp);
    link.close();
}

fn close_of_a_connected_queue_pair_waits<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    assert_eq!(link.a.receive(1, &[link.a.sge(0, 8)]), STATUS_SUCCESS);
    let closing = begin_close!(bench, link.a.qp, NdkCloseQp);
    bench.settle();
    assert_eq!(closing.callback.count(), 0, "its connector is open");
    close!(bench, link.active, NdkCloseConnector);
    assert_eq!(bench.end(&closing), STATUS_SUCCESS);
    // What it left in the completion queue is nobody's.
    bench.nothing(link.a.cq);
    close!(bench, link.passive, NdkCloseConnector);
    close!(bench, link.listener, NdkCloseListener);
    close!(bench, link.a.mr, NdkCloseMr);
    close!(bench, link.a.cq, NdkCloseCq);
    close!(bench, link.a.pd, NdkClosePd);
    bench.platform.close(0, link.a.adapter);
    link.b.close(bench);
}

/// In the worst order, and nobody waits before the end.
fn everything_closed_at_once<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    for at in 0..8 {
        assert_eq!(link.b.receive(at, &[link.b.sge(0, 4096)]), STATUS_SUCCESS);
        assert_eq!(link.a.send(at, &[link.a.sge(0, 4096)], 0), STATUS_SUCCESS);
    }
    let begun = [
        begin_close!(bench, link.a.pd, NdkClosePd),
        begin_close!(bench, link.b.pd, NdkClosePd),
        begin_close!(bench, link.a.cq, NdkCloseCq),
        begin_close!(bench, link.b.cq, NdkCloseCq),
        begin_close!(bench, link.listener, NdkCloseListener),
        begin_close!(bench, link.a.mr, NdkCloseMr),
        begin_close!(bench, link.b.mr, NdkCloseMr),
        begin_close!(bench, link.a.qp, NdkCloseQp),
        begin_close!(bench, link.b.qp, NdkCloseQp),
        begin_close!(bench, link.active, NdkCloseConnector),
        begin_close!(bench, link.passive, NdkCloseConnector),
    ];
    // An adapter's close waits for all that.
    bench.platform.close(0, link.a.adapter);
    bench.platform.close(1, link.b.adapter);
    for begun in &begun {
        assert_eq!(begun.callback.count(), 1);
    }
}
