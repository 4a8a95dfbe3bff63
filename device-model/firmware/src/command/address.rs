//! SET_ADDRESS, CLEAR_ADDRESS, RESERVE_ENDPOINT, RELEASE_ENDPOINT.

use core::mem::offset_of;
use core::net::IpAddr;

use rnic_abi::{
    AddressFlags, ClearAddressRequest, Family, Opcode, ReleaseEndpointRequest,
    ReserveEndpointAnswer, ReserveEndpointRequest, SetAddressRequest, Status, SyndromeReason, cmd,
    limit,
};
use rnic_core::error::CommandError;
use rnic_mutant::mutant;
use rnic_wire::Gid;

use crate::address::{Address, AddressError, EndpointError};

use super::{Control, Result, empty, handle};

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::SET_ADDRESS => handle::<cmd::SetAddress>(control, request, |control, request| {
            set_address(control, request)?;
            tell_hardware(control);
            Ok(empty())
        }),
        Opcode::CLEAR_ADDRESS => {
            handle::<cmd::ClearAddress>(control, request, |control, request| {
                clear_address(control, request)?;
                tell_hardware(control);
                Ok(empty())
            })
        }
        Opcode::RESERVE_ENDPOINT => handle::<cmd::ReserveEndpoint>(control, request, reserve),
        Opcode::RELEASE_ENDPOINT => {
            handle::<cmd::ReleaseEndpoint>(control, request, |control, request| {
                release(control, request).map(|()| empty())
            })
        }
        _ => return None,
    })
}

/// The hardware sends datagrams to our own addresses to itself `[UD-7]`.
fn tell_hardware(control: &mut Control<'_>) {
    let own = control.plane.gids().collect();
    control.hardware.qps.set_own_addresses(own);
}

/// The address in a request's field, when it can be a host's and is of `family`.
fn unicast(bytes: [u8; 16], family: Family, at: usize) -> Result<Gid> {
    let gid = Gid(bytes);
    let (v4, bad) = match gid.to_ip() {
        IpAddr::V4(a) => (
            true,
            a.is_unspecified() || a.is_multicast() || a.is_broadcast(),
        ),
        IpAddr::V6(a) => (false, a.is_unspecified() || a.is_multicast()),
    };
    if bad {
        return Err(CommandError::bad_value(at));
    }
    if v4 != (family == Family::IPV4) && !mutant("ADDR-1/family") {
        return Err(CommandError::invalid(SyndromeReason::CONFLICT, at));
    }
    Ok(gid)
}

/// `[ADDR-1]`, `[ADDR-2]`
fn set_address(control: &mut Control<'_>, request: &SetAddressRequest) -> Result<()> {
    let index = request.index.get();
    if u64::from(index) >= limit::ADDRESSES {
        return Err(CommandError::too_large(offset_of!(
            SetAddressRequest,
            index
        )));
    }
    let family = request.family();
    let bits = match family {
        Family::IPV4 => 32,
        Family::IPV6 => 128,
        _ => {
            return Err(CommandError::bad_value(offset_of!(
                SetAddressRequest,
                family_raw
            )));
        }
    };
    if request.prefix > bits && !mutant("ADDR-1/prefix") {
        let at = offset_of!(SetAddressRequest, prefix);
        return Err(CommandError::invalid(SyndromeReason::TOO_LARGE, at));
    }
    let flags = request.flags();
    let vlan = match (flags.contains(AddressFlags::VLAN), request.vlan.get()) {
        (true, id @ 1..=4094) => Some(id),
        (false, 0) => None,
        (true, _) => return Err(CommandError::bad_value(offset_of!(SetAddressRequest, vlan))),
        (false, _) => {
            let at = offset_of!(SetAddressRequest, vlan);
            return Err(CommandError::invalid(SyndromeReason::CONFLICT, at));
        }
    };
    let gid = unicast(
        request.address,
        family,
        offset_of!(SetAddressRequest, address),
    )?;
    let at = offset_of!(SetAddressRequest, gateway);
    let gateway = match (flags.contains(AddressFlags::GATEWAY), request.gateway) {
        (true, gateway) => Some(unicast(gateway, family, at)?),
        (false, gateway) if gateway == [0; 16] => None,
        (false, _) => return Err(CommandError::invalid(SyndromeReason::CONFLICT, at)),
    };
    let address = Address {
        gid,
        prefix: request.prefix,
        vlan,
        gateway,
        answer: flags.contains(AddressFlags::ANSWER),
    };
    let plane = &mut *control.plane;
    let moved = plane
        .addresses
        .get(index)
        .is_some_and(|old| (old.gid, old.vlan) != (gid, vlan));
    if moved && plane.endpoints.uses(index) && !mutant("ADDR-2/moved") {
        let at = offset_of!(SetAddressRequest, index);
        return Err(CommandError::invalid(SyndromeReason::IN_USE, at));
    }
    let at = offset_of!(SetAddressRequest, address);
    plane
        .addresses
        .set(index, address)
        .map_err(|error| match error {
            AddressError::Index(_) => CommandError::too_large(offset_of!(SetAddressRequest, index)),
            AddressError::Duplicate(_) => {
                CommandError::new(Status::ADDRESS_IN_USE, SyndromeReason::IN_USE, at)
            }
        })
}

/// `[ADDR-2]`
fn clear_address(control: &mut Control<'_>, request: &ClearAddressRequest) -> Result<()> {
    let at = offset_of!(ClearAddressRequest, index);
    let index = request.index.get();
    let plane = &mut *control.plane;
    if plane.addresses.get(index).is_none() {
        return Err(CommandError::not_found(at));
    }
    if plane.endpoints.uses(index) && !mutant("ADDR-2/busy") {
        return Err(CommandError::busy(at));
    }
    plane.addresses.clear(index);
    Ok(())
}

/// The status of an endpoint that cannot be had; `at` is the field that names the port.
pub(super) fn endpoint_error(error: EndpointError, at: usize) -> CommandError {
    match error {
        EndpointError::InUse(_) => {
            CommandError::new(Status::ADDRESS_IN_USE, SyndromeReason::IN_USE, at)
        }
        EndpointError::NoPorts => CommandError::new(Status::NO_PORTS, SyndromeReason::QUOTA, at),
        EndpointError::Full => CommandError::no_resources(),
    }
}

/// `ADDRESS_NOT_AVAILABLE` for an entry that is empty `[ADDR-5]`.
pub(super) fn not_available(at: usize) -> CommandError {
    CommandError::new(Status::ADDRESS_NOT_AVAILABLE, SyndromeReason::NOT_FOUND, at)
}

/// `[ADDR-5]`
fn reserve(
    control: &mut Control<'_>,
    request: &ReserveEndpointRequest,
) -> Result<ReserveEndpointAnswer> {
    let index = request.address.get();
    let plane = &mut *control.plane;
    if plane.addresses.get(index).is_none() {
        return Err(not_available(offset_of!(ReserveEndpointRequest, address)));
    }
    let (endpoint, port) = plane
        .endpoints
        .open(index, request.port.get(), true)
        .map_err(|error| endpoint_error(error, offset_of!(ReserveEndpointRequest, port)))?;
    let mut answer = ReserveEndpointAnswer::zeroed();
    answer.endpoint.set(endpoint);
    answer.port.set(port);
    Ok(answer)
}

/// `[ADDR-6]`
fn release(control: &mut Control<'_>, request: &ReleaseEndpointRequest) -> Result<()> {
    let at = offset_of!(ReleaseEndpointRequest, endpoint);
    match control.plane.endpoints.unreserve(request.endpoint.get()) {
        true => Ok(()),
        false => Err(CommandError::not_found(at)),
    }
}
