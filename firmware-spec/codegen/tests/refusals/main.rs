//! One case a refusal: the small interface, one edit, and the line and words of the error.

mod files;
mod layouts;
mod names;
mod registers;
mod tables;

use rnic_codegen::{Source, check};

const DEVICE: &str = include_str!("../small/device.toml");
const QUEUES: &str = include_str!("../small/queues.toml");

fn source(device: &str, queues: &str) -> Source {
    let mut source = Source::default();
    source.add("device.toml", device);
    source.add("queues.toml", queues);
    source
}

/// Replaces `from` by `to` in the small interface and expects exactly one error, with
/// `message` in it, at the line of the edited text that starts with `at` (spaces aside).
#[track_caller]
fn refuse(from: &str, to: &str, at: &str, message: &str) {
    let found = refusals(from, to);
    let [(file, line, text)] = &found[..] else {
        panic!("not exactly one error: {found:#?}");
    };
    assert!(text.contains(message), "{text}");
    let edited = edited(from, to);
    let edited = if file == "device.toml" {
        edited.0
    } else {
        edited.1
    };
    let shown = edited.lines().nth(line - 1).unwrap_or("").trim();
    assert!(shown.starts_with(at), "{file}:{line} is `{shown}`: {text}");
}

/// The same where one mistake breaks several rules: one of the errors must match.
#[track_caller]
fn refuse_among(from: &str, to: &str, message: &str) {
    let found = refusals(from, to);
    assert!(
        found.iter().any(|(_, _, text)| text.contains(message)),
        "{found:#?}"
    );
}

#[track_caller]
fn edited(from: &str, to: &str) -> (String, String) {
    let count = DEVICE.matches(from).count() + QUEUES.matches(from).count();
    assert_eq!(count, 1, "`{from}` must be found once, to edit it");
    (DEVICE.replace(from, to), QUEUES.replace(from, to))
}

#[track_caller]
fn refusals(from: &str, to: &str) -> Vec<(String, usize, String)> {
    let (device, queues) = edited(from, to);
    let problems = check(source(&device, &queues)).expect_err("the edit must be refused");
    problems
        .0
        .into_iter()
        .map(|p| (p.file, p.line, p.message))
        .collect()
}

/// Appends a table to the small interface and expects exactly one error.
#[track_caller]
fn refuse_added(table: &str, message: &str) {
    let queues = format!("{QUEUES}\n{table}");
    let problems = check(source(DEVICE, &queues)).expect_err("the table must be refused");
    let [problem] = &problems.0[..] else {
        panic!("not exactly one error: {problems}");
    };
    assert!(problem.message.contains(message), "{problem}");
    let first = QUEUES.lines().count() + 2;
    assert!(problem.line >= first, "{problem} is before line {first}");
}
