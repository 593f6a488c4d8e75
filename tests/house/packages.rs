//! Who may depend on whom: `plugins/* → aiperf-abi ← aiperf`, and nothing else.

use std::process::Command;

use serde_json::Value;

use crate::expect_none;
use crate::sources;

/// A package of the workspace and what it depends on there: (name, kind).
struct Package {
    name: String,
    /// Its folder, from the root.
    folder: String,
    dependencies: Vec<(String, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Of the library or its build script.
    Shipped,
    Tests,
}

/// The packages as cargo sees them, with the dependencies among each other.
fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(sources::root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(json: &Value) -> Package {
    let manifest = std::path::Path::new(json["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().strip_prefix(sources::root()).unwrap();
    let inside = json["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["path"].is_string());
    let dependency = |json: &Value| {
        let kind = if json["kind"] == "dev" { Kind::Tests } else { Kind::Shipped };
        (json["name"].as_str().unwrap().to_owned(), kind)
    };
    Package {
        name: json["name"].as_str().unwrap().to_owned(),
        folder: folder.to_str().unwrap().replace('\\', "/"),
        dependencies: inside.map(dependency).collect(),
    }
}

#[test]
fn plugins_and_host_meet_in_the_contract_only() {
    let mut faults = Vec::new();
    for package in packages() {
        for (dependency, kind) in &package.dependencies {
            let allowed = match package.folder.as_str() {
                "aiperf" => dependency == "aiperf-abi" || *kind == Kind::Tests,
                _ => dependency == "aiperf-abi",
            };
            if !allowed {
                faults.push(format!("{} depends on {dependency} ({kind:?})", package.name));
            }
        }
    }
    expect_none(&faults, "plugins/* → aiperf-abi ← aiperf. Only the host's tests may depend on a plugin:");
}

#[test]
fn every_plugin_is_a_package_that_could_be_a_stranger_s() {
    let plugins: Vec<_> = packages().into_iter().filter(|package| package.folder.starts_with("plugins/")).collect();
    assert!(!plugins.is_empty(), "plugins/ has a package");
    let missing = plugins.iter().map(|package| format!("{}/plugins.yaml", package.folder));
    let faults: Vec<_> = missing.filter(|path| !sources::root().join(path).is_file()).collect();
    expect_none(&faults, "A plugin has its own manifest:");
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let manifests = packages().into_iter().map(|package| format!("{}/Cargo.toml", package.folder));
    let faults: Vec<_> = manifests.filter(|path| !sources::read(path).contains("[lints]\nworkspace = true")).collect();
    expect_none(&faults, "A package says `[lints] workspace = true`:");
}
