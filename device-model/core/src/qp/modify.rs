//! MODIFY_QP, and what the connection manager does instead: attributes and changes of state.

use core::mem::offset_of;

use rnic_abi::{
    EventCode, ModifyMask, ModifyQpRequest, ProviderError, QpState, QpType, Status, SyndromeReason,
    feature, limit,
};
use rnic_mutant::mutant;
use rnic_transport::dcqcn::Notifier;
use rnic_transport::rc::{Requester, Responder};
use rnic_wire::{Gid, MacAddr, Mtu, Psn, QKey, Qpn, RnrTimer, TimeoutCode};

use super::path::Path;
use super::state::{Attributes, By, LocalAddress, PathAttributes, Retry, may_change};
use super::{Cx, Link, Qp, Qps, Receives};
use crate::env::Env;
use crate::error::CommandError;
use crate::resources::Resources;
use crate::segment::Lease;

/// First UDP source port of RoCE flows (IBTA annex A17.9.2).
const FIRST_SOURCE_PORT: u16 = 0xC000;

/// Why a state did not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// No such queue pair.
    NotFound,
    /// Not from the present state `[QP-4]`.
    WrongState,
    /// Attributes are missing `[QP-6]`.
    NotComplete,
}

impl Qps {
    /// MODIFY_QP. `address` resolves an index of the address table, `is_ours` tells whether an
    /// address is one of this device. Reserved fields are the caller's to refuse.
    pub fn modify(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        request: &ModifyQpRequest,
        address: impl FnOnce(u16) -> Option<LocalAddress>,
        is_ours: impl FnOnce(Gid) -> bool,
    ) -> Result<(), CommandError> {
        let mask = request.mask();
        let to = request.state();
        let state_at = offset_of!(ModifyQpRequest, state_raw);
        if mask.state() && !QpState::KNOWN.contains(&to) {
            return Err(CommandError::bad_value(state_at));
        }
        let qpn = request.qpn.get();
        let qpn_at = offset_of!(ModifyQpRequest, qpn);
        let service = self.table.get(qpn).map_or(QpType::RC, |qp| qp.service);
        let given = Given::check(env, res, request, service, address, is_ours)?;
        let changed = self.with(env, res, qpn, |qp, cx| {
            let only_error = mask == ModifyMask::STATE && to == QpState::ERROR;
            if qp.connection != 0 && !only_error && !mutant("QP-7/owned") {
                // [QP-7]
                return Err(CommandError::wrong_state(qpn_at));
            }
            if mask.state() && !may_change(qp.state, to, By::Command) {
                return Err(CommandError::wrong_state(state_at));
            }
            let mut attributes = qp.attributes;
            given.apply(&mut attributes);
            if !mask.state() {
                qp.take_attributes(attributes);
                return Ok(());
            }
            let before = std::mem::replace(&mut qp.attributes, attributes);
            qp.change(cx, to, By::Command).map_err(|error| {
                // [CMD-14]
                if !mutant("CMD-14/kept") {
                    qp.attributes = before;
                }
                match error {
                    ChangeError::NotComplete => CommandError::new(
                        Status::INVALID_STATE,
                        SyndromeReason::NOT_COMPLETE,
                        state_at,
                    ),
                    ChangeError::NotFound | ChangeError::WrongState => {
                        CommandError::wrong_state(state_at)
                    }
                }
            })
        });
        changed.unwrap_or_else(|| Err(CommandError::not_found(qpn_at)))
    }

    /// Gives a queue pair in INIT to a connection, or takes it back (0). False when there is no
    /// such queue pair, or another connection owns it.
    pub fn set_connection(&mut self, qpn: u32, connection: u32) -> bool {
        match self.table.get_mut(qpn).filter(|qp| !qp.dying) {
            Some(qp) if connection == 0 || qp.connection == 0 => {
                qp.connection = connection;
                true
            }
            Some(_) | None => false,
        }
    }

    /// State of a queue pair, and the connection that owns it.
    #[must_use]
    pub fn state(&self, qpn: u32) -> Option<(QpState, u32)> {
        let qp = self.table.get(qpn).filter(|qp| !qp.dying)?;
        Some((qp.state, qp.connection))
    }

    /// Transport service of a queue pair.
    #[must_use]
    pub fn service(&self, qpn: u32) -> Option<QpType> {
        self.table.get(qpn).map(|qp| qp.service)
    }

    /// Changes attributes as the connection manager does; false when there is no such queue pair.
    pub fn set_attributes(&mut self, qpn: u32, set: impl FnOnce(&mut Attributes)) -> bool {
        match self.table.get_mut(qpn).filter(|qp| !qp.dying) {
            Some(qp) => {
                let mut attributes = qp.attributes;
                set(&mut attributes);
                qp.take_attributes(attributes);
                true
            }
            None => false,
        }
    }

    /// Attributes of a queue pair.
    #[must_use]
    pub fn attributes(&self, qpn: u32) -> Option<Attributes> {
        self.table.get(qpn).map(|qp| qp.attributes)
    }

    /// Changes the state as the connection manager does: to RTR, to RTS (from INIT too).
    pub fn change(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        qpn: u32,
        to: QpState,
    ) -> Result<(), ChangeError> {
        self.with(env, res, qpn, |qp, cx| qp.change(cx, to, By::Manager))
            .unwrap_or(Err(ChangeError::NotFound))
    }

    /// The connection ended: nothing more is fetched, sent or placed `[QP-39]`.
    pub fn quiesce(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        qpn: u32,
    ) -> Result<(), ChangeError> {
        self.change(env, res, qpn, QpState::QUIESCED)
    }
}

impl Qp {
    fn take_attributes(&mut self, attributes: Attributes) {
        if let (Some(mac), Some(link)) = (attributes.next_hop, self.link.as_mut()) {
            link.path.set_next_hop(mac);
        }
        if let Some(datagrams) = self.datagrams.as_mut() {
            datagrams.take(attributes.qkey, attributes.next_hop);
        }
        self.attributes = attributes;
    }

    fn change(&mut self, cx: &mut Cx<'_>, to: QpState, by: By) -> Result<(), ChangeError> {
        if !may_change(self.state, to, by) {
            return Err(ChangeError::WrongState);
        }
        let datagrams = self.service == QpType::UD;
        match to {
            QpState::RTR if datagrams => self.receive_datagrams(),
            QpState::RTS if datagrams => self.send_datagrams(cx),
            QpState::RTR => self.make_ready_to_receive(cx),
            QpState::RTS => {
                if self.state == QpState::INIT {
                    if self.attributes.requester(self.service, 1, None).is_none() {
                        return Err(ChangeError::NotComplete);
                    }
                    self.make_ready_to_receive(cx)?;
                }
                self.make_ready_to_send(cx)
            }
            QpState::QUIESCED => {
                self.state = QpState::QUIESCED;
                self.owe_nothing();
                Ok(())
            }
            QpState::ERROR => {
                self.state = QpState::ERROR;
                self.owe_nothing();
                self.wake(cx.side);
                Ok(())
            }
            QpState::RESET => {
                self.start_over(cx);
                self.state = QpState::RESET;
                Ok(())
            }
            _ => {
                self.start_over(cx);
                self.state = QpState::INIT;
                Ok(())
            }
        }
    }

    fn make_ready_to_receive(&mut self, cx: &mut Cx<'_>) -> Result<(), ChangeError> {
        let a = &self.attributes;
        let (Some(path), Some(config)) = (a.path, a.responder(self.service)) else {
            return Err(ChangeError::NotComplete);
        };
        let way = Path::new(cx.env, path, a, self.service);
        let chunk = way.chunk(path.mtu).max(1);
        self.link = Some(Box::new(Link {
            path: way,
            mtu: path.mtu,
            chunk,
            responder: Responder::new(config),
            requester: None,
            stuck: None,
            timeouts: 0,
            notifier: Notifier::default(),
            limiter: None,
        }));
        self.state = QpState::RTR;
        Ok(())
    }

    fn make_ready_to_send(&mut self, cx: &mut Cx<'_>) -> Result<(), ChangeError> {
        let Some(link) = self.link.as_mut() else {
            return Err(ChangeError::NotComplete);
        };
        let window = link.path.window(link.mtu);
        let probe_after = link.path.probe_after();
        let config = self.attributes.requester(self.service, window, probe_after);
        link.requester = Some(Requester::new(config.ok_or(ChangeError::NotComplete)?));
        self.state = QpState::RTS;
        self.wake(cx.side);
        Ok(())
    }

    /// Forgets what was posted and connected `[QP-5]`.
    fn start_over(&mut self, cx: &mut Cx<'_>) {
        self.link = None;
        self.datagrams = None;
        self.in_flight.clear();
        self.drop_receiving(cx);
        self.attributes = Attributes::default();
        self.error = ProviderError::NONE;
        self.flush_send = false;
        self.send_failed = false;
        self.established = false;
        for flush in &mut self.flushes {
            flush.done = true;
        }
        let lease = std::mem::replace(&mut self.lease, Lease::new());
        self.old_leases.retain(crate::segment::WeakLease::is_held);
        self.old_leases.push(lease.downgrade());
        drop(lease);
        self.paced = None;
        self.unschedule(cx.side);
        self.send.restart(cx.res);
        cx.res.doorbells.restart(cx.env, self.send.slot());
        if let Receives::Own { queue, .. } = &mut self.receives {
            queue.restart(cx.res);
            cx.res.doorbells.restart(cx.env, queue.slot());
        }
        // [MEM-22]
        cx.res.keys.release_windows(self.qpn);
        cx.res.forget_event(EventCode::QP_ERROR, self.qpn);
    }

    /// Forgets a receive that was taken; one of a shared queue retires.
    pub(super) fn drop_receiving(&mut self, cx: &mut Cx<'_>) {
        if self.receiving.take().is_some()
            && let Receives::Shared { srqn } = self.receives
        {
            cx.res.retire_shared(cx.env, srqn);
        }
    }
}

/// Fields of MODIFY_QP that mean something, checked `[QP-8]`.
struct Given {
    path: Option<PathAttributes>,
    next_hop: Option<MacAddr>,
    send_psn: Option<Psn>,
    recv_psn: Option<Psn>,
    depths: Option<(u8, u8)>,
    retry: Option<Retry>,
    rnr_timer: Option<RnrTimer>,
    access: Option<rnic_abi::AccessFlags>,
    qkey: Option<QKey>,
    flow_control: Option<bool>,
}

macro_rules! at {
    ($field:ident) => {
        offset_of!(ModifyQpRequest, $field)
    };
}

impl Given {
    fn check(
        env: &dyn Env,
        res: &Resources,
        r: &ModifyQpRequest,
        service: QpType,
        address: impl FnOnce(u16) -> Option<LocalAddress>,
        is_ours: impl FnOnce(Gid) -> bool,
    ) -> Result<Self, CommandError> {
        let mask = r.mask();
        let too_large = CommandError::too_large;
        // In the order of the fields [CMD-13].
        let mtu = if mask.path() {
            let mtu = Mtu::from_code(r.path_mtu_raw)
                .ok_or_else(|| CommandError::bad_value(at!(path_mtu_raw)))?;
            let port = Mtu::of_interface(env.port().mtu);
            if port.is_none_or(|port| mtu > port) && !mutant("QP-8/mtu") {
                return Err(too_large(at!(path_mtu_raw)));
            }
            Some(mtu)
        } else {
            None
        };
        let depths = (r.read_depth_in, r.read_depth_out);
        if mask.read_depth() {
            let fits = |depth: u8, limit: u64| u64::from(depth) <= limit;
            if !fits(depths.0, limit::READ_DEPTH_IN) && !mutant("QP-8/depth") {
                return Err(too_large(at!(read_depth_in)));
            }
            if !fits(depths.1, limit::READ_DEPTH_OUT) {
                return Err(too_large(at!(read_depth_out)));
            }
        }
        if mask.retry() && r.retry_count > 7 && !mutant("QP-8/retry") {
            return Err(too_large(at!(retry_count)));
        }
        if mask.retry() && r.rnr_retry > 7 {
            return Err(too_large(at!(rnr_retry)));
        }
        let rnr_timer = mask
            .rnr_timer()
            .then(|| RnrTimer::new(r.min_rnr_timer).ok_or_else(|| too_large(at!(min_rnr_timer))))
            .transpose()?;
        let timeout = TimeoutCode::new(r.ack_timeout);
        if mask.retry() && timeout.is_none() {
            return Err(too_large(at!(ack_timeout)));
        }
        let bits24 = |on: bool, value: u32, at: usize| match Qpn::new(value) {
            None if on => Err(too_large(at)),
            _ => Ok(Psn::new(value)),
        };
        bits24(mask.path(), r.peer_qpn.get(), at!(peer_qpn))?;
        let send_psn = bits24(mask.send_psn(), r.send_psn.get(), at!(send_psn))?;
        let recv_psn = bits24(mask.recv_psn(), r.recv_psn.get(), at!(recv_psn))?;
        let conflict = |at| CommandError::invalid(SyndromeReason::CONFLICT, at);
        let local = if mask.path() {
            let index = r.local_address.get();
            Some(address(index).ok_or_else(|| CommandError::not_found(at!(local_address)))?)
        } else {
            None
        };
        if mask.path() && r.udp_source_port.get() < FIRST_SOURCE_PORT {
            return Err(CommandError::bad_value(at!(udp_source_port)));
        }
        let peer_rights = Attributes::ALL_ACCESS;
        if mask.access() && r.access().0 & !peer_rights.0 != 0 {
            return Err(CommandError::bad_value(at!(access_raw)));
        }
        let peer = Gid(r.peer_address);
        if mask.path() && service == QpType::UD {
            // [UD-2]
            if let Some(at) = peer_field(r).filter(|_| !mutant("UD-2/peer")) {
                return Err(conflict(at));
            }
        } else if let Some(local) = local
            && (peer == Gid::UNSPECIFIED
                || peer.to_ip().is_multicast()
                || peer.to_ip().is_ipv4() != local.gid.to_ip().is_ipv4())
        {
            return Err(CommandError::bad_value(at!(peer_address)));
        }
        let next_hop = MacAddr(r.next_hop);
        if mask.next_hop() && (next_hop.is_multicast() || next_hop == MacAddr::ZERO) {
            return Err(CommandError::bad_value(at!(next_hop)));
        }
        if mask.path() && r.flow_label.get() > 0xF_FFFF {
            return Err(too_large(at!(flow_label)));
        }
        // [ROCE-50]
        let inactive = !res.has(feature::FLOW_CONTROL) && !mutant("ROCE-50/feature");
        if mask.flow_control() && r.flags().flow_control() && inactive {
            return Err(CommandError::not_active(at!(flags_raw)));
        }
        let path = local.zip(mtu).map(|(local, mtu)| PathAttributes {
            peer,
            peer_qpn: Qpn::truncate(r.peer_qpn.get()),
            local,
            loopback: is_ours(peer),
            source_port: r.udp_source_port.get(),
            mtu,
            traffic_class: r.traffic_class,
            hop_limit: r.hop_limit,
            flow_label: r.flow_label.get(),
        });
        Ok(Self {
            path,
            next_hop: mask.next_hop().then_some(next_hop),
            send_psn: mask.send_psn().then_some(send_psn),
            recv_psn: mask.recv_psn().then_some(recv_psn),
            depths: mask.read_depth().then_some(depths),
            retry: timeout.filter(|_| mask.retry()).map(|timeout| Retry {
                count: r.retry_count,
                rnr: r.rnr_retry,
                timeout,
            }),
            rnr_timer,
            access: mask.access().then_some(r.access()),
            qkey: mask.qkey().then_some(QKey(r.qkey.get())),
            flow_control: mask.flow_control().then(|| r.flags().flow_control()),
        })
    }

    fn apply(self, a: &mut Attributes) {
        a.path = self.path.or(a.path);
        a.next_hop = self.next_hop.or(a.next_hop);
        a.send_psn = self.send_psn.or(a.send_psn);
        a.recv_psn = self.recv_psn.or(a.recv_psn);
        if let Some((depth_in, depth_out)) = self.depths {
            (a.read_depth_in, a.read_depth_out) = (depth_in, depth_out);
        }
        a.retry = self.retry.or(a.retry);
        a.rnr_timer = self.rnr_timer.unwrap_or(a.rnr_timer);
        a.access = self.access.unwrap_or(a.access);
        a.qkey = self.qkey.or(a.qkey);
        a.flow_control = self.flow_control.unwrap_or(a.flow_control);
    }
}

/// Offset of the first field that names a peer, which a queue pair of type UD has not `[UD-2]`.
fn peer_field(r: &ModifyQpRequest) -> Option<usize> {
    let given = [
        (r.peer_qpn.get() != 0, at!(peer_qpn)),
        (r.peer_address != [0; 16], at!(peer_address)),
        (r.traffic_class != 0, at!(traffic_class)),
        (r.hop_limit != 0, at!(hop_limit)),
        (r.flow_label.get() != 0, at!(flow_label)),
    ];
    given.iter().find(|(given, _)| *given).map(|(_, at)| *at)
}
