//! A segment over many packets, cut into the packets that it would be as frames.

use crate::header::{Ending, RequestHeader, RequestOperation, ResponseBody, ResponseHeader};
use rnic_wire::{Mtu, Position};

/// Packet `n` (from 0) of a request segment, and the offset of its payload in that of the segment;
/// none past the last. The packets of a segment that lies whole in the rules are those that a requester with
/// this path MTU would send one by one, except that an acknowledge is asked for at the last alone.
#[must_use]
pub fn request_packet(header: &RequestHeader, n: u32, mtu: Mtu) -> Option<(RequestHeader, u32)> {
    let (position, offset, length) = cut(header.position, header.packets, header.length, n, mtu)?;
    let last = n + 1 == header.packets;
    let operation = match header.operation {
        RequestOperation::Send { .. } if !position.is_end() => RequestOperation::Send {
            ending: Ending::Plain,
        },
        RequestOperation::Write { target, immediate } => RequestOperation::Write {
            target: target.filter(|_| position.is_start()),
            immediate: immediate.filter(|_| position.is_end()),
        },
        whole => whole,
    };
    let packet = RequestHeader {
        psn: header.psn.add(n),
        packets: 1,
        position,
        length,
        ack_request: header.ack_request && last,
        solicited: header.solicited && position.is_end(),
        operation,
    };
    Some((packet, offset))
}

/// The same for a response segment.
#[must_use]
pub fn response_packet(header: &ResponseHeader, n: u32, mtu: Mtu) -> Option<(ResponseHeader, u32)> {
    let (body, offset) = match header.body {
        ResponseBody::ReadData {
            packets,
            position,
            length,
        } => {
            let (position, offset, length) = cut(position, packets, length, n, mtu)?;
            let body = ResponseBody::ReadData {
                packets: 1,
                position,
                length,
            };
            (body, offset)
        }
        whole @ (ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. }) => {
            (n == 0).then_some((whole, 0))?
        }
    };
    let packet = ResponseHeader {
        psn: header.psn.add(n),
        msn: header.msn,
        body,
    };
    Some((packet, offset))
}

/// Position, offset and length of packet `n` of `packets`.
fn cut(
    position: Position,
    packets: u32,
    length: u32,
    n: u32,
    mtu: Mtu,
) -> Option<(Position, u32, u32)> {
    if n >= packets {
        return None;
    }
    let start = n == 0 && position.is_start();
    let end = n + 1 == packets && position.is_end();
    let offset = n.checked_mul(mtu.bytes())?;
    let length = length.saturating_sub(offset).min(mtu.bytes());
    Some((Position::of(start, end), offset, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Target;
    use rnic_wire::{Msn, Psn, RKey};
    use std::vec::Vec;

    fn write(position: Position, packets: u32, length: u32) -> RequestHeader {
        RequestHeader {
            psn: Psn::new(0x00FF_FFFE),
            packets,
            position,
            length,
            ack_request: true,
            solicited: true,
            operation: RequestOperation::Write {
                target: Some(Target {
                    address: 0x1000,
                    key: RKey(7),
                    length,
                }),
                immediate: Some([1, 2, 3, 4]),
            },
        }
    }

    fn all(header: &RequestHeader) -> Vec<(RequestHeader, u32)> {
        (0..)
            .map_while(|n| request_packet(header, n, Mtu::B1024))
            .collect()
    }

    #[test]
    fn a_whole_message_is_first_middle_last() {
        let packets = all(&write(Position::Only, 3, 2049));
        let shape: Vec<_> = packets
            .iter()
            .map(|(h, offset)| (h.position, *offset, h.length, h.psn.get()))
            .collect();
        let want = [
            (Position::First, 0, 1024, 0x00FF_FFFE),
            (Position::Middle, 1024, 1024, 0x00FF_FFFF),
            (Position::Last, 2048, 1, 0),
        ];
        assert_eq!(shape, want);
        let has =
            |f: fn(&RequestHeader) -> bool| packets.iter().map(|(h, _)| f(h)).collect::<Vec<_>>();
        let target = |h: &RequestHeader| {
            matches!(
                h.operation,
                RequestOperation::Write {
                    target: Some(_),
                    ..
                }
            )
        };
        let imm = |h: &RequestHeader| {
            matches!(
                h.operation,
                RequestOperation::Write {
                    immediate: Some(_),
                    ..
                }
            )
        };
        assert_eq!(has(target), [true, false, false]);
        assert_eq!(has(imm), [false, false, true]);
        assert_eq!(has(|h| h.ack_request), [false, false, true]);
        assert_eq!(has(|h| h.solicited), [false, false, true]);
    }

    #[test]
    fn a_part_keeps_its_place_in_the_message() {
        let positions = |position| -> Vec<_> {
            all(&write(position, 2, 2048))
                .iter()
                .map(|(h, _)| h.position)
                .collect()
        };
        use Position::{First, Last, Middle, Only};
        assert_eq!(positions(First), [First, Middle]);
        assert_eq!(positions(Middle), [Middle, Middle]);
        assert_eq!(positions(Last), [Middle, Last]);
        assert_eq!(positions(Only), [First, Last]);
        assert_eq!(all(&write(Only, 1, 0)).len(), 1);
    }

    #[test]
    fn responses_are_cut_and_acknowledges_are_not() {
        let header = ResponseHeader {
            psn: Psn::new(9),
            msn: Msn::new(4),
            body: ResponseBody::ReadData {
                packets: 2,
                position: Position::Only,
                length: 1025,
            },
        };
        let (second, offset) = response_packet(&header, 1, Mtu::B1024).unwrap();
        assert_eq!((second.psn, offset), (Psn::new(10), 1024));
        let want = ResponseBody::ReadData {
            packets: 1,
            position: Position::Last,
            length: 1,
        };
        assert_eq!(second.body, want);
        assert!(response_packet(&header, 2, Mtu::B1024).is_none());
        let atomic = ResponseHeader {
            body: ResponseBody::Atomic { original: 3 },
            ..header
        };
        assert_eq!(response_packet(&atomic, 0, Mtu::B1024), Some((atomic, 0)));
        assert!(response_packet(&atomic, 1, Mtu::B1024).is_none());
    }
}
