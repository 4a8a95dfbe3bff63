//! Unix datagrams, a frame each, as QEMU's `-netdev dgram,local.type=unix,remote.type=unix` has them.
//!
//! Frames come by a socket bound to our path, from anybody who can reach it. They leave by a
//! second one that is connected to the partner's path, because only a connected datagram socket
//! tells when its partner has room again; it is connected anew when the partner was replaced. A
//! partner whose own socket is connected to our path takes frames from the bound socket alone
//! (unix(7)), so then that one is connected, and gives and takes.
//! Tests: below.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use vmm_sys_util::epoll::EventSet;

use super::batch::{self, Inbox};
use super::socket_file::{Kind, SocketFile};
use super::{Frames, Link, LinkCounters, RoomWatch, Watch, means_full, means_lost};

/// Asked of the host for each socket: a window of long frames.
const BUFFER: libc::c_int = 1 << 20;

/// What frames leave by.
enum Sender {
    /// A socket of their own.
    Own(UnixDatagram),
    /// The one that they come by.
    Bound,
}

/// A unix datagram link.
pub struct DgramLink {
    receiver: UnixDatagram,
    sender: Option<Sender>,
    remote: PathBuf,
    watch: Watch,
    room: RoomWatch,
    inbox: Inbox,
    counters: LinkCounters,
    _file: SocketFile,
}

impl DgramLink {
    /// Binds `local`, sends to `remote`, which need not exist yet. A socket file that nobody
    /// answers at is replaced; ours is removed on drop.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if another process is bound there, [`io::ErrorKind::AlreadyExists`]
    /// if something that is no socket is there, or why the socket could not be made.
    pub fn new(local: &Path, remote: &Path) -> io::Result<Self> {
        let bind = |path: &Path| UnixDatagram::bind(path);
        let (receiver, file) = SocketFile::bind(local, Kind::Datagram, bind)?;
        receiver.set_nonblocking(true)?;
        batch::set_buffers(receiver.as_raw_fd(), BUFFER);
        let watch = Watch::new()?;
        watch.add(receiver.as_raw_fd(), EventSet::IN)?;
        Ok(Self {
            receiver,
            sender: None,
            remote: remote.to_owned(),
            watch,
            room: RoomWatch::new(),
            inbox: Inbox::new(),
            counters: LinkCounters::default(),
            _file: file,
        })
    }

    /// The socket to the partner, if there is one, and whether frames come by it too.
    fn sender(&mut self) -> io::Result<Option<(RawFd, bool)>> {
        let bound = self.receiver.as_raw_fd();
        match &self.sender {
            Some(Sender::Own(sender)) => return Ok(Some((sender.as_raw_fd(), false))),
            Some(Sender::Bound) => return Ok(Some((bound, true))),
            None => {}
        }
        let own = UnixDatagram::unbound()?;
        own.set_nonblocking(true)?;
        let connected = match own.connect(&self.remote) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                let bound = self.receiver.connect(&self.remote);
                bound.map(|()| Sender::Bound)
            }
            connected => connected.map(|()| Sender::Own(own)),
        };
        let sender = match connected {
            Ok(sender) => sender,
            // EPERM still: it is connected to somebody else.
            Err(error) if means_lost(&error) || error.raw_os_error() == Some(libc::EPERM) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.room = RoomWatch::new();
        let way = match &sender {
            Sender::Own(own) => {
                let fd = own.as_raw_fd();
                batch::set_buffers(fd, BUFFER);
                self.watch.add(fd, EventSet::empty())?;
                (fd, false)
            }
            Sender::Bound => (bound, true),
        };
        self.sender = Some(sender);
        Ok(Some(way))
    }

    /// The partner is gone, or another is in its place.
    fn forget_sender(&mut self) -> io::Result<()> {
        match self.sender.take() {
            Some(Sender::Own(sender)) => self.watch.remove(sender.as_raw_fd()),
            Some(Sender::Bound) => {
                let fd = self.receiver.as_raw_fd();
                self.room.set(&self.watch, fd, true, false)?;
                batch::disconnect(fd)
            }
            None => Ok(()),
        }
    }

    fn lose(&mut self, frames: &mut Frames, count: usize) {
        let count = count.min(frames.len());
        frames.drain(..count);
        self.counters.lost += count as u64;
    }
}

impl Link for DgramLink {
    fn fd(&self) -> RawFd {
        self.watch.fd()
    }

    fn send(&mut self, frames: &mut Frames) -> io::Result<()> {
        let mut renewed = false;
        while !frames.is_empty() {
            let Some((fd, both)) = self.sender()? else {
                self.lose(frames, usize::MAX);
                return Ok(());
            };
            let sent = batch::send(fd, frames, false);
            self.counters.calls += 1;
            self.counters.sent += sent.frames as u64;
            frames.drain(..sent.frames);
            let Some(error) = sent.error else {
                if sent.frames == super::BATCH || frames.is_empty() {
                    return self.room.set(&self.watch, fd, both, false);
                }
                continue;
            };
            if means_full(&error) {
                self.counters.full += 1;
                return self.room.set(&self.watch, fd, both, true);
            }
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EMSGSIZE) => self.lose(frames, 1),
                // EPERM: it has connected its own socket, to ours or to somebody else's.
                errno if means_lost(&error) || errno == Some(libc::EPERM) => {
                    self.forget_sender()?;
                    // Once: a partner that came back at the same path is found, one that is gone is not.
                    if std::mem::replace(&mut renewed, true) {
                        self.lose(frames, usize::MAX);
                    }
                }
                _ => {
                    self.lose(frames, 1);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
        receive(&mut self.inbox, &mut self.counters, take, |inbox| {
            inbox.fill(self.receiver.as_raw_fd(), false)
        })
    }

    fn holds_frames(&self) -> bool {
        !self.inbox.is_empty()
    }

    fn counters(&self) -> LinkCounters {
        self.counters
    }
}

/// Gives what the inbox holds to `take`, filling it once if it is empty.
pub(super) fn receive(
    inbox: &mut Inbox,
    counters: &mut LinkCounters,
    take: &mut dyn FnMut(&[u8]) -> bool,
    mut fill: impl FnMut(&mut Inbox) -> io::Result<usize>,
) -> io::Result<bool> {
    let mut refused = false;
    while inbox.is_empty() {
        match fill(inbox) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // UDP reports by this that an earlier frame of ours found nobody.
            Err(error) if means_lost(&error) && !refused => refused = true,
            Err(error) if means_lost(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    let mut any = false;
    while let Some(frame) = inbox.next() {
        if !take(frame) {
            break;
        }
        any = true;
        counters.received += 1;
        inbox.advance();
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn pair() -> (tempfile::TempDir, DgramLink, DgramLink) {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let left = DgramLink::new(&a, &b).unwrap();
        let right = DgramLink::new(&b, &a).unwrap();
        (dir, left, right)
    }

    #[test]
    fn frames_pass_both_ways_once_both_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let mut left = DgramLink::new(&a, &b).unwrap();
        left.send(&mut queue([vec![1; 60], vec![1; 60]])).unwrap();
        assert_eq!(left.counters().lost, 2);
        let mut right = DgramLink::new(&b, &a).unwrap();
        assert!(!is_ready(&right));
        assert_eq!(drain(&mut right), Vec::<Vec<u8>>::new());
        let mut out = queue([vec![2; 9000], vec![3; 14]]);
        left.send(&mut out).unwrap();
        assert!(out.is_empty());
        wait(&right);
        assert_eq!(drain(&mut right), [vec![2; 9000], vec![3; 14]]);
        right.send(&mut queue([vec![4; 60]])).unwrap();
        assert_eq!(drain(&mut left), [vec![4; 60]]);
    }

    #[test]
    fn a_full_partner_holds_frames_back_and_loses_none() {
        let (_dir, mut left, mut right) = pair();
        nothing_is_lost_when_the_host_is_full(&mut left, &mut right);
    }

    #[test]
    fn the_descriptor_tells_when_there_is_room_again() {
        let (_dir, mut left, mut right) = pair();
        let mut out = queue((0..10_000).map(|n| numbered(n, 1500)));
        while left.counters().full == 0 {
            left.send(&mut out).unwrap();
        }
        assert!(!is_ready(&left), "there is no room");
        assert!(!drain(&mut right).is_empty());
        wait(&left);
        let before = left.counters().sent;
        left.send(&mut out).unwrap();
        assert!(left.counters().sent > before);
    }

    #[test]
    fn a_partner_that_was_replaced_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let mut left = DgramLink::new(&a, &b).unwrap();
        for n in 0..3 {
            let mut right = DgramLink::new(&b, &a).unwrap();
            left.send(&mut queue([numbered(n, 64)])).unwrap();
            assert_eq!(drain(&mut right), [numbered(n, 64)]);
            drop(right);
            left.send(&mut queue([vec![0; 64]])).unwrap();
        }
        assert_eq!((left.counters().sent, left.counters().lost), (3, 3));
    }

    // Its frames were all lost: the kernel lets only our bound socket send to it.
    #[test]
    fn a_partner_that_is_connected_to_our_path_gets_frames() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let mut left = DgramLink::new(&a, &b).unwrap();
        let partner = UnixDatagram::bind(&b).unwrap();
        // Before it is connected, by any socket; afterwards by one alone.
        left.send(&mut queue([numbered(0, 64)])).unwrap();
        partner.connect(&a).unwrap();
        left.send(&mut queue([numbered(1, 64), numbered(2, 64)]))
            .unwrap();
        let mut frame = [0; 100];
        for n in 0..3 {
            let length = partner.recv(&mut frame).unwrap();
            assert_eq!(frame[..length], numbered(n, 64));
        }
        partner.send(&numbered(7, 64)).unwrap();
        wait(&left);
        assert_eq!(drain(&mut left), [numbered(7, 64)]);
        // The bound socket tells of room too.
        let mut out = queue((0..10_000).map(|n| numbered(n, 1500)));
        while left.counters().full == 0 {
            left.send(&mut out).unwrap();
        }
        assert!(!is_ready(&left), "there is no room");
        partner.set_nonblocking(true).unwrap();
        while partner.recv(&mut frame).is_ok() {}
        wait(&left);
        assert_eq!(left.counters().lost, 0);

        // One that comes in its place and is not connected.
        drop(partner);
        std::fs::remove_file(&b).unwrap();
        let mut right = DgramLink::new(&b, &a).unwrap();
        left.send(&mut queue([numbered(8, 64)])).unwrap();
        assert_eq!(drain(&mut right), [numbered(8, 64)]);
        right.send(&mut queue([numbered(9, 64)])).unwrap();
        assert_eq!(drain(&mut left), [numbered(9, 64)]);
    }

    #[test]
    fn a_partner_that_is_connected_to_another_gets_nothing_and_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, c) = (
            dir.path().join("a"),
            dir.path().join("b"),
            dir.path().join("c"),
        );
        let mut left = DgramLink::new(&a, &b).unwrap();
        let _other = UnixDatagram::bind(&c).unwrap();
        let partner = UnixDatagram::bind(&b).unwrap();
        partner.connect(&c).unwrap();
        left.send(&mut queue([numbered(0, 64)])).unwrap();
        assert_eq!((left.counters().sent, left.counters().lost), (0, 1));
    }

    #[test]
    fn a_frame_that_found_no_room_inside_comes_again() {
        let (_dir, mut left, mut right) = pair();
        left.send(&mut queue((0..5).map(|n| numbered(n, 64))))
            .unwrap();
        let mut seen = Vec::new();
        let mut two = |frame: &[u8]| {
            let room = seen.len() < 2;
            if room {
                seen.push(frame.to_vec());
            }
            room
        };
        assert!(right.receive(&mut two).unwrap());
        assert!(right.holds_frames());
        seen.extend(drain(&mut right));
        assert_eq!(seen, (0..5).map(|n| numbered(n, 64)).collect::<Vec<_>>());
    }
}
