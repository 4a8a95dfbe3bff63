//! Is this our device, and does it offer what every device must?

use rnic_abi::{DeviceLimits, consts, feature, interface, limit, place, reg};
use rnic_platform::{Bar, Platform};
use zerocopy::IntoBytes;

use crate::nic::Blocks;
use crate::{Error, Identity, Violation};

/// Reads a 32-bit register that cannot hold all ones.
pub(crate) fn register<P: Platform>(platform: &P, offset: u32) -> Result<u32, Error> {
    match platform.read32(Bar::Registers, offset) {
        u32::MAX => Err(Error::Gone),
        value => Ok(value),
    }
}

/// Checks that this is our device, and finds its blocks. [REG-6] [REG-7]
pub(crate) fn identify<P: Platform>(platform: &P) -> Result<(Blocks, Identity), Error> {
    let blocks = walk(platform)?;
    let at = |register| blocks.identity(register);
    if register(platform, at(reg::MAGIC))? != consts::MAGIC_VALUE {
        return Err(Error::NotOurs("wrong magic value"));
    }
    let version = u64::from(register(platform, at(reg::INTERFACE_VERSION))?);
    if reg::interface_version::MAJOR.get(version) != u64::from(interface::MAJOR) {
        return Err(Error::NotOurs("another major interface version"));
    }
    let minor = reg::interface_version::MINOR.get(version);
    let firmware = register(platform, at(reg::FIRMWARE_VERSION))?;
    let [patch, firmware_minor, firmware_major, _] = firmware.to_le_bytes();
    let capability = u64::from(register(platform, at(reg::CAPABILITY))?);
    let vectors = reg::capability::VECTORS.get(capability);
    let ring_log = reg::capability::COMMAND_RING_LOG.get(capability);
    let doorbell_pages = register(platform, at(reg::DOORBELL_PAGES))?;
    if ring_log < limit::COMMAND_RING_LOG_MINIMUM {
        return Err(Violation::Limit("COMMAND_RING_LOG").into());
    }
    if vectors < limit::VECTORS_MINIMUM {
        return Err(Violation::Limit("VECTORS").into());
    }
    if u64::from(doorbell_pages) < limit::DOORBELL_PAGES_MINIMUM
        || u64::from(doorbell_pages) * u64::from(consts::PAGE_SIZE) > place::BAR_DOORBELLS_SIZE
    {
        return Err(Violation::Limit("DOORBELL_PAGES").into());
    }
    let mac = platform.read64(Bar::Registers, at(reg::MAC_ADDRESS));
    let [a, b, c, d, e, f, ..] = mac.to_le_bytes();
    let identity = Identity {
        node_guid: platform.read64(Bar::Registers, at(reg::NODE_GUID)),
        mac: [a, b, c, d, e, f],
        minor: u16::try_from(minor).unwrap_or(0),
        firmware: (firmware_major, firmware_minor, patch),
        vectors: u16::try_from(vectors).unwrap_or(u16::MAX),
        doorbell_pages,
        offered: platform.read64(Bar::Registers, at(reg::FEATURES)),
    };
    Ok((blocks, identity))
}

/// Walks the chain of blocks; types that we do not know are skipped. [REG-6]
fn walk<P: Platform>(platform: &P) -> Result<Blocks, Error> {
    let mut found = [None; 4];
    let mut at = 0u64;
    // Blocks are at least 4 bytes and lie in the window, so a chain that is longer than this loops.
    for _ in 0..64 {
        let offset = u32::try_from(at).map_err(|_| Violation::Blocks)?;
        let header = u64::from(register(platform, offset)?);
        if header == 0 {
            break;
        }
        let id = reg::identity_header::TYPE.get(header);
        let length = reg::identity_header::LENGTH.get(header);
        let wanted = [
            (place::BLOCK_IDENTITY_ID, place::BLOCK_IDENTITY_SIZE),
            (place::BLOCK_CONTROL_ID, place::BLOCK_CONTROL_SIZE),
            (place::BLOCK_INTERRUPT_ID, place::BLOCK_INTERRUPT_SIZE),
            (place::BLOCK_COMMAND_RING_ID, place::BLOCK_COMMAND_RING_SIZE),
        ];
        for (slot, (block, size)) in found.iter_mut().zip(wanted) {
            if id == u64::from(block) && length >= size {
                slot.get_or_insert(offset);
            }
        }
        if length < 4 || !length.is_multiple_of(4) {
            return Err(Error::NotOurs("the chain of register blocks is broken"));
        }
        at += length;
        if at >= place::BAR_REGISTERS_SIZE {
            break;
        }
    }
    match found {
        [
            Some(identity),
            Some(control),
            Some(interrupt),
            Some(command_ring),
        ] => Ok(Blocks {
            identity,
            control,
            interrupt,
            command_ring,
        }),
        _ => Err(Error::NotOurs("a register block is missing")),
    }
}

/// Which feature a limit belongs to; the others belong to every device.
const OPTIONAL: [(&str, u64); 16] = [
    ("MWS", feature::MEMORY_WINDOWS),
    ("SRQS", feature::SRQ),
    ("SRQ_LOG", feature::SRQ),
    ("LISTENERS", feature::CONNECTIONS),
    ("CONNECTIONS", feature::CONNECTIONS),
    ("ENDPOINTS", feature::CONNECTIONS),
    ("ADDRESSES", feature::CONNECTIONS),
    ("BACKLOG", feature::CONNECTIONS),
    ("CONNECT_PRIVATE_BYTES", feature::CONNECTIONS),
    ("ACCEPT_PRIVATE_BYTES", feature::CONNECTIONS),
    ("REJECT_PRIVATE_BYTES", feature::CONNECTIONS),
    ("ETH_QUEUES", feature::ETHERNET),
    ("ETH_RING_LOG", feature::ETHERNET),
    ("ETH_FRAME_BYTES", feature::ETHERNET),
    ("MULTICAST", feature::ETHERNET),
    ("RSS_TABLE", feature::ETH_RSS),
];

/// Every limit is at least its minimum, so that the driver may rely on it; those of features not in force may be zero.
/// The table of the specification says which field reports which limit. [CONV-8] [CONV-13]
pub(crate) fn check_limits(limits: &DeviceLimits, features: u64) -> Result<(), Violation> {
    let structure = rnic_abi::STRUCTS.iter().find(|s| s.name == "DeviceLimits");
    let fields = structure.map_or(&[][..], |s| s.fields);
    for limit in rnic_abi::LIMITS {
        let Some(("DeviceLimits", name)) = limit.reported_by else {
            continue;
        };
        let optional = OPTIONAL.iter().find(|(name, _)| *name == limit.name);
        if optional.is_some_and(|(_, bits)| features & bits == 0) {
            continue;
        }
        let value = fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| {
                limits
                    .as_bytes()
                    .get(field.offset..field.offset + field.size)
            })
            .map_or(0, |bytes| {
                bytes
                    .iter()
                    .rev()
                    .fold(0, |value, byte| value << 8 | u64::from(*byte))
            });
        if value < limit.minimum {
            return Err(Violation::Limit(limit.name));
        }
    }
    Ok(())
}
