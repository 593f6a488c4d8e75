//! `data_exporter`: takes the results out, into files or elsewhere. Sees records as they come and the report at the end.

use std::borrow::Cow;

use super::error::Result;
use crate::data::record::Record;
use crate::data::report::{FileInfo, Report};
use crate::ffi::service::Argument;

/// Takes results out. One value per run; its methods are never called at the same time.
///
/// A constructor that has nothing to do in this run returns [`Error::disabled`](super::error::Error::disabled).
///
#[cfg_attr(doc, doc = include_str!("../../reference/data_exporter.md"))]
pub trait DataExporter: Send + 'static {
    /// Some finished records, in the order they finished. Called during the run, many times, off the sending path.
    ///
    /// # Errors
    /// When they cannot be taken; the exporter is then not called again and the failure is shown.
    fn records(&mut self, batch: RecordBatch<'_>) -> Result<()> {
        let _ = batch;
        Ok(())
    }

    /// The end of the run. Returns what was written, for the footer.
    ///
    /// # Errors
    /// When the results could not be taken out; the run's own results are not touched by that.
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>>;
}

service! {
    "data_exporter": DataExporter {
        records(batch: RecordBatch<'_>);
        export(report: &Report) -> Vec<FileInfo>;
    }
}

/// Some records, encoded once for all exporters: one JSON object a line, each line ended.
#[derive(Debug, Clone, Copy)]
pub struct RecordBatch<'a> {
    lines: &'a str,
}

impl<'a> RecordBatch<'a> {
    /// A batch of whole lines.
    pub fn new(lines: &'a str) -> Self {
        Self { lines }
    }

    /// The lines as they are, ready to be written to a `.jsonl` file.
    pub fn as_str(&self) -> &'a str {
        self.lines
    }

    /// The records, decoded.
    pub fn iter(&self) -> impl Iterator<Item = Result<Record>> + 'a {
        self.lines.lines().map(|line| Ok(serde_json::from_str(line)?))
    }
}

/// Lines cross as they are.
impl<'a> Argument<'a> for RecordBatch<'a> {
    type Kept = Self;

    fn write(self) -> Result<Cow<'a, [u8]>> {
        Ok(self.lines.as_bytes().into())
    }

    fn keep(words: &'a [u8]) -> Result<Self> {
        Ok(Self::new(std::str::from_utf8(words)?))
    }

    fn of(kept: &'a Self) -> Self {
        *kept
    }
}
