//! Many datagrams in one system call: sendmmsg and recvmmsg, with UDP's segmentation and
//! coalescing where the kernel has them (udp(7): `UDP_SEGMENT`, `UDP_GRO`). The only file of the
//! ports that hands pointers to the kernel.

use std::io;
use std::os::fd::RawFd;

use super::{BATCH, Frames, MAX_FRAME};

/// Bytes of ancillary data that a message can carry: one `int`.
const CONTROL: usize = 32;
/// Octets that one UDP datagram, or one train of them, holds (65535 less IPv6 and UDP headers).
const MAX_TRAIN: usize = 65_535 - 40 - 8;

/// Octets of the kernel's segment length.
const SEGMENT_SIZE: libc::c_uint = 2;
/// Octets of an option's value.
const INT_SIZE: libc::socklen_t = 4;

/// `AF_UNSPEC` as an address has it, and octets of such an address.
const ANY_FAMILY: libc::sa_family_t = 0;
const _: () = assert!(libc::AF_UNSPEC == 0);
const ADDRESS_SIZE: libc::socklen_t = 16;
const _: () = assert!(size_of::<libc::sockaddr>() == 16);

/// Ancillary data, aligned as `cmsghdr` must be.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// What recvmmsg is given. It is kept because making it takes as long as a call that finds nothing.
struct Headers {
    headers: Box<[libc::mmsghdr; BATCH]>,
    vectors: Box<[libc::iovec; BATCH]>,
    controls: Box<[Control; BATCH]>,
}

// SAFETY: the pointers in it are followed by nobody but the kernel, in a call right after they are set.
unsafe impl Send for Headers {}

/// Datagrams asked for at least in a call.
const LEAST: usize = 8;

/// A batch of received datagrams, taken one frame at a time.
pub(super) struct Inbox {
    headers: Headers,
    /// Datagrams to ask for: twice as many as came when those were all, fewer when they were few.
    want: usize,
    buffer: Box<[u8]>,
    /// Octets of each datagram, and of each of the frames in it (0: one frame).
    lengths: [(usize, usize); BATCH],
    count: usize,
    /// Datagram, and offset in it, of the next frame.
    at: (usize, usize),
}

impl Inbox {
    pub fn new() -> Self {
        Self {
            headers: Headers {
                headers: Box::new([const { EMPTY_HEADER }; BATCH]),
                vectors: Box::new([const { EMPTY_VECTOR }; BATCH]),
                controls: Box::new([Control([0; CONTROL]); BATCH]),
            },
            want: LEAST,
            buffer: vec![0; BATCH * MAX_FRAME].into_boxed_slice(),
            lengths: [(0, 0); BATCH],
            count: 0,
            at: (0, 0),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.at.0 >= self.count
    }

    /// The next frame; [`Self::advance`] goes past it.
    pub fn next(&self) -> Option<&[u8]> {
        if self.is_empty() {
            return None;
        }
        let (datagram, offset) = self.at;
        let (length, _) = *self.lengths.get(datagram)?;
        let end = length.min(offset.saturating_add(self.step()));
        let start = datagram * MAX_FRAME;
        self.buffer.get(start + offset..start + end)
    }

    fn step(&self) -> usize {
        match self.lengths.get(self.at.0) {
            Some((length, 0)) => (*length).max(1),
            Some((_, segment)) => *segment,
            None => 1,
        }
    }

    pub fn advance(&mut self) {
        let (datagram, offset) = self.at;
        let next = offset.saturating_add(self.step());
        let length = self.lengths.get(datagram).map_or(0, |(length, _)| *length);
        self.at = if next < length {
            (datagram, next)
        } else {
            (datagram + 1, 0)
        };
    }

    /// Receives what has come, in place of what was taken before; how many datagrams. With
    /// `coalesced`, a datagram may hold several frames.
    pub fn fill(&mut self, fd: RawFd, coalesced: bool) -> io::Result<usize> {
        self.count = 0;
        self.at = (0, 0);
        let Headers {
            headers,
            vectors,
            controls,
        } = &mut self.headers;
        let places = self.buffer.chunks_exact_mut(MAX_FRAME).take(self.want);
        let parts = vectors.iter_mut().zip(controls.iter_mut());
        let mut wanted = 0;
        for (((vector, control), header), place) in parts.zip(headers.iter_mut()).zip(places) {
            vector.iov_base = place.as_mut_ptr().cast();
            vector.iov_len = place.len();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = if coalesced { CONTROL } else { 0 };
            wanted += 1;
        }
        // SAFETY: the first `wanted` headers point to vectors, controls and parts of the buffer that
        // live past the call, each with its true length, and no two to the same; the call keeps no
        // pointer.
        let received = unsafe {
            libc::recvmmsg(
                fd,
                headers.as_mut_ptr(),
                wanted,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for (header, length) in headers.iter().take(received).zip(&mut self.lengths) {
            let octets = usize::try_from(header.msg_len).unwrap_or(0).min(MAX_FRAME);
            let segment = if coalesced {
                segment_of(&header.msg_hdr)
            } else {
                0
            };
            *length = (octets, segment);
        }
        self.count = received.min(BATCH);
        self.want = if received >= self.want {
            (self.want * 2).min(BATCH)
        } else if received <= self.want / 4 {
            (self.want / 2).max(LEAST)
        } else {
            self.want
        };
        Ok(received)
    }
}

const EMPTY_VECTOR: libc::iovec = libc::iovec {
    iov_base: std::ptr::null_mut(),
    iov_len: 0,
};
// SAFETY: a header of zeros names no address, vector or control, which is a valid one.
const EMPTY_HEADER: libc::mmsghdr = unsafe { std::mem::zeroed() };

/// Octets of each frame in a coalesced datagram; 0 for a single one.
fn segment_of(header: &libc::msghdr) -> usize {
    // SAFETY: the kernel has filled in control data of the length that the header now says.
    let first = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() };
    match first {
        Some(c) if c.cmsg_level == libc::SOL_UDP && c.cmsg_type == libc::UDP_GRO => {
            // SAFETY: the kernel stores an int there (udp(7)); it may be unaligned.
            let segment = unsafe { libc::CMSG_DATA(c).cast::<libc::c_int>().read_unaligned() };
            usize::try_from(segment).unwrap_or(0)
        }
        _ => 0,
    }
}

/// What became of a batch.
pub(super) struct Sent {
    /// Frames that the host took, from the front.
    pub frames: usize,
    /// Why it took no more, if it did not take all of the batch.
    pub error: Option<io::Error>,
    /// The first of those not taken was to leave in a train.
    pub in_train: bool,
}

/// Sends up to [`BATCH`] frames from the front by a connected socket, removing none. With
/// `trains`, neighbours of one length leave as one datagram that the kernel cuts.
pub(super) fn send(fd: RawFd, frames: &Frames, trains: bool) -> Sent {
    let mut vectors = [const { EMPTY_VECTOR }; BATCH];
    let mut controls = [Control([0; CONTROL]); BATCH];
    let mut headers = [const { EMPTY_HEADER }; BATCH];
    let mut sizes = [0usize; BATCH];
    for (vector, frame) in vectors.iter_mut().zip(frames) {
        vector.iov_base = frame.as_ptr().cast_mut().cast();
        vector.iov_len = frame.len();
    }
    let mut rest = vectors
        .get_mut(..frames.len().min(BATCH))
        .unwrap_or_default();
    let mut messages = 0;
    for ((header, control), size) in headers.iter_mut().zip(&mut controls).zip(&mut sizes) {
        let length = if trains {
            train(rest)
        } else {
            rest.len().min(1)
        };
        let (now, later) = rest.split_at_mut(length);
        rest = later;
        let Some(first) = now.first() else {
            break;
        };
        let segment = first.iov_len;
        header.msg_hdr.msg_iov = now.as_mut_ptr();
        header.msg_hdr.msg_iovlen = now.len();
        *size = now.len();
        if now.len() > 1 {
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            // SAFETY: the argument is the size of what is stored below.
            let space = unsafe { libc::CMSG_SPACE(SEGMENT_SIZE) };
            header.msg_hdr.msg_controllen = space as usize;
            // SAFETY: the control buffer is larger than one header with two octets, and aligned.
            unsafe {
                let c = libc::CMSG_FIRSTHDR(&header.msg_hdr);
                (*c).cmsg_level = libc::SOL_UDP;
                (*c).cmsg_type = libc::UDP_SEGMENT;
                (*c).cmsg_len = libc::CMSG_LEN(SEGMENT_SIZE) as usize;
                let segment = u16::try_from(segment).unwrap_or(u16::MAX);
                libc::CMSG_DATA(c).cast::<u16>().write_unaligned(segment);
            }
        }
        messages += 1;
    }
    // SAFETY: the headers point to vectors and controls that live past the call; those point to
    // frames that are borrowed until then, with their lengths. The kernel only reads them.
    let sent = unsafe {
        libc::sendmmsg(
            fd,
            headers.as_mut_ptr(),
            messages,
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    let Ok(sent) = usize::try_from(sent) else {
        return Sent {
            frames: 0,
            error: Some(io::Error::last_os_error()),
            in_train: sizes.first().is_some_and(|size| *size > 1),
        };
    };
    Sent {
        frames: sizes.iter().take(sent).sum(),
        // The kernel keeps to itself why it stopped; the next call tells.
        error: None,
        in_train: false,
    }
}

/// How many vectors from the front may leave as one train: all of one length but the last, which
/// may be shorter.
fn train(vectors: &[libc::iovec]) -> usize {
    let Some(first) = vectors.first() else {
        return 0;
    };
    let segment = first.iov_len;
    if segment == 0 {
        return 1;
    }
    let (mut count, mut octets) = (0, 0);
    for vector in vectors {
        octets += vector.iov_len;
        if vector.iov_len > segment || vector.iov_len == 0 || (count > 0 && octets > MAX_TRAIN) {
            break;
        }
        count += 1;
        if vector.iov_len < segment {
            break;
        }
    }
    count.max(1)
}

/// Sets an option of UDP; whether the kernel knows it.
pub(super) fn set_udp_option(fd: RawFd, option: libc::c_int) -> bool {
    let on: libc::c_int = 1;
    // SAFETY: the value is an int that lives past the call, with its size.
    let set =
        unsafe { libc::setsockopt(fd, libc::SOL_UDP, option, (&raw const on).cast(), INT_SIZE) };
    set == 0
}

/// Ends the connection of a datagram socket, if it has one (connect(2), `AF_UNSPEC`).
pub(super) fn disconnect(fd: RawFd) -> io::Result<()> {
    let nobody = libc::sockaddr {
        sa_family: ANY_FAMILY,
        sa_data: [0; 14],
    };
    // SAFETY: the address lives past the call, with its size.
    match unsafe { libc::connect(fd, &raw const nobody, ADDRESS_SIZE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Asks for buffers of `octets` in a socket; the host gives what it allows.
pub(super) fn set_buffers(fd: RawFd, octets: libc::c_int) {
    for option in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
        // SAFETY: as above.
        let set = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                option,
                (&raw const octets).cast(),
                INT_SIZE,
            )
        };
        if set != 0 {
            log::debug!(
                "socket buffers stay as they are: {}",
                io::Error::last_os_error()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(lengths: &[usize]) -> Vec<libc::iovec> {
        let vector = |length: &usize| libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: *length,
        };
        lengths.iter().map(vector).collect()
    }

    #[test]
    fn trains_are_of_one_length_but_for_the_last() {
        for (lengths, count) in [
            (&[][..], 0),
            (&[100], 1),
            (&[100, 100, 100], 3),
            (&[100, 100, 60, 60], 3),
            (&[100, 101], 1),
            (&[0, 100], 1),
            (&[100, 0], 1),
            (&[40_000, 40_000], 1),
            (&[70_000], 1),
        ] {
            assert_eq!(train(&vectors(lengths)), count, "{lengths:?}");
        }
    }

    #[test]
    fn a_coalesced_datagram_is_cut_where_it_was_joined() {
        let mut inbox = Inbox::new();
        for (n, octet) in inbox.buffer.iter_mut().take(250).enumerate() {
            *octet = u8::try_from(n).unwrap();
        }
        inbox.lengths[0] = (250, 100);
        inbox.lengths[1] = (0, 0);
        inbox.lengths[2] = (60, 0);
        inbox.count = 3;
        let mut cuts = Vec::new();
        while let Some(frame) = inbox.next() {
            cuts.push((frame.len(), frame.first().copied()));
            inbox.advance();
        }
        let want = [
            (100, Some(0)),
            (100, Some(100)),
            (50, Some(200)),
            (0, None),
            (60, Some(0)),
        ];
        assert_eq!(cuts, want);
    }
}
