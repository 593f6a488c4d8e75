//! A server of chat streams: every token at its time, and the times at which it was really written kept. One thread, so
//! that it takes no more of the machine than it must.
//!
//! `POST` anything: a stream. `GET /stats`: what was written when, since the last time it was asked.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep_until;

use super::spread::Spread;

/// What a reply looks like.
#[derive(Debug, Clone)]
pub(crate) struct Replies {
    /// From the request to its first token.
    pub(crate) ttft: Duration,
    /// Between two tokens.
    pub(crate) itl: Duration,
    pub(crate) tokens: usize,
}

/// What the server did since it was last asked.
#[derive(Debug, Default)]
struct Done {
    ttft: Spread,
    itl: Spread,
    arrivals: Vec<Instant>,
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const END: &[u8] = b"0\r\n\r\n";

fn event(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

fn token() -> Vec<u8> {
    event(
        r#"{"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"bench","choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}"#,
    )
}

/// Serves until it is killed. Prints its port first.
pub(crate) fn run(replies: &Replies) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = Rc::new(RefCell::new(Done::default()));
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address").port());
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::task::spawn_local(connection(stream, replies.clone(), Rc::clone(&done)));
        }
    });
}

/// One connection after the other's request, until the client goes.
async fn connection(mut stream: TcpStream, replies: Replies, done: Rc<RefCell<Done>>) {
    let _ = stream.set_nodelay(true);
    let mut read = Vec::with_capacity(4096);
    while let Some(length) = request(&mut stream, &mut read).await {
        let asked = read.starts_with(b"GET ");
        read.drain(..length);
        let written = if asked {
            let body = stats(&mut done.borrow_mut());
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await
        } else {
            reply(&mut stream, &replies, &done).await
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads until a whole request is there; its length.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = std::str::from_utf8(&read[..end]).ok()?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            let whole = end + 4 + length.unwrap_or(0);
            if read.len() >= whole {
                return Some(whole);
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

async fn reply(stream: &mut TcpStream, replies: &Replies, done: &RefCell<Done>) -> std::io::Result<()> {
    let arrived = Instant::now();
    done.borrow_mut().arrivals.push(arrived);
    stream.write_all(HEAD).await?;
    let token = token();
    let (mut first, mut last) = (arrived, arrived);
    for number in 0..replies.tokens {
        let due = arrived + replies.ttft + replies.itl * number as u32;
        if due > Instant::now() {
            sleep_until(due.into()).await;
        }
        last = Instant::now();
        if number == 0 {
            first = last;
        }
        stream.write_all(&token).await?;
    }
    let mut end = event(
        r#"{"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
    );
    end.extend(event("[DONE]"));
    end.extend(END);
    stream.write_all(&end).await?;
    let mut done = done.borrow_mut();
    done.ttft.add(first - arrived);
    if replies.tokens > 1 {
        done.itl.add((last - first) / (replies.tokens as u32 - 1));
    }
    Ok(())
}

/// What was done, as JSON, and forgets it.
fn stats(done: &mut Done) -> String {
    let mut done = std::mem::take(done);
    let gaps: Vec<f64> = done.arrivals.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len().max(1) as f64;
    format!(
        r#"{{"requests":{},"arrival_rate":{:.4},"arrival_cv":{:.5},"ttft":{},"itl":{}}}"#,
        done.arrivals.len(),
        if mean > 0.0 { 1.0 / mean } else { 0.0 },
        if mean > 0.0 { variance.sqrt() / mean } else { 0.0 },
        done.ttft.json(),
        done.itl.json()
    )
}
