//! A reply through each dialect: any bytes are content, nothing, or a failure; and text, counts and times are the same however
//! the network cut it. Goes the way of a run: collected chunk by chunk, then read.

use std::sync::{Arc, OnceLock};

use aiperf::builtin::table::BuiltIn;
use aiperf::clock::Clock;
use aiperf::endpoint::opening::Opening;
use aiperf::endpoint::reading::{Reading, read_reply};
use aiperf::reply::Reply;
use aiperf::transport::collect::{Outcome, collector};
use aiperf_abi::Endpoint;
use aiperf_abi::testing::{Fixture, MockHost};
use serde_json::json;

use super::Input;

const TYPES: [Option<&str>; 6] = [
    Some("text/event-stream"),
    Some("application/json"),
    None,
    Some("text/plain; charset=utf-8"),
    Some("application/octet-stream"),
    Some("text/event-stream;charset=utf-8"),
];

/// Every dialect, and those of the user's own making a second time with a path into the reply.
fn endpoints() -> &'static [Arc<dyn Endpoint>] {
    static ENDPOINTS: OnceLock<Vec<Arc<dyn Endpoint>>> = OnceLock::new();
    ENDPOINTS.get_or_init(|| {
        let plain = json!({"payload_template": "{}"});
        let path = json!({"payload_template": "{}", "response_field": "choices[].text | [0] || data[*]"});
        let classes = <dyn Endpoint as BuiltIn>::CLASSES;
        let own = classes.iter().filter(|(class, _)| ["TemplateEndpoint", "RawEndpoint"].contains(class));
        let all = classes.iter().map(|class| (class, &plain)).chain(own.map(|class| (class, &path)));
        let made = all.map(|((class, new), config)| {
            let endpoint = new(&Fixture::new(config.clone()).context(&MockHost::default()));
            Arc::from(endpoint.unwrap_or_else(|error| panic!("{class}: {error}")))
        });
        made.collect()
    })
}

pub(super) fn response(bytes: &[u8]) {
    let mut input = Input::of(bytes);
    let endpoint = &endpoints()[usize::from(input.byte()) % endpoints().len()];
    let form = input.byte();
    let (ends, body) = input.cut_bytes();
    let each_byte: Vec<usize> = (1..=body.len()).collect();
    let exact = read_reply(&**endpoint, &collected(form, body, &each_byte));
    assert!(exact.error.is_some() || !exact.content_ns.is_empty(), "neither a result nor a failure");
    for ends in [&[body.len()][..], &ends] {
        let stamp = |end: u64| ends.iter().zip(1..).find(|(at, _)| **at as u64 >= end).map_or(0, |(_, number)| number);
        let expected = Reading {
            content_ns: exact.content_ns.iter().map(|end| stamp(*end)).collect(),
            first_output_ns: exact.first_output_ns.map(stamp),
            ..exact.clone()
        };
        let reply = collected(form, body, ends);
        let expected = if reply.arrivals.is_empty() { exact.clone() } else { expected };
        assert_eq!(read_reply(&**endpoint, &reply), expected);
        opening(endpoint, &reply, &exact);
    }
}

/// A reply whose chunks end at `ends`, the first of them at the time 1, the second at 2.
fn collected(form: u8, body: &[u8], ends: &[usize]) -> Reply {
    let (mut sink, collected) = collector(Clock::start());
    let content_type = TYPES[usize::from(form & 0x3f) % TYPES.len()];
    let headers: Vec<(&str, &str)> = content_type.iter().map(|kind| ("Content-Type", *kind)).collect();
    sink.head_at(0, if form & 0x40 == 0 { 200 } else { 503 }, &headers);
    let mut start = 0;
    for (&end, at_ns) in ends.iter().zip(1..) {
        sink.chunk_at(at_ns, &body[start..end]);
        start = end;
    }
    drop(sink);
    collected.finish(Outcome::Ended(Ok(())))
}

/// Whoever waits for the first content while the reply arrives hears of it, if it is a stream that ends as it should.
fn opening(endpoint: &Arc<dyn Endpoint>, reply: &Reply, reading: &Reading) {
    let mut opening = Opening::new(Arc::clone(endpoint));
    let headers: Vec<(&str, &str)> = reply.content_type.iter().map(|kind| ("Content-Type", kind.as_str())).collect();
    opening.head(reply.status.unwrap_or_default(), &headers);
    let mut start = 0;
    let mut chunks =
        reply.arrivals.iter().map(|arrival| &reply.body[std::mem::replace(&mut start, arrival.end)..arrival.end]);
    let heard = chunks.any(|chunk| opening.brings_content(chunk));
    let is_stream = reply.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/event-stream"));
    if is_stream && reply.body.starts_with(b"data:") && reply.body.ends_with(b"\n\n") && reading.error.is_none() {
        assert!(heard, "content that nobody heard of");
    }
}
