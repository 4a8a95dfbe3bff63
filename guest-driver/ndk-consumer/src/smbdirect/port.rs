//! A connection: completions in, work requests out.

mod lending;

use std::collections::VecDeque;
use std::ptr::without_provenance_mut;
use std::time::{Duration, Instant};

use ndis_sys::ndk::*;

use super::memory::{PAGE, Pinned};
use super::objects::Objects;
use super::{meaning, not_taken};
use crate::bench::{Bench, Callback, poll};
use crate::call;
use crate::platform::Address;
use crate::smb::transport::Lost;
use crate::smbd::connection::{Agreed, Connection, Counts, Offer};
use crate::smbd::message::DATA_OFFSET;

/// Bytes between sends' places: a header and its data lie in one page.
const SEND_PLACE: usize = PAGE / 2;
/// Places for sends.
const SENDS: usize = 128;
/// Initiator requests beside sends: registrations and invalidations.
const CONTROLS: usize = 128;
/// Looks at a notification before the processor is given away.
const SPINS: usize = 64;

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What to offer.
    pub offer: Offer,
    /// How long an answer may take.
    pub patience: Duration,
    /// Regions for memory that is lent.
    pub regions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            offer: Offer::default(),
            patience: Duration::from_secs(60),
            regions: 16,
        }
    }
}

/// What a connection used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Regions registered.
    pub registered: u64,
    /// Invalidated by the server's answers.
    pub invalidated_remotely: u64,
    /// Invalidated by us.
    pub invalidated_locally: u64,
    /// Notifications of completions.
    pub notifications: u64,
}

/// What completes.
#[derive(Clone, Copy)]
enum Work {
    Send(usize),
    Register,
    Invalidate(usize),
    Transfer,
}

impl Work {
    /// As a request's context.
    fn context(self) -> *mut std::ffi::c_void {
        let (kind, index) = match self {
            Self::Send(place) => (1, place),
            Self::Register => (2, 0),
            Self::Invalidate(region) => (3, region),
            Self::Transfer => (4, 0),
        };
        without_provenance_mut(kind << 32 | index)
    }

    fn of(context: *mut std::ffi::c_void) -> Option<Self> {
        let (kind, index) = (context.addr() >> 32, context.addr() & 0xFFFF_FFFF);
        match kind {
            1 => Some(Self::Send(index)),
            2 => Some(Self::Register),
            3 => Some(Self::Invalidate(index)),
            4 => Some(Self::Transfer),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RegionState {
    Free,
    /// The server reaches memory through it.
    Lent(u32),
    /// The server gave it up.
    Returned,
    /// Our invalidation is under way.
    Invalidating,
}

struct Region {
    mr: *mut NDK_MR,
    state: RegionState,
}

/// Memory of ours that can be lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(usize);

/// A queue of completions that tells us of them.
struct Watch<'b> {
    cq: *mut NDK_CQ,
    notified: &'b Callback,
    /// Notifications that came when it was armed last; it is armed until there is another.
    armed_at: Option<u32>,
}

impl Watch<'_> {
    fn arm(&mut self) {
        if self.armed_at != Some(self.notified.count()) {
            self.armed_at = Some(self.notified.count());
            call!(self.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
        }
    }

    fn fired(&self) -> bool {
        self.armed_at != Some(self.notified.count())
    }
}

/// A connection to an SMB server.
pub struct SmbDirect<'b> {
    bench: &'b Bench<'b>,
    objects: Objects<'b>,
    options: Options,
    protocol: Connection,
    receive_memory: Option<Pinned>,
    receive_place: usize,
    free_receives: Vec<usize>,
    send_memory: Option<Pinned>,
    free_sends: Vec<usize>,
    regions: Vec<Region>,
    buffers: Vec<Pinned>,
    watches: Vec<Watch<'b>>,
    arrived: VecDeque<Vec<u8>>,
    /// A token of the other side's that the next message's last fragment invalidates.
    giving_up: Option<u32>,
    /// RDMA requests of ours that have not ended.
    transfers: usize,
    lost: Option<Lost>,
    used: Used,
}

impl<'b> SmbDirect<'b> {
    /// Connects from an address of the adapter, and negotiates.
    ///
    /// # Errors
    /// It comes to no connection. Nothing is left of it then.
    pub fn connect(
        bench: &'b Bench<'b>,
        ends: (Address, Address),
        shown: &str,
        options: Options,
    ) -> Result<Self, Lost> {
        let protocol = Connection::active(options.offer, Instant::now());
        let mut port = Self::new(bench, 0, protocol, options)?;
        match port.begin(ends, shown) {
            Ok(()) => Ok(port),
            Err(lost) => {
                port.close();
                Err(lost)
            }
        }
    }

    fn begin(&mut self, (from, to): (Address, Address), shown: &str) -> Result<(), Lost> {
        self.prepare()?;
        let begun = self.objects.begin_connect(from, to)?;
        self.objects.end_connect(&begun, shown)?;
        let until = Instant::now() + self.options.patience;
        self.wait("SMB Direct negotiation", until, |port| {
            port.protocol.agreed().is_some()
        })
    }

    pub(super) fn new(
        bench: &'b Bench<'b>,
        side: usize,
        protocol: Connection,
        options: Options,
    ) -> Result<Self, Lost> {
        Ok(Self {
            bench,
            objects: Objects::new(bench, side)?,
            options,
            protocol,
            receive_memory: None,
            receive_place: (options.offer.max_receive as usize).next_multiple_of(PAGE),
            free_receives: Vec::new(),
            send_memory: None,
            free_sends: Vec::new(),
            regions: Vec::new(),
            buffers: Vec::new(),
            watches: Vec::new(),
            arrived: VecDeque::new(),
            giving_up: None,
            transfers: 0,
            lost: None,
            used: Used::default(),
        })
    }

    /// Everything before the connection; the receive for its first message is posted.
    pub(super) fn prepare(&mut self) -> Result<(), Lost> {
        let receives = usize::from(self.options.offer.receive_credits);
        self.objects.create(
            // Both are from 16-bit numbers and constants.
            receives as u32,
            (self.receive_place / PAGE) as u32,
            (SENDS + CONTROLS) as u32,
            self.options.regions,
        )?;
        self.receive_memory = Some(self.pin(receives * self.receive_place)?);
        self.free_receives = (0..receives).collect();
        self.send_memory = Some(self.pin(SENDS * SEND_PLACE)?);
        self.free_sends = (0..SENDS).collect();
        let free = |mr: &*mut NDK_MR| Region {
            mr: *mr,
            state: RegionState::Free,
        };
        self.regions = self.objects.regions.iter().map(free).collect();
        let queues = [
            (self.objects.receives, self.objects.received),
            (self.objects.initiated, self.objects.done),
        ];
        for (cq, notified) in queues {
            if let Some(notified) = notified {
                self.watches.push(Watch {
                    cq,
                    notified,
                    armed_at: None,
                });
            }
        }
        self.post_receives()
    }

    fn pin(&self, bytes: usize) -> Result<Pinned, Lost> {
        let place = (self.objects.side, self.objects.adapter);
        Pinned::new(self.bench, place, bytes)
    }

    pub(super) fn objects(&mut self) -> &mut Objects<'b> {
        &mut self.objects
    }

    /// What both sides agreed on.
    #[must_use]
    pub fn agreed(&self) -> Option<Agreed> {
        self.protocol.agreed()
    }

    /// Messages, as the protocol counted them.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.protocol.counts()
    }

    /// What was used.
    #[must_use]
    pub fn used(&self) -> Used {
        let notified = self.watches.iter().map(|w| u64::from(w.notified.count()));
        Used {
            notifications: notified.sum(),
            ..self.used
        }
    }

    /// What the adapter says of itself.
    #[must_use]
    pub fn info(&self) -> NDK_ADAPTER_INFO {
        self.objects.info
    }

    /// Memory that can be lent. It stays until the connection is closed.
    ///
    /// # Errors
    /// The provider does not map it.
    pub fn allocate(&mut self, bytes: usize) -> Result<BufferId, Lost> {
        let pinned = self.pin(bytes)?;
        self.buffers.push(pinned);
        Ok(BufferId(self.buffers.len() - 1))
    }

    /// Writes a buffer as the processor does.
    pub fn fill(&self, buffer: BufferId, at: usize, bytes: &[u8]) {
        self.buffers[buffer.0].memory.write(at, bytes);
    }

    /// Reads a buffer as the processor does.
    pub fn copy_out(&self, buffer: BufferId, at: usize, bytes: &mut [u8]) {
        self.buffers[buffer.0].memory.read(at, bytes);
    }

    /// Ends the connection and gives everything back.
    pub fn close(mut self) {
        self.end();
        self.close_adapter();
    }

    /// Ends the connection and gives everything back but the adapter.
    pub(super) fn end(&mut self) {
        self.objects.disconnect();
        self.objects.close();
        let pinned = self.buffers.drain(..);
        for memory in pinned
            .chain(self.receive_memory.take())
            .chain(self.send_memory.take())
        {
            memory.release(self.objects.adapter);
        }
    }

    /// Closes the adapter, of which nothing else is left.
    pub(super) fn close_adapter(self) {
        self.objects.close_adapter();
    }

    // ---- what goes on -----------------------------------------------------------------

    fn post_receives(&mut self) -> Result<(), Lost> {
        let Some(memory) = &self.receive_memory else {
            return Ok(());
        };
        for _ in 0..self.protocol.receives_wanted() {
            let Some(place) = self.free_receives.pop() else {
                return Ok(());
            };
            let at = place * self.receive_place;
            let length = self.options.offer.max_receive as usize;
            let entries = memory.entries(at..at + length, self.objects.token);
            let status = call!(
                self.objects.qp,
                NdkReceive,
                without_provenance_mut(place),
                entries.as_ptr(),
                entries.len() as u32
            );
            if status != STATUS_SUCCESS {
                return Err(not_taken("NdkReceive", status));
            }
            self.protocol.posted(1);
        }
        Ok(())
    }

    fn post_sends(&mut self) -> Result<(), Lost> {
        let Some(memory) = &self.send_memory else {
            return Ok(());
        };
        while let Some(&place) = self.free_sends.last() {
            let Some(message) = self.protocol.next_message(Instant::now()) else {
                return Ok(());
            };
            self.free_sends.pop();
            let at = place * SEND_PLACE;
            memory.memory.write(at, &message);
            // The header, and the data as an entry of its own.
            let split = at + message.len().min(DATA_OFFSET);
            let mut entries = memory.entries(at..split, self.objects.token);
            entries.extend(memory.entries(split..at + message.len(), self.objects.token));
            debug_assert!(entries.len() <= self.objects.entries);
            let last = message.len() > DATA_OFFSET && !self.protocol.is_sending();
            let (qp, context) = (self.objects.qp, Work::Send(place).context());
            let (list, count) = (entries.as_ptr(), entries.len() as u32);
            let flags = NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT;
            let status = match self.giving_up.take_if(|_| last) {
                Some(token) => call!(qp, NdkSendAndInvalidate, context, list, count, flags, token),
                None => call!(qp, NdkSend, context, list, count, flags),
            };
            if status != STATUS_SUCCESS {
                return Err(not_taken("NdkSend", status));
            }
        }
        Ok(())
    }

    /// A request that failed. The first that says more than that it was flushed is what the connection died of.
    fn failed(&mut self, what: &str, status: NTSTATUS) {
        let flushed = status == STATUS_CANCELLED;
        if flushed && self.lost.is_some() {
            return;
        }
        let why = if flushed {
            "the server has ended the connection, or is gone".to_owned()
        } else {
            format!("the connection is lost: {what}: {}", meaning(status))
        };
        self.lost = Some(Lost(why));
    }

    fn take_initiated(&mut self) {
        while let Some(result) = poll(self.objects.initiated) {
            let work = Work::of(result.RequestContext);
            if result.Status != STATUS_SUCCESS {
                let what = match work {
                    Some(Work::Send(_)) => "a send failed",
                    Some(Work::Register) => "a registration failed",
                    Some(Work::Transfer) => "a transfer failed",
                    _ => "an invalidation failed",
                };
                self.failed(what, result.Status);
                continue;
            }
            match work {
                Some(Work::Send(place)) => self.free_sends.push(place),
                Some(Work::Invalidate(_)) => {
                    // Requests end in order: so have those before it, which are silent.
                    for region in &mut self.regions {
                        if region.state == RegionState::Invalidating {
                            region.state = RegionState::Free;
                        }
                    }
                }
                Some(Work::Transfer) => self.transfers -= 1,
                Some(Work::Register) | None => (),
            }
        }
    }

    fn take_received(&mut self) -> Result<(), Lost> {
        while let Some(result) = poll(self.objects.receives) {
            if result.Status != STATUS_SUCCESS {
                self.failed("a receive failed", result.Status);
                continue;
            }
            let place = result.RequestContext.addr();
            if result.Type == NdkOperationTypeReceiveAndInvalidate {
                // A token has 32 bits.
                self.returned(result.TypeSpecificCompletionOutput as u32)?;
            }
            let mut bytes = vec![0; result.BytesTransferred as usize];
            if let Some(memory) = &self.receive_memory {
                memory.memory.read(place * self.receive_place, &mut bytes);
            }
            self.free_receives.push(place);
            let whole = self.protocol.arrived(&bytes, Instant::now());
            let whole = whole.map_err(|broken| Lost(broken.to_string()))?;
            self.arrived.extend(whole);
        }
        Ok(())
    }

    /// The server invalidated a token.
    fn returned(&mut self, token: u32) -> Result<(), Lost> {
        let lent = |region: &&mut Region| region.state == RegionState::Lent(token);
        let Some(region) = self.regions.iter_mut().find(lent) else {
            return Err(Lost(format!(
                "the server invalidates token {token:#x}, which is lent to nobody"
            )));
        };
        region.state = RegionState::Returned;
        self.used.invalidated_remotely += 1;
        Ok(())
    }

    /// Takes in what has completed, and sends what may be sent.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) fn pump(&mut self) -> Result<(), Lost> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let result = self.turn();
        if let Err(lost) = &result {
            self.lost = Some(lost.clone());
        }
        result
    }

    fn turn(&mut self) -> Result<(), Lost> {
        // Looked at first: what the other side sent before it left is in the queue then.
        let left = self.objects.has_left();
        self.take_received()?;
        self.take_initiated();
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        if left {
            return Err(Lost("the server has ended the connection".into()));
        }
        self.post_receives()?;
        self.protocol
            .tick(Instant::now())
            .map_err(|broken| Lost(broken.to_string()))?;
        self.post_sends()
    }

    /// Waits until `ready`, told of completions by notifications.
    fn wait(
        &mut self,
        what: &str,
        until: Instant,
        ready: impl Fn(&Self) -> bool,
    ) -> Result<(), Lost> {
        loop {
            self.pump()?;
            if ready(self) {
                return Ok(());
            }
            for watch in &mut self.watches {
                watch.arm();
            }
            // What came before they were armed tells nobody.
            self.pump()?;
            if ready(self) {
                return Ok(());
            }
            let mut looks = 0;
            while !self.watches.iter().any(Watch::fired) && !self.objects.has_left() {
                let now = Instant::now();
                if now >= until {
                    let patience = self.options.patience;
                    let lost = Lost(format!(
                        "no answer to {what} within {} s",
                        patience.as_secs()
                    ));
                    self.lost = Some(lost.clone());
                    return Err(lost);
                }
                looks += 1;
                if looks < SPINS {
                    std::thread::yield_now();
                } else {
                    self.bench.platform.step();
                }
                if looks % SPINS == 0 {
                    // Time may be up for a sign of life.
                    self.pump()?;
                }
            }
        }
    }

    /// A message that has arrived.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.arrived.pop_front()
    }

    /// The next message that is sent gives this token of the other side's up.
    pub(super) fn give_up(&mut self, token: u32) {
        self.giving_up = Some(token);
    }
}
