//! Two ends of SMB Direct over two adapters: a client that lends memory and a server that reads and writes it, with messages
//! that need fragments, and both ways of taking memory back. Over IPv4 and IPv6, and without a server of anybody else.

use std::ops::Range;
use std::time::Instant;

use ndis_sys::ndk::*;

use super::port::{BufferId, Options, SmbDirect};
use crate::bench::Bench;
use crate::close;
use crate::link;
use crate::smb::transport::{Access, Lost, Transport};
use crate::smbd::connection::Connection;
use crate::smbd::message::BufferDescriptor;

/// The port of SMB Direct (MS-SMBD, 1.9).
const PORT: u16 = 445;
/// Where transfers begin in their buffers: in the middle of a page.
const OFFSET: usize = 100;
/// Lengths of transfers: a byte, around pages, over regions.
const LENGTHS: [usize; 5] = [1, 4097, 65_536, (2 << 20) + 3, 8 << 20];

/// What the client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Read what is lent.
    Fetch = 1,
    /// Write what was fetched, changed, to what is lent.
    Store = 2,
    /// Say it again.
    Echo = 3,
}

pub(super) struct Pair<'b> {
    pub(super) client: SmbDirect<'b>,
    pub(super) server: SmbDirect<'b>,
    listener: *mut NDK_LISTENER,
    pub(super) bench: &'b Bench<'b>,
    /// The client's buffer, and the server's.
    pub(super) ours: BufferId,
    pub(super) theirs: BufferId,
}

/// How a server changes what it fetched before it stores it.
fn changed(byte: u8) -> u8 {
    byte ^ 0x5A
}

impl<'b> Pair<'b> {
    /// Connected, with a buffer of so many bytes on each side.
    pub(super) fn new(
        bench: &'b Bench<'b>,
        options: Options,
        longest: usize,
    ) -> Result<Self, Lost> {
        let now = Instant::now();
        let active = Connection::active(options.offer, now);
        let passive = Connection::passive(options.offer, now);
        let mut client = SmbDirect::new(bench, 0, active, options)?;
        let mut server = SmbDirect::new(bench, 1, passive, options)?;
        client.prepare()?;
        server.prepare()?;
        let (listener, requested) = link::listener(bench, server.objects().adapter);
        let at = bench.address(1).with_port(PORT);
        assert_eq!(link::listen(bench, listener, at), STATUS_SUCCESS, "listen");
        let connecting = client.objects().begin_connect(bench.address(0), at)?;
        bench.wait("connect event", || requested.count() > 0);
        let accepting = server.objects().begin_accept(requested.object());
        client
            .objects()
            .end_connect(&connecting, "the other adapter")?;
        assert_eq!(bench.end(&accepting), STATUS_SUCCESS, "accept");
        let (ours, theirs) = (client.allocate(longest)?, server.allocate(longest)?);
        let mut pair = Self {
            client,
            server,
            listener,
            bench,
            ours,
            theirs,
        };
        pair.until("negotiation", |pair| {
            pair.client.agreed().is_some() && pair.server.agreed().is_some()
        })?;
        Ok(pair)
    }

    /// Lets both ends work until `ready`.
    fn until(&mut self, what: &str, ready: impl Fn(&Self) -> bool) -> Result<(), Lost> {
        let mut steps = 0;
        while !ready(self) {
            self.client.pump()?;
            self.server.pump()?;
            assert!(self.bench.platform.patient(steps), "{what} did not come");
            steps += 1;
            self.bench.platform.step();
        }
        Ok(())
    }

    /// A question and its answer.
    fn ask(&mut self, question: Vec<u8>) -> Result<Vec<u8>, Lost> {
        self.client.send(question)?;
        let mut steps = 0;
        loop {
            self.client.pump()?;
            self.server.pump()?;
            if let Some(question) = self.server.take() {
                self.serve(&question)?;
            }
            if let Some(answer) = self.client.take() {
                return Ok(answer);
            }
            assert!(self.bench.platform.patient(steps), "no answer came");
            steps += 1;
            self.bench.platform.step();
        }
    }

    fn serve(&mut self, question: &[u8]) -> Result<(), Lost> {
        let (kind, invalidate, rest) = (question[0], question[1] != 0, &question[2..]);
        if kind == Ask::Echo as u8 {
            return self.server.send(question.to_vec());
        }
        let mut at = OFFSET;
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("4 bytes"));
        for (index, bytes) in rest.chunks_exact(BufferDescriptor::SIZE).enumerate() {
            let descriptor = BufferDescriptor {
                offset: u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")),
                token: word(&bytes[8..12]),
                length: word(&bytes[12..]),
            };
            let end = at + descriptor.length as usize;
            let write = kind == Ask::Store as u8;
            self.server
                .transfer(self.theirs, at..end, descriptor, write)?;
            at = end;
            if invalidate && index == 0 {
                // As ksmbd and Windows do, the first alone.
                self.server.give_up(descriptor.token);
            }
        }
        if kind == Ask::Fetch as u8 {
            let mut data = vec![0; at - OFFSET];
            self.server.copy_out(self.theirs, OFFSET, &mut data);
            data.iter_mut().for_each(|byte| *byte = changed(*byte));
            self.server.fill(self.theirs, OFFSET, &data);
        }
        self.server.send(vec![kind; 40])
    }

    /// Lends a part, has the server use it, and takes it back.
    fn lend(&mut self, ask: Ask, part: Range<usize>, invalidate: bool) -> Result<(), Lost> {
        let access = if ask == Ask::Store {
            Access::Write
        } else {
            Access::Read
        };
        let lent = self.client.lend(&self.ours, part, access)?;
        let mut question = vec![ask as u8, invalidate.into()];
        question.extend(lent.descriptors.iter().flat_map(BufferDescriptor::encode));
        let answer = self.ask(question)?;
        assert_eq!(answer, vec![ask as u8; 40]);
        self.client.take_back(lent)
    }

    pub(super) fn close(mut self) {
        self.client.end();
        self.server.end();
        // After what came of it, and before its adapter, which waits for it.
        let bench = self.bench;
        close!(bench, self.listener, NdkCloseListener);
        self.client.close_adapter();
        self.server.close_adapter();
    }
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(31) >> 3 ^ at ^ seed) as u8)
        .collect()
}

/// Moves data both ways, and says what was used.
///
/// # Panics
/// When anything fails, or data comes changed in another way than it has to.
pub fn converse<'b>(bench: &'b Bench<'b>) -> String {
    // An MDL describes 8 MiB and a little.
    let longest = OFFSET + LENGTHS[LENGTHS.len() - 1];
    let mut pair = Pair::new(bench, Options::default(), longest).expect("a connection");
    let run = |pair: &mut Pair<'b>| -> Result<(), Lost> {
        for length in [2, 1340, 1341, 100_000] {
            let mut question = pattern(length, length);
            question[0] = Ask::Echo as u8;
            assert!(
                pair.ask(question.clone())? == question,
                "an echo of {length}"
            );
        }
        for (seed, length) in LENGTHS.into_iter().enumerate() {
            for invalidate in [false, true] {
                let data = pattern(length, seed);
                pair.client.fill(pair.ours, OFFSET, &data);
                let part = OFFSET..OFFSET + length;
                pair.lend(Ask::Fetch, part.clone(), invalidate)?;
                pair.lend(Ask::Store, part, invalidate)?;
                let mut back = vec![0; length];
                pair.client.copy_out(pair.ours, OFFSET, &mut back);
                let wanted: Vec<u8> = data.iter().map(|byte| changed(*byte)).collect();
                assert!(back == wanted, "{length} bytes came back otherwise");
            }
        }
        Ok(())
    };
    run(&mut pair).expect("a conversation");
    let (used, counts) = (pair.client.used(), pair.client.counts());
    let transfers = 2 * LENGTHS.len() as u64;
    assert_eq!(used.invalidated_remotely, transfers, "{used:?}");
    assert_eq!(
        used.registered,
        used.invalidated_remotely + used.invalidated_locally,
        "{used:?}"
    );
    assert_eq!(counts.fragmented, (2, 2), "{counts:?}");
    pair.close();
    format!("{used:?}, {counts:?}")
}
