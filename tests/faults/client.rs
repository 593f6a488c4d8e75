//! Clients in trouble: no room for a file, no more files to open, killed. What there was is kept and can be read.

use std::path::PathBuf;
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::harness::{Place, Ran, read_until};
use crate::support::{Answer, Server, Step, chunk};
use crate::{kinds, rows, until_asked};

/// A shell's line before the program: no file grows beyond so many kibibytes, and one that would is an error (POSIX counts
/// in blocks of 512 bytes).
fn at_most_kib(kib: u32) -> String {
    format!("trap '' XFSZ; ulimit -f {}", 2 * kib)
}

/// A run under what a line of shell sets up.
fn limited(place: &Place, line: &str, args: &[&str]) -> Ran {
    let inner = place.command(&[&["profile"], args].concat());
    let mut shell = place.command(&[]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(place.path()).env_clear();
    for (name, value) in shell.env("PATH", "/usr/bin:/bin").get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    place.ended(&command.output().expect("a shell"))
}

fn lines(ran: &Ran, file: &str) -> Vec<Value> {
    let text = ran.file(file);
    assert!(text.ends_with('\n'), "the last line of {file} is whole");
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

fn names(ran: &Ran) -> Vec<String> {
    let folder = std::fs::read_dir(ran.artifacts.as_ref().expect("a folder")).expect("readable");
    folder.map(|file| file.expect("a file").file_name().into_string().expect("text")).collect()
}

#[test]
fn a_record_file_without_room_keeps_what_it_had_and_the_run_goes_on() {
    let server = Server::always(Answer::chat_stream(4));
    let url = server.url();
    let args = [
        "--url",
        &url,
        "-m",
        "m",
        "--streaming",
        "--isl",
        "10",
        "--request-count",
        "300",
        "--num-dataset-entries",
        "5",
    ];
    let ran = limited(&Place::new(), &at_most_kib(100), &args).expect_code(1);
    let records = lines(&ran, "profile_export.jsonl");
    assert!(!records.is_empty() && records.len() < 300, "{} records", records.len());
    assert_eq!(ran.avg("request_count"), 300.0, "the summary is of all requests");
    let notices = ran.summary()["notices"].to_string();
    assert!(notices.contains("Not everything was kept") && notices.contains("profile_export.jsonl"), "{notices}");
    assert!(ran.stderr.contains("profile_export.jsonl") && ran.stderr.contains("ulimit -f"), "{}", ran.stderr);
    assert!(ran.stdout.contains("Not everything was kept"), "{}", ran.stdout);
}

#[test]
fn a_summary_without_room_is_on_the_screen_and_no_half_of_it_in_a_file() {
    let server = Server::always(Answer::chat_stream(4));
    let url = server.url();
    let args =
        ["--url", &url, "-m", "m", "--streaming", "--isl", "10", "--request-count", "4", "--export-level", "summary"];
    let ran = limited(&Place::new(), &at_most_kib(6), &args).expect_code(1);
    assert!(ran.stdout.contains("Time to First Token"), "{}", ran.stdout);
    assert!(ran.stderr.contains("profile_export_aiperf.json") && ran.stderr.contains("ulimit -f"), "{}", ran.stderr);
    let names = names(&ran);
    assert!(!names.iter().any(|name| name == "profile_export_aiperf.json" || name.contains("partial")), "{names:?}");
    assert!(names.iter().any(|name| name == "profile_export_aiperf.csv"), "what has room is there: {names:?}");
}

#[test]
fn inputs_without_room_end_the_run_before_anything_is_sent() {
    let server = Server::always(Answer::chat_stream(4));
    let url = server.url();
    let ran = limited(&Place::new(), &at_most_kib(2), &["--url", &url, "-m", "m", "--num-dataset-entries", "100"]);
    let ran = ran.expect_code(1);
    assert!(ran.stderr.contains("inputs.json") && ran.stderr.contains("ulimit -f"), "{}", ran.stderr);
    assert_eq!(server.seen().len(), 0);
    assert_eq!(names(&ran), [""; 0], "nothing half is left behind");
}

#[test]
fn too_few_open_files_are_a_failure_of_their_own_and_the_audit_says_who_is_to_blame() {
    let server = Server::with(|seen| match seen.number {
        // Together, so that the connections are open at the same time.
        0..20 => Answer::chunked_head().then(Step::Stall).then(Step::Send(chunk(b""))),
        _ => Answer::chat_stream(1),
    });
    let url = server.url();
    let args =
        ["--url", &url, "-m", "m", "--streaming", "--isl", "10", "--request-count", "200", "--concurrency", "100"];
    server.release();
    let ran = limited(&Place::new(), "ulimit -n 48", &args);
    let kinds = kinds(&ran);
    assert_eq!(kinds.values().sum::<usize>(), 200, "{kinds:?}");
    assert!(kinds["TooManyOpenFiles"] > 0, "{kinds:?}");
    assert!(rows(&ran).iter().any(|(_, _, message, _)| message.contains("ulimit -n")), "{:?}", rows(&ran));
    assert!(ran.summary()["audit"]["grade"] == json!("poor"), "{}", ran.summary()["audit"]);
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_the_system_lets_it() {
    let server = Server::always(Answer::chat_stream(1));
    let url = server.url();
    let args =
        ["--url", &url, "-m", "m", "--streaming", "--isl", "10", "--request-count", "200", "--concurrency", "100"];
    let ran = limited(&Place::new(), "ulimit -Sn 48", &args).expect_code(0);
    assert_eq!(kinds(&ran)[""], 200, "{:?}", kinds(&ran));
}

/// A run of which three requests are answered and the fourth is being.
fn in_the_middle(place: &Place) -> (Server, Child) {
    let server = Server::with(|seen| match seen.number {
        0..3 => Answer::chat_stream(4),
        _ => Answer::chunked_head().then(Step::Stall).then(Step::Send(chunk(b""))),
    });
    let url = server.url();
    let args =
        ["--url", &url, "-m", "m", "--streaming", "--isl", "10", "--request-count", "50", "--export-level", "raw"];
    let child = place.start(&args);
    until_asked(&server, 4);
    (server, child)
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(done.expect("kill runs").success());
}

#[test]
fn a_client_that_is_killed_leaves_whole_lines_and_the_inputs() {
    let place = Place::new();
    let (_server, mut child) = in_the_middle(&place);
    let has_records = |folder: &PathBuf| {
        let size = |name| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        size("profile_export.jsonl") > 0 && size("profile_export_raw.jsonl") > 0
    };
    while !place.run_folders().iter().any(has_records) {
        std::thread::yield_now();
    }
    child.kill().expect("it lives");
    let ran = place.wait(child);
    assert_eq!(ran.code, None, "killed by a signal");
    // What has come is written while the run goes; the very last may have been on its way.
    let (records, raw) = (lines(&ran, "profile_export.jsonl"), lines(&ran, "profile_export_raw.jsonl"));
    assert!((1..=3).contains(&records.len()) && (1..=3).contains(&raw.len()), "{} {}", records.len(), raw.len());
    assert_eq!(ran.inputs()["data"].as_array().map(Vec::len), Some(50));
    assert!(!names(&ran).iter().any(|name| name.ends_with(".partial")), "{:?}", names(&ran));
}

#[test]
fn a_client_that_is_told_to_terminate_ends_like_one_that_is_interrupted() {
    let place = Place::new();
    let (server, mut child) = in_the_middle(&place);
    signal(&child, "TERM");
    read_until(child.stderr.as_mut().expect("a pipe"), "no more requests are sent");
    server.release();
    let ran = place.wait(child).expect_code(0);
    let summary = ran.summary();
    assert_eq!((&summary["was_cancelled"], &summary["is_complete"]), (&json!(true), &json!(false)));
    assert_eq!((ran.avg("request_count"), ran.records().len()), (3.0, 4));
}
