//! Another station on the port of a device: it takes frames and answers for its address.

use rnic_platform::TestPlatform;

use crate::Context;
use crate::failure::Outcome;

/// Its Ethernet address.
pub const STATION: [u8; 6] = [2, 0xAA, 0, 0, 0, 9];

/// The next frame of this kind that the device sends; others before it are gone.
#[track_caller]
pub fn frame<P: TestPlatform>(
    cx: &Context<'_, P>,
    what: &str,
    choose: impl Fn(&[u8]) -> bool,
) -> Outcome<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    cx.machine().wait_for(what, || {
        while let Some(length) = cx.platform().port_receive(&mut buffer) {
            if choose(&buffer[..length]) {
                return Ok(Some(buffer[..length].to_vec()));
            }
        }
        Ok(None)
    })
}

/// An ARP question of the device for a host, answered by a station.
#[track_caller]
pub fn answer_question<P: TestPlatform>(cx: &Context<'_, P>, host: u8) -> Outcome {
    let question = frame(cx, "an ARP question", |f| {
        f.len() >= 42 && f[12..14] == [8, 6] && f[20..22] == [0, 1] && f[41] == host
    })?;
    let mut reply = question[6..12].to_vec();
    reply.extend(STATION);
    reply.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    reply.extend(STATION);
    reply.extend([10, 77, 0, host]);
    reply.extend(&question[22..32]);
    reply.resize(60, 0);
    Ok(cx.platform().port_send(&reply)?)
}
