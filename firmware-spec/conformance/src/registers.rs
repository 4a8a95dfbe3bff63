//! BAR0, from the metadata alone: reset values, access types, aliasing, widths, undefined offsets.

use rnic_abi::consts::MAGIC_VALUE;
use rnic_abi::meta::{Access, Register};
use rnic_abi::{BLOCKS, FEATURES, LIMITS, REGISTERS, interface, place, reg};
use rnic_platform::{Bar, TestPlatform};

use crate::failure::{Outcome, check, equal, fail};
use crate::rig::Machine;
use crate::{Capability, Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "registers.reset_values",
        &["REG-4", "CONV-1", "CONV-2"],
        N,
        reset_values,
    );
    list.add(
        "registers.bit_bash",
        &["REG-3", "REG-14", "CONV-2"],
        N,
        bit_bash,
    );
    list.add("registers.aliasing", &["REG-5"], N, aliasing);
    list.add("registers.halves", &["REG-1"], N, halves);
    list.add("registers.wrong_width", &["REG-1", "ERR-2"], N, wrong_width);
    list.add("registers.undefined", &["REG-2", "ERR-2"], N, undefined);
    list.add("registers.read_clears", &["REG-3"], N, read_clears);
    list.add("registers.blocks", &["REG-6"], N, blocks);
    list.add("registers.identity", &["REG-7", "REG-8"], N, identity);
    list.add(
        "registers.guid_and_mac",
        &["REG-9", "REG-10"],
        N,
        guid_and_mac,
    );
    list.add(
        "registers.two_functions_differ",
        &["REG-9"],
        N.capability(Capability::TwoFunctions),
        two_functions_differ,
    );
    list.add("registers.features", &["REG-11"], N, features);
    list.add(
        "registers.capability",
        &["REG-12", "CONV-8", "CONV-13"],
        N,
        capability,
    );
    list.add("registers.clock", &["REG-13"], N, clock);
    list.add("registers.pci_identity", &["RESET-4"], N, pci_identity);
}

fn at(register: &Register) -> u64 {
    register.offset
}

fn bar0() -> impl Iterator<Item = &'static Register> {
    REGISTERS.iter().filter(|r| r.bar == 0)
}

fn reset_values<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    // First leave something behind in everything that can be written.
    m.reset()?;
    for r in bar0().filter(|r| at(r) != reg::DEVICE_CONTROL && at(r) != reg::CMD_CONTROL) {
        let writable = r.mask(Access::Rw) | r.mask(Access::Wo);
        m.put(at(r), writable & 0x5A5A_5A5A_5A5A_5A5A);
    }
    m.reset()?;
    for r in bar0() {
        let known = !r.volatile_mask();
        equal(
            format_args!("{} after a reset", r.name),
            m.get(at(r)) & known,
            r.reset & known,
        )?;
        let reserved = m.get(at(r)) & r.reserved_mask();
        equal(format_args!("reserved bits of {}", r.name), reserved, 0)?;
    }
    Ok(())
}

/// Registers whose writes start something and that are tested by other chapters.
fn acts(r: &Register) -> bool {
    [reg::DEVICE_CONTROL, reg::CMD_CONTROL].contains(&at(r))
}

fn bit_bash<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    for r in bar0().filter(|r| !acts(r)) {
        let bits = if r.width == 64 { 64 } else { 32 };
        for bit in 0..bits {
            let mask = 1_u64 << bit;
            let before = m.get(at(r));
            m.put(at(r), mask);
            let after = m.get(at(r));
            let name = || format!("{} bit {bit} after writing {mask:#x}", r.name);
            if r.volatile_mask() & mask != 0 || r.mask(Access::Rc) & mask != 0 {
                continue;
            }
            let expected = if r.mask(Access::Rw) & mask != 0 {
                mask
            } else if r.mask(Access::Wo) & mask != 0 || r.reserved_mask() & mask != 0 {
                0
            } else if r.mask(Access::W1c) & mask != 0 {
                // INTR_TEST may have set it: cleared by the write.
                0
            } else {
                before & mask
            };
            equal(name(), after & mask, expected)?;
            let rw = r.mask(Access::Rw);
            equal(
                format_args!("{}: other bits", name()),
                after & rw & !mask,
                0,
            )?;
        }
        m.put(at(r), r.reset);
    }
    // Ones and zeros in all writable bits at once.
    for r in bar0().filter(|r| !acts(r)) {
        let rw = r.mask(Access::Rw);
        for value in [
            rw,
            0,
            rw & 0xAAAA_AAAA_AAAA_AAAA,
            rw & 0x5555_5555_5555_5555,
        ] {
            m.put(at(r), value);
            equal(
                format_args!("{} after writing {value:#x}", r.name),
                m.get(at(r)) & rw,
                value,
            )?;
        }
    }
    Ok(())
}

fn aliasing<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    let plain: Vec<_> = bar0()
        .filter(|r| r.mask(Access::Rw) != 0 && !acts(r))
        .collect();
    // A value of its own in each register, then all are read back.
    let value = |i: usize, r: &Register| {
        (0x0101_0101_0101_0101_u64.wrapping_mul(i as u64 + 3)) & r.mask(Access::Rw)
    };
    for (i, r) in plain.iter().enumerate() {
        m.put(at(r), value(i, r));
    }
    for (i, r) in plain.iter().enumerate() {
        let got = m.get(at(r)) & r.mask(Access::Rw);
        equal(
            format_args!("{} after its neighbours were written", r.name),
            got,
            value(i, r),
        )?;
    }
    for r in bar0().filter(|r| r.mask(Access::Ro) != 0 && r.mask(Access::Rw) == 0) {
        let fixed = r.mask(Access::Ro) & !r.volatile_mask();
        equal(
            format_args!("{} after others were written", r.name),
            m.get(at(r)) & fixed,
            r.reset & fixed,
        )?;
    }
    Ok(())
}

fn halves<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    for r in bar0().filter(|r| r.width == 64) {
        let offset = at(r) as u32;
        let rw = r.mask(Access::Rw);
        if rw != 0 {
            m.platform
                .write32(Bar::Registers, offset, 0x89AB_CDE0 & rw as u32);
            m.platform
                .write32(Bar::Registers, offset + 4, 0x0123_4567 & (rw >> 32) as u32);
            let expected = 0x0123_4567_89AB_CDE0 & rw;
            equal(
                format_args!("{} written in halves", r.name),
                m.get(at(r)) & rw,
                expected,
            )?;
        }
        if at(r) == reg::CLOCK {
            continue;
        }
        let low = u64::from(m.platform.read32(Bar::Registers, offset));
        let high = u64::from(m.platform.read32(Bar::Registers, offset + 4));
        equal(
            format_args!("{} read in halves", r.name),
            high << 32 | low,
            m.get(at(r)),
        )?;
    }
    Ok(())
}

/// Runs `access` and checks that GUEST_ERRORS grew by exactly this.
#[track_caller]
fn counts<P: TestPlatform>(
    m: &Machine<'_, P>,
    what: &str,
    by: u64,
    access: impl FnOnce() -> Outcome,
) -> Outcome {
    let _ = m.get(reg::GUEST_ERRORS);
    access()?;
    equal(
        format_args!("GUEST_ERRORS after {what}"),
        m.get(reg::GUEST_ERRORS),
        by,
    )
}

fn wrong_width<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    counts(m, "correct accesses", 0, || {
        m.put(reg::SCRATCH, 7);
        equal("SCRATCH", m.get(reg::SCRATCH), 7)
    })?;
    for r in
        bar0().filter(|r| r.width == 32 && at(r).is_multiple_of(8) && at(r) != reg::GUEST_ERRORS)
    {
        let offset = at(r) as u32;
        let what = format!("an 8-byte read of {}", r.name);
        counts(m, &what, 1, || {
            equal(&what, m.platform.read64(Bar::Registers, offset), 0)
        })?;
    }
    m.put(reg::SCRATCH, 0x1234_5678);
    m.put(reg::INTR_MASK, 0);
    counts(m, "an 8-byte write at INTR_MASK", 1, || {
        m.platform
            .write64(Bar::Registers, reg::INTR_MASK as u32, u64::MAX);
        equal("INTR_MASK", m.get(reg::INTR_MASK), 0)
    })?;
    equal(
        "INTR_CAUSE after a write of the wrong width",
        m.get(reg::INTR_CAUSE),
        0,
    )
}

fn undefined<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    let size = place::BAR_REGISTERS_SIZE as u32;
    let defined = |offset: u32| {
        bar0().any(|r| u64::from(offset) >= at(r) && u64::from(offset) < at(r) + r.bytes())
    };
    let free = (0..size).step_by(4).filter(|o| !defined(*o));
    // All of the first KiB, then a sample up to the end.
    let sample: Vec<_> = free
        .filter(|o| *o < 0x400 || o % 0x3FC == 0 || *o > size - 16)
        .collect();
    check(sample.len() > 100, "the suite finds no undefined offsets")?;
    for offset in sample {
        let what = format!("a write and a read at undefined offset {offset:#x}");
        counts(m, &what, 2, || {
            m.platform.write32(Bar::Registers, offset, u32::MAX);
            equal(&what, m.platform.read32(Bar::Registers, offset), 0)
        })?;
    }
    for r in bar0().filter(|r| at(r) != reg::GUEST_ERRORS) {
        let known = !r.volatile_mask();
        equal(
            format_args!("{} after writes to undefined offsets", r.name),
            m.get(at(r)) & known,
            r.reset & known,
        )?;
    }
    Ok(())
}

fn read_clears<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    for _ in 0..3 {
        let _ = m
            .platform
            .read32(Bar::Registers, place::BAR_REGISTERS_SIZE as u32 - 4);
    }
    m.put(reg::GUEST_ERRORS, 0);
    equal(
        "GUEST_ERRORS after three wrong reads and a write of it",
        m.get(reg::GUEST_ERRORS),
        3,
    )?;
    equal("GUEST_ERRORS read again", m.get(reg::GUEST_ERRORS), 0)
}

fn blocks<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    let mut found = Vec::new();
    let mut offset = 0_u32;
    loop {
        let header = m.platform.read32(Bar::Registers, offset);
        if header == 0 {
            break;
        }
        let (id, version, length) = (header as u8, (header >> 8) as u8, header >> 16);
        check(
            length >= 4 && length % 4 == 0,
            format_args!("the block at {offset:#x} has length {length}"),
        )?;
        found.push((id, version, u64::from(offset)));
        offset += length;
        check(
            u64::from(offset) < place::BAR_REGISTERS_SIZE && found.len() < 64,
            "the chain of blocks leaves BAR0",
        )?;
    }
    for block in BLOCKS {
        check(
            found.contains(&(block.id, block.version, block.offset)),
            format_args!("block {} is not in the chain {found:?}", block.name),
        )?;
    }
    Ok(())
}

fn identity<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    let before = m.get(reg::FIRMWARE_VERSION);
    m.reset()?;
    equal("MAGIC", m.get(reg::MAGIC), MAGIC_VALUE.into())?;
    let version = u64::from(interface::MAJOR) << 16 | u64::from(interface::MINOR);
    equal("INTERFACE_VERSION", m.get(reg::INTERFACE_VERSION), version)?;
    equal(
        "FIRMWARE_VERSION over a reset",
        m.get(reg::FIRMWARE_VERSION),
        before,
    )
}

fn guid_and_mac<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    let (guid, mac) = (m.get(reg::NODE_GUID), m.get(reg::MAC_ADDRESS));
    check(guid != 0, "NODE_GUID is zero")?;
    check(
        mac != 0 && mac & 1 == 0,
        format_args!("MAC_ADDRESS {mac:#x} is not a unicast address"),
    )?;
    for _ in 0..2 {
        m.reset()?;
        equal("NODE_GUID after a reset", m.get(reg::NODE_GUID), guid)?;
        equal("MAC_ADDRESS after a reset", m.get(reg::MAC_ADDRESS), mac)?;
    }
    Ok(())
}

fn two_functions_differ<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (a, b) = (cx.machine(), cx.other_machine()?);
    check(
        a.get(reg::NODE_GUID) != b.get(reg::NODE_GUID),
        "two functions have one NODE_GUID",
    )?;
    check(
        a.get(reg::MAC_ADDRESS) != b.get(reg::MAC_ADDRESS),
        "two functions have one MAC_ADDRESS",
    )
}

fn features<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    m.reset()?;
    let offered = m.offered();
    let known = FEATURES.iter().fold(0, |mask, f| mask | 1 << f.bit);
    check(
        offered & !known == 0,
        format_args!("FEATURES {offered:#x} has bits that interface version 1.0 does not know"),
    )?;
    equal(
        "ACTIVE_FEATURES after a reset",
        m.get(reg::ACTIVE_FEATURES),
        0,
    )?;
    let device = cx.start()?;
    equal(
        "ACTIVE_FEATURES before NEGOTIATE",
        device.get(reg::ACTIVE_FEATURES),
        0,
    )?;
    device.negotiate(cx.usual())?;
    equal(
        "ACTIVE_FEATURES after NEGOTIATE",
        device.get(reg::ACTIVE_FEATURES),
        cx.usual(),
    )?;
    m.reset()?;
    equal("FEATURES over a reset", m.offered(), offered)?;
    equal(
        "ACTIVE_FEATURES after a reset",
        m.get(reg::ACTIVE_FEATURES),
        0,
    )
}

fn capability<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for limit in LIMITS {
        let Some((place, field)) = limit.reported_by else {
            return fail(format_args!("limit {} is reported nowhere", limit.name));
        };
        let value = match (place, field) {
            ("CAPABILITY", "command_ring_log") => {
                reg::capability::COMMAND_RING_LOG.get(device.get(reg::CAPABILITY))
            }
            ("CAPABILITY", "vectors") => reg::capability::VECTORS.get(device.get(reg::CAPABILITY)),
            ("DOORBELL_PAGES", _) => device.get(reg::DOORBELL_PAGES),
            ("DeviceLimits", field) => device.limit(field)?,
            _ => return fail(format_args!("the suite does not know where {place} is")),
        };
        // Limits of a feature that is not offered may be zero.
        let optional = value == 0
            && match limit.name {
                "MWS" => cx.offered() & rnic_abi::feature::MEMORY_WINDOWS == 0,
                "SRQS" | "SRQ_LOG" => cx.offered() & rnic_abi::feature::SRQ == 0,
                "LISTENERS"
                | "CONNECTIONS"
                | "ENDPOINTS"
                | "ADDRESSES"
                | "BACKLOG"
                | "CONNECT_PRIVATE_BYTES"
                | "ACCEPT_PRIVATE_BYTES"
                | "REJECT_PRIVATE_BYTES" => cx.offered() & rnic_abi::feature::CONNECTIONS == 0,
                "ETH_QUEUES" | "ETH_RING_LOG" | "ETH_FRAME_BYTES" | "MULTICAST" => {
                    cx.offered() & rnic_abi::feature::ETHERNET == 0
                }
                "RSS_TABLE" => cx.offered() & rnic_abi::feature::ETH_RSS == 0,
                _ => false,
            };
        check(
            value >= limit.minimum || optional,
            format_args!(
                "LIMIT_{}: {value}, at least {} is asked for",
                limit.name, limit.minimum
            ),
        )?;
    }
    check(
        device.limit("page_sizes")? & 1 << 12 != 0,
        "page_sizes does not have bit 12",
    )?;
    check(
        device.get(reg::DOORBELL_PAGES) * 4096 <= place::BAR_DOORBELLS_SIZE,
        "more doorbell pages than BAR2 holds",
    )
}

fn clock<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let m = cx.machine();
    let first = m.get(reg::CLOCK);
    let mut last = first;
    for round in 0..4 {
        if round == 2 {
            m.reset()?;
        }
        for _ in 0..50 {
            let now = m.get(reg::CLOCK);
            check(
                now >= last,
                format_args!("CLOCK ran back from {last} to {now}"),
            )?;
            last = now;
        }
    }
    m.wait_until("CLOCK to advance", || m.get(reg::CLOCK) > last)
}

fn pci_identity<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let p = cx.platform();
    let rows = [
        ("vendor id", 0, 2, u32::from(interface::VENDOR_ID)),
        ("device id", 2, 2, u32::from(interface::DEVICE_ID)),
        (
            "revision and class",
            8,
            4,
            interface::CLASS_CODE << 8 | u32::from(interface::REVISION),
        ),
        (
            "subsystem vendor id",
            0x2C,
            2,
            u32::from(interface::SUBSYSTEM_VENDOR_ID),
        ),
        ("subsystem id", 0x2E, 2, u32::from(interface::SUBSYSTEM_ID)),
    ];
    for _ in 0..2 {
        for (name, offset, width, expected) in rows {
            equal(name, p.config_read(offset, width), expected)?;
        }
        cx.machine().reset()?;
    }
    Ok(())
}
