//! Numbered messages over an unreliable connection that may lose some: `--count` of them go there, then those come from there,
//! until it is silent for as long as `--silence-ends` says.
//!
//! The number is the immediate data, and the bytes follow from it. A message is lost as a whole: what comes is what was sent,
//! and comes once; late, if the network delayed it [UC-4]. From here go sends alone: Soft-RoCE takes nothing more after a write
//! of which a packet was lost, for it forgets a message that was cut short only together with its receive. From there, even
//! ones are sends and odd ones writes.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rnic_driver_host::driver::{Data, Operation, Wc};
use rnic_driver_host::platform::{DmaBuffer, TestPlatform};

use super::PeerOptions;
use super::end::{End, Happening};
use super::uc::{self, MESSAGE, WRITTEN};

/// Bytes of each: several packets of any path MTU.
const LENGTH: u32 = 5000;
/// Places that writes go to in turn, each of `MESSAGE` bytes from `WRITTEN` on.
const PLACES: u32 = 64;
/// Time between two messages: nothing but the network is to lose them, and receives must be posted again in it.
const PAUSE: Duration = Duration::from_millis(2);

/// Speaks its part.
pub fn speak<P: TestPlatform>(mut end: End<P>, options: &PeerOptions) -> anyhow::Result<End<P>> {
    ensure!(
        options.silence_ends.is_some(),
        "--mode uc-stream ends by silence: give --silence-ends"
    );
    uc::connect(&mut end, options)?;
    for number in 0..options.count {
        give(&mut end, number)?;
    }
    let mut taken = Taken::default();
    loop {
        match end.next()? {
            Happening::Received(slot, wc) => {
                let number = taken.next(&wc)?;
                ensure!(
                    bytes_of(&end, slot, number)? == uc::text(number, LENGTH),
                    "message {number} differs"
                );
                end.post_receive(slot)?;
            }
            Happening::Done => bail!("a send completed twice"),
            Happening::Ended => break,
        }
    }
    println!(
        "peer gave {}, took {} messages",
        options.count,
        taken.numbers.len()
    );
    Ok(end)
}

fn place(number: u32) -> u32 {
    WRITTEN + number % PLACES * MESSAGE
}

fn is_send(number: u32) -> bool {
    number.is_multiple_of(2)
}

/// Sends one and waits until it has left.
fn give<P: TestPlatform>(end: &mut End<P>, number: u32) -> anyhow::Result<()> {
    let message = end.message(&uc::text(number, LENGTH))?;
    let data = Data::Segments(std::slice::from_ref(&message));
    end.post(Operation::SendImmediate(data, number.to_be_bytes()))?;
    match end.next()? {
        Happening::Done => std::thread::sleep(PAUSE),
        Happening::Received(..) => bail!("a message came before it was the other side's turn"),
        Happening::Ended => bail!("message {number} does not leave"),
    }
    Ok(())
}

fn bytes_of<P: TestPlatform>(end: &End<P>, slot: u32, number: u32) -> anyhow::Result<Vec<u8>> {
    if is_send(number) {
        return end.arrived(slot, LENGTH);
    }
    let mut bytes = vec![0; usize::try_from(LENGTH)?];
    let at = usize::try_from(place(number))?;
    end.area.buffer.read(at, &mut bytes);
    Ok(bytes)
}

/// What came so far.
#[derive(Debug, Default)]
struct Taken {
    numbers: BTreeSet<u32>,
}

impl Taken {
    /// The number of a message that must not have come before.
    fn next(&mut self, wc: &Wc) -> anyhow::Result<u32> {
        let immediate = wc.immediate().context("a message without a number")?;
        let number = u32::from_be_bytes(immediate);
        ensure!(
            wc.byte_count == LENGTH,
            "message {number} has {} bytes",
            wc.byte_count
        );
        self.is_new(number)?;
        Ok(number)
    }

    fn is_new(&mut self, number: u32) -> anyhow::Result<()> {
        ensure!(self.numbers.insert(number), "message {number} came twice");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_missing_or_late_but_not_come_twice() {
        let mut taken = Taken::default();
        for number in [0, 1, 9, 4] {
            taken.is_new(number).unwrap();
        }
        assert!(taken.is_new(9).is_err() && taken.is_new(4).is_err());
        assert_eq!(taken.numbers.len(), 4);
    }

    #[test]
    fn writes_have_places_of_their_own_within_the_area() {
        assert_eq!(place(0), WRITTEN);
        assert_eq!(place(PLACES), place(0));
        assert!(place(PLACES - 1) + MESSAGE <= uc::SENT);
    }
}
