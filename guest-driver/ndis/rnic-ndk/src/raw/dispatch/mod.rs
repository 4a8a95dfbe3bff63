//! Dispatch tables. Each function checks the handle and every pointer, makes values of them, and calls the safe code.
//!
//! A function whose work may end in a callback takes a reference first: a consumer may close the object in there.

mod adapter;
mod connector;
mod cq;
mod listener;
mod memory;
mod pd;
mod qp;
mod srq;

pub use adapter::close_adapter;

pub(crate) use adapter::adapter;
pub(crate) use connector::connector;
pub(crate) use cq::cq;
pub(crate) use listener::{listener, shared_endpoint};
pub(crate) use memory::{mr, mw};
pub(crate) use pd::pd;
pub(crate) use qp::qp;
pub(crate) use srq::srq;

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::Segment;

use super::{Body, CloseCompletion, Object};

/// What a handle names, or the return of the function.
macro_rules! object {
    ($kind:ty, $handle:expr) => {
        object!($kind, $handle, else STATUS_INVALID_PARAMETER)
    };
    ($kind:ty, $handle:expr, else return) => {
        // SAFETY: as below.
        match unsafe { $crate::raw::Object::<$kind>::borrow($handle.cast()) } {
            Some(object) => object,
            None => return,
        }
    };
    ($kind:ty, $handle:expr, else $otherwise:expr) => {
        // SAFETY: a consumer passes handles that we gave it, of objects that it has not closed; or null.
        match unsafe { $crate::raw::Object::<$kind>::borrow($handle.cast()) } {
            Some(object) => object,
            None => return $otherwise,
        }
    };
}
pub(crate) use object;

/// A completion that must be there, or the return of the function.
macro_rules! completion {
    ($kind:ty, $function:expr, $context:expr) => {
        // SAFETY: the consumer gave both for this.
        match unsafe { <$kind>::new($function, $context) } {
            Some(completion) => completion,
            None => return STATUS_INVALID_PARAMETER,
        }
    };
}
pub(crate) use completion;

/// NDK_FN_CLOSE_OBJECT.
pub(super) unsafe extern "win64" fn close<T: Body>(
    handle: *mut NDK_OBJECT_HEADER,
    completion: Option<NDK_FN_CLOSE_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let object = object!(T, handle);
    if object.is_closing() {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the consumer gave both for this.
    let completion = unsafe { CloseCompletion::new(completion, context) };
    // SAFETY: handles come from `into_handle`, and this is the first close.
    unsafe { object.close(completion) };
    STATUS_PENDING
}

/// NDK_FN_QUERY_EXTENSION_INTERFACE: there is none that we have. (ndkpi.md 4.11)
pub(super) unsafe extern "win64" fn query_extension<T: Body>(
    handle: *mut NDK_OBJECT_HEADER,
    id: *mut GUID,
    _version: NDK_VERSION,
    interface: *mut NDK_EXTENSION_INTERFACE,
) -> NTSTATUS {
    object!(T, handle);
    if id.is_null() || interface.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    STATUS_NOT_SUPPORTED
}

/// Stores a new object's handle, if it is there already, and says how creation went.
///
/// # Safety
/// `place` is null or writable.
unsafe fn give<T: Body, H>(
    made: impl FnOnce() -> Result<super::Ref<T>, NTSTATUS>,
    place: *mut *mut H,
) -> NTSTATUS {
    if place.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    match made() {
        Ok(object) => {
            // SAFETY: writable, as the caller says.
            unsafe { place.write(Object::into_handle(object).0.cast()) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

const _: () = assert!(size_of::<NDK_SGE>() == size_of::<Segment>());
const _: () =
    assert!(core::mem::offset_of!(NDK_SGE, Length) == core::mem::offset_of!(Segment, length));
const _: () = assert!(
    core::mem::offset_of!(NDK_SGE, MemoryRegionToken) == core::mem::offset_of!(Segment, key)
);

/// A consumer's list as the device's segments: they look the same.
///
/// # Safety
/// `list` is null or `count` entries.
unsafe fn segments<'a>(
    list: *const NDK_SGE,
    count: u32,
    most: u32,
) -> Result<&'a [Segment], NTSTATUS> {
    if count == 0 {
        return Ok(&[]);
    }
    if list.is_null() {
        return Err(STATUS_INVALID_PARAMETER);
    }
    if count > most {
        return Err(STATUS_DATA_OVERRUN);
    }
    // SAFETY: that many entries, of the same layout (asserted above) and less alignment.
    Ok(unsafe { core::slice::from_raw_parts(list.cast(), count as usize) })
}

/// Copies what a list points to into `buffer`.
///
/// # Safety
/// `list` is null or `count` entries, each of memory that can be read.
unsafe fn gather(list: *const NDK_SGE, count: u32, buffer: &mut [u8]) -> Result<&[u8], NTSTATUS> {
    if list.is_null() && count > 0 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let mut filled = 0;
    for at in 0..count as usize {
        // SAFETY: an entry of the list.
        let entry = unsafe { list.add(at).read() };
        let length = entry.Length as usize;
        if length == 0 {
            continue;
        }
        let room = buffer
            .get_mut(filled..filled + length)
            .ok_or(STATUS_BUFFER_OVERFLOW)?;
        let from = core::ptr::with_exposed_provenance::<u8>(entry.Address as usize);
        if from.is_null() {
            return Err(STATUS_INVALID_PARAMETER);
        }
        // SAFETY: memory of the consumer, which it may not change before we return; the buffer is ours.
        unsafe { room.as_mut_ptr().copy_from_nonoverlapping(from, length) };
        filled += length;
    }
    Ok(buffer.get(..filled).unwrap_or(&[]))
}

/// Private data of a consumer.
///
/// # Safety
/// `data` is null or `length` bytes.
unsafe fn private<'a>(data: *const c_void, length: u32) -> Result<&'a [u8], NTSTATUS> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(STATUS_INVALID_PARAMETER);
    }
    // What is longer than any message's is refused without a look.
    if length > 256 {
        return Err(STATUS_INVALID_BUFFER_SIZE);
    }
    // SAFETY: that many bytes, as the caller says.
    Ok(unsafe { core::slice::from_raw_parts(data.cast(), length as usize) })
}
