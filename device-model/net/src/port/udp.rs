//! A UDP tunnel: a frame in each datagram, as QEMU's `-netdev dgram` with `inet` addresses.
//!
//! Frames of one length leave in trains that the kernel cuts (`UDP_SEGMENT`) where the path lets
//! it, and arrive joined (`UDP_GRO`). Datagrams of others than the partner are not seen.
//! Tests: below.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use vmm_sys_util::epoll::EventSet;

use super::batch::{self, Inbox};
use super::{Frames, Link, LinkCounters, RoomWatch, Watch, means_full, means_lost};

/// Asked of the host for each socket.
const BUFFER: libc::c_int = 4 << 20;

/// A UDP link.
pub struct UdpLink {
    socket: UdpSocket,
    watch: Watch,
    room: RoomWatch,
    inbox: Inbox,
    trains: bool,
    coalesced: bool,
    counters: LinkCounters,
}

impl UdpLink {
    /// A tunnel from `local` to `remote`.
    ///
    /// # Errors
    /// If the host refuses an address.
    pub fn new(local: SocketAddr, remote: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(local)?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        let fd = socket.as_raw_fd();
        batch::set_buffers(fd, BUFFER);
        let watch = Watch::new()?;
        watch.add(fd, EventSet::IN)?;
        Ok(Self {
            coalesced: batch::set_udp_option(fd, libc::UDP_GRO),
            trains: true,
            socket,
            watch,
            room: RoomWatch::new(),
            inbox: Inbox::new(),
            counters: LinkCounters::default(),
        })
    }
}

impl Link for UdpLink {
    fn fd(&self) -> RawFd {
        self.watch.fd()
    }

    fn send(&mut self, frames: &mut Frames) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        let mut refused = false;
        while !frames.is_empty() {
            let sent = batch::send(fd, frames, self.trains);
            self.counters.calls += 1;
            self.counters.sent += sent.frames as u64;
            frames.drain(..sent.frames);
            let Some(error) = sent.error else {
                if sent.frames == super::BATCH || frames.is_empty() {
                    return self.room.set(&self.watch, fd, true, false);
                }
                continue;
            };
            if means_full(&error) {
                self.counters.full += 1;
                return self.room.set(&self.watch, fd, true, true);
            }
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // The path's MTU is less than a frame, or its device cuts no trains.
                Some(libc::EINVAL | libc::EMSGSIZE | libc::EIO | libc::EOPNOTSUPP)
                    if sent.in_train =>
                {
                    log::info!(
                        "UDP segmentation is not possible here ({error}); frames go one by one"
                    );
                    self.trains = false;
                }
                // An earlier frame found nobody: this one was not sent.
                Some(libc::ECONNREFUSED) if !refused => refused = true,
                _ => {
                    frames.pop_front();
                    self.counters.lost += 1;
                    if !means_lost(&error) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
        super::dgram::receive(&mut self.inbox, &mut self.counters, take, |inbox| {
            inbox.fill(self.socket.as_raw_fd(), self.coalesced)
        })
    }

    fn holds_frames(&self) -> bool {
        !self.inbox.is_empty()
    }

    fn counters(&self) -> LinkCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn addresses() -> [SocketAddr; 2] {
        let free = |_| UdpSocket::bind("127.0.0.1:0").unwrap();
        [0, 1].map(free).map(|s| s.local_addr().unwrap())
    }

    fn all(link: &mut UdpLink, count: usize) -> Vec<Vec<u8>> {
        let mut came = Vec::new();
        while came.len() < count {
            wait(link);
            came.extend(drain(link));
        }
        came
    }

    #[test]
    fn frames_of_the_partner_alone() {
        let [a, b] = addresses();
        let mut left = UdpLink::new(a, b).unwrap();
        // Nobody there: lost now or reported by the next call, never an error.
        for _ in 0..3 {
            left.send(&mut queue([vec![1; 60]])).unwrap();
        }
        let mut right = UdpLink::new(b, a).unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(&[9; 60], b).unwrap();
        left.send(&mut queue([vec![2; 61]])).unwrap();
        assert_eq!(all(&mut right, 1), [vec![2; 61]]);
        assert_eq!(drain(&mut right), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn trains_arrive_as_the_frames_they_were() {
        let [a, b] = addresses();
        let mut left = UdpLink::new(a, b).unwrap();
        let mut right = UdpLink::new(b, a).unwrap();
        let lengths = [1100, 1100, 1100, 1100, 700, 60, 60, 4170, 4170, 14, 9014];
        let frames: Vec<_> = (0..).zip(lengths).map(|(n, l)| numbered(n, l)).collect();
        left.send(&mut queue(frames.clone())).unwrap();
        assert_eq!(all(&mut right, frames.len()), frames);
        assert_eq!(left.counters().sent, frames.len() as u64);
        assert!(left.trains, "the loopback device cuts trains");
        assert_eq!(left.counters().calls, 1);
    }

    #[test]
    fn a_frame_too_long_for_a_datagram_is_lost_alone() {
        let [a, b] = addresses();
        let mut left = UdpLink::new(a, b).unwrap();
        let mut right = UdpLink::new(b, a).unwrap();
        left.send(&mut queue([vec![1; 60], vec![2; 65_530], vec![3; 60]]))
            .unwrap();
        assert_eq!(all(&mut right, 2), [vec![1; 60], vec![3; 60]]);
        assert_eq!(left.counters().lost, 1);
    }
}
