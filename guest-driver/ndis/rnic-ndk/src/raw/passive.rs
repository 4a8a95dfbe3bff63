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
