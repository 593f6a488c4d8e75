//! Opens a plugin library: the one room of the host that may be unsafe. A library is opened once, is never closed, and
//! nothing of it is used before its file, its version and its layout have been checked. Which library to open, and for
//! which entry, is not decided here.

#![expect(unsafe_code, reason = "the system's loader is unsafe by nature; each block says why it is sound")]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aiperf_abi::data::descriptor::{ABI_VERSION, Descriptor};
use aiperf_abi::host::{AbiHeaderRef, Category, HEADER_SYMBOL, Refusal, Root, Settings};
use aiperf_abi::{Context, ErrorKind};
use thiserror::Error;

use super::digest::sha256_of;
use super::inspect::{self, InspectError, Inspection};
use super::services::HostServices;
use crate::clock::Clock;

/// Threads of the runtime a library with a transport gets.
const RUNTIME_WORKERS: usize = 1;

/// A plugin library, checked and ready.
pub struct Library {
    path: PathBuf,
    sha256: String,
    descriptor: Descriptor,
    root: Root,
}

/// Why a library, or a class of it, cannot be used.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// Its file is not one this host can load; nothing of it was run.
    #[error("{}: {error}", path.display())]
    Inspect {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: InspectError,
    },
    /// Its bytes are not those of the lock; nothing of it was run.
    #[error("{}: is not the library that is locked (sha256:{found} instead of {locked}); put that back", path.display())]
    NotLocked {
        /// The file.
        path: PathBuf,
        /// The digest that is locked.
        locked: String,
        /// The digest it has.
        found: String,
    },
    /// It is another file than the one that was checked.
    #[error("{}: was changed while it was opened; start again when it is written", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The system's loader refused it.
    #[error("{}: the system cannot load it: {reason}{hint}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The loader's words.
        reason: String,
        /// What to do about it, where that is known.
        hint: &'static str,
    },
    /// Its header does not fit.
    #[error(
        "{}: has no plugin header that fits: {reason}; build it again with aiperf-abi {ABI_VERSION}",
        path.display()
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// What does not.
        reason: String,
    },
    /// Its header tells of another version than its descriptor.
    #[error(
        "{}: describes itself as built with aiperf-abi {described}, but its code is built with {library}, and this aiperf \
         has {ABI_VERSION}; build it again with aiperf-abi {ABI_VERSION}", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in its descriptor.
        described: String,
        /// The version in its header.
        library: String,
    },
    /// What crosses lies differently in memory, in spite of versions that fit.
    #[error(
        "{}: is built with aiperf-abi {library}, but what crosses lies differently in memory than in the {ABI_VERSION} of \
         this aiperf; build it with an unmodified aiperf-abi {ABI_VERSION}. What differs:\n  {}",
        path.display(), differences.join("\n  ")
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// Its ABI version.
        library: String,
        /// A few lines of what differs.
        differences: Vec<String>,
    },
    /// What it says in its file is not what it offers.
    #[error(
        "{}: describes itself as {described}, but once loaded it is {loaded}; build it again", path.display()
    )]
    Impostor {
        /// The file.
        path: PathBuf,
        /// According to the file.
        described: String,
        /// According to its code.
        loaded: String,
    },
    /// It failed to start.
    #[error("{}: failed to start: {reason}; update the package or take it out", path.display())]
    Start {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The manifest names a class that the library does not have.
    #[error("{}: exports no {category} of the type `{class}`{hint}", path.display())]
    NoClass {
        /// The file.
        path: PathBuf,
        /// The category.
        category: &'static str,
        /// The type asked for.
        class: String,
        /// The nearest one, or all there are.
        hint: String,
    },
    /// The class could not be made; the error names package and entry.
    #[error("{0}")]
    New(aiperf_abi::Error),
}

impl LibraryError {
    /// Whether the plugin asked to be left out, which is no failure.
    pub fn is_disabled(&self) -> bool {
        matches!(self, Self::New(error) if error.kind() == ErrorKind::Disabled)
    }
}

/// Libraries live as long as the process, and the system keeps one list of them; this is ours.
static OPEN: Mutex<Vec<(FileId, &Library)>> = Mutex::new(Vec::new());

impl Library {
    /// The library that was opened from a file of this canonical path.
    pub fn opened(path: &Path) -> Option<&'static Self> {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|(_, library)| *library).find(|library| library.path == path)
    }

    /// Opens the library in a file, or gives the one that is open already: a file is loaded once, by whatever path.
    ///
    /// # Errors
    /// When it is no plugin library that this host can use.
    pub fn open(path: &Path) -> Result<&'static Self, LibraryError> {
        Self::open_locked(path, None)
    }

    /// The same, where a lock says which digest it has: that of the very bytes that are checked here and loaded.
    ///
    /// # Errors
    /// As of [`Library::open`], and when the digest is another.
    pub fn open_locked(path: &Path, locked: Option<&str>) -> Result<&'static Self, LibraryError> {
        let refuse = |error| LibraryError::Inspect { path: path.to_owned(), error };
        // A path without a slash would be looked up in the system's library folders.
        let real = path.canonicalize().map_err(|error| refuse(InspectError::Unreadable(error)))?;
        let id = FileState::of(&real).map_err(refuse)?.id;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, library)) = open.iter().find(|(known, _)| *known == id) {
            return library.held_to(locked).map(|()| *library);
        }
        let library: &'static Self = Box::leak(Box::new(Self::load(real, locked)?));
        open.push((id, library));
        Ok(library)
    }

    fn load(path: PathBuf, locked: Option<&str>) -> Result<Self, LibraryError> {
        let refuse = |error| LibraryError::Inspect { path: path.clone(), error };
        let before = FileState::of(&path).map_err(refuse)?;
        let bytes = inspect::read(&path).map_err(refuse)?;
        let Inspection { descriptor, .. } = inspect::preflight(&bytes).map_err(refuse)?;
        let sha256 = sha256_of(&bytes);
        drop(bytes);
        held_to(&path, &sha256, locked)?;
        let header = header(&path)?;
        // The system's loader reads the file again, by its path, for `$ORIGIN` and debuggers go by that. So that it was
        // the same file with the same bytes, nothing may have been written or moved from before the reading until now.
        if FileState::of(&path).map_err(refuse)? != before {
            return Err(LibraryError::Changed { path });
        }
        // SAFETY: the header was read from the symbol it belongs to, and `header` never closes a library.
        let root = unsafe { Root::admit(header) }.map_err(|refusal| refused(&path, &descriptor, refusal))?;
        let library = Self { path, sha256, descriptor, root };
        library.is_what_it_says()?;
        // Before there is a run there is no seed; a library as a whole only logs.
        let host = Box::new(HostServices::new(root.package(), Clock::start(), 0));
        let started = root.init(host, Settings { runtime_workers: RUNTIME_WORKERS });
        started.map_err(|error| LibraryError::Start { path: library.path.clone(), reason: error.to_string() })?;
        Ok(library)
    }

    fn is_what_it_says(&self) -> Result<(), LibraryError> {
        let tell = |package: &str, version: &str, exports: &[String]| {
            format!("{package} {version} with {}", exports.join(", "))
        };
        let described =
            tell(&self.descriptor.package, &self.descriptor.version, &sorted(self.descriptor.exports.clone()));
        let loaded = tell(self.root.package(), self.root.version(), &sorted(self.root.exports()));
        if described == loaded {
            return Ok(());
        }
        Err(LibraryError::Impostor { path: self.path.clone(), described, loaded })
    }

    /// The file, as it was resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the bytes that were checked and loaded, as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    fn held_to(&self, locked: Option<&str>) -> Result<(), LibraryError> {
        held_to(&self.path, &self.sha256, locked)
    }

    /// What the library says of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The classes it offers, each `category:Type`.
    pub fn exports(&self) -> &[String] {
        &self.descriptor.exports
    }

    /// Makes a value of a category of the library's type `class`.
    ///
    /// # Errors
    /// When there is no such type, or its constructor fails or asks to be left out (see [`LibraryError::is_disabled`]).
    pub fn make<C: Category + ?Sized>(&self, class: &str, cx: &Context<'_>) -> Result<Box<C>, LibraryError> {
        let made = self.root.make::<C>(class, cx).ok_or_else(|| self.no_class(C::NAME, class))?;
        made.map_err(LibraryError::New)
    }

    /// The refusal of a class that is not offered.
    pub fn no_class(&self, category: &'static str, class: &str) -> LibraryError {
        let known: Vec<&str> = self.descriptor.types(category).collect();
        let nearest =
            known.iter().max_by(|a, b| strsim::jaro_winkler(a, class).total_cmp(&strsim::jaro_winkler(b, class)));
        let hint = match nearest {
            None => format!("; it has no {category} at all"),
            Some(near) if strsim::jaro_winkler(near, class) > 0.7 => format!("; did you mean `{near}`?"),
            Some(_) => format!("; it has `{}`", known.join("`, `")),
        };
        LibraryError::NoClass { path: self.path.clone(), category, class: class.to_owned(), hint }
    }
}

fn sorted(mut exports: Vec<String>) -> Vec<String> {
    exports.sort_unstable();
    exports
}

fn refused(path: &Path, descriptor: &Descriptor, refusal: Refusal) -> LibraryError {
    let path = path.to_owned();
    match refusal {
        Refusal::Header(reason) => LibraryError::Header { path, reason },
        Refusal::Version { library, .. } => LibraryError::Version { path, described: descriptor.abi.clone(), library },
        Refusal::Layout { library, differences } => LibraryError::Layout { path, library, differences },
        Refusal::Constructor(reason) => LibraryError::Start { path, reason },
    }
}

fn held_to(path: &Path, found: &str, locked: Option<&str>) -> Result<(), LibraryError> {
    match locked {
        Some(locked) if locked != found => {
            let (locked, found) = (locked.to_owned(), found.to_owned());
            Err(LibraryError::NotLocked { path: path.to_owned(), locked, found })
        }
        _ => Ok(()),
    }
}

/// Device and inode.
type FileId = (u64, u64);

/// Which file it is, and what changes when somebody writes to it: the times cannot be set back without the last of them.
#[derive(Debug, PartialEq, Eq)]
struct FileState {
    id: FileId,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    #[cfg(unix)]
    fn of(path: &Path) -> Result<Self, InspectError> {
        use std::os::unix::fs::MetadataExt;
        let file = path.metadata().map_err(InspectError::Unreadable)?;
        let (modified, changed) = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
        Ok(Self { id: (file.dev(), file.ino()), size: file.size(), modified, changed })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Result<Self, InspectError> {
        Err(InspectError::System)
    }
}

/// Opens a library for good and finds its header.
#[cfg(unix)]
fn header(path: &Path) -> Result<AbiHeaderRef, LibraryError> {
    use libloading::os::unix::{Library as System, RTLD_LOCAL, RTLD_NOW};

    // SAFETY: this runs the library's initialisers, which is what a user who installs a plugin asks for; the file has been
    // checked to be whole, and to be a plugin. All symbols are bound now, so that a missing one is an error and no abort.
    let library = unsafe { System::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| unopened(path, &error))?;
    // SAFETY: a library with our descriptor exports a header under this name.
    let header = unsafe { library.get::<AbiHeaderRef>(HEADER_SYMBOL.as_bytes()) }.map(|symbol| *symbol);
    // Never closed: threads, thread-local destructors and error texts may point into it.
    std::mem::forget(library);
    header.map_err(|_| LibraryError::Header {
        path: path.to_owned(),
        reason: format!("it lacks the symbol `{HEADER_SYMBOL}`"),
    })
}

#[cfg(unix)]
fn unopened(path: &Path, error: &dyn std::error::Error) -> LibraryError {
    let words = chain(error);
    // The loader names the file too.
    let reason = words.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&words).to_owned();
    LibraryError::Open { path: path.to_owned(), hint: hint(&reason), reason }
}

#[cfg(not(unix))]
fn header(path: &Path) -> Result<AbiHeaderRef, LibraryError> {
    Err(LibraryError::Inspect { path: path.to_owned(), error: InspectError::System })
}

/// An error and what caused it; libloading keeps the loader's words in the source.
#[cfg(unix)]
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => chain(source),
        None => error.to_string(),
    }
}

#[cfg(unix)]
fn hint(reason: &str) -> &'static str {
    if reason.contains("GLIBC_") {
        "; it was built on a newer system: build it on this one, or on an older one"
    } else if reason.contains("static TLS") {
        "; its allocator reserves static thread-local memory: turn on its feature for dynamic TLS"
    } else if reason.contains("cannot open shared object file") || reason.contains("Library not loaded") {
        "; install the library it needs"
    } else if reason.contains("undefined symbol") {
        "; it was linked incompletely: build it again with all it uses"
    } else {
        ""
    }
}
