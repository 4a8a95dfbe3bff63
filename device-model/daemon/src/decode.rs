//! `rnic decode`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use rnic_net::decode::{DecodeError, Options, decode};

use crate::cli::DecodeOptions;

/// Shows a capture; the exit status of the command.
///
/// # Errors
/// If the capture cannot be read to its end.
pub fn run(options: &DecodeOptions) -> anyhow::Result<ExitCode> {
    let input: Box<dyn Read> = if options.file.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        let file = File::open(&options.file)
            .with_context(|| format!("cannot open {}", options.file.display()))?;
        Box::new(BufReader::new(file))
    };
    let show = Options {
        check: options.check,
        verbose: options.verbose,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let decoded = decode(input, &mut out, show);
    let flushed = out.flush().map_err(DecodeError::from);
    match decoded.and_then(|summary| flushed.map(|()| summary)) {
        Ok(summary) => Ok(ExitCode::from(summary.exit_status(show))),
        // Whoever read the output has seen enough.
        Err(DecodeError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error).with_context(|| options.file.display().to_string()),
    }
}
