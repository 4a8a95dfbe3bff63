//! Management datagrams (IBTA vol. 1, 13.4.2): a header of 24 bytes and 232 bytes of message.

use crate::bth::Bth;
use crate::bytes::Reader;
use crate::cm::CmMessage;
use crate::error::DropReason;
use crate::ext::{Deth, Ext};
use crate::number::{QKey, Qpn};
use crate::opcode::Opcode;
use crate::packet::Packet;
use crate::psn::Psn;

/// Bytes of a management datagram: the payload of every packet to QP1.
pub const MAD_LEN: usize = 256;

/// Header of a management datagram, all bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MadHeader {
    /// Version of the header, 1.
    pub base_version: u8,
    /// Management class.
    pub class: u8,
    /// Version of the class.
    pub class_version: u8,
    /// Method; bit 7 marks a response.
    pub method: u8,
    /// Status.
    pub status: u16,
    /// Class specific.
    pub class_specific: u16,
    /// Transaction identifier.
    pub tid: u64,
    /// Which message.
    pub attribute: u16,
    /// Reserved.
    pub reserved: u16,
    /// Attribute modifier.
    pub modifier: u32,
}

impl MadHeader {
    /// Bytes on the wire.
    pub const LEN: usize = 24;
    /// Class of the connection manager.
    pub const CLASS_CM: u8 = 0x07;
    /// Its version.
    pub const CM_VERSION: u8 = 2;
    /// Method of every connection manager message.
    pub const METHOD_SEND: u8 = 0x03;

    /// A connection manager header of `attribute` in transaction `tid`.
    #[must_use]
    pub const fn cm(attribute: u16, tid: u64) -> Self {
        Self {
            base_version: 1,
            class: Self::CLASS_CM,
            class_version: Self::CM_VERSION,
            method: Self::METHOD_SEND,
            status: 0,
            class_specific: 0,
            tid,
            attribute,
            reserved: 0,
            modifier: 0,
        }
    }

    /// From its bytes; any bytes are a header.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let [
            base_version,
            class,
            class_version,
            method,
            s0,
            s1,
            c0,
            c1,
            rest @ ..,
        ] = *bytes;
        let [
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            a0,
            a1,
            r0,
            r1,
            m0,
            m1,
            m2,
            m3,
        ] = rest;
        Self {
            base_version,
            class,
            class_version,
            method,
            status: u16::from_be_bytes([s0, s1]),
            class_specific: u16::from_be_bytes([c0, c1]),
            tid: u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            attribute: u16::from_be_bytes([a0, a1]),
            reserved: u16::from_be_bytes([r0, r1]),
            modifier: u32::from_be_bytes([m0, m1, m2, m3]),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let [s0, s1] = self.status.to_be_bytes();
        let [c0, c1] = self.class_specific.to_be_bytes();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = self.tid.to_be_bytes();
        let [a0, a1] = self.attribute.to_be_bytes();
        let [r0, r1] = self.reserved.to_be_bytes();
        let [m0, m1, m2, m3] = self.modifier.to_be_bytes();
        [
            self.base_version,
            self.class,
            self.class_version,
            self.method,
            s0,
            s1,
            c0,
            c1,
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            a0,
            a1,
            r0,
            r1,
            m0,
            m1,
            m2,
            m3,
        ]
    }
}

/// A connection manager message with its header. The header's attribute is the message's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CmMad {
    /// Header.
    pub header: MadHeader,
    /// Message.
    pub message: CmMessage,
}

impl CmMad {
    /// `message` in transaction `tid`.
    #[must_use]
    pub const fn new(tid: u64, message: CmMessage) -> Self {
        Self {
            header: MadHeader::cm(message.attribute(), tid),
            message,
        }
    }

    /// The message in the payload of a datagram to QP1.
    ///
    /// # Errors
    /// The reasons that begin with `Mad`.
    pub fn parse(payload: &[u8]) -> Result<Self, DropReason> {
        let bytes: &[u8; MAD_LEN] = payload.try_into().map_err(|_| DropReason::MadLength)?;
        let mut r = Reader(bytes);
        let header = MadHeader::from_bytes(r.take().ok_or(DropReason::MadLength)?);
        let expected = MadHeader::cm(header.attribute, header.tid);
        let version = |h: &MadHeader| (h.base_version, h.class, h.class_version);
        if version(&header) != version(&expected) {
            return Err(DropReason::MadVersion);
        }
        if header.method != expected.method {
            return Err(DropReason::MadMethod);
        }
        let body = r.take().ok_or(DropReason::MadLength)?;
        let message =
            CmMessage::from_bytes(header.attribute, body).ok_or(DropReason::MadAttribute)?;
        Ok(Self { header, message })
    }

    /// The payload of a datagram to QP1.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; MAD_LEN] {
        let header = MadHeader {
            attribute: self.message.attribute(),
            ..self.header
        };
        let mut out = [0; MAD_LEN];
        let all = header.to_bytes().into_iter().chain(self.message.to_bytes());
        for (to, from) in out.iter_mut().zip(all) {
            *to = from;
        }
        out
    }
}

/// The packet that carries `mad` from QP1 to QP1. Linux asks for an acknowledge that nobody sends; so does this.
#[must_use]
pub const fn packet(mad: &[u8; MAD_LEN], psn: Psn) -> Packet<'_> {
    let mut bth = Bth::new(Opcode::UdSendOnly, Qpn::GSI, psn);
    bth.ack_request = true;
    let deth = Deth {
        qkey: QKey::GSI,
        reserved: 0,
        src_qpn: Qpn::GSI,
    };
    Packet {
        bth,
        ext: Ext::Deth(deth),
        payload: mad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cm::Rtu;

    #[test]
    fn one_row_for_each_way_to_be_wrong() {
        let good = CmMad::new(0x0102_0304_0506_0708, CmMessage::Rtu(Rtu::default())).to_bytes();
        assert_eq!(good[..4], [1, 7, 2, 3]);
        assert_eq!(good[8..18], [1, 2, 3, 4, 5, 6, 7, 8, 0, 0x14]);
        let with = |i: usize, v: u8| {
            let mut b = good;
            b[i] = v;
            CmMad::parse(&b).map(|_| ())
        };
        assert_eq!(with(4, 9), Ok(()));
        assert_eq!(with(0, 2), Err(DropReason::MadVersion));
        assert_eq!(with(1, 3), Err(DropReason::MadVersion));
        assert_eq!(with(2, 1), Err(DropReason::MadVersion));
        assert_eq!(with(3, 0x83), Err(DropReason::MadMethod));
        assert_eq!(with(17, 0x1b), Err(DropReason::MadAttribute));
        assert_eq!(with(16, 1), Err(DropReason::MadAttribute));
        assert_eq!(CmMad::parse(&good[..255]), Err(DropReason::MadLength));
        assert_eq!(CmMad::parse(&[0; 257]), Err(DropReason::MadLength));
    }
}
