//! A peer that does what MS-SMBD forbids, or nothing: each ends the connection, or is bounded.

use std::time::{Duration, Instant};

use super::connection::{Broken, Connection, Offer};
use super::message::{
    DataTransfer, EMPTY, LEAST_RECEIVE, Malformed, NEGOTIATE_REQUEST, NEGOTIATE_RESPONSE,
    NegotiateRequest, NegotiateResponse,
};

/// Receives that are granted, and the longest message of both layers.
const CREDITS: u16 = 8;
const RECEIVE: u32 = 256;
const WHOLE: u32 = 131_072;
/// STATUS_NOT_SUPPORTED.
const NOT_SUPPORTED: u32 = 0xC000_00BB;

fn offer() -> Offer {
    Offer {
        receive_credits: CREDITS,
        send_credits: CREDITS,
        max_send: 128,
        max_receive: RECEIVE,
        max_fragmented: WHOLE,
        keepalive: Duration::from_secs(120),
        answer: Duration::from_secs(5),
        ..Offer::default()
    }
}

fn request() -> NegotiateRequest {
    NegotiateRequest {
        credits_requested: CREDITS,
        preferred_send: 128,
        max_receive: 128,
        max_fragmented: WHOLE,
    }
}

fn response() -> NegotiateResponse {
    NegotiateResponse {
        credits_requested: CREDITS,
        credits_granted: 2,
        status: 0,
        max_read_write: 1 << 20,
        preferred_send: 128,
        max_receive: 128,
        max_fragmented: WHOLE,
    }
}

fn transfer(remaining: u32, data: &[u8]) -> DataTransfer<'_> {
    DataTransfer {
        credits_requested: CREDITS,
        credits_granted: 0,
        response_requested: false,
        remaining,
        data,
    }
}

/// The active side, which has asked.
fn asking(now: Instant) -> Connection {
    let mut end = Connection::active(offer(), now);
    end.posted(1);
    end.next_message(now).expect("the request");
    end
}

/// The passive side, which waits for the request.
fn listening(now: Instant) -> Connection {
    let mut end = Connection::passive(offer(), now);
    end.posted(1);
    end
}

/// The active side, connected: two messages may be sent, eight may come.
fn established(now: Instant) -> Connection {
    let mut end = asking(now);
    end.arrived(&response().encode(), now).expect("agreed");
    end.posted(end.receives_wanted());
    // An empty message grants them.
    end.next_message(now).expect("a grant");
    end
}

/// What the connection says of one message; nothing is taken or sent after a refusal.
fn refused(mut end: Connection, bytes: &[u8], now: Instant) -> Broken {
    let broken = end.arrived(bytes, now).expect_err("a refusal");
    assert_eq!(end.next_message(now), None, "{broken}");
    assert!(end.arrived(&transfer(0, &[]).encode(), now).is_err());
    broken
}

#[test]
fn no_kind_of_message_may_be_shorter_than_it_is() {
    let now = Instant::now();
    let kinds: [(fn(Instant) -> Connection, Vec<u8>, usize); 3] = [
        (listening, request().encode(), NEGOTIATE_REQUEST),
        (asking, response().encode(), NEGOTIATE_RESPONSE),
        (established, transfer(0, &[]).encode(), EMPTY),
    ];
    for (end, whole, least) in kinds {
        for bytes in 0..least {
            let broken = refused(end(now), &whole[..bytes], now);
            let short = Malformed::Short { bytes, least };
            assert_eq!(broken, Broken::Malformed(short));
        }
        assert!(end(now).arrived(&whole, now).is_ok());
    }
}

/// Each of these fields says how much may come; 0 would stop everything.
#[test]
fn credits_of_zero_end_the_connection() {
    let now = Instant::now();
    let none = Broken::Malformed(Malformed::NoCredits);
    let asked = NegotiateRequest {
        credits_requested: 0,
        ..request()
    };
    assert_eq!(refused(listening(now), &asked.encode(), now), none);
    for answer in [
        NegotiateResponse {
            credits_requested: 0,
            ..response()
        },
        NegotiateResponse {
            credits_granted: 0,
            ..response()
        },
    ] {
        assert_eq!(refused(asking(now), &answer.encode(), now), none);
    }
    let later = DataTransfer {
        credits_requested: 0,
        ..transfer(0, &[1; 8])
    };
    assert_eq!(refused(established(now), &later.encode(), now), none);
}

#[test]
fn sizes_of_an_answer_are_checked() {
    let now = Instant::now();
    let small = |answer: NegotiateResponse| {
        let broken = refused(asking(now), &answer.encode(), now);
        assert!(
            matches!(broken, Broken::Malformed(Malformed::Size { .. })),
            "{broken}"
        );
    };
    small(NegotiateResponse {
        max_receive: LEAST_RECEIVE - 1,
        ..response()
    });
    small(NegotiateResponse {
        max_fragmented: WHOLE - 1,
        ..response()
    });
    let long = NegotiateResponse {
        preferred_send: RECEIVE + 1,
        ..response()
    };
    let broken = refused(asking(now), &long.encode(), now);
    assert_eq!(broken, Broken::Oversized(RECEIVE as usize + 1));
}

/// 3.1.5.6 and 3.1.5.7: what the other side prefers to send may be less than the least that a receive takes.
#[test]
fn a_small_preference_leaves_receives_of_the_least_size() {
    let now = Instant::now();
    let mut active = asking(now);
    let answer = NegotiateResponse {
        preferred_send: 0,
        ..response()
    };
    active.arrived(&answer.encode(), now).expect("agreed");
    assert_eq!(active.agreed().map(|a| a.max_receive), Some(LEAST_RECEIVE));
    let mut passive = listening(now);
    let asked = NegotiateRequest {
        preferred_send: 1,
        ..request()
    };
    passive.arrived(&asked.encode(), now).expect("agreed");
    passive.next_message(now).expect("the answer");
    assert_eq!(passive.agreed().map(|a| a.max_receive), Some(LEAST_RECEIVE));
}

/// 3.1.5.6: who speaks no version of ours is told so, and then the connection ends.
#[test]
fn another_version_is_answered_with_a_refusal() {
    let now = Instant::now();
    for (low, high) in [(0x0200_u16, 0x0300_u16), (0, 0x00FF), (0x0101, 0x0100)] {
        let mut end = listening(now);
        let mut bytes = request().encode();
        bytes[..2].copy_from_slice(&low.to_le_bytes());
        bytes[2..4].copy_from_slice(&high.to_le_bytes());
        assert_eq!(end.arrived(&bytes, now), Ok(None));
        let answer = end.next_message(now).expect("a refusal");
        let answer = NegotiateResponse::parse(&answer).expect("a response");
        assert_eq!(answer.status, NOT_SUPPORTED);
        assert_eq!(end.agreed(), None);
        assert_eq!(end.next_message(now), None);
        let version = Malformed::Version(low, high);
        assert_eq!(end.tick(now), Err(Broken::Malformed(version)));
    }
}

#[test]
fn a_message_longer_than_a_receive_is_refused() {
    let now = Instant::now();
    let long = transfer(0, &[7; RECEIVE as usize]).encode();
    let broken = refused(established(now), &long, now);
    assert_eq!(broken, Broken::Oversized(long.len()));
}

/// In the first fragment, in a later one, and where no data is.
#[test]
fn fragments_longer_than_a_message_may_be_are_refused() {
    let now = Instant::now();
    let too_long = |end: Connection, remaining: u32, data: &[u8]| {
        let broken = refused(end, &transfer(remaining, data).encode(), now);
        let bytes = u64::from(remaining) + data.len() as u64;
        assert_eq!(broken, Broken::TooLong(bytes));
    };
    too_long(established(now), WHOLE, &[1]);
    too_long(established(now), u32::MAX, &[1; 100]);
    too_long(established(now), WHOLE + 1, &[]);
    let mut begun = established(now);
    let first = transfer(WHOLE - 100, &[1; 100]).encode();
    assert_eq!(begun.arrived(&first, now), Ok(None));
    too_long(begun, u32::MAX, &[1; 100]);
}

#[test]
fn data_beyond_what_remains_is_refused() {
    let now = Instant::now();
    for (remaining, data) in [
        // More than remains, less, and as much but announcing more.
        (0, &[2; 31][..]),
        (0, &[2; 29]),
        (1, &[2; 30]),
        (u32::MAX - 200_000, &[2; 1]),
    ] {
        let mut end = established(now);
        let first = transfer(30, &[1; 10]).encode();
        assert_eq!(end.arrived(&first, now), Ok(None));
        let broken = refused(end, &transfer(remaining, data).encode(), now);
        assert!(
            matches!(broken, Broken::Fragments { .. } | Broken::TooLong(_)),
            "{broken}"
        );
    }
}

/// Linux grants credits in messages without data, also between fragments.
#[test]
fn a_message_without_data_between_fragments_disturbs_nothing() {
    let now = Instant::now();
    let mut end = established(now);
    let arrive = |end: &mut Connection, remaining, data: &[u8]| {
        end.arrived(&transfer(remaining, data).encode(), now)
    };
    assert_eq!(arrive(&mut end, 4, &[1; 4]), Ok(None));
    assert_eq!(arrive(&mut end, 0, &[]), Ok(None));
    let whole = vec![1, 1, 1, 1, 2, 2, 2, 2];
    assert_eq!(arrive(&mut end, 0, &[2; 4]), Ok(Some(whole)));
}

/// 3.1.5.8 asks it of DataOffset whether data follows or not.
#[test]
fn an_offset_without_data_is_checked_too() {
    for offset in [4_u32, 32, u32::MAX - 7] {
        let mut bytes = transfer(0, &[]).encode();
        bytes[12..16].copy_from_slice(&offset.to_le_bytes());
        let refused = DataTransfer::parse(&bytes);
        assert!(
            matches!(refused, Err(Malformed::Data { .. })),
            "{offset}: {refused:?}"
        );
    }
}

#[test]
fn more_credits_than_can_be_counted_are_refused() {
    let now = Instant::now();
    let many = DataTransfer {
        credits_granted: u16::MAX,
        ..transfer(0, &[])
    };
    assert_eq!(
        refused(established(now), &many.encode(), now),
        Broken::Credits
    );
}

/// It asks for an answer each time and gives no credit to answer with: nothing is kept for it, and its own credits end.
#[test]
fn who_asks_for_answers_without_end_gets_as_many_as_it_gives_credits_for() {
    let now = Instant::now();
    let mut end = established(now);
    let ask = DataTransfer {
        response_requested: true,
        ..transfer(0, &[])
    };
    let mut answers = 0;
    // Those that were granted, and the one that the answer grants.
    for _ in 0..=CREDITS {
        end.arrived(&ask.encode(), now).expect("a good message");
        end.posted(end.receives_wanted());
        while end.next_message(now).is_some() {
            answers += 1;
        }
    }
    assert_eq!(answers, 1, "of two credits the grant took one");
    assert_eq!(refused(end, &ask.encode(), now), Broken::Credits);
}

/// A message waits for a credit that never comes; nobody waits for longer than until the sign of life is overdue.
#[test]
fn a_peer_that_gives_no_credit_is_given_up() {
    let start = Instant::now();
    let mut end = established(start);
    end.send(vec![3; 1000]).expect("taken");
    // One credit was left, for a message that grants; all receives are granted.
    assert_eq!(end.next_message(start), None);
    assert!(end.counts().starved > 0 && end.is_sending());
    let mut now = start + Duration::from_secs(120);
    assert_eq!(end.tick(now), Ok(()));
    assert_eq!(end.next_message(now), None);
    now += Duration::from_secs(5);
    assert_eq!(end.tick(now), Err(Broken::Silent));
}

/// A fragment came, and the rest never does.
#[test]
fn half_a_message_and_then_silence_is_given_up() {
    let start = Instant::now();
    let mut end = established(start);
    let half = transfer(100, &[1; 100]).encode();
    assert_eq!(end.arrived(&half, start), Ok(None));
    let mut now = start + Duration::from_secs(120);
    assert_eq!(end.tick(now), Ok(()));
    now += Duration::from_secs(5);
    assert_eq!(end.tick(now), Err(Broken::Silent));
}

#[test]
fn who_connects_and_never_asks_is_given_up() {
    let now = Instant::now();
    let mut end = listening(now);
    assert_eq!(end.tick(now + Duration::from_secs(4)), Ok(()));
    assert_eq!(end.tick(now + Duration::from_secs(5)), Err(Broken::Silent));
}

/// Negotiating is done once: what looks like a request later is data, and is no good as that.
#[test]
fn negotiation_again_is_not_taken_for_data() {
    let now = Instant::now();
    let broken = refused(established(now), &response().encode(), now);
    assert!(matches!(broken, Broken::Malformed(_)), "{broken}");
}
