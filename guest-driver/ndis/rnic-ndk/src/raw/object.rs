//! What every NDK object is: the 48 bytes that consumers see, how its life ends, and what it is to us.
//!
//! ```text
//! Object  [header 40 | dispatch 8] [tag] [life] [body]
//!          consumer's               ours
//! ```
//! A consumer's handle is the address, and counts as one reference. Antecedents are held by fields of the body, so they
//! are let go when the memory of a successor is freed: after its close completion returned, as NDKPI wants.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use ndis_sys::ndk::{
    NDK_OBJECT_HEADER, NDK_OBJECT_HEADER_RESERVED_BLOCK, NDK_OBJECT_TYPE, NDK_VERSION,
};

use super::{CloseCompletion, Handle, Lock, NoMemory, Shared};
use crate::System;

/// What distinguishes one kind of object from another.
pub trait Body: Send + Sync + Sized + 'static {
    /// Operating system.
    type System: System;
    /// Kind, as consumers see it.
    const KIND: NDK_OBJECT_TYPE;
    /// Dispatch table of the kind.
    fn dispatch() -> *const c_void;
    /// Close was called: begin to end what is under way. Called once, before the consumer's hold is let go.
    fn closing(_this: &Ref<Self>) {}
    /// The last hold is gone: end the object in the device, then call [`Object::finish`]. Called once.
    fn teardown(this: Ref<Self>);
}

/// A reference to an object: keeps its memory, not its life.
pub type Ref<T> = Shared<Object<T>>;

#[repr(C)]
struct Face {
    header: NDK_OBJECT_HEADER,
    dispatch: *const c_void,
}

const _: () = assert!(size_of::<Face>() == 0x30);

/// An object. The layer above may write its face, so we never read it.
#[repr(C)]
pub struct Object<T: Body> {
    face: UnsafeCell<Face>,
    tag: AtomicU64,
    /// Where it lies.
    place: NonNull<Self>,
    holds: AtomicU32,
    closing: AtomicBool,
    close: Lock<<T::System as System>::Lock, Option<CloseCompletion>>,
    body: T,
}

// SAFETY: `face` and `place` are not touched after creation, and the rest is Send.
unsafe impl<T: Body> Send for Object<T> {}
// SAFETY: as above, and the rest is Sync.
unsafe impl<T: Body> Sync for Object<T> {}

/// Tells our objects of one kind from anything else that a consumer may pass.
const fn tag(kind: NDK_OBJECT_TYPE) -> u64 {
    0x726E_6963_6E64_6B00 | kind as u64
}

impl<T: Body> Object<T> {
    /// A new object; the consumer's hold is on it.
    pub fn create(version: NDK_VERSION, body: T) -> Result<Ref<T>, NoMemory> {
        Shared::new_with(|place| Self {
            face: UnsafeCell::new(Face {
                header: NDK_OBJECT_HEADER {
                    Version: version,
                    ObjectType: T::KIND,
                    NdkReserved: NDK_OBJECT_HEADER_RESERVED_BLOCK {
                        rf: [core::ptr::null_mut(); 4],
                    },
                },
                dispatch: T::dispatch(),
            }),
            tag: AtomicU64::new(tag(T::KIND)),
            place,
            holds: AtomicU32::new(1),
            closing: AtomicBool::new(false),
            close: Lock::new(None),
            body,
        })
    }

    /// What a consumer's handle names, or `None` for null and for anything that is not such an object.
    ///
    /// # Safety
    /// `handle` is null, or memory of at least an object's size that stays for `'a`: a consumer may not use a handle
    /// after it closed it.
    pub unsafe fn borrow<'a>(handle: *mut c_void) -> Option<&'a Self> {
        let handle = NonNull::new(handle.cast::<Self>())?;
        if !handle.is_aligned() {
            return None;
        }
        // SAFETY: the caller says so; every kind of object is at least as long as to the tag.
        let tag_now = unsafe { &(*handle.as_ptr()).tag };
        if tag_now.load(Ordering::Relaxed) != tag(T::KIND) {
            return None;
        }
        // SAFETY: the tag says that it is one of ours, and of this kind.
        Some(unsafe { handle.as_ref() })
    }

    /// A counted reference.
    pub fn reference(&self) -> Ref<T> {
        // SAFETY: objects exist in a `Shared` alone: `create` makes them so, and `borrow` finds only such.
        unsafe { Shared::of(self.place.as_ptr()) }
    }

    /// What it is to us.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// The consumer's handle; it takes over the reference.
    pub fn into_handle(this: Ref<T>) -> Handle {
        Handle(Shared::into_raw(this).cast())
    }

    /// Whether close was called.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Keeps the close from completing, unless the object has ended already.
    pub fn hold(&self) -> Option<Hold<T>> {
        let more = |holds| if holds == 0 { None } else { Some(holds + 1) };
        self.holds
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, more)
            .ok()?;
        Some(Hold {
            object: self.reference(),
        })
    }

    /// Close, as every dispatch table has it: the consumer's handle is spent, and `completion` will be called.
    ///
    /// # Safety
    /// The reference came from [`Object::into_handle`], and this is the first close of it.
    pub unsafe fn close(&self, completion: Option<CloseCompletion>) {
        // SAFETY: the handle owned a count; it is ours now.
        let this = unsafe { Shared::from_raw(self.place.as_ptr()) };
        *this.close.lock() = completion;
        this.closing.store(true, Ordering::Release);
        T::closing(&this);
        this.let_go();
    }

    fn let_go(&self) {
        if self.holds.fetch_sub(1, Ordering::AcqRel) == 1 {
            T::teardown(self.reference());
        }
    }

    /// The object has ended: the last callback on it.
    pub fn finish(this: Ref<T>) {
        this.tag.store(0, Ordering::Relaxed);
        let completion = this.close.lock().take();
        if let Some(completion) = completion {
            completion.complete();
        }
    }
}

/// Keeps the close of an object from completing: a request under way, a callback that runs, a successor.
pub struct Hold<T: Body> {
    object: Ref<T>,
}

impl<T: Body> Hold<T> {
    /// A reference that outlives the hold.
    pub fn reference(&self) -> Ref<T> {
        self.object.clone()
    }
}

impl<T: Body> core::ops::Deref for Hold<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.object.body
    }
}

impl<T: Body> Drop for Hold<T> {
    fn drop(&mut self) {
        self.object.let_go();
    }
}
