//! Two devices, one connection, a send and a write: how a tool uses the driver.
//!
//!     rnic serve --device socket=/tmp/a.sock --device socket=/tmp/b.sock &
//!     cargo run -p rnic-driver-host --example hello /tmp/a.sock /tmp/b.sock

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rnic_abi::{AccessFlags, WorkFlags};
use rnic_driver_core::{
    Address, AddressIndex, Config, Data, Operation, Remote, WorkRequest, segment,
};
use rnic_driver_host::client::Client;
use rnic_driver_host::{Socket, SocketOptions};
use rnic_platform::DmaBuffer;

const PORT: u16 = 4791;
const RIGHTS: AccessFlags = AccessFlags(0b0111);

fn open(path: &str, address: [u8; 4]) -> anyhow::Result<(Client<Socket>, [u8; 16])> {
    let socket = Socket::open(Path::new(path), SocketOptions::default())?;
    let mut client = Client::open(socket, Config::default(), Duration::from_secs(10))?;
    let [a, b, c, d] = address;
    let address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d];
    client.set_address(
        AddressIndex(0),
        &Address {
            address,
            prefix: 24,
            vlan: None,
            gateway: None,
            answer: true,
        },
    )?;
    Ok((client, address))
}

fn work(context: u64, operation: Operation<'_>) -> WorkRequest<'_> {
    WorkRequest {
        context,
        operation,
        flags: WorkFlags::default(),
    }
}

fn main() -> anyhow::Result<()> {
    env_logger::init();
    let mut sockets = std::env::args().skip(1);
    let (a, b) = (sockets.next(), sockets.next());
    let (mut near, _) = open(&a.context("two sockets are needed")?, [10, 9, 0, 1])?;
    let (mut far, far_address) = open(&b.context("two sockets are needed")?, [10, 9, 0, 2])?;

    let far_pd = far.pd()?;
    let far_memory = far.memory(far_pd, 4096, RIGHTS)?;
    let far_eq = far.completion_eq(16, 1)?;
    let mut far_cq = far.cq(far_eq.eqn(), 64)?;
    let mut far_qp = far.rc_qp(far_pd, &far_cq, 16)?;
    let recv = far_qp.recv.as_mut().context("a receive queue")?;
    let sink = [segment(far_memory.buffer.iova(), 100, far_memory.key)];
    recv.post(7, &sink)?;
    recv.ring(&far.device().nic);
    let (_, _, listening) = far.listen(AddressIndex(0), PORT)?;

    let near_pd = near.pd()?;
    let near_eq = near.completion_eq(16, 1)?;
    let mut near_cq = near.cq(near_eq.eqn(), 64)?;
    let mut near_qp = near.rc_qp(near_pd, &near_cq, 16)?;

    // Each side waits for the other, so each has a thread.
    let qpn = far_qp.qpn;
    let (connected, accepted) = std::thread::scope(|scope| {
        let accepting = scope.spawn(|| {
            let request = far.request(listening)?;
            far.accept(&request, qpn, b"welcome")
        });
        let connected = near.connect(near_qp.qpn, AddressIndex(0), far_address, PORT, b"hi");
        (connected, accepting.join().expect("no panic"))
    });
    let (connected, accepted) = (connected?, accepted?);
    println!("connected; the peer says {:?}", connected.info.private_data);
    println!("accepted; the peer says {:?}", accepted.info.private_data);

    let to = Remote {
        address: far_memory.buffer.iova() + 2048,
        key: far_memory.key,
    };
    near_qp
        .send
        .post(&work(1, Operation::Write(Data::Inline(b"written"), to)))?;
    near_qp
        .send
        .post(&work(2, Operation::Send(Data::Inline(b"hello"))))?;
    near_qp.send.ring(&near.device().nic);
    for context in [1, 2] {
        let wc = near.success(&mut near_cq)?;
        ensure!(wc.context == context, "completions in order");
    }
    let wc = far.success(&mut far_cq)?;
    let (mut sent, mut written) = ([0; 5], [0; 7]);
    far_memory.buffer.read(0, &mut sent);
    far_memory.buffer.read(2048, &mut written);
    ensure!(wc.byte_count == 5 && &sent == b"hello" && &written == b"written");
    println!("received {} bytes, and 7 were written", wc.byte_count);

    near.disconnect(&connected)?;
    near.close()?;
    far.close()?;
    drop((
        near_qp, near_cq, near_eq, far_qp, far_cq, far_eq, far_memory,
    ));
    println!("closed");
    Ok(())
}
