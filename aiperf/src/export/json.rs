//! The summary as JSON: one key per metric tag, then what is known of the run. The shape is AIPerf's, version 1.4, so
//! that scripts made for it keep working; `notices`, `warmup_metrics`, `window`,
//! `steady_state` and what says how far a number can be trusted are additions.

use std::io;

use aiperf_abi::{
    Context, DataExporter, Distribution, FileInfo, Map, MetricResult, Plugin, Report, Result, SteadyState, Value, json,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::file::PendingFile;
use super::{folder_of, layout};

/// Version of the shape.
const SCHEMA_VERSION: &str = "1.4";

/// Writes `profile_export_aiperf.json`.
#[derive(Debug)]
pub struct JsonExporter {
    dir: String,
}

impl Plugin for JsonExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self { dir: folder_of(cx)? })
    }
}

impl DataExporter for JsonExporter {
    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        let mut file = PendingFile::create(layout::summary_json(&self.dir, &report.file_stem))?;
        file.write(|mut to| {
            serde_json::to_writer_pretty(&mut to, &Summary(report)).map_err(io::Error::from)?;
            io::Write::write_all(&mut to, b"\n")
        })?;
        let path = file.finish()?.display().to_string();
        Ok(vec![FileInfo { kind: "JSON Export".to_owned(), path }])
    }
}

/// A report in the order people read it.
struct Summary<'a>(&'a Report);

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let report = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema_version", SCHEMA_VERSION)?;
        map.serialize_entry("aiperf_version", &report.aiperf_version)?;
        map.serialize_entry("benchmark_id", &report.benchmark_id)?;
        for metric in &report.metrics {
            map.serialize_entry(&metric.tag, &Numbers(metric))?;
        }
        map.serialize_entry("input_config", &report.input_config)?;
        map.serialize_entry("run_info", &report.run_info)?;
        map.serialize_entry("was_cancelled", &report.was_cancelled)?;
        map.serialize_entry("is_complete", &report.is_complete)?;
        if let Some(reason) = &report.incomplete_reason {
            map.serialize_entry("incomplete_reason", reason)?;
        }
        map.serialize_entry("error_summary", &report.error_summary)?;
        if report.window_ns.1 > 0 {
            let (start_ns, end_ns) = report.window_ns;
            map.serialize_entry("window", &json!({"start_ns": start_ns, "end_ns": end_ns}))?;
        }
        map.serialize_entry("start_time", &report.start_time)?;
        map.serialize_entry("end_time", &report.end_time)?;
        if !report.warmup_metrics.is_empty() {
            map.serialize_entry("warmup_metrics", &ByTag(&report.warmup_metrics))?;
        }
        map.serialize_entry("audit", &report.audit)?;
        if let Some(steady) = &report.steady_state {
            map.serialize_entry("steady_state", &Steady(steady))?;
        }
        if !report.sections.is_empty() {
            map.serialize_entry("sections", &report.sections)?;
        }
        if !report.notices.is_empty() {
            map.serialize_entry("notices", &report.notices)?;
        }
        map.end()
    }
}

/// The steady part: where it lies, whether it can be believed, and its metrics by tag.
struct Steady<'a>(&'a SteadyState);

impl Serialize for Steady<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let steady = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("found", &steady.found)?;
        map.serialize_entry("method", &steady.method)?;
        if let Some(reason) = &steady.reason {
            map.serialize_entry("reason", reason)?;
        }
        if steady.found {
            map.serialize_entry("start_ns", &steady.start_ns)?;
            map.serialize_entry("end_ns", &steady.end_ns)?;
            map.serialize_entry("warmup_sec", &steady.warmup_sec)?;
            map.serialize_entry("duration_sec", &steady.duration_sec)?;
            map.serialize_entry("drain_sec", &steady.drain_sec)?;
            map.serialize_entry("littles_law", &steady.littles_law)?;
            map.serialize_entry("metrics", &ByTag(&steady.metrics))?;
        }
        map.end()
    }
}

struct ByTag<'a>(&'a [MetricResult]);

impl Serialize for ByTag<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|metric| (&metric.tag, Numbers(metric))))
    }
}

/// Unit, mean and, where there is one, the distribution.
pub(super) struct Numbers<'a>(pub(super) &'a MetricResult);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("unit", &self.0.unit)?;
        map.serialize_entry("avg", &self.0.avg)?;
        if let Some(distribution) = &self.0.distribution {
            for (percent, value) in &distribution.percentiles {
                map.serialize_entry(&format!("p{percent}"), value)?;
            }
            map.serialize_entry("min", &distribution.min)?;
            map.serialize_entry("max", &distribution.max)?;
            map.serialize_entry("std", &distribution.std)?;
            // What is weighted by time has neither.
            if distribution.count > 0 {
                map.serialize_entry("count", &distribution.count)?;
                map.serialize_entry("sum", &distribution.sum)?;
            }
            trust(&mut map, distribution)?;
        }
        map.end()
    }
}

/// How far the numbers can be trusted.
fn trust<M: SerializeMap>(map: &mut M, distribution: &Distribution) -> std::result::Result<(), M::Error> {
    let Distribution { effective_samples, avg_ci95, percentile_ci95, uncertified, .. } = distribution;
    if let Some(effective) = effective_samples {
        map.serialize_entry("effective_samples", &effective.round())?;
    }
    if let Some(interval) = avg_ci95 {
        map.serialize_entry("avg_ci95", interval)?;
    }
    if !percentile_ci95.is_empty() {
        let intervals: Map<String, Value> =
            percentile_ci95.iter().map(|(q, low, high)| (format!("p{q}"), json!([low, high]))).collect();
        map.serialize_entry("ci95", &intervals)?;
    }
    if !uncertified.is_empty() {
        let missing: Map<String, Value> = uncertified
            .iter()
            .map(|one| (format!("p{}", one.percent), json!({"needs": one.needs, "has": one.has})))
            .collect();
        map.serialize_entry("uncertified", &missing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aiperf_abi::{ErrorCount, ErrorDetails, FileStem, Uncertified};

    use super::*;
    use crate::export::tests::{context, metric, report, scalar};

    fn written(report: &Report) -> (String, Value) {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = context(folder.path(), &json!({}), JsonExporter::new).unwrap();
        let files = exporter.export(report).unwrap();
        let text = fs::read_to_string(&files[0].path).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        (text, value)
    }

    #[test]
    fn a_metric_has_its_unit_and_its_distribution_and_a_scalar_only_its_value() {
        let (_, value) = written(&report(vec![
            metric("request_latency", "Request Latency", "ms", 2.5),
            scalar("request_count", "Request Count", "requests", 50.0),
        ]));
        assert_eq!(value["request_count"], json!({"unit": "requests", "avg": 50.0}));
        let latency = value["request_latency"].as_object().unwrap();
        let keys: Vec<_> = latency.keys().map(String::as_str).collect();
        for key in ["unit", "avg", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "min", "max", "std"] {
            assert!(keys.contains(&key), "{key}");
        }
        assert_eq!((&latency["count"], &latency["unit"]), (&json!(50), &json!("ms")));
    }

    #[test]
    fn how_far_a_number_can_be_trusted_stands_beside_it() {
        let mut latency = metric("request_latency", "Request Latency", "ms", 10.0);
        let distribution = latency.distribution.as_mut().unwrap();
        distribution.effective_samples = Some(30.4);
        distribution.avg_ci95 = Some((9.0, 11.0));
        distribution.percentile_ci95 = vec![(50.0, 9.5, 10.5)];
        distribution.uncertified = vec![Uncertified { percent: 99.9, needs: 6636, has: 30 }];
        let (_, value) = written(&report(vec![latency]));
        let told = &value["request_latency"];
        assert_eq!((&told["effective_samples"], &told["avg_ci95"]), (&json!(30.0), &json!([9.0, 11.0])));
        assert_eq!(told["ci95"], json!({"p50": [9.5, 10.5]}));
        assert_eq!(told["uncertified"], json!({"p99.9": {"needs": 6636, "has": 30}}));
    }

    #[test]
    fn the_keys_of_the_run_come_in_reading_order() {
        let mut report = report(vec![scalar("request_count", "Request Count", "requests", 1.0)]);
        report.run_info = json!({"random_seed": 42});
        let (text, value) = written(&report);
        let places: Vec<_> =
            ["schema_version", "benchmark_id", "request_count", "input_config", "run_info", "end_time"]
                .iter()
                .map(|key| text.find(&format!("\n  \"{key}\":")).unwrap_or_else(|| panic!("{key} missing")))
                .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!((&value["schema_version"], &value["run_info"]["random_seed"]), (&json!("1.4"), &json!(42)));
        assert_eq!((&value["was_cancelled"], &value["error_summary"]), (&json!(false), &json!([])));
        for absent in ["incomplete_reason", "warmup_metrics", "notices"] {
            assert!(value.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn an_interrupted_run_says_why_it_is_incomplete_and_lists_its_failures() {
        let mut report = report(Vec::new());
        report.was_cancelled = true;
        report.is_complete = false;
        report.incomplete_reason = Some("cancelled by the user".to_owned());
        let details = ErrorDetails { code: Some(500), kind: "Server Error".into(), message: "oops".into() };
        report.error_summary = vec![ErrorCount { error_details: details, count: 5 }];
        report.warmup_metrics = vec![scalar("request_count", "Request Count", "requests", 3.0)];
        let (_, value) = written(&report);
        assert_eq!(value["incomplete_reason"], json!("cancelled by the user"));
        assert_eq!(
            value["error_summary"],
            json!([{"error_details": {"code": 500, "type": "Server Error", "message": "oops"}, "count": 5}])
        );
        assert_eq!(value["warmup_metrics"]["request_count"]["avg"], json!(3.0));
    }

    #[test]
    fn a_prefix_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = report(Vec::new());
        report.file_stem = FileStem { summary: "foo".into(), records: "foo".into() };
        let mut exporter = context(folder.path(), &json!({}), JsonExporter::new).unwrap();
        let files = exporter.export(&report).unwrap();
        assert_eq!(files[0].path, folder.path().join("foo.json").display().to_string());
        assert!(folder.path().join("foo.json").exists());
    }
}
