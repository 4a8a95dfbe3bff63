//! Chains of packets: NET_BUFFER_LISTs linked by `Next`, with a tail, so that appending costs the same always.

use core::ptr;

use ndis_sys::ndis::{NET_BUFFER, NET_BUFFER_LIST};

macro_rules! chain {
    ($(#[$doc:meta])* $name:ident, $element:ident, $next:ident) => {
        $(#[$doc])*
        pub struct $name {
            first: *mut $element,
            last: *mut $element,
            count: u32,
        }

        // SAFETY: the elements belong to whoever has the chain.
        unsafe impl Send for $name {}

        impl $name {
            /// Nothing.
            #[must_use]
            pub const fn new() -> Self {
                Self {
                    first: ptr::null_mut(),
                    last: ptr::null_mut(),
                    count: 0,
                }
            }

            /// Takes a linked list over.
            ///
            /// # Safety
            /// The elements are valid, ours from now on, and the list ends.
            #[must_use]
            pub unsafe fn from_list(list: *mut $element) -> Self {
                let mut chain = Self::new();
                let mut at = list;
                while !at.is_null() {
                    // SAFETY: as promised.
                    let next = unsafe { $next(at).read() };
                    // SAFETY: as promised.
                    unsafe { chain.push(at) };
                    at = next;
                }
                chain
            }

            /// Appends one.
            ///
            /// # Safety
            /// It is valid and ours from now on.
            pub unsafe fn push(&mut self, element: *mut $element) {
                // SAFETY: as promised; the last one is ours.
                unsafe {
                    $next(element).write(ptr::null_mut());
                    if self.last.is_null() {
                        self.first = element;
                    } else {
                        $next(self.last).write(element);
                    }
                }
                self.last = element;
                self.count += 1;
            }

            /// Takes the first.
            pub fn pop(&mut self) -> Option<*mut $element> {
                if self.first.is_null() {
                    return None;
                }
                let element = self.first;
                // SAFETY: ours.
                self.first = unsafe { $next(element).read() };
                if self.first.is_null() {
                    self.last = ptr::null_mut();
                }
                self.count -= 1;
                // SAFETY: ours; what is handed out is linked to nothing.
                unsafe { $next(element).write(ptr::null_mut()) };
                Some(element)
            }

            /// Puts one before all others.
            ///
            /// # Safety
            /// As for `push`.
            pub unsafe fn push_front(&mut self, element: *mut $element) {
                // SAFETY: as promised.
                unsafe { $next(element).write(self.first) };
                if self.last.is_null() {
                    self.last = element;
                }
                self.first = element;
                self.count += 1;
            }

            /// How many.
            #[must_use]
            pub const fn len(&self) -> u32 {
                self.count
            }

            /// Whether there is none.
            #[must_use]
            pub const fn is_empty(&self) -> bool {
                self.first.is_null()
            }

            /// Gives the linked list away.
            #[must_use]
            pub const fn into_list(self) -> *mut $element {
                self.first
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

const unsafe fn next_list(list: *mut NET_BUFFER_LIST) -> *mut *mut NET_BUFFER_LIST {
    // SAFETY: the caller's element is valid.
    unsafe { &raw mut (*list).Next }
}

/// A waiting buffer is linked by a field of the miniport's, because `Next` links the buffers of a list.
const unsafe fn next_buffer(buffer: *mut NET_BUFFER) -> *mut *mut NET_BUFFER {
    // SAFETY: the caller's element is valid.
    unsafe { (&raw mut (*buffer).MiniportReserved[super::tx::LINK]).cast() }
}

chain!(
    /// Packets, as NDIS hands them over.
    ListChain,
    NET_BUFFER_LIST,
    next_list
);

chain!(
    /// Buffers that wait for room in a queue.
    BufferChain,
    NET_BUFFER,
    next_buffer
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    // Boxed, so that each stays where it is.
    #[allow(clippy::vec_box)]
    fn lists(n: usize) -> Vec<Box<NET_BUFFER_LIST>> {
        // SAFETY: null pointers and zeros are values of every field.
        (0..n)
            .map(|_| Box::new(unsafe { core::mem::zeroed() }))
            .collect()
    }

    #[test]
    fn order_is_kept_and_the_end_is_known() {
        let mut lists = lists(3);
        let pointers: Vec<*mut NET_BUFFER_LIST> = lists.iter_mut().map(|l| &raw mut **l).collect();
        let mut chain = ListChain::new();
        assert!(chain.pop().is_none());
        for &list in &pointers {
            // SAFETY: valid, and ours.
            unsafe { chain.push(list) };
        }
        assert_eq!(chain.len(), 3);
        assert_eq!(chain.pop(), Some(pointers[0]));
        assert!(lists[0].Next.is_null());
        // SAFETY: valid, and ours.
        unsafe { chain.push_front(pointers[0]) };
        let list = chain.into_list();
        // SAFETY: valid, and ours.
        let mut again = unsafe { ListChain::from_list(list) };
        let order: Vec<_> = core::iter::from_fn(|| again.pop()).collect();
        assert_eq!(order, pointers);
        assert!(again.is_empty());
        // SAFETY: valid, and ours.
        unsafe { again.push(pointers[1]) };
        assert_eq!((again.len(), again.into_list()), (1, pointers[1]));
    }
}
