//! Frames that own their octets, in buffers that are used again: a frame through a queue would
//! otherwise cost an allocation and its release, which for long frames is as much as copying them.
//! Tests: below.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

/// Buffers that a thread keeps, and the longest of them: 4 MiB.
const SPARES: usize = 256;
const LONGEST: usize = 16 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A frame. Its buffer goes to the thread that drops it, for frames that this thread makes.
pub struct FrameBuffer(Vec<u8>);

impl Deref for FrameBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for FrameBuffer {
    fn from(octets: &[u8]) -> Self {
        let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
        let mut buffer = spare.ok().flatten().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(octets);
        Self(buffer)
    }
}

impl From<Vec<u8>> for FrameBuffer {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl Drop for FrameBuffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.capacity() == 0 || buffer.capacity() > LONGEST {
            return;
        }
        // A thread that ends keeps nothing any more.
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < SPARES
            {
                spare.push(buffer);
            }
        });
    }
}

impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spares() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn a_buffer_is_used_again_and_shows_only_its_own_frame() {
        let first = FrameBuffer::from(&[7; 4000][..]);
        let place = first.as_ptr();
        drop(first);
        let second = FrameBuffer::from(&[8; 60][..]);
        assert_eq!((second.as_ptr(), &*second), (place, &[8; 60][..]));
        drop(second);
        assert_eq!(&*FrameBuffer::from(&[9; 5000][..]), &[9; 5000]);
    }

    #[test]
    fn what_a_thread_keeps_is_bounded() {
        let many: Vec<_> = (0..2 * SPARES)
            .map(|_| FrameBuffer::from(&[1; 60][..]))
            .collect();
        drop(many);
        assert_eq!(spares(), SPARES);
        let long = FrameBuffer::from(vec![1; LONGEST + 1]);
        let _room = FrameBuffer::from(&[1; 60][..]);
        drop(long);
        assert_eq!(spares(), SPARES - 1);
    }

    #[test]
    fn buffers_go_to_the_thread_that_drops_them() {
        let frame = FrameBuffer::from(&[1; 60][..]);
        let there = std::thread::spawn(move || {
            drop(frame);
            spares()
        });
        assert_eq!(there.join().unwrap(), 1);
    }
}
