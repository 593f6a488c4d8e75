//! `test` and `bench` over libraries as an author has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fixtures::built;
use crate::place::{Place, library};

/// A fixture of the loader's, as a package.
fn fixture(place: &Place, name: &str) {
    let folder = format!("data/aiperf/plugins/{name}");
    std::fs::create_dir_all(place.path(&folder)).expect("a folder");
    let file = place.path(&folder).join(library(name));
    std::fs::copy(built("dev", &["fixture_right", "fixture_wrong"]).library(name), file).expect("the library");
}

/// What was found in each class, by check.
fn findings(json: &Value, outcome: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = BTreeMap::new();
    for class in json["classes"].as_array().expect("a list") {
        let found = class["findings"].as_array().expect("a list").iter().filter(|one| one["outcome"] == outcome);
        let found: Vec<_> = found.map(|one| (text(&one["check"]), text(&one["detail"]))).collect();
        all.insert(text(&class["class"]), found);
    }
    all
}

#[test]
fn a_class_of_every_category_that_does_all_right_passes() {
    let place = Place::new();
    fixture(&place, "fixture_right");
    std::fs::write(place.path("words.txt"), "WORDS\none\ntwo words\n\nthree\n").expect("written");
    let library = format!("data/aiperf/plugins/fixture_right/{}", library("fixture_right"));
    let ran = place.plugins(&format!("test {library} --sample words.txt --json"));
    let json = ran.json();
    assert_eq!((ran.code, &json["passed"]), (Some(0), &json!(true)), "{}", ran.stdout);
    let mut skipped = findings(&json, "skipped");
    assert_eq!(skipped.remove("package").map(|found| found.len()), Some(1), "it has no manifest");
    assert!(skipped.values().all(Vec::is_empty), "{skipped:?}");
    assert_eq!(skipped.len(), 21, "{skipped:?}");
    for (class, checks) in findings(&json, "passed") {
        let checks: Vec<&str> = checks.iter().map(|(check, _)| check.as_str()).collect();
        let every = ["loads", "constructor", "wrong settings", "a run", "many threads", "memory", "drop order", "ends"];
        assert!(class == "package" || every.iter().all(|check| checks.contains(check)), "{class}: {checks:?}");
    }
    let ran = place.plugins(&format!("test {library} --json"));
    let untried = findings(&ran.json(), "skipped").remove("custom_dataset_loader:Words").unwrap_or_default();
    assert!(untried.iter().any(|(check, why)| check == "a run" && why.contains("--sample FILE")), "{untried:?}");
    assert_eq!(place.plugins(&format!("test {library} --sample nothing")).code, Some(2));
}

/// The class, the check that finds it, and the words of what is found.
const WRONG: &[(&str, &str, &str)] = &[
    ("endpoint:Hasty", "a run", "panicked: a choice"),
    ("endpoint:Hasty", "damaged replies", "panicked: a choice"),
    ("endpoint:Leaky", "memory", "KiB behind"),
    ("endpoint:Mixed", "many threads", "read differently while other threads read too"),
    ("endpoint:Explosive", "drop order", "a bad end; a destructor must not fail"),
    ("timing_strategy:Greedy", "a run", "sessions more than the limit of 4 lets go"),
    ("timing_strategy:Pushy", "a run", "asks for the next turn of session 1, which has none to come"),
    ("timing_strategy:Deserter", "a run", "session 0 waits for its next turn for ever"),
    ("arrival_pattern:Backwards", "a run", "next_interval: returned -1, which cannot be"),
    ("arrival_pattern:Stubborn", "a run", "after `set_rate(1000)` its intervals are 0.100000 s on average"),
    ("ramp:Overshoot", "a run", "outside its ends"),
    ("custom_dataset_loader:Offset", "other files", "`can_load` says yes to whatever it is shown"),
    ("custom_dataset_loader:Offset", "bad rows", "the line counted from 1"),
    ("public_dataset_loader:Ftp", "a run", "it wants `ftp://localhost/words`"),
    ("dataset_composer:Miser", "a run", "it makes 99 conversations; `entries` says 100"),
    ("dataset_composer:Deaf", "told to stop", "it goes on after the host said to stop"),
    ("dataset_backing_store:Renamer", "a run", "is given back changed"),
    ("dataset_sampler:Beyond", "a run", "among 1 conversations its choice number 1 is 1"),
    ("dataset_sampler:Shared", "many threads", "they share state they must not share"),
    ("url_selection_strategy:Beyond", "a run", "among 1 servers its choice number 1 is 1"),
    ("record_processor:Short", "a run", "it answers 0 rows for 1 records"),
    ("record_processor:Batched", "other batches", "how records are batched"),
    ("results_processor:Taker", "a run", "its metric `request_latency` has the name of another"),
    ("data_exporter:Boaster", "a run", "and there is no such file"),
    ("console_exporter:Wide", "a run", "a row of its table `Wide` has 2 texts, and there are 1 columns"),
    ("plot:Sketch", "a run", "a bare `&`; write `&amp;` (line 2)"),
    ("plot:Clinging", "drop order", "a thread or a value was left behind"),
    ("result_handler:Mover", "a run", "the file of records cannot be read any more"),
    ("gpu_telemetry_collector:Twins", "a run", "two of its samples are of the accelerator `0`"),
    ("communication:Nameless", "a run", "is about nothing; a message has a `topic`"),
    ("ui:Trusting", "wrong settings", "read settings with `cx.config()?`"),
    ("ui:Fainter", "odd runs", "panicked: a last moment"),
    ("service:Ghost", "a run", "after `stop` it says that it is up"),
    ("service_manager:Waiter", "a run", "services are not up, and it has not given up"),
    ("service_manager:Misspeller", "a run", "there is no service `nobody`"),
];

#[test]
fn each_misdeed_is_found_and_named() {
    let place = Place::new();
    fixture(&place, "fixture_wrong");
    std::fs::write(place.path("rows.jsonl"), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n").expect("written");
    let library = format!("data/aiperf/plugins/fixture_wrong/{}", library("fixture_wrong"));
    let ran = place.plugins(&format!("test {library} --sample rows.jsonl --json"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let mut failed = findings(&ran.json(), "failed");
    failed.remove("package");
    for (class, check, words) in WRONG {
        let found = failed.get(*class).expect("every class is tried");
        let told = found.iter().find(|(one, _)| one == check);
        assert!(told.is_some_and(|(_, detail)| detail.contains(words)), "{class}, {check}: {found:?}");
    }
    let known = |class: &str, check: &str| WRONG.iter().any(|(one, by, _)| (*one, *by) == (class, check));
    for (class, found) in &failed {
        let first = found.first().map(|(check, _)| check.as_str()).unwrap_or_default();
        assert!(known(class, first), "{class} is found by what it does, first of all: {found:?}");
    }
}

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
        "wrong settings",
        "a run",
        "requests",
        "recorded replies",
        "damaged replies",
        "many threads",
        "memory",
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
    fixture(&place, "fixture_right");
    for (what, classes, calls) in [("aiperf-plugin-echo", 1, 5), ("data/aiperf/plugins/fixture_right/LIBRARY", 7, 12)] {
        let what = what.replace("LIBRARY", &library("fixture_right"));
        let json = place.plugins(&format!("bench {what} --json")).json();
        let measured = json["classes"].as_array().expect("a list");
        let all: Vec<_> = measured.iter().flat_map(|class| class["calls"].as_array().expect("a list")).collect();
        assert_eq!((measured.len(), all.len()), (classes, calls), "{json}");
        for call in all {
            assert!(call["library_ns"].as_f64() > Some(0.0) && call["builtin_ns"].as_f64() > Some(0.0), "{call}");
        }
        assert!(measured.iter().all(|class| class["builtin"].is_string()), "{json}");
    }
    place.manifest("data/aiperf/plugins/none", "schema_version: '1.0'\nplugin: {name: none, version: 1.0.0, library: lib.so}\ndata_exporter: {x: {class: 'none:X'}}\n");
    assert_eq!(place.plugins("bench none").code, Some(3), "its library is none");
}
