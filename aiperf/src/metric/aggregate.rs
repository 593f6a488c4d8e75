//! Records in, results out, in memory that does not grow with their number: the metrics of the whole phase, what was
//! going on at the same time, the steady part, and slices of time. One value per phase; which phase and when it started
//! is the caller's knowledge.

use aiperf_abi::{ErrorCount, MetricResult, SteadyState};

use super::applicability::Applicability;
use super::errors::ErrorSummary;
use super::slo::Slos;
use super::steady::Steady;
use super::sweep::Sweep;
use super::tallies::{Detail, Tallies};
use super::timeline::Timeline;
use crate::facts::Facts;

/// Slices of time that are kept; where there would be more, each two become one.
const MOST_SLICES: u64 = 500;

/// What a run wants measured beyond the catalog.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    /// What a good request is.
    pub slos: Slos,
    /// Length of a slice of time, nanoseconds, where slices are wanted.
    pub slice_ns: Option<u64>,
    /// Whether the times of the transport are for the screen, too.
    pub shows_trace: bool,
}

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

/// A slice of time and the metrics of the requests that were sent in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Its start and end.
    pub window: Window,
    /// Whether the phase did not end within it.
    pub is_complete: bool,
    /// The metrics.
    pub metrics: Vec<MetricResult>,
}

/// Everything known about the records so far.
#[derive(Debug, Clone)]
pub struct Aggregate {
    slos: Slos,
    shows_trace: bool,
    all: Tallies,
    errors: ErrorSummary,
    sweep: Sweep,
    steady: Steady,
    slices: Option<Timeline>,
}

impl Aggregate {
    /// No records yet.
    pub fn new(applicability: Applicability, measures: &Measures) -> Self {
        let applicability = applicability.measuring(measures);
        Self {
            slos: measures.slos.clone(),
            shows_trace: measures.shows_trace,
            all: Tallies::new(applicability, Detail::Full),
            errors: ErrorSummary::default(),
            sweep: Sweep::default(),
            steady: Steady::new(applicability),
            slices: measures
                .slice_ns
                .map(|width| Timeline::new(Tallies::new(applicability, Detail::Light), width, MOST_SLICES, None)),
        }
    }

    /// Takes in a record. A failed one feeds nothing but the metrics of failures and of what was in flight.
    pub fn add(&mut self, facts: &Facts) {
        if let Some(error) = &facts.error {
            self.errors.add(error);
        }
        let good = self.slos.are_met(facts);
        self.all.add(facts, good);
        self.sweep.add(facts);
        self.steady.add(facts, good);
        if let Some(slices) = &mut self.slices {
            slices.add(facts.start_ns, facts, good);
        }
    }

    /// Failures by what they say, most frequent first.
    pub fn errors(&self) -> Vec<ErrorCount> {
        self.errors.counts()
    }

    /// How many valid and failed records were taken in.
    pub fn counts(&self) -> (u64, u64) {
        let of = |tag| self.all.sum(tag).unwrap_or(0.0) as u64;
        (of("request_count"), of("error_request_count"))
    }

    /// Mean of a metric so far, as it is shown.
    pub fn mean(&self, tag: &str) -> Option<f64> {
        self.all.mean(tag)
    }

    /// The results of every metric that has a value, in display units and display order. May be asked at any time.
    pub fn finish(&self, window: Window) -> Vec<MetricResult> {
        let mut results = self.all.results(window.seconds());
        if !self.shows_trace {
            let trace = results.iter_mut().filter(|result| result.group.as_deref() == Some("http_timing"));
            trace.for_each(|result| result.group = None);
        }
        results.extend(self.sweep.results(window.start_ns, window.end_ns));
        results.sort_by_key(|result| result.order.unwrap_or(u32::MAX));
        results
    }

    /// The part of the phase without warm-up and drain. Its times are nanoseconds of the run's clock.
    pub fn steady_state(&self, window: Window) -> SteadyState {
        self.steady.finish(window, &self.sweep, &self.all)
    }

    /// The slices of time, where they were asked for. Empty ones are left out, the last one ends with the phase.
    pub fn slices(&self, window: Window) -> Vec<Slice> {
        let stretches = self.slices.iter().flat_map(Timeline::stretches);
        stretches
            .map(|(start_ns, end_ns, stretch)| {
                let slice = Window { start_ns, end_ns: end_ns.min(window.end_ns).max(start_ns) };
                let metrics = stretch.tallies.results(slice.seconds());
                Slice { window: slice, is_complete: end_ns <= window.end_ns, metrics }
            })
            .collect()
    }

    /// Length of a slice, nanoseconds: longer than was asked for where there would have been too many.
    pub fn slice_ns(&self) -> Option<u64> {
        self.slices.as_ref().map(Timeline::width_ns)
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::ErrorDetails;

    use super::*;
    use crate::facts::tests::streamed;
    use crate::metric::applicability::tests::run;
    use crate::metric::catalog::CATALOG;
    use crate::metric::definition::Flags;

    const MS: u64 = 1_000_000;

    fn failed(message: &str) -> Facts {
        Facts {
            error: Some(ErrorDetails { code: Some(500), kind: "Server Error".into(), message: message.into() }),
            input_tokens: Some(7),
            ..streamed(0, &[], 0)
        }
    }

    fn results(applicability: Applicability, records: &[Facts], window: Window) -> Vec<MetricResult> {
        let mut aggregate = Aggregate::new(applicability, &Measures::default());
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
