//! What NDIS calls in a miniport.
//!
//! First argument: SetOptions (driver handle, driver context); Initialize (miniport handle, driver context); interrupt
//! handlers their interrupt context; everything else the adapter context.

use super::*;
use crate::nt::*;

pub type SET_OPTIONS_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, NDIS_HANDLE) -> NDIS_STATUS>;
pub type MINIPORT_INITIALIZE_HANDLER = Option<
    unsafe extern "win64" fn(
        NDIS_HANDLE,
        NDIS_HANDLE,
        *mut NDIS_MINIPORT_INIT_PARAMETERS,
    ) -> NDIS_STATUS,
>;
pub type MINIPORT_HALT_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE, i32)>;
pub type MINIPORT_PAUSE_HANDLER = Option<
    unsafe extern "win64" fn(NDIS_HANDLE, *mut NDIS_MINIPORT_PAUSE_PARAMETERS) -> NDIS_STATUS,
>;
pub type MINIPORT_RESTART_HANDLER = Option<
    unsafe extern "win64" fn(NDIS_HANDLE, *mut NDIS_MINIPORT_RESTART_PARAMETERS) -> NDIS_STATUS,
>;
pub type MINIPORT_OID_REQUEST_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NDIS_OID_REQUEST) -> NDIS_STATUS>;
pub type MINIPORT_SEND_NET_BUFFER_LISTS_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NET_BUFFER_LIST, u32, u32)>;
pub type MINIPORT_RETURN_NET_BUFFER_LISTS_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NET_BUFFER_LIST, u32)>;
pub type MINIPORT_CANCEL_SEND_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE, PVOID)>;
pub type MINIPORT_CHECK_FOR_HANG_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE) -> BOOLEAN>;
pub type MINIPORT_RESET_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut BOOLEAN) -> NDIS_STATUS>;
pub type MINIPORT_DEVICE_PNP_EVENT_NOTIFY_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NET_DEVICE_PNP_EVENT)>;
pub type MINIPORT_SHUTDOWN_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE, i32)>;
pub type MINIPORT_CANCEL_OID_REQUEST_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE, PVOID)>;
pub type MINIPORT_DIRECT_OID_REQUEST_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NDIS_OID_REQUEST) -> NDIS_STATUS>;
pub type MINIPORT_CANCEL_DIRECT_OID_REQUEST_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, PVOID)>;
pub type MINIPORT_SYNCHRONOUS_OID_REQUEST_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut NDIS_OID_REQUEST) -> NDIS_STATUS>;
pub type MINIPORT_ISR_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, *mut BOOLEAN, *mut u32) -> BOOLEAN>;
pub type MINIPORT_INTERRUPT_DPC_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, PVOID, PVOID, PVOID)>;
pub type MINIPORT_DISABLE_INTERRUPT_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE)>;
pub type MINIPORT_ENABLE_INTERRUPT_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE)>;
pub type MINIPORT_MSI_ISR_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, u32, *mut BOOLEAN, *mut u32) -> BOOLEAN>;
pub type MINIPORT_MSI_INTERRUPT_DPC_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, u32, PVOID, PVOID, PVOID)>;
pub type MINIPORT_DISABLE_MSI_INTERRUPT_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, u32)>;
pub type MINIPORT_ENABLE_MSI_INTERRUPT_HANDLER = Option<unsafe extern "win64" fn(NDIS_HANDLE, u32)>;
pub type MINIPORT_PROCESS_SG_LIST_HANDLER =
    Option<unsafe extern "win64" fn(PVOID, PVOID, *mut SCATTER_GATHER_LIST, PVOID)>;
pub type NDIS_PROCESS_SG_LIST_HANDLER =
    Option<unsafe extern "win64" fn(PVOID, PVOID, *mut SCATTER_GATHER_LIST, PVOID)>;
pub type MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE_HANDLER =
    Option<unsafe extern "win64" fn(NDIS_HANDLE, PVOID, *const PHYSICAL_ADDRESS, u32, PVOID)>;
pub type PNDIS_TIMER_FUNCTION = Option<unsafe extern "win64" fn(PVOID, PVOID, PVOID, PVOID)>;
pub type MINIPORT_DRIVER_UNLOAD = Option<unsafe extern "win64" fn(*mut DRIVER_OBJECT)>;
