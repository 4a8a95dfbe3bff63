//! ARP for IPv4 over Ethernet (RFC 826; RFC 5227 for announcements).

use core::net::Ipv4Addr;

use crate::bytes::{Reader, Writer};
use crate::error::{DropReason, EncodeError};
use crate::eth::{ETHERTYPE_ARP, ETHERTYPE_IPV4, EthHeader};
use crate::number::MacAddr;

/// What an ARP packet asks or says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArpOperation {
    /// 1: who has this address?
    Request,
    /// 2: I have.
    Reply,
    /// Any other code.
    Other(u16),
}

impl ArpOperation {
    /// From the code.
    #[must_use]
    pub const fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Request,
            2 => Self::Reply,
            other => Self::Other(other),
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Request => 1,
            Self::Reply => 2,
            Self::Other(code) => code,
        }
    }
}

/// An ARP packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Arp {
    /// What it is.
    pub operation: ArpOperation,
    /// Sender's Ethernet address.
    pub sender_mac: MacAddr,
    /// Sender's IPv4 address; unspecified in a probe.
    pub sender_ip: Ipv4Addr,
    /// Target's Ethernet address; zero in a request.
    pub target_mac: MacAddr,
    /// Target's IPv4 address.
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Bytes on the wire.
    pub const LEN: usize = 28;

    /// Hardware type Ethernet, protocol type IPv4, lengths 6 and 4.
    const FORMAT: [u8; 6] = {
        let [p0, p1] = ETHERTYPE_IPV4.to_be_bytes();
        [0, 1, p0, p1, 6, 4]
    };

    /// Asks who has `target_ip`; with `target_ip` equal to `sender_ip` it announces the address.
    #[must_use]
    pub const fn request(sender_mac: MacAddr, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Self {
        Self {
            operation: ArpOperation::Request,
            sender_mac,
            sender_ip,
            target_mac: MacAddr::ZERO,
            target_ip,
        }
    }

    /// Answers this request from `mac`, which has the address asked for.
    #[must_use]
    pub const fn answer(&self, mac: MacAddr) -> Self {
        Self {
            operation: ArpOperation::Reply,
            sender_mac: mac,
            sender_ip: self.target_ip,
            target_mac: self.sender_mac,
            target_ip: self.sender_ip,
        }
    }
}

/// An ARP packet in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArpFrame<'a> {
    /// Ethernet header.
    pub eth: EthHeader,
    /// The packet.
    pub arp: Arp,
    /// What lies behind it, usually padding to 60 bytes.
    pub trailer: &'a [u8],
}

impl<'a> ArpFrame<'a> {
    /// # Errors
    /// [`DropReason::EthernetTruncated`], [`DropReason::ArpTruncated`], [`DropReason::ArpFormat`] also for
    /// another EtherType.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let (eth, ethertype, rest) = EthHeader::parse(bytes)?;
        if ethertype != ETHERTYPE_ARP {
            return Err(DropReason::ArpFormat);
        }
        let mut r = Reader(rest);
        let (format, arp) = read(&mut r).ok_or(DropReason::ArpTruncated)?;
        if format != Arp::FORMAT {
            return Err(DropReason::ArpFormat);
        }
        Ok(Self {
            eth,
            arp,
            trailer: r.0,
        })
    }

    /// Bytes of the frame, trailer included.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.eth.wire_len() + Arp::LEN + self.trailer.len()
    }

    /// Writes the frame to the front of `out`; how many bytes.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let too_small = EncodeError::BufferTooSmall {
            needed: self.wire_len(),
            have: out.len(),
        };
        let mut w = Writer::new(out);
        self.write(&mut w).ok_or(too_small)?;
        Ok(w.written())
    }

    fn write(&self, w: &mut Writer<'_>) -> Option<()> {
        let Arp {
            operation,
            sender_mac,
            sender_ip,
            target_mac,
            target_ip,
        } = self.arp;
        self.eth.write(ETHERTYPE_ARP, w)?;
        w.put(&Arp::FORMAT)?;
        w.put(&operation.code().to_be_bytes())?;
        w.put(&sender_mac.0)?;
        w.put(&sender_ip.octets())?;
        w.put(&target_mac.0)?;
        w.put(&target_ip.octets())?;
        w.put(self.trailer)
    }
}

fn read(r: &mut Reader<'_>) -> Option<([u8; 6], Arp)> {
    let format = *r.take()?;
    let arp = Arp {
        operation: ArpOperation::from_code(r.u16()?),
        sender_mac: MacAddr(*r.take()?),
        sender_ip: (*r.take::<4>()?).into(),
        target_mac: MacAddr(*r.take()?),
        target_ip: (*r.take::<4>()?).into(),
    };
    Some((format, arp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_and_its_answer() {
        let (a, b) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
        let (ip_a, ip_b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let ask = Arp::request(a, ip_a, ip_b);
        let answer = ask.answer(b);
        assert_eq!((answer.sender_mac, answer.sender_ip), (b, ip_b));
        assert_eq!((answer.target_mac, answer.target_ip), (a, ip_a));

        let eth = EthHeader {
            dst: MacAddr::BROADCAST,
            src: a,
            vlan: None,
        };
        let f = ArpFrame {
            eth,
            arp: ask,
            trailer: &[0; 18],
        };
        let mut out = [0xee; 60];
        assert_eq!(f.encode(&mut out), Ok(60));
        assert_eq!(out[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(ArpFrame::parse(&out), Ok(f));
        assert_eq!(
            f.encode(&mut out[..59]),
            Err(EncodeError::BufferTooSmall {
                needed: 60,
                have: 59
            })
        );
        assert_eq!(ArpFrame::parse(&out[..41]), Err(DropReason::ArpTruncated));
        for i in 14..20 {
            let mut bad = out;
            bad[i] ^= 1;
            assert_eq!(ArpFrame::parse(&bad), Err(DropReason::ArpFormat));
        }
    }
}
