//! Messages, right and wrong.

use vfio_user_server::codec::header::HEADER_SIZE;
use vfio_user_server::codec::payload::*;
use vfio_user_server::codec::{Command, Header};
use zerocopy::{Immutable, IntoBytes};

/// A message with any header.
pub fn raw(id: u16, command: u16, size: u32, flags: u32, body: &[u8]) -> Vec<u8> {
    let header = Header {
        message_id: id,
        command: Command(command),
        size,
        flags,
        error: 0,
    };
    [header.as_bytes(), body].concat()
}

/// A command whose header is right.
pub fn command(id: u16, command: Command, flags: u32, body: &[u8]) -> Vec<u8> {
    let size = (HEADER_SIZE + body.len()) as u32;
    raw(id, command.0, size, flags, body)
}

/// A fixed layout and what follows.
pub fn body<T: IntoBytes + Immutable>(fixed: T, rest: &[u8]) -> Vec<u8> {
    [fixed.as_bytes(), rest].concat()
}

pub fn version_body(major: u16, minor: u16, data: &[u8]) -> Vec<u8> {
    body(VersionHeader { major, minor }, data)
}

/// What QEMU 11 says.
pub fn good_version() -> Vec<u8> {
    version_body(
        0,
        0,
        b"{\"capabilities\":{\"pgsizes\":4096,\"max_msg_fds\":16,\"max_dma_maps\":65535,\
          \"max_data_xfer_size\":1048576,\"migration\":{\"pgsize\":4096},\"write_multiple\":true}}\0",
    )
}

pub fn map_body(address: u64, size: u64) -> Vec<u8> {
    let map = DmaMap {
        argsz: 32,
        flags: DMA_MAP_READ | DMA_MAP_WRITE,
        offset: 0,
        address,
        size,
    };
    body(map, &[])
}

pub fn unmap_body(flags: u32, address: u64, size: u64) -> Vec<u8> {
    let unmap = DmaUnmap {
        argsz: 24,
        flags,
        address,
        size,
    };
    body(unmap, &[])
}

pub fn access_body(region: u32, offset: u64, count: u32, data: &[u8]) -> Vec<u8> {
    let access = RegionAccess {
        offset,
        region,
        count,
    };
    body(access, data)
}

pub fn irqs_body(flags: u32, index: u32, start: u32, count: u32, data: &[u8]) -> Vec<u8> {
    let set = IrqSet {
        argsz: 20 + data.len() as u32,
        flags,
        index,
        start,
        count,
    };
    body(set, data)
}

pub fn device_info_body(argsz: u32) -> Vec<u8> {
    body(
        DeviceInfoLayout {
            argsz,
            ..DeviceInfoLayout::default()
        },
        &[],
    )
}

pub fn region_info_body(argsz: u32, index: u32) -> Vec<u8> {
    body(
        RegionInfoLayout {
            argsz,
            index,
            ..RegionInfoLayout::default()
        },
        &[],
    )
}

pub fn irq_info_body(argsz: u32, index: u32) -> Vec<u8> {
    body(
        IrqInfoLayout {
            argsz,
            index,
            ..IrqInfoLayout::default()
        },
        &[],
    )
}

pub type DeviceInfoLayout = vfio_user_server::codec::payload::DeviceInfo;
pub type RegionInfoLayout = vfio_user_server::codec::payload::RegionInfo;
pub type IrqInfoLayout = vfio_user_server::codec::payload::IrqInfo;

pub fn multi_body(wr_cnt: u64, writes: &[(u32, u64, u32, [u8; 8])]) -> Vec<u8> {
    let mut out = body(WriteMulti { wr_cnt }, &[]);
    for &(region, offset, count, data) in writes {
        let entry = WriteMultiEntry {
            offset,
            region,
            count,
            data,
        };
        out.extend_from_slice(entry.as_bytes());
    }
    out
}
