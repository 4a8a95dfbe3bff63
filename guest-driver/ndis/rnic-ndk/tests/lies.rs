//! Devices that lie in what they write: consumers are not told what is not so.

mod machine;

use std::sync::atomic::Ordering;

use machine::Machine;
use ndis_sys::ndk::*;
use ndk_consumer::bench::Bench;
use ndk_consumer::link::{Link, Wanted};
use ndk_consumer::platform::Family;
use rnic_abi::Completion;

/// A consumer was told of more bytes than its receive had room for, and read what was not its message, or not its memory.
#[test]
fn a_receive_that_is_said_to_be_longer_than_its_room_is_an_error_without_bytes() {
    const SENT: usize = 1234;
    const ROOM: usize = 2000;
    for (said, status) in [
        (ROOM, STATUS_SUCCESS),
        (ROOM + 1, STATUS_INTERNAL_ERROR),
        (usize::MAX, STATUS_INTERNAL_ERROR),
    ] {
        let said = said as u32;
        let machine = Machine::new();
        let bench = Bench::new(&machine, Family::V4);
        let link = Link::new(&bench, Wanted::default());
        assert_eq!(link.b.receive(7, &[link.b.sge(0, ROOM)]), STATUS_SUCCESS);
        assert_eq!(link.a.send(1, &[link.a.sge(0, SENT)], 0), STATUS_SUCCESS);
        assert_eq!(bench.result(link.a.cq).Status, STATUS_SUCCESS);
        bench.settle();
        let lies = machine.falsify(1, |bytes| {
            let entry: Option<Completion> = rnic_abi::read(bytes);
            let receive = entry.is_some_and(|entry| {
                entry.flags().receive() && entry.byte_count.get() == SENT as u32
            });
            if receive {
                bytes[12..16].copy_from_slice(&said.to_le_bytes());
            }
            receive
        });
        assert_eq!(lies, 1);
        let result = bench.result(link.b.cq);
        let bytes = if status == STATUS_SUCCESS { said } else { 0 };
        assert_eq!(
            (
                result.Status,
                result.BytesTransferred,
                result.RequestContext.addr()
            ),
            (status, bytes, 7)
        );
        let caught = machine
            .side(1)
            .provider
            .system()
            .caught
            .load(Ordering::Relaxed);
        assert_eq!(caught, usize::from(status != STATUS_SUCCESS));
        link.close();
    }
}
