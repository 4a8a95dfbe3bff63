//! The Ethernet lane: queues, receive filter, offloads, receive side scaling.

use core::mem::offset_of;
use std::collections::HashSet;

use rnic_abi::{
    CreateEthQueueRequest, DestroyEthQueueRequest, EmptyAnswer, EthDirection, EthOffloads, Opcode,
    SetEthOffloadsRequest, SetRssRequest, SetRxModeRequest, Status, SyndromeReason, cmd, limit,
    reg,
};
use rnic_core::doorbell::{Owner, is_queue_slot};
use rnic_core::error::CommandError;
use rnic_core::eth::{
    MAX_FRAME, QUEUES, Rss, RxFilter, Setup, SetupError, TABLE_ENTRIES, Virtqueue,
};
use rnic_core::interrupt::Interrupts;
use rnic_mutant::mutant;
use rnic_wire::MacAddr;

use super::{Control, Result, empty, handle};

/// Bytes of an Ethernet header: the shortest frame there is.
const MIN_FRAME: u32 = 14;

pub(super) fn dispatch(
    control: &mut Control<'_>,
    opcode: Opcode,
    request: &[u8],
) -> Option<Result> {
    Some(match opcode {
        Opcode::CREATE_ETH_QUEUE => handle::<cmd::CreateEthQueue>(control, request, create),
        Opcode::DESTROY_ETH_QUEUE => handle::<cmd::DestroyEthQueue>(control, request, destroy),
        Opcode::SET_RX_MODE => handle::<cmd::SetRxMode>(control, request, set_rx_mode),
        Opcode::SET_ETH_OFFLOADS => handle::<cmd::SetEthOffloads>(control, request, set_offloads),
        Opcode::SET_RSS => handle::<cmd::SetRss>(control, request, set_rss),
        _ => return None,
    })
}

/// The owner of the doorbell slot of a queue; the direction is one that exists.
fn owner(direction: EthDirection, index: u16, at: usize) -> Result<Owner> {
    match direction {
        EthDirection::RECEIVE => Ok(Owner::EthReceive(index)),
        EthDirection::TRANSMIT => Ok(Owner::EthTransmit(index)),
        _ => Err(CommandError::bad_value(at)),
    }
}

fn create(control: &mut Control<'_>, request: &CreateEthQueueRequest) -> Result<EmptyAnswer> {
    // [ETH-1]
    let direction = request.direction();
    let index = request.index.get();
    let index_at = offset_of!(CreateEthQueueRequest, index);
    let direction_at = offset_of!(CreateEthQueueRequest, direction_raw);
    let owner = owner(direction, index, direction_at)?;
    if index >= QUEUES {
        return Err(CommandError::too_large(index_at));
    }
    // [INT-5]
    let vector = request.vector.get();
    if !Interrupts::is_valid(vector) {
        let at = offset_of!(CreateEthQueueRequest, vector);
        return Err(CommandError::too_large(at));
    }
    let setup = Setup {
        size: request.size.get(),
        descriptors: request.descriptors.get(),
        available: request.available.get(),
        used: request.used.get(),
    };
    let areas_at = [
        offset_of!(CreateEthQueueRequest, descriptors),
        offset_of!(CreateEthQueueRequest, available),
        offset_of!(CreateEthQueueRequest, used),
    ];
    let [descriptors_at, available_at, used_at] = areas_at;
    let size_at = offset_of!(CreateEthQueueRequest, size);
    let misaligned = |at| CommandError::invalid(SyndromeReason::NOT_ALIGNED, at);
    let ring = Virtqueue::new(setup).map_err(|error| match error {
        SetupError::Size => CommandError::bad_value(size_at),
        SetupError::TooLarge => CommandError::too_large(size_at),
        SetupError::Descriptors => misaligned(descriptors_at),
        SetupError::Available => misaligned(available_at),
        SetupError::Used => misaligned(used_at),
    })?;
    // [DB-1]
    let slot = request.doorbell.get();
    let slot_at = offset_of!(CreateEthQueueRequest, doorbell);
    if !is_queue_slot(slot) {
        return Err(CommandError::bad_value(slot_at));
    }
    if control.hardware.lane.has_queue(direction, index) && !mutant("ETH-1/busy") {
        return Err(CommandError::busy(index_at));
    }
    // [DB-2]
    let resources = &control.hardware.resources;
    if resources.doorbells.is_owned(slot) {
        return Err(CommandError::new(
            Status::DOORBELL_IN_USE,
            SyndromeReason::IN_USE,
            slot_at,
        ));
    }
    for ((address, len, access), at) in setup.areas().into_iter().zip(areas_at) {
        resources
            .dma
            .validate(address, len, access)
            .map_err(|_| CommandError::unreachable(at))?;
    }
    let doorbells = &mut control.hardware.resources.doorbells;
    let claimed = doorbells.claim(control.env, slot, owner);
    debug_assert!(claimed.is_ok(), "checked above");
    let lane = &mut control.hardware.lane;
    let created = lane.create(direction, index, ring, vector, slot);
    debug_assert!(created, "checked above");
    Ok(empty())
}

fn destroy(control: &mut Control<'_>, request: &DestroyEthQueueRequest) -> Result<EmptyAnswer> {
    // [ETH-2] The lane uses no buffer between two runs, so the answer need not wait.
    let direction = request.direction();
    let index = request.index.get();
    owner(
        direction,
        index,
        offset_of!(DestroyEthQueueRequest, direction_raw),
    )?;
    let slot = control
        .hardware
        .lane
        .destroy(direction, index ^ u16::from(mutant("ETH-2/other")));
    let slot =
        slot.ok_or_else(|| CommandError::not_found(offset_of!(DestroyEthQueueRequest, index)))?;
    control.hardware.resources.doorbells.release(slot);
    Ok(empty())
}

fn set_rx_mode(control: &mut Control<'_>, request: &SetRxModeRequest) -> Result<EmptyAnswer> {
    // [ETH-6]
    let count = request.multicast_count.get();
    if u64::from(count) > limit::MULTICAST && !mutant("ETH-6/many") {
        let at = offset_of!(SetRxModeRequest, multicast_count);
        return Err(CommandError::too_large(at));
    }
    let mut list = vec![[0; 6]; usize::try_from(count).unwrap_or(0)];
    control
        .hardware
        .resources
        .dma
        .read(request.multicast_list.get(), list.as_flattened_mut())
        .map_err(|_| CommandError::unreachable(offset_of!(SetRxModeRequest, multicast_list)))?;
    let given = MacAddr(request.mac);
    if given.is_multicast() {
        return Err(CommandError::bad_value(offset_of!(SetRxModeRequest, mac)));
    }
    let mac = if given == MacAddr::ZERO {
        let [bytes @ .., _, _] = control
            .hardware
            .registers
            .get(reg::MAC_ADDRESS)
            .to_le_bytes();
        MacAddr(bytes)
    } else {
        given
    };
    control.hardware.lane.set_filter(RxFilter {
        mode: request.mode(),
        mac,
        multicast: list.into_iter().map(MacAddr).collect::<HashSet<_>>(),
    });
    Ok(empty())
}

fn set_offloads(control: &mut Control<'_>, request: &SetEthOffloadsRequest) -> Result<EmptyAnswer> {
    // [ETH-5] Segments may come merged with `tso4` and `tso6`; this device never merges.
    let max_frame = request.max_frame.get();
    let at = offset_of!(SetEthOffloadsRequest, max_frame);
    if max_frame > MAX_FRAME {
        return Err(CommandError::too_large(at));
    }
    if max_frame < MIN_FRAME {
        return Err(CommandError::too_small(at));
    }
    let verify = request.offloads().contains(EthOffloads::CHECKSUM);
    control.hardware.lane.set_offloads(verify, max_frame);
    Ok(empty())
}

fn set_rss(control: &mut Control<'_>, request: &SetRssRequest) -> Result<EmptyAnswer> {
    // [ETH-7]
    let size_at = offset_of!(SetRssRequest, table_size);
    let size = request.table_size.get();
    if !size.is_power_of_two() {
        return Err(CommandError::bad_value(size_at));
    }
    let table = usize::try_from(size)
        .ok()
        .filter(|size| *size <= TABLE_ENTRIES)
        .and_then(|size| request.table.get(..size))
        .ok_or_else(|| CommandError::too_large(size_at))?;
    if table.iter().any(|queue| u16::from(*queue) >= QUEUES) && !mutant("ETH-7/entry") {
        let at = offset_of!(SetRssRequest, table);
        return Err(CommandError::too_large(at));
    }
    let rss = Rss::new(request.types(), request.key, table);
    let rss = rss.ok_or_else(|| CommandError::bad_value(size_at))?;
    control.hardware.lane.set_rss(rss);
    Ok(empty())
}
