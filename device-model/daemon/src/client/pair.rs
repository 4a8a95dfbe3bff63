//! Two devices, brought up and connected by one reliable connection.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rnic_abi::{AccessFlags, Segment, WorkFlags, consts, reg};
use rnic_driver_host::client::{Client, Memory};
use rnic_driver_host::driver::{
    Address, AddressIndex, CompletionEq, Config, Cq, Data, Key, Operation, PdHandle, Qp, Remote,
    Wc, WorkRequest, segment,
};
use rnic_driver_host::platform::{Bar, DmaBuffer, Platform};
use rnic_driver_host::{Socket, SocketOptions};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Entries of each queue.
pub const DEPTH: u32 = 256;
/// Bytes of each side's memory.
pub const MEMORY: u32 = 8 << 20;
/// Memory of an idle queue pair: a page for each of two rings, and for the lists of their pages.
const IDLE_BYTES: u64 = 4 * 4096;
/// Port that the far side listens at.
const PORT: u16 = 7471;

/// One side.
pub struct Side {
    client: Client<Socket>,
    cq: Cq<Socket>,
    qp: Qp<Socket>,
    memory: Memory<Socket>,
    pd: PdHandle,
    /// Queue pairs that do nothing.
    idle: Vec<Qp<Socket>>,
    /// Never armed; a completion queue needs one.
    _eq: CompletionEq<Socket>,
}

/// Memory of the other side, as a work request names it.
#[derive(Clone, Copy)]
pub struct Far {
    address: u64,
    key: Key,
}

impl Far {
    /// A place in it.
    pub const fn at(self, offset: u64) -> Remote {
        Remote {
            address: self.address + offset,
            key: self.key,
        }
    }
}

impl Side {
    fn open(path: &Path, last_octet: u8, idle_qps: u32) -> anyhow::Result<Self> {
        let options = SocketOptions {
            memory_bytes: (64 << 20) + u64::from(idle_qps) * IDLE_BYTES,
            ..SocketOptions::default()
        };
        let socket = Socket::open(path, options).map_err(|e| anyhow!("{e}"))?;
        let mut client = Client::open(socket, Config::default(), PATIENCE)?;
        let mut address = [0; 16];
        address[10..].copy_from_slice(&[0xFF, 0xFF, 10, 77, 0, last_octet]);
        let address = Address {
            address,
            prefix: 24,
            vlan: None,
            gateway: None,
            answer: true,
        };
        client.set_address(AddressIndex(0), &address)?;
        let pd: PdHandle = client.pd()?;
        let access = AccessFlags(
            AccessFlags::LOCAL_WRITE.0 | AccessFlags::REMOTE_READ.0 | AccessFlags::REMOTE_WRITE.0,
        );
        let memory = client.memory(pd, usize::try_from(MEMORY)?, access)?;
        let eq = client.completion_eq(16, consts::VECTOR_NONE)?;
        let cq = client.cq(eq.eqn(), 4 * DEPTH)?;
        let qp = client.rc_qp(pd, &cq, DEPTH)?;
        Ok(Self {
            client,
            cq,
            qp,
            memory,
            pd,
            idle: Vec::new(),
            _eq: eq,
        })
    }

    /// Makes queue pairs that do nothing; nanoseconds that each took.
    ///
    /// # Errors
    /// If a command fails.
    pub fn add_idle(&mut self, count: u32) -> anyhow::Result<Vec<u64>> {
        let mut samples = Vec::new();
        for _ in 0..count {
            let start = Instant::now();
            let qp = self.client.rc_qp(self.pd, &self.cq, 2)?;
            samples.push(u64::try_from(start.elapsed().as_nanos())?);
            self.idle.push(qp);
        }
        Ok(samples)
    }

    /// Reads a register, as one message there and back.
    pub fn read_register(&self) -> u64 {
        let offset = u32::try_from(reg::CLOCK).unwrap_or(0);
        self.client.platform().read64(Bar::Registers, offset)
    }

    /// Copies between the memories of two sides by the processor, as a write from here does.
    pub fn copy_to(&self, far: &Self, offset: u64, bytes: u32) -> anyhow::Result<()> {
        let (at, bytes) = (usize::try_from(offset)?, usize::try_from(bytes)?);
        let (to, from) = (&far.memory.buffer, &self.memory.buffer);
        to.copy_from(at, from, at, bytes);
        Ok(())
    }

    /// Its memory, for the other side.
    pub fn far(&self) -> Far {
        Far {
            address: self.memory.buffer.iova(),
            key: self.memory.key,
        }
    }

    /// Its memory, as a segment.
    pub fn segment(&self, offset: u64, length: u32) -> Segment {
        let address = self.memory.buffer.iova() + offset;
        segment(address, length, self.memory.key)
    }

    /// Posts a request without showing it to the device.
    pub fn post(&mut self, operation: Operation<'_>, flags: WorkFlags) -> anyhow::Result<()> {
        let request = WorkRequest {
            context: 0,
            operation,
            flags,
        };
        self.qp
            .send
            .post(&request)
            .map_err(|e| anyhow!("posting failed: {e:?}"))?;
        Ok(())
    }

    /// Shows the device what is posted.
    pub fn ring(&mut self) {
        self.qp.send.ring(&self.client.device().nic);
    }

    /// Posts and rings.
    pub fn start(&mut self, operation: Operation<'_>) -> anyhow::Result<()> {
        self.post(operation, WorkFlags(0))?;
        self.ring();
        Ok(())
    }

    /// Posts a receive and rings.
    pub fn receive(&mut self) -> anyhow::Result<()> {
        let segment = self.segment(0, 4096);
        let recv = self.qp.recv.as_mut().context("no receive queue")?;
        recv.post(0, &[segment])
            .map_err(|e| anyhow!("posting failed: {e:?}"))?;
        recv.ring(&self.client.device().nic);
        Ok(())
    }

    /// Waits for a completion, a success, and gives its entry back.
    pub fn done(&mut self) -> anyhow::Result<Wc> {
        let wc = self.client.success(&mut self.cq)?;
        if wc.is_receive() {
            let recv = self.qp.recv.as_mut().context("no receive queue")?;
            recv.retire_to(wc.retired).map_err(|e| anyhow!("{e:?}"))?;
        } else {
            self.qp
                .send
                .retire_to(wc.retired)
                .map_err(|e| anyhow!("{e:?}"))?;
        }
        // The queue tells the device how far it was consumed when half of it was.
        Ok(wc)
    }
}

/// Opens both devices and connects them. The first gets memory for so many idle queue pairs.
///
/// # Errors
/// What went wrong, and with which device.
pub fn connect(from: &Path, to: &Path, idle_qps: u32) -> anyhow::Result<(Side, Side)> {
    let mut near = Side::open(from, 1, idle_qps).with_context(|| from.display().to_string())?;
    let mut far = Side::open(to, 2, 0).with_context(|| to.display().to_string())?;
    let (_, _, cookie) = far.client.listen(AddressIndex(0), PORT)?;
    let mut destination = [0; 16];
    destination[10..].copy_from_slice(&[0xFF, 0xFF, 10, 77, 0, 2]);
    thread::scope(|scope| {
        let accepting = scope.spawn(|| {
            let request = far.client.request(cookie)?;
            far.client.accept(&request, far.qp.qpn, &[])
        });
        let qpn = near.qp.qpn;
        let connected = near
            .client
            .connect(qpn, AddressIndex(0), destination, PORT, &[]);
        let accepted = accepting.join();
        connected.context("connecting")?;
        let accepted = accepted.map_err(|_| anyhow!("the far side panicked"))?;
        accepted.context("accepting")?;
        anyhow::Ok(())
    })?;
    Ok((near, far))
}

/// 64 bytes in the entry itself.
pub const INLINE: Data<'static> = Data::Inline(&[0x5A; 64]);
