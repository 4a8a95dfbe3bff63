//! NdisMSetMiniportAttributes: what an adapter says of itself, checked and kept.
//!
//! `unsafe`: structures of the driver are read.

use std::sync::atomic::Ordering;

use ndis_sys::ndis::*;

use super::adapter::{self, Adapter, NdkSaid, State};
use super::check_header;
use crate::breach::{Rule, breach};
use crate::inject::{self, Kind};

const NDK_ATTRIBUTES: u8 = 0xB3;
/// STATUS_INVALID_DEVICE_REQUEST.
const INVALID_DEVICE_REQUEST: i32 = 0xC000_0010_u32.cast_signed();
/// Bytes of NDIS_NDK_CAPABILITIES and of NDK_ADAPTER_INFO.
const CAPABILITIES: usize = 0x38;
const INFO: usize = 0x68;

/// Revisions of NDIS_OFFLOAD and their sizes.
pub(super) const OFFLOAD_REVISIONS: &[(u8, u16)] = &[
    (1, 0x70),
    (2, 0x90),
    (3, 0x9C),
    (4, 0xB1),
    (5, 0xBC),
    (6, 0xD8),
    (7, 0xD8),
];

pub(super) extern "win64" fn set_miniport_attributes(
    handle: usize,
    attributes: *const NDIS_OBJECT_HEADER,
) -> i32 {
    let adapter = adapter::of(handle);
    adapter.require(&[State::Initializing], "NdisMSetMiniportAttributes");
    if attributes.is_null() {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if inject::fails(Kind::Memory) {
        return NDIS_STATUS_RESOURCES;
    }
    // SAFETY: a structure of the driver that begins with a header.
    let kind = unsafe { (*attributes).Type };
    let registered = adapter.said.lock().registered;
    if kind != NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES && !registered {
        breach(
            Rule::State,
            format_args!("attributes of type {kind:#x} before the registration attributes"),
        );
    }
    // SAFETY: each function checks type, revision and size before it reads.
    unsafe {
        match kind {
            NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES => {
                registration(&adapter, attributes.cast())
            }
            NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES => {
                general(&adapter, attributes.cast())
            }
            NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES => {
                offload(&adapter, attributes.cast())
            }
            NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES => NDIS_STATUS_SUCCESS,
            NDK_ATTRIBUTES => ndk(&adapter, attributes),
            other => breach(
                Rule::Header,
                format_args!("attributes of unknown type {other:#x}"),
            ),
        }
    }
}

unsafe fn registration(
    adapter: &Adapter,
    attributes: *const NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
) -> i32 {
    let what = "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES";
    let kind = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
    // SAFETY: a structure of the driver; the fields that are read lie within the size that was checked.
    let (context, flags) = unsafe {
        check_header(attributes.cast(), what, kind, &[(1, 0x1C), (2, 0x1C)]);
        (
            (*attributes).MiniportAdapterContext as usize,
            (*attributes).AttributeFlags,
        )
    };
    if context == 0 {
        breach(Rule::State, "the adapter context is null");
    }
    adapter.context.store(context, Ordering::SeqCst);
    let mut said = adapter.said.lock();
    said.registered = true;
    said.flags = flags;
    NDIS_STATUS_SUCCESS
}

/// NDIS_STATISTICS_FLAGS_VALID_* of each member of NDIS_STATISTICS_INFO.
const ALL_STATISTICS: u32 = 0x003F_87FF;

unsafe fn general(
    adapter: &Adapter,
    attributes: *const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
) -> i32 {
    let what = "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES";
    let kind = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES;
    // SAFETY: a structure of the driver.
    let a = unsafe {
        check_header(attributes.cast(), what, kind, &[(2, 0xE0)]);
        &*attributes
    };
    if a.MediaType != 0 || a.MacAddressLength != 6 || a.MtuSize == 0 || a.SupportedOidList.is_null()
    {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    if a.MacOptions & NDIS_MAC_OPTION_8021Q_VLAN != 0
        && a.MacOptions & NDIS_MAC_OPTION_8021P_PRIORITY == 0
    {
        breach(
            Rule::State,
            "a miniport with VLANs has priorities too (OID_GEN_MAC_OPTIONS)",
        );
    }
    if a.SupportedStatistics & ALL_STATISTICS != ALL_STATISTICS {
        breach(
            Rule::State,
            format_args!(
                "a miniport must support all statistics (NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES); {:#x} are missing",
                ALL_STATISTICS & !a.SupportedStatistics
            ),
        );
    }
    let mut said = adapter.said.lock();
    said.general = true;
    said.mac.copy_from_slice(&a.CurrentMacAddress[..6]);
    said.permanent_mac
        .copy_from_slice(&a.PermanentMacAddress[..6]);
    said.mtu = a.MtuSize;
    said.speed = a.XmitLinkSpeed;
    said.connected = a.MediaConnectState;
    said.mac_options = a.MacOptions;
    // SAFETY: the length is in bytes; pointers are null or point to the structures of their names.
    unsafe {
        let count = a.SupportedOidListLength as usize / 4;
        said.oids = std::slice::from_raw_parts(a.SupportedOidList, count).to_vec();
        said.rss = a.RecvScaleCapabilities.as_ref().copied();
    }
    NDIS_STATUS_SUCCESS
}

unsafe fn offload(
    adapter: &Adapter,
    attributes: *const NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
) -> i32 {
    let what = "NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES";
    let kind = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES;
    // SAFETY: a structure of the driver, and the two it points to; no more is copied than they say they have.
    unsafe {
        check_header(attributes.cast(), what, kind, &[(1, 0x28)]);
        let read = |offload: *const NDIS_OFFLOAD| {
            check_header(
                offload.cast(),
                "NDIS_OFFLOAD",
                NDIS_OBJECT_TYPE_OFFLOAD,
                OFFLOAD_REVISIONS,
            );
            let mut copy = std::mem::MaybeUninit::<NDIS_OFFLOAD>::zeroed();
            let size = usize::from((*offload).Header.Size).min(size_of::<NDIS_OFFLOAD>());
            let to = copy.as_mut_ptr().cast::<u8>();
            std::ptr::copy_nonoverlapping(offload.cast::<u8>(), to, size);
            copy.assume_init()
        };
        let both = (
            read((*attributes).DefaultOffloadConfiguration),
            read((*attributes).HardwareOffloadCapabilities),
        );
        adapter.said.lock().offload = Some(both);
    }
    NDIS_STATUS_SUCCESS
}

/// As ndis.sys was observed: revision 1 and size 0x10 exactly, capabilities of at least 0x38 bytes with adapter
/// information, and only once.
unsafe fn ndk(adapter: &Adapter, attributes: *const NDIS_OBJECT_HEADER) -> i32 {
    // SAFETY: a structure of the driver; offsets are those of ndis.h and ntddndis.h.
    unsafe {
        if (*attributes).Revision != 1 || (*attributes).Size != 0x10 {
            breach(
                Rule::Header,
                "NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES: revision 1 is 0x10 bytes",
            );
        }
        let enabled = *attributes.cast::<u8>().add(4) != 0;
        let capabilities = attributes.cast::<u8>().add(8).cast::<*const u8>().read();
        check_header(
            capabilities.cast(),
            "NDIS_NDK_CAPABILITIES",
            0x80,
            &[(1, 0x38)],
        );
        let info = capabilities.add(0x30).cast::<*const u8>().read();
        if info.is_null() {
            return NDIS_STATUS_INVALID_PARAMETER;
        }
        let mut said = adapter.said.lock();
        if said.ndk.is_some() {
            return INVALID_DEVICE_REQUEST;
        }
        said.ndk = Some(NdkSaid {
            enabled,
            capabilities: std::slice::from_raw_parts(capabilities, CAPABILITIES).to_vec(),
            info: std::slice::from_raw_parts(info, INFO).to_vec(),
        });
    }
    NDIS_STATUS_SUCCESS
}
