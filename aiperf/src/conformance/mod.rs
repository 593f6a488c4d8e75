//! A class of a library put to the test, as its author runs it: made, called as a run calls it and worse, from many
//! threads, and dropped. Tells what it tries before it tries it, so that who watches from another process knows what a
//! crash was about.

mod cost;
mod endpoint;
mod exporter;
mod replies;
mod transport;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use aiperf_abi::testing::{Fixture, MockHost};
use aiperf_abi::{
    ArrivalPattern, Context, DataExporter, DatasetSampler, Endpoint, Error, ErrorKind, Ramp, TimingStrategy, Transport,
    UrlSelectionStrategy, Value,
};
use serde::{Deserialize, Serialize};

use crate::plugin::library::{Library, LibraryError};
pub use cost::{Call, cost};

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was tried.
    pub check: String,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, in words.
    pub detail: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// It could not be tried, for a reason that is no fault.
    Skipped,
    /// Not as it should.
    Failed,
}

/// What is told as the suite goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// This check begins: whatever happens to the process now is its doing.
    Trying(String),
    /// It is done.
    Found(Finding),
}

/// Runs every check over one class, `category:Type`, which gets these settings.
pub fn run(library: &Path, export: &str, settings: &Value, tell: &mut dyn FnMut(Progress)) {
    let folder = Folder::new();
    let mut suite = Suite { settings, folder: &folder.0, tell };
    let opened = || match Library::open(library) {
        Ok(library) => Ok((format!("built with aiperf-abi {}", library.descriptor().abi), library)),
        Err(error) => Err(error.to_string()),
    };
    let Some(library) = suite.check("loads", opened) else { return };
    let (category, class) = export.split_once(':').unwrap_or((export, ""));
    match category {
        "endpoint" => suite.class(&|cx| library.make::<dyn Endpoint>(class, cx), endpoint::checks),
        "transport" => suite.class(&|cx| library.make::<dyn Transport>(class, cx), transport::checks),
        "data_exporter" => suite.class(&|cx| library.make::<dyn DataExporter>(class, cx), exporter::checks),
        // Of these, what is made and how it dies is all that can be tried without a run around them.
        "timing_strategy" => suite.class(&|cx| library.make::<dyn TimingStrategy>(class, cx), |_, _| {}),
        "arrival_pattern" => suite.class(&|cx| library.make::<dyn ArrivalPattern>(class, cx), |_, _| {}),
        "ramp" => suite.class(&|cx| library.make::<dyn Ramp>(class, cx), |_, _| {}),
        "dataset_sampler" => suite.class(&|cx| library.make::<dyn DatasetSampler>(class, cx), |_, _| {}),
        "url_selection_strategy" => suite.class(&|cx| library.make::<dyn UrlSelectionStrategy>(class, cx), |_, _| {}),
        _ => suite.told("constructor", Outcome::Skipped, "the suite has no checks for this category"),
    }
}

/// A folder for what is written while a class is tried; gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("aiperf-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // Where that fails, an exporter that wants to write there says so.
        std::fs::create_dir_all(&path).ok();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: what is left is in the system's folder for such things.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The suite on its way through a class.
struct Suite<'a> {
    settings: &'a Value,
    /// For artifacts.
    folder: &'a Path,
    tell: &'a mut dyn FnMut(Progress),
}

/// The constructor of the class under test.
type New<'a, T> = dyn Fn(&Context<'_>) -> Result<Box<T>, LibraryError> + Sync + 'a;

/// Makes another value of the class under test.
type Make<'a, T> = dyn Fn() -> Result<Box<T>, LibraryError> + Sync + 'a;

impl Suite<'_> {
    fn class<T: Send + ?Sized>(&mut self, new: &New<'_, T>, checks: fn(&mut Self, &Make<'_, T>)) {
        let fixture = Fixture::new(self.settings.clone()).with_artifact_dir(&self.folder.display().to_string());
        let make = move || new(&fixture.context(&MockHost::default()));
        (self.tell)(Progress::Trying("constructor".to_owned()));
        match make() {
            Ok(value) => {
                drop(value);
                self.told("constructor", Outcome::Passed, "made and dropped");
                checks(self, &make);
                self.check("drop order", || {
                    drop_order(&make).map(|()| ("first, last, and on another thread".to_owned(), ()))
                });
            }
            Err(error) if error.is_disabled() => {
                self.told("constructor", Outcome::Skipped, &format!("it has nothing to do here: {error}"));
            }
            Err(LibraryError::New(error)) if error.kind() == ErrorKind::InvalidConfig => {
                self.told("constructor", Outcome::Skipped, &format!("it wants settings, see --config: {error}"));
            }
            Err(error) => self.told("constructor", Outcome::Failed, &error.to_string()),
        }
    }

    /// Runs one check and tells what came of it: words and a value, or what is wrong. A panic on this side is a fault too.
    fn check<T>(&mut self, name: &str, check: impl FnOnce() -> Result<(String, T), String>) -> Option<T> {
        (self.tell)(Progress::Trying(name.to_owned()));
        let checked = catch_unwind(AssertUnwindSafe(check))
            .unwrap_or_else(|_| Err("what came back made aiperf itself panic".to_owned()));
        match checked {
            Ok((detail, value)) => {
                self.told(name, Outcome::Passed, &detail);
                Some(value)
            }
            Err(fault) => {
                self.told(name, Outcome::Failed, &fault);
                None
            }
        }
    }

    fn told(&mut self, check: &str, outcome: Outcome, detail: &str) {
        (self.tell)(Progress::Found(Finding { check: check.to_owned(), outcome, detail: detail.to_owned() }));
    }
}

/// Values that die in another order than they were made in, and on another thread.
fn drop_order<T: Send + ?Sized>(make: &Make<'_, T>) -> Result<(), String> {
    let mut values = Vec::new();
    for _ in 0..4 {
        values.push(made(make)?);
    }
    drop(values.remove(0));
    drop(values.pop());
    let dropped = std::thread::scope(|scope| scope.spawn(move || drop(values)).join());
    dropped.map_err(|_| "a value panicked when it was dropped on another thread".to_owned())?;
    made(make).map(drop)
}

fn made<T: ?Sized>(make: &Make<'_, T>) -> Result<Box<T>, String> {
    make().map_err(|error| error.to_string())
}

/// What a call gave; nothing, where it answered with an error as it may; the words of a fault, where it panicked.
fn tolerated<T>(result: Result<T, Error>) -> Result<Option<T>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Panic => Err(error.to_string()),
        Err(_) => Ok(None),
    }
}

/// The same from this many threads at once; the first fault of any.
fn from_threads(work: impl Fn(usize) -> Result<(), String> + Sync) -> Result<(), String> {
    let ended = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for end in ended {
        end.map_err(|_| "a thread of aiperf panicked over what came back".to_owned())??;
    }
    Ok(())
}

/// Threads that call one value at once.
const THREADS: usize = 8;

#[cfg(test)]
mod tests;
