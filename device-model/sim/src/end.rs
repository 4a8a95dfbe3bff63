//! One end of a link: a queue pair, its memory, and what is posted to it.

use std::collections::VecDeque;

use rnic_abi::{AccessFlags, ModifyMask, ModifyQpRequest, MwType, QpState, QpType, WorkOpcode};
use rnic_driver_core::{Key, Outcome, Qp, QpGeometry, QpReceive};
use zerocopy::little_endian::{U16, U32};

use crate::arena::{
    ARENA, Arena, LEND, LEND_AT, LOCAL_AT, LOCAL_SLOTS, OWN_AT, Piece, RECV_AT, RECV_SLOTS, REMOTE,
    REMOTE_AT,
};
use crate::guest::{Guest, Posted, SEGMENTS, address, local};
use crate::plan::{Loan, Op, Plan, Step};
use crate::platform::{SimDma, SimPlatform, mac};
use crate::random::Random;
use rnic_platform::DmaBuffer;

/// Entries of a send queue.
pub const SEND_ENTRIES: u32 = 32;
/// Inline bytes of an entry.
pub const INLINE: u16 = 256;

/// What a request of the send queue was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Itself.
    Plain,
    /// It lends memory to the other end.
    Grant,
    /// It takes that back.
    Revoke,
}

/// A request that lies in the send queue.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its number in the queue.
    pub index: u32,
    /// Its context.
    pub context: u64,
    /// What it does.
    pub opcode: WorkOpcode,
    /// Silent on success.
    pub silent: bool,
    /// `byte_count` of its completion.
    pub byte_count: u32,
    /// Local slots in use.
    pub slots: Vec<usize>,
    /// Where data arrive at this end, and which.
    pub sink: Option<(Vec<Piece>, Vec<u8>)>,
    /// What it changes at the other end.
    pub modifies: Option<Piece>,
    /// What it reads there.
    pub reads: Option<Piece>,
    /// What for.
    pub purpose: Purpose,
    /// It uses the own memory.
    pub own: bool,
}

/// A message that is on its way to an end.
#[derive(Clone, Debug)]
pub struct Message {
    /// The sender's operation.
    pub opcode: WorkOpcode,
    /// Its data, if they go to the receive.
    pub data: Vec<u8>,
    /// `byte_count`.
    pub byte_count: u32,
    /// Immediate data.
    pub immediate: Option<[u8; 4]>,
    /// Key that it invalidates.
    pub invalidates: Option<Key>,
    /// Solicited.
    pub solicited: bool,
}

/// Memory of the other end that a request may name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Key.
    pub key: Key,
    /// Virtual address of its byte 0.
    pub base: u64,
    /// Where byte 0 lies in the other end's arena.
    pub at: u32,
}

/// How far a borrowing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The lender is to post its grant.
    Ask,
    /// The grant is under way.
    Granting,
    /// In use.
    Use,
    /// To be given back.
    Return,
    /// The revocation is under way.
    Revoking,
    /// Over.
    Over,
}

/// A borrowing under way.
#[derive(Clone, Debug)]
pub struct Borrowing {
    /// How.
    pub loan: Loan,
    /// How far.
    pub phase: Phase,
    /// What is borrowed.
    pub target: Target,
    /// What is still to be done with it.
    pub ops: VecDeque<Op>,
    /// Given back by SEND_INVALIDATE.
    pub by_send: bool,
}

/// One end of a link.
pub struct End {
    /// Its function.
    pub guest: usize,
    /// The queue pair.
    pub qp: Option<Qp<SimPlatform>>,
    /// Its completion queues, in the guest's list.
    pub send_cq: usize,
    /// For receives.
    pub recv_cq: usize,
    /// Receives come from the guest's shared queue.
    pub shared: bool,
    /// Memory and oracle.
    pub arena: Arena,
    /// Page lists of fast registrations.
    pub lists: SimDma,
    /// Key of slots, for local use, and its base.
    pub plain: (Key, u64),
    /// What the peer may use always.
    pub open: Target,
    /// Region that windows are bound to.
    pub bindable: (Key, u64),
    /// Fast-register region that is lent, windows, and fast-register region for own use.
    pub fast: Key,
    /// Type 1 window.
    pub window1: Key,
    /// Type 2 window.
    pub window2: Key,
    /// Own use.
    pub own: Key,
    /// Requests in the send queue, oldest first.
    pub requests: VecDeque<Request>,
    /// Receives in the receive queue, oldest first.
    pub receives: VecDeque<Posted>,
    /// Messages that will arrive, in order.
    pub coming: VecDeque<Message>,
    /// Free slots.
    pub slots: Vec<usize>,
    /// Free slots of receives.
    pub recv_slots: Vec<usize>,
    /// What is to be done.
    pub program: VecDeque<Step>,
    /// What is borrowed now.
    pub borrowing: Option<Borrowing>,
    /// A key that was valid once.
    pub stale: Option<Target>,
    /// An error completion was seen in the send queue, and in the receive queue; only flushes may
    /// follow.
    pub failed: [bool; 2],
    /// Requests that succeeded since the link was made.
    pub sent: u64,
    /// Of these, messages.
    pub messages_sent: u64,
    /// Messages that arrived.
    pub arrived: u64,
    /// Times that the link was mended, and QP_ERROR events about this end.
    pub breaks: u64,
    /// QP_ERROR events about this end.
    pub error_events: u64,
    /// Waits for the other end.
    pub met: bool,
    /// Statuses of the plan's requests, in order.
    pub outcomes: Vec<(WorkOpcode, u16)>,
}

impl End {
    /// An end on a guest, with its memory, keys and queue pair in INIT.
    ///
    /// # Errors
    /// A command failed.
    pub fn new(
        guest: &mut Guest,
        plan: &Plan,
        number: usize,
        random: &mut Random,
    ) -> Result<Self, String> {
        let shared = plan.shared[number / 2];
        let arena = Arena::new(guest.memory(ARENA as usize)?, plan.seed ^ number as u64);
        let regions = Regions::new(guest, &arena, random)?;
        let (fast, own, window1, window2) = keys(guest)?;
        let send_cq = random.index(guest.cqs.len());
        let recv_cq = random.index(guest.cqs.len());
        let lists = guest.memory(4096)?;
        for page in 0..u64::from(LEND / 4096) {
            let offset = page as usize * 8;
            lists.store_u64(
                offset,
                arena.buffer.iova() + u64::from(LEND_AT) + page * 4096,
            );
            lists.store_u64(
                offset + 2048,
                arena.buffer.iova() + u64::from(OWN_AT) + page * 4096,
            );
        }
        let mut end = Self {
            guest: guest.index,
            qp: None,
            send_cq,
            recv_cq,
            shared,
            arena,
            lists,
            plain: regions.plain,
            open: regions.open,
            bindable: regions.bindable,
            fast,
            window1,
            window2,
            own,
            requests: VecDeque::new(),
            receives: VecDeque::new(),
            coming: VecDeque::new(),
            slots: (0..LOCAL_SLOTS).collect(),
            recv_slots: (0..RECV_SLOTS).collect(),
            program: plan.programs[number].clone(),
            borrowing: None,
            stale: None,
            failed: [false; 2],
            sent: 0,
            messages_sent: 0,
            arrived: 0,
            breaks: 0,
            error_events: 0,
            met: false,
            outcomes: Vec::new(),
        };
        end.create_qp(guest)?;
        Ok(end)
    }

    /// Makes everything anew on a device that was reset; memory stays.
    ///
    /// # Errors
    /// A command failed.
    pub fn rebuild(&mut self, guest: &mut Guest, random: &mut Random) -> Result<(), String> {
        let regions = Regions::new(guest, &self.arena, random)?;
        (self.plain, self.open, self.bindable) = (regions.plain, regions.open, regions.bindable);
        (self.fast, self.own, self.window1, self.window2) = keys(guest)?;
        Ok(())
    }

    /// Begins anew after the link was broken.
    pub fn restart(&mut self) {
        self.coming.clear();
        self.borrowing = None;
        self.stale = None;
        self.failed = [false; 2];
        self.sent = 0;
        self.messages_sent = 0;
        self.arrived = 0;
        self.breaks += 1;
    }

    /// Makes the queue pair.
    ///
    /// # Errors
    /// The command failed.
    pub fn create_qp(&mut self, guest: &mut Guest) -> Result<(), String> {
        let receive = match (&guest.shared, self.shared) {
            (Some(shared), true) => QpReceive::Shared(shared.srq.srqn()),
            _ => QpReceive::Own {
                entries: RECV_SLOTS as u32,
                max_segments: SEGMENTS,
            },
        };
        let geometry = QpGeometry {
            pd: guest.pd,
            qp_type: QpType::RC,
            send_cq: guest.cqs[self.send_cq].cqn(),
            recv_cq: guest.cqs[self.recv_cq].cqn(),
            send_entries: SEND_ENTRIES,
            max_send_segments: SEGMENTS,
            max_inline: INLINE,
            receive,
            qp1: false,
            context: 0xC0,
        };
        match guest.call("create_qp", |c, nic| Ok(c.create_qp(nic, 0, &geometry)?))? {
            Outcome::Qp(qp) => self.qp = Some(qp),
            other => return Err(format!("create_qp gave {}", other.name())),
        }
        Ok(())
    }

    /// Makes new keys for what can be lent: the old ones are in a state that nobody knows.
    ///
    /// # Errors
    /// A command failed.
    pub fn renew_keys(&mut self, guest: &mut Guest) -> Result<(), String> {
        for window in [self.window1, self.window2] {
            guest.call("destroy_window", |c, nic| {
                Ok(c.destroy_window(nic, 0, window)?)
            })?;
        }
        for region in [self.fast, self.own] {
            guest.call("destroy_region", |c, nic| {
                Ok(c.destroy_region(nic, 0, region)?)
            })?;
        }
        (self.fast, self.own, self.window1, self.window2) = keys(guest)?;
        Ok(())
    }

    /// Number of the queue pair; 0 when there is none.
    #[must_use]
    pub fn qpn(&self) -> u32 {
        self.qp.as_ref().map_or(0, |qp| qp.qpn.get())
    }

    /// Virtual address of a place in the slots.
    #[must_use]
    pub fn plain_address(&self, at: u32) -> u64 {
        self.plain.1 + u64::from(at - LOCAL_AT)
    }

    /// Where a receive slot begins.
    #[must_use]
    pub fn recv_at(slot: usize) -> u32 {
        RECV_AT + slot as u32 * crate::arena::SLOT
    }

    /// Forgets everything that was posted, as the device does in RESET.
    pub fn forget_posted(&mut self) {
        while let Some(request) = self.requests.pop_front() {
            self.give_back(&request);
        }
        while let Some(receive) = self.receives.pop_front() {
            self.recv_slots.push(receive.slot);
        }
        if let Some(qp) = &mut self.qp {
            qp.send.reset();
            if let Some(recv) = &mut qp.recv {
                recv.reset();
            }
        }
    }

    /// Takes the slots of a request back.
    pub fn give_back(&mut self, request: &Request) {
        self.slots.extend(&request.slots);
    }
}

/// The regions of an end.
struct Regions {
    plain: (Key, u64),
    open: Target,
    bindable: (Key, u64),
}

impl Regions {
    fn new(guest: &mut Guest, arena: &Arena, random: &mut Random) -> Result<Self, String> {
        let mut base = || random.below(1 << 40) << 12;
        let (plain, open, lend) = (base(), base(), base());
        let all = local()
            .with_remote_read(true)
            .with_remote_write(true)
            .with_remote_atomic(true);
        let buffer = &arena.buffer;
        let slots = u64::from(REMOTE_AT);
        let plain_key = guest.register(buffer, LOCAL_AT.into(), slots, plain, local())?;
        let open_key = guest.register(buffer, REMOTE_AT.into(), REMOTE.into(), open, all)?;
        let windows = all.with_window_bind(true);
        let bindable = guest.register(buffer, LEND_AT.into(), LEND.into(), lend, windows)?;
        Ok(Self {
            plain: (plain_key, plain),
            open: Target {
                key: open_key,
                base: open,
                at: REMOTE_AT,
            },
            bindable: (bindable, lend),
        })
    }
}

fn keys(guest: &mut Guest) -> Result<(Key, Key, Key, Key), String> {
    let pd = guest.pd;
    let mut fast = || -> Result<Key, String> {
        let pages = LEND / 4096 + 1;
        match guest.call("create_fast_region", |c, nic| {
            Ok(c.create_fast_region(nic, 0, pd, pages)?)
        })? {
            Outcome::FastRegion(key) => Ok(key),
            other => Err(format!("create_fast_region gave {}", other.name())),
        }
    };
    let (lent, own) = (fast()?, fast()?);
    let mut window = |kind| -> Result<Key, String> {
        match guest.call("create_window", |c, nic| {
            Ok(c.create_window(nic, 0, pd, kind)?)
        })? {
            Outcome::Window(key) => Ok(key),
            other => Err(format!("create_window gave {}", other.name())),
        }
    };
    let (one, two) = (window(MwType::TYPE_1)?, window(MwType::TYPE_2)?);
    Ok((lent, own, one, two))
}

/// A change of state alone.
#[must_use]
pub fn to_state(state: QpState) -> ModifyQpRequest {
    ModifyQpRequest::default()
        .with_mask(ModifyMask::default().with_state(true))
        .with_state(state)
}

/// INIT to RTR, towards the other end.
#[must_use]
pub fn to_rtr(plan: &Plan, end: &End, peer: &End, recv_psn: u32) -> ModifyQpRequest {
    ModifyQpRequest {
        peer_qpn: U32::new(peer.qpn()),
        recv_psn: U32::new(recv_psn),
        local_address: U16::new(0),
        udp_source_port: U16::new(0xC000 | (end.qpn() & 0x3FFF) as u16),
        peer_address: address(peer.guest, plan.ipv6),
        next_hop: mac(peer.guest).0,
        hop_limit: 64,
        read_depth_in: plan.read_depth,
        read_depth_out: plan.read_depth,
        min_rnr_timer: 1,
        ..ModifyQpRequest::default()
    }
    .with_mask(
        ModifyMask::default()
            .with_state(true)
            .with_path(true)
            .with_next_hop(true)
            .with_recv_psn(true)
            .with_read_depth(true)
            .with_rnr_timer(true)
            .with_access(true),
    )
    .with_state(QpState::RTR)
    .with_path_mtu(plan.mtu)
    .with_access(
        AccessFlags::default()
            .with_remote_read(true)
            .with_remote_write(true)
            .with_remote_atomic(true),
    )
}

/// RTR to RTS.
#[must_use]
pub fn to_rts(send_psn: u32) -> ModifyQpRequest {
    ModifyQpRequest {
        send_psn: U32::new(send_psn),
        retry_count: 7,
        rnr_retry: 7,
        ack_timeout: 8,
        ..ModifyQpRequest::default()
    }
    .with_mask(
        ModifyMask::default()
            .with_state(true)
            .with_send_psn(true)
            .with_retry(true),
    )
    .with_state(QpState::RTS)
}
