//! Sockets: made, found stale, inherited; one client after another.

mod support;

use std::io::{ErrorKind, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use support::*;
use vfio_user_server::codec::Command;
use vfio_user_server::{Budget, CloseReason, Listener, Server, ServerEvent};

/// Speaks as `client` and lets the server work until there is a reply.
fn request(
    server: &mut Server,
    device: &mut FakeDevice,
    client: &mut Client,
    what: Command,
    body: &[u8],
) -> ReplyMessage {
    let id = client.fresh_id();
    client.send(&command(id, what, 0, body), &[]);
    loop {
        server.on_connection(device, Budget::default()).unwrap();
        if let Some(reply) = client.receive() {
            return reply;
        }
    }
}

fn greet(server: &mut Server, device: &mut FakeDevice, client: &mut Client) {
    let reply = request(server, device, client, Command::VERSION, &good_version());
    assert_eq!(reply.errno(), None);
}

#[test]
fn one_client_after_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let mut server = Server::new(Listener::bind(&path).unwrap());
    let mut device = FakeDevice::new();
    assert_eq!(server.on_listener().unwrap(), ServerEvent::Idle);
    assert_eq!(
        server
            .on_connection(&mut device, Budget::default())
            .unwrap()
            .messages,
        0
    );
    for round in 0..3u8 {
        let mut client = Client::new(UnixStream::connect(&path).unwrap());
        assert_eq!(server.on_listener().unwrap(), ServerEvent::Connected);
        greet(&mut server, &mut device, &mut client);
        // "the device state should otherwise be retained"
        let reply = request(
            &mut server,
            &mut device,
            &mut client,
            Command::REGION_READ,
            &access_body(CONFIG, 0, 1, &[]),
        );
        assert_eq!(reply.body[16], round);
        request(
            &mut server,
            &mut device,
            &mut client,
            Command::REGION_WRITE,
            &access_body(CONFIG, 0, 1, &[round + 1]),
        );
        drop(client);
        let end = server
            .on_connection(&mut device, Budget::default())
            .unwrap_err();
        assert!(matches!(end, CloseReason::ClientClosed));
        assert!(server.connection().is_none());
        assert_eq!(device.take_events().last(), Some(&Event::Disconnected));
    }
    drop(server);
    assert!(!path.exists(), "the socket file is removed");
}

#[test]
fn a_second_client_is_refused_and_the_first_is_not_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let mut server = Server::new(Listener::bind(&path).unwrap());
    let mut device = FakeDevice::new();
    let mut first = Client::new(UnixStream::connect(&path).unwrap());
    server.on_listener().unwrap();
    greet(&mut server, &mut device, &mut first);
    let mut second = UnixStream::connect(&path).unwrap();
    assert_eq!(server.on_listener().unwrap(), ServerEvent::Refused);
    assert_eq!(
        second.read(&mut [0; 16]).unwrap(),
        0,
        "the second sees the end"
    );
    let reply = request(
        &mut server,
        &mut device,
        &mut first,
        Command::REGION_READ,
        &access_body(RW, 3, 1, &[]),
    );
    assert_eq!(reply.body[16], 3);
}

/// A client that restarts is not refused because of its own old connection.
#[test]
fn a_client_that_restarts_is_not_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let mut server = Server::new(Listener::bind(&path).unwrap());
    let mut device = FakeDevice::new();
    let mut old = Client::new(UnixStream::connect(&path).unwrap());
    server.on_listener().unwrap();
    greet(&mut server, &mut device, &mut old);
    old.send(
        &command(
            1,
            Command::REGION_WRITE,
            1 << 4,
            &access_body(RW, 0, 1, &[42]),
        ),
        &[],
    );
    drop(old);
    let mut new = Client::new(UnixStream::connect(&path).unwrap());
    // The listener is looked at first, with the old client's last write still unread.
    assert_eq!(server.on_listener().unwrap(), ServerEvent::Finishing);
    let end = loop {
        if let Err(end) = server.on_connection(&mut device, Budget::default()) {
            break end;
        }
    };
    assert!(matches!(end, CloseReason::ClientClosed));
    assert_eq!(device.memory[0][0], 42, "the last write was served");
    assert_eq!(server.on_listener().unwrap(), ServerEvent::Connected);
    greet(&mut server, &mut device, &mut new);
}

#[test]
fn the_server_can_end_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let mut server = Server::new(Listener::bind(&path).unwrap());
    let mut device = FakeDevice::new();
    let mut client = Client::new(UnixStream::connect(&path).unwrap());
    server.on_listener().unwrap();
    greet(&mut server, &mut device, &mut client);
    server.disconnect(&mut device);
    assert_eq!(device.take_events().last(), Some(&Event::Disconnected));
    assert_eq!(client.stream.read(&mut [0; 16]).unwrap(), 0);
    server.disconnect(&mut device);
    assert_eq!(device.take_events(), []);
}

#[test]
fn a_stale_socket_is_replaced_a_live_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    // Left by a process that died: std does not remove the file.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    assert!(listener.accept().unwrap().is_some());
    let error = Listener::bind(&path).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    // The probe was a connection to the live one, which it survives.
    drop(listener.accept().unwrap());
    UnixStream::connect(&path).unwrap();
    assert!(listener.accept().unwrap().is_some());
}

#[test]
fn what_is_no_socket_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "keep").unwrap();
    let error = Listener::bind(&path).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "keep");
    // A symbolic link to a stale socket is no socket either: it is not followed.
    let link = dir.path().join("link.sock");
    drop(UnixListener::bind(dir.path().join("real.sock")).unwrap());
    std::os::unix::fs::symlink(dir.path().join("real.sock"), &link).unwrap();
    assert_eq!(
        Listener::bind(&link).err().unwrap().kind(),
        ErrorKind::AlreadyExists
    );
    assert!(dir.path().join("real.sock").exists());
    let missing = dir.path().join("no/such/directory.sock");
    assert_eq!(
        Listener::bind(&missing).err().unwrap().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn only_our_own_socket_file_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let first = Listener::bind(&path).unwrap();
    std::fs::rename(&path, dir.path().join("moved")).unwrap();
    let second = Listener::bind(&path).unwrap();
    drop(first);
    assert!(path.exists(), "the other listener's file stays");
    drop(second);
    assert!(!path.exists());
}

#[test]
fn two_that_start_at_once_do_not_unlink_each_other() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("device.sock");
        drop(UnixListener::bind(&path).unwrap());
        let start = std::sync::Barrier::new(2);
        let bind = || {
            start.wait();
            Listener::bind(&path)
        };
        let (a, b) = std::thread::scope(|scope| {
            let other = scope.spawn(bind);
            (bind(), other.join().unwrap())
        });
        // One listens and the other was told so.
        let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
        assert_eq!(lost.err().unwrap().kind(), ErrorKind::AddrInUse);
        let won = won.unwrap();
        while won.accept().unwrap().is_some() {}
        UnixStream::connect(&path).unwrap();
        assert!(won.accept().unwrap().is_some());
    }
}

#[test]
fn inherited_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.sock");
    let parent = UnixListener::bind(&path).unwrap();
    let mut server = Server::new(Listener::from_fd(parent.into()).unwrap());
    let mut device = FakeDevice::new();
    let mut client = Client::new(UnixStream::connect(&path).unwrap());
    assert_eq!(server.on_listener().unwrap(), ServerEvent::Connected);
    greet(&mut server, &mut device, &mut client);
    drop(server);
    assert!(path.exists(), "the file is the parent's");
    // Something that is no Unix socket is told apart at once.
    assert!(Listener::from_fd(std::fs::File::open("/dev/null").unwrap().into()).is_err());
    assert!(Listener::from_fd(std::net::TcpListener::bind("127.0.0.1:0").unwrap().into()).is_err());
}
