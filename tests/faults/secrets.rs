//! Secrets: whatever way one is given, it is sent to the server and found nowhere else.

use std::path::Path;

use crate::harness::Place;
use crate::support::{Answer, Server};

/// Everything a secret may be given with, each with a word of its own.
fn secrets(address: &str) -> Vec<String> {
    let url = format!("http://user:WORD-url@{address}/?api_key=WORD-query&version=1");
    let args =
        ["--url", &url, "--api-key", "WORD-key", "-H", "X-Auth-Token: WORD-header", "--header=Cookie: a=WORD-cookie"];
    let more = ["--extra-inputs", "api_key:WORD-field,user:me", "--extra-inputs", r#"{"access_token":"WORD-json"}"#];
    args.iter().chain(&more).map(|arg| (*arg).to_owned()).collect()
}

fn text_of(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    files
        .map(|file| {
            (file.display().to_string(), String::from_utf8_lossy(&std::fs::read(&file).expect("readable")).into_owned())
        })
        .collect()
}

fn run(address: &str) {
    let place = Place::new();
    let secrets = secrets(address);
    let mut args: Vec<&str> = secrets.iter().map(String::as_str).collect();
    args.extend(["-vvv", "-m", "m", "--streaming", "--isl", "10", "--request-count", "3", "--export-level", "raw"]);
    let ran = place.profile(&args);
    let mut texts = text_of(ran.artifacts.as_ref().expect("a run"));
    assert!(texts.len() >= 6, "{texts:?}");
    texts.extend([("the standard output".to_owned(), ran.stdout), ("the standard error".to_owned(), ran.stderr)]);
    for (place, text) in texts {
        if let Some(at) = text.find("WORD-") {
            let from = text[..at].char_indices().rev().nth(80).map_or(0, |(from, _)| from);
            panic!("a secret is in {place}: …{}", text[from..].chars().take(120).collect::<String>());
        }
    }
}

#[test]
fn no_artifact_and_no_log_of_a_run_holds_a_secret_and_the_server_gets_them_all() {
    let server = Server::always(Answer::chat_stream(3));
    run(&server.address().to_string());
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].header("authorization"), Some("Bearer WORD-key"));
    assert_eq!(
        (seen[0].header("x-auth-token"), seen[0].header("cookie")),
        (Some("WORD-header"), Some("a=WORD-cookie"))
    );
    assert!(seen[0].path.contains("api_key=WORD-query"), "{}", seen[0].path);
    let body = seen[0].json();
    assert_eq!((body["api_key"].as_str(), body["access_token"].as_str()), (Some("WORD-field"), Some("WORD-json")));
}

#[test]
fn a_run_that_fails_does_not_tell_them_either() {
    let refusing = Server::always(Answer::raw(
        "HTTP/1.1 302 Found\r\nLocation: https://user:WORD-location@login/?token=WORD-there\r\nContent-Length: 0\r\n\r\n",
    ));
    run(&refusing.address().to_string());
    let address = refusing.address().to_string();
    drop(refusing);
    run(&address);
}
