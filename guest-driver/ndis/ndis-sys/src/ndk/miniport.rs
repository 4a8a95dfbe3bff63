//! What NDIS asks of a miniport with an NDK provider (ndisNDK.h, ntddndis.h).

use super::{NDK_ADAPTER, NDK_ADAPTER_INFO, NDK_VERSION, SOCKADDR_INET};
use crate::ndis::{NDIS_HANDLE, NDIS_OBJECT_HEADER, NDIS_STATUS};

/// Opens an adapter for a consumer, at PASSIVE_LEVEL; may block.
pub type OPEN_NDK_ADAPTER_HANDLER = unsafe extern "win64" fn(
    MiniportAdapterContext: NDIS_HANDLE,
    Parameters: *const NDIS_OPEN_NDK_ADAPTER_PARAMETERS,
    ppNdkAdapter: *mut *mut NDK_ADAPTER,
) -> NDIS_STATUS;

/// Closes an adapter, at PASSIVE_LEVEL; blocks until every callback of what was opened with it has returned.
pub type CLOSE_NDK_ADAPTER_HANDLER =
    unsafe extern "win64" fn(MiniportAdapterContext: NDIS_HANDLE, pNdkAdapter: *mut NDK_ADAPTER);

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_PROVIDER_CHARACTERISTICS {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub OpenNDKAdapterHandler: Option<OPEN_NDK_ADAPTER_HANDLER>,
    pub CloseNDKAdapterHandler: Option<CLOSE_NDK_ADAPTER_HANDLER>,
}

/// Only `Version` exists before NDIS 6.50.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NDIS_OPEN_NDK_ADAPTER_PARAMETERS {
    pub Version: NDK_VERSION,
    pub SwitchId: u32,
    pub VPortId: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_CAPABILITIES {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub MaxQpCount: u32,
    pub MaxCqCount: u32,
    pub MaxMrCount: u32,
    pub MaxPdCount: u32,
    pub MaxInboundReadLimit: u32,
    pub MaxOutboundReadLimit: u32,
    pub MaxMwCount: u32,
    pub MaxSrqCount: u32,
    pub MissingCounterMask: u64,
    pub NdkInfo: *mut NDK_ADAPTER_INFO,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES {
    pub Header: NDIS_OBJECT_HEADER,
    pub Enabled: u8,
    pub NdkCapabilities: *mut NDIS_NDK_CAPABILITIES,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct NDIS_NDK_PERFORMANCE_COUNTERS {
    pub Connect: u64,
    pub Accept: u64,
    pub ConnectFailure: u64,
    pub ConnectionError: u64,
    pub ActiveConnection: u64,
    /// Reserved01 to Reserved20.
    pub Reserved: [u64; 20],
    pub CQError: u64,
    pub RDMAInOctets: u64,
    pub RDMAOutOctets: u64,
    pub RDMAInFrames: u64,
    pub RDMAOutFrames: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_STATISTICS_INFO {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub CounterSet: NDIS_NDK_PERFORMANCE_COUNTERS,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_CONNECTION_ENTRY {
    pub Local: SOCKADDR_INET,
    pub Remote: SOCKADDR_INET,
    pub UserModeOwner: u8,
    pub OwnerPid: u32,
}

/// `Count` entries, of which the first is declared.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_CONNECTIONS {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub Count: u32,
    pub NDConnectionsMappedtoTCPConnections: u8,
    pub Connections: [NDIS_NDK_CONNECTION_ENTRY; 1],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_LOCAL_ENDPOINT_ENTRY {
    pub Local: SOCKADDR_INET,
    pub UserModeOwner: u8,
    pub Listener: u8,
    pub OwnerPid: u32,
}

/// `Count` entries, of which the first is declared.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct NDIS_NDK_LOCAL_ENDPOINTS {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub Count: u32,
    pub NDLocalEndpointsMappedtoTCPLocalEndpoints: u8,
    pub LocalEndpoints: [NDIS_NDK_LOCAL_ENDPOINT_ENTRY; 1],
}
