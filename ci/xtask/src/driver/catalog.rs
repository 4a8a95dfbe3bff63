//! A driver catalogue: which files a package has, by hash, for Windows to check. Unsigned; signing is another program's.
//!
//! Form: PKCS #7 SignedData (RFC 2315) around a certificate trust list, as inf2cat writes it; object identifiers are
//! Microsoft's (1.3.6.1.4.1.311).

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CTL: &str = "1.3.6.1.4.1.311.10.1";
const CATALOG_LIST: &str = "1.3.6.1.4.1.311.12.1.1";
/// CAT_LIST member version 2: SHA-256.
const CATALOG_LIST_MEMBER2: &str = "1.3.6.1.4.1.311.12.1.3";
const NAME_VALUE: &str = "1.3.6.1.4.1.311.12.2.1";
const MEMBER_INFO2: &str = "1.3.6.1.4.1.311.12.2.3";
const INDIRECT_DATA: &str = "1.3.6.1.4.1.311.2.1.4";
const PE_IMAGE: &str = "1.3.6.1.4.1.311.2.1.15";
const CAB_DATA: &str = "1.3.6.1.4.1.311.2.1.25";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
/// Attribute flags: authenticated, text, of the whole catalogue or a member.
const FLAGS: u32 = 0x1001_0001;

/// A file of the package.
pub struct Member<'a> {
    /// Name, without folder.
    pub name: &'a str,
    /// Content.
    pub bytes: &'a [u8],
}

/// The catalogue of some files. `date` is YYMMDD.
pub fn catalog(members: &[Member<'_>], hardware: &str, date: &str) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for member in members {
        all.push(entry(member)?);
    }
    all.sort();
    let list: Vec<u8> = all.into_iter().flat_map(|(_, der)| der).collect();
    // Any 16 bytes that name this list.
    let identifier = Sha256::digest(&list)[..16].to_vec();
    let extensions = [
        name_value("OS", "10_X64"),
        name_value("HWID1", &hardware.to_lowercase()),
    ]
    .concat();
    let ctl = sequence(&[
        sequence(&[oid(CATALOG_LIST)]),
        der(0x04, &identifier),
        der(0x17, format!("{date}000000Z").as_bytes()),
        sequence(&[oid(CATALOG_LIST_MEMBER2), der(0x05, &[])]),
        sequence(&[list]),
        der(0xA0, &sequence(&[extensions])),
    ]);
    let content = sequence(&[oid(CTL), der(0xA0, &ctl)]);
    let signed = sequence(&[der(0x02, &[1]), der(0x31, &[]), content, der(0x31, &[])]);
    Ok(sequence(&[oid(SIGNED_DATA), der(0xA0, &signed)]))
}

/// Hash and entry of a file.
fn entry(member: &Member<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
    // SpcLink.file, as everybody fills it in.
    let obsolete = der(0xA2, &der(0x80, &utf16_be("<<<Obsolete>>>")));
    let (hash, data) = if member.bytes.starts_with(b"MZ") {
        let hash = image_hash(member.bytes)
            .with_context(|| format!("{} is no Windows image", member.name))?;
        let image = sequence(&[der(0x03, &[0]), der(0xA0, &obsolete)]);
        (hash, sequence(&[oid(PE_IMAGE), image]))
    } else {
        let hash = Sha256::digest(member.bytes).to_vec();
        (hash, sequence(&[oid(CAB_DATA), obsolete]))
    };
    let digest = sequence(&[sequence(&[oid(SHA256), der(0x05, &[])]), der(0x04, &hash)]);
    let mut attributes = [
        name_value("File", member.name),
        name_value("OSAttr", "2:10.0"),
        sequence(&[oid(INDIRECT_DATA), der(0x31, &sequence(&[data, digest]))]),
        sequence(&[oid(MEMBER_INFO2), der(0x31, &der(0x80, &[]))]),
    ];
    // DER orders the elements of a SET OF.
    attributes.sort();
    let entry = sequence(&[der(0x04, &hash), der(0x31, &attributes.concat())]);
    Ok((hash, entry))
}

/// The Authenticode hash: everything but the checksum, the place of the certificate table, and that table.
fn image_hash(image: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| -> Option<usize> {
        let bytes: &[u8; 4] = image.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let optional = word(0x3C)? + 24;
    let (checksum, directory) = (optional + 64, optional + 112 + 4 * 8);
    let (table, size) = (word(directory)?, word(directory + 4)?);
    let end = if size == 0 { image.len() } else { table };
    let mut hash = Sha256::new();
    hash.update(image.get(..checksum)?);
    hash.update(image.get(checksum + 4..directory)?);
    hash.update(image.get(directory + 8..end)?);
    if size == 0 {
        // What a signature will be aligned to.
        hash.update(vec![0; image.len().next_multiple_of(8) - image.len()]);
    }
    Some(hash.finalize().to_vec())
}

fn name_value(name: &str, value: &str) -> Vec<u8> {
    let mut text: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    text.extend([0, 0]);
    let pair = sequence(&[
        der(0x1E, &utf16_be(name)),
        der(0x02, &FLAGS.to_be_bytes()),
        der(0x04, &text),
    ]);
    sequence(&[oid(NAME_VALUE), der(0x31, &pair)])
}

fn utf16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// Tag, length, content (X.690, 8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let first = bytes.iter().position(|b| *b != 0).unwrap_or(0);
            out.push(0x80 | (bytes.len() - first) as u8);
            out.extend(&bytes[first..]);
        }
    }
    out.extend(content);
    out
}

/// An object identifier (X.690, 8.19).
fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u32> = text.split('.').filter_map(|arc| arc.parse().ok()).collect();
    let mut content = Vec::new();
    let [first, second, rest @ ..] = arcs.as_slice() else {
        return der(0x06, &[]);
    };
    for arc in [first * 40 + second].iter().chain(rest) {
        let mut digits = vec![(arc & 0x7F) as u8];
        let mut left = arc >> 7;
        while left != 0 {
            digits.push(0x80 | (left & 0x7F) as u8);
            left >>= 7;
        }
        content.extend(digits.iter().rev());
    }
    der(0x06, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_is_as_x_690_has_it() {
        assert_eq!(
            oid("1.2.840.113549"),
            [6, 6, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D]
        );
        assert_eq!(der(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(der(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(der(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }

    /// Signing must not change what the catalogue says of a file.
    #[test]
    fn the_hash_leaves_out_what_signing_changes() {
        let mut image = vec![0x11u8; 0x400];
        image[..2].copy_from_slice(b"MZ");
        image[0x3C..0x40].copy_from_slice(&0x80u32.to_le_bytes());
        let directory = 0x80 + 24 + 112 + 32;
        image[directory..directory + 8].fill(0);
        let plain = image_hash(&image).unwrap();
        let mut signed = image.clone();
        let end = signed.len() as u32;
        signed[directory..directory + 4].copy_from_slice(&end.to_le_bytes());
        signed[directory + 4..directory + 8].copy_from_slice(&16u32.to_le_bytes());
        signed[0x80 + 24 + 64] ^= 0xFF;
        signed.extend([0xAB; 16]);
        assert_eq!(image_hash(&signed), Some(plain.clone()));
        signed[0x200] ^= 1;
        assert_ne!(image_hash(&signed), Some(plain));
    }

    #[test]
    fn members_are_found_by_hash_and_name() {
        let member = Member {
            name: "rnic.inf",
            bytes: b"[Version]",
        };
        let catalog = catalog(&[member], r"PCI\VEN_1D1D&DEV_524E", "261128").unwrap();
        let hash = Sha256::digest(b"[Version]");
        let has = |part: &[u8]| catalog.windows(part.len()).any(|w| w == part);
        assert!(has(&hash));
        let wide: Vec<u8> = "rnic.inf"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(has(&wide));
        assert!(has(b"261128000000Z"));
    }
}
