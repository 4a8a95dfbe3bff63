//! What verbs come to.

use rnic_abi::QueryQpAnswer;
use rnic_platform::Platform;

use super::Counters;
use crate::{
    CompletionEq, ConnectionId, Cq, CqRing, EndpointId, Error, EthQueue, GeneralEq, Key,
    ListenerId, PdHandle, Port, Qp, Srq, SrqRing,
};

/// Names a verb that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub(super) u64);

/// A handle that a verb was given and gives back.
pub enum Object<P: Platform> {
    /// Completion event queue.
    CompletionEq(CompletionEq<P>),
    /// General event queue.
    GeneralEq(GeneralEq<P>),
    /// Completion queue.
    Cq(Cq<P>),
    /// Shared receive queue.
    Srq(Srq<P>),
    /// Queue pair.
    Qp(Qp<P>),
    /// Ethernet queue.
    EthQueue(EthQueue<P>),
}

/// What a verb came to.
pub enum Outcome<P: Platform> {
    /// Done, with nothing to say.
    Done,
    /// A protection domain, and its privileged key if it is privileged.
    Pd(PdHandle, Option<Key>),
    /// A memory region, ready for use.
    Region(Key),
    /// A fast-register region, FREE.
    FastRegion(Key),
    /// A memory window, FREE.
    Window(Key),
    /// A completion event queue.
    CompletionEq(CompletionEq<P>),
    /// The general event queue.
    GeneralEq(GeneralEq<P>),
    /// A completion queue.
    Cq(Cq<P>),
    /// For [`Cq::switch`].
    CqResized(CqRing<P>),
    /// Destroyed; events about it may lie in its event queue before this index. [CQ-12]
    CqDestroyed {
        /// Free-running index in the event queue.
        eq_index: u32,
    },
    /// A shared receive queue.
    Srq(Srq<P>),
    /// For [`Srq::switch`].
    SrqResized(SrqRing<P>),
    /// A queue pair.
    Qp(Qp<P>),
    /// What the device knows of a queue pair. [QP-9]
    QpInfo(QueryQpAnswer),
    /// The queues that were named were flushed up to these free-running indices. [QP-41]
    Flushed {
        /// Send queue.
        send: u32,
        /// Receive queue.
        recv: u32,
    },
    /// A reserved endpoint and its port.
    Endpoint(EndpointId, u16),
    /// A listener.
    Listener(ListenerId),
    /// A connection under way, and its local port.
    Connection(ConnectionId, u16),
    /// The port.
    Port(Port),
    /// Counters.
    Counters(Counters),
    /// An Ethernet queue.
    EthQueue(EthQueue<P>),
}

/// Why a verb failed, and what it gives back.
pub struct Failure<P: Platform> {
    /// Why.
    pub error: Error,
    /// The handle that it was given. After [`Error::Device`] keep it until the device is reset.
    pub kept: Option<Object<P>>,
}

impl<P: Platform> From<Error> for Failure<P> {
    fn from(error: Error) -> Self {
        Self { error, kept: None }
    }
}

/// The end of a verb.
pub struct Done<P: Platform> {
    /// What the verb returned when it began.
    pub token: Token,
    /// What the caller gave it.
    pub cookie: u64,
    /// How it ended.
    pub result: Result<Outcome<P>, Failure<P>>,
}

impl<P: Platform> core::fmt::Debug for Failure<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kept = match &self.kept {
            None => "nothing",
            Some(Object::CompletionEq(_)) => "completion event queue",
            Some(Object::GeneralEq(_)) => "general event queue",
            Some(Object::Cq(_)) => "completion queue",
            Some(Object::Srq(_)) => "shared receive queue",
            Some(Object::Qp(_)) => "queue pair",
            Some(Object::EthQueue(_)) => "Ethernet queue",
        };
        write!(f, "{}; {kept} given back", self.error)
    }
}

impl<P: Platform> Outcome<P> {
    /// Which one it is, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Pd(..) => "Pd",
            Self::Region(_) => "Region",
            Self::FastRegion(_) => "FastRegion",
            Self::Window(_) => "Window",
            Self::CompletionEq(_) => "CompletionEq",
            Self::GeneralEq(_) => "GeneralEq",
            Self::Cq(_) => "Cq",
            Self::CqResized(_) => "CqResized",
            Self::CqDestroyed { .. } => "CqDestroyed",
            Self::Srq(_) => "Srq",
            Self::SrqResized(_) => "SrqResized",
            Self::Qp(_) => "Qp",
            Self::QpInfo(_) => "QpInfo",
            Self::Flushed { .. } => "Flushed",
            Self::Endpoint(..) => "Endpoint",
            Self::Listener(_) => "Listener",
            Self::Connection(..) => "Connection",
            Self::Port(_) => "Port",
            Self::Counters(_) => "Counters",
            Self::EthQueue(_) => "EthQueue",
        }
    }
}

impl<P: Platform> core::fmt::Debug for Outcome<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
