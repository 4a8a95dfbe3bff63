//! The side that waits: lends its memory and answers messages.

use anyhow::Context;
use rnic_abi::{WorkFlags, WorkOpcode};
use rnic_driver_core::{AddressIndex, Data, Event, Operation, WorkRequest, segment};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::side::{AREA, SLOT, SLOTS, Side, post_failed};

/// Serves one connection from its request to its end.
pub fn serve<P: TestPlatform>(mut side: Side<P>, port: u16) -> anyhow::Result<()> {
    let (_, _, cookie) = side.client.listen(AddressIndex(0), port)?;
    println!("pair listening");
    let request = side
        .client
        .request(cookie)
        .context("nobody asked for a connection")?;
    // What the peer needs to know: where the memory is.
    let mut hello = [0; 16];
    hello[..8].copy_from_slice(&side.area.buffer.iova().to_le_bytes());
    hello[8..12].copy_from_slice(&side.area.key.0.to_le_bytes());
    hello[12..].copy_from_slice(&(AREA as u32).to_le_bytes());
    side.client.accept(&request, side.qp.qpn, &hello)?;
    println!("pair connected");
    let answer_at = SLOT * SLOTS;
    loop {
        if let Some(wc) = side.cq.poll(&side.client.device().nic)? {
            if !wc.is_ok() {
                // The connection ended with receives posted.
                break;
            }
            if !wc.is_receive() {
                side.retire_send(wc.retired)?;
                side.cq.publish(&side.client.device().nic);
                continue;
            }
            side.retire_receive(wc.retired)?;
            let slot = wc.context as usize % SLOTS;
            let length = wc.byte_count as usize;
            if wc.opcode != WorkOpcode::WRITE_IMMEDIATE && length > 0 {
                // Sends come back as they are.
                let mut message = vec![0; length];
                side.messages.buffer.read(slot * SLOT, &mut message);
                side.messages.buffer.write(answer_at, &message);
                let from = [segment(
                    side.messages.buffer.iova() + answer_at as u64,
                    wc.byte_count,
                    side.messages.key,
                )];
                side.qp
                    .send
                    .post(&WorkRequest {
                        context: 0,
                        operation: Operation::Send(Data::Segments(&from)),
                        flags: WorkFlags(0),
                    })
                    .map_err(post_failed)?;
                side.qp.send.ring(&side.client.device().nic);
            }
            side.post_receive(slot)?;
            side.cq.publish(&side.client.device().nic);
            continue;
        }
        if let Some(Event::PeerDisconnected(info)) = side.client.poll_event()? {
            println!("pair ended {}", info.status);
            break;
        }
        std::hint::spin_loop();
    }
    side.client.close()?;
    Ok(())
}
