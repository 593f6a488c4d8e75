//! Every session starts at the moment its conversation's time stamp says. Later turns are sent at their own time stamps,
//! else after their delay.

use aiperf_abi::{Actions, Context, Plugin, Result, TimingEvent, TimingStrategy};
use serde::Deserialize;

use super::AHEAD_NS;

/// The entry `fixed_schedule`.
#[derive(Debug, Clone, Copy)]
pub struct FixedScheduleStrategy {
    config: FixedSchedule,
    start_ns: u64,
    /// The data's moment that is the start of the phase, milliseconds.
    zero_ms: Option<f64>,
}

/// Its settings.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FixedSchedule {
    /// The data's moment that is the start of the phase, milliseconds. Absent: that of its first conversation.
    zero_ms: Option<f64>,
}

impl Plugin for FixedScheduleStrategy {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { config: cx.config()?, start_ns: 0, zero_ms: None })
    }
}

impl FixedScheduleStrategy {
    /// Asks for everything that is due soon, and to be woken for what is next.
    fn advance(&mut self, now_ns: u64, actions: &mut Actions<'_>) {
        while let Some(next) = actions.upcoming() {
            let stamp = next.timestamp_ms.unwrap_or_default();
            let zero = *self.zero_ms.get_or_insert(self.config.zero_ms.unwrap_or(stamp));
            let due_ns = self.start_ns + ((stamp - zero).max(0.0) * 1e6) as u64;
            if due_ns > now_ns + AHEAD_NS {
                actions.wake_at(due_ns - AHEAD_NS);
                return;
            }
            actions.start_session(due_ns);
        }
    }
}

impl TimingStrategy for FixedScheduleStrategy {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        match event {
            TimingEvent::PhaseStart => {
                self.start_ns = now_ns;
                self.zero_ms = None;
                self.advance(now_ns, actions);
            }
            TimingEvent::Timer => self.advance(now_ns, actions),
            TimingEvent::CreditReturned(returned) if returned.has_next_turn => {
                let at_ns = match (returned.next_timestamp_ms, self.zero_ms) {
                    (Some(stamp), Some(zero)) => self.start_ns + ((stamp - zero).max(0.0) * 1e6) as u64,
                    _ => now_ns + returned.delay_ns,
                };
                actions.continue_session(returned.session, at_ns.max(now_ns));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::{Returned, Upcoming};

    use super::super::tests::Asked;
    use super::*;

    fn strategy(zero_ms: Option<f64>) -> FixedScheduleStrategy {
        FixedScheduleStrategy { config: FixedSchedule { zero_ms }, start_ns: 0, zero_ms: None }
    }

    fn data(stamps: &[f64]) -> Asked {
        Asked { upcoming: stamps.iter().map(|stamp| Upcoming::new(1, Some(*stamp))).collect(), ..Asked::default() }
    }

    #[test]
    fn sessions_start_at_their_own_moments_counted_from_the_first() {
        let (mut strategy, mut asked) = (strategy(None), data(&[1000.0, 1000.0, 1025.0, 1090.0]));
        asked.tell(&mut strategy, 50, TimingEvent::PhaseStart);
        assert_eq!((asked.starts.as_slice(), asked.wake_at_ns), (&[(50, 0), (50, 0)][..], Some(5_000_050)));
        // Late: what is due is started with the moment it was due at.
        asked.tell(&mut strategy, 95_000_000, TimingEvent::Timer);
        assert_eq!(asked.starts[2..], [(25_000_050, 0), (90_000_050, 0)]);
    }

    #[test]
    fn a_fixed_zero_keeps_the_wait_before_the_first() {
        let (mut strategy, mut asked) = (strategy(Some(900.0)), data(&[1000.0]));
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        assert_eq!((asked.starts.len(), asked.wake_at_ns), (0, Some(80_000_000)));
    }

    #[test]
    fn a_later_turn_goes_by_its_time_stamp_and_else_by_its_delay() {
        let (mut strategy, mut asked) = (strategy(None), data(&[0.0]));
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        let stamped = Returned::with_next(0, 0, 7).at_timestamp(Some(5.0));
        asked.tell(&mut strategy, 1_000_000, TimingEvent::CreditReturned(stamped));
        asked.tell(&mut strategy, 6_000_000, TimingEvent::CreditReturned(stamped));
        asked.tell(&mut strategy, 6_000_000, TimingEvent::CreditReturned(Returned::with_next(0, 0, 7)));
        assert_eq!(asked.continued, [(0, 5_000_000), (0, 6_000_000), (0, 6_000_007)]);
    }
}
