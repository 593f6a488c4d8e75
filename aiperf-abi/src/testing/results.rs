//! Fixtures for what looks at results: records, a report, a page, results to handle.

use serde_json::{Value, json};

use crate::author::console::Page;
use crate::author::handler::Results;
use crate::data::record::{MetricValue, Record, RecordMetadata};
use crate::data::report::{Distribution, MetricResult, Report};

/// A finished request that took 100 ms, with 8 tokens in and 16 out.
pub fn mock_record(number: u64) -> Record {
    let metadata = RecordMetadata {
        session_num: number,
        x_request_id: format!("request-{number}"),
        conversation_id: format!("session_{number:06}"),
        request_start_ns: super::MOCK_NOW_NS + number * 1_000_000,
        request_end_ns: super::MOCK_NOW_NS + number * 1_000_000 + 100_000_000,
        benchmark_phase: "profiling".to_owned(),
        ..RecordMetadata::default()
    };
    let metric = |tag: &str, value: Value, unit: &str| (tag.to_owned(), MetricValue { value, unit: unit.to_owned() });
    let metrics = [
        metric("request_latency", json!(100.0), "ms"),
        metric("input_sequence_length", json!(8), "tokens"),
        metric("output_sequence_length", json!(16), "tokens"),
    ];
    Record { metadata, metrics: metrics.into(), ..Record::default() }
}

/// Lines of so many records, as `RecordBatch` takes them.
///
/// ```
/// # use aiperf_abi::*;
/// # struct Latency;
/// # impl Plugin for Latency { fn new(_: &Context<'_>) -> Result<Self> { Ok(Self) } }
/// # impl RecordProcessor for Latency {
/// #     fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> { Ok(vec![MetricDeclaration::new("twice", "Twice", "ms")]) }
/// #     fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
/// #         batch.iter().map(|record| Ok(vec![record?.metrics["request_latency"].value.as_f64().map(|ms| 2.0 * ms)])).collect()
/// #     }
/// # }
/// use aiperf_abi::testing::{mock_lines, via_abi};
///
/// let mut processor = via_abi::<dyn RecordProcessor, Latency>(json!({})).unwrap();
/// assert_eq!(processor.process(RecordBatch::new(&mock_lines(2))).unwrap(), [[Some(200.0)], [Some(200.0)]]);
/// ```
pub fn mock_lines(count: u64) -> String {
    let line = |number| serde_json::to_string(&mock_record(number)).expect("a record is JSON") + "\n";
    (0..count).map(line).collect()
}

/// The report of a run of 10 requests of 100 ms each.
pub fn mock_report() -> Report {
    let percentiles = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99].map(|percent| (percent, 100.0));
    let latency = MetricResult {
        tag: "request_latency".to_owned(),
        header: "Request Latency".to_owned(),
        unit: "ms".to_owned(),
        order: Some(300),
        group: Some("default".to_owned()),
        avg: 100.0,
        distribution: Some(Distribution {
            min: 100.0,
            max: 100.0,
            sum: 1000.0,
            count: 10,
            percentiles: percentiles.into(),
            ..Distribution::default()
        }),
    };
    let count = MetricResult {
        tag: "request_count".to_owned(),
        header: "Request Count".to_owned(),
        unit: "requests".to_owned(),
        avg: 10.0,
        ..MetricResult::default()
    };
    Report {
        benchmark_id: "0123456789ab".to_owned(),
        metrics_title: "Test Metrics".to_owned(),
        metrics: vec![latency, count],
        is_complete: true,
        ..Report::default()
    }
}

/// [`mock_report`] on a screen of 100 columns, with one file.
pub fn mock_page() -> Page {
    let file = crate::FileInfo { kind: "JSON Export".to_owned(), path: "artifacts/summary.json".to_owned() };
    Page::new(mock_report(), vec![file], 100)
}

/// [`mock_report`] of a run against the model [`MOCK_MODEL`](super::MOCK_MODEL).
pub fn mock_results() -> Results {
    let metadata = json!({"models": [super::MOCK_MODEL], "endpoint_type": "test", "urls": ["http://localhost:8000"]});
    Results::new("0123456789ab", mock_report(), metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::console::{Block, ConsoleExporter};
    use crate::author::context::{Context, Plugin};
    use crate::author::error::{Error, ErrorKind, Result};
    use crate::author::exporter::RecordBatch;
    use crate::author::handler::{HandlingFailure, ResultHandler};
    use crate::author::processor::{MetricDeclaration, RecordProcessor};
    use crate::testing::via_abi;

    /// A class of several categories.
    struct Many(Vec<String>);

    impl Plugin for Many {
        fn new(_: &Context<'_>) -> Result<Self> {
            Ok(Self(Vec::new()))
        }
    }

    impl RecordProcessor for Many {
        fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> {
            Ok(vec![MetricDeclaration::new("latency_again", "Latency", "ms")])
        }

        fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
            let value = |record: Record| record.metrics["request_latency"].value.as_f64();
            batch.iter().map(|record| Ok(vec![value(record?)])).collect()
        }
    }

    impl ConsoleExporter for Many {
        fn render(&mut self, page: &Page) -> Result<Vec<Block>> {
            Ok(vec![Block::Notice(format!("{} files", page.files.len())), Block::Rule(String::new())])
        }
    }

    impl ResultHandler for Many {
        fn handle(&mut self, results: &Results) -> Result<()> {
            self.0.push(results.batch_id.clone());
            Err(Error::msg("full"))
        }

        fn on_error(&mut self, failure: &HandlingFailure) -> Result<()> {
            panic!("{} after {:?}", failure.message, self.0)
        }
    }

    #[test]
    fn one_type_is_a_class_of_many_categories_through_their_thunks() {
        let mut processor = via_abi::<dyn RecordProcessor, Many>(json!({})).unwrap();
        assert_eq!(processor.metrics().unwrap()[0].tag, "latency_again");
        assert_eq!(processor.process(RecordBatch::new(&mock_lines(2))).unwrap(), [[Some(100.0)], [Some(100.0)]]);
        let mut console = via_abi::<dyn ConsoleExporter, Many>(json!({})).unwrap();
        let blocks = console.render(&mock_page()).unwrap();
        assert_eq!(blocks, [Block::Notice("1 files".to_owned()), Block::Rule(String::new())]);
        let mut handler = via_abi::<dyn ResultHandler, Many>(json!({})).unwrap();
        assert!(handler.enabled(&json!({})).unwrap(), "the author's default");
        let error = handler.handle(&mock_results()).unwrap_err();
        assert_eq!(error.to_string(), "plugin under-test 0.0.0, result_handler `test`, handle: full");
        let error = handler.on_error(&HandlingFailure { message: "full".to_owned() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert!(error.to_string().contains("panicked: full after [\"0123456789ab\"]"), "{error}");
    }
}
