//! Queues of work requests, with what is remembered of each request until its completion is polled.
//!
//! ```text
//!        freed                         posted
//! -------|-----------------------------|------------> free-running, modulo 2^32
//!  free  | posted, or completed and not polled
//! ```
//! The device's completion names an index; context and kind are ours. So a device that answers nonsense can neither make
//! up a consumer's context nor complete a request twice.
#![forbid(unsafe_code)]

use alloc::vec::Vec;

use ndis_sys::ndk::*;
use rnic_abi::Segment;
use rnic_driver_core::{Nic, RecvQueue, SendQueue, WorkRequest};
use rnic_platform::Platform;

use crate::raw::{Context, NoMemory};
use crate::status::of_post;

/// A request that may still complete.
#[derive(Clone, Copy)]
struct Posted {
    index: u32,
    context: Context,
    kind: NDK_OPERATION_TYPE,
    /// Bytes that a receive has room for.
    room: u32,
    silent: bool,
    live: bool,
}

/// A receive that completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// The consumer's context.
    pub(crate) context: Context,
    /// Bytes that it had room for, whatever the device says that it wrote.
    pub(crate) room: u32,
}

/// Bytes that a list describes.
pub(crate) fn room(list: &[Segment]) -> u32 {
    let bytes = list.iter().map(|segment| u64::from(segment.length.get()));
    u32::try_from(bytes.sum::<u64>()).unwrap_or(u32::MAX)
}

impl Posted {
    const NONE: Self = Self {
        index: 0,
        context: Context::NULL,
        kind: NdkOperationTypeReceive,
        room: 0,
        silent: false,
        live: false,
    };
}

/// What is remembered of the requests of a queue.
struct Shadow {
    entries: Vec<Posted>,
    depth: u32,
    freed: u32,
    posted: u32,
}

impl Shadow {
    fn new(entries: u32, depth: u32) -> Result<Self, NoMemory> {
        let mut list = Vec::new();
        list.try_reserve_exact(entries as usize)
            .map_err(|_| NoMemory)?;
        list.resize(entries as usize, Posted::NONE);
        Ok(Self {
            entries: list,
            depth,
            freed: 0,
            posted: 0,
        })
    }

    /// Rings have a power of two of entries.
    fn at(&mut self, index: u32) -> Option<&mut Posted> {
        let mask = self.entries.len().wrapping_sub(1);
        self.entries.get_mut(index as usize & mask)
    }

    fn is_full(&self) -> bool {
        self.posted.wrapping_sub(self.freed) >= self.depth
    }

    /// Frees what has completed, from the oldest on; silent requests when the device retired them.
    fn free(&mut self, retired: Option<u32>) {
        while self.freed != self.posted {
            let freed = self.freed;
            let Some(entry) = self.at(freed) else { return };
            let silently = retired.is_some_and(|retired| {
                entry.silent && retired.wrapping_sub(freed).wrapping_sub(1) < u32::MAX / 2
            });
            if entry.live && !silently {
                return;
            }
            entry.live = false;
            self.freed = freed.wrapping_add(1);
        }
    }

    fn note(&mut self, index: u32, context: Context, kind: NDK_OPERATION_TYPE, silent: bool) {
        if let Some(entry) = self.at(index) {
            *entry = Posted {
                index,
                context,
                kind,
                room: 0,
                silent,
                live: true,
            };
        }
        self.posted = index.wrapping_add(1);
    }

    fn note_receive(&mut self, index: u32, received: Received) {
        self.note(index, received.context, NdkOperationTypeReceive, false);
        if let Some(entry) = self.at(index) {
            entry.room = received.room;
        }
    }

    /// The receive that completed; once.
    fn take_receive(&mut self, index: u32) -> Option<Received> {
        let room = self.at(index)?.room;
        let (context, _) = self.take(index)?;
        Some(Received { context, room })
    }

    /// The request that completed; once.
    fn take(&mut self, index: u32) -> Option<(Context, NDK_OPERATION_TYPE)> {
        let entry = self.at(index)?;
        if !entry.live || entry.index != index {
            return None;
        }
        entry.live = false;
        let taken = (entry.context, entry.kind);
        self.free(None);
        Some(taken)
    }

    /// The oldest request that has not completed, once, and its index.
    fn take_oldest(&mut self) -> Option<(u32, (Context, NDK_OPERATION_TYPE))> {
        self.free(None);
        if self.freed == self.posted {
            return None;
        }
        let index = self.freed;
        Some((index, self.take(index)?))
    }
}

/// Initiator requests of a queue pair.
pub(crate) struct Initiator<P: Platform> {
    pub(crate) queue: SendQueue<P>,
    shadow: Shadow,
}

impl<P: Platform> Initiator<P> {
    pub(crate) fn new(queue: SendQueue<P>, depth: u32) -> Result<Self, (SendQueue<P>, NoMemory)> {
        match Shadow::new(queue.entries(), depth.min(queue.entries())) {
            Ok(shadow) => Ok(Self { queue, shadow }),
            Err(error) => Err((queue, error)),
        }
    }

    /// Posts; the device sees it, and everything deferred before, unless `defer`.
    pub(crate) fn post(
        &mut self,
        nic: &Nic<P>,
        request: &WorkRequest<'_>,
        (context, kind): (Context, NDK_OPERATION_TYPE),
        defer: bool,
    ) -> NTSTATUS {
        if self.shadow.is_full() {
            if self.queue.refresh().is_err() {
                return self.refuse(nic, STATUS_INTERNAL_ERROR);
            }
            self.shadow.free(Some(self.queue.retired()));
            if self.shadow.is_full() {
                return self.refuse(nic, STATUS_NO_MORE_ENTRIES);
            }
        }
        match self.queue.post(request) {
            Ok(index) => {
                self.shadow
                    .note(index, context, kind, request.flags.silent());
                if !defer {
                    self.queue.ring(nic);
                }
                STATUS_SUCCESS
            }
            Err(error) => self.refuse(nic, of_post(error)),
        }
    }

    /// A request that is refused still hands over those that were deferred before it. (ndkpi.md 6.4)
    pub(crate) fn refuse(&mut self, nic: &Nic<P>, status: NTSTATUS) -> NTSTATUS {
        self.show_deferred(nic);
        status
    }

    pub(crate) fn show_deferred(&mut self, nic: &Nic<P>) {
        if self.queue.has_deferred() {
            self.queue.ring(nic);
        }
    }

    /// Context and kind of the request that completed.
    pub(crate) fn completed(
        &mut self,
        index: u32,
        retired: u32,
    ) -> Option<(Context, NDK_OPERATION_TYPE)> {
        self.queue.retire_to(retired).ok()?;
        self.shadow.take(index)
    }

    /// The oldest request that the device left behind. Silent ones that it said were retired have succeeded.
    pub(crate) fn left_behind(&mut self) -> Option<(Context, NDK_OPERATION_TYPE)> {
        if self.queue.refresh().is_ok() {
            self.shadow.free(Some(self.queue.retired()));
        }
        let (index, request) = self.shadow.take_oldest()?;
        // Room for another; what the device said of it before does not matter any more.
        let _ = self.queue.retire_to(index.wrapping_add(1));
        Some(request)
    }
}

/// Receives of a queue pair.
pub(crate) struct Receives<P: Platform> {
    pub(crate) queue: RecvQueue<P>,
    shadow: Shadow,
}

impl<P: Platform> Receives<P> {
    pub(crate) fn new(queue: RecvQueue<P>, depth: u32) -> Result<Self, (RecvQueue<P>, NoMemory)> {
        match Shadow::new(queue.entries(), depth.min(queue.entries())) {
            Ok(shadow) => Ok(Self { queue, shadow }),
            Err(error) => Err((queue, error)),
        }
    }

    pub(crate) fn post(
        &mut self,
        nic: &Nic<P>,
        serial: u32,
        context: Context,
        list: &[Segment],
    ) -> NTSTATUS {
        if self.shadow.is_full() {
            return STATUS_NO_MORE_ENTRIES;
        }
        match self.queue.post(stamp(serial, 0), list) {
            Ok(index) => {
                let room = room(list);
                self.shadow.note_receive(index, Received { context, room });
                self.queue.ring(nic);
                STATUS_SUCCESS
            }
            Err(error) => of_post(error),
        }
    }

    pub(crate) fn completed(&mut self, index: u32, retired: u32) -> Option<Received> {
        self.queue.retire_to(retired).ok()?;
        self.shadow.take_receive(index)
    }

    /// The oldest receive that the device left behind.
    pub(crate) fn left_behind(&mut self) -> Option<Context> {
        let (index, (context, _)) = self.shadow.take_oldest()?;
        // As above.
        let _ = self.queue.retire_to(index.wrapping_add(1));
        Some(context)
    }
}

/// What an entry carries as its context: the serial number of its queue, so that completions of a queue that is gone
/// are told from those of another with the same number, and a number of ours.
pub(crate) fn stamp(serial: u32, number: u32) -> u64 {
    u64::from(serial) << 32 | u64::from(number)
}

/// The serial number of a context.
pub(crate) fn serial_of(context: u64) -> u32 {
    (context >> 32) as u32
}

/// Receives of a shared receive queue: they complete in any order, so contexts lie in a table with a list of free places.
pub(crate) struct SharedReceives {
    contexts: Vec<Option<Received>>,
    free: Vec<u32>,
    depth: u32,
}

impl SharedReceives {
    pub(crate) fn new(depth: u32) -> Result<Self, NoMemory> {
        let mut this = Self {
            contexts: Vec::new(),
            free: Vec::new(),
            depth: 0,
        };
        this.resize(depth)?;
        Ok(this)
    }

    pub(crate) fn outstanding(&self) -> u32 {
        let used = self.contexts.len().saturating_sub(self.free.len());
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Another depth; places are only ever added.
    pub(crate) fn resize(&mut self, depth: u32) -> Result<(), NoMemory> {
        let wanted = depth as usize;
        let more = wanted.saturating_sub(self.contexts.len());
        self.contexts.try_reserve(more).map_err(|_| NoMemory)?;
        let room = wanted.saturating_sub(self.free.len());
        self.free.try_reserve(room).map_err(|_| NoMemory)?;
        while self.contexts.len() < wanted {
            self.free
                .push(u32::try_from(self.contexts.len()).unwrap_or(u32::MAX));
            self.contexts.push(None);
        }
        self.depth = depth;
        Ok(())
    }

    /// A place for a receive, to be filled by `keep` or given back by `take`.
    pub(crate) fn place(&mut self) -> Result<u32, NTSTATUS> {
        if self.outstanding() >= self.depth {
            return Err(STATUS_NO_MORE_ENTRIES);
        }
        self.free.pop().ok_or(STATUS_NO_MORE_ENTRIES)
    }

    pub(crate) fn keep(&mut self, place: u32, received: Received) {
        if let Some(entry) = self.contexts.get_mut(place as usize) {
            *entry = Some(received);
        }
    }

    pub(crate) fn give_back(&mut self, place: u32) {
        self.free.push(place);
    }

    /// The receive that completed; once.
    pub(crate) fn take(&mut self, place: u32) -> Option<Received> {
        let context = self.contexts.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{Posted, Received, Shadow, SharedReceives, room};
    use crate::raw::Context;
    use core::ptr::without_provenance_mut;
    use ndis_sys::ndk::*;

    fn context(number: usize) -> Context {
        Context(without_provenance_mut(number))
    }

    #[test]
    fn request_completes_once_and_only_if_it_was_posted() {
        let mut shadow = Shadow::new(4, 4).unwrap();
        shadow.note(0, context(1), NdkOperationTypeSend, false);
        assert_eq!(shadow.take(4), None, "same place, another index");
        assert_eq!(shadow.take(1), None, "never posted");
        assert_eq!(shadow.take(0), Some((context(1), NdkOperationTypeSend)));
        assert_eq!(shadow.take(0), None, "twice");
    }

    /// The consumer was told whatever number of bytes the device said, and read as many.
    #[test]
    fn a_receive_knows_how_much_it_had_room_for() {
        let segment = |length| rnic_driver_core::segment(0, length, rnic_driver_core::Key(1));
        assert_eq!(room(&[segment(10), segment(0), segment(90)]), 100);
        assert_eq!(room(&[segment(u32::MAX), segment(1)]), u32::MAX);
        let mut shadow = Shadow::new(2, 2).unwrap();
        for (index, room) in [(0, 100), (1, 0)] {
            shadow.note_receive(
                index,
                Received {
                    context: context(9),
                    room,
                },
            );
        }
        assert_eq!(shadow.take_receive(1).map(|r| r.room), Some(0));
        assert_eq!(shadow.take_receive(0).map(|r| r.room), Some(100));
        assert_eq!(shadow.take_receive(0), None);
    }

    #[test]
    fn silent_requests_are_freed_by_the_retired_count_and_others_by_their_completion() {
        let mut shadow = Shadow::new(4, 3).unwrap();
        shadow.note(0, context(1), NdkOperationTypeSend, true);
        shadow.note(1, context(2), NdkOperationTypeSend, false);
        shadow.note(2, context(3), NdkOperationTypeSend, true);
        assert!(shadow.is_full());
        shadow.free(Some(3));
        assert_eq!(shadow.freed, 1, "the second was not polled");
        assert_eq!(shadow.take(1), Some((context(2), NdkOperationTypeSend)));
        shadow.free(Some(3));
        assert_eq!(shadow.freed, 3);
        shadow.note(3, context(4), NdkOperationTypeSend, true);
        shadow.free(Some(3));
        assert_eq!(shadow.freed, 3, "not retired");
    }

    #[test]
    fn indices_wrap() {
        let mut shadow = Shadow::new(4, 4).unwrap();
        shadow.freed = u32::MAX - 1;
        shadow.posted = u32::MAX - 1;
        for at in 0..4u32 {
            shadow.note(
                (u32::MAX - 1).wrapping_add(at),
                context(1),
                NdkOperationTypeSend,
                true,
            );
        }
        assert!(shadow.is_full());
        shadow.free(Some(1));
        assert_eq!(shadow.freed, 1);
        assert!(shadow.entries.iter().filter(|e: &&Posted| e.live).count() == 1);
    }

    #[test]
    fn shared_receives_complete_in_any_order() {
        let mut receives = SharedReceives::new(2).unwrap();
        let (a, b) = (receives.place().unwrap(), receives.place().unwrap());
        let received = |number| Received {
            context: context(number),
            room: 7,
        };
        receives.keep(a, received(1));
        receives.keep(b, received(2));
        assert_eq!(receives.place(), Err(STATUS_NO_MORE_ENTRIES));
        assert_eq!(receives.take(b), Some(received(2)));
        assert_eq!(receives.take(b), None);
        assert_eq!(receives.place(), Ok(b));
        receives.resize(3).unwrap();
        assert!(receives.place().is_ok());
    }
}
