//! How a run looks while it goes: a bar on a terminal, now and then a line elsewhere, or nothing. All on the standard
//! error; the results have the standard output to themselves.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::credit::Phase;
use crate::progress::Snapshot;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Steps of the bar: finer than a terminal can draw.
const STEPS: u64 = 1000;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    /// A bar that is redrawn in place.
    Bar,
    /// A line every few seconds.
    Lines,
    /// Nothing.
    Silent,
}

impl Display {
    /// What suits the standard error of this process.
    pub(super) fn suitable() -> Self {
        if console::user_attended_stderr() { Self::Bar } else { Self::Lines }
    }
}

/// Shows a run while it goes.
pub(super) struct Progress {
    shape: Shape,
    shown: Option<Snapshot>,
}

enum Shape {
    Bar(ProgressBar),
    Lines(Box<dyn Write + Send>),
    Silent,
}

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new(display: Display) -> Self {
        let shape = match display {
            Display::Bar => Shape::Bar(ProgressBar::hidden()),
            Display::Lines => Shape::Lines(Box::new(io::stderr())),
            Display::Silent => Shape::Silent,
        };
        Self { shape, shown: None }
    }

    /// Shows where the run is now. May be called as often as one likes; the phase may change between calls.
    pub(super) fn show(&mut self, now: &Snapshot) {
        // Time that has gone back is that of another phase.
        let same = |shown: Snapshot| shown.phase == now.phase && shown.elapsed <= now.elapsed;
        let same_phase = self.shown.is_some_and(same);
        if !same_phase {
            self.end_phase();
        }
        match &mut self.shape {
            Shape::Bar(bar) => {
                if !same_phase {
                    *bar = start_bar(now);
                }
                draw(bar, now);
                self.shown = Some(*now);
            }
            Shape::Lines(out) => {
                let last = self.shown.filter(|_| same_phase).map(|shown| shown.elapsed);
                if last.is_none_or(|last| now.elapsed.saturating_sub(last) >= LINE_EVERY) {
                    print(out, &line(now));
                    self.shown = Some(*now);
                }
            }
            Shape::Silent => {}
        }
    }

    /// One of several measurements begins.
    pub(super) fn measuring(&mut self, name: &str) {
        if !matches!(self.shape, Shape::Silent) {
            self.say(&format!("Phase {name}"));
        }
    }

    /// Says something in between, without disturbing the bar.
    pub(super) fn say(&mut self, words: &str) {
        match &mut self.shape {
            // The bar prints nothing where it is not drawn.
            Shape::Bar(bar) if !bar.is_hidden() => bar.println(words),
            Shape::Lines(out) => print(out, words),
            Shape::Bar(_) | Shape::Silent => print(&mut io::stderr(), words),
        }
    }

    /// Shows the last state and leaves it on the screen.
    pub(super) fn finish(mut self, last: &Snapshot) {
        match &mut self.shape {
            Shape::Lines(out) => print(out, &line(last)),
            Shape::Bar(_) | Shape::Silent => self.show(last),
        }
        self.end_phase();
    }

    fn end_phase(&mut self) {
        if let Shape::Bar(bar) = &self.shape {
            bar.abandon();
        }
    }
}

/// Whoever closed the standard error does not want to know.
fn print(out: &mut dyn Write, words: &str) {
    let _ = writeln!(out, "{words}").and_then(|()| out.flush());
}

fn start_bar(now: &Snapshot) -> ProgressBar {
    let template = match now.fraction() {
        Some(_) => "{prefix} {bar:10} {percent:>3}%  {msg}",
        None => "{prefix} {spinner}  {msg}",
    };
    let style = ProgressStyle::with_template(template).expect("the templates are constant and right");
    let bar = ProgressBar::new(STEPS).with_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    bar.set_prefix(name(now.phase));
    bar
}

fn draw(bar: &ProgressBar, now: &Snapshot) {
    if let Some(fraction) = now.fraction() {
        bar.set_position((fraction * STEPS as f64) as u64);
    }
    bar.set_message(state_within(room(now), now));
    if now.fraction().is_none() {
        bar.tick();
    }
}

/// Columns of the terminal that the template of [`start_bar`] leaves to the state.
fn room(now: &Snapshot) -> usize {
    let columns = usize::from(console::Term::stderr().size().1);
    let drawn = if now.fraction().is_some() { " ██████████ 100%  " } else { " .  " };
    columns.saturating_sub(name(now.phase).chars().count() + drawn.chars().count())
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "Warm-up",
        Phase::Profiling => "Profiling",
    }
}

fn line(now: &Snapshot) -> String {
    let percent = now.fraction().map_or_else(String::new, |fraction| format!(" {:.0}%", 100.0 * fraction));
    format!("{}:{percent} {}", name(now.phase), state(now))
}

fn state(now: &Snapshot) -> String {
    state_within(usize::MAX, now)
}

/// As much of the state as there are columns for, in whole facts; what matters most comes first.
fn state_within(columns: usize, now: &Snapshot) -> String {
    let mut text = clock(now.elapsed);
    if let Some(all) = now.goal.duration {
        let _ = write!(text, " of {}", clock(all));
    }
    let _ = write!(text, "  {}", now.completed);
    if let Some(all) = now.goal.requests {
        let _ = write!(text, "/{all}");
    }
    text.push_str(" done");
    let more = [
        (now.errors > 0).then(|| format!("{} failed", now.errors)),
        Some(format!("{:.1}/s", now.rate)),
        now.ttft_ms.map(|ttft| format!("TTFT {ttft:.1} ms")),
        Some(format!("{} in flight", now.in_flight)),
    ];
    for fact in more.into_iter().flatten() {
        if text.len() + 2 + fact.len() > columns {
            break;
        }
        let _ = write!(text, ", {fact}");
    }
    text
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::progress::Goal;

    fn at(seconds: u64, completed: u64) -> Snapshot {
        Snapshot {
            phase: Phase::Profiling,
            goal: Goal { requests: Some(60), duration: None },
            elapsed: Duration::from_secs(seconds),
            sent: completed + 4,
            completed,
            errors: 0,
            in_flight: 4,
            rate: 33.14,
            ttft_ms: Some(34.29),
        }
    }

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Progress, Page) {
        let page = Page::default();
        (Progress { shape: Shape::Lines(Box::new(page.clone())), shown: None }, page)
    }

    fn text(page: &Page) -> Vec<String> {
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_well() {
        assert_eq!(line(&at(61, 40)), "Profiling: 67% 01:01  40/60 done, 33.1/s, TTFT 34.3 ms, 4 in flight");
        let timed = Snapshot {
            goal: Goal { requests: None, duration: Some(Duration::from_secs(7200)) },
            errors: 3,
            ttft_ms: None,
            ..at(3600, 5)
        };
        assert_eq!(line(&timed), "Profiling: 50% 1:00:00 of 2:00:00  5 done, 3 failed, 33.1/s, 4 in flight");
    }

    #[test]
    fn a_narrow_terminal_shows_fewer_facts_and_none_in_part() {
        assert_eq!(state_within(48, &at(61, 40)), "01:01  40/60 done, 33.1/s, TTFT 34.3 ms");
        assert_eq!(state_within(39, &at(61, 40)), "01:01  40/60 done, 33.1/s, TTFT 34.3 ms");
        assert_eq!(state_within(38, &at(61, 40)), "01:01  40/60 done, 33.1/s");
        assert_eq!(state_within(0, &at(61, 40)), "01:01  40/60 done");
    }

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then_not_at_every_step() {
        let (mut progress, page) = lines();
        for step in 0..=120 {
            let now = Snapshot { elapsed: Duration::from_millis(100 * step), ..at(0, step) };
            progress.show(&now);
        }
        assert_eq!(text(&page).len(), 3, "at 0, 5 and 10 seconds");
        progress.finish(&at(13, 60));
        assert!(text(&page)[3].starts_with("Profiling: 100% 00:13  60/60 done"));
    }

    #[test]
    fn a_new_phase_is_told_at_once() {
        let (mut progress, page) = lines();
        progress.show(&Snapshot { phase: Phase::Warmup, ..at(4, 10) });
        progress.show(&at(0, 0));
        let lines = text(&page);
        assert!(lines[0].starts_with("Warm-up:") && lines[1].starts_with("Profiling:"), "{lines:?}");
    }

    #[test]
    fn whichever_goal_is_nearer_says_how_far_the_run_is() {
        let both = Goal { requests: Some(100), duration: Some(Duration::from_secs(10)) };
        assert_eq!(Snapshot { goal: both, ..at(5, 20) }.fraction(), Some(0.5));
        assert_eq!(Snapshot { goal: both, ..at(5, 80) }.fraction(), Some(0.8));
        assert_eq!(Snapshot { goal: Goal { requests: None, duration: None }, ..at(5, 80) }.fraction(), None);
        assert_eq!(Snapshot { goal: both, ..at(50, 80) }.fraction(), Some(1.0));
    }
}
