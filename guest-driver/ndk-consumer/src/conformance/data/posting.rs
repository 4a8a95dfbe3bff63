//! What is posted and how: sends, writes, reads, and their flags.

use std::ptr::{null, null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use super::{SILENT, good, pattern};
use crate::bench::{Bench, QpSizes, bytes, fill};
use crate::conformance::tests;
use crate::link::{ALL_RIGHTS, Link, Wanted};
use crate::{call, close};

tests! {
    sends_arrive_in_order: [28, 36, 37, 83];
    write_and_read_move_memory: [41, 42, 84];
    not_connected_refuses_initiators: [35, 36, 38, 39, 40, 41, 42, 43];
    silent_success_is_silent: [85];
    fenced_request_waits_for_reads: [86];
    inline_data_is_copied_before_return: [84, 88];
    deferred_requests_are_handed_over: [89];
    flags_that_do_not_belong_are_refused: [36, 38, 39, 40, 41, 42, 43];
    full_queues_refuse: [36, 37];
    too_many_entries_are_refused: [36, 37, 41, 42, 88];
    zero_length_messages: [36, 42];
    eight_mebibytes_at_once: [42, 46];
    ping_comes_back_as_it_went: [36, 37, 41, 42];
}

fn sends_arrive_in_order<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    for (from, to) in [(&link.a, &link.b), (&link.b, &link.a)] {
        for at in 0..4 {
            let (first, second) = (
                to.sge(32768 + at * 256, 100),
                to.sge(32768 + at * 256 + 128, 100),
            );
            assert_eq!(to.receive(at, &[first, second]), STATUS_SUCCESS);
        }
        for at in 0..4 {
            let data = pattern(150, at);
            fill(&*from.memory, at * 256, &data);
            let list = [
                from.sge(at * 256, 50),
                from.sge(at * 256 + 50, 0),
                from.sge(at * 256 + 50, 100),
            ];
            assert_eq!(from.send(40 + at, &list, 0), STATUS_SUCCESS);
        }
        for at in 0..4 {
            good(bench, from.cq, NdkOperationTypeSend, 40 + at);
            let result = good(bench, to.cq, NdkOperationTypeReceive, at);
            assert_eq!(result.BytesTransferred, 150);
            assert_eq!(result.QPContext, without_provenance_mut(to.context));
            let mut arrived = bytes(&*to.memory, 32768 + at * 256, 100);
            arrived.extend(bytes(&*to.memory, 32768 + at * 256 + 128, 50));
            assert_eq!(arrived, pattern(150, at));
        }
    }
    link.close();
}

fn write_and_read_move_memory<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let data = pattern(20000, 1);
    fill(&*link.a.memory, 100, &data);
    let list = [link.a.sge(100, 12000), link.a.sge(12100, 8000)];
    assert_eq!(link.a.write(1, &list, link.b.remote(7), 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeWrite, 1);
    assert_eq!(bytes(&*link.b.memory, 7, 20000), data);
    let list = [link.a.sge(40000, 5000), link.a.sge(45000, 15000)];
    assert_eq!(link.a.read(2, &list, link.b.remote(7), 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeRead, 2);
    assert_eq!(bytes(&*link.a.memory, 40000, 20000), data);
    bench.nothing(link.b.cq);
    link.close();
}

fn not_connected_refuses_initiators(bench: &Bench<'_>) {
    let end = crate::link::End::new(bench, 0, 0xA, QpSizes::default());
    let list = [end.sge(0, 8)];
    let sgl = (list.as_ptr(), 1);
    let qp = end.qp;
    let fast = bench.mr(end.pd, true);
    let status = bench.request("initialise", |done, context| {
        call!(fast, NdkInitializeFastRegisterMr, 16, 1, done, context)
    });
    assert_eq!(status, STATUS_SUCCESS);
    let start = |done, context, place| call!(end.pd, NdkCreateMw, done, context, place);
    let mw: *mut NDK_MW = bench.create("mw", start).expect("mw");
    let page = 0x1000i64;
    let base = without_provenance_mut(0x10000);
    let statuses = [
        call!(qp, NdkSend, null_mut(), sgl.0, sgl.1, 0),
        call!(qp, NdkSendAndInvalidate, null_mut(), sgl.0, sgl.1, 0, 7),
        call!(qp, NdkWrite, null_mut(), sgl.0, sgl.1, 0, 0, 0),
        call!(qp, NdkRead, null_mut(), sgl.0, sgl.1, 0, 0, 0),
        call!(qp, NdkInvalidate, null_mut(), fast.cast(), 0),
        call!(
            qp,
            NdkFastRegister,
            null_mut(),
            fast,
            1,
            &raw const page,
            0,
            4096,
            base,
            0
        ),
        call!(
            qp,
            NdkBind,
            null_mut(),
            end.mr,
            mw,
            without_provenance_mut(4096),
            1,
            NDK_OP_FLAG_ALLOW_REMOTE_READ
        ),
    ];
    assert_eq!(statuses, [STATUS_CONNECTION_INVALID; 7]);
    // Receives are taken, and flushed on a queue pair that never was connected.
    assert_eq!(end.receive(5, &list), STATUS_SUCCESS);
    call!(qp, NdkFlush);
    let result = bench.result(end.cq);
    assert_eq!(
        (result.Status, result.RequestContext),
        (STATUS_CANCELLED, without_provenance_mut(5))
    );
    assert_eq!(end.receive(6, &list), STATUS_SUCCESS, "it stays usable");
    close!(bench, mw, NdkCloseMw);
    close!(bench, fast, NdkCloseMr);
    end.close(bench);
}

fn silent_success_is_silent<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    // Many more than the queue is deep: places come back without completions.
    for at in 0..100 {
        bench.wait("a place", || {
            match link
                .a
                .write(at, &[link.a.sge(0, 64)], link.b.remote(0), SILENT)
            {
                STATUS_SUCCESS => true,
                status => {
                    assert_eq!(status, STATUS_NO_MORE_ENTRIES);
                    false
                }
            }
        });
    }
    bench.nothing(link.a.cq);
    // In error it completes all the same.
    assert_eq!(
        link.a.write(7, &[link.a.sge(0, 64)], (1, 2), SILENT),
        STATUS_SUCCESS
    );
    let result = bench.result(link.a.cq);
    assert_eq!(
        (result.Status, result.RequestContext),
        (STATUS_ACCESS_VIOLATION, without_provenance_mut(7))
    );
    assert_ne!(result.ProviderErrorCode, 0);
    link.close();
}

fn fenced_request_waits_for_reads<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let data = pattern(4096, 3);
    fill(&*link.b.memory, 0, &data);
    for round in 0..8 {
        fill(&*link.a.memory, 0, &[0xEE; 4096]);
        assert_eq!(
            link.a
                .read(1, &[link.a.sge(0, 4096)], link.b.remote(0), SILENT),
            STATUS_SUCCESS
        );
        // What it sends is what the read brings.
        let back = link.b.remote(8192);
        let fence = NDK_OP_FLAG_READ_FENCE;
        assert_eq!(
            link.a.write(2, &[link.a.sge(0, 4096)], back, fence),
            STATUS_SUCCESS,
            "{round}"
        );
        good(bench, link.a.cq, NdkOperationTypeWrite, 2);
        assert_eq!(bytes(&*link.b.memory, 8192, 4096), data);
    }
    link.close();
}

fn inline_data_is_copied_before_return<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let mut data = pattern(64, 4);
    let expected = data.clone();
    // More entries than the queue pair was made for, memory that is registered nowhere, and a token of nonsense.
    let list: Vec<NDK_SGE> = data
        .chunks(8)
        .map(|chunk| NDK_SGE {
            Address: chunk.as_ptr().expose_provenance() as u64,
            Length: 8,
            MemoryRegionToken: 0xDEAD_BEEF,
        })
        .collect();
    assert_eq!(link.b.receive(2, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
    assert_eq!(link.a.send(1, &list, NDK_OP_FLAG_INLINE), STATUS_SUCCESS);
    assert_eq!(
        link.a
            .write(3, &list, link.b.remote(512), NDK_OP_FLAG_INLINE),
        STATUS_SUCCESS
    );
    data.fill(0);
    good(bench, link.a.cq, NdkOperationTypeSend, 1);
    good(bench, link.a.cq, NdkOperationTypeWrite, 3);
    assert_eq!(
        good(bench, link.b.cq, NdkOperationTypeReceive, 2).BytesTransferred,
        64
    );
    assert_eq!(bytes(&*link.b.memory, 0, 64), expected);
    assert_eq!(bytes(&*link.b.memory, 512, 64), expected);
    // One byte too long.
    let mut long = list.clone();
    long[0].Length = 9;
    assert_eq!(
        link.a.send(1, &long, NDK_OP_FLAG_INLINE),
        STATUS_BUFFER_OVERFLOW
    );
    bench.nothing(link.a.cq);
    link.close();
}

fn deferred_requests_are_handed_over<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let defer = |at: usize| {
        link.a.write(
            at,
            &[link.a.sge(0, 8)],
            link.b.remote(at * 8),
            NDK_OP_FLAG_DEFER,
        )
    };
    // A chain that ends without DEFER.
    for at in 0..14 {
        assert_eq!(defer(at), STATUS_SUCCESS);
    }
    assert_eq!(
        link.a.write(14, &[link.a.sge(0, 8)], link.b.remote(0), 0),
        STATUS_SUCCESS
    );
    for at in 0..15 {
        good(bench, link.a.cq, NdkOperationTypeWrite, at);
    }
    // A request that fails inline hands over what was deferred before it.
    let too_many = vec![link.a.sge(0, 1); 5];
    let failures: [(&dyn Fn() -> NTSTATUS, NTSTATUS); 3] = [
        (&|| link.a.send(9, &too_many, 0), STATUS_DATA_OVERRUN),
        (
            &|| link.a.send(9, &[], 0x8000_0000),
            STATUS_INVALID_PARAMETER,
        ),
        (
            &|| call!(link.a.qp, NdkSend, null_mut(), null(), 1, 0),
            STATUS_INVALID_PARAMETER,
        ),
    ];
    for (fail, status) in failures {
        assert_eq!(defer(3), STATUS_SUCCESS);
        assert_eq!(fail(), status);
        good(bench, link.a.cq, NdkOperationTypeWrite, 3);
    }
    // So does a flush.
    assert_eq!(defer(4), STATUS_SUCCESS);
    call!(link.a.qp, NdkFlush);
    let result = bench.result(link.a.cq);
    assert_eq!(result.RequestContext, without_provenance_mut(4));
    link.close();
}

fn flags_that_do_not_belong_are_refused<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let list = [link.a.sge(0, 8)];
    let to = link.b.remote(0);
    let refused = STATUS_INVALID_PARAMETER;
    for flag in [
        NDK_OP_FLAG_ALLOW_REMOTE_READ,
        NDK_OP_FLAG_ALLOW_LOCAL_WRITE,
        NDK_OP_FLAG_RDMA_READ_SINK,
        NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE,
        0x400,
        0x8000_0000,
    ] {
        assert_eq!(link.a.send(1, &list, flag), refused, "{flag:#x}");
        assert_eq!(link.a.write(1, &list, to, flag), refused, "{flag:#x}");
    }
    assert_eq!(
        link.a
            .write(1, &list, to, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT),
        refused
    );
    for flag in [
        NDK_OP_FLAG_INLINE,
        NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT,
        NDK_OP_FLAG_ALLOW_REMOTE_READ,
    ] {
        assert_eq!(link.a.read(1, &list, to, flag), refused, "{flag:#x}");
    }
    bench.nothing(link.a.cq);
    assert_eq!(
        link.a.send(1, &list, SILENT),
        STATUS_SUCCESS,
        "the connection lives"
    );
    link.close();
}

fn full_queues_refuse<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    for at in 0..16 {
        assert_eq!(link.b.receive(at, &[link.b.sge(0, 8)]), STATUS_SUCCESS);
    }
    assert_eq!(
        link.b.receive(16, &[link.b.sge(0, 8)]),
        STATUS_NO_MORE_ENTRIES
    );
    for at in 0..16 {
        assert_eq!(link.a.send(at, &[link.a.sge(0, 8)], 0), STATUS_SUCCESS);
    }
    // Their completions were not taken, so their places are not free.
    bench.settle();
    assert_eq!(
        link.a.send(16, &[link.a.sge(0, 8)], 0),
        STATUS_NO_MORE_ENTRIES
    );
    for at in 0..16 {
        good(bench, link.a.cq, NdkOperationTypeSend, at);
        good(bench, link.b.cq, NdkOperationTypeReceive, at);
    }
    assert_eq!(link.b.receive(17, &[link.b.sge(0, 8)]), STATUS_SUCCESS);
    assert_eq!(link.a.send(17, &[link.a.sge(0, 8)], 0), STATUS_SUCCESS);
    good(bench, link.b.cq, NdkOperationTypeReceive, 17);
    link.close();
}

fn too_many_entries_are_refused<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let list = [link.a.sge(0, 1); 5];
    let to = link.b.remote(0);
    assert_eq!(link.a.send(1, &list, 0), STATUS_DATA_OVERRUN);
    assert_eq!(link.a.write(1, &list, to, 0), STATUS_DATA_OVERRUN);
    assert_eq!(link.a.read(1, &list, to, 0), STATUS_DATA_OVERRUN);
    assert_eq!(link.a.receive(1, &list), STATUS_DATA_OVERRUN);
    let huge = call!(link.a.qp, NdkSend, null_mut(), list.as_ptr(), u32::MAX, 0);
    assert_eq!(huge, STATUS_DATA_OVERRUN);
    bench.nothing(link.a.cq);
    link.close();
}

fn zero_length_messages<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    assert_eq!(link.b.receive(2, &[]), STATUS_SUCCESS);
    assert_eq!(link.a.send(1, &[], 0), STATUS_SUCCESS);
    assert_eq!(link.a.write(3, &[], (0, 0), 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeSend, 1);
    good(bench, link.a.cq, NdkOperationTypeWrite, 3);
    assert_eq!(
        good(bench, link.b.cq, NdkOperationTypeReceive, 2).BytesTransferred,
        0
    );
    link.close();
}

/// MaxReadWriteSize of SMB Direct.
fn eight_mebibytes_at_once<'b>(bench: &'b Bench<'b>) {
    const LENGTH: usize = 8 << 20;
    let link = Link::new(bench, Wanted::default());
    let (from, to) = (
        bench.platform.allocate(0, LENGTH),
        bench.platform.allocate(1, LENGTH),
    );
    let (source, sink) = (
        bench.region(link.a.pd, &*from, NDK_MR_FLAG_ALLOW_LOCAL_WRITE),
        bench.region(link.b.pd, &*to, ALL_RIGHTS),
    );
    let data = pattern(LENGTH, 9);
    fill(&*from, 0, &data);
    let list = [NDK_SGE {
        Address: from.address(),
        Length: u32::try_from(LENGTH).expect("short"),
        MemoryRegionToken: call!(source, NdkGetLocalTokenFromMr),
    }];
    let remote = (to.address(), call!(sink, NdkGetRemoteTokenFromMr));
    assert_eq!(link.a.write(1, &list, remote, 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeWrite, 1);
    assert!(bytes(&*to, 0, LENGTH) == data, "8 MiB differ");
    fill(&*from, 0, &vec![0; LENGTH]);
    assert_eq!(link.a.read(2, &list, remote, 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeRead, 2);
    assert!(bytes(&*from, 0, LENGTH) == data, "8 MiB differ");
    close!(bench, source, NdkCloseMr);
    close!(bench, sink, NdkCloseMr);
    link.close();
}

/// rping's exchange.
fn ping_comes_back_as_it_went<'b>(bench: &'b Bench<'b>) {
    crate::ping::ping(bench, 8, 16000);
}
