//! What is sent: conversations by index, and the order in which they are drawn. Knows not when they are sent, nor how.

pub mod sampler;
pub mod synthetic;

mod prompt;
mod words;

use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;

pub use prompt::PromptSource;
pub use sampler::{Sampler, SamplerKind};
pub use synthetic::{Composer, RankingsOptions, Spread, SyntheticDataset, SyntheticOptions};

/// Conversations of a run, by index. May be asked from many threads at once.
pub trait Dataset: Send + Sync {
    /// How many there are; never 0.
    fn len(&self) -> u64;

    /// Whether there is none: never so.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The conversation of an index; indices beyond the end wrap. The same index gives the same conversation each time.
    ///
    /// # Errors
    /// When it cannot be made or read.
    fn conversation(&self, index: u64) -> Result<Arc<Conversation>, DatasetError>;
}

/// Why there are no conversations to send.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A number that cannot be.
    #[error("{what} is {value}, but it must be {expected}")]
    OutOfRange {
        /// What the number is, in words.
        what: &'static str,
        /// As given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The tokenizer has no text of so many tokens that could be found.
    #[error(
        "no text of exactly {wanted} tokens could be made with tokenizer `{tokenizer}` (the nearest has {nearest}); choose another --isl or --tokenizer"
    )]
    Inexact {
        /// Name of the tokenizer.
        tokenizer: String,
        /// Tokens asked for.
        wanted: usize,
        /// Tokens of the last try.
        nearest: usize,
    },
}
