//! A connected socket for a guest that needs one, from two unix datagram sockets with paths.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

/// Longest frame.
const FRAME: usize = 65_536;

/// Binds `local` and carries frames between it and the socket that is returned; what comes from there goes to `remote`.
/// The carrying ends when that socket is closed.
pub fn start(local: &Path, remote: &Path) -> Result<UnixDatagram> {
    let outside =
        UnixDatagram::bind(local).with_context(|| format!("cannot bind {}", local.display()))?;
    let (inside, theirs) = UnixDatagram::pair()?;
    let (inward, from_outside) = (inside.try_clone()?, outside.try_clone()?);
    thread::spawn(move || {
        let mut frame = vec![0; FRAME];
        while let Ok(length) = from_outside.recv(&mut frame) {
            if inward.send(&frame[..length]).is_err() {
                return;
            }
        }
    });
    let remote: PathBuf = remote.to_owned();
    thread::spawn(move || {
        let mut frame = vec![0; FRAME];
        while let Ok(length) = inside.recv(&mut frame) {
            if length == 0 {
                return;
            }
            // Nobody there: lost, as on a cable without a partner.
            outside.send_to(&frame[..length], &remote).ok();
        }
    });
    Ok(theirs)
}
