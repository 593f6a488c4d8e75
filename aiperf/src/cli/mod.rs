//! The commands: the only floor that prints or exits.

pub mod console;
pub mod progress;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(crate::exit::Exit::Usage.code())
}
