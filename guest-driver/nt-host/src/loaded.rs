//! The driver image of this process: one at a time, and where earlier ones lay.
//!
//! `unsafe` lends the leaked record of the image. It is never freed: an address of it may be looked up by any thread, at
//! any time, in a signal handler too.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;

use crate::image::Image;
use crate::image::unwind::Walker;

/// A loaded image.
pub struct Loaded {
    /// The image.
    pub image: Image,
    /// Its unwinder.
    pub walker: Option<Walker>,
}

static CURRENT: AtomicPtr<Loaded> = AtomicPtr::new(std::ptr::null_mut());
static RETIRED: Mutex<Vec<Range<usize>>> = Mutex::new(Vec::new());

/// The image, if one is loaded.
pub fn current() -> Option<&'static Loaded> {
    let loaded = CURRENT.load(Ordering::Acquire);
    // SAFETY: null, or leaked by `set`.
    unsafe { loaded.as_ref() }
}

/// Makes an image the current one.
pub fn set(image: Image) -> &'static Loaded {
    let walker = Walker::new(&image);
    let loaded: &'static Loaded = Box::leak(Box::new(Loaded { image, walker }));
    let pointer: *const Loaded = loaded;
    CURRENT.store(pointer.cast_mut(), Ordering::Release);
    loaded
}

/// Takes the current image's pages away and remembers its range.
pub fn retire() {
    if let Some(loaded) = current() {
        let range = loaded.image.base..loaded.image.base + loaded.image.size;
        RETIRED.lock().push(range);
        loaded.image.retire();
        CURRENT.store(std::ptr::null_mut(), Ordering::Release);
    }
}

/// Whether an address lies in an image that was unloaded. Does not wait: false if the list is being changed.
pub fn was_unloaded(address: usize) -> bool {
    let retired = RETIRED.try_lock();
    retired.is_some_and(|ranges| ranges.iter().any(|range| range.contains(&address)))
}
