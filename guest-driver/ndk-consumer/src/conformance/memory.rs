//! Regions, mappings, tokens, without a connection.

use std::ptr::null_mut;

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::Bench;
use crate::link::ALL_RIGHTS;
use crate::{call, close};

tests! {
    logical_mappings_list_pages: [12, 13];
    regions_are_registered_and_again: [16, 46, 47, 49, 50, 76];
    memory_must_be_contiguous: [12, 46];
    rights_are_checked: [46, 91, 92];
    fast_regions_are_initialised: [48, 49, 50, 95];
    kinds_of_regions_are_kept_apart: [16, 46, 48];
    privileged_token_is_unlike_others: [21, 96];
    windows_have_tokens: [17, 53, 94];
}

fn lam(pages: usize) -> Vec<u64> {
    vec![0u64; 2 + pages]
}

fn logical_mappings_list_pages(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let memory = bench.platform.allocate(0, 5 * 4096);
    let build = |length: usize, list: *mut u64, size: &mut u32, offset: &mut u32| {
        call!(
            adapter,
            NdkBuildLAM,
            memory.mdl(),
            length,
            None,
            null_mut(),
            list.cast(),
            size,
            offset
        )
    };
    let (mut size, mut offset) = (0, 99);
    let status = build(memory.len(), null_mut(), &mut size, &mut offset);
    assert_eq!((status, size), (STATUS_BUFFER_TOO_SMALL, 0x10 + 5 * 8));
    let mut list = lam(5);
    size -= 1;
    let status = build(memory.len(), list.as_mut_ptr(), &mut size, &mut offset);
    assert_eq!((status, size), (STATUS_BUFFER_TOO_SMALL, 0x10 + 5 * 8));
    let status = build(memory.len(), list.as_mut_ptr(), &mut size, &mut offset);
    assert_eq!((status, offset, list[1] as u32), (STATUS_SUCCESS, 0, 5));
    assert!(
        list[2..].iter().all(|page| *page != 0 && page % 4096 == 0),
        "{list:x?}"
    );
    // Less than the MDL has, and more.
    let mut short = lam(2);
    size = 0x20;
    let status = build(4097, short.as_mut_ptr(), &mut size, &mut offset);
    assert_eq!(
        (status, size, &short[2..]),
        (STATUS_SUCCESS, 0x20, &list[2..4])
    );
    let status = build(memory.len() + 1, list.as_mut_ptr(), &mut size, &mut offset);
    assert_eq!(status, STATUS_INVALID_PARAMETER);
    assert_eq!(
        build(0, list.as_mut_ptr(), &mut size, &mut offset),
        STATUS_INVALID_PARAMETER
    );
    call!(adapter, NdkReleaseLAM, list.as_mut_ptr().cast());
    call!(adapter, NdkReleaseLAM, short.as_mut_ptr().cast());
    bench.platform.close(0, adapter);
}

fn regions_are_registered_and_again(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let memory = bench.platform.allocate(0, 3 * 4096);
    let mr = bench.mr(pd, false);
    let register = || {
        bench.request("register", |done, context| {
            call!(
                mr,
                NdkRegisterMr,
                memory.mdl(),
                memory.len(),
                ALL_RIGHTS,
                done,
                context
            )
        })
    };
    let deregister = || {
        bench.request("deregister", |done, context| {
            call!(mr, NdkDeregisterMr, done, context)
        })
    };
    assert_eq!(deregister(), STATUS_INVALID_DEVICE_STATE);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        assert_eq!(register(), STATUS_SUCCESS);
        let (local, remote) = (
            call!(mr, NdkGetLocalTokenFromMr),
            call!(mr, NdkGetRemoteTokenFromMr),
        );
        assert!(local != 0 && remote != 0);
        tokens.push(local);
        assert_eq!(register(), STATUS_INVALID_DEVICE_STATE, "twice");
        assert_eq!(deregister(), STATUS_SUCCESS);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "an old token must not name new memory");
    // Closing does what is left.
    assert_eq!(register(), STATUS_SUCCESS);
    close!(bench, mr, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn memory_must_be_contiguous(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let (first, second) = (
        bench.platform.allocate(0, 4096),
        bench.platform.allocate(0, 4096),
    );
    // SAFETY: MDLs of ours; the chain is undone below.
    unsafe { (*first.mdl()).Next = second.mdl() };
    let adjacent = second.address() == first.address() + 4096;
    let mr = bench.mr(pd, false);
    let register = |length: usize| {
        bench.request("register", |done, context| {
            call!(mr, NdkRegisterMr, first.mdl(), length, 0, done, context)
        })
    };
    let expected = if adjacent {
        STATUS_SUCCESS
    } else {
        STATUS_INVALID_PARAMETER
    };
    assert_eq!(register(8192), expected);
    if adjacent {
        let status = bench.request("deregister", |done, context| {
            call!(mr, NdkDeregisterMr, done, context)
        });
        assert_eq!(status, STATUS_SUCCESS);
    }
    assert_eq!(
        register(8193),
        STATUS_INVALID_PARAMETER,
        "more than the chain has"
    );
    assert_eq!(register(0), STATUS_INVALID_PARAMETER);
    assert_eq!(
        register(4096),
        STATUS_SUCCESS,
        "the rest of the chain is not used"
    );
    // SAFETY: as above.
    unsafe { (*first.mdl()).Next = null_mut() };
    close!(bench, mr, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn rights_are_checked(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let memory = bench.platform.allocate(0, 4096);
    let mr = bench.mr(pd, false);
    let register = |flags: u32| {
        bench.request("register", |done, context| {
            call!(mr, NdkRegisterMr, memory.mdl(), 4096, flags, done, context)
        })
    };
    // Unknown bits, and remote write without local write.
    for flags in [0x10, 0x8000_0000, 0x4] {
        assert_eq!(register(flags), STATUS_INVALID_PARAMETER, "{flags:#x}");
    }
    for flags in [0, 1, 2, 5, 7, 8, 9, 15] {
        assert_eq!(register(flags), STATUS_SUCCESS, "{flags:#x}");
        let status = bench.request("deregister", |done, context| {
            call!(mr, NdkDeregisterMr, done, context)
        });
        assert_eq!(status, STATUS_SUCCESS);
    }
    close!(bench, mr, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn fast_regions_are_initialised(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let most = bench.info(adapter).FRMRPageCount;
    // As many at once as the sample consumer has.
    let regions: Vec<_> = (0..512).map(|_| bench.mr(pd, true)).collect();
    let begun: Vec<_> = regions
        .iter()
        .map(|mr| {
            bench.begin("initialise", |done, context| {
                call!(*mr, NdkInitializeFastRegisterMr, most, 1, done, context)
            })
        })
        .collect();
    let mut tokens: Vec<u32> = Vec::new();
    for (mr, begun) in regions.iter().zip(&begun) {
        assert_eq!(bench.end(begun), STATUS_SUCCESS);
        let token = call!(*mr, NdkGetRemoteTokenFromMr);
        assert!(token != 0 && token == call!(*mr, NdkGetLocalTokenFromMr));
        tokens.push(token);
    }
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), regions.len());
    for mr in regions {
        close!(bench, mr, NdkCloseMr);
    }
    let mr = bench.mr(pd, true);
    let initialise = |pages: u32| {
        bench.request("initialise", |done, context| {
            call!(mr, NdkInitializeFastRegisterMr, pages, 0, done, context)
        })
    };
    assert_eq!(initialise(u32::MAX), STATUS_IMPLEMENTATION_LIMIT);
    assert_eq!(initialise(0), STATUS_INVALID_PARAMETER);
    assert_eq!(initialise(16), STATUS_SUCCESS);
    assert_eq!(initialise(16), STATUS_INVALID_DEVICE_STATE);
    close!(bench, mr, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn kinds_of_regions_are_kept_apart(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let memory = bench.platform.allocate(0, 4096);
    let (plain, fast) = (bench.mr(pd, false), bench.mr(pd, true));
    let status = bench.request("initialise", |done, context| {
        call!(plain, NdkInitializeFastRegisterMr, 16, 0, done, context)
    });
    assert_eq!(status, STATUS_INVALID_PARAMETER);
    let status = bench.request("register", |done, context| {
        call!(fast, NdkRegisterMr, memory.mdl(), 4096, 0, done, context)
    });
    assert_eq!(status, STATUS_INVALID_PARAMETER);
    close!(bench, plain, NdkCloseMr);
    close!(bench, fast, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn privileged_token_is_unlike_others(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let (pd, other) = (bench.pd(adapter), bench.pd(adapter));
    let token = |pd: *mut NDK_PD| {
        let mut token = 0;
        call!(pd, NdkGetPrivilegedMemoryRegionToken, &raw mut token);
        token
    };
    assert!(token(pd) != 0 && token(pd) != token(other));
    assert_eq!(token(pd), token(pd));
    let memory = bench.platform.allocate(0, 4096);
    let mr = bench.region(pd, &*memory, ALL_RIGHTS);
    assert_ne!(token(pd), call!(mr, NdkGetLocalTokenFromMr));
    close!(bench, mr, NdkCloseMr);
    close!(bench, pd, NdkClosePd);
    close!(bench, other, NdkClosePd);
    bench.platform.close(0, adapter);
}

fn windows_have_tokens(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let start = |done, context, place| call!(pd, NdkCreateMw, done, context, place);
    let mw: *mut NDK_MW = bench.create("mw", start).expect("mw");
    assert_ne!(call!(mw, NdkGetRemoteTokenFromMw), 0);
    close!(bench, mw, NdkCloseMw);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}
