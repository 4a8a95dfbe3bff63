//! Types of wdm.h and ntdef.h.

use core::ffi::c_void;

pub type PVOID = *mut c_void;
pub type BOOLEAN = u8;
pub type KIRQL = u8;
pub type NTSTATUS = i32;
pub type KSPIN_LOCK = usize;
pub type HANDLE = PVOID;
pub type PHYSICAL_ADDRESS = i64;
/// A function whose signature does not matter here.
pub type AnyFn = Option<unsafe extern "win64" fn()>;

pub const TRUE: BOOLEAN = 1;
pub const FALSE: BOOLEAN = 0;

pub const PASSIVE_LEVEL: KIRQL = 0;
pub const APC_LEVEL: KIRQL = 1;
pub const DISPATCH_LEVEL: KIRQL = 2;

/// EVENT_TYPE.
pub const NOTIFICATION_EVENT: i32 = 0;
pub const SYNCHRONIZATION_EVENT: i32 = 1;
/// KWAIT_REASON.
pub const EXECUTIVE: i32 = 0;
/// MODE.
pub const KERNEL_MODE: i8 = 0;

/// POOL_FLAGS.
pub const POOL_FLAG_UNINITIALIZED: u64 = 0x2;
pub const POOL_FLAG_NON_PAGED: u64 = 0x40;
/// POOL_TYPE.
pub const NON_PAGED_POOL_NX: i32 = 512;

/// MEMORY_CACHING_TYPE.
pub const MM_CACHED: i32 = 1;
/// MM_PAGE_PRIORITY, with MdlMappingNoExecute.
pub const NORMAL_PAGE_PRIORITY: u32 = 16;
pub const MDL_MAPPING_NO_EXECUTE: u32 = 0x4000_0000;

pub const MDL_MAPPED_TO_SYSTEM_VA: i16 = 0x0001;
pub const MDL_SOURCE_IS_NONPAGED_POOL: i16 = 0x0004;

/// CM_PARTIAL_RESOURCE_DESCRIPTOR.Type.
pub const CM_RESOURCE_TYPE_INTERRUPT: u8 = 2;
pub const CM_RESOURCE_TYPE_MEMORY: u8 = 3;
pub const CM_RESOURCE_TYPE_MEMORY_LARGE: u8 = 7;
/// CM_PARTIAL_RESOURCE_DESCRIPTOR.Flags of an interrupt.
pub const CM_RESOURCE_INTERRUPT_MESSAGE: u16 = 2;

/// PCI_WHICHSPACE_CONFIG of NdisMGetBusData.
pub const PCI_WHICHSPACE_CONFIG: u32 = 0;

/// DPFLTR_IHVNETWORK_ID of dpfilter.h, and its levels.
pub const DPFLTR_IHVNETWORK_ID: u32 = 80;
pub const DPFLTR_ERROR_LEVEL: u32 = 0;
pub const DPFLTR_WARNING_LEVEL: u32 = 1;
pub const DPFLTR_TRACE_LEVEL: u32 = 2;
pub const DPFLTR_INFO_LEVEL: u32 = 3;

pub type KDEFERRED_ROUTINE =
    unsafe extern "win64" fn(dpc: *mut KDPC, context: PVOID, arg1: PVOID, arg2: PVOID);

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GUID {
    pub Data1: u32,
    pub Data2: u16,
    pub Data3: u16,
    pub Data4: [u8; 8],
}

/// DISPATCHER_HEADER.
pub type DISPATCHER_HEADER = [u64; 3];

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct UNICODE_STRING {
    pub Length: u16,
    pub MaximumLength: u16,
    pub Buffer: *mut u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LIST_ENTRY {
    pub Flink: *mut LIST_ENTRY,
    pub Blink: *mut LIST_ENTRY,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GROUP_AFFINITY {
    pub Mask: usize,
    pub Group: u16,
    pub Reserved: [u16; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PROCESSOR_NUMBER {
    pub Group: u16,
    pub Number: u8,
    pub Reserved: u8,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KEVENT {
    pub Header: DISPATCHER_HEADER,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KDPC {
    pub TargetInfoAsUlong: u32,
    pub DpcListEntry: PVOID,
    pub ProcessorHistory: usize,
    pub DeferredRoutine: Option<KDEFERRED_ROUTINE>,
    pub DeferredContext: PVOID,
    pub SystemArgument1: PVOID,
    pub SystemArgument2: PVOID,
    pub DpcData: PVOID,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KTIMER {
    pub Header: DISPATCHER_HEADER,
    pub DueTime: u64,
    pub TimerListEntry: LIST_ENTRY,
    pub Dpc: *mut KDPC,
    pub Processor: u16,
    pub TimerType: u16,
    pub Period: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EX_RUNDOWN_REF {
    pub Count: usize,
}

#[repr(C)]
pub struct MDL {
    pub Next: *mut MDL,
    pub Size: i16,
    pub MdlFlags: i16,
    pub Process: *mut c_void,
    pub MappedSystemVa: PVOID,
    pub StartVa: PVOID,
    pub ByteCount: u32,
    pub ByteOffset: u32,
}

#[repr(C)]
pub struct DRIVER_OBJECT {
    pub Type: i16,
    pub Size: i16,
    pub DeviceObject: PVOID,
    pub Flags: u32,
    pub DriverStart: PVOID,
    pub DriverSize: u32,
    pub DriverSection: PVOID,
    pub DriverExtension: PVOID,
    pub DriverName: UNICODE_STRING,
    pub HardwareDatabase: *mut UNICODE_STRING,
    pub FastIoDispatch: PVOID,
    pub DriverInit: AnyFn,
    pub DriverStartIo: AnyFn,
    pub DriverUnload: Option<unsafe extern "win64" fn(*mut DRIVER_OBJECT)>,
    pub MajorFunction: [AnyFn; 28],
}

#[repr(C)]
pub struct IO_INTERRUPT_MESSAGE_INFO {
    pub UnifiedIrql: KIRQL,
    pub MessageCount: u32,
    pub MessageInfo: [IO_INTERRUPT_MESSAGE_INFO_ENTRY; 1],
}

#[repr(C)]
pub struct IO_INTERRUPT_MESSAGE_INFO_ENTRY {
    pub MessageAddress: PHYSICAL_ADDRESS,
    pub TargetProcessorSet: usize,
    pub InterruptObject: PVOID,
    pub MessageData: u32,
    pub Vector: u32,
    pub Irql: KIRQL,
    pub Mode: i32,
    pub Polarity: i32,
}

#[repr(C)]
pub struct CM_PARTIAL_RESOURCE_LIST {
    pub Version: u16,
    pub Revision: u16,
    pub Count: u32,
    pub PartialDescriptors: [CM_PARTIAL_RESOURCE_DESCRIPTOR; 1],
}

#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct CM_PARTIAL_RESOURCE_DESCRIPTOR {
    pub Type: u8,
    pub ShareDisposition: u8,
    pub Flags: u16,
    pub u: CM_PARTIAL_RESOURCE_DESCRIPTOR_u,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SCATTER_GATHER_ELEMENT {
    pub Address: PHYSICAL_ADDRESS,
    pub Length: u32,
    pub Reserved: usize,
}

#[repr(C)]
pub struct SCATTER_GATHER_LIST {
    pub NumberOfElements: u32,
    pub Reserved: usize,
    pub Elements: [SCATTER_GATHER_ELEMENT; 0],
}

#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub union CM_PARTIAL_RESOURCE_DESCRIPTOR_u {
    /// A port, or memory.
    pub Memory: CM_MEMORY,
    pub Interrupt: CM_INTERRUPT,
    pub DevicePrivate: [u32; 3],
}

#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct CM_MEMORY {
    pub Start: PHYSICAL_ADDRESS,
    pub Length: u32,
}

#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct CM_INTERRUPT {
    pub Level: u32,
    pub Vector: u32,
    pub Affinity: usize,
}
