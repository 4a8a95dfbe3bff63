//! How structures of NDIS grew, against `data/versions.txt` and the layouts of the bindings, which `layouts.rs` and
//! `ndk_layouts.rs` hold: headers say the bytes of the revision that is filled, older forms are the beginning of ours, and what
//! Windows makes is as long as we take it to be on the oldest Windows that the driver is for.

use std::collections::BTreeMap;

use ndis_sys::ndis::HEADERS;

/// Rows that begin with a word, without it.
fn rows<'a>(table: &'a str, word: &str) -> Vec<Vec<&'a str>> {
    let split = |line: &'a str| line.split(' ').collect::<Vec<_>>();
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(split).filter(|row| row[0] == word);
    rows.map(|row| row[1..].to_vec()).collect()
}

const VERSIONS: &str = include_str!("data/versions.txt");
/// NDIS of the oldest Windows that the INF names (10.0.14393) is 6.60, whose structures are those of 6.50.
const OLDEST: &str = "6.50";

/// Offsets and sizes of our fields, and sizes of our structures (without a field).
fn ours() -> BTreeMap<(String, String), (usize, usize)> {
    let mut all = BTreeMap::new();
    for table in [
        include_str!("data/layouts.txt"),
        include_str!("data/ndk-layouts.txt"),
    ] {
        for row in rows(table, "field") {
            let at = (row[0].to_owned(), row[1].to_owned());
            all.insert(at, (row[2].parse().unwrap(), row[3].parse().unwrap()));
        }
        for row in rows(table, "size") {
            all.insert(
                (row[0].to_owned(), String::new()),
                (0, row[1].parse().unwrap()),
            );
        }
    }
    all
}

#[test]
fn headers_say_the_bytes_of_their_revisions() {
    let table = rows(VERSIONS, "revision");
    assert_eq!(table.len(), HEADERS.len());
    for row in table {
        let found = HEADERS.iter().find(|(name, _)| *name == row[0]);
        let (name, header) = found.unwrap_or_else(|| panic!("no header of {}", row[0]));
        let is = (header.Revision.to_string(), header.Size.to_string());
        assert_eq!((is.0.as_str(), is.1.as_str()), (row[1], row[2]), "{name}");
    }
}

#[test]
fn older_forms_are_the_beginning_of_ours() {
    /// An array that grows in place, with what is behind it.
    const GROWS: (&str, &str) = ("NET_BUFFER_LIST", "NetBufferListInfo");
    let ours = ours();
    let table = rows(VERSIONS, "field");
    assert!(table.len() > 300);
    for row in table {
        let (offset, size) = ours[&(row[0].to_owned(), row[2].to_owned())];
        assert_eq!(offset.to_string(), row[3], "{row:?}");
        if (row[0], row[2]) != GROWS {
            assert_eq!(size.to_string(), row[4], "{row:?}");
        }
    }
}

/// Received lists were cleared as far as those of the newest Windows reach: 8 bytes behind those of Windows 10.0.14393.
#[test]
fn what_windows_makes_is_no_longer_than_on_the_oldest_windows() {
    let ours = ours();
    let made_by_windows = [
        "NET_BUFFER_LIST",
        "NDIS_OID_REQUEST",
        "NDIS_OPEN_NDK_ADAPTER_PARAMETERS",
    ];
    let sizes = rows(VERSIONS, "size");
    for name in made_by_windows {
        let row = sizes
            .iter()
            .find(|row| row[0] == name && row[1] == OLDEST)
            .unwrap_or_else(|| panic!("no size of {name} in NDIS {OLDEST}"));
        let (_, size) = ours[&(name.to_owned(), String::new())];
        assert_eq!(size.to_string(), row[2], "{name}");
    }
    // The others that grew are made by the driver, whose headers say how far they are filled.
    let headers: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
    for row in sizes {
        assert!(
            made_by_windows.contains(&row[0]) || headers.contains(&row[0]),
            "{} grew: who makes it?",
            row[0]
        );
    }
}
