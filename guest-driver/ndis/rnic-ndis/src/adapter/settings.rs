//! What the registry says, read once. The INF writes the same keywords, limits and defaults: a test holds them together.

use core::ptr;

use ndis_sys::ndis::*;
use ndis_sys::nt::UNICODE_STRING;

use rnic_abi::Mtu;

use crate::nt::Passive;

/// A keyword with an integer value.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Name; standardised ones begin with an asterisk.
    pub name: &'static str,
    /// Value where the registry has none, or one outside the limits.
    pub default: u32,
    /// Smallest.
    pub min: u32,
    /// Largest.
    pub max: u32,
}

macro_rules! keywords {
    ($($(#[$doc:meta])* $field:ident: $name:literal, $default:literal, $min:literal..=$max:literal;)*) => {
        /// Every keyword that the driver reads.
        pub const KEYWORDS: &[Keyword] = &[
            $(Keyword { name: $name, default: $default, min: $min, max: $max },)*
        ];

        /// What the registry says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Settings {
            $($(#[$doc])* pub $field: u32,)*
            /// Another Ethernet address than the device's own (`NetworkAddress`).
            pub network_address: Option<[u8; 6]>,
        }

        impl Settings {
            /// Takes each keyword's value from `read`.
            pub fn from_values(mut read: impl FnMut(&Keyword) -> Option<u32>) -> Self {
                let mut keywords = KEYWORDS.iter();
                let mut next = || {
                    keywords.next().map_or(0, |keyword| {
                        read(keyword)
                            .filter(|value| (keyword.min..=keyword.max).contains(value))
                            .unwrap_or(keyword.default)
                    })
                };
                Self {
                    $($field: next(),)*
                    network_address: None,
                }
            }
        }
    };
}

keywords! {
    /// RDMA is offered.
    network_direct: "*NetworkDirect", 1, 0..=1;
    /// NDK_RDMA_TECHNOLOGY: RoCEv2 is the only one.
    network_direct_technology: "*NetworkDirectTechnology", 4, 4..=4;
    /// Bytes of a RoCE packet's payload at most.
    network_direct_roce_frame_size: "*NetworkDirectRoCEFrameSize", 1024, 256..=4096;
    /// Bytes of an Ethernet frame at most, without frame check sequence.
    jumbo_packet: "*JumboPacket", 1514, 1514..=9014;
    /// Bit 0: priority, bit 1: VLAN (0 none, 1 priority, 2 VLAN, 3 both).
    priority_vlan_tag: "*PriorityVLANTag", 3, 0..=3;
    /// VLAN that untagged frames are sent on and that received ones must have; 0: none.
    vlan_id: "VlanID", 0, 0..=4094;
    /// 0 none, 1 transmit, 2 receive, 3 both.
    tcp_checksum_ipv4: "*TCPChecksumOffloadIPv4", 3, 0..=3;
    /// As above.
    tcp_checksum_ipv6: "*TCPChecksumOffloadIPv6", 3, 0..=3;
    /// As above.
    udp_checksum_ipv4: "*UDPChecksumOffloadIPv4", 3, 0..=3;
    /// As above.
    udp_checksum_ipv6: "*UDPChecksumOffloadIPv6", 3, 0..=3;
    /// 0 none, 2 receive: the device does not fill in IPv4 header checksums.
    ip_checksum_ipv4: "*IPChecksumOffloadIPv4", 2, 0..=3;
    /// Large send offload over IPv4.
    lso_ipv4: "*LsoV2IPv4", 1, 0..=1;
    /// Large send offload over IPv6.
    lso_ipv6: "*LsoV2IPv6", 1, 0..=1;
    /// Receive side scaling.
    rss: "*RSS", 1, 0..=1;
    /// Receive queues at most.
    rss_queues: "*NumRssQueues", 4, 1..=16;
    /// Buffers of each receive queue.
    receive_buffers: "*ReceiveBuffers", 256, 64..=2048;
    /// Descriptors of each transmit queue.
    transmit_buffers: "*TransmitBuffers", 512, 128..=2048;
    /// Messages that are shown without Windows' filter being changed: 0 errors, 1 warnings too, 2 steps, 3 each request.
    log_level: "LogLevel", 0, 0..=3;
}

/// Bytes of the longest RoCEv2 packet that are not its payload: Ethernet, IPv6, UDP, BTH, RETH, immediate data, ICRC.
const ROCE_HEADERS: u32 = 14 + 40 + 8 + 12 + 16 + 4 + 4;

impl Settings {
    /// Path MTU of connections: the largest that *NetworkDirectRoCEFrameSize allows and that fits *JumboPacket.
    #[must_use]
    pub fn path_mtu(&self) -> Mtu {
        self.roce_frame().1
    }

    /// Whether that is less than *NetworkDirectRoCEFrameSize asks for, which an event is to tell. (INF Requirements for NDKPI)
    #[must_use]
    pub fn path_mtu_is_reduced(&self) -> bool {
        self.roce_frame().0 < self.network_direct_roce_frame_size
    }

    fn roce_frame(&self) -> (u32, Mtu) {
        let sizes = [
            (4096, Mtu::MTU_4096),
            (2048, Mtu::MTU_2048),
            (1024, Mtu::MTU_1024),
            (512, Mtu::MTU_512),
        ];
        let fits = |size: u32| {
            size <= self.network_direct_roce_frame_size && size + ROCE_HEADERS <= self.jumbo_packet
        };
        let found = sizes.into_iter().find(|(size, _)| fits(*size));
        found.unwrap_or((256, Mtu::MTU_256))
    }

    /// Reads the adapter's registry key.
    pub fn read(_: &Passive, adapter: NDIS_HANDLE) -> Result<Self, NDIS_STATUS> {
        let object = NDIS_CONFIGURATION_OBJECT {
            Header: NDIS_CONFIGURATION_OBJECT::HEADER,
            NdisHandle: adapter,
            Flags: 0,
        };
        let mut handle = ptr::null_mut();
        // SAFETY: good for the call.
        let status = unsafe { NdisOpenConfigurationEx(&raw const object, &raw mut handle) };
        if status != NDIS_STATUS_SUCCESS {
            return Err(status);
        }
        let mut settings = Self::from_values(|keyword| integer(handle, keyword.name));
        settings.network_address = network_address(handle);
        // SAFETY: opened above.
        unsafe { NdisCloseConfiguration(handle) };
        Ok(settings)
    }
}

/// Reads one value; none when it is not there. Enumerations are strings in the registry; NDIS converts them.
fn integer(configuration: NDIS_HANDLE, name: &str) -> Option<u32> {
    let mut buffer = [0u16; 40];
    let mut length = 0u16;
    for (to, from) in buffer.iter_mut().zip(name.encode_utf16()) {
        *to = from;
        length += 2;
    }
    let keyword = UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: buffer.as_mut_ptr(),
    };
    let (mut status, mut value) = (NDIS_STATUS_FAILURE, ptr::null_mut());
    // SAFETY: good for the call; the value lives until the configuration is closed.
    unsafe {
        NdisReadConfiguration(
            &raw mut status,
            &raw mut value,
            configuration,
            &raw const keyword,
            NdisParameterInteger,
        );
        if status != NDIS_STATUS_SUCCESS || value.is_null() {
            return None;
        }
        Some((*value).ParameterData.IntegerData)
    }
}

/// The address that an administrator set. One that is no station's is ignored.
fn network_address(configuration: NDIS_HANDLE) -> Option<[u8; 6]> {
    let (mut status, mut address, mut length) = (NDIS_STATUS_FAILURE, ptr::null_mut(), 0);
    // SAFETY: good for the call; the bytes live until the configuration is closed.
    unsafe {
        NdisReadNetworkAddress(
            &raw mut status,
            &raw mut address,
            &raw mut length,
            configuration,
        );
        if status != NDIS_STATUS_SUCCESS || address.is_null() || length != 6 {
            return None;
        }
        let address = address.cast::<[u8; 6]>().read_unaligned();
        (is_station(address)).then_some(address)
    }
}

/// Not zero, and no group's.
fn is_station(address: [u8; 6]) -> bool {
    address != [0; 6] && address[0] & 1 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_limits_fall_to_the_default() {
        let settings = Settings::from_values(|keyword| match keyword.name {
            "*JumboPacket" => Some(9014),
            "*NumRssQueues" => Some(0),
            "*RSS" => Some(0),
            _ => None,
        });
        assert_eq!(settings.jumbo_packet, 9014);
        assert_eq!(settings.rss_queues, 4);
        assert_eq!(settings.rss, 0);
        assert_eq!(settings.network_direct_technology, 4);
    }

    #[test]
    fn defaults_lie_within_the_limits() {
        for keyword in KEYWORDS {
            assert!(
                (keyword.min..=keyword.max).contains(&keyword.default),
                "{}",
                keyword.name
            );
            assert!(keyword.name.len() <= 40);
        }
    }

    #[test]
    fn roce_frames_are_as_long_as_both_keywords_allow() {
        let mtu = |frame: u32, jumbo: u32| {
            Settings::from_values(|keyword| match keyword.name {
                "*NetworkDirectRoCEFrameSize" => Some(frame),
                "*JumboPacket" => Some(jumbo),
                _ => None,
            })
            .path_mtu()
        };
        assert_eq!(mtu(1024, 1514), Mtu::MTU_1024);
        assert_eq!(mtu(4096, 1514), Mtu::MTU_1024);
        assert_eq!(mtu(4096, 4088), Mtu::MTU_2048);
        assert_eq!(mtu(4096, 9014), Mtu::MTU_4096);
        assert_eq!(mtu(256, 9014), Mtu::MTU_256);
        let reduced = |frame: u32, jumbo: u32| {
            let of = |keyword: &Keyword| match keyword.name {
                "*NetworkDirectRoCEFrameSize" => Some(frame),
                "*JumboPacket" => Some(jumbo),
                _ => None,
            };
            Settings::from_values(of).path_mtu_is_reduced()
        };
        assert!(!reduced(1024, 1514) && !reduced(4096, 9014) && !reduced(256, 1514));
        assert!(reduced(4096, 1514) && reduced(4096, 4088));
        // Not a size that RoCE has.
        assert_eq!(mtu(3000, 9014), Mtu::MTU_2048);
    }

    #[test]
    fn group_addresses_are_refused() {
        assert!(is_station([2, 0, 0, 0, 0, 1]));
        assert!(!is_station([1, 0, 0x5E, 0, 0, 1]) && !is_station([0; 6]));
    }
}
