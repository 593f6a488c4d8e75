//! How a run looks while it goes: the built-in displays, and the thread on which any of them shows what it is told.

mod progress;
mod screen;

pub use screen::Screen;

use std::time::Duration;

use aiperf_abi::{Context, Plugin, Result, Ui, UiEvent, UiProgress};
use serde::Deserialize;

use crate::credit::Phase;
use crate::progress::{Goal, Snapshot};
use progress::{Display, Progress};

/// The settings of a display that has none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

/// The entry `simple`: a bar on a terminal, elsewhere a line every few seconds.
pub struct SimpleUi(Told);

/// The entry `none`: nothing but what the user has to know.
pub struct NoUi(Told);

impl Plugin for SimpleUi {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self(Told(Some(Progress::new(Display::suitable())))))
    }
}

impl Plugin for NoUi {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self(Told(Some(Progress::new(Display::Silent)))))
    }
}

impl Ui for SimpleUi {
    fn show(&mut self, event: &UiEvent) -> Result<()> {
        self.0.take(event);
        Ok(())
    }
}

impl Ui for NoUi {
    fn show(&mut self, event: &UiEvent) -> Result<()> {
        self.0.take(event);
        Ok(())
    }
}

/// A progress, until its end.
struct Told(Option<Progress>);

impl Told {
    fn take(&mut self, event: &UiEvent) {
        let Some(progress) = &mut self.0 else { return };
        match event {
            UiEvent::Measuring(name) => progress.measuring(name),
            UiEvent::Progress(now) => progress.show(&snapshot(now)),
            UiEvent::Draining => {
                progress.say("Ending: no more requests are sent, those in flight are waited for.");
                progress.say("Ctrl-C again quits at once.");
            }
            UiEvent::Finished(last) => {
                if let (Some(progress), Some(last)) = (self.0.take(), last) {
                    progress.finish(&snapshot(last));
                }
            }
            _ => {}
        }
    }
}

fn snapshot(now: &UiProgress) -> Snapshot {
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Snapshot {
        phase: if now.phase == Phase::Warmup.as_str() { Phase::Warmup } else { Phase::Profiling },
        goal: Goal { requests: now.requests_wanted, duration: now.seconds_wanted.map(seconds) },
        elapsed: seconds(now.elapsed_seconds),
        sent: now.sent,
        completed: now.completed,
        errors: now.errors,
        in_flight: now.in_flight,
        rate: now.rate,
        ttft_ms: now.ttft_ms,
    }
}

/// The other way: a snapshot as displays are told it.
pub fn told(now: &Snapshot) -> UiProgress {
    let mut told = UiProgress::default();
    told.phase = now.phase.as_str().to_owned();
    told.requests_wanted = now.goal.requests;
    told.seconds_wanted = now.goal.duration.map(|duration| duration.as_secs_f64());
    told.elapsed_seconds = now.elapsed.as_secs_f64();
    told.sent = now.sent;
    told.completed = now.completed;
    told.errors = now.errors;
    told.in_flight = now.in_flight;
    told.rate = now.rate;
    told.ttft_ms = now.ttft_ms;
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_survives_the_way_to_a_display() {
        let now = Snapshot {
            phase: Phase::Warmup,
            goal: Goal { requests: Some(7), duration: Some(Duration::from_secs(3)) },
            elapsed: Duration::from_millis(1500),
            sent: 5,
            completed: 4,
            errors: 1,
            in_flight: 1,
            rate: 2.5,
            ttft_ms: Some(9.0),
        };
        assert_eq!(snapshot(&told(&now)), now);
    }
}
