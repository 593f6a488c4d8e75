//! What the suite finds: nothing in what is built in, and each misdeed in a class made for it.

use std::sync::atomic::AtomicBool;

use aiperf_abi::testing::via_abi;
use aiperf_abi::{
    DataExporter, Endpoint, FileInfo, ParsedResponse, Payload, Plugin, Report, RequestInfo, Response, Result,
    SendFuture, Sink, Transport, TransportRequest, json,
};

use super::*;
use crate::endpoint::ChatEndpoint;
use crate::export::JsonExporter;
use crate::transport::HttpTransport;

/// (check, outcome) of a class, and the words of the first that failed.
fn suite<T: Send + ?Sized>(
    new: &New<'_, T>,
    checks: fn(&mut Suite<'_>, &Make<'_, T>),
) -> (Vec<(String, Outcome)>, String) {
    let mut found = Vec::new();
    let mut tell = |progress| match progress {
        Progress::Found(finding) => found.push(finding),
        Progress::Trying(_) => {}
    };
    let folder = Folder::new();
    Suite { settings: &json!({}), folder: &folder.0, tell: &mut tell }.class(new, checks);
    let failed = found.iter().find(|finding| finding.outcome == Outcome::Failed);
    let words = failed.map(|finding| format!("{}: {}", finding.check, finding.detail)).unwrap_or_default();
    (found.into_iter().map(|finding| (finding.check, finding.outcome)).collect(), words)
}

fn passed(found: &(Vec<(String, Outcome)>, String), checks: usize) {
    assert_eq!(found.1, "");
    assert_eq!(found.0.len(), checks, "{found:?}");
    assert!(found.0.iter().all(|(_, outcome)| *outcome == Outcome::Passed), "{found:?}");
}

fn made<T: ?Sized>(made: Result<Box<T>>) -> std::result::Result<Box<T>, LibraryError> {
    made.map_err(LibraryError::New)
}

#[test]
fn a_dialect_finds_content_in_what_is_of_its_dialect() {
    let mut told = String::new();
    let mut tell = |progress| match progress {
        Progress::Found(finding) if finding.check == "recorded replies" => told = finding.detail,
        _ => {}
    };
    let folder = Folder::new();
    let mut suite = Suite { settings: &json!({}), folder: &folder.0, tell: &mut tell };
    suite.class::<dyn Endpoint>(&|cx| made(ChatEndpoint::new(cx).map(|it| Box::new(it) as _)), endpoint::checks);
    let count = told.rsplit(' ').next().and_then(|count| count.parse::<usize>().ok());
    assert!(count.is_some_and(|count| count >= 8), "{told}");
}

#[test]
fn what_is_built_in_passes() {
    passed(&suite::<dyn Endpoint>(&|cx| made(ChatEndpoint::new(cx).map(|it| Box::new(it) as _)), endpoint::checks), 7);
    passed(
        &suite::<dyn Transport>(&|cx| made(HttpTransport::new(cx).map(|it| Box::new(it) as _)), transport::checks),
        7,
    );
    passed(
        &suite::<dyn DataExporter>(&|cx| made(JsonExporter::new(cx).map(|it| Box::new(it) as _)), exporter::checks),
        5,
    );
}

/// Trips over a reply that other endpoints shrug at.
struct Clumsy;

impl Plugin for Clumsy {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for Clumsy {
    fn format_payload(&self, _: RequestInfo<'_>) -> Result<Payload> {
        Ok(Payload::exact(json!({})))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let reply = response.json().unwrap_or_default();
        assert!(reply["choices"].as_array().is_none_or(|choices| !choices.is_empty()), "a choice");
        Ok(None)
    }
}

#[test]
fn a_panic_is_found_and_told_with_its_words() {
    let (_, told) = suite::<dyn Endpoint>(&|_| made(via_abi::<dyn Endpoint, Clumsy>(json!({}))), endpoint::checks);
    assert!(told.contains("replies: ") && told.contains("panicked") && told.contains("a choice"), "{told}");
}

/// Reads differently when it is in a hurry.
struct Forgetful(AtomicBool);

impl Endpoint for Forgetful {
    fn format_payload(&self, _: RequestInfo<'_>) -> Result<Payload> {
        Ok(Payload::exact(json!({})))
    }

    fn parse_response(&self, _: Response<'_>) -> Result<Option<ParsedResponse>> {
        let other = self.0.fetch_xor(true, Ordering::Relaxed);
        Ok(Some(ParsedResponse::text(if other { "a" } else { "b" })))
    }
}

#[test]
fn state_that_threads_share_by_mistake_is_found() {
    let (_, told) = suite::<dyn Endpoint>(&|_| Ok(Box::new(Forgetful(AtomicBool::new(false)))), endpoint::checks);
    assert!(told.starts_with("many threads: ") && told.contains("read differently"), "{told}");
}

/// Goes on in a thread of its own whatever becomes of the request.
struct Stubborn;

impl Transport for Stubborn {
    fn send(&self, request: TransportRequest, mut sink: Sink) -> SendFuture {
        let (end, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let address = request.url["http://".len()..].split_once('/').map(|(host, path)| (host.to_owned(), path));
            let (host, path) = address.expect("a URL with a path");
            let Ok(mut stream) = std::net::TcpStream::connect(host) else {
                return end.send(Err(aiperf_abi::Error::msg("nobody is there"))).ok();
            };
            let head = format!("POST /{path} HTTP/1.1\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(head.as_bytes()).ok()?;
            let (mut body, mut piece) = (Vec::new(), [0; 1024]);
            while !body.ends_with(b"0\r\n\r\n") {
                let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
                body.extend_from_slice(&piece[..length]);
                if body.windows(4).any(|four| four == b"one ") && !body.ends_with(b"0\r\n\r\n") {
                    sink.chunk(b"one ");
                }
            }
            sink.chunk(super::transport::WHOLE);
            end.send(Ok(())).ok()
        });
        Box::pin(async move { ended.await.unwrap_or_else(|_| Err(aiperf_abi::Error::msg("it broke off"))) })
    }
}

#[test]
fn a_stream_that_outlives_its_request_is_found() {
    let (found, told) = suite::<dyn Transport>(&|_| Ok(Box::new(Stubborn)), transport::checks);
    assert!(told.starts_with("given up: ") && told.contains("a stream leaks"), "{told} {found:?}");
}

/// Says it wrote what it did not.
struct Boaster;

impl Plugin for Boaster {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl DataExporter for Boaster {
    fn export(&mut self, _: &Report) -> Result<Vec<FileInfo>> {
        Ok(vec![FileInfo { kind: "Boast".to_owned(), path: "boast.json".to_owned() }])
    }
}

#[test]
fn a_file_that_is_not_there_is_found() {
    let (_, told) =
        suite::<dyn DataExporter>(&|_| made(via_abi::<dyn DataExporter, Boaster>(json!({}))), exporter::checks);
    assert!(told.starts_with("a whole run: it says it wrote") && told.ends_with("there is no such file"), "{told}");
}

#[test]
fn a_class_that_wants_settings_or_has_nothing_to_do_is_skipped() {
    let with =
        |error: fn() -> Error| suite::<dyn Endpoint>(&move |_| Err(LibraryError::New(error())), endpoint::checks).0;
    let skipped = vec![("constructor".to_owned(), Outcome::Skipped)];
    assert_eq!(with(|| Error::invalid_config("a URL is wanted")), skipped);
    assert_eq!(with(|| Error::disabled("no URL")), skipped);
    assert_eq!(with(|| Error::msg("no luck")), [("constructor".to_owned(), Outcome::Failed)]);
}
