//! The machine's memory: one shared file that the device can reach, given out in pages.
//!
//! Everything that a driver may hand to the device lies in it: pool, shared memory, buffers of consumers. Its physical
//! address is `PHYSICAL` plus the offset. Pages that nobody has are inaccessible, so what lies after a run faults.
//!
//! `unsafe`: protecting pages, and clearing them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::thunk::checking;

/// Bytes of a page.
pub const PAGE: usize = 4096;
/// Physical address of byte 0. Not zero, so that a forgotten address fails.
pub const PHYSICAL: u64 = 0x1_0000_0000;
/// Freed pages that stay inaccessible before they are used again.
const QUARANTINE: usize = 16 << 10;

static BASE: AtomicUsize = AtomicUsize::new(0);
static LEN: AtomicUsize = AtomicUsize::new(0);
static PAGES: Mutex<Option<Pages>> = Mutex::new(None);

struct Pages {
    /// Free runs: first page and count, never adjacent.
    free: BTreeMap<usize, usize>,
    /// Freed, not yet free.
    quarantine: VecDeque<(usize, usize)>,
    quarantined: usize,
}

impl Pages {
    fn take(&mut self, count: usize) -> Option<usize> {
        let (&first, &length) = self.free.iter().find(|(_, length)| **length >= count)?;
        self.free.remove(&first);
        if length > count {
            self.free.insert(first + count, length - count);
        }
        Some(first)
    }

    fn give(&mut self, mut first: usize, mut count: usize) {
        if let Some((&before, &length)) = self.free.range(..first).next_back()
            && before + length == first
        {
            self.free.remove(&before);
            first = before;
            count += length;
        }
        if let Some(length) = self.free.remove(&(first + count)) {
            count += length;
        }
        self.free.insert(first, count);
    }
}

/// Takes the mapping into use. `base` is a shared mapping of `len` bytes that outlives the driver.
pub fn install(base: usize, len: usize) {
    BASE.store(base, Ordering::SeqCst);
    LEN.store(len, Ordering::SeqCst);
    if checking() {
        protect(base, len, libc::PROT_NONE);
    }
    *PAGES.lock() = Some(Pages {
        // The first page stays unused.
        free: BTreeMap::from([(1, len / PAGE - 1)]),
        quarantine: VecDeque::new(),
        quarantined: 0,
    });
}

/// As [`install`], with memory of this process that no device reaches: for drivers without one.
pub fn install_own() {
    const LEN: usize = 256 << 20;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping touches no memory of ours. It is leaked.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), LEN, protection, flags, -1, 0) };
    assert!(base != libc::MAP_FAILED, "memory for a machine");
    install(base as usize, LEN);
}

/// Takes it out of use; everything in it becomes ordinary memory again.
pub fn remove() {
    protect(
        BASE.swap(0, Ordering::SeqCst),
        LEN.swap(0, Ordering::SeqCst),
        libc::PROT_READ | libc::PROT_WRITE,
    );
    *PAGES.lock() = None;
}

fn protect(address: usize, len: usize, protection: i32) {
    // SAFETY: pages of the shared mapping, which only pool, shared memory and buffers use; pages that are taken away
    // belong to nobody.
    let result = unsafe { libc::mprotect(address as *mut libc::c_void, len, protection) };
    assert!(result == 0, "mprotect of {len:#x} bytes at {address:#x}");
}

/// Zeroed pages with an inaccessible one after them; `None` if there is no such run.
pub fn alloc(count: usize) -> Option<usize> {
    let mut pages = PAGES.lock();
    let pages = pages.as_mut()?;
    let first = loop {
        match pages.take(count + 1) {
            Some(first) => break first,
            None => {
                let (first, count) = pages.quarantine.pop_front()?;
                pages.quarantined -= count;
                pages.give(first, count);
            }
        }
    };
    let address = BASE.load(Ordering::Relaxed) + first * PAGE;
    if checking() {
        protect(address, count * PAGE, libc::PROT_READ | libc::PROT_WRITE);
    }
    // SAFETY: just taken for the caller, and accessible.
    unsafe { std::ptr::write_bytes(address as *mut u8, 0, count * PAGE) };
    Some(address)
}

/// Gives pages back.
pub fn free(address: usize, count: usize) {
    let first = (address - BASE.load(Ordering::Relaxed)) / PAGE;
    let mut pages = PAGES.lock();
    let Some(pages) = pages.as_mut() else { return };
    if !checking() {
        pages.give(first, count + 1);
        return;
    }
    protect(address, count * PAGE, libc::PROT_NONE);
    pages.quarantine.push_back((first, count + 1));
    pages.quarantined += count + 1;
    while pages.quarantined > QUARANTINE {
        let Some((first, count)) = pages.quarantine.pop_front() else {
            break;
        };
        pages.quarantined -= count;
        pages.give(first, count);
    }
}

/// Offset of an address in the memory, if it lies in it.
pub fn offset(address: usize) -> Option<usize> {
    let base = BASE.load(Ordering::Relaxed);
    let offset = address.checked_sub(base)?;
    (base != 0 && offset < LEN.load(Ordering::Relaxed)).then_some(offset)
}

/// Physical address of an address.
pub fn physical(address: usize) -> Option<u64> {
    offset(address).map(|offset| PHYSICAL + offset as u64)
}

/// Address of a physical address.
pub fn virtual_of(physical: u64) -> Option<usize> {
    let offset = usize::try_from(physical.checked_sub(PHYSICAL)?).ok()?;
    (offset < LEN.load(Ordering::Relaxed)).then(|| BASE.load(Ordering::Relaxed) + offset)
}
