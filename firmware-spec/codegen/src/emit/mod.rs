//! Writes a checked model out. Every output is a pure function of the model.

pub mod c;
mod json;
mod markdown;
mod rust;
mod svd;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::model::Model;

/// Every generated file, relative to the root of the tree, in name order.
///
/// # Errors
/// `rustfmt` cannot be run, or refuses what was generated.
pub fn all(model: &Model) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for (name, text) in rust::files(model) {
        let path = PathBuf::from("firmware-spec/abi/src/generated").join(&name);
        let text = format_rust(&text).with_context(|| format!("while formatting {name}"))?;
        files.push((path, text));
    }
    let mut documents = markdown::pages(model);
    documents.push(("rnic_hw.h".to_owned(), c::header(model)));
    documents.push(("rnic.svd".to_owned(), svd::document(model)));
    documents.push(("rnic.json".to_owned(), json::document(model)?));
    for (name, text) in documents {
        files.push((PathBuf::from("firmware-spec/generated").join(name), text));
    }
    files.sort();
    Ok(files)
}

/// First line of a generated file, after its comment mark.
const BANNER: &str = "Generated from firmware-spec/spec by rnic-codegen. Do not edit.";

fn format_rust(text: &str) -> anyhow::Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt; install it with `rustup component add rustfmt`")?;
    let mut input = child.stdin.take().context("rustfmt has no input")?;
    let owned = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(owned.as_bytes()));
    let output = child.wait_with_output().context("rustfmt did not finish")?;
    let written = writer.join();
    if !output.status.success() {
        bail!(
            "rustfmt refuses generated code: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    ensure!(
        matches!(written, Ok(Ok(()))),
        "rustfmt stopped reading before the end"
    );
    String::from_utf8(output.stdout).context("rustfmt wrote something that is not UTF-8")
}
