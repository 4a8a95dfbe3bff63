use rnic_abi::{CompletionStatus as S, ProviderError as E};

use super::super::Notice;
use super::errors::{fails, write};
use super::*;

#[test]
fn a_peer_without_receives_ends_after_the_retries() {
    // [QP-30]
    for wire in BOTH {
        let mut p = Pair::with(
            wire,
            &Options {
                rnr_retry: 2,
                ..Options::default()
            },
        );
        let wr = Wr::new(WorkOpcode::SEND, 0).inline(b"x");
        assert_eq!(fails(&mut p, wr), (S::RNR_RETRY_EXCEEDED, E::RNR));
        assert_eq!(p.b.counter(CounterId::RNR_NAK_OUT), 3);
        assert_eq!(p.a.counter(CounterId::RETRIES_EXCEEDED), 1);
    }
}

#[test]
fn a_silent_peer_ends_after_the_retries() {
    // [QP-31] [QP-40]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.b.qps.begin_destroy(p.qb, 0).unwrap();
        let wr = write(&p, 5000);
        assert_eq!(fails(&mut p, wr), (S::RETRY_EXCEEDED, E::PEER_GONE));
        assert_eq!(p.a.counter(CounterId::ACK_TIMEOUTS), 4);
        assert!(p.b.counter(CounterId::DROPPED_NO_QP) > 4);
        assert!(p.a.counter(CounterId::RETRANSMITTED) > 0);

        let mut p = Pair::new(wire);
        assert!(p.a.qps.set_connection(p.qa, 5));
        p.b.qps.begin_destroy(p.qb, 0).unwrap();
        p.a.receive(p.qa, 3, &[]);
        p.a.post(p.qa, write(&p, 8));
        p.a.post(p.qa, write(&p, 8));
        p.settle_in_time(20);
        assert_eq!(p.a.state(p.qa), QpState::QUIESCED);
        let lost = (0, S::RETRY_EXCEEDED, E::PEER_GONE);
        assert_eq!(
            p.a.outcomes(),
            [lost, (0, S::FLUSHED, E::QUEUE_FLUSHED)],
            "receives stay"
        );
        let notice = std::iter::from_fn(|| p.a.qps.next_notice()).last();
        assert!(matches!(
            notice,
            Some(Notice::Failed {
                connection: 5,
                state: QpState::QUIESCED,
                ..
            })
        ));
    }
}

#[test]
fn a_neighbour_that_is_gone_is_noticed_at_once() {
    let mut p = Pair::new(Wire::Segments);
    p.a.env.gone = true;
    let wr = write(&p, 8);
    assert_eq!(fails(&mut p, wr), (S::RETRY_EXCEEDED, E::PEER_GONE));
}

#[test]
fn a_full_port_delays_and_loses_nothing() {
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.a.env.full = true;
        p.b.env.full = true;
        p.b.put(0, &[7; 5000]);
        p.a.post(p.qa, write(&p, 5000));
        let read = Wr::new(WorkOpcode::READ, 1)
            .segment(BASE + 8192, 5000, p.a.key)
            .remote(BASE, p.b.key);
        p.a.post(p.qa, read);
        for _ in 0..5 {
            assert_eq!(p.a.run(), Progress::Busy);
        }
        p.a.env.full = false;
        p.a.run();
        for item in std::mem::take(&mut p.a.env.out) {
            p.b.take(item);
        }
        for _ in 0..5 {
            assert_eq!(p.b.run(), Progress::Busy);
        }
        p.b.env.full = false;
        p.settle();
        let ok = |n| (n, S::SUCCESS, E::NONE);
        assert_eq!(p.a.outcomes(), [ok(0), ok(1)]);
        assert_eq!(p.a.counter(CounterId::RETRANSMITTED), 0);
    }
}

#[test]
fn impossible_producer_indices_put_the_queue_pair_in_error() {
    // [DB-6]
    for (send, value) in [(true, 33), (false, 33), (true, u32::MAX), (false, u32::MAX)] {
        let mut p = Pair::new(Wire::Segments);
        let (env, res, q) = (&mut p.a.env, &mut p.a.res, &mut p.a.qps);
        if send {
            q.send_doorbell(env, res, p.qa, u64::from(value));
        } else {
            q.receive_doorbell(env, res, p.qa, u64::from(value));
        }
        p.settle();
        assert_eq!(p.a.state(p.qa), QpState::ERROR);
        assert!(p.a.poll().is_empty());
        assert_eq!(p.a.events().len(), 1);
    }
}

// [ROCE-23], [ROCE-25], [ROCE-26], [ROCE-28], [ROCE-35]
#[test]
fn frames_that_are_not_of_the_connection_are_dropped_and_counted() {
    let frame = |p: &mut Pair| {
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::WRITE, 1)
                .inline(b"data")
                .remote(BASE, p.b.key),
        );
        p.a.run();
        match p.a.env.out.pop_front() {
            Some(Item::Frame(f)) => f,
            _ => panic!("no frame"),
        }
    };
    let mut p = Pair::new(Wire::Frames);
    let good = frame(&mut p);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    p.b.take(Item::Frame(bad));
    assert_eq!(p.b.counter(CounterId::DROPPED_ICRC), 1);
    let change = |edit: &dyn Fn(&mut rnic_wire::Frame<'_>)| {
        let mut f = rnic_wire::Frame::parse(&good).unwrap();
        edit(&mut f);
        let mut bytes = vec![0; 5000];
        let len = f.encode(&mut bytes).unwrap();
        bytes.truncate(len);
        Item::Frame(bytes)
    };
    p.b.take(change(&|f| f.packet.bth.dest_qpn = Qpn::truncate(0xabcd)));
    assert_eq!(p.b.counter(CounterId::DROPPED_NO_QP), 1);
    p.b.take(change(&|f| f.packet.bth.pkey = rnic_wire::PKey(0x1234)));
    assert_eq!(p.b.counter(CounterId::DROPPED_KEY), 1);
    p.b.take(change(&|f| {
        if let rnic_wire::IpHeader::V4(h) = &mut f.envelope.ip {
            h.src = std::net::Ipv4Addr::new(10, 9, 9, 9);
        }
    }));
    assert_eq!(p.b.counter(CounterId::DROPPED_ADDRESS), 1);
    p.b.take(change(&|f| {
        f.packet.bth.opcode = rnic_wire::Opcode::UcWriteOnly
    }));
    assert_eq!(p.b.counter(CounterId::DROPPED_NO_QP), 2);
    assert_eq!(p.b.get(0, 4), [0; 4]);
    assert_eq!(p.b.counter(CounterId::FRAMES_IN), 0);
    p.b.take(Item::Frame(good.clone()));
    p.b.take(Item::Frame(good.clone()));
    assert_eq!(p.b.counter(CounterId::DUPLICATES_IN), 1);
    assert_eq!(p.b.get(0, 4), *b"data");
    // FLUSH, which is not carried out: refused in its place.
    p.b.take(change(&|f| {
        f.packet.bth.opcode = rnic_wire::Opcode::RcFlush;
        f.packet.bth.psn = f.packet.bth.psn.next();
        f.packet.ext = rnic_wire::Ext::Flush(rnic_wire::Feth(0), f.packet.ext.reth().unwrap());
        f.packet.payload = &[];
    }));
    p.settle();
    assert_eq!(p.b.state(p.qb), QpState::ERROR);
    assert_eq!(p.b.counter(CounterId::NAK_REQUEST_OUT), 1);
}
