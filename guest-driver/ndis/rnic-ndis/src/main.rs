//! The binary: `rnic.sys`. What a Windows kernel image needs beside the driver: entry point, allocator, panic handler,
//! and what compiler and linker ask for where the WDK's libraries would have it.
#![cfg_attr(target_os = "windows", no_std)]
#![cfg_attr(target_os = "windows", no_main)]

#[cfg(target_os = "windows")]
mod runtime;

#[cfg(not(target_os = "windows"))]
fn main() {
    eprintln!("rnic.sys is a Windows driver; `cargo xtask driver` builds it on any machine.");
    std::process::exit(2);
}
