//! The conformance tests of `ndk-consumer`, over devices in this process. `NDK_TEST=part of a name` runs some of them.

mod machine;

use machine::Machine;
use ndk_consumer::conformance;
use ndk_consumer::platform::Family;

fn all_tests(family: Family) {
    let wanted = std::env::var("NDK_TEST").unwrap_or_default();
    let (mut passed, mut failed) = (0, Vec::new());
    for test in conformance::all().filter(|test| test.name.contains(&wanted)) {
        let machine = Machine::new();
        let result = conformance::run(test, &machine, family);
        match result {
            Ok(()) => {
                machine.check_empty();
                passed += 1;
            }
            Err(why) => failed.push(format!("{}: {why}", test.name)),
        }
    }
    println!("{passed} tests passed");
    assert!(
        passed > 0 || !failed.is_empty(),
        "no test is called {wanted}"
    );
    assert!(
        failed.is_empty(),
        "{} tests failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn ipv4() {
    all_tests(Family::V4);
}

#[test]
fn ipv6() {
    all_tests(Family::V6);
}

/// What `bench ndk` runs elsewhere works; its figures mean nothing here, where time is virtual.
#[test]
fn perf_runs() {
    let machine = Machine::new();
    let bench = ndk_consumer::bench::Bench::new(&machine, Family::V4);
    let mut lines = 0;
    ndk_consumer::perf::report(&bench, 20, |_| lines += 1);
    bench.check_callbacks();
    machine.check_empty();
    assert_eq!(lines, 14);
}
