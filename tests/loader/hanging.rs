//! Classes that never come back, in real runs: each is named, and the run ends with all the results there can be.

use serde_json::json;

use crate::harness::{Place, Ran, read_until};
use crate::packages::{package, profile};
use crate::{dataset, results, schedule};

/// As long as a call may take here. No test depends on how long that is.
const SOON: [&str; 2] = ["--plugin-timeout", "0.2"];

const MANY: &str = "
endpoint:
  moody:
    class: 'fixture_many:Moody'
    description: Says what it was told.
    metadata: {endpoint_path: /v1/chat/completions, supports_streaming: true, produces_tokens: true, tokenizes_input: true, metrics_title: Moody}
transport:
  ways: {class: 'fixture_many:Ways', description: The way is the path., metadata: {transport_type: ways, url_schemes: [ways]}}
data_exporter:
  counter: {class: 'fixture_many:Counter', description: Counts.}
";

/// A run of a package with options of its entries, to its end.
fn run((library, entries): (&str, &str), options: &[&str], args: &[&str]) -> Ran {
    let place = Place::new();
    package(&place, library, entries);
    let options = options.iter().flat_map(|option| ["--plugin-option", option]);
    profile(&place, &[&SOON[..], &options.collect::<Vec<_>>(), args].concat())
}

#[track_caller]
fn says(ran: &Ran, words: &str) {
    assert!(ran.stderr.contains(words), "no {words:?} in {}", ran.stderr);
}

#[test]
fn whoever_looks_at_results_and_does_not_come_back_is_left_behind_and_nothing_else_is_missing() {
    let entries = ["letters", "longest", "postcard", "note", "sketch", "thermometer"];
    let options: Vec<String> = entries.iter().map(|entry| format!("{entry}.mood=stuck")).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ran = run(("fixture_results", results::ENTRIES), &options, &["--plot", "sketch", "--request-count", "6"])
        .expect_code(1);
    assert_eq!((ran.avg("request_count"), ran.records().len()), (6.0, 6));
    assert_eq!(ran.summary()["is_complete"], json!(true));
    assert!(ran.stdout.contains("Request Latency") && !ran.file("profile_export_aiperf.csv").is_empty());
    let everything = format!("{}{}", ran.stderr, ran.file("profile_export_aiperf.json"));
    for (category, entry, method) in [
        ("record_processor", "letters", "process"),
        ("results_processor", "longest", "ingest"),
        ("console_exporter", "postcard", "render"),
        ("result_handler", "note", "handle"),
        ("plot", "sketch", "draw"),
        ("gpu_telemetry_collector", "thermometer", "collect"),
    ] {
        let whose = format!("plugin fixture_results 0.3.0, {category} `{entry}`, {method}");
        assert!(everything.contains(&format!("{whose}: has not answered for 0.2 s")), "no {whose} in {everything}");
        // It was told before.
        says(&ran, &format!("{whose} has not answered for 0.033 s. It is waited for until 0.2 s"));
    }
}

#[test]
fn an_exporter_that_does_not_come_back_keeps_no_other_from_writing() {
    for method in ["records", "export"] {
        let option = format!("counter.hangs={method}");
        let ran = run(("fixture_many", MANY), &[&option], &["--request-count", "6"]).expect_code(1);
        says(&ran, &format!("data_exporter `counter`, {method}: has not answered for 0.2 s"));
        assert_eq!((ran.avg("request_count"), ran.records().len()), (6.0, 6));
    }
}

#[test]
fn a_schedule_that_does_not_come_back_ends_the_run_with_what_there_is() {
    let rated = ["--request-rate", "1000", "--arrival-pattern", "bursty", "--request-count", "9"];
    let one_by_one = ["--timing-strategy", "patient", "--request-count", "9"];
    let urls =
        ["--url-strategy", "last", "--url", "sim://?ttft=0&itl=0", "--url", "sim://?ttft=0", "-m", "m", "--isl", "8"];
    let ramped = ["--ramp", "jump", "--concurrency", "4", "--concurrency-ramp-duration", "5"];
    for (entry, method, args, sent) in [
        ("timing_strategy `patient`", "on_event", &one_by_one[..], 3.0),
        ("arrival_pattern `bursty`", "next_interval", &rated, 0.0),
        ("url_selection_strategy `last`", "next_url_index", &urls, 0.0),
        ("ramp `jump`", "value_at", &ramped, 0.0),
    ] {
        let name = entry.split('`').nth(1).unwrap();
        let ran = run(("fixture_schedule", schedule::ENTRIES), &[&format!("{name}.mood=hangs")], args).expect_code(1);
        let said = format!("plugin fixture_schedule 0.3.0, {entry}, {method}: has not answered for 0.2 s");
        says(&ran, &format!("the run was ended: a plugin did not come back, and what was in flight is lost: {said}"));
        let summary = ran.summary();
        assert_eq!(summary["is_complete"], json!(false));
        assert!(summary["incomplete_reason"].as_str().unwrap().contains(&said), "{summary:#}");
        let count = summary["request_count"]["avg"].as_f64().unwrap_or_default();
        assert_eq!(count, sent, "{entry}: {summary:#}");
    }
}

#[test]
fn a_store_or_sampler_that_does_not_come_back_ends_the_run_with_what_there_is() {
    let composed = ["--dataset-composer", "staircase", "--num-dataset-entries", "5", "--request-count", "9"];
    let kept = [&composed[..], &["--dataset-backing-store", "shelf"]].concat();
    let drawn = [&composed[..], &["--dataset-sampling-strategy", "backwards"]].concat();
    // A sampler is asked for many at once.
    for (entry, method, called, args) in [
        ("dataset_backing_store `shelf`", "get", "get", &kept),
        ("dataset_sampler `backwards`", "next_index", "fill", &drawn),
    ] {
        let name = entry.split('`').nth(1).unwrap();
        let options = [format!("{name}.mood=hangs"), format!("{name}.at={method}")];
        let ran = run(("fixture_dataset", dataset::ENTRIES), &[&options[0], &options[1]], args);
        says(&ran, &format!("plugin fixture_dataset 0.3.0, {entry}, {called}: has not answered for 0.2 s"));
        assert!([Some(1), Some(3)].contains(&ran.code), "{:?} {}", ran.code, ran.stderr);
    }
}

#[test]
fn an_endpoint_that_does_not_come_back_ends_the_run_with_what_there_is() {
    let server = crate::answers::Server::always(crate::answers::Answer::chat(2));
    let url = server.url();
    let args = ["--endpoint-type", "moody", "--url", &url, "-m", "m", "--isl", "8", "--request-count", "4"];
    for method in ["parse_response", "headers"] {
        let ran = run(("fixture_many", MANY), &[&format!("moody.hangs={method}")], &args).expect_code(1);
        says(&ran, &format!("plugin fixture_many 0.3.0, endpoint `moody`, {method}: has not answered for 0.2 s"));
        assert_eq!(ran.summary()["is_complete"], json!(false));
    }
    // It is asked for the inputs before anything is sent.
    let ran = run(("fixture_many", MANY), &["moody.hangs=format_payload"], &args).expect_code(3);
    says(&ran, "endpoint `moody`, format_payload: has not answered for 0.2 s");
}

#[test]
fn a_transport_that_takes_its_only_thread_costs_its_requests_and_no_more() {
    let way = |way: &str| format!("ways://host/{way}");
    let args = |url: &str| {
        let load = ["--request-count", "3", "--concurrency", "2", "--request-timeout-seconds", "0.2", "--isl", "8"];
        let to = ["--url", url, "--custom-endpoint", url.rsplit('/').next().unwrap(), "-m", "m"];
        [&load[..], &to].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (name, said) in [("block", "timeout"), ("hang", "timeout")] {
        let args = args(&way(name));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = run(("fixture_many", MANY), &[], &args).expect_code(1);
        let records = ran.records();
        assert_eq!(records.len(), 3, "{}", ran.stderr);
        assert!(records.iter().all(|record| record["error"].to_string().to_lowercase().contains(said)), "{records:#?}");
    }
}

#[test]
fn what_does_not_come_back_before_the_run_stops_the_start_and_is_named() {
    let composed = ["--dataset-composer", "staircase"];
    let kept = ["--dataset-composer", "staircase", "--dataset-backing-store", "shelf"];
    let some_file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let read = ["--input-file", some_file, "--custom-dataset-type", "words"];
    for (entry, method, called, args) in [
        ("custom_dataset_loader `words`", "load", "load", &read[..]),
        ("custom_dataset_loader `words`", "new", "constructor", &read),
        ("dataset_composer `staircase`", "compose", "compose", &composed),
        ("dataset_backing_store `shelf`", "add", "add", &kept),
    ] {
        let name = entry.split('`').nth(1).unwrap();
        let options = [format!("{name}.mood=hangs"), format!("{name}.at={method}")];
        let ran = run(("fixture_dataset", dataset::ENTRIES), &[&options[0], &options[1]], args).expect_code(3);
        says(&ran, &format!("plugin fixture_dataset 0.3.0, {entry}, {called}: has not answered for 0.2 s"));
        says(&ran, "hint: nothing was sent");
    }
    let ran = run(("fixture_results", results::ENTRIES), &["bystander.mood=stuck"], &["--service", "bystander"]);
    says(&ran, "plugin fixture_results 0.3.0, service `bystander`, start: has not answered for 0.2 s");
    assert_ne!(ran.code, Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_twice_quits_whatever_hangs() {
    let signal = |id: u32| {
        let sent = std::process::Command::new("kill").args(["-INT", &id.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    let started = [
        ("fixture_schedule", schedule::ENTRIES, "patient.mood=hangs", &["--timing-strategy", "patient"][..], 3),
        ("fixture_results", results::ENTRIES, "letters.mood=stuck", &[], 0),
    ]
    .map(|(library, entries, option, args, recorded)| {
        let place = Place::new();
        let packages = package(&place, library, entries);
        let first = ["--plugin-path", packages.to_str().unwrap(), "--plugin-option", option];
        // The rest of this time is left for what follows the first word of the watchdog.
        let load = ["--url", "sim://?ttft=0&itl=0", "--isl", "8", "--request-count", "10000", "--plugin-timeout", "30"];
        let child = place.start(&[&first[..], &load, args].concat());
        (place, child, recorded)
    });
    for (place, mut child, recorded) in started {
        read_until(child.stderr.as_mut().unwrap(), "has not answered for 5 s");
        signal(child.id());
        read_until(child.stderr.as_mut().unwrap(), "Ctrl-C again");
        signal(child.id());
        let ran = place.wait(child).expect_code(130);
        assert_eq!(ran.records().len(), recorded);
    }
}
