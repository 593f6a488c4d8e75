//! What the client finds out about itself, and that later reports carry it.

use serde_json::Value;

use crate::harness::Place;
use crate::support::{Answer, Server};

#[test]
fn a_calibration_is_made_kept_and_carried_by_later_reports() {
    let place = Place::new();
    let made = place.command(&["calibrate", "--duration", "1.5", "--json"]).output().expect("the binary runs");
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
    assert!(told.contains("1 of 6") && told.contains("6 of 6"), "{told}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let number = |path: &str| made.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {made:#}"));
    assert!(number("/max_requests_per_second") > 0.0 && number("/max_tokens_per_second") > 0.0);
    let errors = made["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 4);
    for error in errors {
        assert!(error["requests"].as_u64().expect("a count") >= 8, "{error}");
        // The client's moment of sending is before the server's of receiving, and its moment of reading after that of
        // writing: it can only read more.
        assert!(error["ttft_error_ms"]["p50"].as_f64().expect("a number") > 0.0, "{error}");
    }
    let kept = std::fs::read_to_string(place.path().join("data/aiperf/calibration.json")).expect("it is kept");
    assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON"), made);

    let server = Server::with(|_| Answer::chat(4));
    let url = server.url();
    let http = place
        .profile(&["--url", &url, "--model", "m", "--tokenizer", "builtin", "--isl", "10", "--request-count", "5"])
        .expect_code(0);
    assert_eq!(http.summary()["audit"]["calibration"], made);
    assert!(http.summary()["audit"]["calibrated_load_share"].as_f64().is_some_and(|share| share > 0.0));
    assert!(http.stdout.contains("Calibration: 20") && http.stdout.contains("of the largest load"), "{}", http.stdout);
    let inside = place.profile(&["--url", "sim://?ttft=1ms", "--isl", "10", "--request-count", "5"]).expect_code(0);
    assert_eq!(inside.summary()["audit"].get("calibration"), None, "it says nothing of what goes over no socket");
}
