//! `http` and `https`: requests over keep-alive connections, replies handed over chunk by chunk as they arrive.
//! Knows no API dialect and does not judge a status.

mod body;
mod clients;
mod connection;
mod connections;
mod failing;
mod marks;
mod opening;
mod stamped;

use std::fmt;
use std::sync::Arc;

use aiperf_abi::{Context, Error, Flow, Plugin, Result, SendFuture, Sink, Transport, TransportRequest};
use hyper::Uri;
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Url};
use serde::Deserialize;

use self::body::TellingBody;
use self::clients::{Clients, HttpVersion, Reuse};
use self::connection::{Connection, Unanswered};
use self::connections::Connections;
use self::failing::{Asked, Progress, told, told_by_client};
use self::marks::Telling;
use self::opening::{Opener, opener};
pub(crate) use self::stamped::Stamped;
use super::failure::word;
use crate::clock::Clock;
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
/// - Plain HTTP/1.1 goes over connections of our own: on Linux their bytes are stamped by the system when they come, however
///   late this process gets to read them. reqwest carries TLS and HTTP/2, whose bytes are stamped when they are read.
///
/// All of [`aiperf_abi::Mark`] is reported. A request counts as sent when its last byte is in the buffer of its connection,
/// which is written into the socket at once.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    plain: Arc<Plain>,
    clients: Arc<Clients>,
}

/// What requests over plain HTTP/1.1 share.
struct Plain {
    clock: Clock,
    opener: Opener,
    connections: Connections,
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
        let clock = Clock::start();
        let connections = Connections::new(connection_reuse_strategy, clock);
        Ok(Self {
            plain: Arc::new(Plain { clock, opener: opener(), connections }),
            clients: Arc::new(Clients::new(http_version, connection_reuse_strategy)?),
        })
    }
}

/// The header that is the same for all turns of a conversation.
const SESSION: &str = "x-correlation-id";

impl Transport for HttpTransport {
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture {
        let session = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(SESSION));
        let session = session.map(|(_, value)| value.as_str());
        let version = self.clients.version();
        let is_plain = request.url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        // `http` has no way to ask for another version than 1.1.
        if is_plain && version != HttpVersion::Two {
            let (plain, session) = (Arc::clone(&self.plain), session.map(str::to_owned));
            return Box::pin(async move { plain.exchange(request, session.as_deref(), sink).await });
        }
        let client = self.clients.client_for(&request.url, session);
        Box::pin(async move { exchange(client?, version, request, sink).await })
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

impl Plain {
    async fn exchange(&self, request: TransportRequest, session: Option<&str>, sink: Sink) -> Result<()> {
        // What the connections say in their time is said in that of the sink.
        let ahead_ns = sink.now_ns() as i64 - self.clock.now_ns() as i64;
        let (telling, _ended) = Telling::begin(sink);
        let Prepared { method, url, headers } = Prepared::of(&request)?;
        let asked = Asked { server: server_of(&url), version: HttpVersion::One };
        let (uri, path) = uris(&url)?;
        let mut outgoing = hyper::Request::new(TellingBody::new(request.body, Arc::clone(&telling)));
        (*outgoing.method_mut(), *outgoing.uri_mut(), *outgoing.headers_mut()) = (method, path, headers);
        outgoing.headers_mut().entry(HOST).or_insert(host_of(&url)?);

        let place = self.connections.place(&asked.server, session);
        let (mut connection, response) = loop {
            let free = self.connections.take(&place).await;
            let was_open = free.is_some();
            let mut connection = match free {
                Some(connection) => connection,
                None => Connection::open(&self.opener, uri.clone(), self.clock, &telling)
                    .await
                    .map_err(|e| told(Some(&*e), &asked, Progress::Opening))?,
            };
            match connection.send(outgoing).await {
                Ok(response) => break (connection, response),
                Err(Unanswered { unsent: Some(unsent), .. }) if was_open => outgoing = unsent,
                Err(Unanswered { error, .. }) => return Err(told(Some(&error), &asked, Progress::NoHead)),
            }
        };

        let at_ns = |connection: &Connection| connection.arrived_ns().saturating_add_signed(ahead_ns);
        let (head, mut body) = response.into_parts();
        telling.head_at(at_ns(&connection), head.status.as_u16(), &listed(&head.headers));
        while let Some(piece) = connection.piece(&mut body).await {
            let piece = piece.map_err(|e| told(Some(&e), &asked, Progress::Body))?;
            if telling.chunk_at(at_ns(&connection), &piece) == Flow::Stop {
                return Ok(());
            }
        }
        self.connections.keep(place, connection).await;
        Ok(())
    }
}

async fn exchange(client: Client, version: HttpVersion, request: TransportRequest, sink: Sink) -> Result<()> {
    let (telling, _ended) = Telling::begin(sink);
    let Prepared { method, url, headers } = Prepared::of(&request)?;
    let asked = Asked { server: server_of(&url), version };
    let mut outgoing = reqwest::Request::new(method, url);
    *outgoing.headers_mut() = headers;
    *outgoing.body_mut() = Some(Body::wrap(TellingBody::new(request.body, Arc::clone(&telling))));
    let answer = telling.during(client.execute(outgoing)).await;
    let mut response = answer.map_err(|e| told_by_client(&e, &asked, Progress::NoHead))?;

    telling.head(response.status().as_u16(), &listed(response.headers()));

    while let Some(chunk) = response.chunk().await.map_err(|e| told_by_client(&e, &asked, Progress::Body))? {
        if telling.chunk(&chunk) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

/// All but the body.
struct Prepared {
    method: Method,
    url: Url,
    headers: HeaderMap,
}

impl Prepared {
    fn of(request: &TransportRequest) -> Result<Self> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is no HTTP method", request.method)))?;
        let url = Url::parse(&request.url)
            .map_err(|e| invalid(format!("`{}` is no URL: {e}", secret::without_secrets(&request.url))))?;
        let mut headers = headers(&request.headers).map_err(invalid)?;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        Ok(Self { method, url, headers })
    }
}

fn invalid(message: String) -> Error {
    Error::invalid_input(message).context(word::INVALID)
}

/// The whole address, by which a connection is opened, and the part of it that is sent.
fn uris(url: &Url) -> Result<(Uri, Uri)> {
    let whole: Uri = url.as_str().parse().map_err(|e| invalid(format!("an URL that cannot be sent: {e}")))?;
    let path = whole.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    Ok((whole, path))
}

fn host_of(url: &Url) -> Result<HeaderValue> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port());
    let text = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    HeaderValue::from_str(&text).map_err(|_| invalid(format!("`{text}` is no host")))
}

fn listed(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
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
