//! A benchmark in a file, with several phases.

use crate::harness::Place;

const FILE: &str = r#"
schemaVersion: "2.0"
benchmark:
  endpoint: {url: "sim://?ttft=1ms&itl=0", streaming: true}
  dataset: {prompts: {isl: 10, osl: 4}}
  phases:
    - {name: warm, type: concurrency, concurrency: 2, requests: 3, excludeFromResults: true}
    - {name: low, type: concurrency, concurrency: 1, requests: 5}
    - {name: high, type: constant, rate: 200, requests: 8}
"#;

#[test]
fn each_phase_of_a_file_has_its_own_results_one_after_the_other() {
    let place = Place::new();
    std::fs::write(place.path().join("bench.yaml"), FILE).expect("a file");
    let ran = place.profile(&["-f", "bench.yaml", "--random-seed", "3"]).expect_code(0);
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(&ran.file(name)).expect("JSON");
    let low = json("phases/low/profile_export_aiperf.json");
    let high = json("phases/high/profile_export_aiperf.json");
    let count = |summary: &serde_json::Value| summary["request_count"]["avg"].as_f64();
    assert_eq!((count(&low), count(&high)), (Some(5.0), Some(8.0)));
    assert_eq!(low["warmup_metrics"]["request_count"]["avg"].as_f64(), Some(3.0));
    assert_eq!(ran.file("phases/low/profile_export.jsonl").lines().count(), 8, "with those of its warm-up");
    assert_eq!(ran.file("phases/high/profile_export.jsonl").lines().count(), 8);
    assert!(low["window"]["end_ns"].as_u64() <= high["window"]["start_ns"].as_u64(), "the first has drained");
    let phases = json("phase_manifest.json");
    let phases = phases["phases"].as_array().expect("a list");
    let told: Vec<_> = phases
        .iter()
        .map(|one| (one["phase_kind"].as_str(), one["profiling_index"].as_u64(), one["total_request_count"].as_u64()))
        .collect();
    let measured = |index, count| (Some("profiling"), Some(index), Some(count));
    assert_eq!(told, [(Some("warmup"), None, Some(3)), measured(0, 5), measured(1, 8)]);
    assert_eq!(phases[2]["metrics_json"], "phases/high/profile_export_aiperf.json");
    let titles = ["phase low", "phase high"].map(|title| ran.stdout.find(title).expect(title));
    assert!(titles.is_sorted(), "the tables come in turn");
}

#[test]
fn an_option_wins_over_the_file_and_a_wrong_key_is_told_with_its_place() {
    let place = Place::new();
    std::fs::write(place.path().join("bench.yaml"), FILE).expect("a file");
    let ran = place.profile(&["--config", "bench.yaml", "--request-count", "2"]).expect_code(0);
    let phases: serde_json::Value = serde_json::from_str(&ran.file("phase_manifest.json")).expect("JSON");
    let counts = [0, 1, 2].map(|index| phases["phases"][index]["total_request_count"].as_u64());
    assert_eq!(counts, [Some(3), Some(2), Some(2)]);
    std::fs::write(place.path().join("bench.yaml"), FILE.replace("concurrency: 1", "concurency: 1")).expect("a file");
    let ran = place.profile(&["--config", "bench.yaml"]).expect_code(2);
    assert!(
        ran.stderr
            .contains("bench.yaml:8:38: benchmark.phases[1]: unknown key `concurency` (did you mean `concurrency`?)"),
        "{}",
        ran.stderr
    );
}
