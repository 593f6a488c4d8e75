//! The contract between the aiperf benchmark and its plugins.
//!
//! A plugin author implements a safe trait ([`Endpoint`], [`Transport`], [`DataExporter`]) and its constructor
//! ([`Plugin`]), and exports them with `export_plugin!`. The host gets the same trait back from the loaded library.

// First, for the macros that declare categories.
#[doc(hidden)]
#[expect(unsafe_code, reason = "the library boundary: each block says why it is sound")]
#[macro_use]
pub mod ffi;

pub mod author;
#[doc(hidden)]
pub mod category;
pub mod data;
#[doc(hidden)]
pub mod export;
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
pub use data::calibration::{Calibration, ErrorSpread, Machine, MeasurementError};
pub use data::dataset::{
    AudioConfig, ComposerConfig, CustomDatasetLoaderMetadata, FileSample, ImageConfig, LengthPair, LoaderConfig,
    RemoteFile, RowFault, Spread,
};
pub use data::record::{ErrorDetails, MetricValue, Record, RecordMetadata};
pub use data::report::{
    Audit, AuditGrade, Distribution, ErrorCount, FileInfo, FileStem, LittlesLaw, MetricResult, Report, SteadyState,
    TimeSlice, Uncertified,
};
pub use data::response::{ParsedResponse, ResponseData, Usage};
pub use data::settings::{EndpointMetadata, ModelEndpoint, TransportMetadata};
pub use serde_json::{Map, Value, json};
