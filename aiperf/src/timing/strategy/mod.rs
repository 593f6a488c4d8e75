//! The built-in timing strategies, one file each.

mod concurrency;
mod fixed_schedule;
mod request_rate;
mod user_centric;

pub use concurrency::ConcurrencyStrategy;
pub use fixed_schedule::FixedScheduleStrategy;
pub use request_rate::{MAX_CATCH_UP_NS, RequestRateStrategy};
pub use user_centric::UserCentricStrategy;

/// How long before its moment a start is asked for, so that the host can make its request by then.
const AHEAD_NS: u64 = super::issuer::LEAD_NS;

#[cfg(test)]
pub(crate) mod tests {
    use aiperf_abi::{Actions, TimingEvent, TimingHost, TimingStrategy, Upcoming};

    /// Writes down what a strategy asks for.
    #[derive(Default)]
    pub(crate) struct Asked {
        /// Moment and first turn of each start.
        pub(crate) starts: Vec<(u64, u32)>,
        pub(crate) continued: Vec<(u64, u64)>,
        pub(crate) wake_at_ns: Option<u64>,
        pub(crate) slipped_ns: u64,
        pub(crate) fills: bool,
        pub(crate) interval_ns: Option<f64>,
        pub(crate) upcoming: std::collections::VecDeque<Upcoming>,
    }

    impl TimingHost for Asked {
        fn start_session(&mut self, at_ns: u64, from_turn: u32) {
            self.starts.push((at_ns, from_turn));
            self.upcoming.pop_front();
        }
        fn fill_slots(&mut self) {
            self.fills = true;
        }
        fn continue_session(&mut self, session: u64, at_ns: u64) {
            self.continued.push((session, at_ns));
        }
        fn wake_at(&mut self, at_ns: u64) {
            self.wake_at_ns = Some(at_ns);
        }
        fn slipped(&mut self, by_ns: u64) {
            self.slipped_ns += by_ns;
        }
        fn next_interval_ns(&mut self) -> Option<f64> {
            self.interval_ns
        }
        fn upcoming(&mut self) -> Option<Upcoming> {
            self.upcoming.front().copied()
        }
    }

    impl Asked {
        pub(crate) fn tell(&mut self, strategy: &mut dyn TimingStrategy, now_ns: u64, event: TimingEvent) {
            strategy.on_event(now_ns, event, &mut Actions::new(self)).unwrap();
        }
    }
}
