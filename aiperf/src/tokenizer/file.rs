//! Tokenizers described by a `tokenizer.json`: opening one so that counts are those of the text, nothing more. Knows
//! not where the file comes from.

use std::path::{Path, PathBuf};

use tokenizers::Tokenizer as Engine;

use super::TokenizerError;

/// Texts a vocabulary is likely not to hold. A tokenizer that fails on one of them would fail in the middle of a run.
const PROBES: &[&str] = &["a", "\u{4e2d}", "\u{1f9ea}", "\u{10fffd}", "\u{0}", "\u{301}", " \n\t "];

#[derive(Debug)]
pub(super) struct FileTokenizer {
    engine: Engine,
}

impl FileTokenizer {
    pub(super) fn open(path: &Path) -> Result<Self, TokenizerError> {
        let unusable = |reason: String| TokenizerError::Unusable { path: path.to_owned(), reason };
        let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let mut engine = Engine::from_bytes(bytes).map_err(|error| unusable(error.to_string()))?;
        // Some files pad and truncate to a fixed length, so that every text would count the same.
        engine.with_padding(None);
        engine.with_truncation(None).map_err(|error| unusable(error.to_string()))?;
        for probe in PROBES {
            engine.encode_fast(*probe, false).map_err(|error| {
                unusable(format!("it cannot encode {probe:?}, so it would fail on some texts: {error}"))
            })?;
        }
        Ok(Self { engine })
    }

    pub(super) fn encode(&self, text: &str) -> tokenizers::Encoding {
        // Encoding fails only where an unknown piece has no token to stand for it; `open` refuses such files.
        self.engine.encode_fast(text, false).unwrap_or_else(|error| {
            tracing::error!(%error, bytes = text.len(), "a text could not be encoded and counts as no token");
            tokenizers::Encoding::default()
        })
    }

    pub(super) fn decode(&self, tokens: &[u32]) -> String {
        self.engine.decode(tokens, false).unwrap_or_default()
    }
}

/// The `tokenizer.json` a path leads to: the file itself, or the one in a folder.
pub(super) fn locate(path: &Path) -> Result<PathBuf, TokenizerError> {
    let missing = |reason: &str| TokenizerError::NotAtPath { path: path.to_owned(), reason: reason.to_owned() };
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        return Err(missing("there is no such file or folder"));
    }
    let file = path.join("tokenizer.json");
    if file.is_file() {
        return Ok(file);
    }
    Err(missing(if path.join("tokenizer.model").is_file() || path.join("vocab.json").is_file() {
        "the folder holds a tokenizer of an older form (tokenizer.model or vocab.json) but no tokenizer.json; \
         `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of the transformers package writes one"
    } else {
        "the folder holds no tokenizer.json"
    }))
}
