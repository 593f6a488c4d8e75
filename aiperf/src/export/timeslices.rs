//! Slices of time as JSON and as CSV in long form, where the run asked for them. The shapes are AIPerf's.

use std::io;

use aiperf_abi::{Context, DataExporter, FileInfo, MetricResult, Plugin, Report, Result};
use csv::Terminator;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::file::{PendingFile, write_whole};
use super::json::Numbers;
use super::{folder_of, layout};

/// Writes `profile_export_aiperf_timeslices.json`.
#[derive(Debug)]
pub struct TimeslicesJsonExporter {
    dir: String,
}

/// Writes `profile_export_aiperf_timeslices.csv`.
#[derive(Debug)]
pub struct TimeslicesCsvExporter {
    dir: String,
}

impl Plugin for TimeslicesJsonExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { dir: folder_of(cx)? })
    }
}

impl Plugin for TimeslicesCsvExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { dir: folder_of(cx)? })
    }
}

impl DataExporter for TimeslicesJsonExporter {
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        if report.timeslices.is_empty() {
            return Ok(Vec::new());
        }
        let mut file = PendingFile::create(layout::timeslices(&self.dir, &report.file_stem, "json"))?;
        file.write(|mut to| {
            serde_json::to_writer_pretty(&mut to, &Slices(report)).map_err(io::Error::from)?;
            io::Write::write_all(&mut to, b"\n")
        })?;
        let path = file.finish()?.display().to_string();
        Ok(vec![FileInfo { kind: "Timeslices JSON Export".to_owned(), path }])
    }
}

impl DataExporter for TimeslicesCsvExporter {
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        if report.timeslices.is_empty() {
            return Ok(Vec::new());
        }
        let path = layout::timeslices(&self.dir, &report.file_stem, "csv");
        write_whole(&path, &table(report)?)?;
        Ok(vec![FileInfo { kind: "Timeslices CSV Export".to_owned(), path: path.display().to_string() }])
    }
}

struct Slices<'a>(&'a Report);

impl Serialize for Slices<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let slices: Vec<Slice<'_>> = self.0.timeslices.iter().map(Slice).collect();
        map.serialize_entry("timeslices", &slices)?;
        map.serialize_entry("input_config", &self.0.input_config)?;
        map.end()
    }
}

struct Slice<'a>(&'a aiperf_abi::TimeSlice);

impl Serialize for Slice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("start_ns", &self.0.start_ns)?;
        map.serialize_entry("end_ns", &self.0.end_ns)?;
        if !self.0.is_complete {
            map.serialize_entry("is_complete", &false)?;
        }
        for metric in &self.0.metrics {
            map.serialize_entry(&metric.tag, &Numbers(metric))?;
        }
        map.end()
    }
}

fn table(report: &Report) -> Result<Vec<u8>> {
    let mut rows = csv::WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new());
    rows.write_record(["Timeslice", "Start_NS", "End_NS", "Metric", "Unit", "Stat", "Value"])?;
    for (number, slice) in report.timeslices.iter().enumerate() {
        let of_slice = [number.to_string(), slice.start_ns.to_string(), slice.end_ns.to_string()];
        for metric in &slice.metrics {
            for (stat, value) in stats(metric) {
                let [number, start, end] = &of_slice;
                rows.write_record([number, start, end, &metric.header, &metric.unit, &stat, &format!("{value:.2}")])?;
            }
        }
    }
    Ok(rows.into_inner()?)
}

fn stats(metric: &MetricResult) -> Vec<(String, f64)> {
    let mut stats = vec![("avg".to_owned(), metric.avg)];
    if let Some(spread) = &metric.distribution {
        let ends = [("min", spread.min), ("max", spread.max), ("std", spread.std), ("sum", spread.sum)];
        stats.extend(ends.map(|(name, value)| (name.to_owned(), value)));
        stats.push(("count".to_owned(), spread.count as f64));
        stats.extend(spread.percentiles.iter().map(|(percent, value)| (format!("p{percent}"), *value)));
    }
    stats
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aiperf_abi::{FileStem, TimeSlice, Value, json};

    use super::*;
    use crate::export::tests::{context, metric, report, scalar};

    fn sliced() -> Report {
        let mut report = report(Vec::new());
        let slice = |start_ns, is_complete| TimeSlice {
            start_ns,
            end_ns: start_ns + 10,
            is_complete,
            metrics: vec![
                metric("request_latency", "Request Latency", "ms", 2.0),
                scalar("request_count", "Request Count", "requests", 3.0),
            ],
        };
        report.timeslices = vec![slice(100, true), slice(110, false)];
        report
    }

    #[test]
    fn every_slice_has_its_times_and_its_metrics_and_the_last_says_that_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = context(folder.path(), &json!({}), TimeslicesJsonExporter::new).unwrap();
        let files = exporter.export(&sliced()).unwrap();
        assert!(files[0].path.ends_with("profile_export_aiperf_timeslices.json"));
        let value: Value = serde_json::from_str(&fs::read_to_string(&files[0].path).unwrap()).unwrap();
        let slices = value["timeslices"].as_array().unwrap();
        assert_eq!((&slices[0]["start_ns"], &slices[0]["end_ns"]), (&json!(100), &json!(110)));
        assert_eq!((slices[0].get("is_complete"), &slices[1]["is_complete"]), (None, &json!(false)));
        assert_eq!(
            (&slices[1]["request_latency"]["unit"], &slices[1]["request_count"]["avg"]),
            (&json!("ms"), &json!(3.0))
        );
    }

    #[test]
    fn the_table_has_one_number_a_row() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = sliced();
        report.file_stem = FileStem { summary: "foo".into(), records: "foo".into() };
        let mut exporter = context(folder.path(), &json!({}), TimeslicesCsvExporter::new).unwrap();
        let files = exporter.export(&report).unwrap();
        assert!(files[0].path.ends_with("foo_timeslices.csv"));
        let text = fs::read_to_string(&files[0].path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Timeslice,Start_NS,End_NS,Metric,Unit,Stat,Value");
        assert_eq!(lines[1], "0,100,110,Request Latency,ms,avg,2.00");
        assert!(lines.contains(&"1,110,120,Request Count,requests,avg,3.00"));
    }

    #[test]
    fn a_run_without_slices_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = context(folder.path(), &json!({}), TimeslicesJsonExporter::new).unwrap();
        assert!(exporter.export(&report(Vec::new())).unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
