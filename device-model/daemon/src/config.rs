//! What a daemon is to serve: options and file, joined and checked.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rnic_core::fault::FaultPlan;
use rnic_wire::MacAddr;
use serde::Deserialize;

use crate::cli::{Doorbell, Irq, ServeOptions, Switch};

mod port;

pub use port::{PortKind, PortOptions, parse_port};

/// MTU of the ports when every partner is in this process.
const FABRIC_MTU: u32 = 9000;
/// MTUs that a port can have: IPv4's least (RFC 791), and the largest frame of the interface.
const MTUS: std::ops::RangeInclusive<u32> = 576..=9216;
/// Threads at most.
const MAX_WORKERS: usize = 64;
/// Devices at most.
const MAX_DEVICES: usize = 256;

/// A device as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceOptions {
    /// Where QEMU connects.
    pub socket: PathBuf,
    /// Ethernet address; made of the machine's identity and the socket's path by default.
    #[serde(default, deserialize_with = "text_mac")]
    pub mac: Option<MacAddr>,
    /// EUI-64; made of the Ethernet address by default.
    #[serde(default)]
    pub guid: Option<u64>,
    /// How doorbells reach the device.
    #[serde(default)]
    pub doorbell: Doorbell,
    /// Which interrupts it has.
    #[serde(default)]
    pub irq: Irq,
}

/// A configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default, rename = "device")]
    devices: Vec<DeviceOptions>,
    #[serde(default, rename = "port")]
    ports: Vec<PortOptions>,
    workers: Option<usize>,
    segments: Option<bool>,
    spin_us: Option<u64>,
    speed: Option<u32>,
    fault_plan: Option<PathBuf>,
    capture: Option<PathBuf>,
    control: Option<PathBuf>,
    #[serde(default)]
    allow_unsealed: bool,
}

/// A device, complete.
#[derive(Clone, Debug)]
pub struct Device {
    /// Where QEMU connects.
    pub socket: PathBuf,
    /// Ethernet address.
    pub mac: MacAddr,
    /// EUI-64.
    pub guid: u64,
    /// How doorbells reach the device.
    pub doorbell: Doorbell,
    /// Which interrupts it has.
    pub irq: Irq,
}

/// A daemon, complete.
#[derive(Clone, Debug)]
pub struct Config {
    /// Devices, at least one.
    pub devices: Vec<Device>,
    /// Wires.
    pub wires: Vec<PortOptions>,
    /// Threads, at least one, not more than devices.
    pub workers: usize,
    /// Devices may exchange segments.
    pub segments: bool,
    /// How long to look for doorbells before sleeping.
    pub spin: Duration,
    /// What ports report, Mbit/s.
    pub speed_mbps: u32,
    /// MTU of the ports.
    pub mtu: u32,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Where frames are written.
    pub capture: Option<PathBuf>,
    /// Control socket.
    pub control: Option<PathBuf>,
    /// Guest memory may be unsealed although there are several devices.
    pub allow_unsealed: bool,
}

impl Config {
    /// Joins the options with the file they name, and checks the whole.
    ///
    /// # Errors
    /// If something contradicts itself, or a file cannot be read.
    pub fn from_options(options: ServeOptions) -> anyhow::Result<Self> {
        let file = match &options.config {
            Some(path) => read_toml(path).context("--config")?,
            None => File::default(),
        };
        let devices = [file.devices, options.devices].concat();
        ensure!(
            !devices.is_empty(),
            "nothing to serve: give at least one --device socket=PATH (see rnic serve --help)"
        );
        ensure!(
            devices.len() <= MAX_DEVICES,
            "{} devices are more than the {MAX_DEVICES} that one daemon serves; start another",
            devices.len()
        );
        let devices = devices
            .into_iter()
            .map(complete)
            .collect::<Result<Vec<_>, _>>()?;
        check_distinct(&devices)?;
        let ports = [file.ports, options.ports].concat();
        let wires: Vec<_> = ports
            .into_iter()
            .filter(|port| port.kind.is_some())
            .collect();
        let mtu = wires
            .iter()
            .map(PortOptions::mtu)
            .min()
            .unwrap_or(FABRIC_MTU);
        ensure!(
            MTUS.contains(&mtu),
            "an MTU of {mtu} is not possible; choose one from {} to {}",
            MTUS.start(),
            MTUS.end()
        );
        let workers = options.workers.or(file.workers).unwrap_or(1);
        ensure!(
            (1..=MAX_WORKERS).contains(&workers),
            "--workers {workers} is not possible; choose 1 to {MAX_WORKERS}"
        );
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let default_spin_us = if processors > 1 { 30 } else { 0 };
        let spin_us = options.spin_us.or(file.spin_us).unwrap_or(default_spin_us);
        let speed_mbps = speed(&wires, options.speed.or(file.speed))?;
        let faults = match options.fault_plan.or(file.fault_plan) {
            None => FaultPlan::default(),
            Some(path) if path.extension().is_some_and(|e| e == "json") => {
                read_json(&path).context("--fault-plan")?
            }
            Some(path) => read_toml(&path).context("--fault-plan")?,
        };
        let segments = options.segments.map(|s| s == Switch::On);
        Ok(Self {
            workers: workers.min(devices.len()),
            devices,
            wires,
            segments: segments.or(file.segments).unwrap_or(true),
            spin: Duration::from_micros(spin_us),
            speed_mbps,
            mtu,
            faults,
            capture: options.capture.or(file.capture),
            control: options.control.or(file.control),
            allow_unsealed: options.allow_unsealed || file.allow_unsealed,
        })
    }
}

/// The speed that devices report: never more than the slowest line.
fn speed(wires: &[PortOptions], asked: Option<u32>) -> anyhow::Result<u32> {
    let rates = wires.iter().map(|wire| wire.shape.bits_per_second);
    let slowest = rates.filter(|rate| *rate > 0).min();
    let slowest = slowest.map(|rate| u32::try_from(rate / 1_000_000).unwrap_or(u32::MAX));
    let usual = if wires.is_empty() { 40_000 } else { 10_000 };
    let speed = asked.or(slowest).unwrap_or(usual);
    ensure!(speed > 0, "--speed 0 is no speed; give Mbit/s");
    if let Some(slowest) = slowest {
        ensure!(
            speed <= slowest,
            "--speed {speed} is more than the {slowest} Mbit/s of a port's rate=; devices report \
             what they reach: leave --speed out"
        );
    }
    Ok(speed)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    toml::from_str(&read_text(path)?).with_context(|| format!("in {}", path.display()))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_str(&read_text(path)?).with_context(|| format!("in {}", path.display()))
}

fn complete(options: DeviceOptions) -> anyhow::Result<Device> {
    let DeviceOptions {
        socket,
        mac,
        guid,
        doorbell,
        irq,
    } = options;
    ensure!(
        !socket.as_os_str().is_empty(),
        "a device needs a socket: --device socket=PATH"
    );
    let mac = match mac {
        Some(mac) => mac,
        None => default_mac(&socket)?,
    };
    ensure!(
        !mac.is_multicast() && mac != MacAddr::ZERO,
        "{mac:?} is no address of a device: the lowest bit of the first octet must be 0, and not all octets"
    );
    let guid = guid.unwrap_or(u64::from_be_bytes(mac.eui64()));
    ensure!(guid != 0, "guid=0 is not possible; leave it out");
    Ok(Device {
        socket,
        mac,
        guid,
        doorbell,
        irq,
    })
}

/// A locally administered address (IEEE 802 section 8.4) that is the same at the next start.
fn default_mac(socket: &Path) -> anyhow::Result<MacAddr> {
    let path = absolute(socket).with_context(|| socket.display().to_string())?;
    let machine = fs::read("/etc/machine-id").unwrap_or_default();
    let mut text = machine;
    text.extend_from_slice(path.as_os_str().as_encoded_bytes());
    let [_, _, a, b, c, d, e, _] = fnv1a(&text).to_be_bytes();
    Ok(MacAddr([0x02, a, b, c, d, e]))
}

/// FNV-1a, 64 bits: the same on every machine and in every version of this program.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn check_distinct(devices: &[Device]) -> anyhow::Result<()> {
    let mut sockets = HashSet::new();
    let mut macs = HashMap::new();
    let mut guids = HashMap::new();
    for device in devices {
        let socket = &device.socket;
        if !sockets.insert(absolute(socket).unwrap_or_else(|_| socket.clone())) {
            bail!(
                "two devices at socket {}; give each its own",
                socket.display()
            );
        }
        if let Some(other) = macs.insert(device.mac, socket) {
            bail!(
                "devices {} and {} have the same Ethernet address {:?}; give each its own mac=",
                other.display(),
                socket.display(),
                device.mac
            );
        }
        if let Some(other) = guids.insert(device.guid, socket) {
            bail!(
                "devices {} and {} have the same GUID {:#x}; give each its own guid=",
                other.display(),
                socket.display(),
                device.guid
            );
        }
    }
    Ok(())
}

/// Splits `key=value,key=value`; each key once.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut seen = HashSet::new();
    text.split(',')
        .map(|part| {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not key=value"))?;
            if !seen.insert(key) {
                return Err(format!("{key}= is given twice"));
            }
            Ok((key, value))
        })
        .collect()
}

/// Parses the value of `--device`.
///
/// # Errors
/// A message that says which part is wrong.
pub fn parse_device(text: &str) -> Result<DeviceOptions, String> {
    let choice =
        |key, value, choices| format!("{key}={value} is not possible; choose one of {choices}");
    let mut options = DeviceOptions::default();
    for (key, value) in pairs(text)? {
        match key {
            "socket" => options.socket = value.into(),
            "mac" => options.mac = Some(parse_mac(value)?),
            "guid" => options.guid = Some(parse_guid(value)?),
            "doorbell" => {
                options.doorbell = match value {
                    "mmap" => Doorbell::Mmap,
                    "trap" => Doorbell::Trap,
                    _ => return Err(choice(key, value, "mmap, trap")),
                }
            }
            "irq" => {
                options.irq = match value {
                    "msix" => Irq::Msix,
                    "msi" => Irq::Msi,
                    _ => return Err(choice(key, value, "msix, msi")),
                }
            }
            _ => {
                return Err(format!(
                    "{key}= is unknown; a device has socket, mac, guid, doorbell and irq"
                ));
            }
        }
    }
    if options.socket.as_os_str().is_empty() {
        return Err("a device needs socket=PATH".into());
    }
    Ok(options)
}

/// Parses an Ethernet address.
fn parse_mac(text: &str) -> Result<MacAddr, String> {
    let wrong = || format!("`{text}` is no Ethernet address; write it as 02:00:00:00:00:01");
    let mut octets = [0; 6];
    let mut parts = text.split([':', '-']);
    for octet in &mut octets {
        let part = parts.next().filter(|p| p.len() == 2).ok_or_else(wrong)?;
        *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
    }
    match parts.next() {
        None => Ok(MacAddr(octets)),
        Some(_) => Err(wrong()),
    }
}

fn parse_guid(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| format!("`{text}` is no GUID; write it as 0x020000fffe000001"))
}

fn text_mac<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<MacAddr>, D::Error> {
    let text = String::deserialize(from)?;
    parse_mac(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn options(arguments: &[&str]) -> Result<ServeOptions, clap::Error> {
        let all = ["rnic", "serve"].iter().chain(arguments);
        let parsed = crate::cli::Arguments::try_parse_from(all)?;
        match parsed.command {
            Some(crate::cli::Command::Serve(options)) => Ok(*options),
            other => panic!("{other:?}"),
        }
    }

    fn config(arguments: &[&str]) -> anyhow::Result<Config> {
        Config::from_options(options(arguments)?)
    }

    #[test]
    fn a_socket_is_enough_and_the_rest_is_the_same_at_every_start() {
        let first = config(&["--device", "socket=a"]).unwrap();
        let again = config(&["--device", "socket=a", "--device", "socket=b"]).unwrap();
        let [a, b] = &again.devices[..] else { panic!() };
        assert_eq!(first.devices[0].mac, a.mac);
        assert_eq!(first.devices[0].guid, a.guid);
        assert_ne!(a.mac, b.mac);
        assert_ne!(a.guid, b.guid);
        assert_eq!(a.mac.0[0] & 3, 2, "locally administered, unicast");
        assert_eq!((a.doorbell, a.irq), (Doorbell::Mmap, Irq::Msix));
        assert_eq!((first.mtu, first.workers, first.segments), (9000, 1, true));
    }

    #[test]
    fn everything_can_be_said() {
        let device = "socket=/a,mac=02:00:00:00:00:09,guid=0x1234,doorbell=trap,irq=msi";
        let config = config(&[
            "--device",
            device,
            "--workers",
            "4",
            "--segments",
            "off",
            "--spin-us",
            "7",
            "--port",
            "dgram,local=x,remote=y",
            "--port",
            "udp,local=[::1]:1,remote=[::1]:2,mtu=1400",
            "--speed",
            "1000",
        ])
        .unwrap();
        let [d] = &config.devices[..] else { panic!() };
        assert_eq!(d.mac, MacAddr([2, 0, 0, 0, 0, 9]));
        assert_eq!(
            (d.guid, d.doorbell, d.irq),
            (0x1234, Doorbell::Trap, Irq::Msi)
        );
        // Not more workers than devices; the smallest MTU of all wires.
        assert_eq!(
            (config.workers, config.mtu, config.segments),
            (1, 1400, false)
        );
        assert_eq!(
            (config.spin, config.speed_mbps),
            (Duration::from_micros(7), 1000)
        );
        assert_eq!(config.wires.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (arguments, says) in [
            (&[][..], "at least one --device"),
            (&["--device", "mac=02:00:00:00:00:01"], "needs socket=PATH"),
            (
                &["--device", "socket=a,mac=02:00:00:00:00"],
                "is no Ethernet address",
            ),
            (
                &["--device", "socket=a,mac=01:00:00:00:00:01"],
                "is no address of a device",
            ),
            (
                &["--device", "socket=a,doorbell=poll"],
                "choose one of mmap, trap",
            ),
            (&["--device", "socket=a,color=red"], "color= is unknown"),
            (&["--device", "socket=a,socket=b"], "socket= is given twice"),
            (&["--device", "socket"], "is not key=value"),
            (&["--device", "socket=a,guid=xyz"], "is no GUID"),
            (
                &["--device", "socket=a", "--device", "socket=./a"],
                "two devices at socket",
            ),
            (
                &["--device", "socket=a,guid=1", "--device", "socket=b,guid=1"],
                "the same GUID",
            ),
            (
                &[
                    "--device",
                    "socket=a,mac=02:00:00:00:00:01",
                    "--device",
                    "socket=b,mac=02:00:00:00:00:01",
                ],
                "the same Ethernet address",
            ),
            (
                &["--device", "socket=a", "--port", "dgram"],
                "a port is none",
            ),
            (
                &[
                    "--device",
                    "socket=a",
                    "--speed",
                    "2000",
                    "--port",
                    "tap,name=t0,rate=1G",
                ],
                "more than the 1000 Mbit/s",
            ),
            (
                &[
                    "--device",
                    "socket=a",
                    "--port",
                    "dgram,local=x,remote=y,mtu=100",
                ],
                "choose one from 576 to 9216",
            ),
            (
                &["--device", "socket=a", "--workers", "0"],
                "choose 1 to 64",
            ),
            (
                &["--device", "socket=a", "--config", "/nonexistent"],
                "cannot read /nonexistent",
            ),
        ] {
            let error = config(arguments).map(|_| ()).unwrap_err();
            assert!(
                format!("{error:#}").contains(says),
                "{arguments:?}: {error:#}"
            );
        }
    }

    #[test]
    fn a_file_says_the_same_and_the_command_line_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rnic.toml");
        let plan = dir.path().join("plan.json");
        fs::write(
            &plan,
            r#"{"seed": 3, "rules": [{"site": "frame-in", "fault": "drop", "every": 10}]}"#,
        )
        .unwrap();
        fs::write(
            &path,
            format!(
                "workers = 2\nsegments = false\nspin-us = 5\nfault-plan = {plan:?}\n\
                 [[device]]\nsocket = \"/a\"\nmac = \"02:00:00:00:00:01\"\nirq = \"msi\"\n\
                 [[device]]\nsocket = \"/b\"\ndoorbell = \"trap\"\n\
                 [[port]]\ntype = \"dgram\"\nlocal = \"x\"\nremote = \"y\"\nmtu = 2000\n"
            ),
        )
        .unwrap();
        let path = path.to_str().unwrap();
        let config =
            config(&["--config", path, "--spin-us", "9", "--device", "socket=/c"]).unwrap();
        assert_eq!(config.devices.len(), 3);
        assert_eq!(config.devices[0].irq, Irq::Msi);
        assert_eq!(config.devices[1].doorbell, Doorbell::Trap);
        assert_eq!(
            (config.workers, config.mtu, config.segments),
            (2, 2000, false)
        );
        assert_eq!(config.spin, Duration::from_micros(9));
        assert!(!config.faults.is_empty());
        fs::write(path, "wrokers = 2\n").unwrap();
        let error = super::Config::from_options(options(&["--config", path]).unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("wrokers"), "{error:#}");
    }
}
