//! What the way through a library costs: the same endpoint built into this program and loaded from a library, in one run.
//! `cargo bench --bench abi`; nanoseconds per call, the best of many rounds that take turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock of the machine itself")]
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aiperf::plugin::library::Library;
use aiperf_abi::testing::{Fixture, MockHost, construct, mock_event, mock_request};
use aiperf_abi::{Endpoint, json};

#[path = "../../tests/loader/fixtures/chat.rs"]
mod chat;
#[path = "../../tests/loader/fixtures.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixtures;

/// How long one round measures one of the two.
const ROUND: Duration = Duration::from_millis(20);

const ROUNDS: u32 = 25;

/// One thing that is called, on whichever endpoint.
type Call<'a> = (String, Box<dyn Fn(&dyn Endpoint) + 'a>);

fn main() {
    let library = Library::open(&fixtures::built("release", &["fixture_chat"]).library("fixture_chat"));
    let library = library.unwrap_or_else(|error| panic!("{error}"));
    let fixture = Fixture::new(json!({}));
    let made = library.make::<dyn Endpoint>("Chat", &fixture.context(&MockHost::default()));
    let loaded = made.unwrap_or_else(|error| panic!("{error}"));
    let built_in: Box<dyn Endpoint> = Box::new(construct::<chat::Chat>(json!({})).expect("it has no way to fail"));

    println!("{:<32} {:>12} {:>12} {:>8}", "call (ns)", "built-in", "library", "ratio");
    for (name, call) in calls() {
        let (mut direct, mut through) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            direct = direct.min(nanoseconds(|| call(&*built_in)));
            through = through.min(nanoseconds(|| call(&*loaded)));
        }
        println!("{name:<32} {direct:>12.0} {through:>12.0} {:>8.2}", through / direct);
    }
}

fn calls() -> Vec<Call<'static>> {
    let mut calls: Vec<Call<'static>> = Vec::new();
    for (turns, bytes) in [(1, 64), (1, 4096), (10, 400)] {
        let mut request = mock_request();
        let mut conversation = (*request.conversation).clone();
        let mut turn = conversation.turns[0].clone();
        turn.texts[0].contents = vec!["x".repeat(bytes)];
        conversation.turns = vec![turn; turns];
        request.conversation = conversation.into();
        request.turn_index = turns as u32 - 1;
        calls.push((
            format!("format {turns} x {bytes} B"),
            Box::new(move |endpoint| {
                let payload = endpoint.format_payload(request.info()).expect("it formats");
                black_box(payload.into_bytes(request.info()).expect("it is JSON"));
            }),
        ));
    }
    for bytes in [8, 256] {
        let text = "x".repeat(bytes);
        let event = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
        .to_string();
        calls.push((
            format!("parse an event of {bytes} B text"),
            Box::new(move |endpoint| {
                black_box(endpoint.parse_response(mock_event(&event).response()).expect("it parses"));
            }),
        ));
    }
    calls
}

/// The mean over one round.
fn nanoseconds(call: impl Fn()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    loop {
        for _ in 0..64 {
            call();
        }
        calls += 64;
        let elapsed = start.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_nanos() as f64 / f64::from(calls);
        }
    }
}
