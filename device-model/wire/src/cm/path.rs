//! Alternate paths: LAP, APR (IBTA vol. 1, 12.8). RoCE peers do not use them; they are parsed so that every
//! message is known, and refused above.

use crate::number::{Gid, Qpn};
use crate::syndrome::TimeoutCode;

use super::value::CommId;

message! {
    /// Load alternate path.
    Lap {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Reserved.
        reserved_8: u32 = 8:0/32,
        /// The receiver's queue pair.
        remote_qpn: Qpn = 12:0/24,
        /// How long the receiver may take to answer.
        remote_cm_response_timeout: TimeoutCode = 15:0/5,
        /// Reserved.
        reserved_15: u8 = 15:5/3,
        /// Reserved.
        reserved_16: u32 = 16:0/32,
        /// LID.
        alternate_local_lid: u16 = 20:0/16,
        /// LID.
        alternate_remote_lid: u16 = 22:0/16,
        /// The sender's address.
        alternate_local_gid: Gid = 24:0/128,
        /// The receiver's.
        alternate_remote_gid: Gid = 40:0/128,
        /// Flow label.
        alternate_flow_label: u32 = 56:0/20,
        /// Reserved.
        reserved_58: u8 = 58:4/4,
        /// Traffic class.
        alternate_traffic_class: u8 = 59:0/8,
        /// Hop limit.
        alternate_hop_limit: u8 = 60:0/8,
        /// Reserved.
        reserved_61: u8 = 61:0/2,
        /// Packet rate.
        alternate_packet_rate: u8 = 61:2/6,
        /// Service level.
        alternate_sl: u8 = 62:0/4,
        /// Both are in one subnet.
        alternate_subnet_local: bool = 62:4/1,
        /// Reserved.
        reserved_62: u8 = 62:5/3,
        /// The sender's acknowledge timeout.
        alternate_local_ack_timeout: TimeoutCode = 63:0/5,
        /// Reserved.
        reserved_63: u8 = 63:5/3,
        /// Private data.
        private_data: [u8; 168] = 64:0/1344,
    }
}

message! {
    /// Alternate path response.
    Apr {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Bytes of `info` that count.
        info_len: u8 = 8:0/8,
        /// 0 loaded, others not.
        status: u8 = 9:0/8,
        /// Reserved.
        reserved_10: u16 = 10:0/16,
        /// Additional information.
        info: [u8; 72] = 12:0/576,
        /// Private data.
        private_data: [u8; 148] = 84:0/1184,
    }
}
