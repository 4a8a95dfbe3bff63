//! One row for each way in which a request can be wrong.

mod fields;
mod format;
mod handles;
mod rings;

use rnic_platform::TestPlatform;

use crate::List;

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    format::tests(list);
    fields::tests(list);
    handles::tests(list);
    rings::tests(list);
}
