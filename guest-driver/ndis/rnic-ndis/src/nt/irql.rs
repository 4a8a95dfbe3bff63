//! IRQL in the types.

use core::marker::PhantomData;

/// Proof that the code runs at PASSIVE_LEVEL: what may wait, or page, asks for one. It exists only on the stack of an
/// entry point that Windows calls at PASSIVE_LEVEL, and cannot be sent elsewhere.
pub struct Passive(PhantomData<*const ()>);

impl Passive {
    /// Makes one.
    ///
    /// # Safety
    /// The caller runs at PASSIVE_LEVEL, and goes on doing so as long as the value lives.
    #[must_use]
    pub const unsafe fn assume() -> Self {
        Self(PhantomData)
    }
}

/// Runs something at DISPATCH_LEVEL. Callable at IRQL <= DISPATCH_LEVEL.
pub fn at_dispatch<T>(run: impl FnOnce() -> T) -> T {
    // SAFETY: raised here, lowered below to what it was.
    let before = unsafe { ndis_sys::nt::KfRaiseIrql(ndis_sys::nt::DISPATCH_LEVEL) };
    let result = run();
    // SAFETY: as above.
    unsafe { ndis_sys::nt::KeLowerIrql(before) };
    result
}
