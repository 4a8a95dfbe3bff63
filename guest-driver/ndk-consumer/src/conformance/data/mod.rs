//! Work requests over a connection: operations, flags, errors.

mod errors;
mod invalidation;
mod posting;
mod registration;

use std::ptr::without_provenance_mut;

use ndis_sys::ndk::*;

use crate::bench::Bench;

/// The tests of each part.
pub(super) const TESTS: [&[super::Test]; 4] = [
    posting::TESTS,
    registration::TESTS,
    invalidation::TESTS,
    errors::TESTS,
];

const SILENT: u32 = NDK_OP_FLAG_SILENT_SUCCESS;

/// Waits for a good completion of this kind and context.
#[track_caller]
fn good(
    bench: &Bench<'_>,
    cq: *mut NDK_CQ,
    kind: NDK_OPERATION_TYPE,
    context: usize,
) -> NDK_RESULT_EX {
    let result = bench.result(cq);
    assert_eq!(
        (
            result.Status,
            result.Type,
            result.RequestContext,
            result.ProviderErrorCode
        ),
        (STATUS_SUCCESS, kind, without_provenance_mut(context), 0),
        "{result:x?}"
    );
    result
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed.wrapping_mul(97)) as u8)
        .collect()
}
