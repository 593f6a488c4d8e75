//! Servers that fail: each failure is a record of its kind, and none ends or hangs the run.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Place, Ran};
use crate::support::{Answer, Server, Step, chunk, sse};
use crate::{kinds, rows, until_asked};

const GOOD: &str = r#"{"choices":[{"delta":{"content":"hi"}}]}"#;

fn good() -> Answer {
    Answer::chunked(sse([GOOD]))
}

/// A stream of which one piece of content has come.
fn begun() -> Answer {
    Answer::chunked_head().then(Step::Send(chunk(format!("data: {GOOD}\n\n").as_bytes())))
}

const ARGS: [&str; 5] = ["-m", "m", "--streaming", "--isl", "10"];

fn against(server: &Server, more: &[&str]) -> Ran {
    let url = server.url();
    Place::new().profile(&[&["--url", &url], &ARGS[..], more].concat())
}

#[test]
fn failures_of_every_kind_are_counted_beside_the_successes() {
    let whole = |status, body: &str| Answer::whole(status, "application/json", body);
    let short = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{}";
    let answers = [
        (good(), ""),
        (whole("429 Too Many Requests", r#"{"error":{"message":"slow down"}}"#), "Too Many Requests"),
        (whole("500 Internal Server Error", "boom"), "Internal Server Error"),
        (Answer::hang_up(), "ServerDisconnected"),
        (begun().then(Step::Reset), "ConnectionReset"),
        (begun().then(Step::Close), "IncompleteBody"),
        (Answer::raw(short).then(Step::Close), "IncompleteBody"),
        (Answer::raw("this is not HTTP\r\n\r\n").then(Step::Close), "ProtocolError"),
        (begun().then(Step::Send(b"zz\r\n".to_vec())).then(Step::Close), "ProtocolError"),
        (Answer::whole("200 OK", "text/html", "<html>a proxy's page</html>"), "InvalidInferenceResultError"),
        (Answer::json(r#"{"choices": [{"#), "InvalidInferenceResultError"),
        (Answer::chunked(["data: {broken\n\n"]), "InvalidInferenceResultError"),
        (Answer::chunked([""; 0]), "InvalidInferenceResultError"),
        (Answer::chunked(["event: error\ndata: {\"message\":\"out of memory\"}\n\n"]), "SSEResponseError"),
        (Answer::chunked(["data: {\"error\":{\"message\":\"gone\"}}\n\n"]), "ResponseError"),
        (good(), ""),
    ];
    let (answers, wanted): (Vec<Answer>, Vec<&str>) = answers.into_iter().unzip();
    let count = wanted.len().to_string();
    let ran = against(&Server::in_order(answers), &["--request-count", &count]).expect_code(0);
    let records = ran.records();
    let found: Vec<&str> = records.iter().map(|record| record["error"]["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(found, wanted, "each request has a record, in order, that says what became of it");
    let summed: u64 = rows(&ran).iter().map(|(.., count)| count).sum();
    assert_eq!(summed as usize, wanted.len() - 2, "the summary counts every failure once");
    assert_eq!((ran.avg("request_count"), ran.avg("error_request_count")), (2.0, wanted.len() as f64 - 2.0));
    for words in ["slow down", "ConnectionReset", "out of memory", "IncompleteBody"] {
        assert!(ran.stdout.contains(words), "{words} is not on the screen:\n{}", ran.stdout);
    }
}

#[test]
fn a_server_that_refuses_in_turns_is_asked_once_per_request_and_not_waited_for() {
    let busy = r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#;
    let length = busy.len();
    let limit = format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Type: application/json\r\nContent-Length: \
         {length}\r\n\r\n{busy}"
    );
    let server = Server::with(move |seen| match seen.number % 3 {
        0 => Answer::raw(limit.clone()),
        1 => Answer::whole("500 Internal Server Error", "text/plain", "Traceback (most recent call last):\n  boom"),
        _ => good(),
    });
    let ran = against(&server, &["--request-count", "30", "--concurrency", "3"]).expect_code(0);
    assert_eq!(server.seen().len(), 30, "no request was sent twice");
    assert_eq!(ran.avg("request_count"), 10.0);
    let failed: Vec<_> = rows(&ran).into_iter().map(|(code, kind, _, count)| (code, kind, count)).collect();
    let wanted = [(Some(429), "Too Many Requests".to_owned(), 10), (Some(500), "Internal Server Error".to_owned(), 10)];
    assert_eq!(failed, wanted);
    assert!(ran.stdout.contains("Rate limit reached"), "{}", ran.stdout);
}

#[test]
fn a_server_that_dies_in_the_middle_costs_what_it_had_and_the_rest_is_refused() {
    let server = Server::with(|seen| if seen.number < 10 { good() } else { begun().then(Step::Stall) });
    let place = Place::new();
    let url = server.url();
    let child = place.start(&[&["--url", &url, "--request-count", "40", "--concurrency", "4"], &ARGS[..]].concat());
    until_asked(&server, 14);
    drop(server);
    let ran = place.wait(child).expect_code(0);
    let kinds = kinds(&ran);
    assert_eq!(kinds.values().sum::<usize>(), 40, "{kinds:?}");
    assert_eq!(kinds[""], 10, "{kinds:?}");
    assert!(kinds["ConnectionRefused"] >= 20, "{kinds:?}");
    let cut: usize = ["IncompleteBody", "ConnectionReset"].iter().filter_map(|kind| kinds.get(*kind)).sum();
    assert!(cut >= 1, "what was in flight broke off: {kinds:?}");
    assert!(ran.stdout.contains("is the server up?"), "{}", ran.stdout);
}

#[test]
fn a_reply_that_never_ends_costs_its_time_limit_and_no_more() {
    let server = Server::with(|seen| match seen.number % 3 {
        0 => Answer::hang(),
        1 => begun().then(Step::Stall),
        _ => good(),
    });
    let args = ["--request-count", "12", "--concurrency", "4", "--request-timeout-seconds", "0.3"];
    let ran = against(&server, &args).expect_code(0);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 2, "those that came equally far are counted together: {rows:?}");
    for (code, kind, message, count) in &rows {
        assert_eq!((*code, kind.as_str(), *count), (Some(408), "TimeoutError", 4), "{message}");
        assert!(message.contains("0.3 s") && message.contains("--request-timeout-seconds"), "{message}");
    }
    let told = |words: &str| rows.iter().any(|(_, _, message, _)| message.contains(words));
    assert!(told("no response headers") && told("a part of the body"), "{rows:?}");
}

#[test]
fn headers_that_come_byte_by_byte_are_late_like_any_others() {
    let slow = Answer::chunked_head().in_writes_of(1).paced(Duration::from_millis(100));
    let ran = against(&Server::always(slow), &["--request-count", "2", "--request-timeout-seconds", "0.3"]);
    let ran = ran.expect_code(1);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].1 == "TimeoutError" && rows[0].2.contains("no response headers"), "{rows:?}");
}

#[test]
fn what_is_in_flight_when_the_grace_is_over_is_given_up_and_says_so() {
    let server = Server::always(begun().then(Step::Stall));
    let times = ["--benchmark-duration", "0.2", "--benchmark-grace-period", "0.1", "--concurrency", "3"];
    let ran = against(&server, &times).expect_code(1);
    let rows = rows(&ran);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].0, rows[0].1.as_str(), rows[0].3), (Some(499), "RequestCancellationError", 3));
    assert!(rows[0].2.contains("still in flight"), "{rows:?}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address")
    };
    let ran = Place::new().profile(&["--url", &gone.to_string(), "-m", "m", "--request-count", "3"]).expect_code(1);
    assert!(ran.stdout.contains(&gone.to_string()) && ran.stdout.contains("is the server up?"), "{}", ran.stdout);
    assert_eq!(rows(&ran)[0].1, "ConnectionRefused");
    assert!(ran.stderr.contains("none of the 3 requests succeeded"), "{}", ran.stderr);
}

#[test]
fn a_run_of_which_too_much_fails_ends_early_where_that_was_asked_for() {
    let server = Server::always(Answer::whole("503 Service Unavailable", "text/plain", "loading"));
    let ran = against(&server, &["--request-count", "100000", "--failed-request-threshold", "0.5"]).expect_code(1);
    let summary = ran.summary();
    assert_eq!(summary["is_complete"], Value::from(false));
    assert!(summary["incomplete_reason"].as_str().is_some_and(|why| why.contains("--failed-request-threshold")));
    assert!(ran.records().len() < 100_000);
}
