//! ntoskrnl.exe and hal.dll, as far as network drivers use them. One file a subject; `exports` is the table.

pub mod dpc;
pub mod event;
pub mod exports;
pub mod mdl;
pub mod pool;
pub mod print;
pub mod runtime;
pub mod spin;
pub mod system;
pub mod wait;
pub mod work;
