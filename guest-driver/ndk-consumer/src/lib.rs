//! Consumers of an NDK provider, by its dispatch tables alone.
//!
//! [`conformance::all`] is every test, each with the rows of `elements.txt` that it shows; [`conformance::run`] runs one on a
//! [`platform::Platform`]. [`ping`] and [`perf`] are ndkping and ndkperf, [`life`] a consumer that bears
//! every refusal.
//!
//! Objects are raw pointers here, as they are for a consumer in C: what a test does with one is between it and the provider
//! that it tests.
//!
//! Not here: the provider, Windows, the host that runs the driver.
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    clippy::macro_metavars_in_unsafe,
    clippy::vec_box,
    clippy::type_complexity,
    clippy::missing_panics_doc
)]

pub mod bench;
pub mod conformance;
pub mod crowd;
pub mod life;
pub mod link;
pub mod perf;
pub mod ping;
pub mod platform;
pub mod smb;
pub mod smbd;
pub mod smbdirect;
