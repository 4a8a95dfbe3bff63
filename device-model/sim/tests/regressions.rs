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
