//! Ways to peers, by netio. (ndkpi.md 7)

use ndis_sys::netio::*;
use ndis_sys::nt::*;
use rnic_ndk::NoRoute;

use crate::nt::Passive;

/// IPv4 as ::ffff:a.b.c.d.
fn address_of(address: &SOCKADDR_INET) -> Option<[u8; 16]> {
    // SAFETY: the family lies where every member has it.
    match unsafe { address.si_family } {
        AF_INET => {
            // SAFETY: the family says so.
            let [a, b, c, d] = unsafe { address.Ipv4 }.sin_addr;
            Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d])
        }
        // SAFETY: the family says so.
        AF_INET6 => Some(unsafe { address.Ipv6 }.sin6_addr),
        _ => None,
    }
}

/// `index`: of the interface whose address it is, or whose neighbour's.
fn socket_of(ip: [u8; 16], index: u32) -> SOCKADDR_INET {
    if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d] = ip {
        // The member of 28 bytes first, so that none is left undefined.
        let mut socket = v6([0; 16], 0);
        socket.Ipv4 = SOCKADDR_IN {
            sin_family: AF_INET,
            sin_port: 0,
            sin_addr: [a, b, c, d],
            sin_zero: [0; 8],
        };
        socket
    } else {
        // A link-local address means something on a link alone: its scope is the interface (SOCKADDR_IN6; RFC 4007, 6).
        let scope = if is_link_local(ip) { index } else { 0 };
        v6(ip, scope)
    }
}

/// fe80::/10.
fn is_link_local(ip: [u8; 16]) -> bool {
    matches!(ip, [0xFE, 0x80..=0xBF, ..])
}

fn v6(ip: [u8; 16], scope: u32) -> SOCKADDR_INET {
    SOCKADDR_INET {
        Ipv6: SOCKADDR_IN6 {
            sin6_family: AF_INET6,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: ip,
            sin6_scope_id: scope,
        },
    }
}

/// Neighbour states in which an entry's address can be used: probe, delay, stale, reachable, permanent.
const USABLE: core::ops::RangeInclusive<i32> = 2..=6;

fn neighbour(row: &MIB_IPNET_ROW2) -> Option<[u8; 6]> {
    if row.PhysicalAddressLength != 6 || !USABLE.contains(&row.State) {
        return None;
    }
    row.PhysicalAddress.first_chunk().copied()
}

/// Ethernet address of the next hop. Waits for the neighbour's answer.
pub fn next_hop(
    _: &Passive,
    (luid, index): (NET_LUID, u32),
    from: [u8; 16],
    to: [u8; 16],
) -> Result<Option<[u8; 6]>, NoRoute> {
    let (source, destination) = (socket_of(from, index), socket_of(to, index));
    // SAFETY: zeros are values of every field.
    let mut route: MIB_IPFORWARD_ROW2 = unsafe { core::mem::zeroed() };
    let mut best = v6([0; 16], 0);
    // SAFETY: at PASSIVE_LEVEL, with memory of ours.
    let status = unsafe {
        GetBestRoute2(
            &raw const luid,
            0,
            &raw const source,
            &raw const destination,
            0,
            &raw mut route,
            &raw mut best,
        )
    };
    if status != STATUS_SUCCESS || route.InterfaceLuid != luid {
        return Err(NoRoute::Network);
    }
    let hop = match address_of(&route.NextHop) {
        Some(hop) if !is_unspecified(hop) => hop,
        // On the link.
        _ => to,
    };
    // SAFETY: zeros are values of every field.
    let mut row: MIB_IPNET_ROW2 = unsafe { core::mem::zeroed() };
    row.Address = socket_of(hop, index);
    row.InterfaceLuid = luid;
    // SAFETY: at PASSIVE_LEVEL, with memory of ours.
    let status = unsafe { GetIpNetEntry2(&raw mut row) };
    if status == STATUS_SUCCESS
        && let Some(mac) = neighbour(&row)
    {
        return Ok(Some(mac));
    }
    row.Address = socket_of(hop, index);
    row.InterfaceLuid = luid;
    // SAFETY: as above; it waits for the neighbour.
    let status = unsafe { ResolveIpNetEntry2(&raw mut row, &raw const source) };
    match neighbour(&row) {
        Some(mac) if status == STATUS_SUCCESS => Ok(Some(mac)),
        _ => Err(NoRoute::Host),
    }
}

fn is_unspecified(ip: [u8; 16]) -> bool {
    ip == [0; 16] || ip == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::{address_of, is_unspecified, neighbour, socket_of};

    #[test]
    fn addresses_come_back_as_they_went() {
        let v4 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1];
        let v6 = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for ip in [v4, v6] {
            assert_eq!(address_of(&socket_of(ip, 7)), Some(ip));
            assert!(!is_unspecified(ip));
        }
    }

    #[test]
    fn link_local_addresses_have_their_link() {
        let scope = |first: u8| {
            let mut ip = [0x80; 16];
            ip[0] = first;
            // SAFETY: an IPv6 address.
            unsafe { socket_of(ip, 7).Ipv6 }.sin6_scope_id
        };
        assert_eq!([scope(0xFE), scope(0x20), scope(0xFD)], [7, 0, 0]);
    }

    #[test]
    fn neighbours_that_are_not_there_are_not_used() {
        // SAFETY: zeros are values of every field.
        let mut row: ndis_sys::netio::MIB_IPNET_ROW2 = unsafe { core::mem::zeroed() };
        row.PhysicalAddress[0] = 2;
        row.PhysicalAddressLength = 6;
        for (state, usable) in [
            (0, false),
            (1, false),
            (2, true),
            (5, true),
            (6, true),
            (7, false),
        ] {
            row.State = state;
            assert_eq!(neighbour(&row).is_some(), usable, "{state}");
        }
        row.State = 5;
        row.PhysicalAddressLength = 8;
        assert_eq!(neighbour(&row), None);
    }
}
