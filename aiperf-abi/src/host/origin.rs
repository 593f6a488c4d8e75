//! Where a loaded value came from: put before each of its errors, and the count of its panics.

use std::sync::atomic::{AtomicU32, Ordering};

use super::calls::{self, Method};
use crate::author::error::{Error, ErrorKind, Result};
use crate::ffi::values::FfiResult;

/// After so many panics a value is not called again: its state can no longer be trusted, and a benchmark needs one clear
/// error rather than a million.
const PANICS_ALLOWED: u32 = 3;

/// Package, version, category and entry of a value.
pub(crate) struct Origin {
    name: String,
    /// Its calls are written down under this.
    number: u32,
    panics: AtomicU32,
}

impl Origin {
    pub(crate) fn new(package: &str, version: &str, category: &str, entry: &str) -> Self {
        let name = format!("plugin {package} {version}, {category} `{entry}`");
        let number = calls::number_of(&name);
        Self { name, number, panics: AtomicU32::new(0) }
    }

    /// Calls a method, unless the value has panicked too often.
    pub(crate) fn call<T>(&self, method: Method, body: impl FnOnce() -> FfiResult<T>) -> Result<T> {
        self.check()?;
        let result = calls::noted(self.number, method, body);
        result.into_result().map_err(|error| self.tell(method, error.into()))
    }

    /// Calls a method on another thread. What was moved there comes back with the result; it does not where the call was
    /// left behind. Whether the value may be called is to be checked before.
    pub(crate) fn call_aside<V: Send + 'static, T: Send + 'static>(
        &self,
        method: Method,
        body: impl FnOnce() -> (V, FfiResult<T>) + Send + 'static,
    ) -> (Option<V>, Result<T>) {
        match calls::aside(self.number, method, body) {
            Ok((value, result)) => (Some(value), result.into_result().map_err(|error| self.tell(method, error.into()))),
            Err(error) => (None, Err(self.tell(method, error))),
        }
    }

    /// # Errors
    /// When the value is not to be called any more: always the same words, so that they are counted as one.
    pub(crate) fn check(&self) -> Result<()> {
        if self.panics.load(Ordering::Relaxed) < PANICS_ALLOWED {
            return Ok(());
        }
        let words = format!("{} panicked {PANICS_ALLOWED} times and is not called any more", self.name);
        Err(Error::new(ErrorKind::Panic, words))
    }

    /// The error of a method, with its origin; a panic is counted.
    pub(crate) fn tell(&self, method: &str, error: Error) -> Error {
        if error.kind() == ErrorKind::Panic {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
        error.context(format!("{}, {method}", self.name))
    }
}
