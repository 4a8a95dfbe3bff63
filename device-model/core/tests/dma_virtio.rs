//! `virtio-queue` over a `DmaSpace`: a split ring that crosses maps, and what it may not reach.

use rnic_core::dma::{Access, DmaError, DmaTable, FilePolicy, SharedMemory};
use virtio_queue::{Queue, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemory, Permissions};

const PAGE: u64 = 4096;
const DESC: u64 = 0x1000;
const AVAIL: u64 = 0x2000;
const USED: u64 = 0x3000;
const READABLE: u64 = 0x4ffc; // crosses into the page at 0x5000
const WRITABLE: u64 = 0x6100;

fn queue() -> Queue {
    let mut queue = Queue::new(16).unwrap();
    queue.set_size(16);
    queue.set_desc_table_address(Some(DESC as u32), None);
    queue.set_avail_ring_address(Some(AVAIL as u32), None);
    queue.set_used_ring_address(Some(USED as u32), None);
    queue.set_ready(true);
    queue
}

/// Pages in reverse order in the file, so that no two maps join.
fn table(memory: &SharedMemory) -> DmaTable {
    let mut table = DmaTable::new(FilePolicy::SealedShrink);
    table.set_bus_master(true);
    for page in 1..8 {
        table
            .map(
                page * PAGE,
                PAGE,
                Access::ReadWrite,
                memory,
                (8 - page) * PAGE,
            )
            .unwrap();
    }
    table
}

fn descriptor(table: &mut DmaTable, index: u64, addr: u64, len: u32, flags: u16, next: u16) {
    let mut bytes = Vec::new();
    bytes.extend(addr.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(next.to_le_bytes());
    table.snapshot().write(DESC + index * 16, &bytes).unwrap();
}

#[test]
fn a_chain_is_read_answered_and_used() {
    let memory = SharedMemory::new(16 * PAGE).unwrap();
    let mut table = table(&memory);
    descriptor(&mut table, 0, READABLE, 8, 1, 1);
    descriptor(&mut table, 1, WRITABLE, 64, 2, 0);
    let space = table.snapshot();
    space.write(READABLE, b"commands").unwrap();
    space.write(AVAIL + 4, &0u16.to_le_bytes()).unwrap();
    space.write(AVAIL + 2, &1u16.to_le_bytes()).unwrap();

    let mut queue = queue();
    assert!(queue.is_valid(&*space));
    let chain = queue.pop_descriptor_chain(space.clone()).unwrap();
    let mut text = [0; 8];
    let descriptors: Vec<_> = chain.clone().collect();
    assert_eq!(descriptors.len(), 2);
    space.read_slice(&mut text, descriptors[0].addr()).unwrap();
    assert_eq!(&text, b"commands");
    let mut writer = chain.writer(&*space).unwrap();
    std::io::Write::write_all(&mut writer, b"answer").unwrap();
    queue.add_used(&*space, 0, 6).unwrap();
    assert_eq!(space.read_array::<6>(WRITABLE), Ok(*b"answer"));
    assert_eq!(space.read_array::<2>(USED + 2), Ok([1, 0]));
    assert_eq!(space.health(), Ok(()));
}

#[test]
fn a_ring_outside_the_maps_or_without_permission_is_invalid() {
    let memory = SharedMemory::new(16 * PAGE).unwrap();
    let mut table = table(&memory);
    assert!(queue().is_valid(&*table.snapshot()));
    table.unmap(USED, PAGE).unwrap();
    assert!(!queue().is_valid(&*table.snapshot()));
    table
        .map(USED, PAGE, Access::Read, &memory, 9 * PAGE)
        .unwrap();
    assert!(
        !queue().is_valid(&*table.snapshot()),
        "a used ring must be writable"
    );
    table.unmap(USED, PAGE).unwrap();
    table
        .map(USED, PAGE, Access::Write, &memory, 9 * PAGE)
        .unwrap();
    assert!(queue().is_valid(&*table.snapshot()));
    table.set_bus_master(false);
    assert!(!queue().is_valid(&*table.snapshot()));
}

#[test]
fn ranges_are_checked_like_direct_accesses() {
    let memory = SharedMemory::new(16 * PAGE).unwrap();
    let space = table(&memory).snapshot();
    let at = GuestAddress;
    assert!(GuestMemory::check_range(
        &*space,
        at(PAGE),
        7 * 4096,
        Permissions::ReadWrite
    ));
    assert!(!GuestMemory::check_range(
        &*space,
        at(PAGE),
        7 * 4096 + 1,
        Permissions::Read
    ));
    assert!(!GuestMemory::check_range(
        &*space,
        at(u64::MAX),
        2,
        Permissions::Read
    ));
    assert!(!GuestMemory::check_range(
        &*space,
        at(PAGE),
        1,
        Permissions::No
    ));
    assert!(space.read_slice(&mut [0; 8], at(8 * PAGE - 4)).is_err());
    assert!(space.write_obj(1u32, at(0)).is_err());
    // Ring words: little-endian, aligned, not across a map.
    space.write_obj(0x1234_5678u32, at(2 * PAGE)).unwrap();
    assert_eq!(
        space
            .load::<u16>(at(2 * PAGE), std::sync::atomic::Ordering::Acquire)
            .unwrap(),
        0x5678
    );
    assert!(
        space
            .load::<u32>(at(2 * PAGE + 2), std::sync::atomic::Ordering::Acquire)
            .is_err()
    );
    assert!(
        space
            .load::<u32>(at(2 * PAGE - 2), std::sync::atomic::Ordering::Acquire)
            .is_err()
    );
}

#[test]
fn a_fault_behind_the_queues_back_shows_in_health() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(2 * PAGE).unwrap();
    let mut table = DmaTable::new(FilePolicy::Any);
    table.set_bus_master(true);
    table
        .map(PAGE, 2 * PAGE, Access::ReadWrite, &file, 0)
        .unwrap();
    let space = table.snapshot();
    file.set_len(0).unwrap();
    let mut bytes = [1; 8];
    space.read_slice(&mut bytes, GuestAddress(PAGE)).unwrap();
    assert_eq!(bytes, [0; 8]);
    assert_eq!(space.health(), Err(DmaError::HostFault { iova: PAGE }));
    assert!(space.read_slice(&mut bytes, GuestAddress(PAGE)).is_err());
}
