//! Segments of one packet as the headers of a frame, and what any segment costs as frames.

use crate::header::{
    Ending, RequestHeader, RequestOperation, ResponseBody, ResponseHeader, Target,
};
use rnic_wire::{
    Aeth, AtomicEth, Bth, Class, Credits, Ext, Immediate, Msn, Mtu, NakCode, Opcode, Operation,
    Packet, Position, Qpn, Reth, Syndrome, With,
};

/// A packet of a connection, as a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment {
    /// For a responder.
    Request(RequestHeader),
    /// For a requester.
    Response(ResponseHeader),
    /// A request that this service has and this implementation does not carry out, such as FLUSH: a
    /// responder answers it as an invalid request.
    Unsupported,
}

/// The segment that `packet` is, of a reliable or of an unreliable connection; `None` for packets of
/// other services, and for headers that do not belong to the opcode (which no parsed packet has).
#[must_use]
pub fn segment_of(packet: &Packet<'_>) -> Option<Segment> {
    let bth = &packet.bth;
    if !matches!(bth.opcode.class(), Class::Rc | Class::Uc) {
        return None;
    }
    let position = bth.opcode.position();
    // A payload is shorter than a frame, which an IP datagram's 16-bit length bounds.
    let length = u32::try_from(packet.payload.len()).ok()?;
    let operation = match (bth.opcode.operation(), packet.ext) {
        (Operation::Send, Ext::None) => RequestOperation::Send {
            ending: Ending::Plain,
        },
        (Operation::Send, Ext::Imm(i)) => RequestOperation::Send {
            ending: Ending::Immediate(i.0),
        },
        (Operation::Send, Ext::Ieth(key)) => RequestOperation::Send {
            ending: Ending::Invalidate(key),
        },
        (Operation::Write, ext) => RequestOperation::Write {
            target: ext.reth().map(target_of),
            immediate: ext.immediate().map(|i| i.0),
        },
        (Operation::ReadRequest, Ext::Reth(r)) => RequestOperation::Read(target_of(r)),
        (Operation::CompareSwap, Ext::Atomic(a)) => RequestOperation::CompareSwap {
            address: a.va,
            key: a.rkey,
            swap: a.swap_add,
            compare: a.compare,
        },
        (Operation::FetchAdd, Ext::Atomic(a)) => RequestOperation::FetchAdd {
            address: a.va,
            key: a.rkey,
            addend: a.swap_add,
        },
        (Operation::Acknowledge, Ext::Aeth(a)) => {
            return response(packet, a.msn, ResponseBody::Acknowledge(a.syndrome));
        }
        (Operation::AtomicAcknowledge, Ext::AtomicAck(a, original)) => {
            return response(packet, a.msn, ResponseBody::Atomic { original });
        }
        (Operation::ReadResponse, ext) => {
            let body = ResponseBody::ReadData {
                packets: 1,
                position,
                length,
            };
            // MIDDLE carries no AETH and so no count.
            let msn = ext.aeth().map_or(Msn::ZERO, |a| a.msn);
            return response(packet, msn, body);
        }
        (Operation::Flush | Operation::AtomicWrite, _) => return Some(Segment::Unsupported),
        (
            Operation::Send
            | Operation::ReadRequest
            | Operation::CompareSwap
            | Operation::FetchAdd
            | Operation::Acknowledge
            | Operation::AtomicAcknowledge
            | Operation::Congestion,
            _,
        ) => return None,
    };
    Some(Segment::Request(RequestHeader {
        psn: bth.psn,
        packets: 1,
        position,
        length,
        ack_request: bth.ack_request,
        solicited: bth.solicited,
        operation,
    }))
}

#[allow(clippy::unnecessary_wraps, reason = "shortens three returns")]
fn response(packet: &Packet<'_>, msn: Msn, body: ResponseBody) -> Option<Segment> {
    Some(Segment::Response(ResponseHeader {
        psn: packet.bth.psn,
        msn,
        body,
    }))
}

fn target_of(r: Reth) -> Target {
    Target {
        address: r.va,
        key: r.rkey,
        length: r.len,
    }
}

fn reth_of(t: Target) -> Reth {
    Reth {
        va: t.address,
        rkey: t.key,
        len: t.length,
    }
}

fn request_kind(header: &RequestHeader) -> (Opcode, Ext) {
    match header.operation {
        RequestOperation::Send { ending } => {
            let (with, ext) = match ending {
                Ending::Immediate(i) if header.position.is_end() => {
                    (With::Immediate, Ext::Imm(Immediate(i)))
                }
                Ending::Invalidate(key) if header.position.is_end() => {
                    (With::Invalidate, Ext::Ieth(key))
                }
                Ending::Plain | Ending::Immediate(_) | Ending::Invalidate(_) => {
                    (With::Nothing, Ext::None)
                }
            };
            (Opcode::rc_send(header.position, with), ext)
        }
        RequestOperation::Write { target, immediate } => {
            let immediate = immediate
                .filter(|_| header.position.is_end())
                .map(Immediate);
            let target = target.filter(|_| header.position.is_start()).map(reth_of);
            let ext = match (target, immediate) {
                (Some(r), Some(i)) => Ext::RethImm(r, i),
                (Some(r), None) => Ext::Reth(r),
                (None, Some(i)) => Ext::Imm(i),
                (None, None) => Ext::None,
            };
            (Opcode::rc_write(header.position, immediate.is_some()), ext)
        }
        RequestOperation::Read(target) => (Opcode::RcReadRequest, Ext::Reth(reth_of(target))),
        RequestOperation::CompareSwap {
            address,
            key,
            swap,
            compare,
        } => (
            Opcode::RcCompareSwap,
            Ext::Atomic(AtomicEth {
                va: address,
                rkey: key,
                swap_add: swap,
                compare,
            }),
        ),
        RequestOperation::FetchAdd {
            address,
            key,
            addend,
        } => (
            Opcode::RcFetchAdd,
            Ext::Atomic(AtomicEth {
                va: address,
                rkey: key,
                swap_add: addend,
                compare: 0,
            }),
        ),
    }
}

/// The headers of a request segment of one packet.
#[must_use]
pub fn request_headers(header: &RequestHeader, peer: Qpn) -> (Bth, Ext) {
    let (opcode, ext) = request_kind(header);
    let mut bth = Bth::new(opcode, peer, header.psn);
    bth.ack_request = header.ack_request;
    bth.solicited = header.solicited && header.position.is_end();
    (bth, ext)
}

/// The same of an unreliable connection `[UC-3]`; `None` for requests that it has not.
#[must_use]
pub fn unreliable_headers(header: &RequestHeader, peer: Qpn) -> Option<(Bth, Ext)> {
    let (mut bth, ext) = request_headers(header, peer);
    bth.opcode = bth.opcode.to_uc()?;
    Some((bth, ext))
}

/// The headers of a response segment of one packet.
#[must_use]
pub fn response_headers(header: &ResponseHeader, peer: Qpn) -> (Bth, Ext) {
    let (opcode, ext) = response_kind(header);
    (Bth::new(opcode, peer, header.psn), ext)
}

/// The same extension headers, with credits where they acknowledge `[ROCE-51]`.
#[must_use]
pub fn with_credits(ext: Ext, credits: Credits) -> Ext {
    let counted = |aeth: Aeth| match aeth.syndrome {
        Syndrome::Ack(_) => Aeth {
            syndrome: Syndrome::Ack(credits),
            ..aeth
        },
        Syndrome::RnrNak(_) | Syndrome::Nak(_) | Syndrome::Reserved(_) => aeth,
    };
    match ext {
        Ext::Aeth(aeth) => Ext::Aeth(counted(aeth)),
        Ext::AtomicAck(aeth, original) => Ext::AtomicAck(counted(aeth), original),
        other => other,
    }
}

fn response_kind(header: &ResponseHeader) -> (Opcode, Ext) {
    let ack = Aeth {
        syndrome: Syndrome::ACK,
        msn: header.msn,
    };
    match header.body {
        ResponseBody::Acknowledge(syndrome) => (
            Opcode::RcAcknowledge,
            Ext::Aeth(Aeth {
                syndrome,
                msn: header.msn,
            }),
        ),
        ResponseBody::ReadData { position, .. } => {
            let ext = if position == Position::Middle {
                Ext::None
            } else {
                Ext::Aeth(ack)
            };
            (Opcode::rc_read_response(position), ext)
        }
        ResponseBody::Atomic { original } => {
            (Opcode::RcAtomicAcknowledge, Ext::AtomicAck(ack, original))
        }
    }
}

/// Frames, and octets from the Ethernet header to the ICRC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Frames.
    pub frames: u64,
    /// Octets, frame check sequence not counted.
    pub octets: u64,
}

/// What a request segment is as frames whose headers below the BTH take `below` bytes.
#[must_use]
pub fn request_traffic(header: &RequestHeader, mtu: Mtu, below: u32) -> Traffic {
    let (_, ext) = request_kind(header);
    traffic(header.packets, header.length, ext.kind().len(), mtu, below)
}

/// What a response segment is as frames whose headers below the BTH take `below` bytes.
#[must_use]
pub fn response_traffic(header: &ResponseHeader, mtu: Mtu, below: u32) -> Traffic {
    match header.body {
        ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. } => {
            let (_, ext) = response_kind(header);
            traffic(1, 0, ext.kind().len(), mtu, below)
        }
        ResponseBody::ReadData {
            packets,
            position,
            length,
        } => {
            // FIRST and LAST carry an AETH each, or ONLY one for both.
            let aeths = if packets == 1 {
                usize::from(position != Position::Middle)
            } else {
                usize::from(position.is_start()) + usize::from(position.is_end())
            };
            traffic(packets, length, 4 * aeths, mtu, below)
        }
    }
}

fn traffic(packets: u32, length: u32, ext_bytes: usize, mtu: Mtu, below: u32) -> Traffic {
    let frames = u64::from(packets);
    // A path MTU is a multiple of 4, so only the last packet is padded.
    let padded = u64::from(length).next_multiple_of(4);
    debug_assert!(mtu.bytes().is_multiple_of(4));
    let each = u64::from(below) + (Bth::LEN + rnic_wire::packet::ICRC_LEN) as u64;
    Traffic {
        frames,
        octets: frames
            .saturating_mul(each)
            .saturating_add(padded)
            .saturating_add(ext_bytes as u64),
    }
}

/// The answer to [`Segment::Unsupported`].
pub const UNSUPPORTED: NakCode = NakCode::InvalidRequest;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rnic_wire::{Psn, RKey};
    use std::vec;

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![
            Just(Position::First),
            Just(Position::Middle),
            Just(Position::Last),
            Just(Position::Only)
        ]
    }

    fn request() -> impl Strategy<Value = RequestHeader> {
        let target = (any::<u64>(), any::<u32>(), any::<u32>()).prop_map(|(a, k, l)| Target {
            address: a,
            key: RKey(k),
            length: l,
        });
        let base = (any::<u32>(), 0u32..4096, any::<bool>(), position());
        (base, target, 0u8..8, any::<[u8; 4]>(), any::<u64>()).prop_map(
            |((psn, length, flag, position), t, kind, imm, value)| {
                let end = position.is_end();
                let (operation, single) = match kind {
                    0 => (
                        RequestOperation::Send {
                            ending: Ending::Plain,
                        },
                        false,
                    ),
                    1 if end => (
                        RequestOperation::Send {
                            ending: Ending::Immediate(imm),
                        },
                        false,
                    ),
                    2 if end => (
                        RequestOperation::Send {
                            ending: Ending::Invalidate(t.key),
                        },
                        false,
                    ),
                    1..=4 => (
                        RequestOperation::Write {
                            target: position.is_start().then_some(t),
                            immediate: (end && flag).then_some(imm),
                        },
                        false,
                    ),
                    5 => (RequestOperation::Read(t), true),
                    6 => (
                        RequestOperation::CompareSwap {
                            address: t.address,
                            key: t.key,
                            swap: value,
                            compare: !value,
                        },
                        true,
                    ),
                    _ => (
                        RequestOperation::FetchAdd {
                            address: t.address,
                            key: t.key,
                            addend: value,
                        },
                        true,
                    ),
                };
                RequestHeader {
                    psn: Psn::new(psn),
                    packets: 1,
                    position: if single { Position::Only } else { position },
                    length: if single { 0 } else { length },
                    ack_request: flag,
                    solicited: flag && (single || end),
                    operation,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn requests_survive_the_wire(header in request()) {
            let (bth, ext) = request_headers(&header, Qpn::GSI);
            prop_assert_eq!(ext.kind(), bth.opcode.ext_kind());
            let payload = vec![0; header.length as usize];
            let packet = Packet { bth, ext, payload: &payload };
            prop_assert_eq!(segment_of(&packet), Some(Segment::Request(header)));
            let t = request_traffic(&header, Mtu::B4096, 42);
            prop_assert_eq!(t, Traffic { frames: 1, octets: 42 + packet.wire_len() as u64 });
            let unreliable = unreliable_headers(&header, Qpn::GSI);
            let has = match header.operation {
                RequestOperation::Send { ending } => !matches!(ending, Ending::Invalidate(_)),
                RequestOperation::Write { .. } => true,
                _ => false,
            };
            prop_assert_eq!(unreliable.is_some(), has);
            if let Some((bth, ext)) = unreliable {
                // [UC-3]
                prop_assert_eq!(bth.opcode.class(), Class::Uc);
                let packet = Packet { bth, ext, payload: &payload };
                prop_assert_eq!(segment_of(&packet), Some(Segment::Request(header)));
            }
        }

        #[test]
        fn responses_survive_the_wire(psn: u32, msn: u32, byte: u8, original: u64, kind in 0u8..3,
                                      position in position(), length in 0u32..4096) {
            let body = match kind {
                0 => ResponseBody::Acknowledge(Syndrome::from_byte(byte)),
                1 => ResponseBody::Atomic { original },
                _ => ResponseBody::ReadData { packets: 1, position, length },
            };
            let middle = matches!(body, ResponseBody::ReadData { position: Position::Middle, .. });
            let header = ResponseHeader {
                psn: Psn::new(psn),
                msn: if middle { Msn::ZERO } else { Msn::new(msn) },
                body,
            };
            let (bth, ext) = response_headers(&header, Qpn::GSI);
            let payload = vec![0; if kind == 2 { length as usize } else { 0 }];
            let packet = Packet { bth, ext, payload: &payload };
            prop_assert_eq!(segment_of(&packet), Some(Segment::Response(header)));
            let t = response_traffic(&header, Mtu::B4096, 62);
            prop_assert_eq!(t, Traffic { frames: 1, octets: 62 + packet.wire_len() as u64 });
        }
    }

    #[test]
    fn a_long_segment_costs_what_its_frames_would() {
        let header = |position, packets, length| RequestHeader {
            psn: Psn::ZERO,
            packets,
            position,
            length,
            ack_request: false,
            solicited: false,
            operation: RequestOperation::Send {
                ending: Ending::Plain,
            },
        };
        let whole = request_traffic(&header(Position::Only, 3, 2049), Mtu::B1024, 42);
        let parts = [
            (Position::First, 1024),
            (Position::Middle, 1024),
            (Position::Last, 1),
        ]
        .map(|(p, l)| request_traffic(&header(p, 1, l), Mtu::B1024, 42).octets);
        assert_eq!(
            whole,
            Traffic {
                frames: 3,
                octets: parts.iter().sum()
            }
        );
    }
}
