//! Accesses of every kind, at any moment: BARs, configuration space, doorbells, memory, frames, resets, time.

use rnic_abi::{consts, place, reg};
use rnic_core::dma::DmaSpace;
use rnic_core::env::{Budget, Nanos};
use rnic_core::interrupt::VectorState;
use rnic_firmware::ResetKind;

use crate::input::Input;
use crate::rig::{BASE, MEMORY, Rig};

/// A list of accesses.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut rig = if input.byte() & 1 == 0 {
        Rig::new()
    } else {
        Rig::up()
    };
    while !input.is_empty() {
        step(&mut rig, &mut input);
    }
    rig.settle();
    // Whatever was done, a reset leaves a device that says what it is.
    rig.write32(reg::DEVICE_CONTROL, 1 << 31);
    let mut magic = [0; 4];
    rig.device
        .bar_read(&mut rig.host, 0, reg::MAGIC, &mut magic);
    assert_eq!(u32::from_le_bytes(magic), consts::MAGIC_VALUE);
}

fn step(rig: &mut Rig, input: &mut Input<'_>) {
    let mut data = [0; 8];
    match input.byte() % 14 {
        0 | 1 => {
            let (bar, offset) = (input.byte() % 6, offset(input));
            let length = usize::from(input.byte() % 9);
            rig.device
                .bar_read(&mut rig.host, bar, offset, &mut data[..length]);
        }
        2..=4 => {
            let (bar, offset) = (input.byte() % 6, offset(input));
            let length = usize::from(input.byte() % 9);
            let bytes = input.array::<8>();
            rig.device
                .bar_write(&mut rig.host, bar, offset, &bytes[..length]);
        }
        5 => {
            let offset = usize::from(input.word());
            let length = usize::from(input.byte() % 9);
            rig.device.config_read(offset, &mut data[..length]);
        }
        6 => {
            let offset = usize::from(input.word() % 4097);
            let length = usize::from(input.byte() % 9);
            let bytes = input.array::<8>();
            rig.device
                .config_write(&mut rig.host, offset, &bytes[..length]);
        }
        7 => {
            let slot = u32::from(input.word());
            let value = input.quad();
            rig.ring_slot(slot % (place::BAR_DOORBELLS_SIZE / 8) as u32, value);
        }
        8 | 9 => {
            let at = BASE + u64::from(input.word()) * 16 % MEMORY;
            let bytes = input.record();
            rig.guest_write(at, bytes);
        }
        10 => {
            let frame = input.record();
            rig.device.frame_received(&mut rig.host, frame);
        }
        11 => {
            let vector = input.word();
            let state = if input.byte() & 1 == 0 {
                VectorState::Connected
            } else {
                VectorState::Masked
            };
            rig.device.set_vector(&mut rig.host, vector, state);
        }
        12 => match input.byte() % 8 {
            0 => rig.device.reset(&mut rig.host, ResetKind::FunctionLevel),
            1 => rig.device.reset(&mut rig.host, ResetKind::Conventional),
            2 => rig.device.dma_changed(&mut rig.host, DmaSpace::empty()),
            3 | 4 => {
                let space = rig.memory.space_at(BASE).expect("a map");
                rig.device.dma_changed(&mut rig.host, space);
            }
            _ => {
                let _ = rig.device.prepare_park(&mut rig.host);
            }
        },
        _ => {
            let later = u64::from(input.word()) * 1000;
            rig.host.now = Nanos(rig.host.now.get().saturating_add(later));
            rig.host.sent.clear();
            let budget = Budget {
                bytes: u64::from(input.word()),
                ops: u32::from(input.byte()),
            };
            let _ = rig.device.run(&mut rig.host, budget);
        }
    }
}

/// Mostly small, where registers are.
fn offset(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        0 => input.quad(),
        high => u64::from(high & 0x0F) << 8 | u64::from(input.byte()),
    }
}
