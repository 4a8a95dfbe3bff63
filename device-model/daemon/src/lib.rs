//! The rnic daemon and its tools.
