//! Writes the seeds of a target to a folder, one file each: `fuzz-seeds TARGET FOLDER`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: fuzz-seeds TARGET FOLDER");
        return ExitCode::FAILURE;
    };
    for (number, seed) in rnic_fuzz::seeds::of(&target).iter().enumerate() {
        let file = std::path::Path::new(&folder).join(format!("seed-{number:04}"));
        if let Err(error) = std::fs::write(&file, seed) {
            eprintln!("cannot write {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
