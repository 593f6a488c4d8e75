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
    /// Title of the results table; the key must be there, and may be null.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "text_or_null"))]
    pub metrics_title: Option<String>,
    /// Path appended to the base URL; the key must be there, and null appends nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "text_or_null"))]
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

/// Of a key that must be there, which a plain `Option` need not.
#[cfg(feature = "schema")]
fn text_or_null(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<Option<String>>()
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
    /// Whether it marks when a request has been written in full. A request that is given up on purpose then has its time
    /// from there on, and else from its start.
    #[serde(default)]
    pub marks_sent: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minimal() -> Value {
        json!({"metrics_title": null, "endpoint_path": null, "supports_streaming": true, "tokenizes_input": true,
            "produces_tokens": true})
    }

    #[test]
    fn title_and_path_may_be_null_and_must_not_be_missing() {
        let metadata: EndpointMetadata = serde_json::from_value(minimal()).unwrap();
        assert_eq!((metadata.metrics_title, metadata.service_kind.as_str()), (None, "openai"));
        for key in minimal().as_object().unwrap().keys() {
            let mut less = minimal();
            less.as_object_mut().unwrap().remove(key);
            let error = serde_json::from_value::<EndpointMetadata>(less).unwrap_err().to_string();
            assert_eq!(error, format!("missing field `{key}`"));
        }
    }

    #[cfg(feature = "schema")]
    #[test]
    fn the_schema_says_the_same() {
        let schema = schemars::schema_for!(EndpointMetadata).to_value();
        let mut required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        required.sort_unstable();
        assert_eq!(
            required,
            ["endpoint_path", "metrics_title", "produces_tokens", "supports_streaming", "tokenizes_input"]
        );
        assert_eq!(schema["properties"]["metrics_title"]["type"], json!(["string", "null"]));
        assert!(schema["properties"]["endpoint_path"]["description"].as_str().unwrap().contains("null"));
    }
}
