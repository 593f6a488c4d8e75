//! A class of a library put to the test, as its author runs it: made, called as a run calls it and worse, from many
//! threads, and dropped. Tells what it tries before it tries it, so that who watches from another process knows what a
//! crash was about.
//!
//! What every class goes through is here and in `lives.rs`; what is special to a category is its `Tried`: what the host
//! tells such a class, one life of it with every answer looked at, and a table of further checks.

mod cost;
mod dataset;
mod endpoint;
mod exporter;
mod lives;
mod replies;
mod results;
mod running;
mod schedule;
mod strategy;
mod transport;
mod xml;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use aiperf_abi::host::Category;
use aiperf_abi::testing::{Fixture, MockHost};
use aiperf_abi::{
    ArrivalPattern, Communication, ConsoleExporter, Context, CustomDatasetLoader, DataExporter, DatasetBackingStore,
    DatasetComposer, DatasetSampler, Endpoint, Error, ErrorKind, GpuTelemetryCollector, Plot, PublicDatasetLoader,
    Ramp, RecordProcessor, ResultHandler, ResultsProcessor, Service, ServiceManager, TimingStrategy, Transport, Ui,
    UrlSelectionStrategy, Value, json,
};
use serde::{Deserialize, Serialize};

use crate::plugin::library::{Library, LibraryError};
pub use cost::{Call, Cost, cost, is_measured};

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

/// What is put to the test.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The library.
    pub library: &'a Path,
    /// The class, `category:Type`.
    pub export: &'a str,
    /// The settings it gets.
    pub settings: &'a Value,
    /// What the manifest says of it under `metadata`.
    pub metadata: &'a Value,
    /// A file for loaders of datasets.
    pub sample: Option<&'a Path>,
}

/// Runs every check over a class.
pub fn run(subject: Subject<'_>, tell: &mut dyn FnMut(Progress)) {
    let mut suite = Suite { settings: subject.settings, metadata: subject.metadata, sample: subject.sample, tell };
    let mut opened = None;
    let open = || match Library::open(subject.library) {
        Ok(library) => Ok(format!("built with aiperf-abi {}", opened.insert(library).descriptor().abi)),
        Err(error) => wrong(error.to_string()),
    };
    suite.check("loads", open);
    let Some(library) = opened else { return };
    let (category, class) = subject.export.split_once(':').unwrap_or((subject.export, ""));
    suite.category(category, library, class);
}

macro_rules! categories {
    ($($trait:ident)*) => {
        /// The categories with checks.
        #[cfg(test)]
        const CATEGORIES: &[&str] = &[$(<dyn $trait as Category>::NAME),*];

        impl Suite<'_> {
            fn category(&mut self, category: &str, library: &'static Library, class: &str) {
                match category {
                    $(<dyn $trait as Category>::NAME => self.class::<dyn $trait>(&|cx| library.make(class, cx)),)*
                    _ => self.told("constructor", Outcome::Skipped, "the suite has no checks for this category"),
                }
            }
        }
    };
}

categories! {
    Endpoint Transport DataExporter ConsoleExporter RecordProcessor ResultsProcessor ResultHandler Plot
    GpuTelemetryCollector Communication Service ServiceManager Ui TimingStrategy ArrivalPattern Ramp CustomDatasetLoader
    PublicDatasetLoader DatasetComposer DatasetBackingStore DatasetSampler UrlSelectionStrategy
}

/// A category as the suite knows it.
trait Tried: Category + Send {
    /// What the host tells a class when it is made, beside the settings of its entry.
    fn told() -> Value {
        json!({})
    }

    /// One life as a run has it: made, told everything in its order, every answer looked at, and dropped.
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault>;

    /// What is tried beyond that, each by its name.
    const CHECKS: &'static [Check<Self>] = &[];

    /// The same while others do it. For a category whose values are called by many threads at once: with one value.
    fn threads(make: &Make<'_, Self>) -> Checked {
        lives::each_its_own(make)
    }
}

/// What came of a life.
struct Lived {
    /// In words.
    told: String,
    /// What the same settings have to give again, whoever else is at work; empty where nothing has to.
    answers: String,
}

impl Lived {
    fn well(told: impl Into<String>) -> Self {
        Self { told: told.into(), answers: String::new() }
    }
}

/// Why a check was not passed.
#[derive(Debug)]
enum Fault {
    /// What is wrong, and what to do.
    Wrong(String),
    /// It could not be tried, and why that is no fault.
    Untried(String),
}

/// What a check says.
type Checked = Result<String, Fault>;

/// What is tried beyond a life, by its name.
type Check<C> = (&'static str, fn(&Make<'_, C>) -> Checked);

fn wrong<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Wrong(words.into()))
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self::Wrong(words)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<LibraryError> for Fault {
    fn from(error: LibraryError) -> Self {
        match error {
            _ if error.is_disabled() => Self::Untried(format!("it has nothing to do here: {error}")),
            LibraryError::New(error) if error.kind() == ErrorKind::InvalidConfig => {
                Self::Untried(format!("it wants settings, see --config: {error}"))
            }
            _ => Self::Wrong(error.to_string()),
        }
    }
}

/// The constructor of the class under test.
type New<'a, C> = dyn Fn(&Context<'_>) -> Result<Box<C>, LibraryError> + Sync + 'a;

/// Makes values of the class under test.
struct Make<'a, C: ?Sized> {
    new: &'a New<'a, C>,
    settings: &'a Value,
    metadata: &'a Value,
    sample: Option<&'a Path>,
    /// Where each value gets a folder of its own; none: this one is for the only value.
    folders: Option<AtomicUsize>,
    folder: PathBuf,
    /// Of all its values.
    host: MockHost,
}

impl<C: Tried + ?Sized> Make<'_, C> {
    /// A value that is told what the category is told.
    fn value(&self) -> Result<Box<C>, Fault> {
        self.with(C::told())
    }

    /// A value that is told something else.
    fn with(&self, told: Value) -> Result<Box<C>, Fault> {
        Ok(self.plain(self.config(told))?)
    }

    /// What is told, under the settings of the user.
    fn config(&self, told: Value) -> Value {
        match (told, self.settings) {
            (Value::Object(mut told), Value::Object(settings)) => {
                told.extend(settings.clone());
                Value::Object(told)
            }
            (_, settings) => settings.clone(),
        }
    }

    /// A value with exactly this configuration.
    fn plain(&self, config: Value) -> Result<Box<C>, LibraryError> {
        let fixture = Fixture::new(config).with_metadata(self.metadata);
        let number = self.folders.as_ref().map(|folders| folders.fetch_add(1, Ordering::Relaxed).to_string());
        let folder = self.folder.join(number.unwrap_or_default());
        // Where that fails, a class that wants to write there says so.
        std::fs::create_dir_all(&folder).ok();
        (self.new)(&fixture.with_artifact_dir(&folder.display().to_string()).context(&self.host))
    }

    /// The same for one value, in this folder.
    fn inside(&self, folder: &Folder) -> Self {
        let Self { new, settings, metadata, sample, .. } = *self;
        let (folder, host) = (folder.0.clone(), self.host.clone());
        Self { new, settings, metadata, sample, folders: None, folder, host }
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

    /// A file in it with these contents.
    fn file(&self, name: &str, contents: &[u8]) -> Result<PathBuf, Fault> {
        let path = self.0.join(name);
        match std::fs::write(&path, contents) {
            Ok(()) => Ok(path),
            Err(error) => Err(Fault::Untried(format!("the suite cannot write {}: {error}", path.display()))),
        }
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
    metadata: &'a Value,
    sample: Option<&'a Path>,
    tell: &'a mut dyn FnMut(Progress),
}

impl Suite<'_> {
    fn class<C: Tried + ?Sized>(&mut self, new: &New<'_, C>) {
        let scratch = Folder::new();
        let Self { settings, metadata, sample, .. } = *self;
        let (folders, folder) = (Some(AtomicUsize::new(0)), scratch.0.clone());
        let make = Make { new, settings, metadata, sample, folders, folder, host: MockHost::default() };
        let made = self.check("constructor", || make.value().map(|_| "made and dropped".to_owned()));
        if made != Outcome::Passed {
            return;
        }
        self.check("wrong settings", || lives::wrong_settings(&make));
        let lived = self.check("a run", || C::life(&make).map(|lived| lived.told));
        for (name, check) in C::CHECKS {
            self.check(name, || check(&make));
        }
        if lived == Outcome::Passed {
            self.check("many threads", || C::threads(&make));
            self.check("memory", || lives::memory(&make));
        }
        self.check("drop order", || lives::drop_order(&make));
    }

    /// Runs one check and tells what came of it. A panic on this side is a fault too.
    fn check(&mut self, name: &str, check: impl FnOnce() -> Checked) -> Outcome {
        (self.tell)(Progress::Trying(name.to_owned()));
        let checked = catch_unwind(AssertUnwindSafe(check))
            .unwrap_or_else(|_| wrong("what came back made aiperf itself panic; please report this"));
        let (outcome, detail) = match checked {
            Ok(detail) => (Outcome::Passed, detail),
            Err(Fault::Untried(why)) => (Outcome::Skipped, why),
            Err(Fault::Wrong(fault)) => (Outcome::Failed, fault),
        };
        self.told(name, outcome, &detail);
        outcome
    }

    fn told(&mut self, check: &str, outcome: Outcome, detail: &str) {
        (self.tell)(Progress::Found(Finding { check: check.to_owned(), outcome, detail: detail.to_owned() }));
    }
}

/// What a call gave; nothing, where it answered with an error as it may; the words of a fault, where it panicked.
fn tolerated<T>(result: Result<T, Error>) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Panic => {
            wrong(format!("{error}; what it cannot use is to be answered with an error"))
        }
        Err(_) => Ok(None),
    }
}

/// The same from this many threads at once; the first fault of any.
fn from_threads(work: impl Fn(usize) -> Result<(), Fault> + Sync) -> Result<(), Fault> {
    let ended = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for end in ended {
        end.unwrap_or_else(|_| wrong("a thread of aiperf panicked over what came back; please report this"))?;
    }
    Ok(())
}

/// Threads at once.
const THREADS: usize = 8;

#[cfg(test)]
mod tests;
