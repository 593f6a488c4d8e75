//! A fixed number of users, each with a fixed time between its turns; a user that has said everything is replaced by a new
//! one, so that the total rate is kept. Formulas: mission's user-centric mode (AIPerf `--user-centric-rate`, `--num-users`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use aiperf_abi::{Actions, Context, Error, Plugin, Result, TimingEvent, TimingStrategy};
use serde::Deserialize;

use super::AHEAD_NS;

/// The entry `user_centric`.
#[derive(Debug)]
pub struct UserCentricStrategy {
    config: UserCentric,
    /// Starts to come: moment, order of asking, first turn.
    starts: BinaryHeap<Reverse<(u64, u64, u32)>>,
    asked: u64,
    /// Sessions are numbered in the order of their starts.
    started: u64,
    /// When the turn of a running session was planned.
    planned_ns: HashMap<u64, u64>,
}

/// Its settings.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserCentric {
    /// Requests per second of all users together.
    rate: f64,
    /// How many users there are at a time.
    users: u64,
    /// Mean number of turns of the dataset.
    mean_turns: f64,
    /// Largest number of turns of the dataset.
    max_turns: u32,
}

impl Plugin for UserCentricStrategy {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: UserCentric = cx.config()?;
        if config.users == 0 || config.rate.is_nan() || config.rate <= 0.0 {
            return Err(Error::invalid_config("`users` and `rate` must be more than 0"));
        }
        Ok(Self::with(config))
    }
}

impl UserCentricStrategy {
    fn with(config: UserCentric) -> Self {
        Self { config, starts: BinaryHeap::new(), asked: 0, started: 0, planned_ns: HashMap::new() }
    }

    fn turn_gap_ns(&self) -> f64 {
        self.config.users as f64 / self.config.rate * 1e9
    }

    fn plan(&mut self, at_ns: u64, from_turn: u32) {
        self.starts.push(Reverse((at_ns, self.asked, from_turn)));
        self.asked += 1;
    }

    /// Users of every age, so that the run looks as if it had been going on for a while.
    fn first_users(&mut self, start_ns: u64) {
        let UserCentric { rate, users, mean_turns, .. } = self.config;
        let stagger_ns = 1e9 / rate;
        let later_turns = ((mean_turns.round() as u64).max(1) - 1).max(1);
        let stride = match gcd(users, later_turns) {
            1 => None,
            _ => Some((2..users.max(2)).find(|step| gcd(*step, users) == 1).unwrap_or(1)),
        };
        for user in 0..users {
            let age = (users - user) * later_turns;
            let turns_had = age / users;
            if turns_had >= later_turns {
                continue;
            }
            let slot = stride.map_or(age % users, |step| user * step % users);
            let at_ns = start_ns + ((users - slot) as f64 * stagger_ns) as u64;
            self.plan(at_ns, turns_had as u32);
        }
        self.plan(start_ns, 0);
    }

    fn advance(&mut self, now_ns: u64, actions: &mut Actions<'_>) {
        while let Some(Reverse((at_ns, _, from_turn))) = self.starts.peek().copied() {
            if at_ns > now_ns + AHEAD_NS {
                actions.wake_at(at_ns - AHEAD_NS);
                return;
            }
            self.starts.pop();
            actions.start_session_at_turn(at_ns, from_turn);
            self.planned_ns.insert(self.started, at_ns);
            self.started += 1;
            // Whoever comes after this user comes when it could have said everything.
            let lifetime_ns = f64::from(self.config.max_turns.max(1)) * self.turn_gap_ns();
            self.plan(at_ns + lifetime_ns as u64, 0);
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl TimingStrategy for UserCentricStrategy {
    fn on_event(&mut self, now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) -> Result<()> {
        match event {
            TimingEvent::PhaseStart => {
                self.first_users(now_ns);
                self.advance(now_ns, actions);
            }
            TimingEvent::CreditReturned(returned) if returned.has_next_turn => {
                let gap_ns = self.turn_gap_ns() as u64;
                let planned = self.planned_ns.entry(returned.session).or_insert(now_ns);
                *planned = (*planned + gap_ns).max(now_ns);
                actions.continue_session(returned.session, *planned);
            }
            TimingEvent::CreditReturned(returned) => {
                self.planned_ns.remove(&returned.session);
            }
            _ => self.advance(now_ns, actions),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::Returned;

    use super::super::tests::Asked;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn strategy(users: u64, rate: f64, turns: u32) -> UserCentricStrategy {
        UserCentricStrategy::with(UserCentric { rate, users, mean_turns: f64::from(turns), max_turns: turns })
    }

    #[test]
    fn users_of_every_age_start_one_after_the_other() {
        let (mut strategy, mut asked) = (strategy(4, 2.0, 5), Asked::default());
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        while asked.starts.len() < 4 {
            let at = asked.wake_at_ns.expect("more to come");
            asked.tell(&mut strategy, at, TimingEvent::Timer);
        }
        let moments: Vec<u64> = asked.starts.iter().map(|(at, _)| *at).collect();
        assert_eq!(moments[0], 0, "a fresh user is there from the start");
        assert!(moments.windows(2).all(|pair| pair[1] - pair[0] == SECOND / 2), "one every 1/rate: {moments:?}");
        let mut ages: Vec<u32> = asked.starts.iter().map(|(_, turn)| *turn).collect();
        ages.sort_unstable();
        assert_eq!(ages, [0, 1, 2, 3]);
    }

    #[test]
    fn a_users_turns_keep_their_gap_and_never_overlap() {
        let (mut strategy, mut asked) = (strategy(2, 1.0, 3), Asked::default());
        asked.tell(&mut strategy, 0, TimingEvent::PhaseStart);
        // Replied quickly: the gap of two seconds counts from the plan, not from the reply.
        asked.tell(&mut strategy, SECOND / 10, TimingEvent::CreditReturned(Returned::with_next(0, 0, 0)));
        // Replied late: at once.
        asked.tell(&mut strategy, 7 * SECOND, TimingEvent::CreditReturned(Returned::with_next(0, 1, 0)));
        assert_eq!(asked.continued, [(0, 2 * SECOND), (0, 7 * SECOND)]);
    }
}
