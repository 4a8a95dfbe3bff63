//! The connection manager: IBTA's communication establishment as rdma_cm uses it (IBTA vol. 1, 12; annex A11).
//!
//! Sans I/O like everything here. Commands and messages meet in one table of connections; what is sent goes to a
//! neighbour of the same process as a segment, to this very device through a queue, and else as a frame of QP1: the
//! same message in all three.
//!
//! | module | what |
//! |---|---|
//! | `connection` | a connection, its states, the table |
//! | `message` | messages made of a connection |
//! | `send` | how a message leaves |
//! | `hop` | the next hop of connections that frames carry |
//! | `request`, `receive` | what arrives: REQ, and everything else |
//! | `finish` | how connections end |
//! | `farewell` | what peers are told when a reset ends them all |
//! | `timer` | what time does |
//! | `event` | what the driver is told |
//!
//! Not here: the commands (`command/connection.rs`), addresses and ports (`address`). Tests: `tests/`.

mod connection;
mod event;
mod farewell;
mod finish;
mod hop;
#[cfg(test)]
mod hostile_tests;
mod message;
mod receive;
mod request;
mod send;
mod timer;

#[cfg(test)]
mod tests;

pub(crate) use connection::{Connection, Connections, Given, Listener, State};
pub(crate) use farewell::Farewells;
pub(crate) use request::Origin;
