//! A driver's life, and two consumers', on devices with a fault plan: the device is real, honest, and not well. What a plan does
//! follows from it alone; the driver may get less done, and must not crash, hang, or keep anything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use ndis_sys::ndis::NDIS_STATUS_SUCCESS;
use ndk_consumer::bench::Bench;
use ndk_consumer::life;
use ndk_consumer::platform::Family;

use crate::consumers::Consumers;
use crate::exercise;
use crate::host::Host;
use crate::machine::Machine;
use crate::machine::hostile::Numbers;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::datapath::Packet;
use crate::nt::system;
use crate::sweep::SMALL;

/// OID_GEN_CURRENT_PACKET_FILTER; directed, broadcast and promiscuous.
const FILTER: (u32, u32) = (0x0001_010E, 0x29);
/// rnic.sys's own: interrupts that were lost.
const LOST_INTERRUPTS: u32 = 0xFF52_4E01;
/// Packets of a turn, and how many the stack above hands over at once.
const PACKETS: u32 = 16;
const AT_ONCE: usize = 4;

/// How a life is led.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How much faster the driver's clocks run.
    pub speed: u32,
    /// How long a packet may take to arrive.
    pub patience: Duration,
    /// Pull the first device out in the end.
    pub surprise: bool,
    /// Interrupt messages that Windows grants each adapter at most.
    pub messages: usize,
    /// Packets also go to somebody behind a port of the devices' wire, until one is not sent.
    pub away: bool,
}

/// A station that neither device is.
const AWAY: [u8; 6] = [2, 9, 9, 9, 9, 9];

/// What came about.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Adapters that started.
    pub started: usize,
    /// Packets that the first adapter took, and said were sent.
    pub sent: usize,
    /// Packets that arrived at the second.
    pub received: usize,
    /// Times that packets to somebody behind a port were not sent.
    pub stuck: usize,
    /// Lives of consumers.
    pub lives: Vec<life::Report>,
    /// Adapters that were taken for failed; what the resets that NDIS then asks for came to.
    pub resets: Vec<Option<i32>>,
    /// Interrupts that each adapter's driver says were lost.
    pub lost: Vec<u64>,
}

impl Report {
    /// Everything was done that would be without faults.
    pub fn is_whole(&self) -> bool {
        let done = |life: &life::Report| life.disconnected && life.refused.is_none();
        self.started == 2
            && self.received == 2 * PACKETS as usize
            && self.lives.iter().all(done)
            && self.resets.is_empty()
    }
}

/// Packets from one adapter to the other. Each comes back, whatever became of it: the host waits for that.
fn traffic(from: &Adapter, to: &Adapter, turn: u32, plan: Plan, report: &mut Report) {
    for adapter in [from, to] {
        adapter.set(FILTER.0, &FILTER.1.to_le_bytes());
    }
    to.traffic.take();
    let (source, target) = (from.said.lock().mac, to.said.lock().mac);
    let packets: Vec<Packet> = (0..PACKETS)
        .map(|number| Packet {
            frame: exercise::frame(target, source, turn * PACKETS + number, 200),
            split: vec![14, 20],
            ..Packet::default()
        })
        .collect();
    for group in packets.chunks(AT_ONCE) {
        for number in from.send(group) {
            report.sent += usize::from(from.wait_sent(number) == NDIS_STATUS_SUCCESS);
        }
    }
    if plan.away {
        send_away(from, source, report);
    }
    for packet in &packets {
        let arrived = to
            .traffic
            .receive(plan.patience, |got| got.frame == packet.frame);
        if arrived.is_none() {
            break;
        }
        report.received += 1;
    }
}

/// Packets to a station behind a port, which it holds back when its partner takes none.
fn send_away(from: &Adapter, source: [u8; 6], report: &mut Report) {
    // More than a port holds back.
    for turn in 0..256 {
        let packet = |number| Packet::plain(exercise::frame(AWAY, source, number, 200));
        let packets: Vec<Packet> = (64 * turn..64 * (turn + 1)).map(packet).collect();
        let statuses: Vec<i32> = from
            .send(&packets)
            .into_iter()
            .map(|number| from.wait_sent(number))
            .collect();
        if statuses.iter().any(|status| *status != NDIS_STATUS_SUCCESS) {
            report.stuck += 1;
            return;
        }
    }
}

/// What NDIS does every two seconds.
fn check(adapters: &[Arc<Adapter>], report: &mut Report) {
    for adapter in adapters {
        if adapter.check_for_hang() == Some(true) {
            report.resets.push(adapter.reset());
        }
    }
}

fn live(adapters: &[Arc<Adapter>; 2], plan: Plan, report: &mut Report) {
    let [first, second] = adapters;
    let place = Consumers::new(adapters.clone());
    for turn in 0..2 {
        traffic(first, second, turn, plan, report);
        let bench = Bench::new(&place, Family::V4);
        let sides = if turn == 0 { [0, 1] } else { [1, 0] };
        report.lives.push(life::live(
            &bench,
            life::Plan {
                sides,
                patience: u64::from(80_000 / plan.speed.max(1)),
            },
        ));
        bench.check_callbacks();
        for adapter in adapters {
            let oids = adapter.said.lock().oids.clone();
            for oid in oids {
                adapter.query(oid, 512);
            }
        }
        check(adapters, report);
    }
}

/// Interrupts that the driver of this adapter says were lost.
pub fn lost(adapter: &Adapter) -> u64 {
    let answer = adapter.query(LOST_INTERRUPTS, 8);
    answer.data.try_into().map_or(0, u64::from_le_bytes)
}

/// One life.
///
/// # Errors
/// The driver cannot be loaded.
pub fn once(driver: &Path, functions: Vec<Arc<dyn Machine>>, plan: Plan) -> Result<Report> {
    system::set_speed(plan.speed);
    let mut report = Report::default();
    let host = Host::load(driver, functions).context("loading the driver")?;
    let adapters = [0, 1].map(|function| host.add_adapter(function, SMALL));
    for adapter in &adapters {
        adapter.most_messages.store(plan.messages, Ordering::SeqCst);
        report.started += usize::from(host.start(adapter).is_ok());
    }
    if report.started == adapters.len() {
        live(&adapters, plan, &mut report);
    }
    let running = |adapter: &&Arc<Adapter>| adapter.state() == State::Running;
    for adapter in adapters.iter().filter(running) {
        adapter.pause();
        adapter.restart();
        report.lost.push(lost(adapter));
    }
    if plan.surprise
        && let Some(adapter) = adapters.iter().find(running)
    {
        adapter.surprise_remove();
    }
    host.unload();
    system::set_speed(1);
    Ok(report)
}

/// A fault plan, as `rnic serve --fault-plan` reads it, that follows from a seed.
pub fn plan_of(seed: u64) -> String {
    // Commands until an adapter runs, and a few more: faults before that are soon told.
    const RUNS: u64 = 50;
    // Sites, and what may go wrong there, as the device has them.
    const SITES: &[(&str, &[&str])] = &[
        ("interrupt", &["drop"]),
        ("interrupt", &["drop"]),
        ("command", &["fail", "drop"]),
        ("completion", &["fail"]),
        ("dma", &["fail"]),
        (
            "frame-in",
            &["drop", "duplicate", "corrupt", "reorder", "mark", "delay"],
        ),
        (
            "frame-out",
            &["drop", "duplicate", "corrupt", "reorder", "mark", "delay"],
        ),
    ];
    let mut numbers = Numbers(seed);
    let mut rules = Vec::new();
    for _ in 0..=numbers.below(4) {
        let (site, faults) = SITES[numbers.below(SITES.len() as u64) as usize];
        let fault = faults[numbers.below(faults.len() as u64) as usize];
        let bound = [1, 40, 400][numbers.below(3) as usize];
        let early = site != "command" || numbers.below(6) == 0;
        let after = numbers.below(bound) + if early { 0 } else { RUNS };
        let every = [1, 1 + numbers.below(10), 1 + numbers.below(100)][numbers.below(3) as usize];
        let mut rule =
            format!(r#"{{"site":"{site}","fault":"{fault}","after":{after},"every":{every}"#);
        if numbers.below(3) == 0 {
            rule += &format!(r#","times":{}"#, 1 + numbers.below(20));
        }
        if numbers.below(3) == 0 {
            rule += &format!(r#","per_million":{}"#, 1 + numbers.below(1_000_000));
        }
        rules.push(rule + "}");
    }
    format!(r#"{{"seed":{seed},"rules":[{}]}}"#, rules.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_follow_from_their_seeds() {
        assert_eq!(plan_of(3), plan_of(3));
        let all: String = (0..200).map(plan_of).collect();
        assert_ne!(plan_of(3), plan_of(4));
        // Each site and each fault is in some plan.
        for word in [
            "interrupt",
            "command",
            "completion",
            "dma",
            "frame-in",
            "frame-out",
            "fail",
            "drop",
            "duplicate",
            "corrupt",
            "reorder",
            "mark",
            "delay",
            "times",
            "per_million",
        ] {
            assert!(all.contains(&format!("\"{word}\"")), "{word}");
        }
    }
}
