//! The functions that the tests look at.
#![allow(dead_code, reason = "each test file uses its own part")]

use pci_function::{Bar, BarKind, Description, Function, Interrupts, LinkSpeed, MaxPayload};

/// Registers, doorbells, MSI-X, and a 32-bit BAR.
pub fn description() -> Description {
    Description {
        vendor_id: 0x1af4,
        device_id: 0x10fe,
        revision: 0x02,
        class: [0x02, 0x07, 0x01],
        subsystem_vendor_id: 0x1af5,
        subsystem_id: 0xbeef,
        bars: vec![
            Bar {
                index: 0,
                kind: BarKind::Memory64,
                size: 0x1_0000,
                prefetchable: false,
            },
            Bar {
                index: 2,
                kind: BarKind::Memory64,
                size: 0x2_0000_0000,
                prefetchable: true,
            },
            Bar {
                index: 4,
                kind: BarKind::Memory32,
                size: 0x8000,
                prefetchable: false,
            },
        ],
        interrupts: Interrupts::MsiX {
            vectors: 64,
            table_bar: 4,
            table_offset: 0,
            pba_bar: 4,
            pba_offset: 0x4000,
        },
        max_payload: MaxPayload::B512,
        link_speed: LinkSpeed::Gt5,
        link_width: 8,
        serial_number: Some(0x0011_22ff_fe33_4455),
    }
}

pub fn function() -> Function {
    Function::new(description()).unwrap()
}

pub fn msi_function() -> Function {
    Function::new(Description {
        interrupts: Interrupts::Msi,
        serial_number: None,
        ..description()
    })
    .unwrap()
}

pub fn read16(function: &Function, offset: u16) -> u16 {
    let mut bytes = [0; 2];
    function.config_read(offset.into(), &mut bytes);
    u16::from_le_bytes(bytes)
}

pub fn read32(function: &Function, offset: u16) -> u32 {
    let mut bytes = [0; 4];
    function.config_read(offset.into(), &mut bytes);
    u32::from_le_bytes(bytes)
}
