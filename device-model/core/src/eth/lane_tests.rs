use proptest::prelude::*;
use rnic_abi::RssTypes;

use super::testing::{Bed, Ip, WRITE, net_header, plain};
use super::*;
use crate::dma::DmaSpace;

const ME: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const NONE: [u8; 12] = [0; 12];
const TRANSMIT: EthDirection = EthDirection::TRANSMIT;
const RECEIVE: EthDirection = EthDirection::RECEIVE;

#[test]
fn what_a_set_up_may_be() {
    // [ETH-1]
    let good = Setup {
        size: 256,
        descriptors: 0x1000,
        available: 0x2000,
        used: 0x3000,
    };
    assert!(Virtqueue::new(good).is_ok());
    let refused = |change: fn(&mut Setup)| {
        let mut setup = good;
        change(&mut setup);
        Virtqueue::new(setup).err()
    };
    assert_eq!(refused(|s| s.size = 0), Some(SetupError::Size));
    assert_eq!(refused(|s| s.size = 255), Some(SetupError::Size));
    assert_eq!(refused(|s| s.size = 8192), Some(SetupError::TooLarge));
    assert_eq!(refused(|s| s.size = 4096), None);
    assert_eq!(refused(|s| s.size = 1), None);
    assert_eq!(
        refused(|s| s.descriptors += 8),
        Some(SetupError::Descriptors)
    );
    assert_eq!(refused(|s| s.available += 1), Some(SetupError::Available));
    assert_eq!(refused(|s| s.used += 2), Some(SetupError::Used));
}

#[test]
fn doorbells_that_do_not_agree_with_the_ring_stop_the_queue() {
    // [ETH-1] [DB-6]: producer index by doorbell, after two chains were posted and one sent.
    for (rung, good) in [
        (1, true),
        (2, true),
        (0x1_0002, true), // [DB-8]
        (0, false),       // behind what was fetched
        (3, false),       // ahead of the ring's index
        (10, false),      // more than the ring has entries
        (0xffff, false),
    ] {
        let mut bed = Bed::new();
        let mut d = bed.transmit_queue(8);
        bed.send(&mut d, 0, NONE, &plain(ME, 60));
        bed.run_all();
        assert_eq!(bed.env.sent.len(), 1);
        bed.descriptor(&d, 1, d.buffers[1], 100, 0, 0);
        bed.post(&mut d, 1);
        bed.ring_value(&d, rung);
        bed.run_all();
        let sent = bed.env.sent.len();
        assert_eq!(sent, if good && rung != 1 { 2 } else { 1 }, "{rung}");
        assert_eq!(bed.lane.take_mistakes(), u32::from(!good), "{rung}");
        bed.ring(&d);
        bed.run_all();
        let sent = bed.env.sent.len();
        assert_eq!(sent, if good { 2 } else { 1 }, "{rung}");
        assert_eq!(bed.lane.take_mistakes(), 0, "told once");
    }
}

#[test]
fn a_ring_that_runs_away_stops_the_queue() {
    // [ETH-1]
    let mut bed = Bed::new();
    let mut d = bed.transmit_queue(8);
    bed.descriptor(&d, 0, d.buffers[0], 100, 0, 0);
    d.posted = 40;
    bed.post(&mut d, 0);
    bed.ring_value(&d, 1);
    bed.run_all();
    assert!(bed.env.sent.is_empty());
    assert_eq!(bed.lane.take_mistakes(), 1);
}

#[test]
fn a_head_that_does_not_exist_stops_the_queue() {
    // [ETH-1]
    let mut bed = Bed::new();
    let mut d = bed.transmit_queue(8);
    bed.post(&mut d, 8);
    bed.send(&mut d, 0, NONE, &plain(ME, 60));
    bed.run_all();
    assert!(bed.env.sent.is_empty() && bed.used(&mut d).is_empty());
}

#[test]
fn interrupts_come_unless_the_driver_wants_none() {
    // [ETH-10]
    let mut bed = Bed::new();
    let mut tx = bed.transmit_queue(8);
    let mut rx = bed.receive_queue(8);
    for no_interrupt in [0u16, 1, 0] {
        let raised = u32::from(no_interrupt == 0);
        for d in [&tx, &rx] {
            bed.guest
                .write(d.setup.available, &no_interrupt.to_le_bytes());
        }
        bed.send(&mut tx, 0, NONE, &plain(ME, 60));
        bed.send(&mut tx, 1, NONE, &plain(ME, 60));
        bed.run_all();
        assert_eq!(bed.env.host.take_raised(tx.vector), raised, "once a run");
        bed.offer(&mut rx, 0, 2048);
        bed.ring(&rx);
        bed.receive(&plain(ME, 60));
        assert_eq!(bed.env.host.take_raised(rx.vector), raised);
    }
    // Nothing given back: nothing raised.
    bed.run_all();
    bed.receive(&plain(ME, 60));
    assert!(bed.env.host.raised.is_empty());
}

#[test]
fn queues_take_turns_and_a_run_is_bounded() {
    // [CONV-12] [CMD-7]
    let mut bed = Bed::new();
    let size = 256;
    let mut queues: Vec<_> = (0..3).map(|n| bed.queue(TRANSMIT, n, size)).collect();
    for d in &mut queues {
        let at = d.buffers[0];
        bed.guest.write(at + 12, &plain(ME, 60));
        // The queue's number in the frame.
        bed.guest.write(at + 12 + 20, &[d.index as u8]);
        for n in 0..size {
            bed.descriptor(d, n, at, 72, 0, 0);
            bed.post(d, n);
        }
        bed.ring(d);
    }
    let budget = Budget {
        bytes: 1 << 20,
        ops: 100,
    };
    let (progress, left) = bed.run(budget);
    assert_eq!((progress, left.ops), (Progress::Busy, 0));
    assert_eq!(bed.env.sent.len(), 100);
    let of = |bed: &Bed, n| bed.env.sent.iter().filter(|frame| frame[20] == n).count();
    for n in 0..3 {
        assert!(of(&bed, n) >= 32, "queue {n} had its turn");
    }
    let (_, left) = bed.run(Budget {
        bytes: 600,
        ops: 1000,
    });
    assert_eq!((left.bytes, bed.env.sent.len()), (0, 110));
    bed.run_all();
    for (n, d) in (0..).zip(&mut queues) {
        assert_eq!(of(&bed, n), 256);
        assert_eq!(bed.used(d).len(), 256);
    }
}

#[test]
fn a_blocked_port_does_not_hold_the_budget() {
    let mut bed = Bed::new();
    let mut first = bed.queue(TRANSMIT, 0, 8);
    let mut last = bed.queue(TRANSMIT, 15, 8);
    bed.send(&mut first, 0, NONE, &plain(ME, 60));
    bed.send(&mut last, 0, NONE, &plain(ME, 61));
    bed.env.room = 0;
    let (progress, left) = bed.run(Budget::DEFAULT);
    assert_eq!(progress, Progress::Idle);
    assert!(left.ops >= Budget::DEFAULT.ops - 4);
    bed.env.room = 9;
    bed.run_all();
    assert_eq!(bed.env.sent.len(), 2);
}

#[test]
fn indices_wrap() {
    let mut bed = Bed::new();
    let mut tx = bed.transmit_queue(4);
    let mut rx = bed.receive_queue(4);
    let frame = plain(ME, 60);
    for n in 0..70_000u32 {
        let place = (n % 4) as u16;
        bed.send(&mut tx, place, NONE, &frame);
        bed.offer(&mut rx, place, 100);
        bed.ring(&rx);
        bed.run_all();
        bed.receive(&frame);
        bed.env.sent.clear();
        if n % 1000 == 0 {
            assert_eq!(bed.used(&mut tx).len(), if n == 0 { 1 } else { 1000 });
            assert_eq!(bed.used(&mut rx).len(), if n == 0 { 1 } else { 1000 });
        }
    }
    assert_eq!(bed.count(CounterId::ETH_FRAMES_OUT), 70_000);
    assert_eq!(bed.count(CounterId::ETH_FRAMES_IN), 70_000);
}

#[test]
fn receive_side_scaling_chooses_the_queue() {
    // [ETH-7]
    let mut bed = Bed::new();
    let mut queues: Vec<_> = (0..3).map(|n| bed.queue(RECEIVE, n, 64)).collect();
    for d in &mut queues {
        for n in 0..16 {
            bed.offer(d, n, 2048);
        }
        bed.ring(d);
    }
    let key = core::array::from_fn(|n| (n * 37 + 11) as u8);
    // Queue 3 does not exist: its frames go to queue 0.
    let rss = Rss::new(RssTypes::TCP_IPV4, key, &[2, 1, 3, 1]).unwrap();
    bed.lane.set_rss(rss.clone());
    let mut expected = [0; 3];
    for port in 0..12 {
        let frame = Ip {
            source: (9, port),
            ..Ip::tcp(false, 10)
        }
        .frame();
        let queue = usize::from(rss.queue(&frame));
        expected[if queue == 3 { 0 } else { queue }] += 1;
        bed.receive(&frame);
    }
    bed.receive(&plain(ME, 60));
    expected[2] += 1;
    let got: Vec<_> = queues.iter_mut().map(|d| bed.used(d).len()).collect();
    assert_eq!(got, expected);
    assert!(expected.iter().all(|count| *count > 0));
}

#[test]
fn the_filter_is_none_at_first() {
    // [ETH-6]
    let mut bed = Bed::new();
    bed.lane.reset();
    let mut d = bed.receive_queue_again();
    bed.offer(&mut d, 0, 2048);
    bed.ring(&d);
    for destination in [ME, MacAddr::BROADCAST, MacAddr([1; 6])] {
        bed.receive(&plain(destination, 60));
    }
    assert!(bed.used(&mut d).is_empty());
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 0);
}

#[test]
fn a_queue_is_destroyed_with_its_buffers() {
    // [ETH-2] [RESET-1]
    let mut bed = Bed::new();
    let mut tx = bed.transmit_queue(8);
    let mut rx = bed.receive_queue(8);
    bed.offer(&mut rx, 0, 2048);
    bed.ring(&rx);
    bed.send(&mut tx, 0, NONE, &plain(ME, 60));
    bed.env.room = 0;
    bed.run_all();
    assert_eq!(bed.lane.destroy(TRANSMIT, 0), Some(tx.slot));
    assert_eq!(bed.lane.destroy(TRANSMIT, 0), None);
    assert_eq!(bed.lane.destroy(RECEIVE, 0), Some(rx.slot));
    assert_eq!(bed.lane.destroy(RECEIVE, 16), None);
    assert!(!bed.lane.has_queue(TRANSMIT, 0) && !bed.lane.has_queue(RECEIVE, 0));
    bed.env.room = 9;
    bed.ring(&tx);
    bed.ring(&rx);
    bed.receive(&plain(ME, 60));
    bed.run_all();
    assert!(bed.env.sent.is_empty());
    assert!(bed.used(&mut tx).is_empty() && bed.used(&mut rx).is_empty());
    assert!(bed.env.host.raised.is_empty());
}

#[test]
fn without_bus_mastering_nothing_happens_and_nothing_is_lost() {
    // [BRING-3]
    let mut bed = Bed::new();
    let mut tx = bed.transmit_queue(8);
    let mut rx = bed.receive_queue(8);
    let dma = std::mem::replace(&mut bed.resources.dma, DmaSpace::empty());
    bed.offer(&mut rx, 0, 2048);
    bed.ring(&rx);
    bed.send(&mut tx, 0, NONE, &plain(ME, 60));
    bed.run_all();
    bed.receive(&plain(ME, 60));
    assert!(bed.env.sent.is_empty() && bed.used(&mut rx).is_empty());
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 1);
    bed.resources.dma = dma;
    bed.run_all();
    bed.receive(&plain(ME, 60));
    assert_eq!(bed.env.sent.len(), 1);
    assert_eq!(bed.used(&mut rx).len(), 1);
}

#[test]
fn memory_that_goes_away_stops_the_queue() {
    // [CONV-12]
    let mut bed = Bed::new();
    let mut tx = bed.transmit_queue(8);
    let mut rx = bed.receive_queue(8);
    bed.offer(&mut rx, 0, 2048);
    bed.ring(&rx);
    bed.send(&mut tx, 0, NONE, &plain(ME, 60));
    let dma = bed.resources.dma.clone();
    bed.resources.dma = DmaSpace::empty().with_bus_master(true);
    bed.run_all();
    bed.receive(&plain(ME, 60));
    assert_eq!(bed.count(CounterId::DMA_ERRORS), 2);
    bed.resources.dma = dma;
    bed.run_all();
    bed.receive(&plain(ME, 60));
    assert!(bed.env.sent.is_empty() && bed.used(&mut rx).is_empty());
}

#[test]
fn a_reset_at_any_moment_leaves_a_lane_that_works() {
    // [RESET-3]
    let ip = Ip::tcp(false, 9000);
    for room in 0..10 {
        let mut bed = Bed::new();
        let mut d = bed.transmit_queue(8);
        bed.env.room = room;
        bed.send(&mut d, 0, net_header(0, 1, 1000, 0, 0), &ip.frame());
        bed.run_all();
        assert_eq!(bed.env.sent.len(), room.min(9));
        bed.lane.reset();
        bed.env.room = usize::MAX;
        bed.run_all();
        assert_eq!(bed.env.sent.len(), room.min(9));
        let mut again = bed.queue(TRANSMIT, 1, 8);
        bed.send(&mut again, 0, NONE, &plain(ME, 60));
        bed.run_all();
        assert_eq!(bed.env.sent.len(), room.min(9) + 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn arbitrary_rings_never_panic(
        available in proptest::collection::vec(any::<u8>(), 20),
        table in proptest::collection::vec(any::<u8>(), 128),
        bells in proptest::collection::vec(any::<u16>(), 4),
        near in any::<bool>(),
    ) {
        let mut bed = Bed::new();
        let tx = bed.transmit_queue(8);
        let rx = bed.receive_queue(8);
        for d in [&tx, &rx] {
            bed.guest.write(d.setup.descriptors, &table);
            bed.guest.write(d.setup.available, &available);
            if near {
                bed.descriptor(d, 0, d.buffers[0], 100, WRITE, 0);
                bed.guest.write(d.setup.available + 2, &[8, 0, 0, 0]);
            }
        }
        for bell in bells {
            let bell = u64::from(if near { bell % 10 } else { bell });
            bed.ring_value(&tx, bell);
            bed.ring_value(&rx, bell);
            bed.run_all();
            bed.receive(&plain(ME, 60));
        }
    }
}
