//! rnic against a Linux RDMA peer: librdmacm's programs and Python's verbs on one side, `rnic peer` on the other.
//!
//! | module | what |
//! |---|---|
//! | `bench` | the two ends: a daemon with one device, and a peer that takes commands |
//! | `rows` | what they do |
//! | `table` | docs/interop.md |
//!
//! The short part is tier 6's; `cargo xtask test interop` runs all of it and writes the table.

mod bench;
mod rows;
mod table;

use anyhow::Result;

use crate::daemon;
use crate::setup::uml;
use crate::tiers::counts::Counts;
use bench::{Bench, Case, Weather};
use rows::{ROWS, SHORT};
use table::Cell;

/// Ethernet MTUs and the path MTUs that follow.
const MTUS: [(u32, u32); 2] = [(1500, 1024), (4400, 4096)];

/// What the network does to frames of the peer.
const WEATHERS: [Weather; 3] = [
    Weather {
        name: "clean",
        netem: "",
    },
    Weather {
        name: "1% loss, reordering",
        netem: "loss 1% reorder 1% delay 2ms",
    },
    Weather {
        name: "5% loss, reordering",
        netem: "loss 5% reorder 5% delay 2ms",
    },
];

/// A few rows against whatever peer there is.
pub fn short() -> Result<Counts> {
    let rnic = daemon::build_for_tests()?;
    let mut counts = Counts::default();
    let mut bench = Bench::start(&rnic, MTUS[0], None)?;
    for v6 in [false, true] {
        for row in SHORT {
            let case = Case { v6 };
            let result = (row.act)(&mut bench, case);
            let name = format!("{} over {}", row.name, case.family());
            tell(&mut counts, &name, Some(&result), None);
        }
    }
    tell(&mut counts, "frames are whole", Some(&bench.finish()), None);
    Ok(counts)
}

/// Everything, and the table.
pub fn all() -> Result<Counts> {
    let peer_kernel = uml::ensure()?;
    let rnic = daemon::build_for_tests()?;
    let mut counts = Counts::default();
    let mut cells = Vec::new();
    let mut kernel = String::new();
    for mtu in MTUS {
        for weather in WEATHERS {
            println!("-- path MTU {}, {}", mtu.1, weather.name);
            let mut bench = Bench::start(&rnic, mtu, Some(&peer_kernel))?;
            kernel = bench.kernel()?;
            bench.weather(weather)?;
            for row in ROWS {
                for v6 in [false, true] {
                    let case = Case { v6 };
                    let name = format!(
                        "{} over {}, MTU {}, {}",
                        row.name,
                        case.family(),
                        mtu.1,
                        weather.name
                    );
                    let result = match row.only_v4 {
                        Some(_) if v6 => None,
                        _ => Some((row.act)(&mut bench, case)),
                    };
                    tell(&mut counts, &name, result.as_ref(), row.only_v4);
                    cells.push(Cell {
                        row: row.name,
                        v6,
                        mtu: mtu.1,
                        weather: weather.name,
                        held: result.map(|r| r.is_ok()),
                    });
                    bench.settle()?;
                }
            }
            let whole = bench.finish();
            let name = format!("frames are whole, MTU {}, {}", mtu.1, weather.name);
            tell(&mut counts, &name, Some(&whole), None);
        }
    }
    table::write(&cells, &kernel)?;
    Ok(counts)
}

fn tell(counts: &mut Counts, name: &str, result: Option<&Result<()>>, why_not: Option<&str>) {
    match result {
        Some(Ok(())) => {
            println!("interop: {name} ... ok");
            counts.passed += 1;
        }
        Some(Err(error)) => {
            println!("interop: {name} ... FAILED\n{error:#}");
            counts.fail(format!("interop: {name}"));
        }
        None => {
            println!(
                "interop: {name} ... skipped: {}",
                why_not.unwrap_or_default()
            );
            counts.skipped += 1;
        }
    }
}
