//! Pool, as Driver Verifier's special pool: each block has pages of its own and ends at an inaccessible one; freed
//! blocks are inaccessible; each has its tag and the stack that allocated it.
//!
//! `unsafe`: filling and looking at the bytes around a block.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::breach::{Rule, breach, breach_at};
use crate::callsite::{self, Stack};
use crate::inject::{self, Kind};
use crate::nt::spin;
use crate::ram::{self, PAGE};
use crate::thunk::checking;
use crate::{cpu, nt};

const UNINITIALIZED: u64 = 2;
const PAGED: u64 = 0x100;
/// What bytes of a block are before they are written, and what those around it must stay.
const FRESH: u8 = 0xA5;
const AROUND: u8 = 0x5A;
/// Alignment of every block.
const ALIGN: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Block {
    pages: usize,
    count: usize,
    size: usize,
    tag: u32,
    stack: Stack,
    /// What the block is: pool, or something that the host made for the driver.
    what: &'static str,
}

static BLOCKS: Mutex<Option<HashMap<usize, Block>>> = Mutex::new(None);

fn around(address: usize, block: &Block) -> [std::ops::Range<usize>; 2] {
    [
        block.pages..address,
        address + block.size..block.pages + block.count * PAGE,
    ]
}

/// A block; 0 if there is no memory. `what` names it in reports.
pub fn allocate(size: usize, tag: u32, fill: u8, what: &'static str) -> usize {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    let count = size.max(1).div_ceil(PAGE);
    let Some(pages) = ram::alloc(count) else {
        return 0;
    };
    // A page or more begins at a page, as on Windows; less ends at the end of one.
    let address = if size >= PAGE {
        pages
    } else {
        pages + PAGE - size.max(1).next_multiple_of(ALIGN)
    };
    let block = Block {
        pages,
        count,
        size,
        tag,
        stack: if checking() {
            callsite::stack()
        } else {
            Stack::default()
        },
        what,
    };
    if checking() {
        for range in around(address, &block) {
            // SAFETY: inside the block's own pages.
            unsafe { std::ptr::write_bytes(range.start as *mut u8, AROUND, range.len()) };
        }
    }
    if fill != 0 {
        // SAFETY: the block itself.
        unsafe { std::ptr::write_bytes(address as *mut u8, fill, size) };
    }
    BLOCKS.lock().get_or_insert_default().insert(address, block);
    address
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Blocks allocated so far, of pool and of what the host makes for the driver (shared memory, packets, lists).
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Frees a block; `tag` 0 fits any.
pub fn release(address: usize, tag: u32) {
    let block = BLOCKS.lock().get_or_insert_default().remove(&address);
    let Some(block) = block else {
        let inside = owner(address).map_or(String::new(), |text| format!("; it lies in {text}"));
        breach(
            Rule::PoolFree,
            format_args!("{address:#x} is no live pool block{inside}"),
        );
    };
    if tag != 0 && tag != block.tag {
        breach_at(
            Rule::PoolTag,
            format_args!(
                "{} was allocated with tag {}, freed with {}",
                describe(&block),
                tag_text(block.tag),
                tag_text(tag)
            ),
            &block.stack,
        );
    }
    if checking() {
        for range in around(address, &block) {
            // SAFETY: inside the block's own pages, which are accessible until `ram::free`.
            let bytes =
                unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) };
            if let Some(at) = bytes.iter().position(|byte| *byte != AROUND) {
                let place = (range.start + at) as isize - address as isize;
                breach_at(
                    Rule::PoolCorrupt,
                    format_args!("byte {place} of {} was written", describe(&block)),
                    &block.stack,
                );
            }
        }
        spin::forget(address..address + block.size);
        nt::dpc::forget(address..address + block.size);
    }
    ram::free(block.pages, block.count);
}

fn tag_text(tag: u32) -> String {
    tag.to_le_bytes()
        .iter()
        .map(|byte| {
            if byte.is_ascii_graphic() {
                *byte as char
            } else {
                '.'
            }
        })
        .collect()
}

fn describe(block: &Block) -> String {
    format!(
        "{} of {} bytes, tag {}",
        block.what,
        block.size,
        tag_text(block.tag)
    )
}

/// What live block an address lies in or just after, for reports.
pub fn owner(address: usize) -> Option<String> {
    let blocks = BLOCKS.try_lock()?;
    let blocks = blocks.as_ref()?;
    let (start, block) = blocks.iter().find(|(_, block)| {
        (block.pages..block.pages + (block.count + 1) * PAGE).contains(&address)
    })?;
    let at = address as isize - *start as isize;
    Some(format!("{}, at byte {at}", describe(block)))
}

/// Live blocks.
pub fn live() -> usize {
    BLOCKS.lock().as_ref().map_or(0, HashMap::len)
}

/// Ends in a breach if a block is live: the driver is gone.
pub fn require_none() {
    let blocks = BLOCKS.lock();
    let Some(blocks) = blocks.as_ref() else {
        return;
    };
    if let Some(block) = blocks.values().next() {
        let rule = if block.what == POOL {
            Rule::PoolLeak
        } else {
            Rule::Leak
        };
        breach_at(
            rule,
            format_args!("{} left, such as {}", blocks.len(), describe(block)),
            &block.stack,
        );
    }
}

/// Name of plain pool in reports.
const POOL: &str = "pool block";

fn pool(size: usize, tag: u32, paged: bool, zeroed: bool) -> *mut c_void {
    if paged && cpu::irql() >= cpu::DISPATCH_LEVEL {
        breach(
            Rule::PoolIrql,
            format_args!("{size} bytes of paged pool at IRQL {}", cpu::irql()),
        );
    }
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    allocate(size, tag, if zeroed { 0 } else { FRESH }, POOL) as *mut c_void
}

pub(super) extern "win64" fn ex_allocate_pool2(flags: u64, size: usize, tag: u32) -> *mut c_void {
    if size == 0 || tag == 0 {
        return std::ptr::null_mut();
    }
    pool(size, tag, flags & PAGED != 0, flags & UNINITIALIZED == 0)
}

pub(super) extern "win64" fn ex_allocate_pool_with_tag(
    kind: i32,
    size: usize,
    tag: u32,
) -> *mut c_void {
    // POOL_TYPE: bit 0 is paged.
    pool(size, tag, kind & 1 != 0, false)
}

pub(super) extern "win64" fn ex_free_pool_with_tag(block: *mut c_void, tag: u32) {
    release(block as usize, tag);
}

pub(super) extern "win64" fn ex_free_pool(block: *mut c_void) {
    release(block as usize, 0);
}
