//! Frames under way in the ring of a transmit queue.

use alloc::vec::Vec;

use ndis_sys::ndis::*;
use ndis_sys::nt::{SCATTER_GATHER_ELEMENT, SCATTER_GATHER_LIST};
use rnic_driver_core::{EthQueue, Fragment, PostError};
use rnic_platform::DmaBuffer;

use super::{LIST, SG_LIST};
use crate::engine::NtNic;
use crate::ethernet::chain::BufferChain;
use crate::ethernet::data;
use crate::ethernet::frame::{Head, Request, Tags, tag_from_info};
use crate::hw::{NtPlatform, SharedMemory};

/// Fragments of a frame at most. Windows' own packets have fewer; one with more is refused.
const MAX_FRAGMENTS: usize = 96;

/// What holds for every frame of the card.
#[derive(Clone, Copy, Debug)]
pub(in crate::ethernet) struct Rules {
    /// Longest frame, without tag, that is not to be cut.
    pub(in crate::ethernet) frame_bytes: u32,
    /// VLAN of frames that have none of their own; 0: none.
    pub(in crate::ethernet) vlan: u16,
    /// What packets may say of their tag.
    pub(in crate::ethernet) tags: Tags,
    /// Large sends are on: over IPv4, over IPv6.
    pub(in crate::ethernet) large_sends: [bool; 2],
}

/// Tag of a frame, by what was asked for (0: none) and the card's VLAN.
fn tag_of(info: usize, vlan: u16) -> Option<u16> {
    const IDENTIFIER: u16 = 0xFFF;
    let asked = tag_from_info(info);
    match (asked & IDENTIFIER, vlan) {
        (0, 1..) => Some(asked | vlan & IDENTIFIER),
        _ => (info != 0).then_some(asked),
    }
}

/// What became of a frame.
pub(super) enum Posted {
    Yes,
    NoRoom,
    Refused,
}

/// What a transmit queue has.
pub(super) struct State {
    pub(super) queue: EthQueue<NtPlatform>,
    /// Beginning of each frame under way.
    pub(super) heads: SharedMemory,
    /// By slot: the buffer under way.
    pub(super) slots: Vec<*mut NET_BUFFER>,
    pub(super) free: Vec<u16>,
    pub(super) waiting: BufferChain,
    /// The device ended, and nothing is posted any more: the status of what is sent.
    pub(super) closed: Option<NDIS_STATUS>,
    /// Frames that came back, free-running.
    pub(super) done: u32,
    pub(super) progress: Progress,
}

/// Whether the device goes on, as seen by looks at a queue.
#[derive(Default)]
pub(super) struct Progress {
    /// Frames that had come back, and the time of the first look that saw so many.
    seen: Option<(u32, u64)>,
}

impl Progress {
    /// A look. `done`: frames that came back so far, if the device has others; `now` and `limit` in nanoseconds. True once
    /// in each `limit`; without one what was seen before is forgotten.
    pub(super) fn is_stalled(&mut self, done: Option<u32>, now: u64, limit: Option<u64>) -> bool {
        let passed = match (self.seen, done) {
            (Some((seen, since)), Some(done)) if seen == done => Some(now.saturating_sub(since)),
            _ => None,
        };
        let stalled = passed
            .zip(limit)
            .is_some_and(|(passed, limit)| passed > limit);
        if stalled || passed.is_none() || limit.is_none() {
            self.seen = done.map(|done| (done, now));
        }
        stalled
    }
}

// SAFETY: the buffers belong to the queue while they are in it.
unsafe impl Send for State {}

impl State {
    /// Takes the buffer of a slot out.
    pub(super) fn release(&mut self, slot: u64) -> *mut NET_BUFFER {
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

    pub(super) fn refill(&mut self, nic: &NtNic, rules: Rules, refused: &mut BufferChain) {
        let mut posted = false;
        while let Some(buffer) = self.waiting.pop() {
            // SAFETY: ours while it waits.
            match unsafe { self.post(buffer, rules) } {
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
    pub(super) unsafe fn post(&mut self, buffer: *mut NET_BUFFER, rules: Rules) -> Posted {
        let Some(&slot) = self.free.last() else {
            return Posted::NoRoom;
        };
        // SAFETY: as promised.
        let (list, sg, unused, length) = unsafe {
            let buffer = &*buffer;
            (
                &*buffer.MiniportReserved[LIST].cast::<NET_BUFFER_LIST>(),
                buffer.MiniportReserved[SG_LIST].cast::<SCATTER_GATHER_LIST>(),
                // NDIS's list begins with the first byte of CurrentMdl, not with that of the data
                // (NdisMAllocateNetBufferSGList).
                buffer.CurrentMdlOffset as usize,
                buffer.DataLength as usize,
            )
        };
        let info = |index: usize| list.NetBufferListInfo[index] as usize;
        let request = Request::from_info(
            info(TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO),
            info(TCP_LARGE_SEND_NET_BUFFER_LIST_INFO),
        );
        let [v4, v6] = rules.large_sends;
        let possible = match request.segment {
            None => length <= rules.frame_bytes as usize,
            // One that was switched off is dropped. (OID_TCP_OFFLOAD_PARAMETERS)
            Some(_) if request.segment_v6 => v6,
            Some(_) => v4,
        };
        if !possible {
            return Posted::Refused;
        }
        let tag = tag_of(
            rules.tags.told(info(IEEE_8021Q_NET_BUFFER_LIST_INFO)),
            rules.vlan,
        );
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
        let Some(count) = gather(
            elements,
            unused + head.replaces,
            length - head.replaces,
            &mut fragments[1..],
        ) else {
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

/// `left` bytes, from byte `skip` of what the elements describe on, as fragments; their number, or none if they do not fit or
/// the elements describe less.
fn gather(
    elements: &[SCATTER_GATHER_ELEMENT],
    mut skip: usize,
    mut left: usize,
    fragments: &mut [Fragment],
) -> Option<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_stalled_that_gives_nothing_back_of_what_it_has() {
        let limit = Some(10);
        let mut progress = Progress::default();
        assert!(!progress.is_stalled(Some(7), 100, limit));
        assert!(!progress.is_stalled(Some(7), 110, limit));
        assert!(progress.is_stalled(Some(7), 111, limit));
        assert!(!progress.is_stalled(Some(7), 112, limit));
        assert!(progress.is_stalled(Some(7), 122, limit));
        // One frame is progress, and so is having none.
        assert!(!progress.is_stalled(Some(8), 200, limit));
        assert!(!progress.is_stalled(None, 205, limit));
        assert!(!progress.is_stalled(Some(8), 300, limit));
        assert!(progress.is_stalled(Some(8), 311, limit));
        assert!(!progress.is_stalled(Some(8), 330, None));
        assert!(!progress.is_stalled(Some(8), 340, limit));
        assert!(progress.is_stalled(Some(8), 341, limit));
    }

    fn element(address: i64, length: u32) -> SCATTER_GATHER_ELEMENT {
        SCATTER_GATHER_ELEMENT {
            Address: address,
            Length: length,
            Reserved: 0,
        }
    }

    /// VlanID was a filter of what is received alone: what was sent had no tag.
    #[test]
    fn frames_without_a_vlan_get_that_of_the_card() {
        // NDIS: priority in bits 0-2, identifier from bit 4; on the wire: priority in 13-15, identifier from 0.
        assert_eq!(tag_of(0, 0), None);
        assert_eq!(tag_of(0, 77), Some(77));
        assert_eq!(tag_of(5, 77), Some(5 << 13 | 77));
        assert_eq!(tag_of(5 | 9 << 4, 77), Some(5 << 13 | 9));
        assert_eq!(tag_of(5, 0), Some(5 << 13));
        // *PriorityVLANTag.
        let told = |value| tag_of(Tags::of(value).told(5 | 9 << 4), 0);
        assert_eq!(
            [0, 1, 2, 3].map(told),
            [None, Some(5 << 13), Some(9), Some(5 << 13 | 9)]
        );
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
        let count = gather(&elements, 12, 33, &mut fragments);
        assert_eq!(count, Some(2));
        assert_eq!((fragments[0].address, fragments[0].length), (0x2002, 18));
        assert_eq!((fragments[1].address, fragments[1].length), (0x3000, 15));
        assert_eq!(gather(&elements, 0, 61, &mut fragments), None);
        assert_eq!(gather(&elements, 0, 60, &mut fragments[..2]), None);
        assert_eq!(gather(&elements, 1, 60, &mut fragments), None);
        assert_eq!(gather(&elements, 60, 0, &mut fragments), Some(0));
    }
}
