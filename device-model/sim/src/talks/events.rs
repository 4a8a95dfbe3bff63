//! Events and completions of talks, each checked when it comes.

use rnic_abi::{CompletionStatus, Status};
use rnic_driver_core::{CmInfo, Event, Wc};
use rnic_platform::DmaBuffer;

use super::Talks;
use super::machine::LISTENER;
use super::side::{SLOT_BYTES, Stage};
use super::talk::Course;

impl Talks {
    /// Takes the general events of a function.
    pub(super) fn take_events(&mut self, guest: usize) -> Result<(), String> {
        loop {
            let g = &mut self.guests[guest];
            while g.eq.poll(&g.nic).map_err(|e| e.to_string())?.is_some() {}
            let Some(event) = g.events.poll(&g.nic).map_err(|e| e.to_string())? else {
                break;
            };
            self.progress += 1;
            self.note(format_args!("function {guest}: {event:?}"));
            self.event(guest, &event)?;
        }
        let g = &mut self.guests[guest];
        g.eq.arm(&g.nic);
        g.events.arm(&g.nic);
        Ok(())
    }

    fn event(&mut self, guest: usize, event: &Event) -> Result<(), String> {
        let (name, info) = match event {
            Event::ConnectRequest(info) => return self.requested(guest, info),
            Event::ConnectReply(info) => ("CONNECT_REPLY", info),
            Event::ConnectFailed(info) => ("CONNECT_FAILED", info),
            Event::Established(info) => ("ESTABLISHED", info),
            Event::PeerDisconnected(info) => ("PEER_DISCONNECTED", info),
            Event::Disconnected(info) => ("DISCONNECTED", info),
            Event::QpError { .. } if self.lossy => return Ok(()),
            Event::CommunicationEstablished { .. } => return Ok(()),
            other => return Err(format!("function {guest}: {other:?}")),
        };
        let found = self.talks.iter().find_map(|talk| {
            let side = (0..2).find(|side| talk.cookie(*side) == info.cookie)?;
            (talk.sides[side].guest == guest).then_some((talk.number, side))
        });
        let Some((number, side)) = found else {
            return Err(format!("{name} with cookie {:#x}: of no talk", info.cookie));
        };
        self.coverage.hit(&format!("cm event {name}"));
        let lossy = self.lossy;
        let talk = &mut self.talks[number];
        let may_fail = talk.may_fail(side, info.status, lossy);
        let rejected = talk.private_data(1 - side);
        let (course, stage) = (talk.course, talk.sides[side].stage);
        let lost = talk.ending_may_be_abrupt() || lossy;
        let next = match (event, stage) {
            (Event::ConnectReply(_), Stage::Asking) if side == 0 => {
                padded(info, &rejected, "ACCEPT")?;
                Stage::Thinking
            }
            (Event::Established(_), Stage::Accepting) => Stage::Up,
            (Event::ConnectFailed(_), Stage::Asking | Stage::Accepting) if may_fail => {
                let said = matches!(course, Course::Reject | Course::RejectReply);
                if said && info.status == Status::REJECTED && !lossy {
                    padded(info, &rejected, "REJECT_CONNECTION")?;
                }
                Stage::Over
            }
            // Once, and with a reason only when the connection was lost.
            (Event::PeerDisconnected(_), Stage::Thinking | Stage::Up)
                if info.status == Status::OK || lost =>
            {
                Stage::PeerLeft
            }
            // It crossed a command of ours.
            (Event::PeerDisconnected(_), Stage::Leaving) => Stage::Leaving,
            (Event::PeerDisconnected(_), Stage::Over) if lost => Stage::Over,
            (Event::Disconnected(_), Stage::Leaving) => Stage::Over,
            _ => {
                return Err(format!(
                    "{name} ({}) in {stage:?}, which must not come: {talk:?}",
                    info.status
                ));
            }
        };
        talk.sides[side].stage = next;
        Ok(())
    }

    fn requested(&mut self, guest: usize, info: &CmInfo) -> Result<(), String> {
        self.coverage.hit("cm event CONNECT_REQUEST");
        if info.cookie != LISTENER {
            return Err(format!("CONNECT_REQUEST with cookie {:#x}", info.cookie));
        }
        let number = info.private_data.as_slice().first_chunk();
        let number = number.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
        let talk = usize::try_from(number)
            .ok()
            .and_then(|number| self.talks.get_mut(number))
            .ok_or_else(|| format!("CONNECT_REQUEST of no talk: {info:?}"))?;
        padded(info, &talk.private_data(0), "CONNECT")?;
        if matches!(talk.course, Course::Nobody | Course::Paused) {
            return Err(format!("a request where nobody listens: {talk:?}"));
        }
        // A refusal that was lost leaves the peer asking: a request again, to whoever has forgotten the first. One that
        // was accepted is not forgotten so soon [CM-15].
        let refused = matches!(
            talk.course,
            Course::Reject | Course::ReleaseRequest | Course::Cancel
        );
        let passive = &mut talk.sides[1];
        let again = self.lossy && refused && passive.stage == Stage::Gone;
        if passive.guest != guest || !(passive.stage == Stage::New || again) {
            return Err(format!("a request that came before, or astray: {talk:?}"));
        }
        passive.connection = Some(info.connection);
        passive.stage = Stage::Thinking;
        Ok(())
    }

    /// Takes the completions of a function.
    pub(super) fn poll(&mut self, guest: usize) -> Result<(), String> {
        loop {
            let g = &mut self.guests[guest];
            let Some(wc) = g.cqs[0].poll(&g.nic).map_err(|e| e.to_string())? else {
                break;
            };
            g.cqs[0].publish(&g.nic);
            self.progress += 1;
            self.completion(guest, &wc)?;
        }
        Ok(())
    }

    fn completion(&mut self, guest: usize, wc: &Wc) -> Result<(), String> {
        let found = self.talks.iter().find_map(|talk| {
            let is = |side: &usize| {
                let side = &talk.sides[*side];
                let qpn = side.qp.as_ref().map(|qp| qp.qpn.get());
                side.guest == guest && qpn == Some(wc.qpn)
            };
            Some((talk.number, (0..2).find(is)?))
        });
        let Some((number, side)) = found else {
            return Err(format!("a completion of no queue pair: {wc:?}"));
        };
        let lossy = self.lossy;
        let talk = &mut self.talks[number];
        let expected = talk.message(1 - side, talk.sides[side].arrived);
        let total = talk.messages[1 - side];
        let ends = talk.early || talk.all_arrived() || talk.ending_may_be_abrupt() || lossy;
        let me = &mut talk.sides[side];
        let retired = match (&mut me.qp, wc.is_receive()) {
            (Some(qp), true) => qp.recv.as_mut().map(|recv| recv.retire_to(wc.retired)),
            (Some(qp), false) => Some(qp.send.retire_to(wc.retired)),
            (None, _) => None,
        };
        if let Some(Err(error)) = retired {
            return Err(format!("retired count of {wc:?}: {error:?}"));
        }
        match wc.status {
            CompletionStatus::SUCCESS if wc.is_receive() => {
                let slot = me.arrived;
                me.arrived += 1;
                if me.arrived > total || wc.context != u64::from(slot) {
                    return Err(format!("a message too many, or out of order: {wc:?}"));
                }
                let mut got = vec![0; wc.byte_count as usize];
                if let Some(memory) = &me.memory {
                    memory.0.read(slot as usize * SLOT_BYTES, &mut got);
                }
                if got != expected {
                    return Err(format!(
                        "message {slot} of talk {number} is not as it was sent"
                    ));
                }
                self.coverage.hit("cm message");
            }
            CompletionStatus::SUCCESS => me.acknowledged += 1,
            // The rest of a connection that ends.
            CompletionStatus::FLUSHED if me.stage.may_flush() || ends => (),
            CompletionStatus::RETRY_EXCEEDED | CompletionStatus::RNR_RETRY_EXCEEDED if ends => (),
            _ => return Err(format!("{wc:?} in {talk:?}")),
        }
        Ok(())
    }
}

/// Private data as they were sent, zeros behind `[CM-6]`.
fn padded(info: &CmInfo, sent: &[u8], what: &str) -> Result<(), String> {
    let got = info.private_data.as_slice();
    let rest = got.get(sent.len()..);
    let right = got.starts_with(sent) && rest.is_some_and(|rest| rest.iter().all(|b| *b == 0));
    if right {
        return Ok(());
    }
    Err(format!(
        "private data of {what}: {got:02x?}, not {sent:02x?}"
    ))
}
