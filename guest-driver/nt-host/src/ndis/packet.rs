//! Packet memory: pools of net buffer lists, and what comes out of them; MDLs.
//!
//! `unsafe`: the structures are NDIS's own, filled here and used by the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::MDL;

use super::{check_header, handle};
use crate::breach::{Rule, breach};
use crate::inject::{self, Kind};
use crate::nt::{mdl, pool};

const HANDLE: &str = "net buffer list pool";
const BLOCK: &str = "net buffer list";
const BUFFER_BLOCK: &str = "net buffer";
const TAG: u32 = u32::from_le_bytes(*b"NdNb");
/// Bytes of NET_BUFFER_LIST, and where the net buffer that comes with it lies.
const LIST: usize = size_of::<NET_BUFFER_LIST>();
const BUFFER: usize = size_of::<NET_BUFFER>();

struct Pool {
    with_buffer: bool,
    context: usize,
    live: AtomicUsize,
}

pub(super) extern "win64" fn allocate_pool(
    _handle: usize,
    parameters: *const NET_BUFFER_LIST_POOL_PARAMETERS,
) -> usize {
    // SAFETY: the driver's structure.
    let (with_buffer, context) = unsafe {
        check_header(
            parameters.cast(),
            "NET_BUFFER_LIST_POOL_PARAMETERS",
            0x80,
            &[(1, 0x10), (2, 0x14)],
        );
        (
            (*parameters).fAllocateNetBuffer != 0,
            usize::from((*parameters).ContextSize),
        )
    };
    if context % 16 != 0 {
        breach(
            Rule::Header,
            format_args!("ContextSize {context} is no multiple of 16"),
        );
    }
    if inject::fails(Kind::Memory) {
        return 0;
    }
    let pool = Pool {
        with_buffer,
        context,
        live: AtomicUsize::new(0),
    };
    handle::new(HANDLE, Arc::new(pool))
}

pub(super) extern "win64" fn free_pool(handle: usize) {
    let pool: Arc<Pool> = handle::close(handle, HANDLE);
    let live = pool.live.load(Ordering::SeqCst);
    if live > 0 {
        breach(
            Rule::Leak,
            format_args!("a pool is freed with {live} net buffer list(s) in use"),
        );
    }
}

/// A list with one buffer over an MDL chain, for the driver or the host.
///
/// # Safety
/// `mdl` is a chain of valid MDLs that outlives the list.
pub(super) unsafe fn make(
    pool_handle: usize,
    context: usize,
    mdl: *mut MDL,
    offset: u32,
    length: usize,
) -> *mut NET_BUFFER_LIST {
    let size = LIST + BUFFER + 16 + context;
    let block = pool::allocate(size.next_multiple_of(16), TAG, 0, BLOCK);
    if block == 0 {
        return std::ptr::null_mut();
    }
    let (list, buffer) = (
        block as *mut NET_BUFFER_LIST,
        (block + LIST) as *mut NET_BUFFER,
    );
    // SAFETY: a new zeroed block with room for all.
    unsafe {
        (*list).FirstNetBuffer = buffer;
        (*list).NdisPoolHandle = pool_handle as _;
        if context > 0 {
            (*list).Context = (block + LIST + BUFFER) as *mut NET_BUFFER_LIST_CONTEXT;
            (*(*list).Context).Size = context as u16;
        }
        fill(buffer, mdl, offset, length);
    }
    list
}

/// # Safety
/// As [`make`].
unsafe fn fill(buffer: *mut NET_BUFFER, chain: *mut MDL, offset: u32, length: usize) {
    let (mut current, mut inside) = (chain, offset);
    // SAFETY: a new buffer, and a valid chain.
    unsafe {
        while !current.is_null() && inside >= (*current).ByteCount && inside > 0 {
            inside -= (*current).ByteCount;
            current = (*current).Next;
        }
        (*buffer).MdlChain = chain;
        (*buffer).CurrentMdl = current;
        (*buffer).CurrentMdlOffset = inside;
        (*buffer).DataOffset = offset;
        (*buffer).DataLength = length as u32;
    }
}

/// A further buffer, for the host.
///
/// # Safety
/// As [`make`].
pub(super) unsafe fn make_buffer(mdl: *mut MDL, offset: u32, length: usize) -> *mut NET_BUFFER {
    let buffer = pool::allocate(BUFFER, TAG, 0, BUFFER_BLOCK) as *mut NET_BUFFER;
    // SAFETY: a new zeroed block, and a valid chain.
    unsafe { fill(buffer, mdl, offset, length) };
    buffer
}

/// Frees a buffer of [`make_buffer`].
pub(super) fn unmake_buffer(buffer: *mut NET_BUFFER) {
    pool::release(buffer as usize, TAG);
}

/// Frees a list of [`make`].
pub(super) fn unmake(list: *mut NET_BUFFER_LIST) {
    pool::release(list as usize, TAG);
}

pub(super) extern "win64" fn allocate_buffer_and_list(
    handle: usize,
    _context_size: u16,
    _back_fill: u16,
    mdl: *mut MDL,
    offset: u32,
    length: usize,
) -> *mut NET_BUFFER_LIST {
    let pool: Arc<Pool> = handle::get(handle, HANDLE);
    if !pool.with_buffer {
        breach(Rule::Handle, "the pool was made without net buffers");
    }
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    // SAFETY: the driver's MDL chain.
    let list = unsafe { make(handle, pool.context, mdl, offset, length) };
    if !list.is_null() {
        pool.live.fetch_add(1, Ordering::SeqCst);
    }
    list
}

pub(super) extern "win64" fn allocate_list(
    handle: usize,
    _context_size: u16,
    _back_fill: u16,
) -> *mut NET_BUFFER_LIST {
    let pool: Arc<Pool> = handle::get(handle, HANDLE);
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    // SAFETY: without an MDL.
    let list = unsafe { make(handle, pool.context, std::ptr::null_mut(), 0, 0) };
    if !list.is_null() {
        pool.live.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the new list.
        unsafe { (*list).FirstNetBuffer = std::ptr::null_mut() };
    }
    list
}

pub(super) extern "win64" fn free_list(list: *mut NET_BUFFER_LIST) {
    // SAFETY: a list of the driver; a bad one faults or has no live pool.
    let handle = unsafe { (*list).NdisPoolHandle as usize };
    let pool: Arc<Pool> = handle::get(handle, HANDLE);
    if super::datapath::is_with_host(list) {
        breach(
            Rule::NblOwner,
            format_args!("net buffer list {list:p} is freed while the stack above has it"),
        );
    }
    pool.live.fetch_sub(1, Ordering::SeqCst);
    unmake(list);
}

/// Whether a list comes from a pool of the driver.
pub(super) fn is_of_driver(list: *mut NET_BUFFER_LIST) -> bool {
    // SAFETY: a list that the driver indicates.
    let handle = unsafe { (*list).NdisPoolHandle as usize };
    let _: Arc<Pool> = handle::get(handle, HANDLE);
    true
}

// ---- net buffers by themselves -------------------------------------------------

pub(super) extern "win64" fn allocate_buffer_pool(
    _handle: usize,
    parameters: *const NDIS_OBJECT_HEADER,
) -> usize {
    // SAFETY: the driver's structure.
    unsafe {
        check_header(
            parameters,
            "NET_BUFFER_POOL_PARAMETERS",
            0x80,
            &[(1, 0xC), (2, 0x10)],
        )
    };
    if inject::fails(Kind::Memory) {
        return 0;
    }
    let pool = Pool {
        with_buffer: true,
        context: 0,
        live: AtomicUsize::new(0),
    };
    handle::new(HANDLE, Arc::new(pool))
}

pub(super) extern "win64" fn allocate_buffer(
    handle: usize,
    mdl: *mut MDL,
    offset: u32,
    length: usize,
) -> *mut NET_BUFFER {
    let pool: Arc<Pool> = handle::get(handle, HANDLE);
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    let buffer = pool::allocate(BUFFER, TAG, 0, BUFFER_BLOCK) as *mut NET_BUFFER;
    if !buffer.is_null() {
        pool.live.fetch_add(1, Ordering::SeqCst);
        // SAFETY: a new zeroed block; the driver's MDL chain.
        unsafe {
            (*buffer).NdisPoolHandle = handle as _;
            fill(buffer, mdl, offset, length);
        }
    }
    buffer
}

pub(super) extern "win64" fn free_buffer(buffer: *mut NET_BUFFER) {
    // SAFETY: a buffer of the driver.
    let pool: Arc<Pool> = handle::get(unsafe { (*buffer).NdisPoolHandle as usize }, HANDLE);
    pool.live.fetch_sub(1, Ordering::SeqCst);
    pool::release(buffer as usize, TAG);
}

// ---- MDLs ------------------------------------------------------------------------

pub(super) extern "win64" fn allocate_mdl(_handle: usize, address: usize, length: u32) -> *mut MDL {
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    let mdl = mdl::allocate(address, length);
    if !mdl.is_null() {
        // SAFETY: just allocated for this range.
        unsafe { mdl::build(mdl) };
    }
    mdl
}

pub(super) extern "win64" fn free_mdl(mdl: *mut MDL) {
    mdl::release(mdl);
}

pub(super) extern "win64" fn get_data_buffer(
    buffer: *const NET_BUFFER,
    needed: u32,
    storage: *mut u8,
    _multiple: u32,
    _offset: u32,
) -> *mut u8 {
    // SAFETY: a buffer of the driver, with a valid MDL chain; storage of `needed` bytes if there is one.
    unsafe {
        if needed > (*buffer).DataLength {
            return std::ptr::null_mut();
        }
        let skip = (*buffer).CurrentMdlOffset as usize;
        let Some(pieces) = super::dma::pieces((*buffer).CurrentMdl, skip, needed as usize) else {
            return std::ptr::null_mut();
        };
        if let [(address, _)] = pieces[..] {
            return address as *mut u8;
        }
        if storage.is_null() {
            return std::ptr::null_mut();
        }
        let mut at = 0;
        for (address, bytes) in pieces {
            std::ptr::copy_nonoverlapping(address as *const u8, storage.add(at), bytes);
            at += bytes;
        }
        storage
    }
}
