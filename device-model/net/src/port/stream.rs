//! A unix stream: frames one after the other, each behind its length in four octets, the most
//! significant first, as QEMU's `-netdev stream,addr.type=unix` has them.
//!
//! One side listens, the other connects; whoever connects tries again when the partner goes away.
//! A listener serves one partner at a time, and a new one when that has gone. A partner that sends
//! a length that no frame has is cut off: nothing after it can be understood.
//! Tests: below.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vmm_sys_util::epoll::EventSet;

use super::socket_file::{Kind, SocketFile};
use super::{BATCH, Frames, Link, LinkCounters, MAX_FRAME, RoomWatch, Watch, batch, means_full};

/// Octets of the length before each frame.
const PREFIX: usize = 4;
/// Octets taken from the host at once at most.
const BUFFER: usize = 4 * (MAX_FRAME + PREFIX);
/// Asked of the host.
const SOCKET_BUFFER: libc::c_int = 1 << 20;
/// How long after a failure to look for the partner again.
const RETRY: Duration = Duration::from_millis(200);

enum Side {
    Listen {
        listener: UnixListener,
        _file: SocketFile,
    },
    Connect {
        path: PathBuf,
        /// Not before this.
        next: Option<Instant>,
    },
}

struct Partner {
    stream: UnixStream,
    room: RoomWatch,
    /// Octets of the first frame to leave, its length included, that have left.
    partial: usize,
}

/// A unix stream link.
pub struct StreamLink {
    side: Side,
    partner: Option<Partner>,
    watch: Watch,
    buffer: Box<[u8]>,
    /// What of the buffer is filled and not taken.
    start: usize,
    end: usize,
    counters: LinkCounters,
}

impl StreamLink {
    /// Waits for a partner at `path`.
    ///
    /// # Errors
    /// As [`super::dgram::DgramLink::new`].
    pub fn listen(path: &Path) -> io::Result<Self> {
        let bind = |path: &Path| UnixListener::bind(path);
        let (listener, file) = SocketFile::bind(path, Kind::Stream, bind)?;
        listener.set_nonblocking(true)?;
        let link = Self::new(Side::Listen {
            listener,
            _file: file,
        })?;
        link.watch_listener(true)?;
        Ok(link)
    }

    /// Connects to a partner at `path`, now or as soon as it is there.
    ///
    /// # Errors
    /// If the host has no descriptor.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let mut link = Self::new(Side::Connect {
            path: path.to_owned(),
            next: None,
        })?;
        link.find_partner()?;
        Ok(link)
    }

    fn new(side: Side) -> io::Result<Self> {
        Ok(Self {
            side,
            partner: None,
            watch: Watch::new()?,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            counters: LinkCounters::default(),
        })
    }

    /// Whether a partner is there.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.partner.is_some()
    }

    fn watch_listener(&self, on: bool) -> io::Result<()> {
        match &self.side {
            Side::Listen { listener, .. } if on => {
                self.watch.add(listener.as_raw_fd(), EventSet::IN)
            }
            Side::Listen { listener, .. } => self.watch.remove(listener.as_raw_fd()),
            Side::Connect { .. } => Ok(()),
        }
    }

    /// Looks for a partner if there is none.
    fn find_partner(&mut self) -> io::Result<()> {
        if self.partner.is_some() {
            return Ok(());
        }
        let found = match &mut self.side {
            Side::Listen { listener, .. } => listener.accept().map(|(stream, _)| stream),
            Side::Connect { path, next } => {
                let now = Instant::now();
                if next.is_some_and(|at| now < at) {
                    return Ok(());
                }
                *next = Some(now + RETRY);
                UnixStream::connect(path)
            }
        };
        let stream = match found {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock
                        | ErrorKind::Interrupted
                        | ErrorKind::NotFound
                        | ErrorKind::ConnectionRefused
                        | ErrorKind::ConnectionAborted
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        batch::set_buffers(stream.as_raw_fd(), SOCKET_BUFFER);
        self.watch_listener(false)?;
        self.watch.add(stream.as_raw_fd(), EventSet::IN)?;
        (self.start, self.end) = (0, 0);
        self.partner = Some(Partner {
            stream,
            room: RoomWatch::new(),
            partial: 0,
        });
        log::info!("a stream partner is there");
        Ok(())
    }

    /// Lets the partner go. A frame that left in part is lost with it.
    fn part(&mut self, frames: Option<&mut Frames>) -> io::Result<()> {
        let Some(partner) = self.partner.take() else {
            return Ok(());
        };
        if let Some(frames) = frames
            && partner.partial > 0
            && frames.pop_front().is_some()
        {
            self.counters.lost += 1;
        }
        (self.start, self.end) = (0, 0);
        log::info!("the stream partner has gone");
        self.watch.remove(partner.stream.as_raw_fd())?;
        self.watch_listener(true)
    }

    /// The next whole frame in the buffer, as its place there; an error for a length of no frame.
    fn next_frame(&self) -> io::Result<Option<(usize, usize)>> {
        let held = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some((prefix, rest)) = held.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if length == 0 || length > MAX_FRAME {
            let what =
                format!("a stream partner announces a frame of {length} bytes; it is cut off");
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        let place = (self.start + PREFIX, length);
        Ok((rest.len() >= length).then_some(place))
    }

    /// Takes more from the host; false when there is nothing now.
    fn fill(&mut self) -> io::Result<bool> {
        let Some(partner) = &mut self.partner else {
            return Ok(false);
        };
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            return match partner.stream.read(room) {
                Ok(0) => self.part(None).map(|()| false),
                Ok(count) => {
                    self.end += count;
                    Ok(true)
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
                Err(error) => {
                    log::info!("the stream partner's socket fails: {error}");
                    self.part(None).map(|()| false)
                }
            };
        }
    }
}

impl Link for StreamLink {
    fn fd(&self) -> RawFd {
        self.watch.fd()
    }

    fn send(&mut self, frames: &mut Frames) -> io::Result<()> {
        self.find_partner()?;
        while !frames.is_empty() {
            let Some(partner) = &mut self.partner else {
                self.counters.lost += frames.len() as u64;
                frames.clear();
                return Ok(());
            };
            if frames
                .front()
                .is_some_and(|f| f.len() > MAX_FRAME || f.is_empty())
            {
                frames.pop_front();
                self.counters.lost += 1;
                continue;
            }
            let fd = partner.stream.as_raw_fd();
            let written = write(&mut partner.stream, frames, partner.partial);
            self.counters.calls += 1;
            match written {
                Ok(octets) => {
                    let mut left = partner.partial + octets;
                    while let Some(frame) = frames.front()
                        && left >= PREFIX + frame.len()
                    {
                        left -= PREFIX + frame.len();
                        frames.pop_front();
                        self.counters.sent += 1;
                    }
                    partner.partial = left;
                    if frames.is_empty() {
                        return partner.room.set(&self.watch, fd, true, false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if means_full(&error) => {
                    self.counters.full += 1;
                    return partner.room.set(&self.watch, fd, true, true);
                }
                Err(_) => self.part(Some(frames))?,
            }
        }
        Ok(())
    }

    fn receive(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
        self.find_partner()?;
        let mut any = false;
        for _ in 0..BATCH {
            let (start, length) = match self.next_frame() {
                Ok(Some(place)) => place,
                Ok(None) => {
                    if any || !self.fill()? {
                        break;
                    }
                    continue;
                }
                Err(error) => {
                    self.part(None)?;
                    return Err(error);
                }
            };
            let frame = self.buffer.get(start..start + length).unwrap_or_default();
            if !take(frame) {
                break;
            }
            self.start = start + length;
            self.counters.received += 1;
            any = true;
        }
        Ok(any)
    }

    fn holds_frames(&self) -> bool {
        matches!(self.next_frame(), Ok(Some(_)))
    }

    fn retry_at(&self) -> Option<Instant> {
        match &self.side {
            Side::Connect { next, .. } if self.partner.is_none() => *next,
            Side::Connect { .. } | Side::Listen { .. } => None,
        }
    }

    fn counters(&self) -> LinkCounters {
        self.counters
    }
}

/// Writes frames behind their lengths, without the first `skip` octets; how many octets.
fn write(stream: &mut UnixStream, frames: &Frames, mut skip: usize) -> io::Result<usize> {
    let mut prefixes = [[0; PREFIX]; BATCH];
    for (prefix, frame) in prefixes.iter_mut().zip(frames) {
        *prefix = u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes();
    }
    let mut parts = [IoSlice::new(&[]); 2 * BATCH];
    let mut count = 0;
    let pieces = prefixes
        .iter()
        .zip(frames)
        // What is no frame is for the next call to throw away.
        .take_while(|(_, frame)| (1..=MAX_FRAME).contains(&frame.len()))
        .flat_map(|(prefix, frame)| [&prefix[..], frame]);
    for (part, piece) in parts.iter_mut().zip(pieces) {
        let cut = skip.min(piece.len());
        skip -= cut;
        *part = IoSlice::new(piece.get(cut..).unwrap_or_default());
        count += 1;
    }
    stream.write_vectored(parts.get(..count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn pair() -> (tempfile::TempDir, StreamLink, StreamLink) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut listening = StreamLink::listen(&path).unwrap();
        let connecting = StreamLink::connect(&path).unwrap();
        listening.send(&mut Frames::new()).unwrap();
        assert!(listening.is_connected() && connecting.is_connected());
        (dir, listening, connecting)
    }

    #[test]
    fn frames_pass_both_ways_as_qemu_writes_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut link = StreamLink::listen(&path).unwrap();
        let mut qemu = UnixStream::connect(&path).unwrap();
        qemu.write_all(&[0, 0, 0, 3, 7, 8, 9, 0, 0]).unwrap();
        wait(&link);
        assert_eq!(drain(&mut link), [vec![7, 8, 9]]);
        qemu.write_all(&[0, 2, 1]).unwrap();
        assert_eq!(drain(&mut link), Vec::<Vec<u8>>::new());
        qemu.write_all(&[2]).unwrap();
        assert_eq!(drain(&mut link), [vec![1, 2]]);
        link.send(&mut queue([vec![5; 300], vec![6]])).unwrap();
        let mut bytes = [0; 309];
        qemu.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[..5], [0, 0, 1, 44, 5]);
        assert_eq!(bytes[304..], [0, 0, 0, 1, 6]);
    }

    #[test]
    fn a_full_partner_holds_frames_back_and_loses_none() {
        let (_dir, mut left, mut right) = pair();
        nothing_is_lost_when_the_host_is_full(&mut right, &mut left);
        let (_dir, mut left, mut right) = pair();
        nothing_is_lost_when_the_host_is_full(&mut left, &mut right);
    }

    #[test]
    fn the_longest_frame_passes_and_longer_ones_do_not() {
        let (_dir, mut left, mut right) = pair();
        let frames = [vec![1; MAX_FRAME], vec![2; 60]];
        let mut out = queue([
            vec![0; MAX_FRAME + 1],
            frames[0].clone(),
            vec![],
            frames[1].clone(),
        ]);
        let mut came = Vec::new();
        while came.len() < 2 {
            left.send(&mut out).unwrap();
            came.extend(drain(&mut right));
        }
        assert_eq!(came, frames);
        assert_eq!(left.counters().lost, 2);
    }

    #[test]
    fn a_length_of_no_frame_ends_the_connection_and_not_the_link() {
        for length in [0u32, 65_537, u32::MAX] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let mut link = StreamLink::listen(&path).unwrap();
            let mut bad = UnixStream::connect(&path).unwrap();
            bad.write_all(&length.to_be_bytes()).unwrap();
            wait(&link);
            let error = link.receive(&mut |_| true).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(!link.is_connected());
            let mut good = UnixStream::connect(&path).unwrap();
            good.write_all(&[0, 0, 0, 1, 9]).unwrap();
            wait(&link);
            assert_eq!(drain(&mut link), [vec![9]]);
        }
    }

    #[test]
    fn a_partner_that_goes_in_the_middle_of_a_frame_is_followed_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut link = StreamLink::listen(&path).unwrap();
        let mut first = UnixStream::connect(&path).unwrap();
        first.write_all(&[0, 0, 0, 9, 1]).unwrap();
        assert_eq!(drain(&mut link), Vec::<Vec<u8>>::new());
        let mut second = UnixStream::connect(&path).unwrap();
        second.write_all(&[0, 0, 0, 1, 2]).unwrap();
        assert_eq!(drain(&mut link), Vec::<Vec<u8>>::new(), "one at a time");
        drop(first);
        assert_eq!(drain(&mut link), Vec::<Vec<u8>>::new());
        wait(&link);
        assert_eq!(drain(&mut link), [vec![2]]);
    }

    #[test]
    fn whoever_connects_finds_a_partner_that_comes_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut link = StreamLink::connect(&path).unwrap();
        link.send(&mut queue([vec![1; 60]])).unwrap();
        assert_eq!(link.counters().lost, 1);
        let mut listening = StreamLink::listen(&path).unwrap();
        while !link.is_connected() {
            let at = link.retry_at().unwrap();
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            link.send(&mut Frames::new()).unwrap();
        }
        assert!(link.retry_at().is_none());
        link.send(&mut queue([vec![2; 60]])).unwrap();
        assert_eq!(drain(&mut listening), [vec![2; 60]]);
    }

    /// What a reader that has all bytes at once makes of them: frames, and whether the rest is nonsense.
    fn reference(mut bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let mut frames = Vec::new();
        while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
            let length = u32::from_be_bytes(*prefix) as usize;
            if length == 0 || length > MAX_FRAME {
                return (frames, true);
            }
            let Some((frame, later)) = rest.split_at_checked(length) else {
                break;
            };
            frames.push(frame.to_vec());
            bytes = later;
        }
        (frames, false)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// However the bytes are cut, and whatever they are, the frames are those of a reader that has them all.
        #[test]
        fn any_bytes_in_any_pieces(
            frames in proptest::collection::vec(proptest::collection::vec(0u8.., 0..300), 0..12),
            noise in proptest::option::of((0usize..2000, 0u8..)),
            cuts in proptest::collection::vec(1usize..400, 1..20),
        ) {
            let mut bytes = Vec::new();
            for frame in &frames {
                bytes.extend(u32::try_from(frame.len()).unwrap().to_be_bytes());
                bytes.extend(frame);
            }
            if let Some((at, value)) = noise
                && let Some(octet) = bytes.get_mut(at)
            {
                *octet = value;
            }
            let (want, ends) = reference(&bytes);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s");
            let mut link = StreamLink::listen(&path).unwrap();
            let mut partner = UnixStream::connect(&path).unwrap();
            let (mut came, mut ended) = (Vec::new(), false);
            let mut cuts = cuts.iter().cycle();
            let mut rest = &bytes[..];
            // Once more at the end, for what the last piece completed.
            for _ in 0..=bytes.len() {
                let (piece, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                // A partner that is cut off cannot write any more.
                if partner.write_all(piece).is_err() {
                    break;
                }
                rest = later;
                loop {
                    let mut take = |frame: &[u8]| {
                        came.push(frame.to_vec());
                        true
                    };
                    match link.receive(&mut take) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => {
                            proptest::prop_assert_eq!(error.kind(), ErrorKind::InvalidData);
                            ended = true;
                            break;
                        }
                    }
                }
                if ended || rest.is_empty() {
                    break;
                }
            }
            proptest::prop_assert_eq!(came, want);
            proptest::prop_assert_eq!(ended, ends);
        }
    }
}
