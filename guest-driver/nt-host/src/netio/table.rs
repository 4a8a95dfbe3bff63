//! The addresses and neighbours, and who is told of changes.
//!
//! `unsafe`: rows and callbacks of the driver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ndis_sys::netio::*;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::neighbours;
use crate::breach::{Rule, breach};
use crate::enter;
use crate::inject::{self, Kind};
use crate::ndis::adapter::{self, Adapter};
use crate::ndis::handle;
use crate::nt::{pool, work};

const SUCCESS: i32 = 0;
const INVALID_PARAMETER: i32 = 0xC000_000D_u32.cast_signed();
const NO_MEMORY: i32 = 0xC000_009A_u32.cast_signed();
const NOT_FOUND: i32 = 0xC000_0225_u32.cast_signed();
const NETWORK_UNREACHABLE: i32 = 0xC000_023C_u32.cast_signed();
const BAD_NETWORK_NAME: i32 = 0xC000_00CC_u32.cast_signed();

const TABLE: &str = "address table";
const TAG: u32 = u32::from_le_bytes(*b"NioT");
const NOTIFICATION: &str = "address change notification";

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// NET_LUID of the interface.
    pub luid: u64,
    /// Its index.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of the prefix that is on the link.
    pub prefix: u8,
}

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    luid: u64,
    ip: IpAddr,
    mac: [u8; 6],
}

static ADDRESSES: Mutex<Vec<Address>> = Mutex::new(Vec::new());
static NEIGHBOURS: Mutex<Vec<Neighbour>> = Mutex::new(Vec::new());
static GATEWAY: Mutex<Vec<(u64, IpAddr)>> = Mutex::new(Vec::new());
static WATCHERS: Mutex<Vec<(usize, Arc<Watcher>)>> = Mutex::new(Vec::new());

struct Watcher {
    family: u16,
    callback: PUNICAST_IPADDRESS_CHANGE_CALLBACK,
    context: usize,
    running: AtomicUsize,
    cancelled: std::sync::atomic::AtomicBool,
}

fn family(ip: IpAddr) -> u16 {
    if ip.is_ipv4() { AF_INET } else { AF_INET6 }
}

/// Whether a link-local IPv6 address names its link: its scope is the interface's index. Others have no scope.
///
/// # Safety
/// `address` points to a SOCKADDR_INET.
unsafe fn has_its_scope(address: *const SOCKADDR_INET, index: u32) -> bool {
    // SAFETY: as promised; the family says which member is valid.
    unsafe {
        if (*address).si_family != AF_INET6 {
            return true;
        }
        let address = (*address).Ipv6;
        let scope = if Ipv6Addr::from(address.sin6_addr).is_unicast_link_local() {
            index
        } else {
            0
        };
        address.sin6_scope_id == scope
    }
}

/// SOCKADDR_INET of an address, port 0.
pub fn socket_address(ip: IpAddr) -> SOCKADDR_INET {
    // SAFETY: plain data, all zero allowed; the IPv6 member covers the union.
    let mut address: SOCKADDR_INET = unsafe { std::mem::zeroed() };
    match ip {
        IpAddr::V4(ip) => {
            address.Ipv4 = SOCKADDR_IN {
                sin_family: AF_INET,
                sin_port: 0,
                sin_addr: ip.octets(),
                sin_zero: [0; 8],
            };
        }
        IpAddr::V6(ip) => {
            address.Ipv6 = SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: ip.octets(),
                sin6_scope_id: 0,
            };
        }
    }
    address
}

/// The address in a SOCKADDR_INET; `None` of another family.
///
/// # Safety
/// `address` points to one.
pub unsafe fn ip_of(address: *const SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: as promised; the family says which member is valid.
    unsafe {
        match (*address).si_family {
            AF_INET => Some(Ipv4Addr::from((*address).Ipv4.sin_addr).into()),
            AF_INET6 => Some(Ipv6Addr::from((*address).Ipv6.sin6_addr).into()),
            _ => None,
        }
    }
}

fn row(address: &Address) -> MIB_UNICASTIPADDRESS_ROW {
    // SAFETY: plain data, all zero allowed.
    let mut row: MIB_UNICASTIPADDRESS_ROW = unsafe { std::mem::zeroed() };
    row.Address = socket_address(address.ip);
    row.InterfaceLuid = address.luid;
    row.InterfaceIndex = address.index;
    row.ValidLifetime = u32::MAX;
    row.PreferredLifetime = u32::MAX;
    row.OnLinkPrefixLength = address.prefix;
    row.DadState = NLDS_PREFERRED;
    row
}

/// Gives an interface an address; tells who wants to know.
pub fn add_address(adapter: &Adapter, ip: IpAddr, prefix: u8) {
    let address = Address {
        luid: adapter.luid,
        index: adapter.if_index,
        ip,
        prefix,
    };
    ADDRESSES.lock().push(address);
    tell(Some(address), MIB_ADD_INSTANCE);
}

/// Takes an address away; tells who wants to know.
pub fn remove_address(ip: IpAddr) {
    let mut addresses = ADDRESSES.lock();
    let Some(at) = addresses.iter().position(|a| a.ip == ip) else {
        return;
    };
    let address = addresses.remove(at);
    drop(addresses);
    tell(Some(address), MIB_DELETE_INSTANCE);
}

/// Names a neighbour that resolving finds.
pub fn add_neighbour(adapter: &Adapter, ip: IpAddr, mac: [u8; 6]) {
    NEIGHBOURS.lock().push(Neighbour {
        luid: adapter.luid,
        ip,
        mac,
    });
}

/// Sets the gateway for what is not on the link.
pub fn set_gateway(adapter: &Adapter, ip: IpAddr) {
    GATEWAY.lock().push((adapter.luid, ip));
}

/// Forgets all addresses and neighbours.
pub fn clear() {
    ADDRESSES.lock().clear();
    NEIGHBOURS.lock().clear();
    GATEWAY.lock().clear();
}

fn tell(address: Option<Address>, kind: i32) {
    let watchers: Vec<Arc<Watcher>> = WATCHERS.lock().iter().map(|(_, w)| w.clone()).collect();
    for watcher in watchers {
        let wanted =
            watcher.family == AF_UNSPEC || address.is_none_or(|a| family(a.ip) == watcher.family);
        if wanted {
            call(watcher, address, kind);
        }
    }
}

fn call(watcher: Arc<Watcher>, address: Option<Address>, kind: i32) {
    watcher.running.fetch_add(1, Ordering::SeqCst);
    work::run("netio", move || {
        if !watcher.cancelled.load(Ordering::SeqCst) {
            let mut row = address.as_ref().map(row);
            let pointer = row
                .as_mut()
                .map_or(std::ptr::null_mut(), std::ptr::from_mut);
            // SAFETY: the driver's callback, at PASSIVE_LEVEL.
            enter::driver("an address change callback", || unsafe {
                (watcher.callback)(watcher.context as _, pointer, kind);
            });
        }
        watcher.running.fetch_sub(1, Ordering::SeqCst);
    });
}

pub(super) extern "win64" fn get_table(wanted: u16, out: *mut usize) -> i32 {
    if inject::fails(Kind::Service) {
        return NO_MEMORY;
    }
    let addresses = ADDRESSES.lock();
    let rows: Vec<MIB_UNICASTIPADDRESS_ROW> = addresses
        .iter()
        .filter(|a| wanted == AF_UNSPEC || family(a.ip) == wanted)
        .map(row)
        .collect();
    let size = 8 + size_of::<MIB_UNICASTIPADDRESS_ROW>() * rows.len().max(1);
    let block = pool::allocate(size, TAG, 0, TABLE);
    // SAFETY: a new block with room for all rows; the driver's out parameter.
    unsafe {
        (block as *mut u32).write(rows.len() as u32);
        let to = (block + 8) as *mut MIB_UNICASTIPADDRESS_ROW;
        std::ptr::copy_nonoverlapping(rows.as_ptr(), to, rows.len());
        out.write(block);
    }
    SUCCESS
}

pub(super) extern "win64" fn free_table(table: usize) {
    pool::release(table, TAG);
}

pub(super) extern "win64" fn notify(
    family: u16,
    callback: PUNICAST_IPADDRESS_CHANGE_CALLBACK,
    context: usize,
    initial: u8,
    out: *mut usize,
) -> i32 {
    if inject::fails(Kind::Service) {
        return NO_MEMORY;
    }
    let watcher = Arc::new(Watcher {
        family,
        callback,
        context,
        running: AtomicUsize::new(0),
        cancelled: false.into(),
    });
    let handle = handle::new(NOTIFICATION, watcher.clone());
    WATCHERS.lock().push((handle, watcher.clone()));
    // SAFETY: the driver's out parameter.
    unsafe { out.write(handle) };
    if initial != 0 {
        call(watcher, None, MIB_INITIAL_NOTIFICATION);
    }
    SUCCESS
}

pub(super) extern "win64" fn cancel_notify(handle: usize) -> i32 {
    let watcher: Arc<Watcher> = handle::close(handle, NOTIFICATION);
    WATCHERS.lock().retain(|(other, _)| *other != handle);
    watcher.cancelled.store(true, Ordering::SeqCst);
    while watcher.running.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    SUCCESS
}

fn on_link(address: &Address, ip: IpAddr) -> bool {
    fn same<const N: usize>(a: [u8; N], b: [u8; N], bits: u8) -> bool {
        (0..usize::from(bits)).all(|bit| (a[bit / 8] ^ b[bit / 8]) & 0x80 >> (bit % 8) == 0)
    }
    match (address.ip, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.octets(), b.octets(), address.prefix),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.octets(), b.octets(), address.prefix),
        _ => false,
    }
}

pub(super) extern "win64" fn best_route(
    luid: *const u64,
    index: u32,
    source: *const SOCKADDR_INET,
    destination: *const SOCKADDR_INET,
    _options: u32,
    route: *mut MIB_IPFORWARD_ROW2,
    best_source: *mut SOCKADDR_INET,
) -> i32 {
    if inject::fails(Kind::Service) {
        return NO_MEMORY;
    }
    let (source_at, destination_at) = (source, destination);
    // SAFETY: the driver's parameters; null ones are left out.
    let (luid, source, destination) = unsafe {
        let luid = luid.as_ref().copied().unwrap_or(0);
        let source = if source.is_null() {
            None
        } else {
            ip_of(source)
        };
        (luid, source, ip_of(destination))
    };
    let Some(destination) = destination else {
        return INVALID_PARAMETER;
    };
    let of_luid = adapter::all().into_iter().find(|a| a.luid == luid);
    if let Some(adapter) = of_luid {
        for (address, what) in [(source_at, "source"), (destination_at, "destination")] {
            // SAFETY: the driver's, or null.
            if !address.is_null() && !unsafe { has_its_scope(address, adapter.if_index) } {
                breach(
                    Rule::State,
                    format_args!(
                        "a link-local {what} of GetBestRoute2 has not its interface as scope"
                    ),
                );
            }
        }
    }
    let addresses = ADDRESSES.lock();
    let fits = |a: &&Address| {
        (luid == 0 || a.luid == luid)
            && (index == 0 || luid != 0 || a.index == index)
            && source.is_none_or(|s| s.is_unspecified() || s == a.ip)
            && family(a.ip) == family(destination)
    };
    let local = addresses.iter().any(|a| a.ip == destination);
    let direct = addresses
        .iter()
        .filter(fits)
        .find(|a| on_link(a, destination));
    let gateway = GATEWAY.lock().clone();
    let through = |a: &&Address| {
        let way = gateway
            .iter()
            .find(|(luid, ip)| *luid == a.luid && family(*ip) == family(a.ip));
        way.map(|(_, ip)| *ip)
    };
    let (address, next) = match direct {
        Some(address) => (*address, None),
        None => {
            let found = addresses
                .iter()
                .filter(fits)
                .find_map(|a| Some((*a, through(&a)?)));
            let Some((address, gateway)) = found else {
                return NETWORK_UNREACHABLE;
            };
            (address, Some(gateway))
        }
    };
    let unspecified: IpAddr = if destination.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    // SAFETY: the driver's out parameters.
    unsafe {
        let mut row: MIB_IPFORWARD_ROW2 = std::mem::zeroed();
        row.InterfaceLuid = address.luid;
        row.InterfaceIndex = address.index;
        row.DestinationPrefix.Prefix = socket_address(if next.is_some() {
            unspecified
        } else {
            address.ip
        });
        row.DestinationPrefix.PrefixLength = if next.is_some() { 0 } else { address.prefix };
        // On the link: the next hop is unspecified.
        row.NextHop = socket_address(next.unwrap_or(unspecified));
        row.Loopback = u8::from(local);
        row.ValidLifetime = u32::MAX;
        row.PreferredLifetime = u32::MAX;
        route.write(row);
        if !best_source.is_null() {
            best_source.write(socket_address(address.ip));
        }
    }
    SUCCESS
}

fn fill(row: *mut MIB_IPNET_ROW2, mac: [u8; 6], state: i32) {
    // SAFETY: the driver's row.
    unsafe {
        let mut address = [0; 32];
        address[..6].copy_from_slice(&mac);
        (*row).PhysicalAddress = address;
        (*row).PhysicalAddressLength = 6;
        (*row).State = state;
    }
}

/// NlnsReachable.
const REACHABLE: i32 = 5;

fn interface(row: *const MIB_IPNET_ROW2) -> Option<(u64, IpAddr)> {
    // SAFETY: the driver's row.
    let (luid, index, ip) = unsafe {
        (
            (*row).InterfaceLuid,
            (*row).InterfaceIndex,
            ip_of(&raw const (*row).Address),
        )
    };
    let adapters = adapter::all();
    let adapter = adapters.iter().find(|a| {
        if luid == 0 {
            a.if_index == index
        } else {
            a.luid == luid
        }
    })?;
    Some((adapter.luid, ip?))
}

pub(super) extern "win64" fn get_neighbour(row: *mut MIB_IPNET_ROW2) -> i32 {
    let Some((luid, ip)) = interface(row) else {
        return NOT_FOUND;
    };
    let neighbours = NEIGHBOURS.lock();
    match neighbours.iter().find(|n| n.luid == luid && n.ip == ip) {
        Some(neighbour) => {
            fill(row, neighbour.mac, REACHABLE);
            SUCCESS
        }
        None => NOT_FOUND,
    }
}

/// Interfaces that can ask their link, by NET_LUID.
static ASKING: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// A question is asked so often at most, and so long is waited for its answer.
const QUESTIONS: usize = 3;
const ANSWER: Duration = Duration::from_secs(1);
static HEARD: Condvar = Condvar::new();

/// Says whether questions of an interface can be sent.
pub(super) fn set_asking(adapter: &Adapter, asking: bool) {
    let mut all = ASKING.lock();
    all.retain(|luid| *luid != adapter.luid);
    if asking {
        all.push(adapter.luid);
    }
}

/// Whether an address is one of the interface.
pub(super) fn is_of(adapter: &Adapter, ip: IpAddr) -> bool {
    let addresses = ADDRESSES.lock();
    addresses
        .iter()
        .any(|a| a.luid == adapter.luid && a.ip == ip)
}

/// The link says where somebody is; what is known of addresses that are not on it stays as it was.
pub(super) fn heard(adapter: &Adapter, ip: IpAddr, mac: [u8; 6]) {
    let luid = adapter.luid;
    let near = {
        let addresses = ADDRESSES.lock();
        addresses.iter().any(|a| a.luid == luid && on_link(a, ip))
    };
    if !near {
        return;
    }
    let mut neighbours = NEIGHBOURS.lock();
    neighbours.retain(|n| n.luid != luid || n.ip != ip);
    neighbours.push(Neighbour { luid, ip, mac });
    HEARD.notify_all();
}

/// Asks until somebody answers.
fn ask(luid: u64, whom: IpAddr) {
    if !ASKING.lock().contains(&luid) {
        return;
    }
    let Some(adapter) = adapter::all().into_iter().find(|a| a.luid == luid) else {
        return;
    };
    let from = {
        let addresses = ADDRESSES.lock();
        let ours = addresses
            .iter()
            .find(|a| a.luid == luid && on_link(a, whom));
        ours.map(|a| a.ip)
    };
    let Some(from) = from else {
        return;
    };
    let known =
        |neighbours: &[Neighbour]| neighbours.iter().any(|n| n.luid == luid && n.ip == whom);
    for _ in 0..QUESTIONS {
        neighbours::ask(&adapter, from, whom);
        let until = Instant::now() + ANSWER;
        let mut neighbours = NEIGHBOURS.lock();
        while !known(&neighbours) {
            if HEARD.wait_until(&mut neighbours, until).timed_out() {
                break;
            }
        }
        if known(&neighbours) {
            return;
        }
    }
}

/// Resolves: another adapter of the machine has the address, or the link is asked.
/// Held while nobody's way is found.
static WAYS: Mutex<()> = Mutex::new(());
/// Calls that look for one.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

/// As long as this is kept, neighbours do not answer: whoever looks for one waits.
pub fn hold_ways() -> MutexGuard<'static, ()> {
    WAYS.lock()
}

/// How many look for a neighbour now.
pub fn looking() -> usize {
    LOOKING.load(Ordering::SeqCst)
}

pub(super) extern "win64" fn resolve_neighbour(
    row: *mut MIB_IPNET_ROW2,
    _source: *const SOCKADDR_INET,
) -> i32 {
    LOOKING.fetch_add(1, Ordering::SeqCst);
    drop(WAYS.lock());
    LOOKING.fetch_sub(1, Ordering::SeqCst);
    if inject::fails(Kind::Service) {
        return NO_MEMORY;
    }
    let Some((luid, ip)) = interface(row) else {
        return INVALID_PARAMETER;
    };
    let owner = ADDRESSES.lock().iter().find(|a| a.ip == ip).copied();
    let mac = owner.and_then(|owner| {
        let adapters = adapter::all();
        let adapter = adapters.iter().find(|a| a.luid == owner.luid)?;
        let mac = adapter.said.lock().mac;
        Some(mac)
    });
    if mac.is_none() {
        ask(luid, ip);
    }
    let mut neighbours = NEIGHBOURS.lock();
    let known = neighbours
        .iter()
        .find(|n| n.luid == luid && n.ip == ip)
        .map(|n| n.mac);
    let Some(mac) = mac.or(known) else {
        return BAD_NETWORK_NAME;
    };
    if known.is_none() {
        neighbours.push(Neighbour { luid, ip, mac });
    }
    fill(row, mac, REACHABLE);
    SUCCESS
}

pub(super) extern "win64" fn luid_to_index(luid: *const u64, index: *mut u32) -> i32 {
    // SAFETY: the driver's parameters.
    let luid = unsafe { *luid };
    match adapter::all().iter().find(|a| a.luid == luid) {
        Some(adapter) => {
            // SAFETY: as above.
            unsafe { index.write(adapter.if_index) };
            SUCCESS
        }
        None => INVALID_PARAMETER,
    }
}

pub(super) extern "win64" fn index_to_luid(index: u32, luid: *mut u64) -> i32 {
    match adapter::all().iter().find(|a| a.if_index == index) {
        Some(adapter) => {
            // SAFETY: the driver's parameter.
            unsafe { luid.write(adapter.luid) };
            SUCCESS
        }
        None => INVALID_PARAMETER,
    }
}

/// Ends in a breach if somebody still wants to be told.
pub fn require_no_watchers() {
    if !WATCHERS.lock().is_empty() {
        breach(
            Rule::Leak,
            "an address change notification was not cancelled",
        );
    }
}
