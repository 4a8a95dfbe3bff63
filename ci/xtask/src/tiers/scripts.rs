//! The scripts and answers of `ci/windows`, as far as they can be judged by reading: brackets, cmdlets, parameters, properties,
//! elements.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::doctor::{folder, read};

/// A script without its comments and texts, of which those in double quotes keep what is code: `$(...)`.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (skip, keep) = match c {
            '<' if rest.starts_with("<#") => (rest.find("#>").expect("a comment ends") + 2, ""),
            '#' => (rest.find('\n').unwrap_or(rest.len()), ""),
            '\'' => (rest[1..].find('\'').expect("a text ends") + 2, "''"),
            '"' => {
                let end = rest[1..].find('"').expect("a text ends") + 2;
                for piece in rest[..end].split("$(").skip(1) {
                    out += &format!("({} ", piece.rsplit_once(')').map_or("", |(code, _)| code));
                    out.push(')');
                }
                (end, "''")
            }
            // A line that goes on.
            '`' => (rest.find('\n').map_or(1, |end| end + 1), " "),
            _ => (c.len_utf8(), &rest[..c.len_utf8()]),
        };
        out += keep;
        rest = &rest[skip..];
    }
    out
}

fn scripts() -> Vec<(String, String)> {
    let mut found: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ps1"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                read(&path),
            )
        })
        .collect();
    found.sort();
    assert_eq!(found.len(), 4);
    found
}

#[test]
fn brackets_of_scripts_are_closed() {
    for (name, text) in scripts() {
        assert!(
            text.is_ascii(),
            "{name}: Windows PowerShell reads UTF-8 without a mark as something else"
        );
        let mut open = Vec::new();
        for c in code(&text).chars() {
            match c {
                '(' | '{' | '[' => open.push(c),
                ')' => assert_eq!(open.pop(), Some('('), "{name}"),
                '}' => assert_eq!(open.pop(), Some('{'), "{name}"),
                ']' => assert_eq!(open.pop(), Some('['), "{name}"),
                _ => (),
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

/// Cmdlets with parameters, and properties of all, from cmdlets.txt.
fn documented() -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let words = |text: &str| -> BTreeSet<String> {
        text.split_whitespace().map(str::to_lowercase).collect()
    };
    let (mut cmdlets, mut properties) = (BTreeMap::new(), BTreeSet::new());
    for line in read(&folder().join("cmdlets.txt"))
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let mut fields = line.split('|').map(str::trim);
        let mut next = || fields.next().unwrap_or("");
        let (cmdlet, parameters) = (next().to_lowercase(), words(next()));
        properties.extend(words(next()));
        assert!(
            cmdlets.insert(cmdlet, parameters).is_none(),
            "{line} is there twice"
        );
    }
    (cmdlets, properties)
}

/// Parameters that every cmdlet has.
const EVERYWHERE: &[&str] = &["erroraction", "warningaction", "whatif"];
/// Operators look like parameters.
const OPERATORS: &[&str] = &[
    "and",
    "as",
    "contains",
    "eq",
    "f",
    "ge",
    "gt",
    "in",
    "is",
    "join",
    "le",
    "like",
    "lt",
    "match",
    "ne",
    "not",
    "notcontains",
    "notmatch",
    "or",
    "replace",
    "split",
];

#[test]
fn scripts_use_documented_cmdlets_parameters_and_properties() {
    let (cmdlets, properties) = documented();
    for (name, text) in scripts() {
        let code = code(&text);
        let own: BTreeSet<String> = code
            .split("function ")
            .skip(1)
            .filter_map(|rest| rest.split(['(', ' ', '{']).next())
            .map(str::to_lowercase)
            .collect();
        // A command ends where another begins.
        for piece in code.split(['\n', '|', ';', '(', ')', '{', '}', '=']) {
            let mut words = piece.split_whitespace();
            let Some(command) = words.next().map(str::to_lowercase) else {
                continue;
            };
            let is_cmdlet = command.split_once('-').is_some_and(|(verb, noun)| {
                [verb, noun]
                    .iter()
                    .all(|part| !part.is_empty() && part.chars().all(char::is_alphanumeric))
            });
            if !is_cmdlet || own.contains(&command) {
                continue;
            }
            let known = cmdlets
                .get(&command)
                .unwrap_or_else(|| panic!("{name}: {command} is not in cmdlets.txt"));
            for word in words.filter_map(|word| word.strip_prefix('-')) {
                let parameter = word.split(':').next().unwrap_or(word).to_lowercase();
                let allowed = known.contains(&parameter)
                    || EVERYWHERE.contains(&&*parameter)
                    || OPERATORS.contains(&&*parameter);
                assert!(
                    allowed,
                    "{name}: {command} has no -{parameter} in cmdlets.txt"
                );
            }
        }
        for piece in code.split('.').skip(1) {
            let end = piece
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(piece.len());
            let property = piece[..end].to_lowercase();
            let is_name = property.starts_with(|c: char| c.is_ascii_alphabetic())
                && !["ps1", "exe", "sys"].contains(&&*property);
            assert!(
                !is_name || properties.contains(&property),
                "{name}: .{property} is not in cmdlets.txt"
            );
        }
    }
}

/// Elements are closed by what opened them, and each name of a pass and of a component is one that Windows has.
#[test]
fn the_answers_are_well_formed() {
    const PASSES: &[&str] = &["windowsPE", "specialize", "oobeSystem"];
    const COMPONENTS: &[&str] = &[
        "Microsoft-Windows-International-Core-WinPE",
        "Microsoft-Windows-Setup",
        "Microsoft-Windows-Shell-Setup",
        "Microsoft-Windows-International-Core",
    ];
    let text = read(&folder().join("autounattend.xml"));
    let mut open: Vec<&str> = Vec::new();
    for tag in text
        .split('<')
        .skip(1)
        .filter(|tag| !tag.starts_with(['?', '!']))
    {
        let (inside, _) = tag.split_once('>').expect("a tag ends");
        let name = inside
            .split([' ', '/'])
            .find(|word| !word.is_empty())
            .unwrap();
        if inside.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed: {inside}");
            continue;
        }
        let value = |attribute: &str| {
            let (_, rest) = inside.split_once(&format!("{attribute}=\""))?;
            rest.split('"').next()
        };
        match name {
            "settings" => assert!(PASSES.contains(&value("pass").unwrap())),
            "component" => {
                assert!(COMPONENTS.contains(&value("name").unwrap()), "{inside}");
                assert_eq!(value("processorArchitecture"), Some("amd64"));
                assert_eq!(value("publicKeyToken"), Some("31bf3856ad364e35"));
            }
            _ => (),
        }
        if !inside.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    // An ampersand begins an entity.
    for piece in text.split('&').skip(1) {
        assert!(
            ["amp;", "lt;", "gt;", "quot;"]
                .iter()
                .any(|entity| piece.starts_with(entity))
        );
    }
}
