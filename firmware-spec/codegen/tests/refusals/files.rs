//! What is not a specification at all, and how problems are reported.

use rnic_codegen::check;

use super::{DEVICE, QUEUES, refuse, source};

#[test]
fn the_small_interface_itself_is_accepted() {
    let model = check(source(DEVICE, QUEUES)).map_err(|p| p.to_string());
    let model = model.expect("it is consistent");
    assert_eq!(model.spec().register.len(), 4);
    assert_eq!(model.interface().minor, 2);
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refuse("revision = 3", "revision = ", "revision =", "");
}

#[test]
fn unknown_keys_are_refused() {
    refuse(
        "mappable = false",
        "maps = false",
        "maps",
        "unknown field `maps`",
    );
    refuse(
        "[[syndrome]]",
        "[[symptom]]",
        "[[symptom]]",
        "unknown field `symptom`",
    );
    refuse(
        r#"{ name = "mask", "#,
        r#"{ name = "mask", colour = 1, "#,
        "fields",
        "unknown field `colour`",
    );
}

#[test]
fn missing_keys_are_refused() {
    refuse(
        "revision = 3\n",
        "",
        "[interface]",
        "missing field `revision`",
    );
    refuse(
        r#"{ name = "id", at = 0, type = "u64", doc = "Identity." }"#,
        r#"{ name = "id", at = 0, type = "u64" }"#,
        r#"{ name = "id""#,
        "missing field `doc`",
    );
}

#[test]
fn an_interface_is_wanted_once() {
    let (_, interface_and_rest) = DEVICE.split_once("[interface]").expect("present");
    let (interface, rest) = interface_and_rest.split_once("[[bar]]").expect("present");
    let none = check(source(&format!("[[bar]]{rest}"), QUEUES)).expect_err("none");
    assert!(none.to_string().contains("no [interface]"), "{none}");
    let twice = format!("{QUEUES}\n[interface]{interface}");
    let twice = check(source(DEVICE, &twice)).expect_err("twice");
    assert!(twice.to_string().contains("duplicate key"), "{twice}");
}

#[test]
fn every_problem_is_reported_in_order() {
    let device = DEVICE
        .replace("size = 0x2000", "size = 0x3000")
        .replace("width = 64", "width = 16");
    let queues = QUEUES.replace("minimum = 16", "minimum = 65");
    let problems = check(source(&device, &queues)).expect_err("three mistakes");
    assert_eq!(problems.0.len(), 3, "{problems}");
    assert!(problems.0.is_sorted());
    assert!(
        problems
            .to_string()
            .ends_with("3 problem(s) in the specification")
    );
}
