//! Any access, in any order: no panic, and what must never change does not.

mod support;

use pci_function::{Delivery, Effect, MsixTable, Raise, ResetKind, VectorState};
use proptest::prelude::*;
use support::{function, msi_function};

#[derive(Clone, Debug)]
enum Step {
    Read(usize, usize),
    Write(usize, Vec<u8>),
    Raise(u16),
    Status(u16),
    Reset(bool),
    Decode(u64, u64),
}

fn offset() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0usize..0x110, 1 => 0usize..5000, 1 => any::<usize>()]
}

fn step() -> impl Strategy<Value = Step> {
    let data = proptest::collection::vec(any::<u8>(), 0..16);
    prop_oneof![
        1 => (offset(), 0usize..600).prop_map(|(o, n)| Step::Read(o, n)),
        4 => (offset(), data).prop_map(|(o, d)| Step::Write(o, d)),
        1 => any::<u16>().prop_map(|n| Step::Raise(n % 40)),
        1 => any::<u16>().prop_map(Step::Status),
        1 => any::<bool>().prop_map(Step::Reset),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(a, n)| Step::Decode(a, n)),
    ]
}

proptest! {
    #[test]
    fn any_access_in_any_order(msi in any::<bool>(), steps in proptest::collection::vec(step(), 0..200)) {
        let mut function = if msi { msi_function() } else { function() };
        let mut fixed = vec![0u8; 4096];
        function.config_read(0, &mut fixed);
        let mut changes = vec![0u8; 4096];
        for row in function.registers() {
            let bits = (row.writable | row.clearable).to_le_bytes();
            for (n, bits) in bits.into_iter().take(row.width.into()).enumerate() {
                changes[usize::from(row.offset) + n] |= bits;
            }
        }
        if msi {
            changes[0xa4..0xa8].fill(0xff); // pending bits
        }
        // What the effects said must be what the function says.
        let (mut bus_master, mut memory) = (false, false);
        for step in steps {
            match step {
                Step::Read(at, len) => {
                    let mut bytes = vec![0; len];
                    function.config_read(at, &mut bytes);
                    let past = at.saturating_add(len).saturating_sub(4096).min(len);
                    prop_assert!(bytes[len - past..].iter().all(|b| *b == 0xff));
                }
                Step::Write(at, data) => {
                    let effects = function.config_write(at, &data);
                    let flr = usize::checked_sub(0x51, at).and_then(|n| data.get(n)).is_some_and(|b| b & 0x80 != 0);
                    prop_assert_eq!(effects.contains(&Effect::FlrRequested), flr);
                    for effect in effects {
                        match effect {
                            Effect::BusMaster(on) => bus_master = on,
                            Effect::MemoryEnable(on) => memory = on,
                            _ => (),
                        }
                    }
                }
                Step::Raise(n) => {
                    prop_assert_eq!(function.msi_raise(n).is_ok(), msi && n < 32);
                }
                Step::Status(bits) => {
                    function.set_status(bits);
                    function.set_device_status(bits);
                }
                Step::Reset(flr) => {
                    function.reset(if flr { ResetKind::FunctionLevel } else { ResetKind::Conventional });
                    (bus_master, memory) = (false, false);
                }
                Step::Decode(address, len) => {
                    if let Some((bar, at)) = function.decode(address, len) {
                        prop_assert_eq!(function.bar_address(bar).unwrap() + at, address);
                    }
                }
            }
            prop_assert_eq!((function.bus_master(), function.memory_enabled()), (bus_master, memory));
        }
        let mut now = vec![0u8; 4096];
        function.config_read(0, &mut now);
        for at in 0..4096 {
            prop_assert_eq!(now[at] & !changes[at], fixed[at] & !changes[at], "at {:#x}", at);
        }
    }

    /// Against the rule itself: raised and not fired means pending, and pending fires as soon as
    /// it may.
    #[test]
    fn no_interrupt_is_lost(
        external in any::<bool>(),
        steps in proptest::collection::vec((0u8..5, 0u16..6, any::<u8>()), 0..200),
    ) {
        let delivery = if external { Delivery::External } else { Delivery::Table };
        let mut table = MsixTable::new(5, delivery);
        let (mut enable, mut mask) = (false, false);
        let (mut masked, mut connected, mut pending) = ([true; 5], [false; 5], [false; 5]);
        for (what, n, value) in steps {
            let at = usize::from(n);
            let mut fired = Vec::new();
            match what {
                0 => {
                    let open = at < 5
                        && if external { connected[at] } else { enable && !mask && !masked[at] };
                    match table.raise(n) {
                        Ok(Raise::Fire(_)) => prop_assert!(open),
                        Ok(Raise::Pending) => {
                            prop_assert!(!open);
                            pending[at] = true;
                        }
                        Err(_) => prop_assert_eq!(n, 5),
                    }
                }
                1 => {
                    (enable, mask) = (value & 1 != 0, value & 2 != 0);
                    table.set_control(enable, mask, |n, _| fired.push(n));
                }
                2 => {
                    if at < 5 {
                        masked[at] = value & 1 != 0;
                    }
                    table.table_write(u64::from(n) * 16 + 12, &[value], |n, _| fired.push(n));
                }
                3 => {
                    let state = [VectorState::Unconnected, VectorState::Connected, VectorState::Masked];
                    let state = state[usize::from(value % 3)];
                    if at < 5 {
                        connected[at] = state == VectorState::Connected;
                    }
                    prop_assert_eq!(table.set_vector(n, state, |n, _| fired.push(n)).is_ok(), n < 5);
                }
                _ => {
                    let mut bytes = vec![0; value.into()];
                    table.table_read(u64::from(n) * 7, &mut bytes);
                    table.pba_read(u64::from(n) * 3, &mut bytes);
                    table.table_write(80 + u64::from(n), &bytes, |n, _| fired.push(n));
                    prop_assert!(fired.is_empty());
                }
            }
            for n in 0..5 {
                let open = if external { connected[n] } else { enable && !mask && !masked[n] };
                let fires = pending[n] && open;
                prop_assert_eq!(fired.contains(&(n as u16)), fires);
                pending[n] &= !fires;
                prop_assert_eq!(table.pending(n as u16), pending[n]);
            }
        }
    }
}
