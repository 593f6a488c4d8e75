//! What a run leaves behind: the built-in exporters, the folder they write to and the names of all files.
//! Knows results as `aiperf_abi::Report` and record lines; neither metrics nor terminals.

pub mod console;
pub mod consoles;
pub mod csv;
pub mod exporters;
pub mod file;
pub mod inputs;
pub mod json;
pub mod jsonl;
pub mod layout;
pub mod lines;
pub mod phase_manifest;
pub mod plot;
pub mod timeslices;

pub use console::{ErrorsConsole, MetricsConsole, NoticesConsole, SteadyStateConsole, SummaryConsole};
pub use consoles::Consoles;
pub use csv::CsvExporter;
pub use exporters::{Exporters, Failure};
pub use inputs::InputsWriter;
pub use json::JsonExporter;
pub use jsonl::RecordsExporter;
pub use layout::{Layout, RunName, Stimulus};
pub use lines::LineFile;
pub use phase_manifest::PhaseResult;
pub use plot::PercentilesPlot;
pub use timeslices::{TimeslicesCsvExporter, TimeslicesJsonExporter};

use aiperf_abi::{Context, Error, Result};
use serde::Deserialize;

/// The settings of an exporter that has none: one that is given all the same is a mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

/// Where an exporter without settings writes.
fn folder_of(cx: &Context<'_>) -> Result<String> {
    let NoSettings {} = cx.config()?;
    cx.artifact_dir().ok_or_else(|| Error::disabled("the run writes no artifacts"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use aiperf_abi::author::context::Setup;
    use aiperf_abi::{Context, Distribution, Host, Level, MetricResult, Report, Result, Value};

    struct Quiet;

    impl Host for Quiet {
        fn log_enabled(&self, _: Level) -> bool {
            false
        }
        fn log(&self, _: Level, _: &str) {}
        fn now_ns(&self) -> u64 {
            0
        }
        fn derive_seed(&self, _: &str) -> u64 {
            0
        }
        fn share(&self) -> Box<dyn Host> {
            Box::new(Self)
        }
    }

    /// Constructs an exporter that writes to `dir`.
    pub(crate) fn context<T>(dir: &Path, config: &Value, new: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        let raw = |value: &Value| serde_json::value::to_raw_value(value).expect("JSON");
        let (config, dir) = (raw(config), raw(&Value::from(dir.display().to_string())));
        let setup = Setup { config: Some(&config), artifact_dir: Some(&dir), ..Setup::default() };
        new(&Context::new("exporter", setup, &Quiet))
    }

    #[test]
    fn without_a_folder_the_built_in_exporters_ask_to_be_left_out() {
        let cx = Context::new("exporter", Setup::default(), &Quiet);
        let kinds = [
            <super::JsonExporter as aiperf_abi::Plugin>::new(&cx).map(drop),
            <super::CsvExporter as aiperf_abi::Plugin>::new(&cx).map(drop),
            <super::RecordsExporter as aiperf_abi::Plugin>::new(&cx).map(drop),
        ]
        .map(|made| made.expect_err("no folder").kind());
        assert_eq!(kinds, [aiperf_abi::ErrorKind::Disabled; 3]);
    }

    #[test]
    fn a_setting_that_an_exporter_does_not_have_is_an_error() {
        let made = context(
            Path::new("run"),
            &serde_json::json!({"indent": 4}),
            <super::JsonExporter as aiperf_abi::Plugin>::new,
        );
        assert!(made.expect_err("no such setting").to_string().contains("indent"));
    }

    /// A result whose numbers all follow from its mean.
    pub(crate) fn metric(tag: &str, header: &str, unit: &str, avg: f64) -> MetricResult {
        let percentiles = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];
        let distribution = Distribution {
            min: avg / 2.0,
            max: avg * 2.0,
            std: avg / 10.0,
            sum: avg * 50.0,
            count: 50,
            percentiles: percentiles.map(|percent| (percent, avg * (0.5 + percent / 100.0))).to_vec(),
            ..Distribution::default()
        };
        MetricResult { distribution: Some(distribution), ..scalar(tag, header, unit, avg) }
    }

    /// A single value of the main table.
    pub(crate) fn scalar(tag: &str, header: &str, unit: &str, avg: f64) -> MetricResult {
        MetricResult {
            tag: tag.into(),
            header: header.into(),
            unit: unit.into(),
            order: None,
            group: Some("default".into()),
            avg,
            distribution: None,
        }
    }

    /// A finished run.
    pub(crate) fn report(metrics: Vec<MetricResult>) -> Report {
        let mut report = Report::default();
        report.metrics_title = "LLM Metrics".into();
        report.is_complete = true;
        report.metrics = metrics;
        report
    }
}
