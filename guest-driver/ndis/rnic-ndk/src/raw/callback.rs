//! Functions of a consumer, each with its context. Making one takes the consumer's word that the function may be called
//! as NDKPI says; calling it is safe from then on.
//!
//! No lock of ours may be held: a consumer calls back into the provider.

use core::ffi::c_void;
use ndis_sys::ndk::{
    NDK_CONNECTOR, NDK_FN_CLOSE_COMPLETION, NDK_FN_CONNECT_EVENT_CALLBACK,
    NDK_FN_CQ_NOTIFICATION_CALLBACK, NDK_FN_CREATE_COMPLETION, NDK_FN_DISCONNECT_EVENT_CALLBACK,
    NDK_FN_DISCONNECT_EVENT_CALLBACK_EX, NDK_FN_REQUEST_COMPLETION,
    NDK_FN_SRQ_NOTIFICATION_CALLBACK, NDK_OBJECT_HEADER, NTSTATUS,
};

/// A context that means something to the consumer alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(pub *mut c_void);

// SAFETY: it is a number here; nobody looks behind it.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// None.
    pub const NULL: Self = Self(core::ptr::null_mut());
}

/// The address of an object, for its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub *mut c_void);

impl Handle {
    /// None.
    pub const NULL: Self = Self(core::ptr::null_mut());
}

impl From<Handle> for *mut NDK_OBJECT_HEADER {
    fn from(handle: Handle) -> Self {
        handle.0.cast()
    }
}

impl From<Handle> for *mut NDK_CONNECTOR {
    fn from(handle: Handle) -> Self {
        handle.0.cast()
    }
}

macro_rules! callbacks {
    ($($(#[$doc:meta])* $name:ident($function:ty)($($arg:ident: $ty:ty),*) $call:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name {
            function: $function,
            context: Context,
        }

        #[allow(clippy::useless_conversion)]
        impl $name {
            /// `None` for a null function.
            ///
            /// # Safety
            /// The consumer gave both, and lets the function be called when NDKPI says.
            pub unsafe fn new(function: Option<$function>, context: *mut c_void) -> Option<Self> {
                function.map(|function| Self { function, context: Context(context) })
            }

            /// Calls the consumer.
            pub fn $call(self $(, $arg: $ty)*) {
                // SAFETY: by the promise that was made when this was made.
                unsafe { (self.function)(self.context.0 $(, $arg.into())*) }
            }
        }
    )*};
}

callbacks! {
    /// Ends a request.
    RequestCompletion(NDK_FN_REQUEST_COMPLETION)(status: NTSTATUS) complete;
    /// Ends the creation of an object.
    CreateCompletion(NDK_FN_CREATE_COMPLETION)(status: NTSTATUS, object: Handle) complete;
    /// Ends the life of an object.
    CloseCompletion(NDK_FN_CLOSE_COMPLETION)() complete;
    /// A completion queue was armed and something happened.
    CqNotification(NDK_FN_CQ_NOTIFICATION_CALLBACK)(status: NTSTATUS) notify;
    /// A shared receive queue runs low, or broke.
    SrqNotification(NDK_FN_SRQ_NOTIFICATION_CALLBACK)(status: NTSTATUS) notify;
    /// A peer asks for a connection.
    ConnectEvent(NDK_FN_CONNECT_EVENT_CALLBACK)(connector: Handle) notify;
    /// The peer disconnected.
    DisconnectNotification(NDK_FN_DISCONNECT_EVENT_CALLBACK)() notify;
    /// The peer disconnected, with a reason of the provider.
    DisconnectNotificationEx(NDK_FN_DISCONNECT_EVENT_CALLBACK_EX)(reason: u32) notify;
}

/// Either kind of disconnect callback.
#[derive(Clone, Copy)]
pub enum DisconnectEvent {
    /// Before 2.1.
    Plain(DisconnectNotification),
    /// 2.1.
    Ex(DisconnectNotificationEx),
}

impl DisconnectEvent {
    /// Calls the consumer.
    pub fn notify(self, reason: u32) {
        match self {
            Self::Plain(event) => event.notify(),
            Self::Ex(event) => event.notify(reason),
        }
    }
}
