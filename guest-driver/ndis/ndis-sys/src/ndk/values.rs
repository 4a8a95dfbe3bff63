//! Flags, enumerations, object identifiers, by the names of ndkpi.h, ndkinfo.h and ntddndis.h.
//!
//! Enumerations of C are integers here: a consumer may pass any.
#![allow(non_upper_case_globals)]

pub const NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS: u8 = 0xb2;
pub const NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES: u8 = 0xb3;
pub const NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED: u32 = 1;
pub const NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED: u32 = 2;
pub const NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED: u32 = 4;
pub const NDK_ADAPTER_FLAG_MULTI_ENGINE_SUPPORTED: u32 = 8;
pub const NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED: u32 = 0x10;
pub const NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED: u32 = 0x100;
pub const NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED: u32 = 0x10000;
pub const NDIS_NDK_CAPABILITIES_REVISION_1: u8 = 1;
pub const OID_NDK_SET_STATE: u32 = 0xfc040201;
pub const OID_NDK_STATISTICS: u32 = 0xfc040202;
pub const OID_NDK_CONNECTIONS: u32 = 0xfc040203;
pub const OID_NDK_LOCAL_ENDPOINTS: u32 = 0xfc040204;
pub const NDIS_NDK_STATISTICS_INFO_REVISION_1: u8 = 1;
pub const NDIS_NDK_CONNECTIONS_REVISION_1: u8 = 1;
pub const NDIS_NDK_LOCAL_ENDPOINTS_REVISION_1: u8 = 1;
pub const NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1: u8 = 1;
pub const NDK_CQ_NOTIFY_ERRORS: u32 = 0;
pub const NDK_CQ_NOTIFY_ANY: u32 = 1;
pub const NDK_CQ_NOTIFY_SOLICITED: u32 = 2;
pub const NDK_MR_FLAG_ALLOW_LOCAL_READ: u32 = 0;
pub const NDK_MR_FLAG_ALLOW_LOCAL_WRITE: u32 = 1;
pub const NDK_MR_FLAG_ALLOW_REMOTE_READ: u32 = 2;
pub const NDK_MR_FLAG_ALLOW_REMOTE_WRITE: u32 = 5;
pub const NDK_MR_FLAG_RDMA_READ_SINK: u32 = 8;
pub const NDK_OP_FLAG_SILENT_SUCCESS: u32 = 1;
pub const NDK_OP_FLAG_READ_FENCE: u32 = 2;
pub const NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT: u32 = 4;
pub const NDK_OP_FLAG_ALLOW_REMOTE_READ: u32 = 8;
pub const NDK_OP_FLAG_ALLOW_LOCAL_WRITE: u32 = 0x10;
pub const NDK_OP_FLAG_ALLOW_REMOTE_WRITE: u32 = 0x30;
pub const NDK_OP_FLAG_INLINE: u32 = 0x40;
pub const NDK_OP_FLAG_RDMA_READ_SINK: u32 = 0x80;
pub const NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE: u32 = 0x100;
pub const NDK_OP_FLAG_DEFER: u32 = 0x200;
pub const NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1: u8 = 1;

/// Transport of an adapter.
pub type NDK_RDMA_TECHNOLOGY = i32;
pub const NdkUndefined: NDK_RDMA_TECHNOLOGY = 0;
pub const NdkiWarp: NDK_RDMA_TECHNOLOGY = 1;
pub const NdkInfiniBand: NDK_RDMA_TECHNOLOGY = 2;
pub const NdkRoCE: NDK_RDMA_TECHNOLOGY = 3;
pub const NdkRoCEv2: NDK_RDMA_TECHNOLOGY = 4;

/// Kind of an object.
pub type NDK_OBJECT_TYPE = i32;
pub const NdkObjectTypeUndefined: NDK_OBJECT_TYPE = 0;
pub const NdkObjectTypeAdapter: NDK_OBJECT_TYPE = 1;
pub const NdkObjectTypeQp: NDK_OBJECT_TYPE = 2;
pub const NdkObjectTypeCq: NDK_OBJECT_TYPE = 3;
pub const NdkObjectTypeMr: NDK_OBJECT_TYPE = 4;
pub const NdkObjectTypeMw: NDK_OBJECT_TYPE = 5;
pub const NdkObjectTypePd: NDK_OBJECT_TYPE = 6;
pub const NdkObjectTypeSharedEndpoint: NDK_OBJECT_TYPE = 7;
pub const NdkObjectTypeConnector: NDK_OBJECT_TYPE = 8;
pub const NdkObjectTypeListener: NDK_OBJECT_TYPE = 9;
pub const NdkObjectTypeSrq: NDK_OBJECT_TYPE = 0xa;

/// What a completion is of.
pub type NDK_OPERATION_TYPE = i32;
pub const NdkOperationTypeReceive: NDK_OPERATION_TYPE = 1;
pub const NdkOperationTypeReceiveAndInvalidate: NDK_OPERATION_TYPE = 0x8001;
pub const NdkOperationTypeSend: NDK_OPERATION_TYPE = 2;
pub const NdkOperationTypeFastRegister: NDK_OPERATION_TYPE = 4;
pub const NdkOperationTypeBind: NDK_OPERATION_TYPE = 8;
pub const NdkOperationTypeInvalidate: NDK_OPERATION_TYPE = 0x10;
pub const NdkOperationTypeRead: NDK_OPERATION_TYPE = 0x20;
pub const NdkOperationTypeWrite: NDK_OPERATION_TYPE = 0x40;
