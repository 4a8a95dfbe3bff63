//! What a driver or a test needs from a machine: the Platform trait.
