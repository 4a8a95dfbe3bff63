//! How segments get to the peer: as messages within the process, or as frames. Everything above
//! is the same for both; in-process segments are counted as the frames they would have been
//! `[CNT-2]`.

use std::net::IpAddr;
use std::sync::Arc;

use rnic_abi::{CounterId, QpType, feature};
use rnic_mutant::mutant;
use rnic_transport::packet::{
    Traffic, request_headers, request_traffic, response_headers, response_traffic,
    unreliable_headers, with_credits,
};
use rnic_transport::split::{request_packet, response_packet};
use rnic_transport::ud::DatagramHeader;
use rnic_transport::{RequestHeader, ResponseBody, ResponseHeader};
use rnic_wire::{
    Bth, Credits, Envelope, EthHeader, Ext, FrameEncoder, Gid, IpHeader, Ipv4Header, Ipv6Header,
    MacAddr, Mtu, UdpHeader, VlanTag, cnp,
};

use super::Cx;
use super::counting::{count_in, count_nak_in, count_nak_out, count_out};
use super::datagram::grh;
use super::hops::Hop;
use super::state::{Attributes, PathAttributes};
use crate::env::{Delivered, Env, Nanos, NeighbourId, Sent};
use crate::error::Refusal;
use crate::payload::{Payload, RangeList};
use crate::segment::{Body, Lease, Segment};
use crate::wqe::Inline;

/// Bytes of a segment within the process at most, so that one copy stays short.
const CHUNK_BYTES: u32 = 256 * 1024;
/// The same where data are copied before they leave, because nobody tells when the peer has them.
const COPY_BYTES: u32 = 32 * 1024;
/// Data of sends and writes outstanding within the process.
const WINDOW_BYTES: u32 = 4 << 20;
/// Packets outstanding within the process at least.
const WINDOW_SEGMENTS: u32 = 512;
/// Packets outstanding on a wire, as Linux has it.
const WINDOW_FRAMES: u32 = 128;
/// The shortest wait for an answer on a wire `[ROCE-46]`.
const PROBE_AFTER: rnic_transport::Nanos = rnic_transport::Nanos(250_000);
const DEFAULT_HOP_LIMIT: u8 = 64;
/// The congestion bits of a traffic class, and the value of a sender that understands marks (RFC 3168 section 5).
const ECN_MASK: u8 = 0b11;
const ECT_0: u8 = 0b10;

/// What carries a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriedBy {
    /// Messages to another device of this process.
    Neighbour(NeighbourId),
    /// Messages to this very device.
    Loopback,
    /// Frames.
    Frames,
}

/// The way to the peer.
#[derive(Debug)]
pub(super) struct Path {
    pub carried_by: CarriedBy,
    pub attributes: PathAttributes,
    next_hop: Option<MacAddr>,
    /// The next hop was found or learnt, not given.
    found: bool,
    /// What the peer is told of our receives.
    pub credits: Credits,
    /// Service of the connection.
    pub service: QpType,
    /// Its sender slows down when it is told of congestion.
    slows_down: bool,
    /// Bytes of the headers below the BTH.
    below: u32,
}

/// Why something was not sent.
#[derive(Debug)]
pub(super) enum SendError {
    /// No room now.
    Full,
    /// The peer's device is no more.
    Gone,
    /// Our memory cannot be read.
    Local(Refusal),
}

/// Data of a request about to be sent.
pub(super) enum Gathered<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Ranges(RangeList),
}

/// The same, holding on to nothing.
#[derive(Clone)]
pub(super) enum Outgoing {
    Nothing,
    Bytes(Inline),
    Ranges(RangeList),
}

impl Gathered<'_> {
    pub fn into_owned_or_ranges(self) -> Outgoing {
        match self {
            Self::Nothing => Outgoing::Nothing,
            Self::Bytes(bytes) => Outgoing::Bytes(Inline::new(bytes)),
            Self::Ranges(ranges) => Outgoing::Ranges(ranges),
        }
    }
}

impl Path {
    /// The way to the peer: messages when the host has it in this process, frames otherwise.
    pub fn new(
        env: &dyn Env,
        path: PathAttributes,
        attributes: &Attributes,
        service: QpType,
    ) -> Self {
        let carried_by = if path.loopback {
            CarriedBy::Loopback
        } else {
            match env.neighbour(path.peer) {
                Some(id) => CarriedBy::Neighbour(id),
                None => CarriedBy::Frames,
            }
        };
        let mut way = Self {
            carried_by,
            attributes: path,
            next_hop: attributes.next_hop,
            found: attributes.next_hop.is_none(),
            service,
            credits: Credits::UNLIMITED,
            slows_down: true,
            below: 0,
        };
        way.measure();
        way
    }

    /// The way of one datagram.
    pub fn of_datagram(
        carried_by: CarriedBy,
        attributes: PathAttributes,
        next_hop: Option<MacAddr>,
    ) -> Self {
        let mut way = Self {
            carried_by,
            attributes,
            next_hop,
            found: false,
            service: QpType::UD,
            credits: Credits::UNLIMITED,
            slows_down: false,
            below: 0,
        };
        way.measure();
        way
    }

    fn measure(&mut self) {
        let below = self.envelope(MacAddr::ZERO, false).wire_len();
        self.below = u32::try_from(below).unwrap_or(0);
        self.below -= u32::from(mutant("CNT-2/headers"));
    }

    /// Packets of a segment at most.
    pub fn chunk(&self, mtu: Mtu) -> u32 {
        match self.carried_by {
            CarriedBy::Frames => 1,
            CarriedBy::Neighbour(_) | CarriedBy::Loopback => {
                let bytes = match self.service {
                    QpType::UC => COPY_BYTES,
                    _ => CHUNK_BYTES,
                };
                bytes / mtu.bytes()
            }
        }
    }

    /// Packets of sends and writes outstanding at most.
    pub fn window(&self, mtu: Mtu) -> u32 {
        match self.carried_by {
            CarriedBy::Frames => WINDOW_FRAMES,
            CarriedBy::Neighbour(_) | CarriedBy::Loopback => {
                (WINDOW_BYTES / mtu.bytes()).max(WINDOW_SEGMENTS)
            }
        }
    }

    /// The shortest wait for an answer before a probe: only frames are lost.
    pub fn probe_after(&self) -> Option<rnic_transport::Nanos> {
        matches!(self.carried_by, CarriedBy::Frames).then_some(PROBE_AFTER)
    }

    /// Sets the Ethernet address of the next hop.
    pub fn set_next_hop(&mut self, mac: MacAddr) {
        self.next_hop = Some(mac);
    }

    /// Takes the next hop that was asked for, unless somebody gave one.
    pub fn find_next_hop(&mut self, mac: MacAddr) {
        if self.found {
            self.next_hop = Some(mac);
        }
    }

    /// Asks for the next hop where frames need one and nobody gave it; until when to wait for it, if it is neither found nor
    /// given up `[UC-7]`.
    pub fn wait_for_next_hop(&mut self, cx: &mut Cx<'_>, qpn: u32) -> Option<Nanos> {
        let known = self.next_hop.is_some() || !matches!(self.carried_by, CarriedBy::Frames);
        if known || mutant("UC-7/lost") {
            return None;
        }
        let (now, local, peer) = (cx.env.now(), self.attributes.local, self.attributes.peer);
        let found = cx.side.hops.find(now, local, peer, qpn);
        if found.ask {
            cx.side.wants_next_hop(local, peer);
        }
        match found.hop {
            Hop::Known(mac) => self.find_next_hop(mac),
            Hop::Wait(until) => return Some(until),
            Hop::Missing => {}
        }
        None
    }

    /// Learns the next hop from a frame of the peer if nobody gave it.
    pub fn learn_next_hop(&mut self, mac: MacAddr) {
        if self.next_hop.is_none() && !mac.is_multicast() {
            self.next_hop = Some(mac);
        }
    }

    /// Whether something from `source` to `destination` may be of this connection `[ROCE-26]`.
    pub fn is_of(&self, source: Gid, destination: Gid) -> bool {
        self.attributes.peer == source && self.attributes.local.gid == destination
    }

    /// Counts what a request of the peer was as frames.
    pub fn count_request_in(&self, cx: &mut Cx<'_>, header: &RequestHeader) {
        count_in(cx, request_traffic(header, self.attributes.mtu, self.below));
    }

    /// Counts what a response of the peer was as frames.
    pub fn count_response_in(&self, cx: &mut Cx<'_>, header: &ResponseHeader) {
        count_in(
            cx,
            response_traffic(header, self.attributes.mtu, self.below),
        );
        count_nak_in(cx, header);
    }

    /// Sends part of a request.
    pub fn send_request(
        &mut self,
        cx: &mut Cx<'_>,
        header: &RequestHeader,
        data: Outgoing,
        leases: (Lease, Lease),
    ) -> Result<(), SendError> {
        let left = match self.carried_by {
            CarriedBy::Frames => match self.headers_of(header) {
                Some((bth, ext)) => self.send_frame(cx, bth, ext, header.length, &data)?,
                None => false,
            },
            CarriedBy::Neighbour(_) | CarriedBy::Loopback => {
                let shown = cx.env.records().then(|| data.clone());
                let payload = match self.service {
                    // [UC-3]
                    QpType::UC => copied(cx, &data)?,
                    _ => in_process(cx, data)?,
                };
                let body = Body::Request {
                    service: self.service,
                    header: *header,
                    payload,
                };
                self.deliver(cx, body, leases)?;
                if let Some(data) = shown {
                    self.record_request(cx, header, &data);
                }
                true
            }
        };
        if left {
            count_out(cx, request_traffic(header, self.attributes.mtu, self.below));
        }
        Ok(())
    }

    fn headers_of(&self, header: &RequestHeader) -> Option<(Bth, Ext)> {
        let peer = self.attributes.peer_qpn;
        match self.service {
            QpType::UC => unreliable_headers(header, peer),
            _ => Some(request_headers(header, peer)),
        }
    }

    /// Sends part of a response.
    pub fn send_response(
        &mut self,
        cx: &mut Cx<'_>,
        header: &ResponseHeader,
        data: Outgoing,
        leases: (Lease, Lease),
    ) -> Result<(), SendError> {
        let left = match self.carried_by {
            CarriedBy::Frames => {
                let (bth, ext) = response_headers(header, self.attributes.peer_qpn);
                let ext = with_credits(ext, self.credits);
                let length = match header.body {
                    ResponseBody::ReadData { length, .. } => length,
                    ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. } => 0,
                };
                self.send_frame(cx, bth, ext, length, &data)?
            }
            CarriedBy::Neighbour(_) | CarriedBy::Loopback => {
                let shown = cx.env.records().then(|| data.clone());
                let payload = in_process(cx, data)?;
                let body = Body::Response {
                    header: *header,
                    payload,
                };
                self.deliver(cx, body, leases)?;
                if let Some(data) = shown {
                    self.record_response(cx, header, &data);
                }
                true
            }
        };
        if !left {
            return Ok(());
        }
        count_out(
            cx,
            response_traffic(header, self.attributes.mtu, self.below),
        );
        count_nak_out(cx, header);
        Ok(())
    }

    /// Sends a datagram `[UD-5]`.
    pub fn send_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        header: &DatagramHeader,
        data: &Outgoing,
        leases: (Lease, Lease),
    ) -> Result<(), SendError> {
        let (bth, ext) = header.headers(self.attributes.peer_qpn);
        let left = match self.carried_by {
            CarriedBy::Frames => self.send_frame(cx, bth, ext, header.length, data)?,
            CarriedBy::Neighbour(_) | CarriedBy::Loopback => {
                let ip = self.envelope(MacAddr::ZERO, false).ip;
                let body = Body::Datagram {
                    header: *header,
                    below: self.below,
                    grh: grh(&ip, header.wire_len()),
                    payload: in_process(cx, data.clone())?,
                };
                self.deliver(cx, body, leases)?;
                if cx.env.records() {
                    self.record(cx, (bth, ext), (0, header.length), data);
                }
                true
            }
        };
        if left {
            count_out(cx, header.traffic(self.below));
        }
        Ok(())
    }

    /// Gives a message to the peer's device.
    pub fn deliver(
        &mut self,
        cx: &mut Cx<'_>,
        body: Body,
        (lease, epoch): (Lease, Lease),
    ) -> Result<(), SendError> {
        let a = &self.attributes;
        let segment = Box::new(Segment {
            source: NeighbourId(0),
            destination_qpn: a.peer_qpn,
            source_gid: a.local.gid,
            destination_gid: a.peer,
            lease,
            epoch,
            body,
        });
        match self.carried_by {
            CarriedBy::Neighbour(id) => match cx.env.deliver(id, segment) {
                Delivered::Ok => Ok(()),
                Delivered::Gone => Err(SendError::Gone),
                Delivered::Full(_) => Err(SendError::Full),
            },
            CarriedBy::Loopback => {
                cx.side.loopback.push_back(segment);
                Ok(())
            }
            CarriedBy::Frames => Ok(()),
        }
    }

    /// Whether it left `[CNT-1]`: without a next hop it is given up.
    fn send_frame(
        &mut self,
        cx: &mut Cx<'_>,
        bth: Bth,
        ext: Ext,
        length: u32,
        data: &Outgoing,
    ) -> Result<bool, SendError> {
        let Some(next_hop) = self.next_hop else {
            // Lost, as on a wire; the retry finds the next hop, or gives up. Without retry it was waited for [UC-7].
            cx.side
                .wants_next_hop(self.attributes.local, self.attributes.peer);
            return Ok(false);
        };
        let len = self.encode(cx, next_hop, (bth, ext), (0, length), data)?;
        match cx
            .env
            .transmit(cx.side.frame.get(..len).unwrap_or_default())
        {
            Sent::Ok => Ok(true),
            Sent::Full => Err(SendError::Full),
        }
    }

    /// Writes a frame into the buffer; its length. `part` is offset and length in `data`.
    fn encode(
        &self,
        cx: &mut Cx<'_>,
        next_hop: MacAddr,
        (bth, ext): (Bth, Ext),
        part: (u32, u32),
        data: &Outgoing,
    ) -> Result<usize, SendError> {
        // [ROCE-70]
        let marks = cx.res.has(feature::CONGESTION_CONTROL) && self.slows_down;
        let envelope = self.envelope(next_hop, marks);
        let [mut skip, length] = [part.0, part.1].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let Ok(mut encoder) =
            FrameEncoder::begin(&mut cx.side.frame[..], &envelope, &bth, &ext, length)
        else {
            // The buffer holds the longest frame and a header brings its own extensions.
            debug_assert!(false, "frame of {length} bytes was not encoded");
            return Ok(0);
        };
        let mut room = encoder.payload_mut();
        match data {
            Outgoing::Nothing => {}
            Outgoing::Bytes(inline) => {
                let bytes = inline.as_slice().get(skip..).unwrap_or_default();
                for (to, from) in room.iter_mut().zip(bytes) {
                    *to = *from;
                }
            }
            Outgoing::Ranges(ranges) => {
                for range in ranges.as_slice() {
                    if room.is_empty() {
                        break;
                    }
                    let all = usize::try_from(range.len).unwrap_or(usize::MAX);
                    let passed = skip.min(all);
                    skip -= passed;
                    let take = (all - passed).min(room.len());
                    let (now, later) = room.split_at_mut(take);
                    let from = range.iova.wrapping_add(passed as u64);
                    if let Err(error) = cx.res.dma.read(from, now) {
                        cx.res.counters.count(CounterId::DMA_ERRORS);
                        return Err(SendError::Local(Refusal::local_dma(error)));
                    }
                    room = later;
                }
            }
        }
        Ok(encoder.finish_icrc())
    }

    /// Records the frames that a request within the process would have been `[CNT-2]`.
    fn record_request(&self, cx: &mut Cx<'_>, header: &RequestHeader, data: &Outgoing) {
        let mtu = self.attributes.mtu;
        let packets = (0..).map_while(|n| request_packet(header, n, mtu));
        for (packet, offset) in packets {
            if let Some(headers) = self.headers_of(&packet) {
                self.record(cx, headers, (offset, packet.length), data);
            }
        }
    }

    /// The same for a response.
    fn record_response(&self, cx: &mut Cx<'_>, header: &ResponseHeader, data: &Outgoing) {
        let mtu = self.attributes.mtu;
        let packets = (0..).map_while(|n| response_packet(header, n, mtu));
        for (packet, offset) in packets {
            let length = match packet.body {
                ResponseBody::ReadData { length, .. } => length,
                ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. } => 0,
            };
            let headers = response_headers(&packet, self.attributes.peer_qpn);
            self.record(cx, headers, (offset, length), data);
        }
    }

    fn record(&self, cx: &mut Cx<'_>, headers: (Bth, Ext), part: (u32, u32), data: &Outgoing) {
        let mac = match self.carried_by {
            CarriedBy::Neighbour(id) => cx.env.neighbour_mac(id),
            CarriedBy::Loopback | CarriedBy::Frames => None,
        };
        // To itself, a device sends to its own address.
        let mac = mac.or(self.next_hop).unwrap_or(self.attributes.local.mac);
        // Memory that went away meanwhile leaves a gap in the recording, and nothing else.
        if let Ok(len) = self.encode(cx, mac, headers, part, data) {
            let frame = cx.side.frame.get(..len).unwrap_or_default();
            cx.env.record(frame);
        }
    }

    /// Tells the peer that its frames met congestion `[ROCE-71]`. A port without room loses it:
    /// the next mark brings another.
    pub fn notify_congestion(&self, cx: &mut Cx<'_>) {
        let Some(next_hop) = self.next_hop else {
            return;
        };
        let packet = cnp::packet(self.attributes.peer_qpn);
        let envelope = self.envelope(next_hop, false);
        let length = packet.payload.len();
        let encoder = FrameEncoder::begin(
            &mut cx.side.frame[..],
            &envelope,
            &packet.bth,
            &packet.ext,
            length,
        );
        let Ok(mut encoder) = encoder else {
            return;
        };
        encoder.payload_mut().fill(0);
        let len = encoder.finish_icrc();
        let frame = cx.side.frame.get(..len).unwrap_or_default();
        if cx.env.transmit(frame) == Sent::Ok {
            cx.res.counters.count(CounterId::CNP_OUT);
            count_out(
                cx,
                Traffic {
                    frames: 1,
                    octets: len as u64,
                },
            );
        }
    }

    /// `marks`: routers may mark the frame instead of losing it.
    fn envelope(&self, next_hop: MacAddr, marks: bool) -> Envelope {
        let a = &self.attributes;
        let eth = EthHeader {
            dst: next_hop,
            src: a.local.mac,
            vlan: a.local.vlan.and_then(VlanTag::new),
        };
        let traffic_class = if marks {
            a.traffic_class & !ECN_MASK | ECT_0
        } else {
            a.traffic_class
        };
        let hop_limit = match a.hop_limit {
            0 => DEFAULT_HOP_LIMIT,
            n => n,
        };
        let ip = match (a.local.gid.to_ip(), a.peer.to_ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => IpHeader::V4(Ipv4Header {
                tos: traffic_class,
                ttl: hop_limit,
                ..Ipv4Header::new(src, dst)
            }),
            _ => IpHeader::V6(Ipv6Header {
                traffic_class,
                hop_limit,
                flow_label: a.flow_label,
                ..Ipv6Header::new(a.local.gid.0.into(), a.peer.0.into())
            }),
        };
        Envelope {
            eth,
            ip,
            udp: UdpHeader::new(a.source_port),
        }
    }
}

/// Looks at the memory once before the peer copies from it, so that the usual mistakes of a driver
/// end here `[QP-29]`.
fn in_process(cx: &mut Cx<'_>, data: Outgoing) -> Result<Payload, SendError> {
    Ok(match data {
        Outgoing::Nothing => Payload::None,
        Outgoing::Bytes(inline) => Payload::Bytes(inline),
        Outgoing::Ranges(ranges) => {
            ranges
                .validate(&cx.res.dma)
                .map_err(|e| SendError::Local(cx.dma_failed(e)))?;
            Payload::Memory {
                space: Arc::clone(&cx.res.dma),
                ranges,
            }
        }
    })
}

/// A copy of the data.
fn copied(cx: &mut Cx<'_>, data: &Outgoing) -> Result<Payload, SendError> {
    Ok(match data {
        Outgoing::Nothing => Payload::None,
        Outgoing::Bytes(inline) => Payload::Bytes(inline.clone()),
        Outgoing::Ranges(ranges) => {
            let bytes = read(cx, ranges).map_err(SendError::Local)?;
            Payload::Bytes(Inline::from(bytes))
        }
    })
}

/// The bytes of ranges of our memory.
pub(super) fn read(cx: &mut Cx<'_>, ranges: &RangeList) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    for range in ranges.as_slice() {
        let from = bytes.len();
        let length = usize::try_from(range.len).unwrap_or(usize::MAX);
        bytes.resize(from.saturating_add(length), 0);
        let room = bytes.get_mut(from..).unwrap_or_default();
        cx.res
            .dma
            .read(range.iova, room)
            .map_err(|e| cx.dma_failed(e))?;
    }
    Ok(bytes)
}
