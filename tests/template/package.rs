//! Packages made from the template, and aiperf as their author runs it: with a home of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Set on every process: the author's own settings must not be seen, nor theirs changed.
const UNSET: [&str; 4] = ["AIPERF_PLUGIN_PATH", "AIPERF_PLUGINS", "AIPERF_API_KEY", "AIPERF_LOG"];

/// A package, and what the template puts in it.
pub(crate) struct Package {
    pub name: &'static str,
    pub category: &'static str,
    pub entry: &'static str,
    pub class: &'static str,
}

/// One of each category that there is a skeleton of. The first is what the template makes where nobody says a category.
pub(crate) const ALL: [Package; 7] = [
    Package { name: "my-plugins", category: "endpoint", entry: "echo", class: "EchoEndpoint" },
    Package { name: "my-loader", category: "custom_dataset_loader", entry: "transcript", class: "TranscriptLoader" },
    Package { name: "my-exporter", category: "data_exporter", entry: "markdown", class: "MarkdownExporter" },
    Package { name: "my-processor", category: "record_processor", entry: "cost", class: "CostProcessor" },
    Package { name: "my-handler", category: "result_handler", entry: "baseline", class: "BaselineHandler" },
    Package { name: "my-strategy", category: "timing_strategy", entry: "batches", class: "BatchStrategy" },
    Package { name: "my-transport", category: "transport", entry: "unix", class: "UnixTransport" },
];

/// The packages are members of one workspace, so that what all of them need is compiled once; with the profile of the clone,
/// which has compiled some of it already.
const WORKSPACE: &str = "\
[workspace]
resolver = \"3\"
members = [\"my-*\"]
exclude = [\"aiperf\"]

[profile.dev]
debug = \"line-tables-only\"

[profile.dev.package.\"*\"]
debug = false

[profile.dev.package.memchr]
opt-level = 3
";

/// Who makes packages.
pub(crate) struct Author {
    /// Holds the packages, a link to the clone, and the author's data folder.
    place: PathBuf,
    target: PathBuf,
}

/// The clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether the tool is there. Says so where it is not, which is a failure where tools are required.
#[expect(clippy::print_stderr, reason = "who runs the tests has to know that one did nothing")]
pub(crate) fn is_tool_there() -> bool {
    let there = Command::new("cargo-generate").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        let missing = "cargo-generate is not installed: cargo install cargo-generate --version 0.23.7 --locked";
        assert_ne!(std::env::var("AIPERF_REQUIRE_TOOLS").as_deref(), Ok("1"), "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    there
}

/// Runs a command that has to succeed. Gives back what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = ended(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Runs a command to its end. It can ask nothing: there is nobody to answer.
pub(crate) fn ended(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

impl Author {
    /// With a folder beside the clone.
    pub(crate) fn new(place: &Path) -> Self {
        std::os::unix::fs::symlink(root(), place.join("aiperf")).unwrap();
        let built = Path::new(env!("CARGO_BIN_EXE_aiperf")).parent().unwrap();
        Self { place: place.to_owned(), target: built.parent().unwrap().to_owned() }
    }

    /// `cargo generate --path aiperf/plugin-template --name … --define category=…`; the first package without a category.
    pub(crate) fn generate(&self, package: &Package) {
        let mut generate = Command::new("cargo-generate");
        generate.args(["generate", "--path", "aiperf/plugin-template", "--name", package.name]);
        if package.category != ALL[0].category {
            generate.args(["--define", &format!("category={}", package.category)]);
        }
        run(generate.current_dir(&self.place));
    }

    /// `cargo test` and `cargo build`, as they are in the README, of all packages at once.
    pub(crate) fn test_and_build(&self) {
        fs::write(self.place("Cargo.toml"), WORKSPACE).unwrap();
        // The versions this clone is tested with: they are there already, no network is needed.
        fs::copy(root().join("Cargo.lock"), self.place("Cargo.lock")).unwrap();
        for command in ["test", "build"] {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut cargo = Command::new(cargo);
            cargo.args([command, "--workspace", "--offline"]).env("CARGO_TARGET_DIR", &self.target);
            run(cargo.current_dir(&self.place));
        }
        for package in &ALL {
            // Where cargo lays it where nobody chose another place.
            let debug = self.place(package.name).join("target/debug");
            fs::create_dir_all(&debug).unwrap();
            let file = package.library_file();
            fs::copy(self.target.join("debug").join(&file), debug.join(&file)).unwrap();
        }
    }

    /// An example of a package, built by its tests.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.target.join("debug/examples").join(name)
    }

    /// A file or folder beside the packages.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Where `aiperf plugins add` puts a package.
    pub(crate) fn installed(&self, package: &Package) -> PathBuf {
        self.place("data/aiperf/plugins").join(package.name)
    }

    /// aiperf, in a folder beside the clone.
    pub(crate) fn aiperf_in(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut aiperf = Command::new(env!("CARGO_BIN_EXE_aiperf"));
        aiperf.args(arguments).current_dir(self.place(folder)).env("XDG_DATA_HOME", self.place("data"));
        for name in UNSET {
            aiperf.env_remove(name);
        }
        aiperf.env("HOME", &self.place);
        aiperf
    }

    /// What aiperf prints when it succeeds, which it has to.
    pub(crate) fn aiperf(&self, arguments: &[&str]) -> String {
        run(&mut self.aiperf_in("", arguments))
    }

    /// The same in the folder of a package.
    pub(crate) fn aiperf_of(&self, package: &Package, arguments: &[&str]) -> String {
        run(&mut self.aiperf_in(package.name, arguments))
    }

    /// The files of a package and what is in them, without what tools of other trades leave there.
    pub(crate) fn files(&self, package: &str) -> BTreeMap<String, String> {
        fn collect(folder: &Path, root: &Path, into: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let inside = path.strip_prefix(root).unwrap().display().to_string();
                match inside.as_str() {
                    ".git" | "Cargo.lock" => {}
                    _ if path.is_dir() => collect(&path, root, into),
                    _ => drop(into.insert(inside, fs::read_to_string(&path).unwrap())),
                }
            }
        }
        let (mut files, folder) = (BTreeMap::new(), self.place(package));
        collect(&folder, &folder, &mut files);
        files
    }
}

impl Package {
    fn library_file(&self) -> String {
        let stem = self.name.replace('-', "_");
        format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
    }
}
