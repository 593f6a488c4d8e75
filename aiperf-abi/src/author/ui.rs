//! `ui`: how a run looks while it goes. It is told where the run is, at most ten times a second, and shows it as it likes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Result;

/// Shows a run while it goes. It has a thread to itself: one that is slow misses some of what is told, never the end.
///
#[cfg_attr(doc, doc = include_str!("../../reference/ui.md"))]
pub trait Ui: Send + 'static {
    /// Something to show.
    ///
    /// # Errors
    /// When it cannot be shown; the run goes on without a display.
    fn show(&mut self, event: &UiEvent) -> Result<()>;
}

service! {
    "ui": Ui {
        show(event: &UiEvent);
    }
}

/// What a display is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UiEvent {
    /// One of several measurements begins, of this name.
    Measuring(String),
    /// Where the run is now.
    Progress(UiProgress),
    /// The user asked the run to end; what is in flight is waited for.
    Draining,
    /// Nothing more will be told. Where the run was at its end, if it had begun.
    Finished(Option<UiProgress>),
    /// What a newer aiperf tells, as it came: a display leaves it alone.
    #[serde(untagged)]
    Unknown(Value),
}

/// A run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UiProgress {
    /// `warmup` or `profiling`.
    pub phase: String,
    /// The phase ends after so many requests.
    pub requests_wanted: Option<u64>,
    /// The phase ends after so many seconds.
    pub seconds_wanted: Option<f64>,
    /// Since the phase began.
    pub elapsed_seconds: f64,
    /// Requests sent.
    pub sent: u64,
    /// Requests finished, failed ones included.
    pub completed: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Sent and not finished.
    pub in_flight: u64,
    /// Finished requests per second so far.
    pub rate: f64,
    /// Mean time to the first token so far, milliseconds; absent where replies are not streamed.
    pub ttft_ms: Option<f64>,
}

impl UiProgress {
    /// How much of the phase is done, 0 to 1: by whichever goal is nearer. `None` where there is no goal.
    pub fn fraction(&self) -> Option<f64> {
        let by_count = self.requests_wanted.map(|all| self.completed as f64 / all.max(1) as f64);
        let by_time = self.seconds_wanted.map(|all| self.elapsed_seconds / all.max(f64::EPSILON));
        match (by_count, by_time) {
            (Some(count), Some(time)) => Some(count.max(time).min(1.0)),
            (count, time) => count.or(time).map(|fraction| fraction.min(1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whichever_goal_is_nearer_says_how_far_the_run_is() {
        let at = |elapsed_seconds, completed| UiProgress { elapsed_seconds, completed, ..UiProgress::default() };
        let wanted = |now| UiProgress { requests_wanted: Some(100), seconds_wanted: Some(10.0), ..now };
        assert_eq!(wanted(at(5.0, 20)).fraction(), Some(0.5));
        assert_eq!(wanted(at(5.0, 80)).fraction(), Some(0.8));
        assert_eq!(wanted(at(50.0, 80)).fraction(), Some(1.0));
        assert_eq!(at(5.0, 80).fraction(), None);
    }

    #[test]
    fn what_a_newer_host_tells_does_not_stop_a_display() {
        for told in [json!("resting"), json!({"resting": {"seconds": 3}})] {
            assert_eq!(serde_json::from_value::<UiEvent>(told.clone()).unwrap(), UiEvent::Unknown(told));
        }
        for known in [UiEvent::Draining, UiEvent::Finished(None), UiEvent::Progress(UiProgress::default())] {
            assert_eq!(serde_json::from_value::<UiEvent>(serde_json::to_value(&known).unwrap()).unwrap(), known);
        }
    }
}
