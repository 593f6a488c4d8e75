//! The markdown exporter, called as aiperf calls it: in the test's own process, with no run. The fixtures are of
//! `aiperf_abi::testing`.

use std::path::PathBuf;

use aiperf_abi::testing::{construct, mock_lines, mock_report, via_abi};
use aiperf_abi::{DataExporter, RecordBatch, Report, json};

use {{crate_name}}::MarkdownExporter;

/// A folder for artifacts that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn report(&self) -> Report {
        let mut report = mock_report();
        report.artifact_dir = self.0.display().to_string();
        report
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is in the file after a run of so many records.
fn written(exporter: &mut dyn DataExporter, records: u64, report: &Report) -> String {
    exporter.records(RecordBatch::new(&mock_lines(records))).unwrap();
    let files = exporter.export(report).unwrap();
    assert_eq!(files[0].kind, "Markdown Export");
    assert!(files[0].path.ends_with("/profile_export_aiperf.md"), "{}", files[0].path);
    std::fs::read_to_string(&files[0].path).unwrap()
}

#[test]
fn writes_a_table_and_the_slowest_requests() {
    let folder = Folder::new("table");
    let mut exporter: MarkdownExporter = construct(json!({})).unwrap();
    let text = written(&mut exporter, 10, &folder.report());
    let expected = "## Test Metrics\n\n| Metric | avg | p50 | p90 | p99 |\n|---|---:|---:|---:|---:|\n\
                    | Request Latency (ms) | 100.00 | 100.00 | 100.00 | 100.00 |\n\n\
                    | Slowest requests | ms |\n|---|---:|\n\
                    | `request-0` | 100.00 |\n| `request-1` | 100.00 |\n| `request-2` | 100.00 |\n";
    assert_eq!(text, expected);
}

#[test]
fn has_the_columns_that_were_asked_for_and_names_no_request_where_none_are_wanted() {
    let folder = Folder::new("columns");
    let mut exporter: MarkdownExporter = construct(json!({ "percentiles": [99.9], "slowest": 0 })).unwrap();
    let text = written(&mut exporter, 10, &folder.report());
    assert!(text.contains("| Metric | avg | p99.9 |\n") && !text.contains("Slowest"), "{text}");
}

#[test]
fn refuses_a_setting_it_does_not_know() {
    let error = construct::<MarkdownExporter>(json!({ "percentile": 50 })).unwrap_err();
    assert!(error.to_string().contains("percentile"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let mut exporter: MarkdownExporter = construct(json!({})).unwrap();
    let mut report = mock_report();
    report.artifact_dir = "/nowhere/at-all".to_owned();
    let error = exporter.export(&report).unwrap_err();
    assert!(error.to_string().contains("writing /nowhere/at-all/"), "{error}");
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let folder = Folder::new("boundary");
    let mut direct: MarkdownExporter = construct(json!({})).unwrap();
    let mut loaded = via_abi::<dyn DataExporter, MarkdownExporter>(json!({})).unwrap();
    let report = folder.report();
    assert_eq!(written(loaded.as_mut(), 5, &report), written(&mut direct, 5, &report));
}
