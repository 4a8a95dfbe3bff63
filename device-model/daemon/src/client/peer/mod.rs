//! `rnic peer`: one device driven from here as the peer of a program that speaks RDMA elsewhere, by the driver.
//!
//! | module | speaks to |
//! |---|---|
//! | `rping` | rping |
//! | `messages` | ucmatose; rdma_client and rdma_server of librdmacm's examples |
//! | `target` | whoever reads, writes and counts in memory that is lent |
//! | `ud`, `uc` | queue pairs without a connection manager: datagrams; the unreliable connection |
//! | `stream` | the unreliable connection over a network that loses frames |
//! | `end` | (the device, its queues, and the connection) |
//!
//! Tests: `tests/peer.rs`, both ends by this tool; `cargo xtask test interop`, against Linux.

mod end;
mod messages;
mod rping;
mod stream;
mod target;
mod uc;
mod ud;

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use rnic_abi::QpType;
use rnic_driver_host::platform::TestPlatform;
use rnic_driver_host::{Socket, SocketOptions, Vfio, VfioOptions};

use end::End;

/// What to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// rping: the server reads and writes the client's memory
    Rping,
    /// ucmatose: messages there, then back
    Cma,
    /// As rdma_client: a message there, one back, and the end
    RdmaClient,
    /// As rdma_server
    RdmaServer,
    /// Lends memory and a window, and says what the peer did to them
    Target,
    /// Sends datagrams back to the queue pair that sent them
    Ud,
    /// Messages and writes over an unreliable connection, there and back; the peer's numbers come on standard input
    Uc,
    /// Numbered messages over an unreliable connection, there and then from there, of which some may be lost
    UcStream,
}

/// `rnic peer`.
#[derive(Debug, Args)]
pub struct PeerOptions {
    /// What to speak
    #[arg(long)]
    pub mode: Mode,
    /// The device: socket=PATH of a running daemon, that nobody else is connected to; or vfio=ADDRESS of a PCI function
    #[arg(long, value_name = "PLACE")]
    pub device: String,
    /// Address that the device gets, with its prefix: 10.7.0.2/24
    #[arg(long, value_name = "IP/PREFIX")]
    pub address: Local,
    /// VLAN of that address
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub vlan: Option<u16>,
    /// Who carries what is beyond the prefix
    #[arg(long, value_name = "IP")]
    pub gateway: Option<IpAddr>,
    /// Connect to this address; without, wait for a connection
    #[arg(long, value_name = "IP")]
    pub to: Option<IpAddr>,
    /// Port to connect to or to wait at; 7174 for rping, else 7471
    #[arg(long)]
    pub port: Option<u16>,
    /// Pings, or messages each way
    #[arg(short = 'C', long, default_value_t = 10)]
    pub count: u32,
    /// Bytes of a ping or message [default: 64 for rping, 100 for cma]
    #[arg(short = 'S', long)]
    pub size: Option<u32>,
    /// Refuse the first request with this private data, and end
    #[arg(long, value_name = "TEXT", conflicts_with = "to")]
    pub reject: Option<String>,
    /// Seconds to think about a request before it is answered
    #[arg(long, value_name = "SECONDS", conflicts_with = "to")]
    pub think: Option<u64>,
    /// Requests that may wait for an answer; more are refused
    #[arg(long, default_value_t = 16, conflicts_with = "to")]
    pub backlog: u32,
    /// Listen, but refuse requests as if nobody did, until a line comes on standard input
    #[arg(long, conflicts_with = "to")]
    pub paused: bool,
    /// Stay connected until a line comes on standard input, before disconnecting
    #[arg(long)]
    pub hold: bool,
    /// Seconds of silence after which a client counts as gone. Over a network that loses frames: a program that ends
    /// says goodbye once, and who does not hear it waits for ever
    #[arg(long, value_name = "SECONDS")]
    pub silence_ends: Option<u64>,
    /// Seconds to wait for anything
    #[arg(long, default_value_t = 60)]
    pub patience: u64,
}

/// An address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    ip: IpAddr,
    prefix: u8,
}

impl FromStr for Local {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (ip, prefix) = text
            .split_once('/')
            .context("an address with its prefix, such as 10.7.0.2/24 or fd07::2/64")?;
        let ip: IpAddr = ip.parse()?;
        let prefix: u8 = prefix.parse()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        ensure!(prefix <= most, "a prefix of {ip} has at most {most} bits");
        Ok(Self { ip, prefix })
    }
}

impl Mode {
    fn service(self) -> QpType {
        match self {
            Self::Ud => QpType::UD,
            Self::Uc | Self::UcStream => QpType::UC,
            Self::Rping | Self::Cma | Self::RdmaClient | Self::RdmaServer | Self::Target => {
                QpType::RC
            }
        }
    }
}

impl PeerOptions {
    fn port(&self) -> u16 {
        let usual = if self.mode == Mode::Rping { 7174 } else { 7471 };
        self.port.unwrap_or(usual)
    }
}

/// Plays the peer until the connection has ended.
///
/// # Errors
/// If the device does not come up, the connection comes to nothing, or the peer does not do what it should.
pub fn run(options: &PeerOptions) -> anyhow::Result<()> {
    let (kind, place) = options
        .device
        .split_once('=')
        .context("--device takes socket=PATH or vfio=ADDRESS")?;
    const MEMORY: u32 = 64 << 20;
    match kind {
        "socket" => {
            let settings = SocketOptions {
                memory_bytes: MEMORY.into(),
                ..SocketOptions::default()
            };
            play(Socket::open(Path::new(place), settings)?, options)
        }
        "vfio" => {
            let settings = VfioOptions {
                memory_bytes: usize::try_from(MEMORY)?,
                ..VfioOptions::default()
            };
            play(Vfio::open(place, settings)?, options)
        }
        _ => bail!("no device `{kind}`: there are socket and vfio"),
    }
}

fn play<P: TestPlatform>(platform: P, options: &PeerOptions) -> anyhow::Result<()> {
    let patience = Duration::from_secs(options.patience);
    let message = match options.mode {
        Mode::Rping => rping::MESSAGE,
        Mode::Cma => options.size.unwrap_or(messages::CMA_BYTES),
        Mode::RdmaClient | Mode::RdmaServer => messages::EXAMPLE_BYTES,
        Mode::Target => target::MESSAGE,
        Mode::Ud => ud::MESSAGE,
        Mode::Uc | Mode::UcStream => uc::MESSAGE,
    };
    // A peer that does not retry when it meets no receive must meet one.
    let receives = match options.mode {
        Mode::Cma => options.count.max(1),
        Mode::Rping | Mode::RdmaClient | Mode::RdmaServer => 2,
        Mode::Target => target::RECEIVES,
        Mode::Ud => ud::RECEIVES,
        Mode::Uc | Mode::UcStream => uc::RECEIVES,
    };
    let mut end = End::open(platform, options, (message, receives), patience)?;
    if let Some(text) = &options.reject {
        return end.refuse_one(options, text.as_bytes());
    }
    let end = match (options.mode, options.to) {
        (Mode::Rping, Some(to)) => rping::client(end, to, options),
        (Mode::Rping, None) => rping::server(end, options),
        (Mode::Cma, Some(to)) => messages::cma_client(end, to, options),
        (Mode::Cma, None) => messages::cma_server(end, options),
        (Mode::RdmaClient, Some(to)) => messages::example_client(end, to, options),
        (Mode::RdmaServer, None) => messages::example_server(end, options),
        (Mode::Target, None) => target::serve(end, options),
        (Mode::Ud, None) => ud::serve(end, options),
        (Mode::Uc, _) => uc::speak(end, options),
        (Mode::UcStream, _) => stream::speak(end, options),
        (Mode::RdmaClient, None) => bail!("--mode rdma-client connects: give --to"),
        (Mode::RdmaServer | Mode::Target | Mode::Ud, Some(_)) => {
            bail!("this mode waits for a connection: leave --to out")
        }
    }?;
    end.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_with_a_prefix_that_fits() {
        let local: Local = "10.7.0.2/24".parse().unwrap();
        assert_eq!((local.ip, local.prefix), ("10.7.0.2".parse().unwrap(), 24));
        assert!("fd07::2/128".parse::<Local>().is_ok());
        for bad in ["10.7.0.2", "10.7.0.2/33", "fd07::2/129", "x/24", "1.2.3.4/"] {
            assert!(bad.parse::<Local>().is_err(), "{bad}");
        }
    }
}
