//! What is sent: conversations by index, and the order in which they are drawn. Knows not when they are sent, nor how.

pub mod file;
pub mod public;
pub mod sampler;
pub mod synthetic;

mod collection;
mod corpus;
mod finish;
mod media;
mod mixture;
mod pictures;
mod prompt;
mod recent;
mod sound;
mod spread;
mod store;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use aiperf_abi::RowFault;
use aiperf_abi::data::conversation::Conversation;
use serde::Serialize;

pub use collection::{Collected, Collector, When};
pub use corpus::Corpus;
pub use finish::{Finishing, Prefixes};
pub use mixture::Mixture;
pub use prompt::PromptSource;
pub use public::ShareGptDataset;
pub use sampler::{RandomSampler, Sampler, SequentialSampler, ShuffleSampler};
pub use store::{FileStore, MemoryStore};
pub use synthetic::{RankingsComposer, SyntheticComposer};

/// What is done to recorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TraceOptions {
    /// Times are divided by this.
    pub speedup: f64,
    /// Rows before this time (ms, as recorded) are left out, and it is time zero.
    pub start_ms: Option<f64>,
    /// Rows after this time (ms, as recorded) are left out.
    pub end_ms: Option<f64>,
    /// The earliest row that is left is time zero.
    pub from_zero: bool,
    /// Rows with more input tokens are left out.
    pub max_input: Option<u32>,
    /// No more output tokens are asked for.
    pub max_output: Option<u32>,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { speedup: 1.0, start_ms: None, end_ms: None, from_zero: false, max_input: None, max_output: None }
    }
}

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

    /// Whether nothing has to be made or read when a conversation is asked for.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// When the conversation of an index is due, milliseconds after the start; `None` where it has no time of its own.
    fn start_ms(&self, index: u64) -> Option<f64> {
        let _ = index;
        None
    }
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
    /// A file that cannot be used as a whole.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A row of a file that cannot be used.
    #[error("{0}")]
    Row(Box<RowFault>),
    /// A file that may be of several sorts, or of none.
    #[error(
        "{}: its first row fits {}; say what it is with --custom-dataset-type, one of: {}",
        path.display(),
        if *claimed { "several types" } else { "no known type" },
        candidates.join(", ")
    )]
    UnknownKind {
        /// The file or folder.
        path: PathBuf,
        /// What it may be.
        candidates: Vec<String>,
        /// Whether these are those that fit.
        claimed: bool,
    },
    /// Nothing is left to send.
    #[error("{from}: there is nothing to send: {reason}")]
    Nothing {
        /// The file, or what else there was.
        from: String,
        /// Why.
        reason: String,
    },
    /// Whoever reads, makes or keeps the conversations has failed, in its words.
    #[error("{0}")]
    Load(String),
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
