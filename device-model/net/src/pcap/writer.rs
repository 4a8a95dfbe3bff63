//! Writes pcapng: one section, little endian, nanoseconds, Ethernet.

use std::io::{self, Write};

use super::ng::{
    BYTE_ORDER, ENHANCED_PACKET, INTERFACE, OPTION_END, OPTION_EPB_FLAGS, OPTION_IF_TSRESOL,
    SECTION_HEADER,
};
use super::{Direction, LINK_TYPE_ETHERNET, MAX_FRAME_LEN};

const OPTION_COMMENT: u16 = 1;
const OPTION_IF_NAME: u16 = 2;

/// Writes frames to a pcapng file. Nothing is buffered here: give it a `BufWriter`.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    interfaces: u32,
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self {
            out,
            interfaces: 0,
            block: Vec::new(),
        };
        writer.put(&BYTE_ORDER.to_le_bytes());
        // Version 1.0; the length of the section is not said.
        writer.put(&[1, 0, 0, 0]);
        writer.put(&u64::MAX.to_le_bytes());
        writer.finish_block(SECTION_HEADER)?;
        Ok(writer)
    }

    /// Describes an interface; its number for [`Self::frame`].
    ///
    /// # Errors
    /// Those of `out`.
    pub fn interface(&mut self, name: &str) -> io::Result<u32> {
        self.put(&LINK_TYPE_ETHERNET.to_le_bytes());
        self.put(&[0; 2]);
        self.put(&0u32.to_le_bytes());
        self.option(OPTION_IF_NAME, name.as_bytes());
        self.option(OPTION_IF_TSRESOL, &[9]);
        self.option(OPTION_END, &[]);
        self.finish_block(INTERFACE)?;
        let number = self.interfaces;
        self.interfaces += 1;
        Ok(number)
    }

    /// Writes a frame that passed `interface` at `time_ns` nanoseconds since 1970, with a comment unless it is empty.
    ///
    /// # Errors
    /// Those of `out`; `InvalidInput` for an interface that was not described or a frame above [`MAX_FRAME_LEN`].
    pub fn frame(
        &mut self,
        interface: u32,
        time_ns: u64,
        direction: Direction,
        data: &[u8],
        comment: &str,
    ) -> io::Result<()> {
        let len = u32::try_from(data.len())
            .ok()
            .filter(|_| data.len() <= MAX_FRAME_LEN);
        let len = len.ok_or_else(|| invalid("frame is too long for a capture"))?;
        if interface >= self.interfaces {
            return Err(invalid("interface was not described to the capture"));
        }
        let [t0, t1, t2, t3, t4, t5, t6, t7] = time_ns.to_le_bytes();
        self.put(&interface.to_le_bytes());
        self.put(&[t4, t5, t6, t7]);
        self.put(&[t0, t1, t2, t3]);
        self.put(&len.to_le_bytes());
        self.put(&len.to_le_bytes());
        self.put_padded(data);
        let flags: u32 = match direction {
            Direction::Unknown => 0,
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        };
        if !comment.is_empty() {
            self.option(OPTION_COMMENT, comment.as_bytes());
        }
        if flags != 0 {
            self.option(OPTION_EPB_FLAGS, &flags.to_le_bytes());
        }
        if flags != 0 || !comment.is_empty() {
            self.option(OPTION_END, &[]);
        }
        self.finish_block(ENHANCED_PACKET)
    }

    /// Hands what was written on to the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The file.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn put_padded(&mut self, bytes: &[u8]) {
        self.put(bytes);
        let len = self.block.len().next_multiple_of(4);
        self.block.resize(len, 0);
    }

    /// An option; a value above 65535 bytes is cut there.
    fn option(&mut self, code: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.put(&code.to_le_bytes());
        self.put(&len.to_le_bytes());
        self.put_padded(value.get(..usize::from(len)).unwrap_or_default());
    }

    fn finish_block(&mut self, kind: u32) -> io::Result<()> {
        let total = u32::try_from(self.block.len() + 12)
            .map_err(|_| invalid("block is too long for a capture"))?;
        let written = self
            .out
            .write_all(&kind.to_le_bytes())
            .and_then(|()| self.out.write_all(&total.to_le_bytes()))
            .and_then(|()| self.out.write_all(&self.block))
            .and_then(|()| self.out.write_all(&total.to_le_bytes()));
        self.block.clear();
        written
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
