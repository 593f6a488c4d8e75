//! A package in a run: its endpoint speaks, and nothing of any package is loaded before it is used.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::Place;
use crate::support::{Answer, Server};

/// The echo package: its manifest, and the library that cargo built for these tests, in a folder.
fn echo_package(folder: &Path) {
    let deps = std::env::current_exe().expect("a path").parent().expect("a folder").to_owned();
    let file = format!("{}aiperf_echo{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../plugins/echo/plugins.yaml");
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::copy(manifest, folder.join("plugins.yaml")).expect("the manifest");
    std::fs::copy(deps.join(&file), folder.join(&file)).expect("the library");
}

#[test]
fn an_endpoint_of_a_package_is_benchmarked_like_a_built_in_one() {
    let place = Place::new();
    let folder = place.path().join("packages/echo");
    echo_package(&folder);
    let server = Server::always(Answer::json(r#"{"echo":"one two three"}"#));
    let packages = place.path().join("packages");
    let ran = place
        .profile(&[
            "--plugin-path",
            packages.to_str().expect("text"),
            "--endpoint-type",
            "echo",
            "--url",
            &server.url(),
            "-m",
            "m",
            "--request-count",
            "5",
            "--isl",
            "12",
            "--plugin-option",
            "echo.echo_prefix=>> ",
        ])
        .expect_code(0);
    assert_eq!(ran.avg("request_count"), 5.0);
    assert!(
        server.seen().iter().all(|request| request.json()["text"].as_str().is_some_and(|text| text.starts_with(">> ")))
    );
    let plugins = &ran.summary()["run_info"]["plugins"];
    assert_eq!((&plugins[0]["category"], &plugins[0]["name"]), (&json!("endpoint"), &json!("echo")), "{plugins:#}");
    assert_eq!(plugins[0]["sha256"].as_str().map(str::len), Some(64), "{plugins:#}");
    assert_eq!((&plugins[0]["version"], &plugins[0]["shadows"]), (&json!("0.1.0"), &json!([])), "{plugins:#}");
}

#[test]
fn a_library_that_is_not_used_is_not_loaded() {
    let place = Place::new();
    let folder = place.path().join("packages/echo");
    echo_package(&folder);
    // Loading it would fail: only the manifest is in order.
    let library = std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path());
    for file in library.filter(|path| path.extension().is_some_and(|extension| extension != "yaml")) {
        std::fs::write(file, b"not a library").expect("written");
    }
    let packages = place.path().join("packages");
    let path = packages.to_str().expect("text");
    let with = |endpoint: &str| {
        place.profile(&[
            "--plugin-path",
            path,
            "--url",
            "sim://?ttft=0&itl=0",
            "--endpoint-type",
            endpoint,
            "--isl",
            "8",
        ])
    };
    with("chat").expect_code(0);
    let ran = with("echo");
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("not a shared library"), "{}", ran.stderr);
}
