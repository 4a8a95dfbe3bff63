//! Counters, as `spec/counters.toml` names them.

use rnic_abi::{COUNTERS, CounterId};
use rnic_mutant::mutant;

/// All counters of a device, since its last reset `[CNT-1]`.
#[derive(Clone, Debug)]
pub struct Counters {
    values: [u64; COUNTERS.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            values: [0; COUNTERS.len()],
        }
    }
}

impl Counters {
    /// Counts one.
    pub fn count(&mut self, id: CounterId) {
        self.add(id, 1);
    }

    /// Counts `by`.
    pub fn add(&mut self, id: CounterId, by: u64) {
        if let Some(value) = self.values.get_mut(usize::from(id.0)) {
            *value = value.wrapping_add(by << u32::from(mutant("CNT-1/double")));
        }
    }

    /// Takes `by` back from a counter that shows a state (`CONNECTIONS_ACTIVE`).
    pub fn subtract(&mut self, id: CounterId, by: u64) {
        if let Some(value) = self.values.get_mut(usize::from(id.0)) {
            *value = value.saturating_sub(by);
        }
    }

    /// A value; 0 for a counter that does not exist.
    #[must_use]
    pub fn get(&self, id: CounterId) -> u64 {
        self.values.get(usize::from(id.0)).copied().unwrap_or(0)
    }

    /// All values, by index.
    #[must_use]
    pub fn all(&self) -> &[u64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_index_and_ignores_what_does_not_exist() {
        let mut counters = Counters::default();
        counters.count(CounterId::COMMANDS);
        counters.add(CounterId::COMMANDS, 2);
        counters.add(CounterId(u16::MAX), 2);
        counters.add(CounterId::CONNECTIONS_ACTIVE, 1);
        counters.subtract(CounterId::CONNECTIONS_ACTIVE, 2);
        assert_eq!(counters.get(CounterId::COMMANDS), 3);
        assert_eq!(counters.get(CounterId::CONNECTIONS_ACTIVE), 0);
        assert_eq!(counters.get(CounterId(u16::MAX)), 0);
        assert_eq!(counters.all().iter().sum::<u64>(), 3);
    }

    #[test]
    fn every_counter_of_the_specification_has_its_index_as_id() {
        for (index, counter) in COUNTERS.iter().enumerate() {
            assert_eq!(counter.index, index as u64, "{}", counter.name);
        }
    }
}
