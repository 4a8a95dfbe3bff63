//! States of a queue pair, and what a connection fixes `[QP-4]`, `[QP-6]`.

use rnic_abi::{AccessFlags, QpState, QpType};
use rnic_mutant::mutant;
use rnic_transport::Nanos;
use rnic_transport::rc::{RequesterConfig, ResponderConfig};
use rnic_wire::{Gid, MacAddr, Mtu, Psn, QKey, Qpn, RnrTimer, TimeoutCode};

/// Who asks for a change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// MODIFY_QP.
    Command,
    /// The connection manager.
    Manager,
    /// The device itself.
    Device,
}

/// Whether a queue pair may go from one state to another `[QP-4]`.
#[must_use]
pub fn may_change(from: QpState, to: QpState, by: By) -> bool {
    match (by, from, to) {
        (By::Command, QpState::INIT, QpState::RTR)
        | (By::Command, QpState::RTR, QpState::RTS)
        | (By::Command, QpState::RESET, QpState::INIT)
        | (By::Command, _, QpState::ERROR | QpState::RESET)
        | (By::Manager, QpState::INIT, QpState::RTR | QpState::RTS)
        | (By::Manager, QpState::RTR, QpState::RTS)
        | (By::Manager, QpState::INIT | QpState::RTR | QpState::RTS, QpState::QUIESCED)
        | (By::Device, QpState::RTR | QpState::RTS, QpState::QUIESCED) => true,
        (By::Command, QpState::INIT, QpState::RTS) => mutant("QP-4/jump"),
        // [DB-6] [QP-43] hold in every state in which something can be posted.
        (By::Device, from, QpState::ERROR) => from != QpState::ERROR && from != QpState::RESET,
        _ => false,
    }
}

/// An address of this device, as the address table resolves its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// Address.
    pub gid: Gid,
    /// Ethernet address that frames carry as source.
    pub mac: MacAddr,
    /// VLAN id, 1 to 4094.
    pub vlan: Option<u16>,
}

/// How to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathAttributes {
    /// Peer's address.
    pub peer: Gid,
    /// Peer's queue pair.
    pub peer_qpn: Qpn,
    /// Our address.
    pub local: LocalAddress,
    /// Whether the peer's address is one of this device too.
    pub loopback: bool,
    /// UDP source port.
    pub source_port: u16,
    /// Path MTU.
    pub mtu: Mtu,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit; 0 counts as 64.
    pub hop_limit: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
}

/// Retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Transport retries, 0 to 7.
    pub count: u8,
    /// RNR retries, 0 to 7; 7 is for ever.
    pub rnr: u8,
    /// Acknowledge timeout.
    pub timeout: TimeoutCode,
}

/// What was given so far.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// How to the peer.
    pub path: Option<PathAttributes>,
    /// Ethernet address of the next hop. Without one, the first frame of the peer tells it.
    pub next_hop: Option<MacAddr>,
    /// First sequence number sent.
    pub send_psn: Option<Psn>,
    /// First sequence number expected.
    pub recv_psn: Option<Psn>,
    /// Reads and atomics that the peer may have outstanding.
    pub read_depth_in: u8,
    /// Reads and atomics that we may have outstanding.
    pub read_depth_out: u8,
    /// Retries.
    pub retry: Option<Retry>,
    /// Wait that our RNR NAKs ask for.
    pub rnr_timer: RnrTimer,
    /// What the peer may do through this queue pair.
    pub access: AccessFlags,
    /// Queue key, of type UD.
    pub qkey: Option<QKey>,
    /// End-to-end flow control.
    pub flow_control: bool,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            path: None,
            next_hop: None,
            send_psn: None,
            recv_psn: None,
            read_depth_in: 0,
            read_depth_out: 0,
            retry: None,
            // 0.64 ms, what most consumers ask for.
            rnr_timer: RnrTimer::at_least(640_000),
            access: AccessFlags(0),
            qkey: None,
            flow_control: false,
        }
    }
}

impl Attributes {
    /// Everything that peers may do.
    pub const ALL_ACCESS: AccessFlags = AccessFlags(
        AccessFlags::REMOTE_READ.0 | AccessFlags::REMOTE_WRITE.0 | AccessFlags::REMOTE_ATOMIC.0,
    );

    /// What a responder needs; none while something is missing `[QP-6]`.
    #[must_use]
    pub fn responder(&self, service: QpType) -> Option<ResponderConfig> {
        let answers = service == QpType::RC;
        Some(ResponderConfig {
            mtu: self.path?.mtu,
            first_psn: self.recv_psn.or(mutant("QP-6/psn").then_some(Psn::ZERO))?,
            read_depth: if answers { self.read_depth_in } else { 0 },
            rnr_timer: self.rnr_timer,
            answers,
        })
    }

    /// What a requester needs; none while something is missing `[QP-6]`.
    #[must_use]
    pub fn requester(
        &self,
        service: QpType,
        window: u32,
        probe_after: Option<Nanos>,
    ) -> Option<RequesterConfig> {
        let answers = service == QpType::RC;
        // [UC-1]
        const NEVER: Retry = Retry {
            count: 0,
            rnr: 0,
            timeout: TimeoutCode::NEVER,
        };
        let retry = if answers { self.retry? } else { NEVER };
        Some(RequesterConfig {
            mtu: self.path?.mtu,
            first_psn: self.send_psn?,
            read_depth: if answers { self.read_depth_out } else { 0 },
            retry_count: retry.count,
            rnr_retry: retry.rnr,
            ack_timeout: retry.timeout,
            window,
            probe_after: probe_after.filter(|_| answers),
            answers,
            flow_control: answers && self.flow_control,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_changes() {
        // [QP-4], row by row: from, to, and who may.
        let states = [
            QpState::RESET,
            QpState::INIT,
            QpState::RTR,
            QpState::RTS,
            QpState::QUIESCED,
            QpState::ERROR,
        ];
        // Columns are the new state, in the order above.
        let command = [
            [1, 1, 0, 0, 0, 1],
            [1, 0, 1, 0, 0, 1],
            [1, 0, 0, 1, 0, 1],
            [1, 0, 0, 0, 0, 1],
            [1, 0, 0, 0, 0, 1],
            [1, 0, 0, 0, 0, 1],
        ];
        let manager = [
            [0, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 1, 0],
            [0, 0, 0, 1, 1, 0],
            [0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0],
        ];
        let device = [
            [0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 1, 1],
            [0, 0, 0, 0, 1, 1],
            [0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0],
        ];
        for (by, table) in [
            (By::Command, command),
            (By::Manager, manager),
            (By::Device, device),
        ] {
            for (from, row) in states.iter().zip(table) {
                for (to, may) in states.iter().zip(row) {
                    assert_eq!(may_change(*from, *to, by), may == 1, "{by:?} {from} {to}");
                }
            }
        }
    }
}
