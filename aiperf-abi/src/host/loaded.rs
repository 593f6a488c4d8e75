//! A value of a loaded library: what crosses, and where it came from. Each category's trait is implemented for it beside
//! the category's declaration.

use std::fmt;

use serde::de::DeserializeOwned;

use super::calls::{Method, sign_of_life};
use super::origin::Origin;
use crate::author::error::{Error, ErrorKind, Result};
use crate::ffi::back::{Back, Silence};
use crate::ffi::numbers::FfiNumbers;
use crate::ffi::service::{FfiService, Service};

/// A value of a loaded library.
pub struct Loaded<F> {
    pub(crate) ffi: F,
    pub(crate) origin: Origin,
}

impl Loaded<FfiNumbers> {
    /// A method that takes and gives one number.
    pub(crate) fn numbers(&mut self, method: Method, number: u32, argument: u64) -> Result<u64> {
        let mut out = [0];
        self.origin.call(method, || self.ffi.call(number, &[argument], &mut out, &mut Silence))?;
        Ok(out[0])
    }

    /// A method that gives many numbers at once.
    pub(crate) fn fill(&mut self, method: Method, number: u32, out: &mut [u64]) -> Result<()> {
        self.origin.call(method, || self.ffi.call(number, &[], out, &mut Silence))
    }

    /// Refuses a result that makes no sense.
    pub(crate) fn check<T: fmt::Display + Copy>(&self, method: &str, result: T, is_sane: fn(T) -> bool) -> Result<()> {
        match is_sane(result) {
            true => Ok(()),
            false => Err(self
                .origin
                .tell(method, Error::new(ErrorKind::Other, format!("returned {result}, which cannot be")))),
        }
    }
}

impl Loaded<FfiService> {
    /// A method that takes words and gives plain data. It runs on another thread: a library that does not come back is left
    /// behind there, and this value answers with an error from then on.
    pub(crate) fn words<T: DeserializeOwned>(&mut self, method: Method, words: &[u8]) -> Result<T> {
        // A value that panicked too often stays where it is.
        self.origin.check()?;
        let mut ffi = std::mem::replace(&mut self.ffi, FfiService::of(LeftBehind));
        let words = words.to_vec();
        let (ffi, result) = self.origin.call_aside(method, move || {
            let result = ffi.call(method, &words, &mut Silence);
            (ffi, result)
        });
        if let Some(ffi) = ffi {
            self.ffi = ffi;
        }
        self.read(method, &result?)
    }

    /// The same on this thread; while it runs it may ask `back`.
    pub(crate) fn words_here<T: DeserializeOwned>(
        &mut self,
        method: Method,
        words: &[u8],
        back: &mut dyn Back,
    ) -> Result<T> {
        let result = self.origin.call(method, || self.ffi.call(method, words, &mut Alive(back)))?;
        self.read(method, &result)
    }

    fn read<T: DeserializeOwned>(&self, method: &str, result: &[u8]) -> Result<T> {
        serde_json::from_slice(result).map_err(|error| self.origin.tell(method, Error::from(error)))
    }
}

/// Stands where a value was that did not come back.
struct LeftBehind;

impl Service for LeftBehind {
    fn call(&mut self, _: &str, _: &[u8], _: &mut dyn Back) -> Result<Vec<u8>> {
        Err(Error::msg("was left behind before, and is not called any more"))
    }
}

/// Whoever asks is not stuck.
struct Alive<'a>(&'a mut dyn Back);

impl Back for Alive<'_> {
    fn ask(&mut self, question: u32, numbers: &[u64], answer: &mut [u64]) -> usize {
        sign_of_life();
        self.0.ask(question, numbers, answer)
    }

    fn tell(&mut self, question: &str, words: &[u8]) -> Result<Vec<u8>> {
        sign_of_life();
        let told = self.0.tell(question, words);
        sign_of_life();
        told
    }
}
