//! Where others are: questions by ARP (RFC 826) and neighbour discovery (RFC 4861), and what their answers change.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rnic_abi::CounterId;
use rnic_core::env::Sent;
use rnic_core::qp::LocalAddress;
use rnic_wire::nd_option::{LinkLayerOf, link_layer};
use rnic_wire::{
    Arp, ArpFrame, ArpOperation, EthHeader, Gid, MacAddr, NaFlags, NdFrame, NdMessage, NdOptions,
    VlanTag,
};

use crate::command::Control;

use super::AddressTable;
use super::neighbour::{Due, Heard, Lookup, Neighbour};

/// Room for any question.
const FRAME_BYTES: usize = 128;

/// A way to a peer by frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextHop {
    /// Its Ethernet address.
    Known(MacAddr),
    /// Somebody was asked; [`Control::neighbour_found`] goes on.
    Asked,
    /// There is no way.
    NoRoute,
}

/// VLAN of a frame, as addresses have it: a tag with priority only is none.
pub(super) fn vlan_of(eth: &EthHeader) -> Option<u16> {
    eth.vlan.map(VlanTag::vid).filter(|vid| *vid != 0)
}

/// Whether `whom` carries frames from one of our addresses to `peer`.
fn goes_over(addresses: &AddressTable, local: &LocalAddress, peer: Gid, whom: Neighbour) -> bool {
    local.vlan == whom.vlan
        && addresses
            .on_vlan(local.gid, local.vlan)
            .is_some_and(|address| address.next_hop(peer) == Some(whom.gid))
}

impl Control<'_> {
    /// Who on the link carries frames from one of our addresses to `peer` `[ADDR-7]`.
    pub(crate) fn way_by_frames(&self, local: &LocalAddress, peer: Gid) -> Option<Gid> {
        let address = self.plane.addresses.on_vlan(local.gid, local.vlan)?;
        address.next_hop(peer)
    }

    /// The Ethernet address for frames to `peer`, or the question for it.
    pub(crate) fn next_hop(&mut self, local: &LocalAddress, peer: Gid) -> NextHop {
        let Some(gid) = self.way_by_frames(local, peer) else {
            return NextHop::NoRoute;
        };
        let whom = Neighbour {
            vlan: local.vlan,
            gid,
        };
        let now = self.env.now();
        match self.plane.neighbours.find(now, whom, local.gid) {
            Lookup::Known(mac) => NextHop::Known(mac),
            // Who waits for an answer comes back.
            Lookup::Asking | Lookup::Full => NextHop::Asked,
            Lookup::Ask => {
                self.ask(local.gid, whom);
                NextHop::Asked
            }
        }
    }

    /// Asks everybody on the link for a neighbour `[ADDR-8]`.
    fn ask(&mut self, from: Gid, whom: Neighbour) {
        let addresses = &self.plane.addresses;
        if addresses.on_vlan(from, whom.vlan).is_none() {
            // The address was cleared meanwhile.
            return;
        }
        let mac = addresses.mac();
        let vlan = whom.vlan.and_then(VlanTag::new);
        let mut bytes = [0; FRAME_BYTES];
        let length = match (from.to_ip(), whom.gid.to_ip()) {
            (IpAddr::V4(from), IpAddr::V4(whom)) => {
                let question = ArpFrame {
                    eth: EthHeader {
                        dst: MacAddr::BROADCAST,
                        src: mac,
                        vlan,
                    },
                    arp: Arp::request(mac, from, whom),
                    trailer: &[0; 18],
                };
                question.encode(&mut bytes).ok()
            }
            (IpAddr::V6(from), IpAddr::V6(whom)) => {
                let option = link_layer(LinkLayerOf::Source, mac);
                NdOptions::parse(&option).ok().and_then(|options| {
                    let mut question = NdFrame::solicit(mac, from, whom, options);
                    question.eth.vlan = vlan;
                    question.encode(&mut bytes).ok()
                })
            }
            _ => None,
        };
        let Some(frame) = length.and_then(|length| bytes.get(..length)) else {
            return;
        };
        // A full port loses the question; it is asked again.
        if self.env.transmit(frame) == Sent::Ok {
            let counters = &mut self.hardware.resources.counters;
            counters.count(CounterId::NEIGHBOUR_REQUESTS_OUT);
        }
    }

    /// What an ARP packet says of its sender.
    pub(super) fn learn_from_arp(&mut self, frame: &ArpFrame<'_>) {
        let arp = &frame.arp;
        let how = match arp.operation {
            ArpOperation::Request if self.is_ours(&frame.eth, IpAddr::V4(arp.target_ip)) => {
                Heard::AskedUs
            }
            ArpOperation::Request | ArpOperation::Reply => Heard::Said { replaces: true },
            ArpOperation::Other(_) => return,
        };
        self.heard(&frame.eth, IpAddr::V4(arp.sender_ip), arp.sender_mac, how);
    }

    /// What a neighbour discovery message says of its sender, or of its target.
    pub(super) fn learn_from_nd(&mut self, frame: &NdFrame<'_>) {
        match frame.message {
            NdMessage::NeighborSolicitation { target, .. } => {
                if let Some(mac) = frame.options.source_link_layer()
                    && self.is_ours(&frame.eth, IpAddr::V6(target))
                {
                    self.heard(&frame.eth, IpAddr::V6(frame.ip.src), mac, Heard::AskedUs);
                }
            }
            NdMessage::NeighborAdvertisement { target, flags } => {
                let mac = frame.options.target_link_layer().unwrap_or(frame.eth.src);
                let replaces = flags.contains(NaFlags::OVERRIDE);
                let how = Heard::Said { replaces };
                self.heard(&frame.eth, IpAddr::V6(target), mac, how);
            }
            NdMessage::RouterSolicitation { .. } | NdMessage::RouterAdvertisement { .. } => (),
        }
    }

    fn is_ours(&self, eth: &EthHeader, ip: IpAddr) -> bool {
        let addresses = &self.plane.addresses;
        addresses.on_vlan(Gid::from(ip), vlan_of(eth)).is_some()
    }

    /// `[ADDR-10]`
    fn heard(&mut self, eth: &EthHeader, ip: IpAddr, mac: MacAddr, how: Heard) {
        let host = match ip {
            IpAddr::V4(ip) => {
                ip != Ipv4Addr::UNSPECIFIED && !ip.is_multicast() && !ip.is_broadcast()
            }
            IpAddr::V6(ip) => ip != Ipv6Addr::UNSPECIFIED && !ip.is_multicast(),
        };
        let addresses = &self.plane.addresses;
        let station = !mac.is_multicast() && mac != MacAddr::ZERO && mac != addresses.mac();
        if !host || !station || self.is_ours(eth, ip) {
            return;
        }
        let whom = Neighbour {
            vlan: vlan_of(eth),
            gid: Gid::from(ip),
        };
        let now = self.env.now();
        if let Some(mac) = self.plane.neighbours.heard(now, whom, mac, how) {
            self.neighbour_found(whom, mac);
        }
    }

    /// A neighbour answered, or moved: who waits for it, or sends to it, goes on `[ADDR-8]`, `[ADDR-10]`.
    fn neighbour_found(&mut self, whom: Neighbour, mac: MacAddr) {
        self.next_hop_found(whom.vlan, whom.gid, mac);
        let addresses = &self.plane.addresses;
        let qps = &mut self.hardware.qps;
        qps.next_hop_found(mac, |local, peer| goes_over(addresses, local, peer, whom));
        qps.datagram_hop_told(Some(mac), |local, peer| {
            goes_over(addresses, local, peer, whom)
        });
    }

    /// What time does to questions.
    pub(crate) fn run_neighbours(&mut self) {
        let now = self.env.now();
        if self
            .plane
            .neighbours
            .next_timer()
            .is_none_or(|due| due > now)
        {
            return;
        }
        for due in self.plane.neighbours.due(now) {
            match due {
                Due::Ask { from, whom } => self.ask(from, whom),
                Due::GivenUp(whom) => {
                    self.next_hop_missing(whom.vlan, whom.gid);
                    let addresses = &self.plane.addresses;
                    let qps = &mut self.hardware.qps;
                    qps.datagram_hop_told(None, |local, peer| {
                        goes_over(addresses, local, peer, whom)
                    });
                }
            }
        }
    }
}
