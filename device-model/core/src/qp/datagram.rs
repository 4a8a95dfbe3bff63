//! Queue pairs of type UD: every entry is a datagram with a destination of its own, nothing is answered.

use rnic_abi::{CompletionStatus, CounterId, ProviderError, QpState, feature};
use rnic_mutant::mutant;
use rnic_transport::Ending;
use rnic_transport::ud::{DatagramHeader, Dropped, key_sent};
use rnic_wire::{Gid, IpHeader, Ipv4Header, Ipv6Header, MacAddr, Mtu, Psn, QKey, Qpn};

use super::complete::Received;
use super::hops::Hop;
use super::path::{CarriedBy, Outgoing, Path, SendError, read};
use super::respond::Trouble;
use super::send::{dma_fault, gather};
use super::state::{LocalAddress, PathAttributes};
use super::{ChangeError, Cx, Qp, Work};
use crate::env::{Budget, Nanos};
use crate::error::Refusal;
use crate::keys::LocalRight;
use crate::payload::Source;
use crate::wqe::{Data, Destination, Inline};

/// Bytes before the message in a receive (GRH_BYTES) `[UD-9]`.
pub(super) const GRH: usize = rnic_abi::consts::GRH_BYTES as usize;

const UDP_HEADER: usize = 8;

/// A message about to leave.
#[derive(Debug)]
pub(super) struct Outbound {
    to: Destination,
    data: Inline,
    length: u32,
    immediate: Option<[u8; 4]>,
    solicited: bool,
}

/// What the queue pair has instead of a connection, from RTR on.
#[derive(Debug)]
pub(super) struct Datagrams {
    local: LocalAddress,
    mtu: Mtu,
    source_port: u16,
    qkey: QKey,
    /// Given by the driver, for every destination.
    next_hop: Option<MacAddr>,
    /// From RTS on.
    next_psn: Option<Psn>,
}

impl Datagrams {
    pub const fn next_psn(&self) -> Option<Psn> {
        self.next_psn
    }

    /// What MODIFY_QP changed since RTR.
    pub fn take(&mut self, qkey: Option<QKey>, next_hop: Option<MacAddr>) {
        self.qkey = qkey.unwrap_or(self.qkey);
        self.next_hop = next_hop.or(self.next_hop);
    }
}

/// The way of one datagram.
enum Way {
    By(CarriedBy, Option<MacAddr>),
    Wait(Nanos),
    Lost,
}

/// How a round ended.
enum Round {
    Sent,
    Wait(Nanos),
    Full,
}

/// The header area of a receive: what an IP header says, as it lies on the wire, before a packet of `length` bytes from
/// the BTH on `[UD-9]`.
pub(super) fn grh(ip: &IpHeader, length: usize) -> [u8; GRH] {
    let udp = u16::try_from(length.saturating_add(UDP_HEADER)).unwrap_or(u16::MAX);
    let mut area = [0; GRH];
    match ip {
        IpHeader::V6(h) => area = h.to_bytes(rnic_wire::ip::PROTOCOL_UDP, udp),
        IpHeader::V4(h) => {
            let all = udp.saturating_add(20);
            if let Some(to) = area.last_chunk_mut::<{ Ipv4Header::LEN }>() {
                *to = h.to_bytes(rnic_wire::ip::PROTOCOL_UDP, all);
            }
        }
    }
    area
}

const _: () = assert!(GRH == Ipv6Header::LEN);

impl Qp {
    /// `[UD-1]`
    pub(super) fn receive_datagrams(&mut self) -> Result<(), ChangeError> {
        let a = &self.attributes;
        let qkey = a.qkey.or(mutant("UD-1/key").then_some(QKey(0)));
        let (Some(path), Some(qkey)) = (a.path, qkey) else {
            return Err(ChangeError::NotComplete);
        };
        self.datagrams = Some(Box::new(Datagrams {
            local: path.local,
            mtu: path.mtu,
            source_port: path.source_port,
            qkey,
            next_hop: a.next_hop,
            next_psn: None,
        }));
        self.state = QpState::RTR;
        Ok(())
    }

    /// `[UD-1]`
    pub(super) fn send_datagrams(&mut self, cx: &mut Cx<'_>) -> Result<(), ChangeError> {
        let (Some(datagrams), Some(psn)) = (self.datagrams.as_mut(), self.attributes.send_psn)
        else {
            return Err(ChangeError::NotComplete);
        };
        datagrams.next_psn = Some(psn);
        self.state = QpState::RTS;
        self.wake(cx.side);
        Ok(())
    }

    /// Checks a datagram and copies its data, which may be changed once it has left.
    pub(super) fn begin_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        to: Destination,
        data: &Data,
        length: u32,
        (immediate, solicited): (Option<[u8; 4]>, bool),
    ) -> Result<Work, Refusal> {
        let Some(datagrams) = self.datagrams.as_ref() else {
            return Err(Refusal::malformed(ProviderError::NOT_CONNECTED));
        };
        let same_family = to.gid.to_ip().is_ipv4() == datagrams.local.gid.to_ip().is_ipv4();
        if !same_family && !mutant("UD-3/family") {
            return Err(Refusal::malformed(ProviderError::BAD_ADDRESS));
        }
        // [UD-4]
        if length > datagrams.mtu.bytes() && !mutant("UD-4/long") {
            return Err(Refusal::new(
                CompletionStatus::LOCAL_LENGTH_ERROR,
                ProviderError::MESSAGE_TOO_LONG,
            ));
        }
        let data = match data {
            Data::Inline(inline) => inline.clone(),
            Data::Segments(segments) => {
                for s in segments.as_slice() {
                    let (pd, right) = (self.pd, LocalRight::Read);
                    cx.res
                        .keys
                        .check_local(pd, s.key, s.address, s.length.into(), right)?;
                }
                let part = (0, u64::from(length));
                let ranges = gather(cx, self.pd, segments, part, LocalRight::Read)?;
                if length > 0 {
                    dma_fault(cx)?;
                }
                Inline::from(read(cx, &ranges)?)
            }
        };
        Ok(Work::Datagram(Box::new(Outbound {
            to,
            data,
            length,
            immediate,
            solicited,
        })))
    }

    /// Sends what is posted; true when there is more to do at once.
    pub(super) fn run_datagrams(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> bool {
        while self.state == QpState::RTS {
            self.retire(cx);
            match self.send_datagram(cx, budget) {
                Round::Sent => {}
                Round::Wait(until) => {
                    self.wait_until(cx, until);
                    return false;
                }
                Round::Full => return true,
            }
            self.retire(cx);
            if self.state != QpState::RTS || self.send.posted() == 0 {
                break;
            }
            if !budget.take_op() {
                return true;
            }
            self.fetch(cx);
        }
        false
    }

    /// Sends the datagram that was fetched last, if it has not left.
    fn send_datagram(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> Round {
        let (Some(datagrams), Some(entry)) = (self.datagrams.as_mut(), self.in_flight.back_mut())
        else {
            return Round::Sent;
        };
        let (Work::Datagram(out), Some(psn)) = (&entry.work, datagrams.next_psn) else {
            return Round::Sent;
        };
        let (carried_by, next_hop) = match way(cx, datagrams, out.to.gid, self.qpn) {
            Way::By(carried_by, next_hop) => (carried_by, next_hop),
            Way::Wait(until) => return Round::Wait(until),
            Way::Lost => {
                if !mutant("UD-7/uncounted") {
                    cx.res.counters.count(CounterId::DROPPED_UNREACHABLE);
                }
                entry.work = Work::Local(Ok(()));
                return Round::Sent;
            }
        };
        let header = DatagramHeader {
            psn,
            source_qpn: Qpn::truncate(self.qpn),
            qkey: key_sent(out.to.qkey, datagrams.qkey),
            length: out.length,
            immediate: out.immediate,
            solicited: out.solicited,
        };
        let attributes = PathAttributes {
            peer: out.to.gid,
            peer_qpn: out.to.qpn,
            local: datagrams.local,
            loopback: carried_by == CarriedBy::Loopback,
            source_port: match out.to.source_port {
                0 => datagrams.source_port,
                port => port,
            },
            mtu: datagrams.mtu,
            traffic_class: out.to.traffic_class,
            hop_limit: out.to.hop_limit,
            flow_label: out.to.flow_label,
        };
        let leases = (self.lease.clone(), cx.res.lease());
        let mut path = Path::of_datagram(carried_by, attributes, next_hop);
        budget.take_bytes(u64::from(out.length));
        match path.send_datagram(cx, &header, &Outgoing::Bytes(out.data.clone()), leases) {
            Err(SendError::Full) => return Round::Full,
            // Nobody is there: lost, as on a wire.
            Ok(()) | Err(SendError::Gone) => entry.work = Work::Local(Ok(())),
            Err(SendError::Local(refusal)) => entry.work = Work::Local(Err(refusal)),
        }
        datagrams.next_psn = Some(psn.add(u32::from(!mutant("UD-5/number"))));
        Round::Sent
    }

    /// A datagram arrived, with the header area that its receive gets.
    pub(super) fn on_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        header: &DatagramHeader,
        grh: &[u8; GRH],
        data: Source<'_>,
    ) {
        let receives = matches!(self.state, QpState::RTR | QpState::RTS);
        let Some(datagrams) = self.datagrams.as_ref().filter(|_| receives) else {
            cx.res.counters.count(CounterId::DROPPED_NO_QP);
            return;
        };
        // [UD-8]
        match header.judge(datagrams.qkey, datagrams.mtu) {
            Ok(()) => {}
            Err(Dropped::Key) => return cx.res.counters.count(CounterId::DROPPED_KEY),
            Err(Dropped::TooLong) => return cx.res.counters.count(CounterId::DROPPED_MALFORMED),
        }
        match self.take_datagram(cx, header, grh, data) {
            Ok(()) => {}
            // [UD-10]
            Err(Trouble::NotReady) if mutant("UD-10/uncounted") => {}
            Err(Trouble::NotReady) => cx.res.counters.count(CounterId::DROPPED_NO_RECEIVE),
            Err(Trouble::SourceLost(_)) => {}
            Err(Trouble::Refused { error, receive, .. }) => {
                if let Some(refusal) = receive {
                    self.fail_receive(cx, refusal);
                }
                self.enter_error(cx, error);
            }
        }
        self.wake(cx.side);
    }

    fn take_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        header: &DatagramHeader,
        grh: &[u8; GRH],
        mut data: Source<'_>,
    ) -> Result<(), Trouble> {
        if self.receiving.is_none() {
            self.take_receive(cx)?;
        }
        self.check_receive(cx)?;
        let Some(receiving) = self.receiving.as_ref() else {
            return Err(Trouble::NotReady);
        };
        let all = header.length.saturating_add(rnic_abi::consts::GRH_BYTES);
        if u64::from(all) > receiving.segments.total() && !mutant("UD-10/long") {
            // [UD-10] The receive stays taken, for the next one.
            cx.res.counters.count(CounterId::DROPPED_TOO_LONG);
            return Ok(());
        }
        dma_fault(cx).map_err(Trouble::receive)?;
        let parts = [
            (0, GRH as u64, Source::Bytes(grh)),
            (
                GRH as u64,
                u64::from(header.length),
                std::mem::replace(&mut data, Source::Bytes(&[])),
            ),
        ];
        for (at, length, mut from) in parts {
            let part = (at, length);
            let ranges = gather(cx, self.pd, &receiving.segments, part, LocalRight::Write)
                .map_err(Trouble::receive)?;
            for range in ranges.as_slice() {
                from.place(&cx.res.dma, *range)
                    .map_err(|e| super::respond::side(e, |e| Trouble::receive(cx.dma_failed(e))))?;
            }
        }
        cx.res.counters.count(CounterId::SENDS_IN);
        let what = match header.immediate {
            Some(bytes) => Ending::Immediate(bytes),
            None => Ending::Plain,
        };
        self.complete_receive(
            cx,
            Received {
                length: all,
                solicited: header.solicited,
                what,
                write: false,
                source: Some(header.source_qpn),
            },
        );
        Ok(())
    }
}

/// How a datagram gets to `peer` `[UD-7]`.
fn way(cx: &mut Cx<'_>, datagrams: &Datagrams, peer: Gid, qpn: u32) -> Way {
    if cx.side.is_own(peer) {
        return match cx.res.has(feature::LOOPBACK) || mutant("UD-7/loopback") {
            true => Way::By(CarriedBy::Loopback, None),
            false => Way::Lost,
        };
    }
    if let Some(id) = cx.env.neighbour(peer) {
        return Way::By(CarriedBy::Neighbour(id), datagrams.next_hop);
    }
    if let Some(mac) = datagrams.next_hop.filter(|_| !mutant("UD-7/given")) {
        return Way::By(CarriedBy::Frames, Some(mac));
    }
    let now = cx.env.now();
    let found = cx.side.hops.find(now, datagrams.local, peer, qpn);
    if found.ask {
        cx.side.wants_next_hop(datagrams.local, peer);
    }
    match found.hop {
        Hop::Known(mac) => Way::By(CarriedBy::Frames, Some(mac)),
        Hop::Wait(until) => Way::Wait(until),
        Hop::Missing => Way::Lost,
    }
}
