//! What measures, shows, sends and draws results, from a real library, in real runs: beside what is built in, and where it
//! goes wrong.

use aiperf_abi::{Value, json};

use crate::harness::{Place, Ran};
use crate::packages::{package, profile};

pub(crate) const LIBRARY: &str = "fixture_results";

pub(crate) const ENTRIES: &str = "
record_processor:
  letters: {class: 'fixture_results:Letters', description: Letters.}
results_processor:
  longest: {class: 'fixture_results:Longest', description: The longest.}
console_exporter:
  postcard: {class: 'fixture_results:Postcard', description: A postcard.}
result_handler:
  note: {class: 'fixture_results:Note', description: A note.}
plot:
  sketch: {class: 'fixture_results:Sketch', description: A sketch.}
gpu_telemetry_collector:
  thermometer: {class: 'fixture_results:Thermometer', description: A thermometer.}
ui:
  ticker: {class: 'fixture_results:Ticker', description: A ticker.}
service:
  bystander: {class: 'fixture_results:Bystander', description: A bystander.}
service_manager:
  butler: {class: 'fixture_results:Butler', description: A butler.}
communication:
  courier: {class: 'fixture_results:Courier', description: A courier.}
";

fn run(place: &Place, args: &[&str]) -> Ran {
    package(place, LIBRARY, ENTRIES);
    profile(place, &[&["--request-count", "6"], args].concat())
}

#[test]
fn a_metric_of_a_plugin_is_on_the_console_in_the_summaries_and_in_the_records_like_a_built_in_one() {
    let place = Place::new();
    let ran = run(&place, &["--warmup-request-count", "2"]).expect_code(0);
    let letters = &ran.summary()["id_letters"];
    assert_eq!((&letters["avg"], &letters["count"], &letters["unit"]), (&json!(36.0), &json!(6), &json!("letters")));
    assert!(ran.stdout.contains("Letters of the ID (letters)"), "{}", ran.stdout);
    assert!(ran.file("profile_export_aiperf.csv").contains("Letters of the ID (letters),36"));
    let records = ran.records();
    assert_eq!(records.len(), 8, "the warm-up has them, too");
    for record in records {
        assert_eq!(record["metrics"]["id_letters"], json!({"value": 36.0, "unit": "letters"}));
        assert_eq!(record["metrics"].get("odd_turn"), None);
        assert!(record["metrics"].get("request_latency").is_some());
    }
    assert_eq!(ran.summary().get("odd_turn"), None, "no record has it");
}

#[test]
fn what_is_added_shown_drawn_and_read_by_plugins_is_in_the_results() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let (own, told) = (format!("longest.diary={}", diary.display()), format!("note.diary={}", diary.display()));
    let args = ["--plugin-option", &own, "--plugin-option", &told, "--plot", "sketch", "--plot", "percentiles"];
    let ran = run(&place, &args).expect_code(0);
    let summary = ran.summary();
    assert_eq!(summary["longest_request"]["avg"], summary["request_latency"]["max"]);
    assert_eq!(summary["sections"]["longest"], json!({"seen": true}));
    let measured = &summary["sections"]["gpu_telemetry"]["0"]["measures"]["temperature_celsius"];
    assert!(measured["avg"] == 40.0 && measured["count"].as_u64() >= Some(1), "{summary:#}");
    let sample: Value =
        serde_json::from_str(ran.file("profile_export_gpu_telemetry.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!((&sample["gpu"], &sample["values"]["temperature_celsius"]), (&json!("0"), &json!(40.0)));
    assert!(ran.file("profile_export_aiperf____sketch.svg").starts_with("<svg"));
    assert!(ran.file("profile_export_aiperf_percentiles.svg").contains("<polyline"));
    let place_of = |words: &str| ran.stdout.find(words).unwrap_or_else(|| panic!("no {words} in {}", ran.stdout));
    assert!(place_of("Postcard") < place_of("Request Latency") && place_of("140 columns wide") > place_of("Postcard"));
    assert!(ran.stdout.contains("The longest request was looked for.") && ran.stdout.contains("Longest Request (ms)"));
    let diary = std::fs::read_to_string(diary).unwrap();
    let records: u64 = diary.lines().filter_map(|line| line.strip_suffix(" records")?.parse::<u64>().ok()).sum();
    assert!(records == 6 && diary.ends_with("6 requests\n"), "{diary}");
    let plugins = summary["run_info"]["plugins"].as_array().unwrap().len();
    assert_eq!(plugins, 6, "every package that took part is named");
}

#[test]
fn whoever_panics_fails_or_answers_nonsense_is_named_and_the_run_keeps_its_results() {
    let place = Place::new();
    let moods = ["letters", "longest", "postcard", "note", "sketch", "thermometer"];
    for (mood, said) in [("panics", "panicked: a bad day"), ("fails", "no luck")] {
        let options: Vec<String> = moods.iter().map(|entry| format!("{entry}.mood={mood}")).collect();
        let mut args: Vec<&str> = options.iter().flat_map(|option| ["--plugin-option", option]).collect();
        args.extend(["--plot", "sketch"]);
        let ran = run(&place, &args).expect_code(1);
        assert_eq!(ran.avg("request_count"), 6.0);
        assert_eq!(ran.records().len(), 6);
        assert!(ran.stdout.contains("Request Latency"), "{}", ran.stdout);
        for (category, entry, method) in [
            ("record_processor", "letters", "process"),
            ("results_processor", "longest", "ingest"),
            ("console_exporter", "postcard", "render"),
            ("result_handler", "note", "handle"),
            ("plot", "sketch", "draw"),
            ("gpu_telemetry_collector", "thermometer", "collect"),
        ] {
            let whose = format!("plugin fixture_results 0.3.0, {category} `{entry}`, {method}: {said}");
            let everything = format!("{}{}", ran.stderr, ran.file("profile_export_aiperf.json"));
            assert!(everything.contains(&whose), "{mood}: no {whose} in {everything}");
        }
    }
}

#[test]
fn a_processor_that_miscounts_is_left_out_with_its_numbers() {
    let place = Place::new();
    let ran = run(&place, &["--plugin-option", "letters.mood=lies"]).expect_code(1);
    assert!(ran.stderr.contains("record_processor `letters`: it answered 0 values for"), "{}", ran.stderr);
    assert_eq!(ran.summary().get("id_letters"), None);
    assert!(ran.records().iter().all(|record| record["metrics"].get("id_letters").is_none()));
}

#[test]
fn a_handler_is_asked_whether_it_wants_the_results_and_told_of_its_failure() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let told = format!("note.diary={}", diary.display());
    run(&place, &["--plugin-option", &told, "-m", "nobody"]).expect_code(0);
    assert!(!diary.exists());
    run(&place, &["--plugin-option", &told, "--plugin-option", "note.mood=fails"]).expect_code(1);
    let diary = std::fs::read_to_string(diary).unwrap();
    assert!(diary.starts_with("6 requests\nfailed: plugin fixture_results"), "{diary}");
}

#[test]
fn with_summaries_only_processors_still_measure_and_no_records_are_kept() {
    let place = Place::new();
    let ran = run(&place, &["--export-level", "summary"]).expect_code(0);
    assert_eq!(ran.avg("id_letters"), 36.0);
    assert!(!ran.artifacts.as_ref().unwrap().join("profile_export.jsonl").exists());
}

#[test]
fn a_display_of_a_plugin_shows_a_run_and_one_that_fails_or_hangs_cannot_hold_it_up() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let told = format!("ticker.diary={}", diary.display());
    run(&place, &["--ui", "ticker", "--plugin-option", &told]).expect_code(0);
    assert_eq!(std::fs::read_to_string(diary).unwrap(), "6 of 6: profiling\n");
    for (mood, said) in [
        (
            "panics",
            "ui `ticker` failed, the run went on without a display: plugin fixture_results 0.3.0, ui `ticker`, show",
        ),
        ("hangs", "the display did not come to its end and was left behind"),
    ] {
        let mood = format!("ticker.mood={mood}");
        let ran = run(&place, &["--ui", "ticker", "--plugin-option", &mood]).expect_code(1);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert_eq!(ran.avg("request_count"), 6.0);
    }
}

#[test]
fn a_service_of_a_plugin_is_up_before_the_run_and_down_after_it() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let (own, seen) = (format!("bystander.diary={}", diary.display()), format!("note.diary={}", diary.display()));
    let with = ["--service", "bystander", "--plugin-option", &own, "--plugin-option", &seen];
    run(&place, &with).expect_code(0);
    assert_eq!(std::fs::read_to_string(&diary).unwrap(), "up\n6 requests\ndown\n");
    run(&place, &[&with[..], &["--service-manager", "butler"]].concat()).expect_code(0);
    assert_eq!(std::fs::read_to_string(&diary).unwrap(), "up\n6 requests\ndown\n".repeat(2));
    for (options, said) in [
        (
            ["bystander.mood=fails", "in_process"],
            "service_manager `in_process`: service `bystander` failed: plugin fixture_results",
        ),
        (["butler.mood=panics", "butler"], "service_manager `butler`, next: panicked: a bad day"),
    ] {
        let ran =
            run(&place, &["--service", "bystander", "--plugin-option", options[0], "--service-manager", options[1]]);
        assert!(ran.code != Some(0) && ran.stderr.contains(said), "{:?} {}", ran.code, ran.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_beside_the_run_is_waited_for_and_gone_afterwards() {
    let place = Place::new();
    let pid = place.path().join("pid");
    let command = format!("command.run=echo $$ > {}; exec sleep 1000", pid.display());
    run(&place, &["--service", "command", "--plugin-option", &command]).expect_code(0);
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
    let ran = run(&place, &["--service", "command", "--plugin-option", "command.run=exit 3"]);
    assert!(ran.stderr.contains("service `command` failed"), "{}", ran.stderr);
}
