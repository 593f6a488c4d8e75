//! How a run looks while it goes: a bar on a terminal, now and then a line elsewhere, or nothing. All on the standard
//! error; the results have the standard output to themselves.

use std::fmt::Write as _;
use std::io::{self, Write};

use aiperf_abi::UiProgress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::credit::Phase;

/// Between two lines where there is no terminal.
const LINE_EVERY_SECONDS: f64 = 5.0;
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
    shown: Option<UiProgress>,
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
    pub(super) fn show(&mut self, now: &UiProgress) {
        // Time that has gone back is that of another phase.
        let same = |shown: &UiProgress| shown.phase == now.phase && shown.elapsed_seconds <= now.elapsed_seconds;
        let same_phase = self.shown.as_ref().is_some_and(same);
        if !same_phase {
            self.end_phase();
        }
        match &mut self.shape {
            Shape::Bar(bar) => {
                if !same_phase {
                    *bar = start_bar(now);
                }
                draw(bar, now);
                self.shown = Some(now.clone());
            }
            Shape::Lines(out) => {
                let last = self.shown.as_ref().filter(|_| same_phase).map(|shown| shown.elapsed_seconds);
                if last.is_none_or(|last| now.elapsed_seconds - last >= LINE_EVERY_SECONDS) {
                    print(out, &line(now));
                    self.shown = Some(now.clone());
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
    pub(super) fn finish(mut self, last: &UiProgress) {
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

fn start_bar(now: &UiProgress) -> ProgressBar {
    let template = match now.fraction() {
        Some(_) => "{prefix} {bar:10} {percent:>3}%  {msg}",
        None => "{prefix} {spinner}  {msg}",
    };
    let style = ProgressStyle::with_template(template).expect("the templates are constant and right");
    let bar = ProgressBar::new(STEPS).with_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    bar.set_prefix(name(now));
    bar
}

fn draw(bar: &ProgressBar, now: &UiProgress) {
    if let Some(fraction) = now.fraction() {
        bar.set_position((fraction * STEPS as f64) as u64);
    }
    bar.set_message(state_within(room(now), now));
    if now.fraction().is_none() {
        bar.tick();
    }
}

/// Columns of the terminal that the template of [`start_bar`] leaves to the state.
fn room(now: &UiProgress) -> usize {
    let columns = usize::from(console::Term::stderr().size().1);
    let drawn = if now.fraction().is_some() { " ██████████ 100%  " } else { " .  " };
    columns.saturating_sub(name(now).chars().count() + drawn.chars().count())
}

fn name(now: &UiProgress) -> &'static str {
    if now.phase == Phase::Warmup.as_str() { "Warm-up" } else { "Profiling" }
}

fn line(now: &UiProgress) -> String {
    let percent = now.fraction().map_or_else(String::new, |fraction| format!(" {:.0}%", 100.0 * fraction));
    format!("{}:{percent} {}", name(now), state(now))
}

fn state(now: &UiProgress) -> String {
    state_within(usize::MAX, now)
}

/// As much of the state as there are columns for, in whole facts; what matters most comes first.
fn state_within(columns: usize, now: &UiProgress) -> String {
    let mut text = clock(now.elapsed_seconds);
    if let Some(all) = now.seconds_wanted {
        let _ = write!(text, " of {}", clock(all));
    }
    let _ = write!(text, "  {}", now.completed);
    if let Some(all) = now.requests_wanted {
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

fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn at(seconds: f64, completed: u64) -> UiProgress {
        let mut now = UiProgress::default();
        now.phase = "profiling".to_owned();
        now.requests_wanted = Some(60);
        now.elapsed_seconds = seconds;
        now.sent = completed + 4;
        now.completed = completed;
        now.in_flight = 4;
        now.rate = 33.14;
        now.ttft_ms = Some(34.29);
        now
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
        assert_eq!(line(&at(61.0, 40)), "Profiling: 67% 01:01  40/60 done, 33.1/s, TTFT 34.3 ms, 4 in flight");
        let mut timed = at(3600.0, 5);
        (timed.requests_wanted, timed.seconds_wanted) = (None, Some(7200.0));
        (timed.errors, timed.ttft_ms) = (3, None);
        assert_eq!(line(&timed), "Profiling: 50% 1:00:00 of 2:00:00  5 done, 3 failed, 33.1/s, 4 in flight");
    }

    #[test]
    fn a_narrow_terminal_shows_fewer_facts_and_none_in_part() {
        assert_eq!(state_within(48, &at(61.0, 40)), "01:01  40/60 done, 33.1/s, TTFT 34.3 ms");
        assert_eq!(state_within(39, &at(61.0, 40)), "01:01  40/60 done, 33.1/s, TTFT 34.3 ms");
        assert_eq!(state_within(38, &at(61.0, 40)), "01:01  40/60 done, 33.1/s");
        assert_eq!(state_within(0, &at(61.0, 40)), "01:01  40/60 done");
    }

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then_not_at_every_step() {
        let (mut progress, page) = lines();
        for step in 0..=120u64 {
            progress.show(&at(step as f64 / 10.0, step));
        }
        assert_eq!(text(&page).len(), 3, "at 0, 5 and 10 seconds");
        progress.finish(&at(13.0, 60));
        assert!(text(&page)[3].starts_with("Profiling: 100% 00:13  60/60 done"));
    }

    #[test]
    fn a_new_phase_is_told_at_once() {
        let (mut progress, page) = lines();
        let mut warming = at(4.0, 10);
        warming.phase = "warmup".to_owned();
        progress.show(&warming);
        progress.show(&at(0.0, 0));
        let lines = text(&page);
        assert!(lines[0].starts_with("Warm-up:") && lines[1].starts_with("Profiling:"), "{lines:?}");
    }
}
