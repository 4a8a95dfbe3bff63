//! Checkers: each says what every completion must satisfy, whatever the workload is.
//!
//! | file | what it checks |
//! |---|---|
//! | `data.rs` | bytes, counts, immediate data, keys |
//! | `order.rs` | the order of completions in each queue, retired counts |
//! | `once.rs` | nothing is lost, nothing comes twice |

pub mod data;
pub mod once;
pub mod order;
