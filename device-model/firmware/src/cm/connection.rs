//! Connections, listeners, and how a message finds its own.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use rnic_abi::{Status, limit};
use rnic_core::env::Nanos;
use rnic_core::object::Table;
use rnic_core::qp::{LocalAddress, Ticket};
use rnic_mutant::mutant;
use rnic_wire::cm::{CommId, RejectReason};
use rnic_wire::{CmMad, Gid, MacAddr, Mtu, Psn, Qpn};

use super::message::{MAX_RETRIES, RESPONSE_TIMEOUT, nanos};
use super::timer::Timed;

/// Time that a connection's identifiers are kept back after its end `[CM-15]`: twice what a packet can take at the
/// packet life time code 16 that Linux assumes for RoCE.
pub(super) const TIME_WAIT_NS: u64 = (2 * 4096) << 16;
/// Ended connections remembered.
const TIME_WAIT_MAX: usize = 4096;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// CONNECT: REQ is out.
    ReqSent,
    /// A REQ arrived; the consumer thinks.
    ReqReceived,
    /// ACCEPT: REP is out.
    RepSent,
    /// A REP arrived; the consumer thinks.
    RepReceived,
    /// Both sides know.
    Established,
    /// DISCONNECT: DREQ is out.
    DreqSent,
    /// The peer ended it, or it was lost.
    PeerGone,
    /// DISCONNECT: waits until no DMA is in flight, then for the flush.
    Draining(Option<Ticket>),
    /// Over; only RELEASE_CONNECTION is legal.
    Dead(Status),
}

/// What a consumer asks of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    /// Reads and atomics that we take.
    pub depth_in: u8,
    /// Reads and atomics that we want outstanding.
    pub depth_out: u8,
    /// Transport retries.
    pub retry_count: u8,
    /// RNR retries.
    pub rnr_retry: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// End-to-end flow control: wanted, and then in force `[ROCE-53]`.
    pub flow_control: bool,
}

/// A message that is sent again until it is answered.
#[derive(Debug)]
pub(crate) struct Outstanding {
    pub mad: CmMad,
    pub tries_left: u8,
    pub wait_ns: u64,
    pub due: Nanos,
}

impl Outstanding {
    /// A message that has just been sent.
    pub fn new(mad: CmMad, now: Nanos) -> Self {
        let mut outstanding = Self {
            mad,
            tries_left: 0,
            wait_ns: nanos(RESPONSE_TIMEOUT),
            due: now,
        };
        outstanding.begin(now);
        outstanding
    }

    /// Counts its tries from now.
    pub fn begin(&mut self, now: Nanos) {
        self.tries_left = MAX_RETRIES;
        self.due = now.after(self.wait_ns);
    }
}

/// One connection, from the first message to RELEASE_CONNECTION.
#[derive(Debug)]
pub(crate) struct Connection {
    pub state: State,
    /// Queue pair, or 0.
    pub qpn: u32,
    pub endpoint: u32,
    /// Listener that reported it, or 0.
    pub listener: u32,
    pub cookie: u64,
    pub local: LocalAddress,
    pub local_port: u16,
    pub peer: Gid,
    pub peer_port: u16,
    /// Ethernet address of the next hop, for frames.
    pub next_hop: Option<MacAddr>,
    /// The driver gave the next hop.
    pub hop_given: bool,
    pub local_id: CommId,
    pub remote_id: CommId,
    pub remote_guid: u64,
    pub remote_qpn: Qpn,
    pub given: Given,
    pub mtu: Mtu,
    pub flow_label: u32,
    pub send_psn: Psn,
    pub recv_psn: Psn,
    /// Transaction of the establishment.
    pub tid: u64,
    pub(crate) outstanding: Option<Outstanding>,
    /// Sent again when the peer repeats itself.
    pub(crate) last: Option<CmMad>,
    /// When the peer is told again to wait `[CM-11]`.
    pub(crate) mra_due: Option<Nanos>,
    /// What the peer waits for one of our messages.
    pub(crate) peer_wait_ns: u64,
    /// Whether CONNECTIONS_ACTIVE counts it.
    pub(crate) active: bool,
    /// It was lost here and the peer does not know.
    pub(crate) owes_goodbye: bool,
    /// Whether the queue pair ever left INIT for it.
    pub(crate) connected: bool,
}

/// Somebody who waits for requests.
#[derive(Debug)]
pub(crate) struct Listener {
    pub endpoint: u32,
    pub cookie: u64,
    pub backlog: u32,
    pub paused: bool,
    /// Requests reported and not answered.
    pub waiting: u32,
}

/// An ended connection whose messages may still be on the way.
#[derive(Debug)]
struct Ended {
    until: Nanos,
    remote_guid: u64,
    remote_qpn: Qpn,
}

/// A message to this very device.
#[derive(Debug)]
pub(super) struct Looped {
    pub source: Gid,
    pub destination: Gid,
    pub mad: [u8; rnic_wire::MAD_LEN],
}

/// All connections and listeners of a device.
#[derive(Debug)]
pub(crate) struct Connections {
    pub table: Timed,
    pub listeners: Table<Listener>,
    /// Listener by endpoint.
    pub by_endpoint: BTreeMap<u32, u32>,
    by_local_id: HashMap<u32, u32>,
    /// By the peer's address, identifier and GUID: finds repeated requests.
    by_request: HashMap<(Gid, u32, u64), u32>,
    ended: VecDeque<Ended>,
    pub(super) looped: VecDeque<Looped>,
    /// Connections that wait for DMA or a flush.
    pub(super) draining: BTreeSet<u32>,
    random: u64,
    guid: u64,
    pub(super) qp1_psn: Psn,
}

#[expect(clippy::cast_possible_truncation, reason = "asserted")]
const fn narrow(limit: u64) -> u32 {
    assert!(limit <= u32::MAX as u64);
    limit as u32
}

impl Connections {
    /// None yet. Identifiers and sequence numbers follow from the seed `[CM-20]`.
    pub fn new(guid: u64, seed: u64) -> Self {
        Self {
            table: Timed::new(const { narrow(limit::CONNECTIONS) }),
            listeners: Table::new(const { narrow(limit::LISTENERS) }, 1, 64),
            by_endpoint: BTreeMap::new(),
            by_local_id: HashMap::new(),
            by_request: HashMap::new(),
            ended: VecDeque::new(),
            looped: VecDeque::new(),
            draining: BTreeSet::new(),
            random: if mutant("CM-20/seed") { guid } else { seed },
            guid,
            qp1_psn: Psn::ZERO,
        }
    }

    /// Forgets everything but the stream of random numbers, so that identifiers of before a reset do not come back.
    pub fn reset(&mut self) {
        let random = self.random;
        *self = Self::new(self.guid, random);
        self.random = random;
    }

    /// The next number of the SplitMix64 sequence.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The device's GUID.
    pub fn guid(&self) -> u64 {
        self.guid
    }

    /// A sequence number to begin with.
    pub fn first_psn(&mut self) -> Psn {
        let [a, b, c, ..] = self.random().to_be_bytes();
        Psn::from_be_bytes([a, b, c])
    }

    /// An identifier that no connection has.
    pub fn new_id(&mut self) -> CommId {
        loop {
            let [a, b, c, d, ..] = self.random().to_be_bytes();
            let id = u32::from_be_bytes([a, b, c, d]);
            if id != 0 && !self.by_local_id.contains_key(&id) {
                return CommId(id);
            }
        }
    }

    /// Adds a connection; none when the table is full `[CM-17]`.
    pub fn insert(&mut self, connection: Connection) -> Option<u32> {
        let id = connection.local_id.0;
        let handle = self.table.insert(connection).ok()?;
        self.by_local_id.insert(id, handle);
        Some(handle)
    }

    /// Lets repeated requests of the peer find their connection.
    pub fn remember_request(&mut self, handle: u32) {
        if let Some(c) = self.table.get(handle) {
            self.by_request
                .insert((c.peer, c.remote_id.0, c.remote_guid), handle);
        }
    }

    /// The connection of an earlier copy of the same request.
    pub fn of_request(&self, peer: Gid, id: CommId, guid: u64) -> Option<u32> {
        self.by_request.get(&(peer, id.0, guid)).copied()
    }

    /// The connection that a message with these identifiers belongs to. The sender must be the peer, and once the
    /// peer's identifier is known it must be that one `[CM-17]`.
    pub fn of_message(&self, peer: Gid, ours: CommId, theirs: CommId) -> Option<u32> {
        let handle = *self.by_local_id.get(&ours.0)?;
        let c = self.table.get(handle)?;
        let known = c.remote_id == CommId(0) || c.remote_id == theirs;
        (c.peer == peer && known || mutant("CM-17/forged")).then_some(handle)
    }

    /// Whether the peer's queue pair is in use by a connection, or was until a moment ago `[CM-15]`.
    pub fn is_stale(&self, now: Nanos, guid: u64, qpn: Qpn) -> bool {
        let live = |c: &Connection| {
            c.remote_guid == guid
                && c.remote_qpn == qpn
                && !matches!(c.state, State::Dead(_) | State::ReqSent)
        };
        self.table.iter().any(|(_, c)| live(c))
            || self
                .ended
                .iter()
                .any(|e| e.until > now && e.remote_guid == guid && e.remote_qpn == qpn)
    }

    /// The established connection that a peer has with this queue pair. One that names it in a new request or reply has
    /// forgotten it `[CM-21]`.
    pub fn forgotten(&self, peer: Gid, guid: u64, qpn: Qpn) -> Option<u32> {
        let is_it = |c: &Connection| {
            c.state == State::Established
                && c.peer == peer
                && c.remote_guid == guid
                && c.remote_qpn == qpn
        };
        let mut all = self.table.iter();
        all.find(|(_, c)| is_it(c)).map(|(handle, _)| handle)
    }

    /// Whether this identifier is a connection's.
    pub fn knows(&self, ours: CommId) -> bool {
        self.by_local_id.contains_key(&ours.0)
    }

    /// Forgets a connection; its identifiers are kept back for a while if it was ever established.
    pub fn remove(&mut self, now: Nanos, handle: u32) -> Option<Connection> {
        let c = self.table.remove(handle)?;
        self.by_local_id.remove(&c.local_id.0);
        let key = (c.peer, c.remote_id.0, c.remote_guid);
        if self.by_request.get(&key) == Some(&handle) {
            self.by_request.remove(&key);
        }
        self.draining.remove(&handle);
        self.ended.retain(|e| e.until > now);
        if c.connected {
            if self.ended.len() >= TIME_WAIT_MAX {
                self.ended.pop_front();
            }
            self.ended.push_back(Ended {
                until: now.after(TIME_WAIT_NS),
                remote_guid: c.remote_guid,
                remote_qpn: c.remote_qpn,
            });
        }
        Some(c)
    }

    /// Whether a connection from this endpoint to this destination exists `[CM-8]`.
    pub fn exists(&self, endpoint: u32, peer: Gid, port: u16) -> bool {
        self.table.iter().any(|(_, c)| {
            c.endpoint == endpoint
                && c.peer == peer
                && c.peer_port == port
                && !matches!(c.state, State::Dead(_))
        })
    }

    /// A request of a listener was answered or is gone: its place in the backlog is free.
    pub fn answered(&mut self, listener: u32) {
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.waiting = listener.waiting.saturating_sub(1);
        }
    }
}

/// The status that a refusal of the peer means to the consumer `[CM-5]`.
pub(super) fn status_of(reason: RejectReason) -> Status {
    match reason {
        RejectReason::CONSUMER_DEFINED => Status::REJECTED,
        RejectReason::TIMEOUT => Status::TIMED_OUT,
        RejectReason::STALE_CONNECTION
        | RejectReason::INVALID_COMM_ID
        | RejectReason::INVALID_COMM_INSTANCE => Status::ABORTED,
        _ => Status::REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon that was killed came back with the identifiers of before, and Linux kept silent.
    #[test]
    fn after_a_power_cycle_or_a_reset_identifiers_are_others() {
        // [CM-20]
        let first = |connections: &mut Connections| (connections.new_id(), connections.first_psn());
        let mut before = Connections::new(7, 1);
        let old = first(&mut before);
        assert_ne!(old, first(&mut Connections::new(7, 2)));
        before.reset();
        assert_ne!(old, first(&mut before));
    }
}
