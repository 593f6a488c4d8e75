//! What came back for one request, raw: bytes with their arrival times, and how it ended. Not yet parsed.

use aiperf_abi::ErrorDetails;

/// Raw reply to one request. All times are nanoseconds of the run's clock.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Immediately before the request was handed to the transport.
    pub start_ns: u64,
    /// What happened before that, where the transport can tell.
    pub connection: Connection,
    /// The request was written in full, where the transport can tell.
    pub sent_ns: Option<u64>,
    /// Bytes of the request's body.
    pub sent_bytes: u64,
    /// Response headers were there.
    pub head_ns: Option<u64>,
    /// HTTP status, or the transport's likeness of one.
    pub status: Option<u16>,
    /// All headers of the response, `name: value` on a line each.
    pub headers: String,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The body, in order.
    pub body: Vec<u8>,
    /// For every chunk: offset of its end in `body`, and when it arrived. Offsets and times never fall.
    pub arrivals: Vec<Arrival>,
    /// The reply ended, was given up, or broke off.
    pub end_ns: u64,
    /// Why it is no success, if the transport, the status or the clock says so.
    pub error: Option<ErrorDetails>,
    /// When the client gave it up on purpose.
    pub cancelled_ns: Option<u64>,
}

/// How a request came to its connection. Nanoseconds of the run's clock; what the transport does not tell is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connection {
    /// The server's address was looked up from here on.
    pub lookup_began_ns: Option<u64>,
    /// The address was there.
    pub lookup_ended_ns: Option<u64>,
    /// A new connection was opened from here on, its lookup included.
    pub connect_began_ns: Option<u64>,
    /// The new connection was open.
    pub connected_ns: Option<u64>,
    /// A connection was taken that was open before.
    pub reused_ns: Option<u64>,
    /// The first bytes of the request were written.
    pub send_began_ns: Option<u64>,
}

/// Arrival of one network chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Offset in the body just past the chunk.
    pub end: usize,
    /// When it arrived.
    pub at_ns: u64,
}
