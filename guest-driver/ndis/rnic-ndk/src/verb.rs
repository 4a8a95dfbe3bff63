//! Commands that wait for their turn, as values: the command ring may be full, and memory for a ring may only be had
//! elsewhere than where a consumer asked.
#![forbid(unsafe_code)]

use crate::cq::Cq as CqObject;
use crate::raw::Ref;
use crate::srq::Srq as SrqObject;
use crate::{PlatformOf, System};
use rnic_abi::{FlushFlags, Mtu, MwType};
use rnic_driver_core::{
    Accept, Address, AddressIndex, Connect, ConnectionId, Control, Cq, CqGeometry, Cqn, EndpointId,
    Error, Failure, Key, ListenerId, Nic, Object, PdHandle, Qp, QpGeometry, Qpn, Region, Srq,
    SrqGeometry, Srqn, Token,
};

/// Private data as it waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Private<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Private<N> {
    /// A copy; `None` if it is too long.
    pub(crate) fn new(data: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(Self {
            bytes,
            length: data.len(),
        })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// What CONNECT says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectVerb {
    pub(crate) qpn: Qpn,
    pub(crate) from: Result<EndpointId, AddressIndex>,
    pub(crate) destination: [u8; 16],
    pub(crate) port: u16,
    pub(crate) next_hop: Option<[u8; 6]>,
    pub(crate) read_depth_in: u8,
    pub(crate) read_depth_out: u8,
    pub(crate) path_mtu: Mtu,
    pub(crate) private_data: Private<56>,
    pub(crate) cookie: u64,
}

/// What ACCEPT says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptVerb {
    pub(crate) connection: ConnectionId,
    pub(crate) qpn: Qpn,
    pub(crate) read_depth_in: u8,
    pub(crate) read_depth_out: u8,
    pub(crate) private_data: Private<148>,
    pub(crate) cookie: u64,
}

/// RNR retries: enough for a receiver that posts late, and an end for one that never does.
const RNR_RETRY: u8 = 6;
const RETRY: u8 = 7;

/// A command, with all that it needs.
pub(crate) enum Verb<S: System> {
    CreatePd {
        privileged: bool,
    },
    DestroyPd(PdHandle),
    CreateCq(CqGeometry),
    ResizeCq(Ref<CqObject<S>>, u32),
    ModerateCq {
        cqn: Cqn,
        count: u32,
        interval_us: u32,
    },
    DestroyCq(Cq<PlatformOf<S>>),
    CreateSrq(SrqGeometry),
    ModifySrq {
        srqn: Srqn,
        limit: u32,
    },
    ResizeSrq(Ref<SrqObject<S>>, u32),
    DestroySrq(Srq<PlatformOf<S>>),
    CreateQp(QpGeometry),
    FlushQp {
        qpn: Qpn,
        which: FlushFlags,
    },
    DestroyQp(Qp<PlatformOf<S>>),
    Register(Region),
    CreateFastRegion {
        pd: PdHandle,
        max_pages: u32,
    },
    DestroyRegion(Key),
    CreateWindow(PdHandle),
    DestroyWindow(Key),
    SetAddress(AddressIndex, Address),
    ClearAddress(AddressIndex),
    ReserveEndpoint(AddressIndex, u16),
    ReleaseEndpoint(EndpointId),
    Listen {
        endpoint: EndpointId,
        backlog: u32,
        cookie: u64,
    },
    PauseListener(ListenerId, bool),
    DestroyListener(ListenerId),
    Connect(ConnectVerb),
    CompleteConnect(ConnectionId),
    Accept(AcceptVerb),
    Reject(ConnectionId, Private<148>),
    Disconnect {
        connection: ConnectionId,
        abortive: bool,
    },
    Release(ConnectionId),
}

/// Why a command was not submitted, and the queue that it was given.
pub(crate) type Refused<P> = (Error, Option<Object<P>>);

impl<S: System> Verb<S> {
    /// Submits it. The ring has room: whoever calls looked.
    pub(crate) fn submit(
        self,
        control: &mut Control<PlatformOf<S>>,
        nic: &Nic<PlatformOf<S>>,
        cookie: u64,
    ) -> Result<(), Refused<PlatformOf<S>>> {
        type Kept<S> = Result<Token, Failure<PlatformOf<S>>>;
        let plain =
            |result: Result<Token, Error>| result.map(|_| ()).map_err(|error| (error, None));
        let kept = |result: Kept<S>| result.map(|_| ()).map_err(|f| (f.error, f.kept));
        match self {
            Self::CreatePd { privileged } => plain(control.create_pd(nic, cookie, privileged)),
            Self::DestroyPd(pd) => plain(control.destroy_pd(nic, cookie, pd)),
            Self::CreateCq(geometry) => plain(control.create_cq(nic, cookie, &geometry)),
            Self::ResizeCq(cq, entries) => plain(cq.body().resize(control, nic, cookie, entries)),
            Self::ResizeSrq(srq, entries) => {
                plain(srq.body().resize(control, nic, cookie, entries))
            }
            Self::ModerateCq {
                cqn,
                count,
                interval_us,
            } => plain(control.moderate_cq(nic, cookie, cqn, count, interval_us)),
            Self::DestroyCq(cq) => kept(control.destroy_cq(nic, cookie, cq)),
            Self::CreateSrq(geometry) => plain(control.create_srq(nic, cookie, &geometry)),
            Self::ModifySrq { srqn, limit } => plain(control.modify_srq(nic, cookie, srqn, limit)),
            Self::DestroySrq(srq) => kept(control.destroy_srq(nic, cookie, srq)),
            Self::CreateQp(geometry) => plain(control.create_qp(nic, cookie, &geometry)),
            Self::FlushQp { qpn, which } => plain(control.flush_qp(nic, cookie, qpn, which)),
            Self::DestroyQp(qp) => kept(control.destroy_qp(nic, cookie, qp)),
            Self::Register(region) => plain(control.register(nic, cookie, region)),
            Self::CreateFastRegion { pd, max_pages } => {
                plain(control.create_fast_region(nic, cookie, pd, max_pages))
            }
            Self::DestroyRegion(key) => plain(control.destroy_region(nic, cookie, key)),
            Self::CreateWindow(pd) => plain(control.create_window(nic, cookie, pd, MwType::TYPE_2)),
            Self::DestroyWindow(key) => plain(control.destroy_window(nic, cookie, key)),
            Self::SetAddress(index, address) => {
                plain(control.set_address(nic, cookie, index, &address))
            }
            Self::ClearAddress(index) => plain(control.clear_address(nic, cookie, index)),
            Self::ReserveEndpoint(index, port) => {
                plain(control.reserve_endpoint(nic, cookie, index, port))
            }
            Self::ReleaseEndpoint(endpoint) => {
                plain(control.release_endpoint(nic, cookie, endpoint))
            }
            Self::Listen {
                endpoint,
                backlog,
                cookie: events,
            } => plain(control.listen(nic, cookie, endpoint, backlog, events)),
            Self::PauseListener(listener, paused) => {
                plain(control.pause_listener(nic, cookie, listener, paused))
            }
            Self::DestroyListener(listener) => {
                plain(control.destroy_listener(nic, cookie, listener))
            }
            Self::Connect(verb) => plain(connect(control, nic, cookie, &verb)),
            Self::CompleteConnect(connection) => {
                plain(control.complete_connect(nic, cookie, connection))
            }
            Self::Accept(verb) => plain(accept(control, nic, cookie, &verb)),
            Self::Reject(connection, data) => {
                plain(control.reject(nic, cookie, connection, data.as_slice()))
            }
            Self::Disconnect {
                connection,
                abortive,
            } => plain(control.disconnect(nic, cookie, connection, abortive)),
            Self::Release(connection) => plain(control.release_connection(nic, cookie, connection)),
        }
    }
}

fn connect<P: rnic_platform::Platform>(
    control: &mut Control<P>,
    nic: &Nic<P>,
    cookie: u64,
    verb: &ConnectVerb,
) -> Result<Token, Error> {
    let connect = Connect {
        qpn: verb.qpn,
        from: verb.from,
        destination: verb.destination,
        port: verb.port,
        next_hop: verb.next_hop,
        read_depth_in: verb.read_depth_in,
        read_depth_out: verb.read_depth_out,
        retry_count: RETRY,
        rnr_retry: RNR_RETRY,
        path_mtu: verb.path_mtu,
        traffic_class: 0,
        private_data: verb.private_data.as_slice(),
    };
    control.connect(nic, cookie, &connect, verb.cookie)
}

fn accept<P: rnic_platform::Platform>(
    control: &mut Control<P>,
    nic: &Nic<P>,
    cookie: u64,
    verb: &AcceptVerb,
) -> Result<Token, Error> {
    let accept = Accept {
        connection: verb.connection,
        qpn: verb.qpn,
        read_depth_in: verb.read_depth_in,
        read_depth_out: verb.read_depth_out,
        rnr_retry: RNR_RETRY,
        private_data: verb.private_data.as_slice(),
    };
    control.accept(nic, cookie, &accept, verb.cookie)
}
