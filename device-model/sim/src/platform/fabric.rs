//! What lies between the functions of a machine: a switch with wires that take time and can be
//! told to fail, inboxes for segments, and a tap on every port.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rnic_core::env::{Delivered, Nanos, NeighbourId, PortInfo, Sent};
use rnic_core::fault::{Fault, FaultPlan, Site};
use rnic_core::segment::Segment;
use rnic_net::faults::{corrupt, flow_of, mark_congestion};
use rnic_net::switch::{Out, Switch};
use rnic_wire::Gid;

/// How a fabric behaves.
#[derive(Clone, Debug)]
pub struct FabricOptions {
    /// Functions may give each other segments; else everything is frames.
    pub segments: bool,
    /// Segments that an inbox holds.
    pub inbox: usize,
    /// Frames of one function that may be on the way.
    pub frames: usize,
    /// Nanoseconds that a frame takes.
    pub latency_ns: u64,
    /// Nanoseconds that a frame may take longer, at random; with more than the gap between two
    /// frames, they overtake each other.
    pub jitter_ns: u64,
    /// Consulted at `frame-in` for each frame that is about to arrive.
    pub faults: FaultPlan,
    /// Consulted instead for frames by which stations find each other: ARP and neighbour discovery. They are few, and rates
    /// that suit data would seldom meet them.
    pub resolution: FaultPlan,
    /// Seed of what is random here.
    pub seed: u64,
    /// The ports.
    pub port: PortInfo,
}

impl Default for FabricOptions {
    fn default() -> Self {
        Self {
            segments: true,
            inbox: 256,
            frames: 1024,
            latency_ns: 2_000,
            jitter_ns: 0,
            faults: FaultPlan::default(),
            resolution: FaultPlan::default(),
            seed: 0,
            port: PortInfo {
                up: true,
                mtu: 4200,
                speed_mbps: 100_000,
            },
        }
    }
}

/// What happened on the wires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FabricStats {
    /// Frames that functions sent.
    pub frames: u64,
    /// Segments that were put in inboxes.
    pub segments: u64,
    /// Frames lost.
    pub dropped: u64,
    /// Frames that came twice.
    pub duplicated: u64,
    /// Frames with a bit turned.
    pub corrupted: u64,
    /// Frames held back so that later ones overtake them.
    pub reordered: u64,
    /// Frames with a congestion mark set.
    pub marked: u64,
    /// Frames that came late.
    pub delayed: u64,
    /// Frames of ARP and neighbour discovery that were lost, came twice, or came late.
    pub resolution: [u64; 3],
    /// Segments that found an inbox full.
    pub inbox_full: u64,
    /// Frames that found a port full.
    pub port_full: u64,
}

/// A frame on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: u64,
    order: u64,
    from: Option<usize>,
    to: usize,
    frame: Vec<u8>,
}

/// Whether a frame is of ARP (RFC 826) or neighbour discovery (RFC 4861: ICMPv6 types 133 to 137).
fn is_resolution(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x86, 0xDD]) => {
            frame.get(20) == Some(&58)
                && frame.get(54).is_some_and(|kind| (133..=137).contains(kind))
        }
        _ => false,
    }
}

/// Frames that a tap keeps for whoever looks at it.
const TAP: usize = 4096;

/// Switch, wires, inboxes, taps.
pub struct Fabric {
    /// How it behaves; may be changed while it runs.
    pub options: FabricOptions,
    /// What happened.
    pub stats: FabricStats,
    addresses: Vec<Vec<Gid>>,
    inboxes: Vec<VecDeque<Box<Segment>>>,
    taps: Vec<VecDeque<Vec<u8>>>,
    on_the_way: Vec<usize>,
    wire: BinaryHeap<Reverse<Flying>>,
    order: u64,
    switch: Switch,
    random: ChaCha8Rng,
}

impl Fabric {
    /// A fabric for `nodes` functions.
    pub fn new(nodes: usize, options: FabricOptions) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(options.seed),
            options,
            stats: FabricStats::default(),
            addresses: vec![Vec::new(); nodes],
            inboxes: (0..nodes).map(|_| VecDeque::new()).collect(),
            taps: (0..nodes).map(|_| VecDeque::new()).collect(),
            on_the_way: vec![0; nodes],
            wire: BinaryHeap::new(),
            order: 0,
            switch: Switch::new(),
        }
    }

    /// Tells where addresses are now.
    pub fn set_addresses(&mut self, node: usize, addresses: Vec<Gid>) {
        self.addresses[node] = addresses;
    }

    /// The function that has an address.
    pub fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        if !self.options.segments {
            return None;
        }
        let node = self.addresses.iter().position(|own| own.contains(&ip))?;
        u32::try_from(node).ok().map(NeighbourId)
    }

    /// Puts a segment in an inbox.
    pub fn deliver(
        &mut self,
        from: usize,
        to: NeighbourId,
        mut segment: Box<Segment>,
    ) -> Delivered {
        let Some(inbox) = self.inboxes.get_mut(to.0 as usize) else {
            return Delivered::Gone;
        };
        if inbox.len() >= self.options.inbox {
            self.stats.inbox_full += 1;
            return Delivered::Full(segment);
        }
        segment.source = NeighbourId(u32::try_from(from).unwrap_or(u32::MAX));
        self.stats.segments += 1;
        inbox.push_back(segment);
        Delivered::Ok
    }

    /// The next segment for a function.
    pub fn take_segment(&mut self, node: usize) -> Option<Box<Segment>> {
        self.inboxes[node].pop_front()
    }

    /// A function sends a frame.
    pub fn transmit(&mut self, now: Nanos, from: usize, frame: &[u8]) -> Sent {
        if self.on_the_way[from] >= self.options.frames {
            self.stats.port_full += 1;
            return Sent::Full;
        }
        self.stats.frames += 1;
        let tap = &mut self.taps[from];
        if tap.len() >= TAP {
            tap.pop_front();
        }
        tap.push_back(frame.to_vec());
        let port = u32::try_from(from).unwrap_or(u32::MAX);
        match self.switch.forward(port, frame) {
            Out::Nowhere => {}
            Out::To(port) => self.launch(now, Some(from), port as usize, frame),
            Out::Flood => {
                for to in (0..self.inboxes.len()).filter(|to| *to != from) {
                    self.launch(now, Some(from), to, frame);
                }
            }
        }
        Sent::Ok
    }

    /// Puts a frame on the wire to a function, from outside, with no fault.
    pub fn inject(&mut self, now: Nanos, to: usize, frame: &[u8]) {
        self.fly(now.get(), None, to, frame.to_vec());
    }

    /// The next frame that a function sent, for whoever watches.
    pub fn take_tapped(&mut self, node: usize) -> Option<Vec<u8>> {
        self.taps[node].pop_front()
    }

    /// The next frame that arrives by `now`, and where.
    pub fn arrived(&mut self, now: Nanos) -> Option<(usize, Vec<u8>)> {
        let Reverse(first) = self.wire.peek()?;
        if first.at > now.get() {
            return None;
        }
        let Reverse(flying) = self.wire.pop()?;
        if let Some(from) = flying.from {
            self.on_the_way[from] -= 1;
        }
        Some((flying.to, flying.frame))
    }

    /// When the next frame arrives.
    pub fn next_arrival(&self) -> Option<Nanos> {
        self.wire.peek().map(|Reverse(first)| Nanos(first.at))
    }

    /// Whether a segment waits in an inbox.
    pub fn has_segments(&self) -> bool {
        self.inboxes.iter().any(|inbox| !inbox.is_empty())
    }

    /// Loses everything that is on the way to a function.
    pub fn clear(&mut self, node: usize) {
        self.inboxes[node].clear();
    }

    fn launch(&mut self, now: Nanos, from: Option<usize>, to: usize, frame: &[u8]) {
        let jitter = match self.options.jitter_ns {
            0 => 0,
            most => self.random.random_range(0..=most),
        };
        let mut at = now.get() + self.options.latency_ns + jitter;
        let mut frame = frame.to_vec();
        let resolution = is_resolution(&frame) && !self.options.resolution.is_empty();
        let plan = match resolution {
            true => &mut self.options.resolution,
            false => &mut self.options.faults,
        };
        let fault = match plan.is_empty() {
            true => None,
            false => plan.consult_flow(Site::FrameIn, flow_of(&frame)),
        };
        if resolution && let Some((fault, _)) = fault {
            let [lost, doubled, late] = &mut self.stats.resolution;
            match fault {
                Fault::Drop => *lost += 1,
                Fault::Duplicate => *doubled += 1,
                Fault::Delay => *late += 1,
                _ => {}
            }
        }
        match fault.map(|(fault, delay_ns)| (fault, at + delay_ns)) {
            None | Some((Fault::Fail, _)) => {}
            Some((Fault::Drop, _)) => {
                self.stats.dropped += 1;
                return;
            }
            Some((Fault::Duplicate, _)) => {
                self.stats.duplicated += 1;
                let later = self.random.random_range(1..=20_000);
                self.fly(at + later, from, to, frame.clone());
            }
            Some((Fault::Corrupt, _)) => {
                self.stats.corrupted += 1;
                corrupt(&mut frame, self.random.random());
            }
            Some((Fault::Reorder, _)) => {
                self.stats.reordered += 1;
                at += self.random.random_range(1..=50_000);
            }
            Some((Fault::Mark, _)) => {
                self.stats.marked += 1;
                mark_congestion(&mut frame);
            }
            Some((Fault::Delay, later)) => {
                self.stats.delayed += 1;
                // It has left the port, however long it takes.
                self.fly(later, None, to, frame);
                return;
            }
        }
        self.fly(at, from, to, frame);
    }

    fn fly(&mut self, at: u64, from: Option<usize>, to: usize, frame: Vec<u8>) {
        if let Some(from) = from {
            self.on_the_way[from] += 1;
        }
        self.order += 1;
        self.wire.push(Reverse(Flying {
            at,
            order: self.order,
            from,
            to,
            frame,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mut bytes = vec![0u8; 64];
        bytes[5] = to;
        bytes[11] = from;
        bytes
    }

    #[test]
    fn frames_take_time_and_keep_their_order() {
        let mut fabric = Fabric::new(2, FabricOptions::default());
        assert_eq!(fabric.transmit(Nanos(0), 0, &frame(2, 1)), Sent::Ok);
        assert_eq!(fabric.transmit(Nanos(0), 0, &frame(3, 1)), Sent::Ok);
        assert!(fabric.arrived(Nanos(1_999)).is_none());
        assert_eq!(fabric.next_arrival(), Some(Nanos(2_000)));
        assert_eq!(fabric.arrived(Nanos(2_000)), Some((1, frame(2, 1))));
        assert_eq!(fabric.arrived(Nanos(2_000)), Some((1, frame(3, 1))));
        assert_eq!(fabric.take_tapped(0), Some(frame(2, 1)));
    }

    #[test]
    fn frames_that_find_stations_have_faults_of_their_own() {
        let rule = rnic_core::fault::Rule {
            site: Site::FrameIn,
            fault: Fault::Drop,
            after: 0,
            every: 1,
            times: None,
            per_million: None,
            per_flow: false,
            delay_ns: 0,
        };
        let mut fabric = Fabric::new(
            2,
            FabricOptions {
                resolution: FaultPlan::new(1, vec![rule]),
                ..FabricOptions::default()
            },
        );
        let mut arp = frame(2, 1);
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        let mut discovery = frame(2, 1);
        discovery[12..14].copy_from_slice(&[0x86, 0xDD]);
        (discovery[20], discovery[54]) = (58, 135);
        let mut echo = discovery.clone();
        echo[54] = 128;
        for bytes in [&arp, &discovery, &echo] {
            assert_eq!(fabric.transmit(Nanos(0), 0, bytes), Sent::Ok);
        }
        assert_eq!(fabric.arrived(Nanos(9_000)), Some((1, echo)));
        assert_eq!(fabric.arrived(Nanos(9_000)), None);
        assert_eq!(fabric.stats.resolution, [2, 0, 0]);
    }

    #[test]
    fn a_port_has_room_for_so_many() {
        let options = FabricOptions {
            frames: 1,
            ..FabricOptions::default()
        };
        let mut fabric = Fabric::new(2, options);
        assert_eq!(fabric.transmit(Nanos(0), 0, &frame(2, 1)), Sent::Ok);
        assert_eq!(fabric.transmit(Nanos(0), 0, &frame(2, 1)), Sent::Full);
        assert!(fabric.arrived(Nanos(9_000)).is_some());
        assert_eq!(fabric.transmit(Nanos(0), 0, &frame(2, 1)), Sent::Ok);
    }
}
