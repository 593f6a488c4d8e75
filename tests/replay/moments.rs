//! The moments of a request that only the transport sees: its connection, and its last byte out.

use aiperf::reply::Connection;
use aiperf::transport::HttpTransport;

use crate::harness::{exchange, http, made, post};
use crate::support::{Answer, Server};

#[tokio::test]
async fn a_request_that_opens_its_connection_and_one_that_finds_it_open() {
    let server = Server::always(Answer::chat(3));
    let url = format!("http://localhost:{}", server.address().port());
    let http = http();
    let first = exchange(&http, post(&url)).await;
    assert_eq!(first.error, None);
    let Connection { lookup_began_ns, lookup_ended_ns, connect_began_ns, connected_ns, reused_ns, send_began_ns } =
        first.connection;
    let moments = [
        Some(first.start_ns),
        connect_began_ns,
        lookup_began_ns,
        lookup_ended_ns,
        connected_ns,
        send_began_ns,
        first.sent_ns,
        first.head_ns,
        Some(first.end_ns),
    ];
    assert!(moments.iter().all(Option::is_some), "all are told: {moments:?}");
    assert!(moments.is_sorted(), "each comes after the one before: {moments:?}");
    assert_eq!(reused_ns, None);

    let second = exchange(&http, post(&url)).await;
    let Connection { lookup_began_ns, connect_began_ns, connected_ns, reused_ns, send_began_ns, .. } =
        second.connection;
    assert_eq!((lookup_began_ns, connect_began_ns, connected_ns), (None, None, None));
    let moments = [Some(second.start_ns), reused_ns, send_began_ns, second.sent_ns, second.head_ns];
    assert!(moments.iter().all(Option::is_some) && moments.is_sorted(), "{moments:?}");
}

#[tokio::test]
async fn an_address_that_is_a_number_is_not_looked_up() {
    let server = Server::always(Answer::chat(3));
    let reply = exchange(&http(), post(&server.url())).await;
    assert_eq!(reply.connection.lookup_began_ns, None);
    assert!(reply.connection.connected_ns.is_some());
}

#[tokio::test]
async fn who_never_reuses_connects_each_time() {
    let server = Server::always(Answer::chat(3));
    let http: HttpTransport = made(r#"{"config":{"connection_reuse_strategy":"never"}}"#).expect("a transport");
    for _ in 0..3 {
        let reply = exchange(&http, post(&server.url())).await;
        assert!(reply.connection.connected_ns.is_some() && reply.connection.reused_ns.is_none());
    }
}

#[tokio::test]
async fn a_long_body_arrives_whole_and_its_end_is_told() {
    let server = Server::always(Answer::chat(3));
    let mut request = post(&server.url());
    request.body = b"0123456789".repeat(700_000);
    let reply = exchange(&http(), request.clone()).await;
    assert_eq!(reply.error, None);
    assert!(reply.sent_ns.is_some() && reply.sent_ns <= reply.head_ns);
    let seen = server.seen();
    assert_eq!(seen[0].header("content-length"), Some("7000000"));
    assert!(seen[0].body == request.body, "the body is as it was given");
}

#[tokio::test]
async fn a_request_that_met_nobody_was_not_sent() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let reply = exchange(&http(), post(&format!("http://127.0.0.1:{port}"))).await;
    assert!(reply.error.is_some() && reply.connection.connect_began_ns.is_some());
    assert_eq!((reply.connection.connected_ns, reply.connection.send_began_ns, reply.sent_ns), (None, None, None));
}
