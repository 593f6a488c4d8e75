//! The plugins of a run that measure more than aiperf does: record processors, whose numbers go into the lines of records
//! and into distributions of their own, and results processors, who see all lines and add to the report. One that fails is
//! not called again; what it had measured until then stays.

use std::collections::BTreeSet;

use aiperf_abi::{
    Error, MetricDeclaration, MetricResult, RecordBatch, RecordProcessor, Report, Result, ResultsProcessor, Value,
};

use crate::export::Failure;
use crate::metric::catalog::CATALOG;
use crate::metric::spread::Spread;

/// Steps of a plugin's unit that its histogram tells apart: nobody knows how large its numbers are.
const STEPS: f64 = 1e6;

/// The record processors of a run.
#[derive(Default)]
pub struct RecordProcessors {
    all: Vec<Processor>,
}

struct Processor {
    name: String,
    /// None once it has failed.
    live: Option<Box<dyn RecordProcessor>>,
    metrics: Vec<Declared>,
}

struct Declared {
    declaration: MetricDeclaration,
    /// Its entry in a line, up to the value.
    head: String,
    spread: Spread,
}

impl RecordProcessors {
    /// Adds a processor under the name of its entry, and asks it for its metrics.
    ///
    /// # Errors
    /// When it does not tell, or one of its metrics is not one.
    pub fn add(&mut self, name: &str, mut processor: Box<dyn RecordProcessor>) -> Result<()> {
        let mut metrics = Vec::new();
        let mut taken = self.tags();
        for declaration in processor.metrics()? {
            let tag = &declaration.tag;
            if tag.is_empty() || !tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let words = format!("its metric `{tag}` needs a name of letters, digits and `_`");
                return Err(Error::msg(words));
            }
            if !taken.insert(tag.clone()) {
                return Err(Error::msg(format!("there is a metric `{tag}` already")));
            }
            let unit = Value::from(declaration.unit.as_str());
            let head = format!("\"{tag}\":{{\"unit\":{unit},\"value\":");
            metrics.push(Declared { declaration, head, spread: Spread::new(STEPS) });
        }
        self.all.push(Processor { name: name.to_owned(), live: Some(processor), metrics });
        Ok(())
    }

    fn tags(&self) -> BTreeSet<String> {
        let own = self.all.iter().flat_map(|one| &one.metrics).map(|metric| metric.declaration.tag.clone());
        CATALOG.iter().map(|metric| metric.tag.to_owned()).chain(own).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Measures a batch of lines, and writes the numbers into them. `measured` says of each line whether it belongs to the
    /// measurement. Returns the processors that failed now.
    pub fn process(&mut self, lines: &mut String, measured: &[bool]) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut additions = vec![String::new(); measured.len()];
        for processor in &mut self.all {
            let Some(live) = &mut processor.live else { continue };
            let values = live.process(RecordBatch::new(lines));
            match values.and_then(|values| fitting(values, measured.len(), processor.metrics.len())) {
                Ok(values) => processor.take(&values, measured, &mut additions),
                Err(error) => {
                    processor.live = None;
                    let exporter = processor.name.clone();
                    failures.push(Failure { category: "record_processor", exporter, error });
                }
            }
        }
        if additions.iter().any(|addition| !addition.is_empty()) {
            *lines = with(lines, &additions);
        }
        failures
    }

    /// The results of all their metrics, over the measurement.
    pub fn results(&self) -> impl Iterator<Item = MetricResult> {
        self.all.iter().flat_map(|one| &one.metrics).filter_map(|metric| {
            let MetricDeclaration { tag, header, unit, group, order } = metric.declaration.clone();
            let distribution = metric.spread.distribution(|value| value)?;
            let avg = metric.spread.mean()?;
            Some(MetricResult { tag, header, unit, order, group, avg, distribution: Some(distribution) })
        })
    }
}

impl Processor {
    fn take(&mut self, values: &[Vec<Option<f64>>], measured: &[bool], additions: &mut [String]) {
        for ((row, is_measured), addition) in values.iter().zip(measured).zip(additions) {
            for (metric, value) in self.metrics.iter_mut().zip(row) {
                let Some(value) = value.filter(|value| value.is_finite()) else { continue };
                if *is_measured {
                    metric.spread.add(value);
                }
                if !addition.is_empty() {
                    addition.push(',');
                }
                addition.push_str(&metric.head);
                addition.push_str(&Value::from(value).to_string());
                addition.push('}');
            }
        }
    }
}

fn fitting(values: Vec<Vec<Option<f64>>>, records: usize, metrics: usize) -> Result<Vec<Vec<Option<f64>>>> {
    if values.len() != records {
        return Err(Error::msg(format!("it answered {} values for {records} records", values.len())));
    }
    match values.iter().find(|row| row.len() != metrics) {
        Some(row) => {
            Err(Error::msg(format!("it answered {} values for a record, but has {metrics} metrics", row.len())))
        }
        None => Ok(values),
    }
}

/// Where the metrics of a line begin: quotes in what stands before are escaped, so that it stands nowhere else.
const METRICS: &str = ",\"metrics\":{";

/// The lines with more metrics in them.
fn with(lines: &str, additions: &[String]) -> String {
    let mut text = String::with_capacity(lines.len() + additions.iter().map(String::len).sum::<usize>());
    for (line, addition) in lines.lines().zip(additions) {
        match line.find(METRICS).map(|at| line.split_at(at + METRICS.len())).filter(|_| !addition.is_empty()) {
            Some((head, rest)) => {
                text.push_str(head);
                text.push_str(addition);
                if !rest.starts_with('}') {
                    text.push(',');
                }
                text.push_str(rest);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The results processors of a run.
#[derive(Default)]
pub struct ResultsProcessors {
    live: Vec<(String, Box<dyn ResultsProcessor>)>,
}

impl ResultsProcessors {
    /// Adds a processor under the name of its entry.
    pub fn add(&mut self, name: &str, processor: Box<dyn ResultsProcessor>) {
        self.live.push((name.to_owned(), processor));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Shows a batch of lines to all of them. Returns those that failed now.
    pub fn ingest(&mut self, lines: &str) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.live.retain_mut(|(name, processor)| match processor.ingest(RecordBatch::new(lines)) {
            Ok(()) => true,
            Err(error) => {
                failures.push(failed(name, error));
                false
            }
        });
        failures
    }

    /// Lets all of them add to the report. What has a name that is taken is not added. Returns those that failed.
    pub fn summarize(self, report: &mut Report) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (name, mut processor) in self.live {
            let addition = match processor.summarize(report) {
                Ok(addition) => addition,
                Err(error) => {
                    failures.push(failed(&name, error));
                    continue;
                }
            };
            for metric in addition.metrics {
                match report.metric(&metric.tag) {
                    None => report.metrics.push(metric),
                    Some(taken) => {
                        failures.push(failed(&name, Error::msg(format!("there is a metric `{}` already", taken.tag))));
                    }
                }
            }
            for (section, value) in addition.sections {
                match report.sections.contains_key(&section) {
                    false => drop(report.sections.insert(section, value)),
                    true => failures.push(failed(&name, Error::msg(format!("there is a section `{section}` already")))),
                }
            }
            report.notices.extend(addition.notices);
        }
        failures
    }
}

fn failed(name: &str, error: Error) -> Failure {
    Failure { category: "results_processor", exporter: name.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lengths(usize);

    impl RecordProcessor for Lengths {
        fn metrics(&mut self) -> Result<Vec<MetricDeclaration>> {
            Ok(vec![MetricDeclaration::new("line_length", "Line Length", "bytes")])
        }

        fn process(&mut self, batch: RecordBatch<'_>) -> Result<Vec<Vec<Option<f64>>>> {
            let lines = batch.as_str().lines().skip(self.0);
            Ok(lines.map(|line| vec![(!line.contains(NOTHING)).then_some(line.len() as f64)]).collect())
        }
    }

    fn processors(processor: Lengths) -> RecordProcessors {
        let mut processors = RecordProcessors::default();
        processors.add("lengths", Box::new(processor)).unwrap();
        processors
    }

    /// A line without metrics.
    const NOTHING: &str = "\"metrics\":{}";

    const LINES: &str = "{\"metadata\":{\"id\":\",\\\"metrics\\\":{\"},\"metrics\":{\"a\":1}}\n\
                         {\"metadata\":{\"id\":7},\"metrics\":{}}\n{\"metadata\":{},\"metrics\":{\"b\":2}}\n";

    #[test]
    fn numbers_of_a_processor_are_in_the_lines_and_in_a_distribution() {
        let mut processors = processors(Lengths(0));
        let mut lines = LINES.to_owned();
        assert!(processors.process(&mut lines, &[true, true, false]).is_empty());
        let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let first = LINES.lines().next().unwrap().len() as f64;
        assert_eq!(values[0]["metrics"]["line_length"]["value"], first);
        assert_eq!(values[0]["metrics"]["a"], 1);
        assert_eq!(values[0]["metadata"]["id"], ",\"metrics\":{");
        assert_eq!(values[2]["metrics"]["line_length"]["unit"], "bytes");
        let results: Vec<MetricResult> = processors.results().collect();
        assert_eq!((results.len(), &*results[0].header), (1, "Line Length"));
        let own = LINES.lines().take(2).filter(|line| !line.contains(NOTHING)).count() as u64;
        assert_eq!(results[0].distribution.as_ref().unwrap().count, own, "only what belongs to the measurement");
    }

    #[test]
    fn a_processor_that_miscounts_is_left_out_and_the_lines_stay_as_they_are() {
        let mut processors = processors(Lengths(1));
        let mut lines = LINES.to_owned();
        let failures = processors.process(&mut lines, &[true; 3]);
        assert_eq!(failures[0].to_string(), "record_processor `lengths`: it answered 2 values for 3 records");
        assert_eq!(lines, LINES);
        assert!(processors.process(&mut lines, &[true; 3]).is_empty(), "told once");
    }

    #[test]
    fn a_metric_that_exists_is_not_declared_again() {
        let mut processors = processors(Lengths(0));
        let error = processors.add("again", Box::new(Lengths(0))).unwrap_err();
        assert_eq!(error.to_string(), "there is a metric `line_length` already");
    }
}
