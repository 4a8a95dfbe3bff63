//! A consumer's life that bears failure: everything that it may make, in order, until something is refused; then it closes
//! what it has and waits for every end. What a provider must never do is to leave a request or a close without one.

use std::ptr::{null, null_mut, without_provenance_mut};

use ndis_sys::ndk::*;

use crate::bench::{
    Begun, Bench, Callback, QpSizes, Socket, connect_event, plain, poll, with_status,
};
use crate::call;
use crate::link::{ALL_RIGHTS, MEMORY, begin_accept, begin_connect, listen, listener_address};
use crate::platform::{Address, Memory, Refused};

/// What was refused, and with which status.
pub type Refusal = (&'static str, NTSTATUS);

/// How a life went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Objects that were made.
    pub made: usize,
    /// A connection came about.
    pub connected: bool,
    /// Requests of queue pairs that completed with success.
    pub completed: usize,
    /// It was disconnected gracefully.
    pub disconnected: bool,
    /// What ended it early.
    pub refused: Option<Refusal>,
}

/// How a life is led.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Sides of the active and the passive end.
    pub sides: [usize; 2],
    /// Steps of the platform that a peer, or a completion of a queue pair, is waited for. Nothing in NDK bounds that: a
    /// consumer gives up by itself, and closes.
    pub patience: u64,
}

/// What a consumer has to give back, in the order of making.
pub(crate) struct Life<'b> {
    pub(crate) bench: &'b Bench<'b>,
    plan: Plan,
    objects: Vec<(*mut NDK_OBJECT_HEADER, NDK_FN_CLOSE_OBJECT)>,
    adapters: Vec<(usize, *mut NDK_ADAPTER)>,
    /// Memory that the provider was told of.
    memory: Vec<Box<dyn Memory>>,
    /// Requests that may still be under way.
    pub(crate) pending: Vec<Begun<'b>>,
    /// Disconnect events of connections that came about, by side.
    pub(crate) left: Vec<(usize, &'b Callback)>,
    pub(crate) report: Report,
}

/// One end.
pub(crate) struct End<'b> {
    pub(crate) adapter: *mut NDK_ADAPTER,
    pub(crate) pd: *mut NDK_PD,
    pub(crate) cq: *mut NDK_CQ,
    /// Its notifications.
    pub(crate) notified: &'b Callback,
    pub(crate) qp: *mut NDK_QP,
    pub(crate) address: u64,
    srq: *mut NDK_SRQ,
    pub(crate) mr: *mut NDK_MR,
    fast: *mut NDK_MR,
    mw: *mut NDK_MW,
    /// Address of the first page of the memory, for the device.
    page: i64,
}

macro_rules! keep {
    ($life:expr, $object:expr, $function:ident) => {{
        let object = $object;
        // SAFETY: a new object of the provider.
        let close = unsafe { (*(*object).Dispatch).$function };
        $life.keep(object.cast(), close);
        object
    }};
}
pub(crate) use keep;

/// A status that is no success is a refusal.
pub(crate) fn need(what: &'static str, status: NTSTATUS) -> Result<(), Refusal> {
    if status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err((what, status))
    }
}

pub(crate) fn refused(what: &'static str) -> impl Fn(NTSTATUS) -> Refusal {
    move |status| (what, status)
}

impl<'b> Life<'b> {
    pub(crate) fn new(bench: &'b Bench<'b>, plan: Plan) -> Self {
        Self {
            bench,
            plan,
            objects: Vec::new(),
            adapters: Vec::new(),
            memory: Vec::new(),
            pending: Vec::new(),
            left: Vec::new(),
            report: Report::default(),
        }
    }

    /// An object that is to be closed.
    pub(crate) fn keep(&mut self, object: *mut NDK_OBJECT_HEADER, close: NDK_FN_CLOSE_OBJECT) {
        self.objects.push((object, close));
        self.report.made += 1;
    }

    fn adapter(&mut self, side: usize) -> Result<*mut NDK_ADAPTER, Refusal> {
        let version = NDK_VERSION { Major: 2, Minor: 0 };
        let opened = self.bench.platform.open(side, version, (0, 0));
        let adapter = opened.map_err(|refused| {
            let status = match refused {
                Refused::Version => STATUS_INVALID_PARAMETER,
                Refused::NotReady => STATUS_INVALID_DEVICE_STATE,
                Refused::Other(status) => status.cast_signed(),
            };
            ("adapter", status)
        })?;
        self.adapters.push((side, adapter));
        Ok(adapter)
    }

    fn fast_region(&mut self, pd: *mut NDK_PD) -> Result<*mut NDK_MR, Refusal> {
        let bench = self.bench;
        let start = |done, context, place| call!(pd, NdkCreateMr, 1, done, context, place);
        let fast = bench.create("mr", start).map_err(refused("fast mr"))?;
        let fast = keep!(self, fast, NdkCloseMr);
        let status = bench.request("initialise", |done, context| {
            call!(fast, NdkInitializeFastRegisterMr, 16, 1, done, context)
        });
        need("initialise", status)?;
        Ok(fast)
    }

    /// Everything that one end has but connections.
    pub(crate) fn end(&mut self, side: usize, shared: bool) -> Result<End<'b>, Refusal> {
        let bench = self.bench;
        let adapter = self.adapter(side)?;
        let start = |done, context, place| call!(adapter, NdkCreatePd, done, context, place);
        let pd = bench.create("pd", start).map_err(refused("pd"))?;
        let pd: *mut NDK_PD = keep!(self, pd, NdkClosePd);
        let notified = bench.callback("cq notification", u32::MAX);
        let start = |done, context, place| {
            call!(
                adapter,
                NdkCreateCq,
                64,
                Some(with_status),
                notified.context(),
                null_mut(),
                done,
                context,
                place
            )
        };
        let cq = bench.create("cq", start).map_err(refused("cq"))?;
        let cq: *mut NDK_CQ = keep!(self, cq, NdkCloseCq);
        let resized = bench.request("resize", |done, context| {
            call!(cq, NdkResizeCq, 128, done, context)
        });
        need("resize", resized)?;
        need("moderate", call!(cq, NdkControlCqInterruptModeration, 0, 1))?;
        let mut srq = null_mut();
        let qp = if shared {
            srq = self.shared_queue(pd)?;
            bench.create("qp with srq", |done, context, place| {
                call!(
                    pd,
                    NdkCreateQpWithSrq,
                    cq,
                    cq,
                    srq,
                    null_mut(),
                    16,
                    4,
                    64,
                    done,
                    context,
                    place
                )
            })
        } else {
            bench.qp(pd, cq, QpSizes::default(), 0)
        };
        let qp: *mut NDK_QP = keep!(self, qp.map_err(refused("qp"))?, NdkCloseQp);
        let memory = bench.platform.allocate(side, MEMORY);
        let (mdl, address) = (memory.mdl(), memory.address());
        self.memory.push(memory);
        let start = |done, context, place| call!(pd, NdkCreateMr, 0, done, context, place);
        let mr = bench.create("mr", start).map_err(refused("mr"))?;
        let mr: *mut NDK_MR = keep!(self, mr, NdkCloseMr);
        let registered = bench.request("register", |done, context| {
            call!(mr, NdkRegisterMr, mdl, MEMORY, ALL_RIGHTS, done, context)
        });
        need("register", registered)?;
        let fast = self.fast_region(pd)?;
        let start = |done, context, place| call!(pd, NdkCreateMw, done, context, place);
        let mw = bench.create("mw", start).map_err(refused("mw"))?;
        let mw: *mut NDK_MW = keep!(self, mw, NdkCloseMw);
        Ok(End {
            adapter,
            pd,
            cq,
            notified,
            qp,
            address,
            srq,
            mr,
            fast,
            mw,
            page: Self::first_page(adapter, mdl)?,
        })
    }

    fn first_page(adapter: *mut NDK_ADAPTER, mdl: *mut MDL) -> Result<i64, Refusal> {
        let mut list = [0i64; 2 + MEMORY / 4096];
        let mut size = u32::try_from(size_of_val(&list)).unwrap_or(0);
        let mut offset = 0;
        let mapping: *mut NDK_LOGICAL_ADDRESS_MAPPING = list.as_mut_ptr().cast();
        let status = call!(
            adapter,
            NdkBuildLAM,
            mdl,
            MEMORY,
            None,
            null_mut(),
            mapping,
            &raw mut size,
            &raw mut offset
        );
        need("build LAM", status)?;
        call!(adapter, NdkReleaseLAM, mapping);
        Ok(list[2])
    }

    fn shared_queue(&mut self, pd: *mut NDK_PD) -> Result<*mut NDK_SRQ, Refusal> {
        let bench = self.bench;
        let limit = bench.callback("srq notification", u32::MAX);
        let srq = bench.create("srq", |done, context, place| {
            call!(
                pd,
                NdkCreateSrq,
                16,
                4,
                0,
                Some(with_status),
                limit.context(),
                null_mut(),
                done,
                context,
                place
            )
        });
        let srq = keep!(self, srq.map_err(refused("srq"))?, NdkCloseSrq);
        let modified = bench.request("modify", |done, context| {
            call!(srq, NdkModifySrq, 32, 4, done, context)
        });
        need("modify", modified)?;
        Ok(srq)
    }

    /// Waits as long as the plan has patience.
    pub(crate) fn within(
        &self,
        what: &'static str,
        ready: impl Fn() -> bool,
    ) -> Result<(), Refusal> {
        let mut steps = 0;
        while !ready() {
            if steps > self.plan.patience {
                return Err((what, STATUS_IO_TIMEOUT));
            }
            self.bench.platform.step();
            steps += 1;
        }
        Ok(())
    }

    /// A request that a peer has its part in: it ended well, or is left to the close of its object.
    fn ended(&mut self, what: &'static str, begun: Begun<'b>) -> Result<(), Refusal> {
        let heard = self.within(what, || begun.callback.count() > 0);
        let status = begun.callback.status();
        if heard.is_err() {
            self.pending.push(begun);
        }
        heard.and_then(|()| need(what, status))
    }

    /// Listener, connector, and both ends of a connection.
    pub(crate) fn connect(
        &mut self,
        a: &End<'b>,
        b: &End<'b>,
    ) -> Result<*mut NDK_CONNECTOR, Refusal> {
        let bench = self.bench;
        let requested = bench.callback("connect event", u32::MAX);
        let start = |done, context, place| {
            call!(
                b.adapter,
                NdkCreateListener,
                Some(connect_event),
                requested.context(),
                done,
                context,
                place
            )
        };
        let listener = bench.create("listener", start);
        let listener: *mut NDK_LISTENER = keep!(
            self,
            listener.map_err(refused("listener"))?,
            NdkCloseListener
        );
        let [active_side, passive_side] = self.plan.sides;
        need(
            "listen",
            listen(bench, listener, bench.address(passive_side)),
        )?;
        let to = listener_address(listener).map_err(refused("listener's address"))?;
        let start =
            |done, context, place| call!(a.adapter, NdkCreateConnector, done, context, place);
        let connector = bench.create("connector", start);
        let connector: *mut NDK_CONNECTOR = keep!(
            self,
            connector.map_err(refused("connector"))?,
            NdkCloseConnector
        );
        let from = bench.address(active_side);
        let connecting = begin_connect(bench, (connector, a.qp), (from, to), (4, 4), &[1, 2, 3]);
        if connecting.returned != STATUS_PENDING {
            return Err(("connect", connecting.returned));
        }
        let heard = self.within("a connect event", || {
            requested.count() > 0 || connecting.callback.count() > 0
        });
        if requested.count() == 0 {
            let status = connecting.callback.status();
            self.pending.push(connecting);
            return heard.and(Err(("connect", status)));
        }
        let passive: *mut NDK_CONNECTOR = requested.object();
        keep!(self, passive, NdkCloseConnector);
        let passive_left = bench.callback("disconnect event", 1);
        let accepting = begin_accept(bench, (passive, b.qp), (4, 4), &[4, 5], passive_left);
        let is_accepting = accepting.returned == STATUS_PENDING;
        let refusal = ("accept", accepting.returned);
        self.pending.push(accepting);
        if !is_accepting {
            self.pending.push(connecting);
            return Err(refusal);
        }
        self.ended("connect", connecting)?;
        let left = bench.callback("disconnect event", 1);
        let completed = bench.request("complete connect", |done, context| {
            call!(
                connector,
                NdkCompleteConnect,
                Some(plain),
                left.context(),
                done,
                context
            )
        });
        need("complete connect", completed)?;
        self.left.push((active_side, left));
        if let Some(accepting) = self.pending.pop() {
            self.ended("accept", accepting)?;
        }
        self.left.push((passive_side, passive_left));
        self.report.connected = true;
        Ok(connector)
    }

    /// A shared endpoint, and a connection from it that nobody answers: it ends with a refusal.
    pub(crate) fn knock(&mut self, a: &End<'_>) -> Result<(), Refusal> {
        let bench = self.bench;
        let from = bench.address(self.plan.sides[0]);
        let mut at = Socket::new(from);
        let endpoint = bench.create("shared endpoint", |done, context, place| {
            call!(
                a.adapter,
                NdkCreateSharedEndpoint,
                at.pointer(),
                at.length(),
                done,
                context,
                place
            )
        });
        let endpoint: *mut NDK_SHARED_ENDPOINT = keep!(
            self,
            endpoint.map_err(refused("shared endpoint"))?,
            NdkCloseSharedEndpoint
        );
        let start =
            |done, context, place| call!(a.adapter, NdkCreateConnector, done, context, place);
        let connector = bench.create("connector", start);
        let connector: *mut NDK_CONNECTOR = keep!(
            self,
            connector.map_err(refused("connector"))?,
            NdkCloseConnector
        );
        let qp = bench.qp(a.pd, a.cq, QpSizes::default(), 0);
        let qp = keep!(self, qp.map_err(refused("qp"))?, NdkCloseQp);
        let nobody: Address = from.with_port(9);
        let mut to = Socket::new(nobody);
        let knocking = bench.begin("connect from a shared endpoint", |done, context| {
            call!(
                connector,
                NdkConnectWithSharedEndpoint,
                qp,
                endpoint,
                to.pointer(),
                to.length(),
                1,
                1,
                null(),
                0,
                done,
                context
            )
        });
        let ended = match knocking.returned {
            STATUS_PENDING => self.ended("connect to nobody", knocking),
            status => need("connect to nobody", status),
        };
        match ended {
            Err((_, STATUS_CONNECTION_REFUSED)) => Ok(()),
            Err(refusal) => Err(refusal),
            Ok(()) => Err(("connect to nobody", STATUS_SUCCESS)),
        }
    }

    /// Waits for a completion as long as the plan has patience.
    fn completion(&mut self, what: &'static str, cq: *mut NDK_CQ) -> Result<(), Refusal> {
        let mut steps = 0;
        loop {
            if let Some(result) = poll(cq) {
                need(what, result.Status)?;
                self.report.completed += 1;
                return Ok(());
            }
            if steps > self.plan.patience {
                return Err((what, STATUS_IO_TIMEOUT));
            }
            self.bench.platform.step();
            steps += 1;
        }
    }

    /// One request of each kind.
    fn transfer(&mut self, a: &End<'_>, b: &End<'_>) -> Result<(), Refusal> {
        let entry = |end: &End<'_>, at: u64, length: u32| NDK_SGE {
            Address: end.address + at,
            Length: length,
            MemoryRegionToken: call!(end.mr, NdkGetLocalTokenFromMr),
        };
        let context = |number: usize| without_provenance_mut(number);
        let receive = [entry(b, 32768, 4096)];
        let posted = if b.srq.is_null() {
            call!(b.qp, NdkReceive, context(1), receive.as_ptr(), 1)
        } else {
            call!(b.srq, NdkSrqReceive, context(1), receive.as_ptr(), 1)
        };
        need("receive", posted)?;
        for cq in [a.cq, b.cq] {
            call!(cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
        }
        let data = [entry(a, 0, 3000)];
        need(
            "send",
            call!(a.qp, NdkSend, context(2), data.as_ptr(), 1, 0),
        )?;
        self.completion("send", a.cq)?;
        self.completion("receive", b.cq)?;
        // Both were armed: each is owed a callback, which brings an interrupt about.
        for end in [a, b] {
            self.within("a notification", || end.notified.count() > 0)?;
        }
        let token = call!(b.mr, NdkGetRemoteTokenFromMr);
        let (to, list) = (b.address, data.as_ptr());
        let status = call!(a.qp, NdkWrite, context(3), list, 1, to, token, 0);
        need("write", status)?;
        self.completion("write", a.cq)?;
        let status = call!(a.qp, NdkRead, context(4), list, 1, to, token, 0);
        need("read", status)?;
        self.completion("read", a.cq)?;
        let base = without_provenance_mut(0x7000_0000_0000);
        let rights = NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
        let (page, fast) = (&raw const a.page, a.fast);
        let status = call!(
            a.qp,
            NdkFastRegister,
            context(5),
            fast,
            1,
            page,
            0,
            4096,
            base,
            rights
        );
        need("fast register", status)?;
        self.completion("fast register", a.cq)?;
        let status = call!(a.qp, NdkInvalidate, context(6), fast.cast(), 0);
        need("invalidate", status)?;
        self.completion("invalidate", a.cq)?;
        let at = without_provenance_mut(usize::try_from(a.address).unwrap_or(0));
        let status = call!(a.qp, NdkBind, context(7), a.mr, a.mw, at, 4096, rights);
        need("bind", status)?;
        self.completion("bind", a.cq)?;
        let status = call!(a.qp, NdkInvalidate, context(8), a.mw.cast(), 0);
        need("unbind", status)?;
        self.completion("unbind", a.cq)
    }

    fn run(&mut self) -> Result<(), Refusal> {
        let [active, passive] = self.plan.sides;
        let a = self.end(active, false)?;
        let b = self.end(passive, true)?;
        self.knock(&a)?;
        let connector = self.connect(&a, &b)?;
        self.transfer(&a, &b)?;
        let bench = self.bench;
        let status = bench.request("disconnect", |done, context| {
            call!(connector, NdkDisconnect, done, context)
        });
        need("disconnect", status)?;
        self.report.disconnected = true;
        call!(a.qp, NdkFlush);
        Ok(())
    }

    /// Closes everything at once, the latest first, and waits for each end.
    pub(crate) fn close(mut self) -> Report {
        let bench = self.bench;
        let mut closing = Vec::new();
        while let Some((object, function)) = self.objects.pop() {
            closing.push(bench.begin_close(object, function));
        }
        for begun in closing.iter().chain(&self.pending) {
            bench.end(begun);
        }
        for (side, adapter) in self.adapters.drain(..).rev() {
            bench.platform.close(side, adapter);
        }
        self.report
    }
}

/// Leads a life.
///
/// # Panics
/// When a request or a close does not end.
pub fn live<'b>(bench: &'b Bench<'b>, plan: Plan) -> Report {
    let mut life = Life::new(bench, plan);
    let ended = life.run();
    life.report.refused = ended.err();
    life.close()
}
