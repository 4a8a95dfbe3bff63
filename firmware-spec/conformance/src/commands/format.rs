//! What the metadata alone says about every command: reserved fields, unknown codes and values, echo, counters.

use rnic_abi::{COMMANDS, COUNTERS, Opcode, Status, SyndromeReason};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal, fail};
use crate::request::{Request, reserved_bits, structure};
use crate::rig::memory::pattern;
use crate::{Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "commands.reserved_fields",
        &["CONV-2", "CMD-13", "CMD-15", "ERR-3"],
        N,
        reserved_fields,
    );
    list.add(
        "commands.unknown_opcodes",
        &["CMD-12", "ERR-3", "ERR-1"],
        N,
        unknown_opcodes,
    );
    list.add("commands.nop", &["CMD-16", "CONV-10"], N, nop);
    list.add("commands.tags", &["CMD-11", "CONV-10"], N, tags);
    list.add(
        "commands.query_counters",
        &["CMD-17", "CNT-1"],
        N,
        query_counters,
    );
    list.add("commands.counted", &["CNT-1", "ERR-2"], N, counted);
    list.add("commands.check_order", &["CMD-13"], N, check_order);
}

fn reserved_fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut rows = 0;
    for info in COMMANDS {
        if info.code == Opcode::NEGOTIATE || info.feature.is_some_and(|f| !device.has(f)) {
            continue;
        }
        for bit in reserved_bits(structure(info.request)) {
            let mut request = Request::new(info.code);
            request.bytes[bit.byte] |= 1 << bit.bit;
            let answer = device.call(&request)?;
            let got = (
                answer.status(),
                usize::from(answer.offset()),
                answer.reason(),
            );
            let expected = (
                Status::RESERVED_NOT_ZERO,
                bit.field,
                SyndromeReason::RESERVED,
            );
            equal(
                format_args!(
                    "{} with bit {} of byte {} set",
                    info.name, bit.bit, bit.byte
                ),
                got,
                expected,
            )?;
            rows += 1;
        }
        // Two at once: the first is named.
        let bits = reserved_bits(structure(info.request));
        if let (Some(first), Some(last)) = (bits.first(), bits.last()) {
            let mut request = Request::new(info.code);
            request.bytes[last.byte] |= 1 << last.bit;
            request.bytes[first.byte] |= 1 << first.bit;
            let answer = device.call(&request)?;
            equal(
                format_args!(
                    "{} with the first and last reserved bit set: offset",
                    info.name
                ),
                usize::from(answer.offset()),
                first.field,
            )?;
        }
    }
    check(rows > 100, "the suite made too few rows")?;
    let device = cx.start()?;
    for bit in reserved_bits(structure("NegotiateRequest")) {
        let mut request = device.negotiate_request(0);
        request.bytes[bit.byte] |= 1 << bit.bit;
        let answer = device.call(&request)?;
        equal(
            "status of NEGOTIATE with a reserved bit",
            answer.status(),
            Status::RESERVED_NOT_ZERO,
        )?;
        equal("offset", usize::from(answer.offset()), bit.field)?;
    }
    device.negotiate(0)
}

fn unknown_opcodes<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let info = crate::request::command(Opcode::QUERY_DEVICE);
    let known = |code: u16| COMMANDS.iter().any(|c| c.code.0 == code);
    let codes = (0..0x100).chain([0x1001, 0x4000, 0x7FFF, 0x8001, 0xFFFF]);
    for code in codes.filter(|c| !known(*c)) {
        let request = Request::new(Opcode::QUERY_DEVICE).set("header.opcode", code);
        let ticket = device.submit_raw(&request.bytes, info, info.response_size)?;
        let answer = device.wait_for("an answer", || device.answered(ticket))?;
        equal(
            format_args!("status of opcode {code:#x}"),
            answer.status(),
            Status::UNKNOWN_COMMAND,
        )?;
        equal("opcode of the answer", answer.opcode().0, code)?;
        equal("used length", answer.used, 16)?;
    }
    device.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn nop<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for payload in [pattern(48, 1), vec![0xFF; 48], vec![0; 48]] {
        let answer = device.ok(&Request::new(Opcode::NOP).set_bytes("payload", &payload))?;
        crate::failure::same_bytes("payload of NOP", answer.field("payload"), &payload)?;
    }
    Ok(())
}

fn tags<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for tag in [0, 1, u64::MAX, 0x8000_0000_0000_0000] {
        for code in [Opcode::NOP, Opcode::DESTROY_PD, Opcode::QUERY_DEVICE] {
            let request = Request::new(code).set("header.tag", tag);
            let ticket =
                device.submit_raw(&request.bytes, request.info, request.info.response_size)?;
            equal("tag", device.answer(ticket)?.answered_tag(), tag)?;
        }
    }
    Ok(())
}

fn query_counters<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let query = |first: u64, count: u64| {
        Request::new(Opcode::QUERY_COUNTERS)
            .set("first", first)
            .set("count", count)
    };
    let Some(last) = COUNTERS.iter().map(|c| c.index).max() else {
        return fail("the specification has no counters");
    };
    for (first, count, field, reason) in [
        (0, 0, "count", SyndromeReason::TOO_SMALL),
        (0, 129, "count", SyndromeReason::TOO_LARGE),
        (0, 0xFFFF_FFFF, "count", SyndromeReason::TOO_LARGE),
        (last + 1, 1, "first", SyndromeReason::TOO_LARGE),
        (0xFFFF_FFFF, 1, "first", SyndromeReason::TOO_LARGE),
    ] {
        device.refused(&query(first, count), Status::LIMIT_EXCEEDED, field, reason)?;
    }
    let answer = device.ok(&query(0, 128))?;
    equal("count of all counters", answer.get("count"), last + 1)?;
    let values = answer.field("values");
    check(
        values[(last as usize + 1) * 8..].iter().all(|b| *b == 0),
        "values past the last counter are not zero",
    )?;
    let answer = device.ok(&query(last - 1, 128))?;
    equal("count of the last two", answer.get("count"), 2)?;
    equal("count of one", device.ok(&query(3, 1))?.get("count"), 1)
}

fn counted<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let (commands, errors) = (
        device.counter("COMMANDS")?,
        device.counter("COMMAND_ERRORS")?,
    );
    for _ in 0..5 {
        device.ok(&Request::new(Opcode::NOP))?;
        device.call(&Request::new(Opcode::DESTROY_PD))?;
    }
    equal(
        "COMMAND_ERRORS",
        device.counter("COMMAND_ERRORS")?,
        errors + 5,
    )?;
    // Two or three QUERY_COUNTERS lie between, by whether a command counts itself.
    let grown = device.counter("COMMANDS")? - commands;
    equal("COMMANDS after ten commands and three queries", grown, 13)
}

/// Length before opcode, opcode before reserved fields, reserved fields before fields, fields before objects.
fn check_order<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let bad = device
        .begin_mr(pd, 4096, crate::rig::commands::ALL_RIGHTS)
        .set("pd", 0xDEAD)
        .set("length", 0)
        .set("access.reserved_5", 1)
        .set("header.length", 1);
    let steps: [(Status, &str, &str, u64); 4] = [
        (Status::INVALID_LENGTH, "*", "header.length", 56),
        (Status::RESERVED_NOT_ZERO, "access", "access.reserved_5", 0),
        (Status::INVALID_FIELD, "length", "length", 4096),
        (Status::NO_SUCH_OBJECT, "pd", "pd", pd.into()),
    ];
    let mut request = bad;
    for (status, field, fixed, value) in steps {
        device.refused(&request, status, field, None)?;
        request = request.set(fixed, value);
    }
    device.ok(&request)?;
    // Before NEGOTIATE the length and the opcode are looked at first.
    let device = cx.start()?;
    device.refused(
        &Request::new(Opcode::CREATE_PD).set("header.length", 3),
        Status::INVALID_LENGTH,
        "*",
        None,
    )?;
    let request = Request::new(Opcode::CREATE_PD).set("reserved_20", 1);
    device.refused(&request, Status::NOT_NEGOTIATED, "*", None)
}
