//! A server of chat streams that knows what it did: every token at its time, and the times at which it was really written
//! kept. One thread, so that it takes no more of the machine than it must. Speaks just enough HTTP/1.1 for a load.
//! A request has arrived when the system had its last byte, not when this thread came to read it.
//!
//! `POST` anything: a stream. `GET` anything: what was done since the last time it was asked, in percentiles.

use std::cell::RefCell;
use std::io;
use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::spread::Spread;
use crate::clock::Clock;
use crate::transport::http::Stamped;

/// What a reply looks like.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// From the request to its first token.
    pub ttft: Duration,
    /// Between two tokens.
    pub itl: Duration,
    /// Tokens of a reply, each an event of its own.
    pub tokens: u32,
}

/// One reply by the server's own clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// `X-Request-ID` of the request.
    pub x_request_id: String,
    /// From the arrival of the whole request to the first token, milliseconds.
    pub ttft_ms: f64,
    /// Mean time between two tokens, milliseconds; absent where there was one.
    pub itl_ms: Option<f64>,
}

/// What the server did since it was last asked.
#[derive(Debug, Default)]
struct Done {
    arrivals_ns: Vec<u64>,
    served: Vec<Served>,
}

/// What all connections share.
struct Shared {
    clock: Clock,
    script: Script,
    token: Vec<u8>,
    end: Vec<u8>,
    done: RefCell<Done>,
}

/// A request that was read.
struct Asked {
    length: usize,
    asks_what_was_done: bool,
    x_request_id: String,
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

fn event(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

fn chunk_event(delta: &str, finish_reason: &str) -> Vec<u8> {
    event(&format!(
        r#"{{"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"calibration","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish_reason}}}]}}"#
    ))
}

/// Serves until it is told to end, or whoever would tell it is gone. Gives what was not asked for yet.
///
/// # Errors
/// When the system gives no runtime, or the listener fails.
pub fn serve(listener: StdListener, script: Script, until: oneshot::Receiver<()>) -> io::Result<Vec<Served>> {
    let mut end = chunk_event("{}", r#""length""#);
    end.extend(event("[DONE]"));
    end.extend(b"0\r\n\r\n");
    let shared = Rc::new(Shared {
        clock: Clock::start(),
        script,
        token: chunk_event(r#"{"content":" token"}"#, "null"),
        end,
        done: RefCell::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        tokio::select! {
            failed = accept(listener, Rc::clone(&shared)) => Err(failed),
            _ = until => Ok(()),
        }
    })?;
    Ok(std::mem::take(&mut shared.done.borrow_mut().served))
}

async fn accept(listener: TcpListener, shared: Rc<Shared>) -> io::Error {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::task::spawn_local(connection(stream, Rc::clone(&shared)))),
            Err(error) => return error,
        }
    }
}

/// One request of a connection after the other, until the client goes.
async fn connection(stream: TcpStream, shared: Rc<Shared>) {
    // Without it a token may wait for the one before to be acknowledged; then the times tell.
    let _ = stream.set_nodelay(true);
    let mut stream = Stamped::new(stream, shared.clock);
    let mut read = Vec::with_capacity(4096);
    while let Some(asked) = request(&mut stream, &mut read).await {
        read.drain(..asked.length);
        let written = if asked.asks_what_was_done {
            let body = summary(std::mem::take(&mut *shared.done.borrow_mut()));
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await
        } else {
            reply(&mut stream, asked.x_request_id, &shared).await
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads until a whole request is there.
async fn request(stream: &mut Stamped, read: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = std::str::from_utf8(read.get(..end)?).ok()?;
            let header = |wanted: &str| {
                head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case(wanted).then(|| value.trim())
                })
            };
            let length = end + 4 + header("content-length").map_or(Some(0), |length| length.parse().ok())?;
            if read.len() >= length {
                let x_request_id = header("x-request-id").unwrap_or_default().to_owned();
                return Some(Asked { length, asks_what_was_done: head.starts_with("GET "), x_request_id });
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

async fn reply(stream: &mut Stamped, x_request_id: String, shared: &Shared) -> io::Result<()> {
    let Shared { clock, script, .. } = shared;
    let arrived = stream.seen().arrived_ns();
    shared.done.borrow_mut().arrivals_ns.push(arrived);
    stream.write_all(HEAD).await?;
    let (mut first, mut last) = (arrived, arrived);
    for number in 0..script.tokens {
        let due = arrived + (script.ttft + script.itl * number).as_nanos() as u64;
        if due > clock.now_ns() {
            sleep_until(clock.instant(due).into()).await;
        }
        last = clock.now_ns();
        if number == 0 {
            first = last;
        }
        stream.write_all(&shared.token).await?;
    }
    stream.write_all(&shared.end).await?;
    let gaps = script.tokens.saturating_sub(1);
    let served = Served {
        x_request_id,
        ttft_ms: (first - arrived) as f64 / 1e6,
        itl_ms: (gaps > 0).then(|| (last - first) as f64 / f64::from(gaps) / 1e6),
    };
    shared.done.borrow_mut().served.push(served);
    Ok(())
}

fn summary(mut done: Done) -> String {
    // They were read in another order than they came.
    done.arrivals_ns.sort_unstable();
    let gaps: Vec<f64> = done.arrivals_ns.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect();
    let count = gaps.len().max(1) as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    let per_mean = |value: f64| if mean > 0.0 { value / mean } else { 0.0 };
    json!({
        "requests": done.arrivals_ns.len(),
        "arrival_rate": per_mean(1.0),
        "arrival_cv": per_mean(variance.sqrt()),
        "ttft": done.served.iter().map(|served| served.ttft_ms).collect::<Spread>().json(),
        "itl": done.served.iter().filter_map(|served| served.itl_ms).collect::<Spread>().json(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_reply_is_written_in_its_time_and_the_server_knows_when() {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script { ttft: Duration::from_millis(20), itl: Duration::from_millis(2), tokens: 3 };
        let (end, until) = oneshot::channel();
        let server = std::thread::spawn(move || serve(listener, script, until).unwrap());
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nX-Request-ID: one\r\nContent-Length: 2\r\n\r\n{").unwrap();
        stream.write_all(b"}").unwrap();
        let mut text = String::new();
        while !text.ends_with("0\r\n\r\n") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap();
            text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        assert_eq!(text.matches(r#""content":" token""#).count(), 3);
        end.send(()).unwrap();
        let served = server.join().unwrap();
        assert_eq!((served.len(), served[0].x_request_id.as_str()), (1, "one"));
        assert!(served[0].ttft_ms >= 20.0 && served[0].itl_ms.unwrap() > 0.0, "{served:?}");
    }

    #[test]
    fn the_rate_of_arrivals_does_not_depend_on_the_order_they_were_read_in() {
        let told = |arrivals_ns: &[u64]| summary(Done { arrivals_ns: arrivals_ns.to_vec(), served: Vec::new() });
        let said = told(&[3_000_000, 1_000_000, 2_000_000]);
        assert_eq!(said, told(&[1_000_000, 2_000_000, 3_000_000]));
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((said["arrival_rate"].as_f64(), said["arrival_cv"].as_f64()), (Some(1000.0), Some(0.0)));
    }
}
