//! Sending: a transmit queue, and a packet's way through it.
//!
//! ```text
//! MiniportSendNetBufferLists -> for each NET_BUFFER: scatter-gather list -> post, or wait for room
//!                                                                           |
//! NdisMSendNetBufferListsComplete <- last buffer of a list <- list freed <- used by the device
//! ```
//! What a packet needs lies in fields of it that are the miniport's while it has the packet, so sending allocates
//! nothing. Each buffer holds its lane, which thus outlives it.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::{PVOID, SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST};
use rnic_driver_core::{Error, EthQueue, Fragment, PostError};
use rnic_platform::{DmaBuffer, Platform};

use super::chain::{BufferChain, ListChain};
use super::frame::{Head, Request, tag_from_info};
use super::{Lane, data};
use crate::engine::{Engine, NtNic};
use crate::hw::{NtPlatform, SharedMemory};
use crate::nt::{Shared, SpinLock};

/// NET_BUFFER.MiniportReserved: the list it belongs to.
const LIST: usize = 0;
/// Its scatter-gather list.
const SG_LIST: usize = 1;
/// Its lane.
const LANE: usize = 2;
/// The next one that waits.
pub(super) const LINK: usize = 3;
/// NET_BUFFER_LIST.MiniportReserved: buffers that are not done.
const PENDING: usize = 0;
/// The queue it goes through.
const QUEUE: usize = 1;

/// Fragments of a frame at most. Windows' own packets have fewer; one with more is refused.
const MAX_FRAGMENTS: usize = 96;
/// Used buffers taken under one lock.
const BATCH: usize = 64;

/// A transmit queue.
pub struct Tx {
    state: SpinLock<State>,
}

struct State {
    queue: EthQueue<NtPlatform>,
    /// Beginning of each frame under way.
    heads: SharedMemory,
    /// By slot: the buffer under way.
    slots: Vec<*mut NET_BUFFER>,
    free: Vec<u16>,
    waiting: BufferChain,
    /// The device ended: nothing is posted any more.
    closed: bool,
}

// SAFETY: the buffers belong to the queue while they are in it.
unsafe impl Send for State {}

enum Posted {
    Yes,
    NoRoom,
    Refused,
}

impl Tx {
    /// A queue of the device, with room for as many frames as `slots`.
    pub fn try_new(
        nic: &NtNic,
        queue: EthQueue<NtPlatform>,
        slots: u16,
    ) -> Result<Self, (Error, EthQueue<NtPlatform>)> {
        let heads = match nic.platform().alloc_dma(
            usize::from(slots) * Head::ROOM,
            rnic_platform::DmaAccess::DeviceReads,
        ) {
            Ok(heads) => heads,
            Err(error) => return Err((error.into(), queue)),
        };
        let (mut list, mut free) = (Vec::new(), Vec::new());
        if list.try_reserve_exact(slots.into()).is_err()
            || free.try_reserve_exact(slots.into()).is_err()
        {
            return Err((Error::NoMemory, queue));
        }
        list.resize(slots.into(), core::ptr::null_mut());
        free.extend(0..slots);
        Ok(Self {
            state: SpinLock::new(State {
                queue,
                heads,
                slots: list,
                free,
                waiting: BufferChain::new(),
                closed: false,
            }),
        })
    }

    /// Sends a list, at DISPATCH_LEVEL. It may be complete when this returns.
    ///
    /// # Safety
    /// The list is valid and ours; `lane` is the lane of this queue, which has the number `index`.
    pub unsafe fn send(lane: &Shared<Lane>, index: usize, list: *mut NET_BUFFER_LIST) {
        // SAFETY: ours.
        let first = unsafe {
            (*list).Status = NDIS_STATUS_SUCCESS;
            (*list).MiniportReserved[QUEUE] = index as PVOID;
            (*list).FirstNetBuffer
        };
        let mut count = 0usize;
        let mut at = first;
        while !at.is_null() {
            count += 1;
            // SAFETY: ours.
            at = unsafe { (*at).Next };
        }
        // SAFETY: ours.
        unsafe { (*list).MiniportReserved[PENDING] = count.max(1) as PVOID };
        if first.is_null() {
            // Nothing to send.
            let mut done = ListChain::new();
            // SAFETY: ours, and complete.
            unsafe { done.push(list) };
            return lane.sent(done);
        }
        at = first;
        while !at.is_null() {
            let buffer = at;
            // SAFETY: ours until it is given to NDIS or the device; after the last one nothing of the list is touched.
            let status = unsafe {
                at = (*buffer).Next;
                (*buffer).MiniportReserved[LIST] = list.cast();
                (*buffer).MiniportReserved[SG_LIST] = core::ptr::null_mut();
                (*buffer).MiniportReserved[LANE] = Shared::into_raw(lane.clone()).cast_mut().cast();
                NdisMAllocateNetBufferSGList(
                    lane.hardware().dma(),
                    buffer,
                    buffer.cast(),
                    NDIS_SG_LIST_WRITE_TO_DEVICE,
                    core::ptr::null_mut(),
                    0,
                )
            };
            if status != NDIS_STATUS_SUCCESS && status != NDIS_STATUS_PENDING {
                // SAFETY: NDIS does not call back, so the buffer is ours again.
                unsafe { finish_one(lane, buffer, NDIS_STATUS_RESOURCES) };
            }
        }
    }

    /// Posts a buffer whose scatter-gather list is there, or keeps it until there is room. At DISPATCH_LEVEL.
    ///
    /// # Safety
    /// The buffer is ours.
    unsafe fn enqueue(&self, lane: &Shared<Lane>, buffer: *mut NET_BUFFER) {
        let refused = {
            let mut state = self.state.lock();
            let nic = &lane.engine().nic;
            if state.closed {
                Some(NDIS_STATUS_REQUEST_ABORTED)
            } else if !state.waiting.is_empty() {
                // SAFETY: ours.
                unsafe { state.waiting.push(buffer) };
                None
            } else {
                // SAFETY: ours.
                match unsafe { state.post(buffer) } {
                    Posted::Yes => {
                        state.queue.ring(nic);
                        None
                    }
                    Posted::NoRoom => {
                        // SAFETY: ours.
                        unsafe { state.waiting.push(buffer) };
                        None
                    }
                    Posted::Refused => Some(NDIS_STATUS_INVALID_PACKET),
                }
            }
        };
        if let Some(status) = refused {
            // SAFETY: ours, in no queue.
            unsafe { finish_one(lane, buffer, status) };
        }
    }

    /// Takes what the device has sent, posts what waits, completes. At DISPATCH_LEVEL.
    pub fn service(&self, lane: &Shared<Lane>, engine: &Engine) {
        loop {
            let mut done = Finished::new();
            let (mut used, mut refused) = ([core::ptr::null_mut(); BATCH], BufferChain::new());
            let mut count = 0;
            {
                let mut state = self.state.lock();
                for place in &mut used {
                    match state.queue.poll() {
                        Ok(Some(buffer)) => {
                            *place = state.release(buffer.context);
                            count += 1;
                        }
                        Ok(None) => break,
                        Err(violation) => {
                            engine.fail(violation.into());
                            break;
                        }
                    }
                }
                if count != 0 && !state.closed {
                    state.refill(&engine.nic, &mut refused);
                }
            }
            for buffer in used.into_iter().filter(|buffer| !buffer.is_null()) {
                // SAFETY: out of the queue, so ours.
                unsafe { done.add(lane, buffer, NDIS_STATUS_SUCCESS) };
            }
            while let Some(buffer) = refused.pop() {
                // SAFETY: as above.
                unsafe { done.add(lane, buffer, NDIS_STATUS_INVALID_PACKET) };
            }
            done.complete(lane);
            if count < BATCH {
                return;
            }
        }
    }

    /// Gives back what waits and has this NetBufferListCancelId. At <= DISPATCH_LEVEL.
    pub fn cancel(&self, lane: &Shared<Lane>, id: PVOID) {
        let mut cancelled = BufferChain::new();
        {
            let mut state = self.state.lock();
            let mut kept = BufferChain::new();
            while let Some(buffer) = state.waiting.pop() {
                // SAFETY: ours while it waits.
                unsafe {
                    let list = (*buffer).MiniportReserved[LIST].cast::<NET_BUFFER_LIST>();
                    if (*list).NetBufferListInfo[NET_BUFFER_LIST_CANCEL_ID] == id {
                        cancelled.push(buffer);
                    } else {
                        kept.push(buffer);
                    }
                }
            }
            state.waiting = kept;
        }
        self.abort(lane, cancelled);
    }

    /// The device is silent: everything comes back, nothing goes any more.
    pub fn close(&self, lane: &Shared<Lane>) {
        let mut left = BufferChain::new();
        {
            let mut state = self.state.lock();
            state.closed = true;
            for slot in 0..state.slots.len() {
                let buffer = state.release(slot as u64);
                if !buffer.is_null() {
                    // SAFETY: the device does not use it any more, so ours.
                    unsafe { left.push(buffer) };
                }
            }
            while let Some(buffer) = state.waiting.pop() {
                // SAFETY: ours.
                unsafe { left.push(buffer) };
            }
        }
        self.abort(lane, left);
    }

    fn abort(&self, lane: &Shared<Lane>, mut buffers: BufferChain) {
        crate::nt::irql::at_dispatch(|| {
            let mut done = Finished::new();
            while let Some(buffer) = buffers.pop() {
                // SAFETY: in no queue, so ours.
                unsafe { done.add(lane, buffer, NDIS_STATUS_REQUEST_ABORTED) };
            }
            done.complete(lane);
        });
    }

    /// Asks for no interrupts, or for interrupts again.
    pub fn suppress_interrupts(&self, suppress: bool) {
        self.state.lock().queue.suppress_interrupts(suppress);
    }
}

impl State {
    /// Takes the buffer of a slot out.
    fn release(&mut self, slot: u64) -> *mut NET_BUFFER {
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        let Some(place) = self.slots.get_mut(index) else {
            return core::ptr::null_mut();
        };
        let buffer = core::mem::replace(place, core::ptr::null_mut());
        if !buffer.is_null()
            && let Ok(slot) = u16::try_from(slot)
        {
            self.free.push(slot);
        }
        buffer
    }

    fn refill(&mut self, nic: &NtNic, refused: &mut BufferChain) {
        let mut posted = false;
        while let Some(buffer) = self.waiting.pop() {
            // SAFETY: ours while it waits.
            match unsafe { self.post(buffer) } {
                Posted::Yes => posted = true,
                Posted::NoRoom => {
                    // SAFETY: ours.
                    unsafe { self.waiting.push_front(buffer) };
                    break;
                }
                // SAFETY: ours.
                Posted::Refused => unsafe { refused.push(buffer) },
            }
        }
        if posted {
            self.queue.ring(nic);
        }
    }

    /// Makes a frame available to the device.
    ///
    /// # Safety
    /// The buffer is ours, with its list and its scatter-gather list.
    unsafe fn post(&mut self, buffer: *mut NET_BUFFER) -> Posted {
        let Some(&slot) = self.free.last() else {
            return Posted::NoRoom;
        };
        // SAFETY: as promised.
        let (list, sg, length) = unsafe {
            let buffer = &*buffer;
            (
                &*buffer.MiniportReserved[LIST].cast::<NET_BUFFER_LIST>(),
                buffer.MiniportReserved[SG_LIST].cast::<SCATTER_GATHER_LIST>(),
                buffer.DataLength as usize,
            )
        };
        let info = |index: usize| list.NetBufferListInfo[index] as usize;
        let request = Request::from_info(
            info(TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO),
            info(TCP_LARGE_SEND_NET_BUFFER_LIST_INFO),
        );
        let tag = match info(IEEE_8021Q_NET_BUFFER_LIST_INFO) {
            0 => None,
            info => Some(tag_from_info(info)),
        };
        let mut head = [0; Head::ROOM];
        // SAFETY: as promised.
        let got = unsafe { data::head(buffer, &mut head) };
        if got < length.min(head.len()) {
            return Posted::Refused;
        }
        let Ok(head) = Head::build(head.get(..got).unwrap_or(&[]), length, &request, tag) else {
            return Posted::Refused;
        };
        let at = usize::from(slot) * Head::ROOM;
        self.heads.write(at, head.bytes());
        let mut fragments = [Fragment {
            address: self.heads.iova() + at as u64,
            length: u32::try_from(head.bytes().len()).unwrap_or(0),
        }; MAX_FRAGMENTS];
        // SAFETY: as promised; NDIS's list has so many elements.
        let elements = unsafe {
            core::slice::from_raw_parts(
                (&raw const (*sg).Elements).cast::<SCATTER_GATHER_ELEMENT>(),
                (*sg).NumberOfElements as usize,
            )
        };
        let Some(count) = gather(elements, head.replaces, length, &mut fragments[1..]) else {
            return Posted::Refused;
        };
        match self
            .queue
            .post(slot.into(), fragments.get(..=count).unwrap_or(&[]))
        {
            Ok(()) => {
                self.free.pop();
                if let Some(place) = self.slots.get_mut(usize::from(slot)) {
                    *place = buffer;
                }
                Posted::Yes
            }
            Err(PostError::Full) => Posted::NoRoom,
            Err(_) => Posted::Refused,
        }
    }
}

/// Bytes `skip..length` of what the elements describe, as fragments; their number, or none if they do not fit or the
/// elements describe less.
fn gather(
    elements: &[SCATTER_GATHER_ELEMENT],
    mut skip: usize,
    length: usize,
    fragments: &mut [Fragment],
) -> Option<usize> {
    let mut left = length.checked_sub(skip)?;
    let mut places = fragments.iter_mut();
    let mut count = 0;
    for element in elements {
        let here = element.Length as usize;
        let skipped = skip.min(here);
        skip -= skipped;
        let take = (here - skipped).min(left);
        if take == 0 {
            continue;
        }
        *places.next()? = Fragment {
            address: element.Address.cast_unsigned() + skipped as u64,
            length: u32::try_from(take).ok()?,
        };
        count += 1;
        left -= take;
    }
    (left == 0).then_some(count)
}

/// A scatter-gather list that [`Tx::send`] asked for.
///
/// # Safety
/// Called by NDIS, at DISPATCH_LEVEL, with the list and the buffer.
pub unsafe fn sg_list_ready(list: *mut SCATTER_GATHER_LIST, buffer: *mut NET_BUFFER) {
    // SAFETY: the buffer is ours and holds its lane; the borrowed reference is not dropped.
    let (lane, index) = unsafe {
        (*buffer).MiniportReserved[SG_LIST] = list.cast();
        let lane = Shared::share_raw((*buffer).MiniportReserved[LANE].cast::<Lane>());
        let packet = (*buffer).MiniportReserved[LIST].cast::<NET_BUFFER_LIST>();
        (lane, (*packet).MiniportReserved[QUEUE] as usize)
    };
    match lane.tx.get(index) {
        // SAFETY: ours.
        Some(tx) => unsafe { tx.enqueue(&lane, buffer) },
        // SAFETY: ours.
        None => unsafe { finish_one(&lane, buffer, NDIS_STATUS_FAILURE) },
    }
}

/// Lists whose last buffer is done.
struct Finished {
    lists: ListChain,
}

impl Finished {
    const fn new() -> Self {
        Self {
            lists: ListChain::new(),
        }
    }

    /// A buffer is done. At DISPATCH_LEVEL.
    ///
    /// # Safety
    /// The buffer is ours and in no queue; it is not touched afterwards.
    unsafe fn add(&mut self, lane: &Shared<Lane>, buffer: *mut NET_BUFFER, status: NDIS_STATUS) {
        // SAFETY: as promised. The count is one atomic word, as buffers of one list may end on several CPUs.
        unsafe {
            let list = (*buffer).MiniportReserved[LIST].cast::<NET_BUFFER_LIST>();
            let sg = (*buffer).MiniportReserved[SG_LIST].cast::<SCATTER_GATHER_LIST>();
            if !sg.is_null() {
                NdisMFreeNetBufferSGList(lane.hardware().dma(), sg, buffer);
            }
            drop(Shared::from_raw(
                (*buffer).MiniportReserved[LANE].cast::<Lane>(),
            ));
            if status != NDIS_STATUS_SUCCESS {
                (*list).Status = status;
                lane.count_send_error();
            }
            let pending =
                AtomicUsize::from_ptr((&raw mut (*list).MiniportReserved[PENDING]).cast::<usize>());
            if pending.fetch_sub(1, Ordering::AcqRel) == 1 {
                let large = &raw mut (*list).NetBufferListInfo[TCP_LARGE_SEND_NET_BUFFER_LIST_INFO];
                if !(*large).is_null() {
                    // LsoV2TransmitComplete: the type, and nothing else.
                    *large = (1usize << 30) as PVOID;
                }
                self.lists.push(list);
            }
        }
    }

    fn complete(self, lane: &Shared<Lane>) {
        if !self.lists.is_empty() {
            lane.sent(self.lists);
        }
    }
}

/// # Safety
/// As for [`Finished::add`].
unsafe fn finish_one(lane: &Shared<Lane>, buffer: *mut NET_BUFFER, status: NDIS_STATUS) {
    let mut done = Finished::new();
    // SAFETY: as promised.
    unsafe { done.add(lane, buffer, status) };
    done.complete(lane);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(address: i64, length: u32) -> SCATTER_GATHER_ELEMENT {
        SCATTER_GATHER_ELEMENT {
            Address: address,
            Length: length,
            Reserved: 0,
        }
    }

    #[test]
    fn replaced_bytes_are_skipped_across_elements_and_excess_is_cut() {
        let elements = [
            element(0x1000, 10),
            element(0x2000, 20),
            element(0x3000, 30),
        ];
        let mut fragments = [Fragment {
            address: 0,
            length: 0,
        }; 4];
        let count = gather(&elements, 12, 45, &mut fragments);
        assert_eq!(count, Some(2));
        assert_eq!((fragments[0].address, fragments[0].length), (0x2002, 18));
        assert_eq!((fragments[1].address, fragments[1].length), (0x3000, 15));
        assert_eq!(gather(&elements, 0, 61, &mut fragments), None);
        assert_eq!(gather(&elements, 0, 60, &mut fragments[..2]), None);
        assert_eq!(gather(&elements, 60, 60, &mut fragments), Some(0));
    }
}
