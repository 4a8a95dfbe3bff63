//! May this access be, and which DMA addresses is it.

use rnic_abi::ProviderError;
use rnic_mutant::mutant;

use super::region::Region;
use super::window::WindowKind;
use super::{Key, Keys, Object};
use crate::dma::DmaRange;
use crate::error::Refusal;

/// What a local segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalRight {
    /// The device reads: data of sends and writes. Every region grants it.
    Read,
    /// The device writes: receives, read sinks, results of atomics.
    Write,
}

/// What a peer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteRight {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Atomics.
    Atomic,
}

/// Memory that an access may touch: the answer of a check, and only that is used afterwards. It
/// borrows the table, so nothing can be invalidated under it; collect [`Extent::ranges`] to keep
/// the addresses, under a lease.
#[derive(Clone, Copy, Debug)]
pub struct Extent<'a> {
    pages: &'a [u64],
    log_page: u8,
    /// First byte: in the pages, or, without pages, as DMA address.
    offset: u64,
    length: u64,
}

impl<'a> Extent<'a> {
    /// Length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The DMA ranges, in order, adjacent pages joined.
    #[must_use]
    pub const fn ranges(&self) -> Ranges<'a> {
        Ranges {
            extent: *self,
            direct: self.log_page == DIRECT,
        }
    }

    /// The ranges of `length` bytes from byte `skip` on; fewer when the extent ends before.
    #[must_use]
    pub fn part(&self, skip: u64, length: u64) -> Self {
        let skip = skip.min(self.length);
        Self {
            offset: self.offset.wrapping_add(skip),
            length: length.min(self.length - skip),
            ..*self
        }
    }
}

/// Marks an extent of DMA addresses, not of pages.
const DIRECT: u8 = 64;

/// Iterator over the DMA ranges of an [`Extent`].
#[derive(Clone, Debug)]
pub struct Ranges<'a> {
    extent: Extent<'a>,
    direct: bool,
}

impl Ranges<'_> {
    /// DMA address of byte `offset` of the pages, and the bytes from there to the page's end.
    fn locate(&self, offset: u64) -> Option<(u64, u64)> {
        let page = usize::try_from(offset >> self.extent.log_page).ok()?;
        let in_page = offset & ((1 << self.extent.log_page) - 1);
        let base = *self.extent.pages.get(page)?;
        Some((base | in_page, (1 << self.extent.log_page) - in_page))
    }
}

impl Iterator for Ranges<'_> {
    type Item = DmaRange;

    fn next(&mut self) -> Option<DmaRange> {
        if self.extent.length == 0 {
            return None;
        }
        if self.direct {
            let range = DmaRange {
                iova: self.extent.offset,
                len: self.extent.length,
            };
            self.extent.length = 0;
            return Some(range);
        }
        let (iova, room) = self.locate(self.extent.offset)?;
        // Pages that follow each other in memory are one range. A large transfer has hundreds, so
        // this is a plain walk over the list, which ends at the end of the address space too.
        let page_bytes = 1u64 << self.extent.log_page;
        let more = self.extent.length.saturating_sub(room);
        let more = usize::try_from(more.div_ceil(page_bytes)).ok()?;
        let next = usize::try_from((self.extent.offset >> self.extent.log_page) + 1).ok()?;
        let pages = self.extent.pages.get(next..).unwrap_or_default();
        let mut expected = iova.wrapping_add(room);
        let follows = |page: &&u64| {
            let follows = **page == expected && expected != 0;
            expected = expected.wrapping_add(page_bytes);
            follows
        };
        let joined = pages.iter().take(more).take_while(follows).count() as u64;
        let len = (room + joined * page_bytes).min(self.extent.length);
        self.extent.offset += len;
        self.extent.length -= len;
        Some(DmaRange { iova, len })
    }
}

impl Keys {
    /// Checks a segment of a work request of a queue pair, or of a shared receive queue, of
    /// domain `pd` `[QP-28]`, `[MEM-14]`, `[MEM-15]`. Segments of length zero are skipped by the
    /// caller, without a check `[QP-18]`.
    pub fn check_local(
        &self,
        pd: u32,
        key: u32,
        address: u64,
        length: u64,
        right: LocalRight,
    ) -> Result<Extent<'_>, Refusal> {
        self.local(pd, Key(key), address, length, right)
            .map_err(Refusal::local)
    }

    /// Checks what a peer asks of queue pair `qpn` of domain `pd` `[QP-27]`. An access of length
    /// zero is not checked `[QP-18]`. The rights of the queue pair itself are the caller's to
    /// check.
    pub fn check_remote(
        &self,
        pd: u32,
        qpn: u32,
        key: u32,
        address: u64,
        length: u64,
        right: RemoteRight,
    ) -> Result<Extent<'_>, Refusal> {
        if length == 0 {
            return Ok(direct(0, 0));
        }
        self.remote(pd, qpn, Key(key), address, length, right)
            .map_err(Refusal::remote)
    }

    fn local(
        &self,
        pd: u32,
        key: Key,
        address: u64,
        length: u64,
        right: LocalRight,
    ) -> Result<Extent<'_>, ProviderError> {
        match self.lookup(key)? {
            Object::Privileged { pd: owner } => {
                if *owner != pd {
                    return Err(ProviderError::KEY_WRONG_DOMAIN);
                }
                if length > 0 && address.checked_add(length - 1).is_none() {
                    return Err(ProviderError::WRAP);
                }
                Ok(direct(address, length))
            }
            Object::Window(window) if window.pd != pd => Err(ProviderError::KEY_WRONG_DOMAIN),
            // [MEM-24]
            Object::Window(_) if mutant("MEM-24/local") => Ok(direct(address, length)),
            Object::Window(_) => Err(ProviderError::RIGHT_MISSING),
            Object::Region(region) => {
                usable(region, pd)?;
                if right == LocalRight::Write
                    && !region.access.local_write()
                    && !mutant("MEM-15/write")
                {
                    return Err(ProviderError::RIGHT_MISSING);
                }
                extent(region, address, length)
            }
        }
    }

    fn remote(
        &self,
        pd: u32,
        qpn: u32,
        key: Key,
        address: u64,
        length: u64,
        right: RemoteRight,
    ) -> Result<Extent<'_>, ProviderError> {
        match self.lookup(key)? {
            Object::Privileged { .. } if mutant("MEM-6/remote") => Ok(direct(address, length)),
            Object::Privileged { .. } => Err(ProviderError::KEY_PRIVILEGED),
            Object::Region(region) => {
                usable(region, pd)?;
                if !grants(region.access, right) && !mutant("MEM-15/remote") {
                    return Err(ProviderError::RIGHT_MISSING);
                }
                extent(region, address, length)
            }
            Object::Window(window) => {
                if window.pd != pd {
                    return Err(ProviderError::KEY_WRONG_DOMAIN);
                }
                let binding = window.binding.as_ref().ok_or(ProviderError::KEY_FREE)?;
                if window.kind == WindowKind::Type2
                    && binding.qpn != qpn
                    && !mutant("MEM-22/any-qp")
                {
                    return Err(ProviderError::KEY_WRONG_QP);
                }
                // [MEM-23] What the region is now, not what it was when it was bound.
                let Some(Object::Region(region)) = self.object(binding.region) else {
                    return Err(ProviderError::KEY_FREE);
                };
                usable(region, pd)?;
                let writes = right != RemoteRight::Read;
                if !grants(binding.access, right) && !mutant("MEM-23/rights")
                    || writes && !region.access.local_write()
                {
                    return Err(ProviderError::RIGHT_MISSING);
                }
                if !mutant("MEM-20/range") {
                    within(binding.base, binding.length, address, length)?;
                }
                extent(region, address, length)
            }
        }
    }
}

fn usable(region: &Region, pd: u32) -> Result<(), ProviderError> {
    if region.pd != pd && !mutant("MEM-1/domain") {
        return Err(ProviderError::KEY_WRONG_DOMAIN);
    }
    if !region.is_valid() && !mutant("MEM-5/free") {
        return Err(ProviderError::KEY_FREE);
    }
    Ok(())
}

const fn grants(access: rnic_abi::AccessFlags, right: RemoteRight) -> bool {
    match right {
        RemoteRight::Read => access.remote_read(),
        RemoteRight::Write => access.remote_write(),
        RemoteRight::Atomic => access.remote_atomic(),
    }
}

/// Whether `length` bytes at `address` lie in `size` bytes at `base`, which do not wrap.
pub(super) fn within(base: u64, size: u64, address: u64, length: u64) -> Result<(), ProviderError> {
    if length > 0 && address.checked_add(length - 1).is_none() && !mutant("MEM-14/wrap") {
        return Err(ProviderError::WRAP);
    }
    if address < base {
        return Err(ProviderError::RANGE);
    }
    let skip = address - base;
    if (skip > size || length > size - skip) && !mutant("MEM-14/range") {
        return Err(ProviderError::RANGE);
    }
    Ok(())
}

const fn direct(address: u64, length: u64) -> Extent<'static> {
    Extent {
        pages: &[],
        log_page: DIRECT,
        offset: address,
        length,
    }
}

fn extent(region: &Region, address: u64, length: u64) -> Result<Extent<'_>, ProviderError> {
    within(region.base, region.length, address, length)?;
    Ok(Extent {
        pages: &region.pages,
        log_page: region.log_page,
        offset: region.page_offset(address),
        length,
    })
}
