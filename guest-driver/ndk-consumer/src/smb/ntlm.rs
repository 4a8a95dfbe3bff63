//! NTLM, version 2 (MS-NLMP): proves that we know the password, and gives the session's key.

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;

use super::Error;
use super::fields::{Fields, utf16};

const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// Flags (2.2.2.5): Unicode, request target, sign, NTLM, always sign, extended session security, target info, 128, 56. Without
/// key exchange, so that the session's key is what the password gives.
const FLAGS: u32 =
    0x1 | 0x4 | 0x10 | 0x200 | 0x8000 | 0x0008_0000 | 0x0080_0000 | 0x2000_0000 | 0x8000_0000;
/// Unicode and extended session security: without them there is no version 2.
const NEEDED: u32 = 0x1 | 0x0008_0000;

/// AvIds (2.2.2.1).
const AV_END: u16 = 0;
const AV_FLAGS: u16 = 6;
const AV_TIMESTAMP: u16 = 7;
/// MsvAvFlags: the authenticate message has a MIC.
const HAS_MIC: u32 = 2;
/// Where the MIC lies in the authenticate message, and where its fixed part ends.
const MIC: std::ops::Range<usize> = 72..88;

/// Who logs on.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Its domain; may be empty.
    pub domain: String,
}

/// The first message.
#[must_use]
pub fn negotiate() -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(FLAGS.to_le_bytes());
    // Neither domain nor workstation.
    for _ in 0..2 {
        bytes.extend([0; 4]);
        bytes.extend(32_u32.to_le_bytes());
    }
    bytes
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    flags: u32,
    challenge: [u8; 8],
    /// AV pairs, as they came.
    target: Vec<u8>,
    timestamp: Option<[u8; 8]>,
}

impl Challenge {
    /// Reads it.
    ///
    /// # Errors
    /// It is none, or offers less than version 2.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::new("an NTLM challenge", bytes);
        if fields.array(0)? != SIGNATURE || fields.u32(8)? != 2 {
            return Err(Error::Protocol(
                "the server's token is no NTLM challenge".into(),
            ));
        }
        let flags = fields.u32(20)?;
        if flags & NEEDED != NEEDED {
            return Err(Error::Unsupported(format!(
                "the server offers no NTLM version 2 (flags {flags:#010x})"
            )));
        }
        let (length, offset) = (fields.u16(40)?, fields.u32(44)?);
        let target = fields.slice(offset as usize, usize::from(length))?;
        Ok(Self {
            flags,
            challenge: fields.array(24)?,
            timestamp: timestamp(target)?,
            target: target.to_vec(),
        })
    }
}

fn timestamp(pairs: &[u8]) -> Result<Option<[u8; 8]>, Error> {
    let fields = Fields::new("NTLM target information", pairs);
    let mut at = 0;
    loop {
        let (id, length) = (fields.u16(at)?, usize::from(fields.u16(at + 2)?));
        match id {
            AV_END => return Ok(None),
            AV_TIMESTAMP if length == 8 => return Ok(Some(fields.array(at + 4)?)),
            _ => at += 4 + length,
        }
    }
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// NTOWFv2 (3.3.2).
fn response_key(who: &Credentials) -> [u8; 16] {
    let hash: [u8; 16] = Md4::digest(utf16(&who.password)).into();
    let name = who.user.to_uppercase() + &who.domain;
    hmac_md5(&hash, &[&utf16(&name)])
}

/// NTLMv2_RESPONSE and SessionBaseKey (3.3.2).
fn respond(
    key: &[u8; 16],
    challenge: &[u8; 8],
    (ours, time): ([u8; 8], [u8; 8]),
    target: &[u8],
) -> (Vec<u8>, [u8; 16]) {
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend(time);
    blob.extend(ours);
    blob.extend([0; 4]);
    blob.extend(target);
    blob.extend([0; 4]);
    let proof = hmac_md5(key, &[challenge, &blob]);
    ([&proof[..], &blob].concat(), hmac_md5(key, &[&proof]))
}

/// What is not in the messages: a challenge of ours, and the time as FILETIME.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Random.
    pub challenge: [u8; 8],
    /// 100 ns since 1601.
    pub time: u64,
}

/// The last message, and the session's key.
#[must_use]
pub fn authenticate(
    who: &Credentials,
    challenge_message: &[u8],
    challenge: &Challenge,
    fresh: Fresh,
) -> (Vec<u8>, [u8; 16]) {
    let key = response_key(who);
    let (time, target) = match challenge.timestamp {
        Some(time) => (time, with_mic_flag(&challenge.target)),
        None => (fresh.time.to_le_bytes(), challenge.target.clone()),
    };
    let (response, session_key) =
        respond(&key, &challenge.challenge, (fresh.challenge, time), &target);
    let payload = [
        vec![0; 24],
        response,
        utf16(&who.domain),
        utf16(&who.user),
        Vec::new(),
        Vec::new(),
    ];
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(3_u32.to_le_bytes());
    let mut offset = MIC.end;
    for part in &payload {
        // Parts are a password's proof and names; target information has a 16-bit length.
        let length = part.len() as u16;
        bytes.extend(length.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend((offset as u32).to_le_bytes());
        offset += part.len();
    }
    bytes.extend((FLAGS & challenge.flags).to_le_bytes());
    // Version, and room for the MIC.
    bytes.resize(MIC.end, 0);
    bytes.extend(payload.concat());
    if challenge.timestamp.is_some() {
        let mic = hmac_md5(&session_key, &[&negotiate(), challenge_message, &bytes]);
        bytes[MIC].copy_from_slice(&mic);
    }
    (bytes, session_key)
}

/// Target information that says that a MIC is there (3.1.5.1.2).
fn with_mic_flag(pairs: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(AV_FLAGS.to_le_bytes());
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend(HAS_MIC.to_le_bytes());
    bytes.extend(pairs);
    bytes
}

/// What a server that knows the password has as the session's key.
#[cfg(test)]
pub(super) fn session_key_of(who: &Credentials, proof: &[u8; 16]) -> [u8; 16] {
    hmac_md5(&response_key(who), &[proof])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect()
    }

    /// MS-NLMP, 4.2.4: the example of NTLMv2 authentication.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let who = Credentials {
            user: "User".into(),
            password: "Password".into(),
            domain: "Domain".into(),
        };
        let key = response_key(&who);
        assert_eq!(key[..], hex("0c868a403bfd7a93a3001ef22ef02e3f"));
        let mut target = Vec::new();
        for (id, name) in [(2_u16, "Domain"), (1, "Server")] {
            let name = utf16(name);
            target.extend(id.to_le_bytes());
            target.extend((name.len() as u16).to_le_bytes());
            target.extend(name);
        }
        target.extend([0; 4]);
        let challenge = hex("0123456789abcdef").try_into().expect("8 bytes");
        let (response, session_key) = respond(&key, &challenge, ([0xAA; 8], [0; 8]), &target);
        assert_eq!(response[..16], hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(session_key[..], hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
    }

    fn challenge(pairs: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(FLAGS.to_le_bytes());
        bytes.extend([7; 8]);
        bytes.extend([0; 8]);
        bytes.extend((pairs.len() as u16).to_le_bytes());
        bytes.extend((pairs.len() as u16).to_le_bytes());
        bytes.extend(56_u32.to_le_bytes());
        bytes.resize(56, 0);
        bytes.extend(pairs);
        bytes
    }

    #[test]
    fn a_timestamp_is_taken_over_and_asks_for_a_mic() {
        let mut pairs = vec![7, 0, 8, 0];
        pairs.extend([9; 8]);
        pairs.extend([0; 4]);
        let message = challenge(&pairs);
        let parsed = Challenge::parse(&message).expect("a challenge");
        assert_eq!(parsed.timestamp, Some([9; 8]));
        let who = Credentials {
            user: "bob".into(),
            password: "secret".into(),
            domain: String::new(),
        };
        let fresh = Fresh {
            challenge: [1; 8],
            time: 0,
        };
        let (bytes, key) = authenticate(&who, &message, &parsed, fresh);
        let mut without = bytes.clone();
        without[MIC].fill(0);
        assert_eq!(
            bytes[MIC],
            hmac_md5(&key, &[&negotiate(), &message, &without])
        );
        // The response holds the server's time.
        let at = u32::from_le_bytes(bytes[24..28].try_into().expect("4 bytes")) as usize;
        assert_eq!(bytes[at + 24..at + 32], [9; 8]);
    }

    #[test]
    fn target_information_that_does_not_end_is_refused() {
        for pairs in [
            &[][..],
            &[2, 0],
            &[2, 0, 255, 255],
            &[2, 0, 0, 0],
            &[7, 0, 8, 0, 1],
        ] {
            assert!(Challenge::parse(&challenge(pairs)).is_err(), "{pairs:?}");
        }
        let mut outside = challenge(&[0; 4]);
        outside[44..48].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Challenge::parse(&outside).is_err());
    }
}
