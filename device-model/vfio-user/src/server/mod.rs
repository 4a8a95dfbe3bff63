//! Sockets: where sessions meet an event loop.
//!
//! Nothing here waits. Register [`Server::listener_fd`] for reading and, while there is one, [`Connection::fd`] for [`Connection::interest`],
//! both level-triggered; call [`Server::on_listener`] and [`Server::on_connection`] when they are ready or whenever there is time to look.

mod connection;
mod listener;

pub use connection::{Budget, Connection, Interest, Progress};
pub use listener::Listener;

use crate::backend::{Backend, UnmapToken};
use crate::session::CloseReason;
use std::io;
use std::os::fd::BorrowedFd;

/// A device's server: a listener and at most one client at a time.
pub struct Server {
    listener: Listener,
    connection: Option<Connection>,
}

/// What [`Server::on_listener`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A client has connected: register [`Connection::fd`].
    Connected,
    /// A second client was turned away; it sees its connection closed before any reply.
    Refused,
    /// The present client has closed its end but is not served to the end. Serve it; the next one waits.
    Finishing,
    /// Nobody is there.
    Idle,
}

impl Server {
    /// A server that nobody is connected to.
    pub fn new(listener: Listener) -> Server {
        Server {
            listener,
            connection: None,
        }
    }

    /// Readable when someone connects.
    pub fn listener_fd(&self) -> BorrowedFd<'_> {
        self.listener.fd()
    }

    /// The present client.
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Someone may have connected. Call again until [`ServerEvent::Idle`], or when the listener is readable again.
    ///
    /// # Errors
    /// If the host cannot accept, for want of descriptors for example. The client stays in the queue, so wait before the next try.
    pub fn on_listener(&mut self) -> io::Result<ServerEvent> {
        // A client that restarts connects again before its old connection was seen to end. It is not to be refused for that.
        if self.connection.as_ref().is_some_and(Connection::hung_up) {
            return Ok(ServerEvent::Finishing);
        }
        let Some(stream) = self.listener.accept()? else {
            return Ok(ServerEvent::Idle);
        };
        if self.connection.is_some() {
            log::warn!("refused a second client: the device serves one at a time");
            return Ok(ServerEvent::Refused);
        }
        self.connection = Some(Connection::new(stream)?);
        Ok(ServerEvent::Connected)
    }

    /// Serves the present client. Without one there is nothing to do.
    ///
    /// # Errors
    /// If the connection is over. The backend has been told, the socket is closed, and the next client is welcome.
    pub fn on_connection<B: Backend + ?Sized>(
        &mut self,
        backend: &mut B,
        budget: Budget,
    ) -> Result<Progress, CloseReason> {
        let Some(connection) = &mut self.connection else {
            return Ok(Progress::default());
        };
        let result = connection.drive(backend, budget);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    /// Hands back the token of an unmap; see [`Connection::complete_unmap`].
    pub fn complete_unmap(&mut self, token: UnmapToken) -> bool {
        self.connection
            .as_mut()
            .is_some_and(|connection| connection.complete_unmap(token))
    }

    /// Closes the present connection, if any.
    pub fn disconnect<B: Backend + ?Sized>(&mut self, backend: &mut B) {
        if let Some(connection) = self.connection.take() {
            connection.close(backend);
        }
    }
}
