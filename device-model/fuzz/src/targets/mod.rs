//! The targets. Each has a `run`, which takes any bytes.

pub mod cm;
pub mod commands;
pub mod forged;
pub mod registers;
pub mod vfio_user;
pub mod wire;
pub mod work;

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: &[Target] = &[
    ("registers", registers::run),
    ("commands", commands::run),
    ("work", work::run),
    ("wire", wire::run),
    ("cm", cm::run),
    ("forged", forged::run),
    ("vfio-user", vfio_user::run),
];
