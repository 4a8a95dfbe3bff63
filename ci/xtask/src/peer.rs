//! `cargo xtask peer`: a Linux RDMA peer for a person, or for a program under development.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::guest::Guest;
use crate::interop::bench::{CM, VERBS};
use crate::setup::guest_files::{PEER, SMB_PEER, VERBS_PEER};
use crate::setup::uml;

/// Its life is its user's affair.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Boot a Linux RDMA peer on a wire, and give it the commands that come on standard input.
///
/// It is a User Mode Linux kernel with Soft-RoCE (rdma_rxe): a process that boots in a second. Each command is answered
/// by what it prints and a line `= CODE`. The peer ends with the input. Beside busybox it has rping, ucmatose,
/// rdma_client and rdma_server, ip, rdma, tc, and the helpers of ci/guests/lib.sh. The first time its kernel is built,
/// which takes minutes, unless RNIC_PEER_KERNEL names one.
#[derive(clap::Args)]
#[command(after_help = "Example, in three terminals:
  cargo run -p rnic -- serve --device socket=/tmp/a --port dgram,local=/tmp/w.rnic,remote=/tmp/w.peer,mtu=1500
  cargo xtask peer --wire /tmp/w.peer,/tmp/w.rnic          then: rping -s -a 10.7.0.2 -C 3
  cargo run -p rnic -- peer --mode rping --device socket=/tmp/a --address 10.7.0.1/24 -C 3 --to 10.7.0.2

An SMB Direct server, share `//10.7.0.2/share`, user bob, password secret:
  cargo xtask peer --smb --wire /tmp/w.peer,/tmp/w.rnic")]
pub struct Args {
    /// Unix datagram sockets of the wire: the peer's, which is made, and the other side's.
    #[arg(long, value_name = "OURS,THEIRS", value_parser = parse_wire)]
    wire: (PathBuf, PathBuf),
    /// Ethernet MTU: 1500 gives a path MTU of 1024, 4400 one of 4096.
    #[arg(long, default_value_t = 1500)]
    mtu: u32,
    /// With Python and its verbs (python3.13), and the scripts of the interop table, /rnic/verbs.py and /rnic/cm.py.
    #[arg(long, conflicts_with = "smb")]
    verbs: bool,
    /// With ksmbd, which serves a share over TCP and SMB Direct.
    #[arg(long)]
    smb: bool,
}

fn parse_wire(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once(',') {
        Some((ours, theirs)) if !ours.is_empty() && !theirs.is_empty() => {
            Ok((ours.into(), theirs.into()))
        }
        _ => Err("two paths with a comma between them, the peer's first".into()),
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let flavour = match (args.smb, args.verbs) {
        (true, _) => SMB_PEER,
        (false, true) => VERBS_PEER,
        (false, false) => PEER,
    };
    let kernel = uml::ensure()?;
    let (ours, theirs) = (&args.wire.0, &args.wire.1);
    // A socket that an earlier peer has left.
    std::fs::remove_file(ours).ok();
    let mut guest = Guest::commanded_peer("by-hand", flavour, Some(&kernel), (ours, theirs))?
        .mtu(args.mtu)
        .timeout(LIFE);
    let scripts = tempfile::tempdir()?;
    if args.verbs {
        for (name, text) in [("verbs.py", VERBS), ("cm.py", CM)] {
            let script = scripts.path().join(name);
            std::fs::write(&script, text)?;
            guest = guest.file(script, format!("/rnic/{name}"));
        }
    }
    let mut peer = guest.start()?;
    peer.ready()?;
    let mut first = vec![up(args.mtu)];
    if args.smb {
        first.push("share share bob secret".to_owned());
    }
    for command in &first {
        let (code, words) = peer.command(command)?;
        ensure!(
            code == 0,
            "the peer's `{command}` ended with {code}:\n{}",
            words.join("\n")
        );
    }
    println!(
        "peer up: 10.7.0.2/24 and fd07::2/64, rxe0, at {}",
        ours.display()
    );
    std::io::stdout().flush()?;
    for command in std::io::stdin().lock().lines() {
        let (code, words) = peer.command(&command?)?;
        for line in words {
            println!("{line}");
        }
        println!("= {code}");
        std::io::stdout().flush()?;
    }
    remove(ours);
    Ok(())
}

/// The command that gives the peer its addresses and its RDMA device.
pub fn up(mtu: u32) -> String {
    format!("rxe_pair 02:00:0a:07:00:02 {mtu} 10.7.0.2/24 fd07::2/64")
}

fn remove(socket: &Path) {
    // The peer has ended; what is left of its socket harms nobody.
    std::fs::remove_file(socket).ok();
}
