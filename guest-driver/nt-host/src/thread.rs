//! Threads that run driver code.
//!
//! A thread that calls the driver has its own signal stack (a fault handler that decodes instructions needs more than
//! the usual one) and a known stack top, from which stack use is counted and frames are walked.
//!
//! `unsafe`: signal stacks and thread attributes.

use std::cell::{Cell, RefCell};

/// Host stack of a thread that runs driver code. The driver's own budget is `thunk::STACK_BUDGET`; the rest is the
/// host's frames.
pub const STACK: usize = 1 << 20;
const SIGNAL_STACK: usize = 1 << 20;

thread_local! {
    /// End (highest address) of this thread's stack.
    static END: Cell<usize> = const { Cell::new(0) };
    /// Where the outermost driver frame began; 0 outside the driver.
    static ENTERED: Cell<usize> = const { Cell::new(0) };
    /// Bytes of host frames between driver frames.
    static HOST: Cell<usize> = const { Cell::new(0) };
    static SIGNALS: RefCell<Option<SignalStack>> = const { RefCell::new(None) };
}

/// This thread's signal stack, as long as the thread.
struct SignalStack(*mut libc::c_void);

impl SignalStack {
    fn new() -> Self {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping touches no memory of ours.
        let stack =
            unsafe { libc::mmap(std::ptr::null_mut(), SIGNAL_STACK, protection, flags, -1, 0) };
        assert!(stack != libc::MAP_FAILED, "memory for a signal stack");
        let this = Self(stack);
        this.set(0);
        this
    }

    fn set(&self, flags: libc::c_int) {
        let stack = libc::stack_t {
            ss_sp: self.0,
            ss_flags: flags,
            ss_size: SIGNAL_STACK,
        };
        // SAFETY: the stack is mapped until it is disabled.
        let set = unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
        assert!(set == 0, "a signal stack");
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        self.set(libc::SS_DISABLE);
        // SAFETY: mapped by `new`, and no signal's stack any more.
        unsafe { libc::munmap(self.0, SIGNAL_STACK) };
    }
}

/// Prepares this thread for driver code. Again does nothing.
pub fn prepare() {
    if END.get() != 0 {
        return;
    }
    END.set(own_stack_end());
    SIGNALS.set(Some(SignalStack::new()));
}

fn own_stack_end() -> usize {
    // SAFETY: plain queries about this thread; the attributes are destroyed after use.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
            return 0;
        }
        let (mut base, mut size) = (std::ptr::null_mut(), 0);
        libc::pthread_attr_getstack(&raw const attributes, &raw mut base, &raw mut size);
        libc::pthread_attr_destroy(&raw mut attributes);
        base as usize + size
    }
}

/// End of this thread's stack; 0 before [`prepare`].
pub fn stack_end() -> usize {
    END.get()
}

/// Notes that the driver is called from here; gives what [`left`] wants back.
pub fn entered(sp: usize, import_sp: usize) -> (usize, usize) {
    let before = (ENTERED.get(), HOST.get());
    if before.0 == 0 {
        ENTERED.set(sp);
    } else if import_sp > sp {
        HOST.set(before.1 + (import_sp - sp));
    }
    before
}

/// Notes that the driver has returned.
pub fn left(before: (usize, usize)) {
    ENTERED.set(before.0);
    HOST.set(before.1);
}

/// Bytes of stack that driver frames take up, at a call whose stack pointer is this.
pub fn driver_stack(sp: usize) -> usize {
    match ENTERED.get() {
        0 => 0,
        top => top.saturating_sub(sp).saturating_sub(HOST.get()),
    }
}

/// Starts a thread that may run driver code.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(move || {
            prepare();
            run();
        })
        .unwrap_or_else(|error| panic!("cannot start thread {name}: {error}"))
}

#[cfg(test)]
mod tests {
    /// Each work item is a thread, and each kept its signal stack when it ended: after some thousand lives there was no
    /// memory for another, the work was lost, and what waited for it seemed to hang.
    #[test]
    fn a_thread_that_ended_keeps_no_signal_stack() {
        let own = || {
            super::prepare();
            // SAFETY: plain data, all zero allowed.
            let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
            // SAFETY: a plain query.
            unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
            assert_eq!(stack.ss_size, super::SIGNAL_STACK);
            stack.ss_sp as usize
        };
        let stack = std::thread::spawn(own).join().expect("a thread");
        let mut pages = [0_u8; super::SIGNAL_STACK / 4096];
        let (at, length) = (stack as *mut libc::c_void, super::SIGNAL_STACK);
        // SAFETY: asks which pages are resident; ENOMEM where nothing is mapped.
        let found = unsafe { libc::mincore(at, length, pages.as_mut_ptr()) };
        assert_eq!(found, -1, "the stack is still mapped");
    }
}
