//! The summary as CSV: metrics with a distribution, a blank line, then single values. Two decimals; an empty cell
//! where there is no number.

use aiperf_abi::{Context, DataExporter, FileInfo, MetricResult, Plugin, Report, Result};
use csv::Terminator;

use super::file::write_whole;
use super::{folder_of, layout};

/// The percentiles that have a column.
const PERCENTILES: [f64; 11] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];
/// Units that go without saying.
const UNSAID: [&str; 2] = ["count", "requests"];

/// Writes `profile_export_aiperf.csv`.
#[derive(Debug)]
pub struct CsvExporter {
    dir: String,
}

impl Plugin for CsvExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { dir: folder_of(cx)? })
    }
}

impl DataExporter for CsvExporter {
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        let path = layout::summary_csv(&self.dir, &report.file_stem);
        write_whole(&path, &table(report)?)?;
        Ok(vec![FileInfo { kind: "CSV Export".to_owned(), path: path.display().to_string() }])
    }
}

fn table(report: &Report) -> Result<Vec<u8>> {
    let mut named: Vec<(String, &MetricResult)> = report.metrics.iter().map(|metric| (name(metric), metric)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));

    let mut distributions = writer();
    let mut head: Vec<String> = ["Metric", "avg", "min", "max", "sum"].map(str::to_owned).to_vec();
    head.extend(PERCENTILES.iter().map(|percent| format!("p{percent}")));
    head.push("std".to_owned());
    distributions.write_record(&head)?;
    for (name, metric) in &named {
        if let Some(spread) = &metric.distribution {
            let mut row = vec![name.clone()];
            row.extend([metric.avg, spread.min, spread.max, spread.sum].map(|number| format!("{number:.2}")));
            let cell = |percent: &f64| spread.percentile(*percent).map_or_else(String::new, |p| format!("{p:.2}"));
            row.extend(PERCENTILES.iter().map(cell));
            row.push(format!("{:.2}", spread.std));
            distributions.write_record(&row)?;
        }
    }

    let mut scalars = writer();
    scalars.write_record(["Metric", "Value"])?;
    for (name, metric) in named.iter().filter(|(_, metric)| metric.distribution.is_none()) {
        scalars.write_record([name, &format!("{:.2}", metric.avg)])?;
    }

    let mut bytes = distributions.into_inner()?;
    bytes.push(b'\n');
    bytes.extend(scalars.into_inner()?);
    Ok(bytes)
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new())
}

fn name(metric: &MetricResult) -> String {
    if UNSAID.contains(&metric.unit.as_str()) {
        metric.header.clone()
    } else {
        format!("{} ({})", metric.header, metric.unit)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aiperf_abi::json;

    use super::*;
    use crate::export::tests::{context, metric, report, scalar};

    #[test]
    fn distributions_come_first_then_single_values_each_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = context(folder.path(), &json!({}), CsvExporter::new).unwrap();
        let report = report(vec![
            metric("request_latency", "Request Latency", "ms", 92.6249),
            scalar("request_throughput", "Request Throughput", "requests/sec", 1033.069),
            metric("decode_duration", "Decode, Duration", "ms", 1.0),
            scalar("request_count", "Request Count", "requests", 50.0),
        ]);
        let files = exporter.export(&report).unwrap();
        assert!(files[0].path.ends_with("profile_export_aiperf.csv"));
        let text = fs::read_to_string(&files[0].path).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines[0], "Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,p99.9,p99.99,std");
        assert!(lines[1].starts_with("\"Decode, Duration (ms)\",1.00,"), "{}", lines[1]);
        assert!(lines[2].starts_with("Request Latency (ms),92.62,"), "{}", lines[2]);
        assert_eq!(lines[2].split(',').count(), lines[0].split(',').count());
        assert_eq!(
            lines[3..],
            ["", "Metric,Value", "Request Count,50.00", "Request Throughput (requests/sec),1033.07", ""]
        );
    }

    #[test]
    fn a_percentile_that_is_not_known_is_an_empty_cell() {
        let mut one = metric("request_latency", "Request Latency", "ms", 1.0);
        one.distribution.as_mut().unwrap().percentiles.retain(|(percent, _)| *percent != 25.0);
        let text = String::from_utf8(table(&report(vec![one])).unwrap()).unwrap();
        let row: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
        assert_eq!((row[8], row[9].is_empty()), ("", false));
    }
}
