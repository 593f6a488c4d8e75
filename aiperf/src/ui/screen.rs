//! A display on a thread of its own: whatever it does, it cannot hold up the run. What it has no time for is left out; the
//! end is not, but a display that does not come to it is not waited for long.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aiperf_abi::{Ui, UiEvent};

/// Snapshots that may wait for a slow display; a newer one is left out.
const WAITING: usize = 2;

/// What may wait beside them: that the user wants out, and the end.
const ROOM: usize = WAITING + 8;

/// How long a display may take for the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A display that is told what happens.
pub struct Screen {
    events: SyncSender<UiEvent>,
    waiting: Arc<AtomicUsize>,
    ended: Receiver<()>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Screen {
    /// Starts the thread of a display, the entry `name`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(name: &str, mut ui: Box<dyn Ui>) -> std::io::Result<Self> {
        let (events, to_show) = sync_channel::<UiEvent>(ROOM);
        let (end, ended) = sync_channel::<()>(1);
        let (waiting, failure) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let (still, failed, name) = (Arc::clone(&waiting), Arc::clone(&failure), name.to_owned());
        let work = move || {
            let _end = end;
            for event in to_show {
                still.fetch_sub(1, Ordering::Relaxed);
                if let Err(error) = ui.show(&event) {
                    let words = format!("ui `{name}` failed, the run went on without a display: {error}");
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
                    return;
                }
            }
        };
        std::thread::Builder::new().name("aiperf-ui".to_owned()).spawn(work)?;
        Ok(Self { events, waiting, ended, failure })
    }

    /// Where the run is now.
    pub fn progress(&self, event: UiEvent) {
        if self.waiting.load(Ordering::Relaxed) < WAITING {
            self.tell(event);
        }
    }

    /// Something that is not to be left out.
    pub fn tell(&self, event: UiEvent) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A display that has failed or hangs is not told any more.
        if self.events.try_send(event).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is shown. Returns what went wrong, if anything did.
    pub fn finish(self) -> Option<String> {
        drop(self.events);
        // The display holds the other end until it has ended.
        let hangs = self.ended.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.or(hangs.then(|| "the display did not come to its end and was left behind".to_owned()))
    }
}

#[cfg(test)]
mod tests {
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
