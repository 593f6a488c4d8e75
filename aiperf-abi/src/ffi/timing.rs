//! `timing_strategy` as it crosses: an event goes in as numbers, and while the strategy handles it, its wishes come back as
//! questions. Numbers of events and questions never change; unknown ones are ignored.

use super::back::Back;
use super::numbers::{FfiNumbers, Number, Numbers, no_method};
use super::root::FfiNew;
use crate::author::context::Plugin;
use crate::author::error::Result;
use crate::author::timing::{Actions, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming};
use crate::category::{As, Category, Class};
use crate::host::Loaded;

/// The one method.
const ON_EVENT: u32 = 1;

/// Events: the first number.
mod event {
    pub(super) const PHASE_START: u64 = 1;
    pub(super) const TIMER: u64 = 2;
    pub(super) const CREDIT_RETURNED: u64 = 3;
}

/// Questions.
mod wish {
    pub(super) const START_SESSION: u32 = 1;
    pub(super) const FILL_SLOTS: u32 = 2;
    pub(super) const CONTINUE_SESSION: u32 = 3;
    pub(super) const WAKE_AT: u32 = 4;
    pub(super) const SLIPPED: u32 = 5;
    pub(super) const NEXT_INTERVAL: u32 = 6;
    pub(super) const UPCOMING: u32 = 7;
}

/// An event, its moment, and what is known of a request that has ended: session, turn, whether there is a next one, its
/// delay, whether it has a time stamp, which.
type Wire = [u64; 8];

fn write(now_ns: u64, event: TimingEvent) -> Wire {
    match event {
        TimingEvent::PhaseStart => [event::PHASE_START, now_ns, 0, 0, 0, 0, 0, 0],
        TimingEvent::Timer => [event::TIMER, now_ns, 0, 0, 0, 0, 0, 0],
        TimingEvent::CreditReturned(returned) => [
            event::CREDIT_RETURNED,
            now_ns,
            returned.session,
            returned.turn_index.into(),
            returned.has_next_turn.into(),
            returned.delay_ns,
            returned.next_timestamp_ms.is_some().into(),
            returned.next_timestamp_ms.unwrap_or_default().out(),
        ],
    }
}

/// The other way; none where this side does not know the event.
fn read(numbers: &[u64]) -> Option<(u64, TimingEvent)> {
    let number = |at: usize| numbers.get(at).copied().unwrap_or_default();
    let event = match number(0) {
        event::PHASE_START => TimingEvent::PhaseStart,
        event::TIMER => TimingEvent::Timer,
        event::CREDIT_RETURNED => {
            let mut returned = Returned::last(number(2), number(3) as u32);
            returned.has_next_turn = number(4) != 0;
            returned.delay_ns = number(5);
            returned.next_timestamp_ms = (number(6) != 0).then(|| f64::back(number(7)));
            TimingEvent::CreditReturned(returned)
        }
        _ => return None,
    };
    Some((number(1), event))
}

impl<T: TimingStrategy> Numbers for As<dyn TimingStrategy, T> {
    fn call(&mut self, method: u32, numbers: &[u64], _: &mut [u64], back: &mut dyn Back) -> Result<()> {
        match (method, read(numbers)) {
            (ON_EVENT, Some((now_ns, event))) => {
                self.value.on_event(now_ns, event, &mut Actions::new(&mut Remote(back)))
            }
            (ON_EVENT, None) => Ok(()),
            (other, _) => Err(no_method(<dyn TimingStrategy as Category>::NAME, other)),
        }
    }
}

impl<T: Plugin + TimingStrategy> Class<dyn TimingStrategy> for T {
    fn made(new: FfiNew<'_>) -> Result<FfiNumbers> {
        Ok(FfiNumbers::of(As::<dyn TimingStrategy, T>::new(new.make()?)))
    }
}

impl Category for dyn TimingStrategy {
    const NAME: &'static str = "timing_strategy";
    type Ffi = FfiNumbers;

    fn loaded(value: Loaded<FfiNumbers>) -> Box<Self> {
        Box::new(value)
    }
}

impl TimingStrategy for Loaded<FfiNumbers> {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        let event = write(now_ns, event);
        self.origin.call(&"on_event", || self.ffi.call(ON_EVENT, &event, &mut [], &mut Wishes(actions)))
    }
}

/// The plugin's end: wishes become questions.
struct Remote<'a>(&'a mut dyn Back);

impl Remote<'_> {
    fn wish(&mut self, wish: u32, numbers: &[u64]) {
        self.0.ask(wish, numbers, &mut []);
    }
}

impl TimingHost for Remote<'_> {
    fn start_session(&mut self, at_ns: u64, from_turn: u32) {
        self.wish(wish::START_SESSION, &[at_ns, from_turn.into()]);
    }

    fn fill_slots(&mut self) {
        self.wish(wish::FILL_SLOTS, &[]);
    }

    fn continue_session(&mut self, session: u64, at_ns: u64) {
        self.wish(wish::CONTINUE_SESSION, &[session, at_ns]);
    }

    fn wake_at(&mut self, at_ns: u64) {
        self.wish(wish::WAKE_AT, &[at_ns]);
    }

    fn slipped(&mut self, by_ns: u64) {
        self.wish(wish::SLIPPED, &[by_ns]);
    }

    fn next_interval_ns(&mut self) -> Option<f64> {
        let mut answer = [0];
        (self.0.ask(wish::NEXT_INTERVAL, &[], &mut answer) == 1).then(|| f64::back(answer[0]))
    }

    fn upcoming(&mut self) -> Option<Upcoming> {
        let mut answer = [0; 3];
        let filled = self.0.ask(wish::UPCOMING, &[], &mut answer);
        (filled == answer.len())
            .then(|| Upcoming::new(answer[0] as u32, (answer[1] != 0).then(|| f64::back(answer[2]))))
    }
}

/// The host's end: questions become wishes again.
struct Wishes<'a, 'b>(&'a mut Actions<'b>);

impl Back for Wishes<'_, '_> {
    fn ask(&mut self, question: u32, numbers: &[u64], answer: &mut [u64]) -> usize {
        let number = |at: usize| numbers.get(at).copied().unwrap_or_default();
        let said: &[u64] = match question {
            wish::START_SESSION => {
                self.0.start_session_at_turn(number(0), number(1) as u32);
                &[]
            }
            wish::FILL_SLOTS => {
                self.0.fill_slots();
                &[]
            }
            wish::CONTINUE_SESSION => {
                self.0.continue_session(number(0), number(1));
                &[]
            }
            wish::WAKE_AT => {
                self.0.wake_at(number(0));
                &[]
            }
            wish::SLIPPED => {
                self.0.slipped(number(0));
                &[]
            }
            wish::NEXT_INTERVAL => match self.0.next_interval_ns() {
                Some(interval) => &[interval.out()],
                None => &[],
            },
            wish::UPCOMING => match self.0.upcoming() {
                Some(Upcoming { timestamp_ms, turns }) => {
                    &[turns.into(), timestamp_ms.is_some().into(), timestamp_ms.unwrap_or_default().out()]
                }
                None => &[],
            },
            _ => &[],
        };
        let filled = said.len().min(answer.len());
        answer[..filled].copy_from_slice(&said[..filled]);
        filled
    }
}
