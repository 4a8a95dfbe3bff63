//! Which addresses the interface has, and under which numbers the device knows them.
#![forbid(unsafe_code)]

use alloc::vec::Vec;

use rnic_driver_core::{Address, AddressIndex};

use crate::provider::Provider;
use crate::raw::{Lock, NoMemory, Shared};
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

/// Address and port, of either family; IPv4 as ::ffff:a.b.c.d.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketAddress {
    /// Address.
    pub ip: [u8; 16],
    /// Port.
    pub port: u16,
}

impl SocketAddress {
    /// Whether it is IPv4.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        matches!(self.ip, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, ..])
    }
}

/// An address that the operating system gave the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// IPv4 as ::ffff:a.b.c.d.
    pub ip: [u8; 16],
    /// Prefix length, of the address's own family.
    pub prefix: u8,
    /// VLAN.
    pub vlan: Option<u16>,
    /// Whether the device answers ARP and neighbour solicitations for it, and not the system's stack.
    pub answer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Free,
    /// The device is being told.
    Setting(LocalAddress),
    Ready(LocalAddress),
    /// Not the interface's any more; the device is being told.
    Clearing,
    /// Not the interface's any more, but something in the device still uses it.
    Stale,
}

/// The device's address table.
pub(crate) struct Addresses<S: System> {
    entries: Lock<S::Lock, Vec<Entry>>,
}

impl<S: System> Addresses<S> {
    pub(crate) fn new(count: u32) -> Result<Self, NoMemory> {
        let count = count.min(256) as usize;
        let mut entries = Vec::new();
        entries.try_reserve_exact(count).map_err(|_| NoMemory)?;
        entries.resize(count, Entry::Free);
        Ok(Self {
            entries: Lock::new(entries),
        })
    }

    /// The number of an address of the interface.
    pub(crate) fn index(&self, ip: [u8; 16]) -> Option<AddressIndex> {
        let entries = self.entries.lock();
        let at = entries
            .iter()
            .position(|entry| matches!(entry, Entry::Ready(a) if a.ip == ip))?;
        u16::try_from(at).ok().map(AddressIndex)
    }

    fn set(&self, index: AddressIndex, entry: Entry) {
        if let Some(place) = self.entries.lock().get_mut(usize::from(index.0)) {
            *place = entry;
        }
    }

    /// The device was told of an address, and took it or not.
    pub(crate) fn told(&self, index: AddressIndex, taken: bool) {
        let mut entries = self.entries.lock();
        if let Some(place) = entries.get_mut(usize::from(index.0))
            && let Entry::Setting(address) = *place
        {
            *place = if taken {
                Entry::Ready(address)
            } else {
                Entry::Free
            };
        }
    }

    /// The device was told that an address is gone.
    pub(crate) fn cleared(&self, index: AddressIndex, forgotten: bool) {
        self.set(index, if forgotten { Entry::Free } else { Entry::Stale });
    }

    /// What has to be told so that the device knows exactly `wanted`; entries change accordingly.
    fn plan(
        &self,
        wanted: &[LocalAddress],
        changes: &mut Vec<(AddressIndex, Option<LocalAddress>)>,
    ) {
        let mut entries = self.entries.lock();
        for (at, entry) in entries.iter_mut().enumerate() {
            let Ok(index) = u16::try_from(at).map(AddressIndex) else {
                break;
            };
            let gone = match entry {
                Entry::Setting(address) | Entry::Ready(address) => !wanted.contains(address),
                Entry::Stale => true,
                Entry::Free | Entry::Clearing => false,
            };
            if gone && changes.len() < changes.capacity() {
                *entry = Entry::Clearing;
                changes.push((index, None));
            }
        }
        for address in wanted {
            let known =
                |e: &Entry| matches!(e, Entry::Setting(a) | Entry::Ready(a) if a == address);
            if entries.iter().any(known) {
                continue;
            }
            let free = entries.iter().position(|entry| *entry == Entry::Free);
            let Some(index) = free.and_then(|at| u16::try_from(at).ok()).map(AddressIndex) else {
                break;
            };
            if changes.len() < changes.capacity() {
                if let Some(entry) = entries.get_mut(usize::from(index.0)) {
                    *entry = Entry::Setting(*address);
                }
                changes.push((index, Some(*address)));
            }
        }
    }
}

impl<S: System> Provider<S> {
    /// The interface has these addresses now. What does not fit the device's table, or finds no memory, is left out until
    /// the next call.
    pub fn set_addresses(this: &Shared<Self>, wanted: &[LocalAddress]) -> Result<(), NoMemory> {
        let mut changes = Vec::new();
        let most = this.system().nic().limits().addresses.get().min(256) as usize;
        changes.try_reserve_exact(2 * most).map_err(|_| NoMemory)?;
        this.addresses.plan(wanted, &mut changes);
        let mut result = Ok(());
        for (index, address) in changes {
            let submitted = match address {
                Some(a) => {
                    let address = Address {
                        address: a.ip,
                        prefix: a.prefix,
                        vlan: a.vlan,
                        gateway: None,
                        answer: a.answer,
                    };
                    this.submit(Verb::SetAddress(index, address), Then::AddressSet(index))
                }
                None => this.submit(Verb::ClearAddress(index), Then::AddressCleared(index)),
            };
            if submitted.is_err() {
                let undone = if address.is_some() {
                    Entry::Free
                } else {
                    Entry::Stale
                };
                this.addresses.set(index, undone);
                result = Err(NoMemory);
            }
        }
        result
    }

    /// Whether the device knows this address as the interface's.
    pub fn has_address(&self, ip: [u8; 16]) -> bool {
        self.addresses.index(ip).is_some()
    }
}

/// Keeps the type parameter of callers short.
pub(crate) type Answer<S> =
    Result<rnic_driver_core::Outcome<PlatformOf<S>>, rnic_driver_core::Failure<PlatformOf<S>>>;
