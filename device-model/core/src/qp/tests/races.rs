//! A guest's processor writes an entry while the device executes it: what was checked is what is used `[CONV-11]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rnic_abi::{CompletionStatus as S, FastRegisterSegment, ProviderError as E};

use super::*;

const ROUNDS: u32 = 300;

/// Stores two words in turn at `at` until dropped.
struct Flipper {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Flipper {
    fn start(node: &Node, at: u64, words: [u64; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (space, told) = (node.guest.space(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                for word in words {
                    space.store_release_u64(at, word).unwrap();
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Flipper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Length and key of a segment as they lie in memory.
fn length_and_key(length: u32, key: u32) -> u64 {
    u64::from(length) | u64::from(key) << 32
}

#[test]
fn a_segment_that_changes_while_it_is_executed_is_the_old_or_the_new() {
    // [CONV-11]
    let mut seen = [0; 2];
    for round in 0..ROUNDS {
        let mut p = Pair::new(if round % 2 == 0 {
            Wire::Segments
        } else {
            Wire::Frames
        });
        p.b.receive(p.qb, 9, &[(BASE, 4096, p.b.key)]);
        let wr = Wr::new(WorkOpcode::SEND, 1).segment(BASE, 8, p.a.key);
        p.a.write_send(p.qa, &wr);
        let entry = p.a.rings[&p.qa].send;
        // Eight bytes within the region, or far more than it has.
        let words = [
            length_and_key(8, p.a.key),
            length_and_key(0x7000_0000, p.a.key),
        ];
        let at = entry + u64::from(SEGMENTS_AT) + 8;
        let flipper = Flipper::start(&p.a, at, words);
        p.a.ring_send(p.qa);
        p.settle_in_time(50);
        drop(flipper);
        let (_, status, error) = p.a.outcomes()[0];
        match status {
            S::SUCCESS => {
                seen[0] += 1;
                let got = p.b.poll();
                assert_eq!(got[0].byte_count.get(), 8, "round {round}");
            }
            _ => {
                seen[1] += 1;
                assert_eq!((status, error), (S::LOCAL_PROTECTION_ERROR, E::RANGE));
                assert!(p.b.poll().is_empty(), "nothing of it was sent");
            }
        }
    }
    assert_eq!(seen[0] + seen[1], ROUNDS);
}

#[test]
fn a_page_list_that_changes_while_it_is_registered_is_read_once() {
    // [CONV-11] [MEM-12]
    let mut p = Pair::new(Wire::Segments);
    let list = p.a.page_list(1);
    let good = p.a.guest.read_u64(list);
    let flipper = Flipper::start(&p.a, list, [good, good + 8]);
    for round in 0..ROUNDS {
        let fast = p.a.res.keys.create_fast_region(p.a.pd, 1).unwrap();
        let mut work = FastRegisterSegment::zeroed().with_access(ALL);
        work.base.set(0x1000);
        work.length.set(4096);
        work.page_count.set(1);
        work.page_list.set(list);
        work.key.set(fast.0);
        match p.a.res.keys.fast_register(&p.a.res.dma, p.a.pd, &work) {
            Ok(()) => {
                // What was found aligned is what the key translates to.
                let right = crate::keys::LocalRight::Read;
                let extent = p.a.res.keys.check_local(p.a.pd, fast.0, 0x1000, 8, right);
                let range = extent.unwrap().ranges().next().unwrap();
                assert_eq!(range.iova, good, "round {round}");
            }
            Err(refusal) => assert_eq!(refusal.error, E::NOT_ALIGNED, "round {round}"),
        }
        p.a.res.keys.destroy_region(fast.0, 0).unwrap();
    }
    drop(flipper);
}
