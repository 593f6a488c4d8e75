//! `aiperf validate` and `aiperf analyze-trace`: files are looked at, nothing is sent.

use std::path::Path;

use serde_json::Value;

use crate::harness::Place;

const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/traces/mooncake_conversation.jsonl");

fn said(place: &Place, args: &[&str]) -> (Option<i32>, String, String) {
    let output = place.command(args).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_good_file_is_named_and_counted() {
    let place = Place::new();
    let (code, out, _) = said(&place, &["validate", TRACE]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), format!("{TRACE} (mooncake_trace): 40 rows, 40 requests, no faults\n").as_str())
    );
    let (code, out, _) = said(&place, &["validate", "mooncake-trace", TRACE, "--json"]);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, json["rows"].as_u64(), json["kind"].as_str()), (Some(0), Some(40), Some("mooncake_trace")));
}

#[test]
fn faults_are_listed_and_end_with_1_and_what_cannot_be_read_ends_with_2() {
    let place = Place::new();
    let file = place.path().join("rows.jsonl");
    std::fs::write(&file, "{\"text\":\"a\"}\n{\"text\":1}\n{\"texte\":\"b\"}\nnothing\n").expect("a file");
    let (code, out, _) = said(&place, &["validate", "rows.jsonl", "--max-faults", "2"]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("rows.jsonl (single_turn): 4 rows, 1 requests, 3 bad rows\n  1. rows.jsonl:2: `text` is 1; expected a text\n  2. rows.jsonl:3: `texte` is not a field"), "{out}");
    assert!(out.ends_with("     and 1 more (--max-faults shows them)\n"), "{out}");
    assert_eq!(said(&place, &["validate", "no.jsonl"]).0, Some(2));
    assert_eq!(said(&place, &["validate", "no_such_type", "rows.jsonl"]).0, Some(2));
}

#[test]
fn a_trace_is_told_by_its_lengths_its_rate_and_what_it_shares() {
    let place = Place::new();
    let (code, out, _) = said(&place, &["analyze-trace", TRACE]);
    assert_eq!(code, Some(0));
    for name in ["Input length", "Context length", "Unique prompt length", "Output length", "Theoretical hit rate"] {
        assert!(out.lines().any(|line| line.starts_with(name)), "{name}: {out}");
    }
    let (_, out, _) = said(&place, &["analyze-trace", TRACE, "--json", "--output-file", "analysis.json"]);
    assert_eq!(std::fs::read_to_string(place.path().join("analysis.json")).expect("the file"), out);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let rows: Vec<Value> = std::fs::read_to_string(Path::new(TRACE))
        .expect("the trace")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let blocks: usize = rows.iter().map(|row| row["hash_ids"].as_array().expect("ids").len()).sum();
    let mean = rows.iter().map(|row| row["input_length"].as_f64().expect("a length")).sum::<f64>() / 40.0;
    assert_eq!(json["sharing"]["blocks"].as_u64(), Some(blocks as u64));
    assert!((json["input_length"]["mean"].as_f64().expect("a mean") - mean).abs() < 1e-6);
    let (code, _, err) = said(&place, &["analyze-trace", TRACE, "--block-size", "500"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("mooncake_conversation.jsonl:1: `hash_ids` has 14 ids"), "{err}");
}
