//! The system calls that the standard library does not have: descriptors over sockets, and two questions about descriptors. The only unsafe
//! code of the crate.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

/// The most descriptors one `sendmsg` can carry (SCM_MAX_FD in the kernel). With room for all of them the kernel never has to drop some.
const SCM_MAX_FD: usize = 253;

/// Receives bytes and descriptors. 0 bytes is the end of the stream. The descriptors are closed on exec.
///
/// If this process is out of descriptors the bytes that came with them are lost too; that is reported as ENOBUFS and the connection must end.
pub(crate) fn receive(stream: &UnixStream, space: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut raw = [-1; SCM_MAX_FD];
    let mut iovecs = [libc::iovec {
        iov_base: space.as_mut_ptr().cast(),
        iov_len: space.len(),
    }];
    let (bytes, count) = loop {
        // SAFETY: the one iovec is `space`, which is borrowed mutably for the call.
        match unsafe { stream.recv_with_fds(&mut iovecs, &mut raw) } {
            Err(e) if e.errno() == libc::EINTR => {}
            Err(e) => return Err(e.into()),
            Ok(received) => break received,
        }
    };
    let mut fds = Vec::with_capacity(count);
    for &fd in raw.iter().take(count) {
        // SAFETY: the first `count` entries are descriptors that the kernel has just made for us and nobody else knows.
        fds.push(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    for fd in &fds {
        // SAFETY: the descriptor is open; F_SETFD reads no memory.
        if unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok((bytes, fds))
}

/// Sends bytes, and a descriptor with the first of them. Never raises SIGPIPE.
pub(crate) fn send(
    stream: &UnixStream,
    bytes: &[u8],
    fd: Option<BorrowedFd<'_>>,
) -> io::Result<usize> {
    loop {
        let sent = match &fd {
            Some(fd) => stream.send_with_fds(&[bytes], &[fd.as_raw_fd()]),
            None => stream.send_with_fds(&[bytes], &[]),
        };
        match sent {
            Err(e) if e.errno() == libc::EINTR => {}
            Err(e) => return Err(e.into()),
            Ok(n) => return Ok(n),
        }
    }
}

/// Whether the peer has closed its end, also when there are bytes left to read.
pub(crate) fn hung_up(stream: &UnixStream) -> bool {
    let mut poll = libc::pollfd {
        fd: stream.as_raw_fd(),
        events: 0,
        revents: 0,
    };
    // SAFETY: one pollfd, borrowed mutably for the call; a timeout of 0 does not wait.
    let n = unsafe { libc::poll(&mut poll, 1, 0) };
    n > 0 && poll.revents & (libc::POLLHUP | libc::POLLERR) != 0
}

/// Makes a descriptor non-blocking.
pub(crate) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open; F_GETFL and F_SETFL read no memory.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    if flags & libc::O_NONBLOCK != 0 {
        return Ok(());
    }
    // SAFETY: as above.
    if unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
