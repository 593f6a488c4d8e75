//! Closed loop: a session in every slot, the next one as soon as one has ended.

use aiperf_abi::{Actions, Context, Plugin, Result, TimingEvent, TimingStrategy};

/// The entry `concurrency`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConcurrencyStrategy;

impl Plugin for ConcurrencyStrategy {
    fn new(cx: &Context<'_>) -> Result<Self> {
        cx.config::<super::super::arrival::NoConfig>()?;
        Ok(Self)
    }
}

impl TimingStrategy for ConcurrencyStrategy {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        match event {
            TimingEvent::PhaseStart => actions.fill_slots(),
            TimingEvent::CreditReturned(returned) if returned.has_next_turn => {
                actions.continue_session(returned.session, now_ns.saturating_add(returned.delay_ns));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::Returned;

    use super::super::tests::Asked;
    use super::*;

    #[test]
    fn it_fills_the_slots_and_continues_sessions_after_their_delay() {
        let mut asked = Asked::default();
        asked.tell(&mut ConcurrencyStrategy, 5, TimingEvent::PhaseStart);
        assert!(asked.fills);
        asked.tell(&mut ConcurrencyStrategy, 100, TimingEvent::CreditReturned(Returned::with_next(3, 0, 40)));
        asked.tell(&mut ConcurrencyStrategy, 200, TimingEvent::CreditReturned(Returned::last(3, 1)));
        assert_eq!(asked.continued, [(3, 140)]);
    }
}
