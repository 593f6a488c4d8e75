//! How a run ends: by its own rules, by the user, or before it began.

use std::process::Child;

use serde_json::json;

use crate::harness::{Place, read_until};
use crate::support::{Answer, Server, Step, chunk, sse};

/// A server that answers the first requests and then says nothing until it is released.
fn stalls_after(answered: usize) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::with(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let whole = Answer::chunked(sse([r#"{"choices":[{"delta":{"content":"hi"}}]}"#]));
        if number < answered { whole } else { Answer::chunked_head().then(Step::Stall).then(Step::Send(chunk(b""))) }
    })
}

fn until_asked(server: &Server, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(server.asked(count));
}

fn signal(child: &Child, name: &str) {
    let done = std::process::Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(done.expect("kill runs").success());
}

#[test]
fn ctrl_c_keeps_what_came_and_says_that_it_is_partial() {
    let server = stalls_after(3);
    let place = Place::new();
    let url = server.url();
    let mut child = place.start(&[
        "--url",
        &url,
        "-m",
        "m",
        "--streaming",
        "--request-count",
        "50",
        "--isl",
        "10",
        "--concurrency",
        "1",
    ]);
    until_asked(&server, 4);
    signal(&child, "INT");
    let said = read_until(child.stderr.as_mut().expect("a pipe"), "Ctrl-C again");
    server.release();
    let ran = place.wait(child).expect_code(0);
    let summary = ran.summary();
    assert_eq!((&summary["was_cancelled"], &summary["is_complete"]), (&json!(true), &json!(false)));
    assert_eq!(ran.avg("request_count"), 3.0);
    assert_eq!(ran.records().len(), 4, "the one that was in flight is a record as well");
    assert!(ran.stdout.contains("ended by the user"), "{}", ran.stdout);
    assert!(said.contains("no more requests are sent"), "{said}");
}

#[test]
fn ctrl_c_twice_quits_at_once_and_leaves_the_records() {
    let server = stalls_after(3);
    let place = Place::new();
    let url = server.url();
    let mut child = place.start(&["--url", &url, "-m", "m", "--streaming", "--request-count", "50", "--isl", "10"]);
    until_asked(&server, 4);
    signal(&child, "INT");
    let said = read_until(child.stderr.as_mut().expect("a pipe"), "Ctrl-C again");
    signal(&child, "INT");
    let ran = place.wait(child);
    assert_eq!(ran.code, Some(130), "{said}{}", ran.stderr);
    assert_eq!(ran.records().len(), 3, "every line is whole");
}

#[test]
fn a_duration_ends_the_sending_and_the_grace_ends_the_waiting() {
    let server = stalls_after(2);
    let place = Place::new();
    let url = server.url();
    let ran = place
        .profile(&[
            "--url",
            &url,
            "-m",
            "m",
            "--streaming",
            "--isl",
            "10",
            "--benchmark-duration",
            "0.3",
            "--benchmark-grace-period",
            "0.1",
        ])
        .expect_code(0);
    assert_eq!(ran.avg("request_count"), 2.0);
    assert_eq!(ran.records().len(), 3);
    let given_up = &ran.records()[2];
    assert_eq!(given_up["metadata"]["was_cancelled"], json!(true), "{given_up:#}");
    assert_eq!(ran.summary()["is_complete"], json!(true), "a run that ended by its own rule is complete");
}

#[test]
fn a_run_without_one_success_fails() {
    let server = Server::always(Answer::whole("500 Internal Server Error", "application/json", r#"{"error":"oops"}"#));
    let place = Place::new();
    let ran = place.profile(&["--url", &server.url(), "-m", "m", "--request-count", "4", "--isl", "10"]).expect_code(1);
    assert!(ran.stdout.contains("Error Summary") && ran.stdout.contains("oops"), "{}", ran.stdout);
    assert_eq!(ran.records().len(), 4);
    assert_eq!(ran.summary()["error_summary"][0]["count"], json!(4));
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_open_files_are_refused_with_words_before_anything_is_made() {
    for files in [6, 20] {
        let place = Place::new();
        let line = format!("ulimit -n {files} && exec \"$0\" profile --url sim:// --request-count 1");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_aiperf")]).current_dir(place.path());
        let ran = place.ended(&command.output().expect("a shell")).expect_code(1);
        assert!(ran.stderr.contains("a run needs more open files than `ulimit -n` allows"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_wrong_command_line_says_what_is_meant_and_makes_nothing() {
    for (args, code, words) in [
        (&["--url", "sim://", "--endpoint-type", "chatt"][..], 2, "did you mean `chat`"),
        (&["--url", "sim://?ttfs=5ms"], 2, "ttft"),
        (&["--url", "htp://localhost"], 2, "no transport for `htp://`"),
        (&["--url", "http://127.0.0.1:9"], 2, "--model"),
        (&["--url", "sim://", "--arrival-pattern", "poisson"], 2, "--request-rate"),
        (&["--url", "sim://", "--benchmark-grace-period", "5"], 2, "--benchmark-duration"),
        (&["--url", "sim://", "--request-count", "0"], 2, "--request-count"),
        (&["--url", "sim://", "--plugin-option", "chta.key=1"], 2, "did you mean `chat`"),
        (&["--url", "sim://", "--tokenizer", "./nowhere"], 2, "nowhere"),
        (&["--url", "sim://", "--no-such-flag"], 2, "--no-such-flag"),
    ] {
        let place = Place::new();
        let ran = place.profile(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(words), "{args:?} should say {words:?}, but says:\n{}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert_eq!(place.run_folders(), Vec::<std::path::PathBuf>::new(), "{args:?}");
    }
}
