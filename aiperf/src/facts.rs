//! The raw facts about one request, parsed and counted. Never change once made; every metric follows from them.

use aiperf_abi::{ErrorDetails, Usage};

use crate::credit::Phase;
use crate::reply::Connection;

/// What is known about one finished request. All times are nanoseconds of the run's clock.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its phase.
    pub phase: Phase,
    /// Number of its session in the phase.
    pub session_num: u64,
    /// `X-Request-ID`.
    pub x_request_id: String,
    /// `X-Correlation-ID`.
    pub x_correlation_id: String,
    /// Which conversation of the dataset.
    pub conversation_id: String,
    /// Which turn of it.
    pub turn_index: u32,
    /// Which worker sent it.
    pub worker: u32,
    /// When it was meant to be sent.
    pub intended_ns: u64,
    /// Immediately before it was handed to the transport.
    pub start_ns: u64,
    /// How it came to its connection.
    pub connection: Connection,
    /// The request was written in full.
    pub sent_ns: Option<u64>,
    /// Bytes of its body.
    pub sent_bytes: u64,
    /// Response headers were there.
    pub head_ns: Option<u64>,
    /// Arrival of every piece with content, in order. Empty where the request failed before any.
    pub content_ns: Vec<u64>,
    /// Arrival of the first piece with content that is not reasoning.
    pub first_output_ns: Option<u64>,
    /// What the transport saw of the body.
    pub network: Network,
    /// The reply ended.
    pub end_ns: u64,
    /// Tokens of the input.
    pub input_tokens: Option<u64>,
    /// Tokens of the output without reasoning; `None` where the endpoint produces none or nothing was counted.
    pub output_tokens: Option<u64>,
    /// Tokens of the reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Images of the request.
    pub images: u64,
    /// The token limit that was asked for.
    pub requested_output_tokens: Option<u64>,
    /// The server's own counts.
    pub usage: Usage,
    /// Why the server stopped, as it says.
    pub finish_reason: Option<String>,
    /// Why the request failed, if it did.
    pub error: Option<ErrorDetails>,
    /// When the client gave it up on purpose.
    pub cancelled_ns: Option<u64>,
}

/// The body of a reply as it came over the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Network {
    /// In how many chunks.
    pub chunks: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Arrival of the first.
    pub first_ns: Option<u64>,
    /// Arrival of the last.
    pub last_ns: Option<u64>,
}

impl Facts {
    /// Output sequence length: output and reasoning together.
    pub fn output_sequence_length(&self) -> Option<u64> {
        match (self.output_tokens, self.reasoning_tokens) {
            (None, None) => None,
            (output, reasoning) => Some(output.unwrap_or(0) + reasoning.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A streamed reply of `tokens` output tokens, sent when it was meant to be.
    pub(crate) fn streamed(start_ns: u64, content_ns: &[u64], tokens: u64) -> Facts {
        Facts {
            phase: Phase::Profiling,
            session_num: 0,
            x_request_id: "request".into(),
            x_correlation_id: "session".into(),
            conversation_id: "session_000000".into(),
            turn_index: 0,
            worker: 0,
            intended_ns: start_ns,
            start_ns,
            connection: Connection::default(),
            sent_ns: Some(start_ns),
            sent_bytes: 0,
            head_ns: Some(start_ns),
            content_ns: content_ns.to_vec(),
            first_output_ns: content_ns.first().copied(),
            end_ns: content_ns.last().copied().unwrap_or(start_ns),
            network: Network::default(),
            images: 0,
            input_tokens: None,
            output_tokens: Some(tokens),
            reasoning_tokens: None,
            requested_output_tokens: None,
            usage: Usage::default(),
            finish_reason: None,
            error: None,
            cancelled_ns: None,
        }
    }

    #[test]
    fn output_sequence_length_is_unknown_only_where_nothing_was_counted() {
        let mut facts = streamed(0, &[1], 4);
        facts.reasoning_tokens = Some(3);
        assert_eq!(facts.output_sequence_length(), Some(7));
        (facts.output_tokens, facts.reasoning_tokens) = (None, None);
        assert_eq!(facts.output_sequence_length(), None);
    }
}
