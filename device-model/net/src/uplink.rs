//! Sockets that carry one frame in a datagram, as QEMU's `-netdev dgram` does, so that a fabric
//! reaches another process: an emulator's network card, or another fabric.
//!
//! Nothing here blocks. What the other side sends is bytes and nothing more.
//! Tests: below.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Longest frame that is taken: what a datagram can hold.
pub const MAX_FRAME: usize = 65_536;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The host took it.
    Ok,
    /// The other side's socket is full; try again soon.
    Full,
    /// Nobody is there, or it is too long: lost, as on a wire without a partner.
    Lost,
}

enum Socket {
    Unix {
        socket: UnixDatagram,
        remote: PathBuf,
        local: PathBuf,
        identity: (u64, u64),
    },
    Udp(UdpSocket),
}

/// A datagram socket between two processes.
pub struct Uplink {
    socket: Socket,
}

impl Uplink {
    /// Unix datagrams: binds `local`, sends to `remote`, which need not exist yet. A socket file
    /// that nobody answers at is replaced; the file is removed on drop.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] if another process is bound there, [`ErrorKind::AlreadyExists`]
    /// if something that is no socket is there, or why the socket could not be made.
    pub fn unix(local: &Path, remote: &Path) -> io::Result<Uplink> {
        remove_stale(local)?;
        let socket = UnixDatagram::bind(local)?;
        socket.set_nonblocking(true)?;
        let metadata = fs::symlink_metadata(local)?;
        Ok(Uplink {
            socket: Socket::Unix {
                socket,
                remote: remote.to_owned(),
                local: local.to_owned(),
                identity: (metadata.dev(), metadata.ino()),
            },
        })
    }

    /// UDP: frames from other senders than `remote` are not seen.
    ///
    /// # Errors
    /// If the host refuses.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> io::Result<Uplink> {
        let socket = UdpSocket::bind(local)?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        Ok(Uplink {
            socket: Socket::Udp(socket),
        })
    }

    /// Readable when a frame has come.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Unix { socket, .. } => socket.as_fd(),
            Socket::Udp(socket) => socket.as_fd(),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If the host refuses for another reason than those of [`Sent`].
    pub fn send(&self, frame: &[u8]) -> io::Result<Sent> {
        let mut refused = false;
        loop {
            let sent = match &self.socket {
                Socket::Unix { socket, remote, .. } => socket.send_to(frame, remote),
                Socket::Udp(socket) => socket.send(frame),
            };
            let Err(error) = sent else {
                return Ok(Sent::Ok);
            };
            return match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock => Ok(Sent::Full),
                // UDP reports by this that an earlier frame found nobody: this one was not sent.
                ErrorKind::ConnectionRefused
                    if matches!(self.socket, Socket::Udp(_)) && !refused =>
                {
                    refused = true;
                    continue;
                }
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(Sent::Lost),
                _ if error.raw_os_error() == Some(libc::EMSGSIZE) => Ok(Sent::Lost),
                _ if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Sent::Full),
                _ => Err(error),
            };
        }
    }

    /// Receives a frame into `buffer`, [`MAX_FRAME`] bytes long: its length, or none when there
    /// is no frame now.
    ///
    /// # Errors
    /// If the host refuses.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let received = match &self.socket {
                Socket::Unix { socket, .. } => socket.recv(buffer),
                Socket::Udp(socket) => socket.recv(buffer),
            };
            return match received {
                Ok(length) => Ok(Some(length)),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock => Ok(None),
                    // As in `send`.
                    ErrorKind::ConnectionRefused => continue,
                    _ => Err(error),
                },
            };
        }
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        let Socket::Unix {
            local, identity, ..
        } = &self.socket
        else {
            return;
        };
        // Only the file that was made here: someone may have put another in its place.
        let ours = fs::symlink_metadata(local).is_ok_and(|m| (m.dev(), m.ino()) == *identity);
        if ours && let Err(error) = fs::remove_file(local) {
            log::warn!("cannot remove socket {}: {error}", local.display());
        }
    }
}

/// Removes a socket file that nobody is bound to.
fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !metadata.file_type().is_socket() {
        let what = format!(
            "{} exists and is no socket; remove it or choose another path",
            path.display()
        );
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    match UnixDatagram::unbound()?.connect(path) {
        Ok(()) => {
            let what = format!("another process is bound to {}", path.display());
            Err(io::Error::new(ErrorKind::AddrInUse, what))
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_pass_both_ways_once_both_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let left = Uplink::unix(&a, &b).unwrap();
        assert_eq!(left.send(&[1; 60]).unwrap(), Sent::Lost);
        let right = Uplink::unix(&b, &a).unwrap();
        let mut buffer = vec![0; MAX_FRAME];
        assert_eq!(right.receive(&mut buffer).unwrap(), None);
        assert_eq!(left.send(&[2; 9000]).unwrap(), Sent::Ok);
        assert_eq!(right.receive(&mut buffer).unwrap(), Some(9000));
        assert_eq!(right.send(&[3; 60]).unwrap(), Sent::Ok);
        assert_eq!(left.receive(&mut buffer).unwrap(), Some(60));
        assert_eq!(buffer[..60], [3; 60]);
    }

    #[test]
    fn a_receiver_that_sleeps_makes_it_full_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let left = Uplink::unix(&a, &b).unwrap();
        let right = Uplink::unix(&b, &a).unwrap();
        let mut sent = 0u32;
        while left.send(&[0; 1500]).unwrap() == Sent::Ok {
            sent += 1;
            assert!(sent < 1_000_000);
        }
        assert!(sent > 0);
        let mut buffer = vec![0; MAX_FRAME];
        while right.receive(&mut buffer).unwrap().is_some() {}
        assert_eq!(left.send(&[0; 1500]).unwrap(), Sent::Ok);
    }

    #[test]
    fn stale_files_are_replaced_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        drop(UnixDatagram::bind(&path).unwrap());
        let first = Uplink::unix(&path, &path).unwrap();
        let error = Uplink::unix(&path, &path).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        let error = Uplink::unix(&path, &path).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn udp_carries_frames_of_its_partner_alone() {
        let free = |_| UdpSocket::bind("127.0.0.1:0").unwrap();
        let [a, b] = [0, 1].map(free).map(|s| s.local_addr().unwrap());
        let left = Uplink::udp(a, b).unwrap();
        // Nobody there: lost now or reported by the next call, never an error.
        for _ in 0..3 {
            left.send(&[1; 60]).unwrap();
        }
        let right = Uplink::udp(b, a).unwrap();
        UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .send_to(&[9; 60], b)
            .unwrap();
        assert_eq!(left.send(&[2; 61]).unwrap(), Sent::Ok);
        let mut buffer = vec![0; MAX_FRAME];
        assert_eq!(right.receive(&mut buffer).unwrap(), Some(61));
        assert_eq!(right.receive(&mut buffer).unwrap(), None);
    }
}
