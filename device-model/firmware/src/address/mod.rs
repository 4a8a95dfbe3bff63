//! Addresses of the device and the endpoints on them.
//!
//! [`table`] holds the addresses, [`endpoint`] the pairs of address and port that are in use.
//! [`answer`] tells others where we are. Resolution of other people's addresses is not here.

mod answer;
pub mod endpoint;
pub mod table;

pub(crate) use answer::Conflicts;
pub use endpoint::{EndpointError, Endpoints};
pub use table::{Address, AddressError, AddressTable};
