//! The two envelopes of NTLM's messages (SPNEGO: RFC 4178, in DER), with NTLM as the one mechanism.

use super::Error;

/// 1.3.6.1.5.5.2, SPNEGO.
const SPNEGO: &[u8] = &[0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.3.6.1.4.1.311.2.2.10, NTLM.
const NTLM: &[u8] = &[
    0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A,
];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
/// [APPLICATION 0], and context tags.
const APPLICATION_0: u8 = 0x60;
const CONTEXT_0: u8 = 0xA0;
const CONTEXT_1: u8 = 0xA1;
const CONTEXT_2: u8 = 0xA2;

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    match length {
        0..=0x7F => bytes.push(length as u8),
        0x80..=0xFF => bytes.extend([0x81, length as u8]),
        // Tokens are far shorter than 64 KiB: their fields have 16-bit lengths.
        _ => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(content);
    bytes
}

/// NegTokenInit with the first token.
#[must_use]
pub fn first(token: &[u8]) -> Vec<u8> {
    let mechanisms = wrap(CONTEXT_0, &wrap(SEQUENCE, NTLM));
    let token = wrap(CONTEXT_2, &wrap(OCTETS, token));
    let init = wrap(CONTEXT_0, &wrap(SEQUENCE, &[mechanisms, token].concat()));
    wrap(APPLICATION_0, &[SPNEGO, &init].concat())
}

/// NegTokenResp with a later token.
#[must_use]
pub fn next(token: &[u8]) -> Vec<u8> {
    let token = wrap(CONTEXT_2, &wrap(OCTETS, token));
    wrap(CONTEXT_1, &wrap(SEQUENCE, &token))
}

/// Takes one element off: tag, content, what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let length = u16::from_be_bytes(rest.first_chunk().copied()?);
            (usize::from(length), rest.get(2..)?)
        }
        _ => return None,
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

/// Content of an element with this tag, at the beginning.
fn inside(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (tag, content, _) = element(bytes)?;
    (tag == wanted).then_some(content)
}

/// The token in a server's NegTokenResp.
///
/// # Errors
/// There is none.
pub fn token_of(bytes: &[u8]) -> Result<&[u8], Error> {
    let find = || {
        let mut fields = inside(inside(bytes, CONTEXT_1)?, SEQUENCE)?;
        while !fields.is_empty() {
            let (tag, content, rest) = element(fields)?;
            if tag == CONTEXT_2 {
                return inside(content, OCTETS);
            }
            fields = rest;
        }
        None
    };
    find().ok_or_else(|| Error::Protocol("a SPNEGO answer has no token".into()))
}
