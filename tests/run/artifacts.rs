//! What a run leaves behind, and that it says the same everywhere.

use serde_json::json;

use crate::harness::Place;
use crate::support::{Answer, Server, sse};

const SIM: &[&str] = &["--url", "sim://?ttft=5ms&itl=1ms", "--streaming", "--osl", "8", "--isl", "20"];

fn sim<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [SIM, more].concat()
}

#[test]
fn a_run_prints_its_table_and_leaves_five_files() {
    let place = Place::new();
    let ran = place.profile(&sim(&["--request-count", "12", "--concurrency", "3"])).expect_code(0);
    for row in ["Time to First Token (ms)", "Inter Token Latency (ms)", "Request Throughput (requests/sec)"] {
        assert!(ran.stdout.contains(row), "no {row} in:\n{}", ran.stdout);
    }
    assert_eq!(ran.file("profile_export_console.txt"), ran.stdout, "the file keeps what the screen showed");
    let records = ran.records();
    assert_eq!(records.len(), 12);
    assert_eq!(ran.avg("request_count"), 12.0);
    assert_eq!(ran.avg("output_sequence_length"), 8.0);
    assert_eq!(ran.avg("input_sequence_length"), 20.0);
    assert!(ran.avg("time_to_first_token") >= 5.0, "the engine is never early");
    assert!(ran.avg("request_latency") >= 12.0, "nor is the last of eight tokens");
    assert!(ran.file("profile_export_aiperf.csv").contains("Time to First Token (ms),"));
    assert_eq!(ran.inputs()["data"].as_array().map(Vec::len), Some(12), "every conversation, as it was sent");
    let summary = ran.summary();
    assert_eq!((&summary["is_complete"], &summary["was_cancelled"]), (&json!(true), &json!(false)));
}

#[test]
fn the_mean_in_the_summary_is_the_mean_of_the_records() {
    let ran = Place::new().profile(&sim(&["--request-count", "20", "--concurrency", "4"])).expect_code(0);
    for tag in ["time_to_first_token", "inter_token_latency", "request_latency"] {
        let values: Vec<f64> =
            ran.records().iter().map(|record| record["metrics"][tag]["value"].as_f64().expect("a number")).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let told = ran.avg(tag);
        assert!((mean - told).abs() < 1e-6, "{tag}: {mean} from the records, {told} in the summary");
    }
}

#[test]
fn the_same_seed_sends_the_same_inputs_and_another_seed_others() {
    let inputs = |seed: &str| {
        let ran = Place::new().profile(&sim(&["--request-count", "5", "--random-seed", seed])).expect_code(0);
        assert_eq!(ran.summary()["run_info"]["random_seed"], json!(seed.parse::<u64>().expect("a number")));
        ran.file("inputs.json")
    };
    let first = inputs("7");
    assert_eq!(first, inputs("7"));
    assert_ne!(first, inputs("8"));
}

#[test]
fn a_second_run_leaves_the_first_alone() {
    let place = Place::new();
    let first = place.profile(&sim(&["--request-count", "2"])).expect_code(0);
    let before = first.file("profile_export_aiperf.json");
    let second = place.profile(&sim(&["--request-count", "3"])).expect_code(0);
    assert_ne!(first.artifacts, second.artifacts);
    assert_eq!(first.file("profile_export_aiperf.json"), before);
    assert!(second.stdout.contains("holds an earlier run"), "{}", second.stdout);
}

#[test]
fn what_is_sent_is_what_the_inputs_file_says_and_secrets_stay_out_of_every_file() {
    let server = Server::always(Answer::chunked(sse([r#"{"choices":[{"delta":{"content":"hi"}}]}"#])));
    let place = Place::new();
    let ran = place
        .profile(&[
            "--url",
            &server.url(),
            "--model",
            "m",
            "--streaming",
            "--request-count",
            "3",
            "--isl",
            "30",
            "--osl",
            "4",
            "--extra-inputs",
            "temperature:0.5",
            "--api-key",
            "hunter2",
            "--header",
            "X-Secret-Token: hunter3",
            "--header",
            "X-Colour: blue",
        ])
        .expect_code(0);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for request in &seen {
        assert_eq!(request.path, "/v1/chat/completions");
        assert_eq!(request.header("authorization"), Some("Bearer hunter2"));
        assert_eq!(request.header("x-colour"), Some("blue"));
        let body = request.json();
        assert_eq!((&body["model"], &body["stream"], &body["temperature"]), (&json!("m"), &json!(true), &json!(0.5)));
        assert_eq!(body["max_completion_tokens"], json!(4));
    }
    let sent: Vec<_> = seen.iter().map(|request| request.json()).collect();
    for session in ran.inputs()["data"].as_array().expect("a list") {
        assert!(sent.contains(&session["payloads"][0]), "{session:#} was never sent");
    }
    for file in std::fs::read_dir(ran.artifacts.as_ref().expect("a folder")).expect("a folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains("hunter"), "{} holds a secret", path.display());
    }
    assert!(!ran.stdout.contains("hunter") && !ran.stderr.contains("hunter"));
}

#[test]
fn the_raw_file_holds_what_was_sent_and_what_came_with_times_and_no_secret() {
    let server = Server::always(Answer::chunked(sse([r#"{"choices":[{"delta":{"content":"hi"}}]}"#])));
    let ran = Place::new()
        .profile(&[
            "--url",
            &server.url(),
            "--model",
            "m",
            "--streaming",
            "--request-count",
            "3",
            "--isl",
            "10",
            "--export-level",
            "raw",
            "--api-key",
            "hunter2",
        ])
        .expect_code(0);
    let raw = ran.file("profile_export_raw.jsonl");
    assert!(!raw.contains("hunter2"));
    let lines: Vec<serde_json::Value> = raw.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(ran.records().len(), 3, "raw keeps the records, too");
    let sent: Vec<_> = server.seen().iter().map(|request| request.json()).collect();
    for line in &lines {
        assert!(sent.contains(&line["payload"]), "{line:#}");
        assert_eq!(line["request_headers"]["Authorization"], json!("<redacted>"));
        assert_eq!((&line["status"], &line["metadata"]["benchmark_phase"]), (&json!(200), &json!("profiling")));
        let packets = &line["responses"][0]["packets"];
        assert!(packets[0]["value"].as_str().is_some_and(|data| data.contains("hi")), "{line:#}");
        assert!(line["responses"][0]["perf_ns"].as_u64() >= line["start_perf_ns"].as_u64());
        assert!(line["response_headers"].as_object().is_some_and(|headers| !headers.is_empty()), "{line:#}");
    }
}

#[test]
fn a_summary_run_keeps_nothing_of_a_single_request() {
    let ran = Place::new().profile(&sim(&["--request-count", "5", "--export-level", "summary"])).expect_code(0);
    assert_eq!(ran.avg("request_count"), 5.0);
    let folder = ran.artifacts.as_ref().expect("a folder");
    assert!(!folder.join("profile_export.jsonl").exists() && !folder.join("profile_export_raw.jsonl").exists());
}

#[test]
fn a_goodput_that_cannot_be_is_refused_before_anything_is_sent() {
    let refused = |goodput: &str| Place::new().profile(&["--url", "sim://", "--goodput", goodput]);
    let unknown = refused("time_to_frist_token:100");
    assert!(
        unknown.code != Some(0) && unknown.stderr.contains("did you mean `time_to_first_token`"),
        "{}",
        unknown.stderr
    );
    let streamless = refused("time_to_first_token:100");
    assert!(streamless.code != Some(0) && streamless.stderr.contains("--goodput"), "{}", streamless.stderr);
}

#[test]
fn goodput_counts_the_requests_that_meet_every_bound_and_each_record_says_so() {
    let ran = Place::new()
        .profile(&sim(&["--request-count", "6", "--goodput", "time_to_first_token:5000 inter_token_latency:0"]))
        .expect_code(0);
    assert_eq!((ran.avg("good_request_count"), ran.avg("goodput")), (0.0, 0.0));
    assert!(ran.records().iter().all(|record| record["good"] == json!(false)));
    let ran =
        Place::new().profile(&sim(&["--request-count", "6", "--goodput", "time_to_first_token:5000"])).expect_code(0);
    assert_eq!(ran.avg("good_request_fraction"), 1.0);
    assert!(ran.stdout.contains("Goodput (requests/sec)"), "{}", ran.stdout);
}

#[test]
fn slices_of_time_are_written_and_a_script_finds_every_number_again() {
    let ran = Place::new()
        .profile(&sim(&["--request-count", "300", "--concurrency", "8", "--slice-duration", "0.05"]))
        .expect_code(0);
    let slices: serde_json::Value =
        serde_json::from_str(&ran.file("profile_export_aiperf_timeslices.json")).expect("JSON");
    assert!(slices["timeslices"].as_array().is_some_and(|slices| slices.len() >= 2), "{slices:#}");
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/recompute");
    let folder = ran.artifacts.as_ref().expect("a folder");
    let output =
        std::process::Command::new("python3").arg(script).arg(folder).arg("--quiet").output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_warm_up_has_its_own_numbers_beside_the_results() {
    let ran = Place::new()
        .profile(&sim(&["--request-count", "6", "--warmup-request-count", "4", "--concurrency", "2"]))
        .expect_code(0);
    assert_eq!(ran.avg("request_count"), 6.0);
    let summary = ran.summary();
    assert_eq!(summary["warmup_metrics"]["request_count"]["avg"], json!(4.0), "{summary:#}");
}
