//! Effects of configuration writes, resets, BAR decode, MSI.

mod support;

use pci_function::{Effect, Function, Message, NoSuchVector, PowerState, Raise, ResetKind, offset};
use support::{function, msi_function, read16, read32};

fn write(function: &mut Function, offset: u16, value: u16) -> Vec<Effect> {
    function.config_write(offset.into(), &value.to_le_bytes())
}

fn write32(function: &mut Function, offset: u16, value: u32) -> Vec<Effect> {
    function.config_write(offset.into(), &value.to_le_bytes())
}

#[test]
fn command_bits_are_reported_when_they_change() {
    let mut function = function();
    assert_eq!(
        write(&mut function, offset::COMMAND, 0x0002),
        [Effect::MemoryEnable(true)]
    );
    assert_eq!(
        write(&mut function, offset::COMMAND, 0x0006),
        [Effect::BusMaster(true)]
    );
    assert!(function.bus_master() && function.memory_enabled());
    assert_eq!(write(&mut function, offset::COMMAND, 0x0506), []);
    // One byte is enough, and the byte beside it changes nothing.
    assert_eq!(function.config_write(0x05, &[0x01]), []);
    assert_eq!(
        function.config_write(0x04, &[0x00]),
        [Effect::BusMaster(false), Effect::MemoryEnable(false)]
    );
    assert_eq!(read16(&function, offset::COMMAND), 0x0100);
    // Part of a longer, unaligned write.
    assert_eq!(
        function.config_write(0x01, &[0, 0, 0, 4, 0, 0]),
        [Effect::BusMaster(true)]
    );
    assert_eq!(read32(&function, 0), 0x10fe_1af4);
}

#[test]
fn in_d3hot_nothing_is_decoded_and_nothing_issued() {
    let mut function = function();
    write(&mut function, offset::COMMAND, 0x0006);
    assert_eq!(
        write(&mut function, offset::PMCSR, 3),
        [
            Effect::BusMaster(false),
            Effect::MemoryEnable(false),
            Effect::PowerState(PowerState::D3Hot)
        ]
    );
    assert_eq!(read16(&function, offset::COMMAND), 0x0006);
    // D1 and D2 do not exist; the write is accepted and changes nothing.
    assert_eq!(write(&mut function, offset::PMCSR, 1), []);
    assert_eq!(read16(&function, offset::PMCSR), 0x000b);
    assert_eq!(
        write(&mut function, offset::PMCSR, 0),
        [
            Effect::BusMaster(true),
            Effect::MemoryEnable(true),
            Effect::PowerState(PowerState::D0)
        ]
    );
    assert_eq!(write(&mut function, offset::PMCSR, 2), []);
    assert_eq!(read16(&function, offset::PMCSR), 0x0008);
}

#[test]
fn msix_control_is_reported_as_a_whole() {
    let mut function = function();
    let control = |enable, function_mask| {
        [Effect::MsixControl {
            enable,
            function_mask,
        }]
    };
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0xc000),
        control(true, true)
    );
    assert_eq!(write(&mut function, offset::MESSAGE_CONTROL, 0xc03f), []);
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0x8000),
        control(true, false)
    );
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0x0000),
        control(false, false)
    );
    assert_eq!(function.msi_raise(0), Err(NoSuchVector(0)));
}

#[test]
fn bars_move_and_decode() {
    let mut function = function();
    let moved = |index, address| [Effect::BarMoved { index, address }];
    assert_eq!(
        write32(&mut function, 0x10, 0xfebf_1234),
        moved(0, 0xfebf_0000)
    );
    assert_eq!(write32(&mut function, 0x14, 0x12), moved(0, 0x12_febf_0000));
    assert_eq!(write32(&mut function, 0x1c, 0x41), moved(2, 0x40_0000_0000));
    assert_eq!(
        write32(&mut function, 0x20, 0xe000_8000),
        moved(4, 0xe000_8000)
    );
    assert_eq!(write32(&mut function, 0x20, 0xe000_8fff), []);
    assert_eq!(function.bar_address(0), Some(0x12_febf_0000));
    assert_eq!(
        [1, 3, 5, 6, 255].map(|n| function.bar_address(n)),
        [None; 5]
    );

    assert_eq!(function.decode(0xe000_8000, 4), None, "memory is disabled");
    write(&mut function, offset::COMMAND, 0x0002);
    assert_eq!(function.decode(0xe000_8000, 4), Some((4, 0)));
    assert_eq!(function.decode(0xe000_fffc, 4), Some((4, 0x7ffc)));
    assert_eq!(function.decode(0xe000_fffd, 4), None, "crosses the end");
    assert_eq!(function.decode(0xe000_7fff, 4), None);
    assert_eq!(function.decode(0x12_febf_0010, 8), Some((0, 0x10)));
    assert_eq!(function.decode(0x41_ffff_ffff, 1), Some((2, 0x1_ffff_ffff)));
    assert_eq!(function.decode(u64::MAX, u64::MAX), None);
    assert_eq!(function.decode(0xe000_8000, 0), None);
}

/// Writes something to every register that keeps anything.
fn used() -> Function {
    let mut function = function();
    write32(&mut function, 0x10, 0xfebf_0000);
    write(&mut function, offset::COMMAND, 0x0546);
    write(&mut function, offset::DEVICE_CONTROL, 0x505f);
    write(&mut function, offset::LINK_CONTROL, 0x00cb);
    write(&mut function, offset::LINK_CONTROL_2, 0x0011);
    write(&mut function, 0x70, 0x0010);
    write(&mut function, offset::MESSAGE_CONTROL, 0x8000);
    function.config_write(0x3c, &[11]);
    function.config_write(0x0c, &[16]);
    function.set_status(0xffff);
    function.set_device_status(0x000f);
    function.set_transactions_pending(true);
    function
}

#[test]
fn function_level_reset_keeps_sticky_and_link_bits_and_nothing_else() {
    let mut function = used();
    assert_eq!(read16(&function, offset::DEVICE_STATUS), 0x002f);
    let effects = write(&mut function, offset::DEVICE_CONTROL, 0x8000 | 0x505f);
    assert_eq!(
        effects,
        [
            Effect::FlrRequested,
            Effect::BusMaster(false),
            Effect::MemoryEnable(false),
            Effect::MsixControl {
                enable: false,
                function_mask: false
            },
            Effect::BarMoved {
                index: 0,
                address: 0
            },
        ]
    );
    let mut expected = vec![0; 4096];
    support::function().config_read(0, &mut expected);
    expected[0x50] |= 0x40; // Max_Payload_Size
    expected[0x58] = 0xcb; // Link Control
    expected[0x78] = 0x11; // Link Control 2, sticky
    let mut found = vec![0; 4096];
    function.config_read(0, &mut found);
    for at in 0..4096 {
        assert_eq!(found[at], expected[at], "at {at:#x}");
    }
    // Initiate FLR reads as zero, also by the byte; a byte that does not hold it does nothing.
    assert_eq!(function.config_write(0x51, &[0x80]), [Effect::FlrRequested]);
    assert_eq!(read16(&function, offset::DEVICE_CONTROL) & 0x8000, 0);
    assert_eq!(function.config_write(0x50, &[0x80]), []);
    assert_eq!(function.config_write(0x52, &[0x00, 0x80]), []);
}

#[test]
fn function_level_reset_leaves_d3hot() {
    let mut function = function();
    write(&mut function, offset::PMCSR, 3);
    let effects = write(&mut function, offset::DEVICE_CONTROL, 0x8000);
    assert_eq!(
        effects,
        [Effect::FlrRequested, Effect::PowerState(PowerState::D0)]
    );
}

#[test]
fn conventional_reset_keeps_nothing() {
    let mut function = used();
    function.reset(ResetKind::Conventional);
    let (mut found, mut expected) = (vec![0; 4096], vec![0; 4096]);
    function.config_read(0, &mut found);
    support::function().config_read(0, &mut expected);
    assert!(found == expected);
    assert!(!function.bus_master() && !function.memory_enabled());
}

#[test]
fn transactions_pending_follows_the_device_and_is_read_only() {
    let mut function = function();
    function.set_transactions_pending(true);
    function.config_write(0x52, &[0xff, 0xff]);
    assert_eq!(read16(&function, offset::DEVICE_STATUS), 0x0020);
    function.set_transactions_pending(false);
    assert_eq!(read16(&function, offset::DEVICE_STATUS), 0);
}

#[test]
fn accesses_past_the_end() {
    let mut function = function();
    let mut bytes = [0; 8];
    function.config_read(4092, &mut bytes);
    assert_eq!(bytes, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    for offset in [4096, 4097, usize::MAX] {
        function.config_read(offset, &mut bytes);
        assert_eq!(bytes, [0xff; 8]);
        assert_eq!(function.config_write(offset, &[0xff; 8]), []);
    }
    // A write that begins past the end must not come round to the FLR bit.
    assert_eq!(function.config_write(usize::MAX, &[0xff; 128]), []);
}

#[test]
fn msi_messages_take_the_allocated_low_bits() {
    let mut function = msi_function();
    write32(&mut function, offset::MSI_ADDRESS, 0xfee0_1003);
    write32(&mut function, offset::MSI_ADDRESS + 4, 1);
    write(&mut function, offset::MSI_DATA, 0x4047);
    let enabled = [Effect::MsiControl {
        enable: true,
        vectors: 4,
    }];
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0x0021),
        enabled
    );
    let message = |data| Message {
        address: 0x1_fee0_1000,
        data,
    };
    assert_eq!(function.msi_raise(2), Ok(Raise::Fire(message(0x4046))));
    assert_eq!(
        function.msi_raise(7),
        Ok(Raise::Fire(message(0x4047))),
        "wraps to what is allocated"
    );
    let enabled = [Effect::MsiControl {
        enable: true,
        vectors: 32,
    }];
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0x0071),
        enabled
    );
    assert_eq!(function.msi_raise(31), Ok(Raise::Fire(message(0x405f))));
    assert_eq!(function.msi_raise(32), Err(NoSuchVector(32)));
}

#[test]
fn masked_or_disabled_msi_is_pending_and_becomes_ready() {
    let mut function = msi_function();
    assert_eq!(function.msi_raise(0), Ok(Raise::Pending));
    let control = Effect::MsiControl {
        enable: true,
        vectors: 32,
    };
    assert_eq!(
        write(&mut function, offset::MESSAGE_CONTROL, 0x0051),
        [control, Effect::MsiReady(1)]
    );
    assert_eq!(write32(&mut function, offset::MSI_MASK, 0x8000_0006), []);
    assert_eq!(
        [1, 2, 31].map(|n| function.msi_raise(n)),
        [Ok(Raise::Pending); 3]
    );
    assert!(matches!(function.msi_raise(3), Ok(Raise::Fire(_))));
    assert_eq!(read32(&function, offset::MSI_PENDING), 0x8000_0006);
    // One byte of the mask register unmasks one of them.
    assert_eq!(
        function.config_write(0xa3, &[0]),
        [Effect::MsiReady(0x8000_0000)]
    );
    assert_eq!(
        write32(&mut function, offset::MSI_MASK, 4),
        [Effect::MsiReady(2)]
    );
    assert_eq!(read32(&function, offset::MSI_PENDING), 4);
    // A reset forgets.
    function.reset(ResetKind::FunctionLevel);
    assert_eq!(read32(&function, offset::MSI_PENDING), 0);
}

#[test]
fn the_registers_that_are_listed_do_not_overlap() {
    for function in [function(), msi_function()] {
        let mut rows = function.registers().to_vec();
        rows.sort_by_key(|r| r.offset);
        for pair in rows.windows(2) {
            assert!(
                pair[0].offset + u16::from(pair[0].width) <= pair[1].offset,
                "{pair:?}"
            );
        }
        for row in rows {
            assert_eq!(row.writable & row.clearable, 0, "{row:?}");
            assert_eq!(row.kept & !(row.writable | row.clearable), 0, "{row:?}");
            assert!(row.offset.is_multiple_of(row.width.into()), "{row:?}");
        }
    }
}
