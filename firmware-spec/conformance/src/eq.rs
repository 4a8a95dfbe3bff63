//! Event queues and doorbell rules that need no queue pair.

use rnic_abi::consts::{DOORBELL_FIRST_SLOT, DOORBELL_PAGE_SLOTS};
use rnic_abi::{
    ArmType, EqKind, EventCode, Opcode, Status, SyndromeReason as Reason, feature, reg,
};
use rnic_platform::{DmaAccess, DmaBuffer, DoorbellSlot, TestPlatform};

use crate::failure::{Outcome, check, equal};
use crate::request::Request;
use crate::rig::{Cq, Device, Eq, Ring};
use crate::{Capability, Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("eq.one_general", &["EQ-1", "ERR-3"], N, one_general);
    list.add(
        "eq.general_interrupt",
        &["EQ-2"],
        N.capability(Capability::Interrupts),
        general_interrupt,
    );
    list.add(
        "eq.not_overwritten",
        &["EQ-3", "EV-1", "CONV-6"],
        N,
        not_overwritten,
    );
    list.add(
        "eq.events_wait_for_a_general_queue",
        &["EQ-5", "EQ-3"],
        N,
        events_wait,
    );
    list.add("eq.as_large_as_its_queues", &["EQ-4", "ERR-3"], N, as_large);
    list.add(
        "eq.unreachable",
        &["EQ-6", "ERR-2"],
        N.capability(Capability::Remap),
        unreachable,
    );
    list.add(
        "eq.consumer_out_of_range",
        &["DB-7", "ERR-2"],
        N,
        consumer_out_of_range,
    );
    list.add(
        "doorbell.nobodys_slot",
        &["DB-3", "CONV-12"],
        N,
        nobodys_slot,
    );
    list.add(
        "doorbell.old_values_are_forgotten",
        &["DB-4"],
        N,
        old_values,
    );
    list.add(
        "doorbell.slot_is_free_after_destruction",
        &["DB-2"],
        N,
        slot_freed,
    );
    list.add(
        "doorbell.with_summary",
        &["DB-9", "DB-11"],
        N.features(feature::SUMMARY),
        with_summary,
    );
    list.add(
        "doorbell.without_summary",
        &["DB-10", "PARK-3"],
        N,
        without_summary,
    );
}

/// Makes one general event: a completion queue goes into error.
#[track_caller]
fn make_event<P: TestPlatform>(device: &Device<'_, P>, eqn: u32) -> Outcome<Cq<P>> {
    let cq = Cq::new(device, eqn, 2)?;
    device.ring(cq.ring.slot, 99)?;
    Ok(cq)
}

fn one_general<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let first = Eq::new(&device, EqKind::GENERAL, 4, 0xFFFF)?;
    let ring = Ring::new(&device, 4, 9)?;
    let request = Request::new(Opcode::CREATE_EQ)
        .set("kind", EqKind::GENERAL)
        .set("vector", 0xFFFF)
        .ring("ring", &ring);
    device.refused(&request, Status::INVALID_STATE, "*", Reason::IN_USE)?;
    device.ok(&Request::new(Opcode::DESTROY_EQ).set("eqn", first.eqn))?;
    device.ok(&request).map(drop)
}

fn general_interrupt<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let p = device.platform;
    let mut general = Eq::new(&device, EqKind::GENERAL, 4, 11)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let before = p.interrupts(11);
    make_event(&device, eq.eqn)?;
    device.wait_for("an event", || general.poll_general())?;
    device.settle();
    equal(
        "interrupts of a queue that is not armed",
        p.interrupts(11),
        before,
    )?;
    general.update(&device, true)?;
    device.settle();
    equal(
        "interrupts of an empty armed queue",
        p.interrupts(11),
        before,
    )?;
    make_event(&device, eq.eqn)?;
    make_event(&device, eq.eqn)?;
    device.wait_until("an interrupt", || p.interrupts(11) > before)?;
    for _ in 0..2 {
        device.wait_for("an event", || general.poll_general())?;
    }
    device.settle();
    equal("interrupts of one arm", p.interrupts(11), before + 1)
}

fn not_overwritten<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut general = Eq::new(&device, EqKind::GENERAL, 2, 0xFFFF)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let mut expected = Vec::new();
    for _ in 0..13 {
        expected.push(make_event(&device, eq.eqn)?.cqn);
    }
    device.settle();
    let mut got = Vec::new();
    for _ in 0..13 {
        let event = device.wait_for("an event that had to wait", || general.poll_general())?;
        general.update(&device, false)?;
        equal("code", event.code(), EventCode::CQ_ERROR)?;
        let about = rnic_abi::read::<rnic_abi::CqErrorEvent>(&event.payload);
        got.extend(about.map(|a| a.cqn.get()));
    }
    got.sort_unstable();
    expected.sort_unstable();
    equal("queues that the events are about", got, expected)?;
    device.settle();
    check(general.poll_general()?.is_none(), "an event too many came")
}

fn events_wait<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 6, 0xFFFF)?;
    for _ in 0..3 {
        make_event(&device, eq.eqn)?;
    }
    device.settle();
    let mut general = Eq::new(&device, EqKind::GENERAL, 2, 0xFFFF)?;
    for _ in 0..3 {
        device.wait_for("an event of before the queue", || general.poll_general())?;
        general.update(&device, false)?;
    }
    Ok(())
}

fn as_large<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 2, 0xFFFF)?;
    let mut last = 0;
    for _ in 0..4 {
        last = Cq::new(&device, eq.eqn, 2)?.cqn;
    }
    let ring = Ring::new(&device, 2, 6)?;
    let request = Cq::request(eq.eqn, &ring, 0);
    device.refused(&request, Status::NO_RESOURCES, "eqn", Reason::QUOTA)?;
    // An event of a destroyed queue may still lie there; it is consumed first.
    device.ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", last))?;
    device.ok(&request).map(drop)
}

fn unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let general = Eq::new(&device, EqKind::GENERAL, 2, 0xFFFF)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let before = device.counter("DMA_ERRORS")?;
    device.platform.unmap(&general.ring.pages.buffer)?;
    let outcome = make_event(&device, eq.eqn).and_then(|_| device.counted("DMA_ERRORS", before, 1));
    device
        .platform
        .map(&general.ring.pages.buffer, DmaAccess::DeviceReadsAndWrites)?;
    outcome?;
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn consumer_out_of_range<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut general = Eq::new(&device, EqKind::GENERAL, 3, 0xFFFF)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let before = device.counter("GUEST_ERRORS")?;
    for consumer in [1_u64, 9, 0x8000_0000, 0xFFFF_FFFF] {
        device.ring(general.ring.slot, consumer)?;
        device.settle();
    }
    device.counted("GUEST_ERRORS", before, 1)?;
    // Ignored: the queue works as before.
    for _ in 0..10 {
        make_event(&device, eq.eqn)?;
        device.wait_for("an event", || general.poll_general())?;
        general.update(&device, false)?;
    }
    Ok(())
}

fn nobodys_slot<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pages = device.get(reg::DOORBELL_PAGES) as u32;
    for slot in [
        DOORBELL_PAGE_SLOTS + DOORBELL_FIRST_SLOT + 300,
        2 * DOORBELL_PAGE_SLOTS - 1,
        pages * DOORBELL_PAGE_SLOTS - 1,
    ] {
        for value in [0, 1, u64::MAX] {
            device.ring(slot, value)?;
        }
    }
    device.settle();
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn old_values<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut general = Eq::new(&device, EqKind::GENERAL, 4, 0xFFFF)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    // A value in a slot that nobody owns, or that another queue owned, means nothing to the next queue.
    let slot = device.next_slot();
    device.ring(slot, 77)?;
    for _ in 0..3 {
        let ring = Ring::at_slot(&device, 2, 6, slot)?;
        let cq = Cq::on(&device, eq.eqn, ring, 1)?;
        device.settle();
        check(
            general.poll_general()?.is_none(),
            "the device acted on a value that the slot held before its queue was created",
        )?;
        device.ring(slot, 0)?;
        device.settle();
        device.ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn))?;
        device.ring(slot, 88)?;
    }
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn slot_freed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let slot = device.next_slot();
    for kind in [EqKind::COMPLETION, EqKind::GENERAL, EqKind::COMPLETION] {
        let stride = if kind == EqKind::GENERAL { 9 } else { 4 };
        let request = Request::new(Opcode::CREATE_EQ)
            .set("kind", kind)
            .set("vector", 0xFFFF)
            .ring("ring", &Ring::at_slot(&device, 3, stride, slot)?);
        let eqn = device.ok(&request)?.get("eqn");
        device.refused(
            &request
                .set("kind", EqKind::COMPLETION)
                .set("ring.log_stride", 4)
                .set("ring.page_count", 1),
            Status::DOORBELL_IN_USE,
            "ring.doorbell",
            Reason::IN_USE,
        )?;
        device.ok(&Request::new(Opcode::DESTROY_EQ).set("eqn", eqn))?;
    }
    Ok(())
}

/// Queues in several pages are noticed, one at a time and all at once.
#[track_caller]
fn noticed<P: TestPlatform>(device: &Device<'_, P>) -> Outcome {
    let mut general = Eq::new(device, EqKind::GENERAL, 6, 0xFFFF)?;
    let eq = Eq::new(device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let pages = device.get(reg::DOORBELL_PAGES) as u32;
    let mut slots: Vec<u32> = [1, 2, 16, pages - 1]
        .into_iter()
        .flat_map(|page| {
            [DOORBELL_FIRST_SLOT + 400, 63, 64, DOORBELL_PAGE_SLOTS - 1]
                .map(|slot| page * DOORBELL_PAGE_SLOTS + slot)
        })
        .collect();
    slots.dedup();
    let mut queues = Vec::new();
    for slot in &slots {
        queues.push(Cq::on(
            device,
            eq.eqn,
            Ring::at_slot(device, 2, 6, *slot)?,
            0,
        )?);
    }
    let (alone, together) = queues.split_at(queues.len() / 2);
    for cq in alone {
        device.ring(cq.ring.slot, 50)?;
        device.wait_for(format_args!("slot {} to be noticed", cq.ring.slot), || {
            general.poll_general()
        })?;
    }
    for cq in together {
        device.ring(cq.ring.slot, 50)?;
    }
    for _ in together {
        device.wait_for("a slot to be noticed", || general.poll_general())?;
    }
    Ok(())
}

fn with_summary<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(feature::SUMMARY)?;
    noticed(&device)
}

fn without_summary<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(0)?;
    noticed(&device)?;
    // A store to where the map would be means nothing.
    device
        .platform
        .doorbell(DOORBELL_PAGE_SLOTS)?
        .store(u64::MAX);
    device.settle();
    equal("arm types that there are", ArmType::KNOWN.len(), 4)?;
    check(
        device.parked().load_u64(0) == 0,
        "the parked word was written without PARKING",
    )?;
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}
