//! NEGOTIATE, NOP and queries.

use core::mem::offset_of;

use rnic_abi::{
    COUNTERS, DeviceLimits, Mtu, NegotiateAnswer, NegotiateRequest, NopAnswer, Opcode, PortState,
    QueryCountersAnswer, QueryCountersRequest, QueryDeviceAnswer, QueryPortAnswer, Status,
    SyndromeReason, cmd, feature, interface, limit, reg,
};
use rnic_core::dma::Access;
use rnic_core::error::CommandError;
use rnic_core::keys::PAGE_SIZES;
use rnic_mutant::mutant;
use rnic_wire::Mtu as PathMtu;

use super::{Control, Result, handle};

/// Longest Ethernet header before an IP packet: addresses, one VLAN tag, type.
const ETHERNET_HEADER_BYTES: u32 = 18;

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::NEGOTIATE => handle::<cmd::Negotiate>(control, request, negotiate),
        Opcode::NOP => handle::<cmd::Nop>(control, request, |_, request| {
            // [CMD-16]
            let mut answer = NopAnswer::zeroed();
            if !mutant("CMD-16/payload") {
                answer.payload = request.payload;
            }
            Ok(answer)
        }),
        Opcode::QUERY_DEVICE => handle::<cmd::QueryDevice>(control, request, |_, _| {
            let mut answer = QueryDeviceAnswer::zeroed();
            answer.limits = device_limits();
            Ok(answer)
        }),
        Opcode::QUERY_PORT => {
            handle::<cmd::QueryPort>(control, request, |control, _| Ok(query_port(control)))
        }
        Opcode::QUERY_COUNTERS => handle::<cmd::QueryCounters>(control, request, query_counters),
        _ => return None,
    })
}

fn negotiate(control: &mut Control<'_>, request: &NegotiateRequest) -> Result<NegotiateAnswer> {
    if control.hardware.is_negotiated() && !mutant("BRING-4/again") {
        return Err(CommandError::whole(Status::ALREADY_NEGOTIATED));
    }
    // [BRING-5]
    if request.major.get() != interface::MAJOR && !mutant("BRING-5/major") {
        return Err(CommandError::new(
            Status::VERSION_MISMATCH,
            SyndromeReason::BAD_VALUE,
            offset_of!(NegotiateRequest, major),
        ));
    }
    // [BRING-6]
    let wanted = request.features.get();
    let unsupported = |reason| {
        CommandError::new(
            Status::UNSUPPORTED,
            reason,
            offset_of!(NegotiateRequest, features),
        )
    };
    if wanted & !control.hardware.offered_features() != 0 && !mutant("BRING-6/unknown") {
        return Err(unsupported(SyndromeReason::NOT_ACTIVE));
    }
    let both = feature::GUEST_QP1 | feature::CONNECTIONS;
    if wanted & both == both {
        return Err(unsupported(SyndromeReason::CONFLICT));
    }
    let parked_address = check_parked_address(control, request, wanted)?;
    control.hardware.negotiated(wanted, parked_address);
    let mut answer = NegotiateAnswer::zeroed();
    answer.major.set(interface::MAJOR);
    answer.minor.set(minor_in_force(request.minor.get()));
    answer.features.set(wanted);
    Ok(answer)
}

/// The smaller of the driver's and the device's `[BRING-5]`.
#[allow(
    clippy::unnecessary_min_or_max,
    reason = "this minor version happens to be the smallest"
)]
fn minor_in_force(wanted: u16) -> u16 {
    wanted.min(interface::MINOR)
}

/// `[BRING-7]`
fn check_parked_address(
    control: &Control<'_>,
    request: &NegotiateRequest,
    wanted: u64,
) -> Result<Option<u64>> {
    let at = offset_of!(NegotiateRequest, parked_address);
    let address = request.parked_address.get();
    if wanted & feature::PARKING == 0 {
        return match address {
            0 => Ok(None),
            _ if mutant("BRING-7/ignored") => Ok(None),
            _ => Err(CommandError::invalid(SyndromeReason::NOT_ACTIVE, at)),
        };
    }
    if !address.is_multiple_of(8) && !mutant("BRING-7/aligned") {
        return Err(CommandError::invalid(SyndromeReason::NOT_ALIGNED, at));
    }
    let dma = &control.hardware.resources.dma;
    dma.validate(address, 8, Access::Write)
        .map_err(|_| CommandError::unreachable(at))?;
    Ok(Some(address))
}

/// `[BRING-10]`, `[CONV-8]`
fn device_limits() -> DeviceLimits {
    let mut limits = DeviceLimits::zeroed();
    limits.message_bytes.set(limit::MESSAGE_BYTES);
    limits.mr_bytes.set(limit::MR_BYTES);
    let words = [
        (&mut limits.pds, limit::PDS),
        (&mut limits.mrs, limit::MRS),
        (&mut limits.mws, limit::MWS),
        (&mut limits.cqs, limit::CQS),
        (&mut limits.eqs, limit::EQS),
        (&mut limits.srqs, limit::SRQS),
        (&mut limits.qps, limit::QPS),
        (&mut limits.listeners, limit::LISTENERS),
        (&mut limits.connections, limit::CONNECTIONS),
        (&mut limits.endpoints, limit::ENDPOINTS),
        (&mut limits.addresses, limit::ADDRESSES),
        (&mut limits.sq_log, limit::SQ_LOG),
        (&mut limits.rq_log, limit::RQ_LOG),
        (&mut limits.srq_log, limit::SRQ_LOG),
        (&mut limits.cq_log, limit::CQ_LOG),
        (&mut limits.eq_log, limit::EQ_LOG),
        (
            &mut limits.send_segments,
            limit::SEND_SEGMENTS + u64::from(mutant("CONV-8/more")),
        ),
        (&mut limits.recv_segments, limit::RECV_SEGMENTS),
        (&mut limits.inline_bytes, limit::INLINE_BYTES),
        (&mut limits.mr_chunk_pages, limit::MR_CHUNK_PAGES),
        (&mut limits.mr_pages, limit::MR_PAGES),
        (&mut limits.fast_register_pages, limit::FAST_REGISTER_PAGES),
        (&mut limits.read_depth_in, limit::READ_DEPTH_IN),
        (&mut limits.read_depth_out, limit::READ_DEPTH_OUT),
        (&mut limits.key_reuse_distance, limit::KEY_REUSE_DISTANCE),
        (
            &mut limits.backlog,
            limit::BACKLOG >> u32::from(mutant("CONV-13/backlog")),
        ),
        (
            &mut limits.connect_private_bytes,
            limit::CONNECT_PRIVATE_BYTES,
        ),
        (
            &mut limits.accept_private_bytes,
            limit::ACCEPT_PRIVATE_BYTES,
        ),
        (
            &mut limits.reject_private_bytes,
            limit::REJECT_PRIVATE_BYTES,
        ),
        (&mut limits.eth_queues, limit::ETH_QUEUES),
        (&mut limits.eth_ring_log, limit::ETH_RING_LOG),
        (&mut limits.eth_frame_bytes, limit::ETH_FRAME_BYTES),
        (&mut limits.rss_table, limit::RSS_TABLE),
        (&mut limits.multicast, limit::MULTICAST),
        (&mut limits.page_sizes, u64::from(PAGE_SIZES)),
    ];
    for (field, value) in words {
        // A limit above what its field holds would be one that nobody can reach.
        field.set(u32::try_from(value).unwrap_or(u32::MAX));
    }
    limits
}

/// `[BRING-10]`
fn query_port(control: &mut Control<'_>) -> QueryPortAnswer {
    let port = control.env.port();
    let registers = &control.hardware.registers;
    let mut answer = QueryPortAnswer::zeroed();
    let mac = registers.get(reg::MAC_ADDRESS).to_le_bytes();
    for (to, from) in answer.mac.iter_mut().zip(mac) {
        *to = from;
    }
    // The registers' word, so that DEVICE_STATUS.link_up agrees.
    let up = registers.field(reg::DEVICE_STATUS, reg::device_status::LINK_UP) != 0;
    answer.set_state(if up { PortState::UP } else { PortState::DOWN });
    answer.set_active_mtu(PathMtu::of_interface(port.mtu).map_or(Mtu::NONE, |mtu| Mtu(mtu.code())));
    if !mutant("BRING-10/speed") {
        answer.link_speed_mbps.set(port.speed_mbps);
    }
    answer
        .frame_bytes
        .set(port.mtu.saturating_add(ETHERNET_HEADER_BYTES));
    answer.guid.set(registers.get(reg::NODE_GUID));
    answer
}

/// `[CMD-17]`
fn query_counters(
    control: &mut Control<'_>,
    request: &QueryCountersRequest,
) -> Result<QueryCountersAnswer> {
    let (first, count) = (request.first.get(), request.count.get());
    if first as usize >= COUNTERS.len() && !mutant("CMD-17/first") {
        return Err(CommandError::too_large(offset_of!(
            QueryCountersRequest,
            first
        )));
    }
    let count_at = offset_of!(QueryCountersRequest, count);
    let mut answer = QueryCountersAnswer::zeroed();
    if count == 0 {
        return Err(CommandError::too_small(count_at));
    }
    if count as usize > answer.values.len() && !mutant("CMD-17/many") {
        return Err(CommandError::too_large(count_at));
    }
    let counters = control.hardware.resources.counters.all();
    let values = counters.iter().skip(first as usize).take(count as usize);
    let mut answered = 0;
    for (to, from) in answer.values.iter_mut().zip(values) {
        to.set(*from);
        answered += 1;
    }
    answer.count.set(answered);
    Ok(answer)
}
