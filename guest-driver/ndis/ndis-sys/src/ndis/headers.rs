//! The header with which each structure goes to NDIS: its type, the revision that is filled, and the bytes of that revision.
//! These end with the revision's last field, while the structure may be padded, or longer because it grew since.

use super::*;
use crate::ndk::*;

/// End of a field, by a pointer that is never read.
const fn end<S, F>(offset: usize, _: fn(*const S) -> *const F) -> u16 {
    let end = offset + size_of::<F>();
    assert!(end <= size_of::<S>() && end <= u16::MAX as usize);
    end as u16
}

macro_rules! headers {
    ($($name:ident: $kind:ident, $revision:literal, $last:ident;)*) => {
        $(impl $name {
            /// Its header.
            pub const HEADER: NDIS_OBJECT_HEADER = NDIS_OBJECT_HEADER {
                Type: $kind,
                Revision: $revision,
                Size: end(
                    core::mem::offset_of!($name, $last),
                    // SAFETY: never called.
                    |s: *const $name| unsafe { &raw const (*s).$last },
                ),
            };
        })*

        /// All of them, by their structures' names.
        pub const HEADERS: &[(&str, NDIS_OBJECT_HEADER)] = &[$((stringify!($name), $name::HEADER)),*];
    };
}

headers! {
    // Structure: NDIS_OBJECT_TYPE, revision, last field of the revision.
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS: NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, 2, CancelDirectOidRequestHandler;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES: NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 1, InterfaceType;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES: NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, 2, PowerManagementCapabilitiesEx;
    NDIS_PM_CAPABILITIES: NDIS_OBJECT_TYPE_DEFAULT, 2, MediaSpecificWakeUpEvents;
    NDIS_RECEIVE_SCALE_CAPABILITIES: NDIS_OBJECT_TYPE_RSS_CAPABILITIES, 2, NumberOfIndirectionTableEntries;
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES: NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 1, TcpConnectionOffloadHardwareCapabilities;
    NDIS_OFFLOAD: NDIS_OBJECT_TYPE_OFFLOAD, 3, EncapsulatedPacketTaskOffloadGre;
    NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES: NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES, 1, NdkCapabilities;
    NDIS_NDK_CAPABILITIES: NDIS_OBJECT_TYPE_DEFAULT, 1, NdkInfo;
    NDIS_NDK_PROVIDER_CHARACTERISTICS: NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS, 1, CloseNDKAdapterHandler;
    NDIS_NDK_STATISTICS_INFO: NDIS_OBJECT_TYPE_DEFAULT, 1, CounterSet;
    NDIS_CONFIGURATION_OBJECT: NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, Flags;
    NDIS_SG_DMA_DESCRIPTION: NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, 1, ScatterGatherListSize;
    NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS: NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, 1, MessageInfoTable;
    NDIS_TIMER_CHARACTERISTICS: NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, 1, FunctionContext;
    NET_BUFFER_LIST_POOL_PARAMETERS: NDIS_OBJECT_TYPE_DEFAULT, 1, DataSize;
    NDIS_STATUS_INDICATION: NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NdisReserved;
    NDIS_LINK_STATE: NDIS_OBJECT_TYPE_DEFAULT, 1, AutoNegotiationFlags;
    NDIS_STATISTICS_INFO: NDIS_OBJECT_TYPE_DEFAULT, 1, ifHCOutBroadcastOctets;
    NDIS_INTERRUPT_MODERATION_PARAMETERS: NDIS_OBJECT_TYPE_DEFAULT, 1, InterruptModeration;
    NET_PNP_EVENT_NOTIFICATION: NDIS_OBJECT_TYPE_DEFAULT, 2, VPortId;
}
