//! The checks of a data exporter: records as they come, records that are broken, a report, and the files it says it wrote.

use std::path::Path;

use aiperf_abi::{DataExporter, Record, RecordBatch, Report};

use super::{Make, Suite, made, tolerated};

pub(super) fn checks(suite: &mut Suite<'_>, make: &Make<'_, dyn DataExporter>) {
    let folder = suite.folder.to_owned();
    suite.check("a whole run", || whole_run(make, &folder).map(|told| (told, ())));
    suite.check("no records", || ended(&mut *made(make)?, &folder).map(|told| (told, ())));
    suite.check("broken records", || broken(make, &folder).map(|told| (told, ())));
}

fn report(folder: &Path) -> Report {
    let mut report = Report::default();
    report.aiperf_version = env!("CARGO_PKG_VERSION").to_owned();
    report.benchmark_id = "test-benchmark".to_owned();
    report.metrics_title = "Test".to_owned();
    report.artifact_dir = folder.display().to_string();
    report
}

fn lines(count: u64) -> Result<String, String> {
    (0..count).try_fold(String::new(), |mut lines, number| {
        let mut record = Record::default();
        record.metadata.session_num = number;
        record.metadata.x_request_id = format!("request-{number}");
        lines += &serde_json::to_string(&record).map_err(|error| error.to_string())?;
        lines.push('\n');
        Ok(lines)
    })
}

fn whole_run(make: &Make<'_, dyn DataExporter>, folder: &Path) -> Result<String, String> {
    let mut exporter = made(make)?;
    for batch in [1, 100, 0, 1000] {
        let lines = lines(batch)?;
        exporter.records(RecordBatch::new(&lines)).map_err(|error| format!("a batch of {batch} records: {error}"))?;
    }
    ended(&mut *exporter, folder)
}

/// The end of a run. What it says it wrote is there.
fn ended(exporter: &mut dyn DataExporter, folder: &Path) -> Result<String, String> {
    let written = exporter.export(&report(folder)).map_err(|error| format!("the report: {error}"))?;
    for file in &written {
        let path = folder.join(&file.path);
        if !file.path.contains("://") && !path.exists() && !Path::new(&file.path).exists() {
            return Err(format!("it says it wrote {}, and there is no such file", path.display()));
        }
    }
    Ok(match written.len() {
        0 => "it names no file".to_owned(),
        count => format!("files it names and that are there: {count}"),
    })
}

fn broken(make: &Make<'_, dyn DataExporter>, folder: &Path) -> Result<String, String> {
    let mut exporter = made(make)?;
    for lines in ["\n", "{\n", "null\n", "{\"metrics\":7}\n", "\u{0}\u{0}\n"] {
        tolerated(exporter.records(RecordBatch::new(lines)))?;
    }
    tolerated(exporter.export(&report(folder)))?;
    Ok("taken or refused with an error".to_owned())
}
