//! What must not stand in a file that other people get: where one machine keeps things, and
//! addresses other than those of documents.

use std::fs;

use anyhow::{Result, bail};

use super::tree::files;
use crate::workspace;

/// Hosts (and what lies below them) that documents may point to.
const HOSTS: &[&str] = &[
    "github.com",
    "gitlab.com",
    "kernel.org",
    "qemu.org",
    "gnu.org",
    "rust-lang.org",
    "docs.rs",
    "learn.microsoft.com",
    "download.microsoft.com",
    // Names of XML schemas; nothing is fetched from there.
    "schemas.microsoft.com",
    "rfc-editor.org",
    "ietf.org",
    "oasis-open.org",
    "infinibandta.org",
    "pcisig.com",
    "iana.org",
    "wireshark.org",
    "w3.org",
    "keil.com",
    "apache.org",
    "opensource.org",
    "contributor-covenant.org",
    "example",
    "example.com",
    "example.org",
    "localhost",
];

/// The step.
pub fn run() -> Result<String> {
    // Where this checkout and its user live: paths that are true on one machine only.
    let mut here = vec![workspace::root().display().to_string()];
    here.extend(
        std::env::var("HOME")
            .ok()
            .filter(|home| home.matches('/').count() > 1),
    );
    let mut wrong = Vec::new();
    let mut read = 0;
    for file in files()? {
        let Ok(text) = fs::read_to_string(workspace::root().join(&file)) else {
            continue;
        };
        // The lock file names its registry; cargo writes it so.
        if file.ends_with("Cargo.lock") {
            continue;
        }
        read += 1;
        for (number, line) in text.lines().enumerate() {
            if let Some(why) = judge(line, &here) {
                wrong.push(format!("{}:{}: {why}", file.display(), number + 1));
            }
        }
    }
    if !wrong.is_empty() {
        let shown = wrong.len().min(20);
        bail!("{} places:\n  {}", wrong.len(), wrong[..shown].join("\n  "));
    }
    Ok(format!("{read} files"))
}

fn judge(line: &str, here: &[String]) -> Option<String> {
    if let Some(path) = here.iter().find(|path| line.contains(path.as_str())) {
        return Some(format!("a path of this machine: {path}"));
    }
    // A person's home folder, on any machine.
    for home in [concat!("/ho", "me/"), concat!("/Us", "ers/")] {
        if let Some(at) = line.find(home) {
            let starts = line[..at]
                .chars()
                .next_back()
                .is_none_or(|c| !c.is_alphanumeric() && c != '.' && c != '}');
            let name = line[at + home.len()..]
                .chars()
                .next()
                .is_some_and(char::is_alphanumeric);
            if starts && name {
                return Some(format!("a path of one machine: {home}..."));
            }
        }
    }
    for scheme in ["http://", "https://"] {
        for (at, _) in line.match_indices(scheme) {
            let host: String = line[at + scheme.len()..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
                .collect();
            let known = HOSTS
                .iter()
                .any(|good| host == *good || host.ends_with(&format!(".{good}")));
            if !host.is_empty() && !known {
                return Some(format!(
                    "the address of {host}; documents that may be cited are in ci/xtask/src/check/text.rs"
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &str) -> bool {
        judge(line, &["/somewhere/rnic".into()]).is_some()
    }

    #[test]
    fn documents_may_be_cited_and_other_hosts_not() {
        assert!(!wrong(
            "see https://docs.kernel.org/x and http://m.example/y"
        ));
        assert!(!wrong("let scheme = \"https://\";"));
        let (scheme, host) = ("https://", "mirror.elsewhere.net/x");
        assert!(wrong(&format!("{scheme}{host}")));
        assert!(wrong(&format!("{scheme}notgithub.com/x")));
        assert!(wrong(&format!("{scheme}github.com/x {scheme}{host}")));
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        assert!(wrong("cd /somewhere/rnic/target"));
        assert!(wrong(&format!("at {}joe/rnic", concat!("/ho", "me/"))));
        assert!(!wrong(&format!("GET /api{}page", concat!("/ho", "me/"))));
        assert!(!wrong("/proc/self/maps"));
    }
}
