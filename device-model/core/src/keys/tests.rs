use proptest::prelude::*;
use rnic_abi::{AddMrPagesRequest, BeginMrRequest, BindSegment, FastRegisterSegment};

use super::*;
use crate::testing::Guest;

const LIMITS: KeyLimits = KeyLimits {
    pds: 4,
    mrs: 64,
    mws: 64,
    pages: 1 << 20,
    distance: 8,
};

fn region(
    keys: &mut Keys,
    guest: &mut Guest,
    base: u64,
    length: u64,
    log: u8,
    pages: &[u64],
) -> Key {
    let mut request = BeginMrRequest::zeroed();
    request.pd.set(1);
    request.base.set(base);
    request.length.set(length);
    request.first_offset.set((base % (1 << log)) as u32);
    request.page_count.set(pages.len() as u32);
    request.log_page_bytes = log;
    request.set_access(AccessFlags(0x1F));
    let key = keys
        .begin_region(RegionRequest::check(&request).unwrap())
        .unwrap();
    let list = guest.alloc(pages.len() as u64 * 8);
    for (n, page) in (0u64..).zip(pages) {
        guest.write_u64(list + n * 8, *page);
    }
    let mut add = AddMrPagesRequest::zeroed();
    add.key.set(key.0);
    add.count.set(pages.len() as u32);
    add.list.set(list);
    keys.add_pages(&guest.space(), &add).unwrap();
    keys.commit_region(key.0, 0).unwrap();
    key
}

fn table() -> Keys {
    let mut keys = Keys::new(LIMITS);
    keys.create_domain(false).unwrap();
    keys
}

#[test]
fn an_index_comes_back_late_and_with_another_variant() {
    // [MEM-2] [MEM-4]
    let mut keys = table();
    let mut freed: Vec<u32> = Vec::new();
    let mut last = std::collections::HashMap::new();
    for round in 0..200 {
        let key = keys.create_window(1, WindowKind::Type2).unwrap();
        assert_ne!(key.index(), 0);
        if let Some(at) = freed.iter().rposition(|index| *index == key.index()) {
            let after = freed.len() - 1 - at;
            assert!(
                after >= LIMITS.distance as usize,
                "{after} in round {round}"
            );
        }
        if let Some(variant) = last.insert(key.index(), key.variant()) {
            assert_ne!(variant, key.variant());
        }
        keys.destroy_window(key.0, 0).unwrap();
        freed.push(key.index());
    }
    assert!(last.len() < 20, "indices are used again");
}

#[test]
fn the_last_free_index_is_given_out_before_a_refusal() {
    // [MEM-4]
    let mut keys = Keys::new(KeyLimits {
        mws: 3,
        mrs: 0,
        pds: 1,
        ..LIMITS
    });
    keys.create_domain(false).unwrap();
    let held: Vec<Key> = (0..3)
        .map(|_| keys.create_window(1, WindowKind::Type1).unwrap())
        .collect();
    assert_eq!(keys.create_window(1, WindowKind::Type1), Err(KeysFull));
    keys.destroy_window(held[1].0, 0).unwrap();
    assert!(keys.create_window(1, WindowKind::Type1).is_ok());
    assert_eq!(keys.create_window(1, WindowKind::Type1), Err(KeysFull));
}

#[test]
fn ranges_follow_the_pages_and_join_neighbours() {
    // [MEM-10] [MEM-25]
    let mut keys = table();
    let mut guest = Guest::new();
    let pages = [0x5000, 0x6000, 0x9000, 0x2000];
    let key = region(&mut keys, &mut guest, 0x10_0800, 0x3000, 12, &pages);
    let ranges = |address, length| -> Vec<(u64, u64)> {
        let extent = keys
            .check_local(1, key.0, address, length, LocalRight::Write)
            .unwrap();
        extent
            .ranges()
            .map(|range| (range.iova, range.len))
            .collect()
    };
    assert_eq!(ranges(0x10_0800, 0x10), [(0x5800, 0x10)]);
    assert_eq!(
        ranges(0x10_0800, 0x3000),
        [(0x5800, 0x1800), (0x9000, 0x1000), (0x2000, 0x800)]
    );
    assert_eq!(ranges(0x10_1FFF, 2), [(0x6FFF, 1), (0x9000, 1)]);
    assert_eq!(ranges(0x10_3800, 0), []);
    let extent = keys
        .check_local(1, key.0, 0x10_0800, 0x3000, LocalRight::Read)
        .unwrap();
    let part: Vec<_> = extent.part(0x17FF, 2).ranges().map(|r| r.iova).collect();
    assert_eq!(part, [0x6FFF, 0x9000]);
    assert_eq!(extent.part(0x3001, 5).length(), 0);
}

#[test]
fn large_pages_and_the_end_of_the_address_space() {
    // [MEM-8] [MEM-14]
    let mut keys = table();
    let mut guest = Guest::new();
    let large = 1 << 21;
    let base = 0u64.wrapping_sub(2 * large);
    let key = region(
        &mut keys,
        &mut guest,
        base,
        2 * large,
        21,
        &[0x40_0000, 0x80_0000],
    );
    let check = |address, length| {
        let result = keys.check_remote(1, 0, key.0, address, length, RemoteRight::Read);
        result
            .map(|extent| extent.ranges().map(|r| (r.iova, r.len)).collect::<Vec<_>>())
            .map_err(|refusal| refusal.error)
    };
    assert_eq!(check(u64::MAX, 1), Ok(vec![(0x9F_FFFF, 1)]));
    assert_eq!(
        check(base + large - 1, 2),
        Ok(vec![(0x5F_FFFF, 1), (0x80_0000, 1)])
    );
    assert_eq!(check(u64::MAX, 2), Err(ProviderError::WRAP));
    assert_eq!(check(base - 1, 1), Err(ProviderError::RANGE));
    assert_eq!(check(0, 0), Ok(vec![]), "no bytes, no check");
}

#[test]
fn a_privileged_key_is_for_local_segments_of_its_domain() {
    // [MEM-6]
    let mut keys = table();
    let guest = Guest::new();
    let (pd, key) = keys.create_domain(true).unwrap();
    let key = key.unwrap().0;
    let extent = keys
        .check_local(pd, key, 0x1234, 9, LocalRight::Write)
        .unwrap();
    let ranges: Vec<_> = extent.ranges().map(|r| (r.iova, r.len)).collect();
    assert_eq!(ranges, [(0x1234, 9)]);
    let other = keys.check_local(1, key, 0x1234, 9, LocalRight::Read);
    assert_eq!(other.unwrap_err().error, ProviderError::KEY_WRONG_DOMAIN);
    let remote = keys.check_remote(pd, 1, key, 0, 1, RemoteRight::Read);
    assert_eq!(remote.unwrap_err().error, ProviderError::KEY_PRIVILEGED);
    let refused = ProviderError::KEY_PRIVILEGED;
    assert_eq!(keys.invalidate(pd, 1, key), Err(refused));
    let mut register = FastRegisterSegment::zeroed();
    register.key.set(key);
    let registered = keys.fast_register(&guest.space(), pd, &register);
    assert_eq!(registered.unwrap_err().error, refused);
    let window = keys.create_window(pd, WindowKind::Type2).unwrap();
    let mut bind = BindSegment::zeroed();
    bind.window_key.set(window.0);
    bind.region_key.set(key);
    bind.length.set(1);
    assert_eq!(keys.bind(pd, 1, &bind).unwrap_err().error, refused);
    keys.destroy_window(window.0, 0).unwrap();
    keys.destroy_domain(pd, 0).unwrap();
    let gone = keys.check_local(pd, key, 0x1234, 9, LocalRight::Read);
    assert_eq!(gone.unwrap_err().error, ProviderError::KEY_NOT_FOUND);
}

#[test]
fn what_fast_register_refuses() {
    // [MEM-12] [MEM-13] [MEM-18]
    let mut keys = table();
    let mut guest = Guest::new();
    let list = guest.alloc(64);
    guest.write_u64(list, 0x1000);
    guest.write_u64(list + 8, 0x2008);
    let dma = guest.space();
    let key = keys.create_fast_region(1, 2).unwrap();
    let mut good = FastRegisterSegment::zeroed();
    good.base.set(0x7_0100);
    good.page_list.set(list);
    good.length.set(0xF00);
    good.page_count.set(1);
    good.key.set(key.0 ^ 0xFF);
    let mut refused = |change: &dyn Fn(&mut FastRegisterSegment)| {
        let mut work = good;
        change(&mut work);
        let refusal = keys.fast_register(&dma, 1, &work).unwrap_err();
        (refusal.status, refusal.error)
    };
    let bind = rnic_abi::CompletionStatus::WINDOW_BIND_ERROR;
    for (change, error) in [
        (
            (|w| w.page_count.set(0)) as fn(&mut FastRegisterSegment),
            ProviderError::PAGE_COUNT,
        ),
        (|w| w.page_count.set(3), ProviderError::PAGE_COUNT),
        (|w| w.page_count.set(2), ProviderError::NOT_ALIGNED),
        (|w| w.page_list.set(0x10_0004), ProviderError::NOT_ALIGNED),
        (|w| w.length.set(0), ProviderError::ZERO_LENGTH),
        (|w| w.length.set(0xF01), ProviderError::RANGE),
        (|w| w.base.set(u64::MAX - 0x10), ProviderError::WRAP),
        (|w| w.key.set(0x77_7700), ProviderError::KEY_NOT_FOUND),
        (
            |w| w.set_access(AccessFlags::REMOTE_WRITE),
            ProviderError::RIGHT_MISSING,
        ),
    ] {
        assert_eq!(refused(&change), (bind, error));
    }
    assert_eq!(
        refused(&|w| w.page_list.set(8)),
        (
            rnic_abi::CompletionStatus::LOCAL_ACCESS_ERROR,
            ProviderError::DMA_UNMAPPED
        )
    );
    let free = keys.check_local(1, key.0, 0x7_0100, 1, LocalRight::Read);
    assert_eq!(free.unwrap_err().error, ProviderError::KEY_FREE);
    keys.fast_register(&dma, 1, &good).unwrap();
    let stale = keys.check_local(1, key.0, 0x7_0100, 1, LocalRight::Read);
    assert_eq!(stale.unwrap_err().error, ProviderError::KEY_STALE);
    let extent = keys
        .check_local(1, key.0 ^ 0xFF, 0x7_0100, 0xF00, LocalRight::Read)
        .unwrap();
    assert_eq!(extent.ranges().next().unwrap().iova, 0x1100);
    assert!(keys.fast_register(&dma, 1, &good).is_err(), "KEY_IN_USE");
    keys.invalidate(1, 0, key.0 ^ 0xFF).unwrap();
    keys.fast_register(&dma, 1, &good).unwrap();
}

#[test]
fn windows_end_with_their_queue_pair_and_hold_their_region() {
    // [MEM-16] [MEM-17] [MEM-22] [MEM-24]
    let mut keys = table();
    let mut guest = Guest::new();
    let target = region(&mut keys, &mut guest, 0x1000, 0x1000, 12, &[0x5000]);
    let window = keys.create_window(1, WindowKind::Type2).unwrap();
    let mut bind = BindSegment::zeroed();
    bind.address.set(0x1800);
    bind.length.set(0x100);
    bind.window_key.set(window.0);
    bind.region_key.set(target.0);
    bind.set_access(AccessFlags::REMOTE_READ);
    keys.bind(1, 9, &bind).unwrap();
    let remote = |keys: &Keys, qpn, address| {
        let result = keys.check_remote(1, qpn, window.0, address, 1, RemoteRight::Read);
        result
            .map(|extent| extent.ranges().next().unwrap().iova)
            .map_err(|refusal| refusal.error)
    };
    assert_eq!(remote(&keys, 9, 0x18FF), Ok(0x58FF));
    assert_eq!(remote(&keys, 9, 0x1900), Err(ProviderError::RANGE));
    assert_eq!(remote(&keys, 8, 0x1800), Err(ProviderError::KEY_WRONG_QP));
    let local = keys.check_local(1, window.0, 0x1800, 1, LocalRight::Read);
    assert_eq!(local.unwrap_err().error, ProviderError::RIGHT_MISSING);
    let busy = keys.destroy_region(target.0, 3).unwrap_err();
    assert_eq!((busy.status, busy.offset), (rnic_abi::Status::BUSY, 3));
    assert_eq!(
        keys.invalidate(1, 8, window.0),
        Err(ProviderError::KEY_WRONG_QP)
    );
    keys.release_windows(9);
    keys.release_windows(9);
    assert_eq!(remote(&keys, 9, 0x1800), Err(ProviderError::KEY_FREE));
    keys.destroy_region(target.0, 0).unwrap();
}

proptest! {
    /// Any part of any region: the ranges are those bytes, in order, none twice.
    #[test]
    fn ranges_are_exactly_the_bytes(
        first in 0u64..4096,
        length in 1u64..40_000,
        picks in proptest::collection::vec(0u64..64, 11),
        skip in 0u64..40_000,
        take in 0u64..40_000,
    ) {
        let mut keys = table();
        let mut guest = Guest::with_bytes(1 << 20);
        let base = 0x7000_0000 + first;
        let count = (first + length).div_ceil(4096) as usize;
        let pages: Vec<u64> = picks.iter().take(count).map(|pick| pick * 4096).collect();
        let key = region(&mut keys, &mut guest, base, length, 12, &pages);
        let (skip, take) = (skip.min(length), take.min(length - skip.min(length)));
        let extent = keys
            .check_remote(1, 0, key.0, base, length, RemoteRight::Write)
            .unwrap()
            .part(skip, take);
        let mut found = Vec::new();
        for range in extent.ranges() {
            prop_assert!(range.len > 0);
            found.extend((0..range.len).map(|n| range.iova + n));
        }
        let expected: Vec<u64> = (skip..skip + take)
            .map(|n| {
                let offset = first + n;
                pages[(offset / 4096) as usize] + offset % 4096
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
