//! A consumer that a device is pulled out from under: it does this and that, as a seed says, until something is refused or
//! it has had enough. Then everything that it began has to end, once, with a status that NDKPI has for it: requests, work
//! requests, arms of completion queues, connections, closes.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Mutex;

use ndis_sys::ndk::*;

use crate::bench::{Bench, Callback, QpSizes, created, poll};
use crate::call;
use crate::life::{End, Life, Plan, Refusal, keep, need, refused};
use crate::link::{begin_connect, listen, listener_address};
use crate::platform::Address;

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// A connection came about.
    pub connected: bool,
    /// Things that it did once it was connected.
    pub acts: u32,
    /// Work requests that were posted, and all of which completed.
    pub posted: usize,
    /// Those of them that were cancelled.
    pub cancelled: usize,
    /// Connects that nobody had answered when the end came.
    pub in_flight: usize,
    /// What ended it early.
    pub refused: Option<Refusal>,
}

/// Statuses with which a request may end when its device, or the peer's, goes away. (ndkpi.md 1.2, 6.6)
const ENDS: [NTSTATUS; 8] = [
    STATUS_SUCCESS,
    STATUS_CANCELLED,
    STATUS_DEVICE_NOT_READY,
    STATUS_CONNECTION_REFUSED,
    STATUS_CONNECTION_ABORTED,
    STATUS_CONNECTION_INVALID,
    STATUS_HOST_UNREACHABLE,
    STATUS_IO_TIMEOUT,
];

/// Work requests under way at most, in each direction: as many as the queues hold.
const DEPTH: usize = 16;
/// Bytes of a request at most.
const LONGEST: u32 = 32 * 1024;
/// Connects that nobody answers at most.
const WAITING: usize = 3;

/// Connectors of peers' requests, each of which is its consumer's to close.
#[derive(Default)]
struct Arrived(Mutex<Vec<usize>>);

unsafe extern "win64" fn arrived(context: *mut c_void, connector: *mut NDK_CONNECTOR) {
    // SAFETY: the context of our listener, which is closed before this ends.
    let list = unsafe { &*context.cast::<Arrived>() };
    let mut list = list.0.lock().expect("no panic in a callback");
    list.push(connector.expose_provenance());
}

struct Crowd<'b> {
    life: Life<'b>,
    /// SplitMix64.
    numbers: u64,
    listener: Option<*mut NDK_LISTENER>,
    /// Contexts of work requests that have not completed, of A's and of B's queue pair.
    posted: [BTreeSet<usize>; 2],
    /// Notifications of each end when it armed its queue last.
    armed: [Option<u32>; 2],
    report: Report,
}

impl<'b> Crowd<'b> {
    fn below(&mut self, limit: u64) -> u64 {
        self.numbers = self.numbers.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.numbers;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) % limit
    }

    /// Takes what has completed, and holds it against what was posted.
    fn drain(&mut self, ends: &[End<'b>; 2]) {
        for (end, posted) in ends.iter().zip(&mut self.posted) {
            while let Some(result) = poll(end.cq) {
                let context = result.RequestContext.addr();
                assert!(
                    posted.remove(&context),
                    "{context} completed, again or unasked"
                );
                let status = result.Status;
                let ends = [STATUS_SUCCESS, STATUS_CANCELLED, STATUS_IO_TIMEOUT];
                assert!(
                    ends.contains(&status),
                    "a work request ended with {status:x}"
                );
                self.report.cancelled += usize::from(status == STATUS_CANCELLED);
            }
        }
    }

    /// Posts a request of one of the kinds, if there is room for it.
    fn post(&mut self, ends: &[End<'b>; 2], kind: u64) -> Result<(), Refusal> {
        let [a, b] = ends;
        let side = usize::from(kind == 0);
        if self.posted[side].len() >= DEPTH {
            return Ok(());
        }
        self.report.posted += 1;
        let context = self.report.posted;
        let end = &ends[side];
        // A receive has room for whatever is sent.
        let length = if kind == 0 {
            LONGEST
        } else {
            LONGEST >> self.below(10)
        };
        let list = [NDK_SGE {
            Address: end.address,
            Length: length,
            MemoryRegionToken: call!(end.mr, NdkGetLocalTokenFromMr),
        }];
        let list = list.as_ptr();
        let (to, token) = (b.address, call!(b.mr, NdkGetRemoteTokenFromMr));
        let number = without_provenance_mut(context);
        let status = match kind {
            0 => call!(b.qp, NdkReceive, number, list, 1),
            1 => call!(a.qp, NdkSend, number, list, 1, 0),
            2 => call!(a.qp, NdkWrite, number, list, 1, to, token, 0),
            _ => call!(a.qp, NdkRead, number, list, 1, to, token, 0),
        };
        if status == STATUS_SUCCESS {
            self.posted[side].insert(context);
            return Ok(());
        }
        self.report.posted -= 1;
        need("post", status)
    }

    /// A connect that nobody answers.
    fn knock(&mut self, a: &End<'b>, at: Address) -> Result<(), Refusal> {
        let bench = self.life.bench;
        if self.report.in_flight >= WAITING {
            return Ok(());
        }
        let start =
            |done, context, place| call!(a.adapter, NdkCreateConnector, done, context, place);
        let connector = bench
            .create("connector", start)
            .map_err(refused("connector"))?;
        let connector: *mut NDK_CONNECTOR = keep!(self.life, connector, NdkCloseConnector);
        let qp = bench
            .qp(a.pd, a.cq, QpSizes::default(), 0)
            .map_err(refused("qp"))?;
        let qp = keep!(self.life, qp, NdkCloseQp);
        let begun = begin_connect(bench, (connector, qp), (bench.address(0), at), (1, 1), &[]);
        self.report.in_flight += 1;
        if begun.returned != STATUS_PENDING {
            return need("connect", begun.returned);
        }
        self.life.pending.push(begun);
        Ok(())
    }

    /// A domain that is begun and not waited for.
    fn begin_domain(&mut self, end: &End<'b>, domains: &mut Vec<&'b Callback>) {
        let bench = self.life.bench;
        let callback = bench.callback("pd", 1);
        let mut place: *mut NDK_PD = null_mut();
        let (done, context) = (
            Some(created as NDK_FN_CREATE_COMPLETION),
            callback.context(),
        );
        // A provider that answers at once is done with the place; one that answers later gives the object then.
        match call!(end.adapter, NdkCreatePd, done, context, &raw mut place) {
            STATUS_PENDING => domains.push(callback),
            STATUS_SUCCESS => {
                callback.expect(0);
                keep!(self.life, place, NdkClosePd);
            }
            status => {
                callback.expect(0);
                assert!(
                    ENDS.contains(&status),
                    "a domain is refused with {status:x}"
                );
            }
        }
    }

    fn act(
        &mut self,
        ends: &[End<'b>; 2],
        at: Address,
        domains: &mut Vec<&'b Callback>,
    ) -> Result<(), Refusal> {
        match self.below(10) {
            kind @ 0..4 => self.post(ends, kind),
            4 => self.post(ends, 0),
            5 | 6 => {
                let side = self.below(2) as usize;
                let kind = self.below(3) as u32;
                self.armed[side] = Some(ends[side].notified.count());
                call!(ends[side].cq, NdkArmCq, kind);
                Ok(())
            }
            7 => {
                self.drain(ends);
                self.life.bench.platform.step();
                Ok(())
            }
            8 => self.knock(&ends[0], at),
            _ => {
                let side = self.below(2) as usize;
                self.begin_domain(&ends[side], domains);
                Ok(())
            }
        }
    }

    /// Both ends, a connection between them, a listener whose requests nobody answers, and then this and that.
    fn run(
        &mut self,
        more: impl Fn(u32) -> bool,
        requests: &Arrived,
        domains: &mut Vec<&'b Callback>,
        made: &mut Option<[End<'b>; 2]>,
    ) -> Result<(), Refusal> {
        let ends = [self.life.end(0, false)?, self.life.end(1, false)?];
        let ends = made.insert(ends);
        let [a, b] = &*ends;
        self.life.connect(a, b)?;
        self.report.connected = true;
        let bench = self.life.bench;
        let start = |done, context, place| {
            let list = std::ptr::from_ref(requests).cast_mut().cast();
            call!(
                b.adapter,
                NdkCreateListener,
                Some(arrived),
                list,
                done,
                context,
                place
            )
        };
        let listener: *mut NDK_LISTENER = bench
            .create("listener", start)
            .map_err(refused("listener"))?;
        let listener: *mut NDK_LISTENER = listener;
        self.listener = Some(listener);
        need("listen", listen(bench, listener, bench.address(1)))?;
        let at = listener_address(listener).map_err(refused("listener's address"))?;
        while more(self.report.acts) {
            self.report.acts += 1;
            self.act(ends, at, domains)?;
        }
        Ok(())
    }

    /// The listener is closed, and with it go the requests that nobody answered, also those that come meanwhile.
    fn close_listener(&mut self, requests: &Arrived) {
        let bench = self.life.bench;
        let Some(listener) = self.listener.take() else {
            return;
        };
        // SAFETY: a live object of the provider.
        let close = unsafe { (*(*listener).Dispatch).NdkCloseListener };
        let mut closing = vec![bench.begin_close(listener.cast(), close)];
        let mut steps = 0;
        while closing
            .iter()
            .any(|begun| begun.returned == STATUS_PENDING && begun.callback.count() == 0)
        {
            let came = std::mem::take(&mut *requests.0.lock().expect("no panic in a callback"));
            for connector in came {
                let connector: *mut NDK_CONNECTOR =
                    std::ptr::with_exposed_provenance_mut(connector);
                // SAFETY: a connector that the provider gave us.
                let close = unsafe { (*(*connector).Dispatch).NdkCloseConnector };
                closing.push(bench.begin_close(connector.cast(), close));
            }
            assert!(bench.platform.patient(steps), "a listener was not closed");
            bench.platform.step();
            steps += 1;
        }
    }

    /// Everything ends. `gone` is the side whose device went away, if that was so.
    fn end(
        mut self,
        ends: Option<[End<'b>; 2]>,
        domains: &[&'b Callback],
        requests: &Arrived,
        gone: Option<usize>,
    ) -> Report {
        let bench = self.life.bench;
        if let Some(ends) = &ends {
            // Of a connection whose device is gone its consumer hears, without asking.
            for (_, left) in self
                .life
                .left
                .iter()
                .filter(|(side, _)| Some(*side) == gone)
            {
                bench.wait("the end of a connection", || left.count() == 1);
            }
            // Each arm of a queue whose device is gone is answered.
            for (side, before) in self.armed.iter().enumerate() {
                if let Some(before) = before.filter(|_| Some(side) == gone) {
                    bench.wait("the word of the queue's end", || {
                        ends[side].notified.count() > before
                    });
                }
            }
            for end in ends {
                call!(end.qp, NdkFlush);
            }
            let mut steps = 0;
            while self.posted.iter().any(|posted| !posted.is_empty()) {
                self.drain(ends);
                let patient = bench.platform.patient(steps);
                assert!(patient, "work requests did not complete: {:?}", self.posted);
                bench.platform.step();
                steps += 1;
            }
        }
        for domain in domains {
            bench.wait("the end of a create", || domain.count() > 0);
            if domain.status() == STATUS_SUCCESS {
                keep!(self.life, domain.object::<NDK_PD>(), NdkClosePd);
            }
        }
        self.close_listener(requests);
        let pending: Vec<&Callback> = self.life.pending.iter().map(|p| p.callback).collect();
        self.life.close();
        for request in pending.iter().chain(domains) {
            let status = request.status();
            assert!(ENDS.contains(&status), "a request ended with {status:x}");
        }
        self.report
    }
}

/// Leads a life, of acts for as long as `more` says, given their number. `gone` says, when the life has ended, on which side
/// the device is gone by then.
///
/// # Panics
/// When something did not end as it has to.
pub fn live<'b>(
    bench: &'b Bench<'b>,
    seed: u64,
    more: impl Fn(u32) -> bool,
    patience: u64,
    gone: impl FnOnce() -> Option<usize>,
) -> Report {
    let plan = Plan {
        sides: [0, 1],
        patience,
    };
    let requests = Arrived::default();
    let mut crowd = Crowd {
        life: Life::new(bench, plan),
        numbers: seed,
        listener: None,
        posted: Default::default(),
        armed: [None; 2],
        report: Report::default(),
    };
    let (mut domains, mut ends) = (Vec::new(), None);
    let refused = crowd.run(more, &requests, &mut domains, &mut ends).err();
    if let Some((what, status)) = refused {
        let known = ENDS.contains(&status) || status == STATUS_INVALID_DEVICE_STATE;
        assert!(known, "{what} is refused with {status:x}");
    }
    crowd.report.refused = refused;
    crowd.end(ends, &domains, &requests, gone())
}
