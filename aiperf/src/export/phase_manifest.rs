//! `phase_manifest.json`: what the phases of a run with several measurements were, and where the results of each are. The
//! shape is AIPerf's, version 1.

use std::path::Path;

use aiperf_abi::{ErrorCount, FileInfo, json};

use super::file::{WriteError, write_whole};
use super::layout::Layout;
use crate::credit::Phase;

/// Version of the shape.
const SCHEMA_VERSION: u32 = 1;

/// A phase that has ended.
#[derive(Debug, Clone)]
pub struct PhaseResult {
    /// Its measurement's name.
    pub name: String,
    /// Whether it is the warm-up of it.
    pub phase: Phase,
    /// First intended send and last end, nanoseconds since 1970.
    pub window_ns: (u64, u64),
    /// Requests that succeeded, and that failed.
    pub counts: (u64, u64),
    /// The failures by what they say.
    pub errors: Vec<ErrorCount>,
    /// Whether it did not come to its own end.
    pub was_cancelled: bool,
    /// What was written of it.
    pub files: Vec<FileInfo>,
}

/// Writes the file.
///
/// # Errors
/// When it cannot be written.
pub fn write(layout: &Layout, phases: &[PhaseResult]) -> Result<FileInfo, WriteError> {
    let mut measured = 0;
    let phases: Vec<_> = phases
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let profiling_index = (one.phase == Phase::Profiling).then_some(measured);
            measured += u32::from(one.phase == Phase::Profiling);
            let file = |kind: &str| {
                let path = &one.files.iter().find(|file| file.kind == kind)?.path;
                Some(Path::new(path).strip_prefix(layout.dir()).ok()?.display().to_string())
            };
            json!({
                "phase_name": one.name,
                "phase_kind": one.phase.as_str(),
                "phase_index": index,
                "profiling_index": profiling_index,
                "start_ns": one.window_ns.0,
                "end_ns": one.window_ns.1,
                "successful_request_count": one.counts.0,
                "error_request_count": one.counts.1,
                "total_request_count": one.counts.0 + one.counts.1,
                "error_summary": one.errors,
                "was_cancelled": one.was_cancelled,
                "metrics_json": file("JSON Export"),
                "metrics_csv": file("CSV Export"),
            })
        })
        .collect();
    let path = layout.phase_manifest();
    let text = format!("{:#}\n", json!({"schema_version": SCHEMA_VERSION, "phases": phases}));
    write_whole(&path, text.as_bytes())?;
    Ok(FileInfo { kind: "Phases".to_owned(), path: path.display().to_string() })
}
