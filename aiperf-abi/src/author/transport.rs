//! `transport`: a way to move bytes. Sends a request and hands over what comes back, stamped; knows no dialect.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::error::Result;

/// The future of one request. Dropping it must end the work.
pub type SendFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 'static>>;

/// A way to move bytes. Called from many threads at once.
///
/// In a loaded library the futures run on a tokio runtime that the library owns; `tokio::time`, sockets and
/// `tokio::spawn` work as usual in them and in the constructor.
///
#[cfg_attr(doc, doc = include_str!("../../reference/transport.md"))]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request; reports headers and chunks to `sink` as they come; resolves when the reply has ended.
    ///
    /// An HTTP status that means failure is not an error here: report it with [`Sink::head`] and deliver the body.
    /// The future's error is for a reply that never came or broke off.
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture;
}

/// What to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportRequest {
    /// `POST`, mostly.
    pub method: String,
    /// Full URL.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When to give up, counted from the call; the host also enforces it.
    pub timeout: Option<Duration>,
}

impl TransportRequest {
    /// A POST of a body.
    pub fn post(url: impl Into<String>, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { method: "POST".to_owned(), url: url.into(), headers, body, timeout: None }
    }

    /// The same request with a time limit.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Whether more of the reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// The host has given the request up: stop reading.
    Stop,
}

/// A moment in the life of a request that only the transport can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// The whole request has been written, as far as the transport sees it: handed to the system or to what writes for it.
    Sent,
    /// The server's address is being looked up for a new connection.
    LookupBegan,
    /// The address is there.
    LookupEnded,
    /// A new connection is being opened for the request. Looking up the address comes after this and is a part of it.
    ConnectBegan,
    /// The new connection is open, TLS included, and takes the request.
    Connected,
    /// The request goes over a connection that was open before.
    Reused,
    /// The first bytes of the request are being written.
    SendBegan,
}

/// Where a transport delivers a reply. Dropping it ends the delivery.
pub struct Sink {
    target: Box<dyn SinkTarget>,
}

/// The receiving side of a [`Sink`]. The host implements it; a test may.
pub trait SinkTarget: Send {
    /// Nanoseconds of the host's clock.
    fn now_ns(&self) -> u64;
    /// Status and headers, with the time they were there.
    fn head(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]);
    /// Bytes of the body, with the time they were there.
    fn chunk(&mut self, at_ns: u64, bytes: &[u8]) -> Flow;
    /// A moment worth keeping.
    fn mark(&mut self, at_ns: u64, mark: Mark);
}

impl Sink {
    /// A sink that delivers to `target`.
    pub fn new(target: Box<dyn SinkTarget>) -> Self {
        Self { target }
    }

    /// Nanoseconds of the host's clock, for [`Sink::chunk_at`].
    pub fn now_ns(&self) -> u64 {
        self.target.now_ns()
    }

    /// Status and headers are there, now.
    pub fn head(&mut self, status: u16, headers: &[(&str, &str)]) {
        let now = self.target.now_ns();
        self.target.head(now, status, headers);
    }

    /// Status and headers were there at `at_ns` of the host's clock.
    pub fn head_at(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        self.target.head(at_ns, status, headers);
    }

    /// Bytes of the body are there, now.
    pub fn chunk(&mut self, bytes: &[u8]) -> Flow {
        let now = self.target.now_ns();
        self.target.chunk(now, bytes)
    }

    /// Bytes of the body were there at `at_ns` of the host's clock.
    pub fn chunk_at(&mut self, at_ns: u64, bytes: &[u8]) -> Flow {
        self.target.chunk(at_ns, bytes)
    }

    /// A moment has come, now.
    pub fn mark(&mut self, mark: Mark) {
        let now = self.target.now_ns();
        self.target.mark(now, mark);
    }

    /// A moment came at `at_ns` of the host's clock.
    pub fn mark_at(&mut self, at_ns: u64, mark: Mark) {
        self.target.mark(at_ns, mark);
    }
}
