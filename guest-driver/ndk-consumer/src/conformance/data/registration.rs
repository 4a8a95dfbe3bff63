//! Memory that requests name: logical addresses with the privileged token, fast registration.

use std::ptr::{null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use super::{SILENT, good, pattern};
use crate::bench::{Bench, bytes, fill};
use crate::conformance::tests;
use crate::link::{Link, Wanted};
use crate::{call, close};

tests! {
    logical_addresses_with_the_privileged_token: [12, 21, 84, 96];
    privileged_token_is_local_only: [92, 96];
    fast_register_moves_data: [39, 40, 50, 95];
    fast_register_is_checked: [39, 95];
}

/// Page addresses of memory.
pub(super) fn pages(adapter: *mut NDK_ADAPTER, mdl: *mut MDL, length: usize) -> Vec<i64> {
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

pub(super) fn fast_region(
    bench: &Bench<'_>,
    pd: *mut NDK_PD,
    pages: u32,
    remote: bool,
) -> *mut NDK_MR {
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
pub(super) struct Fast<'p> {
    pub(super) pages: &'p [i64],
    pub(super) offset: u32,
    pub(super) length: usize,
    pub(super) base: usize,
}

pub(super) fn fast_register(
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
