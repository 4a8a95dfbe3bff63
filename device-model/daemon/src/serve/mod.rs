//! The daemon: devices on vfio-user sockets.
//!
//! ```text
//!   client --socket--> worker --> session/function --> Device (rnic-firmware)
//!                        |            |
//!                        |            +-- host: doorbells, interrupts, clock, port, neighbours
//!                        +-- other devices: segments (neighbours) and frames (rnic-net's fabric), wires
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `function` | a device with what its client has given it |
//! | `session` | what the client says to it |
//! | `host` | what the device needs from its host |
//! | `neighbours` | how devices of one process reach each other, and waking |
//! | `wire` | frames to and from other processes |
//! | `worker` | the thread that owns devices |
//! | `report`, `signals` | what is shown, what ends it |
//!
//! The main thread serves the control socket (`crate::control`) and touches no device.

mod function;
mod host;
mod neighbours;
mod report;
mod session;
mod signals;
mod wire;
mod worker;

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow};
use rnic_abi::feature;
use rnic_core::dma::{FilePolicy, SharedMemory};
use rnic_core::env::{Nanos, NeighbourId, PortInfo};
use rnic_core::pci::Delivery;
use rnic_firmware::{Config as DeviceConfig, Device, Signalling};

use crate::cli::{Doorbell, Irq};
use rnic_net::capture::Capture;
use rnic_net::fabric::{Fabric, Wake};
use rnic_net::port::{Link, dgram::DgramLink, stream::StreamLink, tap::TapLink, udp::UdpLink};
use vfio_user_server::{Listener, Server};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::config::{Config, PortKind};
use crate::control;
use function::Function;
use host::{Host, Vectors};
use neighbours::{Neighbours, PortWaker, Waker};
pub use report::{DeviceReport, PortReport};
pub use signals::Signals;
use wire::Wire;
pub use worker::Request;
use worker::Worker;

/// Messages of a function with MSI (PCI Express 7.7.1).
pub const MSI_VECTORS: u32 = 32;

/// How the main thread reaches a worker.
pub struct WorkerHandle {
    requests: Sender<Request>,
    waker: Arc<Waker>,
}

impl WorkerHandle {
    /// Asks the worker something. It answers soon, or has ended.
    pub fn ask(&self, request: Request) {
        // A worker that has ended drops the request, and with it the way to answer.
        let _ = self.requests.send(request);
        self.waker.wake();
    }
}

/// Serves until a signal comes, the control socket says so, or a worker fails.
///
/// # Errors
/// If something cannot be set up, or a worker failed.
pub fn run(config: &Config) -> anyhow::Result<()> {
    // First, so that every thread inherits the mask.
    let signals = Signals::new().context("signals cannot be taken")?;
    let wakers = (0..config.workers).map(|_| Waker::new().map(Arc::new));
    let wakers: Vec<Arc<Waker>> = wakers.collect::<Result<_, _>>().context("no descriptors")?;
    let capture = Arc::new(Capture::new(port_names(config)));
    if let Some(path) = &config.capture {
        capture.start(path, &[]).context("--capture")?;
    }
    let controller = control::Server::new(config, signals, Arc::clone(&capture))?;
    let ended = EventFd::new(EFD_NONBLOCK).context("no descriptors")?;

    let mut workers = Vec::new();
    let mut handles = Vec::new();
    for (part, waker) in build(config, &wakers, &capture)?.into_iter().zip(&wakers) {
        let (requests, inbox) = channel();
        let waker = Arc::clone(waker);
        handles.push(WorkerHandle {
            requests,
            waker: Arc::clone(&waker),
        });
        workers.push(Worker::new(
            part.functions,
            part.wires,
            waker,
            inbox,
            config.spin,
        )?);
    }
    let mut threads = Vec::new();
    for (index, worker) in workers.into_iter().enumerate() {
        let guard = Ended(ended.try_clone().context("no descriptors")?);
        let body = move || {
            let _guard = guard;
            worker::run(worker)
        };
        let builder = thread::Builder::new().name(format!("worker{index}"));
        threads.push(builder.spawn(body).context("no thread")?);
    }
    let served = controller.run(&handles, &ended);
    for handle in &handles {
        handle.ask(Request::Stop);
    }
    let mut result = served;
    for thread in threads {
        let ended = thread.join();
        let ended = ended.unwrap_or_else(|_| Err(anyhow!("a worker panicked; see above")));
        result = result.and(ended);
    }
    if capture.is_on() {
        result = result.and(capture.stop().map(drop).context("--capture"));
    }
    result
}

/// Tells the main thread that a worker has ended, however it did.
struct Ended(EventFd);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.write(1);
    }
}

/// What one worker is to own.
#[derive(Default)]
struct Part {
    functions: Vec<(Function, Server)>,
    wires: Vec<Wire>,
}

fn build(
    config: &Config,
    wakers: &[Arc<Waker>],
    capture: &Arc<Capture>,
) -> anyhow::Result<Vec<Part>> {
    // Devices go round the workers; wires belong to the first.
    let worker_of = |index: usize| index.checked_rem(wakers.len()).unwrap_or(0);
    let waker_of = |index: usize| {
        let waker = wakers.get(worker_of(index)).map(Arc::clone);
        waker.context("there is no worker")
    };
    let device_wakers = (0..config.devices.len()).map(waker_of);
    let device_wakers: Vec<_> = device_wakers.collect::<Result<_, _>>()?;
    let mut port_wakers = device_wakers.clone();
    for _ in &config.wires {
        port_wakers.push(waker_of(0)?);
    }
    let wakers_of_ports = port_wakers
        .into_iter()
        .map(|w| Box::new(PortWaker(w)) as Box<dyn Wake>);
    let mut ports = Fabric::build(wakers_of_ports.collect(), Arc::clone(capture))?.into_iter();
    let macs = config.devices.iter().map(|device| device.mac);
    let neighbours = device_wakers.into_iter().zip(macs).collect();
    let neighbours = Arc::new(Neighbours::new(neighbours, config.segments));
    let policy = if config.devices.len() > 1 && !config.allow_unsealed {
        FilePolicy::SealedShrink
    } else {
        FilePolicy::Any
    };

    let mut parts: Vec<Part> = Vec::new();
    parts.resize_with(wakers.len(), Part::default);
    let start = Instant::now();
    for (index, device) in config.devices.iter().enumerate() {
        let host = Host {
            id: NeighbourId(u32::try_from(index)?),
            doorbells: SharedMemory::new(rnic_abi::place::BAR_DOORBELLS_SIZE)
                .context("no memory for doorbells")?,
            mapped: false,
            vectors: Vectors::new(usize::try_from(session::messages(device.irq))?),
            port: PortInfo {
                up: true,
                mtu: config.mtu,
                speed_mbps: config.speed_mbps,
            },
            fabric: ports.next().context("there is no port")?,
            faults: config.faults.clone(),
            late: Vec::new(),
            owed: VecDeque::new(),
            found_full: false,
            neighbours: Arc::clone(&neighbours),
            start,
            clock: Nanos::ZERO,
        };
        let mut description = DeviceConfig {
            guid: device.guid,
            // Each has keys of its own from the host's random numbers.
            seed: RandomState::new().build_hasher().finish(),
            signalling: match device.irq {
                Irq::Msix => Signalling::MsiX(Delivery::External),
                Irq::Msi => Signalling::Msi,
            },
            ..DeviceConfig::new(device.mac)
        };
        if device.doorbell == Doorbell::Trap {
            // Every ring is a message: there is nothing to look for, so no summary and no sleep.
            description.features &= !(feature::SUMMARY | feature::PARKING);
        }
        let model = Device::new(description)?;
        let function = Function::new(model, host, device.doorbell, device.irq, policy)?;
        let listener = Listener::bind(&device.socket)
            .with_context(|| format!("device {index}: socket {}", device.socket.display()))?;
        log::info!("device {index} waits at {}", device.socket.display());
        if let Some(part) = parts.get_mut(worker_of(index)) {
            part.functions.push((function, Server::new(listener)));
        }
    }
    for ((options, port), index) in config.wires.iter().zip(ports).zip(0u32..) {
        let Some(kind) = &options.kind else {
            continue;
        };
        let link = link(kind, options.mtu())?;
        if let Some(part) = parts.first_mut() {
            let name = kind.name();
            part.wires
                .push(Wire::new(index, name, link, port, options.shape));
        }
    }
    Ok(parts)
}

/// Makes the link of a port.
fn link(kind: &PortKind, mtu: u32) -> anyhow::Result<Box<dyn Link>> {
    Ok(match kind {
        PortKind::Dgram { local, remote } => Box::new(
            DgramLink::new(local, remote)
                .with_context(|| format!("--port kind=dgram: socket {}", local.display()))?,
        ),
        PortKind::Listen(path) => Box::new(
            StreamLink::listen(path)
                .with_context(|| format!("--port kind=stream: socket {}", path.display()))?,
        ),
        PortKind::Connect(path) => Box::new(
            StreamLink::connect(path)
                .with_context(|| format!("--port kind=stream: socket {}", path.display()))?,
        ),
        PortKind::Udp { local, remote } => Box::new(
            UdpLink::new(*local, *remote)
                .with_context(|| format!("--port kind=udp: {local} to {remote}"))?,
        ),
        PortKind::Tap(name) => {
            let link =
                TapLink::new(name).with_context(|| format!("--port kind=tap: interface {name}"))?;
            if let Some(own) = link.mtu().filter(|own| *own < mtu) {
                log::warn!(
                    "interface {name} has an MTU of {own} and the port one of {mtu}, so long frames \
                     are lost; give mtu={own}, or sudo ip link set {name} mtu {mtu}"
                );
            }
            Box::new(link)
        }
    })
}

/// The ports as a capture names them: devices first, then wires.
fn port_names(config: &Config) -> Vec<String> {
    let devices = (0..config.devices.len()).map(|n| format!("device{n}"));
    let wires = config.wires.iter().enumerate();
    let wires = wires.filter_map(|(n, wire)| Some(format!("{}{n}", wire.kind.as_ref()?.name())));
    devices.chain(wires).collect()
}
