// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Commands as types: code, request and response of each.

use crate::Command;
use crate::generated::{enums::Opcode, structs::*};

/// Settles version and features. The first command after a reset.
#[derive(Clone, Copy, Debug)]
pub enum Negotiate {}

impl Command for Negotiate {
    const CODE: Opcode = Opcode::NEGOTIATE;
    type Request = NegotiateRequest;
    type Response = NegotiateAnswer;
}

/// Does nothing and echoes its payload.
#[derive(Clone, Copy, Debug)]
pub enum Nop {}

impl Command for Nop {
    const CODE: Opcode = Opcode::NOP;
    type Request = NopRequest;
    type Response = NopAnswer;
}

/// Reports the limits.
#[derive(Clone, Copy, Debug)]
pub enum QueryDevice {}

impl Command for QueryDevice {
    const CODE: Opcode = Opcode::QUERY_DEVICE;
    type Request = QueryDeviceRequest;
    type Response = QueryDeviceAnswer;
}

/// Reports the port.
#[derive(Clone, Copy, Debug)]
pub enum QueryPort {}

impl Command for QueryPort {
    const CODE: Opcode = Opcode::QUERY_PORT;
    type Request = QueryPortRequest;
    type Response = QueryPortAnswer;
}

/// Reads counters.
#[derive(Clone, Copy, Debug)]
pub enum QueryCounters {}

impl Command for QueryCounters {
    const CODE: Opcode = Opcode::QUERY_COUNTERS;
    type Request = QueryCountersRequest;
    type Response = QueryCountersAnswer;
}

/// Creates a protection domain.
#[derive(Clone, Copy, Debug)]
pub enum CreatePd {}

impl Command for CreatePd {
    const CODE: Opcode = Opcode::CREATE_PD;
    type Request = CreatePdRequest;
    type Response = CreatePdAnswer;
}

/// Destroys a protection domain that nothing uses.
#[derive(Clone, Copy, Debug)]
pub enum DestroyPd {}

impl Command for DestroyPd {
    const CODE: Opcode = Opcode::DESTROY_PD;
    type Request = DestroyPdRequest;
    type Response = EmptyAnswer;
}

/// Starts a memory region and charges its pages.
#[derive(Clone, Copy, Debug)]
pub enum BeginMr {}

impl Command for BeginMr {
    const CODE: Opcode = Opcode::BEGIN_MR;
    type Request = BeginMrRequest;
    type Response = BeginMrAnswer;
}

/// Copies page addresses into the device.
#[derive(Clone, Copy, Debug)]
pub enum AddMrPages {}

impl Command for AddMrPages {
    const CODE: Opcode = Opcode::ADD_MR_PAGES;
    type Request = AddMrPagesRequest;
    type Response = EmptyAnswer;
}

/// Makes a memory region usable.
#[derive(Clone, Copy, Debug)]
pub enum CommitMr {}

impl Command for CommitMr {
    const CODE: Opcode = Opcode::COMMIT_MR;
    type Request = CommitMrRequest;
    type Response = EmptyAnswer;
}

/// Creates a fast-register region.
#[derive(Clone, Copy, Debug)]
pub enum CreateFastMr {}

impl Command for CreateFastMr {
    const CODE: Opcode = Opcode::CREATE_FAST_MR;
    type Request = CreateFastMrRequest;
    type Response = CreateFastMrAnswer;
}

/// Destroys a region of any kind. Answered when no DMA through it is in flight.
#[derive(Clone, Copy, Debug)]
pub enum DestroyMr {}

impl Command for DestroyMr {
    const CODE: Opcode = Opcode::DESTROY_MR;
    type Request = DestroyMrRequest;
    type Response = EmptyAnswer;
}

/// Creates a memory window.
#[derive(Clone, Copy, Debug)]
pub enum CreateMw {}

impl Command for CreateMw {
    const CODE: Opcode = Opcode::CREATE_MW;
    type Request = CreateMwRequest;
    type Response = CreateMwAnswer;
}

/// Destroys a memory window, bound or not.
#[derive(Clone, Copy, Debug)]
pub enum DestroyMw {}

impl Command for DestroyMw {
    const CODE: Opcode = Opcode::DESTROY_MW;
    type Request = DestroyMwRequest;
    type Response = EmptyAnswer;
}

/// Creates an event queue. One general event queue at most.
#[derive(Clone, Copy, Debug)]
pub enum CreateEq {}

impl Command for CreateEq {
    const CODE: Opcode = Opcode::CREATE_EQ;
    type Request = CreateEqRequest;
    type Response = CreateEqAnswer;
}

/// Destroys an event queue that no completion queue uses.
#[derive(Clone, Copy, Debug)]
pub enum DestroyEq {}

impl Command for DestroyEq {
    const CODE: Opcode = Opcode::DESTROY_EQ;
    type Request = DestroyEqRequest;
    type Response = EmptyAnswer;
}

/// Creates a completion queue.
#[derive(Clone, Copy, Debug)]
pub enum CreateCq {}

impl Command for CreateCq {
    const CODE: Opcode = Opcode::CREATE_CQ;
    type Request = CreateCqRequest;
    type Response = CreateCqAnswer;
}

/// Moves the unconsumed completions, in order, to a new ring.
#[derive(Clone, Copy, Debug)]
pub enum ResizeCq {}

impl Command for ResizeCq {
    const CODE: Opcode = Opcode::RESIZE_CQ;
    type Request = ResizeCqRequest;
    type Response = ResizeCqAnswer;
}

/// Sets interrupt moderation.
#[derive(Clone, Copy, Debug)]
pub enum ModerateCq {}

impl Command for ModerateCq {
    const CODE: Opcode = Opcode::MODERATE_CQ;
    type Request = ModerateCqRequest;
    type Response = EmptyAnswer;
}

/// Destroys a completion queue that no queue pair uses. Answered after its last event.
#[derive(Clone, Copy, Debug)]
pub enum DestroyCq {}

impl Command for DestroyCq {
    const CODE: Opcode = Opcode::DESTROY_CQ;
    type Request = DestroyCqRequest;
    type Response = DestroyCqAnswer;
}

/// Creates a shared receive queue.
#[derive(Clone, Copy, Debug)]
pub enum CreateSrq {}

impl Command for CreateSrq {
    const CODE: Opcode = Opcode::CREATE_SRQ;
    type Request = CreateSrqRequest;
    type Response = CreateSrqAnswer;
}

/// Sets the limit.
#[derive(Clone, Copy, Debug)]
pub enum ModifySrq {}

impl Command for ModifySrq {
    const CODE: Opcode = Opcode::MODIFY_SRQ;
    type Request = ModifySrqRequest;
    type Response = EmptyAnswer;
}

/// Fetches from a new ring from now on.
#[derive(Clone, Copy, Debug)]
pub enum ResizeSrq {}

impl Command for ResizeSrq {
    const CODE: Opcode = Opcode::RESIZE_SRQ;
    type Request = ResizeSrqRequest;
    type Response = EmptyAnswer;
}

/// Destroys a shared receive queue that no queue pair uses.
#[derive(Clone, Copy, Debug)]
pub enum DestroySrq {}

impl Command for DestroySrq {
    const CODE: Opcode = Opcode::DESTROY_SRQ;
    type Request = DestroySrqRequest;
    type Response = EmptyAnswer;
}

/// Creates a queue pair in state INIT.
#[derive(Clone, Copy, Debug)]
pub enum CreateQp {}

impl Command for CreateQp {
    const CODE: Opcode = Opcode::CREATE_QP;
    type Request = CreateQpRequest;
    type Response = CreateQpAnswer;
}

/// Changes state and attributes of a queue pair that no connection owns.
#[derive(Clone, Copy, Debug)]
pub enum ModifyQp {}

impl Command for ModifyQp {
    const CODE: Opcode = Opcode::MODIFY_QP;
    type Request = ModifyQpRequest;
    type Response = EmptyAnswer;
}

/// Reports a queue pair.
#[derive(Clone, Copy, Debug)]
pub enum QueryQp {}

impl Command for QueryQp {
    const CODE: Opcode = Opcode::QUERY_QP;
    type Request = QueryQpRequest;
    type Response = QueryQpAnswer;
}

/// Flushes entries up to the producer indices that it reads. Legal in every state.
#[derive(Clone, Copy, Debug)]
pub enum FlushQp {}

impl Command for FlushQp {
    const CODE: Opcode = Opcode::FLUSH_QP;
    type Request = FlushQpRequest;
    type Response = FlushQpAnswer;
}

/// Destroys a queue pair. Answered when no DMA for it is in flight; what was posted completes no more.
#[derive(Clone, Copy, Debug)]
pub enum DestroyQp {}

impl Command for DestroyQp {
    const CODE: Opcode = Opcode::DESTROY_QP;
    type Request = DestroyQpRequest;
    type Response = EmptyAnswer;
}

/// Gives the device an address, or replaces one.
#[derive(Clone, Copy, Debug)]
pub enum SetAddress {}

impl Command for SetAddress {
    const CODE: Opcode = Opcode::SET_ADDRESS;
    type Request = SetAddressRequest;
    type Response = EmptyAnswer;
}

/// Takes an address away that no endpoint uses.
#[derive(Clone, Copy, Debug)]
pub enum ClearAddress {}

impl Command for ClearAddress {
    const CODE: Opcode = Opcode::CLEAR_ADDRESS;
    type Request = ClearAddressRequest;
    type Response = EmptyAnswer;
}

/// Reserves an address and port.
#[derive(Clone, Copy, Debug)]
pub enum ReserveEndpoint {}

impl Command for ReserveEndpoint {
    const CODE: Opcode = Opcode::RESERVE_ENDPOINT;
    type Request = ReserveEndpointRequest;
    type Response = ReserveEndpointAnswer;
}

/// Drops the reference of RESERVE_ENDPOINT. The port is free when listeners and connections have dropped theirs.
#[derive(Clone, Copy, Debug)]
pub enum ReleaseEndpoint {}

impl Command for ReleaseEndpoint {
    const CODE: Opcode = Opcode::RELEASE_ENDPOINT;
    type Request = ReleaseEndpointRequest;
    type Response = EmptyAnswer;
}

/// Listens. Each request is a CONNECT_REQUEST event with a new connection handle.
#[derive(Clone, Copy, Debug)]
pub enum Listen {}

impl Command for Listen {
    const CODE: Opcode = Opcode::LISTEN;
    type Request = ListenRequest;
    type Response = ListenAnswer;
}

/// Pauses or resumes a listener.
#[derive(Clone, Copy, Debug)]
pub enum PauseListener {}

impl Command for PauseListener {
    const CODE: Opcode = Opcode::PAUSE_LISTENER;
    type Request = PauseListenerRequest;
    type Response = EmptyAnswer;
}

/// Stops listening. Requests already reported stay valid; others are refused.
#[derive(Clone, Copy, Debug)]
pub enum DestroyListener {}

impl Command for DestroyListener {
    const CODE: Opcode = Opcode::DESTROY_LISTENER;
    type Request = DestroyListenerRequest;
    type Response = EmptyAnswer;
}

/// Starts a connection. Finished by CONNECT_REPLY or CONNECT_FAILED.
#[derive(Clone, Copy, Debug)]
pub enum Connect {}

impl Command for Connect {
    const CODE: Opcode = Opcode::CONNECT;
    type Request = ConnectRequest;
    type Response = ConnectAnswer;
}

/// Confirms the peer's acceptance; the queue pair may send.
#[derive(Clone, Copy, Debug)]
pub enum CompleteConnect {}

impl Command for CompleteConnect {
    const CODE: Opcode = Opcode::COMPLETE_CONNECT;
    type Request = CompleteConnectRequest;
    type Response = EmptyAnswer;
}

/// Accepts a request. Finished by ESTABLISHED or CONNECT_FAILED.
#[derive(Clone, Copy, Debug)]
pub enum Accept {}

impl Command for Accept {
    const CODE: Opcode = Opcode::ACCEPT;
    type Request = AcceptRequest;
    type Response = EmptyAnswer;
}

/// Rejects a request, or a reply.
#[derive(Clone, Copy, Debug)]
pub enum RejectConnection {}

impl Command for RejectConnection {
    const CODE: Opcode = Opcode::REJECT_CONNECTION;
    type Request = RejectConnectionRequest;
    type Response = EmptyAnswer;
}

/// Ends a connection. Finished by DISCONNECTED, after which its queues are flushed.
#[derive(Clone, Copy, Debug)]
pub enum Disconnect {}

impl Command for Disconnect {
    const CODE: Opcode = Opcode::DISCONNECT;
    type Request = DisconnectRequest;
    type Response = EmptyAnswer;
}

/// Gives the handle back in any state; ends and forgets the connection. Its endpoint reference is dropped.
#[derive(Clone, Copy, Debug)]
pub enum ReleaseConnection {}

impl Command for ReleaseConnection {
    const CODE: Opcode = Opcode::RELEASE_CONNECTION;
    type Request = ReleaseConnectionRequest;
    type Response = EmptyAnswer;
}

/// Starts an Ethernet queue: a split virtqueue whose buffers begin with virtio_net_hdr (12 bytes).
#[derive(Clone, Copy, Debug)]
pub enum CreateEthQueue {}

impl Command for CreateEthQueue {
    const CODE: Opcode = Opcode::CREATE_ETH_QUEUE;
    type Request = CreateEthQueueRequest;
    type Response = EmptyAnswer;
}

/// Stops an Ethernet queue. Answered when no buffer of it is in use by the device.
#[derive(Clone, Copy, Debug)]
pub enum DestroyEthQueue {}

impl Command for DestroyEthQueue {
    const CODE: Opcode = Opcode::DESTROY_ETH_QUEUE;
    type Request = DestroyEthQueueRequest;
    type Response = EmptyAnswer;
}

/// Sets the receive filter of the Ethernet lane.
#[derive(Clone, Copy, Debug)]
pub enum SetRxMode {}

impl Command for SetRxMode {
    const CODE: Opcode = Opcode::SET_RX_MODE;
    type Request = SetRxModeRequest;
    type Response = EmptyAnswer;
}

/// Sets offloads of the receive direction, and the frame size.
#[derive(Clone, Copy, Debug)]
pub enum SetEthOffloads {}

impl Command for SetEthOffloads {
    const CODE: Opcode = Opcode::SET_ETH_OFFLOADS;
    type Request = SetEthOffloadsRequest;
    type Response = EmptyAnswer;
}

/// Sets receive side scaling.
#[derive(Clone, Copy, Debug)]
pub enum SetRss {}

impl Command for SetRss {
    const CODE: Opcode = Opcode::SET_RSS;
    type Request = SetRssRequest;
    type Response = EmptyAnswer;
}
