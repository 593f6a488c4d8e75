//! Counting tokens: which tokenizer, where it comes from, and what it says of a text. Knows no request and no dialect.
//!
//! Counts are of the text alone: no special tokens are added, none are recognised in embedded tokenizers.

mod choice;
mod embedded;
mod file;
mod hub;
mod pair_merge;
mod table;

use std::path::PathBuf;

pub use choice::{Loaded, TokenizerChoice, load, load_with};
pub use embedded::Embedded;
pub use hub::Hub;

/// Turns text into tokens. May be used from many threads at once; nothing waits on a lock.
#[derive(Debug)]
pub struct Tokenizer {
    name: String,
    encoder: Encoder,
}

#[derive(Debug)]
enum Encoder {
    Embedded(Embedded),
    File(Box<file::FileTokenizer>),
}

impl Tokenizer {
    /// One of those inside the program; its tables are read at the first use, or here if `warm` never ran.
    pub fn embedded(which: Embedded) -> Self {
        which.warm();
        Self { name: which.name().to_owned(), encoder: Encoder::Embedded(which) }
    }

    fn file(name: impl Into<String>, path: &std::path::Path) -> Result<Self, TokenizerError> {
        Ok(Self { name: name.into(), encoder: Encoder::File(Box::new(file::FileTokenizer::open(path)?)) })
    }

    /// The name it was chosen by: an embedded name, a path, or a hub name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of tokens of a text.
    pub fn count(&self, text: &str) -> usize {
        match &self.encoder {
            Encoder::Embedded(embedded) => embedded.count(text),
            Encoder::File(file) => file.encode(text).len(),
        }
    }

    /// The tokens of a text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match &self.encoder {
            Encoder::Embedded(embedded) => embedded.encode(text),
            Encoder::File(file) => file.encode(text).get_ids().to_vec(),
        }
    }

    /// The text of some tokens. Bytes that are no UTF-8 (a character cut in two) become U+FFFD; tokens that do not exist
    /// become nothing.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match &self.encoder {
            Encoder::Embedded(embedded) => embedded.decode(tokens),
            Encoder::File(file) => file.decode(tokens),
        }
    }
}

/// Why there is no tokenizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The path does not lead to a `tokenizer.json`.
    #[error("no tokenizer at {}: {reason}; use --tokenizer builtin, a folder with a tokenizer.json, or a hub name", path.display())]
    NotAtPath {
        /// As the user gave it.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// The file is there and is no tokenizer that can be used.
    #[error("{} cannot be used as a tokenizer: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The name is neither embedded, nor a path, nor to be had from the hub.
    #[error(
        "tokenizer `{name}` not found{}: {}; use --tokenizer builtin or a local folder",
        suggestion.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default(),
        tried.join("; ")
    )]
    NotFound {
        /// As the user gave it.
        name: String,
        /// The nearest embedded name, where one is near.
        suggestion: Option<String>,
        /// What was tried, in order, and how it ended.
        tried: Vec<String>,
    },
}
