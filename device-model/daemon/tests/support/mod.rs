//! The binary, and a client that looks at it from outside.
#![allow(dead_code, reason = "every test takes a part of it")]

pub mod commands;

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rnic_abi::{place, reg};
use rnic_core::dma::SharedMemory;
use serde_json::Value;

/// Regions of a PCI device.
pub const BAR0: u32 = place::BAR_REGISTERS as u32;
pub const BAR2: u32 = place::BAR_DOORBELLS as u32;
pub const CONFIG: u32 = 7;
/// Interrupt types.
pub const MSI: u32 = 1;
pub const MSIX: u32 = 2;
/// SET_IRQS: eventfds that trigger.
pub const EVENTFD_TRIGGER: u32 = 0x24;
/// Where the tests' memory is for the device.
pub const IOVA: u64 = 0x10_0000;
/// Longest that anything may take; nothing is asserted about time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until it is so.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        sleep(Duration::from_millis(2));
    }
}

/// A running daemon with a directory of its own.
pub struct Daemon {
    pub directory: tempfile::TempDir,
    pub process: Child,
    devices: Vec<String>,
    extra: Vec<String>,
}

impl Daemon {
    /// Devices by options without socket; their sockets are `0`, `1`, ... in the directory.
    pub fn start(devices: &[&str], extra: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let owned =
            |list: &[&str]| -> Vec<String> { list.iter().map(|s| (*s).to_string()).collect() };
        let (devices, extra) = (owned(devices), owned(extra));
        let process = spawn(directory.path(), &devices, &extra);
        let daemon = Self {
            directory,
            process,
            devices,
            extra,
        };
        daemon.wait();
        daemon
    }

    fn wait(&self) {
        // The control socket is made before, and the sockets in their order.
        let last = self.socket(self.devices.len() - 1);
        wait_until("the daemon's start", || UnixStream::connect(&last).is_ok());
    }

    /// Kills it as nothing else does, and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(self.directory.path(), &self.devices, &self.extra);
        self.wait();
    }

    pub fn socket(&self, device: usize) -> PathBuf {
        self.directory.path().join(device.to_string())
    }

    pub fn client(&self, device: usize) -> Guest {
        Guest::connect(&self.socket(device))
    }

    /// Asks the control socket.
    pub fn ask(&self, request: &str) -> Value {
        let mut stream = UnixStream::connect(self.directory.path().join("control")).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// A counter of a device.
    pub fn counter(&self, device: u32, name: &str) -> u64 {
        let request = format!(r#"{{"command": "query-counters", "device": {device}}}"#);
        let answer = self.ask(&request);
        answer["return"][0]["counters"][name].as_u64().unwrap()
    }

    /// Something that `query-devices` says of a device.
    pub fn shows(&self, device: usize, name: &str) -> Value {
        self.ask(r#"{"command": "query-devices"}"#)["return"][device][name].clone()
    }

    /// User and system time so far, in clock ticks.
    pub fn ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.process.id());
        let text = std::fs::read_to_string(path).unwrap();
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        // utime and stime are fields 14 and 15, counted from 1; two lie before the parenthesis.
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find(|l| l.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(directory: &Path, devices: &[String], extra: &[String]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rnic"));
    command
        .arg("serve")
        .arg("--control")
        .arg(directory.join("control"));
    for (index, options) in devices.iter().enumerate() {
        let socket = directory.join(index.to_string());
        let separator = if options.is_empty() { "" } else { "," };
        let device = format!("socket={}{separator}{options}", socket.display());
        command.args(["--device", &device]);
    }
    command.args(extra).stdin(Stdio::null()).spawn().unwrap()
}

/// What plays QEMU and the guest: the client of the `vfio_user` crate.
pub struct Guest {
    pub client: vfio_user::Client,
}

impl Guest {
    pub fn connect(socket: &Path) -> Self {
        let mut client = None;
        // An earlier client may not be seen to be gone yet; the second is closed then.
        wait_until("a connection", || {
            client = vfio_user::Client::new(socket).ok();
            client.is_some()
        });
        Self {
            client: client.unwrap(),
        }
    }

    pub fn read32(&mut self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.client.region_read(BAR0, offset, &mut bytes).unwrap();
        u32::from_le_bytes(bytes)
    }

    pub fn read64(&mut self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        self.client.region_read(BAR0, offset, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    pub fn write32(&mut self, offset: u64, value: u32) {
        let bytes = value.to_le_bytes();
        self.client.region_write(BAR0, offset, &bytes).unwrap();
    }

    pub fn write64(&mut self, offset: u64, value: u64) {
        let bytes = value.to_le_bytes();
        self.client.region_write(BAR0, offset, &bytes).unwrap();
    }

    /// Memory space and bus mastering on.
    pub fn enable_function(&mut self) {
        self.client
            .region_write(CONFIG, 4, &6u16.to_le_bytes())
            .unwrap();
    }

    /// Offset of the capability with this ID, in the list that begins at 0x34.
    pub fn capability(&mut self, id: u8) -> Option<u64> {
        let mut space = vec![0; 256];
        self.client.region_read(CONFIG, 0, &mut space).unwrap();
        let mut at = usize::from(space[0x34]);
        while at != 0 && space[at] != id {
            at = usize::from(space[at + 1]);
        }
        u64::try_from(at).ok().filter(|at| *at != 0)
    }

    /// Enables MSI with so many messages: Multiple Message Enable, and MSI Enable.
    pub fn allocate_messages(&mut self, count: u16) {
        let control = self.capability(0x05).unwrap() + 2;
        let value = u16::try_from(count.ilog2() << 4 | 1).unwrap();
        self.client
            .region_write(CONFIG, control, &value.to_le_bytes())
            .unwrap();
    }

    pub fn map(&mut self, memory: &SharedMemory) {
        let fd = memory.file().as_raw_fd();
        self.client.dma_map(0, IOVA, memory.len(), fd).unwrap();
    }

    /// Resets the device and waits for its end.
    pub fn reset_device(&mut self) {
        self.write32(reg::DEVICE_CONTROL, 1 << 31);
        wait_until("the end of the reset", || {
            self.read32(reg::DEVICE_CONTROL) >> 31 == 0
        });
    }

    /// Stores a doorbell as a guest with a mapped BAR does.
    pub fn store_mapped(&self, slot: u64, value: u64) {
        let region = self.client.region(BAR2).unwrap();
        let file = region.file_offset.as_ref().unwrap();
        let at = file.start() + slot * 8;
        file.file().write_all_at(&value.to_le_bytes(), at).unwrap();
    }
}
