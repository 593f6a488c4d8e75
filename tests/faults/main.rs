//! Runs that go wrong: servers that die, hang, reset or talk nonsense, and clients whose disk is full, that may open no
//! more files, or that are killed. No run hangs, every request is counted by its kind, and what there was is kept.

mod client;
#[path = "../run/harness.rs"]
mod harness;
mod secrets;
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use harness::Ran;
use support::Server;

/// How often each type of error is in the records; success is the empty word.
fn kinds(ran: &Ran) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for record in ran.records() {
        let kind = record["error"]["type"].as_str().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// Code, type and message of every row of the summary's error list, with its count.
fn rows(ran: &Ran) -> Vec<(Option<u64>, String, String, u64)> {
    let summary = ran.summary();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let rows = summary["error_summary"].as_array().expect("a list").iter();
    rows.map(|row| {
        let details = &row["error_details"];
        let count = row["count"].as_u64().expect("a count");
        (details["code"].as_u64(), text(&details["type"]), text(&details["message"]), count)
    })
    .collect()
}

/// Waits until the server has been asked so often.
fn until_asked(server: &Server, count: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(server.asked(count));
}
