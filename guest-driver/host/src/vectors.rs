//! Interrupt messages as eventfds, counted by reading them.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// One eventfd a vector.
pub(crate) struct Vectors(Vec<(EventFd, AtomicU64)>);

impl Vectors {
    pub(crate) fn new(count: u16) -> io::Result<Self> {
        let one = |_| Ok((EventFd::new(EFD_NONBLOCK)?, AtomicU64::new(0)));
        (0..count).map(one).collect::<io::Result<_>>().map(Self)
    }

    pub(crate) fn fds(&self) -> Vec<RawFd> {
        self.0.iter().map(|(fd, _)| fd.as_raw_fd()).collect()
    }

    pub(crate) fn eventfds(&self) -> Vec<&EventFd> {
        self.0.iter().map(|(fd, _)| fd).collect()
    }

    /// Messages so far: an eventfd adds up what was written, so none is missed. Vectors past the last message share
    /// messages `[INT-6]`.
    pub(crate) fn count(&self, vector: u16) -> u64 {
        let place = usize::from(vector).checked_rem(self.0.len());
        let Some((fd, count)) = place.and_then(|place| self.0.get(place)) else {
            return 0;
        };
        let more = fd.read().unwrap_or(0);
        count.fetch_add(more, Ordering::Relaxed) + more
    }
}

#[cfg(test)]
mod tests {
    use super::Vectors;

    #[test]
    fn messages_add_up() {
        let vectors = Vectors::new(2).unwrap();
        assert_eq!(vectors.count(1), 0);
        vectors.eventfds()[1].write(1).unwrap();
        vectors.eventfds()[1].write(1).unwrap();
        assert_eq!(vectors.count(1), 2);
        vectors.eventfds()[1].write(1).unwrap();
        assert_eq!(
            (vectors.count(3), vectors.count(0), vectors.count(2)),
            (3, 0, 0)
        );
    }
}
