//! Addresses, endpoints, listeners, connections. What takes long is answered at once and finished by an event that
//! carries the cookie given here.

use rnic_abi::{
    AcceptRequest, AddressFlags, ClearAddressRequest, CompleteConnectRequest, ConnectAnswer,
    ConnectFlags, ConnectRequest, DestroyListenerRequest, DisconnectFlags, DisconnectRequest,
    EmptyAnswer, Family, ListenAnswer, ListenRequest, Mtu, PauseListenerRequest,
    RejectConnectionRequest, ReleaseConnectionRequest, ReleaseEndpointRequest,
    ReserveEndpointAnswer, ReserveEndpointRequest, SetAddressRequest, cmd,
};
use rnic_platform::Platform;
use zerocopy::little_endian::{U16, U32, U64};

use super::{Arrived, Control, Next, Outcome, Token};
use crate::{AddressIndex, ConnectionId, EndpointId, Error, ListenerId, Nic, Qpn, Violation};

/// An address of the device.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// IPv4 as ::ffff:a.b.c.d.
    pub address: [u8; 16],
    /// Prefix length, of the address's own family.
    pub prefix: u8,
    /// VLAN id.
    pub vlan: Option<u16>,
    /// Default gateway.
    pub gateway: Option<[u8; 16]>,
    /// Whether the device answers ARP and neighbour solicitations for it.
    pub answer: bool,
}

impl Address {
    /// Whether it is IPv4.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        matches!(self.address, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, ..])
    }
}

/// A connection to start.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Queue pair, in INIT, of type RC.
    pub qpn: Qpn,
    /// Reserved endpoint, or an ephemeral port of an address.
    pub from: Result<EndpointId, AddressIndex>,
    /// IPv4 as ::ffff:a.b.c.d.
    pub destination: [u8; 16],
    /// Destination port.
    pub port: u16,
    /// Ethernet address of the next hop, if the device need not find it.
    pub next_hop: Option<[u8; 6]>,
    /// Reads and atomics that we take.
    pub read_depth_in: u8,
    /// Reads and atomics that we want outstanding.
    pub read_depth_out: u8,
    /// Transport retries, 0 to 7.
    pub retry_count: u8,
    /// RNR retries, 0 to 7; 7: for ever.
    pub rnr_retry: u8,
    /// Largest path MTU; NONE: the port's.
    pub path_mtu: Mtu,
    /// Traffic class.
    pub traffic_class: u8,
    /// Private data, up to 56 bytes.
    pub private_data: &'a [u8],
}

/// A request to accept.
#[derive(Clone, Copy, Debug)]
pub struct Accept<'a> {
    /// From CONNECT_REQUEST.
    pub connection: ConnectionId,
    /// Queue pair, in INIT, of type RC.
    pub qpn: Qpn,
    /// Reads and atomics that we take.
    pub read_depth_in: u8,
    /// Reads and atomics that we want outstanding.
    pub read_depth_out: u8,
    /// RNR retries, 0 to 7; 7: for ever.
    pub rnr_retry: u8,
    /// Private data, up to 196 bytes.
    pub private_data: &'a [u8],
}

#[derive(Debug)]
pub(crate) enum Op {
    Empty,
    Reserve,
    Listen,
    Connect,
}

/// Private data in its fixed field, zeros behind, and its length. [CM-6]
fn private<const N: usize>(data: &[u8]) -> Result<([u8; N], U16), Error> {
    let mut field = [0; N];
    let wrong = Error::Argument("private_data");
    field
        .get_mut(..data.len())
        .ok_or(wrong)?
        .copy_from_slice(data);
    let length = u16::try_from(data.len()).map_err(|_| wrong)?;
    Ok((field, U16::new(length)))
}

impl<P: Platform> Control<P> {
    fn connection_verb<C: rnic_abi::Command>(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        request: &C::Request,
        op: Op,
    ) -> Result<Token, Error> {
        nic.need(rnic_abi::feature::CONNECTIONS, "CONNECTIONS")?;
        self.start::<C>(nic, cookie, request, super::Op::Connection(op))
    }

    /// Gives the device an address, or replaces one. [ADDR-1]
    pub fn set_address(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        index: AddressIndex,
        address: &Address,
    ) -> Result<Token, Error> {
        let family = if address.is_ipv4() {
            Family::IPV4
        } else {
            Family::IPV6
        };
        let flags = AddressFlags::default()
            .with_gateway(address.gateway.is_some())
            .with_vlan(address.vlan.is_some())
            .with_answer(address.answer);
        let request = SetAddressRequest {
            index: U16::new(index.0),
            prefix: address.prefix,
            vlan: U16::new(address.vlan.unwrap_or(0)),
            address: address.address,
            gateway: address.gateway.unwrap_or([0; 16]),
            ..SetAddressRequest::default()
        }
        .with_family(family)
        .with_flags(flags);
        // [ADDR-1] An address needs no connection manager: queue pairs connected by hand name one too.
        self.start::<cmd::SetAddress>(nic, cookie, &request, super::Op::Connection(Op::Empty))
    }

    /// Takes an address away that no endpoint uses. [ADDR-2]
    pub fn clear_address(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        index: AddressIndex,
    ) -> Result<Token, Error> {
        let request = ClearAddressRequest {
            index: U16::new(index.0),
            ..ClearAddressRequest::default()
        };
        self.start::<cmd::ClearAddress>(nic, cookie, &request, super::Op::Connection(Op::Empty))
    }

    /// Reserves a port, or an ephemeral one for 0: [`Outcome::Endpoint`]. [ADDR-5]
    pub fn reserve_endpoint(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        address: AddressIndex,
        port: u16,
    ) -> Result<Token, Error> {
        let request = ReserveEndpointRequest {
            address: U16::new(address.0),
            port: U16::new(port),
            ..ReserveEndpointRequest::default()
        };
        self.connection_verb::<cmd::ReserveEndpoint>(nic, cookie, &request, Op::Reserve)
    }

    /// Drops the reference of [`Control::reserve_endpoint`]. [ADDR-6]
    pub fn release_endpoint(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        endpoint: EndpointId,
    ) -> Result<Token, Error> {
        let request = ReleaseEndpointRequest {
            endpoint: U32::new(endpoint.get()),
            ..ReleaseEndpointRequest::default()
        };
        self.connection_verb::<cmd::ReleaseEndpoint>(nic, cookie, &request, Op::Empty)
    }

    /// Listens: [`Outcome::Listener`]; requests come as events with `event_cookie`. [LISTEN-1]
    pub fn listen(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        endpoint: EndpointId,
        backlog: u32,
        event_cookie: u64,
    ) -> Result<Token, Error> {
        let request = ListenRequest {
            endpoint: U32::new(endpoint.get()),
            backlog: U32::new(backlog),
            cookie: U64::new(event_cookie),
            ..ListenRequest::default()
        };
        self.connection_verb::<cmd::Listen>(nic, cookie, &request, Op::Listen)
    }

    /// Refuses requests as if nobody listened, or goes on. [LISTEN-2]
    pub fn pause_listener(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        listener: ListenerId,
        paused: bool,
    ) -> Result<Token, Error> {
        let request = PauseListenerRequest {
            listener: U32::new(listener.get()),
            paused: U32::new(u32::from(paused)),
            ..PauseListenerRequest::default()
        };
        self.connection_verb::<cmd::PauseListener>(nic, cookie, &request, Op::Empty)
    }

    /// Stops listening. [LISTEN-4]
    pub fn destroy_listener(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        listener: ListenerId,
    ) -> Result<Token, Error> {
        let request = DestroyListenerRequest {
            listener: U32::new(listener.get()),
            ..DestroyListenerRequest::default()
        };
        self.connection_verb::<cmd::DestroyListener>(nic, cookie, &request, Op::Empty)
    }

    /// Starts a connection: [`Outcome::Connection`], then [`crate::Event::ConnectReply`] or
    /// [`crate::Event::ConnectFailed`] with `event_cookie`. [CM-1]
    pub fn connect(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        connect: &Connect<'_>,
        event_cookie: u64,
    ) -> Result<Token, Error> {
        let (private_data, private_length) = private(connect.private_data)?;
        let (endpoint, address) = match connect.from {
            Ok(endpoint) => (endpoint.get(), 0),
            Err(AddressIndex(index)) => (0, index),
        };
        let flags = ConnectFlags::default().with_next_hop(connect.next_hop.is_some());
        let request = ConnectRequest {
            cookie: U64::new(event_cookie),
            qpn: U32::new(connect.qpn.get()),
            endpoint: U32::new(endpoint),
            address: U16::new(address),
            port: U16::new(connect.port),
            destination: connect.destination,
            read_depth_in: connect.read_depth_in,
            read_depth_out: connect.read_depth_out,
            retry_count: connect.retry_count,
            rnr_retry: connect.rnr_retry,
            traffic_class: connect.traffic_class,
            next_hop: connect.next_hop.unwrap_or([0; 6]),
            private_length,
            private_data,
            ..ConnectRequest::default()
        }
        .with_flags(flags)
        .with_path_mtu(connect.path_mtu);
        self.connection_verb::<cmd::Connect>(nic, cookie, &request, Op::Connect)
    }

    /// Confirms the peer's acceptance; the queue pair may send. [CM-2]
    pub fn complete_connect(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        connection: ConnectionId,
    ) -> Result<Token, Error> {
        let request = CompleteConnectRequest {
            connection: U32::new(connection.get()),
            ..CompleteConnectRequest::default()
        };
        self.connection_verb::<cmd::CompleteConnect>(nic, cookie, &request, Op::Empty)
    }

    /// Accepts a request; then [`crate::Event::Established`] or [`crate::Event::ConnectFailed`]. [CM-3]
    pub fn accept(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        accept: &Accept<'_>,
        event_cookie: u64,
    ) -> Result<Token, Error> {
        let (private_data, private_length) = private(accept.private_data)?;
        let request = AcceptRequest {
            connection: U32::new(accept.connection.get()),
            qpn: U32::new(accept.qpn.get()),
            cookie: U64::new(event_cookie),
            read_depth_in: accept.read_depth_in,
            read_depth_out: accept.read_depth_out,
            rnr_retry: accept.rnr_retry,
            private_length,
            private_data,
            ..AcceptRequest::default()
        };
        self.connection_verb::<cmd::Accept>(nic, cookie, &request, Op::Empty)
    }

    /// Rejects a request or a reply, with up to 148 bytes of private data. [CM-4]
    pub fn reject(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        connection: ConnectionId,
        private_data: &[u8],
    ) -> Result<Token, Error> {
        let (private_data, private_length) = private(private_data)?;
        let request = RejectConnectionRequest {
            connection: U32::new(connection.get()),
            private_length,
            private_data,
            ..RejectConnectionRequest::default()
        };
        self.connection_verb::<cmd::RejectConnection>(nic, cookie, &request, Op::Empty)
    }

    /// Ends a connection; then [`crate::Event::Disconnected`]. [CM-12]
    pub fn disconnect(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        connection: ConnectionId,
        abortive: bool,
    ) -> Result<Token, Error> {
        let request = DisconnectRequest {
            connection: U32::new(connection.get()),
            ..DisconnectRequest::default()
        }
        .with_flags(DisconnectFlags::default().with_abortive(abortive));
        self.connection_verb::<cmd::Disconnect>(nic, cookie, &request, Op::Empty)
    }

    /// Gives the handle back, in any state. [CM-14]
    pub fn release_connection(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        connection: ConnectionId,
    ) -> Result<Token, Error> {
        let request = ReleaseConnectionRequest {
            connection: U32::new(connection.get()),
            ..ReleaseConnectionRequest::default()
        };
        self.connection_verb::<cmd::ReleaseConnection>(nic, cookie, &request, Op::Empty)
    }

    pub(super) fn connection_answered(&mut self, arrived: &Arrived, op: Op) -> Next<P> {
        let ring = &self.ring;
        Next::from(match op {
            Op::Empty => ring.answer::<EmptyAnswer>(arrived).map(|_| Outcome::Done),
            Op::Reserve => ring
                .answer::<ReserveEndpointAnswer>(arrived)
                .and_then(|answer| {
                    let endpoint = EndpointId::from_device(answer.endpoint.get())?;
                    let port = answer.port.get();
                    if port == 0 {
                        return Err(Violation::Handle.into());
                    }
                    Ok(Outcome::Endpoint(endpoint, port))
                }),
            Op::Listen => ring.answer::<ListenAnswer>(arrived).and_then(|answer| {
                let listener = ListenerId::from_device(answer.listener.get())?;
                Ok(Outcome::Listener(listener))
            }),
            Op::Connect => ring.answer::<ConnectAnswer>(arrived).and_then(|answer| {
                let connection = ConnectionId::from_device(answer.connection.get())?;
                Ok(Outcome::Connection(connection, answer.port.get()))
            }),
        })
    }
}
