//! The guest's serial console: every line goes to a log, lines marked by our init are understood.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};

const MARK: &str = "@@rnic ";

/// What the console says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Init runs: guest uptime in seconds, kernel version.
    Up(f64, String),
    /// Init could not prepare the system.
    Fail(String),
    /// The program ended with this exit code.
    Exit(i32),
    /// The kernel died.
    Panic(String),
    /// Anything else.
    Line(String),
    /// QEMU closed the console.
    Closed,
}

impl Event {
    /// Reads one line. The kernel may print into the middle of a line, so marks count anywhere.
    fn parse(line: &str) -> Self {
        if let Some((_, marked)) = line.split_once(MARK) {
            let (word, rest) = marked.split_once(' ').unwrap_or((marked, ""));
            match word {
                "up" => {
                    let (uptime, kernel) = rest.split_once(' ').unwrap_or((rest, ""));
                    if let Ok(uptime) = uptime.parse() {
                        return Self::Up(uptime, kernel.to_owned());
                    }
                }
                "fail" => return Self::Fail(rest.to_owned()),
                "exit" => {
                    if let Ok(code) = rest.trim().parse() {
                        return Self::Exit(code);
                    }
                }
                _ => {}
            }
        }
        if line.contains("Kernel panic - not syncing") {
            return Self::Panic(line.to_owned());
        }
        Self::Line(line.to_owned())
    }
}

/// Copies the console to `log` line by line and sends what it says, until it closes.
pub fn follow(console: impl Read, log: &Path, to: &Sender<Event>) -> Result<()> {
    let mut log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut reader = BufReader::new(console);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        // A line is bounded, so that a guest gone mad cannot take the host's memory.
        if reader
            .by_ref()
            .take(64 * 1024)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            break;
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\r', '\n']);
        writeln!(log, "{line}")?;
        if to.send(Event::parse(line)).is_err() {
            break; // nobody listens any more
        }
    }
    to.send(Event::Closed).ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_understood() {
        assert_eq!(
            Event::parse("@@rnic up 2.41 7.3.4-x"),
            Event::Up(2.41, "7.3.4-x".into())
        );
        assert_eq!(Event::parse("noise@@rnic exit 7"), Event::Exit(7));
        assert_eq!(
            Event::parse("@@rnic exit "),
            Event::Line("@@rnic exit ".into())
        );
        assert_eq!(Event::parse("@@rnic fail no x"), Event::Fail("no x".into()));
        assert!(matches!(
            Event::parse("[1.0] Kernel panic - not syncing: x"),
            Event::Panic(_)
        ));
        assert_eq!(Event::parse("hello"), Event::Line("hello".into()));
    }

    #[test]
    fn console_is_logged_and_closed() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let (to, from) = std::sync::mpsc::channel();
        follow(&b"one\r\n\xff\n@@rnic exit 0"[..], log.path(), &to).unwrap();
        let events: Vec<_> = from.try_iter().collect();
        assert_eq!(events.len(), 4);
        assert_eq!(events[2..], [Event::Exit(0), Event::Closed]);
        assert!(
            std::fs::read_to_string(log.path())
                .unwrap()
                .starts_with("one\n")
        );
    }
}
