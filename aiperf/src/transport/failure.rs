//! What a failed request is called in the records: code, type and message. The types are a contract with whoever
//! counts them. Does not decide whether a request failed.

use std::time::Duration;

use aiperf_abi::{Error, ErrorDetails, ErrorKind};

use crate::reply::Reply;
use crate::secret;

/// Longest message kept of what a server sends with a failure, in characters.
const LONGEST_MESSAGE: usize = 1000;

/// The words built-in transports use for what went wrong below HTTP.
pub mod word {
    /// Nothing listens there.
    pub const REFUSED: &str = "ConnectionRefused";
    /// The host name has no address.
    pub const DNS: &str = "DnsError";
    /// No trust, or no TLS, with the server.
    pub const TLS: &str = "TlsError";
    /// No connection for another reason.
    pub const CONNECT: &str = "ConnectionError";
    /// This process may not open another file.
    pub const FILES: &str = "TooManyOpenFiles";
    /// All local ports toward the server are in use.
    pub const PORTS: &str = "NoFreePort";
    /// The peer reset the connection.
    pub const RESET: &str = "ConnectionReset";
    /// The connection was closed where headers should have come.
    pub const CLOSED: &str = "ServerDisconnected";
    /// The body ended before its end.
    pub const CUT_OFF: &str = "IncompleteBody";
    /// What came is not HTTP, or not as it was asked for.
    pub const PROTOCOL: &str = "ProtocolError";
    /// The request itself cannot be sent: its URL or a header is malformed.
    pub const INVALID: &str = "InvalidRequest";
    /// Time ran out.
    pub const TIMEOUT: &str = "TimeoutError";
    /// Given up by the client.
    pub const CANCELLED: &str = "RequestCancellationError";
    /// The server says in the stream that it failed.
    pub const EVENT: &str = "SSEResponseError";
    /// The server says in a reply with a good status that it failed.
    pub const RESPONSE: &str = "ResponseError";
    /// The reply ended well and held nothing.
    pub const NO_CONTENT: &str = "InvalidInferenceResultError";
    /// A plugin panicked.
    pub const PANIC: &str = "PluginPanic";
    /// Anything a plugin reports without a word of its own.
    pub const PLUGIN: &str = "PluginError";
}

/// What a plugin's error becomes.
///
/// An outermost message of one word is the type (`Error::new(..).context("ConnectionRefused")`), the causes are the
/// message then; otherwise the kind names the type.
pub fn of_error(error: &Error) -> ErrorDetails {
    let code = match error.kind() {
        ErrorKind::Timeout => Some(408),
        ErrorKind::Cancelled => Some(499),
        _ => None,
    };
    let named = !error.causes().is_empty() && is_word(error.message());
    let (kind, message) =
        if named { (error.message(), error.causes().join(": ")) } else { (word_of(error.kind()), error.to_string()) };
    ErrorDetails { code, kind: kind.to_owned(), message: shortened(&message) }
}

fn word_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Timeout => word::TIMEOUT,
        ErrorKind::Cancelled => word::CANCELLED,
        ErrorKind::Panic => word::PANIC,
        ErrorKind::Io => word::CONNECT,
        ErrorKind::InvalidInput => word::INVALID,
        _ => word::PLUGIN,
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// What a reply with a status outside 2xx becomes. `location` is where a redirect points.
pub fn of_status(status: u16, body: &[u8], location: Option<&str>) -> ErrorDetails {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let kind = reason.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    let body = String::from_utf8_lossy(body);
    let message = match (location, body.trim()) {
        (Some(to), _) if (300..400).contains(&status) => format!(
            "redirected to {}: redirects are not followed, they would count into every latency; give the final \
             address with --url",
            secret::without_secrets(to)
        ),
        (_, "") => format!("the server answered {status} with an empty body"),
        (_, body) => shortened(body),
    };
    ErrorDetails { code: Some(status), kind, message }
}

/// Why the client gave a request up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It was one of those that are to be.
    OnPurpose,
    /// It was in flight when nothing more was waited for.
    AtTheEnd,
}

/// A request that the client gave up.
pub fn cancelled(why: GivenUp) -> ErrorDetails {
    let message = match why {
        GivenUp::OnPurpose => "given up by the client on purpose (--request-cancellation-rate)",
        GivenUp::AtTheEnd => "given up by the client: still in flight when the run had ended and its grace was over",
    };
    ErrorDetails { code: Some(499), kind: word::CANCELLED.to_owned(), message: message.to_owned() }
}

/// A request that took longer than allowed. The same words for all that came equally far, so that they are counted together.
pub fn timed_out(limit: Duration, reply: &Reply) -> ErrorDetails {
    let seconds = limit.as_secs_f64();
    let reached = match (reply.head_ns, reply.body.is_empty()) {
        (None, _) => "no response headers had come",
        (Some(_), true) => "headers had come, but nothing of the body",
        (Some(_), false) => "a part of the body had come",
    };
    let message = format!("not finished within {seconds} s, {reached} (--request-timeout-seconds)");
    ErrorDetails { code: Some(408), kind: word::TIMEOUT.to_owned(), message }
}

/// A body in a content coding: none is asked for, and none is undone, as that would count into the latencies.
pub(super) fn encoded(coding: &str) -> ErrorDetails {
    let message = format!("the server compressed the reply ({coding}), which was not asked for; turn it off there");
    ErrorDetails { code: None, kind: word::PROTOCOL.to_owned(), message }
}

/// A transport that claims success and reported no status.
pub(super) fn no_head() -> ErrorDetails {
    let message = "the transport ended without reporting a status".to_owned();
    ErrorDetails { code: None, kind: word::PLUGIN.to_owned(), message }
}

/// `text`, at most `LONGEST_MESSAGE` characters of it.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_word_context_is_the_type() {
        let error = Error::new(ErrorKind::Io, "nothing listens at 10.0.0.1:80").context("ConnectionRefused");
        let details = of_error(&error);
        assert_eq!(
            (details.kind.as_str(), details.message.as_str()),
            ("ConnectionRefused", "nothing listens at 10.0.0.1:80")
        );
    }

    #[test]
    fn an_error_without_a_word_is_named_by_its_kind() {
        let details = of_error(&Error::new(ErrorKind::Timeout, "too slow"));
        assert_eq!(
            (details.code, details.kind.as_str(), details.message.as_str()),
            (Some(408), "TimeoutError", "too slow")
        );
        assert_eq!(of_error(&Error::msg("Broken")).kind, "PluginError", "a lone word is a message");
        assert_eq!(of_error(&Error::new(ErrorKind::Panic, "it broke")).kind, "PluginPanic");
    }

    #[test]
    fn a_long_body_is_cut_at_a_character() {
        let details = of_status(500, "é".repeat(3000).as_bytes(), None);
        assert_eq!(details.message.chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(details.kind, "Internal Server Error");
    }

    #[test]
    fn an_unknown_status_still_has_a_type() {
        let details = of_status(599, b"", None);
        assert_eq!(details.kind, "HTTP 599");
        assert!(details.message.contains("empty body"));
    }
}
