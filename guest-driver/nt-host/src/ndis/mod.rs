//! ndis.sys, as far as a miniport uses it, and the host's side of every miniport handler. One file a subject.

pub mod adapter;
pub mod attributes;
pub mod config;
pub mod datapath;
pub mod dma;
pub mod driver;
pub mod exports;
pub mod handle;
pub mod interrupt;
pub mod io;
pub mod lifecycle;
pub mod oid;
pub mod packet;
pub mod service;
pub mod sync;

use ndis_sys::ndis::NDIS_OBJECT_HEADER;

use crate::breach::{Rule, breach};

/// Ends in a breach unless a structure's header is of this type and one of these revisions, and says at least the size of
/// its revision.
///
/// # Safety
/// `header` is null or points to a header of the driver.
pub(crate) unsafe fn check_header(
    header: *const NDIS_OBJECT_HEADER,
    what: &str,
    kind: u8,
    revisions: &[(u8, u16)],
) -> u8 {
    if header.is_null() {
        breach(Rule::Header, format_args!("{what} is null"));
    }
    // SAFETY: a header of the driver; a bad pointer faults and is reported.
    let header = unsafe { *header };
    let fits = revisions
        .iter()
        .any(|(revision, size)| header.Revision == *revision && header.Size >= *size);
    if header.Type != kind || !fits {
        breach(
            Rule::Header,
            format_args!(
                "{what} has type {:#x}, revision {}, size {:#x}; wanted {kind:#x} and one of {revisions:x?}",
                header.Type, header.Revision, header.Size
            ),
        );
    }
    header.Revision
}
