//! What servers answer: recordings of real ones, and what is left of them after an accident. Knows nothing of libraries.

use aiperf_abi::data::piece::Piece;

use crate::reply::Arrival;
use crate::transport::sse;

/// A recorded body.
pub(super) struct Recorded {
    /// Server and case.
    pub(super) name: &'static str,
    body: &'static [u8],
}

macro_rules! recorded {
    ($($name:literal)*) => {
        &[$(Recorded {
            name: $name,
            body: include_bytes!(concat!("../../../tests/data/responses/", $name, ".body")),
        }),*]
    };
}

/// Whole bodies and streams of two servers, successes and errors.
pub(super) const RECORDED: &[Recorded] = recorded![
    "llama-server.chat"
    "llama-server.chat-stream"
    "llama-server.chat-stream-n2"
    "llama-server.chat-stream-usage"
    "llama-server.completions"
    "llama-server.completions-stream"
    "llama-server.embeddings"
    "llama-server.err-long"
    "transformers.chat"
    "transformers.chat-stream"
    "transformers.chat-stream-n2"
    "transformers.chat-stream-usage"
    "transformers.completions"
    "transformers.completions-stream"
    "transformers.embeddings"
    "transformers.err-model"
];

/// Replies that no server should send, and some does.
const STRANGE: &[&[u8]] = &[
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"\"text\"",
    b"-1e999",
    br#"{"choices":null}"#,
    br#"{"choices":[]}"#,
    br#"{"choices":[{"message":null}]}"#,
    br#"{"choices":[{"delta":{"content":7}}]}"#,
    br#"{"choices":[{"message":{"content":"\ud800"}}]}"#,
    br#"{"usage":{"prompt_tokens":-1,"completion_tokens":"many"}}"#,
    br#"{"error":"so"}"#,
    b"\x00\x01\x02\xff\xfe",
    b"<html><body>502 Bad Gateway</body></html>",
];

/// Deeper than any JSON is meant to be.
const DEPTH: usize = 4096;

impl Recorded {
    /// Whether it is a stream of events.
    pub(super) fn is_stream(&self) -> bool {
        self.body.starts_with(b"data:")
    }

    /// Hands over its pieces as a run does: an event of a stream, or the whole body.
    pub(super) fn pieces<E>(&self, take: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        pieces(self.body, self.is_stream(), take)
    }
}

fn pieces<E>(body: &[u8], stream: bool, mut take: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
    let content_type = Some(if stream { "text/event-stream" } else { "application/json" });
    if !stream {
        return take(Piece { perf_ns: 1, is_event: false, event: None, content_type, data: body });
    }
    let arrivals = [Arrival { end: body.len(), at_ns: 1 }];
    for event in sse::events(body, &arrivals) {
        take(Piece { perf_ns: event.at_ns, is_event: true, event: event.name, content_type, data: &event.data })?;
    }
    Ok(())
}

/// Hands over every damaged piece: recordings that end anywhere or have a byte changed, and what is strange from the start.
pub(super) fn damaged<E>(mut take: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<usize, E> {
    let mut count = 0;
    let mut each = |piece: Piece<'_>| {
        count += 1;
        take(piece)
    };
    for recorded in RECORDED {
        let body = recorded.body;
        for part in 1..16 {
            let end = body.len() * part / 16;
            pieces(&body[..end], recorded.is_stream(), &mut each)?;
            let mut changed = body.to_vec();
            // Far apart and never the same bit, without any chance in it.
            changed[end] ^= 1 << (part % 8);
            pieces(&changed, recorded.is_stream(), &mut each)?;
        }
    }
    let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    for body in STRANGE.iter().copied().chain([deep.as_bytes()]) {
        for is_event in [false, true] {
            each(Piece { perf_ns: 1, is_event, event: None, content_type: Some("application/json"), data: body })?;
        }
    }
    Ok(count)
}
