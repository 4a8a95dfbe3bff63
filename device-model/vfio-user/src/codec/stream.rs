//! A byte stream with descriptors, cut into messages.
//!
//! A socket read gives some bytes and perhaps descriptors; a message may come in any number of reads, and a read may hold any number of
//! messages. The kernel never joins bytes sent after a descriptor to the read that delivers it, but does join bytes sent before. So the
//! descriptors of a read belong to the message that holds its last byte.
//!
//! Two kinds of wrong are kept apart. A header that cannot be one ([`FramingError`]) leaves no way to find the next message: the stream is
//! over. Any other wrong message has a size that can be believed: exactly that many bytes are consumed, without storing more than the command
//! could need, and the message comes out as an errno to answer with.

use super::header::{
    Command, FLAG_NO_REPLY, FLAG_TYPE_COMMAND, FLAG_TYPE_MASK, FLAG_TYPE_REPLY, HEADER_SIZE, Header,
};
use super::request;
use crate::Errno;
use crate::limits::{MAX_HELD_FDS, MAX_MESSAGE_SIZE};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use thiserror::Error;
use zerocopy::FromBytes;

/// The least room offered to a read.
const CHUNK: usize = 16 * 1024;
/// A buffer that grew past this for one message is given back.
const KEEP: usize = 64 * 1024;

/// The stream can no longer be cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// A message would be shorter than its header.
    #[error("message {command} claims {size} bytes, less than a header")]
    TooShort {
        /// Claimed command.
        command: Command,
        /// Claimed size.
        size: u32,
    },
    /// A message would be larger than any the server offered to take.
    #[error(
        "message {command} claims {size} bytes, more than the {MAX_MESSAGE_SIZE} of the largest message"
    )]
    TooLong {
        /// Claimed command.
        command: Command,
        /// Claimed size.
        size: u32,
    },
    /// The type is neither command nor reply.
    #[error("message {command} has flags {flags:#x}: neither a command nor a reply")]
    BadType {
        /// Claimed command.
        command: Command,
        /// Claimed flags.
        flags: u32,
    },
    /// More descriptors than any message may have, and no message complete.
    #[error("more than {MAX_HELD_FDS} file descriptors with incomplete messages")]
    TooManyFds,
    /// The caller claimed to have written more bytes than there was room.
    #[error("the reader reported more bytes than the buffer holds")]
    Overrun,
}

/// One message, cut out of the stream.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header, or why the message is refused whatever it holds.
    pub body: Result<&'a [u8], Errno>,
    /// The descriptors that came with it.
    pub fds: Vec<OwnedFd>,
}

#[derive(Clone, Copy)]
enum State {
    /// The next byte begins a header.
    Header,
    /// The header is read but not consumed; the body is wanted.
    Body(Header, usize),
    /// The message is refused; this many bytes of it are still to be thrown away.
    Skip(Header, Errno, usize),
}

/// The decoder. Read into [`space`](Decoder::space), report with [`filled`](Decoder::filled), then call [`next`](Decoder::next) until it has
/// nothing; only then read again.
pub struct Decoder {
    /// Bytes read and not consumed are `buf[start..end]`.
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream position of `buf[start]`.
    position: u64,
    /// Descriptors, each with the stream position of the last byte of the read that brought it.
    fds: VecDeque<(u64, OwnedFd)>,
    state: State,
    /// Once set, the answer to everything.
    failed: Option<FramingError>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Decoder {
        Decoder {
            buf: vec![0; CHUNK],
            start: 0,
            end: 0,
            position: 0,
            fds: VecDeque::new(),
            state: State::Header,
            failed: None,
        }
    }

    /// Room for the next read, never empty. It grows with what has arrived, not with what a header claims.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.buf.len() > KEEP {
                self.buf.truncate(CHUNK);
                self.buf.shrink_to_fit();
            }
        }
        if self.buf.len() - self.end < CHUNK {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buf.len() - self.end < CHUNK {
            // At most one incomplete message is here, so this stays below MAX_MESSAGE_SIZE and two chunks.
            let most = self.wanted().max(self.end) + CHUNK;
            let len = (self.buf.len() * 2).clamp(self.end + CHUNK, most.max(self.end + CHUNK));
            self.buf.reserve_exact(len - self.buf.len());
            self.buf.resize(len, 0);
        }
        self.buf.get_mut(self.end..).unwrap_or_default()
    }

    /// Bytes the message under way needs in the buffer.
    fn wanted(&self) -> usize {
        match self.state {
            State::Body(_, size) => size,
            State::Header | State::Skip(..) => HEADER_SIZE,
        }
    }

    /// Reports a read: `n` bytes were written to the front of [`space`](Decoder::space), and `fds` came with them.
    ///
    /// # Errors
    /// If the peer sent more descriptors than messages may have; they are closed.
    pub fn filled(&mut self, n: usize, fds: Vec<OwnedFd>) -> Result<(), FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if n > self.buf.len() - self.end {
            return Err(self.fail(FramingError::Overrun));
        }
        self.end += n;
        if fds.is_empty() {
            return Ok(());
        }
        if self.fds.len() + fds.len() > MAX_HELD_FDS {
            return Err(self.fail(FramingError::TooManyFds));
        }
        let last = self.position + (self.end - self.start).saturating_sub(1) as u64;
        self.fds.extend(fds.into_iter().map(|fd| (last, fd)));
        Ok(())
    }

    /// Copies a read in. For callers that have the bytes already.
    ///
    /// # Errors
    /// As [`filled`](Decoder::filled).
    pub fn feed(&mut self, mut bytes: &[u8], fds: Vec<OwnedFd>) -> Result<(), FramingError> {
        while bytes.len() > CHUNK {
            let (now, later) = bytes.split_at(CHUNK);
            self.copy_in(now, Vec::new())?;
            bytes = later;
        }
        self.copy_in(bytes, fds)
    }

    fn copy_in(&mut self, bytes: &[u8], fds: Vec<OwnedFd>) -> Result<(), FramingError> {
        match self.space().get_mut(..bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => return Err(self.fail(FramingError::Overrun)),
        }
        self.filled(bytes.len(), fds)
    }

    /// Bytes of memory the decoder holds for the stream.
    pub fn memory(&self) -> usize {
        self.buf.capacity()
    }

    /// Whether a message has begun and not ended.
    pub fn is_mid_message(&self) -> bool {
        self.start != self.end || !matches!(self.state, State::Header)
    }

    /// The next message, or `None` if more bytes are needed first.
    ///
    /// # Errors
    /// If the stream cannot be cut into messages; the same error for ever after.
    #[allow(clippy::should_implement_trait)] // The message borrows the buffer: this cannot be an Iterator.
    pub fn next(&mut self) -> Result<Option<Message<'_>>, FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        loop {
            let available = self.end - self.start;
            match self.state {
                State::Header => {
                    let bytes = self.buf.get(self.start..self.end).unwrap_or_default();
                    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
                        return Ok(None);
                    };
                    self.state = match classify(&header) {
                        Ok(state) => state,
                        Err(error) => return Err(self.fail(error)),
                    };
                }
                State::Body(header, size) => {
                    if available < size {
                        return Ok(None);
                    }
                    let body = self.start + HEADER_SIZE..self.start + size;
                    let fds = self.consume(size);
                    self.state = State::Header;
                    return Ok(Some(Message {
                        header,
                        body: Ok(self.buf.get(body).unwrap_or_default()),
                        fds,
                    }));
                }
                State::Skip(header, errno, left) => {
                    let now = left.min(available);
                    // The descriptors of a refused message are closed as they come.
                    drop(self.consume(now));
                    if now < left {
                        self.state = State::Skip(header, errno, left - now);
                        return Ok(None);
                    }
                    self.state = State::Header;
                    return Ok(Some(Message {
                        header,
                        body: Err(errno),
                        fds: Vec::new(),
                    }));
                }
            }
        }
    }

    /// Steps over `n` bytes and takes the descriptors that came with them.
    fn consume(&mut self, n: usize) -> Vec<OwnedFd> {
        self.start += n;
        self.position += n as u64;
        let mut fds = Vec::new();
        while let Some((_, fd)) = self.fds.pop_front_if(|(at, _)| *at < self.position) {
            fds.push(fd);
        }
        fds
    }

    fn fail(&mut self, error: FramingError) -> FramingError {
        self.failed = Some(error);
        self.fds.clear();
        error
    }
}

/// What to do with a message, from its header alone.
fn classify(header: &Header) -> Result<State, FramingError> {
    let (command, size) = (header.command, header.size);
    let length = usize::try_from(size).map_err(|_| FramingError::TooLong { command, size })?;
    let Some(body) = length.checked_sub(HEADER_SIZE) else {
        return Err(FramingError::TooShort { command, size });
    };
    if size > MAX_MESSAGE_SIZE {
        return Err(FramingError::TooLong { command, size });
    }
    let skip = |errno| Ok(State::Skip(*header, errno, length));
    match header.flags & FLAG_TYPE_MASK {
        FLAG_TYPE_COMMAND => {}
        // The server sends no commands, so there is nothing that a reply could answer. Its body is of no interest.
        FLAG_TYPE_REPLY => return skip(Errno::EINVAL),
        _ => {
            return Err(FramingError::BadType {
                command,
                flags: header.flags,
            });
        }
    }
    if header.flags & !(FLAG_TYPE_MASK | FLAG_NO_REPLY) != 0 {
        return skip(Errno::EINVAL);
    }
    match request::body_sizes(command) {
        Ok(sizes) if sizes.contains(&body) => Ok(State::Body(*header, length)),
        Ok(_) => skip(Errno::EINVAL),
        Err(errno) => skip(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn message(command: Command, flags: u32, size: u32, body: &[u8]) -> Vec<u8> {
        let header = Header {
            message_id: 7,
            command,
            size,
            flags,
            error: 0,
        };
        [header.as_bytes(), body].concat()
    }

    fn fd() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn descriptors_of_a_read_belong_to_its_last_message() {
        let reset = message(Command::DEVICE_RESET, 0, 16, &[]);
        let map = message(Command::DMA_MAP, 0, 48, &[0; 32]);
        let mut decoder = Decoder::new();
        // Bytes sent before the descriptor come in the same read; the message that it was sent with is not complete.
        decoder
            .feed(&[&reset[..], &map[..5]].concat(), vec![fd()])
            .unwrap();
        let first = decoder.next().unwrap().unwrap();
        assert_eq!(
            (first.header.command, first.fds.len()),
            (Command::DEVICE_RESET, 0)
        );
        assert!(decoder.next().unwrap().is_none());
        decoder.feed(&map[5..], vec![]).unwrap();
        let second = decoder.next().unwrap().unwrap();
        assert_eq!(
            (second.header.command, second.fds.len()),
            (Command::DMA_MAP, 1)
        );
        assert!(!decoder.is_mid_message());
    }

    #[test]
    fn a_claimed_size_reserves_nothing() {
        let size = MAX_MESSAGE_SIZE;
        let mut decoder = Decoder::new();
        let header = message(Command::REGION_WRITE, 0, size, &[]);
        decoder.feed(&header, vec![]).unwrap();
        assert!(decoder.next().unwrap().is_none());
        decoder.space();
        assert!(decoder.memory() <= 2 * CHUNK, "{}", decoder.memory());
    }

    #[test]
    fn a_large_message_is_whole_and_its_memory_is_given_back() {
        let size = MAX_MESSAGE_SIZE as usize;
        let mut decoder = Decoder::new();
        let body: Vec<u8> = (0..size - 16).map(|i| i as u8).collect();
        let whole = message(Command::REGION_WRITE, 0, size as u32, &body);
        let mut most = 0;
        for piece in whole.chunks(10_000) {
            assert!(decoder.is_mid_message() || most == 0);
            decoder.feed(piece, vec![]).unwrap();
            most = most.max(decoder.memory());
            if decoder.end - decoder.start < size {
                assert!(decoder.next().unwrap().is_none());
            }
        }
        assert_eq!(decoder.next().unwrap().unwrap().body, Ok(&body[..]));
        assert!(most <= size + 2 * CHUNK, "{most}");
        decoder.space();
        assert!(decoder.memory() <= KEEP);
    }

    #[test]
    fn a_refused_message_is_not_stored() {
        let mut decoder = Decoder::new();
        let whole = message(Command(999), 0, 1_000_016, &[1; 1_000_000]);
        for piece in whole.chunks(CHUNK) {
            decoder.feed(piece, vec![]).unwrap();
            if let Some(message) = decoder.next().unwrap() {
                assert_eq!(message.body, Err(Errno::ENOSYS));
            }
        }
        assert!(!decoder.is_mid_message());
        assert!(decoder.memory() <= 2 * CHUNK);
    }

    #[test]
    fn errors_that_end_the_stream_are_final() {
        for (bytes, want) in [
            (
                message(Command::VERSION, 0, 15, &[]),
                FramingError::TooShort {
                    command: Command::VERSION,
                    size: 15,
                },
            ),
            (
                message(Command::VERSION, 0, MAX_MESSAGE_SIZE + 1, &[]),
                FramingError::TooLong {
                    command: Command::VERSION,
                    size: MAX_MESSAGE_SIZE + 1,
                },
            ),
            (
                message(Command::VERSION, 2, 16, &[]),
                FramingError::BadType {
                    command: Command::VERSION,
                    flags: 2,
                },
            ),
        ] {
            let mut decoder = Decoder::new();
            decoder.feed(&bytes, vec![]).unwrap();
            assert_eq!(decoder.next().unwrap_err(), want);
            assert_eq!(decoder.feed(b"x", vec![]), Err(want));
            assert_eq!(decoder.next().unwrap_err(), want);
        }
    }

    #[test]
    fn descriptors_without_a_message_are_bounded() {
        let mut decoder = Decoder::new();
        let start = message(Command::DMA_MAP, 0, 48, &[]);
        decoder.feed(&start, vec![]).unwrap();
        let mut accepted = 0;
        let error = loop {
            match decoder.feed(
                &[0],
                vec![fd(), fd(), fd(), fd(), fd(), fd(), fd(), fd(), fd(), fd()],
            ) {
                Ok(()) => accepted += 10,
                Err(error) => break error,
            }
            assert!(decoder.next().unwrap().is_none());
        };
        assert_eq!(error, FramingError::TooManyFds);
        assert_eq!(accepted, MAX_HELD_FDS / 10 * 10);
        assert!(decoder.fds.is_empty());
    }
}
