//! The echo server of a generated package, as a process on a free port, and at a path.

use std::io::{BufRead, BufReader, copy};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

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

    /// From now on it can be reached at this path, too.
    pub(crate) fn listen_at(&self, socket: &Path) {
        let listener = UnixListener::bind(socket).unwrap();
        let server = self.url().trim_start_matches("http://").to_owned();
        thread::spawn(move || {
            for near in listener.incoming() {
                let (mut near, far) = (near.unwrap(), TcpStream::connect(&server).unwrap());
                // As promptly as they come.
                far.set_nodelay(true).unwrap();
                let (mut near_in, mut far_in, mut far) = (near.try_clone().unwrap(), far.try_clone().unwrap(), far);
                // A side that goes away ends the copying; that is no fault.
                thread::spawn(move || copy(&mut near_in, &mut far_in).and_then(|_| far_in.shutdown(Shutdown::Write)));
                thread::spawn(move || copy(&mut far, &mut near));
            }
        });
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
