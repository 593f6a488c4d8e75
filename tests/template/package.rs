//! A package made from the template, and aiperf as its author runs it: with a home of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set on every process: the author's own settings must not be seen, nor theirs changed.
const UNSET: [&str; 4] = ["AIPERF_PLUGIN_PATH", "AIPERF_PLUGINS", "AIPERF_API_KEY", "AIPERF_LOG"];

pub(crate) struct Package {
    /// Holds the package, a link to the clone, and the author's data folder.
    place: PathBuf,
    name: &'static str,
    target: PathBuf,
}

/// The clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether the tool is there; else what to say.
pub(crate) fn cargo_generate() -> Result<(), String> {
    match Command::new("cargo-generate").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("cargo-generate is not installed: cargo install cargo-generate --version 0.23.7 --locked".to_owned()),
    }
}

/// Runs a command that has to succeed. Gives back what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

impl Package {
    /// `cargo generate --path aiperf/plugin-template --name …` in a folder beside the clone. Nothing can be asked: there is
    /// nobody to answer.
    pub(crate) fn generate(place: &Path, name: &'static str) -> Self {
        std::os::unix::fs::symlink(root(), place.join("aiperf")).unwrap();
        let mut generate = Command::new("cargo-generate");
        generate.args(["generate", "--path", "aiperf/plugin-template", "--name", name]).current_dir(place);
        run(&mut generate);
        let folder = place.join(name);
        // The versions this clone is tested with: they are there already, no network is needed.
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let built = Path::new(env!("CARGO_BIN_EXE_aiperf")).parent().unwrap();
        Self { place: place.to_owned(), name, target: built.parent().unwrap().to_owned() }
    }

    fn folder(&self) -> PathBuf {
        self.place.join(self.name)
    }

    /// `cargo test` and `cargo build`, as they are in the README. What this workspace has compiled is not compiled again.
    pub(crate) fn test_and_build(&self) {
        for command in ["test", "build"] {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut cargo = Command::new(cargo);
            cargo.args([command, "--offline", "--config", "profile.dev.package.\"*\".debug=false"]);
            cargo.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only").env("CARGO_TARGET_DIR", &self.target);
            run(cargo.current_dir(self.folder()));
        }
        // Where cargo lays it where nobody chose another place.
        let debug = self.folder().join("target/debug");
        fs::create_dir_all(&debug).unwrap();
        fs::copy(self.target.join("debug").join(self.library_file()), debug.join(self.library_file())).unwrap();
    }

    fn library_file(&self) -> String {
        let stem = self.name.replace('-', "_");
        format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
    }

    /// An example of the package, built by its tests.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.target.join("debug/examples").join(name)
    }

    /// A folder beside the package.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Where `aiperf plugins add` puts the package.
    pub(crate) fn installed(&self) -> PathBuf {
        self.place.join("data/aiperf/plugins").join(self.name)
    }

    /// aiperf, in the package's folder.
    pub(crate) fn aiperf_command(&self, arguments: &[&str]) -> Command {
        let mut aiperf = Command::new(env!("CARGO_BIN_EXE_aiperf"));
        aiperf.args(arguments).current_dir(self.folder()).env("XDG_DATA_HOME", self.place.join("data"));
        for name in UNSET {
            aiperf.env_remove(name);
        }
        aiperf.env("HOME", &self.place);
        aiperf
    }

    /// What aiperf prints when it succeeds, which it has to.
    pub(crate) fn aiperf(&self, arguments: &[&str]) -> String {
        run(&mut self.aiperf_command(arguments))
    }
}
