//! `communication`: how what happens in a run reaches those who want to know: its services, and whoever follows it from
//! outside.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Result;

/// Carries the messages of a run. It has a thread to itself: one that is slow misses progress, and nothing waits for it.
///
#[cfg_attr(doc, doc = include_str!("../../reference/communication.md"))]
pub trait Communication: Send + 'static {
    /// Takes a message of the run. Gives what has come for the services of this process: as a rule that message, but it
    /// may be others, or none.
    ///
    /// # Errors
    /// When it cannot carry any more: the run goes on without it, and the user is told.
    fn carry(&mut self, message: &Message) -> Result<Vec<Message>>;

    /// The run is over. On return, what was taken is where it belongs, or is given up.
    ///
    /// # Errors
    /// When somebody did not get everything; the user is told.
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

service! {
    "communication": Communication {
        carry(message: &Message) -> Vec<Message>;
        close();
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Message {
    /// Counted from 0 through all messages of a run: where one is missing, it was left out.
    pub number: u64,
    /// When it was told, nanoseconds since 1970.
    pub at_ns: u64,
    /// What it is about: one of [`topic`], or whatever else a communication brings from elsewhere.
    pub topic: String,
    /// What there is to say, by topic. Keys may be added.
    pub body: Value,
}

impl Message {
    /// A message.
    pub fn new(number: u64, at_ns: u64, topic: impl Into<String>, body: Value) -> Self {
        Self { number, at_ns, topic: topic.into(), body }
    }
}

/// What the messages of a run are about, in the order in which they come.
pub mod topic {
    /// Everything is up, nothing was sent yet: `command`, `plan`, `artifact_dir`. Nothing secret is in it.
    pub const RUN_STARTED: &str = "run_started";
    /// A phase of a measurement begins: `measurement`, `phase` (`warmup` or `profiling`), `requests_wanted`,
    /// `seconds_wanted`.
    pub const PHASE_STARTED: &str = "phase_started";
    /// Where the phase is, ten times a second: the fields of [`UiProgress`](crate::UiProgress).
    pub const PROGRESS: &str = "progress";
    /// The user asked the run to end; what is in flight is waited for. No fields.
    pub const DRAINING: &str = "draining";
    /// All that a phase has sent has come back or was given up: `measurement`, `phase`, `sent`, `returned`, and `stopped`,
    /// why it did not come to its own end, or null.
    pub const PHASE_ENDED: &str = "phase_ended";
    /// The results of a measurement are written: `measurement`, `benchmark_id`, `succeeded`, `failed`, `stopped` as above,
    /// `metrics` ([`MetricResult`](crate::MetricResult)), `files` ([`FileInfo`](crate::FileInfo)).
    pub const RESULTS_READY: &str = "results_ready";
    /// The last one: `error`, why there are no results, or null.
    pub const RUN_ENDED: &str = "run_ended";
}
