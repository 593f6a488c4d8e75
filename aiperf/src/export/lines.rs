//! Files of lines that are appended as the run goes. A run that is killed leaves what it had, in whole lines: a batch
//! goes to the system in one write that ends with a line, and a write that fails half-way is taken back.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use aiperf_abi::FileInfo;

use super::file::WriteError;

/// A file that grows by whole lines.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: File,
    written: u64,
}

impl LineFile {
    /// Makes the file. The run's folder is new; a file that is there belongs to somebody else.
    ///
    /// # Errors
    /// When it is there, or cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, WriteError> {
        let path = path.into();
        let file =
            OpenOptions::new().append(true).create_new(true).open(&path).map_err(|e| WriteError::new(&path, e))?;
        Ok(Self { path, file, written: 0 })
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// When they cannot be written; nothing of them is then in the file.
    pub fn append(&mut self, lines: &str) -> Result<(), WriteError> {
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            // A disk that is full takes a part; readers should not meet half a line.
            let _ = self.file.set_len(self.written);
            return Err(WriteError::new(&self.path, error));
        }
        self.written += lines.len() as u64;
        Ok(())
    }

    /// For the footer.
    pub fn info(&self, kind: &str) -> FileInfo {
        FileInfo { kind: kind.to_owned(), path: self.path.display().to_string() }
    }
}
