//! The dispatcher: keeps the issuer, tells it what happens and when, and starts a request for every credit. One thread
//! waits for the moments the issuer asks for; everything else happens on the thread where it happens, so that a request
//! that ends starts the next one without a detour.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::alarms::Alarms;
use crate::clock::Clock;
use crate::credit::Credit;
use crate::timing::{Done, IssueCounts, Issuer};

/// Starts one request. Called from the pacing thread and from workers.
pub trait Launch: Send + Sync + 'static {
    /// Takes the credit; gives it back to the dispatcher when the request has ended.
    fn launch(self: Arc<Self>, credit: Credit);
}

/// Runs the schedule of one phase.
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    issuer: Mutex<Issuer>,
    alarms: Alarms,
    pacer: OnceLock<Thread>,
    changed: Notify,
    abandoned: watch::Sender<bool>,
    /// Nothing more is issued.
    ended: AtomicBool,
    /// And everything is back.
    drained: AtomicBool,
    /// The user wants it to end, and the issuer was not to be had.
    to_end: AtomicBool,
    /// What was counted when the issuer was last looked at.
    counted: Mutex<(IssueCounts, u64)>,
}

/// Looks for a free issuer. It is held for microseconds at a time, unless a plugin inside it does not come back.
const TRIES: u32 = 1000;

/// A thread that is woken by the system is late by its scheduling; the last stretch before a moment is spun away.
const SPIN: Duration = Duration::from_micros(60);

impl Dispatcher {
    /// A dispatcher that has not started.
    pub fn new(clock: Clock, issuer: Issuer) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                issuer: Mutex::new(issuer),
                alarms: Alarms::default(),
                pacer: OnceLock::new(),
                changed: Notify::new(),
                abandoned: watch::Sender::new(false),
                ended: AtomicBool::new(false),
                drained: AtomicBool::new(false),
                to_end: AtomicBool::new(false),
                counted: Mutex::default(),
            }),
        }
    }

    /// Begins the phase and starts the pacing thread. Returns the time of the beginning, which may be a moment ahead: what is
    /// sent first has the same time to be made as what follows.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(&self, launch: &Arc<dyn Launch>) -> std::io::Result<u64> {
        let shared = Arc::clone(&self.shared);
        let mut credits = Vec::new();
        let start_ns = {
            let mut issuer = shared.lock();
            let start = shared.clock.now_ns() + issuer.start_lead_ns();
            issuer.start(start, &mut credits);
            start
        };
        let pacing = Arc::clone(launch);
        let thread = std::thread::Builder::new().name("aiperf-pacer".to_owned()).spawn(move || shared.pace(&pacing))?;
        let _ = self.shared.pacer.set(thread.thread().clone());
        for credit in credits {
            Arc::clone(launch).launch(credit);
        }
        Ok(start_ns)
    }

    /// A credit has come back. `credits` takes those that are due because of it.
    pub fn credit_returned(&self, done: Done, credits: &mut Vec<Credit>) {
        self.tell(|issuer, now_ns| issuer.credit_returned(now_ns, done, credits));
    }

    /// The reply to a credit has its first content. `credits` takes those that are due because of it.
    pub fn first_content(&self, credit: u64, credits: &mut Vec<Credit>) {
        self.tell(|issuer, now_ns| issuer.first_content(now_ns, credit, credits));
    }

    fn tell(&self, news: impl FnOnce(&mut Issuer, u64)) {
        let shared = &self.shared;
        let mut issuer = shared.lock();
        let before = (issuer.wake_at_ns(), issuer.has_ended());
        news(&mut issuer, shared.clock.now_ns());
        let (after, drained) = ((issuer.wake_at_ns(), issuer.has_ended()), issuer.is_drained());
        drop(issuer);
        if drained {
            shared.drained.store(true, Ordering::Release);
            shared.changed.notify_waiters();
        }
        if before != after || drained {
            shared.wake_pacer();
        }
    }

    /// Waits for a moment; not at all where it has come.
    pub async fn moment(&self, at_ns: u64) {
        if at_ns <= self.shared.clock.now_ns() {
            return;
        }
        let (rung, is_first) = self.shared.alarms.set(at_ns);
        if is_first {
            self.shared.wake_pacer();
        }
        // An error means that the pacing thread is gone: then there is nothing to wait for.
        let _ = rung.await;
    }

    /// No more credits; what is in flight goes on.
    pub fn stop_issuing(&self) {
        match self.shared.lock_if_free() {
            Some(mut issuer) => issuer.end(),
            None => self.shared.to_end.store(true, Ordering::Release),
        }
        self.shared.wake_pacer();
    }

    /// Gives up everything in flight.
    pub fn abandon(&self) {
        self.shared.abandoned.send_replace(true);
    }

    /// Turns true when everything in flight is to be given up.
    pub fn abandoned(&self) -> watch::Receiver<bool> {
        self.shared.abandoned.subscribe()
    }

    /// Waits until nothing more is issued.
    pub async fn issuing_ended(&self) {
        self.until(&self.shared.ended).await;
    }

    /// Waits until nothing more is issued and every credit is back.
    pub async fn drained(&self) {
        self.until(&self.shared.drained).await;
    }

    /// What was done so far, and how many requests are out: those that wait for their moment are not. Where the schedule
    /// does not come back: when it was last asked.
    pub fn counts(&self) -> (IssueCounts, u64) {
        let mut counted = self.shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = self.shared.lock_if_free() {
            let waiting = self.shared.alarms.len();
            *counted = (issuer.counts(), issuer.in_flight().saturating_sub(waiting));
        }
        *counted
    }

    /// Why the schedule could not go on, if it could not.
    pub fn fault(&self) -> Option<String> {
        self.shared.lock().fault().map(ToString::to_string)
    }

    /// Never waits for the issuer: it may be held by a plugin.
    async fn until(&self, holds: &AtomicBool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if holds.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Issuer> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_if_free(&self) -> Option<MutexGuard<'_, Issuer>> {
        for _ in 0..TRIES {
            match self.issuer.try_lock() {
                Ok(issuer) => return Some(issuer),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        None
    }

    fn wake_pacer(&self) {
        if let Some(thread) = self.pacer.get() {
            thread.unpark();
        }
    }

    fn pace(self: Arc<Self>, launch: &Arc<dyn Launch>) {
        let mut credits = Vec::new();
        loop {
            let (issuer_at, ended, drained) = {
                let mut issuer = self.lock();
                if self.to_end.load(Ordering::Acquire) {
                    issuer.end();
                }
                (issuer.wake_at_ns(), issuer.has_ended(), issuer.is_drained())
            };
            if ended {
                self.ended.store(true, Ordering::Release);
                self.drained.fetch_or(drained, Ordering::Release);
                self.changed.notify_waiters();
            }
            if drained {
                return;
            }
            let now = self.clock.now_ns();
            let wake_at = issuer_at.into_iter().chain(self.alarms.next_ns()).min();
            match wake_at {
                Some(at) if at <= now => {
                    // Those first that are ready.
                    self.alarms.ring(now);
                    if issuer_at.is_none_or(|at| at > now) {
                        continue;
                    }
                    self.lock().timer(now, &mut credits);
                    for credit in credits.drain(..) {
                        Arc::clone(launch).launch(credit);
                    }
                }
                Some(at) => {
                    let left = Duration::from_nanos(at - now);
                    if left > SPIN {
                        std::thread::park_timeout(left - SPIN);
                    }
                    // The issuer is left to the workers for this stretch: an earlier wish is noticed after it.
                    while left <= SPIN && self.clock.now_ns() < at {
                        std::hint::spin_loop();
                    }
                }
                None => std::thread::park(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::author::context::Setup;
    use aiperf_abi::{Context, Plugin, Upcoming};

    use super::*;
    use crate::credit::Phase;
    use crate::timing::issuer::{Feed, LEAD_NS, Parts, StopRule};
    use crate::timing::pace::Pace;
    use crate::timing::strategy::{ConcurrencyStrategy, FixedScheduleStrategy};

    struct Nobody;

    impl Launch for Nobody {
        fn launch(self: Arc<Self>, _: Credit) {}
    }

    /// A conversation, until it is drawn.
    struct One(bool);

    impl Feed for One {
        fn draw(&mut self) -> aiperf_abi::Result<u64> {
            self.0 = false;
            Ok(0)
        }

        fn give_back(&mut self, _: &[u64]) {}

        fn upcoming(&mut self) -> aiperf_abi::Result<Option<Upcoming>> {
            Ok(self.0.then(|| Upcoming::new(1, Some(0.0))))
        }
    }

    fn start_of(strategy: Box<dyn aiperf_abi::TimingStrategy>, limit: Option<Pace>) -> (u64, u64) {
        let parts = Parts {
            phase: Phase::Profiling,
            feed: Box::new(One(true)),
            cancelling: None,
            arrival: None,
            rate: None,
            series: None,
            limit,
            prefill: None,
            stop: StopRule { requests: Some(1), ..StopRule::default() },
        };
        let clock = Clock::start();
        let dispatcher = Dispatcher::new(clock, Issuer::new(strategy, parts));
        let launch: Arc<dyn Launch> = Arc::new(Nobody);
        let before = clock.now_ns();
        let start = dispatcher.start(&launch).expect("a thread");
        (start - before, clock.now_ns() - before)
    }

    #[test]
    fn the_first_requests_of_a_timetable_have_time_to_be_made_and_those_of_slots_go_at_once() {
        let host = aiperf_abi::testing::MockHost::default();
        let context = Context::new("fixed_schedule", Setup::default(), &host);
        let timetable = FixedScheduleStrategy::new(&context).expect("a schedule");
        assert!(start_of(Box::new(timetable), None).0 >= LEAD_NS);
        let (start, now) = start_of(Box::new(ConcurrencyStrategy), Some(Pace::steady(1.0)));
        assert!(start <= now);
    }
}
