//! From a plan and the registry to live parts: endpoint, transport, tokenizer, dataset, exporters, recorder, issuer. All of
//! it before the first request, so that no library is opened and no vocabulary read inside a measurement.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aiperf_abi::author::context::Setup;
use aiperf_abi::{
    Communication, ConsoleExporter, DEFAULT_PRIORITY, DataExporter, Endpoint, FileInfo, GpuTelemetryCollector, Map,
    Plot, RecordProcessor, ResultHandler, ResultsProcessor, SelectionConfig, Service, ServiceManager, Transport, Ui,
    UrlSelectionStrategy, Value,
};
use serde_json::value::{RawValue, to_raw_value};

use super::dataset;
use super::handlers::Handlers;
use super::phases::{self, ReadyPhase, Supply};
use super::processors::{RecordProcessors, ResultsProcessors};
use super::recording::{Desk, Keeps, RawDesk};
use super::requests::Requests;
use super::services::Services;
use super::telemetry::Collector;
use crate::builtin::table::{self, BuiltIn, MakeError};
use crate::clock::Clock;
use crate::config::flags::ExportLevel;
use crate::credit::Phase;
use crate::dataset::{Dataset, DatasetError};
use crate::endpoint::payload;
use crate::export::file::WriteError;
use crate::export::layout::{LayoutError, file_stem};
use crate::export::{Consoles, Exporters, InputsWriter, Layout, LineFile, RunName, Stimulus};
use crate::metric::{Aggregate, Applicability, Measures, RecordEncoder};
use crate::plan::{Measurement, Plan, Timing};
use crate::plugin::category;
use crate::plugin::library::Library;
use crate::plugin::registry::{Entry, Registry, RegistryError, Source, Standing};
use crate::plugin::services::HostServices;
use crate::random::RootSeed;
use crate::record::raw::RawEncoder;
use crate::record::{Recorder, TokenCount};
use crate::tokenizer::{self, Tokenizer, TokenizerChoice, TokenizerError};
use crate::transport::collect::Room;
use crate::transport::headers::RunHeaders;
use crate::worker::{CancelFrom, Urls, Worker};

/// Why a part could not be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A plugin is missing, broken or refused its configuration.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// An entry the plan names is gone.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The tokenizer cannot be had.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The prompts cannot be made.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder for the results cannot be made.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A record processor cannot be used.
    #[error("record_processor `{name}`: {error}")]
    Processor {
        /// Its entry.
        name: String,
        /// Why.
        error: aiperf_abi::Error,
    },
    /// The endpoint does not know how to say what the dataset holds.
    #[error("endpoint `{endpoint}` cannot format conversation {conversation}: {reason}")]
    Format {
        /// Entry of the endpoint.
        endpoint: String,
        /// Which conversation.
        conversation: String,
        /// What the endpoint said.
        reason: String,
    },
}

/// Who looks at the results of a measurement.
#[derive(Default)]
pub struct Audience {
    /// Say what a person sees.
    pub consoles: Consoles,
    /// Act on the results.
    pub handlers: Handlers,
    /// Draw them.
    pub plots: Vec<(String, Box<dyn Plot>)>,
}

/// Seconds between two looks at the accelerators.
const TELEMETRY_SECONDS: f64 = 1.0;

/// Nobody looks more often than this.
const LEAST_TELEMETRY: Duration = Duration::from_millis(10);

/// The live parts of a run.
pub struct Parts {
    /// Sends.
    pub worker: Worker,
    /// What is sent for a credit.
    pub requests: Requests,
    /// What is measured, in this order; at least one.
    pub measurements: Vec<ReadyMeasurement>,
    /// Where the artifacts of the run go.
    pub layout: Layout,
    /// What the user should know before reading the numbers.
    pub notices: Vec<String>,
    /// The display of the run, and the name of its entry.
    pub ui: (String, Box<dyn Ui>),
    /// The plugins of the run that are not built in, for the report.
    pub plugins: Vec<Value>,
}

/// What runs beside a run.
pub struct Beside {
    /// Brought up before it and down after it.
    pub services: Option<Services>,
    /// How they and others are told what happens, and the name of its entry.
    pub communication: (String, Box<dyn Communication>),
}

/// One measurement, ready to run.
pub struct ReadyMeasurement {
    /// What it will do.
    pub plan: Measurement,
    /// Its phases, in this order.
    pub phases: Vec<ReadyPhase>,
    /// Makes records of what comes back.
    pub desk: Desk,
    /// Where its results go.
    pub layout: Layout,
    /// Files that exist already.
    pub files: Vec<FileInfo>,
    /// Who looks at its results.
    pub audience: Audience,
    /// What looks at accelerators while it goes.
    pub collectors: Vec<Collector>,
}

impl Parts {
    /// Makes them.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make(plan: &Plan, registry: &Registry, clock: Clock) -> Result<(Self, Beside), PartsError> {
        let seed = RootSeed::new(plan.seed);
        let target = &plan.target;
        let mut notices = plan.notices.clone();
        let mut maker = Maker { plan, clock, artifact_dir: None, plugins: Vec::new(), notices: Vec::new() };

        let model_endpoint = to_raw_value(&target.model_endpoint).expect("plain data is JSON");
        let endpoint_entry = registry.entry("endpoint", &target.endpoint)?;
        let config = target.model_endpoint.extra.clone();
        let endpoint: Arc<dyn Endpoint> =
            maker.make::<dyn Endpoint>(endpoint_entry, config, Some(&model_endpoint))?.into();
        let transport_entry = registry.entry("transport", &target.transport)?;
        let transport = maker.make::<dyn Transport>(transport_entry, Map::new(), Some(&model_endpoint))?;

        let loaded = tokenizer::load(&TokenizerChoice {
            name: plan.input.tokenizer.clone(),
            revision: Some(plan.input.tokenizer_revision.clone()),
            model: target.model_endpoint.primary_model_name().to_owned(),
        })?;
        let counts_locally = !target.model_endpoint.use_server_token_count;
        if counts_locally && (target.metadata.produces_tokens || target.metadata.tokenizes_input) {
            notices.extend(loaded.notice.clone());
        }
        let dataset = dataset::collect(plan, registry, &mut maker, &loaded.tokenizer)?;
        notices.extend_from_slice(dataset.notices());
        let draws = dataset::draws(plan, registry, &mut maker, &dataset)?;
        let dataset: Arc<dyn Dataset> = dataset;
        let requests = Requests::new(&target.model_endpoint, Arc::clone(&dataset), seed);

        let layout =
            Layout::claim(&plan.output.artifact_dir, &run_name(plan), file_stem(plan.output.prefix.as_deref())?)?;
        notices.extend(layout.notice());
        let inputs = write_inputs(&layout, &*endpoint, &requests, &*dataset, &target.endpoint)?;

        let run_headers = RunHeaders {
            api_key: target.api_key.clone(),
            user: target.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
        };
        let supply = Supply { draws: Arc::new(Mutex::new(draws)), dataset, seed };
        let shared = Basis {
            registry,
            layout: &layout,
            endpoint: &endpoint,
            tokenizer: &loaded.tokenizer,
            headers: &run_headers,
        };
        let mut measurements = Vec::new();
        for measurement in &plan.load.measurements {
            measurements.push(ready_measurement(measurement, &shared, &supply, &mut maker)?);
        }
        measurements[0].files.insert(0, inputs);
        let selection = SelectionConfig::new(target.request_urls.len() as u64, seed.derive("urls"));
        let selection = serde_json::to_value(selection).expect("plain data is JSON");
        let urls = maker.make::<dyn UrlSelectionStrategy>(
            registry.entry("url_selection_strategy", &target.url_strategy)?,
            selection.as_object().cloned().unwrap_or_default(),
            None,
        )?;
        let worker = Worker {
            clock,
            endpoint,
            transport,
            urls: Urls::new(target.request_urls.clone(), urls),
            headers: run_headers,
            timeout: target.timeout,
            cancel_from: if target.marks_sent { CancelFrom::Sent } else { CancelFrom::Start },
            room: Room::default(),
        };
        let services = maker.services(registry)?;
        let carries = registry.entry("communication", &plan.services.communication)?;
        let communication = (carries.name.clone(), maker.make::<dyn Communication>(carries, Map::new(), None)?);
        let shown = registry.entry("ui", &plan.output.ui)?;
        let ui = (plan.output.ui.clone(), maker.make::<dyn Ui>(shown, Map::new(), None)?);
        notices.append(&mut maker.notices);
        let plugins = maker.plugins;
        let parts = Self { worker, requests, measurements, layout, notices, ui, plugins };
        Ok((parts, Beside { services, communication }))
    }
}

/// What the measurements of a run have in common while they are made.
struct Basis<'a> {
    registry: &'a Registry,
    layout: &'a Layout,
    endpoint: &'a Arc<dyn Endpoint>,
    tokenizer: &'a Arc<Tokenizer>,
    headers: &'a RunHeaders,
}

/// One alone has the folder of the run; of several each has its own.
fn ready_measurement(
    plan: &Measurement,
    basis: &Basis<'_>,
    supply: &Supply,
    maker: &mut Maker<'_>,
) -> Result<ReadyMeasurement, PartsError> {
    let several = maker.plan.load.measurements.len() > 1;
    let layout = if several { basis.layout.phase(&plan.name)? } else { basis.layout.clone() };
    maker.artifact_dir = Some(layout.dir().to_owned());
    let exporters = maker.exporters(basis.registry, &layout)?;
    let (run, clock) = (maker.plan, maker.clock);
    let applicability = Applicability::new(&run.target.metadata, &run.target.model_endpoint);
    let measures = run.output.measures();
    let (mut raw, mut files) = (None, Vec::new());
    if run.output.level == ExportLevel::Raw {
        let file = LineFile::create(layout.raw())?;
        files.push(file.info("Raw Export"));
        raw = Some(RawDesk {
            encoder: RawEncoder::new(Arc::clone(basis.endpoint), basis.headers.clone()),
            records: RecordEncoder::new(applicability, &measures, clock),
            file,
        });
    }
    let keeps = match run.output.level >= ExportLevel::Records {
        true => Keeps::Records,
        false => Keeps::Nothing,
    };
    let (processors, watchers) = maker.processors(basis.registry)?;
    let desk = Desk {
        keeps,
        recorder: recorder(run, basis.endpoint, basis.tokenizer),
        aggregate: Aggregate::new(applicability, &measures),
        warmup: Aggregate::new(applicability, &Measures { slice_ns: None, ..measures.clone() }),
        encoder: (keeps == Keeps::Records || !processors.is_empty() || !watchers.is_empty())
            .then(|| RecordEncoder::new(applicability, &measures, clock)),
        raw,
        processors,
        watchers,
        exporters,
        failures: Vec::new(),
    };
    // One measurement alone is the same run whatever it is called.
    let names = match several {
        true => [format!("warmup.{}", plan.name), plan.name.clone()],
        false => [Phase::Warmup, Phase::Profiling].map(|phase| phase.as_str().to_owned()),
    };
    let mut phases = Vec::new();
    if plan.warmup.is_some() {
        phases.push(phases::ready((Phase::Warmup, &names[0]), plan, supply, basis.registry, maker)?);
    }
    phases.push(phases::ready((Phase::Profiling, &names[1]), plan, supply, basis.registry, maker)?);
    let audience = maker.audience(basis.registry)?;
    let collectors = maker.collectors(basis.registry)?;
    Ok(ReadyMeasurement { plan: plan.clone(), phases, desk, layout, files, audience, collectors })
}

/// Makes values of entries and remembers which packages took part.
pub(super) struct Maker<'a> {
    plan: &'a Plan,
    clock: Clock,
    artifact_dir: Option<PathBuf>,
    plugins: Vec<Value>,
    notices: Vec<String>,
}

impl Maker<'_> {
    /// `config` is what the host says of the run; the user's options of the entry are laid over it.
    pub(super) fn make<C: BuiltIn + ?Sized>(
        &mut self,
        entry: &Entry,
        config: Map<String, Value>,
        model_endpoint: Option<&RawValue>,
    ) -> Result<Box<C>, MakeError> {
        let raw = |value: &Value| to_raw_value(value).expect("JSON is JSON");
        let mut config = config;
        config.extend(self.plan.plugin_options.get(&entry.name).cloned().unwrap_or_default());
        let config = raw(&Value::Object(config));
        let metadata = raw(&entry.metadata);
        let dir = self.artifact_dir.as_ref().map(|dir| raw(&Value::from(dir.display().to_string())));
        let setup =
            Setup { config: Some(&config), metadata: Some(&metadata), model_endpoint, artifact_dir: dir.as_deref() };
        let host = HostServices::new(entry.package.name(), self.clock, self.plan.seed);
        let made = table::make::<C>(entry, setup, &host)?;
        if let Source::Library { path, .. } = &entry.package.source {
            let over = match &entry.standing {
                Standing::Wins { over } => over.as_slice(),
                Standing::Loses { .. } => &[],
            };
            let plugin = serde_json::json!({
                "category": entry.category.name, "name": entry.name, "package": entry.package.name(),
                "version": entry.package.info.version, "class": entry.class.to_string(), "library": path.display().to_string(),
                "sha256": Library::opened(path).map(Library::sha256), "rule": over.first().map(|rival| rival.rule),
                "shadows": over.iter().map(|rival| &rival.class).collect::<Vec<_>>(),
            });
            // Several measurements have several values of an entry.
            if !self.plugins.contains(&plugin) {
                self.plugins.push(plugin);
            }
        }
        Ok(made)
    }

    /// Every winning entry of a category, by name; those that have nothing to do in this run say so and are left out.
    /// So are those of a package that turns out to be broken and is not required, with a notice.
    fn all<C: BuiltIn + ?Sized>(
        &mut self,
        registry: &Registry,
        config: impl Fn(&Entry) -> Map<String, Value>,
    ) -> Result<Vec<(String, Box<C>)>, PartsError> {
        let category = category::find(C::NAME).expect("the category is one of ours");
        let mut all = Vec::new();
        for entry in registry.entries(category) {
            match self.make::<C>(entry, config(entry), None) {
                Ok(value) => all.push((entry.name.clone(), value)),
                Err(error) if error.is_disabled() => {
                    tracing::debug!(category = C::NAME, name = entry.name, "left out: {error}");
                }
                Err(error) if error.is_broken_library() && !registry.is_required(&entry.package) => {
                    self.notices.push(format!("{error}. It is left out; --require-plugin makes it an error."));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(all)
    }

    fn exporters(&mut self, registry: &Registry, layout: &Layout) -> Result<Exporters, PartsError> {
        let wanted = self.plan.output.level >= ExportLevel::Records;
        let all = self.all::<dyn DataExporter>(registry, |entry| {
            let mut config = Map::new();
            if entry.package.source == Source::Builtin && entry.name == "jsonl" {
                config.insert("file_stem".to_owned(), layout.stem().records.clone().into());
                config.insert("wanted".to_owned(), wanted.into());
            }
            config
        })?;
        let mut exporters = Exporters::default();
        all.into_iter().for_each(|(name, exporter)| exporters.add(name, exporter));
        Ok(exporters)
    }

    fn processors(&mut self, registry: &Registry) -> Result<(RecordProcessors, ResultsProcessors), PartsError> {
        let (mut processors, mut watchers) = (RecordProcessors::default(), ResultsProcessors::default());
        for (name, processor) in self.all::<dyn RecordProcessor>(registry, |_| Map::new())? {
            processors.add(&name, processor).map_err(|error| PartsError::Processor { name, error })?;
        }
        for (name, processor) in self.all::<dyn ResultsProcessor>(registry, |_| Map::new())? {
            watchers.add(&name, processor);
        }
        Ok((processors, watchers))
    }

    fn audience(&mut self, registry: &Registry) -> Result<Audience, PartsError> {
        let mut audience = Audience::default();
        for (name, exporter) in self.all::<dyn ConsoleExporter>(registry, |_| Map::new())? {
            audience.consoles.add(name, exporter);
        }
        for (name, handler) in self.all::<dyn ResultHandler>(registry, |_| Map::new())? {
            let priority = self.option(&name, "priority").and_then(Value::as_i64).unwrap_or(DEFAULT_PRIORITY);
            audience.handlers.add(name, priority, handler);
        }
        for name in &self.plan.output.plots {
            let plot = self.make::<dyn Plot>(registry.entry("plot", name)?, Map::new(), None)?;
            audience.plots.push((name.clone(), plot));
        }
        Ok(audience)
    }

    fn services(&mut self, registry: &Registry) -> Result<Option<Services>, PartsError> {
        let wanted = &self.plan.services;
        if wanted.names.is_empty() {
            return Ok(None);
        }
        let entry = registry.entry("service_manager", &wanted.manager)?;
        let manager = self.make::<dyn ServiceManager>(entry, Map::new(), None)?;
        let mut services = Vec::new();
        for name in &wanted.names {
            services
                .push((name.clone(), self.make::<dyn Service>(registry.entry("service", name)?, Map::new(), None)?));
        }
        Ok(Some(Services::new(self.clock, (wanted.manager.clone(), manager), services)))
    }

    fn collectors(&mut self, registry: &Registry) -> Result<Vec<Collector>, PartsError> {
        let all = self.all::<dyn GpuTelemetryCollector>(registry, |_| Map::new())?;
        let collectors = all.into_iter().map(|(name, collector)| {
            let seconds = self.option(&name, "interval").and_then(Value::as_f64).unwrap_or(TELEMETRY_SECONDS);
            let interval = Duration::try_from_secs_f64(seconds).unwrap_or_default().max(LEAST_TELEMETRY);
            Collector { name, collector, interval }
        });
        Ok(collectors.collect())
    }

    /// A setting that the host reads as well.
    fn option(&self, entry: &str, key: &str) -> Option<&Value> {
        self.plan.plugin_options.get(entry)?.get(key)
    }
}

fn recorder(plan: &Plan, endpoint: &Arc<dyn Endpoint>, tokenizer: &Arc<Tokenizer>) -> Recorder {
    let counted = |wanted: bool| match wanted {
        false => TokenCount::None,
        true if plan.target.model_endpoint.use_server_token_count => TokenCount::Server,
        true => TokenCount::Local(Arc::clone(tokenizer)),
    };
    let metadata = &plan.target.metadata;
    Recorder::new(Arc::clone(endpoint), counted(metadata.tokenizes_input), counted(metadata.produces_tokens))
}

fn run_name(plan: &Plan) -> RunName<'_> {
    let measurements = &plan.load.measurements;
    let first = &plan.load.first().profiling;
    RunName {
        models: &plan.target.model_endpoint.models,
        service_kind: &plan.target.metadata.service_kind,
        endpoint_type: &plan.target.endpoint,
        stimulus: match (&first.timing, first.concurrency) {
            _ if measurements.len() > 1 => Stimulus::Phases(measurements.len()),
            (Timing::Concurrency, limit) => Stimulus::Concurrency(limit.unwrap_or(1)),
            (Timing::RequestRate { rate, .. }, None) => Stimulus::RequestRate(*rate),
            (Timing::RequestRate { rate, .. }, Some(limit)) => Stimulus::ConcurrencyAndRate(limit, *rate),
            (Timing::RateSeries { .. }, None) => Stimulus::RateSeries,
            (Timing::RateSeries { .. }, Some(limit)) => Stimulus::ConcurrencyAndRateSeries(limit),
            (Timing::UserCentric { rate, users }, _) => Stimulus::UserCentric(*users, *rate),
            (Timing::FixedSchedule, _) => Stimulus::FixedSchedule,
        },
    }
}

/// Every body of the dataset as it will be sent. Also the first use of the endpoint: one that cannot say what the dataset
/// holds is found out here, before anything is sent.
fn write_inputs(
    layout: &Layout,
    endpoint: &dyn Endpoint,
    requests: &Requests,
    dataset: &dyn Dataset,
    name: &str,
) -> Result<aiperf_abi::FileInfo, PartsError> {
    let mut inputs = InputsWriter::create(layout.inputs())?;
    for index in 0..dataset.len() {
        let conversation = dataset.conversation(index)?;
        let bodies: Result<Vec<Vec<u8>>, _> = (0..conversation.turns.len() as u32)
            .map(|turn| {
                let request = requests.for_inputs(index, &conversation, turn);
                payload(endpoint, &request)?.into_bytes(request.info())
            })
            .collect();
        let bodies = bodies.map_err(|error| PartsError::Format {
            endpoint: name.to_owned(),
            conversation: conversation.session_id.clone(),
            reason: error.to_string(),
        })?;
        inputs.session(&conversation.session_id, bodies)?;
    }
    Ok(inputs.finish()?)
}
