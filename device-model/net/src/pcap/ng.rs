//! pcapng: sections of blocks, each with its type and its length before and behind its body.

use std::io::{self, Read};

use super::{
    CaptureError, Direction, FrameInfo, MAX_FRAME_LEN, MAX_INTERFACES, Order, fill, fill_vec,
};

pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(super) const BYTE_ORDER: u32 = 0x1a2b_3c4d;
pub(super) const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
pub(super) const ENHANCED_PACKET: u32 = 6;

pub(super) const OPTION_END: u16 = 0;
pub(super) const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_IF_TSOFFSET: u16 = 14;
pub(super) const OPTION_EPB_FLAGS: u16 = 2;

/// Bytes of a block without its body.
const BLOCK_FRAME: u32 = 12;
/// A frame, its fixed fields and some room for options.
const MAX_BODY: usize = MAX_FRAME_LEN + 64 * 1024;

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    /// 0 is no limit.
    snap_len: u32,
    resolution: Resolution,
    offset_s: i64,
}

/// What one unit of a time stamp is.
#[derive(Clone, Copy, Debug)]
enum Resolution {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl Section {
    /// Reads a section header behind its block type.
    pub(super) fn read(input: &mut impl Read) -> Result<Self, CaptureError> {
        let mut head = [0; 8];
        if !fill(input, &mut head, "section header")? {
            return Err(CaptureError::Truncated("section header"));
        }
        let [l0, l1, l2, l3, m0, m1, m2, m3] = head;
        let magic = [m0, m1, m2, m3];
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|o| o.u32(magic) == BYTE_ORDER)
            .ok_or(CaptureError::Damaged("section has no byte order"))?;
        let total = order.u32([l0, l1, l2, l3]);
        let rest = body_len(total, "section header")?.checked_sub(4);
        let rest = rest.filter(|r| *r >= 12).ok_or(CaptureError::Length {
            what: "section header",
            len: total,
        })?;
        let mut section = Self {
            order,
            interfaces: Vec::new(),
            body: Vec::new(),
        };
        fill_vec(input, &mut section.body, rest, MAX_BODY, "section header")?;
        section.end_of_block(input, total)?;
        let version = section.body.first_chunk::<2>().map(|v| order.u16(*v));
        if version != Some(1) {
            return Err(CaptureError::Damaged("version of the section is not 1"));
        }
        Ok(section)
    }

    pub(super) fn next(
        &mut self,
        input: &mut impl Read,
        frame: &mut Vec<u8>,
    ) -> Result<Option<FrameInfo>, CaptureError> {
        loop {
            let mut kind = [0; 4];
            if !fill(input, &mut kind, "block header")? {
                return Ok(None);
            }
            // The same in either byte order, so it is recognised before the order is known.
            if kind == SECTION_HEADER.to_be_bytes() {
                *self = Self::read(input)?;
                continue;
            }
            let mut total = [0; 4];
            if !fill(input, &mut total, "block header")? {
                return Err(CaptureError::Truncated("block header"));
            }
            let total = self.order.u32(total);
            let len = body_len(total, "block")?;
            match self.order.u32(kind) {
                INTERFACE => {
                    fill_vec(input, &mut self.body, len, MAX_BODY, "interface block")?;
                    self.end_of_block(input, total)?;
                    self.add_interface()?;
                }
                ENHANCED_PACKET => {
                    fill_vec(input, &mut self.body, len, MAX_BODY, "packet block")?;
                    self.end_of_block(input, total)?;
                    return self.enhanced_packet(frame).map(Some);
                }
                SIMPLE_PACKET => {
                    fill_vec(input, &mut self.body, len, MAX_BODY, "packet block")?;
                    self.end_of_block(input, total)?;
                    return self.simple_packet(frame).map(Some);
                }
                _ => {
                    let skipped = io::copy(&mut input.take(u64::from(len)), &mut io::sink())?;
                    if skipped != u64::from(len) {
                        return Err(CaptureError::Truncated("block"));
                    }
                    self.end_of_block(input, total)?;
                }
            }
        }
    }

    /// The length behind a block must be the one before it.
    fn end_of_block(&self, input: &mut impl Read, total: u32) -> Result<(), CaptureError> {
        let mut again = [0; 4];
        if !fill(input, &mut again, "block")? {
            return Err(CaptureError::Truncated("block"));
        }
        if self.order.u32(again) != total {
            return Err(CaptureError::Damaged("lengths around a block differ"));
        }
        Ok(())
    }

    fn add_interface(&mut self) -> Result<(), CaptureError> {
        const SHORT: CaptureError = CaptureError::Truncated("interface block");
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(CaptureError::Damaged("a section has too many interfaces"));
        }
        let order = self.order;
        let mut body = self.body.as_slice();
        let link_type = order.u16(take(&mut body).ok_or(SHORT)?);
        let _reserved = take::<2>(&mut body).ok_or(SHORT)?;
        let snap_len = order.u32(take(&mut body).ok_or(SHORT)?);
        let mut interface = Interface {
            link_type,
            snap_len,
            resolution: Resolution::Decimal(6),
            offset_s: 0,
        };
        for_each_option(order, body, |code, value| {
            match (code, value) {
                (OPTION_IF_TSRESOL, [r, ..]) if r & 0x80 == 0 => {
                    interface.resolution = Resolution::Decimal(*r)
                }
                (OPTION_IF_TSRESOL, [r, ..]) => interface.resolution = Resolution::Binary(r & 0x7f),
                (OPTION_IF_TSOFFSET, v) => {
                    interface.offset_s = v.first_chunk().map_or(0, |b| order.u64(*b).cast_signed());
                }
                _ => {}
            };
        })?;
        self.interfaces.push(interface);
        Ok(())
    }

    fn interface(&self, index: u32) -> Result<Interface, CaptureError> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|i| self.interfaces.get(i));
        found.copied().ok_or(CaptureError::Damaged(
            "a packet is of an interface that was not described",
        ))
    }

    fn enhanced_packet(&self, frame: &mut Vec<u8>) -> Result<FrameInfo, CaptureError> {
        const SHORT: CaptureError = CaptureError::Truncated("packet block");
        let order = self.order;
        let mut body = self.body.as_slice();
        let mut word = || take(&mut body).map(|b| order.u32(b)).ok_or(SHORT);
        let (interface, high, low) = (word()?, word()?, word()?);
        let (captured, original_len) = (word()?, word()?);
        let data = usize::try_from(captured)
            .ok()
            .filter(|n| *n <= MAX_FRAME_LEN)
            .and_then(|n| {
                let (data, options) = body.split_at_checked(n.checked_next_multiple_of(4)?)?;
                Some((data.get(..n)?, options))
            });
        let (data, options) = data.ok_or(CaptureError::Length {
            what: "frame",
            len: captured,
        })?;
        let mut direction = Direction::Unknown;
        for_each_option(order, options, |code, value| {
            if let (OPTION_EPB_FLAGS, Some(flags)) = (code, value.first_chunk()) {
                direction = match order.u32(*flags) & 3 {
                    1 => Direction::Inbound,
                    2 => Direction::Outbound,
                    _ => Direction::Unknown,
                };
            }
        })?;
        let described = self.interface(interface)?;
        let time_ns = described.time_ns(u64::from(high) << 32 | u64::from(low))?;
        frame.clear();
        frame.extend_from_slice(data);
        Ok(FrameInfo {
            time_ns,
            interface,
            direction,
            original_len,
            link_type: described.link_type,
        })
    }

    fn simple_packet(&self, frame: &mut Vec<u8>) -> Result<FrameInfo, CaptureError> {
        const SHORT: CaptureError = CaptureError::Truncated("packet block");
        let interface = self.interface(0)?;
        let mut body = self.body.as_slice();
        let original_len = self.order.u32(take(&mut body).ok_or(SHORT)?);
        let limit = if interface.snap_len == 0 {
            u32::MAX
        } else {
            interface.snap_len
        };
        let len = original_len.min(limit);
        let data = usize::try_from(len)
            .ok()
            .filter(|n| *n <= MAX_FRAME_LEN)
            .and_then(|n| body.get(..n));
        frame.clear();
        frame.extend_from_slice(data.ok_or(CaptureError::Length { what: "frame", len })?);
        let link_type = interface.link_type;
        Ok(FrameInfo {
            time_ns: 0,
            interface: 0,
            direction: Direction::Unknown,
            original_len,
            link_type,
        })
    }
}

impl Interface {
    fn time_ns(&self, stamp: u64) -> Result<u64, CaptureError> {
        const BAD: CaptureError =
            CaptureError::Damaged("a time stamp's resolution is out of range");
        let scaled = u128::from(stamp) * 1_000_000_000;
        let ns = match self.resolution {
            Resolution::Decimal(n) => scaled / 10u128.checked_pow(n.into()).ok_or(BAD)?,
            Resolution::Binary(n) => scaled >> n,
        };
        // Far beyond any year a capture was taken in: kept at the end of the scale.
        let ns = i128::try_from(ns).unwrap_or(i128::MAX);
        let ns = ns.saturating_add(i128::from(self.offset_s) * 1_000_000_000);
        Ok(u64::try_from(ns.max(0)).unwrap_or(u64::MAX))
    }
}

/// Body bytes of a block whose two lengths say `total`.
fn body_len(total: u32, what: &'static str) -> Result<u32, CaptureError> {
    total
        .checked_sub(BLOCK_FRAME)
        .filter(|_| total.is_multiple_of(4))
        .ok_or(CaptureError::Length { what, len: total })
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = from.split_first_chunk()?;
    *from = tail;
    Some(*head)
}

fn for_each_option(
    order: Order,
    mut options: &[u8],
    mut see: impl FnMut(u16, &[u8]),
) -> Result<(), CaptureError> {
    const SHORT: CaptureError = CaptureError::Truncated("block's options");
    while !options.is_empty() {
        let code = order.u16(take(&mut options).ok_or(SHORT)?);
        let len = usize::from(order.u16(take(&mut options).ok_or(SHORT)?));
        if code == OPTION_END {
            break;
        }
        let (value, rest) = options
            .split_at_checked(len.next_multiple_of(4))
            .ok_or(SHORT)?;
        see(code, value.get(..len).unwrap_or_default());
        options = rest;
    }
    Ok(())
}
