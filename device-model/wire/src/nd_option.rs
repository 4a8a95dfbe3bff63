//! Options of neighbour discovery messages (RFC 4861, 4.6).

use core::net::Ipv6Addr;

use crate::error::DropReason;
use crate::number::MacAddr;

/// Options whose lengths have been checked, in wire form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NdOptions<'a>(&'a [u8]);

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NdOption<'a> {
    /// Type 1: Ethernet address of the sender.
    SourceLinkLayer(MacAddr),
    /// Type 2: Ethernet address of the target.
    TargetLinkLayer(MacAddr),
    /// Type 3: a prefix of the link.
    Prefix {
        /// Bits of the prefix.
        len: u8,
        /// On-link (bit 7), autonomous (bit 6), reserved.
        flags: u8,
        /// Valid lifetime, seconds.
        valid_s: u32,
        /// Preferred lifetime, seconds.
        preferred_s: u32,
        /// The prefix.
        prefix: Ipv6Addr,
    },
    /// Type 5: MTU of the link, bytes.
    Mtu(u32),
    /// Another type, or one of the above with an unknown length: all bytes, type and length included.
    Other(&'a [u8]),
}

impl<'a> NdOptions<'a> {
    /// # Errors
    /// [`DropReason::NdOption`] for an option of length zero or past the end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = split(rest).ok_or(DropReason::NdOption)?;
        }
        Ok(Self(bytes))
    }

    /// The options in wire form.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// One option after the other.
    pub fn iter(&self) -> impl Iterator<Item = NdOption<'a>> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (option, tail) = split(rest)?;
            rest = tail;
            Some(typed(option))
        })
    }

    /// The first source link-layer address.
    #[must_use]
    pub fn source_link_layer(&self) -> Option<MacAddr> {
        self.iter().find_map(|o| {
            if let NdOption::SourceLinkLayer(m) = o {
                Some(m)
            } else {
                None
            }
        })
    }

    /// The first target link-layer address.
    #[must_use]
    pub fn target_link_layer(&self) -> Option<MacAddr> {
        self.iter().find_map(|o| {
            if let NdOption::TargetLinkLayer(m) = o {
                Some(m)
            } else {
                None
            }
        })
    }
}

/// Length byte counts units of eight bytes, type and length included.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [_, units] = *bytes.first_chunk::<2>()?;
    if units == 0 {
        None
    } else {
        bytes.split_at_checked(usize::from(units) * 8)
    }
}

fn typed(option: &[u8]) -> NdOption<'_> {
    match *option {
        [1, 1, ref mac @ ..] => mac
            .first_chunk()
            .map(|m| NdOption::SourceLinkLayer(MacAddr(*m))),
        [2, 1, ref mac @ ..] => mac
            .first_chunk()
            .map(|m| NdOption::TargetLinkLayer(MacAddr(*m))),
        [
            3,
            4,
            len,
            flags,
            v0,
            v1,
            v2,
            v3,
            p0,
            p1,
            p2,
            p3,
            _,
            _,
            _,
            _,
            ref prefix @ ..,
        ] => prefix.first_chunk::<16>().map(|p| NdOption::Prefix {
            len,
            flags,
            valid_s: u32::from_be_bytes([v0, v1, v2, v3]),
            preferred_s: u32::from_be_bytes([p0, p1, p2, p3]),
            prefix: (*p).into(),
        }),
        [5, 1, _, _, m0, m1, m2, m3] => Some(NdOption::Mtu(u32::from_be_bytes([m0, m1, m2, m3]))),
        _ => None,
    }
    .unwrap_or(NdOption::Other(option))
}

/// Whose address a link-layer option carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkLayerOf {
    /// Of the sender: in solicitations.
    Source = 1,
    /// Of the target: in neighbour advertisements.
    Target = 2,
}

/// A link-layer address option in wire form.
#[must_use]
pub const fn link_layer(of: LinkLayerOf, mac: MacAddr) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac.0;
    [of as u8, 1, a, b, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn known_options_are_typed_and_others_kept() {
        let mac = MacAddr([1, 2, 3, 4, 5, 6]);
        let mut bytes = link_layer(LinkLayerOf::Source, mac).to_vec();
        bytes.extend([5, 1, 0, 0, 0, 0, 0x23, 0x28]);
        bytes.extend([14, 1, 9, 9, 9, 9, 9, 9]);
        let mut prefix = std::vec![3, 4, 64, 0xc0, 0, 0, 0, 10, 0, 0, 0, 5, 0, 0, 0, 0];
        prefix.extend("fd07::".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend(prefix);
        let options = NdOptions::parse(&bytes).unwrap();
        assert_eq!(
            options.iter().collect::<Vec<_>>(),
            [
                NdOption::SourceLinkLayer(mac),
                NdOption::Mtu(9000),
                NdOption::Other(&[14, 1, 9, 9, 9, 9, 9, 9]),
                NdOption::Prefix {
                    len: 64,
                    flags: 0xc0,
                    valid_s: 10,
                    preferred_s: 5,
                    prefix: "fd07::".parse().unwrap()
                },
            ]
        );
        assert_eq!(
            (options.source_link_layer(), options.target_link_layer()),
            (Some(mac), None)
        );
    }

    #[test]
    fn bad_lengths_are_refused() {
        for bad in [
            &[1u8][..],
            &[1, 0, 0, 0, 0, 0, 0, 0],
            &[1, 2, 0, 0, 0, 0, 0, 0],
            &[1, 1, 0, 0],
        ] {
            assert_eq!(NdOptions::parse(bad), Err(DropReason::NdOption));
        }
        assert!(NdOptions::parse(&[]).is_ok());
    }
}
