//! Entries of send and receive queues: copied once, checked into owned types `[CONV-11]`.
//!
//! What this module refuses, it refuses by the entry alone: malformed `[QP-16]`, too long
//! `[QP-17]`. Keys and memory are judged when the entry executes.

use std::net::IpAddr;

use rnic_abi::consts::{RECV_SEGMENTS_AT, SEGMENTS_AT};
use rnic_abi::{
    AtomicSegment, BindSegment, DatagramSegment, FastRegisterSegment, InvalidateSegment,
    ProviderError, QpType, ReceiveHeader, RemoteSegment, Segment as AbiSegment, WorkFlags,
    WorkHeader, WorkOpcode, limit,
};
use rnic_mutant::mutant;
use rnic_transport::Ending;
use rnic_transport::rc::Message;
use rnic_wire::{Gid, QKey, Qpn, RKey};
use zerocopy::FromBytes;

use crate::error::Refusal;

/// Longest entry of a send or receive queue, in bytes.
pub const MAX_ENTRY: usize = 1024;

const SEGMENT: usize = size_of::<AbiSegment>();
/// Segments that are kept without an allocation.
const FEW: usize = 4;
/// Inline bytes that are kept without an allocation.
const SHORT: usize = FEW * SEGMENT;
/// The queue pair number of multicast groups (IBTA vol. 1, 10.5.1).
const NO_QPN: u32 = 0xFF_FFFF;
/// Offset of the operation's own 32 bytes.
const OPERATION_AT: usize = size_of::<WorkHeader>();

/// A scatter/gather entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address, or DMA address with a privileged key.
    pub address: u64,
    /// Bytes.
    pub length: u32,
    /// Local key.
    pub key: u32,
}

/// Scatter/gather entries of one request; those of length zero are left out `[QP-18]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segments {
    /// Up to four.
    Few {
        /// How many.
        count: u8,
        /// The first `count` of these.
        list: [Segment; FEW],
    },
    /// More.
    Many(Box<[Segment]>),
}

impl Segments {
    /// None at all.
    pub const EMPTY: Self = Self::Few {
        count: 0,
        list: [Segment {
            address: 0,
            length: 0,
            key: 0,
        }; FEW],
    };

    /// The entries, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Segment] {
        match self {
            Self::Few { count, list } => list.get(..usize::from(*count)).unwrap_or_default(),
            Self::Many(list) => list,
        }
    }

    /// Bytes of all entries.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.as_slice().iter().map(|s| u64::from(s.length)).sum()
    }

    /// Reads `count` entries at the front of `bytes`, which has room for them.
    fn read(bytes: &[u8], count: usize) -> Option<Self> {
        let bytes = bytes.get(..count.checked_mul(SEGMENT)?)?;
        let (chunks, _) = bytes.as_chunks::<SEGMENT>();
        let parsed = chunks.iter().filter_map(|chunk| {
            let s = AbiSegment::read_from_bytes(chunk).ok()?;
            (s.length.get() != 0 || mutant("QP-18/looks")).then_some(Segment {
                address: s.address.get(),
                length: s.length.get(),
                key: s.key.get(),
            })
        });
        if count > FEW {
            return Some(Self::Many(parsed.collect()));
        }
        let mut list = [Segment::default(); FEW];
        let mut used = 0;
        for (to, from) in list.iter_mut().zip(parsed) {
            *to = from;
            used += 1;
        }
        Some(Self::Few { count: used, list })
    }
}

/// Inline data, kept beside the entry `[QP-19]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Up to 64 bytes.
    Short {
        /// How many.
        count: u8,
        /// The first `count` of these.
        bytes: [u8; SHORT],
    },
    /// More.
    Long(Box<[u8]>),
}

impl Inline {
    /// A copy of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(to), Ok(count)) => {
                to.copy_from_slice(bytes);
                Self::Short {
                    count,
                    bytes: short,
                }
            }
            _ => Self::Long(bytes.into()),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short { count, bytes } => bytes.get(..usize::from(*count)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Inline {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() <= SHORT {
            Self::new(&bytes)
        } else {
            Self::Long(bytes.into_boxed_slice())
        }
    }
}

/// Where the data of a message is, or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// In guest memory.
    Segments(Segments),
    /// In the entry.
    Inline(Inline),
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Address, unicast.
    pub gid: Gid,
    /// Queue pair.
    pub qpn: Qpn,
    /// Queue key, as asked for.
    pub qkey: QKey,
    /// 20 bits.
    pub flow_label: u32,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit; 0 counts as 64.
    pub hop_limit: u8,
    /// UDP source port; 0: the queue pair's.
    pub source_port: u16,
}

/// What a send queue entry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A message of the transport.
    Message {
        /// Operation and its operands.
        message: Message,
        /// Local data.
        data: Data,
        /// Bytes of the message; 8 for atomics.
        length: u32,
        /// Make the key of the first segment FREE on success, if there is a segment.
        invalidate: Option<u32>,
    },
    /// A datagram.
    Datagram {
        /// Where to.
        to: Destination,
        /// Local data.
        data: Data,
        /// Bytes of the message.
        length: u32,
        /// Immediate data in wire order.
        immediate: Option<[u8; 4]>,
        /// Solicited event.
        solicited: bool,
    },
    /// Gives a fast-register region its pages.
    FastRegister(FastRegisterSegment),
    /// Binds a window.
    Bind(BindSegment),
    /// Makes a key FREE.
    Invalidate {
        /// The key.
        key: u32,
    },
}

/// A send queue entry. What can be known of a malformed one is known all the same: it completes.
#[derive(Clone, Debug)]
pub struct SendEntry {
    /// Returned in the completion.
    pub context: u64,
    /// Operation, as stored.
    pub opcode: WorkOpcode,
    /// No completion on success.
    pub silent: bool,
    /// Wait for earlier reads and atomics.
    pub fence: bool,
    /// What it asks for, or why it is refused.
    pub request: Result<Request, Refusal>,
}

/// What a send queue was created for.
#[derive(Clone, Copy, Debug)]
pub struct SendRules {
    /// Segments of an entry.
    pub max_segments: u16,
    /// Inline bytes of an entry.
    pub max_inline: u16,
    /// Whether atomics are in force.
    pub atomics: bool,
    /// Whether memory windows are in force.
    pub windows: bool,
    /// Transport service of the queue pair.
    pub service: QpType,
}

const BAD_OPCODE: Refusal = Refusal::malformed(ProviderError::BAD_OPCODE);
const BAD_FLAGS: Refusal = Refusal::malformed(ProviderError::BAD_FLAGS);
const TOO_MANY: Refusal = Refusal::malformed(ProviderError::TOO_MANY_SEGMENTS);

/// Checks the bytes of a send queue entry.
#[must_use]
pub fn parse_send(entry: &[u8], rules: SendRules) -> SendEntry {
    let header = WorkHeader::read_from_prefix(entry).map_or(WorkHeader::zeroed(), |(h, _)| h);
    SendEntry {
        context: header.context.get(),
        opcode: header.opcode(),
        silent: header.flags().silent(),
        fence: header.flags().fence(),
        request: parse_request(entry, &header, rules),
    }
}

fn parse_request(entry: &[u8], header: &WorkHeader, rules: SendRules) -> Result<Request, Refusal> {
    let opcode = header.opcode();
    let legal = legal_flags(opcode, rules).ok_or(BAD_OPCODE)?;
    if header.flags_raw & !legal.0 != 0 && !mutant("QP-16/flags") {
        return Err(BAD_FLAGS);
    }
    let operation = entry.get(OPERATION_AT..).unwrap_or_default();
    if rules.service == QpType::UD {
        return parse_datagram(entry, operation, header, rules);
    }
    match opcode {
        WorkOpcode::SEND | WorkOpcode::SEND_IMMEDIATE | WorkOpcode::SEND_INVALIDATE => {
            let ending = match opcode {
                WorkOpcode::SEND_IMMEDIATE => Ending::Immediate(immediate(header)),
                WorkOpcode::SEND_INVALIDATE => Ending::Invalidate(RKey(header.immediate.get())),
                _ => Ending::Plain,
            };
            let message = Message::Send {
                ending,
                solicited: header.flags().solicited(),
            };
            finish(message, read_data(entry, header, rules)?)
        }
        WorkOpcode::WRITE | WorkOpcode::WRITE_IMMEDIATE => {
            let remote = remote(operation)?;
            let with_immediate = opcode == WorkOpcode::WRITE_IMMEDIATE;
            let message = Message::Write {
                address: remote.address.get(),
                key: RKey(remote.key.get()),
                immediate: with_immediate.then(|| immediate(header)),
                solicited: header.flags().solicited(),
            };
            finish(message, read_data(entry, header, rules)?)
        }
        WorkOpcode::READ | WorkOpcode::READ_INVALIDATE => {
            let remote = remote(operation)?;
            let message = Message::Read {
                address: remote.address.get(),
                key: RKey(remote.key.get()),
            };
            let invalidate = match opcode {
                WorkOpcode::READ_INVALIDATE => first_key(entry, header),
                _ => None,
            };
            finish(message, read_data(entry, header, rules)?).map(|request| match request {
                Request::Message {
                    message,
                    data,
                    length,
                    ..
                } => Request::Message {
                    message,
                    data,
                    length,
                    invalidate,
                },
                other => other,
            })
        }
        WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD => {
            parse_atomic(entry, operation, header, rules)
        }
        WorkOpcode::FAST_REGISTER => {
            let (work, _) =
                FastRegisterSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
            reserved(work.reserved_is_zero())?;
            Ok(Request::FastRegister(work))
        }
        WorkOpcode::BIND => {
            let (work, _) = BindSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
            reserved(work.reserved_is_zero())?;
            Ok(Request::Bind(work))
        }
        WorkOpcode::LOCAL_INVALIDATE => {
            let (work, _) =
                InvalidateSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
            reserved(work.reserved_is_zero())?;
            Ok(Request::Invalidate {
                key: work.key.get(),
            })
        }
        _ => Err(BAD_OPCODE),
    }
}

/// Flags that an operation takes `[QP-33]`; none for an operation that there is not.
fn legal_flags(opcode: WorkOpcode, rules: SendRules) -> Option<WorkFlags> {
    let all = WorkFlags::SILENT | WorkFlags::FENCE;
    // [UC-2]
    let unreliable = matches!(
        opcode,
        WorkOpcode::SEND
            | WorkOpcode::SEND_IMMEDIATE
            | WorkOpcode::WRITE
            | WorkOpcode::WRITE_IMMEDIATE
            | WorkOpcode::FAST_REGISTER
            | WorkOpcode::BIND
            | WorkOpcode::LOCAL_INVALIDATE
    );
    if rules.service == QpType::UC && !unreliable && !mutant("UC-2/opcode") {
        return None;
    }
    // [UD-3]
    let datagram = matches!(opcode, WorkOpcode::SEND | WorkOpcode::SEND_IMMEDIATE);
    if rules.service == QpType::UD && !datagram && !mutant("UD-3/opcode") {
        return None;
    }
    match opcode {
        WorkOpcode::WRITE if !mutant("QP-33/write") => Some(all | WorkFlags::INLINE),
        WorkOpcode::SEND
        | WorkOpcode::SEND_IMMEDIATE
        | WorkOpcode::SEND_INVALIDATE
        | WorkOpcode::WRITE
        | WorkOpcode::WRITE_IMMEDIATE => Some(all | WorkFlags::SOLICITED | WorkFlags::INLINE),
        WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD => rules.atomics.then_some(all),
        WorkOpcode::BIND => rules.windows.then_some(all),
        WorkOpcode::READ
        | WorkOpcode::READ_INVALIDATE
        | WorkOpcode::FAST_REGISTER
        | WorkOpcode::LOCAL_INVALIDATE => Some(all),
        _ => None,
    }
}

fn reserved(is_zero: bool) -> Result<(), Refusal> {
    if is_zero || mutant("QP-16/reserved") {
        Ok(())
    } else {
        Err(BAD_OPCODE)
    }
}

/// The bytes as they lie in the entry, which is how they go on the wire.
fn immediate(header: &WorkHeader) -> [u8; 4] {
    header.immediate.get().to_le_bytes()
}

fn remote(operation: &[u8]) -> Result<RemoteSegment, Refusal> {
    let (remote, _) = RemoteSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
    reserved(remote.reserved_is_zero())?;
    Ok(remote)
}

/// Key of the first segment, whatever its length.
fn first_key(entry: &[u8], header: &WorkHeader) -> Option<u32> {
    if header.data_count.get() == 0 {
        return None;
    }
    let (first, _) = AbiSegment::read_from_prefix(entry.get(SEGMENTS_AT as usize..)?).ok()?;
    Some(first.key.get())
}

/// `[UD-3]`
fn parse_datagram(
    entry: &[u8],
    operation: &[u8],
    header: &WorkHeader,
    rules: SendRules,
) -> Result<Request, Refusal> {
    const BAD_ADDRESS: Refusal = Refusal::malformed(ProviderError::BAD_ADDRESS);
    let (to, _) = DatagramSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
    let gid = Gid(to.address);
    let ip = gid.to_ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    let station = !ip.is_unspecified() && !ip.is_multicast() && !broadcast;
    let qpn = Qpn::new(to.qpn.get()).filter(|qpn| !matches!(qpn.get(), 0 | NO_QPN));
    let (label, port) = (to.flow_label.get(), to.source_port.get());
    let fields = label <= 0xF_FFFF && (port == 0 || port >= 0xC000);
    let good = station && fields || mutant("UD-3/address");
    let qpn = qpn.filter(|_| good).ok_or(BAD_ADDRESS)?;
    let immediate = match header.opcode() {
        WorkOpcode::SEND_IMMEDIATE => Some(immediate(header)),
        _ => None,
    };
    let data = read_data(entry, header, rules)?;
    Ok(Request::Datagram {
        to: Destination {
            gid,
            qpn,
            qkey: QKey(to.qkey.get()),
            flow_label: label,
            traffic_class: to.traffic_class,
            hop_limit: to.hop_limit,
            source_port: port,
        },
        length: length_of(&data)?,
        data,
        immediate,
        solicited: header.flags().solicited(),
    })
}

fn parse_atomic(
    entry: &[u8],
    operation: &[u8],
    header: &WorkHeader,
    rules: SendRules,
) -> Result<Request, Refusal> {
    let (work, _) = AtomicSegment::read_from_prefix(operation).map_err(|_| BAD_OPCODE)?;
    reserved(work.reserved_is_zero())?;
    let data = read_data(entry, header, rules)?;
    let Data::Segments(segments) = &data else {
        return Err(BAD_FLAGS);
    };
    // One segment of 8 bytes, also counting those of length zero [QP-16].
    if (header.data_count.get() != 1 || segments.total() != 8) && !mutant("QP-16/atomic") {
        return Err(BAD_OPCODE);
    }
    let (address, key) = (work.address.get(), RKey(work.key.get()));
    let message = if header.opcode() == WorkOpcode::COMPARE_SWAP {
        Message::CompareSwap {
            address,
            key,
            swap: work.operand.get(),
            compare: work.compare.get(),
        }
    } else {
        reserved(work.compare.get() == 0)?;
        Message::FetchAdd {
            address,
            key,
            addend: work.operand.get(),
        }
    };
    Ok(Request::Message {
        message,
        data,
        length: 8,
        invalidate: None,
    })
}

fn read_data(entry: &[u8], header: &WorkHeader, rules: SendRules) -> Result<Data, Refusal> {
    let count = header.data_count.get();
    let bytes = entry.get(SEGMENTS_AT as usize..).unwrap_or_default();
    if header.flags().inline() {
        let inline = bytes
            .get(..usize::from(count))
            .filter(|_| count <= rules.max_inline || mutant("QP-16/inline"))
            .ok_or(Refusal::malformed(ProviderError::INLINE_TOO_LONG))?;
        return Ok(Data::Inline(Inline::new(inline)));
    }
    if count > rules.max_segments && !mutant("QP-16/segments") {
        return Err(TOO_MANY);
    }
    Segments::read(bytes, usize::from(count))
        .map(Data::Segments)
        .ok_or(TOO_MANY)
}

fn finish(message: Message, data: Data) -> Result<Request, Refusal> {
    Ok(Request::Message {
        message,
        length: length_of(&data)?,
        data,
        invalidate: None,
    })
}

fn length_of(data: &Data) -> Result<u32, Refusal> {
    let length = match data {
        Data::Segments(s) => s.total(),
        Data::Inline(i) => i.as_slice().len() as u64,
    };
    // [QP-17]
    let too_long = Refusal::new(
        rnic_abi::CompletionStatus::LOCAL_LENGTH_ERROR,
        ProviderError::MESSAGE_TOO_LONG,
    );
    if length > limit::MESSAGE_BYTES && !mutant("QP-17/long") {
        return Err(too_long);
    }
    u32::try_from(length).map_err(|_| too_long)
}

/// A receive queue entry.
#[derive(Clone, Debug)]
pub struct ReceiveEntry {
    /// Returned in the completion.
    pub context: u64,
    /// Where data goes, or why the entry is refused.
    pub segments: Result<Segments, Refusal>,
}

/// Checks the bytes of an entry of a receive queue, or of a shared one.
#[must_use]
pub fn parse_receive(entry: &[u8], max_segments: u16) -> ReceiveEntry {
    let header = ReceiveHeader::read_from_prefix(entry).map_or(ReceiveHeader::zeroed(), |(h, _)| h);
    ReceiveEntry {
        context: header.context.get(),
        segments: parse_receive_segments(entry, &header, max_segments),
    }
}

fn parse_receive_segments(
    entry: &[u8],
    header: &ReceiveHeader,
    max_segments: u16,
) -> Result<Segments, Refusal> {
    reserved(header.reserved_is_zero())?;
    let count = header.segment_count.get();
    if count > max_segments {
        return Err(TOO_MANY);
    }
    let bytes = entry.get(RECV_SEGMENTS_AT as usize..).unwrap_or_default();
    Segments::read(bytes, usize::from(count)).ok_or(TOO_MANY)
}

#[cfg(test)]
#[path = "wqe_tests.rs"]
mod tests;
