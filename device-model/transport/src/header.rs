//! What a segment says: the headers of consecutive packets of one message, taken together.

use rnic_wire::{Msn, Mtu, Position, Psn, RKey, Syndrome};

/// Longest message (IBTA vol. 1, 9.4.3 and C9-94).
pub const MAX_MESSAGE_BYTES: u32 = 1 << 31;

/// Packets that a message of `bytes` takes: at least one.
#[must_use]
pub const fn packets_of(bytes: u32, mtu: Mtu) -> u32 {
    let n = bytes.div_ceil(mtu.bytes());
    if n == 0 { 1 } else { n }
}

/// Remote memory that a message names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Virtual address of the first byte.
    pub address: u64,
    /// Key of the region or window.
    pub key: RKey,
    /// Bytes.
    pub length: u32,
}

/// What a SEND brings beside its data. Means something where the message ends, [`Ending::Plain`] elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ending {
    /// Nothing.
    #[default]
    Plain,
    /// Immediate data, in wire order.
    Immediate([u8; 4]),
    /// A key to invalidate.
    Invalidate(RKey),
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestOperation {
    /// Part of a SEND.
    Send {
        /// How the message ends.
        ending: Ending,
    },
    /// Part of a WRITE.
    Write {
        /// Where to; given where the message starts.
        target: Option<Target>,
        /// Immediate data in wire order; only where the message ends.
        immediate: Option<[u8; 4]>,
    },
    /// A whole READ.
    Read(Target),
    /// Compare and swap.
    CompareSwap {
        /// Address of the word.
        address: u64,
        /// Key.
        key: RKey,
        /// What to store.
        swap: u64,
        /// What must be there.
        compare: u64,
    },
    /// Fetch and add.
    FetchAdd {
        /// Address of the word.
        address: u64,
        /// Key.
        key: RKey,
        /// What to add.
        addend: u64,
    },
}

/// Consecutive request packets of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHeader {
    /// Sequence number of the first packet.
    pub psn: Psn,
    /// Packets, at least one. A READ request and an atomic are one packet.
    pub packets: u32,
    /// Place of the whole segment in its message.
    pub position: Position,
    /// Payload bytes; zero for READ and atomics.
    pub length: u32,
    /// Whether an acknowledge is wanted for the last packet.
    pub ack_request: bool,
    /// Solicited event, where the message ends.
    pub solicited: bool,
    /// What it asks for.
    pub operation: RequestOperation,
}

/// What a response brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseBody {
    /// Acknowledge of everything up to its number, or a refusal of that number.
    Acknowledge(Syndrome),
    /// Data of a READ.
    ReadData {
        /// Packets, at least one.
        packets: u32,
        /// Place in the answer to one READ request.
        position: Position,
        /// Payload bytes.
        length: u32,
    },
    /// Original value of an atomic.
    Atomic {
        /// What was there before.
        original: u64,
    },
}

/// Consecutive response packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResponseHeader {
    /// Sequence number of the first packet, in the requester's numbers.
    pub psn: Psn,
    /// Messages that the responder has completed.
    pub msn: Msn,
    /// What it brings.
    pub body: ResponseBody,
}

impl ResponseHeader {
    /// Packets, at least one.
    #[must_use]
    pub const fn packets(&self) -> u32 {
        match self.body {
            ResponseBody::ReadData { packets, .. } => packets,
            ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. } => 1,
        }
    }
}

/// Whether `length` bytes are what `packets` packets at `position` must carry: full ones except
/// the last of a message, which may be short, and an only one, which may be empty
/// (IBTA vol. 1, 9.7.5.1.3 and C9-92) `[ROCE-30]`.
#[must_use]
pub(crate) fn length_fits(position: Position, packets: u32, length: u32, mtu: Mtu) -> bool {
    let full = u64::from(packets).saturating_mul(u64::from(mtu.bytes()));
    let length = u64::from(length);
    match position {
        Position::First | Position::Middle => packets > 0 && length == full,
        Position::Last => packets > 0 && length <= full && length > full - u64::from(mtu.bytes()),
        Position::Only => {
            packets > 0
                && length <= full
                && (length > full - u64::from(mtu.bytes()) || packets == 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_at_least_one_packet() {
        let n = |bytes| packets_of(bytes, Mtu::B1024);
        assert_eq!([0, 1, 1024, 1025, 3000].map(n), [1, 1, 1, 2, 3]);
        assert_eq!(packets_of(MAX_MESSAGE_BYTES, Mtu::B256), 1 << 23);
    }

    // [ROCE-30]
    #[test]
    fn lengths_by_position() {
        let fits = |p, n, l| length_fits(p, n, l, Mtu::B1024);
        assert!(fits(Position::First, 1, 1024) && !fits(Position::First, 1, 1023));
        assert!(fits(Position::Middle, 3, 3072) && !fits(Position::Middle, 0, 0));
        assert!(fits(Position::Last, 1, 1) && !fits(Position::Last, 1, 0));
        assert!(fits(Position::Last, 2, 1025) && !fits(Position::Last, 2, 1024));
        assert!(fits(Position::Only, 1, 0) && fits(Position::Only, 2, 2048));
        assert!(!fits(Position::Only, 2, 1024) && !fits(Position::Only, 1, 1025));
        assert!(!fits(Position::Last, u32::MAX, 1));
    }
}
