//! A device that dies: whatever waits for it ends, nothing crashes, and consumers can close all they have.

mod machine;

use machine::Machine;
use ndis_sys::ndk::*;
use ndk_consumer::bench::Bench;
use ndk_consumer::crowd;
use ndk_consumer::link::{Link, Wanted, begin_connect, connector, listener_address};
use ndk_consumer::platform::{Family, Platform, Refused};
use ndk_consumer::{call, close};

#[test]
fn consumers_of_a_dead_device_hear_of_it_and_close() {
    let machine = Machine::new();
    let bench = Bench::new(&machine, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    for at in 0..4 {
        assert_eq!(link.a.receive(at, &[link.a.sge(0, 64)]), STATUS_SUCCESS);
    }
    call!(link.a.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
    machine.kill(0);
    bench.wait("the end of the queue", || link.a.notified.count() == 1);
    assert_eq!(link.a.notified.status(), STATUS_INTERNAL_ERROR);
    bench.wait("the end of the connection", || link.a_left.count() == 1);
    // New consumers are turned away.
    let version = NDK_VERSION { Major: 2, Minor: 0 };
    assert_eq!(machine.open(0, version, (0, 0)), Err(Refused::NotReady));
    // What is asked of it fails and does not hang.
    let pd: Result<*mut NDK_PD, _> = bench.create("pd", |done, context, place| {
        call!(link.a.adapter, NdkCreatePd, done, context, place)
    });
    assert_eq!(pd, Err(STATUS_DEVICE_NOT_READY));
    assert_eq!(
        link.a.write(1, &[link.a.sge(0, 8)], link.b.remote(0), 0),
        STATUS_CONNECTION_INVALID
    );
    call!(link.a.qp, NdkFlush);
    let status = link.disconnect(link.active);
    assert!(status < 0, "{status:x}");
    bench.settle();
    link.close();
    bench.check_callbacks();
    machine.check_empty();
}

/// At every moment of a connect, on either side.
#[test]
fn death_ends_a_connect_wherever_it_is() {
    for side in [0, 1] {
        for steps in 0..12 {
            let machine = Machine::new();
            let bench = Bench::new(&machine, Family::V6);
            let link = Link::new(&bench, Wanted::default());
            let at = listener_address(link.listener).unwrap();
            let qp = bench
                .qp(link.a.pd, link.a.cq, Default::default(), 0)
                .unwrap();
            let other = connector(&bench, link.a.adapter);
            let begun = begin_connect(&bench, (other, qp), (bench.address(0), at), (1, 1), &[]);
            for _ in 0..steps {
                machine.step();
            }
            machine.kill(side);
            close!(&bench, other, NdkCloseConnector);
            bench.wait("the end of the connect", || begun.callback.count() == 1);
            assert!(begun.callback.status() < 0, "{side} {steps}");
            close!(&bench, qp, NdkCloseQp);
            // Requests that the listener reported are its consumer's to close; there is one at most.
            let requested = link.requested();
            if let Some(connector) = requested {
                close!(&bench, connector, NdkCloseConnector);
            }
            link.close();
            bench.check_callbacks();
        }
    }
}

/// Registration takes several commands; its end is told once, whichever of them is not answered.
#[test]
fn death_ends_a_registration() {
    for steps in 0..8 {
        let machine = Machine::new();
        let bench = Bench::new(&machine, Family::V4);
        let adapter = bench.adapter(0);
        let pd = bench.pd(adapter);
        let memory = machine.allocate(0, 32 << 20);
        let mr = bench.mr(pd, false);
        let begun = bench.begin("register", |done, context| {
            call!(
                mr,
                NdkRegisterMr,
                memory.mdl(),
                memory.len(),
                0,
                done,
                context
            )
        });
        for _ in 0..steps {
            machine.step();
        }
        machine.kill(0);
        assert_ne!(bench.end(&begun), STATUS_PENDING);
        close!(&bench, mr, NdkCloseMr);
        close!(&bench, pd, NdkClosePd);
        machine.close(0, adapter);
        bench.check_callbacks();
        machine.check_empty();
    }
}

/// What a dead device left behind was never completed: consumers that wait for their requests before they close waited
/// without end. (ndkpi.md 6.4, 6.7)
#[test]
fn requests_that_a_dead_device_left_behind_are_cancelled() {
    let machine = Machine::new();
    let bench = Bench::new(&machine, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    // Nobody has a receive for what is sent, so that it waits.
    let list = [link.a.sge(0, 64)];
    for at in 0..4 {
        assert_eq!(link.a.receive(at, &list), STATUS_SUCCESS);
        let flags = if at == 3 {
            NDK_OP_FLAG_SILENT_SUCCESS
        } else {
            0
        };
        assert_eq!(link.a.send(10 + at, &list, flags), STATUS_SUCCESS);
    }
    machine.kill(0);
    let mut results: Vec<(usize, NTSTATUS)> = (0..8)
        .map(|_| bench.result(link.a.cq))
        .map(|result| (result.RequestContext.addr(), result.Status))
        .collect();
    results.sort_unstable();
    let contexts = [0, 1, 2, 3, 10, 11, 12, 13];
    assert_eq!(results, contexts.map(|context| (context, STATUS_CANCELLED)));
    bench.nothing(link.a.cq);
    link.close();
}

/// Devices that are pulled out at any moment of a busy consumer's life: all of it ends.
#[test]
fn a_busy_consumer_of_a_device_that_dies_comes_to_an_end() {
    let (mut connected, mut cancelled, mut in_flight) = (0, 0, 0);
    for seed in 0..200 {
        let machine = Machine::new();
        let bench = Bench::new(&machine, Family::V4);
        let side = usize::from(seed % 2 == 1);
        machine.doom.set(Some((seed * 7 % 400, side)));
        let report = crowd::live(
            &bench,
            seed,
            |acts| acts < 120,
            10_000,
            || {
                machine.kill(side);
                Some(side)
            },
        );
        connected += usize::from(report.connected);
        cancelled += report.cancelled;
        in_flight += report.in_flight;
        bench.check_callbacks();
        machine.check_empty();
    }
    // Lives ended before, in and after their connections, with work under way.
    assert!((50..200).contains(&connected), "{connected} connected");
    assert!(
        cancelled > 200 && in_flight > 50,
        "{cancelled}, {in_flight}"
    );
}
