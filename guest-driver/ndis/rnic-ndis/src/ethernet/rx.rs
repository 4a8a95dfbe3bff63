//! Receiving: a receive queue, and a buffer's way round.
//!
//! ```text
//! posted -> filled by the device -> NdisMIndicateReceiveNetBufferLists -> MiniportReturnNetBufferLists -> posted
//!                    `-- not wanted: posted again at once
//! ```
//! Every buffer has its MDL and NET_BUFFER_LIST from the start, so receiving allocates nothing. A list that Windows has
//! holds its lane, which thus outlives it.

use alloc::vec::Vec;

use ndis_sys::ndis::*;
use ndis_sys::nt::{MDL, PVOID};
use rnic_abi::RssTypes;
use rnic_driver_core::{Error, EthQueue, Fragment, UsedBuffer};
use rnic_platform::DmaBuffer;

use super::chain::ListChain;
use super::frame::{self, ETHERNET, HEADER, Tags};
use super::offload::Offloads;
use super::{Counts, Lane};
use crate::POOL_TAG;
use crate::engine::{Engine, NtNic};
use crate::hw::{NtPlatform, SharedMemory};
use crate::nt::{NoMemory, Shared, SpinLock};

/// NET_BUFFER_LIST.MiniportReserved: number of the buffer, with that of its queue above.
const PLACE: usize = 0;
/// Its lane, while Windows has it.
const LANE: usize = 1;
const QUEUE_SHIFT: u32 = 16;

/// Frames taken under one lock and indicated at once.
const BATCH: usize = 64;
/// Frames that one DPC takes, whether they are indicated or not.
const BUDGET: usize = 1024;

/// NET_BUFFER_LISTs for receiving.
pub struct Pool {
    pool: NDIS_HANDLE,
}

// SAFETY: NDIS's functions on pools are made for several threads.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// A pool of the adapter.
    pub fn try_new(adapter: NDIS_HANDLE) -> Result<Self, NoMemory> {
        let parameters = NET_BUFFER_LIST_POOL_PARAMETERS {
            Header: NET_BUFFER_LIST_POOL_PARAMETERS::HEADER,
            ProtocolId: 0,
            fAllocateNetBuffer: 1,
            ContextSize: 0,
            PoolTag: POOL_TAG,
            DataSize: 0,
            Flags: 0,
        };
        // SAFETY: good for the call.
        let pool = unsafe { NdisAllocateNetBufferListPool(adapter, &raw const parameters) };
        if pool.is_null() {
            Err(NoMemory)
        } else {
            Ok(Self { pool })
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: its lists were freed before.
        unsafe { NdisFreeNetBufferListPool(self.pool) }
    }
}

/// A buffer with all that Windows wants around it.
struct Buffer {
    memory: SharedMemory,
    mdl: *mut MDL,
    list: *mut NET_BUFFER_LIST,
}

// SAFETY: the MDL and the list belong to the buffer; one CPU at a time has it.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    fn try_new(
        adapter: NDIS_HANDLE,
        pool: &Pool,
        memory: SharedMemory,
        place: usize,
    ) -> Result<Self, NoMemory> {
        let length = u32::try_from(memory.len()).map_err(|_| NoMemory)?;
        // SAFETY: the memory is nonpaged and outlives the MDL.
        let mdl = unsafe { NdisAllocateMdl(adapter, memory.virtual_address().cast(), length) };
        if mdl.is_null() {
            return Err(NoMemory);
        }
        // From here `drop` undoes.
        let mut this = Self {
            memory,
            mdl,
            list: core::ptr::null_mut(),
        };
        // SAFETY: the MDL is valid.
        this.list = unsafe { NdisAllocateNetBufferAndNetBufferList(pool.pool, 0, 0, mdl, 0, 0) };
        if this.list.is_null() {
            return Err(NoMemory);
        }
        // SAFETY: ours.
        unsafe {
            (*this.list).SourceHandle = adapter;
            (*this.list).MiniportReserved[PLACE] = place as PVOID;
        }
        Ok(this)
    }

    fn fragment(&self) -> Fragment {
        Fragment {
            address: self.memory.iova(),
            length: u32::try_from(self.memory.len()).unwrap_or(0),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `try_new`, and Windows has neither: what it has holds the lane.
        unsafe {
            if !self.list.is_null() {
                NdisFreeNetBufferList(self.list);
            }
            NdisFreeMdl(self.mdl);
        }
    }
}

/// A receive queue.
pub struct Rx {
    buffers: Vec<Buffer>,
    state: SpinLock<State>,
}

struct State {
    queue: EthQueue<NtPlatform>,
    closed: bool,
}

/// How received frames are taken.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// What is told of tags, which are taken out in any case.
    pub tags: Tags,
    /// Only this VLAN; 0: any.
    pub vlan: u16,
    /// What of verified checksums is told.
    pub checksums: Offloads,
    /// Hashes are told.
    pub hash: Option<([u8; 40], RssTypes)>,
}

impl Rx {
    /// A queue of the device with `count` buffers of `bytes` bytes each, posted.
    pub fn try_new(
        adapter: NDIS_HANDLE,
        pool: &Pool,
        nic: &NtNic,
        mut queue: EthQueue<NtPlatform>,
        (count, bytes): (usize, usize),
    ) -> Result<Self, (Error, EthQueue<NtPlatform>)> {
        let mut buffers = Vec::new();
        if buffers.try_reserve_exact(count).is_err() {
            return Err((Error::NoMemory, queue));
        }
        let number = usize::from(queue.index()) << QUEUE_SHIFT;
        for index in 0..count {
            let memory = match SharedMemory::allocate(nic.platform().hardware(), bytes) {
                Ok(memory) => memory,
                Err(error) => return Err((error.into(), queue)),
            };
            match Buffer::try_new(adapter, pool, memory, number | index) {
                Ok(buffer) => buffers.push(buffer),
                Err(NoMemory) => return Err((Error::NoMemory, queue)),
            }
        }
        for (index, buffer) in buffers.iter().enumerate() {
            // Never full: the ring has at least as many entries.
            if queue.post(index as u64, &[buffer.fragment()]).is_err() {
                return Err((Error::Argument("buffers"), queue));
            }
        }
        queue.ring(nic);
        Ok(Self {
            buffers,
            state: SpinLock::new(State {
                queue,
                closed: false,
            }),
        })
    }

    /// Takes received frames, `most` at most, and hands them to Windows. At DISPATCH_LEVEL. Whether more may be left.
    pub fn service(&self, lane: &Shared<Lane>, engine: &Engine, mode: &Mode, most: u32) -> bool {
        // One at least, so that it goes on.
        let mut left = (most as usize).clamp(1, BUDGET);
        while left > 0 {
            let mut used = [UsedBuffer {
                context: 0,
                length: 0,
            }; BATCH];
            let mut count = 0;
            {
                let mut state = self.state.lock();
                if state.closed {
                    return false;
                }
                for place in used.iter_mut().take(left) {
                    match state.queue.poll() {
                        Ok(Some(buffer)) => {
                            *place = buffer;
                            count += 1;
                        }
                        Ok(None) => break,
                        Err(violation) => {
                            engine.fail(violation.into());
                            break;
                        }
                    }
                }
            }
            let (mut wanted, mut posted) = (ListChain::new(), false);
            let mut counts = Counts::default();
            for buffer in used.iter().take(count) {
                let index = usize::try_from(buffer.context).unwrap_or(usize::MAX);
                match self.dress(index, buffer.length as usize, mode, &mut counts) {
                    // SAFETY: the list is the buffer's, which is ours.
                    Some(list) => unsafe { wanted.push(list) },
                    None => {
                        self.post(index);
                        posted = true;
                    }
                }
            }
            lane.count_received(&counts);
            if !wanted.is_empty() {
                let mut lists = wanted;
                let mut held = ListChain::new();
                while let Some(list) = lists.pop() {
                    // SAFETY: ours until it is indicated.
                    unsafe {
                        (*list).MiniportReserved[LANE] = Shared::into_raw(lane.clone()).cast();
                        held.push(list);
                    }
                }
                lane.received(held);
            }
            if posted {
                self.ring(&engine.nic);
            }
            if count < BATCH.min(left) {
                return false;
            }
            left -= count;
        }
        true
    }

    /// Whether there are frames to take.
    pub fn has_more(&self) -> bool {
        let state = self.state.lock();
        !state.closed && state.queue.has_more()
    }

    /// Makes a filled buffer's list describe its frame; none if the frame is not wanted.
    fn dress(
        &self,
        index: usize,
        length: usize,
        mode: &Mode,
        counts: &mut Counts,
    ) -> Option<*mut NET_BUFFER_LIST> {
        let buffer = self.buffers.get(index)?;
        let bytes = length.checked_sub(HEADER)?;
        if bytes < ETHERNET {
            counts.errors += 1;
            return None;
        }
        let mut header = [0; HEADER];
        buffer.memory.read(0, &mut header);
        let mut head = [0u8; 96];
        let seen = bytes.min(head.len());
        buffer.memory.read(HEADER, head.get_mut(..seen)?);
        let head = head.get(..seen)?;
        let tag = frame::tag(head);
        let identifier = tag.unwrap_or(0) & 0xFFF;
        if mode.vlan != 0 && identifier != mode.vlan {
            return None;
        }
        let (mut offset, mut size, mut info) = (HEADER, bytes, 0);
        // A runt that ends within its tag keeps it: what is left would have no type.
        if let Some(tag) = tag.filter(|_| bytes >= ETHERNET + 4) {
            // The addresses move up against the type.
            buffer.memory.write(HEADER + 4, head.get(..12)?);
            (offset, size) = (HEADER + 4, bytes - 4);
            info = mode.tags.told(frame::info_from_tag(tag));
        }
        counts.frame(frame::cast(head), size as u64);
        let checksum = if frame::is_verified(&header) {
            mode.checksums.verified(head)
        } else {
            0
        };
        let hash = mode
            .hash
            .as_ref()
            .and_then(|(key, types)| frame::hash(key, *types, head));
        let (offset, size) = (u32::try_from(offset).ok()?, u32::try_from(size).ok()?);
        // SAFETY: the buffer is ours, with its list and MDL.
        unsafe {
            let list = &mut *buffer.list;
            list.Status = NDIS_STATUS_SUCCESS;
            list.NblFlags = 0;
            let infos = &mut list.NetBufferListInfo;
            // What others left there when Windows had it.
            infos.fill(core::ptr::null_mut());
            infos[TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO] = checksum as PVOID;
            infos[IEEE_8021Q_NET_BUFFER_LIST_INFO] = info as PVOID;
            let (value, kind) = hash.unwrap_or((0, 0));
            infos[NET_BUFFER_LIST_HASH_VALUE] = value as usize as PVOID;
            // NDIS_HASH_FUNCTION of the low byte: Toeplitz is 1.
            infos[NET_BUFFER_LIST_HASH_INFO] =
                (if kind == 0 { 0 } else { kind | 1 }) as usize as PVOID;
            (*buffer.mdl).ByteCount = offset + size;
            let data = &mut *list.FirstNetBuffer;
            data.MdlChain = buffer.mdl;
            data.CurrentMdl = buffer.mdl;
            data.DataOffset = offset;
            data.CurrentMdlOffset = offset;
            data.DataLength = size;
        }
        Some(buffer.list)
    }

    /// Posts a buffer; shown to the device by the next ring.
    fn post(&self, index: usize) {
        let Some(buffer) = self.buffers.get(index) else {
            return;
        };
        let mut state = self.state.lock();
        if !state.closed {
            // Never full: each buffer is in the ring once.
            let _ = state.queue.post(index as u64, &[buffer.fragment()]);
        }
    }

    fn ring(&self, nic: &NtNic) {
        let mut state = self.state.lock();
        if !state.closed {
            state.queue.ring(nic);
        }
    }

    /// The device is silent: nothing is posted any more.
    pub fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Asks for no interrupts, or for interrupts again.
    pub fn suppress_interrupts(&self, suppress: bool) {
        self.state.lock().queue.suppress_interrupts(suppress);
    }
}

/// Lists that Windows gives back, or that were not indicated; how many.
///
/// # Safety
/// They came from [`Rx::service`], and are ours again.
pub unsafe fn returned(mut lists: ListChain) -> u32 {
    let count = lists.len();
    while let Some(list) = lists.pop() {
        // SAFETY: as promised: each holds its lane.
        let (lane, place) = unsafe {
            (
                Shared::from_raw((*list).MiniportReserved[LANE].cast::<Lane>()),
                (*list).MiniportReserved[PLACE] as usize,
            )
        };
        let (queue, index) = (place >> QUEUE_SHIFT, place & ((1 << QUEUE_SHIFT) - 1));
        if let Some(rx) = lane.rx.get(queue) {
            rx.post(index);
            rx.ring(&lane.engine().nic);
        }
    }
    count
}
