//! What the driver uses of Windows' kernel: WDM, NDIS 6.30 to 6.87, netio and NDKPI, as `#[repr(C)]` types.
//!
//! - [`nt`]: types, values and imports of ntoskrnl.exe and hal.dll.
//! - [`ndis`]: miniports: registration, attributes, OIDs, packets, DMA, interrupts.
//! - [`ndk`]: NDK providers: objects, dispatch tables, what a miniport says of them.
//! - [`netio`]: which IP addresses an interface has.
//!
//! Names are Windows' own, so that its documentation can be read beside them. Every function that the kernel calls or
//! is called through is `extern "win64"`, so the same crate serves a driver on Windows and a host on Linux. Imports are
//! imports on Windows only; elsewhere each is a function of the same signature that panics, so that a driver's logic
//! can be type-checked and unit-tested on any machine. Their names, images and lowest Windows versions are in
//! [`IMPORTS`], their signatures in the modules' `signatures`.
//!
//! Layouts are held against `tests/data/`.and `tests/data/ndk-layouts.txt`. Not here: anything that calls; safe wrappers are the driver's.
#![no_std]
#![allow(non_camel_case_types, non_snake_case)]
// Names and fields are Windows' own; its documentation describes them.
#![allow(missing_docs)]

#[macro_use]
mod imports;
pub mod ndis;
pub mod ndk;
pub mod netio;
pub mod nt;

pub use imports::{Import, Windows};

/// Every function that a driver of this crate can import.
pub const IMPORTS: &[&[Import]] = &[nt::IMPORTS, nt::HAL_IMPORTS, ndis::IMPORTS, netio::IMPORTS];
