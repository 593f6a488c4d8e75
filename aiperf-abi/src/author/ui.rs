//! `ui`: how a run looks while it goes. It is told where the run is, at most ten times a second, and shows it as it likes.

use serde::{Deserialize, Serialize};

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
    /// Mean time to the first token so far, milliseconds.
    pub ttft_ms: Option<f64>,
}
