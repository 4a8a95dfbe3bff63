//! `rnic peer`, or another program of ours, as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::exec::tied_to_us;

/// A running program of ours. Dropped, it is killed.
pub struct Ours {
    name: &'static str,
    child: Child,
    words: BufReader<Box<dyn Read>>,
    said: String,
}

impl Ours {
    pub fn start(name: &'static str, command: Command) -> Result<Self> {
        let mut child = tied_to_us(command)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        let words: Box<dyn Read> = Box::new(child.stdout.take().context("no pipe")?);
        Ok(Self {
            name,
            child,
            words: BufReader::new(words),
            said: String::new(),
        })
    }

    /// Waits until it says this.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        self.rest_of(text).map(drop)
    }

    /// Waits until it says this, and gives what follows in that line.
    pub fn rest_of(&mut self, text: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.words.read_line(&mut line)? == 0 {
                let (_, words) = self.end()?;
                bail!("{} ended without saying `{text}`:\n{words}", self.name);
            }
            self.said += &line;
            if let Some((_, rest)) = line.split_once(text) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Waits for the end: whether it ended well, and what it said.
    fn end(&mut self) -> Result<(bool, String)> {
        self.words.read_to_string(&mut self.said)?;
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors)?;
        }
        let status = self.child.wait()?;
        Ok((status.success(), format!("{}{errors}", self.said)))
    }

    /// Waits for a good end, at which it has said this.
    pub fn ends_well(mut self, text: &str) -> Result<()> {
        let (well, words) = self.end()?;
        ensure!(
            well && words.contains(text),
            "{} did not end well saying `{text}`:\n{words}",
            self.name
        );
        Ok(())
    }

    /// Waits for the end, good or bad, at which it has said this.
    pub fn ends(mut self, text: &str) -> Result<()> {
        let (_, words) = self.end()?;
        ensure!(
            words.contains(text),
            "{} did not say `{text}`:\n{words}",
            self.name
        );
        Ok(())
    }

    /// Gives it a line.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self.child.stdin.as_mut().context("no pipe")?;
        writeln!(stdin, "{line}")
            .with_context(|| format!("{} does not listen to its input", self.name))
    }

    /// Kills it as kill -9 does.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
