//! CREATE_QP, MODIFY_QP, QUERY_QP, FLUSH_QP, DESTROY_QP. The hardware does the work; what waits
//! for DMA to end, or for completions to be written, is answered later.

use core::mem::offset_of;

use rnic_abi::{
    CreateQpAnswer, CreateQpRequest, DestroyQpRequest, EmptyAnswer, FlushQpAnswer, FlushQpRequest,
    ModifyQpRequest, Opcode, QueryQpAnswer, QueryQpRequest, SyndromeReason, cmd,
};
use rnic_core::error::CommandError;
use rnic_core::qp::Ticket;
use zerocopy::IntoBytes;

use super::{Control, Outcome, Result, Waiting, empty, handle, handle_later};

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::CREATE_QP => handle::<cmd::CreateQp>(control, request, create),
        Opcode::MODIFY_QP => handle::<cmd::ModifyQp>(control, request, modify),
        Opcode::QUERY_QP => handle::<cmd::QueryQp>(control, request, query),
        Opcode::FLUSH_QP => handle_later::<cmd::FlushQp>(control, request, flush),
        Opcode::DESTROY_QP => handle_later::<cmd::DestroyQp>(control, request, destroy),
        _ => return None,
    })
}

/// `[QP-1]`
fn create(control: &mut Control<'_>, request: &CreateQpRequest) -> Result<CreateQpAnswer> {
    let hardware = &mut *control.hardware;
    let qpn = hardware
        .qps
        .create(control.env, &mut hardware.resources, request)?;
    let mut answer = CreateQpAnswer::zeroed();
    answer.qpn.set(qpn);
    Ok(answer)
}

/// `[QP-4]`, `[QP-6]`..`[QP-8]`
fn modify(control: &mut Control<'_>, request: &ModifyQpRequest) -> Result<EmptyAnswer> {
    let hardware = &mut *control.hardware;
    let addresses = &control.plane.addresses;
    hardware.qps.modify(
        control.env,
        &mut hardware.resources,
        request,
        |index| addresses.local(index),
        |gid| addresses.find(gid).is_some(),
    )?;
    Ok(empty())
}

/// `[QP-9]`
fn query(control: &mut Control<'_>, request: &QueryQpRequest) -> Result<QueryQpAnswer> {
    let at = offset_of!(QueryQpRequest, qpn);
    control
        .hardware
        .qps
        .query(request.qpn.get())
        .ok_or_else(|| CommandError::not_found(at))
}

/// `[QP-41]`
fn flush(control: &mut Control<'_>, request: &FlushQpRequest) -> Result {
    let flags = request.flags();
    if !flags.send() && !flags.receive() {
        let at = offset_of!(FlushQpRequest, flags_raw);
        return Err(CommandError::invalid(SyndromeReason::MISSING, at));
    }
    let qpn = request.qpn.get();
    let hardware = &mut *control.hardware;
    let ticket = hardware
        .qps
        .flush(control.env, &mut hardware.resources, qpn, flags)
        .ok_or_else(|| CommandError::not_found(offset_of!(FlushQpRequest, qpn)))?;
    Ok(Outcome::Wait(Box::new(Flushing { qpn, ticket })))
}

struct Flushing {
    qpn: u32,
    ticket: Ticket,
}

impl Waiting for Flushing {
    fn poll(&mut self, control: &mut Control<'_>) -> Option<Result<Vec<u8>>> {
        let done = control.hardware.qps.flush_result(self.qpn, self.ticket)?;
        let mut answer = FlushQpAnswer::zeroed();
        answer.send_flushed.set(done.send);
        answer.recv_flushed.set(done.receive);
        Some(Ok(answer.as_bytes().to_vec()))
    }
}

/// `[QP-10]`
fn destroy(control: &mut Control<'_>, request: &DestroyQpRequest) -> Result {
    let qpn = request.qpn.get();
    let at = offset_of!(DestroyQpRequest, qpn);
    control.hardware.qps.begin_destroy(qpn, at)?;
    let mut work = Destroying { qpn };
    match work.poll(control) {
        Some(done) => done.map(Outcome::Answer),
        None => Ok(Outcome::Wait(Box::new(work))),
    }
}

struct Destroying {
    qpn: u32,
}

impl Waiting for Destroying {
    fn poll(&mut self, control: &mut Control<'_>) -> Option<Result<Vec<u8>>> {
        let hardware = &mut *control.hardware;
        let gone = hardware
            .qps
            .finish_destroy(control.env, &mut hardware.resources, self.qpn);
        gone.then(|| Ok(empty().as_bytes().to_vec()))
    }
}
