//! The project's own commands: `cargo xtask --help`.
//!
//! Parts: `setup` (what a plain machine lacks), `guest` (a small Linux under QEMU), `check` (what
//! needs no run), `test` (the tiers). This is a tool for people and CI; it is no part of the
//! product and nothing depends on it. Tests: beside the code, and the tiers themselves.

#![forbid(unsafe_code)]

mod arrows;
mod bench;
mod check;
mod daemon;
mod demo;
mod driver;
mod exec;
mod fuzz;
mod guest;
mod interop;
mod peer;
mod setup;
mod sim;
mod tiers;
mod trace;
mod ui;
mod workspace;

use clap::{Parser, Subcommand};

/// rnic's own commands. Start with `cargo xtask test`; it fetches what it needs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Bench(bench::Args),
    Driver(driver::Args),
    Test(tiers::Args),
    Check(check::Args),
    Setup(setup::Args),
    Sim(sim::Args),
    Fuzz(fuzz::Args),
    Guest(guest::cli::Args),
    Peer(peer::Args),
    Spec(SpecArgs),
    Trace(trace::Args),
}

/// Generate Rust, C, Markdown, SVD and JSON from firmware-spec/spec.
#[derive(clap::Args)]
struct SpecArgs {
    /// Write nothing; fail if a generated file is stale.
    #[arg(long)]
    check: bool,
}

fn main() -> std::process::ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Driver(args) => driver::run(&args),
        Command::Test(args) => tiers::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Setup(args) => setup::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Spec(args) => {
            rnic_codegen::run(workspace::root(), args.check).map(|report| println!("{report}"))
        }
        Command::Trace(args) => trace::run(&args),
        Command::Guest(args) => guest::cli::run(&args),
        Command::Peer(args) => peer::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
