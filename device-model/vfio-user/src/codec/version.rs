//! Section "VFIO_USER_VERSION": the capabilities, JSON between the version numbers and a NUL.

use crate::Errno;
use crate::limits::{DMA_PAGE_SIZE, MAX_DATA_XFER_SIZE, MAX_DMA_MAPS, MAX_MSG_FDS};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The major version this server speaks. Another is refused.
pub const MAJOR: u16 = 0;
/// The minor version this server speaks. No proposal is below it, so it is the answer to all.
pub const MINOR: u16 = 0;

/// What one side can take. Capabilities that the server has no use for (migration, twin_socket) are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Descriptors the sender takes in one message.
    pub max_msg_fds: u64,
    /// Data bytes the sender takes in one read or write message.
    pub max_data_xfer_size: u64,
    /// DMA ranges that may be mapped at one time.
    pub max_dma_maps: u64,
    /// Page sizes for DMA ranges, or'ed.
    pub pgsizes: u64,
    /// REGION_WRITE_MULTI is understood.
    pub write_multiple: bool,
}

impl Default for Capabilities {
    /// What the specification says an absent capability means.
    fn default() -> Capabilities {
        Capabilities {
            max_msg_fds: 1,
            max_data_xfer_size: 1 << 20,
            max_dma_maps: 65_535,
            pgsizes: 4096,
            write_multiple: false,
        }
    }
}

impl Capabilities {
    /// What this server offers to a client that proposed `client`. Optional parts are offered only to a client that proposed them.
    pub fn offered_to(client: &Capabilities) -> Capabilities {
        Capabilities {
            max_msg_fds: MAX_MSG_FDS as u64,
            max_data_xfer_size: u64::from(MAX_DATA_XFER_SIZE),
            max_dma_maps: MAX_DMA_MAPS as u64,
            pgsizes: DMA_PAGE_SIZE,
            write_multiple: client.write_multiple,
        }
    }
}

#[derive(Serialize)]
struct VersionData<'a> {
    capabilities: &'a Capabilities,
}

/// Reads the version data. It may be absent; if it is there, it ends with a NUL and is a JSON object.
///
/// # Errors
/// EINVAL for data without its NUL, data that is not such JSON, and capabilities of the wrong type.
pub fn parse(data: &[u8]) -> Result<Capabilities, Errno> {
    if data.is_empty() {
        return Ok(Capabilities::default());
    }
    let (&nul, json) = data.split_last().ok_or(Errno::EINVAL)?;
    if nul != 0 {
        return Err(Errno::EINVAL);
    }
    // Objects are asked for by type: a derived struct would also be read from an array.
    let mut data: Map<String, Value> = serde_json::from_slice(json).map_err(|_| Errno::EINVAL)?;
    match data.remove("capabilities") {
        None => Ok(Capabilities::default()),
        Some(value @ Value::Object(_)) => serde_json::from_value(value).map_err(|_| Errno::EINVAL),
        Some(_) => Err(Errno::EINVAL),
    }
}

/// Writes version data, with its NUL.
pub fn write(capabilities: &Capabilities) -> Vec<u8> {
    let data = VersionData { capabilities };
    // Five integers and a name each: serialising them into memory has no way to fail, and an empty text still means the defaults.
    let mut json = serde_json::to_vec(&data).unwrap_or_default();
    json.push(0);
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemu_capabilities_are_read() {
        let caps = parse(
            b"{\"capabilities\":{\"pgsizes\":4096,\"max_msg_fds\":16,\"max_dma_maps\":65535,\"max_data_xfer_size\":1048576,\
              \"migration\":{\"pgsize\":4096,\"max_bitmap_size\":268435456},\"write_multiple\":true}}\0",
        )
        .unwrap();
        assert_eq!(caps.max_msg_fds, 16);
        assert!(caps.write_multiple);
    }

    #[test]
    fn absent_parts_have_the_defaults_of_the_specification() {
        for data in [&b""[..], b"{}\0", b"{\"capabilities\":{}}\0"] {
            assert_eq!(parse(data).unwrap(), Capabilities::default(), "{data:?}");
        }
    }

    #[test]
    fn wrong_data_is_refused() {
        let deep = [&[b'['; 4000][..], &[0]].concat();
        for data in [
            &b"\0"[..],
            b"{}",
            b"{\0}\0",
            b"[]\0",
            b"7\0",
            b"\"x\"\0",
            b"{\"capabilities\":7}\0",
            b"{\"capabilities\":[16]}\0",
            b"{\"capabilities\":{\"max_msg_fds\":-1}}\0",
            b"{\"capabilities\":{\"max_msg_fds\":\"1\"}}\0",
            b"{\"capabilities\":{\"max_data_xfer_size\":1e99}}\0",
            b"{\"capabilities\":{\"write_multiple\":1}}\0",
            b"\xff\xff\0",
            &deep,
        ] {
            assert_eq!(parse(data), Err(Errno::EINVAL), "{data:?}");
        }
    }

    #[test]
    fn our_own_data_reads_back() {
        let offered = Capabilities::offered_to(&Capabilities {
            write_multiple: true,
            ..Capabilities::default()
        });
        assert_eq!(parse(&write(&offered)).unwrap(), offered);
        assert_eq!(
            write(&offered),
            b"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}\0"
        );
    }
}
