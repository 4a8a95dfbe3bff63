//! The command ring: set-up, malformed chains, order, length rules.

use std::rc::Rc;

use rnic_abi::{FailureCode, Opcode, Status, feature, reg};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::{Outcome, check, equal, fail};
use crate::request::{Answer, HEADER, Request};
use crate::rig::virtqueue::{INDIRECT, NEXT, WRITE};
use crate::rig::{Machine, Virtqueue};
use crate::{Capability, Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("command_ring.setup", &["CMD-2"], N, setup);
    list.add("command_ring.setup_refused", &["CMD-2"], N, setup_refused);
    list.add(
        "command_ring.locked_while_enabled",
        &["CMD-1", "ERR-2"],
        N,
        locked,
    );
    list.add(
        "command_ring.chains",
        &["CMD-4", "CMD-6", "CMD-3"],
        N,
        chains,
    );
    list.add(
        "command_ring.malformed_chains",
        &["CMD-4", "ERR-1", "CONV-12", "INT-1"],
        N,
        malformed,
    );
    list.add(
        "command_ring.unreachable",
        &["CMD-5"],
        N.capability(Capability::Remap),
        unreachable,
    );
    list.add(
        "command_ring.unreachable_buffers",
        &["CMD-5", "CONV-12"],
        N.capability(Capability::Remap),
        unreachable_buffers,
    );
    list.add("command_ring.disable", &["CMD-8"], N, disable);
    list.add("command_ring.many_outstanding", &["CMD-7"], N, many);
    list.add(
        "command_ring.lengths",
        &["CMD-9", "CMD-10", "CMD-11", "ERR-3"],
        N,
        lengths,
    );
    list.add("command_ring.short_header", &["CMD-9"], N, short_header);
    list.add(
        "command_ring.notify_without_news",
        &["CMD-3"],
        N,
        idle_notify,
    );
}

/// A ring that the test drives by itself, on a device that has been negotiated through another.
struct Bare<'m, 'p, P: TestPlatform> {
    m: &'m Machine<'p, P>,
    queue: Virtqueue<P>,
    space: Rc<P::Dma>,
}

const ANSWER: usize = 2048;

impl<'m, 'p, P: TestPlatform> Bare<'m, 'p, P> {
    #[track_caller]
    fn new(m: &'m Machine<'p, P>, size: u16) -> Outcome<Self> {
        m.put(reg::CMD_CONTROL, 0);
        let queue = Virtqueue::new(m, size)?;
        let [descriptors, available, used] = queue.addresses();
        m.put(reg::CMD_SIZE, size.into());
        m.put(reg::CMD_DESC, descriptors);
        m.put(reg::CMD_AVAIL, available);
        m.put(reg::CMD_USED, used);
        m.put(reg::CMD_CONTROL, 0xFFFF_0001);
        equal(
            "CMD_CONTROL of a correct ring",
            m.get(reg::CMD_CONTROL),
            0xFFFF_0001,
        )?;
        let space = m.alloc(4096)?;
        space.write(
            0,
            &Request::new(Opcode::NOP)
                .set_bytes("payload", b"ring")
                .bytes,
        );
        Ok(Self { m, queue, space })
    }

    fn request(&self) -> u64 {
        self.space.iova()
    }

    fn answer(&self) -> u64 {
        self.space.iova() + ANSWER as u64
    }

    fn go(&mut self, head: u16) {
        self.queue.publish(head);
        self.m.put(reg::CMD_NOTIFY, 1);
    }

    /// Waits for the NOP and checks its echo.
    #[track_caller]
    fn expect_nop(&mut self, head: u16) -> Outcome {
        let queue = &mut self.queue;
        let (used, length) = self.m.wait_for("a NOP", || queue.take())?;
        equal("head of the used chain", used, head)?;
        equal("used length of NOP", length, 64)?;
        let mut bytes = [0; 64];
        self.space.read(ANSWER, &mut bytes);
        equal("status of NOP", bytes[..2].to_vec(), vec![0, 0])?;
        equal("echo of NOP", &bytes[16..20], b"ring")
    }

    /// Waits until the ring stopped for this reason.
    #[track_caller]
    fn expect_stop(&mut self, code: FailureCode, info: Option<u64>) -> Outcome {
        self.m.wait_until("the command ring to stop", || {
            !reg::cmd_control::ENABLE.is_set(self.m.get(reg::CMD_CONTROL))
        })?;
        equal("FAILURE", self.m.get(reg::FAILURE), code.0.into())?;
        if let Some(info) = info {
            equal("FAILURE_INFO", self.m.get(reg::FAILURE_INFO), info)?;
        }
        let cause = self.m.get(reg::INTR_CAUSE);
        check(
            reg::intr_cause::COMMAND_RING.is_set(cause),
            "INTR_CAUSE.command_ring is not set",
        )?;
        self.m.put(reg::INTR_CAUSE, cause);
        let status = self.m.get(reg::DEVICE_STATUS);
        check(
            !reg::device_status::FAILED.is_set(status),
            "a mistake of the driver made the device fail",
        )?;
        check(
            self.queue.take()?.is_none(),
            "a malformed chain was answered",
        )
    }
}

fn setup<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let largest = reg::capability::COMMAND_RING_LOG.get(device.get(reg::CAPABILITY)) as u32;
    for log in 1..=largest {
        let size = 1 << log;
        let mut ring = Bare::new(device.machine(), size)
            .map_err(|f| f.while_doing(format_args!("a ring of {size}")))?;
        // Once around the ring and on: indices begin at zero.
        for n in 0..u32::from(size) + 2 {
            let head = (n as u16 * 2) % size;
            let (request, answer) = (ring.request(), ring.answer());
            ring.queue
                .describe(head, request, 64, NEXT, (head + 1) % size);
            ring.queue.describe((head + 1) % size, answer, 64, WRITE, 0);
            ring.go(head);
            ring.expect_nop(head)?;
        }
    }
    Ok(())
}

fn setup_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    let largest = 1_u64 << reg::capability::COMMAND_RING_LOG.get(m.get(reg::CAPABILITY));
    let queue = Virtqueue::new(m, 16)?;
    let [descriptors, available, used] = queue.addresses();
    let good = [
        (reg::CMD_SIZE, 16),
        (reg::CMD_DESC, descriptors),
        (reg::CMD_AVAIL, available),
        (reg::CMD_USED, used),
    ];
    let rows = [
        (reg::CMD_SIZE, 0),
        (reg::CMD_SIZE, 1),
        (reg::CMD_SIZE, 3),
        (reg::CMD_SIZE, 24),
        (reg::CMD_SIZE, largest * 2),
        (reg::CMD_SIZE, 0x8000),
        (reg::CMD_DESC, descriptors + 8),
        (reg::CMD_DESC, descriptors + 1),
        (reg::CMD_AVAIL, available + 1),
        (reg::CMD_USED, used + 2),
        (reg::CMD_USED, used + 1),
    ];
    for (register, value) in rows {
        m.reset()?;
        for (offset, value) in good {
            m.put(offset, value);
        }
        m.put(register, value);
        m.put(reg::CMD_CONTROL, 1);
        let what = format!("register {register:#x} = {value:#x}");
        let enabled = reg::cmd_control::ENABLE.get(m.get(reg::CMD_CONTROL));
        equal(format_args!("CMD_CONTROL.enable with {what}"), enabled, 0)?;
        equal(
            format_args!("FAILURE with {what}"),
            m.get(reg::FAILURE),
            FailureCode::COMMAND_RING_SETUP.0.into(),
        )?;
        equal(
            format_args!("FAILURE_INFO with {what}"),
            m.get(reg::FAILURE_INFO),
            register,
        )?;
        // Set right, it starts.
        for (offset, value) in good {
            m.put(offset, value);
        }
        m.put(reg::CMD_CONTROL, 1);
        let enabled = reg::cmd_control::ENABLE.get(m.get(reg::CMD_CONTROL));
        equal(
            format_args!("CMD_CONTROL.enable after {what} was set right"),
            enabled,
            1,
        )?;
    }
    Ok(())
}

fn locked<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for offset in [reg::CMD_SIZE, reg::CMD_DESC, reg::CMD_AVAIL, reg::CMD_USED] {
        let before = device.get(offset);
        let _ = device.get(reg::GUEST_ERRORS);
        device.put(offset, 0x1000);
        equal(
            format_args!("register {offset:#x} after a write while the ring is live"),
            device.get(offset),
            before,
        )?;
        equal("GUEST_ERRORS", device.get(reg::GUEST_ERRORS), 1)?;
    }
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn chains<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut ring = Bare::new(device.machine(), 32)?;
    let (request, answer) = (ring.request(), ring.answer());
    // The request in one, three and 21 pieces; the answer likewise, cut in the middle of its header too.
    for pieces in [1_u32, 3, 16] {
        let mut parts = Vec::new();
        for (base, write) in [(request, false), (answer, true)] {
            let step = 64 / pieces;
            for i in 0..pieces {
                let length = if i + 1 == pieces { 64 - step * i } else { step };
                parts.push((base + u64::from(step * i), length, write));
            }
        }
        ring.queue.chain(0, &parts);
        ring.go(0);
        ring.expect_nop(0)
            .map_err(|f| f.while_doing(format_args!("a NOP in {pieces} + {pieces} pieces")))?;
    }
    // Descriptors need not lie in order, and an empty one is no harm.
    ring.queue.describe(9, request, 40, NEXT, 2);
    ring.queue.describe(2, request + 40, 24, NEXT, 30);
    ring.queue.describe(30, answer, 64, WRITE, 0);
    ring.go(9);
    ring.expect_nop(9)?;
    // More space than needed on both sides.
    ring.queue
        .chain(0, &[(request, 1024, false), (answer, 1500, true)]);
    ring.go(0);
    ring.expect_nop(0)
}

fn malformed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    type Setup<P> = fn(&Bare<'_, '_, P>) -> u16;
    let rows: [(&str, Setup<P>); 9] = [
        ("loops onto itself", |r| {
            r.queue.describe(3, r.request(), 64, NEXT, 3);
            3
        }),
        ("loops over two", |r| {
            r.queue.describe(0, r.request(), 64, NEXT, 1);
            r.queue.describe(1, r.answer(), 64, NEXT | WRITE, 0);
            0
        }),
        ("has a readable part after a writable one", |r| {
            r.queue.describe(0, r.answer(), 64, NEXT | WRITE, 1);
            r.queue.describe(1, r.request(), 64, 0, 0);
            0
        }),
        ("is readable, writable, readable", |r| {
            r.queue.describe(0, r.request(), 64, NEXT, 1);
            r.queue.describe(1, r.answer(), 64, NEXT | WRITE, 2);
            r.queue.describe(2, r.request(), 64, 0, 0);
            0
        }),
        ("is indirect", |r| {
            r.queue.describe(5, r.request(), 64, INDIRECT, 0);
            5
        }),
        ("names a next descriptor outside the ring", |r| {
            r.queue.describe(0, r.request(), 64, NEXT, 16);
            0
        }),
        ("has no writable part", |r| {
            r.queue.describe(0, r.request(), 64, 0, 0);
            0
        }),
        ("has room for half an answer header", |r| {
            r.queue.chain(
                4,
                &[
                    (r.request(), 64, false),
                    (r.answer(), HEADER as u32 - 1, true),
                ],
            );
            4
        }),
        ("has a head outside the ring", |_| 16),
    ];
    let device = cx.bare()?;
    for (what, set) in rows {
        let mut ring = Bare::new(device.machine(), 16)?;
        let head = set(&ring);
        ring.go(head);
        ring.expect_stop(FailureCode::COMMAND_RING_CHAIN, Some(head.into()))
            .map_err(|f| f.while_doing(format_args!("a chain that {what}")))?;
        // A new ring works at once: the rest of the device was not hurt.
        let mut ring = Bare::new(device.machine(), 16)?;
        let parts = [(ring.request(), 64, false), (ring.answer(), 64, true)];
        ring.queue.chain(0, &parts);
        ring.go(0);
        ring.expect_nop(0)?;
    }
    Ok(())
}

fn unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut ring = Bare::new(device.machine(), 16)?;
    let p = device.platform;
    let [_, available, _] = ring.queue.addresses();
    let page = |address: u64| address & !4095;
    p.unmap(ring.queue.memory())?;
    ring.go(0);
    let result = ring.expect_stop(FailureCode::COMMAND_RING_DMA, None);
    let info = device.get(reg::FAILURE_INFO);
    p.map(
        ring.queue.memory(),
        rnic_platform::DmaAccess::DeviceReadsAndWrites,
    )?;
    result?;
    equal("page of FAILURE_INFO", page(info), page(available))?;
    let mut ring = Bare::new(device.machine(), 16)?;
    let parts = [(ring.request(), 64, false), (ring.answer(), 64, true)];
    ring.queue.chain(0, &parts);
    ring.go(0);
    ring.expect_nop(0)
}

fn unreachable_buffers<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let p = device.platform;
    let gone = device.alloc(4096)?;
    p.unmap(&gone)?;
    for request_gone in [true, false] {
        let mut ring = Bare::new(device.machine(), 16)?;
        let (request, answer) = if request_gone {
            (gone.iova(), ring.answer())
        } else {
            (ring.request(), gone.iova())
        };
        ring.queue
            .chain(0, &[(request, 64, false), (answer, 64, true)]);
        ring.go(0);
        let result = ring.expect_stop(FailureCode::COMMAND_RING_DMA, Some(gone.iova()));
        if result.is_err() {
            p.map(&gone, rnic_platform::DmaAccess::DeviceReadsAndWrites)?;
            return result;
        }
    }
    p.map(&gone, rnic_platform::DmaAccess::DeviceReadsAndWrites)?;
    Ok(())
}

fn disable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let m = device.machine();
    let mut ring = Bare::new(m, 16)?;
    m.put(reg::CMD_CONTROL, 0xFFFF_0000);
    equal(
        "CMD_CONTROL.enable",
        reg::cmd_control::ENABLE.get(m.get(reg::CMD_CONTROL)),
        0,
    )?;
    let parts = [(ring.request(), 64, false), (ring.answer(), 64, true)];
    ring.queue.chain(0, &parts);
    ring.go(0);
    m.settle();
    check(
        ring.queue.take()?.is_none(),
        "a command was answered after the ring was disabled",
    )?;
    // Enabled again the indices begin at zero, so a ring must be fresh; effects have stayed.
    let mut ring = Bare::new(m, 16)?;
    let parts = [(ring.request(), 64, false), (ring.answer(), 64, true)];
    ring.queue.chain(0, &parts);
    ring.go(0);
    ring.expect_nop(0)?;
    equal(
        "ACTIVE_FEATURES after a new ring",
        m.get(reg::ACTIVE_FEATURES),
        cx.usual(),
    )
}

fn many<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for round in 0..4_u8 {
        let mut tickets = Vec::new();
        for n in 0..32_u8 {
            let request = Request::new(Opcode::NOP).set_bytes("payload", &[n, round]);
            tickets.push((n, device.submit(&request)?));
        }
        for (n, ticket) in tickets.into_iter().rev() {
            let answer = device.answer(ticket)?;
            equal(
                "echo of one of many",
                &answer.field("payload")[..3],
                &[n, round, 0],
            )?;
        }
    }
    Ok(())
}

/// Whether the command is known with the features in force.
fn active(info: &rnic_abi::meta::CommandInfo, features: u64) -> bool {
    info.feature.is_none_or(|f| features & f == f)
}

fn lengths<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let expect = |answer: &Answer, what: &str| -> Outcome {
        let name = answer.info.name;
        equal(
            format_args!("{name} with {what}"),
            answer.status(),
            Status::INVALID_LENGTH,
        )?;
        equal(
            format_args!("{name} with {what}: used length"),
            answer.used as usize,
            HEADER,
        )?;
        equal(
            format_args!("{name} with {what}: tag"),
            answer.answered_tag(),
            answer.tag,
        )
    };
    for info in rnic_abi::COMMANDS
        .iter()
        .filter(|c| active(c, device.features()))
    {
        let request = Request::new(info.code);
        let size = info.request_size;
        for (what, length) in [
            ("length 0", 0),
            ("length one less", size - 1),
            ("length one more", size + 1),
            ("length 2^32-1", u32::MAX as usize),
        ] {
            let request = request.clone().set("header.length", length);
            let answer = device.call(&request)?;
            expect(&answer, what)?;
        }
        let ticket = device.submit_raw(&request.bytes[..size - 1], info, info.response_size)?;
        if size > HEADER {
            expect(&device.answer(ticket)?, "a readable part one byte short")?;
        } else {
            device.wait_for("an answer", || device.answered(ticket))?;
        }
        if info.response_size > HEADER {
            let ticket = device.submit_raw(&request.bytes, info, info.response_size - 1)?;
            expect(&device.answer(ticket)?, "an answer space one byte short")?;
            let ticket = device.submit_raw(&request.bytes, info, HEADER)?;
            expect(&device.answer(ticket)?, "space for a header alone")?;
        }
    }
    // A command that was not answered for want of space had no effect.
    let limit = device.limit("pds")?.min(64);
    let info = crate::request::command(Opcode::CREATE_PD);
    for _ in 0..limit {
        let ticket = device.submit_raw(&Request::new(Opcode::CREATE_PD).bytes, info, HEADER)?;
        device.answer(ticket)?;
    }
    for _ in 0..limit {
        device.pd()?;
    }
    Ok(())
}

fn short_header<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let info = crate::request::command(Opcode::NOP);
    let request = Request::new(Opcode::NOP).set("header.tag", 0x1122_3344_5566_7788_u64);
    for bytes in [1, 2, 8, 12, 15] {
        let ticket = device.submit_raw(&request.bytes[..bytes], info, 64)?;
        let answer = device.wait_for("the answer of a short header", || device.answered(ticket))?;
        equal(
            "status of a short header",
            answer.status(),
            Status::INVALID_LENGTH,
        )?;
        equal("used length", answer.used as usize, HEADER)?;
        let opcode = answer.opcode();
        check(
            opcode.0 == 0 || (bytes >= 2 && opcode == Opcode::NOP),
            format_args!("{bytes} bytes of header were answered with opcode {opcode}"),
        )?;
        let tag = answer.answered_tag();
        if tag != 0 {
            return fail(format_args!(
                "{bytes} bytes of header were answered with tag {tag:#x}"
            ));
        }
    }
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn idle_notify<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let before = device.counter("COMMANDS")?;
    for _ in 0..8 {
        device.put(reg::CMD_NOTIFY, 0xFFFF_FFFF);
    }
    device.settle();
    // The counting command itself may or may not be in its answer.
    let after = device.counter("COMMANDS")?;
    check(
        after - before <= 1,
        format_args!("COMMANDS grew by {} without commands", after - before),
    )?;
    equal(
        "feature bits are left alone",
        device.get(reg::ACTIVE_FEATURES) & feature::SRQ,
        cx.usual() & feature::SRQ,
    )
}
