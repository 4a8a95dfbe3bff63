//! Reliable connection: the two halves of a queue pair (IBTA vol. 1, 9.7).

mod requester;
mod responder;

pub use requester::{
    Failure, Message, Placement, PostError, Progress, Requester, RequesterConfig, Transmission,
};
pub use responder::{
    Answered, Dropped, ReadData, Refusal, Replay, Responder, ResponderConfig, Response, SendEnd,
    Tag, Verdict, Work, WriteEnd,
};
