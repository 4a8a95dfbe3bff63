//! Work requests as a driver says them, and their entries as the device reads them.

use rnic_abi::{
    AccessFlags, AtomicSegment, BindSegment, DatagramSegment, FastRegisterSegment,
    InvalidateSegment, RemoteSegment, Segment, WorkFlags, WorkHeader, WorkOpcode,
};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::Key;

/// A scatter/gather entry.
#[must_use]
pub fn segment(address: u64, length: u32, key: Key) -> Segment {
    Segment {
        address: U64::new(address),
        length: U32::new(length),
        key: U32::new(key.0),
    }
}

/// Where the bytes of a send or write come from.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Registered memory.
    Segments(&'a [Segment]),
    /// The bytes themselves, copied into the entry.
    Inline(&'a [u8]),
}

/// Memory of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Virtual address.
    pub address: u64,
    /// Remote key.
    pub key: Key,
}

/// An atomic on 8 bytes of the peer; the old value goes to `into`.
#[derive(Clone, Copy, Debug)]
pub struct Atomic {
    /// Remote address, a multiple of 8.
    pub remote: Remote,
    /// A segment of 8 bytes that receives the old value.
    pub into: Segment,
}

/// Gives a fast-register region its pages.
#[derive(Clone, Copy, Debug)]
pub struct FastRegister {
    /// Index of the region, and the variant it gets.
    pub key: Key,
    /// Virtual address of the first byte.
    pub base: u64,
    /// Bytes.
    pub length: u32,
    /// DMA address of the page addresses, left alone until the entry retires.
    pub page_list: u64,
    /// Page addresses in the list.
    pub page_count: u32,
    /// Rights.
    pub access: AccessFlags,
}

/// Binds a window to a part of a region.
#[derive(Clone, Copy, Debug)]
pub struct Bind {
    /// Index of the window, and the variant it gets.
    pub window: Key,
    /// Region.
    pub region: Key,
    /// Virtual address of the first byte.
    pub address: u64,
    /// Bytes; 0 unbinds a type 1 window.
    pub length: u64,
    /// Remote rights.
    pub access: AccessFlags,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    /// Destination, IPv4 as ::ffff:a.b.c.d.
    pub address: [u8; 16],
    /// Destination queue pair.
    pub qpn: u32,
    /// Queue key.
    pub qkey: u32,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// 20 bits.
    pub flow_label: u32,
    /// UDP source port; 0 lets the device choose.
    pub source_port: u16,
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// Send.
    Send(Data<'a>),
    /// Send with immediate data, in wire order.
    SendImmediate(Data<'a>, [u8; 4]),
    /// Send, and invalidate this key of the peer.
    SendInvalidate(Data<'a>, Key),
    /// Datagram, perhaps with immediate data.
    SendDatagram(Data<'a>, Datagram, Option<[u8; 4]>),
    /// RDMA write.
    Write(Data<'a>, Remote),
    /// RDMA write with immediate data, in wire order.
    WriteImmediate(Data<'a>, Remote, [u8; 4]),
    /// RDMA read.
    Read(&'a [Segment], Remote),
    /// RDMA read that invalidates the key of its first segment on success.
    ReadInvalidate(&'a [Segment], Remote),
    /// Compare with the first, swap in the second.
    CompareSwap(Atomic, u64, u64),
    /// Fetch and add.
    FetchAdd(Atomic, u64),
    /// Fast registration.
    FastRegister(FastRegister),
    /// Window bind.
    Bind(Bind),
    /// Makes a key FREE.
    LocalInvalidate(Key),
}

/// A work request.
#[derive(Clone, Copy, Debug)]
pub struct WorkRequest<'a> {
    /// Returned in the completion.
    pub context: u64,
    /// What to do.
    pub operation: Operation<'a>,
    /// `silent`, `solicited` and `fence`; `inline` follows from the data.
    pub flags: WorkFlags,
}

/// An entry, taken apart into what lies where.
pub(crate) struct Encoded<'a> {
    pub(crate) header: WorkHeader,
    pub(crate) middle: Middle,
    pub(crate) tail: Tail<'a>,
}

/// Bytes 16 to 47.
pub(crate) type Middle = [u8; 32];

/// What follows at SEGMENTS_AT.
pub(crate) enum Tail<'a> {
    Segments(&'a [Segment]),
    One(Segment),
    Inline(&'a [u8]),
    Nothing,
}

impl<'a> From<Data<'a>> for Tail<'a> {
    fn from(data: Data<'a>) -> Self {
        match data {
            Data::Segments(segments) => Self::Segments(segments),
            Data::Inline(bytes) => Self::Inline(bytes),
        }
    }
}

fn middle<T: IntoBytes + zerocopy::Immutable>(value: &T) -> Middle {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(value.as_bytes()) {
        *to = *from;
    }
    bytes
}

fn remote(remote: &Remote) -> Middle {
    middle(&RemoteSegment {
        address: U64::new(remote.address),
        key: U32::new(remote.key.0),
        ..RemoteSegment::default()
    })
}

fn atomic(atomic: &Atomic, operand: u64, compare: u64) -> Middle {
    middle(&AtomicSegment {
        address: U64::new(atomic.remote.address),
        key: U32::new(atomic.remote.key.0),
        operand: U64::new(operand),
        compare: U64::new(compare),
        ..AtomicSegment::default()
    })
}

fn datagram(to: &Datagram) -> Middle {
    middle(&DatagramSegment {
        address: to.address,
        qpn: U32::new(to.qpn),
        qkey: U32::new(to.qkey),
        flow_label: U32::new(to.flow_label),
        traffic_class: to.traffic_class,
        hop_limit: to.hop_limit,
        source_port: U16::new(to.source_port),
    })
}

impl<'a> WorkRequest<'a> {
    /// The entry of this request.
    pub(crate) fn encode(&self) -> Encoded<'a> {
        use WorkOpcode as Op;
        const NONE: Middle = [0; 32];
        let no_immediate = U32::ZERO;
        let (opcode, immediate, middle, tail) = match self.operation {
            Operation::Send(data) => (Op::SEND, no_immediate, NONE, data.into()),
            Operation::SendImmediate(data, bytes) => (
                Op::SEND_IMMEDIATE,
                U32::from_bytes(bytes),
                NONE,
                data.into(),
            ),
            Operation::SendInvalidate(data, key) => {
                (Op::SEND_INVALIDATE, U32::new(key.0), NONE, data.into())
            }
            Operation::SendDatagram(data, to, None) => {
                (Op::SEND, no_immediate, datagram(&to), data.into())
            }
            Operation::SendDatagram(data, to, Some(bytes)) => {
                let immediate = U32::from_bytes(bytes);
                (Op::SEND_IMMEDIATE, immediate, datagram(&to), data.into())
            }
            Operation::Write(data, to) => (Op::WRITE, no_immediate, remote(&to), data.into()),
            Operation::WriteImmediate(data, to, bytes) => {
                let immediate = U32::from_bytes(bytes);
                (Op::WRITE_IMMEDIATE, immediate, remote(&to), data.into())
            }
            Operation::Read(into, from) => {
                (Op::READ, no_immediate, remote(&from), Tail::Segments(into))
            }
            Operation::ReadInvalidate(into, from) => {
                let tail = Tail::Segments(into);
                (Op::READ_INVALIDATE, no_immediate, remote(&from), tail)
            }
            Operation::CompareSwap(a, compare, swap) => {
                let middle = atomic(&a, swap, compare);
                (Op::COMPARE_SWAP, no_immediate, middle, Tail::One(a.into))
            }
            Operation::FetchAdd(a, addend) => {
                let middle = atomic(&a, addend, 0);
                (Op::FETCH_ADD, no_immediate, middle, Tail::One(a.into))
            }
            Operation::FastRegister(f) => {
                let bytes = FastRegisterSegment {
                    base: U64::new(f.base),
                    page_list: U64::new(f.page_list),
                    length: U32::new(f.length),
                    page_count: U32::new(f.page_count),
                    key: U32::new(f.key.0),
                    access_raw: U32::new(f.access.0),
                };
                (
                    Op::FAST_REGISTER,
                    no_immediate,
                    middle(&bytes),
                    Tail::Nothing,
                )
            }
            Operation::Bind(b) => {
                let bytes = BindSegment {
                    address: U64::new(b.address),
                    length: U64::new(b.length),
                    window_key: U32::new(b.window.0),
                    region_key: U32::new(b.region.0),
                    access_raw: U32::new(b.access.0),
                    ..BindSegment::default()
                };
                (Op::BIND, no_immediate, middle(&bytes), Tail::Nothing)
            }
            Operation::LocalInvalidate(key) => {
                let bytes = InvalidateSegment {
                    key: U32::new(key.0),
                    ..InvalidateSegment::default()
                };
                (
                    Op::LOCAL_INVALIDATE,
                    no_immediate,
                    middle(&bytes),
                    Tail::Nothing,
                )
            }
        };
        let count = match &tail {
            Tail::Segments(segments) => segments.len(),
            Tail::Inline(bytes) => bytes.len(),
            Tail::One(_) => 1,
            Tail::Nothing => 0,
        };
        let flags = self.flags.with_inline(matches!(tail, Tail::Inline(_)));
        Encoded {
            header: WorkHeader {
                context: U64::new(self.context),
                // What does not fit here was refused by the queue before: see SendQueue::post.
                data_count: U16::new(u16::try_from(count).unwrap_or(u16::MAX)),
                immediate,
                ..WorkHeader::default()
            }
            .with_opcode(opcode)
            .with_flags(flags),
            middle,
            tail,
        }
    }
}
