//! Bytes, counts, immediate data, keys.

use rnic_driver_core::Wc;

use crate::arena::{Arena, Piece, difference};
use crate::end::{Message, Request};
use crate::guest::Posted;

/// A request's successful completion.
///
/// # Errors
/// What is wrong with it.
pub fn request(request: &Request, wc: &Wc) -> Result<(), String> {
    if wc.opcode != request.opcode {
        return Err(format!(
            "opcode {} instead of {}",
            wc.opcode, request.opcode
        ));
    }
    if wc.byte_count != request.byte_count {
        return Err(format!(
            "byte count {} instead of {}",
            wc.byte_count, request.byte_count
        ));
    }
    if wc.immediate().is_some() || wc.invalidated().is_some() || wc.flags.solicited() {
        return Err(format!(
            "flags {:#x} in the completion of a request",
            wc.flags.0
        ));
    }
    Ok(())
}

/// Data that arrived at the requester: what was there when the request was posted, which is what
/// is there when it is executed, by the order of the queue `[QP-25]`, `[QP-26]`.
///
/// # Errors
/// Where they differ.
pub fn sink(arena: &mut Arena, pieces: &[Piece], data: &[u8]) -> Result<(), String> {
    let mut rest = data;
    for piece in pieces {
        let (now, later) = rest.split_at(piece.length as usize);
        if let Some(text) = difference(now, &arena.actual(*piece)) {
            return Err(format!("wrong data: {text}"));
        }
        arena.expect(piece.at, now);
        rest = later;
    }
    Ok(())
}

/// A message that arrived `[QP-21]`, `[QP-24]`, `[QP-33]`.
///
/// # Errors
/// What is wrong with it.
pub fn message(
    arena: &mut Arena,
    posted: &Posted,
    message: &Message,
    wc: &Wc,
) -> Result<(), String> {
    if wc.opcode != message.opcode {
        return Err(format!(
            "opcode {} instead of {}",
            wc.opcode, message.opcode
        ));
    }
    if wc.byte_count != message.byte_count {
        return Err(format!(
            "byte count {} instead of {}",
            wc.byte_count, message.byte_count
        ));
    }
    if wc.immediate() != message.immediate {
        return Err(format!(
            "immediate {:?} instead of {:?}",
            wc.immediate(),
            message.immediate
        ));
    }
    if wc.invalidated() != message.invalidates {
        let (found, wanted) = (wc.invalidated(), message.invalidates);
        return Err(format!("invalidated {found:?} instead of {wanted:?}"));
    }
    if wc.flags.solicited() != message.solicited {
        return Err(format!(
            "solicited {} instead of {}",
            !message.solicited, message.solicited
        ));
    }
    let mut rest = &message.data[..];
    for piece in &posted.pieces {
        let length = (piece.length as usize).min(rest.len());
        let (now, later) = rest.split_at(length);
        let filled = Piece {
            at: piece.at,
            length: length as u32,
        };
        if let Some(text) = difference(now, &arena.actual(filled)) {
            return Err(format!("wrong message: {text}"));
        }
        arena.expect(piece.at, now);
        rest = later;
    }
    Ok(())
}
