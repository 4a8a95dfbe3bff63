//! How a message leaves.

use core::net::IpAddr;

use rnic_abi::CounterId;
use rnic_core::env::{Delivered, NeighbourId, Sent};
use rnic_core::qp::LocalAddress;
use rnic_core::segment::{Body, Lease, Segment};
use rnic_wire::{
    CmMad, Envelope, EthHeader, FrameEncoder, Gid, IpHeader, Ipv4Header, Ipv6Header, MacAddr, Qpn,
    UdpHeader, VlanTag, mad,
};

use crate::address::NextHop;
use crate::command::Control;

use super::connection::{Looped, Outstanding};

/// UDP source port of QP1: a number of the RoCE range that stays the same.
const QP1_SOURCE_PORT: u16 = 0xC000;
const HOP_LIMIT: u8 = 64;
/// Room for a management datagram with all its headers.
const FRAME_BYTES: usize = 512;
/// Messages to this very device that wait at most; more are lost and sent again.
const LOOPED_MAX: usize = 1024;

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// Our address.
    pub local: LocalAddress,
    /// The peer's.
    pub peer: Gid,
    /// Ethernet address of the next hop, for frames.
    pub next_hop: Option<MacAddr>,
}

impl Control<'_> {
    /// Sends a message once. What is lost on the way, or finds no room, is sent again by who waits for an answer.
    pub(crate) fn send_mad(&mut self, way: &Way, mad: &CmMad) {
        let counters = &mut self.hardware.resources.counters;
        counters.count(CounterId::CM_OUT);
        let bytes = mad.to_bytes();
        if self.plane.addresses.find(way.peer).is_some() {
            let looped = &mut self.plane.connections.looped;
            if looped.len() < LOOPED_MAX {
                looped.push_back(Looped {
                    source: way.local.gid,
                    destination: way.peer,
                    mad: bytes,
                });
            }
            return;
        }
        if let Some(neighbour) = self.env.neighbour(way.peer) {
            let segment = Segment {
                source: NeighbourId(0),
                destination_qpn: Qpn::GSI,
                source_gid: way.local.gid,
                destination_gid: way.peer,
                lease: Lease::new(),
                // Carries no DMA address, so it keeps nothing back.
                epoch: Lease::new(),
                body: Body::Cm(Box::new(bytes)),
            };
            match self.env.deliver(neighbour, Box::new(segment)) {
                Delivered::Ok if self.env.records() => {
                    let mac = self.env.neighbour_mac(neighbour).or(way.next_hop);
                    if let Some(frame) = mac.and_then(|mac| self.qp1_frame(way, mac, &bytes)) {
                        self.env.record(&frame);
                    }
                }
                Delivered::Ok | Delivered::Gone | Delivered::Full(_) => (),
            }
            return;
        }
        self.send_frame(way, &bytes);
    }

    fn send_frame(&mut self, way: &Way, bytes: &[u8; rnic_wire::MAD_LEN]) {
        let dst = match way.next_hop {
            Some(mac) => mac,
            None => match self.next_hop(&way.local, way.peer) {
                NextHop::Known(mac) => mac,
                // The message is lost; who waits for its answer sends it again when the next hop is found.
                NextHop::Asked | NextHop::NoRoute => return,
            },
        };
        if let Some(frame) = self.qp1_frame(way, dst, bytes) {
            match self.env.transmit(&frame) {
                Sent::Ok | Sent::Full => (),
            }
        }
    }

    /// A message in a frame.
    pub(super) fn qp1_frame(
        &mut self,
        way: &Way,
        dst: MacAddr,
        bytes: &[u8; rnic_wire::MAD_LEN],
    ) -> Option<Vec<u8>> {
        let ip = match (way.local.gid.to_ip(), way.peer.to_ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => IpHeader::V4(Ipv4Header {
                tos: 0,
                identification: 0,
                dont_fragment: true,
                ttl: HOP_LIMIT,
                src,
                dst,
            }),
            (IpAddr::V6(src), IpAddr::V6(dst)) => IpHeader::V6(Ipv6Header {
                traffic_class: 0,
                flow_label: 0,
                hop_limit: HOP_LIMIT,
                src,
                dst,
            }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let envelope = Envelope {
            eth: EthHeader {
                dst,
                src: way.local.mac,
                vlan: way.local.vlan.and_then(VlanTag::new),
            },
            ip,
            udp: UdpHeader::new(QP1_SOURCE_PORT),
        };
        let psn = self.plane.connections.qp1_psn;
        self.plane.connections.qp1_psn = psn.next();
        let packet = mad::packet(bytes, psn);
        let mut frame = vec![0; FRAME_BYTES];
        let encoder = FrameEncoder::begin(
            &mut frame,
            &envelope,
            &packet.bth,
            &packet.ext,
            packet.payload.len(),
        );
        let mut encoder = encoder.ok()?;
        for (to, from) in encoder.payload_mut().iter_mut().zip(packet.payload) {
            *to = *from;
        }
        let length = encoder.finish_icrc();
        frame.truncate(length);
        Some(frame)
    }

    /// The way of a connection.
    pub(crate) fn way(&self, handle: u32) -> Option<Way> {
        let c = self.plane.connections.table.get(handle)?;
        Some(Way {
            local: c.local,
            peer: c.peer,
            next_hop: c.next_hop,
        })
    }

    /// Sends a message of a connection once.
    pub(crate) fn send_once(&mut self, handle: u32, mad: &CmMad) {
        if let Some(way) = self.way(handle) {
            self.send_mad(&way, mad);
        }
    }

    /// Sends a message of a connection, and again until it is answered or the sender gives up.
    pub(crate) fn send_until_answered(&mut self, handle: u32, mad: CmMad) {
        self.send_once(handle, &mad);
        let now = self.env.now();
        if let Some(c) = self.plane.connections.table.get_mut(handle) {
            c.outstanding = Some(Outstanding::new(mad, now));
        }
    }
}
