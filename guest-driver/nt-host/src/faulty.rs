//! Devices with a fault plan: a daemon of their own, started for one life.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nt_host::faults::{self, Plan};
use nt_host::nt::print;

use crate::devices::machine;

#[derive(clap::Args)]
pub struct Args {
    /// The driver.
    driver: PathBuf,
    /// `rnic`, which serves the devices.
    #[arg(long, value_name = "PROGRAM")]
    rnic: PathBuf,
    /// A fault plan, as `rnic serve --fault-plan` takes it. Without one the seeds make them.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The first seed of a plan.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// How much faster the driver's clocks run.
    #[arg(long, default_value_t = 8)]
    speed: u32,
    /// Pull the first device out in the end.
    #[arg(long)]
    surprise: bool,
    /// Interrupt messages that Windows grants each adapter at most; seeds have their own.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    messages: usize,
    /// A port that the devices' wire also has, as `rnic serve --port` takes it.
    #[arg(long, value_name = "OPTIONS")]
    port: Option<String>,
    /// Also send packets to somebody behind that port, until one is not sent.
    #[arg(long, requires = "port")]
    away: bool,
    /// Show what the driver prints.
    #[arg(long)]
    verbose: bool,
}

/// A daemon with two devices on one wire; ended when dropped.
struct Daemon {
    child: Child,
    sockets: Vec<PathBuf>,
}

impl Daemon {
    fn start(args: &Args, plan: &Path, folder: &Path) -> Result<Self> {
        let sockets: Vec<PathBuf> = ["a", "b"].map(|name| folder.join(name)).into();
        for socket in &sockets {
            if socket.exists() {
                std::fs::remove_file(socket)?;
            }
        }
        let rnic = &args.rnic;
        let mut command = Command::new(rnic);
        command.arg("serve").arg("--fault-plan").arg(plan);
        if let Some(port) = &args.port {
            command.arg("--port").arg(port);
        }
        for (number, socket) in sockets.iter().enumerate() {
            let place = socket.display();
            command
                .arg("--device")
                .arg(format!("socket={place},mac=02:00:00:00:00:{number:02x}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {}", rnic.display()))?;
        let mut daemon = Self { child, sockets };
        let start = Instant::now();
        while !daemon.sockets.iter().all(|socket| socket.exists()) {
            let ended = daemon.child.try_wait()?;
            ensure!(ended.is_none(), "rnic ended by itself: {ended:?}");
            ensure!(
                start.elapsed() < Duration::from_secs(60),
                "rnic made no sockets within 60 s"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn once(
    args: &Args,
    plan: &Path,
    folder: &Path,
    (surprise, messages): (bool, usize),
) -> Result<()> {
    let mut daemon = Daemon::start(args, plan, folder)?;
    // A provider gives the device physical addresses of consumers' pages: docs/decisions/0008.
    let functions = machine(&daemon.sockets, true)?;
    let life = Plan {
        speed: args.speed,
        // Interrupts that are lost cost time of the driver's.
        patience: Duration::from_secs(8) / args.speed.max(1),
        surprise,
        messages,
        away: args.away,
    };
    let report = faults::once(&args.driver, functions, life)?;
    println!("    {report:?}");
    println!(
        "    whole: {}, lost: {}",
        report.is_whole(),
        report.lost.iter().sum::<u64>()
    );
    let ended = daemon.child.try_wait()?;
    ensure!(ended.is_none(), "rnic ended by itself: {ended:?}");
    Ok(())
}

pub fn run(args: &Args) -> Result<()> {
    print::quiet(!args.verbose);
    let folder = std::env::temp_dir().join(format!("rnic-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = all(args, &folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn all(args: &Args, folder: &Path) -> Result<()> {
    if let Some(plan) = &args.plan {
        once(args, plan, folder, (args.surprise, args.messages))?;
        println!("survived; nothing is left");
        return Ok(());
    }
    let file = folder.join("plan.json");
    for seed in args.seed..args.seed + args.count {
        let plan = faults::plan_of(seed);
        println!("seed {seed}: {plan}");
        std::fs::write(&file, plan)?;
        let messages = if seed.is_multiple_of(4) {
            1
        } else {
            usize::MAX
        };
        once(args, &file, folder, (seed.is_multiple_of(3), messages))?;
    }
    println!("survived {} seeds", args.count);
    Ok(())
}
