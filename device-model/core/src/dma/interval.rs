//! IOVA interval map, cheap to copy.
//!
//! Sorted leaves of at most [`LEAF_MAX`] maps, each leaf behind an `Arc`: a snapshot copies one
//! pointer a leaf and a change copies one leaf, so 65535 maps of one page each (what a guest's
//! IOMMU sends) do not cost a quadratic copy. Lookup is two binary searches.

use super::Access;
use std::sync::Arc;

const LEAF_MAX: usize = 256;

/// `iova..=last` is the file's bytes from `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) iova: u64,
    pub(super) last: u64,
    pub(super) offset: u64,
    /// Index into the table's files.
    pub(super) file: u32,
    pub(super) access: Access,
}

impl Map {
    /// Whether `next` continues this map, in the address space and in the file.
    fn continued_by(&self, next: &Map) -> bool {
        self.last.checked_add(1) == Some(next.iova)
            && self.file == next.file
            && self.access == next.access
            && self.offset.checked_add(next.iova - self.iova) == Some(next.offset)
    }

    /// Bytes from `iova` (inside the map) to its end; saturates for a map of 2^64 bytes.
    pub(super) fn left(&self, iova: u64) -> u64 {
        (self.last - iova).saturating_add(1)
    }
}

/// Position of a map; valid for the [`IntervalMap`] that returned it, until it changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    leaf: usize,
    index: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct IntervalMap {
    leaves: Vec<Arc<Vec<Map>>>,
    len: usize,
}

/// The new map overlaps one that starts at `iova`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) iova: u64,
}

impl IntervalMap {
    /// Number of maps after coalescing.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Map> {
        self.leaves.iter().flat_map(|leaf| leaf.iter())
    }

    /// The map at a cursor.
    #[inline]
    pub(super) fn get(&self, at: Cursor) -> Option<&Map> {
        self.leaves.get(at.leaf)?.get(at.index)
    }

    /// The map after a cursor.
    #[inline]
    pub(super) fn next(&self, at: Cursor) -> Option<(Cursor, &Map)> {
        let here = Cursor {
            leaf: at.leaf,
            index: at.index + 1,
        };
        let next = Cursor {
            leaf: at.leaf + 1,
            index: 0,
        };
        [here, next]
            .into_iter()
            .find_map(|cursor| self.get(cursor).map(|map| (cursor, map)))
    }

    /// The map that holds `iova`.
    #[inline]
    pub(super) fn locate(&self, iova: u64) -> Option<(Cursor, &Map)> {
        // A guest without an IOMMU has a handful of maps: one leaf, and few steps in it.
        let (leaf, maps) = match self.leaves.as_slice() {
            [only] => (0, only),
            leaves => {
                let starts = |leaf: &Arc<Vec<Map>>| leaf.first().is_some_and(|m| m.iova <= iova);
                let leaf = leaves.partition_point(starts).checked_sub(1)?;
                (leaf, leaves.get(leaf)?)
            }
        };
        let index = maps.partition_point(|m| m.iova <= iova).checked_sub(1)?;
        let map = maps.get(index)?;
        (map.last >= iova).then_some((Cursor { leaf, index }, map))
    }

    /// The leaf to look in for `iova`, and in it the index of the first map that starts past it.
    #[inline]
    fn position(&self, iova: u64) -> (usize, usize) {
        let starts = |leaf: &Arc<Vec<Map>>| leaf.first().is_some_and(|m| m.iova <= iova);
        let leaf = self.leaves.partition_point(starts).saturating_sub(1);
        let index = self
            .leaves
            .get(leaf)
            .map_or(0, |l| l.partition_point(|m| m.iova <= iova));
        (leaf, index)
    }

    /// Adds a map, joining it with neighbours that it continues.
    pub(super) fn insert(&mut self, map: Map) -> Result<(), Overlap> {
        let (leaf, index) = self.position(map.iova);
        let before = index
            .checked_sub(1)
            .and_then(|i| self.get(Cursor { leaf, index: i }))
            .copied();
        let after_at = Cursor { leaf, index };
        let after = self
            .get(after_at)
            .or_else(|| {
                self.get(Cursor {
                    leaf: leaf + 1,
                    index: 0,
                })
            })
            .copied();
        if let Some(b) = before.filter(|b| b.last >= map.iova) {
            return Err(Overlap { iova: b.iova });
        }
        if let Some(a) = after.filter(|a| a.iova <= map.last) {
            return Err(Overlap { iova: a.iova });
        }
        let joins_before = before.is_some_and(|b| b.continued_by(&map));
        let joins_after = after.is_some_and(|a| map.continued_by(&a));
        let mut map = map;
        if let (true, Some(a)) = (joins_after, after) {
            map.last = a.last;
            self.remove_start(a.iova);
        }
        if joins_before {
            if let Some(b) = self.leaf_mut(leaf).and_then(|l| l.get_mut(index - 1)) {
                b.last = map.last;
            }
            return Ok(());
        }
        // Removing the map after may have emptied and dropped the leaf.
        let (leaf, index) = self.position(map.iova);
        match self.leaf_mut(leaf) {
            Some(maps) => maps.insert(index, map),
            None => self.leaves.push(Arc::new(vec![map])),
        }
        self.len += 1;
        self.split(leaf);
        Ok(())
    }

    /// Whether removing `first..=last` would cut one map into two.
    pub(super) fn would_split(&self, first: u64, last: u64) -> bool {
        self.locate(first)
            .is_some_and(|(_, map)| map.iova < first && map.last > last)
    }

    /// Removes what lies in `first..=last`, trimming maps at the edges; calls `removed` with the
    /// file and the number of bytes of every part taken out.
    pub(super) fn remove(&mut self, first: u64, last: u64, mut removed: impl FnMut(u32, u64)) {
        let (start, _) = self.position(first);
        let mut total_before = 0;
        let mut total_after = 0;
        let mut touched = start..start;
        for leaf in self.leaves.iter_mut().skip(start) {
            if leaf.first().is_none_or(|m| m.iova > last) {
                break;
            }
            touched.end += 1;
            if leaf.last().is_none_or(|m| m.last < first) {
                continue;
            }
            let mut kept = Vec::with_capacity(leaf.len() + 1);
            for map in leaf.iter() {
                if map.last < first || map.iova > last {
                    kept.push(*map);
                    continue;
                }
                let from = map.iova.max(first);
                let to = map.last.min(last);
                removed(map.file, (to - from).saturating_add(1));
                if from > map.iova {
                    kept.push(Map {
                        last: from - 1,
                        ..*map
                    });
                }
                if to < map.last {
                    kept.push(Map {
                        iova: to + 1,
                        offset: map.offset + (to + 1 - map.iova),
                        ..*map
                    });
                }
            }
            total_before += leaf.len();
            total_after += kept.len();
            *leaf = Arc::new(kept);
        }
        self.len = self.len + total_after - total_before;
        if touched.len() > 2 || total_after == 0 {
            self.leaves.retain(|leaf| !leaf.is_empty());
        } else {
            let mut at = 0;
            self.leaves.retain(|leaf| {
                at += 1;
                !(touched.contains(&(at - 1)) && leaf.is_empty())
            });
        }
        self.merge(start);
        self.split(start);
    }

    fn remove_start(&mut self, iova: u64) {
        let (leaf, index) = self.position(iova);
        let Some(maps) = self.leaf_mut(leaf) else {
            return;
        };
        maps.remove(index - 1);
        let empty = maps.is_empty();
        self.len -= 1;
        if empty {
            self.leaves.remove(leaf);
        }
    }

    fn leaf_mut(&mut self, leaf: usize) -> Option<&mut Vec<Map>> {
        self.leaves.get_mut(leaf).map(Arc::make_mut)
    }

    fn split(&mut self, leaf: usize) {
        if let Some(maps) = self.leaf_mut(leaf).filter(|l| l.len() > LEAF_MAX) {
            let upper = maps.split_off(LEAF_MAX / 2);
            self.leaves.insert(leaf + 1, Arc::new(upper));
        }
    }

    /// Joins small neighbours, so that many removals do not leave many nearly empty leaves.
    fn merge(&mut self, around: usize) {
        for leaf in [around, around.saturating_sub(1)] {
            let (Some(a), Some(b)) = (self.leaves.get(leaf), self.leaves.get(leaf + 1)) else {
                continue;
            };
            if a.len() + b.len() <= LEAF_MAX / 2 {
                let upper = self.leaves.remove(leaf + 1);
                if let Some(maps) = self.leaf_mut(leaf) {
                    maps.extend_from_slice(&upper);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn map(iova: u64, pages: u64, offset: u64, file: u32) -> Map {
        Map {
            iova,
            last: iova + pages - 1,
            offset,
            file,
            access: Access::Read,
        }
    }

    /// Sorted, disjoint, nothing left to join, counters right, leaves neither empty nor too large.
    fn check(maps: &IntervalMap) {
        let all: Vec<Map> = maps.iter().copied().collect();
        assert_eq!(all.len(), maps.len());
        assert!(all.windows(2).all(|w| w[0].last < w[1].iova));
        assert!(
            maps.leaves
                .iter()
                .all(|l| !l.is_empty() && l.len() <= LEAF_MAX)
        );
    }

    #[test]
    fn neighbours_that_continue_each_other_join() {
        let mut maps = IntervalMap::default();
        maps.insert(map(0, 4, 100, 1)).unwrap();
        maps.insert(map(8, 4, 108, 1)).unwrap();
        maps.insert(map(4, 4, 104, 1)).unwrap();
        assert_eq!(
            maps.iter().copied().collect::<Vec<_>>(),
            [map(0, 12, 100, 1)]
        );
        maps.insert(map(12, 4, 112, 2)).unwrap(); // another file
        maps.insert(map(16, 4, 200, 2)).unwrap(); // not contiguous in it
        maps.insert(Map {
            access: Access::ReadWrite,
            ..map(20, 4, 204, 2)
        })
        .unwrap();
        assert_eq!(maps.len(), 4);
        check(&maps);
    }

    #[test]
    fn overlap_names_the_map_in_the_way() {
        let mut maps = IntervalMap::default();
        maps.insert(map(10, 10, 0, 0)).unwrap();
        for (iova, pages) in [(10, 10), (5, 6), (19, 1), (0, 100), (12, 1)] {
            assert_eq!(
                maps.insert(map(iova, pages, 0, 0)),
                Err(Overlap { iova: 10 })
            );
        }
        assert_eq!(maps.len(), 1);
    }

    #[test]
    fn the_last_byte_of_the_address_space_can_be_mapped() {
        let mut maps = IntervalMap::default();
        let whole = Map {
            iova: 0,
            last: u64::MAX,
            offset: 0,
            file: 0,
            access: Access::Read,
        };
        maps.insert(whole).unwrap();
        assert_eq!(maps.locate(u64::MAX).unwrap().1, &whole);
        let mut bytes = 0;
        maps.remove(0, u64::MAX, |_, n| bytes += n);
        assert_eq!((bytes, maps.len()), (u64::MAX, 0));
    }

    #[test]
    fn a_snapshot_is_untouched_by_later_changes() {
        let mut maps = IntervalMap::default();
        (0..1000).for_each(|i| maps.insert(map(i * 2, 1, i * 7, 0)).unwrap());
        let snapshot = maps.clone();
        maps.remove(0, u64::MAX, |_, _| ());
        assert_eq!(snapshot.iter().count(), 1000);
        assert_eq!(maps.iter().count(), 0);
        check(&snapshot);
    }

    proptest! {
        /// Against a map of single addresses, with enough maps for several leaves.
        #[test]
        fn behaves_like_a_map_of_single_addresses(
            seed_maps in 0u64..1200,
            steps in proptest::collection::vec((any::<bool>(), 0u64..2600, 1u64..40, 0u64..3), 0..120),
        ) {
            let mut maps = IntervalMap::default();
            let mut oracle = BTreeMap::<u64, (u32, u64)>::new();
            for i in 0..seed_maps {
                maps.insert(map(i * 2, 1, i * 5, 0)).unwrap();
                oracle.insert(i * 2, (0, i * 5));
            }
            for (insert, at, count, file) in steps {
                let file = u32::try_from(file).unwrap();
                if insert {
                    let free = oracle.range(at..at + count).next().is_none();
                    prop_assert_eq!(maps.insert(map(at, count, at, file)).is_ok(), free);
                    if free {
                        (at..at + count).for_each(|a| { oracle.insert(a, (file, a)); });
                    }
                } else {
                    let mut bytes = 0;
                    maps.remove(at, at + count - 1, |_, n| bytes += n);
                    let gone = (at..at + count).filter(|a| oracle.remove(a).is_some()).count();
                    prop_assert_eq!(bytes, gone as u64);
                }
                check(&maps);
            }
            for a in 0..2700 {
                let found = maps.locate(a).map(|(_, m)| (m.file, m.offset + (a - m.iova)));
                prop_assert_eq!(found, oracle.get(&a).copied());
            }
        }
    }
}
