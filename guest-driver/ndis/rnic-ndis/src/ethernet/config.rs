//! What is configured, how it gets to the device, and what Windows is told.

use ndis_sys::ndis::*;
use ndis_sys::nt::KeGetCurrentProcessorNumberEx;
use rnic_abi::{EthOffloads, RssTypes, RxMode};
use rnic_driver_core::{Error, Outcome, Token};

use super::Ethernet;
use super::frame::Tags;
use super::offload::Offloads;
use super::rss::Rss;
use super::rx::Mode;
use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::engine::{Engine, NtControl, NtNic};
use crate::nt::Passive;

/// Multicast addresses that the driver keeps.
pub const MULTICAST: usize = 64;

/// A list of multicast addresses.
#[derive(Clone, Copy)]
pub struct Multicast {
    addresses: [[u8; 6]; MULTICAST],
    count: usize,
}

impl Multicast {
    const NONE: Self = Self {
        addresses: [[0; 6]; MULTICAST],
        count: 0,
    };

    /// From OID_802_3_MULTICAST_LIST's bytes; none if it is no whole number of addresses or there are too many.
    pub fn from_bytes(bytes: &[u8], limit: usize) -> Option<Self> {
        let (list, rest) = bytes.as_chunks::<6>();
        if !rest.is_empty() || list.len() > limit.min(MULTICAST) {
            return None;
        }
        let mut this = Self::NONE;
        this.count = list.len();
        this.addresses.get_mut(..list.len())?.copy_from_slice(list);
        Some(this)
    }

    /// The addresses.
    pub fn as_slice(&self) -> &[[u8; 6]] {
        self.addresses.get(..self.count).unwrap_or(&[])
    }
}

/// Whether the protocol stack uses the offloads of an IP version (OID_OFFLOAD_ENCAPSULATION).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// It has said nothing yet: it may ask for them in what it sends, but nothing is told of what is received.
    Unsaid,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Everything that can be set while the card runs.
#[derive(Clone, Copy)]
pub struct Config {
    /// NDIS_PACKET_TYPE bits.
    pub packet_filter: u32,
    /// Addresses.
    pub multicast: Multicast,
    /// Lookahead, which nothing depends on.
    pub lookahead: u32,
    /// Offloads that are configured.
    pub offloads: Offloads,
    /// How far they are in use: over IPv4, over IPv6.
    pub in_use: [InUse; 2],
    /// Receive side scaling, while it is on.
    pub rss: Option<Rss>,
    address: [u8; 6],
    max_frame: u32,
    /// What Windows is told of tags, and may say.
    pub tags: Tags,
    /// VLAN that frames belong to; 0: none.
    pub vlan: u16,
}

impl Config {
    /// What the registry says; nothing is received yet.
    pub fn new(settings: &Settings, nic: &NtNic) -> Self {
        let tags = Tags::of(settings.priority_vlan_tag);
        Self {
            packet_filter: 0,
            multicast: Multicast::NONE,
            lookahead: settings.jumbo_packet,
            offloads: Offloads::new(settings, nic),
            in_use: [InUse::Unsaid; 2],
            rss: None,
            address: settings.network_address.unwrap_or(nic.identity().mac),
            max_frame: settings
                .jumbo_packet
                .saturating_add(4)
                .min(nic.limits().eth_frame_bytes.get()),
            tags,
            vlan: if tags.vlan {
                u16::try_from(settings.vlan_id).unwrap_or(0)
            } else {
                0
            },
        }
    }

    /// Offloads that Windows is told of as the current configuration.
    pub fn offloads_told(&self) -> Offloads {
        let [v4, v6] = self.in_use.map(|use_of_it| use_of_it != InUse::No);
        self.offloads.of(v4, v6)
    }

    /// Offloads that received frames get.
    fn offloads_received(&self) -> Offloads {
        let [v4, v6] = self.in_use.map(|use_of_it| use_of_it == InUse::Yes);
        self.offloads.of(v4, v6)
    }

    /// How received frames are taken.
    pub fn receive_mode(&self) -> Mode {
        Mode {
            tags: self.tags,
            vlan: self.vlan,
            checksums: self.offloads_received(),
            hash: self.rss.map(|rss| (rss.key, rss.types)),
        }
    }

    /// SET_RX_MODE.
    pub fn set_rx_mode(
        &self,
        control: &mut NtControl,
        nic: &NtNic,
        cookie: u64,
    ) -> Result<Token, Error> {
        let mode = rx_mode(self.packet_filter);
        let address = Some(self.address);
        control.set_rx_mode(nic, cookie, mode, address, self.multicast.as_slice())
    }

    /// SET_ETH_OFFLOADS.
    pub fn set_offloads(
        &self,
        control: &mut NtControl,
        nic: &NtNic,
        cookie: u64,
    ) -> Result<Token, Error> {
        let offloads = if self.offloads_received().receives_any() {
            EthOffloads::CHECKSUM
        } else {
            EthOffloads(0)
        };
        control.set_eth_offloads(nic, cookie, offloads, self.max_frame)
    }

    /// SET_RSS.
    pub fn set_rss(
        &self,
        control: &mut NtControl,
        nic: &NtNic,
        cookie: u64,
    ) -> Result<Token, Error> {
        match &self.rss {
            Some(rss) => control.set_rss(nic, cookie, rss.types, &rss.key, rss.table()),
            None => control.set_rss(nic, cookie, RssTypes(0), &[0; 40], &[0]),
        }
    }
}

/// The device's filter of NDIS's.
fn rx_mode(filter: u32) -> RxMode {
    let pairs = [
        (NDIS_PACKET_TYPE_DIRECTED, RxMode::UNICAST),
        (NDIS_PACKET_TYPE_MULTICAST, RxMode::MULTICAST),
        (NDIS_PACKET_TYPE_BROADCAST, RxMode::BROADCAST),
        (NDIS_PACKET_TYPE_ALL_MULTICAST, RxMode::ALL_MULTICAST),
        (NDIS_PACKET_TYPE_PROMISCUOUS, RxMode::PROMISCUOUS),
    ];
    let bits = pairs
        .iter()
        .filter(|(ndis, _)| filter & ndis != 0)
        .fold(0, |bits, (_, mode)| bits | mode.0);
    RxMode(bits)
}

impl Ethernet {
    /// Gives the device everything that is configured.
    pub(super) fn configure_now(&self, passive: &Passive, engine: &Engine) -> Result<(), Error> {
        let config = *self.config.lock();
        let done = |outcome: Outcome<_>| match outcome {
            Outcome::Done => Ok(()),
            other => Err(crate::engine::unexpected(&other)),
        };
        engine
            .verb_now(passive, |control, nic| config.set_offloads(control, nic, 0))
            .and_then(done)?;
        if config.rss.is_some() {
            engine
                .verb_now(passive, |control, nic| config.set_rss(control, nic, 0))
                .and_then(done)?;
        }
        engine
            .verb_now(passive, |control, nic| config.set_rx_mode(control, nic, 0))
            .and_then(done)
    }
}

/// The queue that this CPU sends through.
pub fn transmit_queue(queues: usize) -> usize {
    // SAFETY: the parameter is optional.
    let cpu = unsafe { KeGetCurrentProcessorNumberEx(core::ptr::null_mut()) };
    cpu as usize % queues.max(1)
}

/// `size`: bytes of the value, by its header.
fn indicate<T>(adapter: &Adapter, code: NDIS_STATUS, value: &mut T, size: u16) {
    let indication = NDIS_STATUS_INDICATION {
        Header: NDIS_STATUS_INDICATION::HEADER,
        SourceHandle: adapter.handle,
        PortNumber: 0,
        StatusCode: code,
        Flags: 0,
        DestinationHandle: core::ptr::null_mut(),
        RequestId: core::ptr::null_mut(),
        StatusBuffer: core::ptr::from_mut(value).cast(),
        StatusBufferSize: size.into(),
        Guid: ndis_sys::nt::GUID {
            Data1: 0,
            Data2: 0,
            Data3: 0,
            Data4: [0; 8],
        },
        NdisReserved: [core::ptr::null_mut(); 4],
    };
    // SAFETY: good for the call.
    unsafe { NdisMIndicateStatusEx(adapter.handle, &raw const indication) }
}

/// Tells Windows of the link.
pub fn indicate_link(adapter: &Adapter, up: bool) {
    let speed = if up { adapter.link_speed() } else { u64::MAX };
    let mut state = NDIS_LINK_STATE {
        Header: NDIS_LINK_STATE::HEADER,
        MediaConnectState: if up {
            MediaConnectStateConnected
        } else {
            MediaConnectStateDisconnected
        },
        MediaDuplexState: if up {
            MediaDuplexStateFull
        } else {
            MediaDuplexStateUnknown
        },
        XmitLinkSpeed: speed,
        RcvLinkSpeed: speed,
        PauseFunctions: NdisPauseFunctionsUnsupported,
        AutoNegotiationFlags: 0,
    };
    crate::info!("link {}", if up { "up" } else { "down" });
    let size = state.Header.Size;
    indicate(adapter, NDIS_STATUS_LINK_STATE, &mut state, size);
}

/// Tells Windows which offloads are on.
pub fn indicate_offloads(adapter: &Adapter) {
    let mut offloads = adapter.ethernet.config.lock().offloads_told().to_ndis();
    let size = offloads.Header.Size;
    indicate(
        adapter,
        NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG,
        &mut offloads,
        size,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_translated_bit_by_bit() {
        assert_eq!(rx_mode(0).0, 0);
        assert_eq!(
            rx_mode(NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST).0,
            RxMode::UNICAST.0 | RxMode::BROADCAST.0
        );
        assert_eq!(
            rx_mode(NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_PROMISCUOUS).0,
            RxMode::ALL_MULTICAST.0 | RxMode::PROMISCUOUS.0
        );
    }

    #[test]
    fn multicast_lists_are_whole_and_bounded() {
        let bytes = [1u8; 12];
        assert_eq!(
            Multicast::from_bytes(&bytes, 8).unwrap().as_slice().len(),
            2
        );
        assert!(Multicast::from_bytes(&bytes[..11], 8).is_none());
        assert!(Multicast::from_bytes(&bytes, 1).is_none());
        assert!(Multicast::from_bytes(&[], 8).unwrap().as_slice().is_empty());
    }
}
