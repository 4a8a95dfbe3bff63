//! Replies to DMA_MAP and DMA_UNMAP, kept in order behind unmaps that the backend has not finished.
//!
//! QEMU sends the maps and unmaps of one memory transaction without waiting and then waits for the last reply alone. If a map were answered
//! before an earlier unmap that still has DMA under way, QEMU would go on to reuse that memory.

use crate::backend::UnmapToken;
use crate::limits::MAX_HELD_DMA_REPLIES;
use std::collections::VecDeque;

enum Held {
    /// An unmap under way. Without a reply if the client wants none.
    Waiting(UnmapToken, Option<Vec<u8>>),
    /// A reply that may go once it is the first.
    Ready(Vec<u8>),
}

#[derive(Default)]
pub(super) struct DmaReplies {
    queue: VecDeque<Held>,
    waiting: usize,
    /// Unmaps under way whose client wants no reply. It learns of their end from the next reply of any kind, so until then none is given.
    silent: usize,
}

impl DmaReplies {
    pub(super) fn push_ready(&mut self, reply: Vec<u8>) {
        self.queue.push_back(Held::Ready(reply));
    }

    pub(super) fn push_waiting(&mut self, token: UnmapToken, reply: Option<Vec<u8>>) {
        self.waiting += 1;
        self.silent += usize::from(reply.is_none());
        self.queue.push_back(Held::Waiting(token, reply));
    }

    /// The token's unmap has ended. Says whether there was one.
    pub(super) fn complete(&mut self, token: UnmapToken) -> bool {
        let found = self
            .queue
            .iter()
            .position(|held| matches!(held, Held::Waiting(t, _) if *t == token));
        let Some(held) = found.and_then(|at| self.queue.get_mut(at)) else {
            return false;
        };
        self.waiting -= 1;
        let Held::Waiting(_, reply) = held else {
            return false;
        };
        match reply.take() {
            Some(reply) => *held = Held::Ready(reply),
            None => {
                self.silent -= 1;
                // An empty reply is none; it leaves when it is the first.
                *held = Held::Ready(Vec::new());
            }
        }
        true
    }

    /// The next reply that may go.
    pub(super) fn pop_ready(&mut self) -> Option<Vec<u8>> {
        loop {
            match self
                .queue
                .pop_front_if(|held| matches!(held, Held::Ready(_)))?
            {
                Held::Ready(reply) if reply.is_empty() => {}
                Held::Ready(reply) => return Some(reply),
                Held::Waiting(..) => return None,
            }
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing more may be served until an unmap ends.
    pub(super) fn must_wait(&self) -> bool {
        self.silent > 0 || self.queue.len() >= MAX_HELD_DMA_REPLIES
    }

    pub(super) fn bytes(&self) -> usize {
        // The largest of these replies is that of DMA_UNMAP.
        self.queue.len() * 40
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_leave_in_the_order_of_their_requests() {
        let mut replies = DmaReplies::default();
        replies.push_waiting(UnmapToken(1), Some(vec![1]));
        replies.push_ready(vec![2]);
        replies.push_waiting(UnmapToken(3), Some(vec![3]));
        assert_eq!(replies.pop_ready(), None);
        assert!(replies.complete(UnmapToken(3)));
        assert_eq!(replies.pop_ready(), None);
        assert!(!replies.complete(UnmapToken(3)));
        assert!(replies.complete(UnmapToken(1)));
        assert_eq!(replies.waiting(), 0);
        for want in [1, 2, 3] {
            assert_eq!(replies.pop_ready(), Some(vec![want]));
        }
        assert_eq!(replies.pop_ready(), None);
    }

    #[test]
    fn an_unmap_without_reply_holds_everything() {
        let mut replies = DmaReplies::default();
        replies.push_waiting(UnmapToken(1), None);
        assert!(replies.must_wait());
        replies.push_ready(vec![2]);
        assert!(replies.complete(UnmapToken(1)));
        assert!(!replies.must_wait());
        assert_eq!(replies.pop_ready(), Some(vec![2]));
    }
}
