//! The plan: what a run will do, resolved from everything the user said and from what the registry knows. Validated before
//! anything is sent, and printed as it stands into the results.

pub mod detection;
pub mod error;
pub mod input;
pub mod load;
pub mod resolve;

use std::path::PathBuf;
use std::time::Duration;

pub use aiperf_abi::Spread;
use aiperf_abi::{AudioConfig, EndpointMetadata, ImageConfig, ModelEndpoint};
use serde::Serialize;
use serde_json::{Map, Value};

pub use error::PlanError;
pub use load::{Cancellation, Load, Measurement, PhasePlan, Timing};
pub use resolve::resolve;

use crate::config::flags::ExportLevel;
use crate::config::values::Header;
use crate::dataset::{Corpus, Mixture, Prefixes, TraceOptions};
use crate::metric::{Measures, Slos};
use crate::secret;

/// One run, resolved.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to ask and how.
    pub target: Target,
    /// What to send.
    pub input: Input,
    /// When to send it.
    pub load: Load,
    /// Where results go.
    pub output: Output,
    /// What runs beside it.
    pub services: Services,
    /// Root of every random choice.
    pub seed: u64,
    /// Settings of plugins by entry name.
    pub plugin_options: std::collections::BTreeMap<String, Map<String, Value>>,
    /// What the user should know about how the plan differs from what was said, one sentence each.
    pub notices: Vec<String>,
}

/// What runs beside a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Services {
    /// Entries of the `service` category.
    pub names: Vec<String>,
    /// Entry of the `service_manager` category.
    pub manager: String,
    /// Entry of the `communication` category.
    pub communication: String,
}

/// Whom to ask and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Entry of the `endpoint` category.
    pub endpoint: String,
    /// Entry of the `transport` category.
    pub transport: String,
    /// Whether it marks when a request has been written in full.
    pub marks_sent: bool,
    /// What the endpoint's manifest says.
    pub metadata: EndpointMetadata,
    /// What the endpoint is told.
    pub model_endpoint: ModelEndpoint,
    /// Full URL of a request to each server.
    pub request_urls: Vec<String>,
    /// Entry of the `url_selection_strategy` category.
    pub url_strategy: String,
    /// The user's headers.
    pub headers: Vec<Header>,
    /// The user's key.
    pub api_key: Option<String>,
    /// Limit of a whole request.
    pub timeout: Duration,
}

/// What to send.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// Distinct conversations.
    pub entries: u64,
    /// Texts per request.
    pub batch_size: u64,
    /// Tokens per text.
    pub isl: Spread,
    /// Tokens asked of the server.
    pub osl: Option<Spread>,
    /// Query and passages, where the endpoint ranks.
    pub rankings: Option<Rankings>,
    /// What counts tokens, as the user named it.
    pub tokenizer: Option<String>,
    /// Revision of a tokenizer from the hub.
    pub tokenizer_revision: String,
    /// Whence it comes.
    pub source: DataSource,
    /// Entry of the `dataset_backing_store` category: where it is kept.
    pub store: String,
    /// Entry of the `dataset_sampler` category: the order in which conversations are drawn.
    pub sampler: String,
    /// Text that prompts are cut from.
    pub corpus: Corpus,
    /// Pairs of lengths that take the place of `isl` and `osl`.
    pub mixture: Option<Mixture>,
    /// Turns of a made-up conversation.
    pub turns: Spread,
    /// Milliseconds between a reply and the next turn of a made-up conversation.
    pub delay_ms: Option<Spread>,
    /// Every delay is multiplied by this.
    pub delay_ratio: f64,
    /// What is done to recorded traffic.
    pub trace: TraceOptions,
    /// Tokens of a block of hash ids, where the user says.
    pub block_size: Option<u32>,
    /// Images in each made-up turn.
    pub images: Option<ImageConfig>,
    /// Audio in each made-up turn.
    pub audio: Option<AudioConfig>,
    /// What stands before the prompts.
    pub prefixes: Prefixes,
}

/// Whence conversations come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSource {
    /// They are made up.
    Composer {
        /// Entry of the `dataset_composer` category.
        name: String,
    },
    /// They are in the user's file.
    File {
        /// The file or folder.
        path: PathBuf,
        /// Entry of the `custom_dataset_loader` category.
        loader: String,
    },
    /// Everybody can get them.
    Public {
        /// Entry of the `public_dataset_loader` category.
        name: String,
    },
}

/// Shape of ranking requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rankings {
    /// Passages per request.
    pub passages: Spread,
    /// Tokens per passage.
    pub passage_tokens: Spread,
    /// Tokens of the query.
    pub query_tokens: Spread,
}

/// Where results go.
#[derive(Debug, Clone, Serialize)]
pub struct Output {
    /// Folder under which the run gets its own.
    pub artifact_dir: PathBuf,
    /// Stem of the files' names, where the user chose one.
    pub prefix: Option<String>,
    /// How much is kept of each request.
    pub level: ExportLevel,
    /// What a good request is.
    pub goodput: Slos,
    /// Length of a slice of time, seconds, where slices are wanted.
    pub slice_seconds: Option<f64>,
    /// Whether the times of the transport are shown.
    pub shows_trace: bool,
    /// Entry of the `ui` category.
    pub ui: String,
    /// Entries of the `plot` category.
    pub plots: Vec<String>,
    /// Whether a client that was a bottleneck makes the run a failure.
    pub require_trust: bool,
}

impl Output {
    /// What is measured beyond the usual.
    pub fn measures(&self) -> Measures {
        Measures {
            slos: self.goodput.clone(),
            slice_ns: self.slice_seconds.map(|seconds| (seconds * 1e9) as u64),
            shows_trace: self.shows_trace,
        }
    }
}

impl Plan {
    /// The plan as it is written into the results. Secrets are not in it.
    pub fn to_json(&self) -> Value {
        let headers: Vec<_> =
            self.target.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        let shown = |urls: &[String]| urls.iter().map(|url| secret::without_secrets(url)).collect::<Vec<_>>();
        let mut extra = self.target.model_endpoint.extra.clone();
        secret::redact_fields(&mut extra);
        let mut plugin_options = self.plugin_options.clone();
        plugin_options.values_mut().for_each(secret::redact_settings);
        serde_json::json!({
            "endpoint": {
                "type": self.target.endpoint,
                "transport": self.target.transport,
                "urls": shown(&self.target.model_endpoint.urls),
                "request_urls": shown(&self.target.request_urls),
                "url_strategy": self.target.url_strategy,
                "custom_endpoint": self.target.model_endpoint.custom_endpoint.as_deref().map(secret::without_secrets),
                "streaming": self.target.model_endpoint.streaming,
                "extra": extra,
                "headers": crate::transport::headers::redacted(&headers),
                "api_key": self.target.api_key.as_ref().map(|_| secret::REDACTED),
                "use_legacy_max_tokens": self.target.model_endpoint.use_legacy_max_tokens,
                "use_server_token_count": self.target.model_endpoint.use_server_token_count,
                "request_timeout_seconds": self.target.timeout.as_secs_f64(),
            },
            "models": { "items": self.target.model_endpoint.models.iter().map(|name| serde_json::json!({"name": name})).collect::<Vec<_>>() },
            "dataset": self.input,
            "load": self.load,
            "services": self.services,
            "output": self.output,
            "random_seed": self.seed,
            "plugin_options": plugin_options,
        })
    }
}
