//! Memory windows: a part of a region, with rights of their own, for peers.

use rnic_abi::{AccessFlags, BindSegment, MwType, ProviderError};
use rnic_mutant::mutant;

use super::{Key, Keys, KeysFull, Object};
use crate::error::{CommandError, Refusal};

/// Type of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// For every queue pair of its domain; bound and unbound by BIND.
    Type1,
    /// For the queue pair that bound it.
    Type2,
}

impl WindowKind {
    /// The type that a request names; none for an unknown value.
    #[must_use]
    pub const fn of(code: MwType) -> Option<Self> {
        match code {
            MwType::TYPE_1 => Some(Self::Type1),
            MwType::TYPE_2 => Some(Self::Type2),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    /// Index of the region.
    pub(super) region: u32,
    pub(super) base: u64,
    pub(super) length: u64,
    pub(super) access: AccessFlags,
    /// Queue pair that bound it.
    pub(super) qpn: u32,
}

#[derive(Debug)]
pub(super) struct Window {
    pub(super) pd: u32,
    pub(super) kind: WindowKind,
    /// None: FREE.
    pub(super) binding: Option<Binding>,
}

impl Window {
    pub(super) fn may_invalidate(&self, pd: u32, qpn: u32) -> Result<(), ProviderError> {
        if self.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if self.kind == WindowKind::Type1 {
            return Err(ProviderError::INVALIDATE_REFUSED);
        }
        match &self.binding {
            None => Err(ProviderError::KEY_FREE),
            Some(binding) if binding.qpn != qpn && !mutant("MEM-17/any-qp") => {
                Err(ProviderError::KEY_WRONG_QP)
            }
            Some(_) => Ok(()),
        }
    }
}

impl Keys {
    /// CREATE_MW: a FREE window of an existing domain; its key `[MEM-19]`.
    pub fn create_window(&mut self, pd: u32, kind: WindowKind) -> Result<Key, KeysFull> {
        if self.windows >= self.limits.mws {
            return Err(KeysFull);
        }
        let key = self.insert(|_| {
            Object::Window(Window {
                pd,
                kind,
                binding: None,
            })
        })?;
        self.windows += 1;
        self.hold_domain(pd);
        Ok(key)
    }

    /// DESTROY_MW: destroys the window with the index of `key`, bound or not `[MEM-19]`.
    pub fn destroy_window(&mut self, key: u32, at: usize) -> Result<(), CommandError> {
        let index = Key(key).index();
        let pd = match self.object(index) {
            Some(Object::Window(window)) => window.pd,
            Some(_) => return Err(CommandError::wrong_kind(at)),
            None => return Err(CommandError::not_found(at)),
        };
        if !mutant("MEM-19/bound") {
            self.unbind(index);
        }
        self.free_index(index);
        self.windows = self.windows.saturating_sub(1);
        self.release_domain(pd);
        Ok(())
    }

    /// BIND, for queue pair `qpn` of domain `pd` `[MEM-20]`, `[MEM-21]`. Reserved fields and bits
    /// are the caller's to refuse as malformed.
    pub fn bind(&mut self, pd: u32, qpn: u32, work: &BindSegment) -> Result<(), Refusal> {
        let window_key = Key(work.window_key.get());
        let kind = self.bindable(pd, window_key).map_err(Refusal::bind)?;
        let (base, length) = (work.address.get(), work.length.get());
        if length == 0 && kind == WindowKind::Type1 && !mutant("MEM-22/unbind") {
            self.unbind(window_key.index());
            self.set_variant(window_key.index(), window_key.variant());
            return Ok(());
        }
        let region = Key(work.region_key.get());
        let access = work.access();
        self.may_bind(pd, region, base, length, access)
            .map_err(Refusal::bind)?;
        self.unbind(window_key.index());
        if let Some(Object::Region(region)) = self.object_mut(region.index()) {
            region.windows = region.windows.saturating_add(1);
        }
        if let Some(Object::Window(window)) = self.object_mut(window_key.index()) {
            window.binding = Some(Binding {
                region: region.index(),
                base,
                length,
                access,
                qpn,
            });
        }
        if kind == WindowKind::Type2 {
            let bound = self.bound_by.entry(qpn).or_default();
            bound.insert(window_key.index());
        }
        self.set_variant(window_key.index(), window_key.variant());
        Ok(())
    }

    fn bindable(&self, pd: u32, key: Key) -> Result<WindowKind, ProviderError> {
        let window = match self.object(key.index()) {
            Some(Object::Window(window)) => window,
            Some(Object::Privileged { .. }) => return Err(ProviderError::KEY_PRIVILEGED),
            _ => return Err(ProviderError::KEY_NOT_FOUND),
        };
        if window.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if window.kind == WindowKind::Type2 && window.binding.is_some() && !mutant("MEM-21/valid") {
            return Err(ProviderError::KEY_IN_USE);
        }
        Ok(window.kind)
    }

    fn may_bind(
        &self,
        pd: u32,
        key: Key,
        base: u64,
        length: u64,
        access: AccessFlags,
    ) -> Result<(), ProviderError> {
        let region = match self.lookup(key)? {
            Object::Region(region) => region,
            Object::Privileged { .. } => return Err(ProviderError::KEY_PRIVILEGED),
            Object::Window(_) => return Err(ProviderError::KEY_NOT_FOUND),
        };
        if region.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if !region.is_valid() {
            return Err(ProviderError::KEY_FREE);
        }
        let writes = access.remote_write() || access.remote_atomic();
        if !region.access.window_bind() && !mutant("MEM-21/right")
            || writes && !region.access.local_write()
            || access.local_write()
            || access.window_bind()
        {
            return Err(ProviderError::RIGHT_MISSING);
        }
        if length == 0 && !mutant("MEM-21/zero") {
            return Err(ProviderError::ZERO_LENGTH);
        }
        super::check::within(region.base, region.length, base, length)
    }

    /// Makes a window FREE, if it is bound.
    pub(super) fn unbind(&mut self, index: u32) {
        let Some(Object::Window(window)) = self.object_mut(index) else {
            return;
        };
        let Some(binding) = window.binding.take() else {
            return;
        };
        if window.kind == WindowKind::Type2
            && let Some(bound) = self.bound_by.get_mut(&binding.qpn)
        {
            bound.remove(&index);
            if bound.is_empty() {
                self.bound_by.remove(&binding.qpn);
            }
        }
        if let Some(Object::Region(region)) = self.object_mut(binding.region) {
            region.windows = region.windows.saturating_sub(1);
        }
    }
}
