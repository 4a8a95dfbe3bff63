//! Results, scatter/gather entries, logical address mappings, adapter information (ndkpi.h, ndkinfo.h).

use core::ffi::c_void;

use super::{NDK_OPERATION_TYPE, NDK_RDMA_TECHNOLOGY, NTSTATUS};

/// PHYSICAL_ADDRESS: an address as the adapter sees it.
pub type NDK_LOGICAL_ADDRESS = i64;

/// A version of NDKPI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NDK_VERSION {
    pub Major: u16,
    pub Minor: u16,
}

/// A completion, as NdkGetCqResults gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct NDK_RESULT {
    pub Status: NTSTATUS,
    pub BytesTransferred: u32,
    pub QPContext: *mut c_void,
    pub RequestContext: *mut c_void,
}

/// A completion, as NdkGetCqResultsEx gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct NDK_RESULT_EX {
    pub Status: NTSTATUS,
    pub BytesTransferred: u32,
    pub QPContext: *mut c_void,
    pub RequestContext: *mut c_void,
    pub Type: NDK_OPERATION_TYPE,
    pub ProviderErrorCode: u32,
    pub TypeSpecificCompletionOutput: usize,
}

/// A scatter/gather entry. `Address` is a virtual address of a region, or a logical address when the token is the
/// privileged one, or memory of the caller with NDK_OP_FLAG_INLINE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct NDK_SGE {
    pub Address: u64,
    pub Length: u32,
    pub MemoryRegionToken: u32,
}

/// A logical address mapping; `AdapterPageCount` addresses, of which the first is declared.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NDK_LOGICAL_ADDRESS_MAPPING {
    pub AdapterContext: *mut c_void,
    pub AdapterPageCount: u32,
    pub AdapterPageArray: [NDK_LOGICAL_ADDRESS; 1],
}

/// Limits of an adapter for one consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NDK_ADAPTER_INFO {
    pub Version: NDK_VERSION,
    pub VendorId: u32,
    pub DeviceId: u32,
    pub MaxRegistrationSize: usize,
    pub MaxWindowSize: usize,
    pub FRMRPageCount: u32,
    pub MaxInitiatorRequestSge: u32,
    pub MaxReceiveRequestSge: u32,
    pub MaxReadRequestSge: u32,
    pub MaxTransferLength: u32,
    pub MaxInlineDataSize: u32,
    pub MaxInboundReadLimit: u32,
    pub MaxOutboundReadLimit: u32,
    pub MaxReceiveQueueDepth: u32,
    pub MaxInitiatorQueueDepth: u32,
    pub MaxSrqDepth: u32,
    pub MaxCqDepth: u32,
    pub LargeRequestThreshold: u32,
    pub MaxCallerData: u32,
    pub MaxCalleeData: u32,
    pub AdapterFlags: u32,
    pub RdmaTechnology: NDK_RDMA_TECHNOLOGY,
}
