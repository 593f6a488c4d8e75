//! Sessions of several turns: every turn carries what was said before it, the live replies word for word.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Place, Ran};
use crate::support::{Answer, Server};

const CONVERSATIONS: &str = r#"{"session_id": "a", "turns": [{"text": "a1"}, {"text": "a2"}, {"text": "a3"}, {"text": "a4"}]}
{"session_id": "b", "turns": [{"text": "b1"}, {"text": "b2"}]}
{"session_id": "c", "turns": [{"text": "c1"}, {"text": "c2"}, {"text": "c3"}]}
"#;

fn run(url: &str) -> Ran {
    let place = Place::new();
    std::fs::write(place.path().join("talks.jsonl"), CONVERSATIONS).expect("a file");
    let args = ["--url", url, "-m", "m", "--streaming", "--input-file", "talks.jsonl", "--conversation-num", "6"];
    place.profile(&[&args[..], &["--concurrency", "3", "--export-level", "raw"]].concat()).expect_code(0)
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// What the pieces of content of a reply say together.
fn said(line: &Value) -> String {
    let events = line["responses"].as_array().expect("events").iter();
    let data = events.filter_map(|event| event["packets"][0]["value"].as_str()).filter(|data| *data != "[DONE]");
    let pieces = data.map(|data| serde_json::from_str::<Value>(data).expect("JSON"));
    pieces.filter_map(|piece| piece["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

/// Every session's lines of the raw file, in the order of its turns.
fn sessions(ran: &Ran) -> Vec<Vec<Value>> {
    let mut sessions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in ran.file("profile_export_raw.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        sessions.entry(line["metadata"]["x_correlation_id"].to_string()).or_default().push(line);
    }
    let mut sessions: Vec<_> = sessions.into_values().collect();
    sessions.iter_mut().for_each(|lines| lines.sort_by_key(|line| line["metadata"]["turn_index"].as_u64()));
    sessions
}

fn assert_true_histories(ran: &Ran) {
    let inputs = ran.inputs();
    let sessions = sessions(ran);
    assert_eq!(sessions.len(), 6);
    for lines in sessions {
        let id = lines[0]["metadata"]["conversation_id"].as_str().expect("an id").to_owned();
        let number =
            inputs["data"].as_array().and_then(|all| all.iter().position(|one| one["session_id"] == id.as_str()));
        let name = ["a", "b", "c"][number.expect("a session of the inputs")];
        assert_eq!(lines.len(), [4, 2, 3][number.expect("a session")], "all turns of {name} were sent");
        let mut history = Vec::new();
        for (turn, line) in lines.iter().enumerate() {
            history.push(user(&format!("{name}{}", turn + 1)));
            assert_eq!(line["payload"]["messages"], Value::from(history.clone()), "turn {turn} of {name}");
            history.push(json!({"role": "assistant", "content": said(line)}));
        }
    }
}

#[test]
fn every_turn_carries_the_replies_before_it_word_for_word() {
    let server = Server::with(|seen| {
        let piece = |text: &str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}));
        Answer::chunked([
            piece("reply "),
            piece(&format!("no. {} \u{1f98a}\n", seen.number)),
            "data: [DONE]\n\n".into(),
        ])
    });
    let ran = run(&server.url());
    assert_true_histories(&ran);
    // What the file says was sent is what the server got.
    let mut sent: Vec<Value> = sessions(&ran).concat().iter().map(|line| line["payload"].clone()).collect();
    let mut got: Vec<Value> = server.seen().iter().map(|seen| seen.json()).collect();
    sent.sort_by_key(ToString::to_string);
    got.sort_by_key(ToString::to_string);
    assert_eq!(sent, got);
}

#[test]
fn the_engine_inside_is_told_its_own_replies() {
    assert_true_histories(&run("sim://?ttft=1ms&itl=0ms"));
}
