//! What every CPU shares of a device: unchanging after bring-up, so it needs no lock.

use core::sync::atomic::{AtomicBool, Ordering};

use rnic_abi::{DeviceLimits, FailureCode, Mtu, PortState, place, reg};
use rnic_platform::{Bar, DmaBuffer, Platform};

use crate::{Bell, Error};

/// Bits 31:0.
pub(crate) const fn low_half(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// FAILURE.code.
pub(crate) const fn failure_code(register: u32) -> FailureCode {
    let [a, b, ..] = register.to_le_bytes();
    FailureCode(u16::from_le_bytes([a, b]))
}

/// Where the register blocks lie in BAR0. [REG-6]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    pub(crate) identity: u32,
    pub(crate) control: u32,
    pub(crate) interrupt: u32,
    pub(crate) command_ring: u32,
}

impl Blocks {
    /// Address of a register of one block, from its place in the specification.
    pub(crate) const fn at(base: u32, register: u64, block: u64) -> u32 {
        base + low_half(register.saturating_sub(block))
    }

    pub(crate) const fn control(&self, register: u64) -> u32 {
        Self::at(self.control, register, place::BLOCK_CONTROL)
    }

    pub(crate) const fn interrupt(&self, register: u64) -> u32 {
        Self::at(self.interrupt, register, place::BLOCK_INTERRUPT)
    }

    pub(crate) const fn command_ring(&self, register: u64) -> u32 {
        Self::at(self.command_ring, register, place::BLOCK_COMMAND_RING)
    }

    pub(crate) const fn identity(&self, register: u64) -> u32 {
        Self::at(self.identity, register, place::BLOCK_IDENTITY)
    }
}

/// Who the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Stable EUI-64.
    pub node_guid: u64,
    /// Permanent Ethernet address.
    pub mac: [u8; 6],
    /// Interface minor version in force; the major is this driver's.
    pub minor: u16,
    /// Implementation version, for people: major, minor, patch.
    pub firmware: (u8, u8, u8),
    /// Interrupt vectors.
    pub vectors: u16,
    /// Doorbell pages.
    pub doorbell_pages: u32,
    /// Features that the device offers.
    pub offered: u64,
}

/// The port, as QUERY_PORT answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Current Ethernet address.
    pub mac: [u8; 6],
    /// Link.
    pub state: PortState,
    /// Largest path MTU.
    pub active_mtu: Mtu,
    /// Mbit/s.
    pub link_speed_mbps: u32,
    /// Longest Ethernet frame in bytes, without frame check sequence.
    pub frame_bytes: u32,
}

/// The shared part of a device.
pub struct Nic<P: Platform> {
    pub(crate) platform: P,
    pub(crate) blocks: Blocks,
    pub(crate) parked: Option<P::Dma>,
    pub(crate) identity: Identity,
    pub(crate) features: u64,
    pub(crate) limits: DeviceLimits,
    pub(crate) port: Port,
    /// A reset was begun: the bells belong to whoever brings the device up next.
    pub(crate) ended: AtomicBool,
}

impl<P: Platform> Nic<P> {
    /// The machine below.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Gives the machine back. Reset the device first: this frees memory that it may use.
    pub fn into_platform(self) -> P {
        self.platform
    }

    /// Who the device is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Features in force.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Whether a feature is in force.
    pub fn has(&self, feature: u64) -> bool {
        self.features & feature == feature
    }

    /// Limits, each at least the interface's minimum.
    pub fn limits(&self) -> &DeviceLimits {
        &self.limits
    }

    /// The port as it was at bring-up; see [`crate::Control::query_port`].
    pub fn port(&self) -> &Port {
        &self.port
    }

    pub(crate) fn need(&self, feature: u64, name: &'static str) -> Result<(), Error> {
        if self.has(feature) {
            Ok(())
        } else {
            Err(Error::Missing(name))
        }
    }

    /// Rings: stores the slot, sets the summary bits, and wakes the device if it sleeps. The fence keeps the look at
    /// the parked word behind the store: without it both sides could miss each other. [DB-9] [PARK-1]
    ///
    /// Nothing after a reset was begun: whoever still has a queue of this life would ring for one of the next.
    pub(crate) fn ring(&self, bell: &Bell<P::Doorbell>, value: u64) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        bell.store(value);
        if let Some(parked) = &self.parked {
            self.platform.fence();
            if parked.load_u64(0) != 0 {
                let kick = self.blocks.control(reg::KICK);
                self.platform.write32(Bar::Registers, kick, 1);
            }
        }
    }

    /// DEVICE_STATUS, or why there is none.
    pub fn status(&self) -> Result<u32, Error> {
        status(&self.platform, &self.blocks)
    }

    /// Whether the port can carry frames now.
    pub fn link_up(&self) -> Result<bool, Error> {
        Ok(reg::device_status::LINK_UP.is_set(self.status()?.into()))
    }

    /// Takes the device-level causes that happened and clears them: to be called when the cause vector fires. [INT-1]
    pub fn take_causes(&self) -> Result<u32, Error> {
        let at = self.blocks.interrupt(reg::INTR_CAUSE);
        let causes = self.platform.read32(Bar::Registers, at);
        if causes == u32::MAX {
            return Err(Error::Gone);
        }
        if causes != 0 {
            self.platform.write32(Bar::Registers, at, causes);
        }
        Ok(causes)
    }

    /// Why the device, or its command ring, stopped.
    pub fn failure(&self) -> Result<FailureCode, Error> {
        let code = self
            .platform
            .read32(Bar::Registers, self.blocks.control(reg::FAILURE));
        if code == u32::MAX {
            return Err(Error::Gone);
        }
        Ok(failure_code(code))
    }

    /// Starts a device reset. Nothing that the device may use is freed before it is complete. No queue of this device rings
    /// from then on. [RESET-1]
    pub fn begin_reset(&self) {
        self.ended.store(true, Ordering::Release);
        begin_reset(&self.platform, &self.blocks);
    }

    /// Whether the reset is complete: from then on the device uses no memory of ours. `Gone` says the same.
    pub fn reset_is_complete(&self) -> Result<bool, Error> {
        reset_is_complete(&self.platform, &self.blocks)
    }
}

pub(crate) fn status<P: Platform>(platform: &P, blocks: &Blocks) -> Result<u32, Error> {
    let status = platform.read32(Bar::Registers, blocks.control(reg::DEVICE_STATUS));
    if status == u32::MAX {
        return Err(Error::Gone);
    }
    Ok(status)
}

pub(crate) fn begin_reset<P: Platform>(platform: &P, blocks: &Blocks) {
    let reset = low_half(reg::device_control::RESET.mask());
    platform.write32(Bar::Registers, blocks.control(reg::DEVICE_CONTROL), reset);
}

pub(crate) fn reset_is_complete<P: Platform>(platform: &P, blocks: &Blocks) -> Result<bool, Error> {
    let control = platform.read32(Bar::Registers, blocks.control(reg::DEVICE_CONTROL));
    if control == u32::MAX {
        return Err(Error::Gone);
    }
    let ready = reg::device_status::READY.is_set(status(platform, blocks)?.into());
    Ok(!reg::device_control::RESET.is_set(control.into()) && ready)
}
