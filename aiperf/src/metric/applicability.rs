//! Which metrics a run can have at all. Knows the run's endpoint, not its results: a metric that applies may still
//! stay without a value.

use aiperf_abi::{EndpointMetadata, ModelEndpoint};

use super::aggregate::Measures;
use super::definition::{Flags, Metric};

/// Who reads the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audience {
    /// Whoever runs a benchmark.
    #[default]
    Users,
    /// Whoever works on aiperf: internal and experimental metrics as well.
    Developers,
}

/// What decides which metrics apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applicability {
    missing: Flags,
    audience: Audience,
}

impl Applicability {
    /// From the endpoint's description and how the run uses it. A stream asked of an endpoint that has none is no
    /// stream.
    pub fn new(metadata: &EndpointMetadata, endpoint: &ModelEndpoint) -> Self {
        let conditions = [
            (endpoint.streaming && metadata.supports_streaming, Flags::STREAMING_ONLY),
            (metadata.produces_tokens, Flags::PRODUCES_TOKENS_ONLY),
            (metadata.tokenizes_input, Flags::TOKENIZES_INPUT_ONLY),
            (!endpoint.use_server_token_count, Flags::USAGE_DIFF_ONLY),
            (false, Flags::GOODPUT_ONLY),
        ];
        let missing = conditions.into_iter().filter(|(met, _)| !met).fold(Flags::NONE, |all, (_, flag)| all.and(flag));
        Self { missing, audience: Audience::Users }
    }

    /// The same for a run that measures more: with objectives there is a goodput.
    #[must_use]
    pub fn measuring(self, measures: &Measures) -> Self {
        let missing = if measures.slos.is_empty() { self.missing } else { self.missing.without(Flags::GOODPUT_ONLY) };
        Self { missing, ..self }
    }

    /// The same for other readers.
    #[must_use]
    pub fn for_audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    /// Whether a metric can have a value in this run.
    pub fn covers(&self, metric: &Metric) -> bool {
        !metric.flags.meets(self.missing)
    }

    /// Whether a metric that can have a value is also told.
    pub fn tells(&self, metric: &Metric) -> bool {
        let hidden = Flags::INTERNAL.and(Flags::EXPERIMENTAL);
        self.covers(metric) && (self.audience == Audience::Developers || !metric.flags.meets(hidden))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::metric::catalog::{self, CATALOG};

    pub(crate) fn run(streaming: bool, tokens: bool) -> Applicability {
        let metadata = EndpointMetadata {
            supports_streaming: true,
            tokenizes_input: true,
            produces_tokens: tokens,
            ..EndpointMetadata::default()
        };
        Applicability::new(&metadata, &ModelEndpoint { streaming, ..ModelEndpoint::default() })
    }

    fn told(applicability: Applicability) -> Vec<&'static str> {
        CATALOG.iter().filter(|metric| applicability.tells(metric)).map(|metric| metric.tag).collect()
    }

    #[test]
    fn a_run_without_a_stream_has_no_token_times() {
        let tags = told(run(false, true));
        for tag in ["time_to_first_token", "inter_token_latency", "inter_chunk_latency", "decode_duration"] {
            assert!(!tags.contains(&tag), "{tag}");
        }
        assert!(tags.contains(&"request_latency") && tags.contains(&"output_sequence_length"));
    }

    #[test]
    fn asking_an_endpoint_without_streams_for_a_stream_does_not_make_one() {
        let metadata = EndpointMetadata { supports_streaming: false, ..EndpointMetadata::default() };
        let asked = ModelEndpoint { streaming: true, ..ModelEndpoint::default() };
        assert!(!told(Applicability::new(&metadata, &asked)).contains(&"time_to_first_token"));
    }

    #[test]
    fn an_endpoint_without_tokens_has_no_output_rows() {
        let tags = told(run(false, false));
        assert!(!tags.iter().any(|tag| tag.contains("osl") || tag.starts_with("output_")), "{tags:?}");
        assert!(tags.contains(&"input_sequence_length") && tags.contains(&"request_throughput"));
    }

    #[test]
    fn counts_taken_from_the_server_are_not_compared_with_the_server() {
        let metadata = EndpointMetadata { produces_tokens: true, tokenizes_input: true, ..EndpointMetadata::default() };
        let endpoint = ModelEndpoint { use_server_token_count: true, ..ModelEndpoint::default() };
        let tags = told(Applicability::new(&metadata, &endpoint));
        assert!(!tags.iter().any(|tag| tag.ends_with("diff_pct") && tag.starts_with("usage")), "{tags:?}");
        assert!(!tags.contains(&"usage_discrepancy_count"));
    }

    #[test]
    fn internal_and_experimental_metrics_are_for_developers() {
        let users = told(run(true, true));
        let developers = told(run(true, true).for_audience(Audience::Developers));
        for tag in ["stream_setup_latency", "requested_osl", "thinking_efficiency"] {
            assert!(catalog::metric(tag).is_some() && !users.contains(&tag) && developers.contains(&tag), "{tag}");
        }
    }
}
