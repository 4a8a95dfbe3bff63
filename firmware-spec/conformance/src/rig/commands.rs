//! Objects made by commands: domains, regions, addresses.

use rnic_abi::{AccessFlags, Family, MwType, Opcode};
use rnic_platform::{DmaBuffer, TestPlatform};

use super::device::Device;
use super::memory::{PAGE, Pages, Region};
use crate::failure::Outcome;
use crate::request::Request;

/// Every right.
pub const ALL_RIGHTS: AccessFlags = AccessFlags(0x1F);
/// local_write.
pub const LOCAL_WRITE: AccessFlags = AccessFlags(1);
/// remote_read.
pub const REMOTE_READ: AccessFlags = AccessFlags(2);
/// remote_write; a region needs local_write too.
pub const REMOTE_WRITE: AccessFlags = AccessFlags(4);
/// remote_atomic; a region needs local_write too.
pub const REMOTE_ATOMIC: AccessFlags = AccessFlags(8);
/// window_bind.
pub const WINDOW_BIND: AccessFlags = AccessFlags(16);

/// An IPv4 address of the test network as 16 bytes.
#[must_use]
pub const fn ipv4(host: u8) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 77, 0, host]
}

/// An IPv6 address of the test network.
#[must_use]
pub const fn ipv6(host: u8) -> [u8; 16] {
    [0xFD, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]
}

/// The SET_ADDRESS of an address of the test networks.
#[must_use]
pub fn set_address(index: u16, address: [u8; 16]) -> Request {
    let v4 = address[..10] == [0; 10];
    Request::new(Opcode::SET_ADDRESS)
        .set("index", index)
        .set("family", if v4 { Family::IPV4 } else { Family::IPV6 })
        .set("prefix", if v4 { 24 } else { 64 })
        .set("flags.answer", 1)
        .set_bytes("address", &address)
}

impl<P: TestPlatform> Device<'_, P> {
    /// Creates a protection domain.
    #[track_caller]
    pub fn pd(&self) -> Outcome<u32> {
        Ok(self.ok(&Request::new(Opcode::CREATE_PD))?.get32("pd"))
    }

    /// Creates a privileged domain; its handle and key.
    #[track_caller]
    pub fn privileged_pd(&self) -> Outcome<(u32, u32)> {
        let answer = self.ok(&Request::new(Opcode::CREATE_PD).set("flags.privileged", 1))?;
        Ok((answer.get32("pd"), answer.get32("privileged_key")))
    }

    /// Virtual addresses that no other region of this device object has.
    pub fn take_va(&self, bytes: usize) -> u64 {
        let va = self.next_va.get();
        let step = (bytes + 4 * PAGE).next_multiple_of(PAGE) as u64;
        self.next_va.set(va + step);
        va
    }

    /// The BEGIN_MR of a region of whole pages.
    #[must_use]
    pub fn begin_mr(&self, pd: u32, bytes: usize, access: AccessFlags) -> Request {
        Request::new(Opcode::BEGIN_MR)
            .set("pd", pd)
            .set("access", access.0)
            .set("base", self.take_va(bytes))
            .set("length", bytes)
            .set("page_count", bytes.div_ceil(PAGE))
            .set("log_page_bytes", 12)
    }

    /// The ADD_MR_PAGES that gives all pages at once.
    #[must_use]
    pub fn add_pages(&self, key: u32, pages: &Pages<P>) -> Request {
        Request::new(Opcode::ADD_MR_PAGES)
            .set("key", key)
            .set("count", pages.count)
            .set("list", pages.list.iova())
    }

    /// Makes a region.
    #[track_caller]
    pub fn region(&self, pd: u32, bytes: usize, access: AccessFlags) -> Outcome<Region<P>> {
        self.region_at(pd, bytes, 0, access)
    }

    /// Makes a region whose first byte lies at `first` in its first page.
    #[track_caller]
    pub fn region_at(
        &self,
        pd: u32,
        bytes: usize,
        first: usize,
        access: AccessFlags,
    ) -> Outcome<Region<P>> {
        let pages = Pages::new(self.machine(), first + bytes)?;
        pages.fill(0, pages.count * PAGE, 0);
        let request = self.begin_mr(pd, bytes, access);
        let base = request.get("base") + first as u64;
        let request = request
            .set("base", base)
            .set("first_offset", first)
            .set("page_count", pages.count);
        let key = self.ok(&request)?.get32("key");
        let chunk = self.limit("mr_chunk_pages")? as usize;
        let mut given = 0;
        while given < pages.count {
            let now = chunk.min(pages.count - given);
            let request = self
                .add_pages(key, &pages)
                .set("first", given)
                .set("count", now)
                .set("list", pages.list.iova() + given as u64 * 8);
            self.ok(&request)?;
            given += now;
        }
        self.ok(&Request::new(Opcode::COMMIT_MR).set("key", key))?;
        Ok(Region {
            pages,
            key,
            base,
            length: bytes,
            first,
        })
    }

    /// Creates a fast-register region.
    #[track_caller]
    pub fn fast_region(&self, pd: u32, max_pages: u32) -> Outcome<u32> {
        let request = Request::new(Opcode::CREATE_FAST_MR)
            .set("pd", pd)
            .set("max_pages", max_pages);
        Ok(self.ok(&request)?.get32("key"))
    }

    /// Creates a window.
    #[track_caller]
    pub fn window(&self, pd: u32, mw_type: MwType) -> Outcome<u32> {
        let request = Request::new(Opcode::CREATE_MW)
            .set("pd", pd)
            .set("mw_type", mw_type);
        Ok(self.ok(&request)?.get32("key"))
    }

    /// Destroys a region.
    #[track_caller]
    pub fn destroy_mr(&self, key: u32) -> Outcome {
        self.ok(&Request::new(Opcode::DESTROY_MR).set("key", key))
            .map(drop)
    }
}
