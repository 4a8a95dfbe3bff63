//! Resets at the moments that used to be wrong.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use ndis_sys::ndis::{NDIS_STATUS_PENDING, NDIS_STATUS_SUCCESS};
use ndis_sys::ndk::{NDK_CQ, NDK_CQ_NOTIFY_ANY, NTSTATUS, STATUS_INVALID_ADDRESS, STATUS_PENDING};
use ndk_consumer::bench::{Bench, QpSizes};
use ndk_consumer::link::{End, begin_connect, connector};
use ndk_consumer::platform::{Family, Platform};
use ndk_consumer::{call, close};

use super::lives::{consumers, consumers_work, with_a_connection, works};
use super::{Pair, tests, wait};
use crate::ndis::adapter::Adapter;
use crate::netio::table;

tests! {
    a_reset_in_the_middle_of_a_turn_ends_the_old_life_first;
    queues_of_an_ended_life_leave_those_of_the_next_alone;
    a_connect_whose_life_ended_before_its_way_was_looked_for_ends;
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

unsafe extern "win64" fn notified(count: *mut c_void, _: NTSTATUS) {
    // SAFETY: the context that the queue was made with; it lives until the queue is closed.
    unsafe { &*count.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
}

/// Whoever armed or polled a queue from before a reset rang the bell of the queue that has its slot now.
fn queues_of_an_ended_life_leave_those_of_the_next_alone(pair: &Pair) {
    let place = consumers(pair);
    let bench = Bench::new(&place, Family::V4);
    let adapter = bench.adapter(0);
    let counts: [AtomicUsize; 8] = Default::default();
    let queues: Vec<usize> = counts
        .iter()
        .map(|count| {
            let queue = bench.create("cq", |done, context, to| {
                call!(
                    adapter,
                    NdkCreateCq,
                    16,
                    Some(notified),
                    std::ptr::from_ref(count).cast_mut().cast(),
                    null_mut(),
                    done,
                    context,
                    to
                )
            });
            let queue: *mut NDK_CQ = queue.expect("cq");
            queue as usize
        })
        .collect();
    assert_eq!(pair.a.reset(), Some(NDIS_STATUS_SUCCESS));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::thread::prepare();
            let mut arms = 0;
            while !done.load(Ordering::SeqCst) {
                for queue in &queues {
                    call!(*queue as *mut NDK_CQ, NdkArmCq, NDK_CQ_NOTIFY_ANY);
                }
                arms += 1;
                // The device of these queues is gone: each arm is answered.
                let answered = |count: &AtomicUsize| count.load(Ordering::SeqCst) == arms;
                wait("the callbacks", || counts.iter().all(answered));
            }
        });
        for _ in 0..3 {
            consumers_work(&place);
        }
        done.store(true, Ordering::SeqCst);
    });
    for queue in queues {
        close!(&bench, queue as *mut NDK_CQ, NdkCloseCq);
    }
    place.close(0, adapter);
    works(pair);
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

/// The ways of the present life alone were looked for. A connect that waited for the looker while its life ended never
/// ended, nor did the close of its connector, nor MiniportHaltEx.
fn a_connect_whose_life_ended_before_its_way_was_looked_for_ends(pair: &Pair) {
    let place = consumers(pair);
    let bench = Bench::new(&place, Family::V4);
    let to = bench.address(1).with_port(5000);
    let begin = || {
        let end = End::new(&bench, 0, 0, QpSizes::default());
        let active = connector(&bench, end.adapter);
        loop {
            let ways = (bench.address(0), to);
            let begun = begin_connect(&bench, (active, end.qp), ways, (1, 1), &[]);
            // A new life learns the addresses of its interface first.
            if begun.returned == STATUS_PENDING {
                return (end, active, begun);
            }
            assert_eq!(begun.returned, STATUS_INVALID_ADDRESS);
            place.step();
        }
    };
    let ways = table::hold_ways();
    let first = begin();
    bench.wait("the first way to be looked for", || table::looking() == 1);
    assert_eq!(pair.a.reset(), Some(NDIS_STATUS_SUCCESS));
    let second = begin();
    assert_eq!(pair.a.reset(), Some(NDIS_STATUS_SUCCESS));
    drop(ways);
    for (end, active, begun) in [first, second] {
        let status = bench.end(&begun);
        assert!(status < 0, "a connect of a life that ended: {status:x}");
        close!(&bench, active, NdkCloseConnector);
        end.close(&bench);
    }
    bench.check_callbacks();
    works(pair);
}
