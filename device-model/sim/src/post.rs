//! Posting: requests and receives, with what the oracle expects of them.

use rnic_abi::{AccessFlags, Segment, WorkFlags, WorkOpcode};
use rnic_driver_core::{
    Atomic, Bind, Data, FastRegister, Key, Operation, PostError, Remote, WorkRequest, segment,
};
use rnic_platform::DmaBuffer;

use crate::arena::{LEND, LEND_AT, OWN, OWN_AT, Piece, SLOT, SLOT_DATA};
use crate::end::{End, Message, Purpose, Request, SEND_ENTRIES, Target};
use crate::guest::Posted;
use crate::plan::{Loan, Op};
use crate::random::bytes_of;
use crate::sim::Sim;

/// How a request differs from an ordinary one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Twist {
    /// It will fail: the oracle expects no effect.
    pub fails: bool,
    /// This key in all local segments.
    pub local_key: Option<Key>,
    /// These flags besides.
    pub flags: u8,
    /// Key of a SEND_INVALIDATE.
    pub invalidates: Option<Key>,
    /// Data come from, or go to, the own region with this key and base.
    pub own: Option<(Key, u64)>,
}

fn overlaps(one: Piece, other: Piece) -> bool {
    one.at < other.at + other.length && other.at < one.at + one.length
}

impl Sim {
    /// Posts an operation of an end; false when there is no room now.
    ///
    /// # Errors
    /// The driver found the device at fault.
    pub fn post(
        &mut self,
        number: usize,
        op: &Op,
        target: Target,
        twist: Twist,
    ) -> Result<bool, String> {
        let needed = if op.inline || twist.own.is_some() {
            0
        } else {
            op.length.div_ceil(SLOT_DATA) as usize
        };
        let end = &mut self.ends[number];
        if !has_room(end)? || end.slots.len() < needed {
            return Ok(false);
        }
        let slots: Vec<usize> = (0..needed).filter_map(|_| end.slots.pop()).collect();
        let (pieces, segments) = self.layout(number, op, &slots, twist);
        let reads_remote = matches!(
            op.opcode,
            WorkOpcode::READ
                | WorkOpcode::READ_INVALIDATE
                | WorkOpcode::COMPARE_SWAP
                | WorkOpcode::FETCH_ADD
        );
        let there = Piece {
            at: target.at + op.target,
            length: op.length,
        };
        let remote = Remote {
            address: target.base + u64::from(op.target),
            key: target.key,
        };
        let data = bytes_of(op.value, op.length as usize);
        let data = if twist.own.is_some() && !reads_remote {
            let mut kept = Vec::new();
            for piece in &pieces {
                kept.extend_from_slice(self.ends[number].arena.expected(*piece));
            }
            kept
        } else {
            data
        };
        if !reads_remote && !op.inline && twist.own.is_none() {
            let mut rest = &data[..];
            for piece in &pieces {
                let (now, later) = rest.split_at(piece.length as usize);
                self.ends[number].arena.store(piece.at, now);
                rest = later;
            }
        }
        let old = if reads_remote {
            let peer = &self.ends[number ^ 1].arena;
            if twist.fails {
                vec![0; op.length as usize]
            } else {
                peer.expected(there).to_vec()
            }
        } else {
            Vec::new()
        };
        let immediate = (op.value as u32).to_be_bytes();
        let source = if op.inline {
            Data::Inline(&data)
        } else {
            Data::Segments(&segments)
        };
        let invalidates = twist.invalidates.unwrap_or(target.key);
        let atomic = |into: &[Segment]| Atomic {
            remote,
            into: into
                .iter()
                .copied()
                .find(|s| s.length.get() > 0)
                .unwrap_or_default(),
        };
        let old_word = || {
            old.first_chunk()
                .map_or(0, |word| u64::from_le_bytes(*word))
        };
        let matches = op.value & 1 == 0;
        let compare = if matches { old_word() } else { !old_word() };
        let (operation, new) = match op.opcode {
            WorkOpcode::SEND => (Operation::Send(source), None),
            WorkOpcode::SEND_IMMEDIATE => (Operation::SendImmediate(source, immediate), None),
            WorkOpcode::SEND_INVALIDATE => (Operation::SendInvalidate(source, invalidates), None),
            WorkOpcode::WRITE => (Operation::Write(source, remote), Some(data.clone())),
            WorkOpcode::WRITE_IMMEDIATE => (
                Operation::WriteImmediate(source, remote, immediate),
                Some(data.clone()),
            ),
            WorkOpcode::READ => (Operation::Read(&segments, remote), None),
            WorkOpcode::READ_INVALIDATE => (Operation::ReadInvalidate(&segments, remote), None),
            WorkOpcode::COMPARE_SWAP => (
                Operation::CompareSwap(atomic(&segments), compare, op.value),
                matches.then(|| op.value.to_le_bytes().to_vec()),
            ),
            WorkOpcode::FETCH_ADD => {
                let sum = old_word().wrapping_add(op.value);
                (
                    Operation::FetchAdd(atomic(&segments), op.value),
                    Some(sum.to_le_bytes().to_vec()),
                )
            }
            other => return Err(format!("{other} is no operation on data")),
        };
        let outstanding = |piece: Piece| {
            let mut reads = self.ends[number].requests.iter().filter_map(|r| r.reads);
            reads.any(|read| overlaps(read, piece))
        };
        // A later write may overtake an earlier read (IBTA 1.4, table 79), unless fenced.
        let fence = op.fence
            || (new.is_some() && outstanding(there))
            || (op.opcode == WorkOpcode::SEND_INVALIDATE
                && self.ends[number].requests.iter().any(|r| r.reads.is_some()));
        let flags = WorkFlags(twist.flags)
            .with_silent(op.silent)
            .with_solicited(op.solicited)
            .with_fence(fence);
        let request = Request {
            index: 0,
            context: 0,
            opcode: op.opcode,
            silent: op.silent,
            byte_count: if reads_remote { op.length } else { 0 },
            slots,
            sink: (reads_remote && !twist.fails).then_some((pieces, old)),
            modifies: (new.is_some() && !twist.fails).then_some(there),
            reads: reads_remote.then_some(there),
            purpose: Purpose::Plain,
            own: twist.own.is_some(),
        };
        self.enqueue(number, operation, flags, request)?;
        for (on, name) in [
            (op.inline, "with inline"),
            (fence, "with fence"),
            (op.silent, "with silent"),
            (op.solicited, "with solicited"),
        ] {
            self.coverage.add(name, on.into());
        }
        if twist.fails {
            return Ok(true);
        }
        let peer = &mut self.ends[number ^ 1];
        if let Some(new) = new {
            peer.arena.expect(there.at, &new);
        }
        let is_write = op.opcode == WorkOpcode::WRITE_IMMEDIATE;
        let is_send = matches!(
            op.opcode,
            WorkOpcode::SEND | WorkOpcode::SEND_IMMEDIATE | WorkOpcode::SEND_INVALIDATE
        );
        if is_send || is_write {
            let carries = is_write || op.opcode == WorkOpcode::SEND_IMMEDIATE;
            peer.coming.push_back(Message {
                opcode: op.opcode,
                byte_count: op.length,
                data: if is_write { Vec::new() } else { data },
                immediate: carries.then_some(immediate),
                invalidates: (op.opcode == WorkOpcode::SEND_INVALIDATE).then_some(invalidates),
                solicited: op.solicited,
            });
        }
        Ok(true)
    }

    /// Pieces of the arena that hold the data of an operation, and segments that name them.
    fn layout(
        &mut self,
        number: usize,
        op: &Op,
        slots: &[usize],
        twist: Twist,
    ) -> (Vec<Piece>, Vec<Segment>) {
        let mut pieces = Vec::new();
        let (key, base, start) = match twist.own {
            Some((key, base)) => {
                let at = OWN_AT + (base & 0xFFF) as u32;
                pieces.push(Piece {
                    at,
                    length: op.length,
                });
                (key, base, at)
            }
            None => {
                let mut left = op.length;
                for slot in slots {
                    let length = left.min(SLOT_DATA);
                    let shift = self.random.below(u64::from(SLOT_DATA - length).min(64) + 1) as u32;
                    // An atomic's result may lie anywhere.
                    let at = *slot as u32 * SLOT + shift;
                    pieces.push(Piece { at, length });
                    left -= length;
                }
                let plain = self.ends[number].plain;
                (plain.0, plain.1, 0)
            }
        };
        let key = twist.local_key.unwrap_or(key);
        let mut segments = Vec::new();
        let is_atomic = matches!(op.opcode, WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD);
        for piece in &pieces {
            let address = base + u64::from(piece.at - start);
            let cuts = if is_atomic || piece.length < 2 {
                1
            } else {
                op.pieces.min(piece.length)
            };
            let mut at = 0;
            for cut in 0..cuts {
                let left = piece.length - at;
                let length = if cut + 1 == cuts {
                    left
                } else {
                    self.random.below(u64::from(left) + 1) as u32
                };
                segments.push(segment(address + u64::from(at), length, key));
                at += length;
            }
        }
        let room = segments.len() < usize::from(crate::guest::SEGMENTS);
        let may = !is_atomic && op.opcode != WorkOpcode::READ_INVALIDATE;
        if may && room && self.random.percent(20) {
            // [QP-18] Its key is not looked at.
            let nowhere = segment(self.random.word(), 0, Key(0xDEAD_BE00));
            let place = self.random.index(segments.len() + 1);
            segments.insert(place, nowhere);
        }
        (pieces, segments)
    }

    fn enqueue(
        &mut self,
        number: usize,
        operation: Operation<'_>,
        flags: WorkFlags,
        mut request: Request,
    ) -> Result<(), String> {
        let end = &mut self.ends[number];
        let guest = &mut self.guests[end.guest];
        let qp = end.qp.as_mut().ok_or("posting to no queue pair")?;
        request.context = guest.context();
        let work = WorkRequest {
            context: request.context,
            operation,
            flags,
        };
        request.index = qp.send.post(&work).map_err(|error| error.to_string())?;
        let (index, opcode, context) = (request.index, request.opcode, request.context);
        end.requests.push_back(request);
        self.progress += 1;
        self.note(format_args!(
            "end {number} posts {opcode} index {index} context {context:#x} flags {:#x}",
            flags.0
        ));
        if self.random.percent(60) {
            self.ring(number);
        }
        Ok(())
    }

    /// Shows the device what was posted.
    pub fn ring(&mut self, number: usize) {
        let end = &mut self.ends[number];
        if let Some(qp) = &mut end.qp
            && qp.send.has_deferred()
        {
            qp.send.ring(&self.guests[end.guest].nic);
        }
    }

    /// Posts what lends `loan` of this end's memory to the other end, or takes it back; what the
    /// other end may use. None when there is no room now.
    ///
    /// # Errors
    /// The driver found the device at fault.
    pub fn lend(&mut self, number: usize, loan: Loan) -> Result<Option<Target>, String> {
        if !has_room(&mut self.ends[number])? {
            return Ok(None);
        }
        let all = AccessFlags::default()
            .with_remote_read(true)
            .with_remote_write(true)
            .with_remote_atomic(true);
        let end = &mut self.ends[number];
        let (operation, target, opcode) = match loan {
            Loan::Fast => {
                end.fast = end.fast.next_variant();
                let base = self.random.below(1 << 40) << 12;
                let fast = FastRegister {
                    key: end.fast,
                    base,
                    length: LEND,
                    page_list: end.lists.iova(),
                    page_count: LEND / 4096,
                    access: all.with_local_write(true),
                };
                let target = Target {
                    key: end.fast,
                    base,
                    at: LEND_AT,
                };
                (
                    Operation::FastRegister(fast),
                    target,
                    WorkOpcode::FAST_REGISTER,
                )
            }
            Loan::Window1 | Loan::Window2 => {
                let window = if loan == Loan::Window1 {
                    &mut end.window1
                } else {
                    &mut end.window2
                };
                *window = window.next_variant();
                let bind = Bind {
                    window: *window,
                    region: end.bindable.0,
                    address: end.bindable.1,
                    length: LEND.into(),
                    access: all,
                };
                let target = Target {
                    key: *window,
                    base: end.bindable.1,
                    at: LEND_AT,
                };
                (Operation::Bind(bind), target, WorkOpcode::BIND)
            }
        };
        let request = plain(opcode, Purpose::Grant);
        self.enqueue(number, operation, WorkFlags::default(), request)?;
        self.ring(number);
        Ok(Some(target))
    }

    /// Posts what takes a loan back; false when there is no room now.
    ///
    /// # Errors
    /// The driver found the device at fault.
    pub fn revoke(&mut self, number: usize, loan: Loan, key: Key) -> Result<bool, String> {
        if !has_room(&mut self.ends[number])? {
            return Ok(false);
        }
        let end = &mut self.ends[number];
        let (operation, opcode) = if loan == Loan::Window1 {
            end.window1 = end.window1.next_variant();
            let unbind = Bind {
                window: end.window1,
                region: end.bindable.0,
                address: end.bindable.1,
                length: 0,
                access: AccessFlags::default(),
            };
            (Operation::Bind(unbind), WorkOpcode::BIND)
        } else {
            (
                Operation::LocalInvalidate(key),
                WorkOpcode::LOCAL_INVALIDATE,
            )
        };
        let request = plain(opcode, Purpose::Revoke);
        self.enqueue(number, operation, WorkFlags::default(), request)?;
        self.ring(number);
        Ok(true)
    }

    /// Posts FAST_REGISTER of own memory, an operation with it, and for a write
    /// LOCAL_INVALIDATE; false when there is no room now.
    ///
    /// # Errors
    /// The driver found the device at fault.
    pub fn post_own(&mut self, number: usize, op: &Op) -> Result<bool, String> {
        let end = &mut self.ends[number];
        has_room(end)?;
        // One read into the own memory at a time: the next would overwrite what is not yet
        // checked, and a write would send what has not yet arrived.
        let is_read = op.opcode == WorkOpcode::READ_INVALIDATE;
        let mut own = end.requests.iter().filter(|request| request.own);
        if own.any(|request| is_read || request.opcode == WorkOpcode::READ_INVALIDATE) {
            return Ok(false);
        }
        if end.requests.len() + 3 > SEND_ENTRIES as usize {
            return Ok(false);
        }
        if let Some(qp) = &end.qp
            && qp.send.outstanding() + 3 > qp.send.entries()
        {
            return Ok(false);
        }
        let shift = self.random.below(u64::from(OWN - op.length).min(4095) + 1);
        let base = self.random.below(1 << 40) << 12 | shift;
        let end = &mut self.ends[number];
        end.own = end.own.next_variant();
        let key = end.own;
        let fast = FastRegister {
            key,
            base,
            length: op.length.max(1),
            page_list: end.lists.iova() + 2048,
            page_count: (shift as u32 + op.length.max(1)).div_ceil(4096),
            access: AccessFlags::default().with_local_write(true),
        };
        let silent = WorkFlags::default().with_silent(self.random.percent(50));
        let mut request = plain(WorkOpcode::FAST_REGISTER, Purpose::Plain);
        request.silent = silent.silent();
        self.enqueue(number, Operation::FastRegister(fast), silent, request)?;
        let target = self.ends[number ^ 1].open;
        let twist = Twist {
            own: Some((key, base)),
            ..Twist::default()
        };
        if !self.post(number, op, target, twist)? {
            return Err("the send queue had room and has none".to_owned());
        }
        if op.opcode == WorkOpcode::WRITE {
            let silent = WorkFlags::default().with_silent(self.random.percent(50));
            let mut request = plain(WorkOpcode::LOCAL_INVALIDATE, Purpose::Plain);
            request.silent = silent.silent();
            self.enqueue(number, Operation::LocalInvalidate(key), silent, request)?;
        }
        Ok(true)
    }

    /// Posts receives for an end, as far as there is room.
    ///
    /// # Errors
    /// The driver found the device at fault.
    pub fn feed(&mut self, number: usize, count: u64) -> Result<(), String> {
        let guest = self.ends[number].guest;
        for _ in 0..count {
            let end = &mut self.ends[number];
            let guest = &mut self.guests[guest];
            let context = guest.context();
            let cut = self.random.below(u64::from(SLOT_DATA)) as u32;
            let gap = self.random.below(32) as u32;
            let pieces = |start: u32| {
                let one = Piece {
                    at: start,
                    length: cut,
                };
                let two = Piece {
                    at: start + cut + gap,
                    length: SLOT_DATA - cut,
                };
                vec![one, two]
            };
            let name = |base: u64, key, pieces: &[Piece], origin: u32| -> Vec<Segment> {
                let address = |piece: &Piece| base + u64::from(piece.at - origin);
                let named = pieces.iter().map(|p| segment(address(p), p.length, key));
                named.collect()
            };
            if end.shared {
                let Some(shared) = &mut guest.shared else {
                    return Ok(());
                };
                let Some(slot) = shared.free.pop() else {
                    return Ok(());
                };
                let pieces = pieces(slot as u32 * SLOT);
                let segments = name(0x7000_0000, shared.key, &pieces, 0);
                match shared.srq.post(context, &segments) {
                    Ok(index) => {
                        let posted = Posted {
                            index,
                            context,
                            pieces,
                            slot,
                        };
                        shared.posted.insert(context, posted);
                        shared.srq.ring(&guest.nic);
                    }
                    Err(PostError::Full) => {
                        shared.free.push(slot);
                        return Ok(());
                    }
                    Err(error) => return Err(error.to_string()),
                }
                continue;
            }
            let Some(recv) = end.qp.as_mut().and_then(|qp| qp.recv.as_mut()) else {
                return Ok(());
            };
            let Some(slot) = end.recv_slots.pop() else {
                return Ok(());
            };
            let pieces = pieces(End::recv_at(slot));
            let segments = name(end.plain.1, end.plain.0, &pieces, 0);
            match recv.post(context, &segments) {
                Ok(index) => {
                    end.receives.push_back(Posted {
                        index,
                        context,
                        pieces,
                        slot,
                    });
                    recv.ring(&guest.nic);
                }
                Err(PostError::Full) => {
                    end.recv_slots.push(slot);
                    return Ok(());
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

fn plain(opcode: WorkOpcode, purpose: Purpose) -> Request {
    Request {
        index: 0,
        context: 0,
        opcode,
        silent: false,
        byte_count: 0,
        slots: Vec::new(),
        sink: None,
        modifies: None,
        reads: None,
        purpose,
        own: false,
    }
}

fn has_room(end: &mut End) -> Result<bool, String> {
    if end.requests.len() >= SEND_ENTRIES as usize {
        return Ok(false);
    }
    let Some(qp) = &mut end.qp else {
        return Ok(false);
    };
    qp.send.refresh().map_err(|error| format!("{error:?}"))?;
    Ok(qp.send.outstanding() < qp.send.entries())
}
