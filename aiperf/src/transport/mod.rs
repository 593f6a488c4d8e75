//! The built-in ways to move bytes, and what every request over any transport needs: its address, its headers, a sink
//! for its reply, the events of a stream, and names for what went wrong. Knows no API dialect.

pub mod address;
pub mod collect;
pub mod failure;
pub mod headers;
pub mod http;
pub mod in_engine;
pub mod selection;
pub mod sse;

pub use address::{AddressError, endpoint_url};
pub use http::HttpTransport;
