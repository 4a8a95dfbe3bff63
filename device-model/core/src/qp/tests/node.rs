//! One device and its driver in miniature.

use super::*;

/// A device and its driver.
pub struct Node {
    pub env: NodeEnv,
    pub res: Resources,
    pub qps: Qps,
    pub guest: Guest,
    pub pd: u32,
    pub cqn: u32,
    cq_at: u64,
    pub consumer: u32,
    eq_at: u64,
    eq_consumer: u32,
    /// Data memory: DMA address; virtual from [`BASE`] on by `key`.
    pub memory: u64,
    pub key: u32,
    pub gid: Gid,
    pub rings: HashMap<u32, Rings>,
    pub srqn: u32,
    srq_ring: (u64, u32),
    next_slot: u32,
}

/// A driver's view of a queue pair.
#[derive(Clone, Copy)]
pub struct Rings {
    pub send: u64,
    receive: u64,
    pub slot: u32,
    pub sent: u32,
    pub received: u32,
    words: u64,
}

const EQ_LOG: u8 = 5;

fn rules(stride: u8) -> RingRules {
    RingRules {
        min_log_stride: stride,
        max_log_stride: stride,
        max_log_entries: 16,
    }
}

/// A request as a driver writes it.
#[derive(Clone)]
pub struct Wr {
    pub opcode: WorkOpcode,
    pub flags: WorkFlags,
    pub context: u64,
    pub immediate: u32,
    pub operands: Vec<u8>,
    pub segments: Vec<(u64, u32, u32)>,
    pub inline: Option<Vec<u8>>,
}

impl Wr {
    pub fn new(opcode: WorkOpcode, context: u64) -> Self {
        Self {
            opcode,
            flags: WorkFlags(0),
            context,
            immediate: 0,
            operands: Vec::new(),
            segments: Vec::new(),
            inline: None,
        }
    }

    pub fn flags(mut self, flags: WorkFlags) -> Self {
        self.flags = self.flags | flags;
        self
    }

    pub fn immediate(mut self, value: u32) -> Self {
        self.immediate = value;
        self
    }

    pub fn remote(mut self, address: u64, key: u32) -> Self {
        let mut r = rnic_abi::RemoteSegment::zeroed();
        r.address.set(address);
        r.key.set(key);
        self.operands = r.as_bytes().to_vec();
        self
    }

    pub fn atomic(mut self, address: u64, key: u32, operand: u64, compare: u64) -> Self {
        let mut a = rnic_abi::AtomicSegment::zeroed();
        a.address.set(address);
        a.key.set(key);
        a.operand.set(operand);
        a.compare.set(compare);
        self.operands = a.as_bytes().to_vec();
        self
    }

    pub fn operands(mut self, bytes: &[u8]) -> Self {
        self.operands = bytes.to_vec();
        self
    }

    pub fn segment(mut self, address: u64, length: u32, key: u32) -> Self {
        self.segments.push((address, length, key));
        self
    }

    pub fn inline(mut self, bytes: &[u8]) -> Self {
        self.inline = Some(bytes.to_vec());
        self.flags(WorkFlags::INLINE)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut h = WorkHeader::zeroed()
            .with_opcode(self.opcode)
            .with_flags(self.flags);
        h.context.set(self.context);
        h.immediate.set(self.immediate);
        let count = self.inline.as_ref().map_or(self.segments.len(), Vec::len);
        h.data_count.set(count as u16);
        let mut bytes = h.as_bytes().to_vec();
        bytes.extend_from_slice(&self.operands);
        bytes.resize(SEGMENTS_AT as usize, 0);
        match &self.inline {
            Some(inline) => bytes.extend_from_slice(inline),
            None => bytes.extend(segments(&self.segments)),
        }
        bytes.resize(1 << LOG_STRIDE, 0);
        bytes
    }
}

fn segments(list: &[(u64, u32, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(address, length, key) in list {
        let mut s = AbiSegment::zeroed();
        s.address.set(address);
        s.length.set(length);
        s.key.set(key);
        bytes.extend_from_slice(s.as_bytes());
    }
    bytes
}

impl Node {
    pub fn new(last: u8) -> Self {
        let mut guest = Guest::with_bytes(16 << 20);
        let mut env = NodeEnv {
            now: Nanos(1_000),
            words: HashMap::new(),
            neighbour: None,
            out: VecDeque::new(),
            plan: FaultPlan::default(),
            full: false,
            gone: false,
            mtu: 4200,
        };
        let mut res = Resources::new(Interrupts::new(Delivery::External));
        res.dma = guest.space();
        res.features = feature::ATOMICS
            | feature::MEMORY_WINDOWS
            | feature::SRQ
            | feature::LOOPBACK
            | feature::UC
            | feature::UD;
        let (pd, _) = res.keys.create_domain(false).unwrap();
        let load = |guest: &mut Guest, res: &Resources, log, stride, slot| {
            let d = guest.ring(log, stride, slot);
            let ring = RingShape::check(&d, rules(stride), 0)
                .unwrap()
                .load(&res.dma)
                .unwrap();
            let at = ring.address(0);
            (ring, at)
        };
        let (ring, _) = load(&mut guest, &res, 3, 4, EQ_SLOT + 100);
        let eqn = res
            .eqs
            .insert(Eq::new(ring, EQ_SLOT + 100, EqKind::COMPLETION, 0xffff))
            .unwrap();
        let (ring, eq_at) = load(&mut guest, &res, EQ_LOG, 9, EQ_SLOT);
        let general = res
            .eqs
            .insert(Eq::new(ring, EQ_SLOT, EqKind::GENERAL, 0xffff))
            .unwrap();
        res.set_general_eq(&mut env, Some(general));
        let (ring, cq_at) = load(&mut guest, &res, CQ_LOG, 6, CQ_SLOT);
        let cqn = res.cqs.insert(Cq::new(ring, CQ_SLOT, eqn, 1, 0)).unwrap();
        res.doorbells
            .claim(&mut env, CQ_SLOT, Owner::Cq(cqn))
            .unwrap();
        let word = guest.alloc(8);
        let (ring, srq_at) = load(&mut guest, &res, LOG_ENTRIES, LOG_STRIDE, SRQ_SLOT);
        let srq = Srq::new(pd, ring, SRQ_SLOT, 0x5e, 4, word, 0);
        let srqn = res.srqs.insert(srq).unwrap();
        res.doorbells
            .claim(&mut env, SRQ_SLOT, Owner::Srq(srqn))
            .unwrap();
        let memory = guest.alloc(MEMORY);
        let mut node = Self {
            env,
            res,
            qps: Qps::new(),
            guest,
            pd,
            cqn,
            cq_at,
            consumer: 0,
            eq_at,
            eq_consumer: 0,
            memory,
            key: 0,
            gid: Gid::from(std::net::Ipv4Addr::new(10, 0, 0, last)),
            rings: HashMap::new(),
            srqn,
            srq_ring: (srq_at, 0),
            next_slot: FIRST_QP_SLOT,
        };
        node.key = node.region(BASE, MEMORY, ALL);
        node
    }

    /// A region of the data memory's first bytes at virtual `base`.
    pub fn region(&mut self, base: u64, length: u64, access: AccessFlags) -> u32 {
        let mut begin = BeginMrRequest::zeroed().with_access(access);
        let pages = length.div_ceil(4096);
        begin.pd.set(self.pd);
        begin.base.set(base);
        begin.length.set(length);
        begin.page_count.set(pages as u32);
        begin.log_page_bytes = 12;
        let request = RegionRequest::check(&begin).unwrap();
        let key = self.res.keys.begin_region(request).unwrap().0;
        let list = self.page_list(pages);
        let mut add = AddMrPagesRequest::zeroed();
        add.key.set(key);
        add.list.set(list);
        add.count.set(pages as u32);
        self.res.keys.add_pages(&self.res.dma, &add).unwrap();
        self.res.keys.commit_region(key, 0).unwrap();
        key
    }

    pub fn page_list(&mut self, pages: u64) -> u64 {
        let list = self.guest.alloc(pages * 8);
        for page in 0..pages {
            self.guest
                .write_u64(list + page * 8, self.memory + page * 4096);
        }
        list
    }

    pub fn request(&mut self, srq: bool) -> (CreateQpRequest, u32, u64) {
        let slot = self.next_slot;
        self.next_slot += 2;
        let words = self.guest.alloc(16);
        let mut r = CreateQpRequest::zeroed()
            .with_qp_type(QpType::RC)
            .with_flags(QpFlags(u32::from(srq)));
        r.pd.set(self.pd);
        r.max_send_segments.set(4);
        r.max_inline.set(128);
        r.send_cqn.set(self.cqn);
        r.recv_cqn.set(self.cqn);
        r.context.set(0xc0de);
        r.send_retired_address.set(words);
        r.send_ring = self.guest.ring(LOG_ENTRIES, LOG_STRIDE, slot);
        if srq {
            r.srqn.set(self.srqn);
        } else {
            r.max_recv_segments.set(4);
            r.recv_retired_address.set(words + 8);
            r.recv_ring = self.guest.ring(LOG_ENTRIES, LOG_STRIDE, slot + 1);
        }
        (r, slot, words)
    }

    pub fn create(&mut self, srq: bool) -> u32 {
        self.create_of(QpType::RC, srq)
    }

    pub fn create_of(&mut self, service: QpType, srq: bool) -> u32 {
        let (mut r, slot, words) = self.request(srq);
        r.set_qp_type(service);
        let qpn = self.qps.create(&mut self.env, &mut self.res, &r).unwrap();
        let rings = Rings {
            send: self.guest.read_u64(r.send_ring.page_list.get()),
            receive: if srq {
                0
            } else {
                self.guest.read_u64(r.recv_ring.page_list.get())
            },
            slot,
            sent: 0,
            received: 0,
            words,
        };
        self.rings.insert(qpn, rings);
        qpn
    }

    /// Writes an entry without ringing.
    pub fn write_send(&mut self, qpn: u32, wr: &Wr) {
        let rings = self.rings.get_mut(&qpn).unwrap();
        let index = u64::from(rings.sent % (1 << LOG_ENTRIES));
        rings.sent = rings.sent.wrapping_add(1);
        let at = rings.send + (index << LOG_STRIDE);
        self.guest.write(at, &wr.bytes());
    }

    pub fn ring_send(&mut self, qpn: u32) {
        let rings = self.rings[&qpn];
        self.ring(rings.slot, rings.sent);
        let value = self.env.words[&rings.slot];
        self.qps
            .send_doorbell(&mut self.env, &mut self.res, qpn, value);
    }

    fn ring(&mut self, slot: u32, producer: u32) {
        let value = ProducerDoorbell(0).with_producer(producer).0;
        self.env.words.insert(slot, value);
    }

    pub fn post(&mut self, qpn: u32, wr: Wr) {
        self.write_send(qpn, &wr);
        self.ring_send(qpn);
    }

    /// Posts a receive; the device finds it when it looks.
    pub fn receive(&mut self, qpn: u32, context: u64, list: &[(u64, u32, u32)]) {
        let rings = self.rings.get_mut(&qpn).unwrap();
        let index = u64::from(rings.received % (1 << LOG_ENTRIES));
        rings.received = rings.received.wrapping_add(1);
        let (at, slot, producer) = (
            rings.receive + (index << LOG_STRIDE),
            rings.slot + 1,
            rings.received,
        );
        self.write_receive(at, context, list);
        self.ring(slot, producer);
        let value = self.env.words[&slot];
        self.qps
            .receive_doorbell(&mut self.env, &mut self.res, qpn, value);
    }

    fn write_receive(&mut self, at: u64, context: u64, list: &[(u64, u32, u32)]) {
        let mut h = ReceiveHeader::zeroed();
        h.context.set(context);
        h.segment_count.set(list.len() as u16);
        let mut bytes = h.as_bytes().to_vec();
        bytes.extend(segments(list));
        self.guest.write(at, &bytes);
    }

    /// Posts to the shared receive queue.
    pub fn receive_shared(&mut self, context: u64, list: &[(u64, u32, u32)]) {
        let (at, posted) = self.srq_ring;
        let slot = u64::from(posted % (1 << LOG_ENTRIES));
        self.write_receive(at + (slot << LOG_STRIDE), context, list);
        self.srq_ring.1 += 1;
        self.ring(SRQ_SLOT, posted + 1);
    }

    /// Completions since the last call; the consumer index follows.
    pub fn poll(&mut self) -> Vec<Completion> {
        let mut all = Vec::new();
        loop {
            let slot = u64::from(self.consumer % (1 << CQ_LOG));
            let mut bytes = [0; 64];
            self.guest.read(self.cq_at + slot * 64, &mut bytes);
            let c = Completion::read_from_bytes(&bytes).unwrap();
            let owner = u8::from(self.consumer & (1 << CQ_LOG) == 0);
            if c.owner != owner {
                break;
            }
            all.push(c);
            self.consumer = self.consumer.wrapping_add(1);
        }
        let value = u64::from(self.consumer);
        self.env.words.insert(CQ_SLOT, value);
        self.res.cq_doorbell(&mut self.env, self.cqn, value);
        all
    }

    /// Status, syndrome and context of each completion.
    pub fn outcomes(&mut self) -> Vec<(u64, rnic_abi::CompletionStatus, rnic_abi::ProviderError)> {
        self.poll()
            .iter()
            .map(|c| (c.context.get(), c.status(), c.syndrome()))
            .collect()
    }

    /// General events since the last call.
    pub fn events(&mut self) -> Vec<(EventCode, GeneralEvent)> {
        let mut all = Vec::new();
        loop {
            let slot = u64::from(self.eq_consumer % (1 << EQ_LOG));
            let mut bytes = [0; 512];
            self.guest.read(self.eq_at + slot * 512, &mut bytes);
            let e = GeneralEvent::read_from_bytes(&bytes).unwrap();
            if e.owner != u8::from(self.eq_consumer & (1 << EQ_LOG) == 0) {
                return all;
            }
            all.push((e.code(), e));
            self.eq_consumer += 1;
            let eqn = self.res.general_eq().unwrap();
            let value = u64::from(self.eq_consumer);
            self.res.eq_doorbell(&mut self.env, eqn, value);
        }
    }

    pub fn counter(&self, id: CounterId) -> u64 {
        self.res.counters.get(id)
    }

    pub fn state(&self, qpn: u32) -> QpState {
        self.qps.state(qpn).unwrap().0
    }

    /// Retired words of the two queues.
    pub fn retired(&self, qpn: u32) -> (u64, u64) {
        let words = self.rings[&qpn].words;
        (self.guest.read_u64(words), self.guest.read_u64(words + 8))
    }

    /// Data memory.
    pub fn put(&self, offset: u64, data: &[u8]) {
        self.guest.write(self.memory + offset, data);
    }

    pub fn get(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        self.guest.read(self.memory + offset, &mut data);
        data
    }

    pub fn run(&mut self) -> Progress {
        let mut budget = Budget::DEFAULT;
        self.qps.run(&mut self.env, &mut self.res, &mut budget)
    }

    pub fn take(&mut self, item: Item) {
        match item {
            Item::Segment(s) => self.qps.segment_received(&mut self.env, &mut self.res, &s),
            Item::Frame(f) => match rnic_wire::Frame::parse(&f) {
                Ok(frame) => self
                    .qps
                    .frame_received(&mut self.env, &mut self.res, &frame),
                Err(reason) => self.res.counters.count(crate::qp::drop_counter(reason)),
            },
        }
    }
}
