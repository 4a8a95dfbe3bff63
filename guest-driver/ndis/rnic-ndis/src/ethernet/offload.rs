//! Task offloads: what the device has, what is on, and how NDIS writes it.

use ndis_sys::ndis::*;

/// Nothing.
pub fn none() -> NDIS_OFFLOAD {
    NDIS_OFFLOAD {
        Header: NDIS_OBJECT_HEADER {
            Type: NDIS_OBJECT_TYPE_OFFLOAD,
            Revision: 3,
            Size: 0x9C,
        },
        Checksum: NDIS_TCP_IP_CHECKSUM_OFFLOAD {
            IPv4Transmit: CHECKSUM_OFFLOAD::default(),
            IPv4Receive: CHECKSUM_OFFLOAD::default(),
            IPv6Transmit: CHECKSUM_OFFLOAD::default(),
            IPv6Receive: CHECKSUM_OFFLOAD::default(),
        },
        LsoV1: [0; 4],
        IPsecV1: [0; 7],
        LsoV2: NDIS_TCP_LARGE_SEND_OFFLOAD_V2 {
            IPv4: LSO_V2_IPV4::default(),
            IPv6: LSO_V2_IPV6::default(),
        },
        Flags: 0,
        IPsecV2: [0; 8],
        Rsc: [0; 2],
        EncapsulatedPacketTaskOffloadGre: [0; 2],
        EncapsulatedPacketTaskOffloadVxlan: [0; 5],
        EncapsulationTypes: 0,
        Rfc6877Xlat: [0; 2],
        UdpSegmentation: [0; 7],
    }
}
