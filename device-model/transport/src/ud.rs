//! Unreliable datagrams (IBTA vol. 1, 9.8.3): one packet, one message, no answer.

use crate::packet::Traffic;
use rnic_mutant::mutant;
use rnic_wire::{
    Bth, Class, Deth, Ext, Immediate, Mtu, Opcode, Packet, Psn, QKey, Qpn, packet::wire_len,
};

/// Bit of a queue key that only privileged consumers may ask for (IBTA vol. 1, 10.2.5).
const CONTROLLED: u32 = 1 << 31;

/// The headers of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DatagramHeader {
    /// Sequence number: a count, never looked at.
    pub psn: Psn,
    /// Queue pair that sends it.
    pub source_qpn: Qpn,
    /// Queue key.
    pub qkey: QKey,
    /// Payload bytes.
    pub length: u32,
    /// Immediate data in wire order.
    pub immediate: Option<[u8; 4]>,
    /// Solicited event.
    pub solicited: bool,
}

/// Why a datagram is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// Another queue key.
    Key,
    /// More than a path MTU.
    TooLong,
}

/// The queue key that goes on the wire `[UD-6]`: what a request asks for, or with the controlled bit
/// the queue pair's own.
#[must_use]
pub fn key_sent(asked: QKey, own: QKey) -> QKey {
    if asked.0 & CONTROLLED != 0 && !mutant("UD-6/any") {
        own
    } else {
        asked
    }
}

impl DatagramHeader {
    /// The datagram that `packet` is; `None` for packets of other services.
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let bth = &packet.bth;
        if bth.opcode.class() != Class::Ud {
            return None;
        }
        let (deth, immediate) = match packet.ext {
            Ext::Deth(deth) => (deth, None),
            Ext::DethImm(deth, immediate) => (deth, Some(immediate.0)),
            _ => return None,
        };
        Some(Self {
            psn: bth.psn,
            source_qpn: deth.src_qpn,
            qkey: deth.qkey,
            // A payload is shorter than a frame, which an IP datagram's 16-bit length bounds.
            length: u32::try_from(packet.payload.len()).ok()?,
            immediate,
            solicited: bth.solicited,
        })
    }

    /// The headers of the packet `[UD-5]`.
    #[must_use]
    pub fn headers(&self, to: Qpn) -> (Bth, Ext) {
        let deth = Deth {
            qkey: self.qkey,
            reserved: 0,
            src_qpn: self.source_qpn,
        };
        let (opcode, ext) = match self.immediate {
            None => (Opcode::UdSendOnly, Ext::Deth(deth)),
            Some(bytes) => (Opcode::UdSendOnlyImm, Ext::DethImm(deth, Immediate(bytes))),
        };
        let mut bth = Bth::new(opcode, to, self.psn);
        bth.solicited = self.solicited;
        (bth, ext)
    }

    /// Bytes from the BTH to the ICRC.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        let (_, ext) = self.headers(Qpn::GSI);
        wire_len(&ext, usize::try_from(self.length).unwrap_or(usize::MAX))
    }

    /// What it is as a frame whose headers below the BTH take `below` bytes.
    #[must_use]
    pub fn traffic(&self, below: u32) -> Traffic {
        Traffic {
            frames: 1,
            octets: u64::from(below).saturating_add(self.wire_len() as u64),
        }
    }

    /// Whether a queue pair with this key and path MTU takes it `[UD-8]`.
    ///
    /// # Errors
    /// Why it is dropped.
    pub fn judge(&self, own: QKey, mtu: Mtu) -> Result<(), Dropped> {
        if self.qkey != own && !mutant("UD-8/key") {
            return Err(Dropped::Key);
        }
        if self.length > mtu.bytes() && !mutant("UD-8/long") {
            return Err(Dropped::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    proptest! {
        #[test]
        fn datagrams_survive_the_wire(psn: u32, source: u32, qkey: u32, length in 0u32..4097,
                                      immediate: Option<[u8; 4]>, solicited: bool) {
            let header = DatagramHeader {
                psn: Psn::new(psn),
                source_qpn: Qpn::truncate(source),
                qkey: QKey(qkey),
                length,
                immediate,
                solicited,
            };
            let (bth, ext) = header.headers(Qpn::truncate(9));
            prop_assert_eq!(ext.kind(), bth.opcode.ext_kind());
            let payload = vec![0; length as usize];
            let packet = Packet { bth, ext, payload: &payload };
            prop_assert_eq!(DatagramHeader::of(&packet), Some(header));
            let octets = 42 + packet.wire_len() as u64;
            prop_assert_eq!(header.traffic(42), Traffic { frames: 1, octets });
        }
    }

    #[test]
    fn a_controlled_key_is_the_queue_pairs_own() {
        // [UD-6]
        let own = QKey(0x8001_0000);
        assert_eq!(key_sent(QKey(0x7fff_ffff), own), QKey(0x7fff_ffff));
        assert_eq!(key_sent(QKey(0x8000_0000), own), own);
        assert_eq!(key_sent(QKey(u32::MAX), QKey(5)), QKey(5));
    }

    #[test]
    fn only_the_key_and_the_length_decide() {
        // [UD-8]
        let header = DatagramHeader {
            psn: Psn::ZERO,
            source_qpn: Qpn::truncate(7),
            qkey: QKey(5),
            length: 1024,
            immediate: None,
            solicited: false,
        };
        assert_eq!(header.judge(QKey(5), Mtu::B1024), Ok(()));
        assert_eq!(header.judge(QKey(6), Mtu::B1024), Err(Dropped::Key));
        assert_eq!(header.judge(QKey(5), Mtu::B512), Err(Dropped::TooLong));
        let send = Packet {
            bth: Bth::new(Opcode::RcSendOnly, Qpn::GSI, Psn::ZERO),
            ext: Ext::None,
            payload: &[],
        };
        assert_eq!(DatagramHeader::of(&send), None);
    }
}
