//! The unix transport, called as aiperf calls it, against a socket of the test's own. The fixtures are of `aiperf_abi::testing`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use aiperf_abi::testing::{CollectingSink, Delivered, construct, via_abi};
use aiperf_abi::{Result, Transport, TransportRequest, json};

use {{crate_name}}::UnixTransport;

/// A socket that is gone with the test.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}-{}.sock", std::process::id())))
    }

    fn url(&self, path: &str) -> String {
        format!("unix://{}{path}", self.0.display())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers one request with this, and gives back what it was asked.
fn serve_once(socket: &Path, reply: &'static str) -> thread::JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = read_request(&stream);
        stream.write_all(reply.as_bytes()).unwrap();
        asked
    })
}

fn read_request(stream: &UnixStream) -> String {
    let (mut reader, mut asked, mut length) = (BufReader::new(stream), String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        asked += &line;
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            return asked + &String::from_utf8(body).unwrap();
        }
    }
}

/// Sends to a URL and waits for the end, as aiperf does.
fn send(transport: &dyn Transport, url: String) -> (Result<()>, Delivered) {
    let headers = vec![("x-request-id".to_owned(), "7".to_owned())];
    let sink = CollectingSink::default();
    let sent = transport.send(TransportRequest::post(url, headers, b"{}".to_vec()), sink.sink());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    (runtime.block_on(sent), sink.delivered())
}

const REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
                     9\r\ndata: hi\n\r\n1\r\n\n\r\n0\r\n\r\n";

#[test]
fn sends_the_body_to_the_path_behind_the_socket_and_delivers_the_reply() {
    let socket = Socket::new("delivers");
    let server = serve_once(&socket.0, REPLY);
    let (sent, delivered) = send(&construct::<UnixTransport>(json!({})).unwrap(), socket.url("/v1/completions"));
    sent.unwrap();
    assert_eq!(delivered.body(), b"data: hi\n\n");
    let head = delivered.head.unwrap();
    assert_eq!((head.status, head.headers[0].1.as_str()), (200, "text/event-stream"));
    let asked = server.join().unwrap();
    assert!(asked.starts_with("POST /v1/completions HTTP/1.1\r\n") && asked.ends_with("\r\n\r\n{}"), "{asked}");
    assert!(asked.contains("x-request-id: 7\r\n"), "{asked}");
}

#[test]
fn a_status_that_means_failure_is_delivered_and_a_reply_that_breaks_off_is_an_error() {
    let transport: UnixTransport = construct(json!({})).unwrap();
    let socket = Socket::new("fails");
    let server = serve_once(&socket.0, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy");
    let (sent, delivered) = send(&transport, socket.url("/"));
    sent.unwrap();
    assert_eq!((delivered.head.clone().unwrap().status, delivered.body()), (503, b"busy".to_vec()));
    server.join().unwrap();

    let socket = Socket::new("breaks");
    let server = serve_once(&socket.0, "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\nhalf");
    assert!(send(&transport, socket.url("/")).0.is_err());
    server.join().unwrap();
}

#[test]
fn where_nobody_listens_and_where_no_socket_is_named_the_error_says_so() {
    let transport: UnixTransport = construct(json!({})).unwrap();
    for (url, said) in [
        ("unix:///nowhere/at-all.sock/v1", "connecting to /nowhere/at-all.sock"),
        ("unix:///run/server", "expected unix:///path/of/the/server.sock"),
        ("http://localhost:8000/v1", "expected unix:///path/of/the/server.sock"),
    ] {
        let error = send(&transport, url.to_owned()).0.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let socket = Socket::new("boundary");
    let server = serve_once(&socket.0, REPLY);
    let loaded = via_abi::<dyn Transport, UnixTransport>(json!({})).unwrap();
    let (sent, delivered) = send(loaded.as_ref(), socket.url("/v1"));
    sent.unwrap();
    assert_eq!(delivered.body(), b"data: hi\n\n");
    server.join().unwrap();
}
