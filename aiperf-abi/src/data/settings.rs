//! What an endpoint is told once, when it is made: its own description and how the run uses it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How a run talks to its endpoint. The same for every request of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelEndpoint {
    /// The entry name, e.g. `chat`.
    pub endpoint_type: String,
    /// The models under test, first is primary.
    pub models: Vec<String>,
    /// Base URLs of the servers.
    pub urls: Vec<String>,
    /// Replaces the path of the endpoint's metadata.
    pub custom_endpoint: Option<String>,
    /// Whether replies are asked for as a stream of events.
    pub streaming: bool,
    /// `--extra-inputs`: body fields of every request.
    pub extra: Map<String, Value>,
    /// Chat: send `max_tokens` instead of `max_completion_tokens`.
    pub use_legacy_max_tokens: bool,
    /// Token counts come from the server's usage instead of the local tokenizer.
    pub use_server_token_count: bool,
}

impl ModelEndpoint {
    /// The first model, or an empty string where none was named.
    pub fn primary_model_name(&self) -> &str {
        self.models.first().map_or("", String::as_str)
    }
}

/// What the manifest says of an `endpoint` entry under `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndpointMetadata {
    /// Title of the results table.
    pub metrics_title: Option<String>,
    /// Path appended to the base URL; null appends nothing.
    pub endpoint_path: Option<String>,
    /// Path used instead when streaming.
    #[serde(default)]
    pub streaming_path: Option<String>,
    /// Whether replies can be streamed.
    pub supports_streaming: bool,
    /// Whether the input is text whose tokens are worth counting.
    pub tokenizes_input: bool,
    /// Whether replies are text whose tokens are worth counting.
    pub produces_tokens: bool,
    /// Part of the artifact folder's name.
    #[serde(default = "openai")]
    pub service_kind: String,
    /// Whether a marker against server caches can be placed.
    #[serde(default)]
    pub supports_cache_bust: bool,
    /// Whether requests may carry audio.
    #[serde(default)]
    pub supports_audio: bool,
    /// Whether requests may carry images.
    #[serde(default)]
    pub supports_images: bool,
    /// Whether requests may carry videos.
    #[serde(default)]
    pub supports_videos: bool,
    /// Whether replies are audio.
    #[serde(default)]
    pub produces_audio: bool,
    /// Whether replies are images.
    #[serde(default)]
    pub produces_images: bool,
    /// Whether replies are videos.
    #[serde(default)]
    pub produces_videos: bool,
    /// Whether a result has to be polled for.
    #[serde(default)]
    pub requires_polling: bool,
    /// Whether the body is a form.
    #[serde(default)]
    pub requires_form_data: bool,
    /// Whether media must be inlined.
    #[serde(default)]
    pub requires_inline_media: bool,
    /// Whether the system message is sent.
    #[serde(default)]
    pub consumes_system_message: bool,
}

fn openai() -> String {
    "openai".to_owned()
}

/// What the manifest says of a `transport` entry under `metadata`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TransportMetadata {
    /// The transport's own word for itself; the entry name by habit.
    pub transport_type: String,
    /// URL schemes it is chosen for, e.g. `http`.
    #[serde(default)]
    pub url_schemes: Vec<String>,
}
