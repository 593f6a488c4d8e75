//! Open loop: sessions start at the moments of the run's arrival pattern, whatever has come back. A turn after the first is
//! sent when its delay after the reply is over.

use aiperf_abi::{Actions, Context, Plugin, Result, TimingEvent, TimingStrategy};

/// The entry `request_rate`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestRateStrategy {
    due_ns: f64,
    /// The first interval and how many of no length come before it, once they are drawn.
    first: Option<(usize, f64)>,
}

/// How far behind the schedule may be caught up by sending faster. Beyond it the schedule is moved instead, because a
/// burst of everything that was missed is no longer the arrival process that was asked for.
pub const MAX_CATCH_UP_NS: f64 = 10e6;

/// How long before its moment a start is asked for, so that the host can make its request by then. After a stall all of
/// these are late and sent at once, so it is no more than may be caught up.
const AHEAD_NS: f64 = MAX_CATCH_UP_NS;

/// After so many intervals of no length a pattern has none (`concurrency_burst`): slots are filled as they come free.
const UNSPACED: usize = 64;

/// Starts asked for at one time, at most.
const BATCH: usize = 4096;

impl Plugin for RequestRateStrategy {
    fn new(cx: &Context<'_>) -> Result<Self> {
        cx.config::<super::super::arrival::NoConfig>()?;
        Ok(Self::default())
    }
}

impl TimingStrategy for RequestRateStrategy {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        let now = now_ns as f64;
        match event {
            TimingEvent::PhaseStart => {
                self.due_ns = now;
                let mut none = 0;
                let first = loop {
                    match actions.next_interval_ns() {
                        Some(0.0) if none + 1 < UNSPACED => none += 1,
                        Some(0.0) => {
                            actions.fill_slots();
                            return Ok(());
                        }
                        first => break first,
                    }
                };
                self.first = first.map(|first| (none, first));
            }
            TimingEvent::CreditReturned(returned) => {
                if returned.has_next_turn {
                    actions.continue_session(returned.session, now_ns.saturating_add(returned.delay_ns));
                }
                return Ok(());
            }
            _ => {}
        }
        let late = now - self.due_ns;
        if late > MAX_CATCH_UP_NS {
            actions.slipped(late as u64);
            self.due_ns = now;
        }
        for _ in 0..BATCH {
            if self.due_ns > now + AHEAD_NS {
                break;
            }
            actions.start_session(self.due_ns.round() as u64);
            let drawn = match &mut self.first {
                Some((none, _)) if *none > 0 => {
                    *none -= 1;
                    Some(0.0)
                }
                first => first.take().map(|(_, interval)| interval).or_else(|| actions.next_interval_ns()),
            };
            let Some(interval) = drawn else { return Ok(()) };
            self.due_ns += interval;
        }
        // Several at a time: half of the lead is enough.
        actions.wake_at((self.due_ns - AHEAD_NS / 2.0).max(now).ceil() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Asked;
    use super::*;

    fn every_millisecond() -> Asked {
        Asked { interval_ns: Some(1e6), ..Asked::default() }
    }

    fn moments(asked: &Asked) -> Vec<u64> {
        asked.starts.iter().map(|(at, _)| *at).collect()
    }

    #[test]
    fn a_rate_is_kept_by_absolute_moments_however_late_the_timer_is() {
        let (mut strategy, mut asked) = (RequestRateStrategy::default(), every_millisecond());
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        // Each timer comes 0.3 ms late; the moments stay multiples of 1 ms, and are told 5 ms before at least.
        for last in [10, 16, 22, 28] {
            assert_eq!(moments(&asked), (0..=last).map(|k| k * 1_000_000).collect::<Vec<_>>());
            let wake_at = (last + 1) * 1_000_000 - 5_000_000;
            assert_eq!(asked.wake_at_ns, Some(wake_at));
            asked.tell(&mut strategy, wake_at + 300_000, TimingEvent::Timer);
        }
        assert_eq!(asked.slipped_ns, 0);
    }

    #[test]
    fn a_pattern_without_spacing_fills_the_slots_as_they_come_free() {
        let (mut strategy, mut asked) = (RequestRateStrategy::default(), every_millisecond());
        asked.interval_ns = Some(0.0);
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        assert_eq!((asked.fills, asked.starts.len(), asked.wake_at_ns), (true, 0, None));
    }

    #[test]
    fn a_short_stall_is_caught_up_and_a_long_one_moves_the_schedule() {
        let (mut strategy, mut asked) = (RequestRateStrategy::default(), every_millisecond());
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        asked.tell(&mut strategy, 20_000_000, TimingEvent::Timer);
        assert_eq!(asked.starts.len(), 31, "those that were missed, those told before, and those of the next 10 ms");
        asked.starts.clear();
        asked.tell(&mut strategy, 1_031_000_000, TimingEvent::Timer);
        assert_eq!(moments(&asked)[0], 1_031_000_000, "a second of missed requests is not sent at once");
        assert_eq!((asked.starts.len(), asked.slipped_ns), (11, 1_000_000_000));
    }
}
