"""Makes or takes one connection by librdmacm, and tells what the connection manager says: private data, status, the end.

cm.py client ADDRESS [--port N] [--data TEXT] [--hold]
cm.py server ADDRESS [--port N] [--data TEXT] [--reject] [--think SECONDS]

The packaged programs show neither private data nor reasons, and Python's verbs do not either, so the library is called by
ctypes. Structures: rdma_cma.h and verbs.h of rdma-core 56.
"""

import argparse
import ctypes as c
import ipaddress
import socket
import struct
import sys
import time

PS_TCP = 0x0106
EVENTS = (
    "ADDR_RESOLVED ADDR_ERROR ROUTE_RESOLVED ROUTE_ERROR CONNECT_REQUEST CONNECT_RESPONSE CONNECT_ERROR UNREACHABLE "
    "REJECTED ESTABLISHED DISCONNECTED DEVICE_REMOVAL MULTICAST_JOIN MULTICAST_ERROR ADDR_CHANGE TIMEWAIT_EXIT"
).split()


class ConnParam(c.Structure):
    """struct rdma_conn_param."""

    _fields_ = [
        ("private_data", c.c_void_p),
        ("private_data_len", c.c_uint8),
        ("responder_resources", c.c_uint8),
        ("initiator_depth", c.c_uint8),
        ("flow_control", c.c_uint8),
        ("retry_count", c.c_uint8),
        ("rnr_retry_count", c.c_uint8),
        ("srq", c.c_uint8),
        ("qp_num", c.c_uint32),
    ]


class Event(c.Structure):
    """struct rdma_cm_event, as far as it is used."""

    _fields_ = [
        ("id", c.c_void_p),
        ("listen_id", c.c_void_p),
        ("event", c.c_int),
        ("status", c.c_int),
        ("conn", ConnParam),
    ]


class QpInit(c.Structure):
    """struct ibv_qp_init_attr."""

    _fields_ = [
        ("context", c.c_void_p),
        ("send_cq", c.c_void_p),
        ("recv_cq", c.c_void_p),
        ("srq", c.c_void_p),
        ("max_send_wr", c.c_uint32),
        ("max_recv_wr", c.c_uint32),
        ("max_send_sge", c.c_uint32),
        ("max_recv_sge", c.c_uint32),
        ("max_inline", c.c_uint32),
        ("type", c.c_int),
        ("sq_sig_all", c.c_int),
    ]


library = c.CDLL("librdmacm.so.1", use_errno=True)
library.rdma_create_event_channel.restype = c.c_void_p
for name, arguments in {
    "rdma_create_id": [c.c_void_p, c.POINTER(c.c_void_p), c.c_void_p, c.c_int],
    "rdma_resolve_addr": [c.c_void_p, c.c_void_p, c.c_char_p, c.c_int],
    "rdma_resolve_route": [c.c_void_p, c.c_int],
    "rdma_create_qp": [c.c_void_p, c.c_void_p, c.POINTER(QpInit)],
    "rdma_connect": [c.c_void_p, c.POINTER(ConnParam)],
    "rdma_bind_addr": [c.c_void_p, c.c_char_p],
    "rdma_listen": [c.c_void_p, c.c_int],
    "rdma_accept": [c.c_void_p, c.POINTER(ConnParam)],
    "rdma_reject": [c.c_void_p, c.c_char_p, c.c_uint8],
    "rdma_disconnect": [c.c_void_p],
    "rdma_get_cm_event": [c.c_void_p, c.POINTER(c.POINTER(Event))],
    "rdma_ack_cm_event": [c.POINTER(Event)],
}.items():
    getattr(library, name).argtypes = arguments


def call(name, *arguments):
    if getattr(library, name)(*arguments) != 0:
        sys.exit(f"{name}: errno {c.get_errno()}")


def address(text, port):
    ip = ipaddress.ip_address(text)
    if ip.version == 4:
        return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + ip.packed + bytes(8)
    return struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0) + ip.packed + bytes(4)


def event(channel, *wanted):
    """Waits for an event, tells it, and gives the identifier that it is of."""
    pointer = c.POINTER(Event)()
    call("rdma_get_cm_event", channel, c.byref(pointer))
    it = pointer.contents
    kind = EVENTS[it.event]
    data = c.string_at(it.conn.private_data, it.conn.private_data_len) if it.conn.private_data_len else b""
    print(f"cm {kind} status {it.status} data `{data.rstrip(bytes(1)).decode('latin1')}`", flush=True)
    identifier = it.id
    call("rdma_ack_cm_event", pointer)
    if kind not in wanted:
        sys.exit(f"cm: {kind} instead of {' or '.join(wanted)}")
    return kind, identifier


def queue_pair(identifier):
    init = QpInit(max_send_wr=4, max_recv_wr=4, max_send_sge=1, max_recv_sge=1, type=2, sq_sig_all=1)
    call("rdma_create_qp", identifier, None, c.byref(init))


def parameters(data, retry):
    data = data.encode()
    keep = c.create_string_buffer(data, len(data))
    return keep, ConnParam(c.addressof(keep), len(data), 4, 4, 0, retry, 7, 0, 0)


def client(options, channel):
    identifier = c.c_void_p()
    call("rdma_create_id", channel, c.byref(identifier), None, PS_TCP)
    call("rdma_resolve_addr", identifier, None, address(options.address, options.port), 5000)
    event(channel, "ADDR_RESOLVED")
    call("rdma_resolve_route", identifier, 5000)
    event(channel, "ROUTE_RESOLVED")
    queue_pair(identifier)
    keep, wanted = parameters(options.data, options.retry)
    call("rdma_connect", identifier, c.byref(wanted))
    kind, _ = event(channel, "ESTABLISHED", "REJECTED", "UNREACHABLE")
    if kind != "ESTABLISHED":
        return
    if options.hold:
        event(channel, "DISCONNECTED")
    call("rdma_disconnect", identifier)


def server(options, channel):
    listener = c.c_void_p()
    call("rdma_create_id", channel, c.byref(listener), None, PS_TCP)
    call("rdma_bind_addr", listener, address(options.address, options.port))
    call("rdma_listen", listener, 4)
    _, identifier = event(channel, "CONNECT_REQUEST")
    time.sleep(options.think)
    if options.reject:
        data = options.data.encode()
        call("rdma_reject", identifier, data, len(data))
        return
    queue_pair(identifier)
    keep, wanted = parameters(options.data, options.retry)
    call("rdma_accept", identifier, c.byref(wanted))
    event(channel, "ESTABLISHED")
    event(channel, "DISCONNECTED")
    call("rdma_disconnect", identifier)


parser = argparse.ArgumentParser()
parser.add_argument("side", choices=("client", "server"))
parser.add_argument("address")
parser.add_argument("--port", type=int, default=7471)
parser.add_argument("--data", default="cm.py")
parser.add_argument("--retry", type=int, default=7)
parser.add_argument("--reject", action="store_true")
parser.add_argument("--think", type=float, default=0)
parser.add_argument("--hold", action="store_true")
arguments = parser.parse_args()
channel = library.rdma_create_event_channel()
(client if arguments.side == "client" else server)(arguments, channel)
