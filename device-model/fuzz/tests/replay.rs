//! Every target on its seeds, on what runs have found, and on a few thousand variations of both, always the same ones.

use rnic_fuzz::{seeds, targets};

/// Variations of each target's inputs.
const VARIATIONS: usize = 1500;

/// What runs have found, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(folder) = std::fs::read_dir(seeds::corpus(target)) else {
        return Vec::new();
    };
    let mut files: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|e| e != "md"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The next number of the SplitMix64 sequence.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as usize >> 8
}

/// Bytes changed, cut, doubled, or joined with another input.
fn vary(input: &[u8], other: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=next(state) % 4 {
        let at = next(state) % (bytes.len() + 1);
        match next(state) % 6 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, next(state) as u8),
            2 => {
                let tail = other.get(next(state) % (other.len() + 1)..).unwrap();
                bytes.extend(tail);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << (next(state) % 8),
            4 if at < bytes.len() => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][next(state) % 5],
            _ if at < bytes.len() => bytes[at] = next(state) as u8,
            _ => bytes.push(next(state) as u8),
        }
    }
    bytes.truncate(4096);
    bytes
}

fn replay(name: &str) {
    let (_, run) = targets::ALL.iter().find(|(n, _)| *n == name).unwrap();
    let mut inputs = seeds::of(name);
    assert!(!inputs.is_empty(), "{name} has no seed");
    for input in &inputs {
        run(input);
    }
    for (file, input) in corpus(name) {
        println!("{name}: {file}");
        run(&input);
        inputs.push(input);
    }
    let mut state = 1;
    for n in 0..VARIATIONS {
        let one = &inputs[next(&mut state) % inputs.len()];
        let other = &inputs[next(&mut state) % inputs.len()];
        let input = vary(one, other, &mut state);
        let outcome = std::panic::catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{name}, variation {n}: {input:02x?}");
    }
}

#[test]
fn registers() {
    replay("registers");
}

#[test]
fn commands() {
    replay("commands");
}

#[test]
fn work() {
    replay("work");
}

#[test]
fn wire() {
    replay("wire");
}

#[test]
fn cm() {
    replay("cm");
}

#[test]
fn forged() {
    replay("forged");
}

#[test]
fn vfio_user() {
    replay("vfio-user");
}

#[test]
fn captures_are_there() {
    assert!(seeds::frames().len() > 200);
}
