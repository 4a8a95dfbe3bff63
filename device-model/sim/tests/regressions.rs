//! Seeds that failed once, by what was wrong.

use rnic_sim::batch::run_seed;

fn passes(seed: u64) {
    let result = run_seed(seed, 60, false);
    assert_eq!(result.failure, None, "seed {seed}: {:#?}", result.trace);
}

/// A local operation that was done before an earlier message was flushed completed with success
/// after it `[QP-37]`.
#[test]
fn success_after_a_flush() {
    passes(4);
    passes(6);
}

/// A duplicate of a read, delayed until its key was taken away, ended the connection.
#[test]
fn late_duplicate_of_a_read() {
    passes(5);
    passes(144);
    passes(153);
}

/// A late duplicate of a read counted against the read depth, so that a read within it ended the
/// connection.
#[test]
fn late_duplicate_against_the_depth() {
    passes(345);
}

/// Requests lost now and then, between answers that the peer is not ready, counted as a peer that
/// is gone `[QP-31]`.
#[test]
fn not_ready_is_not_gone() {
    passes(24);
}

/// Completion queues that wrap, and are resized in an odd pass of the owner bit `[CQ-11]`.
#[test]
fn resize_in_an_odd_pass() {
    passes(48);
    passes(186);
}

/// Gaps reported again and again, when frames overtook and doubled each other, used up the retries
/// within microseconds `[ROCE-40]`.
#[test]
fn a_gap_reported_again_is_no_retry() {
    passes(1_000_129);
    passes(1_000_182);
}
