//! A device: hardware, PCI function and control plane behind one set of calls.
//!
//! One worker owns a [`Device`] and makes all calls; none blocks, and [`Device::run`] is bounded
//! by its budget. Everything from outside comes through the [`Env`] that each call is given.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rnic_abi::consts::{MSIX_PBA_OFFSET, MSIX_TABLE_OFFSET};
use rnic_abi::{BARS, CounterId, feature, interface, limit, place};
use rnic_core::dma::DmaSpace;
use rnic_core::env::{Budget, Env, Nanos, Progress};
use rnic_core::hardware::{Effect, Hardware, Identity};
use rnic_core::interrupt::{VECTORS, VectorState};
use rnic_core::pci::{
    self, Bar, BarKind, Delivery, Description, DescriptionError, Function, LinkSpeed, MaxPayload,
};
use rnic_core::segment::{Body, Segment};
use rnic_mutant::mutant;
use rnic_wire::eth::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use rnic_wire::{
    ArpFrame, EthHeader, Ext, Frame, Gid, MacAddr, NdFrame, PKey, Protocol, QKey, Qpn,
};

use crate::cm::Origin;
use crate::command::{Commands, Control};
use crate::plane::Plane;

/// Features that the model offers.
pub const FEATURES: u64 = feature::SUMMARY
    | feature::PARKING
    | feature::SRQ
    | feature::MEMORY_WINDOWS
    | feature::CQ_RESIZE
    | feature::CQ_MODERATION
    | feature::ATOMICS
    | feature::LOOPBACK
    | feature::TIMESTAMPS
    | feature::PRIVILEGED_KEYS
    | feature::CONNECTIONS
    | feature::ETHERNET
    | feature::ETH_RSS
    | feature::ETH_LSO
    | feature::CONGESTION_CONTROL
    | feature::FLOW_CONTROL
    | feature::UC
    | feature::UD;

/// How a function signals interrupts, and who decides whether a vector may fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalling {
    /// An MSI-X capability; the table decides, or the host.
    MsiX(Delivery),
    /// An MSI capability instead, no [`place::BAR_MSIX`]; the host decides `[INT-6]`.
    Msi,
}

/// What a device is made from.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// EUI-64, not zero, different for each function `[REG-9]`.
    pub guid: u64,
    /// Permanent Ethernet address, unicast `[REG-10]`.
    pub mac: MacAddr,
    /// Features to offer, of [`FEATURES`]; others are left out.
    pub features: u64,
    /// Interrupts.
    pub signalling: Signalling,
    /// Where the random numbers of the control plane begin; another one at each power-up `[CM-20]`.
    pub seed: u64,
}

impl Config {
    /// A device with this address that offers everything, with a GUID made of the address, which is the seed as well: two
    /// such devices do the same.
    #[must_use]
    pub fn new(mac: MacAddr) -> Self {
        let guid = u64::from_be_bytes(mac.eui64());
        Self {
            guid,
            seed: guid,
            mac,
            features: FEATURES,
            signalling: Signalling::MsiX(Delivery::External),
        }
    }
}

/// Why a device cannot be made of a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The GUID is zero.
    #[error("a device's GUID must not be zero; give each device its own")]
    Guid,
    /// The address is multicast, or zero.
    #[error("{0:?} is no address of a device: give a unicast Ethernet address that is not zero")]
    Mac(MacAddr),
    /// The PCI function is impossible.
    #[error(transparent)]
    Function(#[from] DescriptionError),
}

/// Kinds of reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Of the device alone, as by `DEVICE_CONTROL.reset` `[RESET-1]`.
    Device,
    /// PCI Express function level reset `[RESET-2]`.
    FunctionLevel,
    /// Conventional reset of the function: power-up, or the host's reset of the whole machine.
    Conventional,
}

/// One rnic device.
pub struct Device {
    hardware: Hardware,
    function: Function,
    commands: Commands,
    pub(crate) plane: Plane,
    /// When the device last ran.
    last_run: Nanos,
}

/// Commands that one run begins, so that commands and queues cannot starve each other.
const COMMANDS_A_RUN: u32 = 16;

/// How often a command that waits for others (DMA of a neighbour) is looked at, in nanoseconds.
const WAIT_INTERVAL: u64 = 100_000;

impl Device {
    /// A device after power-up.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        if config.guid == 0 {
            return Err(ConfigError::Guid);
        }
        if config.mac.is_multicast() || config.mac.0 == [0; 6] {
            return Err(ConfigError::Mac(config.mac));
        }
        let function = Function::new(description(config.guid, config.signalling))?;
        let identity = Identity {
            guid: config.guid,
            mac: config.mac,
            firmware_version: FIRMWARE_VERSION,
            features: config.features & FEATURES,
        };
        let delivery = match config.signalling {
            Signalling::MsiX(delivery) => delivery,
            Signalling::Msi => Delivery::External,
        };
        Ok(Self {
            hardware: Hardware::new(identity, delivery),
            function,
            commands: Commands::new(),
            plane: Plane::new(config.mac, config.guid, config.seed),
            last_run: Nanos::ZERO,
        })
    }

    /// Reads a BAR. `data` is zero where the access is ignored.
    pub fn bar_read(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &mut [u8]) {
        if bar == place::BAR_MSIX && self.has_table() {
            let table = self.hardware.resources.interrupts.table();
            match msix_part(offset) {
                Some(MsixPart::Table(at)) => table.table_read(at, data),
                Some(MsixPart::Pending(at)) => table.pba_read(at, data),
                None => data.fill(0),
            }
            return;
        }
        self.hardware.bar_read(env, bar, offset, data);
    }

    /// Writes a BAR.
    pub fn bar_write(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &[u8]) {
        if bar == place::BAR_MSIX && self.has_table() {
            if let Some(MsixPart::Table(at)) = msix_part(offset) {
                let resources = &mut self.hardware.resources;
                let counters = &mut resources.counters;
                resources.interrupts.table_write(env, counters, at, data);
            }
            return;
        }
        match self.hardware.bar_write(env, bar, offset, data) {
            Effect::None | Effect::Run => (),
            Effect::Reset => self.reset(env, ResetKind::Device),
        }
    }

    /// Reads configuration space; bytes past its end read all ones.
    pub fn config_read(&self, offset: usize, data: &mut [u8]) {
        self.function.config_read(offset, data);
    }

    /// Writes configuration space. Function level reset and bus mastering arrive here.
    pub fn config_write(&mut self, env: &mut dyn Env, offset: usize, data: &[u8]) {
        for effect in self.function.config_write(offset, data) {
            match effect {
                pci::Effect::FlrRequested => self.reset_device(env, true),
                pci::Effect::BusMaster(on) => self.hardware.set_bus_master(on),
                pci::Effect::MsixControl {
                    enable,
                    function_mask,
                } => {
                    let resources = &mut self.hardware.resources;
                    let counters = &mut resources.counters;
                    let interrupts = &mut resources.interrupts;
                    interrupts.set_control(env, counters, enable, function_mask);
                }
                pci::Effect::MemoryEnable(_)
                | pci::Effect::PowerState(_)
                | pci::Effect::MsiControl { .. }
                | pci::Effect::MsiReady(_)
                | pci::Effect::BarMoved { .. } => (),
            }
        }
    }

    /// Whether there is an MSI-X table.
    fn has_table(&self) -> bool {
        self.function.description().interrupts != pci::Interrupts::Msi
    }

    /// The PCI function, for a host that decodes addresses itself.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// Resets the device, and configuration space when `kind` says so. Memory maps stay
    /// `[RESET-4]`.
    pub fn reset(&mut self, env: &mut dyn Env, kind: ResetKind) {
        let function = match kind {
            ResetKind::Device => None,
            ResetKind::FunctionLevel => Some(pci::ResetKind::FunctionLevel),
            ResetKind::Conventional => Some(pci::ResetKind::Conventional),
        };
        // [CM-19] By a machine that went down, or whose process died. A driver that resets knows what it does [RESET-3].
        if kind == ResetKind::Conventional {
            self.control(env).prepare_farewells();
        }
        if let Some(kind) = function {
            self.function.reset(kind);
            self.hardware.set_bus_master(self.function.bus_master());
        }
        self.reset_device(env, function.is_some());
    }

    /// Everything above configuration space, whatever was under way `[RESET-3]`. The MSI-X table belongs to the function and survives
    /// a reset of the device alone.
    fn reset_device(&mut self, env: &mut dyn Env, function: bool) {
        self.commands.reset();
        if !mutant("RESET-3/plane") {
            self.plane.reset();
        }
        if function && !mutant("RESET-2/table") {
            self.hardware.resources.interrupts.reset_function();
        }
        self.hardware.reset(env);
    }

    /// Takes the host's memory as it is from now on.
    pub fn dma_changed(&mut self, _env: &mut dyn Env, space: Arc<DmaSpace>) {
        self.hardware.dma_changed(space);
    }

    /// Connects or masks vector `n`, with [`Delivery::External`]; what is pending fires when it
    /// becomes connected `[INT-4]`. A vector that does not exist is ignored.
    pub fn set_vector(&mut self, env: &mut dyn Env, n: u16, state: VectorState) {
        let resources = &mut self.hardware.resources;
        let counters = &mut resources.counters;
        resources.interrupts.set_state(env, counters, n, state);
    }

    /// Takes a frame from the port, without frame check sequence.
    pub fn frame_received(&mut self, env: &mut dyn Env, frame: &[u8]) {
        match rnic_wire::classify(frame) {
            Ok(Protocol::Roce) if self.is_for_queue_pairs(frame) && !mutant("ETH-8/passes") => {
                match Frame::parse(frame) {
                    Ok(roce) if roce.packet.bth.dest_qpn == Qpn::GSI => {
                        self.qp1_received(env, &roce);
                    }
                    parsed => self.hardware.roce_received(env, parsed),
                }
                return;
            }
            Ok(Protocol::Arp) if self.hardware.is_enabled() => {
                if let Ok(arp) = ArpFrame::parse(frame) {
                    self.control(env).arp_received(&arp);
                }
            }
            Ok(Protocol::NeighborDiscovery) if self.hardware.is_enabled() => {
                if let Ok(nd) = NdFrame::parse(frame) {
                    self.control(env).nd_received(&nd);
                }
            }
            _ => (),
        }
        self.hardware.lane_received(env, frame);
    }

    /// Whether a RoCEv2 frame is to this device at one of its addresses: such a frame never
    /// reaches the guest's stack, good or not `[ETH-8]`.
    fn is_for_queue_pairs(&self, frame: &[u8]) -> bool {
        let Ok((header, ethertype, packet)) = EthHeader::parse(frame) else {
            return false;
        };
        let addresses = &self.plane.addresses;
        let to_us = header.dst == addresses.mac() || header.dst.is_multicast();
        to_us
            && destination(ethertype, packet)
                .is_some_and(|destination| addresses.find(destination).is_some())
    }

    /// A datagram for queue pair 1: the connection manager's `[ROCE-2]`.
    fn qp1_received(&mut self, env: &mut dyn Env, frame: &Frame<'_>) {
        let enabled = self.hardware.is_enabled();
        let managed = self.hardware.resources.has(feature::CONNECTIONS);
        let counters = &mut self.hardware.resources.counters;
        let (bth, ip) = (&frame.packet.bth, &frame.envelope.ip);
        let qkey = match frame.packet.ext {
            Ext::Deth(deth) => Some(deth.qkey),
            _ => None,
        };
        if !enabled {
        } else if !PKey::DEFAULT.matches(bth.pkey) || qkey.is_some_and(|key| key != QKey::GSI) {
            counters.count(CounterId::DROPPED_KEY);
        } else if qkey.is_none() || !managed {
            counters.count(CounterId::DROPPED_NO_QP);
        } else {
            let origin = Origin {
                source: ip.src_gid(),
                destination: ip.dst_gid(),
                mac: Some(frame.envelope.eth.src),
            };
            self.control(env)
                .mad_received(&origin, frame.packet.payload);
        }
    }

    /// Takes a segment from a neighbour in the same process.
    pub fn segment_received(&mut self, env: &mut dyn Env, segment: Segment) {
        let Body::Cm(mad) = &segment.body else {
            self.hardware.segment_received(env, segment);
            return;
        };
        if self.hardware.is_enabled() {
            let origin = Origin {
                source: segment.source_gid,
                destination: segment.destination_gid,
                mac: None,
            };
            self.control(env).mad_received(&origin, mad);
        }
    }

    pub(crate) fn control<'a>(&'a mut self, env: &'a mut dyn Env) -> Control<'a> {
        Control {
            hardware: &mut self.hardware,
            plane: &mut self.plane,
            env,
        }
    }

    /// Does work: commands, doorbells, queues, timers; bounded by `budget`, so that other functions
    /// have their turn `[CONV-12]`.
    pub fn run(&mut self, env: &mut dyn Env, mut budget: Budget) -> Progress {
        self.last_run = env.now();
        let mut control = Control {
            hardware: &mut self.hardware,
            plane: &mut self.plane,
            env,
        };
        let mut progress = Progress::Busy;
        for _ in 0..COMMANDS_A_RUN {
            let Some(command) = control.hardware.next_command(control.env) else {
                progress = Progress::Idle;
                break;
            };
            self.commands.execute(&mut control, command);
            if !budget.take_op() {
                break;
            }
        }
        progress = progress.and(control.hardware.run(control.env, &mut budget));
        self.commands.poll(&mut control);
        control.run_connections();
        if self.plane.connections.is_busy() {
            progress = Progress::Busy;
        }
        progress
    }

    /// When there is something to do by time alone.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        let waits = self.commands.is_waiting() || self.hardware.is_resetting();
        let timers = [
            self.hardware.next_timer(),
            self.plane.connections.next_timer(),
            self.plane.neighbours.next_timer(),
            self.plane.farewells.next_timer(),
            waits.then(|| self.last_run.after(WAIT_INTERVAL)),
        ];
        timers.into_iter().flatten().min()
    }

    /// Whether [`Device::run`] must be called again and again, because doorbells may change
    /// without the host's knowing `[PARK-3]`.
    #[must_use]
    pub fn must_poll(&self, env: &dyn Env) -> bool {
        self.hardware.must_poll(env)
    }

    /// Prepares to sleep until an access, a frame, a segment or a timer: true when nothing is left
    /// to do and the driver knows that it must kick `[PARK-1]`. Any run wakes the device.
    pub fn prepare_park(&mut self, env: &mut dyn Env) -> bool {
        self.hardware.prepare_park(env)
    }

    /// Tells the driver that the device looks at doorbells again. [`Device::run`] does it too.
    pub fn unpark(&mut self) {
        self.hardware.unpark();
    }

    /// Addresses that the device answers at, for a host that looks for neighbours.
    pub fn addresses(&self) -> impl Iterator<Item = Gid> {
        self.plane.gids()
    }

    /// The hardware below, for a host that shows counters and states.
    #[must_use]
    pub fn hardware(&self) -> &Hardware {
        &self.hardware
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

/// Version of this implementation, from the package.
const FIRMWARE_VERSION: (u8, u8, u8) = (
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
);

/// A decimal number, modulo 256.
const fn number(text: &str) -> u8 {
    let mut rest = text.as_bytes();
    let mut value = 0u8;
    while let [digit, tail @ ..] = rest {
        value = value
            .wrapping_mul(10)
            .wrapping_add(digit.wrapping_sub(b'0'));
        rest = tail;
    }
    value
}

/// The destination of an IP packet.
fn destination(ethertype: u16, packet: &[u8]) -> Option<Gid> {
    match ethertype {
        ETHERTYPE_IPV4 => {
            let raw: &[u8; 4] = packet.get(16..)?.first_chunk()?;
            Some(Gid::from(Ipv4Addr::from(*raw)))
        }
        ETHERTYPE_IPV6 => {
            let raw: &[u8; 16] = packet.get(24..)?.first_chunk()?;
            Some(Gid::from(Ipv6Addr::from(*raw)))
        }
        _ => None,
    }
}

enum MsixPart {
    Table(u64),
    Pending(u64),
}

/// What lies at an offset of the MSI-X BAR.
fn msix_part(offset: u64) -> Option<MsixPart> {
    const ENTRY_BYTES: u64 = 16;
    let table = u64::from(MSIX_TABLE_OFFSET);
    let pending = u64::from(MSIX_PBA_OFFSET);
    let vectors = u64::from(VECTORS);
    if (table..table + vectors * ENTRY_BYTES).contains(&offset) {
        Some(MsixPart::Table(offset - table))
    } else if (pending..pending + vectors.div_ceil(64) * 8).contains(&offset) {
        Some(MsixPart::Pending(offset - pending))
    } else {
        None
    }
}

/// The function, as `spec/interface.toml` has it.
fn description(serial_number: u64, signalling: Signalling) -> Description {
    let interrupts = match signalling {
        Signalling::MsiX(_) => pci::Interrupts::MsiX {
            vectors: VECTORS,
            table_bar: place::BAR_MSIX,
            table_offset: MSIX_TABLE_OFFSET,
            pba_bar: place::BAR_MSIX,
            pba_offset: MSIX_PBA_OFFSET,
        },
        Signalling::Msi => pci::Interrupts::Msi,
    };
    let [programming, subclass, class, _] = interface::CLASS_CODE.to_le_bytes();
    let needed = |index| signalling != Signalling::Msi || index != place::BAR_MSIX;
    let bars = BARS.iter().filter(|bar| needed(bar.index)).map(|bar| Bar {
        index: bar.index,
        kind: BarKind::Memory64,
        size: bar.size,
        // A store to a doorbell must not wait to be merged with others.
        prefetchable: false,
    });
    Description {
        vendor_id: interface::VENDOR_ID,
        device_id: interface::DEVICE_ID,
        revision: interface::REVISION,
        class: [class, subclass, programming],
        subsystem_vendor_id: interface::SUBSYSTEM_VENDOR_ID,
        subsystem_id: interface::SUBSYSTEM_ID,
        bars: bars.collect(),
        interrupts,
        max_payload: MaxPayload::B512,
        link_speed: LinkSpeed::Gt5,
        link_width: 16,
        serial_number: Some(serial_number),
    }
}

const _: () = assert!(limit::VECTORS == VECTORS as u64);

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
