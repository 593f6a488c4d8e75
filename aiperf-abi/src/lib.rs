//! The contract between the aiperf benchmark and its plugins: what an author of one depends on, and nothing else.
//!
//! A plugin is a shared library with a manifest beside it. Its author writes safe Rust: a type that implements the trait of an
//! extension point, [`Plugin`] to make it, and one macro to export it. A whole endpoint, for a server that is sent
//! `{"question": …}` and answers `{"answer": …}`:
//!
//! ```
//! use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, json};
//!
//! pub struct Oracle;
//!
//! impl Plugin for Oracle {
//!     fn new(_: &Context<'_>) -> Result<Self> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl Endpoint for Oracle {
//!     fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
//!         let question: String = request.last_turn()?.texts().collect();
//!         Ok(json!({ "question": question, "model": request.model() }).into())
//!     }
//!
//!     fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
//!         let reply = response.json().unwrap_or_default();
//!         Ok(reply["answer"].as_str().map(ParsedResponse::text))
//!     }
//! }
//!
//! aiperf_abi::export_plugin! {
//!     endpoint: { Oracle },
//! }
//! # fn main() {
//! #     use aiperf_abi::testing::{construct, mock_response};
//! #     let oracle: Oracle = construct(json!({})).unwrap();
//! #     let parsed = oracle.parse_response(mock_response(r#"{"answer": "42"}"#).response()).unwrap();
//! #     assert_eq!(parsed, Some(ParsedResponse::text("42")));
//! # }
//! ```
//!
//! Its crate is of the types `["cdylib", "rlib"]`, and this is its manifest, `plugins.yaml`:
//!
//! ```yaml
//! schema_version: "1.0"
//! plugin:
//!   name: my-plugins
//!   version: 0.1.0
//! endpoint:
//!   oracle:
//!     class: my_plugins:Oracle
//!     description: Asks the oracle.
//!     metadata:
//!       endpoint_path: /ask
//!       metrics_title: null
//!       supports_streaming: false
//!       produces_tokens: true
//!       tokenizes_input: true
//! ```
//!
//! ```console
//! cargo build --release
//! aiperf plugins add .
//! aiperf profile --endpoint-type oracle --model any --url http://localhost:8000
//! ```
//!
//! `aiperf plugins new my-plugins` makes such a package, with tests and a server to try it on; with `--category`, one of six others.
//!
//! # The guide
//!
//! | | |
//! |---|---|
//! | [`guide::concepts`] | packages, names and who has them, how a value lives, threads, clock and log |
//! | [`guide::categories`] | which of the traits for what, with examples; the page of each trait ends with its reference |
//! | [`guide::errors`] | what an error does to a run, and a panic |
//! | [`guide::versioning`] | which libraries are loaded, and what may change |
//! | [`guide::testing`] | fixtures and the suite |
//! | [`guide::publishing`] | what to hand out, and trust |
//!
//! # Features
//!
//! - `transport`: for libraries that export a [`Transport`]: the runtime on which its futures run.
//! - `schema`: JSON Schema of metadata and settings; of use to the host.

// First, for the macros that declare categories.
#[doc(hidden)]
#[expect(unsafe_code, reason = "the library boundary: each block says why it is sound")]
#[macro_use]
pub mod ffi;

#[doc(hidden)]
pub mod author;
#[doc(hidden)]
pub mod category;
pub mod data;
#[doc(hidden)]
pub mod export;
pub mod guide;
#[doc(hidden)]
#[expect(unsafe_code, reason = "the library boundary: each block says why it is sound")]
pub mod host;
pub mod testing;

pub use author::communication::{Communication, Message, topic};
pub use author::console::{Align, Block, Column, ConsoleExporter, Page, TableBlock};
pub use author::context::{Context, Host, Level, Plugin};
pub use author::dataset::{
    ConversationSink, CustomDatasetLoader, DatasetBackingStore, DatasetComposer, PublicDatasetLoader,
};
pub use author::endpoint::{API_KEY, Endpoint, Payload};
pub use author::error::{Error, ErrorKind, Result};
pub use author::exporter::{DataExporter, RecordBatch};
pub use author::extract;
pub use author::handler::{DEFAULT_PRIORITY, HandlingFailure, ResultHandler, Results};
pub use author::plot::{Figure, Plot};
pub use author::processor::{Addition, MetricDeclaration, RecordProcessor, ResultsProcessor};
pub use author::request::{Content, RequestInfo, Turn};
pub use author::response::Response;
pub use author::selection::{DatasetSampler, SelectionConfig, UrlSelectionStrategy};
pub use author::service::{Fleet, Health, Service, ServiceAction, ServiceManager, ServiceState, Wanted};
pub use author::telemetry::{GpuSample, GpuTelemetryCollector};
pub use author::timing::{
    Actions, ArrivalConfig, ArrivalPattern, Ramp, RampConfig, Returned, TimingEvent, TimingHost, TimingStrategy,
    Upcoming,
};
pub use author::transport::{Flow, Mark, SendFuture, Sink, SinkTarget, Transport, TransportRequest};
pub use author::ui::{Ui, UiEvent, UiProgress};
#[doc(inline)]
pub use data::calibration::{Calibration, ErrorSpread, Machine, MeasurementError};
#[doc(inline)]
pub use data::dataset::{
    AudioConfig, ComposerConfig, CustomDatasetLoaderMetadata, FileSample, ImageConfig, LengthPair, LoaderConfig,
    RemoteFile, RowFault, Spread,
};
#[doc(inline)]
pub use data::record::{ErrorDetails, MetricValue, Record, RecordMetadata};
#[doc(inline)]
pub use data::report::{
    Audit, AuditGrade, Distribution, ErrorCount, FileInfo, FileStem, LittlesLaw, MetricResult, Report, SteadyState,
    TimeSlice, Uncertified,
};
#[doc(inline)]
pub use data::response::{ParsedResponse, ResponseData, Usage};
#[doc(inline)]
pub use data::settings::{EndpointMetadata, ModelEndpoint, TransportMetadata};
pub use serde_json::{Map, Value, json};
