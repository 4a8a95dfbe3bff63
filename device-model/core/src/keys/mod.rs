//! Protection domains, memory regions, memory windows, and the check of every access.
//!
//! A key is an index and a variant `[MEM-2]`. One table holds all that an index can name: regions
//! made from a page list, fast-register regions, windows, privileged keys. A key is FREE or VALID;
//! what makes it so:
//!
//! ```text
//!   BEGIN_MR -> FREE -> COMMIT_MR -> VALID -> DESTROY_MR
//!   CREATE_FAST_MR -> FREE -> FAST_REGISTER -> VALID -> invalidate -> FREE ...
//!   CREATE_MW -> FREE -> BIND -> VALID -> invalidate (type 2), BIND of length 0 (type 1) -> FREE
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the table: indices, variants, quota, domains |
//! | `region.rs` | regions: BEGIN, ADD, COMMIT, fast registration |
//! | `window.rs` | windows: bind, unbind |
//! | `check.rs` | may this access be, and which DMA addresses is it |
//! | `tests.rs`, `oracle.rs` | tests; the second compares with a plain model |

mod check;
#[cfg(test)]
mod oracle;
mod region;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeSet, HashMap, VecDeque};

use rnic_abi::{AccessFlags, ProviderError, limit};

use rnic_mutant::mutant;

pub use check::{Extent, LocalRight, Ranges, RemoteRight};
pub use region::{PAGE_SIZES, RegionRequest};
pub use window::WindowKind;

use crate::error::CommandError;
use crate::object::{Table, narrow};
use region::Region;
use window::Window;

/// A key: index in bits 31:8, variant in bits 7:0 `[MEM-2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

impl Key {
    /// Index of the object.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 >> 8
    }

    /// Variant.
    #[must_use]
    pub const fn variant(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    const fn of(index: u32, variant: u8) -> Self {
        Self(index << 8 | variant as u32)
    }
}

/// A protection domain.
#[derive(Debug, Default)]
struct Domain {
    privileged: Option<u32>,
    /// Regions, windows, queue pairs and shared receive queues.
    users: u32,
}

#[derive(Debug)]
enum Object {
    Region(Box<Region>),
    Window(Window),
    Privileged { pd: u32 },
}

#[derive(Debug, Default)]
struct Slot {
    variant: u8,
    object: Option<Object>,
}

/// A limit on what the table holds is reached `[CMD-19]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key of this kind is left")]
pub struct KeysFull;

/// How much the table may hold.
#[derive(Clone, Copy, Debug)]
pub struct KeyLimits {
    /// Protection domains.
    pub pds: u32,
    /// Regions.
    pub mrs: u32,
    /// Windows.
    pub mws: u32,
    /// Page addresses of all regions.
    pub pages: u64,
    /// Others freed after an index before it is given out again.
    pub distance: u64,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            pds: const { narrow(limit::PDS) },
            mrs: const { narrow(limit::MRS) },
            mws: const { narrow(limit::MWS) },
            pages: limit::MR_PAGES,
            distance: limit::KEY_REUSE_DISTANCE,
        }
    }
}

/// Domains and keys of a device.
#[derive(Debug)]
pub struct Keys {
    limits: KeyLimits,
    domains: Table<Domain>,
    /// By index; index 0 is never given out.
    slots: Vec<Slot>,
    free: VecDeque<u32>,
    regions: u32,
    windows: u32,
    pages_charged: u64,
    /// Type 2 windows by the queue pair that bound them.
    bound_by: HashMap<u32, BTreeSet<u32>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self::new(KeyLimits::default())
    }
}

impl Keys {
    /// An empty table.
    #[must_use]
    pub fn new(limits: KeyLimits) -> Self {
        Self {
            limits,
            domains: Table::new(limits.pds, 1, 0),
            slots: (0..u8::from(!mutant("MEM-2/zero")))
                .map(|_| Slot::default())
                .collect(),
            free: VecDeque::new(),
            regions: 0,
            windows: 0,
            pages_charged: 0,
            bound_by: HashMap::new(),
        }
    }

    /// Makes a domain; its handle, and its privileged key if it has one `[MEM-1]`, `[MEM-6]`.
    pub fn create_domain(&mut self, privileged: bool) -> Result<(u32, Option<Key>), KeysFull> {
        let pd = self
            .domains
            .insert(Domain::default())
            .map_err(|_| KeysFull)?;
        if !privileged {
            return Ok((pd, None));
        }
        match self.insert(|_| Object::Privileged { pd }) {
            Ok(key) => {
                if let Some(domain) = self.domains.get_mut(pd) {
                    domain.privileged = Some(key.index());
                }
                Ok((pd, Some(key)))
            }
            Err(full) => {
                self.domains.remove(pd);
                Err(full)
            }
        }
    }

    /// Destroys a domain that nothing uses. `at`: offset of the handle in the request.
    pub fn destroy_domain(&mut self, pd: u32, at: usize) -> Result<(), CommandError> {
        let domain = self
            .domains
            .get(pd)
            .ok_or_else(|| CommandError::not_found(at))?;
        if domain.users > 0 && !mutant("MEM-1/busy") {
            return Err(CommandError::busy(at));
        }
        if let Some(index) = domain.privileged {
            self.free_index(index);
        }
        self.domains.remove(pd);
        Ok(())
    }

    /// Whether the domain exists.
    #[must_use]
    pub fn has_domain(&self, pd: u32) -> bool {
        self.domains.get(pd).is_some()
    }

    /// Keeps a domain from being destroyed, for a queue pair or a shared receive queue.
    pub fn hold_domain(&mut self, pd: u32) {
        if let Some(domain) = self.domains.get_mut(pd) {
            domain.users = domain.users.saturating_add(1);
        }
    }

    /// Ends one [`Keys::hold_domain`].
    pub fn release_domain(&mut self, pd: u32) {
        if let Some(domain) = self.domains.get_mut(pd) {
            domain.users = domain.users.saturating_sub(1);
        }
    }

    /// Makes a key of a FAST region or a type 2 window FREE, for a LOCAL_INVALIDATE of this
    /// queue pair or a peer's request `[MEM-17]`.
    pub fn invalidate(&mut self, pd: u32, qpn: u32, key: u32) -> Result<(), ProviderError> {
        let key = Key(key);
        match self.lookup(key)? {
            Object::Privileged { .. } => Err(ProviderError::KEY_PRIVILEGED),
            Object::Region(region) => {
                region.may_invalidate(pd)?;
                if let Some(Object::Region(region)) = self.object_mut(key.index()) {
                    region.invalidate();
                }
                Ok(())
            }
            Object::Window(window) => {
                window.may_invalidate(pd, qpn)?;
                self.unbind(key.index());
                Ok(())
            }
        }
    }

    /// Makes FREE every type 2 window that was bound through a queue pair which ends or goes to
    /// RESET `[MEM-22]`.
    pub fn release_windows(&mut self, qpn: u32) {
        let bound = self
            .bound_by
            .remove(&qpn)
            .filter(|_| !mutant("MEM-22/kept"));
        for index in bound.unwrap_or_default() {
            self.unbind(index);
        }
    }

    /// Page addresses charged to the quota.
    #[must_use]
    pub const fn pages_charged(&self) -> u64 {
        self.pages_charged
    }

    /// Forgets every domain and key.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// The object that a key names, in all its bits `[MEM-3]`.
    fn lookup(&self, key: Key) -> Result<&Object, ProviderError> {
        let slot = usize::try_from(key.index())
            .ok()
            .and_then(|index| self.slots.get(index));
        let Some(Slot {
            variant,
            object: Some(object),
        }) = slot
        else {
            return Err(ProviderError::KEY_NOT_FOUND);
        };
        if *variant != key.variant() && !mutant("MEM-3/variant") {
            return Err(ProviderError::KEY_STALE);
        }
        Ok(object)
    }

    fn object(&self, index: u32) -> Option<&Object> {
        self.slots
            .get(usize::try_from(index).ok()?)?
            .object
            .as_ref()
    }

    fn object_mut(&mut self, index: u32) -> Option<&mut Object> {
        self.slots
            .get_mut(usize::try_from(index).ok()?)?
            .object
            .as_mut()
    }

    fn set_variant(&mut self, index: u32, variant: u8) {
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.slots.get_mut(index));
        if let Some(slot) = slot {
            slot.variant = variant;
        }
    }

    /// Gives out an index `[MEM-4]`: a used one when enough others were freed after it, else one
    /// that was never used.
    fn insert(&mut self, make: impl FnOnce(u32) -> Object) -> Result<Key, KeysFull> {
        let all =
            u64::from(self.limits.pds) + u64::from(self.limits.mrs) + u64::from(self.limits.mws);
        let fresh = self.slots.len();
        let may_grow = fresh as u64 <= all.min((1 << 24) - 1);
        let early = mutant("MEM-4/distance") && !self.free.is_empty();
        let wait = self.free.len() as u64 <= self.limits.distance && !early;
        let index = if may_grow && wait {
            self.slots.push(Slot::default());
            u32::try_from(fresh).map_err(|_| KeysFull)?
        } else {
            self.free.pop_front().ok_or(KeysFull)?
        };
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.slots.get_mut(index))
            .ok_or(KeysFull)?;
        slot.variant = slot
            .variant
            .wrapping_add(u8::from(!mutant("MEM-4/variant")));
        slot.object = Some(make(index));
        Ok(Key::of(index, slot.variant))
    }

    fn free_index(&mut self, index: u32) {
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.slots.get_mut(index));
        if slot.is_some_and(|slot| slot.object.take().is_some()) {
            self.free.push_back(index);
        }
    }

    fn charge(&mut self, pages: u64) -> Result<(), CommandError> {
        let charged = self.pages_charged.saturating_add(pages);
        if charged > self.limits.pages && !mutant("CMD-19/quota") {
            return Err(CommandError::no_resources());
        }
        self.pages_charged = charged;
        Ok(())
    }
}

/// Whether rights contradict each other: who lets peers write lets the device write.
const fn rights_contradict(access: AccessFlags) -> bool {
    (access.remote_write() || access.remote_atomic()) && !access.local_write()
}
