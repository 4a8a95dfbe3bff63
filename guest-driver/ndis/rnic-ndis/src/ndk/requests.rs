//! OID_NDK_*: the provider's requests. (ndkpi.md 4.6)

use core::mem::offset_of;
use core::ptr;

use alloc::vec::Vec;
use ndis_sys::ndis::*;
use ndis_sys::ndk::*;
use ndis_sys::nt::FALSE;
use rnic_abi::CounterId;
use rnic_driver_core::{Counters, Outcome};
use rnic_ndk::SocketAddress;
use rnic_ndk::raw::sockaddr_inet;

use super::{Nt, Provider};
use crate::adapter::Adapter;
use crate::nt::SpinLock;
use crate::oid::buffer::{Kind, Request};
use rnic_ndk::raw::Shared;

/// A request that NDIS made, on either path.
struct Asked {
    raw: *mut NDIS_OID_REQUEST,
    direct: bool,
    adapter: NDIS_HANDLE,
}

// SAFETY: the request is the driver's until it is completed, whichever thread has it.
unsafe impl Send for Asked {}

impl Asked {
    fn complete(self, status: NDIS_STATUS) {
        // SAFETY: NDIS's request, which returned pending and is completed once.
        unsafe {
            if self.direct {
                NdisMDirectOidRequestComplete(self.adapter, self.raw, status);
            } else {
                NdisMOidRequestComplete(self.adapter, self.raw, status);
            }
        }
    }
}

impl Provider {
    /// A request that the NIC does not know; none if the provider does not know it either.
    pub fn oid(
        &self,
        adapter: &Adapter,
        raw: &mut NDIS_OID_REQUEST,
        direct: bool,
    ) -> Option<NDIS_STATUS> {
        let raw: *mut NDIS_OID_REQUEST = raw;
        // SAFETY: NDIS's request, ours until it is completed.
        let mut request = unsafe { Request::of(raw) }?;
        match (request.oid(), request.kind()) {
            (OID_NDK_SET_STATE, Kind::Set) => Some(self.set_state(&mut request)),
            (OID_NDK_STATISTICS, Kind::Query) => {
                let asked = Asked {
                    raw,
                    direct,
                    adapter: adapter.handle,
                };
                Some(statistics(adapter, request, asked))
            }
            (OID_NDK_CONNECTIONS, Kind::Query) => Some(connections(self.current(), &mut request)),
            (OID_NDK_LOCAL_ENDPOINTS, Kind::Query) => {
                Some(local_endpoints(self.current(), &mut request))
            }
            (
                OID_NDK_SET_STATE
                | OID_NDK_STATISTICS
                | OID_NDK_CONNECTIONS
                | OID_NDK_LOCAL_ENDPOINTS,
                _,
            ) => Some(NDIS_STATUS_NOT_SUPPORTED),
            _ => None,
        }
    }

    /// Answered at once; NDIS is told of the change from a worker, because it waits there.
    fn set_state(&self, request: &mut Request) -> NDIS_STATUS {
        let Some(enable) = request.input().first().map(|byte| *byte != FALSE) else {
            return request.needs(1);
        };
        if enable && !self.is_allowed() {
            return NDIS_STATUS_NOT_SUPPORTED;
        }
        self.enable(enable);
        NDIS_STATUS_SUCCESS
    }
}

/// The device's counters are asked for in two parts: it gives 32 at a time.
fn statistics(adapter: &Adapter, mut request: Request, asked: Asked) -> NDIS_STATUS {
    if request.length() < size_of::<NDIS_NDK_STATISTICS_INFO>() {
        return request.answer(&information(&[]));
    }
    let Some(engine) = adapter.engine() else {
        return NDIS_STATUS_ADAPTER_NOT_READY;
    };
    let place = SpinLock::new(Some((request, asked)));
    let first = engine.service.submit_with(
        |control, nic, cookie| control.query_counters(nic, cookie, 0, Counters::MAX),
        move |_, engine, result| {
            let Some((request, asked)) = place.into_inner() else {
                return;
            };
            let Ok(Outcome::Counters(low)) = result else {
                return asked.complete(NDIS_STATUS_FAILURE);
            };
            // What is left when the second cannot be asked for.
            let again = Asked { ..asked };
            let second = engine.service.submit_with(
                |control, nic, cookie| {
                    control.query_counters(nic, cookie, Counters::MAX, Counters::MAX)
                },
                move |_, _, result| {
                    let mut request = request;
                    let Ok(Outcome::Counters(high)) = result else {
                        return asked.complete(NDIS_STATUS_FAILURE);
                    };
                    let status = request.answer(&information(&[low, high]));
                    asked.complete(status);
                },
            );
            if second.is_err() {
                again.complete(NDIS_STATUS_RESOURCES);
            }
        },
    );
    match first {
        Ok(()) => {
            adapter.kick();
            NDIS_STATUS_PENDING
        }
        Err(_) => NDIS_STATUS_RESOURCES,
    }
}

fn information(counters: &[Counters]) -> NDIS_NDK_STATISTICS_INFO {
    let value = |id: CounterId| {
        let of = |part: &Counters| {
            let at = u32::from(id.0).checked_sub(part.first)?;
            part.values().get(at as usize).copied()
        };
        counters.iter().find_map(of).unwrap_or(0)
    };
    NDIS_NDK_STATISTICS_INFO {
        Header: NDIS_NDK_STATISTICS_INFO::HEADER,
        Flags: 0,
        CounterSet: rnic_ndk::performance_counters(value),
    }
}

/// A header, a count, and entries: what both lists look like.
struct List {
    bytes: Vec<u8>,
    failed: bool,
}

const LIST_HEAD: usize = offset_of!(NDIS_NDK_CONNECTIONS, Connections);
const _: () = assert!(LIST_HEAD == offset_of!(NDIS_NDK_LOCAL_ENDPOINTS, LocalEndpoints));

impl List {
    fn new() -> Self {
        let mut this = Self {
            bytes: Vec::new(),
            failed: false,
        };
        this.put(&[0; LIST_HEAD]);
        this
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.bytes.try_reserve(bytes.len()).is_err() {
            self.failed = true;
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn address(&mut self, address: &SocketAddress) {
        let inet = sockaddr_inet(address);
        // SAFETY: 28 bytes, all of them initialised by `sockaddr_inet`.
        let bytes = unsafe { &*ptr::from_ref(&inet).cast::<[u8; 28]>() };
        self.put(bytes);
    }

    fn answer(mut self, request: &mut Request, entry: usize) -> NDIS_STATUS {
        if self.failed {
            return NDIS_STATUS_RESOURCES;
        }
        let count = (self.bytes.len() - LIST_HEAD) / entry;
        let size = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        let mut head = [0; LIST_HEAD];
        head[0] = NDIS_OBJECT_TYPE_DEFAULT;
        head[1] = NDIS_NDK_CONNECTIONS_REVISION_1;
        head[2..4].copy_from_slice(&size.to_le_bytes());
        head[8..12].copy_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        if let Some(to) = self.bytes.first_chunk_mut() {
            *to = head;
        }
        request.answer_bytes(&self.bytes)
    }
}

fn connections(provider: Option<Shared<Nt>>, request: &mut Request) -> NDIS_STATUS {
    let mut list = List::new();
    if let Some(provider) = provider {
        provider.connections(|local, peer| {
            list.address(&local);
            list.address(&peer);
            // UserModeOwner and its padding, OwnerPid: a kernel consumer.
            list.put(&[0; 8]);
        });
    }
    list.answer(request, size_of::<NDIS_NDK_CONNECTION_ENTRY>())
}

fn local_endpoints(provider: Option<Shared<Nt>>, request: &mut Request) -> NDIS_STATUS {
    let mut list = List::new();
    if let Some(provider) = provider {
        provider.local_endpoints(|at, listener| {
            list.address(&at);
            // UserModeOwner, Listener, padding, OwnerPid.
            list.put(&[0, u8::from(listener), 0, 0, 0, 0, 0, 0]);
        });
    }
    list.answer(request, size_of::<NDIS_NDK_LOCAL_ENDPOINT_ENTRY>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_how_long_they_are() {
        assert_eq!(size_of::<NDIS_NDK_CONNECTION_ENTRY>(), 28 + 28 + 8);
        assert_eq!(size_of::<NDIS_NDK_LOCAL_ENDPOINT_ENTRY>(), 28 + 8);
        let mut list = List::new();
        let address = SocketAddress {
            ip: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1],
            port: 445,
        };
        list.address(&address);
        list.put(&[0, 1, 0, 0, 0, 0, 0, 0]);
        let mut buffer = [0u8; 64];
        let mut raw = crate::oid::buffer::tests::raw(
            NdisRequestQueryInformation,
            OID_NDK_LOCAL_ENDPOINTS,
            &mut buffer,
        );
        // SAFETY: valid.
        let mut request = unsafe { Request::of(&raw mut raw) }.unwrap();
        let status = list.answer(&mut request, size_of::<NDIS_NDK_LOCAL_ENDPOINT_ENTRY>());
        assert_eq!(status, NDIS_STATUS_SUCCESS);
        assert_eq!(buffer[..12], [0x80, 1, 0x34, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(buffer[16..24], [2, 0, 1, 0xBD, 192, 0, 2, 1]);
        assert_eq!(buffer[16 + 28..16 + 30], [0, 1]);
    }
}
