//! The client of the `vfio_user` crate, written by others, against this server over a socket path.

mod support;

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use support::*;
use vfio_user_server::codec::payload::*;
use vfio_user_server::{Budget, Listener, Server, Unmap};

/// A server in a thread, which waits as an event loop does.
struct Running {
    device: Arc<Mutex<FakeDevice>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(listener: Listener) -> Running {
        let device = Arc::new(Mutex::new(FakeDevice::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&device), Arc::clone(&stop));
        let thread = std::thread::spawn(move || serve(Server::new(listener), &shared, &stopped));
        Running {
            device,
            stop,
            thread: Some(thread),
        }
    }

    fn events(&self) -> Vec<Event> {
        self.device.lock().unwrap().take_events()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(mut server: Server, device: &Mutex<FakeDevice>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let mut wait = vec![libc::pollfd {
            fd: server.listener_fd().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        }];
        if let Some(connection) = server.connection() {
            let interest = connection.interest();
            let events = if interest.readable { libc::POLLIN } else { 0 };
            wait.push(libc::pollfd {
                fd: connection.fd().as_raw_fd(),
                events: events | if interest.writable { libc::POLLOUT } else { 0 },
                revents: 0,
            });
        }
        // SAFETY: the array is borrowed mutably for the call.
        unsafe { libc::poll(wait.as_mut_ptr(), wait.len() as u64, 50) };
        let mut device = device.lock().unwrap();
        // The end of a client is in the device's events.
        while matches!(server.on_connection(&mut *device, Budget::default()), Ok(p) if p.more) {}
        server.on_listener().unwrap();
    }
}

#[test]
fn a_client_written_by_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let running = Running::start(Listener::bind(&path).unwrap());
    let mut client = vfio_user::Client::new(&path).unwrap();

    for index in 0..REGIONS {
        let region = client.region(index).unwrap();
        let want: &[(u64, u64)] = if index == MAPPABLE {
            &[(0, 0x1000), (0x2000, 0x2000)]
        } else {
            &[]
        };
        let areas: Vec<_> = region
            .sparse_areas
            .iter()
            .map(|a| (a.offset, a.size))
            .collect();
        assert_eq!(areas, want);
        assert_eq!(region.file_offset.is_some(), index == MAPPABLE);
    }
    let file_offset = client
        .region(MAPPABLE)
        .unwrap()
        .file_offset
        .clone()
        .unwrap();
    let mut bytes = [0; 8];
    file_offset
        .file()
        .read_exact_at(&mut bytes, file_offset.start())
        .unwrap();
    assert_eq!(&bytes, b"doorbell");
    assert!(matches!(running.events()[..], [Event::Connected(_)]));

    let irq = client.get_irq_info(MSIX).unwrap();
    assert_eq!(
        (irq.count, irq.flags),
        (MSIX_COUNT, IRQ_EVENTFD | IRQ_NORESIZE)
    );

    client.region_write(LARGE, 12345, &[7; 70_000]).unwrap();
    let mut data = vec![0; 70_002];
    client.region_read(LARGE, 12344, &mut data).unwrap();
    assert_eq!(data[0], (12344 % 251) as u8);
    assert!(data[1..70_001].iter().all(|b| *b == 7));
    running.events();

    let memory = memory_file(16);
    client
        .dma_map(0x3000, 0x10_0000, 0x4000, memory.as_fd().as_raw_fd())
        .unwrap();
    client.dma_unmap(0x10_0000, 0x4000).unwrap();
    let trigger = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
    let eventfds = null_fds(8);
    let raw: Vec<_> = eventfds.iter().map(|fd| fd.as_raw_fd()).collect();
    client.set_irqs(MSIX, trigger, 8, 8, &raw).unwrap();
    client.set_irqs(MSIX, trigger, 9, 1, &[]).unwrap();
    client
        .set_irqs(MSIX, IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER, 0, 0, &[])
        .unwrap();
    client.reset().unwrap();
    assert_eq!(
        running.events(),
        [
            Event::Map {
                address: 0x10_0000,
                size: 0x4000,
                write: true,
                file: Some(0x3000),
            },
            Event::Unmap(Unmap::Range {
                address: 0x10_0000,
                last: 0x10_3fff,
            }),
            Event::Connect(MSIX, 8, vec![true; 8]),
            Event::Connect(MSIX, 9, vec![false]),
            Event::DisableAll(MSIX),
            Event::Reset,
        ]
    );

    // Gone and back: the device's memory is still there.
    client.shutdown().unwrap();
    drop(client);
    let mut client = vfio_user::Client::new(&path).unwrap();
    let mut byte = [0];
    client.region_read(LARGE, 12345, &mut byte).unwrap();
    assert_eq!(byte, [7]);
    let events = running.events();
    assert!(
        matches!(
            events[..],
            [
                Event::Disconnected,
                Event::Connected(_),
                Event::Read(LARGE, 12345, 1)
            ]
        ),
        "{events:?}"
    );
}
