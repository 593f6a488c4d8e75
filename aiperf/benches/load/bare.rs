//! The barest client: hyper, one connection per slot, every event split off and parsed, and the time of each kept. What any
//! client of these streams must do, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use aiperf::run::calibration::Spread;

/// The part of an event that tells whether it has content.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<std::borrow::Cow<'a, str>>,
}

/// What one slot measured.
#[derive(Default)]
struct Measured {
    ttft: Spread,
    itl: Spread,
    tokens: usize,
}

/// Sends `requests` requests, `concurrency` at a time, and prints what it measured as JSON.
pub(crate) fn run(port: u16, concurrency: usize, requests: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let left = Arc::new(AtomicUsize::new(requests));
        let began = Instant::now();
        let slots: Vec<_> = (0..concurrency).map(|_| tokio::spawn(slot(port, Arc::clone(&left)))).collect();
        let mut all = Measured::default();
        for slot in slots {
            let mut one = slot.await.expect("a slot does not panic");
            all.ttft.append(&mut one.ttft);
            all.itl.append(&mut one.itl);
            all.tokens += one.tokens;
        }
        let seconds = began.elapsed().as_secs_f64();
        println!(
            r#"{{"requests_per_second":{:.3},"tokens":{},"ttft":{},"itl":{}}}"#,
            requests as f64 / seconds,
            all.tokens,
            all.ttft.json(),
            all.itl.json()
        );
    });
}

async fn slot(port: u16, left: Arc<AtomicUsize>) -> Measured {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server is up");
    stream.set_nodelay(true).expect("a socket");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let prompt = "word ".repeat(32);
    let body = format!(
        r#"{{"model":"bench","messages":[{{"role":"user","content":"{prompt}"}}],"stream":true,"max_completion_tokens":16}}"#
    );
    let mut measured = Measured::default();
    let mut warm = false;
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let request = hyper::Request::post("/v1/chat/completions")
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.clone())))
            .expect("a request");
        let began = Instant::now();
        sender.ready().await.expect("a connection");
        let mut reply = sender.send_request(request).await.expect("a reply").into_body();
        let (mut first, mut last, mut tokens) = (None, began, 0_usize);
        let mut text = Vec::new();
        while let Some(frame) = reply.frame().await {
            let now = Instant::now();
            let Ok(bytes) = frame.expect("a whole reply").into_data() else { continue };
            text.extend_from_slice(&bytes);
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let data = text[..end].strip_prefix(b"data: ").unwrap_or_default();
                if let Ok(event) = serde_json::from_slice::<Event<'_>>(data) {
                    let content = event.choices.first().and_then(|choice| choice.delta.content.as_deref());
                    if content.is_some_and(|content| !content.is_empty()) {
                        first.get_or_insert(now);
                        last = now;
                        tokens += 1;
                    }
                }
                text.drain(..end + 2);
            }
        }
        let first = first.expect("a reply has a token");
        // The first of each slot is a warm-up, as aiperf is given one: both measure open connections.
        if !std::mem::replace(&mut warm, true) {
            continue;
        }
        measured.ttft.add((first - began).as_secs_f64() * 1e3);
        if tokens > 1 {
            measured.itl.add((last - first).as_secs_f64() * 1e3 / (tokens - 1) as f64);
        }
        measured.tokens += tokens;
    }
    measured
}
