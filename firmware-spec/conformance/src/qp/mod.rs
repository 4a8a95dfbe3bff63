//! Queue pairs: states, posting, operations, errors, flushing, shared receive queues.

pub(crate) mod credits;
mod datagrams;
mod errors;
mod flush;
mod operations;
mod posting;
mod retries;
mod shared;
mod states;
mod station;
mod unreliable;

use rnic_platform::TestPlatform;

use crate::List;

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    states::tests(list);
    posting::tests(list);
    operations::tests(list);
    errors::tests(list);
    retries::tests(list);
    flush::tests(list);
    shared::tests(list);
    credits::tests(list);
    datagrams::tests(list);
    unreliable::tests(list);
}
