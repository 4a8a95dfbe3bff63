//! Memory regions: registered ones, and those for fast registration.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::AccessFlags;
use rnic_driver_core::{Bounded, Failure, FastRegister, Key, Outcome, Region};
use rnic_platform::{DmaAccess, DmaBuffer, Platform, PlatformError};
use zerocopy::IntoBytes;

use crate::pd::Pd;
use crate::provider::{Provider, Reserved};
use crate::raw::{Body, Hold, Lock, NoMemory, Object, Ref, RequestCompletion, dispatch};
use crate::system::DmaOf;
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

/// Bytes of a page, of the adapter's and of Windows.
pub const PAGE: u64 = 4096;
const LOG_PAGE: u8 = 12;

/// Memory that a consumer described: virtually contiguous, page by page.
#[derive(Debug)]
pub struct Memory {
    /// Virtual address of the first byte.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// DMA addresses of the pages.
    pub pages: Bounded<u64>,
}

/// What NdkFastRegister says of pages.
#[derive(Clone, Copy, Debug)]
pub struct FastPages<'a> {
    /// DMA addresses of the pages.
    pub pages: &'a [NDK_LOGICAL_ADDRESS],
    /// Offset of the first byte in the first page.
    pub first_offset: u32,
    /// Bytes.
    pub length: u64,
    /// Virtual address of the first byte.
    pub base: u64,
}

/// A list of pages that the device reads when the request executes.
struct List<D> {
    memory: D,
    /// Queue and index of the last request that uses it.
    used: Option<(u32, u32)>,
}

struct Fast<D> {
    key: Key,
    max_pages: u32,
    remote: bool,
    /// Two, so that a request may be posted while the one before it still waits.
    lists: [List<D>; 2],
    next: usize,
    /// Rights of the last registration.
    writable: bool,
}

enum State<D> {
    Idle,
    /// A request is under way.
    Busy,
    Registered {
        key: Key,
        writable: bool,
    },
    Fast(Fast<D>),
}

/// A memory region.
pub struct Mr<S: System> {
    fast: bool,
    state: Lock<S::Lock, State<DmaOf<S>>>,
    reserved: Reserved<S>,
    pub(crate) pd: Hold<Pd<S>>,
}

impl<S: System> Body for Mr<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeMr;

    fn dispatch() -> *const c_void {
        dispatch::mr::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let key = match &*this.body().state.lock() {
            State::Registered { key, .. } => Some(*key),
            State::Fast(fast) => Some(fast.key),
            State::Idle | State::Busy => None,
        };
        match key {
            Some(key) => {
                let then = Then::MrDestroyed(this.clone());
                let body = this.body();
                body.provider()
                    .submit_reserved(Verb::DestroyRegion(key), then, &body.reserved);
            }
            None => Object::finish(this),
        }
    }
}

type Answer<S> = Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>;

impl<S: System> Mr<S> {
    fn provider(&self) -> &Provider<S> {
        &self.pd.adapter.provider
    }

    /// NdkCreateMr; the device learns of the region when it gets memory.
    pub fn create(pd: &Object<Pd<S>>, fast: bool) -> Result<Ref<Self>, NTSTATUS> {
        let pd = pd.hold().ok_or(STATUS_INVALID_DEVICE_STATE)?;
        let version = pd.adapter.version;
        let made = Reserved::new(&pd.adapter.provider).and_then(|reserved| {
            Object::create(
                version,
                Self {
                    fast,
                    state: Lock::new(State::Idle),
                    reserved,
                    pd,
                },
            )
        });
        made.map_err(|NoMemory| STATUS_INSUFFICIENT_RESOURCES)
    }

    /// From idle to busy, or why not.
    fn begin(&self, fast: bool) -> Result<(), NTSTATUS> {
        if self.fast != fast {
            return Err(STATUS_INVALID_PARAMETER);
        }
        let mut state = self.state.lock();
        match &*state {
            State::Idle => {
                *state = State::Busy;
                Ok(())
            }
            _ => Err(STATUS_INVALID_DEVICE_STATE),
        }
    }

    fn set(&self, state: State<DmaOf<S>>) {
        let old = core::mem::replace(&mut *self.state.lock(), state);
        drop(old);
    }

    fn under_way(&self, submitted: Result<(), NoMemory>) -> NTSTATUS {
        match submitted {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                self.set(State::Idle);
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    /// Whether `flags` can be asked for, and what they are.
    fn rights(flags: u32) -> Option<AccessFlags> {
        const REMOTE_WRITE: u32 = NDK_MR_FLAG_ALLOW_REMOTE_WRITE & !NDK_MR_FLAG_ALLOW_LOCAL_WRITE;
        let known = NDK_MR_FLAG_ALLOW_REMOTE_READ
            | NDK_MR_FLAG_ALLOW_REMOTE_WRITE
            | NDK_MR_FLAG_RDMA_READ_SINK;
        let remote_write = flags & REMOTE_WRITE != 0;
        let local_write = flags & NDK_MR_FLAG_ALLOW_LOCAL_WRITE != 0;
        if flags & !known != 0 || (remote_write && !local_write) {
            return None;
        }
        let sink = flags & NDK_MR_FLAG_RDMA_READ_SINK != 0;
        Some(
            AccessFlags::default()
                // Read sinks need no right of their own here, but must be writable.
                .with_local_write(local_write || sink)
                .with_remote_read(flags & NDK_MR_FLAG_ALLOW_REMOTE_READ != 0)
                .with_remote_write(remote_write)
                .with_window_bind(true),
        )
    }

    /// NdkRegisterMr. `memory` is asked for when everything else is right.
    pub fn register(
        this: &Object<Self>,
        length: u64,
        flags: u32,
        memory: impl FnOnce(&S) -> Result<Memory, NTSTATUS>,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let mr = this.body();
        let provider = mr.provider();
        let Some(access) = Self::rights(flags) else {
            return STATUS_INVALID_PARAMETER;
        };
        if length == 0 || length > provider.system().nic().limits().mr_bytes.get() {
            return STATUS_INVALID_PARAMETER;
        }
        let Some(pd) = mr.pd.handle() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        if let Err(status) = mr.begin(false) {
            return status;
        }
        let memory = match memory(provider.system()) {
            Ok(memory) => memory,
            Err(status) => {
                mr.set(State::Idle);
                return status;
            }
        };
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let region = Region {
            pd,
            access,
            base: memory.base,
            length: memory.length,
            log_page_bytes: LOG_PAGE,
            pages: memory.pages,
        };
        let then = Then::MrRegistered(hold, access.local_write(), completion);
        mr.under_way(provider.submit(Verb::Register(region), then))
    }

    pub(crate) fn registered(
        hold: Hold<Self>,
        writable: bool,
        completion: RequestCompletion,
        answer: Answer<S>,
    ) {
        let provider = hold.pd.adapter.provider.clone();
        let status = match answer {
            Ok(Outcome::Region(key)) => {
                hold.set(State::Registered { key, writable });
                STATUS_SUCCESS
            }
            other => {
                hold.set(State::Idle);
                crate::then::failure(&provider, other)
            }
        };
        completion.complete(status);
    }

    /// NdkDeregisterMr.
    pub fn deregister(this: &Object<Self>, completion: RequestCompletion) -> NTSTATUS {
        let mr = this.body();
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let (key, writable) = {
            let mut state = mr.state.lock();
            match &*state {
                State::Registered { key, writable } => {
                    let was = (*key, *writable);
                    *state = State::Busy;
                    was
                }
                _ => return STATUS_INVALID_DEVICE_STATE,
            }
        };
        let then = Then::MrDeregistered(hold, (key, writable), completion);
        match mr.provider().submit(Verb::DestroyRegion(key), then) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                mr.set(State::Registered { key, writable });
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    pub(crate) fn deregistered(
        hold: Hold<Self>,
        (key, writable): (Key, bool),
        completion: RequestCompletion,
        answer: Answer<S>,
    ) {
        let status = match answer {
            Ok(_) => {
                hold.set(State::Idle);
                STATUS_SUCCESS
            }
            Err(failure) => {
                // BUSY while windows are bound: it is still what it was.
                hold.set(State::Registered { key, writable });
                crate::status::of_error(failure.error)
            }
        };
        completion.complete(status);
    }

    /// NdkInitializeFastRegisterMr.
    pub fn initialise(
        this: &Object<Self>,
        pages: u32,
        remote: bool,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let mr = this.body();
        let provider = mr.provider();
        if pages == 0 {
            return STATUS_INVALID_PARAMETER;
        }
        if pages > provider.system().nic().limits().fast_register_pages.get() {
            return STATUS_IMPLEMENTATION_LIMIT;
        }
        let Some(pd) = mr.pd.handle() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        if let Err(status) = mr.begin(true) {
            return status;
        }
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let verb = Verb::CreateFastRegion {
            pd,
            max_pages: pages,
        };
        let then = Then::MrInitialised(hold, (pages, remote), completion);
        mr.under_way(provider.submit(verb, then))
    }

    pub(crate) fn initialised(
        hold: Hold<Self>,
        (pages, remote): (u32, bool),
        completion: RequestCompletion,
        answer: Answer<S>,
    ) {
        let provider = hold.pd.adapter.provider.clone();
        let key = match answer {
            Ok(Outcome::FastRegion(key)) => key,
            other => {
                hold.set(State::Idle);
                completion.complete(crate::then::failure(&provider, other));
                return;
            }
        };
        let list = || -> Result<List<DmaOf<S>>, PlatformError> {
            let platform = provider.system().nic().platform();
            let memory = platform.alloc_dma(pages as usize * 8, DmaAccess::DeviceReads)?;
            Ok(List { memory, used: None })
        };
        match (list(), list()) {
            (Ok(first), Ok(second)) => {
                hold.set(State::Fast(Fast {
                    key,
                    max_pages: pages,
                    remote,
                    lists: [first, second],
                    next: 0,
                    writable: false,
                }));
                completion.complete(STATUS_SUCCESS);
            }
            _ => {
                // The slot is of the object's end, which the hold keeps from coming meanwhile.
                let reference = hold.reference();
                let then = Then::MrUninitialised(hold, completion);
                provider.submit_reserved(
                    Verb::DestroyRegion(key),
                    then,
                    &reference.body().reserved,
                );
            }
        }
    }

    pub(crate) fn uninitialised(hold: &Hold<Self>) {
        hold.set(State::Idle);
    }

    /// Token of the region, local and remote; 0 while there is none. (ndkpi.md 6.5)
    pub fn token(&self) -> u32 {
        match &*self.state.lock() {
            State::Registered { key, .. } => key.0,
            State::Fast(fast) => fast.key.0,
            State::Idle | State::Busy => 0,
        }
    }

    /// Its key, if it is for fast registration and initialised.
    pub(crate) fn fast_key(&self) -> Option<Key> {
        match &*self.state.lock() {
            State::Fast(fast) => Some(fast.key),
            _ => None,
        }
    }

    /// Key to bind a window to, and whether the memory may be written.
    pub(crate) fn bind_key(&self) -> Option<(Key, bool)> {
        match &*self.state.lock() {
            State::Registered { key, writable } => Some((*key, *writable)),
            State::Fast(fast) => Some((fast.key, fast.writable)),
            State::Idle | State::Busy => None,
        }
    }

    /// Checks a fast registration, and writes its pages where the device will read them. `progress` is the queue's
    /// serial number, the index that the request gets, and how far the queue has retired.
    pub(crate) fn fast_register(
        &self,
        pages: &FastPages<'_>,
        flags: u32,
        (queue, index, retired): (u32, u32, u32),
    ) -> Result<FastRegister, NTSTATUS> {
        const REMOTE_WRITE: u32 = NDK_OP_FLAG_ALLOW_REMOTE_WRITE & !NDK_OP_FLAG_ALLOW_LOCAL_WRITE;
        let mut state = self.state.lock();
        let State::Fast(fast) = &mut *state else {
            return Err(STATUS_INVALID_PARAMETER);
        };
        let remote_read = flags & NDK_OP_FLAG_ALLOW_REMOTE_READ != 0;
        let remote_write = flags & REMOTE_WRITE != 0;
        let local_write = flags & NDK_OP_FLAG_ALLOW_LOCAL_WRITE != 0;
        if (remote_read || remote_write) && !fast.remote {
            return Err(STATUS_ACCESS_VIOLATION);
        }
        let page_count = u32::try_from(pages.pages.len()).map_err(|_| STATUS_INVALID_PARAMETER)?;
        let room = (pages.pages.len() as u64 * PAGE).saturating_sub(pages.first_offset.into());
        let aligned = pages
            .pages
            .iter()
            .all(|page| page.cast_unsigned().is_multiple_of(PAGE));
        let fits = page_count > 0
            && page_count <= fast.max_pages
            && u64::from(pages.first_offset) < PAGE
            && pages.length > 0
            && pages.length <= room
            && pages.base % PAGE == u64::from(pages.first_offset)
            && pages.base.checked_add(pages.length).is_some();
        if !fits || !aligned || (remote_write && !local_write) {
            return Err(STATUS_INVALID_PARAMETER);
        }
        let length = u32::try_from(pages.length).map_err(|_| STATUS_INVALID_PARAMETER)?;
        let list = fast.lists.get_mut(fast.next).ok_or(STATUS_INTERNAL_ERROR)?;
        if let Some((used_queue, used_index)) = list.used
            && used_queue == queue
            && retired.wrapping_sub(used_index).wrapping_sub(1) > u32::MAX / 2
        {
            // Both lists wait for requests that have not executed: the consumer is two registrations ahead.
            return Err(STATUS_INSUFFICIENT_RESOURCES);
        }
        list.memory.write(0, pages.pages.as_bytes());
        list.used = Some((queue, index));
        let page_list = list.memory.iova();
        fast.next ^= 1;
        fast.writable = local_write;
        let sink = flags & NDK_OP_FLAG_RDMA_READ_SINK != 0;
        Ok(FastRegister {
            key: fast.key,
            base: pages.base,
            length,
            page_list,
            page_count,
            access: AccessFlags::default()
                .with_local_write(local_write || sink)
                .with_remote_read(remote_read)
                .with_remote_write(remote_write)
                .with_window_bind(true),
        })
    }
}
