//! Memory that the adapter reaches: nonpaged, described by an MDL, known to the adapter by the logical addresses of its pages.

use std::ops::Range;

use ndis_sys::ndk::*;

use super::meaning;
use crate::bench::Bench;
use crate::call;
use crate::platform::Memory;
use crate::smb::transport::Lost;

/// Bytes of a page of an adapter.
pub const PAGE: usize = 4096;
/// 8-byte words of NDK_LOGICAL_ADDRESS_MAPPING before its pages.
const HEAD: usize = 2;

/// Memory and its logical address mapping.
pub struct Pinned {
    /// The memory.
    pub memory: Box<dyn Memory>,
    /// NDK_LOGICAL_ADDRESS_MAPPING.
    mapping: Vec<u64>,
    pages: Vec<NDK_LOGICAL_ADDRESS>,
}

impl Pinned {
    /// Allocates memory, zeroed, and has it mapped.
    ///
    /// # Errors
    /// The provider does not map it.
    pub fn new(
        bench: &Bench<'_>,
        (side, adapter): (usize, *mut NDK_ADAPTER),
        bytes: usize,
    ) -> Result<Self, Lost> {
        let memory = bench.platform.allocate(side, bytes);
        let count = bytes.div_ceil(PAGE);
        let mut mapping = vec![0_u64; HEAD + count];
        let mut size = u32::try_from(8 * mapping.len()).unwrap_or(u32::MAX);
        let mut offset = 0;
        let status = bench.request("NdkBuildLAM", |done, context| {
            call!(
                adapter,
                NdkBuildLAM,
                memory.mdl(),
                bytes,
                done,
                context,
                mapping.as_mut_ptr().cast(),
                &raw mut size,
                &raw mut offset
            )
        });
        if status != STATUS_SUCCESS {
            let why = meaning(status);
            return Err(Lost(format!("{bytes} bytes cannot be mapped: {why}")));
        }
        let pages = mapping[HEAD..]
            .iter()
            .map(|page| page.cast_signed())
            .collect();
        Ok(Self {
            memory,
            mapping,
            pages,
        })
    }

    /// Entries for a part, one a page at most, with the privileged token.
    pub fn entries(&self, part: Range<usize>, token: u32) -> Vec<NDK_SGE> {
        let mut entries = Vec::new();
        let mut at = part.start;
        while at < part.end {
            let length = (part.end - at).min(PAGE - at % PAGE);
            entries.push(NDK_SGE {
                Address: self.pages[at / PAGE].cast_unsigned() + (at % PAGE) as u64,
                // No more than a page.
                Length: length as u32,
                MemoryRegionToken: token,
            });
            at += length;
        }
        entries
    }

    /// Logical addresses of the pages that a part touches.
    pub fn pages(&self, part: Range<usize>) -> &[NDK_LOGICAL_ADDRESS] {
        &self.pages[part.start / PAGE..part.end.div_ceil(PAGE)]
    }

    /// Gives the mapping back. Nothing uses it any more.
    pub fn release(mut self, adapter: *mut NDK_ADAPTER) {
        call!(
            adapter,
            NdkReleaseLAM,
            self.mapping
                .as_mut_ptr()
                .cast::<NDK_LOGICAL_ADDRESS_MAPPING>()
        );
    }
}
