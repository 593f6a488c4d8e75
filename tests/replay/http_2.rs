//! HTTP/2 where it is asked for, against a server that speaks it; and what is said where client and server disagree.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiperf::clock::Clock;
use aiperf::endpoint::reading::read_reply;
use aiperf::transport::HttpTransport;
use aiperf::transport::collect::{Outcome, collector};
use aiperf_abi::Transport;
use futures_util::stream::{self, StreamExt};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::harness::{endpoint, exchange, made, post};
use crate::support::{Answer, Server};

const PIECES: usize = 5;

fn speaking(version: &str) -> HttpTransport {
    made(&format!(r#"{{"config": {{"http_version": "{version}"}}}}"#)).expect("a transport")
}

type Frames = std::pin::Pin<Box<dyn futures_util::Stream<Item = std::io::Result<Frame<Bytes>>> + Send>>;

/// A stream of events, an event to a frame; where there is a word to wait for, it fails after that.
fn events(fails_at: Option<Arc<Notify>>) -> Response<StreamBody<Frames>> {
    let event = |number| {
        let delta = format!(r#"{{"content":"t{number} "}}"#);
        format!("data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"delta\":{delta}}}]}}\n\n")
    };
    let frames: Vec<_> = (0..PIECES).map(|number| Ok(Frame::data(Bytes::from(event(number))))).collect();
    let frames = stream::iter(frames);
    let all: Frames = match fails_at {
        None => Box::pin(frames),
        Some(word) => Box::pin(frames.chain(stream::once(async move {
            word.notified().await;
            Err(std::io::Error::other("out of memory"))
        }))),
    };
    Response::builder().header("content-type", "text/event-stream").body(StreamBody::new(all)).expect("a response")
}

/// A server that speaks HTTP/2 and nothing else, and how many connections it has accepted.
async fn http_2_server(fails_at: Option<Arc<Notify>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let fails_at = fails_at.clone();
            let answer = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                assert_eq!(request.version(), Version::HTTP_2);
                std::future::ready(Ok::<_, Infallible>(events(fails_at.clone())))
            });
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, accepted)
}

#[tokio::test]
async fn streams_come_over_one_shared_connection() {
    let (address, accepted) = http_2_server(None).await;
    let (http, url) = (speaking("2"), format!("http://{address}"));
    let all = (0..64).map(|_| {
        let (http, request) = (http.clone(), post(&url));
        tokio::spawn(async move { exchange(&http, request).await })
    });
    for sent in all.collect::<Vec<_>>() {
        let reply = sent.await.expect("it ends");
        let reading = read_reply(&*endpoint("chat"), &reply);
        assert_eq!((reading.error, reading.text.as_str()), (None, "t0 t1 t2 t3 t4 "));
        assert_eq!(reading.content_ns.len(), PIECES);
        assert!(reply.sent_ns.is_some() && reply.sent_ns <= reply.head_ns);
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let later = exchange(&http, post(&url)).await;
    assert!(later.connection.reused_ns.is_some());
}

#[tokio::test]
async fn a_long_body_is_sent_whole_within_the_windows_of_the_server() {
    let (address, _) = http_2_server(None).await;
    let mut request = post(&format!("http://{address}"));
    request.body = vec![b' '; 3_000_000];
    let reply = exchange(&speaking("2"), request).await;
    // This server answers without reading; it is the answer that counts.
    assert_eq!((reply.status, reply.error), (Some(200), None));
}

#[tokio::test]
async fn what_came_before_a_stream_was_reset_is_kept() {
    let word = Arc::new(Notify::new());
    let (address, _) = http_2_server(Some(Arc::clone(&word))).await;
    let (sink, collected) = collector(Clock::start());
    let sending = tokio::spawn(speaking("2").send(post(&format!("http://{address}")), sink));
    while collected.pieces() < PIECES {
        tokio::task::yield_now().await;
    }
    word.notify_one();
    let reply = collected.finish(Outcome::Ended(sending.await.expect("it ends")));
    let reading = read_reply(&*endpoint("chat"), &reply);
    assert_eq!(reading.content_ns.len(), PIECES);
    assert_eq!(reading.error.expect("a failure").kind, "IncompleteBody");
}

#[tokio::test]
async fn a_server_of_another_version_is_told_as_such() {
    let polite = Server::always(Answer::whole("400 Bad Request", "text/plain", "what is PRI?"));
    let silent = Server::always(Answer::hang_up());
    for server in [polite, silent] {
        let error = exchange(&speaking("2"), post(&server.url())).await.error.expect("a failure");
        assert!(error.message.contains("HTTP/2") && error.message.contains("--http-version 1.1"), "{}", error.message);
        assert_eq!(server.seen()[0].method, "PRI");
    }
    let (address, _) = http_2_server(None).await;
    let error = exchange(&speaking("1.1"), post(&format!("http://{address}"))).await.error.expect("a failure");
    assert_eq!(error.kind, "ProtocolError");
    assert!(error.message.contains("--http-version 2"), "{}", error.message);
}

#[tokio::test]
async fn a_secure_connection_offers_the_versions_that_were_chosen() {
    for (version, offers) in [("1.1", [false, true]), ("2", [true, false]), ("auto", [true, true])] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("https://{}", listener.local_addr().expect("its address"));
        let http = speaking(version);
        let sending = tokio::spawn(async move { exchange(&http, post(&url)).await });
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut hello = vec![0; 4096];
        let length = stream.read(&mut hello).await.expect("a client's hello");
        drop(stream);
        let offered = |name: &[u8]| hello[..length].windows(name.len()).any(|bytes| bytes == name);
        assert_eq!([offered(b"\x02h2"), offered(b"\x08http/1.1")], offers, "{version}");
        assert!(sending.await.expect("it ends").error.is_some());
    }
}

#[tokio::test]
async fn without_tls_a_free_choice_is_the_older_version() {
    let server = Server::always(Answer::chat(3));
    assert_eq!(exchange(&speaking("auto"), post(&server.url())).await.error, None);
}
