//! Releasing a connection: DREQ, DREP (IBTA vol. 1, 12.6.10, 12.6.11).

use crate::number::Qpn;

use super::value::CommId;

message! {
    /// Request for communication release.
    Dreq {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// The receiver's queue pair.
        remote_qpn: Qpn = 8:0/24,
        /// Reserved.
        reserved_11: u8 = 11:0/8,
        /// Private data.
        private_data: [u8; 220] = 12:0/1760,
    }
}

message! {
    /// Reply to it.
    Drep {
        /// The sender's name for the connection.
        local_comm_id: CommId = 0:0/32,
        /// The receiver's.
        remote_comm_id: CommId = 4:0/32,
        /// Private data.
        private_data: [u8; 224] = 8:0/1792,
    }
}
