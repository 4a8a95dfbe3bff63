//! What consumers do inside callbacks, where the provider is on the stack: poll, post and arm, accept, disconnect, close. It may
//! hold no lock then, and touch no object after the call that completes it. (ndkpi.md 1.3, 3, 6.2)

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, Callback, QpSizes, plain, poll, with_status};
use crate::link::{
    End, Link, Wanted, begin_connect, connector, listen, listener, listener_address,
};
use crate::{call, close};

tests! {
    a_notification_polls_posts_and_arms: [25, 26, 28, 37, 78];
    a_connect_event_accepts: [62, 80];
    a_disconnect_event_disconnects: [67, 81];
    a_completion_closes_what_it_is_about: [44, 46, 76, 77];
    completions_of_closing_close_the_next: [14, 22, 33, 44, 77];
}

/// Messages that arrive without anybody polling outside the notification.
const MESSAGES: u32 = 200;

/// The habit of the sample consumer, and of SMB Direct. (ndkpi.md 3, 6.8)
fn a_notification_polls_posts_and_arms<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let (cq, qp) = (link.b.cq, link.b.qp);
    let (came, inside) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (wrong, nested) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let place = link.b.sge(0, 64);
    {
        let (came, wrong, nested) = (came.clone(), wrong.clone(), nested.clone());
        link.b.notified.do_inside(move |_| {
            if inside.swap(true, Ordering::SeqCst) {
                nested.store(true, Ordering::SeqCst);
            }
            while let Some(result) = poll(cq) {
                let posted = call!(qp, NdkReceive, null_mut(), &raw const place, 1);
                if result.Status != STATUS_SUCCESS || posted != STATUS_SUCCESS {
                    wrong.fetch_add(1, Ordering::SeqCst);
                }
                came.fetch_add(1, Ordering::SeqCst);
            }
            inside.store(false, Ordering::SeqCst);
            call!(cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
        });
    }
    for _ in 0..16 {
        assert_eq!(link.b.receive(0, &[place]), STATUS_SUCCESS);
    }
    call!(cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
    for sent in 0..MESSAGES {
        assert_eq!(link.a.send(1, &[link.a.sge(0, 64)], 0), STATUS_SUCCESS);
        let result = bench.result(link.a.cq);
        assert_eq!(result.Status, STATUS_SUCCESS, "message {sent}");
    }
    bench.wait("the last message", || {
        came.load(Ordering::SeqCst) >= MESSAGES
    });
    assert_eq!(came.load(Ordering::SeqCst), MESSAGES);
    assert_eq!(wrong.load(Ordering::SeqCst), 0);
    assert!(
        !nested.load(Ordering::SeqCst),
        "a notification inside another"
    );
    link.close();
}

/// Consumers accept there, while the peer's connect is pending. (users trip over it; ndkpi.md NdkAccept)
fn a_connect_event_accepts<'b>(bench: &'b Bench<'b>) {
    let a = End::new(bench, 0, 0xA, QpSizes::default());
    let b = End::new(bench, 1, 0xB, QpSizes::default());
    let (listener, requested) = listener(bench, b.adapter);
    let (accepted, b_left) = (
        bench.callback("accept", 1),
        bench.callback("disconnect event of B", 1),
    );
    let returned = Arc::new(AtomicI32::new(STATUS_DEVICE_REMOVED));
    {
        let (qp, done, left) = (b.qp, accepted.context(), b_left.context());
        let returned = returned.clone();
        requested.do_inside(move |object| {
            let connector: *mut NDK_CONNECTOR = object.cast();
            let status = call!(
                connector,
                NdkAccept,
                qp,
                8,
                8,
                null(),
                0,
                Some(plain),
                left,
                Some(with_status),
                done
            );
            returned.store(status, Ordering::SeqCst);
        });
    }
    assert_eq!(listen(bench, listener, bench.address(1)), STATUS_SUCCESS);
    let at = listener_address(listener).expect("address");
    let active = connector(bench, a.adapter);
    let ends = (bench.address(0), at);
    let connecting = begin_connect(bench, (active, a.qp), ends, (8, 8), &[]);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS, "connect");
    let a_left = bench.callback("disconnect event of A", 1);
    let status = bench.request("complete connect", |done, context| {
        call!(
            active,
            NdkCompleteConnect,
            Some(plain),
            a_left.context(),
            done,
            context
        )
    });
    assert_eq!(status, STATUS_SUCCESS, "complete connect");
    match returned.load(Ordering::SeqCst) {
        STATUS_PENDING => bench.wait("accept", || accepted.count() > 0),
        status => panic!("accept: {status:#x}, where the peer has to answer"),
    }
    assert_eq!(accepted.status(), STATUS_SUCCESS, "accept");
    assert_eq!(b.receive(0, &[b.sge(0, 64)]), STATUS_SUCCESS);
    assert_eq!(a.send(0, &[a.sge(0, 64)], 0), STATUS_SUCCESS);
    assert_eq!(bench.result(b.cq).Status, STATUS_SUCCESS);
    let passive: *mut NDK_CONNECTOR = requested.object();
    close!(bench, active, NdkCloseConnector);
    close!(bench, passive, NdkCloseConnector);
    close!(bench, listener, NdkCloseListener);
    a.close(bench);
    b.close(bench);
}

fn a_disconnect_event_disconnects<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let done = bench.callback("disconnect of B", 1);
    let returned = Arc::new(AtomicI32::new(STATUS_DEVICE_REMOVED));
    {
        let (passive, context, returned) = (link.passive, done.context(), returned.clone());
        link.b_left.do_inside(move |_| {
            let status = call!(passive, NdkDisconnect, Some(with_status), context);
            returned.store(status, Ordering::SeqCst);
        });
    }
    assert_eq!(link.disconnect(link.active), STATUS_SUCCESS);
    bench.wait("disconnect event", || link.b_left.count() > 0);
    match returned.load(Ordering::SeqCst) {
        STATUS_PENDING => {
            bench.wait("disconnect of B", || done.count() > 0);
            assert_eq!(done.status(), STATUS_SUCCESS);
        }
        status => {
            done.expect(0);
            assert_eq!(status, STATUS_SUCCESS);
        }
    }
    link.close();
}

/// An object is closed where a request of its own completes: also while the function that was asked has not returned.
fn a_completion_closes_what_it_is_about<'b>(bench: &'b Bench<'b>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let memory = bench.platform.allocate(0, 4096);
    for _ in 0..20 {
        let mr = bench.mr(pd, false);
        let closed = bench.callback("close completion", 1);
        let returned = Arc::new(AtomicI32::new(STATUS_DEVICE_REMOVED));
        let registered = bench.callback("register", 1);
        // SAFETY: a live object of the provider.
        let close = unsafe { (*(*mr).Dispatch).NdkCloseMr };
        let shut = {
            let (context, returned) = (closed.context(), returned.clone());
            move || {
                // SAFETY: a live object of the provider, and its own function.
                let status = unsafe { close(mr.cast(), Some(plain), context) };
                returned.store(status, Ordering::SeqCst);
            }
        };
        {
            let shut = shut.clone();
            registered.do_inside(move |_| shut());
        }
        let flags = NDK_MR_FLAG_ALLOW_LOCAL_WRITE;
        let length = memory.len();
        let done = Some(with_status as NDK_FN_REQUEST_COMPLETION);
        let status = call!(
            mr,
            NdkRegisterMr,
            memory.mdl(),
            length,
            flags,
            done,
            registered.context()
        );
        if status == STATUS_PENDING {
            bench.wait("register", || registered.count() > 0);
            assert_eq!(registered.status(), STATUS_SUCCESS);
        } else {
            assert_eq!(status, STATUS_SUCCESS);
            registered.expect(0);
            shut();
        }
        match returned.load(Ordering::SeqCst) {
            STATUS_PENDING => bench.wait("close completion", || closed.count() > 0),
            status => {
                assert_eq!(status, STATUS_SUCCESS, "a close cannot fail");
                closed.expect(0);
            }
        }
    }
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

/// An object that is to be closed.
#[derive(Clone, Copy)]
struct Step {
    object: *mut NDK_OBJECT_HEADER,
    function: NDK_FN_CLOSE_OBJECT,
    callback: *const Callback,
}

// SAFETY: objects of the provider and callbacks of the bench, which any thread may use.
unsafe impl Send for Step {}
// SAFETY: as above.
unsafe impl Sync for Step {}

/// Closes one, and in its completion the next.
fn close_rest(steps: Arc<Vec<Step>>, at: usize, closed: Arc<AtomicU32>) {
    let Some(&step) = steps.get(at) else {
        return;
    };
    // SAFETY: callbacks stay until the bench ends.
    let callback = unsafe { &*step.callback };
    let next = {
        let closed = closed.clone();
        move || {
            closed.fetch_add(1, Ordering::SeqCst);
            close_rest(steps.clone(), at + 1, closed.clone());
        }
    };
    {
        let next = next.clone();
        callback.do_inside(move |_| next());
    }
    // SAFETY: a live object of the provider, and its own function.
    let returned = unsafe { (step.function)(step.object, Some(plain), callback.context()) };
    if returned == STATUS_SUCCESS {
        next();
    }
}

/// From the queue pair up to the domain, each inside the last callback of the one before.
fn completions_of_closing_close_the_next<'b>(bench: &'b Bench<'b>) {
    let end = End::new(bench, 0, 0xA, QpSizes::default());
    let posted = end.receive(1, &[end.sge(0, 64)]);
    assert_eq!(posted, STATUS_SUCCESS);
    macro_rules! step {
        ($object:expr, $function:ident) => {{
            // SAFETY: a live object of the provider.
            let function = unsafe { (*(*$object).Dispatch).$function };
            let callback: *const Callback = bench.callback("close completion", 1);
            Step {
                object: $object.cast(),
                function,
                callback,
            }
        }};
    }
    let steps: Vec<Step> = vec![
        step!(end.qp, NdkCloseQp),
        step!(end.mr, NdkCloseMr),
        step!(end.cq, NdkCloseCq),
        step!(end.pd, NdkClosePd),
    ];
    let count = u32::try_from(steps.len()).expect("few");
    let closed = Arc::new(AtomicU32::new(0));
    close_rest(Arc::new(steps), 0, closed.clone());
    bench.wait("the last close", || closed.load(Ordering::SeqCst) == count);
    // It returns when the last callback has.
    bench.platform.close(0, end.adapter);
}
