//! What an endpoint reads out of a reply: text, reasoning, tool calls, embeddings, rankings, and the server's own token counts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One parsed piece of a reply: a whole body, or one event of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ParsedResponse {
    /// The content, if this piece has any. Role-only and usage-only events have none.
    pub data: Option<ResponseData>,
    /// Token counts, if this piece reports them. Of several in a reply the last report of each count wins.
    pub usage: Option<Usage>,
    /// Why the server stopped, where it says so here.
    pub finish_reason: Option<String>,
    /// Whether the content repeats what earlier pieces of the same reply said, as events do that close a part of a
    /// stream with its whole text. It counts only where those pieces said nothing.
    pub recap: bool,
}

impl ParsedResponse {
    /// A piece with content.
    pub fn new(data: ResponseData) -> Self {
        Self { data: Some(data), ..Self::default() }
    }

    /// A piece of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(ResponseData::Text(text.into()))
    }

    /// The same piece with token counts.
    #[must_use]
    pub fn with_usage(mut self, usage: Option<Usage>) -> Self {
        self.usage = usage;
        self
    }

    /// The same piece with the server's reason for stopping.
    #[must_use]
    pub fn with_finish_reason(mut self, reason: Option<String>) -> Self {
        self.finish_reason = reason;
        self
    }

    /// The same piece as one that repeats what was said before.
    #[must_use]
    pub fn as_recap(mut self) -> Self {
        self.recap = true;
        self
    }
}

/// Content of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseData {
    /// Output text.
    Text(String),
    /// Reasoning, with the output text that came in the same piece.
    Reasoning {
        /// Output text; may be empty.
        content: String,
        /// Reasoning text.
        reasoning: String,
    },
    /// A tool call (function name and arguments as they came), with prose and reasoning of the same piece.
    ToolCall {
        /// Names and arguments, joined.
        text: String,
        /// Output text; may be empty.
        content: String,
        /// Reasoning text; may be empty.
        reasoning: String,
    },
    /// One vector per input.
    Embeddings(Vec<Vec<f32>>),
    /// Ranked passages, each as the server gave it.
    Rankings(Vec<Value>),
    /// Anything else that counts as content.
    Other(Value),
}

impl ResponseData {
    /// Whether there is nothing in it; an empty piece is not content and has no part in any latency.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Reasoning { content, reasoning } => content.is_empty() && reasoning.is_empty(),
            Self::ToolCall { text, content, reasoning } => {
                text.is_empty() && content.is_empty() && reasoning.is_empty()
            }
            Self::Embeddings(vectors) => vectors.is_empty(),
            Self::Rankings(items) => items.is_empty(),
            Self::Other(value) => value.is_null(),
        }
    }
}

macro_rules! usage_fields {
    ($($(#[$doc:meta])* $field:ident = $key:literal),* $(,)?) => {
        /// Token counts as the server reports them, under one set of names.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct Usage {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<u64>,)*
        }

        impl Usage {
            /// Every reported count with its key on the wire between host and plugin. Keys never change.
            pub fn numbers(&self) -> impl Iterator<Item = (u32, u64)> {
                [$(($key, self.$field)),*].into_iter().filter_map(|(key, value)| Some((key, value?)))
            }

            /// Sets the count of a key; unknown keys (from a newer plugin) are ignored.
            pub fn set_number(&mut self, key: u32, value: u64) {
                match key {
                    $($key => self.$field = Some(value),)*
                    _ => {}
                }
            }
        }
    };
}

usage_fields! {
    /// Tokens of the input, cached ones included.
    prompt_tokens = 0,
    /// Tokens of the output, reasoning included.
    completion_tokens = 1,
    /// Both.
    total_tokens = 2,
    /// Output tokens spent on reasoning.
    reasoning_tokens = 3,
    /// Input tokens read from the server's cache.
    prompt_cache_read_tokens = 4,
    /// Input tokens written to the server's cache.
    prompt_cache_write_tokens = 5,
    /// Input tokens the cache did not have.
    prompt_cache_miss_tokens = 6,
    /// Input tokens of audio.
    prompt_audio_tokens = 7,
    /// Output tokens of audio.
    completion_audio_tokens = 8,
    /// Predicted tokens that were accepted.
    accepted_prediction_tokens = 9,
    /// Predicted tokens that were rejected.
    rejected_prediction_tokens = 10,
    /// Input tokens of tool definitions.
    tool_use_prompt_tokens = 11,
}

impl Usage {
    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.numbers().next().is_none()
    }
}
