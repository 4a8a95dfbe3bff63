//! Verbs: requests byte by byte, answers of every wrong kind, failed allocations.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)] // A test may abort.

mod machine;

use std::sync::atomic::Ordering;

use machine::{Machine, Taken, all, entry_address};
use rnic_abi::{
    AccessFlags, AddMrPagesRequest, BeginMrAnswer, BeginMrRequest, CommandHeader, CreateCqAnswer,
    CreateCqRequest, CreateEqAnswer, CreatePdAnswer, CreateQpAnswer, CreateQpRequest, EmptyAnswer,
    EthDirection, Layout, Opcode, QpType, Status, consts,
};
use rnic_driver_core::{
    Bounded, CompletionEq, Config, Cq, CqGeometry, Device, Done, Error, EthGeometry, Fragment,
    Object, Outcome, PdHandle, QpGeometry, QpReceive, Region, SrqGeometry, Violation,
};

fn up() -> (Machine, Device<Machine>) {
    let machine = Machine::new(all());
    let device = machine.up(Config::default());
    (machine, device)
}

fn done(device: &mut Device<Machine>) -> Done<Machine> {
    device.control.poll(&device.nic).expect("a verb ended")
}

fn ok<T: Layout>(machine: &Machine, device: &mut Device<Machine>, answer: T) -> Outcome<Machine> {
    let taken = machine.next_command().expect("a command");
    machine.answer_ok(&taken, answer);
    done(device).result.unwrap()
}

fn make_pd(machine: &Machine, device: &mut Device<Machine>) -> PdHandle {
    device.control.create_pd(&device.nic, 1, false).unwrap();
    let mut answer = CreatePdAnswer::default();
    answer.pd.set(7);
    match ok(machine, device, answer) {
        Outcome::Pd(pd, None) => pd,
        _ => panic!("a domain"),
    }
}

fn make_eq(machine: &Machine, device: &mut Device<Machine>) -> CompletionEq<Machine> {
    device.control.create_eq(&device.nic, 1, 64, 1).unwrap();
    let mut answer = CreateEqAnswer::default();
    answer.eqn.set(2);
    match ok(machine, device, answer) {
        Outcome::CompletionEq(eq) => eq,
        _ => panic!("an event queue"),
    }
}

fn make_cq(machine: &Machine, device: &mut Device<Machine>, entries: u32) -> Cq<Machine> {
    let eqn = make_eq(machine, device).eqn();
    let geometry = CqGeometry {
        eqn,
        entries,
        context: 9,
    };
    device.control.create_cq(&device.nic, 1, &geometry).unwrap();
    let mut answer = CreateCqAnswer::default();
    answer.cqn.set(3);
    answer.generation.set(1);
    match ok(machine, device, answer) {
        Outcome::Cq(cq) => cq,
        _ => panic!("a completion queue"),
    }
}

fn qp_geometry(pd: PdHandle, cq: &Cq<Machine>) -> QpGeometry {
    QpGeometry {
        pd,
        qp_type: QpType::RC,
        send_cq: cq.cqn(),
        recv_cq: cq.cqn(),
        send_entries: 100,
        max_send_segments: 4,
        max_inline: 128,
        receive: QpReceive::Own {
            entries: 2000,
            max_segments: 3,
        },
        qp1: false,
        context: 0xABCD,
    }
}

#[test]
fn a_request_has_a_header_and_room_for_its_answer() {
    let (machine, mut device) = up();
    let token = device.control.nop(&device.nic, 77, [5; 48]).unwrap();
    let taken = machine.next_command().unwrap();
    // [CMD-9] [CMD-10]
    let header: CommandHeader = rnic_abi::read(&taken.request).unwrap();
    assert_eq!(header.opcode(), Opcode::NOP);
    assert_eq!(header.length.get(), 64);
    assert_eq!(taken.request.len(), 64);
    assert_eq!(&taken.request[16..], &[5; 48]);
    assert_eq!(taken.room, 64);
    assert!(device.control.poll(&device.nic).is_none());
    let answer = rnic_abi::NopAnswer {
        payload: [5; 48],
        ..Default::default()
    };
    machine.answer_ok(&taken, answer);
    let done = done(&mut device);
    assert_eq!((done.token, done.cookie), (token, 77));
    assert!(matches!(done.result, Ok(Outcome::Done)));
    assert_eq!(device.control.in_flight(), 0);
}

#[test]
fn answers_come_in_any_order() {
    // [CMD-7]
    let (machine, mut device) = up();
    let n = 32;
    let tokens: Vec<_> = (0..n)
        .map(|i| device.control.create_pd(&device.nic, i, false).unwrap())
        .collect();
    assert_eq!(
        device.control.create_pd(&device.nic, 99, false),
        Err(Error::CommandRingFull)
    );
    let taken: Vec<Taken> = std::iter::from_fn(|| machine.next_command()).collect();
    assert_eq!(taken.len(), 32);
    for t in taken.iter().rev() {
        let mut answer = CreatePdAnswer::default();
        answer.pd.set(1 + u32::from(t.head));
        machine.answer_ok(t, answer);
    }
    for i in (0..n).rev() {
        let done = done(&mut device);
        assert_eq!(done.cookie, i);
        assert_eq!(done.token, tokens[i as usize]);
        assert!(matches!(done.result, Ok(Outcome::Pd(..))));
    }
    assert!(device.control.create_pd(&device.nic, 99, false).is_ok());
}

/// Every wrong kind of answer is a violation, stops the ring, and ends every verb.
#[test]
fn wrong_answers_are_violations() {
    type Wrong = fn(&Machine, &Taken, &mut CreatePdAnswer);
    let table: [(&str, Violation, Wrong); 9] = [
        ("odd head", Violation::UsedId, |m, t, a| {
            m.answer_raw(
                u32::from(t.head) + 1,
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                24,
            );
        }),
        ("head outside the ring", Violation::UsedId, |m, t, a| {
            m.answer_raw(0x1_0000, t.answer, zerocopy::IntoBytes::as_bytes(a), 24);
        }),
        ("head not in flight", Violation::UsedId, |m, t, a| {
            m.answer_raw(
                u32::from(t.head) + 4,
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                24,
            );
        }),
        (
            "shorter than a header",
            Violation::AnswerLength,
            |m, t, a| {
                m.answer_raw(
                    t.head.into(),
                    t.answer,
                    zerocopy::IntoBytes::as_bytes(a),
                    15,
                );
            },
        ),
        (
            "longer than its room",
            Violation::AnswerLength,
            |m, t, a| {
                m.answer_raw(
                    t.head.into(),
                    t.answer,
                    zerocopy::IntoBytes::as_bytes(a),
                    25,
                );
            },
        ),
        ("OK and too short", Violation::AnswerLength, |m, t, a| {
            m.answer_raw(
                t.head.into(),
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                16,
            );
        }),
        ("wrong tag", Violation::AnswerHeader, |m, t, a| {
            a.header.tag.set(a.header.tag.get() ^ 1);
            m.answer_raw(
                t.head.into(),
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                24,
            );
        }),
        ("wrong opcode", Violation::AnswerHeader, |m, t, a| {
            a.header.set_opcode(Opcode::NOP);
            m.answer_raw(
                t.head.into(),
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                24,
            );
        }),
        ("handle zero", Violation::Handle, |m, t, a| {
            a.pd.set(0);
            m.answer_raw(
                t.head.into(),
                t.answer,
                zerocopy::IntoBytes::as_bytes(a),
                24,
            );
        }),
    ];
    for (name, violation, wrong) in table {
        let (machine, mut device) = up();
        device.control.create_pd(&device.nic, 1, false).unwrap();
        let taken = machine.next_command().unwrap();
        device.control.create_pd(&device.nic, 2, false).unwrap();
        let header: CommandHeader = rnic_abi::read(&taken.request).unwrap();
        let mut answer = CreatePdAnswer::default();
        answer.pd.set(1);
        answer.header.tag = header.tag;
        answer.header.set_opcode(Opcode::CREATE_PD);
        wrong(&machine, &taken, &mut answer);
        let mut ended = 0;
        while let Some(done) = device.control.poll(&device.nic) {
            assert_eq!(done.result.err().unwrap().error, violation.into(), "{name}");
            ended += 1;
        }
        assert_eq!(ended, 2, "{name}: every verb ends");
        assert_eq!(
            device.control.nop(&device.nic, 0, [0; 48]),
            Err(violation.into()),
            "{name}: no more commands"
        );
    }
}

#[test]
fn a_used_index_that_runs_away_is_a_violation() {
    let (machine, mut device) = up();
    device.control.create_pd(&device.nic, 1, false).unwrap();
    let taken = machine.next_command().unwrap();
    for _ in 0..2 {
        machine.answer_raw(taken.head.into(), taken.answer, &[0; 24], 24);
    }
    let done = done(&mut device);
    assert_eq!(done.result.unwrap_err().error, Violation::UsedIndex.into());
}

#[test]
fn a_refused_command_says_status_and_field() {
    let (machine, mut device) = up();
    device.control.create_pd(&device.nic, 1, false).unwrap();
    let taken = machine.next_command().unwrap();
    machine.answer(&taken, Status::NO_RESOURCES, CreatePdAnswer::default());
    let failure = done(&mut device).result.unwrap_err();
    let Error::Command(error) = failure.error else {
        panic!("{failure:?}");
    };
    assert_eq!(
        (error.opcode, error.status),
        (Opcode::CREATE_PD, Status::NO_RESOURCES)
    );
    // The ring lives.
    make_pd(&machine, &mut device);
}

#[test]
fn a_region_is_registered_in_chunks() {
    let (machine, mut device) = up();
    let pd = make_pd(&machine, &mut device);
    let pages = 4096 * 2 + 10;
    let mut list = Bounded::new();
    for page in 0..pages {
        list.push(page * 0x10000).unwrap();
    }
    let region = Region {
        pd,
        access: AccessFlags::LOCAL_WRITE,
        base: 0x7000_0100,
        length: pages * 4096 - 0x100,
        log_page_bytes: 12,
        pages: list,
    };
    device.control.register(&device.nic, 5, region).unwrap();

    let taken = machine.next_command().unwrap();
    let begin: BeginMrRequest = rnic_abi::read(&taken.request).unwrap();
    assert_eq!(begin.page_count.get(), pages as u32);
    assert_eq!(begin.first_offset.get(), 0x100);
    let mut answer = BeginMrAnswer::default();
    answer.key.set(0x0500);
    machine.answer_ok(&taken, answer);
    // [MEM-9] Chunks of at most LIMIT_MR_CHUNK_PAGES, in order.
    let mut given = 0u32;
    for count in [4096, 4096, 10] {
        assert!(device.control.poll(&device.nic).is_none());
        let taken = machine.next_command().unwrap();
        let add: AddMrPagesRequest = rnic_abi::read(&taken.request).unwrap();
        assert_eq!(
            (add.key.get(), add.first.get(), add.count.get()),
            (0x500, given, count)
        );
        let bytes = machine.dma_read(add.list.get(), count as usize * 8);
        for (i, b) in bytes.chunks(8).enumerate() {
            let page = u64::from_le_bytes(b.try_into().unwrap());
            assert_eq!(page, (u64::from(given) + i as u64) * 0x10000);
        }
        given += count;
        machine.answer_ok(&taken, EmptyAnswer::default());
    }
    assert!(device.control.poll(&device.nic).is_none());
    let taken = machine.next_command().unwrap();
    let header: CommandHeader = rnic_abi::read(&taken.request).unwrap();
    assert_eq!(header.opcode(), Opcode::COMMIT_MR);
    machine.answer_ok(&taken, EmptyAnswer::default());
    let done = done(&mut device);
    assert_eq!(done.cookie, 5);
    assert!(matches!(done.result, Ok(Outcome::Region(key)) if key.0 == 0x500));
}

#[test]
fn a_registration_that_fails_half_way_is_undone() {
    for fails_at in [Opcode::ADD_MR_PAGES, Opcode::COMMIT_MR] {
        let (machine, mut device) = up();
        let pd = make_pd(&machine, &mut device);
        let buffers = machine.buffers();
        let region = Region {
            pd,
            access: AccessFlags::default(),
            base: 0x1000,
            length: 4096,
            log_page_bytes: 12,
            pages: Bounded::copied(&[0x5000]).unwrap(),
        };
        device.control.register(&device.nic, 5, region).unwrap();
        let mut seen = Vec::new();
        let failure = loop {
            if let Some(done) = device.control.poll(&device.nic) {
                break done.result.unwrap_err();
            }
            let taken = machine.next_command().unwrap();
            let header: CommandHeader = rnic_abi::read(&taken.request).unwrap();
            seen.push(header.opcode());
            if header.opcode() == fails_at {
                machine.answer(&taken, Status::DMA_ERROR, EmptyAnswer::default());
            } else if header.opcode() == Opcode::BEGIN_MR {
                let mut answer = BeginMrAnswer::default();
                answer.key.set(0x100);
                machine.answer_ok(&taken, answer);
            } else {
                machine.answer_ok(&taken, EmptyAnswer::default());
            }
        };
        assert!(matches!(failure.error, Error::Command(e) if e.status == Status::DMA_ERROR));
        assert_eq!(seen.last(), Some(&Opcode::DESTROY_MR), "{fails_at}");
        assert_eq!(machine.buffers(), buffers, "{fails_at}");
    }
}

#[test]
fn a_queue_pair_is_described_by_its_rings() {
    let (machine, mut device) = up();
    let pd = make_pd(&machine, &mut device);
    let cq = make_cq(&machine, &mut device, 300);
    let geometry = qp_geometry(pd, &cq);
    device.control.create_qp(&device.nic, 1, &geometry).unwrap();
    let taken = machine.next_command().unwrap();
    let request: CreateQpRequest = rnic_abi::read(&taken.request).unwrap();
    assert!(request.reserved_is_zero());
    // [QP-2] [CMD-23] 48 + 128 bytes need a stride of 256; 100 entries are 128.
    let (send, recv) = (request.send_ring, request.recv_ring);
    assert_eq!(
        (send.log_entries, send.log_stride, send.page_count.get()),
        (7, 8, 8)
    );
    assert_eq!(
        (recv.log_entries, recv.log_stride, recv.page_count.get()),
        (11, 6, 32)
    );
    for ring in [send, recv] {
        for page in 0..ring.page_count.get() {
            let entries = 4096 >> ring.log_stride;
            assert_eq!(entry_address(&machine, &ring, page * entries) % 4096, 0);
        }
        assert!(ring.doorbell.get() % consts::DOORBELL_PAGE_SLOTS >= consts::DOORBELL_FIRST_SLOT);
    }
    assert_ne!(send.doorbell, recv.doorbell);
    assert_eq!(request.send_retired_address.get() % 8, 0);
    machine.dma_write(request.send_retired_address.get(), &[0; 8]);
    machine.dma_write(request.recv_retired_address.get(), &[0; 8]);
}

/// What a driver does with a queue pair, with every allocation failing in turn: nothing is left behind and the verbs
/// work afterwards.
#[test]
fn every_failed_allocation_leaves_nothing_behind() {
    type Verb = fn(&mut Device<Machine>, PdHandle, &mut Cq<Machine>) -> Result<(), Error>;
    let verbs: [(&str, usize, Verb); 7] = [
        ("create_qp", 4, |d, pd, cq| {
            d.control
                .create_qp(&d.nic, 1, &qp_geometry(pd, cq))
                .map(|_| ())
        }),
        ("create_cq", 2, |d, _, cq| {
            let geometry = CqGeometry {
                eqn: d.events.eqn(),
                entries: cq.entries(),
                context: 0,
            };
            d.control.create_cq(&d.nic, 1, &geometry).map(|_| ())
        }),
        ("create_eq", 2, |d, _, _| {
            d.control.create_eq(&d.nic, 1, 256, 0).map(|_| ())
        }),
        ("create_srq", 3, |d, pd, _| {
            let geometry = SrqGeometry {
                pd,
                entries: 64,
                max_segments: 4,
                limit: 0,
                context: 0,
            };
            d.control.create_srq(&d.nic, 1, &geometry).map(|_| ())
        }),
        ("resize_cq", 2, |d, _, cq| {
            d.control.resize_cq(&d.nic, 1, cq, 8192).map(|_| ())
        }),
        ("register", 1, |d, pd, _| {
            let region = Region {
                pd,
                access: AccessFlags::default(),
                base: 0,
                length: 4096,
                log_page_bytes: 12,
                pages: Bounded::copied(&[0x5000]).unwrap(),
            };
            d.control.register(&d.nic, 1, region).map(|_| ())
        }),
        ("create_eth_queue", 1, |d, _, _| {
            let geometry = EthGeometry {
                direction: EthDirection::RECEIVE,
                index: 0,
                entries: 256,
                vector: 2,
            };
            d.control.create_eth_queue(&d.nic, 1, &geometry).map(|_| ())
        }),
    ];
    for (name, allocations, verb) in verbs {
        let (machine, mut device) = up();
        let pd = make_pd(&machine, &mut device);
        let mut cq = make_cq(&machine, &mut device, 300);
        let buffers = machine.buffers();
        for n in 0..allocations {
            machine.allowed.store(n, Ordering::Relaxed);
            assert_eq!(
                verb(&mut device, pd, &mut cq),
                Err(Error::NoMemory),
                "{name} {n}"
            );
            assert_eq!(machine.buffers(), buffers, "{name} {n}");
            assert!(
                machine.next_command().is_none(),
                "{name} {n}: the device was told nothing"
            );
        }
        machine.allowed.store(usize::MAX, Ordering::Relaxed);
        verb(&mut device, pd, &mut cq).unwrap_or_else(|e| panic!("{name}: {e}"));
        // The device refuses: everything is given back, the doorbell slots too.
        let taken = machine.next_command().unwrap();
        machine.answer(&taken, Status::NO_RESOURCES, EmptyAnswer::default());
        assert!(done(&mut device).result.is_err(), "{name}");
        assert_eq!(machine.buffers(), buffers, "{name}");
    }
}

#[test]
fn slots_of_refused_queues_are_used_again() {
    let (machine, mut device) = up();
    let eqn = device.events.eqn();
    let mut slots = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let geometry = CqGeometry {
            eqn,
            entries: 16,
            context: 0,
        };
        device.control.create_cq(&device.nic, 1, &geometry).unwrap();
        let taken = machine.next_command().unwrap();
        let request: CreateCqRequest = rnic_abi::read(&taken.request).unwrap();
        slots.insert(request.ring.doorbell.get());
        machine.answer(&taken, Status::NO_RESOURCES, EmptyAnswer::default());
        assert!(done(&mut device).result.is_err());
    }
    assert_eq!(slots.len(), 1);
}

#[test]
fn a_refused_destruction_gives_the_handle_back() {
    let (machine, mut device) = up();
    let cq = make_cq(&machine, &mut device, 16);
    device.control.destroy_cq(&device.nic, 1, cq).unwrap();
    let taken = machine.next_command().unwrap();
    machine.answer(&taken, Status::BUSY, EmptyAnswer::default());
    let failure = done(&mut device).result.unwrap_err();
    let Some(Object::Cq(cq)) = failure.kept else {
        panic!("{failure:?}");
    };
    // And when the ring is full, at once.
    for i in 0..32 {
        device.control.nop(&device.nic, i, [0; 48]).unwrap();
    }
    let failure = device.control.destroy_cq(&device.nic, 1, cq).unwrap_err();
    assert_eq!(failure.error, Error::CommandRingFull);
    assert!(matches!(failure.kept, Some(Object::Cq(_))));
}

#[test]
fn removal_ends_every_verb_and_keeps_memory_until_the_end() {
    let (machine, mut device) = up();
    let pd = make_pd(&machine, &mut device);
    let cq = make_cq(&machine, &mut device, 16);
    let geometry = qp_geometry(pd, &cq);
    device.control.create_qp(&device.nic, 4, &geometry).unwrap();
    device.control.destroy_cq(&device.nic, 5, cq).unwrap();
    let buffers = machine.buffers();
    machine.remove();
    assert_eq!(device.control.check_ring(&device.nic), Err(Error::Gone));
    let mut ends = std::collections::BTreeMap::new();
    while let Some(done) = device.control.poll(&device.nic) {
        let failure = done.result.unwrap_err();
        assert_eq!(failure.error, Error::Gone);
        ends.insert(done.cookie, failure.kept);
    }
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), [4, 5]);
    assert!(matches!(ends[&5], Some(Object::Cq(_))));
    assert_eq!(
        machine.buffers(),
        buffers,
        "the device may still use the rings"
    );
    drop(ends);
    drop(device);
    assert_eq!(machine.buffers(), 0);
}

#[test]
fn an_ethernet_queue_takes_chains_and_checks_what_comes_back() {
    let (machine, mut device) = up();
    let geometry = EthGeometry {
        direction: EthDirection::RECEIVE,
        index: 1,
        entries: 8,
        vector: consts::VECTOR_NONE,
    };
    device
        .control
        .create_eth_queue(&device.nic, 1, &geometry)
        .unwrap();
    let taken = machine.next_command().unwrap();
    let request: rnic_abi::CreateEthQueueRequest = rnic_abi::read(&taken.request).unwrap();
    machine.answer_ok(&taken, EmptyAnswer::default());
    let Ok(Outcome::EthQueue(mut queue)) = done(&mut device).result else {
        panic!("a queue");
    };
    let fragment = |n: u64| Fragment {
        address: n << 12,
        length: 100,
    };
    for context in 0..4 {
        queue.post(context, &[fragment(1), fragment(2)]).unwrap();
    }
    assert!(
        queue.post(9, &[fragment(1)]).is_err(),
        "eight descriptors are in use"
    );
    queue.ring(&device.nic);
    assert_eq!(machine.slot(request.doorbell.get()), 4);

    let available = request.available.get();
    let used = request.used.get();
    let descriptor = |n: u16| machine.dma_read(request.descriptors.get() + 16 * u64::from(n), 16);
    let put = |position: u64, id: u32, length: u32| {
        machine.dma_write(used + 4 + 8 * position, &id.to_le_bytes());
        machine.dma_write(used + 8 + 8 * position, &length.to_le_bytes());
        let index = u16::try_from(position + 1).unwrap();
        machine.dma_write(used + 2, &index.to_le_bytes());
    };
    let head = |position: u64| {
        u16::from_le_bytes(
            machine
                .dma_read(available + 4 + 2 * position, 2)
                .try_into()
                .unwrap(),
        )
    };
    // Writable, chained, then writable and last.
    let first = descriptor(head(0));
    assert_eq!(u16::from_le_bytes([first[12], first[13]]), 3);
    let second = descriptor(u16::from_le_bytes([first[14], first[15]]));
    assert_eq!(u16::from_le_bytes([second[12], second[13]]), 2);
    assert_eq!(second[..8], (2u64 << 12).to_le_bytes());

    assert_eq!(queue.poll(), Ok(None));
    put(0, head(2).into(), 200);
    let buffer = queue.poll().unwrap().unwrap();
    assert_eq!((buffer.context, buffer.length), (2, 200));
    assert_eq!(queue.free_descriptors(), 2);
    // The same head again, one that is no head, and too many bytes.
    put(1, head(2).into(), 200);
    assert_eq!(queue.poll(), Err(Violation::UsedId));
    put(1, 0xFFFF_0000, 1);
    assert_eq!(queue.poll(), Err(Violation::UsedId));
    put(1, head(1).into(), 201);
    assert_eq!(queue.poll(), Err(Violation::AnswerLength));
}

#[test]
fn a_queue_pair_number_has_24_bits() {
    let (machine, mut device) = up();
    let pd = make_pd(&machine, &mut device);
    let cq = make_cq(&machine, &mut device, 16);
    device
        .control
        .create_qp(&device.nic, 1, &qp_geometry(pd, &cq))
        .unwrap();
    let taken = machine.next_command().unwrap();
    let mut answer = CreateQpAnswer::default();
    answer.qpn.set(0x0100_0000);
    machine.answer_ok(&taken, answer);
    assert_eq!(
        done(&mut device).result.unwrap_err().error,
        Violation::Handle.into()
    );
}
