//! Establishing a connection: REQ, MRA, REJ, REP, RTU (IBTA vol. 1, 12.6.5 to 12.6.9).

use crate::number::{Gid, Mtu, PKey, QKey, Qpn};
use crate::psn::Psn;
use crate::syndrome::TimeoutCode;

use super::value::{CommId, MraOf, RejOf, RejectReason, ServiceId, TransportService};

message! {
    /// Request for communication.
    Req {
        /// The requester's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// Reserved.
        reserved_4: u8 = 4:0/8,
        /// Vendor, of the manager.
        vendor_id: u32 = 5:0/24,
        /// Who is asked.
        service_id: ServiceId = 8:0/64,
        /// Identifier of the requester's adapter.
        local_ca_guid: u64 = 16:0/64,
        /// Reserved.
        reserved_24: u32 = 24:0/32,
        /// Queue key, for datagrams.
        local_qkey: QKey = 28:0/32,
        /// The requester's queue pair.
        local_qpn: Qpn = 32:0/24,
        /// READs and atomics that the requester can answer at once.
        responder_resources: u8 = 35:0/8,
        /// End-to-end context, reliable datagram only.
        local_eecn: u32 = 36:0/24,
        /// READs and atomics that the requester wants to have outstanding.
        initiator_depth: u8 = 39:0/8,
        /// End-to-end context, reliable datagram only.
        remote_eecn: u32 = 40:0/24,
        /// How long the requester may take to answer.
        remote_cm_response_timeout: TimeoutCode = 43:0/5,
        /// Transport service.
        transport_service: TransportService = 43:5/2,
        /// The requester uses end-to-end credits.
        end_to_end_flow_control: bool = 43:7/1,
        /// PSN that the receiver of the message begins to send with.
        starting_psn: Psn = 44:0/24,
        /// How long the requester waits for an answer.
        local_cm_response_timeout: TimeoutCode = 47:0/5,
        /// Retries after a timeout or a sequence NAK.
        retry_count: u8 = 47:5/3,
        /// Partition.
        pkey: PKey = 48:0/16,
        /// Code of the path MTU, see [`Req::mtu`].
        path_mtu: u8 = 50:0/4,
        /// Reliable datagram channel exists.
        rdc_exists: bool = 50:4/1,
        /// Retries after receiver not ready; 7 is without end.
        rnr_retry_count: u8 = 50:5/3,
        /// How often a message is sent again.
        max_cm_retries: u8 = 51:0/4,
        /// The requester's queue pair uses a shared receive queue.
        srq: bool = 51:4/1,
        /// Names the service when `transport_service` is `Extended`.
        extended_transport_type: u8 = 51:5/3,
        /// LID, 0xffff on RoCE.
        primary_local_lid: u16 = 52:0/16,
        /// LID, 0xffff on RoCE.
        primary_remote_lid: u16 = 54:0/16,
        /// The requester's address.
        primary_local_gid: Gid = 56:0/128,
        /// The address that is asked.
        primary_remote_gid: Gid = 72:0/128,
        /// Flow label, from which both sides derive the UDP source port.
        primary_flow_label: u32 = 88:0/20,
        /// Reserved.
        reserved_90: u8 = 90:4/6,
        /// Packet rate.
        primary_packet_rate: u8 = 91:2/6,
        /// Traffic class.
        primary_traffic_class: u8 = 92:0/8,
        /// Hop limit.
        primary_hop_limit: u8 = 93:0/8,
        /// Service level.
        primary_sl: u8 = 94:0/4,
        /// Both are in one subnet.
        primary_subnet_local: bool = 94:4/1,
        /// Reserved.
        reserved_94: u8 = 94:5/3,
        /// The requester's acknowledge timeout.
        primary_local_ack_timeout: TimeoutCode = 95:0/5,
        /// Reserved.
        reserved_95: u8 = 95:5/3,
        /// Alternate path; all zero when there is none.
        alternate_local_lid: u16 = 96:0/16,
        /// Alternate path.
        alternate_remote_lid: u16 = 98:0/16,
        /// Alternate path.
        alternate_local_gid: Gid = 100:0/128,
        /// Alternate path.
        alternate_remote_gid: Gid = 116:0/128,
        /// Alternate path.
        alternate_flow_label: u32 = 132:0/20,
        /// Reserved.
        reserved_134: u8 = 134:4/6,
        /// Alternate path.
        alternate_packet_rate: u8 = 135:2/6,
        /// Alternate path.
        alternate_traffic_class: u8 = 136:0/8,
        /// Alternate path.
        alternate_hop_limit: u8 = 137:0/8,
        /// Alternate path.
        alternate_sl: u8 = 138:0/4,
        /// Alternate path.
        alternate_subnet_local: bool = 138:4/1,
        /// Reserved.
        reserved_138: u8 = 138:5/3,
        /// Alternate path.
        alternate_local_ack_timeout: TimeoutCode = 139:0/5,
        /// Reserved.
        reserved_139: u8 = 139:5/3,
        /// Private data: 36 bytes of [`crate::cma`] and 56 of the consumer.
        private_data: [u8; 92] = 140:0/736,
    }
}

impl Req {
    /// The path MTU; `None` when its code is none.
    #[must_use]
    pub const fn mtu(&self) -> Option<Mtu> {
        Mtu::from_code(self.path_mtu)
    }
}

message! {
    /// Message receipt acknowledge: the answer takes longer.
    Mra {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Which message was received.
        message: MraOf = 8:0/2,
        /// Reserved.
        reserved_8: u8 = 8:2/6,
        /// How much longer it takes.
        service_timeout: TimeoutCode = 9:0/5,
        /// Reserved.
        reserved_9: u8 = 9:5/3,
        /// Private data.
        private_data: [u8; 222] = 10:0/1776,
    }
}

message! {
    /// Reject.
    Rej {
        /// The sender's name for the connection; 0 when it has none.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Which message is refused.
        message: RejOf = 8:0/2,
        /// Reserved.
        reserved_8: u8 = 8:2/6,
        /// Bytes of `ari` that count.
        ari_len: u8 = 9:0/7,
        /// Reserved.
        reserved_9: u8 = 9:7/1,
        /// Why.
        reason: RejectReason = 10:0/16,
        /// Additional reject information.
        ari: [u8; 72] = 12:0/576,
        /// Private data.
        private_data: [u8; 148] = 84:0/1184,
    }
}

message! {
    /// Reply to a request.
    Rep {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Queue key, for datagrams.
        local_qkey: QKey = 8:0/32,
        /// The sender's queue pair.
        local_qpn: Qpn = 12:0/24,
        /// Vendor, of the manager: high byte.
        vendor_id_high: u8 = 15:0/8,
        /// End-to-end context, reliable datagram only.
        local_eecn: u32 = 16:0/24,
        /// Vendor: middle byte.
        vendor_id_middle: u8 = 19:0/8,
        /// PSN that the receiver of the message begins to send with.
        starting_psn: Psn = 20:0/24,
        /// Vendor: low byte.
        vendor_id_low: u8 = 23:0/8,
        /// READs and atomics that the sender can answer at once.
        responder_resources: u8 = 24:0/8,
        /// READs and atomics that the sender will have outstanding.
        initiator_depth: u8 = 25:0/8,
        /// How long the sender may take to acknowledge.
        target_ack_delay: TimeoutCode = 26:0/5,
        /// Alternate path: 0 accepted, 1 not supported, 2 refused.
        failover_accepted: u8 = 26:5/2,
        /// The sender uses end-to-end credits.
        end_to_end_flow_control: bool = 26:7/1,
        /// Retries after receiver not ready; 7 is without end.
        rnr_retry_count: u8 = 27:0/3,
        /// The sender's queue pair uses a shared receive queue.
        srq: bool = 27:3/1,
        /// Reserved.
        reserved_27: u8 = 27:4/4,
        /// Identifier of the sender's adapter.
        local_ca_guid: u64 = 28:0/64,
        /// Private data, the consumer's.
        private_data: [u8; 196] = 36:0/1568,
    }
}

message! {
    /// Ready to use.
    Rtu {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Private data.
        private_data: [u8; 224] = 8:0/1792,
    }
}
