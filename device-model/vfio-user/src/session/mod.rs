//! One client's conversation, sans-I/O: bytes and descriptors in, calls on the backend, bytes and descriptors out.
//!
//! ```text
//!  space/filled -> Decoder -> Message -> Request -> dispatch -> Backend
//!                                                      |
//!  chunk/sent   <- Output  <- replies, DMA replies in their own order
//! ```

mod dispatch;
mod output;
mod replies;

use crate::backend::{Backend, UnmapToken};
use crate::codec::header::{Command, Header};
use crate::codec::{Capabilities, Decoder, FramingError};
use crate::dma::DmaMaps;
use crate::limits::MAX_DMA_MAPS;
use crate::{Errno, limits};
use output::Output;
pub use output::OutputChunk;
use replies::DmaReplies;
use std::io;
use std::os::fd::OwnedFd;
use thiserror::Error;

/// What the two sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The minor version; the major version is 0.
    pub minor: u16,
    /// What the client said it can take.
    pub client: Capabilities,
    /// What the server offered.
    pub server: Capabilities,
}

/// Why a connection is over.
#[derive(Debug, Error)]
pub enum CloseReason {
    /// The client closed its end between two messages. The usual end.
    #[error("the client disconnected")]
    ClientClosed,
    /// The client closed its end in the middle of a message.
    #[error("the client disconnected in the middle of a message")]
    ClientClosedMidMessage,
    /// The stream cannot be cut into messages.
    #[error("the client sent no vfio-user message: {0}")]
    Framing(#[from] FramingError),
    /// The first message was another one than VERSION, or a VERSION that cannot be agreed to. It was answered with the errno.
    #[error("no version could be agreed on, first message {command}: {errno}")]
    Version {
        /// The first message.
        command: Command,
        /// The answer.
        errno: Errno,
    },
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// The server closed the connection.
    #[error("closed by the server")]
    Server,
}

/// What became of one [`Session::step`].
#[derive(Debug)]
pub enum Step {
    /// A message was served.
    Served {
        /// Data bytes that it moved.
        bytes: usize,
        /// Operations that it stood for: 1, or the number of writes in REGION_WRITE_MULTI.
        operations: usize,
    },
    /// More bytes are needed.
    NeedInput,
    /// Replies must be sent before more is served.
    OutputFull,
    /// Unmaps must be completed before more is served.
    WaitingForUnmap,
    /// The connection is over. The backend has been told.
    Closed(CloseReason),
}

/// What happened so far. All counts wrap only in theory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages served, good and bad.
    pub messages: u64,
    /// Commands refused by the session or the backend, whether or not the client wanted a reply.
    pub refused: u64,
    /// Replies to commands that were never sent; dropped.
    pub unexpected_replies: u64,
}

#[derive(Debug)]
enum Phase {
    /// VERSION is awaited.
    Greeting,
    /// Served.
    Ready(Negotiated),
    /// Over.
    Closed,
}

/// The session. Everything but the decoder is in `core`, so that a message that borrows the decoder can be served.
pub struct Session {
    decoder: Decoder,
    core: Core,
}

pub(crate) struct Core {
    phase: Phase,
    maps: DmaMaps,
    output: Output,
    dma_replies: DmaReplies,
    stats: Stats,
}

impl Default for Session {
    fn default() -> Session {
        Session::new()
    }
}

impl Session {
    /// A session with a client that has said nothing yet.
    pub fn new() -> Session {
        Session {
            decoder: Decoder::new(),
            core: Core {
                phase: Phase::Greeting,
                maps: DmaMaps::new(MAX_DMA_MAPS),
                output: Output::default(),
                dma_replies: DmaReplies::default(),
                stats: Stats::default(),
            },
        }
    }

    /// Room for the next read; see [`Decoder::space`]. Call only when [`step`](Session::step) says [`Step::NeedInput`].
    pub fn space(&mut self) -> &mut [u8] {
        self.decoder.space()
    }

    /// Reports a read; see [`Decoder::filled`]. An error shows in the next step.
    pub fn filled(&mut self, n: usize, fds: Vec<OwnedFd>) {
        // The decoder remembers a failure and reports it from next().
        let _ = self.decoder.filled(n, fds);
    }

    /// Copies a read in; see [`Decoder::feed`].
    pub fn feed(&mut self, bytes: &[u8], fds: Vec<OwnedFd>) {
        // As above.
        let _ = self.decoder.feed(bytes, fds);
    }

    /// Serves at most one message.
    pub fn step<B: Backend + ?Sized>(&mut self, backend: &mut B) -> Step {
        if matches!(self.core.phase, Phase::Closed) {
            return Step::Closed(CloseReason::Server);
        }
        if self.core.output.bytes() >= limits::OUTPUT_HIGH_WATER {
            return Step::OutputFull;
        }
        if self.core.dma_replies.must_wait() {
            return Step::WaitingForUnmap;
        }
        let reason = match self.decoder.next() {
            Ok(None) => return Step::NeedInput,
            Ok(Some(message)) => match self.core.serve(message, backend) {
                Ok((bytes, operations)) => return Step::Served { bytes, operations },
                Err(reason) => reason,
            },
            Err(error) => CloseReason::Framing(error),
        };
        self.close(backend);
        Step::Closed(reason)
    }

    /// The backend has ended the accesses for which it answered [`Pending`](crate::UnmapOutcome::Pending). Says whether this session waits for
    /// the token; it does not if its client has gone since.
    pub fn complete_unmap(&mut self, token: UnmapToken) -> bool {
        let known = self.core.dma_replies.complete(token);
        self.core.release_dma_replies();
        known
    }

    /// Unmaps that the backend has not completed.
    pub fn pending_unmaps(&self) -> usize {
        self.core.dma_replies.waiting()
    }

    /// What to send next. One chunk, or what is left of it, goes into one `sendmsg` alone: chunks must not be joined.
    pub fn output(&self) -> Option<OutputChunk<'_>> {
        self.core.output.chunk()
    }

    /// Reports that `n` bytes of the chunk, and its descriptor, were sent.
    pub fn sent(&mut self, n: usize) {
        self.core.output.sent(n);
    }

    /// Bytes of replies not sent yet.
    pub fn output_bytes(&self) -> usize {
        self.core.output.bytes()
    }

    /// Bytes of memory the session holds for its client's messages and replies.
    pub fn memory(&self) -> usize {
        self.decoder.memory() + self.core.output.bytes() + self.core.dma_replies.bytes()
    }

    /// Why the stream is at its end, when it is.
    pub fn end_of_stream(&self) -> CloseReason {
        if self.decoder.is_mid_message() {
            CloseReason::ClientClosedMidMessage
        } else {
            CloseReason::ClientClosed
        }
    }

    /// What was agreed on, once it was.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        match &self.core.phase {
            Phase::Ready(negotiated) => Some(negotiated),
            Phase::Greeting | Phase::Closed => None,
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.core.stats
    }

    /// Ends the session. The backend is told, once, if it was told of a client. Replies that are due can still be taken.
    pub fn close<B: Backend + ?Sized>(&mut self, backend: &mut B) {
        let phase = std::mem::replace(&mut self.core.phase, Phase::Closed);
        if matches!(phase, Phase::Ready(_)) {
            self.core.maps.unmap_all();
            self.core.dma_replies = DmaReplies::default();
            backend.disconnected();
        }
    }
}

impl Core {
    fn reply(&mut self, bytes: Vec<u8>) {
        self.output.push(bytes, None);
    }

    /// Queues a reply to DMA_MAP or DMA_UNMAP behind those that wait.
    fn dma_reply(&mut self, bytes: Vec<u8>) {
        self.dma_replies.push_ready(bytes);
        self.release_dma_replies();
    }

    fn release_dma_replies(&mut self) {
        while let Some(bytes) = self.dma_replies.pop_ready() {
            self.reply(bytes);
        }
    }

    /// Counts a refused command and says whether it wants to know.
    fn refused(&mut self, header: &Header, errno: Errno) -> bool {
        self.stats.refused += 1;
        log::debug!(
            "refused message {} {} of {} bytes: {errno}",
            header.message_id,
            header.command,
            header.size
        );
        !header.no_reply()
    }
}
