//! The function: accesses to its configuration space, and what they mean.
//!
//! A write changes bytes by the masks of [`crate::layout`]; then the state that the device cares
//! about is compared with what it was, and each difference is one [`Effect`]. So no order or
//! width of accesses can change something without the device hearing of it.

use crate::description::{BarKind, Description, DescriptionError, Interrupts};
use crate::layout::{CONFIG_SIZE, Register, offset, registers};
use crate::msix::{Message, NoSuchVector, Raise};
use alloc::boxed::Box;
use alloc::vec::Vec;

const MEMORY_SPACE: u32 = 1 << 1;
const BUS_MASTER: u32 = 1 << 2;
const INITIATE_FLR: u8 = 1 << 7;
const TRANSACTIONS_PENDING: u32 = 1 << 5;
const MSI_VECTORS: u16 = 32;

/// Power state (section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// Works.
    D0,
    /// Answers configuration accesses only: decodes no memory, issues nothing.
    D3Hot,
}

/// What a configuration write means for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Initiate Function Level Reset was written (section 6.6.2). Configuration space is reset
    /// already, and effects of that follow this one; the device resets everything else.
    FlrRequested,
    /// Whether the function may issue requests: Bus Master Enable, and D0.
    BusMaster(bool),
    /// Whether the function decodes its BARs: Memory Space Enable, and D0.
    MemoryEnable(bool),
    /// The power state changed.
    PowerState(PowerState),
    /// MSI-X Enable or Function Mask changed; for [`crate::MsixTable::set_control`].
    MsixControl {
        /// MSI-X Enable.
        enable: bool,
        /// Function Mask.
        function_mask: bool,
    },
    /// MSI Enable or the number of messages allocated changed.
    MsiControl {
        /// MSI Enable.
        enable: bool,
        /// Messages that software allocated: 1, 2, 4, 8, 16 or 32.
        vectors: u16,
    },
    /// Messages that were pending and may now be sent, one bit each; their pending bits are
    /// clear again. [`Function::msi_message`] gives what to send.
    MsiReady(u32),
    /// A base address was written with another value (also while software sizes the BAR).
    BarMoved {
        /// Index of the (first) register.
        index: u8,
        /// Address it now holds.
        address: u64,
    },
}

/// Kinds of reset (section 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Cold, warm or hot: everything.
    Conventional,
    /// One function: all but sticky bits and a few that belong to the link.
    FunctionLevel,
}

/// One byte of configuration space: its value and who may change which bits.
#[derive(Clone, Copy, Default)]
struct Cell {
    value: u8,
    reset: u8,
    writable: u8,
    clearable: u8,
    kept: u8,
}

/// What effects are the differences of.
struct State {
    bus_master: bool,
    memory: bool,
    power: PowerState,
    message_control: u32,
    bars: [u64; 6],
}

/// A PCI Express endpoint function.
pub struct Function {
    description: Description,
    registers: Vec<Register>,
    cells: Box<[Cell]>,
}

impl Function {
    /// Builds a function in the state after a conventional reset.
    pub fn new(description: Description) -> Result<Self, DescriptionError> {
        description.check()?;
        let registers = registers(&description);
        let mut cells = alloc::vec![Cell::default(); CONFIG_SIZE].into_boxed_slice();
        for row in &registers {
            let bytes = [row.reset, row.writable, row.clearable, row.kept].map(u32::to_le_bytes);
            let [reset, writable, clearable, kept] = bytes;
            let fields = reset.into_iter().zip(writable).zip(clearable).zip(kept);
            let at = usize::from(row.offset);
            for (cell, (((reset, writable), clearable), kept)) in
                cells.iter_mut().skip(at).take(row.width.into()).zip(fields)
            {
                *cell = Cell {
                    value: reset,
                    reset,
                    writable,
                    clearable,
                    kept,
                };
            }
        }
        Ok(Function {
            description,
            registers,
            cells,
        })
    }

    /// What it was built from.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Every register; what none covers reads as zero and ignores writes.
    pub fn registers(&self) -> &[Register] {
        &self.registers
    }

    /// Reads any number of bytes at any alignment. Bytes past the end are all ones.
    pub fn config_read(&self, offset: usize, data: &mut [u8]) {
        data.fill(0xff);
        let cells = self.cells.get(offset..).unwrap_or_default();
        for (byte, cell) in data.iter_mut().zip(cells) {
            *byte = cell.value;
        }
    }

    /// Writes any number of bytes at any alignment; what changed for the device, in the order of
    /// [`Effect`]. Bytes past the end are ignored.
    pub fn config_write(&mut self, offset: usize, data: &[u8]) -> Vec<Effect> {
        let before = self.state();
        let power = self.power_field();
        let cells = self.cells.get_mut(offset..).unwrap_or_default();
        for (cell, byte) in cells.iter_mut().zip(data) {
            cell.value = (cell.value & !cell.writable) | (byte & cell.writable);
            cell.value &= !(byte & cell.clearable);
        }
        // D1 and D2 are not supported: the field keeps its value (section 7.5.2.2).
        if !matches!(self.power_field(), 0 | 3) {
            self.set_bits(offset::PMCSR, 0x0003, power);
        }
        let mut effects = Vec::new();
        let flr_byte = usize::from(offset::DEVICE_CONTROL) + 1;
        let written = flr_byte.checked_sub(offset).and_then(|at| data.get(at));
        if written.is_some_and(|byte| byte & INITIATE_FLR != 0) {
            self.reset(ResetKind::FunctionLevel);
            effects.push(Effect::FlrRequested);
        }
        self.differences(&before, &mut effects);
        effects
    }

    /// Resets configuration space. The device resets itself; no effects are reported.
    pub fn reset(&mut self, kind: ResetKind) {
        for cell in &mut self.cells {
            let kept = match kind {
                ResetKind::Conventional => 0,
                ResetKind::FunctionLevel => cell.kept,
            };
            cell.value = (cell.value & kept) | (cell.reset & !kept);
        }
    }

    /// Whether the function may issue requests: Bus Master Enable, and D0.
    pub fn bus_master(&self) -> bool {
        self.get(offset::COMMAND, 2) & BUS_MASTER != 0 && self.power_state() == PowerState::D0
    }

    /// Whether the function decodes its BARs: Memory Space Enable, and D0.
    pub fn memory_enabled(&self) -> bool {
        self.get(offset::COMMAND, 2) & MEMORY_SPACE != 0 && self.power_state() == PowerState::D0
    }

    /// Power state.
    pub fn power_state(&self) -> PowerState {
        if self.power_field() == 0 {
            PowerState::D0
        } else {
            PowerState::D3Hot
        }
    }

    /// Address that a base address register (or pair, by its first index) holds.
    pub fn bar_address(&self, index: u8) -> Option<u64> {
        let bar = self.description.bars.iter().find(|b| b.index == index)?;
        let at = offset::BAR0 + 4 * u16::from(index);
        let low = u64::from(self.get(at, 4) & !0xf);
        let high = match bar.kind {
            BarKind::Memory32 => 0,
            BarKind::Memory64 => u64::from(self.get(at + 4, 4)),
        };
        Some(high << 32 | low)
    }

    /// The BAR, and the offset in it, that all of `len` bytes at a bus address fall into while
    /// memory is enabled.
    pub fn decode(&self, address: u64, len: u64) -> Option<(u8, u64)> {
        if !self.memory_enabled() {
            return None;
        }
        self.description.bars.iter().find_map(|bar| {
            let offset = address.checked_sub(self.bar_address(bar.index)?)?;
            let end = offset.checked_add(len)?;
            (end <= bar.size && len > 0).then_some((bar.index, offset))
        })
    }

    /// Sets error bits of the Status register (section 7.5.1.1.4); others are ignored.
    pub fn set_status(&mut self, bits: u16) {
        self.set_clearable(offset::STATUS, bits);
    }

    /// Sets error bits of the Device Status register (section 7.5.3.5); others are ignored.
    pub fn set_device_status(&mut self, bits: u16) {
        self.set_clearable(offset::DEVICE_STATUS, bits);
    }

    /// Follows whether requests of the function are outstanding: software waits for this to be
    /// clear before a Function Level Reset.
    pub fn set_transactions_pending(&mut self, pending: bool) {
        let value = if pending { TRANSACTIONS_PENDING } else { 0 };
        self.set_bits(offset::DEVICE_STATUS, TRANSACTIONS_PENDING, value);
    }

    /// Messages that software lets the function send: with MSI those allocated, whether or not
    /// they are enabled; with MSI-X one a vector.
    pub fn messages(&self) -> u16 {
        match self.description.interrupts {
            Interrupts::MsiX { vectors, .. } => vectors,
            Interrupts::Msi => msi_control(self.get(offset::MESSAGE_CONTROL, 2)).1,
        }
    }

    /// Raises message `n` of an MSI function: what to send, or that it waits, masked or disabled,
    /// for [`Effect::MsiReady`]. With fewer messages allocated than 32 the number wraps
    /// (section 6.1.4.2 leaves the mapping to the function).
    pub fn msi_raise(&mut self, n: u16) -> Result<Raise, NoSuchVector> {
        if self.description.interrupts != Interrupts::Msi || n >= MSI_VECTORS {
            return Err(NoSuchVector(n));
        }
        let (enable, vectors) = msi_control(self.get(offset::MESSAGE_CONTROL, 2));
        let bit = 1u32 << (n & (vectors - 1));
        if enable && self.get(offset::MSI_MASK, 4) & bit == 0 {
            return Ok(Raise::Fire(self.msi_message(n)));
        }
        self.set_bits(offset::MSI_PENDING, bit, bit);
        Ok(Raise::Pending)
    }

    /// What message `n` of an MSI function writes, and where. The number of the message takes the
    /// place of the low bits that software allocated.
    pub fn msi_message(&self, n: u16) -> Message {
        let (_, vectors) = msi_control(self.get(offset::MESSAGE_CONTROL, 2));
        let low = u64::from(self.get(offset::MSI_ADDRESS, 4));
        let high = u64::from(self.get(offset::MSI_ADDRESS + 4, 4));
        let number = u32::from(vectors - 1);
        let data = self.get(offset::MSI_DATA, 2) & !number | u32::from(n) & number;
        Message {
            address: high << 32 | low,
            data,
        }
    }

    fn differences(&mut self, before: &State, effects: &mut Vec<Effect>) {
        let after = self.state();
        if after.bus_master != before.bus_master {
            effects.push(Effect::BusMaster(after.bus_master));
        }
        if after.memory != before.memory {
            effects.push(Effect::MemoryEnable(after.memory));
        }
        if after.power != before.power {
            effects.push(Effect::PowerState(after.power));
        }
        if after.message_control != before.message_control {
            effects.push(match self.description.interrupts {
                Interrupts::MsiX { .. } => Effect::MsixControl {
                    enable: after.message_control & 1 << 15 != 0,
                    function_mask: after.message_control & 1 << 14 != 0,
                },
                Interrupts::Msi => {
                    let (enable, vectors) = msi_control(after.message_control);
                    Effect::MsiControl { enable, vectors }
                }
            });
        }
        if self.description.interrupts == Interrupts::Msi && msi_control(after.message_control).0 {
            let ready = self.get(offset::MSI_PENDING, 4) & !self.get(offset::MSI_MASK, 4);
            if ready != 0 {
                self.set_bits(offset::MSI_PENDING, ready, 0);
                effects.push(Effect::MsiReady(ready));
            }
        }
        for (index, (old, new)) in (0u8..).zip(before.bars.iter().zip(after.bars)) {
            if *old != new {
                effects.push(Effect::BarMoved {
                    index,
                    address: new,
                });
            }
        }
    }

    fn state(&self) -> State {
        let mut bars = [0; 6];
        for (index, bar) in (0u8..).zip(&mut bars) {
            *bar = self.bar_address(index).unwrap_or(0);
        }
        State {
            bus_master: self.bus_master(),
            memory: self.memory_enabled(),
            power: self.power_state(),
            message_control: self.get(offset::MESSAGE_CONTROL, 2),
            bars,
        }
    }

    fn power_field(&self) -> u32 {
        self.get(offset::PMCSR, 2) & 0x0003
    }

    fn get(&self, offset: u16, width: usize) -> u32 {
        let mut bytes = [0; 4];
        for (byte, cell) in bytes
            .iter_mut()
            .zip(self.cells.iter().skip(offset.into()).take(width))
        {
            *byte = cell.value;
        }
        u32::from_le_bytes(bytes)
    }

    /// Sets the bits in `mask` to those of `value`, whatever software may do with them.
    fn set_bits(&mut self, offset: u16, mask: u32, value: u32) {
        let bytes = mask.to_le_bytes().into_iter().zip(value.to_le_bytes());
        for (cell, (mask, value)) in self.cells.iter_mut().skip(offset.into()).zip(bytes) {
            cell.value = cell.value & !mask | value & mask;
        }
    }

    fn set_clearable(&mut self, offset: u16, bits: u16) {
        for (cell, bits) in self
            .cells
            .iter_mut()
            .skip(offset.into())
            .zip(bits.to_le_bytes())
        {
            cell.value |= bits & cell.clearable;
        }
    }
}

impl core::fmt::Debug for Function {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Function")
            .field("vendor_id", &self.description.vendor_id)
            .field("device_id", &self.description.device_id)
            .field("power_state", &self.power_state())
            .field("bus_master", &self.bus_master())
            .field("memory_enabled", &self.memory_enabled())
            .finish_non_exhaustive()
    }
}

/// MSI Enable and the number of messages allocated; the two reserved encodings count as 32.
fn msi_control(control: u32) -> (bool, u16) {
    let encoding = (control >> 4 & 0x7).min(5);
    (control & 1 != 0, 1 << encoding)
}
