//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::config::{DeviceOptions, PortOptions};

/// `rnic`.
#[derive(Debug, Parser)]
#[command(
    name = "rnic",
    version,
    about = "A software RDMA network card for virtual machines",
    long_about = "A software RDMA network card for virtual machines.\n\n\
        `rnic serve` is the card: one unprivileged process that QEMU 10.1 or newer attaches to with its\n\
        vfio-user-pci device. The other commands look into a running daemon, or into captures of its traffic."
)]
pub struct Arguments {
    /// Print what this build can do, as JSON, and exit
    #[arg(long)]
    pub print_capabilities: bool,
    #[allow(missing_docs)]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve devices on vfio-user sockets
    #[command(after_long_help = SERVE_HELP)]
    Serve(Box<ServeOptions>),
    /// Ask a running daemon something, or tell it something
    Control(ControlOptions),
    /// Record the ports of a running daemon, to a file or live
    #[command(after_long_help = CAPTURE_HELP)]
    Capture(CaptureOptions),
    /// Show the frames of a capture
    Decode(DecodeOptions),
    /// Connect two devices and send 64 bytes there and back
    #[cfg(feature = "client")]
    Ping(crate::client::PingOptions),
    /// Measure two devices: latency, message rate, bandwidth
    #[cfg(feature = "client")]
    Perf(crate::client::PerfOptions),
    /// Be the peer of rping, ucmatose and the like: drive one device, speak their protocol, check what comes
    #[cfg(feature = "client")]
    #[command(after_long_help = PEER_HELP)]
    Peer(Box<crate::client::PeerOptions>),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

const SERVE_HELP: &str = r#"Example: two guests with one card each, connected inside the daemon

    rnic serve --device socket=/run/user/1000/rnic0 --device socket=/run/user/1000/rnic1

    qemu-system-x86_64 -machine q35,memory-backend=m0 -m 2G \
        -object memory-backend-memfd,id=m0,size=2G,share=on \
        -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"/run/user/1000/rnic0"}}' ...

  Start the daemon first. The guest's memory must be a memory-backend-memfd with share=on, because
  the card reads and writes it; without share=on QEMU keeps a copy of its own and transfers go astray.
  The socket must be given as JSON. On a busy machine add "x-msg-timeout":60000 to it: QEMU gives a
  device up for good when one answer takes longer (5000 ms by default).

Example: a device that also talks to a Linux guest's ordinary network card

    rnic serve --device socket=/tmp/rnic0 --port kind=dgram,local=/tmp/wire-a,remote=/tmp/wire-b

    qemu-system-x86_64 ... -netdev dgram,id=n0,local.type=unix,local.path=/tmp/wire-b,remote.type=unix,remote.path=/tmp/wire-a \
        -device virtio-net-pci,netdev=n0

Ports (--port kind=):

  dgram   unix datagrams. local= is our socket, remote= that of the partner, who may come later
  stream  a unix stream, the fastest between two daemons. One side says listen=, the other connect=;
          QEMU: -netdev stream,id=n0,server=off,addr.type=unix,addr.path=PATH for listen=
  udp     a tunnel to another machine. QEMU: -netdev dgram with type=inet
  tap     the kernel of this machine. Making an interface needs root, using one that was made does not:
              sudo ip tuntap add dev rnic0 mode tap user $USER vnet_hdr && sudo ip link set rnic0 up

  mtu=    longest IP packet of the network behind it, 1500 unless said; the path MTU of RDMA follows from
          it (1024 bytes for 1500, 4096 from 4200 on). Give the interface the same
  rate=   bits per second, and delay= from one end to the other, of a line to be modelled, for what leaves.
          Devices report the slowest rate as their speed

  A port whose partner is slow holds its senders back; one without a partner loses frames, as a cable
  that hangs in the air. `rnic control SOCKET query-ports` shows what passed.

Example: two daemons, a wire of 10 Gbit/s and 50 us between them

    rnic serve --device socket=/tmp/rnic0 --port kind=stream,listen=/tmp/wire,mtu=4500,rate=10G,delay=50us
    rnic serve --device socket=/tmp/rnic1 --port kind=stream,connect=/tmp/wire,mtu=4500,rate=10G,delay=50us

A device's doorbells (doorbell=): `mmap` puts them into the guest's address space, so that ringing costs
a store, and the daemon looks for them; `trap` makes every ring a message, and the daemon never looks:
slower by far, but without any use of the processor while nothing happens.

Interrupts (irq=): `msix` with 64 vectors, or `msi` with 32. QEMU 11.1 aborts when a vfio-user device
with MSI-X is unplugged from a running guest; use `msi` to unplug."#;

#[cfg(feature = "client")]
const PEER_HELP: &str = r#"Example: rping of a Linux machine against this device

    rnic serve --device socket=/tmp/rnic0 --port dgram,local=/tmp/wire-a,remote=/tmp/wire-b,mtu=1500
    rnic peer --mode rping --device socket=/tmp/rnic0 --address 10.7.0.2/24
    (on the Linux machine, its card behind /tmp/wire-b)  rping -c -a 10.7.0.2 -C 10

With --to it is the client: `rping -s` on the other side. `--mode cma` speaks to ucmatose, `--mode rdma-client` to
rdma_server, `--mode rdma-server` to rdma_client. `--mode target` lends 8 MiB: the private data of its acceptance are
address (8 bytes), key (4) and length (4), big endian, and its first message the same of a memory window."#;

/// How doorbells reach the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doorbell {
    /// Mapped into the guest
    #[default]
    Mmap,
    /// By messages
    Trap,
}

/// Which interrupts the function has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Irq {
    /// MSI-X
    #[default]
    Msix,
    /// MSI
    Msi,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Switch {
    On,
    Off,
}

/// `rnic serve`.
#[derive(Debug, Default, Args)]
pub struct ServeOptions {
    /// A device: socket=PATH[,mac=02:00:00:00:00:01][,guid=0x...][,doorbell=mmap|trap][,irq=msix|msi]; may be repeated
    #[arg(long = "device", value_name = "OPTIONS", value_parser = crate::config::parse_device)]
    pub devices: Vec<DeviceOptions>,
    /// A wire: kind=dgram,local=PATH,remote=PATH; kind=stream,listen=PATH or connect=PATH; kind=udp,local=ADDRESS:PORT,remote=ADDRESS:PORT;
    /// kind=tap,name=INTERFACE; each with [,mtu=N][,rate=10G][,delay=50us]; `none` for no wire (the default). May be repeated: all
    /// devices and wires are joined by a switch. See below for examples
    #[arg(long = "port", value_name = "OPTIONS", value_parser = crate::config::parse_port)]
    pub ports: Vec<PortOptions>,
    /// Threads that serve devices; each owns its devices (default 1)
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Whether devices of this daemon copy from guest to guest, or go through frames (default on)
    #[arg(long, value_name = "on|off")]
    pub segments: Option<Switch>,
    /// Microseconds to look for doorbells after the last work before sleeping (default 30; 0 on one processor); longer, up
    /// to 16 times, while sleeps turn out short
    #[arg(long, value_name = "N")]
    pub spin_us: Option<u64>,
    /// Speed that devices report, Mbit/s (default: the slowest rate= of a port, else 10000 with a wire and 40000 without)
    #[arg(long, value_name = "N")]
    pub speed: Option<u32>,
    /// What goes wrong on purpose: a fault plan, JSON or TOML
    #[arg(long, value_name = "FILE")]
    pub fault_plan: Option<PathBuf>,
    /// Write every frame to a pcapng file
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Serve `rnic control` at this socket
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
    /// Accept guest memory that may shrink although several guests share this daemon: a client that truncates its memory then costs
    /// its own device, but may cost others time
    #[arg(long)]
    pub allow_unsealed: bool,
    /// Take options from a TOML file; those of the command line win, devices and ports add up
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more; twice for everything. RUST_LOG is obeyed too
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `rnic control`.
#[derive(Debug, Args)]
pub struct ControlOptions {
    /// The daemon's --control socket
    pub socket: PathBuf,
    #[allow(missing_docs)]
    #[command(subcommand)]
    pub command: ControlCommand,
}

/// What to ask a daemon.
#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// Devices: who they are, and whether a client is there
    QueryDevices,
    /// Counters of every device, or of one
    QueryCounters {
        /// The device, numbered from 0
        #[arg(long)]
        device: Option<u32>,
    },
    /// Ports: what carries them, and what passed
    QueryPorts,
    /// Takes a device's link up or down
    SetLink {
        /// The device, numbered from 0
        device: u32,
        /// The link
        state: LinkState,
    },
    /// Ends the daemon
    Quit,
}

/// State of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum LinkState {
    Up,
    Down,
}

impl ControlOptions {
    /// The request as a JSON value.
    #[must_use]
    pub fn request(&self) -> Value {
        match &self.command {
            ControlCommand::QueryDevices => json!({"command": "query-devices"}),
            ControlCommand::QueryCounters { device: None } => json!({"command": "query-counters"}),
            ControlCommand::QueryCounters { device } => {
                json!({"command": "query-counters", "device": device})
            }
            ControlCommand::QueryPorts => json!({"command": "query-ports"}),
            ControlCommand::SetLink { device, state } => {
                json!({"command": "set-link", "device": device, "up": *state == LinkState::Up})
            }
            ControlCommand::Quit => json!({"command": "quit"}),
        }
    }
}

const CAPTURE_HELP: &str = r#"Ports are named device0, device1, ... in the order of the --device options, and by kind and number (dgram0,
stream1) in that of the --port options; `rnic serve` with a port that there is not names them all. What devices
of one daemon exchange without frames is recorded as the frames that it would have been, with a comment.

Example: to a file

    rnic capture /tmp/rnic-control start /tmp/all.pcapng
    rnic capture /tmp/rnic-control stop
    rnic decode --check /tmp/all.pcapng

Example: live

    mkfifo /tmp/live && wireshark -k -i /tmp/live &
    rnic capture /tmp/rnic-control start /tmp/live --port device0

A reader that is too slow for a FIFO costs frames of the recording, which are counted, and nothing else."#;

/// `rnic capture`.
#[derive(Debug, Args)]
pub struct CaptureOptions {
    /// The daemon's --control socket
    pub socket: PathBuf,
    #[allow(missing_docs)]
    #[command(subcommand)]
    pub command: CaptureCommand,
}

/// What to do about a recording.
#[derive(Debug, Subcommand)]
pub enum CaptureCommand {
    /// Begin to record; one at a time
    Start {
        /// A file, which is replaced, or a FIFO that somebody reads
        file: PathBuf,
        /// Record this port only, in both directions; may be repeated (default: all, each frame once)
        #[arg(long = "port", value_name = "NAME")]
        ports: Vec<String>,
    },
    /// End it
    Stop,
    /// Tell how far it is
    Status,
}

impl CaptureOptions {
    /// The request as a JSON value.
    ///
    /// # Errors
    /// If there is no current directory to complete the file's path with.
    pub fn request(&self) -> std::io::Result<Value> {
        Ok(match &self.command {
            CaptureCommand::Start { file, ports } => {
                // The daemon may run elsewhere.
                let file = std::path::absolute(file)?;
                json!({"command": "capture-start", "file": file, "ports": ports})
            }
            CaptureCommand::Stop => json!({"command": "capture-stop"}),
            CaptureCommand::Status => json!({"command": "query-capture"}),
        })
    }
}

/// `rnic decode`.
#[derive(Debug, Args)]
pub struct DecodeOptions {
    /// Show wrong frames only and fail if there are any
    #[arg(long)]
    pub check: bool,
    /// Show every field
    #[arg(short, long)]
    pub verbose: bool,
    /// A pcap or pcapng file, or - for the standard input
    pub file: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
