//! What a calibration found out about the client on one machine. Written once, carried by the reports of later runs.

use serde::{Deserialize, Serialize};

/// How exactly and how fast the client measured a server whose clock is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calibration {
    /// When it was made, RFC 3339, UTC.
    pub made_at: String,
    /// Version of the host that made it.
    pub aiperf_version: String,
    /// Where it was made.
    pub machine: Machine,
    /// Largest rate of requests that were answered with one token each, per second.
    pub max_requests_per_second: f64,
    /// Largest rate of streamed tokens of long replies, one token an event, per second.
    pub max_tokens_per_second: f64,
    /// How far the client's numbers were from the server's, by rising concurrency.
    pub errors: Vec<MeasurementError>,
}

/// What tells one machine from another, as far as it decides how fast the client is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Name of the processor.
    pub processor: String,
    /// Number of processors the client may use.
    pub processors: u64,
}

/// The client's numbers less the server's own, request by request, at one concurrency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasurementError {
    /// Requests in flight.
    pub concurrency: u64,
    /// Requests that were compared.
    pub requests: u64,
    /// Their rate.
    pub requests_per_second: f64,
    /// Error of the time to first token, milliseconds.
    pub ttft_error_ms: ErrorSpread,
    /// Error of the mean inter-token latency of a request, milliseconds.
    pub itl_error_ms: ErrorSpread,
}

/// Percentiles of an error; above zero where the client read more than the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorSpread {
    /// Half of the requests were off by no more.
    pub p50: f64,
    /// One in a hundred was off by more.
    pub p99: f64,
}

impl Calibration {
    /// The errors at the calibrated concurrency that is nearest above `in_flight` requests, or at the largest.
    pub fn at(&self, in_flight: f64) -> Option<&MeasurementError> {
        self.errors.iter().find(|error| error.concurrency as f64 >= in_flight).or(self.errors.last())
    }

    /// The share of what this machine can drive that a load is, 0 to 1 and above: what each request and each token
    /// costs, added up.
    pub fn share_of(&self, requests_per_second: f64, tokens_per_second: f64) -> Option<f64> {
        let possible = self.max_requests_per_second > 0.0 && self.max_tokens_per_second > 0.0;
        possible.then(|| {
            requests_per_second / self.max_requests_per_second + tokens_per_second / self.max_tokens_per_second
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Calibration {
        let error = |concurrency| MeasurementError { concurrency, ..MeasurementError::default() };
        Calibration {
            max_requests_per_second: 1000.0,
            max_tokens_per_second: 100_000.0,
            errors: vec![error(8), error(64)],
            ..Calibration::default()
        }
    }

    #[test]
    fn errors_are_those_of_the_load_that_is_nearest_above() {
        let made = made();
        let at = |in_flight| made.at(in_flight).map(|error| error.concurrency);
        assert_eq!([at(0.5), at(8.0), at(8.1), at(500.0)], [Some(8), Some(8), Some(64), Some(64)]);
        assert_eq!(Calibration::default().at(1.0), None);
    }

    #[test]
    fn requests_and_tokens_both_count_towards_the_share() {
        assert_eq!(made().share_of(100.0, 20_000.0), Some(0.1 + 0.2));
        assert_eq!(Calibration::default().share_of(100.0, 0.0), None);
    }
}
