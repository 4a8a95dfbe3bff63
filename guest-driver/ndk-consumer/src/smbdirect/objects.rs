//! The provider's objects behind a connection: created in order, closed in the opposite one, also when only some are there.

use std::ptr::null_mut;

use ndis_sys::ndk::*;

use super::meaning;
use crate::bench::{Begun, Bench, Callback, QpSizes};
use crate::platform::Address;
use crate::smb::transport::Lost;
use crate::{call, close, link};

/// Entries of an initiator request, and read limits: what SMB Direct asks for (MS-SMBD needs fewer).
const ENTRIES: u32 = 16;
const READ_LIMIT: u32 = 16;

/// What a connection is made of.
pub struct Objects<'b> {
    bench: &'b Bench<'b>,
    /// Which of the platform's adapters.
    pub side: usize,
    /// Adapter.
    pub adapter: *mut NDK_ADAPTER,
    /// What it says of itself.
    pub info: NDK_ADAPTER_INFO,
    /// Protection domain.
    pub pd: *mut NDK_PD,
    /// Its privileged token.
    pub token: u32,
    /// Completion queue of receives.
    pub receives: *mut NDK_CQ,
    /// Its notifications.
    pub received: Option<&'b Callback>,
    /// Completion queue of everything else.
    pub initiated: *mut NDK_CQ,
    /// Its notifications.
    pub done: Option<&'b Callback>,
    /// Queue pair.
    pub qp: *mut NDK_QP,
    /// Entries of an initiator request.
    pub entries: usize,
    connector: *mut NDK_CONNECTOR,
    connected: bool,
    /// Comes when the other side disconnects.
    pub left: Option<&'b Callback>,
    /// Regions for fast registration.
    pub regions: Vec<*mut NDK_MR>,
    /// Pages of each.
    pub region_pages: usize,
}

fn created<T>(what: &str, result: Result<*mut T, NTSTATUS>) -> Result<*mut T, Lost> {
    result.map_err(|status| Lost(format!("the adapter makes no {what}: {}", meaning(status))))
}

impl<'b> Objects<'b> {
    /// Opens an adapter; nothing else is there yet.
    ///
    /// # Errors
    /// It does not open.
    pub fn new(bench: &'b Bench<'b>, side: usize) -> Result<Self, Lost> {
        let version = NDK_VERSION { Major: 2, Minor: 0 };
        let adapter = bench
            .platform
            .open(side, version, (0, 0))
            .map_err(|refused| Lost(format!("the adapter offers no RDMA: {refused:?}")))?;
        Ok(Self {
            bench,
            side,
            adapter,
            info: bench.info(adapter),
            pd: null_mut(),
            token: 0,
            receives: null_mut(),
            received: None,
            initiated: null_mut(),
            done: None,
            qp: null_mut(),
            entries: 0,
            connector: null_mut(),
            connected: false,
            left: None,
            regions: Vec::new(),
            region_pages: 0,
        })
    }

    /// Creates what is needed before a connection.
    ///
    /// # Errors
    /// The provider makes one of the objects not.
    pub fn create(
        &mut self,
        receives: u32,
        receive_entries: u32,
        initiators: u32,
        regions: usize,
    ) -> Result<(), Lost> {
        let (bench, adapter) = (self.bench, self.adapter);
        self.pd = created(
            "protection domain",
            bench.create("pd", |done, context, place| {
                call!(adapter, NdkCreatePd, done, context, place)
            }),
        )?;
        let pd = self.pd;
        call!(pd, NdkGetPrivilegedMemoryRegionToken, &raw mut self.token);
        (self.receives, self.received) = self.queue(receives)?;
        (self.initiated, self.done) = self.queue(initiators)?;
        let entries = ENTRIES.min(self.info.MaxInitiatorRequestSge);
        self.entries = entries as usize;
        let sizes = QpSizes {
            receives,
            initiators,
            receive_sge: receive_entries,
            initiator_sge: entries,
            inline: 0,
        };
        self.qp = self.queue_pair(sizes)?;
        self.region_pages = self.info.FRMRPageCount as usize;
        for _ in 0..regions {
            self.region()?;
        }
        Ok(())
    }

    fn queue(&self, depth: u32) -> Result<(*mut NDK_CQ, Option<&'b Callback>), Lost> {
        let notification = self.bench.callback("cq notification", u32::MAX);
        let adapter = self.adapter;
        let cq = self.bench.create("cq", |done, context, place| {
            call!(
                adapter,
                NdkCreateCq,
                depth,
                Some(crate::bench::with_status),
                notification.context(),
                null_mut(),
                done,
                context,
                place,
            )
        });
        Ok((created("completion queue", cq)?, Some(notification)))
    }

    fn queue_pair(&self, sizes: QpSizes) -> Result<*mut NDK_QP, Lost> {
        let pd = self.pd;
        let qp = self.bench.create("qp", |done, context, place| {
            call!(
                pd,
                NdkCreateQp,
                self.receives,
                self.initiated,
                null_mut(),
                sizes.receives,
                sizes.initiators,
                sizes.receive_sge,
                sizes.initiator_sge,
                sizes.inline,
                done,
                context,
                place,
            )
        });
        created("queue pair", qp)
    }

    fn region(&mut self) -> Result<(), Lost> {
        let pd = self.pd;
        let mr = self.bench.create("mr", |done, context, place| {
            call!(pd, NdkCreateMr, 1, done, context, place)
        });
        let mr = created("region", mr)?;
        self.regions.push(mr);
        // The adapter said that it takes so many.
        let pages = self.region_pages as u32;
        let status = self.bench.request("initialize region", |done, context| {
            call!(mr, NdkInitializeFastRegisterMr, pages, 1, done, context)
        });
        if status != STATUS_SUCCESS {
            let why = meaning(status);
            return Err(Lost(format!(
                "the adapter makes no region of {pages} pages: {why}"
            )));
        }
        Ok(())
    }

    fn limits(&self) -> (u32, u32) {
        (
            READ_LIMIT.min(self.info.MaxInboundReadLimit),
            READ_LIMIT.min(self.info.MaxOutboundReadLimit),
        )
    }

    /// Begins to connect, without private data.
    ///
    /// # Errors
    /// The provider makes no connector.
    pub fn begin_connect(&mut self, from: Address, to: Address) -> Result<Begun<'b>, Lost> {
        let (bench, adapter) = (self.bench, self.adapter);
        self.connector = created(
            "connector",
            bench.create("connector", |done, context, place| {
                call!(adapter, NdkCreateConnector, done, context, place)
            }),
        )?;
        let ends = (self.connector, self.qp);
        let limits = self.limits();
        Ok(link::begin_connect(bench, ends, (from, to), limits, &[]))
    }

    /// Waits for the connection.
    ///
    /// # Errors
    /// It comes to none.
    pub fn end_connect(&mut self, begun: &Begun<'_>, shown: &str) -> Result<(), Lost> {
        let (bench, connector) = (self.bench, self.connector);
        let failed = |status| Lost(format!("connecting to {shown}: {}", meaning(status)));
        match bench.end(begun) {
            STATUS_SUCCESS => (),
            status => return Err(failed(status)),
        }
        let left = bench.callback("disconnect event", 1);
        let status = bench.request("complete connect", |done, context| {
            call!(
                connector,
                NdkCompleteConnect,
                Some(crate::bench::plain),
                left.context(),
                done,
                context
            )
        });
        if status != STATUS_SUCCESS {
            return Err(failed(status));
        }
        self.left = Some(left);
        self.connected = true;
        Ok(())
    }

    /// Begins to accept the request of a connector, without private data.
    pub fn begin_accept(&mut self, connector: *mut NDK_CONNECTOR) -> Begun<'b> {
        let left = self.bench.callback("disconnect event", 1);
        self.connector = connector;
        self.left = Some(left);
        self.connected = true;
        let ends = (connector, self.qp);
        link::begin_accept(self.bench, ends, self.limits(), &[], left)
    }

    /// Whether the other side has disconnected.
    pub fn has_left(&self) -> bool {
        self.left.is_some_and(|left| left.count() > 0)
    }

    /// Disconnects, if it is connected. The other side may be gone: then the status says so, and it is over too.
    pub fn disconnect(&mut self) {
        if std::mem::take(&mut self.connected) {
            let connector = self.connector;
            self.bench.request("disconnect", |done, context| {
                call!(connector, NdkDisconnect, done, context)
            });
        }
    }

    /// Closes what is there but the adapter, whose mappings may be released then.
    pub fn close(&mut self) {
        let bench = self.bench;
        if !self.connector.is_null() {
            close!(bench, self.connector, NdkCloseConnector);
        }
        if !self.qp.is_null() {
            close!(bench, self.qp, NdkCloseQp);
        }
        for mr in self.regions.drain(..) {
            close!(bench, mr, NdkCloseMr);
        }
        for cq in [self.receives, self.initiated] {
            if !cq.is_null() {
                close!(bench, cq, NdkCloseCq);
            }
        }
        if !self.pd.is_null() {
            close!(bench, self.pd, NdkClosePd);
        }
    }

    /// Closes the adapter.
    pub fn close_adapter(self) {
        self.bench.platform.close(self.side, self.adapter);
    }
}
