//! Lost ends and what is lost twice: found by probes and repeated NAKs.

use super::*;

fn probing(retry_count: u8) -> Requester {
    Requester::new(RequesterConfig {
        probe_after: Some(Nanos(100)),
        retry_count,
        ack_timeout: TimeoutCode::new(10).unwrap(),
        ..requester(0).config
    })
}

/// Everything that may be sent at that moment: sequence number, request for an acknowledge, sent before.
fn all(r: &mut Requester, now: Nanos) -> Vec<(u32, bool, bool)> {
    core::iter::from_fn(|| r.poll_transmit(now, 1))
        .map(|t| (t.header.psn.get(), t.header.ack_request, t.again))
        .collect()
}

/// Lets the next timer expire.
fn expire(r: &mut Requester) -> Nanos {
    let due = r.next_timer().unwrap();
    assert!(r.on_timer(due));
    due
}

// [ROCE-46], [ROCE-47]: the last packet of a message, or its acknowledge, was lost.
#[test]
fn a_lost_end_is_found_by_a_probe_long_before_the_timeout() {
    let mut r = probing(2);
    r.post(SEND, 3000).unwrap();
    assert_eq!(all(&mut r, NOW).len(), 3);
    let deadline = r.ack_deadline;
    let now = expire(&mut r);
    // Nothing was measured yet.
    assert_eq!(now, NOW.after(Nanos(1600)));
    assert_eq!(all(&mut r, now), [(0, true, true)]);
    assert_eq!(
        (r.ack_deadline, r.retries_left, r.timeouts()),
        (deadline, 2, 0)
    );
    // Only an acknowledge was lost: nothing else is sent again.
    r.on_response(now, &ack(2, Syndrome::ACK));
    assert_eq!((r.oldest(), r.next_timer()), (1, None));

    // Something was lost, and a retransmission of it too: 4 is missing, and all behind it.
    r.post(SEND, 4000).unwrap();
    all(&mut r, now);
    r.on_response(now, &ack(3, Syndrome::ACK));
    let later = expire(&mut r);
    assert_eq!(all(&mut r, later), [(4, true, true)]);
    r.on_response(later, &ack(4, Syndrome::ACK));
    assert_eq!(all(&mut r, later), [(5, true, true), (6, true, true)]);
    r.on_response(later, &ack(6, Syndrome::ACK));
    assert_eq!((r.oldest(), r.retries_left), (2, 2));
}

// [ROCE-46]
#[test]
fn a_probe_of_a_read_asks_for_what_is_missing() {
    let mut r = probing(2);
    r.post(READ, 3000).unwrap();
    r.post(ADD, 8).unwrap();
    assert_eq!(all(&mut r, NOW).len(), 2);
    r.on_response(NOW, &data(0, Position::First, 1024));
    let (asked, now) = ((r.asked, r.asked_psns), expire(&mut r));
    let t = r.poll_transmit(now, 1).unwrap();
    assert!(t.probe && t.header.psn.get() == 1 && t.offset == 1024);
    // No room: it is owed still.
    r.put_back(&t);
    assert_eq!(r.poll_transmit(now, 1), Some(t));
    assert_eq!(r.poll_transmit(now, 1), None);
    assert_eq!((r.asked, r.asked_psns), asked);
    r.on_response(now, &data(1, Position::Middle, 1024));
    r.on_response(now, &data(2, Position::Last, 952));
    assert_eq!((r.oldest(), all(&mut r, now).len()), (1, 0));
}

// [ROCE-40], [ROCE-46], [ROCE-47]
#[test]
fn probes_double_their_wait_and_a_dead_peer_is_found_as_without_them() {
    let mut r = probing(2);
    r.post(SEND, 1).unwrap();
    all(&mut r, NOW);
    let (mut now, mut probes, mut last) = (NOW, 0, 0);
    while r.failure().is_none() {
        let due = expire(&mut r);
        let wait = due.since(now).0;
        now = due;
        for (psn, request, again) in all(&mut r, now) {
            assert!(psn == 0 && request && again);
            if r.timeouts() == 0 {
                assert!(wait >= last * 2, "{wait} after {last}");
                (probes, last) = (probes + 1, wait);
            }
        }
    }
    assert!(probes > 5, "{probes}");
    assert_eq!(
        (r.failure(), r.timeouts()),
        (Some(Failure::RetryExceeded), 3)
    );
    assert_eq!(now, NOW.after(Nanos(3 * (4096 << 10))));
}

// [ROCE-47]
#[test]
fn without_retries_or_a_timeout_nothing_is_probed() {
    let mut none = probing(0);
    let mut forever = Requester::new(RequesterConfig {
        ack_timeout: TimeoutCode::new(0).unwrap(),
        ..probing(2).config
    });
    for r in [&mut none, &mut forever] {
        r.post(SEND, 1).unwrap();
        all(r, NOW);
    }
    assert_eq!(none.next_timer(), none.ack_deadline);
    assert_eq!(forever.next_timer(), None);
}

// [ROCE-46]: what is under way is not overdue.
#[test]
fn a_probe_waits_while_anything_is_sent_or_answered() {
    let mut r = probing(2);
    r.post(SEND, 3000).unwrap();
    let mut now = NOW;
    for _ in 0..3 {
        now = now.after(Nanos(1000));
        assert!(!r.on_timer(now));
        r.poll_transmit(now, 1).unwrap();
    }
    let due = r.next_timer().unwrap();
    assert_eq!(due, now.after(Nanos(1600)));
    r.on_response(Nanos(due.0 - 1), &ack(0, Syndrome::ACK));
    assert!(!r.on_timer(due));
    assert_eq!(r.poll_transmit(due, 1), None);
}

// [ROCE-39], [ROCE-40]: what was sent again was lost again, and the peer says so.
#[test]
fn a_second_nak_for_the_same_number_goes_back_again_after_a_round_trip() {
    let mut r = probing(2);
    r.post(SEND, 1).unwrap();
    all(&mut r, NOW);
    let now = NOW.after(Nanos(500));
    r.on_response(now, &ack(0, Syndrome::ACK));
    r.post(SEND, 3000).unwrap();
    assert_eq!(all(&mut r, now).len(), 3);
    let missing = nak(1, NakCode::PsnSequence);
    assert_eq!(r.on_response(now, &missing), Progress::Retry);
    assert_eq!(all(&mut r, now).len(), 3);
    // Too soon to be about that.
    let soon = now.after(Nanos(499));
    assert_eq!(r.on_response(soon, &missing), Progress::Accepted);
    assert!(all(&mut r, soon).is_empty());
    let then = now.after(Nanos(500));
    let deadline = r.ack_deadline;
    for n in 0..20 {
        let then = then.after(Nanos(500 * n));
        assert_eq!(r.on_response(then, &missing), Progress::Retry, "{n}");
        assert_eq!(all(&mut r, then).len(), 3);
    }
    // None used a retry, and none put the timeout off: in the end it says that the peer misses something.
    assert_eq!((r.retries_left, r.ack_deadline), (1, deadline));
    while r.failure().is_none() {
        let now = expire(&mut r);
        all(&mut r, now);
        r.on_response(now, &missing);
    }
    assert_eq!(r.failure(), Some(Failure::SequenceRetryExceeded));
}

// [ROCE-32], [ROCE-46]: with losses so frequent that nothing was measured, waits grew to the timeout.
#[test]
fn what_is_sent_again_after_a_nak_is_measured() {
    let mut r = probing(7);
    r.post(SEND, 8 * 1024).unwrap();
    let mut now = NOW;
    all(&mut r, now);
    for psn in 1..4 {
        // A NAK was lost: a probe finds that, and the next loss is told.
        now = expire(&mut r);
        assert_eq!(all(&mut r, now).len(), 1);
        now = now.after(Nanos(200));
        r.on_response(now, &nak(psn, NakCode::PsnSequence));
        let again = all(&mut r, now);
        assert_eq!(again.first(), Some(&(psn, true, true)));
        now = now.after(Nanos(200));
        r.on_response(now, &ack(psn, Syndrome::ACK));
        assert!(
            r.next_timer().unwrap() <= now.after(Nanos(200 + 4 * 100)),
            "{psn}"
        );
    }
}
