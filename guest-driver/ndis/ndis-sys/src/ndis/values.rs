//! Values of ndis.h, ntddndis.h and their companions.

use super::NDIS_STATUS;

pub const NDIS_STATUS_SUCCESS: NDIS_STATUS = 0x00000000_u32.cast_signed();
pub const NDIS_STATUS_PENDING: NDIS_STATUS = 0x00000103_u32.cast_signed();
pub const NDIS_STATUS_FAILURE: NDIS_STATUS = 0xC0000001_u32.cast_signed();
pub const NDIS_STATUS_RESOURCES: NDIS_STATUS = 0xC000009A_u32.cast_signed();
pub const NDIS_STATUS_NOT_SUPPORTED: NDIS_STATUS = 0xC00000BB_u32.cast_signed();
pub const NDIS_STATUS_INVALID_PARAMETER: NDIS_STATUS = 0xC000000D_u32.cast_signed();
pub const NDIS_STATUS_BAD_VERSION: NDIS_STATUS = 0xC0010004_u32.cast_signed();
pub const NDIS_STATUS_BAD_CHARACTERISTICS: NDIS_STATUS = 0xC0010005_u32.cast_signed();
pub const NDIS_STATUS_ADAPTER_NOT_FOUND: NDIS_STATUS = 0xC0010006_u32.cast_signed();
pub const NDIS_STATUS_ADAPTER_NOT_READY: NDIS_STATUS = 0xC0010011_u32.cast_signed();
pub const NDIS_STATUS_NOT_ACCEPTED: NDIS_STATUS = 0x00010003_u32.cast_signed();
pub const NDIS_STATUS_INVALID_LENGTH: NDIS_STATUS = 0xC0010014_u32.cast_signed();
pub const NDIS_STATUS_INVALID_DATA: NDIS_STATUS = 0xC0010015_u32.cast_signed();
pub const NDIS_STATUS_BUFFER_TOO_SHORT: NDIS_STATUS = 0xC0010016_u32.cast_signed();
pub const NDIS_STATUS_INVALID_OID: NDIS_STATUS = 0xC0010017_u32.cast_signed();
pub const NDIS_STATUS_REQUEST_ABORTED: NDIS_STATUS = 0xC001000C_u32.cast_signed();
pub const NDIS_STATUS_SEND_ABORTED: NDIS_STATUS = 0xC023000C_u32.cast_signed();
pub const NDIS_STATUS_PAUSED: NDIS_STATUS = 0xC023002A_u32.cast_signed();
pub const NDIS_STATUS_RESET_IN_PROGRESS: NDIS_STATUS = 0xC001000D_u32.cast_signed();
pub const NDIS_STATUS_CLOSING: NDIS_STATUS = 0xC0010002_u32.cast_signed();
pub const NDIS_STATUS_INVALID_STATE: NDIS_STATUS = 0xC0000184_u32.cast_signed();
pub const NDIS_STATUS_MEDIA_DISCONNECTED: NDIS_STATUS = 0xC023001F_u32.cast_signed();
pub const NDIS_STATUS_LOW_POWER_STATE: NDIS_STATUS = 0xC023002F_u32.cast_signed();
pub const NDIS_STATUS_MULTICAST_FULL: NDIS_STATUS = 0xC0010009_u32.cast_signed();
pub const NDIS_STATUS_RESOURCE_CONFLICT: NDIS_STATUS = 0xC001001E_u32.cast_signed();
pub const NDIS_STATUS_NOT_RESETTABLE: NDIS_STATUS = 0x80010001_u32.cast_signed();
pub const NDIS_STATUS_UNSUPPORTED_REVISION: NDIS_STATUS = 0xC023002C_u32.cast_signed();
pub const NDIS_STATUS_LINK_STATE: NDIS_STATUS = 0x40010017_u32.cast_signed();
pub const NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG: NDIS_STATUS = 0x40020006_u32.cast_signed();
pub const NDIS_STATUS_ADAPTER_REMOVED: NDIS_STATUS = 0xC0010018_u32.cast_signed();
pub const NDIS_STATUS_INVALID_PACKET: NDIS_STATUS = 0xC001000F_u32.cast_signed();

pub const NDIS_OBJECT_TYPE_DEFAULT: u8 = 0x80;
pub const NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS: u8 = 0x8A;
pub const NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS: u8 = 0x81;
pub const NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION: u8 = 0x83;
pub const NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT: u8 = 0x84;
pub const NDIS_OBJECT_TYPE_RSS_CAPABILITIES: u8 = 0x88;
pub const NDIS_OBJECT_TYPE_RSS_PARAMETERS: u8 = 0x89;
pub const NDIS_OBJECT_TYPE_OID_REQUEST: u8 = 0x96;
pub const NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS: u8 = 0x97;
pub const NDIS_OBJECT_TYPE_STATUS_INDICATION: u8 = 0x98;
pub const NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES: u8 = 0x9E;
pub const NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES: u8 = 0x9F;
pub const NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES: u8 = 0xA0;
pub const NDIS_OBJECT_TYPE_OFFLOAD: u8 = 0xA7;
pub const NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION: u8 = 0xA8;
pub const NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT: u8 = 0xA9;
pub const NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES: u8 = 0xAF;
pub const NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO: u8 = 0xB1;

pub const NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE: u32 = 0x1;
pub const NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK: u32 = 0x4;
pub const NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND: u32 = 0x20;
pub const NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER: u32 = 0x40;
pub const NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA: u32 = 0x1;
pub const NDIS_MAC_OPTION_RECEIVE_SERIALIZED: u32 = 0x2;
pub const NDIS_MAC_OPTION_TRANSFERS_NOT_PEND: u32 = 0x4;
pub const NDIS_MAC_OPTION_NO_LOOPBACK: u32 = 0x8;
pub const NDIS_MAC_OPTION_FULL_DUPLEX: u32 = 0x10;
pub const NDIS_MAC_OPTION_EOTX_INDICATION: u32 = 0x20;
pub const NDIS_MAC_OPTION_8021P_PRIORITY: u32 = 0x40;
pub const NDIS_MAC_OPTION_SUPPORTS_MAC_ADDRESS_OVERWRITE: u32 = 0x80;
pub const NDIS_MAC_OPTION_RECEIVE_AT_DPC: u32 = 0x100;
pub const NDIS_MAC_OPTION_8021Q_VLAN: u32 = 0x200;
pub const NDIS_PACKET_TYPE_DIRECTED: u32 = 0x1;
pub const NDIS_PACKET_TYPE_MULTICAST: u32 = 0x2;
pub const NDIS_PACKET_TYPE_ALL_MULTICAST: u32 = 0x4;
pub const NDIS_PACKET_TYPE_BROADCAST: u32 = 0x8;
pub const NDIS_PACKET_TYPE_PROMISCUOUS: u32 = 0x20;
pub const NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV: u32 = 0x1;
pub const NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV: u32 = 0x2;
pub const NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV: u32 = 0x4;
pub const NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV: u32 = 0x8;
pub const NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS: u32 = 0x10;
pub const NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR: u32 = 0x20;
pub const NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT: u32 = 0x40;
pub const NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT: u32 = 0x80;
pub const NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT: u32 = 0x100;
pub const NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT: u32 = 0x200;
pub const NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR: u32 = 0x400;
pub const NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS: u32 = 0x8000;
pub const NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV: u32 = 0x10000;
pub const NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV: u32 = 0x20000;
pub const NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV: u32 = 0x40000;
pub const NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT: u32 = 0x80000;
pub const NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT: u32 = 0x100000;
pub const NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT: u32 = 0x200000;
pub const NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4: u32 = 0x100;
pub const NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6: u32 = 0x200;
pub const NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6_EX: u32 = 0x400;
pub const NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV4: u32 = 0x800;
pub const NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6: u32 = 0x1000;
pub const NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6_EX: u32 = 0x2000;
pub const NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS: u32 = 0x1000000;
pub const NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR: u32 = 0x2000000;
pub const NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC: u32 = 0x4000000;
pub const NDIS_RSS_CAPS_USING_MSI_X: u32 = 0x8000000;
pub const NDIS_RSS_CAPS_RSS_AVAILABLE_ON_PORTS: u32 = 0x10000000;
pub const NDIS_RSS_CAPS_SUPPORTS_MSI_X: u32 = 0x20000000;
pub const NDIS_RSS_CAPS_SUPPORTS_INDEPENDENT_ENTRY_MOVE: u32 = 0x40000000;

pub const OID_GEN_SUPPORTED_LIST: u32 = 0x00010101;
pub const OID_GEN_HARDWARE_STATUS: u32 = 0x00010102;
pub const OID_GEN_MEDIA_SUPPORTED: u32 = 0x00010103;
pub const OID_GEN_MEDIA_IN_USE: u32 = 0x00010104;
pub const OID_GEN_MAXIMUM_LOOKAHEAD: u32 = 0x00010105;
pub const OID_GEN_MAXIMUM_FRAME_SIZE: u32 = 0x00010106;
pub const OID_GEN_LINK_SPEED: u32 = 0x00010107;
pub const OID_GEN_TRANSMIT_BUFFER_SPACE: u32 = 0x00010108;
pub const OID_GEN_RECEIVE_BUFFER_SPACE: u32 = 0x00010109;
pub const OID_GEN_TRANSMIT_BLOCK_SIZE: u32 = 0x0001010A;
pub const OID_GEN_RECEIVE_BLOCK_SIZE: u32 = 0x0001010B;
pub const OID_GEN_VENDOR_ID: u32 = 0x0001010C;
pub const OID_GEN_VENDOR_DESCRIPTION: u32 = 0x0001010D;
pub const OID_GEN_CURRENT_PACKET_FILTER: u32 = 0x0001010E;
pub const OID_GEN_CURRENT_LOOKAHEAD: u32 = 0x0001010F;
pub const OID_GEN_DRIVER_VERSION: u32 = 0x00010110;
pub const OID_GEN_MAXIMUM_TOTAL_SIZE: u32 = 0x00010111;
pub const OID_GEN_MAC_OPTIONS: u32 = 0x00010113;
pub const OID_GEN_MEDIA_CONNECT_STATUS: u32 = 0x00010114;
pub const OID_GEN_MAXIMUM_SEND_PACKETS: u32 = 0x00010115;
pub const OID_GEN_VENDOR_DRIVER_VERSION: u32 = 0x00010116;
pub const OID_GEN_NETWORK_LAYER_ADDRESSES: u32 = 0x00010118;
pub const OID_GEN_PHYSICAL_MEDIUM: u32 = 0x00010202;
pub const OID_GEN_RECEIVE_SCALE_CAPABILITIES: u32 = 0x00010203;
pub const OID_GEN_RECEIVE_SCALE_PARAMETERS: u32 = 0x00010204;
pub const OID_GEN_LINK_STATE: u32 = 0x00010207;
pub const OID_GEN_LINK_PARAMETERS: u32 = 0x00010208;
pub const OID_GEN_INTERRUPT_MODERATION: u32 = 0x00010209;
pub const OID_GEN_VLAN_ID: u32 = 0x0001021C;
pub const OID_GEN_XMIT_OK: u32 = 0x00020101;
pub const OID_GEN_RCV_OK: u32 = 0x00020102;
pub const OID_GEN_XMIT_ERROR: u32 = 0x00020103;
pub const OID_GEN_RCV_ERROR: u32 = 0x00020104;
pub const OID_GEN_RCV_NO_BUFFER: u32 = 0x00020105;
pub const OID_GEN_STATISTICS: u32 = 0x00020106;
pub const OID_802_3_PERMANENT_ADDRESS: u32 = 0x01010101;
pub const OID_802_3_CURRENT_ADDRESS: u32 = 0x01010102;
pub const OID_802_3_MULTICAST_LIST: u32 = 0x01010103;
pub const OID_802_3_MAXIMUM_LIST_SIZE: u32 = 0x01010104;
pub const OID_802_3_RCV_ERROR_ALIGNMENT: u32 = 0x01020101;
pub const OID_802_3_XMIT_ONE_COLLISION: u32 = 0x01020102;
pub const OID_802_3_XMIT_MORE_COLLISIONS: u32 = 0x01020103;
pub const OID_PNP_CAPABILITIES: u32 = 0xFD010100;
pub const OID_PNP_SET_POWER: u32 = 0xFD010101;
pub const OID_PNP_QUERY_POWER: u32 = 0xFD010102;
pub const OID_PM_PARAMETERS: u32 = 0xFD010109;
pub const OID_TCP_OFFLOAD_PARAMETERS: u32 = 0xFC01020C;
pub const OID_TCP_OFFLOAD_CURRENT_CONFIG: u32 = 0xFC01020B;
pub const OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES: u32 = 0xFC01020D;
pub const OID_OFFLOAD_ENCAPSULATION: u32 = 0x0101010A;

/// NDIS_REQUEST_TYPE.
#[allow(non_upper_case_globals)]
pub const NdisRequestQueryInformation: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisRequestSetInformation: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisRequestQueryStatistics: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisRequestMethod: i32 = 12;
/// NDIS_HALT_ACTION.
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceDisabled: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceInstanceDeInitialized: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisHaltDevicePoweredDown: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceSurpriseRemoved: i32 = 3;
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceFailed: i32 = 4;
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceInitializationFailed: i32 = 5;
#[allow(non_upper_case_globals)]
pub const NdisHaltDeviceStopped: i32 = 6;
/// NDIS_SHUTDOWN_ACTION.
#[allow(non_upper_case_globals)]
pub const NdisShutdownPowerOff: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisShutdownBugCheck: i32 = 1;
/// NDIS_DEVICE_PNP_EVENT.
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventQueryRemoved: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventRemoved: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventSurpriseRemoved: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventQueryStopped: i32 = 3;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventStopped: i32 = 4;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventPowerProfileChanged: i32 = 5;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventFilterListChanged: i32 = 6;
#[allow(non_upper_case_globals)]
pub const NdisDevicePnPEventMaximum: i32 = 7;
/// NDIS_INTERRUPT_TYPE.
#[allow(non_upper_case_globals)]
pub const NDIS_CONNECT_LINE_BASED: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NDIS_CONNECT_MESSAGE_BASED: i32 = 2;
/// NDIS_INTERRUPT_MODERATION.
#[allow(non_upper_case_globals)]
pub const NdisInterruptModerationUnknown: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisInterruptModerationNotSupported: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisInterruptModerationEnabled: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisInterruptModerationDisabled: i32 = 3;
/// NET_IF_MEDIA_CONNECT_STATE.
#[allow(non_upper_case_globals)]
pub const MediaConnectStateUnknown: i32 = 0;
#[allow(non_upper_case_globals)]
pub const MediaConnectStateConnected: i32 = 1;
#[allow(non_upper_case_globals)]
pub const MediaConnectStateDisconnected: i32 = 2;
/// NET_IF_MEDIA_DUPLEX_STATE.
#[allow(non_upper_case_globals)]
pub const MediaDuplexStateUnknown: i32 = 0;
#[allow(non_upper_case_globals)]
pub const MediaDuplexStateHalf: i32 = 1;
#[allow(non_upper_case_globals)]
pub const MediaDuplexStateFull: i32 = 2;
/// NDIS_SUPPORTED_PAUSE_FUNCTIONS.
#[allow(non_upper_case_globals)]
pub const NdisPauseFunctionsUnsupported: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisPauseFunctionsSendOnly: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisPauseFunctionsReceiveOnly: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisPauseFunctionsSendAndReceive: i32 = 3;
#[allow(non_upper_case_globals)]
pub const NdisPauseFunctionsUnknown: i32 = 4;
/// NDIS_DEVICE_POWER_STATE.
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateUnspecified: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateD0: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateD1: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateD2: i32 = 3;
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateD3: i32 = 4;
#[allow(non_upper_case_globals)]
pub const NdisDeviceStateMaximum: i32 = 5;
/// NDIS_PARAMETER_TYPE.
#[allow(non_upper_case_globals)]
pub const NdisParameterInteger: i32 = 0;
#[allow(non_upper_case_globals)]
pub const NdisParameterHexInteger: i32 = 1;
#[allow(non_upper_case_globals)]
pub const NdisParameterString: i32 = 2;
#[allow(non_upper_case_globals)]
pub const NdisParameterMultiString: i32 = 3;
#[allow(non_upper_case_globals)]
pub const NdisParameterBinary: i32 = 4;
/// NET_PNP_EVENT_CODE.
#[allow(non_upper_case_globals)]
pub const NetEventNDKEnable: i32 = 13;
#[allow(non_upper_case_globals)]
pub const NetEventNDKDisable: i32 = 14;
/// NDIS_ERROR_CODE of NdisWriteErrorLogEntry, by its EVENT_NDIS_RESOURCE_CONFLICT and following (netevent.h).
pub const NDIS_ERROR_CODE_RESOURCE_CONFLICT: u32 = 0xC000_1388;
pub const NDIS_ERROR_CODE_OUT_OF_RESOURCES: u32 = 0xC000_1389;
pub const NDIS_ERROR_CODE_HARDWARE_FAILURE: u32 = 0xC000_138A;
pub const NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION: u32 = 0xC000_1391;
