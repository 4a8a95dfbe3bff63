//! NDKPI 1.1 to 2.1: what a provider implements, what a consumer is called back by, and what NDIS asks of a miniport
//! that has one. Held against `tests/data/ndk-layouts.txt`.

mod functions;
mod info;
mod miniport;
mod objects;
mod status;
mod values;

pub use functions::*;
pub use info::*;
pub use miniport::*;
pub use objects::*;
pub use status::*;
pub use values::*;

pub use crate::netio::SOCKADDR_INET;
pub use crate::nt::{GROUP_AFFINITY, GUID, MDL, NTSTATUS};

/// A socket address of any family: the family, then what it says.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SOCKADDR {
    pub sa_family: u16,
    pub sa_data: [u8; 14],
}

/// NDK_EXTENSION_ID_ADAPTER_RSS_DISPATCH, the one extension that is published (ndkrss.h).
pub const NDK_EXTENSION_ID_ADAPTER_RSS_DISPATCH: GUID = GUID {
    Data1: 0xBAB2_7026,
    Data2: 0x86C3,
    Data3: 0x4E31,
    Data4: [0x9F, 0x72, 0x49, 0x36, 0xDE, 0xD7, 0x6D, 0x42],
};
