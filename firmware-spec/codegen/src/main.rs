//! Command line of the generator: `cargo run -p rnic-codegen -- [--check] [--root DIR]`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Generate what firmware-spec/spec describes: Rust, C, Markdown, SVD and JSON.
#[derive(Parser)]
#[command(name = "rnic-codegen")]
struct Arguments {
    /// Write nothing; fail if a generated file is missing, stale or left over.
    #[arg(long)]
    check: bool,
    /// Root of the source tree; by default the tree this program was built from.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = arguments
        .root
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.."));
    match rnic_codegen::run(&root, arguments.check) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
