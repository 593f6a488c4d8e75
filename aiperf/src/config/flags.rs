//! The flags of `aiperf profile`: names, aliases, defaults and help, each once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::InputFlags;
use super::load::LoadFlags;
use super::values::{self, ExtraInput, Header, PluginOption};
use crate::metric::Slos;

/// Whose connection a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionReuse {
    /// Any that is free.
    Pooled,
    /// A new one each time.
    Never,
    /// One for each conversation.
    StickyUserSessions,
}

/// What is spoken over HTTP connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
pub enum HttpVersion {
    /// One request at a time per connection.
    #[value(name = "1.1")]
    #[serde(rename = "1.1")]
    One,
    /// All requests to a server over one connection; with prior knowledge for http.
    #[value(name = "2")]
    #[serde(rename = "2")]
    Two,
    /// What the server prefers for https; 1.1 for http.
    #[value(name = "auto")]
    #[serde(rename = "auto")]
    Auto,
}

/// How much is kept of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportLevel {
    /// Nothing: only the summaries.
    Summary,
    /// Its metrics.
    Records,
    /// Its metrics, and what was sent and received, with times.
    Raw,
}

/// Everything `aiperf profile` can be told.
#[derive(Debug, Clone, Args)]
pub struct ProfileFlags {
    /// A YAML file that says the same as these options, and several phases where it has them; an option wins over the file
    #[arg(long, short = 'f', value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// The phases of that file; none: the options of the load are the one there is.
    #[arg(skip)]
    pub phases: Vec<PhaseFlags>,

    /// Model name(s), comma-separated or repeated: the body's `model`. Several take turns
    #[arg(
        long = "model-names",
        short = 'm',
        visible_alias = "model",
        value_delimiter = ',',
        value_name = "NAME",
        help_heading = "Endpoint"
    )]
    pub models: Vec<String>,

    /// Base URL of the server; a missing scheme becomes http://. Repeatable: several servers share the load. `sim://` is an
    /// engine inside aiperf, set by its query: sim://?ttft=50ms&itl=5ms&slots=64
    #[arg(long = "url", short, value_name = "URL", default_value = "http://localhost:8000", help_heading = "Endpoint")]
    pub urls: Vec<String>,

    /// Which of several servers the next request goes to: an entry of the `url_selection_strategy` category
    #[arg(long, value_name = "NAME", default_value = "round_robin", help_heading = "Endpoint")]
    pub url_strategy: String,

    /// The API dialect: an entry of the `endpoint` category (`aiperf plugins endpoint` lists them)
    #[arg(long, value_name = "NAME", default_value = "chat", help_heading = "Endpoint")]
    pub endpoint_type: String,

    /// Replaces the endpoint type's URL path
    #[arg(long, visible_alias = "endpoint", value_name = "PATH", help_heading = "Endpoint")]
    pub custom_endpoint: Option<String>,

    /// Ask for a stream of events; needed for TTFT and inter-token latency
    #[arg(long, help_heading = "Endpoint")]
    pub streaming: bool,

    /// How bytes are moved: an entry of the `transport` category; chosen by the URL's scheme when absent
    #[arg(long, visible_alias = "transport-type", value_name = "NAME", help_heading = "Endpoint")]
    pub transport: Option<String>,

    /// Sent as `Authorization: Bearer <key>`; never written to a file
    #[arg(long, env = "AIPERF_API_KEY", hide_env_values = true, value_name = "KEY", help_heading = "Endpoint")]
    pub api_key: Option<String>,

    /// Whose connection a request takes: any that is free, a new one each time, or one for each conversation [default: pooled]
    #[arg(long, value_enum, value_name = "NAME", ignore_case = true, help_heading = "Endpoint")]
    pub connection_reuse_strategy: Option<ConnectionReuse>,

    /// Version of HTTP: one request at a time per connection, all over one shared connection (with prior knowledge for
    /// http), or what an https server prefers [default: 1.1]
    #[arg(long, value_enum, value_name = "VERSION", ignore_case = true, help_heading = "Endpoint")]
    pub http_version: Option<HttpVersion>,

    /// Time limit of a whole request; beyond it the request has failed
    #[arg(long, value_name = "SECONDS", default_value_t = 21_600.0, value_parser = values::positive, help_heading = "Endpoint")]
    pub request_timeout_seconds: f64,

    /// Chat: limit the output with `max_tokens` instead of `max_completion_tokens`
    #[arg(long, help_heading = "Endpoint")]
    pub use_legacy_max_tokens: bool,

    /// Take token counts from the server's `usage` and count nothing locally
    #[arg(long, help_heading = "Endpoint")]
    pub use_server_token_count: bool,

    /// Extra body fields: key:value (repeatable, or several separated by commas) or one JSON object
    #[arg(long, value_name = "KEY:VALUE", value_parser = values::extra_inputs, help_heading = "Input")]
    pub extra_inputs: Vec<ExtraInput>,

    /// Extra HTTP header, repeatable
    #[arg(long, short = 'H', value_name = "NAME:VALUE", value_parser = values::header, help_heading = "Input")]
    pub header: Vec<Header>,

    /// A setting of a plugin, by the name of its entry; repeatable
    #[arg(long, value_name = "ENTRY.KEY=VALUE", value_parser = values::plugin_option, help_heading = "Input")]
    pub plugin_option: Vec<PluginOption>,

    #[command(flatten)]
    pub input: InputFlags,

    /// Root of every random choice; the same seed gives the same run. Drawn and reported when absent
    #[arg(long, value_name = "SEED", help_heading = "Input")]
    pub random_seed: Option<u64>,

    /// Number of distinct conversations to make [default: the request count, else 100]
    #[arg(long, visible_alias = "num-prompts", value_name = "N", value_parser = values::count, help_heading = "Input")]
    pub num_dataset_entries: Option<u64>,

    /// Mean input length, tokens per text
    #[arg(long = "prompt-input-tokens-mean", visible_aliases = ["synthetic-input-tokens-mean", "isl"], value_name = "TOKENS", default_value_t = 550.0, value_parser = values::positive, help_heading = "Input")]
    pub isl_mean: f64,

    /// Standard deviation of the input length
    #[arg(long = "prompt-input-tokens-stddev", visible_aliases = ["synthetic-input-tokens-stddev", "isl-stddev"], value_name = "TOKENS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Input")]
    pub isl_stddev: f64,

    /// Mean output length to ask for; absent: the server decides
    #[arg(long = "prompt-output-tokens-mean", visible_aliases = ["output-tokens-mean", "osl"], value_name = "TOKENS", value_parser = values::positive, help_heading = "Input")]
    pub osl_mean: Option<f64>,

    /// Standard deviation of the output length to ask for
    #[arg(long = "prompt-output-tokens-stddev", visible_aliases = ["output-tokens-stddev", "osl-stddev"], value_name = "TOKENS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Input")]
    pub osl_stddev: f64,

    /// Texts per request (embeddings)
    #[arg(long = "prompt-batch-size", visible_aliases = ["batch-size-text", "batch-size"], short = 'b', value_name = "N", default_value_t = 1, value_parser = values::count, help_heading = "Input")]
    pub batch_size: u64,

    /// Rankings: mean number of passages per request
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = values::positive, help_heading = "Rankings")]
    pub rankings_passages_mean: f64,

    /// Rankings: standard deviation of it
    #[arg(long, value_name = "N", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Rankings")]
    pub rankings_passages_stddev: f64,

    /// Rankings: mean tokens of a passage
    #[arg(long, value_name = "TOKENS", default_value_t = 550.0, value_parser = values::positive, help_heading = "Rankings")]
    pub rankings_passages_prompt_token_mean: f64,

    /// Rankings: standard deviation of it
    #[arg(long, value_name = "TOKENS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Rankings")]
    pub rankings_passages_prompt_token_stddev: f64,

    /// Rankings: mean tokens of the query
    #[arg(long, value_name = "TOKENS", default_value_t = 550.0, value_parser = values::positive, help_heading = "Rankings")]
    pub rankings_query_prompt_token_mean: f64,

    /// Rankings: standard deviation of it
    #[arg(long, value_name = "TOKENS", default_value_t = 0.0, value_parser = values::non_negative, help_heading = "Rankings")]
    pub rankings_query_prompt_token_stddev: f64,

    /// What counts tokens: builtin (o200k_base), gpt2, cl100k_base, o200k_base, a folder or tokenizer.json, or a name on the
    /// Hugging Face hub. [default: the model's own where it is at hand, else builtin]
    #[arg(long, value_name = "NAME", help_heading = "Tokenizer")]
    pub tokenizer: Option<String>,

    /// Revision of a tokenizer from the hub
    #[arg(long, value_name = "REVISION", default_value = "main", help_heading = "Tokenizer")]
    pub tokenizer_revision: String,

    #[command(flatten)]
    pub load: LoadFlags,

    /// Folder under which each run gets its own
    #[arg(
        long,
        visible_alias = "artifact-dir",
        value_name = "FOLDER",
        default_value = "artifacts",
        help_heading = "Output"
    )]
    pub output_artifact_dir: PathBuf,

    /// Stem of the exported files' names
    #[arg(long, visible_alias = "profile-export-file", value_name = "NAME", help_heading = "Output")]
    pub profile_export_prefix: Option<String>,

    /// How much is kept of each request: nothing, its metrics, or also what was sent and received
    #[arg(
        long,
        visible_alias = "profile-export-level",
        value_enum,
        value_name = "LEVEL",
        default_value = "records",
        ignore_case = true,
        help_heading = "Output"
    )]
    pub export_level: ExportLevel,

    /// Fail (exit code 1) when the client itself was a bottleneck: the audit of every run says so
    #[arg(long, help_heading = "Output")]
    pub require_trust: bool,

    /// What a good request is: metrics with a bound each, in the units of the report, e.g.
    /// "time_to_first_token:100 inter_token_latency:10". Adds goodput
    #[arg(long, value_name = "METRIC:BOUND ...", value_parser = values::goodput, help_heading = "Output")]
    pub goodput: Option<Slos>,

    /// Also report the metrics of every slice of time this long
    #[arg(long, value_name = "SECONDS", value_parser = values::positive, help_heading = "Output")]
    pub slice_duration: Option<f64>,

    /// Draw the results: an entry of the `plot` category, e.g. `percentiles`. Repeatable
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub plot: Vec<String>,

    /// Show the times of the HTTP transport; they are in the files anyway
    #[arg(long, help_heading = "Output")]
    pub show_trace_timing: bool,

    /// Bring this up before the run and down after it, e.g. `command`: an entry of the `service` category. Repeatable
    #[arg(long, value_name = "NAME", help_heading = "Services")]
    pub service: Vec<String>,

    /// Who does that: an entry of the `service_manager` category
    #[arg(long, value_name = "NAME", default_value = "in_process", help_heading = "Services")]
    pub service_manager: String,

    /// How services, and programs outside, are told what happens in the run, e.g. `socket`: an entry of the `communication`
    /// category
    #[arg(long, value_name = "NAME", default_value = "channel", help_heading = "Services")]
    pub communication: String,

    /// How a run is shown while it goes: an entry of the `ui` category
    #[arg(
        long = "ui-type",
        visible_alias = "ui",
        value_name = "NAME",
        default_value = "simple",
        help_heading = "Output"
    )]
    pub ui: String,
}

/// One of several phases.
#[derive(Debug, Clone)]
pub struct PhaseFlags {
    /// What the user calls it.
    pub name: String,
    /// What warms up before it, as a load of its own.
    pub warmup: Option<LoadFlags>,
    /// Its load.
    pub load: LoadFlags,
}

/// Distinct conversations when nothing else says how many.
pub const DEFAULT_DATASET_ENTRIES: u64 = 100;
