//! Packets: what the stack above sends and receives, and who has each list.
//!
//! `unsafe`: net buffer lists are shared with the driver; its handlers are called.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ndis_sys::ndis::*;
use ndis_sys::nt::MDL;
use parking_lot::{Condvar, Mutex};

use super::adapter::{self, Adapter, State};
use super::{dma, packet};
use crate::breach::{Rule, breach, patience};
use crate::cpu::{self, Dpc};
use crate::enter;
use crate::nt::{mdl, pool};

const DATA: &str = "packet data of the stack above";
const TAG: u32 = u32::from_le_bytes(*b"NdTx");

/// A packet of the stack above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Ethernet frame.
    pub frame: Vec<u8>,
    /// NetBufferListInfo slots: index and value.
    pub info: Vec<(usize, usize)>,
    /// Lengths of the first MDLs; the last one has the rest.
    pub split: Vec<usize>,
    /// Of one that is sent: frames of further net buffers of the same list.
    pub more: Vec<Vec<u8>>,
    /// Of one that arrived: the processor that indicated it.
    pub cpu: usize,
}

impl Packet {
    /// A plain frame in one piece.
    pub fn plain(frame: Vec<u8>) -> Self {
        Self {
            frame,
            ..Self::default()
        }
    }
}

/// Packets of an adapter.
#[derive(Default)]
pub struct Traffic {
    /// Lists that the driver has to send: number of the packet.
    sending: Mutex<HashMap<usize, u64>>,
    /// Packets whose lists came back: number and status.
    sent: Mutex<HashMap<u64, i32>>,
    /// Lists that the driver has indicated and not got back.
    indicated: Mutex<HashMap<usize, ()>>,
    received: Mutex<VecDeque<Packet>>,
    /// Woken when something is in `sent`, and in `received`: a condition variable goes with one mutex.
    completed: Condvar,
    arrived: Condvar,
    next: AtomicU64,
    /// Indications so far; every other one is returned later.
    turns: AtomicU64,
    /// Indications that have not returned to the driver.
    indicating: AtomicUsize,
    /// A test wants the next indication to last until a pause has begun, and a moment longer.
    hold: AtomicBool,
    /// One does.
    holding: AtomicBool,
}

thread_local! {
    /// Lists that this thread's deferred call has indicated.
    static INDICATED: Cell<usize> = const { Cell::new(0) };
}

/// Lists that a deferred call indicates while it runs.
pub(super) fn indicated_by<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = INDICATED.replace(0);
    let result = call();
    (result, INDICATED.replace(before))
}

/// Whether the stack above has a list that a driver indicated.
pub(super) fn is_with_host(list: *mut NET_BUFFER_LIST) -> bool {
    let adapters = adapter::all();
    adapters
        .iter()
        .any(|a| a.traffic.indicated.lock().contains_key(&(list as usize)))
}

impl Traffic {
    /// Lists that the driver has of the stack, and the stack of the driver.
    pub fn outstanding(&self) -> (usize, usize) {
        (self.sending.lock().len(), self.indicated.lock().len())
    }

    /// Indications that have not returned to the driver.
    pub fn indicating(&self) -> usize {
        self.indicating.load(Ordering::SeqCst)
    }

    /// The next indication lasts until a pause has begun, and a moment longer.
    pub fn hold_next_indication(&self) {
        self.hold.store(true, Ordering::SeqCst);
    }

    /// Whether one lasts.
    pub fn is_holding(&self) -> bool {
        self.holding.load(Ordering::SeqCst)
    }

    /// Takes what was received.
    pub fn take(&self) -> Vec<Packet> {
        self.received.lock().drain(..).collect()
    }

    /// Waits for a packet that fits; drops those before it. `None` after `limit`.
    pub fn receive(&self, limit: Duration, fits: impl Fn(&Packet) -> bool) -> Option<Packet> {
        let start = Instant::now();
        let mut received = self.received.lock();
        loop {
            while let Some(packet) = received.pop_front() {
                if fits(&packet) {
                    return Some(packet);
                }
            }
            let left = limit.checked_sub(start.elapsed())?;
            self.arrived.wait_for(&mut received, left);
        }
    }

    /// Waits for a packet to come back; its status. `None` after `limit`.
    fn completion(&self, number: u64, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        let mut sent = self.sent.lock();
        loop {
            if let Some(status) = sent.remove(&number) {
                return Some(status);
            }
            let left = limit.checked_sub(start.elapsed())?;
            self.completed.wait_for(&mut sent, left);
        }
    }
}

/// # Safety
/// The list is the host's own, from `build`.
unsafe fn dismantle(list: *mut NET_BUFFER_LIST) {
    // SAFETY: as promised; each MDL describes a block of its own. The first buffer is part of the list.
    unsafe {
        let mut buffer = (*list).FirstNetBuffer;
        let mut is_first = true;
        while !buffer.is_null() {
            let mut mdl = (*buffer).MdlChain;
            while !mdl.is_null() {
                let next = (*mdl).Next;
                pool::release((*mdl).StartVa as usize + (*mdl).ByteOffset as usize, TAG);
                mdl::release(mdl);
                mdl = next;
            }
            let next = (*buffer).Next;
            if !is_first {
                packet::unmake_buffer(buffer);
            }
            (buffer, is_first) = (next, false);
        }
    }
    packet::unmake(list);
}

/// Bytes before a packet's data, as transports have them that reserve room for headers: none, some of the first MDL, or a whole
/// MDL and some of the next. By the packet's number.
const BACK_FILLS: [(usize, usize); 3] = [(0, 0), (0, 70), (24, 6)];
/// What is in them, which no device is to send.
const UNUSED: u8 = 0xEE;

fn build(packet: &Packet, number: u64) -> *mut NET_BUFFER_LIST {
    let (first, offset) = chain(&packet.frame, &packet.split, number);
    // SAFETY: the chain lives as long as the list.
    let list = unsafe { packet::make(0, 0, first, offset, packet.frame.len()) };
    // SAFETY: the new list.
    let mut last = unsafe { (*list).FirstNetBuffer };
    for (at, frame) in packet.more.iter().enumerate() {
        let (first, offset) = chain(frame, &packet.split, number + 1 + at as u64);
        // SAFETY: as above.
        unsafe {
            let buffer = packet::make_buffer(first, offset, frame.len());
            (*last).Next = buffer;
            last = buffer;
        }
    }
    for (index, value) in &packet.info {
        // SAFETY: the new list.
        unsafe { (&mut (*list).NetBufferListInfo)[*index] = *value as _ };
    }
    list
}

/// MDLs over a frame, and where in them it begins.
fn chain(frame: &[u8], split: &[usize], number: u64) -> (*mut MDL, u32) {
    let (whole, part) = BACK_FILLS[number as usize % BACK_FILLS.len()];
    let mut bytes = vec![UNUSED; whole + part];
    bytes.extend_from_slice(frame);
    let mut split = split.to_vec();
    match split.first_mut() {
        Some(first) => *first += part,
        None => split.push(part + frame.len()),
    }
    if whole > 0 {
        split.insert(0, whole);
    }
    let mut rest = &bytes[..];
    let mut lengths = split.iter();
    let (mut first, mut last): (*mut MDL, *mut MDL) = (std::ptr::null_mut(), std::ptr::null_mut());
    while !rest.is_empty() {
        let length = lengths
            .next()
            .map_or(rest.len(), |l| (*l).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        rest = after;
        let block = pool::allocate(length, TAG, 0, DATA);
        let mdl = mdl::allocate(block, length as u32);
        // SAFETY: a new block of this length, and its new MDL.
        unsafe {
            std::ptr::copy_nonoverlapping(piece.as_ptr(), block as *mut u8, length);
            mdl::build(mdl);
            if last.is_null() {
                first = mdl;
            } else {
                (*last).Next = mdl;
            }
        }
        last = mdl;
    }
    (first, (whole + part) as u32)
}

impl Adapter {
    /// Hands packets to the driver in one call; their numbers.
    pub fn send(&self, packets: &[Packet]) -> Vec<u64> {
        let mut numbers = Vec::new();
        let (mut first, mut last) = (
            std::ptr::null_mut(),
            std::ptr::null_mut::<NET_BUFFER_LIST>(),
        );
        for packet in packets {
            let number = self.traffic.next.fetch_add(1, Ordering::Relaxed);
            let list = build(packet, number);
            // SAFETY: new lists of our own.
            unsafe {
                (*list).SourceHandle = self.handle.load(Ordering::SeqCst) as _;
                if last.is_null() {
                    first = list;
                } else {
                    (*last).Next = list;
                }
            }
            last = list;
            self.traffic.sending.lock().insert(list as usize, number);
            numbers.push(number);
        }
        if let Some(send) = self.handlers().SendNetBufferListsHandler {
            cpu::at(cpu::DISPATCH_LEVEL, || {
                // SAFETY: the driver's handler; the lists are its own until it completes them.
                enter::driver("MiniportSendNetBufferLists", || unsafe {
                    let flags = NDIS_SEND_FLAGS_DISPATCH_LEVEL;
                    send(self.context() as _, first, 0, flags);
                });
            });
        }
        numbers
    }

    /// Asks the driver to give up packets with this cancel id.
    pub fn cancel_send(&self, id: usize) {
        if let Some(cancel) = self.handlers().CancelSendHandler {
            // SAFETY: the driver's handler.
            enter::driver("MiniportCancelSend", || unsafe {
                cancel(self.context() as _, id as _);
            });
        }
    }

    /// Waits for a packet to come back; its status.
    pub fn wait_sent(&self, number: u64) -> i32 {
        let Some(status) = self.traffic.completion(number, patience()) else {
            breach(
                Rule::Hang,
                format_args!("packet {number} was not completed in time"),
            );
        };
        status
    }

    /// Waits until the stack above has no list of the driver's.
    pub fn settle_receives(&self) {
        while !self.traffic.indicated.lock().is_empty() {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// LsoV2TransmitComplete: NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE, and nothing else.
const LARGE_SEND_COMPLETE: usize = 1 << 30;

/// A flag that says that packets are handed over at DISPATCH_LEVEL is true: NDIS raises IRQL itself where it is not set.
fn require_level(flag: u32, what: &str) {
    let irql = cpu::irql();
    if flag != 0 && irql != cpu::DISPATCH_LEVEL {
        breach(
            Rule::IrqlLimit,
            format_args!(
                "packets are {what} at IRQL {irql}, with the flag that says DISPATCH_LEVEL"
            ),
        );
    }
}

pub(super) extern "win64" fn send_complete(
    handle: usize,
    mut list: *mut NET_BUFFER_LIST,
    flags: u32,
) {
    let adapter = adapter::of(handle);
    require_level(flags & NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL, "completed");
    while !list.is_null() {
        let Some(number) = adapter.traffic.sending.lock().remove(&(list as usize)) else {
            breach(
                Rule::NblOwner,
                format_args!("net buffer list {list:p} is completed; the driver does not have it"),
            );
        };
        // SAFETY: a list of ours that came back.
        unsafe {
            let next = (*list).Next;
            if (*list).SourceHandle as usize != handle {
                breach(
                    Rule::NblOwner,
                    format_args!("SourceHandle of {list:p} was changed"),
                );
            }
            let status = (*list).Status;
            let large = (*list).NetBufferListInfo[TCP_LARGE_SEND_NET_BUFFER_LIST_INFO] as usize;
            if large != 0 && large != LARGE_SEND_COMPLETE {
                breach(
                    Rule::NblOwner,
                    format_args!(
                        "a large send of {list:p} is completed with {large:#x} for its outcome"
                    ),
                );
            }
            dismantle(list);
            adapter.traffic.sent.lock().insert(number, status);
            list = next;
        }
        adapter.traffic.completed.notify_all();
    }
}

/// Slots that Windows itself uses: NetBufferListCancelId, NetBufferListProtocolId, WfpNetBufferListInfo.
const LEFT_IN: [usize; 3] = [5, 7, 10];

/// # Safety
/// `list` is a valid list with one net buffer.
unsafe fn copy_out(list: *mut NET_BUFFER_LIST) -> Packet {
    // SAFETY: as promised.
    let (pieces, info) = unsafe {
        let buffer = (*list).FirstNetBuffer;
        if buffer.is_null() || !(*buffer).Next.is_null() {
            breach(
                Rule::NblOwner,
                format_args!("a received net buffer list {list:p} has one net buffer exactly"),
            );
        }
        let skip = (*buffer).CurrentMdlOffset as usize;
        let length = (*buffer).DataLength as usize;
        let pieces = dma::pieces((*buffer).CurrentMdl, skip, length);
        let info: Vec<(usize, usize)> = (*list)
            .NetBufferListInfo
            .iter()
            .enumerate()
            .filter(|(_, value)| !value.is_null())
            .map(|(index, value)| (index, *value as usize))
            .collect();
        (pieces, info)
    };
    if let Some((slot, _)) = info.iter().find(|(_, value)| *value == LEFT_BEHIND) {
        breach(
            Rule::NblOwner,
            format_args!(
                "a packet is indicated with what others left in slot {slot} of its information"
            ),
        );
    }
    let Some(pieces) = pieces else {
        breach(
            Rule::NblOwner,
            format_args!("the data of {list:p} runs over its MDL chain"),
        );
    };
    let mut frame = Vec::new();
    for (address, bytes) in pieces {
        // SAFETY: described by the list's MDLs.
        frame.extend_from_slice(unsafe { std::slice::from_raw_parts(address as *const u8, bytes) });
    }
    Packet {
        frame,
        info,
        split: Vec::new(),
        more: Vec::new(),
        cpu: cpu::number(),
    }
}

/// What drivers above leave in the slots of a list that they give back: whatever they wrote there.
const LEFT_BEHIND: usize = 0xDEAD;

fn give_back(adapter: &Arc<Adapter>, first: *mut NET_BUFFER_LIST, lists: &[usize]) {
    for list in lists {
        // SAFETY: lists of the driver, which the stack above has until now.
        let infos = unsafe { &mut (*(*list as *mut NET_BUFFER_LIST)).NetBufferListInfo };
        for slot in LEFT_IN {
            infos[slot] = LEFT_BEHIND as _;
        }
    }
    let mut indicated = adapter.traffic.indicated.lock();
    for list in lists {
        indicated.remove(list);
    }
    drop(indicated);
    if let Some(give) = adapter.handlers().ReturnNetBufferListsHandler {
        let flags = NDIS_RETURN_FLAGS_DISPATCH_LEVEL;
        // SAFETY: the driver's handler; the chain is as it was indicated.
        enter::driver("MiniportReturnNetBufferLists", || unsafe {
            give(adapter.context() as _, first, flags);
        });
    }
}

pub(super) extern "win64" fn indicate_receive(
    handle: usize,
    first: *mut NET_BUFFER_LIST,
    port: u32,
    count: u32,
    flags: u32,
) {
    let adapter = adapter::of(handle);
    require_level(flags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL, "indicated");
    adapter.traffic.indicating.fetch_add(1, Ordering::SeqCst);
    INDICATED.set(INDICATED.get() + count as usize);
    indicate(handle, first, port, count, flags);
    adapter.traffic.indicating.fetch_sub(1, Ordering::SeqCst);
}

fn indicate(handle: usize, first: *mut NET_BUFFER_LIST, _port: u32, count: u32, flags: u32) {
    let adapter = adapter::of(handle);
    let state = adapter.state();
    if !matches!(state, State::Running | State::Pausing) {
        breach(
            Rule::NblPaused,
            format_args!("packets are indicated while the adapter is {state:?}"),
        );
    }
    let mut lists = Vec::new();
    let mut list = first;
    while !list.is_null() {
        packet::is_of_driver(list);
        if adapter
            .traffic
            .indicated
            .lock()
            .insert(list as usize, ())
            .is_some()
        {
            breach(
                Rule::NblOwner,
                format_args!("net buffer list {list:p} is indicated again before it came back"),
            );
        }
        // SAFETY: a list of the driver, which the stack above has now.
        unsafe {
            if (*list).SourceHandle as usize != handle {
                breach(
                    Rule::NblOwner,
                    format_args!("SourceHandle of {list:p} is not the adapter's handle"),
                );
            }
            let packet = copy_out(list);
            adapter.traffic.received.lock().push_back(packet);
            lists.push(list as usize);
            list = (*list).Next;
        }
    }
    if lists.len() != count as usize {
        breach(
            Rule::NblOwner,
            format_args!("{} lists are indicated as {count}", lists.len()),
        );
    }
    adapter.traffic.arrived.notify_all();
    if flags & NDIS_RECEIVE_FLAGS_RESOURCES != 0 {
        let mut indicated = adapter.traffic.indicated.lock();
        for list in &lists {
            indicated.remove(list);
        }
        return;
    }
    if adapter.traffic.hold.swap(false, Ordering::SeqCst) {
        adapter.traffic.holding.store(true, Ordering::SeqCst);
        let start = Instant::now();
        while adapter.state() != State::Pausing && start.elapsed() < patience() {
            std::thread::yield_now();
        }
        give_back(&adapter, first, &lists);
        // Long enough for a pause to end that waits for the lists alone.
        std::thread::sleep(Duration::from_millis(50));
        adapter.traffic.holding.store(false, Ordering::SeqCst);
        return;
    }
    // Some stacks return at once, some later; a driver must bear both.
    if adapter
        .traffic
        .turns
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(2)
        && cpu::irql() == cpu::DISPATCH_LEVEL
    {
        give_back(&adapter, first, &lists);
    } else {
        let first = first as usize;
        let run = Box::new(move || give_back(&adapter, first as *mut NET_BUFFER_LIST, &lists));
        cpu::queue_dpc(cpu::number() + 1, Dpc { key: 0, run });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_may_be_awaited_while_another_goes_out() {
        let traffic = Traffic::default();
        std::thread::scope(|scope| {
            scope.spawn(|| traffic.receive(Duration::from_secs(60), |_| true));
            // Until the other waits; that both do at a time is what used to panic.
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(traffic.completion(0, Duration::from_millis(1)), None);
            traffic.received.lock().push_back(Packet::default());
            traffic.arrived.notify_all();
        });
    }
}
