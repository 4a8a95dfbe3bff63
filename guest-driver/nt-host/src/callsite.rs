//! Who called: the import that a driver is in, and the driver's stack.
//!
//! Every import but a few of the C run time goes through a stub (`thunk`) that notes the return address, stack and frame
//! pointer of the call, and checks what holds for every call. From there the driver's frames are walked.

use std::cell::Cell;

use crate::image::unwind::Start;
use crate::loaded;

/// Longest stack that is kept.
pub const DEPTH: usize = 12;

/// A call from the driver to the host.
#[derive(Clone, Copy, Debug)]
pub struct CallSite {
    /// Name of the import.
    pub import: &'static str,
    /// Where the driver's frames begin.
    pub start: Start,
}

thread_local! {
    static CALL: Cell<Option<CallSite>> = const { Cell::new(None) };
}

/// The import that this thread is in.
pub fn current() -> Option<CallSite> {
    CALL.get()
}

/// Notes a call; gives what was noted before.
pub fn replace(call: Option<CallSite>) -> Option<CallSite> {
    CALL.replace(call)
}

/// Addresses in the driver, innermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stack {
    frames: [usize; DEPTH],
    count: usize,
}

impl Stack {
    /// From a place in the driver's code.
    pub fn from(start: Start) -> Self {
        let mut stack = Self::default();
        if let Some(walker) = loaded::current().and_then(|l| l.walker.as_ref()) {
            stack.count = walker.walk(start, &mut stack.frames);
        }
        if stack.count == 0 {
            stack.frames[0] = start.ip as usize;
            stack.count = 1;
        }
        stack
    }

    /// A line a frame.
    pub fn lines(&self) -> Vec<String> {
        let describe = |address: &usize| match loaded::current() {
            Some(l) if l.image.contains(*address) => l.image.describe(*address),
            _ => format!("{address:#x} (not in the driver)"),
        };
        self.frames[..self.count].iter().map(describe).collect()
    }

    /// A number that is the same for the same path through the driver's code, wherever the image lies.
    pub fn key(&self) -> u64 {
        let base = loaded::current().map_or(0, |l| l.image.base);
        let mut key = 0xcbf2_9ce4_8422_2325_u64;
        for frame in &self.frames[..self.count] {
            key = (key ^ frame.wrapping_sub(base) as u64).wrapping_mul(0x0100_0000_01b3);
        }
        key
    }
}

/// The driver's stack at the import that this thread is in; empty outside any.
pub fn stack() -> Stack {
    current().map_or_else(Stack::default, |call| Stack::from(call.start))
}
