//! NDK_QP_DISPATCH. Nothing here calls the consumer back, so handles are borrowed and not counted.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;
use rnic_driver_core::{Data, Key, Remote};

use super::super::{Context, Object};
use super::{close, gather, object, query_extension, segments};
use crate::System;
use crate::mr::{FastPages, Mr};
use crate::mw::Mw;
use crate::qp::{MAX_INLINE, Qp};

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_QP_DISPATCH = &NDK_QP_DISPATCH {
        NdkCloseQp: close::<Qp<S>>,
        NdkQueryExtension: query_extension::<Qp<S>>,
        NdkFlush: flush::<S>,
        NdkSend: send::<S>,
        NdkReceive: receive::<S>,
        NdkBind: bind::<S>,
        NdkFastRegister: fast_register::<S>,
        NdkInvalidate: invalidate::<S>,
        NdkRead: read::<S>,
        NdkWrite: write::<S>,
        NdkSendAndInvalidate: send_and_invalidate::<S>,
    };
}

pub(crate) fn qp<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

unsafe extern "win64" fn flush<S: System>(handle: *mut NDK_QP) {
    let qp = object!(Qp<S>, handle, else return).reference();
    Qp::flush(&qp);
}

/// Makes data of a list: segments, or with NDK_OP_FLAG_INLINE what they point to.
///
/// # Safety
/// `list` is null or `count` entries; with NDK_OP_FLAG_INLINE, of memory that can be read.
unsafe fn with_data<S: System>(
    qp: &Qp<S>,
    (list, count): (*const NDK_SGE, u32),
    flags: u32,
    post: impl FnOnce(Data<'_>) -> NTSTATUS,
) -> NTSTATUS {
    if flags & NDK_OP_FLAG_INLINE != 0 {
        let mut buffer = [0; MAX_INLINE as usize];
        // SAFETY: the caller's promise.
        match unsafe { gather(list, count, &mut buffer) } {
            Ok(bytes) => post(Data::Inline(bytes)),
            Err(status) => qp.refuse(status),
        }
    } else {
        // SAFETY: the caller's promise.
        match unsafe { segments(list, count, qp.most_segments()) } {
            Ok(list) => post(Data::Segments(list)),
            Err(status) => qp.refuse(status),
        }
    }
}

unsafe extern "win64" fn send<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    // SAFETY: the consumer's list.
    unsafe {
        with_data(qp, (list, count), flags, |data| {
            qp.send(Context(context), data, flags)
        })
    }
}

unsafe extern "win64" fn send_and_invalidate<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
    flags: u32,
    token: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    let post = |data: Data<'_>| qp.send_and_invalidate(Context(context), data, flags, token);
    // SAFETY: the consumer's list.
    unsafe { with_data(qp, (list, count), flags, post) }
}

unsafe extern "win64" fn receive<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    let Some(most) = qp.most_receive_segments() else {
        return STATUS_INVALID_DEVICE_REQUEST;
    };
    // SAFETY: the consumer's list.
    match unsafe { segments(list, count, most) } {
        Ok(list) => qp.receive(Context(context), list),
        Err(status) => status,
    }
}

fn remote(address: u64, token: u32) -> Remote {
    Remote {
        address,
        key: Key(token),
    }
}

unsafe extern "win64" fn write<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
    address: u64,
    token: u32,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    let post = |data: Data<'_>| qp.write(Context(context), data, remote(address, token), flags);
    // SAFETY: the consumer's list.
    unsafe { with_data(qp, (list, count), flags, post) }
}

unsafe extern "win64" fn read<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
    address: u64,
    token: u32,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    // SAFETY: the consumer's list.
    match unsafe { segments(list, count, qp.most_segments()) } {
        Ok(list) => qp.read(Context(context), list, remote(address, token), flags),
        Err(status) => qp.refuse(status),
    }
}

unsafe extern "win64" fn bind<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    mr: *mut NDK_MR,
    mw: *mut NDK_MW,
    address: *mut c_void,
    length: usize,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    let mr = object!(Mr<S>, mr, else qp.refuse(STATUS_INVALID_PARAMETER));
    let mw = object!(Mw<S>, mw, else qp.refuse(STATUS_INVALID_PARAMETER));
    let range = (address as u64, length as u64);
    qp.bind(Context(context), (mr, mw), range, flags)
}

unsafe extern "win64" fn fast_register<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    mr: *mut NDK_MR,
    count: u32,
    list: *const NDK_LOGICAL_ADDRESS,
    first_offset: u32,
    length: usize,
    base: *mut c_void,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    let mr = object!(Mr<S>, mr, else qp.refuse(STATUS_INVALID_PARAMETER));
    if list.is_null() || count > qp.most_fast_pages() {
        return qp.refuse(STATUS_INVALID_PARAMETER);
    }
    let pages = FastPages {
        // SAFETY: the consumer's list, of that many addresses; it stays until we return.
        pages: unsafe { core::slice::from_raw_parts(list, count as usize) },
        first_offset,
        length: length as u64,
        base: base as u64,
    };
    qp.fast_register(Context(context), mr, &pages, flags)
}

unsafe extern "win64" fn invalidate<S: System>(
    handle: *mut NDK_QP,
    context: *mut c_void,
    target: *mut NDK_OBJECT_HEADER,
    flags: u32,
) -> NTSTATUS {
    let qp = object!(Qp<S>, handle).body();
    // SAFETY: the consumer's handle of a region or window.
    if let Some(mr) = unsafe { Object::<Mr<S>>::borrow(target.cast()) } {
        return qp.invalidate_region(Context(context), mr, flags);
    }
    let mw = object!(Mw<S>, target, else qp.refuse(STATUS_INVALID_PARAMETER));
    qp.invalidate_window(Context(context), mw, flags)
}
