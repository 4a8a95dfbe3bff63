/* Generated from firmware-spec/spec by rnic-codegen. Do not edit. */
/*
 * Everything in memory and in registers is little endian. Structs need no packing:
 * every byte is named and every field is naturally aligned.
 */
#ifndef RNIC_HW_H
#define RNIC_HW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RNIC_HW_ASSERT_ static_assert
#else
#define RNIC_HW_ASSERT_ _Static_assert
#endif

/* ---- Interface ---- */
/* A PCI Express RDMA network function. All multi-byte values are little endian unless a field says otherwise. */
#define RNIC_INTERFACE_MAJOR 0x1u
#define RNIC_INTERFACE_MINOR 0x0u
#define RNIC_INTERFACE_VENDOR_ID 0x1d1du
#define RNIC_INTERFACE_DEVICE_ID 0x524eu
#define RNIC_INTERFACE_SUBSYSTEM_VENDOR_ID 0x1d1du
#define RNIC_INTERFACE_SUBSYSTEM_ID 0x1u
#define RNIC_INTERFACE_CLASS_CODE 0x20000u
#define RNIC_INTERFACE_REVISION 0x1u

/* ---- BARs and blocks ---- */
/* Index and size of each BAR; offset in its BAR, size, type and version of each block. */
/* Control registers: small, trapped, no fast path. */
#define RNIC_BAR_REGISTERS 0x0u
#define RNIC_BAR_REGISTERS_SIZE UINT64_C(0x4000)
/* Doorbell slots of 8 bytes in pages of 4 KiB. May be mapped into a guest or a process page by page. */
#define RNIC_BAR_DOORBELLS 0x2u
#define RNIC_BAR_DOORBELLS_SIZE UINT64_C(0x400000)
/* MSI-X table at 0, pending bit array at 0x1000. A function with MSI has no such BAR. */
#define RNIC_BAR_MSIX 0x4u
#define RNIC_BAR_MSIX_SIZE UINT64_C(0x2000)
/* Who the device is and what it offers. */
#define RNIC_BLOCK_IDENTITY 0x0u
#define RNIC_BLOCK_IDENTITY_SIZE 0x80u
#define RNIC_BLOCK_IDENTITY_ID 0x1u
#define RNIC_BLOCK_IDENTITY_VERSION 0x1u
/* Start, reset, state, wake-up, error report. */
#define RNIC_BLOCK_CONTROL 0x80u
#define RNIC_BLOCK_CONTROL_SIZE 0x80u
#define RNIC_BLOCK_CONTROL_ID 0x2u
#define RNIC_BLOCK_CONTROL_VERSION 0x1u
/* Device-level causes. Queues have vectors of their own. */
#define RNIC_BLOCK_INTERRUPT 0x100u
#define RNIC_BLOCK_INTERRUPT_SIZE 0x80u
#define RNIC_BLOCK_INTERRUPT_ID 0x3u
#define RNIC_BLOCK_INTERRUPT_VERSION 0x1u
/* Set-up of the command ring, a split virtqueue (VIRTIO 1.2, 2.7). */
#define RNIC_BLOCK_COMMAND_RING 0x180u
#define RNIC_BLOCK_COMMAND_RING_SIZE 0x80u
#define RNIC_BLOCK_COMMAND_RING_ID 0x4u
#define RNIC_BLOCK_COMMAND_RING_VERSION 0x1u

/* ---- Register IDENTITY_HEADER (32 bits) ---- */
/* Block header. */
/* offset in its BAR */
#define RNIC_REG_IDENTITY_HEADER 0x0u
#define RNIC_REG_IDENTITY_HEADER_RESET 0x800101u
#define RNIC_IDENTITY_HEADER_TYPE_SHIFT 0
/* ro: Block type, 1. */
#define RNIC_IDENTITY_HEADER_TYPE_MASK 0xffu
#define RNIC_IDENTITY_HEADER_VERSION_SHIFT 8
/* ro: Block version. */
#define RNIC_IDENTITY_HEADER_VERSION_MASK 0xff00u
#define RNIC_IDENTITY_HEADER_LENGTH_SHIFT 16
/* ro: Bytes to the next block. */
#define RNIC_IDENTITY_HEADER_LENGTH_MASK 0xffff0000u

/* ---- Register MAGIC (32 bits) ---- */
/* MAGIC_VALUE. */
/* offset in its BAR */
#define RNIC_REG_MAGIC 0x4u
#define RNIC_REG_MAGIC_RESET 0x43494e52u
#define RNIC_MAGIC_MAGIC_SHIFT 0
/* ro: `RNIC`. */
#define RNIC_MAGIC_MAGIC_MASK 0xffffffffu

/* ---- Register INTERFACE_VERSION (32 bits) ---- */
/* Version of this interface: a driver that knows the major version can drive any minor. */
/* offset in its BAR */
#define RNIC_REG_INTERFACE_VERSION 0x8u
#define RNIC_REG_INTERFACE_VERSION_RESET 0x10000u
#define RNIC_INTERFACE_VERSION_MINOR_SHIFT 0
/* ro: Minor version. */
#define RNIC_INTERFACE_VERSION_MINOR_MASK 0xffffu
#define RNIC_INTERFACE_VERSION_MAJOR_SHIFT 16
/* ro: Major version. */
#define RNIC_INTERFACE_VERSION_MAJOR_MASK 0xffff0000u

/* ---- Register FIRMWARE_VERSION (32 bits) ---- */
/* Version of the implementation, for people. No behaviour may depend on it. */
/* offset in its BAR */
#define RNIC_REG_FIRMWARE_VERSION 0xcu
#define RNIC_REG_FIRMWARE_VERSION_RESET 0x0u
#define RNIC_FIRMWARE_VERSION_PATCH_SHIFT 0
/* ro: Patch. */
#define RNIC_FIRMWARE_VERSION_PATCH_MASK 0xffu
#define RNIC_FIRMWARE_VERSION_MINOR_SHIFT 8
/* ro: Minor. */
#define RNIC_FIRMWARE_VERSION_MINOR_MASK 0xff00u
#define RNIC_FIRMWARE_VERSION_MAJOR_SHIFT 16
/* ro: Major. */
#define RNIC_FIRMWARE_VERSION_MAJOR_MASK 0xff0000u

/* ---- Register NODE_GUID (64 bits) ---- */
/* Stable, non-zero EUI-64 of this device; the CA GUID of connection messages. */
/* offset in its BAR */
#define RNIC_REG_NODE_GUID 0x10u
#define RNIC_REG_NODE_GUID_RESET UINT64_C(0x0)
#define RNIC_NODE_GUID_GUID_SHIFT 0
/* ro: EUI-64, most significant byte in bits 63:56. */
#define RNIC_NODE_GUID_GUID_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register MAC_ADDRESS (64 bits) ---- */
/* Permanent Ethernet address. */
/* offset in its BAR */
#define RNIC_REG_MAC_ADDRESS 0x18u
#define RNIC_REG_MAC_ADDRESS_RESET UINT64_C(0x0)
#define RNIC_MAC_ADDRESS_MAC_SHIFT 0
/* ro: First octet on the wire in bits 7:0. */
#define RNIC_MAC_ADDRESS_MAC_MASK UINT64_C(0xffffffffffff)

/* ---- Register FEATURES (64 bits) ---- */
/* Feature bits the device offers. */
/* offset in its BAR */
#define RNIC_REG_FEATURES 0x20u
#define RNIC_REG_FEATURES_RESET UINT64_C(0x0)
#define RNIC_FEATURES_FEATURES_SHIFT 0
/* ro: One bit a feature. */
#define RNIC_FEATURES_FEATURES_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register ACTIVE_FEATURES (64 bits) ---- */
/* Feature bits negotiated; zero until NEGOTIATE succeeded. */
/* offset in its BAR */
#define RNIC_REG_ACTIVE_FEATURES 0x28u
#define RNIC_REG_ACTIVE_FEATURES_RESET UINT64_C(0x0)
#define RNIC_ACTIVE_FEATURES_FEATURES_SHIFT 0
/* ro: One bit a feature. */
#define RNIC_ACTIVE_FEATURES_FEATURES_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register CAPABILITY (32 bits) ---- */
/* What a driver must know before it can send a command. */
/* offset in its BAR */
#define RNIC_REG_CAPABILITY 0x30u
#define RNIC_REG_CAPABILITY_RESET 0x0u
#define RNIC_CAPABILITY_COMMAND_RING_LOG_SHIFT 0
/* ro: Log2 of the largest command ring, at least LIMIT_COMMAND_RING_LOG's minimum. */
#define RNIC_CAPABILITY_COMMAND_RING_LOG_MASK 0xfu
#define RNIC_CAPABILITY_VECTORS_SHIFT 8
/* ro: Interrupt vectors. */
#define RNIC_CAPABILITY_VECTORS_MASK 0xfff00u

/* ---- Register DOORBELL_PAGES (32 bits) ---- */
/* Doorbell pages in BAR2, page 0 included. */
/* offset in its BAR */
#define RNIC_REG_DOORBELL_PAGES 0x34u
#define RNIC_REG_DOORBELL_PAGES_RESET 0x0u
#define RNIC_DOORBELL_PAGES_PAGES_SHIFT 0
/* ro: Number of pages. */
#define RNIC_DOORBELL_PAGES_PAGES_MASK 0xffffffffu

/* ---- Register CLOCK (64 bits) ---- */
/* Free-running clock of the device, the base of completion timestamps. */
/* offset in its BAR */
#define RNIC_REG_CLOCK 0x38u
#define RNIC_REG_CLOCK_RESET UINT64_C(0x0)
#define RNIC_CLOCK_NANOSECONDS_SHIFT 0
/* ro: Nanoseconds since an arbitrary moment; never runs backwards. */
#define RNIC_CLOCK_NANOSECONDS_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register CONTROL_HEADER (32 bits) ---- */
/* Block header. */
/* offset in its BAR */
#define RNIC_REG_CONTROL_HEADER 0x80u
#define RNIC_REG_CONTROL_HEADER_RESET 0x800102u
#define RNIC_CONTROL_HEADER_TYPE_SHIFT 0
/* ro: Block type, 2. */
#define RNIC_CONTROL_HEADER_TYPE_MASK 0xffu
#define RNIC_CONTROL_HEADER_VERSION_SHIFT 8
/* ro: Block version. */
#define RNIC_CONTROL_HEADER_VERSION_MASK 0xff00u
#define RNIC_CONTROL_HEADER_LENGTH_SHIFT 16
/* ro: Bytes to the next block. */
#define RNIC_CONTROL_HEADER_LENGTH_MASK 0xffff0000u

/* ---- Register DEVICE_CONTROL (32 bits) ---- */
/* Starts and resets the device. */
/* offset in its BAR */
#define RNIC_REG_DEVICE_CONTROL 0x84u
#define RNIC_REG_DEVICE_CONTROL_RESET 0x0u
#define RNIC_DEVICE_CONTROL_ENABLE_SHIFT 0
/* rw: 1: the device may fetch commands and queue entries. 0: it stops fetching; nothing is lost. */
#define RNIC_DEVICE_CONTROL_ENABLE_MASK 0x1u
#define RNIC_DEVICE_CONTROL_RESET_SHIFT 31
/* w1s: Write 1: device reset. Reads 1 until the reset is complete. */
#define RNIC_DEVICE_CONTROL_RESET_MASK 0x80000000u

/* ---- Register DEVICE_STATUS (32 bits) ---- */
/* State of the device. */
/* offset in its BAR */
#define RNIC_REG_DEVICE_STATUS 0x88u
#define RNIC_REG_DEVICE_STATUS_RESET 0x1u
#define RNIC_DEVICE_STATUS_READY_SHIFT 0
/* ro: Registers other than this block's may be used: no reset is under way. */
#define RNIC_DEVICE_STATUS_READY_MASK 0x1u
#define RNIC_DEVICE_STATUS_ENABLED_SHIFT 1
/* ro: DEVICE_CONTROL.enable is in force. */
#define RNIC_DEVICE_STATUS_ENABLED_MASK 0x2u
#define RNIC_DEVICE_STATUS_NEGOTIATED_SHIFT 2
/* ro: NEGOTIATE has succeeded since the last reset. */
#define RNIC_DEVICE_STATUS_NEGOTIATED_MASK 0x4u
#define RNIC_DEVICE_STATUS_FAILED_SHIFT 3
/* ro: The device stopped; only a reset helps. FAILURE says why. */
#define RNIC_DEVICE_STATUS_FAILED_MASK 0x8u
#define RNIC_DEVICE_STATUS_LINK_UP_SHIFT 4
/* ro: The port can carry frames. */
#define RNIC_DEVICE_STATUS_LINK_UP_MASK 0x10u
#define RNIC_DEVICE_STATUS_BUS_MASTER_SHIFT 5
/* ro: The function may use DMA (PCI command register). */
#define RNIC_DEVICE_STATUS_BUS_MASTER_MASK 0x20u

/* ---- Register KICK (32 bits) ---- */
/* Wakes a parked device: it looks at the doorbells. Any value. */
/* offset in its BAR */
#define RNIC_REG_KICK 0x8cu
#define RNIC_REG_KICK_RESET 0x0u
#define RNIC_KICK_VALUE_SHIFT 0
/* wo: Ignored. */
#define RNIC_KICK_VALUE_MASK 0xffffffffu

/* ---- Register FAILURE (32 bits) ---- */
/* Why the device stopped. */
/* offset in its BAR */
#define RNIC_REG_FAILURE 0x90u
#define RNIC_REG_FAILURE_RESET 0x0u
#define RNIC_FAILURE_CODE_SHIFT 0
/* ro: Cause. */
#define RNIC_FAILURE_CODE_MASK 0xffffu

/* ---- Register FAILURE_INFO (64 bits) ---- */
/* The address or the index that FAILURE is about. */
/* offset in its BAR */
#define RNIC_REG_FAILURE_INFO 0x98u
#define RNIC_REG_FAILURE_INFO_RESET UINT64_C(0x0)
#define RNIC_FAILURE_INFO_INFO_SHIFT 0
/* ro: Meaning by code. */
#define RNIC_FAILURE_INFO_INFO_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register GUEST_ERRORS (32 bits) ---- */
/* Register and doorbell accesses that were ignored because they were wrong, since the last read. Stops at its maximum. */
/* offset in its BAR */
#define RNIC_REG_GUEST_ERRORS 0xa0u
#define RNIC_REG_GUEST_ERRORS_RESET 0x0u
#define RNIC_GUEST_ERRORS_COUNT_SHIFT 0
/* rc: Count. */
#define RNIC_GUEST_ERRORS_COUNT_MASK 0xffffffffu

/* ---- Register SCRATCH (32 bits) ---- */
/* Storage without effect, for tests of the path to the device. */
/* offset in its BAR */
#define RNIC_REG_SCRATCH 0xa4u
#define RNIC_REG_SCRATCH_RESET 0x0u
#define RNIC_SCRATCH_VALUE_SHIFT 0
/* rw: Any value. */
#define RNIC_SCRATCH_VALUE_MASK 0xffffffffu

/* ---- Register INTERRUPT_HEADER (32 bits) ---- */
/* Block header. */
/* offset in its BAR */
#define RNIC_REG_INTERRUPT_HEADER 0x100u
#define RNIC_REG_INTERRUPT_HEADER_RESET 0x800103u
#define RNIC_INTERRUPT_HEADER_TYPE_SHIFT 0
/* ro: Block type, 3. */
#define RNIC_INTERRUPT_HEADER_TYPE_MASK 0xffu
#define RNIC_INTERRUPT_HEADER_VERSION_SHIFT 8
/* ro: Block version. */
#define RNIC_INTERRUPT_HEADER_VERSION_MASK 0xff00u
#define RNIC_INTERRUPT_HEADER_LENGTH_SHIFT 16
/* ro: Bytes to the next block. */
#define RNIC_INTERRUPT_HEADER_LENGTH_MASK 0xffff0000u

/* ---- Register INTR_CAUSE (32 bits) ---- */
/* Causes that happened. Write 1 to clear. */
/* offset in its BAR */
#define RNIC_REG_INTR_CAUSE 0x104u
#define RNIC_REG_INTR_CAUSE_RESET 0x0u
#define RNIC_INTR_CAUSE_LINK_CHANGE_SHIFT 0
/* w1c: DEVICE_STATUS.link_up changed. */
#define RNIC_INTR_CAUSE_LINK_CHANGE_MASK 0x1u
#define RNIC_INTR_CAUSE_FAILURE_SHIFT 1
/* w1c: DEVICE_STATUS.failed was set. */
#define RNIC_INTR_CAUSE_FAILURE_MASK 0x2u
#define RNIC_INTR_CAUSE_COMMAND_RING_SHIFT 2
/* w1c: The command ring stopped because it is malformed; FAILURE says how. */
#define RNIC_INTR_CAUSE_COMMAND_RING_MASK 0x4u
#define RNIC_INTR_CAUSE_TEST_SHIFT 31
/* w1c: Set by INTR_TEST only. */
#define RNIC_INTR_CAUSE_TEST_MASK 0x80000000u

/* ---- Register INTR_MASK (32 bits) ---- */
/* 1 keeps the cause of the same bit from raising a message. The cause is recorded all the same. */
/* offset in its BAR */
#define RNIC_REG_INTR_MASK 0x108u
#define RNIC_REG_INTR_MASK_RESET 0x80000007u
#define RNIC_INTR_MASK_LINK_CHANGE_SHIFT 0
/* rw: Mask. */
#define RNIC_INTR_MASK_LINK_CHANGE_MASK 0x1u
#define RNIC_INTR_MASK_FAILURE_SHIFT 1
/* rw: Mask. */
#define RNIC_INTR_MASK_FAILURE_MASK 0x2u
#define RNIC_INTR_MASK_COMMAND_RING_SHIFT 2
/* rw: Mask. */
#define RNIC_INTR_MASK_COMMAND_RING_MASK 0x4u
#define RNIC_INTR_MASK_TEST_SHIFT 31
/* rw: Mask. */
#define RNIC_INTR_MASK_TEST_MASK 0x80000000u

/* ---- Register INTR_TEST (32 bits) ---- */
/* Sets causes, as if they had happened. */
/* offset in its BAR */
#define RNIC_REG_INTR_TEST 0x10cu
#define RNIC_REG_INTR_TEST_RESET 0x0u
#define RNIC_INTR_TEST_LINK_CHANGE_SHIFT 0
/* wo: Set. */
#define RNIC_INTR_TEST_LINK_CHANGE_MASK 0x1u
#define RNIC_INTR_TEST_FAILURE_SHIFT 1
/* wo: Set the cause only; the device goes on. */
#define RNIC_INTR_TEST_FAILURE_MASK 0x2u
#define RNIC_INTR_TEST_COMMAND_RING_SHIFT 2
/* wo: Set the cause only. */
#define RNIC_INTR_TEST_COMMAND_RING_MASK 0x4u
#define RNIC_INTR_TEST_TEST_SHIFT 31
/* wo: Set. */
#define RNIC_INTR_TEST_TEST_MASK 0x80000000u

/* ---- Register INTR_VECTOR (32 bits) ---- */
/* Vector of the device-level causes. */
/* offset in its BAR */
#define RNIC_REG_INTR_VECTOR 0x110u
#define RNIC_REG_INTR_VECTOR_RESET 0xffffu
#define RNIC_INTR_VECTOR_VECTOR_SHIFT 0
/* rw: Interrupt vector, or VECTOR_NONE. */
#define RNIC_INTR_VECTOR_VECTOR_MASK 0xffffu

/* ---- Register COMMAND_RING_HEADER (32 bits) ---- */
/* Block header. */
/* offset in its BAR */
#define RNIC_REG_COMMAND_RING_HEADER 0x180u
#define RNIC_REG_COMMAND_RING_HEADER_RESET 0x800104u
#define RNIC_COMMAND_RING_HEADER_TYPE_SHIFT 0
/* ro: Block type, 4. */
#define RNIC_COMMAND_RING_HEADER_TYPE_MASK 0xffu
#define RNIC_COMMAND_RING_HEADER_VERSION_SHIFT 8
/* ro: Block version. */
#define RNIC_COMMAND_RING_HEADER_VERSION_MASK 0xff00u
#define RNIC_COMMAND_RING_HEADER_LENGTH_SHIFT 16
/* ro: Bytes to the next block. */
#define RNIC_COMMAND_RING_HEADER_LENGTH_MASK 0xffff0000u

/* ---- Register CMD_SIZE (32 bits) ---- */
/* Descriptors in the ring. Written while CMD_CONTROL.enable is 0. */
/* offset in its BAR */
#define RNIC_REG_CMD_SIZE 0x184u
#define RNIC_REG_CMD_SIZE_RESET 0x0u
#define RNIC_CMD_SIZE_SIZE_SHIFT 0
/* rw: A power of two from 2 to 1 << CAPABILITY.command_ring_log. */
#define RNIC_CMD_SIZE_SIZE_MASK 0xffffu

/* ---- Register CMD_DESC (64 bits) ---- */
/* DMA address of the descriptor table, 16-byte aligned. */
/* offset in its BAR */
#define RNIC_REG_CMD_DESC 0x188u
#define RNIC_REG_CMD_DESC_RESET UINT64_C(0x0)
#define RNIC_CMD_DESC_ADDRESS_SHIFT 0
/* rw: Address. */
#define RNIC_CMD_DESC_ADDRESS_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register CMD_AVAIL (64 bits) ---- */
/* DMA address of the available ring, 2-byte aligned. */
/* offset in its BAR */
#define RNIC_REG_CMD_AVAIL 0x190u
#define RNIC_REG_CMD_AVAIL_RESET UINT64_C(0x0)
#define RNIC_CMD_AVAIL_ADDRESS_SHIFT 0
/* rw: Address. */
#define RNIC_CMD_AVAIL_ADDRESS_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register CMD_USED (64 bits) ---- */
/* DMA address of the used ring, 4-byte aligned. */
/* offset in its BAR */
#define RNIC_REG_CMD_USED 0x198u
#define RNIC_REG_CMD_USED_RESET UINT64_C(0x0)
#define RNIC_CMD_USED_ADDRESS_SHIFT 0
/* rw: Address. */
#define RNIC_CMD_USED_ADDRESS_MASK UINT64_C(0xffffffffffffffff)

/* ---- Register CMD_CONTROL (32 bits) ---- */
/* Starts the ring. */
/* offset in its BAR */
#define RNIC_REG_CMD_CONTROL 0x1a0u
#define RNIC_REG_CMD_CONTROL_RESET 0x0u
#define RNIC_CMD_CONTROL_ENABLE_SHIFT 0
/* rw: 1: the ring is live. Refused (reads 0) when the set-up is wrong. */
#define RNIC_CMD_CONTROL_ENABLE_MASK 0x1u
#define RNIC_CMD_CONTROL_VECTOR_SHIFT 16
/* rw: Vector raised when answers were put in the used ring; VECTOR_NONE for none. */
#define RNIC_CMD_CONTROL_VECTOR_MASK 0xffff0000u

/* ---- Register CMD_NOTIFY (32 bits) ---- */
/* Tells the device that the available ring moved. Any value. */
/* offset in its BAR */
#define RNIC_REG_CMD_NOTIFY 0x1a4u
#define RNIC_REG_CMD_NOTIFY_RESET 0x0u
#define RNIC_CMD_NOTIFY_VALUE_SHIFT 0
/* wo: Ignored. */
#define RNIC_CMD_NOTIFY_VALUE_MASK 0xffffffffu

/* ---- Opcode (u16) ---- */
/* Command opcodes. */
/* Settles version and features. The first command after a reset. */
#define RNIC_CMD_NEGOTIATE 0x1u
/* Does nothing and echoes its payload. */
#define RNIC_CMD_NOP 0x2u
/* Reports the limits. */
#define RNIC_CMD_QUERY_DEVICE 0x3u
/* Reports the port. */
#define RNIC_CMD_QUERY_PORT 0x4u
/* Reads counters. */
#define RNIC_CMD_QUERY_COUNTERS 0x5u
/* Creates a protection domain. */
#define RNIC_CMD_CREATE_PD 0x10u
/* Destroys a protection domain that nothing uses. */
#define RNIC_CMD_DESTROY_PD 0x11u
/* Starts a memory region and charges its pages. */
#define RNIC_CMD_BEGIN_MR 0x18u
/* Copies page addresses into the device. */
#define RNIC_CMD_ADD_MR_PAGES 0x19u
/* Makes a memory region usable. */
#define RNIC_CMD_COMMIT_MR 0x1au
/* Creates a fast-register region. */
#define RNIC_CMD_CREATE_FAST_MR 0x1bu
/* Destroys a region of any kind. Answered when no DMA through it is in flight. */
#define RNIC_CMD_DESTROY_MR 0x1cu
/* Creates a memory window. */
#define RNIC_CMD_CREATE_MW 0x20u
/* Destroys a memory window, bound or not. */
#define RNIC_CMD_DESTROY_MW 0x21u
/* Creates an event queue. One general event queue at most. */
#define RNIC_CMD_CREATE_EQ 0x28u
/* Destroys an event queue that no completion queue uses. */
#define RNIC_CMD_DESTROY_EQ 0x29u
/* Creates a completion queue. */
#define RNIC_CMD_CREATE_CQ 0x30u
/* Moves the unconsumed completions, in order, to a new ring. */
#define RNIC_CMD_RESIZE_CQ 0x31u
/* Sets interrupt moderation. */
#define RNIC_CMD_MODERATE_CQ 0x32u
/* Destroys a completion queue that no queue pair uses. Answered after its last event. */
#define RNIC_CMD_DESTROY_CQ 0x33u
/* Creates a shared receive queue. */
#define RNIC_CMD_CREATE_SRQ 0x38u
/* Sets the limit. */
#define RNIC_CMD_MODIFY_SRQ 0x39u
/* Fetches from a new ring from now on. */
#define RNIC_CMD_RESIZE_SRQ 0x3au
/* Destroys a shared receive queue that no queue pair uses. */
#define RNIC_CMD_DESTROY_SRQ 0x3bu
/* Creates a queue pair in state INIT. */
#define RNIC_CMD_CREATE_QP 0x40u
/* Changes state and attributes of a queue pair that no connection owns. */
#define RNIC_CMD_MODIFY_QP 0x41u
/* Reports a queue pair. */
#define RNIC_CMD_QUERY_QP 0x42u
/* Flushes entries up to the producer indices that it reads. Legal in every state. */
#define RNIC_CMD_FLUSH_QP 0x43u
/* Destroys a queue pair. Answered when no DMA for it is in flight; what was posted completes no more. */
#define RNIC_CMD_DESTROY_QP 0x44u
/* Gives the device an address, or replaces one. */
#define RNIC_CMD_SET_ADDRESS 0x50u
/* Takes an address away that no endpoint uses. */
#define RNIC_CMD_CLEAR_ADDRESS 0x51u
/* Reserves an address and port. */
#define RNIC_CMD_RESERVE_ENDPOINT 0x52u
/* Drops the reference of RESERVE_ENDPOINT. The port is free when listeners and connections have dropped theirs. */
#define RNIC_CMD_RELEASE_ENDPOINT 0x53u
/* Listens. Each request is a CONNECT_REQUEST event with a new connection handle. */
#define RNIC_CMD_LISTEN 0x58u
/* Pauses or resumes a listener. */
#define RNIC_CMD_PAUSE_LISTENER 0x59u
/* Stops listening. Requests already reported stay valid; others are refused. */
#define RNIC_CMD_DESTROY_LISTENER 0x5au
/* Starts a connection. Finished by CONNECT_REPLY or CONNECT_FAILED. */
#define RNIC_CMD_CONNECT 0x60u
/* Confirms the peer's acceptance; the queue pair may send. */
#define RNIC_CMD_COMPLETE_CONNECT 0x61u
/* Accepts a request. Finished by ESTABLISHED or CONNECT_FAILED. */
#define RNIC_CMD_ACCEPT 0x62u
/* Rejects a request, or a reply. */
#define RNIC_CMD_REJECT_CONNECTION 0x63u
/* Ends a connection. Finished by DISCONNECTED, after which its queues are flushed. */
#define RNIC_CMD_DISCONNECT 0x64u
/* Gives the handle back in any state; ends and forgets the connection. Its endpoint reference is dropped. */
#define RNIC_CMD_RELEASE_CONNECTION 0x65u
/* Starts an Ethernet queue: a split virtqueue whose buffers begin with virtio_net_hdr (12 bytes). */
#define RNIC_CMD_CREATE_ETH_QUEUE 0x70u
/* Stops an Ethernet queue. Answered when no buffer of it is in use by the device. */
#define RNIC_CMD_DESTROY_ETH_QUEUE 0x71u
/* Sets the receive filter of the Ethernet lane. */
#define RNIC_CMD_SET_RX_MODE 0x72u
/* Sets offloads of the receive direction, and the frame size. */
#define RNIC_CMD_SET_ETH_OFFLOADS 0x73u
/* Sets receive side scaling. */
#define RNIC_CMD_SET_RSS 0x74u

/* ---- EqKind (u8) ---- */
/* What an event queue holds. */
/* CqEvent entries. */
#define RNIC_EQ_KIND_COMPLETION 0x1u
/* GeneralEvent entries. */
#define RNIC_EQ_KIND_GENERAL 0x2u

/* ---- MwType (u8) ---- */
/* Memory window type. */
/* Usable through every queue pair of its domain; bound and unbound by BIND alone. */
#define RNIC_MW_TYPE_TYPE_1 0x1u
/* Usable through the queue pair that bound it; invalidated by keys. */
#define RNIC_MW_TYPE_TYPE_2 0x2u

/* ---- QpType (u8) ---- */
/* Transport service. */
/* Reliable connection. */
#define RNIC_QP_TYPE_RC 0x1u
/* Unreliable connection. */
#define RNIC_QP_TYPE_UC 0x2u
/* Unreliable datagram. */
#define RNIC_QP_TYPE_UD 0x3u

/* ---- QpState (u8) ---- */
/* State of a queue pair. */
/* Nothing is posted. */
#define RNIC_QP_STATE_RESET 0x0u
/* Receives may be posted. */
#define RNIC_QP_STATE_INIT 0x1u
/* Receives from the peer. */
#define RNIC_QP_STATE_RTR 0x2u
/* Sends too. */
#define RNIC_QP_STATE_RTS 0x3u
/* The connection ended; nothing is fetched, sent or placed. */
#define RNIC_QP_STATE_QUIESCED 0x4u
/* Nothing is fetched or placed; entries are flushed. */
#define RNIC_QP_STATE_ERROR 0x5u

/* ---- Mtu (u8) ---- */
/* Path MTU code (IBTA 1.4, 9.6.2). */
/* Not given. */
#define RNIC_MTU_NONE 0x0u
/* 256 bytes. */
#define RNIC_MTU_MTU_256 0x1u
/* 512 bytes. */
#define RNIC_MTU_MTU_512 0x2u
/* 1024 bytes. */
#define RNIC_MTU_MTU_1024 0x3u
/* 2048 bytes. */
#define RNIC_MTU_MTU_2048 0x4u
/* 4096 bytes. */
#define RNIC_MTU_MTU_4096 0x5u

/* ---- PortState (u8) ---- */
/* Link. */
/* No frames. */
#define RNIC_PORT_STATE_DOWN 0x0u
/* Frames pass. */
#define RNIC_PORT_STATE_UP 0x1u

/* ---- Family (u8) ---- */
/* Address family. */
/* IPv4. */
#define RNIC_FAMILY_IPV4 0x4u
/* IPv6. */
#define RNIC_FAMILY_IPV6 0x6u

/* ---- EthDirection (u8) ---- */
/* Direction of an Ethernet queue. */
/* To the guest. */
#define RNIC_ETH_DIRECTION_RECEIVE 0x0u
/* From the guest. */
#define RNIC_ETH_DIRECTION_TRANSMIT 0x1u

/* ---- ArmType (u8) ---- */
/* What a completion queue is armed for. A larger value includes the smaller ones, so merging is the maximum. */
/* Not armed by this store. */
#define RNIC_ARM_TYPE_NONE 0x0u
/* Errors of the queue itself. */
#define RNIC_ARM_TYPE_ERRORS 0x1u
/* Solicited receives, completions in error, errors of the queue. */
#define RNIC_ARM_TYPE_SOLICITED 0x2u
/* Any completion. */
#define RNIC_ARM_TYPE_ANY 0x3u

/* ---- EventCode (u16) ---- */
/* What a general event reports. */
/* A queue pair went to ERROR or QUIESCED by itself. */
#define RNIC_EVENT_QP_ERROR 0x1u
/* A completion queue went into error. */
#define RNIC_EVENT_CQ_ERROR 0x2u
/* Fewer entries than the limit are left. */
#define RNIC_EVENT_SRQ_LIMIT 0x3u
/* The shared receive queue cannot be fetched from any more. */
#define RNIC_EVENT_SRQ_ERROR 0x4u
/* The link came up or went down. */
#define RNIC_EVENT_PORT_CHANGE 0x5u
/* A queue pair in RTR received its first packet. */
#define RNIC_EVENT_COMMUNICATION_ESTABLISHED 0x6u
/* A peer asks for a connection at a listener. */
#define RNIC_EVENT_CONNECT_REQUEST 0x10u
/* The peer accepted; COMPLETE_CONNECT or REJECT_CONNECTION is next. */
#define RNIC_EVENT_CONNECT_REPLY 0x11u
/* CONNECT or ACCEPT came to nothing; `status` says why. */
#define RNIC_EVENT_CONNECT_FAILED 0x12u
/* The peer completed the connection that we accepted. */
#define RNIC_EVENT_ESTABLISHED 0x13u
/* The peer disconnected, or the connection was lost; `status` says which. */
#define RNIC_EVENT_PEER_DISCONNECTED 0x14u
/* DISCONNECT is finished and no DMA for the queue pair is in flight. */
#define RNIC_EVENT_DISCONNECTED 0x15u
/* Somebody else claims an address of ours. */
#define RNIC_EVENT_ADDRESS_CONFLICT 0x16u

/* ---- CqErrorCause (u8) ---- */
/* Why a completion queue is in error. */
/* A completion found it full. */
#define RNIC_CQ_ERROR_CAUSE_OVERRUN 0x1u
/* Its ring cannot be written. */
#define RNIC_CQ_ERROR_CAUSE_DMA 0x2u
/* The consumer index is ahead of the producer. */
#define RNIC_CQ_ERROR_CAUSE_CONSUMER 0x3u

/* ---- RejectReason (u16) ---- */
/* Reason of a REJ message (IBTA 1.4, table 108). */
/* None. */
#define RNIC_REJECT_REASON_NONE 0x0u
/* No queue pair. */
#define RNIC_REJECT_REASON_NO_QP 0x1u
/* No resources. */
#define RNIC_REJECT_REASON_NO_RESOURCES 0x3u
/* Timeout. */
#define RNIC_REJECT_REASON_TIMEOUT 0x4u
/* Unsupported request. */
#define RNIC_REJECT_REASON_UNSUPPORTED 0x5u
/* Invalid communication id. */
#define RNIC_REJECT_REASON_INVALID_COMM_ID 0x6u
/* Invalid communication instance. */
#define RNIC_REJECT_REASON_INVALID_COMM_INSTANCE 0x7u
/* Nobody listens. */
#define RNIC_REJECT_REASON_INVALID_SERVICE_ID 0x8u
/* Invalid transport service type. */
#define RNIC_REJECT_REASON_INVALID_TRANSPORT 0x9u
/* Stale connection. */
#define RNIC_REJECT_REASON_STALE 0xau
/* Invalid GID. */
#define RNIC_REJECT_REASON_INVALID_GID 0xcu
/* Invalid path MTU. */
#define RNIC_REJECT_REASON_INVALID_MTU 0x1au
/* Insufficient responder resources. */
#define RNIC_REJECT_REASON_INSUFFICIENT_RESPONDER_RESOURCES 0x1bu
/* The consumer rejected. */
#define RNIC_REJECT_REASON_CONSUMER 0x1cu
/* Invalid RNR retry count. */
#define RNIC_REJECT_REASON_INVALID_RNR_RETRY 0x1du
/* Duplicate local communication id. */
#define RNIC_REJECT_REASON_DUPLICATE_COMM_ID 0x1eu
/* Invalid class version. */
#define RNIC_REJECT_REASON_INVALID_CLASS_VERSION 0x1fu

/* ---- WorkOpcode (u8) ---- */
/* Operation of a send queue entry. */
/* Send. */
#define RNIC_WORK_OPCODE_SEND 0x1u
/* Send with immediate data. */
#define RNIC_WORK_OPCODE_SEND_IMMEDIATE 0x2u
/* Send; the receiver invalidates the key in `immediate` before its completion is visible. */
#define RNIC_WORK_OPCODE_SEND_INVALIDATE 0x3u
/* RDMA write. */
#define RNIC_WORK_OPCODE_WRITE 0x4u
/* RDMA write with immediate data; consumes a receive at the peer. */
#define RNIC_WORK_OPCODE_WRITE_IMMEDIATE 0x5u
/* RDMA read. */
#define RNIC_WORK_OPCODE_READ 0x6u
/* RDMA read that invalidates the key of its first local segment on success. */
#define RNIC_WORK_OPCODE_READ_INVALIDATE 0x7u
/* Atomic compare and swap of 8 bytes. */
#define RNIC_WORK_OPCODE_COMPARE_SWAP 0x8u
/* Atomic fetch and add of 8 bytes. */
#define RNIC_WORK_OPCODE_FETCH_ADD 0x9u
/* Gives a fast-register region its pages, range, rights and key. */
#define RNIC_WORK_OPCODE_FAST_REGISTER 0xau
/* Binds a memory window. */
#define RNIC_WORK_OPCODE_BIND 0xbu
/* Makes a key FREE. */
#define RNIC_WORK_OPCODE_LOCAL_INVALIDATE 0xcu

/* ---- CqEventKind (u8) ---- */
/* Why a completion queue signals. */
/* The arm is satisfied. */
#define RNIC_CQ_EVENT_KIND_COMPLETION 0x1u
/* The queue is in error. */
#define RNIC_CQ_EVENT_KIND_ERROR 0x2u

/* ---- Status (u16) ---- */
/* Result of a command. */
/* Done. */
#define RNIC_STATUS_OK 0x0u
/* No such opcode, or its feature is not active. */
#define RNIC_STATUS_UNKNOWN_COMMAND 0x1u
/* The request is not as long as the command's request, or the answer does not fit. */
#define RNIC_STATUS_INVALID_LENGTH 0x2u
/* A field has a value that it may not have; the syndrome names the field. */
#define RNIC_STATUS_INVALID_FIELD 0x3u
/* A reserved field or bit is not zero. */
#define RNIC_STATUS_RESERVED_NOT_ZERO 0x4u
/* NEGOTIATE has not succeeded yet. */
#define RNIC_STATUS_NOT_NEGOTIATED 0x5u
/* NEGOTIATE has succeeded already; reset first. */
#define RNIC_STATUS_ALREADY_NEGOTIATED 0x6u
/* The device does not speak this interface version. */
#define RNIC_STATUS_VERSION_MISMATCH 0x7u
/* Known, but needs a feature that is not active. */
#define RNIC_STATUS_UNSUPPORTED 0x8u
/* The handle names nothing, or something of another kind. */
#define RNIC_STATUS_NO_SUCH_OBJECT 0x9u
/* Other objects still use it. */
#define RNIC_STATUS_BUSY 0xau
/* More than a limit of the device allows. */
#define RNIC_STATUS_LIMIT_EXCEEDED 0xbu
/* All of that resource are in use, or the quota is spent. */
#define RNIC_STATUS_NO_RESOURCES 0xcu
/* Not legal in the object's state. */
#define RNIC_STATUS_INVALID_STATE 0xdu
/* An address of the request cannot be reached. */
#define RNIC_STATUS_DMA_ERROR 0xeu
/* The slot belongs to another queue. */
#define RNIC_STATUS_DOORBELL_IN_USE 0xfu
/* The protection domain, or the rights asked for, do not allow it. */
#define RNIC_STATUS_ACCESS_DENIED 0x10u
/* Address and length wrap, or lie outside the object. */
#define RNIC_STATUS_OUT_OF_RANGE 0x11u
/* The address and port are reserved already. */
#define RNIC_STATUS_ADDRESS_IN_USE 0x12u
/* Not an address of this device. */
#define RNIC_STATUS_ADDRESS_NOT_AVAILABLE 0x13u
/* Every ephemeral port is in use. */
#define RNIC_STATUS_NO_PORTS 0x14u
/* No next hop answers. */
#define RNIC_STATUS_UNREACHABLE 0x15u
/* Nobody listens there, or the listener is paused. */
#define RNIC_STATUS_REFUSED 0x16u
/* The peer's consumer rejected; its private data is in the event. */
#define RNIC_STATUS_REJECTED 0x17u
/* The peer did not answer. */
#define RNIC_STATUS_TIMED_OUT 0x18u
/* The connection ended before the operation did. */
#define RNIC_STATUS_ABORTED 0x19u
/* Taken back by the driver, or swept away by a reset. */
#define RNIC_STATUS_CANCELLED 0x1au
/* More list entries than the command takes. */
#define RNIC_STATUS_TOO_MANY 0x1bu
/* A fault of the device; it has counted and logged it. */
#define RNIC_STATUS_INTERNAL_ERROR 0x1cu

/* ---- SyndromeReason (u16) ---- */
/* Upper half of the syndrome: what is wrong with the field that the lower half names. */
/* Nothing to add. */
#define RNIC_SYNDROME_REASON_NONE 0x0u
/* Not one of the values allowed. */
#define RNIC_SYNDROME_REASON_BAD_VALUE 0x1u
/* Above the limit. */
#define RNIC_SYNDROME_REASON_TOO_LARGE 0x2u
/* Below the minimum. */
#define RNIC_SYNDROME_REASON_TOO_SMALL 0x3u
/* Not aligned as required. */
#define RNIC_SYNDROME_REASON_NOT_ALIGNED 0x4u
/* Must be a power of two. */
#define RNIC_SYNDROME_REASON_NOT_A_POWER_OF_TWO 0x5u
/* The handle names nothing. */
#define RNIC_SYNDROME_REASON_NOT_FOUND 0x6u
/* The handle names an object of another kind or type. */
#define RNIC_SYNDROME_REASON_WRONG_KIND 0x7u
/* The object belongs to another protection domain. */
#define RNIC_SYNDROME_REASON_WRONG_DOMAIN 0x8u
/* The object is in a state that does not allow it. */
#define RNIC_SYNDROME_REASON_WRONG_STATE 0x9u
/* Taken. */
#define RNIC_SYNDROME_REASON_IN_USE 0xau
/* The feature that gives this field meaning is not active. */
#define RNIC_SYNDROME_REASON_NOT_ACTIVE 0xbu
/* DMA to this address failed. */
#define RNIC_SYNDROME_REASON_NOT_REACHABLE 0xcu
/* Base and length exceed the address space. */
#define RNIC_SYNDROME_REASON_WRAPS 0xdu
/* Must be given here. */
#define RNIC_SYNDROME_REASON_MISSING 0xeu
/* The device's quota of this resource is spent. */
#define RNIC_SYNDROME_REASON_QUOTA 0xfu
/* Contradicts another field. */
#define RNIC_SYNDROME_REASON_CONFLICT 0x10u
/* Must be zero. */
#define RNIC_SYNDROME_REASON_RESERVED 0x11u
/* Steps before this one are missing. */
#define RNIC_SYNDROME_REASON_NOT_COMPLETE 0x12u

/* ---- CompletionStatus (u16) ---- */
/* Result of a work request (IBTA 1.4, 11.6.2). */
/* Done. */
#define RNIC_COMPLETION_STATUS_SUCCESS 0x0u
/* The local scatter/gather list is too short, or the message is longer than the device sends. */
#define RNIC_COMPLETION_STATUS_LOCAL_LENGTH_ERROR 0x1u
/* The entry is malformed, or not legal on this queue pair. */
#define RNIC_COMPLETION_STATUS_LOCAL_OPERATION_ERROR 0x2u
/* A local key, range or right does not match. */
#define RNIC_COMPLETION_STATUS_LOCAL_PROTECTION_ERROR 0x4u
/* The queue was flushed before the request was done. */
#define RNIC_COMPLETION_STATUS_FLUSHED 0x5u
/* Bind or fast registration is not allowed for this key, region or state. */
#define RNIC_COMPLETION_STATUS_WINDOW_BIND_ERROR 0x6u
/* The responder answered something impossible. */
#define RNIC_COMPLETION_STATUS_BAD_RESPONSE_ERROR 0x7u
/* The local address cannot be reached by DMA. */
#define RNIC_COMPLETION_STATUS_LOCAL_ACCESS_ERROR 0x8u
/* The responder found the request invalid. */
#define RNIC_COMPLETION_STATUS_REMOTE_INVALID_REQUEST_ERROR 0x9u
/* The responder refused the remote key, range or right. */
#define RNIC_COMPLETION_STATUS_REMOTE_ACCESS_ERROR 0xau
/* The responder could not complete the request. */
#define RNIC_COMPLETION_STATUS_REMOTE_OPERATION_ERROR 0xbu
/* No acknowledgement after the configured retries. */
#define RNIC_COMPLETION_STATUS_RETRY_EXCEEDED 0xcu
/* The responder had no receive posted after the configured retries. */
#define RNIC_COMPLETION_STATUS_RNR_RETRY_EXCEEDED 0xdu
/* The device failed. */
#define RNIC_COMPLETION_STATUS_FATAL_ERROR 0xeu

/* ---- ProviderError (u32) ---- */
/* Syndrome of a completion in error: the check that failed. Zero on success. */
/* No error. */
#define RNIC_PROVIDER_ERROR_NONE 0x0u
/* Unknown opcode, or not of this queue pair's type. */
#define RNIC_PROVIDER_ERROR_BAD_OPCODE 0x1u
/* A reserved flag, or a flag that the opcode does not take. */
#define RNIC_PROVIDER_ERROR_BAD_FLAGS 0x2u
/* More scatter/gather entries than the queue was created for. */
#define RNIC_PROVIDER_ERROR_TOO_MANY_SEGMENTS 0x3u
/* More inline data than the queue was created for. */
#define RNIC_PROVIDER_ERROR_INLINE_TOO_LONG 0x4u
/* Longer than LIMIT_MESSAGE_BYTES, or than a datagram can be. */
#define RNIC_PROVIDER_ERROR_MESSAGE_TOO_LONG 0x5u
/* The key names nothing. */
#define RNIC_PROVIDER_ERROR_KEY_NOT_FOUND 0x6u
/* The index is in use, the variant differs. */
#define RNIC_PROVIDER_ERROR_KEY_STALE 0x7u
/* The key is invalidated or not yet registered. */
#define RNIC_PROVIDER_ERROR_KEY_FREE 0x8u
/* The key belongs to another protection domain. */
#define RNIC_PROVIDER_ERROR_KEY_WRONG_DOMAIN 0x9u
/* The window is bound through another queue pair. */
#define RNIC_PROVIDER_ERROR_KEY_WRONG_QP 0xau
/* The privileged key may not be used here. */
#define RNIC_PROVIDER_ERROR_KEY_PRIVILEGED 0xbu
/* The key does not grant this access. */
#define RNIC_PROVIDER_ERROR_RIGHT_MISSING 0xcu
/* Outside the region or window. */
#define RNIC_PROVIDER_ERROR_RANGE 0xdu
/* Address and length exceed the address space. */
#define RNIC_PROVIDER_ERROR_WRAP 0xeu
/* No DMA mapping at the address. */
#define RNIC_PROVIDER_ERROR_DMA_UNMAPPED 0xfu
/* The DMA mapping cannot be written. */
#define RNIC_PROVIDER_ERROR_DMA_READ_ONLY 0x10u
/* Bus mastering is off. */
#define RNIC_PROVIDER_ERROR_DMA_DISABLED 0x11u
/* The memory behind the mapping went away. */
#define RNIC_PROVIDER_ERROR_DMA_HOST_FAULT 0x12u
/* The operand or page address is not aligned. */
#define RNIC_PROVIDER_ERROR_NOT_ALIGNED 0x13u
/* The key is registered or bound already. */
#define RNIC_PROVIDER_ERROR_KEY_IN_USE 0x14u
/* Windows are bound to the region. */
#define RNIC_PROVIDER_ERROR_KEY_BOUND 0x15u
/* More pages than the region was initialised for, or none. */
#define RNIC_PROVIDER_ERROR_PAGE_COUNT 0x16u
/* A length of zero is not allowed here. */
#define RNIC_PROVIDER_ERROR_ZERO_LENGTH 0x17u
/* The receive buffers are shorter than the message. */
#define RNIC_PROVIDER_ERROR_RECEIVE_TOO_SHORT 0x18u
/* Reads or atomics on a connection that negotiated none. */
#define RNIC_PROVIDER_ERROR_NO_READ_DEPTH 0x19u
/* The queue pair's state does not send. */
#define RNIC_PROVIDER_ERROR_NOT_CONNECTED 0x1au
/* NAK: invalid request. */
#define RNIC_PROVIDER_ERROR_PEER_INVALID_REQUEST 0x1bu
/* NAK: remote access error. */
#define RNIC_PROVIDER_ERROR_PEER_ACCESS 0x1cu
/* NAK: remote operational error. */
#define RNIC_PROVIDER_ERROR_PEER_OPERATION 0x1du
/* The peer's queue pair or device does not answer. */
#define RNIC_PROVIDER_ERROR_PEER_GONE 0x1eu
/* Receiver not ready, retries spent. */
#define RNIC_PROVIDER_ERROR_RNR 0x1fu
/* Sequence errors, retries spent. */
#define RNIC_PROVIDER_ERROR_SEQUENCE 0x20u
/* FLUSH_QP, an error before it, or the end of the connection. */
#define RNIC_PROVIDER_ERROR_QUEUE_FLUSHED 0x21u
/* The key of an invalidate cannot be invalidated. */
#define RNIC_PROVIDER_ERROR_INVALIDATE_REFUSED 0x22u
/* The responder sent more or less than asked for. */
#define RNIC_PROVIDER_ERROR_RESPONSE_LENGTH 0x23u
/* The destination of a datagram is none: address, queue pair, flow label or port. */
#define RNIC_PROVIDER_ERROR_BAD_ADDRESS 0x24u

/* ---- FailureCode (u16) ---- */
/* Why the device stopped, or why the command ring was refused. */
/* No failure. */
#define RNIC_FAILURE_CODE_NONE 0x0u
/* CMD_SIZE, CMD_DESC, CMD_AVAIL or CMD_USED is wrong; FAILURE_INFO is the register's offset. */
#define RNIC_FAILURE_CODE_COMMAND_RING_SETUP 0x1u
/* A descriptor chain loops, is indirect, or is not one readable then one writable part; FAILURE_INFO is the head index. */
#define RNIC_FAILURE_CODE_COMMAND_RING_CHAIN 0x2u
/* The ring cannot be reached; FAILURE_INFO is the address. */
#define RNIC_FAILURE_CODE_COMMAND_RING_DMA 0x3u
/* A fault of the device. */
#define RNIC_FAILURE_CODE_INTERNAL 0x4u

/* ---- CounterId (u16) ---- */
/* Index of a counter. */
/* RDMA octets received, headers included, as frames would have carried them. */
#define RNIC_COUNTER_OCTETS_IN 0x0u
/* RDMA octets sent, headers included, as frames would have carried them. */
#define RNIC_COUNTER_OCTETS_OUT 0x1u
/* RDMA frames received, in-process transfers counted as the frames they would have been. */
#define RNIC_COUNTER_FRAMES_IN 0x2u
/* RDMA frames sent, in-process transfers counted as the frames they would have been. */
#define RNIC_COUNTER_FRAMES_OUT 0x3u
/* Octets given to the guest's stack. */
#define RNIC_COUNTER_ETH_OCTETS_IN 0x4u
/* Octets taken from the guest's stack. */
#define RNIC_COUNTER_ETH_OCTETS_OUT 0x5u
/* Frames given to the guest's stack. */
#define RNIC_COUNTER_ETH_FRAMES_IN 0x6u
/* Frames taken from the guest's stack. */
#define RNIC_COUNTER_ETH_FRAMES_OUT 0x7u
/* Frames for the guest's stack dropped because no buffer was posted. */
#define RNIC_COUNTER_ETH_DROPPED_NO_BUFFER 0x8u
/* Transmit chains of the guest dropped because they are malformed. */
#define RNIC_COUNTER_ETH_DROPPED_MALFORMED 0x9u
/* Multicast frames given to the guest's stack. */
#define RNIC_COUNTER_ETH_MULTICAST_IN 0xau
/* Broadcast frames given to the guest's stack. */
#define RNIC_COUNTER_ETH_BROADCAST_IN 0xbu
/* Sends completed as requester. */
#define RNIC_COUNTER_SENDS_OUT 0xcu
/* Writes completed as requester. */
#define RNIC_COUNTER_WRITES_OUT 0xdu
/* Reads completed as requester. */
#define RNIC_COUNTER_READS_OUT 0xeu
/* Atomics completed as requester. */
#define RNIC_COUNTER_ATOMICS_OUT 0xfu
/* Sends executed as responder. */
#define RNIC_COUNTER_SENDS_IN 0x10u
/* Writes executed as responder. */
#define RNIC_COUNTER_WRITES_IN 0x11u
/* Reads executed as responder. */
#define RNIC_COUNTER_READS_IN 0x12u
/* Atomics executed as responder. */
#define RNIC_COUNTER_ATOMICS_IN 0x13u
/* Completions written. */
#define RNIC_COUNTER_COMPLETIONS 0x14u
/* Completions with a status other than SUCCESS or FLUSHED. */
#define RNIC_COUNTER_COMPLETION_ERRORS 0x15u
/* Completions with status FLUSHED. */
#define RNIC_COUNTER_FLUSHED 0x16u
/* Completion queues that went into error. */
#define RNIC_COUNTER_CQ_ERRORS 0x17u
/* Events written. */
#define RNIC_COUNTER_EVENTS 0x18u
/* Interrupt messages raised. */
#define RNIC_COUNTER_INTERRUPTS 0x19u
/* Commands answered. */
#define RNIC_COUNTER_COMMANDS 0x1au
/* Commands answered with a status other than OK. */
#define RNIC_COUNTER_COMMAND_ERRORS 0x1bu
/* Ignored accesses to registers and doorbells. */
#define RNIC_COUNTER_GUEST_ERRORS 0x1cu
/* DMA accesses that failed. */
#define RNIC_COUNTER_DMA_ERRORS 0x1du
/* Times the device parked. */
#define RNIC_COUNTER_PARKS 0x1eu
/* Writes of KICK. */
#define RNIC_COUNTER_KICKS 0x1fu
/* NAKs for sequence errors received. */
#define RNIC_COUNTER_NAK_SEQUENCE_IN 0x20u
/* NAKs for sequence errors sent. */
#define RNIC_COUNTER_NAK_SEQUENCE_OUT 0x21u
/* NAKs for remote access errors received. */
#define RNIC_COUNTER_NAK_ACCESS_IN 0x22u
/* NAKs for remote access errors sent. */
#define RNIC_COUNTER_NAK_ACCESS_OUT 0x23u
/* NAKs for invalid requests received. */
#define RNIC_COUNTER_NAK_REQUEST_IN 0x24u
/* NAKs for invalid requests sent. */
#define RNIC_COUNTER_NAK_REQUEST_OUT 0x25u
/* NAKs for remote operational errors received. */
#define RNIC_COUNTER_NAK_OPERATION_IN 0x26u
/* NAKs for remote operational errors sent. */
#define RNIC_COUNTER_NAK_OPERATION_OUT 0x27u
/* RNR NAKs received. */
#define RNIC_COUNTER_RNR_NAK_IN 0x28u
/* RNR NAKs sent. */
#define RNIC_COUNTER_RNR_NAK_OUT 0x29u
/* Frames sent again. */
#define RNIC_COUNTER_RETRANSMITTED 0x2au
/* Acknowledgement timers that expired. */
#define RNIC_COUNTER_ACK_TIMEOUTS 0x2bu
/* Duplicate requests received. */
#define RNIC_COUNTER_DUPLICATES_IN 0x2cu
/* Requests ahead of the expected sequence number. */
#define RNIC_COUNTER_OUT_OF_SEQUENCE_IN 0x2du
/* Queue pairs that gave up retrying. */
#define RNIC_COUNTER_RETRIES_EXCEEDED 0x2eu
/* Frames received with a congestion mark. */
#define RNIC_COUNTER_ECN_MARKED_IN 0x2fu
/* Congestion notifications received. */
#define RNIC_COUNTER_CNP_IN 0x30u
/* Congestion notifications sent. */
#define RNIC_COUNTER_CNP_OUT 0x31u
/* RoCE frames dropped: headers, lengths, versions. */
#define RNIC_COUNTER_DROPPED_MALFORMED 0x32u
/* RoCE frames dropped: invariant CRC. */
#define RNIC_COUNTER_DROPPED_ICRC 0x33u
/* RoCE frames dropped: no such queue pair, or its type or state does not receive. */
#define RNIC_COUNTER_DROPPED_NO_QP 0x34u
/* RoCE frames dropped: not the connection's addresses. */
#define RNIC_COUNTER_DROPPED_ADDRESS 0x35u
/* RoCE frames dropped: partition or queue key. */
#define RNIC_COUNTER_DROPPED_KEY 0x36u
/* Connections established now. */
#define RNIC_COUNTER_CONNECTIONS_ACTIVE 0x37u
/* Connections established by CONNECT. */
#define RNIC_COUNTER_CONNECTIONS_INITIATED 0x38u
/* Connections established by ACCEPT. */
#define RNIC_COUNTER_CONNECTIONS_ACCEPTED 0x39u
/* CONNECT that did not lead to a connection. */
#define RNIC_COUNTER_CONNECT_FAILURES 0x3au
/* Connections that ended by an error. */
#define RNIC_COUNTER_CONNECTION_ERRORS 0x3bu
/* Requests refused: no listener, paused, backlog. */
#define RNIC_COUNTER_CONNECT_REJECTED 0x3cu
/* Connection manager messages received. */
#define RNIC_COUNTER_CM_IN 0x3du
/* Connection manager messages sent. */
#define RNIC_COUNTER_CM_OUT 0x3eu
/* Connection manager messages sent again. */
#define RNIC_COUNTER_CM_RETRIES 0x3fu
/* Connection manager messages received again. */
#define RNIC_COUNTER_CM_DUPLICATES 0x40u
/* Connection manager messages dropped: malformed, unknown, table full. */
#define RNIC_COUNTER_CM_DROPPED 0x41u
/* ARP requests and neighbour solicitations sent. */
#define RNIC_COUNTER_NEIGHBOUR_REQUESTS_OUT 0x42u
/* ARP replies and neighbour advertisements sent. */
#define RNIC_COUNTER_NEIGHBOUR_REPLIES_OUT 0x43u
/* Claims of our addresses by others. */
#define RNIC_COUNTER_NEIGHBOUR_CONFLICTS 0x44u
/* Faults that a fault plan caused. */
#define RNIC_COUNTER_FAULTS_INJECTED 0x45u
/* Messages of unreliable services lost for want of a receive. */
#define RNIC_COUNTER_DROPPED_NO_RECEIVE 0x46u
/* Messages of unreliable services lost because they were longer than the receive. */
#define RNIC_COUNTER_DROPPED_TOO_LONG 0x47u
/* Datagrams lost because nobody answered for their next hop. */
#define RNIC_COUNTER_DROPPED_UNREACHABLE 0x48u
/* Writes of unreliable connections dropped: remote key, range or right. */
#define RNIC_COUNTER_DROPPED_ACCESS 0x49u
/* Messages of unreliable connections given up because a packet was missing or not allowed. */
#define RNIC_COUNTER_MESSAGES_ABANDONED 0x4au

/* ---- PdFlags (u32) ---- */
/* Kind of protection domain. */
#define RNIC_PD_FLAGS_PRIVILEGED_SHIFT 0
/* Has a privileged key. */
#define RNIC_PD_FLAGS_PRIVILEGED_MASK 0x1u

/* ---- QpFlags (u32) ---- */
/* Options of a queue pair. */
#define RNIC_QP_FLAGS_SRQ_SHIFT 0
/* Receives come from a shared receive queue. */
#define RNIC_QP_FLAGS_SRQ_MASK 0x1u

/* ---- FlushFlags (u32) ---- */
/* Queues to flush. */
#define RNIC_FLUSH_FLAGS_SEND_SHIFT 0
/* Send queue. */
#define RNIC_FLUSH_FLAGS_SEND_MASK 0x1u
#define RNIC_FLUSH_FLAGS_RECEIVE_SHIFT 1
/* Receive queue. */
#define RNIC_FLUSH_FLAGS_RECEIVE_MASK 0x2u

/* ---- DisconnectFlags (u32) ---- */
/* How to disconnect. */
#define RNIC_DISCONNECT_FLAGS_ABORTIVE_SHIFT 0
/* Do not wait for the peer's answer. */
#define RNIC_DISCONNECT_FLAGS_ABORTIVE_MASK 0x1u

/* ---- ModifyMask (u32) ---- */
/* Fields of MODIFY_QP that mean something. */
#define RNIC_MODIFY_MASK_STATE_SHIFT 0
/* state */
#define RNIC_MODIFY_MASK_STATE_MASK 0x1u
#define RNIC_MODIFY_MASK_PATH_SHIFT 1
/* peer_address, peer_qpn, local_address, udp_source_port, path_mtu, traffic_class, hop_limit, flow_label */
#define RNIC_MODIFY_MASK_PATH_MASK 0x2u
#define RNIC_MODIFY_MASK_NEXT_HOP_SHIFT 2
/* next_hop */
#define RNIC_MODIFY_MASK_NEXT_HOP_MASK 0x4u
#define RNIC_MODIFY_MASK_SEND_PSN_SHIFT 3
/* send_psn */
#define RNIC_MODIFY_MASK_SEND_PSN_MASK 0x8u
#define RNIC_MODIFY_MASK_RECV_PSN_SHIFT 4
/* recv_psn */
#define RNIC_MODIFY_MASK_RECV_PSN_MASK 0x10u
#define RNIC_MODIFY_MASK_READ_DEPTH_SHIFT 5
/* read_depth_in, read_depth_out */
#define RNIC_MODIFY_MASK_READ_DEPTH_MASK 0x20u
#define RNIC_MODIFY_MASK_RETRY_SHIFT 6
/* retry_count, rnr_retry, ack_timeout */
#define RNIC_MODIFY_MASK_RETRY_MASK 0x40u
#define RNIC_MODIFY_MASK_RNR_TIMER_SHIFT 7
/* min_rnr_timer */
#define RNIC_MODIFY_MASK_RNR_TIMER_MASK 0x80u
#define RNIC_MODIFY_MASK_ACCESS_SHIFT 8
/* access */
#define RNIC_MODIFY_MASK_ACCESS_MASK 0x100u
#define RNIC_MODIFY_MASK_QKEY_SHIFT 9
/* qkey */
#define RNIC_MODIFY_MASK_QKEY_MASK 0x200u
#define RNIC_MODIFY_MASK_FLOW_CONTROL_SHIFT 10
/* flags.flow_control */
#define RNIC_MODIFY_MASK_FLOW_CONTROL_MASK 0x400u

/* ---- QpAttributeFlags (u32) ---- */
/* Switches of a queue pair. */
#define RNIC_QP_ATTRIBUTE_FLAGS_FLOW_CONTROL_SHIFT 0
/* End-to-end flow control, from RTR and RTS on. Needs FLOW_CONTROL. */
#define RNIC_QP_ATTRIBUTE_FLAGS_FLOW_CONTROL_MASK 0x1u

/* ---- AddressFlags (u8) ---- */
/* Options of an address. */
#define RNIC_ADDRESS_FLAGS_GATEWAY_SHIFT 0
/* `gateway` is given. */
#define RNIC_ADDRESS_FLAGS_GATEWAY_MASK 0x1u
#define RNIC_ADDRESS_FLAGS_VLAN_SHIFT 1
/* `vlan` is given. */
#define RNIC_ADDRESS_FLAGS_VLAN_MASK 0x2u
#define RNIC_ADDRESS_FLAGS_ANSWER_SHIFT 2
/* The device answers ARP or neighbour solicitations for it; else the guest's stack does. */
#define RNIC_ADDRESS_FLAGS_ANSWER_MASK 0x4u

/* ---- ConnectFlags (u32) ---- */
/* Options of CONNECT. */
#define RNIC_CONNECT_FLAGS_NEXT_HOP_SHIFT 0
/* `next_hop` is given: no address resolution. */
#define RNIC_CONNECT_FLAGS_NEXT_HOP_MASK 0x1u
#define RNIC_CONNECT_FLAGS_FLOW_CONTROL_SHIFT 1
/* End-to-end flow control, if the peer has it too. Needs FLOW_CONTROL. */
#define RNIC_CONNECT_FLAGS_FLOW_CONTROL_MASK 0x2u

/* ---- RxMode (u32) ---- */
/* What the Ethernet lane receives. */
#define RNIC_RX_MODE_UNICAST_SHIFT 0
/* Frames to the address. */
#define RNIC_RX_MODE_UNICAST_MASK 0x1u
#define RNIC_RX_MODE_MULTICAST_SHIFT 1
/* Frames to listed multicast addresses. */
#define RNIC_RX_MODE_MULTICAST_MASK 0x2u
#define RNIC_RX_MODE_BROADCAST_SHIFT 2
/* Broadcast frames. */
#define RNIC_RX_MODE_BROADCAST_MASK 0x4u
#define RNIC_RX_MODE_ALL_MULTICAST_SHIFT 3
/* All multicast frames. */
#define RNIC_RX_MODE_ALL_MULTICAST_MASK 0x8u
#define RNIC_RX_MODE_PROMISCUOUS_SHIFT 4
/* All frames. */
#define RNIC_RX_MODE_PROMISCUOUS_MASK 0x10u

/* ---- EthOffloads (u32) ---- */
/* Receive offloads that the guest takes. */
#define RNIC_ETH_OFFLOADS_CHECKSUM_SHIFT 0
/* Frames may come with VIRTIO_NET_HDR_F_DATA_VALID or with a partial checksum. */
#define RNIC_ETH_OFFLOADS_CHECKSUM_MASK 0x1u
#define RNIC_ETH_OFFLOADS_TSO4_SHIFT 1
/* TCP over IPv4 segments may come merged. */
#define RNIC_ETH_OFFLOADS_TSO4_MASK 0x2u
#define RNIC_ETH_OFFLOADS_TSO6_SHIFT 2
/* TCP over IPv6 segments may come merged. */
#define RNIC_ETH_OFFLOADS_TSO6_MASK 0x4u

/* ---- RssTypes (u32) ---- */
/* Hash inputs. */
#define RNIC_RSS_TYPES_IPV4_SHIFT 0
/* IPv4 addresses. */
#define RNIC_RSS_TYPES_IPV4_MASK 0x1u
#define RNIC_RSS_TYPES_TCP_IPV4_SHIFT 1
/* IPv4 addresses and TCP ports. */
#define RNIC_RSS_TYPES_TCP_IPV4_MASK 0x2u
#define RNIC_RSS_TYPES_UDP_IPV4_SHIFT 2
/* IPv4 addresses and UDP ports. */
#define RNIC_RSS_TYPES_UDP_IPV4_MASK 0x4u
#define RNIC_RSS_TYPES_IPV6_SHIFT 3
/* IPv6 addresses. */
#define RNIC_RSS_TYPES_IPV6_MASK 0x8u
#define RNIC_RSS_TYPES_TCP_IPV6_SHIFT 4
/* IPv6 addresses and TCP ports. */
#define RNIC_RSS_TYPES_TCP_IPV6_MASK 0x10u
#define RNIC_RSS_TYPES_UDP_IPV6_SHIFT 5
/* IPv6 addresses and UDP ports. */
#define RNIC_RSS_TYPES_UDP_IPV6_MASK 0x20u

/* ---- ProducerDoorbell (u64) ---- */
/* Slot of a send queue, receive queue, shared receive queue or Ethernet queue. */
#define RNIC_PRODUCER_DOORBELL_PRODUCER_SHIFT 0
/* Free-running count of entries posted, modulo 2^32 (Ethernet queues: the available index, modulo 2^16). */
#define RNIC_PRODUCER_DOORBELL_PRODUCER_MASK UINT64_C(0xffffffff)

/* ---- ConsumerDoorbell (u64) ---- */
/* Slot of a completion queue or event queue. */
#define RNIC_CONSUMER_DOORBELL_CONSUMER_SHIFT 0
/* Free-running count of entries consumed, modulo 2^32. */
#define RNIC_CONSUMER_DOORBELL_CONSUMER_MASK UINT64_C(0xffffffff)
#define RNIC_CONSUMER_DOORBELL_ARM_SHIFT 32
/* What to arm for; an event queue knows NONE and ANY. */
#define RNIC_CONSUMER_DOORBELL_ARM_MASK UINT64_C(0x300000000)
#define RNIC_CONSUMER_DOORBELL_SEQUENCE_SHIFT 34
/* Arm sequence, modulo 64: an arm is new when it differs from the last one seen. */
#define RNIC_CONSUMER_DOORBELL_SEQUENCE_MASK UINT64_C(0xfc00000000)

/* ---- WorkFlags (u8) ---- */
/* Modifiers of a send queue entry. */
#define RNIC_WORK_FLAGS_SILENT_SHIFT 0
/* No completion on success. */
#define RNIC_WORK_FLAGS_SILENT_MASK 0x1u
#define RNIC_WORK_FLAGS_SOLICITED_SHIFT 1
/* The completion at the receiver is solicited. Sends and write-with-immediate only. */
#define RNIC_WORK_FLAGS_SOLICITED_MASK 0x2u
#define RNIC_WORK_FLAGS_FENCE_SHIFT 2
/* Starts only after all earlier reads and atomics of this queue are complete. */
#define RNIC_WORK_FLAGS_FENCE_MASK 0x4u
#define RNIC_WORK_FLAGS_INLINE_SHIFT 3
/* `data_count` is a number of bytes that follow in the entry. Sends and writes only. */
#define RNIC_WORK_FLAGS_INLINE_MASK 0x8u

/* ---- AccessFlags (u32) ---- */
/* Rights of a region or window. */
#define RNIC_ACCESS_FLAGS_LOCAL_WRITE_SHIFT 0
/* The device may write for local requests: receives, read sinks, atomic results. */
#define RNIC_ACCESS_FLAGS_LOCAL_WRITE_MASK 0x1u
#define RNIC_ACCESS_FLAGS_REMOTE_READ_SHIFT 1
/* Peers may read. */
#define RNIC_ACCESS_FLAGS_REMOTE_READ_MASK 0x2u
#define RNIC_ACCESS_FLAGS_REMOTE_WRITE_SHIFT 2
/* Peers may write. A region needs local_write too. */
#define RNIC_ACCESS_FLAGS_REMOTE_WRITE_MASK 0x4u
#define RNIC_ACCESS_FLAGS_REMOTE_ATOMIC_SHIFT 3
/* Peers may do atomics. A region needs local_write too. */
#define RNIC_ACCESS_FLAGS_REMOTE_ATOMIC_MASK 0x8u
#define RNIC_ACCESS_FLAGS_WINDOW_BIND_SHIFT 4
/* Windows may be bound to the region. */
#define RNIC_ACCESS_FLAGS_WINDOW_BIND_MASK 0x10u

/* ---- CompletionFlags (u16) ---- */
/* What a completion is about. */
#define RNIC_COMPLETION_FLAGS_RECEIVE_SHIFT 0
/* Of a receive; else of a send queue entry. */
#define RNIC_COMPLETION_FLAGS_RECEIVE_MASK 0x1u
#define RNIC_COMPLETION_FLAGS_IMMEDIATE_SHIFT 1
/* `immediate` is immediate data. */
#define RNIC_COMPLETION_FLAGS_IMMEDIATE_MASK 0x2u
#define RNIC_COMPLETION_FLAGS_INVALIDATED_SHIFT 2
/* `immediate` is the key that was invalidated by the peer. */
#define RNIC_COMPLETION_FLAGS_INVALIDATED_MASK 0x4u
#define RNIC_COMPLETION_FLAGS_SOLICITED_SHIFT 3
/* Solicited. */
#define RNIC_COMPLETION_FLAGS_SOLICITED_MASK 0x8u
#define RNIC_COMPLETION_FLAGS_GRH_SHIFT 4
/* The buffer starts with GRH_BYTES of header (UD). */
#define RNIC_COMPLETION_FLAGS_GRH_MASK 0x10u

/* ---- Syndrome (u32) ---- */
/* Detail of a failed command. */
#define RNIC_SYNDROME_OFFSET_SHIFT 0
/* Byte offset of the offending field in the request, counted from the command header; 0xFFFF when no field is to blame. */
#define RNIC_SYNDROME_OFFSET_MASK 0xffffu
#define RNIC_SYNDROME_REASON_SHIFT 16
/* What is wrong with it. */
#define RNIC_SYNDROME_REASON_MASK 0xffff0000u

/* ---- Features, limits and constants ---- */
/* Summary maps in doorbell pages: after a slot store the driver sets the slot's bit in its page map and the page's bit in the device map with atomic ORs. */
#define RNIC_FEATURE_SUMMARY UINT64_C(0x1)
/* The device sleeps when idle, says so in the parked word, and is woken by KICK. */
#define RNIC_FEATURE_PARKING UINT64_C(0x2)
/* Shared receive queues. */
#define RNIC_FEATURE_SRQ UINT64_C(0x4)
/* Memory windows of type 1 and type 2. */
#define RNIC_FEATURE_MEMORY_WINDOWS UINT64_C(0x8)
/* RESIZE_CQ. */
#define RNIC_FEATURE_CQ_RESIZE UINT64_C(0x10)
/* MODERATE_CQ. */
#define RNIC_FEATURE_CQ_MODERATION UINT64_C(0x20)
/* Compare-and-swap and fetch-and-add of 8 bytes, atomic among all queue pairs of the device and with the guest's own atomic instructions. */
#define RNIC_FEATURE_ATOMICS UINT64_C(0x40)
/* The device's own connection manager: endpoints, listeners, connections, addresses. */
#define RNIC_FEATURE_CONNECTIONS UINT64_C(0x80)
/* The guest may own QP1 and run the connection manager itself. Not together with CONNECTIONS. */
#define RNIC_FEATURE_GUEST_QP1 UINT64_C(0x100)
/* Unreliable datagram queue pairs. */
#define RNIC_FEATURE_UD UINT64_C(0x200)
/* Unreliable connected queue pairs. */
#define RNIC_FEATURE_UC UINT64_C(0x400)
/* The Ethernet lane: split virtqueues with virtio_net_hdr. */
#define RNIC_FEATURE_ETHERNET UINT64_C(0x800)
/* Receive side scaling over several Ethernet receive queues. */
#define RNIC_FEATURE_ETH_RSS UINT64_C(0x1000)
/* Large send offload in virtio_net_hdr (TCP over IPv4 and IPv6). */
#define RNIC_FEATURE_ETH_LSO UINT64_C(0x2000)
/* Completions carry CLOCK at the moment they were written. */
#define RNIC_FEATURE_TIMESTAMPS UINT64_C(0x4000)
/* Answers congestion marks with CNP and limits its own rate on CNP (DCQCN). */
#define RNIC_FEATURE_CONGESTION_CONTROL UINT64_C(0x8000)
/* Resends only what was lost, between two devices that both have it. */
#define RNIC_FEATURE_SELECTIVE_RETRANSMIT UINT64_C(0x10000)
/* A queue pair may connect to another of the same device. */
#define RNIC_FEATURE_LOOPBACK UINT64_C(0x20000)
/* Privileged protection domains, whose key names DMA addresses directly. */
#define RNIC_FEATURE_PRIVILEGED_KEYS UINT64_C(0x40000)
/* End-to-end flow control: reliable connections that ask for it tell their peers of receives, and send within what their peers have. */
#define RNIC_FEATURE_FLOW_CONTROL UINT64_C(0x80000)
/* Largest command ring. */
#define RNIC_LIMIT_COMMAND_RING_LOG_MIN 0x6u
/* what the model offers */
#define RNIC_LIMIT_COMMAND_RING_LOG 0x8u
/* Interrupt vectors. */
#define RNIC_LIMIT_VECTORS_MIN 0x40u
/* what the model offers */
#define RNIC_LIMIT_VECTORS 0x40u
/* Doorbell pages, page 0 included. */
#define RNIC_LIMIT_DOORBELL_PAGES_MIN 0x11u
/* what the model offers */
#define RNIC_LIMIT_DOORBELL_PAGES 0x400u
/* Protection domains. */
#define RNIC_LIMIT_PDS_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_PDS 0x1000u
/* Memory regions. */
#define RNIC_LIMIT_MRS_MIN 0x400u
/* what the model offers */
#define RNIC_LIMIT_MRS 0x100000u
/* Memory windows. */
#define RNIC_LIMIT_MWS_MIN 0x400u
/* what the model offers */
#define RNIC_LIMIT_MWS 0x100000u
/* Completion queues. */
#define RNIC_LIMIT_CQS_MIN 0x40u
/* what the model offers */
#define RNIC_LIMIT_CQS 0x20000u
/* Event queues, the general one included. */
#define RNIC_LIMIT_EQS_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_EQS 0x100u
/* Shared receive queues. */
#define RNIC_LIMIT_SRQS_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_SRQS 0x4000u
/* Queue pairs. */
#define RNIC_LIMIT_QPS_MIN 0x40u
/* what the model offers */
#define RNIC_LIMIT_QPS 0x10000u
/* Listeners. */
#define RNIC_LIMIT_LISTENERS_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_LISTENERS 0x400u
/* Connections that are not yet released. */
#define RNIC_LIMIT_CONNECTIONS_MIN 0x40u
/* what the model offers */
#define RNIC_LIMIT_CONNECTIONS 0x10000u
/* Reserved endpoints. */
#define RNIC_LIMIT_ENDPOINTS_MIN 0x40u
/* what the model offers */
#define RNIC_LIMIT_ENDPOINTS 0x10000u
/* Entries of the address table. */
#define RNIC_LIMIT_ADDRESSES_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_ADDRESSES 0x40u
/* Largest send queue. */
#define RNIC_LIMIT_SQ_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_SQ_LOG 0xfu
/* Largest receive queue. */
#define RNIC_LIMIT_RQ_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_RQ_LOG 0xfu
/* Largest shared receive queue. */
#define RNIC_LIMIT_SRQ_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_SRQ_LOG 0x10u
/* Largest completion queue. */
#define RNIC_LIMIT_CQ_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_CQ_LOG 0x14u
/* Largest event queue. */
#define RNIC_LIMIT_EQ_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_EQ_LOG 0x11u
/* Scatter/gather entries of a send queue entry. */
#define RNIC_LIMIT_SEND_SEGMENTS_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_SEND_SEGMENTS 0x20u
/* Scatter entries of a receive queue entry. */
#define RNIC_LIMIT_RECV_SEGMENTS_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_RECV_SEGMENTS 0x20u
/* Inline data of a send queue entry. */
#define RNIC_LIMIT_INLINE_BYTES_MIN 0x80u
/* what the model offers */
#define RNIC_LIMIT_INLINE_BYTES 0x200u
/* Longest message. */
#define RNIC_LIMIT_MESSAGE_BYTES_MIN 0x1000000u
/* what the model offers */
#define RNIC_LIMIT_MESSAGE_BYTES 0x80000000u
/* Longest memory region. */
#define RNIC_LIMIT_MR_BYTES_MIN 0x1000000u
/* what the model offers */
#define RNIC_LIMIT_MR_BYTES UINT64_C(0x10000000000)
/* Pages of one ADD_MR_PAGES. */
#define RNIC_LIMIT_MR_CHUNK_PAGES_MIN 0x200u
/* what the model offers */
#define RNIC_LIMIT_MR_CHUNK_PAGES 0x1000u
/* Quota of page addresses held for all memory regions of the device. */
#define RNIC_LIMIT_MR_PAGES_MIN 0x10000u
/* what the model offers */
#define RNIC_LIMIT_MR_PAGES 0x800000u
/* Pages of one fast registration. */
#define RNIC_LIMIT_FAST_REGISTER_PAGES_MIN 0x200u
/* what the model offers */
#define RNIC_LIMIT_FAST_REGISTER_PAGES 0x1000u
/* Inbound reads and atomics outstanding on a queue pair. */
#define RNIC_LIMIT_READ_DEPTH_IN_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_READ_DEPTH_IN 0x80u
/* Outbound reads and atomics outstanding on a queue pair. */
#define RNIC_LIMIT_READ_DEPTH_OUT_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_READ_DEPTH_OUT 0x80u
/* A freed key index is not given out again before this many others were freed after it, unless all others are in use. */
#define RNIC_LIMIT_KEY_REUSE_DISTANCE_MIN 0x100u
/* what the model offers */
#define RNIC_LIMIT_KEY_REUSE_DISTANCE 0x400u
/* Connection requests that a listener holds unanswered. */
#define RNIC_LIMIT_BACKLOG_MIN 0x10u
/* what the model offers */
#define RNIC_LIMIT_BACKLOG 0x100u
/* Private data of CONNECT. */
#define RNIC_LIMIT_CONNECT_PRIVATE_BYTES_MIN 0x38u
/* what the model offers */
#define RNIC_LIMIT_CONNECT_PRIVATE_BYTES 0x38u
/* Private data of ACCEPT. */
#define RNIC_LIMIT_ACCEPT_PRIVATE_BYTES_MIN 0xc4u
/* what the model offers */
#define RNIC_LIMIT_ACCEPT_PRIVATE_BYTES 0xc4u
/* Private data of REJECT_CONNECTION. */
#define RNIC_LIMIT_REJECT_PRIVATE_BYTES_MIN 0x94u
/* what the model offers */
#define RNIC_LIMIT_REJECT_PRIVATE_BYTES 0x94u
/* Ethernet receive queues, and as many transmit queues. */
#define RNIC_LIMIT_ETH_QUEUES_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_ETH_QUEUES 0x10u
/* Largest Ethernet queue. */
#define RNIC_LIMIT_ETH_RING_LOG_MIN 0x8u
/* what the model offers */
#define RNIC_LIMIT_ETH_RING_LOG 0xcu
/* Longest Ethernet frame, VLAN tag included, frame check sequence not. */
#define RNIC_LIMIT_ETH_FRAME_BYTES_MIN 0x5eeu
/* what the model offers */
#define RNIC_LIMIT_ETH_FRAME_BYTES 0x2412u
/* Entries of the RSS indirection table. */
#define RNIC_LIMIT_RSS_TABLE_MIN 0x80u
/* what the model offers */
#define RNIC_LIMIT_RSS_TABLE 0x80u
/* Multicast filter entries. */
#define RNIC_LIMIT_MULTICAST_MIN 0x20u
/* what the model offers */
#define RNIC_LIMIT_MULTICAST 0x80u
/* `RNIC` in ASCII, first letter lowest: the value of MAGIC. */
#define RNIC_MAGIC_VALUE 0x43494e52u
/* Bytes in a page of every page list of this interface, unless a memory region says otherwise. */
#define RNIC_PAGE_SIZE 0x1000u
/* Slots in a doorbell page. */
#define RNIC_DOORBELL_PAGE_SLOTS 0x200u
/* First slot of a page that a queue can own; slots 0 to 7 hold the page's summary map, or nothing. */
#define RNIC_DOORBELL_FIRST_SLOT 0x8u
/* First page that holds queue slots; page 0 holds the device summary map, or nothing. */
#define RNIC_DOORBELL_FIRST_PAGE 0x1u
/* In a vector field: no interrupt. */
#define RNIC_VECTOR_NONE 0xffffu
/* Offset of the scatter/gather entries, or of inline data, in a send queue entry. */
#define RNIC_SEGMENTS_AT 0x30u
/* Offset of the scatter entries in a receive queue entry. */
#define RNIC_RECV_SEGMENTS_AT 0x10u
/* The retired-count word is written at the latest after this many retired entries. */
#define RNIC_RETIRE_INTERVAL 0x10u
/* Offset of the MSI-X table in BAR_MSIX. */
#define RNIC_MSIX_TABLE_OFFSET 0x0u
/* Offset of the MSI-X pending bit array in BAR_MSIX. */
#define RNIC_MSIX_PBA_OFFSET 0x1000u
/* First port given out for port 0 (RFC 6335). */
#define RNIC_EPHEMERAL_PORT_FIRST 0xc000u
/* Last port given out for port 0 (RFC 6335). */
#define RNIC_EPHEMERAL_PORT_LAST 0xffffu
/* Neighbours remembered at most. */
#define RNIC_NEIGHBOUR_ENTRIES 0x400u
/* Questions for a neighbour before the device gives up (RFC 4861, 10). */
#define RNIC_NEIGHBOUR_TRIES 0x3u
/* Time between questions for a neighbour, milliseconds (RFC 4861, 10). */
#define RNIC_NEIGHBOUR_RETRY_MS 0x3e8u
/* Time that a neighbour is used after it was last confirmed, milliseconds (RFC 4861, 10). */
#define RNIC_NEIGHBOUR_FRESH_MS 0x7530u
/* Time after a confirmation in which a neighbour does not move, milliseconds. */
#define RNIC_NEIGHBOUR_LOCK_MS 0x3e8u
/* Bytes of the global route header area at the start of a datagram receive buffer (IBTA 1.4, 8.3). */
#define RNIC_GRH_BYTES 0x28u

/* Start of every request. */
struct rnic_command_header {
    uint16_t opcode; /* 0: Opcode: Command. */
    uint16_t reserved_2; /* 2: Zero. */
    uint32_t length; /* 4: Bytes of the request, this header included. */
    uint64_t tag; /* 8: Returned in the answer. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_command_header) == 16, "size of rnic_command_header");
RNIC_HW_ASSERT_(offsetof(struct rnic_command_header, opcode) == 0, "rnic_command_header.opcode");
RNIC_HW_ASSERT_(offsetof(struct rnic_command_header, reserved_2) == 2, "rnic_command_header.reserved_2");
RNIC_HW_ASSERT_(offsetof(struct rnic_command_header, length) == 4, "rnic_command_header.length");
RNIC_HW_ASSERT_(offsetof(struct rnic_command_header, tag) == 8, "rnic_command_header.tag");

/* Start of every answer. */
struct rnic_answer_header {
    uint16_t status; /* 0: Status: Result. */
    uint16_t opcode; /* 2: Opcode: Of the request. */
    uint32_t syndrome; /* 4: Syndrome: Detail, zero when OK. */
    uint64_t tag; /* 8: Of the request. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_answer_header) == 16, "size of rnic_answer_header");
RNIC_HW_ASSERT_(offsetof(struct rnic_answer_header, status) == 0, "rnic_answer_header.status");
RNIC_HW_ASSERT_(offsetof(struct rnic_answer_header, opcode) == 2, "rnic_answer_header.opcode");
RNIC_HW_ASSERT_(offsetof(struct rnic_answer_header, syndrome) == 4, "rnic_answer_header.syndrome");
RNIC_HW_ASSERT_(offsetof(struct rnic_answer_header, tag) == 8, "rnic_answer_header.tag");

/* Where a ring lies: pages of PAGE_SIZE bytes, listed. */
struct rnic_ring_description {
    uint64_t page_list; /* 0: DMA address of the page addresses, 8 bytes each, contiguous, 8-byte aligned. Read once, by this command. */
    uint32_t page_count; /* 8: Pages: exactly as many as the ring needs. */
    uint8_t log_entries; /* 12: Log2 of the number of entries. */
    uint8_t log_stride; /* 13: Log2 of the bytes of an entry: 6 to 10 for work queues, 6 for completions, 4 or 9 for events. */
    uint16_t reserved_14; /* 14: Zero. */
    uint32_t doorbell; /* 16: Slot index in BAR2: page * DOORBELL_PAGE_SLOTS + slot. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_ring_description) == 24, "size of rnic_ring_description");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, page_list) == 0, "rnic_ring_description.page_list");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, page_count) == 8, "rnic_ring_description.page_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, log_entries) == 12, "rnic_ring_description.log_entries");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, log_stride) == 13, "rnic_ring_description.log_stride");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, reserved_14) == 14, "rnic_ring_description.reserved_14");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, doorbell) == 16, "rnic_ring_description.doorbell");
RNIC_HW_ASSERT_(offsetof(struct rnic_ring_description, reserved_20) == 20, "rnic_ring_description.reserved_20");

/* Answer without a body. */
struct rnic_empty_answer {
    struct rnic_answer_header header; /* 0: Header. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_empty_answer) == 16, "size of rnic_empty_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_empty_answer, header) == 0, "rnic_empty_answer.header");

/* Request of NEGOTIATE. */
struct rnic_negotiate_request {
    struct rnic_command_header header; /* 0: Header. */
    uint16_t major; /* 16: Interface major version that the driver speaks. */
    uint16_t minor; /* 18: Highest minor version that it knows. */
    uint32_t reserved_20; /* 20: Zero. */
    uint64_t features; /* 24: Feature bits that it wants; a subset of FEATURES. */
    uint64_t parked_address; /* 32: DMA address of the parked word, 8-byte aligned; 0 without PARKING. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_negotiate_request) == 40, "size of rnic_negotiate_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, header) == 0, "rnic_negotiate_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, major) == 16, "rnic_negotiate_request.major");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, minor) == 18, "rnic_negotiate_request.minor");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, reserved_20) == 20, "rnic_negotiate_request.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, features) == 24, "rnic_negotiate_request.features");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_request, parked_address) == 32, "rnic_negotiate_request.parked_address");

/* Answer of NEGOTIATE. */
struct rnic_negotiate_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint16_t major; /* 16: Version in force. */
    uint16_t minor; /* 18: Version in force. */
    uint32_t reserved_20; /* 20: Zero. */
    uint64_t features; /* 24: Features in force. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_negotiate_answer) == 32, "size of rnic_negotiate_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_answer, header) == 0, "rnic_negotiate_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_answer, major) == 16, "rnic_negotiate_answer.major");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_answer, minor) == 18, "rnic_negotiate_answer.minor");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_answer, reserved_20) == 20, "rnic_negotiate_answer.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_negotiate_answer, features) == 24, "rnic_negotiate_answer.features");

/* Request of NOP. */
struct rnic_nop_request {
    struct rnic_command_header header; /* 0: Header. */
    uint8_t payload[48]; /* 16: Any bytes. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_nop_request) == 64, "size of rnic_nop_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_nop_request, header) == 0, "rnic_nop_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_nop_request, payload) == 16, "rnic_nop_request.payload");

/* Answer of NOP. */
struct rnic_nop_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint8_t payload[48]; /* 16: The request's bytes. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_nop_answer) == 64, "size of rnic_nop_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_nop_answer, header) == 0, "rnic_nop_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_nop_answer, payload) == 16, "rnic_nop_answer.payload");

/* Request of QUERY_DEVICE. */
struct rnic_query_device_request {
    struct rnic_command_header header; /* 0: Header. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_device_request) == 16, "size of rnic_query_device_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_device_request, header) == 0, "rnic_query_device_request.header");

/* Limits, as QUERY_DEVICE reports them. */
struct rnic_device_limits {
    uint64_t message_bytes; /* 0: Longest message. */
    uint64_t mr_bytes; /* 8: Longest memory region. */
    uint32_t pds; /* 16: Protection domains. */
    uint32_t mrs; /* 20: Memory regions. */
    uint32_t mws; /* 24: Memory windows. */
    uint32_t cqs; /* 28: Completion queues. */
    uint32_t eqs; /* 32: Event queues, the general one included. */
    uint32_t srqs; /* 36: Shared receive queues. */
    uint32_t qps; /* 40: Queue pairs. */
    uint32_t listeners; /* 44: Listeners. */
    uint32_t connections; /* 48: Connections that are not yet released. */
    uint32_t endpoints; /* 52: Reserved endpoints. */
    uint32_t addresses; /* 56: Entries of the address table. */
    uint32_t sq_log; /* 60: Largest send queue. */
    uint32_t rq_log; /* 64: Largest receive queue. */
    uint32_t srq_log; /* 68: Largest shared receive queue. */
    uint32_t cq_log; /* 72: Largest completion queue. */
    uint32_t eq_log; /* 76: Largest event queue. */
    uint32_t send_segments; /* 80: Scatter/gather entries of a send queue entry. */
    uint32_t recv_segments; /* 84: Scatter entries of a receive queue entry. */
    uint32_t inline_bytes; /* 88: Inline data of a send queue entry. */
    uint32_t mr_chunk_pages; /* 92: Pages of one ADD_MR_PAGES. */
    uint32_t mr_pages; /* 96: Quota of page addresses held for all memory regions of the device. */
    uint32_t fast_register_pages; /* 100: Pages of one fast registration. */
    uint32_t read_depth_in; /* 104: Inbound reads and atomics outstanding on a queue pair. */
    uint32_t read_depth_out; /* 108: Outbound reads and atomics outstanding on a queue pair. */
    uint32_t key_reuse_distance; /* 112: A freed key index is not given out again before this many others were freed after it, unless all others are in use. */
    uint32_t backlog; /* 116: Connection requests that a listener holds unanswered. */
    uint32_t connect_private_bytes; /* 120: Private data of CONNECT. */
    uint32_t accept_private_bytes; /* 124: Private data of ACCEPT. */
    uint32_t reject_private_bytes; /* 128: Private data of REJECT_CONNECTION. */
    uint32_t eth_queues; /* 132: Ethernet receive queues, and as many transmit queues. */
    uint32_t eth_ring_log; /* 136: Largest Ethernet queue. */
    uint32_t eth_frame_bytes; /* 140: Longest Ethernet frame, VLAN tag included, frame check sequence not. */
    uint32_t rss_table; /* 144: Entries of the RSS indirection table. */
    uint32_t multicast; /* 148: Multicast filter entries. */
    uint32_t page_sizes; /* 152: Bit n: memory regions may have pages of 2^n bytes. Bit 12 is always set. */
    uint8_t reserved_156[100]; /* 156: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_device_limits) == 256, "size of rnic_device_limits");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, message_bytes) == 0, "rnic_device_limits.message_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, mr_bytes) == 8, "rnic_device_limits.mr_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, pds) == 16, "rnic_device_limits.pds");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, mrs) == 20, "rnic_device_limits.mrs");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, mws) == 24, "rnic_device_limits.mws");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, cqs) == 28, "rnic_device_limits.cqs");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, eqs) == 32, "rnic_device_limits.eqs");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, srqs) == 36, "rnic_device_limits.srqs");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, qps) == 40, "rnic_device_limits.qps");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, listeners) == 44, "rnic_device_limits.listeners");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, connections) == 48, "rnic_device_limits.connections");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, endpoints) == 52, "rnic_device_limits.endpoints");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, addresses) == 56, "rnic_device_limits.addresses");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, sq_log) == 60, "rnic_device_limits.sq_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, rq_log) == 64, "rnic_device_limits.rq_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, srq_log) == 68, "rnic_device_limits.srq_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, cq_log) == 72, "rnic_device_limits.cq_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, eq_log) == 76, "rnic_device_limits.eq_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, send_segments) == 80, "rnic_device_limits.send_segments");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, recv_segments) == 84, "rnic_device_limits.recv_segments");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, inline_bytes) == 88, "rnic_device_limits.inline_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, mr_chunk_pages) == 92, "rnic_device_limits.mr_chunk_pages");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, mr_pages) == 96, "rnic_device_limits.mr_pages");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, fast_register_pages) == 100, "rnic_device_limits.fast_register_pages");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, read_depth_in) == 104, "rnic_device_limits.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, read_depth_out) == 108, "rnic_device_limits.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, key_reuse_distance) == 112, "rnic_device_limits.key_reuse_distance");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, backlog) == 116, "rnic_device_limits.backlog");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, connect_private_bytes) == 120, "rnic_device_limits.connect_private_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, accept_private_bytes) == 124, "rnic_device_limits.accept_private_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, reject_private_bytes) == 128, "rnic_device_limits.reject_private_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, eth_queues) == 132, "rnic_device_limits.eth_queues");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, eth_ring_log) == 136, "rnic_device_limits.eth_ring_log");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, eth_frame_bytes) == 140, "rnic_device_limits.eth_frame_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, rss_table) == 144, "rnic_device_limits.rss_table");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, multicast) == 148, "rnic_device_limits.multicast");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, page_sizes) == 152, "rnic_device_limits.page_sizes");
RNIC_HW_ASSERT_(offsetof(struct rnic_device_limits, reserved_156) == 156, "rnic_device_limits.reserved_156");

/* Answer of QUERY_DEVICE. */
struct rnic_query_device_answer {
    struct rnic_answer_header header; /* 0: Header. */
    struct rnic_device_limits limits; /* 16: Limits. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_device_answer) == 272, "size of rnic_query_device_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_device_answer, header) == 0, "rnic_query_device_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_device_answer, limits) == 16, "rnic_query_device_answer.limits");

/* Request of QUERY_PORT. */
struct rnic_query_port_request {
    struct rnic_command_header header; /* 0: Header. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_port_request) == 16, "size of rnic_query_port_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_request, header) == 0, "rnic_query_port_request.header");

/* Answer of QUERY_PORT. */
struct rnic_query_port_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint8_t mac[6]; /* 16: Current Ethernet address. */
    uint8_t state; /* 22: PortState: Link. */
    uint8_t active_mtu; /* 23: Mtu: Largest path MTU that the port's frame size allows. */
    uint32_t link_speed_mbps; /* 24: Honest speed of the port, Mbit/s. */
    uint32_t frame_bytes; /* 28: Longest Ethernet frame without frame check sequence. */
    uint64_t guid; /* 32: As NODE_GUID. */
    uint32_t reserved_40; /* 40: Zero. */
    uint32_t reserved_44; /* 44: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_port_answer) == 48, "size of rnic_query_port_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, header) == 0, "rnic_query_port_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, mac) == 16, "rnic_query_port_answer.mac");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, state) == 22, "rnic_query_port_answer.state");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, active_mtu) == 23, "rnic_query_port_answer.active_mtu");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, link_speed_mbps) == 24, "rnic_query_port_answer.link_speed_mbps");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, frame_bytes) == 28, "rnic_query_port_answer.frame_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, guid) == 32, "rnic_query_port_answer.guid");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, reserved_40) == 40, "rnic_query_port_answer.reserved_40");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_port_answer, reserved_44) == 44, "rnic_query_port_answer.reserved_44");

/* Request of QUERY_COUNTERS. */
struct rnic_query_counters_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t first; /* 16: Index of the first counter. */
    uint32_t count; /* 20: Number of counters, 1 to 128. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_counters_request) == 24, "size of rnic_query_counters_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_request, header) == 0, "rnic_query_counters_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_request, first) == 16, "rnic_query_counters_request.first");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_request, count) == 20, "rnic_query_counters_request.count");

/* Answer of QUERY_COUNTERS. */
struct rnic_query_counters_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t count; /* 16: Counters that follow and mean something. */
    uint32_t reserved_20; /* 20: Zero. */
    uint64_t values[128]; /* 24: Values, from `first` on; zero past the last. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_counters_answer) == 1048, "size of rnic_query_counters_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_answer, header) == 0, "rnic_query_counters_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_answer, count) == 16, "rnic_query_counters_answer.count");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_answer, reserved_20) == 20, "rnic_query_counters_answer.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_counters_answer, values) == 24, "rnic_query_counters_answer.values");

/* Request of CREATE_PD. */
struct rnic_create_pd_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t flags; /* 16: PdFlags: Kind. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_pd_request) == 24, "size of rnic_create_pd_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_request, header) == 0, "rnic_create_pd_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_request, flags) == 16, "rnic_create_pd_request.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_request, reserved_20) == 20, "rnic_create_pd_request.reserved_20");

/* Answer of CREATE_PD. */
struct rnic_create_pd_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t pd; /* 16: Handle. */
    uint32_t privileged_key; /* 20: The privileged key; 0 unless flags.privileged. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_pd_answer) == 24, "size of rnic_create_pd_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_answer, header) == 0, "rnic_create_pd_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_answer, pd) == 16, "rnic_create_pd_answer.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_pd_answer, privileged_key) == 20, "rnic_create_pd_answer.privileged_key");

/* Request of DESTROY_PD. */
struct rnic_destroy_pd_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_pd_request) == 24, "size of rnic_destroy_pd_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_pd_request, header) == 0, "rnic_destroy_pd_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_pd_request, pd) == 16, "rnic_destroy_pd_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_pd_request, reserved_20) == 20, "rnic_destroy_pd_request.reserved_20");

/* Request of BEGIN_MR. */
struct rnic_begin_mr_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Protection domain. */
    uint32_t access; /* 20: AccessFlags: Rights. */
    uint64_t base; /* 24: Virtual address of the first byte. */
    uint64_t length; /* 32: Bytes. */
    uint32_t first_offset; /* 40: Offset of the first byte in the first page; equals base modulo the page size. */
    uint32_t page_count; /* 44: Pages that will be added. */
    uint8_t log_page_bytes; /* 48: Log2 of the page size, one of DeviceLimits.page_sizes. */
    uint8_t reserved_49[7]; /* 49: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_begin_mr_request) == 56, "size of rnic_begin_mr_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, header) == 0, "rnic_begin_mr_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, pd) == 16, "rnic_begin_mr_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, access) == 20, "rnic_begin_mr_request.access");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, base) == 24, "rnic_begin_mr_request.base");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, length) == 32, "rnic_begin_mr_request.length");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, first_offset) == 40, "rnic_begin_mr_request.first_offset");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, page_count) == 44, "rnic_begin_mr_request.page_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, log_page_bytes) == 48, "rnic_begin_mr_request.log_page_bytes");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_request, reserved_49) == 49, "rnic_begin_mr_request.reserved_49");

/* Answer of BEGIN_MR. */
struct rnic_begin_mr_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t key; /* 16: Key, not usable before COMMIT_MR. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_begin_mr_answer) == 24, "size of rnic_begin_mr_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_answer, header) == 0, "rnic_begin_mr_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_answer, key) == 16, "rnic_begin_mr_answer.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_begin_mr_answer, reserved_20) == 20, "rnic_begin_mr_answer.reserved_20");

/* Request of ADD_MR_PAGES. */
struct rnic_add_mr_pages_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t key; /* 16: Key from BEGIN_MR. */
    uint32_t first; /* 20: Index of the first page given: the number given before. */
    uint32_t count; /* 24: Pages given, up to LIMIT_MR_CHUNK_PAGES. */
    uint32_t reserved_28; /* 28: Zero. */
    uint64_t list; /* 32: DMA address of the page addresses, 8 bytes each, 8-byte aligned. Read once, by this command. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_add_mr_pages_request) == 40, "size of rnic_add_mr_pages_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, header) == 0, "rnic_add_mr_pages_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, key) == 16, "rnic_add_mr_pages_request.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, first) == 20, "rnic_add_mr_pages_request.first");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, count) == 24, "rnic_add_mr_pages_request.count");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, reserved_28) == 28, "rnic_add_mr_pages_request.reserved_28");
RNIC_HW_ASSERT_(offsetof(struct rnic_add_mr_pages_request, list) == 32, "rnic_add_mr_pages_request.list");

/* Request of COMMIT_MR. */
struct rnic_commit_mr_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t key; /* 16: Key from BEGIN_MR. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_commit_mr_request) == 24, "size of rnic_commit_mr_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_commit_mr_request, header) == 0, "rnic_commit_mr_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_commit_mr_request, key) == 16, "rnic_commit_mr_request.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_commit_mr_request, reserved_20) == 20, "rnic_commit_mr_request.reserved_20");

/* Request of CREATE_FAST_MR. */
struct rnic_create_fast_mr_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Protection domain. */
    uint32_t max_pages; /* 20: Pages of the largest registration; charged now. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_fast_mr_request) == 24, "size of rnic_create_fast_mr_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_request, header) == 0, "rnic_create_fast_mr_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_request, pd) == 16, "rnic_create_fast_mr_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_request, max_pages) == 20, "rnic_create_fast_mr_request.max_pages");

/* Answer of CREATE_FAST_MR. */
struct rnic_create_fast_mr_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t key; /* 16: Index and first variant; FREE until FAST_REGISTER. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_fast_mr_answer) == 24, "size of rnic_create_fast_mr_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_answer, header) == 0, "rnic_create_fast_mr_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_answer, key) == 16, "rnic_create_fast_mr_answer.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_fast_mr_answer, reserved_20) == 20, "rnic_create_fast_mr_answer.reserved_20");

/* Request of DESTROY_MR. */
struct rnic_destroy_mr_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t key; /* 16: Index of the region, any variant. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_mr_request) == 24, "size of rnic_destroy_mr_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mr_request, header) == 0, "rnic_destroy_mr_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mr_request, key) == 16, "rnic_destroy_mr_request.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mr_request, reserved_20) == 20, "rnic_destroy_mr_request.reserved_20");

/* Request of CREATE_MW. */
struct rnic_create_mw_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Protection domain. */
    uint8_t mw_type; /* 20: MwType: Type. */
    uint8_t reserved_21[3]; /* 21: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_mw_request) == 24, "size of rnic_create_mw_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_request, header) == 0, "rnic_create_mw_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_request, pd) == 16, "rnic_create_mw_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_request, mw_type) == 20, "rnic_create_mw_request.mw_type");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_request, reserved_21) == 21, "rnic_create_mw_request.reserved_21");

/* Answer of CREATE_MW. */
struct rnic_create_mw_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t key; /* 16: Index and first variant; FREE until bound. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_mw_answer) == 24, "size of rnic_create_mw_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_answer, header) == 0, "rnic_create_mw_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_answer, key) == 16, "rnic_create_mw_answer.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_mw_answer, reserved_20) == 20, "rnic_create_mw_answer.reserved_20");

/* Request of DESTROY_MW. */
struct rnic_destroy_mw_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t key; /* 16: Index of the window, any variant. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_mw_request) == 24, "size of rnic_destroy_mw_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mw_request, header) == 0, "rnic_destroy_mw_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mw_request, key) == 16, "rnic_destroy_mw_request.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_mw_request, reserved_20) == 20, "rnic_destroy_mw_request.reserved_20");

/* Request of CREATE_EQ. */
struct rnic_create_eq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint8_t kind; /* 16: EqKind: What it holds. */
    uint8_t reserved_17; /* 17: Zero. */
    uint16_t vector; /* 18: Interrupt vector, or VECTOR_NONE. */
    uint32_t reserved_20; /* 20: Zero. */
    struct rnic_ring_description ring; /* 24: Ring; log_stride 4 for completion events, 9 for general events. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_eq_request) == 48, "size of rnic_create_eq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, header) == 0, "rnic_create_eq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, kind) == 16, "rnic_create_eq_request.kind");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, reserved_17) == 17, "rnic_create_eq_request.reserved_17");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, vector) == 18, "rnic_create_eq_request.vector");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, reserved_20) == 20, "rnic_create_eq_request.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_request, ring) == 24, "rnic_create_eq_request.ring");

/* Answer of CREATE_EQ. */
struct rnic_create_eq_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t eqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_eq_answer) == 24, "size of rnic_create_eq_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_answer, header) == 0, "rnic_create_eq_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_answer, eqn) == 16, "rnic_create_eq_answer.eqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eq_answer, reserved_20) == 20, "rnic_create_eq_answer.reserved_20");

/* Request of DESTROY_EQ. */
struct rnic_destroy_eq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t eqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_eq_request) == 24, "size of rnic_destroy_eq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eq_request, header) == 0, "rnic_destroy_eq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eq_request, eqn) == 16, "rnic_destroy_eq_request.eqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eq_request, reserved_20) == 20, "rnic_destroy_eq_request.reserved_20");

/* Request of CREATE_CQ. */
struct rnic_create_cq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t eqn; /* 16: Completion event queue. */
    uint32_t reserved_20; /* 20: Zero. */
    uint64_t context; /* 24: Returned by general events about it. */
    struct rnic_ring_description ring; /* 32: Ring, log_stride 6. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_cq_request) == 56, "size of rnic_create_cq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_request, header) == 0, "rnic_create_cq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_request, eqn) == 16, "rnic_create_cq_request.eqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_request, reserved_20) == 20, "rnic_create_cq_request.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_request, context) == 24, "rnic_create_cq_request.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_request, ring) == 32, "rnic_create_cq_request.ring");

/* Answer of CREATE_CQ. */
struct rnic_create_cq_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t cqn; /* 16: Handle. */
    uint32_t generation; /* 20: Generation of the handle. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_cq_answer) == 24, "size of rnic_create_cq_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_answer, header) == 0, "rnic_create_cq_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_answer, cqn) == 16, "rnic_create_cq_answer.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_cq_answer, generation) == 20, "rnic_create_cq_answer.generation");

/* Request of RESIZE_CQ. */
struct rnic_resize_cq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t cqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
    struct rnic_ring_description ring; /* 24: New ring; doorbell as before. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_resize_cq_request) == 48, "size of rnic_resize_cq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_request, header) == 0, "rnic_resize_cq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_request, cqn) == 16, "rnic_resize_cq_request.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_request, reserved_20) == 20, "rnic_resize_cq_request.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_request, ring) == 24, "rnic_resize_cq_request.ring");

/* Answer of RESIZE_CQ. */
struct rnic_resize_cq_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t switch_index; /* 16: Free-running index of the first entry of the new ring; entries before it lie in the old one no more: all unconsumed ones were moved. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_resize_cq_answer) == 24, "size of rnic_resize_cq_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_answer, header) == 0, "rnic_resize_cq_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_answer, switch_index) == 16, "rnic_resize_cq_answer.switch_index");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_cq_answer, reserved_20) == 20, "rnic_resize_cq_answer.reserved_20");

/* Request of MODERATE_CQ. */
struct rnic_moderate_cq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t cqn; /* 16: Handle. */
    uint32_t count; /* 20: Signal after so many completions; 0 or 1: at once; 0xFFFFFFFF: never by count. */
    uint32_t interval_us; /* 24: Or after so many microseconds since the first; 0: at once; 0xFFFFFFFF: never by time. */
    uint32_t reserved_28; /* 28: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_moderate_cq_request) == 32, "size of rnic_moderate_cq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_moderate_cq_request, header) == 0, "rnic_moderate_cq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_moderate_cq_request, cqn) == 16, "rnic_moderate_cq_request.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_moderate_cq_request, count) == 20, "rnic_moderate_cq_request.count");
RNIC_HW_ASSERT_(offsetof(struct rnic_moderate_cq_request, interval_us) == 24, "rnic_moderate_cq_request.interval_us");
RNIC_HW_ASSERT_(offsetof(struct rnic_moderate_cq_request, reserved_28) == 28, "rnic_moderate_cq_request.reserved_28");

/* Request of DESTROY_CQ. */
struct rnic_destroy_cq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t cqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_cq_request) == 24, "size of rnic_destroy_cq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_request, header) == 0, "rnic_destroy_cq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_request, cqn) == 16, "rnic_destroy_cq_request.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_request, reserved_20) == 20, "rnic_destroy_cq_request.reserved_20");

/* Answer of DESTROY_CQ. */
struct rnic_destroy_cq_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t eq_index; /* 16: Producer index of the event queue after the last event about it. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_cq_answer) == 24, "size of rnic_destroy_cq_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_answer, header) == 0, "rnic_destroy_cq_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_answer, eq_index) == 16, "rnic_destroy_cq_answer.eq_index");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_cq_answer, reserved_20) == 20, "rnic_destroy_cq_answer.reserved_20");

/* Request of CREATE_SRQ. */
struct rnic_create_srq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Protection domain. */
    uint32_t limit; /* 20: Raise SRQ_LIMIT once when fewer entries are left; 0: never. */
    uint64_t context; /* 24: Returned in events. */
    uint64_t retired_address; /* 32: DMA address of the retired-count word, 8-byte aligned. */
    uint16_t max_segments; /* 40: Scatter entries of an entry. */
    uint8_t reserved_42[6]; /* 42: Zero. */
    struct rnic_ring_description ring; /* 48: Ring. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_srq_request) == 72, "size of rnic_create_srq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, header) == 0, "rnic_create_srq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, pd) == 16, "rnic_create_srq_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, limit) == 20, "rnic_create_srq_request.limit");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, context) == 24, "rnic_create_srq_request.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, retired_address) == 32, "rnic_create_srq_request.retired_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, max_segments) == 40, "rnic_create_srq_request.max_segments");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, reserved_42) == 42, "rnic_create_srq_request.reserved_42");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_request, ring) == 48, "rnic_create_srq_request.ring");

/* Answer of CREATE_SRQ. */
struct rnic_create_srq_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t srqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_srq_answer) == 24, "size of rnic_create_srq_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_answer, header) == 0, "rnic_create_srq_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_answer, srqn) == 16, "rnic_create_srq_answer.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_srq_answer, reserved_20) == 20, "rnic_create_srq_answer.reserved_20");

/* Request of MODIFY_SRQ. */
struct rnic_modify_srq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t srqn; /* 16: Handle. */
    uint32_t limit; /* 20: New limit; arms SRQ_LIMIT again; 0 disarms. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_modify_srq_request) == 24, "size of rnic_modify_srq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_srq_request, header) == 0, "rnic_modify_srq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_srq_request, srqn) == 16, "rnic_modify_srq_request.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_srq_request, limit) == 20, "rnic_modify_srq_request.limit");

/* Request of RESIZE_SRQ. */
struct rnic_resize_srq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t srqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
    struct rnic_ring_description ring; /* 24: New ring, to which the driver has copied every outstanding entry; doorbell and stride as before. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_resize_srq_request) == 48, "size of rnic_resize_srq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_srq_request, header) == 0, "rnic_resize_srq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_srq_request, srqn) == 16, "rnic_resize_srq_request.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_srq_request, reserved_20) == 20, "rnic_resize_srq_request.reserved_20");
RNIC_HW_ASSERT_(offsetof(struct rnic_resize_srq_request, ring) == 24, "rnic_resize_srq_request.ring");

/* Request of DESTROY_SRQ. */
struct rnic_destroy_srq_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t srqn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_srq_request) == 24, "size of rnic_destroy_srq_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_srq_request, header) == 0, "rnic_destroy_srq_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_srq_request, srqn) == 16, "rnic_destroy_srq_request.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_srq_request, reserved_20) == 20, "rnic_destroy_srq_request.reserved_20");

/* Request of CREATE_QP. */
struct rnic_create_qp_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t pd; /* 16: Protection domain. */
    uint32_t flags; /* 20: QpFlags: Options. */
    uint8_t qp_type; /* 24: QpType: Transport service. */
    uint8_t reserved_25; /* 25: Zero. */
    uint16_t max_send_segments; /* 26: Segments of a send queue entry. */
    uint16_t max_recv_segments; /* 28: Segments of a receive queue entry; 0 with flags.srq. */
    uint16_t max_inline; /* 30: Inline bytes of a send queue entry. */
    uint32_t send_cqn; /* 32: Completion queue of the send queue. */
    uint32_t recv_cqn; /* 36: Completion queue of the receive queue. */
    uint32_t srqn; /* 40: Shared receive queue, with flags.srq. */
    uint32_t qpn; /* 44: Wanted number: 1 with GUEST_QP1 and type UD, else 0: the device chooses. */
    uint64_t context; /* 48: Returned in events. */
    uint64_t send_retired_address; /* 56: DMA address of the send queue's retired-count word, 8-byte aligned. */
    uint64_t recv_retired_address; /* 64: The receive queue's; 0 with flags.srq. */
    struct rnic_ring_description send_ring; /* 72: Send queue. */
    struct rnic_ring_description recv_ring; /* 96: Receive queue; all zero with flags.srq. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_qp_request) == 120, "size of rnic_create_qp_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, header) == 0, "rnic_create_qp_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, pd) == 16, "rnic_create_qp_request.pd");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, flags) == 20, "rnic_create_qp_request.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, qp_type) == 24, "rnic_create_qp_request.qp_type");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, reserved_25) == 25, "rnic_create_qp_request.reserved_25");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, max_send_segments) == 26, "rnic_create_qp_request.max_send_segments");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, max_recv_segments) == 28, "rnic_create_qp_request.max_recv_segments");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, max_inline) == 30, "rnic_create_qp_request.max_inline");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, send_cqn) == 32, "rnic_create_qp_request.send_cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, recv_cqn) == 36, "rnic_create_qp_request.recv_cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, srqn) == 40, "rnic_create_qp_request.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, qpn) == 44, "rnic_create_qp_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, context) == 48, "rnic_create_qp_request.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, send_retired_address) == 56, "rnic_create_qp_request.send_retired_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, recv_retired_address) == 64, "rnic_create_qp_request.recv_retired_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, send_ring) == 72, "rnic_create_qp_request.send_ring");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_request, recv_ring) == 96, "rnic_create_qp_request.recv_ring");

/* Answer of CREATE_QP. */
struct rnic_create_qp_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t qpn; /* 16: Handle, 24 bits. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_qp_answer) == 24, "size of rnic_create_qp_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_answer, header) == 0, "rnic_create_qp_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_answer, qpn) == 16, "rnic_create_qp_answer.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_qp_answer, reserved_20) == 20, "rnic_create_qp_answer.reserved_20");

/* Request of MODIFY_QP. */
struct rnic_modify_qp_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t qpn; /* 16: Handle. */
    uint32_t mask; /* 20: ModifyMask: Fields that mean something. */
    uint8_t state; /* 24: QpState: New state. */
    uint8_t path_mtu; /* 25: Mtu: Path MTU. */
    uint8_t read_depth_in; /* 26: Inbound reads and atomics. */
    uint8_t read_depth_out; /* 27: Outbound reads and atomics. */
    uint8_t retry_count; /* 28: Transport retries, 0 to 7. */
    uint8_t rnr_retry; /* 29: RNR retries, 0 to 7; 7: for ever. */
    uint8_t min_rnr_timer; /* 30: RNR timer code that we send, 0 to 31. */
    uint8_t ack_timeout; /* 31: Local ACK timeout code, 0 to 31; 0: none. */
    uint32_t peer_qpn; /* 32: Peer's queue pair, 24 bits. */
    uint32_t send_psn; /* 36: First PSN sent, 24 bits. */
    uint32_t recv_psn; /* 40: First PSN expected, 24 bits. */
    uint32_t qkey; /* 44: Queue key (UD). */
    uint16_t local_address; /* 48: Index in the address table. */
    uint16_t udp_source_port; /* 50: 49152 to 65535. */
    uint32_t access; /* 52: AccessFlags: What peers may do through this queue pair: remote_read, remote_write, remote_atomic. */
    uint8_t peer_address[16]; /* 56: Peer's address, IPv4 as ::ffff:a.b.c.d. */
    uint8_t next_hop[6]; /* 72: Ethernet address of the next hop, with mask.next_hop. */
    uint8_t traffic_class; /* 78: Traffic class. */
    uint8_t hop_limit; /* 79: Hop limit. */
    uint32_t flow_label; /* 80: 20 bits. */
    uint32_t flags; /* 84: QpAttributeFlags: Switches, with mask.flow_control. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_modify_qp_request) == 88, "size of rnic_modify_qp_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, header) == 0, "rnic_modify_qp_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, qpn) == 16, "rnic_modify_qp_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, mask) == 20, "rnic_modify_qp_request.mask");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, state) == 24, "rnic_modify_qp_request.state");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, path_mtu) == 25, "rnic_modify_qp_request.path_mtu");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, read_depth_in) == 26, "rnic_modify_qp_request.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, read_depth_out) == 27, "rnic_modify_qp_request.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, retry_count) == 28, "rnic_modify_qp_request.retry_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, rnr_retry) == 29, "rnic_modify_qp_request.rnr_retry");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, min_rnr_timer) == 30, "rnic_modify_qp_request.min_rnr_timer");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, ack_timeout) == 31, "rnic_modify_qp_request.ack_timeout");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, peer_qpn) == 32, "rnic_modify_qp_request.peer_qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, send_psn) == 36, "rnic_modify_qp_request.send_psn");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, recv_psn) == 40, "rnic_modify_qp_request.recv_psn");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, qkey) == 44, "rnic_modify_qp_request.qkey");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, local_address) == 48, "rnic_modify_qp_request.local_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, udp_source_port) == 50, "rnic_modify_qp_request.udp_source_port");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, access) == 52, "rnic_modify_qp_request.access");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, peer_address) == 56, "rnic_modify_qp_request.peer_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, next_hop) == 72, "rnic_modify_qp_request.next_hop");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, traffic_class) == 78, "rnic_modify_qp_request.traffic_class");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, hop_limit) == 79, "rnic_modify_qp_request.hop_limit");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, flow_label) == 80, "rnic_modify_qp_request.flow_label");
RNIC_HW_ASSERT_(offsetof(struct rnic_modify_qp_request, flags) == 84, "rnic_modify_qp_request.flags");

/* Request of QUERY_QP. */
struct rnic_query_qp_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t qpn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_qp_request) == 24, "size of rnic_query_qp_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_request, header) == 0, "rnic_query_qp_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_request, qpn) == 16, "rnic_query_qp_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_request, reserved_20) == 20, "rnic_query_qp_request.reserved_20");

/* Answer of QUERY_QP. */
struct rnic_query_qp_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint8_t state; /* 16: QpState: State. */
    uint8_t qp_type; /* 17: QpType: Transport service. */
    uint8_t path_mtu; /* 18: Mtu: Path MTU. */
    uint8_t reserved_19; /* 19: Zero. */
    uint32_t peer_qpn; /* 20: Peer's queue pair. */
    uint32_t send_psn; /* 24: Next PSN to send. */
    uint32_t recv_psn; /* 28: Next PSN expected. */
    uint32_t send_retired; /* 32: Retired entries of the send queue. */
    uint32_t recv_retired; /* 36: Retired entries of the receive queue. */
    uint32_t send_fetched; /* 40: Entries fetched of the send queue. */
    uint32_t recv_fetched; /* 44: Entries fetched of the receive queue. */
    uint32_t connection; /* 48: Connection that owns it, or 0. */
    uint32_t error; /* 52: ProviderError: Why it is in ERROR, or NONE. */
    uint8_t peer_address[16]; /* 56: Peer's address. */
    uint8_t read_depth_in; /* 72: In force. */
    uint8_t read_depth_out; /* 73: In force. */
    uint8_t reserved_74[6]; /* 74: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_query_qp_answer) == 80, "size of rnic_query_qp_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, header) == 0, "rnic_query_qp_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, state) == 16, "rnic_query_qp_answer.state");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, qp_type) == 17, "rnic_query_qp_answer.qp_type");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, path_mtu) == 18, "rnic_query_qp_answer.path_mtu");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, reserved_19) == 19, "rnic_query_qp_answer.reserved_19");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, peer_qpn) == 20, "rnic_query_qp_answer.peer_qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, send_psn) == 24, "rnic_query_qp_answer.send_psn");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, recv_psn) == 28, "rnic_query_qp_answer.recv_psn");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, send_retired) == 32, "rnic_query_qp_answer.send_retired");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, recv_retired) == 36, "rnic_query_qp_answer.recv_retired");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, send_fetched) == 40, "rnic_query_qp_answer.send_fetched");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, recv_fetched) == 44, "rnic_query_qp_answer.recv_fetched");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, connection) == 48, "rnic_query_qp_answer.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, error) == 52, "rnic_query_qp_answer.error");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, peer_address) == 56, "rnic_query_qp_answer.peer_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, read_depth_in) == 72, "rnic_query_qp_answer.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, read_depth_out) == 73, "rnic_query_qp_answer.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_query_qp_answer, reserved_74) == 74, "rnic_query_qp_answer.reserved_74");

/* Request of FLUSH_QP. */
struct rnic_flush_qp_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t qpn; /* 16: Handle. */
    uint32_t flags; /* 20: FlushFlags: Which queues. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_flush_qp_request) == 24, "size of rnic_flush_qp_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_request, header) == 0, "rnic_flush_qp_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_request, qpn) == 16, "rnic_flush_qp_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_request, flags) == 20, "rnic_flush_qp_request.flags");

/* Answer of FLUSH_QP. */
struct rnic_flush_qp_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t send_flushed; /* 16: Producer index up to which the send queue was flushed. */
    uint32_t recv_flushed; /* 20: Same for the receive queue. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_flush_qp_answer) == 24, "size of rnic_flush_qp_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_answer, header) == 0, "rnic_flush_qp_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_answer, send_flushed) == 16, "rnic_flush_qp_answer.send_flushed");
RNIC_HW_ASSERT_(offsetof(struct rnic_flush_qp_answer, recv_flushed) == 20, "rnic_flush_qp_answer.recv_flushed");

/* Request of DESTROY_QP. */
struct rnic_destroy_qp_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t qpn; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_qp_request) == 24, "size of rnic_destroy_qp_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_qp_request, header) == 0, "rnic_destroy_qp_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_qp_request, qpn) == 16, "rnic_destroy_qp_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_qp_request, reserved_20) == 20, "rnic_destroy_qp_request.reserved_20");

/* Request of SET_ADDRESS. */
struct rnic_set_address_request {
    struct rnic_command_header header; /* 0: Header. */
    uint16_t index; /* 16: Entry of the address table. */
    uint8_t family; /* 18: Family: IPv4 or IPv6. */
    uint8_t prefix; /* 19: Prefix length. */
    uint16_t vlan; /* 20: VLAN id 1 to 4094, with flags.vlan; else 0. */
    uint8_t flags; /* 22: AddressFlags: Options. */
    uint8_t reserved_23; /* 23: Zero. */
    uint8_t address[16]; /* 24: Address, IPv4 as ::ffff:a.b.c.d. */
    uint8_t gateway[16]; /* 40: Default gateway with flags.gateway; else zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_set_address_request) == 56, "size of rnic_set_address_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, header) == 0, "rnic_set_address_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, index) == 16, "rnic_set_address_request.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, family) == 18, "rnic_set_address_request.family");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, prefix) == 19, "rnic_set_address_request.prefix");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, vlan) == 20, "rnic_set_address_request.vlan");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, flags) == 22, "rnic_set_address_request.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, reserved_23) == 23, "rnic_set_address_request.reserved_23");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, address) == 24, "rnic_set_address_request.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_address_request, gateway) == 40, "rnic_set_address_request.gateway");

/* Request of CLEAR_ADDRESS. */
struct rnic_clear_address_request {
    struct rnic_command_header header; /* 0: Header. */
    uint16_t index; /* 16: Entry of the address table. */
    uint8_t reserved_18[6]; /* 18: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_clear_address_request) == 24, "size of rnic_clear_address_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_clear_address_request, header) == 0, "rnic_clear_address_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_clear_address_request, index) == 16, "rnic_clear_address_request.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_clear_address_request, reserved_18) == 18, "rnic_clear_address_request.reserved_18");

/* Request of RESERVE_ENDPOINT. */
struct rnic_reserve_endpoint_request {
    struct rnic_command_header header; /* 0: Header. */
    uint16_t address; /* 16: Index in the address table. */
    uint16_t port; /* 18: Port; 0 takes one from EPHEMERAL_PORT_FIRST to EPHEMERAL_PORT_LAST. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_reserve_endpoint_request) == 24, "size of rnic_reserve_endpoint_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_request, header) == 0, "rnic_reserve_endpoint_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_request, address) == 16, "rnic_reserve_endpoint_request.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_request, port) == 18, "rnic_reserve_endpoint_request.port");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_request, reserved_20) == 20, "rnic_reserve_endpoint_request.reserved_20");

/* Answer of RESERVE_ENDPOINT. */
struct rnic_reserve_endpoint_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t endpoint; /* 16: Handle; holds one reference. */
    uint16_t port; /* 20: Port. */
    uint16_t reserved_22; /* 22: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_reserve_endpoint_answer) == 24, "size of rnic_reserve_endpoint_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_answer, header) == 0, "rnic_reserve_endpoint_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_answer, endpoint) == 16, "rnic_reserve_endpoint_answer.endpoint");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_answer, port) == 20, "rnic_reserve_endpoint_answer.port");
RNIC_HW_ASSERT_(offsetof(struct rnic_reserve_endpoint_answer, reserved_22) == 22, "rnic_reserve_endpoint_answer.reserved_22");

/* Request of RELEASE_ENDPOINT. */
struct rnic_release_endpoint_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t endpoint; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_release_endpoint_request) == 24, "size of rnic_release_endpoint_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_endpoint_request, header) == 0, "rnic_release_endpoint_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_endpoint_request, endpoint) == 16, "rnic_release_endpoint_request.endpoint");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_endpoint_request, reserved_20) == 20, "rnic_release_endpoint_request.reserved_20");

/* Request of LISTEN. */
struct rnic_listen_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t endpoint; /* 16: Endpoint. */
    uint32_t backlog; /* 20: Unanswered requests held, 1 to LIMIT_BACKLOG. */
    uint64_t cookie; /* 24: Returned in its events. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_listen_request) == 32, "size of rnic_listen_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_request, header) == 0, "rnic_listen_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_request, endpoint) == 16, "rnic_listen_request.endpoint");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_request, backlog) == 20, "rnic_listen_request.backlog");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_request, cookie) == 24, "rnic_listen_request.cookie");

/* Answer of LISTEN. */
struct rnic_listen_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t listener; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_listen_answer) == 24, "size of rnic_listen_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_answer, header) == 0, "rnic_listen_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_answer, listener) == 16, "rnic_listen_answer.listener");
RNIC_HW_ASSERT_(offsetof(struct rnic_listen_answer, reserved_20) == 20, "rnic_listen_answer.reserved_20");

/* Request of PAUSE_LISTENER. */
struct rnic_pause_listener_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t listener; /* 16: Handle. */
    uint32_t paused; /* 20: 1: refuse as if nobody listened. 0: go on. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_pause_listener_request) == 24, "size of rnic_pause_listener_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_pause_listener_request, header) == 0, "rnic_pause_listener_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_pause_listener_request, listener) == 16, "rnic_pause_listener_request.listener");
RNIC_HW_ASSERT_(offsetof(struct rnic_pause_listener_request, paused) == 20, "rnic_pause_listener_request.paused");

/* Request of DESTROY_LISTENER. */
struct rnic_destroy_listener_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t listener; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_listener_request) == 24, "size of rnic_destroy_listener_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_listener_request, header) == 0, "rnic_destroy_listener_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_listener_request, listener) == 16, "rnic_destroy_listener_request.listener");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_listener_request, reserved_20) == 20, "rnic_destroy_listener_request.reserved_20");

/* Request of CONNECT. */
struct rnic_connect_request {
    struct rnic_command_header header; /* 0: Header. */
    uint64_t cookie; /* 16: Returned in every event of this connection. */
    uint32_t qpn; /* 24: Queue pair, in INIT, of type RC. */
    uint32_t endpoint; /* 28: Local endpoint, or 0: an ephemeral port of `address`. */
    uint32_t flags; /* 32: ConnectFlags: Options. */
    uint16_t address; /* 36: Index in the address table, when endpoint is 0. */
    uint16_t port; /* 38: Destination port. */
    uint8_t destination[16]; /* 40: Destination address, IPv4 as ::ffff:a.b.c.d. */
    uint8_t read_depth_in; /* 56: Reads and atomics that we take. */
    uint8_t read_depth_out; /* 57: Reads and atomics that we want outstanding. */
    uint8_t retry_count; /* 58: Transport retries, 0 to 7. */
    uint8_t rnr_retry; /* 59: RNR retries, 0 to 7. */
    uint8_t path_mtu; /* 60: Mtu: Largest path MTU; 0: the port's. */
    uint8_t traffic_class; /* 61: Traffic class. */
    uint8_t next_hop[6]; /* 62: Next hop, with flags.next_hop. */
    uint16_t private_length; /* 68: Bytes of private data, up to LIMIT_CONNECT_PRIVATE_BYTES. */
    uint16_t reserved_70; /* 70: Zero. */
    uint8_t private_data[56]; /* 72: Private data. */
    uint8_t reserved_128[8]; /* 128: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_connect_request) == 136, "size of rnic_connect_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, header) == 0, "rnic_connect_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, cookie) == 16, "rnic_connect_request.cookie");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, qpn) == 24, "rnic_connect_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, endpoint) == 28, "rnic_connect_request.endpoint");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, flags) == 32, "rnic_connect_request.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, address) == 36, "rnic_connect_request.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, port) == 38, "rnic_connect_request.port");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, destination) == 40, "rnic_connect_request.destination");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, read_depth_in) == 56, "rnic_connect_request.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, read_depth_out) == 57, "rnic_connect_request.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, retry_count) == 58, "rnic_connect_request.retry_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, rnr_retry) == 59, "rnic_connect_request.rnr_retry");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, path_mtu) == 60, "rnic_connect_request.path_mtu");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, traffic_class) == 61, "rnic_connect_request.traffic_class");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, next_hop) == 62, "rnic_connect_request.next_hop");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, private_length) == 68, "rnic_connect_request.private_length");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, reserved_70) == 70, "rnic_connect_request.reserved_70");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, private_data) == 72, "rnic_connect_request.private_data");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_request, reserved_128) == 128, "rnic_connect_request.reserved_128");

/* Answer of CONNECT. */
struct rnic_connect_answer {
    struct rnic_answer_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle. */
    uint16_t port; /* 20: Local port. */
    uint16_t reserved_22; /* 22: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_connect_answer) == 24, "size of rnic_connect_answer");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_answer, header) == 0, "rnic_connect_answer.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_answer, connection) == 16, "rnic_connect_answer.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_answer, port) == 20, "rnic_connect_answer.port");
RNIC_HW_ASSERT_(offsetof(struct rnic_connect_answer, reserved_22) == 22, "rnic_connect_answer.reserved_22");

/* Request of COMPLETE_CONNECT. */
struct rnic_complete_connect_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle, after CONNECT_REPLY. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_complete_connect_request) == 24, "size of rnic_complete_connect_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_complete_connect_request, header) == 0, "rnic_complete_connect_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_complete_connect_request, connection) == 16, "rnic_complete_connect_request.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_complete_connect_request, reserved_20) == 20, "rnic_complete_connect_request.reserved_20");

/* Request of ACCEPT. */
struct rnic_accept_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle, from CONNECT_REQUEST. */
    uint32_t qpn; /* 20: Queue pair, in INIT, of type RC. */
    uint64_t cookie; /* 24: Returned in every later event of this connection. */
    uint8_t read_depth_in; /* 32: Reads and atomics that we take. */
    uint8_t read_depth_out; /* 33: Reads and atomics that we want outstanding. */
    uint8_t rnr_retry; /* 34: RNR retries, 0 to 7. */
    uint8_t reserved_35; /* 35: Zero. */
    uint16_t private_length; /* 36: Bytes of private data, up to LIMIT_ACCEPT_PRIVATE_BYTES. */
    uint16_t reserved_38; /* 38: Zero. */
    uint8_t private_data[196]; /* 40: Private data. */
    uint8_t reserved_236[4]; /* 236: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_accept_request) == 240, "size of rnic_accept_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, header) == 0, "rnic_accept_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, connection) == 16, "rnic_accept_request.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, qpn) == 20, "rnic_accept_request.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, cookie) == 24, "rnic_accept_request.cookie");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, read_depth_in) == 32, "rnic_accept_request.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, read_depth_out) == 33, "rnic_accept_request.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, rnr_retry) == 34, "rnic_accept_request.rnr_retry");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, reserved_35) == 35, "rnic_accept_request.reserved_35");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, private_length) == 36, "rnic_accept_request.private_length");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, reserved_38) == 38, "rnic_accept_request.reserved_38");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, private_data) == 40, "rnic_accept_request.private_data");
RNIC_HW_ASSERT_(offsetof(struct rnic_accept_request, reserved_236) == 236, "rnic_accept_request.reserved_236");

/* Request of REJECT_CONNECTION. */
struct rnic_reject_connection_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle, after CONNECT_REQUEST or CONNECT_REPLY. */
    uint16_t private_length; /* 20: Bytes of private data, up to LIMIT_REJECT_PRIVATE_BYTES. */
    uint16_t reserved_22; /* 22: Zero. */
    uint8_t private_data[148]; /* 24: Private data. */
    uint32_t reserved_172; /* 172: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_reject_connection_request) == 176, "size of rnic_reject_connection_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, header) == 0, "rnic_reject_connection_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, connection) == 16, "rnic_reject_connection_request.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, private_length) == 20, "rnic_reject_connection_request.private_length");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, reserved_22) == 22, "rnic_reject_connection_request.reserved_22");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, private_data) == 24, "rnic_reject_connection_request.private_data");
RNIC_HW_ASSERT_(offsetof(struct rnic_reject_connection_request, reserved_172) == 172, "rnic_reject_connection_request.reserved_172");

/* Request of DISCONNECT. */
struct rnic_disconnect_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle. */
    uint32_t flags; /* 20: DisconnectFlags: Options. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_disconnect_request) == 24, "size of rnic_disconnect_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_disconnect_request, header) == 0, "rnic_disconnect_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_disconnect_request, connection) == 16, "rnic_disconnect_request.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_disconnect_request, flags) == 20, "rnic_disconnect_request.flags");

/* Request of RELEASE_CONNECTION. */
struct rnic_release_connection_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t connection; /* 16: Handle. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_release_connection_request) == 24, "size of rnic_release_connection_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_connection_request, header) == 0, "rnic_release_connection_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_connection_request, connection) == 16, "rnic_release_connection_request.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_release_connection_request, reserved_20) == 20, "rnic_release_connection_request.reserved_20");

/* Request of CREATE_ETH_QUEUE. */
struct rnic_create_eth_queue_request {
    struct rnic_command_header header; /* 0: Header. */
    uint8_t direction; /* 16: EthDirection: Receive or transmit. */
    uint8_t reserved_17; /* 17: Zero. */
    uint16_t index; /* 18: Queue number, below LIMIT_ETH_QUEUES. */
    uint16_t vector; /* 20: Interrupt vector, or VECTOR_NONE. */
    uint16_t size; /* 22: Descriptors, a power of two. */
    uint64_t descriptors; /* 24: DMA address of the descriptor table, 16-byte aligned. */
    uint64_t available; /* 32: DMA address of the available ring, 2-byte aligned. */
    uint64_t used; /* 40: DMA address of the used ring, 4-byte aligned. */
    uint32_t doorbell; /* 48: Doorbell slot index. */
    uint32_t reserved_52; /* 52: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_create_eth_queue_request) == 56, "size of rnic_create_eth_queue_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, header) == 0, "rnic_create_eth_queue_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, direction) == 16, "rnic_create_eth_queue_request.direction");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, reserved_17) == 17, "rnic_create_eth_queue_request.reserved_17");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, index) == 18, "rnic_create_eth_queue_request.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, vector) == 20, "rnic_create_eth_queue_request.vector");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, size) == 22, "rnic_create_eth_queue_request.size");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, descriptors) == 24, "rnic_create_eth_queue_request.descriptors");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, available) == 32, "rnic_create_eth_queue_request.available");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, used) == 40, "rnic_create_eth_queue_request.used");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, doorbell) == 48, "rnic_create_eth_queue_request.doorbell");
RNIC_HW_ASSERT_(offsetof(struct rnic_create_eth_queue_request, reserved_52) == 52, "rnic_create_eth_queue_request.reserved_52");

/* Request of DESTROY_ETH_QUEUE. */
struct rnic_destroy_eth_queue_request {
    struct rnic_command_header header; /* 0: Header. */
    uint8_t direction; /* 16: EthDirection: Receive or transmit. */
    uint8_t reserved_17; /* 17: Zero. */
    uint16_t index; /* 18: Queue number. */
    uint32_t reserved_20; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_destroy_eth_queue_request) == 24, "size of rnic_destroy_eth_queue_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eth_queue_request, header) == 0, "rnic_destroy_eth_queue_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eth_queue_request, direction) == 16, "rnic_destroy_eth_queue_request.direction");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eth_queue_request, reserved_17) == 17, "rnic_destroy_eth_queue_request.reserved_17");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eth_queue_request, index) == 18, "rnic_destroy_eth_queue_request.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_destroy_eth_queue_request, reserved_20) == 20, "rnic_destroy_eth_queue_request.reserved_20");

/* Request of SET_RX_MODE. */
struct rnic_set_rx_mode_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t mode; /* 16: RxMode: What to receive. */
    uint32_t multicast_count; /* 20: Addresses in the list, up to LIMIT_MULTICAST. */
    uint64_t multicast_list; /* 24: DMA address of the addresses, 6 bytes each. Read once. */
    uint8_t mac[6]; /* 32: Ethernet address to receive; all zero: MAC_ADDRESS. */
    uint16_t reserved_38; /* 38: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_set_rx_mode_request) == 40, "size of rnic_set_rx_mode_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, header) == 0, "rnic_set_rx_mode_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, mode) == 16, "rnic_set_rx_mode_request.mode");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, multicast_count) == 20, "rnic_set_rx_mode_request.multicast_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, multicast_list) == 24, "rnic_set_rx_mode_request.multicast_list");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, mac) == 32, "rnic_set_rx_mode_request.mac");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rx_mode_request, reserved_38) == 38, "rnic_set_rx_mode_request.reserved_38");

/* Request of SET_ETH_OFFLOADS. */
struct rnic_set_eth_offloads_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t offloads; /* 16: EthOffloads: Receive offloads that the guest takes. */
    uint32_t max_frame; /* 20: Longest frame given to the guest. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_set_eth_offloads_request) == 24, "size of rnic_set_eth_offloads_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_eth_offloads_request, header) == 0, "rnic_set_eth_offloads_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_eth_offloads_request, offloads) == 16, "rnic_set_eth_offloads_request.offloads");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_eth_offloads_request, max_frame) == 20, "rnic_set_eth_offloads_request.max_frame");

/* Request of SET_RSS. */
struct rnic_set_rss_request {
    struct rnic_command_header header; /* 0: Header. */
    uint32_t types; /* 16: RssTypes: Hash inputs; zero: all to queue `table[0]`. */
    uint32_t table_size; /* 20: Entries used, a power of two up to LIMIT_RSS_TABLE. */
    uint8_t key[40]; /* 24: Toeplitz key. */
    uint8_t table[128]; /* 64: Receive queue of each entry. */
    uint32_t reserved_192; /* 192: Zero. */
    uint32_t reserved_196; /* 196: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_set_rss_request) == 200, "size of rnic_set_rss_request");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, header) == 0, "rnic_set_rss_request.header");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, types) == 16, "rnic_set_rss_request.types");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, table_size) == 20, "rnic_set_rss_request.table_size");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, key) == 24, "rnic_set_rss_request.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, table) == 64, "rnic_set_rss_request.table");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, reserved_192) == 192, "rnic_set_rss_request.reserved_192");
RNIC_HW_ASSERT_(offsetof(struct rnic_set_rss_request, reserved_196) == 196, "rnic_set_rss_request.reserved_196");

/* About a queue pair. */
struct rnic_qp_event {
    uint32_t qpn; /* 0: Queue pair. */
    uint8_t state; /* 4: QpState: State now. */
    uint8_t reserved_5[3]; /* 5: Zero. */
    uint32_t error; /* 8: ProviderError: Cause. */
    uint32_t reserved_12; /* 12: Zero. */
    uint64_t context; /* 16: From CREATE_QP. */
    uint8_t reserved_24[440]; /* 24: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_qp_event) == 464, "size of rnic_qp_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, qpn) == 0, "rnic_qp_event.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, state) == 4, "rnic_qp_event.state");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, reserved_5) == 5, "rnic_qp_event.reserved_5");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, error) == 8, "rnic_qp_event.error");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, reserved_12) == 12, "rnic_qp_event.reserved_12");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, context) == 16, "rnic_qp_event.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_qp_event, reserved_24) == 24, "rnic_qp_event.reserved_24");

/* About a completion queue. */
struct rnic_cq_error_event {
    uint32_t cqn; /* 0: Completion queue. */
    uint32_t generation; /* 4: Its generation. */
    uint8_t cause; /* 8: CqErrorCause: Cause. */
    uint8_t reserved_9[7]; /* 9: Zero. */
    uint64_t context; /* 16: From CREATE_CQ. */
    uint8_t reserved_24[440]; /* 24: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_cq_error_event) == 464, "size of rnic_cq_error_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, cqn) == 0, "rnic_cq_error_event.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, generation) == 4, "rnic_cq_error_event.generation");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, cause) == 8, "rnic_cq_error_event.cause");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, reserved_9) == 9, "rnic_cq_error_event.reserved_9");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, context) == 16, "rnic_cq_error_event.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_error_event, reserved_24) == 24, "rnic_cq_error_event.reserved_24");

/* About a shared receive queue. */
struct rnic_srq_event {
    uint32_t srqn; /* 0: Shared receive queue. */
    uint32_t remaining; /* 4: Entries left. */
    uint64_t context; /* 8: From CREATE_SRQ. */
    uint32_t error; /* 16: ProviderError: Cause of SRQ_ERROR; NONE otherwise. */
    uint8_t reserved_20[444]; /* 20: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_srq_event) == 464, "size of rnic_srq_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_srq_event, srqn) == 0, "rnic_srq_event.srqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_srq_event, remaining) == 4, "rnic_srq_event.remaining");
RNIC_HW_ASSERT_(offsetof(struct rnic_srq_event, context) == 8, "rnic_srq_event.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_srq_event, error) == 16, "rnic_srq_event.error");
RNIC_HW_ASSERT_(offsetof(struct rnic_srq_event, reserved_20) == 20, "rnic_srq_event.reserved_20");

/* About the port. */
struct rnic_port_event {
    uint8_t state; /* 0: PortState: Link now. */
    uint8_t reserved_1[463]; /* 1: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_port_event) == 464, "size of rnic_port_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_port_event, state) == 0, "rnic_port_event.state");
RNIC_HW_ASSERT_(offsetof(struct rnic_port_event, reserved_1) == 1, "rnic_port_event.reserved_1");

/* About an address. */
struct rnic_address_event {
    uint16_t index; /* 0: Entry of the address table. */
    uint8_t mac[6]; /* 2: Who claims it. */
    uint8_t reserved_8[456]; /* 8: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_address_event) == 464, "size of rnic_address_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_address_event, index) == 0, "rnic_address_event.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_address_event, mac) == 2, "rnic_address_event.mac");
RNIC_HW_ASSERT_(offsetof(struct rnic_address_event, reserved_8) == 8, "rnic_address_event.reserved_8");

/* About a connection. */
struct rnic_cm_event {
    uint32_t connection; /* 0: Connection; for CONNECT_REQUEST a new one. */
    uint32_t listener; /* 4: Listener, for CONNECT_REQUEST; else 0. */
    uint32_t qpn; /* 8: Queue pair, or 0. */
    uint16_t status; /* 12: Status: Result. */
    uint16_t reason; /* 14: RejectReason: Reason that the peer gave, or NONE. */
    uint8_t local_address[16]; /* 16: Local address. */
    uint8_t peer_address[16]; /* 32: Peer's address. */
    uint16_t local_port; /* 48: Local port. */
    uint16_t peer_port; /* 50: Peer's port. */
    uint8_t read_depth_in; /* 52: Reads and atomics that we may be sent: for CONNECT_REQUEST the peer's wish, else in force. */
    uint8_t read_depth_out; /* 53: Reads and atomics that we may send: for CONNECT_REQUEST the peer's limit, else in force. */
    uint16_t private_length; /* 54: Bytes of private data (the wire pads: the maximum of the message). */
    uint8_t path_mtu; /* 56: Mtu: Path MTU. */
    uint8_t reserved_57[7]; /* 57: Zero. */
    uint8_t private_data[224]; /* 64: Private data. */
    uint8_t reserved_288[176]; /* 288: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_cm_event) == 464, "size of rnic_cm_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, connection) == 0, "rnic_cm_event.connection");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, listener) == 4, "rnic_cm_event.listener");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, qpn) == 8, "rnic_cm_event.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, status) == 12, "rnic_cm_event.status");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, reason) == 14, "rnic_cm_event.reason");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, local_address) == 16, "rnic_cm_event.local_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, peer_address) == 32, "rnic_cm_event.peer_address");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, local_port) == 48, "rnic_cm_event.local_port");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, peer_port) == 50, "rnic_cm_event.peer_port");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, read_depth_in) == 52, "rnic_cm_event.read_depth_in");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, read_depth_out) == 53, "rnic_cm_event.read_depth_out");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, private_length) == 54, "rnic_cm_event.private_length");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, path_mtu) == 56, "rnic_cm_event.path_mtu");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, reserved_57) == 57, "rnic_cm_event.reserved_57");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, private_data) == 64, "rnic_cm_event.private_data");
RNIC_HW_ASSERT_(offsetof(struct rnic_cm_event, reserved_288) == 288, "rnic_cm_event.reserved_288");

/* Entry of the general event queue. The last 8 bytes are one aligned store. */
struct rnic_general_event {
    uint16_t code; /* 0: EventCode: What happened. */
    uint16_t reserved_2; /* 2: Zero. */
    uint32_t reserved_4; /* 4: Zero. */
    uint64_t cookie; /* 8: The request's, for connection events; else 0. */
    uint64_t timestamp; /* 16: CLOCK when the event was written. */
    uint8_t reserved_24[16]; /* 24: Zero. */
    uint8_t payload[464]; /* 40: The event's payload. */
    uint32_t sequence; /* 504: Free-running number of the event. */
    uint8_t reserved_508[3]; /* 508: Zero. */
    uint8_t owner; /* 511: As in Completion. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_general_event) == 512, "size of rnic_general_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, code) == 0, "rnic_general_event.code");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, reserved_2) == 2, "rnic_general_event.reserved_2");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, reserved_4) == 4, "rnic_general_event.reserved_4");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, cookie) == 8, "rnic_general_event.cookie");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, timestamp) == 16, "rnic_general_event.timestamp");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, reserved_24) == 24, "rnic_general_event.reserved_24");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, payload) == 40, "rnic_general_event.payload");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, sequence) == 504, "rnic_general_event.sequence");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, reserved_508) == 508, "rnic_general_event.reserved_508");
RNIC_HW_ASSERT_(offsetof(struct rnic_general_event, owner) == 511, "rnic_general_event.owner");

/* Scatter/gather entry. */
struct rnic_segment {
    uint64_t address; /* 0: Virtual address within the key's region, or DMA address with the privileged key. */
    uint32_t length; /* 8: Bytes. */
    uint32_t key; /* 12: Local key; any value when length is 0. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_segment) == 16, "size of rnic_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_segment, address) == 0, "rnic_segment.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_segment, length) == 8, "rnic_segment.length");
RNIC_HW_ASSERT_(offsetof(struct rnic_segment, key) == 12, "rnic_segment.key");

/* First 16 bytes of a send queue entry. */
struct rnic_work_header {
    uint64_t context; /* 0: Returned in the completion. */
    uint8_t opcode; /* 8: WorkOpcode: Operation. */
    uint8_t flags; /* 9: WorkFlags: Modifiers. */
    uint16_t data_count; /* 10: Number of Segments at SEGMENTS_AT, or of inline bytes when flags.inline. */
    uint32_t immediate; /* 12: Immediate data (bytes in wire order), or the key that the peer invalidates. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_work_header) == 16, "size of rnic_work_header");
RNIC_HW_ASSERT_(offsetof(struct rnic_work_header, context) == 0, "rnic_work_header.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_work_header, opcode) == 8, "rnic_work_header.opcode");
RNIC_HW_ASSERT_(offsetof(struct rnic_work_header, flags) == 9, "rnic_work_header.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_work_header, data_count) == 10, "rnic_work_header.data_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_work_header, immediate) == 12, "rnic_work_header.immediate");

/* Bytes 16 to 47 of WRITE, WRITE_IMMEDIATE, READ, READ_INVALIDATE. */
struct rnic_remote_segment {
    uint64_t address; /* 0: Remote virtual address. */
    uint32_t key; /* 8: Remote key. */
    uint8_t reserved_12[20]; /* 12: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_remote_segment) == 32, "size of rnic_remote_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_remote_segment, address) == 0, "rnic_remote_segment.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_remote_segment, key) == 8, "rnic_remote_segment.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_remote_segment, reserved_12) == 12, "rnic_remote_segment.reserved_12");

/* Bytes 16 to 47 of COMPARE_SWAP and FETCH_ADD. One local Segment of 8 bytes receives the old value. */
struct rnic_atomic_segment {
    uint64_t address; /* 0: Remote virtual address, a multiple of 8. */
    uint32_t key; /* 8: Remote key. */
    uint8_t reserved_12[4]; /* 12: Zero. */
    uint64_t operand; /* 16: Swap value, or addend. */
    uint64_t compare; /* 24: Compare value; zero for FETCH_ADD. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_atomic_segment) == 32, "size of rnic_atomic_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_atomic_segment, address) == 0, "rnic_atomic_segment.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_atomic_segment, key) == 8, "rnic_atomic_segment.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_atomic_segment, reserved_12) == 12, "rnic_atomic_segment.reserved_12");
RNIC_HW_ASSERT_(offsetof(struct rnic_atomic_segment, operand) == 16, "rnic_atomic_segment.operand");
RNIC_HW_ASSERT_(offsetof(struct rnic_atomic_segment, compare) == 24, "rnic_atomic_segment.compare");

/* Bytes 16 to 47 of FAST_REGISTER. */
struct rnic_fast_register_segment {
    uint64_t base; /* 0: Virtual address of the first byte; its low 12 bits are the offset in the first page. */
    uint64_t page_list; /* 8: DMA address of the page addresses, 8 bytes each, 8-byte aligned; left alone until the entry retires. */
    uint32_t length; /* 16: Bytes of the region. */
    uint32_t page_count; /* 20: Page addresses in the list. */
    uint32_t key; /* 24: Index of the region, and the variant it gets. */
    uint32_t access; /* 28: AccessFlags: Rights. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_fast_register_segment) == 32, "size of rnic_fast_register_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, base) == 0, "rnic_fast_register_segment.base");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, page_list) == 8, "rnic_fast_register_segment.page_list");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, length) == 16, "rnic_fast_register_segment.length");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, page_count) == 20, "rnic_fast_register_segment.page_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, key) == 24, "rnic_fast_register_segment.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_fast_register_segment, access) == 28, "rnic_fast_register_segment.access");

/* Bytes 16 to 47 of BIND. */
struct rnic_bind_segment {
    uint64_t address; /* 0: Virtual address of the first byte, within the region. */
    uint64_t length; /* 8: Bytes; 0 unbinds a type 1 window. */
    uint32_t window_key; /* 16: Index of the window, and the variant it gets. */
    uint32_t region_key; /* 20: Key of the region. */
    uint32_t access; /* 24: AccessFlags: Remote rights. */
    uint8_t reserved_28[4]; /* 28: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_bind_segment) == 32, "size of rnic_bind_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, address) == 0, "rnic_bind_segment.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, length) == 8, "rnic_bind_segment.length");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, window_key) == 16, "rnic_bind_segment.window_key");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, region_key) == 20, "rnic_bind_segment.region_key");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, access) == 24, "rnic_bind_segment.access");
RNIC_HW_ASSERT_(offsetof(struct rnic_bind_segment, reserved_28) == 28, "rnic_bind_segment.reserved_28");

/* Bytes 16 to 47 of LOCAL_INVALIDATE. */
struct rnic_invalidate_segment {
    uint32_t key; /* 0: Key to make FREE. */
    uint8_t reserved_4[28]; /* 4: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_invalidate_segment) == 32, "size of rnic_invalidate_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_invalidate_segment, key) == 0, "rnic_invalidate_segment.key");
RNIC_HW_ASSERT_(offsetof(struct rnic_invalidate_segment, reserved_4) == 4, "rnic_invalidate_segment.reserved_4");

/* Bytes 16 to 47 of sends on a UD queue pair: where the datagram goes. */
struct rnic_datagram_segment {
    uint8_t address[16]; /* 0: Destination address, IPv4 as ::ffff:a.b.c.d. */
    uint32_t qpn; /* 16: Destination queue pair, 24 bits. */
    uint32_t qkey; /* 20: Queue key; with bit 31 set, that of the queue pair is sent. */
    uint32_t flow_label; /* 24: 20 bits. */
    uint8_t traffic_class; /* 28: Traffic class. */
    uint8_t hop_limit; /* 29: Hop limit; 0 stands for 64. */
    uint16_t source_port; /* 30: UDP source port; 0 stands for that of MODIFY_QP. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_datagram_segment) == 32, "size of rnic_datagram_segment");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, address) == 0, "rnic_datagram_segment.address");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, qpn) == 16, "rnic_datagram_segment.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, qkey) == 20, "rnic_datagram_segment.qkey");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, flow_label) == 24, "rnic_datagram_segment.flow_label");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, traffic_class) == 28, "rnic_datagram_segment.traffic_class");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, hop_limit) == 29, "rnic_datagram_segment.hop_limit");
RNIC_HW_ASSERT_(offsetof(struct rnic_datagram_segment, source_port) == 30, "rnic_datagram_segment.source_port");

/* First 16 bytes of a receive queue entry; Segments follow at RECV_SEGMENTS_AT. */
struct rnic_receive_header {
    uint64_t context; /* 0: Returned in the completion. */
    uint16_t segment_count; /* 8: Number of Segments. */
    uint8_t reserved_10[6]; /* 10: Zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_receive_header) == 16, "size of rnic_receive_header");
RNIC_HW_ASSERT_(offsetof(struct rnic_receive_header, context) == 0, "rnic_receive_header.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_receive_header, segment_count) == 8, "rnic_receive_header.segment_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_receive_header, reserved_10) == 10, "rnic_receive_header.reserved_10");

/* Completion queue entry. The last 8 bytes are one aligned store, which publishes the entry. */
struct rnic_completion {
    uint64_t context; /* 0: Of the work request. */
    uint32_t qpn; /* 8: Local queue pair. */
    uint32_t byte_count; /* 12: Bytes received or read; 8 for atomics, 0 otherwise and on error. */
    uint32_t immediate; /* 16: Immediate data or invalidated key. */
    uint32_t syndrome; /* 20: ProviderError: Check that failed; NONE on success. */
    uint32_t retired; /* 24: Free-running count of retired entries of that queue, this one included. For a shared receive queue, of that queue. */
    uint32_t index; /* 28: Free-running index of the entry in its queue. */
    uint32_t srq_slot; /* 32: Slot of the shared receive queue that the entry lay in; 0 otherwise. */
    uint32_t source_qpn; /* 36: Sender's queue pair (UD); 0 otherwise. */
    uint64_t timestamp; /* 40: CLOCK when the completion was written; 0 without TIMESTAMPS. */
    uint8_t reserved_48[8]; /* 48: Zero. */
    uint16_t flags; /* 56: CompletionFlags: Kind. */
    uint8_t opcode; /* 58: WorkOpcode: Operation of a send queue entry; for a receive, the sender's: SEND, SEND_IMMEDIATE, SEND_INVALIDATE or WRITE_IMMEDIATE. */
    uint8_t reserved_59; /* 59: Zero. */
    uint16_t status; /* 60: CompletionStatus: Result. */
    uint8_t reserved_62; /* 62: Zero. */
    uint8_t owner; /* 63: Bit 0: 1 in even passes over the ring (the first is pass 0), 0 in odd ones. Other bits zero. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_completion) == 64, "size of rnic_completion");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, context) == 0, "rnic_completion.context");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, qpn) == 8, "rnic_completion.qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, byte_count) == 12, "rnic_completion.byte_count");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, immediate) == 16, "rnic_completion.immediate");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, syndrome) == 20, "rnic_completion.syndrome");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, retired) == 24, "rnic_completion.retired");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, index) == 28, "rnic_completion.index");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, srq_slot) == 32, "rnic_completion.srq_slot");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, source_qpn) == 36, "rnic_completion.source_qpn");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, timestamp) == 40, "rnic_completion.timestamp");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, reserved_48) == 48, "rnic_completion.reserved_48");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, flags) == 56, "rnic_completion.flags");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, opcode) == 58, "rnic_completion.opcode");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, reserved_59) == 59, "rnic_completion.reserved_59");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, status) == 60, "rnic_completion.status");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, reserved_62) == 62, "rnic_completion.reserved_62");
RNIC_HW_ASSERT_(offsetof(struct rnic_completion, owner) == 63, "rnic_completion.owner");

/* Entry of a completion event queue. The last 8 bytes are one aligned store. */
struct rnic_cq_event {
    uint32_t cqn; /* 0: Completion queue. */
    uint32_t generation; /* 4: The queue's generation, as CREATE_CQ answered it. */
    uint32_t consumer; /* 8: Producer index of the completion queue at that moment. */
    uint8_t arm_sequence; /* 12: Sequence of the arm that is satisfied. */
    uint8_t kind; /* 13: CqEventKind: Why. */
    uint8_t reserved_14; /* 14: Zero. */
    uint8_t owner; /* 15: As in Completion. */
};
RNIC_HW_ASSERT_(sizeof(struct rnic_cq_event) == 16, "size of rnic_cq_event");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, cqn) == 0, "rnic_cq_event.cqn");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, generation) == 4, "rnic_cq_event.generation");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, consumer) == 8, "rnic_cq_event.consumer");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, arm_sequence) == 12, "rnic_cq_event.arm_sequence");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, kind) == 13, "rnic_cq_event.kind");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, reserved_14) == 14, "rnic_cq_event.reserved_14");
RNIC_HW_ASSERT_(offsetof(struct rnic_cq_event, owner) == 15, "rnic_cq_event.owner");

#undef RNIC_HW_ASSERT_
#endif /* RNIC_HW_H */
