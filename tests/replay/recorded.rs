//! Replies recorded from real servers (`tests/data/responses`), sent again and read as a run reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiperf::endpoint::reading::{Reading, read_reply};
use aiperf::reply::{Arrival, Reply};
use aiperf::transport::sse;
use aiperf_abi::Usage;
use serde::Deserialize;

use crate::harness::{ask, endpoint};
use crate::support::{Answer, Server, Step, chunk};

/// What has to be read out of a recording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    endpoint: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    pieces: usize,
    #[serde(default)]
    usage: Usage,
    finish_reason: Option<String>,
    #[serde(default)]
    content_us: Vec<u64>,
    error: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    code: Option<u16>,
    kind: String,
    message: String,
}

impl Expected {
    fn assert_read(&self, reading: &Reading, name: &str) {
        assert_eq!(reading.text, self.text, "{name}");
        assert_eq!(reading.content_ns.len(), self.pieces, "{name}");
        assert_eq!(reading.usage, self.usage, "{name}");
        assert_eq!(reading.finish_reason, self.finish_reason, "{name}");
        assert_eq!(reading.reasoning, "", "{name}");
        match (&reading.error, &self.error) {
            (None, None) => {}
            (Some(told), Some(error)) => {
                assert_eq!((told.code, &told.kind), (error.code, &error.kind), "{name}");
                assert!(told.message.contains(&error.message), "{name}: {}", told.message);
            }
            (told, error) => panic!("{name}: {told:?}, not {error:?}"),
        }
    }
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/responses").join(file)
}

fn bytes(file: &str) -> Vec<u8> {
    let path = data(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every recording; those of whole responses on the wire end in `.wire`.
fn recordings() -> BTreeMap<String, Expected> {
    serde_json::from_slice(&bytes("expected.json")).expect("the expectations")
}

fn is_wire(name: &str) -> bool {
    name.ends_with(".wire")
}

/// The recorded reply, its body in pieces if the server sent it in chunks.
fn replayed(name: &str, cut: fn(&[u8]) -> Vec<&[u8]>) -> Answer {
    let (head, body) = (bytes(&format!("{name}.head")), bytes(&format!("{name}.body")));
    let chunked = String::from_utf8_lossy(&head).to_ascii_lowercase().contains("transfer-encoding: chunked");
    if !chunked {
        return Answer::raw([head, body].concat());
    }
    let pieces = cut(&body).into_iter().filter(|piece| !piece.is_empty()).map(|piece| Step::Send(chunk(piece)));
    pieces.chain([Step::Send(chunk(b""))]).fold(Answer::raw(head), Answer::then)
}

/// The reads of a response on the wire: when, and which bytes.
fn reads(name: &str) -> Vec<(u64, Vec<u8>)> {
    let times = String::from_utf8(bytes(&format!("{name}.times"))).expect("text");
    let mut wire = bytes(&format!("{name}.bin"));
    let reads = times.lines().map(|line| {
        let (at_us, size) = line.split_once(char::is_whitespace).expect("two numbers");
        let rest = wire.split_off(size.trim().parse().expect("a size"));
        (at_us.parse().expect("a time"), std::mem::replace(&mut wire, rest))
    });
    let reads = reads.collect();
    assert!(wire.is_empty(), "{name}: the times account for every byte");
    reads
}

fn by_event(body: &[u8]) -> Vec<&[u8]> {
    let mut rest = body;
    std::iter::from_fn(|| {
        let end = rest.windows(2).position(|two| two == b"\n\n").map_or(rest.len(), |at| at + 2);
        let (event, after) = rest.split_at(end);
        rest = after;
        Some(event).filter(|event| !event.is_empty())
    })
    .collect()
}

fn at_once(body: &[u8]) -> Vec<&[u8]> {
    vec![body]
}

fn by_byte(body: &[u8]) -> Vec<&[u8]> {
    body.chunks(1).collect()
}

#[tokio::test]
async fn every_recording_reads_as_its_server_meant_it_however_it_is_cut() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 27);
    for (name, expected) in recordings.iter().filter(|(name, _)| !is_wire(name)) {
        for cut in [by_event, at_once, by_byte] {
            let server = Server::always(replayed(name, cut));
            let (reply, reading) = ask(&server.url(), &expected.endpoint).await;
            expected.assert_read(&reading, name);
            assert_eq!(reply.body, bytes(&format!("{name}.body")), "{name}");
        }
    }
}

#[tokio::test]
async fn whole_responses_read_the_same_off_the_wire() {
    for (name, expected) in recordings().iter().filter(|(name, _)| is_wire(name)) {
        let as_read = reads(name).into_iter().map(|(_, bytes)| Step::Send(bytes));
        let as_read = Answer { steps: as_read.chain([Step::Close]).collect() };
        let byte_by_byte = Answer::raw(bytes(&format!("{name}.bin"))).then(Step::Close).in_writes_of(1);
        for answer in [as_read, byte_by_byte] {
            let server = Server::always(answer);
            let (_, reading) = ask(&server.url(), &expected.endpoint).await;
            expected.assert_read(&reading, name);
        }
    }
}

/// The reply a transport makes of recorded reads, at their recorded times.
fn timed(name: &str) -> Reply {
    let (mut wire, mut read_ends) = (Vec::new(), Vec::new());
    for (at_us, bytes) in reads(name) {
        wire.extend(bytes);
        read_ends.push((wire.len(), at_us * 1000));
    }
    let mut at = wire.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let mut reply = Reply { status: Some(200), content_type: Some("text/event-stream".to_owned()), ..Reply::default() };
    loop {
        let line = wire[at..].windows(2).position(|two| two == b"\r\n").expect("a chunk's size");
        let size =
            usize::from_str_radix(std::str::from_utf8(&wire[at..at + line]).expect("a number"), 16).expect("hex");
        let (start, end) = (at + line + 2, at + line + 2 + size);
        if size == 0 {
            return reply;
        }
        // As much of the chunk as each read held.
        let mut from = start;
        for &(read_end, at_ns) in read_ends.iter().filter(|(read_end, _)| *read_end > start) {
            let to = read_end.min(end);
            if to > from {
                reply.body.extend_from_slice(&wire[from..to]);
                reply.arrivals.push(Arrival { end: reply.body.len(), at_ns });
                from = to;
            }
        }
        at = end + 2;
    }
}

#[test]
fn content_is_stamped_with_the_read_that_completed_it() {
    for (name, expected) in recordings().iter().filter(|(name, _)| is_wire(name)) {
        let reading = read_reply(&*endpoint(&expected.endpoint), &timed(name));
        expected.assert_read(&reading, name);
        let content_us: Vec<u64> = reading.content_ns.iter().map(|at_ns| at_ns / 1000).collect();
        assert_eq!(content_us, expected.content_us, "{name}");
    }
}

#[test]
fn a_cut_at_any_byte_changes_no_event_of_a_recording() {
    for (name, _) in recordings().iter().filter(|(name, _)| name.contains("stream")) {
        let body = bytes(&format!("{name}.body"));
        let whole = [Arrival { end: body.len(), at_ns: 1 }];
        let expected: Vec<_> = sse::events(&body, &whole).collect();
        for cut in 0..=body.len() {
            let arrivals = [(cut, 1), (body.len(), 2)].map(|(end, at_ns)| Arrival { end, at_ns });
            let mut read = 0;
            for (event, expected) in sse::events(&body, &arrivals).zip(&expected) {
                assert_eq!((&event.data, event.name), (&expected.data, expected.name), "{name}, cut at {cut}");
                let end = event.data.as_ptr_range().end.addr() - body.as_ptr().addr();
                assert_eq!(event.at_ns, if end <= cut { 1 } else { 2 }, "{name}, cut at {cut}");
                read += 1;
            }
            assert_eq!(read, expected.len(), "{name}, cut at {cut}");
        }
    }
}
