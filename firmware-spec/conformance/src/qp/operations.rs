//! Every operation, its data held against byte arrays.

use rnic_abi::{CompletionStatus, Mtu, ProviderError, WorkOpcode, feature};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::{Outcome, check, equal, same_bytes};
use crate::rig::entry::flag;
use crate::rig::memory::pattern;
use crate::rig::pair::Attributes;
use crate::rig::{Pair, Wqe};
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "op.send",
        &["QP-21", "QP-36", "MEM-25", "CNT-1"],
        N,
        send
    );
    ends!(
        list,
        "op.send_immediate",
        &["QP-21", "CONV-1"],
        N,
        send_immediate
    );
    ends!(list, "op.solicited_flag", &["QP-33"], N, solicited);
    ends!(
        list,
        "op.write",
        &["QP-24", "QP-36", "MEM-25", "QP-19"],
        N,
        write
    );
    ends!(list, "op.write_immediate", &["QP-24"], N, write_immediate);
    ends!(list, "op.read", &["QP-25", "MEM-25"], N, read);
    ends!(list, "op.many_reads", &["QP-32", "QP-12"], N, many_reads);
    ends!(
        list,
        "op.atomics",
        &["QP-26"],
        N.features(feature::ATOMICS),
        atomics
    );
    ends!(
        list,
        "op.atomics_at_once",
        &["QP-26", "QP-32"],
        N.features(feature::ATOMICS),
        atomics_at_once
    );
    ends!(
        list,
        "op.atomics_not_active",
        &["BRING-9", "QP-16"],
        N.features(feature::ATOMICS),
        atomics_not_active
    );
    ends!(list, "op.inline", &["QP-19"], N, inline);
    ends!(
        list,
        "op.every_mtu",
        &["QP-21", "QP-24", "QP-25", "CM-9"],
        N,
        every_mtu
    );
    ends!(
        list,
        "op.scatter_gather",
        &["QP-21", "MEM-25"],
        N,
        scatter_gather
    );
    ends!(
        list,
        "op.whole_region",
        &["MEM-25", "MEM-10"],
        N,
        whole_region
    );
    ends!(
        list,
        "op.data_before_completion",
        &["QP-36", "CONV-7"],
        N,
        data_before_completion
    );
    ends!(list, "op.counters", &["CNT-1", "CNT-2"], N, counters);
}

/// Lengths around a packet of 1024 bytes and a page.
const LENGTHS: [u32; 12] = [
    1, 2, 3, 63, 1023, 1024, 1025, 4095, 4096, 4097, 10_000, 32_768,
];

fn send<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for (i, length) in LENGTHS.into_iter().enumerate() {
        let data = pattern(length as usize, i as u8);
        let (from, to) = (i * 7, 32768 - 5 - i);
        pair.a.mr.write(from, &data);
        pair.b.mr.write(0, &vec![0xEE; 65536]);
        pair.b.recv(i as u64, to, length)?;
        pair.a
            .run(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(from, length)))?;
        let c = pair.b.received_ok()?;
        equal("byte_count", c.byte_count.get(), length)?;
        equal("opcode of a receive", c.opcode(), WorkOpcode::SEND)?;
        equal("flags of a plain receive", c.flags().0, 1)?;
        equal("immediate of a plain receive", c.immediate.get(), 0)?;
        same_bytes("message", &pair.b.mr.read(to, length as usize), &data)?;
        same_bytes("byte before", &pair.b.mr.read(to - 1, 1), &[0xEE])?;
        same_bytes(
            "byte behind",
            &pair.b.mr.read(to + length as usize, 1),
            &[0xEE],
        )?;
    }
    equal(
        "SENDS_OUT",
        pair.a.dev.counter("SENDS_OUT")?,
        LENGTHS.len() as u64,
    )?;
    equal(
        "SENDS_IN",
        pair.b.dev.counter("SENDS_IN")?,
        LENGTHS.len() as u64,
    )
}

fn send_immediate<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for (i, wire) in [[1, 2, 3, 4], [0; 4], [0xFF; 4], [0x80, 0, 0, 1]]
        .into_iter()
        .enumerate()
    {
        pair.b.recv(1, 0, 4096)?;
        let wqe = Wqe::new(WorkOpcode::SEND_IMMEDIATE)
            .immediate(wire)
            .segment(pair.a.mr.segment(0, i as u32 * 1000));
        pair.a.run(&wqe)?;
        let c = pair.b.received_ok()?;
        equal("immediate", c.immediate.get().to_le_bytes(), wire)?;
        equal("opcode", c.opcode(), WorkOpcode::SEND_IMMEDIATE)?;
        check(
            c.flags().immediate() && !c.flags().invalidated(),
            "flags of a receive with immediate data",
        )?;
        equal("byte_count", c.byte_count.get(), i as u32 * 1000)?;
    }
    Ok(())
}

fn solicited<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for opcode in [
        WorkOpcode::SEND,
        WorkOpcode::SEND_IMMEDIATE,
        WorkOpcode::WRITE_IMMEDIATE,
    ] {
        for flags in [flag::SOLICITED, 0] {
            pair.b.recv(1, 0, 64)?;
            let wqe = Wqe::new(opcode).flags(flags);
            let wqe = if opcode == WorkOpcode::WRITE_IMMEDIATE {
                wqe.remote(pair.b.mr.va(0), pair.b.mr.key)
            } else {
                wqe
            };
            pair.a.run(&wqe.inline(b"event?"))?;
            let c = pair.b.received_ok()?;
            equal("flag solicited", c.flags().solicited(), flags != 0)?;
        }
    }
    Ok(())
}

fn write<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.b.recv(77, 60000, 64)?;
    for (i, length) in LENGTHS.into_iter().enumerate() {
        let data = pattern(length as usize, 40 + i as u8);
        let (from, to) = (4096 - i, 8192 - 3 * i);
        pair.a.mr.write(from, &data);
        pair.b.mr.write(0, &vec![0xEE; 60000]);
        let wqe = Wqe::new(WorkOpcode::WRITE)
            .remote(pair.b.mr.va(to), pair.b.mr.key)
            .segment(pair.a.mr.segment(from, length));
        let c = pair.a.run(&wqe)?;
        equal("byte_count of a write", c.byte_count.get(), 0)?;
        same_bytes("written data", &pair.b.mr.read(to, length as usize), &data)?;
        same_bytes("byte before", &pair.b.mr.read(to - 1, 1), &[0xEE])?;
        same_bytes(
            "byte behind",
            &pair.b.mr.read(to + length as usize, 1),
            &[0xEE],
        )?;
    }
    // No receive was consumed.
    pair.b.rcq.quiet(&pair.b.dev)?;
    equal(
        "WRITES_OUT",
        pair.a.dev.counter("WRITES_OUT")?,
        LENGTHS.len() as u64,
    )?;
    equal(
        "WRITES_IN",
        pair.b.dev.counter("WRITES_IN")?,
        LENGTHS.len() as u64,
    )
}

fn write_immediate<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for length in [0, 1, 1024, 1025, 9000] {
        let data = pattern(length as usize, 3);
        pair.a.mr.write(0, &data);
        pair.b.mr.write(0, &vec![0xEE; 32768]);
        pair.b.recv(5, 16384, 64)?;
        let wqe = Wqe::new(WorkOpcode::WRITE_IMMEDIATE)
            .immediate([9, 8, 7, 6])
            .remote(pair.b.mr.va(100), pair.b.mr.key)
            .segment(pair.a.mr.segment(0, length));
        pair.a.run(&wqe)?;
        let c = pair.b.received_ok()?;
        equal("byte_count", c.byte_count.get(), length)?;
        equal("opcode", c.opcode(), WorkOpcode::WRITE_IMMEDIATE)?;
        equal("immediate", c.immediate.get().to_le_bytes(), [9, 8, 7, 6])?;
        check(c.flags().immediate(), "flag immediate is not set")?;
        same_bytes("written data", &pair.b.mr.read(100, length as usize), &data)?;
        same_bytes(
            "the receive's memory",
            &pair.b.mr.read(16384, 64),
            &[0xEE; 64],
        )?;
    }
    Ok(())
}

fn read<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for (i, length) in LENGTHS.into_iter().enumerate() {
        let data = pattern(length as usize, 80 + i as u8);
        let (from, to) = (9000 + i, 4000 + i);
        pair.b.mr.write(from, &data);
        pair.a.mr.write(0, &vec![0xEE; 60000]);
        let wqe = Wqe::new(WorkOpcode::READ)
            .remote(pair.b.mr.va(from), pair.b.mr.key)
            .segment(pair.a.mr.segment(to, length));
        let c = pair.a.run(&wqe)?;
        equal("byte_count of a read", c.byte_count.get(), length)?;
        equal("opcode", c.opcode(), WorkOpcode::READ)?;
        same_bytes("data read", &pair.a.mr.read(to, length as usize), &data)?;
        same_bytes("byte before", &pair.a.mr.read(to - 1, 1), &[0xEE])?;
        same_bytes(
            "byte behind",
            &pair.a.mr.read(to + length as usize, 1),
            &[0xEE],
        )?;
    }
    equal(
        "READS_OUT",
        pair.a.dev.counter("READS_OUT")?,
        LENGTHS.len() as u64,
    )?;
    equal(
        "READS_IN",
        pair.b.dev.counter("READS_IN")?,
        LENGTHS.len() as u64,
    )
}

fn many_reads<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for read_depth in [1, 2, 16] {
        let mut pair = cx.pair_with(Attributes {
            read_depth,
            ..Attributes::default()
        })?;
        let data = pattern(65536, read_depth);
        pair.b.mr.write(0, &data);
        for i in 0..24_u32 {
            let at = i as usize * 2500;
            let wqe = Wqe::new(WorkOpcode::READ)
                .context(i.into())
                .remote(pair.b.mr.va(at), pair.b.mr.key)
                .segment(pair.a.mr.segment(at, 2500));
            pair.a.qp.send.post(&wqe.bytes);
        }
        pair.a.qp.send.bell(&pair.a.dev)?;
        for i in 0..24 {
            equal("order of reads", pair.a.sent_ok()?.context.get(), i)?;
        }
        same_bytes(
            "data of 24 reads",
            &pair.a.mr.read(0, 60000),
            &data[..60000],
        )?;
    }
    Ok(())
}

fn word<P: TestPlatform>(end: &crate::rig::End<'_, P>, at: usize) -> u64 {
    end.mr.read(at, 8).try_into().map_or(0, u64::from_le_bytes)
}

fn atomics<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for at in [0_usize, 8, 4088, 4096, 65528] {
        let start = 0x0102_0304_0506_0708_u64;
        pair.b.mr.write(at, &start.to_le_bytes());
        let mut expected = start;
        for (opcode, operand, compare) in [
            (WorkOpcode::FETCH_ADD, 1_u64, 0_u64),
            (WorkOpcode::FETCH_ADD, u64::MAX, 0),
            (WorkOpcode::COMPARE_SWAP, 55, start),
            (WorkOpcode::COMPARE_SWAP, 99, start),
            (WorkOpcode::FETCH_ADD, 0x8000_0000_0000_0000, 0),
        ] {
            let wqe = Wqe::new(opcode)
                .atomic(pair.b.mr.va(at), pair.b.mr.key, operand, compare)
                .segment(pair.a.mr.segment(16, 8));
            let c = pair.a.run(&wqe)?;
            equal("byte_count of an atomic", c.byte_count.get(), 8)?;
            equal("old value", word(&pair.a, 16), expected)?;
            expected = match opcode {
                WorkOpcode::FETCH_ADD => expected.wrapping_add(operand),
                _ if expected == compare => operand,
                _ => expected,
            };
            equal("new value", word(&pair.b, at), expected)?;
        }
    }
    check(
        pair.a.dev.counter("ATOMICS_OUT")? >= 25,
        "ATOMICS_OUT does not count",
    )?;
    let wqe = Wqe::new(WorkOpcode::FETCH_ADD)
        .atomic(pair.b.mr.va(4), pair.b.mr.key, 1, 0)
        .segment(pair.a.mr.segment(16, 8));
    pair.a.post(&wqe)?;
    pair.a.sent(
        CompletionStatus::REMOTE_INVALID_REQUEST_ERROR,
        ProviderError::PEER_INVALID_REQUEST,
    )?;
    pair.a.in_error()
}

/// Both ends add to one word at once: nothing is lost.
fn atomics_at_once<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let more = (
        pair.a.another_qp(crate::rig::QpShape::default())?,
        pair.b.another_qp(crate::rig::QpShape::default())?,
    );
    pair.connect_more(&more.0, &more.1, Attributes::default())?;
    let mut second = more.0;
    for _ in 0..24 {
        let wqe = Wqe::new(WorkOpcode::FETCH_ADD)
            .atomic(pair.b.mr.va(64), pair.b.mr.key, 3, 0)
            .segment(pair.a.mr.segment(16, 8));
        pair.a.qp.send.post(&wqe.bytes);
        second.send.post(&wqe.bytes);
    }
    pair.a.qp.send.bell(&pair.a.dev)?;
    second.send.bell(&pair.a.dev)?;
    for _ in 0..48 {
        pair.a.sent_ok()?;
    }
    equal("48 additions of 3", word(&pair.b, 64), 144)
}

fn atomics_not_active<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (a, b) = cx.devices_with(!feature::ATOMICS)?;
    let shape = crate::rig::QpShape::default();
    let mut pair = Pair::unconnected(&a, &b, (shape, shape))?;
    pair.connect(Attributes {
        access: rnic_abi::AccessFlags(6),
        ..Attributes::default()
    })?;
    let wqe = Wqe::new(WorkOpcode::FETCH_ADD)
        .atomic(pair.b.mr.va(0), pair.b.mr.key, 1, 0)
        .segment(pair.a.mr.segment(16, 8));
    pair.a.post(&wqe)?;
    pair.a
        .sent(
            CompletionStatus::LOCAL_OPERATION_ERROR,
            ProviderError::BAD_OPCODE,
        )
        .map(drop)
}

fn inline<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for length in [1, 16, 63, 64] {
        let data = pattern(length, 5);
        pair.b.recv(1, 0, 64)?;
        pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(&data))?;
        equal(
            "byte_count",
            pair.b.received_ok()?.byte_count.get(),
            length as u32,
        )?;
        same_bytes("inline message", &pair.b.mr.read(0, length), &data)?;
        let wqe = Wqe::new(WorkOpcode::WRITE)
            .remote(pair.b.mr.va(4090), pair.b.mr.key)
            .inline(&data);
        pair.a.run(&wqe)?;
        same_bytes("inline write", &pair.b.mr.read(4090, length), &data)?;
    }
    Ok(())
}

fn every_mtu<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let query = crate::request::Request::new(rnic_abi::Opcode::QUERY_PORT);
    let largest = device.ok(&query)?.get("active_mtu") as u8;
    drop(device);
    for mtu in 1..=largest {
        let mut pair = cx.pair_with(Attributes {
            mtu: Mtu(mtu),
            ..Attributes::default()
        })?;
        let packet = 128_usize << mtu;
        for length in [packet - 1, packet, packet + 1, 3 * packet, 20_001] {
            let data = pattern(length, mtu);
            pair.a.mr.write(0, &data);
            pair.b.recv(1, 20_480, length as u32)?;
            pair.a
                .run(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, length as u32)))?;
            pair.b.received_ok()?;
            same_bytes("message", &pair.b.mr.read(20_480, length), &data)?;
            let read = Wqe::new(WorkOpcode::READ)
                .remote(pair.b.mr.va(20_480), pair.b.mr.key)
                .segment(pair.a.mr.segment(32_768, length as u32));
            pair.a.run(&read)?;
            same_bytes("data read back", &pair.a.mr.read(32_768, length), &data)?;
        }
    }
    Ok(())
}

fn scatter_gather<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let data = pattern(10_000, 9);
    let from = [
        (3_usize, 1_u32),
        (5000, 4097),
        (20_000, 2902),
        (40_000, 3000),
    ];
    let to = [
        (1_usize, 4095_u32),
        (8191, 2),
        (30_000, 5000),
        (50_000, 903),
    ];
    let mut done = 0;
    let mut wqe = Wqe::new(WorkOpcode::SEND);
    for (at, length) in from {
        pair.a.mr.write(at, &data[done..done + length as usize]);
        done += length as usize;
        wqe = wqe.segment(pair.a.mr.segment(at, length));
    }
    let segments = to.map(|(at, length)| pair.b.mr.segment(at, length));
    pair.b.qp.post_recv(&pair.b.dev, 4, &segments)?;
    pair.a.run(&wqe)?;
    equal("byte_count", pair.b.received_ok()?.byte_count.get(), 10_000)?;
    let mut got = Vec::new();
    for (at, length) in to {
        got.extend(pair.b.mr.read(at, length as usize));
    }
    same_bytes("scattered message", &got, &data)
}

fn whole_region<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let length = 1 << 20;
    let rights = crate::rig::commands::ALL_RIGHTS;
    let from = pair.a.dev.region_at(pair.a.pd, length, 123, rights)?;
    let to = pair.b.dev.region_at(pair.b.pd, length, 4001, rights)?;
    let data = pattern(length, 77);
    from.write(0, &data);
    // The device translates by what it copied.
    for mr in [&from, &to] {
        for page in 0..mr.pages.count {
            mr.pages.list.store_u64(page * 8, 0xDEAD_0000_0000);
        }
    }
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(to.va(0), to.key)
        .segment(from.segment(0, length as u32));
    pair.a.run(&wqe)?;
    same_bytes("a write of 1 MiB", &to.read(0, length), &data)?;
    from.write(0, &vec![0; length]);
    let wqe = Wqe::new(WorkOpcode::READ)
        .remote(to.va(0), to.key)
        .segment(from.segment(0, length as u32));
    pair.a.run(&wqe)?;
    same_bytes("a read of 1 MiB", &from.read(0, length), &data)
}

/// The write is there when the completion of the send behind it is.
fn data_before_completion<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for i in 0..64_u8 {
        let data = pattern(3000, i);
        pair.a.mr.write(0, &data);
        pair.b.recv(1, 60_000, 64)?;
        let write = Wqe::new(WorkOpcode::WRITE)
            .flags(flag::SILENT)
            .remote(pair.b.mr.va(0), pair.b.mr.key)
            .segment(pair.a.mr.segment(0, 3000));
        pair.a.qp.send.post(&write.bytes);
        let send = Wqe::new(WorkOpcode::SEND).flags(flag::SILENT).inline(&[i]);
        pair.a.qp.send.post(&send.bytes);
        pair.a.qp.send.bell(&pair.a.dev)?;
        pair.b.received_ok()?;
        same_bytes("write before send", &pair.b.mr.read(0, 3000), &data)?;
        same_bytes("message", &pair.b.mr.read(60_000, 1), &[i])?;
    }
    Ok(())
}

/// [CNT-2]: a message of n packets is n frames and an acknowledgement, whatever carried it.
fn counters<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.alive()?;
    let before = (
        pair.a.dev.counter("FRAMES_OUT")?,
        pair.a.dev.counter("OCTETS_OUT")?,
        pair.b.dev.counter("FRAMES_IN")?,
        pair.b.dev.counter("OCTETS_IN")?,
    );
    let write = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .segment(pair.a.mr.segment(0, 4096));
    pair.a.run(&write)?;
    // Ethernet 14, IPv4 20, UDP 8, BTH 12, invariant CRC 4; RETH 16 in the first; AETH 4 in the acknowledgement.
    let (frames, octets) = (4, 4096 + 4 * 58 + 16);
    let (sent, received) = if pair.same {
        (frames + 1, octets + 62)
    } else {
        (frames, octets)
    };
    pair.a.dev.settle();
    equal(
        "FRAMES_OUT for 4096 bytes",
        pair.a.dev.counter("FRAMES_OUT")? - before.0,
        sent,
    )?;
    equal(
        "OCTETS_OUT for 4096 bytes",
        pair.a.dev.counter("OCTETS_OUT")? - before.1,
        received,
    )?;
    equal(
        "FRAMES_IN for 4096 bytes",
        pair.b.dev.counter("FRAMES_IN")? - before.2,
        sent,
    )?;
    equal(
        "OCTETS_IN for 4096 bytes",
        pair.b.dev.counter("OCTETS_IN")? - before.3,
        received,
    )
}
