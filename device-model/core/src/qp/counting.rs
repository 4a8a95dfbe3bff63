//! Which counters what arrives, what leaves and what is dropped belong to.

use rnic_abi::CounterId;
use rnic_transport::packet::Traffic;
use rnic_transport::{ResponseBody, ResponseHeader};
use rnic_wire::{DropReason, NakCode, Syndrome};

use super::Cx;

/// Counts what arrived.
pub(super) fn count_in(cx: &mut Cx<'_>, t: Traffic) {
    cx.res.counters.add(CounterId::FRAMES_IN, t.frames);
    cx.res.counters.add(CounterId::OCTETS_IN, t.octets);
}

/// Counts what left `[CNT-1]`.
pub(super) fn count_out(cx: &mut Cx<'_>, t: Traffic) {
    cx.res.counters.add(CounterId::FRAMES_OUT, t.frames);
    cx.res.counters.add(CounterId::OCTETS_OUT, t.octets);
}

/// Sequence, request, access, operation.
const NAKS_IN: [CounterId; 4] = [
    CounterId::NAK_SEQUENCE_IN,
    CounterId::NAK_REQUEST_IN,
    CounterId::NAK_ACCESS_IN,
    CounterId::NAK_OPERATION_IN,
];
const NAKS_OUT: [CounterId; 4] = [
    CounterId::NAK_SEQUENCE_OUT,
    CounterId::NAK_REQUEST_OUT,
    CounterId::NAK_ACCESS_OUT,
    CounterId::NAK_OPERATION_OUT,
];

fn nak_counter(header: &ResponseHeader, rnr: CounterId, naks: [CounterId; 4]) -> Option<CounterId> {
    let [sequence, request, access, operation] = naks;
    match header.body {
        ResponseBody::Acknowledge(Syndrome::RnrNak(_)) => Some(rnr),
        ResponseBody::Acknowledge(Syndrome::Nak(code)) => match code {
            NakCode::PsnSequence => Some(sequence),
            NakCode::InvalidRequest => Some(request),
            NakCode::RemoteAccess => Some(access),
            NakCode::RemoteOperational => Some(operation),
            NakCode::InvalidRdRequest | NakCode::Reserved(_) => None,
        },
        ResponseBody::Acknowledge(Syndrome::Ack(_) | Syndrome::Reserved(_))
        | ResponseBody::ReadData { .. }
        | ResponseBody::Atomic { .. } => None,
    }
}

/// Counts a refusal of the peer.
pub(super) fn count_nak_in(cx: &mut Cx<'_>, header: &ResponseHeader) {
    if let Some(id) = nak_counter(header, CounterId::RNR_NAK_IN, NAKS_IN) {
        cx.res.counters.count(id);
    }
}

/// Counts a refusal of ours.
pub(super) fn count_nak_out(cx: &mut Cx<'_>, header: &ResponseHeader) {
    if let Some(id) = nak_counter(header, CounterId::RNR_NAK_OUT, NAKS_OUT) {
        cx.res.counters.count(id);
    }
}

/// The counter of frames that were dropped for `reason` `[ROCE-23]`.
#[must_use]
pub const fn drop_counter(reason: DropReason) -> CounterId {
    match reason {
        DropReason::IcrcMismatch => CounterId::DROPPED_ICRC,
        DropReason::EthernetDestination
        | DropReason::DestinationGid
        | DropReason::AddressMismatch => CounterId::DROPPED_ADDRESS,
        DropReason::PKeyMismatch | DropReason::QKeyMismatch => CounterId::DROPPED_KEY,
        DropReason::NotRoce
        | DropReason::QpnZero
        | DropReason::QpnUnknown
        | DropReason::ClassMismatch
        | DropReason::QpState => CounterId::DROPPED_NO_QP,
        _ => CounterId::DROPPED_MALFORMED,
    }
}
