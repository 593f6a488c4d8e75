//! Turns one raw reply into what it says: when content came, its text, the server's counts, and whether it is a result
//! at all. Works through any endpoint; counts no tokens and computes no latencies.

use std::borrow::Cow;

use aiperf_abi::data::piece::Piece;
use aiperf_abi::{Endpoint, Error, ErrorDetails, ErrorKind, ParsedResponse, ResponseData, Usage};

use crate::reply::Reply;
use crate::transport::failure::{self, word};
use crate::transport::sse::{self, Event};

/// What one reply says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Arrival of every piece with content, in order, nanoseconds of the run's clock.
    pub content_ns: Vec<u64>,
    /// Arrival of the first piece with content that is not only reasoning.
    pub first_output_ns: Option<u64>,
    /// Output text: prose and tool calls, joined in order. To be counted as one text.
    pub text: String,
    /// Reasoning text, joined in order. To be counted as one text.
    pub reasoning: String,
    /// The server's own counts: of each the last report.
    pub usage: Usage,
    /// Why the server stopped: the last it said.
    pub finish_reason: Option<String>,
    /// Why this is no result, if it is none. What came before the failure is kept beside it.
    pub error: Option<ErrorDetails>,
}

/// Reads a reply through an endpoint.
///
/// A body is one piece that was there with its last byte; a stream is one piece per event. Whether it is a stream says
/// its content type, or the first bytes where the type and they disagree. Pieces with empty data are not content. A reply
/// without any content is no result ([`word::NO_CONTENT`]), even where everything else went well. Of a reply with a
/// failed status the body is not read.
pub fn read_reply(endpoint: &dyn Endpoint, reply: &Reply) -> Reading {
    let mut reading = Reading::default();
    let failed_status = reply.status.is_some_and(|status| !(200..300).contains(&status));
    let pieces = if failed_status { Ok(()) } else { reading.take_all(endpoint, reply) };
    reading.error = match (reply.error.clone(), pieces) {
        (Some(error), _) | (None, Err(error)) => Some(error),
        (None, Ok(())) if failed_status => reply.status.map(|status| failure::of_status(status, &reply.body, None)),
        (None, Ok(())) if reading.content_ns.is_empty() => Some(no_content(reply)),
        (None, Ok(())) => None,
    };
    reading
}

impl Reading {
    fn take_all(&mut self, endpoint: &dyn Endpoint, reply: &Reply) -> Result<(), ErrorDetails> {
        let content_type = reply.content_type.as_deref();
        if !is_event_stream(reply) {
            let data = decoded(unmarked(&reply.body), is_text(content_type));
            let perf_ns = sse::arrival_of(&reply.arrivals, reply.body.len());
            return self.take(endpoint, Piece { perf_ns, is_event: false, event: None, content_type, data: &data });
        }
        for event in sse::events(&reply.body, &reply.arrivals) {
            if event.is_error() {
                return Err(failure_event(&event));
            }
            let data = decoded(&event.data, true);
            let piece = Piece { perf_ns: event.at_ns, is_event: true, event: event.name, content_type, data: &data };
            self.take(endpoint, piece)?;
        }
        Ok(())
    }

    fn take(&mut self, endpoint: &dyn Endpoint, piece: Piece<'_>) -> Result<(), ErrorDetails> {
        let Some(parsed) = endpoint.parse_response(piece.response()).map_err(|e| reported(&e))? else { return Ok(()) };
        let ParsedResponse { data, usage, finish_reason, recap, .. } = parsed;
        if let Some(usage) = usage {
            update(&mut self.usage, usage);
        }
        if finish_reason.is_some() {
            self.finish_reason = finish_reason;
        }
        if let Some(data) = data.filter(|data| !(data.is_empty() || recap && self.has_said(data))) {
            self.content_ns.push(piece.perf_ns);
            if self.add(&data) && self.first_output_ns.is_none() {
                self.first_output_ns = Some(piece.perf_ns);
            }
        }
        Ok(())
    }

    /// Whether earlier pieces held content of this sort already.
    fn has_said(&self, data: &ResponseData) -> bool {
        match data {
            ResponseData::Reasoning { content, .. } if content.is_empty() => !self.reasoning.is_empty(),
            _ => self.first_output_ns.is_some(),
        }
    }

    /// Appends text and says whether there was anything besides reasoning.
    fn add(&mut self, data: &ResponseData) -> bool {
        let (content, reasoning, tools) = match data {
            ResponseData::Text(content) => (content.as_str(), "", ""),
            ResponseData::Reasoning { content, reasoning } => (content.as_str(), reasoning.as_str(), ""),
            ResponseData::ToolCall { text, content, reasoning } => {
                (content.as_str(), reasoning.as_str(), text.as_str())
            }
            // Vectors, rankings and whatever a plugin makes: content without text.
            _ => return true,
        };
        self.reasoning.push_str(reasoning);
        self.text.push_str(content);
        self.text.push_str(tools);
        !content.is_empty() || !tools.is_empty()
    }
}

/// Counts may come in parts (Anthropic tells the input at the start and the output at the end) or again and again. The
/// last report of each stays; a total is renewed with its parts.
fn update(usage: &mut Usage, report: Usage) {
    report.numbers().for_each(|(key, count)| usage.set_number(key, count));
    let told_part = report.prompt_tokens.is_some() || report.completion_tokens.is_some();
    if let (true, None, Some(prompt), Some(completion)) =
        (told_part, report.total_tokens, usage.prompt_tokens, usage.completion_tokens)
    {
        usage.total_tokens = Some(prompt.saturating_add(completion));
    }
}

/// The content type decides, unless the bytes cannot be what it says: proxies and error pages mislabel both ways.
pub(super) fn is_event_stream(reply: &Reply) -> bool {
    let start = unmarked(&reply.body).trim_ascii_start();
    match reply.content_type.as_deref().map(media_type) {
        Some("text/event-stream") => !start.starts_with(b"{") && !start.starts_with(b"["),
        Some("application/json") => false,
        _ => {
            [&b"data:"[..], b"event:", b"id:", b"retry:", b"error:", b": "].iter().any(|field| start.starts_with(field))
        }
    }
}

/// A body without its byte order mark, which is no part of JSON.
fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_text(content_type: Option<&str>) -> bool {
    content_type.map(media_type).is_some_and(|kind| kind.starts_with("text/") || kind.ends_with("json"))
}

/// Text with broken UTF-8 made whole, so that one bad byte does not cost a whole piece. Data that is no text stays.
fn decoded(data: &[u8], text: bool) -> Cow<'_, [u8]> {
    if !text || std::str::from_utf8(data).is_ok() {
        return Cow::Borrowed(data);
    }
    Cow::Owned(String::from_utf8_lossy(data).into_owned().into_bytes())
}

/// A failure the server reports in a reply with a good status; a panic is the plugin's own, and so is that it cannot read
/// the reply.
fn reported(error: &Error) -> ErrorDetails {
    match error.kind() {
        ErrorKind::Panic => failure::of_error(error),
        ErrorKind::InvalidInput => ErrorDetails {
            code: None,
            kind: word::NO_CONTENT.to_owned(),
            message: failure::shortened(&error.to_string()),
        },
        _ => ErrorDetails {
            code: Some(502),
            kind: word::RESPONSE.to_owned(),
            message: failure::shortened(&error.to_string()),
        },
    }
}

fn failure_event(event: &Event<'_>) -> ErrorDetails {
    let text = String::from_utf8_lossy(&event.data);
    let value = serde_json::from_str(&text).unwrap_or(aiperf_abi::Value::Null);
    let message = match (aiperf_abi::extract::reported_error(&value), text.trim()) {
        (Some(error), _) => error.to_string(),
        (None, "") => "the server sent an error event without a word".to_owned(),
        (None, text) => text.to_owned(),
    };
    ErrorDetails { code: Some(502), kind: word::EVENT.to_owned(), message: failure::shortened(&message) }
}

fn no_content(reply: &Reply) -> ErrorDetails {
    let body = String::from_utf8_lossy(&reply.body);
    let kind = reply.content_type.as_deref().unwrap_or("no content type");
    let message = match body.trim() {
        "" => format!("the reply ended without any content: its body is empty ({kind})"),
        text => {
            let start: String = text.chars().take(200).collect();
            format!("the reply ended without any content that this endpoint type can read ({kind}): {start}")
        }
    };
    ErrorDetails { code: None, kind: word::NO_CONTENT.to_owned(), message }
}
