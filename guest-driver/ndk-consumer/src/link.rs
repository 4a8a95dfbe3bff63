//! Two queue pairs that are connected.

use std::ptr::{null, without_provenance_mut};

use ndis_sys::ndk::*;

use crate::bench::{Bench, Callback, QpSizes, Socket, connect_event, plain};
use crate::platform::{Address, Memory};
use crate::{call, close};

/// Rights to everything.
pub const ALL_RIGHTS: u32 = NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE;

/// Memory of an end: two halves are for tests to use as they like.
pub const MEMORY: usize = 64 * 1024;

/// One end.
pub struct End<'b> {
    /// Adapter.
    pub adapter: *mut NDK_ADAPTER,
    /// Protection domain.
    pub pd: *mut NDK_PD,
    /// Completion queue of both directions.
    pub cq: *mut NDK_CQ,
    /// Its notifications.
    pub notified: &'b Callback,
    /// Queue pair; its context is [`End::context`].
    pub qp: *mut NDK_QP,
    /// Memory.
    pub memory: Box<dyn Memory>,
    /// Region over all of it, with all rights.
    pub mr: *mut NDK_MR,
    /// Token of the region.
    pub token: u32,
    /// QPContext.
    pub context: usize,
    side: usize,
}

impl<'b> End<'b> {
    /// An end that is not connected.
    ///
    /// # Panics
    /// When the provider refuses something.
    pub fn new(bench: &'b Bench<'_>, side: usize, context: usize, sizes: QpSizes) -> Self {
        let adapter = bench.adapter(side);
        let pd = bench.pd(adapter);
        let (cq, notified) = bench.cq(adapter, 64);
        let qp = bench.qp(pd, cq, sizes, context).expect("qp");
        let memory = bench.platform.allocate(side, MEMORY);
        let mr = bench.region(pd, &*memory, ALL_RIGHTS);
        let token = call!(mr, NdkGetLocalTokenFromMr);
        assert_ne!(token, 0);
        Self {
            adapter,
            pd,
            cq,
            notified,
            qp,
            memory,
            mr,
            token,
            context,
            side,
        }
    }

    /// An entry for a part of the memory.
    #[must_use]
    pub fn sge(&self, at: usize, length: usize) -> NDK_SGE {
        NDK_SGE {
            Address: self.memory.address() + at as u64,
            Length: u32::try_from(length).expect("short"),
            MemoryRegionToken: self.token,
        }
    }

    /// Posts a receive.
    pub fn receive(&self, context: usize, list: &[NDK_SGE]) -> NTSTATUS {
        call!(
            self.qp,
            NdkReceive,
            without_provenance_mut(context),
            list.as_ptr(),
            count(list)
        )
    }

    /// Posts a send.
    pub fn send(&self, context: usize, list: &[NDK_SGE], flags: u32) -> NTSTATUS {
        call!(
            self.qp,
            NdkSend,
            without_provenance_mut(context),
            list.as_ptr(),
            count(list),
            flags
        )
    }

    /// Posts a write.
    pub fn write(&self, context: usize, list: &[NDK_SGE], to: (u64, u32), flags: u32) -> NTSTATUS {
        let context = without_provenance_mut(context);
        call!(
            self.qp,
            NdkWrite,
            context,
            list.as_ptr(),
            count(list),
            to.0,
            to.1,
            flags
        )
    }

    /// Posts a read.
    pub fn read(&self, context: usize, list: &[NDK_SGE], from: (u64, u32), flags: u32) -> NTSTATUS {
        let context = without_provenance_mut(context);
        call!(
            self.qp,
            NdkRead,
            context,
            list.as_ptr(),
            count(list),
            from.0,
            from.1,
            flags
        )
    }

    /// Remote address and token of a part of the memory.
    #[must_use]
    pub fn remote(&self, at: usize) -> (u64, u32) {
        (
            self.memory.address() + at as u64,
            call!(self.mr, NdkGetRemoteTokenFromMr),
        )
    }

    /// Closes everything but the queue pair's connector, which is closed already.
    pub fn close(self, bench: &Bench<'_>) {
        close!(bench, self.qp, NdkCloseQp);
        close!(bench, self.mr, NdkCloseMr);
        close!(bench, self.cq, NdkCloseCq);
        close!(bench, self.pd, NdkClosePd);
        bench.platform.close(self.side, self.adapter);
    }
}

/// Length of a list.
///
/// # Panics
/// When it is absurd.
#[must_use]
pub fn count(list: &[NDK_SGE]) -> u32 {
    u32::try_from(list.len()).expect("short")
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'d> {
    /// Read limits of the active side, inbound and outbound.
    pub active: (u32, u32),
    /// Of the passive side.
    pub passive: (u32, u32),
    /// Private data of connect.
    pub caller: &'d [u8],
    /// Private data of accept.
    pub callee: &'d [u8],
    /// Both ends on side A.
    pub loopback: bool,
    /// Sizes of the queue pairs.
    pub sizes: QpSizes,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            active: (8, 8),
            passive: (8, 8),
            caller: &[],
            callee: &[],
            loopback: false,
            sizes: QpSizes {
                receives: 16,
                initiators: 16,
                receive_sge: 4,
                initiator_sge: 4,
                inline: 64,
            },
        }
    }
}

/// Begins a connect.
pub fn begin_connect<'b>(
    bench: &'b Bench<'_>,
    (connector, qp): (*mut NDK_CONNECTOR, *mut NDK_QP),
    (from, to): (Address, Address),
    limits: (u32, u32),
    data: &[u8],
) -> crate::bench::Begun<'b> {
    let (mut from, mut to) = (Socket::new(from), Socket::new(to));
    let length = u32::try_from(data.len()).expect("short");
    let data = if data.is_empty() {
        null()
    } else {
        data.as_ptr().cast()
    };
    bench.begin("connect", |done, context| {
        call!(
            connector,
            NdkConnect,
            qp,
            from.pointer(),
            from.length(),
            to.pointer(),
            to.length(),
            limits.0,
            limits.1,
            data,
            length,
            done,
            context,
        )
    })
}

/// Begins an accept.
pub fn begin_accept<'b>(
    bench: &'b Bench<'_>,
    (connector, qp): (*mut NDK_CONNECTOR, *mut NDK_QP),
    limits: (u32, u32),
    data: &[u8],
    event: &Callback,
) -> crate::bench::Begun<'b> {
    let length = u32::try_from(data.len()).expect("short");
    let data = if data.is_empty() {
        null()
    } else {
        data.as_ptr().cast()
    };
    bench.begin("accept", |done, context| {
        call!(
            connector,
            NdkAccept,
            qp,
            limits.0,
            limits.1,
            data,
            length,
            Some(plain),
            event.context(),
            done,
            context,
        )
    })
}

/// A new connector.
///
/// # Panics
/// When it is refused.
pub fn connector(bench: &Bench<'_>, adapter: *mut NDK_ADAPTER) -> *mut NDK_CONNECTOR {
    let start = |done, context, place| call!(adapter, NdkCreateConnector, done, context, place);
    bench.create("connector", start).expect("connector")
}

/// A new listener, and its connect events.
///
/// # Panics
/// When it is refused.
pub fn listener<'b>(
    bench: &'b Bench<'_>,
    adapter: *mut NDK_ADAPTER,
) -> (*mut NDK_LISTENER, &'b Callback) {
    let event = bench.callback("connect event", u32::MAX);
    let start = |done, context, place| {
        call!(
            adapter,
            NdkCreateListener,
            Some(connect_event),
            event.context(),
            done,
            context,
            place
        )
    };
    (bench.create("listener", start).expect("listener"), event)
}

/// Listens.
pub fn listen(bench: &Bench<'_>, listener: *mut NDK_LISTENER, at: Address) -> NTSTATUS {
    let mut at = Socket::new(at);
    bench.request("listen", |done, context| {
        call!(
            listener,
            NdkListen,
            at.pointer(),
            at.length(),
            done,
            context
        )
    })
}

/// Where a listener listens.
///
/// # Errors
/// The status.
pub fn listener_address(listener: *mut NDK_LISTENER) -> Result<Address, NTSTATUS> {
    Socket::ask(|to, length| call!(listener, NdkGetLocalAddress, to, length))
}

/// A connection and what made it.
pub struct Link<'b> {
    /// Active end, on side A.
    pub a: End<'b>,
    /// Passive end, on side B unless loopback.
    pub b: End<'b>,
    /// Connector of A.
    pub active: *mut NDK_CONNECTOR,
    /// Connector of B.
    pub passive: *mut NDK_CONNECTOR,
    /// Listener of B.
    pub listener: *mut NDK_LISTENER,
    /// Disconnect event of A.
    pub a_left: &'b Callback,
    /// Disconnect event of B.
    pub b_left: &'b Callback,
    events: &'b Callback,
    bench: &'b Bench<'b>,
}

impl<'b> Link<'b> {
    /// Connects as consumers do: the passive side accepts inside or after its connect event.
    ///
    /// # Panics
    /// When it does not come to a connection.
    pub fn new(bench: &'b Bench<'b>, wanted: Wanted<'_>) -> Self {
        let passive_side = usize::from(!wanted.loopback);
        let a = End::new(bench, 0, 0xA, wanted.sizes);
        let b = End::new(bench, passive_side, 0xB, wanted.sizes);
        let (listener, requested) = listener(bench, b.adapter);
        assert_eq!(
            listen(bench, listener, bench.address(passive_side)),
            STATUS_SUCCESS
        );
        let at = listener_address(listener).expect("address");
        let active = connector(bench, a.adapter);
        let from = bench.address(0);
        let connecting = begin_connect(
            bench,
            (active, a.qp),
            (from, at),
            wanted.active,
            wanted.caller,
        );
        assert_eq!(connecting.returned, STATUS_PENDING);
        bench.wait("connect event", || requested.count() > 0);
        let passive: *mut NDK_CONNECTOR = requested.object();
        let b_left = bench.callback("disconnect event of B", 1);
        let accepting = begin_accept(
            bench,
            (passive, b.qp),
            wanted.passive,
            wanted.callee,
            b_left,
        );
        assert_eq!(bench.end(&connecting), STATUS_SUCCESS, "connect");
        let a_left = bench.callback("disconnect event of A", 1);
        let status = bench.request("complete connect", |done, context| {
            call!(
                active,
                NdkCompleteConnect,
                Some(plain),
                a_left.context(),
                done,
                context
            )
        });
        assert_eq!(status, STATUS_SUCCESS, "complete connect");
        assert_eq!(bench.end(&accepting), STATUS_SUCCESS, "accept");
        Self {
            a,
            b,
            active,
            passive,
            listener,
            a_left,
            b_left,
            events: requested,
            bench,
        }
    }

    /// Disconnects, gracefully, from an end.
    pub fn disconnect(&self, connector: *mut NDK_CONNECTOR) -> NTSTATUS {
        self.bench.request("disconnect", |done, context| {
            call!(connector, NdkDisconnect, done, context)
        })
    }

    /// The connector of the latest request after the one that became this link; a second one is not remembered.
    pub fn requested(&self) -> Option<*mut NDK_CONNECTOR> {
        (self.events.count() > 1).then(|| self.events.object())
    }

    /// Closes everything.
    pub fn close(self) {
        let bench = self.bench;
        close!(bench, self.active, NdkCloseConnector);
        close!(bench, self.passive, NdkCloseConnector);
        close!(bench, self.listener, NdkCloseListener);
        self.a.close(bench);
        self.b.close(bench);
    }
}
