//! Queue pairs.
//!
//! A queue pair fetches entries, hands messages to the transport's requester, and sends what it
//! gives out; what arrives goes through the transport's responder, and is executed here, on keys
//! and memory. Segments between devices of one process and frames differ in `path.rs` alone.
//!
//! ```text
//!   doorbell -> [ fetch -> begin -> requester ] -> path ->   (send.rs, path.rs)
//!   <- completion [ retire <- response ] <- path <-          (answer.rs, complete.rs)
//!   request -> [ responder -> execute ] -> response ->       (respond.rs, answer.rs)
//! ```
//!
//! | file | what |
//! |---|---|
//! | `table.rs` | [`Qps`]: all of them, the schedule, timers |
//! | `create.rs`, `modify.rs` | the commands' side: create, modify, query, destroy |
//! | `state.rs` | states and attributes |
//! | `queue.rs` | indices of one queue |
//! | `send.rs` | fetch, begin, transmit; operations on keys |
//! | `respond.rs` | requests of the peer |
//! | `answer.rs` | responses, ours and the peer's |
//! | `complete.rs` | completions, errors, flush |
//! | `path.rs` | segments and frames |
//! | `counting.rs` | counters of what arrives, leaves and is dropped |
//! | `datagram.rs`, `hops.rs` | queue pairs of type UD, and where their datagrams go first |
//! | `tests/` | two devices and what is between them |

mod answer;
mod complete;
mod counting;
mod create;
mod datagram;
mod hops;
mod modify;
mod path;
mod queue;
mod respond;
mod send;
mod state;
mod table;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rnic_abi::{CounterId, ProviderError, QpState, QpType, WorkOpcode};
use rnic_transport::dcqcn::{Notifier, RateLimiter};
use rnic_transport::rc::{Requester, Responder};
use rnic_wire::Mtu;

use crate::dma::DmaError;
use crate::env::{Env, Nanos};
use crate::error::Refusal;
use crate::resources::{Grace, Resources};
use crate::segment::{Lease, WeakLease};
use crate::wqe::{Data, Request, Segments, SendRules};

pub use complete::{FlushResult, Ticket};
pub use counting::drop_counter;
pub use modify::ChangeError;
pub use path::CarriedBy;
pub use state::{Attributes, By, LocalAddress, PathAttributes, Retry, may_change};
pub use table::{Notice, Qps};

use path::Path;
use queue::WorkQueue;
use table::Side;

/// Entries fetched and not retired, at most: enough to fill any window, little enough to bound
/// what a driver can make the device hold.
const MAX_IN_FLIGHT: usize = 256;

/// Nanoseconds between two looks whether answers that left are copied: a turn of a neighbour.
const LOOK_AGAIN: u64 = 20_000;

/// Everything around a queue pair while it works.
pub(crate) struct Cx<'a> {
    pub env: &'a mut dyn Env,
    pub res: &'a mut Resources,
    pub side: &'a mut Side,
}

impl Cx<'_> {
    /// Counts an access to our memory that failed, and says so to whoever asked for it.
    fn dma_failed(&mut self, error: DmaError) -> Refusal {
        self.res.counters.count(CounterId::DMA_ERRORS);
        Refusal::local_dma(error)
    }
}

/// What a fetched entry waits for.
#[derive(Debug)]
enum Work {
    /// A fence, or earlier requests: it has not begun.
    Held { request: Request, fence: bool },
    /// Its way, or the port.
    Datagram(Box<datagram::Outbound>),
    /// The transport.
    Message {
        data: Data,
        /// Key to make FREE on success.
        invalidate: Option<u32>,
    },
    /// Answers to reads that left before a key was taken away, and are not copied yet.
    Invalidated {
        grace: Grace,
        /// When to look again; nobody tells.
        look_again: Nanos,
    },
    /// Nothing: done, or in error, here.
    Local(Result<(), Refusal>),
}

/// A fetched entry of the send queue.
#[derive(Debug)]
struct Entry {
    context: u64,
    opcode: WorkOpcode,
    silent: bool,
    index: u32,
    /// Messages given to the requester before it.
    number: u64,
    /// Bytes of the message.
    length: u32,
    work: Work,
}

/// A receive that was taken.
#[derive(Debug)]
struct Receiving {
    context: u64,
    segments: Segments,
    index: u32,
    /// Slot of the shared receive queue.
    srq_slot: u32,
}

/// Where receives come from.
#[derive(Debug)]
enum Receives {
    Own { queue: WorkQueue, max_segments: u16 },
    Shared { srqn: u32 },
}

/// The connection, from RTR on.
#[derive(Debug)]
struct Link {
    path: Path,
    mtu: Mtu,
    /// Packets of a segment at most.
    chunk: u32,
    responder: Responder<()>,
    /// From RTS on.
    requester: Option<Requester>,
    /// Message whose data cannot be read: it and what follows is not sent.
    stuck: Option<u64>,
    timeouts: u64,
    /// When the peer was last told of congestion.
    notifier: Notifier,
    /// How fast we may send, since the peer told of congestion.
    limiter: Option<RateLimiter>,
}

impl Link {
    /// Until when nothing may be sent, if that is later than now `[ROCE-72]`.
    fn paced_until(&mut self, now: Nanos) -> Option<Nanos> {
        let limiter = self.limiter.as_ref()?;
        if limiter.is_over() {
            self.limiter = None;
            return None;
        }
        let next = Nanos(limiter.next().0);
        (next > now).then_some(next)
    }

    /// What left is complete where nobody answers `[UC-3]`.
    fn forget_what_left(&mut self, now: rnic_transport::Nanos) {
        if self.path.service == QpType::UC
            && let Some(requester) = &mut self.requester
        {
            requester.on_left(now);
        }
    }

    /// So many bytes were sent.
    fn pace(&mut self, now: Nanos, bytes: u32) {
        if let Some(limiter) = &mut self.limiter {
            limiter.sent(transport_time(now), u64::from(bytes));
            if let Some(requester) = &mut self.requester {
                requester.postpone_timeout(transport_time(now));
            }
        }
    }
}

/// A queue pair.
#[derive(Debug)]
struct Qp {
    qpn: u32,
    service: QpType,
    pd: u32,
    context: u64,
    state: QpState,
    /// Why it is in ERROR.
    error: ProviderError,
    /// Connection that owns it, or 0.
    connection: u32,
    send_cqn: u32,
    recv_cqn: u32,
    send: WorkQueue,
    send_rules: SendRules,
    receives: Receives,
    attributes: Attributes,
    link: Option<Box<Link>>,
    /// With type UD, instead of a link.
    datagrams: Option<Box<datagram::Datagrams>>,
    in_flight: VecDeque<Entry>,
    receiving: Option<Receiving>,
    /// Held by every segment that was sent and gives access to our memory.
    lease: Lease,
    /// Those of connections before a RESET.
    old_leases: Vec<WeakLease>,
    flushes: VecDeque<complete::Flush>,
    /// In QUIESCED: a completion in error was written, the rest of the send queue is flushed.
    flush_send: bool,
    /// A completion in error was written for the send queue since it was connected: only flushes
    /// follow `[QP-37]`.
    send_failed: bool,
    /// The first request has arrived, or need not be told of.
    established: bool,
    /// In the list of queue pairs that have something to do.
    queued: bool,
    /// Moment for which the table has a timer.
    timer: Option<Nanos>,
    /// It has something to send and may not before.
    paced: Option<Nanos>,
    /// Being destroyed: nothing completes any more.
    dying: bool,
}

impl Qp {
    /// Whether no DMA for it can be in flight: no segment with its memory is left.
    fn is_dma_idle(&self) -> bool {
        self.lease.is_last() && !self.old_leases.iter().any(WeakLease::is_held)
    }

    /// Puts it in the list of queue pairs that have something to do.
    fn wake(&mut self, side: &mut Side) {
        if !self.queued {
            self.queued = true;
            side.ready.push_back(self.qpn);
        }
    }

    /// When the transport wants to be asked again.
    fn next_timer(&self) -> Option<Nanos> {
        if self.state != QpState::RTS {
            return self.paced;
        }
        let requester = self.link.as_ref().and_then(|link| link.requester.as_ref());
        let due = requester
            .and_then(|r| r.next_timer())
            .map(|due| Nanos(due.0));
        let look_again = match self.in_flight.front().map(|entry| &entry.work) {
            Some(&Work::Invalidated { look_again, .. }) => Some(look_again),
            _ => None,
        };
        [due, look_again, self.paced].into_iter().flatten().min()
    }
}

/// The transport's clock is the host's.
fn transport_time(now: Nanos) -> rnic_transport::Nanos {
    rnic_transport::Nanos(now.0)
}
