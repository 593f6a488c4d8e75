//! Running plugin code in a process of its own: this program, called again with a hidden command. What the code does to
//! that process, a crash in a constructor included, is a line in a report here.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
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
    answer(&match Library::open(library) {
        Ok(library) => Loading::Loaded { abi: library.descriptor().abi.clone(), exports: library.exports().to_vec() },
        Err(error) => Loading::Refused(error.to_string()),
    })
}

/// Ends a hidden command with its result.
pub(super) fn answer<T: Serialize>(result: &T) -> Result<Exit, Failure> {
    let json = serde_json::to_string(result).expect("results are plain values");
    Form::say(&format!("\n{MARK}{json}\n"));
    Ok(Exit::Success)
}

/// Runs a hidden command of `aiperf plugins` in a process of its own, for at most so long, and reads its result.
pub(super) fn apart<T: DeserializeOwned>(arguments: &[&OsStr], limit: Duration) -> Result<T, Ending> {
    let program = std::env::current_exe().map_err(Ending::System)?;
    let mut child = Command::new(program)
        .arg("plugins")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Ending::System)?;
    let mut output = child.stdout.take().expect("it is piped");
    let (read, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let done = output.read_to_end(&mut said).map(|_| said);
        // Nobody waits any more where it took too long.
        read.send(done).ok();
    });
    let Ok(said) = wait.recv_timeout(limit) else {
        child.kill().and_then(|()| child.wait()).map_err(Ending::System)?;
        return Err(Ending::Late(limit));
    };
    let said = said.map_err(Ending::System)?;
    let status = child.wait().map_err(Ending::System)?;
    #[cfg(unix)]
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(Ending::Signal(number));
    }
    let text = String::from_utf8_lossy(&said);
    let result = text.lines().rev().find_map(|line| serde_json::from_str(line.strip_prefix(MARK)?).ok());
    result.filter(|_| status.success()).ok_or(Ending::Code(status.code()))
}
