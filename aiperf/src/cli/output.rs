//! Writing to the standard streams without a panic: a reader that went away is no error of ours.

use std::io::{self, Write};

use super::plugins::text::fitted;

/// Writes to the standard output: results.
pub fn stdout(text: &str) {
    harmless(write(&mut io::stdout().lock(), text));
}

/// Writes to the standard error: everything else.
pub fn stderr(text: &str) {
    harmless(write(&mut io::stderr().lock(), text));
}

/// The text as it fits the standard error, where that is a terminal.
pub fn fitted_to_stderr(text: &str) -> String {
    let terminal = console::Term::stderr();
    fitted(text, terminal.is_term().then(|| usize::from(terminal.size().1)))
}

fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Nobody is left to tell where a standard stream cannot be written (`aiperf plugins | head`).
fn harmless(_: io::Result<()>) {}
