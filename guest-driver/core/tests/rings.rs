//! Work queues, completion queues and event queues against the device's side of the same memory.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)] // A test may abort.

mod machine;

use machine::{Access, Machine, all, entry_address};
use proptest::prelude::*;
use rnic_abi::{
    AccessFlags, ArmType, Completion, CompletionFlags, CompletionStatus, ConsumerDoorbell, CqEvent,
    CqEventKind, CreateCqAnswer, CreateCqRequest, CreateEqAnswer, CreateEqRequest, CreatePdAnswer,
    CreateQpAnswer, CreateQpRequest, QpType, RingDescription, Segment, WorkFlags, WorkHeader,
    WorkOpcode, feature, reg,
};
use rnic_driver_core::{
    Atomic, Bind, CompletionEq, Config, Cq, CqGeometry, CqSignal, Data, Device, Error,
    FastRegister, Key, Operation, Outcome, PostError, Qp, QpGeometry, QpReceive, Remote, Violation,
    WorkRequest, segment,
};
use zerocopy::IntoBytes;

struct Bench {
    machine: Machine,
    device: Device<Machine>,
    eq: CompletionEq<Machine>,
    eq_ring: Ring,
    cq: Cq<Machine>,
    cq_ring: Ring,
    qp: Qp<Machine>,
    send: Ring,
    recv: Ring,
    send_word: u64,
}

/// A ring as the device learned of it: the page list is read at once, as the device does.
struct Ring {
    description: RingDescription,
    pages: Vec<u64>,
}

impl Ring {
    fn new(machine: &Machine, description: RingDescription) -> Self {
        let count = description.page_count.get() as usize;
        let pages = machine
            .dma_read(description.page_list.get(), count * 8)
            .chunks(8)
            .map(|b| u64::from_le_bytes(b.try_into().unwrap()))
            .collect();
        assert_eq!(entry_address(machine, &description, 0) % 4096, 0);
        Self { description, pages }
    }

    fn at(&self, index: u32) -> u64 {
        let slot = index % (1 << self.description.log_entries);
        let offset = u64::from(slot) << self.description.log_stride;
        self.pages[(offset / 4096) as usize] + offset % 4096
    }

    fn owner(&self, index: u32) -> u8 {
        // [CONV-6]
        u8::from(index >> self.description.log_entries & 1 == 0)
    }

    fn slot(&self) -> u32 {
        self.description.doorbell.get()
    }
}

fn bench(features: u64) -> Bench {
    let machine = Machine::new(features);
    let mut device = machine.up(Config::default());
    let d = &mut device;
    d.control.create_pd(&d.nic, 0, false).unwrap();
    let taken = machine.next_command().unwrap();
    let mut answer = CreatePdAnswer::default();
    answer.pd.set(1);
    machine.answer_ok(&taken, answer);
    let Ok(Outcome::Pd(pd, _)) = d.control.poll(&d.nic).unwrap().result else {
        panic!("pd");
    };
    d.control.create_eq(&d.nic, 0, 16, 1).unwrap();
    let taken = machine.next_command().unwrap();
    let request: CreateEqRequest = rnic_abi::read(&taken.request).unwrap();
    let eq_ring = Ring::new(&machine, request.ring);
    let mut answer = CreateEqAnswer::default();
    answer.eqn.set(2);
    machine.answer_ok(&taken, answer);
    let Ok(Outcome::CompletionEq(eq)) = d.control.poll(&d.nic).unwrap().result else {
        panic!("eq");
    };
    let geometry = CqGeometry {
        eqn: eq.eqn(),
        entries: 64,
        context: 0,
    };
    d.control.create_cq(&d.nic, 0, &geometry).unwrap();
    let taken = machine.next_command().unwrap();
    let request: CreateCqRequest = rnic_abi::read(&taken.request).unwrap();
    let cq_ring = Ring::new(&machine, request.ring);
    let mut answer = CreateCqAnswer::default();
    answer.cqn.set(3);
    answer.generation.set(4);
    machine.answer_ok(&taken, answer);
    let Ok(Outcome::Cq(cq)) = d.control.poll(&d.nic).unwrap().result else {
        panic!("cq");
    };
    let geometry = QpGeometry {
        pd,
        qp_type: QpType::RC,
        send_cq: cq.cqn(),
        recv_cq: cq.cqn(),
        send_entries: 16,
        max_send_segments: 4,
        max_inline: 128,
        receive: QpReceive::Own {
            entries: 16,
            max_segments: 3,
        },
        qp1: false,
        context: 0,
    };
    d.control.create_qp(&d.nic, 0, &geometry).unwrap();
    let taken = machine.next_command().unwrap();
    let request: CreateQpRequest = rnic_abi::read(&taken.request).unwrap();
    let send = Ring::new(&machine, request.send_ring);
    let recv = Ring::new(&machine, request.recv_ring);
    let send_word = request.send_retired_address.get();
    let mut answer = CreateQpAnswer::default();
    answer.qpn.set(0x11);
    machine.answer_ok(&taken, answer);
    let Ok(Outcome::Qp(qp)) = d.control.poll(&d.nic).unwrap().result else {
        panic!("qp");
    };
    machine.take_log();
    Bench {
        machine,
        device,
        eq,
        eq_ring,
        cq,
        cq_ring,
        qp,
        send,
        recv,
        send_word,
    }
}

fn request(operation: Operation<'_>) -> WorkRequest<'_> {
    WorkRequest {
        context: 0xC0,
        operation,
        flags: WorkFlags::SILENT,
    }
}

#[test]
fn entries_are_written_as_the_specification_says() {
    let mut b = bench(all());
    let segments = [
        segment(0x1000, 10, Key(0x101)),
        segment(0x2000, 20, Key(0x102)),
    ];
    let remote = Remote {
        address: 0xABCD_0000,
        key: Key(0x203),
    };
    let data = Data::Segments(&segments);
    let atomic = Atomic {
        remote,
        into: segments[0],
    };
    let register = FastRegister {
        key: Key(0x305),
        base: 0x9000_0010,
        length: 4096,
        page_list: 0x7000,
        page_count: 2,
        access: AccessFlags::REMOTE_READ,
    };
    let bind = Bind {
        window: Key(0x407),
        region: Key(0x508),
        address: 0x6000,
        length: 100,
        access: AccessFlags::REMOTE_WRITE,
    };
    use WorkOpcode as Op;
    // Operation, opcode, count, immediate, bytes 16.. as 64-bit words.
    let table: Vec<(Operation<'_>, Op, u16, u32, [u64; 4])> = vec![
        (Operation::Send(data), Op::SEND, 2, 0, [0; 4]),
        (
            Operation::SendImmediate(data, [1, 2, 3, 4]),
            Op::SEND_IMMEDIATE,
            2,
            0x0403_0201,
            [0; 4],
        ),
        (
            Operation::SendInvalidate(data, Key(0x909)),
            Op::SEND_INVALIDATE,
            2,
            0x909,
            [0; 4],
        ),
        (
            Operation::Write(data, remote),
            Op::WRITE,
            2,
            0,
            [0xABCD_0000, 0x203, 0, 0],
        ),
        (
            Operation::WriteImmediate(data, remote, [9, 0, 0, 0]),
            Op::WRITE_IMMEDIATE,
            2,
            9,
            [0xABCD_0000, 0x203, 0, 0],
        ),
        (
            Operation::Read(&segments, remote),
            Op::READ,
            2,
            0,
            [0xABCD_0000, 0x203, 0, 0],
        ),
        (
            Operation::ReadInvalidate(&segments, remote),
            Op::READ_INVALIDATE,
            2,
            0,
            [0xABCD_0000, 0x203, 0, 0],
        ),
        (
            Operation::CompareSwap(atomic, 5, 6),
            Op::COMPARE_SWAP,
            1,
            0,
            [0xABCD_0000, 0x203, 6, 5],
        ),
        (
            Operation::FetchAdd(atomic, 7),
            Op::FETCH_ADD,
            1,
            0,
            [0xABCD_0000, 0x203, 7, 0],
        ),
        (
            Operation::FastRegister(register),
            Op::FAST_REGISTER,
            0,
            0,
            [0x9000_0010, 0x7000, 4096 | 2 << 32, 0x305 | 2 << 32],
        ),
        (
            Operation::Bind(bind),
            Op::BIND,
            0,
            0,
            [0x6000, 100, 0x407 | 0x508 << 32, 4],
        ),
        (
            Operation::LocalInvalidate(Key(0x60A)),
            Op::LOCAL_INVALIDATE,
            0,
            0,
            [0x60A, 0, 0, 0],
        ),
    ];
    for (operation, opcode, count, immediate, words) in table {
        let index = b.qp.send.post(&request(operation)).unwrap();
        let at = b.send.at(index);
        let header: WorkHeader = b.machine.dma(at);
        assert_eq!(header.context.get(), 0xC0);
        assert_eq!(header.opcode(), opcode);
        assert_eq!(header.flags(), WorkFlags::SILENT);
        assert_eq!(header.data_count.get(), count, "{opcode}");
        assert_eq!(header.immediate.get(), immediate, "{opcode}");
        let middle = b.machine.dma_read(at + 16, 32);
        for (i, word) in words.iter().enumerate() {
            assert_eq!(
                middle[8 * i..8 * i + 8],
                word.to_le_bytes(),
                "{opcode} word {i}"
            );
        }
        for i in 0..count {
            let written: Segment = b.machine.dma(at + 48 + 16 * u64::from(i));
            assert_eq!(written, segments[usize::from(i)]);
        }
    }
    // [QP-19]
    let index =
        b.qp.send
            .post(&request(Operation::Send(Data::Inline(b"hello"))))
            .unwrap();
    let header: WorkHeader = b.machine.dma(b.send.at(index));
    assert_eq!(header.flags(), WorkFlags::SILENT | WorkFlags::INLINE);
    assert_eq!(header.data_count.get(), 5);
    assert_eq!(b.machine.dma_read(b.send.at(index) + 48, 5), b"hello");
}

#[test]
fn what_the_queue_was_not_made_for_is_refused() {
    let mut b = bench(all());
    let five = [segment(0, 0, Key(0)); 5];
    let long = [0; 129];
    let send = &mut b.qp.send;
    let refused = send.post(&request(Operation::Send(Data::Segments(&five))));
    assert_eq!(refused, Err(PostError::TooManySegments));
    let refused = send.post(&request(Operation::Send(Data::Inline(&long))));
    assert_eq!(refused, Err(PostError::InlineTooLong));
    let refused = b.qp.recv.as_mut().unwrap().post(0, &five[..4]);
    assert_eq!(refused, Err(PostError::TooManySegments));
    assert_eq!(b.qp.send.next_index(), 0);
}

#[test]
fn deferred_entries_are_shown_by_one_ring() {
    let mut b = bench(all());
    for _ in 0..3 {
        b.qp.send
            .post(&request(Operation::Send(Data::Inline(b"x"))))
            .unwrap();
    }
    assert!(b.qp.send.has_deferred());
    assert_eq!(b.machine.slot(b.send.slot()), 0);
    b.qp.send.ring(&b.device.nic);
    assert!(!b.qp.send.has_deferred());
    assert_eq!(b.machine.slot(b.send.slot()), 3);
    let recv = b.qp.recv.as_mut().unwrap();
    recv.post(1, &[segment(0x10, 1, Key(0x100))]).unwrap();
    recv.ring(&b.device.nic);
    assert_eq!(b.machine.slot(b.recv.slot()), 1);
}

#[test]
fn a_ring_stores_then_sets_both_bits_then_fences_then_kicks() {
    // [DB-9] [PARK-1]
    let mut b = bench(all());
    let (page, slot) = (b.send.slot() / 512, b.send.slot() % 512);
    let post_and_ring = |b: &mut Bench| {
        b.qp.send
            .post(&request(Operation::Send(Data::Inline(b"x"))))
            .unwrap();
        b.qp.send.ring(&b.device.nic);
        b.machine.take_log()
    };
    let expected = |value| {
        vec![
            Access::Store(b.send.slot(), value),
            Access::Or(page * 512 + slot / 64, 1 << (slot % 64)),
            Access::Or(page / 64, 1 << (page % 64)),
            Access::Fence,
        ]
    };
    let (first, second) = (expected(1), expected(2));
    assert_eq!(post_and_ring(&mut b), first);
    // The device parks: the next ring kicks.
    b.machine.park(true);
    let mut kicked = second;
    kicked.push(Access::Write(reg::KICK as u32, 1));
    assert_eq!(post_and_ring(&mut b), kicked);
    b.machine.park(false);
    assert_eq!(post_and_ring(&mut b).len(), 4);
}

#[test]
fn without_summary_and_parking_a_ring_is_one_store() {
    // [DB-10] [PARK-3]
    let mut b = bench(all() & !feature::SUMMARY & !feature::PARKING);
    b.qp.send
        .post(&request(Operation::Send(Data::Inline(b"x"))))
        .unwrap();
    b.qp.send.ring(&b.device.nic);
    assert_eq!(b.machine.take_log(), [Access::Store(b.send.slot(), 1)]);
}

#[test]
fn a_full_queue_opens_by_word_and_by_completion() {
    // [QP-14] [QP-15]
    let mut b = bench(all());
    let post = |b: &mut Bench| {
        b.qp.send
            .post(&request(Operation::Send(Data::Inline(b"x"))))
    };
    for _ in 0..16 {
        post(&mut b).unwrap();
    }
    assert_eq!(post(&mut b), Err(PostError::Full));
    b.machine.dma_write(b.send_word, &5u64.to_le_bytes());
    assert_eq!(post(&mut b), Ok(16));
    assert_eq!(b.qp.send.outstanding(), 12);
    assert_eq!(b.qp.send.retire_to(9), Ok(4));
    // The word is older than the completion: it tells nothing.
    assert_eq!(b.qp.send.refresh(), Ok(0));
    assert_eq!(b.qp.send.retired(), 9);
    // Never posted.
    assert_eq!(b.qp.send.retire_to(18), Err(Violation::RetiredCount));
    b.machine.dma_write(b.send_word, &18u64.to_le_bytes());
    assert_eq!(b.qp.send.refresh(), Err(Violation::RetiredCount));
}

fn completion(b: &Bench, index: u32, context: u64) -> Completion {
    let mut c = Completion::zeroed()
        .with_opcode(WorkOpcode::SEND)
        .with_status(CompletionStatus::SUCCESS);
    c.context.set(context);
    c.qpn.set(0x11);
    c.retired.set(index + 1);
    c.owner = b.cq_ring.owner(index);
    c
}

#[test]
fn completions_are_taken_once_over_many_passes() {
    // [CONV-6] [CONV-7] [CQ-2]
    let mut b = bench(all());
    for index in 0..64 * 5 {
        assert_eq!(b.cq.poll(&b.device.nic), Ok(None), "entry {index}");
        let entry = completion(&b, index, index.into());
        b.machine.dma_write(b.cq_ring.at(index), entry.as_bytes());
        let wc = b.cq.poll(&b.device.nic).unwrap().unwrap();
        assert_eq!(wc.context, index.into());
        assert_eq!(wc.retired, index + 1);
        // The consumer index is never more than half a ring behind.
        let known = ConsumerDoorbell(b.machine.slot(b.cq_ring.slot())).consumer();
        assert!(index + 1 - known < 32);
    }
}

#[test]
fn flags_tell_immediate_from_key() {
    let mut b = bench(all());
    let mut entry = completion(&b, 0, 1).with_flags(CompletionFlags::IMMEDIATE);
    entry.immediate.set(0x0403_0201);
    b.machine.dma_write(b.cq_ring.at(0), entry.as_bytes());
    let wc = b.cq.poll(&b.device.nic).unwrap().unwrap();
    assert_eq!(
        (wc.immediate(), wc.invalidated()),
        (Some([1, 2, 3, 4]), None)
    );
    let mut entry = completion(&b, 1, 1).with_flags(CompletionFlags::INVALIDATED);
    entry.immediate.set(0x909);
    b.machine.dma_write(b.cq_ring.at(1), entry.as_bytes());
    let wc = b.cq.poll(&b.device.nic).unwrap().unwrap();
    assert_eq!((wc.immediate(), wc.invalidated()), (None, Some(Key(0x909))));
}

#[test]
fn an_owner_byte_with_other_bits_is_a_violation() {
    let mut b = bench(all());
    let mut entry = completion(&b, 0, 1);
    entry.owner = 3;
    b.machine.dma_write(b.cq_ring.at(0), entry.as_bytes());
    let error = b.cq.poll(&b.device.nic).unwrap_err();
    assert_eq!(error, Error::Device(Violation::Owner));
}

/// Whoever still had a queue of a life that ended rang the bell of the queue that had its slot next.
#[test]
fn no_queue_rings_after_a_reset_was_begun() {
    let mut b = bench(all());
    b.device.nic.begin_reset();
    let before = b.machine.slot(b.cq_ring.slot());
    b.cq.arm(&b.device.nic, ArmType::ANY);
    assert_eq!(b.machine.slot(b.cq_ring.slot()), before);
}

#[test]
fn arms_merge_and_the_newest_sequence_counts() {
    // [CQ-5] [CQ-8]
    let mut b = bench(all());
    let slot = |b: &Bench| ConsumerDoorbell(b.machine.slot(b.cq_ring.slot()));
    b.cq.arm(&b.device.nic, ArmType::SOLICITED);
    assert_eq!(
        (slot(&b).arm(), slot(&b).sequence()),
        (ArmType::SOLICITED, 1)
    );
    b.cq.arm(&b.device.nic, ArmType::ANY);
    assert_eq!((slot(&b).arm(), slot(&b).sequence()), (ArmType::ANY, 2));
    b.cq.arm(&b.device.nic, ArmType::ERRORS);
    assert_eq!((slot(&b).arm(), slot(&b).sequence()), (ArmType::ANY, 3));
    // Publishing does not arm anew.
    b.cq.publish(&b.device.nic);
    assert_eq!((slot(&b).arm(), slot(&b).sequence()), (ArmType::ANY, 3));
    let signal = |arm_sequence, generation| CqSignal {
        cqn: 3,
        generation,
        producer: 1,
        arm_sequence,
        kind: CqEventKind::COMPLETION,
    };
    assert!(!b.cq.take_signal(&signal(2, 4)), "an older arm");
    assert!(!b.cq.take_signal(&signal(3, 3)), "an older queue");
    assert!(b.cq.take_signal(&signal(3, 4)));
    b.cq.arm(&b.device.nic, ArmType::ERRORS);
    assert_eq!((slot(&b).arm(), slot(&b).sequence()), (ArmType::ERRORS, 4));
    // The sequence has 6 bits.
    for _ in 0..64 {
        b.cq.arm(&b.device.nic, ArmType::ERRORS);
    }
    assert_eq!(slot(&b).sequence(), 4);
}

#[test]
fn events_are_taken_and_the_queue_armed_again() {
    // [EQ-2]
    let mut b = bench(all());
    b.eq.arm(&b.device.nic);
    let slot = ConsumerDoorbell(b.machine.slot(b.eq_ring.slot()));
    assert_eq!((slot.arm(), slot.consumer()), (ArmType::ANY, 0));
    for index in 0..40 {
        assert_eq!(b.eq.poll(&b.device.nic), Ok(None));
        let mut entry = CqEvent::zeroed().with_kind(CqEventKind::COMPLETION);
        entry.cqn.set(3);
        entry.generation.set(4);
        entry.arm_sequence = 7;
        entry.owner = b.eq_ring.owner(index);
        b.machine.dma_write(b.eq_ring.at(index), entry.as_bytes());
        let signal = b.eq.poll(&b.device.nic).unwrap().unwrap();
        assert_eq!(
            (signal.cqn, signal.generation, signal.arm_sequence),
            (3, 4, 7)
        );
    }
    b.eq.arm(&b.device.nic);
    let slot = ConsumerDoorbell(b.machine.slot(b.eq_ring.slot()));
    assert_eq!((slot.arm(), slot.consumer()), (ArmType::ANY, 40));
}

#[test]
fn a_resize_goes_on_where_polling_was() {
    // [CQ-11]
    let mut b = bench(all());
    for index in 0..70 {
        let entry = completion(&b, index, index.into());
        b.machine.dma_write(b.cq_ring.at(index), entry.as_bytes());
        if index < 65 {
            b.cq.poll(&b.device.nic).unwrap().unwrap();
        }
    }
    let d = &mut b.device;
    d.control.resize_cq(&d.nic, 1, &mut b.cq, 256).unwrap();
    let taken = b.machine.next_command().unwrap();
    let request: rnic_abi::ResizeCqRequest = rnic_abi::read(&taken.request).unwrap();
    let new = Ring::new(&b.machine, request.ring);
    // The driver takes one more from the old ring before the answer.
    assert_eq!(b.cq.poll(&d.nic).unwrap().unwrap().context, 65);
    for index in 65..75u32 {
        let mut entry = Completion::zeroed();
        entry.context.set(index.into());
        entry.owner = new.owner(index);
        b.machine.dma_write(new.at(index), entry.as_bytes());
    }
    let mut answer = rnic_abi::ResizeCqAnswer::default();
    answer.switch_index.set(70);
    b.machine.answer_ok(&taken, answer);
    let Ok(Outcome::CqResized(ring)) = d.control.poll(&d.nic).unwrap().result else {
        panic!("resized");
    };
    b.cq.switch(ring).unwrap();
    assert_eq!(b.cq.entries(), 256);
    for index in 66..75 {
        assert_eq!(b.cq.poll(&d.nic).unwrap().unwrap().context, index);
    }
    assert_eq!(b.cq.poll(&d.nic), Ok(None));
}

proptest! {
    /// However posts, retirements by word and by completion interleave, the queue never holds more than its entries and
    /// never loses a slot.
    #[test]
    fn a_send_queue_counts_like_a_number(steps in proptest::collection::vec((0u8..3, 0u32..20), 1..200)) {
        let mut b = bench(all());
        let (mut posted, mut retired) = (0u32, 0u32);
        for (what, n) in steps {
            match what {
                0 => {
                    for _ in 0..n {
                        let result = b.qp.send.post(&request(Operation::Send(Data::Inline(b"x"))));
                        if posted - retired < 16 {
                            prop_assert_eq!(result, Ok(posted));
                            posted += 1;
                        } else {
                            prop_assert_eq!(result, Err(PostError::Full));
                        }
                    }
                }
                1 => {
                    retired += n.min(posted - retired);
                    b.machine.dma_write(b.send_word, &u64::from(retired).to_le_bytes());
                    b.qp.send.refresh().unwrap();
                }
                _ => {
                    retired += n.min(posted - retired);
                    b.qp.send.retire_to(retired).unwrap();
                }
            }
            prop_assert_eq!(b.qp.send.outstanding(), posted - retired);
        }
    }
}
