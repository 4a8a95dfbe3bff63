//! Device reset and function level reset, idle and in the middle of everything.

use rnic_abi::{Opcode, Status, WorkOpcode, reg};
use rnic_platform::{Bar, DmaBuffer, TestPlatform};

use crate::failure::{Outcome, check, equal};
use crate::request::Request;
use crate::rig::entry::flag;
use crate::rig::{Cq, Eq, Qp, QpShape, Wqe};
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "reset.objects_are_gone",
        &["RESET-1", "CMD-21"],
        N,
        objects_gone,
    );
    list.add(
        "reset.registers_and_counters",
        &["RESET-1", "RESET-4", "CNT-1"],
        N,
        registers,
    );
    list.add(
        "reset.function_level",
        &["RESET-2", "RESET-4"],
        N,
        function_level,
    );
    list.add(
        "reset.at_every_command",
        &["RESET-3", "RESET-1", "CMD-8"],
        N,
        at_every_command,
    );
    list.add("reset.twice", &["RESET-3"], N, twice);
    ends!(
        list,
        "reset.during_traffic",
        &["RESET-1", "RESET-3"],
        N,
        during_traffic
    );
    list.add(
        "reset.peer_sees_silence@peer",
        &["RESET-3", "RESET-4", "QP-31", "ERR-4"],
        N.lane(crate::Lane::Peer),
        peer_sees_silence,
    );
}

fn objects_gone<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.device()?;
    let eq = Eq::new(&device, rnic_abi::EqKind::COMPLETION, 4, 0)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let pd = device.pd()?;
    let mr = device.region(pd, 8192, crate::rig::commands::ALL_RIGHTS)?;
    let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), QpShape::default())?;
    let again = cx.bare()?;
    let rows = [
        (Request::new(Opcode::DESTROY_PD).set("pd", pd), "pd"),
        (Request::new(Opcode::DESTROY_MR).set("key", mr.key), "key"),
        (Request::new(Opcode::DESTROY_EQ).set("eqn", eq.eqn), "eqn"),
        (Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn), "cqn"),
        (qp.destroy(), "qpn"),
    ];
    for (request, field) in rows {
        again.refused(&request, Status::NO_SUCH_OBJECT, field, None)?;
    }
    // Doorbell slots belong to nobody: the same ones can be taken.
    for slot in [
        eq.ring.slot,
        cq.ring.slot,
        qp.send.ring.slot,
        qp.recv.ring.slot,
    ] {
        let ring = crate::rig::Ring::at_slot(&again, 4, 4, slot)?;
        let request = Request::new(Opcode::CREATE_EQ)
            .set("kind", rnic_abi::EqKind::COMPLETION)
            .ring("ring", &ring);
        again.ok(&request)?;
    }
    Ok(())
}

fn registers<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    let device = cx.bare()?;
    let stays = [
        reg::FEATURES,
        reg::NODE_GUID,
        reg::MAC_ADDRESS,
        reg::CAPABILITY,
        reg::DOORBELL_PAGES,
    ];
    let before: Vec<_> = stays.iter().map(|r| m.get(*r)).collect();
    m.put(reg::SCRATCH, 0x55);
    m.put(reg::INTR_VECTOR, 3);
    m.put(reg::INTR_TEST, 1);
    device.call(&Request::new(Opcode::DESTROY_PD))?;
    check(
        device.counter("COMMAND_ERRORS")? >= 1,
        "COMMAND_ERRORS does not count",
    )?;
    m.put(reg::KICK, 1);
    let again = cx.start()?;
    for (name, register, value) in [
        ("SCRATCH", reg::SCRATCH, 0),
        ("INTR_VECTOR", reg::INTR_VECTOR, 0xFFFF),
        ("INTR_CAUSE", reg::INTR_CAUSE, 0),
        ("FAILURE", reg::FAILURE, 0),
    ] {
        equal(format_args!("{name} after a reset"), m.get(register), value)?;
    }
    again.negotiate(cx.usual())?;
    for name in ["COMMAND_ERRORS", "KICKS", "COMPLETIONS", "EVENTS"] {
        equal(
            format_args!("counter {name} after a reset"),
            again.counter(name)?,
            0,
        )?;
    }
    let after: Vec<_> = stays.iter().map(|r| m.get(*r)).collect();
    equal("what stays over a reset", after, before)
}

fn function_level<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.device()?;
    let pd = device.pd()?;
    let stays = [reg::FEATURES, reg::NODE_GUID, reg::MAC_ADDRESS];
    let before: Vec<_> = stays.iter().map(|r| device.get(*r)).collect();
    device.put(reg::SCRATCH, 1);
    device.platform.function_reset();
    let p = device.platform;
    equal(
        "bus master after a function level reset",
        p.config_read(4, 2) & 4,
        0,
    )?;
    device.set_bus_master(true);
    device.wait_ready()?;
    equal(
        "SCRATCH after a function level reset",
        device.get(reg::SCRATCH),
        0,
    )?;
    equal(
        "CMD_CONTROL after a function level reset",
        device.get(reg::CMD_CONTROL),
        0,
    )?;
    let after: Vec<_> = stays.iter().map(|r| device.get(*r)).collect();
    equal("what stays over a function level reset", after, before)?;
    let again = cx.bare()?;
    let gone = Request::new(Opcode::DESTROY_PD).set("pd", pd);
    again.refused(&gone, Status::NO_SUCH_OBJECT, "pd", None)
}

/// After a reset nothing of the time before may be written: the memory is watched.
fn at_every_command<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    for info in rnic_abi::COMMANDS {
        for idles in [0, 1, 3] {
            let device = cx.device()?;
            let eq = Eq::new(&device, rnic_abi::EqKind::COMPLETION, 4, 0xFFFF)?;
            let cq = Cq::new(&device, eq.eqn, 4)?;
            let pd = device.pd()?;
            let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), QpShape::default())?;
            // Handles of objects that exist where the request has a field for them.
            let mut request = Request::new(info.code);
            for (field, handle) in [
                ("pd", pd),
                ("eqn", eq.eqn),
                ("cqn", cq.cqn),
                ("qpn", qp.qpn),
            ] {
                if crate::request::structure(info.request)
                    .field(field)
                    .is_some()
                {
                    request = request.set(field, handle);
                }
            }
            let ticket = device.submit(&request)?;
            for _ in 0..idles {
                device.idle();
            }
            m.put(reg::DEVICE_CONTROL, reg::device_control::RESET.mask());
            m.wait_ready()
                .map_err(|f| f.while_doing(format_args!("reset during {}", info.name)))?;
            let answered = device.answered(ticket)?.is_some();
            m.settle();
            if !answered && device.answered(ticket)?.is_some() {
                return crate::failure::fail(format_args!(
                    "the answer of {} was written after the reset was complete",
                    info.name
                ));
            }
            // A machine with little memory has none left otherwise: a platform of 16 MiB is enough for the suite.
            drop((device, eq, cq, qp));
            m.free_buffers();
        }
    }
    cx.bare()?.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn twice<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    for _ in 0..4 {
        m.put(reg::DEVICE_CONTROL, reg::device_control::RESET.mask());
        m.put(reg::DEVICE_CONTROL, reg::device_control::RESET.mask() | 1);
        m.put(reg::DEVICE_CONTROL, reg::device_control::RESET.mask());
        m.wait_ready()?;
        equal(
            "MAGIC",
            m.platform.read32(Bar::Registers, reg::MAGIC as u32),
            rnic_abi::consts::MAGIC_VALUE,
        )?;
    }
    cx.bare()?.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn during_traffic<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for idles in [0, 1, 2, 5, 9] {
        let mut pair = cx.pair()?;
        for i in 0..8 {
            pair.b.recv(i, 0, 32768)?;
            let write = Wqe::new(WorkOpcode::WRITE)
                .flags(if i % 2 == 0 { 0 } else { flag::SILENT })
                .remote(pair.b.mr.va(0), pair.b.mr.key)
                .segment(pair.a.mr.segment(0, 65536));
            pair.a.post(&write)?;
            let read = Wqe::new(WorkOpcode::READ)
                .remote(pair.b.mr.va(0), pair.b.mr.key)
                .segment(pair.a.mr.segment(0, 32768));
            pair.a.post(&read)?;
            pair.a
                .post(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, 32768)))?;
        }
        for _ in 0..idles {
            pair.a.dev.idle();
        }
        // The requester is reset: it must write nothing any more.
        pair.a.dev.reset()?;
        let mut before = Vec::new();
        let watch = |pair: &crate::rig::Pair<'_, P>, into: &mut Vec<u8>| {
            into.extend(pair.a.mr.read(0, 65536));
            into.extend(pair.a.scq.ring.pages.read(0, 128 * 64));
            into.extend(pair.a.eq.ring.pages.read(0, 64 * 16));
            into.extend(pair.a.qp.send.retired().to_le_bytes());
        };
        watch(&pair, &mut before);
        pair.a.dev.settle();
        let mut after = Vec::new();
        watch(&pair, &mut after);
        check(
            before == after,
            "the device wrote to memory after its reset was complete",
        )?;
        check(pair.a.dev.parked().len() >= 8, "the parked word is kept")?;
        let mut again = cx.pair()?;
        again.alive()?;
    }
    Ok(())
}

fn peer_sees_silence<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    use rnic_abi::{CompletionStatus, ProviderError, QpState};
    let attributes = crate::rig::pair::Attributes {
        retry: 1,
        ack_timeout: 10,
        ..Default::default()
    };
    let mut pair = cx.pair_with(attributes)?;
    pair.alive()?;
    let guid = pair.a.dev.get(reg::NODE_GUID);
    pair.b.dev.reset()?;
    equal(
        "NODE_GUID of the other function",
        pair.a.dev.get(reg::NODE_GUID),
        guid,
    )?;
    pair.a
        .post(&Wqe::new(WorkOpcode::SEND).inline(b"anybody?"))?;
    pair.a
        .sent(CompletionStatus::RETRY_EXCEEDED, ProviderError::PEER_GONE)?;
    pair.a.qp.reaches(&pair.a.dev, QpState::ERROR)
}
