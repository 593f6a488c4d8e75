//! What the way into a library costs: nanoseconds per call of an endpoint, beside the same call of what is built in.

use aiperf_abi::testing::{Fixture, MockHost, Request, mock_event, mock_request, mock_response};
use aiperf_abi::{Endpoint, Plugin, Value};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::endpoint::ChatEndpoint;
use crate::plugin::library::{Library, LibraryError};

/// How long one round measures one of the two, nanoseconds.
const ROUND_NS: u64 = 5_000_000;

/// Rounds, which take turns; the best counts.
const ROUNDS: usize = 20;

/// One kind of call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What is called.
    pub call: String,
    /// Nanoseconds of a call of the library.
    pub library_ns: f64,
    /// Nanoseconds of the same call of the built-in `chat`.
    pub builtin_ns: f64,
}

/// Measures an endpoint of a library.
///
/// # Errors
/// When it cannot be made.
pub fn cost(library: &Path, class: &str, settings: &Value) -> Result<Vec<Call>, LibraryError> {
    let host = MockHost::default();
    let fixture = Fixture::new(settings.clone());
    let loaded = Library::open(library)?.make::<dyn Endpoint>(class, &fixture.context(&host))?;
    let plain = Fixture::new(Value::Object(serde_json::Map::new()));
    let builtin = ChatEndpoint::new(&plain.context(&host)).map_err(LibraryError::New)?;
    let clock = Clock::start();
    let measured = calls().into_iter().map(|(name, call)| {
        let (mut library_ns, mut builtin_ns) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            library_ns = library_ns.min(per_call(clock, || call(&*loaded)));
            builtin_ns = builtin_ns.min(per_call(clock, || call(&builtin)));
        }
        Call { call: name.to_owned(), library_ns, builtin_ns }
    });
    Ok(measured.collect())
}

type Do = Box<dyn Fn(&dyn Endpoint)>;

fn calls() -> Vec<(&'static str, Do)> {
    const EVENT: &str = r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#;
    const REPLY: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"some words"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#;
    let request = |bytes: usize| {
        let mut request = mock_request();
        let mut conversation = (*request.conversation).clone();
        conversation.turns[0].texts[0].contents = vec!["x".repeat(bytes)];
        request.conversation = Arc::new(conversation);
        request
    };
    let format = |request: Request| -> Do {
        Box::new(move |endpoint| {
            let payload = endpoint.format_payload(request.info());
            // An endpoint that refuses is measured as it refuses.
            drop(black_box(payload.and_then(|payload| payload.into_bytes(request.info()))));
        })
    };
    let plain = mock_request();
    vec![
        ("headers: the way there and back", Box::new(move |endpoint| drop(black_box(endpoint.headers(plain.info()))))),
        ("a body of 64 bytes of text", format(request(64))),
        ("a body of 4096 bytes of text", format(request(4096))),
        (
            "an event of a stream",
            Box::new(|endpoint| drop(black_box(endpoint.parse_response(mock_event(EVENT).response())))),
        ),
        (
            "a whole reply",
            Box::new(|endpoint| drop(black_box(endpoint.parse_response(mock_response(REPLY).response())))),
        ),
    ]
}

/// The mean of one round, nanoseconds.
fn per_call(clock: Clock, call: impl Fn()) -> f64 {
    let start = clock.now_ns();
    let mut calls = 0_u32;
    loop {
        for _ in 0..16 {
            call();
        }
        calls += 16;
        let elapsed = clock.now_ns() - start;
        if elapsed >= ROUND_NS {
            return elapsed as f64 / f64::from(calls);
        }
    }
}
