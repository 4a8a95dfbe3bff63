//! Protection domains, regions, windows.
//!
//! A region takes several commands: BEGIN_MR, ADD_MR_PAGES for each chunk of pages, COMMIT_MR. One verb does them all,
//! each step submitted in the slot that the one before it gave back, so it never finds the ring full half way. When a
//! step fails the region is destroyed and the verb ends with the first error.

use rnic_abi::{
    AccessFlags, AddMrPagesRequest, BeginMrAnswer, BeginMrRequest, CommitMrRequest,
    CreateFastMrAnswer, CreateFastMrRequest, CreateMwAnswer, CreateMwRequest, CreatePdAnswer,
    CreatePdRequest, DestroyMrRequest, DestroyMwRequest, DestroyPdRequest, EmptyAnswer, MwType,
    PdFlags, cmd, feature,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U32, U64};

use super::{Arrived, Control, Next, Outcome, Token};
use crate::{Bounded, Error, Key, Nic, PdHandle, Violation};

/// A region to register.
#[derive(Debug)]
pub struct Region {
    /// Protection domain.
    pub pd: PdHandle,
    /// Rights.
    pub access: AccessFlags,
    /// Virtual address of the first byte.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// Log2 of the page size, one of DeviceLimits.page_sizes.
    pub log_page_bytes: u8,
    /// DMA addresses of the pages, in order.
    pub pages: Bounded<u64>,
}

/// A registration under way.
pub(crate) struct Registering<P: Platform> {
    pages: Bounded<u64>,
    list: P::Dma,
    chunk: u32,
    given: u32,
    key: Key,
}

pub(crate) enum Op<P: Platform> {
    Pd { privileged: bool },
    Empty,
    Begin(Registering<P>),
    Add(Registering<P>),
    Commit(Registering<P>),
    Undo(Error),
    FastMr,
    Window,
}

/// A key as the device gives it: index 0 names nothing. [MEM-2]
fn key(value: u32) -> Result<Key, Error> {
    if value >> 8 == 0 {
        Err(Violation::Handle.into())
    } else {
        Ok(Key(value))
    }
}

impl<P: Platform> Control<P> {
    /// Creates a protection domain: [`Outcome::Pd`]. [MEM-1] [MEM-6]
    pub fn create_pd(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        privileged: bool,
    ) -> Result<Token, Error> {
        if privileged {
            nic.need(feature::PRIVILEGED_KEYS, "PRIVILEGED_KEYS")?;
        }
        let flags = PdFlags::default().with_privileged(privileged);
        let request = CreatePdRequest::default().with_flags(flags);
        let op = super::Op::Memory(Op::Pd { privileged });
        self.start::<cmd::CreatePd>(nic, cookie, &request, op)
    }

    /// Destroys a protection domain that nothing uses.
    pub fn destroy_pd(&mut self, nic: &Nic<P>, cookie: u64, pd: PdHandle) -> Result<Token, Error> {
        let request = DestroyPdRequest {
            pd: U32::new(pd.get()),
            ..DestroyPdRequest::default()
        };
        self.start::<cmd::DestroyPd>(nic, cookie, &request, super::Op::Memory(Op::Empty))
    }

    /// Registers memory: [`Outcome::Region`]. [MEM-7] [MEM-8]
    pub fn register(&mut self, nic: &Nic<P>, cookie: u64, region: Region) -> Result<Token, Error> {
        if region.log_page_bytes > 30 {
            return Err(Error::Argument("log_page_bytes"));
        }
        let page = 1u64 << region.log_page_bytes;
        let first_offset = region.base & (page - 1);
        let needed = first_offset
            .checked_add(region.length)
            .ok_or(Error::Argument("length"))?
            .div_ceil(page);
        if region.length == 0 {
            return Err(Error::Argument("length"));
        }
        if needed != region.pages.len() as u64 {
            return Err(Error::Argument("pages"));
        }
        let page_count = u32::try_from(needed).map_err(|_| Error::Argument("length"))?;
        let first_offset = u32::try_from(first_offset).map_err(|_| Error::Argument("base"))?;
        let chunk = page_count.min(nic.limits.mr_chunk_pages.get()).min(4096);
        let access = DmaAccess::DeviceReads;
        let list = nic.platform.alloc_dma(chunk as usize * 8, access)?;
        let request = BeginMrRequest {
            pd: U32::new(region.pd.get()),
            base: U64::new(region.base),
            length: U64::new(region.length),
            first_offset: U32::new(first_offset),
            page_count: U32::new(page_count),
            log_page_bytes: region.log_page_bytes,
            ..BeginMrRequest::default()
        }
        .with_access(region.access);
        let op = super::Op::Memory(Op::Begin(Registering {
            pages: region.pages,
            list,
            chunk,
            given: 0,
            key: Key(0),
        }));
        self.start::<cmd::BeginMr>(nic, cookie, &request, op)
    }

    /// Creates a fast-register region: [`Outcome::FastRegion`]. [MEM-11]
    pub fn create_fast_region(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        pd: PdHandle,
        max_pages: u32,
    ) -> Result<Token, Error> {
        let request = CreateFastMrRequest {
            pd: U32::new(pd.get()),
            max_pages: U32::new(max_pages),
            ..CreateFastMrRequest::default()
        };
        self.start::<cmd::CreateFastMr>(nic, cookie, &request, super::Op::Memory(Op::FastMr))
    }

    /// Destroys a region of any kind; when it has ended no DMA through it is in flight. [MEM-16]
    pub fn destroy_region(&mut self, nic: &Nic<P>, cookie: u64, key: Key) -> Result<Token, Error> {
        let request = destroy_request(key);
        self.start::<cmd::DestroyMr>(nic, cookie, &request, super::Op::Memory(Op::Empty))
    }

    /// Creates a memory window: [`Outcome::Window`]. [MEM-19]
    pub fn create_window(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        pd: PdHandle,
        window_type: MwType,
    ) -> Result<Token, Error> {
        nic.need(feature::MEMORY_WINDOWS, "MEMORY_WINDOWS")?;
        let request = CreateMwRequest {
            pd: U32::new(pd.get()),
            ..CreateMwRequest::default()
        }
        .with_mw_type(window_type);
        self.start::<cmd::CreateMw>(nic, cookie, &request, super::Op::Memory(Op::Window))
    }

    /// Destroys a memory window, bound or not. [MEM-19]
    pub fn destroy_window(&mut self, nic: &Nic<P>, cookie: u64, key: Key) -> Result<Token, Error> {
        let request = DestroyMwRequest {
            key: U32::new(key.0),
            ..DestroyMwRequest::default()
        };
        self.start::<cmd::DestroyMw>(nic, cookie, &request, super::Op::Memory(Op::Empty))
    }

    pub(super) fn memory_answered(
        &mut self,
        nic: &Nic<P>,
        arrived: &Arrived,
        op: Op<P>,
    ) -> Next<P> {
        let ring = &self.ring;
        match op {
            Op::Pd { privileged } => Next::from(self.pd_answered(arrived, privileged)),
            Op::Empty => Next::from(ring.answer::<EmptyAnswer>(arrived).map(|_| Outcome::Done)),
            Op::FastMr => Next::from(
                ring.answer::<CreateFastMrAnswer>(arrived)
                    .and_then(|answer| key(answer.key.get()))
                    .map(Outcome::FastRegion),
            ),
            Op::Window => Next::from(
                ring.answer::<CreateMwAnswer>(arrived)
                    .and_then(|answer| key(answer.key.get()))
                    .map(Outcome::Window),
            ),
            Op::Begin(mut work) => {
                let answer = ring.answer::<BeginMrAnswer>(arrived);
                match answer.and_then(|answer| key(answer.key.get())) {
                    Ok(key) => {
                        work.key = key;
                        self.add_pages(nic, work)
                    }
                    Err(error) => Next::fail(error),
                }
            }
            Op::Add(work) => match ring.answer::<EmptyAnswer>(arrived) {
                Ok(_) if (work.given as usize) < work.pages.len() => self.add_pages(nic, work),
                Ok(_) => self.commit(nic, work),
                Err(error) => self.undo(nic, &work, error),
            },
            Op::Commit(work) => match ring.answer::<EmptyAnswer>(arrived) {
                Ok(_) => Next::End(Ok(Outcome::Region(work.key))),
                Err(error) => self.undo(nic, &work, error),
            },
            Op::Undo(first) => match ring.answer::<EmptyAnswer>(arrived) {
                Err(error @ (Error::Device(_) | Error::Gone)) => Next::fail(error),
                _ => Next::fail(first),
            },
        }
    }

    fn pd_answered(&mut self, arrived: &Arrived, privileged: bool) -> Result<Outcome<P>, Error> {
        let answer: CreatePdAnswer = self.ring.answer(arrived)?;
        let pd = PdHandle::from_device(answer.pd.get())?;
        let privileged_key = if privileged {
            Some(key(answer.privileged_key.get())?)
        } else {
            None
        };
        Ok(Outcome::Pd(pd, privileged_key))
    }

    /// The next chunk of pages. [MEM-9]
    fn add_pages(&mut self, nic: &Nic<P>, mut work: Registering<P>) -> Next<P> {
        let first = work.given;
        let rest = work.pages.as_slice().get(first as usize..).unwrap_or(&[]);
        let mut count = 0u32;
        for (at, page) in rest.iter().take(work.chunk as usize).enumerate() {
            work.list.write(at * 8, &page.to_le_bytes());
            count += 1;
        }
        work.given += count;
        let request = AddMrPagesRequest {
            key: U32::new(work.key.0),
            first: U32::new(first),
            count: U32::new(count),
            list: U64::new(work.list.iova()),
            ..AddMrPagesRequest::default()
        };
        match self.submit::<cmd::AddMrPages>(nic, &request) {
            Ok(slot) => Next::Again(slot, super::Op::Memory(Op::Add(work))),
            Err(error) => Next::fail(error),
        }
    }

    fn commit(&mut self, nic: &Nic<P>, work: Registering<P>) -> Next<P> {
        let request = CommitMrRequest {
            key: U32::new(work.key.0),
            ..CommitMrRequest::default()
        };
        match self.submit::<cmd::CommitMr>(nic, &request) {
            Ok(slot) => Next::Again(slot, super::Op::Memory(Op::Commit(work))),
            Err(error) => Next::fail(error),
        }
    }

    fn undo(&mut self, nic: &Nic<P>, work: &Registering<P>, error: Error) -> Next<P> {
        if !matches!(error, Error::Command(_)) {
            return Next::fail(error);
        }
        match self.submit::<cmd::DestroyMr>(nic, &destroy_request(work.key)) {
            Ok(slot) => Next::Again(slot, super::Op::Memory(Op::Undo(error))),
            Err(_) => Next::fail(error),
        }
    }
}

fn destroy_request(key: Key) -> DestroyMrRequest {
    DestroyMrRequest {
        key: U32::new(key.0),
        ..DestroyMrRequest::default()
    }
}
