//! Requests: any opcode, any bytes behind a header that is right, in any order.

use rnic_abi::{COMMANDS, CommandHeader, Status};
use zerocopy::IntoBytes;

use crate::input::Input;
use crate::rig::Rig;

/// A list of requests: which command, how many of its bytes follow, the bytes.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut rig = Rig::up();
    // Pages that requests may name.
    let scratch = rig.alloc(16 * 4096);
    for page in 0..512u64 {
        let address = scratch + page % 16 * 4096;
        rig.guest_write(scratch + page * 8, &address.to_le_bytes());
    }
    let mut left = 200;
    while !input.is_empty() && left > 0 {
        left -= 1;
        let Some(info) = COMMANDS.get(usize::from(input.byte()) % COMMANDS.len()) else {
            continue;
        };
        let mut request = vec![0; info.request_size];
        let mut header = CommandHeader::zeroed().with_opcode(info.code);
        header
            .length
            .set(u32::try_from(info.request_size).unwrap_or(0));
        request[..CommandHeader::SIZE].copy_from_slice(header.as_bytes());
        // Runs of bytes at offsets, so that a field far behind costs few bytes.
        for _ in 0..input.byte() % 8 {
            let at = CommandHeader::SIZE + usize::from(input.byte());
            let bytes = input.record();
            for (to, from) in request.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
        }
        let status = rig.submit(&request);
        assert_ne!(status, Some(Status::INTERNAL_ERROR), "{}", info.code);
        if status.is_none() {
            rig.wait();
        }
    }
    rig.wait();
}
