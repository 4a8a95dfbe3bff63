//! `rnic ping`.

use std::time::Instant;

use rnic_driver_host::driver::Operation;

use super::pair::{INLINE, connect};
use super::{Devices, PingOptions};

/// Sends 64 bytes there and back, again and again.
///
/// # Errors
/// If the devices do not come up or do not connect.
pub fn run(options: &PingOptions) -> anyhow::Result<()> {
    let devices = Devices::find(&options.pair)?;
    let (mut near, mut far) = connect(&devices.from, &devices.to, 0)?;
    println!(
        "connected {} to {}",
        devices.from.display(),
        devices.to.display()
    );
    for number in 1..=options.count {
        near.receive()?;
        far.receive()?;
        let start = Instant::now();
        near.start(Operation::Send(INLINE))?;
        while !far.done()?.is_receive() {}
        far.start(Operation::Send(INLINE))?;
        let mut left = 2;
        let mut back = None;
        while left > 0 {
            if near.done()?.is_receive() {
                back = Some(start.elapsed());
            }
            left -= 1;
        }
        // The far side's send.
        while far.done()?.is_receive() {}
        let time = back.unwrap_or_else(|| start.elapsed());
        println!(
            "64 bytes there and back: seq={number} time={:.1} us",
            time.as_secs_f64() * 1e6
        );
    }
    Ok(())
}
