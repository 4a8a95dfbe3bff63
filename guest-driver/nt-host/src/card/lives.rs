//! Statistics, the link, pauses, power, resets, removal, shutdown: with traffic, and with consumers of NDK there.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::ndk::STATUS_CONNECTION_REFUSED;
use ndk_consumer::bench::Bench;
use ndk_consumer::life;
use ndk_consumer::link::{Link, Wanted};
use ndk_consumer::platform::{Family, Platform, Refused};

use parking_lot::Mutex;

use super::{MOMENT, Pair, filter, tests, wait};
use crate::consumers::Consumers;
use crate::machine;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::datapath::Packet;
use crate::nt::{dpc, print};

tests! {
    statistics_count_what_passed;
    what_others_left_in_a_packet_is_not_indicated_again["*ReceiveBuffers" = 64];
    only_what_the_filter_lets_through_arrives;
    a_pulled_cable_is_told;
    pauses_under_traffic_lose_nothing;
    one_message_serves_everything["(messages)" = 1];
    few_messages_serve_everything["(messages)" = 3];
    a_pause_waits_for_indications_that_have_not_returned;
    sleep_and_wake_with_consumers;
    reset_with_consumers_and_traffic;
    removal_with_consumers;
    halt_waits_for_consumers_and_tells_them;
    shutdown_stops_the_device;
    a_bug_check_touches_no_lock;
    messages_have_levels;
    the_log_level_shows_more_without_a_filter["LogLevel" = 2];
    a_path_mtu_that_does_not_fit_is_an_event["*NetworkDirectRoCEFrameSize" = 4096];
}

const D0: u32 = 1;
const D3: u32 = 4;

fn number(adapter: &Adapter, oid: u32) -> u64 {
    let answer = adapter.query(oid, 8);
    assert_eq!(answer.status, NDIS_STATUS_SUCCESS, "{oid:#x}");
    let mut bytes = [0; 8];
    bytes[..answer.data.len()].copy_from_slice(&answer.data);
    u64::from_le_bytes(bytes)
}

/// OID_GEN_STATISTICS.
fn statistics(adapter: &Adapter) -> NDIS_STATISTICS_INFO {
    let answer = adapter.query(OID_GEN_STATISTICS, size_of::<NDIS_STATISTICS_INFO>());
    assert_eq!(answer.status, NDIS_STATUS_SUCCESS);
    // SAFETY: as many bytes, of which each pattern is a value.
    unsafe {
        answer
            .data
            .as_ptr()
            .cast::<NDIS_STATISTICS_INFO>()
            .read_unaligned()
    }
}

fn statistics_count_what_passed(pair: &Pair) {
    let mut packets = Vec::new();
    for (count, to) in [
        (5, None),
        (3, Some([1, 0, 0x5E, 0, 0, 1])),
        (2, Some([0xFF; 6])),
    ] {
        for at in 0..count {
            let mut packet = pair.plain(at, 100 + at as usize);
            if let Some(to) = to {
                packet.frame[..6].copy_from_slice(&to);
            }
            packets.push(packet);
        }
    }
    let bytes: u64 = packets.iter().map(|p| p.frame.len() as u64).sum();
    let (sent, received) = (statistics(&pair.a), statistics(&pair.b));
    let ok = number(&pair.a, OID_GEN_XMIT_OK);
    let errors = number(&pair.a, OID_GEN_XMIT_ERROR);
    let got = number(&pair.b, OID_GEN_RCV_OK);
    pair.send(&packets);
    for packet in &packets {
        pair.arrived("a packet", |arrived| arrived.frame == packet.frame);
    }
    let octets = |from: usize, to: usize| -> u64 {
        packets[from..to].iter().map(|p| p.frame.len() as u64).sum()
    };
    let now = statistics(&pair.b);
    assert_eq!(
        [
            now.ifHCInUcastOctets - received.ifHCInUcastOctets,
            now.ifHCInMulticastOctets - received.ifHCInMulticastOctets,
            now.ifHCInBroadcastOctets - received.ifHCInBroadcastOctets,
        ],
        [octets(0, 5), octets(5, 8), octets(8, 10)]
    );
    let now = statistics(&pair.a);
    assert_eq!(
        [
            now.ifHCOutUcastOctets - sent.ifHCOutUcastOctets,
            now.ifHCOutMulticastOctets - sent.ifHCOutMulticastOctets,
            now.ifHCOutBroadcastOctets - sent.ifHCOutBroadcastOctets,
        ],
        [octets(0, 5), octets(5, 8), octets(8, 10)]
    );
    let refused = pair.a.send(&[pair.plain(99, 5000)]);
    assert_ne!(pair.a.wait_sent(refused[0]), NDIS_STATUS_SUCCESS);
    let (now, there) = (statistics(&pair.a), statistics(&pair.b));
    assert_eq!(
        [
            there.ifHCInUcastPkts - received.ifHCInUcastPkts,
            there.ifHCInMulticastPkts - received.ifHCInMulticastPkts,
            there.ifHCInBroadcastPkts - received.ifHCInBroadcastPkts,
            there.ifHCInOctets - received.ifHCInOctets,
        ],
        [5, 3, 2, bytes]
    );
    assert_eq!(
        [
            now.ifHCOutMulticastPkts - sent.ifHCOutMulticastPkts,
            now.ifHCOutBroadcastPkts - sent.ifHCOutBroadcastPkts,
            now.ifOutErrors - sent.ifOutErrors,
        ],
        [3, 2, 1]
    );
    assert_eq!(number(&pair.a, OID_GEN_XMIT_OK) - ok, 10);
    assert_eq!(number(&pair.a, OID_GEN_XMIT_ERROR) - errors, 1);
    assert_eq!(number(&pair.b, OID_GEN_RCV_OK) - got, 10);
}

/// Slots of a list that drivers above had filled went up again with the next frame in that list. The host fills some, and looks.
fn what_others_left_in_a_packet_is_not_indicated_again(pair: &Pair) {
    for number in 0..200 {
        let packet = pair.plain(number, 100);
        assert_eq!(pair.pass(packet.clone()).frame, packet.frame);
    }
}

fn only_what_the_filter_lets_through_arrives(pair: &Pair) {
    const DIRECTED: u32 = 1;
    const MULTICAST: u32 = 2;
    const ALL_MULTICAST: u32 = 4;
    const BROADCAST: u32 = 8;
    const PROMISCUOUS: u32 = 0x20;
    let list = [1, 0, 0x5E, 0, 0, 7];
    let status = pair.b.set(OID_802_3_MULTICAST_LIST, &list).status;
    assert_eq!(status, NDIS_STATUS_SUCCESS);
    let ours = pair.macs().0;
    let targets = [
        ours,
        list,
        [1, 0, 0x5E, 0, 0, 8],
        [0xFF; 6],
        [2, 9, 9, 9, 9, 9],
    ];
    for (bits, through) in [
        (DIRECTED, [true, false, false, false, false]),
        (MULTICAST, [false, true, false, false, false]),
        (ALL_MULTICAST, [false, true, true, false, false]),
        (BROADCAST, [false, false, false, true, false]),
        (PROMISCUOUS, [true; 5]),
    ] {
        filter(&pair.b, bits);
        let packets: Vec<Packet> = targets
            .iter()
            .map(|to| {
                let mut packet = pair.plain(bits, 80);
                packet.frame[..6].copy_from_slice(to);
                packet
            })
            .collect();
        pair.send(&packets);
        for (packet, _) in packets.iter().zip(through).filter(|(_, through)| *through) {
            let arrived = pair.arrived("a frame that is let through", |_| true);
            assert_eq!(arrived.frame, packet.frame, "{bits:#x}");
        }
        let more = pair.b.traffic.receive(MOMENT, |_| true);
        assert!(more.is_none(), "{bits:#x} let {more:02x?} through");
    }
}

/// MediaConnectState of the last NDIS_STATUS_LINK_STATE: 1 connected, 2 disconnected.
fn link(adapter: &Adapter) -> Option<u8> {
    let indications = adapter.indications.lock();
    let mut states = indications
        .iter()
        .rev()
        .filter(|(code, _)| *code == NDIS_STATUS_LINK_STATE);
    states.next().and_then(|(_, state)| state.get(4).copied())
}

fn a_pulled_cable_is_told(pair: &Pair) {
    for _ in 0..2 {
        pair.set_link(0, false);
        wait("the word that the link is down", || {
            link(&pair.a) == Some(2)
        });
        // What is sent meanwhile comes back, and goes nowhere.
        let numbers = pair.a.send(&[pair.plain(1, 100)]);
        pair.set_link(0, true);
        wait("the word that the link is up", || link(&pair.a) == Some(1));
        pair.a.wait_sent(numbers[0]);
        pair.b.traffic.take();
        let packet = pair.plain(2, 100);
        pair.send(std::slice::from_ref(&packet));
        pair.arrived("a packet after the cable is back", |arrived| {
            arrived.frame == packet.frame
        });
    }
}

/// Held while packets are handed over, and by whoever begins a pause: NDIS hands none over from then on.
static GATE: Mutex<()> = Mutex::new(());

/// Sends from A until told to stop, while `then` runs; how many were sent, and how many of those with success.
fn under_traffic(pair: &Pair, then: impl FnOnce()) -> (usize, usize) {
    let stop = AtomicBool::new(false);
    let (sent, good) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::thread::prepare();
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                // NDIS holds packets back while the adapter does not run.
                let gate = GATE.lock();
                if pair.a.state() != State::Running {
                    drop(gate);
                    std::thread::yield_now();
                    continue;
                }
                let packets: Vec<Packet> = (0..8).map(|at| pair.plain(number + at, 200)).collect();
                number += 8;
                let handed_over = pair.a.send(&packets);
                drop(gate);
                for packet in handed_over {
                    let status = pair.a.wait_sent(packet);
                    sent.fetch_add(1, Ordering::SeqCst);
                    good.fetch_add(usize::from(status == NDIS_STATUS_SUCCESS), Ordering::SeqCst);
                }
            }
        });
        wait("traffic", || good.load(Ordering::SeqCst) > 16);
        then();
        stop.store(true, Ordering::SeqCst);
    });
    (sent.into_inner(), good.into_inner())
}

pub(super) fn works(pair: &Pair) {
    pair.b.traffic.take();
    let packet = pair.plain(0xFFFF_0000, 100);
    pair.send(std::slice::from_ref(&packet));
    pair.arrived("a packet", |arrived| arrived.frame == packet.frame);
}

fn pauses_under_traffic_lose_nothing(pair: &Pair) {
    let (sent, good) = under_traffic(pair, || {
        for _ in 0..4 {
            // Pausing checks that nobody has a packet of the other afterwards.
            for adapter in [&pair.b, &pair.a] {
                let gate = GATE.lock();
                adapter.pause();
                drop(gate);
                assert_eq!(adapter.restart(), NDIS_STATUS_SUCCESS);
            }
        }
    });
    assert!(good > 16, "{good} of {sent}");
    works(pair);
}

/// Where there are not as many as a function asks for Windows grants one: the adapter did not start.
fn one_message_serves_everything(pair: &Pair) {
    pauses_under_traffic_lose_nothing(pair);
    consumers_work(&consumers(pair));
    pair.set_link(0, false);
    wait("the word that the link is down", || {
        link(&pair.a) == Some(2)
    });
    pair.set_link(0, true);
    wait("the word that the link is up", || link(&pair.a) == Some(1));
    works(pair);
}

fn few_messages_serve_everything(pair: &Pair) {
    one_message_serves_everything(pair);
}

/// Nothing in the event log said why connections had another path MTU than the keyword's.
fn a_path_mtu_that_does_not_fit_is_an_event(pair: &Pair) {
    for adapter in [&pair.a, &pair.b] {
        let logged = adapter.logged.lock().clone();
        assert_eq!(logged, [NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION]);
    }
    consumers_work(&consumers(pair));
}

/// The lists were back, and the pause was over, while NDIS was still in the call that had indicated them.
fn a_pause_waits_for_indications_that_have_not_returned(pair: &Pair) {
    pair.b.traffic.hold_next_indication();
    // That it was sent may be told on the processor that the indication holds.
    let sent = pair.a.send(&[pair.plain(1, 100)]);
    wait("the indication", || pair.b.traffic.is_holding());
    // Checks that it has returned when the pause is over.
    pair.b.pause();
    assert_eq!(pair.b.restart(), NDIS_STATUS_SUCCESS);
    assert_eq!(pair.a.wait_sent(sent[0]), NDIS_STATUS_SUCCESS);
    works(pair);
}

pub(super) fn consumers(pair: &Pair) -> Consumers {
    Consumers::new([pair.a.clone(), pair.b.clone()])
}

/// A consumer's whole life goes well.
pub(super) fn consumers_work(place: &Consumers) {
    let bench = Bench::new(place, Family::V4);
    let plan = life::Plan {
        sides: [0, 1],
        patience: 100_000,
    };
    // [CM-15] [CM-20] A device that was reset gives its queue pairs the same numbers again. While the peer keeps such a
    // number back it refuses the request as stale, and consumers try again: for that reason alone, which the driver prints.
    let stale = || {
        let lines = print::lines();
        lines
            .iter()
            .filter(|line| line.contains("as stale"))
            .count()
    };
    let mut report = life::Report::default();
    for _ in 0..50 {
        let before = stale();
        report = life::live(&bench, plan);
        if report.refused != Some(("connect", STATUS_CONNECTION_REFUSED)) || stale() == before {
            break;
        }
        std::thread::sleep(MOMENT);
    }
    assert!(
        report.disconnected && report.refused.is_none(),
        "{report:?}"
    );
}

/// A consumer with a connection, while `then` happens to its active side; afterwards it hears that the connection is gone,
/// and closes all it has.
pub(super) fn with_a_connection(place: &Consumers, then: impl FnOnce()) {
    let bench = Bench::new(place, Family::V4);
    let link = Link::new(&bench, Wanted::default());
    then();
    bench.wait("the end of the connection", || link.a_left.count() == 1);
    link.close();
    bench.check_callbacks();
}

fn power(adapter: &Adapter, state: u32) {
    let status = adapter.set(OID_PNP_SET_POWER, &state.to_le_bytes()).status;
    assert_eq!(status, NDIS_STATUS_SUCCESS, "power state {state}");
}

/// Asks NDIS not to halt the adapter before the machine sleeps: it did not, and a halt waits for consumers to go.
fn sleep_and_wake_with_consumers(pair: &Pair) {
    let flags = pair.a.said.lock().flags;
    assert_ne!(flags & NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND, 0);
    let place = consumers(pair);
    consumers_work(&place);
    with_a_connection(&place, || {
        under_traffic(pair, || power(&pair.a, D3));
        // Asleep, it sends nothing, opens nothing, and is not taken for one that hangs.
        let numbers = pair.a.send(&[pair.plain(1, 100)]);
        let status = pair.a.wait_sent(numbers[0]);
        assert_eq!(status, NDIS_STATUS_LOW_POWER_STATE, "{status:#x}");
        let version = ndis_sys::ndk::NDK_VERSION { Major: 2, Minor: 0 };
        assert_eq!(place.open(0, version, (0, 0)), Err(Refused::NotReady));
        assert_eq!(pair.a.check_for_hang(), Some(false));
        power(&pair.a, D0);
    });
    works(pair);
    consumers_work(&place);
}

fn reset_with_consumers_and_traffic(pair: &Pair) {
    let place = consumers(pair);
    with_a_connection(&place, || {
        under_traffic(pair, || {
            assert_eq!(pair.a.reset(), Some(NDIS_STATUS_SUCCESS))
        });
    });
    // Filter and addresses are as before.
    works(pair);
    consumers_work(&place);
}

fn removal_with_consumers(pair: &Pair) {
    const REMOVED: i32 = 2;
    /// NdisHaltDeviceSurpriseRemoved.
    const HALTED: i32 = 3;
    let place = consumers(pair);
    with_a_connection(&place, || {
        under_traffic(pair, || {
            machine::set_removed(pair.a.function, true);
            pair.a.removed.store(true, Ordering::SeqCst);
            pair.a.pnp_event(REMOVED);
            // B's watchdog goes on; that of A has nothing to watch.
            assert_eq!(dpc::timers_set(), 1, "timers after a removal");
        });
    });
    let version = ndis_sys::ndk::NDK_VERSION { Major: 2, Minor: 0 };
    assert_eq!(place.open(0, version, (0, 0)), Err(Refused::NotReady));
    pair.a.pause();
    pair.a.halt(HALTED);
    machine::set_removed(pair.a.function, false);
    assert_eq!(pair.a.state(), State::Halted);
}

/// A halt waited without end, and consumers of a connection heard nothing.
fn halt_waits_for_consumers_and_tells_them(pair: &Pair) {
    let place = consumers(pair);
    pair.a.pause();
    let halted = AtomicBool::new(false);
    std::thread::scope(|scope| {
        with_a_connection(&place, || {
            scope.spawn(|| {
                crate::thread::prepare();
                pair.a.halt_with_consumers(0);
                halted.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(MOMENT);
            assert!(!halted.load(Ordering::SeqCst), "halted with a consumer");
        });
        wait("the end of the halt", || halted.load(Ordering::SeqCst));
    });
    assert_eq!(pair.a.state(), State::Halted);
}

/// Afterwards the device is reset: it receives nothing any more, whatever the filter was.
fn shutdown_stops_the_device(pair: &Pair) {
    const POWER_OFF: i32 = 0;
    works(pair);
    pair.b.shutdown(POWER_OFF);
    pair.b.traffic.take();
    pair.send(&[pair.plain(1, 100)]);
    let arrived = pair.b.traffic.receive(MOMENT, |_| true);
    assert!(arrived.is_none(), "a device that was shut down receives");
}

/// At HIGH_LEVEL no lock may be taken: the host checks each import.
fn a_bug_check_touches_no_lock(pair: &Pair) {
    const BUG_CHECK: i32 = 1;
    pair.a.shutdown(BUG_CHECK);
    works(pair);
}

/// What a field engineer sees: errors alone, or steps, or each request.
fn messages_have_levels(pair: &Pair) {
    pair.a.query(OID_GEN_XMIT_OK, 8);
    pair.a.set(OID_PNP_SET_POWER, &D3.to_le_bytes());
    let said = |mask, text: &str| {
        print::lines_shown(mask)
            .iter()
            .any(|line| line.contains(text))
    };
    // Bits: 0 errors, 1 warnings, 2 steps, 3 requests, as rnic-ndis/README.md says.
    for (text, level) in [
        ("initialized", 2),
        ("power state D3", 2),
        ("oid 0x00020101", 3),
    ] {
        assert!(said(1 << level, text), "{text} is not at level {level}");
        assert!(
            !said(!(1 << level), text),
            "{text} is shown at other levels too"
        );
    }
    power(&pair.a, D0);
}

/// Windows' filter as it comes lets level 0 through alone; `LogLevel` 2 puts steps there, and no requests.
fn the_log_level_shows_more_without_a_filter(pair: &Pair) {
    const AS_IT_COMES: u32 = 1;
    pair.a.query(OID_GEN_XMIT_OK, 8);
    pair.a.set(OID_PNP_SET_POWER, &D3.to_le_bytes());
    let shown = print::lines_shown(AS_IT_COMES);
    let said = |text: &str| shown.iter().any(|line| line.contains(text));
    assert!(said("initialized") && said("power state D3"), "{shown:?}");
    assert!(!said("oid 0x00020101"), "{shown:?}");
    power(&pair.a, D0);
}
