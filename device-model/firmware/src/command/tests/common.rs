//! What every command has in common, and the commands of `control.rs`.

use rnic_abi::{
    COMMANDS, CounterId, FLAGS, NegotiateRequest, NopRequest, Opcode, PortState,
    QueryCountersRequest, QueryDeviceRequest, QueryPortRequest, STRUCTS, Status, SyndromeReason,
    cmd, feature, interface, limit, reg,
};
use rnic_core::fault::{Fault, FaultPlan, Rule, Site};
use zerocopy::IntoBytes;

use crate::FEATURES;
use crate::testing::{ANSWERS, Rig, header, zeroed};

const NO_FIELD: u16 = 0xFFFF;

fn negotiate(features: u64) -> NegotiateRequest {
    let mut request: NegotiateRequest = zeroed();
    request.major.set(interface::MAJOR);
    request.minor.set(interface::MINOR + 3);
    request.features.set(features);
    request
}

#[test]
fn lengths() {
    // [CMD-9] [CMD-10] [CMD-11]
    let mut rig = Rig::up();
    let invalid = Status::INVALID_LENGTH;
    let none = SyndromeReason::NONE;
    let short = rig.raw(&[], 2048);
    assert_eq!(short.result(), (invalid, none, NO_FIELD));
    assert_eq!(
        (short.header.opcode(), short.header.tag.get()),
        (Opcode(0), 0)
    );
    let whole = header(Opcode::NOP, 64);
    let short = rig.raw(&whole.as_bytes()[..15], 2048);
    assert_eq!(short.result(), (invalid, none, NO_FIELD));
    assert_eq!(
        (short.header.opcode(), short.header.tag.get()),
        (Opcode::NOP, 0)
    );
    let short = rig.raw(whole.as_bytes(), 2048);
    assert_eq!(short.result(), (invalid, none, NO_FIELD), "cut off");
    assert_eq!(short.header.tag.get(), 77);
    assert_eq!(short.bytes.len(), 16, "only the header");
    for length in [0, 16, 63, 65, u32::MAX] {
        let mut bytes = header(Opcode::NOP, length).as_bytes().to_vec();
        bytes.resize(64, 0);
        let answer = rig.raw(&bytes, 2048);
        let expected = (invalid, SyndromeReason::BAD_VALUE, 4);
        assert_eq!(answer.result(), expected, "{length}");
    }
    let bytes = rig.bytes::<cmd::Nop>(zeroed());
    assert_eq!(rig.raw(&bytes, 63).result(), (invalid, none, NO_FIELD));
    assert_eq!(rig.raw(&bytes, 64).status(), Status::OK);
    let mut longer = bytes.clone();
    longer.resize(300, 0xFF);
    assert_eq!(
        rig.raw(&longer, 64).status(),
        Status::OK,
        "at least so long"
    );
}

#[test]
fn opcodes_and_features() {
    // [CMD-12] [BRING-9]
    let mut rig = Rig::up();
    for opcode in [Opcode(0), Opcode(0x7FFF), Opcode(u16::MAX)] {
        let answer = rig.raw(header(opcode, 16).as_bytes(), 2048);
        assert_eq!(answer.status(), Status::UNKNOWN_COMMAND);
        assert_eq!(answer.header.opcode(), opcode);
    }
    let mut rig = Rig::new();
    rig.enable();
    rig.ok::<cmd::Negotiate>(negotiate(0));
    let mut tested = 0;
    for info in COMMANDS.iter().filter(|info| info.feature.is_some()) {
        let length = u32::try_from(info.request_size).unwrap();
        let mut bytes = header(info.code, length).as_bytes().to_vec();
        bytes.resize(info.request_size, 0);
        let answer = rig.raw(&bytes, 2048);
        assert_eq!(answer.status(), Status::UNKNOWN_COMMAND, "{}", info.name);
        tested += 1;
    }
    assert!(tested > 10);
}

#[test]
fn negotiation_comes_first_and_once() {
    // [BRING-4] [BRING-5] [BRING-8]
    let mut rig = Rig::new();
    rig.enable();
    for info in COMMANDS {
        if info.code == Opcode::NEGOTIATE {
            continue;
        }
        let expected = match info.feature {
            // The feature is looked at first, and none is in force [CMD-13].
            Some(_) => Status::UNKNOWN_COMMAND,
            None => Status::NOT_NEGOTIATED,
        };
        let length = u32::try_from(info.request_size).unwrap();
        let mut bytes = header(info.code, length).as_bytes().to_vec();
        bytes.resize(info.request_size, 0xFF);
        let answer = rig.raw(&bytes, 2048);
        assert_eq!(answer.status(), expected, "{}", info.name);
    }
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 4, 0);
    let mut wrong = negotiate(0);
    wrong.major.set(interface::MAJOR + 1);
    let bad = SyndromeReason::BAD_VALUE;
    assert_eq!(
        rig.fails::<cmd::Negotiate>(wrong),
        (Status::VERSION_MISMATCH, bad, 16)
    );
    let answer = rig.ok::<cmd::Negotiate>(negotiate(feature::SRQ));
    assert_eq!(answer.minor.get(), interface::MINOR, "the smaller");
    assert_eq!(answer.features.get(), feature::SRQ);
    assert_eq!(rig.read64(reg::ACTIVE_FEATURES), feature::SRQ);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 4, 4);
    assert_eq!(
        rig.fails::<cmd::Negotiate>(negotiate(0)),
        (Status::ALREADY_NEGOTIATED, SyndromeReason::NONE, NO_FIELD)
    );
    assert_eq!(rig.read64(reg::ACTIVE_FEATURES), feature::SRQ);
}

#[test]
fn features_are_a_subset_of_what_is_offered() {
    // [BRING-6] [REG-11]
    let mut rig = Rig::with_features(feature::SRQ | feature::UD);
    rig.enable();
    assert_eq!(rig.read64(reg::FEATURES) & !FEATURES, 0);
    let inactive = SyndromeReason::NOT_ACTIVE;
    for wanted in [1 << 63, feature::MEMORY_WINDOWS | feature::SRQ] {
        assert_eq!(
            rig.fails::<cmd::Negotiate>(negotiate(wanted)),
            (Status::UNSUPPORTED, inactive, 24)
        );
        assert_eq!(rig.read64(reg::ACTIVE_FEATURES), 0);
    }
    rig.ok::<cmd::Negotiate>(negotiate(feature::SRQ));
}

#[test]
fn the_parked_word_is_checked() {
    // [BRING-7]
    let mut rig = Rig::new();
    rig.enable();
    let at = rig.alloc(8);
    let mut fails = |features, address| {
        let mut request = negotiate(features);
        request.parked_address.set(address);
        rig.fails::<cmd::Negotiate>(request)
    };
    let invalid = Status::INVALID_FIELD;
    let inactive = SyndromeReason::NOT_ACTIVE;
    assert_eq!(fails(0, at), (invalid, inactive, 32));
    assert_eq!(
        fails(feature::PARKING, at + 4),
        (invalid, SyndromeReason::NOT_ALIGNED, 32)
    );
    assert_eq!(
        fails(feature::PARKING, 8),
        (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, 32)
    );
    let mut request = negotiate(feature::PARKING);
    request.parked_address.set(at);
    rig.ok::<cmd::Negotiate>(request);
}

#[test]
fn every_reserved_field_and_bit_of_every_command_is_looked_at() {
    // [CONV-2] [CMD-15]
    let mut rig = Rig::up();
    let mut tested = 0;
    let offered = |feature: Option<u64>| feature.is_none_or(|f| f & FEATURES != 0);
    for info in COMMANDS.iter().filter(|info| offered(info.feature)) {
        let length = u32::try_from(info.request_size).unwrap();
        let structure = STRUCTS.iter().find(|s| s.name == info.request).unwrap();
        for field in structure.fields {
            let flags = FLAGS.iter().find(|flags| flags.name == field.ty);
            let bits: Vec<usize> = match flags {
                Some(flags) => {
                    let reserved = flags.fields.iter().filter(|bits| bits.reserved);
                    reserved
                        .flat_map(|bits| [bits.lo as usize, bits.hi as usize])
                        .collect()
                }
                None if field.reserved => vec![0, field.size * 8 - 1],
                None => continue,
            };
            for bit in bits {
                let mut bytes = header(info.code, length).as_bytes().to_vec();
                bytes.resize(info.request_size, 0);
                bytes[field.offset + bit / 8] |= 1 << (bit % 8);
                let expected = (
                    Status::RESERVED_NOT_ZERO,
                    SyndromeReason::RESERVED,
                    u16::try_from(field.offset).unwrap(),
                );
                let answer = rig.raw(&bytes, 2048);
                assert_eq!(answer.result(), expected, "{} {}", info.name, field.name);
                tested += 1;
            }
        }
    }
    assert!(tested > 50, "{tested}");
}

#[test]
fn nop_echoes() {
    // [CMD-16] [CMD-6]
    let mut rig = Rig::up();
    rig.env.raised.clear();
    let mut request: NopRequest = zeroed();
    for (n, byte) in (0u8..).zip(&mut request.payload) {
        *byte = n;
    }
    let answer = rig.ok::<cmd::Nop>(request);
    assert_eq!(answer.payload, request.payload);
    assert_eq!(rig.env.raised.get(&ANSWERS), Some(&1));
}

#[test]
fn limits_are_reported_as_they_are() {
    // [BRING-10] [CONV-8] [CONV-13]
    let mut rig = Rig::up();
    let limits = rig
        .ok::<cmd::QueryDevice>(QueryDeviceRequest::zeroed())
        .limits;
    let structure = STRUCTS.iter().find(|s| s.name == "DeviceLimits").unwrap();
    let mut reported = 0;
    for entry in rnic_abi::LIMITS {
        let Some(field) = structure.field(&entry.name.to_lowercase()) else {
            assert!(
                entry
                    .reported_by
                    .is_none_or(|(place, _)| place != "DeviceLimits"),
                "{} is reported nowhere",
                entry.name
            );
            continue;
        };
        let mut bytes = [0; 8];
        let from = &limits.as_bytes()[field.offset..field.offset + field.size];
        bytes[..field.size].copy_from_slice(from);
        assert_eq!(u64::from_le_bytes(bytes), entry.value, "{}", entry.name);
        assert!(entry.value >= entry.minimum);
        reported += 1;
    }
    assert!(reported > 30);
    assert_eq!(limits.page_sizes.get() & (1 << 12), 1 << 12);
    assert_eq!(
        u64::from(rig.read32(reg::DOORBELL_PAGES)),
        limit::DOORBELL_PAGES
    );
}

#[test]
fn the_port_is_reported_as_it_is() {
    // [BRING-10]
    let mut rig = Rig::up();
    let port = rig.ok::<cmd::QueryPort>(QueryPortRequest::zeroed());
    assert_eq!(port.mac, crate::testing::MAC.0);
    assert_eq!(
        (port.state(), port.link_speed_mbps.get()),
        (PortState::UP, 10_000)
    );
    assert_eq!(port.active_mtu(), rnic_abi::Mtu::MTU_4096);
    assert_eq!(port.guid.get(), rig.read64(reg::NODE_GUID));
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0x10, 0x10);
    rig.env.port.up = false;
    rig.env.port.mtu = 1500;
    rig.settle();
    let port = rig.ok::<cmd::QueryPort>(QueryPortRequest::zeroed());
    assert_eq!(port.state(), PortState::DOWN);
    assert_eq!(port.active_mtu(), rnic_abi::Mtu::MTU_1024);
    assert_eq!(rig.read32(reg::DEVICE_STATUS) & 0x10, 0);
}

#[test]
fn counters_are_answered_by_index() {
    // [CMD-17] [CNT-1]
    let mut rig = Rig::up();
    let query = |first: u32, count: u32| {
        let mut request: QueryCountersRequest = zeroed();
        request.first.set(first);
        request.count.set(count);
        request
    };
    let last = rnic_abi::COUNTERS.len() as u32;
    let exceeded = Status::LIMIT_EXCEEDED;
    for (first, count, reason, at) in [
        (0, 0, SyndromeReason::TOO_SMALL, 20),
        (0, 129, SyndromeReason::TOO_LARGE, 20),
        (last, 1, SyndromeReason::TOO_LARGE, 16),
        (u32::MAX, 1, SyndromeReason::TOO_LARGE, 16),
    ] {
        assert_eq!(
            rig.fails::<cmd::QueryCounters>(query(first, count)),
            (exceeded, reason, at)
        );
    }
    let answer = rig.ok::<cmd::QueryCounters>(query(u32::from(CounterId::COMMANDS.0), 2));
    assert_eq!(answer.count.get(), 2);
    let [commands, errors, rest, ..] = answer.values.map(|value| value.get());
    assert_eq!((commands, errors, rest), (5, 4, 0));
    let answer = rig.ok::<cmd::QueryCounters>(query(last - 1, 128));
    assert_eq!(answer.count.get(), 1);
}

/// A plan that does this to the next command.
fn once(fault: Fault) -> FaultPlan {
    let rule = Rule {
        site: Site::Command,
        fault,
        after: 0,
        every: 0,
        times: Some(1),
        per_million: None,
        per_flow: false,
        delay_ns: 0,
    };
    FaultPlan::new(0, vec![rule])
}

#[test]
fn an_injected_fault_is_the_only_internal_error() {
    // [CMD-22] [ERR-3]
    let mut rig = Rig::up();
    rig.env.plan = once(Fault::Fail);
    assert_eq!(
        rig.fails::<cmd::Nop>(zeroed()),
        (Status::INTERNAL_ERROR, SyndromeReason::NONE, NO_FIELD)
    );
    rig.ok::<cmd::Nop>(zeroed());
    let counters = &rig.device.hardware().resources.counters;
    assert_eq!(counters.get(CounterId::FAULTS_INJECTED), 1);
    assert_eq!(counters.get(CounterId::COMMAND_ERRORS), 1);
}

#[test]
fn a_command_that_a_fault_plan_loses_is_never_answered_and_others_are() {
    let mut rig = Rig::up();
    rig.env.plan = once(Fault::Drop);
    let lost = rig.bytes::<cmd::Nop>(zeroed());
    rig.post(&lost, 2048);
    // Idle: a device that waited for it would be busy without end.
    rig.settle();
    assert!(rig.answer().is_none());
    rig.ok::<cmd::Nop>(zeroed());
    let counters = &rig.device.hardware().resources.counters;
    assert_eq!(counters.get(CounterId::FAULTS_INJECTED), 1);
}
