//! The baseline handler, called as aiperf calls it: in the test's own process, with no run. The fixtures are of
//! `aiperf_abi::testing`.

use std::path::PathBuf;

use aiperf_abi::testing::{Fixture, MockHost, construct, construct_with, mock_results, via_abi};
use aiperf_abi::{ErrorKind, ResultHandler, Results, json};

use {{crate_name}}::BaselineHandler;

/// A file that is gone with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}-{}.json", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The fixture's results with this average latency in milliseconds.
fn results(latency: f64) -> Results {
    let mut results = mock_results();
    results.report.metrics[0].avg = latency;
    results
}

#[test]
fn the_first_run_is_the_baseline_and_later_ones_are_held_against_it() {
    let (file, host) = (File::new("first"), MockHost::default());
    let mut handler: BaselineHandler =
        construct_with(&Fixture::new(json!({ "path": file.0, "tolerance": 20 })), &host).unwrap();
    handler.handle(&results(100.0)).unwrap();
    assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "{\n  \"request_latency\": 100.0\n}\n");
    assert!(host.logs()[0].1.ends_with("is the baseline now"), "{:?}", host.logs());

    handler.handle(&results(80.0)).unwrap();
    handler.handle(&results(119.0)).unwrap();
    let error = handler.handle(&results(121.0)).unwrap_err();
    assert!(error.to_string().ends_with("request_latency is 121.00 and was 100.00"), "{error}");
}

#[test]
fn what_only_one_of_the_two_has_is_not_compared() {
    let file = File::new("other");
    std::fs::write(&file.0, "{\"time_to_first_token\": 1.0}").unwrap();
    let mut handler: BaselineHandler = construct(json!({ "path": file.0 })).unwrap();
    handler.handle(&results(1e9)).unwrap();
}

#[test]
fn without_a_path_it_stays_out_of_the_run_and_a_file_it_cannot_read_is_named() {
    assert_eq!(construct::<BaselineHandler>(json!({})).err().unwrap().kind(), ErrorKind::Disabled);
    let file = File::new("broken");
    std::fs::write(&file.0, "latency: 5").unwrap();
    let mut handler: BaselineHandler = construct(json!({ "path": file.0 })).unwrap();
    let error = handler.handle(&results(100.0)).unwrap_err();
    assert!(error.to_string().starts_with("reading ") && error.to_string().contains("broken-"), "{error}");
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let file = File::new("boundary");
    let config = json!({ "path": file.0, "priority": 5 });
    let mut loaded = via_abi::<dyn ResultHandler, BaselineHandler>(config).unwrap();
    assert!(loaded.enabled(&mock_results().metadata).unwrap());
    loaded.handle(&results(100.0)).unwrap();
    assert!(loaded.handle(&results(200.0)).unwrap_err().to_string().contains("and was 100.00"));
}
