//! One plugin built in other ways than the rest: with the versions of the contract that are kept, as another compiler would
//! lay out its structs; and a host that is built otherwise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::fixtures::{
    Crate, Fixtures, bare_program, cargo, cargo_in, folder, library, repository, workspace, write_workspace,
};

/// Versions of the contract that were promised. Each is kept as the archive that cargo makes of the crate.
pub(crate) const RELEASED: [&str; 1] = ["1.0.0"];

/// The plugin, and a host, of a version that is kept.
const OF_THEN: [Crate; 2] =
    [library("fixture_then", "promise.rs", "aiperf-abi"), bare_program("host_then", "other_host.rs", "aiperf-abi")];

/// What was built with a version that is kept: `fixture_then` and `host_then`.
pub(crate) fn built_then(version: &str) -> Fixtures {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| RELEASED.iter().for_each(|version| build_then(version)));
    Fixtures { folder: folder_then(version).join("built") }
}

fn folder_then(version: &str) -> PathBuf {
    folder().with_file_name(format!("loader-fixtures-{version}"))
}

fn build_then(version: &str) {
    let root = folder_then(version);
    let source = unpacked(version, &root.join("contracts"));
    write_workspace(&root, &OF_THEN, |_| source.clone());
    // The folder of the other fixtures: what all depend on is compiled once. The names are the same for every version, so
    // what was built is taken away from there.
    let target = folder().join("target");
    let (there, here) = (Fixtures { folder: target.join("debug") }, Fixtures { folder: root.join("built") });
    fs::create_dir_all(&here.folder).unwrap();
    let files = [
        ("fixture_then", there.library("fixture_then"), here.library("fixture_then")),
        ("host_then", there.program("host_then"), here.program("host_then")),
    ];
    // Each alone, as others would: what the one needs is not turned on for the other.
    for (name, from, to) in files {
        let (built, said) = cargo_in(&root, &target, &["build", "-p", name], &[]);
        assert!(built, "{name} does not build with aiperf-abi {version}:\n{said}");
        fs::copy(&from, &to).unwrap();
    }
}

/// The source of the contract at a version, unpacked unless it is there.
fn unpacked(version: &str, folder: &Path) -> PathBuf {
    let name = format!("aiperf-abi-{version}");
    let archive = repository().join(format!("tests/loader/released/{name}.crate"));
    let (source, kept) = (folder.join(&name), folder.join(format!("{name}.crate")));
    let bytes = fs::read(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    if fs::read(&kept).ok() != Some(bytes) {
        // Where none was there, there is nothing to remove.
        let _ = fs::remove_dir_all(&source);
        fs::create_dir_all(folder).unwrap();
        // Times of now: cargo sees by them that something changed.
        let status = Command::new("tar").args(["-xzmf"]).arg(&archive).arg("-C").arg(folder).status().unwrap();
        assert!(status.success(), "{} cannot be unpacked", archive.display());
        fs::copy(&archive, &kept).unwrap();
    }
    source
}

/// `fixture_promise` of today, with everything in it built so that structs whose layout nobody promised are laid out
/// otherwise: what another compiler, or another version of it, may do.
pub(crate) fn shuffled() -> PathBuf {
    let variables = [("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zrandomize-layout -Zlayout-seed=1")];
    let target = folder().join("shuffled");
    let (built, said) = cargo_in(&workspace(), &target, &["build", "-p", "fixture_promise"], &variables);
    assert!(built, "the fixture does not build with other layouts:\n{said}");
    Fixtures { folder: target.join("debug") }.library("fixture_promise")
}

/// The program of a host that is optimised and has none of the contract's features.
pub(crate) fn other_host() -> PathBuf {
    let optimised = |package: &str| format!("profile.dev.package.{package}.opt-level = 3");
    let (contract, host) = (optimised("aiperf-abi"), optimised("other_host"));
    let (built, said) = cargo(&["build", "-p", "other_host", "--config", &contract, "--config", &host]);
    assert!(built, "the other host does not build:\n{said}");
    Fixtures { folder: folder().join("target/debug") }.program("other_host")
}
