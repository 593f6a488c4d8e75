//! How far a run is: a noun between whoever runs it and whoever shows it.

use std::time::Duration;

use crate::credit::Phase;

/// A run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// The phase it is in.
    pub phase: Phase,
    /// Where the phase ends.
    pub goal: Goal,
    /// Since the phase started.
    pub elapsed: Duration,
    /// Requests sent in this phase.
    pub sent: u64,
    /// Requests finished in this phase, failed ones included.
    pub completed: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Sent and not finished.
    pub in_flight: u64,
    /// Finished requests per second of the phase so far.
    pub rate: f64,
    /// Mean time to first token so far, milliseconds; absent where replies are not streamed.
    pub ttft_ms: Option<f64>,
}

/// What ends a phase; the first that is reached does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// So many requests.
    pub requests: Option<u64>,
    /// So long.
    pub duration: Option<Duration>,
}

impl Snapshot {
    /// How much of the phase is done, 0 to 1: by whichever goal is nearer. `None` where there is no goal.
    pub fn fraction(&self) -> Option<f64> {
        let by_count = self.goal.requests.map(|all| self.completed as f64 / all.max(1) as f64);
        let by_time = self.goal.duration.map(|all| self.elapsed.as_secs_f64() / all.as_secs_f64().max(f64::EPSILON));
        match (by_count, by_time) {
            (Some(count), Some(time)) => Some(count.max(time).min(1.0)),
            (count, time) => count.or(time).map(|fraction| fraction.min(1.0)),
        }
    }
}
