//! How often each kind of operation, error and fault happened: what never happened was not tested.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<String, u64>);

/// What a long run must have hit at least once.
pub const REQUIRED: &[&str] = &[
    "op SEND",
    "op SEND_IMMEDIATE",
    "op SEND_INVALIDATE",
    "op WRITE",
    "op WRITE_IMMEDIATE",
    "op READ",
    "op READ_INVALIDATE",
    "op COMPARE_SWAP",
    "op FETCH_ADD",
    "op FAST_REGISTER",
    "op BIND",
    "op LOCAL_INVALIDATE",
    "with inline",
    "with fence",
    "with silent",
    "with solicited",
    "with shared receives",
    "with flow control",
    "lend fast",
    "lend window 1",
    "lend window 2",
    "control resize cq",
    "control moderate cq",
    "control resize srq",
    "control limit srq",
    "control arm",
    "signal",
    "event QP_ERROR",
    "event SRQ_LIMIT",
    "break bad key",
    "break stale key",
    "break range",
    "break right",
    "break receive too short",
    "break flags",
    "break local key",
    "break misaligned atomic",
    "break invalidate refused",
    "break flush",
    "break error",
    "break reset",
    "break peer gone",
    "break unmap local",
    "break unmap remote",
    "break destroy",
    "break device reset",
    "status FLUSHED",
    "status LOCAL_LENGTH_ERROR",
    "status LOCAL_OPERATION_ERROR",
    "status LOCAL_PROTECTION_ERROR",
    "status LOCAL_ACCESS_ERROR",
    "status REMOTE_INVALID_REQUEST_ERROR",
    "status REMOTE_ACCESS_ERROR",
    "status REMOTE_OPERATION_ERROR",
    "status RETRY_EXCEEDED",
    "chaos break",
    "fault command",
    "fault completion",
    "fault interrupt",
    "frame dropped",
    "frame duplicated",
    "frame corrupted",
    "frame reordered",
    "frame marked",
    "frame delayed",
    "segment inbox full",
    "port full",
    "cm accept",
    "cm reject request",
    "cm reject reply",
    "cm cancel",
    "cm release request",
    "cm nobody listens",
    "cm listener paused",
    "cm end by active",
    "cm end by passive",
    "cm end by both",
    "cm end abortive",
    "cm end by release",
    "cm event CONNECT_REQUEST",
    "cm event CONNECT_REPLY",
    "cm event CONNECT_FAILED",
    "cm event ESTABLISHED",
    "cm event PEER_DISCONNECTED",
    "cm event DISCONNECTED",
    "cm message",
    "cm messages",
    "cm connections",
    "cm retries",
    "cm duplicates",
    "cm frame dropped",
    "letter datagram SEND",
    "letter datagram SEND_IMMEDIATE",
    "letter message SEND",
    "letter message SEND_IMMEDIATE",
    "letter message WRITE",
    "letter message WRITE_IMMEDIATE",
    "letter arrived",
    "letter frames dropped",
    "letter DROPPED_NO_RECEIVE",
    "letter DROPPED_TOO_LONG",
    "letter DROPPED_KEY",
    "letter DROPPED_NO_QP",
    "letter DROPPED_ACCESS",
    "letter MESSAGES_ABANDONED",
    "resolution lost",
    "resolution doubled",
    "resolution late",
];

impl Coverage {
    /// Counts one.
    pub fn hit(&mut self, name: &str) {
        self.add(name, 1);
    }

    /// Counts several.
    pub fn add(&mut self, name: &str, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.get_mut(name) {
            Some(value) => *value += count,
            None => {
                self.0.insert(name.to_owned(), count);
            }
        }
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            self.add(name, *count);
        }
    }

    /// The count of a name.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// What should have been hit and was not.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let missed = REQUIRED.iter().filter(|name| self.count(name) == 0);
        missed.copied().collect()
    }

    /// All counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}
