//! Two endpoints and a queue between them. The oracle is a byte array: whatever the queue loses,
//! doubles, delays or reorders, memory, receives and counters end as if it had not.
//! `RNIC_SEED=n` replays one seed, `RNIC_SEEDS=n` runs so many.

use proptest::prelude::*;
use rnic_transport::rc::{
    Failure, Message, Progress, Requester, RequesterConfig, Responder, ResponderConfig, Verdict,
    Work,
};
use rnic_transport::{
    Ending, Nanos, RequestHeader, RequestOperation, ResponseBody, ResponseHeader, Target,
};
use rnic_wire::{Credits, Msn, Mtu, NakCode, Position, Psn, RKey, RnrTimer, Syndrome, TimeoutCode};
use std::collections::BinaryHeap;

const MTU: Mtu = Mtu::B256;
const MEMORY: usize = 1 << 16;
const KEY: RKey = RKey(0xabc);

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn per_mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }
}

#[derive(Clone)]
enum Wire {
    Request(RequestHeader, Vec<u8>),
    Response(ResponseHeader, Vec<u8>),
}

#[derive(Clone, Copy, Default)]
struct Faults {
    loss: u64,
    double: u64,
    delay: u64,
    not_ready: u64,
}

struct InFlight {
    at: u64,
    order: u64,
    wire: Wire,
}

impl PartialEq for InFlight {
    fn eq(&self, o: &Self) -> bool {
        (self.at, self.order) == (o.at, o.order)
    }
}
impl Eq for InFlight {}
impl PartialOrd for InFlight {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for InFlight {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        (o.at, o.order).cmp(&(self.at, self.order))
    }
}

/// What the requester's side keeps of a message it posted.
struct Posted {
    message: Message,
    data: Vec<u8>,
    /// Of a read: what must come back, known when everything before it was executed.
    result: Vec<u8>,
    original: Option<u64>,
}

struct World {
    random: Random,
    faults: Faults,
    now: Nanos,
    order: u64,
    queue: BinaryHeap<InFlight>,
    requester: Requester,
    responder: Responder<()>,
    max_packets: u32,
    posted: Vec<Posted>,
    memory: Vec<u8>,
    /// SENDs and immediates, as the responder's consumer sees them.
    received: Vec<(Vec<u8>, Ending)>,
    receiving: Vec<u8>,
    atomics: u64,
}

fn config_pair(
    first: u32,
    window: u32,
    probe_after: Option<Nanos>,
) -> (RequesterConfig, ResponderConfig) {
    let first_psn = Psn::new(first);
    (
        RequesterConfig {
            mtu: MTU,
            first_psn,
            read_depth: 4,
            retry_count: 7,
            rnr_retry: 7,
            ack_timeout: TimeoutCode::new(4).unwrap(),
            window,
            probe_after,
            answers: true,
            flow_control: false,
        },
        ResponderConfig {
            mtu: MTU,
            first_psn,
            read_depth: 4,
            rnr_timer: RnrTimer::SHORTEST,
            answers: true,
        },
    )
}

impl World {
    fn new(seed: u64, faults: Faults, max_packets: u32) -> Self {
        let mut random = Random(seed);
        let first = (random.next() & 0xff_ffff) as u32;
        // As on a wire, and as within a process.
        let probe_after = random.per_mille(700).then_some(Nanos(5_000));
        let (a, b) = config_pair(first, 16, probe_after);
        Self {
            random,
            faults,
            now: Nanos(0),
            order: 0,
            queue: BinaryHeap::new(),
            requester: Requester::new(a),
            responder: Responder::new(b),
            max_packets,
            posted: Vec::new(),
            memory: vec![0; MEMORY],
            received: Vec::new(),
            receiving: Vec::new(),
            atomics: 0,
        }
    }

    fn post_random(&mut self) {
        let r = &mut self.random;
        let length = match r.below(4) {
            0 => r.below(4),
            1 => r.below(300),
            2 => 256 * r.below(8),
            _ => r.below(4000),
        } as usize;
        let address = r.below((MEMORY - length) as u64);
        let data: Vec<u8> = (0..length).map(|_| r.next() as u8).collect();
        let imm = (r.next() as u32).to_be_bytes();
        let (message, length) = match r.below(8) {
            0 | 1 => {
                let ending = match r.below(3) {
                    0 => Ending::Plain,
                    1 => Ending::Immediate(imm),
                    _ => Ending::Invalidate(RKey(u32::from_be_bytes(imm))),
                };
                let solicited = r.per_mille(500);
                (Message::Send { ending, solicited }, length)
            }
            2..=4 => {
                let immediate = r.per_mille(300).then_some(imm);
                let message = Message::Write {
                    address,
                    key: KEY,
                    immediate,
                    solicited: false,
                };
                (message, length)
            }
            5 | 6 => (Message::Read { address, key: KEY }, length),
            _ => {
                let message = Message::FetchAdd {
                    address: 8,
                    key: KEY,
                    addend: 3,
                };
                (message, 8)
            }
        };
        self.requester.post(message, length as u32).unwrap();
        self.posted.push(Posted {
            message,
            data,
            result: vec![0; length],
            original: None,
        });
    }

    /// Only one packet a segment can be lost: longer ones go between devices of one process.
    fn put(&mut self, wire: Wire) {
        let f = self.faults;
        if self.random.per_mille(f.loss) {
            return;
        }
        let copies = 1 + u32::from(self.random.per_mille(f.double));
        for _ in 0..copies {
            let late = if self.random.per_mille(f.delay) {
                self.random.below(300_000)
            } else {
                0
            };
            self.order += 1;
            self.queue.push(InFlight {
                at: self.now.0 + 1000 + late,
                order: self.order,
                wire: wire.clone(),
            });
        }
    }

    fn transmit(&mut self) {
        while let Some(t) = self.requester.poll_transmit(self.now, self.max_packets) {
            let p = &self.posted[t.message as usize];
            let from = t.offset as usize;
            let data = p.data.get(from..from + t.header.length as usize);
            let data = data.unwrap_or_default().to_vec();
            assert_eq!(data.len(), t.header.length as usize);
            self.put(Wire::Request(t.header, data));
        }
    }

    fn on_request(&mut self, h: &RequestHeader, data: &[u8]) {
        match self.responder.on_request(h) {
            Verdict::Execute(work) => self.execute(h, work, data),
            Verdict::Replay(replay) => self.responder.replay(replay, ()),
            Verdict::Answered(_) | Verdict::Dropped(_) => {}
            Verdict::Refused(code) => panic!("{h:?} refused: {code:?}"),
        }
        while let Some(r) = self.responder.poll_response(self.max_packets) {
            let data = r.data.map_or(Vec::new(), |d| {
                let at = d.address as usize;
                self.memory[at..at + d.length as usize].to_vec()
            });
            self.put(Wire::Response(r.header, data));
        }
    }

    fn execute(&mut self, h: &RequestHeader, work: Work, data: &[u8]) {
        match work {
            Work::Send {
                start, offset, end, ..
            } => {
                if start && self.random.per_mille(self.faults.not_ready) {
                    return self.responder.not_ready(h);
                }
                assert_eq!(offset as usize, self.receiving.len());
                self.receiving.extend_from_slice(data);
                if let Some(end) = end {
                    let whole = std::mem::take(&mut self.receiving);
                    self.received.push((whole, end.ending));
                }
                self.responder.commit(h);
            }
            Work::Write {
                address, key, end, ..
            } => {
                assert_eq!(key, KEY);
                let immediate = end.and_then(|e| e.immediate);
                if immediate.is_some() && self.random.per_mille(self.faults.not_ready) {
                    return self.responder.not_ready(h);
                }
                let at = address as usize;
                self.memory[at..at + data.len()].copy_from_slice(data);
                if let Some(i) = immediate {
                    self.received.push((Vec::new(), Ending::Immediate(i)));
                }
                self.responder.commit(h);
            }
            Work::Read(target) => self.responder.commit_read(h, target, ()),
            Work::FetchAdd { addend, .. } => {
                let original = self.atomics;
                self.atomics += addend;
                self.responder.commit_atomic(h, original);
            }
            Work::CompareSwap { .. } => unreachable!("none is posted"),
        }
    }

    fn on_response(&mut self, h: &ResponseHeader, data: &[u8]) {
        match self.requester.on_response(self.now, h) {
            Progress::Place(p) => {
                let at = p.offset as usize;
                assert_eq!(data.len(), p.length as usize);
                self.posted[p.message as usize].result[at..at + data.len()].copy_from_slice(data);
            }
            Progress::Atomic { message, original } => {
                let p = &mut self.posted[message as usize];
                assert!(matches!(p.message, Message::FetchAdd { .. }));
                assert_eq!(p.original.replace(original), None);
            }
            Progress::Ghost
            | Progress::Accepted
            | Progress::Retry
            | Progress::NotReady
            | Progress::Failed => {}
        }
    }

    /// Runs until nothing moves any more.
    fn run(&mut self) {
        for step in 0..200_000 {
            if step == 20_000 {
                // Liveness: once the faults stop, everything completes or has failed.
                self.faults = Faults::default();
            }
            self.transmit();
            let arrival = self.queue.peek().map(|f| f.at);
            let timer = self.requester.next_timer().map(|t| t.0);
            let Some(next) = arrival.into_iter().chain(timer).min() else {
                return;
            };
            self.now = Nanos(next.max(self.now.0));
            if arrival == Some(next) {
                match self.queue.pop().unwrap().wire {
                    Wire::Request(h, data) => self.on_request(&h, &data),
                    Wire::Response(h, data) => self.on_response(&h, &data),
                }
            } else {
                self.requester.on_timer(self.now);
            }
        }
        panic!("no end: {:?}", self.requester);
    }

    /// Compares with what a lossless world would hold. Reads race with later writes unless fenced, so
    /// their result is compared only where no later write of the same bytes was posted.
    fn check(&self) {
        let done = self.requester.oldest() as usize;
        match self.requester.failure() {
            None => assert_eq!(done, self.posted.len(), "{:?}", self.requester),
            Some(Failure::RetryExceeded | Failure::SequenceRetryExceeded) => {
                assert!(self.faults.loss > 0 || self.max_packets == 1);
                return;
            }
            Some(other) => panic!("{other:?}"),
        }
        let mut memory = vec![0; MEMORY];
        let mut writer = vec![0usize; MEMORY];
        for (i, p) in self.posted.iter().enumerate() {
            if let Message::Write { address, .. } = p.message {
                let range = address as usize..address as usize + p.data.len();
                memory[range.clone()].copy_from_slice(&p.data);
                writer[range].fill(i);
            }
        }
        assert!(memory == self.memory, "memory differs");
        let expected = self.posted.iter().filter_map(|p| match p.message {
            Message::Send { ending, .. } => Some((p.data.clone(), ending)),
            Message::Write {
                immediate: Some(i), ..
            } => Some((Vec::new(), Ending::Immediate(i))),
            _ => None,
        });
        assert!(
            expected.eq(self.received.iter().cloned()),
            "receives differ"
        );
        let mut adds = 0;
        for (i, p) in self.posted.iter().enumerate() {
            match p.message {
                Message::FetchAdd { addend, .. } => {
                    assert_eq!(p.original, Some(adds));
                    adds += addend;
                }
                Message::Read { address, .. } => {
                    for (k, byte) in p.result.iter().enumerate() {
                        let at = address as usize + k;
                        assert!(writer[at] > i || memory[at] == *byte, "read {i} byte {k}");
                    }
                }
                _ => {}
            }
        }
        assert_eq!(self.atomics, adds);
    }
}

fn seeds(n: u64) -> Vec<u64> {
    match std::env::var("RNIC_SEED") {
        Ok(s) => vec![s.parse().expect("RNIC_SEED is a number")],
        Err(_) => {
            let more = std::env::var("RNIC_SEEDS")
                .ok()
                .and_then(|s| s.parse().ok());
            (0..more.unwrap_or(n)).collect()
        }
    }
}

fn run(seed: u64, faults: Faults, max_packets: u32, messages: usize) -> World {
    println!("seed {seed}");
    let mut w = World::new(seed, faults, max_packets);
    for _ in 0..messages {
        w.post_random();
    }
    w.run();
    w.check();
    w
}

#[test]
fn without_faults_nothing_is_sent_twice() {
    for seed in seeds(20) {
        for max_packets in [1, 3, 1000] {
            let w = run(seed, Faults::default(), max_packets, 200);
            assert_eq!((w.requester.failure(), w.requester.timeouts()), (None, 0));
        }
    }
}

#[test]
fn receivers_that_are_not_ready_get_everything_in_the_end() {
    for seed in seeds(20) {
        let faults = Faults {
            not_ready: 300,
            ..Faults::default()
        };
        for max_packets in [1, 1000] {
            let w = run(seed, faults, max_packets, 100);
            assert_eq!(w.requester.failure(), None);
        }
    }
}

#[test]
fn loss_doubling_and_delay_change_nothing() {
    let mut failed = 0;
    let all = seeds(100);
    for &seed in &all {
        // Swarm: each seed has its own mixture.
        let mut r = Random(seed ^ 0x5eed);
        let faults = Faults {
            loss: r.below(60),
            double: r.below(80),
            delay: r.below(80),
            not_ready: r.below(100),
        };
        let w = run(seed, faults, 1, 60);
        failed += usize::from(w.requester.failure().is_some());
    }
    assert!(failed * 10 <= all.len(), "{failed} connections gave up");
}

// [ROCE-34], [ROCE-46]: each of these would have waited for the acknowledge timeout now and then.
#[test]
fn one_to_five_lost_in_a_hundred_never_wait_for_the_timeout() {
    for seed in seeds(30) {
        for loss in [10, 50] {
            println!("seed {seed}, loss {loss}");
            let mut w = World::new(
                seed,
                Faults {
                    loss,
                    ..Faults::default()
                },
                1,
            );
            let (requester, _) = config_pair(0, 64, Some(Nanos(5_000)));
            let first_psn = w.requester.next_psn();
            w.requester = Requester::new(RequesterConfig {
                first_psn,
                ack_timeout: TimeoutCode::new(17).unwrap(),
                ..requester
            });
            for _ in 0..100 {
                w.post_random();
            }
            w.run();
            w.check();
            assert_eq!((w.requester.failure(), w.requester.timeouts()), (None, 0));
        }
    }
}

#[test]
fn a_dead_wire_ends_in_an_error() {
    let mut w = World::new(
        1,
        Faults {
            loss: 1000,
            ..Faults::default()
        },
        1,
    );
    w.post_random();
    for _ in 0..100 {
        w.transmit();
        let Some(t) = w.requester.next_timer() else {
            break;
        };
        w.now = t;
        w.requester.on_timer(t);
    }
    assert_eq!(w.requester.failure(), Some(Failure::RetryExceeded));
    assert_eq!(w.requester.timeouts(), 8);
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![
        Just(Position::First),
        Just(Position::Middle),
        Just(Position::Last),
        Just(Position::Only)
    ]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..4, Just(256), 0u32..3000, any::<u32>()]
}

fn any_request() -> impl Strategy<Value = RequestHeader> {
    let target = (any::<u64>(), small()).prop_map(|(address, length)| Target {
        address,
        key: KEY,
        length,
    });
    let base = (
        prop_oneof![0u32..6, any::<u32>()],
        small(),
        position(),
        small(),
        any::<bool>(),
    );
    (base, target, any::<bool>(), 0u8..6).prop_map(
        |((psn, packets, position, length, a), t, flag, kind)| {
            let operation = match kind {
                0 | 1 => RequestOperation::Send {
                    ending: Ending::Plain,
                },
                2 | 3 => RequestOperation::Write {
                    target: flag.then_some(t),
                    immediate: a.then_some([1; 4]),
                },
                4 => RequestOperation::Read(t),
                _ => RequestOperation::FetchAdd {
                    address: t.address,
                    key: KEY,
                    addend: 1,
                },
            };
            RequestHeader {
                psn: Psn::new(psn),
                packets,
                position,
                length,
                ack_request: a,
                solicited: flag,
                operation,
            }
        },
    )
}

fn any_response() -> impl Strategy<Value = ResponseHeader> {
    let body = prop_oneof![
        any::<u8>().prop_map(|b| ResponseBody::Acknowledge(Syndrome::from_byte(b))),
        Just(ResponseBody::Acknowledge(Syndrome::Ack(Credits::UNLIMITED))),
        Just(ResponseBody::Acknowledge(Syndrome::Nak(
            NakCode::PsnSequence
        ))),
        (small(), position(), small()).prop_map(|(packets, position, length)| {
            ResponseBody::ReadData {
                packets,
                position,
                length,
            }
        }),
        any::<u64>().prop_map(|original| ResponseBody::Atomic { original }),
    ];
    (prop_oneof![0u32..20, any::<u32>()], body).prop_map(|(psn, body)| ResponseHeader {
        psn: Psn::new(psn),
        msn: Msn::ZERO,
        body,
    })
}

proptest! {
    #[test]
    fn any_requests_leave_the_responder_sane(requests in prop::collection::vec(any_request(), 0..60), max in small()) {
        let (_, config) = config_pair(0, 16, Some(Nanos(5_000)));
        let mut r = Responder::new(config);
        for h in &requests {
            let before = r.expected();
            match r.on_request(h) {
                Verdict::Execute(work) => {
                    prop_assert_eq!(h.psn, before);
                    match work {
                        Work::Read(t) => r.commit_read(h, t, ()),
                        Work::FetchAdd { address, .. } | Work::CompareSwap { address, .. } => {
                            prop_assert_eq!(address % 8, 0);
                            r.commit_atomic(h, 0);
                        }
                        Work::Send { offset, length, .. } => {
                            prop_assert!(u64::from(offset) + u64::from(length) <= 1 << 31);
                            r.commit(h);
                        }
                        Work::Write { .. } => r.commit(h),
                    }
                }
                Verdict::Replay(replay) => r.replay(replay, ()),
                Verdict::Answered(_) | Verdict::Dropped(_) | Verdict::Refused(_) => {
                    prop_assert_eq!(r.expected(), before);
                }
            }
            for _ in 0..4 {
                let Some(a) = r.poll_response(max) else { break };
                prop_assert!(a.header.packets() > 0);
            }
        }
    }

    #[test]
    fn any_responses_leave_the_requester_sane(
        steps in prop::collection::vec((any_response(), 0u8..4), 0..80), max in 1u32..20,
    ) {
        let (config, _) = config_pair(0, 16, Some(Nanos(5_000)));
        let mut r = Requester::new(config);
        let mut posted = 0;
        let mut now = Nanos(0);
        for (response, what) in &steps {
            match what {
                0 => {
                    let read = Message::Read { address: 0, key: KEY };
                    r.post(read, 700).unwrap();
                    r.post(Message::Send { ending: Ending::Plain, solicited: false }, 900).unwrap();
                    posted += 2;
                }
                1 => if let Some(t) = r.next_timer() {
                    now = t;
                    r.on_timer(now);
                },
                _ => {}
            }
            for _ in 0..20 {
                let Some(t) = r.poll_transmit(now, max) else { break };
                prop_assert!(t.message >= r.oldest() && t.message < posted);
            }
            if let Progress::Place(p) = r.on_response(now, response) {
                prop_assert!(p.offset + p.length <= 700);
            }
            prop_assert!(r.oldest() <= posted);
            prop_assert_eq!(r.pending() as u64, posted - r.oldest());
        }
    }
}
