//! Builds the libraries of these tests, good ones and some that are wrong on purpose: once per process, offline, in a
//! workspace that is written into cargo's folder for tests. Their sources are in `fixtures/`.
//!
//! Other versions of the contract are made by changing a copy of `aiperf-abi`, so they stay what they are meant to be
//! however the contract grows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aiperf_abi::data::descriptor::ABI_VERSION;

/// A crate to be built: its name, which contract it is built with, and what it becomes.
pub(crate) struct Crate {
    name: &'static str,
    source: &'static str,
    contract: Option<&'static str>,
    becomes: Becomes,
}

#[derive(Clone, Copy, PartialEq)]
enum Becomes {
    /// With every feature of the contract, as has the next.
    Library,
    Program,
    /// With no feature of the contract, so that it is never built together with the others.
    BareProgram,
}

pub(crate) const fn library(name: &'static str, source: &'static str, contract: &'static str) -> Crate {
    Crate { name, source, contract: Some(contract), becomes: Becomes::Library }
}

/// A program that uses none of the contract's features.
pub(crate) const fn bare_program(name: &'static str, source: &'static str, contract: &'static str) -> Crate {
    Crate { name, source, contract: Some(contract), becomes: Becomes::BareProgram }
}

/// The contract as it is.
const TODAY: &str = "today";

const CRATES: [Crate; 14] = [
    library("fixture_many", "many.rs", TODAY),
    library("fixture_schedule", "schedule.rs", TODAY),
    library("fixture_results", "results.rs", TODAY),
    library("fixture_dataset", "dataset.rs", TODAY),
    library("fixture_right", "right.rs", TODAY),
    library("fixture_wrong", "wrong.rs", TODAY),
    library("fixture_newer", "one.rs", "newer"),
    library("fixture_layout", "one.rs", "layout"),
    library("fixture_major", "one.rs", "major"),
    library("fixture_promise", "promise.rs", TODAY),
    library("fixture_allocator", "own_allocator.rs", TODAY),
    Crate { name: "fixture_plain", source: "plain.rs", contract: None, becomes: Becomes::Library },
    Crate { name: "newer_host", source: "newer_host.rs", contract: Some("newer"), becomes: Becomes::Program },
    bare_program("other_host", "other_host.rs", TODAY),
];

/// A copy of the contract: which part of today's version is one higher, and what is replaced in which file.
struct Contract {
    name: &'static str,
    higher: Part,
    changes: &'static [(&'static str, &'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Part {
    Major,
    Minor,
    Patch,
}

impl Contract {
    fn version(&self) -> String {
        let part = self.higher as usize;
        let mut parts: Vec<u64> = ABI_VERSION.split('.').map(|one| one.parse().expect("a number")).collect();
        parts[part] += 1;
        parts[part + 1..].fill(0);
        parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
    }
}

const CONTRACTS: [Contract; 3] = [
    // What a minor version may do: fields after the last, in tables and in the root module, with a use of each.
    Contract {
        name: "newer",
        higher: Part::Minor,
        changes: &[
            (
                "ffi/endpoint.rs",
                "FfiResult<RVec<FfiPair>>,\n    }\n}",
                "FfiResult<RVec<FfiPair>>,\n        later: unsafe extern \"C\" fn(*const ()) -> u64,\n    }\n}\n\
                 unsafe extern \"C\" fn later(_: *const ()) -> u64 { 7 }",
            ),
            ("ffi/endpoint.rs", "headers: headers::<T>,", "headers: headers::<T>, later,"),
            (
                "ffi/services.rs",
                "derive_seed: unsafe extern \"C\" fn(*const (), RStr<'_>) -> u64,",
                "derive_seed: unsafe extern \"C\" fn(*const (), RStr<'_>) -> u64,\n\
                 later: unsafe extern \"C\" fn(*const ()) -> u64,",
            ),
            ("ffi/services.rs", "            derive_seed,\n", "            derive_seed, later,\n"),
            (
                "ffi/services.rs",
                "/// Stands in for",
                "unsafe extern \"C\" fn later(_: *const ()) -> u64 { 7 }\n\n/// Stands in for",
            ),
            (
                "ffi/root.rs",
                "    pub services: RSlice<'static, Decl<FfiService>>,\n}",
                "    pub services: RSlice<'static, Decl<FfiService>>,\n    pub later: RSlice<'static, Decl<FfiService>>,\n}",
            ),
            (
                "ffi/root.rs",
                "services: RSlice::from_slice(offer.lists.services.leak()),",
                "services: RSlice::from_slice(offer.lists.services.leak()), later: RSlice::EMPTY,",
            ),
            (
                "host/root.rs",
                "    /// Prepares the library;",
                "    pub fn has_later(self) -> bool { self.module.later().is_some() }\n\n    /// Prepares the library;",
            ),
        ],
    },
    // What nobody may do: a table in another order, under a version that promises that nothing changed.
    Contract {
        name: "layout",
        higher: Part::Patch,
        changes: &[(
            "ffi/endpoint.rs",
            "        format_payload: unsafe extern \"C\" fn(*const (), View<'_>) -> FfiResult<FfiPayload>,\n        \
             parse_response: unsafe extern \"C\" fn(*const (), View<'_>) -> FfiResult<ROption<FfiParsed>>,\n",
            "        parse_response: unsafe extern \"C\" fn(*const (), View<'_>) -> FfiResult<ROption<FfiParsed>>,\n        \
             format_payload: unsafe extern \"C\" fn(*const (), View<'_>) -> FfiResult<FfiPayload>,\n",
        )],
    },
    Contract { name: "major", higher: Part::Major, changes: &[] },
];

/// The version of a changed contract, by its name.
pub(crate) fn version_of(contract: &str) -> String {
    CONTRACTS.iter().find(|one| one.name == contract).expect("there is such a contract").version()
}

/// What was built.
pub(crate) struct Fixtures {
    pub(crate) folder: PathBuf,
}

impl Fixtures {
    /// A library, by the name of its crate.
    pub(crate) fn library(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
    }

    /// A program, by the name of its crate.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

/// Fixtures built with a profile of cargo's: these, or all where none is named. The first call decides.
pub(crate) fn built(profile: &str, only: &[&str]) -> &'static Fixtures {
    static BUILT: OnceLock<Fixtures> = OnceLock::new();
    BUILT.get_or_init(|| {
        let apart = CRATES.iter().filter(|one| one.becomes == Becomes::BareProgram);
        let all: Vec<&str> = match only {
            [] => ["--workspace"].into_iter().chain(apart.flat_map(|one| ["--exclude", one.name])).collect(),
            some => some.iter().flat_map(|name| ["-p", name]).collect(),
        };
        let args: Vec<&str> = ["build", "--profile", profile].into_iter().chain(all).collect();
        let (built, said) = cargo(&args);
        assert!(built, "the fixtures do not build:\n{said}");
        let folder = if profile == "dev" { "debug" } else { profile };
        Fixtures { folder: self::folder().join("target").join(folder) }
    })
}

/// Runs cargo in the workspace of the fixtures; whether it succeeded, and what it said.
pub(crate) fn cargo(args: &[&str]) -> (bool, String) {
    cargo_in(&workspace(), &folder().join("target"), args, &[])
}

/// Runs cargo in a workspace, with these variables and its results in this folder.
pub(crate) fn cargo_in(workspace: &Path, target: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(env!("CARGO"))
        .args(["--offline", "--quiet", "--config"])
        .arg(format!("build.target-dir = {target:?}"))
        .args(args)
        .current_dir(workspace)
        .env_remove("CARGO_BUILD_TARGET")
        .envs(variables.iter().copied())
        .output()
        .expect("cargo runs, for it runs this");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The workspace of the fixtures, written.
pub(crate) fn workspace() -> PathBuf {
    static WRITTEN: OnceLock<()> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        CONTRACTS.iter().for_each(write_contract);
        write_workspace(&folder(), &CRATES, |contract| match contract {
            TODAY => repository().join("aiperf-abi"),
            changed => contract_folder(changed),
        });
    });
    folder()
}

/// Where the workspace of the fixtures is, and what is built of it under `target`.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("loader-fixtures")
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository")
}

/// Writes a workspace of these crates; `contract` says where the contract of a name is.
pub(crate) fn write_workspace(root: &Path, crates: &[Crate], contract: impl Fn(&str) -> PathBuf) {
    let members: Vec<_> = crates.iter().map(|one| format!("{:?}", one.name)).collect();
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\nexclude = [\"contracts\"]\n\n\
         [profile.dev]\ndebug = false\nincremental = false\n\n[profile.release]\nlto = \"thin\"\ncodegen-units = 1\n",
        members.join(", ")
    );
    write(&root.join("Cargo.toml"), &manifest);
    // The versions of the repository's own lock: nothing is looked up, and what is on this machine is used.
    let (lock, copied) = (read(&repository().join("Cargo.lock")), root.join("repository.lock"));
    if fs::read_to_string(&copied).ok().as_ref() != Some(&lock) {
        write(&root.join("Cargo.lock"), &lock);
        write(&copied, &lock);
    }
    crates.iter().for_each(|one| write_crate(root, one, one.contract.map(&contract)));
}

fn write_crate(root: &Path, one: &Crate, contract: Option<PathBuf>) {
    let repository = repository();
    let source = repository.join("tests/loader/fixtures").join(one.source);
    let target = match one.becomes {
        Becomes::Library => format!("[lib]\ncrate-type = [\"cdylib\"]\npath = {source:?}\n"),
        Becomes::Program | Becomes::BareProgram => format!("[[bin]]\nname = {:?}\npath = {source:?}\n", one.name),
    };
    let dependencies = contract.map(|path| {
        let workspace = read(&repository.join("Cargo.toml"));
        let others = match one.becomes {
            Becomes::BareProgram => &["libloading", "serde_json"][..],
            _ => &["libloading", "serde", "serde_json", "tokio"],
        };
        let others: String = others.iter().map(|name| format!("{name} = {}\n", pinned(&workspace, name))).collect();
        let features = if one.becomes == Becomes::BareProgram { "" } else { "\"transport\"" };
        format!("[dependencies]\naiperf-abi = {{ path = {path:?}, features = [{features}] }}\n{others}")
    });
    let manifest = format!(
        "[package]\nname = {:?}\nversion = \"0.3.0\"\nedition = \"2024\"\n\n{target}\n{}",
        one.name,
        dependencies.unwrap_or_default()
    );
    write(&root.join(one.name).join("Cargo.toml"), &manifest);
}

fn contract_folder(name: &str) -> PathBuf {
    folder().join("contracts").join(name)
}

fn write_contract(contract: &Contract) {
    let repository = repository();
    let workspace = read(&repository.join("Cargo.toml"));
    let dependencies: Vec<_> = ["abi_stable", "serde", "serde_json", "tokio"]
        .map(|name| (name, pinned(&workspace, name)))
        .map(|(name, version)| match name {
            "tokio" => format!("tokio = {}, optional = true }}", version.trim_end_matches(['}', ' '])),
            _ => format!("{name} = {version}"),
        })
        .into();
    let manifest = format!(
        "[package]\nname = \"aiperf-abi\"\nversion = {:?}\nedition = \"2024\"\n\n[workspace]\n\n\
         [features]\ntransport = [\"dep:tokio\"]\nschema = []\n\n[dependencies]\n{}\n",
        contract.version(),
        dependencies.join("\n")
    );
    let folder = contract_folder(contract.name);
    write(&folder.join("Cargo.toml"), &manifest);
    let sources = repository.join("aiperf-abi/src");
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for item in fs::read_dir(sources.join(&inner)).expect("the contract is in the repository") {
            let item = item.expect("its files can be listed");
            let name = inner.join(item.file_name());
            match item.path().is_dir() {
                true => folders.push(name),
                false => write(&folder.join("src").join(&name), &changed(contract, &name, read(&item.path()))),
            }
        }
    }
}

fn changed(contract: &Contract, file: &Path, text: String) -> String {
    let changes = contract.changes.iter().filter(|(name, ..)| Path::new(name) == file);
    changes.fold(text, |text, (name, from, to)| {
        assert!(text.contains(from), "aiperf-abi/src/{name} no longer says what contract `{}` changes", contract.name);
        text.replacen(from, to, 1)
    })
}

/// What the repository's manifest says of a dependency.
fn pinned<'a>(manifest: &'a str, name: &str) -> &'a str {
    let line = manifest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.expect("the workspace names its dependencies")
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Leaves a file alone that is already so, for then nothing is built again.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).unwrap_or_else(|error| {
        panic!("cannot write {}: {error}", path.display());
    });
}
