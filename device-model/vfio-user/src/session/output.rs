//! Replies on their way out.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Bytes to send, with the descriptor that goes with the first of them.
#[derive(Debug)]
pub struct OutputChunk<'a> {
    /// One message, or what is left of it.
    pub bytes: &'a [u8],
    /// For the first bytes of a message only.
    pub fd: Option<BorrowedFd<'a>>,
}

struct Entry {
    bytes: Vec<u8>,
    sent: usize,
    fd: Option<Arc<OwnedFd>>,
}

/// A queue of messages. They are not joined: QEMU reads a header with one read and gives up if it gets less, and the kernel keeps together what
/// one `sendmsg` sent, at least its first kilobytes, but tears a message apart that follows another in the same call.
#[derive(Default)]
pub(super) struct Output {
    queue: VecDeque<Entry>,
    bytes: usize,
}

impl Output {
    pub(super) fn push(&mut self, bytes: Vec<u8>, fd: Option<Arc<OwnedFd>>) {
        self.bytes += bytes.len();
        self.queue.push_back(Entry { bytes, sent: 0, fd });
    }

    /// Bytes queued and not sent.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn chunk(&self) -> Option<OutputChunk<'_>> {
        let entry = self.queue.front()?;
        Some(OutputChunk {
            bytes: entry.bytes.get(entry.sent..).unwrap_or_default(),
            fd: entry.fd.as_ref().map(|fd| fd.as_fd()),
        })
    }

    pub(super) fn sent(&mut self, n: usize) {
        let Some(entry) = self.queue.front_mut() else {
            return;
        };
        let n = n.min(entry.bytes.len() - entry.sent);
        entry.sent += n;
        entry.fd = None;
        self.bytes -= n;
        if entry.sent == entry.bytes.len() {
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sent_one_by_one_and_the_descriptor_once() {
        let fd: Arc<OwnedFd> = Arc::new(std::fs::File::open("/dev/null").unwrap().into());
        let mut output = Output::default();
        output.push(vec![1, 2, 3], Some(fd.clone()));
        output.push(vec![4], None);
        assert_eq!(output.bytes(), 4);
        let chunk = output.chunk().unwrap();
        assert_eq!((chunk.bytes, chunk.fd.is_some()), (&[1, 2, 3][..], true));
        output.sent(1);
        let chunk = output.chunk().unwrap();
        assert_eq!((chunk.bytes, chunk.fd.is_some()), (&[2, 3][..], false));
        assert_eq!(Arc::strong_count(&fd), 1);
        output.sent(2);
        assert_eq!(output.chunk().unwrap().bytes, [4]);
        output.sent(1);
        assert!(output.chunk().is_none());
        assert_eq!(output.bytes(), 0);
    }
}
