//! What the firmware and the operating system of a machine do to a function: power-up and function
//! level reset.

use rnic_core::interrupt::{VECTORS, VectorState};

use super::world::World;

/// Command register (PCI Express Base 5.0, 7.5.1.1.3), and its Memory Space Enable.
const COMMAND: u16 = 0x04;
const MEMORY_SPACE: u8 = 1 << 1;
/// Capabilities pointer (7.5.1.1.11).
const CAPABILITIES: u16 = 0x34;
/// Capability id of PCI Express (7.5.3.1), its Device Control (7.5.3.4), Initiate FLR in it.
const PCI_EXPRESS: u8 = 0x10;
const DEVICE_CONTROL: u16 = 8;
const INITIATE_FLR: u16 = 1 << 15;
/// A function need not answer for so long after FLR (6.6.2).
const FLR_NS: u64 = 100_000_000;

impl World {
    /// Memory decoding on, memory maps published, vectors connected.
    pub(super) fn power_up(&mut self, index: usize) {
        self.config_write(index, COMMAND, &[MEMORY_SPACE, 0]);
        self.nodes[index].memory.set_bus_master(true);
        self.publish(index);
        self.connect_vectors(index);
    }

    fn connect_vectors(&mut self, index: usize) {
        for vector in 0..VECTORS {
            if !self.nodes[index].masked.contains(&vector) {
                self.with(index, |device, env| {
                    device.set_vector(env, vector, VectorState::Connected);
                });
            }
        }
    }

    /// Masks or unmasks a vector.
    pub(super) fn mask(&mut self, index: usize, vector: u16, masked: bool) {
        let state = if masked {
            self.nodes[index].masked.insert(vector);
            VectorState::Masked
        } else {
            self.nodes[index].masked.remove(&vector);
            VectorState::Connected
        };
        self.with(index, |device, env| device.set_vector(env, vector, state));
    }

    /// Function level reset, the wait, and memory decoding again.
    pub fn function_reset(&mut self, index: usize) {
        let mut at = self.config_u8(index, CAPABILITIES);
        // 48 capabilities fit the space behind the header.
        for _ in 0..48 {
            if at < 0x40 || self.config_u8(index, at.into()) == PCI_EXPRESS {
                break;
            }
            at = self.config_u8(index, u16::from(at) + 1) & !3;
        }
        assert!(at >= 0x40, "the function has no PCI Express capability");
        let control = u16::from(at) + DEVICE_CONTROL;
        let mut value = [0; 2];
        self.config_read(index, control, &mut value);
        let value = u16::from_le_bytes(value) | INITIATE_FLR;
        self.config_write(index, control, &value.to_le_bytes());
        self.step(FLR_NS);
        self.config_write(index, COMMAND, &[MEMORY_SPACE, 0]);
        self.connect_vectors(index);
    }

    fn config_u8(&mut self, index: usize, offset: u16) -> u8 {
        let mut byte = [0];
        self.config_read(index, offset, &mut byte);
        byte[0]
    }
}
