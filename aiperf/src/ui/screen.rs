//! A display on a thread of its own: whatever it does, it cannot hold up the run. What it has no time for is left out; the
//! end is not, but a display that does not come to it is not waited for long.

use aiperf_abi::{Ui, UiEvent};

use crate::aside::{Aside, End};

/// Snapshots that may wait for a slow display; a newer one is left out.
const WAITING: usize = 2;

/// A display that is told what happens.
pub struct Screen {
    name: String,
    display: Aside<UiEvent, Box<dyn Ui>>,
}

impl Screen {
    /// Starts the thread of a display, the entry `name`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, ui: Box<dyn Ui>) -> std::io::Result<Self> {
        let display = Aside::start("aiperf-ui", WAITING, ui, |ui, event| ui.show(&event))?;
        Ok(Self { name: name.to_owned(), display })
    }

    /// Where the run is now.
    pub fn progress(&self, event: UiEvent) {
        self.display.ear().mention(event);
    }

    /// Something that is not to be left out.
    pub fn tell(&self, event: UiEvent) {
        self.display.ear().tell(event);
    }

    /// Waits until everything is shown. Returns what went wrong, if anything did.
    pub fn finish(self) -> Option<String> {
        let name = &self.name;
        let failed = |why: &str| Some(format!("ui `{name}` failed, the run went on without a display: {why}"));
        match self.display.finish().0 {
            End::Well(_) => None,
            End::Failed(_, error) => failed(&error),
            End::Panicked => failed("it panicked"),
            End::Hangs => Some("the display did not come to its end and was left behind".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::sync::{Arc, Mutex};

    use aiperf_abi::{Error, Result, UiProgress};

    use super::*;

    struct Scripted {
        seen: Arc<Mutex<Vec<UiEvent>>>,
        gate: Receiver<()>,
        fails: bool,
    }

    impl Ui for Scripted {
        fn show(&mut self, event: &UiEvent) -> Result<()> {
            let _ = self.gate.recv();
            self.seen.lock().unwrap().push(event.clone());
            if self.fails { Err(Error::msg("no terminal")) } else { Ok(()) }
        }
    }

    fn at(completed: u64) -> UiEvent {
        let mut progress = UiProgress::default();
        progress.completed = completed;
        UiEvent::Progress(progress)
    }

    #[test]
    fn a_slow_display_misses_snapshots_but_not_the_end() {
        let (seen, (open, gate)) = (Arc::new(Mutex::default()), sync_channel(0));
        let screen = Screen::start("slow", Box::new(Scripted { seen: Arc::clone(&seen), gate, fails: false })).unwrap();
        for completed in 0..1000 {
            screen.progress(at(completed));
        }
        screen.tell(UiEvent::Draining);
        screen.tell(UiEvent::Finished(None));
        drop(open);
        assert_eq!(screen.finish(), None);
        let seen = seen.lock().unwrap();
        assert!(seen.len() <= 2 + WAITING + 2, "{seen:?}");
        assert_eq!(seen[seen.len() - 2..], [UiEvent::Draining, UiEvent::Finished(None)]);
    }

    #[test]
    fn a_display_that_fails_is_told_of_and_disturbs_nobody() {
        let (seen, (open, gate)) = (Arc::new(Mutex::default()), sync_channel(0));
        drop(open);
        let screen =
            Screen::start("broken", Box::new(Scripted { seen: Arc::clone(&seen), gate, fails: true })).unwrap();
        screen.tell(at(1));
        screen.tell(at(2));
        let failure = screen.finish().unwrap();
        assert_eq!(failure, "ui `broken` failed, the run went on without a display: no terminal");
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
}
