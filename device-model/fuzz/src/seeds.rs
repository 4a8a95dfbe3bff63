//! Inputs to begin with: frames of captures, and the usual life of a device in the terms of each target.

use std::path::{Path, PathBuf};

use rnic_abi::{COMMANDS, Opcode, WorkFlags, WorkHeader, WorkOpcode, reg};
use rnic_wire::{CmMad, Frame, Qpn};
use zerocopy::IntoBytes;

/// Frames of one capture that are used.
const FRAMES_A_CAPTURE: usize = 12;
/// Bytes of a pcap file's header, and of each record's (libpcap file format).
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Inputs of a target by name, as `targets::ALL` has it.
#[must_use]
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "wire" => frames(),
        "cm" => cm(),
        "forged" => forged(),
        "registers" => registers(),
        "commands" => commands(),
        "work" => work(),
        "vfio-user" => vfio_user(),
        _ => Vec::new(),
    }
}

/// The folder of a target's corpus: what runs have found and was worth keeping.
#[must_use]
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// The first frames of every capture of the wire crate.
#[must_use]
pub fn frames() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/captures");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "pcap"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| of_capture(&std::fs::read(file).unwrap_or_default()))
        .collect()
}

fn of_capture(file: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = file.get(FILE_HEADER..).unwrap_or_default();
    while let Some((header, data)) = rest.split_at_checked(RECORD_HEADER) {
        let length = header.get(8..12).and_then(|bytes| bytes.try_into().ok());
        let length = length.map_or(0, u32::from_le_bytes) as usize;
        let Some((frame, later)) = data.split_at_checked(length) else {
            break;
        };
        frames.push(frame.to_vec());
        rest = later;
        if frames.len() == FRAMES_A_CAPTURE {
            break;
        }
    }
    frames
}

/// The CM messages of the captures, one by one and in the order in which they were sent.
fn cm() -> Vec<Vec<u8>> {
    let messages: Vec<Vec<u8>> = frames()
        .iter()
        .filter_map(|frame| {
            let frame = Frame::parse(frame).ok()?;
            let to_manager = frame.packet.bth.dest_qpn == Qpn::GSI;
            let mad = to_manager.then(|| CmMad::parse(frame.packet.payload).ok())??;
            let bytes = mad.message.to_bytes();
            // A message from 10.0.0.9, made of zeros with these bytes at 0.
            let attribute = u8::try_from(mad.message.attribute() - 0x10).ok()?;
            let mut input = vec![0, attribute, 1, 1, 1, 0, u8::try_from(bytes.len()).ok()?];
            input.extend(bytes);
            input.push(1);
            Some(input)
        })
        .collect();
    let mut seeds = messages.clone();
    seeds.push(messages.concat());
    // Then the consumer's words and time.
    let mut talk = messages.concat();
    talk.extend([
        6, 0, 1, 0, 1, 6, 1, 1, 0, 1, 7, 6, 2, 1, 0, 1, 6, 3, 1, 0, 1, 7,
    ]);
    seeds.push(talk);
    seeds
}

/// Every shape of message from the peer and from a stranger, as it is and with the second identifier changed.
fn forged() -> Vec<Vec<u8>> {
    let message = |host: u8, kind: u8, change: &[u8]| {
        let mut step = vec![host, kind];
        step.extend(change);
        // Attribute of its own, transaction, no time.
        step.extend([0xFF, 5, 1]);
        step
    };
    let all = |host: u8, change: &[u8]| -> Vec<u8> {
        (0..7)
            .flat_map(|kind| message(host, kind, change))
            .collect()
    };
    let other_id = [1, 4, 4, 0, 0, 0, 9];
    vec![
        all(1, &[0]),
        all(0, &other_id),
        all(2, &other_id),
        [all(0, &other_id), all(1, &[0]), all(1, &[0])].concat(),
        // Requests for another queue pair, one after the other.
        (0..16)
            .flat_map(|n| message(1, 0, &[1, 0, 4, 0, 0, 1, n]))
            .collect(),
    ]
}

fn registers() -> Vec<Vec<u8>> {
    let write = |offset: u64, value: u32| {
        let [low, high, ..] = offset.to_le_bytes();
        let mut step = vec![2, 0, 0x10 | high & 0x0F, low, 4];
        step.extend(u64::from(value).to_le_bytes());
        step
    };
    let run = [13, 10, 0, 0xFF, 0xFF, 64];
    let mut bring_up = vec![0];
    for step in [
        write(reg::DEVICE_CONTROL, 1),
        write(reg::CMD_SIZE, 8),
        write(reg::CMD_DESC, 0x10_0000),
        write(reg::CMD_AVAIL, 0x10_1000),
        write(reg::CMD_USED, 0x10_2000),
        write(reg::CMD_CONTROL, 1),
        run.to_vec(),
        write(reg::CMD_NOTIFY, 0),
        run.to_vec(),
        write(reg::INTR_TEST, u32::MAX),
        write(reg::KICK, 1),
        write(reg::DEVICE_CONTROL, 1 << 31),
        run.to_vec(),
    ] {
        bring_up.extend(step);
    }
    let mut started = vec![1];
    // A store to a doorbell, a read of everything, resets, memory gone and back, parking.
    started.extend([7, 8, 2, 1, 0, 0, 0, 0, 0, 0, 0]);
    started.extend([0, 0, 0x10, 0, 4, 1, 2, 0x10, 64, 8]);
    for kind in 0..8 {
        started.extend([12, kind]);
        started.extend(run);
    }
    started.extend([5, 0, 0, 4, 6, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    vec![bring_up, started]
}

/// Each command alone, with nothing in it and with ones in its first fields, and all in one life.
fn commands() -> Vec<Vec<u8>> {
    let number = |code: Opcode| {
        let at = COMMANDS.iter().position(|info| info.code == code);
        u8::try_from(at.unwrap_or(0)).unwrap_or(0)
    };
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let mut all = Vec::new();
    for info in COMMANDS {
        let n = number(info.code);
        all.extend([n, 0]);
        seeds.push(vec![n, 0, n, 1, 0, 4, 1, 0, 0, 0, n, 1, 4, 4, 1, 0, 0, 0]);
    }
    seeds.push(all);
    // A domain, and regions and windows in it.
    let handle = [1, 0, 4, 1, 0, 0, 0];
    let mut memory = vec![number(Opcode::CREATE_PD), 0];
    for code in [
        Opcode::CREATE_MW,
        Opcode::CREATE_FAST_MR,
        Opcode::BEGIN_MR,
        Opcode::DESTROY_PD,
    ] {
        memory.push(number(code));
        memory.extend(handle);
    }
    seeds.push(memory);
    seeds
}

/// One entry of each operation, inline where it can be, and a receive before it.
fn work() -> Vec<Vec<u8>> {
    let receive = |input: &mut Vec<u8>| {
        // The other queue pair's receive queue: one segment of the region, whose key is 2.
        let mut entry = vec![0; 16];
        entry[8..10].copy_from_slice(&1u16.to_le_bytes());
        entry.extend(0x1_0000u64.to_le_bytes());
        entry.extend(256u32.to_le_bytes());
        entry.extend(0x201u32.to_le_bytes());
        input.extend([0b11, u8::try_from(entry.len()).unwrap_or(0)]);
        input.extend(entry);
    };
    let mut seeds = Vec::new();
    for code in 1..=12u8 {
        for inline in [true, false] {
            let flags = if inline {
                WorkFlags::INLINE
            } else {
                WorkFlags(0)
            };
            let mut header = WorkHeader::zeroed()
                .with_opcode(WorkOpcode(code))
                .with_flags(flags);
            header.context.set(u64::from(code));
            header.data_count.set(if inline { 8 } else { 1 });
            let mut entry = header.as_bytes().to_vec();
            // Address and key of the peer's memory, or whatever the operation has there.
            entry.extend(0x1_0100u64.to_le_bytes());
            entry.extend(0x201u32.to_le_bytes());
            entry.resize(rnic_abi::consts::SEGMENTS_AT as usize, 0);
            entry.extend(0x1_0000u64.to_le_bytes());
            entry.extend(8u32.to_le_bytes());
            entry.extend(0x201u32.to_le_bytes());
            let mut input = vec![0x0F];
            receive(&mut input);
            input.extend([0, u8::try_from(entry.len()).unwrap_or(0)]);
            input.extend(&entry);
            input.extend([5 << 2, 6 << 2, 3, 7 << 2, 9, 0, 0, 0, 0, 0, 0, 0]);
            seeds.push(input);
        }
    }
    seeds
}

/// Messages of a good client, each with its length and none of its descriptors.
fn vfio_user() -> Vec<Vec<u8>> {
    let message = |command: u16, body: &[u8]| {
        let mut bytes = vec![1, 0];
        bytes.extend(command.to_le_bytes());
        bytes.extend((16 + body.len() as u32).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    };
    let mut version = vec![0, 0, 1, 0];
    version.extend(b"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}\0");
    let mut map = 32u32.to_le_bytes().to_vec();
    map.extend(3u32.to_le_bytes());
    map.extend([0; 8]);
    map.extend(0x10_0000u64.to_le_bytes());
    map.extend(0x1000u64.to_le_bytes());
    let mut unmap = 24u32.to_le_bytes().to_vec();
    unmap.extend([0; 4]);
    unmap.extend(0x10_0000u64.to_le_bytes());
    unmap.extend(0x1000u64.to_le_bytes());
    let info = |size: u32, index: u32| {
        let mut body = size.to_le_bytes().to_vec();
        body.extend([0; 4]);
        body.extend(index.to_le_bytes());
        body.resize(size as usize, 0);
        body
    };
    let access = |count: u32, data: &[u8]| {
        let mut body = 0x10u64.to_le_bytes().to_vec();
        body.extend(0u32.to_le_bytes());
        body.extend(count.to_le_bytes());
        body.extend(data);
        body
    };
    let mut irqs = 20u32.to_le_bytes().to_vec();
    irqs.extend(0x21u32.to_le_bytes());
    irqs.extend(2u32.to_le_bytes());
    irqs.extend(0u32.to_le_bytes());
    irqs.extend(4u32.to_le_bytes());
    let messages = [
        message(1, &version),
        message(2, &map),
        message(4, &info(16, 0)),
        message(5, &info(32, 2)),
        message(7, &info(16, 2)),
        message(8, &irqs),
        message(9, &access(4, &[])),
        message(10, &access(4, &[1, 2, 3, 4])),
        message(3, &unmap),
        message(13, &[]),
    ];
    let in_reads = |messages: &[Vec<u8>], size: usize| {
        let stream = messages.concat();
        let mut input = Vec::new();
        for part in stream.chunks(size) {
            input.extend([0, u8::try_from(part.len()).unwrap_or(0)]);
            input.extend(part);
        }
        input
    };
    let mut seeds = vec![in_reads(&messages, 255), in_reads(&messages, 7)];
    // The greeting, then each message alone.
    for one in &messages[1..] {
        seeds.push(in_reads(&[messages[0].clone(), one.clone()], 255));
    }
    seeds
}
