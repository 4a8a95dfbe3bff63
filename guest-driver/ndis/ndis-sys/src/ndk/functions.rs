//! Consumer callbacks and provider functions of NDKPI, by the names of ndkpi.h.
//!
//! Everything that a caller may leave out, or may wrongly leave out, is an `Option`: a null pointer is then a value and
//! not undefined behaviour.

use core::ffi::c_void;

use super::{
    GROUP_AFFINITY, GUID, MDL, NDK_ADAPTER, NDK_ADAPTER_INFO, NDK_CONNECTOR, NDK_CQ,
    NDK_EXTENSION_INTERFACE, NDK_LISTENER, NDK_LOGICAL_ADDRESS, NDK_LOGICAL_ADDRESS_MAPPING,
    NDK_MR, NDK_MW, NDK_OBJECT_HEADER, NDK_PD, NDK_QP, NDK_RESULT, NDK_RESULT_EX, NDK_SGE,
    NDK_SHARED_ENDPOINT, NDK_SRQ, NDK_VERSION, NTSTATUS, SOCKADDR,
};

// Consumer callbacks.

/// `NDK_FN_CREATE_COMPLETION`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_COMPLETION = unsafe extern "win64" fn(
    Context: *mut c_void,
    Status: NTSTATUS,
    pNdkObject: *mut NDK_OBJECT_HEADER,
);

/// `NDK_FN_REQUEST_COMPLETION`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_REQUEST_COMPLETION =
    unsafe extern "win64" fn(Context: *mut c_void, Status: NTSTATUS);

/// `NDK_FN_CLOSE_COMPLETION`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CLOSE_COMPLETION = unsafe extern "win64" fn(Context: *mut c_void);

/// `NDK_FN_CQ_NOTIFICATION_CALLBACK`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CQ_NOTIFICATION_CALLBACK =
    unsafe extern "win64" fn(CqNotificationContext: *mut c_void, CqStatus: NTSTATUS);

/// `NDK_FN_SRQ_NOTIFICATION_CALLBACK`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_SRQ_NOTIFICATION_CALLBACK =
    unsafe extern "win64" fn(SrqNotificationContext: *mut c_void, SrqStatus: NTSTATUS);

/// `NDK_FN_CONNECT_EVENT_CALLBACK`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CONNECT_EVENT_CALLBACK =
    unsafe extern "win64" fn(ConnectEventContext: *mut c_void, pNdkConnector: *mut NDK_CONNECTOR);

/// `NDK_FN_DISCONNECT_EVENT_CALLBACK`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_DISCONNECT_EVENT_CALLBACK =
    unsafe extern "win64" fn(DisconnectEventContext: *mut c_void);

/// `NDK_FN_DISCONNECT_EVENT_CALLBACK_EX`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_DISCONNECT_EVENT_CALLBACK_EX =
    unsafe extern "win64" fn(DisconnectEventContext: *mut c_void, ProviderDisconnectReason: u32);

// Provider functions.

/// `NDK_FN_CLOSE_OBJECT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CLOSE_OBJECT = unsafe extern "win64" fn(
    pNdkObject: *mut NDK_OBJECT_HEADER,
    CloseCompletion: Option<NDK_FN_CLOSE_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_QUERY_EXTENSION_INTERFACE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_QUERY_EXTENSION_INTERFACE = unsafe extern "win64" fn(
    pNdkObject: *mut NDK_OBJECT_HEADER,
    ExtensionInterfaceID: *mut GUID,
    ExtensionInterfaceVersion: NDK_VERSION,
    pExtensionInterface: *mut NDK_EXTENSION_INTERFACE,
) -> NTSTATUS;

/// `NDK_FN_RESIZE_CQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_RESIZE_CQ = unsafe extern "win64" fn(
    pNdkCq: *mut NDK_CQ,
    CqDepth: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_ARM_CQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_ARM_CQ = unsafe extern "win64" fn(pNdkCq: *mut NDK_CQ, Type: u32);

/// `NDK_FN_GET_CQ_RESULTS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_CQ_RESULTS =
    unsafe extern "win64" fn(pNdkCq: *mut NDK_CQ, Results: *mut NDK_RESULT, nResults: u32) -> u32;

/// `NDK_FN_CONTROL_CQ_INTERRUPT_MODERATION`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CONTROL_CQ_INTERRUPT_MODERATION = unsafe extern "win64" fn(
    pNdkCq: *mut NDK_CQ,
    ModerationInterval: u32,
    ModerationCount: u32,
) -> NTSTATUS;

/// `NDK_FN_GET_CQ_RESULTS_EX`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_CQ_RESULTS_EX = unsafe extern "win64" fn(
    pNdkCq: *mut NDK_CQ,
    Results: *mut NDK_RESULT_EX,
    nResults: u32,
) -> u32;

/// `NDK_FN_REGISTER_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_REGISTER_MR = unsafe extern "win64" fn(
    pNdkMr: *mut NDK_MR,
    Mdl: *mut MDL,
    Length: usize,
    Flags: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_DEREGISTER_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_DEREGISTER_MR = unsafe extern "win64" fn(
    pNdkMr: *mut NDK_MR,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_INITIALIZE_FAST_REGISTER_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_INITIALIZE_FAST_REGISTER_MR = unsafe extern "win64" fn(
    pNdkMr: *mut NDK_MR,
    AdapterPageCount: u32,
    RemoteAccess: u8,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_GET_REMOTE_TOKEN_FROM_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_REMOTE_TOKEN_FROM_MR = unsafe extern "win64" fn(pNdkMr: *mut NDK_MR) -> u32;

/// `NDK_FN_GET_LOCAL_TOKEN_FROM_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_LOCAL_TOKEN_FROM_MR = unsafe extern "win64" fn(pNdkMr: *mut NDK_MR) -> u32;

/// `NDK_FN_GET_REMOTE_TOKEN_FROM_MW`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_REMOTE_TOKEN_FROM_MW = unsafe extern "win64" fn(pNdkMw: *mut NDK_MW) -> u32;

/// `NDK_FN_MODIFY_SRQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_MODIFY_SRQ = unsafe extern "win64" fn(
    pNdkSrq: *mut NDK_SRQ,
    SrqDepth: u32,
    NotifyThreshold: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_SRQ_RECEIVE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_SRQ_RECEIVE = unsafe extern "win64" fn(
    pNdkSrq: *mut NDK_SRQ,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
) -> NTSTATUS;

/// `NDK_FN_FLUSH`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_FLUSH = unsafe extern "win64" fn(pNdkQp: *mut NDK_QP);

/// `NDK_FN_SEND`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_SEND = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_RECEIVE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_RECEIVE = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
) -> NTSTATUS;

/// `NDK_FN_BIND`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_BIND = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pMr: *mut NDK_MR,
    pMw: *mut NDK_MW,
    VirtualAddress: *mut c_void,
    Length: usize,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_FAST_REGISTER`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_FAST_REGISTER = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pMr: *mut NDK_MR,
    AdapterPageCount: u32,
    AdapterPageArray: *const NDK_LOGICAL_ADDRESS,
    FBO: u32,
    Length: usize,
    BaseVirtualAddress: *mut c_void,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_INVALIDATE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_INVALIDATE = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pNdkMrOrMw: *mut NDK_OBJECT_HEADER,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_READ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_READ = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
    RemoteAddress: u64,
    RemoteToken: u32,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_WRITE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_WRITE = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
    RemoteAddress: u64,
    RemoteToken: u32,
    Flags: u32,
) -> NTSTATUS;

/// `NDK_FN_SEND_AND_INVALIDATE`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_SEND_AND_INVALIDATE = unsafe extern "win64" fn(
    pNdkQp: *mut NDK_QP,
    RequestContext: *mut c_void,
    pSgl: *const NDK_SGE,
    nSge: u32,
    Flags: u32,
    RemoteToken: u32,
) -> NTSTATUS;

/// `NDK_FN_CREATE_MR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_MR = unsafe extern "win64" fn(
    pNdkPd: *mut NDK_PD,
    FastRegister: u8,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkMr: *mut *mut NDK_MR,
) -> NTSTATUS;

/// `NDK_FN_CREATE_MW`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_MW = unsafe extern "win64" fn(
    pNdkPd: *mut NDK_PD,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkMw: *mut *mut NDK_MW,
) -> NTSTATUS;

/// `NDK_FN_CREATE_SRQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_SRQ = unsafe extern "win64" fn(
    pNdkPd: *mut NDK_PD,
    SrqDepth: u32,
    MaxReceiveRequestSge: u32,
    NotifyThreshold: u32,
    SrqNotification: Option<NDK_FN_SRQ_NOTIFICATION_CALLBACK>,
    SrqNotificationContext: *mut c_void,
    Affinity: *mut GROUP_AFFINITY,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkSrq: *mut *mut NDK_SRQ,
) -> NTSTATUS;

/// `NDK_FN_CREATE_QP`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_QP = unsafe extern "win64" fn(
    pNdkPd: *mut NDK_PD,
    pReceiveCq: *mut NDK_CQ,
    pInitiatorCq: *mut NDK_CQ,
    QPContext: *mut c_void,
    ReceiveQueueDepth: u32,
    InitiatorQueueDepth: u32,
    MaxReceiveRequestSge: u32,
    MaxInitiatorRequestSge: u32,
    InlineDataSize: u32,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkQp: *mut *mut NDK_QP,
) -> NTSTATUS;

/// `NDK_FN_CREATE_QP_WITH_SRQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_QP_WITH_SRQ = unsafe extern "win64" fn(
    pNdkPd: *mut NDK_PD,
    pReceiveCq: *mut NDK_CQ,
    pInitiatorCq: *mut NDK_CQ,
    pSrq: *mut NDK_SRQ,
    QPContext: *mut c_void,
    InitiatorQueueDepth: u32,
    MaxInitiatorRequestSge: u32,
    InlineDataSize: u32,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkQp: *mut *mut NDK_QP,
) -> NTSTATUS;

/// `NDK_FN_GET_PRIVILEGED_MEMORY_REGION_TOKEN`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_PRIVILEGED_MEMORY_REGION_TOKEN =
    unsafe extern "win64" fn(pNdkPd: *mut NDK_PD, pToken: *mut u32);

/// `NDK_FN_GET_SHARED_ENDPOINT_LOCAL_ADDRESS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_SHARED_ENDPOINT_LOCAL_ADDRESS = unsafe extern "win64" fn(
    pNdkSharedEndpoint: *mut NDK_SHARED_ENDPOINT,
    pAddress: *mut SOCKADDR,
    pAddressLength: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_CONNECT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CONNECT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pNdkQp: *mut NDK_QP,
    pSrcAddress: *mut SOCKADDR,
    SrcAddressLength: u32,
    pDestAddress: *mut SOCKADDR,
    DestAddressLength: u32,
    InboundReadLimit: u32,
    OutboundReadLimit: u32,
    pPrivateData: *const c_void,
    PrivateDataLength: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_CONNECT_WITH_SHARED_ENDPOINT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CONNECT_WITH_SHARED_ENDPOINT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pNdkQp: *mut NDK_QP,
    pNdkSharedEndpoint: *mut NDK_SHARED_ENDPOINT,
    pDestAddress: *mut SOCKADDR,
    DestAddressLength: u32,
    InboundReadLimit: u32,
    OutboundReadLimit: u32,
    pPrivateData: *const c_void,
    PrivateDataLength: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_COMPLETE_CONNECT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_COMPLETE_CONNECT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    DisconnectEvent: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK>,
    DisconnectEventContext: *mut c_void,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_COMPLETE_CONNECT_EX`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_COMPLETE_CONNECT_EX = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    DisconnectEvent: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK_EX>,
    DisconnectEventContext: *mut c_void,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_ACCEPT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_ACCEPT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pNdkQp: *mut NDK_QP,
    InboundReadLimit: u32,
    OutboundReadLimit: u32,
    pPrivateData: *const c_void,
    PrivateDataLength: u32,
    DisconnectEvent: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK>,
    DisconnectEventContext: *mut c_void,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_ACCEPT_EX`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_ACCEPT_EX = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pNdkQp: *mut NDK_QP,
    InboundReadLimit: u32,
    OutboundReadLimit: u32,
    pPrivateData: *const c_void,
    PrivateDataLength: u32,
    DisconnectEvent: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK_EX>,
    DisconnectEventContext: *mut c_void,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_REJECT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_REJECT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pPrivateData: *const c_void,
    PrivateDataLength: u32,
) -> NTSTATUS;

/// `NDK_FN_GET_CONNECTION_DATA`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_CONNECTION_DATA = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pInboundReadLimit: *mut u32,
    pOutboundReadLimit: *mut u32,
    pPrivateData: *mut c_void,
    pPrivateDataLength: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_GET_LOCAL_ADDRESS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_LOCAL_ADDRESS = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pAddress: *mut SOCKADDR,
    pAddressLength: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_GET_PEER_ADDRESS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_PEER_ADDRESS = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    pAddress: *mut SOCKADDR,
    pAddressLength: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_DISCONNECT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_DISCONNECT = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_DISCONNECT_EX`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_DISCONNECT_EX = unsafe extern "win64" fn(
    pNdkConnector: *mut NDK_CONNECTOR,
    Abortive: u8,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_CONTROL_CONNECT_EVENTS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CONTROL_CONNECT_EVENTS =
    unsafe extern "win64" fn(pNdkListener: *mut NDK_LISTENER, Pause: u8);

/// `NDK_FN_LISTEN`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_LISTEN = unsafe extern "win64" fn(
    pNdkListener: *mut NDK_LISTENER,
    pAddress: *mut SOCKADDR,
    AddressLength: u32,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
) -> NTSTATUS;

/// `NDK_FN_GET_LISTENER_LOCAL_ADDRESS`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_GET_LISTENER_LOCAL_ADDRESS = unsafe extern "win64" fn(
    pNdkListener: *mut NDK_LISTENER,
    pAddress: *mut SOCKADDR,
    pAddressLength: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_QUERY_ADAPTER_INFO`, at most `PASSIVE_LEVEL`.
pub type NDK_FN_QUERY_ADAPTER_INFO = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    pInfo: *mut NDK_ADAPTER_INFO,
    pBufferSize: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_QUERY_ADAPTER_INFO_EX`, at most `PASSIVE_LEVEL`.
pub type NDK_FN_QUERY_ADAPTER_INFO_EX = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    Version: NDK_VERSION,
    pInfo: *mut NDK_ADAPTER_INFO,
    pBufferSize: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_CREATE_CQ`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_CQ = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    CqDepth: u32,
    CqNotification: Option<NDK_FN_CQ_NOTIFICATION_CALLBACK>,
    CqNotificationContext: *mut c_void,
    Affinity: *mut GROUP_AFFINITY,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkCq: *mut *mut NDK_CQ,
) -> NTSTATUS;

/// `NDK_FN_CREATE_PD`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_PD = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkPd: *mut *mut NDK_PD,
) -> NTSTATUS;

/// `NDK_FN_CREATE_SHARED_ENDPOINT`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_SHARED_ENDPOINT = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    pAddress: *mut SOCKADDR,
    AddressLength: u32,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkSharedEndpoint: *mut *mut NDK_SHARED_ENDPOINT,
) -> NTSTATUS;

/// `NDK_FN_CREATE_CONNECTOR`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_CONNECTOR = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkConnector: *mut *mut NDK_CONNECTOR,
) -> NTSTATUS;

/// `NDK_FN_CREATE_LISTENER`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_CREATE_LISTENER = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    ConnectEvent: Option<NDK_FN_CONNECT_EVENT_CALLBACK>,
    ConnectEventContext: *mut c_void,
    CreateCompletion: Option<NDK_FN_CREATE_COMPLETION>,
    RequestContext: *mut c_void,
    ppNdkListener: *mut *mut NDK_LISTENER,
) -> NTSTATUS;

/// `NDK_FN_BUILD_LAM`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_BUILD_LAM = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    Mdl: *mut MDL,
    Length: usize,
    RequestCompletion: Option<NDK_FN_REQUEST_COMPLETION>,
    RequestContext: *mut c_void,
    pNdkLAM: *mut NDK_LOGICAL_ADDRESS_MAPPING,
    pLAMSize: *mut u32,
    pFBO: *mut u32,
) -> NTSTATUS;

/// `NDK_FN_RELEASE_LAM`, at most `DISPATCH_LEVEL`.
pub type NDK_FN_RELEASE_LAM = unsafe extern "win64" fn(
    pNdkAdapter: *mut NDK_ADAPTER,
    pNdkLAM: *mut NDK_LOGICAL_ADDRESS_MAPPING,
);
