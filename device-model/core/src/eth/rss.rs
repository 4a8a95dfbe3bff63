//! Receive side scaling: the Toeplitz hash of a frame, and the queue that it chooses.

use rnic_abi::{RssTypes, limit};

use super::packet::{Addresses, Packet, TCP, UDP};

/// Bytes of a key.
pub const KEY_BYTES: usize = 40;
/// Entries of the indirection table.
pub const TABLE_ENTRIES: usize = rnic_abi::size(limit::RSS_TABLE);

/// What SET_RSS gives `[ETH-7]`.
#[derive(Clone, Debug)]
pub struct Rss {
    types: RssTypes,
    key: [u8; KEY_BYTES],
    /// A power of two of them.
    table: Vec<u8>,
}

impl Default for Rss {
    /// All frames to queue 0.
    fn default() -> Self {
        Self {
            types: RssTypes(0),
            key: [0; KEY_BYTES],
            table: vec![0],
        }
    }
}

impl Rss {
    /// None when `table` has not a power of two of entries.
    #[must_use]
    pub fn new(types: RssTypes, key: [u8; KEY_BYTES], table: &[u8]) -> Option<Self> {
        table.len().is_power_of_two().then(|| Self {
            types,
            key,
            table: table.to_vec(),
        })
    }

    /// The receive queue of a frame.
    pub(super) fn queue(&self, frame: &[u8]) -> u16 {
        let hash = if self.types == RssTypes(0) {
            0
        } else {
            Packet::find(frame)
                .and_then(|packet| self.hash(frame, &packet))
                .unwrap_or(0)
        };
        let mask = self.table.len() - 1;
        let place = usize::try_from(hash).unwrap_or(0) & mask;
        self.table.get(place).copied().unwrap_or(0).into()
    }

    /// The hash over the most that `types` names and the packet has.
    fn hash(&self, frame: &[u8], packet: &Packet) -> Option<u32> {
        let (addresses, tcp, udp) = match packet.addresses {
            Addresses::V4(..) => (RssTypes::IPV4, RssTypes::TCP_IPV4, RssTypes::UDP_IPV4),
            Addresses::V6(..) => (RssTypes::IPV6, RssTypes::TCP_IPV6, RssTypes::UDP_IPV6),
        };
        let with_ports = match packet.protocol {
            Some(TCP) => self.types.contains(tcp),
            Some(UDP) => self.types.contains(udp),
            _ => false,
        };
        let ports: Option<&[u8; 4]> = frame
            .get(packet.payload_at..)
            .and_then(|payload| payload.first_chunk())
            .filter(|_| with_ports);
        if ports.is_none() && !self.types.contains(addresses) {
            return None;
        }
        let mut input = [0; 36];
        let mut len = 0;
        let mut append = |bytes: &[u8]| {
            if let Some(to) = input.get_mut(len..len + bytes.len()) {
                to.copy_from_slice(bytes);
                len += bytes.len();
            }
        };
        match packet.addresses {
            Addresses::V4(source, destination) => {
                append(&source.octets());
                append(&destination.octets());
            }
            Addresses::V6(source, destination) => {
                append(&source.octets());
                append(&destination.octets());
            }
        }
        if let Some(ports) = ports {
            append(ports);
        }
        input.get(..len).map(|input| toeplitz(&self.key, input))
    }
}

/// The Toeplitz hash: for each bit of the input that is set, the 32 bits of the key that begin
/// at the bit's place. Input past what the key covers (36 bytes) does not count.
fn toeplitz(key: &[u8; KEY_BYTES], input: &[u8]) -> u32 {
    let mut hash = 0;
    for (window, byte) in key.windows(5).zip(input) {
        let window = window
            .iter()
            .fold(0u64, |window, byte| window << 8 | u64::from(*byte));
        for bit in 0..8 {
            if byte & (0x80 >> bit) != 0 {
                hash ^= window >> (8 - bit);
            }
        }
    }
    u32::try_from(hash & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
#[path = "rss_tests.rs"]
mod tests;
