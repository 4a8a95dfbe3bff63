//! The main thread: control socket and signals, with an event loop of its own.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use rnic_net::capture::Capture;
use serde_json::{Value, json};
use vfio_user_server::Listener;
use vmm_sys_util::eventfd::EventFd;

use super::protocol::{self, Request};
use crate::config::Config;
use crate::serve::{self, DeviceReport, Signals, WorkerHandle};

/// Clients at a time.
const MAX_CLIENTS: usize = 16;
/// Longest request, with its end of line.
const MAX_LINE: usize = 4096;
/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

const SIGNALS: u32 = 0;
const ENDED: u32 = 1;
const LISTENER: u32 = 2;
const CLIENT: u32 = 3;

/// What the main thread serves.
pub struct Server {
    listener: Option<Listener>,
    signals: Signals,
    devices: Vec<Value>,
    capture: Arc<Capture>,
}

impl Server {
    /// Makes the control socket, if one is asked for.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(config: &Config, signals: Signals, capture: Arc<Capture>) -> anyhow::Result<Self> {
        let listener = match &config.control {
            None => None,
            Some(path) => Some(
                Listener::bind(path).with_context(|| format!("--control {}", path.display()))?,
            ),
        };
        let describe = |device: &crate::config::Device| {
            json!({
                "socket": device.socket,
                "mac": device.mac.0.map(|octet| format!("{octet:02x}")).join(":"),
                "guid": format!("{:#018x}", device.guid),
                "doorbell": format!("{:?}", device.doorbell).to_lowercase(),
                "irq": format!("{:?}", device.irq).to_lowercase(),
            })
        };
        Ok(Self {
            listener,
            signals,
            devices: config.devices.iter().map(describe).collect(),
            capture,
        })
    }

    /// Serves until a signal comes, a client says so, or a worker ends.
    ///
    /// # Errors
    /// If the event loop fails.
    pub fn run(self, workers: &[WorkerHandle], ended: &EventFd) -> anyhow::Result<()> {
        let lost = |error| anyhow!("the event loop failed: {error}");
        let mut manager = EventManager::new().map_err(lost)?;
        let id = manager.add_subscriber(Loop {
            server: self,
            workers,
            ended,
            clients: HashMap::new(),
            stop: false,
        });
        while !manager.subscriber_mut(id).map_err(lost)?.stop {
            manager.run().map_err(lost)?;
        }
        Ok(())
    }
}

struct Client {
    stream: UnixStream,
    line: Vec<u8>,
}

struct Loop<'a> {
    server: Server,
    workers: &'a [WorkerHandle],
    ended: &'a EventFd,
    clients: HashMap<RawFd, Client>,
    stop: bool,
}

impl Loop<'_> {
    fn accept(&mut self, ops: &mut EventOps<'_>) {
        let Some(listener) = &self.server.listener else {
            return;
        };
        let stream = match listener.accept() {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(error) => {
                log::warn!("a control client cannot be accepted: {error}");
                // Out of descriptors, most likely: without a pause this would be all we do.
                std::thread::sleep(Duration::from_millis(50));
                return;
            }
        };
        if self.clients.len() >= MAX_CLIENTS || stream.set_nonblocking(true).is_err() {
            log::warn!("refused a control client: {MAX_CLIENTS} are there");
            return;
        }
        let fd = stream.as_raw_fd();
        if let Err(error) = ops.add(Events::with_data_raw(fd, CLIENT, EventSet::IN)) {
            log::warn!("a control client cannot be served: {error}");
            return;
        }
        let line = Vec::new();
        self.clients.insert(fd, Client { stream, line });
    }

    /// Reads from a client; false when it is to go.
    fn serve(&mut self, fd: RawFd) -> bool {
        let Some(mut client) = self.clients.remove(&fd) else {
            return false;
        };
        let mut buffer = [0; MAX_LINE];
        let length = match client.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.clients.insert(fd, client);
                return true;
            }
            Err(_) => return false,
        };
        client
            .line
            .extend_from_slice(buffer.get(..length).unwrap_or_default());
        while let Some(end) = client.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = client.line.drain(..=end).collect();
            let answer = self.answer(&line);
            // A client that does not read its answers goes.
            if client.stream.write_all(answer.as_bytes()).is_err() {
                return false;
            }
        }
        if client.line.len() >= MAX_LINE {
            let answer = protocol::failure("a request is one line of at most 4095 bytes");
            let _ = client.stream.write_all(answer.as_bytes());
            return false;
        }
        self.clients.insert(fd, client);
        true
    }

    fn answer(&mut self, line: &[u8]) -> String {
        let request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return protocol::failure(&format!("no request: {error}")),
        };
        match self.execute(&request) {
            Ok(value) => protocol::success(&value),
            Err(error) => protocol::failure(&format!("{error:#}")),
        }
    }

    fn execute(&mut self, request: &Request) -> anyhow::Result<Value> {
        match request {
            Request::QueryDevices => {
                let mut devices = Vec::new();
                for report in self.reports()? {
                    let mut value = serde_json::to_value(&report)?;
                    let place = usize::try_from(report.device)?;
                    if let (Some(value), Some(Value::Object(about))) =
                        (value.as_object_mut(), self.server.devices.get(place))
                    {
                        value.extend(about.clone());
                    }
                    devices.push(value);
                }
                Ok(Value::Array(devices))
            }
            Request::QueryCounters { device } => {
                let reports = self.reports()?.into_iter();
                let wanted = reports.filter(|r| device.is_none_or(|d| d == r.device));
                let list: Vec<_> = wanted
                    .map(|r| json!({"device": r.device, "counters": r.counters}))
                    .collect();
                match device {
                    Some(device) if list.is_empty() => Err(self.no_device(*device)),
                    _ => Ok(Value::Array(list)),
                }
            }
            Request::QueryPorts => {
                let mut ports = self.gather(serve::Request::Ports)?;
                ports.sort_by_key(|port| port.port);
                Ok(serde_json::to_value(ports)?)
            }
            Request::SetLink { device, up } => {
                for worker in self.workers {
                    let (done, answer) = channel();
                    worker.ask(serve::Request::SetLink {
                        device: *device,
                        up: *up,
                        done,
                    });
                    if answer
                        .recv_timeout(PATIENCE)
                        .context("a worker does not answer")?
                    {
                        return Ok(json!({"device": device, "up": up}));
                    }
                }
                Err(self.no_device(*device))
            }
            Request::CaptureStart { file, ports } => {
                self.server.capture.start(file, ports)?;
                Ok(json!({"file": file}))
            }
            Request::CaptureStop => {
                let counts = self.server.capture.stop()?;
                Ok(json!({"frames": counts.frames, "left-out": counts.left_out}))
            }
            Request::QueryCapture => Ok(match self.server.capture.status() {
                None => Value::Null,
                Some((file, counts)) => json!({
                    "file": file,
                    "frames": counts.frames,
                    "left-out": counts.left_out,
                }),
            }),
            Request::Quit => {
                self.stop = true;
                Ok(json!({}))
            }
        }
    }

    fn no_device(&self, device: u32) -> anyhow::Error {
        let count = self.server.devices.len();
        anyhow!(
            "there is no device {device}; they are numbered from 0 to {}",
            count.saturating_sub(1)
        )
    }

    /// What all workers say of their devices, in order.
    fn reports(&self) -> anyhow::Result<Vec<DeviceReport>> {
        let mut all = self.gather(serve::Request::Report)?;
        all.sort_by_key(|report| report.device);
        Ok(all)
    }

    /// What all workers answer.
    fn gather<T>(
        &self,
        request: impl Fn(Sender<Vec<T>>) -> serve::Request,
    ) -> anyhow::Result<Vec<T>> {
        let (to, answers) = channel();
        for worker in self.workers {
            worker.ask(request(to.clone()));
        }
        let deadline = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        for _ in self.workers {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = answers.recv_timeout(left);
            all.extend(answer.context("a worker does not answer")?);
        }
        Ok(all)
    }
}

impl MutEventSubscriber for Loop<'_> {
    fn init(&mut self, ops: &mut EventOps<'_>) {
        let listener = self.server.listener.as_ref().map(|l| l.fd().as_raw_fd());
        let fds = [
            (Some(self.server.signals.fd()), SIGNALS),
            (Some(self.ended.as_raw_fd()), ENDED),
            (listener, LISTENER),
        ];
        for (fd, data) in fds {
            let Some(fd) = fd else { continue };
            if let Err(error) = ops.add(Events::with_data_raw(fd, data, EventSet::IN)) {
                log::error!("descriptor {fd} cannot be watched: {error}");
                self.stop = true;
            }
        }
    }

    fn process(&mut self, events: Events, ops: &mut EventOps<'_>) {
        match events.data() {
            SIGNALS => {
                if self.server.signals.take() {
                    log::info!("a signal ends the daemon");
                    self.stop = true;
                }
            }
            ENDED => self.stop = true,
            LISTENER => self.accept(ops),
            _ => {
                let fd = events.fd();
                // Before it is served, because it may be closed by that.
                let watched = Events::with_data_raw(fd, CLIENT, EventSet::IN);
                if let Err(error) = ops.remove(watched) {
                    log::warn!("a control client is lost: {error}");
                    self.clients.remove(&fd);
                } else if self.serve(fd)
                    && let Err(error) = ops.add(watched)
                {
                    log::warn!("a control client is lost: {error}");
                    self.clients.remove(&fd);
                }
            }
        }
    }
}
