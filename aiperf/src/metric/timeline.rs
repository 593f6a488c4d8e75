//! Sums per stretch of time, in bounded memory: stretches of one length, which doubles when there are too many.

use std::collections::BTreeMap;

use super::tallies::Tallies;
use crate::facts::Facts;

/// Stretches of time with what happened in each; those where nothing did are not there.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    empty: Tallies,
    most: u64,
    width_ns: u64,
    /// Start of stretch 0; what was earlier counts to it. The first moment that is given, unless set.
    origin_ns: Option<u64>,
    stretches: BTreeMap<u64, Stretch>,
}

/// What happened in one stretch.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) tallies: Tallies,
    /// Requests, failed ones included, and the time they were in flight.
    pub(super) requests: u64,
    pub(super) in_flight_ns: f64,
}

impl Timeline {
    /// Stretches of `width_ns`, or of a power of two times that, of which there are `most`.
    pub(super) fn new(empty: Tallies, width_ns: u64, most: u64, origin_ns: Option<u64>) -> Self {
        Self { empty, most, width_ns: width_ns.max(1), origin_ns, stretches: BTreeMap::new() }
    }

    /// Counts a request to the stretch of `at_ns`. `good` says whether it met the objectives, if there are any.
    pub(super) fn add(&mut self, at_ns: u64, facts: &Facts, good: Option<bool>) {
        let origin = *self.origin_ns.get_or_insert(at_ns);
        let mut number = at_ns.saturating_sub(origin) / self.width_ns;
        while self.span_with(number) > self.most {
            self.double();
            number /= 2;
        }
        let stretch = self.stretches.entry(number).or_insert_with(|| Stretch {
            tallies: self.empty.clone(),
            requests: 0,
            in_flight_ns: 0.0,
        });
        stretch.tallies.add(facts, good);
        stretch.requests += 1;
        stretch.in_flight_ns += facts.end_ns.saturating_sub(facts.start_ns) as f64;
    }

    fn span_with(&self, number: u64) -> u64 {
        let ends = self.stretches.first_key_value().zip(self.stretches.last_key_value());
        ends.map_or(1, |((first, _), (last, _))| number.max(*last) - number.min(*first) + 1)
    }

    fn double(&mut self) {
        self.width_ns *= 2;
        let mut halves = std::mem::take(&mut self.stretches);
        while let Some((number, stretch)) = halves.pop_first() {
            match self.stretches.get_mut(&(number / 2)) {
                Some(whole) => whole.merge(&stretch),
                None => drop(self.stretches.insert(number / 2, stretch)),
            }
        }
    }

    /// Length of a stretch.
    pub(super) fn width_ns(&self) -> u64 {
        self.width_ns
    }

    /// Start and end of every stretch with what happened in it, ascending.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (u64, u64, &Stretch)> + '_ {
        let origin = self.origin_ns.unwrap_or(0);
        self.stretches.iter().map(move |(number, stretch)| {
            let start = origin + number * self.width_ns;
            (start, start + self.width_ns, stretch)
        })
    }
}

impl Stretch {
    /// Both together.
    pub(super) fn merge(&mut self, other: &Self) {
        self.tallies.merge(&other.tallies);
        self.requests += other.requests;
        self.in_flight_ns += other.in_flight_ns;
    }
}
