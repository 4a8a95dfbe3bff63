//! Nothing is allocated where work is posted and completions are polled.

mod machine;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

use machine::Machine;
use ndis_sys::ndk::*;
use ndk_consumer::bench::Bench;
use ndk_consumer::call;
use ndk_consumer::link::{Link, Wanted};
use ndk_consumer::platform::Family;

struct Counting;

thread_local!(static COUNT: Cell<u64> = const { Cell::new(0) });

// SAFETY: everything is the system allocator's; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees of `body`.
fn counted(what: &str, body: impl FnOnce()) {
    let before = COUNT.with(Cell::get);
    body();
    let after = COUNT.with(Cell::get);
    assert_eq!(after - before, 0, "{what}");
}

#[test]
fn posting_and_polling_allocate_nothing() {
    let machine = Machine::awake();
    let bench = Bench::new(&machine, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    let mr = bench.mr(link.a.pd, true);
    let status = bench.request("initialise", |done, context| {
        call!(mr, NdkInitializeFastRegisterMr, 16, 1, done, context)
    });
    assert_eq!(status, STATUS_SUCCESS);
    let list = [link.a.sge(0, 64), link.a.sge(64, 64)];
    let receive = [link.b.sge(0, 128)];
    let to = link.b.remote(0);
    let bytes = [7u8; 16];
    let inline = [NDK_SGE {
        Address: bytes.as_ptr().expose_provenance() as u64,
        Length: 16,
        MemoryRegionToken: 0,
    }];
    let page = 0i64;
    let base = std::ptr::without_provenance_mut(0x10000);
    for _ in 0..3 {
        counted("receive", || {
            assert_eq!(link.b.receive(1, &receive), STATUS_SUCCESS)
        });
        counted("arm", || call!(link.b.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY));
        counted("send", || {
            assert_eq!(link.a.send(1, &list, 0), STATUS_SUCCESS)
        });
        counted("write", || {
            assert_eq!(
                link.a.write(1, &list, to, NDK_OP_FLAG_DEFER),
                STATUS_SUCCESS
            );
        });
        counted("inline", || {
            assert_eq!(
                link.a.write(1, &inline, to, NDK_OP_FLAG_INLINE),
                STATUS_SUCCESS
            );
        });
        counted("read", || {
            assert_eq!(link.a.read(1, &list, to, 0), STATUS_SUCCESS)
        });
        bench.settle();
        let mut results = [std::mem::MaybeUninit::<NDK_RESULT_EX>::uninit(); 8];
        for (cq, expected) in [(link.a.cq, 4), (link.b.cq, 1)] {
            counted("poll", || {
                let count = call!(cq, NdkGetCqResultsEx, results.as_mut_ptr().cast(), 8);
                assert_eq!(count, expected);
            });
        }
    }
    counted("fast register and invalidate", || {
        let status = call!(
            link.a.qp,
            NdkFastRegister,
            null_mut(),
            mr,
            1,
            &raw const page,
            0,
            4096,
            base,
            0
        );
        assert_eq!(status, STATUS_SUCCESS);
        let status = call!(link.a.qp, NdkInvalidate, null_mut(), mr.cast(), 0);
        assert_eq!(status, STATUS_SUCCESS);
        assert_eq!(
            link.a.send(
                1,
                &[NDK_SGE {
                    MemoryRegionToken: 1,
                    ..list[0]
                }; 5],
                0
            ),
            STATUS_DATA_OVERRUN
        );
    });
    bench.settle();
    ndk_consumer::close!(&bench, mr, NdkCloseMr);
    link.close();
}
