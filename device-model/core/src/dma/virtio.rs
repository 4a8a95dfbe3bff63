//! `vm_memory::GuestMemory`, so that `virtio-queue` parses rings over a [`DmaSpace`].
//!
//! The slices given out here live no longer than the borrow of the snapshot. Their user cannot
//! see a host fault: it reads zeros, and [`DmaSpace::health`] tells afterwards.

use super::{Access, DmaError, DmaSpace};
use std::iter::FusedIterator;
use vm_memory::guest_memory::GuestMemorySliceIterator;
use vm_memory::{
    GuestAddress, GuestMemory, GuestMemoryError, GuestMemoryMmap, Permissions, VolatileSlice,
};

impl GuestMemory for DmaSpace {
    /// Never given out: there is no memory here that is reached without translation.
    type PhysicalMemory = GuestMemoryMmap<()>;
    type Bitmap = ();

    fn check_range(&self, addr: GuestAddress, count: usize, access: Permissions) -> bool {
        needed(access).is_some_and(|need| self.validate(addr.0, count as u64, need).is_ok())
    }

    fn get_slices<'a>(
        &'a self,
        addr: GuestAddress,
        count: usize,
        access: Permissions,
    ) -> Result<impl GuestMemorySliceIterator<'a, ()>, GuestMemoryError> {
        let need = needed(access).ok_or(GuestMemoryError::InvalidGuestAddress(addr))?;
        let slices = self
            .slices(addr.0, count as u64, need)
            .map_err(|e| refused(addr, e))?;
        Ok(Slices(
            slices
                .map(move |slice| slice.map_err(|e| refused(addr, e)))
                .fuse(),
        ))
    }
}

struct Slices<I>(std::iter::Fuse<I>);

impl<'a, I> Iterator for Slices<I>
where
    I: Iterator<Item = Result<VolatileSlice<'a>, GuestMemoryError>>,
{
    type Item = Result<VolatileSlice<'a>, GuestMemoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a, I> FusedIterator for Slices<I> where
    I: Iterator<Item = Result<VolatileSlice<'a>, GuestMemoryError>>
{
}

impl<'a, I> GuestMemorySliceIterator<'a, ()> for Slices<I> where
    I: Iterator<Item = Result<VolatileSlice<'a>, GuestMemoryError>>
{
}

/// `None` for an access of no kind, which nothing grants.
fn needed(access: Permissions) -> Option<Access> {
    match access {
        Permissions::No => None,
        Permissions::Read => Some(Access::Read),
        Permissions::Write => Some(Access::Write),
        Permissions::ReadWrite => Some(Access::ReadWrite),
    }
}

fn refused(addr: GuestAddress, error: DmaError) -> GuestMemoryError {
    match error {
        DmaError::Unmapped { iova } => GuestMemoryError::InvalidGuestAddress(GuestAddress(iova)),
        DmaError::Wrapped { .. } => GuestMemoryError::GuestAddressOverflow,
        DmaError::HostFault { .. } => GuestMemoryError::HostAddressNotAvailable,
        DmaError::ReadOnly { iova }
        | DmaError::WriteOnly { iova }
        | DmaError::Misaligned { iova, .. } => {
            GuestMemoryError::InvalidGuestAddress(GuestAddress(iova))
        }
        DmaError::BusMasterDisabled => GuestMemoryError::InvalidGuestAddress(addr),
    }
}
