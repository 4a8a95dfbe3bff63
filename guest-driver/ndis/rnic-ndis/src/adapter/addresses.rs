//! Which IP addresses the interface has: asked of netio, whose notifications say when to ask again.
//!
//! NDIS tells a miniport no addresses that can be relied on, and the device must know its own, because its connection
//! manager speaks for them. Windows' stack answers ARP and neighbour solicitations; the device does not.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use ndis_sys::netio::*;
use ndis_sys::nt::{PVOID, STATUS_SUCCESS, TRUE};
use rnic_driver_core::Address;

use super::Adapter;
use crate::nt::Passive;
use crate::{info, warning};

/// What is known of the interface's addresses.
pub(super) struct Addresses {
    /// netio's registration.
    watch: AtomicPtr<core::ffi::c_void>,
    /// They may have changed.
    stale: AtomicBool,
}

impl Addresses {
    pub(super) const fn new() -> Self {
        Self {
            watch: AtomicPtr::new(core::ptr::null_mut()),
            stale: AtomicBool::new(true),
        }
    }

    /// Asks to be told of changes. Without that, what there is now is all that will ever be known.
    pub(super) fn watch(&self, _: &Passive, adapter: &Adapter) {
        let mut handle = core::ptr::null_mut();
        // SAFETY: the adapter outlives the registration, which `unwatch` ends.
        let status = unsafe {
            NotifyUnicastIpAddressChange(
                AF_UNSPEC,
                changed,
                core::ptr::from_ref(adapter).cast_mut().cast(),
                TRUE,
                &raw mut handle,
            )
        };
        if status == STATUS_SUCCESS {
            self.watch.store(handle, Ordering::Release);
        } else {
            warning!("no notice of address changes: {status:#010x}");
        }
    }

    /// No more notices; one under way has ended when this returns.
    pub(super) fn unwatch(&self, _: &Passive) {
        let handle = self.watch.swap(core::ptr::null_mut(), Ordering::AcqRel);
        if !handle.is_null() {
            // SAFETY: registered by `watch`; at PASSIVE_LEVEL, in no callback.
            unsafe { CancelMibChangeNotify2(handle) };
        }
    }
}

unsafe extern "win64" fn changed(adapter: PVOID, row: *mut MIB_UNICASTIPADDRESS_ROW, _: i32) {
    // SAFETY: the adapter outlives the registration.
    let adapter = unsafe { &*adapter.cast::<Adapter>() };
    // SAFETY: netio's row, or none.
    let other = !row.is_null() && unsafe { !adapter.is_mine(&*row) };
    if !other {
        adapter.addresses_changed();
    }
}

impl Adapter {
    /// Addresses of the interface, or what they depend on, may have changed. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn addresses_changed(&self) {
        self.addresses.stale.store(true, Ordering::Release);
        self.kick();
    }

    fn is_mine(&self, row: &MIB_UNICASTIPADDRESS_ROW) -> bool {
        if row.InterfaceLuid != 0 && self.net_luid != 0 {
            row.InterfaceLuid == self.net_luid
        } else {
            row.InterfaceIndex == self.if_index
        }
    }

    /// The worker's share: asks, and tells the NDK provider.
    pub(super) fn learn_addresses(&self, passive: &Passive) {
        let Some(engine) = self.engine().filter(|engine| engine.failure().is_none()) else {
            return;
        };
        if !self.addresses.stale.swap(false, Ordering::AcqRel) {
            return;
        }
        let Some(list) = self.read_addresses(passive) else {
            warning!("the addresses of the interface could not be read");
            return;
        };
        info!("{} addresses", list.len());
        self.ndk.addresses(passive, &engine, &list);
    }

    fn read_addresses(&self, _: &Passive) -> Option<Vec<Address>> {
        let mut table = core::ptr::null_mut();
        // SAFETY: at PASSIVE_LEVEL; the table is freed below.
        let status = unsafe { GetUnicastIpAddressTable(AF_UNSPEC, &raw mut table) };
        if status != STATUS_SUCCESS || table.is_null() {
            return None;
        }
        let vlan = self.ethernet.config().lock().vlan;
        let vlan = (vlan != 0).then_some(vlan);
        let mut list = Vec::new();
        // SAFETY: netio's table, with so many rows.
        let rows = unsafe {
            core::slice::from_raw_parts(
                (&raw const (*table).Table).cast::<MIB_UNICASTIPADDRESS_ROW>(),
                (*table).NumEntries as usize,
            )
        };
        let complete = list.try_reserve_exact(rows.len()).is_ok();
        if complete {
            let mine = rows.iter().filter(|row| self.is_mine(row));
            list.extend(mine.filter_map(|row| address(row, vlan)));
        }
        // SAFETY: netio's.
        unsafe { FreeMibTable(table.cast()) };
        complete.then_some(list)
    }
}

/// An address that may be used, as the device takes it.
fn address(row: &MIB_UNICASTIPADDRESS_ROW, vlan: Option<u16>) -> Option<Address> {
    if row.DadState != NLDS_PREFERRED && row.DadState != NLDS_DEPRECATED {
        return None;
    }
    // SAFETY: the family comes first in both; it says which of the two it is.
    let (address, bits) = unsafe {
        match row.Address.si_family {
            AF_INET => (mapped(row.Address.Ipv4.sin_addr), 32),
            AF_INET6 => (row.Address.Ipv6.sin6_addr, 128),
            _ => return None,
        }
    };
    Some(Address {
        address,
        prefix: row.OnLinkPrefixLength.min(bits),
        vlan,
        // Peers are on the link, unless the provider finds the way to one itself.
        gateway: None,
        answer: false,
    })
}

/// IPv4 as ::ffff:a.b.c.d.
fn mapped(ipv4: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = ipv4;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> MIB_UNICASTIPADDRESS_ROW {
        // SAFETY: zeros are values of every field.
        unsafe { core::mem::zeroed() }
    }

    #[test]
    fn only_settled_addresses_are_used() {
        let mut row = row();
        row.Address.Ipv4 = SOCKADDR_IN {
            sin_family: AF_INET,
            sin_port: 0,
            sin_addr: [192, 0, 2, 7],
            sin_zero: [0; 8],
        };
        row.OnLinkPrefixLength = 24;
        assert!(address(&row, None).is_none(), "tentative");
        row.DadState = NLDS_PREFERRED;
        let found = address(&row, Some(5)).unwrap();
        assert!(found.is_ipv4());
        assert_eq!(found.address[12..], [192, 0, 2, 7]);
        assert_eq!(
            (found.prefix, found.vlan, found.answer),
            (24, Some(5), false)
        );
        row.OnLinkPrefixLength = 255;
        assert_eq!(address(&row, None).unwrap().prefix, 32);
        row.Address.si_family = 99;
        assert!(address(&row, None).is_none());
    }

    #[test]
    fn ipv6_addresses_are_taken_as_they_are() {
        let mut row = row();
        row.DadState = NLDS_DEPRECATED;
        row.OnLinkPrefixLength = 64;
        row.Address.Ipv6 = SOCKADDR_IN6 {
            sin6_family: AF_INET6,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            sin6_scope_id: 0,
        };
        let found = address(&row, None).unwrap();
        assert_eq!(
            (found.address[0], found.address[15], found.prefix),
            (0x20, 9, 64)
        );
    }
}
