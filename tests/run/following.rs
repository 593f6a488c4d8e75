//! Programs outside follow a run by connecting to it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::harness::Place;

fn lines(stream: UnixStream) -> Vec<Value> {
    BufReader::new(stream).lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect()
}

#[test]
fn a_program_that_connects_while_a_run_goes_is_told_of_all_of_it() {
    let place = Place::new();
    let args = [
        "--url",
        "sim://?ttft=100ms&itl=0",
        "--isl",
        "8",
        "--osl",
        "2",
        "--request-count",
        "20",
        "--communication",
        "socket",
        "--plugin-option",
        "socket.at=run.sock",
        "--api-key",
        "not-for-you",
    ];
    let child = place.start(&args);
    let path = place.path().join("run.sock");
    let connect = || std::iter::repeat_with(|| UnixStream::connect(&path)).find_map(Result::ok).expect("it is there");
    let (reader, gone, idle) = (connect(), connect(), connect());
    drop(gone);
    let told = lines(reader);
    let ran = place.wait(child).expect_code(0);
    let topics: Vec<&str> = told.iter().filter_map(|line| line["topic"].as_str()).collect();
    let lasting: Vec<&str> = topics.iter().copied().filter(|topic| *topic != "progress").collect();
    assert_eq!(lasting, ["run_started", "phase_started", "phase_ended", "results_ready", "run_ended"]);
    assert!(topics.contains(&"progress"), "a run of two seconds");
    let results = told.iter().find(|line| line["topic"] == "results_ready").expect("there are results");
    assert_eq!(results["body"]["benchmark_id"], ran.summary()["benchmark_id"]);
    assert!(!json!(told).to_string().contains("not-for-you"), "secrets are not told");
    assert!(!path.exists() && !ran.stderr.contains("warning"), "{}", ran.stderr);
    assert_eq!(lines(idle).len(), told.len(), "who reads late has missed nothing");
}

#[test]
fn a_socket_without_a_place_or_where_none_can_be_is_an_error_of_the_command_line() {
    let place = Place::new();
    for (more, said) in [
        (&[][..], "no place to listen is given: --plugin-option socket.at=PATH, or HOST:PORT"),
        (&["--plugin-option", "socket.at=no/such/folder"][..], "cannot listen at `no/such/folder`: "),
    ] {
        let args = [&["--url", "sim://", "--request-count", "1", "--communication", "socket"][..], more].concat();
        let ran = place.profile(&args).expect_code(2);
        assert!(ran.stderr.contains("communication `socket`") && ran.stderr.contains(said), "{}", ran.stderr);
    }
}
