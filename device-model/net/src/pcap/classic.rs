//! Classic pcap: a header of 24 bytes, then records of 16 bytes and a frame each.

use std::io::Read;

use super::{CaptureError, Direction, FrameInfo, MAX_FRAME_LEN, Order, fill, fill_vec};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// What the file header says.
#[derive(Debug)]
pub(super) struct Classic {
    order: Order,
    /// Nanoseconds of one unit of the records' fractions.
    unit_ns: u64,
    link_type: u16,
}

impl Classic {
    /// Reads the rest of the file header behind its magic number.
    pub(super) fn read(magic: [u8; 4], input: &mut impl Read) -> Result<Self, CaptureError> {
        let read_as = |order: Order| match order.u32(magic) {
            MICROSECONDS => Some((order, 1000)),
            NANOSECONDS => Some((order, 1)),
            _ => None,
        };
        let (order, unit_ns) = read_as(Order::Little)
            .or_else(|| read_as(Order::Big))
            .ok_or(CaptureError::Format(u32::from_be_bytes(magic)))?;
        let mut rest = [0; 20];
        if !fill(input, &mut rest, "file header")? {
            return Err(CaptureError::Truncated("file header"));
        }
        let [major0, major1, .., l0, l1, l2, l3] = rest;
        if order.u16([major0, major1]) != 2 {
            return Err(CaptureError::Damaged("version of the file is not 2"));
        }
        // The upper half tells whether frames end in a check sequence; ours do not look.
        let [_, _, high, low] = order.u32([l0, l1, l2, l3]).to_be_bytes();
        Ok(Self {
            order,
            unit_ns,
            link_type: u16::from_be_bytes([high, low]),
        })
    }

    pub(super) fn next(
        &self,
        input: &mut impl Read,
        frame: &mut Vec<u8>,
    ) -> Result<Option<FrameInfo>, CaptureError> {
        let mut record = [0; 16];
        if !fill(input, &mut record, "record header")? {
            return Ok(None);
        }
        let (words, _) = record.as_chunks::<4>();
        let [seconds, fraction, captured, original_len] = *words else {
            return Err(CaptureError::Truncated("record header"));
        };
        let word = |b: [u8; 4]| self.order.u32(b);
        fill_vec(input, frame, word(captured), MAX_FRAME_LEN, "frame")?;
        let time_ns =
            u64::from(word(seconds)) * 1_000_000_000 + u64::from(word(fraction)) * self.unit_ns;
        Ok(Some(FrameInfo {
            time_ns,
            interface: 0,
            direction: Direction::Unknown,
            original_len: word(original_len),
            link_type: self.link_type,
        }))
    }
}
