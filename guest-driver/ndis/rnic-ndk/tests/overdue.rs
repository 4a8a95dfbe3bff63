//! A device that owes an answer or an event and never gives it: the driver learns of it, and consumers can close.

mod machine;

use machine::Machine;
use ndis_sys::ndk::*;
use ndk_consumer::bench::Bench;
use ndk_consumer::link::{
    End, Link, Wanted, begin_accept, begin_connect, connector, listen, listener, listener_address,
};
use ndk_consumer::platform::{Family, Platform};
use ndk_consumer::{call, close};
use rnic_ndk::Patience;

const PATIENCE: Patience = Patience {
    answer_ns: 10_000_000,
    event_ns: 50_000_000,
};

/// Steps until the device of a side is late with something; what it is.
fn late(machine: &Machine, side: usize) -> &'static str {
    for _ in 0..10_000 {
        if let Some(what) = machine.side(side).provider.overdue(PATIENCE) {
            return what;
        }
        machine.step();
    }
    panic!("nobody notices");
}

/// An ACCEPT whose event was lost was waited for without end.
#[test]
fn an_accept_that_never_ends_is_noticed() {
    let machine = Machine::new();
    let bench = Bench::new(&machine, Family::V4);
    let (a, b) = (
        End::new(&bench, 0, 0xA, Default::default()),
        End::new(&bench, 1, 0xB, Default::default()),
    );
    let (listener, requested) = listener(&bench, b.adapter);
    assert_eq!(listen(&bench, listener, bench.address(1)), STATUS_SUCCESS);
    let at = listener_address(listener).unwrap();
    let active = connector(&bench, a.adapter);
    let connecting = begin_connect(&bench, (active, a.qp), (bench.address(0), at), (1, 1), &[]);
    bench.wait("connect event", || requested.count() == 1);
    let passive: *mut NDK_CONNECTOR = requested.object();
    machine.side(1).lose_events.set(true);
    let left = bench.callback("disconnect event", 1);
    let accepting = begin_accept(&bench, (passive, b.qp), (1, 1), &[], left);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    assert!(late(&machine, 1).contains("ACCEPT"));
    // The driver ends the life of such a device; here its consumer gives up first.
    close!(&bench, passive, NdkCloseConnector);
    assert_eq!(bench.end(&accepting), STATUS_CANCELLED);
    close!(&bench, active, NdkCloseConnector);
    close!(&bench, listener, NdkCloseListener);
    a.close(&bench);
    b.close(&bench);
    bench.check_callbacks();
    machine.check_empty();
}

/// The answer of one command was waited for without end while others were answered.
#[test]
fn a_command_without_an_answer_is_noticed_by_its_own_age() {
    let machine = Machine::new();
    let bench = Bench::new(&machine, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    assert!(machine.side(0).provider.overdue(PATIENCE).is_none());
    machine.side(0).lose_answers.set(true);
    let done = bench.callback("pd", 1);
    let mut pd: *mut NDK_PD = std::ptr::null_mut();
    let status = call!(
        link.a.adapter,
        NdkCreatePd,
        Some(ndk_consumer::bench::created),
        done.context(),
        &raw mut pd
    );
    assert_eq!(status, STATUS_PENDING);
    assert!(late(&machine, 0).contains("command"));
    machine.side(0).lose_answers.set(false);
    bench.wait("pd", || done.count() == 1);
    assert!(machine.side(0).provider.overdue(PATIENCE).is_none());
    close!(&bench, done.object::<NDK_PD>(), NdkClosePd);
    link.close();
}

/// A callback that an arm is owed was waited for without end.
#[test]
fn an_armed_queue_that_never_signals_is_noticed() {
    let machine = Machine::new();
    let bench = Bench::new(&machine, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    let owes_nothing = || {
        for _ in 0..1000 {
            assert_eq!(machine.side(0).provider.overdue(PATIENCE), None);
            machine.step();
        }
    };
    let write = || {
        let list = [link.a.sge(0, 64)];
        let status = link.a.write(1, &list, link.b.remote(0), 0);
        assert_eq!(status, STATUS_SUCCESS);
    };
    machine.side(0).lose_signals.set(true);
    // Armed, with nothing to tell; a completion, with no arm.
    call!(link.a.cq, NdkArmCq, NDK_CQ_NOTIFY_SOLICITED);
    write();
    owes_nothing();
    bench.result(link.a.cq);
    call!(link.a.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
    owes_nothing();
    write();
    assert!(late(&machine, 0).contains("signal"));
    // Whoever takes the completion does not wait.
    bench.result(link.a.cq);
    owes_nothing();
    // Where signals are moderated they may come late.
    let status = call!(link.a.cq, NdkControlCqInterruptModeration, 1_000_000, 16);
    assert_eq!(status, STATUS_SUCCESS);
    call!(link.a.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
    write();
    owes_nothing();
    machine.side(0).lose_signals.set(false);
    bench.result(link.a.cq);
    link.a.notified.expect(u32::MAX);
    link.close();
}
