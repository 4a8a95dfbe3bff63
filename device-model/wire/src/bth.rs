//! Base transport header (IBTA vol. 1, 9.2).

use crate::error::DropReason;
use crate::number::{PKey, Qpn};
use crate::opcode::Opcode;
use crate::psn::Psn;

/// Base transport header without its pad count, which follows from the payload's length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bth {
    /// What the packet is.
    pub opcode: Opcode,
    /// Solicited event: the receiver asked to be woken by this message.
    pub solicited: bool,
    /// Migration state.
    pub migrated: bool,
    /// Partition.
    pub pkey: PKey,
    /// Forward congestion notification.
    pub fecn: bool,
    /// Backward congestion notification, set in a CNP.
    pub becn: bool,
    /// The six bits after BECN, kept as they came; not covered by the ICRC.
    pub reserved_byte4: u8,
    /// Destination queue pair.
    pub dest_qpn: Qpn,
    /// The requester wants an acknowledge.
    pub ack_request: bool,
    /// The seven bits after the acknowledge request, kept as they came.
    pub reserved_byte8: u8,
    /// Packet sequence number.
    pub psn: Psn,
}

impl Bth {
    /// Bytes on the wire.
    pub const LEN: usize = 12;

    /// A header of the default partition with no flag set.
    #[must_use]
    pub const fn new(opcode: Opcode, dest_qpn: Qpn, psn: Psn) -> Self {
        Self {
            opcode,
            solicited: false,
            migrated: false,
            pkey: PKey::DEFAULT,
            fecn: false,
            becn: false,
            reserved_byte4: 0,
            dest_qpn,
            ack_request: false,
            reserved_byte8: 0,
            psn,
        }
    }

    /// The header and its pad count, 0 to 3 bytes.
    ///
    /// # Errors
    /// [`DropReason::OpcodeUnknown`], [`DropReason::TransportVersion`], [`DropReason::QpnZero`].
    #[inline(always)]
    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<(Self, u8), DropReason> {
        let [code, flags, k0, k1, ecn, q0, q1, q2, ack, p0, p1, p2] = *bytes;
        let opcode = Opcode::from_byte(code).ok_or(DropReason::OpcodeUnknown)?;
        if flags & 0x0f != 0 {
            return Err(DropReason::TransportVersion);
        }
        let dest_qpn = Qpn::from_be_bytes([q0, q1, q2]);
        if dest_qpn == Qpn::SMI {
            return Err(DropReason::QpnZero);
        }
        let bth = Self {
            opcode,
            solicited: flags & 0x80 != 0,
            migrated: flags & 0x40 != 0,
            pkey: PKey(u16::from_be_bytes([k0, k1])),
            fecn: ecn & 0x80 != 0,
            becn: ecn & 0x40 != 0,
            reserved_byte4: ecn & 0x3f,
            dest_qpn,
            ack_request: ack & 0x80 != 0,
            reserved_byte8: ack & 0x7f,
            psn: Psn::from_be_bytes([p0, p1, p2]),
        };
        Ok((bth, flags >> 4 & 3))
    }

    /// The bytes of the header with the low two bits of `pad` as its pad count.
    #[inline]
    #[must_use]
    pub fn to_bytes(&self, pad: u8) -> [u8; Self::LEN] {
        let [k0, k1] = self.pkey.0.to_be_bytes();
        let [q0, q1, q2] = self.dest_qpn.to_be_bytes();
        let [p0, p1, p2] = self.psn.to_be_bytes();
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        [
            self.opcode.to_byte(),
            flag(self.solicited, 0x80) | flag(self.migrated, 0x40) | (pad & 3) << 4,
            k0,
            k1,
            flag(self.fecn, 0x80) | flag(self.becn, 0x40) | self.reserved_byte4 & 0x3f,
            q0,
            q1,
            q2,
            flag(self.ack_request, 0x80) | self.reserved_byte8 & 0x7f,
            p0,
            p1,
            p2,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_standard_puts_them() {
        let bytes = [0x0c, 0xf0, 0x12, 0x34, 0xd5, 1, 2, 3, 0xff, 4, 5, 6];
        let (bth, pad) = Bth::parse(&bytes).unwrap();
        assert_eq!(bth.opcode, Opcode::RcReadRequest);
        assert!(bth.solicited && bth.migrated && bth.fecn && bth.becn && bth.ack_request);
        assert_eq!(
            (bth.pkey.0, bth.reserved_byte4, bth.reserved_byte8),
            (0x1234, 0x15, 0x7f)
        );
        assert_eq!(
            (bth.dest_qpn.get(), bth.psn.get(), pad),
            (0x01_0203, 0x04_0506, 3)
        );
        assert_eq!(bth.to_bytes(pad), bytes);
    }

    #[test]
    fn refusals() {
        let good = Bth::new(Opcode::RcSendOnly, Qpn::GSI, Psn::ZERO).to_bytes(0);
        let with = |i: usize, v: u8| {
            let mut b = good;
            b[i] = v;
            Bth::parse(&b).map(|_| ())
        };
        assert_eq!(with(0, 0x15), Err(DropReason::OpcodeUnknown));
        assert_eq!(with(1, 0x01), Err(DropReason::TransportVersion));
        assert_eq!(with(7, 0), Err(DropReason::QpnZero));
        assert_eq!(with(1, 0xc0), Ok(()));
    }
}
