//! The device as its host and its driver see it: accesses, interrupts, resets, parking.

use rnic_abi::{CounterId, FailureCode, NegotiateRequest, Status, cmd, consts, feature, reg};
use rnic_core::env::{Budget, Nanos};
use rnic_core::interrupt::VectorState;
use rnic_core::pci::{Delivery, offset};
use rnic_wire::MacAddr;

use super::*;
use crate::testing::{ANSWERS, BASE, MAC, Rig, zeroed};

const READY: u32 = 1;
const SLOT: u32 = 512 + 8;

fn guest_errors(rig: &mut Rig) -> u32 {
    rig.read32(reg::GUEST_ERRORS)
}

#[test]
fn a_device_says_who_it_is() {
    // [REG-7] [REG-8] [REG-9] [REG-10] [REG-12]
    let mut rig = Rig::new();
    assert_eq!(rig.read32(reg::MAGIC), consts::MAGIC_VALUE);
    assert_eq!(rig.read32(reg::INTERFACE_VERSION), 0x0001_0000);
    assert_eq!(rig.read32(reg::FIRMWARE_VERSION), 0x0000_0100);
    assert_ne!(rig.read64(reg::NODE_GUID), 0);
    assert_eq!(rig.read64(reg::MAC_ADDRESS).to_le_bytes()[..6], MAC.0);
    assert_eq!(rig.read32(reg::CAPABILITY), 64 << 8 | 8);
    let mut id = [0; 4];
    rig.device.config_read(0, &mut id);
    assert_eq!(u32::from_le_bytes(id), 0x524E_1D1D);
    for (config, error) in [
        (
            Config {
                guid: 0,
                ..Config::new(MAC)
            },
            ConfigError::Guid,
        ),
        (
            Config {
                mac: MacAddr([0; 6]),
                ..Config::new(MAC)
            },
            ConfigError::Mac(MacAddr([0; 6])),
        ),
        (
            Config {
                mac: MacAddr([0xFF; 6]),
                ..Config::new(MAC)
            },
            ConfigError::Mac(MacAddr([0xFF; 6])),
        ),
    ] {
        assert_eq!(Device::new(config).unwrap_err(), error);
    }
}

#[test]
fn the_clock_is_the_hosts_and_survives_a_reset() {
    // [REG-13]
    let mut rig = Rig::new();
    rig.env.now = Nanos(0x1_0000_0005);
    assert_eq!(rig.read64(reg::CLOCK), 0x1_0000_0005);
    assert_eq!(rig.read32(reg::CLOCK + 4), 1);
    rig.write32(reg::DEVICE_CONTROL, 1 << 31);
    assert_eq!(rig.read64(reg::CLOCK), 0x1_0000_0005);
}

#[test]
fn accesses_that_are_ignored_are_counted() {
    // [REG-1] [REG-2] [REG-14] [DB-3]
    let mut rig = Rig::new();
    rig.write32(reg::SCRATCH, 0xDEAD_BEEF);
    let mut data = [0xAA; 4];
    for (bar, at, bytes) in [
        (0, reg::SCRATCH, 2),
        (0, reg::SCRATCH + 1, 4),
        (0, 0x300, 4),
        (0, 0x4000, 4),
        (2, u64::from(SLOT) * 8, 4),
        (3, 0, 4),
    ] {
        let part = &mut data[..bytes];
        rig.device.bar_read(&mut rig.env, bar, at, part);
        assert!(part.iter().all(|byte| *byte == 0), "BAR{bar} {at:#x}");
        rig.device
            .bar_write(&mut rig.env, bar, at, &[0xFF; 4][..bytes]);
        assert_eq!(guest_errors(&mut rig), 2, "BAR{bar} {at:#x}");
        assert_eq!(guest_errors(&mut rig), 0, "read to clear");
    }
    assert_eq!(rig.read32(reg::SCRATCH), 0xDEAD_BEEF);
    rig.ring_slot(SLOT, 1);
    assert_eq!(guest_errors(&mut rig), 1, "nobody owns the slot");
    let counters = &rig.device.hardware().resources.counters;
    assert_eq!(counters.get(CounterId::GUEST_ERRORS), 13);
}

#[test]
fn a_doorbell_takes_whole_slots_alone() {
    // [DB-3]
    let mut rig = Rig::up();
    rig.env.mapped = false;
    let (ring, _) = rig.ring_description(1, 4, SLOT);
    let mut request = rnic_abi::CreateEqRequest::zeroed().with_kind(rnic_abi::EqKind::COMPLETION);
    request.ring = ring;
    rig.ok::<cmd::CreateEq>(request);
    for (at, bytes) in [(0, 4), (4, 4), (0, 1), (1, 8), (4, 8)] {
        let offset = u64::from(SLOT) * 8 + at;
        rig.device
            .bar_write(&mut rig.env, 2, offset, &[0xFF; 8][..bytes]);
        assert_eq!(guest_errors(&mut rig), 1, "{at}/{bytes}");
        assert_eq!(rig.env.words[&SLOT], 0, "{at}/{bytes}");
    }
    rig.ring_slot(SLOT, 0);
    assert_eq!(guest_errors(&mut rig), 0, "one aligned store of 8 bytes");
}

#[test]
fn device_level_causes() {
    // [INT-1] [INT-2] [INT-3]
    let mut rig = Rig::new();
    rig.write32(reg::INTR_VECTOR, 5);
    for bit in [0u32, 1, 2, 31] {
        let cause = 1 << bit;
        rig.write32(reg::INTR_TEST, cause);
        assert_eq!(rig.read32(reg::INTR_CAUSE), cause, "recorded when masked");
        assert_eq!(rig.env.raised.remove(&5), None);
        rig.write32(reg::INTR_MASK, 0x8000_0007 & !cause);
        assert_eq!(rig.env.raised.remove(&5), Some(1), "unmasked while set");
        rig.write32(reg::INTR_TEST, cause);
        assert_eq!(rig.env.raised.remove(&5), None, "set already");
        rig.write32(reg::INTR_CAUSE, cause);
        assert_eq!(rig.read32(reg::INTR_CAUSE), 0);
        rig.write32(reg::INTR_TEST, cause);
        assert_eq!(rig.env.raised.remove(&5), Some(1));
        rig.write32(reg::INTR_CAUSE, u32::MAX);
        rig.write32(reg::INTR_MASK, 0x8000_0007);
    }
    rig.write32(reg::INTR_TEST, 0x7FFF_FFF8);
    assert_eq!(rig.read32(reg::INTR_CAUSE), 0, "no such cause");
    rig.write32(reg::INTR_MASK, 0);
    for vector in [consts::VECTOR_NONE, 64] {
        rig.write32(reg::INTR_VECTOR, u32::from(vector));
        rig.write32(reg::INTR_TEST, 1);
        rig.write32(reg::INTR_CAUSE, 1);
    }
    assert!(rig.env.raised.is_empty());
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 8, 0, "no failure happened");
}

#[test]
fn a_change_of_the_link_is_a_cause() {
    // [EV-2]
    let mut rig = Rig::new();
    rig.settle();
    assert_eq!(rig.read32(reg::INTR_CAUSE), 0);
    rig.env.port.up = false;
    rig.settle();
    assert_eq!(rig.read32(reg::INTR_CAUSE), 1);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0x10, 0);
}

#[test]
fn a_masked_vector_is_pending_in_the_array() {
    // [INT-4]
    let mut rig = Rig::new();
    rig.write32(reg::INTR_MASK, 0);
    rig.write32(reg::INTR_VECTOR, 9);
    rig.write32(reg::INTR_TEST, 1);
    let mut pending = [0; 8];
    let at = u64::from(consts::MSIX_PBA_OFFSET);
    rig.device.bar_read(&mut rig.env, 4, at, &mut pending);
    assert_eq!(u64::from_le_bytes(pending), 1 << 9);
    rig.device
        .set_vector(&mut rig.env, 9, VectorState::Connected);
    assert_eq!(rig.env.raised.remove(&9), Some(1));
    rig.device.bar_read(&mut rig.env, 4, at, &mut pending);
    assert_eq!(pending, [0; 8]);
}

#[test]
fn the_table_decides_when_it_is_asked_to() {
    // [INT-4]
    let mut rig = Rig::new();
    rig.device = Device::new(Config {
        signalling: Signalling::MsiX(Delivery::Table),
        ..Config::new(MAC)
    })
    .unwrap();
    rig.write32(reg::INTR_MASK, 0);
    rig.write32(reg::INTR_VECTOR, 2);
    rig.write32(reg::INTR_TEST, 1);
    rig.device.bar_write(&mut rig.env, 4, 2 * 16 + 12, &[0; 4]);
    assert!(rig.env.raised.is_empty(), "MSI-X is not enabled");
    let control = usize::from(offset::MESSAGE_CONTROL);
    rig.config_write(control, &0x8000u16.to_le_bytes());
    assert_eq!(rig.env.raised.remove(&2), Some(1));
    rig.device.bar_write(&mut rig.env, 4, 2 * 16 + 12, &[1; 4]);
    rig.write32(reg::INTR_CAUSE, 1);
    rig.write32(reg::INTR_TEST, 1);
    assert!(rig.env.raised.is_empty(), "masked in the table");
    rig.write32(reg::DEVICE_CONTROL, 1 << 31);
    let mut entry = [0; 4];
    rig.device
        .bar_read(&mut rig.env, 4, 2 * 16 + 12, &mut entry);
    assert_eq!(entry, [1, 0, 0, 0], "the table is the function's");
    let mut pending = [0; 8];
    let at = u64::from(consts::MSIX_PBA_OFFSET);
    rig.device.bar_read(&mut rig.env, 4, at, &mut pending);
    assert_eq!(pending, [0; 8], "nothing of before the reset");
}

#[test]
fn a_function_with_msi_shows_no_msix_and_says_how_many_messages_it_may_send() {
    // [INT-6]
    let mut rig = Rig::new();
    rig.device = Device::new(Config {
        signalling: Signalling::Msi,
        ..Config::new(MAC)
    })
    .unwrap();
    let read = |rig: &Rig, at: usize| {
        let mut data = [0; 2];
        rig.device.config_read(at, &mut data);
        u16::from_le_bytes(data)
    };
    let mut ids = Vec::new();
    let mut at = usize::from(read(&rig, 0x34) & 0xFC);
    while at >= 0x40 {
        let header = read(&rig, at);
        ids.push(header & 0xFF);
        at = usize::from(header >> 8);
    }
    assert!(ids.contains(&0x05) && !ids.contains(&0x11), "{ids:x?}");
    let bar = 0x10 + 4 * usize::from(rnic_abi::place::BAR_MSIX);
    rig.config_write(bar, &[0xFF; 4]);
    assert_eq!(read(&rig, bar), 0, "no BAR for a table");
    let mut data = [0xAA; 4];
    rig.device.bar_read(&mut rig.env, 4, 12, &mut data);
    assert_eq!(data, [0; 4]);
    let control = usize::from(offset::MESSAGE_CONTROL);
    assert_eq!(read(&rig, control) >> 1 & 7, 5, "32 messages");
    for log in 0..6 {
        rig.config_write(control, &(log << 4 | 1u16).to_le_bytes());
        assert_eq!(rig.device.function().messages(), 1 << log);
    }
}

#[test]
fn the_ring_is_set_up_while_it_is_off_and_checked_when_it_is_enabled() {
    // [CMD-1] [CMD-2] [CMD-8]
    let mut rig = Rig::new();
    for (size, desc, expected) in [
        (3, BASE, reg::CMD_SIZE),
        (0, BASE, reg::CMD_SIZE),
        (8, BASE + 8, reg::CMD_DESC),
    ] {
        rig.write32(reg::CMD_SIZE, size);
        rig.write64(reg::CMD_DESC, desc);
        rig.write32(reg::CMD_CONTROL, 1);
        assert_eq!(rig.read32(reg::CMD_CONTROL) & 1, 0);
        let failure = u32::from(FailureCode::COMMAND_RING_SETUP.0);
        assert_eq!(rig.read32(reg::FAILURE), failure);
        assert_eq!(rig.read64(reg::FAILURE_INFO), expected);
        assert_eq!(rig.read32(reg::DEVICE_STATUS) & 8, 0, "the device goes on");
    }
    rig.enable();
    assert_eq!(guest_errors(&mut rig), 0);
    for register in [reg::CMD_DESC, reg::CMD_AVAIL, reg::CMD_USED] {
        let before = rig.read64(register);
        rig.write64(register, 0x1000);
        assert_eq!(rig.read64(register), before);
    }
    rig.write32(reg::CMD_SIZE, 2);
    assert_eq!(guest_errors(&mut rig), 4);
    // Off and on again: indices begin at zero.
    rig.ok::<cmd::Negotiate>(negotiate(0, 0));
    rig.write32(reg::CMD_CONTROL, 0);
    rig.enable_ring();
    rig.ok::<cmd::Nop>(zeroed());
}

fn negotiate(features: u64, parked: u64) -> NegotiateRequest {
    let mut request: NegotiateRequest = zeroed();
    request.major.set(1);
    request.features.set(features);
    request.parked_address.set(parked);
    request
}

#[test]
fn a_malformed_chain_stops_the_ring_and_not_the_device() {
    // [CMD-4] [ERR-1]
    let mut rig = Rig::up();
    rig.write32(reg::INTR_MASK, 0);
    rig.write32(reg::INTR_VECTOR, 6);
    let bytes = rig.bytes::<cmd::Nop>(zeroed());
    rig.post(&bytes, 8);
    rig.settle();
    assert!(rig.answer().is_none());
    assert_eq!(rig.read32(reg::CMD_CONTROL) & 1, 0);
    let code = u32::from(FailureCode::COMMAND_RING_CHAIN.0);
    assert_eq!(rig.read32(reg::FAILURE), code);
    assert_eq!(rig.read32(reg::INTR_CAUSE), 4);
    assert_eq!(rig.env.raised.get(&6), Some(&1));
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 8, 0);
    rig.enable_ring();
    rig.ok::<cmd::Nop>(zeroed());
}

#[test]
fn nothing_is_fetched_while_disabled_and_nothing_is_lost() {
    // [BRING-2] [CMD-3]
    let mut rig = Rig::up();
    rig.write32(reg::DEVICE_CONTROL, 0);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 2, 0);
    let bytes = rig.bytes::<cmd::Nop>(zeroed());
    rig.post(&bytes, 64);
    rig.settle();
    assert!(rig.answer().is_none());
    rig.write32(reg::DEVICE_CONTROL, 1);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 2, 2);
    rig.settle();
    assert_eq!(rig.answer().unwrap().status(), Status::OK);
}

#[test]
fn a_ring_that_is_wanted_without_bus_mastering_fails() {
    // [BRING-3] [CMD-5]
    let mut rig = Rig::up();
    rig.config_write(4, &2u16.to_le_bytes());
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0x20, 0);
    rig.settle();
    assert_eq!(rig.read32(reg::CMD_CONTROL) & 1, 1, "nobody wants it");
    let bytes = rig.bytes::<cmd::Nop>(zeroed());
    rig.post(&bytes, 64);
    rig.settle();
    assert_eq!(rig.read32(reg::CMD_CONTROL) & 1, 0);
    let code = u32::from(FailureCode::COMMAND_RING_DMA.0);
    assert_eq!(rig.read32(reg::FAILURE), code);
    rig.config_write(4, &6u16.to_le_bytes());
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0x20, 0x20);
    rig.settle();
    assert!(rig.answer().is_none());
    rig.enable_ring();
    rig.ok::<cmd::Nop>(zeroed());
}

/// What a driver can see of a device that was reset.
fn assert_fresh(rig: &mut Rig) {
    assert_eq!(rig.read32(reg::DEVICE_CONTROL), 0);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0xF, READY);
    for (register, value) in [
        (reg::FAILURE, 0),
        (reg::GUEST_ERRORS, 0),
        (reg::SCRATCH, 0),
        (reg::INTR_CAUSE, 0),
        (reg::INTR_MASK, 0x8000_0007),
        (reg::INTR_VECTOR, 0xFFFF),
        (reg::CMD_SIZE, 0),
        (reg::CMD_CONTROL, 0),
    ] {
        assert_eq!(rig.read32(register), value, "{register:#x}");
    }
    for register in [
        reg::ACTIVE_FEATURES,
        reg::FAILURE_INFO,
        reg::CMD_DESC,
        reg::CMD_AVAIL,
        reg::CMD_USED,
    ] {
        assert_eq!(rig.read64(register), 0, "{register:#x}");
    }
    let resources = &rig.device.hardware().resources;
    assert_eq!(resources.counters.all().iter().sum::<u64>(), 0);
    assert!(resources.cqs.is_empty() && resources.eqs.is_empty());
    assert!(!resources.doorbells.is_owned(SLOT));
}

fn dirty(rig: &mut Rig) {
    rig.write32(reg::SCRATCH, 7);
    rig.write32(reg::INTR_MASK, 0);
    rig.write32(reg::INTR_TEST, 7);
    rig.write32(0x300, 0);
    let (ring, _) = rig.ring_description(1, 4, SLOT);
    let mut request = rnic_abi::CreateEqRequest::zeroed().with_kind(rnic_abi::EqKind::COMPLETION);
    request.ring = ring;
    rig.ok::<cmd::CreateEq>(request);
}

#[test]
fn a_reset_forgets_everything_but_who_the_device_is() {
    // [RESET-1] [RESET-2] [RESET-3] [RESET-4] [REG-4]
    for kind in [
        ResetKind::Device,
        ResetKind::FunctionLevel,
        ResetKind::Conventional,
    ] {
        let mut rig = Rig::up();
        dirty(&mut rig);
        // Unmask the first vector in the MSI-X table, which belongs to the function.
        let bar = place::BAR_MSIX;
        rig.device.bar_write(&mut rig.env, bar, 12, &[0; 4]);
        let (guid, mac) = (rig.read64(reg::NODE_GUID), rig.read64(reg::MAC_ADDRESS));
        let offered = rig.read64(reg::FEATURES);
        match kind {
            ResetKind::Device => rig.write32(reg::DEVICE_CONTROL, 1 << 31),
            // Initiate Function Level Reset of the device control register.
            ResetKind::FunctionLevel => {
                let at = usize::from(offset::DEVICE_CONTROL);
                let mut control = [0; 2];
                rig.device.config_read(at, &mut control);
                control[1] |= 0x80;
                rig.config_write(at, &control);
            }
            ResetKind::Conventional => rig.device.reset(&mut rig.env, kind),
        }
        assert_fresh(&mut rig);
        assert_eq!(rig.read64(reg::NODE_GUID), guid);
        assert_eq!(rig.read64(reg::MAC_ADDRESS), mac);
        assert_eq!(rig.read64(reg::FEATURES), offered);
        let mut vector_control = [0xAA; 4];
        rig.device
            .bar_read(&mut rig.env, place::BAR_MSIX, 12, &mut vector_control);
        let masked = u32::from(kind != ResetKind::Device);
        assert_eq!(u32::from_le_bytes(vector_control), masked, "{kind:?}");
        let bus_master = rig.read32(reg::DEVICE_STATUS) & 0x20 != 0;
        assert_eq!(bus_master, kind == ResetKind::Device, "{kind:?}");
        rig.config_write(4, &6u16.to_le_bytes());
        rig.enable();
        rig.ok::<cmd::Negotiate>(negotiate(0, 0));
    }
}

#[test]
fn a_reset_is_complete_when_dma_is() {
    // [RESET-1] [BRING-1] [CMD-8]
    let mut rig = Rig::up();
    let pd = rig.ok::<cmd::CreatePd>(zeroed()).pd.get();
    let mut begin: rnic_abi::BeginMrRequest = zeroed();
    begin.pd.set(pd);
    begin.length.set(4096);
    begin.page_count.set(1);
    begin.log_page_bytes = 12;
    let key = rig.ok::<cmd::BeginMr>(begin).key.get();
    let lease = rig.device.hardware().resources.lease();
    let mut destroy: rnic_abi::DestroyMrRequest = zeroed();
    destroy.key.set(key);
    let bytes = rig.bytes::<cmd::DestroyMr>(destroy);
    rig.post(&bytes, 64);
    rig.settle();
    rig.env.raised.clear();
    rig.write32(reg::DEVICE_CONTROL, 1 << 31);
    rig.settle();
    assert_eq!(rig.read32(reg::DEVICE_CONTROL), 1 << 31);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & READY, 0);
    rig.write32(reg::CMD_SIZE, 8);
    rig.write32(reg::DEVICE_CONTROL, 1);
    assert_eq!(rig.read32(reg::CMD_SIZE), 0, "no meaning yet");
    let wake = rig.device.next_timer().unwrap();
    drop(lease);
    rig.env.now = wake;
    rig.settle();
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & READY, READY);
    assert_eq!(rig.read32(reg::DEVICE_CONTROL) >> 31, 0);
    assert!(rig.answer().is_none(), "nothing of before the reset");
    assert!(rig.env.raised.is_empty());
    assert_eq!(rig.device.next_timer(), None);
}

#[test]
fn parking_says_so_and_looks_once_more() {
    // [PARK-1] [PARK-2]
    let mut rig = Rig::new();
    rig.enable();
    let word = rig.alloc(8);
    let wanted = feature::PARKING | feature::SUMMARY;
    rig.ok::<cmd::Negotiate>(negotiate(wanted, word));
    let (ring, _) = rig.ring_description(1, 4, SLOT);
    let mut request = rnic_abi::CreateEqRequest::zeroed().with_kind(rnic_abi::EqKind::COMPLETION);
    request.ring = ring;
    rig.ok::<cmd::CreateEq>(request);
    assert!(!rig.device.must_poll(&rig.env));
    assert!(rig.device.prepare_park(&mut rig.env));
    assert_eq!(rig.guest_u64(word), 1);
    // A driver that rings now sees the word and kicks.
    rig.env.words.insert(SLOT, 1);
    rig.write32(reg::KICK, 0);
    rig.device.run(&mut rig.env, Budget::DEFAULT);
    assert_eq!(rig.guest_u64(word), 0);
    assert_eq!(guest_errors(&mut rig), 1, "the store was looked at [DB-7]");
    // A driver that rang just before is found by the second look.
    rig.env.words.insert(SLOT, 2);
    rig.env.words.insert(512, 1 << 8);
    rig.env.words.insert(0, 1 << 1);
    assert!(!rig.device.prepare_park(&mut rig.env));
    assert_eq!(rig.guest_u64(word), 0);
    rig.settle();
    assert_eq!(guest_errors(&mut rig), 1);
    assert!(rig.device.prepare_park(&mut rig.env));
    rig.device.unpark();
    assert_eq!(rig.guest_u64(word), 0);
    let counters = &rig.device.hardware().resources.counters;
    assert_eq!(counters.get(CounterId::PARKS), 2);
    assert_eq!(counters.get(CounterId::KICKS), 1);
}

#[test]
fn without_parking_a_mapped_doorbell_must_be_polled() {
    // [PARK-3]
    let mut rig = Rig::up();
    assert!(rig.device.must_poll(&rig.env));
    assert!(!rig.device.prepare_park(&mut rig.env));
    rig.env.mapped = false;
    assert!(!rig.device.must_poll(&rig.env));
    assert!(rig.device.prepare_park(&mut rig.env), "stores are trapped");
}

#[test]
fn a_device_that_failed_waits_for_a_reset() {
    // [RESET-5]
    let mut rig = Rig::up();
    rig.write32(reg::INTR_MASK, 0);
    rig.write32(reg::INTR_VECTOR, 6);
    rig.device.hardware.fail(&mut rig.env, 0x55);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 8, 8);
    let code = u32::from(FailureCode::INTERNAL.0);
    assert_eq!(rig.read32(reg::FAILURE), code);
    assert_eq!(rig.read64(reg::FAILURE_INFO), 0x55);
    assert_eq!(rig.read32(reg::INTR_CAUSE), 2);
    assert_eq!(rig.env.raised.get(&6), Some(&1));
    let bytes = rig.bytes::<cmd::Nop>(zeroed());
    rig.post(&bytes, 64);
    rig.settle();
    assert!(rig.answer().is_none());
    assert!(!rig.device.hardware().resources.dma.bus_master());
    rig.write32(reg::DEVICE_CONTROL, 1 << 31);
    assert!(rig.device.hardware().resources.dma.bus_master());
    rig.enable();
    rig.ok::<cmd::Negotiate>(negotiate(0, 0));
    assert!(rig.env.raised.contains_key(&ANSWERS));
}

#[test]
fn a_run_is_bounded_and_shared() {
    // [CONV-12] [CMD-7]
    let mut rig = Rig::up();
    for _ in 0..4 {
        let bytes = rig.bytes::<cmd::Nop>(zeroed());
        rig.post(&bytes, 64);
    }
    let one = Budget { bytes: 1, ops: 1 };
    assert_eq!(rig.device.run(&mut rig.env, one), Progress::Busy);
    let mut answers = 0;
    while rig.answer().is_some() {
        answers += 1;
    }
    assert!((1..=2).contains(&answers), "{answers}");
    rig.settle();
    while rig.answer().is_some() {
        answers += 1;
    }
    assert_eq!(answers, 4);
}
