//! Records in, one result per metric out, in memory that does not grow with their number. One value per phase; which
//! phase and when it started is the caller's knowledge.

use aiperf_abi::{ErrorCount, MetricResult};

use super::applicability::Applicability;
use super::catalog::CATALOG;
use super::definition::{Flags, Fold, Metric, Source};
use super::errors::ErrorSummary;
use super::spread::Spread;
use crate::facts::Facts;

/// Stretch over which throughput is counted, nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When the phase started.
    pub start_ns: u64,
    /// When the last request of the phase finished, failed ones included.
    pub end_ns: u64,
}

impl Window {
    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        self.end_ns.saturating_sub(self.start_ns) as f64 / 1e9
    }
}

/// Everything known about the records so far.
#[derive(Debug, Clone)]
pub struct Aggregate {
    applicability: Applicability,
    /// One per metric of the catalog, in its order.
    cells: Vec<Cell>,
    errors: ErrorSummary,
}

#[derive(Debug, Clone)]
enum Cell {
    /// It does not apply, or follows from others at the end.
    Empty,
    Spread(Box<Spread>),
    Tally(Option<f64>),
}

impl Aggregate {
    /// No records yet.
    pub fn new(applicability: Applicability) -> Self {
        let cells = CATALOG.iter().map(|metric| Cell::new(metric, applicability)).collect();
        Self { applicability, cells, errors: ErrorSummary::default() }
    }

    /// Takes in a record. A failed one feeds nothing but the metrics of failures.
    pub fn add(&mut self, facts: &Facts) {
        if let Some(error) = &facts.error {
            self.errors.add(error);
        }
        for (metric, cell) in CATALOG.iter().zip(&mut self.cells) {
            if metric.is_fed_by(facts) {
                cell.add(metric, facts);
            }
        }
    }

    /// Failures by what they say, most frequent first.
    pub fn errors(&self) -> Vec<ErrorCount> {
        self.errors.counts()
    }

    /// How many valid and failed records were taken in.
    pub fn counts(&self) -> (u64, u64) {
        let of = |tag| self.sum(tag).unwrap_or(0.0) as u64;
        (of("request_count"), of("error_request_count"))
    }

    /// Mean of a metric so far, as it is shown.
    pub fn mean(&self, tag: &str) -> Option<f64> {
        let (metric, cell) = self.cell(tag)?;
        match cell {
            Cell::Spread(spread) => spread.mean().map(|mean| metric.unit.shown(mean)),
            _ => None,
        }
    }

    /// The results of every metric that has a value, in display units and display order. May be asked at any time.
    pub fn finish(&self, window: Window) -> Vec<MetricResult> {
        let mut results: Vec<MetricResult> = CATALOG
            .iter()
            .zip(&self.cells)
            .filter(|(metric, _)| self.applicability.tells(metric))
            .filter_map(|(metric, cell)| self.result(metric, cell, window))
            .collect();
        results.sort_by_key(|result| result.order.unwrap_or(u32::MAX));
        results
    }

    fn result(&self, metric: &Metric, cell: &Cell, window: Window) -> Option<MetricResult> {
        let (avg, distribution) = match cell {
            Cell::Spread(spread) => {
                (metric.unit.shown(spread.mean()?), spread.distribution(|raw| metric.unit.shown(raw)))
            }
            _ => (metric.unit.shown(self.scalar(metric, cell, window)?), None),
        };
        Some(MetricResult {
            tag: metric.tag.to_owned(),
            header: metric.header.to_owned(),
            unit: metric.unit.label().to_owned(),
            order: metric.order,
            group: metric.group.name().map(str::to_owned),
            avg,
            distribution,
        })
    }

    /// A finite value; no failures is the rule and not worth one.
    fn scalar(&self, metric: &Metric, cell: &Cell, window: Window) -> Option<f64> {
        let value = match (metric.source, cell) {
            (Source::Derived(needs, of), _) => {
                let values: Option<Vec<f64>> = needs.iter().map(|tag| self.sum(tag)).collect();
                of(&values?, window.seconds())
            }
            (_, Cell::Tally(value)) => *value,
            _ => None,
        };
        let only_failures = metric.flags.meets(Flags::ERROR_ONLY);
        value.filter(|value| value.is_finite() && !(only_failures && *value == 0.0))
    }

    /// What a derived metric starts from: the sum over records, or the value of a tally.
    fn sum(&self, tag: &str) -> Option<f64> {
        match self.cell(tag)?.1 {
            Cell::Spread(spread) => (spread.count() > 0).then(|| spread.sum()),
            Cell::Tally(value) => *value,
            Cell::Empty => None,
        }
    }

    fn cell(&self, tag: &str) -> Option<(&'static Metric, &Cell)> {
        CATALOG.iter().zip(&self.cells).find(|(metric, _)| metric.tag == tag)
    }
}

impl Metric {
    /// Whether a record of this outcome has a part in the metric.
    pub fn is_fed_by(&self, facts: &Facts) -> bool {
        facts.error.is_some() == self.flags.meets(Flags::ERROR_ONLY)
    }
}

impl Cell {
    fn new(metric: &Metric, applicability: Applicability) -> Self {
        if !applicability.covers(metric) {
            return Self::Empty;
        }
        match metric.source {
            Source::Record(_) | Source::List(_) => Self::Spread(Box::new(Spread::new(metric.unit.steps()))),
            Source::Tally(Fold::Sum, _) => Self::Tally(Some(0.0)),
            Source::Tally(..) => Self::Tally(None),
            Source::Derived(..) => Self::Empty,
        }
    }

    fn add(&mut self, metric: &Metric, facts: &Facts) {
        match (metric.source, self) {
            (Source::Record(of), Self::Spread(spread)) => {
                of(facts).into_iter().for_each(|value| spread.add(value));
            }
            (Source::List(of), Self::Spread(spread)) => of(facts).into_iter().for_each(|value| spread.add(value)),
            (Source::Tally(fold, of), Self::Tally(value)) => {
                if let Some(new) = of(facts) {
                    *value = Some(value.map_or(new, |old| match fold {
                        Fold::Sum => old + new,
                        Fold::Min => old.min(new),
                        Fold::Max => old.max(new),
                    }));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::ErrorDetails;

    use super::*;
    use crate::facts::tests::streamed;
    use crate::metric::applicability::tests::run;

    const MS: u64 = 1_000_000;

    fn failed(message: &str) -> Facts {
        Facts {
            error: Some(ErrorDetails { code: Some(500), kind: "Server Error".into(), message: message.into() }),
            input_tokens: Some(7),
            ..streamed(0, &[], 0)
        }
    }

    fn results(applicability: Applicability, records: &[Facts], window: Window) -> Vec<MetricResult> {
        let mut aggregate = Aggregate::new(applicability);
        records.iter().for_each(|facts| aggregate.add(facts));
        aggregate.finish(window)
    }

    fn avg(results: &[MetricResult], tag: &str) -> Option<f64> {
        results.iter().find(|result| result.tag == tag).map(|result| result.avg)
    }

    /// Two replies of 5 and 9 tokens, one failure; the phase began 1 s before the first request.
    fn sample() -> (Vec<Facts>, Window) {
        let second = 1000 * MS;
        let one = Facts { input_tokens: Some(10), ..streamed(second, &[second + 20 * MS, second + 60 * MS], 5) };
        let two = Facts { input_tokens: Some(30), ..streamed(second, &[second + 40 * MS, second + 120 * MS], 9) };
        (vec![one, failed("oops"), two], Window { start_ns: 0, end_ns: 2 * second })
    }

    #[test]
    fn throughput_counts_over_the_phase_window_not_over_the_benchmark_duration() {
        let (records, window) = sample();
        let results = results(run(true, true), &records, window);
        assert_eq!(avg(&results, "request_throughput"), Some(1.0));
        assert_eq!(avg(&results, "output_token_throughput"), Some(7.0));
        assert_eq!(avg(&results, "total_token_throughput"), Some(27.0));
        assert_eq!(avg(&results, "benchmark_duration"), Some(0.12));
    }

    #[test]
    fn latencies_are_shown_in_milliseconds_and_counts_in_their_own_unit() {
        let (records, window) = sample();
        let results = results(run(true, true), &records, window);
        let ttft = results.iter().find(|result| result.tag == "time_to_first_token").expect("streamed");
        let distribution = ttft.distribution.as_ref().expect("per request");
        assert_eq!((ttft.avg, ttft.unit.as_str()), (30.0, "ms"));
        assert_eq!((distribution.min, distribution.max, distribution.std, distribution.sum), (20.0, 40.0, 10.0, 60.0));
        assert_eq!(distribution.percentile(50.0), Some(30.0));
        assert_eq!(avg(&results, "inter_token_latency"), Some(10.0));
        assert_eq!(avg(&results, "output_sequence_length"), Some(7.0));
    }

    #[test]
    fn a_failed_request_feeds_only_the_metrics_of_failures() {
        let (records, window) = sample();
        let results = results(run(true, true), &records, window);
        assert_eq!(avg(&results, "request_count"), Some(2.0));
        assert_eq!(avg(&results, "error_request_count"), Some(1.0));
        assert_eq!(avg(&results, "completed_request_count"), Some(3.0));
        assert!(avg(&results, "request_error_rate").is_some_and(|rate| (rate - 100.0 / 3.0).abs() < 1e-9));
        assert_eq!(avg(&results, "total_error_isl"), Some(7.0));
        assert_eq!(avg(&results, "total_isl"), Some(40.0));
    }

    #[test]
    fn without_failures_the_error_rate_is_zero_and_error_counts_are_absent() {
        let results = results(run(true, true), &[streamed(0, &[MS], 2)], Window { start_ns: 0, end_ns: MS });
        assert_eq!(avg(&results, "request_error_rate"), Some(0.0));
        for tag in ["error_request_count", "context_overflow_count", "total_error_isl", "error_isl"] {
            assert_eq!(avg(&results, tag), None, "{tag}");
        }
    }

    #[test]
    fn when_every_request_failed_there_is_a_throughput_of_zero_and_no_latency() {
        let results = results(run(true, true), &[failed("a"), failed("b")], Window { start_ns: 0, end_ns: MS });
        assert_eq!(avg(&results, "request_throughput"), Some(0.0));
        assert_eq!(avg(&results, "request_latency"), None);
        assert_eq!(avg(&results, "request_error_rate"), Some(100.0));
    }

    #[test]
    fn an_empty_window_gives_no_throughput_rather_than_infinity() {
        let results = results(run(true, true), &[streamed(0, &[1], 2)], Window { start_ns: 5, end_ns: 5 });
        assert_eq!(avg(&results, "request_throughput"), None);
    }

    #[test]
    fn chunk_times_of_all_requests_make_one_distribution() {
        let records = [streamed(0, &[10, 20, 40], 3), streamed(0, &[10, 50], 2)];
        let results = results(run(true, true), &records, Window { start_ns: 0, end_ns: 50 });
        let icl = results.iter().find(|result| result.tag == "inter_chunk_latency").expect("streamed");
        assert_eq!(icl.distribution.as_ref().map(|d| d.count), Some(3));
        assert_eq!(icl.group, None);
    }

    #[test]
    fn a_run_without_streaming_shows_no_streaming_metric_even_if_the_facts_would_give_one() {
        let (records, window) = sample();
        let results = results(run(false, true), &records, window);
        for metric in CATALOG.iter().filter(|metric| metric.flags.meets(Flags::STREAMING_ONLY)) {
            assert_eq!(avg(&results, metric.tag), None, "{}", metric.tag);
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_main_table() {
        let (records, window) = sample();
        let results = results(run(true, true), &records, window);
        let printed: Vec<_> =
            results.iter().filter(|result| result.group.as_deref() == Some("default")).map(|r| &*r.tag).collect();
        assert_eq!(
            printed,
            [
                "time_to_first_token",
                "time_to_second_token",
                "time_to_first_output_token",
                "request_latency",
                "decode_duration",
                "inter_token_latency",
                "output_token_throughput_per_user",
                "e2e_output_token_throughput",
                "output_sequence_length",
                "input_sequence_length",
                "output_token_throughput",
                "input_token_throughput",
                "request_throughput",
                "completed_request_count",
                "request_error_rate",
                "request_count",
                "error_request_count",
            ]
        );
    }
}
