//! netio.sys: which addresses an interface has, how to reach others, and notice of changes.
//!
//! The table is what a test says: addresses of adapters, neighbours. Resolving finds the other adapter of the machine, a
//! neighbour that the test named, or one that answers on the link.

pub mod exports;
pub mod neighbours;
pub mod table;
