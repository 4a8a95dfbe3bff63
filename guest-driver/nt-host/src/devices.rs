//! Which devices a command runs the driver on, and how they are reached.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use nt_host::machine::{Dma, Machine, QtestMachine, SocketMachine, VfioMachine};
use nt_host::ndis::config::Value;

/// Bytes of memory of the machine; pages are taken when touched.
const MEMORY: u64 = 1 << 30;
/// The same where VFIO pins it.
const PINNED: usize = 192 << 20;

#[derive(clap::Args, Clone)]
pub struct Devices {
    /// vfio-user sockets of the devices; two are on one wire.
    #[arg(
        long = "device",
        value_name = "SOCKET",
        required_unless_present = "vfio"
    )]
    devices: Vec<PathBuf>,
    /// PCI addresses of functions of this machine, bound to vfio-pci, instead of sockets: 0000:00:04.0.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["devices", "qemu"])]
    vfio: Vec<String>,
    /// Reach them through this QEMU, as PCI functions without a guest, instead of over their sockets alone.
    #[arg(long, value_name = "PROGRAM")]
    qemu: Option<PathBuf>,
}

/// How adapters are configured.
#[derive(clap::Args, Clone, Copy)]
pub struct Configuration {
    /// Path MTU that connections ask for: sets *NetworkDirectRoCEFrameSize, and *JumboPacket to what it needs.
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(256..=4096))]
    path_mtu: u32,
}

impl Configuration {
    /// An adapter's keywords.
    pub fn keywords(self) -> [(&'static str, Value); 2] {
        /// Ethernet header and payload, at least.
        const LEAST: u32 = 1514;
        /// Headers of RoCEv2 over IPv6, and the ICRC, with the Ethernet header.
        const HEADERS: u32 = 98;
        let frame = (self.path_mtu + HEADERS).max(LEAST);
        [
            ("*NetworkDirectRoCEFrameSize", Value::Number(self.path_mtu)),
            ("*JumboPacket", Value::Number(frame)),
        ]
    }
}

impl Devices {
    /// The functions, with one memory. `identity`: the device is given physical addresses, not a mapping each.
    pub fn open(&self, identity: bool) -> Result<Vec<Arc<dyn Machine>>> {
        let dma = dma(identity);
        let mut functions: Vec<Arc<dyn Machine>> = Vec::new();
        if let Some((address, rest)) = self.vfio.split_first() {
            let first = VfioMachine::open(address, dma, PINNED)?;
            let others: Vec<_> = rest
                .iter()
                .map(|address| first.open_beside(address))
                .collect::<Result<_, _>>()?;
            functions.push(Arc::new(first));
            functions.extend(others.into_iter().map(|other| Arc::new(other) as _));
            return Ok(functions);
        }
        if let Some(qemu) = &self.qemu {
            for function in QtestMachine::launch(qemu, &self.devices, dma, MEMORY)? {
                functions.push(Arc::new(function));
            }
            return Ok(functions);
        }
        machine(&self.devices, identity)
    }

    /// The first alone.
    pub fn first(&self) -> Self {
        let mut first = self.clone();
        first.devices.truncate(1);
        first
    }

    /// Two functions that reach all memory, as consumers of NDK need them: a provider gives the device physical addresses of
    /// their pages (docs/decisions/0008).
    pub fn open_two(&self) -> Result<Vec<Arc<dyn Machine>>> {
        let functions = self.open(true)?;
        ensure!(functions.len() == 2, "two devices are needed");
        Ok(functions)
    }

    /// The same, as arguments of another process.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for device in &self.devices {
            arguments.push("--device".into());
            arguments.push(device.into());
        }
        for address in &self.vfio {
            arguments.push("--vfio".into());
            arguments.push(address.into());
        }
        if let Some(qemu) = &self.qemu {
            arguments.push("--qemu".into());
            arguments.push(qemu.into());
        }
        arguments
    }
}

fn dma(identity: bool) -> Dma {
    if identity {
        Dma::Identity
    } else {
        Dma::Remapped
    }
}

/// The functions behind these sockets, with one memory.
pub fn machine(devices: &[PathBuf], identity: bool) -> Result<Vec<Arc<dyn Machine>>> {
    let mut functions: Vec<Arc<dyn Machine>> = Vec::new();
    let Some((path, rest)) = devices.split_first() else {
        return Ok(functions);
    };
    let open = |path: &Path| SocketMachine::open(path, dma(identity), MEMORY);
    let first = open(path)?;
    let mut others: Vec<Arc<dyn Machine>> = Vec::new();
    for path in rest {
        others.push(Arc::new(first.open_beside(path)?));
    }
    functions.push(Arc::new(first));
    functions.append(&mut others);
    Ok(functions)
}
