//! rping of librdmacm: the client lends two pieces of memory in turn, the server reads the first and writes what it
//! read to the second.
//!
//! A message of 16 bytes names memory, big endian: address 8, key 4, length 4. For each ping the client sends its source,
//! the server reads it and answers with a message of any content, the client sends its sink, the server writes to it
//! and answers again. The text is `rdma-ping-N: `, letters from `A` to `z` that begin one later with each ping, and a
//! zero at the end.

use std::net::IpAddr;

use anyhow::{Context, ensure};
use rnic_driver_host::driver::{Data, Key, Operation, Remote};
use rnic_driver_host::platform::{DmaBuffer, TestPlatform};

use super::PeerOptions;
use super::end::{AREA, End};

/// Bytes of a message.
pub const MESSAGE: u32 = 16;
/// Bytes of a ping.
const PING: u32 = 64;

/// Memory as a message names it.
fn advert(address: u64, key: Key, length: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&address.to_be_bytes());
    bytes[8..12].copy_from_slice(&key.0.to_be_bytes());
    bytes[12..].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Memory that a message names, and its length.
fn parse(message: &[u8]) -> anyhow::Result<(Remote, u32)> {
    let bytes: &[u8; 16] = message
        .try_into()
        .context("a message of rping has 16 bytes")?;
    let value = u128::from_be_bytes(*bytes);
    let low = |bits: u128| u32::try_from(bits & 0xFFFF_FFFF);
    let remote = Remote {
        address: u64::try_from(value >> 64)?,
        key: Key(low(value >> 32)?),
    };
    Ok((remote, low(value)?))
}

/// The text of a ping.
fn text(number: u32, size: usize) -> Vec<u8> {
    const LETTERS: u32 = 122 - 65 + 1;
    let mut bytes = format!("rdma-ping-{number}: ").into_bytes();
    let letters = (number..).map(|n| u8::try_from(65 + n % LETTERS).unwrap_or(b'A'));
    let missing = size.saturating_sub(bytes.len());
    bytes.extend(letters.take(missing));
    bytes.truncate(size);
    if let Some(last) = bytes.last_mut() {
        *last = 0;
    }
    bytes
}

/// Pings until `count` have come back.
pub fn client<P: TestPlatform>(
    mut end: End<P>,
    to: IpAddr,
    options: &PeerOptions,
) -> anyhow::Result<End<P>> {
    let size = options.size.unwrap_or(PING);
    ensure!(
        (24..=AREA / 2).contains(&size),
        "a ping has 24 to {} bytes",
        AREA / 2
    );
    let length = usize::try_from(size)?;
    let sink_at = AREA / 2;
    end.connect(to, options.port())?;
    let base = end.area.buffer.iova();
    for number in 0..options.count {
        let ping = text(number, length);
        end.area.buffer.write(0, &ping);
        end.area
            .buffer
            .write(usize::try_from(sink_at)?, &vec![0xEE; length]);
        for at in [0, sink_at] {
            let advert = advert(base + u64::from(at), end.area.key, size);
            let message = end.message(&advert)?;
            end.post(Operation::Send(Data::Segments(&[message])))?;
            end.done()?;
            end.receive()?
                .context("the server ended the connection in the middle of a ping")?;
        }
        let mut pong = vec![0; length];
        end.area.buffer.read(usize::try_from(sink_at)?, &mut pong);
        ensure!(
            pong == ping,
            "ping {number} came back changed at byte {:?}",
            pong.iter().zip(&ping).position(|(a, b)| a != b)
        );
    }
    println!("peer verified {} pings of {size} bytes", options.count);
    end.hold(options)?;
    end.disconnect()?;
    Ok(end)
}

/// Answers pings until the client ends the connection.
pub fn server<P: TestPlatform>(mut end: End<P>, options: &PeerOptions) -> anyhow::Result<End<P>> {
    end.accept(options, &[])?;
    let mut pings = 0;
    while let Some(message) = end.receive()? {
        let (source, length) = parse(&message)?;
        ensure!(length <= AREA, "a ping of {length} bytes is too long");
        let local = [end.segment(0, length)];
        end.post(Operation::Read(&local, source))?;
        end.done()?;
        let mut read = vec![0; usize::try_from(length)?];
        end.area.buffer.read(0, &mut read);
        ensure!(
            read == text(pings, read.len()),
            "ping {pings} is not what rping sends: {}",
            String::from_utf8_lossy(&read)
        );
        let goes_on = go_on(&mut end)?;
        ensure!(
            goes_on,
            "the client ended the connection in the middle of a ping"
        );
        let message = end
            .receive()?
            .context("the client ended the connection in the middle of a ping")?;
        let (sink, room) = parse(&message)?;
        ensure!(length <= room, "the client's sink has {room} bytes only");
        end.post(Operation::Write(Data::Segments(&local), sink))?;
        end.done()?;
        pings += 1;
        if !go_on(&mut end)? {
            break;
        }
    }
    println!("peer verified {pings} pings");
    end.disconnect()?;
    Ok(end)
}

/// Tells the client that its memory was used; false when it ended the connection before it acknowledged that.
fn go_on<P: TestPlatform>(end: &mut End<P>) -> anyhow::Result<bool> {
    let message = end.message(&[0; 16])?;
    end.post(Operation::Send(Data::Segments(&[message])))?;
    end.done_or_ended()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_rpings() {
        assert_eq!(text(0, 20), b"rdma-ping-0: ABCDEF\0");
        assert_eq!(text(1, 20), b"rdma-ping-1: BCDEFG\0");
        assert_eq!(&text(57, 18)[14..], b"zAB\0");
        assert_eq!(text(58, 64)[14], b'A');
    }

    #[test]
    fn adverts_go_there_and_back() {
        let bytes = advert(0x1234_5678_9abc_def0, Key(0x0102_0304), 64);
        assert_eq!(bytes[..3], [0x12, 0x34, 0x56]);
        let (remote, length) = parse(&bytes).unwrap();
        assert_eq!((remote.address, length), (0x1234_5678_9abc_def0, 64));
        assert_eq!(remote.key, Key(0x0102_0304));
        assert!(parse(&bytes[1..]).is_err());
    }
}
