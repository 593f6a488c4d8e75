//! `markdown`: the results as a table for a pull request or a chat, and under it the slowest requests. Writes one file; aiperf
//! measures, and says where files go.

use std::fmt::Write;
use std::path::Path;

use aiperf_abi::{Context, DataExporter, Error, FileInfo, Plugin, RecordBatch, Report, Result};
use serde::Deserialize;

/// What `--plugin-option markdown.KEY=VALUE` may say. A key that is not here is an error before anything is sent.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarkdownConfig {
    /// Columns of the table beside the average: `--plugin-option markdown.percentiles=[50,99]`.
    percentiles: Vec<f64>,
    /// How many of the slowest requests are named; 0 for none.
    slowest: usize,
}

impl Default for MarkdownConfig {
    fn default() -> Self {
        Self { percentiles: vec![50.0, 90.0, 99.0], slowest: 3 }
    }
}

/// Writes the file.
#[derive(Debug)]
pub struct MarkdownExporter {
    config: MarkdownConfig,
    /// Latency in milliseconds and id of the slowest requests so far, the slowest first.
    slowest: Vec<(f64, String)>,
}

impl Plugin for MarkdownExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        // An exporter that has nothing to do in a run returns `Error::disabled` here.
        Ok(Self { config: cx.config()?, slowest: Vec::new() })
    }
}

impl DataExporter for MarkdownExporter {
    /// While the run goes. Keeps little: a run may have millions of records.
    fn records(&mut self, batch: RecordBatch<'_>) -> Result<()> {
        for record in batch.iter() {
            let record = record?;
            let latency = record.metrics.get("request_latency").and_then(|metric| metric.value.as_f64());
            // A request that failed has no latency, and what warms a server up is no result.
            let Some(latency) = latency.filter(|_| record.metadata.benchmark_phase == "profiling") else { continue };
            let place = self.slowest.partition_point(|(slower, _)| *slower >= latency);
            self.slowest.insert(place, (latency, record.metadata.x_request_id));
            self.slowest.truncate(self.config.slowest);
        }
        Ok(())
    }

    /// At its end.
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        let path = Path::new(&report.artifact_dir).join(format!("{}.md", report.file_stem.summary));
        let written = std::fs::write(&path, self.text(report)?);
        written.map_err(|error| Error::from(error).context(format!("writing {}", path.display())))?;
        Ok(vec![FileInfo { kind: "Markdown Export".to_owned(), path: path.display().to_string() }])
    }
}

impl MarkdownExporter {
    fn text(&self, report: &Report) -> Result<String> {
        let mut text = format!("## {}\n\n| Metric | avg |", report.metrics_title);
        for percent in &self.config.percentiles {
            write!(text, " p{percent} |")?;
        }
        writeln!(text, "\n|---|{}", "---:|".repeat(self.config.percentiles.len() + 1))?;
        // What the main table on the screen has. Other groups are tables of their own, and without one a metric is in files only.
        for metric in report.metrics.iter().filter(|metric| metric.group.as_deref() == Some("default")) {
            write!(text, "| {} ({}) | {:.2} |", metric.header.replace('|', "\\|"), metric.unit, metric.avg)?;
            for percent in &self.config.percentiles {
                match metric.distribution.as_ref().and_then(|values| values.percentile(*percent)) {
                    Some(value) => write!(text, " {value:.2} |")?,
                    None => text.push_str(" |"),
                }
            }
            text.push('\n');
        }
        if !self.slowest.is_empty() {
            text.push_str("\n| Slowest requests | ms |\n|---|---:|\n");
        }
        for (latency, id) in &self.slowest {
            writeln!(text, "| `{id}` | {latency:.2} |")?;
        }
        Ok(text)
    }
}
