//! Packets: lists, buffers, and what they say beside the data.

use super::*;
use crate::nt::*;

#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct NET_BUFFER {
    pub Next: *mut NET_BUFFER,
    pub CurrentMdl: *mut MDL,
    pub CurrentMdlOffset: u32,
    pub Padding1: u32,
    /// Low half of `stDataLength`; the other half is zero.
    pub DataLength: u32,
    pub Padding2: u32,
    pub MdlChain: *mut MDL,
    pub DataOffset: u32,
    pub Padding3: u32,
    pub ChecksumBias: u16,
    pub Reserved: u16,
    pub NdisPoolHandle: NDIS_HANDLE,
    pub NdisReserved: [PVOID; 2],
    pub ProtocolReserved: [PVOID; 6],
    pub MiniportReserved: [PVOID; 4],
    pub DataPhysicalAddress: PHYSICAL_ADDRESS,
    pub ScatterGatherList: *mut SCATTER_GATHER_LIST,
}

#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct NET_BUFFER_LIST {
    pub Next: *mut NET_BUFFER_LIST,
    pub FirstNetBuffer: *mut NET_BUFFER,
    pub Context: *mut NET_BUFFER_LIST_CONTEXT,
    pub ParentNetBufferList: *mut NET_BUFFER_LIST,
    pub NdisPoolHandle: NDIS_HANDLE,
    pub Padding: PVOID,
    pub NdisReserved: [PVOID; 2],
    pub ProtocolReserved: [PVOID; 4],
    pub MiniportReserved: [PVOID; 2],
    pub Scratch: PVOID,
    pub SourceHandle: NDIS_HANDLE,
    pub NblFlags: u32,
    pub ChildRefCount: i32,
    pub Flags: u32,
    pub Status: NDIS_STATUS,
    /// As NDIS 6.50 has it, whose lists are the shortest of those that the driver meets; 6.80 has one more.
    pub NetBufferListInfo: [PVOID; 26],
}

#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct NET_BUFFER_LIST_CONTEXT {
    pub Next: *mut NET_BUFFER_LIST_CONTEXT,
    pub Size: u16,
    pub Offset: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct NET_BUFFER_LIST_POOL_PARAMETERS {
    pub Header: NDIS_OBJECT_HEADER,
    pub ProtocolId: u8,
    pub fAllocateNetBuffer: BOOLEAN,
    pub ContextSize: u16,
    pub PoolTag: u32,
    pub DataSize: u32,
    pub Flags: u32,
}

/// NDIS_NET_BUFFER_LIST_INFO: indices of `NetBufferListInfo`.
pub const TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO: usize = 0;
pub const TCP_LARGE_SEND_NET_BUFFER_LIST_INFO: usize = 2;
pub const IEEE_8021Q_NET_BUFFER_LIST_INFO: usize = 4;
pub const NET_BUFFER_LIST_CANCEL_ID: usize = 5;
pub const NET_BUFFER_LIST_HASH_VALUE: usize = 8;
pub const NET_BUFFER_LIST_HASH_INFO: usize = 9;

pub const NDIS_SEND_FLAGS_DISPATCH_LEVEL: u32 = 1;
pub const NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL: u32 = 1;
pub const NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL: u32 = 1;
pub const NDIS_RECEIVE_FLAGS_RESOURCES: u32 = 2;
pub const NDIS_RETURN_FLAGS_DISPATCH_LEVEL: u32 = 1;
/// Flags of NdisMAllocateNetBufferSGList.
pub const NDIS_SG_LIST_WRITE_TO_DEVICE: u32 = 1;
/// Flags of NDIS_SG_DMA_DESCRIPTION.
pub const NDIS_SG_DMA_64_BIT_ADDRESS: u32 = 1;
pub const NDIS_SG_DMA_V3_HAL_API: u32 = 2;
