//! Messages made of a connection (IBTA vol. 1, 12.6).

use rnic_wire::cm::{
    CommId, Drep, Dreq, Mra, MraOf, Rej, RejOf, RejectReason, Rep, Req, Rtu, TransportService,
};
use rnic_wire::cma::{IpPair, PortSpace, service_id};
use rnic_wire::{CmMad, CmMessage, CmaHeader, PKey, Qpn, TimeoutCode};

use super::Connection;

/// What each side waits for the other's answer: 4.096 us * 2^18, about a second.
pub(super) const RESPONSE_TIMEOUT: u8 = 18;
/// `[ROCE-4]` Repetitions of a message before its sender gives up.
pub(super) const MAX_RETRIES: u8 = 7;
/// What an MRA asks for: 4.096 us * 2^23, about 34 seconds.
pub(super) const SERVICE_TIMEOUT: u8 = 23;
/// Local ACK timeout of a connection: 4.096 us * 2^17, as Linux computes it for RoCE.
pub(super) const ACK_TIMEOUT: u8 = 17;
const TARGET_ACK_DELAY: u8 = 15;
/// No LID on RoCE.
const PERMISSIVE_LID: u16 = 0xFFFF;
const HOP_LIMIT: u8 = 64;

/// A timeout code of this file.
pub(crate) fn timeout(code: u8) -> TimeoutCode {
    TimeoutCode::new(code).unwrap_or_default()
}

/// Nanoseconds of a code: 4.096 us * 2^n.
pub(super) const fn nanos(code: u8) -> u64 {
    4096u64 << (code & 31)
}

impl Connection {
    fn mad(&self, message: CmMessage) -> CmMad {
        CmMad::new(self.tid, message)
    }

    /// REQ with the consumer's private data, at most 56 bytes.
    pub(crate) fn req(&self, guid: u64, private_data: &[u8]) -> Option<CmMad> {
        let addresses = IpPair::new(self.local.gid.to_ip(), self.peer.to_ip())?;
        let cma = CmaHeader {
            src_port: self.local_port,
            addresses,
        };
        let request = Req {
            local_comm_id: self.local_id,
            service_id: service_id(PortSpace::Tcp, self.peer_port),
            local_ca_guid: guid,
            local_qpn: Qpn::truncate(self.qpn),
            responder_resources: self.given.depth_in,
            initiator_depth: self.given.depth_out,
            remote_cm_response_timeout: timeout(RESPONSE_TIMEOUT),
            transport_service: TransportService::Rc,
            end_to_end_flow_control: self.given.flow_control,
            // [ROCE-1]
            starting_psn: self.recv_psn,
            local_cm_response_timeout: timeout(RESPONSE_TIMEOUT),
            retry_count: self.given.retry_count,
            pkey: PKey::DEFAULT,
            path_mtu: self.mtu.code(),
            rnr_retry_count: self.given.rnr_retry,
            max_cm_retries: MAX_RETRIES,
            primary_local_lid: PERMISSIVE_LID,
            primary_remote_lid: PERMISSIVE_LID,
            primary_local_gid: self.local.gid,
            primary_remote_gid: self.peer,
            primary_flow_label: self.flow_label,
            primary_traffic_class: self.given.traffic_class,
            primary_hop_limit: HOP_LIMIT,
            primary_local_ack_timeout: timeout(ACK_TIMEOUT),
            private_data: cma.private_data(private_data)?,
            ..Req::default()
        };
        Some(self.mad(CmMessage::Req(request)))
    }

    /// REP with the consumer's private data.
    pub(crate) fn rep(&self, guid: u64, private_data: [u8; 196]) -> CmMad {
        self.mad(CmMessage::Rep(Rep {
            local_comm_id: self.local_id,
            remote_comm_id: self.remote_id,
            local_qpn: Qpn::truncate(self.qpn),
            // [ROCE-1]
            starting_psn: self.recv_psn,
            responder_resources: self.given.depth_in,
            initiator_depth: self.given.depth_out,
            target_ack_delay: timeout(TARGET_ACK_DELAY),
            end_to_end_flow_control: self.given.flow_control,
            rnr_retry_count: self.given.rnr_retry,
            local_ca_guid: guid,
            private_data,
            ..Rep::default()
        }))
    }

    /// RTU.
    pub(crate) fn rtu(&self) -> CmMad {
        self.mad(CmMessage::Rtu(Rtu {
            local_comm_id: self.local_id,
            remote_comm_id: self.remote_id,
            ..Rtu::default()
        }))
    }

    /// MRA: we have it and need time.
    pub(crate) fn mra(&self, message: MraOf) -> CmMad {
        self.mad(CmMessage::Mra(Mra {
            local_comm_id: self.local_id,
            remote_comm_id: self.remote_id,
            message,
            service_timeout: timeout(SERVICE_TIMEOUT),
            ..Mra::default()
        }))
    }

    /// REJ.
    pub(crate) fn rej(
        &self,
        message: RejOf,
        reason: RejectReason,
        private_data: [u8; 148],
    ) -> CmMad {
        self.mad(CmMessage::Rej(Rej {
            local_comm_id: self.local_id,
            remote_comm_id: self.remote_id,
            message,
            reason,
            private_data,
            ..Rej::default()
        }))
    }

    /// DREQ, in a transaction of its own.
    pub(crate) fn dreq(&self, tid: u64) -> CmMad {
        CmMad::new(
            tid,
            CmMessage::Dreq(Dreq {
                local_comm_id: self.local_id,
                remote_comm_id: self.remote_id,
                remote_qpn: self.remote_qpn,
                ..Dreq::default()
            }),
        )
    }
}

/// REJ to a request that gets no connection.
pub(crate) fn refusal(tid: u64, theirs: CommId, reason: RejectReason) -> CmMad {
    CmMad::new(
        tid,
        CmMessage::Rej(Rej {
            remote_comm_id: theirs,
            message: RejOf::Req,
            reason,
            ..Rej::default()
        }),
    )
}

/// DREP in the transaction of the DREQ.
pub(crate) fn drep(tid: u64, dreq: &Dreq) -> CmMad {
    CmMad::new(
        tid,
        CmMessage::Drep(Drep {
            local_comm_id: dreq.remote_comm_id,
            remote_comm_id: dreq.local_comm_id,
            ..Drep::default()
        }),
    )
}
