//! Addresses of the device and the endpoints on them.
//!
//! [`table`] holds the addresses, [`endpoint`] the pairs of address and port that are in use.
//! [`answer`] tells others where we are, [`resolve`] finds out where they are and [`neighbour`] remembers it.

mod answer;
pub mod endpoint;
mod neighbour;
mod resolve;
pub mod table;

pub(crate) use answer::Conflicts;
pub use endpoint::{EndpointError, Endpoints};
pub(crate) use neighbour::Neighbours;
pub(crate) use resolve::NextHop;
pub use table::{Address, AddressError, AddressTable};
