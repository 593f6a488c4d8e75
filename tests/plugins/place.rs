//! A folder to run the binary in, and packages to put there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A home of its own: nothing of the user's packages and settings is seen.
pub(crate) struct Place(TempDir);

/// What a command did.
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// `aiperf` with these arguments, separated by blanks.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiperf"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_DATA_DIRS", self.path("none"));
        command
    }

    /// `aiperf plugins` with these arguments, to its end; paths of this place are told as `[place]`.
    pub(crate) fn plugins(&self, line: &str) -> Ran {
        self.ended(&mut self.command(&format!("plugins {line}")))
    }

    pub(crate) fn ended(&self, command: &mut Command) -> Ran {
        let output = command.output().expect("the binary runs");
        let real = self.0.path().canonicalize().expect("a folder").display().to_string();
        let told = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("text");
            text.replace(&real, "[place]").replace(&self.0.path().display().to_string(), "[place]")
        };
        Ran { code: output.status.code(), stdout: told(output.stdout), stderr: told(output.stderr) }
    }

    /// A package of exporters, `name: (priority, class)`. Its library is none: listing does not look into it.
    pub(crate) fn package(&self, folder: &str, name: &str, entries: &[(&str, i64, &str)]) {
        let mut text = format!(
            "schema_version: '1.0'\nplugin: {{name: {name}, version: 1.2.3, library: lib.so}}\ndata_exporter:\n"
        );
        for (entry, priority, class) in entries {
            text += &format!("  {entry}: {{class: '{class}', priority: {priority}, description: Writes. And more.}}\n");
        }
        self.manifest(folder, &text);
    }

    /// A manifest with this text, and something in the place of the library `lib.so`.
    pub(crate) fn manifest(&self, folder: &str, text: &str) {
        std::fs::create_dir_all(self.path(folder)).expect("a folder");
        std::fs::write(self.path(folder).join("plugins.yaml"), text).expect("written");
        std::fs::write(self.path(folder).join("lib.so"), "no library").expect("written");
    }

    /// The echo package as its author has it before `cargo build`; gives the library that a build makes.
    pub(crate) fn echo(&self, folder: &str) -> PathBuf {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/echo/plugins.yaml");
        std::fs::create_dir_all(self.path(folder)).expect("a folder");
        std::fs::copy(manifest, self.path(folder).join("plugins.yaml")).expect("the manifest");
        // A dev-dependency: cargo puts it beside this test.
        std::env::current_exe().expect("a path").with_file_name(library("aiperf_echo"))
    }

    /// The echo package with its library beside the manifest.
    pub(crate) fn built_echo(&self, folder: &str) {
        let built = self.echo(folder);
        std::fs::copy(built, self.path(folder).join(library("aiperf_echo"))).expect("the library");
    }
}

impl Ran {
    /// The standard output of a command that succeeded and had nothing to object.
    pub(crate) fn quiet(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        &self.stdout
    }

    /// Everything, for a snapshot.
    pub(crate) fn whole(&self) -> String {
        format!("{}--- stderr\n{}--- exit {}\n", self.stdout, self.stderr, self.code.unwrap_or(-1))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// The file name of a library on this system.
pub(crate) fn library(stem: &str) -> String {
    format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}
