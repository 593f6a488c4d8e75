//! Timing strategies: told what happens, they answer when to send next. No clock, no thread, no knowledge of limits and
//! stop rules: those are the dispatcher's.

use rand::Rng;

use super::arrival::Arrival;

/// What a strategy is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimingEvent {
    /// The phase begins.
    PhaseStart,
    /// The moment asked for with [`Actions::wake_at`] has come.
    Timer,
    /// A credit came back: its request has ended.
    CreditReturned,
}

/// What a strategy answers. Reused between calls.
#[derive(Debug, Default)]
pub struct Actions {
    pub(crate) issue_at_ns: Vec<u64>,
    pub(crate) wake_at_ns: Option<u64>,
    pub(crate) slipped_ns: u64,
}

impl Actions {
    /// Issue one credit meant for `at_ns`, which is not later than now.
    pub fn issue(&mut self, at_ns: u64) {
        self.issue_at_ns.push(at_ns);
    }

    /// Send [`TimingEvent::Timer`] at `at_ns`; replaces an earlier wish.
    pub fn wake_at(&mut self, at_ns: u64) {
        self.wake_at_ns = Some(at_ns);
    }

    /// The schedule was moved back by this much because the client stood still for longer than may be caught up.
    pub fn slipped(&mut self, by_ns: u64) {
        self.slipped_ns += by_ns;
    }
}

/// Decides when credits are issued.
pub trait TimingStrategy: Send {
    /// Takes an event that happened at `now_ns`.
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions);
}

/// Closed loop: a fixed number of requests in flight, the next one as soon as one has ended.
#[derive(Debug)]
pub struct Concurrency {
    limit: usize,
}

impl Concurrency {
    /// `limit` requests in flight.
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }
}

impl TimingStrategy for Concurrency {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions) {
        match event {
            TimingEvent::PhaseStart => (0..self.limit).for_each(|_| actions.issue(now_ns)),
            TimingEvent::CreditReturned => actions.issue(now_ns),
            TimingEvent::Timer => {}
        }
    }
}

/// Open loop: sends at the moments of an arrival process, whatever has come back.
#[derive(Debug)]
pub struct RequestRate<R> {
    arrival: Arrival<R>,
    due_ns: f64,
}

/// How far behind the schedule may be caught up by sending faster. Beyond it the schedule is moved instead, because a
/// burst of everything that was missed is no longer the arrival process that was asked for.
pub const MAX_CATCH_UP_NS: f64 = 10e6;

impl<R: Rng> RequestRate<R> {
    /// Sends at the moments of `arrival`; the first at the start of the phase.
    pub fn new(arrival: Arrival<R>) -> Self {
        Self { arrival, due_ns: 0.0 }
    }
}

impl<R: Rng + Send> TimingStrategy for RequestRate<R> {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions) {
        let now = now_ns as f64;
        match event {
            TimingEvent::PhaseStart => self.due_ns = now,
            TimingEvent::Timer => {}
            TimingEvent::CreditReturned => return,
        }
        let late = now - self.due_ns;
        if late > MAX_CATCH_UP_NS {
            actions.slipped(late as u64);
            self.due_ns = now;
        }
        while self.due_ns <= now {
            actions.issue(self.due_ns as u64);
            self.due_ns += self.arrival.next_ns();
        }
        actions.wake_at(self.due_ns.ceil() as u64);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::arrival::ArrivalPattern;
    use super::*;

    fn rate(per_second: f64) -> RequestRate<ChaCha8Rng> {
        RequestRate::new(Arrival::new(ArrivalPattern::Constant, per_second, ChaCha8Rng::seed_from_u64(0)))
    }

    #[test]
    fn concurrency_fills_its_slots_and_replaces_each_that_returns() {
        let mut strategy = Concurrency::new(3);
        let mut actions = Actions::default();
        strategy.on_event(5, TimingEvent::PhaseStart, &mut actions);
        assert_eq!(actions.issue_at_ns, [5, 5, 5]);
        strategy.on_event(9, TimingEvent::CreditReturned, &mut actions);
        assert_eq!(actions.issue_at_ns, [5, 5, 5, 9]);
    }

    #[test]
    fn a_rate_is_kept_by_absolute_moments_however_late_the_timer_is() {
        let mut strategy = rate(1000.0);
        let mut actions = Actions::default();
        strategy.on_event(0, TimingEvent::PhaseStart, &mut actions);
        // Each timer comes 0.3 ms late; the moments stay multiples of 1 ms.
        for k in 1..=5 {
            assert_eq!(actions.wake_at_ns, Some(k * 1_000_000));
            strategy.on_event(k * 1_000_000 + 300_000, TimingEvent::Timer, &mut actions);
        }
        assert_eq!(actions.issue_at_ns, [0, 1, 2, 3, 4, 5].map(|k| k * 1_000_000));
        assert_eq!(actions.slipped_ns, 0);
    }

    #[test]
    fn a_short_stall_is_caught_up_and_a_long_one_moves_the_schedule() {
        let mut strategy = rate(1000.0);
        let mut actions = Actions::default();
        strategy.on_event(0, TimingEvent::PhaseStart, &mut actions);
        strategy.on_event(5_000_000, TimingEvent::Timer, &mut actions);
        assert_eq!(actions.issue_at_ns.len(), 6, "the five that were missed, and the first");
        let mut actions = Actions::default();
        strategy.on_event(1_006_000_000, TimingEvent::Timer, &mut actions);
        assert_eq!(actions.issue_at_ns, [1_006_000_000], "a second of missed requests is not sent at once");
        assert_eq!(actions.slipped_ns, 1_000_000_000);
    }
}
