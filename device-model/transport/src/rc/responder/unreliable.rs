//! The numbers of an unreliable connection (IBTA vol. 1, 9.8.2): nothing is answered, a message
//! with a gap is given up.

use super::{Assembly, Dropped, Responder, Verdict};
use crate::header::{RequestHeader, RequestOperation};
use rnic_mutant::mutant;

impl<T> Responder<T> {
    /// A request arrived `[UC-4]`.
    pub(super) fn unreliable(&mut self, header: &RequestHeader) -> Verdict {
        let start = header.position.is_start();
        let expected = header.psn == self.expected || mutant("UC-4/gap");
        let goes_on = expected && !start && self.in_message();
        if !goes_on {
            if self.in_message() || !start && !self.skipping {
                self.abandon();
            }
            if !start || header.psn != self.expected && mutant("UC-4/start") {
                self.skipping = true;
                return Verdict::Dropped(Dropped::Abandoned);
            }
        }
        self.skipping = false;
        self.expected = header.psn;
        let judged = match header.operation {
            RequestOperation::Send { ending } => self.send(header, ending),
            RequestOperation::Write { target, immediate } => self.write(header, target, immediate),
            // No packet of the service asks for these.
            RequestOperation::Read(_)
            | RequestOperation::CompareSwap { .. }
            | RequestOperation::FetchAdd { .. } => return Verdict::Dropped(Dropped::Abandoned),
        };
        match judged {
            Ok(work) => Verdict::Execute(work),
            Err(_) => {
                self.abandon();
                self.give_up(header);
                Verdict::Dropped(Dropped::Abandoned)
            }
        }
    }

    /// The request in `header`, just judged [`Verdict::Execute`], cannot be carried out: the rest of
    /// its message is dropped `[UC-6]`.
    pub fn give_up(&mut self, header: &RequestHeader) {
        self.assembly = Assembly::Idle;
        self.expected = header.psn.add(header.packets);
        self.skipping = !header.position.is_end();
    }

    /// Messages given up for what their packets were, since the last call `[UC-5]`.
    pub fn take_abandoned(&mut self) -> u64 {
        core::mem::take(&mut self.abandoned)
    }

    fn abandon(&mut self) {
        self.assembly = Assembly::Idle;
        self.abandoned = self.abandoned.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ResponderConfig, Work};
    use super::*;
    use crate::header::{Ending, Target};
    use rnic_wire::{Mtu, Position, Psn, RKey, RnrTimer};

    fn responder() -> Responder<()> {
        Responder::new(ResponderConfig {
            mtu: Mtu::B1024,
            first_psn: Psn::new(0xff_ffff),
            read_depth: 0,
            rnr_timer: RnrTimer::SHORTEST,
            answers: false,
        })
    }

    fn send(psn: u32, position: Position, length: u32) -> RequestHeader {
        RequestHeader {
            psn: Psn::new(psn),
            packets: 1,
            position,
            length,
            // A peer that asks all the same gets nothing.
            ack_request: true,
            solicited: false,
            operation: RequestOperation::Send {
                ending: Ending::Plain,
            },
        }
    }

    /// Judges and commits; the offset in the message, or none when it is dropped.
    fn take(r: &mut Responder<()>, header: &RequestHeader) -> Option<u32> {
        let taken = match r.on_request(header) {
            Verdict::Execute(Work::Send { offset, .. }) => {
                r.commit(header);
                Some(offset)
            }
            Verdict::Dropped(Dropped::Abandoned) => None,
            other => panic!("{other:?}"),
        };
        assert!(!r.has_response(), "an unreliable connection answered");
        taken
    }

    use Position::{First, Last, Middle, Only};

    #[test]
    fn a_message_in_order_is_taken() {
        // [UC-4]
        let mut r = responder();
        assert_eq!(take(&mut r, &send(0xff_ffff, First, 1024)), Some(0));
        assert_eq!(take(&mut r, &send(0, Middle, 1024)), Some(1024));
        assert_eq!(take(&mut r, &send(1, Last, 7)), Some(2048));
        assert_eq!(take(&mut r, &send(2, Only, 0)), Some(0));
        assert_eq!((r.expected(), r.take_abandoned()), (Psn::new(3), 0));
    }

    #[test]
    fn a_gap_gives_the_message_up_to_the_next_start() {
        // [UC-4], [UC-5]
        for lost in [First, Middle, Last] {
            let mut r = responder();
            let message = [
                send(10, First, 1024),
                send(11, Middle, 1024),
                send(12, Middle, 1024),
                send(13, Last, 1),
            ];
            let arrives = |h: &&RequestHeader| match lost {
                Middle => h.psn != Psn::new(11),
                at => h.position != at,
            };
            let came: std::vec::Vec<_> = message.iter().filter(arrives).collect();
            let whole = came.iter().filter(|h| take(&mut r, h).is_some()).count();
            assert_eq!(whole, [0, 1, 3][lost as usize]);
            assert_eq!(r.take_abandoned(), u64::from(lost != Last));
            // The next message is taken, and a message that lacks its end is given up then.
            assert_eq!(take(&mut r, &send(14, Only, 5)), Some(0));
            assert_eq!(r.take_abandoned(), u64::from(lost == Last));
            assert_eq!(r.expected(), Psn::new(15));
        }
    }

    #[test]
    fn whole_messages_that_are_lost_leave_no_trace() {
        // [UC-4]
        let mut r = responder();
        assert_eq!(take(&mut r, &send(100, Only, 5)), Some(0));
        assert_eq!(take(&mut r, &send(7, First, 1024)), Some(0));
        assert_eq!(take(&mut r, &send(8, Last, 9)), Some(1024));
        assert_eq!(r.take_abandoned(), 0);
    }

    #[test]
    fn what_is_not_allowed_gives_the_message_up() {
        // [UC-4]
        let mut r = responder();
        assert_eq!(take(&mut r, &send(1, First, 1000)), None);
        assert_eq!(take(&mut r, &send(2, Last, 9)), None);
        assert_eq!(r.take_abandoned(), 1);
        let target = Target {
            address: 0,
            key: RKey(1),
            length: 1025,
        };
        let write = |psn, position, length, target| RequestHeader {
            operation: RequestOperation::Write {
                target,
                immediate: None,
            },
            ..send(psn, position, length)
        };
        let first = write(3, First, 1024, Some(target));
        assert!(matches!(r.on_request(&first), Verdict::Execute(_)));
        r.commit(&first);
        let last = write(4, Last, 2, None);
        assert!(matches!(
            r.on_request(&last),
            Verdict::Dropped(Dropped::Abandoned)
        ));
        assert_eq!(r.take_abandoned(), 1);
        assert_eq!(take(&mut r, &send(5, Only, 3)), Some(0));
    }

    #[test]
    fn what_the_caller_cannot_carry_out_is_dropped_to_its_end() {
        // [UC-6]
        let mut r = responder();
        let first = send(20, First, 1024);
        assert!(matches!(r.on_request(&first), Verdict::Execute(_)));
        r.give_up(&first);
        assert_eq!(take(&mut r, &send(21, Last, 1)), None);
        assert_eq!(take(&mut r, &send(22, Only, 1)), Some(0));
        assert_eq!(r.take_abandoned(), 0, "the caller counts it");
    }
}
