//! Reliable connected transport as a state machine, sans I/O.
