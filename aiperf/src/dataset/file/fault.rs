//! What is wrong with a row: which field, and what was expected there; file and line follow when it is known which row it is.

use std::path::Path;

use aiperf_abi::RowFault;

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
