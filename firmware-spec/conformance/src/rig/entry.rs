//! Send queue entries.

use rnic_abi::consts::{RECV_SEGMENTS_AT, SEGMENTS_AT};
use rnic_abi::{AccessFlags, WorkFlags, WorkOpcode};

use super::memory::Segment;
use crate::request::{place, structure};

/// Flag bits of a send queue entry.
pub mod flag {
    /// No completion on success.
    pub const SILENT: u8 = 1;
    /// Solicited at the receiver.
    pub const SOLICITED: u8 = 2;
    /// After all earlier reads and atomics.
    pub const FENCE: u8 = 4;
    /// Data in the entry.
    pub const INLINE: u8 = 8;
}

/// A send queue entry under construction.
#[derive(Clone, Debug)]
pub struct Wqe {
    /// Bytes of the entry, as many as are used.
    pub bytes: Vec<u8>,
    data: u16,
}

impl Wqe {
    /// An entry with this operation and everything else zero.
    #[must_use]
    pub fn new(opcode: WorkOpcode) -> Self {
        let wqe = Self {
            bytes: vec![0; SEGMENTS_AT as usize],
            data: 0,
        };
        wqe.header("opcode", &[opcode.0])
    }

    fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn header(self, field: &str, bytes: &[u8]) -> Self {
        let at = place(structure("WorkHeader"), field).offset;
        self.put(at, bytes)
    }

    /// Sets a field of the 32 bytes that follow the header, whose layout is `layout`.
    ///
    /// # Panics
    /// If the layout has no such field, or it is wider.
    #[must_use]
    pub fn operand(self, layout: &str, field: &str, bytes: &[u8]) -> Self {
        let at = place(structure(layout), field);
        assert!(bytes.len() <= at.size, "{layout}.{field} is shorter");
        self.put(16 + at.offset, bytes)
    }

    /// Sets raw bytes.
    #[must_use]
    pub fn raw(self, at: usize, bytes: &[u8]) -> Self {
        self.put(at, bytes)
    }

    /// Sets the context.
    #[must_use]
    pub fn context(self, value: u64) -> Self {
        self.header("context", &value.to_le_bytes())
    }

    /// Adds flags.
    #[must_use]
    pub fn flags(self, bits: u8) -> Self {
        let at = place(structure("WorkHeader"), "flags").offset;
        let bits = WorkFlags(self.bytes[at] | bits);
        self.header("flags", &[bits.0])
    }

    /// Sets immediate data, in the order in which the bytes go on the wire.
    #[must_use]
    pub fn immediate(self, wire: [u8; 4]) -> Self {
        self.header("immediate", &wire)
    }

    /// Sets the key that the peer invalidates.
    #[must_use]
    pub fn invalidate(self, key: u32) -> Self {
        self.header("immediate", &key.to_le_bytes())
    }

    /// Adds a segment.
    #[must_use]
    pub fn segment(mut self, segment: Segment) -> Self {
        self.bytes.extend(segment_bytes(segment));
        self.data += 1;
        let count = self.data;
        self.data_count(count)
    }

    /// Sets the number of segments or inline bytes.
    #[must_use]
    pub fn data_count(self, count: u16) -> Self {
        self.header("data_count", &count.to_le_bytes())
    }

    /// Sets inline data.
    #[must_use]
    pub fn inline(mut self, data: &[u8]) -> Self {
        self.bytes.truncate(SEGMENTS_AT as usize);
        self.bytes.extend_from_slice(data);
        self.flags(flag::INLINE).data_count(data.len() as u16)
    }

    /// Sets the remote address and key of a write or read.
    #[must_use]
    pub fn remote(self, address: u64, key: u32) -> Self {
        self.operand("RemoteSegment", "address", &address.to_le_bytes())
            .operand("RemoteSegment", "key", &key.to_le_bytes())
    }

    /// An atomic.
    #[must_use]
    pub fn atomic(self, address: u64, key: u32, operand: u64, compare: u64) -> Self {
        self.remote(address, key)
            .operand("AtomicSegment", "operand", &operand.to_le_bytes())
            .operand("AtomicSegment", "compare", &compare.to_le_bytes())
    }

    /// FAST_REGISTER of this key.
    #[must_use]
    pub fn fast_register(r: &FastRegister) -> Self {
        const LAYOUT: &str = "FastRegisterSegment";
        Self::new(WorkOpcode::FAST_REGISTER)
            .operand(LAYOUT, "base", &r.base.to_le_bytes())
            .operand(LAYOUT, "page_list", &r.page_list.to_le_bytes())
            .operand(LAYOUT, "length", &r.length.to_le_bytes())
            .operand(LAYOUT, "page_count", &r.page_count.to_le_bytes())
            .operand(LAYOUT, "key", &r.key.to_le_bytes())
            .operand(LAYOUT, "access", &r.access.0.to_le_bytes())
    }

    /// BIND.
    #[must_use]
    pub fn bind(b: &Bind) -> Self {
        const LAYOUT: &str = "BindSegment";
        Self::new(WorkOpcode::BIND)
            .operand(LAYOUT, "address", &b.address.to_le_bytes())
            .operand(LAYOUT, "length", &b.length.to_le_bytes())
            .operand(LAYOUT, "window_key", &b.window_key.to_le_bytes())
            .operand(LAYOUT, "region_key", &b.region_key.to_le_bytes())
            .operand(LAYOUT, "access", &b.access.0.to_le_bytes())
    }

    /// LOCAL_INVALIDATE.
    #[must_use]
    pub fn local_invalidate(key: u32) -> Self {
        Self::new(WorkOpcode::LOCAL_INVALIDATE).operand(
            "InvalidateSegment",
            "key",
            &key.to_le_bytes(),
        )
    }
}

/// Fields of FAST_REGISTER.
#[derive(Clone, Copy, Debug)]
pub struct FastRegister {
    /// Virtual address of the first byte.
    pub base: u64,
    /// DMA address of the list.
    pub page_list: u64,
    /// Bytes.
    pub length: u32,
    /// Pages in the list.
    pub page_count: u32,
    /// Key, with the variant that it gets.
    pub key: u32,
    /// Rights.
    pub access: AccessFlags,
}

/// Fields of BIND.
#[derive(Clone, Copy, Debug)]
pub struct Bind {
    /// Virtual address of the first byte.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// Window, with the variant that it gets.
    pub window_key: u32,
    /// Region.
    pub region_key: u32,
    /// Rights.
    pub access: AccessFlags,
}

/// A segment as it lies in an entry.
#[must_use]
pub fn segment_bytes(segment: Segment) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&segment.address.to_le_bytes());
    bytes[8..12].copy_from_slice(&segment.length.to_le_bytes());
    bytes[12..].copy_from_slice(&segment.key.to_le_bytes());
    bytes
}

/// A receive queue entry.
#[must_use]
pub fn receive(context: u64, segments: &[Segment]) -> Vec<u8> {
    let mut bytes = vec![0; RECV_SEGMENTS_AT as usize];
    bytes[..8].copy_from_slice(&context.to_le_bytes());
    bytes[8..10].copy_from_slice(&(segments.len() as u16).to_le_bytes());
    for segment in segments {
        bytes.extend(segment_bytes(*segment));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_as_the_specification_says() {
        let segment = Segment {
            address: 0x1122,
            length: 3,
            key: 4,
        };
        let wqe = Wqe::new(WorkOpcode::WRITE)
            .context(9)
            .flags(flag::SILENT)
            .remote(0x55, 0x66)
            .segment(segment)
            .segment(segment);
        assert_eq!(wqe.bytes.len(), 48 + 32);
        assert_eq!(wqe.bytes[8..12], [4, 1, 2, 0]);
        assert_eq!(
            (wqe.bytes[0], wqe.bytes[16], wqe.bytes[24]),
            (9, 0x55, 0x66)
        );
        assert_eq!(wqe.bytes[48 + 16..48 + 18], [0x22, 0x11]);
        let wqe = Wqe::new(WorkOpcode::SEND).inline(b"abc");
        assert_eq!(wqe.bytes[8..12], [1, 8, 3, 0]);
        assert_eq!(&wqe.bytes[48..], b"abc");
        let receive = receive(7, &[segment]);
        assert_eq!((receive.len(), receive[0], receive[8]), (32, 7, 1));
    }
}
