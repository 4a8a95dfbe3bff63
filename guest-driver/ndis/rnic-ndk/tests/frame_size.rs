//! What the system says of the frames of connections reaches the peer.

mod machine;

use machine::Machine;
use ndk_consumer::bench::Bench;
use ndk_consumer::link::{Link, Wanted};
use ndk_consumer::platform::Family;
use rnic_abi::Mtu;

/// Every connection had the port's MTU, whatever *NetworkDirectRoCEFrameSize said.
#[test]
fn connections_are_made_with_the_path_mtu_that_the_system_wants() {
    let machine = Machine::new();
    for family in [Family::V4, Family::V6] {
        let bench = Bench::new(&machine, family);
        let link = Link::new(&bench, Wanted::default());
        assert_eq!(machine.side(1).asked_mtu.take(), Some(Mtu::MTU_512));
        link.close();
        bench.check_callbacks();
    }
    machine.check_empty();
}
