//! Receive side scaling: what Windows sets, as the device takes it.

use ndis_sys::ndis::*;
use ndis_sys::nt::PROCESSOR_NUMBER;
use rnic_abi::{RssTypes, feature};

use super::queues;
use crate::adapter::settings::Settings;
use crate::engine::Engine;

/// Entries of the indirection table at most (NDIS_RSS_INDIRECTION_TABLE_SIZE_REVISION_1).
pub const TABLE: usize = 128;
/// Queues at most.
pub const QUEUES: usize = 16;

/// NDIS_RSS_PARAM_FLAG_*.
const HASH_INFO_UNCHANGED: u16 = 2;
const TABLE_UNCHANGED: u16 = 4;
const KEY_UNCHANGED: u16 = 8;
const DISABLE: u16 = 0x10;
/// NdisHashFunctionToeplitz.
const TOEPLITZ: u32 = 1;
/// NDIS_HASH_*.
const HASH_IPV4: u32 = 0x100;
const HASH_TCP_IPV4: u32 = 0x200;
const HASH_IPV6: u32 = 0x400;
const HASH_TCP_IPV6: u32 = 0x1000;

/// What is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rss {
    /// Secret key.
    pub key: [u8; 40],
    /// What is hashed.
    pub types: RssTypes,
    table: [u8; TABLE],
    size: usize,
    /// By queue: the processor that its DPC runs on, as a number that [`processor`] takes; none where it does not matter.
    pub cpus: [Option<u32>; QUEUES],
}

/// What NDIS is told, if the device can do it and it is wanted.
pub fn capabilities(
    settings: &Settings,
    engine: &Engine,
) -> Option<NDIS_RECEIVE_SCALE_CAPABILITIES> {
    if settings.rss == 0 || !engine.nic.has(feature::ETH_RSS) {
        return None;
    }
    let queues = u32::try_from(queues(settings, engine)).ok()?;
    Some(NDIS_RECEIVE_SCALE_CAPABILITIES {
        Header: NDIS_RECEIVE_SCALE_CAPABILITIES::HEADER,
        CapabilitiesFlags: NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS
            | NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR
            | NDIS_RSS_CAPS_USING_MSI_X
            | NDIS_RSS_CAPS_SUPPORTS_MSI_X
            | NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4
            | NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6
            | TOEPLITZ,
        NumberOfInterruptMessages: queues,
        NumberOfReceiveQueues: queues,
        NumberOfIndirectionTableEntries: TABLE as u16,
    })
}

/// What OID_GEN_RECEIVE_SCALE_PARAMETERS makes of what was set: none when it switches RSS off.
///
/// `bytes` is the whole buffer: the structure, then table and key at its offsets.
pub fn parse(
    bytes: &[u8],
    before: Option<&Rss>,
    queues: usize,
) -> Result<Option<Rss>, NDIS_STATUS> {
    let half = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let short = NDIS_STATUS_INVALID_LENGTH;
    // Offsets of NDIS_RECEIVE_SCALE_PARAMETERS, which the layout test holds.
    let (kind, revision) = match bytes {
        [kind, revision, ..] if bytes.len() >= 28 => (*kind, *revision),
        _ => return Err(short),
    };
    if kind != NDIS_OBJECT_TYPE_RSS_PARAMETERS || revision == 0 {
        return Err(NDIS_STATUS_INVALID_PARAMETER);
    }
    let flags = half(4).ok_or(short)?;
    let information = word(8).ok_or(short)?;
    if flags & DISABLE != 0 || (flags & HASH_INFO_UNCHANGED == 0 && information == 0) {
        return Ok(None);
    }
    let mut rss = before.copied().unwrap_or(Rss {
        key: [0; 40],
        types: RssTypes(0),
        table: [0; TABLE],
        size: 1,
        cpus: [None; QUEUES],
    });
    if flags & HASH_INFO_UNCHANGED == 0 {
        if information & 0xFF != TOEPLITZ {
            return Err(NDIS_STATUS_INVALID_PARAMETER);
        }
        let pairs = [
            (HASH_IPV4, RssTypes::IPV4),
            (HASH_TCP_IPV4, RssTypes::TCP_IPV4),
            (HASH_IPV6, RssTypes::IPV6),
            (HASH_TCP_IPV6, RssTypes::TCP_IPV6),
        ];
        rss.types = RssTypes(
            pairs
                .iter()
                .filter(|(ndis, _)| information & ndis != 0)
                .fold(0, |bits, (_, types)| bits | types.0),
        );
    }
    if flags & KEY_UNCHANGED == 0 {
        let (size, offset) = (half(20).ok_or(short)?, word(24).ok_or(short)?);
        let key = part(bytes, offset, size.into()).ok_or(short)?;
        let to = rss
            .key
            .get_mut(..key.len())
            .ok_or(NDIS_STATUS_INVALID_PARAMETER)?;
        to.copy_from_slice(key);
    }
    if flags & TABLE_UNCHANGED == 0 {
        let (size, offset) = (half(12).ok_or(short)?, word(16).ok_or(short)?);
        let table = part(bytes, offset, size.into()).ok_or(short)?;
        rss.set_table(table, revision, queues)?;
    }
    Ok(Some(rss))
}

/// A processor as a number: its number in its group, with that of the group above.
fn number(processor: PROCESSOR_NUMBER) -> u32 {
    u32::from(processor.Group) << 8 | u32::from(processor.Number)
}

/// The other way.
pub fn processor(number: u32) -> PROCESSOR_NUMBER {
    let [low, high, more, _] = number.to_le_bytes();
    PROCESSOR_NUMBER {
        Group: u16::from_le_bytes([high, more]),
        Number: low,
        Reserved: 0,
    }
}

fn part(bytes: &[u8], offset: u32, size: usize) -> Option<&[u8]> {
    bytes.get(offset as usize..)?.get(..size)
}

impl Rss {
    /// The device's indirection table: queue numbers.
    pub fn table(&self) -> &[u8] {
        self.table.get(..self.size).unwrap_or(&[])
    }

    /// Each processor gets a queue, in the order in which they appear; when there are more, queues are shared.
    fn set_table(&mut self, table: &[u8], revision: u8, queues: usize) -> Result<(), NDIS_STATUS> {
        let width = if revision == 1 { 1 } else { 4 };
        let entries = table.len() / width;
        if !entries.is_power_of_two() || entries > TABLE || !table.len().is_multiple_of(width) {
            return Err(NDIS_STATUS_INVALID_PARAMETER);
        }
        let queues = queues.clamp(1, QUEUES);
        let mut seen = [0u32; TABLE];
        let mut distinct = 0;
        self.cpus = [None; QUEUES];
        for (entry, to) in table.chunks_exact(width).zip(&mut self.table) {
            let cpu = match *entry {
                [cpu] => u32::from(cpu),
                [a, b, in_group, _] => number(PROCESSOR_NUMBER {
                    Group: u16::from_le_bytes([a, b]),
                    Number: in_group,
                    Reserved: 0,
                }),
                _ => return Err(NDIS_STATUS_INVALID_PARAMETER),
            };
            let known = seen.iter().take(distinct).position(|known| *known == cpu);
            let order = known.unwrap_or_else(|| {
                if let Some(place) = seen.get_mut(distinct) {
                    *place = cpu;
                }
                distinct += 1;
                distinct - 1
            });
            let queue = order % queues;
            *to = u8::try_from(queue).unwrap_or(0);
            if let Some(place) = self.cpus.get_mut(queue) {
                place.get_or_insert(cpu);
            }
        }
        self.size = entries;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn parameters(revision: u8, flags: u16, information: u32, table: &[u8], key: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![0u8; 40];
        bytes[0] = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
        bytes[1] = revision;
        bytes[2] = 40;
        bytes[4..6].copy_from_slice(&flags.to_le_bytes());
        bytes[8..12].copy_from_slice(&information.to_le_bytes());
        bytes[12..14].copy_from_slice(&u16::try_from(table.len()).unwrap().to_le_bytes());
        bytes[16..20].copy_from_slice(&40u32.to_le_bytes());
        bytes[20..22].copy_from_slice(&u16::try_from(key.len()).unwrap().to_le_bytes());
        let at = 40 + u32::try_from(table.len()).unwrap();
        bytes[24..28].copy_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(table);
        bytes.extend_from_slice(key);
        bytes
    }

    #[test]
    fn processors_get_queues_in_order_and_share_when_there_are_more() {
        let table = [2, 5, 2, 7];
        let bytes = parameters(1, 0, TOEPLITZ | HASH_TCP_IPV4 | HASH_IPV6, &table, &[9; 40]);
        let rss = parse(&bytes, None, 2).unwrap().unwrap();
        assert_eq!(rss.table(), &[0, 1, 0, 0]);
        assert_eq!(&rss.cpus[..3], &[Some(2), Some(5), None]);
        assert_eq!(rss.types.0, RssTypes::TCP_IPV4.0 | RssTypes::IPV6.0);
        assert_eq!(rss.key, [9; 40]);
    }

    #[test]
    fn revision_2_names_processors_with_their_group() {
        let table = [1, 0, 3, 0, 0, 0, 3, 0];
        let bytes = parameters(2, 0, TOEPLITZ | HASH_IPV4, &table, &[0; 40]);
        let rss = parse(&bytes, None, 4).unwrap().unwrap();
        assert_eq!(rss.table(), &[0, 1]);
        assert_eq!(&rss.cpus[..2], &[Some(1 << 8 | 3), Some(3)]);
        let first = processor(1 << 8 | 3);
        assert_eq!((first.Group, first.Number), (1, 3));
    }

    #[test]
    fn what_is_unchanged_stays() {
        let first = parameters(1, 0, TOEPLITZ | HASH_IPV4, &[0, 1], &[7; 40]);
        let rss = parse(&first, None, 4).unwrap().unwrap();
        let flags = HASH_INFO_UNCHANGED | KEY_UNCHANGED;
        let second = parameters(1, flags, 0, &[1, 1], &[]);
        let again = parse(&second, Some(&rss), 4).unwrap().unwrap();
        assert_eq!((again.types, again.key), (rss.types, rss.key));
        assert_eq!(again.table(), &[0, 0]);
    }

    #[test]
    fn off_is_off_and_nonsense_is_refused() {
        assert_eq!(
            parse(&parameters(1, DISABLE, 0, &[], &[]), None, 4),
            Ok(None)
        );
        assert_eq!(parse(&parameters(1, 0, 0, &[], &[]), None, 4), Ok(None));
        let toeplitz = TOEPLITZ | HASH_IPV4;
        for (bytes, status) in [
            (
                parameters(1, 0, 2 | HASH_IPV4, &[0], &[0; 40]),
                NDIS_STATUS_INVALID_PARAMETER,
            ),
            (
                parameters(1, 0, toeplitz, &[0, 1, 2], &[0; 40]),
                NDIS_STATUS_INVALID_PARAMETER,
            ),
            (
                parameters(1, 0, toeplitz, &[0], &[0; 41]),
                NDIS_STATUS_INVALID_PARAMETER,
            ),
            (std::vec![0x89; 20], NDIS_STATUS_INVALID_LENGTH),
        ] {
            assert_eq!(parse(&bytes, None, 4), Err(status));
        }
        let mut outside = parameters(1, 0, toeplitz, &[0], &[0; 40]);
        outside[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&outside, None, 4), Err(NDIS_STATUS_INVALID_LENGTH));
    }
}
