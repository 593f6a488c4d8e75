//! What reading a reply costs: from the bytes of a stream to its text, times and counts. `cargo bench --bench reading`;
//! nanoseconds per event, the best of many rounds.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aiperf::endpoint::reading::read_reply;
use aiperf::endpoint::{ChatEndpoint, CompletionsEndpoint, MessagesEndpoint, ResponsesEndpoint};
use aiperf::reply::{Arrival, Reply};
use aiperf::transport::sse;
use aiperf_abi::testing::construct;
use aiperf_abi::{Endpoint, json};

const ROUND: Duration = Duration::from_millis(20);

const ROUNDS: u32 = 25;

fn main() {
    println!("{:<24} {:>8} {:>12} {:>12}", "stream", "events", "split (ns)", "read (ns)");
    for (name, endpoint, event) in dialects() {
        for events in [16, 500] {
            let reply = reply(&event, events);
            let (mut split, mut read) = (f64::MAX, f64::MAX);
            for _ in 0..ROUNDS {
                split = split.min(nanoseconds(|| {
                    black_box(sse::events(&reply.body, &reply.arrivals).count());
                }));
                read = read.min(nanoseconds(|| {
                    black_box(read_reply(&*endpoint, &reply));
                }));
            }
            let per = f64::from(events);
            println!("{name:<24} {events:>8} {:>12.0} {:>12.0}", split / per, read / per);
        }
    }
}

type Dialect = (&'static str, Box<dyn Endpoint>, String);

fn dialects() -> Vec<Dialect> {
    const WORKS: &str = "it has no way to fail";
    let chunk = |choice: &str, more: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
             \"model\":\"some/model\",\"choices\":[{{\"index\":0,{choice},\"logprobs\":null,\"finish_reason\":null}}]{more}}}\n\n"
        )
    };
    let usage = ",\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":5,\"total_tokens\":37}";
    let chat = || -> Box<dyn Endpoint> { Box::new(construct::<ChatEndpoint>(json!({})).expect(WORKS)) };
    let content = "\"delta\":{\"content\":\" token\"}";
    let text = "\"text\":\" token\"";
    let completion = chunk(text, "").replace("chat.completion.chunk", "text_completion");
    let said = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":9,\
                \"item_id\":\"msg_0123456789abcdef\",\"output_index\":0,\"content_index\":0,\"delta\":\" token\"}\n\n";
    let block = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n";
    vec![
        ("chat", chat(), chunk(content, "")),
        ("chat, usage in each", chat(), chunk(content, usage)),
        ("completions", Box::new(construct::<CompletionsEndpoint>(json!({})).expect(WORKS)), completion),
        ("responses", Box::new(construct::<ResponsesEndpoint>(json!({})).expect(WORKS)), said.to_owned()),
        ("messages", Box::new(construct::<MessagesEndpoint>(json!({})).expect(WORKS)), block.to_owned()),
    ]
}

/// A stream of so many events, each of which arrived alone.
fn reply(event: &str, events: u32) -> Reply {
    let mut reply = Reply { status: Some(200), content_type: Some("text/event-stream".to_owned()), ..Reply::default() };
    for at_ns in 1..=u64::from(events) {
        reply.body.extend_from_slice(event.as_bytes());
        reply.arrivals.push(Arrival { end: reply.body.len(), at_ns });
    }
    reply.body.extend_from_slice(b"data: [DONE]\n\n");
    reply
}

/// The mean over one round.
fn nanoseconds(call: impl Fn()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    loop {
        for _ in 0..8 {
            call();
        }
        calls += 8;
        let elapsed = start.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_nanos() as f64 / f64::from(calls);
        }
    }
}
