//! Clients that send anything at all: the device serves the next one, and its neighbour never
//! notices. What exactly is answered to which message is tested in `vfio-user-server`.

mod support;

use std::io::Write;
use std::os::unix::net::UnixStream;

use rnic_abi::{consts, reg};
use support::{Daemon, wait_until};

/// A message header: id, command, size, flags, error.
fn header(command: u16, size: u32, flags: u32) -> Vec<u8> {
    let mut bytes = vec![1, 0];
    bytes.extend(command.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn version() -> Vec<u8> {
    let body = b"\0\0\0\0{\"capabilities\":{\"max_msg_fds\":16}}\0";
    let size = u32::try_from(16 + body.len()).unwrap();
    [header(1, size, 0), body.to_vec()].concat()
}

#[test]
fn every_wrong_client_is_followed_by_a_right_one() {
    let daemon = Daemon::start(&["doorbell=mmap", "doorbell=trap"], &[]);
    let mut neighbour = daemon.client(1);
    neighbour.write32(reg::SCRATCH, 77);
    let region_read = |region: u32, offset: u64, count: u32| {
        let mut bytes = header(9, 32, 0);
        bytes.extend(offset.to_le_bytes());
        bytes.extend(region.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes
    };
    let after_version = |message: Vec<u8>| [version(), message].concat();
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("half a header", header(1, 40, 0)[..9].to_vec()),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xFF; 4096]),
        ("text", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a version that is too short", header(1, 17, 0)),
        ("a size that cannot be", header(1, u32::MAX, 0)),
        ("a command before the version", region_read(0, 0, 4)),
        ("half a version", version()[..30].to_vec()),
        ("two versions", [version(), version()].concat()),
        ("an unknown command", after_version(header(999, 16, 0))),
        ("a reply to nothing", after_version(header(9, 16, 1))),
        ("a size below the header's", after_version(header(9, 3, 0))),
        (
            "a read of a region that is not",
            after_version(region_read(99, 0, 4)),
        ),
        (
            "a read past the end",
            after_version(region_read(0, u64::MAX, 4)),
        ),
        (
            "a read of four gigabytes",
            after_version(region_read(0, 0, u32::MAX)),
        ),
        ("a map without its body", after_version(header(2, 16, 0))),
        (
            "interrupts without their body",
            after_version(header(8, 16, 0)),
        ),
        ("a message that ends in the middle", {
            let whole = after_version(region_read(0, 0, 4));
            whole[..whole.len() - 5].to_vec()
        }),
    ];
    for (what, bytes) in rows {
        let mut stream = None;
        wait_until("a connection", || {
            stream = UnixStream::connect(daemon.socket(0)).ok();
            stream.is_some()
        });
        // The daemon may hang up before it has read all.
        let _ = stream.unwrap().write_all(&bytes);
        let mut guest = daemon.client(0);
        assert_eq!(guest.read32(reg::MAGIC), consts::MAGIC_VALUE, "{what}");
        assert_eq!(guest.read32(reg::SCRATCH), 0, "{what}");
        guest.write32(reg::SCRATCH, 1);
        drop(guest);
        assert_eq!(neighbour.read32(reg::SCRATCH), 77, "{what}");
    }
}

#[test]
fn a_client_that_does_not_read_holds_nobody() {
    let daemon = Daemon::start(&["", ""], &[]);
    let mut stream = UnixStream::connect(daemon.socket(0)).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream.write_all(&version()).unwrap();
    let mut read = header(9, 32, 0);
    read.extend([0; 8]);
    read.extend(7u32.to_le_bytes());
    read.extend(4096u32.to_le_bytes());
    // Until neither side takes more.
    let mut refused = 0;
    while refused < 20 {
        if stream.write_all(&read).is_err() {
            refused += 1;
            std::thread::sleep(std::time::Duration::from_millis(1));
        } else {
            refused = 0;
        }
    }
    let mut neighbour = daemon.client(1);
    assert_eq!(neighbour.read32(reg::MAGIC), consts::MAGIC_VALUE);
    drop(stream);
    let mut guest = daemon.client(0);
    assert_eq!(guest.read32(reg::MAGIC), consts::MAGIC_VALUE);
}
