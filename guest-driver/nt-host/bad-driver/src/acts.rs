//! What the driver does wrong, at the moment of its life where it fits. Each act breaks the rule of its name and no other
//! before it.

use core::mem::zeroed;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU32, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::*;

use crate::extra::{KeAcquireSpinLockAtDpcLevel, KeReleaseSpinLockFromDpcLevel};
use crate::{TAG, adapter, breaks, header, paged, used};

/// Uses `left` KiB of stack, then calls the kernel.
#[inline(never)]
fn deep(left: usize) -> u8 {
    let mut room = [left as u8; 1024];
    core::hint::black_box(&mut room);
    // SAFETY: a plain question.
    let irql = unsafe { KeGetCurrentIrql() };
    if left == 0 {
        irql
    } else {
        deep(left - 1).wrapping_add(room[left % 1024])
    }
}

unsafe fn allocate(bytes: usize) -> *mut u8 {
    // SAFETY: nonpaged pool.
    unsafe { ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, TAG).cast() }
}

pub unsafe fn before_attributes(handle: NDIS_HANDLE) {
    // SAFETY: what is wrong is meant to be.
    unsafe {
        if breaks("state") {
            let general = header(
                NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
                2,
                0xE0,
            );
            NdisMSetMiniportAttributes(handle, &general);
        }
        if breaks("header") {
            let short = header(
                NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                2,
                8,
            );
            NdisMSetMiniportAttributes(handle, &short);
        }
    }
}

/// At PASSIVE_LEVEL, with everything there.
pub fn initialized() {
    let a = adapter();
    // SAFETY: what is wrong is meant to be; the rest is as documented.
    unsafe {
        if breaks("irql-limit") {
            KfRaiseIrql(2);
            NdisMSleep(1);
        }
        if breaks("irql-change") {
            KeLowerIrql(2);
        }
        if breaks("paged-code") {
            KfRaiseIrql(2);
            paged();
        }
        if breaks("init-code") {
            core::hint::black_box(crate::entry())(null_mut(), null_mut());
        }
        if breaks("access-fault") {
            let block = allocate(100);
            block.write_volatile(1);
            ExFreePoolWithTag(block.cast(), TAG);
            block.write_volatile(2);
        }
        if breaks("access-fault/overrun") {
            // 112 bytes are the block's, rounded up; byte 112 is not.
            allocate(100).add(112).write_volatile(1);
        }
        if breaks("access-fault/null") {
            used(core::hint::black_box(null_mut::<*mut core::ffi::c_void>()).read_volatile());
        }
        if breaks("mmio") {
            AtomicU32::from_ptr(a.registers).fetch_or(1, Ordering::SeqCst);
        }
        if breaks("mmio/unaligned") {
            a.registers.byte_add(2).write_unaligned(1);
            core::hint::black_box(a.registers.byte_add(2).read_unaligned());
        }
        if breaks("pool-free") {
            let block = allocate(32);
            ExFreePoolWithTag(block.cast(), TAG);
            ExFreePoolWithTag(block.cast(), TAG);
        }
        if breaks("pool-tag") {
            ExFreePoolWithTag(allocate(32).cast(), TAG + 1);
        }
        if breaks("pool-irql") {
            KfRaiseIrql(2);
            used(ExAllocatePool2(0x100, 32, TAG));
        }
        if breaks("pool-corrupt") {
            let block = allocate(100);
            block.add(100).write_volatile(0);
            ExFreePoolWithTag(block.cast(), TAG);
        }
        if breaks("pool-leak") {
            used(allocate(40).cast());
        }
        if breaks("lock-recursion") {
            KeAcquireSpinLockRaiseToDpc(&mut a.locks[0]);
            KeAcquireSpinLockRaiseToDpc(&mut a.locks[0]);
        }
        if breaks("lock-order") {
            for (first, second) in [(0, 1), (1, 0)] {
                let outer = KeAcquireSpinLockRaiseToDpc(&mut a.locks[first]);
                let inner = KeAcquireSpinLockRaiseToDpc(&mut a.locks[second]);
                KeReleaseSpinLock(&mut a.locks[second], inner);
                KeReleaseSpinLock(&mut a.locks[first], outer);
            }
        }
        if breaks("lock-owner") {
            KfRaiseIrql(2);
            KeReleaseSpinLockFromDpcLevel(&mut a.locks[0]);
        }
        if breaks("lock-owner/irql") {
            KfRaiseIrql(2);
            KeAcquireSpinLockAtDpcLevel(&mut a.locks[0]);
            KeReleaseSpinLock(&mut a.locks[0], 0);
        }
        if breaks("lock-held") {
            KeAcquireSpinLockRaiseToDpc(&mut a.locks[0]);
        }
        if breaks("irql-return") {
            KfRaiseIrql(2);
        }
        if breaks("wait-irql") {
            let mut event: KEVENT = zeroed();
            KeInitializeEvent(&mut event, NOTIFICATION_EVENT, FALSE);
            KfRaiseIrql(2);
            KeWaitForSingleObject(
                (&raw mut event).cast(),
                EXECUTIVE,
                KERNEL_MODE,
                FALSE,
                core::ptr::null(),
            );
        }
        if breaks("handle") {
            NdisFreeIoWorkItem(a.timer);
        }
        if breaks("dpc-live") {
            let dpc: *mut KDPC = allocate(size_of::<KDPC>()).cast();
            KeInitializeDpc(dpc, deferred_routine, null_mut());
            KfRaiseIrql(2);
            KeInsertQueueDpc(dpc, null_mut(), null_mut());
            ExFreePoolWithTag(dpc.cast(), TAG);
        }
        if breaks("dpc-live/timer") {
            NdisSetTimerObject(a.timer, -10_000_000, 0, null_mut());
            NdisFreeTimerObject(a.timer);
        }
        if breaks("stack") {
            core::hint::black_box(deep(40));
        }
        if breaks("bug-check") {
            KeBugCheckEx(0xBAD, 1, 2, 3, 4);
        }
        if breaks("hang") {
            let mut event: KEVENT = zeroed();
            KeInitializeEvent(&mut event, NOTIFICATION_EVENT, FALSE);
            KeWaitForSingleObject(
                (&raw mut event).cast(),
                EXECUTIVE,
                KERNEL_MODE,
                FALSE,
                core::ptr::null(),
            );
        }
        if breaks("nbl-paused/early") {
            indicate();
        }
    }
}

unsafe extern "win64" fn deferred_routine(_: *mut KDPC, _: PVOID, _: PVOID, _: PVOID) {}

pub unsafe extern "win64" fn timer(_: PVOID, _: PVOID, _: PVOID, _: PVOID) {}

/// At DISPATCH_LEVEL.
pub fn deferred() {
    if breaks("irql-limit/deferred") {
        // SAFETY: what is wrong is meant to be.
        unsafe { NdisMSleep(1) };
        // What follows keeps the call from being the function's last, which has no frame to be seen.
        used(null_mut());
    }
}

fn indicate() {
    let a = adapter();
    // SAFETY: a packet of nothing, from our own pool.
    unsafe {
        let list = NdisAllocateNetBufferAndNetBufferList(a.pool, 0, 0, null_mut(), 0, 0);
        (*list).SourceHandle = a.handle;
        NdisMIndicateReceiveNetBufferLists(a.handle, list, 0, 1, 0);
    }
}

pub fn request(request: *mut NDIS_OID_REQUEST) -> NDIS_STATUS {
    let a = adapter();
    // SAFETY: what is wrong is meant to be.
    unsafe {
        if breaks("oid-owner") {
            NdisMOidRequestComplete(a.handle, request, NDIS_STATUS_SUCCESS);
            return NDIS_STATUS_SUCCESS;
        }
        if breaks("oid-owner/twice") {
            NdisMOidRequestComplete(a.handle, request, NDIS_STATUS_SUCCESS);
            NdisMOidRequestComplete(a.handle, request, NDIS_STATUS_SUCCESS);
            return NDIS_STATUS_PENDING;
        }
        if breaks("hang/oid") {
            return NDIS_STATUS_PENDING;
        }
    }
    NDIS_STATUS_NOT_SUPPORTED
}

pub fn send(list: *mut NET_BUFFER_LIST) {
    let a = adapter();
    // SAFETY: what is wrong is meant to be.
    unsafe {
        (*list).Status = NDIS_STATUS_SUCCESS;
        if breaks("nbl-owner/handle") {
            (*list).SourceHandle = null_mut();
        }
        NdisMSendNetBufferListsComplete(a.handle, list, 1);
        if breaks("nbl-owner") {
            NdisMSendNetBufferListsComplete(a.handle, list, 1);
            used(null_mut());
        }
    }
}

pub fn restarting() -> NDIS_STATUS {
    NDIS_STATUS_SUCCESS
}

pub fn pausing() -> NDIS_STATUS {
    let a = adapter();
    // SAFETY: what is wrong is meant to be.
    unsafe {
        if breaks("completion") {
            NdisMPauseComplete(a.handle);
            return NDIS_STATUS_SUCCESS;
        }
        if breaks("completion/twice") {
            NdisMPauseComplete(a.handle);
            NdisMPauseComplete(a.handle);
            return NDIS_STATUS_PENDING;
        }
    }
    NDIS_STATUS_SUCCESS
}

pub fn halting() {
    if breaks("nbl-paused") {
        indicate();
    }
    if breaks("completion/none") {
        // SAFETY: what is wrong is meant to be.
        unsafe { NdisMRestartComplete(adapter().handle, NDIS_STATUS_SUCCESS) };
    }
}
