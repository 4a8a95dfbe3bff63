//! Golden bytes of the whole configuration space, and every bit of every register against a mask
//! table that is written out here from the specification, not taken from the implementation.

mod support;

use pci_function::{Bar, BarKind};
use pci_function::{CONFIG_SIZE, Description, DescriptionError, Function, Interrupts};
use support::{description, function, msi_function, read32};

/// Double words that are not zero after reset: (offset, value).
const GOLDEN_MSIX: &[(u16, u32)] = &[
    (0x000, 0x10fe_1af4), // device, vendor
    (0x004, 0x0010_0000), // status: capabilities list; command
    (0x008, 0x0207_0102), // class, revision
    (0x010, 0x0000_0004), // BAR0: 64-bit
    (0x018, 0x0000_000c), // BAR2: 64-bit, prefetchable
    (0x02c, 0xbeef_1af5), // subsystem
    (0x034, 0x0000_0040), // capabilities pointer
    (0x040, 0x0003_4801), // PM version 3, next 0x48
    (0x044, 0x0000_0008), // D0, No_Soft_Reset
    (0x048, 0x0002_9010), // PCI Express version 2, endpoint, next 0x90
    (0x04c, 0x1000_8fe2), // FLR, role-based errors, L1 and L0s any, extended tag, 512 bytes
    (0x050, 0x0000_2810), // read requests of 512 bytes, no snoop, relaxed ordering
    (0x054, 0x0040_0082), // ASPM optionality, x8, 5 GT/s
    (0x058, 0x0082_0000), // link status: x8, 5 GT/s
    (0x06c, 0x0000_0010), // completion timeout disable
    (0x074, 0x0000_0006), // 2.5 and 5 GT/s
    (0x078, 0x0000_0002), // target speed 5 GT/s
    (0x090, 0x003f_0011), // MSI-X, 64 vectors, last
    (0x094, 0x0000_0004), // table: BAR4 + 0
    (0x098, 0x0000_4004), // PBA: BAR4 + 0x4000
    (0x100, 0x0001_0003), // serial number, last
    (0x104, 0xfe33_4455),
    (0x108, 0x0011_22ff),
];

/// Bits that software may set and clear, and bits that a one clears: (offset, rw, w1c).
const MASKS_MSIX: &[(u16, u32, u32)] = &[
    (0x004, 0x0000_0546, 0xf900_0000),
    (0x00c, 0x0000_00ff, 0),
    (0x010, 0xffff_0000, 0), // 64 KiB
    (0x014, 0xffff_ffff, 0),
    (0x018, 0x0000_0000, 0), // 8 GiB
    (0x01c, 0xffff_fffe, 0),
    (0x020, 0xffff_8000, 0), // 32 KiB
    (0x03c, 0x0000_00ff, 0),
    (0x044, 0x0000_0003, 0),
    (0x050, 0x0000_79ff, 0x000f_0000),
    (0x058, 0x0000_00cb, 0),
    (0x070, 0x0000_0010, 0),
    (0x078, 0x0000_001f, 0),
    (0x090, 0xc000_0000, 0),
];

const GOLDEN_MSI: &[(u16, u32)] = &[(0x090, 0x018a_0005)];
const MASKS_MSI: &[(u16, u32, u32)] = &[
    (0x090, 0x0071_0000, 0),
    (0x094, 0xffff_fffc, 0),
    (0x098, 0xffff_ffff, 0),
    (0x09c, 0x0000_ffff, 0),
    (0x0a0, 0xffff_ffff, 0),
];

struct Variant {
    function: Function,
    golden: Vec<(u16, u32)>,
    masks: Vec<(u16, u32, u32)>,
}

fn variants() -> [Variant; 2] {
    let below = |offset: u16| offset < 0x90;
    let golden = GOLDEN_MSIX
        .iter()
        .filter(|g| below(g.0))
        .chain(GOLDEN_MSI)
        .copied()
        .collect();
    let masks = MASKS_MSIX
        .iter()
        .filter(|m| below(m.0))
        .chain(MASKS_MSI)
        .copied()
        .collect();
    [
        Variant {
            function: function(),
            golden: GOLDEN_MSIX.to_vec(),
            masks: MASKS_MSIX.to_vec(),
        },
        Variant {
            function: msi_function(),
            golden,
            masks,
        },
    ]
}

#[test]
fn every_byte_after_reset() {
    for Variant {
        function, golden, ..
    } in variants()
    {
        let mut expected = vec![0; CONFIG_SIZE];
        for (offset, value) in golden {
            expected[offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
        }
        let mut found = vec![0; CONFIG_SIZE];
        function.config_read(0, &mut found);
        for at in (0..CONFIG_SIZE).step_by(4) {
            assert_eq!(found[at..at + 4], expected[at..at + 4], "at {at:#x}");
        }
    }
}

#[test]
fn every_bit_of_every_register() {
    for Variant {
        mut function,
        masks,
        ..
    } in variants()
    {
        // Make every bit that a one clears visible first.
        function.set_status(0xffff);
        function.set_device_status(0xffff);
        for offset in (0..CONFIG_SIZE as u16).step_by(4) {
            let (_, rw, w1c) = masks
                .iter()
                .find(|m| m.0 == offset)
                .copied()
                .unwrap_or((offset, 0, 0));
            let fixed = read32(&function, offset) & !rw & !w1c;
            assert_eq!(
                read32(&function, offset) & w1c,
                w1c,
                "at {offset:#x}: not set up"
            );
            // Zeros clear what may be written and nothing else.
            function.config_write(offset.into(), &[0; 4]);
            assert_eq!(
                read32(&function, offset),
                fixed | w1c,
                "at {offset:#x}: zeros"
            );
            let mut left = w1c;
            for bit in 0..32 {
                let one = 1u32 << bit;
                // Initiate FLR is not a bit that is held; it has tests of its own.
                if (offset, bit) == (0x50, 15) {
                    continue;
                }
                left &= !one;
                function.config_write(offset.into(), &one.to_le_bytes());
                // D1 and D2 are refused, so neither bit of the power state goes in alone.
                let held = if offset == 0x44 { 0 } else { rw & one };
                assert_eq!(
                    read32(&function, offset),
                    fixed | held | left,
                    "at {offset:#x} bit {bit}"
                );
                function.config_write(offset.into(), &[0; 4]);
                assert_eq!(
                    read32(&function, offset),
                    fixed | left,
                    "at {offset:#x} bit {bit}: zeros"
                );
            }
        }
    }
}

/// Each clearable bit alone, with all others set: no other may go.
#[test]
fn a_one_clears_its_own_bit_only() {
    for bit in [8, 11, 12, 13, 14, 15] {
        let mut function = function();
        function.set_status(0xffff);
        function.config_write(0x06, &(1u16 << bit).to_le_bytes());
        assert_eq!(read32(&function, 0x04) >> 16, 0xf910 & !(1 << bit));
    }
    for bit in 0..4 {
        let mut function = function();
        function.set_device_status(0xffff);
        function.config_write(0x52, &[1 << bit]);
        assert_eq!(read32(&function, 0x50) >> 16, 0x000f & !(1 << bit));
    }
}

#[test]
fn capability_lists_end_and_hold_what_is_there() {
    for (function, ids) in [
        (function(), [0x01, 0x10, 0x11]),
        (msi_function(), [0x01, 0x10, 0x05]),
    ] {
        let mut at = read32(&function, 0x34) & 0xff;
        for id in ids {
            assert!(at >= 0x40 && at.is_multiple_of(4));
            let header = read32(&function, at as u16);
            assert_eq!(header & 0xff, id);
            at = header >> 8 & 0xff;
        }
        assert_eq!(at, 0);
    }
    assert_eq!(
        read32(&msi_function(), 0x100),
        0,
        "no extended capability is a header of zeros"
    );
}

#[test]
fn bars_are_sized_as_software_does_it() {
    let mut function = function();
    let size = |function: &mut Function, low: u16, wide: bool| {
        for at in [low, low + 4].into_iter().take(1 + usize::from(wide)) {
            function.config_write(at.into(), &[0xff; 4]);
        }
        let low_word = read32(function, low) & !0xf;
        let high = if wide {
            read32(function, low + 4)
        } else {
            u32::MAX
        };
        !(u64::from(high) << 32 | u64::from(low_word)) + 1
    };
    assert_eq!(size(&mut function, 0x10, true), 0x1_0000);
    assert_eq!(size(&mut function, 0x18, true), 0x2_0000_0000);
    assert_eq!(size(&mut function, 0x20, false), 0x8000);
    function.config_write(0x24, &[0xff; 4]);
    assert_eq!(read32(&function, 0x24), 0, "BAR5 does not exist");
}

#[test]
fn every_description_that_is_no_function_is_refused() {
    let with = |change: fn(&mut Description)| {
        let mut description = description();
        change(&mut description);
        Function::new(description).err()
    };
    use DescriptionError::{BarIndex, BarSize, LinkWidth, MsixOverlap, MsixPlace, Vectors, Vendor};
    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|d| d.vendor_id = 0xffff), Some(Vendor));
    assert_eq!(with(|d| d.link_width = 3), Some(LinkWidth(3)));
    assert_eq!(with(|d| d.bars[0].index = 6), Some(BarIndex(6)));
    assert_eq!(with(|d| d.bars[0].index = 255), Some(BarIndex(255)));
    assert_eq!(with(|d| d.bars[0].index = 5), Some(BarIndex(5))); // no upper half
    assert_eq!(with(|d| d.bars[1].index = 1), Some(BarIndex(1))); // BAR0's upper half
    assert_eq!(
        with(|d| d.bars[0].size = 0),
        Some(BarSize { index: 0, size: 0 })
    );
    assert_eq!(
        with(|d| d.bars[0].size = 64),
        Some(BarSize { index: 0, size: 64 })
    );
    assert_eq!(
        with(|d| d.bars[0].size = 0x1800),
        Some(BarSize {
            index: 0,
            size: 0x1800
        })
    );
    assert_eq!(
        with(|d| d.bars[2].size = 1 << 32),
        Some(BarSize {
            index: 4,
            size: 1 << 32
        })
    );
    type Msix = (u16, u8, u32, u8, u32);
    let msix = |(vectors, table_bar, table_offset, pba_bar, pba_offset): Msix| {
        let interrupts = Interrupts::MsiX {
            vectors,
            table_bar,
            table_offset,
            pba_bar,
            pba_offset,
        };
        Function::new(Description {
            interrupts,
            ..description()
        })
        .err()
    };
    let place = |what, bar, offset| Some(MsixPlace { what, bar, offset });
    assert_eq!(msix((0, 4, 0, 4, 0x4000)), Some(Vectors(0)));
    assert_eq!(msix((2049, 0, 0, 0, 0x9000)), Some(Vectors(2049)));
    assert_eq!(msix((2048, 0, 0, 0, 0x8000)), None);
    assert_eq!(msix((64, 4, 4, 4, 0x4000)), place("table", 4, 4));
    assert_eq!(msix((64, 4, 0x7c08, 4, 0)), place("table", 4, 0x7c08));
    assert_eq!(msix((64, 4, 0, 4, 0x8000)), place("PBA", 4, 0x8000));
    assert_eq!(msix((64, 1, 0, 4, 0)), place("table", 1, 0));
    assert_eq!(msix((64, 4, 0, 4, 0x3f8)), Some(MsixOverlap));
    assert_eq!(msix((64, 4, 8, 4, 0)), None);
}

#[test]
fn the_smallest_and_the_largest_bars() {
    let bars = vec![
        Bar {
            index: 0,
            kind: BarKind::Memory64,
            size: 1 << 63,
            prefetchable: true,
        },
        Bar {
            index: 2,
            kind: BarKind::Memory32,
            size: 1 << 31,
            prefetchable: false,
        },
        Bar {
            index: 5,
            kind: BarKind::Memory32,
            size: 128,
            prefetchable: false,
        },
    ];
    let interrupts = Interrupts::Msi;
    let mut function = Function::new(Description {
        bars,
        interrupts,
        ..description()
    })
    .unwrap();
    for at in [0x10usize, 0x14, 0x18, 0x1c, 0x20, 0x24] {
        function.config_write(at, &[0xff; 4]);
    }
    let found = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24].map(|at| read32(&function, at));
    assert_eq!(found, [0x0c, 0x8000_0000, 0x8000_0000, 0, 0, 0xffff_ff80]);
}
