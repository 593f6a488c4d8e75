//! `test` and `bench` over libraries as an author has them.

use serde_json::json;

use crate::place::{Place, library};

#[test]
fn a_library_that_does_all_right_passes_however_it_is_named() {
    let place = Place::new();
    place.built_echo("data/aiperf/plugins/echo");
    let file = format!("data/aiperf/plugins/echo/{}", library("aiperf_echo"));
    for named in ["aiperf-plugin-echo", "data/aiperf/plugins/echo", &file] {
        let ran = place.plugins(&format!("test {named}"));
        assert!(ran.quiet().ends_with("0 skipped, 0 failed\n"), "{named}: {}", ran.stdout);
    }
    let json = place.plugins("test aiperf-plugin-echo --json").json();
    assert_eq!((&json["passed"], &json["classes"][1]["class"]), (&json!(true), &json!("endpoint:EchoEndpoint")));
    let findings = json["classes"][1]["findings"].as_array().expect("a list");
    let checks: Vec<_> = findings.iter().filter_map(|finding| finding["check"].as_str()).collect();
    let expected = [
        "loads",
        "constructor",
        "made again",
        "requests",
        "recorded replies",
        "damaged replies",
        "many threads",
        "drop order",
        "ends",
    ];
    assert_eq!(checks, expected);
    assert!(
        place
            .plugins("test aiperf-plugin-echo")
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 80 || line.contains("[place]"))
    );
}

#[test]
fn a_class_gets_its_settings_and_a_crash_is_a_finding() {
    let place = Place::new();
    place.built_echo("echo");
    assert_eq!(place.plugins(r#"test echo --config {"echo_prefix":">"}"#).code, Some(0));
    let refused = place.plugins(r#"test echo --config {"prefix":">"}"#);
    assert!(refused.quiet().contains("it wants settings, see --config"), "{}", refused.stdout);
    assert_eq!(place.plugins("test echo --config 7").code, Some(2));
    crate::health::deadly(&place.path("echo").join(library("aiperf_echo")), "std::process::abort()");
    let ran = place.plugins("test echo");
    assert_eq!(ran.code, Some(1));
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("✗ loads it crashed with SIGABRT"), "{}", ran.stdout);
    assert_eq!(place.plugins("test nowhere").code, Some(2));
}

#[test]
fn the_cost_of_calls_is_told_beside_that_of_what_is_built_in() {
    let place = Place::new();
    place.built_echo("data/aiperf/plugins/echo");
    let json = place.plugins("bench aiperf-plugin-echo --json").json();
    let calls = json["classes"][0]["calls"].as_array().expect("a list");
    assert_eq!(calls.len(), 5);
    for call in calls {
        assert!(call["library_ns"].as_f64() > Some(0.0) && call["builtin_ns"].as_f64() > Some(0.0), "{call}");
    }
    place.manifest("data/aiperf/plugins/none", "schema_version: '1.0'\nplugin: {name: none, version: 1.0.0, library: lib.so}\ndata_exporter: {x: {class: 'none:X'}}\n");
    assert_eq!(place.plugins("bench none").code, Some(3), "its library is none");
}
