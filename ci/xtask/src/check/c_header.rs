//! The generated C header, compiled as a firmware author would: alone, twice, with every warning.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{exec, workspace};

const HEADER: &str = "firmware-spec/generated/rnic_hw.h";

/// The step.
pub fn run() -> Result<String> {
    let header = workspace::root().join(HEADER);
    ensure!(
        header.exists(),
        "{HEADER} is missing; run `cargo xtask spec`"
    );
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    exec::require(&compiler, "Install a C compiler, or name one in CC")?;
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("uses_header.c");
    // Included twice: the guard works. Alone: it includes what it needs.
    std::fs::write(
        &source,
        "#include \"rnic_hw.h\"\n#include \"rnic_hw.h\"\nint main(void) { return 0; }\n",
    )?;
    let mut standards = Vec::new();
    for standard in ["c11", "c17"] {
        exec::output(
            Command::new(&compiler)
                .arg(format!("-std={standard}"))
                .args([
                    "-pedantic",
                    "-Wall",
                    "-Wextra",
                    "-Wconversion",
                    "-Werror",
                    "-fsyntax-only",
                    "-I",
                ])
                .arg(header.parent().context("no folder")?)
                .arg(&source),
        )
        .with_context(|| format!("{HEADER} does not compile as {standard}"))?;
        standards.push(standard);
    }
    Ok(format!("{compiler}, {}", standards.join(" and ")))
}
