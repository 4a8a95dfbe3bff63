//! Queries.

use ndis_sys::ndis::*;
use rnic_driver_core::Outcome;

use super::buffer::Request;
use super::{OID_RNIC_LOST_INTERRUPTS, SUPPORTED};
use crate::adapter::Adapter;
use crate::adapter::attributes::{ETHERNET_HEADER, STATISTICS};
use crate::ethernet::Counts;
use crate::miniport::NDIS_VERSION;

/// What people see.
pub const VENDOR: &[u8] = b"rnic Ethernet and RDMA adapter\0";
/// OID_GEN_VENDOR_ID: no IEEE identifier of its own.
const NO_VENDOR: u32 = 0x00FF_FFFF;
/// Counter ETH_DROPPED_NO_BUFFER.
const DROPPED_NO_BUFFER: u32 = 8;

/// Answers, or lets the device answer.
pub fn query(adapter: &Adapter, request: &mut Request) -> NDIS_STATUS {
    let ethernet = &adapter.ethernet;
    let frame = ethernet.frame_bytes();
    let (sent, received) = (ethernet.counts_sent(), ethernet.counts_received());
    match request.oid() {
        OID_GEN_SUPPORTED_LIST => request.answer_list(SUPPORTED),
        OID_GEN_HARDWARE_STATUS => {
            // NdisHardwareStatusReady, NdisHardwareStatusNotReady.
            request.answer(&if adapter.is_up() { 0u32 } else { 4 })
        }
        OID_GEN_TRANSMIT_BUFFER_SPACE => {
            request.answer(&(frame * adapter.settings.transmit_buffers))
        }
        OID_GEN_RECEIVE_BUFFER_SPACE => request.answer(&(frame * adapter.settings.receive_buffers)),
        OID_GEN_TRANSMIT_BLOCK_SIZE | OID_GEN_RECEIVE_BLOCK_SIZE | OID_GEN_MAXIMUM_TOTAL_SIZE => {
            request.answer(&frame)
        }
        OID_GEN_MAXIMUM_FRAME_SIZE => request.answer(&(frame - ETHERNET_HEADER)),
        OID_GEN_VENDOR_ID => request.answer(&NO_VENDOR),
        OID_GEN_VENDOR_DESCRIPTION => request.answer_bytes(VENDOR),
        OID_GEN_VENDOR_DRIVER_VERSION => request.answer(&0x0000_0001u32),
        OID_GEN_DRIVER_VERSION => {
            request.answer(&(u16::from(NDIS_VERSION.0) << 8 | u16::from(NDIS_VERSION.1)))
        }
        OID_GEN_CURRENT_PACKET_FILTER => {
            let filter = ethernet.config().lock().packet_filter;
            request.answer(&filter)
        }
        OID_GEN_CURRENT_LOOKAHEAD | OID_GEN_MAXIMUM_LOOKAHEAD => {
            let lookahead = ethernet.config().lock().lookahead;
            request.answer(&lookahead)
        }
        OID_GEN_INTERRUPT_MODERATION => request.answer(&NDIS_INTERRUPT_MODERATION_PARAMETERS {
            Header: NDIS_INTERRUPT_MODERATION_PARAMETERS::HEADER,
            Flags: 0,
            InterruptModeration: NdisInterruptModerationNotSupported,
        }),
        OID_GEN_VLAN_ID => {
            let vlan = ethernet.config().lock().vlan;
            request.answer(&u32::from(vlan))
        }
        OID_GEN_XMIT_OK => request.answer_count(sent.frames().saturating_sub(sent.errors)),
        OID_GEN_RCV_OK => request.answer_count(received.frames()),
        OID_GEN_XMIT_ERROR => request.answer_count(sent.errors),
        OID_GEN_RCV_ERROR => request.answer_count(received.errors),
        OID_802_3_RCV_ERROR_ALIGNMENT
        | OID_802_3_XMIT_ONE_COLLISION
        | OID_802_3_XMIT_MORE_COLLISIONS => request.answer_count(0),
        OID_802_3_PERMANENT_ADDRESS => request.answer(&adapter.permanent_address()),
        OID_802_3_CURRENT_ADDRESS => request.answer(&ethernet.address()),
        OID_802_3_MAXIMUM_LIST_SIZE => request.answer(&adapter.multicast_limit()),
        OID_802_3_MULTICAST_LIST => {
            let multicast = ethernet.config().lock().multicast;
            request.answer_bytes(multicast.as_slice().as_flattened())
        }
        OID_RNIC_LOST_INTERRUPTS => request.answer_count(adapter.lost_interrupts()),
        // Every state may be entered.
        OID_PNP_QUERY_POWER => NDIS_STATUS_SUCCESS,
        OID_GEN_STATISTICS if request.length() < size_of::<NDIS_STATISTICS_INFO>() => {
            request.answer(&statistics(&sent, &received, 0))
        }
        OID_GEN_STATISTICS | OID_GEN_RCV_NO_BUFFER => counters(adapter, request),
        _ => NDIS_STATUS_NOT_SUPPORTED,
    }
}

impl Request {
    fn answer_list(&mut self, list: &[u32]) -> NDIS_STATUS {
        // SAFETY: integers as bytes.
        let bytes =
            unsafe { core::slice::from_raw_parts(list.as_ptr().cast::<u8>(), size_of_val(list)) };
        self.answer_bytes(bytes)
    }
}

/// Answers what needs the device's counters; without a device they are what they are.
fn counters(adapter: &Adapter, request: &mut Request) -> NDIS_STATUS {
    let Some(engine) = adapter.engine() else {
        return finish(adapter, request, 0);
    };
    let mut pending = Some(request.again());
    let owner = adapter.pinned();
    let submitted = engine.service.submit_with(
        |control, nic, cookie| control.query_counters(nic, cookie, DROPPED_NO_BUFFER, 1),
        move |_, _, result| {
            let adapter = owner.get();
            let dropped = match result {
                Ok(Outcome::Counters(counters)) => counters.values().first().copied(),
                _ => None,
            };
            if let Some(mut request) = pending.take() {
                let status = finish(adapter, &mut request, dropped.unwrap_or(0));
                request.complete(adapter.handle, status);
            }
        },
    );
    adapter.kick();
    match submitted {
        Ok(()) => NDIS_STATUS_PENDING,
        Err(_) => finish(adapter, request, 0),
    }
}

fn finish(adapter: &Adapter, request: &mut Request, dropped: u64) -> NDIS_STATUS {
    if request.oid() == OID_GEN_RCV_NO_BUFFER {
        return request.answer_count(dropped);
    }
    let ethernet = &adapter.ethernet;
    request.answer(&statistics(
        &ethernet.counts_sent(),
        &ethernet.counts_received(),
        dropped,
    ))
}

fn statistics(sent: &Counts, received: &Counts, dropped: u64) -> NDIS_STATISTICS_INFO {
    NDIS_STATISTICS_INFO {
        Header: NDIS_STATISTICS_INFO::HEADER,
        SupportedStatistics: STATISTICS,
        ifInDiscards: dropped,
        ifInErrors: received.errors,
        ifHCInOctets: received.octets(),
        ifHCInUcastPkts: received.unicast.frames,
        ifHCInMulticastPkts: received.multicast.frames,
        ifHCInBroadcastPkts: received.broadcast.frames,
        ifHCOutOctets: sent.octets(),
        ifHCOutUcastPkts: sent.unicast.frames,
        ifHCOutMulticastPkts: sent.multicast.frames,
        ifHCOutBroadcastPkts: sent.broadcast.frames,
        ifOutErrors: sent.errors,
        ifOutDiscards: 0,
        ifHCInUcastOctets: received.unicast.octets,
        ifHCInMulticastOctets: received.multicast.octets,
        ifHCInBroadcastOctets: received.broadcast.octets,
        ifHCOutUcastOctets: sent.unicast.octets,
        ifHCOutMulticastOctets: sent.multicast.octets,
        ifHCOutBroadcastOctets: sent.broadcast.octets,
    }
}
