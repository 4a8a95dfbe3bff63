//! One queue pair: what it writes, and what it gets.

use rnic_abi::{AccessFlags, ModifyMask, ModifyQpRequest, QpState, QpType, WorkFlags, WorkOpcode};
use rnic_driver_core::{
    Data, Datagram, Key, Operation, Outcome, Qp, QpGeometry, QpReceive, Remote, Wc, WorkRequest,
    segment,
};
use rnic_platform::DmaBuffer;
use zerocopy::little_endian::U32;

use crate::end::{to_rts, to_state};
use crate::guest::{Guest, address};
use crate::platform::{SimDma, SimPlatform, mac};
use crate::random::{Random, bytes_of};

use super::{LETTERS, Letters};

/// Bytes of a slot.
const SLOT: u32 = 8192;
/// Receives.
const RECEIVES: usize = 8;
/// Where letters are written.
const PAPER_AT: u32 = RECEIVES as u32 * SLOT;
/// Slots that the peer writes to, one for each of its letters.
const TARGET_AT: u32 = PAPER_AT + SLOT;
const ALL: u32 = TARGET_AT + LETTERS as u32 * SLOT;
const BASE: u64 = 0x30_0000;
const KEY: u32 = 0x5EED_0001;
const GRH: usize = rnic_abi::consts::GRH_BYTES as usize;
/// Bytes that tell letters apart.
const NAME: usize = 8;
/// What target slots hold before.
const BLANK: u8 = 0xA5;

/// What a letter comes to, where nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A receive, if there is one that is long enough.
    Receive,
    /// Memory, and nobody is told.
    Silent,
    /// Another queue key.
    WrongKey,
    /// No such queue pair.
    NoQueuePair,
    /// A key that is not there.
    NoAccess,
}

/// A letter.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub fate: Fate,
    /// Office that it is for.
    to: usize,
    opcode: WorkOpcode,
    bytes: Vec<u8>,
    immediate: Option<[u8; 4]>,
    solicited: bool,
    pub arrived: u32,
}

/// A queue pair.
pub(super) struct Office {
    pub guest: usize,
    service: QpType,
    qp: Option<Qp<SimPlatform>>,
    memory: SimDma,
    key: Key,
    pub letters: Vec<Letter>,
    /// Sends that completed.
    left: usize,
    /// Slots of receives in the queue, with their lengths, oldest first.
    posted: std::collections::VecDeque<(usize, u32)>,
    free: Vec<usize>,
    /// The last letter that arrived from each office.
    last: std::collections::BTreeMap<usize, usize>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office")
            .field("guest", &self.guest)
            .field("service", &self.service)
            .field("letters", &self.letters.len())
            .field("left", &self.left)
            .field("receives", &self.posted)
            .finish_non_exhaustive()
    }
}

impl Office {
    pub(super) fn new(guest: &mut Guest, index: usize, service: QpType) -> Result<Self, String> {
        let memory = guest.memory(ALL as usize)?;
        memory.write(TARGET_AT as usize, &vec![BLANK; LETTERS * SLOT as usize]);
        let access = AccessFlags::default()
            .with_local_write(true)
            .with_remote_write(true);
        let key = guest.register(&memory, 0, ALL.into(), BASE, access)?;
        let geometry = QpGeometry {
            pd: guest.pd,
            qp_type: service,
            send_cq: guest.cqs[0].cqn(),
            recv_cq: guest.cqs[0].cqn(),
            send_entries: 4,
            max_send_segments: 2,
            max_inline: 64,
            receive: QpReceive::Own {
                entries: RECEIVES as u32,
                max_segments: 2,
            },
            qp1: false,
            context: 7,
        };
        let created = guest.call("create_qp", |c, nic| Ok(c.create_qp(nic, 0, &geometry)?))?;
        let Outcome::Qp(qp) = created else {
            return Err(format!("create_qp gave {}", created.name()));
        };
        Ok(Self {
            guest: index,
            service,
            qp: Some(qp),
            memory,
            key,
            letters: Vec::new(),
            left: 0,
            posted: std::collections::VecDeque::new(),
            free: (0..RECEIVES).collect(),
            last: std::collections::BTreeMap::new(),
        })
    }

    pub(super) fn qpn(&self) -> u32 {
        self.qp.as_ref().map_or(0, |qp| qp.qpn.get())
    }

    pub(super) fn is_done(&self) -> bool {
        self.letters.len() == LETTERS && self.left == LETTERS
    }

    /// A send completed: the oldest, with success, whatever became of it. [UD-5] [UC-3]
    pub(super) fn left(&mut self, wc: &Wc) -> Result<(), String> {
        let letter = self.letters.get(self.left).ok_or("nothing was sent")?;
        if wc.context != self.left as u64 || wc.opcode != letter.opcode || wc.byte_count != 0 {
            return Err(format!("letter {} is the oldest", self.left));
        }
        let qp = self.qp.as_mut().ok_or("no queue pair")?;
        qp.send
            .retire_to(wc.retired)
            .map_err(|error| format!("{error:?}"))?;
        self.left += 1;
        // It has left: the paper is used for another.
        self.memory.write(PAPER_AT as usize, &[0xDD; SLOT as usize]);
        Ok(())
    }

    /// Destroys the queue pair.
    pub(super) fn close(&mut self, guest: &mut Guest) -> Result<(), String> {
        if let Some(qp) = self.qp.take() {
            let ended = guest.call_once(|control, nic| control.destroy_qp(nic, 0, qp));
            ended?.map_err(|failure| format!("destroy_qp: {}", failure.error))?;
        }
        Ok(())
    }
}

impl Letters {
    /// Takes every queue pair to RTS.
    pub(super) fn open(&mut self, random: &mut Random) -> Result<(), String> {
        for number in 0..self.offices.len() {
            let office = &self.offices[number];
            let (guest, qpn) = (office.guest, office.qp.as_ref().map(|qp| qp.qpn));
            let qpn = qpn.ok_or("no queue pair")?;
            let (rtr, rts) = match office.service {
                QpType::UC => {
                    let peer = &self.offices[self.peer_of(number)];
                    let request = ModifyQpRequest {
                        peer_qpn: U32::new(peer.qpn()),
                        recv_psn: U32::new(random.below(1 << 24) as u32),
                        peer_address: address(peer.guest, self.ipv6),
                        next_hop: mac(peer.guest).0,
                        hop_limit: 64,
                        ..request()
                    };
                    let mask = ModifyMask::default()
                        .with_next_hop(true)
                        .with_recv_psn(true)
                        .with_access(true);
                    let access = AccessFlags::default().with_remote_write(true);
                    (
                        request.with_mask(mask).with_access(access),
                        random.below(1 << 24),
                    )
                }
                _ => {
                    let request = ModifyQpRequest {
                        qkey: U32::new(KEY),
                        ..request()
                    };
                    let mask = ModifyMask::default().with_qkey(true);
                    (request.with_mask(mask), random.below(1 << 24))
                }
            };
            let mask = rtr.mask().with_state(true).with_path(true);
            let rtr = rtr
                .with_mask(mask)
                .with_path_mtu(self.mtu)
                .with_state(QpState::RTR);
            let guest = &mut self.guests[guest];
            for request in [rtr, to_rts(rts as u32)] {
                guest.call(
                    "modify_qp",
                    |c, nic| Ok(c.modify_qp(nic, 0, qpn, &request)?),
                )?;
            }
        }
        Ok(())
    }

    fn mtu_bytes(&self) -> u32 {
        128 << self.mtu.0
    }

    /// Posts a receive, which may be too short for much.
    pub(super) fn feed(&mut self, number: usize) -> Result<(), String> {
        let short = self.random.percent(6);
        let length = if short {
            self.random.between(0, 200) as u32
        } else {
            SLOT
        };
        let cut = self.random.between(0, u64::from(length)) as u32;
        let office = &mut self.offices[number];
        let (Some(slot), Some(recv)) = (
            office.free.pop(),
            office.qp.as_mut().and_then(|qp| qp.recv.as_mut()),
        ) else {
            return Ok(());
        };
        let at = BASE + u64::from(slot as u32 * SLOT);
        let pieces = [
            segment(at, cut, office.key),
            segment(at + u64::from(cut), length - cut, office.key),
        ];
        recv.post(slot as u64, &pieces)
            .map_err(|error| error.to_string())?;
        recv.ring(&self.guests[office.guest].nic);
        office.posted.push_back((slot, length));
        Ok(())
    }

    /// Posts the next letter of an office, when the one before has left.
    pub(super) fn write(&mut self, number: usize) -> Result<(), String> {
        let office = &self.offices[number];
        if office.letters.len() != office.left || office.letters.len() == LETTERS {
            return Ok(());
        }
        let letter = match office.service {
            QpType::UC => self.message(number),
            _ => self.datagram(number),
        };
        let index = self.offices[number].letters.len();
        let to = &self.offices[letter.to];
        let remote = Remote {
            address: BASE + u64::from(TARGET_AT) + index as u64 * u64::from(SLOT),
            key: match letter.fate {
                Fate::NoAccess => Key(to.key.0 ^ 0x55),
                _ => to.key,
            },
        };
        let destination = Datagram {
            address: address(to.guest, self.ipv6),
            qpn: match letter.fate {
                Fate::NoQueuePair => 0xAB_CDEF,
                _ => to.qpn(),
            },
            qkey: match letter.fate {
                Fate::WrongKey => KEY ^ 2,
                // The controlled bit: the queue pair's own, which is the same.
                _ if self.random.percent(20) => KEY | 1 << 31,
                _ => KEY,
            },
            traffic_class: 0,
            hop_limit: index as u8,
            flow_label: 0,
            source_port: 0,
        };
        let inline = letter.bytes.len() <= 64 && self.random.percent(50);
        let datagram = self.offices[number].service == QpType::UD;
        let office = &mut self.offices[number];
        office.memory.write(PAPER_AT as usize, &letter.bytes);
        let length = letter.bytes.len() as u32;
        let half = length / 2;
        let paper = BASE + u64::from(PAPER_AT);
        let pieces = [
            segment(paper, half, office.key),
            segment(paper + u64::from(half), length - half, office.key),
        ];
        let data = if inline {
            Data::Inline(&letter.bytes)
        } else {
            Data::Segments(&pieces)
        };
        let immediate = letter.immediate.unwrap_or_default();
        let operation = match letter.opcode {
            _ if datagram => Operation::SendDatagram(data, destination, letter.immediate),
            WorkOpcode::SEND_IMMEDIATE => Operation::SendImmediate(data, immediate),
            WorkOpcode::WRITE => Operation::Write(data, remote),
            WorkOpcode::WRITE_IMMEDIATE => Operation::WriteImmediate(data, remote, immediate),
            _ => Operation::Send(data),
        };
        let work = WorkRequest {
            context: index as u64,
            operation,
            flags: WorkFlags::default().with_solicited(letter.solicited),
        };
        let qp = office.qp.as_mut().ok_or("no queue pair")?;
        qp.send.post(&work).map_err(|error| error.to_string())?;
        qp.send.ring(&self.guests[office.guest].nic);
        self.progress += 1;
        let kind = if datagram { "datagram" } else { "message" };
        let name = letter.opcode.name().unwrap_or("unknown");
        self.coverage.hit(&format!("letter {kind} {name}"));
        self.offices[number].letters.push(letter);
        let text = format!(
            "{:?}",
            self.offices[number].letters.last().map(|l| (l.fate, l.to))
        );
        self.note(format_args!(
            "office {number} writes letter {index}: {text}, {length} bytes"
        ));
        Ok(())
    }

    /// A letter of this many bytes at most, told apart by its first ones, or by its immediate data.
    fn letter(&mut self, number: usize, to: usize, opcode: WorkOpcode, most: u32) -> Letter {
        let index = self.offices[number].letters.len();
        let carries = matches!(
            opcode,
            WorkOpcode::SEND_IMMEDIATE | WorkOpcode::WRITE_IMMEDIATE
        );
        let name = (number as u32) << 16 | index as u32;
        let length = match self.random.below(6) {
            0 if carries => 0,
            0 | 1 => self.random.between(NAME as u64, 100) as u32,
            _ => self.random.between(NAME as u64, u64::from(most)) as u32,
        };
        let mut bytes = bytes_of(self.random.word(), length as usize);
        if let Some(first) = bytes.first_chunk_mut::<NAME>() {
            *first = (u64::from(name) | 0x01E7_7E12 << 32).to_le_bytes();
        }
        Letter {
            fate: Fate::Receive,
            to,
            opcode,
            bytes,
            immediate: carries.then(|| name.to_be_bytes()),
            solicited: opcode != WorkOpcode::WRITE && self.random.percent(30),
            arrived: 0,
        }
    }

    fn datagram(&mut self, number: usize) -> Letter {
        // To itself too.
        let to = self.random.index(self.guests.len());
        let opcode = self
            .random
            .pick(&[WorkOpcode::SEND, WorkOpcode::SEND_IMMEDIATE]);
        let mut letter = self.letter(number, to, opcode, self.mtu_bytes());
        letter.fate = match self.random.below(20) {
            0 => Fate::WrongKey,
            1 => Fate::NoQueuePair,
            _ => Fate::Receive,
        };
        letter
    }

    fn message(&mut self, number: usize) -> Letter {
        let to = self.peer_of(number);
        let opcode = self.random.pick(&[
            WorkOpcode::SEND,
            WorkOpcode::SEND_IMMEDIATE,
            WorkOpcode::WRITE,
            WorkOpcode::WRITE_IMMEDIATE,
        ]);
        let mut letter = self.letter(number, to, opcode, SLOT);
        let writes = matches!(opcode, WorkOpcode::WRITE | WorkOpcode::WRITE_IMMEDIATE);
        letter.fate = match opcode {
            _ if writes && !letter.bytes.is_empty() && self.random.percent(10) => Fate::NoAccess,
            WorkOpcode::WRITE => Fate::Silent,
            _ => Fate::Receive,
        };
        letter
    }

    /// A receive completed. [UD-8] [UD-9] [UC-4]
    pub(super) fn arrived(&mut self, number: usize, wc: &Wc) -> Result<(), String> {
        let mtu = self.mtu_bytes();
        let office = &mut self.offices[number];
        let (slot, room) = office.posted.pop_front().ok_or("no receive was posted")?;
        if wc.context != slot as u64 {
            return Err(format!("the receive in slot {slot} is the oldest"));
        }
        let recv = office.qp.as_mut().and_then(|qp| qp.recv.as_mut());
        recv.ok_or("no receive queue")?
            .retire_to(wc.retired)
            .map_err(|error| format!("{error:?}"))?;
        office.free.push(slot);
        let datagram = office.service == QpType::UD;
        let mut bytes = vec![0; room as usize];
        office.memory.read(slot * SLOT as usize, &mut bytes);
        let ahead = if datagram { GRH } else { 0 };
        let write = wc.opcode == WorkOpcode::WRITE_IMMEDIATE;
        let length = wc.byte_count as usize;
        let data = match write {
            true => &[][..],
            false => bytes.get(ahead..length).ok_or("longer than the receive")?,
        };
        let name = match (wc.immediate(), data.first_chunk::<NAME>()) {
            (Some(immediate), _) => u32::from_be_bytes(immediate),
            (None, Some(first)) => u64::from_le_bytes(*first) as u32,
            (None, None) => return Err("a letter without a name".to_owned()),
        };
        let (from, index) = ((name >> 16) as usize, (name & 0xFFFF) as usize);
        let letters = self.offices.get(from).map(|office| &office.letters);
        let letter = letters
            .and_then(|letters| letters.get(index))
            .ok_or("a letter that nobody wrote")?
            .clone();
        let sender = (self.offices[from].guest, self.offices[from].qpn());
        let whole = match write {
            true => length == letter.bytes.len(),
            false => data == &letter.bytes[..],
        };
        let same = letter.to == number
            && letter.fate == Fate::Receive
            && wc.opcode == letter.opcode
            && wc.immediate() == letter.immediate
            && wc.flags.solicited() == letter.solicited;
        if !whole || !same {
            return Err(format!(
                "letter {index} of office {from} came otherwise: {letter:?}"
            ));
        }
        if wc.flags.grh() != datagram || wc.source_qpn != if datagram { sender.1 } else { 0 } {
            return Err("flags or sender are wrong".to_owned());
        }
        if datagram {
            // What no checksum protects may come otherwise from a wire that damages frames.
            let hops = (!self.ipv6 || !self.wire.loses).then_some(index);
            let functions = (sender.0, self.offices[number].guest);
            check_area(&bytes[..GRH], self.ipv6, functions, hops)?;
        }
        if write {
            // [QP-36] The whole of it lies there before its completion is visible.
            let at = TARGET_AT as usize + index * SLOT as usize;
            let mut there = vec![0; length];
            self.offices[number].memory.read(at, &mut there);
            if there != letter.bytes {
                return Err(format!(
                    "letter {index} was told of and is not there ({mtu})"
                ));
            }
        }
        if letter.arrived > 0 && !self.wire.doubles {
            return Err(format!("letter {index} of office {from} came twice"));
        }
        let last = self.offices[number].last.insert(from, index);
        if last.is_some_and(|last| last > index) && !self.wire.disorders {
            return Err(format!("letter {index} of office {from} overtook"));
        }
        self.offices[from].letters[index].arrived += 1;
        Ok(())
    }

    /// What the peer wrote: each packet's bytes are those of the letter, or were never touched.
    pub(super) fn check_writes(&self, number: usize) -> Result<(), String> {
        let office = &self.offices[number];
        if office.service != QpType::UC {
            return Ok(());
        }
        let mtu = self.mtu_bytes() as usize;
        let sender = &self.offices[self.peer_of(number)];
        for (index, letter) in sender.letters.iter().enumerate() {
            let mut there = vec![0; SLOT as usize];
            let at = TARGET_AT as usize + index * SLOT as usize;
            office.memory.read(at, &mut there);
            let writes = matches!(
                letter.opcode,
                WorkOpcode::WRITE | WorkOpcode::WRITE_IMMEDIATE
            ) && letter.fate != Fate::NoAccess;
            let bytes = if writes { &letter.bytes[..] } else { &[] };
            let (written, blank) = there.split_at(bytes.len());
            if blank.iter().any(|byte| *byte != BLANK) {
                return Err(format!("letter {index} was written where it was not to be"));
            }
            let untouched = |packet: &[u8]| packet.iter().all(|byte| *byte == BLANK);
            // One that found no receive for its immediate data may lack its end [UC-6].
            let dropped = letter.opcode == WorkOpcode::WRITE_IMMEDIATE && letter.arrived == 0;
            let may_miss = dropped || self.wire.loses || self.wire.disorders || self.wire.doubles;
            for (found, sent) in written.chunks(mtu).zip(bytes.chunks(mtu)) {
                if found != sent && !(may_miss && untouched(found)) {
                    return Err(format!("letter {index} is written wrongly"));
                }
            }
        }
        Ok(())
    }
}

/// What both services have in their path.
fn request() -> ModifyQpRequest {
    ModifyQpRequest {
        udp_source_port: zerocopy::little_endian::U16::new(0xC123),
        ..to_state(QpState::RTR)
    }
}

/// The header before a datagram. [UD-9]
fn check_area(
    area: &[u8],
    ipv6: bool,
    (from, to): (usize, usize),
    hops: Option<usize>,
) -> Result<(), String> {
    let same = |byte: u8| hops.is_none_or(|n| usize::from(byte) == if n == 0 { 64 } else { n });
    let (from, to) = (address(from, ipv6), address(to, ipv6));
    let good = if ipv6 {
        area[0] >> 4 == 6 && same(area[7]) && area[8..24] == from && area[24..40] == to
    } else {
        area[..20] == [0; 20]
            && area[20] == 0x45
            && same(area[28])
            && area[32..36] == from[12..]
            && area[36..40] == to[12..]
    };
    good.then_some(())
        .ok_or_else(|| format!("the header before a datagram is wrong: {area:02x?}"))
}
