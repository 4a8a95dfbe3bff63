//! Breaking links, in ways with a known result and in the middle of things; mending them.

use rnic_abi::{
    CompletionStatus, FlushFlags, ProviderError, QpAttributeFlags, QpState, WorkOpcode,
};
use rnic_driver_core::{Key, Object};
use rnic_platform::{DmaAccess, TestPlatform};

use crate::arena::{REMOTE, SLOT_DATA};
use crate::check;
use crate::end::{Target, to_rtr, to_rts, to_state};
use crate::guest::Guest;
use crate::plan::{Break, Op};
use crate::post::Twist;
use crate::sim::Sim;

/// Steps of 100 us that draining may take.
const DRAIN: u32 = 400_000;

/// What a break must look like at the end that makes it: status and syndrome.
type Wanted = (CompletionStatus, &'static [ProviderError]);

impl Sim {
    /// Connects a link whose queue pairs are in INIT.
    ///
    /// # Errors
    /// A command failed.
    pub fn connect(&mut self, link: usize) -> Result<(), String> {
        let ends = [link * 2, link * 2 + 1];
        let mut psn = || {
            if self.random.percent(30) {
                0xFF_FFF0 + self.random.below(16) as u32
            } else {
                self.random.below(1 << 24) as u32
            }
        };
        let psns = [psn(), psn()];
        for number in ends {
            if self.random.percent(50) {
                self.feed(number, 4)?;
            }
        }
        for (side, number) in ends.into_iter().enumerate() {
            let end = &self.ends[number];
            let mut request = to_rtr(&self.plan, end, &self.ends[number ^ 1], psns[side ^ 1]);
            if self.plan.flow_control[number] {
                self.coverage.hit("with flow control");
                let mask = request.mask().with_flow_control(true);
                request = request
                    .with_mask(mask)
                    .with_flags(QpAttributeFlags::default().with_flow_control(true));
            }
            self.modify(number, &request)?;
        }
        for (side, number) in ends.into_iter().enumerate() {
            self.modify(number, &to_rts(psns[side]))?;
        }
        self.note(format_args!("link {link} is connected, PSNs {psns:x?}"));
        Ok(())
    }

    fn modify(&mut self, number: usize, request: &rnic_abi::ModifyQpRequest) -> Result<(), String> {
        let end = &self.ends[number];
        let Some(qpn) = end.qp.as_ref().map(|qp| qp.qpn) else {
            return Ok(());
        };
        self.guests[end.guest].call("modify_qp", |control, nic| {
            Ok(control.modify_qp(nic, 0, qpn, request)?)
        })?;
        Ok(())
    }

    /// Breaks an idle link in a way with a known result, checks the result, mends it.
    ///
    /// # Errors
    /// A checker's.
    pub fn perform(&mut self, number: usize, broken: Break) -> Result<(), String> {
        let link = number / 2;
        let broken = match broken {
            Break::StaleKey if self.ends[number].stale.is_none() => Break::BadKey,
            // It would disturb links that are not idle.
            Break::DeviceReset if !self.plan.chaos => Break::Error,
            other => other,
        };
        self.note(format_args!("end {number}: {broken:?}"));
        self.coverage.hit(broken.name());
        self.links[link].tolerant = true;
        self.links[link].errors.clear();
        self.feed(number ^ 1, 2)?;
        let peer = number ^ 1;
        let open = self.ends[peer].open;
        let write = op(WorkOpcode::WRITE, 16);
        let fails = Twist {
            fails: true,
            ..Twist::default()
        };
        let access: Wanted = (
            CompletionStatus::REMOTE_ACCESS_ERROR,
            &[ProviderError::PEER_ACCESS],
        );
        let wanted: Option<Wanted> = match broken {
            Break::BadKey => {
                let key = Key(0xFFFF_FF00);
                self.attempt(number, write, Target { key, ..open }, fails)?;
                Some(access)
            }
            Break::StaleKey => {
                let target = self.ends[number].stale.unwrap_or(open);
                self.attempt(number, write, target, fails)?;
                Some(access)
            }
            Break::Range => {
                let read = Op {
                    target: REMOTE - 8,
                    ..op(WorkOpcode::READ, 64)
                };
                self.attempt(number, read, open, fails)?;
                Some(access)
            }
            Break::Right => {
                let (key, base) = self.ends[peer].plain;
                self.attempt(number, write, Target { key, base, at: 0 }, fails)?;
                Some(access)
            }
            Break::ReceiveTooShort => {
                self.attempt(number, op(WorkOpcode::SEND, 2 * SLOT_DATA), open, fails)?;
                Some((
                    CompletionStatus::REMOTE_INVALID_REQUEST_ERROR,
                    &[ProviderError::PEER_INVALID_REQUEST],
                ))
            }
            Break::Flags => {
                let flags = Twist {
                    flags: 0x80,
                    ..fails
                };
                self.attempt(number, write, open, flags)?;
                Some((
                    CompletionStatus::LOCAL_OPERATION_ERROR,
                    &[ProviderError::BAD_FLAGS],
                ))
            }
            Break::LocalKey => {
                let key = Twist {
                    local_key: Some(Key(0xFFFF_FF00)),
                    ..fails
                };
                self.attempt(number, op(WorkOpcode::SEND, 100), open, key)?;
                Some((
                    CompletionStatus::LOCAL_PROTECTION_ERROR,
                    &[ProviderError::KEY_NOT_FOUND],
                ))
            }
            Break::MisalignedAtomic => {
                let add = Op {
                    target: 4,
                    ..op(WorkOpcode::FETCH_ADD, 8)
                };
                self.attempt(number, add, open, fails)?;
                Some((
                    CompletionStatus::REMOTE_INVALID_REQUEST_ERROR,
                    &[ProviderError::PEER_INVALID_REQUEST],
                ))
            }
            Break::InvalidateRefused => {
                let key = Twist {
                    invalidates: Some(open.key),
                    ..fails
                };
                self.attempt(number, op(WorkOpcode::SEND_INVALIDATE, 40), open, key)?;
                None
            }
            Break::UnmapLocal => {
                self.unmapped(number, number, |sim| {
                    sim.attempt(number, write, open, fails)
                })?;
                Some((
                    CompletionStatus::LOCAL_ACCESS_ERROR,
                    &[ProviderError::DMA_UNMAPPED],
                ))
            }
            Break::UnmapRemote => {
                self.unmapped(number, peer, |sim| sim.attempt(number, write, open, fails))?;
                Some((
                    CompletionStatus::REMOTE_OPERATION_ERROR,
                    &[ProviderError::PEER_OPERATION],
                ))
            }
            Break::PeerGone => {
                self.reset_qp(peer)?;
                self.attempt(number, write, open, fails)?;
                Some((
                    CompletionStatus::RETRY_EXCEEDED,
                    &[ProviderError::PEER_GONE],
                ))
            }
            Break::Flush => {
                self.flush(number)?;
                None
            }
            Break::Error => None,
            Break::Reset => {
                self.reset_qp(number)?;
                None
            }
            Break::Destroy => {
                self.destroy(number)?;
                None
            }
            Break::DeviceReset => return self.reset_device(self.ends[number].guest),
        };
        if let Some((status, errors)) = wanted
            && !self.plan.tolerates_errors()
        {
            let seen = &self.links[link].errors;
            let first = seen.iter().find(|error| error.0 == number && !error.1);
            let right = first.is_some_and(|error| {
                error.2 == status && errors.contains(&error.3)
                    // The responder tells why once; when that is lost, it does not answer any more.
                    || self.lossy && error.2 == CompletionStatus::RETRY_EXCEEDED
            });
            if !right {
                return Err(format!(
                    "{broken:?} should end in {status}, {errors:?}, not {seen:?}"
                ));
            }
        }
        self.mend(link)
    }

    /// Posts a request that is to fail, and waits for it.
    fn attempt(
        &mut self,
        number: usize,
        op: Op,
        target: Target,
        twist: Twist,
    ) -> Result<(), String> {
        if !self.post(number, &op, target, twist)? {
            return Err("an idle send queue has no room".to_owned());
        }
        self.ring(number);
        for _ in 0..DRAIN {
            // With its completion queue, its completion is lost.
            if self.ends[number].requests.is_empty() || !self.lost_cqs.is_empty() {
                return Ok(());
            }
            self.machine.lock().step(100_000);
            self.poll_all()?;
        }
        Err("a request that should fail never completed".to_owned())
    }

    /// Does something while the arena of an end is unmapped.
    fn unmapped(
        &mut self,
        number: usize,
        whose: usize,
        call: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let guest = self.ends[whose].guest;
        let platform = self.machine.platform(guest);
        let unmapped = platform.unmap(&self.ends[whose].arena.buffer);
        unmapped.map_err(|error| format!("unmap for end {number}: {error}"))?;
        let result = call(self);
        let access = DmaAccess::DeviceReadsAndWrites;
        let mapped = platform.map(&self.ends[whose].arena.buffer, access);
        mapped.map_err(|error| format!("map for end {number}: {error}"))?;
        result
    }

    fn reset_qp(&mut self, number: usize) -> Result<(), String> {
        self.modify(number, &to_state(QpState::RESET))?;
        // What completed before must be taken before the rest is forgotten.
        self.poll_all()?;
        self.retire_silent(number)?;
        self.forget(number);
        Ok(())
    }

    /// The device forgot what was posted at an end.
    fn forget(&mut self, number: usize) {
        let requests: Vec<_> = self.ends[number].requests.iter().cloned().collect();
        for request in &requests {
            let mut request = request.clone();
            request.slots.clear();
            self.abandon(number, &request);
        }
        let end = &mut self.ends[number];
        for receive in &end.receives {
            for piece in &receive.pieces {
                end.arena.forget(*piece);
            }
        }
        self.ends[number].forget_posted();
    }

    fn flush(&mut self, number: usize) -> Result<(), String> {
        let end = &self.ends[number];
        let Some(qpn) = end.qp.as_ref().map(|qp| qp.qpn) else {
            return Ok(());
        };
        let which = FlushFlags::default().with_send(true).with_receive(true);
        self.guests[end.guest].call("flush_qp", |control, nic| {
            Ok(control.flush_qp(nic, 0, qpn, which)?)
        })?;
        Ok(())
    }

    /// Destroys the queue pair of an end.
    ///
    /// # Errors
    /// The device refused, or never answered.
    pub fn destroy(&mut self, number: usize) -> Result<(), String> {
        let guest = self.ends[number].guest;
        while let Some(qp) = self.ends[number].qp.take() {
            let result =
                self.guests[guest].call_once(|control, nic| control.destroy_qp(nic, 0, qp))?;
            if let Err(failure) = result {
                match failure.kept {
                    Some(Object::Qp(qp)) if self.plan.fails_commands() => {
                        self.ends[number].qp = Some(qp);
                    }
                    _ => return Err(format!("destroy_qp: {}", failure.error)),
                }
            } else {
                // [QP-10] Completions of the time before may still lie in the queues: they are
                // taken here, and any later one is of a queue pair that does not exist.
                self.drop_completions(guest)?;
            }
        }
        self.forget(number);
        Ok(())
    }

    /// Breaks something in the middle of whatever is under way.
    ///
    /// # Errors
    /// A checker's.
    pub fn chaos(&mut self) -> Result<(), String> {
        let number = self.random.index(self.ends.len());
        let link = number / 2;
        if self.links[link].tolerant {
            return Ok(());
        }
        self.links[link].tolerant = true;
        self.coverage.hit("chaos break");
        let choice = self
            .random
            .below(if self.ends[number].shared { 3 } else { 5 });
        self.note(format_args!("chaos {choice} at end {number}"));
        match choice {
            0 => self.modify(number, &to_state(QpState::ERROR))?,
            1 => self.flush(number)?,
            2 => self.unmapped(number, number, |sim| {
                for _ in 0..10 {
                    sim.machine.lock().step(20_000);
                    sim.poll_all()?;
                }
                Ok(())
            })?,
            3 => self.reset_qp(number)?,
            _ => {
                if self.random.percent(30) {
                    let guest = self.ends[number].guest;
                    self.coverage.hit("break device reset");
                    return self.reset_device(guest);
                }
                self.destroy(number)?;
            }
        }
        self.mend(link)
    }

    /// Mends links that an error broke by itself.
    ///
    /// # Errors
    /// A checker's.
    pub fn mend_broken(&mut self) -> Result<(), String> {
        while let Some(guest) = self.lost_cqs.pop() {
            self.reset_device(guest)?;
        }
        for link in 0..self.links.len() {
            if self.links[link].broken && !self.links[link].tolerant {
                self.links[link].tolerant = true;
                self.mend(link)?;
            }
        }
        Ok(())
    }

    /// Puts both queue pairs in ERROR, waits until everything that was posted has completed,
    /// compares memory, and connects again.
    fn mend(&mut self, link: usize) -> Result<(), String> {
        let ends = [link * 2, link * 2 + 1];
        for number in ends {
            self.modify(number, &to_state(QpState::ERROR))?;
            self.ring(number);
        }
        let mut left = DRAIN;
        loop {
            self.poll_all()?;
            for number in ends {
                self.retire_silent(number)?;
            }
            if !self.lost_cqs.is_empty() {
                // A completion queue is lost, and what should have come through it.
                break;
            }
            let drained = |number: &usize| {
                let end = &self.ends[*number];
                end.requests.is_empty() && end.receives.is_empty()
            };
            if ends.iter().all(drained) {
                break;
            }
            left -= 1;
            if left == 0 {
                let left = ends.map(|number| {
                    let end = &self.ends[number];
                    (end.requests.len(), end.receives.len())
                });
                // [QP-37]
                return Err(format!(
                    "posted entries of link {link} never completed: {left:?}"
                ));
            }
            self.machine.lock().step(100_000);
        }
        while let Some(guest) = self.lost_cqs.pop() {
            self.reset_device(guest)?;
            if !self.links[link].tolerant {
                return Ok(());
            }
        }
        self.settle()?;
        for number in ends {
            if self.ends[number].qp.is_some() && self.ends[number ^ 1].qp.is_some() {
                check::once::arrived(&self.ends[number], &self.ends[number ^ 1])?;
            }
        }
        for number in ends {
            let compared = self.ends[number].arena.compare();
            compared.map_err(|text| format!("memory of end {number} after a break: {text}"))?;
            let guest = self.ends[number].guest;
            let again = self.random.percent(40);
            if again {
                self.destroy(number)?;
            }
            let end = &mut self.ends[number];
            end.restart();
            end.renew_keys(&mut self.guests[guest])?;
            if self.ends[number].qp.is_none() {
                self.ends[number].create_qp(&mut self.guests[guest])?;
            } else {
                self.reset_qp(number)?;
                self.modify(number, &to_state(QpState::INIT))?;
            }
        }
        self.poll_all()?;
        self.links[link] = crate::sim::Link::default();
        self.progress += 1;
        self.connect(link)
    }

    /// Lets everything that is on the way arrive, and take all completions.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..5 {
            self.machine.lock().step(100_000);
            self.poll_all()?;
        }
        Ok(())
    }

    /// Resets a device and begins anew with it.
    ///
    /// # Errors
    /// A checker's.
    pub fn reset_device(&mut self, guest: usize) -> Result<(), String> {
        self.note(format_args!("function {guest} is reset"));
        let links: Vec<usize> = (0..self.links.len())
            .filter(|link| {
                let (one, other) = self.plan.links[*link];
                one == guest || other == guest
            })
            .collect();
        for link in &links {
            self.links[*link].tolerant = true;
        }
        self.guests[guest].nic.begin_reset();
        let mut left = DRAIN;
        while !self.guests[guest]
            .nic
            .reset_is_complete()
            .map_err(|error| Self::text(&error))?
        {
            left -= 1;
            if left == 0 {
                return Err(format!("the reset of function {guest} never ended"));
            }
            self.machine.lock().step(100_000);
        }
        self.lost_cqs.retain(|lost| *lost != guest);
        for number in 0..self.ends.len() {
            if self.ends[number].guest == guest {
                self.ends[number].qp = None;
                self.forget(number);
            }
        }
        let new = Guest::new(&self.machine, guest, &self.plan)?;
        self.guests[guest] = new;
        for number in 0..self.ends.len() {
            if self.ends[number].guest == guest {
                let random = &mut self.random;
                self.ends[number].rebuild(&mut self.guests[guest], random)?;
            }
        }
        for link in links {
            self.mend(link)?;
        }
        Ok(())
    }

    /// Takes completions of queue pairs that were just destroyed.
    fn drop_completions(&mut self, guest: usize) -> Result<(), String> {
        for cq in 0..self.plan.cqs {
            loop {
                let g = &mut self.guests[guest];
                let Some(wc) = g.cqs[cq].poll(&g.nic).map_err(|error| Self::text(&error))? else {
                    break;
                };
                let known = self
                    .ends
                    .iter()
                    .any(|end| end.guest == guest && end.qpn() == wc.qpn);
                if known {
                    self.handle(guest, cq, &wc)
                        .map_err(|why| format!("{why}; completion {wc:?}"))?;
                }
            }
        }
        Ok(())
    }
}

fn op(opcode: WorkOpcode, length: u32) -> Op {
    Op {
        opcode,
        target: 0,
        length,
        value: 0x5EED,
        pieces: 1,
        inline: false,
        silent: false,
        solicited: false,
        fence: false,
    }
}
