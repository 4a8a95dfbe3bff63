//! Every field of one frame, one a line.

use std::fmt::Debug;
use std::io::{self, Write};

use rnic_wire::cma::port_of;
use rnic_wire::{CmMad, CmMessage, CmaHeader, Frame};

use super::Decoded;

pub(super) fn write(out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
    match decoded {
        Decoded::Roce(f) => {
            headers(out, f)?;
            field(out, "payload", &f.packet.payload)
        }
        Decoded::Cm(f, mad) => {
            headers(out, f)?;
            message(out, mad)
        }
        Decoded::Arp(f) => {
            field(out, "eth", &f.eth)?;
            field(out, "arp", &f.arp)?;
            field(out, "trailer", &f.trailer)
        }
        Decoded::Nd(f) => {
            field(out, "eth", &f.eth)?;
            field(out, "ipv6", &f.ip)?;
            field(out, "message", &f.message)?;
            for option in f.options.iter() {
                field(out, "option", &option)?;
            }
            field(out, "trailer", &f.trailer)
        }
        Decoded::Other(_) | Decoded::Unreadable(_) => Ok(()),
    }
}

fn headers(out: &mut impl Write, f: &Frame<'_>) -> io::Result<()> {
    field(out, "eth", &f.envelope.eth)?;
    field(out, "ip", &f.envelope.ip)?;
    field(out, "udp", &f.envelope.udp)?;
    field(out, "bth", &f.packet.bth)?;
    field(out, "ext", &f.packet.ext)?;
    field(out, "trailer", &f.trailer)
}

fn message(out: &mut impl Write, mad: &CmMad) -> io::Result<()> {
    field(out, "mad", &mad.header)?;
    let mut written = Ok(());
    mad.message.for_each_field(&mut |name, value| {
        if written.is_ok() {
            written = field(out, name, value);
        }
    });
    written?;
    if let CmMessage::Req(m) = &mad.message
        && port_of(m.service_id).is_some()
        && let Ok((header, _)) = CmaHeader::parse(&m.private_data)
    {
        field(out, "rdma_cm", &header)?;
    }
    Ok(())
}

/// Numbers are written in hexadecimal; a run of zero bytes at the end of an array is counted.
fn field(out: &mut impl Write, name: &str, value: &dyn Debug) -> io::Result<()> {
    let text = format!("{value:02x?}");
    let shown = text.trim_end_matches(']');
    let cut = shown.trim_end_matches(", 00");
    let zeros = (shown.len() - cut.len()) / ", 00".len();
    if text.starts_with('[') && zeros > 3 {
        writeln!(out, "         {name}: {cut}, and {zeros} zeros]")
    } else {
        writeln!(out, "         {name}: {text}")
    }
}
