//! End-to-end flow control: how far sends may go.

use super::*;
use rnic_wire::Credits;

fn credited(receives_from: u32) -> Requester {
    Requester::new(RequesterConfig {
        flow_control: true,
        window: 64,
        ..requester(receives_from).config
    })
}

fn say(r: &mut Requester, psn: u32, msn: u32, code: u8) {
    let header = ResponseHeader {
        psn: Psn::new(psn),
        msn: Msn::new(msn),
        body: ResponseBody::Acknowledge(Syndrome::Ack(Credits::new(code).unwrap())),
    };
    r.on_response(Nanos(0), &header);
}

fn sends(r: &mut Requester) -> Vec<u64> {
    std::iter::from_fn(|| r.poll_transmit(Nanos(0), 8))
        .map(|sent| sent.message)
        .collect()
}

const PLAIN: Message = Message::Send {
    ending: Ending::Plain,
    solicited: false,
};

#[test]
fn messages_begin_within_the_peers_receives_and_one_beyond() {
    // [ROCE-52]
    let mut r = credited(0);
    for _ in 0..12 {
        r.post(PLAIN, 10).unwrap();
    }
    assert_eq!(sends(&mut r), [0], "nothing is known yet");
    // One is done, and three more receives are there.
    say(&mut r, 0, 1, 3);
    assert_eq!(sends(&mut r), [1, 2, 3, 4]);
    // No receive is left, two are under way.
    say(&mut r, 2, 3, 0);
    assert!(sends(&mut r).is_empty());
    say(&mut r, 4, 5, 0);
    assert_eq!(sends(&mut r), [5], "the oldest may always ask");
    // An older word changes nothing.
    say(&mut r, 5, 6, 2);
    assert_eq!(sends(&mut r), [6, 7, 8]);
    say(&mut r, 8, 9, 0x1f);
    assert_eq!(sends(&mut r), [9, 10, 11], "no limit");
}

#[test]
fn a_long_message_beyond_the_credits_asks_with_its_first_packet() {
    // [ROCE-52]
    let mut r = credited(0);
    let long = 3 * r.config.mtu.bytes();
    r.post(PLAIN, long).unwrap();
    r.post(PLAIN, 1).unwrap();
    let first = r.poll_transmit(Nanos(0), 8).unwrap().header;
    assert_eq!((first.packets, first.ack_request), (1, true));
    assert!(sends(&mut r).is_empty());
    // It has its receive: the rest follows, and nothing behind it.
    say(&mut r, 0, 0, 0);
    let rest = r.poll_transmit(Nanos(0), 8).unwrap().header;
    assert_eq!((rest.packets, rest.position), (2, Position::Last));
    assert!(sends(&mut r).is_empty());
    say(&mut r, 2, 1, 0);
    assert_eq!(sends(&mut r), [1]);
}

#[test]
fn messages_that_need_no_receive_use_no_credit() {
    // [ROCE-52]
    let mut r = credited(0);
    let write = Message::Write {
        address: 0,
        key: RKey(1),
        immediate: None,
        solicited: false,
    };
    for message in [write, write, PLAIN, PLAIN, write] {
        r.post(message, 10).unwrap();
    }
    // The writes raise the limit to where they are, and the first send asks.
    assert_eq!(sends(&mut r), [0, 1, 2]);
    say(&mut r, 2, 3, 1);
    assert_eq!(sends(&mut r), [3, 4]);
}

#[test]
fn a_count_that_no_peer_can_have_is_no_credit() {
    // [ROCE-52]
    let mut r = credited(0);
    for _ in 0..8 {
        r.post(PLAIN, 10).unwrap();
    }
    assert_eq!(sends(&mut r), [0]);
    say(&mut r, 0, 500, 30);
    assert_eq!(sends(&mut r), [1], "the oldest alone");
}
