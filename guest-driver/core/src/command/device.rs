//! NOP, QUERY_PORT, QUERY_COUNTERS.

use rnic_abi::{
    NopAnswer, NopRequest, QueryCountersAnswer, QueryCountersRequest, QueryPortAnswer,
    QueryPortRequest, cmd,
};
use rnic_platform::Platform;
use zerocopy::little_endian::U32;

use super::{Arrived, Control, Next, Outcome, Token};
use crate::{Error, Nic, Port, Violation};

/// Consecutive counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Index of the first.
    pub first: u32,
    values: [u64; Counters::MAX as usize],
    count: u32,
}

impl Counters {
    /// Counters that one query gives at most.
    pub const MAX: u32 = 32;

    /// Values from `first` on.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        self.values.get(..self.count as usize).unwrap_or(&[])
    }
}

#[derive(Debug)]
pub(crate) enum Op {
    Nop([u8; 48]),
    Port,
    Counters { first: u32, count: u32 },
}

pub(crate) fn port(answer: &QueryPortAnswer) -> Port {
    Port {
        mac: answer.mac,
        state: answer.state(),
        active_mtu: answer.active_mtu(),
        link_speed_mbps: answer.link_speed_mbps.get(),
        frame_bytes: answer.frame_bytes.get(),
    }
}

impl<P: Platform> Control<P> {
    /// Sends bytes to the device and compares what comes back. [CMD-16]
    pub fn nop(&mut self, nic: &Nic<P>, cookie: u64, payload: [u8; 48]) -> Result<Token, Error> {
        let request = NopRequest {
            payload,
            ..NopRequest::default()
        };
        let op = super::Op::Device(Op::Nop(payload));
        self.start::<cmd::Nop>(nic, cookie, &request, op)
    }

    /// Asks for the port: [`Outcome::Port`]. [BRING-10]
    pub fn query_port(&mut self, nic: &Nic<P>, cookie: u64) -> Result<Token, Error> {
        let request = QueryPortRequest::default();
        self.start::<cmd::QueryPort>(nic, cookie, &request, super::Op::Device(Op::Port))
    }

    /// Reads up to [`Counters::MAX`] counters: [`Outcome::Counters`]. [CMD-17]
    pub fn query_counters(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        first: u32,
        count: u32,
    ) -> Result<Token, Error> {
        if count == 0 || count > Counters::MAX {
            return Err(Error::Argument("count"));
        }
        let request = QueryCountersRequest {
            first: U32::new(first),
            count: U32::new(count),
            ..QueryCountersRequest::default()
        };
        let op = super::Op::Device(Op::Counters { first, count });
        self.start::<cmd::QueryCounters>(nic, cookie, &request, op)
    }

    pub(super) fn device_answered(&mut self, arrived: &Arrived, op: Op) -> Next<P> {
        Next::from(match op {
            Op::Nop(payload) => self.ring.answer::<NopAnswer>(arrived).and_then(|answer| {
                if answer.payload == payload {
                    Ok(Outcome::Done)
                } else {
                    Err(Violation::AnswerHeader.into())
                }
            }),
            Op::Port => self
                .ring
                .answer::<QueryPortAnswer>(arrived)
                .map(|answer| Outcome::Port(port(&answer))),
            Op::Counters { first, count } => self
                .ring
                .answer::<QueryCountersAnswer>(arrived)
                .and_then(|answer| counters(&answer, first, count).map(Outcome::Counters)),
        })
    }
}

fn counters(answer: &QueryCountersAnswer, first: u32, asked: u32) -> Result<Counters, Error> {
    let count = answer.count.get();
    if count > asked {
        return Err(Violation::AnswerLength.into());
    }
    let mut values = [0; Counters::MAX as usize];
    for (to, from) in values.iter_mut().zip(&answer.values) {
        *to = from.get();
    }
    Ok(Counters {
        first,
        values,
        count,
    })
}
