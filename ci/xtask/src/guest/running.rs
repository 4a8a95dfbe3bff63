//! A guest that runs: its console is followed, its end is judged.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::console::{self, Event};
use crate::{exec, workspace};

/// How a guest's life went.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code of the script.
    pub exit: i32,
    /// What the script printed.
    pub lines: Vec<String>,
    /// The guest kernel's version.
    pub kernel: String,
    /// Guest seconds until init.
    pub uptime_at_init: f64,
    /// Wall time from start to power off.
    pub took: Duration,
    /// The whole console.
    pub log: PathBuf,
}

/// Where a guest's standard input and output lead.
pub struct Console {
    pub stdin: Stdio,
    pub stdout: Stdio,
    /// Our end of a console that goes both ways; none when the output is a pipe.
    pub commands: Option<UnixStream>,
}

/// A guest between its start and its end. Dropped, it is switched off.
pub struct Running {
    name: String,
    child: Child,
    events: Receiver<Event>,
    follower: Option<JoinHandle<Result<()>>>,
    errors: Option<JoinHandle<String>>,
    echo: bool,
    start: Instant,
    timeout: Duration,
    log: PathBuf,
    up: Option<(f64, String)>,
    exit: Option<i32>,
    lines: Vec<String>,
    closed: bool,
    /// The console's other direction, for a guest that takes commands.
    commands: Option<UnixStream>,
}

impl Running {
    /// Starts the command; its standard output is the console. The guest ends with the calling thread.
    pub fn start(
        name: &str,
        command: Command,
        stdio: Console,
        log: PathBuf,
        timeout: Duration,
        echo: bool,
    ) -> Result<Self> {
        let mut command = exec::tied_to_us(command);
        let Console {
            stdin,
            stdout,
            commands,
        } = stdio;
        let mut child = command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "could not start {}",
                    command.get_program().to_string_lossy()
                )
            })?;
        let console: Box<dyn Read + Send> = match (&commands, child.stdout.take()) {
            (Some(commands), _) => Box::new(commands.try_clone()?),
            (None, Some(pipe)) => Box::new(pipe),
            (None, None) => bail!("no pipe"),
        };
        let mut stderr = child.stderr.take().context("no pipe")?;
        let (to, events) = channel();
        let log_file = log.clone();
        let follower = std::thread::spawn(move || console::follow(console, &log_file, &to));
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).ok();
            text
        });
        Ok(Self {
            name: name.to_owned(),
            child,
            events,
            follower: Some(follower),
            errors: Some(errors),
            echo,
            start: Instant::now(),
            timeout,
            log,
            up: None,
            exit: None,
            lines: Vec::new(),
            closed: false,
            commands,
        })
    }

    /// Waits until a guest that runs ci/guests/shell.sh takes commands.
    pub fn ready(&mut self) -> Result<()> {
        self.answer().map(|_| self.lines.clear())
    }

    /// Gives such a guest a command; its exit code and what it printed.
    pub fn command(&mut self, command: &str) -> Result<(i32, Vec<String>)> {
        let Some(console) = &mut self.commands else {
            bail!("guest `{}` takes no commands", self.name);
        };
        writeln!(console, "{command}").context("the guest's console")?;
        let code = self.answer()?;
        let mut words = std::mem::take(&mut self.lines);
        words.pop();
        Ok((code, words))
    }

    /// Waits for the answer to a command, the first of which says that the guest is ready. It is the last line then.
    fn answer(&mut self) -> Result<i32> {
        loop {
            let last = self.lines.last();
            if let Some((_, code)) = last.and_then(|line| line.split_once("@@rnic did ")) {
                return code.trim().parse().context("an exit code");
            }
            if self.closed {
                return Err(self.failure("ended before it answered a command"));
            }
            self.next()?;
        }
    }

    /// Waits until the script prints a line that contains `text`, and returns the line.
    pub fn wait_for(&mut self, text: &str) -> Result<String> {
        loop {
            if let Some(line) = self.lines.iter().find(|line| line.contains(text)) {
                return Ok(line.clone());
            }
            if self.closed {
                return Err(self.failure(&format!("ended without saying `{text}`")));
            }
            self.next()?;
        }
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Result<Outcome> {
        while !self.closed {
            self.next()?;
        }
        match (self.up.take(), self.exit) {
            (Some((uptime_at_init, kernel)), Some(exit)) => Ok(Outcome {
                exit,
                lines: std::mem::take(&mut self.lines),
                kernel,
                uptime_at_init,
                took: self.start.elapsed(),
                log: self.log.clone(),
            }),
            (None, _) => Err(self.failure("ended before its init ran")),
            (Some(_), None) => Err(self.failure("ended without an exit code")),
        }
    }

    /// Takes in one event.
    fn next(&mut self) -> Result<()> {
        match self
            .events
            .recv_timeout(self.timeout.saturating_sub(self.start.elapsed()))
        {
            Ok(Event::Up(uptime, kernel)) => self.up = Some((uptime, kernel)),
            Ok(Event::Exit(code)) => self.exit = Some(code),
            Ok(Event::Fail(why) | Event::Panic(why)) => return Err(self.failure(&why)),
            Ok(Event::Line(line)) => {
                // Before init runs the lines are the kernel's; they are in the log.
                if self.up.is_some() && self.exit.is_none() {
                    if self.echo {
                        println!("  {}| {line}", self.name);
                    }
                    self.lines.push(line);
                }
            }
            Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => self.closed = true,
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.timeout.as_secs();
                return Err(self.failure(&format!("not finished after {seconds} s")));
            }
        }
        Ok(())
    }

    /// Switches off and says what happened, with the console's end.
    fn failure(&mut self, why: &str) -> anyhow::Error {
        self.stop();
        let errors = self
            .errors
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        let console = fs::read_to_string(&self.log).unwrap_or_default();
        anyhow::anyhow!(
            "guest `{}`: {why}\n{}end of {}:\n{}",
            self.name,
            exec::tail(&errors, 10),
            workspace::shown(&self.log),
            exec::tail(&console, 25)
        )
    }

    fn stop(&mut self) {
        // A guest that has ended is not there to be killed.
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(thread) = self.follower.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a guest on this terminal.
pub fn on_terminal(mut command: Command) -> Result<()> {
    let status = command.status().context("could not start the guest")?;
    if !status.success() {
        bail!("the guest's machine ended with {status}");
    }
    Ok(())
}
