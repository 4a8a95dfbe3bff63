"""Works on the memory that `rnic peer --mode target` lends, by RDMA verbs: verbs.py ADDRESS [until-lost]

With `until-lost` it reads until a read fails for want of an answer, and tells the completion's status. Else it connects by rdma_cm,
checks what it reads, writes and counts, sends with immediate data, and at the end sends with
invalidation of the window that it was lent. Prints a line for each kind of operation.
"""

import struct
import sys
import time

import pyverbs.cm_enums as cm
import pyverbs.enums as e
from pyverbs.cmid import AddrInfo, CMEvent, CMEventChannel, CMID, ConnParam
from pyverbs.cq import CQ
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

AREA = 8 << 20
LOCAL = 1 << 20


class Target:
    """A connection to the target, and memory here."""

    def __init__(self, address, retry=7):
        self.channel = CMEventChannel()
        self.cmid = CMID(creator=self.channel)
        info = AddrInfo(dst=address, dst_service="7471", port_space=cm.RDMA_PS_TCP)
        self.cmid.resolve_addr(info, 5000)
        self.event(cm.RDMA_CM_EVENT_ADDR_RESOLVED)
        self.cmid.resolve_route(5000)
        self.event(cm.RDMA_CM_EVENT_ROUTE_RESOLVED)
        context = self.cmid.context
        self.pd = self.cmid.pd
        self.cq = CQ(context, 64)
        cap = QPCap(max_send_wr=16, max_recv_wr=4, max_send_sge=1, max_recv_sge=1)
        self.qp = QP(self.pd, QPInitAttr(qp_type=e.IBV_QPT_RC, scq=self.cq, rcq=self.cq, cap=cap, sq_sig_all=1))
        self.move(e.IBV_QPS_INIT)
        self.memory = MR(self.pd, LOCAL, e.IBV_ACCESS_LOCAL_WRITE)
        self.qp.post_recv(RecvWR(num_sge=1, sg=[SGE(self.memory.buf, 64, self.memory.lkey)]))
        self.cmid.connect(ConnParam(resources=4, depth=4, retry=retry, rnr_retry=7, qp_num=self.qp.qp_num))
        self.event(cm.RDMA_CM_EVENT_CONNECT_RESPONSE)
        self.move(e.IBV_QPS_RTR)
        self.move(e.IBV_QPS_RTS)
        self.cmid.establish()
        wc = self.completion()
        assert wc.opcode == e.IBV_WC_RECV and wc.byte_len == 16, (wc.opcode, wc.byte_len)
        self.base, self.window, length = struct.unpack(">QII", self.memory.read(16, 0))
        assert length == AREA, length

    def event(self, want):
        event = CMEvent(self.channel)
        if event.event_type != want:
            sys.exit(f"rdma_cm: {event.event_str()} instead of {want}")
        event.ack_cm_event()

    def move(self, state):
        attr, mask = self.cmid.init_qp_attr(state)
        self.qp.modify(attr, mask)

    def completion(self):
        end = time.monotonic() + 90
        while time.monotonic() < end:
            count, list_ = self.cq.poll(1)
            if count:
                if list_[0].status != e.IBV_WC_SUCCESS:
                    sys.exit(f"verbs completion status {list_[0].status}")
                return list_[0]
            time.sleep(0.0005)
        sys.exit("no completion in 90 s")

    def post(self, opcode, length, prepare=None, imm=0):
        sge = SGE(self.memory.buf, length, self.memory.lkey)
        wr = SendWR(opcode=opcode, num_sge=1, sg=[sge], send_flags=e.IBV_SEND_SIGNALED, imm_data=imm)
        if prepare:
            prepare(wr)
        self.qp.post_send(wr)
        self.completion()

    def read(self, at, length):
        self.post(e.IBV_WR_RDMA_READ, length, lambda wr: wr.set_wr_rdma(self.window, self.base + at))
        return self.memory.read(length, 0)

    def write(self, at, data):
        self.memory.write(data, len(data))
        self.post(e.IBV_WR_RDMA_WRITE, len(data), lambda wr: wr.set_wr_rdma(self.window, self.base + at))

    def atomic(self, opcode, compare_add, swap):
        self.post(opcode, 8, lambda wr: wr.set_wr_atomic(self.window, self.base, compare_add, swap))
        return struct.unpack("<Q", self.memory.read(8, 0))[0]


def check(what, got, want):
    if got != want:
        at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b), len(want))
        sys.exit(f"{what}: differs at byte {at}: {got[at:at + 8]} instead of {want[at:at + 8]}")


def pattern(start, length):
    return bytes((7 * n + (n >> 8)) & 0xFF for n in range(start, start + length))


def text(seed, length):
    return bytes((seed + 31 * n + (n >> 7)) & 0xFF for n in range(length))


if sys.argv[2:] == ["until-lost"]:
    # Soft-RoCE takes a count of 7 for without end.
    target = Target(sys.argv[1], retry=2)
    check("read", target.read(64, 4097), pattern(64, 4097))
    print("verbs reading", flush=True)
    while True:
        target.read(64, 4097)

target = Target(sys.argv[1])
for start, size in ((64, 1), (64, 64), (4096, 1023), (4096, 1024), (8191, 4097), (65536, 65536), (1 << 20, 300000)):
    check("read", target.read(start, size), pattern(start, size))
print("verbs read")
for start, size in ((4 << 20, 1), (4 << 20, 64), (5 << 20, 1025), (5 << 20, 4097), (6 << 20, 300000)):
    target.write(start, text(size, size))
    target.memory.write(bytes(size), size)
    check("write", target.read(start, size), text(size, size))
print("verbs write")
ADD, SWAP = e.IBV_WR_ATOMIC_FETCH_AND_ADD, e.IBV_WR_ATOMIC_CMP_AND_SWP
for opcode, compare_add, swap, want in (
    (ADD, 5, 0, 0),
    (SWAP, 5, 100, 5),
    (SWAP, 5, 7, 100),
    (ADD, 2**64 - 1, 0, 100),
    (ADD, 1, 0, 99),
):
    got = target.atomic(opcode, compare_add, swap)
    if got != want:
        sys.exit(f"atomic {opcode} {compare_add} {swap}: {got} instead of {want}")
print("verbs atomics")
target.post(e.IBV_WR_SEND_WITH_IMM, 3000, imm=0x01020304)
target.post(e.IBV_WR_RDMA_WRITE_WITH_IMM, 3000, lambda wr: wr.set_wr_rdma(target.window, target.base + (7 << 20)), imm=0x05060708)
print("verbs immediate")
target.post(e.IBV_WR_SEND_WITH_INV, 13, imm=target.window)
print("verbs invalidation")
target.cmid.disconnect()
