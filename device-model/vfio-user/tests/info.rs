//! What the server says of itself and of the device.

mod support;

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use support::*;
use vfio_user_server::Errno;
use vfio_user_server::codec::Command;
use vfio_user_server::codec::payload::*;

fn greet_with(version: &[u8]) -> (Session, ReplyMessage) {
    let mut session = Session::silent();
    let reply = session.request(Command::VERSION, version, &[]);
    (session, reply)
}

/// Section "VFIO_USER_VERSION".
#[test]
fn version_and_capabilities() {
    let (mut session, reply) = greet_with(&version_body(
        0,
        9,
        b"{\"capabilities\":{\"max_msg_fds\":8,\"write_multiple\":true,\"twin_socket\":{\"supported\":true}}}\0",
    ));
    let (version, data) = reply.payload::<VersionHeader>();
    // The same major version, and a minor version not above the proposal.
    assert_eq!((version.major, version.minor), (0, 0));
    assert_eq!(
        data,
        b"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}\0"
    );
    let events = session.device.take_events();
    let [Event::Connected(negotiated)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(negotiated.client.max_msg_fds, 8);
    assert_eq!(negotiated.client.max_data_xfer_size, 1 << 20);
    session.assert_served();
}

/// "The capability list must be a subset of those proposed."
#[test]
fn write_multiple_is_offered_to_those_who_propose_it() {
    for data in [&b""[..], b"{}\0", b"{\"capabilities\":{}}\0"] {
        let (mut session, reply) = greet_with(&version_body(0, 0, data));
        let (_, data) = reply.payload::<VersionHeader>();
        let text = std::str::from_utf8(data).unwrap();
        assert!(text.contains("\"write_multiple\":false"), "{text}");
        session.device.take_events();
        session.assert_served();
    }
}

/// Sections "VFIO_USER_DEVICE_GET_INFO" and "VFIO_USER_DEVICE_GET_IRQ_INFO".
#[test]
fn device_and_interrupt_info() {
    for (resettable, flags) in [(true, DEVICE_PCI | DEVICE_RESET), (false, DEVICE_PCI)] {
        let mut session = Session::with(FakeDevice::with_reset(resettable)).greet();
        let reply = session.request(Command::DEVICE_GET_INFO, &device_info_body(4096), &[]);
        let (info, rest) = reply.payload::<DeviceInfo>();
        let want = DeviceInfo {
            argsz: 16,
            flags,
            num_regions: REGIONS,
            num_irqs: IRQ_TYPES,
        };
        assert_eq!((info, rest.len()), (want, 0));
        let reply = session.request(Command::DEVICE_RESET, &[], &[]);
        assert_eq!(reply.errno(), (!resettable).then_some(Errno::ENOTSUP));
    }
    let mut session = Session::greeted();
    for (index, flags, count) in [
        (INTX, IRQ_EVENTFD | IRQ_MASKABLE | IRQ_AUTOMASKED, 1),
        (MSIX, IRQ_EVENTFD | IRQ_NORESIZE, MSIX_COUNT),
        (NO_EVENTFD, 0, 1),
        (NO_IRQS, 0, 0),
    ] {
        let reply = session.request(Command::DEVICE_GET_IRQ_INFO, &irq_info_body(16, index), &[]);
        let (info, _) = reply.payload::<IrqInfo>();
        let want = IrqInfo {
            argsz: 16,
            flags,
            index,
            count,
        };
        assert_eq!(info, want);
    }
}

/// Section "VFIO_USER_DEVICE_GET_REGION_INFO", in both calls QEMU makes.
#[test]
fn region_info_of_a_mappable_region() {
    let mut session = Session::greeted();
    let reply = session.request(
        Command::DEVICE_GET_REGION_INFO,
        &region_info_body(32, MAPPABLE),
        &[],
    );
    let (short, rest) = reply.payload::<RegionInfo>();
    let needed = 32 + 8 + 8 + 2 * 16;
    assert_eq!((short.argsz, short.size, rest.len()), (needed, 0x4000, 0));
    // Nothing of mapping without the areas: QEMU rejects the capability flag without an offset, and another client could map too much.
    assert_eq!(
        (short.flags, short.cap_offset, reply.fds.len()),
        (REGION_READ | REGION_WRITE, 0, 0)
    );

    let reply = session.request(
        Command::DEVICE_GET_REGION_INFO,
        &region_info_body(needed, MAPPABLE),
        &[],
    );
    let (info, caps) = reply.payload::<RegionInfo>();
    let want = RegionInfo {
        argsz: needed,
        flags: REGION_READ | REGION_WRITE | REGION_MMAP | REGION_CAPS,
        index: MAPPABLE,
        cap_offset: 32,
        size: 0x4000,
        offset: 0x1000,
    };
    assert_eq!(info, want);
    let (cap, rest) = split::<CapabilityHeader>(caps).unwrap();
    assert_eq!((cap.id, cap.version, cap.next), (CAP_SPARSE_MMAP, 1, 0));
    let (sparse, rest) = split::<SparseMmapHeader>(rest).unwrap();
    assert_eq!(sparse.nr_areas, 2);
    let (first, rest) = split::<SparseMmapArea>(rest).unwrap();
    let (second, rest) = split::<SparseMmapArea>(rest).unwrap();
    assert_eq!((first.offset, first.size), (0, 0x1000));
    assert_eq!((second.offset, second.size), (0x2000, 0x2000));
    assert!(rest.is_empty());
    // The descriptor is the device's file.
    let [fd] = <[OwnedFd; 1]>::try_from(reply.fds).unwrap();
    let mut bytes = [0; 8];
    std::fs::File::from(fd)
        .read_exact_at(&mut bytes, info.offset)
        .unwrap();
    assert_eq!(&bytes, b"doorbell");
}

#[test]
fn region_info_of_other_regions() {
    let mut session = Session::greeted();
    for (index, flags, size) in [
        (RW, REGION_READ | REGION_WRITE, 0x1000),
        (READ_ONLY, REGION_READ, 0x1000),
        (WRITE_ONLY, REGION_WRITE, 0x1000),
        (ABSENT, 0, 0),
        (CONFIG, REGION_READ | REGION_WRITE, 0x100),
    ] {
        let reply = session.request(
            Command::DEVICE_GET_REGION_INFO,
            &region_info_body(4096, index),
            &[],
        );
        let (info, rest) = reply.payload::<RegionInfo>();
        assert_eq!(
            (info.index, info.flags, info.size, info.argsz),
            (index, flags, size, 32)
        );
        assert_eq!((info.cap_offset, rest.len(), reply.fds.len()), (0, 0, 0));
    }
}

/// A client that says it takes no descriptors is not offered mapping.
#[test]
fn no_mapping_for_a_client_without_descriptors() {
    let (mut session, _) = greet_with(&version_body(
        0,
        0,
        b"{\"capabilities\":{\"max_msg_fds\":0}}\0",
    ));
    let reply = session.request(
        Command::DEVICE_GET_REGION_INFO,
        &region_info_body(4096, MAPPABLE),
        &[],
    );
    let (info, rest) = reply.payload::<RegionInfo>();
    assert_eq!((info.flags, info.argsz), (REGION_READ | REGION_WRITE, 32));
    assert!(rest.is_empty() && reply.fds.is_empty());
}
