//! Sets.

use ndis_sys::ndis::*;
use rnic_driver_core::{Error, Outcome, Token};

use super::buffer::Request;
use crate::adapter::Adapter;
use crate::adapter::attributes::PACKET_FILTERS;
use crate::engine::{NtControl, NtNic};
use crate::ethernet::config::{Config, InUse, Multicast, indicate_offloads};
use crate::ethernet::offload::{self, Offloads};
use crate::ethernet::rss;

/// Sets, or lets the device set.
pub fn set(adapter: &Adapter, request: &mut Request) -> NDIS_STATUS {
    match change(adapter, request) {
        Ok(status) | Err(status) => status,
    }
}

fn change(adapter: &Adapter, request: &mut Request) -> Result<NDIS_STATUS, NDIS_STATUS> {
    let config = adapter.ethernet.config();
    match request.oid() {
        OID_GEN_CURRENT_PACKET_FILTER => {
            let filter = request.input_u32()?;
            if filter & !PACKET_FILTERS != 0 {
                return Err(NDIS_STATUS_NOT_SUPPORTED);
            }
            config.lock().packet_filter = filter;
            Ok(apply(adapter, request, Config::set_rx_mode, After::Nothing))
        }
        OID_802_3_MULTICAST_LIST => {
            let limit = adapter.multicast_limit() as usize;
            let Some(list) = Multicast::from_bytes(request.input(), limit) else {
                return Err(if request.length().is_multiple_of(6) {
                    NDIS_STATUS_MULTICAST_FULL
                } else {
                    request.needs(0)
                });
            };
            config.lock().multicast = list;
            Ok(apply(adapter, request, Config::set_rx_mode, After::Nothing))
        }
        OID_GEN_CURRENT_LOOKAHEAD => {
            let lookahead = request.input_u32()?;
            if lookahead > adapter.ethernet.frame_bytes() {
                return Err(NDIS_STATUS_INVALID_DATA);
            }
            config.lock().lookahead = lookahead;
            Ok(NDIS_STATUS_SUCCESS)
        }
        OID_GEN_VLAN_ID if !config.lock().tags.vlan => Err(NDIS_STATUS_NOT_SUPPORTED),
        OID_GEN_VLAN_ID => {
            let vlan = request.input_u32()?;
            let vlan = u16::try_from(vlan).map_err(|_| NDIS_STATUS_INVALID_DATA)?;
            if vlan > 4094 {
                return Err(NDIS_STATUS_INVALID_DATA);
            }
            config.lock().vlan = vlan;
            adapter.addresses_changed();
            Ok(NDIS_STATUS_SUCCESS)
        }
        // The link has one speed and the device no moderation of its own: there is nothing to choose.
        OID_GEN_INTERRUPT_MODERATION => Err(NDIS_STATUS_INVALID_DATA),
        OID_GEN_LINK_PARAMETERS => Err(NDIS_STATUS_NOT_SUPPORTED),
        OID_GEN_NETWORK_LAYER_ADDRESSES => {
            // netio tells; this is only a reason to look.
            adapter.addresses_changed();
            Ok(NDIS_STATUS_SUCCESS)
        }
        OID_GEN_RECEIVE_SCALE_PARAMETERS => scale(adapter, request),
        OID_TCP_OFFLOAD_PARAMETERS => offloads(adapter, request),
        OID_OFFLOAD_ENCAPSULATION => encapsulation(adapter, request),
        OID_PNP_SET_POWER => {
            let state = request.input_u32()?;
            adapter.set_power(request.again(), state.cast_signed());
            Ok(NDIS_STATUS_PENDING)
        }
        // No wake-up is reported, so there is none to switch.
        OID_PM_PARAMETERS => Ok(NDIS_STATUS_SUCCESS),
        _ => Err(NDIS_STATUS_NOT_SUPPORTED),
    }
}

fn scale(adapter: &Adapter, request: &mut Request) -> Result<NDIS_STATUS, NDIS_STATUS> {
    let Some(queues) = adapter.rss_queues() else {
        return Err(NDIS_STATUS_NOT_SUPPORTED);
    };
    let before = adapter.ethernet.config().lock().rss;
    let after = rss::parse(request.input(), before.as_ref(), queues)?;
    adapter.ethernet.config().lock().rss = after;
    adapter.steer(after.as_ref());
    Ok(apply(adapter, request, Config::set_rss, After::Nothing))
}

fn offloads(adapter: &Adapter, request: &mut Request) -> Result<NDIS_STATUS, NDIS_STATUS> {
    /// NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1.
    const SIZE: usize = 20;
    let bytes = request.input();
    if bytes.len() < SIZE {
        return Err(request.needs(20));
    }
    // SAFETY: the buffer has the structure's bytes, of which every pattern is a value.
    let parameters = unsafe {
        bytes
            .as_ptr()
            .cast::<NDIS_OFFLOAD_PARAMETERS>()
            .read_unaligned()
    };
    let engine = adapter.engine().ok_or(NDIS_STATUS_ADAPTER_NOT_READY)?;
    let all = Offloads::all(&engine.nic);
    {
        let mut config = adapter.ethernet.config().lock();
        config.offloads = config
            .offloads
            .change(&parameters, &all)
            .ok_or(NDIS_STATUS_INVALID_PARAMETER)?;
    }
    let after = After::TellOffloads;
    Ok(apply(adapter, request, Config::set_offloads, after))
}

/// Switches the configured offloads of an IP version on, as far as what is received goes, or all of them off.
fn encapsulation(adapter: &Adapter, request: &mut Request) -> Result<NDIS_STATUS, NDIS_STATUS> {
    /// NDIS_OFFLOAD_SET_NO_CHANGE, _ON, _OFF.
    const NO_CHANGE: u32 = 0;
    const ON: u32 = 1;
    const OFF: u32 = 2;
    const SIZE: usize = size_of::<NDIS_OFFLOAD_ENCAPSULATION>();
    let bytes = request.input();
    if bytes.len() < SIZE {
        return Err(request.needs(28));
    }
    // SAFETY: the buffer has the structure's bytes, of which every pattern is a value.
    let wanted = unsafe {
        bytes
            .as_ptr()
            .cast::<NDIS_OFFLOAD_ENCAPSULATION>()
            .read_unaligned()
    };
    let change = |family: ENCAPSULATION, now: InUse| match family.Enabled {
        NO_CHANGE => Some(now),
        ON => {
            let kind = family.EncapsulationType;
            let possible = kind != 0 && kind & !offload::ENCAPSULATION == 0;
            (possible && family.HeaderSize == 14).then_some(InUse::Yes)
        }
        OFF => Some(InUse::No),
        _ => None,
    };
    {
        let mut config = adapter.ethernet.config().lock();
        let [v4, v6] = config.in_use;
        let both = (change(wanted.IPv4, v4), change(wanted.IPv6, v6));
        let (Some(v4), Some(v6)) = both else {
            return Err(NDIS_STATUS_INVALID_PARAMETER);
        };
        config.in_use = [v4, v6];
    }
    let after = After::TellOffloads;
    Ok(apply(adapter, request, Config::set_offloads, after))
}

/// What follows when the device has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    TellOffloads,
}

/// Gives the configuration to the device and completes the request then. Without a device it waits in the
/// configuration, and the next life of the device gets it.
fn apply(
    adapter: &Adapter,
    request: &mut Request,
    verb: fn(&Config, &mut NtControl, &NtNic, u64) -> Result<Token, Error>,
    after: After,
) -> NDIS_STATUS {
    let tell = move |adapter: &Adapter| {
        if after == After::TellOffloads {
            indicate_offloads(adapter);
        }
    };
    let Some(engine) = adapter.engine() else {
        tell(adapter);
        return NDIS_STATUS_SUCCESS;
    };
    let config = *adapter.ethernet.config().lock();
    let mut pending = Some(request.again());
    let owner = adapter.pinned();
    let submitted = engine.service.submit_with(
        move |control, nic, cookie| verb(&config, control, nic, cookie),
        move |_, _, result| {
            let adapter = owner.get();
            let status = match result {
                Ok(Outcome::Done) => NDIS_STATUS_SUCCESS,
                Ok(_) => NDIS_STATUS_FAILURE,
                Err(failure) => {
                    crate::warning!("a setting was refused: {}", failure.error);
                    match failure.error {
                        Error::NoMemory => NDIS_STATUS_RESOURCES,
                        _ => NDIS_STATUS_FAILURE,
                    }
                }
            };
            if status == NDIS_STATUS_SUCCESS {
                tell(adapter);
            }
            if let Some(request) = pending.take() {
                request.complete(adapter.handle, status);
            }
        },
    );
    adapter.kick();
    match submitted {
        Ok(()) => NDIS_STATUS_PENDING,
        Err(Error::NoMemory) => NDIS_STATUS_RESOURCES,
        // The life of the device just ended.
        Err(_) => {
            tell(adapter);
            NDIS_STATUS_SUCCESS
        }
    }
}
