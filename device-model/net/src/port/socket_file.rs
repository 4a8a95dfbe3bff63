//! The file of a bound unix socket: stale ones are replaced, ours is removed, others' are left.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

/// Which kind of socket may be behind the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Datagram,
    Stream,
}

/// The file of a socket that was bound here; removed on drop.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device, inode, and the moment it was made: inodes are used again.
    identity: (u64, u64, i64, i64),
}

impl SocketFile {
    /// Binds by `bind` at `path`, where a socket file that nobody answers at may be.
    pub fn bind<T>(
        path: &Path,
        kind: Kind,
        bind: impl FnOnce(&Path) -> io::Result<T>,
    ) -> io::Result<(T, Self)> {
        remove_stale(path, kind)?;
        let socket = bind(path)?;
        let metadata = fs::symlink_metadata(path)?;
        let file = Self {
            path: path.to_owned(),
            identity: identity(&metadata),
        };
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Only the file that was made here: someone may have put another in its place.
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|m| m.file_type().is_socket() && identity(&m) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove socket {}: {error}", self.path.display());
        }
    }
}

fn identity(m: &fs::Metadata) -> (u64, u64, i64, i64) {
    (m.dev(), m.ino(), m.mtime(), m.mtime_nsec())
}

/// Removes a socket file that nobody is bound to.
fn remove_stale(path: &Path, kind: Kind) -> io::Result<()> {
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
    let answered = match kind {
        Kind::Datagram => UnixDatagram::unbound()?.connect(path),
        Kind::Stream => UnixStream::connect(path).map(drop),
    };
    match answered {
        // EPROTOTYPE: a socket of the other kind answers.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.raw_os_error() != Some(libc::EPROTOTYPE) => Err(error),
        Ok(()) | Err(_) => {
            let what = format!(
                "another process is bound to {}; end it or choose another path",
                path.display()
            );
            Err(io::Error::new(ErrorKind::AddrInUse, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn stale_files_are_replaced_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        drop(UnixDatagram::bind(&path).unwrap());
        let bind = |kind| SocketFile::bind(&path, kind, |p| UnixDatagram::bind(p));
        let first = bind(Kind::Datagram).unwrap();
        for kind in [Kind::Datagram, Kind::Stream] {
            let error = bind(kind).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
        }
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        let error = bind(Kind::Datagram).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_file_that_is_not_ours_any_more_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let (socket, file) =
            SocketFile::bind(&path, Kind::Stream, |p| UnixListener::bind(p)).unwrap();
        drop(socket);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "theirs").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }
}
