//! Shows the frames of a capture, and checks that this project reads and writes them as their sender did.
//!
//! A check passes when every RoCEv2, ARP and neighbour discovery frame parses whole, every packet has the right ICRC,
//! every datagram to QP1 is a connection manager message, every request of rdma_cm has a readable header, and all of
//! them encode to the bytes they came from. Other frames are counted and left alone.

mod fields;
mod flow;
mod line;

use std::fmt;
use std::io::{self, Read, Write};

use rnic_wire::cma::port_of;
use rnic_wire::{
    ArpFrame, CmMad, CmMessage, CmaHeader, DropReason, Ecn, EncodeError, Frame, Icrc, NdFrame,
    Opcode, Protocol, Qpn, classify,
};

use crate::pcap::{CaptureError, CaptureReader, CapturedFrame};
use flow::{Flows, Note};

/// What to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Show wrong frames only, and end with what was checked.
    pub check: bool,
    /// Show every field of every frame, checked or not.
    pub verbose: bool,
}

/// What a capture held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Frames in all.
    pub frames: u64,
    /// RoCEv2 frames, those to QP1 included.
    pub roce: u64,
    /// Connection manager messages among them.
    pub cm: u64,
    /// ARP frames.
    pub arp: u64,
    /// Neighbour discovery frames.
    pub nd: u64,
    /// Frames of other protocols.
    pub other: u64,
    /// Frames of the first kinds that fail the check.
    pub wrong: u64,
    /// Requests with a sequence number that was there before; not counted as wrong.
    pub again: u64,
    /// Sequence numbers that no request in the capture has.
    pub missing: u64,
    /// Negative acknowledges.
    pub naks: u64,
    /// Receivers that were not ready.
    pub rnr_naks: u64,
    /// Frames with Congestion Experienced, and notifications of it.
    pub congestion: u64,
}

impl Summary {
    /// Whether the check passes. It does for a capture with nothing to check; the counts tell.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.wrong == 0
    }

    /// Exit status of `rnic decode`: 0, or 1 when `options` ask for a check that fails.
    #[must_use]
    pub const fn exit_status(&self, options: Options) -> u8 {
        if options.check && !self.is_good() {
            1
        } else {
            0
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            frames,
            roce,
            cm,
            arp,
            nd,
            other,
            wrong,
            again,
            missing,
            naks,
            rnr_naks,
            congestion,
        } = self;
        write!(
            f,
            "{frames} frames: {roce} RoCEv2 with {cm} CM messages, {arp} ARP, {nd} neighbour discovery, {other} other; \
             {wrong} wrong"
        )?;
        let seen = [again, missing, naks, rnr_naks, congestion];
        if seen.iter().any(|count| **count > 0) {
            write!(
                f,
                "\n  on the way: {again} requests sent again, {missing} missing, {naks} NAKs, {rnr_naks} receiver-not-ready, \
                 {congestion} congestion marks and notifications"
            )?;
        }
        Ok(())
    }
}

/// Why a capture cannot be decoded to its end.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The place where lines go.
    #[error("output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What is wrong with a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// A port would drop it.
    #[error("{0}")]
    Dropped(#[from] DropReason),
    /// The packet's last four bytes.
    #[error("ICRC is {:08x} and should be {:08x}", .0.on_wire.swap_bytes(), .0.computed.swap_bytes())]
    Icrc(Icrc),
    /// Not all of it is in the capture.
    #[error("only {captured} of its {original} bytes are in the capture")]
    Cut {
        /// Bytes that are there.
        captured: usize,
        /// Bytes that it had.
        original: u32,
    },
    /// This project would have sent other bytes.
    #[error("encodes to other bytes from byte {0} on")]
    Differs(usize),
    /// This project could not send it.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
}

/// A frame as far as it could be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// RoCEv2.
    Roce(Frame<'a>),
    /// RoCEv2 that carries a connection manager message.
    Cm(Frame<'a>, Box<CmMad>),
    /// ARP.
    Arp(ArpFrame<'a>),
    /// Neighbour discovery.
    Nd(NdFrame<'a>),
    /// Another protocol.
    Other(Protocol),
    /// One of the first, but unreadable.
    Unreadable(Protocol),
}

/// Reads one frame and finds the first thing that is wrong with it.
#[must_use]
pub fn decode_frame<'a>(captured: &CapturedFrame<'a>) -> (Decoded<'a>, Option<Fault>) {
    let data = captured.data;
    let protocol = match classify(data) {
        Ok(p) => p,
        Err(e) => return (Decoded::Unreadable(Protocol::Ethertype(0)), Some(e.into())),
    };
    let read = match protocol {
        Protocol::Roce => read_roce(data),
        Protocol::Arp => ArpFrame::parse(data).map(|f| (Decoded::Arp(f), None)),
        Protocol::NeighborDiscovery => NdFrame::parse(data).map(|f| (Decoded::Nd(f), None)),
        other => return (Decoded::Other(other), None),
    };
    let cut = (!captured.is_whole()).then_some(Fault::Cut {
        captured: data.len(),
        original: captured.original_len,
    });
    match read {
        Ok((decoded, fault)) => {
            let fault = cut.or(fault).or_else(|| encoding_fault(&decoded, data));
            (decoded, fault)
        }
        Err(reason) => (Decoded::Unreadable(protocol), cut.or(Some(reason.into()))),
    }
}

fn read_roce(data: &[u8]) -> Result<(Decoded<'_>, Option<Fault>), DropReason> {
    let (frame, icrc) = Frame::parse_with_icrc(data)?;
    let mut fault = (!icrc.is_right()).then_some(Fault::Icrc(icrc));
    let bth = frame.packet.bth;
    if bth.dest_qpn != Qpn::GSI || bth.opcode != Opcode::UdSendOnly {
        return Ok((Decoded::Roce(frame), fault));
    }
    match CmMad::parse(frame.packet.payload) {
        Ok(mad) => {
            fault = fault.or_else(|| cma_fault(&mad.message));
            Ok((Decoded::Cm(frame, Box::new(mad)), fault))
        }
        Err(reason) => Ok((Decoded::Roce(frame), fault.or(Some(reason.into())))),
    }
}

/// A request to a service that rdma_cm made must begin with its header.
fn cma_fault(message: &CmMessage) -> Option<Fault> {
    let (service_id, private_data) = match message {
        CmMessage::Req(m) => (m.service_id, m.private_data.as_slice()),
        CmMessage::SidrReq(m) => (m.service_id, m.private_data.as_slice()),
        _ => return None,
    };
    port_of(service_id)?;
    CmaHeader::parse(private_data).err().map(Fault::Dropped)
}

/// What encoding the frame again does not give back.
fn encoding_fault(decoded: &Decoded<'_>, data: &[u8]) -> Option<Fault> {
    let mut out = vec![0; data.len()];
    let mad_bytes;
    let len = match decoded {
        Decoded::Roce(f) => f.encode(&mut out),
        Decoded::Cm(f, mad) => {
            // Through the message's fields and not only through the payload's bytes.
            mad_bytes = mad.to_bytes();
            let mut again = *f;
            again.packet.payload = &mad_bytes;
            again.encode(&mut out)
        }
        Decoded::Arp(f) => f.encode(&mut out),
        Decoded::Nd(f) => f.encode(&mut out),
        Decoded::Other(_) | Decoded::Unreadable(_) => return None,
    };
    match len {
        Err(e) => Some(e.into()),
        Ok(len) if len != data.len() => Some(Fault::Differs(len.min(data.len()))),
        Ok(_) => out
            .iter()
            .zip(data)
            .position(|(a, b)| a != b)
            .map(Fault::Differs),
    }
}

/// Reads the capture `input` and writes lines to `out`: one for each frame, or as `options` say.
///
/// # Errors
/// [`DecodeError`] when the capture is damaged or `out` takes no more.
pub fn decode(
    input: impl Read,
    out: &mut impl Write,
    options: Options,
) -> Result<Summary, DecodeError> {
    let mut reader = CaptureReader::new(input)?;
    let mut summary = Summary::default();
    let mut start_ns = None;
    let mut flows = Flows::default();
    while let Some(captured) = reader.next_frame()? {
        summary.frames += 1;
        let (decoded, fault) = decode_frame(&captured);
        count(&mut summary, &decoded);
        summary.wrong += u64::from(fault.is_some());
        let note = flow_note(&mut flows, &decoded);
        count_note(&mut summary, note);
        if options.check && !options.verbose && fault.is_none() {
            continue;
        }
        let since_ns = captured
            .time_ns
            .saturating_sub(*start_ns.get_or_insert(captured.time_ns));
        write!(
            out,
            "{:6} {:4}.{:09} ",
            summary.frames,
            since_ns / 1_000_000_000,
            since_ns % 1_000_000_000
        )?;
        line::write(out, &decoded, captured.data)?;
        if let Some(note) = note {
            line::write_note(out, note)?;
        }
        match fault {
            Some(fault) => writeln!(out, "  WRONG: {fault}")?,
            None => writeln!(out)?,
        }
        if options.verbose {
            fields::write(out, &decoded)?;
        }
    }
    if options.check {
        writeln!(out, "{summary}")?;
    }
    Ok(summary)
}

/// What is to be told of a frame beside what it is.
fn flow_note(flows: &mut Flows, decoded: &Decoded<'_>) -> Option<Note> {
    match decoded {
        Decoded::Cm(f, mad) => {
            let ip = &f.envelope.ip;
            let qpn = match &mad.message {
                CmMessage::Req(m) => m.local_qpn,
                CmMessage::Rep(m) => m.local_qpn,
                _ => return None,
            };
            flows.begin(ip.src_gid(), ip.dst_gid(), qpn);
            None
        }
        Decoded::Roce(f) => {
            let note = flows.see(f);
            let marked = f.envelope.ip.ecn() == Ecn::Ce;
            note.or(marked.then_some(Note::Marked))
        }
        Decoded::Arp(_) | Decoded::Nd(_) | Decoded::Other(_) | Decoded::Unreadable(_) => None,
    }
}

fn count_note(summary: &mut Summary, note: Option<Note>) {
    match note {
        None => {}
        Some(Note::Again) => summary.again += 1,
        Some(Note::Gap(packets)) => summary.missing += u64::from(packets),
        Some(Note::Nak) => summary.naks += 1,
        Some(Note::RnrNak) => summary.rnr_naks += 1,
        Some(Note::Marked | Note::Congestion) => summary.congestion += 1,
    }
}

fn count(summary: &mut Summary, decoded: &Decoded<'_>) {
    let counter = match decoded {
        Decoded::Cm(..) => {
            summary.cm += 1;
            &mut summary.roce
        }
        Decoded::Roce(_) | Decoded::Unreadable(Protocol::Roce) => &mut summary.roce,
        Decoded::Arp(_) | Decoded::Unreadable(Protocol::Arp) => &mut summary.arp,
        Decoded::Nd(_) | Decoded::Unreadable(Protocol::NeighborDiscovery) => &mut summary.nd,
        Decoded::Other(_) | Decoded::Unreadable(_) => &mut summary.other,
    };
    *counter += 1;
}
