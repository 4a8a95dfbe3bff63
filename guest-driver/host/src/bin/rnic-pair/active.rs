//! The side that works: every kind of transfer, checked, then measured.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rnic_abi::WorkFlags;
use rnic_driver_core::{
    AddressIndex, Atomic, Data, Key, Operation, Remote, Wc, WorkRequest, segment,
};
use rnic_driver_host::client::Connected;
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::side::{AREA, SLOT, SLOTS, Side, bytes_of, pattern, post_failed};

/// Sizes of the transfers that are checked.
const SIZES: [usize; 7] = [1, 64, 1023, 1024, 4097, 65536, AREA];

/// A connected side and what it knows of the peer's memory.
struct Active<P: TestPlatform> {
    side: Side<P>,
    connected: Connected,
    base: u64,
    key: Key,
}

/// Connects, checks, measures, disconnects.
pub fn work<P: TestPlatform>(
    mut side: Side<P>,
    to: SocketAddr,
    operations: u32,
    transfers: u32,
) -> anyhow::Result<()> {
    let connected = side
        .client
        .connect(
            side.qp.qpn,
            AddressIndex(0),
            bytes_of(to.ip()),
            to.port(),
            b"rnic-pair",
        )
        .with_context(|| format!("cannot connect to {to}"))?;
    let hello = connected.info.private_data;
    let Some(
        &[
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            a6,
            a7,
            k0,
            k1,
            k2,
            k3,
            l0,
            l1,
            l2,
            l3,
        ],
    ) = hello.as_slice().first_chunk::<16>()
    else {
        bail!("the peer did not say where its memory is");
    };
    ensure!(
        u32::from_le_bytes([l0, l1, l2, l3]) as usize == AREA,
        "the peer lends another size of memory; are both sides of the same version?"
    );
    let mut active = Active {
        side,
        connected,
        base: u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
        key: Key(u32::from_le_bytes([k0, k1, k2, k3])),
    };
    println!("pair connected");
    active.verify()?;
    active.measure(operations, transfers)?;
    active.side.client.disconnect(&active.connected)?;
    active.side.client.close()?;
    println!("pair done");
    Ok(())
}

impl<P: TestPlatform> Active<P> {
    fn remote(&self, offset: u64) -> Remote {
        Remote {
            address: self.base + offset,
            key: self.key,
        }
    }

    fn post(&mut self, operation: Operation<'_>) -> anyhow::Result<()> {
        self.side
            .qp
            .send
            .post(&WorkRequest {
                context: 7,
                operation,
                flags: WorkFlags(0),
            })
            .map_err(post_failed)?;
        self.side.qp.send.ring(&self.side.client.device().nic);
        Ok(())
    }

    /// The next completion, of either queue.
    fn next(&mut self) -> anyhow::Result<Wc> {
        let wc = self.side.client.success(&mut self.side.cq)?;
        if wc.is_receive() {
            self.side.retire_receive(wc.retired)?;
        } else {
            self.side.retire_send(wc.retired)?;
        }
        self.side.cq.publish(&self.side.client.device().nic);
        Ok(wc)
    }

    fn do_one(&mut self, operation: Operation<'_>) -> anyhow::Result<Wc> {
        self.post(operation)?;
        let wc = self.next()?;
        ensure!(
            wc.context == 7 && !wc.is_receive(),
            "a completion of something else: {wc:?}"
        );
        Ok(wc)
    }

    fn local(&self, bytes: usize) -> [rnic_abi::Segment; 1] {
        let area = &self.side.area;
        [segment(area.buffer.iova(), bytes as u32, area.key)]
    }

    /// Writes `data`, wipes it here, reads it back, compares.
    fn there_and_back(&mut self, data: &[u8]) -> anyhow::Result<()> {
        let remote = self.remote(0);
        let local = self.local(data.len());
        self.side.area.buffer.write(0, data);
        self.do_one(Operation::Write(Data::Segments(&local), remote))?;
        self.side.area.buffer.write(0, &vec![0xEE; data.len()]);
        let wc = self.do_one(Operation::Read(&local, remote))?;
        ensure!(
            wc.byte_count as usize == data.len(),
            "a read of {} bytes says {}",
            data.len(),
            wc.byte_count
        );
        let mut back = vec![0; data.len()];
        self.side.area.buffer.read(0, &mut back);
        ensure!(
            back == data,
            "what was written and read back differs at byte {:?} of {}",
            back.iter().zip(data).position(|(a, b)| a != b),
            data.len()
        );
        Ok(())
    }

    /// Sends `data` and waits for the peer's echo.
    fn echo(&mut self, data: &[u8]) -> anyhow::Result<()> {
        let local = self.local(data.len());
        self.side.area.buffer.write(0, data);
        self.post(Operation::Send(Data::Segments(&local)))?;
        let (mut sent, mut received) = (false, None);
        while !sent || received.is_none() {
            let wc = self.next()?;
            if wc.is_receive() {
                received = Some(wc);
            } else {
                sent = true;
            }
        }
        let Some(wc) = received else {
            bail!("the peer's echo is missing");
        };
        let slot = wc.context as usize % SLOTS;
        let mut back = vec![0; wc.byte_count as usize];
        self.side.messages.buffer.read(slot * SLOT, &mut back);
        self.side.post_receive(slot)?;
        ensure!(
            back == data,
            "the echo of {} bytes differs ({} bytes came)",
            data.len(),
            back.len()
        );
        Ok(())
    }

    fn verify(&mut self) -> anyhow::Result<()> {
        for (seed, size) in SIZES.into_iter().enumerate() {
            self.there_and_back(&pattern(seed as u64, size))?;
        }
        println!("pair verified write+read {}", SIZES.len());
        let small: Vec<usize> = SIZES.into_iter().filter(|size| *size <= SLOT).collect();
        for (seed, size) in small.iter().enumerate() {
            self.echo(&pattern(100 + seed as u64, *size))?;
        }
        println!("pair verified send {}", small.len());
        let inline = pattern(200, 100);
        self.do_one(Operation::Write(Data::Inline(&inline), self.remote(0)))?;
        let local = self.local(100);
        self.do_one(Operation::Read(&local, self.remote(0)))?;
        let mut back = vec![0; 100];
        self.side.area.buffer.read(0, &mut back);
        ensure!(back == inline, "inline data arrived changed");
        println!("pair verified inline 1");
        self.do_one(Operation::WriteImmediate(
            Data::Inline(&inline),
            self.remote(4096),
            [1, 2, 3, 4],
        ))?;
        println!("pair verified write-immediate 1");
        self.verify_atomics()
    }

    fn verify_atomics(&mut self) -> anyhow::Result<()> {
        let remote = self.remote(64);
        self.do_one(Operation::Write(
            Data::Inline(&100u64.to_le_bytes()),
            remote,
        ))?;
        let into = segment(self.side.area.buffer.iova(), 8, self.side.area.key);
        let atomic = Atomic { remote, into };
        // The old value of each, in order.
        let steps = [
            (Operation::FetchAdd(atomic, 5), 100u64),
            (Operation::CompareSwap(atomic, 105, 7), 105),
            (Operation::CompareSwap(atomic, 105, 9), 7),
            (Operation::FetchAdd(atomic, u64::MAX), 7),
            (Operation::FetchAdd(atomic, 0), 6),
        ];
        for (operation, expected) in steps {
            self.do_one(operation)?;
            let old = self.side.area.buffer.load_u64(0);
            ensure!(old == expected, "{operation:?} gave {old}, not {expected}");
        }
        println!("pair verified atomics {}", steps.len());
        Ok(())
    }

    fn measure(&mut self, operations: u32, transfers: u32) -> anyhow::Result<()> {
        let remote = self.remote(0);
        let small = self.local(64);
        let eight = segment(self.side.area.buffer.iova(), 8, self.side.area.key);
        let atomic = Atomic {
            remote,
            into: eight,
        };
        self.latency("write_64", operations, |a| {
            a.do_one(Operation::Write(Data::Segments(&small), remote))
                .map(|_| ())
        })?;
        self.latency("read_64", operations, |a| {
            a.do_one(Operation::Read(&small, remote)).map(|_| ())
        })?;
        self.latency("fetch_add", operations, |a| {
            a.do_one(Operation::FetchAdd(atomic, 1)).map(|_| ())
        })?;
        let message = pattern(300, 64);
        self.latency("send_64_echo", operations / 4, |a| a.echo(&message))?;
        let all = self.local(AREA);
        self.bandwidth("write_1m", transfers, |a| {
            a.post(Operation::Write(Data::Segments(&all), remote))
        })?;
        self.bandwidth("read_1m", transfers, |a| {
            a.post(Operation::Read(&all, remote))
        })?;
        self.memcpy(transfers);
        Ok(())
    }

    fn latency(
        &mut self,
        name: &str,
        operations: u32,
        mut act: impl FnMut(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut took: Vec<Duration> = Vec::with_capacity(operations as usize);
        for _ in 0..operations.max(1) {
            let start = Instant::now();
            act(self)?;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        println!("pair measured {name}_p50 {:.2} us", at(0.5));
        println!("pair measured {name}_p99 {:.2} us", at(0.99));
        Ok(())
    }

    /// Keeps a few transfers of the whole area outstanding.
    fn bandwidth(
        &mut self,
        name: &str,
        transfers: u32,
        mut post: impl FnMut(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        const OUTSTANDING: u32 = 4;
        let start = Instant::now();
        let (mut posted, mut done) = (0, 0);
        while done < transfers {
            while posted < transfers && posted - done < OUTSTANDING {
                post(self)?;
                posted += 1;
            }
            self.next()?;
            done += 1;
        }
        let bytes = f64::from(transfers) * AREA as f64;
        println!(
            "pair measured {name} {:.1} MB/s",
            bytes / start.elapsed().as_secs_f64() / 1e6
        );
        Ok(())
    }

    /// Copies of the same buffers by the processor, for comparison.
    fn memcpy(&mut self, transfers: u32) {
        let mut copy = vec![0u8; AREA];
        let start = Instant::now();
        for _ in 0..transfers {
            self.side.area.buffer.read(0, &mut copy);
            std::hint::black_box(&mut copy);
        }
        let bytes = f64::from(transfers) * AREA as f64;
        println!(
            "pair measured memcpy_1m {:.1} MB/s",
            bytes / start.elapsed().as_secs_f64() / 1e6
        );
    }
}
