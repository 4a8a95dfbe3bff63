//! What a response does to the queue. Order is the peer's: a response acknowledges everything
//! before it, and one that leaps over a read or atomic says that the answer was lost
//! (IBTA vol. 1, 9.7.5.1.2 to 9.7.5.2.9).

use super::{Failure, Message, Placement, Progress, Queued, RNR_FOREVER, Requester, State};
use crate::header::{ResponseBody, ResponseHeader};
use crate::time::Nanos;
use rnic_mutant::mutant;
use rnic_wire::{NakCode, Psn, RnrTimer, Syndrome};

impl Requester {
    /// A response arrived `[ROCE-44]`.
    pub fn on_response(&mut self, now: Nanos, header: &ResponseHeader) -> Progress {
        if matches!(self.state, State::Failed(_)) {
            return Progress::Ghost;
        }
        if header.psn.since(self.una()) >= self.outstanding() && !mutant("ROCE-44/ghost") {
            return Progress::Ghost;
        }
        match header.body {
            ResponseBody::Acknowledge(Syndrome::Ack(credits)) => {
                let progress = self.on_ack(now, header.psn);
                self.credited(header.msn, credits);
                progress
            }
            ResponseBody::Acknowledge(Syndrome::RnrNak(timer)) => {
                self.on_rnr(now, header.psn, timer)
            }
            ResponseBody::Acknowledge(Syndrome::Nak(code)) => self.on_nak(now, header.psn, code),
            ResponseBody::Acknowledge(Syndrome::Reserved(_)) => Progress::Ghost,
            ResponseBody::ReadData {
                packets,
                position,
                length,
            } => self.on_read_data(now, header.psn, packets, position.is_end(), length),
            ResponseBody::Atomic { original } => self.on_atomic(now, header.psn, original),
        }
    }

    /// Everything polled has left, which is all that an unreliable connection knows `[UC-3]`.
    pub fn on_left(&mut self, now: Nanos) {
        self.acknowledge_before(now, self.sent_end);
    }

    fn on_ack(&mut self, now: Nanos, psn: Psn) -> Progress {
        if self.acknowledge_before(now, psn.next()) {
            Progress::Accepted
        } else {
            self.lost(now)
        }
    }

    fn on_nak(&mut self, now: Nanos, psn: Psn, code: NakCode) -> Progress {
        if !self.acknowledge_before(now, psn) {
            return self.lost(now);
        }
        let failure = match code {
            NakCode::PsnSequence => {
                return self.missing_again(now).unwrap_or_else(|| self.missing(now));
            }
            NakCode::InvalidRequest => Failure::RemoteInvalidRequest,
            NakCode::RemoteAccess => Failure::RemoteAccess,
            NakCode::RemoteOperational => Failure::RemoteOperational,
            // Not of this service: no correct responder sends it.
            NakCode::InvalidRdRequest | NakCode::Reserved(_) => Failure::BadResponse,
        };
        self.fail(failure);
        Progress::Failed
    }

    /// The peer misses something.
    fn missing(&mut self, now: Nanos) -> Progress {
        let progress = self.lost(now);
        // It went back for this NAK, be it as the answer to a probe.
        self.dropped |= progress == Progress::Retry || self.went_back == now;
        progress
    }

    /// What was sent again was lost again `[ROCE-39]`: an answer to it cannot have come sooner than
    /// any answer did. No retry is used, and the acknowledge timeout runs on `[ROCE-40]`.
    fn missing_again(&mut self, now: Nanos) -> Option<Progress> {
        let least = self.trip.least()?;
        let again =
            self.recovering && self.state == State::Ready && now >= self.went_back.after(least);
        if !again || mutant("ROCE-39/once") {
            return None;
        }
        self.missing = true;
        if mutant("ROCE-40/again") {
            self.retries_left = self.retries_left.saturating_sub(1);
        }
        self.go_back(now);
        self.dropped = true;
        Some(Progress::Retry)
    }

    /// `[QP-30]`
    fn on_rnr(&mut self, now: Nanos, psn: Psn, timer: RnrTimer) -> Progress {
        if !self.acknowledge_before(now, psn) {
            return self.lost(now);
        }
        if matches!(self.state, State::RnrWait { .. }) {
            return Progress::Ghost;
        }
        if self.config.rnr_retry != RNR_FOREVER && !mutant("QP-30/for-ever") {
            match self.rnr_left.checked_sub(1) {
                Some(left) => self.rnr_left = left,
                None => {
                    self.fail(Failure::RnrRetryExceeded);
                    return Progress::Failed;
                }
            }
        }
        // It answers: what was lost between two such answers is no peer that is gone.
        self.retries_left = self.config.retry_count;
        self.go_back(now);
        self.recovering = false;
        self.ack_deadline = None;
        self.probe_at = None;
        let until = now.after(Nanos(timer.nanos()));
        self.state = State::RnrWait { until };
        Progress::NotReady
    }

    fn on_read_data(
        &mut self,
        now: Nanos,
        psn: Psn,
        packets: u32,
        end: bool,
        length: u32,
    ) -> Progress {
        if !self.acknowledge_before(now, psn) {
            return self.lost(now);
        }
        let mtu = self.config.mtu.bytes();
        let message = self.oldest;
        let Some(m) = self.messages.front_mut() else {
            return Progress::Ghost;
        };
        if !matches!(m.message, Message::Read { .. }) {
            return self.bad_response();
        }
        let left = m.packets.saturating_sub(m.acked);
        let offset = m.acked.saturating_mul(mtu);
        let rest = m.length.saturating_sub(offset);
        let full = u64::from(packets).saturating_mul(u64::from(mtu));
        // A replayed answer may start with MIDDLE or LAST as well as FIRST or ONLY, so only the end
        // is compared with what is left (Linux rdma_rxe answers a partial replay so) [ROCE-42].
        let fits = packets > 0
            && packets <= left
            && end == (packets == left)
            && u64::from(length) == full.min(u64::from(rest));
        if !fits && !mutant("ROCE-44/length") {
            return self.bad_response();
        }
        m.acked += packets;
        if m.asked {
            self.asked_psns = self.asked_psns.saturating_sub(packets);
        }
        if end {
            self.pop_front();
        } else {
            self.keep_cursor_after_una();
        }
        self.progress(now);
        Progress::Place(Placement {
            message,
            offset,
            length,
        })
    }

    fn on_atomic(&mut self, now: Nanos, psn: Psn, original: u64) -> Progress {
        if !self.acknowledge_before(now, psn) {
            return self.lost(now);
        }
        let message = self.oldest;
        match self.messages.front().map(|m| m.message) {
            Some(Message::CompareSwap { .. } | Message::FetchAdd { .. }) => {
                self.pop_front();
                self.progress(now);
                Progress::Atomic { message, original }
            }
            Some(Message::Send { .. } | Message::Write { .. } | Message::Read { .. }) => {
                self.bad_response()
            }
            None => Progress::Ghost,
        }
    }

    /// Takes everything before `psn` as acknowledged; false when that leaps over a read or atomic
    /// whose answer is missing `[ROCE-41]`. The caller has seen that `psn` is not past what was sent.
    fn acknowledge_before(&mut self, now: Nanos, psn: Psn) -> bool {
        let una = self.una();
        let mut left = psn.since(una);
        while left > 0 {
            let Some(m) = self.messages.front_mut() else {
                break;
            };
            if m.message.is_read_or_atomic() && !mutant("ROCE-41/leaps") {
                if self.una() != una {
                    self.progress(now);
                }
                return false;
            }
            let here = m.packets.saturating_sub(m.acked).min(left);
            m.acked += here;
            left -= here;
            if m.acked >= m.packets {
                self.pop_front();
            } else {
                self.keep_cursor_after_una();
            }
        }
        if self.una() != una {
            self.progress(now);
        }
        true
    }

    /// The front message is complete.
    fn pop_front(&mut self) {
        let Some(m) = self.messages.pop_front() else {
            return;
        };
        self.oldest = self.oldest.wrapping_add(1);
        self.forget(&m);
        match self.cursor.checked_sub(1) {
            Some(cursor) => self.cursor = cursor,
            // It completed by what was sent before the cursor went back into it.
            None => self.cursor_packet = 0,
        }
        self.keep_cursor_after_una();
    }

    fn forget(&mut self, m: &Queued) {
        if m.message.is_read_or_atomic() {
            self.reads = self.reads.saturating_sub(1);
        }
        if m.asked {
            let left = m.packets.saturating_sub(m.acked);
            self.asked = self.asked.saturating_sub(1);
            self.asked_psns = self.asked_psns.saturating_sub(left);
        }
    }

    /// What is acknowledged is not sent again.
    fn keep_cursor_after_una(&mut self) {
        if self.cursor == 0
            && let Some(m) = self.messages.front()
        {
            self.cursor_packet = self.cursor_packet.max(m.acked);
        }
    }

    /// `una` moved: retries start counting anew (IBTA vol. 1, 9.7.6.1.3).
    fn progress(&mut self, now: Nanos) {
        if !mutant("ROCE-40/spent") {
            self.retries_left = self.config.retry_count;
        }
        self.rnr_left = self.config.rnr_retry;
        self.recovering = false;
        self.missing = false;
        self.trip.acknowledged(self.una(), now);
        self.probe = false;
        // [ROCE-47]
        if self
            .probed
            .take()
            .is_some_and(|psn| psn.next() == self.una())
            && self.cursor_psn() != self.una()
            && !mutant("ROCE-47/holds")
        {
            self.go_back(now);
            self.recovering = true;
        }
        match self.state {
            State::Ready => self.arm(now),
            State::RnrWait { .. } | State::Failed(_) => {}
        }
    }

    /// A NAK for a sequence error, or an answer that leapt over another `[ROCE-39]`.
    fn lost(&mut self, now: Nanos) -> Progress {
        self.missing = !mutant("ERR-5/sequence");
        let recovering = self.recovering && !mutant("ROCE-39/each");
        if recovering || self.state != State::Ready {
            return Progress::Accepted;
        }
        self.retry(now, Failure::SequenceRetryExceeded);
        match self.state {
            State::Failed(_) => Progress::Failed,
            State::Ready | State::RnrWait { .. } => Progress::Retry,
        }
    }

    fn bad_response(&mut self) -> Progress {
        self.fail(Failure::BadResponse);
        Progress::Failed
    }
}
