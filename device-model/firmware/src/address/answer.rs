//! Answers to those who ask for our addresses: ARP (RFC 826) and neighbour discovery (RFC 4861).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rnic_abi::{AddressEvent, CounterId, EventCode};
use rnic_core::env::{Nanos, Sent};
use rnic_mutant::mutant;
use rnic_wire::nd_option::{LinkLayerOf, link_layer};
use rnic_wire::{
    ArpFrame, ArpOperation, EthHeader, Gid, MacAddr, NaFlags, NdFrame, NdMessage, NdOptions,
};

use crate::command::Control;

use super::resolve::vlan_of;

/// An address's conflict is reported at most once in this time `[ADDR-4]`.
const CONFLICT_INTERVAL_NS: u64 = 1_000_000_000;
/// Room for any answer.
const FRAME_BYTES: usize = 128;

impl Control<'_> {
    /// An ARP packet arrived. The guest's stack sees it too.
    pub(crate) fn arp_received(&mut self, frame: &ArpFrame<'_>) {
        let arp = &frame.arp;
        self.claimed(&frame.eth, IpAddr::V4(arp.sender_ip), arp.sender_mac);
        self.learn_from_arp(frame);
        if arp.operation != ArpOperation::Request || arp.sender_ip == arp.target_ip {
            return;
        }
        let Some(mac) = self.answers_for(&frame.eth, IpAddr::V4(arp.target_ip)) else {
            return;
        };
        let answer = ArpFrame {
            eth: EthHeader {
                dst: arp.sender_mac,
                src: mac,
                vlan: frame.eth.vlan,
            },
            arp: arp.answer(mac),
            trailer: &[0; 18],
        };
        let mut bytes = [0; FRAME_BYTES];
        let length = answer.encode(&mut bytes);
        self.send_answer(&bytes, length.ok());
    }

    /// A neighbour discovery message arrived. The guest's stack sees it too.
    pub(crate) fn nd_received(&mut self, frame: &NdFrame<'_>) {
        self.learn_from_nd(frame);
        match frame.message {
            NdMessage::NeighborAdvertisement { target, .. } => {
                let mac = frame.options.target_link_layer().unwrap_or(frame.eth.src);
                self.claimed(&frame.eth, IpAddr::V6(target), mac);
            }
            NdMessage::NeighborSolicitation { target, .. } => self.solicited(frame, target),
            NdMessage::RouterSolicitation { .. } | NdMessage::RouterAdvertisement { .. } => (),
        }
    }

    fn solicited(&mut self, frame: &NdFrame<'_>, target: Ipv6Addr) {
        let Some(mac) = self.answers_for(&frame.eth, IpAddr::V6(target)) else {
            return;
        };
        // Without a source address somebody checks whether the address is free: all must hear that it is not.
        let probe = frame.ip.src == Ipv6Addr::UNSPECIFIED;
        let (dst_mac, dst, flags) = if probe {
            let all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
            (MacAddr::of_ipv6_multicast(all), all, NaFlags::OVERRIDE)
        } else {
            let mac = frame.options.source_link_layer().unwrap_or(frame.eth.src);
            (
                mac,
                frame.ip.src,
                NaFlags::OVERRIDE.union(NaFlags::SOLICITED),
            )
        };
        let option = link_layer(LinkLayerOf::Target, mac);
        let Ok(options) = NdOptions::parse(&option) else {
            return;
        };
        let mut answer = NdFrame::advertise(mac, target, dst_mac, dst, flags, options);
        answer.eth.vlan = frame.eth.vlan;
        let mut bytes = [0; FRAME_BYTES];
        let length = answer.encode(&mut bytes);
        self.send_answer(&bytes, length.ok());
    }

    /// Our Ethernet address when we answer for `ip` on the VLAN that was asked on `[ADDR-3]`.
    fn answers_for(&self, eth: &EthHeader, ip: IpAddr) -> Option<MacAddr> {
        let addresses = &self.plane.addresses;
        let ours = addresses.on_vlan(Gid::from(ip), vlan_of(eth))?;
        (ours.answer || mutant("ADDR-3/always")).then_some(addresses.mac())
    }

    fn send_answer(&mut self, bytes: &[u8], length: Option<usize>) {
        let Some(frame) = length.and_then(|length| bytes.get(..length)) else {
            return;
        };
        // A full port loses the answer; who asked asks again.
        if self.env.transmit(frame) == Sent::Ok {
            let counters = &mut self.hardware.resources.counters;
            counters.count(CounterId::NEIGHBOUR_REPLIES_OUT);
        }
    }

    /// Somebody says that an address is theirs `[ADDR-4]`.
    fn claimed(&mut self, eth: &EthHeader, ip: IpAddr, mac: MacAddr) {
        let addresses = &self.plane.addresses;
        if mac == addresses.mac() || ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
            return;
        }
        let (gid, vlan) = (Gid::from(ip), vlan_of(eth));
        let mut entries = addresses.iter();
        let Some((index, _)) = entries.find(|(_, a)| a.gid == gid && a.vlan == vlan) else {
            return;
        };
        let counters = &mut self.hardware.resources.counters;
        counters.count(CounterId::NEIGHBOUR_CONFLICTS);
        let now = self.env.now();
        if !self.plane.conflicts.may_report(index, now) {
            return;
        }
        let mut event = AddressEvent::zeroed();
        event.index.set(index);
        event.mac = mac.0;
        self.hardware.resources.post_event(
            self.env,
            EventCode::ADDRESS_CONFLICT,
            u32::from(index),
            0,
            &event,
        );
    }
}

/// When each address's conflict was last reported.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(std::collections::BTreeMap<u16, Nanos>);

impl Conflicts {
    fn may_report(&mut self, index: u16, now: Nanos) -> bool {
        if self
            .0
            .get(&index)
            .is_some_and(|last| now.since(*last) < CONFLICT_INTERVAL_NS)
            && !mutant("ADDR-4/often")
        {
            return false;
        }
        self.0.insert(index, now);
        true
    }
}
