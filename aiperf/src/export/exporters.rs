//! All exporters of a run, fed alike. One that fails is not called again, its failure is told once, and the others go on.

use aiperf_abi::{DataExporter, Error, FileInfo, RecordBatch, Report};

/// An exporter that failed.
#[derive(Debug, thiserror::Error)]
#[error("exporter `{exporter}`: {error}")]
pub struct Failure {
    /// The name of its entry.
    pub exporter: String,
    /// What it said.
    pub error: Error,
}

/// The exporters of a run.
#[derive(Default)]
pub struct Exporters {
    live: Vec<(String, Box<dyn DataExporter>)>,
}

impl Exporters {
    /// Adds an exporter under the name of its entry.
    pub fn add(&mut self, name: impl Into<String>, exporter: Box<dyn DataExporter>) {
        self.live.push((name.into(), exporter));
    }

    /// Gives some records, whole lines, to all of them. Returns those that failed now.
    #[must_use]
    pub fn records(&mut self, lines: &str) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.live.retain_mut(|(name, exporter)| match exporter.records(RecordBatch::new(lines)) {
            Ok(()) => true,
            Err(error) => {
                failures.push(Failure { exporter: name.clone(), error });
                false
            }
        });
        failures
    }

    /// Gives all of them the report. Returns the files that were written, and those exporters that failed now.
    pub fn finish(self, report: &Report) -> (Vec<FileInfo>, Vec<Failure>) {
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for (exporter, mut live) in self.live {
            match live.export(report) {
                Ok(written) => files.extend(written),
                Err(error) => failures.push(Failure { exporter, error }),
            }
        }
        (files, failures)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aiperf_abi::Result;

    use super::*;

    struct Scripted {
        seen: Arc<Mutex<Vec<String>>>,
        fails_on: &'static str,
    }

    impl DataExporter for Scripted {
        fn records(&mut self, batch: RecordBatch<'_>) -> Result<()> {
            self.seen.lock().unwrap().push(batch.as_str().to_owned());
            if batch.as_str() == self.fails_on { Err(Error::msg("disk full")) } else { Ok(()) }
        }

        fn export(&mut self, _: &Report) -> Result<Vec<FileInfo>> {
            self.seen.lock().unwrap().push("report".to_owned());
            if self.fails_on == "report" {
                return Err(Error::msg("no database"));
            }
            Ok(vec![FileInfo { kind: "Export".into(), path: "file".into() }])
        }
    }

    #[test]
    fn one_failure_ends_one_exporter_and_no_other() {
        let seen: [Arc<Mutex<Vec<String>>>; 3] = Default::default();
        let mut exporters = Exporters::default();
        for (seen, (name, fails_on)) in seen.iter().zip([("a", "2"), ("b", "-"), ("c", "report")]) {
            exporters.add(name, Box::new(Scripted { seen: Arc::clone(seen), fails_on }));
        }
        assert!(exporters.records("1").is_empty());
        let failed = exporters.records("2");
        assert_eq!(failed.len(), 1);
        assert!(failed[0].to_string().contains("`a`") && failed[0].to_string().contains("disk full"));
        assert!(exporters.records("3").is_empty());
        let (files, failed) = exporters.finish(&Report::default());
        assert_eq!((files.len(), failed.len(), failed[0].exporter.as_str()), (1, 1, "c"));
        assert_eq!(*seen[0].lock().unwrap(), ["1", "2"]);
        assert_eq!(*seen[1].lock().unwrap(), ["1", "2", "3", "report"]);
    }
}
