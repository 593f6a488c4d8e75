//! What is wrong with a row: which file, which line, which field, and what was expected there.

use std::path::{Path, PathBuf};

/// A fault of a row, before it is known which row it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    field: String,
    problem: String,
}

impl Fault {
    /// Something about one field, e.g. `is -3; expected a whole number above 0`.
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    /// Something about the row as a whole.
    pub(super) fn row(problem: impl Into<String>) -> Self {
        Self::field("", problem)
    }

    /// A required field that is not there.
    pub(super) fn missing(field: impl Into<String>, expected: &str) -> Self {
        Self::field(field, format!("is missing; expected {expected}"))
    }

    /// The same with its place.
    pub(super) fn at(self, file: &Path, line: u64) -> RowFault {
        RowFault { file: file.to_owned(), line, field: self.field, problem: self.problem }
    }
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowFault {
    /// The file.
    pub file: PathBuf,
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// Path of the field in the row, e.g. `turns[1].delay`; empty where the row as a whole is meant.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        match self.field.as_str() {
            "" => write!(f, "the row {}", self.problem),
            field => write!(f, "`{field}` {}", self.problem),
        }
    }
}
