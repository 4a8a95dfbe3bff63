//! ndkping: what `rping` does, over NDK. The client tells where its memory is, the server reads it, the client tells where
//! it wants it back, the server writes it there, and the client compares. [`ping`] does so between two adapters; [`client`] and
//! [`server`] speak to a real rping elsewhere.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use ndis_sys::ndk::*;

use crate::bench::{Bench, Callback, QpSizes, bytes, fill, plain, poll};
use crate::link::{
    End, Link, MEMORY, Wanted, begin_accept, begin_connect, connector, listen, listener,
};
use crate::platform::Address;
use crate::{call, close};

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

/// An end that pings somebody elsewhere: its completions are told apart by what was asked.
struct Alone<'b> {
    bench: &'b Bench<'b>,
    end: End<'b>,
    connector: *mut NDK_CONNECTOR,
    left: &'b Callback,
    kept: RefCell<Vec<NDK_RESULT_EX>>,
}

/// Contexts of requests.
const RECEIVED: usize = 1;
const SENT: usize = 2;
const MOVED: usize = 3;

impl<'b> Alone<'b> {
    /// Posts the receive of one message. Its place is used again only after the message was taken.
    fn expect(&self) {
        let place = self.end.sge(MESSAGES + 128, 64);
        assert_eq!(self.end.receive(RECEIVED, &[place]), STATUS_SUCCESS);
    }

    /// Takes a completion that was kept, or a new one.
    fn look(&self, context: usize) -> Option<NDK_RESULT_EX> {
        let mut kept = self.kept.borrow_mut();
        while let Some(result) = poll(self.end.cq) {
            kept.push(result);
        }
        let of = |result: &NDK_RESULT_EX| result.RequestContext.addr() == context;
        let at = kept.iter().position(of)?;
        Some(kept.remove(at))
    }

    /// Waits for the completion of a request; none when the connection ended first.
    fn wait(&self, what: &str, context: usize) -> Option<NDK_RESULT_EX> {
        let found = RefCell::new(None);
        self.bench.wait(what, || {
            *found.borrow_mut() = self.look(context);
            found.borrow().is_some() || self.left.count() > 0
        });
        // What was completed before the end is told before it.
        let result = found.into_inner().or_else(|| self.look(context))?;
        assert_eq!(result.Status, STATUS_SUCCESS, "{what}: {result:x?}");
        Some(result)
    }

    /// Sends a message.
    fn tell(&self, message: &[u8]) {
        fill(&*self.end.memory, MESSAGES, message);
        let list = [self.end.sge(MESSAGES, message.len())];
        assert_eq!(self.end.send(SENT, &list, 0), STATUS_SUCCESS);
    }

    /// The next message, for which a receive was posted; none when the connection ended.
    fn hear(&self) -> Option<Vec<u8>> {
        let result = self.wait("a message", RECEIVED)?;
        let length = result.BytesTransferred as usize;
        Some(bytes(&*self.end.memory, MESSAGES + 128, length))
    }

    /// Disconnects and closes everything; a listener after its connector.
    fn finish(self, listener: Option<*mut NDK_LISTENER>) {
        let bench = self.bench;
        let status = bench.request("disconnect", |done, context| {
            call!(self.connector, NdkDisconnect, done, context)
        });
        assert_eq!(status, STATUS_SUCCESS, "disconnect");
        close!(bench, self.connector, NdkCloseConnector);
        if let Some(listener) = listener {
            close!(bench, listener, NdkCloseListener);
        }
        self.end.close(bench);
    }
}

/// What rping's client sends: a number, and letters from it on.
fn text(number: usize, length: usize) -> Vec<u8> {
    const LETTERS: usize = (b'z' - b'A' + 1) as usize;
    let mut bytes = format!("rdma-ping-{number}: ").into_bytes();
    let missing = length.saturating_sub(bytes.len());
    let letters = (number..).map(|at| b'A' + u8::try_from(at % LETTERS).expect("small"));
    bytes.extend(letters.take(missing));
    bytes.truncate(length);
    if let Some(last) = bytes.last_mut() {
        *last = 0;
    }
    bytes
}

/// Pings an `rping -s` at an address: for each length, `rounds` rounds. Gives the time of each round, by length.
///
/// # Panics
/// When anything fails, or what comes back is not what went.
pub fn client<'b>(
    bench: &'b Bench<'b>,
    to: Address,
    rounds: usize,
    lengths: &[usize],
) -> Vec<Vec<Duration>> {
    let end = End::new(bench, 0, 0xA, QpSizes::default());
    let connector = connector(bench, end.adapter);
    let connecting = begin_connect(
        bench,
        (connector, end.qp),
        (bench.address(0), to),
        (8, 8),
        &[],
    );
    assert_eq!(bench.end(&connecting), STATUS_SUCCESS, "connect");
    let left = bench.callback("disconnect event", 1);
    let status = bench.request("complete connect", |done, context| {
        call!(
            connector,
            NdkCompleteConnect,
            Some(plain),
            left.context(),
            done,
            context
        )
    });
    assert_eq!(status, STATUS_SUCCESS, "complete connect");
    let alone = Alone {
        bench,
        end,
        connector,
        left,
        kept: RefCell::default(),
    };
    let mut number = 0;
    let times = lengths.iter().map(|&length| {
        assert!(
            2 * length + 256 <= MEMORY,
            "a ping of {length} bytes is too long"
        );
        let size = u32::try_from(length).expect("short");
        let mut round = || {
            let data = text(number, length);
            number += 1;
            fill(&*alone.end.memory, 0, &data);
            fill(&*alone.end.memory, length, &vec![0xEE; length]);
            let start = Instant::now();
            for at in [0, length] {
                let (address, token) = alone.end.remote(at);
                alone.expect();
                alone.tell(&advertisement(address, token, size));
                let answered = alone.wait("a send", SENT).is_some() && alone.hear().is_some();
                assert!(answered, "the server left in the middle of a ping");
            }
            let took = start.elapsed();
            let came = bytes(&*alone.end.memory, length, length);
            assert!(came == data, "a ping of {length} bytes came back changed");
            took
        };
        (0..rounds).map(|_| round()).collect()
    });
    let times = times.collect();
    alone.finish(None);
    times
}

/// Answers one `rping -c` at this port until it leaves; how often it pinged. `listening` is called when it may come.
///
/// # Panics
/// When anything fails, or what it sends is not what rping sends.
pub fn server<'b>(bench: &'b Bench<'b>, port: u16, listening: impl FnOnce()) -> usize {
    let end = End::new(bench, 0, 0xB, QpSizes::default());
    let (listener, requested) = listener(bench, end.adapter);
    let at = bench.address(0).with_port(port);
    assert_eq!(listen(bench, listener, at), STATUS_SUCCESS, "listen");
    listening();
    bench.wait("a connection request", || requested.count() > 0);
    let connector: *mut NDK_CONNECTOR = requested.object();
    let left = bench.callback("disconnect event", 1);
    let alone = Alone {
        bench,
        end,
        connector,
        left,
        kept: RefCell::default(),
    };
    // The client sends as soon as it is connected.
    alone.expect();
    let accepting = begin_accept(bench, (connector, alone.end.qp), (8, 8), &[], left);
    assert_eq!(bench.end(&accepting), STATUS_SUCCESS, "accept");
    let mut rounds = 0;
    while let Some(message) = alone.hear() {
        let (address, token, length) = parse(&message);
        assert!(length <= MESSAGES, "a ping of {length} bytes is too long");
        let list = [alone.end.sge(0, length)];
        alone.expect();
        assert_eq!(
            alone.end.read(MOVED, &list, (address, token), 0),
            STATUS_SUCCESS
        );
        assert!(alone.wait("a read", MOVED).is_some(), "the client left");
        let data = bytes(&*alone.end.memory, 0, length);
        assert!(
            data == text(rounds, length),
            "ping {rounds} is not what rping sends: {}",
            data.escape_ascii()
        );
        alone.tell(&[0; 16]);
        assert!(alone.wait("a send", SENT).is_some(), "the client left");
        let message = alone
            .hear()
            .expect("the client left in the middle of a ping");
        let (address, token, room) = parse(&message);
        assert!(length <= room, "the client has room for {room} bytes");
        alone.expect();
        assert_eq!(
            alone.end.write(MOVED, &list, (address, token), 0),
            STATUS_SUCCESS
        );
        assert!(alone.wait("a write", MOVED).is_some(), "the client left");
        alone.tell(&[0; 16]);
        rounds += 1;
        // The client may leave as soon as it has the message, before its acknowledge comes.
        if alone.wait("a send", SENT).is_none() {
            break;
        }
    }
    alone.finish(Some(listener));
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_rpings() {
        assert_eq!(text(0, 20), b"rdma-ping-0: ABCDEF\0");
        assert_eq!(text(1, 20), b"rdma-ping-1: BCDEFG\0");
        assert_eq!(&text(57, 18)[14..], b"zAB\0");
    }
}
