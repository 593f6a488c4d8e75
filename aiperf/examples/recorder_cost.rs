//! What recording costs: replies of sixteen tokens in a stream, parsed, counted, summed up and encoded, on one thread.
//!
//! `cargo run --release -p aiperf --example recorder_cost [REQUESTS] [summary|records]` prints the time per request, the
//! share of a core at 5,000 requests a second, and the memory before and after.

#![expect(clippy::print_stdout, reason = "a program whose purpose is to print")]

use std::sync::Arc;

use aiperf::clock::Clock;
use aiperf::credit::{Credit, Phase};
use aiperf::endpoint::ChatEndpoint;
use aiperf::exchange::Exchange;
use aiperf::metric::{Aggregate, Applicability, Measures, RecordEncoder, Window};
use aiperf::record::{Recorder, TokenCount};
use aiperf::reply::{Arrival, Reply};
use aiperf::tokenizer::{Embedded, Tokenizer};
use aiperf_abi::data::request::Request;
use aiperf_abi::{EndpointMetadata, ModelEndpoint, json};

const TOKENS: u64 = 16;
const MS: u64 = 1_000_000;
const EVENT: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\
                     \"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n";

fn main() {
    let mut args = std::env::args().skip(1);
    let requests: u64 = args.next().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let keeps_records = args.next().is_none_or(|level| level == "records");

    let endpoint = aiperf_abi::testing::construct::<ChatEndpoint>(json!({})).expect("an endpoint");
    let tokenizer = TokenCount::Local(Arc::new(Tokenizer::embedded(Embedded::O200kBase)));
    let mut recorder = Recorder::new(Arc::new(endpoint), tokenizer.clone(), tokenizer);
    let metadata = EndpointMetadata {
        supports_streaming: true,
        tokenizes_input: true,
        produces_tokens: true,
        ..EndpointMetadata::default()
    };
    let model = ModelEndpoint { streaming: true, ..ModelEndpoint::default() };
    let applicability = Applicability::new(&metadata, &model);
    let measures = Measures::default();
    let clock = Clock::start();
    let mut aggregate = Aggregate::new(applicability, &measures);
    let encoder = RecordEncoder::new(applicability, &measures, clock);
    let (mut lines, mut bytes) = (String::new(), 0);

    let before_kib = resident_kib();
    let (mut facts_ns, mut sums_ns, mut lines_ns) = (0, 0, 0);
    for number in 0..requests {
        let exchange = exchange(number);
        let start = clock.now_ns();
        let facts = recorder.facts(&exchange);
        let parsed = clock.now_ns();
        aggregate.add(&facts);
        let summed = clock.now_ns();
        if keeps_records {
            encoder.encode(&facts, &mut lines);
        }
        let ended = clock.now_ns();
        (facts_ns, sums_ns, lines_ns) =
            (facts_ns + parsed - start, sums_ns + summed - parsed, lines_ns + ended - summed);
        bytes += lines.len();
        lines.clear();
    }
    let window = Window { start_ns: 0, end_ns: requests * MS };
    let finish = clock.now_ns();
    let metrics = aggregate.finish(window).len();
    let steady = aggregate.steady_state(window);
    let finish_ns = clock.now_ns() - finish;

    let each = |ns: u64| ns as f64 / requests as f64 / 1e3;
    println!("{requests} requests of {TOKENS} tokens, {metrics} metrics, {bytes} bytes of records");
    println!(
        "parse and count {:.2} us, sum up {:.2} us, encode {:.2} us",
        each(facts_ns),
        each(sums_ns),
        each(lines_ns)
    );
    let all = each(facts_ns + sums_ns + lines_ns);
    println!("{all:.2} us a request: {:.1} % of a core at 5,000 requests/s", all * 5_000.0 / 1e4);
    println!("final numbers {:.1} ms, steady state found: {}", finish_ns as f64 / 1e6, steady.found);
    println!("resident memory: {before_kib} KiB before, {} KiB after", resident_kib());
}

/// A reply of sixteen tokens after fifty milliseconds, five apart, each request with its own scatter.
fn exchange(number: u64) -> Exchange {
    let scatter =
        |salt: u64| (number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(salt * 1_442_695) >> 33) % (2 * MS);
    let start_ns = number * MS / 5;
    let (mut body, mut arrivals) = (Vec::new(), Vec::new());
    for token in 0..TOKENS {
        body.extend_from_slice(EVENT.as_bytes());
        arrivals.push(Arrival { end: body.len(), at_ns: start_ns + 50 * MS + token * 5 * MS + scatter(token) });
    }
    body.extend_from_slice(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":32,\"completion_tokens\":16,\"total_tokens\":48}}\n\ndata: [DONE]\n\n");
    let end_ns = start_ns + 50 * MS + TOKENS * 5 * MS + 2 * MS;
    arrivals.push(Arrival { end: body.len(), at_ns: end_ns });
    Exchange {
        credit: Credit {
            id: number,
            phase: Phase::Profiling,
            session: number,
            conversation: number % 100,
            turn_index: 0,
            intended_ns: start_ns,
            cancel_after_ns: None,
            holds_prefill_slot: false,
        },
        request: Request { x_request_id: format!("request-{number}"), ..Request::default() },
        reply: Reply {
            start_ns,
            connection: aiperf::reply::Connection::default(),
            sent_bytes: 0,
            sent_ns: Some(start_ns + 20_000),
            head_ns: Some(start_ns + 40 * MS),
            status: Some(200),
            content_type: Some("text/event-stream".to_owned()),
            body,
            arrivals,
            end_ns,
            ..Reply::default()
        },
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
