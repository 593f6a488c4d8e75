//! Tests of a plugin: of its types with the fixtures of this crate, and of the library with the suite of the program.
//!
//! # Unit tests, without host or server
//!
//! [`aiperf_abi::testing`](crate::testing) has what every category needs: a request, pieces of replies, a conversation, records,
//! a report, a sink, a host whose clock stands still and which keeps what is logged.
//! [`construct`](crate::testing::construct) makes a value as the host makes it:
//!
//! ```
//! use aiperf_abi::testing::{construct, mock_event, mock_request};
//! use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, json};
//!
//! struct Plain;
//!
//! impl Plugin for Plain {
//!     fn new(_: &Context<'_>) -> Result<Self> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl Endpoint for Plain {
//!     fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
//!         Ok(json!({ "prompt": request.last_turn()?.texts().next() }).into())
//!     }
//!
//!     fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
//!         Ok(response.text().map(ParsedResponse::text))
//!     }
//! }
//!
//! let plain: Plain = construct(json!({})).unwrap();
//! let mut request = mock_request();
//! request.streaming = true;
//! let body = plain.format_payload(request.info()).unwrap().into_bytes(request.info()).unwrap();
//! assert_eq!(String::from_utf8_lossy(&body), r#"{"prompt":"Hello, world!"}"#);
//! let parsed = plain.parse_response(mock_event("hi").response()).unwrap();
//! assert_eq!(parsed, Some(ParsedResponse::text("hi")));
//! ```
//!
//! The same value behind its real thunks, as it is behind a library's, is [`via_abi`](crate::testing::via_abi): what goes in and
//! comes out then crosses as it does in a run, and a panic comes back as an error.
//!
//! ```
//! # use aiperf_abi::*;
//! # struct Hasty;
//! # impl Plugin for Hasty { fn new(_: &Context<'_>) -> Result<Self> { Ok(Self) } }
//! impl ArrivalPattern for Hasty {
//!     fn next_interval(&mut self) -> Result<f64> {
//!         Ok(-1.0)
//!     }
//!     # fn set_rate(&mut self, _: f64) -> Result<()> { Ok(()) }
//! }
//!
//! let mut hasty = aiperf_abi::testing::via_abi::<dyn ArrivalPattern, Hasty>(json!({})).unwrap();
//! assert!(hasty.next_interval().is_err(), "an interval below 0 stops at the boundary");
//! ```
//!
//! # The library
//!
//! ```console
//! cargo build --release
//! aiperf plugins validate .     # manifest, library and classes, none of its code run
//! aiperf plugins test .         # every class made, called as a run calls it and worse, and dropped
//! aiperf plugins bench .        # what a call costs, beside the same call of what is built in
//! ```
//!
//! The suite loads the library in a process of its own for each class: a crash is a finding, not an end. Settings a constructor
//! cannot do without are given with `--config JSON`. It ends with 0 where nothing has failed and writes JSON with `--json`, so it
//! can stand in a pipeline.
//!
//! # A benchmark without a server
//!
//! `aiperf profile --url 'sim://?ttft=50ms&itl=5ms'` runs against an inference engine inside aiperf: enough to see an exporter, a
//! schedule, a loader or a display at work.
//!
//! # Not yet installed
//!
//! `aiperf --plugin-path . …` uses the package where it is made, with the newest library that cargo has built: after the next
//! `cargo build` the next run has it. `aiperf plugins add . --force` copies manifest and library into the folder of the user.
