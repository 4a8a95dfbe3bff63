//! OID requests: from the host to the driver, and their completion.
//!
//! The information buffer is a pool block of the exact size, so running over it faults.
//!
//! `unsafe`: requests are shared with the driver; its handlers are called.

use std::collections::HashMap;
use std::time::Instant;

use ndis_sys::ndis::*;
use parking_lot::{Condvar, Mutex};

use super::adapter::{self, Adapter};
use crate::breach::{Rule, breach, patience};
use crate::enter;
use crate::nt::pool;

const BUFFER: &str = "OID information buffer";
const REQUEST: &str = "OID request";
const TAG: u32 = u32::from_le_bytes(*b"NdOi");

/// NdisRequestQueryInformation, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Query.
    Query = 0,
    /// Set.
    Set = 1,
    /// Query of statistics.
    QueryStatistics = 2,
}

/// What a request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: i32,
    /// The buffer afterwards; of a query, as much as was written.
    pub data: Vec<u8>,
    /// BytesWritten or BytesRead.
    pub bytes: u32,
    /// BytesNeeded.
    pub needed: u32,
}

/// A request that the driver has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The handler has not returned.
    Called,
    /// It was completed by a call.
    Completed(i32),
}

/// Requests of an adapter.
#[derive(Default)]
pub struct Oids {
    live: Mutex<HashMap<usize, Progress>>,
    changed: Condvar,
    /// NDIS sends one ordinary request at a time.
    one: Mutex<()>,
}

impl Oids {
    /// Requests that the driver has.
    pub fn outstanding(&self) -> usize {
        self.live.lock().len()
    }
}

fn complete(handle: usize, request: *mut NDIS_OID_REQUEST, status: i32, direct: bool) {
    let adapter = adapter::of(handle);
    let mut live = adapter.oids.live.lock();
    match live.get_mut(&(request as usize)) {
        Some(progress @ Progress::Called) => *progress = Progress::Completed(status),
        other => breach(
            Rule::OidOwner,
            format_args!(
                "OID request {request:p} is completed; it is {other:?} (direct: {direct})"
            ),
        ),
    }
    if status == NDIS_STATUS_PENDING {
        breach(Rule::OidOwner, "an OID request is completed with PENDING");
    }
    adapter.oids.changed.notify_all();
}

pub(super) extern "win64" fn request_complete(
    handle: usize,
    request: *mut NDIS_OID_REQUEST,
    status: i32,
) {
    complete(handle, request, status, false);
}

pub(super) extern "win64" fn direct_request_complete(
    handle: usize,
    request: *mut NDIS_OID_REQUEST,
    status: i32,
) {
    complete(handle, request, status, true);
}

impl Adapter {
    /// An ordinary request, one at a time. `data` is what is set, or the room for an answer.
    pub fn oid(&self, kind: Kind, oid: u32, data: &[u8]) -> Answer {
        let _one = self.oids.one.lock();
        self.request(kind, oid, data, false)
    }

    /// Queries with a buffer of `room` bytes.
    pub fn query(&self, oid: u32, room: usize) -> Answer {
        self.oid(Kind::Query, oid, &vec![0; room])
    }

    /// Sets.
    pub fn set(&self, oid: u32, data: &[u8]) -> Answer {
        self.oid(Kind::Set, oid, data)
    }

    /// A direct request, at any time, up to DISPATCH_LEVEL.
    pub fn direct_oid(&self, kind: Kind, oid: u32, data: &[u8]) -> Answer {
        self.request(kind, oid, data, true)
    }

    fn request(&self, kind: Kind, oid: u32, data: &[u8], direct: bool) -> Answer {
        let block = pool::allocate(size_of::<NDIS_OID_REQUEST>(), TAG, 0, REQUEST);
        let request = block as *mut NDIS_OID_REQUEST;
        let buffer = pool::allocate(data.len(), TAG, 0, BUFFER);
        // SAFETY: new blocks of these sizes; offsets of the union's members are those of ntddndis.h.
        unsafe {
            std::ptr::copy_nonoverlapping(data.as_ptr(), buffer as *mut u8, data.len());
            (*request).Header = NDIS_OBJECT_HEADER {
                Type: NDIS_OBJECT_TYPE_OID_REQUEST,
                Revision: 2,
                Size: 0xF8,
            };
            (*request).RequestType = kind as i32;
            ((block + 0x20) as *mut u32).write(oid);
            ((block + 0x28) as *mut usize).write(buffer);
            ((block + 0x30) as *mut u32).write(data.len() as u32);
        }
        self.oids.live.lock().insert(block, Progress::Called);
        let handlers = self.handlers();
        let handler = if direct {
            handlers.DirectOidRequestHandler
        } else {
            handlers.OidRequestHandler
        };
        let Some(handler) = handler else {
            breach(
                Rule::State,
                "the driver has no handler for direct OID requests",
            );
        };
        let call = || {
            // SAFETY: the driver's handler; the request is its own until it completes.
            enter::driver("MiniportOidRequest", || unsafe {
                handler(self.context() as _, request)
            })
        };
        let returned = super::lifecycle::as_oid(call);
        let status = self.outcome(oid, block, returned);
        // SAFETY: the request came back.
        let answer = unsafe {
            let bytes = ((block + 0x34) as *const u32).read();
            let needed = ((block + 0x38) as *const u32).read();
            let mut data = std::slice::from_raw_parts(buffer as *const u8, data.len()).to_vec();
            if kind != Kind::Set {
                if bytes as usize > data.len() {
                    breach(
                        Rule::OidOwner,
                        format_args!("OID {oid:#x}: BytesWritten {bytes} of {}", data.len()),
                    );
                }
                data.truncate(bytes as usize);
            }
            Answer {
                status,
                data,
                bytes,
                needed,
            }
        };
        pool::release(buffer, TAG);
        pool::release(block, TAG);
        answer
    }

    /// The status: what the handler returned, or what completed the request after PENDING.
    fn outcome(&self, oid: u32, request: usize, returned: i32) -> i32 {
        let start = Instant::now();
        let mut live = self.oids.live.lock();
        loop {
            let progress = live.get(&request).copied();
            match (returned, progress) {
                (NDIS_STATUS_PENDING, Some(Progress::Completed(status))) => {
                    live.remove(&request);
                    return status;
                }
                (NDIS_STATUS_PENDING, _) => {}
                (_, Some(Progress::Completed(_))) => breach(
                    Rule::OidOwner,
                    format_args!("an OID request was answered {returned:#x} and completed as well"),
                ),
                _ => {
                    live.remove(&request);
                    return returned;
                }
            }
            let Some(left) = patience().checked_sub(start.elapsed()) else {
                breach(
                    Rule::Hang,
                    format_args!("OID request {oid:#010x} was not completed in time"),
                );
            };
            self.oids.changed.wait_for(&mut live, left);
        }
    }
}
