//! A data exporter of a loaded library as an ordinary [`DataExporter`].

use super::origin::Origin;
use crate::author::error::{Error, Result};
use crate::author::exporter::{DataExporter, RecordBatch};
use crate::data::report::{FileInfo, Report};
use crate::ffi::service::{FfiService, exporter};

pub(crate) struct LoadedExporter {
    pub(crate) service: FfiService,
    pub(crate) origin: Origin,
}

impl DataExporter for LoadedExporter {
    fn records(&mut self, batch: RecordBatch<'_>) -> Result<()> {
        let lines = batch.as_str().as_bytes();
        self.origin.call(exporter::RECORDS, || self.service.call(exporter::RECORDS, lines)).map(drop)
    }

    fn export(&mut self, report: &Report) -> Result<Vec<FileInfo>> {
        let report = serde_json::to_vec(report)?;
        let files = self.origin.call(exporter::EXPORT, || self.service.call(exporter::EXPORT, &report))?;
        serde_json::from_slice(&files).map_err(|error| self.origin.tell(exporter::EXPORT, Error::from(error)))
    }
}
