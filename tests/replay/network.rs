//! Connections that fail, and connections that must not.

use std::time::Duration;

use aiperf::clock::Clock;
use aiperf::endpoint::reading::read_reply;
use aiperf::transport::HttpTransport;
use aiperf::transport::collect::{Outcome, collector};
use aiperf::transport::failure::GivenUp;
use aiperf_abi::{Transport, TransportRequest};

use crate::harness::{ask, endpoint, exchange, http, made, post};
use crate::support::{Answer, Seen, Server, Step, chunk};

const HELLO: &str = r#"{"object":"chat.completion","choices":[{"message":{"content":"hello"}}]}"#;
const DELTA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hel\"}}]}\n\n";

async fn kind(url: &str) -> String {
    let (_, reading) = ask(url, "chat").await;
    reading.error.expect("a failure").kind
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

#[tokio::test]
async fn each_way_to_fail_has_its_own_word() {
    assert_eq!(kind(&format!("http://127.0.0.1:{}", free_port())).await, "ConnectionRefused");
    assert_eq!(kind("http://no-such-host.invalid").await, "DnsError");
    assert_eq!(kind("http://no host").await, "InvalidRequest");

    let plain = Server::always(Answer::raw("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let silent = Server::always(Answer::hang_up());
    let reset = Server::always(Answer::reset());
    let garbage = Server::always(Answer::raw("SSH-2.0-OpenSSH\r\n\r\n").then(Step::Close));
    assert_eq!(kind(&silent.url()).await, "ServerDisconnected");
    assert_eq!(kind(&reset.url()).await, "ConnectionReset");
    assert_eq!(kind(&garbage.url()).await, "ProtocolError");
    drop(plain);
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_error() {
    // It answers a TLS hello with plain HTTP.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let error = ask(&format!("https://{address}"), "chat").await.1.error.expect("a failure");
    assert_eq!(error.kind, "TlsError", "{}", error.message);
    server.abort();
}

#[tokio::test]
async fn what_came_before_the_end_of_a_broken_stream_is_kept() {
    let start = || Answer::chunked_head().then(Step::Send(chunk(DELTA.as_bytes())));
    let pause = Step::Pause(Duration::from_millis(30));
    for (answer, word) in
        [(start().then(Step::Close), "IncompleteBody"), (start().then(pause).then(Step::Reset), "ConnectionReset")]
    {
        let server = Server::always(answer);
        let (reply, reading) = ask(&server.url(), "chat").await;
        let error = reading.error.expect("a failure");
        assert_eq!(error.kind, word);
        assert!(error.message.contains(&server.address().to_string()), "{}", error.message);
        assert_eq!((reply.status, reading.text.as_str()), (Some(200), "hel"));
        assert_eq!(reading.content_ns.len(), 1);
    }
}

#[tokio::test]
async fn a_reply_that_is_not_what_its_head_says_is_told_as_such() {
    let headers: String = (0..20_000).map(|n| format!("X-Filler-{n}: {}\r\n", "x".repeat(80))).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\n{{}}");
    let short = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{HELLO}");
    let gzip =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n";
    let gzip = [gzip.as_bytes(), b"\x1f\x8b\x08\x00"].concat();
    for (answer, word, part) in [
        (Answer::raw(many), "ProtocolError", "too large"),
        (Answer::raw(short).then(Step::Close), "IncompleteBody", "ended the reply before its end"),
        (Answer::raw("HTTP/1.1 200 OK\r\nContent-").then(Step::Close), "ServerDisconnected", "without an answer"),
        (Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), "ProtocolError", "HTTP"),
        (Answer::raw("<html>nginx</html>\r\n\r\n").then(Step::Close), "ProtocolError", "HTTP"),
        (Answer::chunked_head().then(Step::Send(b"zz\r\n".to_vec())).then(Step::Close), "ProtocolError", "HTTP"),
        (Answer::raw(gzip), "ProtocolError", "gzip"),
    ] {
        let server = Server::always(answer);
        let error = ask(&server.url(), "chat").await.1.error.expect("a failure");
        assert_eq!(error.kind, word, "{}", error.message);
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let length = HELLO.len();
    let last = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{HELLO}");
    let server =
        Server::always(Answer::raw(format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n{last}")));
    let (reply, reading) = ask(&server.url(), "chat").await;
    assert_eq!((reply.status, reading.text.as_str(), reading.error), (Some(200), "hello", None));
}

#[tokio::test]
async fn a_body_of_fifty_megabytes_arrives_whole() {
    let text = "0123456789".repeat(5_000_000);
    let body = format!(r#"{{"object":"chat.completion","choices":[{{"message":{{"content":"{text}"}}}}]}}"#);
    let server = Server::always(Answer::json(&body));
    let (reply, reading) = ask(&server.url(), "chat").await;
    assert_eq!(reading.error, None);
    assert_eq!((reply.body.len(), reading.text.len()), (body.len(), text.len()));
    assert_eq!(reading.content_ns, [reply.arrivals.last().expect("chunks").at_ns], "there with its last byte");
}

#[tokio::test]
async fn a_request_is_given_up_in_time_wherever_the_server_stalls() {
    let late_head = Answer::hang();
    let late_body = Answer::chunked_head().then(Step::Send(chunk(DELTA.as_bytes()))).then(Step::Stall);
    for (answer, pieces) in [(late_head, 0), (late_body, 1)] {
        let server = Server::always(answer);
        let request = post(&server.url()).with_timeout(Some(Duration::from_millis(200)));
        let reply = exchange(&http(), request).await;
        let reading = read_reply(&*endpoint("chat"), &reply);
        let error = reading.error.expect("a timeout");
        assert_eq!((error.code, error.kind.as_str()), (Some(408), "TimeoutError"));
        assert_eq!(reading.content_ns.len(), pieces);
        server.release();
    }
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection_and_no_other() {
    let begun = Answer::chunked_head().then(Step::Send(chunk(DELTA.as_bytes()))).then(Step::Stall);
    for (answer, pieces) in [(Answer::hang(), 0), (begun, 1)] {
        let server = Server::in_order([Answer::json(HELLO), answer, Answer::json(HELLO)]);
        let http = http();
        assert_eq!(exchange(&http, post(&server.url())).await.error, None);
        let (sink, collected) = collector(Clock::start());
        let sending = tokio::spawn(http.send(post(&server.url()), sink));
        server.asked(2).await;
        while collected.pieces() < pieces {
            tokio::task::yield_now().await;
        }
        sending.abort();
        let _ = sending.await;
        let reply = collected.finish(Outcome::Cancelled(GivenUp::OnPurpose));
        assert_eq!(reply.error.expect("given up").code, Some(499));
        server.ended(1).await;
        assert_eq!(exchange(&http, post(&server.url())).await.error, None, "the next one gets a new connection");
        let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 0, 1]);
    }
}

#[tokio::test]
async fn connections_are_reused_and_what_was_asked_arrives_as_it_was() {
    let server = Server::always(Answer::json(HELLO));
    let http = http();
    for number in 0..3 {
        let headers = vec![("X-Request-ID".to_owned(), format!("r{number}")), ("Accept".to_owned(), "a/b".to_owned())];
        let request = TransportRequest::post(format!("{}/p?q=1", server.url()), headers, format!("[{number}]").into());
        assert_eq!(exchange(&http, request).await.error, None);
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for (number, one) in seen.iter().enumerate() {
        assert_eq!((one.connection, one.method.as_str(), one.path.as_str()), (0, "POST", "/p?q=1"));
        assert_eq!(one.body, format!("[{number}]").into_bytes());
        assert_eq!(one.header("x-request-id"), Some(format!("r{number}").as_str()));
        assert_eq!(one.header("accept"), Some("a/b"));
        assert_eq!(one.header("content-length"), Some("3"));
        assert_eq!(one.header("accept-encoding"), None);
    }
}

#[tokio::test]
async fn idle_connections_that_the_server_closes_lose_no_request() {
    // As servers do after idle seconds: the end, unannounced.
    let server = Server::always(Answer::json(HELLO).then(Step::Close));
    let http = http();
    for number in 0..100 {
        let reply = exchange(&http, post(&server.url())).await;
        assert_eq!(reply.error, None, "request {number}");
        server.closed(number + 1).await;
    }
    assert_eq!(server.seen().len(), 100, "each sent exactly once");
    assert_eq!(server.connections().accepted, 100);
}

#[tokio::test]
async fn a_last_answer_that_says_so_is_not_followed_on_its_connection() {
    // As llama.cpp does with the hundredth request of a connection.
    let last =
        Answer::raw(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{HELLO}", HELLO.len()));
    let server = Server::always(last);
    let http = http();
    for _ in 0..5 {
        assert_eq!(exchange(&http, post(&server.url())).await.error, None);
    }
    assert_eq!(server.connections().accepted, 5);
}

/// The connections that six requests of two conversations in turn take.
async fn connections_with(strategy: &str) -> Vec<usize> {
    let server = Server::always(Answer::json(HELLO));
    let config = format!(r#"{{"config":{{"connection_reuse_strategy":"{strategy}"}}}}"#);
    let http: HttpTransport = made(&config).expect("a transport");
    for session in ["a", "b", "a", "b", "b", "a"] {
        let mut request = post(&server.url());
        request.headers.push(("X-Correlation-ID".to_owned(), session.to_owned()));
        assert_eq!(exchange(&http, request).await.error, None);
    }
    server.seen().iter().map(|seen| seen.connection).collect()
}

#[tokio::test]
async fn a_request_takes_the_connection_the_strategy_says() {
    assert_eq!(connections_with("pooled").await, [0; 6]);
    assert_eq!(connections_with("never").await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(connections_with("sticky-user-sessions").await, [0, 1, 0, 1, 1, 0]);
    let wrong =
        made::<HttpTransport>(r#"{"config":{"connection_reuse_strategy":"sometimes"}}"#).expect_err("a refusal");
    assert!(wrong.to_string().contains("sticky-user-sessions"), "{wrong}");
}

/// Rounds of `width` requests at once over one transport: the connections that took.
async fn connections_for(width: usize, rounds: usize) -> usize {
    let server = Server::always(Answer::chat_stream(5));
    let http = http();
    for _ in 0..rounds {
        let all = (0..width).map(|_| {
            let (http, request) = (http.clone(), post(&server.url()));
            tokio::spawn(async move { exchange(&http, request).await })
        });
        for sent in all.collect::<Vec<_>>() {
            let reply = sent.await.expect("it ends");
            assert_eq!(reply.error, None);
            assert_eq!(read_reply(&*endpoint("chat"), &reply).content_ns.len(), 5);
        }
    }
    assert_eq!(server.seen().len(), width * rounds);
    server.connections().accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_connections_are_opened_as_requests_are_in_flight() {
    for width in [64, 512] {
        let accepted = connections_for(width, 5).await;
        assert!(accepted <= width, "{accepted} connections for {width} requests at a time");
    }
}

#[tokio::test]
async fn statuses_are_told_with_their_reason_and_body() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2/\r\nContent-Length: 0\r\n\r\n";
    let script = move |seen: &Seen| match seen.json()["case"].as_str() {
        Some("redirect") => Answer::raw(redirect),
        Some("busy") => Answer::whole("503 Service Unavailable", "text/plain", "busy\n"),
        Some("limit") => Answer::whole("429 Too Many Requests", "application/json", r#"{"error":{"message":"slow"}}"#),
        Some("page") => Answer::whole("502 Bad Gateway", "text/html", "<h1>Bad Gateway</h1>"),
        Some("silent") => Answer::raw("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        _ => Answer::whole("201 Created", "application/json", HELLO),
    };
    let server = Server::with(script);
    let http = http();
    let mut replies = Vec::new();
    for case in ["redirect", "busy", "created", "limit", "page", "silent"] {
        let request = TransportRequest::post(server.url(), Vec::new(), format!(r#"{{"case":"{case}"}}"#).into());
        replies.push(exchange(&http, request).await);
    }
    let errors: Vec<_> = replies.iter().map(|reply| reply.error.clone()).collect();
    let redirect = errors[0].clone().expect("not followed");
    assert_eq!((redirect.code, redirect.kind.as_str()), (Some(307), "Temporary Redirect"));
    assert!(redirect.message.contains("/v2/"), "{}", redirect.message);
    let busy = errors[1].clone().expect("a failure");
    assert_eq!((busy.code, busy.kind.as_str(), busy.message.as_str()), (Some(503), "Service Unavailable", "busy"));
    assert_eq!(errors[2], None, "any 2xx is a success");
    for (error, code, kind, message) in [
        (&errors[3], 429, "Too Many Requests", r#"{"error":{"message":"slow"}}"#),
        (&errors[4], 502, "Bad Gateway", "<h1>Bad Gateway</h1>"),
        (&errors[5], 500, "Internal Server Error", "the server answered 500 with an empty body"),
    ] {
        let error = error.as_ref().expect("a failure");
        assert_eq!((error.code, error.kind.as_str(), error.message.as_str()), (Some(code), kind, message));
    }
    assert_eq!(server.seen().len(), 6, "nothing was sent twice");
    assert_eq!(server.connections().accepted, 1, "a failed status does not cost the connection");
}

#[tokio::test]
async fn bodies_that_are_no_result_are_told_apart() {
    for (answer, kind, code, part) in [
        (Answer::whole("200 OK", "text/event-stream", ""), "InvalidInferenceResultError", None, "empty"),
        (Answer::whole("200 OK", "text/html", "<h1>Login</h1>"), "InvalidInferenceResultError", None, "Login"),
        (Answer::chunked(["data: {\"error\":{\"message\":\"oom\"}}\n\n"]), "ResponseError", Some(502), "oom"),
        (Answer::chunked(["event: error\ndata: {\"error\":\"gone\"}\n\n"]), "SSEResponseError", Some(502), "gone"),
        (Answer::whole("200 OK", "text/event-stream", "{\"error\":\"no\"}"), "ResponseError", Some(502), "no"),
    ] {
        let server = Server::always(answer);
        let error = ask(&server.url(), "chat").await.1.error.expect("a failure");
        assert_eq!((error.kind.as_str(), error.code), (kind, code));
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let error = made::<HttpTransport>(r#"{"config": {"http_versoin": "2"}}"#).unwrap_err();
    assert!(error.to_string().contains("http_versoin"), "{error}");
}
