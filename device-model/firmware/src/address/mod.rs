//! Addresses of the device and the endpoints on them.
//!
//! [`table`] holds the addresses, [`endpoint`] the pairs of address and port that are in use.
//! Resolution of other people's addresses is not here.

pub mod endpoint;
pub mod table;

pub use endpoint::{EndpointError, Endpoints};
pub use table::{Address, AddressError, AddressTable};
