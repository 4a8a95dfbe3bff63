//! An interface's part in finding others on its link: it answers who asks for its addresses, and asks for theirs, by ARP
//! (RFC 826) and neighbour discovery (RFC 4861), with packets of the driver's Ethernet lane. Windows' stack does that; the
//! device does not when rnic.sys drives it.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags,
    NdiscRepr,
};

use super::table;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::datapath::Packet;
use crate::thread;

/// OID_GEN_CURRENT_PACKET_FILTER, and in it: directed, all multicast, broadcast (ntddndis.h).
const FILTER: u32 = 0x0001_010E;
const WANTED: u32 = 0x1 | 0x4 | 0x8;
/// How long the thread waits for a packet before it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// Neighbour discovery's packets come from the link: their hop limit shows it (RFC 4861, 7.1).
const HOP_LIMIT: u8 = 255;

type Mac = [u8; 6];

/// What a frame says or asks, as far as it concerns finding others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// Somebody asks for `target`; who asks is known by `sender`.
    Question {
        target: IpAddr,
        sender: Option<(IpAddr, Mac)>,
    },
    /// Somebody says where `ip` is.
    Answer { ip: IpAddr, mac: Mac },
}

fn mac_of(raw: Option<smoltcp::wire::RawHardwareAddress>) -> Option<Mac> {
    raw?.as_bytes().try_into().ok()
}

fn hear_arp(bytes: &[u8]) -> Option<Heard> {
    let packet = ArpPacket::new_checked(bytes).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    let sender = (IpAddr::V4(source_protocol_addr), source_hardware_addr.0);
    match operation {
        ArpOperation::Request => Some(Heard::Question {
            target: target_protocol_addr.into(),
            // A probe (RFC 5227) has no sender.
            sender: (!source_protocol_addr.is_unspecified()).then_some(sender),
        }),
        ArpOperation::Reply => Some(Heard::Answer {
            ip: sender.0,
            mac: sender.1,
        }),
        ArpOperation::Unknown(_) => None,
    }
}

fn hear_discovery(bytes: &[u8]) -> Option<Heard> {
    let packet = Ipv6Packet::new_checked(bytes).ok()?;
    let ip = Ipv6Repr::parse(&packet).ok()?;
    if ip.next_header != IpProtocol::Icmpv6 || ip.hop_limit != HOP_LIMIT {
        return None;
    }
    let message = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    let checked = ChecksumCapabilities::default();
    match Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &message, &checked).ok()? {
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit {
            target_addr,
            lladdr,
        }) => Some(Heard::Question {
            target: target_addr.into(),
            sender: mac_of(lladdr).map(|mac| (ip.src_addr.into(), mac)),
        }),
        Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            target_addr,
            lladdr,
            ..
        }) => Some(Heard::Answer {
            ip: target_addr.into(),
            mac: mac_of(lladdr)?,
        }),
        _ => None,
    }
}

fn hear(frame: &[u8]) -> Option<Heard> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Arp => hear_arp(frame.payload()),
        EthernetProtocol::Ipv6 => hear_discovery(frame.payload()),
        _ => None,
    }
}

fn frame(from: Mac, to: Mac, protocol: EthernetProtocol, payload: usize) -> Vec<u8> {
    let repr = EthernetRepr {
        src_addr: EthernetAddress(from),
        dst_addr: EthernetAddress(to),
        ethertype: protocol,
    };
    // Padded to what Ethernet carries at least.
    let mut bytes = vec![0; (repr.buffer_len() + payload).max(60)];
    repr.emit(&mut EthernetFrame::new_unchecked(&mut bytes[..]));
    bytes
}

fn arp(repr: ArpRepr, from: Mac, to: Mac) -> Vec<u8> {
    let mut bytes = frame(from, to, EthernetProtocol::Arp, repr.buffer_len());
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[14..]));
    bytes
}

fn discovery(message: NdiscRepr<'_>, from: (Ipv6Addr, Mac), to: (Ipv6Addr, Mac)) -> Vec<u8> {
    let message = Icmpv6Repr::Ndisc(message);
    let ip = Ipv6Repr {
        src_addr: from.0,
        dst_addr: to.0,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.buffer_len(),
        hop_limit: HOP_LIMIT,
    };
    let header = ip.buffer_len();
    let length = header + message.buffer_len();
    let mut bytes = frame(from.1, to.1, EthernetProtocol::Ipv6, length);
    let packet = &mut bytes[14..14 + length];
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut *packet));
    message.emit(
        &from.0,
        &to.0,
        &mut Icmpv6Packet::new_unchecked(&mut packet[header..]),
        &ChecksumCapabilities::default(),
    );
    bytes
}

/// The solicited-node group of an address (RFC 4291, 2.7.1), and its Ethernet address (RFC 2464, 7).
fn group_of(ip: Ipv6Addr) -> (Ipv6Addr, Mac) {
    let [.., a, b, c] = ip.octets();
    let group = Ipv6Addr::new(
        0xFF02,
        0,
        0,
        0,
        0,
        1,
        0xFF00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    );
    (group, [0x33, 0x33, 0xFF, a, b, c])
}

/// The question where `whom` is; `None` when the two are of different families.
fn question(from: (IpAddr, Mac), whom: IpAddr) -> Option<Vec<u8>> {
    match (from.0, whom) {
        (IpAddr::V4(ip), IpAddr::V4(whom)) => {
            let repr = ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Request,
                source_hardware_addr: EthernetAddress(from.1),
                source_protocol_addr: ip,
                target_hardware_addr: EthernetAddress([0; 6]),
                target_protocol_addr: whom,
            };
            Some(arp(repr, from.1, [0xFF; 6]))
        }
        (IpAddr::V6(ip), IpAddr::V6(whom)) => {
            let message = NdiscRepr::NeighborSolicit {
                target_addr: whom,
                lladdr: Some(EthernetAddress(from.1).into()),
            };
            Some(discovery(message, (ip, from.1), group_of(whom)))
        }
        _ => None,
    }
}

/// The answer that `ip` is at `mac`, to who asked; `None` to a probe of IPv4, which the stack does not contest here.
fn answer(ip: IpAddr, mac: Mac, to: Option<(IpAddr, Mac)>) -> Option<Vec<u8>> {
    match (ip, to?) {
        (IpAddr::V4(ip), (IpAddr::V4(asker), asker_mac)) => {
            let repr = ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Reply,
                source_hardware_addr: EthernetAddress(mac),
                source_protocol_addr: ip,
                target_hardware_addr: EthernetAddress(asker_mac),
                target_protocol_addr: asker,
            };
            Some(arp(repr, mac, asker_mac))
        }
        (IpAddr::V6(ip), (IpAddr::V6(asker), asker_mac)) => {
            let message = NdiscRepr::NeighborAdvert {
                flags: NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE,
                target_addr: ip,
                lladdr: Some(EthernetAddress(mac).into()),
            };
            Some(discovery(message, (ip, mac), (asker, asker_mac)))
        }
        _ => None,
    }
}

fn send(adapter: &Adapter, frame: Vec<u8>) {
    if adapter.state() != State::Running {
        return;
    }
    for number in adapter.send(&[Packet::plain(frame)]) {
        // A frame that is lost is asked for again.
        adapter.wait_sent(number);
    }
}

/// Asks the link where `whom` is.
pub(super) fn ask(adapter: &Adapter, from: IpAddr, whom: IpAddr) {
    let mac = adapter.said.lock().mac;
    if let Some(frame) = question((from, mac), whom) {
        send(adapter, frame);
    }
}

fn serve(adapter: &Adapter, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        let Some(packet) = adapter.traffic.receive(LOOK, |_| true) else {
            continue;
        };
        match hear(&packet.frame) {
            Some(Heard::Answer { ip, mac }) => table::heard(adapter, ip, mac),
            Some(Heard::Question { target, sender }) if table::is_of(adapter, target) => {
                if let Some((ip, mac)) = sender {
                    table::heard(adapter, ip, mac);
                }
                let ours = adapter.said.lock().mac;
                if let Some(frame) = answer(target, ours, sender) {
                    send(adapter, frame);
                }
            }
            Some(Heard::Question { .. }) | None => (),
        }
    }
}

/// The service of one adapter, which it takes all packets for. Ends when dropped.
pub struct Neighbours {
    adapter: Arc<Adapter>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbours {
    /// Begins, on an adapter that is running.
    #[must_use]
    pub fn serve(adapter: &Arc<Adapter>) -> Self {
        adapter.set(FILTER, &WANTED.to_le_bytes());
        table::set_asking(adapter, true);
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, until) = (adapter.clone(), stop.clone());
        let thread = thread::spawn("neighbours", move || serve(&theirs, &until));
        Self {
            adapter: adapter.clone(),
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // What it died of is on stderr.
            let _ = thread.join();
        }
        table::set_asking(&self.adapter, false);
        if self.adapter.state() == State::Running {
            self.adapter.set(FILTER, &0_u32.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Mac = [2, 0, 0, 0, 0, 1];
    const THEIRS: Mac = [2, 0, 0, 0, 0, 2];

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_asked_is_heard_and_answered() {
        for (ours, theirs) in [("10.7.0.1", "10.7.0.2"), ("fd07::1", "fd07::2")] {
            let (ours, theirs) = (ip(ours), ip(theirs));
            let asked = question((theirs, THEIRS), ours).expect("a question");
            assert!(asked.len() >= 60);
            let heard = hear(&asked);
            let sender = Some((theirs, THEIRS));
            assert_eq!(
                heard,
                Some(Heard::Question {
                    target: ours,
                    sender
                })
            );
            let answered = answer(ours, OURS, sender).expect("an answer");
            assert_eq!(answered[..6], THEIRS);
            assert_eq!(
                hear(&answered),
                Some(Heard::Answer {
                    ip: ours,
                    mac: OURS
                })
            );
        }
    }

    #[test]
    fn a_question_goes_to_the_group_of_its_target() {
        let frame = question((ip("fd07::1"), OURS), ip("fd07::12:3456")).expect("a question");
        assert_eq!(frame[..6], [0x33, 0x33, 0xFF, 0x12, 0x34, 0x56]);
        assert!(question((ip("10.7.0.1"), OURS), ip("fd07::2")).is_none());
    }

    #[test]
    fn neighbour_discovery_from_beyond_the_link_is_not_heard() {
        let mut frame = question((ip("fd07::2"), THEIRS), ip("fd07::1")).expect("a question");
        assert!(hear(&frame).is_some());
        frame[14 + 7] = 254;
        assert!(hear(&frame).is_none());
    }

    #[test]
    fn cut_and_damaged_frames_say_nothing_wrong() {
        for whom in ["10.7.0.1", "fd07::1"] {
            let from = if whom.contains(':') {
                "fd07::2"
            } else {
                "10.7.0.2"
            };
            let whole = question((ip(from), THEIRS), ip(whom)).expect("a question");
            for length in 0..whole.len() {
                let heard = hear(&whole[..length]);
                assert!(heard.is_none() || heard == hear(&whole));
            }
            for at in 0..whole.len() {
                let mut frame = whole.clone();
                frame[at] ^= 0xFF;
                // Not to panic is what is asked.
                let _ = hear(&frame);
            }
        }
    }
}
