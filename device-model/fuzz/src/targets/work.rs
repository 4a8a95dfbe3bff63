//! Work queue entries of two queue pairs of one device, which are each other's peers.

use rnic_abi::{
    AccessFlags, AddressFlags, EqKind, Family, ModifyMask, ModifyQpRequest, QpState, QpType, cmd,
};

use crate::input::Input;
use crate::rig::{Rig, zeroed};

const SLOT: u32 = 512 + 8;
/// Bytes of an entry.
const STRIDE: u64 = 256;
const ENTRIES: u32 = 8;

struct Qp {
    qpn: u32,
    send: u64,
    receive: u64,
    slot: u32,
    posted: [u32; 2],
}

struct Bed {
    rig: Rig,
    qps: [Qp; 2],
    cq: u64,
    pd: u32,
    completions: u32,
    /// Entries that doorbells out of the blue may have posted.
    wild: u32,
}

/// Entries, as they are, posted to either queue of either queue pair.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bed = Bed::new(input.byte());
    let mut left = 100;
    while !input.is_empty() && left > 0 {
        left -= 1;
        bed.step(&mut input);
    }
    bed.rig.wait();
    bed.consume();
    let posted: u32 = bed.qps.iter().flat_map(|qp| qp.posted).sum();
    assert!(
        bed.completions <= posted + bed.wild,
        "an entry completed twice"
    );
}

impl Bed {
    fn new(access: u8) -> Self {
        let mut rig = Rig::up();
        let mut address: rnic_abi::SetAddressRequest = zeroed();
        address.set_family(Family::IPV4);
        address.set_flags(AddressFlags(0));
        address.prefix = 24;
        address.address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        rig.ok::<cmd::SetAddress>(address);
        let mut domain: rnic_abi::CreatePdRequest = zeroed();
        domain.set_flags(rnic_abi::PdFlags::PRIVILEGED);
        let pd = rig.ok::<cmd::CreatePd>(domain).pd.get();
        let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::COMPLETION);
        eq.vector.set(1);
        eq.ring = rig.ring_of(2, 4, SLOT).0;
        let eqn = rig.ok::<cmd::CreateEq>(eq).eqn.get();
        let (ring, cq_at) = rig.ring_of(7, 6, SLOT + 1);
        let mut cq: rnic_abi::CreateCqRequest = zeroed();
        cq.eqn.set(eqn);
        cq.ring = ring;
        let cqn = rig.ok::<cmd::CreateCq>(cq).cqn.get();
        let mut slot = SLOT + 2;
        let qps = [0, 1].map(|_| {
            let words = rig.alloc(16);
            let mut qp = rnic_abi::CreateQpRequest::zeroed().with_qp_type(QpType::RC);
            qp.pd.set(pd);
            qp.send_cqn.set(cqn);
            qp.recv_cqn.set(cqn);
            qp.max_send_segments.set(4);
            qp.max_recv_segments.set(4);
            qp.max_inline.set(128);
            qp.send_retired_address.set(words);
            qp.recv_retired_address.set(words + 8);
            let (ring, send) = rig.ring_of(3, 8, slot);
            qp.send_ring = ring;
            let (ring, receive) = rig.ring_of(3, 8, slot + 1);
            qp.recv_ring = ring;
            let qpn = rig.ok::<cmd::CreateQp>(qp).qpn.get();
            slot += 2;
            Qp {
                qpn,
                send,
                receive,
                slot: slot - 2,
                posted: [0; 2],
            }
        });
        let mut bed = Self {
            rig,
            qps,
            cq: cq_at,
            pd,
            completions: 0,
            wild: 0,
        };
        bed.objects();
        bed.connect(access);
        bed
    }

    /// A region of two pages, a fast-register region, and a window of either type: the first four keys behind the
    /// domain's.
    fn objects(&mut self) {
        let memory = self.rig.alloc(2 * 4096);
        let list = self.rig.alloc(16);
        self.rig.guest_write(list, &memory.to_le_bytes());
        self.rig
            .guest_write(list + 8, &(memory + 4096).to_le_bytes());
        let mut begin = rnic_abi::BeginMrRequest::zeroed().with_access(AccessFlags(0x1F));
        begin.pd.set(self.pd);
        begin.base.set(0x1_0000);
        begin.length.set(8192);
        begin.page_count.set(2);
        begin.log_page_bytes = 12;
        let key = self.rig.ok::<cmd::BeginMr>(begin).key.get();
        let mut add: rnic_abi::AddMrPagesRequest = zeroed();
        add.key.set(key);
        add.count.set(2);
        add.list.set(list);
        self.rig.ok::<cmd::AddMrPages>(add);
        let mut commit: rnic_abi::CommitMrRequest = zeroed();
        commit.key.set(key);
        self.rig.ok::<cmd::CommitMr>(commit);
        let mut fast: rnic_abi::CreateFastMrRequest = zeroed();
        fast.pd.set(self.pd);
        fast.max_pages.set(4);
        self.rig.ok::<cmd::CreateFastMr>(fast);
        for kind in [rnic_abi::MwType::TYPE_1, rnic_abi::MwType::TYPE_2] {
            let mut window = rnic_abi::CreateMwRequest::zeroed().with_mw_type(kind);
            window.pd.set(self.pd);
            self.rig.ok::<cmd::CreateMw>(window);
        }
    }

    fn connect(&mut self, access: u8) {
        let numbers = [self.qps[0].qpn, self.qps[1].qpn];
        for (qpn, peer) in [(numbers[0], numbers[1]), (numbers[1], numbers[0])] {
            let mask = ModifyMask::PATH
                | ModifyMask::RECV_PSN
                | ModifyMask::READ_DEPTH
                | ModifyMask::ACCESS
                | ModifyMask::STATE;
            let mut to_rtr = ModifyQpRequest::zeroed()
                .with_mask(mask)
                .with_state(QpState::RTR);
            to_rtr.qpn.set(qpn);
            to_rtr.path_mtu_raw = 3;
            to_rtr.read_depth_in = 4;
            to_rtr.read_depth_out = 4;
            to_rtr.peer_qpn.set(peer);
            to_rtr.udp_source_port.set(0xC000);
            to_rtr.access_raw.set(u32::from(access) & 0x0E);
            to_rtr.peer_address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
            self.rig.ok::<cmd::ModifyQp>(to_rtr);
            let mask = ModifyMask::SEND_PSN | ModifyMask::RETRY | ModifyMask::STATE;
            let mut to_rts = ModifyQpRequest::zeroed()
                .with_mask(mask)
                .with_state(QpState::RTS);
            to_rts.qpn.set(qpn);
            to_rts.retry_count = 1;
            to_rts.rnr_retry = 1;
            to_rts.ack_timeout = 10;
            self.rig.ok::<cmd::ModifyQp>(to_rts);
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let what = input.byte();
        let Some(qp) = self.qps.get_mut(usize::from(what & 1)) else {
            return;
        };
        let queue = usize::from(what >> 1 & 1);
        let (ring, slot) = match queue {
            0 => (qp.send, qp.slot),
            _ => (qp.receive, qp.slot + 1),
        };
        match what >> 2 & 7 {
            // An entry, and the doorbell for it; never more than fit.
            0..=4 => {
                let entry = input.record();
                let count = &mut qp.posted[queue];
                let at = ring + u64::from(*count % ENTRIES) * STRIDE;
                *count += 1;
                let value = u64::from(*count);
                self.rig.guest_write(at, &[0; STRIDE as usize]);
                self.rig.guest_write(at, entry);
                self.rig.ring_slot(slot, value);
                if what & 0x20 == 0 {
                    self.rig.settle();
                    self.consume();
                }
            }
            5 => {
                self.rig.wait();
                self.consume();
            }
            6 => {
                let mut flush: rnic_abi::FlushQpRequest = zeroed();
                flush.qpn.set(qp.qpn);
                flush.flags_raw.set(u32::from(input.byte() & 3));
                let mut bytes = zerocopy::IntoBytes::as_bytes(&flush).to_vec();
                let mut header =
                    rnic_abi::CommandHeader::zeroed().with_opcode(rnic_abi::Opcode::FLUSH_QP);
                header.length.set(u32::try_from(bytes.len()).unwrap_or(0));
                bytes[..rnic_abi::CommandHeader::SIZE]
                    .copy_from_slice(zerocopy::IntoBytes::as_bytes(&header));
                self.rig.submit(&bytes);
            }
            _ => {
                let value = input.quad();
                self.wild += 2 * ENTRIES;
                self.rig.ring_slot(slot, value);
                self.rig.settle();
                self.consume();
            }
        }
    }

    /// Takes completions, and tells the device.
    fn consume(&mut self) {
        for _ in 0..1024 {
            let at = self.cq + u64::from(self.completions % 128) * 64;
            let mut owner = [0];
            self.rig
                .memory
                .read(at + 63 - crate::rig::BASE, &mut owner)
                .expect("within the memory");
            let pass = u8::from((self.completions / 128).is_multiple_of(2));
            if owner[0] & 1 != pass {
                break;
            }
            self.completions += 1;
        }
        self.rig.ring_slot(SLOT + 1, u64::from(self.completions));
        self.rig.settle();
    }
}
