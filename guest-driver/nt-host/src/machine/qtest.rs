//! A device that is a PCI function of QEMU, without a guest: registers, DMA and MSI-X go through QEMU, and we are its
//! processor.
//!
//! `unsafe`: eventfds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rnic_abi::limit;
use rnic_driver_host::platform::{Platform, TestPlatform};
use rnic_driver_host::{OpenError, Qtest, QtestOptions};

use super::dma::DmaAddresses;
use super::{BarMemory, BarNumber, Dma, Machine, registers};
use crate::ram;

/// Where remapped ranges begin: beyond all physical addresses, and within what QEMU's IOMMU has tables for.
const REMAPPED: u64 = 8 << 30;
/// How often the words that messages are written to are looked at.
const LOOK: Duration = Duration::from_micros(50);
const VECTORS: u16 = limit::VECTORS_MINIMUM as u16;

/// A function of the machine.
pub struct QtestMachine {
    qtest: Arc<Qtest>,
    addresses: DmaAddresses,
    vectors: Vec<i32>,
    stop: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl QtestMachine {
    /// Starts QEMU with the devices behind these sockets as its functions; `memory_bytes` of memory.
    pub fn launch(
        qemu: &Path,
        sockets: &[PathBuf],
        dma: Dma,
        memory_bytes: u64,
    ) -> Result<Vec<Self>, OpenError> {
        let options = QtestOptions {
            qemu: qemu.to_owned(),
            sockets: sockets.to_vec(),
            memory_bytes,
        };
        let functions = Qtest::launch_sharing(&options, dma.mapped())?;
        Ok(functions
            .into_iter()
            .map(|qtest| Self::new(qtest, dma))
            .collect())
    }

    fn new(qtest: Qtest, dma: Dma) -> Self {
        let qtest = Arc::new(qtest);
        let stop = Arc::new(AtomicBool::new(false));
        // SAFETY: new descriptors.
        let fd = |_| unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        let vectors: Vec<i32> = (0..VECTORS).map(fd).collect();
        let watcher = {
            let (qtest, stop, vectors) = (qtest.clone(), stop.clone(), vectors.clone());
            std::thread::spawn(move || watch(&qtest, &vectors, &stop))
        };
        Self {
            qtest,
            addresses: DmaAddresses::new(dma, REMAPPED, ram::PAGE),
            vectors,
            stop,
            watcher: Some(watcher),
        }
    }
}

/// QEMU delivers a message as a write into a word of memory; here it becomes an event.
fn watch(qtest: &Qtest, vectors: &[i32], stop: &AtomicBool) {
    let mut seen = vec![0; vectors.len()];
    while !stop.load(Ordering::Relaxed) {
        for ((number, fd), seen) in (0..).zip(vectors).zip(&mut seen) {
            let count = qtest.interrupts(number);
            if count != *seen {
                *seen = count;
                let one = 1_u64;
                // SAFETY: writes 8 bytes to an eventfd that is open until this thread has ended.
                unsafe { libc::write(*fd, (&raw const one).cast(), 8) };
            }
        }
        std::thread::sleep(LOOK);
    }
}

impl Drop for QtestMachine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        for fd in &self.vectors {
            // SAFETY: descriptors of ours that nobody writes any more.
            unsafe { libc::close(*fd) };
        }
    }
}

impl Machine for QtestMachine {
    fn name(&self) -> &'static str {
        "qtest"
    }
    fn memory(&self) -> (usize, usize) {
        let (address, bytes) = self.qtest.memory();
        (address as usize, bytes)
    }
    fn bar_memory(&self, _: BarNumber) -> Vec<BarMemory> {
        Vec::new()
    }
    fn read(&self, number: BarNumber, offset: u64, width: usize) -> u64 {
        registers::read(&*self.qtest, number, offset, width)
    }
    fn write(&self, number: BarNumber, offset: u64, width: usize, value: u64) {
        registers::write(&*self.qtest, number, offset, width, value);
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        self.qtest.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        self.qtest.config_write(offset, width, value);
    }
    fn vectors(&self) -> Vec<i32> {
        self.vectors.clone()
    }
    fn dma_map(&self, offset: usize, bytes: usize) -> Option<u64> {
        self.addresses.map(offset, bytes, |iova, bytes| {
            self.qtest.map_range(offset, iova, bytes)
        })
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        self.addresses.unmap(iova, bytes, |iova, bytes| {
            self.qtest.unmap_range(iova, bytes)
        });
    }
}
