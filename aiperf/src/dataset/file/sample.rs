//! How a file begins: what loaders are shown when nobody says what it is.

use std::path::{Path, PathBuf};

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::{ConversationSink, CustomDatasetLoader, Error, FileSample, Result, RowFault};
use serde_json::Value;

use super::object;
use super::scan::{ScanError, Shape, rows};
use crate::dataset::DatasetError;

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

/// The beginning of a file, or of the first file of a folder.
///
/// # Errors
/// When it cannot be read, or has no rows.
pub fn sample(path: &Path) -> Result<FileSample, DatasetError> {
    let first = &files_at(path)?[0];
    let refused = |reason: &str| DatasetError::File { path: first.clone(), reason: reason.to_owned() };
    let seen = |shape| {
        let mut seen = Vec::new();
        let stopped = rows(first, shape, |_, row| {
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
    let is_list = line.first() == Some(&b'[');
    let row = match line.first() {
        Some(b'[') => match object::json(&seen(Shape::List(""))?) {
            Ok(Value::Object(fields)) => Some(fields),
            _ => return Err(refused("is a JSON list whose first element is no object")),
        },
        // What is no object as it stands is the beginning of one over several lines.
        Some(b'{') => match object::json(&line) {
            Ok(Value::Object(fields)) => Some(fields),
            _ => None,
        },
        _ => None,
    };
    Ok(FileSample {
        path: path.to_owned(),
        is_folder: path.is_dir(),
        first_line: String::from_utf8_lossy(&line).into_owned(),
        row,
        is_list,
    })
}

/// Whether the first row of a file that holds a request says when it is to be sent. A row that cannot be read says nothing;
/// what is wrong with it is told when the file is sent.
pub fn starts_with_a_time(path: &Path, loader: &mut dyn CustomDatasetLoader) -> bool {
    let mut first = First::default();
    // The refusal ends the walk.
    let _ = loader.load(path, &mut first);
    first.has_time
}

/// Takes the first request, and no other.
#[derive(Default)]
struct First {
    has_time: bool,
}

impl ConversationSink for First {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        match conversation.turns.first() {
            None => Ok(()),
            Some(turn) => {
                self.has_time = turn.timestamp.is_some();
                Err(Error::msg("one is enough"))
            }
        }
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.push(conversation)
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        Err(Error::invalid_input(fault.to_string()))
    }
}
