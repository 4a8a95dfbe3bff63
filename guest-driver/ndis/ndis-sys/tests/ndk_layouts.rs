//! The bindings of NDKPI against `tests/data/ndk-layouts.txt`: every row is checked, and nothing is checked twice.

use ndis_sys::ndk::*;
use std::collections::BTreeMap;
use std::mem::{align_of, offset_of, size_of};

/// Rows of the table, each to be taken once.
struct Rows(BTreeMap<String, String>);

impl Rows {
    fn read() -> Self {
        let mut rows = BTreeMap::new();
        for line in include_str!("data/ndk-layouts.txt").lines() {
            if line.starts_with('#') {
                continue;
            }
            let words: Vec<_> = line.split(' ').collect();
            let names = if words[0] == "field" { 3 } else { 2 };
            let old = rows.insert(words[..names].join(" "), words[names..].join(" "));
            assert_eq!(old, None, "two rows say {line}");
        }
        Self(rows)
    }

    fn take(&mut self, what: String, is: String) {
        assert_eq!(self.0.remove(&what), Some(is), "{what}");
    }
}

fn size_of_field<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($rows:ident, $name:ident { $($field:ident),* }) => {
        let what = concat!("size ", stringify!($name)).to_string();
        $rows.take(what, format!("{} {}", size_of::<$name>(), align_of::<$name>()));
        $(
            let what = concat!("field ", stringify!($name), " ", stringify!($field)).to_string();
            let bytes = size_of_field(|s: &$name| &s.$field);
            $rows.take(what, format!("{} {bytes}", offset_of!($name, $field)));
        )*
    };
}

macro_rules! values {
    ($rows:ident, $($name:ident),* $(,)?) => {
        $($rows.take(concat!("value ", stringify!($name)).to_string(), ($name as u32).to_string());)*
    };
}

#[test]
fn bindings_are_what_the_table_says() {
    let mut rows = Rows::read();
    layout!(rows, NDK_VERSION { Major, Minor });
    layout!(rows, NDK_OBJECT_HEADER_RESERVED_BLOCK { rf });
    layout!(
        rows,
        NDK_OBJECT_HEADER {
            Version,
            ObjectType,
            NdkReserved
        }
    );
    layout!(rows, NDK_EXTENSION_INTERFACE { Dispatch });
    layout!(rows, NDK_ADAPTER { Header, Dispatch });
    layout!(rows, NDK_PD { Header, Dispatch });
    layout!(rows, NDK_CQ { Header, Dispatch });
    layout!(rows, NDK_SRQ { Header, Dispatch });
    layout!(rows, NDK_QP { Header, Dispatch });
    layout!(rows, NDK_MR { Header, Dispatch });
    layout!(rows, NDK_MW { Header, Dispatch });
    layout!(rows, NDK_SHARED_ENDPOINT { Header, Dispatch });
    layout!(rows, NDK_CONNECTOR { Header, Dispatch });
    layout!(rows, NDK_LISTENER { Header, Dispatch });
    layout!(
        rows,
        NDK_ADAPTER_DISPATCH {
            NdkQueryExtension,
            NdkQueryAdapterInfo,
            NdkCreateCq,
            NdkCreatePd,
            NdkCreateSharedEndpoint,
            NdkCreateConnector,
            NdkCreateListener,
            NdkBuildLAM,
            NdkReleaseLAM
        }
    );
    layout!(
        rows,
        NDK_PD_DISPATCH {
            NdkClosePd,
            NdkQueryExtension,
            NdkCreateMr,
            NdkCreateMw,
            NdkCreateSrq,
            NdkCreateQp,
            NdkCreateQpWithSrq,
            NdkGetPrivilegedMemoryRegionToken
        }
    );
    layout!(
        rows,
        NDK_CQ_DISPATCH {
            NdkCloseCq,
            NdkQueryExtension,
            NdkResizeCq,
            NdkArmCq,
            NdkGetCqResults,
            NdkControlCqInterruptModeration,
            NdkGetCqResultsEx
        }
    );
    layout!(
        rows,
        NDK_SRQ_DISPATCH {
            NdkCloseSrq,
            NdkQueryExtension,
            NdkModifySrq,
            NdkSrqReceive
        }
    );
    layout!(
        rows,
        NDK_QP_DISPATCH {
            NdkCloseQp,
            NdkQueryExtension,
            NdkFlush,
            NdkSend,
            NdkReceive,
            NdkBind,
            NdkFastRegister,
            NdkInvalidate,
            NdkRead,
            NdkWrite,
            NdkSendAndInvalidate
        }
    );
    layout!(
        rows,
        NDK_MR_DISPATCH {
            NdkCloseMr,
            NdkQueryExtension,
            NdkRegisterMr,
            NdkDeregisterMr,
            NdkInitializeFastRegisterMr,
            NdkGetRemoteTokenFromMr,
            NdkGetLocalTokenFromMr
        }
    );
    layout!(
        rows,
        NDK_MW_DISPATCH {
            NdkCloseMw,
            NdkQueryExtension,
            NdkGetRemoteTokenFromMw
        }
    );
    layout!(
        rows,
        NDK_SHARED_ENDPOINT_DISPATCH {
            NdkCloseSharedEndpoint,
            NdkQueryExtension,
            NdkGetLocalAddress
        }
    );
    layout!(
        rows,
        NDK_CONNECTOR_DISPATCH {
            NdkCloseConnector,
            NdkQueryExtension,
            NdkConnect,
            NdkConnectWithSharedEndpoint,
            NdkCompleteConnect,
            NdkAccept,
            NdkReject,
            NdkGetConnectionData,
            NdkGetLocalAddress,
            NdkGetPeerAddress,
            NdkDisconnect,
            NdkCompleteConnectEx,
            NdkAcceptEx
        }
    );
    layout!(
        rows,
        NDK_LISTENER_DISPATCH {
            NdkCloseListener,
            NdkQueryExtension,
            NdkListen,
            NdkGetLocalAddress,
            NdkControlConnectEvents
        }
    );
    layout!(
        rows,
        NDK_RESULT {
            Status,
            BytesTransferred,
            QPContext,
            RequestContext
        }
    );
    layout!(
        rows,
        NDK_RESULT_EX {
            Status,
            BytesTransferred,
            QPContext,
            RequestContext,
            Type,
            ProviderErrorCode,
            TypeSpecificCompletionOutput
        }
    );
    layout!(
        rows,
        NDK_SGE {
            Address,
            Length,
            MemoryRegionToken
        }
    );
    layout!(
        rows,
        NDK_LOGICAL_ADDRESS_MAPPING {
            AdapterContext,
            AdapterPageCount,
            AdapterPageArray
        }
    );
    layout!(
        rows,
        NDK_ADAPTER_INFO {
            Version,
            VendorId,
            DeviceId,
            MaxRegistrationSize,
            MaxWindowSize,
            FRMRPageCount,
            MaxInitiatorRequestSge,
            MaxReceiveRequestSge,
            MaxReadRequestSge,
            MaxTransferLength,
            MaxInlineDataSize,
            MaxInboundReadLimit,
            MaxOutboundReadLimit,
            MaxReceiveQueueDepth,
            MaxInitiatorQueueDepth,
            MaxSrqDepth,
            MaxCqDepth,
            LargeRequestThreshold,
            MaxCallerData,
            MaxCalleeData,
            AdapterFlags,
            RdmaTechnology
        }
    );
    layout!(
        rows,
        NDIS_NDK_PROVIDER_CHARACTERISTICS {
            Header,
            Flags,
            OpenNDKAdapterHandler,
            CloseNDKAdapterHandler
        }
    );
    layout!(
        rows,
        NDIS_OPEN_NDK_ADAPTER_PARAMETERS {
            Version,
            SwitchId,
            VPortId
        }
    );
    layout!(
        rows,
        NDIS_NDK_CAPABILITIES {
            Header,
            Flags,
            MaxQpCount,
            MaxCqCount,
            MaxMrCount,
            MaxPdCount,
            MaxInboundReadLimit,
            MaxOutboundReadLimit,
            MaxMwCount,
            MaxSrqCount,
            MissingCounterMask,
            NdkInfo
        }
    );
    layout!(
        rows,
        NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES {
            Header,
            Enabled,
            NdkCapabilities
        }
    );
    layout!(
        rows,
        NDIS_NDK_PERFORMANCE_COUNTERS {
            Connect,
            Accept,
            ConnectFailure,
            ConnectionError,
            ActiveConnection,
            Reserved,
            CQError,
            RDMAInOctets,
            RDMAOutOctets,
            RDMAInFrames,
            RDMAOutFrames
        }
    );
    layout!(
        rows,
        NDIS_NDK_STATISTICS_INFO {
            Header,
            Flags,
            CounterSet
        }
    );
    layout!(
        rows,
        NDIS_NDK_CONNECTION_ENTRY {
            Local,
            Remote,
            UserModeOwner,
            OwnerPid
        }
    );
    layout!(
        rows,
        NDIS_NDK_CONNECTIONS {
            Header,
            Flags,
            Count,
            NDConnectionsMappedtoTCPConnections,
            Connections
        }
    );
    layout!(
        rows,
        NDIS_NDK_LOCAL_ENDPOINT_ENTRY {
            Local,
            UserModeOwner,
            Listener,
            OwnerPid
        }
    );
    layout!(
        rows,
        NDIS_NDK_LOCAL_ENDPOINTS {
            Header,
            Flags,
            Count,
            NDLocalEndpointsMappedtoTCPLocalEndpoints,
            LocalEndpoints
        }
    );
    values!(
        rows,
        NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS,
        NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES,
        NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED,
        NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED,
        NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED,
        NDK_ADAPTER_FLAG_MULTI_ENGINE_SUPPORTED,
        NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED,
        NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED,
        NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED,
        NDIS_NDK_CAPABILITIES_REVISION_1,
        OID_NDK_SET_STATE,
        OID_NDK_STATISTICS,
        OID_NDK_CONNECTIONS,
        OID_NDK_LOCAL_ENDPOINTS,
        NDIS_NDK_STATISTICS_INFO_REVISION_1,
        NDIS_NDK_CONNECTIONS_REVISION_1,
        NDIS_NDK_LOCAL_ENDPOINTS_REVISION_1,
        NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1,
        NDK_CQ_NOTIFY_ERRORS,
        NDK_CQ_NOTIFY_ANY,
        NDK_CQ_NOTIFY_SOLICITED,
        NDK_MR_FLAG_ALLOW_LOCAL_READ,
        NDK_MR_FLAG_ALLOW_LOCAL_WRITE,
        NDK_MR_FLAG_ALLOW_REMOTE_READ,
        NDK_MR_FLAG_ALLOW_REMOTE_WRITE,
        NDK_MR_FLAG_RDMA_READ_SINK,
        NDK_OP_FLAG_SILENT_SUCCESS,
        NDK_OP_FLAG_READ_FENCE,
        NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT,
        NDK_OP_FLAG_ALLOW_REMOTE_READ,
        NDK_OP_FLAG_ALLOW_LOCAL_WRITE,
        NDK_OP_FLAG_ALLOW_REMOTE_WRITE,
        NDK_OP_FLAG_INLINE,
        NDK_OP_FLAG_RDMA_READ_SINK,
        NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE,
        NDK_OP_FLAG_DEFER,
        NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1,
        NdkUndefined,
        NdkiWarp,
        NdkInfiniBand,
        NdkRoCE,
        NdkRoCEv2,
        NdkObjectTypeUndefined,
        NdkObjectTypeAdapter,
        NdkObjectTypeQp,
        NdkObjectTypeCq,
        NdkObjectTypeMr,
        NdkObjectTypeMw,
        NdkObjectTypePd,
        NdkObjectTypeSharedEndpoint,
        NdkObjectTypeConnector,
        NdkObjectTypeListener,
        NdkObjectTypeSrq,
        NdkOperationTypeReceive,
        NdkOperationTypeReceiveAndInvalidate,
        NdkOperationTypeSend,
        NdkOperationTypeFastRegister,
        NdkOperationTypeBind,
        NdkOperationTypeInvalidate,
        NdkOperationTypeRead,
        NdkOperationTypeWrite,
        STATUS_SUCCESS,
        STATUS_PENDING,
        STATUS_BUFFER_OVERFLOW,
        STATUS_NO_MORE_ENTRIES,
        STATUS_DEVICE_BUSY,
        STATUS_UNSUCCESSFUL,
        STATUS_NOT_IMPLEMENTED,
        STATUS_ACCESS_VIOLATION,
        STATUS_INVALID_PARAMETER,
        STATUS_INVALID_DEVICE_REQUEST,
        STATUS_BUFFER_TOO_SMALL,
        STATUS_INVALID_PARAMETER_MIX,
        STATUS_DATA_OVERRUN,
        STATUS_SHARING_VIOLATION,
        STATUS_INSUFFICIENT_RESOURCES,
        STATUS_DEVICE_NOT_READY,
        STATUS_IO_TIMEOUT,
        STATUS_NOT_SUPPORTED,
        STATUS_INTERNAL_ERROR,
        STATUS_CANCELLED,
        STATUS_REMOTE_RESOURCES,
        STATUS_INVALID_ADDRESS,
        STATUS_INVALID_DEVICE_STATE,
        STATUS_INVALID_BUFFER_SIZE,
        STATUS_TOO_MANY_ADDRESSES,
        STATUS_ADDRESS_ALREADY_EXISTS,
        STATUS_CONNECTION_DISCONNECTED,
        STATUS_CONNECTION_RESET,
        STATUS_CONNECTION_REFUSED,
        STATUS_CONNECTION_INVALID,
        STATUS_CONNECTION_ACTIVE,
        STATUS_NETWORK_UNREACHABLE,
        STATUS_HOST_UNREACHABLE,
        STATUS_CONNECTION_ABORTED,
        STATUS_DEVICE_REMOVED,
        STATUS_IMPLEMENTATION_LIMIT,
    );
    assert!(rows.0.is_empty(), "nothing checks {:?}", rows.0);
}
