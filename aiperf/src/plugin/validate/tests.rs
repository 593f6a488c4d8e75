//! Checks of packages with a real library that is never loaded.

use std::fs;

use super::*;
use crate::plugin::manifest::FILE_NAME;

const MANIFEST: &str = include_str!("../../../../plugins/echo/plugins.yaml");

/// The echo package: the manifest of `plugins/echo` and the library that cargo built for these tests.
pub(in crate::plugin) fn echo(folder: &Path) {
    echo_with(folder, "EchoEndpoint", "EchoEndpoint");
}

/// The same with one thing changed in the manifest.
pub(in crate::plugin) fn echo_with(folder: &Path, from: &str, to: &str) {
    let file = format!("{}aiperf_echo{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = std::env::current_exe().unwrap().with_file_name(&file);
    let text = MANIFEST;
    assert!(text.contains(from));
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(FILE_NAME), text.replacen(from, to, 1)).unwrap();
    fs::copy(built, folder.join(file)).unwrap();
}

/// The faults, `<check>: <line:column>: <problem>`.
fn told(validation: &Validation) -> Vec<String> {
    let place = |fault: &Fault| fault.at.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
    validation.faults.iter().map(|(check, fault)| format!("{check}: {}: {}", place(fault), fault.problem)).collect()
}

/// Line and column of a value in the manifest, by what stands there.
fn at(line: &str, value: &str) -> String {
    let number = MANIFEST.lines().position(|each| each.trim_start() == line).unwrap();
    let column = MANIFEST.lines().nth(number).unwrap().find(value).unwrap();
    format!("{}:{}", number + 1, column + 1)
}

fn changed(from: &str, to: &str) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    echo_with(root.path(), from, to);
    told(&Validation::of_path(root.path()).unwrap())
}

#[test]
fn a_package_in_order_passes_however_it_is_given() {
    let root = tempfile::tempdir().unwrap();
    let package = root.path().join("echo");
    echo(&package);
    let library =
        fs::read_dir(&package).unwrap().map(|file| file.unwrap().path()).find(|path| !path.ends_with(FILE_NAME));
    for given in [root.path().to_owned(), package.join(FILE_NAME), library.unwrap(), package] {
        let validation = Validation::of_path(&given).unwrap();
        assert!(validation.passed(), "{}: {:?}", given.display(), told(&validation));
        assert_eq!(validation.packages, 1);
    }
}

#[test]
fn each_check_finds_its_fault_and_points_at_it() {
    assert_eq!(
        changed("aiperf_echo:EchoEndpoint", "aiperf_echo:EchoEndpont"),
        [format!(
            "Class paths: {}: `aiperf_echo:EchoEndpont` is not offered by the library for `endpoint` \
             (did you mean `EchoEndpoint`?); it offers EchoEndpoint",
            at("class: aiperf_echo:EchoEndpoint", "aiperf_echo")
        )]
    );
    assert_eq!(
        changed("version: 0.1.0", "version: 0.2.0"),
        [format!(
            "Versions: {}: the manifest says version 0.2.0, the library says 0.1.0; rebuild or correct the manifest",
            at("version: 0.1.0", "0.1.0")
        )]
    );
    let missing = changed("library: aiperf_echo", "library: other.so");
    let library = format!("Libraries: {}:", at("library: aiperf_echo", "aiperf_echo"));
    assert!(
        missing[0].starts_with(&format!("{library} the library `")) && missing[0].contains("does not exist"),
        "{missing:?}"
    );
    let transport = changed("endpoint:\n", "data_exporter:\n").join("\n");
    assert!(transport.starts_with("Keys and metadata: "), "{transport}");
}

#[test]
fn a_library_that_is_none_is_a_fault_and_not_loaded() {
    let root = tempfile::tempdir().unwrap();
    echo_with(root.path(), "library: aiperf_echo", "library: text.so");
    fs::write(root.path().join("text.so"), "words").unwrap();
    let told = told(&Validation::of_path(root.path()).unwrap());
    assert_eq!(told.len(), 1);
    let library = format!("Libraries: {}:", at("library: aiperf_echo", "aiperf_echo"));
    assert!(told[0].starts_with(&library) && told[0].contains("is not a shared library but a text file"), "{told:?}");
}

#[test]
fn a_folder_without_packages_is_no_success() {
    let root = tempfile::tempdir().unwrap();
    let fault = Validation::of_path(root.path()).unwrap_err();
    assert!(matches!(fault.problem, Problem::NoManifest));
    assert!(Validation::of_path(&root.path().join("gone")).is_err());
}

#[test]
fn faults_of_a_manifest_belong_to_the_check_that_looks_for_them() {
    let check = |from: &str, to: &str| {
        let root = tempfile::tempdir().unwrap();
        echo_with(root.path(), from, to);
        let validation = Validation::of_path(root.path()).unwrap();
        validation.faults.iter().map(|(check, _)| *check).collect::<Vec<_>>()
    };
    assert_eq!(check("plugin:", "plugin: ["), [Check::Syntax]);
    assert_eq!(check("schema_version: \"1.0\"", "schema_version: \"2.0\""), [Check::SchemaVersion]);
    assert_eq!(check("schema_version: \"1.0\"", ""), [Check::SchemaVersion]);
    assert_eq!(check("plugin:", "plugin:\n  version: 0.1.0"), [Check::Duplicates]);
    assert_eq!(check("plugin:", "plugin:\n  auther: me"), [Check::Metadata]);
}

#[test]
fn entries_out_of_order_are_worth_a_line_and_no_fault() {
    let root = tempfile::tempdir().unwrap();
    let zebra = "zebra: {class: 'aiperf_echo:EchoEndpoint', metadata: {endpoint_path: /, supports_streaming: true, \
                 produces_tokens: true, tokenizes_input: true, metrics_title: T}}";
    echo_with(root.path(), "\nendpoint:\n", &format!("\nendpoint:\n  {zebra}\n"));
    let validation = Validation::of_path(root.path()).unwrap();
    assert!(validation.passed(), "{:?}", told(&validation));
    assert!(
        validation.warnings[0].ends_with("not in alphabetical order: `echo` comes after `zebra`"),
        "{:?}",
        validation.warnings
    );
}
