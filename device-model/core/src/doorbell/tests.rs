use super::*;
use crate::testing::TestEnv;

const A: u32 = 512 + 8;
const B: u32 = 1023 * 512 + 511;

fn ring(env: &mut TestEnv, slot: u32, value: u64) {
    env.words.insert(slot, value);
    *env.words
        .entry(slot / 512 * 512 + slot % 512 / 64)
        .or_default() |= 1 << (slot % 64);
    let page = slot / 512;
    *env.words.entry(page / 64).or_default() |= 1 << (page % 64);
}

fn changes(doorbells: &mut Doorbells, env: &TestEnv) -> Vec<(Owner, u64)> {
    std::iter::from_fn(|| doorbells.next(env)).collect()
}

#[test]
fn slots_are_owned_once_and_start_at_zero() {
    // [DB-1] [DB-2] [DB-4]
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    env.words.insert(A, 77);
    doorbells.claim(&mut env, A, Owner::Cq(1)).unwrap();
    assert_eq!(env.words[&A], 0);
    assert_eq!(
        doorbells.claim(&mut env, A, Owner::Cq(2)),
        Err(SlotInUse(A))
    );
    for slot in [0, 8, 511, 512, 519, 1024 * 512 + 8, u32::MAX] {
        assert!(!is_queue_slot(slot), "{slot}");
        assert!(doorbells.claim(&mut env, slot, Owner::Cq(2)).is_err());
    }
    assert!(is_queue_slot(B));
    doorbells.release(A);
    doorbells.claim(&mut env, A, Owner::Cq(2)).unwrap();
    assert_eq!(changes(&mut doorbells, &env), []);
}

#[test]
fn a_trapped_store_needs_no_polling_and_an_owner() {
    // [DB-3] [DB-5] [DB-10]
    let mut env = TestEnv::new();
    env.mapped = false;
    let mut doorbells = Doorbells::new();
    assert!(!doorbells.written(&mut env, A, 5));
    assert!(
        !doorbells.written(&mut env, 512, 1),
        "a map only with SUMMARY"
    );
    assert_eq!(doorbells.read(&env, A), None);
    doorbells.claim(&mut env, A, Owner::Send(9)).unwrap();
    assert!(doorbells.written(&mut env, A, 5));
    assert!(doorbells.written(&mut env, A, 6));
    assert_eq!(doorbells.read(&env, A), Some(6));
    assert_eq!(changes(&mut doorbells, &env), [(Owner::Send(9), 6)]);
    assert!(doorbells.written(&mut env, A, 6));
    assert_eq!(changes(&mut doorbells, &env), [], "nothing new");
    doorbells.written(&mut env, A, 7);
    doorbells.release(A);
    assert_eq!(changes(&mut doorbells, &env), []);
}

#[test]
fn a_mapped_store_is_found_without_summary_and_maps_are_left_alone() {
    // [DB-10]
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    doorbells.claim(&mut env, A, Owner::Send(1)).unwrap();
    doorbells.claim(&mut env, B, Owner::Eq(2)).unwrap();
    env.words.insert(B, 3);
    env.words.insert(512, u64::MAX);
    assert!(!doorbells.poll(&mut env));
    assert_eq!(changes(&mut doorbells, &env), [(Owner::Eq(2), 3)]);
    assert_eq!(env.words[&512], u64::MAX);
}

#[test]
fn every_slot_is_scanned_in_turn() {
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    let slots: Vec<u32> = (512..512 * 8).filter(|s| is_queue_slot(*s)).collect();
    for (n, slot) in slots.iter().enumerate() {
        doorbells
            .claim(&mut env, *slot, Owner::Cq(n as u32))
            .unwrap();
        env.words.insert(*slot, 1);
    }
    let mut seen = 0;
    for _ in 0..slots.len().div_ceil(SLOTS_A_POLL) {
        assert!(doorbells.poll(&mut env));
        let found = changes(&mut doorbells, &env).len();
        assert!(found <= SLOTS_A_POLL);
        seen += found;
    }
    assert_eq!(seen, slots.len());
}

#[test]
fn the_summary_names_the_slots() {
    // [DB-9]
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    doorbells.set_summary(true);
    doorbells.claim(&mut env, A, Owner::Send(1)).unwrap();
    doorbells.claim(&mut env, B, Owner::Eq(2)).unwrap();
    ring(&mut env, A, 4);
    ring(&mut env, B, 5);
    ring(&mut env, B - 1, 6);
    assert!(!doorbells.poll(&mut env));
    assert_eq!(
        changes(&mut doorbells, &env),
        [(Owner::Send(1), 4), (Owner::Eq(2), 5)]
    );
    for word in [0, 15, 512, 1023 * 512 + 7] {
        assert_eq!(env.words[&word], 0, "word {word} was taken");
    }
    env.words.insert(A, 9);
    doorbells.poll(&mut env);
    assert_eq!(changes(&mut doorbells, &env), [], "not named");
    assert!(!doorbells.poll_out(&mut env), "not even before parking");
    assert!(doorbells.poll_all(&mut env), "a kick looks at all");
    assert_eq!(changes(&mut doorbells, &env), [(Owner::Send(1), 9)]);
    assert!(doorbells.written(&mut env, 512, 1), "a map word by a trap");
}

#[test]
fn idle_queues_cost_nothing_with_summary() {
    // [DB-11]
    let cost = |queues: u32| {
        let mut env = TestEnv::new();
        let mut doorbells = Doorbells::new();
        doorbells.set_summary(true);
        let slots = (512..).filter(|s| is_queue_slot(*s)).take(queues as usize);
        for slot in slots {
            doorbells.claim(&mut env, slot, Owner::Cq(slot)).unwrap();
        }
        ring(&mut env, A, 1);
        env.loads.set(0);
        doorbells.poll(&mut env);
        assert_eq!(changes(&mut doorbells, &env).len(), 1);
        env.loads.get()
    };
    assert_eq!(cost(1), cost(5000));
}

#[test]
fn hostile_maps_cost_a_bounded_poll_and_lose_nothing() {
    // [DB-9] [CONV-12]
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    doorbells.set_summary(true);
    doorbells.claim(&mut env, B, Owner::Send(1)).unwrap();
    for word in 0..1024 * 512 {
        if word < 16 || (word >= 512 && word % 512 < 8) {
            env.words.insert(word, u64::MAX);
        }
    }
    env.words.insert(B, 1);
    let mut polls = 1;
    while doorbells.poll(&mut env) {
        polls += 1;
    }
    assert_eq!(polls, PAGES / PAGES_A_POLL);
    assert_eq!(changes(&mut doorbells, &env), [(Owner::Send(1), 1)]);
}

#[test]
fn releasing_keeps_the_list_of_slots_whole() {
    let mut env = TestEnv::new();
    let mut doorbells = Doorbells::new();
    for n in 0..10 {
        doorbells.claim(&mut env, A + n, Owner::Cq(n)).unwrap();
    }
    for n in [9, 0, 4] {
        doorbells.release(A + n);
        doorbells.release(A + n);
    }
    for n in 0..10 {
        env.words.insert(A + n, 1);
    }
    doorbells.poll(&mut env);
    let mut found: Vec<u32> = changes(&mut doorbells, &env)
        .iter()
        .map(|(owner, _)| match owner {
            Owner::Cq(n) => *n,
            other => panic!("{other:?}"),
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3, 5, 6, 7, 8]);
    doorbells.reset(&mut env);
    assert!(!doorbells.is_owned(A + 1));
    assert_eq!(env.words[&(A + 1)], 0);
}
