// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Identity and version.

/// Major version; a change is incompatible.
pub const MAJOR: u16 = 0x1;
/// Minor version; a change adds.
pub const MINOR: u16 = 0x0;
/// PCI vendor id.
pub const VENDOR_ID: u16 = 0x1d1d;
/// PCI device id.
pub const DEVICE_ID: u16 = 0x524e;
/// PCI subsystem vendor id.
pub const SUBSYSTEM_VENDOR_ID: u16 = 0x1d1d;
/// PCI subsystem id.
pub const SUBSYSTEM_ID: u16 = 0x1;
/// PCI class code: class, subclass, programming interface.
pub const CLASS_CODE: u32 = 0x20000;
/// PCI revision id.
pub const REVISION: u8 = 0x1;
/// Name of the interface.
pub const NAME: &str = "rnic";
