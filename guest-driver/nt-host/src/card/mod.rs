//! What the driver does as a network interface card, end to end: through two of its adapters and the devices' wire.
//!
//! [`all`] is every test, [`run`] runs one on a [`Pair`]. `offloads`, `scaling`, `lives`, `resets`: the tests, by subject;
//! `frames`: what they send, and how what arrives is judged.

mod frames;
mod lives;
mod offloads;
mod resets;
mod scaling;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ndis_sys::ndis::*;

use crate::faults;
use crate::host::Host;
use crate::machine::Machine;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::config::Value;
use crate::ndis::datapath::Packet;
use crate::nt::print;

/// How long a packet may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited for what must not come, behind something that came.
const MOMENT: Duration = Duration::from_millis(20);
/// Among a test's keywords: interrupt messages that Windows grants at most.
const MESSAGES: &str = "(messages)";
/// Directed, multicast, broadcast and promiscuous.
const EVERYTHING: u32 = 0x2B;

/// A test: its name, the keywords of both adapters, what it does.
pub struct Test {
    /// Name.
    pub name: &'static str,
    keywords: &'static [(&'static str, u32)],
    run: fn(&Pair),
}

macro_rules! tests {
    ($($name:ident $([$($keyword:literal = $value:literal),*])?;)*) => {
        pub(super) const TESTS: &[super::Test] = &[
            $(super::Test {
                name: stringify!($name),
                keywords: &[$($(($keyword, $value)),*)?],
                run: $name,
            },)*
        ];
    };
}
use tests;

/// Every test.
pub fn all() -> impl Iterator<Item = &'static Test> {
    [offloads::TESTS, scaling::TESTS, lives::TESTS, resets::TESTS]
        .into_iter()
        .flatten()
}

/// Two adapters that run, on one wire.
pub struct Pair {
    a: Arc<Adapter>,
    b: Arc<Adapter>,
    /// Where the daemon of the devices takes orders.
    control: PathBuf,
}

impl Pair {
    /// Sends from A, all in one call; fails the test unless all were sent.
    fn send(&self, packets: &[Packet]) {
        for number in self.a.send(packets) {
            let status = self.a.wait_sent(number);
            assert_eq!(
                status, NDIS_STATUS_SUCCESS,
                "a packet was not sent: {status:#x}"
            );
        }
    }

    /// Sends a frame from A that B is to get, and gives it as B got it.
    fn pass(&self, packet: Packet) -> Packet {
        self.send(&[packet]);
        self.arrived("a frame", |_| true)
    }

    /// The next packet that arrives at B and fits.
    fn arrived(&self, what: &str, fits: impl Fn(&Packet) -> bool) -> Packet {
        let arrived = self.b.traffic.receive(PATIENCE, fits);
        arrived.unwrap_or_else(|| panic!("{what} did not arrive"))
    }

    /// MAC addresses as frames from A to B have them.
    fn macs(&self) -> ([u8; 6], [u8; 6]) {
        (self.b.said.lock().mac, self.a.said.lock().mac)
    }

    /// A frame with a number that is not IP.
    fn plain(&self, number: u32, length: usize) -> Packet {
        let (to, from) = self.macs();
        Packet::plain(crate::exercise::frame(to, from, number, length))
    }

    /// Both receive everything, and nothing is left from before.
    fn open(&self) {
        for adapter in [&self.a, &self.b] {
            filter(adapter, EVERYTHING);
            adapter.traffic.take();
        }
    }

    /// What TCP/IP says of the offloads of IPv4 and of IPv6, on both sides: it uses them, or not, or nothing.
    fn use_offloads(&self, v4: Option<bool>, v6: Option<bool>) {
        /// NDIS_OFFLOAD_ENCAPSULATION, NDIS_ENCAPSULATION_IEEE_802_3, and the header before IP.
        const SIZE: usize = size_of::<NDIS_OFFLOAD_ENCAPSULATION>();
        const IEEE_802_3: u32 = 2;
        const HEADER: u32 = 14;
        let mut bytes = vec![NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, 1, SIZE as u8, 0];
        for family in [v4, v6] {
            // NDIS_OFFLOAD_SET_NO_CHANGE, _ON, _OFF.
            let enabled = family.map_or(0_u32, |on| if on { 1 } else { 2 });
            for word in [enabled, IEEE_802_3, HEADER] {
                bytes.extend_from_slice(&word.to_le_bytes());
            }
        }
        for adapter in [&self.a, &self.b] {
            let status = adapter.set(OID_OFFLOAD_ENCAPSULATION, &bytes).status;
            assert_eq!(status, NDIS_STATUS_SUCCESS, "{v4:?} {v6:?}");
        }
    }

    /// Pulls the cable of a device, or plugs it in.
    fn set_link(&self, device: u32, up: bool) {
        let asked = self.ask(&format!(
            r#"{{"command":"set-link","device":{device},"up":{up}}}"#
        ));
        let answer = asked.expect("the daemon takes orders");
        assert!(answer.contains("return"), "{answer}");
    }

    fn ask(&self, request: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.control)?;
        writeln!(stream, "{request}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    }
}

/// OID_GEN_CURRENT_PACKET_FILTER.
fn filter(adapter: &Adapter, bits: u32) {
    let status = adapter
        .set(OID_GEN_CURRENT_PACKET_FILTER, &bits.to_le_bytes())
        .status;
    assert_eq!(status, NDIS_STATUS_SUCCESS, "filter {bits:#x}");
}

/// Waits for something that the driver does by itself.
fn wait(what: &str, ready: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !ready() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A NetBufferListInfo slot; 0 if it is empty.
fn info(packet: &Packet, slot: usize) -> usize {
    let found = packet.info.iter().find(|(index, _)| *index == slot);
    found.map_or(0, |(_, value)| *value)
}

/// Runs a test on a driver that is loaded for it, and unloaded.
///
/// # Errors
/// What failed.
pub fn run(
    test: &Test,
    driver: &Path,
    functions: Vec<Arc<dyn Machine>>,
    control: &Path,
) -> Result<()> {
    ensure!(functions.len() == 2, "two devices are needed");
    let keywords: Vec<(&str, Value)> = test
        .keywords
        .iter()
        .filter(|(name, _)| *name != MESSAGES)
        .map(|(name, value)| (*name, Value::Number(*value)))
        .collect();
    print::forget();
    let host = Host::load(driver, functions).context("loading the driver")?;
    let [a, b] = [0, 1].map(|function| host.add_adapter(function, &keywords));
    let messages = test.keywords.iter().find(|(name, _)| *name == MESSAGES);
    for adapter in [&a, &b] {
        if let Some((_, most)) = messages {
            adapter
                .most_messages
                .store(*most as usize, Ordering::SeqCst);
        }
        let started = host.start(adapter);
        ensure!(started.is_ok(), "an adapter did not start: {started:x?}");
    }
    let pair = Pair {
        a,
        b,
        control: control.to_owned(),
    };
    pair.open();
    let result = catch_unwind(AssertUnwindSafe(|| (test.run)(&pair)));
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        anyhow::bail!(text.unwrap_or_else(|| "panicked".to_owned()));
    }
    for adapter in [&pair.a, &pair.b] {
        let lost = match adapter.state() {
            State::Running => faults::lost(adapter),
            _ => 0,
        };
        ensure!(
            lost == 0,
            "{lost} interrupts were taken for lost, of a device that loses none"
        );
    }
    host.unload();
    Ok(())
}
