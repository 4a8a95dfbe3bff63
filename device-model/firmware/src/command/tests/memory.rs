//! Domains, regions, windows by command.

use rnic_abi::{
    AccessFlags, AddMrPagesRequest, BeginMrRequest, CommitMrRequest, CreateFastMrRequest,
    CreateMwRequest, CreatePdRequest, DestroyMrRequest, DestroyMwRequest, DestroyPdRequest, MwType,
    PdFlags, Status, SyndromeReason, cmd, feature, limit,
};

use crate::testing::{Rig, zeroed};

type Failure = (Status, SyndromeReason, u16);

const NOT_FOUND: (Status, SyndromeReason) = (Status::NO_SUCH_OBJECT, SyndromeReason::NOT_FOUND);

fn pd(rig: &mut Rig) -> u32 {
    rig.ok::<cmd::CreatePd>(zeroed()).pd.get()
}

fn begin(pd: u32, pages: u32) -> BeginMrRequest {
    let mut request: BeginMrRequest = zeroed();
    request.pd.set(pd);
    request.base.set(0x1234_5000);
    request.length.set(u64::from(pages) * 4096);
    request.page_count.set(pages);
    request.log_page_bytes = 12;
    request.set_access(AccessFlags::LOCAL_WRITE);
    request
}

fn add(key: u32, first: u32, count: u32, list: u64) -> AddMrPagesRequest {
    let mut request: AddMrPagesRequest = zeroed();
    request.key.set(key);
    request.first.set(first);
    request.count.set(count);
    request.list.set(list);
    request
}

fn commit(key: u32) -> CommitMrRequest {
    let mut request: CommitMrRequest = zeroed();
    request.key.set(key);
    request
}

fn destroy(key: u32) -> DestroyMrRequest {
    let mut request: DestroyMrRequest = zeroed();
    request.key.set(key);
    request
}

fn destroy_pd(pd: u32) -> DestroyPdRequest {
    let mut request: DestroyPdRequest = zeroed();
    request.pd.set(pd);
    request
}

#[test]
fn domains() {
    // [MEM-1] [MEM-6] [CMD-21] [CONV-9]
    let mut rig = Rig::up();
    let first = pd(&mut rig);
    assert_ne!(first, 0);
    let mut request: CreatePdRequest = zeroed();
    request.set_flags(PdFlags::PRIVILEGED);
    let answer = rig.ok::<cmd::CreatePd>(request);
    let (privileged, key) = (answer.pd.get(), answer.privileged_key.get());
    assert_ne!(key >> 8, 0, "index 0 is never given out [MEM-2]");
    for key in [key, key ^ 1] {
        assert_eq!(
            rig.fails::<cmd::DestroyMr>(destroy(key)),
            (Status::NO_SUCH_OBJECT, SyndromeReason::WRONG_KIND, 16)
        );
    }
    rig.ok::<cmd::DestroyPd>(destroy_pd(privileged));
    for gone in [privileged, 0, u32::MAX] {
        let (status, reason) = NOT_FOUND;
        assert_eq!(
            rig.fails::<cmd::DestroyPd>(destroy_pd(gone)),
            (status, reason, 16)
        );
    }
    let mut bare = Rig::new();
    bare.enable();
    let mut plain: rnic_abi::NegotiateRequest = zeroed();
    plain.major.set(1);
    plain.features.set(feature::SRQ);
    bare.ok::<cmd::Negotiate>(plain);
    assert_eq!(
        bare.fails::<cmd::CreatePd>(request),
        (Status::UNSUPPORTED, SyndromeReason::NOT_ACTIVE, 16)
    );
}

#[test]
fn a_table_that_is_full_has_room_again_when_something_is_given_back() {
    // [CMD-19]
    let mut rig = Rig::up();
    let handles: Vec<u32> = (0..limit::PDS).map(|_| pd(&mut rig)).collect();
    assert_eq!(
        rig.fails::<cmd::CreatePd>(zeroed()),
        (Status::NO_RESOURCES, SyndromeReason::QUOTA, 0xFFFF)
    );
    rig.ok::<cmd::DestroyPd>(destroy_pd(handles[7]));
    assert_eq!(pd(&mut rig), handles[7]);
}

#[test]
fn what_begin_mr_refuses() {
    // [MEM-8]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let mut fails = |change: &dyn Fn(&mut BeginMrRequest)| -> Failure {
        let mut request = begin(pd, 3);
        change(&mut request);
        rig.fails::<cmd::BeginMr>(request)
    };
    let invalid = Status::INVALID_FIELD;
    let conflict = SyndromeReason::CONFLICT;
    assert_eq!(
        fails(&|r| r.length.set(0)),
        (invalid, SyndromeReason::TOO_SMALL, 32)
    );
    assert_eq!(
        fails(&|r| r.length.set(limit::MR_BYTES + 1)),
        (Status::LIMIT_EXCEEDED, SyndromeReason::TOO_LARGE, 32)
    );
    assert_eq!(
        fails(&|r| r.base.set(0u64.wrapping_sub(0x2000))),
        (Status::OUT_OF_RANGE, SyndromeReason::WRAPS, 32)
    );
    for log in [0, 11, 13, 31, 32, 64, 255] {
        assert_eq!(
            fails(&|r| r.log_page_bytes = log),
            (invalid, SyndromeReason::BAD_VALUE, 48),
            "{log}"
        );
    }
    assert_eq!(fails(&|r| r.first_offset.set(1)), (invalid, conflict, 40));
    for count in [0, 2, 4, u32::MAX] {
        assert_eq!(fails(&|r| r.page_count.set(count)), (invalid, conflict, 44));
    }
    for access in [AccessFlags::REMOTE_WRITE, AccessFlags::REMOTE_ATOMIC] {
        assert_eq!(
            fails(&|r| r.set_access(access)),
            (Status::ACCESS_DENIED, conflict, 20)
        );
    }
    let (status, reason) = NOT_FOUND;
    assert_eq!(fails(&|r| r.pd.set(pd + 1)), (status, reason, 16));
}

#[test]
fn the_quota_of_pages_is_charged_and_given_back() {
    // [MEM-8] [MEM-11] [CMD-19]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let all = u32::try_from(limit::MR_PAGES).unwrap();
    let spent = (Status::NO_RESOURCES, SyndromeReason::QUOTA, 0xFFFF);
    assert_eq!(rig.fails::<cmd::BeginMr>(begin(pd, all + 1)), spent);
    let key = rig.ok::<cmd::BeginMr>(begin(pd, all - 1)).key.get();
    let mut fast: CreateFastMrRequest = zeroed();
    fast.pd.set(pd);
    fast.max_pages.set(2);
    assert_eq!(rig.fails::<cmd::CreateFastMr>(fast), spent);
    fast.max_pages.set(1);
    let last = rig.ok::<cmd::CreateFastMr>(fast).key.get();
    assert_eq!(rig.fails::<cmd::BeginMr>(begin(pd, 1)), spent);
    rig.ok::<cmd::DestroyMr>(destroy(key));
    rig.ok::<cmd::DestroyMr>(destroy(last));
    rig.ok::<cmd::BeginMr>(begin(pd, all));
}

#[test]
fn pages_come_in_chunks_in_order() {
    // [MEM-7] [MEM-9] [CMD-18]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let chunk = u32::try_from(limit::MR_CHUNK_PAGES).unwrap();
    let list = rig.alloc(u64::from(chunk) * 8);
    let key = rig.ok::<cmd::BeginMr>(begin(pd, chunk + 2)).key.get();
    let invalid = Status::INVALID_FIELD;
    let conflict = SyndromeReason::CONFLICT;
    let incomplete = (Status::INVALID_STATE, SyndromeReason::NOT_COMPLETE, 16);
    assert_eq!(rig.fails::<cmd::CommitMr>(commit(key)), incomplete);
    let mut fails = |request| rig.fails::<cmd::AddMrPages>(request);
    assert_eq!(
        fails(add(key, 0, 0, list)),
        (Status::TOO_MANY, SyndromeReason::TOO_SMALL, 24)
    );
    assert_eq!(
        fails(add(key, 0, chunk + 1, list)),
        (Status::TOO_MANY, SyndromeReason::TOO_LARGE, 24)
    );
    assert_eq!(fails(add(key, 1, 1, list)), (invalid, conflict, 20));
    assert_eq!(
        fails(add(key, 0, 1, list + 4)),
        (invalid, SyndromeReason::NOT_ALIGNED, 32)
    );
    assert_eq!(
        fails(add(key, 0, 1, 0)),
        (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, 32)
    );
    assert_eq!(
        fails(add(key ^ 1, 0, 1, list)),
        (NOT_FOUND.0, NOT_FOUND.1, 16)
    );
    rig.guest_write(list, &0x1800u64.to_le_bytes());
    let unaligned = (invalid, SyndromeReason::NOT_ALIGNED, 32);
    assert_eq!(
        rig.fails::<cmd::AddMrPages>(add(key, 0, 2, list)),
        unaligned
    );
    rig.guest_write(list, &0x1000u64.to_le_bytes());
    rig.ok::<cmd::AddMrPages>(add(key, 0, chunk, list));
    assert_eq!(rig.fails::<cmd::CommitMr>(commit(key)), incomplete);
    assert_eq!(
        rig.fails::<cmd::AddMrPages>(add(key, chunk, 3, list)),
        (invalid, conflict, 24)
    );
    rig.ok::<cmd::AddMrPages>(add(key, chunk, 2, list));
    rig.ok::<cmd::CommitMr>(commit(key));
    let committed = (Status::INVALID_STATE, SyndromeReason::WRONG_STATE, 16);
    assert_eq!(rig.fails::<cmd::CommitMr>(commit(key)), committed);
    let again = add(key, chunk + 2, 1, list);
    assert_eq!(rig.fails::<cmd::AddMrPages>(again), committed);
    let busy = (Status::BUSY, SyndromeReason::IN_USE, 16);
    assert_eq!(rig.fails::<cmd::DestroyPd>(destroy_pd(pd)), busy);
    rig.ok::<cmd::DestroyMr>(destroy(key ^ 1));
    rig.ok::<cmd::DestroyPd>(destroy_pd(pd));
}

#[test]
fn fast_regions_and_windows() {
    // [MEM-11] [MEM-19]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let fast = |pages: u32| {
        let mut request: CreateFastMrRequest = zeroed();
        request.pd.set(pd);
        request.max_pages.set(pages);
        request
    };
    let most = u32::try_from(limit::FAST_REGISTER_PAGES).unwrap();
    let exceeded = Status::LIMIT_EXCEEDED;
    assert_eq!(
        rig.fails::<cmd::CreateFastMr>(fast(0)),
        (exceeded, SyndromeReason::TOO_SMALL, 20)
    );
    assert_eq!(
        rig.fails::<cmd::CreateFastMr>(fast(most + 1)),
        (exceeded, SyndromeReason::TOO_LARGE, 20)
    );
    let region = rig.ok::<cmd::CreateFastMr>(fast(most)).key.get();
    let mut window: CreateMwRequest = zeroed();
    window.pd.set(pd);
    assert_eq!(
        rig.fails::<cmd::CreateMw>(window),
        (Status::INVALID_FIELD, SyndromeReason::BAD_VALUE, 20)
    );
    window.set_mw_type(MwType::TYPE_2);
    let key = rig.ok::<cmd::CreateMw>(window).key.get();
    assert_ne!(key >> 8, region >> 8);
    let mut gone: DestroyMwRequest = zeroed();
    gone.key.set(region);
    assert_eq!(
        rig.fails::<cmd::DestroyMw>(gone),
        (Status::NO_SUCH_OBJECT, SyndromeReason::WRONG_KIND, 16)
    );
    gone.key.set(key);
    rig.ok::<cmd::DestroyMw>(gone);
    assert_eq!(
        rig.fails::<cmd::DestroyMw>(gone),
        (NOT_FOUND.0, NOT_FOUND.1, 16)
    );
    window.pd.set(pd + 9);
    assert_eq!(
        rig.fails::<cmd::CreateMw>(window),
        (NOT_FOUND.0, NOT_FOUND.1, 16)
    );
}

#[test]
fn destroying_a_region_waits_for_dma_and_lets_others_go_on() {
    // [MEM-16] [CMD-7] [CONV-12]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let key = rig.ok::<cmd::BeginMr>(begin(pd, 1)).key.get();
    let lease = rig.device.hardware().resources.lease();
    let bytes = rig.bytes::<cmd::DestroyMr>(destroy(key));
    rig.post(&bytes, 2048);
    rig.settle();
    assert!(rig.answer().is_none(), "DMA is in flight");
    let wake = rig.device.next_timer().unwrap();
    assert!(wake > rig.env.now, "looked at again, but not at once");
    assert_eq!(
        rig.fails::<cmd::DestroyMr>(destroy(key)),
        (NOT_FOUND.0, NOT_FOUND.1, 16),
        "refused from now on"
    );
    drop(lease);
    rig.env.now = wake;
    rig.settle();
    assert_eq!(rig.answer().unwrap().status(), Status::OK);
    assert_eq!(rig.device.next_timer(), None);
}

#[test]
fn a_command_that_waits_keeps_no_other_that_waits() {
    // [CMD-7] [QP-41]
    let mut rig = Rig::up();
    let pd = pd(&mut rig);
    let key = rig.ok::<cmd::BeginMr>(begin(pd, 1)).key.get();
    let qpn = rig.queue_pair();
    let lease = rig.device.hardware().resources.lease();
    let bytes = rig.bytes::<cmd::DestroyMr>(destroy(key));
    rig.post(&bytes, 2048);
    rig.settle();
    let mut flush: rnic_abi::FlushQpRequest = zeroed();
    flush.qpn.set(qpn);
    flush.set_flags(rnic_abi::FlushFlags::SEND);
    rig.ok::<cmd::FlushQp>(flush);
    drop(lease);
    rig.env.now = rig.device.next_timer().unwrap();
    rig.settle();
    assert_eq!(rig.answer().unwrap().status(), Status::OK);
}
