//! What a consumer needs of the place where it runs.

use ndis_sys::ndk::{MDL, NDIS_NDK_PERFORMANCE_COUNTERS, NDK_ADAPTER, NDK_VERSION};

/// Address and port; IPv4 as ::ffff:a.b.c.d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Address.
    pub ip: [u8; 16],
    /// Port.
    pub port: u16,
}

impl Address {
    /// The same address with another port.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        Self { port, ..self }
    }
}

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Why an adapter was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// NDIS_STATUS_BAD_VERSION.
    Version,
    /// NDIS_STATUS_ADAPTER_NOT_READY.
    NotReady,
    /// Anything else.
    Other(u32),
}

/// Memory of a consumer that the device can reach: nonpaged, described by one MDL.
pub trait Memory {
    /// The MDL, followed by its page frame numbers; its first byte is the first byte of a page.
    fn mdl(&self) -> *mut MDL;
    /// Virtual address as the MDL has it: an index for the provider.
    fn address(&self) -> u64;
    /// Reads it as the processor does.
    fn read(&self, at: usize, bytes: &mut [u8]);
    /// Writes it as the processor does.
    fn write(&self, at: usize, bytes: &[u8]);
    /// Bytes.
    fn len(&self) -> usize;
    /// Where this process may copy from and to, if the memory is one range of it.
    fn pointer(&self) -> Option<*mut u8> {
        None
    }
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Two adapters on one wire, A (0) and B (1); where a consumer's other end is not one of ours, A alone.
pub trait Platform {
    /// Where it runs, for reports.
    fn name(&self) -> &'static str;
    /// Opens an adapter, as NDIS does for a consumer. The last are switch and port.
    fn open(
        &self,
        side: usize,
        version: NDK_VERSION,
        port: (u32, u32),
    ) -> Result<*mut NDK_ADAPTER, Refused>;
    /// Closes it; returns when everything has ended.
    fn close(&self, side: usize, adapter: *mut NDK_ADAPTER);
    /// Enables or disables NDK, as OID_NDK_SET_STATE does.
    fn set_enabled(&self, side: usize, enabled: bool);
    /// An address of the interface, port 0.
    fn address(&self, side: usize, family: Family) -> Address;
    /// Memory, zeroed.
    fn allocate(&self, side: usize, bytes: usize) -> Box<dyn Memory>;
    /// Lets driver and devices work for a moment.
    fn step(&self);
    /// Whether a layer stands between consumer and provider, as tcpip.sys does in Windows.
    fn is_layered(&self) -> bool {
        false
    }
    /// Whether driver and devices work by themselves, also while nobody steps.
    fn runs_alone(&self) -> bool {
        false
    }
    /// Blocks of memory that the provider has allocated so far, where that is counted.
    fn allocations(&self) -> Option<u64> {
        None
    }
    /// Whether it may take longer: false when what was waited for should have come long ago.
    fn patient(&self, steps: u64) -> bool;
    /// OID_NDK_STATISTICS.
    fn statistics(&self, side: usize) -> NDIS_NDK_PERFORMANCE_COUNTERS;
    /// OID_NDK_CONNECTIONS: local and remote address of each.
    fn connections(&self, side: usize) -> Vec<(Address, Address)>;
    /// OID_NDK_LOCAL_ENDPOINTS: address of each, and whether it is a listener.
    fn local_endpoints(&self, side: usize) -> Vec<(Address, bool)>;
}
