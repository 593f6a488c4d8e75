//! Fixtures for what decides when and which: configurations, a host that writes down a strategy's wishes, and a walk on a
//! clock of its own.

use std::collections::BTreeSet;

use crate::author::error::Result;
use crate::author::selection::SelectionConfig;
use crate::author::timing::{
    Actions, ArrivalConfig, RampConfig, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming,
};

/// 10 requests per second, Poisson where there is such a thing, seed 42.
pub fn mock_arrival_config() -> ArrivalConfig {
    ArrivalConfig::new(10.0, 1.0, 42)
}

/// From 1 to 10 within 5 seconds, seed 42.
pub fn mock_ramp_config() -> RampConfig {
    RampConfig::new(1.0, 10.0, 5.0, 42)
}

/// One of 10, seed 42.
pub fn mock_selection_config() -> SelectionConfig {
    SelectionConfig::new(10, 42)
}

/// What a strategy asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A session, from a turn, at a moment (nanoseconds).
    Start {
        /// When.
        at_ns: u64,
        /// From which turn.
        from_turn: u32,
    },
    /// A session in every free slot.
    FillSlots,
    /// The next turn of a session, at a moment (nanoseconds).
    Continue {
        /// Which.
        session: u64,
        /// When.
        at_ns: u64,
    },
    /// To be woken.
    WakeAt(u64),
    /// That the schedule be moved back.
    Slipped(u64),
}

/// A host that writes down what a strategy asks for. Arrivals are evenly spaced.
///
/// ```
/// # use aiperf_abi::*;
/// # struct Patient;
/// # impl TimingStrategy for Patient {
/// #     fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
/// #         if !matches!(event, TimingEvent::Timer) { actions.start_session(now_ns); }
/// #         Ok(())
/// #     }
/// # }
/// use aiperf_abi::testing::MockTiming;
///
/// // Requests of a millisecond, one after the other.
/// let starts = MockTiming::default().walk(&mut Patient, 3, 1_000_000).unwrap();
/// assert_eq!(starts, [0, 1_000_000, 2_000_000]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct MockTiming {
    /// Everything asked for, in order.
    pub wishes: Vec<Wish>,
    /// Between two arrivals, nanoseconds; none: the run has no rate.
    pub interval_ns: Option<f64>,
    /// What the dataset gives next; the same each time.
    pub upcoming: Option<Upcoming>,
    wake_at_ns: Option<u64>,
}

impl MockTiming {
    /// Tells a strategy of an event.
    ///
    /// # Errors
    /// The strategy's.
    pub fn tell(&mut self, strategy: &mut dyn TimingStrategy, now_ns: u64, event: TimingEvent) -> Result<()> {
        strategy.on_event(now_ns, event, &mut Actions::new(self))
    }

    /// Runs a phase on a clock of its own, until the strategy has started this many sessions or has nothing more to wait
    /// for. Every request takes `latency_ns`, and sessions have one turn. Returns the moments of the starts, ascending.
    ///
    /// # Errors
    /// The strategy's.
    pub fn walk(&mut self, strategy: &mut dyn TimingStrategy, sessions: usize, latency_ns: u64) -> Result<Vec<u64>> {
        let (mut now_ns, mut seen, mut starts) = (0, self.wishes.len(), Vec::new());
        let mut ends = BTreeSet::new();
        self.tell(strategy, now_ns, TimingEvent::PhaseStart)?;
        loop {
            for wish in &self.wishes[seen..] {
                if let Wish::Start { at_ns, .. } = wish {
                    ends.insert((at_ns.max(&now_ns) + latency_ns, starts.len() as u64));
                    starts.push(*at_ns.max(&now_ns));
                }
            }
            seen = self.wishes.len();
            let end = ends.first().copied();
            let next = [self.wake_at_ns, end.map(|(at_ns, _)| at_ns)].into_iter().flatten().min();
            let Some(next) = next.filter(|_| starts.len() < sessions) else { break };
            now_ns = now_ns.max(next);
            match end {
                Some(end) if end.0 <= now_ns => {
                    ends.remove(&end);
                    self.tell(strategy, now_ns, TimingEvent::CreditReturned(Returned::last(end.1, 0)))?;
                }
                _ => {
                    self.wake_at_ns = None;
                    self.tell(strategy, now_ns, TimingEvent::Timer)?;
                }
            }
        }
        starts.sort_unstable();
        Ok(starts)
    }
}

impl TimingHost for MockTiming {
    fn start_session(&mut self, at_ns: u64, from_turn: u32) {
        self.wishes.push(Wish::Start { at_ns, from_turn });
    }

    fn fill_slots(&mut self) {
        self.wishes.push(Wish::FillSlots);
    }

    fn continue_session(&mut self, session: u64, at_ns: u64) {
        self.wishes.push(Wish::Continue { session, at_ns });
    }

    fn wake_at(&mut self, at_ns: u64) {
        self.wake_at_ns = Some(at_ns);
        self.wishes.push(Wish::WakeAt(at_ns));
    }

    fn slipped(&mut self, by_ns: u64) {
        self.wishes.push(Wish::Slipped(by_ns));
    }

    fn next_interval_ns(&mut self) -> Option<f64> {
        self.interval_ns
    }

    fn upcoming(&mut self) -> Option<Upcoming> {
        self.upcoming
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::context::{Context, Plugin};
    use crate::testing::via_abi;

    /// The next session when the last has ended, and one at each wake.
    struct Echoing;

    impl Plugin for Echoing {
        fn new(_: &Context<'_>) -> Result<Self> {
            Ok(Self)
        }
    }

    impl TimingStrategy for Echoing {
        fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
            match event {
                TimingEvent::PhaseStart => actions.start_session(now_ns),
                TimingEvent::CreditReturned(_) => {
                    let gap = actions.next_interval_ns().unwrap_or_default() as u64;
                    let turns = u64::from(actions.upcoming().map_or(0, |next| next.turns));
                    actions.wake_at(now_ns + gap + turns);
                }
                _ => actions.start_session_at_turn(now_ns, 2),
            }
            Ok(())
        }
    }

    #[test]
    fn a_strategy_walks_the_same_through_its_thunks_as_without() {
        let mock =
            || MockTiming { interval_ns: Some(50.0), upcoming: Some(Upcoming::new(3, None)), ..Default::default() };
        let (mut direct, mut through) = (mock(), mock());
        let mut loaded = via_abi::<dyn TimingStrategy, Echoing>(serde_json::json!({})).unwrap();
        let starts = direct.walk(&mut Echoing, 4, 100).unwrap();
        assert_eq!(starts, [0, 153, 306, 459]);
        assert_eq!(through.walk(&mut *loaded, 4, 100).unwrap(), starts);
        assert_eq!(through.wishes, direct.wishes);
    }
}
