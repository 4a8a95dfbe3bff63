//! Measures REGION_READ from the `vfio_user` crate's client to this server and back, once with a server that waits in `poll` and once with
//! one that looks at the socket all the time.
//!
//! `cargo run --release -p vfio-user-server --example round_trip [reads]`

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vfio_user_server::{
    Backend, Budget, DeviceInfo, DmaMemory, DmaRange, Errno, IrqOperation, Listener, Negotiated,
    RegionInfo, RegionPermissions, Server, Unmap, UnmapOutcome, UnmapToken,
};

/// A device that is one region of zeros.
struct Zeros(DeviceInfo);

impl Backend for Zeros {
    fn device(&self) -> &DeviceInfo {
        &self.0
    }
    fn connected(&mut self, _: &Negotiated) {}
    fn disconnected(&mut self) {}
    fn region_read(&mut self, _: u32, _: u64, data: &mut [u8]) -> Result<(), Errno> {
        data.fill(0);
        Ok(())
    }
    fn region_write(&mut self, _: u32, _: u64, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn dma_map(&mut self, _: DmaRange, _: Option<DmaMemory>) -> Result<(), Errno> {
        Ok(())
    }
    fn dma_unmap(&mut self, _: Unmap, _: UnmapToken) -> UnmapOutcome {
        UnmapOutcome::Done
    }
    fn set_irqs(&mut self, _: u32, _: IrqOperation) -> Result<(), Errno> {
        Ok(())
    }
    fn reset(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

fn serve(path: &Path, spin: bool, stop: &AtomicBool) {
    let region = RegionInfo {
        size: 4096,
        permissions: RegionPermissions::ReadWrite,
        mmap: None,
    };
    let info = DeviceInfo::new(true, vec![region], vec![]).expect("one small region");
    let mut device = Zeros(info);
    let mut server = Server::new(Listener::bind(path).expect("bind"));
    while !stop.load(Ordering::Relaxed) {
        let connection = server.connection().map(|c| c.fd().as_raw_fd());
        if !spin || connection.is_none() {
            let fd = connection.unwrap_or(server.listener_fd().as_raw_fd());
            let mut wait = libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one pollfd, borrowed mutably for the call.
            unsafe { libc::poll(&mut wait, 1, 20) };
        }
        // The end of the client ends the measurement.
        let _ = server.on_connection(&mut device, Budget::default());
        if server.connection().is_none() {
            server.on_listener().expect("accept");
        }
    }
}

fn measure(spin: bool, reads: usize) {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("zeros.sock");
    let stop = Arc::new(AtomicBool::new(false));
    let (server_path, server_stop) = (path.clone(), Arc::clone(&stop));
    let server = std::thread::spawn(move || serve(&server_path, spin, &server_stop));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut client = loop {
        match vfio_user::Client::new(&path) {
            Ok(client) => break client,
            Err(error) if Instant::now() > deadline => panic!("cannot connect: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let mut times: Vec<u64> = Vec::with_capacity(reads);
    let mut data = [0; 4];
    for _ in 0..reads {
        let start = Instant::now();
        client.region_read(0, 0, &mut data).expect("read");
        times.push(start.elapsed().as_nanos() as u64);
    }
    drop(client);
    stop.store(true, Ordering::Relaxed);
    server.join().expect("server");
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let how = if spin { "polling" } else { "waiting" };
    println!(
        "server {how}: {reads} reads of 4 bytes, ns: min {} p50 {} p99 {} max {}",
        at(0),
        at(50),
        at(99),
        at(100)
    );
}

fn main() {
    let reads = std::env::args()
        .nth(1)
        .map_or(20_000, |n| n.parse().expect("a number of reads"));
    measure(false, reads);
    measure(true, reads);
}
