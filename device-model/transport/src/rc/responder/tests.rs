use super::*;
use crate::header::{RequestOperation, ResponseBody};
use rnic_wire::{Msn, Position, Syndrome};

fn responder() -> Responder<u8> {
    Responder::new(ResponderConfig {
        mtu: Mtu::B1024,
        first_psn: Psn::new(100),
        read_depth: 2,
        rnr_timer: RnrTimer::SHORTEST,
        answers: true,
    })
}

fn request(
    psn: u32,
    position: Position,
    length: u32,
    operation: RequestOperation,
) -> RequestHeader {
    RequestHeader {
        psn: Psn::new(psn),
        packets: 1,
        position,
        length,
        ack_request: position.is_end(),
        solicited: false,
        operation,
    }
}

const SEND: RequestOperation = RequestOperation::Send {
    ending: Ending::Plain,
};

fn send(psn: u32, position: Position, length: u32) -> RequestHeader {
    request(psn, position, length, SEND)
}

fn target(length: u32) -> Target {
    Target {
        address: 0x2000,
        key: RKey(9),
        length,
    }
}

fn write(psn: u32, position: Position, length: u32, all: Option<u32>) -> RequestHeader {
    let operation = RequestOperation::Write {
        target: all.map(target),
        immediate: None,
    };
    request(psn, position, length, operation)
}

fn read(psn: u32, target: Target) -> RequestHeader {
    request(psn, Position::Only, 0, RequestOperation::Read(target))
}

fn add(psn: u32, address: u64) -> RequestHeader {
    let operation = RequestOperation::FetchAdd {
        address,
        key: RKey(9),
        addend: 1,
    };
    request(psn, Position::Only, 0, operation)
}

fn execute(r: &mut Responder<u8>, h: &RequestHeader) -> Work {
    match r.on_request(h) {
        Verdict::Execute(work) => {
            match work {
                Work::Read(t) => r.commit_read(h, t, 1),
                Work::FetchAdd { .. } | Work::CompareSwap { .. } => r.commit_atomic(h, 77),
                Work::Send { .. } | Work::Write { .. } => r.commit(h),
            }
            work
        }
        other => panic!("{h:?}: {other:?}"),
    }
}

/// Number and body of each response, with `max` packets in a segment.
fn answers(r: &mut Responder<u8>, max: u32) -> std::vec::Vec<(u32, ResponseBody)> {
    std::iter::from_fn(|| r.poll_response(max))
        .map(|a| (a.header.psn.get(), a.header.body))
        .collect()
}

fn ack(psn: u32, syndrome: Syndrome) -> (u32, ResponseBody) {
    (psn, ResponseBody::Acknowledge(syndrome))
}

fn data(psn: u32, packets: u32, position: Position, length: u32) -> (u32, ResponseBody) {
    let body = ResponseBody::ReadData {
        packets,
        position,
        length,
    };
    (psn, body)
}

// [ROCE-31], [ROCE-33]
#[test]
fn acknowledges_are_coalesced_until_they_leave() {
    let mut r = responder();
    for psn in 100..105 {
        execute(&mut r, &send(psn, Position::Only, 5));
    }
    assert_eq!(answers(&mut r, 1), [ack(104, Syndrome::ACK)]);
    assert_eq!(r.msn(), Msn::new(5));
    assert!(!r.has_response());
}

#[test]
fn writes_carry_their_address_through_the_message() {
    let mut r = responder();
    let rows = [
        (
            write(100, Position::First, 1024, Some(2100)),
            0x2000,
            true,
            false,
        ),
        (
            write(101, Position::Middle, 1024, None),
            0x2400,
            false,
            false,
        ),
        (write(102, Position::Last, 52, None), 0x2800, false, true),
    ];
    for (h, at, starts, ends) in rows {
        let Work::Write {
            address,
            start,
            end,
            ..
        } = execute(&mut r, &h)
        else {
            panic!("not a write");
        };
        assert_eq!(
            (address, start.is_some(), end.is_some()),
            (at, starts, ends)
        );
    }
    assert_eq!(r.msn(), Msn::new(1));
}

// [ROCE-30]
#[test]
fn one_row_for_each_way_to_be_invalid() {
    let good = send(100, Position::First, 1024);
    let write_first = write(100, Position::First, 1024, Some(2048));
    let rows = [
        (None, send(100, Position::Middle, 1024)),
        (None, send(100, Position::Last, 1)),
        (None, send(100, Position::First, 1000)),
        (None, send(100, Position::Only, 1025)),
        (Some(good), send(101, Position::First, 1024)),
        (Some(good), send(101, Position::Only, 0)),
        (Some(good), send(101, Position::Last, 0)),
        (Some(good), write(101, Position::Middle, 1024, None)),
        (Some(good), read(101, target(4))),
        (Some(good), add(101, 8)),
        (None, write(100, Position::Middle, 1024, None)),
        (None, write(100, Position::Only, 4, None)),
        (None, write(100, Position::Only, 4, Some(5))),
        (None, write(100, Position::First, 1024, Some(1024))),
        (None, write(100, Position::First, 1024, Some(MAX + 1))),
        (Some(write_first), write(101, Position::Last, 1023, None)),
        (Some(write_first), write(101, Position::Middle, 1024, None)),
        (
            Some(write_first),
            write(101, Position::Last, 1024, Some(1024)),
        ),
        (Some(write_first), send(101, Position::Last, 1024)),
        (None, read(100, target(MAX + 1))),
        (None, add(100, 4)),
        (
            None,
            RequestHeader {
                packets: 0,
                ..send(100, Position::Only, 0)
            },
        ),
        (
            None,
            RequestHeader {
                length: 4,
                ..read(100, target(4))
            },
        ),
    ];
    const MAX: u32 = crate::header::MAX_MESSAGE_BYTES;
    for (before, h) in rows {
        let mut r = responder();
        if let Some(b) = before {
            execute(&mut r, &b);
        }
        let v = r.on_request(&h);
        assert!(
            matches!(v, Verdict::Refused(NakCode::InvalidRequest)),
            "{before:?} {h:?}: {v:?}"
        );
        let nak = ack(h.psn.get(), Syndrome::Nak(NakCode::InvalidRequest));
        assert_eq!(answers(&mut r, 1), [nak]);
        assert!(matches!(
            r.on_request(&h),
            Verdict::Dropped(Dropped::Failed)
        ));
    }
}

#[test]
fn reads_are_answered_in_order_and_acknowledges_follow() {
    let mut r = responder();
    execute(&mut r, &read(100, target(2500)));
    execute(&mut r, &add(103, 8));
    execute(&mut r, &send(104, Position::Only, 1));
    assert_eq!(
        answers(&mut r, 2),
        [
            data(100, 2, Position::First, 2048),
            data(102, 1, Position::Last, 452),
            (103, ResponseBody::Atomic { original: 77 }),
            ack(104, Syndrome::ACK),
        ]
    );
}

// [ROCE-43]
#[test]
fn a_message_of_many_packets_counts_once() {
    // [ROCE-31]
    let mut r = responder();
    execute(&mut r, &send(100, Position::First, 1024));
    execute(&mut r, &send(101, Position::Middle, 1024));
    assert_eq!(r.msn(), Msn::ZERO);
    execute(&mut r, &send(102, Position::Last, 1));
    assert_eq!(r.msn(), Msn::ZERO.next());
}

#[test]
fn more_reads_than_the_depth_are_invalid_until_answered() {
    // [QP-32] [ROCE-37]
    let mut r = responder();
    execute(&mut r, &read(100, target(1)));
    execute(&mut r, &read(101, target(1)));
    assert_eq!(answers(&mut r, 1).len(), 2);
    execute(&mut r, &read(102, target(1)));
    execute(&mut r, &read(103, target(1)));
    let v = r.on_request(&read(104, target(1)));
    assert!(matches!(v, Verdict::Refused(NakCode::InvalidRequest)));
    // It has said its last word.
    let v = r.on_request(&send(104, Position::Only, 1));
    assert!(matches!(v, Verdict::Dropped(Dropped::Failed)));
    let mut none = Responder::<u8>::new(ResponderConfig {
        read_depth: 0,
        ..responder().config
    });
    let v = none.on_request(&add(100, 8));
    assert!(matches!(v, Verdict::Refused(NakCode::InvalidRequest)));
}

// [ROCE-35]
#[test]
fn duplicates_are_answered_as_the_first_time() {
    let mut r = responder();
    execute(&mut r, &send(100, Position::Only, 1));
    execute(&mut r, &read(101, target(3000)));
    execute(&mut r, &add(104, 8));
    answers(&mut r, 9);
    let v = r.on_request(&send(100, Position::Only, 1));
    assert!(matches!(v, Verdict::Answered(Answered::Duplicate)));
    assert_eq!(answers(&mut r, 1), [ack(104, Syndrome::ACK)]);

    let rest = Target {
        address: 0x2400,
        length: 3000 - 1024,
        ..target(0)
    };
    match r.on_request(&read(102, rest)) {
        Verdict::Replay(replay) => r.replay(replay, 2),
        other => panic!("{other:?}"),
    }
    let v = r.on_request(&add(104, 8));
    assert!(matches!(v, Verdict::Answered(Answered::Duplicate)));
    let first = r.poll_response(1).unwrap();
    let d = first.data.unwrap();
    assert_eq!(
        (d.address, d.offset, d.length, d.tag),
        (0x2400, 0, 1024, Some(2))
    );
    assert_eq!(
        (first.header.psn.get(), first.header.body),
        data(102, 1, Position::First, 1024)
    );
    assert_eq!(
        answers(&mut r, 1),
        [
            data(103, 1, Position::Last, 952),
            (104, ResponseBody::Atomic { original: 77 })
        ]
    );
    assert_eq!(r.msn(), Msn::new(3));
}

// [ROCE-35]
#[test]
fn a_duplicate_read_must_be_the_one_remembered() {
    let mut r = responder();
    execute(&mut r, &read(100, target(3000)));
    execute(&mut r, &send(103, Position::Only, 0));
    let t = target(3000);
    for (psn, bad) in [
        (100, Target { key: RKey(8), ..t }),
        (
            100,
            Target {
                address: 0x2001,
                ..t
            },
        ),
        (100, Target { length: 2999, ..t }),
        (101, t),
        (99, t),
    ] {
        let v = r.on_request(&read(psn, bad));
        assert!(
            matches!(v, Verdict::Dropped(Dropped::DuplicateUnknown)),
            "{psn} {bad:?} {v:?}"
        );
    }
    let v = r.on_request(&add(100, 8));
    assert!(matches!(v, Verdict::Dropped(Dropped::DuplicateUnknown)));
}

fn ahead(r: &mut Responder<u8>, psn: u32) -> bool {
    match r.on_request(&send(psn, Position::Only, 0)) {
        Verdict::Answered(Answered::OutOfSequence) => true,
        Verdict::Dropped(Dropped::AheadOfSequence) => false,
        other => panic!("{psn}: {other:?}"),
    }
}

// [ROCE-34]
#[test]
fn a_gap_is_reported_once_until_it_is_filled() {
    let mut r = responder();
    assert!(ahead(&mut r, 102));
    // Of the same pass, in another order too.
    for psn in [103, 105, 104] {
        assert!(!ahead(&mut r, psn), "{psn}");
    }
    let nak = Syndrome::Nak(NakCode::PsnSequence);
    assert_eq!(answers(&mut r, 1), [ack(100, nak)]);
    execute(&mut r, &send(100, Position::Only, 0));
    assert!(ahead(&mut r, 102));
    assert_eq!(answers(&mut r, 1), [ack(101, nak)]);
}

// [ROCE-34]: this cost an acknowledge timeout of half a second each time.
#[test]
fn a_retransmission_that_is_lost_again_is_reported_again() {
    let mut r = responder();
    let nak = ack(100, Syndrome::Nak(NakCode::PsnSequence));
    for pass in 0..3 {
        assert!(ahead(&mut r, 101), "pass {pass}");
        assert_eq!(answers(&mut r, 1), [nak]);
        assert!(!ahead(&mut r, 102) && !ahead(&mut r, 103));
    }
    // The peer went back further than we miss, and the one expected is lost yet again.
    assert!(matches!(
        r.on_request(&send(99, Position::Only, 0)),
        Verdict::Answered(Answered::Duplicate)
    ));
    assert!(ahead(&mut r, 101));
}

// [ROCE-34], [ROCE-36]
#[test]
fn what_follows_a_request_without_a_receive_is_no_gap_until_it_comes_again() {
    let mut r = responder();
    let first = send(100, Position::Only, 1);
    assert!(matches!(r.on_request(&first), Verdict::Execute(_)));
    r.not_ready(&first);
    assert_eq!(answers(&mut r, 1).len(), 1);
    assert!(!ahead(&mut r, 101) && !ahead(&mut r, 102));
    assert!(ahead(&mut r, 101));
}

// [ROCE-36]
#[test]
fn a_request_without_a_receive_comes_again() {
    let mut r = responder();
    let h = send(100, Position::Only, 3);
    assert!(matches!(r.on_request(&h), Verdict::Execute(_)));
    r.not_ready(&h);
    let v = r.on_request(&send(101, Position::Only, 3));
    assert!(matches!(v, Verdict::Dropped(Dropped::AheadOfSequence)));
    let rnr = Syndrome::RnrNak(RnrTimer::SHORTEST);
    assert_eq!(answers(&mut r, 1), [ack(100, rnr)]);
    execute(&mut r, &h);
    assert_eq!(answers(&mut r, 1), [ack(100, Syndrome::ACK)]);
}

// [ROCE-37]
#[test]
fn a_refusal_follows_the_answers_owed_before_it() {
    let mut r = responder();
    execute(&mut r, &read(100, target(10)));
    let h = write(101, Position::Only, 4, Some(4));
    assert!(matches!(r.on_request(&h), Verdict::Execute(_)));
    r.refuse(&h, Refusal::Access);
    assert!(r.has_failed());
    assert_eq!(
        answers(&mut r, 1),
        [
            data(100, 1, Position::Only, 10),
            ack(101, Syndrome::Nak(NakCode::RemoteAccess))
        ]
    );
}

#[test]
fn read_data_that_cannot_be_had_ends_the_connection() {
    let mut r = responder();
    execute(&mut r, &read(100, target(3000)));
    execute(&mut r, &read(103, target(10)));
    r.poll_response(1).unwrap();
    let second = r.poll_response(1).unwrap();
    assert!(r.refuse_data(&second.header, Refusal::Operational));
    let nak = Syndrome::Nak(NakCode::RemoteOperational);
    assert_eq!(answers(&mut r, 1), [ack(101, nak)]);
}

#[test]
fn a_late_duplicate_of_a_read_whose_key_is_gone_is_dropped() {
    let mut r = responder();
    execute(&mut r, &read(100, target(3000)));
    execute(&mut r, &send(103, Position::Only, 0));
    answers(&mut r, 9);
    match r.on_request(&read(100, target(3000))) {
        Verdict::Replay(replay) => r.replay(replay, 2),
        other => panic!("{other:?}"),
    }
    let again = r.poll_response(1).unwrap();
    assert!(!r.refuse_data(&again.header, Refusal::Access));
    assert!(!r.has_failed());
    assert!(!r.has_response());
    execute(&mut r, &send(104, Position::Only, 0));
    assert_eq!(answers(&mut r, 1), [ack(104, Syndrome::ACK)]);
}

#[test]
fn a_late_duplicate_does_not_count_against_the_depth() {
    let mut r = responder();
    execute(&mut r, &read(100, target(10)));
    execute(&mut r, &read(101, target(10)));
    answers(&mut r, 9);
    match r.on_request(&read(101, target(10))) {
        Verdict::Replay(replay) => r.replay(replay, 2),
        other => panic!("{other:?}"),
    }
    // The depth is two, and the peer has both answers.
    execute(&mut r, &read(102, target(10)));
    let v = r.on_request(&read(103, target(10)));
    assert!(matches!(v, Verdict::Execute(_)), "{v:?}");
}

#[test]
fn what_could_not_leave_is_owed_again() {
    let mut r = responder();
    execute(&mut r, &read(100, target(1500)));
    execute(&mut r, &send(102, Position::Only, 0));
    for max in [1, 5] {
        let a = r.poll_response(max).unwrap();
        assert_eq!(a.header.psn, Psn::new(100));
        r.put_back(a);
    }
    assert_eq!(
        answers(&mut r, 1),
        [
            data(100, 1, Position::First, 1024),
            data(101, 1, Position::Last, 476),
            ack(102, Syndrome::ACK)
        ]
    );
    for syndrome in [
        Syndrome::ACK,
        Syndrome::Nak(NakCode::PsnSequence),
        Syndrome::RnrNak(RnrTimer::SHORTEST),
    ] {
        let mut r = responder();
        match syndrome {
            Syndrome::Ack(_) => {
                execute(&mut r, &send(100, Position::Only, 0));
            }
            Syndrome::RnrNak(_) => r.not_ready(&send(100, Position::Only, 0)),
            _ => {
                r.on_request(&send(101, Position::Only, 0));
            }
        }
        let a = r.poll_response(1).unwrap();
        r.put_back(a);
        assert_eq!(answers(&mut r, 1), [ack(100, syndrome)]);
    }
}
