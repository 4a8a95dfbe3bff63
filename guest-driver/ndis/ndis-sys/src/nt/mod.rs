//! WDM: basic types, memory descriptor lists, resources, locks, DPCs, and the imports of ntoskrnl.exe and hal.dll.

mod status;
mod types;

pub use status::*;
pub use types::*;

imports! {
    "ntoskrnl.exe", IMPORTS, signatures;
    Ten2004 2 fn ExAllocatePool2(Flags: u64, NumberOfBytes: usize, Tag: u32) -> PVOID;
    Vista 2 fn ExAllocatePoolWithTag(PoolType: i32, NumberOfBytes: usize, Tag: u32) -> PVOID;
    Vista 2 fn ExFreePoolWithTag(P: PVOID, Tag: u32);
    Vista 31 fn KeBugCheckEx(BugCheckCode: u32, P1: usize, P2: usize, P3: usize, P4: usize) -> !;
    Vista 31 fn KeGetCurrentIrql() -> KIRQL;
    Vista 2 fn KfRaiseIrql(NewIrql: KIRQL) -> KIRQL;
    Vista 2 fn KeLowerIrql(NewIrql: KIRQL);
    Vista 2 fn KeAcquireSpinLockRaiseToDpc(SpinLock: *mut KSPIN_LOCK) -> KIRQL;
    Vista 2 fn KeReleaseSpinLock(SpinLock: *mut KSPIN_LOCK, NewIrql: KIRQL);
    Vista 31 fn KeInitializeEvent(Event: *mut KEVENT, Type: i32, State: BOOLEAN);
    Vista 2 fn KeSetEvent(Event: *mut KEVENT, Increment: i32, Wait: BOOLEAN) -> i32;
    Vista 2 fn KeClearEvent(Event: *mut KEVENT);
    Vista 2 fn KeWaitForSingleObject(Object: PVOID, WaitReason: i32, WaitMode: i8, Alertable: BOOLEAN, Timeout: *const i64) -> NTSTATUS;
    Vista 31 fn KeInitializeDpc(Dpc: *mut KDPC, DeferredRoutine: KDEFERRED_ROUTINE, DeferredContext: PVOID);
    Vista 31 fn KeInsertQueueDpc(Dpc: *mut KDPC, SystemArgument1: PVOID, SystemArgument2: PVOID) -> BOOLEAN;
    Vista 31 fn KeRemoveQueueDpc(Dpc: *mut KDPC) -> BOOLEAN;
    Vista 0 fn KeFlushQueuedDpcs();
    Seven 2 fn KeGetCurrentProcessorNumberEx(ProcNumber: *mut PROCESSOR_NUMBER) -> u32;
    Seven 2 fn KeGetProcessorIndexFromNumber(ProcNumber: *const PROCESSOR_NUMBER) -> u32;
    Seven 2 fn KeQueryActiveProcessorCountEx(GroupNumber: u16) -> u32;
    Vista 31 fn MmGetPhysicalAddress(BaseAddress: PVOID) -> PHYSICAL_ADDRESS;
    Vista 2 fn MmMapLockedPagesSpecifyCache(Mdl: *mut MDL, AccessMode: i8, CacheType: i32, RequestedAddress: PVOID, BugCheckOnFailure: u32, Priority: u32) -> PVOID;
    // Variadic; one argument is what the driver passes, and win64 passes it as it would a fixed one.
    Vista 31 fn DbgPrintEx(ComponentId: u32, Level: u32, Format: *const u8, Argument: *const u8) -> u32;
}

imports! {
    "hal.dll", HAL_IMPORTS, hal_signatures;
    Vista 31 fn KeQueryPerformanceCounter(PerformanceFrequency: *mut i64) -> i64;
    Vista 31 fn KeStallExecutionProcessor(MicroSeconds: u32);
}

/// What the compiler itself calls; it declares them, so they are imports by name only.
pub const COMPILER_IMPORTS: &[&str] = &[
    "memcpy", "memmove", "memset", "memcmp", "strlen", "__chkstk",
];
