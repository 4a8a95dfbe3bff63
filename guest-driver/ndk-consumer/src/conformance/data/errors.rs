//! Requests that fail, and what becomes of those behind them.

use std::ptr::without_provenance_mut;

use ndis_sys::ndk::*;

use super::SILENT;
use crate::bench::{Bench, poll};
use crate::conformance::tests;
use crate::link::{Link, Wanted};
use crate::{call, close};

tests! {
    remote_rights_are_enforced: [92];
    errors_flush_what_follows: [83, 85];
    receive_too_short_is_told: [37, 83];
    flush_cancels_receives: [35];
}

fn remote_rights_are_enforced<'b>(bench: &'b Bench<'b>) {
    for (rights, write, allowed) in [
        (NDK_MR_FLAG_ALLOW_REMOTE_READ, false, true),
        (NDK_MR_FLAG_ALLOW_REMOTE_READ, true, false),
        (NDK_MR_FLAG_ALLOW_REMOTE_WRITE, true, true),
        (NDK_MR_FLAG_ALLOW_REMOTE_WRITE, false, false),
        (NDK_MR_FLAG_ALLOW_LOCAL_WRITE, true, false),
        (0, false, false),
    ] {
        let link = Link::new(bench, Wanted::default());
        let memory = bench.platform.allocate(1, 4096);
        let mr = bench.region(link.b.pd, &*memory, rights);
        let to = (memory.address(), call!(mr, NdkGetRemoteTokenFromMr));
        let list = [link.a.sge(0, 16)];
        let status = if write {
            link.a.write(1, &list, to, 0)
        } else {
            link.a.read(1, &list, to, 0)
        };
        assert_eq!(status, STATUS_SUCCESS);
        let expected = if allowed {
            STATUS_SUCCESS
        } else {
            STATUS_ACCESS_VIOLATION
        };
        assert_eq!(
            bench.result(link.a.cq).Status,
            expected,
            "{rights:#x} {write}"
        );
        close!(bench, mr, NdkCloseMr);
        link.close();
    }
}

fn errors_flush_what_follows<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    assert_eq!(link.b.receive(50, &[link.b.sge(0, 8)]), STATUS_SUCCESS);
    let list = [link.a.sge(0, 8)];
    assert_eq!(
        link.a.write(1, &list, (0, 0), NDK_OP_FLAG_DEFER),
        STATUS_SUCCESS
    );
    for at in 2..5 {
        let flags = SILENT | if at < 4 { NDK_OP_FLAG_DEFER } else { 0 };
        assert_eq!(
            link.a.write(at, &list, link.b.remote(0), flags),
            STATUS_SUCCESS
        );
    }
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    for at in 2..5 {
        let result = bench.result(link.a.cq);
        assert_eq!(
            (result.Status, result.RequestContext),
            (STATUS_CANCELLED, without_provenance_mut(at))
        );
    }
    // The responder's receives are cancelled, sooner or later by its consumer.
    call!(link.b.qp, NdkFlush);
    let result = bench.result(link.b.cq);
    assert_eq!(
        (result.Status, result.RequestContext),
        (STATUS_CANCELLED, without_provenance_mut(50))
    );
    link.close();
}

fn receive_too_short_is_told<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    assert_eq!(link.b.receive(2, &[link.b.sge(0, 63)]), STATUS_SUCCESS);
    assert_eq!(link.a.send(1, &[link.a.sge(0, 64)], 0), STATUS_SUCCESS);
    assert_eq!(bench.result(link.b.cq).Status, STATUS_BUFFER_OVERFLOW);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_REMOTE_RESOURCES);
    link.close();
}

fn flush_cancels_receives<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    for at in 0..5 {
        assert_eq!(link.a.receive(at, &[link.a.sge(0, 8)]), STATUS_SUCCESS);
    }
    // Twice in a row, while the first is under way.
    call!(link.a.qp, NdkFlush);
    call!(link.a.qp, NdkFlush);
    for at in 0..5 {
        let result = bench.result(link.a.cq);
        assert_eq!(
            (result.Status, result.RequestContext),
            (STATUS_CANCELLED, without_provenance_mut(at))
        );
    }
    bench.settle();
    assert!(poll(link.a.cq).is_none());
    link.close();
}
