//! The rows of a file, one after the other or at the place where one was seen: read and understood. What becomes of them is
//! not known here.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::{Error, Result};

use super::fault::Fault;
use super::scan::{self, ScanError, Shape, Span};
use super::traces::Columns;
use crate::dataset::media;

/// How the rows of one file are read.
#[derive(Debug, Clone)]
pub(super) enum Reader {
    Rows(fn(&[u8]) -> Result<Conversation, Fault>),
    Blocks(fn(&[u8], u32) -> Result<Conversation, Fault>, u32),
    /// A table whose column names were not seen yet, and one whose were.
    Headless([&'static str; 3], fn(&[u8], &Columns) -> Result<Conversation, Fault>),
    Table(Columns, fn(&[u8], &Columns) -> Result<Conversation, Fault>),
}

impl Reader {
    /// Takes the line of column names.
    fn header(&mut self, line: &[u8]) -> Result<(), Fault> {
        if let Self::Headless(names, read) = self {
            *self = Self::Table(Columns::find(line, *names)?, *read);
        }
        Ok(())
    }

    /// What a row says; paths in it are counted from `folder`.
    fn parse(&self, row: &[u8], folder: &Path) -> Result<Conversation, Fault> {
        let mut conversation = match self {
            Self::Rows(read) => read(row),
            Self::Blocks(read, block) => read(row, *block),
            Self::Headless(..) => Err(Fault::row("stands before the line of column names")),
            Self::Table(columns, read) => read(row, columns),
        }?;
        for turn in &mut conversation.turns {
            media::locate(turn, folder).map_err(|(field, problem)| Fault::field(field, problem))?;
        }
        Ok(conversation)
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    reader: Reader,
}

impl Source {
    /// Goes through all rows and shows each to `each`, understood or with what is wrong with it. What `each` refuses ends the
    /// walk.
    pub(super) fn walk(
        path: &Path,
        mut reader: Reader,
        shape: fn(u8) -> Shape,
        mut each: impl FnMut(Span, Result<Conversation, Fault>) -> Result<()>,
    ) -> Result<Self> {
        let refused = |reason: String| Error::invalid_input(format!("{}: {reason}", path.display()));
        let shape = shape(first_byte(path).map_err(|error| refused(error.to_string()))?);
        let folder = folder(path);
        let mut has_columns = true;
        let walked = scan::rows(path, shape, |span, bytes| match span.len {
            0 => {
                let named = reader.header(bytes);
                has_columns = named.is_ok();
                named.or_else(|fault| each(span, Err(fault)))
            }
            // Nothing after the column names can be read without them.
            _ if !has_columns => Ok(()),
            _ => each(span, reader.parse(bytes, folder)),
        });
        match walked {
            Ok(()) => {}
            Err(ScanError::File(reason)) => return Err(refused(reason)),
            Err(ScanError::Row(error)) => return Err(error),
        }
        let file = File::open(path).map_err(|error| refused(error.to_string()))?;
        Ok(Self { path: path.to_owned(), file, reader })
    }

    /// A row that was seen on the walk, read again.
    pub(super) fn read(&self, span: Span) -> Result<Conversation> {
        let mut bytes = vec![0; span.len as usize];
        let refused = |reason: String| Error::invalid_input(format!("{}: {reason}", self.path.display()));
        self.file
            .read_exact_at(&mut bytes, span.offset)
            .map_err(|error| refused(format!("changed while it was in use: {error}")))?;
        self.reader
            .parse(&bytes, folder(&self.path))
            .map_err(|fault| Error::invalid_input(fault.at(&self.path, span.line.into()).to_string()))
    }
}

/// The name of a file without its ending.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The folder of a file, from which the paths in it are counted.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The first byte that is no space; 0 where there is none.
fn first_byte(path: &Path) -> std::io::Result<u8> {
    use std::io::Read;
    let mut start = [0; 64];
    let read = File::open(path)?.read(&mut start)?;
    let start = start[..read].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start[..read]);
    Ok(start.trim_ascii_start().first().copied().unwrap_or(0))
}
