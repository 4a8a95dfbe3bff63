//! `virtio_net_hdr` (VIRTIO 1.2, 5.1.6), the 12 bytes at the start of every buffer.

use core::num::NonZeroU16;

use super::packet::Family;

/// Bytes of the header, `num_buffers` included `[ETH-1]`.
pub(super) const BYTES: usize = 12;

/// VIRTIO_NET_HDR_F_NEEDS_CSUM.
pub(super) const F_NEEDS_CSUM: u8 = 1;
/// VIRTIO_NET_HDR_F_DATA_VALID.
pub(super) const F_DATA_VALID: u8 = 2;
/// VIRTIO_NET_HDR_GSO_NONE.
pub(super) const GSO_NONE: u8 = 0;
/// VIRTIO_NET_HDR_GSO_TCPV4.
pub(super) const GSO_TCPV4: u8 = 1;
/// VIRTIO_NET_HDR_GSO_TCPV6.
pub(super) const GSO_TCPV6: u8 = 4;
/// VIRTIO_NET_HDR_GSO_ECN, a bit beside the type.
pub(super) const GSO_ECN: u8 = 0x80;

/// Why a transmit chain is dropped `[ETH-3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The chain loops, links outside the table, or has an indirect descriptor.
    #[error("the chain loops, leaves the table or is indirect")]
    Chain,
    /// A descriptor is writable.
    #[error("a transmit chain has a writable descriptor")]
    Direction,
    /// Shorter than `virtio_net_hdr` and an Ethernet header.
    #[error("{0} bytes do not hold the headers")]
    Short(u64),
    /// Longer than a frame may be.
    #[error("{0} bytes are more than a frame may have")]
    Long(u64),
    /// Its memory cannot be read.
    #[error("its memory cannot be read")]
    Unreachable,
    /// The checksum would lie outside the frame.
    #[error("checksum from {start} at {start} + {offset} is not inside the frame")]
    Checksum {
        /// Where summing begins.
        start: u16,
        /// Where the checksum lies, from there.
        offset: u16,
    },
    /// A segmentation that does not exist or is not in force.
    #[error("segmentation type {0:#x} is not in force")]
    GsoType(u8),
    /// Segments of no payload, or of more than a frame holds.
    #[error("segments cannot have {0} bytes of payload")]
    GsoSize(u16),
    /// The frame is not what the segmentation type says.
    #[error("the frame is not whole TCP over {0:?}")]
    NotTcp(Family),
}

/// A checksum that the device fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    /// Where summing begins, from the start of the frame.
    pub start: u16,
    /// Where the checksum lies, from there.
    pub offset: u16,
}

/// A segmentation that the device makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gso {
    /// What carries the TCP.
    pub family: Family,
    /// Most payload of a segment.
    pub size: NonZeroU16,
}

/// What the header of a transmit buffer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offload {
    /// VIRTIO_NET_HDR_F_NEEDS_CSUM.
    pub checksum: Option<Partial>,
    /// `gso_type` and `gso_size`.
    pub gso: Option<Gso>,
}

impl Offload {
    /// The header of a transmit buffer. `hdr_len` is a hint that may be wrong, flags that mean
    /// nothing here are ignored, and `num_buffers` has no meaning (VIRTIO 1.2, 5.1.6.2.2).
    pub(super) fn parse(raw: [u8; BYTES], lso: bool) -> Result<Self, Malformed> {
        let [flags, gso_type, _, _, s0, s1, c0, c1, o0, o1, _, _] = raw;
        let checksum = (flags & F_NEEDS_CSUM != 0).then_some(Partial {
            start: u16::from_le_bytes([c0, c1]),
            offset: u16::from_le_bytes([o0, o1]),
        });
        let family = match gso_type & !GSO_ECN {
            GSO_NONE if gso_type == GSO_NONE => {
                return Ok(Self {
                    checksum,
                    gso: None,
                });
            }
            GSO_TCPV4 if lso => Family::V4,
            GSO_TCPV6 if lso => Family::V6,
            _ => return Err(Malformed::GsoType(gso_type)),
        };
        let size = u16::from_le_bytes([s0, s1]);
        let size = NonZeroU16::new(size).ok_or(Malformed::GsoSize(size))?;
        Ok(Self {
            checksum,
            gso: Some(Gso { family, size }),
        })
    }
}

/// The header of a received frame in one buffer; `verified` when its checksums are known good.
pub(super) const fn received(verified: bool) -> [u8; BYTES] {
    let flags = if verified { F_DATA_VALID } else { 0 };
    [flags, GSO_NONE, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
}
