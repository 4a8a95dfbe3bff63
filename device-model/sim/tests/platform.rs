//! The in-process machine itself: registers, memory, time, two functions.

use rnic_abi::{consts, reg};
use rnic_platform::{
    Bar, DmaAccess, DmaBuffer, DoorbellSlot, Platform, PlatformError, TestPlatform,
};
use rnic_sim::platform::{Options, SimMachine, SimPlatform};

#[test]
fn both_functions_answer_and_differ() {
    // [REG-7] [REG-9]
    let platform = SimPlatform::new(&Options::default()).unwrap();
    let peer = platform.peer().unwrap();
    for function in [&platform, peer] {
        let magic = function.read32(Bar::Registers, reg::MAGIC as u32);
        assert_eq!(magic, consts::MAGIC_VALUE);
    }
    let guid = |function: &SimPlatform| function.read64(Bar::Registers, reg::NODE_GUID as u32);
    assert_ne!(guid(&platform), guid(peer));
    assert_ne!(guid(&platform), 0);
}

#[test]
fn time_passes_only_when_somebody_waits_or_looks() {
    // [REG-13]
    let platform = SimPlatform::new(&Options::default()).unwrap();
    let before = platform.now();
    assert_eq!(platform.now(), before);
    platform.idle();
    let after = platform.now();
    assert!(
        after > before && after.0 - before.0 <= 1_100_000,
        "{after:?}"
    );
    let clock = || platform.read64(Bar::Registers, reg::CLOCK as u32);
    let first = clock();
    assert!(clock() > first);
}

#[test]
fn memory_is_zeroed_mapped_and_can_be_taken_away() {
    let platform = SimPlatform::new(&Options::default()).unwrap();
    let access = DmaAccess::DeviceReadsAndWrites;
    let buffer = platform.alloc_dma(5000, access).unwrap();
    assert_eq!(buffer.len(), 8192);
    assert_eq!(buffer.iova() % 4096, 0);
    assert_eq!(buffer.load_u64(8184), 0);
    buffer.store_u16(6, 0xABCD);
    assert_eq!(buffer.load_u64(0), 0xABCD << 48);
    assert_eq!(buffer.load_u16(6), 0xABCD);
    platform.unmap(&buffer).unwrap();
    assert_eq!(platform.unmap(&buffer), Err(PlatformError::Invalid));
    assert_eq!(buffer.load_u16(6), 0xABCD);
    platform.map(&buffer, access).unwrap();
    assert_eq!(platform.map(&buffer, access), Err(PlatformError::Invalid));
}

#[test]
fn doorbells_end_where_the_window_ends() {
    for mapped in [true, false] {
        let options = Options {
            mapped,
            ..Options::default()
        };
        let platform = SimPlatform::new(&options).unwrap();
        let slots = rnic_abi::place::BAR_DOORBELLS_SIZE / 8;
        let last = u32::try_from(slots).unwrap() - 1;
        platform.doorbell(last).unwrap().store(1);
        let past = platform.doorbell(last + 1);
        assert!(matches!(past, Err(PlatformError::Invalid)));
        // [DB-3] Only a trapped access to a slot that nobody owns is seen, and counted.
        let errors = platform.read32(Bar::Registers, reg::GUEST_ERRORS as u32);
        assert_eq!(errors, u32::from(!mapped));
    }
}

#[test]
fn a_machine_can_have_more_functions() {
    let options = Options {
        functions: 4,
        ..Options::default()
    };
    let machine = SimMachine::new(&options).unwrap();
    let guids: std::collections::BTreeSet<_> = (0..4)
        .map(|index| {
            machine
                .platform(index)
                .read64(Bar::Registers, reg::NODE_GUID as u32)
        })
        .collect();
    assert_eq!(guids.len(), 4);
}

#[test]
fn function_level_reset_clears_bus_mastering() {
    // [RESET-2]
    let platform = SimPlatform::new(&Options::default()).unwrap();
    platform.config_write(4, 2, 6);
    assert_eq!(platform.config_read(4, 2) & 4, 4);
    platform.function_reset();
    assert_eq!(platform.config_read(4, 2) & 4, 0);
    let ready = reg::device_status::READY;
    let status = platform.read32(Bar::Registers, reg::DEVICE_STATUS as u32);
    assert!(ready.is_set(status.into()));
}

#[test]
fn frames_reach_the_tap_of_their_port_alone() {
    let platform = SimPlatform::new(&Options::default()).unwrap();
    let mut frame = [0; 128];
    assert_eq!(platform.port_receive(&mut frame), None);
    platform.port_send(&[0xFF; 60]).unwrap();
    platform.idle();
    assert_eq!(platform.port_receive(&mut frame), None);
}
