//! Which trait for what. The page of each trait ends with the reference of its category: what is built in, how one is chosen,
//! the keys of its settings and metadata, and an entry for a manifest. `aiperf plugins protocols CATEGORY` shows the same.
//!
//! | to … | category | trait |
//! |---|---|---|
//! | speak to a server with an API of its own | `endpoint` | [`Endpoint`](crate::Endpoint) |
//! | move bytes in another way | `transport` | [`Transport`](crate::Transport) |
//! | take results elsewhere: a file, a database | `data_exporter` | [`DataExporter`](crate::DataExporter) |
//! | show something at the end of a run | `console_exporter` | [`ConsoleExporter`](crate::ConsoleExporter) |
//! | measure more of each request | `record_processor` | [`RecordProcessor`](crate::RecordProcessor) |
//! | measure more of the run as a whole | `results_processor` | [`ResultsProcessor`](crate::ResultsProcessor) |
//! | do something with finished results | `result_handler` | [`ResultHandler`](crate::ResultHandler) |
//! | draw results | `plot` | [`Plot`](crate::Plot) |
//! | read accelerators while a run goes | `gpu_telemetry_collector` | [`GpuTelemetryCollector`](crate::GpuTelemetryCollector) |
//! | have something run beside a benchmark | `service` | [`Service`](crate::Service) |
//! | bring such things up and down | `service_manager` | [`ServiceManager`](crate::ServiceManager) |
//! | carry what happens in a run elsewhere | `communication` | [`Communication`](crate::Communication) |
//! | show a run while it goes | `ui` | [`Ui`](crate::Ui) |
//! | decide when sessions start and go on | `timing_strategy` | [`TimingStrategy`](crate::TimingStrategy) |
//! | space the requests of a rate | `arrival_pattern` | [`ArrivalPattern`](crate::ArrivalPattern) |
//! | climb to a limit or a rate | `ramp` | [`Ramp`](crate::Ramp) |
//! | read files of one more format | `custom_dataset_loader` | [`CustomDatasetLoader`](crate::CustomDatasetLoader) |
//! | read one more public dataset | `public_dataset_loader` | [`PublicDatasetLoader`](crate::PublicDatasetLoader) |
//! | make prompts up | `dataset_composer` | [`DatasetComposer`](crate::DatasetComposer) |
//! | keep conversations elsewhere | `dataset_backing_store` | [`DatasetBackingStore`](crate::DatasetBackingStore) |
//! | draw conversations in another order | `dataset_sampler` | [`DatasetSampler`](crate::DatasetSampler) |
//! | choose between several servers | `url_selection_strategy` | [`UrlSelectionStrategy`](crate::UrlSelectionStrategy) |
//!
//! A class implements [`Plugin`](crate::Plugin), which makes it, and the trait; one type may be a class of several categories.
//!
//! # On the way of every request
//!
//! `endpoint` and `transport` take `&self`, are called from many threads and should allocate little. An example of an endpoint is
//! on the front page of [this crate](crate).
//!
//! # Asked for numbers
//!
//! `timing_strategy`, `arrival_pattern`, `ramp`, `dataset_sampler`, `url_selection_strategy` answer with numbers and own no clock:
//!
//! ```
//! use aiperf_abi::{ArrivalConfig, ArrivalPattern, Context, Plugin, Result};
//!
//! /// Every second request follows at once.
//! struct Pairs {
//!     gap: f64,
//!     second: bool,
//! }
//!
//! impl Plugin for Pairs {
//!     fn new(cx: &Context<'_>) -> Result<Self> {
//!         let config: ArrivalConfig = cx.config()?;
//!         Ok(Self { gap: 2.0 / config.rate, second: false })
//!     }
//! }
//!
//! impl ArrivalPattern for Pairs {
//!     fn next_interval(&mut self) -> Result<f64> {
//!         self.second = !self.second;
//!         Ok(if self.second { 0.0 } else { self.gap })
//!     }
//!
//!     fn set_rate(&mut self, rate: f64) -> Result<()> {
//!         self.gap = 2.0 / rate;
//!         Ok(())
//!     }
//! }
//!
//! # use aiperf_abi::testing::{construct, mock_arrival_config};
//! # let rate = mock_arrival_config().rate;
//! # let mut pairs: Pairs = construct(aiperf_abi::json!(mock_arrival_config())).unwrap();
//! # assert_eq!((pairs.next_interval().unwrap(), pairs.next_interval().unwrap()), (0.0, 2.0 / rate));
//! ```
//!
//! # Told the results
//!
//! Exporters and processors are told finished records in batches beside the sending path, and the report at the end:
//!
//! ```
//! use aiperf_abi::{Context, MetricDeclaration, Plugin, RecordBatch, RecordProcessor, Result};
//!
//! /// How many bytes of JSON a record is.
//! struct Weight;
//!
//! impl Plugin for Weight {
//!     fn new(_: &Context<'_>) -> Result<Self> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl RecordProcessor for Weight {
//!     fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> {
//!         Ok(vec![MetricDeclaration::new("record_bytes", "Record Size", "bytes")])
//!     }
//!
//!     fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
//!         Ok(batch.as_str().lines().map(|line| vec![Some(line.len() as f64)]).collect())
//!     }
//! }
//! ```
//!
//! The metric `record_bytes` then stands in the console table, the JSON and CSV summaries and the lines of the record file, like
//! a built-in one.
//!
//! # Handing over conversations
//!
//! Loaders and composers push conversations one by one and keep none; a [`Recipe`](crate::data::conversation::Recipe) stands for
//! a content that the host makes (so many tokens, an image of a size):
//!
//! ```
//! use aiperf_abi::data::conversation::{Conversation, Turn};
//! use aiperf_abi::{ComposerConfig, Context, ConversationSink, DatasetComposer, Plugin, Result};
//!
//! struct Counting(u64);
//!
//! impl Plugin for Counting {
//!     fn new(cx: &Context<'_>) -> Result<Self> {
//!         Ok(Self(cx.config::<ComposerConfig>()?.entries))
//!     }
//! }
//!
//! impl DatasetComposer for Counting {
//!     fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()> {
//!         for number in 1..=self.0 {
//!             let turns = vec![Turn::text(format!("Count to {number}."))];
//!             out.push(Conversation { turns, ..Conversation::default() })?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # let mut counting: Counting = aiperf_abi::testing::construct(aiperf_abi::json!({ "entries": 2 })).unwrap();
//! # let mut out = aiperf_abi::testing::CollectingConversations::default();
//! # counting.compose(&mut out).unwrap();
//! # assert_eq!(out.pushed.len(), 2);
//! ```
