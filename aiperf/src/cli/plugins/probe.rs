//! Running plugin code in a process of its own: this program, called again with a hidden command. What the code does to
//! that process, a crash in a constructor included, is a line in a report here.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Failure, Form};
use crate::exit::Exit;
use crate::plugin::library::Library;

/// How long a library may take to be loaded.
const LOADING: Duration = Duration::from_secs(20);

/// What comes before the result, on a line of its own: a plugin may print what it likes.
const MARK: &str = "aiperf-result: ";

/// What came of loading a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Loading {
    /// It was loaded, its layout fits, and it started.
    Loaded {
        /// The ABI it was built with.
        abi: String,
        /// The classes it exports, each `category:Type`.
        exports: Vec<String>,
    },
    /// This program refused it, or it refused to start.
    Refused(String),
}

/// How a process of its own ended without a result.
#[derive(Debug)]
pub(super) enum Ending {
    /// A signal: it crashed.
    Signal(i32),
    /// It ended itself.
    Code(Option<i32>),
    /// It took longer than this.
    Late(Duration),
    /// It could not be started or read.
    System(std::io::Error),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => write!(f, "it crashed with {}", signal(*number)),
            Self::Code(Some(code)) => write!(f, "it ended the process, with code {code}"),
            Self::Code(None) => f.write_str("it ended the process"),
            Self::Late(limit) => write!(f, "it was not done after {} s", limit.as_secs()),
            Self::System(error) => write!(f, "no process could be started for it: {error}"),
        }
    }
}

fn signal(number: i32) -> String {
    let name = match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        _ => return format!("signal {number}"),
    };
    format!("{name} (signal {number})")
}

/// Loads a library in a process of its own.
pub(super) fn load(library: &Path) -> Result<Loading, Ending> {
    apart(&[OsStr::new("load-library"), library.as_os_str()], LOADING)
}

/// The hidden command behind [`load`].
pub(super) fn load_here(library: &Path) -> Result<Exit, Failure> {
    tell(&match Library::open(library) {
        Ok(library) => Loading::Loaded { abi: library.descriptor().abi.clone(), exports: library.exports().to_vec() },
        Err(error) => Loading::Refused(error.to_string()),
    });
    Ok(Exit::Success)
}

/// Tells who started this process a result.
pub(super) fn tell<T: Serialize>(result: &T) {
    let json = serde_json::to_string(result).expect("results are plain values");
    Form::say(&format!("\n{MARK}{json}\n"));
}

/// Runs a hidden command of `aiperf plugins` in a process of its own, for at most so long, and reads its result.
pub(super) fn apart<T: DeserializeOwned>(arguments: &[&OsStr], limit: Duration) -> Result<T, Ending> {
    let mut result = None;
    watched(arguments, limit, |line| result = serde_json::from_str(line).ok())?;
    result.ok_or(Ending::Code(Some(0)))
}

/// The same for a command that tells several results: each as it comes, none more than so long after the one before.
pub(super) fn watched(arguments: &[&OsStr], limit: Duration, mut each: impl FnMut(&str)) -> Result<(), Ending> {
    let program = std::env::current_exe().map_err(Ending::System)?;
    let mut child = Command::new(program)
        .arg("plugins")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Ending::System)?;
    let output = child.stdout.take().expect("it is piped");
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n') {
            // Nobody listens any more where it took too long.
            let Ok(line) = line else { return };
            if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    loop {
        match lines.recv_timeout(limit) {
            Ok(line) => line.strip_prefix(MARK).into_iter().for_each(&mut each),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill().and_then(|()| child.wait()).map_err(Ending::System)?;
                return Err(Ending::Late(limit));
            }
        }
    }
    let status = child.wait().map_err(Ending::System)?;
    #[cfg(unix)]
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(Ending::Signal(number));
    }
    if status.success() { Ok(()) } else { Err(Ending::Code(status.code())) }
}
