//! The Ethernet lane by its commands, and which frames get to it.

use core::mem::offset_of;

use rnic_abi::{
    AddressFlags, CounterId, CreateEthQueueRequest, DestroyEthQueueRequest, EthDirection,
    EthOffloads, Family, RssTypes, RxMode, SetAddressRequest, SetEthOffloadsRequest, SetRssRequest,
    SetRxModeRequest, Status, SyndromeReason, cmd, consts, feature,
};
use rnic_core::pci::offset;
use rnic_wire::MacAddr;

use crate::FEATURES;
use crate::testing::{BASE, MAC, Rig, zeroed};

const SLOT: u32 = 512 + 8;
const NOWHERE: u64 = 0x7000_0000_0000;
/// Descriptors of a queue.
const SIZE: u16 = 16;

/// A queue as its driver sees it: descriptor table, available ring, used ring, one buffer a
/// descriptor.
struct Queue {
    areas: [u64; 3],
    buffers: u64,
    slot: u32,
    posted: u16,
}

fn create_request(rig: &mut Rig, direction: EthDirection, index: u16) -> CreateEthQueueRequest {
    let mut request: CreateEthQueueRequest = zeroed();
    request.set_direction(direction);
    request.index.set(index);
    request.size.set(SIZE);
    request.vector.set(4);
    request.descriptors.set(rig.alloc(4096));
    request.available.set(rig.alloc(4096));
    request.used.set(rig.alloc(4096));
    let slot = SLOT + u32::from(index) * 2 + u32::from(direction.0);
    request.doorbell.set(slot);
    request
}

fn queue(rig: &mut Rig, direction: EthDirection) -> Queue {
    let request = create_request(rig, direction, 0);
    rig.ok::<cmd::CreateEthQueue>(request);
    Queue {
        areas: [
            request.descriptors.get(),
            request.available.get(),
            request.used.get(),
        ],
        buffers: rig.alloc(u64::from(SIZE) * 4096),
        slot: request.doorbell.get(),
        posted: 0,
    }
}

impl Queue {
    fn buffer(&self, n: u16) -> u64 {
        self.buffers + u64::from(n) * 4096
    }

    /// Posts buffer `posted` with these flags, and rings.
    fn post(&mut self, rig: &mut Rig, len: u32, flags: u16) {
        let n = self.posted % SIZE;
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&self.buffer(n).to_le_bytes());
        raw[8..12].copy_from_slice(&len.to_le_bytes());
        raw[12..14].copy_from_slice(&flags.to_le_bytes());
        rig.guest_write(self.areas[0] + u64::from(n) * 16, &raw);
        rig.guest_write(self.areas[1] + 4 + u64::from(n) * 2, &n.to_le_bytes());
        self.posted += 1;
        rig.guest_write(self.areas[1] + 2, &self.posted.to_le_bytes());
        rig.ring_slot(self.slot, self.posted.into());
        rig.settle();
    }

    fn used(&self, rig: &Rig) -> u16 {
        let mut index = [0; 2];
        rig.memory
            .read(self.areas[2] + 2 - BASE, &mut index)
            .unwrap();
        u16::from_le_bytes(index)
    }
}

fn mode(rig: &mut Rig, mode: RxMode, mac: [u8; 6], list: &[[u8; 6]]) {
    let at = rig.alloc(4096);
    rig.guest_write(at, list.as_flattened());
    let mut request: SetRxModeRequest = zeroed();
    request.set_mode(mode);
    request.mac = mac;
    request.multicast_count.set(list.len() as u32);
    request.multicast_list.set(at);
    rig.ok::<cmd::SetRxMode>(request);
}

fn receive(rig: &mut Rig, frame: &[u8]) {
    rig.device.frame_received(&mut rig.env, frame);
}

fn count(rig: &Rig, id: CounterId) -> u64 {
    rig.device.hardware().resources.counters.get(id)
}

fn frame_to(mac: MacAddr) -> Vec<u8> {
    let mut frame = mac.0.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
    frame.resize(60, 7);
    frame
}

/// UDP over IPv4 to `port` at 10.0.0.`host`, with a payload that is no RoCEv2.
fn udp_to(mac: MacAddr, host: u8, port: u16) -> Vec<u8> {
    let mut frame = frame_to(mac);
    frame[12..14].copy_from_slice(&[8, 0]);
    let ip = [
        0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 9, 10, 0, 0, host,
    ];
    frame[14..34].copy_from_slice(&ip);
    frame[34..36].copy_from_slice(&[0xc0, 0]);
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame
}

/// Gives the device 10.0.0.1.
fn set_address(rig: &mut Rig, flags: AddressFlags) {
    let mut address: SetAddressRequest = zeroed();
    address.index.set(1);
    address.set_family(Family::IPV4);
    address.set_flags(flags);
    address.prefix = 24;
    address.address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    rig.ok::<cmd::SetAddress>(address);
}

#[test]
fn what_a_queue_may_be() {
    // [ETH-1] [INT-5] [DB-1] [DB-2] [CMD-13] [CMD-14]
    type Change = fn(&mut CreateEthQueueRequest);
    let (invalid, limit, dma) = (
        Status::INVALID_FIELD,
        Status::LIMIT_EXCEEDED,
        Status::DMA_ERROR,
    );
    let (bad, large, unaligned, unreachable) = (
        SyndromeReason::BAD_VALUE,
        SyndromeReason::TOO_LARGE,
        SyndromeReason::NOT_ALIGNED,
        SyndromeReason::NOT_REACHABLE,
    );
    macro_rules! at {
        ($field:ident) => {
            offset_of!(CreateEthQueueRequest, $field) as u16
        };
    }
    let table: &[(Change, (Status, SyndromeReason, u16))] = &[
        (|r| r.direction_raw = 2, (invalid, bad, at!(direction_raw))),
        (|r| r.index.set(16), (limit, large, at!(index))),
        (|r| r.vector.set(64), (limit, large, at!(vector))),
        (|r| r.size.set(0), (invalid, bad, at!(size))),
        (|r| r.size.set(24), (invalid, bad, at!(size))),
        (|r| r.size.set(8192), (limit, large, at!(size))),
        (
            |r| r.descriptors.set(BASE + 8),
            (invalid, unaligned, at!(descriptors)),
        ),
        (
            |r| r.available.set(BASE + 1),
            (invalid, unaligned, at!(available)),
        ),
        (|r| r.used.set(BASE + 2), (invalid, unaligned, at!(used))),
        (|r| r.doorbell.set(7), (invalid, bad, at!(doorbell))),
        (
            |r| r.descriptors.set(NOWHERE),
            (dma, unreachable, at!(descriptors)),
        ),
        (
            |r| r.available.set(NOWHERE),
            (dma, unreachable, at!(available)),
        ),
        (|r| r.used.set(NOWHERE), (dma, unreachable, at!(used))),
    ];
    let mut rig = Rig::up();
    for direction in [EthDirection::RECEIVE, EthDirection::TRANSMIT] {
        let good = create_request(&mut rig, direction, 15);
        for (change, expected) in table {
            let mut request = good;
            change(&mut request);
            assert_eq!(rig.fails::<cmd::CreateEthQueue>(request), *expected);
        }
        rig.ok::<cmd::CreateEthQueue>(good);
        let busy = (Status::BUSY, SyndromeReason::IN_USE, at!(index));
        assert_eq!(rig.fails::<cmd::CreateEthQueue>(good), busy);
        let mut other = create_request(&mut rig, direction, 14);
        other.doorbell = good.doorbell;
        let in_use = (
            Status::DOORBELL_IN_USE,
            SyndromeReason::IN_USE,
            at!(doorbell),
        );
        assert_eq!(rig.fails::<cmd::CreateEthQueue>(other), in_use);
        // [ETH-2]
        let mut destroy: DestroyEthQueueRequest = zeroed();
        destroy.set_direction(direction);
        destroy.index.set(15);
        rig.ok::<cmd::DestroyEthQueue>(destroy);
        let at = offset_of!(DestroyEthQueueRequest, index) as u16;
        let gone = (Status::NO_SUCH_OBJECT, SyndromeReason::NOT_FOUND, at);
        assert_eq!(rig.fails::<cmd::DestroyEthQueue>(destroy), gone);
        destroy.direction_raw = 7;
        let at = offset_of!(DestroyEthQueueRequest, direction_raw) as u16;
        assert_eq!(
            rig.fails::<cmd::DestroyEthQueue>(destroy),
            (invalid, bad, at)
        );
        let mut none = good;
        none.vector.set(consts::VECTOR_NONE);
        rig.ok::<cmd::CreateEthQueue>(none);
    }
}

#[test]
fn what_the_settings_may_be() {
    // [ETH-5] [ETH-6] [ETH-7]
    let mut rig = Rig::up();
    let (limit, large) = (Status::LIMIT_EXCEEDED, SyndromeReason::TOO_LARGE);
    let list = rig.alloc(4096);
    let mut good: SetRxModeRequest = zeroed();
    good.set_mode(RxMode::MULTICAST);
    good.multicast_count.set(128);
    good.multicast_list.set(list);
    rig.ok::<cmd::SetRxMode>(good);
    let mut request = good;
    request.multicast_count.set(129);
    let at = offset_of!(SetRxModeRequest, multicast_count) as u16;
    assert_eq!(rig.fails::<cmd::SetRxMode>(request), (limit, large, at));
    request = good;
    request.multicast_list.set(NOWHERE);
    let at = offset_of!(SetRxModeRequest, multicast_list) as u16;
    let unreachable = (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, at);
    assert_eq!(rig.fails::<cmd::SetRxMode>(request), unreachable);
    request = good;
    request.mac = [1, 0, 0, 0, 0, 0];
    let at = offset_of!(SetRxModeRequest, mac) as u16;
    let bad = (Status::INVALID_FIELD, SyndromeReason::BAD_VALUE, at);
    assert_eq!(rig.fails::<cmd::SetRxMode>(request), bad);

    let mut request: SetEthOffloadsRequest = zeroed();
    request.set_offloads(EthOffloads(7));
    let at = offset_of!(SetEthOffloadsRequest, max_frame) as u16;
    for (max_frame, result) in [
        (14, None),
        (9234, None),
        (13, Some(SyndromeReason::TOO_SMALL)),
        (9235, Some(large)),
        (u32::MAX, Some(large)),
    ] {
        request.max_frame.set(max_frame);
        match result {
            None => drop(rig.ok::<cmd::SetEthOffloads>(request)),
            Some(reason) => {
                let refused = rig.fails::<cmd::SetEthOffloads>(request);
                assert_eq!(refused, (limit, reason, at));
            }
        }
    }

    let mut good: SetRssRequest = zeroed();
    good.set_types(RssTypes::IPV4);
    good.table_size.set(128);
    good.table = [15; 128];
    rig.ok::<cmd::SetRss>(good);
    let at = offset_of!(SetRssRequest, table_size) as u16;
    for (size, status, reason) in [
        (0, Status::INVALID_FIELD, SyndromeReason::BAD_VALUE),
        (100, Status::INVALID_FIELD, SyndromeReason::BAD_VALUE),
        (256, limit, large),
        (1 << 31, limit, large),
    ] {
        let mut request = good;
        request.table_size.set(size);
        assert_eq!(rig.fails::<cmd::SetRss>(request), (status, reason, at));
    }
    let mut request = good;
    request.table[127] = 16;
    let at = offset_of!(SetRssRequest, table) as u16;
    assert_eq!(rig.fails::<cmd::SetRss>(request), (limit, large, at));
    request.table_size.set(64);
    rig.ok::<cmd::SetRss>(request);
}

#[test]
fn without_the_feature_there_is_no_lane() {
    // [BRING-9]
    let mut rig = Rig::new();
    rig.enable();
    let mut negotiate = rnic_abi::NegotiateRequest::zeroed();
    negotiate.major.set(rnic_abi::interface::MAJOR);
    let without = FEATURES & !(feature::PARKING | feature::ETHERNET | feature::ETH_RSS);
    negotiate.features.set(without);
    rig.ok::<cmd::Negotiate>(negotiate);
    let request = create_request(&mut rig, EthDirection::RECEIVE, 0);
    let unknown = Status::UNKNOWN_COMMAND;
    assert_eq!(rig.fails::<cmd::CreateEthQueue>(request).0, unknown);
    assert_eq!(rig.fails::<cmd::SetRxMode>(zeroed()).0, unknown);
    assert_eq!(rig.fails::<cmd::SetEthOffloads>(zeroed()).0, unknown);
    assert_eq!(rig.fails::<cmd::SetRss>(zeroed()).0, unknown);
}

#[test]
fn frames_go_both_ways() {
    // [ETH-3] [ETH-4] [ETH-6] [ETH-10]
    let mut rig = Rig::up();
    let mut rx = queue(&mut rig, EthDirection::RECEIVE);
    let mut tx = queue(&mut rig, EthDirection::TRANSMIT);
    for _ in 0..4 {
        rx.post(&mut rig, 2048, 2);
    }
    let frame = frame_to(MAC);
    receive(&mut rig, &frame);
    assert_eq!(rx.used(&rig), 0, "[ETH-6]: none at first");
    mode(&mut rig, RxMode::UNICAST, [0; 6], &[]);
    rig.env.raised.clear();
    receive(&mut rig, &frame);
    assert_eq!((rx.used(&rig), rig.env.raised.remove(&4)), (1, Some(1)));
    let mut got = [0; 60];
    rig.memory.read(rx.buffer(0) + 12 - BASE, &mut got).unwrap();
    assert_eq!(got[..], frame);
    let other = MacAddr([2, 0, 0, 0, 0, 5]);
    let group = MacAddr([0x33, 0x33, 0, 0, 0, 5]);
    mode(
        &mut rig,
        RxMode(RxMode::UNICAST.0 | RxMode::MULTICAST.0),
        other.0,
        &[group.0],
    );
    for mac in [MAC, other, group, MacAddr::BROADCAST] {
        receive(&mut rig, &frame_to(mac));
    }
    assert_eq!(rx.used(&rig), 3);
    assert_eq!(count(&rig, CounterId::ETH_FRAMES_IN), 3);

    rig.guest_write(tx.buffer(0) + 12, &frame);
    rig.env.raised.clear();
    tx.post(&mut rig, 72, 0);
    assert_eq!(rig.env.sent, [frame]);
    assert_eq!((tx.used(&rig), rig.env.raised.remove(&4)), (1, Some(1)));

    // A doorbell that does not agree with the ring is counted as the driver's mistake.
    let before = count(&rig, CounterId::GUEST_ERRORS);
    rig.ring_slot(tx.slot, 9);
    rig.settle();
    assert_eq!(count(&rig, CounterId::GUEST_ERRORS), before + 1);
}

#[test]
fn frames_for_queue_pairs_never_reach_the_lane() {
    // [ETH-8]
    let mut rig = Rig::up();
    let mut rx = queue(&mut rig, EthDirection::RECEIVE);
    mode(&mut rig, RxMode::PROMISCUOUS, [0; 6], &[]);
    for _ in 0..8 {
        rx.post(&mut rig, 2048, 2);
    }
    let roce = udp_to(MAC, 1, 4791);
    receive(&mut rig, &roce);
    assert_eq!(rx.used(&rig), 1, "no address: the guest's");
    let before = count(&rig, CounterId::DROPPED_MALFORMED);
    set_address(&mut rig, AddressFlags(0));
    receive(&mut rig, &roce);
    assert_eq!(rx.used(&rig), 1);
    let dropped = count(&rig, CounterId::DROPPED_MALFORMED) + count(&rig, CounterId::DROPPED_ICRC);
    assert_eq!(dropped, before + 1, "it went to the queue pairs");
    // Another port, another address, another station: the guest's.
    for frame in [
        udp_to(MAC, 1, 4790),
        udp_to(MAC, 2, 4791),
        udp_to(MacAddr([2, 0, 0, 0, 0, 5]), 1, 4791),
    ] {
        let before = rx.used(&rig);
        receive(&mut rig, &frame);
        assert_eq!(rx.used(&rig), before + 1);
    }
    // The guest's own frames to that port go out like any other, and come back to nobody.
    let mut tx = queue(&mut rig, EthDirection::TRANSMIT);
    rig.guest_write(tx.buffer(0) + 12, &roce);
    tx.post(&mut rig, 72, 0);
    assert_eq!(rig.env.sent, [roce]);
    assert_eq!(rx.used(&rig), 4);
}

#[test]
fn arp_is_answered_here_and_seen_by_the_guest_too() {
    // [ETH-8]
    let mut rig = Rig::up();
    let mut rx = queue(&mut rig, EthDirection::RECEIVE);
    mode(&mut rig, RxMode::BROADCAST, [0; 6], &[]);
    set_address(&mut rig, AddressFlags::ANSWER);
    rx.post(&mut rig, 2048, 2);
    let mut frame = frame_to(MacAddr::BROADCAST);
    frame[12..14].copy_from_slice(&[8, 6]);
    let arp = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9];
    frame[14..32].copy_from_slice(&arp);
    frame[32..42].copy_from_slice(&[0, 0, 0, 0, 0, 0, 10, 0, 0, 1]);
    receive(&mut rig, &frame);
    assert_eq!(rx.used(&rig), 1);
    assert_eq!(rig.env.sent.len(), 1);
    assert_eq!(rig.env.sent[0][..6], [2, 0, 0, 0, 0, 9]);
}

#[test]
fn a_reset_at_any_moment_forgets_the_lane() {
    // [RESET-1] [RESET-3] [BRING-2]
    let mut rig = Rig::up();
    let mut rx = queue(&mut rig, EthDirection::RECEIVE);
    let mut tx = queue(&mut rig, EthDirection::TRANSMIT);
    mode(&mut rig, RxMode::PROMISCUOUS, [0; 6], &[]);
    rx.post(&mut rig, 2048, 2);
    // While the device is not enabled nothing is sent or received, and nothing posted is lost.
    rig.write32(rnic_abi::reg::DEVICE_CONTROL, 0);
    rig.guest_write(tx.buffer(0) + 12, &frame_to(MAC));
    tx.post(&mut rig, 72, 0);
    receive(&mut rig, &frame_to(MAC));
    assert!(rig.env.sent.is_empty() && rx.used(&rig) == 0);
    rig.write32(rnic_abi::reg::DEVICE_CONTROL, 1);
    rig.settle();
    assert_eq!((rig.env.sent.len(), tx.used(&rig)), (1, 1));
    // The same with bus mastering [BRING-3].
    rig.config_write(offset::COMMAND.into(), &2u16.to_le_bytes());
    rig.ring_slot(tx.slot, 1);
    receive(&mut rig, &frame_to(MAC));
    rig.settle();
    assert_eq!(rx.used(&rig), 0);
    rig.config_write(offset::COMMAND.into(), &6u16.to_le_bytes());
    receive(&mut rig, &frame_to(MAC));
    assert_eq!(rx.used(&rig), 1);
    tx.post(&mut rig, 72, 0);
    rig.write32(rnic_abi::reg::DEVICE_CONTROL, 1 << 31);
    let sent = rig.env.sent.len();
    rig.settle();
    receive(&mut rig, &frame_to(MAC));
    assert_eq!((rig.env.sent.len(), rx.used(&rig)), (sent, 1));
    // Nothing is left of it: the same queue can be made again.
    rig.enable();
    let mut negotiate = rnic_abi::NegotiateRequest::zeroed();
    negotiate.major.set(rnic_abi::interface::MAJOR);
    negotiate.features.set(FEATURES & !feature::PARKING);
    rig.ok::<cmd::Negotiate>(negotiate);
    let rx = queue(&mut rig, EthDirection::RECEIVE);
    assert_eq!(rx.used(&rig), 0);
}
