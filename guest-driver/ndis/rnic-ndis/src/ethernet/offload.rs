//! Task offloads: what the device has, what is on, and how NDIS writes it.

use ndis_sys::ndis::*;
use rnic_abi::feature;

use super::frame::{Layout, Protocol};
use crate::adapter::settings::Settings;
use crate::engine::NtNic;

/// NDIS_ENCAPSULATION_IEEE_802_3, and with tags beside the frame (IEEE_802_3_P_AND_Q_IN_OOB).
pub const ENCAPSULATION: u32 = 2 | 8;
/// NDIS_OFFLOAD_SUPPORTED in a field of two bits.
const SUPPORTED: u32 = 1;
/// Bits of CHECKSUM_OFFLOAD.Flags.
const OPTIONS: u32 = SUPPORTED | SUPPORTED << 2;
const TCP: u32 = SUPPORTED << 4;
const UDP: u32 = SUPPORTED << 6;
const IP: u32 = SUPPORTED << 8;
/// Payload of a large send at most.
const LARGE_SEND: u32 = 60_000;
/// Fewer segments are not worth it.
const MIN_SEGMENTS: u32 = 2;

const TX: u8 = 1;
const RX: u8 = 2;

/// What is on: bit 0 transmit, bit 1 receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offloads {
    ip4: u8,
    tcp4: u8,
    udp4: u8,
    tcp6: u8,
    udp6: u8,
    lso4: bool,
    lso6: bool,
}

impl Offloads {
    /// Everything that the device has.
    pub fn all(nic: &NtNic) -> Self {
        let lso = nic.has(feature::ETH_LSO);
        Self {
            ip4: RX,
            tcp4: TX | RX,
            udp4: TX | RX,
            tcp6: TX | RX,
            udp6: TX | RX,
            lso4: lso,
            lso6: lso,
        }
    }

    /// What the registry says, of what the device has.
    pub fn new(settings: &Settings, nic: &NtNic) -> Self {
        let all = Self::all(nic);
        let bits = |value: u32, all: u8| u8::try_from(value & 3).unwrap_or(0) & all;
        Self {
            ip4: bits(settings.ip_checksum_ipv4, all.ip4),
            tcp4: bits(settings.tcp_checksum_ipv4, all.tcp4),
            udp4: bits(settings.udp_checksum_ipv4, all.udp4),
            tcp6: bits(settings.tcp_checksum_ipv6, all.tcp6),
            udp6: bits(settings.udp_checksum_ipv6, all.udp6),
            lso4: all.lso4 && settings.lso_ipv4 != 0,
            lso6: all.lso6 && settings.lso_ipv6 != 0,
        }
    }

    /// Whether verified checksums are told for anything.
    pub fn receives_any(&self) -> bool {
        (self.ip4 | self.tcp4 | self.udp4 | self.tcp6 | self.udp6) & RX != 0
    }

    /// Whether large sends are on: over IPv4, over IPv6.
    pub fn large_sends(&self) -> [bool; 2] {
        [self.lso4, self.lso6]
    }

    /// Those of IPv4, if it is wanted, and those of IPv6.
    #[must_use]
    pub fn of(&self, v4: bool, v6: bool) -> Self {
        let bits = |bits: u8, wanted: bool| if wanted { bits } else { 0 };
        Self {
            ip4: bits(self.ip4, v4),
            tcp4: bits(self.tcp4, v4),
            udp4: bits(self.udp4, v4),
            tcp6: bits(self.tcp6, v6),
            udp6: bits(self.udp6, v6),
            lso4: self.lso4 && v4,
            lso6: self.lso6 && v6,
        }
    }

    /// NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.Receive for a frame whose checksums are all good: of those that it has, the
    /// ones that are on.
    pub fn verified(&self, head: &[u8]) -> usize {
        const TCP_SUCCEEDED: usize = 1 << 3;
        const UDP_SUCCEEDED: usize = 1 << 4;
        const IP_SUCCEEDED: usize = 1 << 5;
        let Some(layout) = Layout::of(head) else {
            return 0;
        };
        let told = |bits: u8, flag: usize| if bits & RX != 0 { flag } else { 0 };
        let (ip, tcp, udp) = if layout.v6 {
            (0, self.tcp6, self.udp6)
        } else {
            (self.ip4, self.tcp4, self.udp4)
        };
        let transport = match layout.transport {
            Some((Protocol::Tcp, _)) => told(tcp, TCP_SUCCEEDED),
            Some((Protocol::Udp, _)) => told(udp, UDP_SUCCEEDED),
            None => return 0,
        };
        transport | told(ip, IP_SUCCEEDED)
    }

    /// OID_TCP_OFFLOAD_PARAMETERS: what is on afterwards, or why not. `all` is what the device has.
    pub fn change(&self, parameters: &NDIS_OFFLOAD_PARAMETERS, all: &Self) -> Option<Self> {
        /// NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, _TX_RX_DISABLED, _TX_ENABLED_RX_DISABLED, _RX_ENABLED_TX_DISABLED,
        /// _TX_RX_ENABLED.
        fn checksum(wanted: u8, now: u8, all: u8) -> Option<u8> {
            let bits = match wanted {
                0 => return Some(now),
                1 => 0,
                2 => TX,
                3 => RX,
                4 => TX | RX,
                _ => return None,
            };
            (bits & !all == 0).then_some(bits)
        }
        /// _NO_CHANGE, _LSOV2_DISABLED, _LSOV2_ENABLED.
        fn large_send(wanted: u8, now: bool, all: bool) -> Option<bool> {
            match wanted {
                0 => Some(now),
                1 => Some(false),
                2 => all.then_some(true),
                _ => None,
            }
        }
        Some(Self {
            ip4: checksum(parameters.IPv4Checksum, self.ip4, all.ip4)?,
            tcp4: checksum(parameters.TCPIPv4Checksum, self.tcp4, all.tcp4)?,
            udp4: checksum(parameters.UDPIPv4Checksum, self.udp4, all.udp4)?,
            tcp6: checksum(parameters.TCPIPv6Checksum, self.tcp6, all.tcp6)?,
            udp6: checksum(parameters.UDPIPv6Checksum, self.udp6, all.udp6)?,
            lso4: large_send(parameters.LsoV2IPv4, self.lso4, all.lso4)?,
            lso6: large_send(parameters.LsoV2IPv6, self.lso6, all.lso6)?,
        })
    }

    /// As NDIS writes it.
    pub fn to_ndis(&self) -> NDIS_OFFLOAD {
        let family = |bit: u8, ip: u8, tcp: u8, udp: u8| {
            let mut flags = 0;
            for (on, flag) in [(ip, IP), (tcp, TCP | OPTIONS), (udp, UDP)] {
                if on & bit != 0 {
                    flags |= flag;
                }
            }
            CHECKSUM_OFFLOAD {
                Encapsulation: if flags == 0 { 0 } else { ENCAPSULATION },
                Flags: flags,
            }
        };
        let checksum = NDIS_TCP_IP_CHECKSUM_OFFLOAD {
            IPv4Transmit: family(TX, self.ip4, self.tcp4, self.udp4),
            IPv4Receive: family(RX, self.ip4, self.tcp4, self.udp4),
            // No extension headers, but TCP's options.
            IPv6Transmit: without_extensions(family(TX, 0, self.tcp6, self.udp6)),
            IPv6Receive: without_extensions(family(RX, 0, self.tcp6, self.udp6)),
        };
        let on = |on: bool, value: u32| if on { value } else { 0 };
        let large_send = NDIS_TCP_LARGE_SEND_OFFLOAD_V2 {
            IPv4: LSO_V2_IPV4 {
                Encapsulation: on(self.lso4, ENCAPSULATION),
                MaxOffLoadSize: on(self.lso4, LARGE_SEND),
                MinSegmentCount: on(self.lso4, MIN_SEGMENTS),
            },
            IPv6: LSO_V2_IPV6 {
                Encapsulation: on(self.lso6, ENCAPSULATION),
                MaxOffLoadSize: on(self.lso6, LARGE_SEND),
                MinSegmentCount: on(self.lso6, MIN_SEGMENTS),
                // TcpOptionsSupported.
                Flags: on(self.lso6, SUPPORTED << 2),
            },
        };
        NDIS_OFFLOAD {
            Header: NDIS_OFFLOAD::HEADER,
            Checksum: checksum,
            LsoV1: [0; 4],
            IPsecV1: [0; 7],
            LsoV2: large_send,
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
}

fn without_extensions(offload: CHECKSUM_OFFLOAD) -> CHECKSUM_OFFLOAD {
    CHECKSUM_OFFLOAD {
        Flags: offload.Flags & !SUPPORTED,
        ..offload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Offloads = Offloads {
        ip4: RX,
        tcp4: TX | RX,
        udp4: TX | RX,
        tcp6: TX | RX,
        udp6: TX | RX,
        lso4: true,
        lso6: true,
    };

    fn unchanged() -> NDIS_OFFLOAD_PARAMETERS {
        // SAFETY: zeros are values of every field.
        unsafe { core::mem::zeroed() }
    }

    #[test]
    fn changes_stay_within_what_the_device_has() {
        assert_eq!(ALL.change(&unchanged(), &ALL), Some(ALL));
        let mut parameters = unchanged();
        parameters.TCPIPv4Checksum = 2;
        parameters.LsoV2IPv6 = 1;
        let changed = ALL.change(&parameters, &ALL).unwrap();
        assert_eq!((changed.tcp4, changed.lso6, changed.udp4), (TX, false, 3));
        // The device does not fill in IPv4 header checksums.
        parameters.IPv4Checksum = 4;
        assert_eq!(ALL.change(&parameters, &ALL), None);
        let mut nonsense = unchanged();
        nonsense.UDPIPv6Checksum = 5;
        assert_eq!(ALL.change(&nonsense, &ALL), None);
    }

    #[test]
    fn verified_checksums_are_told_for_what_the_frame_has_and_what_is_on() {
        let mut frame = [0u8; 64];
        frame[12] = 8;
        frame[14] = 0x45;
        frame[23] = 6;
        assert_eq!(ALL.verified(&frame), 0b10_1000);
        frame[23] = 17;
        assert_eq!(ALL.verified(&frame), 0b11_0000);
        let without_udp = Offloads { udp4: TX, ..ALL };
        assert_eq!(without_udp.verified(&frame), 0b10_0000);
        assert_eq!(ALL.of(false, true).verified(&frame), 0);
        frame[20] = 0x20;
        assert_eq!(
            ALL.verified(&frame),
            0,
            "a fragment has no checksum of its own"
        );
    }

    #[test]
    fn ndis_is_told_field_by_field() {
        let told = ALL.to_ndis();
        assert_eq!(told.Checksum.IPv4Transmit.Flags, 0b0101_0101);
        assert_eq!(told.Checksum.IPv4Receive.Flags, 0b1_0101_0101);
        assert_eq!(told.Checksum.IPv6Receive.Flags, 0b0101_0100);
        assert_eq!(told.LsoV2.IPv6.Flags, 4);
        let off = Offloads {
            ip4: 0,
            tcp4: 0,
            udp4: 0,
            tcp6: 0,
            udp6: 0,
            lso4: false,
            lso6: false,
        };
        assert!(!off.receives_any());
        assert_eq!(
            off.to_ndis().Checksum.IPv4Receive,
            CHECKSUM_OFFLOAD::default()
        );
        assert_eq!(off.to_ndis().LsoV2.IPv4, LSO_V2_IPV4::default());
    }
}
