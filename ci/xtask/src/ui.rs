//! What the person in front of the terminal sees. A bar on a terminal; plain lines when the output is a file or a CI log: one
//! at the start, one at the end, and one a minute between them.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// One thing that takes time.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: String,
    start: Instant,
    /// Minutes after the start for which a line was printed.
    told: AtomicU64,
    done: bool,
}

impl Progress {
    /// Begins; `what` says what is being done, as in "downloading QEMU".
    pub fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner().with_message(what.clone());
            bar.set_style(
                ProgressStyle::with_template("  {spinner} {msg} ({elapsed})")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            Some(bar)
        } else {
            eprintln!("  {what} ...");
            None
        };
        Self {
            bar,
            what,
            start: Instant::now(),
            told: AtomicU64::new(0),
            done: false,
        }
    }

    /// How far it is, 0 to 100. The first call turns the spinner into a bar.
    pub fn percent(&self, percent: f64) {
        let Some(bar) = &self.bar else {
            let minutes = self.start.elapsed().as_secs() / 60;
            if self.told.fetch_max(minutes, Ordering::Relaxed) < minutes {
                eprintln!("  {}: {percent:.0}%", self.what);
            }
            return;
        };
        if bar.length().is_none() {
            bar.set_length(100);
            if let Ok(style) = ProgressStyle::with_template(
                "  {spinner} {msg} [{bar:30}] {percent:>3}% ({elapsed})",
            ) {
                bar.set_style(style.progress_chars("=> "));
            }
        }
        bar.set_position(percent.clamp(0.0, 100.0) as u64);
    }

    /// Ends well; `result` completes the sentence, as in "38 MB, 90 packages".
    pub fn finish(mut self, result: impl AsRef<str>) {
        self.done = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let seconds = self.start.elapsed().as_secs_f64();
        eprintln!("  {}: {} ({seconds:.1} s)", self.what, result.as_ref());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // An error left the function; the caller prints it.
        if !self.done
            && let Some(bar) = self.bar.take()
        {
            bar.abandon_with_message(format!("{} - stopped", self.what));
        }
    }
}

/// A size in bytes as a person reads it.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
