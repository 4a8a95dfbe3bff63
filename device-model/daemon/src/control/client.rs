//! `rnic control`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

/// Asks a daemon; the answer, printed for people.
///
/// # Errors
/// If there is no daemon, or it refuses.
pub fn ask(socket: &Path, request: &Value) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(socket).with_context(|| {
        format!(
            "no daemon answers at {}; start it with rnic serve --control {0}",
            socket.display()
        )
    })?;
    writeln!(stream, "{request}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let mut answer: Value = serde_json::from_str(&line).context("the daemon gave no answer")?;
    if let Some(error) = answer.get("error") {
        bail!("the daemon refused: {}", error.as_str().unwrap_or_default());
    }
    let value = answer.get_mut("return").map(Value::take);
    let value = value.ok_or_else(|| anyhow!("the daemon's answer has neither return nor error"))?;
    Ok(format!("{value:#}"))
}
