//! Timing strategies, arrival patterns, ramps and the choice of servers from a real library: alone, and in real runs.

use aiperf_abi::{
    Actions, ArrivalPattern, ErrorKind, Ramp, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming,
    UrlSelectionStrategy, Value, json,
};

use crate::harness::Place;
use crate::packages::{package, profile};
use crate::support::made;

const LIBRARY: &str = "fixture_schedule";

pub(crate) const ENTRIES: &str = "
timing_strategy:
  patient: {class: 'fixture_schedule:Patient', description: One after the other.}
arrival_pattern:
  bursty: {class: 'fixture_schedule:Bursty', description: Several at once.}
ramp:
  jump: {class: 'fixture_schedule:Jump', description: At once.}
url_selection_strategy:
  last: {class: 'fixture_schedule:Last', description: The last one.}
";

fn arrival(config: Value) -> Box<dyn ArrivalPattern> {
    made(LIBRARY, "Bursty", config).unwrap()
}

#[test]
fn an_arrival_pattern_of_a_library_is_asked_and_told_the_rate() {
    let mut bursty = arrival(json!({"rate": 10.0, "burst": 2}));
    let intervals: Vec<f64> = (0..4).map(|_| bursty.next_interval().unwrap()).collect();
    assert_eq!(intervals, [0.0, 0.2, 0.0, 0.2]);
    bursty.set_rate(100.0).unwrap();
    assert_eq!([bursty.next_interval().unwrap(), bursty.next_interval().unwrap()], [0.0, 0.02]);
}

#[test]
fn a_ramp_and_a_choice_of_servers_are_asked() {
    let mut jump: Box<dyn Ramp> = made(LIBRARY, "Jump", json!({"start": 1.0, "target": 8.0, "duration": 2.0})).unwrap();
    assert_eq!(jump.value_at(0.5).unwrap(), 8.0);
    let mut last: Box<dyn UrlSelectionStrategy> = made(LIBRARY, "Last", json!({"len": 3})).unwrap();
    assert_eq!(last.next_url_index().unwrap(), 2);
}

/// Writes down what is asked for.
#[derive(Default)]
struct Asked(Vec<String>);

impl TimingHost for Asked {
    fn start_session(&mut self, at_ns: u64, from_turn: u32) {
        self.0.push(format!("start {at_ns} {from_turn}"));
    }
    fn fill_slots(&mut self) {
        self.0.push("fill".to_owned());
    }
    fn continue_session(&mut self, session: u64, at_ns: u64) {
        self.0.push(format!("continue {session} {at_ns}"));
    }
    fn wake_at(&mut self, at_ns: u64) {
        self.0.push(format!("wake {at_ns}"));
    }
    fn slipped(&mut self, by_ns: u64) {
        self.0.push(format!("slipped {by_ns}"));
    }
    fn next_interval_ns(&mut self) -> Option<f64> {
        None
    }
    fn upcoming(&mut self) -> Option<Upcoming> {
        None
    }
}

#[test]
fn events_go_into_a_strategy_of_a_library_and_its_wishes_come_out() {
    let mut patient: Box<dyn TimingStrategy> = made(LIBRARY, "Patient", json!({})).unwrap();
    let mut asked = Asked::default();
    for (now_ns, event) in [
        (7, TimingEvent::PhaseStart),
        (100, TimingEvent::CreditReturned(Returned::with_next(5, 0, 30))),
        (200, TimingEvent::CreditReturned(Returned::last(5, 1).at_timestamp(Some(1.5)))),
        (300, TimingEvent::Timer),
    ] {
        patient.on_event(now_ns, event, &mut Actions::new(&mut asked)).unwrap();
    }
    assert_eq!(asked.0, ["start 7 0", "continue 5 130", "wake 1000200", "start 300 0"]);
}

#[test]
fn panics_failures_and_nonsense_are_errors_that_say_whose() {
    let rated = |mood: &str| json!({"rate": 1.0, "mood": mood});
    for (mood, kind, said) in [
        ("panics", ErrorKind::Panic, "panicked: out of time"),
        ("fails", ErrorKind::Other, "no more numbers"),
        ("lies", ErrorKind::Other, "returned -1, which cannot be"),
    ] {
        let error = arrival(rated(mood)).next_interval().unwrap_err();
        let expected = format!("plugin fixture_schedule 0.3.0, arrival_pattern `test`, next_interval: {said}");
        assert!(error.kind() == kind && error.to_string().starts_with(&expected), "{error}");
    }
    let lying = json!({"start": 1.0, "target": 8.0, "duration": 2.0, "mood": "lies"});
    let mut jump: Box<dyn Ramp> = made(LIBRARY, "Jump", lying).unwrap();
    assert!(jump.value_at(0.0).unwrap_err().to_string().ends_with("value_at: returned NaN, which cannot be"));
}

#[test]
fn an_arrival_pattern_of_a_package_paces_a_run() {
    let place = Place::new();
    package(&place, LIBRARY, ENTRIES);
    let args = ["--request-rate", "400", "--arrival-pattern", "bursty", "--plugin-option", "bursty.burst=5"];
    let ran = profile(&place, &[&args[..], &["--request-count", "40"]].concat()).expect_code(0);
    let mut due: Vec<i64> =
        ran.records().iter().map(|record| record["metadata"]["credit_issued_ns"].as_i64().unwrap()).collect();
    due.sort_unstable();
    due.dedup();
    assert_eq!(due.len(), 8, "40 requests at 8 moments: {due:?}");
    // A machine that stands still moves the schedule back, never forward.
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] >= 12_400_000), "{due:?}");
    let plugins = &ran.summary()["run_info"]["plugins"];
    assert_eq!((&plugins[0]["category"], &plugins[0]["name"]), (&json!("arrival_pattern"), &json!("bursty")));
}

#[test]
fn a_timing_strategy_a_ramp_and_a_choice_of_servers_of_a_package_drive_a_run() {
    let place = Place::new();
    package(&place, LIBRARY, ENTRIES);
    let args = ["--timing-strategy", "patient", "--request-count", "5", "--concurrency", "4"];
    let more = ["--concurrency-ramp-duration", "5", "--ramp", "jump", "--url-strategy", "last"];
    // The first of the two servers is nowhere: every request goes to the last.
    let urls = ["--url", "http://127.0.0.1:1", "--transport", "in_engine", "--url", "sim://?ttft=0&itl=0", "-m", "m"];
    let ran = profile(&place, &[&args[..], &more, &urls].concat()).expect_code(0);
    assert_eq!(ran.avg("request_count"), 5.0);
    let mut spans: Vec<(i64, i64)> = ran
        .records()
        .iter()
        .map(|record| &record["metadata"])
        .map(|data| (data["request_start_ns"].as_i64().unwrap(), data["request_end_ns"].as_i64().unwrap()))
        .collect();
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[1].0 >= pair[0].1 + 1_000_000), "one after the other: {spans:?}");
}

#[test]
fn a_schedule_that_breaks_ends_the_run_with_what_there_is_and_says_whose_it_was() {
    let place = Place::new();
    package(&place, LIBRARY, ENTRIES);
    let ran = profile(
        &place,
        &["--timing-strategy", "patient", "--request-count", "9", "--plugin-option", "patient.mood=panics"],
    )
    .expect_code(1);
    let said = "timing_strategy `patient`, on_event: panicked: out of time";
    assert!(ran.stderr.contains(said) && ran.stderr.contains("fixture_schedule 0.3.0"), "{}", ran.stderr);
    assert_eq!(ran.avg("request_count"), 3.0);
    let summary = ran.summary();
    assert_eq!(summary["is_complete"], json!(false));
    assert!(summary["incomplete_reason"].as_str().unwrap().contains(said), "{summary:#}");
}
