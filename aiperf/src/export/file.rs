//! Writing files so that a reader never sees half of one: to a temporary name in the same folder, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {reason}{}", path.display(), remedy(reason.kind()))]
pub struct WriteError {
    /// The file as it was to be called in the end.
    pub path: PathBuf,
    /// What the system said.
    pub reason: io::Error,
}

impl WriteError {
    pub(super) fn new(path: &Path, reason: io::Error) -> Self {
        Self { path: path.to_owned(), reason }
    }
}

/// What to do about a reason that has little to do with the file itself.
fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there, or choose another folder with --output-artifact-dir"
        }
        io::ErrorKind::FileTooLarge => "; raise the limit of a file's size (`ulimit -f`)",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose another folder with --output-artifact-dir"
        }
        _ => "",
    }
}

/// A file that appears under its name when it is finished, and not at all when it is dropped before.
#[derive(Debug)]
pub struct PendingFile {
    path: PathBuf,
    temporary: PathBuf,
    /// Taken when finished.
    writer: Option<BufWriter<File>>,
}

impl PendingFile {
    /// Starts the file `path`.
    ///
    /// # Errors
    /// When the temporary file beside it cannot be made.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, WriteError> {
        let path = path.into();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(|e| WriteError::new(&path, e))?;
        Ok(Self { path, temporary, writer: Some(BufWriter::new(file)) })
    }

    /// Lets `fill` write the next part.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
        let writer = self.writer.as_mut().expect("only `finish` takes the writer, and it takes the value too");
        fill(writer).map_err(|e| WriteError::new(&self.path, e))
    }

    /// Gives the file its name, in place of a file that had it.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot be renamed.
    pub fn finish(mut self) -> Result<PathBuf, WriteError> {
        let mut writer = self.writer.take().expect("only `finish` takes the writer, and it takes the value too");
        writer
            .flush()
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|e| WriteError::new(&self.path, e))?;
        self.temporary = PathBuf::new();
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // Nothing can be done about a leftover, and whoever dropped this has an error to tell already.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file.
///
/// # Errors
/// When it cannot be written; what was under the name before is then untouched.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    let mut file = PendingFile::create(path)?;
    file.write(|to| to.write_all(content))?;
    file.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        let mut file = PendingFile::create(&path).unwrap();
        file.write(|to| to.write_all(b"{")).unwrap();
        assert!(!path.exists());
        file.write(|to| to.write_all(b"}")).unwrap();
        assert_eq!(file.finish().unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(names(folder.path()), ["summary.json"]);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing_and_spares_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.json");
        write_whole(&path, b"old").unwrap();
        let mut file = PendingFile::create(&path).unwrap();
        file.write(|to| to.write_all(b"new")).unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["summary.json"]);
    }

    #[test]
    fn the_error_names_the_file() {
        let error = write_whole(Path::new("/nowhere/at/all.json"), b"").unwrap_err().to_string();
        assert!(error.starts_with("cannot write `/nowhere/at/all.json`: "), "{error}");
    }

    #[test]
    fn a_disk_that_is_full_is_told_once_and_with_what_to_do() {
        let error = WriteError::new(Path::new("run/x.jsonl"), io::ErrorKind::StorageFull.into());
        let told = aiperf_abi::Error::from(error).to_string();
        assert_eq!(told.matches(&io::Error::from(io::ErrorKind::StorageFull).to_string()).count(), 1, "{told}");
        assert!(told.contains("run/x.jsonl") && told.contains("--output-artifact-dir"), "{told}");
    }
}
