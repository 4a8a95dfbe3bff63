//! The driver's logic on the real device, in one process: bring-up, two queue pairs that talk, and the end; then the
//! same with every allocation of the driver failing in turn.
#![allow(
    clippy::result_large_err,
    reason = "a failed destroy gives the handle back, and the driver has no box to put it in"
)]

mod machine;
mod script;

use rnic_abi::{
    AccessFlags, CompletionStatus, FlushFlags, Opcode, ProviderError, Status, WorkFlags, consts,
    feature,
};
use rnic_driver_core::{
    Atomic, Config, Data, Error, FastRegister, Key, Operation, Outcome, QpReceive, Remote,
    WorkRequest, segment,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};

use machine::{Machine, driver, fail_allocation, failure_is_due};
use script::{Bench, bring_up, wait_for_signal, work};

const OWN: QpReceive = QpReceive::Own {
    entries: 8,
    max_segments: 2,
};

/// Everything that a region may allow, windows aside.
const ALL: AccessFlags = AccessFlags(0b1111);

fn config() -> Config {
    Config {
        command_vector: 0,
        event_vector: 2,
        cause_vector: 3,
        ..Config::default()
    }
}

/// Words written by [`traffic`], so that a run is whole only if all of them arrived.
fn traffic(bench: &mut Bench) {
    let pd = bench.pd();
    let (near, near_key) = bench.memory(pd, 64 << 10, ALL);
    let (far, far_key) = bench.memory(pd, 64 << 10, ALL);
    let mut eq = bench.eq(1);
    let mut cq = bench.cq(&eq, 64);
    let mut a = bench.qp(pd, &cq, OWN);
    let mut b = bench.qp(pd, &cq, OWN);
    bench.join(&a, &b);

    // A send into two segments. [QP-21]
    let recv = b.recv.as_mut().unwrap();
    let sink = [
        segment(far.iova(), 3, far_key),
        segment(far.iova() + 100, 61, far_key),
    ];
    driver(|| recv.post(70, &sink)).unwrap();
    driver(|| recv.ring(&bench.device.nic));
    bench.post(
        &mut a,
        &work(
            1,
            Operation::SendImmediate(Data::Inline(b"hello"), [1, 2, 3, 4]),
        ),
    );
    let mut seen = [bench.completion(&mut cq), bench.completion(&mut cq)];
    seen.sort_by_key(|wc| wc.context);
    assert_eq!(
        seen.map(|wc| (wc.status, wc.context)),
        [
            (CompletionStatus::SUCCESS, 1),
            (CompletionStatus::SUCCESS, 70)
        ]
    );
    assert_eq!(
        (seen[1].byte_count, seen[1].immediate()),
        (5, Some([1, 2, 3, 4]))
    );
    let mut bytes = [0; 5];
    far.read(0, &mut bytes[..3]);
    far.read(100, &mut bytes[3..]);
    assert_eq!(&bytes, b"hello");
    a.send.retire_to(seen[0].retired).unwrap();

    // Forty silent writes through sixteen entries, then one that says that all are done. [QP-13] [QP-14] [QP-15]
    for n in 0..40u64 {
        near.write(8 * n as usize, &(n + 1).to_le_bytes());
    }
    for n in 0..40u64 {
        let from = [segment(near.iova() + 8 * n, 8, near_key)];
        let to = Remote {
            address: far.iova() + 8 * n,
            key: far_key,
        };
        bench.post(
            &mut a,
            &WorkRequest {
                flags: WorkFlags::SILENT,
                ..work(2, Operation::Write(Data::Segments(&from), to))
            },
        );
    }
    let back = [segment(near.iova() + 4096, 320, near_key)];
    let from = Remote {
        address: far.iova(),
        key: far_key,
    };
    bench.post(&mut a, &work(3, Operation::Read(&back, from)));
    wait_for_signal(bench, &mut eq, &mut cq);
    assert!(bench.device.nic.platform().interrupts(1) >= 1);
    let wc = bench.success(&mut cq, 3);
    assert_eq!((wc.retired, wc.byte_count), (42, 320));
    assert!(a.send.retire_to(wc.retired).is_ok());
    assert_eq!(a.send.outstanding(), 0);
    for n in 0..40usize {
        assert_eq!(near.load_u64(4096 + 8 * n), n as u64 + 1);
    }

    // Atomics. [QP-26]
    let atomic = Atomic {
        remote: from,
        into: segment(near.iova() + 8192, 8, near_key),
    };
    bench.post(&mut a, &work(4, Operation::FetchAdd(atomic, 10)));
    bench.success(&mut cq, 4);
    bench.post(&mut a, &work(5, Operation::CompareSwap(atomic, 11, 99)));
    bench.success(&mut cq, 5);
    assert_eq!((near.load_u64(8192), far.load_u64(0)), (11, 99));

    fast_register(bench, &mut a, &mut b, &mut cq, pd, (&near, near_key), &far);
    resize(bench, &mut a, &mut cq);

    // What is posted is flushed. [QP-37] [QP-41] [QP-42]
    let recv = b.recv.as_mut().unwrap();
    for context in 80..83 {
        driver(|| recv.post(context, &sink)).unwrap();
    }
    driver(|| recv.ring(&bench.device.nic));
    let posted = b.recv.as_ref().unwrap().next_index();
    assert_eq!(bench.flush(&b, FlushFlags::RECEIVE).1, posted);
    for context in 80..83 {
        let wc = bench.completion(&mut cq);
        assert_eq!(
            (wc.status, wc.error),
            (CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)
        );
        assert_eq!(wc.context, context);
    }
    bench.destroy_qp(a);
    bench.destroy_qp(b);
    shared_receives(bench, pd, &eq, (&near, near_key));
    bench.destroy_cq(cq);
    for key in [near_key, far_key] {
        bench.verb(|control, nic| control.destroy_region(nic, 0, key));
    }
    bench.verb(|control, nic| control.destroy_pd(nic, 0, pd));
    let d = &mut bench.device;
    let token = driver(|| d.control.destroy_eq(&d.nic, 0, eq)).unwrap();
    bench.end(token).unwrap();
}

/// A fast-register region that the peer reads, then invalidates. [MEM-12] [QP-23]
fn fast_register(
    bench: &mut Bench,
    a: &mut rnic_driver_core::Qp<Machine>,
    b: &mut rnic_driver_core::Qp<Machine>,
    cq: &mut rnic_driver_core::Cq<Machine>,
    pd: rnic_driver_core::PdHandle,
    (near, near_key): (&machine::Buffer, Key),
    far: &machine::Buffer,
) {
    let outcome = bench.verb(|control, nic| control.create_fast_region(nic, 0, pd, 4));
    let Outcome::FastRegion(key) = outcome else {
        panic!("{outcome:?}");
    };
    let key = key.next_variant();
    let platform = bench.device.nic.platform();
    let list = platform.alloc_dma(4096, DmaAccess::DeviceReads).unwrap();
    list.write(0, &far.iova().to_le_bytes());
    let register = FastRegister {
        key,
        base: 0x7000_0000_0000,
        length: 4096,
        page_list: list.iova(),
        page_count: 1,
        access: AccessFlags(0b111),
    };
    bench.post(b, &work(6, Operation::FastRegister(register)));
    bench.success(cq, 6);
    let into = [segment(near.iova() + 12288, 16, near_key)];
    let from = Remote {
        address: 0x7000_0000_0000,
        key,
    };
    bench.post(a, &work(7, Operation::Read(&into, from)));
    bench.success(cq, 7);
    assert_eq!(near.load_u64(12288), far.load_u64(0));
    let recv = b.recv.as_mut().unwrap();
    driver(|| recv.post(71, &[])).unwrap();
    driver(|| recv.ring(&bench.device.nic));
    bench.post(
        a,
        &work(8, Operation::SendInvalidate(Data::Inline(b""), key)),
    );
    let mut seen = [bench.completion(cq), bench.completion(cq)];
    seen.sort_by_key(|wc| wc.context);
    assert_eq!(seen.map(|wc| wc.context), [8, 71]);
    assert!(seen.iter().all(rnic_driver_core::Wc::is_ok));
    assert_eq!(seen[1].invalidated(), Some(key));
    bench.verb(|control, nic| control.destroy_region(nic, 0, key));
}

/// Completions that lie in the old ring are found in the new one. [CQ-11]
fn resize(
    bench: &mut Bench,
    a: &mut rnic_driver_core::Qp<Machine>,
    cq: &mut rnic_driver_core::Cq<Machine>,
) {
    for context in 20..25 {
        bench.post(
            a,
            &work(
                context,
                Operation::Write(
                    Data::Inline(b""),
                    Remote {
                        address: 0,
                        key: Key(0),
                    },
                ),
            ),
        );
    }
    bench.success(cq, 20);
    let token = loop {
        let d = &mut bench.device;
        match driver(|| d.control.resize_cq(&d.nic, 0, cq, 256)) {
            Ok(token) => break token,
            Err(Error::NoMemory) => bench.retries += 1,
            Err(error) => panic!("{error}"),
        }
    };
    let Outcome::CqResized(ring) = bench.end(token).unwrap() else {
        panic!("resized");
    };
    cq.switch(ring).unwrap();
    assert_eq!(cq.entries(), 256);
    for context in 21..25 {
        bench.success(cq, context);
    }
}

/// Two queue pairs that take their receives from one queue, which grows meanwhile. [SRQ-1] [SRQ-5]
fn shared_receives(
    bench: &mut Bench,
    pd: rnic_driver_core::PdHandle,
    eq: &rnic_driver_core::CompletionEq<Machine>,
    (near, key): (&machine::Buffer, Key),
) {
    let mut cq = bench.cq(eq, 64);
    let mut srq = bench.srq(pd);
    let shared = QpReceive::Shared(srq.srqn());
    let mut a = bench.qp(pd, &cq, shared);
    let mut b = bench.qp(pd, &cq, shared);
    bench.join(&a, &b);
    let post = |bench: &Bench, srq: &mut rnic_driver_core::Srq<Machine>, context: u64| {
        let sink = [segment(near.iova() + 0x8000 + 16 * context, 16, key)];
        driver(|| srq.post(context, &sink)).unwrap();
        driver(|| srq.ring(&bench.device.nic));
    };
    for context in 0..6 {
        post(bench, &mut srq, context);
    }
    bench.post(&mut a, &work(100, Operation::Send(Data::Inline(b"from a"))));
    let (one, two) = (bench.completion(&mut cq), bench.completion(&mut cq));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    let received = if one.is_receive() { one } else { two };
    srq.retire_to(received.retired).unwrap();
    let token = loop {
        let d = &mut bench.device;
        match driver(|| d.control.resize_srq(&d.nic, 0, &mut srq, 32)) {
            Ok(token) => break token,
            Err(Error::NoMemory) => bench.retries += 1,
            Err(error) => panic!("{error}"),
        }
    };
    let Outcome::SrqResized(ring) = bench.end(token).unwrap() else {
        panic!("resized");
    };
    srq.switch(ring).unwrap();
    for context in 6..20 {
        post(bench, &mut srq, context);
    }
    // Entries of the old ring first, then those of the new: none lost, none twice.
    let mut contexts = vec![received.context];
    for n in 1..20 {
        let (qp, text) = if n % 2 == 0 {
            (&mut a, b"even")
        } else {
            (&mut b, b"odd!")
        };
        bench.post(
            qp,
            &WorkRequest {
                flags: WorkFlags::SILENT,
                ..work(101, Operation::Send(Data::Inline(text)))
            },
        );
        let wc = bench.completion(&mut cq);
        assert!(wc.is_ok() && wc.is_receive(), "{wc:?}");
        contexts.push(wc.context);
    }
    assert_eq!(contexts, (0..20).collect::<Vec<u64>>());
    bench.destroy_qp(a);
    bench.destroy_qp(b);
    let d = &mut bench.device;
    let token = driver(|| d.control.destroy_srq(&d.nic, 0, srq)).unwrap();
    bench.end(token).unwrap();
    bench.destroy_cq(cq);
}

#[test]
fn a_driver_comes_up_with_every_feature_the_device_offers() {
    let bench = bring_up(Machine::new(), config());
    let nic = &bench.device.nic;
    assert_eq!(nic.features(), nic.identity().offered & !feature::GUEST_QP1);
    assert!(nic.has(feature::SUMMARY | feature::PARKING));
    assert!(nic.limits().reserved_is_zero());
    assert_eq!(nic.identity().mac[0] & 1, 0);
    let machine = bench.close();
    assert_eq!(machine.buffers(), 0);
}

#[test]
fn bring_up_works_without_any_optional_feature() {
    let none = Config {
        wanted: 0,
        ..config()
    };
    let bench = bring_up(Machine::new(), none);
    assert_eq!(bench.device.nic.features(), 0);
    bench.close();
}

#[test]
fn two_queue_pairs_talk() {
    let mut bench = bring_up(Machine::new(), config());
    let idle = bench.buffers();
    traffic(&mut bench);
    assert_eq!(bench.retries, 0);
    assert_eq!(bench.buffers(), idle, "every queue gave its memory back");
    assert_eq!(bench.close().buffers(), 0);
}

#[test]
fn a_device_can_be_brought_up_again_and_again() {
    // [RESET-3]
    let mut machine = Machine::new();
    for _ in 0..3 {
        let mut bench = bring_up(machine, config());
        let pd = bench.pd();
        let eq = bench.eq(1);
        let cq = bench.cq(&eq, 64);
        let qp = bench.qp(pd, &cq, OWN);
        // Reset with everything alive; the handles are dropped after it.
        machine = bench.close();
        drop((qp, cq, eq));
        assert_eq!(machine.buffers(), 0);
    }
}

#[test]
fn the_device_says_which_field_is_wrong() {
    let mut bench = bring_up(Machine::new(), config());
    let pd = bench.pd();
    bench.verb(|control, nic| control.destroy_pd(nic, 0, pd));
    let d = &mut bench.device;
    let token = driver(|| d.control.destroy_pd(&d.nic, 0, pd)).unwrap();
    let failure = bench.end(token).unwrap_err();
    let Error::Command(error) = failure.error else {
        panic!("{failure:?}");
    };
    assert_eq!(
        (error.opcode, error.status),
        (Opcode::DESTROY_PD, Status::NO_SUCH_OBJECT)
    );
    assert_eq!(error.syndrome.offset(), 16);
    bench.close();
}

#[test]
fn counters_and_port_are_told() {
    let mut bench = bring_up(Machine::new(), config());
    let outcome = bench.verb(|control, nic| control.query_counters(nic, 0, 0, 8));
    let Outcome::Counters(counters) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(counters.values().len(), 8);
    let outcome = bench.verb(|control, nic| control.query_port(nic, 0));
    let Outcome::Port(port) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(port.link_speed_mbps > 0);
    assert_eq!(
        bench.device.nic.link_up(),
        Ok(port.state == rnic_abi::PortState::UP)
    );
    bench.verb(|control, nic| control.nop(nic, 0, [0xA5; 48]));
    bench.close();
}

/// For every n, the n-th allocation fails, once. The step that wanted it says so and works when it is done again, the
/// traffic is the same, and at the end nothing is left.
#[test]
fn every_failed_allocation_is_survived() {
    let mut failures = 0;
    for n in 0.. {
        let machine = Machine::new();
        fail_allocation(n);
        let mut bench = bring_up(machine, config());
        traffic(&mut bench);
        let due = failure_is_due();
        fail_allocation(-1);
        let retries = bench.retries;
        assert_eq!(bench.close().buffers(), 0, "allocation {n}");
        if due {
            assert_eq!(retries, 0);
            break;
        }
        assert_eq!(retries, 1, "allocation {n} failed and was noticed");
        failures += 1;
    }
    assert!(
        failures > 40,
        "only {failures} allocations in the whole script"
    );
}

#[test]
fn vectors_that_do_not_exist_are_refused_before_the_device_is_asked() {
    let mut bench = bring_up(Machine::new(), config());
    let d = &mut bench.device;
    let beyond = d.nic.identity().vectors;
    assert_eq!(
        d.control.create_eq(&d.nic, 0, 16, beyond),
        Err(Error::Argument("vector"))
    );
    bench.eq(consts::VECTOR_NONE);
    bench.close();
}
