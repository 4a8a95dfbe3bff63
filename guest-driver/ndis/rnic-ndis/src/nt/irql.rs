//! IRQL in the types.

pub use rnic_ndk::raw::Passive;

/// Runs something at DISPATCH_LEVEL. Callable at IRQL <= DISPATCH_LEVEL.
pub fn at_dispatch<T>(run: impl FnOnce() -> T) -> T {
    // SAFETY: raised here, lowered below to what it was.
    let before = unsafe { ndis_sys::nt::KfRaiseIrql(ndis_sys::nt::DISPATCH_LEVEL) };
    let result = run();
    // SAFETY: as above.
    unsafe { ndis_sys::nt::KeLowerIrql(before) };
    result
}
