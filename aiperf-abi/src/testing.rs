//! Fixtures for the unit tests of a plugin, whatever its category: constructors called as the host calls them, the same value
//! behind its real thunks, and what its methods are given. Needs no host and no server.
//!
//! | to test | there is |
//! |---|---|
//! | anything | [`construct`], [`via_abi`], [`Fixture`]; [`MockHost`] with its clock, its log and a count of its handles |
//! | endpoints | [`mock_model_endpoint`], [`mock_request`], [`mock_response`], [`mock_event`] |
//! | transports | [`CollectingSink`] and what is [`Delivered`] |
//! | loaders, composers, stores | [`mock_loader_config`], [`mock_composer_config`], [`mock_sample`], [`mock_conversation`], [`CollectingConversations`] |
//! | strategies, arrivals, ramps, samplers, choices of a server | [`MockTiming`], [`mock_arrival_config`], [`mock_ramp_config`], [`mock_selection_config`] |
//! | processors, exporters, handlers, plots | [`mock_record`], [`mock_lines`], [`mock_report`], [`mock_page`], [`mock_results`] |
//! | displays, communications, services and their managers | [`mock_ui_events`], [`mock_messages`], [`MockFleet`] |
//!
//! ```
//! # use aiperf_abi::*;
//! # struct EchoEndpoint;
//! # impl Plugin for EchoEndpoint { fn new(_: &Context<'_>) -> Result<Self> { Ok(Self) } }
//! # impl Endpoint for EchoEndpoint {
//! #     fn format_payload(&self, r: RequestInfo<'_>) -> Result<Payload> { Ok(json!({"text": r.last_turn()?.texts().next()}).into()) }
//! #     fn parse_response(&self, r: Response<'_>) -> Result<Option<ParsedResponse>> { Ok(r.text().map(ParsedResponse::text)) }
//! # }
//! use aiperf_abi::testing::{construct, mock_request, mock_response};
//!
//! let endpoint: EchoEndpoint = construct(json!({})).unwrap();
//! let request = mock_request();
//! let payload = endpoint.format_payload(request.info()).unwrap();
//! assert!(!payload.into_bytes(request.info()).unwrap().is_empty());
//! assert!(endpoint.parse_response(mock_response("hi").response()).unwrap().is_some());
//! ```

mod dataset;
mod host;
mod results;
mod running;
mod timing;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

pub use self::dataset::{
    CollectingConversations, mock_composer_config, mock_conversation, mock_loader_config, mock_sample,
};
pub use self::host::MockHost;
pub use self::results::{mock_lines, mock_page, mock_record, mock_report, mock_results};
pub use self::running::{MockFleet, MockService, mock_messages, mock_ui_events};
pub use self::timing::{MockTiming, Wish, mock_arrival_config, mock_ramp_config, mock_selection_config};
use crate::author::context::{Context, Host, Plugin, Setup};
use crate::author::error::Result;
use crate::author::transport::{Flow, Mark, Sink, SinkTarget};
use crate::category::{Category, Class};
use crate::data::conversation::{Conversation, Media, Turn};
pub use crate::data::piece::Piece;
pub use crate::data::request::Request;
use crate::data::settings::ModelEndpoint;
use crate::ffi::root;
use crate::host::make;

/// What the clock of [`MockHost`] shows until it is moved, nanoseconds.
pub const MOCK_NOW_NS: u64 = 1_000_000_000;

/// The model under test of all fixtures.
pub const MOCK_MODEL: &str = "test-model";

/// A run against `http://localhost:8000` with the model [`MOCK_MODEL`], not streaming.
pub fn mock_model_endpoint() -> ModelEndpoint {
    ModelEndpoint {
        endpoint_type: "test".to_owned(),
        models: vec![MOCK_MODEL.to_owned()],
        urls: vec!["http://localhost:8000".to_owned()],
        ..ModelEndpoint::default()
    }
}

/// A request of one turn that says `Hello, world!` and may be answered with 16 tokens. Change its fields as needed.
pub fn mock_request() -> Request {
    let text = Media::new("text", "Hello, world!");
    let turn = Turn { texts: vec![text], max_tokens: Some(16), ..Turn::default() };
    Request {
        model: MOCK_MODEL.into(),
        conversation: Arc::new(Conversation {
            session_id: "test-conversation".into(),
            turns: vec![turn],
            ..Conversation::default()
        }),
        x_request_id: "test-request".to_owned(),
        x_correlation_id: "test-correlation".to_owned(),
        ..Request::default()
    }
}

/// A whole JSON body, there at [`MOCK_NOW_NS`].
pub fn mock_response(body: &str) -> Piece<'_> {
    Piece { perf_ns: MOCK_NOW_NS, content_type: Some("application/json"), data: body.as_bytes(), ..Piece::default() }
}

/// The `data:` of one event of a stream, there at [`MOCK_NOW_NS`].
pub fn mock_event(data: &str) -> Piece<'_> {
    Piece {
        perf_ns: MOCK_NOW_NS,
        is_event: true,
        content_type: Some("text/event-stream"),
        data: data.as_bytes(),
        ..Piece::default()
    }
}

/// Makes a plugin with this configuration, [`mock_model_endpoint`] and a [`MockHost`].
///
/// # Errors
/// The constructor's.
pub fn construct<T: Plugin>(config: Value) -> Result<T> {
    construct_with(&Fixture::new(config), &MockHost::default())
}

/// Makes a plugin from a fixture of its own.
///
/// # Errors
/// The constructor's.
pub fn construct_with<T: Plugin>(fixture: &Fixture, host: &MockHost) -> Result<T> {
    T::new(&fixture.context(host))
}

/// Makes a class of a category the way a loaded library does, and calls it the way the host does: through its thunks. As
/// in `via_abi::<dyn Endpoint, EchoEndpoint>(json!({}))`.
///
/// The futures of a transport run on the runtime a library would have; poll what it returns on any.
///
/// # Errors
/// The constructor's.
pub fn via_abi<C: Category + ?Sized, T: Class<C>>(config: Value) -> Result<Box<C>> {
    make::make::<C>(root::new::<C, T>, THIS_TEST, &Fixture::new(config).context(&MockHost::default()))
}

const THIS_TEST: make::Package<'static> = make::Package { name: "under-test", version: "0.0.0" };

/// What a constructor is told, beyond the host: everything may be changed.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Entry name, `test`.
    pub entry: String,
    config: Box<RawValue>,
    metadata: Box<RawValue>,
    model_endpoint: Box<RawValue>,
    artifact_dir: Option<Box<RawValue>>,
}

impl Fixture {
    /// With this configuration, no metadata, and [`mock_model_endpoint`].
    #[expect(clippy::needless_pass_by_value, reason = "tests write `json!` in its place")]
    pub fn new(config: Value) -> Self {
        Self {
            entry: "test".to_owned(),
            config: raw(&config),
            metadata: raw(&json!({})),
            model_endpoint: raw(&mock_model_endpoint()),
            artifact_dir: None,
        }
    }

    /// With this metadata, as the manifest would have it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: &Value) -> Self {
        self.metadata = raw(metadata);
        self
    }

    /// With this model endpoint.
    #[must_use]
    pub fn with_model_endpoint(mut self, model_endpoint: &ModelEndpoint) -> Self {
        self.model_endpoint = raw(model_endpoint);
        self
    }

    /// With this folder for artifacts.
    #[must_use]
    pub fn with_artifact_dir(mut self, folder: &str) -> Self {
        self.artifact_dir = Some(raw(&folder));
        self
    }

    /// The context of the constructor.
    pub fn context<'a>(&'a self, host: &'a dyn Host) -> Context<'a> {
        let setup = Setup {
            config: Some(&self.config),
            metadata: Some(&self.metadata),
            model_endpoint: Some(&self.model_endpoint),
            artifact_dir: self.artifact_dir.as_deref(),
        };
        Context::new(&self.entry, setup, host)
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("values with text keys can be written as JSON")
}

/// Status and headers of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// When they were there.
    pub at_ns: u64,
    /// The status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
}

/// What a transport delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Status and headers.
    pub head: Option<Head>,
    /// Chunks with their times.
    pub chunks: Vec<(u64, Vec<u8>)>,
    /// Moments with their times.
    pub marks: Vec<(u64, Mark)>,
    /// Whether the sink is gone.
    pub closed: bool,
}

impl Delivered {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|(_, bytes)| bytes).copied().collect()
    }
}

/// A [`Sink`] that keeps what it gets. Its clock goes on by a microsecond with every look.
#[derive(Debug, Clone, Default)]
pub struct CollectingSink {
    seen: Arc<Mutex<Delivered>>,
    clock: Arc<AtomicU64>,
    chunks_wanted: Option<usize>,
}

impl CollectingSink {
    /// One that says [`Flow::Stop`] with this chunk, counted from 1.
    pub fn stopping_at(chunk: usize) -> Self {
        Self { chunks_wanted: Some(chunk), ..Self::default() }
    }

    /// The sink to hand to a transport.
    pub fn sink(&self) -> Sink {
        Sink::new(Box::new(Collecting(self.clone())))
    }

    /// What has come so far.
    pub fn delivered(&self) -> Delivered {
        lock(&self.seen).clone()
    }
}

struct Collecting(CollectingSink);

impl SinkTarget for Collecting {
    fn now_ns(&self) -> u64 {
        self.0.clock.fetch_add(1000, Ordering::Relaxed)
    }

    fn head(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        lock(&self.0.seen).head = Some(Head { at_ns, status, headers });
    }

    fn chunk(&mut self, at_ns: u64, bytes: &[u8]) -> Flow {
        let mut seen = lock(&self.0.seen);
        seen.chunks.push((at_ns, bytes.to_vec()));
        if self.0.chunks_wanted.is_some_and(|wanted| seen.chunks.len() >= wanted) { Flow::Stop } else { Flow::Continue }
    }

    fn mark(&mut self, at_ns: u64, mark: Mark) {
        lock(&self.0.seen).marks.push((at_ns, mark));
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        lock(&self.0.seen).closed = true;
    }
}

/// A test that panicked while holding a lock has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
