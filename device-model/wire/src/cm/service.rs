//! Service identifier resolution for datagrams: SIDR_REQ, SIDR_REP (IBTA vol. 1, 12.11).

use crate::number::{PKey, QKey, Qpn};

use super::value::{CommId, ServiceId, SidrStatus};

message! {
    /// Service identifier resolution request.
    SidrReq {
        /// The requester's name for the exchange.
        request_id: CommId = 0:0/32,
        /// Partition.
        pkey: PKey = 4:0/16,
        /// Reserved.
        reserved_6: u16 = 6:0/16,
        /// Who is asked.
        service_id: ServiceId = 8:0/64,
        /// Private data: 36 bytes of [`crate::cma`] and 180 of the consumer.
        private_data: [u8; 216] = 16:0/1728,
    }
}

message! {
    /// Service identifier resolution response.
    SidrRep {
        /// The requester's name for the exchange.
        request_id: CommId = 0:0/32,
        /// Outcome.
        status: SidrStatus = 4:0/8,
        /// Bytes of `info` that count.
        info_len: u8 = 5:0/8,
        /// Vendor, of the manager: high bytes.
        vendor_id_high: u16 = 6:0/16,
        /// Queue pair of the service.
        qpn: Qpn = 8:0/24,
        /// Vendor: low byte.
        vendor_id_low: u8 = 11:0/8,
        /// Who was asked.
        service_id: ServiceId = 12:0/64,
        /// Queue key of the service.
        qkey: QKey = 20:0/32,
        /// Additional information.
        info: [u8; 72] = 24:0/576,
        /// Private data.
        private_data: [u8; 136] = 96:0/1088,
    }
}
