//! What can end a run from outside: a plugin that does not come back, and the user. A thread looks at the calls into
//! libraries every now and then; the calls themselves know nothing of it. One that takes too long is told of; one that
//! takes far too long is left behind, or, where that cannot be, whoever drives the run is told that it is stuck.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::ThreadId;
use std::time::Duration;

use aiperf_abi::Error;
use aiperf_abi::host::{Call, under_way};
use tokio::sync::watch;

use super::interrupt::{self, Interrupts};
use crate::clock::Clock;

/// A call is told of after this part of the time it has.
const TOLD_AFTER: u32 = 6;

/// Looks at the calls so many times while one has its time.
const LOOKS: u32 = 30;

/// Looks no more often than this.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// A call that holds up the thread it was made on, and has not come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Stuck {
    thread: ThreadId,
    words: String,
}

/// Looks after the calls of a process while it lives.
pub struct Watchdog {
    patience: Duration,
    stuck: watch::Receiver<Vec<Stuck>>,
    signals: OnceLock<watch::Receiver<u32>>,
    driven: AtomicBool,
    _stop: Sender<()>,
}

impl Watchdog {
    /// Starts to look. A call may take `patience`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(patience: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let (tell, stuck) = watch::channel(Vec::new());
        let mut round = Round { patience, clock: Clock::start(), seen: HashMap::new() };
        let pause = (patience / LOOKS).max(LEAST_PAUSE);
        let work = move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let found = round.look();
                tell.send_if_modified(|known| {
                    let is_news = *known != found;
                    *known = found;
                    is_news
                });
            }
        };
        std::thread::Builder::new().name("aiperf-watch".to_owned()).spawn(work)?;
        Ok(Self { patience, stuck, signals: OnceLock::new(), driven: AtomicBool::new(false), _stop: stop })
    }

    /// How long a call may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Takes over the signals that ask a run to end, from here on and for good.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn interrupts(&self) -> std::io::Result<Interrupts> {
        let signals = match self.signals.get() {
            Some(signals) => signals.clone(),
            None => {
                let signals = interrupt::listen()?;
                self.signals.get_or_init(|| signals).clone()
            }
        };
        Ok(Interrupts::new(signals))
    }

    /// How often the user has asked for the end.
    pub fn asked(&self) -> u32 {
        self.signals.get().map_or(0, |signals| *signals.borrow())
    }

    /// From here on until the end, whoever drives the run minds what is stuck.
    pub fn is_minded(&self) {
        self.driven.store(true, Ordering::Relaxed);
    }

    /// What is stuck while nobody minds it.
    pub fn unminded(&self) -> Option<Stuck> {
        match self.driven.load(Ordering::Relaxed) {
            true => None,
            false => self.stuck.borrow().first().cloned(),
        }
    }

    /// Waits until a call is stuck, of this thread or of any.
    pub async fn stuck(&self, on: Option<ThreadId>) -> Stuck {
        let mut stuck = self.stuck.clone();
        let of = |all: &[Stuck]| all.iter().find(|one| on.is_none_or(|thread| thread == one.thread)).cloned();
        loop {
            if let Some(found) = of(&stuck.borrow_and_update()) {
                return found;
            }
            if stuck.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// What is remembered from one look to the next.
struct Round {
    patience: Duration,
    clock: Clock,
    /// Since when a call has been seen, and what was done about it.
    seen: HashMap<(ThreadId, u64), (u64, Done)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    Told,
    LeftBehind,
}

impl Round {
    /// Those that are stuck.
    fn look(&mut self) -> Vec<Stuck> {
        let calls = under_way();
        self.seen.retain(|id, _| calls.iter().any(|call| call.id() == *id));
        calls.into_iter().filter_map(|call| self.judge(&call)).collect()
    }

    fn judge(&mut self, call: &Call) -> Option<Stuck> {
        let now_ns = self.clock.now_ns();
        let (early, late) = (self.patience / TOLD_AFTER, self.patience);
        let (since_ns, done) = self.seen.entry(call.id()).or_insert((now_ns, Done::Nothing));
        let waited = Duration::from_nanos(now_ns.saturating_sub(*since_ns));
        if waited >= early && *done == Done::Nothing {
            *done = Done::Told;
            let (early, late) = (seconds(early), seconds(late));
            tracing::warn!("{call} has not answered for {early} s. It is waited for until {late} s: --plugin-timeout");
        }
        if waited < late || *done == Done::LeftBehind {
            return None;
        }
        let silent = format!("has not answered for {} s; --plugin-timeout gives it more", seconds(late));
        if call.leave_behind(Error::msg(format!("{silent}. It was left behind"))) {
            *done = Done::LeftBehind;
            return None;
        }
        Some(Stuck { thread: call.thread(), words: format!("{call}: {silent}") })
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64()).trim_end_matches('0').trim_end_matches('.').to_owned()
}
