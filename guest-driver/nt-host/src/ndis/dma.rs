//! DMA: registration, shared memory, scatter-gather lists. Each mapping is known until it is freed.
//!
//! `unsafe`: structures of the driver, and calls of its handlers.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

use ndis_sys::ndis::*;
use ndis_sys::nt::{MDL, SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST};
use parking_lot::Mutex;

use super::adapter::{self, Adapter};
use super::{check_header, handle};
use crate::breach::{Rule, breach};
use crate::enter;
use crate::inject::{self, Kind};
use crate::nt::pool;
use crate::ram::{self, PAGE};

const HANDLE: &str = "DMA handle";
const LIST_BLOCK: &str = "scatter-gather list";
const SHARED_BLOCK: &str = "shared memory";
const TAG: u32 = u32::from_le_bytes(*b"NdSG");
const SHARED_TAG: u32 = u32::from_le_bytes(*b"NdSM");
/// Bytes before the elements of a list, and of an element.
const LIST_HEADER: usize = 0x10;
const ELEMENT: usize = 0x18;

type Process =
    unsafe extern "win64" fn(*mut c_void, *mut c_void, *mut SCATTER_GATHER_LIST, *mut c_void);

struct Dma {
    adapter: Arc<Adapter>,
    process: Process,
}

/// Shared memory and lists that are mapped: address of the memory or list, and the DMA ranges.
static MAPPED: Mutex<Option<HashMap<usize, Mapping>>> = Mutex::new(None);

struct Mapping {
    adapter: Arc<Adapter>,
    ranges: Vec<(u64, usize)>,
    what: &'static str,
    /// The list's memory is the host's.
    owned: bool,
    sum: u64,
}

/// Mappings that are live.
pub fn live() -> usize {
    MAPPED.lock().as_ref().map_or(0, HashMap::len)
}

/// Whether a DMA range lies in a live mapping of an adapter.
pub fn covers(adapter: &Arc<Adapter>, iova: u64, bytes: usize) -> bool {
    MAPPED
        .lock()
        .iter()
        .flat_map(HashMap::values)
        .any(|mapping| {
            Arc::ptr_eq(&mapping.adapter, adapter)
                && mapping.ranges.iter().any(|(start, length)| {
                    iova >= *start && iova + bytes as u64 <= start + *length as u64
                })
        })
}

pub(super) extern "win64" fn register(
    handle: usize,
    description: *mut NDIS_SG_DMA_DESCRIPTION,
    out: *mut usize,
) -> i32 {
    let adapter = adapter::of(handle);
    // SAFETY: the driver's structure, of revision 1 or 2.
    let (flags, process, maximum) = unsafe {
        check_header(
            description.cast(),
            "NDIS_SG_DMA_DESCRIPTION",
            NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION,
            &[(1, 0x24), (2, 0x30)],
        );
        (
            (*description).Flags,
            (*description).ProcessSGListHandler,
            (*description).MaximumPhysicalMapping,
        )
    };
    if adapter.said.lock().flags & NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER == 0 {
        breach(
            Rule::State,
            "scatter-gather DMA without the attribute BUS_MASTER",
        );
    }
    if flags & NDIS_SG_DMA_64_BIT_ADDRESS == 0 {
        breach(Rule::State, "scatter-gather DMA without 64-bit addresses");
    }
    let Some(process) = process else {
        return NDIS_STATUS_INVALID_PARAMETER;
    };
    if inject::fails(Kind::Map) {
        return NDIS_STATUS_RESOURCES;
    }
    let elements = maximum as usize / PAGE + 2;
    let dma = Dma { adapter, process };
    // SAFETY: the driver's out parameters.
    unsafe {
        (*description).ScatterGatherListSize = (LIST_HEADER + ELEMENT * elements) as u32;
        out.write(handle::new(HANDLE, Arc::new(dma)));
    }
    NDIS_STATUS_SUCCESS
}

pub(super) extern "win64" fn deregister(handle: usize) {
    let dma: Arc<Dma> = handle::close(handle, HANDLE);
    let mapped = MAPPED.lock();
    let left = mapped.iter().flat_map(HashMap::values);
    if let Some(mapping) = left
        .into_iter()
        .find(|m| Arc::ptr_eq(&m.adapter, &dma.adapter))
    {
        breach(
            Rule::DmaMap,
            format_args!("DMA is deregistered while a {} is mapped", mapping.what),
        );
    }
}

fn insert(key: usize, mapping: Mapping) {
    MAPPED.lock().get_or_insert_default().insert(key, mapping);
}

fn take(key: usize, what: &str) -> Mapping {
    let mapping = MAPPED.lock().get_or_insert_default().remove(&key);
    match mapping {
        Some(mapping) if mapping.what == what => mapping,
        _ => breach(Rule::DmaMap, format_args!("{key:#x} is no live {what}")),
    }
}

// ---- shared memory -----------------------------------------------------------

pub(super) extern "win64" fn allocate_shared(
    handle: usize,
    length: u32,
    _cached: u8,
    out: *mut usize,
    physical: *mut u64,
) {
    let adapter = adapter::of(handle);
    // SAFETY: the driver's out parameter.
    unsafe { out.write(0) };
    if length == 0 || inject::fails(Kind::Memory) {
        return;
    }
    let bytes = (length as usize).next_multiple_of(PAGE);
    let address = pool::allocate(bytes, SHARED_TAG, 0, SHARED_BLOCK);
    if address == 0 {
        return;
    }
    let offset = ram::offset(address).unwrap_or_default();
    let Some(iova) = adapter.machine.dma_map_shared(offset, bytes) else {
        pool::release(address, SHARED_TAG);
        return;
    };
    let mapping = Mapping {
        adapter,
        ranges: vec![(iova, bytes)],
        what: SHARED_BLOCK,
        owned: true,
        sum: u64::from(length),
    };
    insert(address, mapping);
    // SAFETY: the driver's out parameters.
    unsafe {
        out.write(address);
        physical.write(iova);
    }
}

pub(super) extern "win64" fn free_shared(
    handle: usize,
    length: u32,
    _cached: u8,
    address: usize,
    physical: u64,
) {
    adapter::of(handle);
    let mapping = take(address, SHARED_BLOCK);
    let (iova, bytes) = mapping.ranges[0];
    if iova != physical || mapping.sum != u64::from(length) {
        breach(
            Rule::DmaMap,
            format_args!(
                "shared memory of {} bytes at DMA address {iova:#x} is freed as {length} at {physical:#x}",
                mapping.sum
            ),
        );
    }
    mapping.adapter.machine.dma_unmap(iova, bytes);
    pool::release(address, SHARED_TAG);
}

// ---- scatter-gather lists ----------------------------------------------------

/// Pieces of `length` bytes from byte `skip` of an MDL chain: address and bytes, joined where they are adjacent.
///
/// # Safety
/// `mdl` is a chain of valid MDLs.
pub(crate) unsafe fn pieces(
    mut mdl: *const MDL,
    mut skip: usize,
    mut length: usize,
) -> Option<Vec<(usize, usize)>> {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    while length > 0 {
        if mdl.is_null() {
            return None;
        }
        // SAFETY: a valid MDL of the chain.
        let (start, count, next) = unsafe {
            let start = (*mdl).StartVa as usize + (*mdl).ByteOffset as usize;
            (start, (*mdl).ByteCount as usize, (*mdl).Next)
        };
        mdl = next;
        if skip >= count {
            skip -= count;
            continue;
        }
        let take = (count - skip).min(length);
        let from = start + skip;
        match pieces.last_mut() {
            Some((last, bytes)) if *last + *bytes == from => *bytes += take,
            _ => pieces.push((from, take)),
        }
        skip = 0;
        length -= take;
    }
    Some(pieces)
}

/// A sum over a list, which the driver must not change.
unsafe fn sum(list: *const SCATTER_GATHER_LIST) -> u64 {
    // SAFETY: a list that `build` filled.
    unsafe {
        let count = (*list).NumberOfElements as usize;
        let elements = list
            .cast::<u8>()
            .add(LIST_HEADER)
            .cast::<SCATTER_GATHER_ELEMENT>();
        (0..count).fold(count as u64, |sum, index| {
            let element = &*elements.add(index);
            sum.rotate_left(7) ^ element.Address.cast_unsigned() ^ u64::from(element.Length) << 32
        })
    }
}

/// Maps and fills a list at `memory`, or at new memory.
fn build(
    adapter: &Arc<Adapter>,
    pieces: &[(usize, usize)],
    memory: (usize, usize),
) -> Result<*mut SCATTER_GATHER_LIST, i32> {
    let mut ranges = Vec::new();
    let mut elements = Vec::new();
    for (address, bytes) in pieces {
        let first = address & !(PAGE - 1);
        let whole = (address + bytes).next_multiple_of(PAGE) - first;
        let offset = ram::offset(first).unwrap_or_else(|| {
            breach(
                Rule::DmaMap,
                format_args!("{address:#x} is no memory that the device can reach"),
            )
        });
        let Some(iova) = adapter.machine.dma_map(offset, whole) else {
            for (iova, bytes) in ranges {
                adapter.machine.dma_unmap(iova, bytes);
            }
            return Err(NDIS_STATUS_RESOURCES);
        };
        ranges.push((iova, whole));
        elements.push((iova + (address - first) as u64, *bytes));
    }
    let size = LIST_HEADER + ELEMENT * elements.len();
    let fits = memory.0 != 0 && memory.1 >= size;
    let list = if fits {
        memory.0
    } else {
        pool::allocate(size, TAG, 0, LIST_BLOCK)
    };
    let list = list as *mut SCATTER_GATHER_LIST;
    // SAFETY: memory of at least `size` bytes: the driver's, or ours.
    unsafe {
        (*list).NumberOfElements = elements.len() as u32;
        (*list).Reserved = 0;
        let at = list
            .cast::<u8>()
            .add(LIST_HEADER)
            .cast::<SCATTER_GATHER_ELEMENT>();
        for (index, (iova, bytes)) in elements.iter().enumerate() {
            at.add(index).write(SCATTER_GATHER_ELEMENT {
                Address: iova.cast_signed(),
                Length: *bytes as u32,
                Reserved: 0,
            });
        }
        let mapping = Mapping {
            adapter: adapter.clone(),
            ranges,
            what: LIST_BLOCK,
            owned: !fits,
            sum: sum(list),
        };
        insert(list as usize, mapping);
    }
    Ok(list)
}

fn release(list: *mut SCATTER_GATHER_LIST) {
    let mapping = take(list as usize, LIST_BLOCK);
    // SAFETY: a live list.
    if unsafe { sum(list) } != mapping.sum {
        breach(
            Rule::DmaMap,
            format_args!("scatter-gather list {list:p} was changed while it was mapped"),
        );
    }
    for (iova, bytes) in &mapping.ranges {
        mapping.adapter.machine.dma_unmap(*iova, *bytes);
    }
    if mapping.owned {
        pool::release(list as usize, TAG);
    }
}

pub(super) extern "win64" fn allocate_net_buffer_list(
    handle: usize,
    buffer: *mut NET_BUFFER,
    context: *mut c_void,
    _flags: u32,
    memory: usize,
    size: u32,
) -> i32 {
    let dma: Arc<Dma> = handle::get(handle, HANDLE);
    if inject::fails(Kind::Map) {
        return NDIS_STATUS_RESOURCES;
    }
    // The list describes CurrentMdl from its first byte on; where in it the data begins, CurrentMdlOffset says
    // (NdisMAllocateNetBufferSGList, remarks).
    // SAFETY: a NET_BUFFER that the driver owns.
    let found = unsafe {
        let length = (*buffer).CurrentMdlOffset as usize + (*buffer).DataLength as usize;
        pieces((*buffer).CurrentMdl, 0, length)
    };
    let Some(pieces) = found else {
        return NDIS_STATUS_INVALID_PARAMETER;
    };
    let list = match build(&dma.adapter, &pieces, (memory, size as usize)) {
        Ok(list) => list,
        Err(status) => return status,
    };
    let process = dma.process;
    // SAFETY: the driver's handler, at DISPATCH_LEVEL.
    enter::driver("MiniportProcessSGList", || unsafe {
        process(std::ptr::null_mut(), std::ptr::null_mut(), list, context);
    });
    NDIS_STATUS_SUCCESS
}

pub(super) extern "win64" fn free_net_buffer_list(
    handle: usize,
    list: *mut SCATTER_GATHER_LIST,
    _buffer: *mut NET_BUFFER,
) {
    let _: Arc<Dma> = handle::get(handle, HANDLE);
    release(list);
}

pub(super) extern "win64" fn build_list(
    handle: usize,
    parameters: *mut NDIS_SCATTER_GATHER_LIST_PARAMETERS,
) -> i32 {
    let dma: Arc<Dma> = handle::get(handle, HANDLE);
    // SAFETY: the driver's structure.
    let p = unsafe {
        check_header(
            parameters.cast(),
            "NDIS_SCATTER_GATHER_LIST_PARAMETERS",
            0x80,
            &[(1, 0x48)],
        );
        &mut *parameters
    };
    if inject::fails(Kind::Map) {
        return NDIS_STATUS_RESOURCES;
    }
    if p.Mdl.is_null() {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the driver's MDL chain; CurrentVa is an address in its first MDL.
    let found = unsafe {
        let first = (*p.Mdl).StartVa as usize + (*p.Mdl).ByteOffset as usize;
        let skip = (p.CurrentVa as usize).wrapping_sub(first);
        if skip > (*p.Mdl).ByteCount as usize {
            return NDIS_STATUS_INVALID_PARAMETER;
        }
        pieces(p.Mdl, skip, p.Length as usize)
    };
    let Some(pieces) = found else {
        return NDIS_STATUS_INVALID_PARAMETER;
    };
    let needed = LIST_HEADER + ELEMENT * pieces.len();
    if !p.ScatterGatherListBuffer.is_null() && (p.ScatterGatherListBufferSize as usize) < needed {
        p.ScatterGatherListBufferSizeNeeded = needed as u32;
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    let memory = (
        p.ScatterGatherListBuffer as usize,
        p.ScatterGatherListBufferSize as usize,
    );
    let list = match build(&dma.adapter, &pieces, memory) {
        Ok(list) => list,
        Err(status) => return status,
    };
    if let Some(process) = p.ProcessSGListHandler {
        let context = p.Context;
        // SAFETY: the driver's handler, at DISPATCH_LEVEL.
        enter::driver("ProcessSGList", || unsafe {
            process(std::ptr::null_mut(), std::ptr::null_mut(), list, context);
        });
    } else {
        p.ScatterGatherListBuffer = list;
    }
    NDIS_STATUS_SUCCESS
}

pub(super) extern "win64" fn free_list(handle: usize, list: *mut SCATTER_GATHER_LIST, _write: u8) {
    let _: Arc<Dma> = handle::get(handle, HANDLE);
    release(list);
}
