//! CREATE_QP, QUERY_QP and DESTROY_QP: the hardware's side.

use core::mem::offset_of;
use std::collections::VecDeque;

use rnic_abi::consts::{RECV_SEGMENTS_AT, SEGMENTS_AT};
use rnic_abi::{
    CreateQpRequest, EventCode, Mtu as MtuCode, ProviderError, QpState, QpType, QueryQpAnswer,
    RingDescription, Segment as AbiSegment, Status, SyndromeReason, feature, limit,
};
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use super::queue::WorkQueue;
use super::state::Attributes;
use super::{Cx, Qp, Qps, Receives};
use crate::doorbell::Owner;
use crate::env::Env;
use crate::error::CommandError;
use crate::resources::Resources;
use crate::ring::{RingRules, RingShape};
use crate::segment::Lease;
use crate::wqe::SendRules;

const fn rules(max_log_entries: u64) -> RingRules {
    RingRules {
        min_log_stride: 6,
        max_log_stride: 10,
        max_log_entries,
    }
}

/// The fields of a request, checked, with nothing created yet.
struct Checked {
    send: RingShape,
    receive: Option<RingShape>,
}

impl Qps {
    /// Creates a queue pair in INIT `[QP-1]`; its number. Reserved fields are the caller's to
    /// refuse.
    pub fn create(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        request: &CreateQpRequest,
    ) -> Result<u32, CommandError> {
        let checked = check_fields(res, request)?;
        check_objects(res, request)?;
        check_slots(res, &checked)?;
        if !self.table.has_room() {
            return Err(CommandError::no_resources());
        }
        let send_ring = checked.send.load(&res.dma)?;
        let receive_ring = match &checked.receive {
            Some(shape) => Some((shape.load(&res.dma)?, shape.slot())),
            None => None,
        };
        let send_slot = checked.send.slot();
        let receive_slot = receive_ring.as_ref().map(|(_, slot)| *slot);
        let receives = match receive_ring {
            Some((ring, slot)) => Receives::Own {
                queue: WorkQueue::new(ring, slot, request.recv_retired_address.get()),
                max_segments: request.max_recv_segments.get(),
            },
            None => Receives::Shared {
                srqn: request.srqn.get(),
            },
        };
        let send_rules = SendRules {
            max_segments: request.max_send_segments.get(),
            max_inline: request.max_inline.get(),
            atomics: res.has(feature::ATOMICS),
            windows: res.has(feature::MEMORY_WINDOWS),
            service: request.qp_type(),
        };
        let send = WorkQueue::new(send_ring, send_slot, request.send_retired_address.get());
        let qpn = self
            .table
            .insert_with(|qpn, _| Qp {
                qpn,
                service: request.qp_type(),
                pd: request.pd.get(),
                context: request.context.get(),
                state: QpState::INIT,
                error: ProviderError::NONE,
                connection: 0,
                send_cqn: request.send_cqn.get(),
                recv_cqn: request.recv_cqn.get(),
                send,
                send_rules,
                receives,
                attributes: Attributes::default(),
                link: None,
                datagrams: None,
                in_flight: VecDeque::new(),
                receiving: None,
                lease: Lease::new(),
                old_leases: Vec::new(),
                flushes: VecDeque::new(),
                flush_send: false,
                send_failed: false,
                established: false,
                queued: false,
                timer: None,
                paced: None,
                dying: false,
            })
            .map_err(|_| CommandError::no_resources())?;
        res.keys.hold_domain(request.pd.get());
        for cqn in [request.send_cqn.get(), request.recv_cqn.get()] {
            if let Some(cq) = res.cqs.get_mut(cqn)
                && !mutant("QP-1/busy")
            {
                cq.attach(qpn);
            }
        }
        if request.flags().srq()
            && let Some(srq) = res.srqs.get_mut(request.srqn.get())
        {
            srq.attach();
        }
        // Both were seen to be free, so both claims succeed.
        let claimed = res.doorbells.claim(env, send_slot, Owner::Send(qpn));
        debug_assert!(claimed.is_ok());
        if let Some(slot) = receive_slot {
            let claimed = res.doorbells.claim(env, slot, Owner::Receive(qpn));
            debug_assert!(claimed.is_ok());
        }
        Ok(qpn)
    }

    /// Reports a queue pair `[QP-9]`; none when there is none. The header of the answer is the
    /// caller's.
    #[must_use]
    pub fn query(&self, qpn: u32) -> Option<QueryQpAnswer> {
        let qp = self.table.get(qpn).filter(|qp| !qp.dying)?;
        let a = &qp.attributes;
        let mut answer = QueryQpAnswer::zeroed().with_state(qp.state);
        answer.set_qp_type(qp.service);
        if let Some(path) = a.path {
            answer.set_path_mtu(MtuCode(path.mtu.code()));
            answer.peer_qpn.set(path.peer_qpn.get());
            answer.peer_address = path.peer.0;
        }
        let link = qp.link.as_ref();
        let requester = link.and_then(|l| l.requester.as_ref());
        let datagrams = qp.datagrams.as_ref().and_then(|d| d.next_psn());
        let send_psn = requester.map(|r| r.next_psn()).or(datagrams).or(a.send_psn);
        let recv_psn = link.map(|l| l.responder.expected()).or(a.recv_psn);
        answer.send_psn.set(send_psn.map_or(0, |p| p.get()));
        answer.recv_psn.set(recv_psn.map_or(0, |p| p.get()));
        answer.send_retired.set(qp.send.retired());
        answer.send_fetched.set(qp.send.fetched());
        if let Receives::Own { queue, .. } = &qp.receives {
            answer.recv_retired.set(queue.retired());
            answer.recv_fetched.set(queue.fetched());
        }
        answer.connection.set(qp.connection);
        if !mutant("QP-9/error") {
            answer.set_error(qp.error);
        }
        answer.read_depth_in = a.read_depth_in;
        answer.read_depth_out = a.read_depth_out;
        Some(answer)
    }

    /// Begins to destroy a queue pair `[QP-10]`: from here on nothing completes. `at`: offset of
    /// the handle in the request.
    pub fn begin_destroy(&mut self, qpn: u32, at: usize) -> Result<(), CommandError> {
        let qp = self
            .table
            .get_mut(qpn)
            .filter(|qp| !qp.dying)
            .ok_or_else(|| CommandError::not_found(at))?;
        if qp.connection != 0 && !mutant("QP-10/owned") {
            return Err(CommandError::busy(at));
        }
        qp.dying = true;
        qp.link = None;
        qp.datagrams = None;
        qp.unschedule(&mut self.side);
        Ok(())
    }

    /// Ends what [`Qps::begin_destroy`] began, when no DMA is in flight any more; true when the
    /// queue pair is gone.
    pub fn finish_destroy(&mut self, env: &mut dyn Env, res: &mut Resources, qpn: u32) -> bool {
        match self.table.get(qpn) {
            None => return true,
            Some(qp) if !qp.dying || !qp.is_dma_idle() => return false,
            Some(_) => {}
        }
        let Some(mut qp) = self.table.remove(qpn) else {
            return true;
        };
        let mut cx = Cx {
            env,
            res,
            side: &mut self.side,
        };
        qp.drop_receiving(&mut cx);
        res.doorbells.release(qp.send.slot());
        match &qp.receives {
            Receives::Own { queue, .. } => res.doorbells.release(queue.slot()),
            Receives::Shared { srqn } => {
                if let Some(srq) = res.srqs.get_mut(*srqn) {
                    srq.detach();
                }
            }
        }
        for cqn in [qp.send_cqn, qp.recv_cqn] {
            if let Some(cq) = res.cqs.get_mut(cqn) {
                cq.detach(qpn);
            }
        }
        res.keys.release_windows(qpn);
        res.keys.release_domain(qp.pd);
        // [EV-4]
        res.forget_event(EventCode::QP_ERROR, qpn);
        res.forget_event(EventCode::COMMUNICATION_ESTABLISHED, qpn);
        true
    }
}

/// What the request says by itself, in the order of its fields `[CMD-13]`, `[QP-2]`, `[QP-3]`.
fn check_fields(res: &Resources, request: &CreateQpRequest) -> Result<Checked, CommandError> {
    let shared = request.flags().srq();
    if shared && !res.has(feature::SRQ) {
        return Err(CommandError::not_active(offset_of!(
            CreateQpRequest,
            flags_raw
        )));
    }
    let at_type = offset_of!(CreateQpRequest, qp_type_raw);
    match request.qp_type() {
        QpType::RC => {}
        QpType::UD if res.has(feature::UD) || mutant("QP-2/type") => {}
        QpType::UC if res.has(feature::UC) => {}
        QpType::UC | QpType::UD => return Err(CommandError::not_active(at_type)),
        _ => return Err(CommandError::bad_value(at_type)),
    }
    let send_segments = request.max_send_segments.get();
    let recv_segments = request.max_recv_segments.get();
    let inline = request.max_inline.get();
    let conflict = |at| CommandError::invalid(SyndromeReason::CONFLICT, at);
    if u64::from(send_segments) > limit::SEND_SEGMENTS && !mutant("QP-2/segments") {
        let at = offset_of!(CreateQpRequest, max_send_segments);
        return Err(CommandError::too_large(at));
    }
    let at = offset_of!(CreateQpRequest, max_recv_segments);
    if shared && recv_segments != 0 {
        return Err(conflict(at));
    }
    if u64::from(recv_segments) > limit::RECV_SEGMENTS {
        return Err(CommandError::too_large(at));
    }
    if u64::from(inline) > limit::INLINE_BYTES && !mutant("QP-2/inline") {
        let at = offset_of!(CreateQpRequest, max_inline);
        return Err(CommandError::too_large(at));
    }
    if !shared && request.srqn.get() != 0 && !mutant("QP-3/srq") {
        return Err(conflict(offset_of!(CreateQpRequest, srqn)));
    }
    if request.qpn.get() != 0 && !mutant("QP-3/number") {
        return Err(CommandError::bad_value(offset_of!(CreateQpRequest, qpn)));
    }
    let unaligned = |at| CommandError::invalid(SyndromeReason::NOT_ALIGNED, at);
    if !request.send_retired_address.get().is_multiple_of(8) {
        let at = offset_of!(CreateQpRequest, send_retired_address);
        return Err(unaligned(at));
    }
    let at = offset_of!(CreateQpRequest, recv_retired_address);
    if shared && request.recv_retired_address.get() != 0 {
        return Err(conflict(at));
    }
    if !request.recv_retired_address.get().is_multiple_of(8) {
        return Err(unaligned(at));
    }
    let at = offset_of!(CreateQpRequest, send_ring);
    let send = RingShape::check(&request.send_ring, rules(limit::SQ_LOG), at)?;
    let data = (usize::from(send_segments) * AbiSegment::SIZE).max(usize::from(inline));
    check_stride(&send, SEGMENTS_AT, data)?;
    let at = offset_of!(CreateQpRequest, recv_ring);
    let receive = if shared {
        if request.recv_ring.as_bytes() != RingDescription::zeroed().as_bytes() {
            return Err(conflict(at));
        }
        None
    } else {
        let shape = RingShape::check(&request.recv_ring, rules(limit::RQ_LOG), at)?;
        let data = usize::from(recv_segments) * AbiSegment::SIZE;
        check_stride(&shape, RECV_SEGMENTS_AT, data)?;
        Some(shape)
    };
    Ok(Checked { send, receive })
}

fn check_stride(shape: &RingShape, header: u32, data: usize) -> Result<(), CommandError> {
    let needed = u64::from(header) + data as u64;
    if u64::from(shape.stride()) >= needed || mutant("QP-2/stride") {
        return Ok(());
    }
    Err(CommandError::invalid(
        SyndromeReason::TOO_SMALL,
        shape.log_stride_at(),
    ))
}

fn check_objects(res: &Resources, request: &CreateQpRequest) -> Result<(), CommandError> {
    let not_found = CommandError::not_found;
    if !res.keys.has_domain(request.pd.get()) {
        return Err(not_found(offset_of!(CreateQpRequest, pd)));
    }
    if res.cqs.get(request.send_cqn.get()).is_none() {
        return Err(not_found(offset_of!(CreateQpRequest, send_cqn)));
    }
    if res.cqs.get(request.recv_cqn.get()).is_none() {
        return Err(not_found(offset_of!(CreateQpRequest, recv_cqn)));
    }
    if request.flags().srq() {
        let at = offset_of!(CreateQpRequest, srqn);
        let srq = res
            .srqs
            .get(request.srqn.get())
            .ok_or_else(|| not_found(at))?;
        if srq.pd() != request.pd.get() && !mutant("QP-2/domain") {
            return Err(CommandError::new(
                Status::ACCESS_DENIED,
                SyndromeReason::WRONG_DOMAIN,
                at,
            ));
        }
    }
    Ok(())
}

/// `[DB-2]`
fn check_slots(res: &Resources, checked: &Checked) -> Result<(), CommandError> {
    let in_use = |shape: &RingShape| {
        Err(CommandError::new(
            Status::DOORBELL_IN_USE,
            SyndromeReason::IN_USE,
            shape.doorbell_at(),
        ))
    };
    if res.doorbells.is_owned(checked.send.slot()) {
        return in_use(&checked.send);
    }
    if let Some(shape) = &checked.receive
        && (res.doorbells.is_owned(shape.slot()) || shape.slot() == checked.send.slot())
    {
        return in_use(shape);
    }
    Ok(())
}
