//! The other sides of the lane for unit tests: a driver's virtqueue, a port, frames.

use core::net::{Ipv4Addr, Ipv6Addr};

use pci_function::Delivery;
use rnic_abi::{CounterId, EthDirection, RxMode, feature};
use rnic_wire::{Gid, MacAddr};

use super::checksum::Sum;
use super::{Lane, RxFilter, Setup, Virtqueue};
use crate::doorbell::Owner;
use crate::env::{Budget, Delivered, Env, Nanos, NeighbourId, PortInfo, Progress, Sent};
use crate::fault::{Fault, Site};
use crate::interrupt::{Interrupts, VectorState};
use crate::resources::Resources;
use crate::segment::Segment;
use crate::testing::{Guest, TestEnv};

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// A host whose port remembers frames and may be full.
pub struct Port {
    pub host: TestEnv,
    pub sent: Vec<Vec<u8>>,
    /// Frames that it takes before it is full.
    pub room: usize,
}

impl Env for Port {
    fn now(&self) -> Nanos {
        self.host.now()
    }
    fn doorbell(&self, word: u32) -> u64 {
        self.host.doorbell(word)
    }
    fn set_doorbell(&mut self, word: u32, value: u64) {
        self.host.set_doorbell(word, value);
    }
    fn take_summary(&mut self, word: u32) -> u64 {
        self.host.take_summary(word)
    }
    fn doorbells_mapped(&self) -> bool {
        self.host.doorbells_mapped()
    }
    fn transmit(&mut self, frame: &[u8]) -> Sent {
        if self.room == 0 {
            return Sent::Full;
        }
        self.room -= 1;
        self.sent.push(frame.to_vec());
        Sent::Ok
    }
    fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        self.host.neighbour(ip)
    }
    fn deliver(&mut self, to: NeighbourId, segment: Box<Segment>) -> Delivered {
        self.host.deliver(to, segment)
    }
    fn raise(&mut self, vector: u16) {
        self.host.raise(vector);
    }
    fn fault(&mut self, site: Site) -> Option<Fault> {
        self.host.fault(site)
    }
    fn port(&self) -> PortInfo {
        self.host.port()
    }
}

/// A driver's side of one queue. Its buffers are pages of their own.
pub struct Driver {
    pub setup: Setup,
    pub direction: EthDirection,
    pub index: u16,
    pub slot: u32,
    pub vector: u16,
    /// Available index.
    pub posted: u16,
    /// Used entries seen.
    pub seen: u16,
    /// Bytes of memory, `size` of them.
    pub buffers: Vec<u64>,
}

/// Bytes of each buffer of a driver.
pub const BUFFER: u64 = 80 << 10;

/// A lane and everything around it.
pub struct Bed {
    pub guest: Guest,
    pub env: Port,
    pub resources: Resources,
    pub lane: Lane,
}

impl Bed {
    pub fn new() -> Self {
        let mut resources = Resources::new(Interrupts::new(Delivery::External));
        let guest = Guest::with_bytes(32 << 20);
        resources.dma = guest.space();
        resources.features = feature::ETHERNET | feature::ETH_LSO | feature::ETH_RSS;
        let mut lane = Lane::new();
        lane.set_filter(RxFilter {
            mode: RxMode::PROMISCUOUS,
            ..RxFilter::none()
        });
        Self {
            guest,
            env: Port {
                host: TestEnv::new(),
                sent: Vec::new(),
                room: usize::MAX,
            },
            resources,
            lane,
        }
    }

    /// A queue of `size` descriptors with vector `index` + 1 or + 33.
    pub fn queue(&mut self, direction: EthDirection, index: u16, size: u16) -> Driver {
        let setup = Setup {
            size,
            descriptors: self.guest.alloc(u64::from(size) * 16),
            available: self.guest.alloc(4 + u64::from(size) * 2),
            used: self.guest.alloc(4 + u64::from(size) * 8),
        };
        let transmit = direction == EthDirection::TRANSMIT;
        let vector = index + if transmit { 33 } else { 1 };
        let slot = 512 + 8 + u32::from(vector);
        let owner = if transmit {
            Owner::EthTransmit(index)
        } else {
            Owner::EthReceive(index)
        };
        let resources = &mut self.resources;
        resources
            .doorbells
            .claim(&mut self.env, slot, owner)
            .unwrap();
        let ring = Virtqueue::new(setup).unwrap();
        assert!(self.lane.create(direction, index, ring, vector, slot));
        self.resources.interrupts.set_state(
            &mut self.env,
            &mut self.resources.counters,
            vector,
            VectorState::Connected,
        );
        Driver {
            setup,
            direction,
            index,
            slot,
            vector,
            posted: 0,
            seen: 0,
            buffers: (0..size.min(16))
                .map(|_| self.guest.alloc(BUFFER))
                .collect(),
        }
    }

    pub fn transmit_queue(&mut self, size: u16) -> Driver {
        self.queue(EthDirection::TRANSMIT, 0, size)
    }

    pub fn receive_queue(&mut self, size: u16) -> Driver {
        self.queue(EthDirection::RECEIVE, 0, size)
    }

    /// A receive queue in a lane that was reset.
    pub fn receive_queue_again(&mut self) -> Driver {
        self.resources.doorbells.reset(&mut self.env);
        self.receive_queue(8)
    }

    pub fn descriptor(&self, d: &Driver, n: u16, iova: u64, len: u32, flags: u16, next: u16) {
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&iova.to_le_bytes());
        raw[8..12].copy_from_slice(&len.to_le_bytes());
        raw[12..14].copy_from_slice(&flags.to_le_bytes());
        raw[14..].copy_from_slice(&next.to_le_bytes());
        self.guest
            .write(d.setup.descriptors + u64::from(n) * 16, &raw);
    }

    /// Puts a head in the available ring, without ringing.
    pub fn post(&self, d: &mut Driver, head: u16) {
        let slot = u64::from(d.posted % d.setup.size);
        self.guest
            .write(d.setup.available + 4 + slot * 2, &head.to_le_bytes());
        d.posted = d.posted.wrapping_add(1);
        self.guest
            .write(d.setup.available + 2, &d.posted.to_le_bytes());
    }

    /// Rings `value`, and lets the lane see it at once.
    pub fn ring_value(&mut self, d: &Driver, value: u64) {
        self.env.set_doorbell(d.slot, value);
        self.lane
            .rung(&mut self.resources, d.direction, d.index, value);
    }

    pub fn ring(&mut self, d: &Driver) {
        self.ring_value(d, d.posted.into());
    }

    /// Posts header and frame in descriptor and buffer `n`, and rings.
    pub fn send(&mut self, d: &mut Driver, n: u16, header: [u8; 12], frame: &[u8]) {
        let at = d.buffers[usize::from(n)];
        self.guest.write(at, &header);
        self.guest.write(at + 12, frame);
        self.descriptor(d, n, at, 12 + frame.len() as u32, 0, 0);
        self.post(d, n);
        self.ring(d);
    }

    /// Posts buffer `n` for `len` bytes, without ringing.
    pub fn offer(&mut self, d: &mut Driver, n: u16, len: u32) {
        self.descriptor(d, n, d.buffers[usize::from(n)], len, WRITE, 0);
        self.post(d, n);
    }

    pub fn run(&mut self, budget: Budget) -> (Progress, Budget) {
        let mut left = budget;
        let progress = self.lane.run(&mut self.env, &mut self.resources, &mut left);
        (progress, left)
    }

    pub fn run_all(&mut self) {
        while self.run(Budget::DEFAULT).0 == Progress::Busy {}
    }

    pub fn receive(&mut self, frame: &[u8]) {
        self.lane.receive(&mut self.env, &mut self.resources, frame);
    }

    /// Used entries that were not seen yet: head and length.
    pub fn used(&self, d: &mut Driver) -> Vec<(u32, u32)> {
        let mut index = [0; 2];
        self.guest.read(d.setup.used + 2, &mut index);
        let index = u16::from_le_bytes(index);
        let mut entries = Vec::new();
        while d.seen != index {
            let mut raw = [0; 8];
            let slot = u64::from(d.seen % d.setup.size);
            self.guest.read(d.setup.used + 4 + slot * 8, &mut raw);
            let word = u64::from_le_bytes(raw);
            entries.push((word as u32, (word >> 32) as u32));
            d.seen = d.seen.wrapping_add(1);
        }
        entries
    }

    pub fn bytes(&self, iova: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.guest.read(iova, &mut bytes);
        bytes
    }

    pub fn count(&self, id: CounterId) -> u64 {
        self.resources.counters.get(id)
    }
}

/// A `virtio_net_hdr`.
pub fn net_header(flags: u8, gso_type: u8, gso_size: u16, start: u16, offset: u16) -> [u8; 12] {
    let [s0, s1] = gso_size.to_le_bytes();
    let [c0, c1] = start.to_le_bytes();
    let [o0, o1] = offset.to_le_bytes();
    [flags, gso_type, 0, 0, s0, s1, c0, c1, o0, o1, 0, 0]
}

/// A frame of EtherType 0x88B5 (IEEE 802, for experiments).
pub fn plain(destination: MacAddr, len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|n| n as u8).collect();
    frame[..6].copy_from_slice(&destination.0);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame
}

/// What a TCP or UDP frame is made from.
#[derive(Clone, Debug)]
pub struct Ip {
    pub v6: bool,
    pub vlan: bool,
    pub tcp: bool,
    pub source: (u128, u16),
    pub destination: (u128, u16),
    /// Bytes of options in multiples of 4: of IPv4, of TCP.
    pub options: (usize, usize),
    pub flags: u8,
    pub sequence: u32,
    pub id: u16,
    pub payload: Vec<u8>,
}

impl Ip {
    pub fn tcp(v6: bool, payload: usize) -> Self {
        Self {
            v6,
            vlan: false,
            tcp: true,
            source: (0x0a00_0001, 1234),
            destination: (0x0a00_0002, 80),
            options: (0, 0),
            flags: 0x10,
            sequence: 1,
            id: 7,
            payload: (0..payload).map(|n| (n * 7 + n / 251) as u8).collect(),
        }
    }

    /// Where IP and its payload begin.
    pub fn places(&self) -> (usize, usize) {
        let ip = if self.vlan { 18 } else { 14 };
        let header = if self.v6 { 40 } else { 20 + self.options.0 };
        (ip, ip + header)
    }

    /// The frame with right checksums, computed here and nowhere else.
    pub fn frame(&self) -> Vec<u8> {
        let (ip, transport) = self.places();
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        if self.vlan {
            frame.extend([0x81, 0, 0x60, 5]);
        }
        frame.extend(if self.v6 { [0x86, 0xdd] } else { [8, 0] });
        let transport_bytes = if self.tcp { 20 + self.options.1 } else { 8 };
        let len = transport_bytes + self.payload.len();
        let protocol = if self.tcp { 6 } else { 17 };
        if self.v6 {
            frame.extend([0x60, 0, 0, 0]);
            frame.extend((len as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend(Ipv6Addr::from(self.source.0).octets());
            frame.extend(Ipv6Addr::from(self.destination.0).octets());
        } else {
            frame.push(0x45 + (self.options.0 / 4) as u8);
            frame.push(0);
            frame.extend(((transport - ip + len) as u16).to_be_bytes());
            frame.extend(self.id.to_be_bytes());
            frame.extend([0x40, 0, 64, protocol, 0, 0]);
            frame.extend(Ipv4Addr::from(self.source.0 as u32).octets());
            frame.extend(Ipv4Addr::from(self.destination.0 as u32).octets());
            frame.extend(vec![1; self.options.0]);
            let sum = oracle(&frame[ip..]);
            frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
        }
        frame.extend(self.source.1.to_be_bytes());
        frame.extend(self.destination.1.to_be_bytes());
        let checksum_at = if self.tcp {
            frame.extend(self.sequence.to_be_bytes());
            frame.extend([0, 0, 0, 9]);
            frame.push(((20 + self.options.1) / 4 * 16) as u8);
            frame.push(self.flags);
            frame.extend([0x20, 0, 0, 0, 0, 0]);
            frame.extend(vec![1; self.options.1]);
            transport + 16
        } else {
            frame.extend((len as u16).to_be_bytes());
            frame.extend([0, 0]);
            transport + 6
        };
        frame.extend(&self.payload);
        let sum = match transport_oracle(&frame, ip, transport) {
            0 if !self.tcp => 0xffff,
            sum => sum,
        };
        frame[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    /// The frame as a driver gives it for NEEDS_CSUM: the field holds the pseudo-header's sum.
    pub fn partial(&self) -> (Vec<u8>, u16, u16) {
        let mut frame = self.frame();
        let (ip, transport) = self.places();
        let offset = if self.tcp { 16 } else { 6 };
        let (pseudo, _) = pseudo_oracle(&frame, ip, transport);
        let sum = Sum::default().add(&pseudo).fold();
        frame[transport + offset..transport + offset + 2].copy_from_slice(&sum.to_be_bytes());
        (frame, transport as u16, offset as u16)
    }
}

/// The checksum of bytes, one 16-bit word after the other with end-around carry.
pub fn oracle(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    !(sum as u16)
}

/// The pseudo-header of the frame with IP at `ip`, and the protocol.
fn pseudo_oracle(frame: &[u8], ip: usize, transport: usize) -> (Vec<u8>, u8) {
    let len = (frame.len() - transport) as u32;
    let v6 = frame[ip] >> 4 == 6;
    let (addresses, protocol) = if v6 {
        (&frame[ip + 8..ip + 40], frame[ip + 6])
    } else {
        (&frame[ip + 12..ip + 20], frame[ip + 9])
    };
    let mut pseudo = addresses.to_vec();
    pseudo.extend(len.to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    (pseudo, protocol)
}

/// The checksum that TCP or UDP at `transport` should have, whatever the field holds.
pub fn transport_oracle(frame: &[u8], ip: usize, transport: usize) -> u16 {
    let (mut bytes, protocol) = pseudo_oracle(frame, ip, transport);
    let start = bytes.len();
    bytes.extend(&frame[transport..]);
    let at = start + if protocol == 6 { 16 } else { 6 };
    bytes[at..at + 2].fill(0);
    oracle(&bytes)
}
