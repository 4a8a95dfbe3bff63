//! What a stack does with a driver in ordinary life, in one run: start, ask everything, send, pause, reset, pull out,
//! unload. Failures are allowed where the caller injects them; what a driver must never do is a breach.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ndis_sys::ndis::NDIS_STATUS_SUCCESS;

use crate::faults;
use crate::host::{Host, HostError};
use crate::machine::Machine;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::config::Value;
use crate::ndis::datapath::Packet;

/// What happened.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Status of DriverEntry, if it failed.
    pub entry: Option<i32>,
    /// Adapters that started.
    pub started: usize,
    /// Adapters that offered an NDK provider.
    pub offered: usize,
    /// OIDs that were answered with success.
    pub answered: usize,
    /// OIDs that were refused: number and status.
    pub refused: Vec<(u32, i32)>,
    /// Packets that were sent with success.
    pub sent: usize,
    /// Packets that arrived at the other adapter.
    pub received: usize,
    /// Interrupts that the driver says were lost.
    pub lost: u64,
}

/// How much of life.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'k> {
    /// Keywords of each adapter's registry key.
    pub keywords: &'k [(&'k str, Value)],
    /// Packets from the first adapter to the second, if there is one.
    pub packets: usize,
    /// How long a packet may take to arrive; none is waited for if zero.
    pub patience: Duration,
    /// Pull the first adapter out in the end, instead of halting it.
    pub surprise: bool,
}

/// A frame to a MAC address, with a number in it that is found again.
pub fn frame(to: [u8; 6], from: [u8; 6], number: u32, length: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(length);
    frame.extend_from_slice(&to);
    frame.extend_from_slice(&from);
    // IEEE 802 local experimental ethertype 1.
    frame.extend_from_slice(&[0x88, 0xB5]);
    frame.extend_from_slice(&number.to_be_bytes());
    frame.extend((frame.len()..length).map(|at| at as u8 ^ number as u8));
    frame
}

fn ask_everything(adapter: &Adapter, report: &mut Report) {
    let oids = adapter.said.lock().oids.clone();
    for oid in oids {
        // No room, little room, room: a buffer is a pool block of the exact size, so running over it is seen.
        let mut status = adapter.query(oid, 0).status;
        for room in [1, 8, 4096] {
            status = adapter.query(oid, room).status;
        }
        if status == NDIS_STATUS_SUCCESS {
            report.answered += 1;
        } else {
            report.refused.push((oid, status));
        }
    }
}

fn send(first: &Adapter, second: &Adapter, plan: Plan<'_>, report: &mut Report) {
    /// OID_GEN_CURRENT_PACKET_FILTER; directed, broadcast and promiscuous.
    const FILTER: u32 = 0x0001_010E;
    let filter = 0x29_u32.to_le_bytes();
    for adapter in [first, second] {
        adapter.set(FILTER, &filter);
    }
    let (from, to) = (first.said.lock().mac, second.said.lock().mac);
    let numbers = (0..plan.packets as u32).map(|number| {
        let length = 60 + (number as usize * 97) % 1400;
        Packet {
            frame: frame(to, from, number, length),
            split: vec![14, 20, 1],
            ..Packet::default()
        }
    });
    let packets: Vec<Packet> = numbers.collect();
    for group in packets.chunks(4) {
        for number in first.send(group) {
            if first.wait_sent(number) == NDIS_STATUS_SUCCESS {
                report.sent += 1;
            }
        }
    }
    for packet in &packets {
        let found = second
            .traffic
            .receive(plan.patience, |got| got.frame == packet.frame);
        if found.is_none() {
            break;
        }
        report.received += 1;
    }
    for adapter in [first, second] {
        adapter.set(FILTER, &0_u32.to_le_bytes());
    }
}

/// One life.
///
/// # Errors
/// The image cannot be loaded. That DriverEntry fails is in the report.
pub fn once(
    driver: &Path,
    functions: Vec<Arc<dyn Machine>>,
    plan: Plan<'_>,
) -> Result<Report, HostError> {
    let mut report = Report::default();
    let count = functions.len();
    let host = match Host::load(driver, functions) {
        Ok(host) => host,
        Err(HostError::Entry(status)) => {
            report.entry = Some(status);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let adapters: Vec<Arc<Adapter>> = (0..count)
        .map(|f| host.add_adapter(f, plan.keywords))
        .collect();
    for adapter in &adapters {
        if host.start(adapter).is_ok() {
            report.started += 1;
            report.offered += usize::from(adapter.said.lock().ndk.is_some());
            ask_everything(adapter, &mut report);
        }
    }
    let running = |a: &Arc<Adapter>| a.state() == State::Running;
    if let [first, second] = &adapters[..]
        && running(first)
        && running(second)
    {
        send(first, second, plan, &mut report);
    }
    for adapter in adapters.iter().filter(|a| running(a)) {
        adapter.check_for_hang();
        adapter.pause();
        if adapter.restart() == NDIS_STATUS_SUCCESS {
            adapter.reset();
        }
    }
    report.lost = adapters
        .iter()
        .filter(|a| running(a))
        .map(|a| faults::lost(a))
        .sum();
    if plan.surprise
        && let Some(adapter) = adapters.first().filter(|a| running(a))
    {
        adapter.surprise_remove();
    }
    host.unload();
    Ok(report)
}
