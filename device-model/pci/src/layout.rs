//! Every register of the function, as rows: where it is, what it holds after reset, which bits
//! software changes and how, which bits a Function Level Reset leaves alone. What no row covers
//! reads as zero and ignores writes.

use crate::description::{BarKind, Description, Interrupts};
use alloc::vec::Vec;

/// Bytes of configuration space (section 7.2.2).
pub const CONFIG_SIZE: usize = 4096;

/// Offsets of registers that callers name.
pub mod offset {
    /// Command (section 7.5.1.1.3).
    pub const COMMAND: u16 = 0x04;
    /// Status (section 7.5.1.1.4).
    pub const STATUS: u16 = 0x06;
    /// First base address register (section 7.5.1.2.1).
    pub const BAR0: u16 = 0x10;
    /// Power Management capability (section 7.5.2).
    pub const PM: u16 = 0x40;
    /// Power Management Control/Status (section 7.5.2.2).
    pub const PMCSR: u16 = PM + 4;
    /// PCI Express capability (section 7.5.3).
    pub const EXPRESS: u16 = 0x48;
    /// Device Control (section 7.5.3.4).
    pub const DEVICE_CONTROL: u16 = EXPRESS + 0x08;
    /// Device Status (section 7.5.3.5).
    pub const DEVICE_STATUS: u16 = EXPRESS + 0x0a;
    /// Link Control (section 7.5.3.7).
    pub const LINK_CONTROL: u16 = EXPRESS + 0x10;
    /// Link Control 2 (section 7.5.3.19).
    pub const LINK_CONTROL_2: u16 = EXPRESS + 0x30;
    /// MSI-X or MSI capability (sections 7.7.2, 7.7.1).
    pub const INTERRUPTS: u16 = 0x90;
    /// Message Control of either.
    pub const MESSAGE_CONTROL: u16 = INTERRUPTS + 2;
    /// MSI: Message Address, low half.
    pub const MSI_ADDRESS: u16 = INTERRUPTS + 4;
    /// MSI: Message Data.
    pub const MSI_DATA: u16 = INTERRUPTS + 0x0c;
    /// MSI: Mask Bits.
    pub const MSI_MASK: u16 = INTERRUPTS + 0x10;
    /// MSI: Pending Bits.
    pub const MSI_PENDING: u16 = INTERRUPTS + 0x14;
    /// Device Serial Number extended capability (section 7.9.3).
    pub const SERIAL_NUMBER: u16 = 0x100;
}

/// One register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name in the specification.
    pub name: &'static str,
    /// Byte offset.
    pub offset: u16,
    /// Width in bytes: 1, 2 or 4.
    pub width: u8,
    /// Value after a conventional reset.
    pub reset: u32,
    /// Bits that hold what software writes (RW, RWS).
    pub writable: u32,
    /// Bits that a written one clears (RW1C).
    pub clearable: u32,
    /// Bits that a Function Level Reset leaves alone (section 6.6.2).
    pub kept: u32,
}

impl Register {
    const fn new(name: &'static str, offset: u16, width: u8, reset: u32) -> Self {
        Register {
            name,
            offset,
            width,
            reset,
            writable: 0,
            clearable: 0,
            kept: 0,
        }
    }

    const fn writable(self, bits: u32) -> Self {
        Register {
            writable: bits,
            ..self
        }
    }

    const fn clearable(self, bits: u32) -> Self {
        Register {
            clearable: bits,
            ..self
        }
    }

    const fn kept(self, bits: u32) -> Self {
        Register { kept: bits, ..self }
    }
}

/// All registers of a checked description.
pub(crate) fn registers(description: &Description) -> Vec<Register> {
    let mut rows = Vec::new();
    header(description, &mut rows);
    power_management(&mut rows);
    express(description, &mut rows);
    interrupts(description, &mut rows);
    if let Some(serial) = description.serial_number {
        serial_number(serial, &mut rows);
    }
    rows
}

const fn halves(value: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    )
}

/// Type 0 header (section 7.5.1).
fn header(d: &Description, rows: &mut Vec<Register>) {
    let [base, sub, interface] = d.class;
    rows.extend([
        Register::new("Vendor ID", 0x00, 2, d.vendor_id.into()),
        Register::new("Device ID", 0x02, 2, d.device_id.into()),
        // Memory Space, Bus Master, Parity Error Response, SERR# Enable, Interrupt Disable. I/O
        // Space is hardwired: there is no I/O BAR.
        Register::new("Command", offset::COMMAND, 2, 0).writable(0x0546),
        // Capabilities List is set; the six error bits are RW1C.
        Register::new("Status", offset::STATUS, 2, 0x0010).clearable(0xf900),
        Register::new("Revision ID", 0x08, 1, d.revision.into()),
        Register::new("Programming Interface", 0x09, 1, interface.into()),
        Register::new("Sub-Class Code", 0x0a, 1, sub.into()),
        Register::new("Base Class Code", 0x0b, 1, base.into()),
        // Read-write for old software, without effect (section 7.5.1.1.7).
        Register::new("Cache Line Size", 0x0c, 1, 0).writable(0xff),
        Register::new("Header Type", 0x0e, 1, 0),
        Register::new("Subsystem Vendor ID", 0x2c, 2, d.subsystem_vendor_id.into()),
        Register::new("Subsystem ID", 0x2e, 2, d.subsystem_id.into()),
        Register::new("Capabilities Pointer", 0x34, 1, offset::PM.into()),
        Register::new("Interrupt Line", 0x3c, 1, 0).writable(0xff),
        // No INTx.
        Register::new("Interrupt Pin", 0x3d, 1, 0),
    ]);
    for bar in &d.bars {
        let at = offset::BAR0 + 4 * u16::from(bar.index);
        let (low, high) = halves(!(bar.size - 1));
        let kind = match bar.kind {
            BarKind::Memory32 => 0b000,
            BarKind::Memory64 => 0b100,
        };
        let prefetchable = if bar.prefetchable { 0b1000 } else { 0 };
        rows.push(Register::new("Base Address", at, 4, kind | prefetchable).writable(low & !0xf));
        if bar.kind == BarKind::Memory64 {
            rows.push(Register::new("Base Address, upper half", at + 4, 4, 0).writable(high));
        }
    }
}

/// Power Management, version 3: D0 and D3hot, no PME (section 7.5.2).
fn power_management(rows: &mut Vec<Register>) {
    let next = u32::from(offset::EXPRESS) << 8;
    rows.extend([
        Register::new(
            "Power Management Capabilities",
            offset::PM,
            4,
            0x0003_0001 | next,
        ),
        // No_Soft_Reset: the way from D3hot to D0 keeps everything.
        Register::new("Power Management Control/Status", offset::PMCSR, 2, 0x0008).writable(0x0003),
    ]);
}

/// PCI Express capability, version 2, endpoint (section 7.5.3).
fn express(d: &Description, rows: &mut Vec<Register>) {
    let at = offset::EXPRESS;
    let next = u32::from(offset::INTERRUPTS) << 8;
    let speed = d.link_speed.encoding();
    let link = speed | u32::from(d.link_width) << 4;
    // Extended Tag; any acceptable L0s and L1 latency; Role-Based Error Reporting; FLR.
    let device = d.max_payload.encoding() | 1 << 5 | 7 << 6 | 7 << 9 | 1 << 15 | 1 << 28;
    rows.extend([
        Register::new("PCI Express Capabilities", at, 4, 0x0002_0010 | next),
        Register::new("Device Capabilities", at + 0x04, 4, device),
        // Error reporting enables, Relaxed Ordering, Max_Payload_Size, Extended Tag, No Snoop,
        // Max_Read_Request_Size. Initiate FLR reads as zero and is not held. Max_Payload_Size
        // survives a Function Level Reset.
        Register::new("Device Control", offset::DEVICE_CONTROL, 2, 0x2810)
            .writable(0x79ff)
            .kept(0x00e0),
        Register::new("Device Status", offset::DEVICE_STATUS, 2, 0).clearable(0x000f),
        // No ASPM, and software may rely on that field (ASPM Optionality Compliance).
        Register::new("Link Capabilities", at + 0x0c, 4, link | 1 << 22),
        // ASPM Control, Read Completion Boundary, Common Clock, Extended Synch: all survive.
        Register::new("Link Control", offset::LINK_CONTROL, 2, 0)
            .writable(0x00cb)
            .kept(0x00cb),
        Register::new("Link Status", at + 0x12, 2, link),
        // Completion Timeout Disable, which a function that issues requests must have.
        Register::new("Device Capabilities 2", at + 0x24, 4, 1 << 4),
        Register::new("Device Control 2", at + 0x28, 2, 0).writable(0x0010),
        // Supported Link Speeds Vector.
        Register::new("Link Capabilities 2", at + 0x2c, 4, ((1 << speed) - 1) << 1),
        // Target Link Speed and Enter Compliance are sticky.
        Register::new("Link Control 2", offset::LINK_CONTROL_2, 2, speed)
            .writable(0x001f)
            .kept(0x001f),
    ]);
}

fn interrupts(d: &Description, rows: &mut Vec<Register>) {
    let at = offset::INTERRUPTS;
    match d.interrupts {
        // Section 7.7.2.
        Interrupts::MsiX {
            vectors,
            table_bar,
            table_offset,
            pba_bar,
            pba_offset,
        } => rows.extend([
            Register::new("MSI-X Capability", at, 2, 0x0011),
            // Function Mask and MSI-X Enable.
            Register::new(
                "MSI-X Message Control",
                offset::MESSAGE_CONTROL,
                2,
                u32::from(vectors - 1),
            )
            .writable(0xc000),
            Register::new(
                "MSI-X Table Offset",
                at + 4,
                4,
                table_offset | u32::from(table_bar),
            ),
            Register::new(
                "MSI-X PBA Offset",
                at + 8,
                4,
                pba_offset | u32::from(pba_bar),
            ),
        ]),
        // Section 7.7.1.
        Interrupts::Msi => rows.extend([
            Register::new("MSI Capability", at, 2, 0x0005),
            // 32 messages, 64-bit, per-vector masking; Enable and Multiple Message Enable.
            Register::new("MSI Message Control", offset::MESSAGE_CONTROL, 2, 0x018a)
                .writable(0x0071),
            Register::new("MSI Message Address", offset::MSI_ADDRESS, 4, 0).writable(0xffff_fffc),
            Register::new("MSI Message Upper Address", at + 8, 4, 0).writable(0xffff_ffff),
            Register::new("MSI Message Data", offset::MSI_DATA, 2, 0).writable(0xffff),
            Register::new("MSI Mask Bits", offset::MSI_MASK, 4, 0).writable(0xffff_ffff),
            Register::new("MSI Pending Bits", offset::MSI_PENDING, 4, 0),
        ]),
    }
}

/// Device Serial Number, version 1, last in the list (section 7.9.3).
fn serial_number(serial: u64, rows: &mut Vec<Register>) {
    let at = offset::SERIAL_NUMBER;
    let (low, high) = halves(serial);
    rows.extend([
        Register::new("Device Serial Number Capability", at, 4, 0x0001_0003),
        Register::new("Serial Number, lower half", at + 4, 4, low),
        Register::new("Serial Number, upper half", at + 8, 4, high),
    ]);
}
