//! Memory that somebody else works on.
//!
//! The private data of the acceptance, and after the connection stands the first message, name memory as rping does:
//! address 8, key 4, length 4 bytes, big endian. The first is the whole area, the second the same by a window, for
//! whoever sends with invalidation. Byte n of the area is `7 n + n / 256`, but for the first 8, which are zero. Each
//! message that comes is told; at the end the first 8 bytes are.

use anyhow::ensure;
use rnic_abi::{AccessFlags, MwType};
use rnic_driver_host::driver::{Bind, Data, Operation, Outcome};
use rnic_driver_host::platform::{DmaBuffer, TestPlatform};

use super::PeerOptions;
use super::end::{AREA, End, Happening};

/// Bytes of a message at most.
pub const MESSAGE: u32 = 8192;
/// Receives posted.
pub const RECEIVES: u32 = 16;

fn advert(address: u64, key: u32, length: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&address.to_be_bytes());
    bytes[8..12].copy_from_slice(&key.to_be_bytes());
    bytes[12..].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Serves until the peer ends the connection.
pub fn serve<P: TestPlatform>(mut end: End<P>, options: &PeerOptions) -> anyhow::Result<End<P>> {
    let pattern: Vec<u8> = (0..AREA)
        .map(|n| n.wrapping_mul(7).wrapping_add(n >> 8).to_le_bytes()[0])
        .collect();
    end.area.buffer.write(0, &pattern);
    end.area.buffer.write(0, &[0; 8]);
    let pd = end.pd;
    let made = end
        .client
        .verb(|d| d.control.create_window(&d.nic, 0, pd, MwType::TYPE_2))?;
    let Outcome::Window(key) = made else {
        anyhow::bail!("no window was made but {}", made.name());
    };
    let base = end.area.buffer.iova();
    let lent = advert(base, end.area.key.0, AREA);
    end.accept(options, &lent)?;
    let window = key.next_variant();
    end.post(Operation::Bind(Bind {
        window,
        region: end.area.key,
        address: base,
        length: AREA.into(),
        access: AccessFlags::REMOTE_READ | AccessFlags::REMOTE_WRITE | AccessFlags::REMOTE_ATOMIC,
    }))?;
    let message = end.message(&advert(base, window.0, AREA))?;
    end.post(Operation::Send(Data::Segments(&[message])))?;
    let (mut messages, mut bytes) = (0u32, 0u64);
    loop {
        match end.next()? {
            Happening::Done => {}
            Happening::Received(slot, wc) => {
                end.post_receive(slot)?;
                messages += 1;
                bytes += u64::from(wc.byte_count);
                if let Some(value) = wc.immediate() {
                    let value = u32::from_be_bytes(value);
                    println!("peer received immediate {value:#010x}");
                }
                if let Some(key) = wc.invalidated() {
                    ensure!(key == window, "{key:?} was invalidated, not the window");
                    println!("peer received an invalidation of the window");
                }
            }
            Happening::Ended => break,
        }
    }
    let word = end.area.buffer.load_u64(0);
    println!("peer received {messages} messages, {bytes} bytes; the first word is {word}");
    end.disconnect()?;
    Ok(end)
}
