//! The final numbers of a run, as exporters see them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::calibration::Calibration;
use super::record::ErrorDetails;

/// Everything known at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Report {
    /// Version of the host.
    pub aiperf_version: String,
    /// Random name of the run, 12 hex digits.
    pub benchmark_id: String,
    /// Title of the endpoint's results table.
    pub metrics_title: String,
    /// The metrics in display order.
    pub metrics: Vec<MetricResult>,
    /// Metrics of the warm-up phase, if there was one.
    pub warmup_metrics: Vec<MetricResult>,
    /// Failures by kind, most frequent first.
    pub error_summary: Vec<ErrorCount>,
    /// Whether the run was ended by the user.
    pub was_cancelled: bool,
    /// Whether everything asked for was done.
    pub is_complete: bool,
    /// Why not, if not.
    pub incomplete_reason: Option<String>,
    /// Local time without zone, microseconds.
    pub start_time: String,
    /// Local time without zone, microseconds.
    pub end_time: String,
    /// The resolved plan.
    pub input_config: Value,
    /// Identity of the run: seed, command line, plugins.
    pub run_info: Value,
    /// What a reader should know about these numbers, one sentence each.
    pub notices: Vec<String>,
    /// Start and end of the stretch that throughput is counted over, nanoseconds of the wall clock.
    pub window_ns: (u64, u64),
    /// The part without warm-up and drain; its times are nanoseconds of the wall clock. Absent where it was not looked
    /// for.
    pub steady_state: Option<SteadyState>,
    /// Slices of time, where they were asked for.
    pub timeslices: Vec<TimeSlice>,
    /// Whether the client was fit to measure.
    pub audit: Audit,
    /// Folder of this run's artifacts; exporters write there.
    pub artifact_dir: String,
    /// Stem of the file names, `profile_export` unless the user chose another.
    pub file_stem: FileStem,
    /// What plugins added to the results, by name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub sections: Map<String, Value>,
}

/// Whether the client was fit to measure what it measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Audit {
    /// The worst of the findings.
    pub grade: AuditGrade,
    /// What was wrong with the client, one sentence each.
    pub findings: Vec<String>,
    /// Share of all processors that the client used, 0 to 1; absent where the system does not tell.
    pub client_cpu_share: Option<f64>,
    /// How late one request in a hundred was sent, or later, milliseconds; absent where a limit held requests back.
    pub schedule_lag_p99_ms: Option<f64>,
    /// By how much the schedule was moved back because the client stood still, seconds.
    pub schedule_slipped_seconds: f64,
    /// Requests per second that were asked for, where a rate was.
    pub wanted_rate: Option<f64>,
    /// Longest wait of a due task for a processor, milliseconds.
    pub runtime_lag_max_ms: f64,
    /// How often a worker waited because parsing and counting were behind.
    pub recorder_waits: u64,
    /// Files the process may have open.
    pub open_files_limit: Option<u64>,
    /// What `aiperf calibrate` found out on this machine, where it was asked and the run used the same way to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// The run's load as a share of the largest one that was calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated_load_share: Option<f64>,
}

/// How far the client can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditGrade {
    /// Nothing speaks against it.
    #[default]
    Good,
    /// Something does: read the findings before the tails of the distributions.
    Fair,
    /// The client was a bottleneck: the numbers are also about it.
    Poor,
}

/// The part of a phase in which the server was as busy as it was meant to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SteadyState {
    /// Whether there is one.
    pub found: bool,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How warm-up and drain were found.
    pub method: String,
    /// When it began, nanoseconds.
    pub start_ns: u64,
    /// When it ended, nanoseconds.
    pub end_ns: u64,
    /// Time before it, seconds.
    pub warmup_sec: f64,
    /// Its length, seconds.
    pub duration_sec: f64,
    /// Time after it, seconds.
    pub drain_sec: f64,
    /// The main metrics over the requests that ended within it.
    pub metrics: Vec<MetricResult>,
    /// Whether the numbers agree with each other.
    pub littles_law: Option<LittlesLaw>,
}

/// Little's law: requests in flight = rate of completions * mean time in flight, in any steady state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LittlesLaw {
    /// Mean number of requests in flight, over time.
    pub concurrency: f64,
    /// Requests that ended, per second.
    pub throughput: f64,
    /// Mean time they were in flight, seconds.
    pub latency_sec: f64,
    /// `throughput * latency_sec / concurrency`.
    pub ratio: f64,
    /// Distance of the ratio from 1 that the edges of the stretch explain.
    pub tolerance: f64,
    /// Whether the ratio is within it.
    pub holds: bool,
}

/// The requests that were sent in one slice of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeSlice {
    /// Its start, nanoseconds of the wall clock.
    pub start_ns: u64,
    /// Its end, nanoseconds of the wall clock.
    pub end_ns: u64,
    /// Whether the run did not end within it.
    pub is_complete: bool,
    /// Their metrics.
    pub metrics: Vec<MetricResult>,
}

/// How artifacts are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStem {
    /// Stem of the summaries: `profile_export_aiperf`, or the user's prefix.
    pub summary: String,
    /// Stem of per-request files: `profile_export`, or the user's prefix.
    pub records: String,
}

impl Default for FileStem {
    fn default() -> Self {
        Self { summary: "profile_export_aiperf".to_owned(), records: "profile_export".to_owned() }
    }
}

impl Report {
    /// The result of a metric tag.
    pub fn metric(&self, tag: &str) -> Option<&MetricResult> {
        self.metrics.iter().find(|metric| metric.tag == tag)
    }
}

/// One metric over the whole run, in display units. A scalar has only `avg`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetricResult {
    /// Stable name, e.g. `time_to_first_token`.
    pub tag: String,
    /// Name for people.
    pub header: String,
    /// Unit of all values, e.g. `ms`.
    pub unit: String,
    /// Place in the console table, small first; absent: last.
    pub order: Option<u32>,
    /// Console table it belongs to; absent: not printed.
    pub group: Option<String>,
    /// Arithmetic mean, or the value of a scalar.
    pub avg: f64,
    /// The distribution; absent for a scalar.
    pub distribution: Option<Distribution>,
}

/// A distribution of `count` values. Percentiles interpolate linearly at rank `q/100 * (n - 1)`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distribution {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Sum of the values.
    pub sum: f64,
    /// How many values.
    pub count: u64,
    /// (percent, value), ascending: 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99.
    pub percentiles: Vec<(f64, f64)>,
    /// How many independent samples the values are worth, where they are correlated and it is fewer than `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_samples: Option<f64>,
    /// Interval that holds the true mean with 95 % confidence; absent where that was not asked or there are too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_ci95: Option<(f64, f64)>,
    /// (percent, low, high): 95 % intervals of those percentiles that have one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percentile_ci95: Vec<(f64, f64, f64)>,
    /// The percentiles that there are too few samples to claim.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uncertified: Vec<Uncertified>,
}

/// A percentile that is told although there are too few samples to claim it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Uncertified {
    /// Which.
    pub percent: f64,
    /// Independent samples it needs (the binomial rule of MLPerf, 99 %).
    pub needs: u64,
    /// Independent samples there are.
    pub has: u64,
}

impl Distribution {
    /// What a percentile would need, where there are too few samples to claim it.
    pub fn uncertified(&self, percent: f64) -> Option<Uncertified> {
        self.uncertified.iter().find(|one| (one.percent - percent).abs() < 1e-9).copied()
    }

    /// The value at a percentile that is listed.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        self.percentiles.iter().find(|(q, _)| (q - percent).abs() < 1e-9).map(|(_, value)| *value)
    }
}

/// How often one failure happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// The failure.
    pub error_details: ErrorDetails,
    /// How often.
    pub count: u64,
}

/// A file an exporter wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// What it is, for the footer: `JSON Export`.
    pub kind: String,
    /// Where it is.
    pub path: String,
}
