//! Capture files: reads classic pcap and pcapng (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng), writes pcapng.
//!
//! A capture is a stranger's file: the reader holds one frame or block at a time, refuses lengths above
//! [`MAX_FRAME_LEN`] before it allocates, and skips what it does not know.

mod classic;
mod ng;
mod writer;

use std::io::{self, Read};

pub use writer::PcapngWriter;

/// The most bytes of one captured frame: the largest snapshot length that capture tools use.
pub const MAX_FRAME_LEN: usize = 256 * 1024;

/// The most interfaces of one pcapng section.
pub const MAX_INTERFACES: usize = 1024;

/// Link type of Ethernet frames.
pub const LINK_TYPE_ETHERNET: u16 = 1;

/// Why a capture cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be read.
    #[error("capture cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Neither format's magic number.
    #[error("file begins with {0:#010x}, which is neither pcap nor pcapng: give a capture file")]
    Format(u32),
    /// The file ends inside something.
    #[error("capture ends inside a {0}: it was cut short while being written or copied")]
    Truncated(&'static str),
    /// A length field that cannot be.
    #[error("capture is damaged: {what} has length {len}")]
    Length {
        /// What has it.
        what: &'static str,
        /// The length, in bytes.
        len: u32,
    },
    /// A value that cannot be.
    #[error("capture is damaged: {0}")]
    Damaged(&'static str),
    /// Frames of another kind.
    #[error("link type {0} is not Ethernet: capture on an Ethernet interface")]
    LinkType(u16),
}

/// Which way a frame went, where the capture says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Not recorded.
    #[default]
    Unknown,
    /// Received.
    Inbound,
    /// Sent.
    Outbound,
}

/// One captured frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapturedFrame<'a> {
    /// When, in nanoseconds since 1970; 0 where the capture does not say.
    pub time_ns: u64,
    /// Which interface of the section; 0 in classic pcap.
    pub interface: u32,
    /// Which way it went.
    pub direction: Direction,
    /// Bytes of the frame before it was cut to `data`.
    pub original_len: u32,
    /// The frame.
    pub data: &'a [u8],
}

impl CapturedFrame<'_> {
    /// Whether all of the frame was captured.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        usize::try_from(self.original_len).is_ok_and(|n| n <= self.data.len())
    }
}

/// Reads a capture of either format from start to end.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: R,
    format: Format,
    frame: Vec<u8>,
}

#[derive(Debug)]
enum Format {
    Classic(classic::Classic),
    Ng(ng::Section),
}

/// What a format's reader says of the frame that it put into the buffer.
struct FrameInfo {
    time_ns: u64,
    interface: u32,
    direction: Direction,
    original_len: u32,
    link_type: u16,
}

impl<R: Read> CaptureReader<R> {
    /// Reads the header of a capture.
    ///
    /// # Errors
    /// [`CaptureError`] when `input` is no capture or cannot be read.
    pub fn new(mut input: R) -> Result<Self, CaptureError> {
        let mut magic = [0; 4];
        if !fill(&mut input, &mut magic, "file header")? {
            return Err(CaptureError::Truncated("file header"));
        }
        let format = if magic == ng::SECTION_HEADER.to_be_bytes() {
            Format::Ng(ng::Section::read(&mut input)?)
        } else {
            Format::Classic(classic::Classic::read(magic, &mut input)?)
        };
        Ok(Self {
            input,
            format,
            frame: Vec::new(),
        })
    }

    /// The next frame; `None` at the end of the file.
    ///
    /// # Errors
    /// [`CaptureError`]; after one the reader gives nothing more that is of use.
    pub fn next_frame(&mut self) -> Result<Option<CapturedFrame<'_>>, CaptureError> {
        let info = match &mut self.format {
            Format::Classic(c) => c.next(&mut self.input, &mut self.frame)?,
            Format::Ng(s) => s.next(&mut self.input, &mut self.frame)?,
        };
        let Some(FrameInfo {
            time_ns,
            interface,
            direction,
            original_len,
            link_type,
        }) = info
        else {
            return Ok(None);
        };
        if link_type != LINK_TYPE_ETHERNET {
            return Err(CaptureError::LinkType(link_type));
        }
        Ok(Some(CapturedFrame {
            time_ns,
            interface,
            direction,
            original_len,
            data: &self.frame,
        }))
    }
}

/// Byte order of a file or section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, b: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(b),
            Self::Big => u16::from_be_bytes(b),
        }
    }

    fn u32(self, b: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(b),
            Self::Big => u32::from_be_bytes(b),
        }
    }

    fn u64(self, b: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(b),
            Self::Big => u64::from_be_bytes(b),
        }
    }
}

/// Fills `buffer`; false when the input ends before its first byte.
fn fill(
    input: &mut impl Read,
    buffer: &mut [u8],
    what: &'static str,
) -> Result<bool, CaptureError> {
    let mut rest = &mut *buffer;
    let mut any = false;
    while !rest.is_empty() {
        match input.read(rest) {
            Ok(0) if any => return Err(CaptureError::Truncated(what)),
            Ok(0) => return Ok(false),
            Ok(n) => {
                any = true;
                rest = rest.get_mut(n..).unwrap_or_default();
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(true)
}

/// Replaces `buffer` by the next `len` bytes, which must be no more than `limit`.
fn fill_vec(
    input: &mut impl Read,
    buffer: &mut Vec<u8>,
    len: u32,
    limit: usize,
    what: &'static str,
) -> Result<(), CaptureError> {
    let n = usize::try_from(len)
        .ok()
        .filter(|n| *n <= limit)
        .ok_or(CaptureError::Length { what, len })?;
    buffer.clear();
    buffer.resize(n, 0);
    if n > 0 && !fill(input, buffer, what)? {
        return Err(CaptureError::Truncated(what));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
