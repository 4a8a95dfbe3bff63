//! Memory regions: made from a page list by commands, or registered by work requests.

use core::mem::offset_of;

use rnic_abi::{
    AccessFlags, AddMrPagesRequest, BeginMrRequest, CompletionStatus, CreateFastMrRequest,
    FastRegisterSegment, ProviderError, Status, SyndromeReason, limit,
};
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use super::{Key, Keys, Object, rights_contradict};
use crate::dma::DmaSpace;
use crate::error::{CommandError, Refusal};

/// Page sizes of regions, as `DeviceLimits.page_sizes` reports them: 4 KiB, 64 KiB, 2 MiB, 1 GiB.
pub const PAGE_SIZES: u32 = 1 << 12 | 1 << 16 | 1 << 21 | 1 << 30;

const FAST_LOG_PAGE: u8 = 12;

/// A checked BEGIN_MR: what its fields say fits together.
#[derive(Clone, Copy, Debug)]
pub struct RegionRequest {
    pd: u32,
    access: AccessFlags,
    base: u64,
    length: u64,
    log_page: u8,
    page_count: u32,
}

impl RegionRequest {
    /// Checks the fields `[MEM-8]`.
    pub fn check(request: &BeginMrRequest) -> Result<Self, CommandError> {
        let (base, length) = (request.base.get(), request.length.get());
        let access = request.access();
        if rights_contradict(access) && !mutant("MEM-8/rights") {
            return Err(CommandError::new(
                Status::ACCESS_DENIED,
                SyndromeReason::CONFLICT,
                offset_of!(BeginMrRequest, access_raw),
            ));
        }
        let length_at = offset_of!(BeginMrRequest, length);
        if length == 0 && !mutant("MEM-8/zero") {
            return Err(CommandError::invalid(SyndromeReason::TOO_SMALL, length_at));
        }
        if length > limit::MR_BYTES {
            return Err(CommandError::too_large(length_at));
        }
        // The last byte must exist; a region may end exactly at 2^64.
        if base.checked_add(length - 1).is_none() {
            return Err(CommandError::new(
                Status::OUT_OF_RANGE,
                SyndromeReason::WRAPS,
                length_at,
            ));
        }
        let log_page = request.log_page_bytes;
        if log_page >= 32 || PAGE_SIZES & (1 << log_page) == 0 {
            return Err(CommandError::bad_value(offset_of!(
                BeginMrRequest,
                log_page_bytes
            )));
        }
        let page = 1u64 << log_page;
        let first_offset = u64::from(request.first_offset.get());
        if first_offset != base % page && !mutant("MEM-8/offset") {
            return Err(CommandError::invalid(
                SyndromeReason::CONFLICT,
                offset_of!(BeginMrRequest, first_offset),
            ));
        }
        let page_count = request.page_count.get();
        if u64::from(page_count) != (first_offset + length).div_ceil(page) && !mutant("MEM-8/pages")
        {
            return Err(CommandError::invalid(
                SyndromeReason::CONFLICT,
                offset_of!(BeginMrRequest, page_count),
            ));
        }
        Ok(Self {
            pd: request.pd.get(),
            access,
            base,
            length,
            log_page,
            page_count,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// BEGIN_MR to COMMIT_MR.
    Building,
    /// Fast-register region, not registered.
    Free,
    Valid,
}

/// A region of any kind.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) pd: u32,
    pub(super) access: AccessFlags,
    pub(super) base: u64,
    pub(super) length: u64,
    pub(super) log_page: u8,
    /// Page addresses, in order.
    pub(super) pages: Vec<u64>,
    /// Pages that are charged: those that BEGIN_MR named, or a fast registration's most.
    charged: u32,
    fast: bool,
    state: State,
    /// Windows bound to it.
    pub(super) windows: u32,
}

impl Region {
    pub(super) fn is_valid(&self) -> bool {
        self.state == State::Valid
    }

    pub(super) fn may_invalidate(&self, pd: u32) -> Result<(), ProviderError> {
        if self.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if !self.fast && !mutant("MEM-17/committed") {
            return Err(ProviderError::INVALIDATE_REFUSED);
        }
        if !self.is_valid() {
            return Err(ProviderError::KEY_FREE);
        }
        if self.windows > 0 && !mutant("MEM-17/bound") {
            return Err(ProviderError::KEY_BOUND);
        }
        Ok(())
    }

    pub(super) fn invalidate(&mut self) {
        self.state = State::Free;
        self.pages.clear();
    }

    /// Offset in the pages of an address that lies in the region.
    pub(super) fn page_offset(&self, address: u64) -> u64 {
        let first = self.base & ((1 << self.log_page) - 1);
        first.wrapping_add(address.wrapping_sub(self.base))
    }
}

impl Keys {
    /// BEGIN_MR: a region without pages; its key `[MEM-7]`.
    pub fn begin_region(&mut self, request: RegionRequest) -> Result<Key, CommandError> {
        if !self.has_domain(request.pd) {
            return Err(CommandError::not_found(offset_of!(BeginMrRequest, pd)));
        }
        self.add_region(Region {
            pd: request.pd,
            access: request.access,
            base: request.base,
            length: request.length,
            log_page: request.log_page,
            pages: Vec::new(),
            charged: request.page_count,
            fast: false,
            state: if mutant("MEM-7/valid") {
                State::Valid
            } else {
                State::Building
            },
            windows: 0,
        })
    }

    /// ADD_MR_PAGES: copies page addresses, once `[MEM-9]`, `[MEM-10]`.
    pub fn add_pages(
        &mut self,
        dma: &DmaSpace,
        request: &AddMrPagesRequest,
    ) -> Result<(), CommandError> {
        let first_at = offset_of!(AddMrPagesRequest, first);
        let count_at = offset_of!(AddMrPagesRequest, count);
        let list_at = offset_of!(AddMrPagesRequest, list);
        let (count, list) = (request.count.get(), request.list.get());
        let too_many = |reason| CommandError::new(Status::TOO_MANY, reason, count_at);
        if count == 0 {
            return Err(too_many(SyndromeReason::TOO_SMALL));
        }
        if u64::from(count) > limit::MR_CHUNK_PAGES && !mutant("MEM-9/chunk") {
            return Err(too_many(SyndromeReason::TOO_LARGE));
        }
        if !list.is_multiple_of(8) {
            return Err(CommandError::invalid(SyndromeReason::NOT_ALIGNED, list_at));
        }
        let key_at = offset_of!(AddMrPagesRequest, key);
        let region = self.building(request.key.get(), key_at)?;
        let given = u32::try_from(region.pages.len()).unwrap_or(u32::MAX);
        let conflict = |at| CommandError::invalid(SyndromeReason::CONFLICT, at);
        if request.first.get() != given && !mutant("MEM-9/first") {
            return Err(conflict(first_at));
        }
        if count > region.charged.saturating_sub(given) {
            return Err(conflict(count_at));
        }
        let mut pages = vec![0u64; usize::try_from(count).unwrap_or(0)];
        dma.read(list, pages.as_mut_bytes())
            .map_err(|_| CommandError::unreachable(list_at))?;
        let page = 1u64 << region.log_page;
        for address in &mut pages {
            *address = u64::from_le(*address);
            if !address.is_multiple_of(page) && !mutant("MEM-9/aligned") {
                return Err(CommandError::invalid(SyndromeReason::NOT_ALIGNED, list_at));
            }
        }
        region
            .pages
            .try_reserve(pages.len())
            .map_err(|_| CommandError::no_resources())?;
        region.pages.append(&mut pages);
        Ok(())
    }

    /// COMMIT_MR `[MEM-7]`, `[MEM-9]`.
    pub fn commit_region(&mut self, key: u32, at: usize) -> Result<(), CommandError> {
        let region = self.building(key, at)?;
        if (region.pages.len() as u64) < u64::from(region.charged) && !mutant("MEM-9/complete") {
            return Err(CommandError::new(
                Status::INVALID_STATE,
                SyndromeReason::NOT_COMPLETE,
                at,
            ));
        }
        region.state = State::Valid;
        Ok(())
    }

    /// CREATE_FAST_MR: a FREE region that FAST_REGISTER fills `[MEM-11]`.
    pub fn create_fast_region(&mut self, pd: u32, max_pages: u32) -> Result<Key, CommandError> {
        let at = offset_of!(CreateFastMrRequest, max_pages);
        if max_pages == 0 {
            return Err(CommandError::too_small(at));
        }
        if u64::from(max_pages) > limit::FAST_REGISTER_PAGES && !mutant("MEM-11/most") {
            return Err(CommandError::too_large(at));
        }
        if !self.has_domain(pd) {
            return Err(CommandError::not_found(offset_of!(CreateFastMrRequest, pd)));
        }
        self.add_region(Region {
            pd,
            access: AccessFlags(0),
            base: 0,
            length: 0,
            log_page: FAST_LOG_PAGE,
            pages: Vec::new(),
            charged: max_pages,
            fast: true,
            state: State::Free,
            windows: 0,
        })
    }

    /// DESTROY_MR: takes the region with the index of `key`, any variant, out of use
    /// `[MEM-16]`. DMA that is in flight through it ends later.
    pub fn destroy_region(&mut self, key: u32, at: usize) -> Result<(), CommandError> {
        let index = Key(key).index();
        let (pd, charged) = match self.object(index) {
            Some(Object::Region(region)) if region.windows > 0 && !mutant("MEM-16/bound") => {
                return Err(CommandError::busy(at));
            }
            Some(Object::Region(region)) => (region.pd, region.charged),
            Some(_) if !mutant("CMD-21/kind") => return Err(CommandError::wrong_kind(at)),
            _ => return Err(CommandError::not_found(at)),
        };
        self.free_index(index);
        self.regions = self.regions.saturating_sub(1);
        self.pages_charged = self.pages_charged.saturating_sub(u64::from(charged));
        self.release_domain(pd);
        Ok(())
    }

    /// FAST_REGISTER, for a queue pair of domain `pd` `[MEM-12]`, `[MEM-13]`. Reserved bits of
    /// the rights are the caller's to refuse as malformed.
    pub fn fast_register(
        &mut self,
        dma: &DmaSpace,
        pd: u32,
        work: &FastRegisterSegment,
    ) -> Result<(), Refusal> {
        let key = Key(work.key.get());
        let (base, length) = (work.base.get(), u64::from(work.length.get()));
        let count = work.page_count.get();
        let access = work.access();
        let region = match self.object_mut(key.index()) {
            Some(Object::Region(region)) if region.fast => region,
            Some(Object::Privileged { .. }) => {
                return Err(Refusal::bind(ProviderError::KEY_PRIVILEGED));
            }
            _ => return Err(Refusal::bind(ProviderError::KEY_NOT_FOUND)),
        };
        if region.pd != pd {
            return Err(Refusal::bind(ProviderError::KEY_WRONG_DOMAIN));
        }
        if region.state == State::Valid && !mutant("MEM-13/valid") {
            return Err(Refusal::bind(ProviderError::KEY_IN_USE));
        }
        if (count == 0 || count > region.charged) && !mutant("MEM-13/pages") {
            return Err(Refusal::bind(ProviderError::PAGE_COUNT));
        }
        if length == 0 {
            return Err(Refusal::bind(ProviderError::ZERO_LENGTH));
        }
        if base.checked_add(length - 1).is_none() {
            return Err(Refusal::bind(ProviderError::WRAP));
        }
        let page = 1u64 << FAST_LOG_PAGE;
        if base % page + length > u64::from(count) * page && !mutant("MEM-13/range") {
            return Err(Refusal::bind(ProviderError::RANGE));
        }
        if rights_contradict(access) && !mutant("MEM-13/rights") {
            return Err(Refusal::bind(ProviderError::RIGHT_MISSING));
        }
        if !work.page_list.get().is_multiple_of(8) {
            return Err(Refusal::bind(ProviderError::NOT_ALIGNED));
        }
        // At most LIMIT_FAST_REGISTER_PAGES; read once [CONV-11].
        let mut pages = vec![0u64; usize::try_from(count).unwrap_or(0)];
        dma.read(work.page_list.get(), pages.as_mut_bytes())
            .map_err(|error| {
                Refusal::new(
                    CompletionStatus::LOCAL_ACCESS_ERROR,
                    crate::error::provider_error(error),
                )
            })?;
        for address in &mut pages {
            *address = u64::from_le(*address);
            if !address.is_multiple_of(page) {
                return Err(Refusal::bind(ProviderError::NOT_ALIGNED));
            }
        }
        region.access = access;
        region.base = base;
        region.length = length;
        region.pages = pages;
        region.state = State::Valid;
        if !mutant("MEM-12/variant") {
            self.set_variant(key.index(), key.variant());
        }
        Ok(())
    }

    fn add_region(&mut self, region: Region) -> Result<Key, CommandError> {
        if self.regions >= self.limits.mrs {
            return Err(CommandError::no_resources());
        }
        let (pd, charged) = (region.pd, u64::from(region.charged));
        self.charge(charged)?;
        match self.insert(|_| Object::Region(Box::new(region))) {
            Ok(key) => {
                self.regions += 1;
                self.hold_domain(pd);
                Ok(key)
            }
            Err(_) => {
                self.pages_charged = self.pages_charged.saturating_sub(charged);
                Err(CommandError::no_resources())
            }
        }
    }

    /// The region that a key of BEGIN_MR names, while it is being made.
    fn building(&mut self, key: u32, at: usize) -> Result<&mut Region, CommandError> {
        let key = Key(key);
        match self.lookup(key) {
            Ok(Object::Region(region)) if !region.fast => (),
            Ok(_) => return Err(CommandError::wrong_kind(at)),
            Err(_) => return Err(CommandError::not_found(at)),
        }
        match self.object_mut(key.index()) {
            Some(Object::Region(region)) if region.state == State::Building => Ok(region),
            _ => Err(CommandError::wrong_state(at)),
        }
    }
}
