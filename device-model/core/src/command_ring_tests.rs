use proptest::prelude::*;

use super::*;
use crate::testing::Guest;

const WRITE: u16 = 2;
const NEXT: u16 = 1;
const INDIRECT: u16 = 4;

struct Bed {
    guest: Guest,
    setup: RingSetup,
    ring: CommandRing,
    posted: u16,
    /// Request and answer memory.
    buffer: u64,
}

fn bed(size: u16) -> Bed {
    let mut guest = Guest::new();
    let setup = RingSetup {
        size,
        descriptors: guest.alloc(4096),
        available: guest.alloc(4096),
        used: guest.alloc(4096),
    };
    let buffer = guest.alloc(64 << 10);
    Bed {
        guest,
        setup,
        ring: CommandRing::enable(setup, 1).unwrap(),
        posted: 0,
        buffer,
    }
}

impl Bed {
    fn descriptor(&self, index: u16, iova: u64, len: u32, flags: u16, next: u16) {
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&iova.to_le_bytes());
        raw[8..12].copy_from_slice(&len.to_le_bytes());
        raw[12..14].copy_from_slice(&flags.to_le_bytes());
        raw[14..].copy_from_slice(&next.to_le_bytes());
        let at = self.setup.descriptors + u64::from(index) * 16;
        self.guest.write(at, &raw);
    }

    fn post(&mut self, head: u16) {
        let slot = u64::from(self.posted % self.setup.size);
        let available = self.setup.available;
        self.guest
            .write(available + 4 + slot * 2, &head.to_le_bytes());
        self.posted = self.posted.wrapping_add(1);
        self.guest.write(available + 2, &self.posted.to_le_bytes());
    }

    fn pop(&mut self) -> Result<Option<Command>, RingFailure> {
        self.ring.pop(&self.guest.space())
    }

    fn used(&self) -> (u16, Vec<(u32, u32)>) {
        let mut index = [0; 2];
        self.guest.read(self.setup.used + 2, &mut index);
        let entries = (0..u64::from(self.setup.size)).map(|slot| {
            let mut raw = [0; 8];
            self.guest.read(self.setup.used + 4 + slot * 8, &mut raw);
            let word = u64::from_le_bytes(raw);
            (word as u32, (word >> 32) as u32)
        });
        (u16::from_le_bytes(index), entries.collect())
    }
}

#[test]
fn what_a_set_up_may_be() {
    // [CMD-2]
    let good = bed(4).setup;
    let refused = |change: &dyn Fn(&mut RingSetup)| {
        let mut setup = good;
        change(&mut setup);
        let failure = CommandRing::enable(setup, 1).unwrap_err();
        assert_eq!(failure.code, FailureCode::COMMAND_RING_SETUP);
        failure.info
    };
    for size in [0, 1, 3, 512, 0x8000, u16::MAX] {
        assert_eq!(refused(&|setup| setup.size = size), reg::CMD_SIZE, "{size}");
    }
    assert_eq!(refused(&|setup| setup.descriptors += 8), reg::CMD_DESC);
    assert_eq!(refused(&|setup| setup.available += 1), reg::CMD_AVAIL);
    assert_eq!(refused(&|setup| setup.used += 2), reg::CMD_USED);
    for size in [2, 256] {
        assert!(CommandRing::enable(RingSetup { size, ..good }, 1).is_ok());
    }
}

#[test]
fn a_request_in_pieces_is_joined_and_its_answer_scattered() {
    // [CMD-4] [CMD-6]
    let mut bed = bed(8);
    let at = bed.buffer;
    bed.guest.write(at, &[1, 2, 3]);
    bed.guest.write(at + 100, &[4, 5]);
    bed.descriptor(5, at, 3, NEXT, 2);
    bed.descriptor(2, at + 100, 2, NEXT, 7);
    bed.descriptor(7, at + 200, 10, NEXT | WRITE, 0);
    bed.descriptor(0, at + 300, 100, WRITE, 0);
    bed.post(5);
    let command = bed.pop().unwrap().unwrap();
    assert_eq!(command.request, [1, 2, 3, 4, 5]);
    assert_eq!(command.room, 110);
    assert_eq!(bed.ring.outstanding(), 1);
    assert!(bed.pop().unwrap().is_none());
    let answer: Vec<u8> = (0..24).collect();
    let dma = bed.guest.space();
    assert_eq!(bed.ring.complete(&dma, command.token, &answer), Ok(true));
    let mut back = [0; 24];
    bed.guest.read(at + 200, &mut back[..10]);
    bed.guest.read(at + 300, &mut back[10..]);
    assert_eq!(back[..], answer);
    let (index, entries) = bed.used();
    assert_eq!((index, entries[0]), (1, (5, 24)));
}

#[test]
fn answers_may_come_in_any_order() {
    // [CMD-7]
    let mut bed = bed(4);
    for n in 0..2 {
        bed.descriptor(n * 2, bed.buffer, 16, NEXT, n * 2 + 1);
        bed.descriptor(n * 2 + 1, bed.buffer + 64, 16, WRITE, 0);
        bed.post(n * 2);
    }
    let first = bed.pop().unwrap().unwrap();
    let second = bed.pop().unwrap().unwrap();
    let dma = bed.guest.space();
    bed.ring.complete(&dma, second.token, &[0; 16]).unwrap();
    bed.ring.complete(&dma, first.token, &[0; 16]).unwrap();
    let (index, entries) = bed.used();
    assert_eq!((index, &entries[..2]), (2, &[(2, 16), (0, 16)][..]));
}

#[test]
fn no_interrupt_when_the_driver_does_not_want_one() {
    // [CMD-6]
    let mut bed = bed(4);
    bed.descriptor(0, bed.buffer, 16, NEXT, 1);
    bed.descriptor(1, bed.buffer + 64, 16, WRITE, 0);
    bed.post(0);
    bed.guest.write(bed.setup.available, &1u16.to_le_bytes());
    let command = bed.pop().unwrap().unwrap();
    let dma = bed.guest.space();
    assert_eq!(bed.ring.complete(&dma, command.token, &[0; 16]), Ok(false));
}

#[test]
fn malformed_chains() {
    // [CMD-4]
    type Make = fn(&mut Bed);
    let table: &[(&str, Make)] = &[
        ("loop", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 1);
        }),
        ("loop of two", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 2);
            bed.descriptor(2, bed.buffer, 16, NEXT | WRITE, 1);
        }),
        ("link past the ring", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 4);
        }),
        ("indirect", |bed| {
            bed.descriptor(1, bed.buffer, 16, INDIRECT, 0);
        }),
        ("indirect part", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 2);
            bed.descriptor(2, bed.buffer, 16, INDIRECT | WRITE, 0);
        }),
        ("readable after writable", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 2);
            bed.descriptor(2, bed.buffer, 16, NEXT | WRITE, 3);
            bed.descriptor(3, bed.buffer, 16, 0, 0);
        }),
        ("nothing writable", |bed| {
            bed.descriptor(1, bed.buffer, 16, 0, 0);
        }),
        ("no room for a header", |bed| {
            bed.descriptor(1, bed.buffer, 16, NEXT, 2);
            bed.descriptor(2, bed.buffer, 15, WRITE, 0);
        }),
    ];
    for (name, make) in table {
        let mut bed = bed(4);
        make(&mut bed);
        bed.post(1);
        let failure = bed.pop().unwrap_err();
        let expected = (FailureCode::COMMAND_RING_CHAIN, 1);
        assert_eq!((failure.code, failure.info), expected, "{name}");
    }
    let mut bed = bed(4);
    bed.post(4);
    assert_eq!(bed.pop().unwrap_err(), RingFailure::chain(4));
}

#[test]
fn a_head_given_twice_and_an_index_that_jumps_stop_the_ring() {
    // [CMD-4] [CONV-12]
    let mut bed = bed(2);
    bed.descriptor(0, bed.buffer, 16, NEXT, 1);
    bed.descriptor(1, bed.buffer + 64, 16, WRITE, 0);
    let mut held = Vec::new();
    for _ in 0..2 {
        bed.post(0);
        held.push(bed.pop().unwrap().unwrap());
    }
    bed.post(0);
    assert_eq!(bed.pop().unwrap_err(), RingFailure::chain(0));

    let mut bed = super::tests::bed(4);
    bed.posted = 4;
    bed.post(0);
    assert_eq!(bed.pop().unwrap_err().code, FailureCode::COMMAND_RING_CHAIN);
}

#[test]
fn memory_that_is_not_there() {
    // [CMD-5]
    let nowhere = 0x7000_0000_0000;
    let fresh = bed(4);
    for change in [
        (|s: &mut RingSetup, at| s.descriptors = at) as fn(&mut RingSetup, u64),
        |s, at| s.available = at,
        |s, at| s.used = at,
    ] {
        let mut setup = fresh.setup;
        change(&mut setup, nowhere);
        let mut ring = CommandRing::enable(setup, 1).unwrap();
        assert_eq!(
            ring.pop(&fresh.guest.space()).unwrap_err(),
            RingFailure::dma(nowhere)
        );
    }
    let mut bed = bed(4);
    bed.descriptor(0, nowhere, 16, NEXT, 1);
    bed.descriptor(1, nowhere, 16, WRITE, 0);
    bed.post(0);
    assert_eq!(bed.pop().unwrap_err(), RingFailure::dma(nowhere));
    bed.descriptor(0, bed.buffer, 16, NEXT, 1);
    bed.post(0);
    let command = bed.pop().unwrap().unwrap();
    let dma = bed.guest.space();
    let failure = bed.ring.complete(&dma, command.token, &[0; 16]);
    assert_eq!(failure, Err(RingFailure::dma(nowhere)));
    assert_eq!(bed.used().0, 0);
}

#[test]
fn a_long_request_is_cut_and_a_token_of_another_ring_is_dropped() {
    // [CMD-8] [CMD-9]
    let mut bed = bed(4);
    bed.descriptor(0, bed.buffer, 32 << 10, NEXT, 1);
    bed.descriptor(1, bed.buffer, 16, WRITE, 0);
    bed.post(0);
    let command = bed.pop().unwrap().unwrap();
    assert_eq!(command.request.len(), MAX_REQUEST);
    let mut again = CommandRing::enable(bed.setup, 2).unwrap();
    let dma = bed.guest.space();
    assert_eq!(again.complete(&dma, command.token, &[0; 16]), Ok(false));
    assert_eq!(bed.used().0, 0);
}

#[test]
fn indices_wrap() {
    let mut bed = bed(2);
    bed.descriptor(0, bed.buffer, 16, NEXT, 1);
    bed.descriptor(1, bed.buffer + 64, 16, WRITE, 0);
    let dma = bed.guest.space();
    for n in 0..70_000u32 {
        bed.post(0);
        let command = bed.pop().unwrap().unwrap();
        bed.ring.complete(&dma, command.token, &[0; 16]).unwrap();
        if n % 10_000 == 0 {
            assert_eq!(bed.used().0, (n + 1) as u16);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_rings_never_panic(
        table in proptest::collection::vec(any::<u8>(), 64),
        available in proptest::collection::vec(any::<u8>(), 12),
        near in proptest::collection::vec((0u16..5, 0u16..8, 0u16..5), 4),
    ) {
        let mut bed = bed(4);
        bed.guest.write(bed.setup.descriptors, &table);
        for (n, (head, flags, next)) in (0u16..).zip(near) {
            if head < 4 {
                bed.descriptor(n, bed.buffer, 16 + u32::from(head), flags, next);
            }
        }
        bed.guest.write(bed.setup.available, &available);
        let dma = bed.guest.space();
        for _ in 0..8 {
            match bed.pop() {
                Ok(Some(command)) => {
                    let room = usize::try_from(command.room.min(64)).unwrap();
                    let _ = bed.ring.complete(&dma, command.token, &vec![0; room]);
                }
                Ok(None) | Err(_) => break,
            }
        }
    }
}
