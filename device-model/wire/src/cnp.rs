//! Congestion notification packet (IBTA annex A17.9.3): BECN set, PSN 0, sixteen reserved zero bytes.

use crate::bth::Bth;
use crate::ext::Ext;
use crate::number::Qpn;
use crate::opcode::Opcode;
use crate::packet::{CNP_RESERVED_LEN, Packet};
use crate::psn::Psn;

/// The notification that tells `dest_qpn`, the sender of a marked flow, to slow down.
#[must_use]
pub const fn packet(dest_qpn: Qpn) -> Packet<'static> {
    let mut bth = Bth::new(Opcode::Cnp, dest_qpn, Psn::ZERO);
    bth.becn = true;
    Packet {
        bth,
        ext: Ext::None,
        payload: &[0; CNP_RESERVED_LEN],
    }
}
