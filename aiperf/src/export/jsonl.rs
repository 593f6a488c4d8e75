//! The record file: one line per request, appended as the run goes. A run that is killed leaves what it had.

use aiperf_abi::{Context, DataExporter, Error, FileInfo, FileStem, Plugin, RecordBatch, Report, Result};
use serde::Deserialize;

use super::layout;
use super::lines::LineFile;

/// Writes `profile_export.jsonl`.
#[derive(Debug)]
pub struct RecordsExporter {
    file: LineFile,
}

/// Settings of the entry.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Stem of the file's name.
    file_stem: String,
    /// Whether the run keeps records.
    wanted: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { file_stem: FileStem::default().records, wanted: true }
    }
}

impl Plugin for RecordsExporter {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let dir = cx.artifact_dir().ok_or_else(|| Error::disabled("the run writes no artifacts"))?;
        let config = cx.config::<Config>()?;
        if !config.wanted {
            return Err(Error::disabled("the run keeps no records"));
        }
        let path = layout::records_jsonl(&dir, &config.file_stem);
        Ok(Self { file: LineFile::create(path)? })
    }
}

impl DataExporter for RecordsExporter {
    fn records(&mut self, batch: RecordBatch<'_>) -> Result<()> {
        Ok(self.file.append(batch.as_str())?)
    }

    fn export(&mut self, _: &Report) -> Result<Vec<FileInfo>> {
        Ok(vec![self.file.info("Records Export")])
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aiperf_abi::json;

    use super::*;
    use crate::export::tests::{context, report};

    #[test]
    fn lines_are_in_the_file_as_soon_as_the_batch_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = context(folder.path(), &json!({}), RecordsExporter::new).unwrap();
        let path = folder.path().join("profile_export.jsonl");
        exporter.records(RecordBatch::new("{\"a\":1}\n")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"a\":1}\n");
        exporter.records(RecordBatch::new("{\"a\":2}\n{\"a\":3}\n")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
        let files = exporter.export(&report(Vec::new())).unwrap();
        assert_eq!(files[0].path, path.display().to_string());
    }

    #[test]
    fn the_stem_is_the_users_and_a_misspelt_setting_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        context(folder.path(), &json!({"file_stem": "night"}), RecordsExporter::new).unwrap();
        assert!(folder.path().join("night.jsonl").exists());
        let error = context(folder.path(), &json!({"stem": "night"}), RecordsExporter::new).unwrap_err();
        assert!(error.to_string().contains("unknown field `stem`"), "{error}");
    }

    #[test]
    fn the_records_of_an_earlier_run_are_never_added_to() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("profile_export.jsonl"), "{}\n").unwrap();
        let error = context(folder.path(), &json!({}), RecordsExporter::new).unwrap_err();
        assert!(error.to_string().contains("profile_export.jsonl"), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("profile_export.jsonl")).unwrap(), "{}\n");
    }
}
