//! `lock` and `lock --check`, and the lock a run is held to.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::counted;
use super::{Failure, Form};
use crate::exit::Exit;
use crate::plugin::lock::{Difference, Lock, LockError};
use crate::plugin::registry::Registry;

/// `aiperf plugins lock`
pub(super) fn write(registry: &Registry, file: &Path, form: Form) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        file: PathBuf,
        #[serde(flatten)]
        lock: Lock,
    }
    let lock = Lock::of(registry)?;
    lock.write(file)?;
    form.tell(&Document { file: file.to_owned(), lock }, |Document { file, lock }| {
        let mut text =
            format!("Locked {} in {}\n", counted(lock.packages().len(), "package", "packages"), file.display());
        for (name, locked) in lock.packages() {
            text += &format!("  {name} {}\n", locked.version);
        }
        text
    });
    form.tell_troubles(registry);
    Ok(Exit::Success)
}

/// `aiperf plugins lock --check`
pub(super) fn check(registry: &Registry, file: &Path, form: Form) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        file: PathBuf,
        same: bool,
        packages: usize,
        differences: Vec<Difference>,
    }
    let lock = Lock::read(file)?;
    let differences = lock.differences(&Lock::of(registry)?);
    let same = differences.is_empty();
    let packages = lock.packages().len();
    form.tell(&Document { file: file.to_owned(), same, packages, differences }, |document| {
        let file = document.file.display();
        match document.same {
            true => format!("{} as locked in {file}\n", counted(document.packages, "package is", "packages are")),
            false => document
                .differences
                .iter()
                .fold(format!("Not as locked in {file}:\n"), |text, difference| text + &format!("  {difference}\n")),
        }
    });
    form.tell_troubles(registry);
    Ok(if same { Exit::Success } else { Exit::Failed })
}

/// Refuses a run whose packages are not those of a lock, now and when their libraries are loaded.
///
/// # Errors
/// When one differs, or the lock cannot be read.
pub(in crate::cli) fn hold(registry: &Registry, file: &Path) -> Result<(), Failure> {
    let lock = Lock::read(file)?;
    let differences = lock.differences(&Lock::of(registry)?);
    if differences.is_empty() {
        for package in registry.packages() {
            lock.packages().get(package.name()).into_iter().for_each(|locked| package.lock_to(&locked.library));
        }
        return Ok(());
    }
    let told = format!("the plugin packages are not as locked in {}", file.display());
    Err(Failure::saying(Exit::Plugin, told)
        .with_details(differences.iter().map(Difference::to_string).collect())
        .with_hint("put the locked packages back, or lock what is here with `aiperf plugins lock`"))
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match &error {
            LockError::None(_) | LockError::Broken { .. } => Self::new(Exit::Usage, &error),
            LockError::Io { .. } => Self::new(Exit::Failed, &error),
        }
    }
}
