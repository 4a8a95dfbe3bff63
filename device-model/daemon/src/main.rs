//! The `rnic` command.

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rnic::cli::{Arguments, Command};
use rnic::{capabilities, config, control, decode, logging, serve};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rnic: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if arguments.print_capabilities {
        println!("{}", capabilities::json());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(command) = arguments.command else {
        Arguments::command().print_help()?;
        return Ok(ExitCode::FAILURE);
    };
    match command {
        Command::Serve(options) => {
            logging::start(options.verbose)?;
            serve::run(&config::Config::from_options(*options)?)?;
        }
        Command::Control(options) => {
            println!(
                "{}",
                control::client::ask(&options.socket, &options.request())?
            );
        }
        Command::Capture(options) => {
            println!(
                "{}",
                control::client::ask(&options.socket, &options.request()?)?
            );
        }
        Command::Decode(options) => return decode::run(&options),
        #[cfg(feature = "client")]
        Command::Ping(options) => {
            logging::start(0)?;
            rnic::client::ping(&options)?;
        }
        #[cfg(feature = "client")]
        Command::Perf(options) => {
            logging::start(0)?;
            rnic::client::perf(&options)?;
        }
        #[cfg(feature = "client")]
        Command::Peer(options) => {
            logging::start(0)?;
            rnic::client::peer(&options)?;
        }
        Command::Completions { shell } => {
            // Into memory first: the generator panics when the reader goes away.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "rnic", &mut script);
            std::io::stdout().write_all(&script)?;
        }
        Command::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
