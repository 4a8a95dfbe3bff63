//! rnic against a Linux RDMA peer: librdmacm's programs and Python's verbs on one side, `rnic peer` on the other.
//!
//! | module | what |
//! |---|---|
//! | `bench` | the two ends: a daemon with one device, and a peer that takes commands |
//! | `ours` | `rnic peer` |
//! | `rows` | what they do |
//! | `guest` | the same with `rnic peer` in a guest of QEMU, over VFIO |
//! | `ndk` | ndkping and ndkperf: rnic.sys under nt-host against rping |
//! | `smb` | SMB Direct: rnic.sys under nt-host against Linux' ksmbd |
//! | `smb_page` | docs/smb-direct.md |
//! | `table` | docs/interop.md |
//!
//! The short part is tier 6's; `cargo xtask test interop` runs all of it and writes the table. For work on a row,
//! `RNIC_INTEROP_ONLY` runs those alone whose names, MTU and weather contain a part of its value, as in `UC: ` or
//! `UD: datagrams of Linux answered, MTU 4096, 1%`; semicolons part it. The names are those that a run prints, without IP version.

pub mod bench;
mod guest;
mod ndk;
pub mod ours;
mod rows;
pub mod smb;
mod smb_page;
mod table;

use anyhow::{Context, Result};

use crate::daemon;
use crate::setup::uml;
use crate::tiers::counts::Counts;
use bench::{Bench, Case, Weather};
use rows::{DEATHS, ONCE, ROWS, Row, SHORT};
use table::Cell;

/// Ethernet MTUs and the path MTUs that follow.
const MTUS: [(u32, u32); 2] = [(1500, 1024), (4400, 4096)];

/// What the network does to frames, from the peer and to it.
const WEATHERS: [Weather; 3] = [
    Weather {
        name: "clean",
        netem: "",
    },
    Weather {
        name: "1% loss and reordering each way",
        netem: "loss 1% reorder 1% delay 2ms",
    },
    Weather {
        name: "5% loss and reordering each way",
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
    let mut run = Run::default();
    for mtu in MTUS {
        for weather in WEATHERS {
            let place = (mtu.1, weather.name);
            let first = place == (MTUS[0].1, WEATHERS[0].name);
            let all = ROWS.iter().chain(ONCE.iter().filter(|_| first));
            if !all.into_iter().any(|row| {
                row.lossy.is_none_or(|lossy| lossy == weather.is_lossy())
                    && is_wanted(&named(row, place))
            }) {
                continue;
            }
            let mut bench = Bench::start(&rnic, mtu, Some(&peer_kernel))?;
            run.kernel = bench.kernel()?;
            bench.weather(weather)?;
            println!("-- path MTU {}, {}", place.0, place.1);
            run.rows(&mut bench, ROWS, place)?;
            if first {
                run.rows(&mut bench, ONCE, (place.0, table::ONCE))?;
            }
            let name = format!("frames are whole, MTU {}, {}", place.0, place.1);
            tell(&mut run.counts, &name, Some(&bench.finish()), None);
        }
    }
    let once = (MTUS[0].1, table::ONCE);
    if DEATHS.iter().any(|row| is_wanted(&named(row, once))) {
        let mut bench = Bench::start(&rnic, MTUS[0], Some(&peer_kernel))?;
        run.rows(&mut bench, DEATHS, once)?;
        tell(
            &mut run.counts,
            "frames are whole, dead daemons",
            Some(&bench.finish()),
            None,
        );
    }
    for (weather, place) in WEATHERS.into_iter().zip(table::IN_GUEST) {
        if !guest::ACTS
            .iter()
            .any(|(row, _)| is_wanted(&format!("{row}, {place}")))
        {
            continue;
        }
        let mut bench = Bench::start(&rnic, MTUS[0], Some(&peer_kernel))?;
        run.kernel = bench.kernel()?;
        bench.weather(weather)?;
        run.in_guest(&mut bench, place)?;
        let name = format!("frames are whole, {place}");
        tell(&mut run.counts, &name, Some(&bench.finish()), None);
    }
    if ndk::ACTS
        .iter()
        .any(|(row, _)| is_wanted(&format!("{row}, {}", table::WINDOWS)))
    {
        let mut bench = Bench::start(&rnic, MTUS[0], Some(&peer_kernel))?;
        run.windows(&mut bench)?;
        let name = format!("frames are whole, {}", table::WINDOWS);
        tell(&mut run.counts, &name, Some(&bench.finish()), None);
    }
    if only().is_some() {
        println!("interop: docs/interop.md is left as it is, for rows were left out");
    } else {
        table::write(&run.cells, &run.commands, &run.kernel)?;
    }
    println!("-- SMB Direct");
    run.counts.add(smb::all()?);
    Ok(run.counts)
}

/// Parts of the names of the rows that are wanted alone, with semicolons between them.
fn only() -> Option<String> {
    std::env::var("RNIC_INTEROP_ONLY")
        .ok()
        .filter(|text| !text.is_empty())
}

fn is_wanted(name: &str) -> bool {
    only().is_none_or(|text| text.split(';').any(|part| name.contains(part)))
}

/// A row with where it runs, as `RNIC_INTEROP_ONLY` chooses it.
fn named(row: &Row, (mtu, weather): (u32, &str)) -> String {
    format!("{}, MTU {mtu}, {weather}", row.name)
}

/// What has come of it so far.
#[derive(Default)]
struct Run {
    counts: Counts,
    cells: Vec<Cell>,
    /// What both sides did in each row, over IPv4 and the first time.
    commands: Vec<(String, Vec<String>)>,
    kernel: String,
}

impl Run {
    fn in_guest(&mut self, bench: &mut Bench, place: &'static str) -> Result<()> {
        let mut inside = guest::Inside::start(bench).context("a guest of QEMU with an rnic")?;
        println!("-- {place}");
        for (row, act) in guest::ACTS {
            self.elsewhere(bench, (*row, place), |bench, case| {
                act(&mut inside, bench, case)
            })?;
        }
        Ok(())
    }

    fn windows(&mut self, bench: &mut Bench) -> Result<()> {
        let windows = ndk::Windows::build()?;
        println!("-- {}", table::WINDOWS);
        for (row, act) in ndk::ACTS {
            self.elsewhere(bench, (*row, table::WINDOWS), |bench, case| {
                act(&windows, bench, case)
            })?;
        }
        Ok(())
    }

    /// A row of a driver that is not `rnic peer` on the socket.
    fn elsewhere(
        &mut self,
        bench: &mut Bench,
        (row, place): (&'static str, &'static str),
        mut act: impl FnMut(&mut Bench, Case) -> Result<()>,
    ) -> Result<()> {
        if !is_wanted(&format!("{row}, {place}")) {
            return Ok(());
        }
        for v6 in [false, true] {
            let case = Case { v6 };
            bench.take_commands();
            let result = act(bench, case);
            let name = format!("{row} over {}, {place}", case.family());
            tell(&mut self.counts, &name, Some(&result), None);
            if !v6 {
                self.commands
                    .push((format!("{row}, {place}"), bench.take_commands()));
            }
            self.cells.push(Cell {
                row,
                v6,
                mtu: MTUS[0].1,
                weather: place,
                held: Some(result.is_ok()),
            });
            bench.settle()?;
        }
        Ok(())
    }

    fn rows(&mut self, bench: &mut Bench, rows: &[Row], place: (u32, &'static str)) -> Result<()> {
        let (mtu, weather) = place;
        let wanted = |row: &&Row| {
            row.lossy.is_none_or(|lossy| lossy == bench.is_lossy()) && is_wanted(&named(row, place))
        };
        let rows: Vec<&Row> = rows.iter().filter(wanted).collect();
        for row in rows {
            for v6 in [false, true] {
                let case = Case { v6 };
                let name = format!("{} over {}, MTU {mtu}, {weather}", row.name, case.family());
                bench.take_commands();
                let result = match row.only_v4 {
                    Some(_) if v6 => None,
                    _ => Some((row.act)(bench, case)),
                };
                tell(&mut self.counts, &name, result.as_ref(), row.only_v4);
                if !self.commands.iter().any(|(known, _)| known == row.name) {
                    self.commands
                        .push((row.name.to_owned(), bench.take_commands()));
                }
                self.cells.push(Cell {
                    row: row.name,
                    v6,
                    mtu,
                    weather,
                    held: result.map(|r| r.is_ok()),
                });
                bench.settle()?;
            }
        }
        Ok(())
    }
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
