//! Adapters: one for each consumer that opened one, and what they say of themselves.
#![forbid(unsafe_code)]

use core::ffi::c_void;
use core::sync::atomic::Ordering;

use ndis_sys::ndk::*;
use rnic_abi::feature;
use rnic_driver_core::Nic;
use rnic_platform::Platform;

use crate::provider::Provider;
use crate::qp::MAX_INLINE;
use crate::raw::{Body, NoMemory, Object, Passive, Ref, Shared, dispatch};
use crate::system::{Event, System};

/// An adapter that a consumer opened.
pub struct Adapter<S: System> {
    pub(crate) provider: Shared<Provider<S>>,
    pub(crate) version: NDK_VERSION,
    closed: S::Event,
}

impl<S: System> Body for Adapter<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeAdapter;

    fn dispatch() -> *const c_void {
        dispatch::adapter::<S>()
    }

    fn teardown(this: Ref<Self>) {
        Object::finish(this.clone());
        this.body().closed.set();
    }
}

impl<S: System> Drop for Adapter<S> {
    fn drop(&mut self) {
        self.provider.adapters.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<S: System> Adapter<S> {
    pub(crate) fn create(
        provider: Shared<Provider<S>>,
        version: NDK_VERSION,
    ) -> Result<Ref<Self>, NoMemory> {
        let closed = S::Event::try_new()?;
        provider.adapters.fetch_add(1, Ordering::SeqCst);
        Object::create(
            version,
            Self {
                provider,
                version,
                closed,
            },
        )
    }

    /// Waits until everything that was opened with it has been closed.
    pub fn wait_closed(&self, passive: &Passive) {
        self.closed.wait(passive);
    }

    /// NdkQueryAdapterInfo, which may wait.
    pub fn info(&self, _: &Passive) -> NDK_ADAPTER_INFO {
        info(self.provider.system().nic(), self.version)
    }
}

/// Organisationally unique identifier of QEMU's MAC addresses, which the device's have too.
const VENDOR: u32 = 0x52_54_00;
const DEVICE: u32 = 0x524E;
/// Largest message that is better sent than read or written: what a receive buffer usually is.
const LARGE_REQUEST: u32 = 8192;
/// Page count of fast registrations that we advertise: the device serves as many of this size as of any smaller.
const FAST_REGISTER_PAGES: u32 = 512;

/// Limits for one consumer. (ndkpi.md 4.1)
#[must_use]
pub fn info<P: Platform>(nic: &Nic<P>, version: NDK_VERSION) -> NDK_ADAPTER_INFO {
    let limits = nic.limits();
    let depth = |log: u32| 1u32 << log.min(30);
    let flag = |feature, flag| if nic.has(feature) { flag } else { 0 };
    let bytes = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    NDK_ADAPTER_INFO {
        Version: version,
        VendorId: VENDOR,
        DeviceId: DEVICE,
        MaxRegistrationSize: bytes(limits.mr_bytes.get()),
        MaxWindowSize: if nic.has(feature::MEMORY_WINDOWS) {
            bytes(limits.mr_bytes.get())
        } else {
            0
        },
        FRMRPageCount: limits.fast_register_pages.get().min(FAST_REGISTER_PAGES),
        MaxInitiatorRequestSge: limits.send_segments.get(),
        MaxReceiveRequestSge: limits.recv_segments.get(),
        MaxReadRequestSge: limits.send_segments.get(),
        MaxTransferLength: u32::try_from(limits.message_bytes.get()).unwrap_or(u32::MAX),
        MaxInlineDataSize: limits.inline_bytes.get().min(MAX_INLINE),
        MaxInboundReadLimit: limits.read_depth_in.get().min(255),
        MaxOutboundReadLimit: limits.read_depth_out.get().min(255),
        MaxReceiveQueueDepth: depth(limits.rq_log.get()),
        MaxInitiatorQueueDepth: depth(limits.sq_log.get()),
        MaxSrqDepth: if nic.has(feature::SRQ) {
            depth(limits.srq_log.get())
        } else {
            0
        },
        MaxCqDepth: depth(limits.cq_log.get()),
        LargeRequestThreshold: LARGE_REQUEST,
        MaxCallerData: limits.connect_private_bytes.get().min(56),
        // One number for accepting and rejecting: the smaller.
        MaxCalleeData: limits.reject_private_bytes.get().min(148),
        AdapterFlags: NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED
            | NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED
            | NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED
            | flag(
                feature::CQ_MODERATION,
                NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED,
            )
            | flag(feature::CQ_RESIZE, NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED)
            | flag(
                feature::LOOPBACK,
                NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED,
            ),
        RdmaTechnology: NdkRoCEv2,
    }
}

/// Limits of the whole adapter, for NDIS_NDK_CAPABILITIES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Queue pairs.
    pub qps: u32,
    /// Completion queues.
    pub cqs: u32,
    /// Memory regions.
    pub mrs: u32,
    /// Protection domains.
    pub pds: u32,
    /// Memory windows.
    pub mws: u32,
    /// Shared receive queues.
    pub srqs: u32,
}

/// Limits of the whole adapter. `cqs_that_fit` is what its event queues take.
#[must_use]
pub fn capabilities<P: Platform>(nic: &Nic<P>, cqs_that_fit: u32) -> Capabilities {
    let limits = nic.limits();
    let if_has = |feature, value| if nic.has(feature) { value } else { 0 };
    Capabilities {
        qps: limits.qps.get(),
        cqs: limits.cqs.get().min(cqs_that_fit),
        mrs: limits.mrs.get(),
        pds: limits.pds.get(),
        mws: if_has(feature::MEMORY_WINDOWS, limits.mws.get()),
        srqs: if_has(feature::SRQ, limits.srqs.get()),
    }
}
