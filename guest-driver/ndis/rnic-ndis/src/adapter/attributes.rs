//! What NDIS is told of the adapter: NdisMSetMiniportAttributes.

use core::ptr;

use ndis_sys::ndis::*;
use ndis_sys::nt::TRUE;
use rnic_driver_core::Nic;

use super::Adapter;
use super::lifecycle::{Stop, check};
use crate::engine::{Engine, PATIENCE_NS};
use crate::ethernet::offload::Offloads;
use crate::ethernet::rss;
use crate::hw::NtPlatform;
use crate::oid;

/// Bytes before a frame's payload.
pub const ETHERNET_HEADER: u32 = 14;
/// PCIe, as NDIS_INTERFACE_TYPE (NdisInterfacePci).
const PCI_BUS: i32 = 5;
/// NdisPhysicalMedium802_3.
const PHYSICAL_802_3: i32 = 14;
/// IF_TYPE_ETHERNET_CSMACD.
const ETHERNET_CSMACD: u16 = 6;
/// NET_IF_ACCESS_BROADCAST, NET_IF_DIRECTION_SENDRECEIVE, NET_IF_CONNECTION_DEDICATED.
const ACCESS_BROADCAST: i32 = 2;
const SEND_AND_RECEIVE: i32 = 0;
const DEDICATED: i32 = 1;

/// How often NDIS asks whether the adapter hangs. A request that is not answered between two such questions makes NDIS reset
/// the adapter: the driver gives the device up before that, after [`PATIENCE_NS`].
const HANG_SECONDS: u32 = 6;
const _: () = assert!(HANG_SECONDS as u64 * 1_000_000_000 > PATIENCE_NS);

/// Packet filters that the device has.
pub const PACKET_FILTERS: u32 = NDIS_PACKET_TYPE_DIRECTED
    | NDIS_PACKET_TYPE_MULTICAST
    | NDIS_PACKET_TYPE_ALL_MULTICAST
    | NDIS_PACKET_TYPE_BROADCAST
    | NDIS_PACKET_TYPE_PROMISCUOUS;

/// Statistics that the driver counts: all that there are, as drivers since NDIS 6.0 must.
/// (NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES)
pub const STATISTICS: u32 = NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS
    | NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR
    | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR
    | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS
    | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV
    | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT
    | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT;

fn set<T>(adapter: NDIS_HANDLE, attributes: &T, what: &str) -> Result<(), Stop> {
    // SAFETY: `attributes` begins with its header; what it points at lives during the call.
    let status = unsafe { NdisMSetMiniportAttributes(adapter, ptr::from_ref(attributes).cast()) };
    check(status, what)
}

/// Registration attributes: the first thing of MiniportInitializeEx.
pub fn register(handle: NDIS_HANDLE, context: *const Adapter) -> Result<(), Stop> {
    let attributes = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES {
        Header: NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES::HEADER,
        MiniportAdapterContext: context.cast_mut().cast(),
        AttributeFlags: NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE
            | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK
            // Without it NDIS halts the adapter before the machine sleeps, and consumers would have to go.
            | NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND
            | NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER,
        CheckForHangTimeInSeconds: HANG_SECONDS,
        InterfaceType: PCI_BUS,
    };
    set(handle, &attributes, "registration attributes")
}

/// Bits per second.
pub fn link_speed(nic: &Nic<NtPlatform>) -> u64 {
    u64::from(nic.port().link_speed_mbps) * 1_000_000
}

/// General attributes.
pub fn general(adapter: &Adapter, engine: &Engine) -> Result<(), Stop> {
    let nic = &engine.nic;
    let mut pm = NDIS_PM_CAPABILITIES {
        Header: NDIS_PM_CAPABILITIES::HEADER,
        Flags: 0,
        SupportedWoLPacketPatterns: 0,
        NumTotalWoLPatterns: 0,
        MaxWoLPatternSize: 0,
        MaxWoLPatternOffset: 0,
        MaxWoLPacketSaveBuffer: 0,
        SupportedProtocolOffloads: 0,
        NumArpOffloadIPv4Addresses: 0,
        NumNSOffloadIPv6Addresses: 0,
        MinMagicPacketWakeUp: NdisDeviceStateUnspecified,
        MinPatternWakeUp: NdisDeviceStateUnspecified,
        MinLinkChangeWakeUp: NdisDeviceStateUnspecified,
        SupportedWakeUpEvents: 0,
        MediaSpecificWakeUpEvents: 0,
    };
    let mut rss = rss::capabilities(&adapter.settings, engine);
    let speed = link_speed(nic);
    let mtu = adapter.ethernet.frame_bytes() - ETHERNET_HEADER;
    let address = |mac: [u8; 6]| {
        let mut bytes = [0u8; 32];
        for (to, from) in bytes.iter_mut().zip(mac) {
            *to = from;
        }
        bytes
    };
    // What changes are told against.
    let up = adapter.ethernet.link_up();
    let now = if up { speed } else { u64::MAX };
    let oids = oid::SUPPORTED;
    let attributes = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES {
        Header: NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES::HEADER,
        Flags: 0,
        MediaType: 0,
        PhysicalMediumType: PHYSICAL_802_3,
        MtuSize: mtu,
        MaxXmitLinkSpeed: speed,
        XmitLinkSpeed: now,
        MaxRcvLinkSpeed: speed,
        RcvLinkSpeed: now,
        MediaConnectState: if up {
            MediaConnectStateConnected
        } else {
            MediaConnectStateDisconnected
        },
        MediaDuplexState: MediaDuplexStateFull,
        LookaheadSize: mtu,
        PowerManagementCapabilities: ptr::null_mut(),
        MacOptions: oid::mac_options(&adapter.settings),
        SupportedPacketFilters: PACKET_FILTERS,
        MaxMulticastListSize: adapter.multicast_limit(),
        MacAddressLength: 6,
        PermanentMacAddress: address(nic.identity().mac),
        CurrentMacAddress: address(adapter.ethernet.address()),
        RecvScaleCapabilities: rss.as_mut().map_or(ptr::null_mut(), ptr::from_mut),
        AccessType: ACCESS_BROADCAST,
        DirectionType: SEND_AND_RECEIVE,
        ConnectionType: DEDICATED,
        IfType: ETHERNET_CSMACD,
        IfConnectorPresent: TRUE,
        SupportedStatistics: STATISTICS,
        SupportedPauseFunctions: NdisPauseFunctionsUnsupported.cast_unsigned(),
        DataBackFillSize: 0,
        ContextBackFillSize: 0,
        SupportedOidList: oids.as_ptr(),
        SupportedOidListLength: u32::try_from(size_of_val(oids)).unwrap_or(0),
        AutoNegotiationFlags: 0,
        PowerManagementCapabilitiesEx: &raw mut pm,
    };
    set(adapter.handle, &attributes, "general attributes")?;
    let mut hardware = Offloads::all(nic).to_ndis();
    let mut current = Offloads::new(&adapter.settings, nic).to_ndis();
    let offloads = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES {
        Header: NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES::HEADER,
        DefaultOffloadConfiguration: &raw mut current,
        HardwareOffloadCapabilities: &raw mut hardware,
        DefaultTcpConnectionOffloadConfiguration: ptr::null_mut(),
        TcpConnectionOffloadHardwareCapabilities: ptr::null_mut(),
    };
    set(adapter.handle, &offloads, "offload attributes")
}
