//! A device that records what it is asked, and a client that can say anything. Both ends of a socket pair live in one thread, so that tests
//! decide who moves next.

#![allow(dead_code, unused_imports)] // Every test binary uses a part.

mod device;
mod messages;

pub use device::*;
pub use messages::*;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use vfio_user_server::codec::header::{FLAG_ERROR, FLAG_TYPE_REPLY, HEADER_SIZE};
use vfio_user_server::codec::payload::{RegionAccess, split};
use vfio_user_server::codec::{Command, Header};
use vfio_user_server::{Budget, CloseReason, Connection, Errno};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;
use zerocopy::FromBytes;

/// A descriptor of a file of `pages` pages.
pub fn memory_file(pages: u64) -> OwnedFd {
    let file = tempfile::tempfile().unwrap();
    file.set_len(pages * 4096).unwrap();
    file.into()
}

pub fn null_fds(count: usize) -> Vec<OwnedFd> {
    (0..count)
        .map(|_| File::open("/dev/null").unwrap().into())
        .collect()
}

/// A reply as the client sees it.
#[derive(Debug)]
pub struct ReplyMessage {
    pub header: Header,
    pub body: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

impl ReplyMessage {
    pub fn errno(&self) -> Option<Errno> {
        assert_eq!(self.header.size as usize, HEADER_SIZE + self.body.len());
        if self.header.flags == FLAG_TYPE_REPLY {
            assert_eq!(self.header.error, 0);
            return None;
        }
        assert_eq!(self.header.flags, FLAG_TYPE_REPLY | FLAG_ERROR);
        assert!(self.body.is_empty(), "an error reply has no payload");
        Some(Errno::from_raw(self.header.error as i32).expect("errno is never zero"))
    }

    /// The payload of a good reply.
    pub fn payload<T: FromBytes>(&self) -> (T, &[u8]) {
        assert_eq!(self.errno(), None, "{:?}", self.header);
        split(&self.body).expect("payload is long enough")
    }
}

/// The client's end of a socket.
pub struct Client {
    pub stream: UnixStream,
    next_id: u16,
}

impl Client {
    pub fn new(stream: UnixStream) -> Client {
        stream.set_nonblocking(true).unwrap();
        Client {
            stream,
            next_id: 100,
        }
    }

    /// Sends all or panics. `fds` go with the first byte.
    pub fn send(&self, bytes: &[u8], fds: &[OwnedFd]) {
        let raw: Vec<_> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        assert_eq!(
            self.stream.send_with_fds(&[bytes], &raw).unwrap(),
            bytes.len()
        );
    }

    /// Receives a reply if there is one. The header must come in one piece, as QEMU demands.
    pub fn receive(&mut self) -> Option<ReplyMessage> {
        match self.try_receive() {
            Ok(reply) => reply,
            Err(error) => panic!("connection lost: {error}"),
        }
    }

    fn try_receive(&mut self) -> io::Result<Option<ReplyMessage>> {
        let mut bytes = [0; HEADER_SIZE];
        let (n, mut fds) = match self.receive_bytes(&mut bytes) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            other => other?,
        };
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        assert_eq!(n, HEADER_SIZE, "a reply header was torn");
        let header = Header::read_from_bytes(&bytes).unwrap();
        let mut body = vec![0; header.size as usize - HEADER_SIZE];
        let mut at = 0;
        while at < body.len() {
            let (n, more) = self.receive_bytes(&mut body[at..])?;
            assert!(n > 0, "a reply ended early");
            assert!(more.is_empty(), "descriptors come with the header");
            at += n;
        }
        fds.shrink_to_fit();
        Ok(Some(ReplyMessage { header, body, fds }))
    }

    fn receive_bytes(&self, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let mut raw = [-1; 32];
        let mut iovecs = [libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        }];
        // SAFETY: the one iovec is `bytes`, borrowed mutably for the call.
        let (n, count) = unsafe { self.stream.recv_with_fds(&mut iovecs, &mut raw) }?;
        let fds = raw[..count].iter().map(|&fd| {
            // SAFETY: the kernel has just made these descriptors for us.
            unsafe { OwnedFd::from_raw_fd(fd) }
        });
        Ok((n, fds.collect()))
    }

    pub fn fresh_id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

/// A device, its server and a client.
pub struct Session {
    pub device: FakeDevice,
    pub server: Connection,
    pub client: Client,
    /// Why the server is done, once it is.
    pub closed: Option<CloseReason>,
}

impl Session {
    /// Connected; nothing said.
    pub fn silent() -> Session {
        Session::with(FakeDevice::new())
    }

    pub fn with(device: FakeDevice) -> Session {
        let (ours, theirs) = UnixStream::pair().unwrap();
        Session {
            device,
            server: Connection::new(theirs).unwrap(),
            client: Client::new(ours),
            closed: None,
        }
    }

    /// Connected and agreed.
    pub fn greeted() -> Session {
        Session::silent().greet()
    }

    pub fn greet(mut self) -> Session {
        let reply = self.request(Command::VERSION, &good_version(), &[]);
        assert_eq!(reply.errno(), None);
        assert!(matches!(
            self.device.take_events()[..],
            [Event::Connected(_)]
        ));
        self
    }

    /// Lets the server work until it has nothing more to do.
    pub fn drive(&mut self) {
        for _ in 0..1_000_000 {
            if self.closed.is_some() {
                return;
            }
            match self.server.drive(&mut self.device, Budget::default()) {
                Ok(progress) if progress.more || progress.messages > 0 => {}
                // A read that brought no whole message may have emptied the socket only up to a descriptor.
                Ok(_) if self.server.interest().readable && readable(&self.server) => {}
                Ok(_) => return,
                Err(reason) => self.closed = Some(reason),
            }
        }
        panic!("the server never comes to rest");
    }

    /// One command, its reply.
    pub fn request(&mut self, what: Command, body: &[u8], fds: &[OwnedFd]) -> ReplyMessage {
        let id = self.client.fresh_id();
        self.client.send(&command(id, what, 0, body), fds);
        self.drive();
        let reply = self.client.receive().expect("a reply");
        assert_eq!((reply.header.message_id, reply.header.command), (id, what));
        reply
    }

    /// One command that wants no reply and gets none.
    pub fn post(&mut self, what: Command, body: &[u8], fds: &[OwnedFd]) {
        let id = self.client.fresh_id();
        self.client.send(&command(id, what, 1 << 4, body), fds);
        self.drive();
        assert!(self.client.receive().is_none(), "a reply nobody wanted");
    }

    /// That the server still serves this client: an access with a known answer.
    pub fn assert_served(&mut self) {
        let reply = self.request(Command::REGION_READ, &access_body(RW, 8, 4, &[]), &[]);
        let (access, data) = reply.payload::<RegionAccess>();
        assert_eq!((access.region, access.offset, access.count), (RW, 8, 4));
        assert_eq!(data, [8, 9, 10, 11]);
        assert_eq!(self.device.take_events(), [Event::Read(RW, 8, 4)]);
    }

    /// That the client sees the end of the connection, with no reply before it.
    pub fn assert_closed(self) -> FakeDevice {
        let Session {
            device,
            server,
            mut client,
            ..
        } = self;
        drop(server);
        let error = client.try_receive().unwrap_err();
        assert!(
            matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            ),
            "{error}"
        );
        device
    }
}

pub fn readable(server: &Connection) -> bool {
    let mut poll = libc::pollfd {
        fd: server.fd().as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd, borrowed mutably for the call.
    unsafe { libc::poll(&mut poll, 1, 0) > 0 }
}
