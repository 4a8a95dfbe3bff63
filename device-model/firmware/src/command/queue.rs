//! Event queues, completion queues, shared receive queues.

use core::mem::offset_of;

use rnic_abi::consts::RECV_SEGMENTS_AT;
use rnic_abi::{
    CreateCqAnswer, CreateCqRequest, CreateEqAnswer, CreateEqRequest, CreateSrqAnswer,
    CreateSrqRequest, DestroyCqAnswer, DestroyCqRequest, DestroyEqRequest, DestroySrqRequest,
    EmptyAnswer, EqKind, ModerateCqRequest, ModifySrqRequest, Opcode, ResizeCqAnswer,
    ResizeCqRequest, ResizeSrqRequest, RingDescription, Segment, Status, SyndromeReason, cmd,
    limit,
};
use rnic_core::cq::{Cq, Moderation, ResizeError};
use rnic_core::doorbell::Owner;
use rnic_core::eq::Eq;
use rnic_core::error::CommandError;
use rnic_core::interrupt::Interrupts;
use rnic_core::ring::{Ring, RingRules, RingShape};
use rnic_core::srq::Srq;

use rnic_mutant::mutant;

use super::{Control, Result, empty, handle};

/// Switches a condition of MODERATE_CQ off.
const NEVER: u32 = u32::MAX;

/// Strides of work queues, as log2.
const WORK_LOG_STRIDES: (u8, u8) = (6, 10);

const CQ_RULES: RingRules = RingRules {
    min_log_stride: 6,
    max_log_stride: 6,
    max_log_entries: limit::CQ_LOG,
};

const SRQ_RULES: RingRules = RingRules {
    min_log_stride: WORK_LOG_STRIDES.0,
    max_log_stride: WORK_LOG_STRIDES.1,
    max_log_entries: limit::SRQ_LOG,
};

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::CREATE_EQ => handle::<cmd::CreateEq>(control, request, create_eq),
        Opcode::DESTROY_EQ => handle::<cmd::DestroyEq>(control, request, destroy_eq),
        Opcode::CREATE_CQ => handle::<cmd::CreateCq>(control, request, create_cq),
        Opcode::RESIZE_CQ => handle::<cmd::ResizeCq>(control, request, resize_cq),
        Opcode::MODERATE_CQ => handle::<cmd::ModerateCq>(control, request, moderate_cq),
        Opcode::DESTROY_CQ => handle::<cmd::DestroyCq>(control, request, destroy_cq),
        Opcode::CREATE_SRQ => handle::<cmd::CreateSrq>(control, request, create_srq),
        Opcode::MODIFY_SRQ => handle::<cmd::ModifySrq>(control, request, modify_srq),
        Opcode::RESIZE_SRQ => handle::<cmd::ResizeSrq>(control, request, resize_srq),
        Opcode::DESTROY_SRQ => handle::<cmd::DestroySrq>(control, request, destroy_srq),
        _ => return None,
    })
}

/// `[DB-2]` The slot must be free; nothing is taken yet.
fn check_slot_free(control: &Control<'_>, shape: &RingShape) -> Result<()> {
    if control.hardware.resources.doorbells.is_owned(shape.slot()) {
        return Err(CommandError::new(
            Status::DOORBELL_IN_USE,
            SyndromeReason::IN_USE,
            shape.doorbell_at(),
        ));
    }
    Ok(())
}

/// Gives the slot, which [`check_slot_free`] found free, to `owner`.
fn claim_slot(control: &mut Control<'_>, slot: u32, owner: Owner) {
    let claimed = control
        .hardware
        .resources
        .doorbells
        .claim(control.env, slot, owner);
    debug_assert!(claimed.is_ok(), "checked in the same command");
}

fn create_eq(control: &mut Control<'_>, request: &CreateEqRequest) -> Result<CreateEqAnswer> {
    let kind_at = offset_of!(CreateEqRequest, kind_raw);
    let log_stride = match request.kind() {
        EqKind::COMPLETION => 4,
        EqKind::GENERAL => 9,
        _ if mutant("CONV-4/kind") => 4,
        _ => return Err(CommandError::bad_value(kind_at)),
    };
    // [INT-5]
    let vector = request.vector.get();
    if !Interrupts::is_valid(vector) && !mutant("INT-5/vector") {
        return Err(CommandError::too_large(offset_of!(CreateEqRequest, vector)));
    }
    let rules = RingRules {
        min_log_stride: log_stride,
        max_log_stride: log_stride,
        max_log_entries: limit::EQ_LOG,
    };
    let shape = RingShape::check(&request.ring, rules, offset_of!(CreateEqRequest, ring))?;
    // [EQ-1]
    let general = request.kind() == EqKind::GENERAL;
    if general && control.hardware.resources.general_eq().is_some() && !mutant("EQ-1/second") {
        return Err(CommandError::new(
            Status::INVALID_STATE,
            SyndromeReason::IN_USE,
            kind_at,
        ));
    }
    check_slot_free(control, &shape)?;
    let ring = shape.load(&control.hardware.resources.dma)?;
    let eq = Eq::new(ring, shape.slot(), request.kind(), vector);
    let resources = &mut control.hardware.resources;
    let eqn = resources
        .eqs
        .insert(eq)
        .map_err(|_| CommandError::no_resources())?;
    claim_slot(control, shape.slot(), Owner::Eq(eqn));
    if general {
        let resources = &mut control.hardware.resources;
        resources.set_general_eq(control.env, Some(eqn));
    }
    let mut answer = CreateEqAnswer::zeroed();
    answer.eqn.set(eqn);
    Ok(answer)
}

fn destroy_eq(control: &mut Control<'_>, request: &DestroyEqRequest) -> Result<EmptyAnswer> {
    let at = offset_of!(DestroyEqRequest, eqn);
    let eqn = request.eqn.get();
    let resources = &mut control.hardware.resources;
    let eq = resources
        .eqs
        .get(eqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    if eq.is_attached() && !mutant("EQ-1/busy") {
        return Err(CommandError::busy(at));
    }
    let slot = eq.slot();
    if resources.general_eq() == Some(eqn) {
        resources.set_general_eq(control.env, None);
    }
    resources.eqs.remove(eqn);
    resources.doorbells.release(slot);
    Ok(empty())
}

fn create_cq(control: &mut Control<'_>, request: &CreateCqRequest) -> Result<CreateCqAnswer> {
    let shape = RingShape::check(&request.ring, CQ_RULES, offset_of!(CreateCqRequest, ring))?;
    let eqn_at = offset_of!(CreateCqRequest, eqn);
    let eqn = request.eqn.get();
    let resources = &mut control.hardware.resources;
    let eq = resources
        .eqs
        .get(eqn)
        .ok_or_else(|| CommandError::not_found(eqn_at))?;
    // [CQ-1]
    if eq.kind() != EqKind::COMPLETION && !mutant("CQ-1/kind") {
        return Err(CommandError::wrong_kind(eqn_at));
    }
    check_slot_free(control, &shape)?;
    let resources = &mut control.hardware.resources;
    let ring = shape.load(&resources.dma)?;
    // [EQ-4]
    let eq = resources
        .eqs
        .get_mut(eqn)
        .ok_or_else(|| CommandError::not_found(eqn_at))?;
    if !eq.has_place() && !mutant("EQ-4/attach") {
        return Err(CommandError::new(
            Status::NO_RESOURCES,
            SyndromeReason::QUOTA,
            eqn_at,
        ));
    }
    let cqn = resources
        .cqs
        .insert_with(|_, generation| {
            Cq::new(ring, shape.slot(), eqn, generation, request.context.get())
        })
        .map_err(|_| CommandError::no_resources())?;
    eq.attach();
    let generation = resources.cqs.generation(cqn).unwrap_or(0);
    claim_slot(control, shape.slot(), Owner::Cq(cqn));
    let mut answer = CreateCqAnswer::zeroed();
    answer.cqn.set(cqn);
    answer.generation.set(generation);
    Ok(answer)
}

/// A ring in place of another keeps its doorbell.
fn check_same_slot(shape: &RingShape, slot: u32) -> Result<()> {
    if shape.slot() != slot && !mutant("CQ-11/slot") {
        return Err(CommandError::invalid(
            SyndromeReason::CONFLICT,
            shape.doorbell_at(),
        ));
    }
    Ok(())
}

fn resize_cq(control: &mut Control<'_>, request: &ResizeCqRequest) -> Result<ResizeCqAnswer> {
    let at = offset_of!(ResizeCqRequest, cqn);
    let ring_at = offset_of!(ResizeCqRequest, ring);
    let cqn = request.cqn.get();
    let shape = RingShape::check(&request.ring, CQ_RULES, ring_at)?;
    let resources = &mut control.hardware.resources;
    let slot = resources
        .cqs
        .get(cqn)
        .ok_or_else(|| CommandError::not_found(at))?
        .slot();
    check_same_slot(&shape, slot)?;
    let ring = shape.load(&resources.dma)?;
    // What the driver has consumed need not be moved, and need not fit.
    let value = resources.doorbells.load(control.env, slot);
    resources.cq_doorbell(control.env, cqn, value);
    let dma = std::sync::Arc::clone(&resources.dma);
    let cq = resources
        .cqs
        .get_mut(cqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    // [CQ-11]
    if cq.error().is_some() && !mutant("CQ-11/error") {
        return Err(CommandError::wrong_state(at));
    }
    let switch_index = cq.resize(&dma, ring).map_err(|error| match error {
        ResizeError::TooSmall => CommandError::new(
            Status::OUT_OF_RANGE,
            SyndromeReason::TOO_SMALL,
            shape.log_entries_at(),
        ),
        ResizeError::Dma => {
            CommandError::unreachable(ring_at + offset_of!(RingDescription, page_list))
        }
    })?;
    let mut answer = ResizeCqAnswer::zeroed();
    answer.switch_index.set(switch_index);
    Ok(answer)
}

fn moderate_cq(control: &mut Control<'_>, request: &ModerateCqRequest) -> Result<EmptyAnswer> {
    let (count, interval) = (request.count.get(), request.interval_us.get());
    // [CQ-10]
    if count == NEVER && interval == NEVER && !mutant("CQ-10/both") {
        return Err(CommandError::invalid(
            SyndromeReason::CONFLICT,
            offset_of!(ModerateCqRequest, interval_us),
        ));
    }
    let cqn = request.cqn.get();
    let resources = &mut control.hardware.resources;
    let cq = resources
        .cqs
        .get_mut(cqn)
        .ok_or_else(|| CommandError::not_found(offset_of!(ModerateCqRequest, cqn)))?;
    cq.moderate(Moderation {
        count: (count != NEVER).then_some(count),
        interval: (interval != NEVER).then(|| u64::from(interval) * 1000),
    });
    resources.signal(control.env, cqn);
    Ok(empty())
}

fn destroy_cq(control: &mut Control<'_>, request: &DestroyCqRequest) -> Result<DestroyCqAnswer> {
    let at = offset_of!(DestroyCqRequest, cqn);
    let cqn = request.cqn.get();
    let resources = &mut control.hardware.resources;
    let cq = resources
        .cqs
        .get(cqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    if cq.is_used() && !mutant("CQ-1/busy") {
        return Err(CommandError::busy(at));
    }
    let mut answer = DestroyCqAnswer::zeroed();
    // [CQ-12]
    answer.eq_index.set(resources.remove_cq(cqn).unwrap_or(0));
    Ok(answer)
}

fn create_srq(control: &mut Control<'_>, request: &CreateSrqRequest) -> Result<CreateSrqAnswer> {
    let retired_address = request.retired_address.get();
    if !retired_address.is_multiple_of(8) {
        return Err(CommandError::invalid(
            SyndromeReason::NOT_ALIGNED,
            offset_of!(CreateSrqRequest, retired_address),
        ));
    }
    let max_segments = request.max_segments.get();
    if u64::from(max_segments) > limit::RECV_SEGMENTS {
        return Err(CommandError::too_large(offset_of!(
            CreateSrqRequest,
            max_segments
        )));
    }
    let shape = RingShape::check(&request.ring, SRQ_RULES, offset_of!(CreateSrqRequest, ring))?;
    check_receive_stride(&shape, max_segments)?;
    // [SRQ-1]
    let limit = request.limit.get();
    if limit > shape.entries() && !mutant("SRQ-1/limit") {
        return Err(CommandError::too_large(offset_of!(CreateSrqRequest, limit)));
    }
    let pd = request.pd.get();
    let resources = &mut control.hardware.resources;
    if !resources.keys.has_domain(pd) {
        return Err(CommandError::not_found(offset_of!(CreateSrqRequest, pd)));
    }
    check_slot_free(control, &shape)?;
    let resources = &mut control.hardware.resources;
    let ring = shape.load(&resources.dma)?;
    let srq = Srq::new(
        pd,
        ring,
        shape.slot(),
        request.context.get(),
        max_segments,
        retired_address,
        limit,
    );
    let srqn = resources
        .srqs
        .insert(srq)
        .map_err(|_| CommandError::no_resources())?;
    resources.keys.hold_domain(pd);
    claim_slot(control, shape.slot(), Owner::Srq(srqn));
    let mut answer = CreateSrqAnswer::zeroed();
    answer.srqn.set(srqn);
    Ok(answer)
}

/// `[QP-2]` An entry must hold its header and its segments.
fn check_receive_stride(shape: &RingShape, max_segments: u16) -> Result<()> {
    let needed = u64::from(RECV_SEGMENTS_AT) + u64::from(max_segments) * Segment::SIZE as u64;
    if u64::from(shape.stride()) < needed {
        return Err(CommandError::invalid(
            SyndromeReason::TOO_SMALL,
            shape.log_stride_at(),
        ));
    }
    Ok(())
}

fn modify_srq(control: &mut Control<'_>, request: &ModifySrqRequest) -> Result<EmptyAnswer> {
    let at = offset_of!(ModifySrqRequest, srqn);
    let (srqn, limit) = (request.srqn.get(), request.limit.get());
    let resources = &mut control.hardware.resources;
    let srq = resources
        .srqs
        .get(srqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    if limit > srq.entries() {
        return Err(CommandError::too_large(offset_of!(ModifySrqRequest, limit)));
    }
    if srq.error().is_some() {
        return Err(CommandError::wrong_state(at));
    }
    // What was posted meanwhile counts.
    let value = resources.doorbells.load(control.env, srq.slot());
    resources.srq_doorbell(control.env, srqn, value);
    let reached = resources
        .srqs
        .get_mut(srqn)
        .and_then(|srq| srq.set_limit(limit));
    if let Some(left) = reached {
        resources.post_srq_limit(control.env, srqn, left);
    }
    Ok(empty())
}

fn resize_srq(control: &mut Control<'_>, request: &ResizeSrqRequest) -> Result<EmptyAnswer> {
    let at = offset_of!(ResizeSrqRequest, srqn);
    let ring_at = offset_of!(ResizeSrqRequest, ring);
    let srqn = request.srqn.get();
    let shape = RingShape::check(&request.ring, SRQ_RULES, ring_at)?;
    let resources = &mut control.hardware.resources;
    let srq = resources
        .srqs
        .get(srqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    let (slot, log_stride) = (srq.slot(), srq.log_stride());
    // [SRQ-5]
    check_same_slot(&shape, slot)?;
    if shape.log_stride() != log_stride && !mutant("SRQ-5/stride") {
        return Err(CommandError::invalid(
            SyndromeReason::CONFLICT,
            shape.log_stride_at(),
        ));
    }
    let ring: Ring = shape.load(&resources.dma)?;
    let value = resources.doorbells.load(control.env, slot);
    resources.srq_doorbell(control.env, srqn, value);
    let srq = resources
        .srqs
        .get_mut(srqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    if srq.error().is_some() {
        return Err(CommandError::wrong_state(at));
    }
    if !srq.resize(ring) {
        return Err(CommandError::new(
            Status::OUT_OF_RANGE,
            SyndromeReason::TOO_SMALL,
            shape.log_entries_at(),
        ));
    }
    Ok(empty())
}

fn destroy_srq(control: &mut Control<'_>, request: &DestroySrqRequest) -> Result<EmptyAnswer> {
    let at = offset_of!(DestroySrqRequest, srqn);
    let srqn = request.srqn.get();
    let resources = &mut control.hardware.resources;
    let srq = resources
        .srqs
        .get(srqn)
        .ok_or_else(|| CommandError::not_found(at))?;
    if srq.is_used() && !mutant("SRQ-1/busy") {
        return Err(CommandError::busy(at));
    }
    resources.remove_srq(srqn);
    Ok(empty())
}
