//! The checks of a data exporter: records as they come, records that are broken, a report, and the files it says it wrote.

use std::path::Path;

use aiperf_abi::{DataExporter, Record, RecordBatch, Report};

use super::{Check, Checked, Fault, Folder, Lived, Make, Tried, tolerated, wrong};

impl Tried for dyn DataExporter {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let folder = Folder::new();
        whole_run(&make.inside(&folder)).map(Lived::well)
    }

    const CHECKS: &'static [Check<Self>] = &[("no records", no_records), ("broken records", broken)];
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

fn no_records(make: &Make<'_, dyn DataExporter>) -> Checked {
    let folder = Folder::new();
    ended(&mut *make.inside(&folder).value()?, &folder.0)
}

fn whole_run(make: &Make<'_, dyn DataExporter>) -> Checked {
    let mut exporter = make.value()?;
    for batch in [1, 100, 0, 1000] {
        let lines = lines(batch)?;
        exporter.records(RecordBatch::new(&lines)).map_err(|error| format!("a batch of {batch} records: {error}"))?;
    }
    ended(&mut *exporter, &make.folder)
}

/// The end of a run. What it says it wrote is there.
fn ended(exporter: &mut dyn DataExporter, folder: &Path) -> Checked {
    let written = exporter.export(&report(folder)).map_err(|error| format!("the report: {error}"))?;
    for file in &written {
        let path = folder.join(&file.path);
        if !file.path.contains("://") && !path.exists() && !Path::new(&file.path).exists() {
            return wrong(format!("it says it wrote {}, and there is no such file", path.display()));
        }
    }
    Ok(match written.len() {
        0 => "it names no file".to_owned(),
        count => format!("files it names and that are there: {count}"),
    })
}

/// Lines that are no records.
pub(super) const BROKEN: [&str; 5] = ["\n", "{\n", "null\n", "{\"metrics\":7}\n", "\u{0}\u{0}\n"];

fn broken(make: &Make<'_, dyn DataExporter>) -> Checked {
    let folder = Folder::new();
    let mut exporter = make.inside(&folder).value()?;
    for lines in BROKEN {
        tolerated(exporter.records(RecordBatch::new(lines)))?;
    }
    tolerated(exporter.export(&report(&folder.0)))?;
    Ok("taken or refused with an error".to_owned())
}
