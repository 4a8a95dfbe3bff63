//! Which Debian mirror this machine is set up with. No mirror's name is written in this project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::exec;

/// The mirror's address: `$RNIC_DEBIAN_MIRROR`, else the main archive in apt's own settings.
pub fn mirror() -> Result<String> {
    if let Ok(url) = std::env::var("RNIC_DEBIAN_MIRROR")
        && !url.is_empty()
    {
        return Ok(url);
    }
    // Knows origins, but only where lists have been fetched.
    let targets = exec::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
    ]))
    .unwrap_or_default();
    if let Some(url) = from_targets(&targets) {
        return Ok(url);
    }
    let debian = fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|l| l == "ID=debian"));
    if debian && let Some(url) = configured(Path::new("/etc/apt")) {
        return Ok(url);
    }
    bail!(
        "no Debian archive in this machine's apt sources. On another Debian-based system install \
         debian-archive-keyring and set RNIC_DEBIAN_MIRROR to the address of a Debian mirror; \
         or install QEMU 10.1 or newer, which is then taken from PATH"
    )
}

fn from_targets(targets: &str) -> Option<String> {
    targets
        .lines()
        .filter_map(|line| line.strip_prefix("Debian|Debian|"))
        .find(|url| !url.is_empty())
        .map(str::to_owned)
}

/// The first archive in apt's source files that is no security archive.
fn configured(etc: &Path) -> Option<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(etc.join("sources.list.d"))
        .map(|dir| dir.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    // The distribution's own files before those of third parties.
    files.sort_by_key(|file| file.file_stem().is_none_or(|stem| stem != "debian"));
    files.insert(0, etc.join("sources.list"));
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|text| from_sources(&text))
}

fn from_sources(text: &str) -> Option<String> {
    const DEBIAN_SUITES: [&str; 8] = [
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "stable",
        "testing",
        "oldstable",
    ];
    let known = |suite: &str| DEBIAN_SUITES.contains(&suite);
    // One-line style: deb [options] URI suite components
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        let mut words = rest.split_whitespace();
        if let (Some(url), Some(suite)) = (words.next(), words.next())
            && known(suite)
        {
            return Some(url.to_owned());
        }
    }
    // deb822 style: paragraphs of fields
    text.split("\n\n").find_map(|paragraph| {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let off = field("Enabled").is_some_and(|v| v.eq_ignore_ascii_case("no"));
        let suites = field("Suites")?;
        (!off && suites.split_whitespace().any(known))
            .then(|| field("URIs"))
            .flatten()
            .and_then(|uris| uris.split_whitespace().next().map(str::to_owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_archive_is_chosen_over_security_and_third_parties() {
        let text = "Vendor|Thing|https://a.example/\nDebian|Debian-Security|https://s.example/\nDebian|Debian|https://m.example/d/\n";
        assert_eq!(from_targets(text).as_deref(), Some("https://m.example/d/"));
        assert_eq!(from_targets("||\n"), None);
    }

    #[test]
    fn one_line_sources() {
        let text = "# x\ndeb [arch=amd64 signed-by=/k] https://v.example vendor main\n\
                    deb [signed-by=/k] https://m.example/debian trixie main\n";
        assert_eq!(
            from_sources(text).as_deref(),
            Some("https://m.example/debian")
        );
    }

    #[test]
    fn deb822_sources() {
        let text = "Types: deb\nEnabled: no\nURIs: https://off.example\nSuites: trixie\n\n\
                    Types: deb\nURIs: https://s.example\nSuites: trixie-security\n\n\
                    Types: deb\nURIs: https://m.example/debian\nSuites: bookworm bookworm-updates\n";
        assert_eq!(
            from_sources(text).as_deref(),
            Some("https://m.example/debian")
        );
        assert_eq!(from_sources("Types: deb\n"), None);
    }
}
