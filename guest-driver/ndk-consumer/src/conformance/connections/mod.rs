//! Connections: data, limits, rejects, endpoints, ends.

mod ending;
mod endpoints;
mod making;

use std::ptr::null_mut;

use ndis_sys::ndk::*;

use crate::bench::{Bench, QpSizes};
use crate::link::{
    End, begin_accept, begin_connect, connector, listen, listener, listener_address,
};
use crate::platform::Address;
use crate::{call, close};

/// The tests of each part.
pub(super) const TESTS: [&[super::Test]; 3] = [making::TESTS, ending::TESTS, endpoints::TESTS];

/// A connection between queue pairs that exist, and what it was made of.
pub(super) struct Pair {
    active: *mut NDK_CONNECTOR,
    passive: *mut NDK_CONNECTOR,
    listener: *mut NDK_LISTENER,
}

impl Pair {
    pub(super) fn close(self, bench: &Bench<'_>) {
        close!(bench, self.active, NdkCloseConnector);
        close!(bench, self.passive, NdkCloseConnector);
        close!(bench, self.listener, NdkCloseListener);
    }
}

/// Connects an end of a side with a queue pair of an adapter of another.
pub(super) fn connect(
    bench: &Bench<'_>,
    (active, active_side): (&End<'_>, usize),
    (adapter, qp, side): (*mut NDK_ADAPTER, *mut NDK_QP, usize),
) -> Pair {
    let (listener, requested) = listener(bench, adapter);
    assert_eq!(listen(bench, listener, bench.address(side)), STATUS_SUCCESS);
    let at = listener_address(listener).expect("address");
    let connector = connector(bench, active.adapter);
    let from = bench.address(active_side);
    let connecting = begin_connect(bench, (connector, active.qp), (from, at), (4, 4), &[]);
    bench.wait("connect event", || requested.count() > 0);
    let passive: *mut NDK_CONNECTOR = requested.object();
    let left = bench.callback("disconnect event", 1);
    let accepting = begin_accept(bench, (passive, qp), (4, 4), &[], left);
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS);
    assert_eq!(complete(bench, connector), STATUS_SUCCESS);
    assert_eq!(bench.end(&accepting), STATUS_SUCCESS);
    Pair {
        active: connector,
        passive,
        listener,
    }
}

fn complete(bench: &Bench<'_>, connector: *mut NDK_CONNECTOR) -> NTSTATUS {
    bench.request("complete connect", |done, context| {
        call!(
            connector,
            NdkCompleteConnect,
            None,
            null_mut(),
            done,
            context
        )
    })
}

fn disconnect(bench: &Bench<'_>, connector: *mut NDK_CONNECTOR) -> NTSTATUS {
    bench.request("disconnect", |done, context| {
        call!(connector, NdkDisconnect, done, context)
    })
}

/// Private data and read limits, asked for the way consumers do.
fn data(connector: *mut NDK_CONNECTOR) -> Result<(Vec<u8>, u32, u32), NTSTATUS> {
    let mut length = 0;
    let status = call!(
        connector,
        NdkGetConnectionData,
        null_mut(),
        null_mut(),
        null_mut(),
        &raw mut length
    );
    if status != STATUS_SUCCESS {
        return Err(status);
    }
    let mut bytes = vec![0xEE; length as usize];
    let (mut inbound, mut outbound) = (99, 99);
    let whole = length;
    if length > 0 {
        length -= 1;
        let pointer = bytes.as_mut_ptr().cast();
        let status = call!(
            connector,
            NdkGetConnectionData,
            null_mut(),
            null_mut(),
            pointer,
            &raw mut length
        );
        assert_eq!((status, length), (STATUS_BUFFER_TOO_SMALL, whole));
    }
    let pointer = bytes.as_mut_ptr().cast();
    let status = call!(
        connector,
        NdkGetConnectionData,
        &raw mut inbound,
        &raw mut outbound,
        pointer,
        &raw mut length
    );
    assert_eq!((status, length), (STATUS_SUCCESS, whole));
    Ok((bytes, inbound, outbound))
}

/// A side that listens and a side that connects, not connected.
struct Stage<'b> {
    a: End<'b>,
    b: End<'b>,
    listener: *mut NDK_LISTENER,
    requested: &'b crate::bench::Callback,
    at: Address,
    bench: &'b Bench<'b>,
}

impl<'b> Stage<'b> {
    fn new(bench: &'b Bench<'b>) -> Self {
        let (a, b) = (
            End::new(bench, 0, 0xA, QpSizes::default()),
            End::new(bench, 1, 0xB, QpSizes::default()),
        );
        let (listener, requested) = listener(bench, b.adapter);
        assert_eq!(listen(bench, listener, bench.address(1)), STATUS_SUCCESS);
        let at = listener_address(listener).expect("address");
        Self {
            a,
            b,
            listener,
            requested,
            at,
            bench,
        }
    }

    /// Begins to connect, and gives the connectors of both sides.
    fn request(
        &self,
        data: &[u8],
    ) -> (
        *mut NDK_CONNECTOR,
        crate::bench::Begun<'b>,
        *mut NDK_CONNECTOR,
    ) {
        let bench = self.bench;
        let before = self.requested.count();
        let active = connector(bench, self.a.adapter);
        let connecting = begin_connect(
            bench,
            (active, self.a.qp),
            (bench.address(0), self.at),
            (4, 4),
            data,
        );
        assert_eq!(connecting.returned, STATUS_PENDING);
        bench.wait("connect event", || self.requested.count() > before);
        (active, connecting, self.requested.object())
    }

    /// As [`Stage::request`], again as long as it is refused: a device that is far away learns late that its listener listens
    /// again.
    fn request_until_heard(
        &self,
    ) -> (
        *mut NDK_CONNECTOR,
        crate::bench::Begun<'b>,
        *mut NDK_CONNECTOR,
    ) {
        let bench = self.bench;
        let before = self.requested.count();
        let mut tries = 0;
        loop {
            let active = connector(bench, self.a.adapter);
            let connecting = begin_connect(
                bench,
                (active, self.a.qp),
                (bench.address(0), self.at),
                (4, 4),
                &[],
            );
            assert_eq!(connecting.returned, STATUS_PENDING);
            bench.wait("connect event or refusal", || {
                self.requested.count() > before || connecting.callback.count() > 0
            });
            if self.requested.count() > before {
                return (active, connecting, self.requested.object());
            }
            assert_eq!(bench.end(&connecting), STATUS_CONNECTION_REFUSED);
            close!(bench, active, NdkCloseConnector);
            tries += 1;
            assert!(tries < 1000, "the listener does not listen again");
            bench.settle();
        }
    }

    fn close(self) {
        let bench = self.bench;
        close!(bench, self.listener, NdkCloseListener);
        self.a.close(bench);
        self.b.close(bench);
    }
}
