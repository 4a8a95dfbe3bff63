//! `rnic_core::dma`: maps, permissions, bounds, copies, atomics, snapshots.

use rnic_core::dma::{
    Access, CopyError, DmaError, DmaRange, DmaSpace, DmaTable, FilePolicy, MAX_FILES, MapError,
    SharedMemory,
};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const PAGE: u64 = 4096;

fn table() -> DmaTable {
    let mut table = DmaTable::new(FilePolicy::SealedShrink);
    table.set_bus_master(true);
    table
}

/// Eight pages whose bytes say where they are.
fn memory() -> SharedMemory {
    let memory = SharedMemory::new(8 * PAGE).unwrap();
    for word in 0..PAGE {
        memory.store_release_u64(word * 8, word).unwrap();
    }
    memory
}

#[test]
fn transfers_cross_maps_that_are_scattered_in_the_file() {
    let (memory, mut table) = (memory(), table());
    for (n, page) in [3, 1, 7, 0].into_iter().enumerate() {
        table
            .map(
                0x10000 + n as u64 * PAGE,
                PAGE,
                Access::ReadWrite,
                &memory,
                page * PAGE,
            )
            .unwrap();
    }
    assert_eq!(table.map_count(), 4);
    let space = table.snapshot();
    let mut bytes = vec![0; 4 * 4096];
    space.read(0x10000, &mut bytes).unwrap();
    for (n, page) in [3u64, 1, 7, 0].into_iter().enumerate() {
        assert_eq!(bytes[n * 4096..][..8], (page * 512).to_le_bytes());
        assert_eq!(
            bytes[n * 4096 + 4088..][..8],
            (page * 512 + 511).to_le_bytes()
        );
    }
    // The last two bytes of page 3, page 1, the first two of page 7.
    space.write(0x10ffe, &[0xee; 4100]).unwrap();
    assert_eq!(memory.load_acquire_u64(4 * PAGE - 8).unwrap() >> 48, 0xeeee);
    assert_eq!(
        memory.load_acquire_u64(PAGE).unwrap(),
        u64::from_le_bytes([0xee; 8])
    );
    assert_eq!(memory.load_acquire_u64(7 * PAGE).unwrap(), 0xeeee);
    space.fill(0x10fff, 2, 0x11).unwrap();
    assert_eq!(space.read_array::<4>(0x10ffe), Ok([0xee, 0x11, 0x11, 0xee]));
}

#[test]
fn contiguous_neighbours_are_one_map_and_can_be_unmapped_in_part() {
    let (memory, mut table) = (memory(), table());
    for page in 0..8 {
        table
            .map(page * PAGE, PAGE, Access::ReadWrite, &memory, page * PAGE)
            .unwrap();
    }
    assert_eq!(table.map_count(), 1);
    assert_eq!(table.unmap(2 * PAGE, PAGE).unwrap(), PAGE);
    assert_eq!(table.map_count(), 2);
    let space = table.snapshot();
    assert_eq!(space.read_array::<8>(3 * PAGE), Ok(1536u64.to_le_bytes()));
    assert_eq!(
        space.read(2 * PAGE - 1, &mut [0; 2]),
        Err(DmaError::Unmapped { iova: 2 * PAGE })
    );
    assert_eq!(table.unmap(2 * PAGE, PAGE).unwrap(), 0);
    assert_eq!(table.unmap_all(), 7 * PAGE);
    assert!(table.files().is_empty());
}

#[test]
fn each_error_names_its_cause_and_address() {
    let (memory, mut table) = (memory(), table());
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    table.map(PAGE, PAGE, Access::Read, &memory, PAGE).unwrap();
    table
        .map(2 * PAGE, PAGE, Access::Write, &memory, 2 * PAGE)
        .unwrap();
    table
        .map(u64::MAX - PAGE + 1, PAGE, Access::ReadWrite, &memory, 0)
        .unwrap();
    let space = table.snapshot();
    let mut two = [0; 2];

    assert_eq!(
        space.read(3 * PAGE - 1, &mut two),
        Err(DmaError::WriteOnly { iova: 3 * PAGE - 1 })
    );
    assert_eq!(
        space.write(PAGE - 1, &two),
        Err(DmaError::ReadOnly { iova: PAGE })
    );
    assert_eq!(
        space.write(3 * PAGE - 1, &two),
        Err(DmaError::Unmapped { iova: 3 * PAGE })
    );
    assert_eq!(
        space.read(9 * PAGE, &mut two),
        Err(DmaError::Unmapped { iova: 9 * PAGE })
    );
    assert_eq!(
        space.fill(PAGE, 1, 0),
        Err(DmaError::ReadOnly { iova: PAGE })
    );

    assert_eq!(
        space.load_acquire_u32(2),
        Err(DmaError::Misaligned { iova: 2, size: 4 })
    );
    assert_eq!(
        space.load_acquire_u64(4),
        Err(DmaError::Misaligned { iova: 4, size: 8 })
    );
    assert_eq!(
        space.store_release_u64(PAGE, 0),
        Err(DmaError::ReadOnly { iova: PAGE })
    );
    assert_eq!(
        space.load_acquire_u64(2 * PAGE),
        Err(DmaError::WriteOnly { iova: 2 * PAGE })
    );
    assert_eq!(space.store_release_u32(2 * PAGE, 1), Ok(()));
    // An atomic reads and writes.
    assert_eq!(
        space.fetch_add_u64(PAGE, 1),
        Err(DmaError::ReadOnly { iova: PAGE })
    );
    assert_eq!(
        space.compare_exchange_u64(2 * PAGE, 0, 1),
        Err(DmaError::WriteOnly { iova: 2 * PAGE })
    );
    assert_eq!(
        space.fetch_add_u64(9 * PAGE, 1),
        Err(DmaError::Unmapped { iova: 9 * PAGE })
    );

    // The last byte is in reach; one more wraps, and does not continue at zero.
    assert_eq!(space.read(u64::MAX, &mut two[..1]), Ok(()));
    assert_eq!(
        space.read(u64::MAX, &mut two),
        Err(DmaError::Wrapped {
            iova: u64::MAX,
            len: 2
        })
    );
    assert_eq!(
        space.fill(1, u64::MAX, 0),
        Err(DmaError::ReadOnly { iova: PAGE })
    );
    assert_eq!(
        space.fill(2, u64::MAX, 0),
        Err(DmaError::Wrapped {
            iova: 2,
            len: u64::MAX
        })
    );
    assert_eq!(
        DmaSpace::copy(&space, 0, &space, u64::MAX, 2),
        Err(CopyError::Destination(DmaError::Wrapped {
            iova: u64::MAX,
            len: 2
        }))
    );
    // Nothing is touched by nothing.
    assert_eq!(space.read(9 * PAGE, &mut []), Ok(()));
    assert_eq!(space.write(u64::MAX, &[]), Ok(()));
}

#[test]
fn a_failed_transfer_moves_a_prefix_and_validate_looks_first() {
    let (memory, mut table) = (memory(), table());
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    table
        .map(2 * PAGE, PAGE, Access::ReadWrite, &memory, 2 * PAGE)
        .unwrap();
    let space = table.snapshot();
    let hole = DmaError::Unmapped { iova: PAGE };
    assert_eq!(space.validate(PAGE - 4, 4, Access::ReadWrite), Ok(()));
    assert_eq!(space.validate(PAGE - 4, 2 * PAGE, Access::Write), Err(hole));
    assert_eq!(space.read_array::<4>(PAGE - 4), Ok([0; 4]));
    assert_eq!(space.write(PAGE - 4, &[9; 8192]), Err(hole));
    assert_eq!(space.read_array::<4>(PAGE - 4), Ok([9; 4]));
    assert_eq!(space.read_array::<4>(2 * PAGE), Ok([0, 4, 0, 0]));
    // A copy inside one space looks at both sides first.
    assert_eq!(
        DmaSpace::copy(&space, 0, &space, 2 * PAGE, 2 * PAGE),
        Err(CopyError::Source(hole))
    );
    assert_eq!(space.read_array::<4>(2 * PAGE), Ok([0, 4, 0, 0]));
}

#[test]
fn nothing_moves_while_bus_master_enable_is_clear() {
    let memory = memory();
    let on = memory.space_at(0).unwrap();
    let off = on.with_bus_master(false);
    let gate = DmaError::BusMasterDisabled;
    assert_eq!(off.read(0, &mut [0]), Err(gate));
    assert_eq!(off.read(0, &mut []), Err(gate));
    assert_eq!(off.write(0, &[1]), Err(gate));
    assert_eq!(off.fill(0, 1, 1), Err(gate));
    assert_eq!(off.load_acquire_u32(0), Err(gate));
    assert_eq!(off.store_release_u64(0, 1), Err(gate));
    assert_eq!(off.fetch_add_u64(0, 1), Err(gate));
    assert_eq!(off.validate(0, 1, Access::Read), Err(gate));
    assert_eq!(
        DmaSpace::copy(&off, 0, &on, 8, 8),
        Err(CopyError::Source(gate))
    );
    assert_eq!(
        DmaSpace::copy(&on, 0, &off, 8, 8),
        Err(CopyError::Destination(gate))
    );
    assert_eq!(memory.load_acquire_u64(0), Ok(0));
    assert_eq!(
        off.with_bus_master(true).read_array::<8>(8),
        Ok(1u64.to_le_bytes())
    );
    assert_eq!(DmaSpace::empty().read(0, &mut [0]), Err(gate));
}

#[test]
fn words_are_little_endian_and_atomics_return_what_they_found() {
    let memory = SharedMemory::new(PAGE).unwrap();
    let space = memory.space_at(0).unwrap();
    space.store_release_u64(8, 0x1122_3344_5566_7788).unwrap();
    assert_eq!(space.read_array::<3>(8), Ok([0x88, 0x77, 0x66]));
    assert_eq!(space.load_acquire_u32(12), Ok(0x1122_3344));
    assert_eq!(space.load_acquire_u64(8), Ok(0x1122_3344_5566_7788));
    assert_eq!(
        space.compare_exchange_u64(8, 1, 2),
        Ok(0x1122_3344_5566_7788)
    );
    assert_eq!(space.load_acquire_u64(8), Ok(0x1122_3344_5566_7788));
    assert_eq!(
        space.compare_exchange_u64(8, 0x1122_3344_5566_7788, u64::MAX),
        Ok(0x1122_3344_5566_7788)
    );
    assert_eq!(space.fetch_add_u64(8, 3), Ok(u64::MAX));
    assert_eq!(space.load_acquire_u64(8), Ok(2));
}

#[test]
fn atomics_of_two_devices_on_one_word_lose_nothing() {
    let memory = SharedMemory::new(PAGE).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let space = memory.space_at(0).unwrap();
            scope.spawn(move || {
                for _ in 0..10_000 {
                    space.fetch_add_u64(0, 1).unwrap();
                    loop {
                        let old = space.load_acquire_u64(8).unwrap();
                        if space.compare_exchange_u64(8, old, old + 1).unwrap() == old {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(memory.load_acquire_u64(0), Ok(20_000));
    assert_eq!(memory.load_acquire_u64(8), Ok(20_000));
}

#[test]
fn copies_between_devices_of_one_guest_overlap_as_memmove() {
    // Two devices, two mappings of the same file: pointers cannot show the overlap.
    for (from, to) in [(100u64, 612u64), (612, 100), (0, 1)] {
        let memory = memory();
        let (a, b) = (
            memory.space_at(0).unwrap(),
            memory.space_at(1 << 40).unwrap(),
        );
        let mut expected = vec![0; 8 * 4096];
        memory.read(0, &mut expected).unwrap();
        expected.copy_within(from as usize..from as usize + 20_000, to as usize);
        DmaSpace::copy(&a, from, &b, (1 << 40) + to, 20_000).unwrap();
        let mut found = vec![0; 8 * 4096];
        memory.read(0, &mut found).unwrap();
        assert!(found == expected, "copy from {from} to {to}");
    }
}

#[test]
fn an_overlapping_copy_larger_than_any_buffer_is_still_right() {
    let len = 1 << 20;
    for (from, to) in [(0u64, 4096u64), (4096, 0)] {
        let memory = SharedMemory::new(len + 8192).unwrap();
        for at in (0..len + 8192).step_by(8) {
            memory
                .store_release_u64(at, at.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .unwrap();
        }
        let whole = memory.space_at(0).unwrap();
        let mut expected = vec![0; (len + 8192) as usize];
        whole.read(0, &mut expected).unwrap();
        expected.copy_within(from as usize..(from + len) as usize, to as usize);
        let other_device = memory.space_at(1 << 40).unwrap();
        DmaSpace::copy(&whole, from, &other_device, (1 << 40) + to, len).unwrap();
        let mut found = vec![0; (len + 8192) as usize];
        whole.read(0, &mut found).unwrap();
        assert!(found == expected);
    }
}

#[test]
fn lists_are_copied_across_elements_of_different_lengths() {
    let (memory, other) = (memory(), SharedMemory::new(8 * PAGE).unwrap());
    let (a, b) = (memory.space_at(0).unwrap(), other.space_at(0).unwrap());
    let range = |iova, len| DmaRange { iova, len };
    let from = [range(0, 3), range(100, 0), range(8, 10), range(64, 100)];
    let to = [range(50, 1), range(200, 12), range(7, 8)];
    assert_eq!(DmaSpace::copy_list(&a, &from, &b, &to), Ok(21));
    let mut source = Vec::new();
    for r in from {
        let mut part = vec![0; r.len as usize];
        memory.read(r.iova, &mut part).unwrap();
        source.extend(part);
    }
    let mut found = Vec::new();
    for r in to {
        let mut part = vec![0; r.len as usize];
        other.read(r.iova, &mut part).unwrap();
        found.extend(part);
    }
    assert_eq!(found, source[..21]);
    assert_eq!(
        DmaSpace::copy_list(&a, &[range(u64::MAX, 2)], &b, &[range(0, 8)]),
        Err(CopyError::Source(DmaError::Wrapped {
            iova: u64::MAX,
            len: 2
        }))
    );
}

#[test]
fn maps_that_cannot_be_are_refused_with_an_errno() {
    let memory = memory();
    let mut table = table();
    let mut refused = |iova, size, offset| {
        let error = table
            .map(iova, size, Access::Read, &memory, offset)
            .unwrap_err();
        (error.errno(), error)
    };
    assert!(matches!(
        refused(0, 0, 0),
        (libc::EINVAL, MapError::NotPages { .. })
    ));
    assert!(matches!(
        refused(1, PAGE, 0),
        (libc::EINVAL, MapError::NotPages { .. })
    ));
    assert!(matches!(
        refused(0, 100, 0),
        (libc::EINVAL, MapError::NotPages { .. })
    ));
    assert!(matches!(
        refused(0, PAGE, 8),
        (libc::EINVAL, MapError::NotPages { .. })
    ));
    assert!(matches!(
        refused(u64::MAX - PAGE + 1, 2 * PAGE, 0),
        (libc::EINVAL, MapError::Wrapped { .. })
    ));
    assert!(matches!(
        refused(0, 2 * PAGE, u64::MAX - PAGE + 1),
        (libc::EINVAL, MapError::Wrapped { .. })
    ));
    assert!(matches!(
        refused(0, 9 * PAGE, 0),
        (libc::EINVAL, MapError::BeyondFile { .. })
    ));
    assert!(matches!(
        refused(0, PAGE, 8 * PAGE),
        (libc::EINVAL, MapError::BeyondFile { .. })
    ));
    table.map(PAGE, PAGE, Access::Read, &memory, 0).unwrap();
    let error = table
        .map(0, 4 * PAGE, Access::Read, &memory, 0)
        .unwrap_err();
    assert!(matches!(
        error,
        MapError::Overlap {
            iova: 0,
            other: PAGE
        }
    ));
    assert_eq!(error.errno(), libc::EEXIST);
    // A pipe cannot be mapped, nor an empty file.
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let mut any = DmaTable::new(FilePolicy::Any);
    assert!(
        any.map(0, PAGE, Access::Read, &OwnedFd::from(pipe), 0)
            .unwrap_err()
            .errno()
            > 0
    );
    assert_eq!(any.map_count(), 0);
    assert!(any.files().is_empty());
}

#[test]
fn one_shared_daemon_accepts_only_files_that_cannot_shrink() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(PAGE).unwrap();
    let mut strict = DmaTable::new(FilePolicy::SealedShrink);
    let error = strict.map(0, PAGE, Access::Read, &file, 0).unwrap_err();
    assert!(matches!(error, MapError::NotSealed));
    assert!(error.to_string().contains("share=on"));
    assert!(strict.files().is_empty());
    DmaTable::new(FilePolicy::Any)
        .map(0, PAGE, Access::Read, &file, 0)
        .unwrap();
}

#[test]
fn a_read_only_file_serves_read_only_maps() {
    let path = tempfile::NamedTempFile::new().unwrap();
    path.as_file().set_len(2 * PAGE).unwrap();
    let read_only = std::fs::File::open(path.path()).unwrap();
    let mut table = DmaTable::new(FilePolicy::Any);
    table.set_bus_master(true);
    table.map(0, PAGE, Access::Read, &read_only, 0).unwrap();
    let error = table
        .map(PAGE, PAGE, Access::ReadWrite, &read_only, PAGE)
        .unwrap_err();
    assert_eq!(error.errno(), libc::EACCES);
    let before = table.snapshot();
    assert_eq!(before.read_array::<2>(0), Ok([0; 2]));
    // The same file through a writable descriptor: mapped again, the old snapshot lives on.
    table
        .map(PAGE, PAGE, Access::ReadWrite, path.as_file(), PAGE)
        .unwrap();
    let after = table.snapshot();
    assert_eq!(after.write(PAGE, &[5]), Ok(()));
    assert_eq!(after.write(0, &[5]), Err(DmaError::ReadOnly { iova: 0 }));
    assert_eq!(before.read_array::<2>(0), Ok([0; 2]));
    assert_eq!(table.files().len(), 1);
}

#[test]
fn a_file_that_grew_is_mapped_again() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(PAGE).unwrap();
    let mut table = DmaTable::new(FilePolicy::Any);
    table.set_bus_master(true);
    table.map(0, PAGE, Access::ReadWrite, &file, 0).unwrap();
    let small = table.snapshot();
    file.set_len(4 * PAGE).unwrap();
    table
        .map(PAGE, 3 * PAGE, Access::ReadWrite, &file, PAGE)
        .unwrap();
    let large = table.snapshot();
    assert_eq!((table.map_count(), table.files().len()), (1, 1));
    large.write(PAGE - 1, &[1, 2]).unwrap();
    assert_eq!(small.read_array::<1>(PAGE - 1), Ok([1]));
    assert_eq!(
        small.read(PAGE, &mut [0]),
        Err(DmaError::Unmapped { iova: PAGE })
    );
}

#[test]
fn distinct_files_are_bounded() {
    let mut table = table();
    let files: Vec<_> = (0..=MAX_FILES)
        .map(|_| SharedMemory::new(PAGE).unwrap())
        .collect();
    for (n, file) in files[..MAX_FILES].iter().enumerate() {
        table
            .map(n as u64 * PAGE, PAGE, Access::Read, file, 0)
            .unwrap();
    }
    let far = MAX_FILES as u64 * PAGE;
    let error = table
        .map(far, PAGE, Access::Read, &files[MAX_FILES], 0)
        .unwrap_err();
    assert!(matches!(error, MapError::TooManyFiles));
    // One file less makes room for one more.
    table.unmap(0, PAGE).unwrap();
    table
        .map(far, PAGE, Access::Read, &files[MAX_FILES], 0)
        .unwrap();
}

#[test]
fn unmap_is_quiescent_when_no_older_snapshot_is_held() {
    let (memory, mut table) = (memory(), table());
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    let first = table.snapshot();
    assert!(
        Arc::ptr_eq(&first, &table.snapshot()),
        "unchanged tables publish the same snapshot"
    );
    table
        .map(PAGE, PAGE, Access::ReadWrite, &memory, 4 * PAGE)
        .unwrap();
    let second = table.snapshot();
    table.unmap(0, PAGE).unwrap();
    let retired = table.retired();
    let third = table.snapshot();
    assert_eq!(third.read(0, &mut [0]), Err(DmaError::Unmapped { iova: 0 }));
    // The snapshot before the last still reaches the page.
    drop(second);
    assert!(!retired.is_quiescent());
    assert_eq!(first.write(0, &[1]), Ok(()));
    drop(first);
    assert!(retired.is_quiescent());
    assert!(table.retired().is_quiescent());
    drop(third);
}

#[test]
fn an_unpublished_change_has_nothing_to_wait_for() {
    let (memory, mut table) = (memory(), table());
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    table.unmap(0, PAGE).unwrap();
    assert!(table.retired().is_quiescent());
}

#[test]
fn snapshots_are_swapped_under_a_running_device() {
    let memory = memory();
    let mut table = table();
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    let current = Mutex::new(table.snapshot());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let device = scope.spawn(|| {
            let (mut hits, mut misses) = (0u64, 0u64);
            while !done.load(Ordering::Acquire) {
                let space = Arc::clone(&current.lock().unwrap());
                match space.fetch_add_u64(0, 1) {
                    Ok(_) => hits += 1,
                    Err(DmaError::Unmapped { iova: 0 }) => misses += 1,
                    Err(other) => unreachable!("{other}"),
                }
            }
            (hits, misses)
        });
        for _ in 0..500 {
            table.unmap(0, PAGE).unwrap();
            *current.lock().unwrap() = table.snapshot();
            while !table.retired().is_quiescent() {
                std::thread::yield_now();
            }
            // Answered: now nobody may touch the page.
            let before = memory.load_acquire_u64(0).unwrap();
            std::thread::yield_now();
            assert_eq!(memory.load_acquire_u64(0).unwrap(), before);
            table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
            *current.lock().unwrap() = table.snapshot();
        }
        done.store(true, Ordering::Release);
        let (hits, _misses) = device.join().unwrap();
        assert_eq!(memory.load_acquire_u64(0), Ok(hits));
    });
}

#[test]
fn as_many_maps_as_the_client_may_make_and_not_one_more() {
    let memory = SharedMemory::new(2 * PAGE).unwrap();
    let mut table = table();
    let max = rnic_core::dma::MAX_MAPS as u64;
    // Every map shows the same page, so none joins its neighbour.
    for n in 0..max {
        table
            .map(n * PAGE, PAGE, Access::ReadWrite, &memory, 0)
            .unwrap();
        if n % 4096 == 0 {
            assert_eq!(table.snapshot().map_count() as u64, n + 1);
        }
    }
    let error = table
        .map(max * PAGE, PAGE, Access::ReadWrite, &memory, 0)
        .unwrap_err();
    assert_eq!(error.errno(), libc::ENOSPC);
    assert_eq!(table.snapshot().fetch_add_u64((max - 1) * PAGE, 5), Ok(0));
    assert_eq!(table.snapshot().load_acquire_u64(17 * PAGE), Ok(5));
    // An unmap may not cut a map in two when there is no room for both parts.
    table.unmap(0, 2 * PAGE).unwrap();
    table
        .map(1 << 40, 2 * PAGE, Access::ReadWrite, &memory, 0)
        .unwrap();
    table.map(0, PAGE, Access::ReadWrite, &memory, 0).unwrap();
    assert_eq!(table.map_count() as u64, max);
    assert_eq!(table.unmap_all(), (max + 1) * PAGE);
}
