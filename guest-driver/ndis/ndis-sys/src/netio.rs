//! netioapi.h as the kernel has it: which addresses an interface has, how to reach others, and notice of changes.

use crate::nt::{BOOLEAN, HANDLE, NTSTATUS, PVOID};

pub const AF_UNSPEC: u16 = 0;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 23;

/// NL_DAD_STATE: the address may be used.
pub const NLDS_PREFERRED: i32 = 4;
pub const NLDS_DEPRECATED: i32 = 3;

/// MIB_NOTIFICATION_TYPE.
pub const MIB_PARAMETER_NOTIFICATION: i32 = 0;
pub const MIB_ADD_INSTANCE: i32 = 1;
pub const MIB_DELETE_INSTANCE: i32 = 2;
pub const MIB_INITIAL_NOTIFICATION: i32 = 3;

#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SOCKADDR_IN {
    pub sin_family: u16,
    /// Network byte order.
    pub sin_port: u16,
    pub sin_addr: [u8; 4],
    pub sin_zero: [u8; 8],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SOCKADDR_IN6 {
    pub sin6_family: u16,
    /// Network byte order.
    pub sin6_port: u16,
    pub sin6_flowinfo: u32,
    pub sin6_addr: [u8; 16],
    pub sin6_scope_id: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union SOCKADDR_INET {
    pub Ipv4: SOCKADDR_IN,
    pub Ipv6: SOCKADDR_IN6,
    pub si_family: u16,
}

/// NET_LUID: type and index of an interface, as one value.
pub type NET_LUID = u64;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MIB_UNICASTIPADDRESS_ROW {
    pub Address: SOCKADDR_INET,
    pub InterfaceLuid: NET_LUID,
    pub InterfaceIndex: u32,
    pub PrefixOrigin: i32,
    pub SuffixOrigin: i32,
    pub ValidLifetime: u32,
    pub PreferredLifetime: u32,
    pub OnLinkPrefixLength: u8,
    pub SkipAsSource: BOOLEAN,
    pub DadState: i32,
    pub ScopeId: u32,
    pub CreationTimeStamp: i64,
}

#[repr(C)]
pub struct MIB_UNICASTIPADDRESS_TABLE {
    pub NumEntries: u32,
    pub Table: [MIB_UNICASTIPADDRESS_ROW; 1],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct IP_ADDRESS_PREFIX {
    pub Prefix: SOCKADDR_INET,
    pub PrefixLength: u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MIB_IPFORWARD_ROW2 {
    pub InterfaceLuid: NET_LUID,
    pub InterfaceIndex: u32,
    pub DestinationPrefix: IP_ADDRESS_PREFIX,
    pub NextHop: SOCKADDR_INET,
    pub SitePrefixLength: u8,
    pub ValidLifetime: u32,
    pub PreferredLifetime: u32,
    pub Metric: u32,
    pub Protocol: i32,
    pub Loopback: BOOLEAN,
    pub AutoconfigureAddress: BOOLEAN,
    pub Publish: BOOLEAN,
    pub Immortal: BOOLEAN,
    pub Age: u32,
    pub Origin: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MIB_IPNET_ROW2 {
    pub Address: SOCKADDR_INET,
    pub InterfaceIndex: u32,
    pub InterfaceLuid: NET_LUID,
    pub PhysicalAddress: [u8; 32],
    pub PhysicalAddressLength: u32,
    pub State: i32,
    pub Flags: u8,
    pub ReachabilityTime: u32,
}

pub type PUNICAST_IPADDRESS_CHANGE_CALLBACK =
    unsafe extern "win64" fn(context: PVOID, row: *mut MIB_UNICASTIPADDRESS_ROW, kind: i32);

imports! {
    "netio.sys", IMPORTS, signatures;
    Vista 1 fn GetUnicastIpAddressTable(Family: u16, Table: *mut *mut MIB_UNICASTIPADDRESS_TABLE) -> NTSTATUS;
    Vista 1 fn NotifyUnicastIpAddressChange(Family: u16, Callback: PUNICAST_IPADDRESS_CHANGE_CALLBACK, CallerContext: PVOID, InitialNotification: BOOLEAN, NotificationHandle: *mut HANDLE) -> NTSTATUS;
    Vista 0 fn CancelMibChangeNotify2(NotificationHandle: HANDLE) -> NTSTATUS;
    Vista 1 fn FreeMibTable(Memory: PVOID);
    Vista 1 fn GetBestRoute2(InterfaceLuid: *const NET_LUID, InterfaceIndex: u32, SourceAddress: *const SOCKADDR_INET, DestinationAddress: *const SOCKADDR_INET, AddressSortOptions: u32, BestRoute: *mut MIB_IPFORWARD_ROW2, BestSourceAddress: *mut SOCKADDR_INET) -> NTSTATUS;
    Vista 1 fn GetIpNetEntry2(Row: *mut MIB_IPNET_ROW2) -> NTSTATUS;
    Vista 0 fn ResolveIpNetEntry2(Row: *mut MIB_IPNET_ROW2, SourceAddress: *const SOCKADDR_INET) -> NTSTATUS;
}
