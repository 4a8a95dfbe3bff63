//! Keys, regions, fast registration, windows.

mod fast;
mod keys;
mod windows;

use rnic_platform::TestPlatform;

use crate::List;
use crate::failure::Outcome;
use crate::rig::{Pair, Wqe};
use rnic_abi::{CompletionStatus, ProviderError, WorkOpcode};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    keys::tests(list);
    fast::tests(list);
    windows::tests(list);
}

/// A write from the first end to this address and key, which must succeed.
#[track_caller]
fn reaches<P: TestPlatform>(pair: &mut Pair<'_, P>, address: u64, key: u32) -> Outcome {
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(address, key)
        .inline(b"reaches!");
    pair.a.run(&wqe).map(drop)
}

/// A write from the first end to this address and key, which the responder must refuse.
#[track_caller]
fn fails<P: TestPlatform>(pair: &mut Pair<'_, P>, address: u64, key: u32) -> Outcome {
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(address, key)
        .inline(b"forbidden");
    pair.a.post(&wqe)?;
    pair.a.sent(
        CompletionStatus::REMOTE_ACCESS_ERROR,
        ProviderError::PEER_ACCESS,
    )?;
    Ok(())
}

/// Posts an entry at the second end, which must fail like this and take its queue pair to ERROR.
#[track_caller]
fn refused<P: TestPlatform>(
    pair: &mut Pair<'_, P>,
    wqe: &Wqe,
    status: CompletionStatus,
    error: ProviderError,
) -> Outcome {
    pair.b.post(wqe)?;
    pair.b.sent(status, error)?;
    pair.b.in_error()
}
