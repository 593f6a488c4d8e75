//! The part of a phase in which the server was as busy as it was meant to be: without the warm-up, found in the latencies,
//! and without the drain, when no more requests came. Reported beside the whole, never in its place.

use aiperf_abi::{LittlesLaw, SteadyState};

use super::aggregate::Window;
use super::applicability::Applicability;
use super::formula;
use super::mser::{METHOD, Mser};
use super::sweep::Sweep;
use super::tallies::{Detail, Tallies};
use super::timeline::{Stretch, Timeline};
use crate::facts::Facts;

/// Stretches of time the phase is kept in, counted by when requests ended: the resolution of the cuts.
const MOST: u64 = 128;
/// Length of the first stretches, about a millisecond.
const FIRST_WIDTH_NS: u64 = 1 << 20;
/// Stretches below which a rest is no state.
const FEWEST: usize = 4;
/// Difference of the two sides of Little's law that is not worth a word.
const TOLERANCE: f64 = 0.05;

/// What is needed to find it, as it goes.
#[derive(Debug, Clone)]
pub(super) struct Steady {
    series: Mser,
    by_end: Timeline,
    last_start_ns: u64,
}

impl Steady {
    pub(super) fn new(applicability: Applicability) -> Self {
        let empty = Tallies::new(applicability, Detail::Headline);
        Self { series: Mser::default(), by_end: Timeline::new(empty, FIRST_WIDTH_NS, MOST, Some(0)), last_start_ns: 0 }
    }

    pub(super) fn add(&mut self, facts: &Facts, good: Option<bool>) {
        self.last_start_ns = self.last_start_ns.max(facts.start_ns);
        self.by_end.add(facts.end_ns, facts, good);
        if let Some(latency) = formula::request_latency(facts).filter(|_| facts.error.is_none()) {
            self.series.add(facts.end_ns, latency);
        }
    }

    /// Requests that ended between the end of the warm-up and the last send, in whole stretches. Their order is not kept: as
    /// to confidence, they are taken to be as correlated as those of the whole phase, `all`.
    pub(super) fn finish(&self, window: Window, sweep: &Sweep, all: &Tallies) -> SteadyState {
        let mut state = SteadyState { method: METHOD.to_owned(), ..SteadyState::default() };
        let from_ns = match self.series.steady_from_ns() {
            Ok(from_ns) => from_ns,
            Err(reason) => return SteadyState { reason: Some(reason), ..state },
        };
        let inside: Vec<(u64, u64, &Stretch)> =
            self.by_end.stretches().filter(|(start, end, _)| from_ns <= *start && *end <= self.last_start_ns).collect();
        let [(start_ns, ..), .., (_, end_ns, _)] = inside[..] else { return too_short(state) };
        if inside.len() < FEWEST {
            return too_short(state);
        }
        let mut whole = inside[0].2.clone();
        inside[1..].iter().for_each(|(.., stretch)| whole.merge(stretch));
        whole.tallies.trust_like(all);
        let steady = Window { start_ns, end_ns };
        (state.found, state.start_ns, state.end_ns) = (true, start_ns, end_ns);
        state.warmup_sec = start_ns.saturating_sub(window.start_ns) as f64 / 1e9;
        state.drain_sec = window.end_ns.saturating_sub(end_ns) as f64 / 1e9;
        state.duration_sec = steady.seconds();
        state.metrics = whole.tallies.results(steady.seconds());
        state.littles_law = littles_law(&whole, steady, sweep);
        state
    }
}

fn too_short(state: SteadyState) -> SteadyState {
    let reason = "too little is left between the warm-up and the last send: the run is too short for its concurrency";
    SteadyState { reason: Some(reason.to_owned()), ..state }
}

/// In a steady state, the mean number in flight is the rate of completions times the mean time in flight (Little 1961).
fn littles_law(whole: &Stretch, window: Window, sweep: &Sweep) -> Option<LittlesLaw> {
    let concurrency = sweep.mean_in_flight(window.start_ns, window.end_ns)?;
    let requests = whole.requests as f64;
    let throughput = requests / window.seconds();
    let latency_sec = whole.in_flight_ns / requests / 1e9;
    let ratio = throughput * latency_sec / concurrency;
    // At either end of the window, about as many requests as are in flight belong to it in part.
    let tolerance = TOLERANCE.max(2.0 * concurrency / requests);
    ratio.is_finite().then(|| LittlesLaw {
        concurrency,
        throughput,
        latency_sec,
        ratio,
        tolerance,
        holds: (ratio - 1.0).abs() <= tolerance,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::streamed;
    use crate::metric::applicability::tests::run;

    const MS: u64 = 1_000_000;

    struct Phase {
        steady: Steady,
        sweep: Sweep,
        tallies: Tallies,
        window: Window,
    }

    impl Phase {
        fn finish(&self) -> SteadyState {
            self.steady.finish(self.window, &self.sweep, &self.tallies)
        }
    }

    /// A closed loop of `slots`: each request takes what `latency` says of its number.
    fn closed_loop(slots: u64, requests: u64, latency: impl Fn(u64) -> u64) -> Phase {
        let (mut steady, mut sweep) = (Steady::new(run(true, true)), Sweep::default());
        let mut tallies = Tallies::new(run(true, true), Detail::Full);
        let mut free: Vec<u64> = (0..slots).map(|slot| slot * 1000).collect();
        let mut all: Vec<Facts> = (0..requests)
            .map(|number| {
                free.sort_unstable();
                let start = free[0];
                let end = start + latency(number);
                free[0] = end;
                streamed(start, &[start + (end - start) / 2, end], 5)
            })
            .collect();
        all.sort_by_key(|facts| facts.end_ns);
        all.iter().for_each(|facts| {
            steady.add(facts, None);
            sweep.add(facts);
            tallies.add(facts, None);
        });
        let end_ns = all.last().expect("some").end_ns;
        Phase { steady, sweep, tallies, window: Window { start_ns: 0, end_ns } }
    }

    fn avg(state: &SteadyState, tag: &str) -> f64 {
        state.metrics.iter().find(|metric| metric.tag == tag).unwrap_or_else(|| panic!("no {tag}")).avg
    }

    #[test]
    fn a_slow_start_and_a_long_last_request_are_cut() {
        // The first hundred take ten times as long; the last one hangs.
        let latency = |number| match number {
            0..100 => 200 * MS,
            1999 => 3000 * MS,
            number => 20 * MS + number % 7 * MS,
        };
        let state = closed_loop(10, 2000, latency).finish();
        assert!(state.found, "{state:?}");
        assert!((1.9..2.4).contains(&state.warmup_sec), "{}", state.warmup_sec);
        assert!(state.drain_sec >= 2.9, "{}", state.drain_sec);
        assert!((avg(&state, "request_latency") - 23.0).abs() < 0.5);
        let rate = avg(&state, "request_throughput");
        assert!((rate - 10.0 / 0.023).abs() < 0.03 * rate, "{rate}");
        let law = state.littles_law.expect("requests");
        assert!(law.holds && (law.concurrency - 10.0).abs() < 0.05 && (law.ratio - 1.0).abs() < 0.03, "{law:?}");
    }

    #[test]
    fn a_server_that_gets_slower_and_slower_has_none() {
        let state = closed_loop(4, 1000, |number| 10 * MS + number * MS).finish();
        assert!(!state.found && state.reason.is_some_and(|reason| reason.contains("still changing")));
    }

    #[test]
    fn its_percentiles_are_certified_or_marked_as_those_of_the_whole_are() {
        let state = closed_loop(10, 2000, |number| 20 * MS + number % 7 * MS).finish();
        let latency = state.metrics.iter().find(|metric| metric.tag == "request_latency");
        let latency = latency.and_then(|metric| metric.distribution.as_ref()).expect("a distribution");
        let (low, high) = latency.avg_ci95.expect("an interval");
        assert!(low < high && latency.percentile_ci95.len() > 5);
        assert_eq!(latency.uncertified(50.0), None);
        let tail = latency.uncertified(99.9).expect("2000 requests say nothing of one in a thousand");
        assert!(tail.has <= latency.count && tail.needs == 6636, "{tail:?}");
    }

    #[test]
    fn a_short_run_says_that_it_is_short() {
        let state = closed_loop(64, 128, |_| 100 * MS).finish();
        assert!(!state.found && state.metrics.is_empty());
        assert!(state.reason.is_some_and(|reason| reason.contains("too short")));
    }
}
