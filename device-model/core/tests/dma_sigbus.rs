//! A memory file that shrinks under a map is a DMA error of that device and nothing more.

use rnic_core::dma::{Access, CopyError, DmaError, DmaSpace, DmaTable, FilePolicy, SharedMemory};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

const PAGE: u64 = 4096;

fn truncatable(pages: u64) -> (File, DmaTable, Arc<DmaSpace>) {
    let file = tempfile::tempfile().unwrap();
    file.set_len(pages * PAGE).unwrap();
    let mut table = DmaTable::new(FilePolicy::Any);
    table.set_bus_master(true);
    table
        .map(0, pages * PAGE, Access::ReadWrite, &file, 0)
        .unwrap();
    let space = table.snapshot();
    space.fill(0, pages * PAGE, 0x5a).unwrap();
    (file, table, space)
}

#[test]
fn a_truncated_file_is_a_host_fault_of_its_own_device() {
    let (file, mut table, space) = truncatable(16);
    let other = SharedMemory::new(16 * PAGE).unwrap();
    let neighbour = other.space_at(0).unwrap();
    neighbour.fill(0, 16 * PAGE, 7).unwrap();
    assert_eq!(space.health(), Ok(()));

    file.set_len(0).unwrap();
    let mut bytes = vec![0; 8192];
    assert_eq!(
        space.read(PAGE, &mut bytes),
        Err(DmaError::HostFault { iova: PAGE })
    );
    assert_eq!(space.health(), Err(DmaError::HostFault { iova: 0 }));
    // It stays so, and for every kind of access.
    assert_eq!(
        space.read(0, &mut bytes),
        Err(DmaError::HostFault { iova: 0 })
    );
    assert_eq!(space.write(8, &[1]), Err(DmaError::HostFault { iova: 8 }));
    assert_eq!(space.fill(8, 1, 1), Err(DmaError::HostFault { iova: 8 }));
    assert_eq!(
        space.load_acquire_u32(4),
        Err(DmaError::HostFault { iova: 4 })
    );
    assert_eq!(
        space.store_release_u64(8, 1),
        Err(DmaError::HostFault { iova: 8 })
    );
    assert_eq!(
        space.fetch_add_u64(8, 1),
        Err(DmaError::HostFault { iova: 8 })
    );
    assert_eq!(
        space.validate(8, 1, Access::Read),
        Err(DmaError::HostFault { iova: 8 })
    );
    let fault = DmaError::HostFault { iova: 0 };
    assert_eq!(
        DmaSpace::copy(&space, 0, &neighbour, 0, 16),
        Err(CopyError::Source(fault))
    );
    assert_eq!(
        DmaSpace::copy(&neighbour, 0, &space, 0, 16),
        Err(CopyError::Destination(fault))
    );

    assert_eq!(neighbour.health(), Ok(()));
    assert_eq!(neighbour.read_array::<4>(0), Ok([7; 4]));

    // The peer takes its maps away and comes back with memory.
    file.set_len(PAGE).unwrap();
    table.unmap_all();
    table.map(0, PAGE, Access::ReadWrite, &file, 0).unwrap();
    assert_eq!(table.snapshot().read_array::<2>(0), Ok([0; 2]));
    assert_eq!(
        space.read(0, &mut [0]),
        Err(DmaError::HostFault { iova: 0 })
    );
}

#[test]
fn a_fault_in_the_middle_of_each_access_is_reported_by_that_access() {
    type Op = fn(&DmaSpace, &DmaSpace) -> Result<(), DmaError>;
    let operations: [(&str, Op); 9] = [
        ("read", |s, _| s.read(PAGE, &mut vec![0; 3 * 4096])),
        ("write", |s, _| s.write(PAGE, &[1; 3 * 4096])),
        ("fill", |s, _| s.fill(PAGE, 3 * PAGE, 1)),
        ("load", |s, _| s.load_acquire_u64(3 * PAGE).map(|_| ())),
        ("store", |s, _| s.store_release_u32(3 * PAGE, 1)),
        ("add", |s, _| s.fetch_add_u64(3 * PAGE, 1).map(|_| ())),
        ("compare", |s, _| {
            s.compare_exchange_u64(3 * PAGE, 0, 1).map(|_| ())
        }),
        ("copy out", |s, n| {
            DmaSpace::copy(s, PAGE, n, 0, 3 * PAGE).map_err(DmaError::from)
        }),
        ("copy in", |s, n| {
            DmaSpace::copy(n, 0, s, PAGE, 3 * PAGE).map_err(DmaError::from)
        }),
    ];
    for (name, operation) in operations {
        let (file, _table, space) = truncatable(4);
        let other = SharedMemory::new(4 * PAGE).unwrap();
        let neighbour = other.space_at(0).unwrap();
        file.set_len(2 * PAGE).unwrap();
        let result = operation(&space, &neighbour);
        assert!(
            matches!(result, Err(DmaError::HostFault { .. })),
            "{name}: {result:?}"
        );
        assert_eq!(neighbour.health(), Ok(()), "{name}");
    }
}

#[test]
fn faults_in_many_threads_at_once_are_all_absorbed() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let (file, _table, space) = truncatable(4);
                    file.set_len(0).unwrap();
                    std::thread::scope(|inner| {
                        for page in 0..2 {
                            let space = &space;
                            inner.spawn(move || {
                                let result = space.read_array::<64>(page * PAGE);
                                assert_eq!(result, Err(DmaError::HostFault { iova: page * PAGE }));
                            });
                        }
                    });
                }
            });
        }
    });
}

/// A SIGBUS that is not ours still ends the process: shown in a child, which is this test again.
#[test]
fn a_sigbus_from_elsewhere_is_not_swallowed() {
    const CHILD: &str = "RNIC_TEST_SIGBUS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let (_file, _table, space) = truncatable(1);
        assert_eq!(space.read_array::<1>(0), Ok([0x5a]));
        // The handler is installed; now a fault in a mapping that no space knows.
        let file = tempfile::tempfile().unwrap();
        file.set_len(PAGE).unwrap();
        let (protection, flags) = (libc::PROT_READ, libc::MAP_SHARED);
        // SAFETY: a new mapping where the kernel likes.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                protection,
                flags,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(at, libc::MAP_FAILED);
        file.set_len(0).unwrap();
        // SAFETY: `at` is mapped; that the access raises SIGBUS is what is tested.
        let byte = unsafe { std::ptr::read_volatile(at.cast::<u8>()) };
        assert_eq!(byte, 0);
        std::process::exit(0);
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_sigbus_from_elsewhere_is_not_swallowed"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(libc::SIGBUS), "{status:?}");
}
