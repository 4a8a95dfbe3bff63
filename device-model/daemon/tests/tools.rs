//! `rnic ping`, `perf`, `decode` and the small commands, as a user runs them.
#![cfg(feature = "client")]

use std::process::{Command, Output};

fn rnic(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rnic"));
    command.args(arguments).env("RUST_LOG", "warn");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn two_devices_reach_each_other_every_way() {
    for doorbell in ["mmap", "trap"] {
        for segments in ["on", "off"] {
            for workers in ["1", "2"] {
                let way = [
                    "--doorbell",
                    doorbell,
                    "--segments",
                    segments,
                    "--workers",
                    workers,
                ];
                let arguments = [&["ping", "--count", "3"], &way[..]].concat();
                let out = text(&rnic(&arguments));
                assert_eq!(out.matches("there and back").count(), 3, "{way:?}: {out}");
            }
        }
    }
}

#[test]
fn perf_measures_everything() {
    let out = text(&rnic(&["perf", "--iterations", "50", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    for latency in [
        "write_64_bytes",
        "read_64_bytes",
        "send_64_bytes",
        "register",
    ] {
        let [min, p50, p99] = ["min_ns", "p50_ns", "p99_ns"].map(|n| report[latency][n].as_u64());
        assert!(
            min > Some(0) && min <= p50 && p50 <= p99,
            "{latency}: {out}"
        );
    }
    for rate in [
        "write_messages_per_second",
        "write_1_mib_gigabytes_per_second",
        "read_1_mib_gigabytes_per_second",
        "copy_1_mib_gigabytes_per_second",
    ] {
        let [mean, best] = ["mean", "best"].map(|n| report[rate][n].as_f64());
        assert!(mean > Some(0.0) && best >= mean, "{rate}: {out}");
    }
}

#[test]
fn small_commands() {
    let capabilities = text(&rnic(&["--print-capabilities"]));
    let capabilities: serde_json::Value = serde_json::from_str(&capabilities).unwrap();
    assert_eq!(capabilities["pci"], "1d1d:524e");
    assert!(text(&rnic(&["completions", "bash"])).contains("_rnic"));
    assert!(text(&rnic(&["man"])).contains(".TH rnic"));
    assert!(text(&rnic(&["--version"])).starts_with("rnic "));
    let help = text(&rnic(&["serve", "--help"]));
    assert!(help.contains("memory-backend-memfd") && help.contains("vfio-user-pci"));
    let nothing = rnic(&["serve"]);
    assert!(!nothing.status.success());
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("--device socket=PATH"));
}

#[test]
fn captures_are_decoded() {
    let captures = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/tests/captures");
    let capture = format!("{captures}/rnr-nak.pcap");
    assert!(text(&rnic(&["decode", "--check", &capture])).contains("0 wrong"));
    let missing = rnic(&["decode", "/nonexistent.pcap"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot open /nonexistent.pcap"));
}
