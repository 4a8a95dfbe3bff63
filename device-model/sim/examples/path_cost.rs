//! The data path alone, for a profiler that counts instructions: two devices in one thread, no
//! socket, no second processor, a virtual clock. What it does is the same in every run.
//!
//! ```text
//! cargo build --release -p rnic-sim --example path_cost
//! valgrind --tool=callgrind --toggle-collect='*measured*' --collect-atstart=no \
//!     target/release/examples/path_cost write 1000
//! ```
//! `write`, `read` and `send` are 64 bytes, one at a time; `burst` is 32 writes for one ring and one
//! completion; `large` is 1 MiB writes; `idle` is a turn of both devices with nothing to do.

#![allow(
    clippy::result_large_err,
    reason = "a failed verb gives its buffers back"
)]

use std::hint::black_box;

use rnic_abi::{QpType, WorkFlags};
use rnic_core::env::Budget;
use rnic_driver_core::{
    Data, Operation, Outcome, QpGeometry, QpReceive, Remote, WorkRequest, segment,
};
use rnic_platform::DmaBuffer;
use rnic_sim::end::{End, to_rtr, to_rts};
use rnic_sim::guest::Guest;
use rnic_sim::plan::Plan;
use rnic_sim::platform::{Options, SimMachine, World};
use rnic_sim::random::Random;

/// Entries of each queue, as `rnic perf` has them.
const DEPTH: u32 = 256;
const LARGE: u32 = 1 << 20;
const BURST: u32 = 32;

/// What the daemon gives a device for one turn.
const TURN: Budget = Budget {
    bytes: 1 << 20,
    ops: 128,
};

struct Pair {
    guests: [Guest; 2],
    ends: [End; 2],
    large: (rnic_driver_core::Key, u64),
    far: Remote,
}

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "write".into());
    let count = arguments.next().map_or(Ok(1000), |n| n.parse());
    let count: u32 = count.map_err(|e| format!("the second argument is a count: {e}"))?;
    let mut pair = Pair::new()?;
    let one: fn(&mut Pair) = match what.as_str() {
        "write" => write,
        "read" => read,
        "send" => send,
        "burst" => burst,
        "large" => large,
        "idle" => turn,
        other => {
            return Err(format!(
                "`{other}` is none of write, read, send, burst, large, idle"
            ));
        }
    };
    for _ in 0..64 {
        one(&mut pair);
    }
    measured(&mut pair, one, count);
    Ok(())
}

/// What the profiler looks at.
#[inline(never)]
fn measured(pair: &mut Pair, one: fn(&mut Pair), count: u32) {
    for _ in 0..count {
        one(black_box(pair));
    }
}

impl Pair {
    fn new() -> Result<Self, String> {
        let plan = Plan {
            functions: 2,
            links: vec![(0, 1)],
            shared: vec![false],
            ipv6: false,
            mtu: rnic_abi::Mtu::MTU_4096,
            device: Vec::new(),
            cqs: 1,
            read_depth: 16,
            ..Plan::new(1, 0)
        };
        let options = Options {
            budget: TURN,
            ..Options::default()
        };
        let machine = SimMachine::new(&options).map_err(|e| e.to_string())?;
        let mut random = Random::new(1, 1);
        let mut guests = [
            Guest::new(&machine, 0, &plan)?,
            Guest::new(&machine, 1, &plan)?,
        ];
        let mut ends = Vec::new();
        for (guest, number) in guests.iter_mut().zip(0..) {
            let mut end = End::new(guest, &plan, number, &mut random)?;
            end.qp = Some(queue_pair(guest, &end)?);
            ends.push(end);
        }
        let ends: [End; 2] = ends.try_into().map_err(|_| "two ends")?;
        for (guest, (end, peer)) in guests
            .iter_mut()
            .zip([(&ends[0], &ends[1]), (&ends[1], &ends[0])])
        {
            for request in [to_rtr(&plan, end, peer, 7), to_rts(7)] {
                let qpn = end.qp.as_ref().ok_or("a queue pair")?.qpn;
                guest.call(
                    "modify_qp",
                    |c, nic| Ok(c.modify_qp(nic, 0, qpn, &request)?),
                )?;
            }
        }
        let memory = |guest: &mut Guest| {
            let bytes = 8 * LARGE;
            let buffer = guest.memory(bytes as usize)?;
            let access = rnic_sim::guest::local()
                .with_remote_read(true)
                .with_remote_write(true);
            let at = buffer.iova();
            let key = guest.register(&buffer, 0, bytes.into(), at, access)?;
            // It stays until the process ends.
            std::mem::forget(buffer);
            Ok::<_, String>((key, at))
        };
        let large = memory(&mut guests[0])?;
        let (key, address) = memory(&mut guests[1])?;
        Ok(Self {
            guests,
            ends,
            large,
            far: Remote { address, key },
        })
    }

    fn post(&mut self, operation: Operation<'_>, flags: WorkFlags) {
        let request = WorkRequest {
            context: 1,
            operation,
            flags,
        };
        let qp = self.ends[0].qp.as_mut().expect("made in new");
        qp.send.post(&request).expect("room");
    }

    fn ring(&mut self) {
        let qp = self.ends[0].qp.as_mut().expect("made in new");
        qp.send.ring(&self.guests[0].nic);
    }

    /// Turns until a completion of `side` is there.
    fn done(&mut self, side: usize) {
        loop {
            let (guest, end) = (&mut self.guests[side], &mut self.ends[side]);
            if let Some(wc) = guest.cqs[0].poll(&guest.nic).expect("a sound ring") {
                assert!(wc.is_ok(), "{wc:?}");
                let qp = end.qp.as_mut().expect("made in new");
                if wc.is_receive() {
                    let recv = qp.recv.as_mut().expect("made in new");
                    recv.retire_to(wc.retired).expect("a sound count");
                } else {
                    qp.send.retire_to(wc.retired).expect("a sound count");
                }
                return;
            }
            turn(self);
        }
    }
}

fn queue_pair(
    guest: &mut Guest,
    end: &End,
) -> Result<rnic_driver_core::Qp<rnic_sim::platform::SimPlatform>, String> {
    let geometry = QpGeometry {
        pd: guest.pd,
        qp_type: QpType::RC,
        send_cq: guest.cqs[end.send_cq].cqn(),
        recv_cq: guest.cqs[end.recv_cq].cqn(),
        send_entries: DEPTH,
        max_send_segments: 4,
        max_inline: 128,
        receive: QpReceive::Own {
            entries: DEPTH,
            max_segments: 4,
        },
        qp1: false,
        context: 0,
    };
    match guest.call("create_qp", |c, nic| Ok(c.create_qp(nic, 0, &geometry)?))? {
        Outcome::Qp(qp) => Ok(qp),
        other => Err(format!("create_qp gave {}", other.name())),
    }
}

/// One turn of both devices, as the daemon's worker makes it.
fn turn(pair: &mut Pair) {
    let mut world = pair.guests[0].machine.lock();
    devices(&mut world);
}

#[inline(never)]
fn devices(world: &mut World) {
    world.hand_over();
    for index in 0..2 {
        world.nodes[index].parked = false;
        world.with(index, |device, env| device.run(env, TURN));
    }
}

fn write(pair: &mut Pair) {
    let to = pair.far;
    pair.post(Operation::Write(Data::Inline(&[7; 64]), to), WorkFlags(0));
    pair.ring();
    pair.done(0);
}

fn read(pair: &mut Pair) {
    let into = [segment(pair.large.1, 64, pair.large.0)];
    let from = pair.far;
    pair.post(Operation::Read(&into, from), WorkFlags(0));
    pair.ring();
    pair.done(0);
}

fn send(pair: &mut Pair) {
    let sink = [segment(pair.far.address, 64, pair.far.key)];
    let recv = pair.ends[1].qp.as_mut().and_then(|qp| qp.recv.as_mut());
    let recv = recv.expect("made in new");
    recv.post(1, &sink).expect("room");
    recv.ring(&pair.guests[1].nic);
    pair.post(Operation::Send(Data::Inline(&[7; 64])), WorkFlags(0));
    pair.ring();
    pair.done(1);
    pair.done(0);
}

fn burst(pair: &mut Pair) {
    let to = pair.far;
    for n in 1..=BURST {
        let flags = if n == BURST {
            WorkFlags(0)
        } else {
            WorkFlags::SILENT
        };
        pair.post(Operation::Write(Data::Inline(&[7; 64]), to), flags);
    }
    pair.ring();
    pair.done(0);
}

fn large(pair: &mut Pair) {
    let from = [segment(pair.large.1, LARGE, pair.large.0)];
    let to = pair.far;
    pair.post(Operation::Write(Data::Segments(&from), to), WorkFlags(0));
    pair.ring();
    pair.done(0);
}
