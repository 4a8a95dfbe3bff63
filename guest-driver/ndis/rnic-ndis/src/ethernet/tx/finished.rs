//! Packets whose last buffer is done.

use core::sync::atomic::{AtomicUsize, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::{PVOID, SCATTER_GATHER_LIST};

use super::{LANE, LIST, PENDING, SG_LIST};
use crate::ethernet::chain::ListChain;
use crate::ethernet::lane::Lane;
use crate::nt::Shared;

/// Lists whose last buffer is done.
pub(super) struct Finished {
    lists: ListChain,
}

impl Finished {
    pub(super) const fn new() -> Self {
        Self {
            lists: ListChain::new(),
        }
    }

    /// A buffer is done. At DISPATCH_LEVEL.
    ///
    /// # Safety
    /// The buffer is ours and in no queue; it is not touched afterwards.
    pub(super) unsafe fn add(
        &mut self,
        lane: &Shared<Lane>,
        buffer: *mut NET_BUFFER,
        status: NDIS_STATUS,
    ) {
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

    pub(super) fn complete(self, lane: &Shared<Lane>) {
        if !self.lists.is_empty() {
            lane.sent(self.lists);
        }
    }
}

/// A buffer is done, which may end its list.
///
/// # Safety
/// As for [`Finished::add`].
pub(super) unsafe fn finish_one(lane: &Shared<Lane>, buffer: *mut NET_BUFFER, status: NDIS_STATUS) {
    let mut done = Finished::new();
    // SAFETY: as promised.
    unsafe { done.add(lane, buffer, status) };
    done.complete(lane);
}
