//! A wire to another process: a port of the fabric joined to an uplink.

use std::os::fd::{AsRawFd, RawFd};

use rnic_net::fabric::{self, FabricPort};
use rnic_net::uplink::{self, MAX_FRAME, Uplink};

/// Frames each way in one turn.
const FRAMES: usize = 64;

/// A port of the fabric and the socket behind it.
pub struct Wire {
    uplink: Uplink,
    port: FabricPort,
    /// A frame from outside that its station has no room for.
    inward: Option<usize>,
    /// A frame to outside that the socket has no room for.
    outward: Option<Box<[u8]>>,
    buffer: Vec<u8>,
    failed: bool,
}

impl Wire {
    /// Joins the two.
    #[must_use]
    pub fn new(uplink: Uplink, port: FabricPort) -> Self {
        Self {
            uplink,
            port,
            inward: None,
            outward: None,
            buffer: vec![0; MAX_FRAME],
            failed: false,
        }
    }

    /// Readable when a frame has come from outside.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.uplink.fd().as_raw_fd()
    }

    /// Moves frames both ways; whether any moved.
    pub fn turn(&mut self) -> bool {
        self.take_in() | self.send_out()
    }

    fn take_in(&mut self) -> bool {
        let mut any = false;
        for _ in 0..FRAMES {
            let length = match self.inward.take() {
                Some(length) => length,
                None => match self.uplink.receive(&mut self.buffer) {
                    Ok(Some(length)) => length,
                    Ok(None) => break,
                    Err(error) => {
                        self.complain(&error);
                        break;
                    }
                },
            };
            let frame = self.buffer.get(..length).unwrap_or_default();
            if self.port.send(frame) == fabric::Sent::Full {
                self.inward = Some(length);
                break;
            }
            any = true;
        }
        any
    }

    fn send_out(&mut self) -> bool {
        let mut any = false;
        for _ in 0..FRAMES {
            let Some(frame) = self.outward.take().or_else(|| self.port.receive()) else {
                break;
            };
            match self.uplink.send(&frame) {
                Ok(uplink::Sent::Ok | uplink::Sent::Lost) => any = true,
                Ok(uplink::Sent::Full) => {
                    self.outward = Some(frame);
                    break;
                }
                Err(error) => self.complain(&error),
            }
        }
        any
    }

    fn complain(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.failed, true) {
            log::warn!("a wire loses frames: {error}");
        }
    }

    /// Whether there are frames that a turn could move.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        self.inward.is_some() || (self.outward.is_none() && self.port.has_frames())
    }

    /// Whether a frame waits for room in the socket, of which nobody tells.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        self.outward.is_some()
    }
}
