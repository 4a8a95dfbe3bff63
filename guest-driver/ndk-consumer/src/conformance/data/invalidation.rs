//! Tokens that requests take away, and windows.

use std::ptr::{null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use super::registration::{Fast, fast_region, fast_register, pages};
use super::{good, pattern};
use crate::bench::{Bench, bytes, fill};
use crate::conformance::tests;
use crate::link::{Link, Wanted, count};
use crate::{call, close};

tests! {
    send_and_invalidate_takes_the_token_away: [43, 83, 93];
    bad_invalidate_breaks_the_connection: [93];
    read_with_local_invalidate: [90];
    windows_are_bound_and_invalidated: [38, 40, 53, 94];
    bind_is_checked: [38, 94];
}

fn registered<'b>(
    bench: &'b Bench<'b>,
    end: &crate::link::End<'b>,
    rights: u32,
) -> (*mut NDK_MR, u32) {
    let mr = fast_region(bench, end.pd, 16, true);
    let list = pages(end.adapter, end.memory.mdl(), 16 * 4096);
    let fast = Fast {
        pages: &list,
        offset: 0,
        length: 16 * 4096,
        base: 0x20000,
    };
    assert_eq!(fast_register(end.qp, 90, mr, fast, rights), STATUS_SUCCESS);
    good(bench, end.cq, NdkOperationTypeFastRegister, 90);
    (mr, call!(mr, NdkGetRemoteTokenFromMr))
}

fn send_and_invalidate(link: &Link<'_>, context: usize, list: &[NDK_SGE], token: u32) -> NTSTATUS {
    let context = without_provenance_mut(context);
    call!(
        link.a.qp,
        NdkSendAndInvalidate,
        context,
        list.as_ptr(),
        count(list),
        0,
        token
    )
}

fn send_and_invalidate_takes_the_token_away<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let (mr, token) = registered(bench, &link.b, NDK_OP_FLAG_ALLOW_REMOTE_WRITE);
    assert_eq!(link.b.receive(7, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
    assert_eq!(
        send_and_invalidate(&link, 1, &[link.a.sge(0, 16)], token),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeSend, 1);
    let result = good(bench, link.b.cq, NdkOperationTypeReceiveAndInvalidate, 7);
    assert_eq!(result.BytesTransferred, 16);
    assert_eq!(result.TypeSpecificCompletionOutput as u32, token);
    // Plain results do not say so, but give it.
    let (other, token) = registered(bench, &link.b, NDK_OP_FLAG_ALLOW_REMOTE_WRITE);
    assert_eq!(link.b.receive(8, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
    assert_eq!(send_and_invalidate(&link, 2, &[], token), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeSend, 2);
    bench.settle();
    let mut plain = NDK_RESULT {
        Status: -1,
        BytesTransferred: 9,
        QPContext: null_mut(),
        RequestContext: null_mut(),
    };
    assert_eq!(call!(link.b.cq, NdkGetCqResults, &raw mut plain, 1), 1);
    assert_eq!(
        (plain.Status, plain.RequestContext),
        (STATUS_SUCCESS, without_provenance_mut(8))
    );
    // It is invalid: once more does not go.
    assert_eq!(
        call!(
            link.b.qp,
            NdkInvalidate,
            without_provenance_mut(9),
            mr.cast(),
            0
        ),
        STATUS_SUCCESS
    );
    assert_eq!(
        bench.result(link.b.cq).Status,
        STATUS_INVALID_DEVICE_REQUEST
    );
    close!(bench, mr, NdkCloseMr);
    close!(bench, other, NdkCloseMr);
    link.close();
}

fn bad_invalidate_breaks_the_connection<'b>(bench: &'b Bench<'b>) {
    for plain_region in [false, true] {
        let link = Link::new(bench, Wanted::default());
        // A token of nothing, and one of a region that only its owner may take away.
        let token = if plain_region {
            link.b.token
        } else {
            0x1234_5678
        };
        assert_eq!(link.b.receive(7, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
        assert_eq!(
            send_and_invalidate(&link, 1, &[link.a.sge(0, 16)], token),
            STATUS_SUCCESS
        );
        assert!(bench.result(link.a.cq).Status < 0);
        let result = bench.result(link.b.cq);
        assert!(
            result.Status < 0 && result.Type == NdkOperationTypeReceive,
            "{result:x?}"
        );
        link.close();
    }
}

fn read_with_local_invalidate<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let (mr, token) = registered(bench, &link.a, NDK_OP_FLAG_ALLOW_LOCAL_WRITE);
    let sink = NDK_SGE {
        Address: 0x20000 + 128,
        Length: 64,
        MemoryRegionToken: token,
    };
    fill(&*link.b.memory, 0, &[0xA5; 64]);
    let flags = NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE;
    assert_eq!(
        link.a.read(1, &[sink], link.b.remote(0), flags),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeRead, 1);
    assert_eq!(bytes(&*link.a.memory, 128, 64), [0xA5; 64]);
    // The token is gone.
    assert_eq!(link.a.read(2, &[sink], link.b.remote(0), 0), STATUS_SUCCESS);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    close!(bench, mr, NdkCloseMr);
    link.close();
}

fn window(bench: &Bench<'_>, pd: *mut NDK_PD) -> *mut NDK_MW {
    bench
        .create("mw", |done, context, place| {
            call!(pd, NdkCreateMw, done, context, place)
        })
        .expect("mw")
}

fn bind(
    end: &crate::link::End<'_>,
    context: usize,
    (mr, mw): (*mut NDK_MR, *mut NDK_MW),
    (at, length): (usize, usize),
    flags: u32,
) -> NTSTATUS {
    let address =
        without_provenance_mut(usize::try_from(end.memory.address()).expect("64 bits") + at);
    call!(
        end.qp,
        NdkBind,
        without_provenance_mut(context),
        mr,
        mw,
        address,
        length,
        flags
    )
}

fn windows_are_bound_and_invalidated<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let mw = window(bench, link.b.pd);
    let rights = NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
    let mut tokens = Vec::new();
    for round in 0..3 {
        assert_eq!(
            bind(&link.b, 1, (link.b.mr, mw), (4096, 4096), rights),
            STATUS_SUCCESS
        );
        let token = call!(mw, NdkGetRemoteTokenFromMw);
        tokens.push(token);
        good(bench, link.b.cq, NdkOperationTypeBind, 1);
        let data = pattern(4096, round);
        fill(&*link.a.memory, 0, &data);
        let to = (link.b.memory.address() + 4096, token);
        assert_eq!(
            link.a.write(2, &[link.a.sge(0, 4096)], to, 0),
            STATUS_SUCCESS
        );
        good(bench, link.a.cq, NdkOperationTypeWrite, 2);
        assert_eq!(bytes(&*link.b.memory, 4096, 4096), data);
        let status = call!(
            link.b.qp,
            NdkInvalidate,
            without_provenance_mut(3),
            mw.cast(),
            0
        );
        assert_eq!(status, STATUS_SUCCESS);
        good(bench, link.b.cq, NdkOperationTypeInvalidate, 3);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "an old token must not open a new window");
    // Outside of the window, inside of the region.
    assert_eq!(
        bind(&link.b, 1, (link.b.mr, mw), (4096, 4096), rights),
        STATUS_SUCCESS
    );
    good(bench, link.b.cq, NdkOperationTypeBind, 1);
    let to = (
        link.b.memory.address() + 8191,
        call!(mw, NdkGetRemoteTokenFromMw),
    );
    assert_eq!(link.a.write(4, &[link.a.sge(0, 2)], to, 0), STATUS_SUCCESS);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    // The region has a window: it is busy, and its close waits.
    let busy = bench.request("deregister", |done, context| {
        call!(link.b.mr, NdkDeregisterMr, done, context)
    });
    assert_eq!(busy, STATUS_DEVICE_BUSY);
    close!(bench, mw, NdkCloseMw);
    link.close();
}

fn bind_is_checked<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let mw = window(bench, link.a.pd);
    let memory = bench.platform.allocate(0, 4096);
    let unwritable = bench.region(link.a.pd, &*memory, NDK_MR_FLAG_ALLOW_REMOTE_READ);
    let idle = bench.mr(link.a.pd, false);
    let write = NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
    assert_eq!(
        bind(&link.a, 1, (unwritable, mw), (0, 8), write),
        STATUS_ACCESS_VIOLATION
    );
    assert_eq!(
        bind(&link.a, 1, (idle, mw), (0, 8), write),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        bind(&link.a, 1, (null_mut(), mw), (0, 8), write),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        bind(&link.a, 1, (link.a.mr, null_mut()), (0, 8), write),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        bind(&link.a, 1, (link.a.mr, mw), (0, 8), NDK_OP_FLAG_INLINE),
        STATUS_INVALID_PARAMETER
    );
    bench.nothing(link.a.cq);
    // A range outside of the region is noticed when it executes.
    assert_eq!(
        bind(&link.a, 2, (link.a.mr, mw), (65530, 100), write),
        STATUS_SUCCESS
    );
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    close!(bench, mw, NdkCloseMw);
    close!(bench, idle, NdkCloseMr);
    close!(bench, unwritable, NdkCloseMr);
    link.close();
}
