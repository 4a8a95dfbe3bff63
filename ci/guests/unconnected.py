"""Speaks with `rnic peer --mode ud` or `--mode uc` by queue pairs that no connection manager connects.

unconnected.py ud OURS THEIRS QPN
unconnected.py uc OURS THEIRS QPN ADDRESS KEY PSN
unconnected.py stream COUNT OURS THEIRS QPN ADDRESS KEY PSN

OURS is the address here, THEIRS the device's; the numbers are what `rnic peer` said of its queue pair and memory. ud: datagrams
there and back, after one with a wrong queue key, of which nothing may come back; a datagram whose answer does not come is sent
again. uc: messages and writes that come from there, then the same from here; says its own numbers first, for the standard input
of `rnic peer`. stream, with `--mode uc-stream`: numbered messages that come from there until it is silent, of which some may be
missing, then COUNT from here. Prints a line for each kind.
"""

import errno
import ipaddress
import socket
import struct
import sys
import time

import pyverbs.enums as e
from pyverbs.addr import AH, GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsRDMAError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

LOCAL = 1 << 20
SLOT = 8192
QKEY = 0x11223344
PSN = 0xFFFFFE
GRH = 40
# Where writes arrive here, and how far behind the address there.
WRITTEN, WRITTEN_IMMEDIATE = 1 << 18, 1 << 19
# Of a stream: bytes of each message, and places that writes go to in turn.
LENGTH, PLACES = 5000, 64


def mapped(address):
    """The GID of an address."""
    ip = ipaddress.ip_address(address)
    return ip if ip.version == 6 else ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + ip.packed)


def text(seed, length):
    return bytes((seed + 31 * n + (n >> 7)) & 0xFF for n in range(length))


def same(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got!r} instead of {want!r}")


def same_bytes(what, got, want):
    same(f"{what}, length", len(got), len(want))
    at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b), None)
    if at is not None:
        sys.exit(f"{what}: differs at byte {at}: {got[at:at + 8]!r} instead of {want[at:at + 8]!r}")


def patiently(act):
    """Does what looks for the next hop: its question or the answer may be lost more often than the kernel asks."""
    for _ in range(10):
        try:
            return act()
        except PyverbsRDMAError as error:
            if error.error_code != errno.ETIMEDOUT:
                raise
    sys.exit("nobody answers for the next hop")


class End:
    """A queue pair and its memory: slots for what comes, the last one for what goes."""

    def __init__(self, kind, ours, theirs, receives):
        self.context = Context(name="rxe0")
        gid = mapped(ours)
        self.index = next(n for n in range(16) if ipaddress.IPv6Address(str(self.context.query_gid(1, n))) == gid)
        self.theirs = theirs
        self.pd = PD(self.context)
        self.cq = CQ(self.context, 64)
        cap = QPCap(max_send_wr=16, max_recv_wr=16, max_send_sge=1, max_recv_sge=1)
        self.qp = QP(self.pd, QPInitAttr(qp_type=kind, scq=self.cq, rcq=self.cq, cap=cap, sq_sig_all=1))
        self.memory = MR(self.pd, LOCAL, e.IBV_ACCESS_LOCAL_WRITE | e.IBV_ACCESS_REMOTE_WRITE)
        self.receives = receives
        self.arrivals = []
        self.sent = 0

    def route(self):
        digits = mapped(self.theirs).packed.hex()
        gid = GID(":".join(digits[at:at + 4] for at in range(0, 32, 4)))
        gr = GlobalRoute(dgid=gid, sgid_index=self.index, hop_limit=64)
        return AHAttr(gr=gr, is_global=1, port_num=1)

    def up(self, attr):
        patiently(lambda: self.qp.to_rts(attr))
        for slot in range(self.receives):
            self.post_receive(slot)

    def post_receive(self, slot):
        sge = SGE(self.memory.buf + slot * SLOT, SLOT, self.memory.lkey)
        self.qp.post_recv(RecvWR(wr_id=slot, num_sge=1, sg=[sge]))

    def poll(self, seconds=20):
        """Takes the next completion, of either kind; whether there was one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            count, list_ = self.cq.poll(1)
            if count:
                wc = list_[0]
                same("completion status", wc.status, e.IBV_WC_SUCCESS)
                if wc.opcode & e.IBV_WC_RECV:
                    self.arrivals.append(wc)
                else:
                    self.sent += 1
                return True
            time.sleep(0.0005)
        return False

    def arrival(self, seconds=20):
        """The next receive that completes; none when nothing does in this time."""
        while not self.arrivals:
            if not self.poll(seconds):
                return None
        return self.arrivals.pop(0)

    def arrives(self):
        return self.arrival() or sys.exit("nothing arrives in 20 s")

    def bytes_of(self, wc):
        return self.memory.read(wc.byte_len, wc.wr_id * SLOT)

    def post(self, opcode, data, prepare=None, imm=0):
        """Sends, and waits until it has left."""
        at = self.receives * SLOT
        self.memory.write(data, len(data), at)
        sge = SGE(self.memory.buf + at, len(data), self.memory.lkey)
        wr = SendWR(opcode=opcode, num_sge=1, sg=[sge], send_flags=e.IBV_SEND_SIGNALED)
        # As it goes on the wire.
        wr.imm_data = socket.htonl(imm)
        if prepare:
            prepare(wr)
        before = self.sent
        self.qp.post_send(wr)
        while self.sent == before:
            if not self.poll():
                sys.exit("nothing leaves in 20 s")


def immediate(wc):
    return socket.ntohl(wc.imm_data) if wc.wc_flags & e.IBV_WC_WITH_IMM else None


def datagrams(ours, theirs, qpn):
    end = End(e.IBV_QPT_UD, ours, theirs, 8)
    attr = QPAttr(port_num=1)
    attr.qkey = QKEY
    attr.sq_psn = PSN
    end.up(attr)
    ah = patiently(lambda: AH(end.pd, attr=end.route()))
    again = 0

    def send(data, imm=None, qkey=QKEY):
        opcode = e.IBV_WR_SEND if imm is None else e.IBV_WR_SEND_WITH_IMM
        end.post(opcode, data, lambda wr: wr.set_wr_ud(ah, qpn, qkey), imm or 0)

    send(b"by a wrong key", qkey=QKEY + 1)
    print("ud sent by a wrong key")
    most = 128 << end.context.query_port(1).active_mtu
    for size, imm in ((1, None), (64, 0x01020304), (999, None), (most, 0x05060708)):
        data = text(size, size)
        wc = None
        for _ in range(50):
            send(data, imm)
            wc = end.arrival(2)
            while wc and wc.byte_len != GRH + size:
                # What was asked for twice came twice.
                again += 1
                end.post_receive(wc.wr_id)
                wc = end.arrival(2)
            if wc:
                break
            again += 1
        if not wc:
            sys.exit(f"no answer to {size} bytes")
        same("source queue pair", wc.src_qp, qpn)
        same("immediate", immediate(wc), imm)
        same("flags", bool(wc.wc_flags & e.IBV_WC_GRH), True)
        area = end.bytes_of(wc)
        same_bytes("answer", area[GRH:], data)
        # From the BTH to the ICRC, behind the UDP header.
        length = 8 + 12 + 8 + (0 if imm is None else 4) + (size + 3) // 4 * 4 + 4
        if ipaddress.ip_address(theirs).version == 4:
            same("version and header length", area[20], 0x45)
            same("total length", struct.unpack(">H", area[22:24])[0], 20 + length)
            same("protocol", area[29], 17)
            source, destination = area[32:36], area[36:40]
        else:
            same("version", area[0] >> 4, 6)
            same("payload length", struct.unpack(">H", area[4:6])[0], length)
            same("next header", area[6], 17)
            source, destination = area[8:24], area[24:40]
        same("source", ipaddress.ip_address(source), ipaddress.ip_address(theirs))
        same("destination", ipaddress.ip_address(destination), ipaddress.ip_address(ours))
        end.post_receive(wc.wr_id)
        print(f"ud {size} bytes there and back, immediate {imm}")
    same("answers too many", end.arrivals, [])
    print(f"ud sent or taken {again} times in vain")


def connected(ours, theirs, qpn, psn, receives):
    """An end of an unreliable connection, which says its numbers."""
    end = End(e.IBV_QPT_UC, ours, theirs, receives)
    attr = QPAttr(port_num=1)
    attr.qp_access_flags = e.IBV_ACCESS_REMOTE_WRITE
    attr.path_mtu = end.context.query_port(1).active_mtu
    attr.dest_qp_num = qpn
    attr.rq_psn = psn
    attr.sq_psn = PSN
    attr.ah_attr = end.route()
    end.up(attr)
    print(f"uc numbers {end.qp.qp_num} {end.memory.buf} {end.memory.rkey} {PSN}", flush=True)
    return end


def unreliable(ours, theirs, qpn, address, key, psn):
    end = connected(ours, theirs, qpn, psn, 3)
    for what, size, imm, opcode in (
        ("send", 5000, None, e.IBV_WC_RECV),
        ("send with immediate", 3000, 0x01020304, e.IBV_WC_RECV),
        ("write with immediate", 3000, 0x05060708, e.IBV_WC_RECV_RDMA_WITH_IMM),
    ):
        wc = end.arrives()
        same(f"{what}, opcode", wc.opcode, opcode)
        same(f"{what}, length", wc.byte_len, size)
        same(f"{what}, immediate", immediate(wc), imm)
        if opcode == e.IBV_WC_RECV:
            same_bytes(what, end.bytes_of(wc), text(wc.wr_id + 1, size))
    same_bytes("write", end.memory.read(5000, WRITTEN), text(3, 5000))
    same_bytes("write with immediate", end.memory.read(3000, WRITTEN_IMMEDIATE), text(4, 3000))
    print("uc took 2 sends and 2 writes")
    end.post(e.IBV_WR_SEND, text(5, 5000))
    end.post(e.IBV_WR_SEND_WITH_IMM, text(6, 3000), imm=0x0A0B0C0D)
    end.post(e.IBV_WR_RDMA_WRITE, text(7, 5000), lambda wr: wr.set_wr_rdma(key, address + WRITTEN))
    last = lambda wr: wr.set_wr_rdma(key, address + WRITTEN_IMMEDIATE)
    end.post(e.IBV_WR_RDMA_WRITE_WITH_IMM, text(8, 3000), last, imm=0x0E0F1011)
    print("uc gave 2 sends and 2 writes")


def stream(count, ours, theirs, qpn, address, key, psn):
    end = connected(ours, theirs, qpn, psn, 16)
    taken = set()
    while wc := end.arrival(3 if taken else 20):
        number = immediate(wc)
        same(f"message {number}, length", wc.byte_len, LENGTH)
        # One that the network delays may come late [UC-4].
        same(f"message {number} came before", number in taken, False)
        same_bytes(f"message {number}", end.bytes_of(wc), text(number, LENGTH))
        end.post_receive(wc.wr_id)
        taken.add(number)
    print(f"stream took {len(taken)} messages")
    for number in range(count):
        place = address + WRITTEN + number % PLACES * SLOT
        if number % 2:
            there = lambda wr: wr.set_wr_rdma(key, place)
            end.post(e.IBV_WR_RDMA_WRITE_WITH_IMM, text(number, LENGTH), there, imm=number)
        else:
            end.post(e.IBV_WR_SEND_WITH_IMM, text(number, LENGTH), imm=number)
        time.sleep(0.002)
    print(f"stream gave {count}")


kind, *rest = sys.argv[1:]
if kind == "stream":
    count, here, there, *numbers = rest
    stream(int(count), here, there, *(int(n, 0) for n in numbers))
else:
    here, there, *numbers = rest
    {"ud": datagrams, "uc": unreliable}[kind](here, there, *(int(n, 0) for n in numbers))
