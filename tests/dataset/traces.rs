//! Recorded traffic: lengths are exact, what was shared is shared.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Place, Ran};

fn trace(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/traces").join(name).to_str().expect("a path").to_owned()
}

fn run(name: &str, more: &[&str]) -> Ran {
    let file = trace(name);
    let mut args = vec![
        "--url",
        "sim://?ttft=0&itl=0&slots=64",
        "--random-seed",
        "7",
        "--concurrency",
        "8",
        "--input-file",
        &file,
    ];
    if !more.contains(&"--fixed-schedule") {
        args.push("--no-fixed-schedule");
    }
    args.extend(more);
    Place::new().profile(&args)
}

fn prompts(ran: &Ran) -> Vec<String> {
    let inputs = ran.inputs();
    let sessions = inputs["data"].as_array().expect("sessions");
    sessions
        .iter()
        .map(|one| one["payloads"][0]["messages"][0]["content"].as_str().expect("a prompt").to_owned())
        .collect()
}

#[test]
fn a_mooncake_trace_has_its_exact_lengths_and_shares_what_was_shared() {
    let rows: Vec<Value> = std::fs::read_to_string(trace("mooncake_conversation.jsonl"))
        .expect("the trace")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let ran =
        run("mooncake_conversation.jsonl", &["--request-count", "40", "--synthesis-max-osl", "20"]).expect_code(0);
    let sum =
        |field: &str, most: u64| rows.iter().map(|row| row[field].as_u64().expect("a length").min(most)).sum::<u64>();
    assert_eq!(ran.avg("total_isl"), sum("input_length", u64::MAX) as f64);
    assert_eq!(ran.avg("total_output_tokens"), sum("output_length", 20) as f64);

    // Where the ids of two rows begin alike, so do their prompts, and no further.
    let prompts = prompts(&ran);
    let ids = |row: usize| rows[row]["hash_ids"].as_array().expect("ids").iter();
    for other in 1..rows.len() {
        let blocks = ids(0).zip(ids(other)).take_while(|(a, b)| a == b).count();
        let shared = prompts[0].split(' ').zip(prompts[other].split(' ')).take_while(|(a, b)| a == b).count();
        // A block of 512 tokens is about 400 words.
        assert!((blocks * 250..=blocks * 512 + 2).contains(&shared), "row {other}: {blocks} blocks, {shared} words");
    }
}

#[test]
fn tables_have_their_exact_lengths_too() {
    let ran = run("azure_llm_code.csv", &["--request-count", "40"]).expect_code(0);
    let lengths = |column: usize| -> f64 {
        let text = std::fs::read_to_string(trace("azure_llm_code.csv")).expect("the trace");
        text.lines()
            .skip(1)
            .map(|row| row.split(',').nth(column).expect("a cell").parse::<f64>().expect("a number"))
            .sum()
    };
    assert_eq!((ran.avg("total_isl"), ran.avg("total_output_tokens")), (lengths(1), lengths(2)));

    let ran = run("burst_gpt.csv", &["--request-count", "3"]).expect_code(0);
    assert_eq!((ran.avg("total_isl"), ran.avg("total_output_tokens")), (1976.0, 524.0));
    assert!(
        ran.stdout.contains("1 of 4 rows"),
        "a failed request of the recording is passed over, and told: {}",
        ran.stdout
    );
}

#[test]
fn a_trace_is_cut_by_time_and_length() {
    let file =
        ["--fixed-schedule-start-offset", "3000", "--fixed-schedule-end-offset", "6000", "--synthesis-max-isl", "8000"];
    let ran = run("mooncake_conversation.jsonl", &[&file[..], &["--request-count", "5"]].concat()).expect_code(0);
    let rows = std::fs::read_to_string(trace("mooncake_conversation.jsonl")).expect("the trace");
    let kept = rows.lines().filter(|line| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let number = |field: &str| row[field].as_u64().expect("a number");
        (3000..=6000).contains(&number("timestamp")) && number("input_length") <= 8000
    });
    assert_eq!(prompts(&ran).len(), kept.count());
}

#[test]
fn a_schedule_is_that_of_the_trace_at_the_speed_asked_for() {
    let more =
        ["--fixed-schedule", "--synthesis-speedup-ratio", "50", "--request-count", "40", "--synthesis-max-osl", "1"];
    let ran = run("mooncake_conversation.jsonl", &more).expect_code(0);
    let mut intended: Vec<u64> =
        ran.records().iter().map(|record| record["metadata"]["credit_issued_ns"].as_u64().expect("a time")).collect();
    intended.sort_unstable();
    let rows = std::fs::read_to_string(trace("mooncake_conversation.jsonl")).expect("the trace");
    let times = rows.lines().map(|line| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        row["timestamp"].as_f64().expect("a time") / 50.0
    });
    let expected: Vec<f64> = times.collect();
    assert_eq!(intended.len(), expected.len());
    for (at, time) in intended.iter().zip(&expected) {
        let offset = (at - intended[0]) as f64 / 1e6;
        assert!((offset - (time - expected[0])).abs() < 0.01, "{offset} ms for {time} ms");
    }
}
