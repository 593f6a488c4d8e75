//! Facts of one request as a line of the record file: identity, raw times on the wall clock, metrics in display units.
//! Where the line goes is not known here.

use std::collections::BTreeMap;

use aiperf_abi::{ErrorDetails, MetricValue, Record, RecordMetadata, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::aggregate::Measures;
use super::applicability::Applicability;
use super::catalog::CATALOG;
use super::definition::{Metric, Source, Unit};
use super::slo::Slos;
use crate::clock::Clock;
use crate::facts::Facts;

/// A [`Record`] as it is written: the same, without a copy of every name and number.
#[derive(Serialize)]
struct Line<'a> {
    metadata: RecordMetadata,
    metrics: Metrics<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    good: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorDetails>,
}

struct Metrics<'a> {
    applicability: Applicability,
    facts: &'a Facts,
}

/// One metric of a line.
#[derive(Serialize)]
struct One<T> {
    value: T,
    unit: &'static str,
}

/// A number as it is written: what is whole stays whole.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Real(f64),
}

impl Number {
    fn shown(unit: Unit, raw: f64) -> Option<Self> {
        let shown = unit.shown(raw);
        shown.is_finite().then(|| if unit.is_whole() { Self::Whole(shown as u64) } else { Self::Real(shown) })
    }
}

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let fed = |metric: &&Metric| self.applicability.tells(metric) && metric.is_fed_by(self.facts);
        for metric in CATALOG.iter().filter(fed) {
            let unit = metric.unit.label();
            match metric.source {
                Source::Record(of) => {
                    if let Some(value) = of(self.facts).and_then(|raw| Number::shown(metric.unit, raw)) {
                        map.serialize_entry(metric.tag, &One { value, unit })?;
                    }
                }
                Source::List(of) => {
                    let raw = of(self.facts);
                    let value: Vec<Number> = raw.iter().filter_map(|raw| Number::shown(metric.unit, *raw)).collect();
                    if !raw.is_empty() {
                        map.serialize_entry(metric.tag, &One { value, unit })?;
                    }
                }
                Source::Tally(..) | Source::Derived(..) | Source::Good => {}
            }
        }
        map.end()
    }
}

/// Turns facts into records of one run.
#[derive(Debug, Clone)]
pub struct RecordEncoder {
    applicability: Applicability,
    slos: Slos,
    clock: Clock,
}

impl RecordEncoder {
    /// For a run whose times are those of `clock`.
    pub fn new(applicability: Applicability, measures: &Measures, clock: Clock) -> Self {
        Self { applicability, slos: measures.slos.clone(), clock }
    }

    /// Appends the record as one JSON line.
    pub fn encode(&self, facts: &Facts, lines: &mut String) {
        let line = Line {
            metadata: self.metadata(facts),
            metrics: Metrics { applicability: self.applicability, facts },
            good: self.slos.are_met(facts),
            error: facts.error.as_ref(),
        };
        let line = serde_json::to_string(&line).expect("a record has only text keys and finite numbers");
        lines.push_str(&line);
        lines.push('\n');
    }

    /// The record. A failed request has its error and no metrics but those of failures.
    pub fn record(&self, facts: &Facts) -> Record {
        let mut metrics = BTreeMap::new();
        for metric in CATALOG.iter().filter(|metric| self.applicability.tells(metric) && metric.is_fed_by(facts)) {
            let value = match metric.source {
                Source::Record(of) => of(facts).and_then(|raw| json_number(metric.unit, raw)),
                Source::List(of) => json_list(metric.unit, &of(facts)),
                Source::Tally(..) | Source::Derived(..) | Source::Good => None,
            };
            if let Some(value) = value {
                let unit = metric.unit.label().to_owned();
                metrics.insert(metric.tag.to_owned(), MetricValue { value, unit });
            }
        }
        Record { metadata: self.metadata(facts), metrics, good: self.slos.are_met(facts), error: facts.error.clone() }
    }

    /// Identity and times of a request, on the wall clock.
    pub fn metadata(&self, facts: &Facts) -> RecordMetadata {
        let wall = |ns| self.clock.wall_ns(ns);
        RecordMetadata {
            session_num: facts.session_num,
            x_request_id: facts.x_request_id.clone(),
            x_correlation_id: facts.x_correlation_id.clone(),
            conversation_id: facts.conversation_id.clone(),
            turn_index: facts.turn_index,
            credit_issued_ns: wall(facts.intended_ns),
            request_start_ns: wall(facts.start_ns),
            request_ack_ns: facts.head_ns.map(wall),
            request_end_ns: wall(facts.end_ns),
            worker_id: format!("worker_{}", facts.worker),
            benchmark_phase: facts.phase.as_str().to_owned(),
            was_cancelled: facts.cancelled_ns.is_some(),
            cancellation_time_ns: facts.cancelled_ns.map(wall),
        }
    }
}

fn json_number(unit: Unit, raw: f64) -> Option<Value> {
    let shown = unit.shown(raw);
    if !shown.is_finite() {
        return None;
    }
    Some(if unit.is_whole() { Value::from(shown as u64) } else { Value::from(shown) })
}

fn json_list(unit: Unit, raw: &[f64]) -> Option<Value> {
    (!raw.is_empty()).then(|| raw.iter().filter_map(|value| json_number(unit, *value)).collect())
}

#[cfg(test)]
mod tests {
    use aiperf_abi::json;

    use super::*;
    use crate::credit::Phase;
    use crate::facts::tests::streamed;
    use crate::metric::applicability::tests::run;

    const MS: u64 = 1_000_000;

    fn line(facts: &Facts) -> (String, Value) {
        let mut lines = String::new();
        RecordEncoder::new(run(true, true), &Measures::default(), Clock::start()).encode(facts, &mut lines);
        let value = serde_json::from_str(&lines).expect("one JSON object");
        (lines, value)
    }

    #[test]
    fn tokens_stay_whole_and_times_are_milliseconds() {
        let facts = Facts { input_tokens: Some(550), ..streamed(5, &[5 + 2 * MS, 5 + 3 * MS + 500_000], 20) };
        let (text, value) = line(&facts);
        assert_eq!(value["metrics"]["output_sequence_length"], json!({"value": 20, "unit": "tokens"}));
        assert_eq!(value["metrics"]["time_to_first_token"], json!({"value": 2.0, "unit": "ms"}));
        assert_eq!(value["metrics"]["inter_chunk_latency"], json!({"value": [1.5], "unit": "ms"}));
        assert!(text.contains(r#""value":550,"#) && text.ends_with("}\n") && text.matches('\n').count() == 1);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let (text, value) = line(&Facts { head_ns: None, ..streamed(0, &[MS], 2) });
        assert!(!text.contains("null"), "{text}");
        for absent in ["request_ack_ns", "cancellation_time_ns"] {
            assert!(value["metadata"].get(absent).is_none(), "{absent}");
        }
        assert!(value.get("error").is_none());
    }

    #[test]
    fn a_failed_request_has_its_error_and_only_the_length_of_its_input() {
        let error = ErrorDetails { code: Some(500), kind: "Internal Server Error".into(), message: "oops".into() };
        let facts = Facts { error: Some(error), input_tokens: Some(9), ..streamed(0, &[], 0) };
        let (_, value) = line(&facts);
        assert_eq!(value["metrics"], json!({"error_isl": {"value": 9, "unit": "tokens"}}));
        assert_eq!(value["error"], json!({"code": 500, "type": "Internal Server Error", "message": "oops"}));
    }

    #[test]
    fn identity_and_times_are_on_the_wall_clock() {
        let clock = Clock::start();
        let facts = Facts {
            phase: Phase::Warmup,
            worker: 3,
            intended_ns: 10,
            end_ns: 90,
            cancelled_ns: Some(80),
            ..streamed(20, &[30], 1)
        };
        let metadata = RecordEncoder::new(run(true, true), &Measures::default(), clock).record(&facts).metadata;
        assert_eq!(metadata.credit_issued_ns, clock.wall_ns(10));
        assert_eq!(metadata.request_start_ns - metadata.credit_issued_ns, 10);
        assert_eq!(metadata.request_end_ns - metadata.request_start_ns, 70);
        assert_eq!((metadata.worker_id.as_str(), metadata.benchmark_phase.as_str()), ("worker_3", "warmup"));
        assert_eq!((metadata.was_cancelled, metadata.cancellation_time_ns), (true, Some(clock.wall_ns(80))));
    }

    #[test]
    fn a_line_is_read_back_as_the_record_it_was_made_of() {
        let encoder = RecordEncoder::new(run(true, true), &Measures::default(), Clock::start());
        let facts = Facts { input_tokens: Some(4), ..streamed(0, &[MS, 3 * MS], 3) };
        let mut lines = String::new();
        encoder.encode(&facts, &mut lines);
        let batch = aiperf_abi::RecordBatch::new(&lines);
        let read: Vec<_> = batch.iter().collect::<Result<_, _>>().expect("readable");
        assert_eq!(read, [encoder.record(&facts)]);
    }
}
