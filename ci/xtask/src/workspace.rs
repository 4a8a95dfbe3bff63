//! Where things are: the checkout, the build output and the download cache.

use std::path::{Path, PathBuf};

/// The root of the checkout, whatever folder the command was started in.
pub fn root() -> &'static Path {
    // ci/xtask/Cargo.toml is two levels below the root; cargo sets the variable at build time
    // and, under `cargo run`, at run time too, so that a moved checkout still finds itself.
    static ROOT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    ROOT.get_or_init(|| {
        let manifest = std::env::var("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let manifest = PathBuf::from(manifest);
        manifest
            .ancestors()
            .nth(2)
            .map_or_else(|| manifest.clone(), Path::to_path_buf)
    })
}

/// Cargo's output folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where downloads are kept between runs: `$RNIC_CACHE`, else `target/rnic-cache`.
pub fn cache() -> PathBuf {
    match std::env::var_os("RNIC_CACHE").filter(|v| !v.is_empty()) {
        Some(dir) => std::env::current_dir().unwrap_or_default().join(dir),
        None => root().join("target/rnic-cache"),
    }
}

/// The path as a person would type it: relative to the checkout where it lies inside.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Files that git tracks, or would, with this extension; paths relative to the checkout, sorted.
pub fn tracked(root: &Path, extension: &str) -> anyhow::Result<Vec<String>> {
    let list = crate::exec::output(std::process::Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        &format!("*.{extension}"),
    ]))?;
    let mut files: Vec<String> = list
        .lines()
        .filter(|file| root.join(file).exists())
        .map(str::to_owned)
        .collect();
    files.sort();
    Ok(files)
}
