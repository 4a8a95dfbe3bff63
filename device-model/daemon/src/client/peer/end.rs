//! A device with a queue pair, memory and message slots, and its one connection.

use std::collections::VecDeque;
use std::io::BufRead;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use rnic_abi::{
    AccessFlags, ModifyMask, ModifyQpRequest, QpState, Segment, Status, WorkFlags, consts,
};
use rnic_driver_host::client::{Client, ClientError, Connected, Memory};
use rnic_driver_host::driver::{
    Address, AddressIndex, CmInfo, CompletionEq, Config, Cq, Event, ListenerId, Operation, Outcome,
    PdHandle, PostError, Qp, Wc, WorkRequest, segment,
};
use rnic_driver_host::platform::{DmaBuffer, TestPlatform};

use super::PeerOptions;

/// Bytes of the memory that peers may touch.
pub const AREA: u32 = 8 << 20;
/// UDP source port of queue pairs that no connection owns.
const SOURCE_PORT: u16 = 0xC123;
/// Looks before the first rest.
const LOOKS: u32 = 2000;

/// One end.
pub struct End<P: TestPlatform> {
    pub client: Client<P>,
    pub pd: PdHandle,
    pub qp: Qp<P>,
    cq: Cq<P>,
    /// What the peer may touch.
    pub area: Memory<P>,
    /// Where messages arrive: slots of `slot` bytes; one more, the last, is where they are made.
    messages: Memory<P>,
    slot: u32,
    receives: u32,
    connected: Option<Connected>,
    /// Requests of ours that were done and not waited for.
    completed: u32,
    /// Messages that came and were not waited for.
    kept: VecDeque<Vec<u8>>,
    /// The peer has ended the connection.
    ended: Option<Status>,
    patience: Duration,
    /// Silence that is an end.
    silence: Option<Duration>,
    /// Never armed; a completion queue needs one.
    _eq: CompletionEq<P>,
}

/// What happened.
pub enum Happening {
    /// A message of this many bytes is in a slot; its completion.
    Received(u32, Wc),
    /// A request of ours was done.
    Done,
    /// The peer ended the connection.
    Ended,
}

/// An address as the interface has it.
pub fn gid(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Tells the private data that came with an event, without the zeros that fill it up.
fn say_private(what: &str, info: &CmInfo) {
    let bytes = info.private_data.as_slice();
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1);
    println!(
        "peer {what} with private data `{}`",
        bytes.get(..end).unwrap_or(bytes).escape_ascii()
    );
}

fn refused(error: PostError) -> anyhow::Error {
    anyhow!("a work request was not posted: {error:?}")
}

impl<P: TestPlatform> End<P> {
    /// Brings the device up, with `receives` receives of `message` bytes posted.
    pub fn open(
        platform: P,
        options: &PeerOptions,
        (message, receives): (u32, u32),
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let mut client = Client::open(platform, Config::default(), patience)?;
        let address = Address {
            address: gid(options.address.ip),
            prefix: options.address.prefix,
            vlan: options.vlan,
            gateway: options.gateway.map(gid),
            answer: true,
        };
        client.set_address(AddressIndex(0), &address)?;
        let pd = client.pd()?;
        let rights = AccessFlags::LOCAL_WRITE
            | AccessFlags::REMOTE_READ
            | AccessFlags::REMOTE_WRITE
            | AccessFlags::REMOTE_ATOMIC
            | AccessFlags::WINDOW_BIND;
        let area = client.memory(pd, usize::try_from(AREA)?, rights)?;
        let slot = message.next_multiple_of(64).max(64);
        let bytes = usize::try_from(u64::from(slot) * (u64::from(receives) + 1))?;
        let messages = client.memory(pd, bytes, AccessFlags::LOCAL_WRITE)?;
        let eq = client.completion_eq(16, consts::VECTOR_NONE)?;
        let entries = receives.max(64).next_power_of_two();
        let cq = client.cq(eq.eqn(), 2 * entries)?;
        let qp = client.own_qp(options.mode.service(), pd, &cq, entries)?;
        let mut end = Self {
            client,
            pd,
            qp,
            cq,
            area,
            messages,
            slot,
            receives,
            connected: None,
            completed: 0,
            kept: VecDeque::new(),
            ended: None,
            patience,
            silence: options.silence_ends.map(Duration::from_secs),
            _eq: eq,
        };
        for slot in 0..receives {
            end.post_receive(slot)?;
        }
        Ok(end)
    }

    /// Takes a queue pair that no connection will own to RTS, at our address and with the port's path MTU; `attributes`
    /// has what else INIT to RTR needs.
    pub fn ready(&mut self, attributes: ModifyQpRequest, send_psn: u32) -> anyhow::Result<()> {
        let outcome = self.client.verb(|d| d.control.query_port(&d.nic, 0))?;
        let Outcome::Port(port) = outcome else {
            bail!("not the port but {}", outcome.name());
        };
        let to_rtr = ModifyQpRequest {
            local_address: AddressIndex(0).0.into(),
            udp_source_port: SOURCE_PORT.into(),
            ..attributes
        }
        .with_path_mtu(port.active_mtu)
        .with_state(QpState::RTR);
        let to_rtr = to_rtr.with_mask(to_rtr.mask() | ModifyMask::STATE | ModifyMask::PATH);
        let to_rts = ModifyQpRequest {
            send_psn: send_psn.into(),
            ..ModifyQpRequest::default()
        }
        .with_state(QpState::RTS)
        .with_mask(ModifyMask::STATE | ModifyMask::SEND_PSN);
        let qpn = self.qp.qpn;
        for request in [to_rtr, to_rts] {
            self.client
                .verb(|d| d.control.modify_qp(&d.nic, 0, qpn, &request))?;
        }
        Ok(())
    }

    /// Memory of a slot as a segment.
    pub fn slot_segment(&self, slot: u32, offset: u32, length: u32) -> Segment {
        let at = u64::from(slot) * u64::from(self.slot) + u64::from(offset);
        segment(self.messages.buffer.iova() + at, length, self.messages.key)
    }

    /// Posts the receive of a slot.
    pub fn post_receive(&mut self, slot: u32) -> anyhow::Result<()> {
        let to = self.slot_segment(slot, 0, self.slot);
        let Some(recv) = &mut self.qp.recv else {
            bail!("the queue pair has no receive queue");
        };
        recv.post(slot.into(), &[to]).map_err(refused)?;
        recv.ring(&self.client.device().nic);
        Ok(())
    }

    /// Connects.
    pub fn connect(&mut self, to: IpAddr, port: u16) -> anyhow::Result<()> {
        let connected =
            self.client
                .connect(self.qp.qpn, AddressIndex(0), gid(to), port, b"rnic peer");
        if connected.is_err()
            && let Some(refusal) = self.client.refusal()
        {
            say_private("refused", refusal);
        }
        let connected = connected?;
        self.say_connected(&connected);
        self.connected = Some(connected);
        Ok(())
    }

    /// Waits for a request, and accepts it.
    pub fn accept(&mut self, options: &PeerOptions, private_data: &[u8]) -> anyhow::Result<()> {
        let request = self.wait_for_request(options)?;
        let connected = self.client.accept(&request, self.qp.qpn, private_data)?;
        self.say_connected(&connected);
        self.connected = Some(connected);
        Ok(())
    }

    /// Waits for a request, and refuses it.
    pub fn refuse_one(&mut self, options: &PeerOptions, private_data: &[u8]) -> anyhow::Result<()> {
        let request = self.wait_for_request(options)?;
        let connection = request.connection;
        self.client
            .verb(|d| d.control.reject(&d.nic, 0, connection, private_data))?;
        self.client
            .verb(|d| d.control.release_connection(&d.nic, 0, connection))?;
        println!("peer refused a request");
        Ok(())
    }

    fn wait_for_request(&mut self, options: &PeerOptions) -> anyhow::Result<CmInfo> {
        let port = options.port();
        let (_, listener, cookie) =
            self.client
                .listen_for(AddressIndex(0), port, options.backlog)?;
        if options.paused {
            self.pause(listener, true)?;
            println!("peer paused at port {port}");
            std::io::stdin().lock().read_line(&mut String::new())?;
            self.pause(listener, false)?;
        }
        println!("peer listening at port {port}");
        let request = self.client.request(cookie)?;
        say_private("asked", &request);
        if let Some(seconds) = options.think {
            println!("peer thinking");
            std::thread::sleep(Duration::from_secs(seconds));
        }
        Ok(request)
    }

    fn pause(&mut self, listener: ListenerId, paused: bool) -> anyhow::Result<()> {
        self.client
            .verb(|d| d.control.pause_listener(&d.nic, 0, listener, paused))?;
        Ok(())
    }

    fn say_connected(&self, connected: &Connected) {
        let info = &connected.info;
        println!(
            "peer connected: path MTU {}, read depths {} in and {} out",
            128u32 << info.path_mtu.0,
            info.read_depth_in,
            info.read_depth_out
        );
    }

    /// Posts a request and shows it.
    pub fn post(&mut self, operation: Operation<'_>) -> anyhow::Result<()> {
        let request = WorkRequest {
            context: 0,
            operation,
            flags: WorkFlags(0),
        };
        self.qp.send.post(&request).map_err(refused)?;
        self.qp.send.ring(&self.client.device().nic);
        Ok(())
    }

    /// Memory of the area as a segment.
    pub fn segment(&self, offset: u32, length: u32) -> Segment {
        let at = self.area.buffer.iova() + u64::from(offset);
        segment(at, length, self.area.key)
    }

    /// A message, made in the last slot, as a segment. The one before must have been sent.
    pub fn message(&self, bytes: &[u8]) -> anyhow::Result<Segment> {
        let length = u32::try_from(bytes.len())?;
        ensure!(length <= self.slot, "a message is longer than its slot");
        let at = u64::from(self.receives) * u64::from(self.slot);
        self.messages.buffer.write(usize::try_from(at)?, bytes);
        let address = self.messages.buffer.iova() + at;
        Ok(segment(address, length, self.messages.key))
    }

    /// What arrived in a slot.
    pub fn arrived(&self, slot: u32, length: u32) -> anyhow::Result<Vec<u8>> {
        ensure!(
            length <= self.slot,
            "{length} bytes are more than a slot has"
        );
        let mut bytes = vec![0; usize::try_from(length)?];
        let at = usize::try_from(u64::from(slot) * u64::from(self.slot))?;
        self.messages.buffer.read(at, &mut bytes);
        Ok(bytes)
    }

    /// Waits for the next completion or the end of the connection. Receives that were flushed by it are its end too.
    pub fn next(&mut self) -> anyhow::Result<Happening> {
        let start = Instant::now();
        let mut looks = 0;
        loop {
            if let Some(wc) = self.cq.poll(&self.client.device().nic)? {
                return self.complete(wc);
            }
            if self.ended.is_some() {
                return Ok(Happening::Ended);
            }
            if let Some(event) = self.client.poll_event()? {
                self.take(&event);
                // What was completed before is told before.
                continue;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
                continue;
            }
            self.client.device().nic.status()?;
            if self.silence.is_some_and(|most| start.elapsed() > most) {
                println!("peer gone: silent");
                self.ended = Some(Status::OK);
                continue;
            }
            ensure!(
                start.elapsed() < self.patience,
                "neither a completion nor an event in {} seconds",
                self.patience.as_secs()
            );
            self.client.platform().idle();
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::PeerDisconnected(info) => {
                println!("peer gone: {}", info.status);
                self.ended = Some(info.status);
            }
            other => log::info!("event {other:?}"),
        }
    }

    fn complete(&mut self, wc: Wc) -> anyhow::Result<Happening> {
        if wc.is_receive() {
            if let Some(recv) = &mut self.qp.recv {
                recv.retire_to(wc.retired).map_err(ClientError::from)?;
            }
        } else {
            self.qp
                .send
                .retire_to(wc.retired)
                .map_err(ClientError::from)?;
        }
        self.cq.publish(&self.client.device().nic);
        ensure!(
            wc.is_ok(),
            "a work request failed: {}, {} (context {})",
            wc.status,
            wc.error,
            wc.context
        );
        if wc.is_receive() {
            let slot = u32::try_from(wc.context)?;
            return Ok(Happening::Received(slot, wc));
        }
        Ok(Happening::Done)
    }

    /// Waits for a request of ours. Messages that come before are kept: the peer may answer before its acknowledge
    /// comes, when that is lost.
    pub fn done(&mut self) -> anyhow::Result<()> {
        let done = self.done_or_ended()?;
        ensure!(done, "the peer ended the connection too early");
        Ok(())
    }

    /// As [`End::done`]; false when the connection ended first. What was sent last may have arrived all the same: the
    /// peer may go before its acknowledge comes.
    pub fn done_or_ended(&mut self) -> anyhow::Result<bool> {
        while self.completed == 0 {
            if !self.keep_next()? {
                return Ok(false);
            }
        }
        self.completed -= 1;
        Ok(true)
    }

    /// Waits for a message. None when the peer ended the connection.
    pub fn receive(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = self.kept.pop_front() {
                return Ok(Some(message));
            }
            if !self.keep_next()? {
                return Ok(None);
            }
        }
    }

    /// Takes in what happens next; false when that was the end.
    fn keep_next(&mut self) -> anyhow::Result<bool> {
        match self.next()? {
            Happening::Received(slot, wc) => {
                let message = self.arrived(slot, wc.byte_count)?;
                self.post_receive(slot)?;
                self.kept.push_back(message);
            }
            Happening::Done => self.completed += 1,
            Happening::Ended => return Ok(false),
        }
        Ok(true)
    }

    /// Waits until the peer ends the connection.
    pub fn wait_for_the_end(&mut self) -> anyhow::Result<()> {
        match self.next()? {
            Happening::Ended => Ok(()),
            Happening::Received(..) | Happening::Done => {
                bail!("the peer should have ended the connection")
            }
        }
    }

    /// With --hold: says so, and waits for a line.
    pub fn hold(&self, options: &PeerOptions) -> anyhow::Result<()> {
        if options.hold {
            println!("peer holding");
            std::io::stdin().lock().read_line(&mut String::new())?;
        }
        Ok(())
    }

    /// Ends the connection, whichever side began, and gives its handle back.
    pub fn disconnect(&mut self) -> anyhow::Result<()> {
        let Some(connected) = self.connected.take() else {
            return Ok(());
        };
        match self.client.disconnect(&connected) {
            Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Resets the device.
    pub fn close(self) -> anyhow::Result<()> {
        if let Some(status) = self.ended
            && status != Status::OK
        {
            bail!("the connection was lost: {status}");
        }
        self.client.close()?;
        println!("peer done");
        Ok(())
    }
}
