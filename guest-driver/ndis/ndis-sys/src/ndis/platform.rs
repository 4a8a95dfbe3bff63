//! What an adapter stands on: interrupts, configuration, DMA, timers, processors.

use super::*;
use crate::nt::*;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS {
    pub Header: NDIS_OBJECT_HEADER,
    pub InterruptHandler: MINIPORT_ISR_HANDLER,
    pub InterruptDpcHandler: MINIPORT_INTERRUPT_DPC_HANDLER,
    pub DisableInterruptHandler: MINIPORT_DISABLE_INTERRUPT_HANDLER,
    pub EnableInterruptHandler: MINIPORT_ENABLE_INTERRUPT_HANDLER,
    pub MsiSupported: BOOLEAN,
    pub MsiSyncWithAllMessages: BOOLEAN,
    pub MessageInterruptHandler: MINIPORT_MSI_ISR_HANDLER,
    pub MessageInterruptDpcHandler: MINIPORT_MSI_INTERRUPT_DPC_HANDLER,
    pub DisableMessageInterruptHandler: MINIPORT_DISABLE_MSI_INTERRUPT_HANDLER,
    pub EnableMessageInterruptHandler: MINIPORT_ENABLE_MSI_INTERRUPT_HANDLER,
    pub InterruptType: i32,
    pub MessageInfoTable: *mut IO_INTERRUPT_MESSAGE_INFO,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_CONFIGURATION_OBJECT {
    pub Header: NDIS_OBJECT_HEADER,
    pub NdisHandle: NDIS_HANDLE,
    pub Flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_CONFIGURATION_PARAMETER {
    pub ParameterType: i32,
    pub ParameterData: NDIS_CONFIGURATION_PARAMETER_DATA,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_SG_DMA_DESCRIPTION {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub MaximumPhysicalMapping: u32,
    pub ProcessSGListHandler: MINIPORT_PROCESS_SG_LIST_HANDLER,
    pub SharedMemAllocateCompleteHandler: MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE_HANDLER,
    pub ScatterGatherListSize: u32,
    pub PdoOverride: PVOID,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_SCATTER_GATHER_LIST_PARAMETERS {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub QueueId: u32,
    pub SharedMemoryUsage: i32,
    pub Mdl: *mut MDL,
    pub CurrentVa: PVOID,
    pub Length: u32,
    pub ProcessSGListHandler: NDIS_PROCESS_SG_LIST_HANDLER,
    pub Context: PVOID,
    pub ScatterGatherListBuffer: *mut SCATTER_GATHER_LIST,
    pub ScatterGatherListBufferSize: u32,
    pub ScatterGatherListBufferSizeNeeded: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_SPIN_LOCK {
    pub SpinLock: usize,
    pub OldIrql: KIRQL,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_EVENT {
    pub Event: KEVENT,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_TIMER_CHARACTERISTICS {
    pub Header: NDIS_OBJECT_HEADER,
    pub AllocationTag: u32,
    pub TimerFunction: PNDIS_TIMER_FUNCTION,
    pub FunctionContext: PVOID,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_RECEIVE_THROTTLE_PARAMETERS {
    pub MaxNblsToIndicate: u32,
    /// Bit 0.
    pub MoreNblsPending: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_RSS_PROCESSOR {
    pub ProcNum: PROCESSOR_NUMBER,
    pub PreferenceIndex: u16,
    pub Reserved: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NDIS_RSS_PROCESSOR_INFO {
    pub Header: NDIS_OBJECT_HEADER,
    pub Flags: u32,
    pub RssBaseProcessor: PROCESSOR_NUMBER,
    pub MaxNumRssProcessors: u32,
    pub PreferredNumaNode: u16,
    pub RssProcessorArrayOffset: u32,
    pub RssProcessorCount: u32,
    pub RssProcessorEntrySize: u32,
    pub RssMaxProcessor: PROCESSOR_NUMBER,
    pub RssProfile: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union NDIS_CONFIGURATION_PARAMETER_DATA {
    pub IntegerData: u32,
    pub StringData: UNICODE_STRING,
    pub BinaryData: BINARY_DATA,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct BINARY_DATA {
    pub Length: u16,
    pub Buffer: PVOID,
}
