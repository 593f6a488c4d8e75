//! Plain data around datasets: what is wrong with a row, how a file begins, which files are fetched, what composers and
//! loaders are told.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::conversation::ImageFormat;

/// A row of a file that cannot be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// The file.
    pub file: PathBuf,
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// Path of the field in the row, e.g. `turns[1].delay`; empty where the row as a whole is meant.
    pub field: String,
    /// What is wrong and what was expected, e.g. `is -3; expected a whole number above 0`.
    pub problem: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        match self.field.as_str() {
            "" => write!(f, "the row {}", self.problem),
            field => write!(f, "`{field}` {}", self.problem),
        }
    }
}

/// How a file begins, for loaders to say whether it is theirs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSample {
    /// What the user named: a file, or a folder.
    pub path: PathBuf,
    /// Whether it is a folder; the rest is then said of its first file by name.
    pub is_folder: bool,
    /// The first line that is not blank.
    pub first_line: String,
    /// The first row: the object in that line, or the first one of the list that the file is.
    pub row: Option<Map<String, Value>>,
    /// Whether the file is a JSON list.
    pub is_list: bool,
}

impl FileSample {
    /// Whether the first row has this field.
    pub fn has(&self, field: &str) -> bool {
        self.row.as_ref().is_some_and(|row| row.contains_key(field))
    }
}

/// What the manifest says of a `custom_dataset_loader` entry under `metadata`; there may be none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomDatasetLoaderMetadata {
    /// Entry of the `dataset_sampler` category that decides the order unless the user does.
    #[serde(default = "sequential")]
    pub preferred_sampling: String,
}

fn sequential() -> String {
    "sequential".to_owned()
}

impl Default for CustomDatasetLoaderMetadata {
    fn default() -> Self {
        Self { preferred_sampling: sequential() }
    }
}

/// What a `custom_dataset_loader` is told when it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LoaderConfig {
    /// Tokens that one hash id stands for, where the user says.
    pub block_size: Option<u32>,
    /// How many conversations to draw, for files that are pools to draw from. None: the file is only looked at, and each of
    /// its rows is wanted once.
    pub entries: Option<u64>,
    /// Seed of every random choice.
    pub seed: u64,
}

/// A file that a `public_dataset_loader` needs. The host fetches it once and keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RemoteFile {
    /// Where it is: `http://` or `https://`.
    pub url: String,
}

impl RemoteFile {
    /// A file at a URL.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

/// A number that is drawn anew for each use from a normal distribution. Without spread, the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, at least 0.
    pub stddev: f64,
}

impl Spread {
    /// Always the same number.
    pub fn exactly(mean: f64) -> Self {
        Self { mean, stddev: 0.0 }
    }
}

impl Default for Spread {
    fn default() -> Self {
        Self::exactly(1.0)
    }
}

/// One pair of lengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LengthPair {
    /// Input tokens.
    pub isl: Spread,
    /// Output tokens.
    pub osl: Spread,
    /// Share of the turns.
    pub percent: f64,
}

/// What a `dataset_composer` is told when it is made: what the user wants to be sent. Settings of the entry stand beside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ComposerConfig {
    /// How many conversations.
    pub entries: u64,
    /// Seed of every random choice.
    pub seed: u64,
    /// Texts per turn.
    pub batch_size: u32,
    /// Input tokens of a text.
    pub input_tokens: Spread,
    /// Output tokens asked for; none: no limit is sent.
    pub output_tokens: Option<Spread>,
    /// Pairs that take the place of the two above, where there are some.
    pub lengths: Vec<LengthPair>,
    /// Turns of a conversation.
    pub turns: Spread,
    /// Milliseconds between a reply and the next turn.
    pub delay_ms: Option<Spread>,
    /// Passages of a ranking.
    pub passages: Spread,
    /// Tokens of a passage.
    pub passage_tokens: Spread,
    /// Tokens of the query of a ranking.
    pub query_tokens: Spread,
    /// Images in each turn.
    pub images: Option<ImageConfig>,
    /// Audio in each turn.
    pub audio: Option<AudioConfig>,
}

/// Images to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageConfig {
    /// Pixels.
    pub width: Spread,
    /// Pixels.
    pub height: Spread,
    /// Images per turn.
    pub batch_size: u32,
    /// How they are written; none: each one or the other, by chance.
    pub format: Option<ImageFormat>,
    /// A folder of pictures to take them from, as they are, instead of noise of that size.
    pub folder: Option<PathBuf>,
}

/// Audio to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AudioConfig {
    /// Length.
    pub seconds: Spread,
    /// Clips per turn.
    pub batch_size: u32,
    /// Bits of a sample, one of which is drawn for each clip.
    pub depths: Vec<u16>,
    /// Thousands of samples a second, one of which is drawn for each clip.
    pub sample_rates_khz: Vec<f64>,
    /// 1 or 2.
    pub channels: u16,
}
