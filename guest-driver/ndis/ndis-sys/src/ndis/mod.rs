//! NDIS miniports: what ndis.sys calls, gives and exports.

mod handlers;
mod headers;
mod oid;
mod packet;
mod platform;
mod registration;
mod values;

pub use handlers::*;
pub use headers::HEADERS;
pub use oid::*;
pub use packet::*;
pub use platform::*;
pub use registration::*;
pub use values::*;

use crate::nt::*;

pub type NDIS_HANDLE = PVOID;
pub type NDIS_STATUS = i32;
pub type NDIS_IO_WORKITEM_FUNCTION =
    unsafe extern "win64" fn(context: PVOID, work_item: NDIS_HANDLE);

imports! {
    "ndis.sys", IMPORTS, signatures;
    Vista 0 fn NdisMRegisterMiniportDriver(DriverObject: *mut DRIVER_OBJECT, RegistryPath: *const UNICODE_STRING, MiniportDriverContext: NDIS_HANDLE, Characteristics: *const NDIS_MINIPORT_DRIVER_CHARACTERISTICS, NdisMiniportDriverHandle: *mut NDIS_HANDLE) -> NDIS_STATUS;
    Vista 0 fn NdisMDeregisterMiniportDriver(NdisMiniportDriverHandle: NDIS_HANDLE);
    Vista 0 fn NdisSetOptionalHandlers(NdisHandle: NDIS_HANDLE, OptionalHandlers: *const NDIS_OBJECT_HEADER) -> NDIS_STATUS;
    Vista 0 fn NdisMSetMiniportAttributes(NdisMiniportHandle: NDIS_HANDLE, MiniportAttributes: *const NDIS_OBJECT_HEADER) -> NDIS_STATUS;
    Vista 0 fn NdisMRegisterInterruptEx(MiniportAdapterHandle: NDIS_HANDLE, MiniportInterruptContext: NDIS_HANDLE, Characteristics: *mut NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, NdisInterruptHandle: *mut NDIS_HANDLE) -> NDIS_STATUS;
    Vista 0 fn NdisMDeregisterInterruptEx(NdisInterruptHandle: NDIS_HANDLE);
    Vista 31 fn NdisMQueueDpc(NdisInterruptHandle: NDIS_HANDLE, MessageId: u32, TargetProcessors: u32, MiniportDpcContext: PVOID) -> u32;
    Seven 31 fn NdisMQueueDpcEx(NdisInterruptHandle: NDIS_HANDLE, MessageId: u32, TargetProcessors: *mut GROUP_AFFINITY, MiniportDpcContext: PVOID) -> usize;
    Vista 0 fn NdisMRegisterScatterGatherDma(MiniportAdapterHandle: NDIS_HANDLE, DmaDescription: *mut NDIS_SG_DMA_DESCRIPTION, NdisMiniportDmaHandle: *mut NDIS_HANDLE) -> NDIS_STATUS;
    Vista 0 fn NdisMDeregisterScatterGatherDma(NdisMiniportDmaHandle: NDIS_HANDLE);
    Vista 2 fn NdisMAllocateNetBufferSGList(NdisMiniportDmaHandle: NDIS_HANDLE, NetBuffer: *mut NET_BUFFER, Context: PVOID, Flags: u32, ScatterGatherListBuffer: PVOID, ScatterGatherListBufferSize: u32) -> NDIS_STATUS;
    Vista 2 fn NdisMFreeNetBufferSGList(NdisMiniportDmaHandle: NDIS_HANDLE, pSGL: *mut SCATTER_GATHER_LIST, NetBuffer: *mut NET_BUFFER);
    Eight 2 fn NdisBuildScatterGatherList(NdisHandle: NDIS_HANDLE, SGListParameters: *mut NDIS_SCATTER_GATHER_LIST_PARAMETERS) -> NDIS_STATUS;
    Eight 2 fn NdisFreeScatterGatherList(NdisHandle: NDIS_HANDLE, ScatterGatherListBuffer: *mut SCATTER_GATHER_LIST, WriteToDevice: BOOLEAN);
    Vista 0 fn NdisMAllocateSharedMemory(MiniportAdapterHandle: NDIS_HANDLE, Length: u32, Cached: BOOLEAN, VirtualAddress: *mut PVOID, PhysicalAddress: *mut PHYSICAL_ADDRESS);
    Vista 0 fn NdisMFreeSharedMemory(MiniportAdapterHandle: NDIS_HANDLE, Length: u32, Cached: BOOLEAN, VirtualAddress: PVOID, PhysicalAddress: PHYSICAL_ADDRESS);
    Vista 0 fn NdisMMapIoSpace(VirtualAddress: *mut PVOID, MiniportAdapterHandle: NDIS_HANDLE, PhysicalAddress: PHYSICAL_ADDRESS, Length: u32) -> NDIS_STATUS;
    Vista 0 fn NdisMUnmapIoSpace(MiniportAdapterHandle: NDIS_HANDLE, VirtualAddress: PVOID, Length: u32);
    Vista 2 fn NdisMGetBusData(NdisMiniportHandle: NDIS_HANDLE, WhichSpace: u32, Offset: u32, Buffer: PVOID, Length: u32) -> u32;
    Vista 2 fn NdisMSetBusData(NdisMiniportHandle: NDIS_HANDLE, WhichSpace: u32, Offset: u32, Buffer: PVOID, Length: u32) -> u32;
    Vista 2 fn NdisMIndicateReceiveNetBufferLists(MiniportAdapterHandle: NDIS_HANDLE, NetBufferList: *mut NET_BUFFER_LIST, PortNumber: u32, NumberOfNetBufferLists: u32, ReceiveFlags: u32);
    Vista 2 fn NdisMSendNetBufferListsComplete(MiniportAdapterHandle: NDIS_HANDLE, NetBufferList: *mut NET_BUFFER_LIST, SendCompleteFlags: u32);
    Vista 2 fn NdisMIndicateStatusEx(MiniportAdapterHandle: NDIS_HANDLE, StatusIndication: *const NDIS_STATUS_INDICATION);
    Vista 2 fn NdisMOidRequestComplete(MiniportAdapterHandle: NDIS_HANDLE, OidRequest: *mut NDIS_OID_REQUEST, Status: NDIS_STATUS);
    Seven 2 fn NdisMDirectOidRequestComplete(MiniportAdapterHandle: NDIS_HANDLE, OidRequest: *mut NDIS_OID_REQUEST, Status: NDIS_STATUS);
    Vista 2 fn NdisMPauseComplete(MiniportAdapterHandle: NDIS_HANDLE);
    Vista 2 fn NdisMRestartComplete(MiniportAdapterHandle: NDIS_HANDLE, Status: NDIS_STATUS);
    Vista 2 fn NdisMResetComplete(MiniportAdapterHandle: NDIS_HANDLE, Status: NDIS_STATUS, AddressingReset: BOOLEAN);
    Eight 0 fn NdisMNetPnPEvent(MiniportAdapterHandle: NDIS_HANDLE, NetPnPEventNotification: *const NET_PNP_EVENT_NOTIFICATION) -> NDIS_STATUS;
    Vista 0 fn NdisMRemoveMiniport(MiniportHandle: NDIS_HANDLE) -> NDIS_STATUS;
    Vista 0 fn NdisOpenConfigurationEx(ConfigObject: *const NDIS_CONFIGURATION_OBJECT, ConfigurationHandle: *mut NDIS_HANDLE) -> NDIS_STATUS;
    Vista 0 fn NdisReadConfiguration(Status: *mut NDIS_STATUS, ParameterValue: *mut *mut NDIS_CONFIGURATION_PARAMETER, ConfigurationHandle: NDIS_HANDLE, Keyword: *const UNICODE_STRING, ParameterType: i32);
    Vista 0 fn NdisCloseConfiguration(ConfigurationHandle: NDIS_HANDLE);
    Vista 0 fn NdisReadNetworkAddress(Status: *mut NDIS_STATUS, NetworkAddress: *mut PVOID, NetworkAddressLength: *mut u32, ConfigurationHandle: NDIS_HANDLE);
    Vista 2 fn NdisAllocateNetBufferListPool(NdisHandle: NDIS_HANDLE, Parameters: *const NET_BUFFER_LIST_POOL_PARAMETERS) -> NDIS_HANDLE;
    Vista 2 fn NdisFreeNetBufferListPool(PoolHandle: NDIS_HANDLE);
    Vista 2 fn NdisAllocateNetBufferAndNetBufferList(PoolHandle: NDIS_HANDLE, ContextSize: u16, ContextBackFill: u16, MdlChain: *mut MDL, DataOffset: u32, DataLength: usize) -> *mut NET_BUFFER_LIST;
    Vista 2 fn NdisFreeNetBufferList(NetBufferList: *mut NET_BUFFER_LIST);
    Vista 2 fn NdisAllocateMdl(NdisHandle: NDIS_HANDLE, VirtualAddress: PVOID, Length: u32) -> *mut MDL;
    Vista 2 fn NdisFreeMdl(Mdl: *mut MDL);
    Vista 2 fn NdisAllocateTimerObject(NdisHandle: NDIS_HANDLE, TimerCharacteristics: *const NDIS_TIMER_CHARACTERISTICS, pTimerObject: *mut NDIS_HANDLE) -> NDIS_STATUS;
    Vista 2 fn NdisSetTimerObject(TimerObject: NDIS_HANDLE, DueTime: i64, MillisecondsPeriod: i32, FunctionContext: PVOID) -> BOOLEAN;
    Vista 2 fn NdisCancelTimerObject(TimerObject: NDIS_HANDLE) -> BOOLEAN;
    Vista 2 fn NdisFreeTimerObject(TimerObject: NDIS_HANDLE);
    Vista 2 fn NdisAllocateIoWorkItem(NdisObjectHandle: NDIS_HANDLE) -> NDIS_HANDLE;
    Vista 2 fn NdisQueueIoWorkItem(NdisIoWorkItemHandle: NDIS_HANDLE, Routine: NDIS_IO_WORKITEM_FUNCTION, WorkItemContext: PVOID);
    Vista 2 fn NdisFreeIoWorkItem(NdisIoWorkItemHandle: NDIS_HANDLE);
    Vista 0 fn NdisMSleep(MicrosecondsToSleep: u32);
    Vista 2 fn NdisGetRssProcessorInformation(NdisHandle: NDIS_HANDLE, RssProcessorInfo: *mut NDIS_RSS_PROCESSOR_INFO, Size: *mut usize) -> NDIS_STATUS;
    Vista 2 fn NdisWriteErrorLogEntry(NdisAdapterHandle: NDIS_HANDLE, ErrorCode: u32, NumberOfErrorValues: u32);
}
