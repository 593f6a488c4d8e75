//! Files of any size, of which only the places of the rows are kept in memory; a row is read when it is wanted. May be
//! asked from many threads at once.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::fault::{Fault, RowFault};
use super::kind::{FileKind, Reader, files_at};
use super::row::Parsed;
use super::scan::{self, ScanError, Span};
use crate::dataset::DatasetError;

/// The files of a dataset.
#[derive(Debug)]
pub(super) struct Store {
    files: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    file: File,
    reader: Reader,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) file: u32,
    span: Span,
}

impl Row {
    /// The line on which it begins.
    pub(super) fn line(self) -> u32 {
        self.span.line
    }
}

impl Store {
    /// Goes through all rows once and shows each to `each`, understood or with what is wrong with it. What `each` refuses
    /// ends the walk.
    pub(super) fn open(
        path: &Path,
        kind: FileKind,
        block: Option<u32>,
        mut each: impl FnMut(&Path, Row, Result<Parsed, RowFault>) -> Result<(), DatasetError>,
    ) -> Result<Self, DatasetError> {
        let mut files = Vec::new();
        for (number, path) in files_at(path)?.into_iter().enumerate() {
            let refused = |reason: String| DatasetError::File { path: path.clone(), reason };
            let mut reader = Reader::of(kind, block);
            let shape = kind.shape(first_byte(&path).map_err(|error| refused(error.to_string()))?);
            let walked = scan::rows(&path, shape, |span, bytes| {
                let at = |fault: Fault| fault.at(&path, span.line.into());
                if span.len == 0 {
                    // Nothing after the column names can be read without them.
                    return reader.header(bytes).map_err(|fault| DatasetError::Row(Box::new(at(fault))));
                }
                each(&path, Row { file: number as u32, span }, reader.parse(bytes).map_err(at))
            });
            match walked {
                Ok(()) => {}
                Err(ScanError::File(reason)) => return Err(refused(reason)),
                Err(ScanError::Row(error)) => return Err(error),
            }
            let file = File::open(&path).map_err(|error| refused(error.to_string()))?;
            files.push(Source { path, file, reader });
        }
        Ok(Self { files })
    }

    /// A row, read again.
    pub(super) fn read(&self, row: Row) -> Result<Parsed, DatasetError> {
        let source = &self.files[row.file as usize];
        let mut bytes = vec![0; row.span.len as usize];
        let refused = |reason| DatasetError::File { path: source.path.clone(), reason };
        source
            .file
            .read_exact_at(&mut bytes, row.span.offset)
            .map_err(|error| refused(format!("changed while it was in use: {error}")))?;
        source
            .reader
            .parse(&bytes)
            .map_err(|fault| DatasetError::Row(Box::new(fault.at(&source.path, row.span.line.into()))))
    }

    /// How many files there are.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// The name of a file without its ending.
    pub(super) fn stem(&self, file: u32) -> String {
        self.files[file as usize].path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The folder of a file, from which the paths in it are counted.
    pub(super) fn folder(&self, file: u32) -> &Path {
        self.files[file as usize].path.parent().unwrap_or(Path::new(""))
    }
}

/// The first byte that is no space; 0 where there is none.
fn first_byte(path: &Path) -> std::io::Result<u8> {
    use std::io::Read;
    let mut start = [0; 64];
    let read = File::open(path)?.read(&mut start)?;
    let start = start[..read].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start[..read]);
    Ok(start.trim_ascii_start().first().copied().unwrap_or(0))
}
