//! A session on a Unix socket.

use crate::backend::{Backend, UnmapToken};
use crate::session::{CloseReason, Session, Stats, Step};
use crate::socket;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// How much one call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Backend calls, roughly: messages, and each write of a REGION_WRITE_MULTI.
    pub operations: usize,
    /// Data bytes read from and written to regions.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            operations: 64,
            bytes: 256 * 1024,
        }
    }
}

/// What one call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages served.
    pub messages: usize,
    /// Data bytes moved.
    pub bytes: usize,
    /// The budget ran out: there may be whole messages in memory, for which the socket will not become readable. Call again.
    pub more: bool,
}

/// What to wait for. A hang-up is to be waited for in any case (epoll reports it unasked).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Messages are wanted.
    pub readable: bool,
    /// Replies are waiting.
    pub writable: bool,
}

/// A connected client.
pub struct Connection {
    stream: UnixStream,
    session: Session,
    /// The last step ended for want of input, so that reading makes sense.
    wants_input: bool,
}

impl Connection {
    /// A connection over a connected socket, from a listener, a parent process or a socket pair.
    ///
    /// # Errors
    /// If the socket cannot be made non-blocking.
    pub fn new(stream: UnixStream) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        Ok(Connection {
            stream,
            session: Session::new(),
            wants_input: true,
        })
    }

    /// To wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// What to wait for.
    pub fn interest(&self) -> Interest {
        Interest {
            readable: self.wants_input,
            writable: self.session.output_bytes() > 0,
        }
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.session.stats()
    }

    /// The socket is readable.
    ///
    /// # Errors
    /// As [`drive`](Connection::drive).
    pub fn on_readable<B: Backend + ?Sized>(
        &mut self,
        backend: &mut B,
        budget: Budget,
    ) -> Result<Progress, CloseReason> {
        self.drive(backend, budget)
    }

    /// The socket is writable. Messages that waited for room are served as well.
    ///
    /// # Errors
    /// As [`drive`](Connection::drive).
    pub fn on_writable<B: Backend + ?Sized>(
        &mut self,
        backend: &mut B,
        budget: Budget,
    ) -> Result<Progress, CloseReason> {
        self.drive(backend, budget)
    }

    /// Sends what can be sent, serves what is there, reads what has come, within the budget. Safe to call at any time.
    ///
    /// # Errors
    /// If the connection is over; the backend has been told. Drop the connection then.
    pub fn drive<B: Backend + ?Sized>(
        &mut self,
        backend: &mut B,
        budget: Budget,
    ) -> Result<Progress, CloseReason> {
        let result = self.run(backend, budget);
        if let Err(reason) = &result {
            // What was answered before the end still goes out if there is room; the client may be reading it.
            let _ = self.flush();
            let stats = self.session.stats();
            log::info!(
                "connection over after {} messages: {reason}",
                stats.messages
            );
            self.session.close(backend);
        }
        result
    }

    fn run<B: Backend + ?Sized>(
        &mut self,
        backend: &mut B,
        budget: Budget,
    ) -> Result<Progress, CloseReason> {
        let mut progress = Progress::default();
        let mut operations = 0;
        // A read that filled less than its room has emptied the socket, but for what follows a descriptor; a level-triggered loop comes back
        // for that, so one system call is saved.
        let mut drained = false;
        loop {
            self.flush()?;
            if operations >= budget.operations || progress.bytes >= budget.bytes {
                self.wants_input = true;
                progress.more = true;
                return Ok(progress);
            }
            let step = self.session.step(backend);
            self.wants_input = matches!(step, Step::NeedInput | Step::Served { .. });
            match step {
                Step::Served {
                    bytes,
                    operations: n,
                } => {
                    progress.messages += 1;
                    progress.bytes += bytes;
                    operations += n;
                }
                Step::NeedInput if drained => return Ok(progress),
                Step::NeedInput => {
                    let space = self.session.space();
                    let room = space.len();
                    match socket::receive(&self.stream, space) {
                        Ok((0, _)) => return Err(self.session.end_of_stream()),
                        Ok((n, fds)) => {
                            drained = n < room;
                            self.session.filled(n, fds);
                        }
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(progress),
                        Err(e) => return Err(closed_by(e)),
                    }
                }
                Step::OutputFull | Step::WaitingForUnmap => {
                    // The end of the stream cannot be read past the messages that wait, so it is looked for.
                    if self.hung_up() {
                        return Err(CloseReason::ClientClosed);
                    }
                    return Ok(progress);
                }
                Step::Closed(reason) => return Err(reason),
            }
        }
    }

    fn flush(&mut self) -> Result<(), CloseReason> {
        while let Some(chunk) = self.session.output() {
            match socket::send(&self.stream, chunk.bytes, chunk.fd) {
                Ok(n) => self.session.sent(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(closed_by(e)),
            }
        }
        Ok(())
    }

    /// The backend has ended the accesses for which it answered [`Pending`](crate::UnmapOutcome::Pending). Says whether this connection waits
    /// for the token; one of an earlier client is of no consequence. Call [`drive`](Connection::drive) next: the reply may go now.
    pub fn complete_unmap(&mut self, token: UnmapToken) -> bool {
        self.session.complete_unmap(token)
    }

    /// Whether the client has closed its end, also when there are messages left to read.
    pub fn hung_up(&self) -> bool {
        socket::hung_up(&self.stream)
    }

    /// Closes the connection and tells the backend.
    pub fn close<B: Backend + ?Sized>(mut self, backend: &mut B) {
        self.session.close(backend);
    }
}

/// A client that goes while there are replies for it shows as an error of the socket.
fn closed_by(error: io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CloseReason::ClientClosed,
        _ => CloseReason::Io(error),
    }
}
