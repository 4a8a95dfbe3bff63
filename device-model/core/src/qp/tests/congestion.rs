//! Congestion marks, notifications and the limiter `[ROCE-70]` to `[ROCE-72]`.

use rnic_abi::{CompletionStatus, CounterId, WorkOpcode, feature};
use rnic_wire::{Ecn, Frame, Opcode};

use super::*;

/// Two devices on frames, with congestion control in force or not.
fn pair(on: bool) -> Pair {
    let mut p = Pair::new(Wire::Frames);
    if on {
        p.a.res.features |= feature::CONGESTION_CONTROL;
        p.b.res.features |= feature::CONGESTION_CONTROL;
    }
    p
}

/// Posts a write of so many bytes from a to b.
fn write(p: &mut Pair, context: u64, length: u32) {
    let wr = Wr::new(WorkOpcode::WRITE, context)
        .segment(BASE, length, p.a.key)
        .remote(BASE, p.b.key);
    p.a.post(p.qa, wr);
}

/// Frames that a node has sent.
fn sent(node: &mut Node) -> Vec<Vec<u8>> {
    let frame = |item| match item {
        Item::Frame(frame) => frame,
        Item::Segment(_) => panic!("a segment on a wire"),
    };
    node.env.out.drain(..).map(frame).collect()
}

/// The same frame as a congested router passes it on.
fn marked(mut frame: Vec<u8>) -> Vec<u8> {
    let before = frame[15];
    frame[15] |= 3;
    // RFC 1624; the sum of the header stays what it was.
    let sum = !u16::from_be_bytes([frame[24], frame[25]]);
    let (sum, carry) = sum.overflowing_add(u16::from(frame[15] - before));
    let sum = !(sum + u16::from(carry));
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn opcode(frame: &[u8]) -> Opcode {
    Frame::parse(frame).unwrap().packet.bth.opcode
}

#[test]
fn frames_say_that_they_may_be_marked_when_the_feature_is_in_force() {
    for on in [false, true] {
        let mut p = pair(on);
        write(&mut p, 1, 100);
        p.a.run();
        let frames = sent(&mut p.a);
        let ecn = Frame::parse(&frames[0]).unwrap().envelope.ip.ecn();
        // [ROCE-70]
        assert_eq!(ecn, if on { Ecn::Ect0 } else { Ecn::NotEct });
    }
}

#[test]
fn a_mark_is_told_of_once_in_an_interval() {
    // [ROCE-71]
    let mut p = pair(true);
    write(&mut p, 1, 4096);
    p.a.run();
    for frame in sent(&mut p.a) {
        p.b.take(Item::Frame(marked(frame)));
    }
    p.b.run();
    let answers = sent(&mut p.b);
    let notifications: Vec<_> = answers
        .iter()
        .filter(|f| opcode(f) == Opcode::Cnp)
        .collect();
    assert_eq!(notifications.len(), 1, "of four marked frames");
    let cnp = Frame::parse(notifications[0]).unwrap();
    assert!(cnp.packet.bth.becn);
    assert_eq!(cnp.packet.bth.dest_qpn.get(), p.qa);
    assert_eq!(cnp.envelope.ip.ecn(), Ecn::NotEct);
    assert_eq!(p.b.counter(CounterId::CNP_OUT), 1);
    assert_eq!(p.b.counter(CounterId::ECN_MARKED_IN), 4);
    for answer in answers {
        p.a.take(Item::Frame(answer));
    }
    assert_eq!(p.a.counter(CounterId::CNP_IN), 1);
    // After the interval, again.
    p.b.env.now = p.b.env.now.after(50_000);
    p.a.env.now = p.b.env.now.after(100_000);
    write(&mut p, 2, 1);
    p.a.run();
    for frame in sent(&mut p.a) {
        p.b.take(Item::Frame(marked(frame)));
    }
    assert_eq!(p.b.counter(CounterId::CNP_OUT), 2);
}

#[test]
fn without_the_feature_marks_and_notifications_are_counted_and_nothing_else() {
    let mut p = pair(false);
    write(&mut p, 1, 100);
    p.a.run();
    for frame in sent(&mut p.a) {
        p.b.take(Item::Frame(marked(frame)));
    }
    p.b.run();
    assert!(sent(&mut p.b).iter().all(|f| opcode(f) != Opcode::Cnp));
    assert_eq!(p.b.counter(CounterId::ECN_MARKED_IN), 1);
    assert_eq!(p.b.counter(CounterId::CNP_OUT), 0);
}

/// A notification for a's queue pair, as b would send it.
fn notify(p: &mut Pair) {
    let mut other = pair(true);
    // The same numbers, so that the frame fits.
    assert_eq!((other.qa, other.qb), (p.qa, p.qb));
    write(&mut other, 1, 1);
    other.a.run();
    for frame in sent(&mut other.a) {
        other.b.take(Item::Frame(marked(frame)));
    }
    other.b.run();
    let cnp = sent(&mut other.b);
    let cnp = cnp.into_iter().find(|f| opcode(f) == Opcode::Cnp);
    p.a.take(Item::Frame(cnp.unwrap()));
}

#[test]
fn a_sender_that_is_told_slows_down_and_loses_nothing() {
    // [ROCE-72]
    let mut p = pair(true);
    notify(&mut p);
    assert_eq!(p.a.counter(CounterId::CNP_IN), 1);
    let start = p.a.env.now;
    let length = 64 * 1024;
    write(&mut p, 7, length);
    p.a.run();
    let first: Vec<Vec<u8>> = sent(&mut p.a);
    assert_eq!(first.len(), 1, "one frame, and then at the rate");
    p.b.take(Item::Frame(first[0].clone()));
    p.settle_in_time(10_000);
    assert_eq!(p.a.outcomes().len(), 1);
    let took = p.a.env.now.since(start);
    // 64 KiB at the line's 1 Gbit/s take 0.5 ms; at half of it, longer. The clock ends at a timer that was
    // set for an answer, and it has not expired.
    assert_eq!(p.a.counter(CounterId::ACK_TIMEOUTS), 0);
    assert!((600_000..9_000_000).contains(&took), "{took}");
}

#[test]
fn a_transfer_under_congestion_ends_well() {
    let mut p = pair(true);
    let data: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    p.a.put(0, &data);
    notify(&mut p);
    write(&mut p, 7, 200_000);
    p.settle_in_time(100_000);
    let done = p.a.outcomes();
    assert_eq!(done.len(), 1, "{done:?}");
    assert_eq!((done[0].0, done[0].1), (7, CompletionStatus::SUCCESS));
    assert_eq!(p.b.get(0, 200_000), data);
    let again = [CounterId::RETRANSMITTED, CounterId::ACK_TIMEOUTS].map(|id| p.a.counter(id));
    assert_eq!(again, [0, 0], "took {:?}", p.a.env.now);
}

#[test]
fn a_notification_for_nobody_or_from_elsewhere_is_dropped() {
    let mut p = pair(true);
    for state in [QpState::RESET, QpState::INIT] {
        let mut request = rnic_abi::ModifyQpRequest::zeroed().with_state(state);
        request.qpn.set(p.qa);
        request.set_mask(rnic_abi::ModifyMask::STATE);
        let modified =
            p.a.qps
                .modify(&mut p.a.env, &mut p.a.res, &request, |_| None, |_| false);
        modified.unwrap();
    }
    notify(&mut p);
    assert_eq!(p.a.counter(CounterId::CNP_IN), 0);
    assert_eq!(p.a.counter(CounterId::DROPPED_NO_QP), 1, "not connected");
    let mut there = path(&p.a, &p.b, p.qb, Mtu::B1024);
    there.peer = Gid::from(std::net::Ipv4Addr::new(10, 0, 0, 9));
    let options = Options::default();
    let set =
        p.a.qps
            .set_attributes(p.qa, |a| attributes(a, there, &options, 2));
    assert!(set);
    let (env, res) = (&mut p.a.env, &mut p.a.res);
    p.a.qps.change(env, res, p.qa, QpState::RTS).unwrap();
    notify(&mut p);
    assert_eq!(p.a.counter(CounterId::CNP_IN), 0);
    assert_eq!(p.a.counter(CounterId::DROPPED_ADDRESS), 1);
}
