//! The export tables of ntoskrnl.exe and hal.dll: name, IRQL range, function. Ranges are those of the WDK's
//! documentation of each function.

use super::{dpc, event, mdl, pool, print, runtime, spin, system, wait, work};
use crate::thunk::Export;

const ANY: u8 = 31;

/// `name, lowest IRQL, highest IRQL, function`
macro_rules! exports {
    ($($name:literal $min:literal $max:tt $function:path,)*) => {
        &[$($crate::thunk::Export::new($name, $min, $max, $function as *const ()),)*]
    };
}
pub(crate) use exports;

/// What the compiler calls: no checks.
pub static COMPILER: &[Export] = &[
    Export::direct("memcpy", runtime::memcpy as *const ()),
    Export::direct("memmove", runtime::memmove as *const ()),
    Export::direct("memset", runtime::memset as *const ()),
    Export::direct("memcmp", runtime::memcmp as *const ()),
    Export::direct("strlen", runtime::strlen as *const ()),
    Export::direct("__chkstk", runtime::chkstk as *const ()),
];

/// ntoskrnl.exe.
pub static NTOSKRNL: &[Export] = exports! {
    "ExAllocatePool2" 0 2 pool::ex_allocate_pool2,
    "ExAllocatePoolWithTag" 0 2 pool::ex_allocate_pool_with_tag,
    "ExFreePoolWithTag" 0 2 pool::ex_free_pool_with_tag,
    "ExFreePool" 0 2 pool::ex_free_pool,
    "KeBugCheckEx" 0 ANY system::ke_bug_check_ex,
    "KeGetCurrentIrql" 0 ANY system::ke_get_current_irql,
    "KfRaiseIrql" 0 ANY system::kf_raise_irql,
    "KeLowerIrql" 0 ANY system::ke_lower_irql,
    "KeAcquireSpinLockRaiseToDpc" 0 2 spin::ke_acquire_spin_lock_raise_to_dpc,
    "KeReleaseSpinLock" 2 2 spin::ke_release_spin_lock,
    "KeAcquireSpinLockAtDpcLevel" 2 2 spin::ke_acquire_spin_lock_at_dpc_level,
    "KeReleaseSpinLockFromDpcLevel" 2 2 spin::ke_release_spin_lock_from_dpc_level,
    "KeTryToAcquireSpinLockAtDpcLevel" 2 2 spin::ke_try_to_acquire_spin_lock_at_dpc_level,
    "KeInitializeSpinLock" 0 ANY spin::ke_initialize_spin_lock,
    "KeAcquireInStackQueuedSpinLock" 0 2 spin::ke_acquire_in_stack_queued_spin_lock,
    "KeReleaseInStackQueuedSpinLock" 2 2 spin::ke_release_in_stack_queued_spin_lock,
    "KeInitializeEvent" 0 ANY event::ke_initialize_event,
    "KeSetEvent" 0 2 event::ke_set_event,
    "KeResetEvent" 0 2 event::ke_reset_event,
    "KeClearEvent" 0 2 event::ke_clear_event,
    "KeReadStateEvent" 0 ANY event::ke_read_state_event,
    "KeInitializeSemaphore" 0 ANY event::ke_initialize_semaphore,
    "KeReleaseSemaphore" 0 2 event::ke_release_semaphore,
    "KeWaitForSingleObject" 0 2 wait::ke_wait_for_single_object,
    "ExAcquireFastMutex" 0 1 event::ex_acquire_fast_mutex,
    "ExReleaseFastMutex" 1 1 event::ex_release_fast_mutex,
    "ExInitializeRundownProtection" 0 1 event::ex_initialize_rundown_protection,
    "ExAcquireRundownProtection" 0 2 event::ex_acquire_rundown_protection,
    "ExReleaseRundownProtection" 0 2 event::ex_release_rundown_protection,
    "ExWaitForRundownProtectionRelease" 0 1 event::ex_wait_for_rundown_protection_release,
    "KeInitializeDpc" 0 ANY dpc::ke_initialize_dpc,
    "KeInsertQueueDpc" 0 ANY dpc::ke_insert_queue_dpc,
    "KeRemoveQueueDpc" 0 ANY dpc::ke_remove_queue_dpc,
    "KeFlushQueuedDpcs" 0 0 dpc::ke_flush_queued_dpcs,
    "KeSetTargetProcessorDpc" 0 ANY dpc::ke_set_target_processor_dpc,
    "KeSetTargetProcessorDpcEx" 0 ANY dpc::ke_set_target_processor_dpc_ex,
    "KeInitializeTimer" 0 2 dpc::ke_initialize_timer,
    "KeInitializeTimerEx" 0 2 dpc::ke_initialize_timer_ex,
    "KeSetTimer" 0 2 dpc::ke_set_timer,
    "KeSetTimerEx" 0 2 dpc::ke_set_timer_ex,
    "KeCancelTimer" 0 2 dpc::ke_cancel_timer,
    "KeDelayExecutionThread" 0 1 system::ke_delay_execution_thread,
    "KeGetCurrentProcessorNumberEx" 0 ANY system::ke_get_current_processor_number_ex,
    "KeQueryActiveProcessorCount" 0 2 system::ke_query_active_processor_count,
    "KeQueryActiveProcessorCountEx" 0 2 system::ke_query_active_processor_count_ex,
    "KeGetProcessorIndexFromNumber" 0 ANY system::ke_get_processor_index_from_number,
    "KeGetProcessorNumberFromIndex" 0 ANY system::ke_get_processor_number_from_index,
    "KeQuerySystemTimePrecise" 0 ANY system::ke_query_system_time_precise,
    "KeQueryInterruptTime" 0 ANY system::ke_query_interrupt_time,
    "MmGetPhysicalAddress" 0 ANY mdl::mm_get_physical_address,
    "MmMapIoSpace" 0 2 mdl::mm_map_io_space,
    "MmMapIoSpaceEx" 0 2 mdl::mm_map_io_space,
    "MmUnmapIoSpace" 0 2 mdl::mm_unmap_io_space,
    "MmMapLockedPagesSpecifyCache" 0 2 mdl::mm_map_locked_pages_specify_cache,
    "MmUnmapLockedPages" 0 2 mdl::mm_unmap_locked_pages,
    "MmBuildMdlForNonPagedPool" 0 2 mdl::mm_build_mdl_for_non_paged_pool,
    "MmProbeAndLockPages" 0 2 mdl::mm_probe_and_lock_pages,
    "MmUnlockPages" 0 2 mdl::mm_unlock_pages,
    "MmAllocateContiguousMemorySpecifyCache" 0 2 mdl::mm_allocate_contiguous,
    "MmAllocateContiguousNodeMemory" 0 2 mdl::mm_allocate_contiguous,
    "MmFreeContiguousMemory" 0 2 mdl::mm_free_contiguous_memory,
    "IoAllocateMdl" 0 2 mdl::io_allocate_mdl,
    "IoFreeMdl" 0 2 mdl::io_free_mdl,
    "IoBuildPartialMdl" 0 2 mdl::io_build_partial_mdl,
    "IoAllocateWorkItem" 0 2 work::io_allocate_work_item,
    "IoFreeWorkItem" 0 2 work::io_free_work_item,
    "IoQueueWorkItem" 0 2 work::io_queue_work_item,
    "IoQueueWorkItemEx" 0 2 work::io_queue_work_item_ex,
    "IoGetCurrentProcess" 0 2 system::io_get_current_process,
    "PsCreateSystemThread" 0 0 work::ps_create_system_thread,
    "PsTerminateSystemThread" 0 0 work::ps_terminate_system_thread,
    "ObReferenceObjectByHandle" 0 0 work::ob_reference_object_by_handle,
    "ObfDereferenceObject" 0 2 work::obf_dereference_object,
    "ZwClose" 0 0 work::zw_close,
    "RtlInitUnicodeString" 0 ANY runtime::rtl_init_unicode_string,
    "RtlCompareMemory" 0 ANY runtime::rtl_compare_memory,
    "RtlGetVersion" 0 0 system::rtl_get_version,
    "DbgPrint" 0 ANY print::dbg_print,
    "DbgPrintEx" 0 ANY print::dbg_print_ex,
    "vDbgPrintExWithPrefix" 0 ANY print::v_dbg_print_ex_with_prefix,
};

/// hal.dll. Newer Windows forwards it to ntoskrnl.exe.
pub static HAL: &[Export] = exports! {
    "KeQueryPerformanceCounter" 0 ANY system::ke_query_performance_counter,
    "KeStallExecutionProcessor" 0 ANY system::ke_stall_execution_processor,
};
