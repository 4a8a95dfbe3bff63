//! Frames that tests send, and what is right about those that arrive: headers and checksums by their RFCs, computed here
//! by plain sums.

use std::net::IpAddr;

/// Which transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP, 20 bytes of header.
    Tcp,
    /// UDP.
    Udp,
}

/// A flow of packets.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// MAC addresses: to, from.
    pub macs: ([u8; 6], [u8; 6]),
    /// IP addresses, of one family: from, to.
    pub ips: (IpAddr, IpAddr),
    /// Ports: from, to.
    pub ports: (u16, u16),
    /// Transport.
    pub transport: Transport,
}

/// Adds 16-bit words (RFC 1071), of which the last may be half.
fn sum(mut total: u32, bytes: &[u8]) -> u32 {
    for pair in bytes.chunks(2) {
        total += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |b| u32::from(*b));
        total = (total & 0xFFFF) + (total >> 16);
    }
    total
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

impl Flow {
    fn protocol(&self) -> u8 {
        match self.transport {
            Transport::Tcp => 6,
            Transport::Udp => 17,
        }
    }

    /// Bytes before the transport header.
    pub fn transport_at(&self) -> usize {
        14 + if self.ips.0.is_ipv4() { 20 } else { 40 }
    }

    /// Bytes before the payload.
    pub fn headers(&self) -> usize {
        let transport = if self.transport == Transport::Tcp {
            20
        } else {
            8
        };
        self.transport_at() + transport
    }

    /// Where the checksum is.
    fn checksum_at(&self) -> usize {
        let field = if self.transport == Transport::Tcp {
            16
        } else {
            6
        };
        self.transport_at() + field
    }

    /// The sum over the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) for this length of transport header and payload.
    fn pseudo(&self, length: usize) -> u32 {
        let total = sum(0, &octets(self.ips.0));
        let total = sum(total, &octets(self.ips.1));
        sum(
            total,
            &[0, self.protocol(), (length >> 8) as u8, length as u8],
        )
    }

    /// A frame whose transport checksum is right, or, where it is to be filled in, the sum of the pseudo header.
    pub fn frame(&self, payload: &[u8], whole: bool) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend_from_slice(&self.macs.0);
        frame.extend_from_slice(&self.macs.1);
        let inner = self.headers() - self.transport_at() + payload.len();
        match self.ips {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                frame.extend_from_slice(&[8, 0, 0x45, 0]);
                frame.extend_from_slice(&((20 + inner) as u16).to_be_bytes());
                frame.extend_from_slice(&[0x12, 0x34, 0x40, 0, 64, self.protocol(), 0, 0]);
                frame.extend_from_slice(&from.octets());
                frame.extend_from_slice(&to.octets());
                let header = !(sum(0, &frame[14..34]) as u16);
                frame[24..26].copy_from_slice(&header.to_be_bytes());
            }
            (from, to) => {
                frame.extend_from_slice(&[0x86, 0xDD, 0x60, 0, 0, 0]);
                frame.extend_from_slice(&(inner as u16).to_be_bytes());
                frame.extend_from_slice(&[self.protocol(), 64]);
                frame.extend_from_slice(&octets(from));
                frame.extend_from_slice(&octets(to));
            }
        }
        frame.extend_from_slice(&self.ports.0.to_be_bytes());
        frame.extend_from_slice(&self.ports.1.to_be_bytes());
        match self.transport {
            Transport::Tcp => {
                // Sequence 1000, acknowledgement, 5 words, PSH and ACK, window.
                frame.extend_from_slice(&1000_u32.to_be_bytes());
                frame.extend_from_slice(&[0, 0, 0, 1, 0x50, 0x18, 0x10, 0, 0, 0, 0, 0]);
            }
            Transport::Udp => {
                frame.extend_from_slice(&(inner as u16).to_be_bytes());
                frame.extend_from_slice(&[0, 0]);
            }
        }
        frame.extend_from_slice(payload);
        let mut value = self.pseudo(inner);
        if whole {
            value = u32::from(!(sum(value, &frame[self.transport_at()..]) as u16));
        }
        let at = self.checksum_at();
        frame[at..at + 2].copy_from_slice(&(value as u16).to_be_bytes());
        frame
    }

    /// What is wrong with an arrived frame of this flow, if anything: lengths, IPv4 header checksum, transport checksum.
    pub fn judge(&self, frame: &[u8]) -> Result<(), String> {
        let length = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
        if frame.len() < self.headers() {
            return Err(format!("{} bytes", frame.len()));
        }
        let end = if self.ips.0.is_ipv4() {
            if sum(0, &frame[14..34]) != 0xFFFF {
                return Err("the checksum of the IPv4 header".into());
            }
            14 + length(16)
        } else {
            54 + length(18)
        };
        if end > frame.len() || (end != frame.len() && frame.len() > 60) {
            return Err(format!("the IP length ends at {end} of {}", frame.len()));
        }
        let inner = &frame[self.transport_at()..end];
        let total = sum(self.pseudo(inner.len()), inner);
        if total == 0xFFFF {
            Ok(())
        } else {
            Err(format!("the transport checksum: the sum is {total:#06x}"))
        }
    }
}

/// Bytes that are different from place to place.
pub fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_right_until_a_byte_changes() {
        for (ips, transport) in [
            (["10.0.0.1", "10.0.0.2"], Transport::Tcp),
            (["10.0.0.1", "10.0.0.2"], Transport::Udp),
            (["fd00::1", "fd00::2"], Transport::Tcp),
            (["fd00::1", "fd00::2"], Transport::Udp),
        ] {
            let flow = Flow {
                macs: ([2; 6], [4; 6]),
                ips: (ips[0].parse().unwrap(), ips[1].parse().unwrap()),
                ports: (1, 2),
                transport,
            };
            let mut frame = flow.frame(&payload(101), true);
            assert_eq!(flow.judge(&frame), Ok(()));
            assert!(flow.judge(&flow.frame(&payload(101), false)).is_err());
            *frame.last_mut().unwrap() ^= 1;
            assert!(flow.judge(&frame).is_err());
        }
    }
}
