//! Every import is a known export, and says the right lowest Windows.

use ndis_sys::{IMPORTS, Windows};

const TABLE: &str = include_str!("exports.tsv");

fn lowest(image: &str, name: &str) -> Option<Windows> {
    let line = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find(|line| line.starts_with(&format!("{image}\t{name}\t")))?;
    Some(match line.rsplit('\t').next()? {
        "Vista" => Windows::Vista,
        "Seven" => Windows::Seven,
        "Eight" => Windows::Eight,
        "Ten2004" => Windows::Ten2004,
        other => panic!("{other} is no Windows"),
    })
}

#[test]
fn imports_are_exported() {
    for import in IMPORTS.iter().copied().flatten() {
        assert_eq!(
            lowest(import.image, import.name),
            Some(import.since),
            "{}!{}",
            import.image,
            import.name
        );
    }
    for name in ndis_sys::nt::COMPILER_IMPORTS {
        assert!(lowest("ntoskrnl.exe", name).is_some(), "{name}");
    }
}

#[test]
fn no_name_is_declared_twice() {
    let mut names: Vec<_> = IMPORTS.iter().copied().flatten().map(|i| i.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}
