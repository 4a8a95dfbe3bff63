//! Event, completion and shared receive queues by command.

use rnic_abi::{
    ArmType, ConsumerDoorbell, CqErrorEvent, CreateCqRequest, CreateEqRequest, CreateSrqRequest,
    DestroyCqRequest, DestroyEqRequest, DestroySrqRequest, EqKind, EventCode, GeneralEvent,
    ModerateCqRequest, ModifySrqRequest, ResizeCqRequest, ResizeSrqRequest, RingDescription,
    SrqEvent, Status, SyndromeReason, cmd, consts, limit,
};

use crate::testing::{BASE, Rig, zeroed};

type Failure = (Status, SyndromeReason, u16);

const SLOT: u32 = 512 + 8;
const INVALID: Status = Status::INVALID_FIELD;
const EXCEEDED: Status = Status::LIMIT_EXCEEDED;
const BAD: SyndromeReason = SyndromeReason::BAD_VALUE;
const TOO_LARGE: SyndromeReason = SyndromeReason::TOO_LARGE;
const TOO_SMALL: SyndromeReason = SyndromeReason::TOO_SMALL;

fn not_found(at: u16) -> Failure {
    (Status::NO_SUCH_OBJECT, SyndromeReason::NOT_FOUND, at)
}

fn busy(at: u16) -> Failure {
    (Status::BUSY, SyndromeReason::IN_USE, at)
}

fn eq_request(kind: EqKind, vector: u16, ring: RingDescription) -> CreateEqRequest {
    let mut request = CreateEqRequest::zeroed().with_kind(kind);
    request.vector.set(vector);
    request.ring = ring;
    request
}

fn eq(rig: &mut Rig, kind: EqKind, log: u8, slot: u32) -> (u32, u64) {
    let stride = if kind == EqKind::GENERAL { 9 } else { 4 };
    let (ring, at) = rig.ring_description(log, stride, slot);
    let answer = rig.ok::<cmd::CreateEq>(eq_request(kind, 1, ring));
    (answer.eqn.get(), at)
}

fn cq_request(eqn: u32, ring: RingDescription) -> CreateCqRequest {
    let mut request: CreateCqRequest = zeroed();
    request.eqn.set(eqn);
    request.context.set(0xC0);
    request.ring = ring;
    request
}

fn cq(rig: &mut Rig, eqn: u32, slot: u32) -> (u32, u32) {
    let (ring, _) = rig.ring_description(2, 6, slot);
    let answer = rig.ok::<cmd::CreateCq>(cq_request(eqn, ring));
    (answer.cqn.get(), answer.generation.get())
}

fn arm(consumer: u32, sequence: u8) -> u64 {
    ConsumerDoorbell(0)
        .with_consumer(consumer)
        .with_arm(ArmType::ANY)
        .with_sequence(sequence)
        .0
}

fn destroy_cq(cqn: u32) -> DestroyCqRequest {
    let mut request: DestroyCqRequest = zeroed();
    request.cqn.set(cqn);
    request
}

fn destroy_eq(eqn: u32) -> DestroyEqRequest {
    let mut request: DestroyEqRequest = zeroed();
    request.eqn.set(eqn);
    request
}

#[test]
fn what_create_eq_refuses() {
    // [EQ-1] [INT-5] [DB-1] [DB-2] [CMD-23]
    let mut rig = Rig::up();
    let (ring, _) = rig.ring_description(3, 4, SLOT);
    let good = eq_request(EqKind::COMPLETION, consts::VECTOR_NONE, ring);
    let mut fails = |change: &dyn Fn(&mut CreateEqRequest)| -> Failure {
        let mut request = good;
        change(&mut request);
        rig.fails::<cmd::CreateEq>(request)
    };
    for kind in [0, 3, 255] {
        assert_eq!(fails(&|r| r.set_kind(EqKind(kind))), (INVALID, BAD, 16));
    }
    for vector in [64, 0xFFFE] {
        assert_eq!(fails(&|r| r.vector.set(vector)), (EXCEEDED, TOO_LARGE, 18));
    }
    assert_eq!(
        fails(&|r| r.set_kind(EqKind::GENERAL)),
        (INVALID, BAD, 37),
        "stride of the other kind"
    );
    let above = u8::try_from(limit::EQ_LOG).unwrap() + 1;
    assert_eq!(
        fails(&|r| r.ring.log_entries = above),
        (EXCEEDED, TOO_LARGE, 36)
    );
    assert_eq!(fails(&|r| r.ring.doorbell.set(512)), (INVALID, BAD, 40));
    assert_eq!(
        fails(&|r| r.ring.page_list.set(64)),
        (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, 24)
    );
    rig.ok::<cmd::CreateEq>(good);
    assert_eq!(
        rig.fails::<cmd::CreateEq>(good),
        (Status::DOORBELL_IN_USE, SyndromeReason::IN_USE, 40)
    );
    let (general, _) = eq(&mut rig, EqKind::GENERAL, 3, SLOT + 1);
    let (ring, _) = rig.ring_description(3, 9, SLOT + 2);
    let second = eq_request(EqKind::GENERAL, 1, ring);
    assert_eq!(
        rig.fails::<cmd::CreateEq>(second),
        (Status::INVALID_STATE, SyndromeReason::IN_USE, 16)
    );
    rig.ok::<cmd::DestroyEq>(destroy_eq(general));
    rig.ok::<cmd::CreateEq>(second);
}

#[test]
fn completion_queues_belong_to_completion_event_queues() {
    // [CQ-1] [EQ-1] [EQ-4]
    let mut rig = Rig::up();
    let (general, _) = eq(&mut rig, EqKind::GENERAL, 1, SLOT);
    let (eqn, _) = eq(&mut rig, EqKind::COMPLETION, 1, SLOT + 1);
    let (ring, _) = rig.ring_description(2, 6, SLOT + 2);
    assert_eq!(
        rig.fails::<cmd::CreateCq>(cq_request(general, ring)),
        (Status::NO_SUCH_OBJECT, SyndromeReason::WRONG_KIND, 16)
    );
    assert_eq!(
        rig.fails::<cmd::CreateCq>(cq_request(99, ring)),
        not_found(16)
    );
    let mut wrong = ring;
    wrong.log_stride = 7;
    assert_eq!(
        rig.fails::<cmd::CreateCq>(cq_request(eqn, wrong)),
        (INVALID, BAD, 45)
    );
    let (first, generation) = cq(&mut rig, eqn, SLOT + 2);
    let (second, _) = cq(&mut rig, eqn, SLOT + 3);
    let (ring, _) = rig.ring_description(2, 6, SLOT + 4);
    assert_eq!(
        rig.fails::<cmd::CreateCq>(cq_request(eqn, ring)),
        (Status::NO_RESOURCES, SyndromeReason::QUOTA, 16),
        "as many queues as entries"
    );
    assert_eq!(rig.fails::<cmd::DestroyEq>(destroy_eq(eqn)), busy(16));
    rig.ok::<cmd::DestroyCq>(destroy_cq(first));
    assert_eq!(
        rig.fails::<cmd::DestroyCq>(destroy_cq(first)),
        not_found(16)
    );
    let (again, later) = cq(&mut rig, eqn, SLOT + 2);
    assert!(again != first || later != generation);
    for cqn in [second, again] {
        rig.ok::<cmd::DestroyCq>(destroy_cq(cqn));
    }
    rig.ok::<cmd::DestroyEq>(destroy_eq(eqn));
    assert_eq!(rig.fails::<cmd::DestroyEq>(destroy_eq(eqn)), not_found(16));
}

#[test]
fn a_queue_in_error_is_told_by_events_and_cannot_be_resized() {
    // [DB-7] [CQ-3] [CQ-11] [CQ-12]
    let mut rig = Rig::up();
    let (_, events) = eq(&mut rig, EqKind::GENERAL, 1, SLOT);
    let (eqn, _) = eq(&mut rig, EqKind::COMPLETION, 1, SLOT + 1);
    let (cqn, generation) = cq(&mut rig, eqn, SLOT + 2);
    rig.ring_slot(SLOT, arm(0, 1));
    rig.ring_slot(SLOT + 1, arm(0, 1));
    rig.ring_slot(SLOT + 2, arm(0, 1));
    rig.settle();
    rig.env.raised.clear();
    rig.ring_slot(SLOT + 2, arm(1, 2));
    rig.settle();
    assert_eq!(rig.env.raised.get(&1), Some(&2), "one of each event queue");
    let mut bytes = [0; 512];
    rig.memory.read(events - BASE, &mut bytes).unwrap();
    let event: GeneralEvent = rnic_abi::read(&bytes).unwrap();
    assert_eq!(event.code(), EventCode::CQ_ERROR);
    let payload: CqErrorEvent = rnic_abi::read(&event.payload).unwrap();
    assert_eq!(payload.cqn.get(), cqn);
    assert_eq!(payload.generation.get(), generation);
    assert_eq!(payload.context.get(), 0xC0);
    let mut request: ResizeCqRequest = zeroed();
    request.cqn.set(cqn);
    request.ring = rig.ring_description(3, 6, SLOT + 2).0;
    assert_eq!(
        rig.fails::<cmd::ResizeCq>(request),
        (Status::INVALID_STATE, SyndromeReason::WRONG_STATE, 16)
    );
    let answer = rig.ok::<cmd::DestroyCq>(destroy_cq(cqn));
    assert_eq!(answer.eq_index.get(), 1, "after its last event");
}

#[test]
fn resize_cq_keeps_the_doorbell() {
    // [CQ-11]
    let mut rig = Rig::up();
    let (eqn, _) = eq(&mut rig, EqKind::COMPLETION, 1, SLOT);
    let (cqn, _) = cq(&mut rig, eqn, SLOT + 1);
    let mut request: ResizeCqRequest = zeroed();
    request.cqn.set(cqn);
    request.ring = rig.ring_description(3, 6, SLOT + 1).0;
    let mut other = request;
    other.ring.doorbell.set(SLOT + 2);
    assert_eq!(
        rig.fails::<cmd::ResizeCq>(other),
        (INVALID, SyndromeReason::CONFLICT, 40)
    );
    let mut nowhere = request;
    nowhere.ring.page_list.set(64);
    assert_eq!(
        rig.fails::<cmd::ResizeCq>(nowhere),
        (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, 24)
    );
    let mut unknown = request;
    unknown.cqn.set(99);
    assert_eq!(rig.fails::<cmd::ResizeCq>(unknown), not_found(16));
    assert_eq!(rig.ok::<cmd::ResizeCq>(request).switch_index.get(), 0);
}

#[test]
fn moderation_must_leave_one_condition() {
    // [CQ-10]
    let mut rig = Rig::up();
    let (eqn, _) = eq(&mut rig, EqKind::COMPLETION, 1, SLOT);
    let (cqn, _) = cq(&mut rig, eqn, SLOT + 1);
    let request = |cqn: u32, count: u32, interval: u32| {
        let mut request: ModerateCqRequest = zeroed();
        request.cqn.set(cqn);
        request.count.set(count);
        request.interval_us.set(interval);
        request
    };
    assert_eq!(
        rig.fails::<cmd::ModerateCq>(request(cqn, u32::MAX, u32::MAX)),
        (INVALID, SyndromeReason::CONFLICT, 24)
    );
    assert_eq!(
        rig.fails::<cmd::ModerateCq>(request(cqn + 1, 0, 0)),
        not_found(16)
    );
    for (count, interval) in [(0, 0), (u32::MAX, 5), (5, u32::MAX), (16, 16)] {
        rig.ok::<cmd::ModerateCq>(request(cqn, count, interval));
    }
}

struct SrqBed {
    rig: Rig,
    events: u64,
    pd: u32,
    good: CreateSrqRequest,
}

fn srq_bed() -> SrqBed {
    let mut rig = Rig::up();
    let (_, events) = eq(&mut rig, EqKind::GENERAL, 3, SLOT);
    let pd = rig.ok::<cmd::CreatePd>(zeroed()).pd.get();
    let mut good: CreateSrqRequest = zeroed();
    good.pd.set(pd);
    good.context.set(0x5A);
    good.retired_address.set(rig.alloc(8));
    good.max_segments.set(3);
    good.ring = rig.ring_description(3, 6, SLOT + 1).0;
    SrqBed {
        rig,
        events,
        pd,
        good,
    }
}

#[test]
fn what_create_srq_refuses() {
    // [SRQ-1] [QP-2] [MEM-1]
    let SrqBed {
        mut rig, pd, good, ..
    } = srq_bed();
    let mut fails = |change: &dyn Fn(&mut CreateSrqRequest)| -> Failure {
        let mut request = good;
        change(&mut request);
        rig.fails::<cmd::CreateSrq>(request)
    };
    assert_eq!(fails(&|r| r.pd.set(99)), not_found(16));
    assert_eq!(fails(&|r| r.limit.set(9)), (EXCEEDED, TOO_LARGE, 20));
    assert_eq!(
        fails(&|r| r.retired_address.set(BASE + 4)),
        (INVALID, SyndromeReason::NOT_ALIGNED, 32)
    );
    assert_eq!(
        fails(&|r| r.max_segments.set(33)),
        (EXCEEDED, TOO_LARGE, 40)
    );
    assert_eq!(
        fails(&|r| r.max_segments.set(4)),
        (INVALID, TOO_SMALL, 61),
        "64 bytes hold a header and three segments"
    );
    assert_eq!(fails(&|r| r.ring.log_stride = 11), (INVALID, BAD, 61));
    let srqn = rig.ok::<cmd::CreateSrq>(good).srqn.get();
    let mut gone: rnic_abi::DestroyPdRequest = zeroed();
    gone.pd.set(pd);
    assert_eq!(rig.fails::<cmd::DestroyPd>(gone), busy(16));
    let mut request: DestroySrqRequest = zeroed();
    request.srqn.set(srqn);
    rig.ok::<cmd::DestroySrq>(request);
    assert_eq!(rig.fails::<cmd::DestroySrq>(request), not_found(16));
    rig.ok::<cmd::DestroyPd>(gone);
}

#[test]
fn the_limit_of_a_shared_queue_by_command() {
    // [SRQ-1] [SRQ-2]
    let SrqBed {
        mut rig,
        events,
        good,
        ..
    } = srq_bed();
    let srqn = rig.ok::<cmd::CreateSrq>(good).srqn.get();
    rig.ring_slot(SLOT + 1, 5);
    let limit = |srqn: u32, limit: u32| {
        let mut request: ModifySrqRequest = zeroed();
        request.srqn.set(srqn);
        request.limit.set(limit);
        request
    };
    assert_eq!(rig.fails::<cmd::ModifySrq>(limit(99, 1)), not_found(16));
    assert_eq!(
        rig.fails::<cmd::ModifySrq>(limit(srqn, 9)),
        (EXCEEDED, TOO_LARGE, 20)
    );
    rig.ok::<cmd::ModifySrq>(limit(srqn, 5));
    let event = |rig: &Rig| {
        let mut bytes = [0; 512];
        rig.memory.read(events - BASE, &mut bytes).unwrap();
        rnic_abi::read::<GeneralEvent>(&bytes).unwrap()
    };
    assert_eq!(event(&rig).owner, 0, "5 are left, not fewer");
    rig.ok::<cmd::ModifySrq>(limit(srqn, 6));
    let payload: SrqEvent = rnic_abi::read(&event(&rig).payload).unwrap();
    assert_eq!(event(&rig).code(), EventCode::SRQ_LIMIT);
    assert_eq!(payload.srqn.get(), srqn);
    assert_eq!((payload.remaining.get(), payload.context.get()), (5, 0x5A));
}

#[test]
fn resizing_a_shared_queue() {
    // [SRQ-5] [DB-6]
    let SrqBed { mut rig, good, .. } = srq_bed();
    let srqn = rig.ok::<cmd::CreateSrq>(good).srqn.get();
    rig.ring_slot(SLOT + 1, 5);
    let mut resize = |log: u8, stride: u8, slot: u32| {
        let mut request: ResizeSrqRequest = zeroed();
        request.srqn.set(srqn);
        request.ring = rig.ring_description(log, stride, slot).0;
        rig.run::<cmd::ResizeSrq>(request).result()
    };
    let conflict = SyndromeReason::CONFLICT;
    assert_eq!(resize(3, 7, SLOT + 1), (INVALID, conflict, 37));
    assert_eq!(resize(3, 6, SLOT + 2), (INVALID, conflict, 40));
    assert_eq!(
        resize(2, 6, SLOT + 1),
        (Status::OUT_OF_RANGE, TOO_SMALL, 36)
    );
    assert_eq!(resize(4, 6, SLOT + 1).0, Status::OK);
    rig.ring_slot(SLOT + 1, 17);
    rig.settle();
    let mut request: ResizeSrqRequest = zeroed();
    request.srqn.set(srqn);
    request.ring = rig.ring_description(5, 6, SLOT + 1).0;
    assert_eq!(
        rig.fails::<cmd::ResizeSrq>(request),
        (Status::INVALID_STATE, SyndromeReason::WRONG_STATE, 16),
        "a producer index too far ahead"
    );
}
