//! Bundles: folders made once from downloads and kept.
//!
//! A bundle is named after what it is made from, so a changed recipe makes a new one and an old
//! checkout keeps using its own. It is built in a scratch folder and renamed into place: a bundle
//! that exists is whole. A lock file keeps two runs from making the same one twice.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// What a bundle is made from.
pub struct Recipe<'a> {
    /// Short name, the first part of the folder's name.
    pub name: &'a str,
    /// Everything that decides the content; any change gives another folder.
    pub inputs: &'a [&'a str],
    /// Files that a whole bundle has, relative to it.
    pub must_have: &'a [&'a str],
}

impl Recipe<'_> {
    /// Where the bundle lies or will lie.
    pub fn path(&self) -> PathBuf {
        workspace::cache().join(format!("{}-{:016x}", self.name, fingerprint(self.inputs)))
    }

    /// Whether the bundle is there and whole.
    pub fn is_made(&self) -> bool {
        let path = self.path();
        self.must_have.iter().all(|file| path.join(file).exists())
    }

    /// Returns the bundle, made by `make` in a scratch folder if it is not there yet.
    pub fn get(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.path();
        if self.is_made() {
            return Ok(path);
        }
        let cache = workspace::cache();
        fs::create_dir_all(&cache).with_context(|| {
            format!(
                "cannot create {}; set RNIC_CACHE to a folder you may write",
                cache.display()
            )
        })?;
        let _lock = lock(&cache.join(format!("{}.lock", self.name)))?;
        if self.is_made() {
            return Ok(path); // the run that held the lock made it
        }
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{}-making-", self.name))
            .tempdir_in(&cache)
            .with_context(|| format!("cannot create a folder in {}", cache.display()))?;
        let made = scratch.path().join("bundle");
        fs::create_dir(&made)?;
        make(&made)?;
        for file in self.must_have {
            anyhow::ensure!(
                made.join(file).exists(),
                "the {} bundle was made but has no {file}: the packages changed their layout",
                self.name
            );
        }
        if path.exists() {
            // Present but not whole: someone removed files from it.
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot replace {}", path.display()))?;
        }
        fs::rename(&made, &path)
            .with_context(|| format!("cannot move the bundle to {}", path.display()))?;
        Ok(path)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!(
            "  waiting for another run that is preparing the same files ({})",
            workspace::shown(path)
        );
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// FNV-1a, 64 bits: stable over releases and machines, which `std`'s hasher does not promise.
pub fn fingerprint(inputs: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in inputs.iter().flat_map(|input| input.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_fnv1a_and_separates_inputs() {
        // FNV-1a of "a" followed by the separator.
        let a = (0xcbf2_9ce4_8422_2325_u64 ^ 0x61).wrapping_mul(0x100_0000_01b3);
        assert_eq!(fingerprint(&["a"]), a.wrapping_mul(0x100_0000_01b3));
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
