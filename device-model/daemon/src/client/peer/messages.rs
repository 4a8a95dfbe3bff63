//! Programs that send messages and no more: ucmatose, rdma_client and rdma_server of librdmacm's examples.
//!
//! ucmatose: the server sends `count` messages, the client takes them and sends as many, the server disconnects. It does
//! not retry when it meets no receive, so all are posted before the connection stands. rdma_client: 16 bytes there, 16
//! back, and both disconnect at once.

use std::net::IpAddr;

use anyhow::{bail, ensure};
use rnic_driver_host::driver::{Data, Operation};
use rnic_driver_host::platform::TestPlatform;

use super::PeerOptions;
use super::end::{End, Happening};

/// Bytes of a message of ucmatose unless told otherwise.
pub const CMA_BYTES: u32 = 100;
/// Bytes of a message of rdma_client and rdma_server.
pub const EXAMPLE_BYTES: u32 = 16;

/// Messages under way; the send queue has room for more.
const WINDOW: u32 = 32;

/// Sends `count` messages of `size` bytes and takes as many, the other way round when `first` is false.
fn exchange<P: TestPlatform>(
    end: &mut End<P>,
    first: bool,
    (count, size): (u32, u32),
) -> anyhow::Result<()> {
    let bytes = vec![0x5A; usize::try_from(size)?];
    let (mut posted, mut sent, mut received) = (0, 0, 0);
    let message = end.message(&bytes)?;
    loop {
        while (first || received == count) && posted < count && posted - sent < WINDOW {
            end.post(Operation::Send(Data::Segments(&[message])))?;
            posted += 1;
        }
        if sent == count && received == count {
            return Ok(());
        }
        match end.next()? {
            Happening::Done => sent += 1,
            Happening::Received(_, wc) => {
                ensure!(
                    wc.byte_count == size,
                    "a message has {} bytes, not {size}",
                    wc.byte_count
                );
                received += 1;
                ensure!(received <= count, "more than {count} messages came");
            }
            // The peer has everything: it answered by its end, and only acknowledges are missing.
            Happening::Ended if posted == count && received == count => return Ok(()),
            Happening::Ended => {
                bail!("the peer ended the connection after {received} messages, {sent} sent")
            }
        }
    }
}

fn of_cma(options: &PeerOptions) -> (u32, u32) {
    (options.count, options.size.unwrap_or(CMA_BYTES))
}

/// As `ucmatose`.
pub fn cma_server<P: TestPlatform>(
    mut end: End<P>,
    options: &PeerOptions,
) -> anyhow::Result<End<P>> {
    end.accept(options, &[])?;
    exchange(&mut end, true, of_cma(options))?;
    println!("peer exchanged {} messages", options.count);
    end.hold(options)?;
    end.disconnect()?;
    Ok(end)
}

/// As `ucmatose -s`.
pub fn cma_client<P: TestPlatform>(
    mut end: End<P>,
    to: IpAddr,
    options: &PeerOptions,
) -> anyhow::Result<End<P>> {
    end.connect(to, options.port())?;
    exchange(&mut end, false, of_cma(options))?;
    println!("peer exchanged {} messages", options.count);
    end.wait_for_the_end()?;
    end.disconnect()?;
    Ok(end)
}

/// As `rdma_client`.
pub fn example_client<P: TestPlatform>(
    mut end: End<P>,
    to: IpAddr,
    options: &PeerOptions,
) -> anyhow::Result<End<P>> {
    end.connect(to, options.port())?;
    exchange(&mut end, true, (1, EXAMPLE_BYTES))?;
    println!("peer exchanged 1 message");
    end.disconnect()?;
    Ok(end)
}

/// As `rdma_server`.
pub fn example_server<P: TestPlatform>(
    mut end: End<P>,
    options: &PeerOptions,
) -> anyhow::Result<End<P>> {
    end.accept(options, &[])?;
    exchange(&mut end, false, (1, EXAMPLE_BYTES))?;
    println!("peer exchanged 1 message");
    end.disconnect()?;
    Ok(end)
}
