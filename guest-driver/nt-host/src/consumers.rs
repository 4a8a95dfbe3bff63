//! The place where consumers of the NDK provider run: two adapters of the loaded driver on one wire.
//!
//! `unsafe`: buffers and descriptors that consumer, driver and device share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndis_sys::ndk::*;
use ndk_consumer::platform::{Address, Family, Memory, Platform, Refused};

use crate::breach::{Rule, breach, patience};
use crate::ndis::adapter::Adapter;
use crate::ndis::oid::Kind;
use crate::netio::table;
use crate::nt::{mdl, pool};
use crate::{ndk, ram};

/// NDIS statuses that a provider gives when it does not open.
const BAD_VERSION: i32 = 0xC001_0004_u32.cast_signed();
const NOT_READY: i32 = 0xC001_0011_u32.cast_signed();
const BUFFER: &str = "consumer's buffer";
const TAG: u32 = u32::from_le_bytes(*b"NdkC");
/// How long a consumer waits between looks.
const STEP: Duration = Duration::from_micros(100);
/// Looks until what was waited for should have come long ago: 20 s.
const STEPS: u64 = 200_000;

/// The place: one adapter, or two on one wire.
pub struct Consumers {
    adapters: Vec<Arc<Adapter>>,
    /// Addresses of each.
    addresses: Vec<Vec<IpAddr>>,
}

fn ip(side: usize, family: Family) -> IpAddr {
    let host = side as u8 + 1;
    match family {
        Family::V4 => Ipv4Addr::new(192, 168, 50, host).into(),
        Family::V6 => Ipv6Addr::new(0xFD00, 0, 0, 0x50, 0, 0, 0, host.into()).into(),
    }
}

impl Consumers {
    /// Gives both adapters, which are running, their addresses.
    pub fn new(adapters: [Arc<Adapter>; 2]) -> Self {
        let both = |side| [(ip(side, Family::V4), 24), (ip(side, Family::V6), 64)];
        Self::with_addresses(adapters.into(), &[&both(0), &both(1)])
    }

    /// Gives one adapter, which is running, its addresses with their prefixes' lengths. Others are somewhere on its link:
    /// [`Neighbours`](crate::netio::neighbours::Neighbours) finds them.
    pub fn alone(adapter: Arc<Adapter>, addresses: &[(IpAddr, u8)]) -> Self {
        Self::with_addresses(vec![adapter], &[addresses])
    }

    fn with_addresses(adapters: Vec<Arc<Adapter>>, addresses: &[&[(IpAddr, u8)]]) -> Self {
        for (adapter, addresses) in adapters.iter().zip(addresses) {
            for (ip, prefix) in *addresses {
                table::add_address(adapter, *ip, *prefix);
            }
        }
        crate::nt::work::flush();
        let plain = |list: &&[(IpAddr, u8)]| list.iter().map(|(ip, _)| *ip).collect();
        Self {
            adapters,
            addresses: addresses.iter().map(plain).collect(),
        }
    }

    fn enabled(&self, side: usize) -> bool {
        let said = self.adapters[side].said.lock();
        said.ndk.as_ref().is_some_and(|ndk| ndk.enabled)
    }

    /// A query by the direct path, with as much room as it says it needs.
    fn query(&self, side: usize, oid: u32, room: usize) -> Vec<u8> {
        let answer = self.adapters[side].direct_oid(Kind::Query, oid, &vec![0; room]);
        if answer.status == STATUS_SUCCESS {
            return answer.data;
        }
        let needed = answer.needed as usize;
        assert!(
            needed > room,
            "OID {oid:#x}: {:#x}, needs {needed} of {room} bytes",
            answer.status
        );
        self.query(side, oid, needed)
    }
}

/// An IPv4 address as ::ffff:a.b.c.d.
fn mapped(address: IpAddr, port: u16) -> Address {
    let ip = match address {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    Address { ip, port }
}

/// A SOCKADDR_INET at `at`: 28 bytes, port in network order at 2.
fn address_at(data: &[u8], at: usize) -> Address {
    let bytes: [u8; 28] = data[at..at + 28].try_into().expect("28 bytes");
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    // SAFETY: a SOCKADDR_INET has these 28 bytes, of any value.
    let ip = unsafe {
        let address = std::mem::transmute::<[u8; 28], ndis_sys::netio::SOCKADDR_INET>(bytes);
        table::ip_of(&raw const address)
    };
    mapped(ip.expect("an address of a known family"), port)
}

fn word(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(data[at..at + 4].try_into().expect("4 bytes"))
}

/// Memory of a consumer: whole pages of nonpaged pool and their MDL.
struct Buffer {
    address: usize,
    len: usize,
    mdl: *mut MDL,
}

impl Memory for Buffer {
    fn mdl(&self) -> *mut MDL {
        self.mdl
    }
    fn address(&self) -> u64 {
        self.address as u64
    }
    fn read(&self, at: usize, bytes: &mut [u8]) {
        assert!(at + bytes.len() <= self.len, "outside the buffer");
        // SAFETY: inside the buffer; the device may change it meanwhile, and any byte is a value.
        unsafe {
            let from = (self.address + at) as *const u8;
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len());
        }
    }
    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len, "outside the buffer");
        // SAFETY: as in `read`, the other way.
        unsafe {
            let to = (self.address + at) as *mut u8;
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }
    fn len(&self) -> usize {
        self.len
    }
    fn pointer(&self) -> Option<*mut u8> {
        Some(self.address as *mut u8)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        mdl::release(self.mdl);
        pool::release(self.address, TAG);
    }
}

impl Platform for Consumers {
    fn is_layered(&self) -> bool {
        true
    }

    fn runs_alone(&self) -> bool {
        true
    }

    fn allocations(&self) -> Option<u64> {
        Some(pool::allocations())
    }

    fn name(&self) -> &'static str {
        "rnic.sys"
    }

    fn open(
        &self,
        side: usize,
        version: NDK_VERSION,
        (switch, port): (u32, u32),
    ) -> Result<*mut NDK_ADAPTER, Refused> {
        ndk::open(&self.adapters[side], version, switch, port).map_err(|status| match status {
            BAD_VERSION => Refused::Version,
            NOT_READY => Refused::NotReady,
            other => Refused::Other(other.cast_unsigned()),
        })
    }

    fn close(&self, side: usize, adapter: *mut NDK_ADAPTER) {
        ndk::close(&self.adapters[side], adapter);
    }

    fn set_enabled(&self, side: usize, enabled: bool) {
        let answer = self.adapters[side].set(OID_NDK_SET_STATE, &[enabled.into()]);
        assert_eq!(answer.status, STATUS_SUCCESS, "OID_NDK_SET_STATE");
        // The driver reports the change from a work item.
        let start = Instant::now();
        while self.enabled(side) != enabled {
            if start.elapsed() > patience() {
                breach(
                    Rule::Hang,
                    format_args!("OID_NDK_SET_STATE {enabled} brought no event"),
                );
            }
            self.step();
        }
    }

    fn address(&self, side: usize, family: Family) -> Address {
        let of_family = |ip: &&IpAddr| ip.is_ipv4() == (family == Family::V4);
        let found = self.addresses[side].iter().find(of_family);
        mapped(*found.expect("an address of the family"), 0)
    }

    fn allocate(&self, _side: usize, bytes: usize) -> Box<dyn Memory> {
        let whole = bytes.max(1).next_multiple_of(ram::PAGE);
        let address = pool::allocate(whole, TAG, 0, BUFFER);
        assert!(address != 0, "memory for a consumer");
        let length = u32::try_from(bytes).expect("a length that an MDL can say");
        let mdl = mdl::allocate(address, length);
        // SAFETY: just allocated for this range.
        unsafe { mdl::build(mdl) };
        Box::new(Buffer {
            address,
            len: bytes,
            mdl,
        })
    }

    fn step(&self) {
        std::thread::sleep(STEP);
    }

    fn patient(&self, steps: u64) -> bool {
        steps < STEPS
    }

    fn statistics(&self, side: usize) -> NDIS_NDK_PERFORMANCE_COUNTERS {
        let data = self.query(side, OID_NDK_STATISTICS, 0xF8);
        let size = size_of::<NDIS_NDK_PERFORMANCE_COUNTERS>();
        assert!(data.len() >= 8 + size, "{} bytes of statistics", data.len());
        // SAFETY: plain numbers, copied out of as many bytes.
        unsafe {
            data.as_ptr()
                .add(8)
                .cast::<NDIS_NDK_PERFORMANCE_COUNTERS>()
                .read_unaligned()
        }
    }

    fn connections(&self, side: usize) -> Vec<(Address, Address)> {
        let data = self.query(side, OID_NDK_CONNECTIONS, 0x10);
        let entry = |index: usize| {
            let at = 0x10 + 0x40 * index;
            (address_at(&data, at), address_at(&data, at + 28))
        };
        (0..word(&data, 8) as usize).map(entry).collect()
    }

    fn local_endpoints(&self, side: usize) -> Vec<(Address, bool)> {
        let data = self.query(side, OID_NDK_LOCAL_ENDPOINTS, 0x10);
        let entry = |index: usize| {
            let at = 0x10 + 0x24 * index;
            (address_at(&data, at), data[at + 29] != 0)
        };
        (0..word(&data, 8) as usize).map(entry).collect()
    }
}
