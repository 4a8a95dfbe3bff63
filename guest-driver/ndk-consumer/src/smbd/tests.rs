//! Two ends in memory, and messages from nobody.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::connection::{Broken, Connection, Offer};
use super::message::{
    BufferDescriptor, DATA_OFFSET, DataTransfer, Malformed, NegotiateRequest, NegotiateResponse,
};

/// Two ends, and between them the receives that each has posted: a send without one is what RNR would be.
struct Pair {
    now: Instant,
    ends: [Connection; 2],
    posted: [u32; 2],
    wire: [VecDeque<Vec<u8>>; 2],
    delivered: [Vec<Vec<u8>>; 2],
}

impl Pair {
    fn new(active: Offer, passive: Offer) -> Self {
        let now = Instant::now();
        let mut pair = Self {
            now,
            ends: [
                Connection::active(active, now),
                Connection::passive(passive, now),
            ],
            posted: [0; 2],
            wire: [VecDeque::new(), VecDeque::new()],
            delivered: [Vec::new(), Vec::new()],
        };
        pair.post();
        pair.run();
        pair
    }

    fn post(&mut self) {
        for (end, posted) in self.ends.iter_mut().zip(&mut self.posted) {
            let count = end.receives_wanted();
            *posted += count;
            end.posted(count);
        }
    }

    /// Sends one message from a side, if it may; whether it did.
    fn send_one(&mut self, side: usize) -> bool {
        let Some(message) = self.ends[side].next_message(self.now) else {
            return false;
        };
        let posted = &mut self.posted[1 - side];
        assert!(*posted > 0, "a message meets no receive");
        *posted -= 1;
        self.wire[1 - side].push_back(message);
        true
    }

    /// Delivers one message to a side, if one is under way; whether it did.
    fn deliver_one(&mut self, side: usize) -> bool {
        let Some(message) = self.wire[side].pop_front() else {
            return false;
        };
        let whole = self.ends[side]
            .arrived(&message, self.now)
            .expect("a good message");
        self.delivered[side].extend(whole);
        self.post();
        true
    }

    /// Until nothing moves.
    fn run(&mut self) {
        while (0..2).any(|side| self.send_one(side) | self.deliver_one(side)) {}
    }
}

fn small(credits: u16) -> Offer {
    Offer {
        receive_credits: credits,
        send_credits: credits,
        max_send: 128,
        max_receive: 128,
        max_fragmented: 131_072,
        ..Offer::default()
    }
}

fn message(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at as u8).wrapping_mul(31) ^ seed)
        .collect()
}

#[test]
fn negotiation_takes_the_lesser_of_what_both_offer() {
    let active = Offer {
        max_send: 1364,
        max_receive: 8192,
        max_fragmented: 1_048_576,
        ..Offer::default()
    };
    let passive = Offer {
        max_send: 4096,
        max_receive: 1024,
        max_fragmented: 200_000,
        max_read_write: 65_536,
        ..Offer::default()
    };
    let pair = Pair::new(active, passive);
    let (a, b) = (
        pair.ends[0].agreed().expect("agreed"),
        pair.ends[1].agreed().expect("agreed"),
    );
    assert_eq!((a.max_send, a.max_receive), (1024, 4096));
    assert_eq!((b.max_send, b.max_receive), (4096, 1024));
    assert_eq!((a.max_fragmented_send, a.max_read_write), (200_000, 65_536));
    assert_eq!(b.max_fragmented_send, 1_048_576);
}

#[test]
fn the_negotiation_of_linux_is_read_as_it_was_recorded() {
    // Both messages as cifs and ksmbd of Linux 7.3 exchange them.
    let request = NegotiateRequest {
        credits_requested: 255,
        preferred_send: 1364,
        max_receive: 1364,
        max_fragmented: 173_910,
    };
    let bytes = [
        0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x00, 0x54, 0x05, 0x00, 0x00, 0x54, 0x05, 0x00,
        0x00, 0x56, 0xA7, 0x02, 0x00,
    ];
    assert_eq!(request.encode(), bytes);
    assert_eq!(NegotiateRequest::parse(&bytes), Ok(request));
    let bytes = [
        0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x80, 0x00, 0x54, 0x05, 0x00, 0x00, 0x54, 0x05, 0x00, 0x00, 0x56, 0xA7,
        0x02, 0x00,
    ];
    let response = NegotiateResponse::parse(&bytes).expect("a response");
    assert_eq!(
        (response.credits_granted, response.max_read_write),
        (255, 8 << 20)
    );
    assert_eq!(response.encode(), bytes);
}

#[test]
fn a_long_message_goes_in_fragments_and_comes_whole() {
    let mut pair = Pair::new(small(4), small(4));
    let long = message(7, 100_000);
    pair.ends[0].send(long.clone()).expect("taken");
    pair.run();
    assert!(pair.delivered[1] == [long]);
    let counts = pair.ends[0].counts();
    assert_eq!(counts.fragmented, (1, 0));
    assert_eq!(counts.sent.0 - counts.sent.1, 100_000_u64.div_ceil(104));
}

#[test]
fn the_last_credit_goes_only_with_a_grant() {
    let now = Instant::now();
    let mut end = Connection::active(small(8), now);
    end.posted(1);
    end.next_message(now).expect("the request");
    let response = NegotiateResponse {
        credits_requested: 2,
        credits_granted: 2,
        status: 0,
        max_read_write: 1 << 20,
        preferred_send: 128,
        max_receive: 128,
        max_fragmented: 131_072,
    };
    end.arrived(&response.encode(), now).expect("agreed");
    end.send(message(1, 300)).expect("taken");
    // Two credits, and nothing posted that could be granted: one goes, the last stays.
    assert!(end.next_message(now).is_some());
    assert_eq!(end.next_message(now), None);
    assert_eq!(end.counts().starved, 1);
    let count = end.receives_wanted();
    assert_eq!(count, 2);
    end.posted(count);
    let bytes = end
        .next_message(now)
        .expect("the last credit, with a grant");
    let sent = DataTransfer::parse(&bytes).expect("ours");
    assert_eq!(sent.credits_granted, 2);
    assert_eq!(end.next_message(now), None, "no credit is left");
}

#[test]
fn credits_are_given_back_though_nothing_is_to_be_said() {
    let mut pair = Pair::new(small(8), small(8));
    for seed in 0..200 {
        pair.ends[0].send(message(seed, 90)).expect("taken");
    }
    pair.run();
    assert_eq!(pair.delivered[1].len(), 200);
    let counts = pair.ends[1].counts();
    assert!(counts.sent.1 > 0, "grants alone: {counts:?}");
    assert!(counts.sent.1 <= 100, "not one for each: {counts:?}");
}

#[test]
fn silence_is_asked_about_and_then_ends() {
    let offer = Offer {
        keepalive: Duration::from_secs(120),
        answer: Duration::from_secs(5),
        ..small(8)
    };
    let mut pair = Pair::new(offer, small(8));
    let start = pair.now;
    pair.now = start + Duration::from_secs(119);
    pair.ends[0].tick(pair.now).expect("not yet");
    assert_eq!(pair.ends[0].next_message(pair.now), None);
    // Asked, it answers, and that counts as a sign of life.
    pair.now = start + Duration::from_secs(120);
    pair.ends[0].tick(pair.now).expect("asks");
    pair.run();
    assert_eq!(pair.ends[0].counts().received.1, 1);
    pair.now += Duration::from_secs(100);
    pair.ends[0].tick(pair.now).expect("heard of lately");
    // Asked again, it says nothing.
    pair.now += Duration::from_secs(20);
    pair.ends[0].tick(pair.now).expect("asks");
    assert!(pair.ends[0].next_message(pair.now).is_some());
    pair.now += Duration::from_secs(5);
    assert_eq!(pair.ends[0].tick(pair.now), Err(Broken::Silent));
}

#[test]
fn a_server_that_never_negotiates_is_given_up() {
    let now = Instant::now();
    let mut end = Connection::active(Offer::default(), now);
    end.next_message(now).expect("the request");
    assert_eq!(end.tick(now + Duration::from_secs(4)), Ok(()));
    assert_eq!(end.tick(now + Duration::from_secs(5)), Err(Broken::Silent));
}

#[test]
fn a_refusal_says_why() {
    let now = Instant::now();
    let mut end = Connection::active(Offer::default(), now);
    end.posted(1);
    end.next_message(now).expect("the request");
    let mut bytes = [0; 32];
    bytes[12..16].copy_from_slice(&0xC000_009A_u32.to_le_bytes());
    assert_eq!(end.arrived(&bytes, now), Err(Broken::Refused(0xC000_009A)));
}

fn established() -> (Connection, Instant) {
    let pair = Pair::new(small(8), small(8));
    let [end, _] = pair.ends;
    (end, pair.now)
}

fn fragment(remaining: u32, data: &[u8]) -> Vec<u8> {
    let transfer = DataTransfer {
        credits_requested: 8,
        credits_granted: 0,
        response_requested: false,
        remaining,
        data,
    };
    transfer.encode()
}

#[test]
fn fragments_must_be_what_was_announced() {
    let (mut end, now) = established();
    assert_eq!(end.arrived(&fragment(20, &[1; 10]), now), Ok(None));
    let broken = end.arrived(&fragment(0, &[1; 10]), now);
    assert_eq!(
        broken,
        Err(Broken::Fragments {
            announced: 20,
            came: 10
        })
    );
    // Nothing is taken after that.
    assert_eq!(
        end.arrived(&fragment(0, &[1; 10]), now),
        Err(Broken::Credits)
    );
}

#[test]
fn an_announcement_beyond_the_limit_is_not_believed() {
    let (mut end, now) = established();
    let broken = end.arrived(&fragment(u32::MAX, &[1; 10]), now);
    assert_eq!(broken, Err(Broken::TooLong(u64::from(u32::MAX) + 10)));
}

#[test]
fn what_no_receive_was_granted_for_ends_the_connection() {
    let (mut end, now) = established();
    for _ in 0..8 {
        assert_eq!(end.arrived(&fragment(0, &[]), now), Ok(None));
    }
    assert_eq!(end.arrived(&fragment(0, &[]), now), Err(Broken::Credits));
}

#[test]
fn data_outside_its_message_is_refused() {
    for (offset, length) in [
        (0, 1),
        (8, 1),
        (16, 4),
        (24, 9),
        (28, 4),
        (u32::MAX - 7, 8),
        (24, u32::MAX),
        (32, 1),
    ] {
        let mut bytes = fragment(0, &[5; 8]);
        bytes[12..16].copy_from_slice(&u32::to_le_bytes(offset));
        bytes[16..20].copy_from_slice(&u32::to_le_bytes(length));
        let refused = DataTransfer::parse(&bytes);
        assert!(
            matches!(refused, Err(Malformed::Data { .. })),
            "{offset} {length}: {refused:?}"
        );
    }
    assert!(DataTransfer::parse(&[0; 19]).is_err());
}

#[test]
fn sizes_below_the_least_are_refused() {
    let good = NegotiateRequest {
        credits_requested: 1,
        preferred_send: 128,
        max_receive: 128,
        max_fragmented: 131_072,
    };
    assert_eq!(NegotiateRequest::parse(&good.encode()), Ok(good));
    for bad in [
        NegotiateRequest {
            credits_requested: 0,
            ..good
        },
        NegotiateRequest {
            max_receive: 127,
            ..good
        },
        NegotiateRequest {
            max_fragmented: 131_071,
            ..good
        },
    ] {
        assert!(NegotiateRequest::parse(&bad.encode()).is_err(), "{bad:?}");
    }
}

#[test]
fn a_descriptor_is_offset_token_length() {
    let descriptor = BufferDescriptor {
        offset: 0x1122_3344_5566_7788,
        token: 0x99AA_BBCC,
        length: 0xDDEE_FF00,
    };
    assert_eq!(
        descriptor.encode(),
        [
            0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xCC, 0xBB, 0xAA, 0x99, 0x00, 0xFF,
            0xEE, 0xDD
        ]
    );
}

proptest! {
    /// Whatever both sides say, in whatever order it moves: all arrives, in order, and no message meets no receive.
    #[test]
    fn everything_arrives_and_nothing_is_stuck(
        (credits_a, credits_b) in (3_u16..9, 3_u16..9),
        messages in prop::collection::vec((0_usize..2, 1_usize..3000), 0..40),
        order in prop::collection::vec((0_usize..4, 1_usize..5), 0..400),
    ) {
        let mut pair = Pair::new(small(credits_a), small(credits_b));
        let mut said = [Vec::new(), Vec::new()];
        let mut messages = messages.into_iter().enumerate();
        for (act, times) in order {
            for _ in 0..times {
                match act {
                    0 | 1 => pair.send_one(act),
                    2 => pair.deliver_one(0),
                    _ => pair.deliver_one(1),
                };
            }
            if let Some((seed, (side, length))) = messages.next() {
                let message = message(seed as u8, length);
                pair.ends[side].send(message.clone()).expect("taken");
                said[side].push(message);
            }
        }
        for (seed, (side, length)) in messages {
            let message = message(seed as u8, length);
            pair.ends[side].send(message.clone()).expect("taken");
            said[side].push(message);
        }
        pair.run();
        prop_assert!(pair.delivered[1] == said[0]);
        prop_assert!(pair.delivered[0] == said[1]);
    }

    /// Bytes from nobody do not panic, and what is kept of them is bounded.
    #[test]
    fn hostile_bytes_are_survived(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..12),
        real in prop::collection::vec((any::<u32>(), 0_usize..104), 0..12),
        passive in any::<bool>(),
    ) {
        let now = Instant::now();
        let mut ends = vec![established().0];
        let mut fresh = if passive {
            Connection::passive(small(8), now)
        } else {
            Connection::active(small(8), now)
        };
        fresh.posted(1);
        let _ = fresh.next_message(now);
        ends.push(fresh);
        for end in &mut ends {
            let real = real.iter().map(|(remaining, length)| {
                fragment(*remaining % 140_000, &vec![9; *length])
            });
            for packet in packets.iter().cloned().chain(real) {
                let whole = end.arrived(&packet, now);
                if let Ok(Some(whole)) = &whole {
                    prop_assert!(whole.len() <= 131_072);
                }
                end.posted(end.receives_wanted());
                let _ = end.next_message(now);
                if whole.is_err() {
                    prop_assert_eq!(end.next_message(now), None);
                }
            }
        }
    }

    /// What is encoded is parsed as it was.
    #[test]
    fn transfers_come_back_as_they_went(
        credits_requested in 1_u16.., credits_granted in any::<u16>(), response_requested in any::<bool>(),
        remaining in any::<u32>(), data in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let transfer = DataTransfer { credits_requested, credits_granted, response_requested, remaining, data: &data };
        let bytes = transfer.encode();
        prop_assert!(data.is_empty() || bytes.len() == DATA_OFFSET + data.len());
        prop_assert_eq!(DataTransfer::parse(&bytes), Ok(transfer));
    }
}
