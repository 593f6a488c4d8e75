//! The echo server of a generated package, as a process on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Between two words of a stream.
pub(crate) const DELAY_MS: u64 = 2;

pub(crate) struct EchoServer {
    process: Child,
    /// What it printed when it was ready.
    ready: String,
}

impl EchoServer {
    /// Starts it and waits until it listens: it says so, and where.
    pub(crate) fn start(program: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["--port", "0", "--delay-ms", &DELAY_MS.to_string()]).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        Self { process, ready }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        let after = self.ready.split("http://").nth(1).unwrap_or_else(|| panic!("no URL in: {}", self.ready));
        format!("http://{}", after.split('/').next().unwrap())
    }

    /// Ends it. Gives back what it printed.
    pub(crate) fn stop(mut self) -> String {
        std::mem::take(&mut self.ready)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}
