//! Runs the binary in a folder of its own, and reads what it left there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use serde_json::Value;
use tempfile::TempDir;

/// A place to run in: nothing of the user's own packages and settings is seen.
pub(crate) struct Place {
    dir: Rc<TempDir>,
}

/// A run that has ended.
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The folder of the run, where one was made.
    pub artifacts: Option<PathBuf>,
    /// Kept, with all files, as long as this.
    _dir: Rc<TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: Rc::new(TempDir::new().expect("a folder")) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `aiperf` with these arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiperf"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("XDG_DATA_DIRS", self.path().join("none"))
            .env("RUST_BACKTRACE", "1");
        command
    }

    /// `aiperf profile` with these arguments, to its end.
    pub(crate) fn profile(&self, args: &[&str]) -> Ran {
        let args: Vec<&str> = ["profile"].iter().chain(args).copied().collect();
        self.ended(&self.command(&args).output().expect("the binary runs"))
    }

    /// `aiperf profile`, started.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let args: Vec<&str> = ["profile"].iter().chain(args).copied().collect();
        self.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
    }

    /// What a started run has done.
    pub(crate) fn wait(&self, child: Child) -> Ran {
        self.ended(&child.wait_with_output().expect("the binary ends"))
    }

    pub(crate) fn ended(&self, output: &std::process::Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).expect("text"),
            stderr: String::from_utf8(output.stderr.clone()).expect("text"),
            artifacts: self.run_folders().pop(),
            _dir: Rc::clone(&self.dir),
        }
    }

    /// The folders of the runs so far, the latest last.
    pub(crate) fn run_folders(&self) -> Vec<PathBuf> {
        let Ok(folders) = std::fs::read_dir(self.path().join("artifacts")) else { return Vec::new() };
        let mut folders: Vec<PathBuf> = folders.map(|folder| folder.expect("a folder").path()).collect();
        folders.sort_by_key(|folder| folder.metadata().and_then(|data| data.modified()).expect("a time"));
        folders
    }
}

impl Ran {
    /// Fails, showing everything, unless the run ended with this code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> String {
        let dir = self.artifacts.as_ref().unwrap_or_else(|| panic!("no folder was made:\n{}", self.stderr));
        std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&self.file("profile_export_aiperf.json")).expect("JSON")
    }

    #[track_caller]
    pub(crate) fn inputs(&self) -> Value {
        serde_json::from_str(&self.file("inputs.json")).expect("JSON")
    }

    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        self.file("profile_export.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The mean of a metric of the summary.
    #[track_caller]
    pub(crate) fn avg(&self, tag: &str) -> f64 {
        let summary = self.summary();
        summary[tag]["avg"].as_f64().unwrap_or_else(|| panic!("no {tag} in {summary:#}"))
    }
}

/// Reads a stream until it has said `words`; gives what it said.
pub(crate) fn read_until(stream: &mut impl std::io::Read, words: &str) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains(words) {
        match stream.read(&mut byte) {
            Ok(1) => said.push(byte[0]),
            _ => panic!("it ended without saying {words:?}: {}", String::from_utf8_lossy(&said)),
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
