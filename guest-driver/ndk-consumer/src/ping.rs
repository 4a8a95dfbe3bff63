//! ndkping: what `rping` does, over NDK. The client tells where its memory is, the server reads it, the client tells where
//! it wants it back, the server writes it there, and the client compares.

use ndis_sys::ndk::*;

use crate::bench::{Bench, bytes, fill};
use crate::link::{End, Link, MEMORY, Wanted};

/// Where each side keeps its messages, behind the data.
const MESSAGES: usize = MEMORY - 256;

/// An address, a token and a length, as rping sends them: network byte order.
fn advertisement(address: u64, token: u32, length: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&address.to_be_bytes());
    bytes[8..12].copy_from_slice(&token.to_be_bytes());
    bytes[12..].copy_from_slice(&length.to_be_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> (u64, u32, usize) {
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let address = u64::from(word(0)) << 32 | u64::from(word(4));
    (address, word(8), word(12) as usize)
}

fn good(bench: &Bench<'_>, end: &End<'_>) {
    let result = bench.result(end.cq);
    assert_eq!(result.Status, STATUS_SUCCESS, "{result:x?}");
}

/// Sends a message that the other side has posted a receive for, and waits for both.
fn tell(bench: &Bench<'_>, from: &End<'_>, to: &End<'_>, message: &[u8]) -> Vec<u8> {
    assert_eq!(to.receive(0, &[to.sge(MESSAGES + 128, 64)]), STATUS_SUCCESS);
    fill(&*from.memory, MESSAGES, message);
    assert_eq!(
        from.send(0, &[from.sge(MESSAGES, message.len())], 0),
        STATUS_SUCCESS
    );
    good(bench, from);
    good(bench, to);
    bytes(&*to.memory, MESSAGES + 128, message.len())
}

/// Runs `rounds` rounds of `length` bytes, of which each end's memory has twice as many and 256 more.
///
/// # Panics
/// When anything fails, or what comes back is not what went.
pub fn ping<'b>(bench: &'b Bench<'b>, rounds: usize, length: usize) {
    assert!(2 * length + 256 <= MEMORY);
    let link = Link::new(bench, Wanted::default());
    let (client, server) = (&link.a, &link.b);
    for round in 0..rounds {
        let data: Vec<u8> = (0..length)
            .map(|at| b'A' + ((at + round) % 64) as u8)
            .collect();
        fill(&*client.memory, 0, &data);
        let (source, token) = client.remote(0);
        let size = u32::try_from(length).expect("short");
        let (address, token, size) = parse(&tell(
            bench,
            client,
            server,
            &advertisement(source, token, size),
        ));
        assert_eq!(
            server.read(1, &[server.sge(0, size)], (address, token), 0),
            STATUS_SUCCESS
        );
        good(bench, server);
        tell(bench, server, client, &[0; 16]);
        let (sink, token) = client.remote(length);
        let size = u32::try_from(size).expect("short");
        let (address, token, size) = parse(&tell(
            bench,
            client,
            server,
            &advertisement(sink, token, size),
        ));
        assert_eq!(
            server.write(2, &[server.sge(0, size)], (address, token), 0),
            STATUS_SUCCESS
        );
        good(bench, server);
        tell(bench, server, client, &[0; 16]);
        assert!(
            bytes(&*client.memory, length, length) == data,
            "round {round} came back changed"
        );
    }
    assert_eq!(link.disconnect(link.active), STATUS_SUCCESS);
    link.close();
}
