//! What a UDP datagram to port 4791 carries: BTH, extension headers, payload, pad, ICRC.

use crate::bth::Bth;
use crate::bytes::Reader;
use crate::error::DropReason;
use crate::ext::Ext;
use crate::opcode::Opcode;

/// Bytes of the ICRC.
pub const ICRC_LEN: usize = 4;

/// Bytes of the field that a CNP carries instead of a payload (IBTA annex A17.9.3).
pub const CNP_RESERVED_LEN: usize = 16;

/// A transport packet: what the transport layer sends and receives, whatever carries it.
///
/// [`Packet::parse`] gives only packets whose `ext` are the headers of `bth.opcode`. It does not judge
/// payload length against path MTU or operation: a wrong one is answered by a NAK, not dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Packet<'a> {
    /// Base transport header.
    pub bth: Bth,
    /// Extension headers.
    pub ext: Ext,
    /// Payload without pad.
    pub payload: &'a [u8],
}

/// Pad bytes that a payload of `len` bytes needs.
#[must_use]
pub const fn pad_len(len: usize) -> usize {
    len.wrapping_neg() & 3
}

impl<'a> Packet<'a> {
    /// The packet in a UDP payload, and the ICRC as it stands there, unchecked.
    ///
    /// Pad bytes are not looked at, as peers do not look at them either.
    ///
    /// # Errors
    /// Those of [`Bth::parse`]; [`DropReason::BthTruncated`], [`DropReason::PacketTruncated`],
    /// [`DropReason::PadLength`], [`DropReason::CnpLength`].
    #[inline(always)]
    pub fn parse(udp_payload: &'a [u8]) -> Result<(Self, u32), DropReason> {
        let mut r = Reader(udp_payload);
        let (bth, pad) = Bth::parse(r.take().ok_or(DropReason::BthTruncated)?)?;
        let ext = Ext::read(bth.opcode.ext_kind(), &mut r).ok_or(DropReason::PacketTruncated)?;
        let (rest, icrc) =
            r.0.split_last_chunk::<ICRC_LEN>()
                .ok_or(DropReason::PacketTruncated)?;
        let end = rest
            .len()
            .checked_sub(usize::from(pad))
            .ok_or(DropReason::PacketTruncated)?;
        let payload = rest.get(..end).ok_or(DropReason::PacketTruncated)?;
        if pad_len(payload.len()) != usize::from(pad) {
            return Err(DropReason::PadLength);
        }
        if bth.opcode == Opcode::Cnp && payload.len() != CNP_RESERVED_LEN {
            return Err(DropReason::CnpLength);
        }
        Ok((Self { bth, ext, payload }, u32::from_le_bytes(*icrc)))
    }

    /// Bytes from the BTH to the ICRC, both included.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        wire_len(&self.ext, self.payload.len())
    }
}

/// Bytes from the BTH to the ICRC of a packet with these headers and `payload_len` bytes of payload.
#[must_use]
pub fn wire_len(ext: &Ext, payload_len: usize) -> usize {
    Bth::LEN
        .saturating_add(ext.kind().len())
        .saturating_add(payload_len)
        .saturating_add(pad_len(payload_len))
        .saturating_add(ICRC_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Qpn;
    use crate::psn::Psn;
    use std::vec::Vec;

    fn raw(opcode: Opcode, pad: u8, tail: usize) -> Vec<u8> {
        let mut v = Bth::new(opcode, Qpn::GSI, Psn::ZERO).to_bytes(pad).to_vec();
        v.resize(Bth::LEN + tail, 0);
        v
    }

    #[test]
    fn one_row_for_each_way_to_be_wrong() {
        let rows = [
            (
                raw(Opcode::RcSendOnly, 0, 0)[..11].to_vec(),
                DropReason::BthTruncated,
            ),
            (raw(Opcode::RcSendOnly, 0, 3), DropReason::PacketTruncated),
            (raw(Opcode::RcSendOnly, 1, 4), DropReason::PacketTruncated),
            (
                raw(Opcode::RcReadRequest, 0, 19),
                DropReason::PacketTruncated,
            ),
            (
                raw(Opcode::RcReadRequest, 0, 15),
                DropReason::PacketTruncated,
            ),
            (raw(Opcode::RcSendOnly, 0, 5), DropReason::PadLength),
            (raw(Opcode::RcSendOnly, 3, 9), DropReason::PadLength),
            (raw(Opcode::RcSendOnly, 1, 9), DropReason::PadLength),
            (raw(Opcode::Cnp, 0, 16), DropReason::CnpLength),
            (raw(Opcode::Cnp, 0, 24), DropReason::CnpLength),
        ];
        for (bytes, reason) in rows {
            assert_eq!(Packet::parse(&bytes), Err(reason), "{bytes:02x?}");
        }
        assert_eq!(
            Packet::parse(&raw(Opcode::RcSendOnly, 3, 8))
                .unwrap()
                .0
                .payload
                .len(),
            1
        );
        assert_eq!(
            Packet::parse(&raw(Opcode::RcSendOnly, 0, 4))
                .unwrap()
                .0
                .payload
                .len(),
            0
        );
        assert_eq!(
            Packet::parse(&raw(Opcode::Cnp, 0, 20))
                .unwrap()
                .0
                .payload
                .len(),
            16
        );
    }

    #[test]
    fn pads_fill_words() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(pad_len), [0, 3, 2, 1, 0, 3]);
    }
}
