//! Listening sockets: made at a path, or inherited.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A socket file that this process made: its path, device and inode, so that only this one is removed.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

/// A non-blocking listening socket. Who may connect is for the file system to say (section "Authentication"); bind in a directory that only
/// the client can enter.
pub struct Listener {
    listener: UnixListener,
    file: Option<SocketFile>,
}

impl Listener {
    /// Listens at a path. A socket file that nobody answers at, left by a process that died, is replaced; anything else is not. The file is
    /// removed when the listener is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] if another process listens there, [`ErrorKind::AlreadyExists`] if something that is no socket is there, or
    /// why the socket could not be made.
    pub fn bind(path: &Path) -> io::Result<Listener> {
        // Two processes that start at one time could both find the old file stale, and one would remove the new socket of the other. The lock on
        // the directory, held until this returns, puts one after the other.
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let lock = File::open(directory)?;
        lock.lock()?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        let metadata = fs::symlink_metadata(path)?;
        let file = SocketFile {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
        };
        Listener::new(listener, Some(file))
    }

    /// Takes a listening socket from whoever started this process. It is not checked to be listening; [`accept`](Listener::accept) will tell.
    ///
    /// # Errors
    /// If it is no Unix socket.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Listener> {
        let listener = UnixListener::from(fd);
        listener.local_addr()?;
        Listener::new(listener, None)
    }

    fn new(listener: UnixListener, file: Option<SocketFile>) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        Ok(Listener { listener, file })
    }

    /// Readable when someone connects.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// The next client, if there is one.
    ///
    /// # Errors
    /// If the host cannot accept, for want of descriptors for example.
    pub fn accept(&self) -> io::Result<Option<UnixStream>> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return Ok(Some(stream)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                // The client went before it was accepted, or a signal came.
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(file) = &self.file else {
            return;
        };
        // Only the file that was made here: someone may have put another in its place.
        let ours =
            fs::symlink_metadata(&file.path).is_ok_and(|m| (m.dev(), m.ino()) == file.identity);
        if ours && let Err(error) = fs::remove_file(&file.path) {
            log::warn!("cannot remove socket {}: {error}", file.path.display());
        }
    }
}

/// Removes a socket file that nobody listens at.
fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    if !metadata.file_type().is_socket() {
        let what = format!(
            "{} exists and is no socket; remove it or choose another path",
            path.display()
        );
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    match UnixStream::connect(path) {
        Ok(_) => {
            let what = format!("another process listens at {}", path.display());
            Err(io::Error::new(ErrorKind::AddrInUse, what))
        }
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(e) => Err(e),
    }
}
