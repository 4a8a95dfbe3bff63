//! Taking completions and events, each handed to the checkers.

use rnic_abi::{CompletionStatus, CqEventKind, ProviderError};
use rnic_driver_core::{Event, Wc};

use crate::check;
use crate::end::{Phase, Purpose, Request};
use crate::sim::Sim;

impl Sim {
    /// Takes up to `most` completions from a queue.
    ///
    /// # Errors
    /// A checker's.
    pub fn poll(&mut self, guest: usize, cq: usize, most: u64) -> Result<(), String> {
        for _ in 0..most {
            let g = &mut self.guests[guest];
            let Some(wc) = g.cqs[cq].poll(&g.nic).map_err(|error| error.to_string())? else {
                break;
            };
            self.progress += 1;
            self.note(format_args!(
                "function {guest} cq {cq}: qp {:#x} {} {} index {} context {:#x} {} {}",
                wc.qpn,
                if wc.is_receive() { "receive" } else { "send" },
                wc.opcode,
                wc.index,
                wc.context,
                wc.status,
                wc.error,
            ));
            if self.random.percent(30) {
                let g = &mut self.guests[guest];
                g.cqs[cq].publish(&g.nic);
            }
            if let Err(why) = self.handle(guest, cq, &wc) {
                // What the device says about it helps whoever looks for the cause.
                let _ = self.take_events(guest);
                return Err(format!("{why}; completion {wc:?}"));
            }
        }
        Ok(())
    }

    pub(crate) fn handle(&mut self, guest: usize, cq: usize, wc: &Wc) -> Result<(), String> {
        let found = self
            .ends
            .iter()
            .position(|end| end.guest == guest && end.qpn() == wc.qpn);
        let Some(number) = found else {
            return Err("a completion of a queue pair that does not exist".to_owned());
        };
        let end = &self.ends[number];
        let expected = if wc.is_receive() {
            end.recv_cq
        } else {
            end.send_cq
        };
        if expected != cq {
            return Err(format!("a completion of end {number} in the wrong queue"));
        }
        if wc.status != CompletionStatus::SUCCESS {
            let name = wc.status.name().unwrap_or("unknown");
            self.coverage.hit(&format!("status {name}"));
            self.failed(number, wc)?;
        } else if wc.error != ProviderError::NONE {
            // [ERR-6]
            return Err("a success with a syndrome".to_owned());
        } else if self.ends[number].failed[usize::from(wc.is_receive())] {
            // [QP-37]
            return Err("a success after an error".to_owned());
        }
        if wc.is_receive() {
            self.received(number, wc)
        } else {
            self.sent(number, wc)
        }
    }

    /// An error: expected, or one of the device.
    fn failed(&mut self, number: usize, wc: &Wc) -> Result<(), String> {
        let link = &mut self.links[number / 2];
        if !link.tolerant && !self.plan.tolerates_errors() {
            return Err(format!("an error at end {number} that nothing caused"));
        }
        link.broken = true;
        let is_flush = wc.status == CompletionStatus::FLUSHED;
        link.errors
            .push((number, wc.is_receive(), wc.status, wc.error));
        let failed = &mut self.ends[number].failed[usize::from(wc.is_receive())];
        if !is_flush && *failed {
            return Err("a second error that is no flush".to_owned());
        }
        *failed = true;
        if is_flush != (wc.error == ProviderError::QUEUE_FLUSHED) {
            return Err("status and syndrome disagree about a flush".to_owned());
        }
        Ok(())
    }

    fn sent(&mut self, number: usize, wc: &Wc) -> Result<(), String> {
        loop {
            let front = self.ends[number].requests.front();
            let request = check::order::next_request(front, wc)?;
            if !request {
                // Silent and before the one that completed: it succeeded.
                self.retire_front(number)?;
                continue;
            }
            break;
        }
        let end = &mut self.ends[number];
        let qp = end.qp.as_mut().ok_or("no queue pair")?;
        qp.send
            .retire_to(wc.retired)
            .map_err(|error| format!("{error:?}"))?;
        if wc.status == CompletionStatus::SUCCESS {
            let request = end.requests.front().ok_or("no request")?;
            check::data::request(request, wc)?;
            return self.retire_front(number);
        }
        if wc.byte_count != 0 {
            return Err("an error with a byte count".to_owned());
        }
        let Some(request) = end.requests.pop_front() else {
            return Err("no request".to_owned());
        };
        if request.purpose == Purpose::Plain && !self.links[number / 2].tolerant {
            end.outcomes.push((request.opcode, wc.status.0));
        }
        self.abandon(number, &request);
        Ok(())
    }

    /// A request ended without success: what it should have changed is unknown.
    pub fn abandon(&mut self, number: usize, request: &Request) {
        self.ends[number].give_back(request);
        if let Some((pieces, _)) = &request.sink {
            for piece in pieces {
                self.ends[number].arena.forget(*piece);
            }
        }
        if let Some(piece) = request.modifies {
            self.ends[number ^ 1].arena.forget(piece);
        }
    }

    /// The oldest request succeeded.
    fn retire_front(&mut self, number: usize) -> Result<(), String> {
        let end = &mut self.ends[number];
        let Some(request) = end.requests.pop_front() else {
            return Err("nothing was posted".to_owned());
        };
        self.progress += 1;
        let name = request.opcode.name().unwrap_or("unknown");
        self.coverage.hit(&format!("op {name}"));
        if let Some((pieces, data)) = &request.sink {
            check::data::sink(&mut end.arena, pieces, data)
                .map_err(|why| format!("{name} index {}: {why}", request.index))?;
        }
        end.give_back(&request);
        end.sent += 1;
        if check::once::is_message(request.opcode) {
            end.messages_sent += 1;
        }
        match request.purpose {
            Purpose::Plain => end
                .outcomes
                .push((request.opcode, CompletionStatus::SUCCESS.0)),
            Purpose::Grant => self.next_phase(number ^ 1, Phase::Use),
            Purpose::Revoke => self.next_phase(number ^ 1, Phase::Over),
        }
        Ok(())
    }

    fn next_phase(&mut self, number: usize, phase: Phase) {
        if let Some(borrowing) = &mut self.ends[number].borrowing {
            borrowing.phase = phase;
        }
    }

    /// Requests at the front that retired silently.
    ///
    /// # Errors
    /// A checker's.
    pub fn retire_silent(&mut self, number: usize) -> Result<(), String> {
        let end = &self.ends[number];
        if end.qp.is_none() || !end.requests.front().is_some_and(|front| front.silent) {
            return Ok(());
        }
        // First every completion that the word may count: what is left at the front then and is
        // counted retired silently.
        let guest = end.guest;
        self.poll(guest, end.send_cq, u64::MAX)?;
        if self.plan.tolerates_errors() {
            // A queue that is lost takes completions with it that the word counts.
            self.take_events(guest)?;
            if self.lost_cqs.contains(&guest) {
                return Ok(());
            }
        }
        loop {
            let end = &mut self.ends[number];
            let Some(qp) = &mut end.qp else {
                return Ok(());
            };
            qp.send.refresh().map_err(|error| format!("{error:?}"))?;
            let retired = qp.send.retired();
            match end.requests.front() {
                Some(front) if front.silent && (retired.wrapping_sub(front.index) as i32) > 0 => {
                    if end.failed[0] {
                        return Err(format!("index {} retired silently in error", front.index));
                    }
                    self.retire_front(number)?;
                }
                Some(front) if (retired.wrapping_sub(front.index) as i32) > 0 => {
                    // [QP-13] [QP-14]
                    return Err(format!(
                        "index {} is counted as retired ({retired}) and never completed",
                        front.index
                    ));
                }
                _ => return Ok(()),
            }
        }
    }

    fn received(&mut self, number: usize, wc: &Wc) -> Result<(), String> {
        let end = &mut self.ends[number];
        let guest = &mut self.guests[end.guest];
        let posted = if end.shared {
            self.coverage.hit("with shared receives");
            let shared = guest.shared.as_mut().ok_or("no shared receives")?;
            let posted = shared.posted.remove(&wc.context);
            let posted = posted.ok_or("a shared receive completed that was not posted")?;
            shared
                .srq
                .retire_to(wc.retired)
                .map_err(|error| format!("{error:?}"))?;
            shared.free.push(posted.slot);
            posted
        } else {
            let posted = end.receives.pop_front();
            let posted = posted.ok_or("a receive completed that was not posted")?;
            let recv = end.qp.as_mut().and_then(|qp| qp.recv.as_mut());
            let recv = recv.ok_or("no receive queue")?;
            recv.retire_to(wc.retired)
                .map_err(|error| format!("{error:?}"))?;
            end.recv_slots.push(posted.slot);
            posted
        };
        check::order::receive(&posted, wc, end.shared)?;
        let arena = match (&mut guest.shared, end.shared) {
            (Some(shared), true) => &mut shared.arena,
            _ => &mut end.arena,
        };
        if wc.status != CompletionStatus::SUCCESS {
            // [QP-37] What is flushed was never touched, unless a message was on its way into it.
            for piece in &posted.pieces {
                arena.forget(*piece);
            }
            return Ok(());
        }
        let Some(message) = end.coming.pop_front() else {
            return Err("a message arrived that nobody sent".to_owned());
        };
        check::data::message(arena, &posted, &message, wc)?;
        end.arrived += 1;
        self.progress += 1;
        Ok(())
    }

    /// Takes events of both queues of a function.
    ///
    /// # Errors
    /// A checker's.
    pub fn take_events(&mut self, guest: usize) -> Result<(), String> {
        loop {
            let g = &mut self.guests[guest];
            let Some(signal) = g.eq.poll(&g.nic).map_err(|error| error.to_string())? else {
                break;
            };
            self.coverage.hit("signal");
            if signal.kind == CqEventKind::COMPLETION {
                for cq in &mut g.cqs {
                    cq.take_signal(&signal);
                }
            }
            self.note(format_args!("function {guest}: signal {signal:?}"));
        }
        loop {
            let g = &mut self.guests[guest];
            let Some(event) = g.events.poll(&g.nic).map_err(|error| error.to_string())? else {
                break;
            };
            self.note(format_args!("function {guest}: {event:?}"));
            self.event(guest, &event)?;
        }
        let g = &mut self.guests[guest];
        g.eq.arm(&g.nic);
        g.events.arm(&g.nic);
        Ok(())
    }

    fn event(&mut self, guest: usize, event: &Event) -> Result<(), String> {
        match *event {
            Event::QpError { qpn, error, .. } => {
                self.coverage.hit("event QP_ERROR");
                let found = self
                    .ends
                    .iter()
                    .position(|end| end.guest == guest && end.qpn() == qpn);
                // One of a queue pair that was destroyed meanwhile came before that.
                let Some(number) = found else {
                    return Ok(());
                };
                // One event a break, which may be read only after the link was mended.
                let end = &mut self.ends[number];
                end.error_events += 1;
                let late = end.error_events <= end.breaks;
                let link = &self.links[number / 2];
                if !link.tolerant && !self.plan.tolerates_errors() && !late {
                    return Err(format!("end {number} went to ERROR by itself: {error}"));
                }
                Ok(())
            }
            Event::SrqLimit { .. } => {
                self.coverage.hit("event SRQ_LIMIT");
                Ok(())
            }
            Event::CqError { cqn, cause, .. } => {
                self.coverage.hit("event CQ_ERROR");
                if !self.plan.tolerates_errors() {
                    return Err(format!("completion queue {cqn:#x} is in error: {cause}"));
                }
                self.lost_cqs.push(guest);
                Ok(())
            }
            Event::CommunicationEstablished { .. } | Event::PortChange(_) => Ok(()),
            ref other => Err(format!("an event that nothing caused: {other:?}")),
        }
    }
}
