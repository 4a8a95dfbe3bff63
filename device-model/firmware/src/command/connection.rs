//! LISTEN to RELEASE_CONNECTION. What takes long ends in an event; the work is `crate::cm`'s.

use core::mem::offset_of;

use rnic_abi::{
    AcceptRequest, CompleteConnectRequest, ConnectAnswer, ConnectFlags, ConnectRequest, CounterId,
    DestroyListenerRequest, DisconnectFlags, DisconnectRequest, ListenAnswer, ListenRequest,
    Mtu as MtuCode, Opcode, PauseListenerRequest, QpState, QpType, RejectConnectionRequest,
    ReleaseConnectionRequest, Status, SyndromeReason, cmd, feature, limit,
};
use rnic_core::error::CommandError;
use rnic_mutant::mutant;
use rnic_wire::cm::{CommId, RejOf, RejectReason};
use rnic_wire::udp::flow_label_of_ports;
use rnic_wire::{Gid, MacAddr, Mtu, Psn, Qpn};

use crate::address::NextHop;
use crate::cm::{Connection, Given, Listener, State};

use super::address::{endpoint_error, not_available};
use super::{Control, Result, empty, handle};

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::LISTEN => handle::<cmd::Listen>(control, request, listen),
        Opcode::PAUSE_LISTENER => {
            handle::<cmd::PauseListener>(control, request, |c, r| pause(c, r).map(|()| empty()))
        }
        Opcode::DESTROY_LISTENER => handle::<cmd::DestroyListener>(control, request, |c, r| {
            destroy_listener(c, r).map(|()| empty())
        }),
        Opcode::CONNECT => handle::<cmd::Connect>(control, request, connect),
        Opcode::COMPLETE_CONNECT => handle::<cmd::CompleteConnect>(control, request, |c, r| {
            complete_connect(c, r).map(|()| empty())
        }),
        Opcode::ACCEPT => {
            handle::<cmd::Accept>(control, request, |c, r| accept(c, r).map(|()| empty()))
        }
        Opcode::REJECT_CONNECTION => {
            handle::<cmd::RejectConnection>(control, request, |c, r| reject(c, r).map(|()| empty()))
        }
        Opcode::DISCONNECT => {
            handle::<cmd::Disconnect>(control, request, |c, r| disconnect(c, r).map(|()| empty()))
        }
        Opcode::RELEASE_CONNECTION => handle::<cmd::ReleaseConnection>(control, request, |c, r| {
            let at = offset_of!(ReleaseConnectionRequest, connection);
            match c.release_connection(r.connection.get()) {
                true => Ok(empty()),
                false => Err(CommandError::not_found(at)),
            }
        }),
        _ => return None,
    })
}

/// `[LISTEN-1]`
fn listen(control: &mut Control<'_>, request: &ListenRequest) -> Result<ListenAnswer> {
    let backlog = request.backlog.get();
    let at = offset_of!(ListenRequest, backlog);
    if backlog == 0 && !mutant("LISTEN-1/none") {
        return Err(CommandError::too_small(at));
    }
    if u64::from(backlog) > limit::BACKLOG {
        return Err(CommandError::too_large(at));
    }
    let endpoint = request.endpoint.get();
    let at = offset_of!(ListenRequest, endpoint);
    let plane = &mut *control.plane;
    if plane.endpoints.get(endpoint).is_none() {
        return Err(CommandError::not_found(at));
    }
    if plane.connections.by_endpoint.contains_key(&endpoint) && !mutant("LISTEN-1/second") {
        return Err(CommandError::new(
            Status::ADDRESS_IN_USE,
            SyndromeReason::IN_USE,
            at,
        ));
    }
    let listener = Listener {
        endpoint,
        cookie: request.cookie.get(),
        backlog,
        paused: false,
        waiting: 0,
    };
    let handle = plane
        .connections
        .listeners
        .insert(listener)
        .map_err(|_| CommandError::no_resources())?;
    plane.connections.by_endpoint.insert(endpoint, handle);
    plane.endpoints.hold(endpoint);
    let mut answer = ListenAnswer::zeroed();
    answer.listener.set(handle);
    Ok(answer)
}

/// `[LISTEN-2]`
fn pause(control: &mut Control<'_>, request: &PauseListenerRequest) -> Result<()> {
    let paused = match request.paused.get() {
        0 => false,
        1 => true,
        _ => {
            return Err(CommandError::bad_value(offset_of!(
                PauseListenerRequest,
                paused
            )));
        }
    };
    let at = offset_of!(PauseListenerRequest, listener);
    let listeners = &mut control.plane.connections.listeners;
    match listeners.get_mut(request.listener.get()) {
        Some(listener) => {
            listener.paused = paused;
            Ok(())
        }
        None => Err(CommandError::not_found(at)),
    }
}

/// `[LISTEN-4]`
fn destroy_listener(control: &mut Control<'_>, request: &DestroyListenerRequest) -> Result<()> {
    let at = offset_of!(DestroyListenerRequest, listener);
    let plane = &mut *control.plane;
    let listener = plane
        .connections
        .listeners
        .remove(request.listener.get())
        .ok_or_else(|| CommandError::not_found(at))?;
    plane.connections.by_endpoint.remove(&listener.endpoint);
    plane.endpoints.drop_reference(listener.endpoint);
    Ok(())
}

/// The queue pair of CONNECT or ACCEPT: in INIT, of type RC, free `[CM-1]`, `[CM-3]`.
fn free_queue_pair(control: &Control<'_>, qpn: u32, at: usize) -> Result<()> {
    let qps = &control.hardware.qps;
    match qps.state(qpn) {
        None => Err(CommandError::not_found(at)),
        Some(_) if qps.service(qpn) != Some(QpType::RC) && !mutant("CM-1/type") => {
            let (status, reason) = (Status::INVALID_STATE, SyndromeReason::WRONG_KIND);
            Err(CommandError::new(status, reason, at))
        }
        Some((QpState::INIT, 0)) => Ok(()),
        Some((QpState::INIT, _)) if mutant("CM-1/owned") => Ok(()),
        Some(_) => Err(CommandError::wrong_state(at)),
    }
}

/// Depths within the limits `[CM-7]`.
fn depths(depth_in: u8, in_at: usize, depth_out: u8, out_at: usize) -> Result<()> {
    if u64::from(depth_in) > limit::READ_DEPTH_IN && !mutant("CM-7/limit") {
        return Err(CommandError::too_large(in_at));
    }
    if u64::from(depth_out) > limit::READ_DEPTH_OUT {
        return Err(CommandError::too_large(out_at));
    }
    Ok(())
}

/// Private data of a request, at most `limit` bytes, zero behind them `[CM-6]`.
fn private_data(
    data: &[u8],
    length: u16,
    limit: u64,
    data_at: usize,
    length_at: usize,
) -> Result<()> {
    if u64::from(length) > limit && !mutant("CM-6/long") {
        return Err(CommandError::too_large(length_at));
    }
    let rest = data.get(usize::from(length)..).unwrap_or_default();
    match rest.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(_) if mutant("CM-6/behind") => Ok(()),
        Some(_) => Err(CommandError::invalid(SyndromeReason::RESERVED, data_at)),
    }
}

/// `[CM-1]`, `[CM-8]`..`[CM-10]`
fn connect(control: &mut Control<'_>, request: &ConnectRequest) -> Result<ConnectAnswer> {
    let peer = Gid(request.destination);
    let given = check_connect(control, request)?;
    let mtu = path_mtu(control, request)?;
    let qpn = request.qpn.get();
    free_queue_pair(control, qpn, offset_of!(ConnectRequest, qpn))?;
    let plane = &mut *control.plane;
    let (endpoint, address, port) = match request.endpoint.get() {
        0 => {
            let at = offset_of!(ConnectRequest, address);
            let address = request.address.get();
            if plane.addresses.get(address).is_none() {
                return Err(not_available(at));
            }
            check_way(control, address, request, peer)?;
            let (endpoint, port) = control
                .plane
                .endpoints
                .open(address, 0, false)
                .map_err(|error| endpoint_error(error, at))?;
            (endpoint, address, port)
        }
        endpoint => {
            let at = offset_of!(ConnectRequest, endpoint);
            let (address, port) = plane
                .endpoints
                .get(endpoint)
                .ok_or_else(|| CommandError::not_found(at))?;
            if plane.connections.exists(endpoint, peer, request.port.get()) && !mutant("CM-8/twice")
            {
                return Err(CommandError::new(
                    Status::ADDRESS_IN_USE,
                    SyndromeReason::IN_USE,
                    at,
                ));
            }
            check_way(control, address, request, peer)?;
            control.plane.endpoints.hold(endpoint);
            (endpoint, address, port)
        }
    };
    let handle = begin(control, request, given, mtu, (endpoint, address, port));
    let Some(handle) = handle else {
        control.plane.endpoints.drop_reference(endpoint);
        return Err(CommandError::no_resources());
    };
    let mut answer = ConnectAnswer::zeroed();
    answer.connection.set(handle);
    answer.port.set(port);
    Ok(answer)
}

fn check_connect(control: &Control<'_>, request: &ConnectRequest) -> Result<Given> {
    let peer = Gid(request.destination).to_ip();
    if peer.is_unspecified() || peer.is_multicast() {
        return Err(CommandError::bad_value(offset_of!(
            ConnectRequest,
            destination
        )));
    }
    depths(
        request.read_depth_in,
        offset_of!(ConnectRequest, read_depth_in),
        request.read_depth_out,
        offset_of!(ConnectRequest, read_depth_out),
    )?;
    if request.retry_count > 7 {
        return Err(CommandError::too_large(offset_of!(
            ConnectRequest,
            retry_count
        )));
    }
    if request.rnr_retry > 7 {
        return Err(CommandError::too_large(offset_of!(
            ConnectRequest,
            rnr_retry
        )));
    }
    private_data(
        &request.private_data,
        request.private_length.get(),
        limit::CONNECT_PRIVATE_BYTES,
        offset_of!(ConnectRequest, private_data),
        offset_of!(ConnectRequest, private_length),
    )?;
    // [ROCE-50]
    let flow_control = request.flags().contains(ConnectFlags::FLOW_CONTROL);
    if flow_control && !control.hardware.resources.has(feature::FLOW_CONTROL) {
        let at = offset_of!(ConnectRequest, flags_raw);
        return Err(CommandError::not_active(at));
    }
    // [CM-10]
    let loopback = control
        .plane
        .addresses
        .find(Gid(request.destination))
        .is_some();
    if loopback && !control.hardware.resources.has(feature::LOOPBACK) && !mutant("CM-10/feature") {
        return Err(CommandError::not_active(offset_of!(
            ConnectRequest,
            destination
        )));
    }
    Ok(Given {
        depth_in: request.read_depth_in,
        depth_out: request.read_depth_out,
        retry_count: request.retry_count,
        rnr_retry: request.rnr_retry,
        traffic_class: request.traffic_class,
        flow_control,
    })
}

/// `[CM-9]`
fn path_mtu(control: &Control<'_>, request: &ConnectRequest) -> Result<Mtu> {
    let at = offset_of!(ConnectRequest, path_mtu_raw);
    let port = Mtu::of_interface(control.env.port().mtu).unwrap_or(Mtu::B256);
    if request.path_mtu() == MtuCode::NONE {
        return Ok(port);
    }
    let Some(mtu) = Mtu::from_code(request.path_mtu_raw) else {
        return Err(CommandError::bad_value(at));
    };
    Ok(if mutant("CM-9/port") {
        mtu
    } else {
        mtu.min(port)
    })
}

/// Somebody must be able to carry the messages: this device, a neighbour, the next hop given, or one to ask for
/// `[ADDR-7]`.
fn check_way(
    control: &Control<'_>,
    address: u16,
    request: &ConnectRequest,
    peer: Gid,
) -> Result<()> {
    let at = offset_of!(ConnectRequest, destination);
    let same_family = control
        .plane
        .addresses
        .get(address)
        .is_some_and(|a| a.gid.to_ip().is_ipv4() == peer.to_ip().is_ipv4());
    if !same_family {
        return Err(CommandError::invalid(SyndromeReason::CONFLICT, at));
    }
    let given = request.flags().contains(ConnectFlags::NEXT_HOP);
    if given
        || control.plane.addresses.find(peer).is_some()
        || control.env.neighbour(peer).is_some()
    {
        return Ok(());
    }
    let local = control.plane.addresses.local(address);
    if local.is_some_and(|local| control.way_by_frames(&local, peer).is_some()) {
        return Ok(());
    }
    Err(CommandError::new(
        Status::UNREACHABLE,
        SyndromeReason::NOT_FOUND,
        at,
    ))
}

fn begin(
    control: &mut Control<'_>,
    request: &ConnectRequest,
    given: Given,
    mtu: Mtu,
    (endpoint, address, port): (u32, u16, u16),
) -> Option<u32> {
    let local = control.plane.addresses.local(address)?;
    let peer = Gid(request.destination);
    let hop_given = request.flags().contains(ConnectFlags::NEXT_HOP);
    let by_frames =
        control.plane.addresses.find(peer).is_none() && control.env.neighbour(peer).is_none();
    let next_hop = if hop_given {
        Some(MacAddr(request.next_hop))
    } else if by_frames && let NextHop::Known(mac) = control.next_hop(&local, peer) {
        Some(mac)
    } else {
        None
    };
    let qpn = request.qpn.get();
    let peer_port = request.port.get();
    let connections = &mut control.plane.connections;
    let connection = Connection {
        state: State::ReqSent,
        qpn,
        endpoint,
        listener: 0,
        cookie: request.cookie.get(),
        local,
        local_port: port,
        peer,
        peer_port,
        next_hop,
        hop_given,
        local_id: connections.new_id(),
        remote_id: CommId(0),
        remote_guid: 0,
        remote_qpn: Qpn::SMI,
        given,
        mtu,
        flow_label: flow_label_of_ports(port, peer_port),
        send_psn: Psn::ZERO,
        recv_psn: connections.first_psn(),
        tid: connections.random(),
        outstanding: None,
        last: None,
        mra_due: None,
        peer_wait_ns: 0,
        active: false,
        owes_goodbye: false,
        connected: false,
    };
    let guid = connections.guid();
    let data = request
        .private_data
        .get(..usize::from(request.private_length.get()))
        .unwrap_or_default();
    let req = connection.req(guid, data)?;
    let handle = connections.insert(connection)?;
    control.hardware.qps.set_connection(qpn, handle);
    control.send_until_answered(handle, req);
    Some(handle)
}

/// The state of a connection; `ABORTED` when it was lost before the consumer spoke.
fn state(control: &Control<'_>, handle: u32, at: usize) -> Result<State> {
    match control.plane.connections.table.get(handle) {
        None => Err(CommandError::not_found(at)),
        Some(c) => Ok(c.state),
    }
}

fn aborted(at: usize) -> CommandError {
    CommandError::new(Status::ABORTED, SyndromeReason::WRONG_STATE, at)
}

/// `[CM-2]`
fn complete_connect(control: &mut Control<'_>, request: &CompleteConnectRequest) -> Result<()> {
    let at = offset_of!(CompleteConnectRequest, connection);
    let handle = request.connection.get();
    match state(control, handle, at)? {
        State::RepReceived => (),
        State::Established if mutant("CM-2/again") => (),
        State::PeerGone | State::Dead(Status::ABORTED) => return Err(aborted(at)),
        _ => return Err(CommandError::wrong_state(at)),
    }
    if !control.set_up_queue_pair(handle, QpState::RTS) {
        return Err(aborted(at));
    }
    let Some(c) = control.plane.connections.table.get_mut(handle) else {
        return Err(CommandError::not_found(at));
    };
    let rtu = c.rtu();
    c.last = Some(rtu);
    c.mra_due = None;
    c.state = State::Established;
    control.send_once(handle, &rtu);
    control.count_established(handle, CounterId::CONNECTIONS_INITIATED);
    Ok(())
}

/// `[CM-3]`
fn accept(control: &mut Control<'_>, request: &AcceptRequest) -> Result<()> {
    depths(
        request.read_depth_in,
        offset_of!(AcceptRequest, read_depth_in),
        request.read_depth_out,
        offset_of!(AcceptRequest, read_depth_out),
    )?;
    if request.rnr_retry > 7 {
        return Err(CommandError::too_large(offset_of!(
            AcceptRequest,
            rnr_retry
        )));
    }
    private_data(
        &request.private_data,
        request.private_length.get(),
        limit::ACCEPT_PRIVATE_BYTES,
        offset_of!(AcceptRequest, private_data),
        offset_of!(AcceptRequest, private_length),
    )?;
    let at = offset_of!(AcceptRequest, connection);
    let handle = request.connection.get();
    match state(control, handle, at)? {
        State::ReqReceived => (),
        State::Dead(Status::ABORTED) => return Err(aborted(at)),
        _ => return Err(CommandError::wrong_state(at)),
    }
    let qpn = request.qpn.get();
    free_queue_pair(control, qpn, offset_of!(AcceptRequest, qpn))?;
    let connections = &mut control.plane.connections;
    let (psn, guid) = (connections.first_psn(), connections.guid());
    let Some(c) = connections.table.get_mut(handle) else {
        return Err(CommandError::not_found(at));
    };
    c.qpn = qpn;
    if !mutant("CM-16/cookie") {
        c.cookie = request.cookie.get();
    }
    c.recv_psn = psn;
    if !mutant("CM-7/ours") {
        c.given.depth_in = c.given.depth_in.min(request.read_depth_in);
    }
    c.given.depth_out = c.given.depth_out.min(request.read_depth_out);
    let peer_rnr = std::mem::replace(&mut c.given.rnr_retry, request.rnr_retry);
    let rep = c.rep(guid, request.private_data);
    c.given.rnr_retry = peer_rnr;
    c.last = Some(rep);
    c.mra_due = None;
    c.state = State::RepSent;
    let listener = c.listener;
    connections.answered(listener);
    control.hardware.qps.set_connection(qpn, handle);
    if !control.set_up_queue_pair(handle, QpState::RTS) {
        control.bury(handle, Status::ABORTED);
        return Err(aborted(at));
    }
    control.send_until_answered(handle, rep);
    Ok(())
}

/// `[CM-4]`
fn reject(control: &mut Control<'_>, request: &RejectConnectionRequest) -> Result<()> {
    private_data(
        &request.private_data,
        request.private_length.get(),
        limit::REJECT_PRIVATE_BYTES,
        offset_of!(RejectConnectionRequest, private_data),
        offset_of!(RejectConnectionRequest, private_length),
    )?;
    let at = offset_of!(RejectConnectionRequest, connection);
    let handle = request.connection.get();
    let message = match state(control, handle, at)? {
        State::ReqReceived => RejOf::Req,
        State::RepReceived => RejOf::Rep,
        _ => return Err(CommandError::wrong_state(at)),
    };
    if message == RejOf::Req
        && let Some(listener) = control
            .plane
            .connections
            .table
            .get(handle)
            .map(|c| c.listener)
    {
        control.plane.connections.answered(listener);
    }
    control.reject_peer(
        handle,
        message,
        if mutant("CM-4/refused") {
            RejectReason::INVALID_SERVICE_ID
        } else {
            RejectReason::CONSUMER_DEFINED
        },
        request.private_data,
    );
    control.bury(handle, Status::REJECTED);
    Ok(())
}

/// `[CM-12]`
fn disconnect(control: &mut Control<'_>, request: &DisconnectRequest) -> Result<()> {
    let at = offset_of!(DisconnectRequest, connection);
    let handle = request.connection.get();
    match state(control, handle, at)? {
        State::Established => {
            let abortive = request.flags().contains(DisconnectFlags::ABORTIVE);
            control.disconnect(handle, abortive);
        }
        State::PeerGone => control.drain(handle),
        State::RepReceived if mutant("CM-12/early") => control.drain(handle),
        _ => return Err(CommandError::wrong_state(at)),
    }
    Ok(())
}
