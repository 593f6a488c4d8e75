//! Where the libraries are, contexts to make their classes with, and a host that can be waited for.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aiperf::plugin::library::Library;
use aiperf_abi::host::Category;
use aiperf_abi::testing::{Fixture, MOCK_NOW_NS};
use aiperf_abi::{Context, Host, Level, Value};
use tempfile::TempDir;

use crate::fixtures::built;

/// Longer than anything here takes; only a test that fails waits so long.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The file of a fixture.
pub(crate) fn fixture(name: &str) -> PathBuf {
    built("dev", &[]).library(name)
}

/// Opens a fixture.
pub(crate) fn open(name: &str) -> &'static Library {
    Library::open(&fixture(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The library with a class of every category.
pub(crate) fn many() -> &'static Library {
    open("fixture_many")
}

/// Makes a class of a fixture with this configuration.
pub(crate) fn made<C: Category + ?Sized>(library: &str, class: &str, config: Value) -> Result<Box<C>, String> {
    with_context(config, |cx| open(library).make::<C>(class, cx)).map_err(|error| error.to_string())
}

/// A host whose log can be waited for.
pub(crate) struct Listener {
    said: Receiver<(Level, String)>,
    end: Ear,
}

/// What the plugin holds of it.
struct Ear(Mutex<Sender<(Level, String)>>);

impl Listener {
    pub(crate) fn new() -> Self {
        let (sender, said) = channel();
        Self { said, end: Ear(Mutex::new(sender)) }
    }

    /// The next line the plugin logs.
    pub(crate) fn next(&self) -> (Level, String) {
        self.said.recv_timeout(LONG).expect("the plugin says something")
    }

    /// Calls `make` with a context of this host.
    pub(crate) fn with_context<T>(&self, config: Value, make: impl FnOnce(&Context<'_>) -> T) -> T {
        make(&Fixture::new(config).context(&self.end))
    }
}

impl Host for Ear {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Info
    }

    fn log(&self, level: Level, message: &str) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may be listening any more.
        let _ = sender.send((level, message.to_owned()));
    }

    fn now_ns(&self) -> u64 {
        MOCK_NOW_NS
    }

    fn derive_seed(&self, purpose: &str) -> u64 {
        purpose.len() as u64
    }

    fn share(&self) -> Box<dyn Host> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(Self(Mutex::new(sender.clone())))
    }
}

/// Calls `make` with a context of a host that nobody listens to, entry `test`.
pub(crate) fn with_context<T>(config: Value, make: impl FnOnce(&Context<'_>) -> T) -> T {
    Listener::new().with_context(config, make)
}

/// A folder with files made from a fixture.
pub(crate) struct Copies(TempDir);

impl Copies {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A fixture in which every occurrence of one text was replaced by another of the same length.
    pub(crate) fn patched(&self, name: &str, fixture_name: &str, from: &str, to: &str) -> PathBuf {
        self.file(name, &replaced(std::fs::read(fixture(fixture_name)).unwrap(), from.as_bytes(), to.as_bytes()))
    }
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{} is in the library", String::from_utf8_lossy(from));
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
    bytes
}
