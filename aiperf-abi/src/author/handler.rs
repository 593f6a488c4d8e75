//! `result_handler`: acts on the results of a finished run, e.g. sends them somewhere. Handlers are called one after the
//! other, by ascending priority; what one does or fails to do is nothing to the others.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Result;
use crate::data::report::Report;

/// Acts on results. Its priority is the setting `priority` of its entry, [`DEFAULT_PRIORITY`] where there is none.
///
/// A constructor that has nothing to do in this run returns [`Error::disabled`](super::error::Error::disabled).
///
#[cfg_attr(doc, doc = include_str!("../../reference/result_handler.md"))]
pub trait ResultHandler: Send + 'static {
    /// Whether to handle this one. One that says no is left out.
    ///
    /// # Errors
    /// When it cannot tell; then it is left out, and the failure is shown.
    fn enabled(&mut self, metadata: &Value) -> Result<bool> {
        let _ = metadata;
        Ok(true)
    }

    /// Handles the results.
    ///
    /// # Errors
    /// When it could not; the failure is shown, and [`on_error`](Self::on_error) is told.
    fn handle(&mut self, results: &Results) -> Result<()>;

    /// [`handle`](Self::handle) has failed: the last chance to clean up or to tell somebody.
    ///
    /// # Errors
    /// When that failed as well.
    fn on_error(&mut self, failure: &HandlingFailure) -> Result<()> {
        let _ = failure;
        Ok(())
    }
}

service! {
    "result_handler": ResultHandler {
        enabled(metadata: &Value) -> bool;
        handle(results: &Results);
        on_error(failure: &HandlingFailure);
    }
}

/// Why handling failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandlingFailure {
    /// What the handler said.
    pub message: String,
}

/// Priority of a handler that is not given any.
pub const DEFAULT_PRIORITY: i64 = 100;

/// What has finished.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Results {
    /// Name of the run.
    pub batch_id: String,
    /// The numbers.
    pub report: Report,
    /// The file of records, one JSON object a line; absent where none was kept.
    pub records_path: Option<String>,
    /// What is known of the run beside its results: `models`, `endpoint_type`, `urls`, `command`.
    pub metadata: Value,
}

impl Results {
    /// The results of a run.
    pub fn new(batch_id: impl Into<String>, report: Report, metadata: Value) -> Self {
        Self { batch_id: batch_id.into(), report, records_path: None, metadata }
    }

    /// With the file of records.
    #[must_use]
    pub fn with_records(mut self, path: Option<String>) -> Self {
        self.records_path = path;
        self
    }
}
