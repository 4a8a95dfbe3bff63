//! A whole RoCEv2 frame: Ethernet, IP, UDP and a packet; read, and written in place.

use crate::bth::Bth;
use crate::bytes::{Sum, Writer};
use crate::error::{DropReason, EncodeError};
use crate::eth::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthHeader};
use crate::ext::Ext;
use crate::icrc::icrc;
use crate::ip::{IpHeader, IpPayload, PROTOCOL_UDP};
use crate::ipv4::Ipv4Header;
use crate::ipv6::Ipv6Header;
use crate::packet::{self, ICRC_LEN, Packet};
use crate::udp::{UdpChecksum, UdpHeader};

/// What carries a packet: the headers below the transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Envelope {
    /// Ethernet header.
    pub eth: EthHeader,
    /// IP header.
    pub ip: IpHeader,
    /// UDP header.
    pub udp: UdpHeader,
}

impl Envelope {
    /// Bytes of these headers.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        self.eth.wire_len() + self.ip.wire_len() + UdpHeader::LEN
    }

    /// Bytes of a frame with these headers, `ext` and a payload of `payload_len` bytes.
    #[must_use]
    pub fn frame_len(&self, ext: &Ext, payload_len: usize) -> usize {
        self.wire_len()
            .saturating_add(packet::wire_len(ext, payload_len))
    }
}

/// A RoCEv2 frame. The payload and the trailer are borrowed from the received bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Frame<'a> {
    /// The headers below the transport.
    pub envelope: Envelope,
    /// The packet.
    pub packet: Packet<'a>,
    /// What lies behind the IP datagram, usually nothing.
    pub trailer: &'a [u8],
}

/// The most header bytes of a frame: tagged Ethernet, IPv6, UDP, BTH, AtomicETH.
pub const MAX_HEADER_LEN: usize =
    EthHeader::TAGGED_LEN + Ipv6Header::LEN + UdpHeader::LEN + Bth::LEN + Ext::MAX_LEN;

/// The longest frame of a path MTU of 4096 bytes: a buffer of this size takes whatever a port sends.
pub const MAX_FRAME_LEN: usize = MAX_HEADER_LEN + 4096 + ICRC_LEN;

impl<'a> Frame<'a> {
    /// The RoCEv2 frame in `bytes`, which has been recognised as one, with its ICRC checked.
    ///
    /// # Errors
    /// The first reason found, from the outermost header inwards, the ICRC last.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let (frame, icrc) = Self::parse_with_icrc(bytes)?;
        if icrc.is_right() {
            Ok(frame)
        } else {
            Err(DropReason::IcrcMismatch)
        }
    }

    /// As [`Frame::parse`], but a wrong ICRC is reported beside the frame: for tools that show frames.
    ///
    /// # Errors
    /// As [`Frame::parse`], never [`DropReason::IcrcMismatch`].
    #[inline(always)]
    pub fn parse_with_icrc(bytes: &'a [u8]) -> Result<(Self, Icrc), DropReason> {
        let (eth, ethertype, datagram) = EthHeader::parse(bytes)?;
        match ethertype {
            ETHERTYPE_IPV6 => {
                let (head, payload) = Ipv6Header::check(datagram)?;
                Self::parse_over(eth, datagram, payload, || {
                    IpHeader::V6(Ipv6Header::read(head))
                })
            }
            ETHERTYPE_IPV4 => {
                let (head, payload) = Ipv4Header::check(datagram)?;
                Self::parse_over(eth, datagram, payload, || {
                    IpHeader::V4(Ipv4Header::read(head))
                })
            }
            _ => Err(DropReason::NotRoce),
        }
    }

    /// The frame in an IP datagram whose header `ip` gives.
    ///
    /// Headers become fields last, and all of this is inlined: a caller pays for the fields that it looks at. Fields that
    /// were written in one place to be copied to another cost more than reading them: a load that is wider than the
    /// stores before it waits for them to retire, and so for the CRC of the frame before.
    #[inline(always)]
    fn parse_over(
        eth: EthHeader,
        datagram: &'a [u8],
        payload: IpPayload<'a>,
        ip: impl Fn() -> IpHeader,
    ) -> Result<(Self, Icrc), DropReason> {
        let IpPayload {
            protocol,
            bytes: payload,
            trailer,
        } = payload;
        if protocol != PROTOCOL_UDP
            || UdpHeader::peek_dst_port(payload).is_some_and(|p| p != crate::udp::ROCE_PORT)
        {
            return Err(DropReason::NotRoce);
        }
        let (raw, udp_payload) = UdpHeader::parse(payload)?;
        // [ROCE-22]
        let checksum = if raw.checksum == 0 {
            UdpChecksum::Absent
        } else if ip()
            .pseudo_header(PROTOCOL_UDP, payload.len())
            .add(payload)
            .fold()
            == 0xffff
        {
            UdpChecksum::Present
        } else {
            return Err(DropReason::UdpChecksum);
        };
        let covered = (datagram.len() - trailer.len()).checked_sub(ICRC_LEN);
        let computed = covered.and_then(|end| datagram.get(..end)).and_then(icrc);
        let (packet, on_wire) = Packet::parse(udp_payload)?;
        let computed = computed.ok_or(DropReason::PacketTruncated)?;
        let envelope = Envelope {
            eth,
            ip: ip(),
            udp: UdpHeader {
                src_port: raw.src_port,
                checksum,
            },
        };
        Ok((
            Self {
                envelope,
                packet,
                trailer,
            },
            Icrc { on_wire, computed },
        ))
    }

    /// Bytes of the frame, trailer included.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.envelope
            .frame_len(&self.packet.ext, self.packet.payload.len())
            + self.trailer.len()
    }

    /// Writes the frame with its pad, ICRC and checksums to the front of `out`; how many bytes.
    ///
    /// # Errors
    /// Those of [`FrameEncoder::begin`].
    #[inline]
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let needed = self.wire_len();
        let have = out.len();
        let room = out
            .get_mut(..needed)
            .ok_or(EncodeError::BufferTooSmall { needed, have })?;
        let Packet { bth, ext, payload } = &self.packet;
        let mut encoder = FrameEncoder::begin(room, &self.envelope, bth, ext, payload.len())?;
        encoder.payload_mut().copy_from_slice(payload);
        let len = encoder.finish_icrc();
        if let Some(rest) = room.get_mut(len..) {
            rest.copy_from_slice(self.trailer);
        }
        Ok(needed)
    }
}

/// An ICRC as a frame carries it and as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Icrc {
    /// The last four bytes of the datagram.
    pub on_wire: u32,
    /// What they should be.
    pub computed: u32,
}

impl Icrc {
    /// Whether the two agree.
    #[must_use]
    pub const fn is_right(self) -> bool {
        self.on_wire == self.computed
    }
}

/// A frame under construction: headers are written, the payload is the caller's to fill, and
/// [`FrameEncoder::finish_icrc`] completes it.
#[must_use = "the frame is not whole before finish_icrc"]
#[derive(Debug)]
pub struct FrameEncoder<'a> {
    /// Exactly the frame.
    frame: &'a mut [u8],
    ip: IpHeader,
    udp_checksum: UdpChecksum,
    ip_at: usize,
    payload_at: usize,
    payload_len: usize,
}

impl<'a> FrameEncoder<'a> {
    /// Writes all headers of a frame with a payload of `payload_len` bytes to the front of `out` `[ROCE-20]`.
    ///
    /// # Errors
    /// [`EncodeError::ExtMismatch`] when `ext` are not the headers of the opcode, [`EncodeError::PayloadTooLong`],
    /// [`EncodeError::BufferTooSmall`].
    #[inline]
    pub fn begin(
        out: &'a mut [u8],
        envelope: &Envelope,
        bth: &Bth,
        ext: &Ext,
        payload_len: usize,
    ) -> Result<Self, EncodeError> {
        let Envelope { eth, ip, udp } = *envelope;
        if ext.kind() != bth.opcode.ext_kind() {
            return Err(EncodeError::ExtMismatch {
                opcode: bth.opcode,
                given: ext.kind(),
            });
        }
        let too_long = EncodeError::PayloadTooLong { len: payload_len };
        let udp_len = packet::wire_len(ext, payload_len).saturating_add(UdpHeader::LEN);
        let udp_len = u16::try_from(udp_len).map_err(|_| too_long)?;
        let needed = envelope.frame_len(ext, payload_len);
        let have = out.len();
        let too_small = EncodeError::BufferTooSmall { needed, have };
        let frame = out.get_mut(..needed).ok_or(too_small)?;
        let [pad, ..] = packet::pad_len(payload_len).to_le_bytes();
        let bth_bytes = bth.to_bytes(pad);
        let udp_bytes = udp.to_bytes(udp_len);

        let mut w = Writer::new(frame);
        let payload_at = (|| {
            eth.write(ip.ethertype(), &mut w)?;
            match ip {
                IpHeader::V4(h) => {
                    let total = udp_len.checked_add(20)?;
                    w.put(&h.to_bytes(PROTOCOL_UDP, total))?;
                }
                IpHeader::V6(h) => w.put(&h.to_bytes(PROTOCOL_UDP, udp_len))?,
            }
            w.put(&udp_bytes)?;
            w.put(&bth_bytes)?;
            ext.write(&mut w)?;
            Some(w.written())
        })()
        .ok_or(too_long)?;
        Ok(Self {
            frame,
            ip,
            udp_checksum: udp.checksum,
            ip_at: eth.wire_len(),
            payload_at,
            payload_len,
        })
    }

    /// Where the payload goes: exactly its length, contents undefined.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let end = self.payload_at + self.payload_len;
        self.frame.get_mut(self.payload_at..end).unwrap_or_default()
    }

    /// Completes the frame: pad, ICRC, checksums. Returns the frame's length, all of it at the front of the buffer.
    #[inline]
    pub fn finish_icrc(mut self) -> usize {
        let len = self.frame.len();
        let pad_at = self.payload_at + self.payload_len;
        if let Some((body, tail)) = self.frame.split_last_chunk_mut::<ICRC_LEN>() {
            if let Some(pad) = body.get_mut(pad_at..) {
                pad.fill(0);
            }
            let covered = body.get(self.ip_at..).unwrap_or_default();
            *tail = icrc(covered).unwrap_or_default().to_le_bytes();
        }
        if self.udp_checksum == UdpChecksum::Present {
            self.write_udp_checksum();
        }
        len
    }

    /// The UDP checksum covers the ICRC, and the ICRC takes the checksum as ones: so it comes last.
    fn write_udp_checksum(&mut self) {
        let udp = self
            .frame
            .get_mut(self.ip_at + self.ip.wire_len()..)
            .unwrap_or_default();
        let sum = self.ip.pseudo_header(PROTOCOL_UDP, udp.len());
        let value = match Sum::add(sum, udp).checksum() {
            0 => 0xffff,
            other => other,
        };
        if let Some(head) = udp.first_chunk_mut::<{ UdpHeader::LEN }>() {
            [head[6], head[7]] = value.to_be_bytes();
        }
    }
}
