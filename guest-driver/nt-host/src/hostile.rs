//! A driver's life on a device that lies. It may get nothing done; it must not crash, hang, or keep anything.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use ndk_consumer::bench::Bench;
use ndk_consumer::life;
use ndk_consumer::platform::Family;

use crate::consumers::Consumers;
use crate::exercise;
use crate::host::Host;
use crate::machine::Machine;
use crate::machine::hostile::{HostileMachine, Lie, Numbers};
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::datapath::Packet;
use crate::nt::system;
use crate::sweep::SMALL;

/// How much faster the driver's clocks run: it gives a device 5 s, of which this leaves a quarter of a second.
const SPEED: u32 = 20;
/// OID_GEN_CURRENT_PACKET_FILTER; directed, broadcast and promiscuous.
const FILTER: (u32, u32) = (0x0001_010E, 0x29);

/// What came about in spite of the lies.
#[derive(Clone, Debug)]
pub struct Report {
    /// The lie that was told.
    pub lie: Lie,
    /// It lied from the first register on, not only when the adapter ran.
    pub early: bool,
    /// The adapter started.
    pub started: bool,
    /// Lives of consumers.
    pub lives: Vec<life::Report>,
    /// NDIS was asked to reset the adapter; what that came to.
    pub reset: Option<i32>,
    /// In the end the device could still use memory, as far as PCI goes.
    pub mastering: bool,
}

/// Packets to itself, whose end nobody waits for: a pause must bring them back.
fn send(adapter: &Adapter) {
    let mac = adapter.said.lock().mac;
    let packet = |number| Packet {
        frame: exercise::frame(mac, mac, number, 200),
        split: vec![14, 20],
        ..Packet::default()
    };
    let packets: Vec<Packet> = (0..16).map(packet).collect();
    adapter.send(&packets);
}

/// One life, with the lie that the seed says.
///
/// # Errors
/// The driver cannot be loaded.
pub fn once(driver: &Path, machine: Arc<dyn Machine>, lie: Lie, seed: u64) -> Result<Report> {
    system::set_speed(SPEED);
    let mut numbers = Numbers(!seed);
    let hostile = Arc::new(HostileMachine::new(machine, lie, seed));
    let early = numbers.below(3) == 0;
    let mut report = Report {
        lie,
        early,
        started: false,
        lives: Vec::new(),
        reset: None,
        mastering: true,
    };
    let host = Host::load(driver, vec![hostile.clone()]).context("loading the driver")?;
    let adapter = host.add_adapter(0, SMALL);
    if early {
        hostile.begin();
    }
    report.started = host.start(&adapter).is_ok();
    if report.started {
        live(&adapter, &hostile, &mut numbers, &mut report);
        if numbers.below(3) == 0 && adapter.state() == State::Running {
            adapter.surprise_remove();
        }
    }
    report.mastering = hostile.is_master();
    host.unload();
    system::set_speed(1);
    Ok(report)
}

fn live(
    adapter: &Arc<Adapter>,
    hostile: &HostileMachine,
    numbers: &mut Numbers,
    report: &mut Report,
) {
    let place = Consumers::new([adapter.clone(), adapter.clone()]);
    let plan = life::Plan {
        sides: [0, 1],
        patience: 2000,
    };
    for round in 0..2 {
        // It begins to lie in the middle of something, which is another thing each time.
        if round == numbers.below(2) {
            hostile.begin();
        }
        adapter.set(FILTER.0, &FILTER.1.to_le_bytes());
        send(adapter);
        let bench = Bench::new(&place, Family::V4);
        let life = std::thread::scope(|scope| {
            if round == 1 {
                scope.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(numbers.below(20)));
                    hostile.begin();
                });
            }
            life::live(&bench, plan)
        });
        report.lives.push(life);
        bench.check_callbacks();
        // Not in the loop's head, which would hold the lock throughout: the driver says something of itself when it likes,
        // and waited for the lock while the request waited for the driver.
        let oids = adapter.said.lock().oids.clone();
        for oid in oids {
            adapter.query(oid, 512);
        }
    }
    send(adapter);
    if adapter.check_for_hang() == Some(true) {
        report.reset = adapter.reset();
    }
    send(adapter);
    adapter.pause();
    adapter.restart();
}
