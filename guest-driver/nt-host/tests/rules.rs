//! Each rule of the verifier bites: the bad driver breaks it, and the host ends with that rule and the driver's stack. And
//! it does not bite without reason: the same driver, keeping the rules, leaves nothing.
//!
//! Needs the driver, which `cargo xtask test` builds: its path in `RNIC_BAD_DRIVER`.

use std::process::{Command, Output};

use nt_host::breach::{EXIT_CODE, Rule};

/// What the driver can do: the rule's id, perhaps with a variant after a slash.
const ACTS: &[&str] = &[
    "access-fault",
    "access-fault/null",
    "access-fault/overrun",
    "bug-check",
    "call-after-unload",
    "callback-after-close",
    "completion",
    "completion/ndk",
    "completion/none",
    "completion/twice",
    "cq-callback",
    "cq-callback/nested",
    "dispatch-table",
    "dma-map",
    "dpc-live",
    "dpc-live/timer",
    "handle",
    "hang",
    "hang/oid",
    "header",
    "init-code",
    "irql-change",
    "irql-limit",
    "irql-limit/deferred",
    "irql-return",
    "leak",
    "lock-held",
    "lock-held/ndk",
    "lock-order",
    "lock-owner",
    "lock-owner/irql",
    "lock-recursion",
    "mmio",
    "mmio/unaligned",
    "nbl-owner",
    "nbl-owner/handle",
    "nbl-paused",
    "nbl-paused/early",
    "oid-owner",
    "oid-owner/twice",
    "paged-code",
    "pool-corrupt",
    "pool-free",
    "pool-irql",
    "pool-leak",
    "pool-tag",
    "stack",
    "state",
    "wait-irql",
];

/// Acts that show where no import is called: after the driver has returned, or in a callback of its.
const FOUND_LATER: &[&str] = &[
    "call-after-unload",
    "completion",
    "hang/oid",
    "oid-owner",
    // Found by the layer before the provider, in a call from it.
    "callback-after-close",
    "completion/ndk",
    "cq-callback",
    "cq-callback/nested",
    "dispatch-table",
    "lock-held/ndk",
];

fn run(act: &str) -> Output {
    let driver = std::env::var_os("RNIC_BAD_DRIVER").expect(
        "RNIC_BAD_DRIVER names no driver; `cargo xtask test` builds it and says where it is",
    );
    Command::new(env!("CARGO_BIN_EXE_nt-host"))
        .arg("bad")
        .arg(driver)
        .arg(act)
        .output()
        .expect("nt-host runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
#[ignore = "needs bad.sys, which `cargo xtask test` builds"]
fn a_driver_that_keeps_the_rules_is_left_alone() {
    let output = run("none");
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("nothing is left"));
}

#[test]
#[ignore = "needs bad.sys, which `cargo xtask test` builds"]
fn each_rule_bites() {
    let mut wrong = Vec::new();
    for act in ACTS {
        let rule = act.split('/').next().unwrap_or(act);
        let output = run(act);
        let text = text(&output);
        let found = text.contains(&format!("BREACH {rule}:"));
        let has_stack = FOUND_LATER.contains(act) || text.contains("at bad.sys+");
        if output.status.code() != Some(EXIT_CODE) || !found || !has_stack {
            wrong.push(format!("{act}: {:?}\n{text}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_an_act() {
    let missing: Vec<&str> = Rule::ALL
        .iter()
        .map(|rule| rule.id())
        .filter(|id| !ACTS.iter().any(|act| act.split('/').next() == Some(id)))
        .collect();
    assert!(missing.is_empty(), "no act breaks {missing:?}");
}
