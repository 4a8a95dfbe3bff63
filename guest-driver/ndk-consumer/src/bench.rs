//! Objects of a provider, and waiting for it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use ndis_sys::ndk::*;
use ndis_sys::netio::{AF_INET, AF_INET6};

use crate::platform::{Address, Family, Memory, Platform};

/// Calls a function of an object's dispatch table.
#[macro_export]
macro_rules! call {
    ($object:expr, $function:ident $(, $arg:expr)* $(,)?) => {{
        let object = $object;
        // SAFETY: a live object of the provider, whose table has every function.
        unsafe { ((*(*object).Dispatch).$function)(object $(, $arg)*) }
    }};
}

/// A callback that may come, at a fixed address. It stays until the bench ends, so that one that comes too late is seen.
pub struct Callback {
    count: AtomicU32,
    expected: AtomicU32,
    status: AtomicI32,
    object: AtomicPtr<c_void>,
    inside: OnceLock<Inside>,
    what: &'static str,
}

/// What a consumer does inside a callback, before it returns.
struct Inside(Box<dyn Fn(*mut c_void)>);

// SAFETY: what it has are pointers to objects of the provider, which any thread may use, and counters.
unsafe impl Send for Inside {}
// SAFETY: as above.
unsafe impl Sync for Inside {}

impl Callback {
    /// Times that it came.
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Status, or reason, of the last.
    pub fn status(&self) -> NTSTATUS {
        self.status.load(Ordering::Acquire)
    }

    /// Object of the last.
    pub fn object<T>(&self) -> *mut T {
        self.object.load(Ordering::Acquire).cast()
    }

    /// Context for the provider.
    pub fn context(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// It may come this often in all.
    pub fn expect(&self, count: u32) {
        self.expected.store(count, Ordering::Relaxed);
    }

    /// Does this inside the callback, with the object that it is about, if any: on whatever thread that is, at DISPATCH_LEVEL
    /// perhaps. Only what is shared between threads may be used, and it may not panic.
    ///
    /// # Panics
    /// When it does something already.
    pub fn do_inside(&self, act: impl Fn(*mut c_void) + 'static) {
        let set = self.inside.set(Inside(Box::new(act)));
        assert!(set.is_ok(), "{} does something already", self.what);
    }

    fn came(&self, status: NTSTATUS, object: *mut c_void) {
        self.status.store(status, Ordering::Relaxed);
        self.object.store(object, Ordering::Relaxed);
        if let Some(inside) = self.inside.get() {
            (inside.0)(object);
        }
        self.count.fetch_add(1, Ordering::Release);
    }
}

fn came(context: *mut c_void, status: NTSTATUS, object: *mut c_void) {
    // SAFETY: contexts that we give are callbacks, which stay until the bench ends.
    unsafe { &*context.cast::<Callback>() }.came(status, object);
}

/// NDK_FN_REQUEST_COMPLETION, NDK_FN_CQ_NOTIFICATION_CALLBACK, NDK_FN_SRQ_NOTIFICATION_CALLBACK.
///
/// # Safety
/// The context is of a [`Callback`] of a bench that lives.
pub unsafe extern "win64" fn with_status(context: *mut c_void, status: NTSTATUS) {
    came(context, status, null_mut());
}

/// NDK_FN_CREATE_COMPLETION.
///
/// # Safety
/// The context is of a [`Callback`] of a bench that lives.
pub unsafe extern "win64" fn created(
    context: *mut c_void,
    status: NTSTATUS,
    object: *mut NDK_OBJECT_HEADER,
) {
    came(context, status, object.cast());
}

/// NDK_FN_CLOSE_COMPLETION, NDK_FN_DISCONNECT_EVENT_CALLBACK.
///
/// # Safety
/// The context is of a [`Callback`] of a bench that lives.
pub unsafe extern "win64" fn plain(context: *mut c_void) {
    came(context, STATUS_SUCCESS, null_mut());
}

/// NDK_FN_DISCONNECT_EVENT_CALLBACK_EX.
///
/// # Safety
/// The context is of a [`Callback`] of a bench that lives.
pub unsafe extern "win64" fn with_reason(context: *mut c_void, reason: u32) {
    came(context, reason.cast_signed(), null_mut());
}

/// NDK_FN_CONNECT_EVENT_CALLBACK.
///
/// # Safety
/// The context is of a [`Callback`] of a bench that lives.
pub unsafe extern "win64" fn connect_event(context: *mut c_void, connector: *mut NDK_CONNECTOR) {
    came(context, STATUS_SUCCESS, connector.cast());
}

/// A place to test a provider at.
pub struct Bench<'a> {
    /// Where it runs.
    pub platform: &'a dyn Platform,
    /// Family of addresses.
    pub family: Family,
    callbacks: RefCell<Vec<Box<Callback>>>,
    version: Cell<NDK_VERSION>,
}

/// A request that was begun.
pub struct Begun<'b> {
    /// What the call returned.
    pub returned: NTSTATUS,
    /// Its completion.
    pub callback: &'b Callback,
}

impl<'a> Bench<'a> {
    /// A bench.
    #[must_use]
    pub fn new(platform: &'a dyn Platform, family: Family) -> Self {
        Self {
            platform,
            family,
            callbacks: RefCell::new(Vec::new()),
            version: Cell::new(NDK_VERSION { Major: 2, Minor: 0 }),
        }
    }

    /// A callback that may come `expected` times.
    pub fn callback(&self, what: &'static str, expected: u32) -> &Callback {
        let callback = Box::new(Callback {
            count: AtomicU32::new(0),
            expected: AtomicU32::new(expected),
            status: AtomicI32::new(0),
            object: AtomicPtr::new(null_mut()),
            inside: OnceLock::new(),
            what,
        });
        let address: *const Callback = &raw const *callback;
        self.callbacks.borrow_mut().push(callback);
        // SAFETY: boxed, and never removed while the bench lives.
        unsafe { &*address }
    }

    /// Lets everything settle, then holds every callback against what was expected of it.
    ///
    /// # Panics
    /// When one came too often, or without being due.
    pub fn check_callbacks(&self) {
        self.settle();
        for callback in self.callbacks.borrow().iter() {
            let (count, expected) = (callback.count(), callback.expected.load(Ordering::Relaxed));
            assert!(
                count <= expected,
                "{} came {count} times, {expected} expected",
                callback.what
            );
        }
    }

    /// Lets driver and devices work for a while.
    pub fn settle(&self) {
        for _ in 0..50 {
            self.platform.step();
        }
    }

    /// Waits until `ready`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait(&self, what: &str, ready: impl Fn() -> bool) {
        let mut steps = 0;
        while !ready() {
            assert!(self.platform.patient(steps), "{what} did not come");
            self.platform.step();
            steps += 1;
        }
    }

    /// Begins a request.
    pub fn begin(
        &self,
        what: &'static str,
        start: impl FnOnce(Option<NDK_FN_REQUEST_COMPLETION>, *mut c_void) -> NTSTATUS,
    ) -> Begun<'_> {
        let callback = self.callback(what, 0);
        // It may come before the call returns.
        callback.expect(1);
        let returned = start(Some(with_status), callback.context());
        if returned != STATUS_PENDING {
            callback.expect(0);
        }
        Begun { returned, callback }
    }

    /// Waits for a request.
    pub fn end(&self, begun: &Begun<'_>) -> NTSTATUS {
        if begun.returned != STATUS_PENDING {
            return begun.returned;
        }
        self.wait(begun.callback.what, || begun.callback.count() > 0);
        begun.callback.status()
    }

    /// A request from beginning to end.
    pub fn request(
        &self,
        what: &'static str,
        start: impl FnOnce(Option<NDK_FN_REQUEST_COMPLETION>, *mut c_void) -> NTSTATUS,
    ) -> NTSTATUS {
        self.end(&self.begin(what, start))
    }

    /// Creates an object.
    ///
    /// # Errors
    /// The status, inline or not.
    pub fn create<T>(
        &self,
        what: &'static str,
        start: impl FnOnce(Option<NDK_FN_CREATE_COMPLETION>, *mut c_void, *mut *mut T) -> NTSTATUS,
    ) -> Result<*mut T, NTSTATUS> {
        let callback = self.callback(what, 1);
        let mut place: *mut T = null_mut();
        match start(Some(created), callback.context(), &raw mut place) {
            STATUS_PENDING => {
                self.wait(what, || callback.count() > 0);
                match callback.status() {
                    STATUS_SUCCESS => Ok(callback.object()),
                    status => Err(status),
                }
            }
            returned => {
                callback.expect(0);
                if returned == STATUS_SUCCESS {
                    Ok(place)
                } else {
                    Err(returned)
                }
            }
        }
    }

    /// Begins to close an object.
    pub fn begin_close(
        &self,
        object: *mut NDK_OBJECT_HEADER,
        function: NDK_FN_CLOSE_OBJECT,
    ) -> Begun<'_> {
        let callback = self.callback("close completion", 1);
        // SAFETY: a live object of the provider and its own function.
        let returned = unsafe { function(object, Some(plain), callback.context()) };
        if returned != STATUS_PENDING {
            callback.expect(0);
        }
        Begun { returned, callback }
    }

    /// Adapters are opened with this version from now on; before with 2.0, as SMB Direct's are.
    pub fn set_version(&self, version: NDK_VERSION) {
        self.version.set(version);
    }

    /// Opens an adapter of a side.
    ///
    /// # Panics
    /// When it is refused.
    pub fn adapter(&self, side: usize) -> *mut NDK_ADAPTER {
        let version = self.version.get();
        self.platform.open(side, version, (0, 0)).expect("adapter")
    }

    /// What an adapter says of itself.
    ///
    /// # Panics
    /// When it does not.
    pub fn info(&self, adapter: *mut NDK_ADAPTER) -> NDK_ADAPTER_INFO {
        let mut info = NDK_ADAPTER_INFO::default();
        let mut size = u32::try_from(size_of::<NDK_ADAPTER_INFO>()).expect("small");
        let status = call!(adapter, NdkQueryAdapterInfo, &raw mut info, &raw mut size);
        assert_eq!(status, STATUS_SUCCESS);
        info
    }

    /// A protection domain.
    ///
    /// # Panics
    /// When it is refused.
    pub fn pd(&self, adapter: *mut NDK_ADAPTER) -> *mut NDK_PD {
        self.create("pd", |done, context, place| {
            call!(adapter, NdkCreatePd, done, context, place)
        })
        .expect("pd")
    }

    /// A completion queue, and its notification callback, which may come any number of times.
    ///
    /// # Panics
    /// When it is refused.
    pub fn cq(&self, adapter: *mut NDK_ADAPTER, depth: u32) -> (*mut NDK_CQ, &Callback) {
        let notification = self.callback("cq notification", u32::MAX);
        let cq = self.create("cq", |done, context, place| {
            call!(
                adapter,
                NdkCreateCq,
                depth,
                Some(with_status),
                notification.context(),
                null_mut(),
                done,
                context,
                place,
            )
        });
        (cq.expect("cq"), notification)
    }

    /// A queue pair with one completion queue for both directions.
    ///
    /// # Errors
    /// The status.
    pub fn qp(
        &self,
        pd: *mut NDK_PD,
        cq: *mut NDK_CQ,
        sizes: QpSizes,
        context: usize,
    ) -> Result<*mut NDK_QP, NTSTATUS> {
        self.create("qp", |done, done_context, place| {
            call!(
                pd,
                NdkCreateQp,
                cq,
                cq,
                std::ptr::without_provenance_mut(context),
                sizes.receives,
                sizes.initiators,
                sizes.receive_sge,
                sizes.initiator_sge,
                sizes.inline,
                done,
                done_context,
                place,
            )
        })
    }

    /// A region over memory.
    ///
    /// # Panics
    /// When it is refused.
    pub fn region(&self, pd: *mut NDK_PD, memory: &dyn Memory, flags: u32) -> *mut NDK_MR {
        let mr = self.mr(pd, false);
        let status = self.request("register", |done, context| {
            call!(
                mr,
                NdkRegisterMr,
                memory.mdl(),
                memory.len(),
                flags,
                done,
                context
            )
        });
        assert_eq!(status, STATUS_SUCCESS, "register");
        mr
    }

    /// A region without memory.
    ///
    /// # Panics
    /// When it is refused.
    pub fn mr(&self, pd: *mut NDK_PD, fast: bool) -> *mut NDK_MR {
        let start =
            |done, context, place| call!(pd, NdkCreateMr, u8::from(fast), done, context, place);
        self.create("mr", start).expect("mr")
    }

    /// Takes a completion out of a queue, waiting for it.
    pub fn result(&self, cq: *mut NDK_CQ) -> NDK_RESULT_EX {
        let found = RefCell::new(None);
        self.wait("a completion", || {
            *found.borrow_mut() = poll(cq);
            found.borrow().is_some()
        });
        found.into_inner().expect("was there")
    }

    /// That no completion comes.
    ///
    /// # Panics
    /// When one does.
    pub fn nothing(&self, cq: *mut NDK_CQ) {
        self.settle();
        let result = poll(cq);
        assert!(result.is_none(), "unexpected completion {result:x?}");
    }

    /// An address of a side.
    pub fn address(&self, side: usize) -> Address {
        self.platform.address(side, self.family)
    }
}

/// Sizes of a queue pair.
#[derive(Clone, Copy, Debug)]
pub struct QpSizes {
    /// Receives.
    pub receives: u32,
    /// Initiator requests.
    pub initiators: u32,
    /// Entries of a receive.
    pub receive_sge: u32,
    /// Entries of an initiator request.
    pub initiator_sge: u32,
    /// Inline bytes.
    pub inline: u32,
}

impl Default for QpSizes {
    fn default() -> Self {
        Self {
            receives: 16,
            initiators: 16,
            receive_sge: 4,
            initiator_sge: 4,
            inline: 64,
        }
    }
}

/// Takes a completion out of a queue, if there is one.
pub fn poll(cq: *mut NDK_CQ) -> Option<NDK_RESULT_EX> {
    let mut result = std::mem::MaybeUninit::<NDK_RESULT_EX>::uninit();
    let count = call!(cq, NdkGetCqResultsEx, result.as_mut_ptr(), 1);
    // SAFETY: one was written.
    (count == 1).then(|| unsafe { result.assume_init() })
}

/// Closes an object and waits for its end.
#[macro_export]
macro_rules! close {
    ($bench:expr, $object:expr, $function:ident) => {{
        // SAFETY: a live object of the provider.
        let function = unsafe { (*(*$object).Dispatch).$function };
        let begun = $bench.begin_close($object.cast(), function);
        assert_eq!($bench.end(&begun), ndis_sys::ndk::STATUS_SUCCESS);
    }};
}

/// A socket address as consumers pass it.
pub struct Socket {
    bytes: [u8; 28],
    length: u32,
}

impl Socket {
    /// Of an address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let mut bytes = [0; 28];
        bytes[2..4].copy_from_slice(&address.port.to_be_bytes());
        let length = if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, host @ ..] = &address.ip {
            bytes[..2].copy_from_slice(&AF_INET.to_le_bytes());
            bytes[4..8].copy_from_slice(host);
            16
        } else {
            bytes[..2].copy_from_slice(&AF_INET6.to_le_bytes());
            bytes[8..24].copy_from_slice(&address.ip);
            28
        };
        Self { bytes, length }
    }

    /// For the provider.
    pub fn pointer(&mut self) -> *mut SOCKADDR {
        self.bytes.as_mut_ptr().cast()
    }

    /// Its length.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.length
    }

    /// Asks for an address the way consumers do: first how long it is, then for it.
    ///
    /// # Errors
    /// The status.
    pub fn ask(
        mut get: impl FnMut(*mut SOCKADDR, *mut u32) -> NTSTATUS,
    ) -> Result<Address, NTSTATUS> {
        let mut length = 0;
        let status = get(null_mut(), &raw mut length);
        if status != STATUS_BUFFER_TOO_SMALL {
            return Err(status);
        }
        let mut bytes = [0u8; 28];
        let status = get(bytes.as_mut_ptr().cast(), &raw mut length);
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        let ip = if length == 16 {
            let [a, b, c, d] = [bytes[4], bytes[5], bytes[6], bytes[7]];
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d]
        } else {
            assert_eq!(length, 28);
            bytes[8..24].try_into().expect("16 bytes")
        };
        Ok(Address { ip, port })
    }
}

/// Writes memory as the processor does.
pub fn fill(memory: &dyn Memory, at: usize, bytes: &[u8]) {
    memory.write(at, bytes);
}

/// Reads memory as the processor does.
#[must_use]
pub fn bytes(memory: &dyn Memory, at: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    memory.read(at, &mut bytes);
    bytes
}
