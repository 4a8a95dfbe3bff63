//! The captures, read without help from other crates of the project.

use std::path::{Path, PathBuf};

/// Every capture, by name.
pub fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut all: Vec<_> = std::fs::read_dir(&folder)
        .expect("captures folder")
        .map(|e| e.expect("entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap"))
        .collect();
    all.sort();
    assert_eq!(all.len(), 31, "captures went missing or were added");
    all
}

/// The frames of one capture: classic pcap, little endian, whole Ethernet frames.
pub fn frames(path: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).expect("capture");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("word"));
    assert!(
        matches!(word(0), 0xa1b2_c3d4 | 0xa1b2_3c4d),
        "{path:?}: not a pcap"
    );
    assert_eq!(word(20), 1, "{path:?}: not Ethernet");
    let mut out = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let (captured, original) = (word(at + 8), word(at + 12));
        assert_eq!(captured, original, "{path:?}: cut frame");
        at += 16;
        out.push(file[at..at + captured as usize].to_vec());
        at += captured as usize;
    }
    out
}
