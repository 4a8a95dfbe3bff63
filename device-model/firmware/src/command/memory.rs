//! Protection domains, memory regions, memory windows.

use core::mem::offset_of;

use rnic_abi::{
    BeginMrAnswer, CommitMrRequest, CreateFastMrAnswer, CreateMwAnswer, CreateMwRequest,
    CreatePdAnswer, CreatePdRequest, DestroyMrRequest, DestroyMwRequest, DestroyPdRequest, Opcode,
    cmd, feature,
};
use rnic_core::error::CommandError;
use rnic_core::keys::{Key, RegionRequest, WindowKind};
use rnic_core::resources::Grace;
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use super::{Control, Outcome, Result, Waiting, empty, handle, handle_later};

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::CREATE_PD => handle::<cmd::CreatePd>(control, request, create_pd),
        Opcode::DESTROY_PD => handle::<cmd::DestroyPd>(control, request, |control, request| {
            let at = offset_of!(DestroyPdRequest, pd);
            let keys = &mut control.hardware.resources.keys;
            keys.destroy_domain(request.pd.get(), at)?;
            Ok(empty())
        }),
        Opcode::BEGIN_MR => handle::<cmd::BeginMr>(control, request, |control, request| {
            let checked = RegionRequest::check(request)?;
            let key = control.hardware.resources.keys.begin_region(checked)?;
            let mut answer = BeginMrAnswer::zeroed();
            answer.key.set(key.0);
            Ok(answer)
        }),
        Opcode::ADD_MR_PAGES => handle::<cmd::AddMrPages>(control, request, |control, request| {
            let resources = &mut control.hardware.resources;
            resources.keys.add_pages(&resources.dma, request)?;
            Ok(empty())
        }),
        Opcode::COMMIT_MR => handle::<cmd::CommitMr>(control, request, |control, request| {
            let at = offset_of!(CommitMrRequest, key);
            let keys = &mut control.hardware.resources.keys;
            keys.commit_region(request.key.get(), at)?;
            Ok(empty())
        }),
        Opcode::CREATE_FAST_MR => {
            handle::<cmd::CreateFastMr>(control, request, |control, request| {
                let keys = &mut control.hardware.resources.keys;
                let key = keys.create_fast_region(request.pd.get(), request.max_pages.get())?;
                let mut answer = CreateFastMrAnswer::zeroed();
                answer.key.set(key.0);
                Ok(answer)
            })
        }
        Opcode::DESTROY_MR => handle_later::<cmd::DestroyMr>(control, request, destroy_mr),
        Opcode::CREATE_MW => handle::<cmd::CreateMw>(control, request, create_mw),
        Opcode::DESTROY_MW => handle::<cmd::DestroyMw>(control, request, |control, request| {
            let at = offset_of!(DestroyMwRequest, key);
            let keys = &mut control.hardware.resources.keys;
            keys.destroy_window(request.key.get(), at)?;
            Ok(empty())
        }),
        _ => return None,
    })
}

fn create_pd(control: &mut Control<'_>, request: &CreatePdRequest) -> Result<CreatePdAnswer> {
    let resources = &mut control.hardware.resources;
    let privileged = request.flags().privileged();
    // [MEM-6]
    if privileged && !resources.has(feature::PRIVILEGED_KEYS) && !mutant("MEM-6/feature") {
        return Err(CommandError::not_active(offset_of!(
            CreatePdRequest,
            flags_raw
        )));
    }
    let (pd, key) = resources
        .keys
        .create_domain(privileged)
        .map_err(|_| CommandError::no_resources())?;
    let mut answer = CreatePdAnswer::zeroed();
    answer.pd.set(pd);
    answer.privileged_key.set(key.map_or(0, |Key(key)| key));
    Ok(answer)
}

fn create_mw(control: &mut Control<'_>, request: &CreateMwRequest) -> Result<CreateMwAnswer> {
    let keys = &mut control.hardware.resources.keys;
    let kind = WindowKind::of(request.mw_type())
        .ok_or_else(|| CommandError::bad_value(offset_of!(CreateMwRequest, mw_type_raw)))?;
    let pd = request.pd.get();
    if !keys.has_domain(pd) {
        return Err(CommandError::not_found(offset_of!(CreateMwRequest, pd)));
    }
    let key = keys
        .create_window(pd, kind)
        .map_err(|_| CommandError::no_resources())?;
    let mut answer = CreateMwAnswer::zeroed();
    answer.key.set(key.0);
    Ok(answer)
}

/// `[MEM-16]` The key is refused from now on; the answer waits for DMA that was begun.
fn destroy_mr(control: &mut Control<'_>, request: &DestroyMrRequest) -> Result {
    let at = offset_of!(DestroyMrRequest, key);
    let resources = &mut control.hardware.resources;
    resources.keys.destroy_region(request.key.get(), at)?;
    let mut wait = DmaEnds(resources.begin_grace());
    match wait.poll(control) {
        Some(answer) => answer.map(Outcome::Answer),
        None => Ok(Outcome::Wait(Box::new(wait))),
    }
}

struct DmaEnds(Grace);

impl Waiting for DmaEnds {
    fn poll(&mut self, _: &mut Control<'_>) -> Option<Result<Vec<u8>>> {
        self.0.is_over().then(|| Ok(empty().as_bytes().to_vec()))
    }
}
