//! Raw exchange in, facts out: parses the reply, counts the tokens. Runs off the sending path; decides nothing about when
//! and knows no metric.

pub mod raw;

use std::collections::HashMap;
use std::sync::Arc;

use aiperf_abi::Endpoint;
use aiperf_abi::data::request::Request;

use crate::endpoint::reading::{Reading, read_reply};
use crate::exchange::Exchange;
use crate::facts::{Facts, Network};
use crate::tokenizer::Tokenizer;

/// Who counts the tokens of a run.
#[derive(Clone)]
pub enum TokenCount {
    /// A tokenizer on this machine, over the joined texts.
    Local(Arc<Tokenizer>),
    /// The server's usage.
    Server,
    /// Nobody: the endpoint neither takes nor makes tokens.
    None,
}

/// Turns whose input tokens are remembered. A dataset with more of them is counted anew, and takes no more memory.
const REMEMBERED_COUNTS: usize = 100_000;

/// Makes facts of exchanges. One per thread.
pub struct Recorder {
    endpoint: Arc<dyn Endpoint>,
    input: TokenCount,
    output: TokenCount,
    input_counts: HashMap<(u64, u32), u64>,
}

impl Recorder {
    /// A recorder that counts the input and the output as said.
    pub fn new(endpoint: Arc<dyn Endpoint>, input: TokenCount, output: TokenCount) -> Self {
        Self { endpoint, input, output, input_counts: HashMap::new() }
    }

    /// The facts about an exchange.
    pub fn facts(&mut self, exchange: &Exchange) -> Facts {
        let Exchange { credit, request, reply } = exchange;
        tracing::trace!(
            x_request_id = request.x_request_id,
            status = reply.status,
            body = %String::from_utf8_lossy(&reply.body),
            "reply"
        );
        let reading = read_reply(&*self.endpoint, reply);
        let input_tokens = match &self.input {
            TokenCount::Local(_) => Some(self.input_tokens(credit.conversation, request)),
            TokenCount::Server => reading.usage.prompt_tokens,
            TokenCount::None => None,
        };
        let (output_tokens, reasoning_tokens) = self.output_tokens(&reading);
        Facts {
            phase: credit.phase,
            session_num: credit.id,
            x_correlation_id: request.x_correlation_id.clone(),
            conversation_id: request.conversation.session_id.clone(),
            turn_index: credit.turn_index,
            worker: 0,
            intended_ns: credit.intended_ns,
            start_ns: reply.start_ns,
            connection: reply.connection,
            sent_ns: reply.sent_ns,
            sent_bytes: reply.sent_bytes,
            head_ns: reply.head_ns,
            content_ns: reading.content_ns,
            first_output_ns: reading.first_output_ns,
            network: Network {
                chunks: reply.arrivals.len() as u64,
                bytes: reply.body.len() as u64,
                first_ns: reply.arrivals.first().map(|chunk| chunk.at_ns),
                last_ns: reply.arrivals.last().map(|chunk| chunk.at_ns),
            },
            images: request.turn().map_or(0, |turn| turn.images.iter().map(|image| image.contents.len() as u64).sum()),
            end_ns: reply.end_ns,
            input_tokens,
            output_tokens,
            reasoning_tokens,
            requested_output_tokens: request.turn().and_then(|turn| turn.max_tokens).map(u64::from),
            usage: reading.usage,
            finish_reason: reading.finish_reason,
            error: reading.error,
            cancelled_ns: reply.cancelled_ns,
            x_request_id: request.x_request_id.clone(),
        }
    }

    /// Tokens of all texts of the request, joined by a space. Without replies in it a turn is always the same text, so it
    /// is counted once.
    fn input_tokens(&mut self, conversation: u64, request: &Request) -> u64 {
        let TokenCount::Local(tokenizer) = &self.input else { return 0 };
        let count = || {
            let info = request.info();
            let texts: Vec<&str> = info
                .system_message()
                .into_iter()
                .chain(info.user_context_message())
                .chain(info.turns().flat_map(|turn| turn.texts()))
                .filter(|text| !text.is_empty())
                .collect();
            tokenizer.count(&texts.join(" ")) as u64
        };
        if request.replies.is_empty() {
            if self.input_counts.len() >= REMEMBERED_COUNTS {
                self.input_counts.clear();
            }
            *self.input_counts.entry((conversation, request.turn_index)).or_insert_with(count)
        } else {
            count()
        }
    }

    /// Output and reasoning tokens, each over its own joined text: never the number of chunks.
    fn output_tokens(&self, reading: &Reading) -> (Option<u64>, Option<u64>) {
        match &self.output {
            TokenCount::Local(tokenizer) => {
                let count = |text: &str| (!text.is_empty()).then(|| tokenizer.count(text) as u64);
                (count(&reading.text), count(&reading.reasoning))
            }
            TokenCount::Server => {
                let reasoning = reading.usage.reasoning_tokens.filter(|n| *n > 0);
                let output = reading.usage.completion_tokens.map(|all| all.saturating_sub(reasoning.unwrap_or(0)));
                (output.filter(|n| *n > 0), reasoning)
            }
            TokenCount::None => (None, None),
        }
    }
}
