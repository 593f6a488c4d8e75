//! The checks of a timing strategy: whole phases on a clock of their own, under the host's own issuer, with every wish looked
//! at on its way there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aiperf_abi::testing::MockTiming;
use aiperf_abi::{Actions, ArrivalPattern, Error, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming};

use super::{Check, Checked, Fault, Lived, Make, Tried, tolerated, wrong};
use crate::credit::{Credit, Phase};
use crate::timing::issuer::{Done, Feed, NextTurn, Parts};
use crate::timing::{Issuer, Pace, StopRule};

/// Sessions of a phase, and turns of each.
const SESSIONS: u64 = 40;
const TURNS: u32 = 3;

/// Sessions at one time.
const LIMIT: u64 = 4;

/// Nanoseconds of a request, and of the user's thinking between two.
const REQUEST_NS: u64 = 3_000_000;
const THINKING_NS: u64 = 1_000_000;

/// Milliseconds between two sessions, where the data has moments or the run a rate.
const BETWEEN_MS: u64 = 2;

/// Sessions that wait for a slot, and wakings at one moment, beyond which a strategy does not look at what happens.
const TOO_MANY: usize = 10_000;

impl Tried for dyn TimingStrategy {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let (mut ended, mut answers, mut why) = (Vec::new(), String::new(), Vec::new());
        for (name, interval) in [("with a rate", Some(BETWEEN_MS)), ("without a rate", None)] {
            match Walk::new(make.value()?, interval).through()? {
                Walked::Whole(moments) => {
                    ended.push(name);
                    answers.push_str(&moments);
                }
                Walked::Stuck(words) => why.push(format!("{name}: {words}")),
            }
        }
        match ended.is_empty() {
            false => {
                Ok(Lived { told: format!("{SESSIONS} sessions of {TURNS} turns, {}", ended.join(" and ")), answers })
            }
            true => wrong(why.join("; ")),
        }
    }

    const CHECKS: &'static [Check<Self>] = &[("events out of order", strange)];
}

/// What became of a phase.
enum Walked {
    /// Everything was sent, at these moments.
    Whole(String),
    /// It did not come to its end.
    Stuck(String),
}

/// A phase on its way.
struct Walk {
    issuer: Issuer,
    notes: Arc<Mutex<Notes>>,
    now_ns: u64,
    /// When each request ends, and which.
    ends: BTreeMap<(u64, u64), Credit>,
    out: Vec<Credit>,
    moments: String,
}

impl Walk {
    fn new(strategy: Box<dyn TimingStrategy>, interval_ms: Option<u64>) -> Self {
        let notes = Arc::default();
        let watched = Watched { strategy, notes: Arc::clone(&notes) };
        let arrival = interval_ms.map(|ms| Box::new(Even(ms as f64 / 1e3)) as Box<dyn ArrivalPattern>);
        let parts = Parts {
            phase: Phase::Profiling,
            feed: Box::new(Counted(0)),
            cancelling: None,
            arrival,
            rate: None,
            series: None,
            limit: Some(Pace::steady(LIMIT as f64)),
            prefill: None,
            stop: StopRule { sessions: Some(SESSIONS), ..StopRule::default() },
        };
        let issuer = Issuer::new(Box::new(watched), parts);
        Self { issuer, notes, now_ns: 0, ends: BTreeMap::new(), out: Vec::new(), moments: String::new() }
    }

    fn through(mut self) -> Result<Walked, Fault> {
        self.issuer.start(0, &mut self.out);
        loop {
            for credit in std::mem::take(&mut self.out) {
                // One may go out ahead of its moment, and is sent at it.
                let sent_ns = self.now_ns.max(credit.intended_ns);
                self.moments.push_str(&format!("{}@{sent_ns} ", credit.session));
                self.ends.insert((sent_ns + REQUEST_NS, credit.id), credit);
            }
            self.notes().sessions_sent = self.issuer.counts().sessions as usize;
            if let Some(nonsense) = self.notes().nonsense.take() {
                return wrong(nonsense);
            }
            if let Some(error) = self.issuer.fault() {
                tolerated(Err::<(), _>(Error::new(error.kind(), error.to_string())))?;
                return Ok(Walked::Stuck(error.to_string()));
            }
            if self.issuer.is_drained() {
                return Ok(Walked::Whole(self.moments));
            }
            let end = self.ends.keys().next().copied();
            match (end, self.issuer.wake_at_ns()) {
                (Some(end), wake) if wake.is_none_or(|wake| end.0 <= wake) => self.ended(end),
                (_, Some(wake)) => {
                    self.now_ns = self.now_ns.max(wake);
                    self.issuer.timer(self.now_ns, &mut self.out);
                }
                (_, None) => return self.stands_still(),
            }
        }
    }

    /// A request ends.
    fn ended(&mut self, end: (u64, u64)) {
        self.now_ns = self.now_ns.max(end.0);
        let Some(credit) = self.ends.remove(&end) else { return };
        let Credit { id, session, conversation, turn_index, .. } = credit;
        let later_ms = |turn: u32| (conversation * BETWEEN_MS + u64::from(turn) * 2 * BETWEEN_MS) as f64;
        let next = NextTurn { delay_ns: THINKING_NS, timestamp_ms: Some(later_ms(turn_index + 1)) };
        let next = (turn_index + 1 < TURNS).then_some(next);
        let done = Done { credit: id, session, conversation, turn_index, next };
        self.issuer.credit_returned(self.now_ns, done, &mut self.out);
    }

    fn stands_still(&self) -> Result<Walked, Fault> {
        if let Some(session) = self.notes().waiting.first() {
            return wrong(format!(
                "session {session} waits for its next turn for ever: where `has_next_turn` is true, `continue_session` has to \
                 be called, now or later"
            ));
        }
        let sessions = self.issuer.counts().sessions;
        Ok(Walked::Stuck(format!(
            "nothing is sent any more after {sessions} of {SESSIONS} sessions: it has to start one, or ask to be woken"
        )))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a strategy's wishes.
#[derive(Default)]
struct Notes {
    /// Sessions whose next turn has not been asked for.
    waiting: BTreeSet<u64>,
    asked: usize,
    sessions_sent: usize,
    /// How often it was woken at this moment.
    woken: (u64, usize),
    nonsense: Option<String>,
}

impl Notes {
    fn note(&mut self, words: impl FnOnce() -> String) {
        self.nonsense.get_or_insert_with(words);
    }

    fn event(&mut self, now_ns: u64, event: TimingEvent) {
        match event {
            TimingEvent::CreditReturned(returned) if returned.has_next_turn => {
                self.waiting.insert(returned.session);
            }
            TimingEvent::Timer if self.woken.0 == now_ns => {
                self.woken.1 += 1;
                if self.woken.1 > TOO_MANY {
                    self.note(|| {
                        "it asks to be woken at once, again and again: `wake_at` wants a moment to come".to_owned()
                    });
                }
            }
            TimingEvent::Timer => self.woken = (now_ns, 1),
            _ => {}
        }
    }
}

/// A strategy whose wishes are looked at.
struct Watched {
    strategy: Box<dyn TimingStrategy>,
    notes: Arc<Mutex<Notes>>,
}

impl TimingStrategy for Watched {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<(), Error> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.event(now_ns, event);
        self.strategy.on_event(now_ns, event, &mut Actions::new(&mut Spy { notes: &mut notes, actions }))
    }
}

struct Spy<'a, 'b> {
    notes: &'a mut Notes,
    actions: &'a mut Actions<'b>,
}

impl TimingHost for Spy<'_, '_> {
    fn start_session(&mut self, at_ns: u64, from_turn: u32) {
        self.notes.asked += 1;
        if self.notes.asked - self.notes.sessions_sent.min(self.notes.asked) > TOO_MANY {
            return self.notes.note(|| {
                format!(
                    "it has asked for {TOO_MANY} sessions more than the limit of {LIMIT} lets go: start one when another has \
                     ended or its moment has come, or call `fill_slots`"
                )
            });
        }
        self.actions.start_session_at_turn(at_ns, from_turn);
    }

    fn fill_slots(&mut self) {
        self.actions.fill_slots();
    }

    fn continue_session(&mut self, session: u64, at_ns: u64) {
        if !self.notes.waiting.remove(&session) {
            self.notes.note(|| {
                format!(
                    "it asks for the next turn of session {session}, which has none to come: only for a request that has ended \
                     and whose `has_next_turn` is true, and once"
                )
            });
        }
        self.actions.continue_session(session, at_ns);
    }

    fn wake_at(&mut self, at_ns: u64) {
        self.actions.wake_at(at_ns);
    }

    fn slipped(&mut self, by_ns: u64) {
        self.actions.slipped(by_ns);
    }

    fn next_interval_ns(&mut self) -> Option<f64> {
        self.actions.next_interval_ns()
    }

    fn upcoming(&mut self) -> Option<Upcoming> {
        self.actions.upcoming()
    }
}

/// Conversations by number, each with its moment.
struct Counted(u64);

impl Feed for Counted {
    fn draw(&mut self) -> Result<u64, Error> {
        self.0 += 1;
        Ok(self.0 - 1)
    }

    fn give_back(&mut self, unused: &[u64]) {
        self.0 -= unused.len() as u64;
    }

    fn upcoming(&mut self) -> Result<Option<Upcoming>, Error> {
        Ok(Some(Upcoming::new(TURNS, Some((self.0 * BETWEEN_MS) as f64))))
    }
}

/// The same interval each time, seconds.
struct Even(f64);

impl ArrivalPattern for Even {
    fn next_interval(&mut self) -> Result<f64, Error> {
        Ok(self.0)
    }

    fn set_rate(&mut self, _: f64) -> Result<(), Error> {
        Ok(())
    }
}

/// What a host that keeps to the rules does not tell.
fn strange(make: &Make<'_, dyn TimingStrategy>) -> Checked {
    let unknown = TimingEvent::CreditReturned(Returned::with_next(77, 9, 1_000));
    let last = TimingEvent::CreditReturned(Returned::last(77, 9));
    let orders = [
        vec![TimingEvent::Timer, TimingEvent::PhaseStart],
        vec![unknown, last, last],
        vec![TimingEvent::PhaseStart, TimingEvent::PhaseStart, unknown, TimingEvent::Timer],
    ];
    for events in &orders {
        let mut strategy = make.value()?;
        // Neither rate nor data; the clock stands, and is far from zero.
        let mut host = MockTiming::default();
        for event in events {
            tolerated(host.tell(&mut *strategy, 1_000_000_000_000_000, *event))?;
        }
    }
    Ok(format!("{} orders, none of them a panic", orders.len()))
}
