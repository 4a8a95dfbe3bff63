//! Work requests over a connection: operations, flags, errors.

use std::ptr::{null, null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, QpSizes, bytes, fill, poll};
use crate::link::{ALL_RIGHTS, Link, Wanted, count};
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
    logical_addresses_with_the_privileged_token: [12, 21, 84, 96];
    privileged_token_is_local_only: [92, 96];
    fast_register_moves_data: [39, 40, 50, 95];
    fast_register_is_checked: [39, 95];
    send_and_invalidate_takes_the_token_away: [43, 83, 93];
    bad_invalidate_breaks_the_connection: [93];
    read_with_local_invalidate: [90];
    windows_are_bound_and_invalidated: [38, 40, 53, 94];
    bind_is_checked: [38, 94];
    remote_rights_are_enforced: [92];
    errors_flush_what_follows: [83, 85];
    receive_too_short_is_told: [37, 83];
    flush_cancels_receives: [35];
    zero_length_messages: [36, 42];
    eight_mebibytes_at_once: [42, 46];
    ping_comes_back_as_it_went: [36, 37, 41, 42];
}

const SILENT: u32 = NDK_OP_FLAG_SILENT_SUCCESS;

/// Waits for a good completion of this kind and context.
#[track_caller]
fn good(
    bench: &Bench<'_>,
    cq: *mut NDK_CQ,
    kind: NDK_OPERATION_TYPE,
    context: usize,
) -> NDK_RESULT_EX {
    let result = bench.result(cq);
    assert_eq!(
        (
            result.Status,
            result.Type,
            result.RequestContext,
            result.ProviderErrorCode
        ),
        (STATUS_SUCCESS, kind, without_provenance_mut(context), 0),
        "{result:x?}"
    );
    result
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed.wrapping_mul(97)) as u8)
        .collect()
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

/// Page addresses of memory.
fn pages(adapter: *mut NDK_ADAPTER, mdl: *mut MDL, length: usize) -> Vec<i64> {
    let count = length.div_ceil(4096);
    let mut list = vec![0i64; 2 + count];
    let mut size = u32::try_from(list.len() * 8).expect("short");
    let mut offset = 0;
    let status = call!(
        adapter,
        NdkBuildLAM,
        mdl,
        length,
        None,
        null_mut(),
        list.as_mut_ptr().cast(),
        &raw mut size,
        &raw mut offset,
    );
    assert_eq!((status, offset), (STATUS_SUCCESS, 0));
    list.split_off(2)
}

fn privileged(pd: *mut NDK_PD) -> u32 {
    let mut token = 0;
    call!(pd, NdkGetPrivilegedMemoryRegionToken, &raw mut token);
    token
}

fn logical_addresses_with_the_privileged_token<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let entry =
        |end: &crate::link::End<'_>, memory: &dyn crate::platform::Memory, at: u64, length: u32| {
            let page = pages(end.adapter, memory.mdl(), memory.len())[0];
            NDK_SGE {
                Address: page.cast_unsigned() + at,
                Length: length,
                MemoryRegionToken: privileged(end.pd),
            }
        };
    // Memory that no region has.
    let (ours, theirs) = (
        bench.platform.allocate(0, 4096),
        bench.platform.allocate(1, 4096),
    );
    let data = pattern(1000, 6);
    fill(&*ours, 24, &data);
    assert_eq!(
        link.b.receive(2, &[entry(&link.b, &*theirs, 8, 1000)]),
        STATUS_SUCCESS
    );
    assert_eq!(
        link.a.send(1, &[entry(&link.a, &*ours, 24, 1000)], 0),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeSend, 1);
    assert_eq!(
        good(bench, link.b.cq, NdkOperationTypeReceive, 2).BytesTransferred,
        1000
    );
    assert_eq!(bytes(&*theirs, 8, 1000), data);
    assert_eq!(
        link.a
            .write(3, &[entry(&link.a, &*ours, 24, 1000)], link.b.remote(0), 0),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeWrite, 3);
    assert_eq!(
        link.a.read(
            4,
            &[entry(&link.a, &*ours, 2048, 1000)],
            link.b.remote(0),
            0
        ),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeRead, 4);
    assert_eq!(bytes(&*ours, 2048, 1000), data);
    link.close();
}

fn privileged_token_is_local_only<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let page = pages(link.b.adapter, link.b.memory.mdl(), 4096)[0];
    let to = (page.cast_unsigned(), privileged(link.b.pd));
    assert_eq!(link.a.write(1, &[link.a.sge(0, 8)], to, 0), STATUS_SUCCESS);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    link.close();
}

fn fast_region(bench: &Bench<'_>, pd: *mut NDK_PD, pages: u32, remote: bool) -> *mut NDK_MR {
    let mr = bench.mr(pd, true);
    let status = bench.request("initialise", |done, context| {
        call!(
            mr,
            NdkInitializeFastRegisterMr,
            pages,
            u8::from(remote),
            done,
            context
        )
    });
    assert_eq!(status, STATUS_SUCCESS);
    mr
}

/// What NdkFastRegister says of pages.
#[derive(Clone, Copy)]
struct Fast<'p> {
    pages: &'p [i64],
    offset: u32,
    length: usize,
    base: usize,
}

fn fast_register(
    qp: *mut NDK_QP,
    context: usize,
    mr: *mut NDK_MR,
    fast: Fast<'_>,
    flags: u32,
) -> NTSTATUS {
    call!(
        qp,
        NdkFastRegister,
        without_provenance_mut(context),
        mr,
        u32::try_from(fast.pages.len()).expect("short"),
        fast.pages.as_ptr(),
        fast.offset,
        fast.length,
        without_provenance_mut(fast.base),
        flags,
    )
}

/// As the sample consumer does it: a base of its own, data, invalidate, and again; FRMRs of 512 pages.
fn fast_register_moves_data<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let mr = fast_region(bench, link.b.pd, 512, true);
    let token = call!(mr, NdkGetRemoteTokenFromMr);
    let memory = bench.platform.allocate(1, 512 * 4096);
    let list = pages(link.b.adapter, memory.mdl(), memory.len());
    let rights = NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
    for round in 0..3 {
        let base = 0x7000_0000_0000 + round * 0x1000_0000 + 16;
        let fast = Fast {
            pages: &list,
            offset: 16,
            length: memory.len() - 16,
            base,
        };
        assert_eq!(
            fast_register(link.b.qp, 1, mr, fast, rights),
            STATUS_SUCCESS
        );
        assert_eq!(
            call!(mr, NdkGetRemoteTokenFromMr),
            token,
            "constant for life"
        );
        good(bench, link.b.cq, NdkOperationTypeFastRegister, 1);
        let data = pattern(30000, round);
        fill(&*link.a.memory, 0, &data);
        let to = (base as u64 + 1_000_000, token);
        assert_eq!(
            link.a.write(2, &[link.a.sge(0, 30000)], to, 0),
            STATUS_SUCCESS
        );
        good(bench, link.a.cq, NdkOperationTypeWrite, 2);
        assert_eq!(bytes(&*memory, 16 + 1_000_000, 30000), data);
        // Deferred with what follows, and silent.
        let flags = SILENT | NDK_OP_FLAG_DEFER;
        let status = call!(link.b.qp, NdkInvalidate, null_mut(), mr.cast(), flags);
        assert_eq!(status, STATUS_SUCCESS);
        assert_eq!(
            fast_register(link.b.qp, 3, mr, fast, rights),
            STATUS_SUCCESS
        );
        good(bench, link.b.cq, NdkOperationTypeFastRegister, 3);
        let status = call!(
            link.b.qp,
            NdkInvalidate,
            without_provenance_mut(4),
            mr.cast(),
            0
        );
        assert_eq!(status, STATUS_SUCCESS);
        good(bench, link.b.cq, NdkOperationTypeInvalidate, 4);
    }
    // Invalidated, it is of no use to a peer.
    assert_eq!(
        link.a
            .write(5, &[link.a.sge(0, 8)], (0x7000_0000_0010, token), 0),
        STATUS_SUCCESS
    );
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    close!(bench, mr, NdkCloseMr);
    link.close();
}

fn fast_register_is_checked<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let (local, remote) = (
        fast_region(bench, link.a.pd, 16, false),
        fast_region(bench, link.a.pd, 16, true),
    );
    let list = pages(link.a.adapter, link.a.memory.mdl(), 16 * 4096);
    let fine = Fast {
        pages: &list,
        offset: 0,
        length: 16 * 4096,
        base: 0x10000,
    };
    let many = [list.as_slice(), &list[..1]].concat();
    let crooked = [list[0] + 8];
    let wrong = [
        Fast { pages: &[], ..fine },
        Fast {
            pages: &many,
            ..fine
        },
        Fast {
            pages: &crooked,
            length: 8,
            ..fine
        },
        Fast {
            offset: 4096,
            ..fine
        },
        Fast { length: 0, ..fine },
        Fast {
            length: 16 * 4096 + 1,
            ..fine
        },
        Fast {
            offset: 8,
            base: 0x10008,
            ..fine
        },
        Fast {
            base: 0x10001,
            ..fine
        },
        Fast {
            offset: 8,
            base: 0,
            length: 8,
            ..fine
        },
        Fast {
            base: usize::MAX - 4095,
            length: 8192,
            ..fine
        },
    ];
    for (at, fast) in wrong.into_iter().enumerate() {
        assert_eq!(
            fast_register(link.a.qp, 1, remote, fast, 0),
            STATUS_INVALID_PARAMETER,
            "{at}"
        );
    }
    for flags in [
        NDK_OP_FLAG_ALLOW_REMOTE_READ,
        NDK_OP_FLAG_ALLOW_REMOTE_WRITE,
    ] {
        assert_eq!(
            fast_register(link.a.qp, 1, local, fine, flags),
            STATUS_ACCESS_VIOLATION
        );
    }
    assert_eq!(
        fast_register(link.a.qp, 1, remote, fine, NDK_OP_FLAG_INLINE),
        STATUS_INVALID_PARAMETER
    );
    // A region of the other kind, a window's or nothing's handle.
    assert_eq!(
        fast_register(link.a.qp, 1, link.a.mr, fine, 0),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        fast_register(link.a.qp, 1, null_mut(), fine, 0),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        call!(link.a.qp, NdkInvalidate, null_mut(), link.a.mr.cast(), 0),
        STATUS_INVALID_PARAMETER
    );
    assert_eq!(
        call!(link.a.qp, NdkInvalidate, null_mut(), null_mut(), 0),
        STATUS_INVALID_PARAMETER
    );
    // A read sink is always accepted.
    let flags = NDK_OP_FLAG_RDMA_READ_SINK | NDK_OP_FLAG_ALLOW_LOCAL_WRITE;
    assert_eq!(
        fast_register(link.a.qp, 2, local, fine, flags),
        STATUS_SUCCESS
    );
    good(bench, link.a.cq, NdkOperationTypeFastRegister, 2);
    let token = call!(local, NdkGetLocalTokenFromMr);
    let sink = NDK_SGE {
        Address: 0x10000 + 64,
        Length: 64,
        MemoryRegionToken: token,
    };
    fill(&*link.b.memory, 0, &[0x5A; 64]);
    assert_eq!(link.a.read(3, &[sink], link.b.remote(0), 0), STATUS_SUCCESS);
    good(bench, link.a.cq, NdkOperationTypeRead, 3);
    assert_eq!(bytes(&*link.a.memory, 64, 64), [0x5A; 64]);
    // Registered twice without an invalidate.
    assert_eq!(fast_register(link.a.qp, 4, local, fine, 0), STATUS_SUCCESS);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_ACCESS_VIOLATION);
    close!(bench, local, NdkCloseMr);
    close!(bench, remote, NdkCloseMr);
    link.close();
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
