//! Descriptors are closed on every path. Alone in its binary: the count is of the whole process.

mod support;

use std::os::unix::net::UnixStream;
use support::*;
use vfio_user_server::codec::Command;
use vfio_user_server::codec::payload::*;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// One client that leaves descriptors everywhere it can, and goes in the way `end` says.
fn careless_client(device: FakeDevice, end: usize) -> FakeDevice {
    let mut session = Session::with(device).greet();
    let connect = irqs_body(
        IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER,
        MSIX,
        0,
        16,
        &[],
    );
    // Taken.
    session.request(Command::DMA_MAP, &map_body(0, 4096), &[memory_file(1)]);
    session.request(Command::DEVICE_SET_IRQS, &connect, &null_fds(16));
    session.request(
        Command::DEVICE_GET_REGION_INFO,
        &region_info_body(4096, MAPPABLE),
        &[],
    );
    // Refused: by the parser, the map, the backend, and where no descriptor belongs.
    session.request(Command::DMA_MAP, &map_body(1, 4096), &null_fds(1));
    session.request(Command::DMA_MAP, &map_body(0, 4096), &null_fds(1));
    session.device.fail = Some(vfio_user_server::Errno::ENOMEM);
    session.request(Command::DMA_MAP, &map_body(4096, 4096), &null_fds(1));
    session.device.fail = Some(vfio_user_server::Errno::ENOMEM);
    session.request(Command::DEVICE_SET_IRQS, &connect, &null_fds(16));
    session.request(Command::DEVICE_SET_IRQS, &connect, &null_fds(3));
    session.request(Command::DEVICE_SET_IRQS, &connect, &null_fds(200));
    session.request(Command::DEVICE_RESET, &[], &null_fds(5));
    session.request(Command(999), &[1; 50], &null_fds(5));
    session.post(Command::DMA_READ, &[0; 16], &null_fds(2));
    // Mappable regions in replies that are never read.
    session.client.send(
        &command(
            1,
            Command::DEVICE_GET_REGION_INFO,
            0,
            &region_info_body(4096, MAPPABLE),
        ),
        &[],
    );
    session.drive();
    match end {
        // With a message begun and descriptors in it.
        0 => session.client.send(
            &command(1, Command::DMA_MAP, 0, &map_body(0, 4096))[..20],
            &null_fds(1),
        ),
        // With a message being skipped.
        1 => session
            .client
            .send(&command(1, Command(999), 0, &[0; 100])[..20], &null_fds(4)),
        // With a header that is none.
        2 => session.client.send(&[0xff; 16], &null_fds(4)),
        // With more descriptors than may be held.
        3 => {
            let start = command(1, Command::DMA_MAP, 0, &map_body(0, 4096));
            session.client.send(&start[..16], &null_fds(150));
            session.drive();
            session.client.send(&start[16..20], &null_fds(150));
        }
        // With descriptors that were never received.
        _ => {
            session.drive();
            session.client.send(
                &command(1, Command::DMA_MAP, 0, &map_body(0, 4096)),
                &null_fds(1),
            );
        }
    }
    if end < 4 {
        session.drive();
    }
    let Session {
        mut device,
        server,
        client,
        closed,
        ..
    } = session;
    drop(client);
    match closed {
        Some(_) => {}
        None => server.close(&mut device),
    }
    assert!(device.files.is_empty());
    device.take_events();
    device
}

#[test]
fn no_descriptor_outlives_its_client() {
    // Whatever is opened once and kept is open by now.
    let mut device = FakeDevice::new();
    drop(UnixStream::pair().unwrap());
    let before = open_descriptors();
    for round in 0..20 {
        device = careless_client(device, round % 5);
        assert_eq!(open_descriptors(), before, "round {round}");
    }
}
