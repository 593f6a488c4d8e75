//! The way of a plugin author, start to end: the real `cargo generate` makes a package outside the clone; cargo tests and builds
//! it as it is; aiperf validates it, installs it, shows it, benchmarks its echo server with it, and removes it.
//!
//! Needs `cargo-generate`. Without it the test says so and passes; with `AIPERF_REQUIRE_TOOLS=1`, as in CI, it fails.

#![expect(clippy::unwrap_used, reason = "a test ends where what it needs is not there")]

mod package;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use package::{Package, run};
use server::EchoServer;

/// Requests of each benchmark.
const REQUESTS: usize = 10;
/// Tokens of every input.
const INPUT_TOKENS: u32 = 100;

#[test]
fn from_the_template_to_a_benchmark_with_the_generated_plugin() {
    if let Err(missing) = package::cargo_generate() {
        assert_ne!(std::env::var("AIPERF_REQUIRE_TOOLS").as_deref(), Ok("1"), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let package = Package::generate(place.path(), "my-plugins");
    package.test_and_build();

    verify_and_install(&package);
    let server = EchoServer::start(&package.example("echo_server"));
    benchmark_whole_replies(&package, &server);
    benchmark_streamed_replies(&package, &server);
    let served = server.stop();
    assert!(served.contains("/echo"), "the server said where it listens: {served}");
    remove(&package);
}

fn verify_and_install(package: &Package) {
    let checked = package.aiperf(&["plugins", "validate", "."]);
    assert!(checked.contains("All checks passed"), "{checked}");

    let added = package.aiperf(&["plugins", "add", "."]);
    assert!(added.contains("my-plugins") && added.contains("echo"), "names the package and what it offers: {added}");
    assert!(package.installed().join("plugins.yaml").is_file(), "the package is in the user's folder");

    let listed = package.aiperf(&["plugins", "endpoint"]);
    assert!(listed.contains("echo") && listed.contains("chat"), "{listed}");
    let shown = package.aiperf(&["plugins", "endpoint", "echo"]);
    for part in ["my-plugins", "my_plugins:EchoEndpoint", "/echo", "Echo Metrics"] {
        assert!(shown.contains(part), "`{part}` is missing in:\n{shown}");
    }
    let valid = package.aiperf(&["plugins", "--validate"]);
    assert!(valid.contains("All checks passed"), "{valid}");
}

fn benchmark_whole_replies(package: &Package, server: &EchoServer) {
    let (screen, summary) = profile(package, server, "whole", &["--extra-inputs", "echo_prefix:[ECHO] "]);
    assert!(screen.contains("Echo Metrics"), "the table has the title of the manifest:\n{screen}");
    assert_eq!(summary["request_count"]["avg"], REQUESTS as f64);
    assert_eq!(summary["input_sequence_length"]["avg"], f64::from(INPUT_TOKENS));
    // The reply is the input behind two prefixes: the endpoint's, set above, and the server's.
    let longer = summary["output_sequence_length"]["min"].as_f64().unwrap() - f64::from(INPUT_TOKENS);
    assert!((2.0..20.0).contains(&longer), "{longer} tokens for the two prefixes");
    assert_eq!(summary["time_to_first_token"], Value::Null, "nothing was streamed");
}

fn benchmark_streamed_replies(package: &Package, server: &EchoServer) {
    let (screen, summary) = profile(package, server, "streamed", &["--streaming"]);
    assert!(screen.contains("Time to First Token"), "{screen}");
    assert_eq!(summary["request_count"]["avg"], REQUESTS as f64);
    let of = |tag: &str| summary[tag]["avg"].as_f64().unwrap_or_else(|| panic!("{tag} is missing in {summary}"));
    assert!(of("time_to_first_token") < of("request_latency"), "the words came one after the other");
    // The server pauses after each word, and a word is at least one token.
    assert!(of("inter_chunk_latency") >= server::DELAY_MS as f64, "{} ms", of("inter_chunk_latency"));
}

/// Benchmarks the server as the README of the package says. Gives back the screen and the summary.
fn profile(package: &Package, server: &EchoServer, name: &str, more: &[&str]) -> (String, Value) {
    let artifacts = package.place(name);
    let (requests, tokens, url) = (REQUESTS.to_string(), INPUT_TOKENS.to_string(), server.url());
    let mut arguments = vec!["profile", "--model", "echo-model", "--url", &url, "--endpoint-type", "echo"];
    arguments.extend(["--tokenizer", "gpt2", "--synthetic-input-tokens-mean", &tokens, "--request-count", &requests]);
    let folder = artifacts.to_str().unwrap();
    arguments.extend(["--concurrency", "4", "--output-artifact-dir", folder]);
    arguments.extend(more);
    let screen = package.aiperf(&arguments);
    let run = only_folder(&artifacts);
    for file in ["profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl", "inputs.json"] {
        assert!(run.join(file).is_file(), "{file} is not in {}", run.display());
    }
    let records = fs::read_to_string(run.join("profile_export.jsonl")).unwrap();
    assert_eq!(records.lines().count(), REQUESTS, "one record for each request");
    let summary = fs::read_to_string(run.join("profile_export_aiperf.json")).unwrap();
    (screen, serde_json::from_str(&summary).unwrap())
}

fn only_folder(inside: &Path) -> std::path::PathBuf {
    let mut folders = fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().path());
    let first = folders.next().expect("the run has a folder");
    assert_eq!(folders.next(), None, "one run, one folder");
    first
}

fn remove(package: &Package) {
    let removed = package.aiperf(&["plugins", "remove", "my-plugins"]);
    assert!(removed.contains("my-plugins"), "{removed}");
    assert!(!package.installed().exists(), "nothing is left in the user's folder");
    let output = package.aiperf_command(&["plugins", "endpoint", "echo"]).output().unwrap();
    assert!(!output.status.success(), "the endpoint is gone with its package");
}

#[test]
fn a_package_made_far_from_the_clone_names_what_it_needs() {
    if package::cargo_generate().is_err() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let template = package::root().join("plugin-template");
    let mut generate = Command::new("cargo-generate");
    generate
        .args(["generate", "--silent", "--name", "my-plugins", "--define", "aiperf=/nowhere", "--path"])
        .arg(template);
    let output = generate.current_dir(place.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no clone of aiperf at `/nowhere`"), "{said}");
    assert!(run(Command::new("cargo-generate").arg("--version")).contains("cargo"), "the tool itself works");
}

#[test]
fn the_program_makes_the_same_package_without_the_tool() {
    if package::cargo_generate().is_err() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    Package::generate(place.path(), "my-plugins");
    fs::rename(place.path().join("my-plugins"), place.path().join("generated")).unwrap();
    let mut new = Command::new(env!("CARGO_BIN_EXE_aiperf"));
    run(new.args(["plugins", "new", "my-plugins"]).current_dir(place.path()));
    let (generated, made) = (files(&place.path().join("generated")), files(&place.path().join("my-plugins")));
    assert_eq!(made.keys().collect::<Vec<_>>(), generated.keys().collect::<Vec<_>>());
    for (path, text) in made {
        assert_eq!(text, generated[&path], "{path}");
    }
}

/// The files of a package and what is in them, without what tools of other trades leave there.
fn files(folder: &Path) -> BTreeMap<String, String> {
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
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files);
    files
}
