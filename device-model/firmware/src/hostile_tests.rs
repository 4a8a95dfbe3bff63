//! Bug classes of devices, tried on the whole device: what a guest does that means harm.
//!
//! `docs/threat-model.md` lists all of them and where the others are tried.

use rnic_abi::{CounterId, EqKind, Status, SyndromeReason, cmd, feature, place, reg};
use rnic_core::doorbell::is_queue_slot;
use rnic_core::env::{Budget, Progress};

use crate::testing::{Rig, zeroed};

const SLOT: u32 = 512 + 8;
/// Where a guest's firmware might put the BARs: no memory is there.
const BARS: u64 = 0xE000_0000;

fn count(rig: &Rig, id: CounterId) -> u64 {
    rig.device.hardware().resources.counters.get(id)
}

#[test]
fn dma_to_the_devices_own_bars_reaches_no_register() {
    // [CONV-12] [MEM-25] [EQ-6]
    let mut rig = Rig::new();
    let bars = [
        (0x10, BARS, place::BAR_REGISTERS_SIZE),
        (0x18, BARS + 0x100_0000, place::BAR_DOORBELLS_SIZE),
    ];
    for (at, address, size) in bars {
        assert_eq!(address % size, 0, "a place that the BAR can have");
        rig.config_write(at, &address.to_le_bytes());
    }
    rig.enable();
    let scratch = BARS + reg::SCRATCH;
    let mut negotiate = rnic_abi::NegotiateRequest::zeroed();
    negotiate.major.set(rnic_abi::interface::MAJOR);
    negotiate.features.set(feature::PARKING);
    negotiate.parked_address.set(scratch & !7);
    let (status, reason, _) = rig.fails::<cmd::Negotiate>(negotiate);
    assert_eq!(
        (status, reason),
        (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE)
    );
    negotiate.features.set(0);
    negotiate.parked_address.set(0);
    rig.ok::<cmd::Negotiate>(negotiate);
    // An event queue whose only page is the doorbells' and one whose page is the registers'.
    for (n, (_, page, _)) in (0..).zip(bars) {
        let list = rig.alloc(8);
        rig.guest_write(list, &page.to_le_bytes());
        let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::GENERAL);
        eq.ring = rig.ring_description(3, 9, SLOT + n).0;
        eq.ring.page_list.set(list);
        let eqn = rig.ok::<cmd::CreateEq>(eq).eqn.get();
        let lost = count(&rig, CounterId::DMA_ERRORS);
        let errors = count(&rig, CounterId::GUEST_ERRORS);
        let words = rig.env.words.clone();
        rig.env.port.up = !rig.env.port.up;
        rig.settle();
        assert_eq!(count(&rig, CounterId::DMA_ERRORS), lost + 1);
        assert_eq!(count(&rig, CounterId::GUEST_ERRORS), errors, "no access");
        assert_eq!(rig.env.words, words, "no doorbell");
        assert_eq!(rig.read32(reg::SCRATCH), 0);
        let mut destroy: rnic_abi::DestroyEqRequest = zeroed();
        destroy.eqn.set(eqn);
        rig.ok::<cmd::DestroyEq>(destroy);
    }
}

#[test]
fn failed_creations_keep_nothing() {
    // [CMD-14] [CMD-18] [CMD-19]
    let mut rig = Rig::up();
    let pd = rig.ok::<cmd::CreatePd>(zeroed()).pd.get();
    let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::COMPLETION);
    eq.ring = rig.ring_description(2, 4, SLOT).0;
    let eqn = rig.ok::<cmd::CreateEq>(eq).eqn.get();
    let mut cq: rnic_abi::CreateCqRequest = zeroed();
    cq.eqn.set(eqn);
    cq.ring = rig.ring_description(2, 6, SLOT + 1).0;
    let cqn = rig.ok::<cmd::CreateCq>(cq).cqn.get();
    let gone = 0xDEAD_0000;
    eq.ring.doorbell.set(SLOT + 2);
    eq.ring.page_list.set(gone);
    cq.ring.doorbell.set(SLOT + 3);
    cq.ring.page_list.set(gone);
    let mut srq: rnic_abi::CreateSrqRequest = zeroed();
    srq.pd.set(pd);
    srq.ring = rig.ring_description(2, 6, SLOT + 4).0;
    srq.ring.page_list.set(gone);
    let mut qp = rnic_abi::CreateQpRequest::zeroed().with_qp_type(rnic_abi::QpType::RC);
    qp.pd.set(pd);
    qp.send_cqn.set(cqn);
    qp.recv_cqn.set(cqn);
    qp.send_ring = rig.ring_description(2, 6, SLOT + 5).0;
    qp.recv_ring = rig.ring_description(2, 6, SLOT + 6).0;
    // The second of two lists, when the first was read already.
    qp.recv_ring.page_list.set(gone);
    let mut begin: rnic_abi::BeginMrRequest = zeroed();
    begin.pd.set(pd + 1);
    begin.length.set(4096);
    begin.page_count.set(1);
    begin.log_page_bytes = 12;
    // More often than any table is long that is not a table of keys.
    for _ in 0..5000 {
        assert_eq!(rig.fails::<cmd::CreateEq>(eq).0, Status::DMA_ERROR);
        assert_eq!(rig.fails::<cmd::CreateCq>(cq).0, Status::DMA_ERROR);
        assert_eq!(rig.fails::<cmd::CreateSrq>(srq).0, Status::DMA_ERROR);
        assert_eq!(rig.fails::<cmd::CreateQp>(qp).0, Status::DMA_ERROR);
        assert_eq!(rig.fails::<cmd::BeginMr>(begin).0, Status::NO_SUCH_OBJECT);
    }
    let hardware = rig.device.hardware();
    let resources = &hardware.resources;
    assert_eq!((resources.eqs.len(), resources.cqs.len()), (1, 1));
    assert_eq!((resources.srqs.len(), hardware.qps.len()), (0, 0));
    assert_eq!(resources.keys.pages_charged(), 0);
    for slot in SLOT + 2..SLOT + 7 {
        assert!(is_queue_slot(slot) && !resources.doorbells.is_owned(slot));
    }
    // Nothing holds what the failed ones named.
    let mut destroy: rnic_abi::DestroyCqRequest = zeroed();
    destroy.cqn.set(cqn);
    rig.ok::<cmd::DestroyCq>(destroy);
    let mut destroy: rnic_abi::DestroyEqRequest = zeroed();
    destroy.eqn.set(eqn);
    rig.ok::<cmd::DestroyEq>(destroy);
    let mut destroy: rnic_abi::DestroyPdRequest = zeroed();
    destroy.pd.set(pd);
    rig.ok::<cmd::DestroyPd>(destroy);
}

#[test]
fn no_index_of_the_guest_makes_a_run_longer_than_its_budget() {
    // [CONV-12] [DB-6] [DB-7]
    let mut rig = Rig::up();
    rig.env.mapped = false;
    let qpn = rig.queue_pair();
    let few = Budget { bytes: 64, ops: 8 };
    let page = 3 * 512 + 8;
    // Every doorbell that the rig has, with indices far from anything posted.
    for value in [u64::MAX, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 5, 1 << 20] {
        for slot in page..page + 4 {
            rig.ring_slot(slot, value);
        }
        for _ in 0..200 {
            if rig.device.run(&mut rig.env, few) == Progress::Idle {
                break;
            }
        }
        assert_eq!(
            rig.device.run(&mut rig.env, few),
            Progress::Idle,
            "{value:#x}"
        );
    }
    // The queue pair, and nothing else, paid for it; the device answers.
    let mut query: rnic_abi::QueryQpRequest = zeroed();
    query.qpn.set(qpn);
    let state = rig.ok::<cmd::QueryQp>(query).state();
    assert_eq!(state, rnic_abi::QpState::ERROR);
    rig.ok::<cmd::Nop>(zeroed());
}
