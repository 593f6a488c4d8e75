//! What a run says of itself while it goes: carried by a real library, heard by a service of one, in real runs.

use aiperf_abi::{Message, Value, json};

use crate::harness::{Place, Ran};
use crate::packages::{package, profile};
use crate::results::{ENTRIES, LIBRARY};

fn run(place: &Place, args: &[&str]) -> Ran {
    package(place, LIBRARY, ENTRIES);
    profile(place, &[&["--request-count", "6", "--service", "bystander"], args].concat())
}

/// A run whose service writes down what it hears.
fn heard(place: &Place, args: &[&str]) -> Vec<Message> {
    let path = place.path().join("heard");
    let option = format!("bystander.heard={}", path.display());
    run(place, &[&["--plugin-option", &option, "--warmup-request-count", "2"], args].concat()).expect_code(0);
    let lines = std::fs::read_to_string(path).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What they are about, but for progress: how much there is of it, the clock decides.
fn topics(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.topic.as_str()).filter(|topic| *topic != "progress").collect()
}

#[test]
fn a_service_of_a_plugin_hears_what_happens_in_the_run_in_its_order() {
    let messages = heard(&Place::new(), &[]);
    let told =
        ["run_started", "phase_started", "phase_ended", "phase_started", "phase_ended", "results_ready", "run_ended"];
    assert_eq!(topics(&messages), told);
    let numbers: Vec<u64> = messages.iter().map(|message| message.number).collect();
    assert_eq!(numbers, (0..messages.len() as u64).collect::<Vec<_>>(), "nothing was left out");
    assert!(messages.windows(2).all(|two| two[0].at_ns <= two[1].at_ns));
    let about = |topic: &'static str| {
        messages.iter().filter(move |message| message.topic == topic).map(|message| &message.body)
    };
    let started = about("run_started").next().unwrap();
    assert_eq!(
        started["plan"]["services"],
        json!({"names": ["bystander"], "manager": "in_process", "communication": "channel"})
    );
    assert!(started["command"].as_str().unwrap().starts_with("aiperf profile "));
    let phases: Vec<Value> =
        about("phase_ended").map(|body| json!([body["phase"], body["sent"], body["stopped"]])).collect();
    assert_eq!(phases, [json!(["warmup", 2, null]), json!(["profiling", 6, null])]);
    let last = about("progress").next_back().unwrap();
    assert_eq!((&last["phase"], &last["completed"]), (&json!("profiling"), &json!(6)));
    let results = about("results_ready").next().unwrap();
    let count = results["metrics"].as_array().unwrap().iter().find(|metric| metric["tag"] == "request_count").unwrap();
    assert_eq!((&count["avg"], &results["succeeded"]), (&json!(6.0), &json!(6)));
    assert!(
        results["files"].as_array().unwrap().iter().any(|file| file["kind"] == "JSON Export"),
        "{}",
        results["files"]
    );
    assert_eq!(about("run_ended").next(), Some(&json!({"error": null})));
}

#[test]
fn a_communication_of_a_plugin_carries_what_services_hear() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let own = format!("courier.diary={}", diary.display());
    let messages = heard(&place, &["--communication", "courier", "--plugin-option", &own]);
    let heard = ["run_started", "phase_ended", "phase_ended", "results_ready", "run_ended"];
    assert_eq!(topics(&messages), heard, "it keeps the beginnings of phases to itself");
    let carried = "run_started phase_started phase_ended phase_started phase_ended results_ready run_ended closed";
    assert_eq!(std::fs::read_to_string(diary).unwrap().split_whitespace().collect::<Vec<_>>().join(" "), carried);
}

#[test]
fn a_communication_that_panics_fails_or_hangs_is_told_once_and_the_run_keeps_its_results() {
    let place = Place::new();
    let diary = place.path().join("diary");
    let own = format!("bystander.diary={}", diary.display());
    let of_courier =
        "failed, the run went on without it: plugin fixture_results 0.3.0, communication `courier`, carry: ";
    for (mood, said) in [
        ("panics", format!("{of_courier}panicked: a bad day")),
        ("fails", format!("{of_courier}no luck")),
        ("hangs", "did not come to its end and was left behind".to_owned()),
    ] {
        let mood = format!("courier.mood={mood}");
        let args = ["--communication", "courier", "--plugin-option", &mood, "--plugin-option", &own];
        let ran = run(&place, &args).expect_code(0);
        assert!(ran.stderr.contains(&format!("warning: communication `courier`: {said}")), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("warning: ").count(), 1, "{}", ran.stderr);
        assert_eq!((ran.avg("request_count"), ran.records().len()), (6.0, 6));
    }
    assert_eq!(std::fs::read_to_string(diary).unwrap(), "up\ndown\n".repeat(3), "services are none the worse for it");
}

#[test]
fn a_service_that_will_not_hear_is_told_of_and_one_that_does_not_come_back_is_left_behind() {
    let place = Place::new();
    let ran = run(&place, &["--plugin-option", "bystander.mood=deaf"]).expect_code(0);
    let said = "warning: service `bystander` failed to hear and was told nothing more: plugin fixture_results 0.3.0, \
                service `bystander`, hear: not listening";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = run(&place, &["--plugin-option", "bystander.mood=hangs"]).expect_code(1);
    let said = "error: service `bystander` did not come back from hearing and was left behind";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(ran.avg("request_count"), 6.0);
}

#[test]
fn a_communication_of_a_plugin_takes_the_name_of_a_built_in_one_unless_the_user_says_otherwise() {
    let place = Place::new();
    package(&place, LIBRARY, &ENTRIES.replace("  courier:", "  socket:"));
    let diary = place.path().join("diary");
    let own = format!("socket.diary={}", diary.display());
    let with = |args: &[&str]| {
        let always = ["--request-count", "6", "--communication", "socket", "--plugin-option", &own];
        profile(&place, &[&always, args].concat())
    };
    with(&[]).expect_code(0);
    with(&["--use", "communication:socket=fixture_results"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(diary).unwrap().matches("closed").count(), 2);
    let ran = with(&["--use", "communication:socket=aiperf"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("communication `socket`"), "{:?} {}", ran.code, ran.stderr);
}
