//! NTSTATUS values (ntstatus.h).

use super::NTSTATUS;

macro_rules! statuses {
    ($($name:ident = $value:literal;)*) => { $( pub const $name: NTSTATUS = ($value as u32).cast_signed(); )* };
}

statuses! {
    STATUS_SUCCESS = 0;
    STATUS_TIMEOUT = 0x102;
    STATUS_PENDING = 0x103;
    STATUS_UNSUCCESSFUL = 0xC000_0001;
    STATUS_INVALID_PARAMETER = 0xC000_000D;
    STATUS_NO_MEMORY = 0xC000_0017;
    STATUS_INSUFFICIENT_RESOURCES = 0xC000_009A;
    STATUS_NOT_SUPPORTED = 0xC000_00BB;
    STATUS_INVALID_DEVICE_STATE = 0xC000_0184;
    STATUS_DEVICE_REMOVED = 0xC000_02B6;
}
