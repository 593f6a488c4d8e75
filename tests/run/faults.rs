//! Servers that fail: each failure is a record of its kind, and none ends or hangs the run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Place, Ran};
use crate::support::{Answer, Server, Step, chunk, sse};

const GOOD: &str = r#"{"choices":[{"delta":{"content":"hi"}}]}"#;

fn good() -> Answer {
    Answer::chunked(sse([GOOD]))
}

fn against(server: &Server, more: &[&str]) -> Ran {
    let url = server.url();
    let args = [&["--url", &url, "-m", "m", "--streaming", "--isl", "10"], more].concat();
    Place::new().profile(&args)
}

/// How often each type of error is in the records; success is the empty word.
fn kinds(ran: &Ran) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for record in ran.records() {
        let kind = record["error"]["type"].as_str().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[test]
fn failures_of_every_kind_are_counted_beside_the_successes() {
    let whole = |status, body: &str| Answer::whole(status, "application/json", body);
    let answers = [
        good(),
        whole("429 Too Many Requests", r#"{"error":{"message":"slow down"}}"#),
        whole("500 Internal Server Error", "boom"),
        Answer::hang_up(),
        Answer::chunked_head().then(Step::Send(chunk(format!("data: {GOOD}\n\n").as_bytes()))).then(Step::Reset),
        Answer::raw("this is not HTTP\r\n\r\n").then(Step::Close),
        Answer::whole("200 OK", "text/html", "<html>a proxy's page</html>"),
        Answer::chunked(["data: {broken\n\n"]),
        Answer::chunked(["event: error\ndata: {\"message\":\"out of memory\"}\n\n"]),
        good(),
    ];
    let sum = answers.len();
    let server = Server::in_order(answers);
    let ran = against(&server, &["--request-count", &sum.to_string()]).expect_code(0);
    let kinds = kinds(&ran);
    assert_eq!(kinds.values().sum::<usize>(), sum, "every request is accounted for: {kinds:?}");
    assert_eq!(kinds[""], 2, "{kinds:?}");
    assert!(kinds.len() >= 7, "failures are told apart: {kinds:?}");
    let summed: u64 = ran.summary()["error_summary"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["count"].as_u64().expect("a count"))
        .sum();
    assert_eq!(summed as usize, sum - 2);
    assert!(ran.stdout.contains("slow down"), "{}", ran.stdout);
}

#[test]
fn a_server_that_hangs_costs_its_time_limit_and_no_more() {
    let server = Server::always(Answer::chunked_head().then(Step::Stall));
    let ran = against(&server, &["--request-count", "2", "--request-timeout-seconds", "0.2"]).expect_code(1);
    let records = ran.records();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record["error"]["type"], Value::from("TimeoutError"), "{record:#}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    };
    let ran = Place::new().profile(&["--url", &gone.to_string(), "-m", "m", "--request-count", "1"]).expect_code(1);
    assert!(ran.stdout.contains(&gone.to_string()) && ran.stdout.contains("is the server up?"), "{}", ran.stdout);
}
