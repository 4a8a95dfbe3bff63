//! The way of connections that frames carry: they wait while their next hop is looked for, and follow it when it moves.

use rnic_abi::{RejectReason, Status};
use rnic_wire::{Gid, MacAddr};

use crate::command::Control;

use super::connection::State;

impl Control<'_> {
    /// Connections whose frames go over this neighbour, as far as the device looks for next hops itself.
    fn connections_over(&self, vlan: Option<u16>, gid: Gid) -> Vec<u32> {
        let connections = self.plane.connections.table.iter();
        connections
            .filter(|(_, c)| {
                !c.hop_given
                    && c.local.vlan == vlan
                    && self.way_by_frames(&c.local, c.peer) == Some(gid)
            })
            .map(|(handle, _)| handle)
            .collect()
    }

    /// A neighbour answered, or moved `[ADDR-8]`, `[ADDR-10]`.
    pub(crate) fn next_hop_found(&mut self, vlan: Option<u16>, gid: Gid, mac: MacAddr) {
        let now = self.env.now();
        for handle in self.connections_over(vlan, gid) {
            let Some(c) = self.plane.connections.table.get_mut(handle) else {
                continue;
            };
            let waited = c.next_hop.replace(mac).is_none();
            if !waited && c.connected {
                let qpn = c.qpn;
                self.hardware.qps.set_next_hop(qpn, mac);
                continue;
            }
            if let Some(outstanding) = c.outstanding.as_mut().filter(|_| waited) {
                // What was lost for want of a way was not a try.
                outstanding.begin(now);
                let mad = outstanding.mad;
                self.send_once(handle, &mad);
            }
        }
    }

    /// A neighbour does not answer `[ADDR-8]`.
    pub(crate) fn next_hop_missing(&mut self, vlan: Option<u16>, gid: Gid) {
        for handle in self.connections_over(vlan, gid) {
            let waits = self
                .plane
                .connections
                .table
                .get(handle)
                .is_some_and(|c| c.state == State::ReqSent && c.next_hop.is_none());
            if waits {
                self.fail(handle, Status::UNREACHABLE, RejectReason::NONE, &[]);
            }
        }
    }
}
