//! SIGBUS inside a mapped guest file must not kill the process.
//!
//! A peer may truncate the file behind a map at any moment; the next touch is then a SIGBUS.
//! Every [`super::mapping::Mapping`] has a [`Region`] in a lock-free list. The handler looks the
//! faulting address up there, replaces the *whole* mapping with anonymous zero pages (one
//! syscall, and huge-page mappings cannot be split), sets the region's flag and returns; the
//! interrupted copy restarts, ends, and its caller reads the flag. A fault anywhere else goes to
//! the handler that was there before, so a wild pointer of ours still stops the process.
//!
//! The list only grows: a `Region` is leaked once and reused by later mappings, so its number is
//! the largest number of mappings that ever lived at once.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, compiler_fence, fence};

/// One entry of the list. `start..end` is guarded by `version` (odd while it changes), because
/// the handler may run in one thread while another reuses an entry.
pub(super) struct Region {
    next: *const Region,
    in_use: AtomicBool,
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    faulted: AtomicBool,
}

// SAFETY: `next` is written before the region is published and never again; all else is atomic.
unsafe impl Sync for Region {}
// SAFETY: as above.
unsafe impl Send for Region {}

static HEAD: AtomicPtr<Region> = AtomicPtr::new(ptr::null_mut());
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();

impl Region {
    /// Claims an entry for the mapping at `start..start + len` and clears its fault.
    pub(super) fn register(start: usize, len: usize) -> io::Result<&'static Region> {
        install()?;
        let region = Self::claim();
        region.faulted.store(false, Ordering::Relaxed);
        region.set(start, start.saturating_add(len));
        Ok(region)
    }

    /// Gives the entry back. The caller unmaps only afterwards, so that the handler never
    /// replaces memory that the allocator has handed to someone else.
    pub(super) fn release(&self) {
        self.set(0, 0);
        self.in_use.store(false, Ordering::Release);
    }

    /// Whether an access to the mapping has faulted since [`Region::register`].
    #[inline]
    pub(super) fn faulted(&self) -> bool {
        // After the access: either this thread's handler set it, or another's did before the
        // replaced page could be seen here.
        compiler_fence(Ordering::SeqCst);
        fence(Ordering::Acquire);
        self.faulted.load(Ordering::Relaxed)
    }

    fn set(&self, start: usize, end: usize) {
        self.version.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::Release);
        self.start.store(start, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The range, or `None` while another thread changes it: then it cannot be the mapping that
    /// the faulting thread holds alive.
    fn range(&self) -> Option<(usize, usize)> {
        let before = self.version.load(Ordering::Acquire);
        let range = (
            self.start.load(Ordering::Relaxed),
            self.end.load(Ordering::Relaxed),
        );
        fence(Ordering::Acquire);
        let after = self.version.load(Ordering::Relaxed);
        (before == after && before & 1 == 0).then_some(range)
    }

    fn iter() -> impl Iterator<Item = &'static Region> {
        let mut at: *const Region = HEAD.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: entries are leaked boxes, published with release ordering, never freed.
            let region = unsafe { at.as_ref() }?;
            at = region.next;
            Some(region)
        })
    }

    fn claim() -> &'static Region {
        for region in Self::iter() {
            if region
                .in_use
                .compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return region;
            }
        }
        let new = Box::into_raw(Box::new(Region {
            next: ptr::null(),
            in_use: AtomicBool::new(true),
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            faulted: AtomicBool::new(false),
        }));
        let mut head = HEAD.load(Ordering::Acquire);
        loop {
            // SAFETY: `new` came from Box::into_raw above and is not yet visible to others.
            unsafe { (*new).next = head };
            match HEAD.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: leaked and from now on shared; nobody writes through `new` again.
                Ok(_) => return unsafe { &*new },
                Err(current) => head = current,
            }
        }
    }
}

/// Installs the handler once in the life of the process.
fn install() -> io::Result<()> {
    let result = INSTALLED.get_or_init(|| {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: reads the current action into `old`, which is large enough and writable.
        if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), old.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EINVAL));
        }
        // SAFETY: filled by the kernel just now; all-zero would be a valid value as well.
        let _ = PREVIOUS.set(unsafe { old.assume_init() });
        // SAFETY: all-zero is a valid sigaction (no flags, empty mask, SIG_DFL).
        let mut new: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            on_sigbus;
        new.sa_sigaction = handler as usize;
        // ONSTACK: a stack overflow may arrive as SIGBUS, and the previous handler reports it.
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: `new` is complete; the handler only makes async-signal-safe calls.
        if unsafe { libc::sigaction(libc::SIGBUS, &new, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EINVAL));
        }
        Ok(())
    });
    result.map_err(io::Error::from_raw_os_error)
}

extern "C" fn on_sigbus(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo_t.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    // Only these two codes carry the address of an access by this thread; a signal that
    // somebody sent does not.
    if (code == libc::BUS_ADRERR || code == libc::BUS_MCEERR_AR) && absorb(address) {
        return;
    }
    chain(signal, info, context);
}

/// Replaces the mapping that holds `address`, if it is one of ours. Async-signal-safe.
fn absorb(address: usize) -> bool {
    for region in Region::iter() {
        let Some((start, end)) = region.range() else {
            continue;
        };
        if !(start..end).contains(&address) {
            continue;
        }
        // Before the replacement: another thread that reads the zeros must find the flag set.
        region.faulted.store(true, Ordering::SeqCst);
        // SAFETY: errno is thread-local; the interrupted code must find its own value again.
        let errno = unsafe { *libc::__errno_location() };
        // SAFETY: start..end is a live mapping of ours: the faulting thread is inside an access
        // to it and so keeps it from being unmapped. MAP_FIXED replaces it at once; nothing
        // but guest bytes lives there.
        let replaced = unsafe {
            libc::mmap(
                start as *mut libc::c_void,
                end - start,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        if replaced == libc::MAP_FAILED {
            return false;
        }
        return true;
    }
    false
}

/// A fault that is not ours: do what would have been done without us.
fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = PREVIOUS.get();
    let handler = previous.map_or(libc::SIG_DFL, |p| p.sa_sigaction);
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // Back to the default and return: the access faults again and the process stops with
        // the right signal. A signal that was sent needs raising again.
        // SAFETY: all-zero is SIG_DFL with no flags; both calls are async-signal-safe.
        unsafe {
            let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
            libc::sigaction(signal, &default, ptr::null_mut());
            if (*info).si_code <= 0 {
                libc::raise(signal);
            }
        }
        return;
    }
    let siginfo = previous.is_some_and(|p| p.sa_flags & libc::SA_SIGINFO != 0);
    // SAFETY: `handler` is neither DFL nor IGN, so it is a function of the kind its flags say;
    // it gets the arguments that the kernel gave us.
    unsafe {
        if siginfo {
            type Action = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            let action: Action = std::mem::transmute::<usize, Action>(handler);
            action(signal, info, context);
        } else {
            type Simple = extern "C" fn(libc::c_int);
            let simple: Simple = std::mem::transmute::<usize, Simple>(handler);
            simple(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_region_is_reused_with_its_fault_cleared() {
        let first = Region::register(0x1000, 0x1000).unwrap();
        first.faulted.store(true, Ordering::Relaxed);
        assert_eq!(first.range(), Some((0x1000, 0x2000)));
        first.release();
        assert_eq!(first.range(), Some((0, 0)));
        // Other tests claim entries too, so look until ours comes round.
        let mut held = Vec::new();
        loop {
            let region = Region::register(usize::MAX - 1, 0).unwrap();
            held.push(region);
            if ptr::eq(region, first) {
                break;
            }
            assert!(held.len() < 10_000, "a released entry is never found again");
        }
        assert!(!first.faulted());
        held.iter().for_each(|r| r.release());
    }

    #[test]
    fn an_address_outside_every_region_is_not_absorbed() {
        let local = 0u64;
        assert!(!absorb(ptr::from_ref(&local) as usize));
    }
}
