//! What reading a stream costs the client. Run by hand: `cargo test --release -p aiperf --test replay cost -- --ignored
//! --nocapture`.

use std::time::Duration;

use aiperf::endpoint::reading::read_reply;

use crate::harness::{endpoint, exchange, http, post};
use crate::support::{Answer, Server};

const STREAMS: usize = 64;
const TOKENS: usize = 2000;

/// CPU time of this process but for the thread that is the server.
fn client_cpu(server: &str) -> Duration {
    let tick = Duration::from_millis(10);
    let threads = std::fs::read_dir("/proc/self/task").expect("threads").filter_map(|thread| {
        let path = thread.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        (name.trim() != server)
            .then(|| fields[11..13].iter().filter_map(|ticks| ticks.parse::<u32>().ok()).sum::<u32>())
    });
    tick * threads.sum::<u32>()
}

#[test]
#[ignore = "measures, asserts nothing about time"]
fn cost_of_a_streamed_chunk() {
    let server = Server::always(Answer::chat_stream(TOKENS));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let before = client_cpu("scripted-server");
    let replies = runtime.block_on(async {
        let http = http();
        let all = (0..STREAMS).map(|_| {
            let (http, request) = (http.clone(), post(&server.url()));
            tokio::spawn(async move { exchange(&http, request).await })
        });
        let mut replies = Vec::new();
        for sent in all.collect::<Vec<_>>() {
            replies.push(sent.await.expect("it ends"));
        }
        replies
    });
    let received = client_cpu("scripted-server");
    let chat = endpoint("chat");
    for reply in &replies {
        assert_eq!(read_reply(&*chat, reply).content_ns.len(), TOKENS);
    }
    let read = client_cpu("scripted-server");
    let per_event = |cpu: Duration| cpu / (STREAMS * TOKENS) as u32;
    let network: usize = replies.iter().map(|reply| reply.arrivals.len()).sum();
    {
        eprintln!(
            "{STREAMS} streams of {TOKENS} events ({network} arrivals): receiving {:?}, reading {:?} of CPU per event",
            per_event(received - before),
            per_event(read - received),
        );
    }
}
