//! Loads, checks and emits the specification of the rnic device interface.
//!
//! The source is `firmware-spec/spec/*.toml`. [`Source`] reads the files, [`Spec`] is what
//! they say, [`check`] proves it consistent and turns it into a [`Model`], and [`emit`]
//! writes a model out as Rust, C, Markdown, CMSIS-SVD and JSON. Only a checked model can be
//! emitted. Positions are written in the specification and proved here; none is computed.
//!
//! [`run`] does all of it for a source tree. What it writes is checked in; with `check` set
//! it writes nothing and fails when the tree differs from what the specification says.
//!
//! Not here: the normative text (`firmware-spec/chapters`), whose clauses `cargo xtask trace`
//! follows. Tests: one per refusal in `tests/refusals`, the outputs in `tests/outputs.rs`,
//! and each module's own.
#![forbid(unsafe_code)]

pub mod check;
pub mod emit;
pub mod model;
pub mod names;
pub mod schema;
pub mod source;
mod tree;

pub use check::{Problem, Problems, check};
pub use model::Model;
pub use schema::Spec;
pub use source::Source;
pub use tree::{Report, run};

/// Loads and checks the specification files of one folder (`*.toml`, in name order).
///
/// # Errors
/// The folder cannot be read, or the specification is inconsistent; the error then lists
/// every problem found, one `file:line: message` a line.
pub fn load(folder: &std::path::Path, shown_as: &str) -> anyhow::Result<Model> {
    let source = Source::read(folder, shown_as)?;
    Ok(check(source)?)
}
