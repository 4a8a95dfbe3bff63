//! What the layer knows of an object (`Shadow`, in the object's reserved words) and of a request (`Ticket`, the context that
//! the provider gets). Both stay for the life of the process: a callback that comes too late must find them.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicUsize, Ordering};

use ndis_sys::ndk::*;

use super::{adapter, connect, control, queue};
use crate::breach::{Rule, breach};
use crate::callsite::{self, CallSite};
use crate::image::unwind::Start;
use crate::nt::spin;
use crate::{cpu, enter};

/// Life of an object.
const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

/// What is known of an object.
#[derive(Debug)]
pub struct Shadow {
    /// Its kind, for reports.
    pub kind: &'static str,
    /// The provider's dispatch table.
    original: AtomicUsize,
    life: AtomicU8,
    /// Objects that were made with it and are open.
    children: AtomicI32,
    parents: Vec<&'static Shadow>,
    /// Events that may come: a completion queue is armed. An arm that another is not answered yet before may be answered with
    /// it, or by itself when that one's event is on its way already: whoever arms from elsewhere cannot tell.
    pub armed: AtomicU8,
    /// Its event callback runs.
    pub running: AtomicBool,
    /// The consumer's event callback and context.
    pub event: AtomicUsize,
    /// As above.
    pub context: AtomicUsize,
}

/// A new object, made with `parents`.
pub fn new(kind: &'static str, parents: &[&'static Shadow]) -> &'static Shadow {
    Box::leak(Box::new(Shadow {
        kind,
        original: AtomicUsize::new(0),
        life: AtomicU8::new(OPEN),
        children: AtomicI32::new(0),
        parents: parents.to_vec(),
        armed: AtomicU8::new(0),
        running: AtomicBool::new(false),
        event: AtomicUsize::new(0),
        context: AtomicUsize::new(0),
    }))
}

impl Shadow {
    /// The consumer asked to close it.
    pub fn begin_close(&self) {
        if self.life.swap(CLOSING, Ordering::SeqCst) == OPEN {
            for parent in &self.parents {
                parent.children.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// It is closed.
    pub fn end(&self, what: &str) {
        self.life.store(CLOSED, Ordering::SeqCst);
        let children = self.children.load(Ordering::SeqCst);
        if children > 0 {
            breach(
                Rule::CallbackAfterClose,
                format_args!(
                    "{what} of an {} ended while {children} object(s) made with it are open",
                    self.kind
                ),
            );
        }
    }

    /// Ends in a breach if the object is closed: a callback comes for it.
    pub fn require_live(&self, what: &str) {
        if self.life.load(Ordering::SeqCst) == CLOSED {
            breach(
                Rule::CallbackAfterClose,
                format_args!("{what} comes for an {} whose close has ended", self.kind),
            );
        }
    }
}

/// Where an object of a type gets its tables from: address and slots.
// The constants are NDKPI's own.
#[allow(non_upper_case_globals)]
fn table(kind: NDK_OBJECT_TYPE) -> Option<(*const c_void, usize)> {
    fn of<T>(table: &'static T) -> (*const c_void, usize) {
        let pointer: *const T = table;
        (pointer.cast(), size_of::<T>() / 8)
    }
    Some(match kind {
        NdkObjectTypeAdapter => of(&adapter::TABLE),
        NdkObjectTypePd => of(&control::PD),
        NdkObjectTypeMr => of(&control::MR),
        NdkObjectTypeMw => of(&control::MW),
        NdkObjectTypeCq => of(&queue::CQ),
        NdkObjectTypeSrq => of(&queue::SRQ),
        NdkObjectTypeQp => of(&queue::QP),
        NdkObjectTypeConnector => of(&connect::CONNECTOR),
        NdkObjectTypeListener => of(&connect::LISTENER),
        NdkObjectTypeSharedEndpoint => of(&connect::SHARED_ENDPOINT),
        _ => return None,
    })
}

/// The part that all objects begin with.
#[repr(C)]
struct Object {
    header: NDK_OBJECT_HEADER,
    dispatch: *const c_void,
}

/// Puts the layer's table before the provider's.
///
/// # Safety
/// `object` is a new object of the provider.
pub unsafe fn attach(
    object: *mut NDK_OBJECT_HEADER,
    kind: NDK_OBJECT_TYPE,
    shadow: &'static Shadow,
) {
    if object.is_null() {
        breach(
            Rule::DispatchTable,
            format_args!("a call succeeded and gave no {}", shadow.kind),
        );
    }
    // SAFETY: every object begins with header and dispatch table.
    let object = unsafe { &mut *object.cast::<Object>() };
    if object.header.ObjectType != kind {
        breach(
            Rule::Header,
            format_args!(
                "the header of an {} says type {}, wanted {kind}",
                shadow.kind, object.header.ObjectType
            ),
        );
    }
    if object
        .header
        .NdkReserved
        .rf
        .iter()
        .any(|word| !word.is_null())
    {
        breach(
            Rule::Header,
            format_args!("the reserved words of a new {} are not zero", shadow.kind),
        );
    }
    let Some((table, slots)) = table(kind) else {
        breach(Rule::Header, format_args!("{kind} is no type of an object"));
    };
    if object.dispatch.is_null() {
        breach(
            Rule::DispatchTable,
            format_args!("an {} has no dispatch table", shadow.kind),
        );
    }
    for slot in 0..slots {
        // SAFETY: a table of the provider, with as many slots as its type says.
        if unsafe { object.dispatch.cast::<usize>().add(slot).read() } == 0 {
            breach(
                Rule::DispatchTable,
                format_args!("slot {slot} of the table of an {} is empty", shadow.kind),
            );
        }
    }
    shadow
        .original
        .store(object.dispatch as usize, Ordering::SeqCst);
    for parent in &shadow.parents {
        parent.children.fetch_add(1, Ordering::SeqCst);
    }
    let pointer: *const Shadow = shadow;
    object.header.NdkReserved.rf[0] = pointer.cast_mut().cast();
    object.dispatch = table;
}

/// What is known of an object.
///
/// # Safety
/// `object` is a live object that was attached.
pub unsafe fn of(object: *mut NDK_OBJECT_HEADER) -> &'static Shadow {
    // SAFETY: as promised; shadows are never freed.
    let shadow = unsafe { (*object).NdkReserved.rf[0].cast::<Shadow>().as_ref() };
    shadow.unwrap_or_else(|| {
        breach(
            Rule::Header,
            "the reserved words of an NDK object were changed",
        )
    })
}

/// The provider's table of an object.
///
/// # Safety
/// As [`of`]; `T` is the table's type.
pub unsafe fn original<T>(object: *mut NDK_OBJECT_HEADER) -> &'static T {
    // SAFETY: as promised; the provider's tables are part of its image.
    unsafe { &*(of(object).original.load(Ordering::SeqCst) as *const T) }
}

/// Runs a callback of the consumer, which the provider just called.
pub fn consumer(what: &'static str, run: impl FnOnce()) {
    if cpu::irql() > cpu::DISPATCH_LEVEL {
        breach(
            Rule::IrqlLimit,
            format_args!("{what} comes at IRQL {}", cpu::irql()),
        );
    }
    if spin::held() > 0 {
        breach(
            Rule::LockHeld,
            format_args!(
                "{what} comes with {} spin lock(s) of the provider held",
                spin::held()
            ),
        );
    }
    let marker = 0_u8;
    let start = Start {
        ip: 0,
        sp: (&raw const marker) as u64,
        bp: 0,
    };
    let before = callsite::replace(Some(CallSite {
        import: what,
        start,
    }));
    run();
    callsite::replace(before);
}

// ---- requests ------------------------------------------------------------------

const CALLED: u8 = 0;
const EARLY: u8 = 1;
const PENDING: u8 = 2;
const DONE: u8 = 3;
const INLINE: u8 = 4;

static OUTSTANDING: AtomicUsize = AtomicUsize::new(0);

/// Requests that were answered PENDING and are not completed.
pub fn outstanding() -> usize {
    OUTSTANDING.load(Ordering::SeqCst)
}

/// A request: what the provider gets as its context.
pub struct Ticket {
    what: &'static str,
    state: AtomicU8,
    callback: usize,
    context: usize,
    /// The object that it is a request on.
    object: &'static Shadow,
    /// What is created by it: type and shadow.
    creates: Option<(NDK_OBJECT_TYPE, &'static Shadow)>,
    /// It closes its object.
    closes: bool,
}

impl Ticket {
    /// A request on `object`, with the consumer's callback (an address; 0 for none) and context.
    pub fn new(
        what: &'static str,
        object: &'static Shadow,
        callback: usize,
        context: *mut c_void,
    ) -> Self {
        Self {
            what,
            state: AtomicU8::new(CALLED),
            callback,
            context: context as usize,
            object,
            creates: None,
            closes: false,
        }
    }

    /// It creates an object.
    pub fn creating(mut self, kind: NDK_OBJECT_TYPE, shadow: &'static Shadow) -> Self {
        self.creates = Some((kind, shadow));
        self
    }

    /// It closes its object.
    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Calls the provider with this as context; `call` gets the context.
    pub fn run(self, call: impl FnOnce(*mut c_void) -> NTSTATUS) -> NTSTATUS {
        let ticket: &'static Self = Box::leak(Box::new(self));
        let pointer: *const Self = ticket;
        let status = enter::driver(ticket.what, || call(pointer.cast_mut().cast()));
        let pending = status == STATUS_PENDING;
        if pending {
            OUTSTANDING.fetch_add(1, Ordering::SeqCst);
        }
        let after = if pending { PENDING } else { INLINE };
        match ticket
            .state
            .compare_exchange(CALLED, after, Ordering::SeqCst, Ordering::SeqCst)
        {
            Ok(_) => {}
            Err(EARLY) if pending => {
                ticket.state.store(DONE, Ordering::SeqCst);
                OUTSTANDING.fetch_sub(1, Ordering::SeqCst);
            }
            Err(_) => breach(
                Rule::Completion,
                format_args!(
                    "{} returned {status:#x} and was completed as well",
                    ticket.what
                ),
            ),
        }
        if ticket.closes && !pending {
            if status != STATUS_SUCCESS {
                breach(
                    Rule::Completion,
                    format_args!("{} returned {status:#x}: a close cannot fail", ticket.what),
                );
            }
            ticket.object.end(ticket.what);
        }
        status
    }

    /// The provider completed it. Checks, and gives callback and context.
    ///
    /// # Safety
    /// `context` is what [`Ticket::run`] gave to the provider.
    unsafe fn completed(context: *mut c_void) -> &'static Self {
        // SAFETY: as promised; tickets are never freed.
        let ticket = unsafe { &*context.cast::<Self>() };
        let early =
            ticket
                .state
                .compare_exchange(CALLED, EARLY, Ordering::SeqCst, Ordering::SeqCst);
        if early.is_err() {
            match ticket.state.swap(DONE, Ordering::SeqCst) {
                PENDING => {
                    OUTSTANDING.fetch_sub(1, Ordering::SeqCst);
                }
                INLINE => breach(
                    Rule::Completion,
                    format_args!(
                        "{} is completed, though it did not return PENDING",
                        ticket.what
                    ),
                ),
                _ => breach(
                    Rule::Completion,
                    format_args!("{} is completed twice", ticket.what),
                ),
            }
        }
        ticket.object.require_live(ticket.what);
        ticket
    }
}

/// NDK_FN_REQUEST_COMPLETION.
pub unsafe extern "win64" fn request_done(context: *mut c_void, status: NTSTATUS) {
    // SAFETY: the provider gives back the ticket it got; the callback has this signature.
    unsafe {
        let ticket = Ticket::completed(context);
        if status == STATUS_PENDING {
            breach(
                Rule::Completion,
                format_args!("{} is completed with PENDING", ticket.what),
            );
        }
        if ticket.callback == 0 {
            return;
        }
        let callback = std::mem::transmute::<usize, NDK_FN_REQUEST_COMPLETION>(ticket.callback);
        consumer(ticket.what, || callback(ticket.context as _, status));
    }
}

/// NDK_FN_CREATE_COMPLETION.
pub unsafe extern "win64" fn create_done(
    context: *mut c_void,
    status: NTSTATUS,
    object: *mut NDK_OBJECT_HEADER,
) {
    // SAFETY: as above.
    unsafe {
        let ticket = Ticket::completed(context);
        if status == STATUS_SUCCESS
            && let Some((kind, shadow)) = ticket.creates
        {
            attach(object, kind, shadow);
        }
        if ticket.callback == 0 {
            return;
        }
        let callback = std::mem::transmute::<usize, NDK_FN_CREATE_COMPLETION>(ticket.callback);
        consumer(ticket.what, || {
            callback(ticket.context as _, status, object)
        });
    }
}

/// NDK_FN_CLOSE_COMPLETION.
pub unsafe extern "win64" fn close_done(context: *mut c_void) {
    // SAFETY: as above.
    unsafe {
        let ticket = Ticket::completed(context);
        // Nothing may come for the object from now on; this callback is the last.
        ticket.object.end(ticket.what);
        if ticket.callback == 0 {
            return;
        }
        let callback = std::mem::transmute::<usize, NDK_FN_CLOSE_COMPLETION>(ticket.callback);
        consumer(ticket.what, || callback(ticket.context as _));
    }
}

/// Closes any object: `what` names the call, `of` is the provider's function.
///
/// # Safety
/// As NDK_FN_CLOSE_OBJECT.
pub unsafe fn close(
    what: &'static str,
    object: *mut NDK_OBJECT_HEADER,
    function: NDK_FN_CLOSE_OBJECT,
    callback: Option<NDK_FN_CLOSE_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: an attached object of the consumer.
    let shadow = unsafe { of(object) };
    shadow.begin_close();
    let callback = callback.map_or(0, |callback| callback as usize);
    let ticket = Ticket::new(what, shadow, callback, context).closing();
    // SAFETY: the provider's function.
    ticket.run(|context| unsafe { function(object, Some(close_done), context) })
}
