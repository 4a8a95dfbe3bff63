//! Queues: arming, moderation, resizing, overflow, shared receive queues.

use std::ptr::{null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use super::tests;
use crate::bench::{Bench, Callback, QpSizes, poll, with_status};
use crate::link::{End, Link, Wanted, count};
use crate::{call, close};

tests! {
    queue_pairs_have_limits: [19];
    an_arm_gives_one_callback: [25, 78];
    arms_merge: [25, 78];
    solicited_arm_waits_for_solicited: [25, 78, 87];
    arm_finds_what_is_there: [25, 78];
    plain_results_are_results: [26, 83];
    moderation_is_checked: [27, 99];
    moderation_by_count_holds_back: [27, 99];
    resize_keeps_completions: [24, 98];
    full_queue_breaks: [22, 26, 78];
    queue_may_be_kept_full: [26, 28];
    shared_receives_serve_two_queue_pairs: [18, 20, 29, 32, 97];
    threshold_is_reported_once: [31, 79, 97];
    shared_queue_is_resized: [31, 97];
}

fn arm(cq: *mut NDK_CQ, kind: u32) {
    call!(cq, NdkArmCq, kind);
}

fn queue_pairs_have_limits(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let pd = bench.pd(adapter);
    let (cq, _) = bench.cq(adapter, 4);
    let info = bench.info(adapter);
    let good = QpSizes::default();
    let bad = [
        QpSizes {
            receives: info.MaxReceiveQueueDepth + 1,
            ..good
        },
        QpSizes {
            initiators: info.MaxInitiatorQueueDepth + 1,
            ..good
        },
        QpSizes {
            receive_sge: info.MaxReceiveRequestSge + 1,
            ..good
        },
        QpSizes {
            initiator_sge: info.MaxInitiatorRequestSge + 1,
            ..good
        },
        QpSizes {
            inline: info.MaxInlineDataSize + 1,
            ..good
        },
        QpSizes {
            inline: u32::MAX,
            ..good
        },
    ];
    for sizes in bad {
        assert_eq!(
            bench.qp(pd, cq, sizes, 0),
            Err(STATUS_INVALID_PARAMETER),
            "{sizes:?}"
        );
    }
    // The full advertised depth, as the sample consumer takes it.
    let whole = QpSizes {
        receives: info.MaxReceiveQueueDepth,
        initiators: info.MaxInitiatorQueueDepth,
        receive_sge: info.MaxReceiveRequestSge,
        initiator_sge: info.MaxInitiatorRequestSge,
        inline: info.MaxInlineDataSize,
    };
    let qp = bench.qp(pd, cq, whole, 0).expect("qp");
    close!(bench, qp, NdkCloseQp);
    // One consumer's queues do not serve another's queue pairs.
    let stranger = bench.adapter(0);
    let (strange, _) = bench.cq(stranger, 4);
    assert_eq!(
        bench.qp(pd, strange, good, 0),
        Err(STATUS_INVALID_PARAMETER)
    );
    close!(bench, strange, NdkCloseCq);
    bench.platform.close(0, stranger);
    close!(bench, cq, NdkCloseCq);
    close!(bench, pd, NdkClosePd);
    bench.platform.close(0, adapter);
}

/// Sends one message from A to B, and takes A's completion.
fn message(bench: &Bench<'_>, link: &Link<'_>, flags: u32) {
    assert_eq!(link.b.receive(2, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
    assert_eq!(link.a.send(1, &[link.a.sge(0, 64)], flags), STATUS_SUCCESS);
    assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    bench.settle();
}

fn an_arm_gives_one_callback<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    message(bench, &link, 0);
    assert_eq!(link.b.notified.count(), 0, "never armed");
    assert!(poll(link.b.cq).is_some());
    arm(link.b.cq, NDK_CQ_NOTIFY_ANY);
    bench.settle();
    assert_eq!(link.b.notified.count(), 0, "nothing new");
    for _ in 0..3 {
        message(bench, &link, 0);
    }
    bench.wait("notification", || link.b.notified.count() > 0);
    bench.settle();
    assert_eq!(
        (link.b.notified.count(), link.b.notified.status()),
        (1, STATUS_SUCCESS)
    );
    link.close();
}

fn arms_merge<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let cases: [(&[u32], bool); 6] = [
        (&[NDK_CQ_NOTIFY_ANY, NDK_CQ_NOTIFY_ERRORS], true),
        (&[NDK_CQ_NOTIFY_ERRORS, NDK_CQ_NOTIFY_ANY], true),
        (&[NDK_CQ_NOTIFY_ANY, NDK_CQ_NOTIFY_SOLICITED], true),
        (&[NDK_CQ_NOTIFY_ERRORS, NDK_CQ_NOTIFY_ERRORS], false),
        (&[NDK_CQ_NOTIFY_SOLICITED, NDK_CQ_NOTIFY_ERRORS], false),
        (&[99], false),
    ];
    let mut seen = 0;
    for (kinds, fires) in cases {
        // What is left armed of the case before is used up first.
        arm(link.b.cq, NDK_CQ_NOTIFY_ANY);
        message(bench, &link, 0);
        bench.wait("notification", || link.b.notified.count() > seen);
        seen = link.b.notified.count();
        assert!(poll(link.b.cq).is_some());
        for kind in kinds {
            arm(link.b.cq, *kind);
        }
        message(bench, &link, 0);
        if fires {
            bench.wait("notification", || link.b.notified.count() > seen);
            bench.settle();
        }
        let now = link.b.notified.count();
        assert_eq!(now - seen, u32::from(fires), "{kinds:?}");
        seen = now;
        assert!(poll(link.b.cq).is_some());
    }
    link.close();
}

fn solicited_arm_waits_for_solicited<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    arm(link.b.cq, NDK_CQ_NOTIFY_SOLICITED);
    message(bench, &link, 0);
    assert_eq!(link.b.notified.count(), 0);
    message(bench, &link, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT);
    bench.wait("notification", || link.b.notified.count() == 1);
    // An error satisfies it too.
    while poll(link.b.cq).is_some() {}
    assert_eq!(link.b.receive(2, &[link.b.sge(0, 8)]), STATUS_SUCCESS);
    arm(link.b.cq, NDK_CQ_NOTIFY_SOLICITED);
    assert_eq!(link.a.send(1, &[link.a.sge(0, 64)], 0), STATUS_SUCCESS);
    bench.wait("notification", || link.b.notified.count() == 2);
    assert_eq!(bench.result(link.b.cq).Status, STATUS_BUFFER_OVERFLOW);
    link.close();
}

fn arm_finds_what_is_there<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    message(bench, &link, 0);
    arm(link.b.cq, NDK_CQ_NOTIFY_ANY);
    bench.wait("notification of what was there", || {
        link.b.notified.count() == 1
    });
    link.close();
}

fn plain_results_are_results<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    for at in 0..3 {
        assert_eq!(
            link.b.receive(100 + at, &[link.b.sge(0, 64)]),
            STATUS_SUCCESS
        );
    }
    for at in 0..3 {
        assert_eq!(
            link.a.send(at, &[link.a.sge(0, 10 + at)], 0),
            STATUS_SUCCESS
        );
        assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    }
    bench.settle();
    let empty = NDK_RESULT {
        Status: -1,
        BytesTransferred: 0,
        QPContext: null_mut(),
        RequestContext: null_mut(),
    };
    let mut results = [empty; 4];
    assert_eq!(
        call!(link.b.cq, NdkGetCqResults, results.as_mut_ptr(), 0),
        0
    );
    assert_eq!(
        call!(link.b.cq, NdkGetCqResults, results.as_mut_ptr(), 2),
        2
    );
    assert_eq!(
        call!(link.b.cq, NdkGetCqResults, results[2..].as_mut_ptr(), 2),
        1
    );
    for (at, result) in results[..3].iter().enumerate() {
        assert_eq!(result.Status, STATUS_SUCCESS);
        assert_eq!(result.BytesTransferred as usize, 10 + at);
        assert_eq!(result.QPContext, without_provenance_mut(link.b.context));
        assert_eq!(result.RequestContext, without_provenance_mut(100 + at));
    }
    link.close();
}

fn moderation_is_checked(bench: &Bench<'_>) {
    let adapter = bench.adapter(0);
    let (cq, _) = bench.cq(adapter, 16);
    let moderate =
        |interval: u32, count: u32| call!(cq, NdkControlCqInterruptModeration, interval, count);
    for (interval, count) in [
        (0, 0),
        (20, u32::MAX),
        (u32::MAX, 16),
        (20, 4),
        (0, u32::MAX),
        (20, 17),
    ] {
        assert_eq!(
            moderate(interval, count),
            STATUS_SUCCESS,
            "{interval} {count}"
        );
    }
    assert_eq!(moderate(u32::MAX, u32::MAX), STATUS_INVALID_PARAMETER_MIX);
    assert_eq!(moderate(u32::MAX, 17), STATUS_INVALID_PARAMETER_MIX);
    bench.settle();
    close!(bench, cq, NdkCloseCq);
    bench.platform.close(0, adapter);
}

fn moderation_by_count_holds_back<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    assert_eq!(
        call!(link.b.cq, NdkControlCqInterruptModeration, u32::MAX, 3),
        STATUS_SUCCESS
    );
    // It is in force when a request that was made after it has ended.
    let after = bench.pd(link.b.adapter);
    close!(bench, after, NdkClosePd);
    arm(link.b.cq, NDK_CQ_NOTIFY_ANY);
    message(bench, &link, 0);
    message(bench, &link, 0);
    assert_eq!(link.b.notified.count(), 0, "two of three");
    message(bench, &link, 0);
    bench.wait("notification", || link.b.notified.count() == 1);
    link.close();
}

fn resize_keeps_completions<'b>(bench: &'b Bench<'b>) {
    let link = Link::new(bench, Wanted::default());
    let resize = |cq: *mut NDK_CQ, depth: u32| {
        bench.request("resize", |done, context| {
            call!(cq, NdkResizeCq, depth, done, context)
        })
    };
    let most = bench.info(link.b.adapter).MaxCqDepth;
    assert_eq!(resize(link.b.cq, most + 1), STATUS_INVALID_PARAMETER);
    assert_eq!(resize(link.b.cq, 0), STATUS_INVALID_PARAMETER);
    for at in 0..6 {
        assert_eq!(link.b.receive(at, &[link.b.sge(0, 64)]), STATUS_SUCCESS);
        assert_eq!(link.a.send(at, &[link.a.sge(0, 64)], 0), STATUS_SUCCESS);
        // Acknowledged, so completed over there.
        assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
    }
    for depth in [512, 8] {
        assert_eq!(resize(link.b.cq, depth), STATUS_SUCCESS, "{depth}");
    }
    let small = resize(link.b.cq, 2);
    assert!(small < 0, "six do not fit two: {small:x}");
    for at in 0..6 {
        let result = bench.result(link.b.cq);
        assert_eq!(result.RequestContext, without_provenance_mut(at));
    }
    message(bench, &link, 0);
    assert!(poll(link.b.cq).is_some());
    link.close();
}

fn full_queue_breaks<'b>(bench: &'b Bench<'b>) {
    let wanted = Wanted {
        sizes: QpSizes {
            receives: 128,
            initiators: 128,
            ..QpSizes::default()
        },
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    arm(link.b.cq, NDK_CQ_NOTIFY_ERRORS);
    let before = bench.platform.statistics(1).CQError;
    // The queue has room for 64.
    for at in 0..70 {
        assert_eq!(link.b.receive(at, &[link.b.sge(0, 4)]), STATUS_SUCCESS);
        assert_eq!(
            link.a
                .send(at, &[link.a.sge(0, 4)], NDK_OP_FLAG_SILENT_SUCCESS),
            STATUS_SUCCESS
        );
    }
    bench.wait("overflow", || link.b.notified.count() == 1);
    assert_eq!(link.b.notified.status(), STATUS_BUFFER_OVERFLOW);
    assert_eq!(bench.platform.statistics(1).CQError, before + 1);
    // Another arm hears of it again, and nothing else comes.
    while poll(link.b.cq).is_some() {}
    arm(link.b.cq, NDK_CQ_NOTIFY_ANY);
    bench.wait("overflow again", || link.b.notified.count() == 2);
    assert_eq!(link.b.notified.status(), STATUS_BUFFER_OVERFLOW);
    bench.nothing(link.b.cq);
    link.close();
}

/// A consumer may have as many requests under way as the queue has room for, each posted when one completion was taken: what it
/// took is room again at once. It was not: the device heard of it every 32 completions.
fn queue_may_be_kept_full<'b>(bench: &'b Bench<'b>) {
    const DEPTH: usize = 64;
    let wanted = Wanted {
        sizes: QpSizes {
            initiators: DEPTH as u32,
            ..QpSizes::default()
        },
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    let post = |at: usize| {
        let list = [link.a.sge(0, 4)];
        let status = link.a.write(at, &list, link.b.remote(0), 0);
        assert_eq!(status, STATUS_SUCCESS, "request {at}");
    };
    for at in 0..DEPTH {
        post(at);
    }
    for at in 0..4 * DEPTH {
        // All that are under way complete, so that the queue is full.
        bench.settle();
        let result = bench.result(link.a.cq);
        assert_eq!(result.Status, STATUS_SUCCESS, "completion {at}");
        assert_eq!(result.RequestContext.addr(), at);
        post(DEPTH + at);
    }
    for at in 0..DEPTH {
        let result = bench.result(link.a.cq);
        assert_eq!(result.RequestContext.addr(), 4 * DEPTH + at);
    }
    bench.nothing(link.a.cq);
    link.close();
}

/// Creates a shared receive queue of depth, entries and threshold.
pub(super) fn srq(
    bench: &Bench<'_>,
    pd: *mut NDK_PD,
    (depth, sge, threshold): (u32, u32, u32),
    notification: Option<&Callback>,
) -> Result<*mut NDK_SRQ, NTSTATUS> {
    let function: Option<NDK_FN_SRQ_NOTIFICATION_CALLBACK> = notification.map(|_| with_status as _);
    let context = notification.map_or(null_mut(), Callback::context);
    bench.create("srq", |done, done_context, place| {
        call!(
            pd,
            NdkCreateSrq,
            depth,
            sge,
            threshold,
            function,
            context,
            null_mut(),
            done,
            done_context,
            place,
        )
    })
}

fn srq_receive(srq: *mut NDK_SRQ, context: usize, list: &[NDK_SGE]) -> NTSTATUS {
    call!(
        srq,
        NdkSrqReceive,
        without_provenance_mut(context),
        list.as_ptr(),
        count(list)
    )
}

fn qp_with_srq(bench: &Bench<'_>, end: &End<'_>, srq: *mut NDK_SRQ, context: usize) -> *mut NDK_QP {
    let made = bench.create("qp with srq", |done, done_context, place| {
        call!(
            end.pd,
            NdkCreateQpWithSrq,
            end.cq,
            end.cq,
            srq,
            without_provenance_mut(context),
            8,
            2,
            0,
            done,
            done_context,
            place,
        )
    });
    made.expect("qp with srq")
}

fn shared_receives_serve_two_queue_pairs<'b>(bench: &'b Bench<'b>) {
    let probe = bench.adapter(1);
    let pd = bench.pd(probe);
    let info = bench.info(probe);
    for bad in [
        (info.MaxSrqDepth + 1, 1, 0),
        (0, 1, 0),
        (8, info.MaxReceiveRequestSge + 1, 0),
    ] {
        assert_eq!(
            srq(bench, pd, bad, None),
            Err(STATUS_INVALID_PARAMETER),
            "{bad:?}"
        );
    }
    close!(bench, pd, NdkClosePd);
    bench.platform.close(1, probe);

    // Two connections whose passive queue pairs take from one queue.
    let passive = End::new(bench, 1, 0xB, QpSizes::default());
    let shared = srq(bench, passive.pd, (8, 2, 0), None).expect("srq");
    let (first, second) = (
        qp_with_srq(bench, &passive, shared, 0x51),
        qp_with_srq(bench, &passive, shared, 0x52),
    );
    let list = [passive.sge(0, 64)];
    assert_eq!(
        call!(first, NdkReceive, null_mut(), list.as_ptr(), 1),
        STATUS_INVALID_DEVICE_REQUEST
    );
    for at in 0..8 {
        assert_eq!(
            srq_receive(shared, at, &[passive.sge(at * 64, 64)]),
            STATUS_SUCCESS
        );
    }
    assert_eq!(srq_receive(shared, 9, &list), STATUS_NO_MORE_ENTRIES);
    assert_eq!(srq_receive(shared, 9, &[list[0]; 3]), STATUS_DATA_OVERRUN);
    let actives = [0xA1, 0xA2].map(|context| End::new(bench, 0, context, QpSizes::default()));
    let mut connectors = Vec::new();
    for (active, qp) in actives.iter().zip([first, second]) {
        connectors.push(super::connections::connect(
            bench,
            (active, 0),
            (passive.adapter, qp, 1),
        ));
    }
    for at in 0..8usize {
        let active = &actives[at % 2];
        assert_eq!(active.send(at, &[active.sge(0, at + 1)], 0), STATUS_SUCCESS);
        assert_eq!(bench.result(active.cq).Status, STATUS_SUCCESS);
        let result = bench.result(passive.cq);
        assert_eq!(
            (result.Status, result.BytesTransferred as usize),
            (STATUS_SUCCESS, at + 1)
        );
        assert_eq!(result.QPContext, without_provenance_mut(0x51 + at % 2));
        assert_eq!(result.RequestContext, without_provenance_mut(at));
    }
    assert_eq!(
        srq_receive(shared, 9, &list),
        STATUS_SUCCESS,
        "there is room again"
    );
    for pair in connectors {
        pair.close(bench);
    }
    close!(bench, first, NdkCloseQp);
    close!(bench, second, NdkCloseQp);
    close!(bench, shared, NdkCloseSrq);
    for active in actives {
        active.close(bench);
    }
    passive.close(bench);
}

fn threshold_is_reported_once<'b>(bench: &'b Bench<'b>) {
    let passive = End::new(bench, 1, 0xB, QpSizes::default());
    let notified = bench.callback("srq notification", 2);
    let shared = srq(bench, passive.pd, (8, 1, 0), Some(notified)).expect("srq");
    let qp = qp_with_srq(bench, &passive, shared, 0x51);
    for at in 0..8 {
        assert_eq!(
            srq_receive(shared, at, &[passive.sge(0, 64)]),
            STATUS_SUCCESS
        );
    }
    let modify = |depth: u32, threshold: u32| {
        bench.request("modify srq", |done, context| {
            call!(shared, NdkModifySrq, depth, threshold, done, context)
        })
    };
    assert_eq!(modify(0, 9), STATUS_INVALID_PARAMETER, "more than it has");
    assert_eq!(modify(0, 6), STATUS_SUCCESS);
    let active = End::new(bench, 0, 0xA, QpSizes::default());
    let pair = super::connections::connect(bench, (&active, 0), (passive.adapter, qp, 1));
    let send = || {
        assert_eq!(active.send(0, &[active.sge(0, 1)], 0), STATUS_SUCCESS);
        assert_eq!(bench.result(active.cq).Status, STATUS_SUCCESS);
        assert_eq!(bench.result(passive.cq).Status, STATUS_SUCCESS);
        bench.settle();
    };
    send();
    send();
    assert_eq!(notified.count(), 0, "six are left");
    send();
    bench.wait("srq notification", || notified.count() == 1);
    assert_eq!(notified.status(), STATUS_SUCCESS);
    send();
    assert_eq!(notified.count(), 1, "once");
    // Set when it is below already: at once.
    assert_eq!(modify(0, 6), STATUS_SUCCESS);
    bench.wait("srq notification", || notified.count() == 2);
    pair.close(bench);
    close!(bench, qp, NdkCloseQp);
    close!(bench, shared, NdkCloseSrq);
    active.close(bench);
    passive.close(bench);
}

fn shared_queue_is_resized<'b>(bench: &'b Bench<'b>) {
    let passive = End::new(bench, 1, 0xB, QpSizes::default());
    let shared = srq(bench, passive.pd, (4, 1, 0), None).expect("srq");
    let qp = qp_with_srq(bench, &passive, shared, 0x51);
    let list = [passive.sge(0, 64)];
    for at in 0..4 {
        assert_eq!(srq_receive(shared, at, &list), STATUS_SUCCESS);
    }
    let modify = |depth: u32| {
        bench.request("modify srq", |done, context| {
            call!(shared, NdkModifySrq, depth, 0, done, context)
        })
    };
    let most = bench.info(passive.adapter).MaxSrqDepth;
    assert_eq!(modify(most + 1), STATUS_INVALID_PARAMETER);
    assert_eq!(modify(3), STATUS_BUFFER_OVERFLOW, "four are outstanding");
    assert_eq!(modify(0), STATUS_SUCCESS, "as it is");
    assert_eq!(modify(32), STATUS_SUCCESS);
    for at in 4..32 {
        assert_eq!(srq_receive(shared, at, &list), STATUS_SUCCESS, "{at}");
    }
    assert_eq!(srq_receive(shared, 32, &list), STATUS_NO_MORE_ENTRIES);
    let active = End::new(bench, 0, 0xA, QpSizes::default());
    let pair = super::connections::connect(bench, (&active, 0), (passive.adapter, qp, 1));
    for at in 0..32usize {
        assert_eq!(active.send(at, &[active.sge(0, 8)], 0), STATUS_SUCCESS);
        assert_eq!(bench.result(active.cq).Status, STATUS_SUCCESS);
        assert_eq!(
            bench.result(passive.cq).RequestContext,
            without_provenance_mut(at)
        );
    }
    pair.close(bench);
    close!(bench, qp, NdkCloseQp);
    close!(bench, shared, NdkCloseSrq);
    active.close(bench);
    passive.close(bench);
}
