//! Other programs: started, waited for, and explained when they fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Finds a program the way a shell would.
pub fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// Fails with `advice` when the program is not there.
pub fn require(program: &str, advice: &str) -> Result<PathBuf> {
    find(program).with_context(|| format!("`{program}` is not installed. {advice}"))
}

/// Runs to the end and returns standard output; both outputs are in the error.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start `{program}`"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&out.stderr);
    bail!(
        "`{}` failed ({}):\n{}{}",
        shown(command),
        out.status,
        tail(&text, 20),
        tail(&errors, 40)
    )
}

/// Builds a program of the workspace for this machine and returns its path.
pub fn build_here(package: &str, bin: &str, release: bool) -> Result<PathBuf> {
    let mut command = crate::check::cargo();
    command.args(["build", "--quiet", "--bin", bin]);
    let folder = if release {
        command.args(["--release", "-p", package]);
        "release"
    } else {
        // As tests are built, with the features that all crates together ask for: so it is there already.
        command.arg("--workspace");
        "debug"
    };
    output(&mut command).with_context(|| format!("building {bin}"))?;
    Ok(crate::workspace::target().join(folder).join(bin))
}

/// The command line, shortened, for messages.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
        if text.len() > 300 {
            text.push_str(" ...");
            break;
        }
    }
    text
}

/// The last `lines` lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut out = all[all.len().saturating_sub(lines)..].join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The same command, ended by the kernel when the thread that started it ends. Without this a
/// killed test run leaves guests and daemons behind. `Drop` does not run then, and std cannot ask for it;
/// setpriv (util-linux) can. Where it is missing it is started plainly.
pub fn tied_to_us(command: Command) -> Command {
    let Some(setpriv) = find("setpriv") else {
        return command;
    };
    let mut tied = Command::new(setpriv);
    tied.args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_program_and_shows_its_words() {
        let error = output(Command::new("sh").args(["-c", "echo to-out; echo to-err >&2; exit 3"]))
            .unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("to-out") && text.contains("to-err") && text.contains('3'),
            "{text}"
        );
    }

    #[test]
    fn a_tied_command_keeps_its_folder_and_environment() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $RNIC_TIED $(pwd)"])
            .env("RNIC_TIED", "kept")
            .current_dir("/");
        assert_eq!(output(&mut tied_to_us(command)).unwrap(), "kept /\n");
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail("", 2), "");
    }
}
