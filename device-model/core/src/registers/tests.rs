use rnic_abi::consts;
use rnic_abi::limit;

use super::*;

fn registers() -> impl Iterator<Item = &'static Register> {
    REGISTERS
        .iter()
        .filter(|register| register.bar == place::BAR_REGISTERS)
}

#[test]
fn reset_values_and_headers() {
    // [REG-4] [REG-6] [REG-7]
    let mut file = RegisterFile::new();
    for register in registers() {
        let bytes = register.bytes() as usize;
        let readable = !register.mask(Access::Wo);
        assert_eq!(
            file.read(register.offset, bytes),
            Some(register.reset & readable),
            "{}",
            register.name
        );
    }
    assert_eq!(file.get(reg::MAGIC), u64::from(consts::MAGIC_VALUE));
    let mut at = 0;
    let mut types = Vec::new();
    while let Some(header) = file.read(at, 4).filter(|header| *header != 0) {
        types.push(header & 0xFF);
        at += header >> 16;
    }
    assert_eq!(types, [1, 2, 3, 4]);
}

#[test]
fn every_access_width_and_alignment() {
    // [REG-1] [REG-2]
    let mut file = RegisterFile::new();
    let mut taken = std::collections::BTreeSet::new();
    for register in registers() {
        let (at, bytes) = (register.offset, register.bytes());
        taken.insert((at, bytes as usize));
        if bytes == 8 {
            taken.extend([(at, 4), (at + 4, 4)]);
        }
    }
    for at in 0..place::BAR_REGISTERS_SIZE + 16 {
        for bytes in [1, 2, 3, 4, 5, 8, 16] {
            let expected = taken.contains(&(at, bytes));
            assert_eq!(file.read(at, bytes).is_some(), expected, "{at:#x}/{bytes}");
            assert_eq!(
                file.clone().write(at, bytes, u64::MAX).is_some(),
                expected,
                "{at:#x}/{bytes}"
            );
        }
    }
    assert_eq!(file.read(u64::MAX, 4), None);
}

#[test]
fn every_bit_answers_as_its_access_type_says_and_no_other_register_moves() {
    // [REG-3] [REG-5]
    for register in registers() {
        for bit in 0..register.width {
            let one = 1u64 << bit;
            let bytes = register.bytes() as usize;
            let mut file = RegisterFile::new();
            let before = file.clone();
            file.write(register.offset, bytes, before.get(register.offset) ^ one)
                .unwrap();
            let value = file.get(register.offset);
            let name = format!("{} bit {bit}", register.name);
            let is = |access| register.mask(access) & one != 0;
            let reset = register.reset & one != 0;
            let expected = match () {
                () if is(Access::Rw) => !reset,
                () if is(Access::W1s) => true,
                // Written with 1 where it is 0, else with 0: `w1c` keeps it too.
                () => reset,
            };
            assert_eq!(value & one != 0, expected, "{name}");
            for other in registers().filter(|other| other.offset != register.offset) {
                assert_eq!(
                    file.get(other.offset),
                    before.get(other.offset),
                    "{name} moved {}",
                    other.name
                );
            }
        }
    }
}

#[test]
fn halves_of_a_wide_register() {
    // [REG-1]
    let mut file = RegisterFile::new();
    file.write(reg::CMD_DESC, 8, 0x1111_2222_3333_4444).unwrap();
    let store = file.write(reg::CMD_DESC + 4, 4, 0xAAAA_BBBB).unwrap();
    assert_eq!(store.offset, reg::CMD_DESC);
    assert_eq!(store.written, 0xAAAA_BBBB_0000_0000);
    assert_eq!(file.get(reg::CMD_DESC), 0xAAAA_BBBB_3333_4444);
    assert_eq!(file.read(reg::CMD_DESC, 4), Some(0x3333_4444));
    assert_eq!(file.read(reg::CMD_DESC + 4, 4), Some(0xAAAA_BBBB));
}

#[test]
fn write_one_to_clear_and_write_only() {
    // [INT-1] [REG-3]
    let mut file = RegisterFile::new();
    file.set(reg::INTR_CAUSE, 0x8000_0007);
    file.write(reg::INTR_CAUSE, 4, 0x8000_0001).unwrap();
    assert_eq!(file.get(reg::INTR_CAUSE), 6);
    let store = file.write(reg::KICK, 4, 5).unwrap();
    assert_eq!((store.written, store.after), (5, 0));
    file.set(reg::KICK, 5);
    assert_eq!(file.read(reg::KICK, 4), Some(0));
}

#[test]
fn guest_errors_stop_at_the_maximum_and_clear_on_read() {
    let mut file = RegisterFile::new();
    count_guest_error(&mut file);
    count_guest_error(&mut file);
    assert_eq!(file.read(reg::GUEST_ERRORS, 4), Some(2));
    assert_eq!(file.read(reg::GUEST_ERRORS, 4), Some(0));
    file.set(reg::GUEST_ERRORS, 0xFFFF_FFFF);
    count_guest_error(&mut file);
    assert_eq!(file.get(reg::GUEST_ERRORS), 0xFFFF_FFFF);
    file.write(reg::GUEST_ERRORS, 4, 0).unwrap();
    assert_eq!(
        file.get(reg::GUEST_ERRORS),
        0xFFFF_FFFF,
        "read to clear only"
    );
}

#[test]
fn a_reset_keeps_what_describes_the_device() {
    // [REG-4] [RESET-4]
    let mut file = RegisterFile::new();
    file.set_field(reg::CAPABILITY, reg::capability::VECTORS, limit::VECTORS);
    file.set(reg::NODE_GUID, 77);
    file.write(reg::SCRATCH, 4, 9).unwrap();
    file.reset();
    assert_eq!(file.get(reg::NODE_GUID), 77);
    assert_eq!(
        file.field(reg::CAPABILITY, reg::capability::VECTORS),
        limit::VECTORS
    );
    assert_eq!(file.get(reg::SCRATCH), 0);
    assert_eq!(file.get(reg::INTR_MASK), 0x8000_0007);
}
