// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! BARs and register blocks.

/// Control registers: small, trapped, no fast path.
///
/// Index of the BAR.
pub const BAR_REGISTERS: u8 = 0;
/// Size of BAR0 in bytes.
pub const BAR_REGISTERS_SIZE: u64 = 0x4000;
/// Doorbell slots of 8 bytes in pages of 4 KiB. May be mapped into a guest or a process page by page.
///
/// Index of the BAR.
pub const BAR_DOORBELLS: u8 = 2;
/// Size of BAR2 in bytes.
pub const BAR_DOORBELLS_SIZE: u64 = 0x400000;
/// MSI-X table at 0, pending bit array at 0x1000. A function with MSI has no such BAR.
///
/// Index of the BAR.
pub const BAR_MSIX: u8 = 4;
/// Size of BAR4 in bytes.
pub const BAR_MSIX_SIZE: u64 = 0x2000;
/// Who the device is and what it offers.
///
/// Offset in BAR0.
pub const BLOCK_IDENTITY: u64 = 0x0;
/// Size of [`BLOCK_IDENTITY`] in bytes.
pub const BLOCK_IDENTITY_SIZE: u64 = 0x80;
/// Type of [`BLOCK_IDENTITY`].
pub const BLOCK_IDENTITY_ID: u8 = 0x1;
/// Version of [`BLOCK_IDENTITY`].
pub const BLOCK_IDENTITY_VERSION: u8 = 1;
/// Start, reset, state, wake-up, error report.
///
/// Offset in BAR0.
pub const BLOCK_CONTROL: u64 = 0x80;
/// Size of [`BLOCK_CONTROL`] in bytes.
pub const BLOCK_CONTROL_SIZE: u64 = 0x80;
/// Type of [`BLOCK_CONTROL`].
pub const BLOCK_CONTROL_ID: u8 = 0x2;
/// Version of [`BLOCK_CONTROL`].
pub const BLOCK_CONTROL_VERSION: u8 = 1;
/// Device-level causes. Queues have vectors of their own.
///
/// Offset in BAR0.
pub const BLOCK_INTERRUPT: u64 = 0x100;
/// Size of [`BLOCK_INTERRUPT`] in bytes.
pub const BLOCK_INTERRUPT_SIZE: u64 = 0x80;
/// Type of [`BLOCK_INTERRUPT`].
pub const BLOCK_INTERRUPT_ID: u8 = 0x3;
/// Version of [`BLOCK_INTERRUPT`].
pub const BLOCK_INTERRUPT_VERSION: u8 = 1;
/// Set-up of the command ring, a split virtqueue (VIRTIO 1.2, 2.7).
///
/// Offset in BAR0.
pub const BLOCK_COMMAND_RING: u64 = 0x180;
/// Size of [`BLOCK_COMMAND_RING`] in bytes.
pub const BLOCK_COMMAND_RING_SIZE: u64 = 0x80;
/// Type of [`BLOCK_COMMAND_RING`].
pub const BLOCK_COMMAND_RING_ID: u8 = 0x4;
/// Version of [`BLOCK_COMMAND_RING`].
pub const BLOCK_COMMAND_RING_VERSION: u8 = 1;
