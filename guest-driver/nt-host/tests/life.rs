//! Lives of rnic.sys over two devices on one wire. Each is a process of its own: a breach ends it.
//!
//! Needs the driver and the devices, which `cargo xtask test` builds and starts: `RNIC_DRIVER`, and `RNIC_DEVICES`, two
//! sockets with a comma between them.

use std::process::Command;

fn variable(name: &str) -> String {
    let missing =
        format!("{name} is not set; `cargo xtask test 7` builds and starts what it names");
    std::env::var(name).expect(&missing)
}

fn nt_host(command: &str, arguments: &[&str]) -> String {
    on(&variable("RNIC_DEVICES"), command, arguments)
}

/// On these devices.
fn on(devices: &str, command: &str, arguments: &[&str]) -> String {
    let mut host = Command::new(env!("CARGO_BIN_EXE_nt-host"));
    host.arg(command)
        .arg(variable("RNIC_DRIVER"))
        .args(arguments);
    for device in devices.split(',') {
        host.arg("--device").arg(device);
    }
    let output = host.output().expect("nt-host runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}", output.status);
    text
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn packets_arrive_and_nothing_is_left() {
    assert!(nt_host("run", &[]).contains("received: 64"));
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn physical_addresses_serve_where_nothing_is_remapped() {
    assert!(nt_host("run", &["--identity"]).contains("received: 64"));
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn a_device_that_is_pulled_out_leaves_nothing() {
    assert!(nt_host("run", &["--surprise", "--quiet"]).contains("nothing is left"));
}

#[test]
#[ignore = "needs rnic.sys and two devices"]
fn every_call_site_may_fail() {
    // One device: a second would double the time of each of a hundred lives, and run the same code.
    let devices = variable("RNIC_DEVICES");
    let first = devices.split(',').next().unwrap_or_default();
    let text = on(first, "sweep", &["--quiet"]);
    let survived = text.lines().find_map(|line| {
        let rest = line.strip_prefix("survived ")?;
        rest.split(' ').next()?.parse::<u32>().ok()
    });
    // Fewer sites than a driver with queues, packets and interrupts has would mean that nothing was injected.
    assert!(survived.is_some_and(|sites| sites > 50), "{text}");
}
