//! How many of each NDKPI has, so that no document need be believed.

use ndis_sys::ndk::*;

const FUNCTIONS: &str = include_str!("../src/ndk/functions.rs");

/// Every slot of a dispatch table is a pointer.
const fn slots<T>() -> usize {
    size_of::<T>() / size_of::<usize>()
}

#[test]
fn ten_tables_have_seventy_slots() {
    let tables = [
        slots::<NDK_ADAPTER_DISPATCH>(),
        slots::<NDK_PD_DISPATCH>(),
        slots::<NDK_CQ_DISPATCH>(),
        slots::<NDK_SRQ_DISPATCH>(),
        slots::<NDK_QP_DISPATCH>(),
        slots::<NDK_MR_DISPATCH>(),
        slots::<NDK_MW_DISPATCH>(),
        slots::<NDK_SHARED_ENDPOINT_DISPATCH>(),
        slots::<NDK_CONNECTOR_DISPATCH>(),
        slots::<NDK_LISTENER_DISPATCH>(),
    ];
    assert_eq!(tables, [9, 8, 7, 4, 11, 7, 3, 3, 13, 5]);
    assert_eq!(tables.iter().sum::<usize>(), 70);
}

#[test]
fn eight_types_are_callbacks_and_fifty_five_the_providers() {
    let names: Vec<&str> = FUNCTIONS
        .lines()
        .filter_map(|line| line.strip_prefix("pub type NDK_FN_"))
        .filter_map(|rest| rest.split([' ', '=']).next())
        .collect();
    let callback = |name: &&&str| name.contains("CALLBACK") || name.ends_with("_COMPLETION");
    let callbacks: Vec<&&str> = names.iter().filter(callback).collect();
    assert_eq!((names.len(), callbacks.len()), (63, 8), "{callbacks:?}");
}
