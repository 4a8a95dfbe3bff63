//! The Ethernet lane: queues, filters, frames both ways. What the second function sends arrives at the first.

use std::rc::Rc;

use rnic_abi::{EthDirection, Opcode, Status, SyndromeReason as Reason, feature};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::{Outcome, check, equal, fail, same_bytes};
use crate::request::Request;
use crate::rig::memory::pattern;
use crate::rig::pair::mac;
use crate::rig::{Device, Virtqueue};
use crate::{Capability, Context, List, N};

const ETH: crate::Needs = N.features(feature::ETHERNET);
const TWO: crate::Needs = ETH.capability(Capability::TwoFunctions);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "ethernet.queue_fields",
        &["ETH-1", "CMD-20"],
        ETH,
        queue_fields,
    );
    list.add(
        "ethernet.queue_exists",
        &["ETH-1", "ETH-2", "DB-2"],
        ETH,
        queue_exists,
    );
    list.add(
        "ethernet.settings",
        &["ETH-5", "ETH-6", "CMD-20"],
        ETH,
        settings,
    );
    list.add(
        "ethernet.rss_fields",
        &["ETH-7", "CMD-20"],
        ETH.features(feature::ETH_RSS),
        rss_fields,
    );
    list.add(
        "ethernet.frames@peer",
        &["ETH-3", "ETH-4", "ETH-9", "ETH-11"],
        TWO,
        frames,
    );
    list.add("ethernet.filter@peer", &["ETH-6", "ETH-11"], TWO, filter);
    list.add("ethernet.no_buffer@peer", &["ETH-4"], TWO, no_buffer);
    list.add("ethernet.small_buffer@peer", &["ETH-4"], TWO, small_buffer);
    list.add("ethernet.max_frame@peer", &["ETH-5"], TWO, max_frame);
    list.add(
        "ethernet.malformed_chains",
        &["ETH-3", "CONV-12"],
        ETH,
        malformed,
    );
    list.add(
        "ethernet.interrupt",
        &["ETH-10"],
        ETH.capability(Capability::Interrupts),
        interrupt,
    );
    list.add(
        "ethernet.available_index_lies",
        &["DB-6", "ETH-1", "ERR-1"],
        ETH,
        lying_index,
    );
    list.add("ethernet.destroyed", &["ETH-2"], ETH, destroyed);
}

const HEADER: usize = 12;

/// An Ethernet queue: buffers of 16 KiB, one descriptor each.
struct Queue<P: TestPlatform> {
    ring: Virtqueue<P>,
    buffers: Rc<P::Dma>,
    slot: u32,
    next: u16,
}

const BUFFER: usize = 16 * 1024;
const SIZE: u16 = 16;

fn request<P: TestPlatform>(
    ring: &Virtqueue<P>,
    direction: EthDirection,
    index: u16,
    slot: u32,
) -> Request {
    let [descriptors, available, used] = ring.addresses();
    Request::new(Opcode::CREATE_ETH_QUEUE)
        .set("direction", direction)
        .set("index", index)
        .set("vector", 0xFFFF)
        .set("size", ring.size)
        .set("descriptors", descriptors)
        .set("available", available)
        .set("used", used)
        .set("doorbell", slot)
}

impl<P: TestPlatform> Queue<P> {
    #[track_caller]
    fn new(dev: &Device<'_, P>, direction: EthDirection, vector: u16) -> Outcome<Self> {
        let ring = Virtqueue::new(dev.machine(), SIZE)?;
        let slot = dev.next_slot();
        dev.ok(&request(&ring, direction, 0, slot).set("vector", vector))?;
        Ok(Self {
            ring,
            buffers: dev.alloc(BUFFER * usize::from(SIZE))?,
            slot,
            next: 0,
        })
    }

    /// Makes one buffer of `bytes` bytes available; its descriptor.
    #[track_caller]
    fn give(&mut self, dev: &Device<'_, P>, bytes: usize, write: bool) -> Outcome<u16> {
        let index = self.next % SIZE;
        self.next = self.next.wrapping_add(1);
        let at = self.buffers.iova() + u64::from(index) * BUFFER as u64;
        self.ring.chain(index, &[(at, bytes as u32, write)]);
        self.ring.publish(index);
        dev.ring(self.slot, self.ring.available().into())?;
        Ok(index)
    }

    #[track_caller]
    fn send(&mut self, dev: &Device<'_, P>, frame: &[u8]) -> Outcome {
        let at = usize::from(self.next % SIZE) * BUFFER;
        self.buffers.write(at, &[0; HEADER]);
        self.buffers.write(at + HEADER, frame);
        let index = self.give(dev, HEADER + frame.len(), false)?;
        let ring = &mut self.ring;
        let (head, _) = dev.wait_for("a transmit buffer to come back", || ring.take())?;
        equal("head of a transmit chain", head, index)
    }

    /// The next frame, without its header.
    #[track_caller]
    fn receive(&mut self, dev: &Device<'_, P>) -> Outcome<Vec<u8>> {
        let ring = &mut self.ring;
        let (head, length) = dev.wait_for("a frame", || ring.take())?;
        let mut bytes = vec![0; length as usize];
        check(
            bytes.len() >= HEADER && bytes.len() <= BUFFER,
            format_args!("{length} bytes received"),
        )?;
        self.buffers.read(usize::from(head) * BUFFER, &mut bytes);
        equal("num_buffers", u16::from_le_bytes([bytes[10], bytes[11]]), 1)?;
        Ok(bytes.split_off(HEADER))
    }
}

/// A frame of a protocol that nobody speaks.
fn frame(to: [u8; 6], from: [u8; 6], bytes: usize, seed: u8) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend(from);
    frame.extend([0x88, 0xB5]);
    frame.extend(pattern(bytes - 14, seed));
    frame
}

#[track_caller]
fn mode<P: TestPlatform>(dev: &Device<'_, P>, bits: &[&str]) -> Outcome {
    let request = bits
        .iter()
        .fold(Request::new(Opcode::SET_RX_MODE), |r, bit| {
            r.set(&format!("mode.{bit}"), 1)
        });
    dev.ok(&request).map(drop)
}

/// Transmit queue of the second function, receive queue of the first.
struct Lane<'p, P: TestPlatform> {
    a: Rc<Device<'p, P>>,
    b: Rc<Device<'p, P>>,
    rx: Queue<P>,
    tx: Queue<P>,
    to: [u8; 6],
    from: [u8; 6],
}

#[track_caller]
fn lane<'p, P: TestPlatform>(cx: &Context<'p, P>) -> Outcome<Lane<'p, P>> {
    let a = cx.bare()?;
    let b = Rc::new(Device::negotiated(&cx.other_machine()?, feature::ETHERNET)?);
    let rx = Queue::new(&a, EthDirection::RECEIVE, 0xFFFF)?;
    let tx = Queue::new(&b, EthDirection::TRANSMIT, 0xFFFF)?;
    let (to, from) = (mac(&a), mac(&b));
    Ok(Lane {
        a,
        b,
        rx,
        tx,
        to,
        from,
    })
}

fn queue_fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let ring = Virtqueue::new(dev.machine(), SIZE)?;
    let [descriptors, available, used] = ring.addresses();
    let most = 1_u64 << dev.limit("eth_ring_log")?;
    let queues = dev.limit("eth_queues")?;
    for direction in [EthDirection::RECEIVE, EthDirection::TRANSMIT] {
        let good = request(&ring, direction, 0, dev.next_slot());
        for (field, value, status) in [
            ("size", 0, None),
            ("size", 3, Some(Status::INVALID_FIELD)),
            ("size", 48, Some(Status::INVALID_FIELD)),
            ("size", most * 2, Some(Status::LIMIT_EXCEEDED)),
            ("descriptors", descriptors + 8, Some(Status::INVALID_FIELD)),
            ("available", available + 1, Some(Status::INVALID_FIELD)),
            ("used", used + 2, Some(Status::INVALID_FIELD)),
            ("index", queues, Some(Status::LIMIT_EXCEEDED)),
            ("index", 0xFFFF, Some(Status::LIMIT_EXCEEDED)),
            ("doorbell", 3, Some(Status::INVALID_FIELD)),
        ] {
            let answer = dev.call(&good.clone().set(field, value))?;
            let what = format!("CREATE_ETH_QUEUE with {field} = {value:#x}");
            check(
                answer.status() != Status::OK,
                format_args!("{what} succeeded"),
            )?;
            equal(
                format_args!("{what}: offset"),
                answer.offset(),
                good.place(field).offset as u16,
            )?;
            if let Some(status) = status {
                equal(&what, answer.status(), status)?;
            }
        }
        dev.ok(&good)?;
    }
    Ok(())
}

fn queue_exists<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let ring = Virtqueue::new(dev.machine(), SIZE)?;
    let first = request(&ring, EthDirection::RECEIVE, 0, dev.next_slot());
    let destroy = |direction: EthDirection, index: u16| {
        Request::new(Opcode::DESTROY_ETH_QUEUE)
            .set("direction", direction)
            .set("index", index)
    };
    dev.ok(&first)?;
    let again = first.clone().set("doorbell", dev.next_slot());
    dev.refused(&again, Status::BUSY, "*", None)?;
    let slot = first.get("doorbell");
    let shared = request(&ring, EthDirection::TRANSMIT, 0, 0).set("doorbell", slot);
    dev.refused(&shared, Status::DOORBELL_IN_USE, "doorbell", Reason::IN_USE)?;
    dev.refused(
        &destroy(EthDirection::TRANSMIT, 0),
        Status::NO_SUCH_OBJECT,
        "*",
        Reason::NOT_FOUND,
    )?;
    dev.ok(&destroy(EthDirection::RECEIVE, 0))?;
    dev.refused(
        &destroy(EthDirection::RECEIVE, 0),
        Status::NO_SUCH_OBJECT,
        "*",
        Reason::NOT_FOUND,
    )?;
    dev.ok(&first).map(drop)
}

fn settings<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let most = dev.limit("multicast")?;
    let list = dev.alloc(most as usize * 6 + 6)?;
    let good = Request::new(Opcode::SET_RX_MODE)
        .set("mode.multicast", 1)
        .set("multicast_count", most)
        .set("multicast_list", list.iova());
    list.write(0, &[1, 0, 0x5E, 0, 0, 1].repeat(most as usize));
    let many = good.clone().set("multicast_count", most + 1);
    dev.refused(
        &many,
        Status::LIMIT_EXCEEDED,
        "multicast_count",
        Reason::TOO_LARGE,
    )?;
    dev.ok(&good)?;
    let longest = dev.limit("eth_frame_bytes")?;
    let offloads = Request::new(Opcode::SET_ETH_OFFLOADS).set("max_frame", longest);
    let long = offloads.clone().set("max_frame", longest + 1);
    dev.refused(
        &long,
        Status::LIMIT_EXCEEDED,
        "max_frame",
        Reason::TOO_LARGE,
    )?;
    dev.ok(&offloads).map(drop)
}

fn rss_fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let most = dev.limit("rss_table")?;
    let queues = dev.limit("eth_queues")?;
    let good = Request::new(Opcode::SET_RSS)
        .set("types.ipv4", 1)
        .set("table_size", most);
    for size in [0, 3, 96, most * 2, 0xFFFF_FFFF] {
        let answer = dev.call(&good.clone().set("table_size", size))?;
        check(
            answer.status() != Status::OK,
            format_args!("SET_RSS took a table of {size}"),
        )?;
        equal(
            "offset",
            answer.offset(),
            good.place("table_size").offset as u16,
        )?;
    }
    let answer = dev.call(&good.clone().set_bytes("table", &[0, queues as u8]))?;
    check(
        answer.status() != Status::OK,
        "SET_RSS took a table entry past the queues",
    )?;
    dev.ok(&good.set_bytes("table", &[0, queues as u8 - 1]))
        .map(drop)
}

fn frames<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = lane(cx)?;
    mode(&l.a, &["unicast"])?;
    let mut octets = 0;
    for (i, bytes) in [60, 61, 64, 512, 1514].into_iter().enumerate() {
        l.rx.give(&l.a, BUFFER, true)?;
        let mut sent = frame(l.to, l.from, bytes, i as u8);
        if i == 3 {
            // A VLAN tag is carried in the frame.
            sent.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
        }
        l.tx.send(&l.b, &sent)?;
        same_bytes("frame", &l.rx.receive(&l.a)?, &sent)?;
        octets += sent.len() as u64;
    }
    equal("ETH_FRAMES_OUT", l.b.counter("ETH_FRAMES_OUT")?, 5)?;
    equal("ETH_FRAMES_IN", l.a.counter("ETH_FRAMES_IN")?, 5)?;
    equal("ETH_OCTETS_OUT", l.b.counter("ETH_OCTETS_OUT")?, octets)?;
    equal("ETH_OCTETS_IN", l.a.counter("ETH_OCTETS_IN")?, octets)
}

fn filter<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = lane(cx)?;
    let (listed, other) = ([1, 0, 0x5E, 1, 2, 3], [1, 0, 0x5E, 9, 9, 9]);
    let targets = [l.to, [2, 9, 9, 9, 9, 9], [0xFF; 6], listed, other];
    let list = l.a.alloc(6)?;
    list.write(0, &listed);
    let with_list = |bit: &str| {
        Request::new(Opcode::SET_RX_MODE)
            .set(&format!("mode.{bit}"), 1)
            .set("multicast_count", 1)
            .set("multicast_list", list.iova())
    };
    let rows = [
        (Request::new(Opcode::SET_RX_MODE), [false; 5]),
        (with_list("unicast"), [true, false, false, false, false]),
        (with_list("broadcast"), [false, false, true, false, false]),
        (with_list("multicast"), [false, false, false, true, false]),
        (
            with_list("all_multicast"),
            [false, false, false, true, true],
        ),
        (with_list("promiscuous"), [true; 5]),
    ];
    for (request, expected) in rows {
        l.a.ok(&request)?;
        for (target, expected) in targets.into_iter().zip(expected) {
            if expected {
                l.rx.give(&l.a, BUFFER, true)?;
            }
            let sent = frame(target, l.from, 100, 1);
            l.tx.send(&l.b, &sent)?;
            if expected {
                same_bytes("frame", &l.rx.receive(&l.a)?, &sent)?;
            } else {
                l.a.settle();
                check(
                    l.rx.ring.take()?.is_none(),
                    format_args!(
                        "a frame to {target:02x?} came with mode {:#x}",
                        request.get("mode")
                    ),
                )?;
            }
        }
    }
    check(
        l.a.counter("ETH_MULTICAST_IN")? >= 5,
        "ETH_MULTICAST_IN does not count",
    )?;
    equal("ETH_BROADCAST_IN", l.a.counter("ETH_BROADCAST_IN")?, 2)
}

fn no_buffer<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = lane(cx)?;
    mode(&l.a, &["unicast"])?;
    let before = l.a.counter("ETH_DROPPED_NO_BUFFER")?;
    l.tx.send(&l.b, &frame(l.to, l.from, 100, 1))?;
    l.a.counted("ETH_DROPPED_NO_BUFFER", before, 1)?;
    l.rx.give(&l.a, BUFFER, true)?;
    let sent = frame(l.to, l.from, 100, 2);
    l.tx.send(&l.b, &sent)?;
    same_bytes(
        "the frame after the dropped one",
        &l.rx.receive(&l.a)?,
        &sent,
    )
}

fn small_buffer<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = lane(cx)?;
    mode(&l.a, &["unicast"])?;
    l.rx.give(&l.a, HEADER + 99, true)?;
    l.tx.send(&l.b, &frame(l.to, l.from, 100, 1))?;
    l.a.settle();
    // A chain that takes nothing of the frame stays, or comes back empty; the frame is not cut.
    if let Some((_, length)) = l.rx.ring.take()? {
        equal("bytes of a frame that does not fit", length, 0)?;
    }
    l.rx.give(&l.a, BUFFER, true)?;
    let sent = frame(l.to, l.from, 80, 2);
    l.tx.send(&l.b, &sent)?;
    same_bytes("a frame that fits", &l.rx.receive(&l.a)?, &sent)
}

fn max_frame<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = lane(cx)?;
    mode(&l.a, &["unicast"])?;
    let longest =
        l.a.limit("eth_frame_bytes")?
            .min(l.b.limit("eth_frame_bytes")?) as usize;
    if longest < 4000 {
        return crate::failure::skip("the device has no jumbo frames");
    }
    for (limit, bytes, comes) in [
        (None, 1519, false),
        (None, 1518, true),
        (Some(3000_u32), 3000, true),
        (Some(3000), 3001, false),
    ] {
        if let Some(limit) = limit {
            l.a.ok(&Request::new(Opcode::SET_ETH_OFFLOADS).set("max_frame", limit))?;
        }
        let sent = frame(l.to, l.from, bytes, 3);
        if comes {
            l.rx.give(&l.a, BUFFER, true)?;
        }
        l.tx.send(&l.b, &sent)?;
        if comes {
            same_bytes("frame", &l.rx.receive(&l.a)?, &sent)?;
        } else {
            l.a.settle();
            check(
                l.rx.ring.take()?.is_none(),
                format_args!("a frame of {bytes} octets came"),
            )?;
        }
    }
    Ok(())
}

fn malformed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    use crate::rig::virtqueue::NEXT;
    let dev = cx.bare()?;
    let mut tx = Queue::new(&dev, EthDirection::TRANSMIT, 0xFFFF)?;
    let longest = dev.limit("eth_frame_bytes")? as usize;
    let before = dev.counter("ETH_DROPPED_MALFORMED")?;
    let lengths = [0, 11, HEADER, HEADER + 13, HEADER + longest + 1];
    let mut count = 0;
    for bytes in lengths.into_iter().filter(|b| *b <= BUFFER) {
        tx.give(&dev, bytes, false)?;
        let ring = &mut tx.ring;
        dev.wait_for(
            format_args!("a chain of {bytes} bytes to come back"),
            || ring.take(),
        )?;
        count += 1;
        dev.counted("ETH_DROPPED_MALFORMED", before, count)?;
    }
    // Written by the device: no transmit chain.
    tx.give(&dev, 100, true)?;
    let ring = &mut tx.ring;
    dev.wait_for("a writable chain to come back", || ring.take())?;
    dev.counted("ETH_DROPPED_MALFORMED", before, count + 1)?;
    // A good one still goes.
    tx.send(&dev, &frame([2, 9, 9, 9, 9, 9], mac(&dev), 100, 1))?;
    // One that loops: whatever becomes of the queue, the device survives.
    tx.ring.describe(7, tx.buffers.iova(), 64, NEXT, 7);
    tx.ring.publish(7);
    dev.ring(tx.slot, tx.ring.available().into())?;
    dev.settle();
    dev.ok(&Request::new(Opcode::NOP)).map(drop)
}

fn interrupt<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let p = dev.platform;
    let mut tx = Queue::new(&dev, EthDirection::TRANSMIT, 13)?;
    let sent = frame([2, 9, 9, 9, 9, 9], mac(&dev), 100, 1);
    let before = p.interrupts(13);
    tx.send(&dev, &sent)?;
    dev.wait_until("an interrupt of a transmit queue", || {
        p.interrupts(13) > before
    })?;
    dev.settle();
    let before = p.interrupts(13);
    tx.ring.set_flags(crate::rig::virtqueue::NO_INTERRUPT);
    tx.send(&dev, &sent)?;
    dev.settle();
    equal(
        "interrupts although the driver wants none",
        p.interrupts(13),
        before,
    )
}

fn lying_index<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let mut tx = Queue::new(&dev, EthDirection::TRANSMIT, 0xFFFF)?;
    dev.ring(tx.slot, u64::from(SIZE) + 1)?;
    dev.settle();
    check(
        tx.ring.take()?.is_none(),
        "a queue whose index lies returned a buffer",
    )?;
    // It stopped; the device did not, and the queue can be made anew.
    let destroy = Request::new(Opcode::DESTROY_ETH_QUEUE).set("direction", EthDirection::TRANSMIT);
    dev.ok(&destroy)?;
    let mut tx = Queue::new(&dev, EthDirection::TRANSMIT, 0xFFFF)?;
    tx.send(&dev, &frame([2, 9, 9, 9, 9, 9], mac(&dev), 100, 1))
}

fn destroyed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let dev = cx.bare()?;
    let mut rx = Queue::new(&dev, EthDirection::RECEIVE, 0xFFFF)?;
    for _ in 0..4 {
        rx.give(&dev, BUFFER, true)?;
    }
    dev.ok(&Request::new(Opcode::DESTROY_ETH_QUEUE).set("direction", EthDirection::RECEIVE))?;
    dev.settle();
    if rx.ring.take()?.is_some() {
        return fail("buffers that were not used came back");
    }
    Ok(())
}
