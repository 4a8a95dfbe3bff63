//! Sending: a transmit queue, and a packet's way through it.
//!
//! ```text
//! MiniportSendNetBufferLists -> for each NET_BUFFER: scatter-gather list -> post, or wait for room
//!                                                                           |
//! NdisMSendNetBufferListsComplete <- last buffer of a list <- list freed <- used by the device
//! ```
//! What a packet needs lies in fields of it that are the miniport's while it has the packet, so sending allocates
//! nothing. Each buffer holds its lane, which thus outlives it.

mod finished;
mod ring;

use alloc::vec::Vec;

use ndis_sys::ndis::*;
use ndis_sys::nt::{PVOID, SCATTER_GATHER_LIST};
use rnic_driver_core::{Error, EthQueue};
use rnic_platform::Platform;

use super::Lane;
use super::chain::{BufferChain, ListChain};
use super::frame::Head;
use crate::engine::{Engine, NtNic};
use crate::hw::NtPlatform;
use crate::nt::{Shared, SpinLock};
use finished::{Finished, finish_one};
pub(super) use ring::Rules;
use ring::{Posted, Progress, State};

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

/// Used buffers taken under one lock.
const BATCH: usize = 64;
/// Batches that one DPC takes.
const ROUNDS: usize = 16;

/// A transmit queue.
pub struct Tx {
    state: SpinLock<State>,
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
                closed: None,
                done: 0,
                progress: Progress::default(),
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
                (*buffer).MiniportReserved[LANE] = Shared::into_raw(lane.clone()).cast();
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
        let rules = lane.rules();
        let refused = {
            let mut state = self.state.lock();
            let nic = &lane.engine().nic;
            if let Some(status) = state.closed {
                Some(status)
            } else if !state.waiting.is_empty() {
                // SAFETY: ours.
                unsafe { state.waiting.push(buffer) };
                None
            } else {
                // SAFETY: ours.
                match unsafe { state.post(buffer, rules) } {
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

    /// Takes what the device has sent, posts what waits, completes. At DISPATCH_LEVEL. Whether more may be left.
    pub fn service(&self, lane: &Shared<Lane>, engine: &Engine) -> bool {
        let rules = lane.rules();
        for _ in 0..ROUNDS {
            let mut done = Finished::new();
            let (mut used, mut refused) = ([core::ptr::null_mut(); BATCH], BufferChain::new());
            let mut count = 0;
            {
                let mut state = self.state.lock();
                for place in &mut used {
                    match state.queue.poll() {
                        Ok(Some(buffer)) => {
                            *place = state.release(buffer.context);
                            state.done = state.done.wrapping_add(1);
                            count += 1;
                        }
                        Ok(None) => break,
                        Err(violation) => {
                            engine.fail(violation.into());
                            break;
                        }
                    }
                }
                if count != 0 && state.closed.is_none() {
                    state.refill(&engine.nic, rules, &mut refused);
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
                return false;
            }
        }
        true
    }

    /// Whether there are frames that the device is done with.
    pub fn has_more(&self) -> bool {
        let state = self.state.lock();
        state.closed.is_none() && state.queue.has_more()
    }

    /// Whether the device has had frames and given none of them back for so long; without a limit it begins anew.
    pub fn is_stalled(&self, now: u64, limit: Option<u64>) -> bool {
        let mut state = self.state.lock();
        let owes = state.closed.is_none() && state.queue.has_posted() && !state.queue.has_more();
        let done = state.done;
        state.progress.is_stalled(owes.then_some(done), now, limit)
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
        self.abort(lane, cancelled, NDIS_STATUS_SEND_ABORTED);
    }

    /// The device is silent: everything comes back with this status, nothing goes any more.
    pub fn close(&self, lane: &Shared<Lane>, status: NDIS_STATUS) {
        let mut left = BufferChain::new();
        {
            let mut state = self.state.lock();
            state.closed = Some(status);
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
        self.abort(lane, left, status);
    }

    fn abort(&self, lane: &Shared<Lane>, mut buffers: BufferChain, status: NDIS_STATUS) {
        crate::nt::irql::at_dispatch(|| {
            let mut done = Finished::new();
            while let Some(buffer) = buffers.pop() {
                // SAFETY: in no queue, so ours.
                unsafe { done.add(lane, buffer, status) };
            }
            done.complete(lane);
        });
    }

    /// Asks for no interrupts, or for interrupts again.
    pub fn suppress_interrupts(&self, suppress: bool) {
        self.state.lock().queue.suppress_interrupts(suppress);
    }
}

/// A scatter-gather list that [`Tx::send`] asked for.
///
/// # Safety
/// Called by NDIS, at DISPATCH_LEVEL, with the list and the buffer.
pub unsafe fn sg_list_ready(list: *mut SCATTER_GATHER_LIST, buffer: *mut NET_BUFFER) {
    // SAFETY: the buffer is ours and holds its lane; the borrowed reference is not dropped.
    let (lane, index) = unsafe {
        (*buffer).MiniportReserved[SG_LIST] = list.cast();
        let lane = Shared::of((*buffer).MiniportReserved[LANE].cast::<Lane>());
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
