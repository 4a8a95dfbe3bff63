use rnic_abi::{ModifyMask, ModifyQpRequest, Mtu as MtuCode, Status, SyndromeReason as R};

use super::*;
use crate::error::CommandError;

pub(super) fn modify(n: &mut Node, r: &ModifyQpRequest) -> Result<(), CommandError> {
    let local = path(n, n, 0, Mtu::B1024).local;
    let find = |index| (index == 3).then_some(local);
    n.qps.modify(&mut n.env, &mut n.res, r, find, |_| false)
}

fn request(qpn: u32, mask: ModifyMask) -> ModifyQpRequest {
    let mut r = ModifyQpRequest::zeroed()
        .with_mask(mask)
        .with_path_mtu(MtuCode::MTU_1024);
    r.qpn.set(qpn);
    r.local_address.set(3);
    r.udp_source_port.set(50_000);
    r.peer_address = Gid::from(std::net::Ipv4Addr::new(10, 0, 0, 9)).0;
    r.peer_qpn.set(7);
    r
}

pub(super) fn to_state(qpn: u32, state: QpState) -> ModifyQpRequest {
    request(qpn, ModifyMask::STATE).with_state(state)
}

#[test]
fn commands_take_a_queue_pair_through_its_states() {
    // [QP-1] [QP-4] [QP-6] [QP-9] [CMD-14]
    let mut n = Node::new(1);
    let q = n.create(false);
    assert_eq!(n.state(q), QpState::INIT);
    let incomplete = modify(&mut n, &to_state(q, QpState::RTR)).unwrap_err();
    assert_eq!(
        (incomplete.status, incomplete.reason),
        (Status::INVALID_STATE, R::NOT_COMPLETE)
    );
    let half = request(q, ModifyMask::PATH | ModifyMask::STATE).with_state(QpState::RTR);
    assert_eq!(modify(&mut n, &half).unwrap_err().reason, R::NOT_COMPLETE);
    let left = n.qps.query(q).unwrap();
    assert_eq!(left.peer_qpn.get(), 0, "a refused command leaves nothing");
    let wrong = modify(&mut n, &to_state(q, QpState::RTS)).unwrap_err();
    assert_eq!(
        (wrong.status, wrong.reason),
        (Status::INVALID_STATE, R::WRONG_STATE)
    );
    let all = ModifyMask::PATH | ModifyMask::RECV_PSN | ModifyMask::READ_DEPTH;
    let mut r = request(q, all | ModifyMask::STATE).with_state(QpState::RTR);
    r.recv_psn.set(0x12_3456);
    r.read_depth_in = 3;
    r.read_depth_out = 2;
    modify(&mut n, &r).unwrap();
    let rts = to_state(q, QpState::RTS);
    assert_eq!(modify(&mut n, &rts).unwrap_err().reason, R::NOT_COMPLETE);
    let mut r = request(
        q,
        ModifyMask::SEND_PSN | ModifyMask::RETRY | ModifyMask::STATE,
    )
    .with_state(QpState::RTS);
    r.send_psn.set(0x77);
    r.retry_count = 7;
    modify(&mut n, &r).unwrap();
    let answer = n.qps.query(q).unwrap();
    assert_eq!(
        (answer.state(), answer.qp_type(), answer.path_mtu()),
        (QpState::RTS, QpType::RC, MtuCode::MTU_1024)
    );
    assert_eq!(
        (
            answer.send_psn.get(),
            answer.recv_psn.get(),
            answer.peer_qpn.get()
        ),
        (0x77, 0x12_3456, 7)
    );
    assert_eq!((answer.read_depth_in, answer.read_depth_out), (3, 2));
    modify(&mut n, &to_state(q, QpState::ERROR)).unwrap();
    n.run();
    assert!(n.events().is_empty(), "it did not fail by itself");
    modify(&mut n, &to_state(q, QpState::RESET)).unwrap();
    modify(&mut n, &to_state(q, QpState::INIT)).unwrap();
    assert_eq!(n.qps.query(q).unwrap().peer_qpn.get(), 0);
    assert!(n.qps.set_connection(q, 9));
    let owned = modify(&mut n, &to_state(q, QpState::RESET)).unwrap_err();
    assert_eq!(owned.status, Status::INVALID_STATE, "[QP-7]");
    modify(&mut n, &to_state(q, QpState::ERROR)).unwrap();
    assert!(n.qps.query(999).is_none());
}

#[test]
fn modify_refuses_what_does_not_fit() {
    // [QP-8]
    let mut n = Node::new(1);
    let q = n.create(false);
    type Edit = fn(&mut ModifyQpRequest);
    let rows: &[(ModifyMask, Edit, Status, usize)] = &[
        (
            ModifyMask::PATH,
            |r| r.path_mtu_raw = 0,
            Status::INVALID_FIELD,
            25,
        ),
        (
            ModifyMask::PATH,
            |r| r.path_mtu_raw = 6,
            Status::INVALID_FIELD,
            25,
        ),
        (
            ModifyMask::READ_DEPTH,
            |r| r.read_depth_in = 129,
            Status::LIMIT_EXCEEDED,
            26,
        ),
        (
            ModifyMask::READ_DEPTH,
            |r| r.read_depth_out = 129,
            Status::LIMIT_EXCEEDED,
            27,
        ),
        (
            ModifyMask::RETRY,
            |r| r.retry_count = 8,
            Status::LIMIT_EXCEEDED,
            28,
        ),
        (
            ModifyMask::RETRY,
            |r| r.rnr_retry = 8,
            Status::LIMIT_EXCEEDED,
            29,
        ),
        (
            ModifyMask::RNR_TIMER,
            |r| r.min_rnr_timer = 32,
            Status::LIMIT_EXCEEDED,
            30,
        ),
        (
            ModifyMask::RETRY,
            |r| r.ack_timeout = 32,
            Status::LIMIT_EXCEEDED,
            31,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_qpn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            32,
        ),
        (
            ModifyMask::SEND_PSN,
            |r| r.send_psn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            36,
        ),
        (
            ModifyMask::RECV_PSN,
            |r| r.recv_psn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            40,
        ),
        (
            ModifyMask::PATH,
            |r| r.local_address.set(4),
            Status::NO_SUCH_OBJECT,
            48,
        ),
        (
            ModifyMask::PATH,
            |r| r.udp_source_port.set(4791),
            Status::INVALID_FIELD,
            50,
        ),
        (
            ModifyMask::ACCESS,
            |r| r.access_raw.set(1),
            Status::INVALID_FIELD,
            52,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_address = [0; 16],
            Status::INVALID_FIELD,
            56,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_address = [0xff; 16],
            Status::INVALID_FIELD,
            56,
        ),
        (
            ModifyMask::NEXT_HOP,
            |r| r.next_hop = [1; 6],
            Status::INVALID_FIELD,
            72,
        ),
        (
            ModifyMask::PATH,
            |r| r.flow_label.set(1 << 20),
            Status::LIMIT_EXCEEDED,
            80,
        ),
        (
            ModifyMask::STATE,
            |r| r.state_raw = 9,
            Status::INVALID_FIELD,
            24,
        ),
        (
            ModifyMask::PATH,
            |r| r.qpn.set(77),
            Status::NO_SUCH_OBJECT,
            16,
        ),
    ];
    for (n_row, (mask, edit, status, at)) in rows.iter().enumerate() {
        let mut r = request(q, *mask);
        edit(&mut r);
        let e = modify(&mut n, &r).unwrap_err();
        assert_eq!(
            (e.status, usize::from(e.offset)),
            (*status, *at),
            "row {n_row}"
        );
    }
    n.env.mtu = 1500;
    let mut r = request(q, ModifyMask::PATH);
    r.path_mtu_raw = MtuCode::MTU_2048.0;
    let e = modify(&mut n, &r).unwrap_err();
    assert_eq!(
        (e.status, e.offset),
        (Status::LIMIT_EXCEEDED, 25),
        "the port's MTU"
    );
    r.path_mtu_raw = MtuCode::MTU_1024.0;
    modify(&mut n, &r).unwrap();
    // What the mask leaves out is not looked at.
    let mut r = request(q, ModifyMask::QKEY);
    r.read_depth_in = 255;
    modify(&mut n, &r).unwrap();
}

#[test]
fn create_refuses_what_does_not_fit() {
    // [QP-2] [QP-3] [DB-2]
    type Edit = fn(&mut CreateQpRequest);
    let rows: &[(bool, Edit, Status, R, usize)] = &[
        (
            false,
            |r| r.set_qp_type(QpType(9)),
            Status::INVALID_FIELD,
            R::BAD_VALUE,
            24,
        ),
        (
            false,
            |r| r.max_send_segments.set(33),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            26,
        ),
        (
            false,
            |r| r.max_recv_segments.set(33),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            28,
        ),
        (
            true,
            |r| r.max_recv_segments.set(1),
            Status::INVALID_FIELD,
            R::CONFLICT,
            28,
        ),
        (
            false,
            |r| r.max_inline.set(513),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            30,
        ),
        (
            false,
            |r| r.max_inline.set(512),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            85,
        ),
        (
            false,
            |r| r.max_send_segments.set(14),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            85,
        ),
        (
            false,
            |r| r.max_recv_segments.set(16),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            109,
        ),
        (
            false,
            |r| r.srqn.set(1),
            Status::INVALID_FIELD,
            R::CONFLICT,
            40,
        ),
        (
            true,
            |r| r.srqn.set(77),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            40,
        ),
        (
            false,
            |r| r.qpn.set(1),
            Status::INVALID_FIELD,
            R::BAD_VALUE,
            44,
        ),
        (
            false,
            |r| r.send_retired_address.set(4),
            Status::INVALID_FIELD,
            R::NOT_ALIGNED,
            56,
        ),
        (
            false,
            |r| r.recv_retired_address.set(4),
            Status::INVALID_FIELD,
            R::NOT_ALIGNED,
            64,
        ),
        (
            true,
            |r| r.recv_retired_address.set(8),
            Status::INVALID_FIELD,
            R::CONFLICT,
            64,
        ),
        (
            true,
            |r| r.recv_ring.doorbell.set(600),
            Status::INVALID_FIELD,
            R::CONFLICT,
            96,
        ),
        (
            false,
            |r| r.pd.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            16,
        ),
        (
            false,
            |r| r.send_cqn.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            32,
        ),
        (
            false,
            |r| r.recv_cqn.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            36,
        ),
        (
            false,
            |r| r.send_ring.doorbell.set(CQ_SLOT),
            Status::DOORBELL_IN_USE,
            R::IN_USE,
            0,
        ),
        (
            false,
            |r| r.recv_ring.doorbell = r.send_ring.doorbell,
            Status::DOORBELL_IN_USE,
            R::IN_USE,
            0,
        ),
        (
            false,
            |r| r.send_ring.page_list.set(1 << 50),
            Status::DMA_ERROR,
            R::NOT_REACHABLE,
            72,
        ),
    ];
    let mut n = Node::new(1);
    for (row, (srq, edit, status, reason, at)) in rows.iter().enumerate() {
        let (mut r, _, _) = n.request(*srq);
        edit(&mut r);
        let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
        assert_eq!((e.status, e.reason), (*status, *reason), "row {row}");
        assert!(*at == 0 || usize::from(e.offset) == *at, "row {row}: {e:?}");
        assert!(
            n.qps.is_empty() && !n.res.cqs.get(n.cqn).unwrap().is_used(),
            "row {row}"
        );
    }
    n.res.features = 0;
    let (r, _, _) = n.request(true);
    let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
    assert_eq!(e.status, Status::UNSUPPORTED);
    for service in [QpType::UC, QpType::UD] {
        let (mut r, _, _) = n.request(false);
        r.set_qp_type(service);
        let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
        assert_eq!((e.status, e.reason), (Status::UNSUPPORTED, R::NOT_ACTIVE));
    }
    n.res.features = feature::SRQ;
    let (pd, _) = n.res.keys.create_domain(false).unwrap();
    let (mut r, _, _) = n.request(true);
    r.pd.set(pd);
    let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
    assert_eq!(
        (e.status, e.reason),
        (Status::ACCESS_DENIED, R::WRONG_DOMAIN)
    );
}
