//! `record_processor` and `results_processor`: measure more than aiperf does. The one looks at each record and adds numbers
//! to it, the other looks at all of them and adds to the results. Both see records in batches, off the sending path.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Result;
use super::exporter::RecordBatch;
use crate::data::report::{MetricResult, Report};

/// Adds metrics to records. A metric of its appears wherever those of aiperf do: on the console, in the summaries, and in
/// the lines of the record file.
///
#[cfg_attr(doc, doc = include_str!("../../reference/record_processor.md"))]
pub trait RecordProcessor: Send + 'static {
    /// The metrics it adds. Asked once, before anything is sent.
    ///
    /// # Errors
    /// When there are none to be had; the run then does not start.
    fn metrics(&mut self) -> Result<Vec<MetricDeclaration>>;

    /// Some finished records, in the order they finished. For each of them, in that order: a value for each of the
    /// [`metrics`](Self::metrics), in their order, `None` where the record has none.
    ///
    /// # Errors
    /// When it cannot go on; it is then not called again, and the failure is shown.
    fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>>;
}

service! {
    "record_processor": RecordProcessor {
        metrics() -> Vec<MetricDeclaration>;
        process(batch: RecordBatch<'_>) -> Vec<Vec<Option<f64>>>;
    }
}

/// A metric that a plugin adds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricDeclaration {
    /// Stable name in files: letters, digits and `_`.
    pub tag: String,
    /// Name for people.
    pub header: String,
    /// Unit of all values, e.g. `ms`.
    pub unit: String,
    /// Console table it belongs to, `default` for the main one; absent: not printed.
    pub group: Option<String>,
    /// Place in that table, small first; absent: last.
    pub order: Option<u32>,
}

impl MetricDeclaration {
    /// A metric of the main table.
    pub fn new(tag: impl Into<String>, header: impl Into<String>, unit: impl Into<String>) -> Self {
        let group = Some("default".to_owned());
        Self { tag: tag.into(), header: header.into(), unit: unit.into(), group, order: None }
    }
}

/// Looks at all records and adds to the results at the end.
///
#[cfg_attr(doc, doc = include_str!("../../reference/results_processor.md"))]
pub trait ResultsProcessor: Send + 'static {
    /// Some finished records of the whole run, warm-up included, in the order they finished.
    ///
    /// # Errors
    /// When it cannot go on; it is then not called again, and the failure is shown.
    fn ingest(&mut self, batch: RecordBatch<'_>) -> Result<()>;

    /// The end of the run: what is to be added to its results.
    ///
    /// # Errors
    /// When there is nothing to add; the run's own results are not touched by that.
    fn summarize(&mut self, report: &Report) -> Result<Addition>;
}

service! {
    "results_processor": ResultsProcessor {
        ingest(batch: RecordBatch<'_>);
        summarize(report: &Report) -> Addition;
    }
}

/// What is added to the results of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Addition {
    /// Metrics of the whole run.
    pub metrics: Vec<MetricResult>,
    /// Anything else, by name: a section of the summary.
    pub sections: Map<String, Value>,
    /// What a reader should know, one sentence each.
    pub notices: Vec<String>,
}
