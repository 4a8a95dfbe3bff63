//! A Windows network driver, executed on Linux: the very `.sys` file, with NT, NDIS and netio around it, and a verifier
//! that ends the process at the first broken rule.
//!
//! - [`image`]: the PE file, mapped, relocated, bound, unwound
//! - [`thunk`], [`callsite`], [`enter`]: the way from the driver to the host and back, and what is checked on it
//! - [`cpu`], [`thread`]: virtual processors with IRQL and deferred calls
//! - [`nt`], [`ndis`], [`netio`]: what the driver imports
//! - [`ram`], [`machine`], [`mmio`]: memory, the device, registers
//! - [`breach`], [`inject`], [`sweep`]: rules, and failures on purpose, at one call site after the other
//! - [`hostile`], [`removal`]: devices that lie, and devices that go away
//!
//! One driver at a time in a process. `unsafe` is at the border to the driver; each module says where. README.md lists
//! what is not modelled.

pub mod breach;
pub mod callsite;
pub mod card;
pub mod consumers;
pub mod cpu;
pub mod enter;
pub mod exercise;
pub mod faults;
pub mod host;
pub mod hostile;
pub mod image;
pub mod inject;
pub mod loaded;
pub mod machine;
pub mod mmio;
pub mod ndis;
pub mod ndk;
pub mod netio;
pub mod nt;
pub mod ram;
pub mod removal;
pub mod sweep;
pub mod thread;
pub mod thunk;
