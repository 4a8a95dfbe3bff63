//! Lives of rnic.sys, and of consumers, on devices with a fault plan: for each site and fault that a plan has, whether traffic
//! goes on, or the adapter is taken for failed and reset; in any case nothing crashes, hangs, or is left. Each life is a
//! process, with a daemon of its own.
//!
//! Needs what `cargo xtask test` builds: the driver in `RNIC_DRIVER`, the program `rnic` in `RNIC_PROGRAM`.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

fn variable(name: &str) -> String {
    let missing = format!("{name} is not set; `cargo xtask test 7` builds and says what it names");
    std::env::var(name).expect(&missing)
}

fn faults(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nt-host"))
        .arg("faults")
        .arg(variable("RNIC_DRIVER"))
        .args(["--rnic", &variable("RNIC_PROGRAM"), "--verbose"])
        .args(arguments)
        .output()
        .expect("nt-host runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{text}",
        output.status
    );
    text
}

/// A life with these rules; each is site, fault and the rest.
fn life(rules: &[(&str, &str, &str)], speed: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("plan.json");
    let rules: Vec<String> = rules
        .iter()
        .map(|(site, fault, rest)| format!(r#"{{"site":"{site}","fault":"{fault}",{rest}}}"#))
        .collect();
    let text = format!(r#"{{"seed":7,"rules":[{}]}}"#, rules.join(","));
    std::fs::write(&plan, text).expect("a plan");
    let plan = plan.display().to_string();
    let text = faults(&[&["--plan", &plan, "--speed", speed], more].concat());
    assert!(text.contains("survived; nothing is left"), "{text}");
    text
}

/// Runs some at a time: lives wait more than they work.
fn together(lives: &[&(dyn Fn() + Sync)]) {
    for some in lives.chunks(3) {
        std::thread::scope(|scope| {
            for life in some {
                scope.spawn(life);
            }
        });
    }
}

fn goes_on(text: &str) {
    assert!(
        text.contains("whole: true"),
        "traffic did not go on\n{text}"
    );
}

fn was_told(text: &str) {
    assert!(
        !text.contains("lost: 0\n"),
        "no interrupt was missed\n{text}"
    );
    assert!(text.contains("rnic: lost interrupts, messages"), "{text}");
}

/// The driver waited for an interrupt without end: "packet 19 was not completed in time".
#[test]
#[ignore = "needs rnic.sys and rnic"]
fn traffic_goes_on_when_interrupts_are_lost() {
    together(&[
        &|| {
            // The next message may come so soon that nobody misses the one before.
            let rules = [("interrupt", "drop", r#""after":20,"every":5"#)];
            goes_on(&life(&rules, "4", &[]));
        },
        &|| {
            // Each message of every vector: frames, answers, completion events, general events.
            let text = life(&[("interrupt", "drop", r#""after":0"#)], "4", &[]);
            goes_on(&text);
            was_told(&text);
        },
        &|| {
            // One message for everything: what the control message owes hid what waits in its queues. It is pulled out while
            // interrupts are owed.
            let rules = [("interrupt", "drop", r#""after":0"#)];
            let text = life(&rules, "4", &["--messages", "1", "--surprise"]);
            goes_on(&text);
            was_told(&text);
        },
    ]);
}

#[test]
#[ignore = "needs rnic.sys and rnic"]
fn commands_that_fail_or_are_never_answered_end_in_a_bounded_time() {
    together(&[
        &|| {
            // What was asked for is refused, and the next request is served.
            life(&[("command", "fail", r#""after":40,"every":9"#)], "4", &[]);
        },
        &|| {
            let text = life(&[("command", "fail", r#""after":0,"every":3"#)], "4", &[]);
            assert!(text.contains("started: 0"), "{text}");
        },
        &|| {
            // The adapter is taken for failed, and NDIS's reset revives it.
            let rules = [("command", "drop", r#""after":60,"times":1"#)];
            let text = life(&rules, "8", &[]);
            assert!(text.contains("resets: [Some(0)"), "{text}");
            assert!(text.contains("this life of the device ends"), "{text}");
        },
        &|| {
            let text = life(&[("command", "drop", r#""after":0"#)], "20", &[]);
            assert!(text.contains("started: 0"), "{text}");
        },
    ]);
}

#[test]
#[ignore = "needs rnic.sys and rnic"]
fn data_that_cannot_be_reached_fails_its_request_alone() {
    together(&[
        &|| {
            let text = life(&[("dma", "fail", r#""after":20,"every":7"#)], "8", &[]);
            assert!(
                text.contains("sent: 32") && text.contains("resets: []"),
                "{text}"
            );
        },
        &|| {
            // A completion queue in error is its consumer's to close; the adapter goes on.
            let text = life(
                &[("completion", "fail", r#""after":2,"every":3"#)],
                "4",
                &[],
            );
            assert!(
                text.contains("received: 32") && text.contains("resets: []"),
                "{text}"
            );
        },
    ]);
}

#[test]
#[ignore = "needs rnic.sys and rnic"]
fn frames_that_are_lost_doubled_changed_or_late_cost_no_adapter() {
    let each = |site: &'static str| {
        move || {
            let every = r#""after":3,"every":11"#;
            let faults = ["drop", "duplicate", "corrupt", "reorder", "mark", "delay"];
            // The first rule that fires decides, so they are due at passes of their own.
            let rules: Vec<(&str, &str, String)> = faults
                .iter()
                .enumerate()
                .map(|(at, fault)| (site, *fault, every.replace('3', &(3 + at).to_string())))
                .collect();
            let rules: Vec<_> = rules.iter().map(|(s, f, r)| (*s, *f, r.as_str())).collect();
            let text = life(&rules, "8", &[]);
            assert!(
                text.contains("sent: 32") && text.contains("resets: []"),
                "{text}"
            );
        }
    };
    let (arriving, leaving) = (each("frame-in"), each("frame-out"));
    together(&[&arriving, &leaving]);
}

/// Frames that a device keeps without end were waited for without end: its port was full, as its partner took none.
#[test]
#[ignore = "needs rnic.sys and rnic"]
fn a_device_that_sends_nothing_any_more_is_reset() {
    let folder = tempfile::tempdir().expect("a folder");
    let [ours, partner] = ["ours", "partner"].map(|name| folder.path().join(name));
    let silent = UnixDatagram::bind(&partner).expect("a socket");
    let port = format!(
        "kind=dgram,local={},remote={}",
        ours.display(),
        partner.display()
    );
    // It says where it is, and takes nothing.
    let mut hello = vec![0xFF; 6];
    hello.extend([2, 9, 9, 9, 9, 9, 0x88, 0xB5]);
    hello.resize(60, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                // Nobody listens until the devices are there.
                let _ = silent.send_to(&hello, &ours);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let text = std::panic::catch_unwind(|| life(&[], "8", &["--port", &port, "--away"]));
        done.store(true, Ordering::SeqCst);
        let text = text.expect("a life");
        assert!(text.contains("stuck: 2"), "{text}");
        assert!(text.contains("resets: [Some(0), Some(0)]"), "{text}");
        assert!(
            text.contains("the end of a frame that was to be sent"),
            "{text}"
        );
        // NDIS_ERROR_CODE_HARDWARE_FAILURE.
        assert!(text.contains("error log entry 0xc000138a"), "{text}");
    });
}

#[test]
#[ignore = "needs rnic.sys and rnic"]
fn a_device_that_is_not_well_neither_crashes_nor_hangs_the_driver() {
    // Interrupts, commands and something else in each. More: `nt-host faults --count`.
    let seeds = |first: &'static str| {
        move || {
            let text = faults(&["--seed", first, "--count", "2"]);
            assert!(text.contains("survived 2 seeds"), "{text}");
        }
    };
    together(&[&seeds("87"), &seeds("93"), &seeds("187")]);
}
