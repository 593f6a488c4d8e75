//! What one request became: its identity, its measured metrics, and its error. Never changes once made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of `profile_export.jsonl`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Who, when, where.
    pub metadata: RecordMetadata,
    /// Metric tag to value, in display units. Empty but for error metrics where the request failed.
    pub metrics: BTreeMap<String, MetricValue>,
    /// Whether it met every objective of the run, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<bool>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetails>,
}

/// Identity and raw times of one request. `_ns` times are nanoseconds of the wall clock (Unix epoch).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordMetadata {
    /// Running number of the conversation in its phase, from 0.
    pub session_num: u64,
    /// The `X-Request-ID` header.
    pub x_request_id: String,
    /// The `X-Correlation-ID` header: one per live session.
    pub x_correlation_id: String,
    /// Which conversation of the dataset.
    pub conversation_id: String,
    /// Which turn of it, from 0.
    pub turn_index: u32,
    /// When the request was meant to be sent.
    pub credit_issued_ns: u64,
    /// When it was handed to the transport.
    pub request_start_ns: u64,
    /// When the response headers were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_ack_ns: Option<u64>,
    /// When the response ended.
    pub request_end_ns: u64,
    /// Which worker sent it.
    pub worker_id: String,
    /// `warmup` or `profiling`.
    pub benchmark_phase: String,
    /// Whether the client gave it up on purpose.
    pub was_cancelled: bool,
    /// When it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_time_ns: Option<u64>,
}

/// A number, or one number per chunk, with its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricValue {
    /// A number or a list of numbers; whole numbers stay whole.
    pub value: Value,
    /// The unit the value is in, e.g. `ms`.
    pub unit: String,
}

/// Why a request failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorDetails {
    /// The HTTP status, or its nearest kin: 499 cancelled by the client, 408 timed out, 502 error event in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Kind, e.g. `Internal Server Error` or `ConnectionError`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the server or the system said.
    pub message: String,
}
