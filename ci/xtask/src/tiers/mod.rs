//! `cargo xtask test`: the tiers, in order.

mod across;
mod cargo_tests;
pub mod counts;
pub mod device;
#[cfg(test)]
mod doctor;
mod media;
mod ndkpi;
mod qemu;
#[cfg(test)]
mod scripts;
mod windows;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{check, demo, guest, interop};
use counts::Counts;

/// Run the tests, tier by tier; fetches and builds what it needs.
///
/// Stops after the first tier that fails, says what failed, and closes with one line of counts.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// Tiers to run, as 1 or 0-3, or `interop`: all of what rnic and a Linux RDMA peer do together, of which tiers 6 and 7
    /// have a part; `smb`: of that, SMB Direct alone. Without any, all tiers.
    #[arg(value_name = "TIER", value_parser = parse_range)]
    tiers: Vec<(u8, u8)>,
}

/// Stands for the run that only `interop` asks for.
const INTEROP: u8 = 100;
/// Stands for the run that only `smb` asks for.
const SMB: u8 = 101;

/// One tier.
struct Tier {
    number: u8,
    name: &'static str,
    run: fn() -> Result<Counts>,
}

const TIERS: &[Tier] = &[
    Tier {
        number: 0,
        name: "checks that run nothing",
        run: check::all,
    },
    Tier {
        number: 1,
        name: "unit and property tests",
        run: cargo_tests::unit,
    },
    Tier {
        number: 2,
        name: "conformance in process, violations",
        run: || {
            let mut counts = cargo_tests::above(2)?;
            counts.add(cargo_tests::violations()?);
            Ok(counts)
        },
    },
    Tier {
        number: 3,
        name: "simulation, 200 seeds",
        run: || cargo_tests::above(3),
    },
    Tier {
        number: 4,
        name: "vfio-user socket, malformed messages",
        run: || {
            let mut counts = cargo_tests::above(4)?;
            counts.add(device::over_socket()?);
            Ok(counts)
        },
    },
    Tier {
        number: 5,
        name: "QEMU without a guest",
        run: || {
            let mut counts = qemu::run()?;
            counts.add(device::over_qtest()?);
            counts.add(media::run()?);
            Ok(counts)
        },
    },
    Tier {
        number: 6,
        name: "guests",
        run: guests,
    },
    Tier {
        number: 7,
        name: "rnic.sys on Linux, here and in a guest",
        run: windows::on_linux,
    },
    Tier {
        number: INTEROP,
        name: "Linux RDMA peer, everything",
        run: interop::all,
    },
    Tier {
        number: SMB,
        name: "SMB Direct against Linux, everything",
        run: interop::smb::all,
    },
];

fn after_help() -> String {
    let mut text = String::from("Tiers:\n");
    for tier in TIERS.iter().filter(|tier| tier.number < INTEROP) {
        text += &format!("  {}  {}\n", tier.number, tier.name);
    }
    text + "\nExamples:\n  cargo xtask test        everything, as CI does\n  cargo xtask test 0-1    what to run before a commit"
}

fn parse_range(text: &str) -> Result<(u8, u8), String> {
    if text == "interop" {
        return Ok((INTEROP, INTEROP));
    }
    if text == "smb" {
        return Ok((SMB, SMB));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        text.parse::<u8>()
            .map_err(|_| format!("`{text}` is no tier; write 1 or 0-3"))
    };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("{first}-{last} is empty"));
    }
    if first == last && !TIERS.iter().any(|tier| tier.number == first) {
        return Err(format!("there is no tier {first}"));
    }
    Ok((first, last))
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let wanted: BTreeSet<u8> = TIERS
        .iter()
        .map(|tier| tier.number)
        .filter(|n| {
            (args.tiers.is_empty() && *n < INTEROP)
                || args
                    .tiers
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(n))
        })
        .collect();
    if wanted.is_empty() {
        bail!("no tier in that range; `cargo xtask test --help` lists them");
    }
    let mut total = Counts::default();
    let mut times: Vec<(&Tier, Duration, String)> = Vec::new();
    for tier in TIERS.iter().filter(|tier| wanted.contains(&tier.number)) {
        println!("== tier {}: {}", tier.number, tier.name);
        let start = Instant::now();
        let counts = (tier.run)().unwrap_or_else(|error| {
            println!("error: {error:#}");
            let mut counts = Counts::default();
            counts.fail(format!("tier {} could not run", tier.number));
            counts
        });
        times.push((tier, start.elapsed(), counts.to_string()));
        let failed = counts.failed > 0;
        total.add(counts);
        if failed {
            break;
        }
    }
    println!();
    for (tier, time, counts) in &times {
        println!(
            "tier {}  {:7.1} s  {:36}  {counts}",
            tier.number,
            time.as_secs_f64(),
            tier.name
        );
    }
    let left = wanted.len() - times.len();
    if left > 0 {
        println!("{left} more tiers were not run");
    }
    if !total.failures.is_empty() {
        println!("failed:");
        for name in &total.failures {
            println!("  {name}");
        }
    }
    println!("{total}");
    if total.failed > 0 {
        // The counts are the last word; `main` would print an error after them.
        std::process::exit(1);
    }
    Ok(())
}

/// Tier 6: Linux guests under QEMU.
fn guests() -> Result<Counts> {
    let mut counts = Counts::default();
    for (name, holds) in guest::smoke::run().context("the smallest guest")? {
        println!("guest: {name} ... {}", if holds { "ok" } else { "FAILED" });
        if holds {
            counts.passed += 1;
        } else {
            counts.fail(format!("guest: {name}"));
        }
    }
    if counts.failed == 0 {
        counts.add(device::in_guest()?);
    }
    for (name, holds) in demo::smoke().context("two guests with an rnic each")? {
        println!("guest: {name} ... {}", if holds { "ok" } else { "FAILED" });
        if holds {
            counts.passed += 1;
        } else {
            counts.fail(format!("guest: {name}"));
        }
    }
    counts.add(interop::short().context("a Linux RDMA peer")?);
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("1"), Ok((1, 1)));
        assert_eq!(parse_range("0-6"), Ok((0, 6)));
        assert_eq!(parse_range("interop"), Ok((INTEROP, INTEROP)));
        assert!(parse_range("99").unwrap_err().contains("no tier 99"));
        assert!(parse_range("3-1").is_err() && parse_range("x").is_err());
    }

    #[test]
    fn tiers_are_in_order() {
        assert!(TIERS.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
