//! The built-in result handlers: what can be done with the results of a run beside showing and keeping them.

mod file;
mod webhook;

pub use file::FileHandler;
pub use webhook::WebhookHandler;

use aiperf_abi::{Results, Value, json};

/// What a handler sends or writes: who, what about, and every metric with its numbers.
fn document(results: &Results) -> Value {
    let report = &results.report;
    let metrics: serde_json::Map<String, Value> = report
        .metrics
        .iter()
        .map(|metric| {
            let value = json!({"unit": metric.unit, "avg": metric.avg, "distribution": metric.distribution});
            (metric.tag.clone(), value)
        })
        .collect();
    json!({
        "batch_id": results.batch_id,
        "metadata": results.metadata,
        "is_complete": report.is_complete,
        "incomplete_reason": report.incomplete_reason,
        "start_time": report.start_time,
        "end_time": report.end_time,
        "metrics": metrics,
        "error_summary": report.error_summary,
        "notices": report.notices,
        "artifact_dir": report.artifact_dir,
        "records_path": results.records_path,
    })
}
