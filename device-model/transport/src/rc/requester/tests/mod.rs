//! A requester alone, its peer's answers made by hand.

mod credits;
mod probes;

use super::*;
use crate::header::{RequestOperation, ResponseBody, ResponseHeader, Target};
use rnic_wire::{Msn, NakCode, Position, RnrTimer, Syndrome};
use std::vec::Vec;

const NOW: Nanos = Nanos(1_000);

fn requester(first: u32) -> Requester {
    Requester::new(RequesterConfig {
        mtu: Mtu::B1024,
        first_psn: Psn::new(first),
        read_depth: 2,
        retry_count: 2,
        rnr_retry: 1,
        ack_timeout: TimeoutCode::new(1).unwrap(),
        window: 8,
        probe_after: None,
        answers: true,
        flow_control: false,
    })
}

const SEND: Message = Message::Send {
    ending: Ending::Plain,
    solicited: true,
};
const READ: Message = Message::Read {
    address: 0x1000,
    key: RKey(7),
};
const ADD: Message = Message::FetchAdd {
    address: 8,
    key: RKey(7),
    addend: 1,
};

fn drain(r: &mut Requester) -> Vec<(u32, Position, u32, bool)> {
    let mut out = Vec::new();
    while let Some(t) = r.poll_transmit(NOW, 1) {
        let h = t.header;
        out.push((h.psn.get(), h.position, t.offset, t.again));
    }
    out
}

/// A send whose receiver may be as late as it likes.
fn sends_without_end() -> Requester {
    let mut r = Requester::new(RequesterConfig {
        rnr_retry: 7,
        ..requester(0).config
    });
    r.post(SEND, 1).unwrap();
    r
}

/// It is sent, and answered that the receiver is not ready; when it may be sent again.
fn sends_and_hears_not_ready(r: &mut Requester, now: Nanos) -> Nanos {
    assert!(r.poll_transmit(now, 1).is_some());
    let rnr = ack(0, Syndrome::RnrNak(RnrTimer::SHORTEST));
    assert_eq!(r.on_response(now, &rnr), Progress::NotReady);
    let now = r.next_timer().unwrap();
    r.on_timer(now);
    now
}

fn ack(psn: u32, syndrome: Syndrome) -> ResponseHeader {
    ResponseHeader {
        psn: Psn::new(psn),
        msn: Msn::ZERO,
        body: ResponseBody::Acknowledge(syndrome),
    }
}

fn data(psn: u32, position: Position, length: u32) -> ResponseHeader {
    ResponseHeader {
        psn: Psn::new(psn),
        msn: Msn::ZERO,
        body: ResponseBody::ReadData {
            packets: 1,
            position,
            length,
        },
    }
}

fn nak(psn: u32, code: NakCode) -> ResponseHeader {
    ack(psn, Syndrome::Nak(code))
}

// [ROCE-30], [ROCE-32]
#[test]
fn a_message_becomes_packets_and_one_acknowledge_covers_all() {
    let mut r = requester(0xff_ffff);
    r.post(SEND, 3000).unwrap();
    r.post(SEND, 0).unwrap();
    let sent = drain(&mut r);
    let places: Vec<_> = sent.iter().map(|s| (s.0, s.1, s.2)).collect();
    assert_eq!(
        places,
        [
            (0xff_ffff, Position::First, 0),
            (0, Position::Middle, 1024),
            (1, Position::Last, 2048),
            (2, Position::Only, 0)
        ]
    );
    assert_eq!(
        r.on_response(NOW, &ack(0, Syndrome::ACK)),
        Progress::Accepted
    );
    assert_eq!(r.oldest(), 0);
    assert_eq!(
        r.on_response(NOW, &ack(2, Syndrome::ACK)),
        Progress::Accepted
    );
    assert_eq!((r.oldest(), r.pending(), r.next_timer()), (2, 0, None));
    assert_eq!(r.on_response(NOW, &ack(2, Syndrome::ACK)), Progress::Ghost);
}

#[test]
fn a_segment_covers_many_packets_within_the_window() {
    let mut r = requester(0);
    r.post(SEND, 20 * 1024).unwrap();
    let t = r.poll_transmit(NOW, 100).unwrap();
    assert_eq!((t.header.packets, t.header.length), (8, 8192));
    assert_eq!(t.header.position, Position::First);
    assert!(t.header.ack_request && !t.header.solicited);
    assert_eq!(r.poll_transmit(NOW, 100), None);
    r.on_response(NOW, &ack(3, Syndrome::ACK));
    assert_eq!(r.poll_transmit(NOW, 100).unwrap().header.packets, 4);
    r.on_response(NOW, &ack(11, Syndrome::ACK));
    let t = r.poll_transmit(NOW, 100).unwrap();
    assert_eq!((t.header.packets, t.header.psn.get()), (8, 12));
    assert!(t.header.solicited && t.header.position == Position::Last);
}

// [ROCE-43]
#[test]
fn reads_wait_for_their_depth_and_sends_may_overtake_none() {
    let mut r = requester(0);
    for _ in 0..3 {
        r.post(READ, 2048).unwrap();
    }
    assert_eq!(drain(&mut r).len(), 2);
    assert_eq!(r.reads_pending(), 3);
    let p = r.on_response(NOW, &data(0, Position::First, 1024));
    assert_eq!(
        p,
        Progress::Place(Placement {
            message: 0,
            offset: 0,
            length: 1024
        })
    );
    assert!(drain(&mut r).is_empty());
    r.on_response(NOW, &data(1, Position::Last, 1024));
    assert_eq!((r.oldest(), r.reads_pending()), (1, 2));
    assert_eq!(drain(&mut r), [(4, Position::Only, 0, false)]);
    let mut none = Requester::new(RequesterConfig {
        read_depth: 0,
        ..r.config
    });
    assert_eq!(none.post(READ, 1), Err(PostError::NoReadDepth));
    assert_eq!(none.post(ADD, 8), Err(PostError::NoReadDepth));
    assert_eq!(
        none.post(SEND, MAX_MESSAGE_BYTES + 1),
        Err(PostError::TooLong)
    );
}

// [ROCE-39]
#[test]
fn a_sequence_nak_goes_back_to_what_is_missing() {
    let mut r = requester(0);
    r.post(SEND, 4096).unwrap();
    assert_eq!(drain(&mut r).len(), 4);
    assert_eq!(
        r.on_response(NOW, &nak(2, NakCode::PsnSequence)),
        Progress::Retry
    );
    let again = drain(&mut r);
    assert_eq!(
        again,
        [
            (2, Position::Middle, 2048, true),
            (3, Position::Last, 3072, true)
        ]
    );
    // The same NAK again, late: the retry is under way already.
    assert_eq!(
        r.on_response(NOW, &nak(2, NakCode::PsnSequence)),
        Progress::Accepted
    );
    assert!(drain(&mut r).is_empty());
}

// [ROCE-42]
#[test]
fn an_answer_to_nothing_changes_nothing() {
    // [ROCE-44]
    let mut r = requester(5);
    for psn in [4, 5, 6] {
        assert_eq!(
            r.on_response(NOW, &ack(psn, Syndrome::ACK)),
            Progress::Ghost
        );
    }
    r.post(SEND, 1).unwrap();
    drain(&mut r);
    assert_eq!(r.on_response(NOW, &ack(6, Syndrome::ACK)), Progress::Ghost);
    assert_eq!(r.oldest(), 0);
}

#[test]
fn a_peer_that_misses_the_same_again_and_again_fails_the_message_so() {
    // [ERR-5]
    let mut r = requester(0);
    r.post(SEND, 1024).unwrap();
    for _ in 0..10 {
        drain(&mut r);
        // The first starts a retry; while that is under way time alone starts the next.
        r.on_response(NOW, &nak(0, NakCode::PsnSequence));
        drain(&mut r);
        match r.next_timer() {
            Some(due) => assert!(r.on_timer(due)),
            None => break,
        }
    }
    assert_eq!(r.failure(), Some(Failure::SequenceRetryExceeded));
    // One that said so once and is silent from then on is gone.
    let mut r = requester(0);
    r.post(SEND, 1024).unwrap();
    drain(&mut r);
    r.on_response(NOW, &nak(0, NakCode::PsnSequence));
    while let Some(due) = r.next_timer() {
        drain(&mut r);
        r.on_timer(due);
    }
    assert_eq!(r.failure(), Some(Failure::RetryExceeded));
}

#[test]
fn a_partial_read_starts_over_where_its_data_ended() {
    let mut r = requester(10);
    r.post(READ, 4000).unwrap();
    r.post(SEND, 1).unwrap();
    assert_eq!(drain(&mut r).len(), 2);
    r.on_response(NOW, &data(10, Position::First, 1024));
    // 11 is lost.
    assert_eq!(
        r.on_response(NOW, &data(12, Position::Middle, 1024)),
        Progress::Retry
    );
    let t = r.poll_transmit(NOW, 1).unwrap();
    assert_eq!((t.header.psn.get(), t.offset, t.again), (11, 1024, true));
    assert_eq!(
        t.header.operation,
        RequestOperation::Read(Target {
            address: 0x1400,
            key: RKey(7),
            length: 4000 - 1024
        })
    );
    // The answer may continue with MIDDLE, as rdma_rxe's does, or start with FIRST.
    for (psn, position, length) in [
        (11, Position::Middle, 1024),
        (12, Position::First, 1024),
        (13, Position::Last, 928),
    ] {
        let p = r.on_response(NOW, &data(psn, position, length));
        assert!(matches!(p, Progress::Place(_)), "{psn}: {p:?}");
    }
    assert_eq!(r.oldest(), 1);
}

// [ROCE-41]
#[test]
fn an_acknowledge_that_leaps_over_a_read_is_an_implied_nak() {
    let mut r = requester(0);
    r.post(SEND, 1).unwrap();
    r.post(ADD, 8).unwrap();
    r.post(SEND, 1).unwrap();
    assert_eq!(drain(&mut r).len(), 3);
    assert_eq!(r.on_response(NOW, &ack(2, Syndrome::ACK)), Progress::Retry);
    assert_eq!(r.oldest(), 1, "the send before the atomic is acknowledged");
    assert_eq!(
        drain(&mut r),
        [(1, Position::Only, 0, true), (2, Position::Only, 0, true)]
    );
    let answer = ResponseHeader {
        psn: Psn::new(1),
        msn: Msn::ZERO,
        body: ResponseBody::Atomic { original: 5 },
    };
    assert_eq!(
        r.on_response(NOW, &answer),
        Progress::Atomic {
            message: 1,
            original: 5
        }
    );
    assert_eq!(
        r.on_response(NOW, &ack(2, Syndrome::ACK)),
        Progress::Accepted
    );
    assert_eq!(r.oldest(), 3);
}

// [ROCE-38], [ROCE-40]
#[test]
fn timeouts_retry_so_often_and_progress_resets_the_count() {
    let mut r = requester(0);
    r.post(SEND, 2048).unwrap();
    drain(&mut r);
    let mut now = NOW;
    for round in 0..2 {
        let due = r.next_timer().unwrap();
        assert_eq!(due, now.after(Nanos(8192)));
        assert!(!r.on_timer(Nanos(due.0 - 1)));
        now = due;
        assert!(r.on_timer(now));
        assert_eq!(drain(&mut r).len(), 2, "round {round}");
    }
    r.on_response(now, &ack(0, Syndrome::ACK));
    for _ in 0..2 {
        now = r.next_timer().unwrap();
        r.on_timer(now);
        assert_eq!(drain(&mut r).len(), 1);
    }
    now = r.next_timer().unwrap();
    r.on_timer(now);
    assert_eq!(r.failure(), Some(Failure::RetryExceeded));
    assert_eq!((r.timeouts(), r.next_timer()), (5, None));
    assert_eq!(r.poll_transmit(now, 1), None);
}

#[test]
fn a_receiver_not_ready_is_asked_again_after_its_time() {
    let timer = RnrTimer::new(12).unwrap();
    let mut r = requester(0);
    r.post(SEND, 1).unwrap();
    r.post(SEND, 1).unwrap();
    drain(&mut r);
    assert_eq!(
        r.on_response(NOW, &ack(1, Syndrome::RnrNak(timer))),
        Progress::NotReady
    );
    assert_eq!(r.oldest(), 1, "what came before is acknowledged");
    assert_eq!(
        r.on_response(NOW, &ack(1, Syndrome::RnrNak(timer))),
        Progress::Ghost
    );
    assert!(drain(&mut r).is_empty());
    let due = r.next_timer().unwrap();
    assert_eq!(due, NOW.after(Nanos(640_000)));
    r.on_timer(due);
    assert_eq!(drain(&mut r), [(1, Position::Only, 0, true)]);
    assert_eq!(
        r.on_response(due, &ack(1, Syndrome::RnrNak(timer))),
        Progress::Failed
    );
    assert_eq!(r.failure(), Some(Failure::RnrRetryExceeded));
}

#[test]
fn a_peer_that_is_not_ready_is_not_gone() {
    let mut r = sends_without_end();
    let mut now = NOW;
    for _ in 0..50 {
        // One try is lost, the next is answered: not ready.
        assert!(r.poll_transmit(now, 1).is_some());
        now = r.next_timer().unwrap();
        r.on_timer(now);
        now = sends_and_hears_not_ready(&mut r, now);
    }
    assert_eq!(r.failure(), None);
}

// [ROCE-40]
#[test]
fn seven_rnr_retries_are_for_ever() {
    let mut r = sends_without_end();
    let mut now = NOW;
    for _ in 0..50 {
        now = sends_and_hears_not_ready(&mut r, now);
    }
    assert_eq!(r.failure(), None);
}

// [ROCE-44]
#[test]
fn fatal_naks_and_impossible_answers_fail_the_oldest() {
    let rows = [
        (
            nak(1, NakCode::InvalidRequest),
            Failure::RemoteInvalidRequest,
        ),
        (nak(1, NakCode::RemoteAccess), Failure::RemoteAccess),
        (
            nak(1, NakCode::RemoteOperational),
            Failure::RemoteOperational,
        ),
        (nak(1, NakCode::from_bits(9)), Failure::BadResponse),
        (data(1, Position::First, 1024), Failure::BadResponse),
        (
            ResponseHeader {
                body: ResponseBody::Atomic { original: 0 },
                ..nak(1, NakCode::PsnSequence)
            },
            Failure::BadResponse,
        ),
    ];
    for (answer, failure) in rows {
        let mut r = requester(0);
        r.post(SEND, 1).unwrap();
        r.post(SEND, 1).unwrap();
        drain(&mut r);
        assert_eq!(r.on_response(NOW, &answer), Progress::Failed);
        assert_eq!((r.oldest(), r.failure()), (1, Some(failure)));
        assert_eq!(r.on_response(NOW, &ack(1, Syndrome::ACK)), Progress::Ghost);
    }
}

// [ROCE-44]
#[test]
fn read_data_of_the_wrong_length_is_no_answer() {
    for (position, length) in [
        (Position::First, 1023),
        (Position::Last, 1024),
        (Position::Only, 1024),
        (Position::First, 0),
    ] {
        let mut r = requester(0);
        r.post(READ, 2000).unwrap();
        drain(&mut r);
        let p = r.on_response(NOW, &data(0, position, length));
        assert_eq!(p, Progress::Failed, "{position:?} {length}");
    }
    let mut r = requester(0);
    r.post(READ, 0).unwrap();
    drain(&mut r);
    let p = r.on_response(NOW, &data(0, Position::Only, 0));
    assert!(matches!(p, Progress::Place(p) if p.length == 0));
    assert_eq!(r.oldest(), 1);
}

// [ROCE-39]
#[test]
fn an_acknowledge_of_what_was_sent_before_going_back_still_counts() {
    let mut r = requester(0);
    r.post(SEND, 8192).unwrap();
    r.post(READ, 2048).unwrap();
    assert_eq!(drain(&mut r).len(), 9);
    let due = r.next_timer().unwrap();
    r.on_timer(due);
    assert_eq!(r.poll_transmit(due, 3).unwrap().header.packets, 3);
    r.on_response(due, &ack(7, Syndrome::ACK));
    assert_eq!(r.oldest(), 1);
    assert_eq!(drain(&mut r), [(8, Position::Only, 0, true)]);
}

#[test]
fn a_read_of_half_the_number_space_is_sent_alone() {
    let mut r = Requester::new(RequesterConfig {
        mtu: Mtu::B256,
        ..requester(0xff_0000).config
    });
    r.post(READ, MAX_MESSAGE_BYTES).unwrap();
    r.post(READ, 256).unwrap();
    assert_eq!(drain(&mut r).len(), 1);
    let mut psn = Psn::new(0xff_0000);
    for i in 0..256 {
        let h = ResponseHeader {
            psn,
            msn: Msn::ZERO,
            body: ResponseBody::ReadData {
                packets: 1 << 15,
                position: if i == 255 {
                    Position::Last
                } else {
                    Position::Middle
                },
                length: 1 << 23,
            },
        };
        assert!(matches!(r.on_response(NOW, &h), Progress::Place(_)), "{i}");
        psn = psn.add(1 << 15);
    }
    assert_eq!(r.oldest(), 1);
    assert_eq!(r.next_psn(), psn.add(1));
}

#[test]
fn what_could_not_leave_is_polled_again() {
    let mut r = requester(5);
    r.post(SEND, 3000).unwrap();
    r.post(READ, 3000).unwrap();
    r.post(READ, 10).unwrap();
    let mut first = Vec::new();
    while let Some(t) = r.poll_transmit(NOW, 2) {
        r.put_back(&t);
        let again = r.poll_transmit(NOW, 2).unwrap();
        assert_eq!(t, again);
        first.push(t.header.psn.get());
    }
    assert_eq!(first, [5, 7, 8, 11]);
    assert_eq!((r.asked, r.asked_psns), (2, 4));
    let at = |psn| r.message_at(Psn::new(psn));
    assert_eq!(
        [4, 5, 7, 10, 11, 12].map(at),
        [None, Some(0), Some(0), Some(1), Some(2), None]
    );
}

#[test]
fn an_abandoned_connection_fails_its_oldest_message() {
    let mut r = requester(0);
    r.post(SEND, 1).unwrap();
    drain(&mut r);
    r.on_response(NOW, &ack(0, Syndrome::ACK));
    r.post(SEND, 1).unwrap();
    assert_eq!(r.next_message(), 1);
    r.abandon(Failure::RetryExceeded);
    r.abandon(Failure::BadResponse);
    assert_eq!((r.oldest(), r.failure()), (1, Some(Failure::RetryExceeded)));
}
