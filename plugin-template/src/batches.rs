//! `batches`: so many sessions at once, then a wait for the last of them, then the next batch: how a training loop asks for its
//! rollouts, and a nightly job for its answers. Says when; what is sent and how is not known here.

use aiperf_abi::{Actions, Context, Error, Plugin, Result, TimingEvent, TimingStrategy};
use serde::Deserialize;

/// What `--plugin-option batches.KEY=VALUE` may say. A key that is not here is an error before anything is sent.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchesConfig {
    /// Sessions of a batch: `--plugin-option batches.size=8`. More than `--concurrency` of them wait for their slot.
    size: u32,
    /// Milliseconds between the end of a batch and the next one.
    pause: u64,
}

impl Default for BatchesConfig {
    fn default() -> Self {
        Self { size: 8, pause: 0 }
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// Starts batches.
#[derive(Debug)]
pub struct BatchStrategy {
    config: BatchesConfig,
    /// Sessions of this batch that have not ended.
    open: u32,
}

impl Plugin for BatchStrategy {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: BatchesConfig = cx.config()?;
        match config.size {
            0 => Err(Error::invalid_config("batches.size is 0; expected how many sessions are started at once")),
            _ => Ok(Self { config, open: 0 }),
        }
    }
}

impl TimingStrategy for BatchStrategy {
    /// Owns no clock and sends nothing: is told what happened, and answers what it wants. When to stop is aiperf's business.
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        match event {
            TimingEvent::PhaseStart | TimingEvent::Timer => {
                self.open = self.config.size;
                (0..self.config.size).for_each(|_| actions.start_session(now_ns));
            }
            TimingEvent::CreditReturned(returned) if returned.has_next_turn => {
                actions.continue_session(returned.session, now_ns + returned.delay_ns);
            }
            TimingEvent::CreditReturned(_) => {
                self.open = self.open.saturating_sub(1);
                if self.open == 0 {
                    actions.wake_at(now_ns + self.config.pause * NS_PER_MS);
                }
            }
            // What a later version of aiperf tells.
            _ => {}
        }
        Ok(())
    }
}
