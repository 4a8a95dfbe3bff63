//! The outputs: written once, compared afterwards, and right by their own rules: the C header
//! compiles, the SVD is well formed, the JSON says everything, the pages' links lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rnic_codegen::{emit, load, run};

const DEVICE: &str = include_str!("small/device.toml");
const QUEUES: &str = include_str!("small/queues.toml");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A tree that holds the small specification and nothing else.
fn small_tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    let spec = tree.path().join("firmware-spec/spec");
    std::fs::create_dir_all(&spec).expect("writable");
    std::fs::write(spec.join("device.toml"), DEVICE).expect("writable");
    std::fs::write(spec.join("queues.toml"), QUEUES).expect("writable");
    tree
}

type Outputs = Vec<(PathBuf, String)>;

/// One output of the small specification.
fn small(name: &str) -> String {
    static ALL: OnceLock<Outputs> = OnceLock::new();
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/small");
    pick(ALL.get_or_init(|| outputs(&spec)), name)
}

/// One output of the project's specification.
fn real(name: &str) -> String {
    static ALL: OnceLock<Outputs> = OnceLock::new();
    let spec = root().join("firmware-spec/spec");
    pick(ALL.get_or_init(|| outputs(&spec)), name)
}

fn outputs(spec: &Path) -> Outputs {
    emit::all(&load(spec, "spec").expect("consistent")).expect("emitted")
}

fn pick(all: &Outputs, name: &str) -> String {
    let found = all.iter().find(|(path, _)| path.ends_with(name));
    found.expect("described").1.clone()
}

#[test]
fn the_checked_in_files_are_current() {
    let report = run(&root(), true).map_err(|e| e.to_string());
    assert!(!report.expect("current").files.is_empty());
}

#[test]
fn what_is_written_once_is_not_written_again() {
    let tree = small_tree();
    let first = run(tree.path(), false).expect("generated");
    assert_eq!(first.written, first.files);
    let second = run(tree.path(), false).expect("generated");
    assert_eq!((second.written.len(), second.files), (0, first.files));
    run(tree.path(), true).expect("current");
}

#[test]
fn check_names_what_is_missing_stale_or_left_over() {
    let tree = small_tree();
    run(tree.path(), false).expect("generated");
    let generated = tree.path().join("firmware-spec/generated");
    std::fs::remove_file(generated.join("rnic.svd")).expect("there");
    std::fs::write(generated.join("rnic_hw.h"), "int x;\n").expect("writable");
    let old = tree
        .path()
        .join("firmware-spec/abi/src/generated/structs/old.rs");
    std::fs::write(&old, "").expect("writable");
    let error = run(tree.path(), true)
        .expect_err("three differ")
        .to_string();
    let listed: Vec<&str> = error
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(
        listed,
        [
            "firmware-spec/generated/rnic.svd",
            "firmware-spec/generated/rnic_hw.h",
            "firmware-spec/abi/src/generated/structs/old.rs",
        ]
    );
    assert!(error.ends_with("run `cargo run -p rnic-codegen` and commit the result"));
    assert!(!generated.join("rnic.svd").exists(), "check writes nothing");
    let report = run(tree.path(), false).expect("generated");
    assert_eq!((report.written.len(), report.removed.len()), (2, 1));
    assert!(!old.exists());
    run(tree.path(), true).expect("current");
}

#[test]
fn a_refused_specification_writes_nothing() {
    let tree = small_tree();
    let path = tree.path().join("firmware-spec/spec/queues.toml");
    std::fs::write(&path, QUEUES.replace("minimum = 16", "minimum = 65")).expect("writable");
    let error = run(tree.path(), false).expect_err("refused").to_string();
    assert!(
        error.starts_with("firmware-spec/spec/queues.toml:"),
        "{error}"
    );
    assert!(!tree.path().join("firmware-spec/generated").exists());
    std::fs::remove_dir_all(tree.path().join("firmware-spec/spec")).expect("there");
    let error = run(tree.path(), false)
        .expect_err("nothing there")
        .to_string();
    assert!(error.contains("cannot list the specification"), "{error}");
}

fn compile(language: &str, standard: &str, header: &str, body: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rnic_hw.h"), header).expect("writable");
    let file = folder.path().join("unit");
    std::fs::write(
        &file,
        format!("#include \"rnic_hw.h\"\n#include \"rnic_hw.h\"\n{body}"),
    )
    .expect("writable");
    let output = Command::new("cc")
        .args([
            "-x",
            language,
            standard,
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
        ])
        .arg("-fsyntax-only")
        .arg(&file)
        .output()
        .expect("a C compiler named cc is part of the tool chain");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

#[test]
fn the_header_is_strict_c11_and_has_the_numbers() {
    compile("c", "-std=c11", &real("rnic_hw.h"), "int unit;\n");
    let body = "
_Static_assert(RNIC_BAR_DOORBELLS == 2 && RNIC_BAR_DOORBELLS_SIZE == 0x2000, \"\");
_Static_assert(RNIC_REG_CONTROL == 8 && RNIC_REG_CONTROL_RESET == 2, \"\");
_Static_assert(RNIC_CONTROL_MODE_MASK == 0xe && RNIC_CONTROL_MODE_SHIFT == 1, \"\");
_Static_assert(RNIC_REG_VECTOR_TIME_COUNT == 4 && RNIC_REG_VECTOR_TIME_STRIDE == 8, \"\");
_Static_assert(RNIC_STATUS_BUSY == 0x101 && RNIC_MODE_FAST == 7, \"\");
_Static_assert(RNIC_ENTRY_FLAGS_COUNT_MASK == 0x1ff0, \"\");
_Static_assert(RNIC_CMD_WATCH_ENTRY == 0x11 && RNIC_EVENT_ENTRY_LOST == 2, \"\");
_Static_assert(RNIC_FEATURE_SHORTCUT == (uint64_t)1 << 40, \"\");
_Static_assert(RNIC_LIMIT_MAX_ENTRIES == 64 && RNIC_LIMIT_MAX_ENTRIES_MIN == 16, \"\");
_Static_assert(RNIC_ENTRY_STRIDE == 64 && RNIC_COUNTER_ENTRIES_READ == 0, \"\");
_Static_assert(RNIC_INTERFACE_VENDOR_ID == 0x1af4 && RNIC_SYNDROME_CODE_BAD_ID == 1, \"\");
_Static_assert(offsetof(struct rnic_outer, entry.status) == 10, \"\");
_Static_assert(sizeof(((struct rnic_outer *)0)->pair) == 8, \"\");
";
    compile("c", "-std=c11", &small("rnic_hw.h"), body);
}

/// An element of an XML document: name, text, children.
#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    #[track_caller]
    fn one<'a>(&'a self, name: &'a str) -> &'a Element {
        let mut all = self.all(name);
        let found = all.next();
        assert!(all.next().is_none(), "two {name} in {}", self.name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.name))
    }

    #[track_caller]
    fn number(&self, name: &str) -> u64 {
        let text = &self.one(name).text;
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        }
        .expect("a number")
    }
}

/// Reads the XML that the generator may write: elements, text, one declaration, comments.
fn parse_xml(text: &str) -> Element {
    let mut stack = vec![Element::default()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "a stray > before {after:.40}");
        let entities: String = before
            .replace("&amp;", "")
            .replace("&lt;", "")
            .replace("&gt;", "");
        assert!(!entities.contains('&'), "an unknown entity in {before}");
        stack.last_mut().expect("open").text.push_str(before.trim());
        let (tag, following) = after.split_once('>').expect("a closed tag");
        rest = following;
        if tag.starts_with('?') || tag.starts_with("!--") {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let done = stack.pop().expect("open");
            assert_eq!(done.name, name, "elements close in order");
            stack
                .last_mut()
                .expect("inside another")
                .children
                .push(done);
        } else {
            let name = tag.split_whitespace().next().expect("a name").to_owned();
            stack.push(Element {
                name,
                ..Element::default()
            });
        }
    }
    assert!(
        rest.trim().is_empty() && stack.len() == 1,
        "every element is closed"
    );
    stack.pop().expect("the document")
}

#[test]
fn the_svd_describes_every_register_of_bar0() {
    for text in [small("rnic.svd"), real("rnic.svd")] {
        let document = parse_xml(&text);
        let device = document.one("device");
        assert_eq!(device.one("width").text, "64");
        for peripheral in device.one("peripherals").all("peripheral") {
            let size = peripheral.one("addressBlock").number("size");
            for register in peripheral.one("registers").all("register") {
                let bits = register.number("size");
                assert!(register.number("addressOffset") + bits / 8 <= size);
                for field in register.one("fields").all("field") {
                    let range = &field.one("bitRange").text;
                    let range = range.strip_prefix('[').and_then(|r| r.strip_suffix(']'));
                    let (hi, lo) = range.and_then(|r| r.split_once(':')).expect("[hi:lo]");
                    let (hi, lo): (u64, u64) = (hi.parse().expect("hi"), lo.parse().expect("lo"));
                    assert!(lo <= hi && hi < bits);
                }
            }
        }
    }
    let model = load(&root().join("firmware-spec/spec"), "spec").expect("consistent");
    let document = parse_xml(&real("rnic.svd"));
    let peripherals = document.one("device").one("peripherals");
    let described: usize = peripherals
        .all("peripheral")
        .map(|p| p.one("registers").all("register").count())
        .sum();
    let registers = model.spec().register.iter();
    assert_eq!(
        described,
        registers.filter(|r| model.bar_of(r) == 0).count()
    );
}

#[test]
fn the_svd_says_what_the_small_specification_says() {
    let document = parse_xml(&small("rnic.svd"));
    let peripherals: Vec<_> = document
        .one("device")
        .one("peripherals")
        .all("peripheral")
        .collect();
    let vectors = peripherals[1];
    assert_eq!(vectors.number("baseAddress"), 0x100);
    let time = vectors
        .one("registers")
        .all("register")
        .nth(1)
        .expect("two registers");
    assert_eq!(time.one("name").text, "VECTOR_TIME[%s]");
    assert_eq!(
        (
            time.number("dim"),
            time.number("dimIncrement"),
            time.number("addressOffset")
        ),
        (4, 8, 4)
    );
    let identity = peripherals[0].one("registers");
    let id = identity.all("register").next().expect("first");
    assert_eq!(
        id.number("resetMask"),
        0xffff,
        "volatile bits have no reset value"
    );
    let control = identity
        .all("register")
        .nth(1)
        .expect("second")
        .one("fields");
    let shown: Vec<String> = control
        .all("field")
        .map(|f| {
            let extra = f
                .all("modifiedWriteValues")
                .chain(f.all("readAction"))
                .map(|e| e.text.as_str());
            let extra: Vec<_> = extra.collect();
            format!(
                "{} {} {}",
                f.one("name").text,
                f.one("access").text,
                extra.join(" ")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "start read-write oneToSet",
            "mode read-write ",
            "cause read-write oneToClear",
            "count read-only clear",
            "kick write-only ",
            "limit read-only ",
        ]
    );
    let values = control
        .all("field")
        .nth(1)
        .expect("mode")
        .one("enumeratedValues");
    assert_eq!(values.all("enumeratedValue").count(), 3);
}

#[test]
fn the_json_says_everything() {
    let small: serde_json::Value = serde_json::from_str(&small("rnic.json")).expect("JSON");
    assert_eq!(small["interface"]["class_code"], 0x02_0700);
    assert_eq!(small["register"][1]["fields"][1]["bits"]["hi"], 3);
    assert_eq!(small["struct"][1]["fields"][1]["type"], "EntryFlags");
    assert_eq!(small["command"][1]["completes"], "event");
    let real: serde_json::Value = serde_json::from_str(&real("rnic.json")).expect("JSON");
    let model = load(&root().join("firmware-spec/spec"), "spec").expect("consistent");
    let spec = model.spec();
    for (table, count) in [
        ("register", spec.register.len()),
        ("enum", spec.enums.len()),
        ("flags", spec.flags.len()),
        ("struct", spec.structs.len()),
        ("command", spec.command.len()),
        ("limit", spec.limit.len()),
        ("counter", spec.counter.len()),
        ("event", spec.event.len()),
    ] {
        assert_eq!(real[table].as_array().map(Vec::len), Some(count), "{table}");
    }
}

const PAGES: [&str; 7] = [
    "README.md",
    "registers.md",
    "commands.md",
    "structures.md",
    "enumerations.md",
    "features-and-limits.md",
    "counters-and-events.md",
];

/// Anchors that a renderer makes of the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let files = ["rnic_hw.h", "rnic.svd", "rnic.json"];
    let mut followed = 0;
    for page in PAGES {
        let text = real(page);
        for target in text.split("](").skip(1).filter_map(|t| t.split_once(')')) {
            let (file, anchor) = target.0.split_once('#').unwrap_or((target.0, ""));
            let file = if file.is_empty() { page } else { file };
            assert!(
                PAGES.contains(&file) || files.contains(&file),
                "{page}: {file}"
            );
            if !anchor.is_empty() {
                assert!(
                    anchors(&real(file)).contains(anchor),
                    "{page}: {}",
                    target.0
                );
            }
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed} links");
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_head() {
    for page in PAGES {
        for text in [small(page), real(page)] {
            let mut cells = None;
            let mut code = false;
            for line in text.lines() {
                code ^= line.starts_with("```");
                if code || !line.starts_with('|') {
                    cells = None;
                    continue;
                }
                let here = line.replace("\\|", "").matches('|').count();
                assert_eq!(*cells.get_or_insert(here), here, "{page}: {line}");
            }
        }
    }
}

#[test]
fn pages_draw_words_and_layouts() {
    let registers = small("registers.md");
    let drawn = "  31..16   15..0\n+--------+--------+\n| device | vendor |\n+--------+--------+";
    assert!(registers.contains(drawn), "{registers}");
    assert!(
        registers.contains(
            "| 3:1 | `mode` | rw | `0x1` | Mode. Values: [Mode](enumerations.md#mode). |"
        )
    );
    let structures = small("structures.md");
    assert!(
        structures.contains(
            "| 8 | 2 | `flags` | [EntryFlags](enumerations.md#entryflags) (u16) | Flags. |"
        )
    );
    assert!(structures.contains("request of [READ_ENTRY](commands.md#read_entry)"));
    assert!(small("enumerations.md").contains("Slowly \\| steadily."));
}

#[test]
fn rust_has_arrays_commands_and_escaped_docs() {
    let reg = small("reg.rs");
    assert!(
        reg.contains("pub const VECTOR_TIME_STRIDE: u64 = 0x8;"),
        "{reg}"
    );
    assert!(reg.contains("/// Names the device \\[ID-1\\]."), "{reg}");
    assert!(small("register_table.rs").contains("array: Some(Array {"));
    let commands = small("command_table.rs");
    assert!(commands.contains("statuses: &[Status::BUSY]"), "{commands}");
    assert!(
        commands.contains("feature: Some(feature::ENTRIES)"),
        "{commands}"
    );
    assert!(small("structs/queues.rs").contains("offset_of!(Entry, status_raw) == 10"));
}
