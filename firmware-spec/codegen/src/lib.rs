//! Loads, checks and emits the specification.
