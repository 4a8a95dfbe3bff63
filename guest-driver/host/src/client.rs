//! Verbs that wait: for tools and tests that have nothing else to do. One owner, one thread.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rnic_abi::{AccessFlags, CompletionStatus, Mtu, QpType};
use rnic_driver_core::{
    Accept, Address, AddressIndex, BringUp, CmInfo, CompletionEq, Config, Connect, ConnectionId,
    Cq, CqGeometry, Device, EndpointId, Error, Event, Failure, Key, ListenerId, Outcome, PdHandle,
    Qp, QpGeometry, QpReceive, Qpn, Region, Step, Token, Violation, Wc,
};
use rnic_driver_core::{Bounded, Eqn};
use rnic_platform::{DmaAccess, DmaBuffer, TestPlatform};

/// Why a client could not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientError {
    /// The driver says why.
    Driver(Error),
    /// What was waited for did not come.
    TimedOut(&'static str),
    /// A connection came to nothing: the event's status and the peer's reason.
    NotConnected(rnic_abi::Status, rnic_abi::RejectReason),
    /// A work request failed.
    Work(CompletionStatus, rnic_abi::ProviderError),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Driver(error) => write!(f, "{error}"),
            Self::TimedOut(what) => write!(f, "{what} did not come in time"),
            Self::NotConnected(status, reason) => {
                write!(f, "no connection: {status}, the peer's reason is {reason}")
            }
            Self::Work(status, error) => write!(f, "the work request failed: {status}, {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Violation> for ClientError {
    fn from(violation: Violation) -> Self {
        Self::Driver(violation.into())
    }
}

impl From<rnic_platform::PlatformError> for ClientError {
    fn from(error: rnic_platform::PlatformError) -> Self {
        Self::Driver(error.into())
    }
}

impl<P: TestPlatform> From<Failure<P>> for ClientError {
    fn from(failure: Failure<P>) -> Self {
        Self::Driver(failure.error)
    }
}

/// How long to look, and how often, before the first rest: what comes soon is taken without sleeping, and without a
/// message that the device would have to answer meanwhile.
const SPIN: Duration = Duration::from_micros(300);
const LOOKS: u32 = 20_000;
/// Looks before it lets others run between two of them: the device may have no processor.
const LOOKS_ALONE: u32 = 100;

/// A device and everything that waits for it.
pub struct Client<P: TestPlatform> {
    device: Device<P>,
    events: VecDeque<Event>,
    patience: Duration,
    next_cookie: u64,
    refusal: Option<CmInfo>,
}

/// Memory that was registered.
pub struct Memory<P: TestPlatform> {
    /// The memory; its DMA address is its virtual address too.
    pub buffer: P::Dma,
    /// Key, local and remote.
    pub key: Key,
}

/// A connection and the event that made it.
#[derive(Debug, Clone, Copy)]
pub struct Connected {
    /// Handle.
    pub connection: ConnectionId,
    /// Of its events.
    pub cookie: u64,
    /// What the event said.
    pub info: CmInfo,
}

impl<P: TestPlatform> Client<P> {
    /// Brings the device up, waiting at most `patience` for each thing now and later.
    pub fn open(platform: P, config: Config, patience: Duration) -> Result<Self, ClientError> {
        let start = Instant::now();
        let mut step = BringUp::new(platform, config).advance();
        loop {
            match step {
                Step::Ready(device) => {
                    return Ok(Self {
                        device,
                        events: VecDeque::new(),
                        patience,
                        next_cookie: 1,
                        refusal: None,
                    });
                }
                Step::Failed(failed) => return Err(failed.error.into()),
                Step::Pending(_) if start.elapsed() > patience => {
                    return Err(ClientError::TimedOut("the end of bring-up"));
                }
                Step::Pending(next) => {
                    next.platform().idle();
                    step = next.advance();
                }
            }
        }
    }

    /// The device, for verbs that need no waiting.
    pub fn device(&mut self) -> &mut Device<P> {
        &mut self.device
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        self.device.nic.platform()
    }

    /// A cookie that was not used before.
    pub fn cookie(&mut self) -> u64 {
        self.next_cookie += 1;
        self.next_cookie
    }

    /// Looks until `look` gives something.
    fn wait<T>(
        &mut self,
        what: &'static str,
        mut look: impl FnMut(&mut Device<P>, &mut VecDeque<Event>) -> Result<Option<T>, ClientError>,
    ) -> Result<T, ClientError> {
        let start = Instant::now();
        let mut looks = 0u32;
        loop {
            if let Some(found) = look(&mut self.device, &mut self.events)? {
                return Ok(found);
            }
            looks = looks.saturating_add(1);
            if looks < LOOKS_ALONE {
                std::hint::spin_loop();
                continue;
            }
            if looks < LOOKS && start.elapsed() < SPIN {
                std::thread::yield_now();
                continue;
            }
            self.device.nic.status()?;
            if start.elapsed() > self.patience {
                return Err(ClientError::TimedOut(what));
            }
            self.platform().idle();
        }
    }

    /// Begins a verb and waits for its end.
    pub fn verb<E: Into<ClientError>>(
        &mut self,
        begin: impl FnOnce(&mut Device<P>) -> Result<Token, E>,
    ) -> Result<Outcome<P>, ClientError> {
        let token = begin(&mut self.device).map_err(Into::into)?;
        self.wait("an answer", |device, _| {
            while let Some(done) = device.control.poll(&device.nic) {
                if done.token == token {
                    return done.result.map(Some).map_err(Into::into);
                }
            }
            Ok(None)
        })
    }

    /// A protection domain.
    pub fn pd(&mut self) -> Result<PdHandle, ClientError> {
        match self.verb(|d| d.control.create_pd(&d.nic, 0, false))? {
            Outcome::Pd(pd, _) => Ok(pd),
            other => Err(unexpected(&other)),
        }
    }

    /// New memory, registered.
    pub fn memory(
        &mut self,
        pd: PdHandle,
        bytes: usize,
        access: AccessFlags,
    ) -> Result<Memory<P>, ClientError> {
        let buffer = self
            .platform()
            .alloc_dma(bytes, DmaAccess::DeviceReadsAndWrites)?;
        let key = self.register(pd, &buffer, access)?;
        Ok(Memory { buffer, key })
    }

    /// Registers a whole buffer; its DMA address becomes its virtual address.
    pub fn register(
        &mut self,
        pd: PdHandle,
        buffer: &P::Dma,
        access: AccessFlags,
    ) -> Result<Key, ClientError> {
        let mut pages = Bounded::new();
        let count = buffer.len().div_ceil(4096);
        pages.reserve(count)?;
        for page in 0..count {
            pages.push(buffer.iova() + 4096 * page as u64)?;
        }
        let region = Region {
            pd,
            access,
            base: buffer.iova(),
            length: buffer.len() as u64,
            log_page_bytes: 12,
            pages,
        };
        match self.verb(|d| d.control.register(&d.nic, 0, region))? {
            Outcome::Region(key) => Ok(key),
            other => Err(unexpected(&other)),
        }
    }

    /// A completion event queue.
    pub fn completion_eq(
        &mut self,
        entries: u32,
        vector: u16,
    ) -> Result<CompletionEq<P>, ClientError> {
        match self.verb(|d| d.control.create_eq(&d.nic, 0, entries, vector))? {
            Outcome::CompletionEq(eq) => Ok(eq),
            other => Err(unexpected(&other)),
        }
    }

    /// A completion queue.
    pub fn cq(&mut self, eqn: Eqn, entries: u32) -> Result<Cq<P>, ClientError> {
        let geometry = CqGeometry {
            eqn,
            entries,
            context: 0,
        };
        match self.verb(|d| d.control.create_cq(&d.nic, 0, &geometry))? {
            Outcome::Cq(cq) => Ok(cq),
            other => Err(unexpected(&other)),
        }
    }

    /// A reliable connected queue pair with one completion queue, `entries` requests each way, 4 segments, 128 bytes
    /// inline.
    pub fn rc_qp(&mut self, pd: PdHandle, cq: &Cq<P>, entries: u32) -> Result<Qp<P>, ClientError> {
        self.own_qp(QpType::RC, pd, cq, entries)
    }

    /// As [`Client::rc_qp`], of any transport service.
    pub fn own_qp(
        &mut self,
        qp_type: QpType,
        pd: PdHandle,
        cq: &Cq<P>,
        entries: u32,
    ) -> Result<Qp<P>, ClientError> {
        self.qp(&QpGeometry {
            pd,
            qp_type,
            send_cq: cq.cqn(),
            recv_cq: cq.cqn(),
            send_entries: entries,
            max_send_segments: 4,
            max_inline: 128,
            receive: QpReceive::Own {
                entries,
                max_segments: 4,
            },
            qp1: false,
            context: 0,
        })
    }

    /// A queue pair.
    pub fn qp(&mut self, geometry: &QpGeometry) -> Result<Qp<P>, ClientError> {
        match self.verb(|d| d.control.create_qp(&d.nic, 0, geometry))? {
            Outcome::Qp(qp) => Ok(qp),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives the device an address.
    pub fn set_address(
        &mut self,
        index: AddressIndex,
        address: &Address,
    ) -> Result<(), ClientError> {
        self.verb(|d| d.control.set_address(&d.nic, 0, index, address))
            .map(|_| ())
    }

    /// Reserves a port and listens; gives the cookie of its requests.
    pub fn listen(
        &mut self,
        address: AddressIndex,
        port: u16,
    ) -> Result<(EndpointId, ListenerId, u64), ClientError> {
        self.listen_for(address, port, 16)
    }

    /// As [`Client::listen`], with at most `backlog` requests that wait for an answer.
    pub fn listen_for(
        &mut self,
        address: AddressIndex,
        port: u16,
        backlog: u32,
    ) -> Result<(EndpointId, ListenerId, u64), ClientError> {
        let endpoint = match self.verb(|d| d.control.reserve_endpoint(&d.nic, 0, address, port))? {
            Outcome::Endpoint(endpoint, _) => endpoint,
            other => return Err(unexpected(&other)),
        };
        let cookie = self.cookie();
        match self.verb(|d| d.control.listen(&d.nic, 0, endpoint, backlog, cookie))? {
            Outcome::Listener(listener) => Ok((endpoint, listener, cookie)),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits for the next event that `choose` takes; others stay for later.
    pub fn event<T>(
        &mut self,
        what: &'static str,
        mut choose: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T, ClientError> {
        self.wait(what, |device, events| {
            while let Some(event) = device.events.poll(&device.nic)? {
                events.push_back(event);
            }
            let found = events
                .iter()
                .enumerate()
                .find_map(|(at, event)| choose(event).map(|found| (at, found)));
            Ok(found.map(|(at, found)| {
                events.remove(at);
                found
            }))
        })
    }

    /// Takes the next event, if there is one.
    pub fn poll_event(&mut self) -> Result<Option<Event>, ClientError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        Ok(self.device.events.poll(&self.device.nic)?)
    }

    /// Connects a queue pair; the queue pair may send when this returns.
    pub fn connect(
        &mut self,
        qpn: Qpn,
        from: AddressIndex,
        destination: [u8; 16],
        port: u16,
        private_data: &[u8],
    ) -> Result<Connected, ClientError> {
        self.connect_via(qpn, from, (destination, None), port, private_data)
    }

    /// As [`Client::connect`], by a next hop that is known (an Ethernet address) beside the destination.
    pub fn connect_via(
        &mut self,
        qpn: Qpn,
        from: AddressIndex,
        (destination, next_hop): ([u8; 16], Option<[u8; 6]>),
        port: u16,
        private_data: &[u8],
    ) -> Result<Connected, ClientError> {
        let cookie = self.cookie();
        let connect = Connect {
            qpn,
            from: Err(from),
            destination,
            port,
            next_hop,
            read_depth_in: 16,
            read_depth_out: 16,
            retry_count: 7,
            rnr_retry: 7,
            path_mtu: Mtu::NONE,
            traffic_class: 0,
            private_data,
        };
        let outcome = self.verb(|d| d.control.connect(&d.nic, 0, &connect, cookie))?;
        let Outcome::Connection(connection, _) = outcome else {
            return Err(unexpected(&outcome));
        };
        let reply = self.event("the peer's answer", |event| match event {
            Event::ConnectReply(info) if info.cookie == cookie => Some(Ok(*info)),
            Event::ConnectFailed(info) if info.cookie == cookie => Some(Err(*info)),
            _ => None,
        })?;
        match reply {
            Ok(info) => {
                self.verb(|d| d.control.complete_connect(&d.nic, 0, connection))?;
                Ok(Connected {
                    connection,
                    cookie,
                    info,
                })
            }
            Err(info) => {
                self.verb(|d| d.control.release_connection(&d.nic, 0, connection))?;
                self.refusal = Some(info);
                Err(ClientError::NotConnected(info.status, info.reason))
            }
        }
    }

    /// What came with the last failure to connect, the peer's private data too.
    pub fn refusal(&self) -> Option<&CmInfo> {
        self.refusal.as_ref()
    }

    /// Waits for a request at a listener.
    pub fn request(&mut self, listener_cookie: u64) -> Result<CmInfo, ClientError> {
        self.event("a connection request", |event| match event {
            Event::ConnectRequest(info) if info.cookie == listener_cookie => Some(*info),
            _ => None,
        })
    }

    /// Accepts a request and waits until the peer has completed the connection.
    pub fn accept(
        &mut self,
        request: &CmInfo,
        qpn: Qpn,
        private_data: &[u8],
    ) -> Result<Connected, ClientError> {
        let cookie = self.begin_accept(request, qpn, private_data)?;
        self.established(request.connection, cookie)
    }

    /// Accepts a request; [`Client::established`] waits for the rest.
    pub fn begin_accept(
        &mut self,
        request: &CmInfo,
        qpn: Qpn,
        private_data: &[u8],
    ) -> Result<u64, ClientError> {
        let cookie = self.cookie();
        let accept = Accept {
            connection: request.connection,
            qpn,
            read_depth_in: request.read_depth_in.min(16),
            read_depth_out: request.read_depth_out.min(16),
            rnr_retry: 7,
            private_data,
        };
        self.verb(|d| d.control.accept(&d.nic, 0, &accept, cookie))?;
        Ok(cookie)
    }

    /// Waits until an accepted connection stands.
    pub fn established(
        &mut self,
        connection: ConnectionId,
        cookie: u64,
    ) -> Result<Connected, ClientError> {
        let end = self.event("the peer's confirmation", |event| match event {
            Event::Established(info) if info.cookie == cookie => Some(Ok(*info)),
            Event::ConnectFailed(info) if info.cookie == cookie => Some(Err(*info)),
            _ => None,
        })?;
        match end {
            Ok(info) => Ok(Connected {
                connection,
                cookie,
                info,
            }),
            Err(info) => Err(ClientError::NotConnected(info.status, info.reason)),
        }
    }

    /// Ends a connection in order and gives its handle back.
    pub fn disconnect(&mut self, connected: &Connected) -> Result<(), ClientError> {
        let connection = connected.connection;
        self.verb(|d| d.control.disconnect(&d.nic, 0, connection, false))?;
        self.event("the end of the connection", |event| match event {
            Event::Disconnected(info) if info.connection == connection => Some(()),
            _ => None,
        })?;
        self.verb(|d| d.control.release_connection(&d.nic, 0, connection))
            .map(|_| ())
    }

    /// Waits for the next completion.
    pub fn completion(&mut self, cq: &mut Cq<P>) -> Result<Wc, ClientError> {
        self.wait("a completion", |device, _| Ok(cq.poll(&device.nic)?))
    }

    /// Waits for the next completion, which must be a success.
    pub fn success(&mut self, cq: &mut Cq<P>) -> Result<Wc, ClientError> {
        let wc = self.completion(cq)?;
        if wc.is_ok() {
            Ok(wc)
        } else {
            Err(ClientError::Work(wc.status, wc.error))
        }
    }

    /// Resets the device, waits until it is done, and gives the platform back. Handles made before may be dropped
    /// after this.
    pub fn close(self) -> Result<P, ClientError> {
        let start = Instant::now();
        self.device.nic.begin_reset();
        while !self.device.nic.reset_is_complete()? {
            if start.elapsed() > self.patience {
                return Err(ClientError::TimedOut("the end of the reset"));
            }
            self.platform().idle();
        }
        let Device {
            nic,
            control,
            events,
        } = self.device;
        drop((control, events));
        Ok(nic.into_platform())
    }
}

fn unexpected<P: TestPlatform>(outcome: &Outcome<P>) -> ClientError {
    log::error!("a verb ended with {}", outcome.name());
    ClientError::Driver(Error::Argument("outcome"))
}
