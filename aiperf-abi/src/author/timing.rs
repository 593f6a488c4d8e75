//! `timing_strategy`, `arrival_pattern` and `ramp`: when requests are sent. They own no clock, no thread and no socket: they
//! are told what happens and when, and answer what they want. Limits and stop rules are the host's.

use super::error::Result;

/// `timing_strategy`: decides when sessions start and go on.
///
/// A session is one walk through a conversation. The host holds starts back until there is a free slot, ends the phase by
/// its stop rules, and ignores what is asked after that.
///
#[cfg_attr(doc, doc = include_str!("../../reference/timing_strategy.md"))]
pub trait TimingStrategy: Send + 'static {
    /// Takes an event that happened at `now_ns` of the run's clock.
    ///
    /// # Errors
    /// When the schedule cannot go on: the phase ends with what was sent so far, and says why.
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()>;
}

/// What a strategy is told.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TimingEvent {
    /// The phase begins.
    PhaseStart,
    /// The moment asked for with [`Actions::wake_at`] has come.
    Timer,
    /// A request has ended.
    CreditReturned(Returned),
}

/// A request that has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Returned {
    /// Its session.
    pub session: u64,
    /// Which turn it was, from 0.
    pub turn_index: u32,
    /// Whether its session has another turn. Then [`Actions::continue_session`] must be called for it, now or later.
    pub has_next_turn: bool,
    /// What the data says the user waits before the next turn, nanoseconds.
    pub delay_ns: u64,
    /// When the data says the next turn is due, milliseconds on its own time line.
    pub next_timestamp_ms: Option<f64>,
}

/// What a strategy may ask for.
pub struct Actions<'a> {
    host: &'a mut dyn TimingHost,
}

/// What the dataset gives next.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Upcoming {
    /// When its first turn is due, milliseconds on the dataset's own time line.
    pub timestamp_ms: Option<f64>,
    /// How many turns it has.
    pub turns: u32,
}

/// The host's side of [`Actions`]; a test may be one.
pub trait TimingHost {
    /// See [`Actions::start_session`].
    fn start_session(&mut self, at_ns: u64, from_turn: u32);
    /// See [`Actions::fill_slots`].
    fn fill_slots(&mut self);
    /// See [`Actions::continue_session`].
    fn continue_session(&mut self, session: u64, at_ns: u64);
    /// See [`Actions::wake_at`].
    fn wake_at(&mut self, at_ns: u64);
    /// See [`Actions::slipped`].
    fn slipped(&mut self, by_ns: u64);
    /// See [`Actions::next_interval_ns`].
    fn next_interval_ns(&mut self) -> Option<f64>;
    /// See [`Actions::upcoming`].
    fn upcoming(&mut self) -> Option<Upcoming>;
}

impl<'a> Actions<'a> {
    /// Actions that are carried out by `host`.
    pub fn new(host: &'a mut dyn TimingHost) -> Self {
        Self { host }
    }

    /// Start a session with the dataset's next conversation at `at_ns`, or as soon after as there is a slot. Asked for some
    /// milliseconds before, its request is made by then, and only sent at that moment.
    pub fn start_session(&mut self, at_ns: u64) {
        self.host.start_session(at_ns, 0);
    }

    /// The same, but with turn `from_turn` of the conversation as its first.
    pub fn start_session_at_turn(&mut self, at_ns: u64, from_turn: u32) {
        self.host.start_session(at_ns, from_turn);
    }

    /// From now on, start a session in every slot that is free. Only for a phase that has a limit.
    pub fn fill_slots(&mut self) {
        self.host.fill_slots();
    }

    /// Send the next turn of a session whose last request has ended, at `at_ns`.
    pub fn continue_session(&mut self, session: u64, at_ns: u64) {
        self.host.continue_session(session, at_ns);
    }

    /// Send [`TimingEvent::Timer`] at `at_ns`; replaces an earlier wish.
    pub fn wake_at(&mut self, at_ns: u64) {
        self.host.wake_at(at_ns);
    }

    /// The schedule was moved back by this much because the client stood still for longer than may be caught up.
    pub fn slipped(&mut self, by_ns: u64) {
        self.host.slipped(by_ns);
    }

    /// The next interval of the run's arrival pattern, nanoseconds with their fraction; `None` where the run has no rate.
    pub fn next_interval_ns(&mut self) -> Option<f64> {
        self.host.next_interval_ns()
    }

    /// What the session that is started next will walk through; `None` where the dataset cannot say.
    pub fn upcoming(&mut self) -> Option<Upcoming> {
        self.host.upcoming()
    }
}

impl Returned {
    /// A request that was the last of its session.
    pub fn last(session: u64, turn_index: u32) -> Self {
        Self { session, turn_index, ..Self::default() }
    }

    /// A request after which its session goes on.
    pub fn with_next(session: u64, turn_index: u32, delay_ns: u64) -> Self {
        Self { session, turn_index, has_next_turn: true, delay_ns, next_timestamp_ms: None }
    }

    /// The same, with the moment that the data has for the next turn.
    #[must_use]
    pub fn at_timestamp(mut self, next_timestamp_ms: Option<f64>) -> Self {
        self.next_timestamp_ms = next_timestamp_ms;
        self
    }
}

impl Upcoming {
    /// A conversation of `turns` turns, the first of them due at `timestamp_ms`.
    pub fn new(turns: u32, timestamp_ms: Option<f64>) -> Self {
        Self { timestamp_ms, turns }
    }
}

/// `arrival_pattern`: the spacing of the requests of a rate. Its configuration is [`ArrivalConfig`].
///
#[cfg_attr(doc, doc = include_str!("../../reference/arrival_pattern.md"))]
pub trait ArrivalPattern: Send + 'static {
    /// The next interval, seconds; 0 or more. Keep the fraction: intervals are added up.
    ///
    /// # Errors
    /// When there is none: the phase ends with what was sent so far, and says why.
    fn next_interval(&mut self) -> Result<f64>;

    /// The rate changes, requests per second; more than 0.
    ///
    /// # Errors
    /// As [`next_interval`](Self::next_interval).
    fn set_rate(&mut self, rate: f64) -> Result<()>;
}

numbers! {
    "arrival_pattern": ArrivalPattern {
        1: next_interval() -> f64 where |seconds| seconds >= 0.0 && seconds.is_finite();
        2: set_rate(rate: f64);
    }
}

/// What an arrival pattern is told when it is made.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ArrivalConfig {
    /// Requests per second; more than 0.
    pub rate: f64,
    /// How even the spacing is, where a pattern has such a thing: 1 is Poisson, more is more even, less is burstier.
    #[serde(default = "one")]
    pub smoothness: f64,
    /// Seed of every random choice it makes.
    #[serde(default)]
    pub seed: u64,
}

fn one() -> f64 {
    1.0
}

impl ArrivalConfig {
    /// The configuration of a rate.
    pub fn new(rate: f64, smoothness: f64, seed: u64) -> Self {
        Self { rate, smoothness, seed }
    }
}

/// `ramp`: the way of a limit or a rate from its start to its target. Its configuration is [`RampConfig`].
///
#[cfg_attr(doc, doc = include_str!("../../reference/ramp.md"))]
pub trait Ramp: Send + 'static {
    /// The value `elapsed` seconds after the start of the phase. From [`RampConfig::duration`] on it is the target.
    ///
    /// # Errors
    /// When there is none: the phase ends with what was sent so far, and says why.
    fn value_at(&mut self, elapsed: f64) -> Result<f64>;
}

numbers! {
    "ramp": Ramp {
        1: value_at(elapsed: f64) -> f64 where |value| value >= 0.0 && value.is_finite();
    }
}

/// What a ramp is told when it is made.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RampConfig {
    /// The value at the beginning.
    pub start: f64,
    /// The value at the end.
    pub target: f64,
    /// Seconds from the one to the other; more than 0.
    pub duration: f64,
    /// Seed of every random choice it makes.
    #[serde(default)]
    pub seed: u64,
}

impl RampConfig {
    /// A way from `start` to `target` within `duration` seconds.
    pub fn new(start: f64, target: f64, duration: f64, seed: u64) -> Self {
        Self { start, target, duration, seed }
    }
}
