//! The issuer of credits for one phase: a strategy's wishes, held to the concurrency limit and the stop rules. Every credit
//! that goes out is counted back in exactly once. It owns no clock and no thread: it is told the time and answers with
//! credits and with the moment at which it wants to be asked again.

use std::collections::VecDeque;

use super::strategy::{Actions, TimingEvent, TimingStrategy};
use crate::credit::{Credit, Phase};

/// When a phase stops issuing. The first rule that holds wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StopRule {
    /// After this many credits.
    pub requests: Option<u64>,
    /// After this many nanoseconds from the start of the phase.
    pub duration_ns: Option<u64>,
}

/// What one phase did, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IssueCounts {
    /// Credits issued.
    pub issued: u64,
    /// Credits that came back.
    pub returned: u64,
    /// Sends that were due but had to wait for a free slot, at most at one time.
    pub longest_queue: usize,
    /// Sends that were due but never went out, because the phase ended while they waited for a slot.
    pub never_sent: u64,
    /// By how much the schedule was moved back in all, because the client could not keep up with it.
    pub slipped_ns: u64,
}

/// Issues the credits of one phase.
pub struct Issuer {
    phase: Phase,
    strategy: Box<dyn TimingStrategy>,
    next_conversation: Box<dyn FnMut() -> u64 + Send>,
    limit: Option<usize>,
    stop: StopRule,
    ends_ns: Option<u64>,
    wake_at_ns: Option<u64>,
    waiting: VecDeque<u64>,
    ended: bool,
    actions: Actions,
    counts: IssueCounts,
}

impl Issuer {
    /// An issuer that has not started. `next_conversation` draws from the dataset; `limit` is the largest number of
    /// credits out at one time.
    pub fn new(
        phase: Phase,
        strategy: Box<dyn TimingStrategy>,
        next_conversation: Box<dyn FnMut() -> u64 + Send>,
        limit: Option<usize>,
        stop: StopRule,
    ) -> Self {
        Self {
            phase,
            strategy,
            next_conversation,
            limit,
            stop,
            ends_ns: None,
            wake_at_ns: None,
            waiting: VecDeque::new(),
            ended: false,
            actions: Actions::default(),
            counts: IssueCounts::default(),
        }
    }

    /// The phase begins: the first credits.
    pub fn start(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        self.ends_ns = self.stop.duration_ns.map(|duration| now_ns.saturating_add(duration));
        self.tell(now_ns, TimingEvent::PhaseStart, out);
    }

    /// The moment of [`Issuer::wake_at_ns`] has come, or may have.
    pub fn timer(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        if self.ends_ns.is_some_and(|end| now_ns >= end) {
            self.end();
        } else if self.wake_at_ns.is_some_and(|at| now_ns >= at) {
            self.wake_at_ns = None;
            self.tell(now_ns, TimingEvent::Timer, out);
        }
    }

    /// A credit has come back.
    pub fn credit_returned(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        self.counts.returned += 1;
        if self.ends_ns.is_some_and(|end| now_ns >= end) {
            self.end();
        }
        self.admit_waiting(out);
        self.tell(now_ns, TimingEvent::CreditReturned, out);
    }

    /// No more credits are issued from now on.
    pub fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.counts.never_sent = self.waiting.len() as u64;
            self.waiting.clear();
        }
    }

    /// When to call [`Issuer::timer`] next, if ever.
    pub fn wake_at_ns(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        match (self.wake_at_ns, self.ends_ns) {
            (Some(wake), Some(end)) => Some(wake.min(end)),
            (wake, end) => wake.or(end),
        }
    }

    /// Whether nothing will be issued any more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing will be issued any more and every credit is back.
    pub fn is_drained(&self) -> bool {
        self.ended && self.in_flight() == 0
    }

    /// Credits that are out.
    pub fn in_flight(&self) -> u64 {
        self.counts.issued - self.counts.returned
    }

    /// What was done so far.
    pub fn counts(&self) -> IssueCounts {
        self.counts
    }

    fn tell(&mut self, now_ns: u64, event: TimingEvent, out: &mut Vec<Credit>) {
        if self.ended {
            return;
        }
        let mut actions = std::mem::take(&mut self.actions);
        self.strategy.on_event(now_ns, event, &mut actions);
        for intended_ns in actions.issue_at_ns.drain(..) {
            self.waiting.push_back(intended_ns);
        }
        self.wake_at_ns = actions.wake_at_ns.take().or(self.wake_at_ns);
        self.counts.slipped_ns += std::mem::take(&mut actions.slipped_ns);
        self.actions = actions;
        self.admit_waiting(out);
        if !self.ended {
            self.counts.longest_queue = self.counts.longest_queue.max(self.waiting.len());
        }
    }

    fn admit_waiting(&mut self, out: &mut Vec<Credit>) {
        while !self.ended && self.limit.is_none_or(|limit| self.in_flight() < limit as u64) {
            if self.stop.requests.is_some_and(|most| self.counts.issued >= most) {
                self.ended = true;
                self.waiting.clear();
                return;
            }
            let Some(intended_ns) = self.waiting.pop_front() else { return };
            out.push(Credit {
                id: self.counts.issued,
                phase: self.phase,
                conversation: (self.next_conversation)(),
                turn_index: 0,
                intended_ns,
            });
            self.counts.issued += 1;
            if self.stop.requests == Some(self.counts.issued) {
                // Whatever else is due lies beyond the count that was asked for.
                self.ended = true;
                self.waiting.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::arrival::{Arrival, ArrivalPattern};
    use super::super::strategy::{Concurrency, RequestRate};
    use super::*;

    fn issuer(strategy: Box<dyn TimingStrategy>, limit: Option<usize>, stop: StopRule) -> Issuer {
        let mut next = 0;
        let draw = Box::new(move || {
            next += 1;
            next - 1
        });
        Issuer::new(Phase::Profiling, strategy, draw, limit, stop)
    }

    fn constant(rate: f64) -> Box<dyn TimingStrategy> {
        Box::new(RequestRate::new(Arrival::new(ArrivalPattern::Constant, rate, ChaCha8Rng::seed_from_u64(1))))
    }

    #[test]
    fn a_request_count_is_met_exactly_in_a_closed_loop() {
        let mut issuer =
            issuer(Box::new(Concurrency::new(4)), Some(4), StopRule { requests: Some(10), duration_ns: None });
        let mut out = Vec::new();
        issuer.start(0, &mut out);
        assert_eq!(out.len(), 4);
        for now in 1..=10 {
            issuer.credit_returned(now, &mut out);
        }
        assert_eq!(out.len(), 10);
        assert!(issuer.is_drained());
        assert_eq!(out.iter().map(|credit| credit.id).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_count_below_the_concurrency_ends_after_the_first_burst() {
        let mut issuer =
            issuer(Box::new(Concurrency::new(8)), Some(8), StopRule { requests: Some(3), duration_ns: None });
        let mut out = Vec::new();
        issuer.start(0, &mut out);
        assert_eq!(out.len(), 3);
        assert!(issuer.has_ended());
    }

    #[test]
    fn a_rate_with_a_full_server_keeps_the_intended_moments_of_what_waits() {
        let mut issuer = issuer(constant(1000.0), Some(1), StopRule { requests: Some(3), duration_ns: None });
        let mut out = Vec::new();
        issuer.start(0, &mut out);
        issuer.timer(1_000_000, &mut out);
        issuer.timer(2_000_000, &mut out);
        assert_eq!(out.len(), 1, "the one slot is taken");
        issuer.credit_returned(9_000_000, &mut out);
        issuer.credit_returned(9_500_000, &mut out);
        assert_eq!(out.iter().map(|credit| credit.intended_ns).collect::<Vec<_>>(), [0, 1_000_000, 2_000_000]);
        assert_eq!(issuer.counts().longest_queue, 2);
    }

    #[test]
    fn a_duration_ends_the_phase_and_counts_what_was_never_sent() {
        let stop = StopRule { requests: None, duration_ns: Some(3_000_000) };
        let mut issuer = issuer(constant(1000.0), Some(1), stop);
        let mut out = Vec::new();
        issuer.start(0, &mut out);
        issuer.timer(1_000_000, &mut out);
        issuer.timer(2_000_000, &mut out);
        assert_eq!(issuer.wake_at_ns(), Some(3_000_000));
        issuer.timer(3_000_000, &mut out);
        assert!(issuer.has_ended() && !issuer.is_drained());
        issuer.credit_returned(4_000_000, &mut out);
        assert!(issuer.is_drained());
        assert_eq!((out.len(), issuer.counts().never_sent), (1, 2));
    }

    proptest! {
        #[test]
        fn credits_never_exceed_the_limit_and_all_come_back(
            limit in 1usize..20, requests in 1u64..200, rate in 1.0f64..10_000.0, returns in proptest::collection::vec(any::<bool>(), 0..2000),
        ) {
            let stop = StopRule { requests: Some(requests), duration_ns: None };
            let mut issuer = issuer(constant(rate), Some(limit), stop);
            let mut out = Vec::new();
            let mut now = 0;
            issuer.start(now, &mut out);
            for give_back in returns {
                if give_back && issuer.in_flight() > 0 {
                    now += 1;
                    issuer.credit_returned(now, &mut out);
                } else if let Some(at) = issuer.wake_at_ns() {
                    now = now.max(at);
                    issuer.timer(now, &mut out);
                }
                prop_assert!(issuer.in_flight() <= limit as u64);
                prop_assert_eq!(issuer.counts().issued, out.len() as u64);
                prop_assert!(out.len() as u64 <= requests);
            }
            while !issuer.is_drained() {
                match issuer.wake_at_ns() {
                    Some(at) if issuer.in_flight() == 0 => { now = now.max(at); issuer.timer(now, &mut out) }
                    _ => { now += 1; issuer.credit_returned(now, &mut out) }
                }
            }
            prop_assert_eq!(out.len() as u64, requests);
            prop_assert!(out.windows(2).all(|pair| pair[0].intended_ns <= pair[1].intended_ns));
        }
    }
}
