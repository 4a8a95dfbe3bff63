//! Memory that goes to and fro: lent to the other side, taken back, and, as servers do, the other side's read and written.

use std::ops::Range;
use std::ptr::without_provenance_mut;
use std::time::Instant;

use ndis_sys::ndk::*;

use super::{BufferId, CONTROLS, Region, RegionState, SmbDirect, Work};
use crate::call;
use crate::smb::transport::{Access, Lent, Lost, Transport};
use crate::smbd::message::BufferDescriptor;
use crate::smbdirect::memory::PAGE;
use crate::smbdirect::not_taken;

impl SmbDirect<'_> {
    /// Moves memory of the other side's to or from a part of a buffer, as servers do, and waits for it.
    ///
    /// # Errors
    /// The connection is gone.
    pub(in crate::smbdirect) fn transfer(
        &mut self,
        buffer: BufferId,
        part: Range<usize>,
        remote: BufferDescriptor,
        write: bool,
    ) -> Result<(), Lost> {
        let reads = self.objects.info.MaxReadRequestSge as usize;
        let most = if write {
            self.objects.entries
        } else {
            self.objects.entries.min(reads)
        };
        let until = Instant::now() + self.options.patience;
        let mut at = part.start;
        while at < part.end {
            // As many pages as entries, of which the first may begin in its middle.
            let end = part.end.min(at - at % PAGE + most * PAGE);
            let entries = self.buffers[buffer.0].entries(at..end, self.objects.token);
            let address = remote.offset + (at - part.start) as u64;
            let (qp, context) = (self.objects.qp, Work::Transfer.context());
            let (list, count) = (entries.as_ptr(), entries.len() as u32);
            let status = if write {
                call!(qp, NdkWrite, context, list, count, address, remote.token, 0)
            } else {
                call!(qp, NdkRead, context, list, count, address, remote.token, 0)
            };
            if status != STATUS_SUCCESS {
                return Err(not_taken("a transfer", status));
            }
            self.transfers += 1;
            at = end;
            self.wait("a transfer", until, |port| port.transfers < CONTROLS / 2)?;
        }
        self.wait("transfers", until, |port| port.transfers == 0)
    }

    /// Sends bytes that are no message of the protocol's, as a peer that keeps no rules does.
    ///
    /// # Errors
    /// The connection is gone.
    pub(in crate::smbdirect) fn shout(
        &mut self,
        buffer: BufferId,
        part: Range<usize>,
    ) -> Result<(), Lost> {
        let entries = self.buffers[buffer.0].entries(part, self.objects.token);
        let (list, count) = (entries.as_ptr(), entries.len() as u32);
        let context = Work::Transfer.context();
        let status = call!(self.objects.qp, NdkSend, context, list, count, 0);
        if status != STATUS_SUCCESS {
            return Err(not_taken("NdkSend", status));
        }
        self.transfers += 1;
        Ok(())
    }

    /// How long an answer may take from now on.
    pub(in crate::smbdirect) fn set_patience(&mut self, patience: std::time::Duration) {
        self.options.patience = patience;
    }

    /// Lends up to a region's worth of a buffer.
    fn lend_one(
        &mut self,
        buffer: BufferId,
        part: Range<usize>,
        access: Access,
    ) -> Result<(usize, BufferDescriptor), Lost> {
        let free = |region: &Region| region.state == RegionState::Free;
        let Some(index) = self.regions.iter().position(free) else {
            return Err(Lost("all regions are lent".into()));
        };
        let mr = self.regions[index].mr;
        let pinned = &self.buffers[buffer.0];
        let pages = pinned.pages(part.clone());
        let offset = part.start % PAGE;
        // An index for the server, not an address: of the memory itself, so that it is of no use to who sees it elsewhere.
        let base = pinned.memory.address() + part.start as u64;
        let rights = match access {
            Access::Read => NDK_OP_FLAG_ALLOW_REMOTE_READ,
            Access::Write => NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_ALLOW_LOCAL_WRITE,
        };
        // The request that tells the server of it follows: the adapter may wait for that one.
        let flags = rights | NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_DEFER;
        let status = call!(
            self.objects.qp,
            NdkFastRegister,
            Work::Register.context(),
            mr,
            pages.len() as u32,
            pages.as_ptr(),
            offset as u32,
            part.len(),
            without_provenance_mut(base as usize),
            flags
        );
        if status != STATUS_SUCCESS {
            return Err(not_taken("NdkFastRegister", status));
        }
        self.used.registered += 1;
        let token = call!(mr, NdkGetRemoteTokenFromMr);
        self.regions[index].state = RegionState::Lent(token);
        let descriptor = BufferDescriptor {
            offset: base,
            token,
            // No longer than a region.
            length: part.len() as u32,
        };
        Ok((index, descriptor))
    }
}

impl Transport for SmbDirect<'_> {
    type Buffer = BufferId;

    fn max_message(&self) -> usize {
        self.agreed()
            .map_or(0, |agreed| agreed.max_fragmented_send as usize)
            .min(self.options.offer.max_fragmented as usize)
    }

    fn max_transfer(&self) -> usize {
        self.agreed()
            .map_or(0, |agreed| agreed.max_read_write as usize)
    }

    fn send(&mut self, message: Vec<u8>) -> Result<(), Lost> {
        self.protocol
            .send(message)
            .map_err(|broken| Lost(broken.to_string()))?;
        self.pump()
    }

    fn receive(&mut self) -> Result<Vec<u8>, Lost> {
        let until = Instant::now() + self.options.patience;
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(message);
            }
            self.wait("a request", until, |port| !port.arrived.is_empty())?;
        }
    }

    fn lend(
        &mut self,
        buffer: &BufferId,
        part: Range<usize>,
        access: Access,
    ) -> Result<Lent, Lost> {
        let mut lent = Lent {
            descriptors: Vec::new(),
            regions: Vec::new(),
        };
        let mut at = part.start;
        while at < part.end {
            // A region covers whole pages; the first may be entered in its middle.
            let room = self.objects.region_pages * PAGE - at % PAGE;
            let end = part.end.min(at + room);
            let (region, descriptor) = self.lend_one(*buffer, at..end, access)?;
            lent.regions.push(region);
            lent.descriptors.push(descriptor);
            at = end;
        }
        Ok(lent)
    }

    fn take_back(&mut self, lent: Lent) -> Result<(), Lost> {
        let mut still = Vec::new();
        for &index in &lent.regions {
            match self.regions[index].state {
                RegionState::Lent(_) => still.push(index),
                _ => self.regions[index].state = RegionState::Free,
            }
        }
        let Some(&last) = still.last() else {
            return Ok(());
        };
        for &index in &still {
            let flags = if index == last {
                0
            } else {
                NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_DEFER
            };
            self.regions[index].state = RegionState::Invalidating;
            let status = call!(
                self.objects.qp,
                NdkInvalidate,
                Work::Invalidate(index).context(),
                self.regions[index].mr.cast(),
                flags
            );
            if status != STATUS_SUCCESS {
                return Err(not_taken("NdkInvalidate", status));
            }
            self.used.invalidated_locally += 1;
        }
        let until = Instant::now() + self.options.patience;
        self.wait("an invalidation", until, |port| {
            port.regions[last].state == RegionState::Free
        })
    }
}
