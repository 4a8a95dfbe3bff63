//! One line for one frame.

use std::io::{self, Write};

use rnic_wire::cma::port_of;
use rnic_wire::{
    ArpOperation, Class, CmMad, CmMessage, Ecn, Ext, Frame, NakCode, NdFrame, NdMessage, Protocol,
    Syndrome,
};

use super::Decoded;
use super::flow::Note;

/// Writes the line without its end.
pub(super) fn write(out: &mut impl Write, decoded: &Decoded<'_>, data: &[u8]) -> io::Result<()> {
    match decoded {
        Decoded::Roce(f) => {
            addresses(out, f)?;
            packet(out, f)
        }
        Decoded::Cm(f, mad) => {
            addresses(out, f)?;
            cm(out, mad)
        }
        Decoded::Arp(f) => {
            let a = &f.arp;
            match a.operation {
                ArpOperation::Request => {
                    write!(out, "ARP who has {} tell {}", a.target_ip, a.sender_ip)
                }
                ArpOperation::Reply => write!(out, "ARP {} is at {}", a.sender_ip, a.sender_mac),
                ArpOperation::Other(code) => write!(out, "ARP operation {code}"),
            }
        }
        Decoded::Nd(f) => nd(out, f),
        Decoded::Other(p) => {
            other(out, *p)?;
            write!(out, " len={}", data.len())
        }
        Decoded::Unreadable(p) => {
            other(out, *p)?;
            write!(out, " len={} unreadable", data.len())
        }
    }
}

/// Writes what is to be told of a frame beside what it is.
pub(super) fn write_note(out: &mut impl Write, note: Note) -> io::Result<()> {
    match note {
        Note::Again => write!(out, "  [sent again]"),
        Note::Gap(1) => write!(out, "  [one before it is missing]"),
        Note::Gap(packets) => write!(out, "  [{packets} before it are missing]"),
        // The line says it.
        Note::Nak | Note::RnrNak | Note::Marked | Note::Congestion => Ok(()),
    }
}

fn addresses(out: &mut impl Write, f: &Frame<'_>) -> io::Result<()> {
    if let Some(tag) = f.envelope.eth.vlan {
        write!(out, "vlan={} ", tag.vid())?;
    }
    write!(out, "{} > {} ", f.envelope.ip.src(), f.envelope.ip.dst())?;
    if f.envelope.ip.ecn() == Ecn::Ce {
        write!(out, "CE ")?;
    }
    Ok(())
}

fn packet(out: &mut impl Write, f: &Frame<'_>) -> io::Result<()> {
    let bth = &f.packet.bth;
    write!(
        out,
        "{} qpn={} psn={}",
        bth.opcode.name(),
        bth.dest_qpn,
        bth.psn
    )?;
    for (set, name) in [
        (bth.ack_request, "ack-req"),
        (bth.solicited, "solicited"),
        (bth.migrated, "migrated"),
        (bth.fecn, "fecn"),
        (bth.becn && bth.opcode.class() != Class::Cnp, "becn"),
    ] {
        if set {
            write!(out, " {name}")?;
        }
    }
    let ext = &f.packet.ext;
    if let Some(r) = ext.reth() {
        write!(out, " va={:#x} rkey={} dma-len={}", r.va, r.rkey, r.len)?;
    }
    if let Some(a) = ext.aeth() {
        write!(out, " {} msn={}", syndrome(a.syndrome), a.msn.get())?;
    }
    match ext {
        Ext::Ieth(key) => write!(out, " invalidate={key}")?,
        Ext::AtomicAck(_, original) => write!(out, " original={original:#x}")?,
        Ext::Atomic(a) => {
            write!(
                out,
                " va={:#x} rkey={} swap-add={:#x} compare={:#x}",
                a.va, a.rkey, a.swap_add, a.compare
            )?;
        }
        Ext::Flush(fl, _) => write!(
            out,
            " placement={} selectivity={}",
            fl.placement(),
            fl.selectivity()
        )?,
        Ext::Deth(d) | Ext::DethImm(d, _) => write!(out, " qkey={} src-qpn={}", d.qkey, d.src_qpn)?,
        _ => {}
    }
    if let Some(imm) = ext.immediate() {
        write!(out, " imm={:08x}", u32::from_be_bytes(imm.0))?;
    }
    if bth.opcode.has_payload() || !f.packet.payload.is_empty() {
        write!(out, " len={}", f.packet.payload.len())?;
    }
    Ok(())
}

fn syndrome(s: Syndrome) -> String {
    match s {
        Syndrome::ACK => "ACK".into(),
        Syndrome::Ack(c) => format!("ACK credits={}", c.code()),
        Syndrome::RnrNak(t) => format!("RNR-NAK wait={}us", t.nanos() / 1000),
        Syndrome::Nak(c) => match c {
            NakCode::PsnSequence => "NAK psn-sequence".into(),
            NakCode::InvalidRequest => "NAK invalid-request".into(),
            NakCode::RemoteAccess => "NAK remote-access".into(),
            NakCode::RemoteOperational => "NAK remote-operational".into(),
            NakCode::InvalidRdRequest => "NAK invalid-rd-request".into(),
            NakCode::Reserved(code) => format!("NAK reserved-{}", code.code()),
        },
        Syndrome::Reserved(byte) => format!("syndrome={byte:02x}"),
    }
}

fn cm(out: &mut impl Write, mad: &CmMad) -> io::Result<()> {
    write!(out, "CM {} tid={:x}", mad.message.name(), mad.header.tid)?;
    match &mad.message {
        CmMessage::Req(m) => {
            write!(
                out,
                " comm-id={:08x} qpn={} psn={}",
                m.local_comm_id.0, m.local_qpn, m.starting_psn
            )?;
            match port_of(m.service_id) {
                Some((space, port)) => write!(out, " {space:?} port={port}"),
                None => write!(out, " service-id={:016x}", m.service_id.0),
            }
        }
        CmMessage::Rep(m) => write!(
            out,
            " comm-id={:08x}/{:08x} qpn={} psn={}",
            m.local_comm_id.0, m.remote_comm_id.0, m.local_qpn, m.starting_psn
        ),
        CmMessage::Rej(m) => {
            write!(
                out,
                " comm-id={:08x}/{:08x} ",
                m.local_comm_id.0, m.remote_comm_id.0
            )?;
            write!(out, "of={:?} reason={:?}", m.message, m.reason)
        }
        CmMessage::Mra(m) => {
            write!(
                out,
                " comm-id={:08x}/{:08x} ",
                m.local_comm_id.0, m.remote_comm_id.0
            )?;
            write!(
                out,
                "of={:?} wait={}us",
                m.message,
                m.service_timeout.nanos() / 1000
            )
        }
        CmMessage::Dreq(m) => {
            write!(
                out,
                " comm-id={:08x}/{:08x} qpn={}",
                m.local_comm_id.0, m.remote_comm_id.0, m.remote_qpn
            )
        }
        CmMessage::Rtu(m) => ids(out, m.local_comm_id.0, m.remote_comm_id.0),
        CmMessage::Drep(m) => ids(out, m.local_comm_id.0, m.remote_comm_id.0),
        CmMessage::Lap(m) => ids(out, m.local_comm_id.0, m.remote_comm_id.0),
        CmMessage::Apr(m) => ids(out, m.local_comm_id.0, m.remote_comm_id.0),
        CmMessage::SidrReq(m) => write!(
            out,
            " id={:08x} service-id={:016x}",
            m.request_id.0, m.service_id.0
        ),
        CmMessage::SidrRep(m) => {
            write!(
                out,
                " id={:08x} status={:?} qpn={} qkey={}",
                m.request_id.0, m.status, m.qpn, m.qkey
            )
        }
    }
}

fn ids(out: &mut impl Write, local: u32, remote: u32) -> io::Result<()> {
    write!(out, " comm-id={local:08x}/{remote:08x}")
}

fn nd(out: &mut impl Write, f: &NdFrame<'_>) -> io::Result<()> {
    write!(out, "{} > {} ", f.ip.src, f.ip.dst)?;
    match f.message {
        NdMessage::RouterSolicitation { .. } => write!(out, "ND router solicitation"),
        NdMessage::RouterAdvertisement { lifetime_s, .. } => {
            write!(out, "ND router advertisement lifetime={lifetime_s}s")
        }
        NdMessage::NeighborSolicitation { target, .. } => write!(out, "ND who has {target}"),
        NdMessage::NeighborAdvertisement { target, .. } => match f.options.target_link_layer() {
            Some(mac) => write!(out, "ND {target} is at {mac}"),
            None => write!(out, "ND {target} is here"),
        },
    }
}

fn other(out: &mut impl Write, p: Protocol) -> io::Result<()> {
    match p {
        Protocol::Roce => write!(out, "RoCEv2"),
        Protocol::Arp => write!(out, "ARP"),
        Protocol::NeighborDiscovery => write!(out, "ND"),
        Protocol::Udp { dst_port } => write!(out, "UDP to port {dst_port}"),
        Protocol::Icmpv6 { icmp_type } => write!(out, "ICMPv6 type {icmp_type}"),
        Protocol::Ip { protocol: 6, .. } => write!(out, "TCP"),
        Protocol::Ip { version, protocol } => write!(out, "IPv{version} protocol {protocol}"),
        Protocol::IpOpaque { version } => write!(out, "IPv{version} fragment"),
        Protocol::Ethertype(t) => write!(out, "EtherType {t:04x}"),
    }
}
