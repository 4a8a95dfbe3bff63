//! Resets at the moments that used to be wrong.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use ndis_sys::ndis::{NDIS_STATUS_PENDING, NDIS_STATUS_SUCCESS};
use ndis_sys::ndk::{NDK_CQ, NDK_CQ_NOTIFY_ANY, NTSTATUS};
use ndk_consumer::bench::Bench;
use ndk_consumer::platform::{Family, Platform};
use ndk_consumer::{call, close};

use super::lives::{consumers, with_a_connection, works};
use super::{Pair, tests};
use crate::ndis::adapter::Adapter;

tests! {
    a_reset_in_the_middle_of_a_turn_ends_the_old_life_first;
}

/// Resets the adapter from a completion queue's callback, the first time that it comes.
struct Resetter {
    adapter: Arc<Adapter>,
    returned: AtomicI32,
}

unsafe extern "win64" fn reset(resetter: *mut c_void, _: NTSTATUS) {
    // SAFETY: the context that the queue was made with; it lives until the queue is closed.
    let resetter = unsafe { &*resetter.cast::<Resetter>() };
    if resetter.returned.load(Ordering::SeqCst) == NDIS_STATUS_SUCCESS {
        let returned = resetter.adapter.begin_reset().expect("a reset handler");
        resetter.returned.store(returned, Ordering::SeqCst);
    }
}

/// The worker calls consumers at the end of its turn. A reset that was wanted there took the device away from under the
/// present life at once: its requests never ended, and its consumers never heard that their connections were gone.
fn a_reset_in_the_middle_of_a_turn_ends_the_old_life_first(pair: &Pair) {
    let place = consumers(pair);
    let bench = Bench::new(&place, Family::V4);
    let resetter = Resetter {
        adapter: pair.a.clone(),
        returned: AtomicI32::new(NDIS_STATUS_SUCCESS),
    };
    let adapter = bench.adapter(0);
    let queue = bench.create("cq", |done, context, to| {
        call!(
            adapter,
            NdkCreateCq,
            16,
            Some(reset),
            (&raw const resetter).cast_mut().cast(),
            null_mut(),
            done,
            context,
            to
        )
    });
    let queue: *mut NDK_CQ = queue.expect("cq");
    // A queue of a life that ended is called from the end of a turn.
    assert_eq!(pair.a.reset(), Some(NDIS_STATUS_SUCCESS));
    with_a_connection(&place, || {
        call!(queue, NdkArmCq, NDK_CQ_NOTIFY_ANY);
        bench.wait("the callback", || {
            resetter.returned.load(Ordering::SeqCst) == NDIS_STATUS_PENDING
        });
        let ended = pair.a.end_reset(NDIS_STATUS_PENDING);
        assert_eq!(ended, NDIS_STATUS_SUCCESS);
    });
    assert_eq!(pair.a.check_for_hang(), Some(false));
    close!(&bench, queue, NdkCloseCq);
    place.close(0, adapter);
    works(pair);
}
