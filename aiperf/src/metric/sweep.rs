//! What was going on at the same time: how many requests were in flight, how many of them waited for their first token,
//! how fast tokens were made, all as time-weighted distributions over the phase (a sweep line over the requests).

use aiperf_abi::{Distribution, MetricResult};

use super::curve::{Curve, Level};
use super::definition::{Group, Unit};
use crate::facts::Facts;

/// The percentiles of a distribution over time.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

/// The curves of a phase as it goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Sweep {
    in_flight: Curve,
    prefilling: Curve,
    decoding: Curve,
    prefill_rate: Curve,
    decode_rate: Curve,
    tokens: Curve,
}

/// One distribution over time.
struct Row<'a> {
    tag: &'a str,
    header: &'a str,
    unit: &'a str,
    order: u32,
    /// Leaves out the times when it is zero.
    active: Option<(&'a str, &'a str)>,
}

impl Sweep {
    /// Takes in a request. A failed one was in flight too.
    pub(super) fn add(&mut self, facts: &Facts) {
        self.in_flight.raise(facts.start_ns, facts.end_ns, 1.0);
        if facts.error.is_some() {
            return;
        }
        let input = facts.input_tokens.unwrap_or(0) as f64;
        let output = facts.output_sequence_length().unwrap_or(0) as f64;
        if input + output > 0.0 && facts.start_ns < facts.end_ns {
            self.tokens.change(facts.start_ns, input);
            let each = output / facts.content_ns.len().max(1) as f64;
            facts.content_ns.iter().for_each(|at| self.tokens.change((*at).min(facts.end_ns), each));
            let told = if facts.content_ns.is_empty() { 0.0 } else { output };
            self.tokens.change(facts.end_ns, -(input + told));
        }
        let [first, .., last] = facts.content_ns[..] else { return };
        self.prefilling.raise(facts.start_ns, first, 1.0);
        self.decoding.raise(first, last, 1.0);
        self.prefill_rate.raise(facts.start_ns, first, input * 1e9 / first.saturating_sub(facts.start_ns) as f64);
        self.decode_rate.raise(first, last, (output - 1.0).max(0.0) * 1e9 / last.saturating_sub(first) as f64);
    }

    /// Mean number of requests in flight between two moments.
    pub(super) fn mean_in_flight(&self, from_ns: u64, to_ns: u64) -> Option<f64> {
        self.in_flight.mean_between(from_ns, to_ns)
    }

    /// The distributions over a phase. Those of tokens only where a reply came in a stream.
    pub(super) fn results(&self, from_ns: u64, to_ns: u64) -> Vec<MetricResult> {
        let levels = |curve: &Curve| curve.levels(from_ns, to_ns);
        let row = |tag, header, unit, order| Row { tag, header, unit, order, active: None };
        let both = |row: Row<'static>, tag, header| Row { active: Some((tag, header)), ..row };
        let requests = Unit::Requests.label();
        let rate = Unit::TokensPerSecond.label();
        let mut results = Vec::new();
        let mut tell = |row: &Row<'_>, levels: &[Level]| results.extend(row.results(levels));
        tell(
            &both(
                row("effective_concurrency", "Effective Concurrency", requests, 300),
                "active_concurrency",
                "Active Concurrency",
            ),
            &levels(&self.in_flight),
        );
        let (prefill, decode) = (levels(&self.prefill_rate), levels(&self.decode_rate));
        if decode.iter().any(|level| level.value > 0.0) {
            let (waiting, writing) = (levels(&self.prefilling), levels(&self.decoding));
            let named = [
                ("effective_prefill_concurrency", "Effective Prefill Concurrency", requests, 310, &waiting),
                ("effective_decode_concurrency", "Effective Decode Concurrency", requests, 320, &writing),
                ("effective_prefill_throughput", "Effective Prefill Throughput", rate, 330, &prefill),
                ("effective_decode_throughput", "Effective Decode Throughput", rate, 340, &decode),
            ];
            for (tag, header, unit, order, curve) in named {
                let (active, active_header) =
                    (tag.replacen("effective", "active", 1), header.replacen("Effective", "Active", 1));
                tell(&Row { active: Some((&active, &active_header)), ..row(tag, header, unit, order) }, curve);
            }
            tell(
                &row("effective_total_throughput", "Effective Total Throughput", rate, 350),
                &levels(&self.prefill_rate.plus(&self.decode_rate)),
            );
        }
        let tokens = levels(&self.tokens);
        if tokens.iter().any(|level| level.value > 0.0) {
            tell(&row("tokens_in_flight", "Tokens in Flight", Unit::Tokens.label(), 360), &tokens);
        }
        results
    }
}

impl Row<'_> {
    fn results(&self, levels: &[Level]) -> Vec<MetricResult> {
        let result = |tag: &str, header: &str, group: Group, levels: Vec<Level>| {
            let (avg, distribution) = weighted(levels)?;
            Some(MetricResult {
                tag: tag.to_owned(),
                header: header.to_owned(),
                unit: self.unit.to_owned(),
                order: Some(self.order),
                group: group.name().map(str::to_owned),
                avg,
                distribution: Some(distribution),
            })
        };
        let all = result(self.tag, self.header, Group::Effective, levels.to_vec());
        let active = self.active.and_then(|(tag, header)| {
            result(tag, header, Group::None, levels.iter().filter(|level| level.value > 0.0).copied().collect())
        });
        all.into_iter().chain(active).collect()
    }
}

/// Mean and distribution of levels, each weighted by how long it held. It has no count: it is of time, not of requests.
fn weighted(mut levels: Vec<Level>) -> Option<(f64, Distribution)> {
    levels.sort_by(|a, b| a.value.total_cmp(&b.value));
    let (first, last) = (levels.first()?.value, levels.last()?.value);
    let total: f64 = levels.iter().map(|level| level.ns).sum();
    let mean = levels.iter().map(|level| level.value * level.ns).sum::<f64>() / total;
    let variance = levels.iter().map(|level| (level.value - mean).powi(2) * level.ns).sum::<f64>() / total;
    let quantile = |percent: f64| {
        let mut passed = 0.0;
        let found = levels.iter().find(|level| {
            passed += level.ns;
            passed >= percent / 100.0 * total
        });
        found.map_or(last, |level| level.value)
    };
    let percentiles = PERCENTILES.map(|percent| (percent, quantile(percent))).to_vec();
    Some((mean, Distribution { min: first, max: last, std: variance.sqrt(), percentiles, ..Distribution::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::streamed;

    const MS: u64 = 1_000_000;

    fn of(results: &[MetricResult], tag: &str) -> MetricResult {
        results.iter().find(|result| result.tag == tag).unwrap_or_else(|| panic!("no {tag}")).clone()
    }

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() <= 0.01 * wanted
    }

    #[test]
    fn four_at_a_time_for_half_the_phase_are_two_on_average() {
        let mut sweep = Sweep::default();
        (0..4).for_each(|_| sweep.add(&streamed(0, &[100 * MS, 500 * MS], 5)));
        let results = sweep.results(0, 1000 * MS);
        let all = of(&results, "effective_concurrency");
        assert!(near(all.avg, 2.0), "{all:?}");
        let distribution = all.distribution.expect("over time");
        assert!(distribution.percentile(99.0) == Some(4.0) && distribution.min == 0.0);
        assert!(near(of(&results, "active_concurrency").avg, 4.0));
        assert!(near(of(&results, "effective_prefill_concurrency").avg, 0.4));
        assert!(near(of(&results, "effective_decode_concurrency").avg, 1.6));
        // Four tokens in 400 ms each.
        assert!(near(of(&results, "active_decode_throughput").avg, 40.0));
        assert!(near(of(&results, "effective_decode_throughput").avg, 16.0));
    }

    #[test]
    fn tokens_in_flight_are_the_input_and_what_was_written_so_far() {
        let mut sweep = Sweep::default();
        let request = Facts { input_tokens: Some(10), end_ns: 1000 * MS, ..streamed(0, &[250 * MS, 500 * MS], 8) };
        sweep.add(&request);
        // 10 for 250 ms, 14 for 250 ms, 18 for 500 ms.
        assert!(near(of(&sweep.results(0, 1000 * MS), "tokens_in_flight").avg, 15.0));
    }

    #[test]
    fn a_failed_request_was_in_flight_and_made_no_tokens() {
        let mut sweep = Sweep::default();
        let failed = Facts { error: Some(Default::default()), end_ns: 10 * MS, ..streamed(0, &[], 0) };
        sweep.add(&failed);
        let results = sweep.results(0, 10 * MS);
        assert!(near(of(&results, "effective_concurrency").avg, 1.0));
        assert!(results.iter().all(|result| result.tag.ends_with("_concurrency")), "{results:?}");
    }

    #[test]
    fn a_reply_that_came_all_at_once_was_never_being_decoded() {
        let mut sweep = Sweep::default();
        sweep.add(&streamed(0, &[100 * MS, 100 * MS], 5));
        sweep.add(&streamed(0, &[100 * MS, 500 * MS], 5));
        let results = sweep.results(0, 1000 * MS);
        assert!(near(of(&results, "effective_decode_throughput").avg, 4.0), "of the other one alone");
        assert!(near(of(&results, "effective_prefill_concurrency").avg, 0.2));
    }
}
