//! The sorts of files: their names, how their rows stand, how each row is read, and which sort a file is when nobody says.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::row::Parsed;
use super::scan::Shape;
use super::single_turn;
use super::traces::{self, Columns};
use super::{object, payload};
use crate::dataset::DatasetError;
use crate::plugin::name;

/// A sort of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A turn per line.
    SingleTurn,
    /// A conversation per line.
    MultiTurn,
    /// Pools to draw contents from.
    RandomPool,
    /// A request body per line.
    RawPayload,
    /// The `inputs.json` of a run.
    InputsJson,
    /// Lengths, times and blocks, as Mooncake publishes them.
    MooncakeTrace,
    /// The same of chats, as Alibaba's Bailian publishes them.
    BailianTrace,
    /// Lengths and times in a table, as BurstGPT publishes them.
    BurstGptTrace,
    /// Lengths and dates in a table, as Azure publishes them.
    AzureTrace,
    /// Conversations as ShareGPT has them.
    #[serde(rename = "sharegpt")]
    ShareGpt,
}

impl FileKind {
    /// All of them and their names.
    pub const ALL: [(&'static str, Self); 10] = [
        ("single_turn", Self::SingleTurn),
        ("multi_turn", Self::MultiTurn),
        ("random_pool", Self::RandomPool),
        ("raw_payload", Self::RawPayload),
        ("inputs_json", Self::InputsJson),
        ("mooncake_trace", Self::MooncakeTrace),
        ("bailian_trace", Self::BailianTrace),
        ("burst_gpt_trace", Self::BurstGptTrace),
        ("azure_trace", Self::AzureTrace),
        ("sharegpt", Self::ShareGpt),
    ];

    /// The kind of a name, without regard to case and `-`/`_`.
    ///
    /// # Errors
    /// When there is none, in words for the user.
    pub fn named(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|(known, _)| name::same(known, text)).map(|(_, kind)| kind).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name);
            format!("no such dataset type{}; expected one of: {}", name::suggestion(text, names), names.join(", "))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// In which order its conversations are drawn unless the user says.
    pub fn default_sampler(self) -> &'static str {
        match self {
            Self::RandomPool => "shuffle",
            _ => "sequential",
        }
    }

    /// Tokens of a block of its hash ids unless the user says; `None` where it has no such ids.
    pub fn default_block(self) -> Option<u32> {
        match self {
            Self::MooncakeTrace => Some(512),
            Self::BailianTrace => Some(16),
            _ => None,
        }
    }

    /// Whether its times are counted from an arbitrary moment and only their differences mean anything.
    pub(super) fn times_are_dates(self) -> bool {
        self == Self::AzureTrace
    }

    /// Whether it is recorded traffic: such a file can be sped up, cut by time, and limited in length.
    pub fn is_trace(self) -> bool {
        matches!(self, Self::MooncakeTrace | Self::BailianTrace | Self::BurstGptTrace | Self::AzureTrace)
    }

    pub(super) fn shape(self, first: u8) -> Shape {
        match self {
            Self::InputsJson => Shape::List("data"),
            Self::BurstGptTrace | Self::AzureTrace => Shape::Table,
            Self::ShareGpt if first == b'[' => Shape::List(""),
            _ => Shape::Lines,
        }
    }
}

/// How the rows of one file are read.
#[derive(Debug, Clone)]
pub(super) enum Reader {
    Rows(fn(&[u8]) -> Result<Parsed, Fault>),
    Blocks(fn(&[u8], u32) -> Result<Parsed, Fault>, u32),
    /// A table whose column names were not seen yet, and one whose were.
    Headless([&'static str; 3], fn(&[u8], &Columns) -> Result<Parsed, Fault>),
    Table(Columns, fn(&[u8], &Columns) -> Result<Parsed, Fault>),
}

impl Reader {
    pub(super) fn of(kind: FileKind, block: Option<u32>) -> Self {
        let block = block.or(kind.default_block()).unwrap_or(1).max(1);
        match kind {
            FileKind::SingleTurn => Self::Rows(single_turn::parse),
            FileKind::MultiTurn => Self::Rows(single_turn::parse_conversation),
            FileKind::RandomPool => Self::Rows(single_turn::parse_pool),
            FileKind::RawPayload => Self::Rows(payload::parse),
            FileKind::InputsJson => Self::Rows(payload::parse_session),
            FileKind::ShareGpt => Self::Rows(traces::share_gpt),
            FileKind::MooncakeTrace => Self::Blocks(traces::mooncake, block),
            FileKind::BailianTrace => Self::Blocks(traces::bailian, block),
            FileKind::BurstGptTrace => Self::Headless(traces::BURST_GPT, traces::burst_gpt),
            FileKind::AzureTrace => Self::Headless(traces::AZURE, traces::azure),
        }
    }

    /// Takes the line of column names.
    pub(super) fn header(&mut self, line: &[u8]) -> Result<(), Fault> {
        if let Self::Headless(names, read) = self {
            *self = Self::Table(Columns::find(line, *names)?, *read);
        }
        Ok(())
    }

    pub(super) fn parse(&self, row: &[u8]) -> Result<Parsed, Fault> {
        match self {
            Self::Rows(read) => read(row),
            Self::Blocks(read, block) => read(row, *block),
            Self::Headless(..) => Err(Fault::row("stands before the line of column names")),
            Self::Table(columns, read) => read(row, columns),
        }
    }
}

/// The files that a path names: itself, or the files in it by name, hidden ones left out.
pub(super) fn files_at(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let refused = |reason: String| DatasetError::File { path: path.to_owned(), reason };
    let data = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if !data.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| refused(error.to_string()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| refused(error.to_string()))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(refused("the folder has no files".to_owned())),
        false => Ok(files),
    }
}

/// What can be told from the first row of a file.
enum First {
    /// The fields of its first line, or of the first element of its list.
    Fields(Map<String, Value>),
    /// The beginning of one JSON object over several lines.
    Document,
    /// The names of columns.
    Columns(Vec<u8>),
}

/// The kind of a file or folder, told from its first row. Exactly one kind must claim it.
///
/// # Errors
/// When the file cannot be read, or none or several kinds claim it.
pub fn detect(path: &Path) -> Result<FileKind, DatasetError> {
    let files = files_at(path)?;
    let folder = path.is_dir();
    let (first, in_list) = first(&files[0])?;
    let claims: Vec<FileKind> = match &first {
        First::Columns(header) => [(FileKind::BurstGptTrace, traces::BURST_GPT), (FileKind::AzureTrace, traces::AZURE)]
            .into_iter()
            .filter(|(_, names)| Columns::find(header, *names).is_ok())
            .map(|(kind, _)| kind)
            .collect(),
        First::Document => vec![FileKind::InputsJson],
        First::Fields(fields) => match fields.get("type").and_then(Value::as_str).map(FileKind::named) {
            Some(Ok(kind)) => vec![kind],
            _ => claimants(fields, in_list, folder),
        },
    };
    match claims[..] {
        [kind] => Ok(kind),
        _ => Err(DatasetError::UnknownKind {
            path: path.to_owned(),
            candidates: match claims.is_empty() {
                true => FileKind::ALL.map(|(name, _)| name).to_vec(),
                false => claims.iter().map(|kind| kind.name()).collect(),
            },
            claimed: !claims.is_empty(),
        }),
    }
}

fn claimants(fields: &Map<String, Value>, in_list: bool, folder: bool) -> Vec<FileKind> {
    let has = |key: &str| fields.contains_key(key);
    let any = |keys: &[&str]| keys.iter().any(|key| has(key));
    let content = any(&["text", "texts", "image", "images", "audio", "audios", "video", "videos"]);
    let chats = has("chat_id") && has("parent_chat_id");
    let kinds = [
        (FileKind::ShareGpt, has("conversations")),
        (FileKind::InputsJson, !in_list && fields.get("data").is_some_and(Value::is_array)),
        (FileKind::MultiTurn, !in_list && has("turns")),
        (FileKind::SingleTurn, !in_list && content && !folder),
        (FileKind::RandomPool, !in_list && content && folder),
        (FileKind::BailianTrace, !in_list && chats),
        (FileKind::MooncakeTrace, !in_list && !chats && traces::is_mooncake(fields)),
        (FileKind::RawPayload, !in_list && any(&["messages", "prompt", "input", "inputs", "query"])),
    ];
    kinds.into_iter().filter(|(_, claims)| *claims).map(|(kind, _)| kind).collect()
}

/// The first row, and whether it stands in a list.
fn first(path: &Path) -> Result<(First, bool), DatasetError> {
    use super::scan::{ScanError, rows};
    let refused = |reason: &str| DatasetError::File { path: path.to_owned(), reason: reason.to_owned() };
    let seen = |shape| {
        let mut seen = Vec::new();
        let stopped = rows(path, shape, |_, row| {
            seen = row.to_vec();
            Err(())
        });
        match stopped {
            Err(ScanError::File(reason)) => Err(refused(&reason)),
            _ if seen.is_empty() => Err(refused("has no rows")),
            _ => Ok(seen),
        }
    };
    let line = seen(Shape::Lines)?;
    match line.first() {
        Some(b'[') => match object::json(&seen(Shape::List(""))?) {
            Ok(Value::Object(fields)) => Ok((First::Fields(fields), true)),
            _ => Err(refused("is a JSON list whose first element is no object")),
        },
        Some(b'{') => Ok((
            match object::json(&line) {
                Ok(Value::Object(fields)) => First::Fields(fields),
                _ => First::Document,
            },
            false,
        )),
        _ => Ok((First::Columns(line), false)),
    }
}
