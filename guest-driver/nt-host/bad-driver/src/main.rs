//! The life of a small miniport, in which `acts` breaks the rule that keyword `Rule` names.
#![no_std]
#![no_main]
#![allow(non_snake_case, static_mut_refs)]

mod acts;
mod extra;
mod ndk;

use core::ffi::c_void;
use core::mem::zeroed;
use core::ptr::null_mut;

use ndis_sys::ndis::*;
use ndis_sys::nt::*;

pub const TAG: u32 = u32::from_le_bytes(*b"BadD");

/// Referenced by LLVM whenever floating point is used on MSVC targets.
#[unsafe(no_mangle)]
pub static _fltused: i32 = 0x9875;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: stops the system.
    unsafe { KeBugCheckEx(0xBAD, 0, 0, 0, 0) }
}

/// What the driver holds. One adapter at a time, so it is a static.
pub struct Adapter {
    pub handle: NDIS_HANDLE,
    pub rule: [u8; 32],
    pub length: usize,
    pub interrupt: NDIS_HANDLE,
    pub dma: NDIS_HANDLE,
    pub registers: *mut u32,
    pub timer: NDIS_HANDLE,
    pub work_item: NDIS_HANDLE,
    pub shared: PVOID,
    pub shared_at: PHYSICAL_ADDRESS,
    pub kept: *mut NET_BUFFER_LIST,
    pub pool: NDIS_HANDLE,
    pub locks: [KSPIN_LOCK; 2],
}

pub static mut ADAPTER: Adapter = Adapter {
    handle: null_mut(),
    rule: [0; 32],
    length: 0,
    interrupt: null_mut(),
    dma: null_mut(),
    registers: null_mut(),
    timer: null_mut(),
    work_item: null_mut(),
    shared: null_mut(),
    shared_at: 0,
    kept: null_mut(),
    pool: null_mut(),
    locks: [0; 2],
};
static mut DRIVER: NDIS_HANDLE = null_mut();

/// The adapter.
pub fn adapter() -> &'static mut Adapter {
    // SAFETY: the host runs one adapter, and its test has one thread at a time in the driver.
    unsafe { &mut *(&raw mut ADAPTER) }
}

/// Whether this is the rule to break.
pub fn breaks(rule: &str) -> bool {
    let a = adapter();
    &a.rule[..a.length] == rule.as_bytes()
}

pub const fn header(Type: u8, Revision: u8, Size: u16) -> NDIS_OBJECT_HEADER {
    NDIS_OBJECT_HEADER {
        Type,
        Revision,
        Size,
    }
}

unsafe fn read_rule(handle: NDIS_HANDLE) {
    // SAFETY: calls as NDIS documents them.
    unsafe {
        let object = NDIS_CONFIGURATION_OBJECT {
            Header: header(NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, 0x14),
            NdisHandle: handle,
            Flags: 0,
        };
        let mut configuration = null_mut();
        if NdisOpenConfigurationEx(&object, &mut configuration) != NDIS_STATUS_SUCCESS {
            return;
        }
        let mut name: [u16; 4] = [b'R'.into(), b'u'.into(), b'l'.into(), b'e'.into()];
        let keyword = UNICODE_STRING {
            Length: 8,
            MaximumLength: 8,
            Buffer: name.as_mut_ptr(),
        };
        let (mut status, mut value) = (0, null_mut());
        NdisReadConfiguration(&mut status, &mut value, configuration, &keyword, 2);
        if status == NDIS_STATUS_SUCCESS {
            let text = (*value).ParameterData.StringData;
            let a = adapter();
            a.length = (text.Length as usize / 2).min(32);
            for at in 0..a.length {
                a.rule[at] = *text.Buffer.add(at) as u8;
            }
        }
        NdisCloseConfiguration(configuration);
    }
}

unsafe extern "win64" fn initialize(
    handle: NDIS_HANDLE,
    _: NDIS_HANDLE,
    parameters: *mut NDIS_MINIPORT_INIT_PARAMETERS,
) -> NDIS_STATUS {
    // SAFETY: calls as NDIS documents them.
    unsafe {
        let a = adapter();
        a.handle = handle;
        read_rule(handle);
        acts::before_attributes(handle);
        let registration = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES {
            Header: header(
                NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                2,
                0x1C,
            ),
            MiniportAdapterContext: (a as *mut Adapter).cast(),
            AttributeFlags: NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE
                | NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER,
            CheckForHangTimeInSeconds: 0,
            InterfaceType: 5,
        };
        NdisMSetMiniportAttributes(handle, (&raw const registration).cast());
        static OIDS: [u32; 1] = [0x0001_0101];
        let mut general: NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES = zeroed();
        general.Header = header(
            NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
            2,
            0xE0,
        );
        general.PhysicalMediumType = 14;
        general.MtuSize = 1500;
        general.MacAddressLength = 6;
        // All that there are.
        general.SupportedStatistics = 0x003F_87FF;
        general.SupportedOidList = OIDS.as_ptr();
        general.SupportedOidListLength = 4;
        NdisMSetMiniportAttributes(handle, (&raw const general).cast());
        ndk::attributes(handle);
        let list = (*parameters).AllocatedResources;
        let first = &raw const (*list).PartialDescriptors[0];
        let start = (&raw const (*first).u.Memory.Start).read_unaligned();
        let mut registers = null_mut();
        if NdisMMapIoSpace(&mut registers, handle, start, 0x1000) != NDIS_STATUS_SUCCESS {
            return NDIS_STATUS_RESOURCES;
        }
        a.registers = registers.cast();
        a.registers.write_volatile(7);
        let mut description: NDIS_SG_DMA_DESCRIPTION = zeroed();
        description.Header = header(NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, 1, 0x24);
        description.Flags = NDIS_SG_DMA_64_BIT_ADDRESS;
        description.MaximumPhysicalMapping = 0x10000;
        description.ProcessSGListHandler = Some(process_list);
        NdisMRegisterScatterGatherDma(handle, &mut description, &mut a.dma);
        NdisMAllocateSharedMemory(handle, 4096, 1, &mut a.shared, &mut a.shared_at);
        let timer = NDIS_TIMER_CHARACTERISTICS {
            Header: header(NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, 1, 0x18),
            AllocationTag: TAG,
            TimerFunction: Some(acts::timer),
            FunctionContext: null_mut(),
        };
        NdisAllocateTimerObject(handle, &timer, &mut a.timer);
        a.work_item = NdisAllocateIoWorkItem(handle);
        let pool = NET_BUFFER_LIST_POOL_PARAMETERS {
            Header: header(NDIS_OBJECT_TYPE_DEFAULT, 1, 0x10),
            ProtocolId: 0,
            fAllocateNetBuffer: 1,
            ContextSize: 0,
            PoolTag: TAG,
            DataSize: 0,
            Flags: 0,
        };
        a.pool = NdisAllocateNetBufferListPool(handle, &pool);
        let mut interrupt: NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS = zeroed();
        interrupt.Header = header(NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, 1, 0x60);
        interrupt.InterruptHandler = Some(line);
        interrupt.InterruptDpcHandler = Some(line_dpc);
        interrupt.DisableInterruptHandler = Some(line_switch);
        interrupt.EnableInterruptHandler = Some(line_switch);
        interrupt.MsiSupported = 1;
        interrupt.MessageInterruptHandler = Some(message);
        interrupt.MessageInterruptDpcHandler = Some(message_dpc);
        NdisMRegisterInterruptEx(
            handle,
            (a as *mut Adapter).cast(),
            &mut interrupt,
            &mut a.interrupt,
        );
        acts::initialized();
        NDIS_STATUS_SUCCESS
    }
}

unsafe extern "win64" fn process_list(_: PVOID, _: PVOID, _: *mut SCATTER_GATHER_LIST, _: PVOID) {}
unsafe extern "win64" fn line(_: NDIS_HANDLE, _: *mut BOOLEAN, _: *mut u32) -> BOOLEAN {
    FALSE
}
unsafe extern "win64" fn line_dpc(_: NDIS_HANDLE, _: PVOID, _: PVOID, _: PVOID) {}
unsafe extern "win64" fn line_switch(_: NDIS_HANDLE) {}
unsafe extern "win64" fn message(
    _: NDIS_HANDLE,
    _: u32,
    queue: *mut BOOLEAN,
    _: *mut u32,
) -> BOOLEAN {
    // SAFETY: NDIS's out parameter.
    unsafe { *queue = TRUE };
    TRUE
}
unsafe extern "win64" fn message_dpc(_: NDIS_HANDLE, _: u32, _: PVOID, _: PVOID, _: PVOID) {
    acts::deferred();
}

unsafe extern "win64" fn halt(_: NDIS_HANDLE, _: i32) {
    // SAFETY: gives back what `initialize` took.
    unsafe {
        let a = adapter();
        acts::halting();
        NdisMDeregisterInterruptEx(a.interrupt);
        NdisCancelTimerObject(a.timer);
        if !breaks("leak") {
            NdisFreeTimerObject(a.timer);
        }
        NdisFreeIoWorkItem(a.work_item);
        NdisFreeNetBufferListPool(a.pool);
        let wrong = i64::from(breaks("dma-map")) * 4096;
        NdisMFreeSharedMemory(a.handle, 4096, 1, a.shared, a.shared_at + wrong);
        NdisMDeregisterScatterGatherDma(a.dma);
        NdisMUnmapIoSpace(a.handle, a.registers.cast(), 0x1000);
    }
}

unsafe extern "win64" fn unload(_: *mut DRIVER_OBJECT) {
    // SAFETY: the handle of registration.
    unsafe { NdisMDeregisterMiniportDriver(DRIVER) }
}

unsafe extern "win64" fn pause(
    _: NDIS_HANDLE,
    _: *mut NDIS_MINIPORT_PAUSE_PARAMETERS,
) -> NDIS_STATUS {
    acts::pausing()
}
unsafe extern "win64" fn restart(
    _: NDIS_HANDLE,
    _: *mut NDIS_MINIPORT_RESTART_PARAMETERS,
) -> NDIS_STATUS {
    acts::restarting()
}
unsafe extern "win64" fn request(_: NDIS_HANDLE, request: *mut NDIS_OID_REQUEST) -> NDIS_STATUS {
    acts::request(request)
}
unsafe extern "win64" fn send(_: NDIS_HANDLE, list: *mut NET_BUFFER_LIST, _: u32, _: u32) {
    acts::send(list);
}
unsafe extern "win64" fn returned(_: NDIS_HANDLE, _: *mut NET_BUFFER_LIST, _: u32) {}
unsafe extern "win64" fn cancel(_: NDIS_HANDLE, _: PVOID) {}
unsafe extern "win64" fn hangs(_: NDIS_HANDLE) -> BOOLEAN {
    FALSE
}
unsafe extern "win64" fn pnp(_: NDIS_HANDLE, _: *mut NET_DEVICE_PNP_EVENT) {}
unsafe extern "win64" fn shutdown(_: NDIS_HANDLE, _: i32) {}

#[unsafe(no_mangle)]
#[unsafe(link_section = "INIT")]
extern "win64" fn DriverEntry(driver: *mut DRIVER_OBJECT, path: *const UNICODE_STRING) -> NTSTATUS {
    // SAFETY: calls as NDIS documents them.
    unsafe {
        let mut characteristics: NDIS_MINIPORT_DRIVER_CHARACTERISTICS = zeroed();
        characteristics.Header = header(NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, 2, 0x98);
        characteristics.MajorNdisVersion = 6;
        characteristics.MinorNdisVersion = 60;
        characteristics.SetOptionsHandler = Some(ndk::set_options);
        characteristics.InitializeHandlerEx = Some(initialize);
        characteristics.HaltHandlerEx = Some(halt);
        characteristics.UnloadHandler = Some(unload);
        characteristics.PauseHandler = Some(pause);
        characteristics.RestartHandler = Some(restart);
        characteristics.OidRequestHandler = Some(request);
        characteristics.SendNetBufferListsHandler = Some(send);
        characteristics.ReturnNetBufferListsHandler = Some(returned);
        characteristics.CancelSendHandler = Some(cancel);
        characteristics.CheckForHangHandlerEx = Some(hangs);
        characteristics.DevicePnPEventNotifyHandler = Some(pnp);
        characteristics.ShutdownHandlerEx = Some(shutdown);
        characteristics.CancelOidRequestHandler = Some(cancel);
        let mut handle = null_mut();
        let status =
            NdisMRegisterMiniportDriver(driver, path, null_mut(), &characteristics, &mut handle);
        DRIVER = handle;
        status
    }
}

/// For `acts`: the entry point, which is gone after it has run.
pub fn entry() -> extern "win64" fn(*mut DRIVER_OBJECT, *const UNICODE_STRING) -> NTSTATUS {
    DriverEntry
}

/// Never inlined, so that it stays where it is put.
#[inline(never)]
#[unsafe(link_section = "PAGE")]
pub extern "win64" fn paged() -> u8 {
    // SAFETY: a plain question.
    let irql = unsafe { KeGetCurrentIrql() };
    used(core::ptr::null_mut());
    irql
}

/// Keeps a value from being optimised away.
pub fn used(value: *mut c_void) {
    core::hint::black_box(value);
}
