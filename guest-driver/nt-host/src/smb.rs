//! An SMB Direct client over rnic.sys: a share of any server that speaks SMB 3.1.1 by RDMA, a Windows one or Linux' ksmbd.
//!
//! What the file commands move goes by RDMA, as Windows' client does it: the server reads and writes memory of ours.

use std::fs::File;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ndk_consumer::bench::Bench;
use ndk_consumer::platform::{Address, Family};
use ndk_consumer::smb::client::{Begun, Client};
use ndk_consumer::smb::ntlm::Credentials;
use ndk_consumer::smb::request::{Channel, FileId, Intent, Part};
use ndk_consumer::smbd::connection::Offer;
use ndk_consumer::smbdirect::port::BufferId;
use ndk_consumer::smbdirect::{Options, SmbDirect};
use nt_host::consumers::Consumers;
use nt_host::host::Host;
use nt_host::netio::neighbours::Neighbours;
use nt_host::nt::print;
use sha2::{Digest, Sha256};

use crate::devices::Configuration;

/// The port of SMB Direct on RoCE (MS-SMBD, 1.9).
const PORT: u16 = 445;
/// Transfers under way at a time, each with a buffer of its own.
const DEPTH: usize = 2;
/// Longest buffer: an MDL describes no more.
const BUFFER: usize = 8 << 20;
/// Transfers shorter than this go inside messages, as Windows and Linux send them.
const BY_RDMA: usize = 4096;

/// How data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// By RDMA; we take lent memory back (SMB2_CHANNEL_RDMA_V1).
    V1,
    /// By RDMA; the server takes it back with its answer (SMB2_CHANNEL_RDMA_V1_INVALIDATE).
    V1Invalidate,
    /// Inside messages.
    Inline,
}

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// rnic.sys.
    driver: PathBuf,
    /// vfio-user socket of the device.
    #[arg(long, value_name = "SOCKET")]
    device: PathBuf,
    #[command(flatten)]
    configuration: Configuration,
    /// Address of the device, with the length of its network's prefix.
    #[arg(long, value_name = "IP/BITS", value_parser = with_prefix)]
    address: (IpAddr, u8),
    /// Address of the server, on the same network.
    #[arg(long, value_name = "IP")]
    server: IpAddr,
    /// Name of the share.
    #[arg(long)]
    share: String,
    /// Account.
    #[arg(long)]
    user: String,
    /// Its password; the variable RNIC_SMB_PASSWORD has it otherwise.
    #[arg(long)]
    password: Option<String>,
    /// Domain of the account.
    #[arg(long, default_value = "")]
    domain: String,
    /// How data goes.
    #[arg(long, value_enum, default_value = "v1-invalidate")]
    way: Way,
    /// Send everything of a file that way, also what is shorter than 4 KiB.
    #[arg(long)]
    strict: bool,
    /// Do it so often, each time over a new connection.
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// Give an answer up after so many seconds.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Ask a silent server for a sign of life after so many seconds.
    #[arg(long, default_value_t = 120)]
    keepalive: u64,
    #[command(subcommand)]
    act: Act,
}

const AFTER_HELP: &str = "\
Example, with a Linux server at the other end of a port of unix datagrams:
  rnic serve --device socket=/tmp/rnic0 --port dgram,local=/tmp/ours,remote=/tmp/theirs
  nt-host smb rnic.sys --device /tmp/rnic0 --address 10.7.0.1/24 \\
      --server 10.7.0.2 --share share --user bob --password secret put FILE";

#[derive(clap::Subcommand)]
enum Act {
    /// List a folder.
    Ls {
        /// The folder; the share itself otherwise.
        #[arg(default_value = "")]
        path: String,
    },
    /// Copy files to the share, and say their checksums.
    Put {
        /// Files of this machine.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Copy files of the share here, and say their checksums.
    Get {
        /// Files of the share.
        #[arg(required = true)]
        names: Vec<String>,
        /// Folder to copy them to; without it they are read only.
        #[arg(long, value_name = "FOLDER")]
        into: Option<PathBuf>,
    },
    /// Delete files of the share.
    Rm {
        /// Files of the share.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Measure writes and reads of a file that is made for it and deleted.
    Bench {
        /// Name of the file.
        #[arg(default_value = "rnic-bench")]
        name: String,
        /// Bytes of a transfer, 8 MiB at most.
        #[arg(long, default_value_t = BUFFER)]
        size: usize,
        /// Transfers of each kind.
        #[arg(long, default_value_t = 16)]
        rounds: u32,
    },
}

fn with_prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let wanted = || format!("`{text}` is no address with a prefix, as 10.7.0.1/24");
    let (ip, bits) = text.split_once('/').ok_or_else(wanted)?;
    let ip: IpAddr = ip.parse().map_err(|_| wanted())?;
    let bits: u8 = bits.parse().map_err(|_| wanted())?;
    if bits > if ip.is_ipv4() { 32 } else { 128 } {
        return Err(wanted());
    }
    Ok((ip, bits))
}

fn address_of(ip: IpAddr, port: u16) -> Address {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    Address { ip, port }
}

/// A session, and buffers for its transfers.
struct Session<'p, 'b> {
    client: Client<&'p mut SmbDirect<'b>>,
    way: Way,
    strict: bool,
    chunk: usize,
    buffers: Vec<BufferId>,
}

/// What a copy came to.
struct Copied {
    bytes: u64,
    checksum: String,
    took: Duration,
}

impl Copied {
    fn say(&self, name: &str) {
        let rate = self.bytes as f64 / 1e6 / self.took.as_secs_f64();
        println!(
            "{name}: {} bytes, SHA-256 {}, {rate:.1} MB/s",
            self.bytes, self.checksum
        );
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Session<'_, '_> {
    /// The channel of a transfer; `None` if it goes inside messages.
    fn channel(&self, bytes: usize) -> Option<Channel> {
        match self.way {
            _ if bytes < BY_RDMA && !self.strict => None,
            Way::V1 => Some(Channel::V1),
            Way::V1Invalidate => Some(Channel::V1Invalidate),
            Way::Inline => None,
        }
    }

    /// Chunks of so many bytes: first byte and length.
    fn chunks(&self, bytes: u64) -> impl Iterator<Item = (u64, usize)> + use<> {
        let chunk = self.chunk as u64;
        let starts = (0..bytes.div_ceil(chunk)).map(move |index| index * chunk);
        starts.map(move |at| (at, (bytes - at).min(chunk) as usize))
    }

    fn write(&mut self, file: FileId, offset: u64, data: &[u8]) -> Result<()> {
        let pieces = data.chunks(self.client.max_inline());
        let mut at = offset;
        for piece in pieces {
            self.client.write(file, at, piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn read(&mut self, file: FileId, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        while data.len() < length {
            let rest = (length - data.len()).min(self.client.max_inline());
            let part = Part {
                file,
                offset: offset + data.len() as u64,
                length: rest as u32,
            };
            let piece = self.client.read(part)?;
            ensure!(
                !piece.is_empty(),
                "the file became shorter while it was read"
            );
            data.extend(piece);
        }
        Ok(data)
    }

    fn put(&mut self, from: &Path, name: &str) -> Result<Copied> {
        let shown = from.display();
        let mut source = File::open(from).with_context(|| format!("cannot read {shown}"))?;
        let bytes = source.metadata()?.len();
        let opened = self.client.open(name, Intent::Overwrite)?;
        let file = opened.file;
        let mut hash = Sha256::new();
        let mut under_way: Vec<Begun> = Vec::new();
        let mut data = vec![0; self.chunk];
        let start = Instant::now();
        for (index, (offset, length)) in self.chunks(bytes).enumerate() {
            let data = &mut data[..length];
            source
                .read_exact(data)
                .with_context(|| format!("cannot read {shown}"))?;
            hash.update(&*data);
            let Some(channel) = self.channel(length) else {
                self.write(file, offset, data)?;
                continue;
            };
            if under_way.len() == DEPTH {
                self.client.finish(under_way.remove(0))?;
            }
            let buffer = self.buffers[index % DEPTH];
            self.client.transport().fill(buffer, 0, data);
            let part = Part {
                file,
                offset,
                length: length as u32,
            };
            let begun = self
                .client
                .begin_write(part, channel, (&buffer, 0..length))?;
            under_way.push(begun);
        }
        for begun in under_way {
            self.client.finish(begun)?;
        }
        self.client.flush(file)?;
        let took = start.elapsed();
        self.client.close(file)?;
        Ok(Copied {
            bytes,
            checksum: hexadecimal(&hash.finalize()),
            took,
        })
    }

    fn get(&mut self, name: &str, mut into: Option<File>) -> Result<Copied> {
        let opened = self.client.open(name, Intent::Read)?;
        let file = opened.file;
        let mut hash = Sha256::new();
        let mut take = |data: &[u8]| -> Result<()> {
            hash.update(data);
            into.as_mut().map_or(Ok(()), |file| file.write_all(data))?;
            Ok(())
        };
        let mut under_way: Vec<(Begun, BufferId, usize)> = Vec::new();
        let start = Instant::now();
        let chunks: Vec<(u64, usize)> = self.chunks(opened.size).collect();
        for (index, (offset, length)) in chunks.into_iter().enumerate() {
            if under_way.len() == DEPTH {
                let data = self.arrived(under_way.remove(0))?;
                take(&data)?;
            }
            let Some(channel) = self.channel(length) else {
                for begun in under_way.drain(..) {
                    let data = self.arrived(begun)?;
                    take(&data)?;
                }
                let data = self.read(file, offset, length)?;
                take(&data)?;
                continue;
            };
            let buffer = self.buffers[index % DEPTH];
            let part = Part {
                file,
                offset,
                length: length as u32,
            };
            let begun = self
                .client
                .begin_read(part, channel, (&buffer, 0..length))?;
            under_way.push((begun, buffer, length));
        }
        for begun in under_way {
            let data = self.arrived(begun)?;
            take(&data)?;
        }
        let took = start.elapsed();
        self.client.close(file)?;
        Ok(Copied {
            bytes: opened.size,
            checksum: hexadecimal(&hash.finalize()),
            took,
        })
    }

    /// Waits for a read; its data.
    fn arrived(&mut self, (begun, buffer, length): (Begun, BufferId, usize)) -> Result<Vec<u8>> {
        let read = self.client.finish(begun)? as usize;
        ensure!(
            read == length,
            "{read} of {length} bytes were read: the file became shorter"
        );
        let mut data = vec![0; length];
        self.client.transport().copy_out(buffer, 0, &mut data);
        Ok(data)
    }

    /// One transfer of the first buffer.
    fn transfer(
        &mut self,
        file: FileId,
        length: usize,
        channel: Channel,
        write: bool,
    ) -> Result<()> {
        let buffer = self.buffers[0];
        let part = Part {
            file,
            offset: 0,
            length: length as u32,
        };
        let begun = if write {
            self.client.begin_write(part, channel, (&buffer, 0..length))
        } else {
            self.client.begin_read(part, channel, (&buffer, 0..length))
        };
        let moved = self.client.finish(begun?)?;
        ensure!(moved as usize == length, "{moved} of {length} bytes moved");
        Ok(())
    }

    fn bench(&mut self, name: &str, size: usize, rounds: u32) -> Result<()> {
        ensure!(size > 0 && rounds > 0, "nothing to measure");
        let size = size.min(self.chunk);
        let opened = self.client.open(name, Intent::Overwrite)?;
        // Whole before anything is measured: the server has its pages then.
        self.transfer(opened.file, size, Channel::V1, true)?;
        for (write, verb) in [(true, "writes"), (false, "reads")] {
            for channel in [Channel::V1, Channel::V1Invalidate] {
                let mut times = Vec::new();
                for round in 0..rounds {
                    let start = Instant::now();
                    self.transfer(opened.file, size, channel, write)?;
                    times.push(start.elapsed());
                    if round == 0 {
                        println!("{verb}, {channel:?}: running");
                    }
                }
                times.sort_unstable();
                let median = times[times.len() / 2];
                println!(
                    "{verb} of {size} bytes, {channel:?}: {:.1} MB/s, median {median:.1?}, {:.1?} to {:.1?}",
                    size as f64 / 1e6 / median.as_secs_f64(),
                    times[0],
                    times[times.len() - 1]
                );
            }
        }
        self.client.close(opened.file)?;
        self.delete(name)
    }

    fn delete(&mut self, name: &str) -> Result<()> {
        let opened = self.client.open(name, Intent::Delete)?;
        Ok(self.client.close(opened.file)?)
    }

    fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Ls { path } => {
                let opened = self.client.open(path, Intent::List)?;
                for entry in self.client.list(opened.file)? {
                    let kind = if entry.folder { "folder" } else { "file  " };
                    println!("{kind} {:>14} {}", entry.size, entry.name);
                }
                self.client.close(opened.file)?;
            }
            Act::Put { files } => {
                for file in files {
                    let name = file.file_name().context("the path names no file")?;
                    let name = name.to_str().context("a file's name is not UTF-8")?;
                    self.put(file, name)?.say(name);
                }
            }
            Act::Get { names, into } => {
                for name in names {
                    let target = into.as_ref().map(|folder| folder.join(base(name)));
                    let target = target
                        .map(|path| {
                            File::create(&path)
                                .with_context(|| format!("cannot write {}", path.display()))
                        })
                        .transpose()?;
                    self.get(name, target)?.say(name);
                }
            }
            Act::Rm { names } => {
                for name in names {
                    self.delete(name)?;
                    println!("{name}: deleted");
                }
            }
            Act::Bench { name, size, rounds } => self.bench(name, *size, *rounds)?,
        }
        Ok(())
    }
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// One session from beginning to end.
fn session(args: &Args, bench: &Bench<'_>) -> Result<()> {
    let password = match (&args.password, std::env::var("RNIC_SMB_PASSWORD")) {
        (Some(password), _) => password.clone(),
        (None, Ok(password)) => password,
        (None, Err(_)) => bail!("no password: give --password, or set RNIC_SMB_PASSWORD"),
    };
    let who = Credentials {
        user: args.user.clone(),
        password,
        domain: args.domain.clone(),
    };
    let options = Options {
        offer: Offer {
            keepalive: Duration::from_secs(args.keepalive),
            ..Offer::default()
        },
        patience: Duration::from_secs(args.patience),
        ..Options::default()
    };
    let ends = (address_of(args.address.0, 0), address_of(args.server, PORT));
    let server = args.server.to_string();
    let mut port = SmbDirect::connect(bench, ends, &server, options)?;
    let result = converse(args, &mut port, &server, &who);
    let (counts, used) = (port.counts(), port.used());
    port.close();
    result?;
    println!(
        "SMB Direct: {} messages sent, {} received, {} and {} of them in fragments; {} regions registered, {} invalidated by \
         the server, {} by us; {} notifications",
        counts.sent.0,
        counts.received.0,
        counts.fragmented.0,
        counts.fragmented.1,
        used.registered,
        used.invalidated_remotely,
        used.invalidated_locally,
        used.notifications
    );
    Ok(())
}

fn converse(args: &Args, port: &mut SmbDirect<'_>, server: &str, who: &Credentials) -> Result<()> {
    let mut client = Client::connect(port, (server, &args.share), who)?;
    let chunk = client.max_transfer().min(BUFFER);
    ensure!(chunk > 0, "the server allows no transfers");
    let buffers = (0..DEPTH).map(|_| client.transport().allocate(chunk));
    let buffers = buffers.collect::<Result<_, _>>()?;
    let mut session = Session {
        client,
        way: args.way,
        strict: args.strict,
        chunk,
        buffers,
    };
    session.act(&args.act)?;
    Ok(session.client.leave()?)
}

/// Runs the command; says what did not work.
pub fn run(args: &Args) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nt-host smb: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<()> {
    print::quiet(true);
    ensure!(
        args.address.0.is_ipv4() == args.server.is_ipv4(),
        "the device's address and the server's are of different families"
    );
    // The provider gives the device physical addresses of consumers' pages, as Windows has them without remapping.
    let functions = crate::machine(std::slice::from_ref(&args.device), true)?;
    let host = Host::load(&args.driver, functions).context("loading the driver")?;
    let adapter = host.add_adapter(0, &args.configuration.keywords());
    if let Err(status) = host.start(&adapter) {
        bail!("the adapter did not start: {status:#010x}");
    }
    let neighbours = Neighbours::serve(&adapter);
    let consumers = Consumers::alone(adapter, &[args.address]);
    let family = if args.server.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    let bench = Bench::new(&consumers, family);
    let result = (0..args.times).try_for_each(|_| session(args, &bench));
    bench.check_callbacks();
    drop(bench);
    drop(neighbours);
    host.unload();
    result
}
