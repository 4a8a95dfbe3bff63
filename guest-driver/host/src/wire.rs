//! The other end of a daemon's `--port dgram`: one Ethernet frame a datagram.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Frames that are kept for a reader; older ones are lost first, as in a card that nobody reads.
const KEPT: usize = 256;
/// Longest frame.
const LONGEST: usize = 65_536;

/// A socket that is a station on the daemon's wire.
#[derive(Debug)]
pub struct Wire {
    socket: UnixDatagram,
    local: PathBuf,
    remote: PathBuf,
    frames: Mutex<VecDeque<Vec<u8>>>,
}

impl Wire {
    /// Binds `local`, the daemon's `remote=`, and sends to `remote`, the daemon's `local=`.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn open(local: &Path, remote: &Path) -> io::Result<Self> {
        match std::fs::remove_file(local) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(local)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            local: local.to_owned(),
            remote: remote.to_owned(),
            frames: Mutex::default(),
        })
    }

    /// Takes in what has come, so that the daemon's side never fills up.
    pub(crate) fn drain(&self) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = vec![0; LONGEST];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            if frames.len() == KEPT {
                frames.pop_front();
            }
            frames.push_back(buffer.get(..length).unwrap_or_default().to_vec());
        }
    }

    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send_to(frame, &self.remote).map(|_| ())
    }

    /// The oldest frame, cut to `frame`; its length there.
    pub(crate) fn receive(&self, frame: &mut [u8]) -> Option<usize> {
        self.drain();
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = frames.pop_front()?;
        let length = taken.len().min(frame.len());
        frame
            .get_mut(..length)?
            .copy_from_slice(taken.get(..length)?);
        Some(length)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It may have been removed with its folder.
        let _ = std::fs::remove_file(&self.local);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_kept_in_order_and_the_oldest_is_lost_first() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let near = Wire::open(&a, &b).unwrap();
        let far = Wire::open(&b, &a).unwrap();
        for number in 0..=u8::MAX {
            far.send(&[number; 60]).unwrap();
            near.drain();
        }
        far.send(&[7; 2]).unwrap();
        let mut frame = [0; 4];
        assert_eq!(near.receive(&mut frame), Some(4));
        assert_eq!(frame, [1; 4], "frame 0 was the oldest of 257");
        assert_eq!(
            std::iter::from_fn(|| near.receive(&mut frame)).last(),
            Some(2)
        );
        drop((near, far));
        assert!(!a.exists() && !b.exists());
    }
}
