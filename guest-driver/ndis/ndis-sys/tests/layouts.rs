//! The bindings of WDM, NDIS and netio against `tests/data/layouts.txt`: every row is checked, and nothing twice.

use ndis_sys::{ndis::*, netio::*, nt::*};
use std::collections::BTreeMap;
use std::mem::{align_of, offset_of, size_of};

/// Rows of the table, each to be taken once.
struct Rows(BTreeMap<String, String>);

impl Rows {
    fn read() -> Self {
        let mut rows = BTreeMap::new();
        for line in include_str!("data/layouts.txt").lines() {
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

    fn take(&mut self, what: &str, is: String) {
        assert_eq!(self.0.remove(what), Some(is), "{what}");
    }
}

/// Bytes of a field, by a pointer that is never read: fields of packed structures cannot be borrowed.
fn bytes<S, F>(_: fn(*const S) -> *const F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($rows:ident, $name:ident $($field:ident)*) => {
        $rows.take(
            concat!("size ", stringify!($name)),
            format!("{} {}", size_of::<$name>(), align_of::<$name>()),
        );
        $(
            $rows.take(
                concat!("field ", stringify!($name), " ", stringify!($field)),
                format!(
                    "{} {}",
                    offset_of!($name, $field),
                    // SAFETY: never called.
                    bytes(|s: *const $name| unsafe { &raw const (*s).$field }),
                ),
            );
        )*
    };
}

macro_rules! value {
    ($rows:ident, $($name:ident)*) => {
        $( $rows.take(concat!("value ", stringify!($name)), ($name as u32).to_string()); )*
    };
}

#[test]
fn layouts_are_what_the_table_says() {
    let mut rows = Rows::read();
    layout!(rows, NDIS_OID_REQUEST Header RequestType PortNumber Timeout RequestId RequestHandle DATA NdisReserved MiniportReserved SourceReserved SupportedRevision Reserved1 Reserved2 SwitchId VPortId Flags);
    layout!(rows, NDIS_STATUS_INDICATION Header SourceHandle PortNumber StatusCode Flags DestinationHandle RequestId StatusBuffer StatusBufferSize Guid NdisReserved);
    layout!(rows, NDIS_LINK_STATE Header MediaConnectState MediaDuplexState XmitLinkSpeed RcvLinkSpeed PauseFunctions AutoNegotiationFlags);
    layout!(rows, NDIS_LINK_PARAMETERS Header MediaDuplexState XmitLinkSpeed RcvLinkSpeed PauseFunctions AutoNegotiationFlags);
    layout!(rows, NDIS_STATISTICS_INFO Header SupportedStatistics ifInDiscards ifInErrors ifHCInOctets ifHCInUcastPkts ifHCInMulticastPkts ifHCInBroadcastPkts ifHCOutOctets ifHCOutUcastPkts ifHCOutMulticastPkts ifHCOutBroadcastPkts ifOutErrors ifOutDiscards ifHCInUcastOctets ifHCInMulticastOctets ifHCInBroadcastOctets ifHCOutUcastOctets ifHCOutMulticastOctets ifHCOutBroadcastOctets);
    layout!(rows, NDIS_INTERRUPT_MODERATION_PARAMETERS Header Flags InterruptModeration);
    layout!(rows, NDIS_PM_CAPABILITIES Header Flags SupportedWoLPacketPatterns NumTotalWoLPatterns MaxWoLPatternSize MaxWoLPatternOffset MaxWoLPacketSaveBuffer SupportedProtocolOffloads NumArpOffloadIPv4Addresses NumNSOffloadIPv6Addresses MinMagicPacketWakeUp MinPatternWakeUp MinLinkChangeWakeUp SupportedWakeUpEvents MediaSpecificWakeUpEvents);
    layout!(rows, NDIS_PNP_CAPABILITIES Flags WakeUpCapabilities);
    layout!(rows, NDIS_OFFLOAD Header Checksum LsoV1 IPsecV1 LsoV2 Flags IPsecV2 Rsc EncapsulatedPacketTaskOffloadGre EncapsulatedPacketTaskOffloadVxlan EncapsulationTypes Rfc6877Xlat UdpSegmentation);
    layout!(rows, NDIS_TCP_IP_CHECKSUM_OFFLOAD IPv4Transmit IPv4Receive IPv6Transmit IPv6Receive);
    layout!(rows, NDIS_TCP_LARGE_SEND_OFFLOAD_V2 IPv4 IPv6);
    layout!(rows, NDIS_RECEIVE_SCALE_CAPABILITIES Header CapabilitiesFlags NumberOfInterruptMessages NumberOfReceiveQueues NumberOfIndirectionTableEntries);
    layout!(rows, NET_DEVICE_PNP_EVENT Header PortNumber DevicePnPEvent InformationBuffer InformationBufferLength NdisReserved);
    layout!(rows, NET_PNP_EVENT NetEvent Buffer BufferLength NdisReserved TransportReserved TdiReserved TdiClientReserved);
    layout!(rows, NET_PNP_EVENT_NOTIFICATION Header PortNumber NetPnPEvent Flags SwitchId VPortId);
    layout!(rows, NET_BUFFER Next CurrentMdl CurrentMdlOffset DataLength MdlChain DataOffset ChecksumBias Reserved NdisPoolHandle NdisReserved ProtocolReserved MiniportReserved DataPhysicalAddress ScatterGatherList);
    layout!(rows, NET_BUFFER_LIST Next FirstNetBuffer Context ParentNetBufferList NdisPoolHandle NdisReserved ProtocolReserved MiniportReserved Scratch SourceHandle NblFlags ChildRefCount Flags Status NetBufferListInfo);
    layout!(rows, NET_BUFFER_LIST_CONTEXT Next Size Offset);
    layout!(rows, NET_BUFFER_LIST_POOL_PARAMETERS Header ProtocolId fAllocateNetBuffer ContextSize PoolTag DataSize Flags);
    layout!(rows, NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS Header InterruptHandler InterruptDpcHandler DisableInterruptHandler EnableInterruptHandler MsiSupported MsiSyncWithAllMessages MessageInterruptHandler MessageInterruptDpcHandler DisableMessageInterruptHandler EnableMessageInterruptHandler InterruptType MessageInfoTable);
    layout!(rows, NDIS_CONFIGURATION_OBJECT Header NdisHandle Flags);
    layout!(rows, NDIS_CONFIGURATION_PARAMETER ParameterType ParameterData);
    layout!(rows, NDIS_SG_DMA_DESCRIPTION Header Flags MaximumPhysicalMapping ProcessSGListHandler SharedMemAllocateCompleteHandler ScatterGatherListSize PdoOverride);
    layout!(rows, NDIS_SCATTER_GATHER_LIST_PARAMETERS Header Flags QueueId SharedMemoryUsage Mdl CurrentVa Length ProcessSGListHandler Context ScatterGatherListBuffer ScatterGatherListBufferSize ScatterGatherListBufferSizeNeeded);
    layout!(rows, NDIS_SPIN_LOCK SpinLock OldIrql);
    layout!(rows, NDIS_EVENT Event);
    layout!(rows, NDIS_TIMER_CHARACTERISTICS Header AllocationTag TimerFunction FunctionContext);
    layout!(rows, NDIS_RECEIVE_THROTTLE_PARAMETERS MaxNblsToIndicate);
    layout!(rows, NDIS_RSS_PROCESSOR ProcNum PreferenceIndex Reserved);
    layout!(rows, NDIS_RSS_PROCESSOR_INFO Header Flags RssBaseProcessor MaxNumRssProcessors PreferredNumaNode RssProcessorArrayOffset RssProcessorCount RssProcessorEntrySize RssMaxProcessor RssProfile);
    layout!(rows, NDIS_OBJECT_HEADER Type Revision Size);
    layout!(rows, NDIS_MINIPORT_DRIVER_CHARACTERISTICS Header MajorNdisVersion MinorNdisVersion MajorDriverVersion MinorDriverVersion Flags SetOptionsHandler InitializeHandlerEx HaltHandlerEx UnloadHandler PauseHandler RestartHandler OidRequestHandler SendNetBufferListsHandler ReturnNetBufferListsHandler CancelSendHandler CheckForHangHandlerEx ResetHandlerEx DevicePnPEventNotifyHandler ShutdownHandlerEx CancelOidRequestHandler DirectOidRequestHandler CancelDirectOidRequestHandler SynchronousOidRequestHandler);
    layout!(rows, NDIS_MINIPORT_INIT_PARAMETERS Header Flags AllocatedResources IMDeviceInstanceContext MiniportAddDeviceContext IfIndex NetLuid DefaultPortAuthStates PciDeviceCustomProperties);
    layout!(rows, NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Header MiniportAdapterContext AttributeFlags CheckForHangTimeInSeconds InterfaceType);
    layout!(rows, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES Header Flags MediaType PhysicalMediumType MtuSize MaxXmitLinkSpeed XmitLinkSpeed MaxRcvLinkSpeed RcvLinkSpeed MediaConnectState MediaDuplexState LookaheadSize PowerManagementCapabilities MacOptions SupportedPacketFilters MaxMulticastListSize MacAddressLength PermanentMacAddress CurrentMacAddress RecvScaleCapabilities AccessType DirectionType ConnectionType IfType IfConnectorPresent SupportedStatistics SupportedPauseFunctions DataBackFillSize ContextBackFillSize SupportedOidList SupportedOidListLength AutoNegotiationFlags PowerManagementCapabilitiesEx);
    layout!(rows, NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES Header DefaultOffloadConfiguration HardwareOffloadCapabilities DefaultTcpConnectionOffloadConfiguration TcpConnectionOffloadHardwareCapabilities);
    layout!(rows, NDIS_MINIPORT_PAUSE_PARAMETERS Header Flags PauseReason);
    layout!(rows, NDIS_MINIPORT_RESTART_PARAMETERS Header RestartAttributes Flags);
    layout!(rows, NDIS_RESTART_ATTRIBUTES Next Oid DataLength Data);
    layout!(rows, NDIS_RESTART_GENERAL_ATTRIBUTES Header MtuSize MaxXmitLinkSpeed MaxRcvLinkSpeed LookaheadSize MacOptions SupportedPacketFilters MaxMulticastListSize RecvScaleCapabilities AccessType Flags ConnectionType SupportedStatistics DataBackFillSize ContextBackFillSize SupportedOidList SupportedOidListLength MaxLookaheadSizeAccessed);
    layout!(rows, SOCKADDR_IN sin_family sin_port sin_addr sin_zero);
    layout!(rows, SOCKADDR_IN6 sin6_family sin6_port sin6_flowinfo sin6_addr sin6_scope_id);
    layout!(rows, SOCKADDR_INET Ipv4 Ipv6 si_family);
    layout!(rows, MIB_UNICASTIPADDRESS_ROW Address InterfaceLuid InterfaceIndex PrefixOrigin SuffixOrigin ValidLifetime PreferredLifetime OnLinkPrefixLength SkipAsSource DadState ScopeId CreationTimeStamp);
    layout!(rows, MIB_UNICASTIPADDRESS_TABLE NumEntries Table);
    layout!(rows, IP_ADDRESS_PREFIX Prefix PrefixLength);
    layout!(rows, MIB_IPFORWARD_ROW2 InterfaceLuid InterfaceIndex DestinationPrefix NextHop SitePrefixLength ValidLifetime PreferredLifetime Metric Protocol Loopback AutoconfigureAddress Publish Immortal Age Origin);
    layout!(rows, MIB_IPNET_ROW2 Address InterfaceIndex InterfaceLuid PhysicalAddress PhysicalAddressLength State Flags ReachabilityTime);
    layout!(rows, UNICODE_STRING Length MaximumLength Buffer);
    layout!(rows, LIST_ENTRY Flink Blink);
    layout!(rows, GROUP_AFFINITY Mask Group Reserved);
    layout!(rows, PROCESSOR_NUMBER Group Number Reserved);
    layout!(rows, KEVENT Header);
    layout!(rows, KDPC TargetInfoAsUlong DpcListEntry ProcessorHistory DeferredRoutine DeferredContext SystemArgument1 SystemArgument2 DpcData);
    layout!(rows, KTIMER Header DueTime TimerListEntry Dpc Processor TimerType Period);
    layout!(rows, EX_RUNDOWN_REF Count);
    layout!(rows, MDL Next Size MdlFlags Process MappedSystemVa StartVa ByteCount ByteOffset);
    layout!(rows, DRIVER_OBJECT Type Size DeviceObject Flags DriverStart DriverSize DriverSection DriverExtension DriverName HardwareDatabase FastIoDispatch DriverInit DriverStartIo DriverUnload MajorFunction);
    layout!(rows, IO_INTERRUPT_MESSAGE_INFO UnifiedIrql MessageCount MessageInfo);
    layout!(rows, IO_INTERRUPT_MESSAGE_INFO_ENTRY MessageAddress TargetProcessorSet InterruptObject MessageData Vector Irql Mode Polarity);
    layout!(rows, CM_PARTIAL_RESOURCE_LIST Version Revision Count PartialDescriptors);
    layout!(rows, CM_PARTIAL_RESOURCE_DESCRIPTOR Type ShareDisposition Flags u);
    layout!(rows, SCATTER_GATHER_ELEMENT Address Length Reserved);
    layout!(rows, SCATTER_GATHER_LIST NumberOfElements Reserved Elements);
    value!(rows, NDIS_SEND_FLAGS_DISPATCH_LEVEL NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL NDIS_RECEIVE_FLAGS_RESOURCES NDIS_RETURN_FLAGS_DISPATCH_LEVEL NDIS_SG_LIST_WRITE_TO_DEVICE NDIS_SG_DMA_64_BIT_ADDRESS NDIS_SG_DMA_V3_HAL_API NDIS_STATUS_SUCCESS NDIS_STATUS_PENDING NDIS_STATUS_FAILURE NDIS_STATUS_RESOURCES NDIS_STATUS_NOT_SUPPORTED NDIS_STATUS_INVALID_PARAMETER NDIS_STATUS_BAD_VERSION NDIS_STATUS_BAD_CHARACTERISTICS NDIS_STATUS_ADAPTER_NOT_FOUND NDIS_STATUS_ADAPTER_NOT_READY NDIS_STATUS_NOT_ACCEPTED NDIS_STATUS_INVALID_LENGTH NDIS_STATUS_INVALID_DATA NDIS_STATUS_BUFFER_TOO_SHORT NDIS_STATUS_INVALID_OID NDIS_STATUS_REQUEST_ABORTED NDIS_STATUS_SEND_ABORTED NDIS_STATUS_PAUSED NDIS_STATUS_RESET_IN_PROGRESS NDIS_STATUS_CLOSING NDIS_STATUS_INVALID_STATE NDIS_STATUS_MEDIA_DISCONNECTED NDIS_STATUS_LOW_POWER_STATE NDIS_STATUS_MULTICAST_FULL NDIS_STATUS_RESOURCE_CONFLICT NDIS_STATUS_NOT_RESETTABLE NDIS_STATUS_UNSUPPORTED_REVISION NDIS_STATUS_LINK_STATE NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG NDIS_STATUS_ADAPTER_REMOVED NDIS_STATUS_INVALID_PACKET NDIS_OBJECT_TYPE_DEFAULT NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT NDIS_OBJECT_TYPE_RSS_CAPABILITIES NDIS_OBJECT_TYPE_RSS_PARAMETERS NDIS_OBJECT_TYPE_OID_REQUEST NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS NDIS_OBJECT_TYPE_STATUS_INDICATION NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES NDIS_OBJECT_TYPE_OFFLOAD NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA NDIS_MAC_OPTION_RECEIVE_SERIALIZED NDIS_MAC_OPTION_TRANSFERS_NOT_PEND NDIS_MAC_OPTION_NO_LOOPBACK NDIS_MAC_OPTION_FULL_DUPLEX NDIS_MAC_OPTION_EOTX_INDICATION NDIS_MAC_OPTION_8021P_PRIORITY NDIS_MAC_OPTION_SUPPORTS_MAC_ADDRESS_OVERWRITE NDIS_MAC_OPTION_RECEIVE_AT_DPC NDIS_MAC_OPTION_8021Q_VLAN NDIS_PACKET_TYPE_DIRECTED NDIS_PACKET_TYPE_MULTICAST NDIS_PACKET_TYPE_ALL_MULTICAST NDIS_PACKET_TYPE_BROADCAST NDIS_PACKET_TYPE_PROMISCUOUS NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4 NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6 NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6_EX NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV4 NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6 NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6_EX NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC NDIS_RSS_CAPS_USING_MSI_X NDIS_RSS_CAPS_RSS_AVAILABLE_ON_PORTS NDIS_RSS_CAPS_SUPPORTS_MSI_X NDIS_RSS_CAPS_SUPPORTS_INDEPENDENT_ENTRY_MOVE OID_GEN_SUPPORTED_LIST OID_GEN_HARDWARE_STATUS OID_GEN_MEDIA_SUPPORTED OID_GEN_MEDIA_IN_USE OID_GEN_MAXIMUM_LOOKAHEAD OID_GEN_MAXIMUM_FRAME_SIZE OID_GEN_LINK_SPEED OID_GEN_TRANSMIT_BUFFER_SPACE OID_GEN_RECEIVE_BUFFER_SPACE OID_GEN_TRANSMIT_BLOCK_SIZE OID_GEN_RECEIVE_BLOCK_SIZE OID_GEN_VENDOR_ID OID_GEN_VENDOR_DESCRIPTION OID_GEN_CURRENT_PACKET_FILTER OID_GEN_CURRENT_LOOKAHEAD OID_GEN_DRIVER_VERSION OID_GEN_MAXIMUM_TOTAL_SIZE OID_GEN_MAC_OPTIONS OID_GEN_MEDIA_CONNECT_STATUS OID_GEN_MAXIMUM_SEND_PACKETS OID_GEN_VENDOR_DRIVER_VERSION OID_GEN_NETWORK_LAYER_ADDRESSES OID_GEN_PHYSICAL_MEDIUM OID_GEN_RECEIVE_SCALE_CAPABILITIES OID_GEN_RECEIVE_SCALE_PARAMETERS OID_GEN_LINK_STATE OID_GEN_LINK_PARAMETERS OID_GEN_INTERRUPT_MODERATION OID_GEN_VLAN_ID OID_GEN_XMIT_OK OID_GEN_RCV_OK OID_GEN_XMIT_ERROR OID_GEN_RCV_ERROR OID_GEN_RCV_NO_BUFFER OID_GEN_STATISTICS OID_802_3_PERMANENT_ADDRESS OID_802_3_CURRENT_ADDRESS OID_802_3_MULTICAST_LIST OID_802_3_MAXIMUM_LIST_SIZE OID_802_3_RCV_ERROR_ALIGNMENT OID_802_3_XMIT_ONE_COLLISION OID_802_3_XMIT_MORE_COLLISIONS OID_PNP_CAPABILITIES OID_PNP_SET_POWER OID_PNP_QUERY_POWER OID_PM_PARAMETERS OID_TCP_OFFLOAD_PARAMETERS OID_TCP_OFFLOAD_CURRENT_CONFIG OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES NdisRequestQueryInformation NdisRequestSetInformation NdisRequestQueryStatistics NdisRequestMethod NdisHaltDeviceDisabled NdisHaltDeviceInstanceDeInitialized NdisHaltDevicePoweredDown NdisHaltDeviceSurpriseRemoved NdisHaltDeviceFailed NdisHaltDeviceInitializationFailed NdisHaltDeviceStopped NdisShutdownPowerOff NdisShutdownBugCheck NdisDevicePnPEventQueryRemoved NdisDevicePnPEventRemoved NdisDevicePnPEventSurpriseRemoved NdisDevicePnPEventQueryStopped NdisDevicePnPEventStopped NdisDevicePnPEventPowerProfileChanged NdisDevicePnPEventFilterListChanged NdisDevicePnPEventMaximum NDIS_CONNECT_LINE_BASED NDIS_CONNECT_MESSAGE_BASED NdisInterruptModerationUnknown NdisInterruptModerationNotSupported NdisInterruptModerationEnabled NdisInterruptModerationDisabled MediaConnectStateUnknown MediaConnectStateConnected MediaConnectStateDisconnected MediaDuplexStateUnknown MediaDuplexStateHalf MediaDuplexStateFull NdisPauseFunctionsUnsupported NdisPauseFunctionsSendOnly NdisPauseFunctionsReceiveOnly NdisPauseFunctionsSendAndReceive NdisPauseFunctionsUnknown NdisDeviceStateUnspecified NdisDeviceStateD0 NdisDeviceStateD1 NdisDeviceStateD2 NdisDeviceStateD3 NdisDeviceStateMaximum NdisParameterInteger NdisParameterHexInteger NdisParameterString NdisParameterMultiString NdisParameterBinary NetEventNDKEnable NetEventNDKDisable POOL_FLAG_UNINITIALIZED POOL_FLAG_NON_PAGED MDL_MAPPED_TO_SYSTEM_VA MDL_SOURCE_IS_NONPAGED_POOL CM_RESOURCE_INTERRUPT_MESSAGE);
    assert!(rows.0.is_empty(), "nothing checks {:?}", rows.0.keys());
}

/// Not in the headers that the table was read from; from the pages of Microsoft's driver documentation.
#[test]
fn parameters_of_requests_have_their_documented_sizes() {
    // NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1 and _2.
    assert_eq!(
        offset_of!(NDIS_RECEIVE_SCALE_PARAMETERS, ProcessorMasksOffset),
        0x1C
    );
    assert_eq!(size_of::<NDIS_RECEIVE_SCALE_PARAMETERS>(), 0x28);
    assert_eq!(
        offset_of!(NDIS_RECEIVE_SCALE_PARAMETERS, IndirectionTableSize),
        12
    );
    assert_eq!(
        offset_of!(NDIS_RECEIVE_SCALE_PARAMETERS, HashSecretKeyOffset),
        24
    );
    // NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1.
    assert_eq!(size_of::<NDIS_OFFLOAD_PARAMETERS>(), 20);
    assert_eq!(size_of::<NDIS_OFFLOAD_ENCAPSULATION>(), 28);
    // A query and a set lie alike, so that one code reads both.
    assert_eq!(
        offset_of!(OID_QUERY, InformationBufferLength),
        offset_of!(OID_SET, InformationBufferLength)
    );
    assert_eq!(
        offset_of!(OID_QUERY, BytesNeeded),
        offset_of!(OID_SET, BytesNeeded)
    );
}
