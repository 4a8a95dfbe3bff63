//! Entries of the system's event log, for whoever looks there before at a debugger: messages of NDIS, with the adapter's name.

use ndis_sys::ndis::*;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The device failed, or does not come up.
    HardwareFailure,
    /// Keywords ask for what cannot be had together.
    UnsupportedConfiguration,
    /// No memory is left.
    OutOfResources,
    /// What Windows assigned does not do.
    ResourceConflict,
}

impl Entry {
    /// What an adapter is not made for, by the status that MiniportInitializeEx returns.
    #[must_use]
    pub fn of(status: NDIS_STATUS) -> Self {
        match status {
            NDIS_STATUS_RESOURCES => Self::OutOfResources,
            NDIS_STATUS_RESOURCE_CONFLICT => Self::ResourceConflict,
            _ => Self::HardwareFailure,
        }
    }

    fn code(self) -> u32 {
        match self {
            Self::HardwareFailure => NDIS_ERROR_CODE_HARDWARE_FAILURE,
            Self::UnsupportedConfiguration => NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION,
            Self::OutOfResources => NDIS_ERROR_CODE_OUT_OF_RESOURCES,
            Self::ResourceConflict => NDIS_ERROR_CODE_RESOURCE_CONFLICT,
        }
    }

    /// Writes it. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn write(self, adapter: NDIS_HANDLE) {
        // SAFETY: NDIS's handle of an adapter that is being made or is there; no values follow.
        unsafe { NdisWriteErrorLogEntry(adapter, self.code(), 0) }
    }
}
