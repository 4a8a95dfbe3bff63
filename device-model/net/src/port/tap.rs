//! A TAP interface of the kernel, each frame behind a `virtio_net_hdr` (`IFF_VNET_HDR`).
//!
//! No offload is offered to the kernel, so what it gives is whole; should a header ask for the
//! checksum of a frame (VIRTIO 1.2, 5.1.6.4.1), it is computed here. A frame to be segmented is lost: that
//! would be a kernel that does not keep to TUNSETOFFLOAD. The kernel takes one frame a call; there is nothing to batch.
//!
//! Making an interface needs CAP_NET_ADMIN; using one that was made for this user does not.
//! Tests: below; they need root, and say so where it is missing.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use vmm_sys_util::epoll::EventSet;

use super::{
    BATCH, Frames, Link, LinkCounters, MAX_FRAME, RoomWatch, Watch, means_full, means_lost,
};

/// Octets of `virtio_net_hdr_v1`.
const HEADER: usize = 12;
/// VIRTIO_NET_HDR_F_NEEDS_CSUM.
const NEEDS_CSUM: u8 = 1;
/// IFNAMSIZ, its end included.
const NAME_SIZE: usize = 16;

/// A TAP link.
pub struct TapLink {
    file: File,
    name: String,
    watch: Watch,
    room: RoomWatch,
    buffer: Box<[u8]>,
    /// Octets of the frame in the buffer that was not taken.
    held: usize,
    counters: LinkCounters,
}

impl TapLink {
    /// Attaches to the interface `name`, made if need be.
    ///
    /// # Errors
    /// If the kernel refuses; the message says what to do.
    pub fn new(name: &str) -> io::Result<Self> {
        if name.is_empty() || name.len() >= NAME_SIZE || name.contains(['/', '\0', ' ', '%']) {
            let what = format!(
                "`{name}` is no name of an interface; choose 1 to 15 characters, for example rnic0"
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun");
        let file = open.map_err(|error| explain(error, name))?;
        attach(&file, name).map_err(|error| explain(error, name))?;
        let watch = Watch::new()?;
        watch.add(file.as_raw_fd(), EventSet::IN)?;
        Ok(Self {
            file,
            name: name.to_owned(),
            watch,
            room: RoomWatch::new(),
            buffer: vec![0; HEADER + MAX_FRAME].into_boxed_slice(),
            held: 0,
            counters: LinkCounters::default(),
        })
    }

    /// The MTU of the interface, if the kernel says.
    #[must_use]
    pub fn mtu(&self) -> Option<u32> {
        mtu_of(&self.name)
    }

    /// Reads the next frame into the buffer; false when there is none now.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            match (&self.file).read(&mut self.buffer) {
                Ok(octets) if octets > HEADER => {
                    let (header, frame) = self.buffer.split_at_mut(HEADER);
                    let frame = frame.get_mut(..octets - HEADER).unwrap_or_default();
                    if finish(header, frame) {
                        self.held = octets - HEADER;
                        return Ok(true);
                    }
                    self.counters.lost += 1;
                }
                Ok(_) => self.counters.lost += 1,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

fn mtu_of(name: &str) -> Option<u32> {
    let socket = UdpSocket::bind("0.0.0.0:0");
    let mut request = Request::new(name);
    // SAFETY: the request has the size and layout of ifreq (linux/if.h) and lives past the call.
    let asked = unsafe {
        libc::ioctl(
            socket.ok()?.as_raw_fd(),
            libc::SIOCGIFMTU as _,
            &raw mut request,
        )
    };
    let mtu = i32::from_ne_bytes(request.value);
    u32::try_from(mtu).ok().filter(|mtu| asked == 0 && *mtu > 0)
}

/// Says what to do about a refusal.
fn explain(error: io::Error, name: &str) -> io::Error {
    let advice = match error.raw_os_error() {
        Some(libc::ENOENT) => {
            "this machine has no /dev/net/tun; load the module tun, or use another kind of port"
                .into()
        }
        Some(libc::EPERM | libc::EACCES) => format!(
            "make the interface for your user first: sudo ip tuntap add dev {name} mode tap user $USER vnet_hdr \
             && sudo ip link set {name} up"
        ),
        Some(libc::EBUSY) => format!("another process uses {name}; end it or choose another name"),
        Some(libc::EINVAL) => format!(
            "{name} exists and is no TAP interface with vnet_hdr and one queue; choose another name"
        ),
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}: {advice}"))
}

/// `struct ifreq` (linux/if.h) with a number in its union.
#[repr(C, align(8))]
struct Request {
    name: [u8; NAME_SIZE],
    value: [u8; 4],
    rest: [u8; 20],
}

impl Request {
    fn new(name: &str) -> Self {
        let mut request = Self {
            name: [0; NAME_SIZE],
            value: [0; 4],
            rest: [0; 20],
        };
        // The last octet stays zero.
        for (place, octet) in request
            .name
            .iter_mut()
            .take(NAME_SIZE - 1)
            .zip(name.bytes())
        {
            *place = octet;
        }
        request
    }
}

fn attach(file: &File, name: &str) -> io::Result<()> {
    let mut request = Request::new(name);
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    let flags = libc::c_short::try_from(flags).unwrap_or(0).to_ne_bytes();
    if let Some(place) = request.value.first_chunk_mut() {
        *place = flags;
    }
    let size = libc::c_int::try_from(HEADER).unwrap_or(0);
    let fd = file.as_raw_fd();
    let check = |result: libc::c_int| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: the request has the size and layout of ifreq (linux/if.h) and lives past the call.
    check(unsafe { libc::ioctl(fd, libc::TUNSETIFF as _, &raw mut request) })?;
    // SAFETY: the argument is a pointer to an int (linux/if_tun.h).
    check(unsafe { libc::ioctl(fd, libc::TUNSETVNETHDRSZ as _, &raw const size) })?;
    // SAFETY: the argument is a number: no offload.
    check(unsafe { libc::ioctl(fd, libc::TUNSETOFFLOAD as _, 0) })
}

/// Does what a header asks for; false when the frame cannot be carried.
fn finish(header: &[u8], frame: &mut [u8]) -> bool {
    let &[flags, gso_type, _, _, _, _, s0, s1, o0, o1, ..] = header else {
        return false;
    };
    if gso_type != 0 {
        return false;
    }
    if flags & NEEDS_CSUM == 0 {
        return true;
    }
    let start = usize::from(u16::from_ne_bytes([s0, s1]));
    let at = start + usize::from(u16::from_ne_bytes([o0, o1]));
    let Some(covered) = frame.get(start..) else {
        return false;
    };
    // The field holds the sum of the pseudo-header, so it takes part.
    let sum = covered.chunks(2).fold(0u64, |sum, word| match word {
        [a, b] => sum + u64::from(u16::from_be_bytes([*a, *b])),
        [a] => sum + (u64::from(*a) << 8),
        _ => sum,
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let Some(field) = frame.get_mut(at..at + 2) else {
        return false;
    };
    let [_, _, _, _, _, _, high, low] = folded.to_be_bytes();
    field.copy_from_slice(&(!u16::from_be_bytes([high, low])).to_be_bytes());
    true
}

impl Link for TapLink {
    fn fd(&self) -> RawFd {
        self.watch.fd()
    }

    fn send(&mut self, frames: &mut Frames) -> io::Result<()> {
        let fd = self.file.as_raw_fd();
        for _ in 0..BATCH {
            let Some(frame) = frames.front() else {
                break;
            };
            let parts = [IoSlice::new(&[0; HEADER]), IoSlice::new(frame)];
            self.counters.calls += 1;
            match (&self.file).write_vectored(&parts) {
                Ok(_) => {
                    frames.pop_front();
                    self.counters.sent += 1;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if means_full(&error) => {
                    self.counters.full += 1;
                    return self.room.set(&self.watch, fd, true, true);
                }
                Err(error) => {
                    frames.pop_front();
                    self.counters.lost += 1;
                    // EIO: the interface is down. EINVAL: shorter than an Ethernet header.
                    let lost = means_lost(&error)
                        || matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL));
                    if !lost {
                        return Err(error);
                    }
                }
            }
        }
        self.room.set(&self.watch, fd, true, false)
    }

    fn receive(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
        let mut any = false;
        for _ in 0..BATCH {
            if self.held == 0 && !self.fill()? {
                break;
            }
            let frame = self.buffer.get(HEADER..HEADER + self.held);
            if !take(frame.unwrap_or_default()) {
                break;
            }
            self.held = 0;
            self.counters.received += 1;
            any = true;
        }
        Ok(any)
    }

    fn holds_frames(&self) -> bool {
        self.held > 0
    }

    fn counters(&self) -> LinkCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use std::process::Command;

    /// Runs `test` in a network namespace of its own, where root can make one.
    fn in_a_namespace(test: impl FnOnce() + Send + 'static) {
        let run = move || {
            // SAFETY: no memory is involved; only this thread changes its namespace.
            let made = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
            let error = io::Error::last_os_error();
            if !made || !std::path::Path::new("/dev/net/tun").exists() {
                println!(
                    "skipped: a TAP interface needs CAP_SYS_ADMIN, CAP_NET_ADMIN and /dev/net/tun ({error})"
                );
                return;
            }
            test();
        };
        std::thread::spawn(run).join().unwrap();
    }

    fn ip(arguments: &str) {
        let status = Command::new("ip").args(arguments.split(' ')).status();
        assert!(status.unwrap().success(), "ip {arguments}");
    }

    /// Who has 10.99.0.1, tell 10.99.0.2.
    fn arp_request() -> Vec<u8> {
        let mut frame = vec![0xFF; 6];
        frame.extend([2, 0, 0, 0, 0, 9, 0x08, 0x06]);
        frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend([2, 0, 0, 0, 0, 9, 10, 99, 0, 2]);
        frame.extend([0, 0, 0, 0, 0, 0, 10, 99, 0, 1]);
        frame
    }

    #[test]
    fn the_kernel_answers_what_it_is_asked() {
        in_a_namespace(|| {
            let mut link = TapLink::new("rnictest0").unwrap();
            // Down: lost, as without a cable.
            link.send(&mut queue([arp_request()])).unwrap();
            assert_eq!(link.counters().lost, 1);
            ip("addr add 10.99.0.1/24 dev rnictest0");
            ip("link set rnictest0 up mtu 9000");
            assert_eq!(link.mtu(), Some(9000));
            link.send(&mut queue([arp_request()])).unwrap();
            let answer = loop {
                wait(&link);
                let mut all = drain(&mut link).into_iter();
                if let Some(f) = all.find(|f| f.get(12..14) == Some(&[8, 6])) {
                    break f;
                }
            };
            assert_eq!(answer[20..22], [0, 2], "a reply");
            assert_eq!(answer[28..32], [10, 99, 0, 1]);
            assert_eq!(answer[..6], [2, 0, 0, 0, 0, 9]);
            let error = TapLink::new("rnictest0").err().unwrap();
            assert!(error.to_string().contains("end it or choose"), "{error}");
            let error = TapLink::new("lo").err().unwrap();
            assert!(error.to_string().contains("is no TAP"), "{error}");
        });
    }

    #[test]
    fn what_the_stack_sends_has_its_checksums() {
        in_a_namespace(|| {
            let mut link = TapLink::new("rnictest1").unwrap();
            ip("addr add 10.99.0.1/24 dev rnictest1");
            ip("link set rnictest1 up");
            ip("neigh add 10.99.0.2 lladdr 02:00:00:00:00:09 dev rnictest1");
            let socket = UdpSocket::bind("10.99.0.1:0").unwrap();
            socket.send_to(b"odd", "10.99.0.2:9").unwrap();
            let udp = loop {
                wait(&link);
                let mut all = drain(&mut link).into_iter();
                if let Some(f) = all.find(|f| f.get(12..14) == Some(&[8, 0])) {
                    break f;
                }
            };
            assert_eq!(udp.len(), 14 + 20 + 8 + 3);
            let mut pseudo = udp[26..34].to_vec();
            pseudo.extend([0, 17, 0, 11]);
            pseudo.extend(&udp[34..]);
            pseudo.push(0);
            let words = pseudo.chunks(2);
            let sum: u32 = words.map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "{udp:02x?}");
        });
    }

    #[test]
    fn names_that_no_interface_has_are_refused() {
        for name in ["", "a/b", "sixteen-octets--", "a b", "t%d"] {
            let error = TapLink::new(name).err().unwrap();
            assert!(
                error.to_string().contains("no name of an interface"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_header_is_done_or_the_frame_is_not_carried() {
        let header = |flags, gso, start: u16, offset: u16| {
            let mut h = vec![flags, gso, 0, 0, 0, 0];
            h.extend(start.to_ne_bytes());
            h.extend(offset.to_ne_bytes());
            h.extend([0, 0]);
            h
        };
        let mut frame = vec![1, 2, 3, 4, 0, 0, 5];
        assert!(finish(&header(0, 0, 0, 0), &mut frame));
        assert_eq!(frame, [1, 2, 3, 4, 0, 0, 5]);
        assert!(finish(&header(NEEDS_CSUM, 0, 2, 2), &mut frame));
        // 0x0304 + 0x0500, complemented.
        assert_eq!(frame, [1, 2, 3, 4, 0xF7, 0xFB, 5]);
        for bad in [
            header(0, 1, 0, 0),
            header(NEEDS_CSUM, 0, 8, 0),
            header(NEEDS_CSUM, 0, 2, 4),
            header(NEEDS_CSUM, 0, u16::MAX, u16::MAX),
            vec![0; 5],
        ] {
            assert!(!finish(&bad, &mut frame), "{bad:?}");
        }
    }
}
