//! What is wrong with a package, and where. Every reader and check of this floor speaks in these.

use std::fmt;
use std::path::{Path, PathBuf};

use super::inspect::InspectError;

/// A place in a text file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// One thing that is wrong, and the file and place it is wrong in.
#[derive(Debug, thiserror::Error)]
pub struct Fault {
    /// The manifest, library or folder.
    pub file: PathBuf,
    /// The place in it, where there is one to point at.
    pub at: Option<Position>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// A manifest is far larger than any manifest.
    #[error("is {bytes} bytes; a manifest has at most {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8 text here")]
    NotUtf8,
    /// It is no YAML.
    #[error("{0}")]
    Syntax(String),
    /// The version of the manifest format is missing, or one that cannot be read.
    #[error("{0}")]
    SchemaVersion(String),
    /// A name or key stands there twice.
    #[error("{0}")]
    Duplicate(String),
    /// It is not what a manifest may say; the text names key and value.
    #[error("{0}")]
    Manifest(String),
    /// More of the same.
    #[error("has more faults; these are the first {shown}")]
    AndMore {
        /// How many were reported.
        shown: usize,
    },
    /// The package calls itself by a name it must not have.
    #[error("the package name `{0}` belongs to what is built in; choose another")]
    ReservedName(String),
    /// No library named, and the classes do not agree on one.
    #[error(
        "no `library` is given and the classes name different libraries ({}); \
         add `library:` under `plugin:`", .0.join(", ")
    )]
    ManyLibraries(Vec<String>),
    /// The manifest has no entry at all.
    #[error("declares no entry of any category")]
    Empty,
    /// The library is not there.
    #[error("the library `{}` does not exist; build it, or correct `library`", .0.display())]
    NoLibrary(PathBuf),
    /// The library lies outside the manifest's folder.
    #[error("the library `{}` is outside the folder of its manifest; a package keeps its library beside it", .0.display())]
    Outside(PathBuf),
    /// Others can change the package's files.
    #[error(
        "`{}` {why}, who could put other code in its place; take that right away (`chmod go-w`, `chown`), \
         or use it all the same with --allow-insecure-plugin-path", path.display()
    )]
    Insecure {
        /// The file or folder.
        path: PathBuf,
        /// Who can write it.
        why: String,
    },
    /// The library is not one that can be used.
    #[error("library `{}`: {error}", library.display())]
    Library {
        /// The library.
        library: PathBuf,
        /// What is wrong with it.
        #[source]
        error: Box<InspectError>,
    },
    /// The library has no such class for that category.
    #[error("`{class}` is not offered by the library for `{category}`{offered}")]
    NoClass {
        /// The class path.
        class: String,
        /// The category it is named for.
        category: &'static str,
        /// The nearest of what the library offers for it, and all of that, as a clause.
        offered: String,
    },
    /// The manifest is of another version than the library beside it.
    #[error("the manifest says version {manifest}, the library says {library}; rebuild or correct the manifest")]
    OtherVersion {
        /// In the manifest.
        manifest: String,
        /// In the library.
        library: String,
    },
    /// A path given on the command line or in the environment where no package is.
    #[error("no `plugins.yaml` in it, nor in a folder of it")]
    NoManifest,
}

impl Fault {
    /// A fault of a whole file.
    pub fn of(file: &Path, problem: Problem) -> Self {
        Self { file: file.to_owned(), at: None, problem }
    }

    /// A fault at a place in a file.
    pub fn at(file: &Path, at: Option<Position>, problem: Problem) -> Self {
        Self { file: file.to_owned(), at, problem }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
