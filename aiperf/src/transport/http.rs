//! `http` and `https`: requests over pooled keep-alive connections, replies handed over chunk by chunk as they arrive.
//! Knows no API dialect and does not judge a status.

mod body;
mod connections;
mod marks;
mod opening;

use std::error::Error as _;
use std::sync::Arc;

use aiperf_abi::{Context, Error, ErrorKind, Flow, Plugin, Result, SendFuture, Sink, Transport, TransportRequest};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Url};
use serde::Deserialize;

use self::body::TellingBody;
use self::connections::{Connections, HttpVersion, Reuse};
use self::marks::Telling;
use super::failure::word;
use crate::secret;

/// The built-in HTTP transport.
///
/// - One request at a time per connection (HTTP/1.1), so that no queue hides in a shared connection. `http_version: "2"`
///   speaks HTTP/2 only, with prior knowledge for `http`: all requests to a server share a connection, and one that the
///   server lets wait for its turn there shows it as `http_req_blocked`. `auto` leaves the choice to an `https` server.
/// - Connections are kept and reused without limit, for four idle seconds. With `connection_reuse_strategy`, `never` opens
///   one for each request and `sticky-user-sessions` keeps one for each conversation (`X-Correlation-ID`).
/// - A request is sent once. Only one that met a dead connection before a byte of it was written goes to another.
/// - No proxy, whatever the environment says: a proxy would be measured along. No redirect is followed. Nothing is
///   decompressed, and nothing compressed is asked for.
/// - The time limit of a request is the host's to keep: it drops the exchange.
/// - Servers are trusted as the operating system trusts them.
///
/// All of [`aiperf_abi::Mark`] is reported. A request counts as sent when its last byte is in the buffer of its connection,
/// which is written into the socket at once.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    connections: Arc<Connections>,
}

/// Settings of the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    http_version: HttpVersion,
    connection_reuse_strategy: Reuse,
}

impl Plugin for HttpTransport {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let Settings { http_version, connection_reuse_strategy } = cx.config()?;
        Ok(Self { connections: Arc::new(Connections::new(http_version, connection_reuse_strategy)?) })
    }
}

/// The header that is the same for all turns of a conversation.
const SESSION: &str = "x-correlation-id";

impl Transport for HttpTransport {
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture {
        let session = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(SESSION));
        let client = self.connections.client_for(&request.url, session.map(|(_, value)| value.as_str()));
        let version = self.connections.version();
        Box::pin(async move { exchange(client?, version, request, sink).await })
    }
}

async fn exchange(client: Client, version: HttpVersion, request: TransportRequest, sink: Sink) -> Result<()> {
    let (telling, _ended) = Telling::begin(sink);
    let request = prepare(request, &telling)?;
    let asked = Asked { server: server_of(request.url()), version };
    let answer = telling.during(client.execute(request)).await;
    let mut response = answer.map_err(|e| told(&e, &asked, Progress::NoHead))?;

    let headers: Vec<(&str, &str)> =
        response.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    telling.head(response.status().as_u16(), &headers);

    while let Some(chunk) = response.chunk().await.map_err(|e| told(&e, &asked, Progress::Body))? {
        if telling.chunk(&chunk) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

fn prepare(request: TransportRequest, telling: &Arc<Telling>) -> Result<reqwest::Request> {
    let invalid = |message: String| Error::invalid_input(message).context(word::INVALID);
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| invalid(format!("`{}` is no HTTP method", request.method)))?;
    let url = Url::parse(&request.url)
        .map_err(|e| invalid(format!("`{}` is no URL: {e}", secret::without_secrets(&request.url))))?;
    let mut prepared = reqwest::Request::new(method, url);
    *prepared.headers_mut() = headers(&request.headers).map_err(invalid)?;
    *prepared.body_mut() = Some(match request.body.is_empty() {
        true => request.body.into(),
        false => Body::wrap(TellingBody::new(request.body, Arc::clone(telling))),
    });
    Ok(prepared)
}

/// A name given twice is sent twice; whoever makes the list decides which of two should win.
fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| format!("the value of header `{name}` has a character that no header may have"))?;
        map.append(header, value);
    }
    Ok(map)
}

fn server_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What was asked, as far as failures tell of it.
struct Asked {
    server: String,
    version: HttpVersion,
}

/// How far a request had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    NoHead,
    Body,
}

/// `ENFILE` and `EMFILE`: the machine or this process has too many files open. The same on every Unix.
const OUT_OF_FILES: [i32; 2] = [23, 24];

/// What hyper says of a server that did not wait for a request, as one does that speaks HTTP/2 only. It has no other sign.
const SPOKE_FIRST: &str = "received unexpected message from connection";

/// What lies at the bottom of a failure.
#[derive(Debug, Clone, Copy, Default)]
struct Roots {
    io: Option<std::io::ErrorKind>,
    tls: bool,
    incomplete: bool,
    malformed: bool,
    /// The server spoke first, or its first bytes were HTTP/2, which was not asked for.
    speaks_otherwise: bool,
    out_of_files: bool,
}

impl Roots {
    fn of(error: &reqwest::Error) -> Self {
        let mut roots = Self::default();
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                roots.look_into(io);
            } else if let Some(http) = cause.downcast_ref::<hyper::Error>() {
                roots.incomplete |= http.is_incomplete_message();
                roots.malformed |= http.is_parse();
                roots.speaks_otherwise |= http.is_parse_version_h2() || http.to_string().starts_with(SPOKE_FIRST);
            }
            roots.tls |= cause.is::<rustls::Error>();
            next = cause.source();
        }
        roots
    }

    /// An io error hides what it carries from the chain of sources, and may carry another one.
    fn look_into(&mut self, io: &std::io::Error) {
        self.io = Some(io.kind());
        self.out_of_files |= io.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code));
        if let Some(inner) = io.get_ref() {
            self.tls |= inner.is::<rustls::Error>();
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                self.look_into(io);
            }
        }
    }
}

/// A failure in the words of the records, the system's own words as its cause.
fn told(error: &reqwest::Error, asked: &Asked, progress: Progress) -> Error {
    use std::io::ErrorKind as Io;

    let (Asked { server, version }, roots) = (asked, Roots::of(error));
    // An answer in another version breaks the rules of this one, and no more is known of it.
    let broke_two = *version == HttpVersion::Two && progress == Progress::NoHead && roots.io.is_none();
    let (word, message) = if error.is_connect() {
        if roots.io == Some(Io::ConnectionRefused) {
            (word::REFUSED, format!("nothing listens at {server} (is the server up?)"))
        } else if roots.out_of_files {
            (word::FILES, format!("no connection to {server}: aiperf may not open more files (raise `ulimit -n`)"))
        } else if roots.io == Some(Io::AddrNotAvailable) {
            (word::PORTS, format!("no local port is free for a connection to {server} (are connections reused?)"))
        } else if error.is_dns() {
            (word::DNS, format!("no address is known for {server}"))
        } else if roots.tls {
            (word::TLS, format!("no secure connection to {server}"))
        } else {
            (word::CONNECT, format!("no connection to {server}"))
        }
    } else if roots.speaks_otherwise {
        (word::PROTOCOL, format!("{server} does not speak HTTP/1.1; HTTP/2 perhaps (--http-version 2)"))
    } else if roots.malformed
        || broke_two
        || (matches!(roots.io, Some(Io::InvalidData | Io::InvalidInput)) && !roots.tls)
    {
        let hint = if progress == Progress::NoHead { " (is it the right port, and not https?)" } else { "" };
        (word::PROTOCOL, format!("{server} does not speak HTTP as expected{hint}"))
    } else if matches!(roots.io, Some(Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe)) {
        (word::RESET, format!("{server} reset the connection"))
    } else if progress == Progress::Body {
        (word::CUT_OFF, format!("{server} ended the reply before its end"))
    } else if roots.incomplete || roots.io == Some(Io::UnexpectedEof) {
        (word::CLOSED, format!("{server} closed the connection without an answer"))
    } else {
        (word::CONNECT, format!("the exchange with {server} failed"))
    };
    let message = match (version, word) {
        (HttpVersion::Two, word::TLS | word::PROTOCOL | word::RESET | word::CLOSED) if progress == Progress::NoHead => {
            format!("{message}; it was asked for HTTP/2, which not every server speaks (--http-version 1.1)")
        }
        _ => message,
    };
    match bottom(error) {
        Some(cause) => Error::new(ErrorKind::Io, cause).context(message).context(word),
        None => Error::new(ErrorKind::Io, message).context(word),
    }
}

/// What the innermost error says; those around it repeat the address or say nothing.
fn bottom(error: &reqwest::Error) -> Option<String> {
    let mut deepest = error.source()?;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    Some(deepest.to_string())
}
