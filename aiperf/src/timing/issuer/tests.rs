//! The issuer against small worlds: what it issues when, and that every credit comes back once.

use proptest::prelude::*;

use super::super::ramp::LinearRamp;
use super::super::strategy::{ConcurrencyStrategy, FixedScheduleStrategy, RequestRateStrategy};
use super::*;
use aiperf_abi::author::context::Setup;
use aiperf_abi::{Context, Plugin, RampConfig};

/// Conversations 0, 1, 2, …, each with a time stamp of its number in milliseconds.
struct Counting(u64);

impl Feed for Counting {
    fn draw(&mut self) -> aiperf_abi::Result<u64> {
        self.0 += 1;
        Ok(self.0 - 1)
    }

    fn give_back(&mut self, unused: &[u64]) {
        self.0 = unused.first().copied().unwrap_or(self.0);
    }

    fn upcoming(&mut self) -> aiperf_abi::Result<Option<Upcoming>> {
        Ok(Some(Upcoming::new(1, Some(self.0 as f64))))
    }
}

struct Every(f64);

impl ArrivalPattern for Every {
    fn next_interval(&mut self) -> aiperf_abi::Result<f64> {
        match self.0 {
            never if never.is_nan() => Err(aiperf_abi::Error::msg("out of numbers")),
            seconds => Ok(seconds),
        }
    }

    fn set_rate(&mut self, rate: f64) -> aiperf_abi::Result<()> {
        self.0 = 1.0 / rate;
        Ok(())
    }
}

fn parts(limit: Option<u64>, stop: StopRule) -> Parts {
    Parts {
        phase: Phase::Profiling,
        feed: Box::new(Counting(0)),
        cancelling: None,
        arrival: None,
        rate: None,
        series: None,
        limit: limit.map(|limit| Pace::steady(limit as f64)),
        prefill: None,
        stop,
    }
}

fn closed_loop(limit: u64, stop: StopRule) -> Issuer {
    Issuer::new(Box::new(ConcurrencyStrategy), parts(Some(limit), stop))
}

fn at_rate(rate: f64, limit: Option<u64>, stop: StopRule) -> Issuer {
    let parts = Parts { arrival: Some(Box::new(Every(1.0 / rate))), ..parts(limit, stop) };
    Issuer::new(Box::new(RequestRateStrategy::default()), parts)
}

fn requests(count: u64) -> StopRule {
    StopRule { requests: Some(count), ..StopRule::default() }
}

/// The last turn of a session has ended.
fn over(credit: &Credit) -> Done {
    Done {
        credit: credit.id,
        session: credit.session,
        conversation: credit.conversation,
        turn_index: credit.turn_index,
        next: None,
    }
}

/// A turn has ended that has another after it.
fn goes_on(credit: &Credit, delay_ns: u64) -> Done {
    Done { next: Some(NextTurn { delay_ns, timestamp_ms: None }), ..over(credit) }
}

#[test]
fn a_request_count_is_met_exactly_in_a_closed_loop() {
    let mut issuer = closed_loop(4, requests(10));
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert_eq!(out.len(), 4);
    for now in 1..=10 {
        let done = over(&out[now - 1]);
        issuer.credit_returned(now as u64, done, &mut out);
    }
    assert_eq!(out.len(), 10);
    assert!(issuer.is_drained());
    assert_eq!(out.iter().map(|credit| credit.id).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_count_below_the_concurrency_ends_after_the_first_burst() {
    let mut issuer = closed_loop(8, requests(3));
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert_eq!(out.len(), 3);
    assert!(issuer.has_ended());
    assert_eq!(issuer.counts().never_sent, 0);
}

#[test]
fn a_session_keeps_its_slot_and_its_turns_wait_for_their_delay() {
    let mut issuer = closed_loop(1, requests(4));
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.credit_returned(100, goes_on(&out[0], LEAD_NS + 50), &mut out);
    assert_eq!((out.len(), issuer.wake_at_ns()), (1, Some(150)), "the slot is the session's, though nothing is sent");
    issuer.timer(150, &mut out);
    let moment = LEAD_NS + 150;
    assert_eq!((out[1].session, out[1].turn_index, out[1].conversation, out[1].intended_ns), (0, 1, 0, moment));
    issuer.credit_returned(200, over(&out[1]), &mut out);
    assert_eq!((out[2].session, out[2].turn_index, out[2].conversation), (1, 0, 1));
}

#[test]
fn a_session_count_lets_those_that_were_started_finish() {
    let mut issuer = closed_loop(2, StopRule { sessions: Some(3), ..StopRule::default() });
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.credit_returned(1, over(&out[0]), &mut out);
    assert_eq!(out.len(), 3);
    issuer.credit_returned(2, goes_on(&out[1], 0), &mut out);
    issuer.credit_returned(3, over(&out[2]), &mut out);
    assert!(!issuer.has_ended(), "session 1 has a turn to go");
    assert_eq!((out.len(), out[3].session, out[3].turn_index), (4, 1, 1));
    issuer.credit_returned(4, over(&out[3]), &mut out);
    assert!(issuer.is_drained());
}

#[test]
fn a_rate_with_a_full_server_keeps_the_intended_moments_of_what_waits() {
    let mut issuer = at_rate(1000.0, Some(1), requests(3));
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.timer(1_000_000, &mut out);
    issuer.timer(2_000_000, &mut out);
    assert_eq!(out.len(), 1, "the one slot is taken");
    issuer.credit_returned(9_000_000, over(&out[0]), &mut out);
    issuer.credit_returned(9_500_000, over(&out[1]), &mut out);
    assert_eq!(out.iter().map(|credit| credit.intended_ns).collect::<Vec<_>>(), [0, 1_000_000, 2_000_000]);
    assert_eq!(issuer.counts().longest_queue, 2);
}

#[test]
fn a_duration_ends_the_phase_and_counts_what_was_never_sent() {
    let mut issuer = at_rate(1000.0, Some(1), StopRule { duration_ns: Some(3_000_000), ..StopRule::default() });
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.timer(1_000_000, &mut out);
    issuer.timer(2_000_000, &mut out);
    assert_eq!(issuer.wake_at_ns(), Some(3_000_000));
    issuer.timer(3_000_000, &mut out);
    assert!(issuer.has_ended() && !issuer.is_drained());
    issuer.credit_returned(4_000_000, over(&out[0]), &mut out);
    assert!(issuer.is_drained());
    assert_eq!((out.len(), issuer.counts().never_sent), (1, 2));
}

#[test]
fn a_limit_that_grows_opens_its_slots_as_it_grows() {
    let ramp = LinearRamp::of(RampConfig::new(1.0, 5.0, 1.0, 0));
    let limit = Some(Pace::ramped(5.0, Box::new(ramp), 1_000_000_000));
    let mut issuer = Issuer::new(Box::new(ConcurrencyStrategy), Parts { limit, ..parts(None, requests(100)) });
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert_eq!(out.len(), 1);
    let mut sizes = Vec::new();
    while let Some(at) = issuer.wake_at_ns() {
        issuer.timer(at, &mut out);
        sizes.push(out.len());
    }
    assert_eq!(sizes, [1, 2, 2, 3, 3, 3, 4, 4, 5, 5], "at 0.1 s, 0.2 s, …, 1 s");
    assert!(out.iter().all(|credit| credit.intended_ns <= 1_000_000_000), "meant for when its slot opened");
}

#[test]
fn a_schedule_held_back_by_the_limit_keeps_conversation_and_moment_together() {
    let host = crate::plugin::services::HostServices::new("test", crate::clock::Clock::start(), 0);
    let schedule = FixedScheduleStrategy::new(&Context::new("fixed_schedule", Setup::default(), &host)).unwrap();
    let stop = StopRule { sessions: Some(3), ..StopRule::default() };
    let mut issuer = Issuer::new(Box::new(schedule), parts(Some(1), stop));
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.timer(5_000_000, &mut out);
    issuer.credit_returned(6_000_000, over(&out[0]), &mut out);
    issuer.credit_returned(7_000_000, over(&out[1]), &mut out);
    issuer.credit_returned(8_000_000, over(&out[2]), &mut out);
    assert!(issuer.is_drained());
    let sent: Vec<_> = out.iter().map(|credit| (credit.conversation, credit.intended_ns)).collect();
    assert_eq!(sent, [(0, 0), (1, 1_000_000), (2, 2_000_000)]);
}

#[test]
fn a_prefill_slot_is_free_again_at_the_first_content_and_only_once() {
    let prefill = Some(Pace::steady(2.0));
    let mut issuer = Issuer::new(Box::new(ConcurrencyStrategy), Parts { prefill, ..parts(Some(4), requests(100)) });
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert_eq!(out.len(), 2, "two may be without content, though four may be in flight");
    issuer.first_content(1, 0, &mut out);
    issuer.first_content(2, 0, &mut out);
    assert_eq!(out.len(), 3, "told twice, the slot is free once");
    issuer.credit_returned(3, over(&out[0]), &mut out);
    assert_eq!(out.len(), 3, "its prefill slot was free already, and both are taken");
    issuer.credit_returned(4, over(&out[1]), &mut out);
    assert_eq!(out.len(), 4, "no content ever came: the slot is free at the end");
    issuer.first_content(5, 1, &mut out);
    assert_eq!(out.len(), 4, "what is told after the end changes nothing");
}

#[test]
fn what_waits_for_a_prefill_slot_asks_for_no_timer_and_keeps_its_moment() {
    let prefill = Some(Pace::steady(1.0));
    let arrival: Option<Box<dyn ArrivalPattern>> = Some(Box::new(Every(0.001)));
    let strategy = Box::new(RequestRateStrategy::default());
    let mut issuer = Issuer::new(strategy, Parts { prefill, arrival, ..parts(None, requests(3)) });
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.timer(1_000_000, &mut out);
    assert_eq!(
        (out.len(), issuer.wake_at_ns()),
        (1, Some(6_000_000)),
        "the strategy's own moment, not the one that waits"
    );
    issuer.timer(2_000_000, &mut out);
    issuer.first_content(7_000_000, 0, &mut out);
    issuer.first_content(8_000_000, 1, &mut out);
    assert_eq!(out.iter().map(|credit| credit.intended_ns).collect::<Vec<_>>(), [0, 1_000_000, 2_000_000]);
}

/// What the world does between two credits.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Returns {
        which: usize,
        goes_on: bool,
        delay_ns: u64,
    },
    /// Of any credit so far: of one that is out, told already, or long back, as it is when a reply and a cancellation meet.
    FirstContent {
        which: usize,
    },
    TimePasses,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (any::<usize>(), any::<bool>(), 0..10_000_000u64).prop_map(|(which, goes_on, delay_ns)| Happens::Returns {
            which,
            goes_on,
            delay_ns
        }),
        any::<usize>().prop_map(|which| Happens::FirstContent { which }),
        Just(Happens::TimePasses),
    ]
}

proptest! {
    #[test]
    fn no_limit_is_exceeded_and_every_credit_and_slot_comes_back_once_under_cancellation(
        limit in 1u64..20, prefill in proptest::option::of(1u64..10), most in 1u64..200,
        rate in proptest::option::of(1.0f64..10_000.0),
        script in proptest::collection::vec(happens(), 0..1500),
    ) {
        let parts = Parts {
            prefill: prefill.map(|slots| Pace::steady(slots as f64)),
            arrival: rate.map(|rate| Box::new(Every(1.0 / rate)) as Box<dyn ArrivalPattern>),
            ..parts(Some(limit), requests(most))
        };
        let mut issuer = match rate {
            Some(_) => Issuer::new(Box::new(RequestRateStrategy::default()), parts),
            None => Issuer::new(Box::new(ConcurrencyStrategy), parts),
        };
        let mut heard = std::collections::HashSet::new();
        let mut issued = Vec::new();
        let (mut now, mut returned) = (0, Vec::new());
        issuer.start(now, &mut issued);
        let mut out: Vec<usize> = (0..issued.len()).collect();
        let mut script = script.into_iter();
        while !issuer.is_drained() {
            let step = script.next().unwrap_or(Happens::Returns { which: 0, goes_on: false, delay_ns: 0 });
            let known = issued.len();
            match step {
                Happens::Returns { which, goes_on: more, delay_ns } if !out.is_empty() => {
                    now += 1;
                    let credit = out.swap_remove(which % out.len());
                    returned.push(credit);
                    let done = if more { goes_on(&issued[credit], delay_ns) } else { over(&issued[credit]) };
                    issuer.credit_returned(now, done, &mut issued);
                }
                Happens::FirstContent { which } if !issued.is_empty() => {
                    now += 1;
                    let credit = which % issued.len();
                    heard.insert(credit);
                    issuer.first_content(now, issued[credit].id, &mut issued);
                }
                _ => {
                    now = now.max(issuer.wake_at_ns().unwrap_or(now));
                    issuer.timer(now, &mut issued);
                }
            }
            out.extend(known..issued.len());
            prop_assert_eq!(issuer.in_flight(), out.len() as u64);
            let mut sessions: Vec<u64> = out.iter().map(|credit| issued[*credit].session).collect();
            sessions.sort_unstable();
            prop_assert!(sessions.windows(2).all(|pair| pair[0] != pair[1]), "a session has one request at a time");
            prop_assert!(sessions.len() as u64 <= limit);
            let without_content = out.iter().filter(|credit| !heard.contains(*credit)).count() as u64;
            prop_assert!(prefill.is_none_or(|slots| without_content <= slots));
            prop_assert!(issued.len() as u64 <= most);
            let made_ahead = if prefill.is_none() { LEAD_NS } else { 0 };
            prop_assert!(issued[known..].iter().all(|credit| credit.intended_ns <= now + made_ahead), "nothing is early");
            let early = |credit: &&Credit| credit.turn_index == 0 && credit.intended_ns > now;
            prop_assert_eq!(issued[known..].iter().find(early).map(|credit| credit.id), None, "it would hold a slot");
        }
        prop_assert_eq!(issued.len() as u64, most);
        returned.sort_unstable();
        prop_assert_eq!(returned, (0..issued.len()).collect::<Vec<_>>());
    }
}

#[test]
fn what_nothing_can_hold_back_goes_out_ahead_of_its_moment_but_never_beyond_the_end() {
    let stop = StopRule { duration_ns: Some(12_500_000), ..StopRule::default() };
    let mut issuer = at_rate(1000.0, None, stop);
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    issuer.timer(6_000_000, &mut out);
    let moments: Vec<u64> = out.iter().map(|credit| credit.intended_ns).collect();
    assert_eq!(moments, (0..=12).map(|k| k * 1_000_000).collect::<Vec<_>>());
    issuer.timer(12_500_000, &mut out);
    assert!(issuer.has_ended());
    assert_eq!((out.len(), issuer.counts().never_sent), (13, 0), "what was asked for beyond the end was not held back");
}

#[test]
fn a_pattern_without_spacing_sends_all_that_is_wanted_and_without_any_limit_is_refused() {
    let unspaced = |stop| {
        let arrival: Option<Box<dyn ArrivalPattern>> = Some(Box::new(Every(0.0)));
        Issuer::new(Box::new(RequestRateStrategy::default()), Parts { arrival, ..parts(None, stop) })
    };
    let (mut bounded, mut out) = (unspaced(requests(7)), Vec::new());
    bounded.start(0, &mut out);
    assert_eq!((out.len(), bounded.has_ended()), (7, true));
    let mut endless = unspaced(StopRule { duration_ns: Some(1_000_000_000), ..StopRule::default() });
    endless.start(0, &mut out);
    assert_eq!((out.len(), endless.has_ended()), (7, true));
    assert!(endless.fault().is_some_and(|fault| fault.to_string().contains("set a concurrency")));
}

#[test]
fn what_was_drawn_ahead_and_not_sent_is_drawn_again_by_the_next_phase() {
    use std::sync::{Arc, Mutex};
    struct Told(Counting, Arc<Mutex<Vec<u64>>>);
    impl Feed for Told {
        fn draw(&mut self) -> aiperf_abi::Result<u64> {
            self.0.draw()
        }
        fn give_back(&mut self, unused: &[u64]) {
            self.1.lock().unwrap().extend(unused);
        }
        fn upcoming(&mut self) -> aiperf_abi::Result<Option<Upcoming>> {
            self.0.upcoming()
        }
    }
    let returned = Arc::new(Mutex::new(Vec::new()));
    let feed = Box::new(Told(Counting(0), Arc::clone(&returned)));
    let arrival: Option<Box<dyn ArrivalPattern>> = Some(Box::new(Every(0.002)));
    let parts = Parts { feed, arrival, ..parts(None, requests(3)) };
    let mut issuer = Issuer::new(Box::new(RequestRateStrategy::default()), parts);
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert_eq!((out.len(), returned.lock().unwrap().as_slice()), (3, &[3, 4, 5][..]));
}

#[test]
fn a_schedule_that_cannot_go_on_ends_the_phase_and_says_why() {
    let parts = Parts { arrival: Some(Box::new(Every(f64::NAN))), ..parts(None, requests(10)) };
    let mut issuer = Issuer::new(Box::new(RequestRateStrategy::default()), parts);
    let mut out = Vec::new();
    issuer.start(0, &mut out);
    assert!(issuer.has_ended() && out.len() <= 1);
    assert_eq!(issuer.fault().map(ToString::to_string).as_deref(), Some("out of numbers"));
}
