//! The device interface as Rust: generated layouts and metadata.
