//! Random maps and transfers against plain byte arrays, one byte at a time.

use proptest::prelude::*;
use rnic_core::dma::{Access, CopyError, DmaError, DmaSpace, DmaTable, FilePolicy, SharedMemory};
use std::sync::Arc;

const PAGE: u64 = 4096;
const FILE_PAGES: u64 = 6;
const SPACE_PAGES: u64 = 12;

#[derive(Clone, Copy, Debug)]
struct MapStep {
    page: u64,
    pages: u64,
    file: usize,
    file_page: u64,
    access: Access,
}

#[derive(Clone, Debug)]
enum Step {
    Read {
        space: usize,
        iova: u64,
        len: u64,
    },
    Write {
        space: usize,
        iova: u64,
        len: u64,
        seed: u8,
    },
    Fill {
        space: usize,
        iova: u64,
        len: u64,
        byte: u8,
    },
    Copy {
        from: usize,
        from_iova: u64,
        to: usize,
        to_iova: u64,
        len: u64,
    },
    Add {
        space: usize,
        iova: u64,
        value: u64,
    },
    Unmap {
        space: usize,
        page: u64,
        pages: u64,
    },
}

/// One address: the file, the byte in it, and what is permitted.
type Cell = Option<(usize, u64, Access)>;

struct Oracle {
    files: Vec<Vec<u8>>,
    /// Page tables of the two spaces.
    pages: [Vec<Cell>; 2],
}

impl Oracle {
    fn cell(&self, space: usize, iova: u64) -> Cell {
        let (file, at, access) = (*self.pages[space].get((iova / PAGE) as usize)?)?;
        Some((file, at + iova % PAGE, access))
    }

    fn reach(&self, space: usize, iova: u64, write: bool) -> Result<(usize, usize), DmaError> {
        let (file, at, access) = self.cell(space, iova).ok_or(DmaError::Unmapped { iova })?;
        match write {
            true if !access.writes() => Err(DmaError::ReadOnly { iova }),
            false if !access.reads() => Err(DmaError::WriteOnly { iova }),
            _ => Ok((file, at as usize)),
        }
    }

    /// How many bytes can be reached, and why not the next.
    fn reachable(&self, space: usize, iova: u64, len: u64, write: bool) -> (u64, Option<DmaError>) {
        for n in 0..len {
            if let Err(e) = self.reach(space, iova + n, write) {
                return (n, Some(e));
            }
        }
        (len, None)
    }

    fn write(&mut self, space: usize, iova: u64, bytes: &[u8]) {
        for (n, byte) in bytes.iter().enumerate() {
            let (file, at) = self.reach(space, iova + n as u64, true).unwrap();
            self.files[file][at] = *byte;
        }
    }

    fn read(&self, space: usize, iova: u64, len: u64) -> Vec<u8> {
        let byte = |n| {
            self.reach(space, iova + n, false)
                .map(|(file, at)| self.files[file][at])
                .unwrap()
        };
        (0..len).map(byte).collect()
    }

    fn share_a_file(&self, a: usize, b: usize) -> bool {
        let files = |s: usize| self.pages[s].iter().flatten().map(|c| c.0);
        files(a).any(|x| files(b).any(|y| x == y))
    }
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![6 => Just(Access::ReadWrite), 1 => Just(Access::Read), 1 => Just(Access::Write)]
}

fn map_step(files: std::ops::Range<usize>) -> impl Strategy<Value = MapStep> {
    (0..SPACE_PAGES, 1u64..4, files, 0..FILE_PAGES, access()).prop_map(
        |(page, pages, file, file_page, access)| MapStep {
            page,
            pages,
            file,
            file_page,
            access,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let iova = || 0..SPACE_PAGES * PAGE;
    let len = || prop_oneof![0u64..64, 0u64..4 * PAGE];
    prop_oneof![
        2 => (0usize..2, iova(), len()).prop_map(|(space, iova, len)| Step::Read { space, iova, len }),
        2 => (0usize..2, iova(), len(), any::<u8>())
            .prop_map(|(space, iova, len, seed)| Step::Write { space, iova, len, seed }),
        1 => (0usize..2, iova(), len(), any::<u8>())
            .prop_map(|(space, iova, len, byte)| Step::Fill { space, iova, len, byte }),
        4 => (0usize..2, iova(), 0usize..2, iova(), len())
            .prop_map(|(from, from_iova, to, to_iova, len)| Step::Copy { from, from_iova, to, to_iova, len }),
        1 => (0usize..2, iova(), any::<u64>())
            .prop_map(|(space, iova, value)| Step::Add { space, iova: iova & !7, value }),
        1 => (0usize..2, 0..SPACE_PAGES, 1u64..3).prop_map(|(space, page, pages)| Step::Unmap { space, page, pages }),
    ]
}

fn run(maps: [Vec<MapStep>; 2], steps: Vec<Step>) -> Result<(), TestCaseError> {
    let memories: Vec<_> = (0..3)
        .map(|_| SharedMemory::new(FILE_PAGES * PAGE).unwrap())
        .collect();
    let mut oracle = Oracle {
        files: vec![vec![0; (FILE_PAGES * PAGE) as usize]; 3],
        pages: [
            vec![None; SPACE_PAGES as usize + 8],
            vec![None; SPACE_PAGES as usize + 8],
        ],
    };
    for (n, memory) in memories.iter().enumerate() {
        let bytes: Vec<u8> = (0..FILE_PAGES * PAGE)
            .map(|at| (at / 256 + at * 7 + n as u64 * 91) as u8)
            .collect();
        memory.write(0, &bytes).unwrap();
        oracle.files[n] = bytes;
    }
    let mut tables = [
        DmaTable::new(FilePolicy::SealedShrink),
        DmaTable::new(FilePolicy::SealedShrink),
    ];
    for (space, maps) in maps.into_iter().enumerate() {
        tables[space].set_bus_master(true);
        for m in maps {
            let fits = m.file_page + m.pages <= FILE_PAGES;
            let range = m.page as usize..(m.page + m.pages) as usize;
            let free = oracle.pages[space][range.clone()]
                .iter()
                .all(Option::is_none);
            let result = tables[space].map(
                m.page * PAGE,
                m.pages * PAGE,
                m.access,
                &memories[m.file],
                m.file_page * PAGE,
            );
            prop_assert_eq!(result.is_ok(), fits && free);
            if result.is_ok() {
                for (n, page) in range.enumerate() {
                    oracle.pages[space][page] =
                        Some((m.file, (m.file_page + n as u64) * PAGE, m.access));
                }
            }
        }
    }
    for step in steps {
        let spaces: [Arc<DmaSpace>; 2] = [tables[0].snapshot(), tables[1].snapshot()];
        match step {
            Step::Read { space, iova, len } => {
                let mut bytes = vec![0; len as usize];
                let result = spaces[space].read(iova, &mut bytes);
                let (n, error) = oracle.reachable(space, iova, len, false);
                prop_assert_eq!(result.err(), error);
                prop_assert_eq!(spaces[space].validate(iova, len, Access::Read).err(), error);
                prop_assert_eq!(&bytes[..n as usize], &oracle.read(space, iova, n)[..]);
            }
            Step::Write {
                space,
                iova,
                len,
                seed,
            } => {
                let bytes: Vec<u8> = (0..len)
                    .map(|n| (n as u8).wrapping_mul(31).wrapping_add(seed))
                    .collect();
                let (n, error) = oracle.reachable(space, iova, len, true);
                prop_assert_eq!(spaces[space].write(iova, &bytes).err(), error);
                oracle.write(space, iova, &bytes[..n as usize]);
            }
            Step::Fill {
                space,
                iova,
                len,
                byte,
            } => {
                let (n, error) = oracle.reachable(space, iova, len, true);
                prop_assert_eq!(spaces[space].fill(iova, len, byte).err(), error);
                oracle.write(space, iova, &vec![byte; n as usize]);
            }
            Step::Copy {
                from,
                from_iova,
                to,
                to_iova,
                len,
            } => {
                let (f, f_error) = oracle.reachable(from, from_iova, len, false);
                let (t, t_error) = oracle.reachable(to, to_iova, len, true);
                // With memory in common both sides are looked at first, the source before.
                let looks_first = oracle.share_a_file(from, to);
                let expected = match (f_error, t_error) {
                    (Some(e), _) if looks_first || f <= t => Some(CopyError::Source(e)),
                    (_, Some(e)) => Some(CopyError::Destination(e)),
                    (Some(e), None) => Some(CopyError::Source(e)),
                    (None, None) => None,
                };
                let moved = if expected.is_some() && looks_first {
                    0
                } else {
                    f.min(t)
                };
                let result = DmaSpace::copy(&spaces[from], from_iova, &spaces[to], to_iova, len);
                prop_assert_eq!(result.err(), expected);
                let bytes = oracle.read(from, from_iova, moved);
                oracle.write(to, to_iova, &bytes);
            }
            Step::Add { space, iova, value } => {
                let result = spaces[space].fetch_add_u64(iova, value);
                match (
                    oracle.reach(space, iova, true),
                    oracle.reach(space, iova, false),
                ) {
                    (Ok((file, at)), Ok(_)) => {
                        let word = &mut oracle.files[file][at..at + 8];
                        let old = u64::from_le_bytes(word.try_into().unwrap());
                        word.copy_from_slice(&old.wrapping_add(value).to_le_bytes());
                        prop_assert_eq!(result, Ok(old));
                    }
                    (Err(e), _) | (_, Err(e)) => prop_assert_eq!(result, Err(e)),
                }
            }
            Step::Unmap { space, page, pages } => {
                let mut gone = 0;
                for cell in &mut oracle.pages[space][page as usize..(page + pages) as usize] {
                    gone += u64::from(cell.take().is_some()) * PAGE;
                }
                prop_assert_eq!(
                    tables[space].unmap(page * PAGE, pages * PAGE).unwrap(),
                    gone
                );
            }
        }
    }
    for (memory, expected) in memories.iter().zip(&oracle.files) {
        let mut bytes = vec![0; expected.len()];
        memory.read(0, &mut bytes).unwrap();
        prop_assert!(&bytes == expected, "memory differs at the end");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Two devices of one guest: all memory in common.
    #[test]
    fn devices_that_share_memory(
        a in proptest::collection::vec(map_step(0..2), 0..12),
        b in proptest::collection::vec(map_step(0..2), 0..12),
        steps in proptest::collection::vec(step(), 0..24),
    ) {
        run([a, b], steps)?;
    }

    /// Devices of two guests.
    #[test]
    fn devices_that_share_nothing(
        a in proptest::collection::vec(map_step(0..2), 0..12),
        b in proptest::collection::vec(map_step(2..3), 0..12),
        steps in proptest::collection::vec(step(), 0..24),
    ) {
        run([a, b], steps)?;
    }

    /// Any address and length: an error or success, never a panic.
    #[test]
    fn any_address_and_length(iova in any::<u64>(), len in any::<u64>(), other in any::<u64>()) {
        let memory = SharedMemory::new(PAGE).unwrap();
        let mut table = DmaTable::new(FilePolicy::SealedShrink);
        table.set_bus_master(true);
        for at in [0, u64::MAX - PAGE + 1] {
            table.map(at, PAGE, Access::ReadWrite, &memory, 0).unwrap();
        }
        let space = table.snapshot();
        prop_assert_eq!(space.fill(iova, len, 1).is_ok(), space.validate(iova, len, Access::Write).is_ok());
        let _ = DmaSpace::copy(&space, iova, &space, other, len);
        let _ = space.fetch_add_u64(iova, 1);
        let _ = table.unmap(iova, len);
        let _ = table.map(iova, len, Access::Read, &memory, other);
    }
}
