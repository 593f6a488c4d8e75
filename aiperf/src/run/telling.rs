//! Whoever is told how a run goes: the one who watches it, and through its messages those who listen.

use aiperf_abi::{Ui, UiProgress, json, topic};

use super::messages::{Messages, Results};
use super::report::Stopped;
use super::{Done, Finished, PhaseGoal, Watcher};

/// Tells both.
pub(super) struct Telling<'a> {
    pub(super) watcher: &'a mut dyn Watcher,
    pub(super) messages: &'a mut Messages,
}

impl Telling<'_> {
    pub(super) fn show_on(&mut self, name: &str, ui: Box<dyn Ui>) -> std::io::Result<()> {
        self.watcher.show_on(name, ui)
    }

    /// One of several measurements begins.
    pub(super) fn measuring(&mut self, name: &str) {
        self.watcher.measuring(name);
    }

    pub(super) fn phase_started(&mut self, measurement: &str, goal: &PhaseGoal) {
        let body = json!({
            "measurement": measurement, "phase": goal.phase.as_str(), "requests_wanted": goal.requests,
            "seconds_wanted": goal.seconds,
        });
        self.messages.send(topic::PHASE_STARTED, body);
    }

    pub(super) fn tell(&mut self, now: &UiProgress) {
        self.watcher.tell(now);
        self.messages.progress(now);
    }

    pub(super) fn draining(&mut self) {
        self.watcher.draining();
        self.messages.send(topic::DRAINING, json!({}));
    }

    pub(super) fn phase_ended(&mut self, measurement: &str, done: &Done) {
        let (counts, _) = done.dispatcher.counts();
        let body = json!({
            "measurement": measurement, "phase": done.goal.phase.as_str(), "sent": counts.issued,
            "returned": counts.returned, "stopped": done.stopped().as_ref().map(Stopped::reason),
        });
        self.messages.send(topic::PHASE_ENDED, body);
    }

    /// There is nothing more to watch.
    pub(super) fn finished(&mut self) {
        self.watcher.finished();
    }

    pub(super) fn results(&mut self, measurement: &str, finished: &Finished) {
        self.messages.results(&Results {
            measurement,
            benchmark_id: &finished.report.benchmark_id,
            counts: (finished.succeeded, finished.failed),
            stopped: finished.report.incomplete_reason.as_deref(),
            metrics: &finished.report.metrics,
            files: &finished.files,
        });
    }
}
